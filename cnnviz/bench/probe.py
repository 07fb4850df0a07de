"""Instruments for a running window: a pen, a heartbeat, and an eye on what has been painted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPointF, Qt, QTimer, Slot
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from cnnviz.app import Application
from cnnviz.main_window.window import MainWindow
from cnnviz.views.base import View
from cnnviz.widgets.board import Board

HEARTBEAT_MS = 5


class Pen:
    """Draws a digit-like curve on the board by mouse events.

    Parameters
    ----------
    board
        The drawing board.
    """

    def __init__(self, board: QWidget) -> None:
        self._board = board
        self.sent = 0
        self._down = False

    def point(self, step: int) -> QPointF:
        """Return the place of a step: a loop that wanders over the middle of the board."""
        angle = step * 0.08
        reach = min(self._board.width(), self._board.height()) / 2
        radius = reach * (0.35 + 0.15 * math.sin(step * 0.013))
        return QPointF(
            self._board.width() / 2 + radius * math.sin(angle),
            self._board.height() / 2 + radius * math.cos(angle * 0.5),
        )

    def move(self) -> None:
        """Send the next event: a press at first, then moves."""
        kind = QEvent.Type.MouseMove if self._down else QEvent.Type.MouseButtonPress
        self._send(kind, Qt.MouseButton.NoButton if self._down else Qt.MouseButton.LeftButton)
        self._down = True

    def lift(self) -> None:
        """End the stroke."""
        self._send(QEvent.Type.MouseButtonRelease, Qt.MouseButton.LeftButton)
        self._down = False

    def _send(self, kind: QEvent.Type, button: Qt.MouseButton) -> None:
        place = self.point(self.sent)
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
        overall = QPointF(self._board.mapToGlobal(place.toPoint()))
        event = QMouseEvent(kind, place, overall, button, held, Qt.KeyboardModifier.NoModifier)
        QCoreApplication.sendEvent(self._board, event)
        self.sent += 1


def board_of(window: MainWindow) -> Board:
    """Return the drawing board of a window."""
    board = window.view("input").findChild(Board)
    assert isinstance(board, Board)
    return board


class Eye(QObject):
    """Knows the newest input that every watched view has painted.

    A paint event is noted before it is handled; `painted` is only read between events, when it has been.
    """

    def __init__(self, application: Application, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._application = application
        self._seen: dict[str, int] = {}

    def watch(self, views: dict[str, View]) -> None:
        """Watch the pictures of some views."""
        for name, view in views.items():
            self._seen[name] = -1
            for widget in (view, *view.findChildren(QWidget)):
                widget.setProperty("bench_view", name)
                widget.installEventFilter(self)

    @property
    def painted(self) -> int:
        """Generation of the newest input that all watched views show."""
        return min(self._seen.values())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note what a view is about to paint."""
        if event.type() == QEvent.Type.Paint:
            inspection = self._application.state.inspection
            name = watched.property("bench_view")
            if inspection is not None and name in self._seen:
                self._seen[name] = max(self._seen[name], inspection.generation)
        return False


class Heartbeat(QObject):
    """A timer that notes how late it is called: what an animation or the pen would feel."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.gaps_ms: list[float] = []
        self._last_s: float | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_timer_timeout)

    def start(self) -> None:
        """Begin to beat."""
        self._last_s = None
        self._timer.start(HEARTBEAT_MS)

    def stop(self) -> None:
        """Stop."""
        self._timer.stop()

    @Slot()
    def _on_timer_timeout(self) -> None:
        now_s = time.perf_counter()
        if self._last_s is not None:
            self.gaps_ms.append(max(0.0, (now_s - self._last_s) * 1000 - HEARTBEAT_MS))
        self._last_s = now_s


def run_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Handle events until `condition` holds.

    Raises
    ------
    TimeoutError
        When it does not in time.
    """
    from PySide6.QtCore import QEventLoop

    end_s = time.monotonic() + timeout_s
    wake = QTimer()  # a wait for events must end even when none come
    wake.start(100)
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError("the window did not answer")
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    wake.stop()
