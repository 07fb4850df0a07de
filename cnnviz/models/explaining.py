"""One value of a layer as the command line gives it: the tape of numbers that it was added up from, or JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core import formats
from cnnviz.core.convolution import KernelStep
from cnnviz.core.errors import UserError
from cnnviz.core.explain import Explanation, explain
from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.core.operations import TOLERANCE, Convolution, Dense, Source, TransposedConvolution, largest

Array = npt.NDArray[Any]
MOST = 8  # channels, or sources, that are printed in full
WIDE = 110  # characters that window and kernel may take side by side
_EVERY = 2**31  # more sources than a value has


def explain_value(
    loaded: LoadedModel, inspection: Inspection, layer: str, unit: int, cell: tuple[int, int] | None
) -> Explanation:
    """Write one value out.

    Parameters
    ----------
    loaded, inspection
        The network, and its run on a picture.
    layer, unit, cell
        The value; a vector needs no (row, column).

    Raises
    ------
    UserError
        When there is no such value, or it is not known how the layer computes.
    """
    graph = loaded.graph
    node = graph.by_name.get(layer)
    if node is not None and not node.is_map and cell not in (None, (0, 0)):
        raise UserError(f"'{layer}' is a vector, whose values have no row and column.", suggestion="Leave --at out.")
    with np.errstate(all="ignore"):  # infinities are shown as they are
        found = explain(graph, layer, inspection.values, loaded.weights, unit, cell)
    if cell is None and found.node.is_map:
        _, rows, columns = found.operation.output_shape
        raise UserError(
            f"The maps of '{layer}' have {rows} × {columns} values.", suggestion="Say which one with --at ROW,COL."
        )
    return found


@np.errstate(all="ignore")
def as_json(found: Explanation) -> dict[str, Any]:
    """Return a value with everything that it was made of; what JSON cannot write (NaN, infinities) is ``None``."""
    unit, row, col = found.place
    check = found.check
    answer: dict[str, Any] = {
        "layer": found.node.name,
        "unit": unit,
        "at": [row, col] if found.node.is_map else None,
        "total": check.total,
        "torch": check.torch,
        "scale": check.scale,
        "agrees": check.agrees,
    }
    if isinstance(found.operation, Convolution):
        step = found.operation.step(*found.place)
        answer["bias"] = step.bias
        answer["channels"] = [
            {
                "channel": step.first_channel + n,
                "window": step.window[n].tolist(),
                "kernel": step.weights[n].tolist(),
                "subtotal": float(step.subtotals[n]),
            }
            for n in range(len(step.window))
        ]
    else:
        answer["op"] = found.node.op
        bias = _bias(found)
        if bias is not None:
            answer["bias"] = bias
        answer["sources"] = [
            {
                "layer": found.node.inputs[source.index],
                "unit": source.unit,
                "row": source.row,
                "col": source.col,
                "amount": source.amount,
            }
            for source in found.sources(_EVERY)
        ]
    finite = _finite(answer)
    assert isinstance(finite, dict)
    return finite


@np.errstate(all="ignore")
def as_text(found: Explanation, *, everything: bool = False) -> str:
    """Return a value with what it was made of, for people.

    Parameters
    ----------
    found
        The value.
    everything
        Leave nothing out; otherwise the `MOST` largest channels or sources are printed.
    """
    unit, row, col = found.place
    where = f"unit {unit}, row {row}, column {col}" if found.node.is_map else f"unit {unit}"
    lines = [f"{found.node.name} ({found.node.op}): {where}, counted from 0", ""]
    if isinstance(found.operation, Convolution):
        lines += _convolution(found, found.operation.step(*found.place), everything)
    else:
        lines += _sources(found, everything)
    return "\n".join([*lines, *_verdict(found)])


def _finite(value: Any) -> Any:
    """Return nested lists and dictionaries with ``None`` for every number that is not finite."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _bias(found: Explanation) -> float | None:
    """Return what a layer adds by itself, for those that have it beside their sources."""
    operation = found.operation
    if not isinstance(operation, Dense | TransposedConvolution):
        return None
    return 0.0 if operation.bias is None else float(operation.bias[found.place[0]])


