"""What a layer computes, with the arrays it computes it from, so that any single value can be written out.

An `Operation` knows no network: the step-through of a real layer and the laboratory show the same records. All
arithmetic is float64, and nothing is computed before it is asked for. A vector is a stack of maps of one cell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core import activation, convolution, normalisation, pooling, transposed
from cnnviz.core.convolution import ConvSpec, KernelStep
from cnnviz.core.errors import UserError
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec, PoolStep
from cnnviz.core.transposed import TransposedSpec, TransposedStep

Array = npt.NDArray[Any]
Float64Array = npt.NDArray[np.float64]
Shape = tuple[int, int, int]
TOLERANCE = 1e-5
"""How far single precision may be from the exact sum, as a part of the sum of all magnitudes in it."""


@dataclass(frozen=True)
class Source:
    """A value that another one was made of.

    Attributes
    ----------
    index
        Which of the operation's inputs.
    unit, row, col
        Its place there.
    amount
        What it adds to the result; for an operation that adds nothing up, its value.
    """

    index: int
    unit: int
    row: int
    col: int
    amount: float


@dataclass(frozen=True)
class Check:
    """The written-out value beside the one that PyTorch computed.

    Attributes
    ----------
    total, torch
        The two values.
    scale
        Sum of the magnitudes that were added up, the bias among them.
    """

    total: float
    torch: float
    scale: float

    @property
    def difference(self) -> float:
        """|total − torch|."""
        return abs(self.total - self.torch)

    @property
    def allowed(self) -> float:
        """What rounding in single precision explains, also under cancellation."""
        return TOLERANCE * self.scale

    @property
    def agrees(self) -> bool:
        """Whether rounding explains the difference; equal infinities and two NaN agree as well."""
        if self.total == self.torch or (np.isnan(self.total) and np.isnan(self.torch)):
            return True
        return bool(np.isfinite(self.difference) and self.difference <= self.allowed)


class Operation(ABC):
    """One layer and what it was given."""

    @property
    @abstractmethod
    def output_shape(self) -> Shape:
        """(C, H, W) of the output.

        Raises
        ------
        UserError
            When the settings do not fit the input.
        """

    @abstractmethod
    def value(self, unit: int, row: int, col: int) -> float:
        """Return one value of the output."""

    @abstractmethod
    def scale(self, unit: int, row: int, col: int) -> float:
        """Return the sum of the magnitudes that a value was added up from."""

    @abstractmethod
    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        """Return the values that a value was made of, at most so many, the largest contribution first."""

    def rows(self, unit: int, first: int, last: int) -> Float64Array:
        """Return some rows of one map of the output."""
        columns = self.output_shape[2]
        return np.array([[self.value(unit, r, c) for c in range(columns)] for r in range(first, last)])

    def check(self, unit: int, row: int, col: int, torch_value: float) -> Check:
        """Compare a written-out value with PyTorch's."""
        return Check(self.value(unit, row, col), torch_value, self.scale(unit, row, col))

    def inside(self, unit: int, row: int, col: int) -> bool:
        """Return whether the output has such a place."""
        return all(0 <= at < n for at, n in zip((unit, row, col), self.output_shape, strict=True))


def largest(amounts: Float64Array, most: int) -> npt.NDArray[np.intp]:
    """Return the positions of the largest magnitudes in a flat array, largest first; equal ones in their order."""
    magnitude = np.abs(amounts)
    magnitude = np.where(np.isnan(magnitude), np.inf, magnitude)
    if 0 < most < len(magnitude):
        bound = np.partition(magnitude, len(magnitude) - most)[len(magnitude) - most]
        found = np.flatnonzero(magnitude >= bound)
    else:
        found = np.arange(len(magnitude))
    return found[np.argsort(-magnitude[found], kind="stable")][:most]


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


@dataclass(frozen=True, eq=False)
class Activation(Operation):
    """x (C, H, W), a function by its name in `activation.FUNCTIONS`, and its parameter for each channel, or one."""

    x: Array
    function: str
    parameter: Array

    @property
    def output_shape(self) -> Shape:
        channels, height, width = self.x.shape
        return channels, height, width

    def parameter_of(self, unit: int) -> float:
        """Return the parameter of a map."""
        return float(self.parameter[unit] if len(self.parameter) > 1 else self.parameter[0])

    def value(self, unit: int, row: int, col: int) -> float:
        return float(self._apply(self.x[unit, row : row + 1, col], unit)[0])

    def slope(self, unit: int, row: int, col: int) -> float:
        """Return the derivative at a place."""
        x = self.x[unit, row : row + 1, col].astype(np.float64)
        return float(activation.FUNCTIONS[self.function].derivative(x, self.parameter_of(unit))[0])

    def scale(self, unit: int, row: int, col: int) -> float:
        return abs(self.value(unit, row, col)) + abs(float(self.x[unit, row, col]))

    def rows(self, unit: int, first: int, last: int) -> Float64Array:
        return self._apply(self.x[unit, first:last], unit)

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        return (Source(0, unit, row, col, float(self.x[unit, row, col])),)

    def _apply(self, x: Array, unit: int) -> Float64Array:
        return activation.FUNCTIONS[self.function].call(x.astype(np.float64), self.parameter_of(unit))


