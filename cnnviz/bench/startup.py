"""A start as a user has it: when the window is painted, when drawing is answered, and that no pen point is lost."""

from __future__ import annotations

import json
import sys
import time

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from cnnviz.app import Application
from cnnviz.bench.probe import Eye, Heartbeat, Pen, board_of, run_until
from cnnviz.bench.stats import percentile
from cnnviz.widgets.figure import Figure

PEN_MS = 8


class FirstPaint(QObject):
    """Notes when a widget has been painted for the first time, and whether torch was imported by then."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note the paint event; it is complete when control is back in the event loop."""
        self.seen = self.seen or event.type() == QEvent.Type.Paint
        return False


def main() -> None:
    """Print the measurements as JSON; times are of the monotonic clock, which the parent reads too."""
    app = QApplication([])
    application = Application()
    window = application.window
    first = FirstPaint()
    for figure in window.view("network").findChildren(Figure):
        figure.installEventFilter(first)
    application.start()
    run_until(lambda: first.seen)
    window_at_s = time.monotonic()
    torch_was_there = hasattr(sys.modules.get("torch"), "nn")
    board = board_of(window)
    pen, heartbeat, eye = Pen(board), Heartbeat(), Eye(application)
    eye.watch({name: window.view(name) for name in ("network", "prediction")})
    before = board.points_taken
    heartbeat.start()
    last_s = 0.0

    def answered() -> bool:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= PEN_MS / 1000:
            last_s = now_s
            pen.move()
        current = application.state.input
        return current is not None and not current.blank and eye.painted >= 1 and _has_ink(application)

    run_until(answered)
    ready_at_s = time.monotonic()
    heartbeat.stop()
    lost = pen.sent - (board.points_taken - before)
    pen.lift()
    window.close()
    print(
        json.dumps(
            {
                "window_at_s": window_at_s,
                "ready_at_s": ready_at_s,
                "gui_gap_p99_ms": percentile(heartbeat.gaps_ms, 0.99),
                "gui_gap_worst_ms": max(heartbeat.gaps_ms),
                "points_lost": lost,
                "torch_before_window": torch_was_there,
                "platform": app.platformName(),
            }
        )
    )


def _has_ink(application: Application) -> bool:
    """Return whether the values on screen belong to a drawing and not to the blank board."""
    inspection = application.state.inspection
    return inspection is not None and bool(inspection.values["input"].max() > inspection.values["input"].min())


if __name__ == "__main__":
    main()