def _convolution(found: Explanation, step: KernelStep, everything: bool) -> list[str]:
    count = len(step.subtotals)
    shown = sorted(int(n) for n in largest(step.subtotals, count if everything else MOST))
    windows, kernels = _column(step.window[shown]), _column(step.weights[shown])
    mask = np.broadcast_to(step.padding_mask, step.window[shown].shape)
    if mask.any():
        windows = [f"({text})" if out else f"{text} " for text, out in zip(windows, mask.flat, strict=True)]
    windows = _padded(windows)
    kernels = _padded(kernels)
    amounts = _padded(_column(np.array([*step.subtotals[shown], _rest(step, shown)])))
    height, width = step.padding_mask.shape
    layer = found.node.inputs[0]
    lines: list[str] = []
    for place, n in enumerate(shown):
        start = place * height * width
        rows = [slice(start + i * width, start + (i + 1) * width) for i in range(height)]
        lines.append(f"channel {step.first_channel + n} of {layer}, subtotal {amounts[place].strip()}")
        lines += _beside([" ".join(windows[r]) for r in rows], [" ".join(kernels[r]) for r in rows])
        lines.append("")
    if mask.any():
        lines.append("Values in brackets are padding.")
    if len(shown) < count:
        lines.append(
            f"These are the {len(shown)} channels with the largest subtotals of {count:,}; the others, together"
            f" {amounts[-1].strip()}, are in --json, and --all prints them."
        )
    if lines[-1]:
        lines.append("")
    return [*lines, *_labelled([("channels", float(step.subtotals.sum())), ("bias", step.bias)])]


def _rest(step: KernelStep, shown: list[int]) -> float:
    """Return what the other channels add up to."""
    return float(np.delete(step.subtotals, shown).sum())


def _beside(windows: list[str], kernels: list[str]) -> list[str]:
    """Return window and kernel side by side, or below each other where they are wide."""
    if len(windows[0]) + len(kernels[0]) + 7 <= WIDE:
        pairs = zip(("window", *windows), ("kernel", *kernels), strict=True)
        return [f"  {left:<{len(windows[0])}}  {'×' if n else ' '}  {right}" for n, (left, right) in enumerate(pairs)]
    return ["  window", *(f"  {row.rstrip()}" for row in windows), "  kernel", *(f"  {row}" for row in kernels)]


def _sources(found: Explanation, everything: bool) -> list[str]:
    sources = found.sources(_EVERY)
    shown = sources if everything else sources[:MOST]
    lines = ["It was made of:"] if sources else ["It was made of no value of another layer."]
    names = [_place(found, source) for source in shown]
    width = max(map(len, names), default=0)
    amounts = _padded(_column(np.array([source.amount for source in shown])))
    lines += [f"  {name:<{width}}  {amount}" for name, amount in zip(names, amounts, strict=True)]
    if len(shown) < len(sources):
        lines.append(
            f"These are the {len(shown)} largest of {len(sources):,}; the others are in --json, and --all prints them."
        )
    lines.append("")
    bias = _bias(found)
    return lines if bias is None else [*lines, *_labelled([("bias", bias)])]


def _place(found: Explanation, source: Source) -> str:
    """Return where a source stands, in words."""
    name = found.node.inputs[source.index]
    shapes = found.node.input_shapes
    vector = len(shapes) > source.index and len(shapes[source.index]) == 1
    place = f"{name} unit {source.unit}"
    return place if vector else f"{place}, row {source.row}, column {source.col}"


def _verdict(found: Explanation) -> list[str]:
    check = found.check
    magnitudes = _short(check.scale).strip()
    lines = _labelled([("total", check.total), ("PyTorch", check.torch)])
    lines += [
        f"{'difference':<12}{_short(check.difference)}",
        f"{'allowed':<12}{_short(check.allowed)} = {TOLERANCE:g} × {magnitudes}, the sum of the magnitudes",
        "",
    ]
    if check.agrees:
        return [*lines, "They agree: rounding in single precision explains the difference."]
    return [*lines, "They do NOT agree: the difference is more than rounding in single precision explains."]


def _labelled(rows: Iterable[tuple[str, float]]) -> list[str]:
    """Return sums with as many digits as single precision has, and some more."""
    return [
        f"{name:<12}{value: .10f}" if 1e-4 <= abs(value) < 1e6 or value == 0 else f"{name:<12}{value: .9e}"
        for name, value in rows
    ]


def _short(value: float) -> str:
    return f"{value: .3e}" if math.isfinite(value) else f" {value}"


def _column(values: Array) -> list[str]:
    """Return numbers with as many decimals as the largest needs for five digits; a minus that every terminal has."""
    magnitude = np.abs(values[np.isfinite(values)])
    decimals = formats.decimals_for((float(magnitude.max(initial=0)), 0.5), 5)
    return [formats.fixed(float(value), decimals).replace("−", "-") for value in values.flat]


def _padded(texts: list[str]) -> list[str]:
    """Return texts moved to the right, so that they are as wide as the widest."""
    width = max(map(len, texts), default=0)
    return [text.rjust(width) for text in texts]
