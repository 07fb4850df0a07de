"""What works on a row of numbers: flatten, dense and radial-basis layers, softmax."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnviz.core.errors import UserError
from cnnviz.core.operations.base import Array, Float64Array, Operation, Shape, Source, largest


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
