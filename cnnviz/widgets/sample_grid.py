"""Many small pictures of one size in a scrolling grid, one of them chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from cnnviz.widgets import theme

CELL_PX = 32
CELL_H_PX = 46  # picture and label


class SampleGrid(QAbstractScrollArea):
    """A grid of digits; only the visible rows are painted.

    Signals
    -------
    chosen(int)
        Number of the picture that was clicked or reached by a key.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Starter digits")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._images: npt.NDArray[np.uint8] = np.zeros((0, 28, 28), np.uint8)
        self._numbers: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._labels: Sequence[str] = ()
        self._current = -1

    def show_images(
        self, images_nhw: npt.NDArray[np.uint8], numbers: npt.NDArray[np.int64], labels: Sequence[str] = ()
    ) -> None:
        """Show those of `images_nhw` whose indices are `numbers`, each with its label."""
        self._images, self._numbers, self._labels, self._current = images_nhw, numbers, labels, -1
        self._fit_scroll_bar()
        self.verticalScrollBar().setValue(0)
        self.viewport().update()

    def _columns(self) -> int:
        return max(1, self.viewport().width() // CELL_PX)

    def _fit_scroll_bar(self) -> None:
        rows = -(-len(self._numbers) // self._columns())
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(CELL_H_PX)
        bar.setRange(0, max(0, rows * CELL_H_PX - self.viewport().height()))

    def cell_centre(self, position: int) -> QPoint:
        """Return the middle of the picture at a position of the grid, in the viewport."""
        row, column = divmod(position, self._columns())
        y = row * CELL_H_PX + CELL_H_PX // 2 - self.verticalScrollBar().value()
        return QPoint(column * CELL_PX + CELL_PX // 2, y)

    def choose(self, position: int) -> None:
        """Choose the picture at a position of the grid and bring it into sight."""
        if not len(self._numbers):
            return
        self._current = min(len(self._numbers) - 1, max(0, position))
        top = self._current // self._columns() * CELL_H_PX
        bar = self.verticalScrollBar()
        bar.setValue(min(max(bar.value(), top + CELL_H_PX - self.viewport().height()), top))
        self.viewport().update()
        label = f", a {self._labels[self._numbers[self._current]]}" if self._labels else ""
        self.setAccessibleDescription(f"Picture {self._current + 1} of {len(self._numbers)}{label}")
        self.chosen.emit(int(self._numbers[self._current]))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the visible rows."""
        painter = QPainter(self.viewport())
        colours = theme.current()
        painter.fillRect(event.rect(), colours.color("panel"))
        columns, offset = self._columns(), self.verticalScrollBar().value()
        first = offset // CELL_H_PX * columns
        last = min(len(self._numbers), (offset + self.viewport().height() + CELL_H_PX) // CELL_H_PX * columns)
        for position in range(first, last):
            row, column = divmod(position, columns)
            pixels = np.ascontiguousarray(self._images[self._numbers[position]])
            image = QImage(pixels.data, 28, 28, 28, QImage.Format.Format_Grayscale8)
            cell = QRect(column * CELL_PX, row * CELL_H_PX - offset, CELL_PX, CELL_H_PX)
            painter.drawImage(QRect(cell.left() + 2, cell.top() + 2, 28, 28), image)
            if self._labels:
                label = QRect(cell.left() + 2, cell.top() + 30, 28, CELL_H_PX - 31)
                painter.setFont(theme.font(0.8))
                painter.setPen(colours.color("muted"))
                painter.drawText(label, Qt.AlignmentFlag.AlignCenter, self._labels[self._numbers[position]])
            if position == self._current:
                painter.setPen(QPen(colours.color("accent"), 3))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(cell.adjusted(1, 1, -1, -1))
        if self.hasFocus():
            painter.setPen(QPen(colours.color("accent"), 2))
            painter.drawRect(self.viewport().rect().adjusted(1, 1, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose what is clicked."""
        column, row = (
            event.position().x() // CELL_PX,
            (event.position().y() + self.verticalScrollBar().value()) // CELL_H_PX,
        )
        position = int(row) * self._columns() + int(column)
        if column < self._columns() and position < len(self._numbers):
            self.choose(position)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Nothing more: the press has chosen."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk by arrow keys."""
        columns = self._columns()
        page = max(1, self.viewport().height() // CELL_H_PX) * columns
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns,
            Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page, Qt.Key.Key_Home: -(10**6), Qt.Key.Key_End: 10**6,
        }  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.choose(max(0, self._current) + step if self._current >= 0 else 0)

    def resizeEvent(self, event: object) -> None:
        """Fit the columns."""
        self._fit_scroll_bar()

    def sizeHint(self) -> QSize:
        """Return eight columns."""
        return QSize(8 * CELL_PX + 20, 4 * CELL_H_PX)
