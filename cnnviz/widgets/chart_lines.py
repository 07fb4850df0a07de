"""Lines of a chart: how they look, which points are drawn of them, and their entries in a legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shiboken6
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPaintEngine, QPainter, QPen, QPolygonF

from cnnviz.core.axes import Axis
from cnnviz.core.curves import Column
from cnnviz.core.decimation import Series
from cnnviz.widgets import theme
from cnnviz.widgets.figure import draw_text

# Told apart by people who confuse red and green, and at least 3:1 on the panel; a dash or a marker says it again.
COLOURS = {
    "light": ("#0b57c2", "#b34700", "#00735c", "#9b2f8a", "#6b5b00", "#006f9e"),
    "dark": ("#7ab0ff", "#ffa657", "#4fd6a8", "#f29bdb", "#e6d25a", "#6fd6f7"),
}
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2))
MARKERS = 4  # circle, square, triangle, diamond
MOST_MARKERS = 24
FEW_POINTS = 60  # through which a wide line is drawn as one
STRONG_PX, PALE_SHARE, RADIUS_PX, SAMPLE_PX = 2.0, 0.42, 4.0, 26
MOST_ENTRY_PX = 220
USUAL = (1.0, 99.0)  # percentiles of a pale line that an axis reaches over: what is beyond leaves the plot


@dataclass(frozen=True, eq=False)
class Line:
    """A line of a chart.

    Attributes
    ----------
    title, entry
        Beside its values, and in the legend; it is not in the legend where that is empty.
    series
        Its numbers.
    colour, dash
        Numbers of its colour and its dash.
    marker
        Number of the mark at each of its points; ``None``: no marks.
    pale
        Whether it is thin and pale, behind a stronger one.
    window
        It is the mean of so many values; where more of them fall on one pixel, of those.
    scale
        What a step counts on the horizontal axis.
    """

    title: str
    entry: str
    series: Series
    colour: int = 0
    dash: int = 0
    marker: int | None = None
    pale: bool = False
    window: int = 1
    scale: float = 1.0

    def value(self, row: int) -> float:
        """Return the value of a row as it is drawn when every row has a pixel."""
        if self.window > 1:
            return float(self.series.means(np.array([row]), self.window)[0])
        return float(self.series.y[row])

    def color(self) -> QColor:
        """Return its colour in the theme that is applied."""
        colours = COLOURS[theme.current().name]
        return QColor(colours[self.colour % len(colours)])

    def pen(self) -> QPen:
        """Return what it is drawn with."""
        if not self.pale:
            pen = QPen(self.color(), STRONG_PX)
            if self.dash % len(DASHES):
                pen.setDashPattern(DASHES[self.dash % len(DASHES)])
            return pen
        own, panel = self.color(), theme.current().color("panel")
        mixed = [round(PALE_SHARE * a + (1 - PALE_SHARE) * b) for a, b in zip(_rgb(own), _rgb(panel), strict=True)]
        thin = QPen(QColor(*mixed), 1)
        thin.setCosmetic(True)
        return thin


@dataclass(frozen=True, eq=False)
class Points:
    """What is drawn of a line: at each place across, the smallest and the largest value.

    Attributes
    ----------
    line
        The line.
    x_n, low_n, high_n
        In the units of both axes; NaN is a gap.
    """

    line: Line
    x_n: Column
    low_n: Column
    high_n: Column

    def extremes(self, low: float, high: float) -> Column:
        """Return the finite values between two places across; all, where there are none between them.

        Of a pale line the most unusual ones are left out.
        """
        inside = (self.x_n >= low) & (self.x_n <= high)
        values = np.concatenate([self.low_n[inside], self.high_n[inside]])
        values = values if np.isfinite(values).any() else np.concatenate([self.low_n, self.high_n])
        finite: Column = values[np.isfinite(values)]
        if self.line.pale and len(finite):
            finite = np.percentile(finite, USUAL)
        return finite


def points_of(line: Line, low: float, high: float, most: int) -> Points:
    """Return the points of a line over a part of the horizontal axis, in at most about `most` places."""
    series = line.series
    if line.window > 1:
        most = -(-most // 2)  # it is smooth, and wider than a pixel
    blocks = series.blocks(*series.rows(low / line.scale, high / line.scale), most)
    if line.window > 1 and len(blocks.last_n):
        means = series.means(blocks.last_n, max(line.window, blocks.size))
        return Points(line, series.x[blocks.last_n] * line.scale, means, means)
    return Points(line, series.x[blocks.middle_n] * line.scale, blocks.low_n, blocks.high_n)


def draw_points(painter: QPainter, plot: QRectF, points: Points, x: Axis, y: Axis) -> None:
    """Draw a line: a stroke where points follow each other, a dot where one stands alone, and its marks."""
    line = points.line
    painter.setPen(line.pen())
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, not line.pale or len(points.x_n) < plot.width() / 4)
    across = plot.left() + x.shares(points.x_n) * plot.width()
    low, high = (_up(plot, y, values) for values in (points.low_n, points.high_n))
    for first, last in _runs(np.isfinite(low)):
        places = _stroke(across[first:last], low[first:last], high[first:last], plot)
        if len(places) == 1 and line.marker is None:
            painter.setBrush(line.pen().color())
            painter.drawEllipse(QPointF(*places[0]), STRONG_PX, STRONG_PX)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        else:
            _draw_stroke(painter, line, places)
    if line.marker is not None:
        inside = np.isfinite(low) & (across >= plot.left() - 1) & (across <= plot.right() + 1)
        _draw_markers(painter, line, across[inside], low[inside], plot.width())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _up(plot: QRectF, y: Axis, values: Column) -> Column:
    """Return the heights of values in pixels, those far outside of the plot brought near: Qt fails there."""
    return np.clip(plot.bottom() - y.shares(values) * plot.height(), plot.top() - 100, plot.bottom() + 100)


def _runs(finite: np.ndarray) -> list[tuple[int, int]]:
    """Return where rows of neighbouring finite values begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _stroke(across: Column, low: Column, high: Column, plot: QRectF) -> Column:
    """Return the corners (N, 2) of a line in pixels, cut at both sides of the plot: Qt fails far outside of it."""
    if not np.array_equal(low, high):
        ends = np.stack([low, high], axis=1)
        ends[1::2] = ends[1::2, ::-1]  # up, across, down, across: half as long as always up
        across, low = np.repeat(across, 2), ends.reshape(-1)
    places = np.stack([across, low], axis=1)
    for edge, end, inner in ((plot.left(), 0, 1), (plot.right(), -1, -2)):
        if len(places) > 1 and (places[end, 0] - edge) * (edge - places[inner, 0]) > 0:
            share = (edge - places[inner, 0]) / (places[end, 0] - places[inner, 0])
            places[end] = edge, places[inner, 1] + share * (places[end, 1] - places[inner, 1])
    return places


