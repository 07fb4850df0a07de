"""Activation functions and their derivatives, in float64, on any number: no overflow, no warning, NaN stays NaN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
Call = Callable[[Float64Array, float], Float64Array]
SATURATED = 0.01
"""A value is saturated where the slope is below this part of the function's largest."""


@dataclass(frozen=True)
class Function:
    """An activation function.

    Attributes
    ----------
    name, title
        Key in the table, and words.
    tex, derivative_tex
        Both as LaTeX.
    call, derivative
        Of values and the parameter.
    steepest
        Largest slope, for the share of saturated values; of those with a parameter, where this is at most 1.
    parameter, default, range
        Name of the parameter or ``None``, its usual value, and its ends, ``None`` for none.
    """

    name: str
    title: str
    tex: str
    derivative_tex: str
    call: Call
    derivative: Call
    steepest: float = 1.0
    parameter: str | None = None
    default: float = 0.0
    range: tuple[float | None, float | None] = (None, None)


def _sigmoid(x: Float64Array, a: float = 0.0) -> Float64Array:
    e = np.exp(-np.abs(x))  # never above 1
    return np.asarray(np.where(x >= 0, 1, e) / (1 + e), np.float64)


def _sigmoid_slope(x: Float64Array, a: float = 0.0) -> Float64Array:
    e = np.exp(-np.abs(x))
    return np.asarray(e / (1 + e) ** 2, np.float64)


def _softplus(x: Float64Array, a: float = 0.0) -> Float64Array:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), np.float64)


def _erf(x: Float64Array) -> Float64Array:
    """Return the error function to 1e-12.

    Its Taylor series with all terms positive, erf x = 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!, for |x| < 3; the
    continued fraction of erfc beyond, and ±1 from 6 on (Abramowitz and Stegun, 7.1.6 and 7.1.14).
    """
    magnitude = np.minimum(np.abs(x), 6.0)
    small = np.minimum(magnitude, 3.0)
    square, term = 2 * small * small, small.copy()
    total = small.copy()
    for n in range(1, 60):
        term = term * square / (2 * n + 1)
        total = total + term
    series = 2 / np.sqrt(np.pi) * np.exp(-small * small) * total
    large = np.maximum(magnitude, 3.0)
    fraction = large.copy()
    for n in range(60, 0, -1):
        fraction = large + n / 2 / fraction
    tail = 1 - np.exp(-large * large) / (np.sqrt(np.pi) * fraction)
    return np.asarray(np.sign(x) * np.where(magnitude < 3, series, tail), np.float64)


