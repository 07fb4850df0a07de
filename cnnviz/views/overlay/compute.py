"""A map and a receptive field over the picture that the network saw. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cnnviz.core import scale
from cnnviz.core.errors import UserError
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel, PixelArray
from cnnviz.core.receptive import ReceptiveRegion
from cnnviz.models import registry

Over = Literal["map", "gradient", "nothing"]
OVERS: tuple[Over, ...] = ("map", "gradient", "nothing")
OVER_NAMES: dict[Over, str] = {
    "map": "the map",
    "gradient": "effective field",
    "nothing": "only the picture",
}
MOST_OF_GRADIENT = 0.95


def has_picture(graph: Graph) -> bool:
    """Return whether a network's input can be shown: (C, H, W) with one channel, or with three colours."""
    shape = graph.nodes[0].output_shape
    return len(shape) == 3 and shape[0] in (1, 3)


def picture_of(model: LoadedModel, inspection: Inspection) -> PixelArray:
    """Return what the network was given as a picture, uint8 (H, W, 3).

    The normalisation of its table entry is undone; where that is not known, from the least to the largest value.
    """
    given_chw = inspection.values[model.graph.nodes[0].name]
    try:
        spec = registry.get(model.request.name).input
        mean, std = (np.array(values, np.float32)[:, None, None] for values in (spec.mean, spec.std))
        levels = given_chw * std + mean
    except (UserError, ValueError):
        low, high = float(given_chw.min()), float(given_chw.max())
        levels = (given_chw - low) / (high - low if high > low else 1.0)
    pixels = np.clip(np.nan_to_num(levels) * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0))


def enlarged(map_hw: FloatArray, size_hw: tuple[int, int], *, smooth: bool) -> FloatArray:
    """Return a map stretched over a picture: each cell a rectangle, or bilinear between the middles of cells.

    Bilinear as PyTorch's `interpolate` with ``align_corners=False``.
    """
    rows, cols = (_places(out, into) for out, into in zip(size_hw, map_hw.shape, strict=True))
    if not smooth:
        nearest = (np.minimum((at + 0.5).astype(int), n - 1) for at, n in zip((rows, cols), map_hw.shape, strict=True))
        return map_hw[np.ix_(*nearest)]
    down, across = (_weights(at, n) for at, n in zip((rows, cols), map_hw.shape, strict=True))
    return np.asarray(down @ map_hw @ across.T, np.float32)


def _places(out: int, into: int) -> npt.NDArray[np.float64]:
    """Return where the middle of each pixel lies among the middles of a map's cells."""
    return np.clip((np.arange(out) + 0.5) * into / out - 0.5, 0, into - 1)


def _weights(at: npt.NDArray[np.float64], into: int) -> FloatArray:
    """Return the matrix (out, in) of linear interpolation at some places."""
    first = np.minimum(at.astype(int), max(0, into - 2))
    share = (at - first).astype(np.float32)
    matrix = np.zeros((len(at), into), np.float32)
    lines = np.arange(len(at))
    matrix[lines, first] = 1 - share
    matrix[lines, np.minimum(first + 1, into - 1)] += share
    return matrix


def chosen_value(
    node: Node, maps_chw: FloatArray, unit: int | None, cell: tuple[int, int] | None
) -> tuple[int, tuple[int, int] | None]:
    """Return a unit and, in a map, a cell: where none is chosen, the first unit and its strongest cell."""
    unit = min(unit or 0, len(maps_chw) - 1)
    if not node.is_map or cell is not None:
        return unit, cell if node.is_map else None
    strongest = int(np.argmax(np.nan_to_num(np.abs(maps_chw[unit]))))
    row, column = divmod(strongest, maps_chw.shape[2])
    return unit, (row, column)


def field_words(field: ReceptiveRegion) -> str:
    """Return a receptive field in a few words."""
    (top, bottom), (left, right) = field.rows, field.cols
    seen = int(field.mask_hw.sum())
    if not seen:
        return "sees padding only"
    doubt = "" if field.is_exact else " (a step on the way could not be followed: at most this)"
    if field.is_whole:
        return f"sees the whole picture{doubt}"
    words = f"sees {bottom - top} × {right - left} pixels: rows {top}–{bottom - 1}, columns {left}–{right - 1}"
    holes = (bottom - top) * (right - left) - seen
    return f"{words}{f', {seen:,} of them' if holes else ''}{doubt}"


def share_of_field(magnitude_hw: FloatArray, field: ReceptiveRegion, part: float = MOST_OF_GRADIENT) -> float:
    """Return how much of the exact field carries a part of the gradient: the fewest pixels that do, over all of it.

    0 where there is no gradient at all.
    """
    size = int(field.mask_hw.sum())
    falling = np.sort(magnitude_hw.astype(np.float64), axis=None)[::-1]
    total = float(falling.sum())
    if not (size and 0 < total < np.inf):
        return 0.0
    fewest = int(np.searchsorted(np.cumsum(falling), part * total * (1 - 1e-12))) + 1
    return fewest / size


def gradient_words(magnitude_hw: FloatArray, field: ReceptiveRegion) -> str:
    """Return what an effective field says in one line."""
    share = share_of_field(magnitude_hw, field)
    if not share:
        return "no pixel changes it here: its gradient is 0 (a ReLU on the way is off)"
    return f"{share:.1%} of the field carries {MOST_OF_GRADIENT:.0%} of the gradient"


@dataclass(frozen=True, eq=False)
class Layer:
    """A map over the picture: values of the picture's size, their colours and the ends of their scale."""

    values_hw: FloatArray
    role: Literal["ink", "signed", "activation"]
    low: float
    high: float


def map_layer(
    node: Node, maps_chw: FloatArray, unit: int, size_hw: tuple[int, int], scope: scale.Scope, *, smooth: bool,
    network: Mapping[str, float] | None,
) -> Layer:  # fmt: skip
    """Return a unit's map as a layer over the picture, in the colours that all views give it."""
    low, high = scale.limits(node, maps_chw, scope, network)
    pick = unit if len(low) > 1 else 0
    role = scale.role(node, maps_chw)
    return Layer(enlarged(maps_chw[unit], size_hw, smooth=smooth), role, float(low[pick]), float(high[pick]))


def gradient_layer(magnitude_hw: FloatArray) -> Layer:
    """Return an effective field as a layer over the picture."""
    most = float(np.max(magnitude_hw, where=np.isfinite(magnitude_hw), initial=0.0))
    return Layer(magnitude_hw, "activation", 0.0, most or 1.0)
