"""The curves of a million steps, smoothed ones over them: hovering and zooming in loss and accuracy. 1440×700."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QInputEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from cnnviz.bench.probe import run_until
from cnnviz.bench.stats import median, percentile
from cnnviz.bench.stepping import Frames
from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import RunCurves
from cnnviz.views.training.curves import CurvesPanel
from cnnviz.widgets import theme

STEPS = 1_000_000
FRAMES, WARM_UP, NOTCHES = 300, 20, 40
NONE = Qt.MouseButton.NoButton


def sample_run(seed: int, steps: int = STEPS, per_epoch: int = 1000) -> RunCurves:
    """Return made-up curves of a run."""
    generator = np.random.default_rng(seed)
    step = np.arange(1.0, steps + 1)
    course = 0.05 + 2.3 * np.exp(-step / (steps / 10))
    loss = course * (1 + 0.3 * np.abs(generator.standard_normal(steps)))
    run = RunCurves(Path(f"run-{seed}"), f"Run {seed}")
    accuracy = np.clip(1 - loss / 2.5, 0, 1)
    rate = np.full(steps, 0.1)
    epoch = (step - 1) // per_epoch + 1
    run.batches.append({"step": step, "epoch": epoch, "loss": loss, "accuracy": accuracy, "learning_rate": rate})
    last = np.arange(per_epoch, steps + 1, per_epoch) - 1
    run.epochs.append(
        {
            "epoch": epoch[last], "step": step[last], "train_loss": course[last], "val_loss": course[last] * 1.1,
            "train_accuracy": 1 - course[last] / 2.5, "val_accuracy": 1 - course[last] / 2.4,
            "learning_rate": rate[last], "seconds": rate[last], "images_per_second": rate[last],
        }
    )  # fmt: skip
    return run


def frame_ms(panel: CurvesPanel, event: QInputEvent) -> float:
    """Return the time from an event on the loss until both charts are painted."""
    frames = [Frames(chart) for chart in (panel.loss, panel.accuracy)]
    begin = time.perf_counter()
    QCoreApplication.sendEvent(panel.loss, event)
    run_until(lambda: all(count.count for count in frames))
    QCoreApplication.processEvents()
    return (time.perf_counter() - begin) * 1000


def hovering_ms(panel: CurvesPanel, frames: int) -> list[float]:
    """Return the times of frames while the pointer moves over the loss."""
    times, width = [], panel.loss.width()
    for count in range(frames + WARM_UP):
        place = QPointF(80 + (count * 7) % (width - 120), 150)
        event = QMouseEvent(QEvent.Type.MouseMove, place, place, NONE, NONE, Qt.KeyboardModifier.NoModifier)
        times.append(frame_ms(panel, event))
    return times[WARM_UP:]


def zooming_ms(panel: CurvesPanel, frames: int) -> list[float]:
    """Return the times of frames while the wheel zooms in to few steps and out again, at one place after the other."""
    times, width = [], panel.loss.width()
    for count in range(frames + WARM_UP):
        turn, way = divmod(count, NOTCHES)
        notch = 120 if way < NOTCHES // 2 else -120
        place = QPointF(100 + (turn * 131) % (width - 160), 150)
        event = QWheelEvent(
            place, place, QPoint(), QPoint(0, notch), NONE, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        times.append(frame_ms(panel, event))
    return times[WARM_UP:]


def main(steps: int = STEPS, frames: int = FRAMES) -> None:
    """Print the measurements as JSON."""
    app = QApplication([])
    assert isinstance(app, QApplication)
    theme.apply(app, "light")
    state = AppState()
    state.training.set_curves(sample_run(1, steps))
    panel = CurvesPanel(state)
    panel.resize(1440, 700)
    painted = Frames(panel.accuracy)
    panel.show()
    run_until(lambda: painted.count > 0)
    hovering, zooming = hovering_ms(panel, frames), zooming_ms(panel, frames)
    found = {
        "hover_zoom_p99_ms": percentile(hovering + zooming, 0.99), "hover_p50_ms": median(hovering),
        "hover_p99_ms": percentile(hovering, 0.99), "zoom_p50_ms": median(zooming),
        "zoom_p99_ms": percentile(zooming, 0.99),
    }  # fmt: skip
    panel.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
