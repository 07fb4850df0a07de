"""Which network a file's weights are for, told by names and shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from torch import Tensor

from cnnviz.models.building import skeleton
from cnnviz.models.matching import Layout, Match, layout_of, match
from cnnviz.models.registry import MODELS, ModelSpec

_CANDIDATES = 8


@dataclass(frozen=True)
class Guess:
    """A network that a file's weights may be for, and how they lie upon it."""

    spec: ModelSpec
    match: Match

    @property
    def why(self) -> str:
        """What speaks for it, in a few words."""
        if self.match.fits:
            return "all names and shapes are its own"
        count = len(self.match.differences)
        return f"{self.match.share:.0%} of the names and shapes are its own; {self.match.differences[0]}" + (
            f" and {count - 1} more" if count > 1 else ""
        )


def guess(tensors: Mapping[str, Tensor], prefer: tuple[str, ...] = ()) -> tuple[Guess, ...]:
    """Return the registered networks that are most like a file's weights, the likeliest first.

    The first call builds every network without weights, which takes one or two seconds.

    Parameters
    ----------
    tensors
        As they are in the file.
    prefer
        Names of networks to take before others that fit as well: a plain network and its residual twin have the
        same weights.
    """
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    given = Counter(shapes.values())
    like = sorted(MODELS, key=lambda spec: -_overlap(given, layout(spec).counts))  # in the table's order where alike
    found = [Guess(spec, match(shapes, layout(spec), spec.name)) for spec in like[:_CANDIDATES]]

    def rank(item: Guess) -> tuple[bool, bool, float]:
        fits = item.match.fits
        return not fits, fits and item.spec.name not in prefer, -item.match.share

    return tuple(sorted(found, key=rank))


def _overlap(one: Counter[tuple[int, ...]], other: Counter[tuple[int, ...]]) -> float:
    """Return how many of the shapes two networks share, 0..1; their names take longer to compare."""
    same = sum(min(count, other[shape]) for shape, count in one.items())
    return same / max(1, one.total(), other.total())


@cache
def layout(spec: ModelSpec) -> Layout:
    """Return the names and shapes of a registered network."""
    return layout_of(skeleton(spec))
