"""One map as a grid of cells: values inside, a window on it, padding around it, cells that are filled one by one."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.core.formats import fixed
from cnnviz.widgets import theme
from cnnviz.widgets.cells import CENTRED, cell_text, draw_texts, indices_of
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.figure import Figure, KeptPicture, draw_part, draw_text, indexed_image

Array = npt.NDArray[Any]
Cell = tuple[int, int]
Quad = tuple[int, int, int, int]
MOST_CELL_PX = 72
TEXT_CELL_PX = 20
LINE_CELL_PX = 12  # lines between smaller cells would hide them
UNREACHED = 0.82  # how much of the background covers cells that the walk has not reached


@dataclass(frozen=True, eq=False)
class Grid:
    """What a grid shows.

    Attributes
    ----------
    values_hw
        The cells, padding included.
    low, high, role
        The colour scale.
    title
        What it is; stands above.
    padding
        How many of the outer rows and columns are padding: (top, bottom, left, right).
    blank
        Cells that hold nothing and are left empty, (H, W), or ``None``.
    whole
        The numbers are counts, written without decimals.
    """

    values_hw: Array
    low: float
    high: float
    role: MapRole
    title: str = ""
    padding: Quad = (0, 0, 0, 0)
    blank: npt.NDArray[np.bool_] | None = None
    whole: bool = False


@dataclass(frozen=True)
class Window:
    """The rows and columns of a grid that something reads or writes, and the colour role of its frame."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    colour: str = "pointer"


