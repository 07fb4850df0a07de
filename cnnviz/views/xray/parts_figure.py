"""The picture of a concatenation: a column for each branch, as of an Inception module or of a U-Net's skip."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QHelpEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import QToolTip, QWidget

from cnnviz.views.xray import compute
from cnnviz.views.xray.compute import Part
from cnnviz.views.xray.figures import GAP_PX, LEAST_TILE_PX, LEFT, ROW_TILE_PX, ScrolledFigure, cell_rect, draw_map
from cnnviz.widgets import theme
from cnnviz.widgets.figure import draw_text

COLUMN_PX = 148  # a branch's column is at least so wide


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
            draw_text(painter, QRect(room.left(), y, room.width(), line_px), words, colours.color(role), align=LEFT)
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
                    self.frame(painter, cell_rect(rect, part.maps_chw.shape, cell), role)

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