def _gauss(x: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return the standard normal distribution and its density."""
    bounded = np.clip(x, -40, 40)
    return 0.5 * (1 + _erf(bounded / np.sqrt(2))), np.exp(-bounded * bounded / 2) / np.sqrt(2 * np.pi)


def _times(x: Float64Array, share: Float64Array) -> Float64Array:
    """Return x · share, where a share of 0 wins over an infinite x."""
    return np.asarray(_keep_nan(x, np.where(share == 0, 0.0, x) * share), np.float64)


def _leaky(x: Float64Array, a: float) -> Float64Array:
    with np.errstate(over="ignore"):  # a slope above 1 may take the largest numbers to infinity
        return _times(x, np.where(x > 0, 1.0, a))


def _leaky_slope(x: Float64Array, a: float) -> Float64Array:
    return _keep_nan(x, np.where(x > 0, 1.0, a))


def _gelu(x: Float64Array, a: float) -> Float64Array:
    return _times(x, _gauss(x)[0])


def _gelu_slope(x: Float64Array, a: float) -> Float64Array:
    share, density = _gauss(x)
    return share + _times(np.clip(x, -40, 40), density)


def _silu(x: Float64Array, a: float) -> Float64Array:
    return _times(x, _sigmoid(x))


def _silu_slope(x: Float64Array, a: float) -> Float64Array:
    s = _sigmoid(x)
    return s + _times(np.clip(x, -800, 800), _sigmoid_slope(x))


def _mish(x: Float64Array, a: float) -> Float64Array:
    return _times(x, np.tanh(_softplus(x)))


def _mish_slope(x: Float64Array, a: float) -> Float64Array:
    t = np.tanh(_softplus(x))
    return t + _times(np.clip(x, -800, 800), (1 - t * t) * _sigmoid(x))


def _keep_nan(x: Float64Array, y: Any) -> Float64Array:
    return np.where(np.isnan(x), x, y)


def _square(x: Float64Array) -> Float64Array:
    """Return x², bounded so that nothing overflows."""
    return np.clip(x, -1e150, 1e150) ** 2


def _tanh_slope(x: Float64Array, a: float = 0.0) -> Float64Array:
    return 1 - np.tanh(x) ** 2


_TABLE = (
    Function("identity", "identity", "x", "1", lambda x, a: x + 0.0, lambda x, a: _keep_nan(x, 1.0)),
    Function(
        "step", "binary step", r"[x \geq 0]", "0",
        lambda x, a: _keep_nan(x, x >= 0), lambda x, a: _keep_nan(x, 0.0), steepest=0.0,
    ),
    Function(
        "sigmoid", "sigmoid (logistic)", r"\frac{1}{1+e^{-x}}", r"f(x)\,(1-f(x))", _sigmoid, _sigmoid_slope, 0.25
    ),
    Function("tanh", "tanh", r"\tanh x", r"1-\tanh^2 x", lambda x, a: np.tanh(x), _tanh_slope),
    Function(
        "arctan", "arctan", r"\arctan x", r"\frac{1}{1+x^2}",
        lambda x, a: np.arctan(x), lambda x, a: _keep_nan(x, 1 / (1 + _square(x))),
    ),
    Function(
        "relu", "ReLU", r"\max(0,x)", r"[x > 0]",
        lambda x, a: _keep_nan(x, np.maximum(x, 0)), lambda x, a: _keep_nan(x, x > 0),
    ),
    Function(
        "leaky_relu", "leaky ReLU", r"\max(0,x)+a\min(0,x)", r"1 \text{ or } a",
        _leaky, _leaky_slope,
        parameter="a", default=0.01, range=(0.0, 1.0),
    ),
    Function(
        "prelu", "parametric ReLU", r"\max(0,x)+a\min(0,x)", r"1 \text{ or } a",
        _leaky, _leaky_slope,
        parameter="a", default=0.25, range=(-10.0, 10.0),
    ),
    Function(
        "elu", "ELU", r"x \text{ or } a(e^x-1)", r"1 \text{ or } a\,e^x",
        lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))),
        lambda x, a: _keep_nan(x, np.where(x > 0, 1.0, a * np.exp(np.minimum(x, 0)))),
        parameter="a", default=1.0, range=(0.0, 10.0),
    ),
    Function("softplus", "SoftPlus", r"\ln(1+e^x)", r"\frac{1}{1+e^{-x}}", _softplus, _sigmoid),
    Function("gelu", "GELU", r"x\,\Phi(x)", r"\Phi(x)+x\,\varphi(x)", _gelu, _gelu_slope, 1.129),
    Function("silu", "SiLU (swish)", r"\frac{x}{1+e^{-x}}", r"\sigma(x)(1+x(1-\sigma(x)))", _silu, _silu_slope, 1.0998),
    Function(
        "scaled_tanh", "scaled tanh (LeCun 1998)", r"1.7159\tanh\frac{2x}{3}", r"1.1439\,(1-\tanh^2\frac{2x}{3})",
        lambda x, a: 1.7159 * np.tanh(x * (2 / 3)), lambda x, a: 1.7159 * 2 / 3 * (1 - np.tanh(x * (2 / 3)) ** 2),
        1.7159 * 2 / 3,
    ),
    Function(
        "relu6", "ReLU6", r"\min(6,\max(0,x))", r"[0 < x < 6]",
        lambda x, a: np.clip(x, 0, 6), lambda x, a: _keep_nan(x, (x > 0) & (x < 6)),
    ),
    Function(
        "hardtanh", "hard tanh", r"\min(1,\max(-1,x))", r"[-1 < x < 1]",
        lambda x, a: np.clip(x, -1, 1), lambda x, a: _keep_nan(x, (x > -1) & (x < 1)),
    ),
    Function(
        "hardswish", "hard swish",
        r"x\,\min(1,\max(0,\frac{x}{6}+\frac{1}{2}))", r"\frac{x}{3}+\frac{1}{2}\text{ in } (-3,3)",
        lambda x, a: np.where(x <= -3, 0.0, np.where(x >= 3, x, np.clip(x, -3, 3) * (np.clip(x, -3, 3) + 3) / 6)),
        lambda x, a: np.where(x <= -3, 0.0, np.where(x >= 3, 1.0, np.clip(x, -3, 3) / 3 + 0.5)), 1.5,
    ),
    Function(
        "hardsigmoid", "hard sigmoid", r"\min(1,\max(0,\frac{x}{6}+\frac{1}{2}))", r"\frac{1}{6}\,[-3<x<3]",
        lambda x, a: np.clip(np.clip(x, -3, 3) / 6 + 0.5, 0, 1),
        lambda x, a: _keep_nan(x, ((x > -3) & (x < 3)) / 6), 1 / 6,
    ),
    Function(
        "mish", "Mish", r"x\tanh(\ln(1+e^x))", r"\tanh s+x\,\sigma(x)\,(1-\tanh^2 s),\; s=\ln(1+e^x)",
        _mish, _mish_slope, 1.08849946),
)  # fmt: skip
FUNCTIONS: dict[str, Function] = {function.name: function for function in _TABLE}


def share_dead(values_chw: npt.NDArray[Any]) -> float:
    """Return the share of units, maps or elements, that are 0 everywhere; a lone map counts cell by cell."""
    flat = values_chw.reshape(len(values_chw), -1) if len(values_chw) > 1 else values_chw.reshape(-1, 1)
    return float((~flat.any(axis=1)).mean()) if flat.size else 0.0


def share_saturated(function: Function, x: npt.NDArray[Any], parameter: float) -> float:
    """Return the share of values at which the slope is below `SATURATED` of the function's largest.

    Where there is no slope at all, such as everywhere on the binary step, a value is saturated too; NaN is not. The
    parameter counts only for a function that has one.
    """
    if not x.size:
        return 0.0
    slopes = np.abs(function.derivative(x.astype(np.float64), parameter))
    steepest = function.steepest if function.parameter is None else max(function.steepest, abs(parameter))
    return float(((slopes < SATURATED * steepest) | (slopes == 0)).mean())
