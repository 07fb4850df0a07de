"""What differs between a layer's values for two inputs, A and B. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cnnviz.core import mosaic, scale
from cnnviz.core.formats import number
from cnnviz.core.graph import Node
from cnnviz.core.inspection import FloatArray, Inspection

Order = Literal["change", "rise", "fall", "index"]
ORDERS: tuple[Order, ...] = ("change", "rise", "fall", "index")
ORDER_NAMES: dict[Order, str] = {
    "change": "most changed first", "rise": "largest rise first", "fall": "largest fall first", "index": "by number",
}  # fmt: skip
LEAST_SHARE = 0.001
Units = npt.NDArray[np.intp]
Norms = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Difference:
    """A layer's values for two inputs.

    Attributes
    ----------
    a_chw, b_chw, change_chw
        The maps of A, those of B, and B − A, float32 (C, H, W).
    norm_c
        ‖B − A‖ of each unit: the root of the sum of squares.
    norm_a
        ‖A‖ over the whole layer.
    """

    a_chw: FloatArray
    b_chw: FloatArray
    change_chw: FloatArray
    norm_c: Norms
    norm_a: float

    @property
    def norm(self) -> float:
        """‖B − A‖ over the whole layer."""
        return float(np.sqrt(np.square(self.norm_c).sum()))

    @property
    def relative(self) -> float | None:
        """‖B − A‖ / ‖A‖; ``None`` where A is 0 everywhere."""
        return self.norm / self.norm_a if self.norm_a > 0 else None


@dataclass(frozen=True, eq=False)
class Scales:
    """Ends of the colour scales, one for all units or one for each: of A and B together, and of B − A."""

    role: Literal["ink", "signed", "activation"]
    low: FloatArray
    high: FloatArray
    change: FloatArray


@dataclass(frozen=True)
class ClassPair:
    """A class with its probability for A and for B."""

    key: int
    label: str
    a: float
    b: float


def difference_of(node: Node, a: FloatArray, b: FloatArray) -> Difference:
    """Return what differs between two values of one node."""
    a_chw, b_chw = scale.as_maps(node, a), scale.as_maps(node, b)
    with np.errstate(invalid="ignore", over="ignore"):
        change_chw = b_chw - a_chw
        return Difference(a_chw, b_chw, change_chw, _norms(change_chw), float(np.sqrt(np.square(_norms(a_chw)).sum())))


def _norms(maps_chw: FloatArray) -> Norms:
    """Return the norm of each map."""
    flat = maps_chw.reshape(len(maps_chw), -1)
    squares: Any = np.einsum("ci,ci->c", flat, flat)  # of one map in float32: enough for three digits, and fast
    norms: Norms = np.sqrt(squares.astype(np.float64))
    return norms


def order_units(difference: Difference, order: Order) -> Units:
    """Return the units in order; ties keep the lower number first, and what is not a number comes last."""
    count = len(difference.norm_c)
    if order == "index":
        return np.arange(count)
    if order == "change":
        keys: Norms = -difference.norm_c
    else:
        means = difference.change_chw.reshape(count, -1).mean(1, dtype=np.float64)
        keys = -means if order == "rise" else means
    units: Units = np.argsort(keys, kind="stable")
    return units


def scales_of(node: Node, difference: Difference, scope: Literal["unit", "layer"]) -> Scales:
    """Return the colour scales: the same one for A and for B, so that equal colours are equal values."""
    a, b = difference.a_chw, difference.b_chw
    (low_a, high_a), (low_b, high_b) = (scale.limits(node, maps, scope, {}) for maps in (a, b))
    low, high = np.minimum(low_a, low_b), np.maximum(high_a, high_b)
    role = scale.role(node, a)
    if "signed" in (role, scale.role(node, b)):
        high = np.maximum(high, -low)
        low, role = -high, "signed"
    _, change = mosaic.limits(difference.change_chw, scope if node.is_map else "layer", signed=True)
    return Scales(role, low, high, change)


def summary(node: Node, difference: Difference) -> str:
    """Return one line on how much the layer changed, and where most."""
    relative = difference.relative
    words = f"‖B − A‖ / ‖A‖ = {number(relative)}" if relative is not None else "A is 0 everywhere"
    if not difference.norm > 0:
        return f"{words}; nothing differs"
    most = int(np.nanargmax(difference.norm_c))
    return f"{words}; most in {'map' if node.is_map else 'element'} {most}"


def class_pairs(a: Inspection, b: Inspection, labels: tuple[str, ...], count: int) -> tuple[ClassPair, ...]:
    """Return the best classes of both inputs, by the larger of their two probabilities; none without class names.

    Parameters
    ----------
    a, b
        The network's answers.
    labels
        Class names.
    count
        How many of each input's best classes there are to be; those they share count once, and of those behind the
        best that neither input gives a thousandth to, nothing is said.
    """
    if not labels or len(labels) != a.probabilities.size or len(labels) != b.probabilities.size:
        return ()
    first_a, first_b = a.ranking()[:count], b.ranking()[:count]
    pairs = [
        ClassPair(key, labels[key], float(a.probabilities[key]), float(b.probabilities[key]))
        for key in dict.fromkeys((*first_a, *first_b))
    ]
    told = [pair for pair in pairs if pair.key in (first_a[0], first_b[0]) or max(pair.a, pair.b) >= LEAST_SHARE]
    return tuple(sorted(told, key=lambda pair: -max(pair.a, pair.b)))
