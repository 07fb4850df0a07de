"""The drawing board: light ink on dark paper, as the digits of MNIST are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
    QTabletEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure

SIDE = 280
PEN_WIDTH = 22.0
PEN_WIDTHS = (6, 48)
ERASER_FACTOR = 1.8
KEY_STEP = 8.0
Ink = npt.NDArray[np.uint8]
_BUTTONS = Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton
_ARROWS = {
    Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Right: QPointF(1, 0),
    Qt.Key.Key_Up: QPointF(0, -1),
    Qt.Key.Key_Down: QPointF(0, 1),
}


class Board(Figure):
    """A square to draw on with mouse, touch or pen. Every event is painted at once.

    Attributes
    ----------
    pen_width
        Of `SIDE` pixels; a pen's pressure scales it.
    erasing
        The left button erases.
    points_taken
        How many points of strokes were drawn since the start.
    walks
        Left and Right ask for a neighbour of the picture on the board, until Space puts the pen down.

    Signals
    -------
    inked()
        The ink changed by a stroke; sent for each point.
    stroke_done(before)
        A stroke ended; `before` is the ink as it was, uint8 (SIDE, SIDE).
    walked(int)
        The next (1) or the previous (−1) picture is wanted.
    """

    inked = Signal()
    stroke_done = Signal(object)
    walked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Drawing board", parent)
        self.setAccessibleDescription(
            "Draw with the mouse, a finger or a pen; the right button erases. "
            "By keyboard: arrows move the pen, Space puts it down and lifts it."
        )
        self.setToolTip("Left button draws, right button erases; arrows move the pen, Space puts it down and lifts it")
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(112, 112)
        self.pen_width = PEN_WIDTH
        self.erasing = False
        self.points_taken = 0
        self.walks = False
        self._ink: Ink = np.zeros((SIDE, SIDE), np.uint8)
        self._image = self._wrap()
        self._before: Ink | None = None
        self._firm: Ink = self._ink  # the stroke without its provisional end
        self._erases = False
        self._pressure = 1.0
        self._last = QPointF()
        self._middle = QPointF()
        self._hover: QPointF | None = None
        self._key_pen: QPointF | None = None
        self._hint = "Draw a digit here"

    def set_hint(self, words: str) -> None:
        """Say what an empty board is for."""
        if words != self._hint:
            self._hint = words
            self.update()

    def _wrap(self) -> QImage:
        return QImage(self._ink.data, SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8)

    @property
    def ink(self) -> Ink:
        """A copy of the ink, uint8 (SIDE, SIDE), 255 on paper 0."""
        copied: Ink = self._ink.copy()
        return copied

    @property
    def is_drawing(self) -> bool:
        """Whether a stroke is being drawn."""
        return self._before is not None

    def show_ink(self, ink_hw: Ink) -> None:
        """Replace the ink; a stroke that is being drawn is given up."""
        self._before = None
        self._ink = np.array(ink_hw, np.uint8, order="C")
        self._image = self._wrap()
        self.update()

    def _square(self) -> QRectF:
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) // 2, (self.height() - side) // 2, side, side)

    def _to_board(self, point: QPointF) -> QPointF:
        square = self._square()
        scale = SIDE / max(1.0, square.width())
        return QPointF((point.x() - square.x()) * scale, (point.y() - square.y()) * scale)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw paper and ink, and the hint while nothing is drawn."""
        square = self._square()
        if square.size() != QRectF(self.rect()).size():
            painter.fillRect(self.rect(), theme.current().color("window"))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(square, self._image, QRectF(0, 0, SIDE, SIDE))
        painter.setPen(theme.current().color("line"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(square.adjusted(0, 0, -1, -1))
        if not self.is_drawing and not self._ink.any():
            painter.setFont(theme.font(1.25))
            painter.setPen(QColor("#c9ced6"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(square.adjusted(16, 0, -16, 0), flags, self._hint)
        self._draw_brush(painter, square)

    def _draw_brush(self, painter: QPainter, square: QRectF) -> None:
        """Show how wide the pen is where the pointer is."""
        if self._key_pen is not None and self.hasFocus():
            scale = square.width() / SIDE
            self._draw_circle(painter, square.topLeft() + self._key_pen * scale, square)
        elif self._hover is not None and isinstance(painter.device(), QWidget):
            self._draw_circle(painter, self._hover, square)

    def _draw_circle(self, painter: QPainter, centre: QPointF, square: QRectF) -> None:
        width = self.pen_width * (ERASER_FACTOR if self.erasing else 1.0) * square.width() / SIDE
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.DARK.color("pointer"), 1))
        painter.drawEllipse(centre, width / 2, width / 2)

    # -- strokes --------------------------------------------------------------------------------------------------

    def _begin(self, here: QPointF, pressure: float, erases: bool) -> None:
        self._end()  # of a stroke whose end never came
        self._before = self._ink.copy()
        self._erases = erases
        self._last = self._middle = here
        self._pressure = pressure
        dot = QPainterPath(here)
        dot.lineTo(here + QPointF(0.01, 0))
        self._paint(dot)
        self._firm = self._ink.copy()
        self._took_point()

    def _continue(self, here: QPointF, pressure: float) -> None:
        """Draw on to a point: a curve to the middle of the new segment, and its rest as a provisional line.

        Quadratic curves between the middles join without a corner. The line keeps the ink under the pen; the next
        point replaces it by a curve.
        """
        middle = (self._last + here) / 2
        curve, rest = QPainterPath(self._middle), QPainterPath(middle)
        curve.quadTo(self._last, middle)
        rest.lineTo(here)
        changed = QPolygonF([self._middle, self._last, here]).boundingRect()
        self._last, self._middle, self._pressure = here, middle, pressure
        self._ink[...] = self._firm
        self._paint(curve)
        self._firm[...] = self._ink
        self._paint(rest)
        self._took_point(changed)

    def end_stroke(self) -> None:
        """End a stroke that is being drawn, because something else is to happen to the board."""
        self._end()

    def _end(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            self.stroke_done.emit(before)

    def _paint(self, path: QPainterPath) -> None:
        width = self.pen_width * (0.35 + 0.65 * self._pressure) * (ERASER_FACTOR if self._erases else 1.0)
        painter = QPainter(self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = QColor(0, 0, 0) if self._erases else QColor(255, 255, 255)
        painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.drawPath(path)
        painter.end()

    def _took_point(self, changed: QRectF | None = None) -> None:
        """Count a point and repaint: all of the board, or what changed and the brush around it."""
        self.points_taken += 1
        if changed is None:
            self.update()
        else:
            square, reach = self._square(), self.pen_width * ERASER_FACTOR + 4
            scale = square.width() / SIDE
            part = changed.adjusted(-reach, -reach, reach, reach)
            origin = square.topLeft() + part.topLeft() * scale
            self.update(QRectF(origin, part.size() * scale).toAlignedRect())
        self.inked.emit()

    # -- Qt -------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke: left draws, right erases."""
        if not event.button() & _BUTTONS or (self.is_drawing and event.buttons() & _BUTTONS & ~event.button()):
            return  # a second button beside the first one
        self._key_pen = None
        self._begin(self._to_board(event.position()), 1.0, self.erasing or event.button() == Qt.MouseButton.RightButton)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw on."""
        self._hover = event.position()
        if self.is_drawing and event.buttons() & _BUTTONS:
            self._continue(self._to_board(event.position()), 1.0)
        elif self._key_pen is None:
            self._end()  # the button was let go elsewhere
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the stroke."""
        if self.is_drawing and not event.buttons() & _BUTTONS:
            self._continue(self._to_board(event.position()), 1.0)
            self._end()

    def tabletEvent(self, event: QTabletEvent) -> None:
        """Draw with a pen: pressure sets the width, its other end erases."""
        kind = event.type()
        erases = self.erasing or event.pointerType() == event.pointingDevice().PointerType.Eraser
        here = self._to_board(event.position())
        if kind == event.Type.TabletPress:
            self._key_pen = None
            self._begin(here, event.pressure(), erases)
        elif kind == event.Type.TabletMove and self.is_drawing:
            self._continue(here, event.pressure())
        elif kind == event.Type.TabletRelease and self.is_drawing:
            self._continue(here, self._pressure)  # its own pressure is 0
            self._end()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the pen (Shift: by one pixel), Space puts it down and lifts it, Escape puts it away."""
        if self.walks and self._key_pen is None and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.walked.emit(1 if event.key() == Qt.Key.Key_Right else -1)
            return
        arrow = _ARROWS.get(Qt.Key(event.key()))
        here = self._key_pen or QPointF(SIDE / 2, SIDE / 2)
        if arrow is not None:
            step = 1.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else KEY_STEP
            place = here + arrow * step
            self._key_pen = QPointF(min(max(place.x(), 0.0), SIDE), min(max(place.y(), 0.0), SIDE))
            if self.is_drawing:
                self._continue(self._key_pen, 1.0)
        elif event.key() == Qt.Key.Key_Space:
            self._key_pen = here
            if self.is_drawing:
                self._end()
            else:
                self._begin(here, 1.0, self.erasing)
        elif event.key() == Qt.Key.Key_Escape and self._key_pen is not None:
            self._end()
            self._key_pen = None
        else:
            super().keyPressEvent(event)
            return
        self.update()

    def hideEvent(self, event: QHideEvent) -> None:
        """End a stroke: its release would not arrive."""
        self._end()
        super().hideEvent(event)

    def leaveEvent(self, event: object) -> None:
        """Hide the brush."""
        self._hover = None
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer the menu by keyboard only: the right button erases."""
        if event.reason() != QContextMenuEvent.Reason.Mouse:
            super().contextMenuEvent(event)

    def draw_focus(self, painter: QPainter) -> None:
        """Draw the focus frame around the square."""
        if self.hasFocus():
            painter.setPen(QPen(theme.current().color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self._square().adjusted(1, 1, -1, -1))

    def sizeHint(self) -> QSize:
        """Return one pixel of the screen for one of the board."""
        return QSize(SIDE, SIDE)