@dataclass(frozen=True, eq=False)
class BatchNormalisation(Operation):
    """x (C, H, W) and the four numbers of each channel."""

    x: Array
    numbers: normalisation.BatchNorm

    @property
    def output_shape(self) -> Shape:
        channels, height, width = self.x.shape
        return channels, height, width

    def by_batch(self) -> BatchNormalisation:
        """Return the operation with the statistics of this picture, as in training with a batch of one."""
        mean, variance = normalisation.batch_statistics(self.x)
        return replace(self, numbers=replace(self.numbers, mean=mean, var=variance))

    def value(self, unit: int, row: int, col: int) -> float:
        return float(normalisation.bn_step(float(self.x[unit, row, col]), self.numbers, unit).result)

    def scale(self, unit: int, row: int, col: int) -> float:
        step = normalisation.bn_step(float(self.x[unit, row, col]), self.numbers, unit)
        factor = abs(step.gamma) / step.std
        return (abs(step.value) + abs(float(self.numbers.mean[unit]))) * factor + abs(step.beta)

    def rows(self, unit: int, first: int, last: int) -> Float64Array:
        maps = normalisation.batch_norm(self.x[unit : unit + 1, first:last], self.numbers.of(unit))
        return np.asarray(maps[0], np.float64)

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        return (Source(0, unit, row, col, float(self.x[unit, row, col])),)


@dataclass(frozen=True, eq=False)
class LocalResponse(Operation):
    """x (C, H, W) divided by a sum over neighbouring channels, as AlexNet did."""

    x: Array
    size: int
    alpha: float
    beta: float
    k: float

    @property
    def output_shape(self) -> Shape:
        channels, height, width = self.x.shape
        return channels, height, width

    def step(self, unit: int, row: int, col: int) -> normalisation.LrnStep:
        """Return one value with the neighbours that it is divided by."""
        return normalisation.lrn_step(self.x, self.size, self.alpha, self.beta, self.k, unit, row, col)

    def value(self, unit: int, row: int, col: int) -> float:
        return float(self.step(unit, row, col).result)

    def scale(self, unit: int, row: int, col: int) -> float:
        return abs(float(self.x[unit, row, col]))

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        return (Source(0, unit, row, col, float(self.x[unit, row, col])),)

    def rows(self, unit: int, first: int, last: int) -> Float64Array:
        before, after = self.size // 2, (self.size - 1) // 2
        low = max(0, unit - before)
        seen = self.x[low : unit + after + 1, first:last]
        maps = normalisation.local_response_norm(seen, self.size, self.alpha, self.beta, self.k)
        return np.asarray(maps[unit - low], np.float64)


@dataclass(frozen=True, eq=False)
class Dropout(Operation):
    """x (C, H, W); in evaluation the values pass as they are, in training some are dropped and the rest grow.

    Attributes
    ----------
    drop
        PyTorch's p: the probability to *drop*.
    channels
        Whole maps are dropped.
    seed
        Which values are dropped; ``None`` in evaluation.
    """

    x: Array
    drop: float
    channels: bool = False
    seed: int | None = None

    @property
    def output_shape(self) -> Shape:
        channels, height, width = self.x.shape
        return channels, height, width

    def kept(self) -> npt.NDArray[np.bool_]:
        """Return which values pass, (C, H, W)."""
        if self.seed is None:
            return np.ones(self.x.shape, np.bool_)
        return normalisation.dropout_mask(self.x.shape, self.drop, self.seed, channels=self.channels)

    @property
    def factor(self) -> float:
        """What a value that is kept is multiplied by."""
        return 1.0 if self.seed is None or self.drop >= 1 else 1 / (1 - self.drop)

    def value(self, unit: int, row: int, col: int) -> float:
        return float(self.x[unit, row, col]) * self.factor if self.kept()[unit, row, col] else 0.0

    def scale(self, unit: int, row: int, col: int) -> float:
        return abs(float(self.x[unit, row, col])) * self.factor

    def rows(self, unit: int, first: int, last: int) -> Float64Array:
        return np.where(self.kept()[unit, first:last], self.x[unit, first:last].astype(np.float64) * self.factor, 0.0)

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        return (Source(0, unit, row, col, self.value(unit, row, col)),)


