"""The confusion matrix: how often each class was told to be each other one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.views.training.answers import Counts
from cnnviz.widgets import theme
from cnnviz.widgets.figure import draw_text
from cnnviz.widgets.grid_picture import MOST_CELL_PX, Grid
from cnnviz.widgets.value_grid import ValueGrid

MOST_NAME_SHARE = 0.22
WHOLE_CELL_PX = 8  # smaller cells take the room that there is, though some are a pixel larger than others
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ConfusionMatrix(ValueGrid):
    """Counts with the names of the classes: a row is a true class, a column what was told.

    Cells without a picture are left empty. Names are left out where the cells are smaller than letters.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Confusion matrix: rows are true classes, columns what was told", parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 140)
        self._names: tuple[str, ...] = ()

    def show_counts(self, counts: Counts, names: Sequence[str]) -> None:
        """Show counts (K, K) and the names of the classes."""
        self._names = tuple(names)
        self.show_grid(
            Grid(counts, 0.0, float(max(1, counts.max(initial=0))), "activation", blank=counts == 0, whole=True)
        )
        self.setAccessibleDescription(f"{len(names)} classes; {int(counts.trace()):,} of {int(counts.sum()):,} right")

    # -- geometry -------------------------------------------------------------------------------------------------

    def _head_px(self) -> int:
        return round(theme.text_px() * 1.4)

    def _margins(self, size: QSize) -> tuple[int, int]:
        """Return the room of the names at the left and above the cells, and of the axes' titles."""
        metrics, head = QFontMetrics(theme.font(0.85)), self._head_px()
        widest = max((metrics.horizontalAdvance(name) for name in self._names), default=0) + 6
        names = min(widest, round(min(size.width(), size.height()) * MOST_NAME_SHARE))
        cells = min(size.width() - names - head, size.height() - names - head)
        if not self._names or cells / len(self._names) < metrics.height() - 2:
            return head, head
        upright = widest <= cells / len(self._names)
        return head + names, head + (metrics.height() if upright else names)

    def area(self, size: QSize) -> QRect:
        """Return where the cells are: below and beside the names."""
        if self._grid is None:
            return QRect()
        left, top = self._margins(size)
        count = len(self._names)
        side = min((size.width() - left - 4) / count, (size.height() - top - 4) / count, MOST_CELL_PX)
        whole = max(1, int(side) * count if side >= WHOLE_CELL_PX else round(side * count))
        return QRect(left + 2, top + 1, whole, whole)

    # -- drawing --------------------------------------------------------------------------------------------------

    def _draw_base(self, painter: QPainter, size: QSize) -> None:
        """Draw the cells, and the names around them."""
        super()._draw_base(painter, size)
        colours, area, head = theme.current(), self.area(size), self._head_px()
        painter.setFont(theme.font(0.85))
        titles = QRect(area.left(), 0, size.width() - area.left(), head)
        draw_text(painter, titles, "told →", colours.color("muted"), align=Qt.AlignmentFlag.AlignVCenter)
        side = QRect(0, 0, area.height(), head)
        self._turned(painter, 0, area.bottom() + 1, side, "← true", Qt.AlignmentFlag.AlignRight)
        left, top = self._margins(size)
        if left > head:
            self._draw_names(painter, area, QSize(left - head, top - head))

    def _draw_names(self, painter: QPainter, area: QRect, room: QSize) -> None:
        text, count, head = theme.current().color("text"), len(self._names), self._head_px()
        metrics = painter.fontMetrics()
        for at, name in enumerate(self._names):
            y = area.top() + round(at * area.height() / count)
            x = area.left() + round(at * area.width() / count)
            side = round(area.width() / count)
            draw_text(painter, QRect(head, y, room.width() - 4, side), name, text, align=_RIGHT)
            if room.height() <= metrics.height():
                above = QRect(x, head, side, room.height())
                draw_text(painter, above, name, text, align=Qt.AlignmentFlag.AlignCenter, elide=False)
            else:
                line = QRect(0, 0, room.height() - 4, side)
                self._turned(painter, x, area.top() - 3, line, name, Qt.AlignmentFlag.AlignLeft)

    @staticmethod
    def _turned(painter: QPainter, x: int, y: int, rect: QRect, text: str, align: Qt.AlignmentFlag) -> None:
        """Write upwards from a point."""
        painter.save()
        painter.translate(x, y)
        painter.rotate(-90)
        colour = theme.current().color("muted" if text == "← true" else "text")
        draw_text(painter, rect, text, colour, align=align | Qt.AlignmentFlag.AlignVCenter)
        painter.restore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the cells; the first and last of a row by Home and End."""
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(self._names) - 1}
        at = ends.get(Qt.Key(event.key()))
        if at is not None and self._names:
            self.pressed.emit(self.cell[0] if self.cell is not None else 0, at)
        else:
            super().keyPressEvent(event)
