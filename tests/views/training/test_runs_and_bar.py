"""The bar above the curves, and the list of runs, beside the run in sight."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Progress
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig
from cnnviz.views.training.run_bar import RunBar
from cnnviz.views.training.runs import RunsPanel


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
