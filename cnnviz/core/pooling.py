"""Pooling as PyTorch computes it: maximum, mean and p-norm, one window at a time. All arithmetic is float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from cnnviz.core.convolution import int_pair
from cnnviz.core.errors import UserError

PoolKind = Literal["max", "mean", "lp"]
POOL_KINDS: tuple[PoolKind, ...] = get_args(PoolKind)
Pair = tuple[int, int]
Array = npt.NDArray[Any]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, init=False)
class PoolSpec:
    """How a pooling window slides, and what it makes of its values.

    Attributes
    ----------
    kind
        ``max``; ``mean``; ``lp``, the p-norm of the window.
    kernel, stride, padding, dilation
        (down, across); the padding is the same on opposite sides.
    ceil_mode
        The output size is rounded up: a last window may reach beyond the padded input.
    count_include_pad
        A mean divides by the padding's cells too.
    p
        Exponent of the p-norm.
    averaged
        The p-norm divides the sum by the window's size before the root (the lecture's formula); PyTorch's does not.
    """

    kind: PoolKind
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    ceil_mode: bool
    count_include_pad: bool
    p: float
    averaged: bool

    def __init__(
        self,
        kind: str,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        p: float = 2.0,
        averaged: bool = False,
    ) -> None:
        """Check and complete the numbers.

        Parameters
        ----------
        kernel, padding, dilation
            One number for both axes, or (down, across).
        stride
            The same; ``None``: as large as the kernel, so that windows touch.
        kind, ceil_mode, count_include_pad, p, averaged
            See the class.

        Raises
        ------
        UserError
            When a number is out of its range, the padding is more than half a window, or the kind does not know what is
            asked of it: only max pooling is dilated, and p-norm pooling has no padding.
        """
        if kind not in POOL_KINDS:
            raise UserError(f"There is no pooling '{kind}'.", suggestion=f"Known: {', '.join(POOL_KINDS)}.")
        sizes = {"kernel": int_pair("window size", kernel, 1)}
        sizes["stride"] = sizes["kernel"] if stride is None else int_pair("stride", stride, 1)
        sizes["padding"] = int_pair("padding", padding, 0)
        sizes["dilation"] = int_pair("dilation", dilation, 1)
        for size, pad in zip(sizes["kernel"], sizes["padding"], strict=True):
            if pad > size // 2:  # torch's own bound, also of a dilated window
                raise UserError(f"Padding of {pad} is more than half of a window of {size}.")
        if kind != "max" and sizes["dilation"] != (1, 1):
            raise UserError("Only max pooling can be dilated.")
        if kind == "lp" and sizes["padding"] != (0, 0):
            raise UserError("p-norm pooling has no padding.")
        if not p > 0:
            raise UserError(f"The p-norm's exponent is {p:g}; it must be above 0.")
        switches = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad, "p": p, "averaged": averaged}
        for name, value in {"kind": kind, **sizes, **switches}.items():
            object.__setattr__(self, name, value)

    def output_shape(self, height: int, width: int) -> Pair:
        """Return (rows, columns) of the output for an input of this size; errors as `pool_output_size`."""
        rows, columns = (
            pool_output_size(n, k, s, p, d, ceil_mode=self.ceil_mode)
            for n, k, s, p, d in zip(
                (height, width), self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return rows, columns


def pool_output_size(
    n: int, kernel: int, stride: int | None = None, padding: int = 0, dilation: int = 1, *, ceil_mode: bool = False
) -> int:
    """Return the output's length along one axis.

    ``floor((N + 2P − D(M − 1) − 1) / S) + 1``, or rounded up in `ceil_mode`; then, as in PyTorch, a last window that
    would start beyond the input and its padding before it is left out.

    Parameters
    ----------
    n
        Length of the input, N.
    kernel, stride, padding, dilation
        M, S (``None``: M), P at both ends, and D.
    ceil_mode
        Round up.

    Raises
    ------
    UserError
        When the window is larger than the padded input.
    """
    step = kernel if stride is None else stride
    room = n + 2 * padding - dilation * (kernel - 1) - 1
    size = (-(-room // step) if ceil_mode else room // step) + 1
    if n < 1 or size < 1:
        raise UserError(
            f"The window spans {dilation * (kernel - 1) + 1} values, but the padded input has only {n + 2 * padding}.",
            suggestion="Use a smaller window.",
        )
    return size - 1 if ceil_mode and (size - 1) * step >= n + padding else size


@dataclass(frozen=True, init=False)
class AdaptiveSpec:
    """Pooling to an output of a given size, whatever the input's: the windows are as even as whole cells allow.

    Attributes
    ----------
    kind
        ``max`` or ``mean``.
    output
        (rows, columns); ``None`` for as many as the input has. One cell is global pooling.
    """

    kind: PoolKind
    output: tuple[int | None, int | None]

    def __init__(self, kind: str, output: int | Sequence[int | None]) -> None:
        """Check and complete the numbers.

        Raises
        ------
        UserError
            When the kind is another one, or the output has no cells.
        """
        if kind not in ("max", "mean"):
            raise UserError(f"There is no adaptive pooling '{kind}'.", suggestion="Known: max, mean.")
        sides = (output, output) if isinstance(output, int) else tuple(output)
        if len(sides) != 2 or any(side is not None and side < 1 for side in sides):
            raise UserError(f"The output size is {output}; it must be at least 1 on both axes.")
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "output", sides)

    def output_shape(self, height: int, width: int) -> Pair:
        """Return (rows, columns) of the output for an input of this size."""
        if min(height, width) < 1:
            raise UserError("There is nothing to pool: the maps have no values.")
        down, across = self.output
        return down or height, across or width


def pool_window(
    spec: PoolSpec | AdaptiveSpec, height: int, width: int, row: int, col: int
) -> tuple[IntArray, IntArray]:
    """Return the input rows and columns of one window; those in the padding lie outside of the input."""
    if isinstance(spec, AdaptiveSpec):
        rows, columns = spec.output_shape(height, width)
        return _span(row, rows, height), _span(col, columns, width)
    top, left = row * spec.stride[0] - spec.padding[0], col * spec.stride[1] - spec.padding[1]
    return top + spec.dilation[0] * np.arange(spec.kernel[0]), left + spec.dilation[1] * np.arange(spec.kernel[1])


def _span(index: int, count: int, n: int) -> IntArray:
    """Return the values of one of `count` windows over `n` values: from floor(i·n/m) to ceil((i+1)·n/m)."""
    return np.arange(index * n // count, -(-(index + 1) * n // count))


@dataclass(frozen=True, eq=False)
class PoolStep:
    """One position of the window, with every number in it.

    Attributes
    ----------
    channel, row, col
        Which output value this is.
    top, left
        The window's corner in the input; negative in the padding.
    window
        float64 (kh, kw); 0 outside of the input.
    inside
        bool (kh, kw): cells that lie in the input.
    chosen
        bool (kh, kw): the cells that make the value: the first largest in row-major order for a maximum, all inside for
        the others.
    divisor
        What a mean, or an averaged p-norm, divides its sum by; 1 for the others.
    value
        The output.
    """

    channel: int
    row: int
    col: int
    top: int
    left: int
    window: Float64Array
    inside: BoolArray
    chosen: BoolArray
    divisor: float
    value: float


def pool_step(x: Array, spec: PoolSpec | AdaptiveSpec, channel: int, row: int, col: int) -> PoolStep:
    """Return one step of the window.

    Parameters
    ----------
    x
        The layer's input, (C, H, W) or a single map (H, W), which is channel 0.
    spec
        How the window slides.
    channel, row, col
        The output value.

    Raises
    ------
    UserError
        When the window does not fit.
    IndexError
        When there is no such output value.
    """
    x_chw = _as_chw(x)
    rows, columns = spec.output_shape(*x_chw.shape[1:])
    if not (0 <= channel < len(x_chw) and 0 <= row < rows and 0 <= col < columns):
        raise IndexError(f"no output ({channel}, {row}, {col}) in {len(x_chw)} × {rows} × {columns}")
    height, width = x_chw.shape[1:]
    in_rows, in_columns = pool_window(spec, height, width, row, col)
    top, left = int(in_rows[0]), int(in_columns[0])
    good_rows, good_columns = (in_rows >= 0) & (in_rows < height), (in_columns >= 0) & (in_columns < width)
    inside = good_rows[:, None] & good_columns  # (kh, kw)
    window = np.zeros(inside.shape)
    window[inside] = x_chw[channel][np.ix_(in_rows[good_rows], in_columns[good_columns])].ravel()
    chosen, divisor = inside, 1.0
    if spec.kind == "max":
        value = float(window[inside].max(initial=-np.inf))  # a dilated window may miss the input altogether
        chosen = np.zeros(inside.shape, np.bool_)
        if inside.any():
            chosen.flat[np.flatnonzero(inside)[np.argmax(window[inside])]] = True
    elif isinstance(spec, AdaptiveSpec):
        divisor = float(window.size)
        value = float(window.mean())
    else:
        divisor = float(_counts(spec, height, 0)[row] * _counts(spec, width, 1)[col])
        with np.errstate(invalid="ignore"):
            total = window[inside].sum() if spec.kind == "mean" else (window[inside] ** spec.p).sum()
        value = float(_finish(np.asarray(total), np.asarray(divisor), spec))
        divisor = divisor if spec.kind == "mean" or spec.averaged else 1.0
    return PoolStep(channel, row, col, top, left, window, inside, chosen, divisor, value)


def _as_chw(x: Array) -> Array:
    """Return a map as a stack of one; refuse anything that is no stack of maps."""
    x_chw = x[None] if x.ndim == 2 else x
    if x_chw.ndim != 3 or x_chw.shape[0] == 0:
        raise UserError(f"Pooling needs maps (C, H, W) or one map (H, W); this has shape {x.shape}.")
    return x_chw


def _counts(spec: PoolSpec, n: int, axis: int) -> Float64Array:
    """Return how many cells of each window count along one axis.

    PyTorch cuts windows off at the end of the padding, and without `count_include_pad` at the input itself.
    """
    padding = spec.padding[axis]
    size = pool_output_size(n, spec.kernel[axis], spec.stride[axis], padding, ceil_mode=spec.ceil_mode)
    start = np.arange(size) * spec.stride[axis] - padding
    end = np.minimum(start + spec.kernel[axis], n + padding)
    if not spec.count_include_pad:
        start, end = np.maximum(start, 0), np.minimum(end, n)
    return (end - start).astype(np.float64)


def _finish(total: Float64Array, counts: Float64Array, spec: PoolSpec) -> Float64Array:
    """Turn sums into means or p-norms.

    PyTorch's p-norm is the mean of the powers times the full window's size, to the power 1 / p: in a window that
    `ceil_mode` lets reach beyond the input this is more than the norm of what lies inside. Negative sums of odd powers
    have no root; they give NaN, as there.
    """
    mean = total / counts
    if spec.kind == "mean":
        return mean
    size = 1 if spec.averaged else spec.kernel[0] * spec.kernel[1]
    with np.errstate(invalid="ignore"):
        return np.asarray((mean * size) ** (1 / spec.p), np.float64)


def pool_gradient(step: PoolStep, spec: PoolSpec | AdaptiveSpec) -> Float64Array:
    """Return how much each cell of a window moves its value, (kh, kw): 0 in the padding.

    All of it at the winner of a maximum, the same share everywhere for a mean, ``x |x|^(p-2) value^(1-p)`` for a
    p-norm, whose averaged form has one more factor of 1 over the window's size.
    """
    if spec.kind == "max":
        return step.chosen.astype(np.float64)
    if spec.kind == "mean":
        return step.inside / step.divisor
    assert isinstance(spec, PoolSpec)
    if step.value == 0 or not np.isfinite(step.value):
        return np.zeros(step.window.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.abs(step.window / step.value) ** (spec.p - 1) * np.sign(step.window) ** _parity(spec.p)
    steep = (step.window == 0) & (spec.p < 1)  # the slope of a root at 0 is infinite: nothing to show
    share = np.where(step.inside & ~steep, share, 0.0)
    size = spec.kernel[0] * spec.kernel[1]
    return np.asarray(share / step.divisor if spec.averaged else share * size / _covered(step, spec), np.float64)


def _parity(p: float) -> int:
    """Return 1 where the derivative of x^p changes its sign with x."""
    return int(round(p - 1) % 2 == 1)


def _covered(step: PoolStep, spec: PoolSpec) -> float:
    """Return by how many cells PyTorch divides before it multiplies by the window's size."""
    return float(step.inside.sum()) if not spec.averaged else step.divisor


