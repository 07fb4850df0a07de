"""The colour scale beside a picture, with its numbers."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.core.formats import number
from cnnviz.widgets import theme
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.figure import Figure, draw_text, indexed_image


@lru_cache(maxsize=8)
def _strip(role: MapRole) -> QImage:
    """Return all colours of a map, one pixel each."""
    return indexed_image(np.linspace(1, 255, 256, dtype=np.uint8)[None, :], role)


def draw_legend(painter: QPainter, rect: QRect, role: MapRole, low: float, high: float, caption: str = "") -> None:
    """Draw a horizontal colour scale with its two ends, and a caption or else zero where it lies between them.

    Nothing lies over anything else: the caption gives way first, then the digits of the numbers.
    """
    colours = theme.current()
    line_px = painter.fontMetrics().height()
    bar = QRect(rect.left(), rect.top(), rect.width(), max(4, rect.height() - line_px - 2))
    painter.drawImage(bar, _strip(role))
    painter.setPen(colours.color("line"))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(bar.adjusted(0, 0, -1, -1))
    words = QRect(rect.left(), bar.bottom() + 2, rect.width(), line_px)
    metrics, gap, muted = painter.fontMetrics(), line_px // 2, colours.color("muted")
    first, last = _ends(metrics, low, high, words.width() - gap)
    draw_text(painter, words, first, muted, align=Qt.AlignmentFlag.AlignLeft, elide=False)
    draw_text(painter, words, last, muted, align=Qt.AlignmentFlag.AlignRight, elide=False)
    room = words.adjusted(metrics.horizontalAdvance(first) + gap, 0, -metrics.horizontalAdvance(last) - gap, 0)
    if caption:
        middle = _between(metrics, caption, words, room)
        caption = metrics.elidedText(caption, Qt.TextElideMode.ElideRight, middle.width())
        if len(caption) > 1:  # more than the ellipsis
            draw_text(painter, middle, caption, muted, align=Qt.AlignmentFlag.AlignHCenter, elide=False)
    elif low < 0 < high < math.inf:
        zero = QRect(0, words.top(), metrics.horizontalAdvance("0"), line_px)
        zero.moveCenter(QPoint(round(words.left() - low / (high - low) * words.width()), zero.center().y()))
        if room.contains(zero):
            draw_text(painter, zero, "0", muted, align=Qt.AlignmentFlag.AlignHCenter, elide=False)


def _ends(metrics: QFontMetrics, low: float, high: float, width: int) -> tuple[str, str]:
    """Return both numbers with as many digits as fit side by side."""
    ends = ("", "")
    for digits in (3, 2, 1):
        ends = _short(low, digits), _short(high, digits)
        if sum(map(metrics.horizontalAdvance, ends)) <= width:
            return ends
    return "", metrics.elidedText(ends[1], Qt.TextElideMode.ElideRight, width)


def _short(value: float, digits: int) -> str:
    """Write a number with so many digits; with fewer than three, as a power of ten where that is shorter."""
    plain = number(value, digits)
    if digits > 2 or not math.isfinite(value):
        return plain
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    return min(plain, f"{mantissa}e{int(power)}".replace("-", "−"), key=len)


def _between(metrics: QFontMetrics, caption: str, words: QRect, room: QRect) -> QRect:
    """Return where a caption stands: in the middle of the scale, or else in the middle of what the ends leave."""
    wanted = QRect(0, words.top(), metrics.horizontalAdvance(caption) + 1, words.height())  # the advance is rounded
    wanted.moveCenter(words.center())
    return wanted if room.contains(wanted) else room


class Legend(Figure):
    """A horizontal colour scale as a widget."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Colour scale", parent)
        self._role: MapRole = "activation"
        self._low, self._high, self._caption = 0.0, 1.0, ""
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_scale(self, role: MapRole, low: float, high: float, caption: str = "") -> None:
        """Show another scale."""
        scale = (role, low, high, caption)
        if scale == (self._role, self._low, self._high, self._caption):
            return
        self._role, self._low, self._high, self._caption = scale
        self.setAccessibleDescription(f"From {number(low)} to {number(high)}. {caption}")
        self.update()

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the scale over the whole widget."""
        painter.setFont(theme.font(0.9))
        draw_legend(painter, QRect(0, 0, size.width(), size.height()), self._role, self._low, self._high, self._caption)

    def sizeHint(self) -> QSize:
        """Return a strip as wide as it is readable."""
        return QSize(17 * theme.text_px(), 12 + theme.text_px() + 6)