class GridPicture(Figure):
    """A grid of numbers to look at; `ValueGrid` can be pointed at and changed."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(72, 72)
        self._grid: Grid | None = None
        self._sentence = ""
        self._described = ""
        self._whole = False
        self._indices = np.zeros((1, 1), np.uint8)
        self._windows: tuple[Window, ...] = ()
        self._cell: Cell | None = None
        self._marks: tuple[tuple[Cell, str], ...] = ()
        self._filled: int | None = None
        self._left_over: Cell = (0, 0)
        self._hovered: Cell | None = None
        self._digits = 3
        self._kept = KeptPicture()
        self._frames = KeptPicture(is_overlay=True)
        self._frames_of: object = None

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_grid(self, grid: Grid | None, sentence: str = "") -> None:
        """Show other values, or a sentence."""
        self._grid, self._sentence = grid, sentence
        if grid is not None:
            self._indices = indices_of(grid.values_hw, grid.low, grid.high)
            finite = grid.values_hw[np.isfinite(grid.values_hw)]
            self._whole = grid.whole or bool((finite == np.round(finite)).all() and np.abs(finite).max(initial=0) < 1e5)
            rows, columns = grid.values_hw.shape
            if self._cell is not None and not (self._cell[0] < rows and self._cell[1] < columns):
                self._cell = None  # the grid before was larger
            if grid.blank is not None:
                self._indices = np.where(grid.blank, np.uint8(0), self._indices)
            rows, columns = grid.values_hw.shape
            if (rows, columns, grid.title == "", grid.padding) != self._frames_of:
                self._frames_of = (rows, columns, grid.title == "", grid.padding)
                self._frames.drop()
            words = f"{grid.title}, {rows} rows and {columns} columns"
            if words != self._described:  # telling a screen reader costs more than drawing
                self._described = words
                self.setAccessibleDescription(words)
        else:
            self._described = sentence
            self.setAccessibleDescription(sentence)
        self._kept.drop()
        self.update()

    @property
    def grid(self) -> Grid | None:
        """What is shown."""
        return self._grid

    def show_windows(self, *windows: Window) -> None:
        """Frame rows and columns."""
        if windows != self._windows:
            self._windows = windows
            self.update()

    def show_cell(self, cell: Cell | None) -> None:
        """Frame the chosen cell."""
        if cell != self._cell:
            self._cell = cell
            self.update()

    @property
    def cell(self) -> Cell | None:
        """The chosen cell."""
        return self._cell

    def show_marks(self, *marks: tuple[Cell, str]) -> None:
        """Mark single cells, each with a colour role."""
        if marks != self._marks:
            self._marks = marks
            self.update()

    def show_filled(self, count: int | None) -> None:
        """Cover the cells from `count` on, row by row; ``None``: none is covered."""
        if count != self._filled:
            self._filled = count
            self.update()

    def show_left_over(self, rows: int, columns: int) -> None:
        """Paint the last rows and columns as ones that nothing reaches."""
        if (rows, columns) != self._left_over:
            self._left_over = (rows, columns)
            self._kept.drop()
            self.update()

    def set_digits(self, digits: int) -> None:
        """Write the values with so many digits, where they fit; with 0 they are colours only."""
        self._digits = digits
        self._kept.drop()
        self.update()

    # -- geometry -------------------------------------------------------------------------------------------------

    def _title_px(self) -> int:
        return round(theme.text_px() * 1.4) if self._grid is not None and self._grid.title else 0

    def area(self, size: QSize) -> QRect:
        """Return where the cells are."""
        if self._grid is None:
            return QRect()
        rows, columns = self._grid.values_hw.shape
        room = QRect(2, self._title_px() + 2, max(1, size.width() - 4), max(1, size.height() - self._title_px() - 4))
        side = min(room.width() / columns, room.height() / rows, MOST_CELL_PX)
        if side >= 1:
            side = int(side)
        width, height = max(1, round(columns * side)), max(1, round(rows * side))
        return QRect(room.left() + (room.width() - width) // 2, room.top(), width, height)

    def cell_rect(self, row: int, column: int, size: QSize | None = None) -> QRect:
        """Return where a cell is."""
        return self._span(row, row + 1, column, column + 1, self.area(size or self.size()))

    def _span(self, top: int, bottom: int, left: int, right: int, area: QRect) -> QRect:
        assert self._grid is not None
        rows, columns = self._grid.values_hw.shape
        x0, x1 = (area.left() + round(at * area.width() / columns) for at in (left, right))
        y0, y1 = (area.top() + round(at * area.height() / rows) for at in (top, bottom))
        return QRect(x0, y0, max(1, x1 - x0), max(1, y1 - y0))

    def _part(self, span: Quad, area: QRect) -> QRect:
        """Return where rows and columns (top, bottom, left, right) are."""
        top, bottom, left, right = span
        return self._span(top, bottom, left, right, area)

    def at(self, point: QPointF, *, nearest: bool = False) -> Cell | None:
        """Return the cell under a point; if asked for, the nearest one to a point outside."""
        if self._grid is None:
            return None
        area = self.area(self.size())
        rows, columns = self._grid.values_hw.shape
        row = int((point.y() - area.top()) * rows // area.height())
        column = int((point.x() - area.left()) * columns // area.width())
        if nearest:
            return min(rows - 1, max(0, row)), min(columns - 1, max(0, column))
        return (row, column) if 0 <= row < rows and 0 <= column < columns else None

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw cells, padding, windows and marks."""
        if self._grid is None:
            painter.setFont(theme.font())
            painter.setPen(theme.current().color("muted"))
            flags = CENTRED | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(8, 0, size.width() - 16, size.height()), flags, self._sentence)
            return
        self._kept.draw(painter, size, lambda p: self._draw_base(p, size))
        area = self.area(size)
        self._draw_unreached(painter, area)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for window in self._windows:
            self._draw_window(painter, window, area)
        for cell, role in self._marks:
            self._frame(painter, self._span(cell[0], cell[0] + 1, cell[1], cell[1] + 1, area), role, 3)
        if self._hovered is not None and self._inside(self._hovered):
            row, column = self._hovered
            self._frame(painter, self._span(row, row + 1, column, column + 1, area), "muted", 1)
        if self._cell is not None and self._inside(self._cell):
            row, column = self._cell
            self._frame(painter, self._span(row, row + 1, column, column + 1, area), "accent", 2)

    def _inside(self, cell: Cell) -> bool:
        assert self._grid is not None
        rows, columns = self._grid.values_hw.shape
        return bool(0 <= cell[0] < rows and 0 <= cell[1] < columns)

    def _draw_base(self, painter: QPainter, size: QSize) -> None:
        """Draw what stays while the window moves."""
        assert self._grid is not None
        grid, colours, area = self._grid, theme.current(), self.area(size)
        if grid.title:
            painter.setFont(theme.font(0.9))
            head = QRect(2, 0, size.width() - 4, self._title_px())
            draw_text(painter, head, grid.title, colours.color("muted"), align=Qt.AlignmentFlag.AlignVCenter)
        rows, columns = grid.values_hw.shape
        draw_part(painter, area, indexed_image(self._indices, grid.role), QRect(0, 0, columns, rows))
        self._frames.draw(painter, size, lambda p: self._draw_frames(p, area))
        if self._digits and area.width() // columns >= TEXT_CELL_PX:
            self._draw_values(painter, area)
        self._draw_left_over(painter, area)

    def _draw_frames(self, painter: QPainter, area: QRect) -> None:
        """Draw what stays while the values change: lines, padding and edge."""
        assert self._grid is not None
        rows, columns = self._grid.values_hw.shape
        if area.width() // columns >= LINE_CELL_PX:
            line = theme.current().color("line")  # strips, not lines: a line of one pixel is blurred in an SVG
            for row in range(1, rows):
                painter.fillRect(area.left(), self._span(row, row + 1, 0, 1, area).top(), area.width(), 1, line)
            for column in range(1, columns):
                painter.fillRect(self._span(0, 1, column, column + 1, area).left(), area.top(), 1, area.height(), line)
        self._draw_padding(painter, area)
        painter.setPen(theme.current().color("line"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(-1, -1, 0, 0))

    def _draw_values(self, painter: QPainter, area: QRect) -> None:
        assert self._grid is not None
        values = self._grid.values_hw
        cell_px = area.width() // values.shape[1]
        fits = (cell_px - 2) / (0.64 * (self._digits + 2.8))  # as small as the digits need, while it can be read
        size_px = max(9, int(min(cell_px * 0.42, theme.text_px() * 1.2, fits)))
        painter.setFont(theme.numbers_font(size_px))
        room = (cell_px - 2) / painter.fontMetrics().horizontalAdvance("88888888") * 8
        texts = [self._text(value, room) for value in values.ravel().tolist()]
        draw_texts(painter, area, self._indices, texts, self._grid.role)

    def _text(self, value: float, room: float) -> str:
        """Write a value into a cell that is `room` digits broad."""
        if self._whole:
            return fixed(value, 0)
        text = cell_text(value, self._digits, room)
        if text == "…" and abs(value) < 1:
            return f"≈{fixed(value, 0)}"  # too small for the room: better a rounded number than none
        return text

    def _draw_padding(self, painter: QPainter, area: QRect) -> None:
        """Hatch the cells that are not part of the input, and draw the input's edge."""
        assert self._grid is not None
        top, bottom, left, right = self._grid.padding
        if not any(self._grid.padding):
            return
        rows, columns = self._grid.values_hw.shape
        colour = theme.current().color("pointer")
        hatch = QColor(colour)
        hatch.setAlpha(120)
        painter.setPen(Qt.PenStyle.NoPen)
        for span in (
            (0, top, 0, columns), (rows - bottom, rows, 0, columns),
            (top, rows - bottom, 0, left), (top, rows - bottom, columns - right, columns),
        ):  # fmt: skip
            if span[1] > span[0] and span[3] > span[2]:
                painter.fillRect(self._part(span, area), QBrush(hatch, Qt.BrushStyle.BDiagPattern))
        painter.setPen(QPen(colour, 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self._span(top, rows - bottom, left, columns - right, area).adjusted(0, 0, -1, -1))

    def _draw_left_over(self, painter: QPainter, area: QRect) -> None:
        """Cover the last rows and columns that no window reaches."""
        assert self._grid is not None
        if not any(self._left_over):
            return
        rows, columns = self._grid.values_hw.shape
        over_rows, over_columns = (min(n, most) for n, most in zip(self._left_over, (rows, columns), strict=True))
        colour = theme.current().color("bad")
        wash = QColor(colour)
        wash.setAlpha(110)
        for span in (
            (rows - over_rows, rows, 0, columns) if over_rows else None,
            (0, rows - over_rows, columns - over_columns, columns) if over_columns else None,
        ):
            if span is not None and span[1] > span[0]:
                rect = self._part(span, area)
                painter.fillRect(rect, wash)
                painter.fillRect(rect, QBrush(colour, Qt.BrushStyle.FDiagPattern))

    def _draw_unreached(self, painter: QPainter, area: QRect) -> None:
        assert self._grid is not None
        rows, columns = self._grid.values_hw.shape
        if self._filled is None or self._filled >= rows * columns:
            return
        row, column = divmod(self._filled, columns)
        veil = theme.current().color("panel")
        veil.setAlphaF(UNREACHED)
        painter.fillRect(self._span(row, row + 1, column, columns, area), veil)
        if row + 1 < rows:
            painter.fillRect(self._span(row + 1, rows, 0, columns, area), veil)

    def _draw_window(self, painter: QPainter, window: Window, area: QRect) -> None:
        """Frame a window: as one where its cells touch, each cell by itself where it is dilated."""
        if not window.rows or not window.columns:
            return
        colour = window.colour
        rows, columns = window.rows, window.columns
        touching = all(b - a == 1 for side in (rows, columns) for a, b in itertools.pairwise(side))
        whole = self._span(rows[0], rows[-1] + 1, columns[0], columns[-1] + 1, area)
        if touching or whole.width() < 6 * len(columns):
            if whole.width() < 8:  # a window of a few pixels would not be found
                whole = whole.adjusted(-3, -3, 3, 3)
            self._frame(painter, whole, colour, 2)
            return
        for row in rows:
            for column in columns:
                self._frame(painter, self._span(row, row + 1, column, column + 1, area), colour, 2)

    def _frame(self, painter: QPainter, rect: QRect, role: str, width: int) -> None:
        """Draw a frame that is seen on every colour: its own, with the background's around it."""
        pen = Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin
        painter.setPen(QPen(theme.current().color("panel"), width + 2, *pen))
        painter.drawRect(rect.adjusted(-1, -1, 0, 0))
        painter.setPen(QPen(theme.current().color(role), width, *pen))
        painter.drawRect(rect.adjusted(-1, -1, 0, 0))

    def has_own_background(self, part: QRect) -> bool:
        """Return whether the kept picture covers the widget."""
        return self._grid is not None

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_kept"):
            self._kept.drop()
            self._frames.drop()
            self.update()

    def sizeHint(self) -> QSize:
        """Return a size at which a small map is readable."""
        return QSize(200, 200)
