"""One step of one weight, written out: what each optimiser computes, in numbers. Imports no torch.

The rules are those that torch documents for its optimisers. D. Kingma, J. Ba, "Adam", 2015; I. Loshchilov, F. Hutter,
"Decoupled Weight Decay Regularization", 2019; M. Zeiler, "ADADELTA", 2012; G. Hinton, lecture 6e (RMSprop).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class WeightStep:
    """What a step of the optimiser did to one weight.

    Attributes
    ----------
    name, index
        The parameter's name, and where in it the weight is.
    step
        How many steps the run had done after it.
    optimiser
        As `TrainConfig.optimiser` names them.
    settings
        The optimiser's own numbers at this step: ``lr``, ``weight_decay``, ``momentum``, ``betas`` as ``beta1`` and
        ``beta2``, ``eps``, ``rho``, ``alpha``, ``nesterov`` as 0 or 1; those that it has.
    gradient, clipped
        ∂ loss / ∂ weight, before and after the gradient was shortened.
    before, after
        The weight.
    memory, remembered
        What the optimiser kept for this weight before and after the step: ``momentum_buffer``, ``exp_avg``,
        ``exp_avg_sq``, ``square_avg``, ``acc_delta``; ``step`` counts from 1 after the first.
    """

    name: str
    index: tuple[int, ...]
    step: int
    optimiser: str
    settings: Mapping[str, float]
    gradient: float
    clipped: float
    before: float
    after: float
    memory: Mapping[str, float]
    remembered: Mapping[str, float]


@dataclass(frozen=True)
class Line:
    """One line of the arithmetic.

    Attributes
    ----------
    label
        What it is, in a word or two.
    formula
        The rule in symbols.
    numbers
        The rule with its numbers.
    value
        What comes out.
    """

    label: str
    formula: str
    numbers: str
    value: float


def written_out(step: WeightStep) -> tuple[Line, ...]:
    """Return the arithmetic of a step, line by line; the last line's value is the new weight."""
    lines = [Line("gradient", "g = ∂L/∂w", "from the backward pass", step.gradient)]
    if step.clipped != step.gradient and not math.isnan(step.gradient):
        lines.append(Line("clipped", "g ← g · c/‖g‖", f"{_n(step.gradient)} shortened", step.clipped))
    rules: Mapping[str, Callable[[WeightStep], list[Line]]] = {
        "sgd": _sgd, "adam": _adam, "adamw": _adamw, "adadelta": _adadelta, "rmsprop": _rmsprop,
    }  # fmt: skip
    return (*lines, *rules[step.optimiser](step))


def _decayed(step: WeightStep) -> tuple[list[Line], float]:
    """Return the gradient with the decay in it, which all but AdamW use."""
    decay = step.settings.get("weight_decay", 0.0)
    if not decay:
        return [], step.clipped
    value = step.clipped + decay * step.before
    numbers = f"{_n(step.clipped)} + {_n(decay)} · {_n(step.before)}"
    return [Line("decay", "d = g + λ·w", numbers, value)], value


def _sgd(step: WeightStep) -> list[Line]:
    lines, d = _decayed(step)
    rate, momentum = step.settings["lr"], step.settings.get("momentum", 0.0)
    move, name = d, "d" if lines else "g"
    if momentum:
        old = step.memory.get("momentum_buffer")
        value = d if old is None else momentum * old + d
        numbers = f"{_n(d)} (the first step)" if old is None else f"{_n(momentum)} · {_n(old)} + {_n(d)}"
        lines.append(Line("momentum", f"v ← μ·v + {name}", numbers, value))
        move, shown = value, "v"
        if step.settings.get("nesterov"):
            move = d + momentum * value
            lines.append(Line("Nesterov", f"n = {name} + μ·v", f"{_n(d)} + {_n(momentum)} · {_n(value)}", move))
            shown = "n"
        name = shown
    return [*lines, _new(step.before, rate, move, name)]


def _adam(step: WeightStep) -> list[Line]:
    lines, d = _decayed(step)
    return [*lines, *_moments(step, d, "d" if lines else "g", step.before)]


def _adamw(step: WeightStep) -> list[Line]:
    rate, decay = step.settings["lr"], step.settings.get("weight_decay", 0.0)
    weight, lines = step.before, []
    if decay:
        weight = step.before * (1 - rate * decay)
        numbers = f"{_n(step.before)} − {_n(rate)} · {_n(decay)} · {_n(step.before)}"
        lines.append(Line("decay", "w ← w − η·λ·w", numbers, weight))
    return [*lines, *_moments(step, step.clipped, "g", weight)]


