"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable


def number(value: float, digits: int = 3) -> str:
    """Write a number for people: `digits` significant digits, no exponent for ordinary sizes, a true minus sign."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 10**6 or size < 10**-4:
        text = f"{value:.{digits - 1}e}"
    else:
        decimals = max(0, digits - 1 - math.floor(math.log10(size)))
        text = f"{value:.{decimals}f}"
    return text.replace("-", "−")


def decimals_for(values: Iterable[float], digits: int) -> int:
    """Return how many decimals show the largest of some numbers with `digits` digits, so that all line up.

    Whole numbers of a moderate size need none.
    """
    largest, whole = 0.0, True
    for value in values:
        if math.isfinite(value):
            largest = max(largest, abs(value))
            whole = whole and value == int(value)
    if whole and largest < 10**6:
        return 0
    return min(12, max(0, digits - 1 - math.floor(math.log10(largest))))


def fixed(value: float, decimals: int) -> str:
    """Write a number with so many decimals and a true minus sign; very large ones with an exponent."""
    if not math.isfinite(value) or abs(value) >= 10**8:
        return number(value, 3)
    text = f"{value:.{decimals}f}"
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.") else f"−{text[1:]}"  # no negative zero
    return text


def adds_up(parts: Iterable[float], total: float, decimals: int) -> tuple[bool, float]:
    """Return whether numbers printed with so many decimals add up to the printed total, and what they add up to."""
    printed = round(sum(round(part, decimals) for part in parts), decimals)
    return printed == round(total, decimals), printed
