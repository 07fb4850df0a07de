"""The list of runs, used by mouse and keys, over real folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Progress, RunCurves
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig
from cnnviz.training.variation import Variation
from cnnviz.views.training.run_differences import UNUSED, Difference, differences, sentence
from cnnviz.views.training.run_table import COLUMNS
from cnnviz.views.training.runs import RunsPanel
from cnnviz.views.training.setup_fields import BY_NAME
from cnnviz.widgets import theme
from tests.views.training.conftest import ShowPanel

NAMES = ("a first run with a rather long name, for the second lesson", "second", "third")
CONFIGS = (
    TrainConfig("lenet5", "starter"),
    TrainConfig("lenet5", "starter", optimiser="sgd", learning_rate=0.05),
    TrainConfig("lenet5", "starter"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write three runs."""
    monkeypatch.setattr(runs, "folder", lambda: tmp_path)
    for name, config in zip(NAMES, CONFIGS, strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(config.to_json())
        (tmp_path / name / "metrics.csv").write_text("epoch,step,val_loss,val_accuracy\n1,40,0.1,0.975\n")
        (tmp_path / name / "facts.json").write_text('{"began": 1700000000}')
    return tmp_path


@pytest.fixture
def panel(
    show_panel: ShowPanel[RunsPanel], state: AppState, folder: Path, qtbot: QtBot, qapp: QApplication
) -> Iterator[RunsPanel]:
    def read() -> None:
        state.training.set_runs(runs.summaries())

    state.training.runs_changed.connect(read)
    shown = show_panel(RunsPanel)
    shown.activateWindow()
    qtbot.waitUntil(shown.isActiveWindow)
    shown.table.setFocus()
    yield shown
    state.training.runs_changed.disconnect(read)


def names(panel: RunsPanel) -> list[str]:
    items = [panel.table.item(row, 0) for row in range(panel.table.rowCount())]
    return [item.text() for item in items if item is not None]


def tick(panel: RunsPanel, row: int) -> None:
    panel.table.setCurrentCell(row, 0)
    QTest.keyClick(panel.table, Qt.Key.Key_Space)


def test_a_run_is_renamed_by_keys_and_that_is_taken_back(panel: RunsPanel, folder: Path, qtbot: QtBot) -> None:
    panel.table.setCurrentCell(1, 0)
    QTest.keyClick(panel.table, Qt.Key.Key_F2)
    editor = panel.table.findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    QTest.keyClicks(editor, "better")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil((folder / "better").is_dir)
    assert sorted(names(panel)) == sorted((NAMES[0], "better", NAMES[2]))
    QTest.keyClick(panel.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (folder / "second").is_dir()
    assert not panel.back.isEnabled()


def test_a_name_that_is_taken_is_refused_in_words(panel: RunsPanel, folder: Path) -> None:
    item = panel.table.item(1, 0)
    assert item is not None
    item.setText("third")
    assert "already" in panel.words.text()
    assert names(panel) == list(NAMES)


def test_the_neighbour_of_a_deleted_run_is_chosen_and_undo_brings_it_back(panel: RunsPanel, folder: Path) -> None:
    panel.table.setCurrentCell(1, 0)
    QTest.keyClick(panel.table, Qt.Key.Key_Delete)
    assert names(panel) == [NAMES[0], NAMES[2]]
    chosen = panel.table.chosen()
    assert chosen is not None
    assert chosen.name == "third"
    assert "delete second (Ctrl+Z)" in panel.back.toolTip()
    panel.back.click()
    assert names(panel) == list(NAMES)
    QTest.keyClick(panel.table, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert names(panel) == [NAMES[0], NAMES[2]]


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_opens_a_run(panel: RunsPanel, state: AppState, folder: Path, key: Qt.Key) -> None:
    followed: list[str] = []
    state.training.follow_requested.connect(followed.append)
    panel.table.setCurrentCell(2, 0)
    QTest.keyClick(panel.table, key)
    assert followed == [str(folder / "third")]


def test_a_ticked_box_is_a_wish_and_follows_what_is_shown(panel: RunsPanel, state: AppState, folder: Path) -> None:
    wishes: list[tuple[str, ...]] = []
    state.training.overlay_requested.connect(wishes.append)
    tick(panel, 1)
    assert wishes == [(str(folder / "second"),)]
    state.training.runs_changed.emit()
    assert [run.name for run in panel.table.ticked()] == ["second"], "its curves are still being read"
    state.training.set_overlaid((RunCurves(folder / "second", "second"),))
    state.training.set_overlaid(())  # as when another run is opened
    assert panel.table.ticked() == ()
    assert len(wishes) == 1


def write_again(path: Path, began: int = 1700000000) -> None:
    """Write another run of a name."""
    path.mkdir()
    (path / "config.json").write_text(CONFIGS[0].to_json())
    (path / "facts.json").write_text(f'{{"began": {began}}}')


def test_a_deleted_run_whose_name_is_taken_comes_back_under_a_free_one(panel: RunsPanel, folder: Path) -> None:
    panel.table.setCurrentCell(1, 0)
    QTest.keyClick(panel.table, Qt.Key.Key_Delete)
    write_again(folder / "second")
    panel.back.click()
    assert (folder / "second-2" / "metrics.csv").is_file()
    assert not (folder / "second" / "metrics.csv").exists()
    assert "second-2" in names(panel)
    assert panel.words.text() == "There is a run called 'second' again: this one is now 'second-2'."
    panel.undo.redo()
    assert (folder / "second").is_dir()
    assert not (folder / "second-2").exists()


def test_older_changes_go_along_with_a_run_that_came_back_under_another_name(panel: RunsPanel, folder: Path) -> None:
    item = panel.table.item(1, 0)
    assert item is not None
    item.setText("better")
    panel.table.setCurrentCell(names(panel).index("better"), 0)
    QTest.keyClick(panel.table, Qt.Key.Key_Delete)
    write_again(folder / "better")
    panel.back.click()
    panel.back.click()
    assert (folder / "second" / "metrics.csv").is_file()
    assert (folder / "better").is_dir()


def test_an_undo_that_the_disk_refuses_is_said_and_can_be_tried_again(panel: RunsPanel, folder: Path) -> None:
    item = panel.table.item(1, 0)
    assert item is not None
    item.setText("better")
    write_again(folder / "second")
    panel.back.click()
    refusal = "There is a run called 'second' already. Choose another name."
    assert panel.words.text() == refusal
    panel.training.runs_changed.emit()
    assert panel.words.text() == refusal, "it stays when the list is read anew"
    (folder / "second").rename(folder / "other")
    panel.back.click()
    assert (folder / "second" / "metrics.csv").is_file()
    assert not panel.back.isEnabled()
    assert panel.words.text() == f"4 runs in {folder}"


def test_what_is_gone_cannot_be_taken_back_and_that_is_said(panel: RunsPanel, folder: Path) -> None:
    panel.table.setCurrentCell(1, 0)
    QTest.keyClick(panel.table, Qt.Key.Key_Delete)
    shutil.rmtree(folder / runs.TRASH)
    panel.back.click()
    assert panel.words.text() == "'second' cannot be brought back."
    assert not panel.back.isEnabled()
    assert not panel.undo.canRedo()
    panel.table.setCurrentCell(0, 0)
    assert panel.words.text() == f"2 runs in {folder}"


def test_a_run_that_is_gone_is_not_deleted_and_leaves_the_list(panel: RunsPanel, folder: Path) -> None:
    panel.table.setCurrentCell(1, 0)
    shutil.rmtree(folder / "second")
    QTest.keyClick(panel.table, Qt.Key.Key_Delete)
    assert panel.words.text() == "'second' cannot be deleted."
    assert names(panel) == [NAMES[0], NAMES[2]]
    assert not panel.back.isEnabled()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_a_name_that_is_being_typed_stays_while_a_run_enters_the_list(
    panel: RunsPanel, folder: Path, qtbot: QtBot, key: Qt.Key
) -> None:
    panel.table.setCurrentCell(1, 0)
    QTest.keyClick(panel.table, Qt.Key.Key_F2)
    editor = panel.table.findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    QTest.keyClicks(editor, "better")
    write_again(folder / "newest", 1800000000)
    panel.training.runs_changed.emit()
    panel.training.set_progress(Progress("running", folder / "second"))
    assert editor.text() == "better"
    assert names(panel) == list(NAMES)
    QTest.keyClick(editor, key)
    qtbot.waitUntil(lambda: panel.table.state() != QAbstractItemView.State.EditingState)
    name = "better" if key == Qt.Key.Key_Return else "second"
    assert set(names(panel)) == {"newest", NAMES[0], name, NAMES[2]}
    assert names(panel)[0] == "newest"
    chosen = panel.table.chosen()
    assert chosen is not None
    if key == Qt.Key.Key_Escape:
        assert chosen.name == "second"
    else:
        assert (folder / "better" / "metrics.csv").is_file()


def test_a_name_that_is_refused_leaves_the_field_and_the_old_one_is_shown(
    panel: RunsPanel, folder: Path, qtbot: QtBot
) -> None:
    panel.table.setCurrentCell(1, 0)
    QTest.keyClick(panel.table, Qt.Key.Key_F2)
    editor = panel.table.findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    QTest.keyClicks(editor, "third")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.table.state() != QAbstractItemView.State.EditingState)
    assert names(panel) == list(NAMES)
    assert "already" in panel.words.text()


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_in_a_small_window_columns_give_way_and_nothing_scrolls_sideways(
    panel: RunsPanel, qapp: QApplication, scale: float
) -> None:
    def hidden() -> list[str]:
        return [title for at, title in enumerate(COLUMNS) if panel.table.isColumnHidden(at)]

    assert hidden() == []
    theme.apply(qapp, "light", scale)
    panel.resize(520, 200)
    qapp.processEvents()
    assert "started" in hidden()
    assert "best validation" not in hidden()
    assert panel.table.columnWidth(0) >= 11 * theme.text_px()
    assert panel.table.horizontalHeader().length() <= panel.table.viewport().width()
    theme.apply(qapp, "light")
    panel.resize(900, 350)
    qapp.processEvents()
    assert hidden() == []


def test_the_run_in_sight_is_marked_and_can_be_deleted_once_it_has_ended(
    panel: RunsPanel, state: AppState, folder: Path
) -> None:
    state.training.set_progress(Progress("running", folder / "second"))
    panel.table.setCurrentCell(1, 0)
    item = panel.table.item(1, 0)
    assert item is not None
    assert item.font().bold()
    assert not panel.delete.isEnabled()
    state.training.set_progress(Progress("finished", folder / "second"))
    assert panel.delete.isEnabled()


def test_what_differs_is_shown_between_the_run_in_sight_and_those_that_are_ticked(
    panel: RunsPanel, state: AppState, folder: Path
) -> None:
    assert not panel.compare.isEnabled()
    state.training.set_progress(Progress("finished", folder / NAMES[0]))
    tick(panel, 1)
    panel.compare.click()
    table = panel.differences
    assert table.isVisible()
    rows = {}
    for row in range(table.rowCount()):
        header, items = table.verticalHeaderItem(row), [table.item(row, column) for column in range(2)]
        assert header is not None
        rows[header.text()] = tuple(item.text() for item in items if item is not None)
    assert rows["Best validation"] == ("97.50 %", "97.50 %")
    assert rows["Optimiser"] == ("AdamW", "SGD with momentum")
    assert rows["Learning rate"] == ("0.003", "0.05")
    assert rows["Momentum"] == (UNUSED, "0.9")
    assert "Epochs" not in rows
    assert panel.words.text().endswith("differ in 4 settings.")
    panel.training.runs_changed.emit()
    assert panel.words.text().endswith("differ in 4 settings."), "it stays when the list is read anew"
    assert not panel.delete.isVisible(), "what is chosen cannot be seen"
    QTest.keyClick(table, Qt.Key.Key_Escape)
    assert panel.table.isVisible()
    assert panel.words.text() == f"3 runs in {folder}"


def test_runs_that_were_made_alike_differ_in_nothing(folder: Path) -> None:
    one, other, third = runs.summaries()
    assert differences((one, third)) == ()
    assert sentence((one, third), 0) == f"{NAMES[0]} and third began with the same settings."
    varied = replace(other, config=replace(one.config, variation=Variation(pens=True), start="pretrained"))
    assert differences((one, varied)) == (
        Difference("Start from", ("random weights", "pretrained")),
        Difference("Random weights", (dict(BY_NAME["initialisation"].words)["own"], UNUSED)),
        Difference("Other pens and hands", ("no", "yes")),
    )


def test_a_long_list_is_not_written_anew_when_one_run_has_learned_more(panel: RunsPanel, state: AppState) -> None:
    one = runs.summaries()[0]
    many = tuple(replace(one, path=one.path.with_name(f"run{i}"), name=f"run{i}") for i in range(50))
    state.training.set_runs(many)
    written: list[object] = []
    panel.table.model().dataChanged.connect(lambda first, last: written.append(first.row()))
    state.training.set_runs((*many[:7], replace(many[7], epochs=2), *many[8:]))
    assert set(written) == {7}
