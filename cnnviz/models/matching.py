"""Whether the tensors of a file are the weights of a network, by names and shapes, whatever stands around the names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import nn

Shapes = Mapping[str, tuple[int, ...]]

_WRAPPED = ("module", "_orig_mod")
"""What DataParallel and torch.compile put into names, at any place."""
_COUNTERS = ("num_batches_tracked", "n_averaged")
"""How often batch normalisation and torch's `AveragedModel` were called."""
_MOST_CLASSES = 100_000
_AUXILIARY = re.compile(r"aux\d*|AuxLogits|aux_classifier")
_FORMER = (
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\."), r"\1\2."),
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
)
"""Names of torchvision's older files, which it still publishes, and today's."""


@dataclass(frozen=True)
class Layout:
    """The names and shapes of a network's state dict.

    Attributes
    ----------
    shapes
        By key, in order.
    optional
        Keys that a file may leave out: counters and tables that a network computes by itself.
    heads
        Paths of the layers that have one row for each class: the last one, and those of auxiliary heads.
    """

    shapes: Shapes
    optional: frozenset[str]
    heads: tuple[str, ...]

    @cached_property
    def counts(self) -> Counter[tuple[int, ...]]:
        """How often each shape is there."""
        return Counter(self.shapes.values())

    @property
    def classes(self) -> int:
        """Number of the network's classes; 0 where no layer has a row for each."""
        return self.shapes[f"{self.heads[-1]}.weight"][0] if self.heads else 0


@dataclass(frozen=True)
class Match:
    """How a file's tensors lie upon a network.

    Attributes
    ----------
    source
        For each key of the network that the file has: its name in the file.
    classes
        How many classes the file has; the network's own number where it says nothing else.
    without
        Auxiliary heads of the network that the file does not have.
    differences
        What keeps the file from fitting, one sentence each, shapes first; empty where it fits.
    remarks
        What was done to the names, in a few words each.
    share
        How much of the two is the same, 0..1.
    """

    source: Mapping[str, str]
    classes: int
    without: tuple[str, ...]
    differences: tuple[str, ...]
    remarks: tuple[str, ...]
    share: float

    @property
    def fits(self) -> bool:
        """Whether the tensors are weights of that network."""
        return not self.differences


def layout_of(skeleton: nn.Module) -> Layout:
    """Return the names and shapes of a network; see `building.skeleton`, whose computed tables have values."""
    state = skeleton.state_dict()
    buffers = {name for name, _ in skeleton.named_buffers()}
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    optional = frozenset(key for key, tensor in state.items() if key in buffers and not tensor.is_meta)
    layers = [
        (path, module)
        for path, module in skeleton.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv2d)) and f"{path}.weight" in shapes
    ]
    if not layers or any(getattr(module, "kind", "") == "output" for module in skeleton.modules()):
        return Layout(shapes, optional, ())
    last = layers[-1][0]
    inside = (path for path, module in layers if _AUXILIARY.match(path) and isinstance(module, nn.Linear))
    auxiliary = [path for path in inside if shapes[f"{path}.weight"][0] == shapes[f"{last}.weight"][0]]
    return Layout(shapes, optional, (*auxiliary, last))


