"""From a pen event to painted pixels, and how evenly the window answers meanwhile. 1440×900, LeNet-5."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication

from cnnviz.app import Application
from cnnviz.bench.probe import Eye, Heartbeat, Pen, board_of, run_until
from cnnviz.bench.stats import percentile
from cnnviz.core.memory import keep_freed_memory

EVENTS = 400
WARM_UP = 60
STROKE_S = 2.0
RATE_HZ = 125
BEATS = 2000


class Stroke(QObject):
    """Moves the pen at a steady rate and notes when a new picture is complete."""

    def __init__(self, application: Application, pen: Pen, eye: Eye) -> None:
        super().__init__()
        self._application, self._pen, self._eye = application, pen, eye
        self.pictures_s: list[float] = []
        self._last = -1
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_timer_timeout)

    def start(self) -> None:
        """Begin to draw."""
        self._timer.start(round(1000 / RATE_HZ))

    def stop(self) -> None:
        """Lift the pen."""
        self._timer.stop()
        self._pen.lift()

    def look(self) -> None:
        """Note the time if all views show a newer picture."""
        if self._eye.painted > self._last:
            self._last = self._eye.painted
            self.pictures_s.append(time.perf_counter())

    @Slot()
    def _on_timer_timeout(self) -> None:
        self._pen.move()


def latencies_ms(application: Application, pen: Pen, eye: Eye) -> list[float]:
    """Return, for single pen events, the time until map, inspector and prediction are painted for it."""
    times = []
    for count in range(EVENTS + WARM_UP):
        begin = time.perf_counter()
        pen.move()
        current = application.state.input
        assert current is not None
        wanted = current.generation
        run_until(lambda wanted=wanted: eye.painted >= wanted)  # type: ignore[misc]
        if count >= WARM_UP:
            times.append((time.perf_counter() - begin) * 1000)
    pen.lift()
    return times


def longest_gap_ms(application: Application, pen: Pen, eye: Eye) -> float:
    """Return the longest time without a new picture in a stroke."""
    stroke = Stroke(application, pen, eye)
    stroke.start()
    begin = time.perf_counter()

    def over() -> bool:
        stroke.look()
        return time.perf_counter() - begin > STROKE_S

    run_until(over)
    end = time.perf_counter()
    stroke.stop()
    return longest_ms([begin, *stroke.pictures_s, end])


def longest_ms(times_s: Sequence[float]) -> float:
    """Return the longest time between neighbours, in milliseconds."""
    return max((b - a) * 1000 for a, b in itertools.pairwise(times_s))


def gui_gaps_ms(application: Application, pen: Pen, eye: Eye) -> list[float]:
    """Return the heartbeat's gaps while drawing."""
    stroke, heartbeat = Stroke(application, pen, eye), Heartbeat()
    stroke.start()
    heartbeat.start()
    run_until(lambda: len(heartbeat.gaps_ms) >= BEATS)
    heartbeat.stop()
    stroke.stop()
    return heartbeat.gaps_ms


def main() -> None:
    """Print the measurements as JSON."""
    keep_freed_memory()
    app = QApplication([])
    application = Application()
    application.start()
    window = application.window
    window.resize(1440, 900)
    run_until(lambda: application.state.inspection is not None)
    views = {name: window.view(name) for name in ("network", "prediction")}
    views["inspector"] = window.inspector.view(0)
    eye = Eye(application)
    eye.watch(views)
    pen = Pen(board_of(window))
    latency = latencies_ms(application, pen, eye)
    gap = longest_gap_ms(application, pen, eye)
    gaps = gui_gaps_ms(application, pen, eye)
    window.close()
    print(
        json.dumps(
            {
                "latency_p50_ms": percentile(latency, 0.5),
                "latency_p99_ms": percentile(latency, 0.99),
                "longest_gap_ms": gap,
                "gui_gap_p99_ms": percentile(gaps, 0.99),
                "platform": app.platformName(),
            }
        )
    )


if __name__ == "__main__":
    main()
