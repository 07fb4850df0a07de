"""The curves follow a run while they are seen, lay other runs over it, lead to recorded steps and can be saved."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.core.errors import UserError
from cnnviz.state.app_state import AppState
from cnnviz.state.settings import Settings
from cnnviz.state.training_state import Progress, RunCurves
from cnnviz.views.training.curves import EMPTY_LOSS, CurvesPanel
from cnnviz.widgets.line_chart import LineChart
from tests.views.training.conftest import ShowPanel


def add_steps(run: RunCurves, count: int, per_epoch: int = 100) -> None:
    first = len(run.batches)
    step = np.arange(first + 1.0, first + count + 1)
    run.batches.append(
        {
            "step": step, "epoch": (step - 1) // per_epoch + 1, "loss": 2 / step, "accuracy": 1 - 1 / step,
            "learning_rate": np.full(count, 0.1),
        }
    )  # fmt: skip


def add_epoch(run: RunCurves, per_epoch: int = 100, val_loss: float = 0.5) -> None:
    epoch = len(run.epochs) + 1
    values = {
        "epoch": epoch, "step": epoch * per_epoch, "train_loss": 1.0, "train_accuracy": 0.5, "val_loss": val_loss,
        "val_accuracy": 0.75, "learning_rate": 0.1, "seconds": 1.0, "images_per_second": 100.0,
    }  # fmt: skip
    run.epochs.append({name: [value] for name, value in values.items()})


def run_of(name: str, epochs: int, per_epoch: int = 100) -> RunCurves:
    run = RunCurves(Path("/runs") / name, name)
    add_steps(run, epochs * per_epoch, per_epoch)
    for _ in range(epochs):
        add_epoch(run, per_epoch)
    return run


class Paints(QObject):
    def __init__(self, chart: LineChart) -> None:
        super().__init__(chart)
        self.count = 0
        chart.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


@pytest.fixture
def panel(show_panel: ShowPanel[CurvesPanel]) -> CurvesPanel:
    return show_panel(CurvesPanel, 900, 500)


def titles(chart: LineChart) -> list[str]:
    return [line.title for line in chart.lines]


def settled(qtbot: QtBot, panel: CurvesPanel) -> None:
    qtbot.waitUntil(lambda: not panel._timer.isActive())


def test_before_a_run_it_says_what_will_come(panel: CurvesPanel) -> None:
    assert panel.loss.accessibleDescription() == EMPTY_LOSS
    assert not panel.save.isEnabled()
    assert not panel._timer.isActive()


def test_steps_and_epochs_appear_as_they_come(panel: CurvesPanel, state: AppState, qtbot: QtBot) -> None:
    run = RunCurves(Path("/runs/a"), "a")
    state.training.set_curves(run)
    settled(qtbot, panel)
    assert panel.loss.lines == ()
    add_steps(run, 100)
    state.training.set_curves(run)
    settled(qtbot, panel)
    assert titles(panel.loss) == titles(panel.accuracy) == ["training", "mean of 30"]
    add_epoch(run)
    state.training.set_curves(run)
    settled(qtbot, panel)
    assert titles(panel.loss) == ["training", "mean of 30", "training, epoch", "validation"]
    assert panel.accuracy.accessibleDescription().endswith("validation: newest 75.00 %, 1 values, 75.00 % to 75.00 %.")


def test_a_run_without_a_validation_part_has_no_such_line(panel: CurvesPanel, state: AppState, qtbot: QtBot) -> None:
    run = RunCurves(Path("/runs/a"), "a")
    add_steps(run, 100)
    add_epoch(run, val_loss=np.nan)
    state.training.set_curves(run)
    settled(qtbot, panel)
    assert titles(panel.loss) == ["training", "mean of 30", "training, epoch"]


def test_many_reports_are_one_painting_and_none_while_hidden(panel: CurvesPanel, state: AppState, qtbot: QtBot) -> None:
    run = run_of("a", 2)
    paints = Paints(panel.loss)
    state.training.set_curves(run)
    settled(qtbot, panel)
    qtbot.waitUntil(lambda: paints.count > 0)
    QApplication.processEvents()
    paints.count = 0
    for _ in range(200):
        add_steps(run, 1)
        state.training.set_curves(run)
    settled(qtbot, panel)
    QApplication.processEvents()
    assert paints.count == 1
    assert not panel._timer.isActive()
    panel.hide()
    add_steps(run, 1)
    state.training.set_curves(run)
    assert not panel._timer.isActive()
    before = panel.loss.accessibleDescription()
    panel.show()
    qtbot.waitUntil(lambda: panel.loss.accessibleDescription() != before)


def test_what_is_seen_can_be_chosen(panel: CurvesPanel, state: AppState, qtbot: QtBot) -> None:
    state.training.set_curves(run_of("a", 3))
    settled(qtbot, panel)
    panel.detail.setCurrentIndex(1)
    assert titles(panel.loss) == ["training", "mean of 30", "validation"]
    panel.smoothing.setValue(0)
    assert titles(panel.loss) == ["training", "validation"]
    assert not panel.loss.lines[0].pale
    panel.detail.setCurrentIndex(2)
    assert titles(panel.loss) == ["training, epoch", "validation"]
    assert panel.rate.isHidden()
    panel.with_rate.setChecked(True)
    assert panel.rate.isVisible()
    assert titles(panel.rate) == ["learning rate"]


def test_other_runs_are_laid_over_it_and_compared_over_epochs(
    panel: CurvesPanel, state: AppState, qtbot: QtBot
) -> None:
    first, other = run_of("a", 3), run_of("b", 4, per_epoch=25)
    state.training.set_curves(first)
    state.training.set_overlaid((run_of("a", 3), other))  # the run itself is not there twice
    settled(qtbot, panel)
    assert titles(panel.loss)[4:] == ["b: mean of 30", "b: validation"]
    assert [line.entry for line in panel.loss.lines][4:] == ["b", ""]
    assert len({(line.colour, line.dash, line.marker, line.pale) for line in panel.loss.lines}) == 6
    panel.across.setCurrentIndex(1)
    assert panel.loss._extent() == pytest.approx((1 / 100, 4))
    state.training.set_curves(None)
    settled(qtbot, panel)
    assert {line.entry for line in panel.loss.lines} == {"a", "b", ""}


def test_epochs_are_known_from_the_plan_before_the_first_has_ended(
    panel: CurvesPanel, state: AppState, qtbot: QtBot, run: Progress
) -> None:
    curves = RunCurves(Path("/runs/first"), "first")
    add_steps(curves, 50)
    panel.across.setCurrentIndex(1)
    state.training.set_curves(curves)
    settled(qtbot, panel)
    assert panel.loss._extent() == pytest.approx((0.01, 0.5))  # the plan has 100 steps in an epoch


def test_both_charts_show_the_same_part_until_another_run_comes(
    panel: CurvesPanel, state: AppState, qtbot: QtBot
) -> None:
    state.training.set_curves(run_of("a", 3))
    settled(qtbot, panel)
    panel.accuracy.zoom(0.5)
    assert panel.loss.view == panel.accuracy.view is not None
    panel.loss.point(150.0)
    assert panel.accuracy._hover == 150
    state.training.set_curves(run_of("b", 3))
    settled(qtbot, panel)
    assert panel.loss.view is None


def test_a_click_travels_to_the_nearest_recorded_step(panel: CurvesPanel, state: AppState, qtbot: QtBot) -> None:
    state.training.set_curves(run_of("a", 3))
    state.training.set_recorded((0, 100, 200, 300))
    state.training.set_cursor(200)
    panel.across.setCurrentIndex(1)
    settled(qtbot, panel)
    assert panel.loss._face.stops == (0, 1, 2, 3)
    assert panel.loss._face.mark == 2
    with qtbot.waitSignal(state.training.travel_requested) as wished:
        panel.accuracy.stop_chosen.emit(panel.accuracy._face.nearest_stop(1.2))
    assert wished.args == [100]


def test_rows_that_were_forgotten_are_not_shown(panel: CurvesPanel, state: AppState, qtbot: QtBot) -> None:
    run = run_of("a", 3)
    state.training.set_curves(run)
    settled(qtbot, panel)
    run.batches.cut(120)
    run.epochs.cut(1)
    state.training.set_curves(run)
    settled(qtbot, panel)
    assert panel.loss._extent() == (1, 120)
    panel.grab()


def test_the_numbers_are_saved(panel: CurvesPanel, state: AppState, qtbot: QtBot, tmp_path: Path) -> None:
    run = RunCurves(Path("/runs/a"), 'odd 100% "title", infinite')
    add_steps(run, 3)
    add_epoch(run, val_loss=np.nan)
    run.batches.append({"step": [4], "epoch": [1], "loss": [np.inf], "accuracy": [0.25], "learning_rate": [0.1]})
    state.training.set_curves(run)
    settled(qtbot, panel)
    with qtbot.waitSignal(panel.saved):
        panel.save_data(tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["run"] for row in rows} == {run.title}
    assert [row["part"] for row in rows] == ["training"] * 5 + ["validation"]
    assert [row["loss"] for row in rows] == ["2", "1", "0.6666667", "", "1", ""]
    assert rows[4] == {**rows[4], "by": "epoch", "step": "100", "epoch": "1", "accuracy": "0.5", "learning_rate": "0.1"}


def test_a_table_that_cannot_be_saved_is_told(
    panel: CurvesPanel, state: AppState, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.training.set_curves(run_of("a", 1))
    settled(qtbot, panel)
    name = str(tmp_path / "none" / "a")
    monkeypatch.setattr("cnnviz.views.training.curves.QFileDialog.getSaveFileName", lambda *_: (name, ""))
    with qtbot.waitSignal(panel.loss.failed) as told:
        panel.save.click()
    assert isinstance(told.args[0], UserError)
    assert "a.csv" in told.args[0].sentence


def test_choices_are_there_at_the_next_start(panel: CurvesPanel, state: AppState, qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "s.ini")
    panel.detail.setCurrentIndex(2)
    panel.across.setCurrentIndex(1)
    panel.smoothing.setValue(5)
    panel.logarithmic.setChecked(True)
    panel.with_rate.setChecked(True)
    panel.remember(settings)
    other = CurvesPanel(state)
    qtbot.addWidget(other)
    other.recall(settings)
    assert other.style_of_lines == panel.style_of_lines
    assert other.logarithmic.isChecked()
    assert other.with_rate.isChecked()
    assert other.loss._face.logarithmic


def test_every_control_has_a_name_and_it_fits_where_it_is_small(panel: CurvesPanel) -> None:
    labelled = {label.buddy() for label in panel.findChildren(QLabel)}
    for widget in panel.findChildren(QWidget):
        if widget.focusPolicy().value and widget.isVisible() and widget.parent() != panel.detail:
            assert widget.accessibleName() or getattr(widget, "text", str)() or widget in labelled, widget
    panel.resize(500, 300)
    assert panel.minimumSizeHint().width() <= 500
    assert panel.minimumSizeHint().height() <= 300
    panel.grab()


def test_a_run_that_is_no_longer_shown_is_forgotten(panel: CurvesPanel, state: AppState, qtbot: QtBot) -> None:
    for name in "abc":
        state.training.set_curves(run_of(name, 1))
        settled(qtbot, panel)
    assert {id(curves) for curves, _ in panel._store._kept} == {
        id(state.training.curves.batches),  # type: ignore[union-attr]
        id(state.training.curves.epochs),  # type: ignore[union-attr]
    }
