"""The tab *Maps*: what is seen is what was computed, and what is clicked is what is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QToolButton
from pytestqt.qtbot import QtBot

from cnnviz.core.formats import number
from cnnviz.core.inspection import Inspection
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.feature_maps.widget import EMPTY, FeatureMapsView
from cnnviz.widgets import colormap
from tests.samples import sample_inspection, sample_model

MODEL = sample_model()


@pytest.fixture
def view(show_view: Callable[..., FeatureMapsView]) -> FeatureMapsView:
    return show_view(FeatureMapsView)


@pytest.fixture
def values(state: AppState) -> Inspection:
    state.set_model(MODEL)
    inspection = sample_inspection(MODEL)
    state.set_inspection(inspection)
    return inspection


def move(view: FeatureMapsView, point: QPoint) -> None:
    where, none = QPointF(point), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, where, where, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view.grid, event)


def colour_of(view: FeatureMapsView, unit: int, cell: tuple[int, int]) -> QColor:
    position = view.grid.position_of(unit)
    assert position is not None
    rect = view.grid.cell_rect(position, *cell)
    return view.grid.grab().toImage().pixelColor(rect.topLeft() + QPoint(2, 2))


def test_nothing_loaded_says_what_to_do(view: FeatureMapsView) -> None:
    assert view.grid._sentence == EMPTY
    assert EMPTY.startswith("Draw a digit")
    assert not view.legend.isVisible()


@pytest.mark.parametrize("scope", ["unit", "layer", "network"])
def test_colours_follow_the_scale_that_is_chosen(
    view: FeatureMapsView, state: AppState, values: Inspection, scope: str
) -> None:
    state.set_scope(scope)  # type: ignore[arg-type]
    state.select(Place("relu2"))
    maps = values.values["relu2"]
    unsigned = ("relu1", "pool1", "relu2", "pool2", "flatten", "relu3", "relu4")
    for unit, cell in ((0, (0, 0)), (3, (9, 9)), (15, (4, 7))):
        most = {
            "unit": maps[unit].max(),
            "layer": maps.max(),
            "network": max(values.values[name].max() for name in unsigned),
        }[scope]
        index = 1 + int(float(maps[unit][cell]) / float(most) * 254 + 0.5)
        expected, found = QColor(colormap.colour_table("activation")[index]), colour_of(view, unit, cell)
        for part in ("red", "green", "blue"):
            assert abs(getattr(found, part)() - getattr(expected, part)()) <= 4


def test_the_value_under_the_pointer_is_the_arrays(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2"))
    for unit, row, column in ((0, 0, 0), (7, 3, 9), (15, 9, 5)):
        move(view, view.grid.cell_rect(unit, row, column).center())
        assert state.pointed == Place("conv2", unit, (row, column))
        value = number(float(values.values["conv2"][unit, row, column]), 5)
        assert view._value.text() == f"map {unit}, row {row}, column {column}: {value}"
    state.set_inspection(sample_inspection(MODEL, seed=5, generation=2))  # the pen moved, the pointer did not
    assert state.inspection is not None
    assert view._value.text().endswith(number(float(state.inspection.values["conv2"][15, 9, 5]), 5))
    move(view, QPoint(view.grid.width() - 1, view.grid.height() - 1))
    assert state.pointed is None
    assert view._value.text() == ""


def test_an_element_of_a_vector_has_no_cell(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("fc1"))
    move(view, view.grid.cell_rect(17, 0, 0).center())
    assert state.pointed == Place("fc1", 17)
    assert view._value.text() == f"element 17: {number(float(values.values['fc1'][17]), 5)}"
    QTest.mouseClick(
        view.grid, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, view.grid.tile_rect(17).center()
    )
    assert state.selection == Place("fc1", 17)


def test_pointing_in_another_view_is_shown_here(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("pool2"))
    plain = view.grid.grab().toImage()
    state.set_pointed(Place("conv1", 2, (3, 3)))
    assert view.grid.grab().toImage() == plain  # another layer
    state.set_pointed(Place("pool2", 2, (3, 3)))
    assert view.grid.grab().toImage() != plain
    assert view._value.text().startswith("map 2, row 3, column 3: ")


def test_a_click_chooses_the_cell_in_the_state(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("pool1"))
    point = view.grid.cell_rect(4, 11, 2).center()
    QTest.mouseClick(view.grid, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point)
    assert state.selection == Place("pool1", 4, (11, 2))


def test_keys_walk_zoom_and_come_back(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv1"))
    button = view.findChild(QToolButton)
    assert button is not None
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        QTest.keyClick(view.grid, key)
    assert state.selection == Place("conv1", 1)
    assert view.grid.zoomed == 1
    assert button.isChecked()
    QTest.keyClick(view.grid, Qt.Key.Key_Right)
    assert view.grid.zoomed == 2
    assert state.selection == Place("conv1", 2)
    QTest.keyClick(view.grid, Qt.Key.Key_Escape)
    assert view.grid.zoomed is None
    assert not button.isChecked()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert view.grid.zoomed == 2
    state.select(Place("fc1"))  # single numbers: nothing to enlarge
    assert view.grid.zoomed is None
    assert not button.isChecked()
    assert not button.isEnabled()


@pytest.mark.parametrize("order", ["mean", "maximum"])
def test_sorting_moves_maps_with_their_numbers(
    view: FeatureMapsView, state: AppState, values: Inspection, order: str
) -> None:
    state.select(Place("conv2"))
    box = view.findChild(QComboBox)
    assert box is not None
    box.setFocus()
    for _ in range(["index", "mean", "maximum"].index(order)):
        QTest.keyClick(box, Qt.Key.Key_Down)
    maps = values.values["conv2"]
    key = maps.mean((1, 2)) if order == "mean" else maps.max((1, 2))
    best = int(key.argmax())
    assert view.grid.position_of(best) == 0
    move(view, view.grid.cell_rect(0, 2, 6).center())
    assert state.pointed == Place("conv2", best, (2, 6))
    assert view._value.text().endswith(number(float(maps[best, 2, 6]), 5))


def test_silent_maps_are_marked_and_counted(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    arrays = dict(values.values)
    arrays["relu1"] = arrays["relu1"].copy()
    arrays["relu1"][3] = 0
    state.select(Place("relu1"))
    assert "silent" not in view._summary.text()
    state.set_inspection(replace(values, generation=2, values=MappingProxyType(arrays)))
    assert view._summary.text() == "6 maps of 28 × 28, 1 silent for this input"
    assert view.grid._all is not None
    assert view.grid._all.marks == ("", "", "", "silent", "", "")
    assert "silent" in view.grid.accessibleDescription()


def test_the_legend_ends_where_the_colours_do(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv1"))
    most = number(float(np.abs(values.values["conv1"]).max()))
    assert view.legend.accessibleDescription().strip() == f"From −{most} to {most}."


def test_the_order_is_remembered(qtbot: QtBot, view: FeatureMapsView, tmp_path: Path) -> None:
    box = view.findChild(QComboBox)
    assert box is not None
    box.setCurrentIndex(2)
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = FeatureMapsView(AppState(), MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    again = other.findChild(QComboBox)
    assert again is not None
    assert again.currentData() == "maximum"
    settings.put("maps/order", "nonsense")
    other.recall(settings)
    assert again.currentData() == "index"
