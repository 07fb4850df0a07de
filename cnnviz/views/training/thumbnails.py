"""The validation's pictures with what the network says to them, as one painted picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from cnnviz.state.training_state import ValidationSheet
from cnnviz.views.training.answers import Numbers, is_told, name_of, picture_text
from cnnviz.views.training.pointed_figure import PointedFigure
from cnnviz.widgets import theme
from cnnviz.widgets.figure import draw_part, draw_text

MOST_SIDE = 64  # pixels of a picture that are kept; larger ones are thinned out
GAP_PX = 8
CROSS = "✗"


class Thumbnails(PointedFigure):
    """Small pictures; those that were told wrongly have a strong frame, a sign, and the class that was told.

    It points at the number of a picture.

    Signals
    -------
    activated(int)
        A picture was double-clicked, or chosen by Enter.
    """

    activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Validation pictures", QSize(120, 100), parent)
        self.setToolTip("Double-click, or press Enter, to open a picture in Explore")
        self._sheet: ValidationSheet | None = None
        self._numbers: Numbers = np.zeros(0, np.intp)
        self._atlas: QImage | None = None
        self._atlas_of: object = None

    def show_sheet(self, sheet: ValidationSheet, numbers: Numbers, sentence: str = "") -> None:
        """Show some pictures of a sheet, by their numbers; the sentence where there are none."""
        if sheet.images_nhw is not self._atlas_of:
            self._atlas, self._atlas_of = _atlas(sheet.images_nhw), sheet.images_nhw
            self._current = self._hovered = None
        self._sheet, self._numbers, self._sentence = sheet, numbers, sentence
        self._describe()
        self.fit_scroll_bar()
        self.update()

    def show_sentence(self, sentence: str) -> None:
        """Say why there is nothing."""
        self._sheet, self._numbers, self._sentence = None, np.zeros(0, np.intp), sentence
        self._atlas = self._atlas_of = None
        self._describe()
        self.fit_scroll_bar()
        self.update()

    @property
    def numbers(self) -> Numbers:
        """The numbers of the pictures that are shown."""
        return self._numbers

    @property
    def in_focus(self) -> int | None:
        """The number of the picture under the pointer, else of the chosen one; only one that is shown."""
        for number in (self._hovered, self._current):
            if number is not None and number in self._numbers:
                return number
        return None

    def _describe(self) -> None:
        number = self._current
        chosen = picture_text(self._sheet, number) if self._sheet is not None and number is not None else ""
        self.setAccessibleDescription(f"{len(self._numbers)} pictures. {chosen}" if self._sheet else self._sentence)

    # -- geometry -------------------------------------------------------------------------------------------------

    @property
    def side_px(self) -> int:
        """Size of a picture on the screen."""
        return round(theme.text_px() * 3.4)

    @property
    def cell_px(self) -> tuple[int, int]:
        """Width and height of a picture with its name and the gap."""
        return self.side_px + GAP_PX + 2, self.side_px + round(theme.text_px() * 1.35) + GAP_PX // 2

    def line_px(self) -> int:
        """Return the height of a row."""
        return self.cell_px[1]

    def columns(self, width: int) -> int:
        """Return how many pictures stand in a row."""
        return max(1, (width - self.bar_px - GAP_PX // 2) // self.cell_px[0])

    def whole_height(self, width: int) -> int:
        """Return the height of all rows."""
        return -(-len(self._numbers) // self.columns(width)) * self.cell_px[1] + GAP_PX

    def cell_rect(self, position: int) -> QRect:
        """Return where a picture with its name is on the screen."""
        return self._cell(position, self.width()).translated(0, -self.scroll_bar.value())

    def _cell(self, position: int, width: int) -> QRect:
        row, column = divmod(position, self.columns(width))
        w, h = self.cell_px
        return QRect(GAP_PX // 2 + column * w, GAP_PX // 2 + row * h, w - GAP_PX // 2, h)

    def at(self, point: QPointF) -> int | None:
        """Return the number of the picture at a point."""
        w, h = self.cell_px
        column = int(point.x() - GAP_PX // 2) // w
        row = int(point.y() - GAP_PX // 2 + self.scroll_bar.value()) // h
        position = row * self.columns(self.width()) + column
        inside = 0 <= column < self.columns(self.width()) and 0 <= position < len(self._numbers)
        return int(self._numbers[position]) if inside else None

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the pictures that are in sight."""
        if self._sheet is None or not len(self._numbers):
            self.draw_sentence(painter, size)
            return
        offset, columns, height = self.offset(size), self.columns(size.width()), self.cell_px[1]
        first = max(0, offset - GAP_PX) // height * columns
        last = min(len(self._numbers), -(-(offset + size.height()) // height) * columns)
        painter.setFont(theme.font(0.85))
        for position in range(first, last):
            cell = self._cell(position, size.width()).translated(0, -offset)
            self._draw_one(painter, cell, int(self._numbers[position]))

    def _draw_one(self, painter: QPainter, cell: QRect, number: int) -> None:
        assert self._sheet is not None
        assert self._atlas is not None
        colours, sheet, side = theme.current(), self._sheet, self.side_px
        picture = QRect(cell.left() + 2, cell.top() + 2, side, side)
        height = self._atlas.height() // len(sheet.labels_n)
        draw_part(painter, picture, self._atlas, QRect(0, number * height, self._atlas.width(), height))
        told = is_told(sheet)
        wrong = told and sheet.predicted_n[number] != sheet.labels_n[number]
        index = int(sheet.predicted_n[number] if wrong else sheet.labels_n[number])
        name = name_of(sheet.classes, index)
        room = QRect(cell.left() - 1, picture.bottom() + 2, cell.width() + 4, cell.bottom() - picture.bottom() - 1)
        role = "bad" if wrong else "muted"
        text = f"{CROSS} {name}" if wrong else name
        draw_text(painter, room, text, colours.color(role), align=Qt.AlignmentFlag.AlignCenter)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(colours.color("bad" if wrong else "line"), 3 if wrong else 1)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        painter.drawRect(picture.adjusted(-1, -1, 0, 0))
        if number in (self._current, self._hovered):
            painter.setPen(QPen(colours.color("accent" if number == self._current else "pointer"), 2))
            painter.drawRect(cell.adjusted(-1, -1, 1, -1))

    # -- by hand --------------------------------------------------------------------------------------------------

    def choose(self, position: int) -> None:
        """Choose the picture at a position and bring it into sight."""
        if not len(self._numbers):
            return
        position = min(len(self._numbers) - 1, max(0, position))
        self._current = int(self._numbers[position])
        cell = self._cell(position, self.width())
        self.bring_into_sight(cell.top() - GAP_PX // 2, cell.bottom() + GAP_PX)
        self._describe()
        self.pointed.emit(self.in_focus)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose what is clicked."""
        number = self.at(event.position())
        if number is not None and event.button() == Qt.MouseButton.LeftButton:
            self.choose(int(np.flatnonzero(self._numbers == number)[0]))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open what is double-clicked."""
        number = self.at(event.position())
        if number is not None and event.button() == Qt.MouseButton.LeftButton:
            self.activated.emit(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk by the arrows; Enter opens."""
        places = np.flatnonzero(self._numbers == (-1 if self._current is None else self._current)).tolist()
        columns, rows = self.columns(self.width()), self.height() // self.cell_px[1]
        found = self.walked(event, places[0] if places else None, len(self._numbers), columns, rows)
        if found is not None:
            self.choose(found)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and places:
            self.activated.emit(int(self._numbers[places[0]]))
        else:
            super().keyPressEvent(event)


def _atlas(images_nhw: npt.NDArray[np.uint8]) -> QImage | None:
    """Return all pictures below each other as one; ``None`` without any."""
    if not images_nhw.size:
        return None
    every = -(-max(images_nhw.shape[1:3]) // MOST_SIDE)
    small = images_nhw[:, ::every, ::every].astype(np.uint32)
    red, green, blue = (small[..., k] for k in range(3)) if small.ndim == 4 else (small, small, small)
    pixels = ((0xFF << 24) | (red << 16) | (green << 8) | blue).astype(np.uint32)
    pixels = np.ascontiguousarray(pixels.reshape(-1, pixels.shape[2]))
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    image.cnnviz_array = pixels  # type: ignore[attr-defined]  # Qt does not own the bytes
    return image
