"""Numbers inside coloured cells: how they are written, and in which ink."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter

from cnnviz.core import mosaic
from cnnviz.core.formats import number
from cnnviz.widgets.colormap import MapRole, text_colour
from cnnviz.widgets.figure import draw_part, indexed_image

CENTRED = int(Qt.AlignmentFlag.AlignCenter)  # joining flags costs more than drawing a number


@lru_cache(maxsize=4)
def text_colours(role: MapRole) -> tuple[QColor, ...]:
    """Return the readable text colour on each of the 255 colours."""
    return tuple(QColor(text_colour(role, step / 254)) for step in range(255))


def breadth(text: str) -> float:
    """Return how broad a number is, in digits: a point takes half as much, a minus a third more."""
    return len(text) - 0.5 * text.count(".") + 0.32 * text.count("−")


def cell_text(value: float, digits: int, room: float) -> str:
    """Write a number into a cell that is `room` digits broad, with fewer digits where it must be."""
    for count in range(digits, 0, -1):
        text = number(value, count)
        if breadth(text) <= room:
            return text
        short = f"{value:.{count - 1}e}".replace("-", "−").replace("e−0", "e−").replace("e+0", "e")
        if breadth(short) <= room:
            return short
    return "…"


def indices_of(values_hw: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.uint8]:
    """Return the colour index of each value of one map, (H, W), the rows as long as the map."""
    height, width = values_hw.shape
    with np.errstate(over="ignore"):
        maps_chw = values_hw[None].astype(np.float32)
    return mosaic.to_indices(maps_chw, low, high, mosaic.MosaicLayout(1, height, width, 1))[:, :width]


def sample(values: npt.NDArray[Any]) -> tuple[float, ...]:
    """Return what decides the decimals of many values: the largest magnitude, and a fraction if there is one."""
    magnitude = np.abs(values)
    most = float(np.max(magnitude, where=np.isfinite(magnitude), initial=0.0))
    fractions = values[(values != np.round(values)) & np.isfinite(values)]
    return (most, float(fractions[0])) if fractions.size else (most,)


def draw_cells(
    painter: QPainter, rect: QRect, indices_hw: npt.NDArray[np.uint8], texts: list[list[str]] | None, role: MapRole
) -> None:
    """Draw a matrix of coloured cells over the whole of `rect`, with a text in each if there are texts."""
    height, width = indices_hw.shape
    draw_part(painter, rect, indexed_image(indices_hw, role), QRect(0, 0, width, height))
    if texts is None:
        return
    inks = text_colours(role)
    last: QColor | None = None
    for row, (line, steps) in enumerate(zip(texts, indices_hw.tolist(), strict=True)):
        top, bottom = rect.top() + row * rect.height() // height, rect.top() + (row + 1) * rect.height() // height
        for column, (text, index) in enumerate(zip(line, steps, strict=True)):
            if not index:
                continue  # no number there
            ink = inks[index - 1]
            if ink is not last:
                painter.setPen(ink)
                last = ink
            left = rect.left() + column * rect.width() // width
            right = rect.left() + (column + 1) * rect.width() // width
            painter.drawText(left, top, right - left, bottom - top, CENTRED, text)