def pool(x: Array, spec: PoolSpec | AdaptiveSpec) -> Float64Array:
    """Return a whole layer's output (C, H', W') in float64; arguments and errors as `pool_step`."""
    x_chw = _as_chw(x)
    if isinstance(spec, AdaptiveSpec):
        return adaptive_rows(x_chw, spec, 0, spec.output_shape(*x_chw.shape[1:])[0])
    channels, height, width = x_chw.shape
    rows, columns = spec.output_shape(height, width)
    reach = [
        max((m - 1) * s + d * (k - 1) + 1, n + p)
        for m, s, d, k, n, p in zip(
            (rows, columns), spec.stride, spec.dilation, spec.kernel, (height, width), spec.padding, strict=True
        )
    ]
    empty = -np.inf if spec.kind == "max" else 0.0
    top, left = spec.padding
    canvas = np.full((channels, reach[0] + top, reach[1] + left), empty)
    with np.errstate(invalid="ignore"):  # a broken power of a negative number is NaN on purpose
        canvas[:, top : top + height, left : left + width] = (
            x_chw.astype(np.float64) ** spec.p if spec.kind == "lp" else x_chw
        )
    result = np.full((channels, rows, columns), empty)
    for i in range(spec.kernel[0]):
        for j in range(spec.kernel[1]):
            y, x0 = i * spec.dilation[0], j * spec.dilation[1]
            seen = canvas[:, y :: spec.stride[0], x0 :: spec.stride[1]][:, :rows, :columns]
            result = np.maximum(result, seen) if spec.kind == "max" else result + seen
    if spec.kind == "max":
        return result
    return _finish(result, np.outer(_counts(spec, height, 0), _counts(spec, width, 1)), spec)


def adaptive_rows(x_chw: Array, spec: AdaptiveSpec, first: int, last: int) -> Float64Array:
    """Return rows `first` to `last` (not included) of an adaptive pooling's output, (C, last - first, W')."""
    channels, height, width = x_chw.shape
    _, columns = spec.output_shape(height, width)
    result = np.empty((channels, last - first, columns))
    for row in range(first, last):
        for col in range(columns):
            down, across = pool_window(spec, height, width, row, col)
            window = x_chw[:, down[0] : down[-1] + 1, across[0] : across[-1] + 1].astype(np.float64)
            result[:, row - first, col] = window.max(axis=(1, 2)) if spec.kind == "max" else window.mean(axis=(1, 2))
    return result
