"""The colour scale beside a picture, with its numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter
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
    """Draw a horizontal colour scale with its two ends, and zero where it lies between them."""
    colours = theme.current()
    line_px = painter.fontMetrics().height()
    bar = QRect(rect.left(), rect.top(), rect.width(), max(4, rect.height() - line_px - 2))
    painter.drawImage(bar, _strip(role))
    painter.setPen(colours.color("line"))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(bar.adjusted(0, 0, -1, -1))
    words = QRect(rect.left(), bar.bottom() + 2, rect.width(), line_px)
    muted = colours.color("muted")
    draw_text(painter, words, number(low), muted, align=Qt.AlignmentFlag.AlignLeft)
    draw_text(painter, words, number(high), muted, align=Qt.AlignmentFlag.AlignRight)
    middle = "0" if low < 0 < high else ""
    text = f"{caption}" if caption else middle
    if text:
        if caption:  # a long one gives way to the ends, or it would lie over them
            metrics = painter.fontMetrics()
            ends_px = max(metrics.horizontalAdvance(number(end)) for end in (low, high)) + line_px // 2
            if metrics.horizontalAdvance(text) > words.width() - 2 * ends_px:
                words = words.adjusted(ends_px, 0, -ends_px, 0)
        draw_text(painter, words, text, muted, align=Qt.AlignmentFlag.AlignHCenter)


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
        return QSize(200, 12 + theme.text_px() + 6)
