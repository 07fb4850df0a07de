"""The tab *Filters*."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from cnnviz.core.formats import number
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import Inspection, LoadedModel, ModelRequest
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.filters import compute
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
    state.select(Place("conv2", 0))
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


def choose(view: FiltersView, order: str) -> None:
    index = view._order.findData(order)
    view._order.setFocus()
    QTest.keyClick(view._order, Qt.Key.Key_Home)
    for _ in range(index):
        QTest.keyClick(view._order, Qt.Key.Key_Down)
    assert view._order.currentData() == order


def test_by_norm_sorts(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("conv1"))
    choose(view, "norm")
    length = np.linalg.norm(MODEL.weights["conv1.weight"].reshape(6, -1), axis=1)
    assert view.grid.position_of(int(length.argmax())) == 0
    assert view.grid.position_of(int(length.argmin())) == 5


def test_a_deeper_layer_shows_all_filters_and_one_is_a_click_away(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("conv2"))
    assert shown_units(view) == tuple(range(16))
    assert not view._unit.isVisible()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right):
        QTest.keyClick(view.grid, key)
    assert state.selection == Place("conv2")  # keys walk, Enter opens
    QTest.keyClick(view.grid, Qt.Key.Key_Return)
    assert state.selection == Place("conv2", 1)
    assert view.grid.zoomed is None
    assert shown_units(view) == tuple(range(6))
    QTest.mouseClick(view._all, LEFT)
    assert state.selection == Place("conv2")
    assert shown_units(view) == tuple(range(16))
    assert view.grid._selected == (1, None)  # where one came from
    QTest.mouseClick(view.grid, LEFT, NO_KEYS, view.grid.cell_rect(9, 2, 2).center())
    assert state.selection == Place("conv2", 9)


def shown_units(view: FiltersView) -> tuple[int, ...]:
    return view.grid._maps.units if view.grid._maps is not None else ()


def test_the_map_that_is_read_can_be_chosen(view: FiltersView, state: AppState) -> None:
    state.set_model(MODEL)
    state.select(Place("conv2"))
    assert view._channel.text() == "strongest map"
    for _ in range(4):
        QTest.keyClick(view._channel, Qt.Key.Key_Up)
    assert view._channel.text() == "map 3"
    assert view.grid._maps is not None
    assert np.array_equal(view.grid._maps.values_chw, MODEL.weights["conv2.weight"][:, 3])
    state.select(Place("conv1"))
    assert not view._channel.isVisible()  # it reads a single map


def colour_model(count: int = 5) -> LoadedModel:
    weight = np.random.default_rng(1).normal(size=(count, 3, 7, 7)).astype(np.float32)
    weight[2] = 3 * weight[0]
    weight[4] *= 1e-4
    nodes = (
        Node("input", "input", "input", output_shape=(3, 14, 14)),
        Node("conv", "convolution", "Conv2d", ("input",), input_shapes=((3, 14, 14),), output_shape=(count, 8, 8),
             weight="w"),
        Node("relu", "activation", "ReLU", ("conv",), input_shapes=((count, 8, 8),), output_shape=(count, 8, 8)),
    )  # fmt: skip
    return LoadedModel(ModelRequest("colour"), "Colour", Graph("c", nodes), ("0",), MappingProxyType({"w": weight}))


def test_filters_of_red_green_and_blue_are_in_colour(view: FiltersView, state: AppState) -> None:
    model = colour_model()
    state.set_model(model)
    state.select(Place("conv"))
    weight = model.weights["w"]
    assert view._colours.isVisible()
    assert not view.legend.isVisible()
    picture = view.grid.grab().toImage()
    for unit, row, column in ((0, 0, 0), (1, 6, 3), (3, 2, 5)):
        found = picture.pixelColor(view.grid.cell_rect(unit, row, column).center())
        expected = weight[unit, :, row, column] / np.abs(weight[unit]).max() * 127.5 + 128
        assert np.abs(np.array([found.red(), found.green(), found.blue()]) - np.clip(expected, 0, 255)).max() <= 1.5
    where, none = QPointF(view.grid.cell_rect(3, 2, 5).center()), Qt.MouseButton.NoButton
    QApplication.sendEvent(view.grid, QMouseEvent(QEvent.Type.MouseMove, where, where, none, none, NO_KEYS))
    parts = "  ".join(f"{c} {number(float(v))}" for c, v in zip("RGB", weight[3, :, 2, 5], strict=True))
    assert view._value.text() == f"row 2, column 5: {parts}"
    QTest.mouseClick(view.grid, LEFT, NO_KEYS, view.grid.cell_rect(1, 2, 2).center())
    assert state.selection == Place("conv", 1)
    assert shown_units(view) == tuple(range(5))  # the others stay in sight
    QTest.keyClick(view._channel, Qt.Key.Key_Up)
    assert view.legend.isVisible()
    assert view.grid._maps is not None
    assert np.array_equal(view.grid._maps.values_chw, weight[:, 0])


def test_dead_and_doubled_filters_are_marked_and_listed(view: FiltersView, state: AppState) -> None:
    model = colour_model()
    state.set_model(model)
    state.select(Place("conv"))
    assert view.grid._maps is not None
    assert view.grid._maps.marks == ("= 2", "", "= 0", "", "dead")
    assert "dead: norm below 1% of the median — 1: 4" in view._marks.text()
    assert "1: 0 = 2" in view._marks.text()
    values = {node.name: np.ones(node.output_shape, np.float32) for node in model.graph.nodes}
    values["relu"][1] = 0
    inspection = Inspection(model.request, 1, MappingProxyType(values), np.zeros(1, np.float32), np.ones(1, np.float32))
    state.set_inspection(inspection)
    assert view.grid._maps.marks == ("= 2", "silent", "= 0", "", "dead")
    assert "after relu — 1: 1" in view._marks.text()


def test_many_filters_are_compared_only_when_asked_and_between_events(
    view: FiltersView, state: AppState, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(compute, "AT_ONCE", 0)
    state.set_model(colour_model())
    state.select(Place("conv"))
    assert view.grid._maps is not None
    assert view.grid._maps.marks == ("", "", "", "", "dead")
    assert view._find.isVisible()
    with qtbot.waitSignal(view._searching.finished):
        QTest.mouseClick(view._find, LEFT)
        assert not view._find.isEnabled()
    assert view.grid._maps.marks == ("= 2", "", "= 0", "", "dead")
    assert not view._find.isVisible()
    with qtbot.waitSignal(view._ordering.finished):
        choose(view, "similarity")
        assert shown_units(view) == tuple(range(5))
        assert view._title.text().endswith("comparing them…")
    order = shown_units(view)
    assert abs(order.index(0) - order.index(2)) == 1
    assert not view._title.text().endswith("…")
    state.select(Place("conv", 1))
    assert shown_units(view) == order
    view._likeness.clear()
    view._show()
    view.hide()  # nothing is compared that nobody sees
    assert not view._ordering.is_busy


def test_the_order_is_remembered(view: FiltersView, tmp_path: Path, qtbot: QtBot) -> None:
    choose(view, "orientation")
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = FiltersView(AppState(), MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    assert other._order.currentData() == "orientation"
    settings.put("filters/order", "nonsense")
    other.recall(settings)
    assert other._order.currentData() == "index"


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
