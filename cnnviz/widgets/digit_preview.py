"""What a network for digits sees: a digit before and after centring, and its numbers when zoomed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QSizePolicy, QVBoxLayout, QWidget

from cnnviz.widgets import theme
from cnnviz.widgets.browsed import BrowsedFigure
from cnnviz.widgets.figure import Figure, draw_part, draw_text

FloatArray = npt.NDArray[np.float32]
READABLE_PX = 20
TIP = "Before and after centring. Click, or press Enter, for the numbers; Left and Right walk the folder."
LARGEST_SHARE = 0.7  # of the width, for the digit


def _grey(image_hw: FloatArray | npt.NDArray[np.uint8]) -> QImage:
    """Return a grey picture of values in 0..1, or of levels up to 255, in the format that Qt scales fastest."""
    levels = image_hw if image_hw.dtype == np.uint8 else np.clip(image_hw * 255 + 0.5, 0, 255).astype(np.uint8)
    levels = np.ascontiguousarray(levels)  # by name: Qt reads it without owning it
    height, width = levels.shape
    image = QImage(levels.data, width, height, width, QImage.Format.Format_Grayscale8)
    return image.convertToFormat(QImage.Format.Format_RGB32)


class DigitPreview(BrowsedFigure):
    """Two pictures side by side: the board with the ink's box, and the 28×28 digit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("What the network sees", parent)
        self.setToolTip(TIP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._before = QImage()
        self._after = QImage()
        self._box = QRectF()
        self._words = ""

    def show_digit(
        self,
        board_hw: npt.NDArray[np.uint8],
        image_hw: FloatArray,
        box: tuple[int, int, int, int] | None,
        words: str = "centred",
    ) -> None:
        """Show a board and the prepared digit.

        Parameters
        ----------
        board_hw
            uint8, ink 255 on paper 0.
        image_hw
            What the network sees, 0..1.
        box
            (top, left, bottom, right) of the ink in the board's pixels; ``None`` where no box was cut out.
        words
            How the digit was made, such as ``centred``.
        """
        height, width = board_hw.shape
        self._before = _grey(board_hw[::2, ::2])  # it is shown smaller than this
        self._after = _grey(image_hw)
        top, left, bottom, right = box or (0, 0, 0, 0)
        self._box = QRectF(left / width, top / height, (right - left) / width, (bottom - top) / height)
        rows, columns = image_hw.shape
        self._words = f"{rows} × {columns}, {words}"
        where = f"The ink spans rows {top} to {bottom} and columns {left} to {right} of the board. " if box else ""
        self.setAccessibleDescription(f"{where}The network sees {self._words}, mean value {image_hw.mean():.3f}.")
        self.update()

    def _squares(self, size: QSize) -> tuple[QRect, QRect]:
        """Return where the board and the digit are: the digit takes the height, the board what is left beside it."""
        line = round(theme.text_px() * 1.4)
        gap = 2 * theme.GRID_PX
        after = min(round(LARGEST_SHARE * size.width()), size.height() - line - 2)
        pixels = max(1, self._after.width())
        after = max(28, after // pixels * pixels)  # whole pixels of the screen for one of the digit
        before = max(28, min(after, size.width() - after - gap))
        left = max(0, (size.width() - before - gap - after) // 2)
        return QRect(left, line, before, before), QRect(left + before + gap, line, after, after)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw both pictures with their names."""
        colours = theme.current()
        before, after = self._squares(size)
        painter.setFont(theme.font(0.9))
        for square, words, image in ((before, "drawn", self._before), (after, self._words, self._after)):
            right = size.width() if square is after else after.left() - theme.GRID_PX
            room = QRect(square.left(), 0, right - square.left(), before.top())
            draw_text(painter, room, words, colours.color("muted"), align=Qt.AlignmentFlag.AlignVCenter)
            if not image.isNull():
                draw_part(painter, square, image, image.rect())
            painter.setPen(colours.color("line"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(square.adjusted(0, 0, -1, -1))
        if not self._box.isEmpty():
            painter.setPen(QPen(theme.DARK.color("pointer"), 1))
            across, down = before.width(), before.height()
            painter.drawRect(
                QRectF(
                    before.left() + self._box.left() * across,
                    before.top() + self._box.top() * down,
                    self._box.width() * across,
                    self._box.height() * down,
                )
            )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for no more height than the digit can fill."""
        super().resizeEvent(event)
        self.setMaximumHeight(round(LARGEST_SHARE * self.width() + theme.text_px() * 1.4) + 2)

    def sizeHint(self) -> QSize:
        """Return room for two digits at five pixels a value."""
        return QSize(2 * 140 + 2 * theme.GRID_PX, 140 + round(theme.text_px() * 1.4) + 2)

    def minimumSizeHint(self) -> QSize:
        """Return room for two digits at three pixels a value."""
        return QSize(2 * 84 + 2 * theme.GRID_PX, 84 + round(theme.text_px() * 1.4) + 2)


class PixelGrid(Figure):
    """A digit with its values, 0 to 255, written into the cells."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Pixel values", parent)
        self._levels: npt.NDArray[np.uint8] = np.zeros((28, 28), np.uint8)

    def show_image(self, image_hw: FloatArray) -> None:
        """Show a picture with values in 0..1."""
        self._levels = np.clip(image_hw * 255 + 0.5, 0, 255).astype(np.uint8)
        rows, columns = self._levels.shape
        self.setMinimumSize(columns * READABLE_PX, rows * READABLE_PX)
        inked = int((self._levels > 0).sum())
        self.setAccessibleDescription(f"{self._levels.shape[0]} by {self._levels.shape[1]} values, {inked} above 0")
        self.update()

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw cells and numbers."""
        rows, columns = self._levels.shape
        cell = min(size.width() // columns, size.height() // rows)
        left, top = (size.width() - cell * columns) // 2, (size.height() - cell * rows) // 2
        image = _grey(self._levels)
        draw_part(painter, QRect(left, top, cell * columns, cell * rows), image, image.rect())
        if cell < READABLE_PX:
            return
        painter.setFont(theme.numbers_font(max(8, round(cell * 0.44))))
        for row in range(rows):
            for column in range(columns):
                level = int(self._levels[row, column])
                painter.setPen(Qt.GlobalColor.black if level > 117 else Qt.GlobalColor.white)
                cell_rect = QRect(left + column * cell, top + row * cell, cell, cell)
                if level:
                    painter.drawText(cell_rect, Qt.AlignmentFlag.AlignCenter, str(level))


class PixelDialog(QDialog):
    """The numbers of the digit, live while one draws."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.grid = PixelGrid(self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.grid, 1)
        layout.addWidget(buttons)
        self.resize(720, 780)

    def show_image(self, image_hw: FloatArray) -> None:
        """Show a picture with values in 0..1."""
        rows, columns = image_hw.shape
        self.setWindowTitle(f"What the network sees: {rows} × {columns} values from 0 to 255")
        self.grid.show_image(image_hw)
