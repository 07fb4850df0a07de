"""The pictures of the X-ray: channels of a sum in rows, branches of a concatenation in columns, blocks over depth.

All of them draw what is in sight only, whatever the number of channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGridLayout, QScrollBar, QSizePolicy, QToolTip, QWidget

from cnnviz.core.formats import number
from cnnviz.core.inspection import FloatArray
from cnnviz.views.xray import compute
from cnnviz.views.xray.compute import Change, Part, Residual
from cnnviz.widgets import theme
from cnnviz.widgets.cells import CENTRED, cell_text, indices_of, text_colours
from cnnviz.widgets.figure import Figure, draw_part, draw_text, indexed_image

GAP_PX = 8
ROW_TILE_PX = 72  # of one channel among many
PITCH_PX = 168  # no map stands farther than this from the next, unless it is larger
LEAST_TILE_PX = 36
TEXT_CELL_PX = 20
COLUMN_PX = 148  # a branch's column is at least so wide
X_ROLE, F_ROLE = "pointer", "kernel"
"""Colours of shortcut and branch, as in the written-out sum."""
_LEFT = Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter


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


def _cell_rect(tile: QRect, shape: tuple[int, ...], cell: tuple[int, int]) -> QRect:
    """Return where a cell of a drawn map is, enlarged where it could not be seen."""
    height, width = shape[-2:]
    x0, x1 = (tile.left() + round(c * tile.width() / width) for c in (cell[1], cell[1] + 1))
    y0, y1 = (tile.top() + round(r * tile.height() / height) for r in (cell[0], cell[0] + 1))
    found = QRect(x0, y0, max(1, x1 - x0), max(1, y1 - y0))
    return found if found.width() >= 5 else found.adjusted(-2, -2, 2, 2)


class RowsFigure(ScrolledFigure):
    """A sum, a row for each channel: x, F(x), what they add up to, what the activation makes of it, and the share.

    Signals
    -------
    zoom_changed(bool)
        One channel fills the room, or all are shown again.
    """

    zoom_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Channels of the sum", parent)
        self.setToolTip("Arrows choose a channel; Enter or a double click lets it fill the room, Escape goes back")
        self._found: Residual | None = None
        self._order: npt.NDArray[np.intp] = np.arange(0)
        self._limits: npt.NDArray[np.float64] | None = None
        self._heads: tuple[str, ...] = ()
        self._zoomed = False

    def show_residual(
        self,
        found: Residual,
        order: npt.NDArray[np.intp],
        heads: Sequence[str],
        high: float | npt.NDArray[np.float64],
    ) -> None:
        """Show a sum.

        Parameters
        ----------
        found
            Values and shares.
        order
            The channels in the order of the rows.
        heads
            What stands above the maps, one for each.
        high
            The magnitude of the last colour, one for all channels or one for each.
        """
        self._sentence = ""
        self._found, self._order, self._heads = found, order, tuple(heads)
        self._limits = high if isinstance(high, np.ndarray) else None
        self._high = 1.0 if isinstance(high, np.ndarray) else high
        self.fit()

    def show_sentence(self, sentence: str) -> None:
        """Show why there is nothing."""
        self._found = None
        super().show_sentence(sentence)

    def has_something(self) -> bool:
        """Return whether a sum is shown."""
        return self._found is not None

    def text(self) -> str:
        """Return every channel's numbers."""
        return compute.sum_table(self._found) if self._found is not None else self._sentence

    @property
    def zoomed(self) -> bool:
        """Whether one channel fills the room."""
        return self._zoomed

    def zoom(self, on: bool) -> None:
        """Let the chosen channel fill the room, or show all again."""
        if on != self._zoomed:
            self._zoomed = on
            self.fit()
            if self._selected is not None:
                self.bring(self._selected[0])
            self.zoom_changed.emit(on)

    # -- geometry -------------------------------------------------------------------------------------------------

    def _maps(self) -> tuple[FloatArray, ...]:
        assert self._found is not None
        found = self._found
        four = (found.x_chw, found.f_chw, found.sum_chw, found.after_chw)
        return tuple(maps for maps in four if maps is not None)

    def head_px(self) -> int:
        """Return the height of the line above the columns."""
        return round(theme.text_px() * 1.6)

    def _name_px(self) -> int:
        return round(theme.text_px() * 4.8)

    def _words_px(self) -> int:
        return round(theme.text_px() * 11)

    def _sign_px(self) -> int:
        return round(theme.text_px() * 1.6)

    def _tile(self, size: QSize) -> QSize:
        """Return the size of a map on screen."""
        assert self._found is not None
        maps = self._maps()
        height, width = maps[0].shape[1:]
        room_w = size.width() - self._name_px() - self._words_px() - (len(maps) - 1) * self._sign_px() - 2 * GAP_PX
        across = max(24, room_w // len(maps))
        if self._zoomed:
            down = max(LEAST_TILE_PX, size.height() - self.head_px() - 2 * GAP_PX)
        else:
            down = max(LEAST_TILE_PX, round(ROW_TILE_PX * theme.text_px() / theme.BODY_PX))
        if height == 1:
            down = min(down, max(18, round(theme.text_px() * 1.8)))
            return QSize(max(24, min(across, width * round(theme.text_px() * 4.4))), down)
        scale = min(across / width, down / height)
        if scale > 1 and not self._zoomed:
            scale = max(1.0, math.floor(scale))  # a pixel is a pixel
        return QSize(max(8, round(width * scale)), max(8, round(height * scale)))

    def _row_px(self, size: QSize) -> int:
        least = size.height() - self.head_px() if self._zoomed else round(theme.text_px() * 3.7)
        return max(least, self._tile(size).height() + GAP_PX)

    def whole_size(self) -> QSize:
        """Return the room of all rows."""
        assert self._found is not None
        return QSize(self.width(), self.head_px() + len(self._order) * self._row_px(self.size()))

    def tile_rect(self, unit: int, which: int) -> QRect | None:
        """Return where the map of a channel is on screen: 0 the shortcut, 1 the branch, 2 the sum, 3 behind it."""
        row = self.place_of(unit)
        return None if row is None else self._tile_in(row, which, self._tile(self.size()))

    def _pitch_px(self, width: int, tile: QSize) -> int:
        """Return how far the maps of a row stand apart: so that their headings have room."""
        least = tile.width() + self._sign_px()
        room = (width - self._name_px() - self._words_px() - GAP_PX) // len(self._maps())
        return max(least, min(room, round(PITCH_PX * theme.text_px() / theme.BODY_PX)))

    def _tile_in(self, row: QRect, which: int, tile: QSize) -> QRect:
        x = row.left() + self._name_px() + which * self._pitch_px(row.width(), tile)
        return QRect(x, row.top() + (row.height() - tile.height()) // 2, tile.width(), tile.height())

    def place_of(self, unit: int) -> QRect | None:
        """Return a channel's row on screen."""
        if self._found is None:
            return None
        where = np.flatnonzero(self._order == unit)
        if not where.size:
            return None
        row_px = self._row_px(self.size())
        return QRect(0, self.head_px() + int(where[0]) * row_px - self._y, self.width(), row_px)

    def at(self, point: QPointF) -> tuple[int, int, int] | None:
        """Return (channel, row, column) at a point: of the map under it, or the first cell beside the maps."""
        if self._found is None or not self.rect().contains(point.toPoint()) or point.y() < self.head_px():
            return None
        row_px = self._row_px(self.size())
        index = int((point.y() - self.head_px() + self._y) // row_px)
        if index >= len(self._order):
            return None
        unit = int(self._order[index])
        row = QRect(0, self.head_px() + index * row_px - self._y, self.width(), row_px)
        height, width = self._found.x_chw.shape[1:]
        for which in range(len(self._maps())):
            tile = self._tile_in(row, which, self._tile(self.size()))
            if tile.contains(point.toPoint()):
                r = int((point.y() - tile.top()) * height / tile.height())
                c = int((point.x() - tile.left()) * width / tile.width())
                return unit, min(height - 1, max(0, r)), min(width - 1, max(0, c))
        cell = self._selected[1] if self._selected is not None and self._selected[1] is not None else (0, 0)
        return unit, min(cell[0], height - 1), min(cell[1], width - 1)

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the rows in sight."""
        if self._found is None:
            self.draw_sentence(painter, size)
            return
        row_px, head_px, tile = self._row_px(size), self.head_px(), self._tile(size)
        first = max(0, self._y // row_px)
        last = min(len(self._order), -(-(self._y + size.height() - head_px) // row_px))
        shares, cosines = self._found.shares, self._found.cosines
        painter.save()
        painter.setClipRect(QRect(0, head_px, size.width(), size.height() - head_px), Qt.ClipOperation.IntersectClip)
        for index in range(first, last):
            unit = int(self._order[index])
            row = QRect(0, head_px + index * row_px - self._y, size.width(), row_px)
            self._draw_row(painter, row, unit, tile, float(shares[unit]), float(cosines[unit]))
        painter.restore()
        painter.setFont(theme.font(0.9, bold=True))
        head = QRect(0, 0, size.width(), head_px)
        roles = (X_ROLE, F_ROLE, "accent", "text")
        for which, words in enumerate(self._heads):
            rect = self._tile_in(head, which, tile)
            rect = QRect(rect.left(), 0, self._pitch_px(size.width(), tile) - 8, head_px)
            if painter.fontMetrics().horizontalAdvance(words) > rect.width():
                words = words.partition(" = ")[0]  # which value it is has to give way to what it is
            draw_text(painter, rect, words, theme.current().color(roles[which]), align=_LEFT)
        left = self._tile_in(head, len(self._heads), tile).left()
        muted = theme.current().color("muted")
        draw_text(painter, QRect(left, 0, size.width() - left, head_px), "share of the energy", muted, align=_LEFT)

    def _draw_row(self, painter: QPainter, row: QRect, unit: int, tile: QSize, share: float, cosine: float) -> None:
        assert self._found is not None
        colours = theme.current()
        selected = self._selected is not None and self._selected[0] == unit
        painter.setFont(theme.font(0.9, bold=selected))
        room = QRect(4, row.top(), self._name_px() - 8, row.height())
        draw_text(painter, room, f"map {unit}", colours.color("accent" if selected else "text"), align=_LEFT)
        high = self._high if self._limits is None else float(self._limits[unit])
        framed = self.frames_of(unit)
        maps = self._maps()
        for which, values_chw in enumerate(maps):
            rect = self._tile_in(row, which, tile)
            draw_map(painter, rect, values_chw[unit], high)
            if which:
                sign = ("+", "=", "→")[which - 1]
                painter.setFont(theme.font(1.2, bold=True))
                before = self._tile_in(row, which - 1, tile).right()
                room = QRect(before + 1, rect.top(), rect.left() - before - 1, rect.height())
                draw_text(painter, room, sign, colours.color("text"), align=_CENTRE, elide=False)
            for cell, role in framed:
                if cell is None or values_chw.shape[1:] == (1, 1):
                    self.frame(painter, rect, role)
                else:
                    self.frame(painter, _cell_rect(rect, values_chw.shape, cell), role)
        self._draw_share(painter, row, self._tile_in(row, len(maps), tile).left(), share, cosine)

    def _draw_share(self, painter: QPainter, row: QRect, left: int, share: float, cosine: float) -> None:
        """Draw the bar of a channel: the shortcut's part and the branch's, and how they stand to each other."""
        assert self._found is not None
        colours, line_px = theme.current(), round(theme.text_px() * 1.35)
        width = max(20, min(row.right() - left - GAP_PX, round(theme.text_px() * 18)))
        painter.setFont(theme.font(0.9))
        top = row.center().y() - line_px
        words = QRect(left, top, width, line_px)
        if share != share:
            draw_text(painter, words, "both are zero", colours.color("muted"), align=_LEFT)
            return
        draw_text(painter, words, f"{self._found.names[1]} {share:.0%}", colours.color(F_ROLE), align=_LEFT)
        bar = QRect(left, top + line_px, width, max(5, line_px // 3))
        split = round(bar.width() * (1 - share))
        painter.fillRect(bar, colours.color(F_ROLE))
        painter.fillRect(QRect(bar.left(), bar.top(), split, bar.height()), colours.color(X_ROLE))
        if cosine == cosine:
            below = QRect(left, bar.bottom() + 2, width, line_px)
            draw_text(painter, below, f"cos {number(cosine, 2)} {compute.words_of(cosine)}", colours.color("muted"),
                      align=_LEFT)  # fmt: skip

    # -- by hand --------------------------------------------------------------------------------------------------

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Let a channel fill the room, or show all again."""
        if self.at(event.position()) is not None:
            self.zoom(not self._zoomed)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the channels; Enter lets one fill the room, Escape shows all."""
        key = Qt.Key(event.key())
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_Home: -(10**6), Qt.Key.Key_End: 10**6}
        if self._found is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
        elif key in steps:
            where = np.flatnonzero(self._order == (self._selected[0] if self._selected else -1))
            at = int(where[0]) + steps[key] if where.size else 0
            cell = self._selected[1] if self._selected else None
            self.chosen.emit(int(self._order[min(len(self._order) - 1, max(0, at))]), cell)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.zoom(True)
        elif key == Qt.Key.Key_Escape and self._zoomed:
            self.zoom(False)
        else:
            super().keyPressEvent(event)


class PartsFigure(ScrolledFigure):
    """A concatenation, a column for each branch: its name, channels, share and cost, and its maps below."""

    LINES = 4

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Branches of the concatenation", parent)
        self.setToolTip("Each column is a branch; arrows choose a channel of the result")
        self._parts: tuple[Part, ...] = ()
        self._orders: tuple[npt.NDArray[np.intp], ...] = ()
        self._names: tuple[str, ...] = ()
        self._notes: tuple[str, ...] = ()

    def show_parts(
        self, parts: tuple[Part, ...], by_size: bool, names: Sequence[str], notes: Sequence[str], high: float
    ) -> None:
        """Show branches.

        Parameters
        ----------
        parts
            What each gives.
        by_size
            The channels with the most energy first, within each branch.
        names
            What each is called.
        notes
            A word for each branch, such as that it is a shortcut; empty for most.
        high
            The magnitude of the last colour.
        """
        self._sentence = ""
        self._parts, self._names, self._notes, self._high = parts, tuple(names), tuple(notes), high
        self._orders = tuple(
            np.argsort(-part.channel_energies, kind="stable") if by_size else np.arange(part.count) for part in parts
        )
        self.fit()

    def show_sentence(self, sentence: str) -> None:
        """Show why there is nothing."""
        self._parts = ()
        super().show_sentence(sentence)

    def text(self) -> str:
        """Return every branch's numbers."""
        return compute.parts_table(self._parts) if self._parts else self._sentence

    def event(self, event: QEvent) -> bool:
        """Say all of a branch under the pointer: its column may be too narrow for it."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._parts:
            n = int((event.pos().x() + self._x) // self._column_px(self.size()))
            if event.pos().y() < self.head_px() and 0 <= n < len(self._parts):
                QToolTip.showText(event.globalPos(), self.words_of(n), self)
                return True
        return super().event(event)

    def words_of(self, n: int) -> str:
        """Return everything that stands above a branch."""
        part = self._parts[n]
        share = "zero everywhere" if part.share != part.share else f"{part.share:.1%} of the energy"
        return "\n".join(filter(None, (part.title, part.channels, self._notes[n], share, part.cost)))

    def has_something(self) -> bool:
        """Return whether branches are shown."""
        return bool(self._parts)

    # -- geometry -------------------------------------------------------------------------------------------------

    def head_px(self) -> int:
        """Return the height of what is said of a branch."""
        return round(theme.text_px() * 1.4) * self.LINES + 14

    def _column_px(self, size: QSize) -> int:
        least = round(COLUMN_PX * theme.text_px() / theme.BODY_PX)
        return max(least, size.width() // max(1, len(self._parts)))

    def _tile(self, size: QSize) -> QSize:
        height, width = self._parts[0].maps_chw.shape[1:]
        room_w = self._column_px(size) - 2 * GAP_PX
        if height == 1:
            return QSize(min(room_w, max(LEAST_TILE_PX, width * 4)), round(theme.text_px() * 1.8))
        aim = round(ROW_TILE_PX * 0.8 * theme.text_px() / theme.BODY_PX)
        scale = min(room_w / width, max(aim / width, aim / height))
        if scale > 1:
            scale = math.floor(scale)
        return QSize(max(8, round(width * scale)), max(8, round(height * scale)))

    def _grid(self, size: QSize) -> tuple[QSize, int, int]:
        """Return the size of a map, how many stand side by side in a column, and the height of a row of them."""
        tile = self._tile(size)
        across = max(1, (self._column_px(size) - GAP_PX) // (tile.width() + 4))
        return tile, across, tile.height() + 4

    def whole_size(self) -> QSize:
        """Return the room of all columns, as high as the longest."""
        _, across, row_px = self._grid(self.size())
        rows = max(-(-part.count // across) for part in self._parts)
        width = self._column_px(self.size()) * len(self._parts)
        return QSize(width, self.head_px() + rows * row_px + GAP_PX)

    def place_of(self, unit: int) -> QRect | None:
        """Return where a channel of the result is on screen."""
        if not self._parts:
            return None
        n = compute.part_of(self._parts, unit)
        where = np.flatnonzero(self._orders[n] == unit - self._parts[n].first)
        return self._tile_rect(n, int(where[0]), self.size()) if where.size else None

    def _tile_rect(self, n: int, position: int, size: QSize) -> QRect:
        tile, across, row_px = self._grid(size)
        row, column = divmod(position, across)
        x = n * self._column_px(size) + GAP_PX + column * (tile.width() + 4) - self._x
        return QRect(x, self.head_px() + 4 + row * row_px - self._y, tile.width(), tile.height())

    def at(self, point: QPointF) -> tuple[int, int, int] | None:
        """Return (channel, row, column) of the result at a point."""
        if not self._parts or not self.rect().contains(point.toPoint()) or point.y() < self.head_px():
            return None
        tile, across, row_px = self._grid(self.size())
        n = int((point.x() + self._x) // self._column_px(self.size()))
        if not 0 <= n < len(self._parts):
            return None
        column = int((point.x() + self._x - n * self._column_px(self.size()) - GAP_PX) // (tile.width() + 4))
        row = int((point.y() + self._y - self.head_px() - 4) // row_px)
        position = row * across + column
        if not (0 <= column < across and row >= 0 and position < self._parts[n].count):
            return None
        rect = self._tile_rect(n, position, self.size())
        if not rect.contains(point.toPoint()):
            return None
        height, width = self._parts[n].maps_chw.shape[1:]
        r = min(height - 1, int((point.y() - rect.top()) * height / rect.height()))
        c = min(width - 1, int((point.x() - rect.left()) * width / rect.width()))
        return self._parts[n].first + int(self._orders[n][position]), max(0, r), max(0, c)

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the columns in sight."""
        if not self._parts:
            self.draw_sentence(painter, size)
            return
        column_px, head_px = self._column_px(size), self.head_px()
        for n, part in enumerate(self._parts):
            left = n * column_px - self._x
            if left + column_px < 0 or left > size.width():
                continue
            painter.save()
            painter.setClipRect(QRect(left, head_px, column_px, size.height()), Qt.ClipOperation.IntersectClip)
            self._draw_maps(painter, n, part, size)
            painter.restore()
            self._draw_head(painter, QRect(left + GAP_PX, 2, column_px - 2 * GAP_PX, head_px - 4), n, part)
            if n:
                painter.fillRect(QRect(left, 0, 1, size.height()), theme.current().color("line"))

    def _draw_head(self, painter: QPainter, room: QRect, n: int, part: Part) -> None:
        colours, line_px = theme.current(), round(theme.text_px() * 1.4)
        share = "all zero" if part.share != part.share else f"{part.share:.0%} of the energy"
        note = f" · {self._notes[n]}" if self._notes[n] else ""
        lines = (
            (self._names[n], "text", True), (f"{part.channels}{note}", "muted", False), (share, "accent", False),
            (part.cost, "muted", False),
        )  # fmt: skip
        y = room.top()
        for index, (words, role, bold) in enumerate(lines):
            painter.setFont(theme.font(0.9, bold=bold))
            draw_text(painter, QRect(room.left(), y, room.width(), line_px), words, colours.color(role), align=_LEFT)
            y += line_px
            if index == 2:
                bar = QRect(room.left(), y, room.width(), 6)
                painter.fillRect(bar, colours.color("window"))
                if part.share == part.share:
                    bar.setWidth(max(1, round(bar.width() * part.share)))
                    painter.fillRect(bar, colours.color("accent"))
                y += 8

    def _draw_maps(self, painter: QPainter, n: int, part: Part, size: QSize) -> None:
        _, across, row_px = self._grid(size)
        first = max(0, self._y // row_px) * across
        last = min(part.count, (-(-(self._y + size.height() - self.head_px()) // row_px) + 1) * across)
        for position in range(first, last):
            channel = int(self._orders[n][position])
            rect = self._tile_rect(n, position, size)
            draw_map(painter, rect, part.maps_chw[channel], self._high)
            for cell, role in self.frames_of(part.first + channel):
                self.frame(painter, rect, role)
                if cell is not None and part.maps_chw.shape[1:] != (1, 1):
                    self.frame(painter, _cell_rect(rect, part.maps_chw.shape, cell), role)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the channels."""
        key = Qt.Key(event.key())
        if not self._parts or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
            return
        _, across, _ = self._grid(self.size())
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -across, Qt.Key.Key_Down: across,
                 Qt.Key.Key_Home: -(10**6), Qt.Key.Key_End: 10**6}  # fmt: skip
        if key not in steps:
            super().keyPressEvent(event)
            return
        shown = np.concatenate([order + p.first for order, p in zip(self._orders, self._parts, strict=True)])
        where = np.flatnonzero(shown == (self._selected[0] if self._selected else -1))
        at = int(where[0]) + steps[key] if where.size else 0
        cell = self._selected[1] if self._selected else None
        self.chosen.emit(int(shown[min(len(shown) - 1, max(0, at))]), cell)


class DepthChart(Figure):
    """Every block of the network as a bar: how much it changes what it is given.

    Signals
    -------
    chosen(int)
        The number of the block that was clicked or walked to.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("How much each block changes its input, over depth", parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._changes: tuple[Change, ...] = ()
        self._current: int | None = None
        self._hovered: int | None = None
        self._caption = ""
        copy = QAction("Copy &numbers", self)
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(self.text()))
        self.addAction(copy)

    def text(self) -> str:
        """Return all bars as a table: block, joining, change."""
        rows = [f"{c.title}\t{c.name}\t{c.change:.6g}" for c in self._changes]
        return "\n".join(["block\tjoining\tchange", *rows])

    def show_changes(self, changes: tuple[Change, ...], caption: str) -> None:
        """Show the blocks, in their order."""
        self._changes, self._caption = changes, caption
        finite = [c for c in changes if math.isfinite(c.change)]
        most = max(finite, key=lambda c: c.change, default=None)
        words = f"{len(changes)} blocks" + (f"; the most, {number(most.change)}, in {most.title}" if most else "")
        if words != self.accessibleDescription():
            self.setAccessibleDescription(words)
        self.update()

    def show_current(self, index: int | None) -> None:
        """Mark the block that is open."""
        if index != self._current:
            self._current = index
            self.update()

    def bar_rect(self, index: int) -> QRect:
        """Return where a block's bar is, from the bottom to the top of its room."""
        return self._room(index, self._area(self.size()))

    def _area(self, size: QSize) -> QRect:
        line_px = round(theme.text_px() * 1.4)
        return QRect(6, line_px + 2, max(1, size.width() - 12), max(1, size.height() - line_px - 8))

    def _room(self, index: int, area: QRect) -> QRect:
        step = area.width() / max(1, len(self._changes))
        left, right = area.left() + round(index * step), area.left() + round((index + 1) * step)
        return QRect(left, area.top(), max(1, right - left - (1 if step >= 3 else 0)), area.height())

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the bars, and above them what they mean."""
        colours = theme.current()
        painter.setFont(theme.font(0.9))
        line_px = round(theme.text_px() * 1.4)
        shown = self._hovered if self._hovered is not None else self._current
        words = self._caption
        if shown is not None and shown < len(self._changes):
            words = f"{self._changes[shown].title}: {self._value(shown)}"
        most = max((c.change for c in self._changes if math.isfinite(c.change)), default=0.0)
        right = f"max {number(most)}" if most else ""
        right_px = painter.fontMetrics().horizontalAdvance(right) + 8
        rect = QRect(6, 0, max(1, size.width() - 12 - right_px), line_px)
        draw_text(painter, rect, words, colours.color("text"), align=_LEFT)
        rect = QRect(size.width() - 6 - right_px, 0, right_px, line_px)
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        draw_text(painter, rect, right, colours.color("muted"), align=align, elide=False)
        area = self._area(size)
        painter.fillRect(QRect(area.left(), area.bottom(), area.width(), 1), colours.color("line"))
        for index, change in enumerate(self._changes):
            room = self._room(index, area)
            if change.change != change.change:
                bar, role = QRect(room.left(), room.bottom() - 2, room.width(), 3), "line"
            else:
                part = 1.0 if not most or not math.isfinite(change.change) else change.change / most
                height = max(1, round(room.height() * part)) if change.change else 1
                bar, role = QRect(room.left(), room.bottom() - height + 1, room.width(), height), F_ROLE
            if index in (self._current, self._hovered):
                painter.fillRect(room, colours.color("window"))
                role = "accent" if index == self._current else "pointer"
            painter.fillRect(bar, colours.color(role))

    def _value(self, index: int) -> str:
        change = self._changes[index].change
        if change != change:
            return "nothing is added to a shortcut"
        return f"‖F‖ / ‖x‖ = {number(change) if math.isfinite(change) else '∞'}"

    def index_at(self, point: QPointF) -> int | None:
        """Return the block at a point."""
        area = self._area(self.size())
        if not self._changes or not self.rect().contains(point.toPoint()):
            return None
        index = int((point.x() - area.left()) * len(self._changes) / area.width())
        return min(len(self._changes) - 1, max(0, index))

    def event(self, event: QEvent) -> bool:
        """Say what is under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.index_at(QPointF(event.pos()))
            words = "How much each block changes its input; click to open one (Left, Right)"
            if index is not None:
                words = f"{self._changes[index].title} ({self._changes[index].name}): {self._value(index)}"
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a block."""
        self._hover(self.index_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._hover(None)

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Open a block."""
        index = self.index_at(event.position())
        if index is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the blocks."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not self._changes or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
            return
        at = 0 if self._current is None else self._current + step
        self.chosen.emit(min(len(self._changes) - 1, max(0, at)))

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for a line of words and bars that can be told apart."""
        return QSize(240, round(theme.text_px() * 4.6))