def _moments(step: WeightStep, d: float, name: str, weight: float) -> list[Line]:
    rate, b1, b2, eps = (step.settings[key] for key in ("lr", "beta1", "beta2", "eps"))
    count = step.memory.get("step", 0.0) + 1
    m0, v0 = step.memory.get("exp_avg", 0.0), step.memory.get("exp_avg_sq", 0.0)
    m, v = b1 * m0 + (1 - b1) * d, b2 * v0 + (1 - b2) * d * d
    m_hat, v_hat = m / (1 - b1**count), v / (1 - b2**count)
    move = m_hat / (math.sqrt(v_hat) + eps)
    return [
        Line("mean", f"m ← β₁·m + (1 − β₁)·{name}", f"{_n(b1)} · {_n(m0)} + {_n(1 - b1)} · {_n(d)}", m),
        Line("square", f"v ← β₂·v + (1 − β₂)·{name}²", f"{_n(b2)} · {_n(v0)} + {_n(1 - b2)} · {_n(d)}²", v),
        Line("corrected", "m̂ = m / (1 − β₁ᵗ)", f"{_n(m)} / (1 − {_n(b1)}^{count:.0f})", m_hat),
        Line("corrected", "v̂ = v / (1 − β₂ᵗ)", f"{_n(v)} / (1 − {_n(b2)}^{count:.0f})", v_hat),
        Line("direction", "s = m̂ / (√v̂ + ε)", f"{_n(m_hat)} / (√{_n(v_hat)} + {_n(eps)})", move),
        _new(weight, rate, move, "s"),
    ]


def _adadelta(step: WeightStep) -> list[Line]:
    lines, d = _decayed(step)
    name = "d" if lines else "g"
    rate, rho, eps = (step.settings[key] for key in ("lr", "rho", "eps"))
    s0, u0 = step.memory.get("square_avg", 0.0), step.memory.get("acc_delta", 0.0)
    s = rho * s0 + (1 - rho) * d * d
    move = math.sqrt(u0 + eps) / math.sqrt(s + eps) * d
    return [
        *lines,
        Line("square", f"s ← ρ·s + (1 − ρ)·{name}²", f"{_n(rho)} · {_n(s0)} + {_n(1 - rho)} · {_n(d)}²", s),
        Line("direction", f"Δ = √(u + ε) / √(s + ε) · {name}",
             f"√({_n(u0)} + {_n(eps)}) / √({_n(s)} + {_n(eps)}) · {_n(d)}", move),
        _new(step.before, rate, move, "Δ"),
    ]  # fmt: skip


def _rmsprop(step: WeightStep) -> list[Line]:
    lines, d = _decayed(step)
    name = "d" if lines else "g"
    rate, alpha, eps = (step.settings[key] for key in ("lr", "alpha", "eps"))
    momentum = step.settings.get("momentum", 0.0)
    s0 = step.memory.get("square_avg", 0.0)
    s = alpha * s0 + (1 - alpha) * d * d
    move = d / (math.sqrt(s) + eps)
    lines += [
        Line("square", f"s ← α·s + (1 − α)·{name}²", f"{_n(alpha)} · {_n(s0)} + {_n(1 - alpha)} · {_n(d)}²", s),
        Line("direction", f"r = {name} / (√s + ε)", f"{_n(d)} / (√{_n(s)} + {_n(eps)})", move),
    ]
    if momentum:
        old = step.memory.get("momentum_buffer", 0.0)
        scaled, move = move, momentum * old + move
        lines.append(Line("momentum", "v ← μ·v + r", f"{_n(momentum)} · {_n(old)} + {_n(scaled)}", move))
    return [*lines, _new(step.before, rate, move, "v" if momentum else "r")]


def _new(weight: float, rate: float, move: float, name: str) -> Line:
    return Line("new weight", f"w ← w − η·{name}", f"{_n(weight)} − {_n(rate)} · {_n(move)}", weight - rate * move)


def _n(value: float) -> str:
    """Return a number in few digits, with brackets where it is negative and stands within a sum."""
    text = f"{value:.5g}".replace("-", "−")
    return f"({text})" if value < 0 else text
