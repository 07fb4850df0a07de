"""Curves of all lanes in one chart, each named at its end."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QLineF, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QWidget

from cnnviz.core.curves import Curves
from cnnviz.core.decimation import Series
from cnnviz.models import registry
from cnnviz.state.race_state import Lane
from cnnviz.views.race.compute import WINDOW
from cnnviz.widgets import theme
from cnnviz.widgets.chart_frame import Frame
from cnnviz.widgets.chart_lines import Line
from cnnviz.widgets.figure import draw_text
from cnnviz.widgets.line_chart import LineChart

GAP_PX = 10
MOST_NAME_SHARE = 0.45


class RaceChart(LineChart):
    """A chart that leaves room at its right for the names of its strong lines."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None, *, percent: bool = False) -> None:
        super().__init__(name, title, parent, percent=percent)
        self._fit()

    def _fit(self) -> None:
        """Take the least room in which an axis has some labels."""
        self.setMinimumHeight(9 * theme.text_px())

    def changeEvent(self, event: QEvent) -> None:
        """Follow the text's size."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    @property
    def named(self) -> tuple[Line, ...]:
        """The lines whose names stand at their ends."""
        return tuple(line for line in self.lines if not line.pale and line.marker is None)

    def names_px(self, width: int) -> int:
        """Return how wide the room for the names is, in a chart of some width."""
        metrics = QFontMetrics(theme.font(0.9, bold=True))
        names = max((metrics.horizontalAdvance(line.title) for line in self.named), default=0)
        return min(names + 2 * GAP_PX, round(width * MOST_NAME_SHARE))

    def _arranged(self, size: QSize) -> Frame:
        return super()._arranged(QSize(size.width() - self.names_px(size.width()), size.height()))

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the chart and the names."""
        super().draw(painter, size)
        if not self.named:
            return
        frame = self._arranged(size)
        painter.setFont(theme.font(0.9, bold=True))
        for line, end, rect in self.names(frame, size):
            painter.setPen(QPen(line.color(), 1))
            painter.drawLine(QLineF(end, QPointF(rect.left() - 2, rect.center().y())))
            draw_text(painter, rect, line.title, line.color(), align=Qt.AlignmentFlag.AlignVCenter)

    def names(self, frame: Frame, size: QSize) -> list[tuple[Line, QPointF, QRect]]:
        """Return for each name where its line ends, and where it stands; none covers another."""
        ends = []
        for line in self.named:
            row = line.series.nearest(frame.x.high / line.scale)
            share = min(1.0, max(0.0, frame.y.share(line.value(row))))  # NaN becomes 0
            across = min(1.0, max(0.0, frame.x.share(float(line.series.x[row]) * line.scale)))
            plot = frame.plot
            ends.append((line, QPointF(plot.left() + across * plot.width(), plot.bottom() - share * plot.height())))
        ends.sort(key=lambda pair: pair[1].y())
        height = QFontMetrics(theme.font(0.9, bold=True)).height()
        left, found, free = round(frame.plot.right()) + GAP_PX, [], 0
        for at, (line, end) in enumerate(ends):
            lowest = size.height() - height * (len(ends) - at)
            top = min(max(free, round(end.y()) - height // 2), lowest)
            found.append((line, end, QRect(left, top, size.width() - left, height)))
            free = top + height
        return found


class LaneLines:
    """Makes lines of lanes; what was made of their curves is kept while they are shown."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], Series] = {}
        self._lanes: tuple[Curves, ...] = ()

    def _series(self, curves: Curves, name: str) -> Series:
        return self._kept.setdefault((id(curves), name), Series(curves, name))

    def of(self, lanes: tuple[Lane, ...], metric: str) -> list[Line]:
        """Return the lines of ``loss`` or ``accuracy``: each step, the mean of some, and the validation part."""
        curves = tuple(lane.curves.batches for lane in lanes)
        if curves != self._lanes:
            self._kept, self._lanes = {}, curves
        lines = []
        for number, lane in enumerate(lanes):
            title = title_of(lane)
            steps = self._series(lane.curves.batches, metric)
            if metric == "loss":
                lines.append(Line(f"{title}, each step", "", steps, number, pale=True))
            lines.append(Line(title, "", steps, number, number, window=WINDOW))
            if metric == "accuracy" and len(lane.curves.epochs):
                held = self._series(lane.curves.epochs, "val_accuracy")
                lines.append(Line(f"{title}, validation", "", held, number, 2, number))
        return lines


def title_of(lane: Lane) -> str:
    """Return the name of a lane's network for people."""
    return registry.get(lane.config.model).title
