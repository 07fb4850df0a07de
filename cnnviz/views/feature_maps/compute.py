"""Which maps are shown in which order, and what is said of them. No Qt."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cnnviz.core.graph import Node
from cnnviz.core.inspection import FloatArray

Order = Literal["index", "mean", "maximum"]
ORDERS: tuple[Order, ...] = ("index", "mean", "maximum")


def order_units(maps_chw: FloatArray, order: Order) -> tuple[int, ...]:
    """Return the units, the largest mean or maximum first; ties keep the lower index first."""
    flat = maps_chw.reshape(len(maps_chw), -1)
    if order == "mean":
        return tuple(int(i) for i in np.argsort(-flat.mean(1), kind="stable"))
    if order == "maximum":
        return tuple(int(i) for i in np.argsort(-flat.max(1), kind="stable"))
    return tuple(range(len(flat)))


def silent(node: Node, maps_chw: FloatArray) -> tuple[bool, ...]:
    """Return which units are 0 everywhere for this input."""
    if node.kind == "input":
        return (False,) * len(maps_chw)
    alive = np.asarray(maps_chw.reshape(len(maps_chw), -1) != 0).max(1)
    return tuple(not bool(one) for one in alive)


def summary(node: Node, maps_chw: FloatArray) -> str:
    """Return one line about a layer's maps."""
    dead = sum(silent(node, maps_chw))
    what = (
        f"{node.units} map{'s' if node.units > 1 else ''} of {node.output_shape[1]} × {node.output_shape[2]}"
        if node.is_map
        else f"{node.units} values"
    )
    return f"{what}, {dead} silent for this input" if dead else what
