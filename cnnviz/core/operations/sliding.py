"""What slides a window over maps: convolution, transposed convolution, pooling."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cnnviz.core import convolution, pooling, transposed
from cnnviz.core.convolution import ConvSpec, KernelStep
from cnnviz.core.operations.base import Array, Float64Array, Operation, Shape, Source, largest
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec, PoolStep
from cnnviz.core.transposed import TransposedSpec, TransposedStep


@dataclass(frozen=True, eq=False)
class Convolution(Operation):
    """x (C, H, W), weight (O, C / groups, kh, kw), bias (O,) or ``None``."""

    x: Array
    weight: Array
    bias: Array | None
    spec: ConvSpec

    @property
    def output_shape(self) -> Shape:
        return (len(self.weight), *convolution.check(self.x, self.weight, self.bias, self.spec))

    def step(self, unit: int, row: int, col: int) -> KernelStep:
        """Return one position of one filter with every number in it."""
        return convolution.kernel_step(self.x, self.weight, self.bias, self.spec, unit, row, col)

    def value(self, unit: int, row: int, col: int) -> float:
        return self.step(unit, row, col).total

    def scale(self, unit: int, row: int, col: int) -> float:
        return kernel_scale(self.step(unit, row, col))

    def rows(self, unit: int, first: int, last: int) -> Float64Array:
        return convolution.filter_rows(self.x, self.weight, self.bias, self.spec, unit, first, last)

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        step = self.step(unit, row, col)
        rows, columns = window_rows(step, self.spec), window_columns(step, self.spec)
        rows, columns = self._origin(rows, 0), self._origin(columns, 1)
        nowhere = step.padding_mask & (self.spec.padding_mode == "zeros")
        amounts = np.where(nowhere, 0.0, step.products)
        found = []
        for position in largest(amounts.ravel(), most):
            c, i, j = np.unravel_index(position, amounts.shape)
            if not nowhere[i, j]:
                place = (step.first_channel + int(c), int(rows[i]), int(columns[j]))
                found.append(Source(0, *place, float(amounts[c, i, j])))
        return tuple(found)

    def _origin(self, index: npt.NDArray[np.intp], axis: int) -> npt.NDArray[np.intp]:
        """Return which input row or column the padding's cells repeat."""
        return convolution.folded(index, self.x.shape[1 + axis], self.spec.padding_mode)

    def flipped(self) -> Convolution:
        """Return the operation with every kernel turned by half a turn: a true convolution."""
        return replace(self, weight=self.weight[:, :, ::-1, ::-1])


def kernel_scale(step: KernelStep | TransposedStep) -> float:
    """Return Σ|products| + |bias|."""
    return float(np.abs(step.products).sum()) + abs(step.bias)


def window_rows(step: KernelStep, spec: ConvSpec) -> npt.NDArray[np.intp]:
    """Return the input rows of a step's window; those in the padding lie outside of the input."""
    return step.top - spec.padding[0] + spec.dilation[0] * np.arange(spec.kernel[0])


def window_columns(step: KernelStep, spec: ConvSpec) -> npt.NDArray[np.intp]:
    """Return the input columns of a step's window; those in the padding lie outside of the input."""
    return step.left - spec.padding[2] + spec.dilation[1] * np.arange(spec.kernel[1])


@dataclass(frozen=True, eq=False)
class TransposedConvolution(Operation):
    """x (C, H, W), weight (C, O / groups, kh, kw), bias (O,) or ``None``."""

    x: Array
    weight: Array
    bias: Array | None
    spec: TransposedSpec

    @property
    def output_shape(self) -> Shape:
        height, width = self.spec.output_shape(*self.x.shape[1:])
        return self.weight.shape[1] * self.spec.groups, height, width

    def step(self, unit: int, row: int, col: int) -> TransposedStep:
        """Return everything that adds up to one output cell."""
        return transposed.transposed_step(self.x, self.weight, self.bias, self.spec, unit, row, col)

    def value(self, unit: int, row: int, col: int) -> float:
        return self.step(unit, row, col).total

    def scale(self, unit: int, row: int, col: int) -> float:
        return kernel_scale(self.step(unit, row, col))

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        step = self.step(unit, row, col)
        found = []
        for position in largest(step.products.ravel(), most):
            channel, n = np.unravel_index(position, step.products.shape)
            at_row, at_col = (int(v) for v in step.sources[n])
            amount = float(step.products[channel, n])
            found.append(Source(0, step.first_channel + int(channel), at_row, at_col, amount))
        return tuple(found)

    def rows(self, unit: int, first: int, last: int) -> Float64Array:
        groups = self.spec.groups
        per_group, filters = len(self.x) // groups, self.weight.shape[1]
        group = unit // filters
        pick = slice(group * per_group, (group + 1) * per_group)
        weight = self.weight[pick, unit % filters : unit % filters + 1]
        bias = None if self.bias is None else self.bias[unit : unit + 1]
        whole = transposed.conv_transpose(self.x[pick], weight, bias, replace_groups(self.spec))
        return whole[0, first:last]


def replace_groups(spec: TransposedSpec) -> TransposedSpec:
    """Return the settings of one group by itself."""
    return TransposedSpec(spec.kernel, spec.stride, spec.padding, spec.output_padding, spec.dilation, 1)


@dataclass(frozen=True, eq=False)
class Pooling(Operation):
    """x (C, H, W).

    Attributes
    ----------
    gain, shift
        What LeCun's sub-sampling multiplies each map's mean by and adds to it, (C,), or ``None``.
    """

    x: Array
    spec: PoolSpec | AdaptiveSpec
    gain: Array | None = None
    shift: Array | None = None

    @property
    def output_shape(self) -> Shape:
        height, width = self.spec.output_shape(*self.x.shape[1:])
        return len(self.x), height, width

    def step(self, unit: int, row: int, col: int) -> PoolStep:
        """Return one window with its numbers; without gain and shift."""
        return pooling.pool_step(self.x, self.spec, unit, row, col)

    def value(self, unit: int, row: int, col: int) -> float:
        return self._finish(self.step(unit, row, col).value, unit)

    def scale(self, unit: int, row: int, col: int) -> float:
        step = self.step(unit, row, col)
        most = float(np.abs(step.window).max(initial=0))
        size = most * step.window.size if self.spec.kind == "lp" else most
        return abs(self._gain(unit)) * size + abs(self._shift(unit))

    def rows(self, unit: int, first: int, last: int) -> Float64Array:
        if isinstance(self.spec, AdaptiveSpec):
            found = pooling.adaptive_rows(self.x[unit : unit + 1], self.spec, first, last)[0]
        else:
            found = pooling.pool(self.x[unit], self.spec)[0, first:last]
        return np.asarray(self._gain(unit) * found + self._shift(unit), np.float64)

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        step = self.step(unit, row, col)
        height, width = self.x.shape[1:]
        rows, columns = pooling.pool_window(self.spec, height, width, row, col)
        share = step.window * pooling.pool_gradient(step, self.spec) * self._gain(unit)
        cells = [tuple(int(v) for v in cell) for cell in np.argwhere(step.chosen & step.inside)]
        cells.sort(key=lambda cell: -abs(share[cell]))
        return tuple(Source(0, unit, int(rows[i]), int(columns[j]), float(share[i, j])) for i, j in cells[:most])

    def _gain(self, unit: int) -> float:
        return 1.0 if self.gain is None else float(self.gain[unit])

    def _shift(self, unit: int) -> float:
        return 0.0 if self.shift is None else float(self.shift[unit])

    def _finish(self, value: float, unit: int) -> float:
        return value * self._gain(unit) + self._shift(unit)