@dataclass(frozen=True, eq=False)
class Flatten(Operation):
    """x (C, H, W) as a vector, row by row of map after map."""

    x: Array

    @property
    def output_shape(self) -> Shape:
        return self.x.size, 1, 1

    def origin(self, unit: int) -> tuple[int, int, int]:
        """Return which map, row and column became an element."""
        channel, rest = divmod(unit, self.x.shape[1] * self.x.shape[2])
        row, col = divmod(rest, self.x.shape[2])
        return channel, row, col

    def element(self, channel: int, row: int, col: int) -> int:
        """Return which element a cell became."""
        return int((channel * self.x.shape[1] + row) * self.x.shape[2] + col)

    def value(self, unit: int, row: int, col: int) -> float:
        return float(self.x[self.origin(unit)])

    def scale(self, unit: int, row: int, col: int) -> float:
        return abs(self.value(unit, row, col))

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        return (Source(0, *self.origin(unit), self.value(unit, row, col)),)


@dataclass(frozen=True, eq=False)
class DenseStep:
    """One node of a dense layer: x, weights and their products, all (N,), the bias and the sum."""

    x: Float64Array
    weights: Float64Array
    products: Float64Array
    bias: float
    total: float


@dataclass(frozen=True, eq=False)
class Dense(Operation):
    """x (N,), weight (O, N), bias (O,) or ``None``.

    Attributes
    ----------
    folded
        Shape (C, H, W) of the maps that became `x`, where they did.
    """

    x: Array
    weight: Array
    bias: Array | None
    folded: Shape | None = None

    @property
    def output_shape(self) -> Shape:
        if self.weight.shape[1] != self.x.size:
            raise UserError(
                f"The weights expect {self.weight.shape[1]:,} values, but the layer is given {self.x.size:,}."
            )
        return len(self.weight), 1, 1

    def step(self, unit: int) -> DenseStep:
        """Return one node with every product."""
        x, weights = self.x.astype(np.float64), self.weight[unit].astype(np.float64)
        bias = 0.0 if self.bias is None else float(self.bias[unit])
        with np.errstate(invalid="ignore", over="ignore"):
            products = x * weights
            return DenseStep(x, weights, products, bias, float(products.sum()) + bias)

    def value(self, unit: int, row: int = 0, col: int = 0) -> float:
        return self.step(unit).total

    def scale(self, unit: int, row: int = 0, col: int = 0) -> float:
        step = self.step(unit)
        return float(np.abs(step.products).sum()) + abs(step.bias)

    def sources(self, unit: int, row: int = 0, col: int = 0, most: int = 256) -> tuple[Source, ...]:
        products = self.step(unit).products
        return tuple(Source(0, int(n), 0, 0, float(products[n])) for n in largest(products, most))


@dataclass(frozen=True, eq=False)
class RadialBasis(Operation):
    """x (N,) against a fixed picture for each class, centres (O, N): −½ Σ (x − w)²."""

    x: Array
    centres: Array

    @property
    def output_shape(self) -> Shape:
        return len(self.centres), 1, 1

    def step(self, unit: int) -> DenseStep:
        """Return one class: the terms stand where a dense layer has its products."""
        x, centre = self.x.astype(np.float64), self.centres[unit].astype(np.float64)
        terms = -0.5 * (x - centre) ** 2
        return DenseStep(x, centre, terms, 0.0, float(terms.sum()))

    def value(self, unit: int, row: int = 0, col: int = 0) -> float:
        return self.step(unit).total

    def scale(self, unit: int, row: int = 0, col: int = 0) -> float:
        return abs(self.step(unit).total)

    def sources(self, unit: int, row: int = 0, col: int = 0, most: int = 256) -> tuple[Source, ...]:
        terms = self.step(unit).products
        return tuple(Source(0, int(n), 0, 0, float(terms[n])) for n in largest(terms, most))


