"""Convolution as networks compute it (cross-correlation), one kernel step at a time.

A step is computed when somebody looks at it, from the layer's input and weights; `convolve` is the slow and exact
reference for a whole layer. All arithmetic is float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from cnnviz.core.errors import UserError

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
PADDING_MODES: tuple[PaddingMode, ...] = get_args(PaddingMode)
Pair = tuple[int, int]
Quad = tuple[int, int, int, int]
Array = npt.NDArray[Any]
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, init=False)
class ConvSpec:
    """How a kernel slides.

    Attributes
    ----------
    kernel
        (kh, kw), undilated.
    stride, dilation
        (down, across).
    padding
        (top, bottom, left, right).
    groups
        Channels are split into this many groups, each with its own filters.
    padding_mode
        What the padding holds, by torch's names.
    """

    kernel: Pair
    stride: Pair
    padding: Quad
    dilation: Pair
    groups: int
    padding_mode: PaddingMode

    def __init__(
        self,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | str | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        padding_mode: str = "zeros",
    ) -> None:
        """Check and complete the numbers.

        Parameters
        ----------
        kernel, stride, dilation
            One number for both axes, or (down, across).
        padding
            One number for all sides, (down, across), (top, bottom, left, right), ``"valid"`` for none or ``"same"``
            for an output of the input's size.
        groups, padding_mode
            See the class.

        Raises
        ------
        UserError
            When a number is out of its range, or ``"same"`` is asked of a stride above 1.
        """
        sizes = {
            "kernel": int_pair("kernel size", kernel, 1),
            "stride": int_pair("stride", stride, 1),
            "dilation": int_pair("dilation", dilation, 1),
        }
        if groups < 1:
            raise UserError(f"The number of groups is {groups}; it must be at least 1.")
        if padding_mode not in PADDING_MODES:
            raise UserError(
                f"There is no padding mode '{padding_mode}'.", suggestion=f"Known: {', '.join(PADDING_MODES)}."
            )
        for name, value in sizes.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "padding", _quad(padding, sizes["kernel"], sizes["stride"], sizes["dilation"]))
        object.__setattr__(self, "groups", int(groups))
        object.__setattr__(self, "padding_mode", padding_mode)

    def output_shape(self, height: int, width: int) -> Pair:
        """Return (rows, columns) of the output for an input of this size; errors as `output_size`."""
        top, bottom, left, right = self.padding
        return (
            output_size(height, self.kernel[0], self.stride[0], (top, bottom), self.dilation[0]),
            output_size(width, self.kernel[1], self.stride[1], (left, right), self.dilation[1]),
        )


def int_pair(what: str, value: int | Sequence[int], least: int) -> Pair:
    """Return one number twice, or two numbers.

    Raises
    ------
    UserError
        When there are more, or one is below `least`; the sentence starts with `what`.
    """
    pair = (value, value) if isinstance(value, int) else tuple(int(v) for v in value)
    if len(pair) != 2:
        raise UserError(f"The {what} has {len(pair)} numbers; it needs one or two.")
    if min(pair) < least:
        raise UserError(f"The {what} is {pair[0]} × {pair[1]}; it must be at least {least}.")
    return pair[0], pair[1]


def _quad(padding: int | str | Sequence[int], kernel: Pair, stride: Pair, dilation: Pair) -> Quad:
    """Return the padding of the four sides."""
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise UserError(f"There is no padding '{padding}'.", suggestion="Known: same, valid, or numbers.")
        if padding == "valid":
            return 0, 0, 0, 0
        if stride != (1, 1):
            raise UserError(
                f"'Same' padding needs stride 1; it is {stride[0]} × {stride[1]}.", suggestion="Give numbers instead."
            )
        return same_padding(kernel[0], dilation[0]) + same_padding(kernel[1], dilation[1])
    if not isinstance(padding, int) and len(padding) == 4:
        quad = tuple(int(v) for v in padding)
        if min(quad) < 0:
            raise UserError(f"The padding is {min(quad)} on one side; it must not be negative.")
        return cast(Quad, quad)
    down, across = int_pair("padding", padding, 0)
    return down, down, across, across


def same_padding(kernel: int, dilation: int = 1, *, stride: int = 1, n: int | None = None) -> Pair:
    """Return (before, after) so that the output is as long as the input, or ``ceil(n / stride)``.

    An even (dilated) kernel needs an odd number in all; as in PyTorch and TensorFlow the larger half comes after.

    Parameters
    ----------
    kernel, dilation, stride
        Along one axis.
    n
        Length of the input; needed for a stride above 1.

    Raises
    ------
    ValueError
        When the stride is above 1 and `n` is missing.
    """
    extent = dilation * (kernel - 1) + 1
    if stride == 1:
        total = extent - 1
    elif n is None:
        raise ValueError("the padding for a stride above 1 depends on the input's length")
    else:
        total = max((-(-n // stride) - 1) * stride + extent - n, 0)
    return total // 2, total - total // 2


def _room(n: int, kernel: int, stride: int, padding: int | Pair, dilation: int) -> int:
    """Return how far the kernel can be moved along one axis."""
    for what, value in (("kernel size", kernel), ("stride", stride), ("dilation", dilation)):
        if value < 1:
            raise UserError(f"The {what} is {value}; it must be at least 1.")
    before, after = (padding, padding) if isinstance(padding, int) else padding
    room = n + before + after - dilation * (kernel - 1) - 1
    if n < 1 or room < 0:
        raise UserError(
            f"The kernel spans {dilation * (kernel - 1) + 1} values, but the padded input has only"
            f" {n + before + after}.",
            suggestion="Use a smaller kernel or more padding.",
        )
    return room


def output_size(n: int, kernel: int, stride: int = 1, padding: int | Pair = 0, dilation: int = 1) -> int:
    """Return the output's length along one axis: ``floor((N + 2P − D(M − 1) − 1) / S) + 1``.

    Parameters
    ----------
    n
        Length of the input, N.
    kernel, stride, dilation
        M, S and D.
    padding
        P at both ends, or (before, after), whose sum takes the place of 2P.

    Raises
    ------
    UserError
        When a number is below 1 or the kernel is larger than the padded input.
    """
    return _room(n, kernel, stride, padding, dilation) // stride + 1


def left_over(n: int, kernel: int, stride: int = 1, padding: int | Pair = 0, dilation: int = 1) -> int:
    """Return how many values at the end no kernel step reaches; arguments and errors as `output_size`."""
    return _room(n, kernel, stride, padding, dilation) % stride


@dataclass(frozen=True, eq=False)
class KernelStep:
    """One position of one filter, with every number in it.

    Attributes
    ----------
    unit, row, col
        Which output value this is.
    first_channel
        The first input channel of the filter's group; 0 without groups.
    top, left
        The window's corner in the padded input; less the padding it is the corner in the input.
    window, weights, products
        float64 (C / groups, kh, kw); the window holds the padding's values where it lies outside.
    padding_mask
        bool (kh, kw): these cells are padding.
    subtotals
        float64 (C / groups,): sum of the products of each input channel.
    bias, total
        ``total = subtotals.sum() + bias``.
    """

    unit: int
    row: int
    col: int
    first_channel: int
    top: int
    left: int
    window: Float64Array
    weights: Float64Array
    products: Float64Array
    padding_mask: npt.NDArray[np.bool_]
    subtotals: Float64Array
    bias: float
    total: float


def kernel_step(
    x_chw: Array, weight_oikk: Array, bias_o: Array | None, spec: ConvSpec, unit: int, row: int, col: int
) -> KernelStep:
    """Return one kernel step.

    Parameters
    ----------
    x_chw
        The layer's input (C, H, W).
    weight_oikk
        (O, C / groups, kh, kw).
    bias_o
        (O,) or ``None``.
    spec
        How the kernel slides.
    unit, row, col
        The output value.

    Raises
    ------
    UserError
        When shapes and spec do not fit.
    IndexError
        When there is no such output value.
    """
    rows, columns = check(x_chw, weight_oikk, bias_o, spec)
    if not (0 <= unit < len(weight_oikk) and 0 <= row < rows and 0 <= col < columns):
        raise IndexError(f"no output ({unit}, {row}, {col}) in {len(weight_oikk)} × {rows} × {columns}")
    return _step(x_chw, weight_oikk, bias_o, spec, (unit, row, col))


def kernel_steps(
    x_chw: Array, weight_oikk: Array, bias_o: Array | None, spec: ConvSpec, unit: int
) -> Iterator[KernelStep]:
    """Yield all steps of one filter in row-major order; arguments and errors as `kernel_step`."""
    rows, columns = check(x_chw, weight_oikk, bias_o, spec)
    if not 0 <= unit < len(weight_oikk):
        raise IndexError(f"no filter {unit} of {len(weight_oikk)}")
    for row in range(rows):
        for col in range(columns):
            yield _step(x_chw, weight_oikk, bias_o, spec, (unit, row, col))


def _step(
    x_chw: Array, weight_oikk: Array, bias_o: Array | None, spec: ConvSpec, place: tuple[int, int, int]
) -> KernelStep:
    unit, row, col = place
    per_group = weight_oikk.shape[1]
    first = unit // (len(weight_oikk) // spec.groups) * per_group
    top, left = row * spec.stride[0], col * spec.stride[1]
    rows = top - spec.padding[0] + spec.dilation[0] * np.arange(spec.kernel[0])
    columns = left - spec.padding[2] + spec.dilation[1] * np.arange(spec.kernel[1])
    window = _gather(x_chw[first : first + per_group], rows, columns, spec.padding_mode)
    height, width = x_chw.shape[1:]
    outside = ((rows < 0) | (rows >= height))[:, None] | ((columns < 0) | (columns >= width))  # (kh, kw)
    weights = weight_oikk[unit].astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # ∞ − ∞ and 0 · ∞ are no numbers, there as here
        products = window * weights
        subtotals = products.sum(axis=(1, 2))
        bias = 0.0 if bias_o is None else float(bias_o[unit])
        total = float(subtotals.sum()) + bias
    return KernelStep(unit, row, col, first, top, left, window, weights, products, outside, subtotals, bias, total)


def _gather(x_chw: Array, rows: IntArray, columns: IntArray, mode: PaddingMode) -> Float64Array:
    """Return the values at all crossings of rows and columns, which may lie in the padding."""
    height, width = x_chw.shape[1:]
    inside_r, inside_c = folded(rows, height, mode), folded(columns, width, mode)
    values = x_chw[:, inside_r[:, None], inside_c].astype(np.float64)  # (C, len(rows), len(columns))
    if mode == "zeros":
        values[:, (rows < 0) | (rows >= height)] = 0
        values[:, :, (columns < 0) | (columns >= width)] = 0
    return values


def folded(index: IntArray, n: int, mode: PaddingMode) -> IntArray:
    """Return which of `n` values stands at each index, which may be in the padding."""
    if mode == "circular":
        return index % n
    if mode == "reflect" and n > 1:
        folded = np.abs(index)
        return np.where(folded < n, folded, 2 * (n - 1) - folded)
    return np.clip(index, 0, n - 1)


def check(x_chw: Array, weight_oikk: Array, bias_o: Array | None, spec: ConvSpec) -> Pair:
    """Refuse what does not fit, with a `UserError`; return the output's (rows, columns)."""
    if x_chw.ndim != 3 or weight_oikk.ndim != 4:
        raise UserError(
            f"A convolution needs an input of 3 and weights of 4 axes, not {x_chw.ndim} and {weight_oikk.ndim}."
        )
    channels, height, width = x_chw.shape
    filters, per_group, *kernel = weight_oikk.shape
    if channels == 0 or filters == 0:
        raise UserError(f"A convolution of {channels} channels with {filters} filters has nothing to compute.")
    if channels % spec.groups or filters % spec.groups:
        raise UserError(f"{channels} channels and {filters} filters cannot be split into {spec.groups} groups.")
    if per_group * spec.groups != channels:
        raise UserError(
            f"The filters expect {per_group * spec.groups} channels, but the input has {channels}.",
            suggestion="Check the number of groups.",
        )
    if tuple(kernel) != spec.kernel:
        raise UserError(f"The weights are for a kernel of {kernel[0]} × {kernel[1]}, the setting is another.")
    if bias_o is not None and bias_o.shape != (filters,):
        raise UserError(f"There are {filters} filters, but the bias has shape {bias_o.shape}.")
    shape = spec.output_shape(height, width)
    # A reflection has no second mirror, and a picture goes round only once.
    spare = {"reflect": 1, "circular": 0}.get(spec.padding_mode)
    for n, pads in ((height, spec.padding[:2]), (width, spec.padding[2:])):
        if spare is not None and max(pads) > n - spare:
            raise UserError(f"Padding of {max(pads)} is too large for mode '{spec.padding_mode}' on {n} values.")
    return shape


