"""How a name is shortened so that what tells it from its neighbours stays. No Qt."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

ELLIPSIS = "…"
NEAR = 2  # columns to each side that are looked at together
LEAST_LEFT = 4  # a word's beginning may go only where so much is left; else the name is cut inside a word
Fits = Callable[[str], bool]


def common_starts(names: Sequence[str], depths: Sequence[int]) -> list[int]:
    """Return how many letters each name has in common with the beginning of another that is near."""
    columns: dict[int, set[str]] = {}
    for name, depth in zip(names, depths, strict=True):
        columns.setdefault(depth, set()).add(name)
    found = []
    for name, depth in zip(names, depths, strict=True):
        others = set().union(*(columns.get(depth + step, set()) for step in range(-NEAR, NEAR + 1))) - {name}
        found.append(max((_common(name, other) for other in others), default=0))
    return found


def _common(a: str, b: str) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def words(name: str) -> list[str]:
    """Return a name in its parts: each begins behind a sign, or where letters turn into digits or back."""
    starts = [0]
    for i in range(1, len(name)):
        before, here = name[i - 1], name[i]
        if here.isalnum() and (not before.isalnum() or before.isdigit() != here.isdigit()):
            starts.append(i)
    return [name[a:b] for a, b in zip(starts, [*starts[1:], len(name)], strict=True)]


def shortened(name: str, common: int, fits: Fits) -> str:
    """Return as much of a name as fits.

    Of the first `common` letters, which a neighbour has as well, as few go as need be: whole words, or single letters
    where hardly anything would be left. What is too long even so is cut at its end.
    """
    if fits(name):
        return name
    cuts = [0]
    for part in words(name):
        cuts.append(cuts[-1] + len(part))
    whole = [cut for cut in cuts if 0 < cut <= min(common, len(name) - LEAST_LEFT)]
    start = max((cut for cut in cuts if cut <= common and cut < len(name)), default=0)
    for cut in (*whole, *range(1, start + 1)):
        if fits(ELLIPSIS + name[cut:]):
            return ELLIPSIS + name[cut:]
    begin = ELLIPSIS if start else ""
    for end in range(len(name) - 1, start, -1):
        part = begin + name[start:end].rstrip() + ELLIPSIS
        if fits(part):
            return part
    return ELLIPSIS


def wrapped(name: str, fits: Fits) -> tuple[str, str] | None:
    """Return a name on two lines, parted between words or else inside one; ``None`` where that is not enough."""
    parts = words(name)
    cuts = [len("".join(parts[:count])) for count in range(1, len(parts))]
    cuts.sort(key=lambda cut: max(cut, len(name) - cut))  # lines of nearly one length look best
    for cut in (*cuts, *range(len(name) - 1, 0, -1)):
        if fits(name[:cut].rstrip()) and fits(name[cut:].lstrip()):
            return name[:cut].rstrip(), name[cut:].lstrip()
    return None