@dataclass(frozen=True, eq=False)
class Softmax(Operation):
    """Logits z (N,) and a temperature T: exp(z / T) over the sum of all exponentials."""

    logits: Array
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise UserError(f"The temperature is {self.temperature:g}; it must be above 0.")

    @property
    def output_shape(self) -> Shape:
        return len(self.logits), 1, 1

    def exponentials(self) -> tuple[float, Float64Array]:
        """Return what was subtracted from every logit, the largest, and exp((z − largest) / T).

        The quotient stays the same, and no exponential overflows.
        """
        z = self.logits.astype(np.float64)
        most = float(z.max())
        return most, np.exp((z - most) / self.temperature)

    def probabilities(self) -> Float64Array:
        """Return all probabilities, (N,)."""
        _, exponentials = self.exponentials()
        return np.asarray(exponentials / exponentials.sum(), np.float64)

    def value(self, unit: int, row: int = 0, col: int = 0) -> float:
        return float(self.probabilities()[unit])

    def scale(self, unit: int, row: int = 0, col: int = 0) -> float:
        # A logit that is off by a part in 10⁷ of its size moves the quotient by that size.
        return 1.0 + float(np.abs(self.logits).max()) / self.temperature * self.value(unit)

    def sources(self, unit: int, row: int = 0, col: int = 0, most: int = 256) -> tuple[Source, ...]:
        order = [unit, *(int(n) for n in np.argsort(-self.logits, kind="stable") if n != unit)]
        return tuple(Source(0, n, 0, 0, float(self.logits[n])) for n in order[:most])


def sigmoid(z: float) -> float:
    """Return 1 / (1 + exp(−z)), the probability that one node says."""
    return float(1 / (1 + np.exp(-z))) if z >= 0 else float(np.exp(z) / (1 + np.exp(z)))


@dataclass(frozen=True, eq=False)
class Sum(Operation):
    """Inputs of one shape (C, H, W), added up with a sign each; an input of one value, or one a map, is spread out."""

    inputs: tuple[Array, ...]
    signs: tuple[int, ...]

    @property
    def output_shape(self) -> Shape:
        channels, height, width = np.broadcast_shapes(*(x.shape for x in self.inputs))
        return channels, height, width

    def terms(self, unit: int, row: int, col: int) -> tuple[float, ...]:
        """Return what is added up at a place."""
        shape = self.output_shape
        return tuple(
            sign * float(np.broadcast_to(x, shape)[unit, row, col])
            for x, sign in zip(self.inputs, self.signs, strict=True)
        )

    def value(self, unit: int, row: int, col: int) -> float:
        return sum(self.terms(unit, row, col))

    def scale(self, unit: int, row: int, col: int) -> float:
        return sum(abs(term) for term in self.terms(unit, row, col))

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        found = [
            Source(k, min(unit, len(x) - 1), min(row, x.shape[1] - 1), min(col, x.shape[2] - 1), term)
            for k, (x, term) in enumerate(zip(self.inputs, self.terms(unit, row, col), strict=True))
        ]
        return tuple(sorted(found, key=lambda source: -abs(source.amount))[:most])

    def rows(self, unit: int, first: int, last: int) -> Float64Array:
        shape = self.output_shape
        parts = [
            sign * np.broadcast_to(x, shape)[unit, first:last].astype(np.float64)
            for x, sign in zip(self.inputs, self.signs, strict=True)
        ]
        return np.asarray(sum(parts), np.float64)


@dataclass(frozen=True, eq=False)
class Concatenation(Operation):
    """Inputs (Ck, H, W), one behind the other."""

    inputs: tuple[Array, ...]

    @property
    def output_shape(self) -> Shape:
        return sum(len(x) for x in self.inputs), self.inputs[0].shape[1], self.inputs[0].shape[2]

    def origin(self, unit: int) -> tuple[int, int]:
        """Return which input a map comes from, and which of its maps it is."""
        for index, x in enumerate(self.inputs):
            if unit < len(x):
                return index, unit
            unit -= len(x)
        raise IndexError(f"no map {unit}")

    def value(self, unit: int, row: int, col: int) -> float:
        index, channel = self.origin(unit)
        return float(self.inputs[index][channel, row, col])

    def scale(self, unit: int, row: int, col: int) -> float:
        return abs(self.value(unit, row, col))

    def sources(self, unit: int, row: int, col: int, most: int = 256) -> tuple[Source, ...]:
        index, channel = self.origin(unit)
        return (Source(index, channel, row, col, self.value(unit, row, col)),)


def edited(weights: Array, changes: Sequence[tuple[tuple[int, ...], float]]) -> Float64Array:
    """Return weights with some of them replaced; the original stays."""
    copy = np.array(weights, np.float64)
    for place, value in changes:
        copy[place] = value
    return copy