def _draw_stroke(painter: QPainter, line: Line, places: Column) -> None:
    """Draw a line through many points.

    Qt needs up to 0.4 s for a wide line through a thousand points that go up and down, and 1 ms for one that is a
    pixel wide: the wide one is drawn as thin ones beside each other.
    """
    polygon, pen = _polygon(places), line.pen()
    if line.pale or len(places) <= FEW_POINTS or painter.paintEngine().type() == QPaintEngine.Type.SVG:
        painter.drawPolyline(polygon)
        return
    ratio = painter.device().devicePixelRatioF()
    thin = QPen(pen.color(), 1)
    thin.setCosmetic(True)
    if pen.dashPattern():
        thin.setDashPattern([part * STRONG_PX * ratio for part in pen.dashPattern()])
    painter.setPen(thin)
    radius = (STRONG_PX * ratio - 1) / 2  # in pixels of the device
    while radius > 0:
        ways = 3 if radius < 1 else 8
        for way in range(ways):
            turn = 2 * np.pi * (way / ways + 0.25)
            painter.drawPolyline(polygon.translated(radius * np.cos(turn) / ratio, radius * np.sin(turn) / ratio))
        radius -= 1


def _polygon(places: Column) -> QPolygonF:
    """Return corners as Qt wants them, without making an object of each."""
    polygon = QPolygonF()
    polygon.resize(len(places))
    memory: Any = shiboken6.VoidPtr(polygon.data(), places.size * 8, True)  # type: ignore[call-arg,arg-type]
    np.frombuffer(memory, np.float64)[:] = places.reshape(-1)
    return polygon


