"""The page Train in the whole program: from Start to a curve, into Explore, back in time, closed while it learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from cnnviz.app import Application
from cnnviz.state.settings import Settings
from cnnviz.state.training_state import TrainingState
from cnnviz.training import folder, runs
from cnnviz.training.config import default_config
from cnnviz.views.training.drawing import DrawingPanel
from cnnviz.views.training.widget import PANELS, TrainingView

SLOW_MS = 60_000


class Running:
    """An application with the page Train in sight."""

    def __init__(self, qtbot: QtBot, settings: Settings) -> None:
        self.qtbot = qtbot
        self.application = Application(settings)
        self.window, self.state = self.application.window, self.application.state
        self.application.start()
        self.window.resize(1440, 900)
        qtbot.waitExposed(self.window)
        self.window.activateWindow()
        qtbot.waitUntil(lambda: self.state.model is not None, timeout=SLOW_MS)
        view = self.window.open_page("training")
        assert isinstance(view, TrainingView)
        self.view = view

    @property
    def training(self) -> TrainingState:
        return self.state.training

    def wait(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=SLOW_MS)

    def begin(self, epochs: int = 2000) -> None:
        config = replace(default_config("lenet5", "starter"), epochs=epochs, threads=1, device="cpu")
        self.view.setup.show_config(config)
        self.view.setup.setFocus()
        QTest.keyClick(self.window.focusWidget() or self.window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        QApplication.processEvents()
        self.wait(lambda: self.training.progress.step >= 3)

    def close(self) -> None:
        self.window._leaving.agreed = True
        self.window.close()
        self.window.deleteLater()
        self.application.deleteLater()


@pytest.fixture(autouse=True)
def _runs_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "folder", lambda: tmp_path / "runs")


@pytest.fixture
def running() -> Callable[[QtBot, Settings], Running]:
    return Running


def test_start_by_key_and_explore_follows(start: Callable[[], Running]) -> None:
    app = start()
    app.begin()
    curves = app.training.curves
    assert curves is not None
    assert app.view.bar.pause.isEnabled()
    app.wait(lambda: app.state.model is not None and app.state.model.request.name.endswith("last.safetensors"))
    assert app.state.model is not None
    before = app.state.model.weights["conv1.weight"].copy()
    app.wait(lambda: app.state.model and not np.array_equal(app.state.model.weights["conv1.weight"], before))


def test_every_tab_opens_while_it_learns(start: Callable[[], Running]) -> None:
    app = start()
    app.begin()
    for index, panel in enumerate(PANELS):
        app.view.tabs.setCurrentIndex(index)
        step = app.training.progress.step
        app.wait(lambda step=step: app.training.progress.step > step + 3)  # type: ignore[misc]
        place = app.view.tabs.widget(index)
        assert place is not None
        assert type(place.layout().itemAt(0).widget()).__name__ == panel.widget.partition(":")[2]  # type: ignore[union-attr]


def test_the_answers_are_remembered_from_the_start_before_their_tab_is_opened(start: Callable[[], Running]) -> None:
    app = start()
    app.begin()
    index = [panel.title for panel in PANELS].index("Your drawing")
    assert app.view.tabs.currentIndex() != index
    panel = app.view.tabs.widget(index).findChild(DrawingPanel)  # type: ignore[union-attr]
    assert panel is not None
    image_hw = np.zeros((28, 28), np.float32)
    image_hw[4:24, 13:16] = 1
    app.state.set_input(image_hw, blank=False, title="a one")
    app.wait(lambda: len(panel._telling) >= 3)
    app.view.tabs.setCurrentIndex(index)
    app.wait(lambda: panel.chart.lines and len(panel.chart.lines[0].series) >= 3)


def test_space_pauses_and_goes_on(start: Callable[[], Running]) -> None:
    app = start()
    app.begin()
    app.view.bar.pause.click()
    app.wait(lambda: app.training.progress.stage == "paused")
    assert "waits" in app.view.bar.title.text()
    at = app.training.progress.step
    app.view.bar.step.click()
    app.wait(lambda: app.training.progress.step == at + 1)
    app.view.bar.pause.click()
    app.wait(lambda: app.training.progress.step > at + 10)


def test_dragging_back_and_to_the_present(start: Callable[[], Running]) -> None:
    app = start()
    app.begin(epochs=1)
    app.wait(lambda: app.training.progress.stage == "finished")
    app.wait(lambda: len(app.training.recorded) > 2)
    app.view.time.player.go(0)
    first = app.training.recorded[0]
    app.wait(lambda: app.training.live is not None and app.training.live.step == first)
    assert f"Step {first:,}" in app.view.time.words.text()
    app.view.time.present.click()
    app.wait(lambda: app.training.live is not None and app.training.live.step == app.training.progress.step)
    assert not app.view.time.present.isEnabled()


def test_closing_while_it_learns_asks_then_saves(start: Callable[[], Running]) -> None:
    app = start()
    app.begin()
    assert not app.window.close()
    question = app.window.findChild(QMessageBox)
    assert question is not None
    path = app.training.progress.path
    assert path is not None
    buttons = {button.text(): button for button in question.buttons()}
    buttons["&Save and close"].click()
    app.wait(lambda: not app.window.isVisible())
    saved = folder.read_state(path)
    assert saved is not None
    assert saved.step >= 3
    again = start()
    again.view.tabs.setCurrentIndex([panel.title for panel in PANELS].index("Runs"))
    again.wait(lambda: again.training.runs)
    again.training.resume_requested.emit(str(path))
    again.wait(lambda: again.training.progress.step > saved.step)


def test_a_memory_that_is_full_offers_a_smaller_batch_and_it_goes_on(
    start: Callable[[], Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnviz.training.loop import Run

    forward = Run.forward

    def full(self: Run, *arguments: Any) -> Any:
        if self.step == 200 and self.config.batch_size == 64:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return forward(self, *arguments)

    monkeypatch.setattr(Run, "forward", full)
    app = start()
    app.begin()
    app.wait(lambda: app.training.progress.stage == "failed")
    bar, before = app.view.bar, app.training.progress.path
    assert "too small for 64 pictures" in bar.title.text()
    assert bar.smaller.isVisible()
    assert not bar.on_cpu.isVisible()  # it was there
    bar.smaller.click()
    app.wait(lambda: app.training.progress.path != before and app.training.progress.step > 10)
    config = app.training.progress.config
    assert config is not None
    assert config.batch_size == 32
    assert not bar.smaller.isVisible()
    app.wait(lambda: bar.freeze.count() > 1)
    assert bar.freeze.itemData(1) == "conv1"
