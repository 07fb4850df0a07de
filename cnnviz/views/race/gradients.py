"""How long the gradient of each layer is: one column a lane, all of them on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QLineF, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.core.axes import Axis
from cnnviz.core.formats import number
from cnnviz.views.race.compute import Standing, gradient_axis
from cnnviz.views.race.setup import lane_color
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text

GAP_PX = 8
TITLE = "Length of each layer's gradient, log axis, the same for all"
NOTHING = (
    "Press Start: the networks learn the same pictures, one step each in turn. Here you will see for each network how"
    " long the gradient of every layer is, from the first layer to the last; above, whose loss falls fastest."
)
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
_MIDDLE, _CENTRE = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True)
class Column:
    """What stands in a lane's column: its numbers, how large it is, where it is, and the paths of its layers."""

    standing: Standing
    size: str
    facts: str
    paths: tuple[str, ...]


class GradientColumns(Figure):
    """Bars from the first layer to the last, a column for each network."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Gradient of each layer, a column for each network", parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._fit()
        self._columns: tuple[Column, ...] = ()
        self._axis = Axis(1e-3, 1.0, True)
        self._pointed: tuple[int, int] | None = None
        self.setAccessibleDescription(NOTHING)

    def _fit(self) -> None:
        """Take the least room in which the axis still has some labels."""
        self.setMinimumSize(240, 10 * self._line_px)

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show where the lanes stand."""
        self._columns = tuple(columns)
        self._axis = gradient_axis([column.standing for column in columns])
        self.setAccessibleDescription(" ".join(map(_words, columns)) or NOTHING)
        self.update()

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is shown."""
        return self._columns

    @property
    def axis(self) -> Axis:
        """The axis of all columns."""
        return self._axis

    # -- geometry -------------------------------------------------------------------------------------------------

    @property
    def _line_px(self) -> int:
        return round(theme.text_px() * 1.4)

    def plot_rect(self, lane: int, size: QSize) -> QRectF:
        """Return where the bars of a lane lie."""
        left = QFontMetrics(theme.font(0.85)).horizontalAdvance("0.0001") + GAP_PX
        width = (size.width() - left) / max(1, len(self._columns))
        top, foot = 3 * self._line_px + GAP_PX // 2, 2 * self._line_px
        return QRectF(left + lane * width, top, max(10.0, width - 2 * GAP_PX), max(10.0, size.height() - top - foot))

    def bar_rect(self, lane: int, layer: int, size: QSize) -> QRectF:
        """Return the bar of a layer; without height where its gradient is 0, over everything where it is no number."""
        plot, lengths = self.plot_rect(lane, size), self._columns[lane].standing.gradients
        width = plot.width() / len(lengths)
        share = 1.0
        if math.isfinite(lengths[layer]):
            share = min(1.0, max(0.0, self._axis.share(lengths[layer]))) if lengths[layer] > 0 else 0.0
        high = share * plot.height()
        gap = 1 if width >= 3 else 0
        return QRectF(plot.left() + layer * width, plot.bottom() - high, width - gap, high)

    def layer_at(self, place: QPointF) -> tuple[int, int] | None:
        """Return lane and layer at a place of the widget."""
        for lane, column in enumerate(self._columns):
            plot, count = self.plot_rect(lane, self.size()), len(column.standing.gradients)
            if count and plot.contains(place):
                return lane, min(count - 1, int((place.x() - plot.left()) / plot.width() * count))
        return None

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw all columns."""
        colours = theme.current()
        if not self._columns:
            painter.setFont(theme.font())
            painter.setPen(colours.color("muted"))
            flags = int(_CENTRE) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(16, 0, size.width() - 32, size.height()), flags, NOTHING)
            return
        painter.setFont(theme.font(0.9, bold=True))
        line = self._line_px
        draw_text(painter, QRect(4, 0, size.width() - 8, line), TITLE, colours.color("text"), align=_MIDDLE)
        self._draw_axis(painter, size)
        for lane in range(len(self._columns)):
            self._draw_column(painter, lane, size)
        foot = QRect(4, size.height() - line, size.width() - 8, line)
        painter.setFont(theme.font(0.9))
        draw_text(painter, foot, self.pointed_words(), colours.color("text"), align=_MIDDLE)

    def _draw_axis(self, painter: QPainter, size: QSize) -> None:
        painter.setFont(theme.font(0.85))
        first, last = self.plot_rect(0, size), self.plot_rect(len(self._columns) - 1, size)
        line = painter.fontMetrics().height()
        ticks = self._axis.ticks(max(2, int(first.height() / (1.6 * line))))
        for tick, text in zip(ticks, self._axis.labels(ticks), strict=True):
            y = first.bottom() - self._axis.share(tick) * first.height()
            painter.setPen(QPen(theme.current().color("line"), 1))
            painter.drawLine(QLineF(first.left(), y, last.right(), y))
            words = QRect(0, round(y) - line // 2, round(first.left()) - GAP_PX // 2, line)
            draw_text(painter, words, text, theme.current().color("muted"), align=_RIGHT | _MIDDLE, elide=False)

    def _draw_column(self, painter: QPainter, lane: int, size: QSize) -> None:
        column, colours, line = self._columns[lane], theme.current(), self._line_px
        plot = self.plot_rect(lane, size)
        head = QRect(round(plot.left()), line, round(plot.width()), line)
        painter.setFont(theme.font(0.95, bold=True))
        draw_text(painter, head, column.standing.title, lane_color(lane), align=_MIDDLE)
        beside = painter.fontMetrics().horizontalAdvance(column.standing.title) + GAP_PX
        painter.setFont(theme.font(0.85))
        draw_text(painter, head.adjusted(beside, 0, 0, 0), column.size, colours.color("muted"), align=_MIDDLE)
        over = column.standing.sentence
        draw_text(
            painter, head.translated(0, line), "ended: no longer a number" if over else column.facts,
            colours.color("bad" if over else "muted"), align=_MIDDLE,
        )  # fmt: skip
        for layer, length in enumerate(column.standing.gradients):
            role = colours.color("bad") if not math.isfinite(length) else lane_color(lane)
            painter.fillRect(self.bar_rect(lane, layer, size), role)
        if self._pointed is not None and self._pointed[0] == lane and self._pointed_length is not None:
            bar = self.bar_rect(*self._pointed, size)
            painter.fillRect(QRectF(bar.left(), plot.top(), max(1.0, bar.width()), bar.top() - plot.top()),
                             colours.color("line"))  # fmt: skip
            painter.fillRect(bar, colours.color("pointer"))
        foot = QRect(round(plot.left()), round(plot.bottom()) + 1, round(plot.width()), line)
        if column.standing.gradients:
            draw_text(painter, foot, "first layer", colours.color("muted"), align=_LEFT | _MIDDLE)
            draw_text(painter, foot, "last", colours.color("muted"), align=_RIGHT | _MIDDLE)

    # -- one layer ------------------------------------------------------------------------------------------------

    @property
    def _pointed_length(self) -> float | None:
        if self._pointed is None or self._pointed[0] >= len(self._columns):
            return None
        lengths = self._columns[self._pointed[0]].standing.gradients
        return lengths[self._pointed[1]] if self._pointed[1] < len(lengths) else None

    def pointed_words(self) -> str:
        """Return what is said of the layer under the pointer, or that keys walked to."""
        length = self._pointed_length
        if length is None or self._pointed is None:
            return ""
        column, at = self._columns[self._pointed[0]], self._pointed[1]
        where = f"{column.standing.title}, layer {at + 1} of {len(column.paths)}, {column.paths[at]}"
        return f"{where}: length of the gradient {number(length, 4)}"

    def point(self, place: tuple[int, int] | None) -> None:
        """Point at a layer of a lane, or at none."""
        if place != self._pointed:
            self._pointed = place
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say the number of the bar under the pointer."""
        self.point(self.layer_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self.point(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk through the layers by Left and Right, and on to the next network."""
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        places = [
            (lane, layer)
            for lane, column in enumerate(self._columns)
            for layer in range(len(column.standing.gradients))
        ]
        if way is None or not places:
            super().keyPressEvent(event)
            return
        at = places.index(self._pointed) + way if self._pointed in places else 0
        self.point(places[max(0, min(len(places) - 1, at))])

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()
        self.update()


def _words(column: Column) -> str:
    lengths = [length for length in column.standing.gradients if math.isfinite(length)]
    what = f"{column.standing.title}, {column.size}: {column.facts}"
    if column.standing.sentence:
        what += f", ended: {column.standing.sentence}"
    if not lengths:
        return f"{what}."
    ends = f"first layer {number(lengths[0])}, last {number(lengths[-1])}"
    return f"{what}; gradients of {len(lengths)} layers: {ends}, {number(min(lengths))} to {number(max(lengths))}."
