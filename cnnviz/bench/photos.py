"""Large networks: choosing layers, scrolling 2,048 maps, panning all of ResNet-152, new pictures. 1440×900."""

from __future__ import annotations

import json
import time

import numpy as np
from PySide6.QtCore import QCoreApplication, QPointF
from PySide6.QtWidgets import QApplication, QScrollArea

from cnnviz.app import Application
from cnnviz.bench.probe import Heartbeat, run_until
from cnnviz.bench.stats import percentile
from cnnviz.bench.stepping import Frames, settle, shows, use
from cnnviz.core.memory import keep_freed_memory
from cnnviz.state.app_state import Place
from cnnviz.views.network.canvas import NetworkCanvas
from cnnviz.widgets.map_grid import MapGrid

SCROLLS = 300
BEATS = 2000
MAPS_2048 = "layer4.2.relu"
TIMEOUT_S = 120


def photograph(seed: int) -> np.ndarray:
    """Return a picture of many colours, uint8 (256, 256, 3)."""
    small = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    return np.kron(small, np.ones((16, 16, 1), np.uint8))


def show_photograph(application: Application, seed: int) -> int:
    """Ask for a picture and return its generation."""
    digit = np.zeros((28, 28), np.float32)
    return application.state.set_input(digit, blank=False, title="Bench", photo=photograph(seed)).generation


def grid_of(application: Application) -> MapGrid:
    """Open the maps and return their grid."""
    grid = application.window.inspector.open("feature_maps").findChild(MapGrid)
    assert isinstance(grid, MapGrid)
    return grid


def choosing_ms(application: Application) -> dict[str, float]:
    """Return for each layer of the network the time from choosing it until its maps are painted."""
    state, grid = application.state, grid_of(application)
    assert state.model is not None
    frames, times = Frames(grid), {}
    for node in state.model.graph.layers:
        if state.selection is not None and state.selection.layer == node.name:
            continue  # it is there already
        settle_shortly()
        before, begin = frames.count, time.perf_counter()
        state.select(Place(node.name))
        run_until(lambda before=before: frames.count > before)  # type: ignore[misc]
        times[node.name] = (time.perf_counter() - begin) * 1000
    return times


def settle_shortly() -> None:
    """Let what waits be done, without the time that `settle` gives it."""
    for _ in range(3):
        QCoreApplication.processEvents()


def scrolling_ms(application: Application) -> list[float]:
    """Return the times of painted frames while 2,048 maps are scrolled."""
    application.state.select(Place(MAPS_2048))
    grid = grid_of(application)
    settle()
    area = grid.parentWidget()
    while area is not None and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    assert isinstance(area, QScrollArea)
    bar, frames, times = area.verticalScrollBar(), Frames(grid), []
    step = max(1, bar.maximum() // SCROLLS)
    for value in range(step, step * SCROLLS, step):
        before, begin = frames.count, time.perf_counter()
        bar.setValue(min(bar.maximum(), value))
        if bar.value() != value:
            break
        run_until(lambda before=before: frames.count > before)  # type: ignore[misc]
        QCoreApplication.processEvents()
        times.append((time.perf_counter() - begin) * 1000)
    return times


def panning_ms(application: Application) -> list[float]:
    """Return the times of painted frames while the whole map, every group unfolded, is panned."""
    canvas = application.window.view("network").findChild(NetworkCanvas)
    assert isinstance(canvas, NetworkCanvas)
    canvas.unfold_all()
    settle()
    frames, times = Frames(canvas), []
    for count in range(SCROLLS):
        before, begin = frames.count, time.perf_counter()
        canvas.pan(QPointF(40 if count < SCROLLS // 2 else -40, 0))
        run_until(lambda before=before: frames.count > before)  # type: ignore[misc]
        QCoreApplication.processEvents()
        times.append((time.perf_counter() - begin) * 1000)
    canvas.fold_all()
    return times


def computing_gaps_ms(application: Application) -> list[float]:
    """Return the heartbeat's gaps while one new picture after the other is computed."""
    heartbeat, seed = Heartbeat(), 1
    wanted = show_photograph(application, seed)
    heartbeat.start()

    def over() -> bool:
        nonlocal wanted, seed
        if shows(application, wanted):
            seed += 1
            wanted = show_photograph(application, seed)
        return len(heartbeat.gaps_ms) >= BEATS

    run_until(over, TIMEOUT_S)
    heartbeat.stop()
    run_until(lambda: shows(application, wanted), TIMEOUT_S)
    return heartbeat.gaps_ms


def main() -> None:
    """Print the measurements as JSON."""
    keep_freed_memory()
    _app = QApplication([])
    application = Application()
    application.start()
    application.window.resize(1440, 900)
    run_until(lambda: application.state.inspection is not None)
    found: dict[str, float | str] = {}
    slowest = 0.0
    for name in ("vgg16", "resnet152"):
        use(application, name)
        wanted = show_photograph(application, 0)
        run_until(lambda wanted=wanted: shows(application, wanted), TIMEOUT_S)  # type: ignore[misc]
        settle()
        times = choosing_ms(application)
        worst = max(times, key=lambda layer: times[layer])
        if times[worst] > slowest:
            slowest, found["choosing_worst_layer"] = times[worst], f"{name} {worst}"
        if name == "vgg16":
            gaps = computing_gaps_ms(application)
    found["choosing_worst_ms"] = slowest
    found["computing_gap_p99_ms"] = percentile(gaps, 0.99)
    found["computing_gap_worst_ms"] = max(gaps)
    found["scrolling_p99_ms"] = percentile(scrolling_ms(application), 0.99)
    found["panning_p99_ms"] = percentile(panning_ms(application), 0.99)
    application.window.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
