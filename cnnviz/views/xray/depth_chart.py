"""Every block of a network as a bar: how much it changes what it is given."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QHelpEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cnnviz.core.formats import number
from cnnviz.views.xray.compute import Change
from cnnviz.views.xray.figures import F_ROLE, LEFT
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text


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
        draw_text(painter, rect, words, colours.color("text"), align=LEFT)
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
