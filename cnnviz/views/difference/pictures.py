"""Bars of a vector for two inputs, and the best classes of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.core.formats import number
from cnnviz.views.difference.compute import ClassPair
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text

_LEFT = Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
_CENTRE = Qt.AlignmentFlag.AlignCenter
HEADINGS = ("A", "B", "B − A")
NUMBER_EMS = 4  # room of a number beside its bar, in heights of the text


@dataclass(frozen=True)
class Row:
    """An element of a vector: its number, its name, and its value for A and for B."""

    unit: int
    name: str
    a: float
    b: float


def share(probability: float) -> str:
    """Write a probability as a percentage."""
    return f"{probability * 100:.1f} %"


class DifferenceBars(Figure):
    """One row an element: bars of A and of B on one scale, and of B − A on its own; all begin at 0.

    Signals
    -------
    chosen(int)
        The element of the row that was clicked or walked to.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._rows: tuple[Row, ...] = ()  # before Qt says that palette and font are new
        super().__init__("Values of the selected layer for A and for B", parent)
        self.setToolTip("Bars begin at 0; A and B have the same scale. Click a row, or walk by arrows, to select it")
        self._low, self._high, self._most = 0.0, 1.0, 1.0
        self._longest = ""
        self._selected: int | None = None
        self._total = 0

    def show_rows(self, rows: Sequence[Row], low: float, high: float, most: float, total: int) -> None:
        """Show rows.

        Parameters
        ----------
        rows
            In the order in which they are shown.
        low, high
            The smallest and the largest finite value of A and B; 0 is put between them.
        most
            The largest magnitude of B − A.
        total
            How many elements there are, of which `rows` are the first.
        """
        before = len(self._rows)
        self._longest = max((row.name for row in rows), key=len, default="")
        self._rows, self._total = tuple(rows), total
        self._low, self._high, self._most = min(low, 0.0), max(high, 0.0), most
        if len(self._rows) != before:
            self.setFixedHeight(self.needed_h)
        self.update()

    def show_selection(self, unit: int | None) -> None:
        """Frame a row."""
        if unit != self._selected:
            self._selected = unit
            self.update()

    @property
    def needed_h(self) -> int:
        """Height of the heading, all rows and the line below them."""
        return (len(self._rows) + 2) * self._row_px()

    def _row_px(self) -> int:
        return round(theme.text_px() * 1.7)

    def row_rect(self, position: int) -> QRect:
        """Return where the row at a position is."""
        row_px = self._row_px()
        return QRect(0, (position + 1) * row_px, self.width(), row_px)

    def _columns(self, row: QRect) -> tuple[QRect, tuple[QRect, QRect, QRect]]:
        """Return the room of the name, and those of the three bars."""
        wanted = QFontMetrics(theme.font(0.9)).horizontalAdvance(self._longest) + 3 * theme.GRID_PX
        name_w = min(row.width() // 4, wanted)
        each = (row.width() - name_w) // 3
        rooms = tuple(QRect(row.left() + name_w + k * each, row.top(), each - 8, row.height()) for k in range(3))
        return QRect(row.left() + 8, row.top(), name_w - 12, row.height()), (rooms[0], rooms[1], rooms[2])

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the heading and those rows that are in sight."""
        colours = theme.current()
        painter.setFont(theme.font(0.9))
        row_px = self._row_px()
        _, rooms = self._columns(QRect(0, 0, size.width(), row_px))
        for heading, room in zip(HEADINGS, rooms, strict=True):
            draw_text(painter, room, heading, colours.color("muted"), align=_CENTRE)
        clip = painter.clipBoundingRect() if painter.hasClipping() else QRectF(0, 0, size.width(), size.height())
        first = max(0, int(clip.top()) // row_px - 1)
        last = min(len(self._rows), int(clip.bottom()) // row_px)
        for position in range(first, last):
            self._draw_row(painter, QRect(0, (position + 1) * row_px, size.width(), row_px), self._rows[position])
        if self._total > len(self._rows):
            words = f"the first {len(self._rows)} of {self._total:,}"
            room = QRect(8, (len(self._rows) + 1) * row_px, size.width() - 16, row_px)
            draw_text(painter, room, words, colours.color("muted"), align=_LEFT)

    def _draw_row(self, painter: QPainter, row: QRect, values: Row) -> None:
        colours = theme.current()
        name, rooms = self._columns(row)
        draw_text(painter, name, values.name, colours.color("text"), align=_LEFT)
        change = values.b - values.a
        signs = colours.color("positive" if change >= 0 else "negative")
        for room, value, low, high, colour in (
            (rooms[0], values.a, self._low, self._high, colours.color("muted")),
            (rooms[1], values.b, self._low, self._high, colours.color("accent")),
            (rooms[2], change, -self._most, self._most, signs),
        ):
            self._draw_bar(painter, room, value, (low, high), colour)
        if values.unit == self._selected:
            painter.setPen(QPen(colours.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(row.adjusted(1, 1, -1, -1))

    def bar_rect(self, room: QRect, value: float, ends: tuple[float, float]) -> QRect:
        """Return the bar of a value: from 0 to it, in the part of a room that is beside the number."""
        bar = room.adjusted(0, 4, -NUMBER_EMS * theme.text_px(), -4)
        low, high = ends
        spread = high - low
        if not spread > 0 or value != value:
            return QRect(bar.left(), bar.top(), 0, bar.height())
        x0, x1 = sorted(bar.width() * (min(max(one, low), high) - low) / spread for one in (0.0, value))
        return QRect(bar.left() + round(x0), bar.top(), max(1, round(x1 - x0)), bar.height())

    def _draw_bar(
        self, painter: QPainter, room: QRect, value: float, ends: tuple[float, float], colour: QColor
    ) -> None:
        strip = room.adjusted(0, 4, -NUMBER_EMS * theme.text_px(), -4)
        painter.fillRect(strip, theme.current().color("window"))
        painter.fillRect(self.bar_rect(room, value, ends), colour)
        zero = self.bar_rect(room, 0.0, ends).left()
        painter.fillRect(QRect(zero, strip.top() - 2, 1, strip.height() + 4), theme.current().color("muted"))
        draw_text(painter, room, number(value), theme.current().color("text"), align=_RIGHT)

    def _position_at(self, point: QPoint) -> int | None:
        position = point.y() // self._row_px() - 1
        return position if 0 <= position < len(self._rows) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select the row that is clicked."""
        position = self._position_at(event.position().toPoint())
        if position is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self._rows[position].unit)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the rows."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is None or not self._rows:
            super().keyPressEvent(event)
            return
        units = [row.unit for row in self._rows]
        at = units.index(self._selected) + step if self._selected in units else 0
        self.chosen.emit(units[min(len(units) - 1, max(0, at))])

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        self.setFixedHeight(self.needed_h)
        self.update()


