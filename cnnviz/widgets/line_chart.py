"""Curves over steps, painted directly: a million points cost as much as there are pixels across."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from cnnviz.widgets import theme
from cnnviz.widgets.chart_frame import Face, Frame, View, arrange, step_text, values_at
from cnnviz.widgets.chart_lines import Line, points_of
from cnnviz.widgets.figure import Figure, KeptPicture

ZOOM, PAN = 0.8, 0.1
LEAST_STEPS = 8  # fewer are never spread over the whole width
DESCRIBE_MS = 3000  # lines that grow are put into words at most this often


class LineChart(Figure):
    """Lines with axes, a legend, and a cross-hair that says every line's value.

    The wheel zooms at the pointer, dragging pans, a double click shows everything. Where the right end is the newest
    step it stays there while the lines grow.

    Parameters
    ----------
    name, title
        For a screen reader, and above the plot.
    percent
        Whether values are fractions that are written as percentages.

    Signals
    -------
    view_changed(View | None)
        The user sees another part of the horizontal axis; ``None``: everything.
    hovered(float | None)
        Where the user put the cross-hair on the horizontal axis.
    stop_chosen(int)
        The plot was clicked: the number of the stop that is nearest.
    """

    view_changed = Signal(object)
    hovered = Signal(object)
    stop_chosen = Signal(int)

    def __init__(self, name: str, title: str, parent: QWidget | None = None, *, percent: bool = False) -> None:
        super().__init__(name, parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(180, 80)
        self._face = Face(title, percent)
        self._lines: tuple[Line, ...] = ()
        self._view: View | None = None
        self._follows = True
        self._hover: float | None = None
        self._points = False  # the cross-hair was put here, not on another chart
        self._sentence = ""
        self._frame: Frame | None = None
        self._kept = KeptPicture()
        self.drawn_s = 0.0
        self._pressed: tuple[QPointF, View] | None = None
        self._dragged = False
        self._clicked_at: float | None = None
        self._click = QTimer(self)  # a click is known to be one when no second one follows
        self._click.setSingleShot(True)
        self._click.timeout.connect(self._on_click_timeout)
        self._describing = QTimer(self)
        self._describing.setSingleShot(True)
        self._describing.timeout.connect(self._describe)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines that have points."""
        return self._lines

    def show_lines(
        self, lines: Sequence[Line], x_title: str = "step", name_x: Callable[[float], str] = step_text
    ) -> None:
        """Show lines, or the same ones grown; `name_x` writes a place of the horizontal axis in words."""
        before, self._lines = self._lines, tuple(line for line in lines if len(line.series))
        self._face = replace(self._face, x_title=x_title, name_x=name_x)
        if self._view is not None and self._follows and self._lines:
            end, width = self._extent()[1], self._view[1] - self._view[0]
            self._view = (end - width, end)
        if [line.title for line in before] != [line.title for line in self._lines]:
            self._describe()
        elif not self._describing.isActive():
            self._describing.start(DESCRIBE_MS)
        self._change()

    def show_sentence(self, sentence: str) -> None:
        """Say what will be here; it is seen while there is no line."""
        self._sentence = sentence
        self._describe()
        self._change()

    def show_stops(self, stops: Sequence[float], mark: float | None) -> None:
        """Show places of the horizontal axis that can be clicked, in order, and mark the one in sight."""
        face = replace(self._face, stops=tuple(stops), mark=mark)
        if face != self._face:
            self._face = face
            self._change()

    def set_logarithmic(self, on: bool) -> None:
        """Draw equal ratios of values at equal distances."""
        self._face = replace(self._face, logarithmic=on)
        self._change()

    @property
    def view(self) -> View | None:
        """The part of the horizontal axis that is seen; ``None``: everything."""
        return self._view

    @Slot(object)
    def set_view(self, view: View | None) -> None:
        """Show a part of the horizontal axis, or everything."""
        self._view = view
        self._follows = view is None or not self._lines or view[1] >= self._extent()[1]
        self._change()

    @Slot(object)
    def show_hover(self, x: float | None) -> None:
        """Put the cross-hair at a place of the horizontal axis, or take it away."""
        if x != self._hover or self._points:
            self._hover, self._points = x, False
            self.update()

    def _change(self) -> None:
        self._frame = None
        self._kept.drop()
        self.update()

    def _extent(self) -> View:
        """Return the first and the last place of all lines; there must be one."""
        low = min(float(line.series.x[0]) * line.scale for line in self._lines)
        high = max(float(line.series.x[-1]) * line.scale for line in self._lines)
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    @Slot()
    def _describe(self) -> None:
        self.setAccessibleDescription(self._summary())

    def _summary(self) -> str:
        """Return the numbers in words."""
        parts, text = [], self._face.text
        for line in self._lines:
            count = len(line.series)
            values = points_of(line, -np.inf, np.inf, 16).extremes(-np.inf, np.inf)
            ends = f", {text(values.min())} to {text(values.max())}" if len(values) else ""
            parts.append(f"{line.title}: newest {text(line.value(count - 1))}, {count:,} values{ends}.")
        return " ".join(parts) or self._sentence

    def _arranged(self, size: QSize) -> Frame:
        if self._frame is None or self._frame.size != size:
            self._frame = arrange(self._lines, self._face, self._view or self._extent(), size)
        return self._frame

    def has_own_background(self, part: QRect) -> bool:
        """Return whether `draw` covers everything: the kept picture does."""
        return bool(self._lines)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw lines and axes, and the cross-hair over them."""
        painter.setFont(theme.font(0.9))
        if not self._lines:
            painter.setPen(theme.current().color("muted"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(0, 0, size.width(), size.height()).adjusted(16, 4, -16, -4), flags, self._sentence)
            return
        begin_s = time.perf_counter()
        frame = self._arranged(size)
        self._kept.draw(painter, size, frame.paint)
        self.drawn_s = time.perf_counter() - begin_s
        if self._hover is not None and frame.x.low <= self._hover <= frame.x.high:
            frame.paint_hover(painter, self._hover, own=self._points)

    def _go(self, low: float, high: float) -> None:
        """Show a part of the horizontal axis, moved so that it lies within the lines."""
        first, last = self._extent()
        width = high - low
        if width >= (last - first) * (1 - 1e-9):
            self.show_all()
            return
        high = min(max(low, first) + width, last)
        self.set_view((high - width, high))
        self.view_changed.emit(self._view)

    @Slot()
    def show_all(self) -> None:
        """Show everything, and follow what comes."""
        self.set_view(None)
        self.view_changed.emit(None)

    def zoom(self, factor: float, share: float = 0.5) -> None:
        """Make the part that is seen `factor` times as wide; the place at `share` of the width stays."""
        if self._lines:
            low, high = self._view or self._extent()
            least = min(high - low, LEAST_STEPS * min(line.scale for line in self._lines))
            width = max((high - low) * factor, least)
            left = low + share * (high - low - width)
            self._go(left, left + width)

    def pan(self, share: float) -> None:
        """Move the part that is seen by a share of its width."""
        if self._lines and self._view is not None:
            low, high = self._view
            self._go(low + share * (high - low), high + share * (high - low))

    def point(self, x: float | None) -> None:
        """Put the cross-hair at the step nearest to a place of the horizontal axis, or take it away."""
        if x is not None:
            x = min((abs(place - x), place) for _, place, _ in values_at(self._lines, x))[1]
        self.show_hover(x)
        self._points = x is not None
        self.hovered.emit(x)

    def walk(self, steps: int) -> None:
        """Move the cross-hair by so many pixels, at least to another step."""
        if not self._lines:
            return
        frame = self._arranged(self.size())
        x, at = frame.x, frame.x.high if self._hover is None else self._hover
        wide = max((x.high - x.low) / frame.plot.width(), max(line.scale for line in self._lines))
        self.point(min(max(at + steps * wide, x.low), x.high))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer."""
        notches = event.angleDelta().y() / 120
        if self._lines and notches:
            self.zoom(ZOOM**notches, min(1.0, max(0.0, self._share(event.position()))))
        event.accept()

    def _share(self, place: QPointF) -> float:
        """Return the share of the plot's width at a place of the widget."""
        plot = self._arranged(self.size()).plot
        return (place.x() - plot.left()) / plot.width()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to pan."""
        if self._lines and event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._dragged = (event.position(), self._view or self._extent()), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan while the button is held, else say the values under the pointer."""
        if not self._lines:
            return
        if self._pressed is None:
            frame = self._arranged(self.size())
            share = self._share(event.position())
            self.point(frame.x.low + share * (frame.x.high - frame.x.low) if -0.02 <= share <= 1.02 else None)
            return
        start, (low, high) = self._pressed
        moved = self._share(start) - self._share(event.position())
        far = (event.position() - start).manhattanLength() >= QApplication.startDragDistance()
        self._dragged = self._dragged or far
        if self._dragged and self._view is not None:
            self._go(low + moved * (high - low), high + moved * (high - low))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End panning; without a movement it was a click."""
        if self._pressed is not None and not self._dragged and self._face.stops:
            frame = self._arranged(self.size())
            self._clicked_at = frame.x.low + self._share(event.position()) * (frame.x.high - frame.x.low)
            self._click.start(QApplication.doubleClickInterval())
        self._pressed = None

    @Slot()
    def _on_click_timeout(self) -> None:
        if self._clicked_at is not None and self._face.stops:
            self.stop_chosen.emit(self._face.nearest_stop(self._clicked_at))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show everything."""
        self._click.stop()
        self.show_all()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the cross-hair away."""
        self.point(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pan by the arrows, zoom by + and −, Home shows everything; Shift and arrows walk the cross-hair."""
        key, shift = Qt.Key(event.key()), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(key)
        if way is not None and shift:
            self.walk(way)
        elif way is not None:
            self.pan(PAN * way)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(ZOOM)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / ZOOM)
        elif key == Qt.Key.Key_Home:
            self.show_all()
        elif key == Qt.Key.Key_Escape and self._hover is not None:
            self.point(None)
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._change()
