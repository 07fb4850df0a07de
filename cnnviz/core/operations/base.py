"""One layer and what it was given: what every operation can say of its values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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


def edited(weights: Array, changes: Sequence[tuple[tuple[int, ...], float]]) -> Float64Array:
    """Return weights with some of them replaced; the original stays."""
    copy = np.array(weights, np.float64)
    for place, value in changes:
        copy[place] = value
    return copy