def padded(x_hw: Array, spec: ConvSpec) -> Float64Array:
    """Return one input map with its padding around it, (top + H + bottom, left + W + right)."""
    top, bottom, left, right = spec.padding
    height, width = x_hw.shape
    rows, columns = np.arange(-top, height + bottom), np.arange(-left, width + right)
    return np.asarray(_gather(x_hw[None], rows, columns, spec.padding_mode)[0], np.float64)


def filter_rows(
    x_chw: Array, weight_oikk: Array, bias_o: Array | None, spec: ConvSpec, unit: int, first: int, last: int
) -> Float64Array:
    """Return rows `first` to `last` (not included) of one filter's output, (last - first, W').

    A large map is computed in parts, so that whoever shows it need not wait; arguments and errors as `kernel_step`.
    """
    rows, columns = check(x_chw, weight_oikk, bias_o, spec)
    if not (0 <= unit < len(weight_oikk) and 0 <= first <= last <= rows):
        raise IndexError(f"no rows {first} to {last} of filter {unit} in {len(weight_oikk)} × {rows} × {columns}")
    per_group = weight_oikk.shape[1]
    channel = unit // (len(weight_oikk) // spec.groups) * per_group
    seen_chw = x_chw[channel : channel + per_group]
    weights = weight_oikk[unit].astype(np.float64)
    result = np.full((last - first, columns), 0.0 if bias_o is None else float(bias_o[unit]))
    from_columns = np.arange(columns) * spec.stride[1] - spec.padding[2]
    for i in range(spec.kernel[0]):
        from_rows = np.arange(first, last) * spec.stride[0] + i * spec.dilation[0] - spec.padding[0]
        for j in range(spec.kernel[1]):
            seen = _gather(seen_chw, from_rows, from_columns + j * spec.dilation[1], spec.padding_mode)
            result += np.tensordot(weights[:, i, j], seen, axes=1)
    return result


def convolve(x_chw: Array, weight_oikk: Array, bias_o: Array | None, spec: ConvSpec) -> Float64Array:
    """Return a whole layer's output (O, H', W') in float64; arguments and errors as `kernel_step`."""
    rows, columns = check(x_chw, weight_oikk, bias_o, spec)
    filters, per_group = weight_oikk.shape[:2]
    weights = weight_oikk.astype(np.float64).reshape(spec.groups, filters // spec.groups, per_group, *spec.kernel)
    result = np.zeros((spec.groups, filters // spec.groups, rows * columns))
    for i in range(spec.kernel[0]):
        from_rows = np.arange(rows) * spec.stride[0] + i * spec.dilation[0] - spec.padding[0]
        for j in range(spec.kernel[1]):
            from_columns = np.arange(columns) * spec.stride[1] + j * spec.dilation[1] - spec.padding[2]
            seen = _gather(x_chw, from_rows, from_columns, spec.padding_mode)
            result += weights[..., i, j] @ seen.reshape(spec.groups, per_group, rows * columns)
    output = result.reshape(filters, rows, columns)
    if bias_o is not None:
        output += bias_o.astype(np.float64)[:, None, None]
    return output
