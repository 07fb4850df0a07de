"""What has several inputs: sums and concatenations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnviz.core.operations.base import Array, Float64Array, Operation, Shape, Source


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
