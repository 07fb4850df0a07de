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


def bytes_text(count: float) -> str:
    """Write a size in bytes in units of 1024, as torchvision states those of its weights: ``528 MB``."""
    if count < 1000:
        return f"{count:.0f} bytes"
    units = ["GB", "MB", "kB"]
    count /= 1024
    while count >= 999.5 and len(units) > 1:
        units.pop()
        count /= 1024
    return f"{count:.1f} {units[-1]}" if count < 9.95 else f"{count:,.0f} {units[-1]}"


def duration_text(seconds: float) -> str:
    """Write how long something takes, as exactly as one wants to know it: ``36 s``, ``4 min``, ``1 h 20 min``."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
