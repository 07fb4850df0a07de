"""What one painting of a chart shows, and where: axes, lines, stops, legend, and the cross-hair over them."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen

from cnnviz.core.axes import Axis, fitted
from cnnviz.core.formats import number
from cnnviz.widgets import theme
from cnnviz.widgets.chart_lines import Line, Points, draw_entry, draw_points, draw_sample, legend_places, points_of
from cnnviz.widgets.figure import draw_text

View = tuple[float, float]
BoxRow = tuple[Line | None, str, str]
SAMPLE_PX = 28
LEAST_NOTED = 8  # rows of text in a plot that has room to say which lines the legend leaves out
BOX_PX, BOX_SHARE = 260, 0.88  # the width that a box has in any case, and how much it covers of what lies behind
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight


def step_text(step: float) -> str:
    """Write a step in words."""
    return f"step {step:,.0f}"


@dataclass(frozen=True)
class Face:
    """How a chart writes and places its numbers.

    Attributes
    ----------
    title
        Above the plot.
    percent
        Whether values are fractions that are written as percentages.
    logarithmic
        Whether equal ratios of values are equally far apart.
    x_title, name_x
        What the horizontal axis counts, and how a place on it is written in words.
    stops, mark
        Places on it that can be gone to, in order, and the one in sight.
    """

    title: str
    percent: bool = False
    logarithmic: bool = False
    x_title: str = "step"
    name_x: Callable[[float], str] = step_text
    stops: tuple[float, ...] = ()
    mark: float | None = None

    @property
    def full_title(self) -> str:
        """The title, with the kind of axis."""
        return f"{self.title}, log axis" if self.logarithmic else self.title

    def text(self, value: float) -> str:
        """Write a value."""
        return f"{100 * value:.2f} %" if self.percent and np.isfinite(value) else number(value, 4)

    def nearest_stop(self, x: float) -> int:
        """Return the number of the stop that is nearest to a place; there must be one."""
        after = bisect.bisect(self.stops, x)
        near = [i for i in (after - 1, after) if 0 <= i < len(self.stops)]
        return min(near, key=lambda i: abs(self.stops[i] - x))


def values_at(lines: tuple[Line, ...], x: float) -> list[tuple[Line, float, float]]:
    """Return each line's point that is nearest to a place: its own place, and its value."""
    found = []
    for line in lines:
        row = line.series.nearest(x / line.scale)
        found.append((line, float(line.series.x[row]) * line.scale, line.value(row)))
    return found


