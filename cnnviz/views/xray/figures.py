"""What the pictures of the X-ray have in common: maps with numbers, scrolling, frames, pointing and choosing.

They draw what is in sight only, whatever the number of channels.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QGuiApplication,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGridLayout, QScrollBar, QSizePolicy, QWidget

from cnnviz.core.inspection import FloatArray
from cnnviz.widgets import theme
from cnnviz.widgets.cells import CENTRED, cell_text, indices_of, text_colours
from cnnviz.widgets.figure import Figure, draw_part, indexed_image

GAP_PX = 8
ROW_TILE_PX = 72  # of one channel among many
LEAST_TILE_PX = 36
TEXT_CELL_PX = 20
X_ROLE, F_ROLE = "pointer", "kernel"
"""Colours of shortcut and branch, as in the written-out sum."""
LEFT = Qt.AlignmentFlag.AlignVCenter
CENTRE = Qt.AlignmentFlag.AlignCenter


def draw_map(painter: QPainter, rect: QRect, values_hw: FloatArray, high: float) -> None:
    """Draw one map centred on zero, with its numbers where the cells are large enough."""
    height, width = values_hw.shape
    indices = indices_of(values_hw, -high, high)
    draw_part(painter, rect, indexed_image(indices, "signed"), QRect(0, 0, width, height))
    painter.setPen(theme.current().color("line"))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect.adjusted(-1, -1, 0, 0))
    cell_w, cell_h = rect.width() / width, rect.height() / height
    if min(cell_w / 2.4, cell_h) < TEXT_CELL_PX / 1.6:
        return
    painter.setFont(theme.numbers_font(max(8, int(min(cell_h * 0.5, cell_w / 3.9, theme.text_px() * 1.2)))))
    room = (cell_w - 2) / max(1, painter.fontMetrics().horizontalAdvance("88888888")) * 8
    inks, words = text_colours("signed"), indices.tolist()
    for row, line in enumerate(values_hw.tolist()):
        top = rect.top() + round(row * cell_h)
        for column, value in enumerate(line):
            if words[row][column]:
                painter.setPen(inks[words[row][column] - 1])
                cell = QRect(rect.left() + round(column * cell_w), top, round(cell_w), round(cell_h))
                painter.drawText(cell, CENTRED, cell_text(value, 3, room))


class Scrolled(QWidget):
    """A picture that draws what is in sight, and its two scroll bars."""

    def __init__(self, figure: ScrolledFigure, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figure = figure
        self.down = QScrollBar(Qt.Orientation.Vertical, self)
        self.across = QScrollBar(Qt.Orientation.Horizontal, self)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.addWidget(figure, 0, 0)
        grid.addWidget(self.down, 0, 1)
        grid.addWidget(self.across, 1, 0)
        for bar in (self.down, self.across):
            bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            bar.setVisible(False)
        self.down.valueChanged.connect(figure.scroll_down_to)
        self.across.valueChanged.connect(figure.scroll_across_to)
        figure.extent_changed.connect(self._on_figure_extent_changed)
        figure.wanted.connect(self._on_figure_wanted)

    def _on_figure_extent_changed(self, whole: QSize, room: QSize) -> None:
        for bar, most, page in (
            (self.down, whole.height() - room.height(), room.height()),
            (self.across, whole.width() - room.width(), room.width()),
        ):
            bar.setRange(0, max(0, most))
            bar.setPageStep(max(1, page))
            bar.setSingleStep(max(1, page // 8))
            bar.setVisible(most > 0)

    def _on_figure_wanted(self, x: int, y: int) -> None:
        self.across.setValue(x)
        self.down.setValue(y)


class ScrolledFigure(Figure):
    """Base of the pictures that are larger than their room.

    Signals
    -------
    extent_changed(QSize, QSize)
        How large the whole picture is, and the room for it.
    wanted(int, int)
        Scroll so far across and down.
    pointed(tuple | None)
        (channel, row, column) of the result under the pointer.
    chosen(int, object)
        A channel of the result, and the cell (row, column) that was clicked, or ``None``.
    """

    extent_changed = Signal(QSize, QSize)
    wanted = Signal(int, int)
    pointed = Signal(object)
    chosen = Signal(int, object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 60)
        self._x, self._y = 0, 0
        self._sentence = ""
        self._high = 1.0
        self._selected: tuple[int, tuple[int, int] | None] | None = None
        self._hovered: tuple[int, tuple[int, int] | None] | None = None
        copy = QAction("Copy &numbers", self)
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(self.text()))
        self.addAction(copy)

    def text(self) -> str:
        """Return what is shown as a table."""
        return self._sentence

    def scroll_down_to(self, y: int) -> None:
        """Show what is so far down."""
        self._y = y
        self.update()

    def scroll_across_to(self, x: int) -> None:
        """Show what is so far across."""
        self._x = x
        self.update()

    def show_sentence(self, sentence: str) -> None:
        """Show why there is nothing."""
        self._sentence = sentence
        self.setAccessibleDescription(sentence)
        self.extent_changed.emit(QSize(0, 0), self.size())
        self.update()

    def show_selection(self, unit: int | None, cell: tuple[int, int] | None) -> None:
        """Frame a channel and one of its cells, and bring it into sight when it is another one."""
        before = self._selected[0] if self._selected else None
        self._selected = None if unit is None else (unit, cell)
        if unit is not None and unit != before:
            self.bring(unit)
        self.update()

    def show_pointed(self, unit: int | None, cell: tuple[int, int] | None) -> None:
        """Frame what is pointed at."""
        hovered = None if unit is None else (unit, cell)
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()

    def bring(self, unit: int) -> None:
        """Bring a channel into sight."""
        rect = self.place_of(unit)
        if rect is None:
            return
        y, x = self._y, self._x
        top, bottom = self.head_px(), self.height()
        if rect.top() < top:
            y += rect.top() - top
        elif rect.bottom() > bottom:
            y += min(rect.bottom() - bottom, rect.top() - top)
        if rect.left() < 0:
            x += rect.left()
        elif rect.right() > self.width():
            x += rect.right() - self.width()
        self.wanted.emit(max(0, x), max(0, y))

    def head_px(self) -> int:
        """Return the height of what stays in sight while the rest scrolls."""
        return 0

    def place_of(self, unit: int) -> QRect | None:
        """Return where a channel is on screen, or ``None`` where it is not shown."""
        return None

    def at(self, point: QPointF) -> tuple[int, int, int] | None:
        """Return (channel, row, column) at a point of the screen."""
        return None

    def whole_size(self) -> QSize:
        """Return how large the whole picture is."""
        return self.size()

    def has_something(self) -> bool:
        """Return whether there is more to show than a sentence."""
        return False

    def fit(self) -> None:
        """Tell the scroll bars how much there is."""
        if self.has_something():
            self.extent_changed.emit(self.whole_size(), self.size())
        self.update()

    def draw_sentence(self, painter: QPainter, size: QSize) -> None:
        """Draw the sentence in the middle."""
        painter.setFont(theme.font())
        painter.setPen(theme.current().color("muted"))
        flags = CENTRED | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(QRect(16, 0, max(1, size.width() - 32), size.height()), flags, self._sentence)

    def frame(self, painter: QPainter, rect: QRect, role: str) -> None:
        """Draw a frame around a map or a cell."""
        pen = Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin
        painter.setPen(QPen(theme.current().color(role), 2, *pen))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(-1, -1, 0, 0))

    def frames_of(self, unit: int) -> list[tuple[tuple[int, int] | None, str]]:
        """Return the frames that a channel gets: the cell, or none for the whole map, and the colour."""
        framed = ((self._selected, "accent"), (self._hovered, "pointer"))
        return [(one[1], role) for one, role in framed if one is not None and one[0] == unit]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point."""
        self.pointed.emit(self.at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self.pointed.emit(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a channel and a cell."""
        found = self.at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            self.chosen.emit(found[0], found[1:])

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll down; with Shift across."""
        step = -event.angleDelta().y() // 2
        sideways = event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or sideways:
            self.wanted.emit(max(0, self._x + (step or -sideways // 2)), self._y)
        else:
            self.wanted.emit(self._x, max(0, self._y + step))
        event.accept()

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out again."""
        self.fit()


def cell_rect(tile: QRect, shape: tuple[int, ...], cell: tuple[int, int]) -> QRect:
    """Return where a cell of a drawn map is, enlarged where it could not be seen."""
    height, width = shape[-2:]
    x0, x1 = (tile.left() + round(c * tile.width() / width) for c in (cell[1], cell[1] + 1))
    y0, y1 = (tile.top() + round(r * tile.height() / height) for r in (cell[0], cell[0] + 1))
    found = QRect(x0, y0, max(1, x1 - x0), max(1, y1 - y0))
    return found if found.width() >= 5 else found.adjusted(-2, -2, 2, 2)
