"""Networks as discs between two axes."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cnnviz.views.networks.compute import Chart, Measure, Point
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text

LEAST_PX, MOST_PX = 4.0, 22.0  # radius of a disc
NOTHING = "Tick networks at the left and press Compare: each appears here as soon as it is measured."
_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter


class NetworkChart(Figure):
    """A disc for each network; its area is the number of parameters.

    Signals
    -------
    pointed(str)
        The title of the network under the pointer; empty for none.
    """

    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Networks by two measures", parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(220, 140)
        self._chart = Chart((), None, None, ())
        self._across: Measure | None = None
        self._up: Measure | None = None
        self._current = ""
        self.setAccessibleDescription(NOTHING)

    def show_chart(self, chart: Chart, across: Measure, up: Measure) -> None:
        """Show networks by two measures."""
        self._chart, self._across, self._up = chart, across, up
        words = [self._words(point) for point in chart.points]
        self.setAccessibleDescription("; ".join(words) or self._sentence())
        self.update()

    def show_current(self, title: str) -> None:
        """Mark a network."""
        if title != self._current:
            self._current = title
            self.update()

    def _sentence(self) -> str:
        if self._chart.missing and self._across is not None and self._up is not None:
            missing = ", ".join(self._chart.missing)
            return f"{self._across.title.capitalize()} or {self._up.title} is not known of {missing}."
        return NOTHING

    def _words(self, point: Point) -> str:
        assert self._across is not None
        assert self._up is not None
        x, y = self._across.value(point.row) or 0.0, self._up.value(point.row) or 0.0
        return f"{point.row.title}: {self._across.title} {self._across.text(x)}, {self._up.title} {self._up.text(y)}"

    def area(self, size: QSize) -> QRect:
        """Return the room between the axes."""
        left, line = round(theme.text_px() * 5.2), round(theme.text_px() * 1.5)
        foot = 2 * line + (line if self._chart.missing else 0)
        return QRect(
            left, line + 4, max(10, size.width() - left - round(MOST_PX)), max(10, size.height() - foot - line - 8)
        )

    def place_of(self, point: Point, size: QSize) -> QPointF:
        """Return the middle of a disc."""
        area = self.area(size)
        return QPointF(area.left() + point.x * area.width(), area.bottom() - point.y * area.height())

    @staticmethod
    def radius(point: Point) -> float:
        """Return the radius of a disc in pixels."""
        return max(LEAST_PX, MOST_PX * math.sqrt(point.area))

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw axes, discs and names."""
        colours = theme.current()
        painter.setFont(theme.font())
        chart, across, up = self._chart, self._across, self._up
        if across is None or up is None or chart.x is None or chart.y is None:
            painter.setPen(colours.color("muted"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(12, 0, size.width() - 24, size.height()), flags, self._sentence())
            return
        area, line = self.area(size), round(theme.text_px() * 1.5)
        painter.setFont(theme.font(0.9))
        muted, grid = colours.color("muted"), colours.color("line")
        last = -(10**6)
        for tick in chart.x.ticks:
            x = area.left() + round(chart.x.part(tick) * area.width())
            painter.fillRect(x, area.top(), 1, area.height(), grid)
            words = across.text(tick)
            half = painter.fontMetrics().horizontalAdvance(words) // 2 + 4
            if x - half > last and x + half <= size.width():
                room = QRect(x - half, area.bottom() + 2, 2 * half, line)
                draw_text(painter, room, words, muted, align=_CENTRE, elide=False)
                last = x + half
        for tick in chart.y.ticks:
            y = area.bottom() - round(chart.y.part(tick) * area.height())
            painter.fillRect(area.left(), y, area.width(), 1, grid)
            room = QRect(0, y - line // 2, area.left() - 6, line)
            draw_text(painter, room, up.text(tick), muted, align=_RIGHT, elide=False)
        painter.setFont(theme.font(0.9, bold=True))
        draw_text(painter, QRect(4, 0, area.width(), line), f"{up.title} ↑", colours.color("text"), align=_MIDDLE)
        room = QRect(area.left(), area.bottom() + line, area.width(), line)
        words = f"{across.title} →   (area: parameters)"
        draw_text(painter, room, words, colours.color("text"), align=_RIGHT)
        self._draw_points(painter, size)
        if chart.missing:
            painter.setFont(theme.font(0.9))
            room = QRect(4, area.bottom() + 2 * line, size.width() - 8, line)
            draw_text(painter, room, f"not known of {', '.join(chart.missing)}", muted, align=_MIDDLE)

    def _draw_points(self, painter: QPainter, size: QSize) -> None:
        """Draw the large discs first, and each name where none is yet."""
        colours, line = theme.current(), round(theme.text_px() * 1.4)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        points = sorted(self._chart.points, key=lambda point: -point.area)
        for point in points:
            fill = colours.color("accent")
            fill.setAlpha(110)
            painter.setBrush(fill)
            role = "pointer" if point.row.title == self._current else "accent"
            painter.setPen(QPen(colours.color(role), 3 if role == "pointer" else 1.5))
            radius = self.radius(point)
            painter.drawEllipse(self.place_of(point, size), radius, radius)
        painter.restore()
        taken: list[QRect] = []
        for point in points:
            middle, side = self.place_of(point, size), 2 * round(self.radius(point))
            taken.append(QRect(round(middle.x()) - side // 2, round(middle.y()) - side // 2, side, side))
        for point in reversed(points):
            middle, radius = self.place_of(point, size), self.radius(point)
            painter.setFont(theme.font(0.9, bold=point.row.title == self._current))
            width = painter.fontMetrics().horizontalAdvance(point.row.title) + 4
            left = round(middle.x() + radius + 4)
            if left + width > size.width() - 4:
                left = max(2, round(middle.x() - radius - 4 - width))
            room = QRect(left, round(middle.y()) - line // 2, width, line)
            for shift in (0, line, -line, 2 * line, -2 * line):
                moved = room.translated(0, shift)
                if not any(moved.intersects(other) for other in taken):
                    room = moved
                    break
            taken.append(room)
            draw_text(painter, room, point.row.title, colours.color("text"), align=_MIDDLE, elide=False)

    def point_at(self, place: QPointF) -> Point | None:
        """Return the network whose disc is at a point, the smallest where several are."""
        found = None
        for point in self._chart.points:
            away = self.place_of(point, self.size()) - place
            near = math.hypot(away.x(), away.y()) <= self.radius(point) + 3
            if near and (found is None or point.area < found.area):
                found = point
        return found

    def event(self, event: QEvent) -> bool:
        """Say the numbers of the disc under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            point = self.point_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._words(point) if point is not None else "", self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a network."""
        point = self.point_at(event.position())
        self.pointed.emit(point.row.title if point is not None else "")

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self.pointed.emit("")

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size at which names can be told apart."""
        return QSize(420, 260)
