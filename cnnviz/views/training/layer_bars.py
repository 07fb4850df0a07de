"""One bar a layer on a logarithmic axis, in compact rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from cnnviz.core.axes import Axis, tick_labels
from cnnviz.core.formats import number
from cnnviz.views.training.layer_lengths import (
    EXPLODING,
    USUAL,
    VANISHING,
    LayerBar,
    Quantity,
    axis_for,
    summary,
)
from cnnviz.views.training.pointed_figure import PointedFigure
from cnnviz.widgets import theme
from cnnviz.widgets.figure import draw_text

_MIDDLE = Qt.AlignmentFlag.AlignVCenter
GAP_PX = 8
MOST_NAME_SHARE = 0.3


class LayerBars(PointedFigure):
    """Rows of name, bar, number and, where a layer stands out, a word.

    It points at a `LayerBar`.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Gradient and update of each layer", QSize(160, 100), parent)
        self._bars: tuple[LayerBar, ...] = ()
        self._quantity: Quantity = "gradient"
        self._axis = Axis(1e-3, 1.0, True)

    def show_bars(self, bars: Sequence[LayerBar], quantity: Quantity, title: str) -> None:
        """Show one row a layer; `title` says what the axis counts."""
        self._bars, self._quantity, self._title = tuple(bars), quantity, title
        self._axis = axis_for(self._bars, quantity)
        self.setAccessibleDescription(f"{title}. {summary(self._bars)}")
        self.fit_scroll_bar()
        self.update()
        self.pointed.emit(self.in_focus)

    def show_sentence(self, sentence: str) -> None:
        """Say why there is nothing."""
        self._bars, self._sentence = (), sentence
        self.setAccessibleDescription(sentence)
        self.fit_scroll_bar()
        self.update()
        self.pointed.emit(None)

    @property
    def bars(self) -> tuple[LayerBar, ...]:
        """The rows."""
        return self._bars

    @property
    def axis(self) -> Axis:
        """The axis on which the bars lie."""
        return self._axis

    @property
    def in_focus(self) -> LayerBar | None:
        """The row under the pointer, else the one that keys walked to."""
        at = self._hovered if self._hovered is not None else self._current
        return self._bars[at] if at is not None and at < len(self._bars) else None

    # -- geometry -------------------------------------------------------------------------------------------------

    @property
    def row_px(self) -> int:
        """Height of a row: what the room allows, and never less than a line."""
        room = (self.height() - self.head_px - GAP_PX) // max(1, len(self._bars))
        return min(max(round(theme.text_px() * 1.5), room), round(theme.text_px() * 2.2))

    @property
    def head_px(self) -> int:
        """Height of the heading, which stays in sight."""
        return round(theme.text_px() * 3.4)

    def line_px(self) -> int:
        """Return the height of a row."""
        return self.row_px

    def whole_height(self, width: int) -> int:
        """Return the height of heading and all rows."""
        return self.head_px + len(self._bars) * self.row_px + GAP_PX // 2 if self._bars else 0

    def plot_rect(self, size: QSize) -> QRect:
        """Return where the bars lie, between the names and the numbers."""
        metrics = QFontMetrics(theme.font(0.95))
        names = max((metrics.horizontalAdvance(bar.path) for bar in self._bars), default=0)
        left = GAP_PX + min(names + 6, round(size.width() * MOST_NAME_SHARE)) + GAP_PX
        right = metrics.horizontalAdvance("−8.88e−88  no longer a number") + 2 * GAP_PX + self.bar_px
        return QRect(left, self.head_px, max(20, size.width() - left - right), size.height() - self.head_px)

    def x_of(self, value: float, plot: QRect) -> float:
        """Return where a value lies; a number that is none lies at the left end, an endless one at the right."""
        if math.isnan(value):
            return plot.left()
        share = 1.0 if value == math.inf else min(1.0, max(0.0, self._axis.share(value)))
        return plot.left() + share * plot.width()

    def at(self, point: QPointF) -> int | None:
        """Return the row at a point."""
        row = int(point.y() - self.head_px + self.scroll_bar.value()) // self.row_px
        return row if point.y() >= self.head_px and 0 <= row < len(self._bars) else None

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw axis and rows."""
        if not self._bars:
            self.draw_sentence(painter, size)
            return
        offset, plot = self.offset(size), self.plot_rect(size)
        first = offset // self.row_px
        last = min(len(self._bars), -(-(offset + plot.height()) // self.row_px))
        painter.save()
        painter.setClipRect(QRect(0, self.head_px, size.width(), plot.height()), Qt.ClipOperation.IntersectClip)
        self._draw_lines(painter, plot, min(plot.height(), len(self._bars) * self.row_px - offset))
        painter.setFont(theme.font(0.95))
        for at in range(first, last):
            top = self.head_px + at * self.row_px - offset
            self._draw_row(painter, QRect(0, top, size.width() - self.bar_px, self.row_px), at, plot)
        self._draw_guides(painter, plot, min(plot.height(), len(self._bars) * self.row_px - offset))
        painter.restore()
        self._draw_head(painter, size, plot)

    def _draw_lines(self, painter: QPainter, plot: QRect, height: int) -> None:
        painter.setPen(QPen(theme.current().color("line"), 1))
        for tick in self._ticks(plot):
            x = self.x_of(tick, plot)
            painter.drawLine(QLineF(x, plot.top(), x, plot.top() + height))

    def _draw_guides(self, painter: QPainter, plot: QRect, height: int) -> None:
        """Draw over the bars what is usual, and from where on a layer is marked."""
        if self._quantity != "ratio":
            return
        colours = theme.current()
        for value, role, style in (
            (VANISHING, "bad", Qt.PenStyle.DotLine), (USUAL, "good", Qt.PenStyle.DashLine),
            (EXPLODING, "bad", Qt.PenStyle.DotLine),
        ):  # fmt: skip
            x = self.x_of(value, plot)
            painter.setPen(QPen(colours.color(role), 2, style))
            painter.drawLine(QLineF(x, plot.top(), x, plot.top() + height))

    def _draw_row(self, painter: QPainter, row: QRect, at: int, plot: QRect) -> None:
        bar, colours = self._bars[at], theme.current()
        name = QRect(GAP_PX, row.top(), plot.left() - 2 * GAP_PX, row.height())
        draw_text(painter, name, bar.path, colours.color("text"), align=_MIDDLE)
        width = round(self.x_of(bar.value, plot)) - plot.left()
        strip = QRect(plot.left(), row.top() + 3, width, row.height() - 6)
        if width > 0:
            painter.fillRect(strip, colours.color("bad" if bar.word else "accent"))
        numbers = QRect(plot.right() + GAP_PX, row.top(), row.right() - plot.right() - GAP_PX, row.height())
        text = "–" if math.isnan(bar.value) else number(bar.value, 3)
        draw_text(painter, numbers, text, colours.color("text"), align=_MIDDLE, elide=False)
        if bar.word:
            numbers.setLeft(numbers.left() + painter.fontMetrics().horizontalAdvance("−8.88e−88 "))
            draw_text(painter, numbers, bar.word, colours.color("bad"), align=_MIDDLE)
        if at in (self._hovered, self._current):
            painter.setPen(QPen(colours.color("pointer" if at == self._hovered else "accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(row.adjusted(2, 0, -1, -1))

    def _ticks(self, plot: QRect) -> list[float]:
        label_px = QFontMetrics(theme.font(0.85)).horizontalAdvance("1e−88") + 12
        return self._axis.ticks(max(2, plot.width() // label_px))

    def _draw_head(self, painter: QPainter, size: QSize, plot: QRect) -> None:
        colours = theme.current()
        painter.fillRect(QRect(0, 0, size.width() - self.bar_px, self.head_px), colours.color("panel"))
        line_px = self.head_px // 2
        painter.setFont(theme.font(0.95, bold=True))
        title = QRect(GAP_PX, 0, size.width() - 2 * GAP_PX, line_px)
        draw_text(painter, title, f"{self._title}, log axis", colours.color("text"), align=_MIDDLE)
        painter.setFont(theme.font(0.85))
        metrics = painter.fontMetrics()
        free = QRect(0, line_px, 0, 0)
        for tick, text in zip(self._ticks(plot), tick_labels(self._ticks(plot)), strict=True):
            width = metrics.horizontalAdvance(text) + 4
            x = round(self.x_of(tick, plot)) - width // 2
            if x > free.right():
                free = QRect(x, line_px, width, line_px)
                draw_text(painter, free, text, colours.color("muted"), align=Qt.AlignmentFlag.AlignCenter, elide=False)
        if self._quantity == "ratio":
            words = "dashed: usual; dotted: limits of vanishing and exploding"
            room = title.adjusted(QFontMetrics(theme.font(0.95, bold=True)).horizontalAdvance(
                f"{self._title}, log axis") + 2 * GAP_PX, 0, -self.bar_px, 0)  # fmt: skip
            draw_text(painter, room, words, colours.color("muted"), align=_MIDDLE)

    # -- by hand --------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the rows."""
        rows = (self.height() - self.head_px) // self.row_px
        found = self.walked(event, self._current, len(self._bars), 1, rows)
        if found is None:
            super().keyPressEvent(event)
            return
        self._current = found
        top = found * self.row_px
        self.bring_into_sight(top, self.head_px + top + self.row_px + GAP_PX // 2)
        self.pointed.emit(self.in_focus)
        self.update()