def _draw_markers(painter: QPainter, line: Line, across: Column, up: Column, width: float) -> None:
    most = max(2, min(MOST_MARKERS, int(width / (4 * RADIUS_PX))))  # they do not cover each other
    every = -(-len(across) // most)
    if not every:
        return
    painter.setPen(QPen(theme.current().color("panel"), 1))
    painter.setBrush(line.color())
    chosen = np.arange(len(across) - 1, -1, -every)  # the newest always has one
    for x, y in zip(across[chosen], up[chosen], strict=True):
        draw_marker(painter, line.marker or 0, QPointF(x, y))


def draw_marker(painter: QPainter, marker: int, place: QPointF) -> None:
    """Draw a mark with the pen and brush that are set."""
    x, y, r = place.x(), place.y(), RADIUS_PX
    kind = marker % MARKERS
    if kind == 0:
        painter.drawEllipse(place, r, r)
    elif kind == 1:
        painter.drawRect(QRectF(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r))
    elif kind == 2:
        painter.drawPolygon([QPointF(x, y - 1.2 * r), QPointF(x + 1.1 * r, y + r), QPointF(x - 1.1 * r, y + r)])
    else:
        d = 1.3 * r
        painter.drawPolygon([QPointF(x, y - d), QPointF(x + d, y), QPointF(x, y + d), QPointF(x - d, y)])


def draw_sample(painter: QPainter, line: Line, rect: QRect) -> None:
    """Draw a short piece of a line."""
    middle = QPointF(rect.center())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = line.pen()
    pen.setWidthF(3 if line.pale else STRONG_PX)
    painter.setPen(pen)
    painter.drawLine(QPointF(rect.left(), middle.y()), QPointF(rect.right(), middle.y()))
    if line.marker is not None:
        painter.setPen(QPen(theme.current().color("panel"), 1))
        painter.setBrush(line.color())
        draw_marker(painter, line.marker, middle)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def legend_places(
    lines: list[Line], metrics: QFontMetrics, left: int, room: QRect, rows: int
) -> list[tuple[Line, QRect]]:
    """Return where each entry stands: from `left` in the first row, from the left in the next; not more than fit."""
    places: list[tuple[Line, QRect]] = []
    height, x, row = metrics.height() + 2, left, 0
    for line in lines:
        wanted = SAMPLE_PX + 6 + metrics.horizontalAdvance(line.entry) + 14
        width = min(wanted, MOST_ENTRY_PX, room.width())
        if x + width > room.right() and x > room.left():
            x, row = room.left(), row + 1
        if row >= rows:
            break
        places.append((line, QRect(x, room.top() + row * height, width, height)))
        x += width
    return places


def draw_entry(painter: QPainter, line: Line, rect: QRect) -> None:
    """Draw an entry of a legend."""
    draw_sample(painter, line, QRect(rect.left(), rect.top(), SAMPLE_PX, rect.height()))
    words = rect.adjusted(SAMPLE_PX + 6, 0, -6, 0)
    draw_text(painter, words, line.entry, theme.current().color("text"), align=Qt.AlignmentFlag.AlignVCenter)


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()
