"""Training in the window: its speed beside a plain loop on the same pictures and threads, and what the window feels.

LeNet-5, batch 64, one thread, the starter digits as they are; the page *Train* with curves and "Your drawing" (a view
of the filters) in sight. The plain loop runs in turn with the window's, in the same process, while that is paused.
"""

from __future__ import annotations

import gc
import json
import threading
import time

import torch
from PySide6.QtWidgets import QApplication
from torch import nn
from torch.nn import functional

from cnnviz.app import Application
from cnnviz.bench.probe import Heartbeat, run_until
from cnnviz.bench.stats import median, percentile
from cnnviz.bench.stepping import settle
from cnnviz.core.memory import keep_freed_memory
from cnnviz.models import registry
from cnnviz.models.building import build
from cnnviz.models.preparation import to_input
from cnnviz.state.training_state import RunCurves, TrainingState
from cnnviz.training import parts, session
from cnnviz.training.config import TrainConfig
from cnnviz.views.training.widget import PANELS, TrainingView
from cnnviz.workers.gentle_import import gentle_import

ROUNDS, TURN_S = 11, 1.5  # a shared machine drifts within seconds: many short turns
BEATS = 2000
CONFIG = TrainConfig(
    "lenet5", "starter", batch_size=64, epochs=10_000, learning_rate=1e-3, schedule="constant", warm_up=0.0,
    validation=100, threads=1, device="cpu",
)  # fmt: skip


class PlainLoop:
    """What one would write by hand: index, normalise, forward, loss, backward, step."""

    def __init__(self) -> None:
        spec = registry.get(CONFIG.model)
        self._part, _ = parts.split(session.load_data(CONFIG), CONFIG, spec.input.channels, torch.device("cpu"))
        self._spec = spec.input
        self._network: nn.Module = build(spec)
        self._optimiser = torch.optim.AdamW(self._network.parameters(), CONFIG.learning_rate)

    def images_per_s(self, seconds: float) -> float:
        """Train for a while in a thread of its own, and return its speed."""
        found: list[float] = []

        def run() -> None:
            torch.set_num_threads(1)
            begin_s, count = time.perf_counter(), 0
            while time.perf_counter() - begin_s < seconds:
                for chosen in torch.randperm(len(self._part)).split(CONFIG.batch_size):  # type: ignore[no-untyped-call]
                    x_nchw = to_input(self._part.images_nchw[chosen].float() / 255, self._spec)
                    loss = functional.cross_entropy(self._network(x_nchw), self._part.labels_n[chosen])
                    self._optimiser.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    self._optimiser.step()
                    loss.item()
                    count += len(chosen)
            found.append(count / (time.perf_counter() - begin_s))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return found[0]


def first_point_s(training: TrainingState) -> float:
    """Start a run, and return the time until its first point is in the curves."""
    begin_s = time.perf_counter()
    training.start_requested.emit(CONFIG, "")
    run_until(lambda: training.curves is not None and len(training.curves.batches) > 0)
    return time.perf_counter() - begin_s


def images_per_s(training: TrainingState, seconds: float) -> float:
    """Let the run go on for a while, and return its speed from report to report; it waits again afterwards."""
    reports: list[tuple[float, int]] = []

    def note(curves: RunCurves) -> None:
        reports.append((time.perf_counter(), len(curves.batches)))

    training.curves_changed.connect(note)
    training.pause_requested.emit(False)
    run_until(lambda: len(reports) > 1 and reports[-1][0] - reports[0][0] > seconds)
    training.curves_changed.disconnect(note)
    training.pause_requested.emit(True)
    run_until(lambda: training.progress.stage == "paused")
    epoch = training.progress.started
    assert epoch is not None
    (begin_s, first), (end_s, last) = reports[0], reports[-1]
    return (last - first) * epoch.n_train / epoch.batches / (end_s - begin_s)


def gaps_ms() -> list[float]:
    """Return the heartbeat's gaps while the run learns."""
    heartbeat = Heartbeat()
    heartbeat.start()
    run_until(lambda: len(heartbeat.gaps_ms) >= BEATS)
    heartbeat.stop()
    return heartbeat.gaps_ms


def main() -> None:
    """Print the measurements as JSON."""
    keep_freed_memory()
    _app = QApplication([])
    application = Application()
    application.start()
    application.window.resize(1440, 900)
    run_until(lambda: application.state.inspection is not None)
    view = application.window.open_page("training")
    assert isinstance(view, TrainingView)
    view.tabs.setCurrentIndex([panel.title for panel in PANELS].index("Your drawing"))
    settle()
    training = application.state.training
    with gentle_import():  # as in the window, the collector need not look at torch
        plain = PlainLoop()
        gc.collect()
    found: dict[str, float] = {"first_point_s": first_point_s(training)}
    own = registry.name_of_file(str(training.progress.path))
    run_until(lambda: application.state.model is not None and application.state.model.request.name.startswith(own))
    gaps = gaps_ms()
    found["gap_p99_ms"], found["gap_worst_ms"] = (percentile(gaps, 0.99), max(gaps))
    training.pause_requested.emit(True)
    run_until(lambda: training.progress.stage == "paused")
    ratios = []
    for _ in range(ROUNDS):
        alone = plain.images_per_s(TURN_S)
        ratios.append(alone / images_per_s(training, TURN_S))  # times, as in the other rows: less is better
    found["ratio"] = median(ratios)
    print(json.dumps(found), flush=True)
    training.stop_requested.emit()
    run_until(lambda: not training.progress.is_active)  # else closing asks
    application.stop()
    application.window.close()


if __name__ == "__main__":
    main()
