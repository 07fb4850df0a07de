"""Which maps are shown in which order, and what is said of them. No Qt."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import numpy.typing as npt

from cnnviz.core.formats import number
from cnnviz.core.graph import Node
from cnnviz.core.inspection import FloatArray

Order = Literal["index", "mean", "maximum", "energy", "sparsity", "variance"]
ORDERS: tuple[Order, ...] = ("index", "mean", "maximum", "energy", "sparsity", "variance")
ORDER_NAMES: dict[Order, str] = {
    "index": "by number",
    "mean": "by mean",
    "maximum": "by largest value",
    "energy": "by energy ‖x‖",
    "sparsity": "by share of zeros",
    "variance": "by variance",
}
Only = Literal["all", "active", "silent", "above"]
ONLY: tuple[Only, ...] = ("all", "active", "silent", "above")
ONLY_NAMES: dict[Only, str] = {
    "all": "all maps",
    "active": "only active",
    "silent": "only silent",
    "above": "largest above",
}
Units = npt.NDArray[np.intp]
SAMPLED = 64
_NUMBERS = re.compile(r"(\d+)\s*(?:[-–]\s*(\d+))?")
_WORDS = re.compile(r"units?|maps?|[\s,;]+", re.IGNORECASE)


def measure(maps_chw: FloatArray, order: Order) -> npt.NDArray[np.float64]:
    """Return what each map is sorted by: its mean, largest value, ‖x‖₂, share of zeros, variance, or its number."""
    flat = maps_chw.reshape(len(maps_chw), -1)
    if order == "mean":
        return np.asarray(flat.mean(1, dtype=np.float64))
    if order == "maximum":
        return np.asarray(flat.max(1), np.float64)
    if order == "energy":
        return np.array([float(np.sqrt(np.dot(row, row))) for row in flat])
    if order == "sparsity":
        return np.asarray(1 - np.count_nonzero(flat, axis=1) / flat.shape[1], np.float64)
    if order == "variance":
        with np.errstate(invalid="ignore"):  # of a map that holds infinity there is none
            return np.array([row.astype(np.float64).var() for row in flat])
    return np.arange(len(flat), dtype=np.float64)


def order_units(
    maps_chw: FloatArray, order: Order, *, reverse: bool = False, key_c: npt.NDArray[np.float64] | None = None
) -> Units:
    """Return the units: by number upwards, or the largest of a measure first; the other way round with `reverse`.

    Ties keep the lower number first. `key_c` is what `measure` found, where that is known already.
    """
    if order == "index":
        units = np.arange(len(maps_chw), dtype=np.intp)
        return units[::-1] if reverse else units
    key = measure(maps_chw, order) if key_c is None else key_c
    return np.argsort(key if reverse else -key, kind="stable")


def measured(order: Order, value: float) -> str:
    """Return what a map is sorted by as people read it."""
    if order != "sparsity":
        return number(value)
    return f"{min(value, 0.999):.1%}" if 0.99 < value < 1 else f"{value:.0%}"  # 100 % is silent


def searched(text: str, count: int) -> Units | None:
    """Return the units that a search names, such as ``unit 12`` or ``3, 7, 40-47``; ``None`` for an empty one.

    Numbers that no unit has are passed over; what names no unit finds none.
    """
    if not text.strip():
        return None
    found: set[int] = set()
    for first, last in _NUMBERS.findall(text):
        low = min(int(first), count)
        found.update(range(low, min(int(last or first) + 1, count)))
    if _WORDS.sub("", _NUMBERS.sub("", text)):
        found.clear()  # other words: no units
    return np.array(sorted(found), np.intp)


def choose_units(
    node: Node,
    maps_chw: FloatArray,
    order: Order,
    *,
    reverse: bool = False,
    only: Only = "all",
    above: float = 0.0,
    search: str = "",
    key_c: npt.NDArray[np.float64] | None = None,
) -> Units:
    """Return the units that are shown, in order.

    Parameters
    ----------
    node, maps_chw
        A layer and its maps (C, H, W).
    order, reverse, key_c
        As for `order_units`.
    only
        All, those that are not 0 everywhere, those that are, or those whose largest value is above a threshold.
    above
        That threshold.
    search
        Numbers of units; see `searched`.
    """
    units = order_units(maps_chw, order, reverse=reverse, key_c=key_c)
    if only == "all" and not search:
        return units
    keep = np.ones(len(maps_chw), np.bool_)
    if only in ("active", "silent"):
        keep = silent(node, maps_chw) == (only == "silent")
    elif only == "above":
        keep = maps_chw.reshape(len(maps_chw), -1).max(1) > above
    wanted = searched(search, len(maps_chw))
    if wanted is not None:
        named = np.zeros(len(maps_chw), np.bool_)
        named[wanted] = True
        keep = keep & named
    return units[keep[units]]


def silent(node: Node, maps_chw: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which units are 0 everywhere for this input.

    A few values of each map are looked at first: only the maps that are 0 there are read whole.
    """
    if node.kind == "input":
        return np.zeros(len(maps_chw), np.bool_)
    flat = maps_chw.reshape(len(maps_chw), -1)
    alive: npt.NDArray[np.bool_] = (flat[:, :: max(1, flat.shape[1] // SAMPLED)] != 0).any(1)
    for unit in np.flatnonzero(~alive):
        alive[unit] = bool(flat[unit].any())
    return ~alive


def summary(node: Node, shown: int, dead: int) -> str:
    """Return one line about a layer's maps: how many of them are shown, and how many are silent."""
    plural = "s" if node.units > 1 else ""
    what = f"{node.units} values"
    if node.is_map:
        what = f"{node.units} map{plural} of {node.output_shape[1]} × {node.output_shape[2]}"
    words = what if shown == node.units else f"{shown:,} of {what}"
    return f"{words}, {dead} silent for this input" if dead else words
