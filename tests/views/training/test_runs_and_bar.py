"""The bar above the curves, and the list of runs, beside the run in sight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Progress, Stage, Trouble
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import Started
from cnnviz.views.training import run_bar
from cnnviz.views.training.run_bar import RunBar
from cnnviz.views.training.runs import RunsPanel
from cnnviz.views.training.widget import TrainingView
from cnnviz.widgets import theme
from tests.views.conftest import ShowView


@pytest.fixture
def bar(qtbot: QtBot, state: AppState) -> RunBar:
    made = RunBar(state)
    qtbot.addWidget(made)
    return made


def failed(trouble: Trouble, device: str = "CPU, 2 cores", batch_size: int = 64) -> Progress:
    config = TrainConfig("lenet5", batch_size=batch_size, precision="float16")
    started = Started(config, 3, 100, 5000, 500, 44_426, device, 2)
    return Progress("failed", Path("/runs/mine"), config, started, 1, 40, sentence="It is so.", trouble=trouble)


def offered(bar: RunBar) -> set[str]:
    ways = (bar.resume, bar.slower, bar.smaller, bar.on_cpu)
    return {way.text().replace("&", "") for way in ways if way.isVisibleTo(bar)}


def test_the_bar_tells_rate_and_freezing_of_the_run_in_sight(qtbot: QtBot) -> None:
    state = AppState()
    bar = RunBar(state)
    qtbot.addWidget(bar)
    asked: list[float] = []
    state.training.rate_requested.connect(asked.append)
    bar.show_progress(Progress("running", scale=0.1))
    bar.show_frozen("conv2")
    assert bar.rate.value() == 0.1
    assert bar.freeze.currentData() == "conv2"
    bar.show_progress(Progress("running"))
    bar.show_frozen("")
    assert bar.rate.value() == 1.0
    assert bar.freeze.currentText() == "Nothing is frozen"
    assert not asked


def test_a_network_that_is_listed_late_shows_what_is_frozen(bar: RunBar, state: AppState) -> None:
    state.training.set_frozen("conv2")
    bar.show_freezable(("conv1", "conv2", "fc1"))
    shown = [bar.freeze.itemText(row) for row in range(bar.freeze.count())]
    assert shown == ["Nothing is frozen", *(f"Frozen up to {path}" for path in ("conv1", "conv2", "fc1"))]
    assert bar.freeze.currentData() == "conv2"
    bar.show_freezable(())
    assert bar.freeze.currentText() == "Frozen up to conv2"


@pytest.mark.parametrize(
    ("progress", "ways"),
    [
        (failed(""), {"Resume"}),
        (failed("diverged"), {"Resume", "Go back, rate ÷ 10"}),
        (failed("memory"), {"Resume", "Half the batch"}),
        (failed("memory", "Some GPU, 8 GiB"), {"Resume", "Half the batch", "On the CPU"}),
        (failed("memory", "Some GPU, 8 GiB", 1), {"Resume", "On the CPU"}),
        (replace(failed(""), stage="running"), set()),
    ],
)
def test_a_run_that_failed_offers_what_helps(bar: RunBar, progress: Progress, ways: set[str]) -> None:
    bar.show_progress(progress)
    assert offered(bar) == ways


def test_half_the_batch_and_the_cpu_are_asked_for(bar: RunBar, state: AppState) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    state.training.change_requested.connect(lambda path, changes: asked.append((path, changes)))
    state.training.set_progress(failed("memory", "Some GPU, 8 GiB"))
    bar.show_progress(state.training.progress)
    bar.smaller.click()
    bar.on_cpu.click()
    assert asked == [
        (str(Path("/runs/mine")), {"batch_size": 32}),
        (str(Path("/runs/mine")), {"device": "cpu", "precision": "float32"}),  # float16 is for GPUs
    ]


@pytest.mark.parametrize("stage", ["running", "paused", "stopping", "finished", "failed", "idle", "following"])
def test_a_run_in_sight_can_be_kept_at_any_moment(
    bar: RunBar, state: AppState, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    state.training.keep_requested.connect(lambda path: asked.append(("in sight", path)))
    state.training.keep_best_requested.connect(lambda path: asked.append(("best", path)))
    suggested: list[str] = []
    answers = [("/some/one", run_bar._AS_IN_SIGHT), ("/some/two.safetensors", run_bar._BEST), ("", "")]

    def answer(parent: QWidget, title: str, path: str, kinds: str) -> tuple[str, str]:
        suggested.append(Path(path).name)
        return answers.pop(0)

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    state.training.set_progress(replace(failed(""), stage=stage))
    bar.show_progress(state.training.progress)
    bar.keep.click()
    state.training.set_cursor(8)
    bar.keep.click()
    bar.keep.click()
    assert asked == [("in sight", "/some/one.safetensors"), ("best", "/some/two.safetensors")]
    assert suggested == ["mine-40.safetensors", "mine-8.safetensors", "mine-8.safetensors"]


def test_nothing_can_be_kept_before_there_is_a_network(bar: RunBar) -> None:
    for progress in (Progress(), replace(failed(""), stage="preparing")):
        bar.show_progress(progress)
        assert not bar.keep.isEnabled()


def test_the_name_of_a_gpu_takes_nothing_from_the_bar(bar: RunBar, qapp: QApplication, qtbot: QtBot) -> None:
    progress = failed("memory", "NVIDIA GeForce RTX 4090 Laptop GPU, 16 GiB")
    bar.show_progress(progress)
    bar.show()
    try:
        for scale in (1.0, 1.5):
            theme.apply(qapp, "light", scale)
            bar.resize(480, 300)
            words = bar.bar.fontMetrics().horizontalAdvance(bar.bar.format())
            qtbot.waitUntil(lambda words=words: bar.bar.width() > words)  # type: ignore[misc]
            assert bar.width() == 480
    finally:
        theme.apply(qapp, "light")


def test_space_presses_what_has_the_focus_and_else_pauses(show_view: ShowView, state: AppState, qtbot: QtBot) -> None:
    view = show_view(TrainingView, 1300, 850)
    assert isinstance(view, TrainingView)
    state.training.set_progress(replace(failed(""), stage="running"))
    pauses, steps = list[bool](), list[bool]()
    state.training.pause_requested.connect(pauses.append)
    state.training.step_requested.connect(lambda: steps.append(True))
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)

    def space(widget: QWidget) -> None:
        widget.setFocus()
        assert widget.hasFocus()
        QTest.keyClick(widget, Qt.Key.Key_Space)

    space(view.bar.step)
    space(view.bar.shown)
    space(view.bar.rate)
    assert (steps, state.training.shown, pauses) == ([True], False, [])
    space(view.bar.pause)
    assert pauses == [True]
    space(view.curves.loss)
    assert pauses == [True, True]
    QTest.keyClick(view.curves.loss, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert pauses == [True, True]
    state.training.set_progress(failed(""))
    space(view.curves.loss)
    assert pauses == [True, True]


def test_after_start_space_pauses_whatever_was_pressed(show_view: ShowView, state: AppState, qtbot: QtBot) -> None:
    view = show_view(TrainingView, 1300, 850)
    assert isinstance(view, TrainingView)
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    state.training.start_requested.connect(
        lambda config, name: state.training.set_progress(replace(failed(""), stage="running"))
    )
    view.setup.foot.start.setFocus()
    view.setup.foot.start.click()
    with qtbot.waitSignal(state.training.pause_requested) as asked:
        QTest.keyClick(view.window().focusWidget(), Qt.Key.Key_Space)
    assert asked.args == [True]


def test_a_run_in_sight_is_followed_when_it_is_renamed(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = AppState()
    panel = RunsPanel(state)
    qtbot.addWidget(panel)
    monkeypatch.setattr(runs, "rename", lambda path, name: path.with_name(name))
    run = runs.RunSummary(tmp_path / "old", "old", TrainConfig("lenet5", "starter"), 1, 1, 1, 0.5, 0.5, 0.0)
    panel.show_runs((run,))
    state.training.set_progress(Progress("finished", run.path))
    followed: list[str] = []
    state.training.follow_requested.connect(followed.append)
    item = panel.table.item(0, 0)
    assert item is not None
    item.setText("new")
    state.training.set_progress(Progress("finished", tmp_path / "new"))
    panel.undo.undo()
    assert followed == [str(tmp_path / "new"), str(run.path)]
