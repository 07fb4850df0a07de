"""Axes of a chart: which values they reach over, where a value lies, and which numbers are written at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnviz.core.curves import Column
from cnnviz.core.formats import fixed, number

MARGIN = 0.05
LARGEST = 1e300  # the ends of an axis keep away from where floating point ends
MOST_DECADES = 12  # a value that is rounding and nothing else must not press all others together


@dataclass(frozen=True)
class Axis:
    """A range of values on a straight line.

    Attributes
    ----------
    low, high
        Its ends; `low` is above 0 on a logarithmic axis.
    logarithmic
        Whether equal distances are equal ratios.
    """

    low: float
    high: float
    logarithmic: bool = False

    def shares(self, values: Column) -> Column:
        """Return where values lie, 0 at the low end and 1 at the high one; 0 or less is at the end of a log axis."""
        if not self.logarithmic:
            return (values - self.low) / (self.high - self.low)
        ends = math.log(self.low), math.log(self.high)
        return (np.log(np.maximum(values, self.low)) - ends[0]) / (ends[1] - ends[0])

    def share(self, value: float) -> float:
        """Return where one value lies."""
        return float(self.shares(np.array([value]))[0])

    @property
    def has_decades(self) -> bool:
        """Whether the ticks are 1, 2 and 5 times powers of ten."""
        return self.logarithmic and self.high / self.low >= 5

    def labels(self, ticks: Sequence[float], *, percent: bool = False) -> list[str]:
        """Write the numbers of the axis' ticks."""
        return [_short(value) for value in ticks] if self.has_decades else tick_labels(ticks, percent=percent)

    def ticks(self, most: int) -> list[float]:
        """Return at most about `most` round values of the axis."""
        if self.has_decades:
            return _decades(self.low, self.high, most)
        step = nice_step((self.high - self.low) / max(1, most))
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        return [(first + i) * step for i in range(count)]


def fitted(low: float, high: float, *, logarithmic: bool = False, least: float = -math.inf) -> Axis:
    """Return an axis that reaches a little beyond both values, but not below `least`; equal values are in its middle.

    On a logarithmic axis `low` is the smallest value above 0.
    """
    low, high = (min(max(value, -LARGEST), LARGEST) for value in (low, high))
    if logarithmic:
        high = max(high, 1 / LARGEST)
        low = max(low, 1 / LARGEST, high * 10.0**-MOST_DECADES)
        room = max((high / low) ** MARGIN, 1.02)
        return Axis(low / room, high * room, True)
    room = (high - low) * MARGIN or abs(high) * MARGIN or 1.0
    return Axis(max(low - room, min(low, least)), high + room)


def nice_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not smaller."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))


def _decades(low: float, high: float, most: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / max(1, most)))
    digits = (1, 2, 5) if 3 * (last - first) <= most + 2 else (1,)
    found = [d * 10.0**p for p in range(first, last + 1) if p % every == 0 for d in digits]
    return [value for value in found if low <= value <= high]


def tick_labels(ticks: Sequence[float], *, percent: bool = False) -> list[str]:
    """Write the numbers of evenly spaced ticks, all with as many decimals as they need."""
    scale = 100 if percent else 1
    step = abs(ticks[1] - ticks[0]) * scale if len(ticks) > 1 else max(map(abs, ticks), default=1.0) * scale or 1.0
    largest = max(map(abs, ticks), default=0.0) * scale
    if step < 1e-5 or largest >= 1e8:
        digits = math.ceil(math.log10(largest / step)) + 1
        return [_short(value * scale, digits) + (" %" if percent else "") for value in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    texts = [f"{v * scale:,.0f}" if decimals == 0 else fixed(v * scale, decimals) for v in ticks]
    return [text.replace("-", "−") + (" %" if percent else "") for text in texts]


def _short(value: float, digits: int = 0) -> str:
    """Write a round number; with so many digits as a power of ten, without as people write its size."""
    if value == 0 or (not digits and 1e-4 <= abs(value) < 1e6):
        return number(value, 1)
    mantissa, _, power = f"{value:.{max(0, digits - 1)}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(power)}".replace("-", "−")
