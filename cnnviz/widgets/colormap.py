"""Colour tables for 8-bit pictures: index 0 is the gap between maps, 1..255 are values from low to high.

The maps are those that pyqtgraph ships, read from its folder without importing it (the import costs more than the
rest of the window).
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

MapRole = Literal["ink", "activation", "signed", "weight"]
"""`ink`: the input as it is. `activation`: values that are never negative. `signed`: activations centred on zero.
`weight`: weights centred on zero, in another pair of colours so that the two are never confused."""

FILES: dict[MapRole, str] = {
    "activation": "viridis.csv",
    "signed": "CET-D1.csv",
    "weight": "CET-D2.csv",
}


@lru_cache(maxsize=8)
def colours(role: MapRole) -> npt.NDArray[np.uint8]:
    """Return 255 RGB colours from low to high, (255, 3)."""
    if role == "ink":
        ramp = np.linspace(0, 255, 255).round().astype(np.uint8)
        return np.stack([ramp, ramp, ramp], axis=1)
    rgb = np.loadtxt(_folder() / FILES[role], delimiter=",", comments=(";", "#"), dtype=np.float64)
    where = np.linspace(0, len(rgb) - 1, 255)
    columns = [np.interp(where, np.arange(len(rgb)), rgb[:, k]) for k in range(3)]
    return np.asarray(np.stack(columns, axis=1) * 255 + 0.5, dtype=np.uint8)


@lru_cache(maxsize=8)
def colour_table(role: MapRole) -> tuple[int, ...]:
    """Return 256 ARGB numbers for an indexed `QImage`; index 0 is transparent."""
    rgb = colours(role).astype(np.uint32)
    argb = (0xFF << 24) | (rgb[:, 0] << 16) | (rgb[:, 1] << 8) | rgb[:, 2]
    return (0, *(int(value) for value in argb))


@lru_cache(maxsize=8)
def lookup(role: MapRole) -> npt.NDArray[np.uint32]:
    """Return the colour table as an array, (256,) uint32."""
    return np.array(colour_table(role), np.uint32)


def text_colour(role: MapRole, fraction: float) -> str:
    """Return black or white, whichever is readable on the colour at `fraction` (0..1) of the map.

    Relative luminance as in WCAG 2.2; the two contrasts are equal at 0.179.
    """
    row = colours(role)[min(254, max(0, round(fraction * 254)))].astype(np.float64) / 255
    linear = np.where(row <= 0.04045, row / 12.92, ((row + 0.055) / 1.055) ** 2.4)
    return "#000000" if float(linear @ np.array([0.2126, 0.7152, 0.0722])) > 0.179 else "#ffffff"


def _folder() -> Path:
    spec = importlib.util.find_spec("pyqtgraph")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("pyqtgraph is not installed; its colour maps are needed.")
    return Path(spec.submodule_search_locations[0]) / "colors" / "maps"