@dataclass(frozen=True, eq=False)
class Frame:
    """What one painting shows, and where.

    Attributes
    ----------
    face
        How numbers are written.
    size, plot
        The whole picture, and the part in which the lines are.
    x, y
        The axes.
    points
        What is drawn of each line.
    entries
        Lines of the legend and their places.
    note
        What has to be known about what is not drawn as it is.
    """

    face: Face
    size: QSize
    plot: QRectF
    x: Axis
    y: Axis
    points: tuple[Points, ...]
    entries: tuple[tuple[Line, QRect], ...]
    note: str

    def paint(self, painter: QPainter) -> None:
        """Draw everything but the cross-hair."""
        painter.setFont(theme.font(0.9))
        self._paint_values_axis(painter)
        self._paint_steps_axis(painter)
        self._paint_stops(painter)
        painter.save()
        painter.setClipRect(self.plot.adjusted(-5, -5, 5, 5), Qt.ClipOperation.IntersectClip)
        for points in sorted(self.points, key=lambda part: not part.line.pale):
            draw_points(painter, self.plot, points, self.x, self.y)
        painter.restore()
        for line, rect in self.entries:
            draw_entry(painter, line, rect)
        if self.note:
            self._paint_note(painter)

    def _paint_values_axis(self, painter: QPainter) -> None:
        colours, plot, height = theme.current(), self.plot, painter.fontMetrics().height()
        painter.setFont(theme.font(0.9, bold=True))
        title = QRect(4, 4, self.size.width() - 8, height + 2)
        draw_text(painter, title, self.face.full_title, colours.color("text"), align=_LEFT)
        painter.setFont(theme.font(0.9))
        ticks = self.y.ticks(max(2, int(plot.height() / (2.4 * height))))
        for value, text in zip(ticks, self.y.labels(ticks, percent=self.face.percent), strict=True):
            y = round(plot.bottom() - self.y.share(value) * plot.height())
            painter.setPen(colours.color("line"))
            painter.drawLine(int(plot.left()), y, int(plot.right()), y)
            words = QRect(0, y - height // 2, int(plot.left()) - 6, height)
            draw_text(painter, words, text, colours.color("muted"), align=_RIGHT, elide=False)

    def _paint_steps_axis(self, painter: QPainter) -> None:
        muted, plot, metrics = theme.current().color("muted"), self.plot, painter.fontMetrics()
        painter.setPen(muted)
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        foot = QRect(int(plot.left()), int(plot.bottom()) + 5, int(plot.width()) + 8, metrics.height())
        draw_text(painter, foot, self.face.x_title, muted, align=_RIGHT, elide=False)
        end = foot.right() - metrics.horizontalAdvance(self.face.x_title) - 8
        ticks = self.x.ticks(max(2, int(plot.width() / (5 * metrics.height()))))
        if self.face.x_title == "step":
            ticks = [value for value in ticks if value == round(value)]
        for value, text in zip(ticks, self.x.labels(ticks), strict=True):
            x = round(plot.left() + self.x.share(value) * plot.width())
            half = metrics.horizontalAdvance(text) // 2 + 1
            painter.setPen(muted)
            painter.drawLine(x, int(plot.bottom()), x, int(plot.bottom()) + 4)
            if x + half <= end:
                words = QRect(x - half, foot.top(), 2 * half, metrics.height())
                draw_text(painter, words, text, muted, align=Qt.AlignmentFlag.AlignHCenter, elide=False)

    def _paint_stops(self, painter: QPainter) -> None:
        plot, colour = self.plot, theme.current().color("kernel")
        stops = np.array([x for x in self.face.stops if self.x.low <= x <= self.x.high])
        painter.setPen(QPen(colour, 1))
        for x in np.unique(np.round(plot.left() + self.x.shares(stops) * plot.width())):
            painter.drawLine(QPointF(x, plot.bottom() - 6), QPointF(x, plot.bottom() - 1))
        mark = self.face.mark
        if mark is not None and self.x.low <= mark <= self.x.high:
            x = plot.left() + self.x.share(mark) * plot.width()
            painter.setPen(QPen(colour, 2))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))

    def _paint_note(self, painter: QPainter) -> None:
        metrics = painter.fontMetrics()
        width = min(metrics.horizontalAdvance(self.note) + 8, int(self.plot.width()))
        words = QRect(int(self.plot.right()) - width, int(self.plot.top()), width, metrics.height())
        painter.fillRect(words, theme.current().color("panel"))
        draw_text(painter, words, self.note, theme.current().color("warning"), align=_RIGHT)

    def paint_hover(self, painter: QPainter, at: float, *, own: bool) -> None:
        """Draw the cross-hair, a ring around each value, and the values in a box beside it.

        Where the pointer is on another chart, not its `own`, a box that would hide most of the lines is left out.
        """
        colours, plot = theme.current(), self.plot
        x = plot.left() + self.x.share(at) * plot.width()
        painter.setPen(QPen(colours.color("muted"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        values = values_at(tuple(part.line for part in self.points), at)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(colours.color("panel"))
        for line, place, value in values:
            across, up = self.x.share(place), self.y.share(value)
            if 0 <= across <= 1 and 0 <= up <= 1:
                painter.setPen(QPen(line.color(), 2))
                painter.drawEllipse(
                    QPointF(plot.left() + across * plot.width(), plot.bottom() - up * plot.height()), 3, 3
                )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        rows = self.box_rows(at, values)
        most = int(self.size.height() / (painter.fontMetrics().height() + 1)) - 1
        if not own:
            most = min(most, int(plot.height() / (2 * painter.fontMetrics().height())))
        if own or len(rows) <= most:
            self._paint_box(painter, x, rows[: max(2, most)])

    def box_rows(self, at: float, values: list[tuple[Line, float, float]]) -> list[BoxRow]:
        """Return what the box says: a line or none, words, and a value."""
        face = self.face
        rows: list[BoxRow] = [(None, face.name_x(at), "")]
        for line, place, value in values:
            elsewhere = "" if abs(place - at) <= 1e-9 * max(1.0, abs(at)) else f" at {_place_text(place)}"
            rows.append((line, line.title + elsewhere, face.text(value)))
        if face.stops:
            rows.append((None, f"Click: go to {face.name_x(face.stops[face.nearest_stop(at)])}", ""))
        return rows

    def _paint_box(self, painter: QPainter, x: float, rows: list[BoxRow]) -> None:
        colours, metrics = theme.current(), painter.fontMetrics()
        height = metrics.height() + 1
        names = max(metrics.horizontalAdvance(text) + (SAMPLE_PX if line else 0) for line, text, _ in rows)
        numbers = max(metrics.horizontalAdvance(value) for _, _, value in rows)
        most = max(BOX_PX, int(self.plot.width() * 0.6))
        width = min(names + numbers + 32, most, self.size.width() - 4)
        box = QRect(round(x) + 12, int(self.plot.top()) + 4, width, height * len(rows) + 8)
        if box.right() > self.plot.right():
            box.moveRight(min(max(round(x) - 12, int(self.plot.left()) + width), self.size.width() - 2))
        box.moveTop(max(0, min(box.top(), self.size.height() - 2 - box.height())))
        ground = colours.color("raised")
        ground.setAlphaF(BOX_SHARE)
        painter.fillRect(box, ground)
        painter.setPen(colours.color("line"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        row = QRect(box.left() + 8, box.top() + 4, box.width() - 16, height)
        for line, text, value in rows:
            words = row.adjusted(SAMPLE_PX if line else 0, 0, -numbers - 8 if value else 0, 0)
            if line is not None:
                draw_sample(painter, line, QRect(row.left(), row.top(), SAMPLE_PX - 8, height))
            short = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, words.width())
            draw_text(painter, words, short, colours.color("text" if line else "muted"), align=_LEFT, elide=False)
            draw_text(painter, row, value, colours.color("text"), align=_RIGHT, elide=False)
            row.translate(0, height)


def _place_text(x: float) -> str:
    return f"{x:,.0f}" if abs(x - round(x)) < 1e-6 else f"{x:,.2f}"


def arrange(lines: tuple[Line, ...], face: Face, view: View, size: QSize) -> Frame:
    """Return what a chart of some size shows of at least one line."""
    metrics = QFontMetrics(theme.font(0.9))
    left = metrics.horizontalAdvance("0.00001") + 10
    head = 4 + QFontMetrics(theme.font(0.9, bold=True)).horizontalAdvance(face.full_title) + 20
    room = QRect(left, 4, max(10, size.width() - left - 8), metrics.height())
    listed = [line for line in lines if line.entry]
    entries = legend_places(listed, metrics, head, room, max(1, size.height() // 100))
    top = max((rect.bottom() for _, rect in entries), default=room.bottom()) + 8
    bottom = size.height() - metrics.height() - 8
    plot = QRectF(left, top, max(10, size.width() - left - 14), max(10, bottom - top))
    points = tuple(points_of(line, *view, max(2, int(plot.width()))) for line in lines)
    y, notes = _values_axis(points, face, view)
    if len(entries) < len(listed) and plot.height() >= LEAST_NOTED * metrics.height():  # else it hides the lines
        left_out = len(listed) - len(entries)
        notes.append(f"{left_out} more line{'s' if left_out > 1 else ''}")
    return Frame(face, QSize(size), plot, Axis(*view), y, points, tuple(entries), "; ".join(notes))


def _values_axis(points: tuple[Points, ...], face: Face, view: View) -> tuple[Axis, list[str]]:
    """Return an axis for the values in sight, and what it cannot show."""
    by_line = [part.extremes(*view) for part in points]
    found = np.concatenate(by_line)
    if not len(found):
        return Axis(0, 1), ["no finite numbers here"]
    notes = []
    if any(np.isnan(part.low_n).any() for part, values in zip(points, by_line, strict=True) if len(values)):
        notes.append("gaps: no finite numbers")
    above = found[found > 0]
    if not face.logarithmic:
        return fitted(float(found.min()), float(found.max()), least=0.0), notes
    if not len(above):
        return fitted(float(found.min()), float(found.max())), [*notes, "no value above 0: no log axis"]
    if len(above) < len(found):
        notes.append("0 is drawn at the lower edge: a log axis has none")
    return fitted(float(above.min()), float(above.max()), logarithmic=True), notes
