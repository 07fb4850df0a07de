"""A histogram with its axes, painted directly: it follows the pen at a fraction of a plotting library's cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.core.formats import number
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text

BINS = 60


class Histogram(Figure):
    """Counts of values in bins of equal width, zero marked; the bin under the pointer says its numbers."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(72)
        self._counts: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._edges: npt.NDArray[np.float64] = np.zeros(1)
        self._axis, self._note = "value", ""
        self._logarithmic = False
        self._hovered: int | None = None
        self._sentence = ""

    def show_values(self, values: npt.NDArray[np.float32], axis: str, note: str = "") -> None:
        """Show how values are spread, those that are no numbers left out; `note` stands above at the right."""
        finite = values[np.isfinite(values)]
        if finite.size == 0:
            self.show_sentence("No numbers to show.")
            return
        low, high = float(finite.min()), float(finite.max())
        if low == high:
            low, high = low - 0.5, high + 0.5
        self._counts, self._edges = np.histogram(finite, BINS, (low, high))
        self._axis, self._note, self._sentence = axis, note, ""
        facts = f"{finite.size} values from {number(low)} to {number(high)}"
        self.setAccessibleDescription(f"{facts}, {note}" if note else facts)
        self.update()

    def show_sentence(self, sentence: str) -> None:
        """Show why there is nothing."""
        self._counts, self._sentence = np.zeros(0, np.int64), sentence
        self.setAccessibleDescription(sentence)
        self.update()

    def set_logarithmic(self, on: bool) -> None:
        """Count on a logarithmic axis, so that rare values are seen beside frequent ones."""
        self._logarithmic = on
        self.update()

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Values in each bin."""
        return self._counts

    def _plot(self, size: QSize) -> QRect:
        line, left = round(theme.text_px() * 1.25), theme.GRID_PX // 2
        return QRect(left, line + 4, max(10, size.width() - 2 * left), max(10, size.height() - 2 * line - 10))

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw bars and axes."""
        colours = theme.current()
        painter.setFont(theme.font(0.9))
        if not len(self._counts):
            painter.setPen(colours.color("muted"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(0, 0, size.width(), size.height()), flags, self._sentence)
            return
        plot = self._plot(size)
        heights = np.log1p(self._counts) if self._logarithmic else self._counts.astype(np.float64)
        heights = heights / heights.max() * plot.height()
        edges = plot.left() + np.round(np.arange(BINS + 1) * plot.width() / BINS).astype(int)
        for index, height in enumerate(heights):
            bar = QRect(int(edges[index]), 0, max(1, int(edges[index + 1] - edges[index]) - 1), round(float(height)))
            if self._counts[index] and bar.height() == 0:
                bar.setHeight(1)
            bar.moveBottom(plot.bottom())
            painter.fillRect(bar, colours.color("pointer" if index == self._hovered else "accent"))
        painter.setPen(colours.color("muted"))
        painter.drawLine(plot.left(), plot.bottom() + 1, plot.right(), plot.bottom() + 1)
        self._draw_axis(painter, plot, size)

    def _draw_axis(self, painter: QPainter, plot: QRect, size: QSize) -> None:
        muted = theme.current().color("muted")
        low, high = float(self._edges[0]), float(self._edges[-1])
        words = QRect(plot.left(), plot.bottom() + 3, plot.width(), size.height() - plot.bottom() - 3)
        draw_text(painter, words, number(low), muted, align=Qt.AlignmentFlag.AlignLeft)
        draw_text(painter, words, number(high), muted, align=Qt.AlignmentFlag.AlignRight)
        draw_text(painter, words, self._axis, muted, align=Qt.AlignmentFlag.AlignHCenter)
        if low < 0 < high:
            zero = plot.left() + round(-low / (high - low) * plot.width())
            painter.setPen(theme.current().color("text"))
            painter.drawLine(zero, plot.top(), zero, plot.bottom())
        head = QRect(plot.left(), 3, plot.width(), plot.top() - 3)
        most = f"{int(self._counts.max()):,}"
        text = "" if self._note else f"most: {most} in a bin" + (" (log axis)" if self._logarithmic else "")
        if self._hovered is None:
            draw_text(painter, head, self._note, muted, align=Qt.AlignmentFlag.AlignRight)
        else:
            ends = f"{number(float(self._edges[self._hovered]))} … {number(float(self._edges[self._hovered + 1]))}"
            text = f"{int(self._counts[self._hovered]):,} values in {ends}"
        draw_text(painter, head, text, muted, align=Qt.AlignmentFlag.AlignLeft)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say the numbers of the bin under the pointer."""
        plot = self._plot(self.size())
        index = int((event.position().x() - plot.left()) * BINS / plot.width())
        self._point(index if 0 <= index < BINS else None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the bins by the arrows, to read their numbers without a mouse; Escape ends it."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is not None and len(self._counts):
            at = -1 if self._hovered is None else self._hovered
            self._point(min(BINS - 1, max(0, at + step)))
        elif event.key() == Qt.Key.Key_Escape and self._hovered is not None:
            self._point(None)
        else:
            super().keyPressEvent(event)

    def _point(self, index: int | None) -> None:
        self._hovered = index
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._point(None)

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        self.update()
