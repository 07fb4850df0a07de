"""Long curves in as few numbers as there are pixels: extremes and moving averages of any part of a growing column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnviz.core.curves import Column, Curves

Rows = npt.NDArray[np.int64]
FACTOR = 4  # rows of one level that make a row of the next: the levels together are two thirds of the column
SUMMED = 16  # rows between two sums that are kept
LARGEST_SUMMED = 1e9  # a larger value would swallow the digits of all that are added after it


@dataclass(frozen=True, eq=False)
class Blocks:
    """Neighbouring rows of a column put together.

    Attributes
    ----------
    middle_n, last_n
        The row in the middle of each block, and its last one.
    low_n, high_n
        Smallest and largest value of each block, those left out that are no finite numbers; NaN where there is none.
    size
        Rows in a block; the last block may have fewer.
    """

    middle_n: Rows
    last_n: Rows
    low_n: Column
    high_n: Column
    size: int


class Series:
    """A growing column over its steps, ready to be drawn. What it keeps follows the column at each call.

    Parameters
    ----------
    curves
        The columns.
    name, step
        Names of the column that is drawn, and of that of the steps, which never falls.
    """

    def __init__(self, curves: Curves, name: str, step: str = "step") -> None:
        self.curves, self.name, self.step = curves, name, step
        self._cuts = curves.cuts
        self._levels: list[Curves] = []
        self._sums = _empty_sums()

    def __len__(self) -> int:
        return len(self.curves)

    @property
    def x(self) -> Column:
        """The steps."""
        return self.curves[self.step]

    @property
    def y(self) -> Column:
        """The values."""
        return self.curves[self.name]

    def rows(self, low: float, high: float) -> tuple[int, int]:
        """Return the first row of a range of steps, and the one after its last.

        A line through these rows reaches both ends of the range: one row on each side of it belongs to them.
        """
        first, last = np.searchsorted(self.x, [low, high], side="left")
        return max(0, int(first) - 1), min(len(self), int(last) + 1)

    def nearest(self, step: float) -> int:
        """Return the row whose step is nearest; there must be one."""
        x, after = self.x, int(np.searchsorted(self.x, step))
        if after == 0 or after == len(x):
            return min(after, len(x) - 1)
        return after if x[after] - step < step - x[after - 1] else after - 1

    def blocks(self, first: int, last: int, most: int) -> Blocks:
        """Return rows `first` to `last` (exclusive) in about `most` blocks, none of them longer than it must be.

        Blocks begin at multiples of their size, so that a curve that is moved does not flicker.
        """
        self._follow()
        size = 1
        level = 0
        while (last - first) > most * size * FACTOR:
            size, level = size * FACTOR, level + 1
        joined = max(1, -(-(last - first) // (most * size)))  # 1 to FACTOR blocks of the level
        return self._joined(first, last, level, joined)

    def _joined(self, first: int, last: int, level: int, joined: int) -> Blocks:
        size = FACTOR**level * joined
        begin = first // size
        end = min(len(self), -(-last // size) * size)  # of the rows
        whole = end // size
        low, high = self._level(level, begin * joined, whole * joined)
        if joined > 1:
            low = np.fmin.reduce(low.reshape(-1, joined), axis=1)
            high = np.fmax.reduce(high.reshape(-1, joined), axis=1)
        if end > whole * size:  # what is not yet a block
            rest = _finite(self.y[whole * size : end])
            low = np.append(low, np.fmin.reduce(rest))
            high = np.append(high, np.fmax.reduce(rest))
        starts = np.arange(begin, begin + len(low), dtype=np.int64) * size
        last_n = np.minimum(starts + size, end) - 1
        return Blocks((starts + last_n) // 2, last_n, low, high, size)

    def _level(self, level: int, first: int, last: int) -> tuple[Column, Column]:
        if level == 0:
            values = _finite(self.y[first:last])
            return values, values
        kept = self._levels[level - 1]
        return kept["low"][first:last], kept["high"][first:last]

    def _follow(self) -> None:
        """Take in the rows that are new."""
        if self._cuts != self.curves.cuts:
            self._cuts = self.curves.cuts
            self._levels, self._sums = [], _empty_sums()
        level, count = 0, len(self)
        while count >= FACTOR:
            if level == len(self._levels):
                self._levels.append(Curves(("low", "high")))
            kept = self._levels[level]
            new = count // FACTOR - len(kept)
            if not new:
                return
            low, high = self._level(level, FACTOR * len(kept), FACTOR * (len(kept) + new))
            low = np.fmin.reduce(low.reshape(-1, FACTOR), axis=1)
            kept.append({"low": low, "high": np.fmax.reduce(high.reshape(-1, FACTOR), axis=1)})
            level, count = level + 1, len(kept)

    def means(self, rows: Rows, window: int) -> Column:
        """Return for each of some rows the mean of the `window` rows that end with it, at the beginning of fewer.

        Values that are no finite numbers or larger than `LARGEST_SUMMED` are left out; NaN where none is left.
        """
        self._follow()
        self._follow_sums()
        count, total = self._before(rows + 1)
        count_before, total_before = self._before(np.maximum(rows + 1 - window, 0))
        count, total = count - count_before, total - total_before
        means: Column = np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0)
        return means

    def _follow_sums(self) -> None:
        done, whole = len(self._sums) - 1, len(self) // SUMMED
        if whole == done:
            return
        values = self.y[SUMMED * done : SUMMED * whole].reshape(-1, SUMMED)
        fits = np.abs(values) <= LARGEST_SUMMED
        counts = self._sums["count"][-1] + np.cumsum(fits.sum(axis=1))
        totals = self._sums["total"][-1] + np.cumsum(np.where(fits, values, 0.0).sum(axis=1))
        self._sums.append({"count": counts, "total": totals})

    def _before(self, rows: Rows) -> tuple[Column, Column]:
        """Return for each of some rows how many values stand before it, and their sum."""
        block = rows // SUMMED
        places = block[:, None] * SUMMED + np.arange(SUMMED)
        values = self.y[np.minimum(places, len(self) - 1)]
        fits = (places < rows[:, None]) & (np.abs(values) <= LARGEST_SUMMED)
        total = self._sums["total"][block] + np.where(fits, values, 0.0).sum(axis=1)
        return self._sums["count"][block] + fits.sum(axis=1), total


def _finite(values: Column) -> Column:
    """Return the values with NaN for what is no finite number."""
    finite = np.isfinite(values)
    cleaned: Column = values if finite.all() else np.where(finite, values, np.nan)
    return cleaned


def _empty_sums() -> Curves:
    sums = Curves(("count", "total"))
    sums.append({"count": [0.0], "total": [0.0]})
    return sums
