"""The tab *Numbers*: the table is the array, copies and files give it back exactly."""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QSpinBox
from pytestqt.qtbot import QtBot

from cnnviz.core.errors import UserError
from cnnviz.core.inspection import Inspection
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.numbers import compute
from cnnviz.views.numbers.widget import EMPTY, NumbersView
from cnnviz.widgets import theme
from tests.samples import sample_graph, sample_inspection, sample_model

MODEL = sample_model()
GRAPH = sample_graph()
FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@pytest.fixture
def messages() -> MessageCenter:
    made = MessageCenter()
    made.open()
    return made


@pytest.fixture
def posted(messages: MessageCenter) -> list[Message]:
    found: list[Message] = []
    messages.posted.connect(found.append)
    return found


@pytest.fixture
def view(show_view: Callable[..., NumbersView], messages: MessageCenter) -> NumbersView:
    return show_view(NumbersView, messages=messages)


@pytest.fixture
def values(state: AppState) -> Inspection:
    state.set_model(MODEL)
    inspection = sample_inspection(MODEL)
    state.set_inspection(inspection)
    return inspection


def from_csv(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    rows = list(csv.reader(io.StringIO(data.decode())))
    found = np.full(shape, 12345, np.float32)
    for *index, value in rows[1:]:
        found[tuple(map(int, index))] = np.float32(value)
    return found


@given(hnp.arrays(np.float32, (6, 14, 14), elements=FLOATS, fill=FLOATS))
def test_csv_gives_every_value_of_a_map_back_exactly(values: np.ndarray) -> None:
    data = compute.as_csv(GRAPH["pool1"], values)
    assert data.startswith(b"map,row,column,value\n0,0,0,")
    assert np.array_equal(from_csv(data, values.shape), values, equal_nan=True)


@given(hnp.arrays(np.float32, (10,), elements=FLOATS, fill=FLOATS))
def test_csv_and_npz_give_a_vector_back_exactly(values: np.ndarray) -> None:
    data = compute.as_csv(GRAPH["fc3"], values)
    assert data.startswith(b"element,value\n0,")
    assert np.array_equal(from_csv(data, values.shape), values, equal_nan=True)
    file = io.BytesIO()
    compute.write_npz(file, GRAPH["fc3"], values)
    file.seek(0)
    with np.load(file) as archive:
        assert archive.files == ["fc3"]
        assert archive["fc3"].dtype == np.float32
        assert np.array_equal(archive["fc3"], values, equal_nan=True)


def test_nothing_loaded_is_a_sentence_and_exports_nothing(
    view: NumbersView, posted: list[Message], tmp_path: Path
) -> None:
    assert view._note.text() == EMPTY
    assert view.model.rowCount() == 0
    view.ask_and_export()
    assert posted[-1].sentence == "There are no values to export yet."
    view.export(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_the_table_is_the_selected_map(view: NumbersView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2", 7))
    assert (view.model.rowCount(), view.model.columnCount()) == (10, 10)
    for row, column in ((0, 0), (9, 3), (4, 9)):
        value = float(values.values["conv2"][7, row, column])
        assert view.model.index(row, column).data() == f"{value:.4f}".replace("-", "−")
    assert view.model.headerData(3, Qt.Orientation.Horizontal) == "3"
    spoken = view.model.index(9, 3).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("row 9, column 3: ")
    state.select(Place("fc3"))
    assert (view.model.rowCount(), view.model.columnCount()) == (10, 1)
    assert view.model.index(6, 0).data() == f"{values.values['fc3'][6]:.4f}".replace("-", "−")


def test_cells_are_painted_with_their_text_and_selection(
    view: NumbersView, state: AppState, values: Inspection
) -> None:
    state.select(Place("pool2", 1))
    table = view.table
    cell = table.visualRect(view.model.index(2, 2))
    inside = cell.adjusted(2, 2, -2, -2)
    plain = table.viewport().grab(inside).toImage()
    colours = {plain.pixel(x, y) for x in range(plain.width()) for y in range(plain.height())}
    assert len(colours) > 1  # digits on paper
    state.select(Place("pool2", 1, (2, 2)))
    chosen = table.viewport().grab(inside).toImage()
    assert chosen.pixelColor(0, 0) == theme.current().color("accent")


def test_it_follows_the_pen_and_keeps_the_chosen_cell(view: NumbersView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2", 7, (3, 4)))
    later = sample_inspection(MODEL, seed=9, generation=2)
    state.set_inspection(later)
    assert view.table.currentIndex() == view.model.index(3, 4)
    assert view.table.currentIndex().data() == f"{later.values['conv2'][7, 3, 4]:.4f}".replace("-", "−")


def test_arrows_in_the_table_choose_the_cell_in_every_view(
    qtbot: QtBot, view: NumbersView, state: AppState, values: Inspection
) -> None:
    state.select(Place("conv2", 7, (3, 4)))
    view.activateWindow()
    view.table.setFocus()
    qtbot.waitUntil(view.table.hasFocus)
    QTest.keyClick(view.table, Qt.Key.Key_Down)
    assert state.selection == Place("conv2", 7, (4, 4))
    QTest.keyClick(view.table, Qt.Key.Key_Right)
    assert state.selection == Place("conv2", 7, (4, 5))
    state.select(Place("fc3", 2))
    QTest.keyClick(view.table, Qt.Key.Key_Down)
    assert state.selection == Place("fc3", 3)


def test_the_spin_box_chooses_the_map(view: NumbersView, state: AppState, values: Inspection) -> None:
    state.select(Place("pool2"))
    box = view.findChildren(QSpinBox)[0]
    assert (box.minimum(), box.maximum()) == (0, 15)
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert state.selection == Place("pool2", 1)
    assert np.array_equal(view.model.values, values.values["pool2"][1])
    state.select(Place("fc1", 3))
    assert not box.isVisible()


def test_digits_change_what_is_shown_and_are_remembered(
    qtbot: QtBot, view: NumbersView, state: AppState, values: Inspection, tmp_path: Path
) -> None:
    state.select(Place("fc3"))
    box = view.findChildren(QSpinBox)[1]
    width = view.table.columnWidth(0)
    box.setValue(7)
    assert view.model.index(0, 0).data() == f"{values.values['fc3'][0]:.7f}".replace("-", "−")
    assert view.table.columnWidth(0) > width
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = NumbersView(AppState(), MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    assert other.findChildren(QSpinBox)[1].value() == 7
    settings.put("numbers/digits", 9000)
    other.recall(settings)
    assert other.findChildren(QSpinBox)[1].value() == 7


def test_copy_gives_the_chosen_cells_or_all(
    qtbot: QtBot, view: NumbersView, state: AppState, values: Inspection
) -> None:
    state.select(Place("conv2", 3))
    view.activateWindow()
    view.table.setFocus()
    qtbot.waitUntil(view.table.hasFocus)
    view.table.clearSelection()
    QTest.keyClick(view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().split("\n")]
    assert np.array_equal(np.array(lines, np.float32), values.values["conv2"][3])
    for row, column in ((1, 2), (1, 3), (2, 2), (2, 3)):
        index = view.model.index(row, column)
        view.table.selectionModel().select(index, QItemSelectionModel.SelectionFlag.Select)
    QTest.keyClick(view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().split("\n")]
    assert np.array_equal(np.array(lines, np.float32), values.values["conv2"][3, 1:3, 2:4])


@pytest.mark.parametrize("suffix", [".csv", ".npz", ""])
def test_export_writes_the_whole_layer(
    view: NumbersView, state: AppState, values: Inspection, posted: list[Message], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, suffix: str,
) -> None:  # fmt: skip
    state.select(Place("pool2", 4))
    name = str(tmp_path / f"layer{suffix}")
    chosen = (name, "NumPy archive (*.npz)")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: chosen)
    view.ask_and_export()
    written = tmp_path / f"layer{suffix or '.npz'}"
    expected = values.values["pool2"]
    if suffix == ".csv":
        assert np.array_equal(from_csv(written.read_bytes(), expected.shape), expected)
    else:
        with np.load(written) as archive:
            assert np.array_equal(archive["pool2"], expected)
    assert posted[-1].sentence == f"400 values of pool2 are in '{written.name}'."


def test_another_ending_is_refused(view: NumbersView, values: Inspection, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'layer\.xlsx' is neither \.csv nor \.npz"):
        view.export(tmp_path / "layer.xlsx")


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_a_full_disk_is_one_sentence_and_the_old_file_stays(
    view: NumbersView, values: Inspection, posted: list[Message], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:  # fmt: skip
    path = tmp_path / f"layer{suffix}"
    path.write_bytes(b"old")

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(path), ""))
    view.ask_and_export()
    assert posted[-1].level == "problem"
    assert path.name in posted[-1].sentence
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
