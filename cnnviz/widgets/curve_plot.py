"""An activation function and its derivative over the histogram of what it is given, with one value on the curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.core.activation import Function
from cnnviz.core.formats import number
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text

BINS = 80
SAMPLES = 240


def histogram(values: npt.NDArray[Any], low: float, high: float, bins: int = BINS) -> npt.NDArray[np.int64]:
    """Count values in bins of equal width; twice as fast as numpy's on millions of float32."""
    flat = values.reshape(-1)
    scale = bins / (high - low)
    places = (flat - np.float32(low)) * np.float32(scale)
    np.clip(places, 0, bins - 1, out=places)
    places[np.isnan(places)] = 0
    return np.bincount(places.astype(np.int32), minlength=bins).astype(np.int64)


class CurvePlot(Figure):
    """Function, derivative, histogram, point."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(180, 100)
        self._counts: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._low, self._high = -3.0, 3.0
        self._function: Function | None = None
        self._parameter = 0.0
        self._x: float | None = None

    def show_values(self, values: npt.NDArray[Any]) -> None:
        """Show how what the function is given is spread."""
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            finite = values[np.isfinite(values)]
            low, high = (float(finite.min()), float(finite.max())) if finite.size else (-1.0, 1.0)
        low, high = max(-1e30, min(low, -1.0)), min(1e30, max(high, 1.0))
        self._low, self._high = low - 0.05 * (high - low), high + 0.05 * (high - low)
        self._counts = histogram(values, self._low, self._high)
        self.update()

    def show_function(self, function: Function, parameter: float) -> None:
        """Show another function."""
        self._function, self._parameter = function, parameter
        self.update()

    def show_point(self, x: float) -> None:
        """Put a value on the curve."""
        self._x = x
        if self._function is not None and np.isfinite(x):
            y, slope = self._at(np.array([x]))
            words = f"{self._function.title} of {number(x, 4)} is {number(float(y[0]), 4)}"
            self.setAccessibleDescription(f"{words}, slope {number(float(slope[0]), 4)}")
        self.update()

    def _at(self, x: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        assert self._function is not None
        return self._function.call(x, self._parameter), self._function.derivative(x, self._parameter)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw histogram, axes, derivative, function and point."""
        colours = theme.current()
        painter.setFont(theme.font(0.9))
        if self._function is None:
            return
        line = round(theme.text_px() * 1.3)
        plot = QRect(6, line, max(10, size.width() - 12), max(10, size.height() - 2 * line - 4))
        xs = np.linspace(self._low, self._high, SAMPLES)
        ys, slopes = self._at(xs)
        finite = np.concatenate([ys, slopes, [0.0, 1.0]])
        finite = finite[np.isfinite(finite)]
        low, high = float(finite.min()), float(finite.max())
        low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)

        def spot(x: float, y: float) -> QPointF:
            across = (x - self._low) / (self._high - self._low)
            up = (min(max(y, low), high) - low) / (high - low)
            return QPointF(plot.left() + across * plot.width(), plot.bottom() - up * plot.height())

        self._draw_bars(painter, plot)
        painter.setPen(colours.color("line"))
        origin = spot(0, 0)
        painter.drawLine(QPointF(plot.left(), origin.y()), QPointF(plot.right(), origin.y()))
        painter.drawLine(QPointF(origin.x(), plot.top()), QPointF(origin.x(), plot.bottom()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for values, role, style in ((slopes, "kernel", Qt.PenStyle.DashLine), (ys, "accent", Qt.PenStyle.SolidLine)):
            painter.setPen(QPen(colours.color(role), 2, style))
            points = [spot(float(x), float(y)) for x, y in zip(xs, values, strict=True) if np.isfinite(y)]
            painter.drawPolyline(QPolygonF(points))
        if self._x is not None and np.isfinite(self._x):
            y = float(self._at(np.array([self._x]))[0][0])
            if np.isfinite(y):
                painter.setPen(QPen(colours.color("panel"), 2))
                painter.setBrush(colours.color("pointer"))
                place = spot(self._x, y)
                painter.drawEllipse(QRectF(place.x() - 6, place.y() - 6, 12, 12))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._draw_words(painter, plot, size, (low, high))

    def _draw_bars(self, painter: QPainter, plot: QRect) -> None:
        if not len(self._counts):
            return
        colour = QColor(theme.current().color("muted"))
        colour.setAlpha(90)
        heights = np.sqrt(self._counts / max(1, self._counts.max())) * plot.height()
        edges = plot.left() + np.round(np.arange(len(heights) + 1) * plot.width() / len(heights)).astype(int)
        for index, height in enumerate(heights):
            if height > 0:
                top = plot.bottom() - max(1, round(float(height)))
                painter.fillRect(
                    QRect(int(edges[index]), top, int(edges[index + 1] - edges[index]), plot.bottom() - top), colour
                )

    def _draw_words(self, painter: QPainter, plot: QRect, size: QSize, ends: tuple[float, float]) -> None:
        colours = theme.current()
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        head = QRect(plot.left(), 0, plot.width(), plot.top())
        draw_text(painter, head, "f  solid", colours.color("accent"), align=left)
        draw_text(
            painter,
            head.adjusted(round(theme.text_px() * 4.2), 0, 0, 0),
            "f′  dashed",
            colours.color("kernel"),
            align=left,
        )
        draw_text(painter, head, f"{number(ends[0], 2)} … {number(ends[1], 2)}", colours.color("muted"), align=right)
        foot = QRect(plot.left(), plot.bottom() + 3, plot.width(), size.height() - plot.bottom() - 3)
        draw_text(painter, foot, number(self._low, 3), colours.color("muted"), align=left)
        draw_text(painter, foot, number(self._high, 3), colours.color("muted"), align=right)
        middle = "before the function (bars: square root of the count)"
        draw_text(painter, foot, middle, colours.color("muted"), align=Qt.AlignmentFlag.AlignHCenter)

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        self.update()
