"""The picture of a sum: a row for each channel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from cnnviz.core.formats import number
from cnnviz.core.inspection import FloatArray
from cnnviz.views.xray import compute
from cnnviz.views.xray.compute import Residual
from cnnviz.views.xray.figures import (
    CENTRE,
    F_ROLE,
    GAP_PX,
    LEAST_TILE_PX,
    LEFT,
    ROW_TILE_PX,
    X_ROLE,
    ScrolledFigure,
    cell_rect,
    draw_map,
)
from cnnviz.widgets import theme
from cnnviz.widgets.figure import draw_text

PITCH_PX = 168  # no map stands farther than this from the next, unless it is larger


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
            draw_text(painter, rect, words, theme.current().color(roles[which]), align=LEFT)
        left = self._tile_in(head, len(self._heads), tile).left()
        muted = theme.current().color("muted")
        draw_text(painter, QRect(left, 0, size.width() - left, head_px), "share of the energy", muted, align=LEFT)

    def _draw_row(self, painter: QPainter, row: QRect, unit: int, tile: QSize, share: float, cosine: float) -> None:
        assert self._found is not None
        colours = theme.current()
        selected = self._selected is not None and self._selected[0] == unit
        painter.setFont(theme.font(0.9, bold=selected))
        room = QRect(4, row.top(), self._name_px() - 8, row.height())
        draw_text(painter, room, f"map {unit}", colours.color("accent" if selected else "text"), align=LEFT)
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
                draw_text(painter, room, sign, colours.color("text"), align=CENTRE, elide=False)
            for cell, role in framed:
                if cell is None or values_chw.shape[1:] == (1, 1):
                    self.frame(painter, rect, role)
                else:
                    self.frame(painter, cell_rect(rect, values_chw.shape, cell), role)
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
            draw_text(painter, words, "both are zero", colours.color("muted"), align=LEFT)
            return
        draw_text(painter, words, f"{self._found.names[1]} {share:.0%}", colours.color(F_ROLE), align=LEFT)
        bar = QRect(left, top + line_px, width, max(5, line_px // 3))
        split = round(bar.width() * (1 - share))
        painter.fillRect(bar, colours.color(F_ROLE))
        painter.fillRect(QRect(bar.left(), bar.top(), split, bar.height()), colours.color(X_ROLE))
        if cosine == cosine:
            below = QRect(left, bar.bottom() + 2, width, line_px)
            draw_text(painter, below, f"cos {number(cosine, 2)} {compute.words_of(cosine)}", colours.color("muted"),
                      align=LEFT)  # fmt: skip

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
