"""From a probability back to a pixel, each step to a value that the one before was really made of."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton, QWidget

from cnnviz.core import explain
from cnnviz.core.formats import number
from cnnviz.core.graph import Graph
from cnnviz.core.inspection import ModelRequest
from cnnviz.core.operations import Operation, Softmax, Source
from cnnviz.datasets.starter import load_starter
from cnnviz.models.engine import Engine
from cnnviz.state.app_state import AppState, Place, Trail
from cnnviz.views.base import View
from cnnviz.views.step_through.widget import StepThroughView
from cnnviz.widgets.panels.joining import JoinPanel

ENTER, ALT = Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier
MANY = 1_000_000


@lru_cache(maxsize=2)
def engine_of(name: str) -> Engine:
    return Engine(ModelRequest(name))


@pytest.fixture
def view(show_view: Callable[..., View]) -> StepThroughView:
    made = show_view(StepThroughView, 1500, 420)
    assert isinstance(made, StepThroughView)
    return made


def load(state: AppState, name: str = "lenet5", digit: int = 3700) -> None:
    state.set_model(engine_of(name).loaded)
    image_hw = load_starter().images_nhw[digit].astype(np.float32) / 255
    state.set_inspection(engine_of(name).inspect(image_hw, 1))


def graph_of(state: AppState) -> Graph:
    assert state.model is not None
    return state.model.graph


def value_at(state: AppState, place: Place) -> float:
    """Return PyTorch's value of a place."""
    assert state.inspection is not None
    assert place.unit is not None
    if place.softmax:
        return float(state.inspection.probabilities[place.unit])
    return float(explain.as_maps(state.inspection.values[place.layer])[(place.unit, *(place.cell or (0, 0)))])


def operation_at(state: AppState, place: Place) -> Operation:
    """Return the operation that made a value, from the network alone."""
    assert state.inspection is not None
    assert state.model is not None
    if place.softmax:
        return Softmax(state.inspection.logits)
    found = explain.operation_of(graph_of(state), place.layer, state.inspection.values, state.model.weights)
    assert found is not None
    return found


def sources_of(state: AppState, place: Place) -> list[tuple[Source, Place]]:
    """Return all that a value was made of, with the places in the network."""
    assert place.unit is not None
    found = operation_at(state, place).sources(place.unit, *(place.cell or (0, 0)), MANY)
    node = graph_of(state)[place.layer]
    places = []
    for source in found:
        if place.softmax:
            places.append((source, Place(place.layer, source.unit)))
            continue
        before = graph_of(state)[node.inputs[source.index]]
        cell = (source.row, source.col) if before.is_map else None
        places.append((source, Place(before.name, source.unit, cell)))
    return places


def enter(view: StepThroughView) -> None:
    assert view.panel is not None
    QTest.keyClick(view.panel, ENTER)


def walk_to_the_pixels(state: AppState, view: StepThroughView) -> list[Place]:
    assert state.inspection is not None
    state.select(Place(graph_of(state).output.name, state.inspection.ranking()[0], softmax=True))
    assert state.selection is not None
    way = [state.selection]
    while way[-1].layer != "input":
        enter(view)
        assert state.selection is not None
        assert state.selection != way[-1]
        way.append(state.selection)
        assert state.trail == Trail(tuple(way), len(way) - 1)
        assert len(way) < 30
    return way


def crumbs(view: StepThroughView) -> list[QToolButton]:
    return [button for button in view._crumbs if button.isVisible()]


