"""The step-through: one step and full-speed play on a 512-channel layer, opening any layer of VGG16, and LeNet-5 drawn.

1440×900.
"""

from __future__ import annotations

import json
import time

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QApplication

from cnnviz.app import Application
from cnnviz.bench import drawing
from cnnviz.bench.probe import Eye, Heartbeat, Pen, board_of, run_until
from cnnviz.bench.stats import median, percentile
from cnnviz.core.inspection import ModelRequest
from cnnviz.core.memory import keep_freed_memory
from cnnviz.state.app_state import Place
from cnnviz.widgets.panels.convolution import ConvolutionPanel

ROUNDS = 3
STEPS = 400
WARM_UP = 40
BEATS = 2000
DEEP = "features.24"  # 512 → 512 channels, 3×3, on 14×14
TIMEOUT_S = 120


class Frames(QObject):
    """Counts how often a picture is painted."""

    def __init__(self, watched: QObject) -> None:
        super().__init__()
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Count paint events."""
        self.count += event.type() == QEvent.Type.Paint
        return False


def show_photograph(application: Application) -> None:
    """Give VGG16 a picture of many colours."""
    generator = np.random.default_rng(0)
    small = generator.integers(0, 256, (16, 16, 3), np.uint8)
    photo = np.kron(small, np.ones((16, 16, 1), np.uint8))
    digit = np.zeros((28, 28), np.float32)
    current = application.state.set_input(digit, blank=False, title="Bench", photo=photo)
    run_until(lambda: shows(application, current.generation), TIMEOUT_S)


def shows(application: Application, generation: int) -> bool:
    """Return whether the values are those of an input."""
    inspection = application.state.inspection
    return inspection is not None and inspection.generation >= generation


def use(application: Application, name: str) -> None:
    """Load a network and wait for its values."""
    application.state.request_model(ModelRequest(name))
    run_until(lambda: application.state.model is not None and application.state.model.request.name == name, TIMEOUT_S)
    run_until(lambda: application.state.inspection is not None, TIMEOUT_S)


def opening_ms(application: Application) -> dict[str, float]:
    """Return for each layer the median time from choosing the tab until it is painted."""
    inspector, state = application.window.inspector, application.state
    assert state.model is not None
    times: dict[str, list[float]] = {node.name: [] for node in state.model.graph.layers}
    frames = Frames(inspector.open("step_through"))
    for _ in range(ROUNDS):
        for name, found in times.items():  # another layer each time: what was shown last is kept
            inspector.open("numbers")
            state.select(Place(name))
            settle()
            before, begin = frames.count, time.perf_counter()
            inspector.open("step_through")
            run_until(lambda before=before: frames.count > before)  # type: ignore[misc]
            QCoreApplication.processEvents()
            found.append((time.perf_counter() - begin) * 1000)
    return {name: median(found) for name, found in times.items()}


def settle() -> None:
    """Let everything that waits be done."""
    end_s = time.monotonic() + 0.1
    run_until(lambda: time.monotonic() > end_s)


def deep_panel(application: Application) -> ConvolutionPanel:
    """Open the step-through of a 512-channel convolution."""
    application.state.select(Place(DEEP, 7, (0, 0)))
    view = application.window.inspector.open("step_through")
    settle()
    panel = getattr(view, "panel", None)
    assert isinstance(panel, ConvolutionPanel)
    return panel


def steps_ms(panel: ConvolutionPanel) -> list[float]:
    """Return the time of single steps until the products are painted."""
    frames = Frames(panel.tape)
    times = []
    for count in range(STEPS + WARM_UP):
        before = frames.count
        begin = time.perf_counter()
        panel.player.go((panel.player.index + 1) % panel.player.count)
        run_until(lambda before=before: frames.count > before)  # type: ignore[misc]
        if count >= WARM_UP:
            times.append((time.perf_counter() - begin) * 1000)
    return times


def playing(panel: ConvolutionPanel) -> tuple[float, list[float]]:
    """Return the mean time of a painted frame at full speed, and the heartbeat's gaps meanwhile."""
    panel.player.speed.setValue(panel.player.speed.maximum())
    panel.player.go(0)
    frames, heartbeat = Frames(panel.tape), Heartbeat()
    panel.player.playing_changed.connect(lambda on: None if on else panel.player.play())  # over and over
    panel.player.play()
    settle()
    before, begin = frames.count, time.perf_counter()
    heartbeat.start()
    run_until(lambda: len(heartbeat.gaps_ms) >= BEATS)
    seconds = time.perf_counter() - begin
    heartbeat.stop()
    painted = frames.count - before
    panel.player.playing_changed.disconnect()
    panel.player.pause()
    return seconds * 1000 / max(1, painted), heartbeat.gaps_ms


def drawn(application: Application) -> tuple[list[float], float, list[float]]:
    """Return what the foundation measures while drawing, with LeNet's step-through open."""
    window = application.window
    use(application, "lenet5")
    application.state.select(Place("conv1", 2, (14, 14)))  # the layer that a start opens with; the pen goes through it
    views = {name: window.view(name) for name in ("network", "prediction")}
    views["inspector"] = window.inspector.open("step_through")
    settle()
    eye = Eye(application)
    eye.watch(views)
    pen = Pen(board_of(window))
    latency = drawing.latencies_ms(application, pen, eye)
    return latency, drawing.longest_gap_ms(application, pen, eye), drawing.gui_gaps_ms(application, pen, eye)


def main() -> None:
    """Print the measurements as JSON."""
    keep_freed_memory()
    _app = QApplication([])
    application = Application()
    application.start()
    application.window.resize(1440, 900)
    run_until(lambda: application.state.inspection is not None)
    use(application, "vgg16")
    show_photograph(application)
    opened = opening_ms(application)
    panel = deep_panel(application)
    steps = steps_ms(panel)
    frame_ms, gaps = playing(panel)
    latency, longest, draw_gaps = drawn(application)
    application.window.close()
    slowest = max(opened, key=lambda name: opened[name])
    print(
        json.dumps(
            {
                "opening_worst_ms": opened[slowest],
                "opening_worst_layer": slowest,
                "step_p99_ms": percentile(steps, 0.99),
                "frame_ms": frame_ms,
                "play_gap_p99_ms": percentile(gaps, 0.99),
                "latency_p50_ms": percentile(latency, 0.5),
                "latency_p99_ms": percentile(latency, 0.99),
                "longest_gap_ms": longest,
                "draw_gap_p99_ms": percentile(draw_gaps, 0.99),
            }
        )
    )


if __name__ == "__main__":
    main()
