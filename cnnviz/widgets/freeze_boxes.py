"""A network's layers as a row of boxes: those of a group are one box until it is unfolded. No Qt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from cnnviz.training.layers_of import LayerInfo

LEAST_BOXES = 5  # fewer say nothing: rather scroll


@dataclass(frozen=True)
class Box:
    """A layer, or a folded group of layers.

    Attributes
    ----------
    path
        Of the layer or the group.
    first, last
        The numbers of its first and its last layer.
    parameters
        How many numbers are learned in it.
    mark
        What is said of its last layer where that is the output's.
    """

    path: str
    first: int
    last: int
    parameters: int
    mark: str = ""

    @property
    def count(self) -> int:
        """How many layers it stands for."""
        return self.last - self.first + 1

    @property
    def title(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]

    @property
    def inside(self) -> str:
        """The path of what it lies in."""
        return self.path.rpartition(".")[0]


def boxes_of(layers: Sequence[LayerInfo], depth: int, unfolded: Collection[str] = ()) -> tuple[Box, ...]:
    """Return the boxes in order: layers whose paths share `depth` parts are one, unless they are unfolded."""
    found: list[Box] = []

    def add(numbers: list[int], depth: int) -> None:
        for path, members in groupby(numbers, lambda i: _prefix(layers[i].path, depth)):
            same = list(members)
            if len(same) > 1 and path in unfolded:
                add(same, depth + 1)
            else:
                found.append(_box(layers, path if len(same) > 1 else layers[same[0]].path, same[0], same[-1]))

    add(list(range(len(layers))), max(1, depth))
    return tuple(found)


def depth_for(layers: Sequence[LayerInfo], room: int) -> int:
    """Return how many parts of paths tell boxes apart: as many as give at most `room` boxes, if enough."""
    deepest = max((layer.path.count(".") + 1 for layer in layers), default=1)
    best = 1
    for depth in range(2, deepest + 1):
        if len(boxes_of(layers, depth)) > room and len(boxes_of(layers, best)) >= LEAST_BOXES:
            break
        best = depth
    return best


def learning_of(layers: Sequence[LayerInfo], frozen: int) -> tuple[int, int]:
    """Return how many numbers learn when so many layers are frozen, and how many there are."""
    return sum(layer.parameters for layer in layers[frozen:]), sum(layer.parameters for layer in layers)


def words_of(layers: Sequence[LayerInfo], frozen: int) -> tuple[str, str]:
    """Return what is frozen, and what learns."""
    learn, whole = learning_of(layers, frozen)
    share = f" ({100 * learn / whole:.3g} %)" if whole else ""
    left = f"Frozen: {frozen:,} of {len(layers):,} layers, up to {layers[frozen - 1].path}" if frozen else ""
    return left or "Nothing is frozen", f"{learn:,} of {whole:,} parameters learn{share}"


def short_words_of(layers: Sequence[LayerInfo], frozen: int) -> tuple[str, str]:
    """Return the same in few letters."""
    learn, whole = learning_of(layers, frozen)
    percent = round(100 * learn / max(1, whole))
    left = f"{frozen:,} of {len(layers):,} layers frozen" if frozen else "Nothing is frozen"
    return left, f"{count_text(learn)} of {count_text(whole)} learn, {percent or '<1'} %"


def count_text(count: int) -> str:
    """Write how many numbers there are in few letters: ``9,408``, ``147 k``, ``11.2 M``."""
    if count < 10_000:
        return f"{count:,}"
    if count < 999_500:
        return f"{count / 1e3:.0f} k"
    return f"{count / 1e6:.1f} M" if count < 99_950_000 else f"{count / 1e6:.0f} M"


def _prefix(path: str, depth: int) -> str:
    return ".".join(path.split(".")[:depth])


def _box(layers: Sequence[LayerInfo], path: str, first: int, last: int) -> Box:
    inside = layers[first : last + 1]
    mark = "head" if any(layer.is_head for layer in inside) else ""
    if any(layer.is_new for layer in inside):
        mark = "new head"
    return Box(path, first, last, sum(layer.parameters for layer in inside), mark)
