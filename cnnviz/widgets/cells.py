"""Numbers inside coloured cells: how they are written, and in which ink."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from cnnviz.core.formats import fixed, number
from cnnviz.widgets.colormap import MapRole, text_colour
from cnnviz.widgets.figure import draw_part, indexed_image

MOST_SAMPLED = 4096
MOST_TEXTS = 4096
CENTRED = int(Qt.AlignmentFlag.AlignCenter)  # joining flags costs more than drawing a number


@lru_cache(maxsize=4)
def text_colours(role: MapRole) -> tuple[QColor, ...]:
    """Return the readable text colour on each of the 255 colours."""
    return tuple(QColor(text_colour(role, step / 254)) for step in range(255))


def breadth(text: str) -> float:
    """Return how broad a number is, in digits: a point takes half as much, a minus a third more."""
    return len(text) - 0.5 * text.count(".") + 0.32 * text.count("−")


@lru_cache(maxsize=MOST_TEXTS)  # most values of a map are those of the picture before
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


def indices_of(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.uint8]:
    """Return the colour index of each value: 1 at `low`, 255 at `high`, 0 for NaN; the shape stays."""
    with np.errstate(over="ignore", invalid="ignore"):
        scale = 254 / (high - low) if high > low else 0.0
        steps = (values - low) * scale + 1.5  # the cast below cuts the fraction off
        np.maximum(steps, 1, out=steps)
        np.minimum(steps, 255, out=steps)
        if steps.size and np.isnan(steps.max()):
            steps[np.isnan(steps)] = 0
        indices: npt.NDArray[np.uint8] = steps.astype(np.uint8)
    return indices


def texts_of(values: npt.NDArray[Any], decimals: int) -> list[str]:
    """Return what `fixed` writes for each of many values, in one go."""
    flat = values.ravel()
    size = np.abs(flat).max(initial=0.0)
    if not size < 10**8:  # also where one is NaN
        return [fixed(float(value), decimals) for value in flat]
    rounded = np.round(flat.astype(np.float64), decimals) + 0.0  # no negative zero
    return [f"{value:.{decimals}f}".replace("-", "−") for value in rounded.tolist()]


def sample(values: npt.NDArray[Any]) -> tuple[float, ...]:
    """Return what decides the decimals of many values: the largest magnitude, and a fraction if there is one."""
    most = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
    if not np.isfinite(most):
        most = float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
    some = values.reshape(-1)[:MOST_SAMPLED]
    fractions = some[(some != np.round(some)) & np.isfinite(some)]
    return (most, float(fractions[0])) if fractions.size else (most,)


def draw_cells(
    painter: QPainter, rect: QRect, indices_hw: npt.NDArray[np.uint8], texts: list[str], role: MapRole
) -> None:
    """Draw a matrix of coloured cells over the whole of `rect`, with a text in each.

    The rectangle's sides are multiples of the matrix's; `texts` stand row after row.
    """
    height, width = indices_hw.shape
    draw_part(painter, rect, indexed_image(indices_hw, role), QRect(0, 0, width, height))
    draw_texts(painter, rect, indices_hw, texts, role)


def draw_texts(
    painter: QPainter, rect: QRect, indices_hw: npt.NDArray[np.uint8], texts: list[str], role: MapRole
) -> None:
    """Write a text into each cell of a matrix over the whole of `rect`; a cell of index 0 stays empty.

    On the screen most texts are pictures that are kept; in a copy or a saved picture all are written.
    """
    height, width = indices_hw.shape
    cell_w, cell_h, left, top = rect.width() // width, rect.height() // height, rect.left(), rect.top()
    black, device = _is_black(role), painter.device()
    is_kept = isinstance(device, QWidget)
    style = (painter.font().key(), cell_w, cell_h, device.devicePixelRatioF())
    last: bool | None = None
    for place, (text, index) in enumerate(zip(texts, indices_hw.ravel().tolist(), strict=True)):
        if not index:
            continue  # no number there
        row, column = divmod(place, width)
        x, y, is_black = left + column * cell_w, top + row * cell_h, black[index - 1]
        picture = _kept_text(painter, (text, is_black, style)) if is_kept else None
        if picture is not None:
            painter.drawPixmap(x, y, picture)
            continue
        if is_black is not last:
            painter.setPen(_INKS[is_black])
            last = is_black
        painter.drawText(x, y, cell_w, cell_h, CENTRED, text)


_INKS = (QColor("#ffffff"), QColor("#000000"))
_Style = tuple[str, int, int, float]
_Text = tuple[str, bool, _Style]
_texts: dict[_Text, QPixmap] = {}
_seen: set[_Text] = set()


@lru_cache(maxsize=4)
def _is_black(role: MapRole) -> tuple[bool, ...]:
    """Return for each of the 255 colours whether the text on it is black."""
    return tuple(ink.lightness() < 128 for ink in text_colours(role))


def _kept_text(painter: QPainter, key: _Text) -> QPixmap | None:
    """Return the picture of a text in a cell, from its second time on.

    Drawing a picture is six times quicker than writing, making it three times slower; most numbers of a window come
    again, most products do not.
    """
    kept = _texts.get(key)
    if kept is not None:
        return kept
    if key not in _seen:
        if len(_seen) >= 4 * MOST_TEXTS:
            _seen.clear()
        _seen.add(key)
        return None
    if len(_texts) >= MOST_TEXTS:
        _texts.clear()
    text, is_black, (_, width, height, ratio) = key
    kept = _texts[key] = QPixmap(round(width * ratio), round(height * ratio))
    kept.setDevicePixelRatio(ratio)
    kept.fill(Qt.GlobalColor.transparent)
    own = QPainter(kept)
    own.setFont(painter.font())
    own.setPen(_INKS[is_black])
    own.drawText(0, 0, width, height, CENTRED, text)
    own.end()
    return kept
