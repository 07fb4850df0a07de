"""The picture that the network saw with layers over it, and beside it what a cell sees, enlarged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.views.overlay.compute import Layer
from cnnviz.widgets import theme
from cnnviz.widgets.cells import indices_of
from cnnviz.widgets.figure import Figure, draw_part, draw_text, indexed_image

GAP_PX = 16
DIMMED = 90  # of 255: what the cell does not see
Interval = tuple[int, int]


class OverlayFigure(Figure):
    """Two pictures: the whole input with a layer over it, and the part inside the field, enlarged.

    Signals
    -------
    cell_chosen(int, int)
        A cell of the map was clicked, or reached by an arrow.
    """

    cell_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("A map on the input", parent)
        self.setToolTip("Click, or walk with the arrows, to choose the cell of the map whose field is shown")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 96)
        self._picture: QImage | None = None
        self._layer: QImage | None = None
        self._alpha = 0.5
        self._mask: npt.NDArray[np.bool_] | None = None
        self._outside: QImage | None = None
        self._box = QRect()
        self._grid: tuple[int, int] | None = None
        self._cell: tuple[int, int] | None = None
        self._sentence = ""
        self._words = ""

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_sentence(self, sentence: str) -> None:
        """Show why there is nothing."""
        self._picture, self._sentence = None, sentence
        self.setAccessibleDescription(sentence)
        self.update()

    def show_picture(self, pixels_hwc: npt.NDArray[np.uint8]) -> None:
        """Show what the network saw, uint8 (H, W, 3)."""
        height, width, _ = pixels_hwc.shape
        image = QImage(pixels_hwc.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._picture = image.convertToFormat(QImage.Format.Format_RGB32)
        self.update()

    def show_layer(self, layer: Layer | None, alpha: float) -> None:
        """Lay values over the picture, covering `alpha` of it."""
        self._alpha = alpha
        self._layer = None
        if layer is not None:
            self._layer = indexed_image(indices_of(layer.values_hw, layer.low, layer.high), layer.role)
        self.update()

    def show_field(self, mask_hw: npt.NDArray[np.bool_] | None, rows: Interval, cols: Interval) -> None:
        """Frame what a cell sees and dim the rest; ``None`` frames nothing."""
        self._mask = mask_hw
        self._box = QRect(cols[0], rows[0], cols[1] - cols[0], rows[1] - rows[0])
        self._outside = None
        if mask_hw is not None:
            shade = np.where(mask_hw, 0, DIMMED).astype(np.uint32) << 24  # premultiplied black
            height, width = shade.shape
            image = QImage(shade.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
            self._outside = image.copy()
        self.update()

    def show_cell(self, grid: tuple[int, int] | None, cell: tuple[int, int] | None) -> None:
        """Mark a cell of a map of `grid` rows and columns that lies over the picture."""
        self._grid, self._cell = grid, cell
        self.update()

    def show_words(self, words: str) -> None:
        """Say what is seen, to a screen reader too."""
        self._words = words
        self.setAccessibleDescription(words)

    # -- geometry -------------------------------------------------------------------------------------------------

    def _rects(self, size: QSize) -> tuple[QRect, QRect]:
        """Return where the whole picture and the enlarged part are; the second is empty without a field."""
        if self._picture is None:
            return QRect(), QRect()
        name_px = round(theme.text_px() * 1.4)
        room_h = max(8, size.height() - name_px - 4)
        part_of_it = self._box.size() != self._picture.size()
        shows_part = self._mask is not None and part_of_it and not self._box.isEmpty()
        share = max(8, (size.width() - GAP_PX) // 2 if shows_part else size.width())
        whole = _fitted(self._picture.size(), QRect(2, name_px, share - 4, room_h))
        if not shows_part:
            return whole, QRect()
        left = whole.right() + GAP_PX
        return whole, _fitted(self._box.size(), QRect(left, name_px, max(8, size.width() - left - 2), room_h))

    def picture_rect(self) -> QRect:
        """Return where the whole picture is on the widget."""
        return self._rects(self.size())[0]

    def cell_at(self, point: QPointF) -> tuple[int, int] | None:
        """Return the cell of the map at a point of the whole picture."""
        whole = self.picture_rect()
        if self._grid is None or not whole.contains(point.toPoint()):
            return None
        rows, columns = self._grid
        row = int((point.y() - whole.top()) / whole.height() * rows)
        column = int((point.x() - whole.left()) / whole.width() * columns)
        return min(row, rows - 1), min(column, columns - 1)

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw both pictures."""
        colours = theme.current()
        painter.setFont(theme.font())
        if self._picture is None:
            painter.setPen(colours.color("muted"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(16, 0, size.width() - 32, size.height()), flags, self._sentence)
            return
        whole, part = self._rects(size)
        everything = QRect(0, 0, self._picture.width(), self._picture.height())
        self._draw_picture(painter, whole, everything)
        scale = whole.width() / self._picture.width()
        if self._outside is not None:
            draw_part(painter, whole, self._outside, everything)
        if not part.isEmpty():
            self._draw_picture(painter, part, self._box)
            seen = QRectF(self._box.left() * scale, self._box.top() * scale, self._box.width() * scale,
                          self._box.height() * scale).translated(whole.topLeft())  # fmt: skip
            self._draw_links(painter, seen, QRectF(part))
            self._frame(painter, seen, colours.color("pointer"))
            self._frame(painter, QRectF(part), colours.color("pointer"))
            name = QRect(part.left(), 0, size.width() - part.left(), part.top())
            draw_text(painter, name, "what the cell sees", colours.color("muted"), align=Qt.AlignmentFlag.AlignVCenter)
        if self._grid is not None and self._cell is not None:
            rows, columns = self._grid
            cell = QRectF(self._cell[1] * whole.width() / columns, self._cell[0] * whole.height() / rows,
                          whole.width() / columns, whole.height() / rows).translated(whole.topLeft())  # fmt: skip
            least = cell.adjusted(-2, -2, 2, 2) if cell.width() < 5 else cell
            self._frame(painter, least, colours.color("accent"))
        name = QRect(whole.left(), 0, max(whole.width(), part.left() - whole.left()), whole.top())
        words = f"the input, {self._picture.height()} × {self._picture.width()}"
        draw_text(painter, name, words, colours.color("muted"), align=Qt.AlignmentFlag.AlignVCenter)

    def _draw_picture(self, painter: QPainter, target: QRect, source: QRect) -> None:
        assert self._picture is not None
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, target.width() < source.width())
        draw_part(painter, target, self._picture, source)
        if self._layer is not None:
            painter.setOpacity(self._alpha)
            draw_part(painter, target, self._layer, source)
            painter.setOpacity(1)

    def _draw_links(self, painter: QPainter, seen: QRectF, part: QRectF) -> None:
        """Draw the lines from the field in the picture to its enlargement."""
        painter.setPen(QPen(theme.current().color("pointer"), 1, Qt.PenStyle.DotLine))
        for a, b in ((seen.topRight(), part.topLeft()), (seen.bottomRight(), part.bottomLeft())):
            painter.drawLine(QLineF(a, b))

    def _frame(self, painter: QPainter, rect: QRectF, colour: QColor) -> None:
        """Draw a frame that is seen on any picture."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen, width in ((theme.current().color("panel"), 4), (colour, 2)):
            painter.setPen(QPen(pen, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin))
            painter.drawRect(rect)

    # -- hands ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a cell."""
        cell = self.cell_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self.cell_chosen.emit(*cell)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag over the picture: the field follows."""
        cell = self.cell_at(event.position())
        if event.buttons() & Qt.MouseButton.LeftButton and cell is not None:
            self.cell_chosen.emit(*cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the cells of the map."""
        steps = {
            Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
        }  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        if step is None or self._grid is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
            return
        row, column = self._cell or (0, 0)
        rows, columns = self._grid
        self.cell_chosen.emit(min(rows - 1, max(0, row + step[0])), min(columns - 1, max(0, column + step[1])))


def _fitted(size: QSize, room: QRect) -> QRect:
    """Return the largest rectangle of a picture's shape at the top left of a room."""
    scale = min(room.width() / size.width(), room.height() / size.height())
    return QRect(room.left(), room.top(), max(1, int(size.width() * scale)), max(1, int(size.height() * scale)))
