"""The tab *Filters*."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QPushButton, QSpinBox

from cnnviz.core.formats import number
from cnnviz.state.app_state import AppState, Place
from cnnviz.views.filters.widget import FiltersView
from cnnviz.widgets import colormap
from tests.samples import sample_model

MODEL = sample_model()
LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def view(show_view: Callable[..., FiltersView]) -> FiltersView:
    return show_view(FiltersView)


def test_nothing_loaded_is_a_sentence(view: FiltersView, state: AppState) -> None:
    assert view.grid._sentence.startswith("Choose a layer")
    state.set_model(MODEL)
    assert view.grid._maps is not None  # filters need no picture: weights are there as soon as the network is


@pytest.mark.parametrize("scope", ["layer", "unit"])
def test_colours_are_those_of_the_weights(view: FiltersView, state: AppState, scope: str) -> None:
    state.set_model(MODEL)
    state.set_scope(scope)  # type: ignore[arg-type]
    state.select(Place("conv2", 4))
    weight = MODEL.weights["conv2.weight"]
    most = float(np.abs(weight if scope == "layer" else weight[4]).max())
    picture = view.grid.grab().toImage()
    for channel, row, column in ((0, 0, 0), (2, 4, 1), (5, 3, 3)):
        index = 1 + int((float(weight[4, channel, row, column]) / most + 1) / 2 * 254 + 0.5)
        expected = QColor(colormap.colour_table("weight")[index])
        found = picture.pixelColor(view.grid.cell_rect(channel, row, column).topLeft() + QPoint(2, 2))
        for part in ("red", "green", "blue"):
            assert abs(getattr(found, part)() - getattr(expected, part)()) <= 4
    assert view.legend.accessibleDescription().startswith(f"From −{number(most)} to {number(most)}")


def test_clicking_a_filter_of_the_first_layer_chooses_its_unit(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("conv1"))
    QTest.mouseClick(view.grid, LEFT, NO_KEYS, view.grid.cell_rect(3, 2, 2).center())
    assert state.selection == Place("conv1", 3)
    QTest.keyClick(view.grid, Qt.Key.Key_Right)
    assert state.selection == Place("conv1", 4)


def test_the_weight_under_the_pointer_is_the_arrays(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("conv2", 9))
    where, none = QPointF(view.grid.cell_rect(5, 4, 0).center()), Qt.MouseButton.NoButton
    QApplication.sendEvent(view.grid, QMouseEvent(QEvent.Type.MouseMove, where, where, none, none, NO_KEYS))
    value = number(float(MODEL.weights["conv2.weight"][9, 5, 4, 0]), 5)
    assert view._value.text() == f"row 4, column 0: {value}"
    QApplication.sendEvent(view.grid, QEvent(QEvent.Type.Leave))
    assert view._value.text() == ""


def test_kernels_inside_a_filter_are_walked_and_enlarged_by_keys(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("conv2", 9))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        QTest.keyClick(view.grid, key)
    assert view.grid.zoomed == 1
    assert state.selection == Place("conv2", 9)  # another view has no use for a kernel
    QTest.keyClick(view.grid, Qt.Key.Key_Escape)
    assert view.grid.zoomed is None


def test_the_spin_box_chooses_the_filter_in_every_view(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("conv2"))
    box = view.findChild(QSpinBox)
    assert box is not None
    assert box.isVisible()
    assert (box.minimum(), box.maximum()) == (0, 15)
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert state.selection == Place("conv2", 1)
    assert box.text() == "filter 1 of 16"
    assert "6 kernels" in view._title.text()
    state.select(Place("fc1", 5))
    assert box.text() == "unit 5 of 120"
    assert view._title.text().endswith("400 weights over the maps of pool2")


def test_by_norm_sorts(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("conv1"))
    box = view.findChild(QCheckBox)
    assert box is not None
    QTest.keyClick(box, Qt.Key.Key_Space)
    length = np.linalg.norm(MODEL.weights["conv1.weight"].reshape(6, -1), axis=1)
    assert view.grid.position_of(int(length.argmax())) == 0
    assert view.grid.position_of(int(length.argmin())) == 5


def test_the_histogram_counts_all_weights_of_the_layer(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("fc1", 3))
    weight = MODEL.weights["fc1.weight"]
    assert view.histogram.counts.sum() == weight.size
    facts = f"mean {number(float(weight.mean()))}, std {number(float(weight.std()))}"
    assert view.histogram.accessibleDescription().endswith(facts)


def test_a_layer_without_weights_leads_to_one_that_has(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("relu2"))
    assert view.grid._sentence == "ReLU changes each value by itself: relu2 has no weights."
    assert not view.histogram.isVisible()
    button = view.findChild(QPushButton)
    assert button is not None
    assert button.isVisible()
    assert button.text() == "Show conv2"
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert state.selection == Place("conv2")
    assert not button.isVisible()
    assert view.histogram.isVisible()