class ClassPairs(Figure):
    """The best classes of A and B, each with both probabilities."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Best classes of A and B", parent)
        self.setToolTip("What the network takes A for, and what B: the probabilities of the best classes of both")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self._pairs: tuple[ClassPair, ...] = ()

    def show_pairs(self, pairs: Sequence[ClassPair]) -> None:
        """Show classes in their order."""
        self._pairs = tuple(pairs)
        words = "; ".join(f"{pair.label}: A {share(pair.a)}, B {share(pair.b)}" for pair in self._pairs)
        self.setAccessibleDescription(words)
        self.update()

    def _row_px(self) -> int:
        return round(theme.text_px() * 2.5)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw as many classes as there is room for."""
        colours, line = theme.current(), round(theme.text_px() * 1.5)
        painter.setFont(theme.font(0.9))
        muted, text = colours.color("muted"), colours.color("text")
        number_w = round(theme.text_px() * 4.2)
        a_room, b_room = (QRect(size.width() - k * number_w - 4, 0, number_w, line) for k in (2, 1))
        if self._pairs:
            draw_text(painter, QRect(4, 0, size.width() - 2 * number_w, line), "class", muted, align=_LEFT)
            draw_text(painter, a_room, "A", muted, align=_RIGHT)
            draw_text(painter, b_room, "B", muted, align=_RIGHT)
        for index, pair in enumerate(self._pairs[: max(1, (size.height() - line) // self._row_px())]):
            top = line + index * self._row_px()
            draw_text(painter, QRect(4, top, size.width() - 2 * number_w - 8, line), pair.label, text, align=_LEFT)
            draw_text(painter, a_room.translated(0, top), share(pair.a), muted, align=_RIGHT)
            draw_text(painter, b_room.translated(0, top), share(pair.b), text, align=_RIGHT)
            thick = max(3, self._row_px() // 8)
            for step, (value, colour) in enumerate(((pair.a, muted), (pair.b, colours.color("accent")))):
                strip = QRect(4, top + line + step * (thick + 1), size.width() - 8, thick)
                painter.fillRect(strip, colours.color("window"))
                strip.setWidth(max(1, round(strip.width() * min(1.0, max(0.0, value)))))
                painter.fillRect(strip, colour)

    def sizeHint(self) -> QSize:
        """Return room for names of a moderate length."""
        return QSize(round(theme.text_px() * 14), round(theme.text_px() * 10))

    def minimumSizeHint(self) -> QSize:
        """Return the same width, and room for one class."""
        return QSize(self.sizeHint().width(), round(theme.text_px() * 4))

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        self.updateGeometry()
        self.update()
