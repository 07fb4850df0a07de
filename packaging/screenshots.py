#!/usr/bin/env python3
"""Save a picture of every view in light and dark: ``screenshots.py DIR``. Drives the real window with real input.

Uses the display if there is one, else Qt's offscreen platform. The user's own settings and drawing are not touched.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnviz.app import Application

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

STROKES = (((0.25, 0.2), (0.75, 0.2), (0.45, 0.85)),)


def main(folder: Path) -> int:
    """Write the pictures and print their names."""
    with tempfile.TemporaryDirectory(prefix="cnnviz-pictures-") as home:
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "APPDATA"):
            os.environ[name] = home
        from cnnviz.bench.screen import offscreen_platform

        if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
            os.environ["QT_QPA_PLATFORM"] = offscreen_platform(Path(home))
        folder.mkdir(parents=True, exist_ok=True)
        _take_all(folder)
    return 0


def _train(application: Application, both: Callable[[str], None]) -> None:
    """Train LeNet for a moment, and save the page with each of its tabs; then bring the old network back."""
    from dataclasses import replace

    from cnnviz.bench.probe import run_until
    from cnnviz.training.config import default_config
    from cnnviz.views.training.widget import PANELS, TrainingView

    state, training = application.state, application.state.training
    before = state.model_request
    view = application.window.open_page("training")
    assert isinstance(view, TrainingView)
    config = replace(default_config("lenet5", "starter"), epochs=3, threads=1, device="cpu")
    training.start_requested.emit(config, "first lesson")
    run_until(lambda: training.progress.step > 120, 120)
    for index, panel in enumerate(PANELS):
        view.tabs.setCurrentIndex(index)
        seen = training.progress.step
        run_until(lambda seen=seen: training.progress.step > seen + 8 or training.progress.stage == "finished", 120)  # type: ignore[misc]
        both(f"train_{panel.title.lower().replace(' ', '_')}")
    run_until(lambda: training.progress.stage == "finished", 120)
    if before is not None:
        state.request_model(before)
        run_until(lambda: state.model is not None and state.model.request == before, 120)
        run_until(lambda: state.inspection is not None, 120)


def _take_all(folder: Path) -> None:
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from cnnviz.app import Application
    from cnnviz.bench.probe import board_of, run_until
    from cnnviz.core.inspection import ModelRequest
    from cnnviz.main_window.pages import Pages
    from cnnviz.state.app_state import Place
    from cnnviz.widgets import theme

    app = QApplication([])
    application = Application()
    state, window = application.state, application.window
    application.start()
    window.resize(1440, 900)
    run_until(lambda: state.inspection is not None)

    def save(name: str, appearance: str) -> None:
        theme.apply(app, appearance)
        for _ in range(5):
            app.processEvents()
        path = folder / f"{name}_{appearance}.png"
        window.grab().save(str(path))
        print(path)

    def wait() -> None:
        """Let formulas be set."""
        end_s = time.monotonic() + 0.6
        run_until(lambda: time.monotonic() > end_s)

    def both(name: str) -> None:
        for appearance in ("light", "dark"):
            save(name, appearance)

    both("empty")
    board = board_of(window)
    side = min(board.width(), board.height())
    left, top = (board.width() - side) // 2, (board.height() - side) // 2
    for stroke in STROKES:
        points = [QPoint(left + round(x * side), top + round(y * side)) for x, y in stroke]
        QTest.mousePress(board, Qt.MouseButton.LeftButton, pos=points[0])
        for index in range(1, len(points)):
            for step in range(1, 17):
                QTest.mouseMove(board, points[index - 1] + (points[index] - points[index - 1]) * step / 16)
        QTest.mouseRelease(board, Qt.MouseButton.LeftButton, pos=points[-1])
    run_until(lambda: not state.is_stale)
    state.select(Place("conv2", 5, (3, 3)))
    state.set_pointed(Place("conv2", 5, (3, 3)))
    both("explore")
    tabs = window.inspector.tabs
    for index in range(tabs.count()):
        tabs.setCurrentIndex(index)
        both(tabs.tabText(index).replace("&", "").lower())
    step_through = window.inspector.open("step_through")
    for node in state.model.graph.layers if state.model is not None else ():
        state.select(Place(node.name, 1, (2, 3) if node.is_map else None))
        wait()
        save(f"step_{node.name}", "light")
    state.select(Place("conv2", 5, (3, 3)))
    step_through.panel.show_settings(True)  # type: ignore[attr-defined]
    pages = window.findChild(Pages)
    assert isinstance(pages, Pages)
    pages.set_large(True)
    wait()
    both("step_large")
    pages.set_large(False)
    step_through.panel.show_settings(False)  # type: ignore[attr-defined]
    pages.go("lab")
    wait()
    both("lab")
    _train(application, both)
    pages.go("explore")
    tabs.setCurrentIndex(1)
    for layer in ("conv1", "fc1", "pool1"):
        state.select(Place(layer))
        save(f"filters_{layer}", "light")
    tabs.setCurrentIndex(0)
    state.set_pointed(None)
    state.request_model(ModelRequest("lenet5_original"))
    run_until(lambda: state.model is not None and state.model.request.name == "lenet5_original")
    run_until(lambda: state.inspection is not None and not state.is_stale)
    state.set_pointed(Place("c3", 3, (4, 4)))
    both("lenet5_original")
    inputs = window.view("input").findChildren(type(tabs))
    inputs[0].setCurrentIndex(1)
    both("samples")
    inputs[0].setCurrentIndex(0)
    window.resize(1024, 700)
    both("small")
    theme.apply(app, "light", 1.5)
    window.resize(1600, 1000)
    save_name = folder / "large_text_light.png"
    for _ in range(5):
        app.processEvents()
    window.grab().save(str(save_name))
    print(save_name)
    window.resize(1440, 900)
    theme.apply(app, "light")

    def use(name: str) -> None:
        state.request_model(ModelRequest(name))
        run_until(lambda: state.model is not None and state.model.request.name == name, 120)
        run_until(lambda: state.inspection is not None and not state.is_stale, 120)
        wait()

    photograph = Path(__file__).resolve().parent.parent / "resources" / "photos" / "chelsea.jpg"
    use("squeezenet1_1")
    state.open_requested.emit(str(photograph))
    run_until(lambda: state.input is not None and state.input.photo is not None)
    run_until(lambda: state.inspection is not None and not state.is_stale, 120)
    tabs.setCurrentIndex(0)
    wait()
    both("photo")
    state.select(Place("features.3.cat", 3))
    window.inspector.open("xray")
    wait()
    both("branches")
    window.inspector.open("overlay")
    wait()
    both("on_the_input")
    use("resnet20")
    state.select(Place("layer2.1.add", 3, (4, 4)))
    window.inspector.open("xray")
    wait()
    both("xray")
    use("unet")
    both("unet")
    use("resnet152")
    window.inspector.open("filters")
    state.select(Place("conv1"))
    wait()
    both("resnet152")
    pages.go("networks")
    wait()
    both("compare")
    window.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: screenshots.py DIR", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(Path(sys.argv[1])))