@pytest.mark.parametrize("name", ["lenet5", "lenet5_original"])
def test_enter_leads_from_the_probability_to_a_pixel(name: str, state: AppState, view: StepThroughView) -> None:
    load(state, name)
    way = walk_to_the_pixels(state, view)
    graph = graph_of(state)
    backwards = [node.name for node in reversed(graph.nodes)]
    assert [place.layer for place in way] == [backwards[0], *backwards]
    assert [place.softmax for place in way] == [True, *[False] * (len(way) - 1)]
    for place, after in itertools.pairwise(way):
        assert place.unit is not None
        found = sources_of(state, place)
        assert after in [where for _, where in found], (place, after)
        operation = operation_at(state, place)
        if isinstance(operation, Softmax):
            assert after.unit == place.unit
            continue
        chosen = next(source for source, where in found if where == after)
        assert abs(chosen.amount) == max(abs(source.amount) for source, _ in found)
        node = graph[place.layer]
        if node.kind == "linear":  # x · w
            weight = state.model.weights[f"{node.name}.weight"]  # type: ignore[union-attr]
            product = value_at(state, after) * float(weight[place.unit, after.unit])
            assert chosen.amount == pytest.approx(product, rel=1e-6)
        if node.op == "MaxPool2d":  # the winner
            assert value_at(state, after) == value_at(state, place)
            assert after.cell is not None
            assert place.cell is not None
            assert [n // 2 for n in after.cell] == list(place.cell)
        if node.kind == "flatten":
            assert value_at(state, after) == value_at(state, place)
        if node.op == "ReLU":
            assert value_at(state, place) == max(0.0, value_at(state, after))
            assert (after.unit, after.cell) == (place.unit, place.cell)
    pixel = way[-1]
    assert pixel.cell is not None
    assert all(0 <= at < side for at, side in zip(pixel.cell, graph["input"].output_shape[1:], strict=True))
    assert value_at(state, pixel) != 0
    assert view.panel is None  # the picture itself is not computed
    view.grab()


def test_crumbs_name_the_places_with_their_values(state: AppState, view: StepThroughView) -> None:
    load(state)
    assert crumbs(view) == []
    way = walk_to_the_pixels(state, view)
    buttons = crumbs(view)
    assert len(buttons) == len(way)
    assert state.model is not None
    for place, button in zip(way, buttons, strict=True):
        words = button.accessibleName()
        assert button.toolTip() == words
        if place.softmax:
            assert words == f"P({state.model.labels[place.unit or 0]}) = {value_at(state, place):.1%}"
            continue
        name, _, value = words.partition(" = ")
        assert value == number(value_at(state, place), 3)
        if place.layer == "input":
            assert name == f"pixel {place.cell}"
        else:
            assert name.startswith(f"{place.layer} ")
            assert str(place.unit) in name
            assert place.cell is None or str(place.cell) in name
    assert [button.isChecked() for button in buttons] == [False] * (len(way) - 1) + [True]
    assert buttons[-1].text() == f"← {buttons[-1].accessibleName()}"
    assert buttons[0].text().startswith("P(")
    assert "=" not in buttons[0].text()


def test_crumbs_follow_new_values(state: AppState, view: StepThroughView) -> None:
    load(state)
    walk_to_the_pixels(state, view)
    state.retrace(3)
    before = [button.accessibleName() for button in crumbs(view)]
    image_hw = load_starter().images_nhw[2900].astype(np.float32) / 255
    state.set_inspection(engine_of("lenet5").inspect(image_hw, 2))
    after = [button.accessibleName() for button in crumbs(view)]
    assert len(after) == len(before)
    assert after != before
    for place, words in zip(state.trail.places[1:], after[1:], strict=True):
        assert words.endswith(f"= {number(value_at(state, place), 3)}")


def focused_part(view: StepThroughView) -> QWidget:
    """Return where the keyboard is after the tab was given it."""
    view.activateWindow()
    view.setFocus()
    found = view.window().focusWidget()
    assert found is not None
    assert found is view or view.isAncestorOf(found)
    return found


def test_alt_and_the_arrows_walk_the_way_from_every_panel(state: AppState, view: StepThroughView) -> None:
    load(state)
    way = walk_to_the_pixels(state, view)
    trail = state.trail.places
    for at in (*range(len(way) - 2, -1, -1), *range(1, len(way))):
        key = Qt.Key.Key_Left if at < state.trail.at else Qt.Key.Key_Right
        QTest.keyClick(focused_part(view), key, ALT)
        assert state.trail == Trail(trail, at)
        assert state.selection == way[at]
        if way[at].layer != "input":
            assert view.panel is not None
            assert view.panel.torch_value() == value_at(state, way[at])
        assert [button.isChecked() for button in crumbs(view)] == [n == at for n in range(len(way))]
    QTest.keyClick(focused_part(view), Qt.Key.Key_Right, ALT)
    assert state.trail.at == len(way) - 1
    QTest.keyClick(focused_part(view), Qt.Key.Key_Backspace)
    assert state.trail.at == len(way) - 2


def test_a_click_on_a_crumb_goes_there_and_the_way_stays(state: AppState, view: StepThroughView) -> None:
    load(state)
    way = walk_to_the_pixels(state, view)
    for at in (2, 0, 8, len(way) - 1, 5):
        QTest.mouseClick(crumbs(view)[at], Qt.MouseButton.LeftButton)
        assert state.selection == way[at]
        assert state.trail == Trail(tuple(way), at)
        assert len(crumbs(view)) == len(way)
        assert [button.isChecked() for button in crumbs(view)] == [n == at for n in range(len(way))]
    QTest.mouseClick(crumbs(view)[5], Qt.MouseButton.LeftButton)  # the one that is chosen stays so
    assert crumbs(view)[5].isChecked()
    state.select(Place("conv1", 2, (3, 3)))
    assert crumbs(view) == []


def test_enter_on_the_way_back_takes_the_same_way_and_another_value_another(
    state: AppState, view: StepThroughView
) -> None:
    load(state)
    way = walk_to_the_pixels(state, view)
    state.retrace(4)
    enter(view)
    assert state.selection == way[5]
    state.retrace(1)
    panel = view.panel
    assert panel is not None
    second = sources_of(state, way[1])[1][0]
    panel.source_chosen.emit(second)
    assert state.selection == Place("relu4", second.unit)
    assert state.trail == Trail((way[0], way[1], Place("relu4", second.unit)), 2)


def test_a_walk_that_has_not_rested_begins_where_it_is(state: AppState, view: StepThroughView) -> None:
    load(state)
    state.select(Place("pool1", 1, (5, 5)))
    assert view.panel is not None
    view.panel.go(2, (6, 7))
    enter(view)
    begin = Place("pool1", 2, (6, 7))
    assert state.trail.places[0] == begin
    assert state.trail.at == 1
    assert state.trail.places[1] in [where for _, where in sources_of(state, begin)]


def test_a_residual_sum_leads_to_the_larger_of_its_inputs(state: AppState, view: StepThroughView) -> None:
    engine = engine_of("resnet18")
    state.set_model(engine.loaded)
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    state.set_inspection(engine.inspect(None, 1, photo=photo))
    graph = graph_of(state)
    node = next(n for n in graph.nodes if n.kind == "sum")
    assert len(node.inputs) == 2
    assert state.inspection is not None
    first, second = (state.inspection.values[name] for name in node.inputs)
    for index, where in ((0, np.abs(first) - np.abs(second)), (1, np.abs(second) - np.abs(first))):
        unit, row, col = (int(n) for n in np.unravel_index(where.argmax(), where.shape))
        state.select(Place(node.name, unit, (row, col)))
        assert isinstance(view.panel, JoinPanel)
        assert view.panel.badge.words.startswith("✓")
        enter(view)
        assert state.selection == Place(node.inputs[index], unit, (row, col))
        assert state.trail.at == 1
        text = crumbs(view)[1].accessibleName()
        assert text.endswith(f"= {number(value_at(state, state.selection), 3)}")
    state.select(Place(node.name, 3, (4, 5)))
    panel = view.panel
    assert isinstance(panel, JoinPanel)
    panel.grids[0].activated.emit(4, 5)
    assert state.selection == Place(node.inputs[1], 3, (4, 5))
    state.retrace(0)
    panel.input_grid.activated.emit(4, 5)
    assert state.selection == Place(node.inputs[0], 3, (4, 5))
