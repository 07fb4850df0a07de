"""What changes each value where it is: activation, normalisation, dropout."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cnnviz.core import activation, normalisation
from cnnviz.core.operations.base import Array, Float64Array, Operation, Shape, Source


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
