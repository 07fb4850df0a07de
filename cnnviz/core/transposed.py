"""Transposed convolution as PyTorch computes it: each input cell stamps its scaled kernel. All of it in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core.convolution import int_pair
from cnnviz.core.errors import UserError

Pair = tuple[int, int]
Array = npt.NDArray[Any]
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, init=False)
class TransposedSpec:
    """How the stamps are placed.

    Attributes
    ----------
    kernel, stride, padding, output_padding, dilation
        (down, across). The stride is the distance of neighbouring stamps; the padding is what is cut off at each side;
        the output padding adds rows and columns at the end.
    groups
        Channels are split into this many groups.
    """

    kernel: Pair
    stride: Pair
    padding: Pair
    output_padding: Pair
    dilation: Pair
    groups: int

    def __init__(
        self,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
    ) -> None:
        """Check and complete the numbers; each is one for both axes, or (down, across).

        Raises
        ------
        UserError
            When a number is out of its range, or the output padding is not below stride or dilation.
        """
        sizes = {
            "kernel": int_pair("kernel size", kernel, 1),
            "stride": int_pair("stride", stride, 1),
            "padding": int_pair("padding", padding, 0),
            "output_padding": int_pair("output padding", output_padding, 0),
            "dilation": int_pair("dilation", dilation, 1),
        }
        for extra, step, spread in zip(sizes["output_padding"], sizes["stride"], sizes["dilation"], strict=True):
            if extra >= max(step, spread):
                raise UserError(f"The output padding is {extra}; it must be below the stride or the dilation.")
        if groups < 1:
            raise UserError(f"The number of groups is {groups}; it must be at least 1.")
        for name, value in sizes.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "groups", int(groups))

    def output_shape(self, height: int, width: int) -> Pair:
        """Return (rows, columns) of the output for an input of this size; errors as `transposed_output_size`."""
        rows, columns = (
            transposed_output_size(n, k, s, p, extra, d)
            for n, k, s, p, extra, d in zip(
                (height, width), self.kernel, self.stride, self.padding, self.output_padding, self.dilation, strict=True
            )
        )
        return rows, columns


def transposed_output_size(
    n: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Return the output's length along one axis: ``(N − 1)·S − 2P + D(M − 1) + A + 1``.

    Parameters
    ----------
    n
        Length of the input, N.
    kernel, stride, padding, output_padding, dilation
        M, S, P, A and D.

    Raises
    ------
    UserError
        When nothing is left of the output.
    """
    size = (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    if n < 1:
        raise UserError("A transposed convolution of maps without values has nothing to compute.")
    if size < 1:
        raise UserError(
            f"Padding of {padding} cuts the whole output of {size + 2 * padding} away.",
            suggestion="Use less padding or a larger kernel.",
        )
    return size


@dataclass(frozen=True, eq=False)
class TransposedStep:
    """One output cell, with everything that adds up to it.

    Attributes
    ----------
    unit, row, col
        Which output value this is.
    first_channel
        The first input channel of the output map's group.
    sources, taps
        (n, 2): each input cell whose stamp reaches the output cell, and the kernel cell with which it does so.
    values, weights, products
        float64 (C / groups, n).
    subtotals
        float64 (C / groups,).
    bias, total
        ``total = subtotals.sum() + bias``.
    """

    unit: int
    row: int
    col: int
    first_channel: int
    sources: IntArray
    taps: IntArray
    values: Float64Array
    weights: Float64Array
    products: Float64Array
    subtotals: Float64Array
    bias: float
    total: float


def _check(x_chw: Array, weight_iokk: Array, bias_o: Array | None, spec: TransposedSpec) -> Pair:
    """Refuse what does not fit; return the output's (rows, columns)."""
    if x_chw.ndim != 3 or weight_iokk.ndim != 4:
        raise UserError(
            "A transposed convolution needs an input of 3 and weights of 4 axes, not"
            f" {x_chw.ndim} and {weight_iokk.ndim}."
        )
    channels, height, width = x_chw.shape
    inputs, per_group, *kernel = weight_iokk.shape
    if channels == 0 or per_group == 0:
        raise UserError(
            f"A transposed convolution of {channels} channels into {per_group} maps has nothing to compute."
        )
    if inputs != channels or channels % spec.groups:
        raise UserError(
            f"The weights expect {inputs} channels in {spec.groups} groups, but the input has {channels}.",
            suggestion="Check the number of groups.",
        )
    if tuple(kernel) != spec.kernel:
        raise UserError(f"The weights are for a kernel of {kernel[0]} × {kernel[1]}, the setting is another.")
    if bias_o is not None and bias_o.shape != (per_group * spec.groups,):
        raise UserError(f"There are {per_group * spec.groups} output maps, but the bias has shape {bias_o.shape}.")
    return spec.output_shape(height, width)


def _reaching(place: int, n: int, axis: int, spec: TransposedSpec) -> tuple[IntArray, IntArray]:
    """Return which input indices reach an output index along one axis, and by which kernel index."""
    taps = np.arange(spec.kernel[axis])
    distance = place + spec.padding[axis] - taps * spec.dilation[axis]
    hit = (distance >= 0) & (distance % spec.stride[axis] == 0) & (distance // spec.stride[axis] < n)
    return distance[hit] // spec.stride[axis], taps[hit]


def transposed_step(
    x_chw: Array, weight_iokk: Array, bias_o: Array | None, spec: TransposedSpec, unit: int, row: int, col: int
) -> TransposedStep:
    """Return everything that adds up to one output cell.

    Parameters
    ----------
    x_chw
        The layer's input (C, H, W).
    weight_iokk
        (C, O / groups, kh, kw), as PyTorch stores it.
    bias_o
        (O,) or ``None``.
    spec
        How the stamps are placed.
    unit, row, col
        The output value.

    Raises
    ------
    UserError
        When shapes and spec do not fit.
    IndexError
        When there is no such output value.
    """
    rows, columns = _check(x_chw, weight_iokk, bias_o, spec)
    filters = weight_iokk.shape[1]
    if not (0 <= unit < filters * spec.groups and 0 <= row < rows and 0 <= col < columns):
        raise IndexError(f"no output ({unit}, {row}, {col}) in {filters * spec.groups} × {rows} × {columns}")
    per_group = len(x_chw) // spec.groups
    first = unit // filters * per_group
    height, width = x_chw.shape[1:]
    in_rows, tap_rows = _reaching(row, height, 0, spec)
    in_columns, tap_columns = _reaching(col, width, 1, spec)
    sources = np.stack(np.meshgrid(in_rows, in_columns, indexing="ij"), -1).reshape(-1, 2)
    taps = np.stack(np.meshgrid(tap_rows, tap_columns, indexing="ij"), -1).reshape(-1, 2)
    group = slice(first, first + per_group)
    values = x_chw[group][:, sources[:, 0], sources[:, 1]].astype(np.float64)
    weights = weight_iokk[group, unit % filters][:, taps[:, 0], taps[:, 1]].astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # ∞ − ∞ and 0 · ∞ are no numbers, there as here
        products = values * weights
        subtotals = products.sum(axis=1)
        bias = 0.0 if bias_o is None else float(bias_o[unit])
        total = float(subtotals.sum()) + bias
    return TransposedStep(
        unit, row, col, first, sources, taps, values, weights, products, subtotals, bias, total
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Stamp:
    """One input cell's scaled kernel on the output.

    Attributes
    ----------
    value, weights, scaled
        The input value, the kernel (kh, kw), and their product.
    rows, columns
        Where the stamp lies on the output, (kh,) and (kw,); what the padding cuts off lies outside.
    inside
        bool (kh, kw): cells that lie on the output.
    """

    value: float
    weights: Float64Array
    scaled: Float64Array
    rows: IntArray
    columns: IntArray
    inside: BoolArray


def stamp(x_chw: Array, weight_iokk: Array, spec: TransposedSpec, unit: int, channel: int, row: int, col: int) -> Stamp:
    """Return what one input cell puts on one output map of its group; errors as `transposed_step`."""
    out_rows, out_columns = _check(x_chw, weight_iokk, None, spec)
    place = (unit, channel, row, col)
    if not all(0 <= at < n for at, n in zip(place, (weight_iokk.shape[1] * spec.groups, *x_chw.shape), strict=True)):
        raise IndexError(f"no input ({channel}, {row}, {col}) for map {unit}")
    if unit // weight_iokk.shape[1] != channel // (len(x_chw) // spec.groups):
        raise IndexError(f"channel {channel} does not reach map {unit}: they are of different groups")
    value = float(x_chw[channel, row, col])
    weights = weight_iokk[channel, unit % weight_iokk.shape[1]].astype(np.float64)
    rows = row * spec.stride[0] - spec.padding[0] + spec.dilation[0] * np.arange(spec.kernel[0])
    columns = col * spec.stride[1] - spec.padding[1] + spec.dilation[1] * np.arange(spec.kernel[1])
    inside = ((rows >= 0) & (rows < out_rows))[:, None] & ((columns >= 0) & (columns < out_columns))
    return Stamp(value, weights, value * weights, rows, columns, inside)


def overlap_counts(height: int, width: int, spec: TransposedSpec) -> IntArray:
    """Return how many stamps reach each output cell, (H', W').

    Where they differ, a map of equal values becomes a checkerboard: Odena, Dumoulin and Olah, "Deconvolution and
    Checkerboard Artifacts", Distill 2016.
    """
    counts = []
    for axis, (n, size) in enumerate(zip((height, width), spec.output_shape(height, width), strict=True)):
        counts.append(np.array([len(_reaching(place, n, axis, spec)[0]) for place in range(size)], np.intp))
    return np.outer(counts[0], counts[1])


def conv_transpose(x_chw: Array, weight_iokk: Array, bias_o: Array | None, spec: TransposedSpec) -> Float64Array:
    """Return a whole layer's output (O, H', W') in float64; arguments and errors as `transposed_step`."""
    rows, columns = _check(x_chw, weight_iokk, bias_o, spec)
    channels, height, width = x_chw.shape
    filters, per_group = weight_iokk.shape[1], channels // spec.groups
    x = x_chw.astype(np.float64).reshape(spec.groups, per_group, height * width)
    weights = weight_iokk.astype(np.float64).reshape(spec.groups, per_group, filters, *spec.kernel)
    reach = [
        max((n - 1) * s + d * (k - 1) + 1, size + p)
        for n, s, d, k, size, p in zip(
            (height, width), spec.stride, spec.dilation, spec.kernel, (rows, columns), spec.padding, strict=True
        )
    ]
    canvas = np.zeros((spec.groups, filters, *reach))
    for i in range(spec.kernel[0]):
        for j in range(spec.kernel[1]):
            put = np.swapaxes(weights[..., i, j], 1, 2) @ x  # (groups, filters, H·W)
            y, x0 = i * spec.dilation[0], j * spec.dilation[1]
            seen = canvas[:, :, y :: spec.stride[0], x0 :: spec.stride[1]][:, :, :height, :width]
            seen += put.reshape(spec.groups, filters, height, width)
    top, left = spec.padding
    output = canvas[:, :, top : top + rows, left : left + columns].reshape(spec.groups * filters, rows, columns)
    if bias_o is not None:
        output = output + bias_o.astype(np.float64)[:, None, None]
    return output