def match(given: Shapes, layout: Layout, title: str) -> Match:
    """Lay a file's tensors upon a network.

    Parameters
    ----------
    given
        Shapes of the file's tensors by name.
    layout, title
        The network's, and what the differences call it.
    """
    remarks: list[str] = []
    names = _unwrapped(given, layout, remarks)
    prefix = _prefix(names, layout)
    if prefix:
        remarks.append(f"without '{prefix}' before the names")
    inside = {own.removeprefix(prefix): name for own, name in names.items() if own.startswith(prefix)}
    if len(inside) < len(names):
        remarks.append(_left_out(len(names) - len(inside), "of something else"))
    source = {key: inside[key] for key in layout.shapes if key in inside}
    for key in layout.optional & source.keys():
        if given[source[key]] != layout.shapes[key]:
            del source[key]
    _find_head(source, inside, given, layout, remarks)
    used = set(source.values())
    extra = [key for key, name in inside.items() if name not in used]
    auxiliary = [key for key in extra if _AUXILIARY.match(key)]
    extra = [
        key
        for key in extra
        if key not in auxiliary and key not in layout.optional and key.rpartition(".")[2] not in _COUNTERS
    ]
    if auxiliary:
        remarks.append(_left_out(len(auxiliary), "of auxiliary heads, which only training needs"))
    absent = [key for key in layout.shapes if key not in source and key not in layout.optional]
    without = tuple(sorted({key.partition(".")[0] for key in absent if _AUXILIARY.match(key)}))
    missing = [key for key in absent if not _AUXILIARY.match(key)]
    classes = _classes(source, given, layout)
    source = {key: name for key, name in source.items() if key.partition(".")[0] not in without}
    if any(_AUXILIARY.match(key) and given[name] != _expected(key, layout, classes) for key, name in source.items()):
        # Only the main head was trained for other classes; the others run in training only.
        without = tuple(sorted({*without, *(key.partition(".")[0] for key in source if _AUXILIARY.match(key))}))
        source = {key: name for key, name in source.items() if not _AUXILIARY.match(key)}
    other = [key for key, name in source.items() if given[name] != _expected(key, layout, classes)]
    differences = (
        *(f"{key} is {given[source[key]]}, not {_expected(key, layout, classes)}" for key in other),
        *(f"{key} is missing" for key in missing),
        *(f"{key} is not in {title}" for key in extra),
    )
    same = len(source) - len(other)
    return Match(
        source, classes, without, differences, tuple(remarks), same / max(1, same + len(other + missing + extra))
    )


def _unwrapped(given: Iterable[str], layout: Layout, remarks: list[str]) -> dict[str, str]:
    """Return the file's names as the network may have them, by what they are today, without wrappers."""
    own = {part for key in layout.shapes for part in key.split(".")}
    drop = [part for part in _WRAPPED if part not in own]
    names: dict[str, str] = {}
    dropped: set[str] = set()
    for name in given:
        parts = name.split(".")
        kept = ".".join(part for part in parts if part not in drop)
        dropped.update(part for part in parts if part in drop)
        for former, today in _FORMER:
            renamed = former.sub(today, kept)
            kept = renamed if renamed in layout.shapes else kept
        names.setdefault(kept, name)
    remarks.extend(f"without '{part}.' in the names" for part in drop if part in dropped)
    return names


def _prefix(names: Mapping[str, str], layout: Layout) -> str:
    """Return what stands before the network's names in a file: that with which most of them are there."""
    keys = list(layout.shapes)
    found = set(names)
    ends = {keys[0], keys[len(keys) // 2], keys[-1]} if keys else set()
    # In the file's order, which is the same every time: of two that fit as well, the first is taken.
    tried = {n.removesuffix(end): None for n in names for end in sorted(ends) if n == end or n.endswith("." + end)}
    return max(sorted(tried, key=len), key=lambda prefix: sum(prefix + key in found for key in keys), default="")


def _find_head(
    source: dict[str, str], inside: Mapping[str, str], given: Shapes, layout: Layout, remarks: list[str]
) -> None:
    """Take ``fc.1.weight`` for ``fc.weight``: people put a dropout before the last layer."""
    if not layout.heads or f"{layout.heads[-1]}.weight" in source:
        return
    last = layout.heads[-1]
    below = [key for key in inside if key.startswith(f"{last}.")]
    weights = [key for key in below if key.endswith(".weight")]
    if len(weights) != 1 or len(below) > 2:
        return
    at = weights[0].removesuffix(".weight")
    if given[inside[weights[0]]][1:] == layout.shapes[f"{last}.weight"][1:]:
        for part in ("weight", "bias"):
            if f"{at}.{part}" in inside and f"{last}.{part}" in layout.shapes:
                source[f"{last}.{part}"] = inside[f"{at}.{part}"]
        remarks.append(f"'{at}' taken for '{last}'")


def _classes(source: Mapping[str, str], given: Shapes, layout: Layout) -> int:
    """Return the number of classes that the file's last layer has."""
    if not layout.heads:
        return 0
    shape = given.get(source.get(f"{layout.heads[-1]}.weight", ""), ())
    return shape[0] if shape and 0 < shape[0] <= _MOST_CLASSES else layout.classes


def _expected(key: str, layout: Layout, classes: int) -> tuple[int, ...]:
    """Return the shape that a tensor has in a network with so many classes."""
    shape = layout.shapes[key]
    return (classes, *shape[1:]) if key.rpartition(".")[0] in layout.heads else shape


def _left_out(count: int, what: str) -> str:
    return f"{count} {'tensor' if count == 1 else 'tensors'} {what} left out"
