"""Ranked bars: one row a class, with its probability and its logit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text

NO_DETAIL_PX = 8  # what is left of a column of details for which there is no room
LONGEST = 12  # letters of a name that there is always room for


@dataclass(frozen=True)
class Bar:
    """A row: number, label, length from 0 to 1, and the two texts at its right.

    `tip` is what its tool tip says; without one there is none.
    """

    key: int
    label: str
    share: float
    text: str
    detail: str
    tip: str = ""


@lru_cache(maxsize=16)
def _widths(names: frozenset[str], font_key: str) -> tuple[int, int, int]:
    """Return the widths of labels, texts and details; measuring costs as much as drawing."""
    metrics = QFontMetrics(theme.font(bold=True))
    widest = max((metrics.horizontalAdvance(name) for name in names), default=0)
    return widest + 24, metrics.horizontalAdvance("> 99.9 %") + 10, metrics.horizontalAdvance("−100.00") + 24


_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight  # joining flags costs more than drawing a number
_ROLES = ("window", "accent", "text", "muted", "good", "pointer")


class BarList(Figure):
    """Rows of bars under a heading; or a sentence when there is nothing to show.

    Rows that are the best of many end where the room does, and the last line says how many are shown. The user may
    pin some of them, which stand below the others then.

    Signals
    -------
    chosen(int)
        The key of the row that was clicked or walked to.
    pointed(int | None)
        The key of the row under the pointer; rows that change places under it count.
    pin_wanted(int)
        A row is to be pinned, or to be pinned no more.
    """

    chosen = Signal(int)
    pointed = Signal(object)
    pin_wanted = Signal(int)

    def __init__(self, name: str, columns: tuple[str, str, str], parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._columns = columns
        self._bars: tuple[Bar, ...] = ()
        self._total = 0
        self._foot = ""
        self._pinned: frozenset[int] = frozenset()
        self._tail = 0  # so many of the last rows stand below a line
        self._sentence = ""
        self._current: int | None = None
        self._marked: int | None = None
        self._pointer: QPoint | None = None
        self._hovered: int | None = None

    def show_bars(
        self,
        bars: Sequence[Bar],
        *,
        marked: int | None = None,
        total: int = 0,
        foot: str = "",
        pinned: frozenset[int] = frozenset(),
        tail: int = 0,
    ) -> None:
        """Show rows.

        Parameters
        ----------
        bars
            The rows; with a `total` only so many of them as there is room for.
        marked
            The key of the true class.
        total
            How many there are of which `bars` are the best, where that is more.
        foot
            What the last line says instead of how many are shown.
        pinned
            The keys of the rows that are pinned.
        tail
            So many of the last rows stand below a line, and are shown however little room there is.
        """
        self._bars, self._marked, self._sentence = tuple(bars), marked, ""
        self._total = total if total > len(self._bars) else 0
        self._foot, self._pinned, self._tail = foot, pinned, tail
        self._point()
        self.update()

    def show_current(self, key: int | None) -> None:
        """Frame a row."""
        if key != self._current:
            self._current = key
            self.update()

    def show_sentence(self, sentence: str) -> None:
        """Show why there is nothing."""
        self._bars, self._sentence = (), sentence
        self._point()
        self.setAccessibleDescription(sentence)
        self.update()

    def _top_px(self) -> int:
        return round(theme.text_px() * 1.5) + 4

    def _row_px(self, size: QSize) -> int:
        least, room = round(theme.text_px() * 1.5), size.height() - self._top_px() - 3
        if self._total:
            small, large = round(theme.text_px() * 1.7), round(theme.text_px() * 2.6)
            return max(small, min(large, (room - self._foot_px()) // max(1, len(self._bars))))
        return max(least, min(round(theme.text_px() * 2.6), room // max(1, len(self._bars))))

    def _shown(self, size: QSize) -> tuple[Bar, ...]:
        """Return the rows for which there is room, with the line below them; at least one."""
        if not self._total:
            return self._bars
        room = size.height() - self._top_px() - self._foot_px() - 3
        fitting = max(1, room // self._row_px(size))
        if len(self._bars) <= fitting or not self._tail:
            return self._bars[:fitting]
        tail = self._bars[len(self._bars) - self._tail :][: max(1, fitting - 1)]
        return self._bars[: max(1, fitting - len(tail))] + tail

    def _foot_px(self) -> int:
        return round(theme.text_px() * 1.6)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw heading and rows."""
        colours = theme.current()
        painter.setFont(theme.font())
        if not self._bars:
            painter.setPen(colours.color("muted"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(8, 0, size.width() - 16, size.height()), flags, self._sentence)
            return
        columns = self._column_widths()
        if sum(columns) > size.width():
            columns = (columns[0], columns[1], NO_DETAIL_PX)
        self._draw_heading(painter, size.width(), columns)
        row_px = self._row_px(size)
        top = self._top_px()
        fonts = (theme.font(), theme.font(bold=True))
        shown = self._shown(size)
        ink = {role: colours.color(role) for role in _ROLES}
        for index, bar in enumerate(shown):
            row = QRect(0, top + index * row_px, size.width(), row_px)
            self._draw_row(painter, row, bar, columns, fonts, ink)
        if self._total:
            painter.setFont(theme.font(0.9))
            room = QRect(8, top + len(shown) * row_px, size.width() - 16, self._foot_px())
            words = self._foot or f"the best {len(shown) - self._tail} of {self._total:,}"
            if self._tail and len(shown) > self._tail:
                y = top + (len(shown) - self._tail) * row_px
                painter.fillRect(QRect(8, y, size.width() - 16, 1), colours.color("muted"))
            draw_text(painter, room, words, colours.color("muted"), align=Qt.AlignmentFlag.AlignVCenter)

    def _column_widths(self) -> tuple[int, int, int]:
        """Return the widths of labels, texts and details."""
        found = _widths(frozenset(bar.label[:LONGEST] for bar in self._bars), theme.font(bold=True).key())
        return (found[0], found[1] - 8, found[2] - 22) if self._total else found  # long names need the room

    def minimumSizeHint(self) -> QSize:
        """Return the width at which nothing is cut off but long names; details come with more room."""
        name, text, _ = self._column_widths()
        return QSize((name // 2 if self._total else name) + text + NO_DETAIL_PX, round(theme.text_px() * 6))

    def _draw_heading(self, painter: QPainter, width: int, columns: tuple[int, int, int]) -> None:
        muted = theme.current().color("muted")
        _, text_w, detail_w = columns
        height = round(theme.text_px() * 1.5)
        painter.setFont(theme.font(0.9))
        right, left = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignLeft
        before = width - detail_w
        draw_text(painter, QRect(8, 4, before - text_w - 8, height), self._columns[0], muted, align=left)
        draw_text(painter, QRect(before - text_w - 24, 4, text_w + 24, height), self._columns[1], muted, align=right)
        if detail_w > NO_DETAIL_PX:
            draw_text(painter, QRect(before, 4, detail_w - 8, height), self._columns[2], muted, align=right)

    def _draw_row(
        self,
        painter: QPainter,
        row: QRect,
        bar: Bar,
        columns: tuple[int, int, int],
        fonts: tuple[QFont, QFont],
        ink: dict[str, QColor],
    ) -> None:
        """Draw label and numbers, and below them the bar over the whole width."""
        _, text_w, detail_w = columns
        strip = self._strip(row)
        painter.fillRect(strip, ink["window"])
        strip.setWidth(max(1, round(strip.width() * bar.share)))
        painter.fillRect(strip, ink["accent"])
        painter.setFont(fonts[bar.share > 0.5])
        height = strip.top() - row.top()
        text = f"{bar.label} ✓" if bar.key == self._marked else bar.label
        if bar.key in self._pinned:
            text = f"◆ {text}"
        colour = ink["good" if bar.key == self._marked else "text"]
        before = row.width() - detail_w
        draw_text(painter, QRect(8, row.top(), before - text_w - 8, height), text, colour, align=_MIDDLE)
        room = QRect(before - text_w, row.top(), text_w, height)
        draw_text(painter, room, bar.text, ink["text"], align=_RIGHT, elide=False)
        if detail_w > NO_DETAIL_PX:
            room = QRect(before, row.top(), detail_w - 8, height)
            draw_text(painter, room, bar.detail, ink["muted"], align=_RIGHT, elide=False)
        if bar.key in (self._current, self._hovered):
            painter.setPen(QPen(ink["accent" if bar.key == self._current else "pointer"], 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(row.adjusted(1, 1, -1, -1))

    def _strip(self, row: QRect) -> QRect:
        """Return the room of a row's bar."""
        height = max(4, row.height() // 5)
        return QRect(8, row.bottom() - height - 2, row.width() - 16, height)

    def bar_rect(self, key: int) -> QRect:
        """Return the room of a row's bar; its length is the share of it."""
        return self._strip(self.row_rect(key))

    def row_rect(self, key: int) -> QRect:
        """Return where a row is."""
        row_px, top = self._row_px(self.size()), self._top_px()
        shown = [bar.key for bar in self._shown(self.size())]
        index = shown.index(key) if key in shown else next(i for i, bar in enumerate(self._bars) if bar.key == key)
        return QRect(0, top + index * row_px, self.width(), row_px)

    def choose(self, key: int) -> None:
        """Choose a row."""
        self._current = key
        self.chosen.emit(key)
        self.update()

    @property
    def in_focus(self) -> int | None:
        """The key of the row under the pointer, else of the framed one."""
        return self._hovered if self._hovered is not None else self._current

    def key_at(self, point: QPoint) -> int | None:
        """Return the key of the row at a point."""
        row_px, top = self._row_px(self.size()), self._top_px()
        index, shown = (point.y() - top) // row_px, self._shown(self.size())
        return shown[index].key if self.rect().contains(point) and 0 <= index < len(shown) else None

    def _point(self) -> None:
        """Say what is under the pointer, if that is another row than before."""
        key = self.key_at(self._pointer) if self._pointer is not None else None
        if key != self._hovered:
            self._hovered = key
            self.pointed.emit(key)
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a row."""
        self._pointer = event.position().toPoint()
        self._point()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._pointer = None
        self._point()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the row that is clicked."""
        key = self.key_at(event.position().toPoint())
        if key is not None and event.button() == Qt.MouseButton.LeftButton:
            self.choose(key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the rows."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if self._total and event.key() == Qt.Key.Key_P and not event.modifiers() and self.in_focus is not None:
            self.pin_wanted.emit(self.in_focus)
            return
        if step is None or not self._bars:
            super().keyPressEvent(event)
            return
        keys = [bar.key for bar in self._shown(self.size())]
        at = keys.index(self._current) + step if self._current in keys else 0
        self.choose(keys[min(len(keys) - 1, max(0, at))])

    def event(self, event: QEvent) -> bool:
        """Say the whole of a row whose name may be cut off."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            key = self.key_at(event.pos())
            tip = next((bar.tip for bar in self._bars if bar.key == key), "")
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to pin the row under the pointer, and to copy and save."""
        key = self.key_at(event.pos()) if self._total else None
        if key is None:
            super().contextMenuEvent(event)
            return
        menu = self.menu_for(key)
        menu.exec(event.globalPos())
        menu.deleteLater()

    def menu_for(self, key: int) -> QMenu:
        """Return the context menu of a row."""
        menu = QMenu(self)
        pin = QAction("Un&pin" if key in self._pinned else "&Pin: keep it in the list", menu)
        pin.triggered.connect(lambda: self.pin_wanted.emit(key))
        menu.addAction(pin)
        menu.addSeparator()
        menu.addActions(self.actions())
        return menu

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for ten rows."""
        return QSize(240, round(theme.text_px() * 1.6 * 11))
