"""The tab *Step through*: every layer of both LeNets by its panel, compared with PyTorch; it follows the state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from cnnviz.core.explain import as_maps, why_not
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import Inspection, ModelRequest
from cnnviz.datasets.starter import load_starter
from cnnviz.models.engine import Engine
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.step_through.widget import NO_NETWORK, NO_VALUES, StepThroughView
from cnnviz.widgets.panels.activation import ActivationPanel
from cnnviz.widgets.panels.base import OperationPanel
from cnnviz.widgets.panels.convolution import ConvolutionPanel
from cnnviz.widgets.panels.dense import DensePanel, SoftmaxPanel
from cnnviz.widgets.panels.joining import FlattenPanel
from cnnviz.widgets.panels.pooling import PoolingPanel
from tests.samples import sample_inspection, sample_model

PANELS = {
    "convolution": ConvolutionPanel, "activation": ActivationPanel, "pooling": PoolingPanel, "flatten": FlattenPanel,
    "linear": DensePanel, "output": DensePanel,
}  # fmt: skip


@lru_cache(maxsize=2)
def engine_of(name: str) -> Engine:
    return Engine(ModelRequest(name))


def look(name: str, digit: int, generation: int) -> Inspection:
    image_hw = load_starter().images_nhw[digit].astype(np.float32) / 255
    return engine_of(name).inspect(image_hw, generation)


@pytest.fixture
def view(show_view: Callable[..., View]) -> StepThroughView:
    made = show_view(StepThroughView, 1200, 420)
    assert isinstance(made, StepThroughView)
    return made


def load(state: AppState, name: str = "lenet5", digit: int = 3700) -> None:
    state.set_model(engine_of(name).loaded)
    state.set_inspection(look(name, digit, 1))


def panel_of(view: StepThroughView) -> OperationPanel:
    assert view.panel is not None
    assert view.panel.isVisible()
    return view.panel


def sentence(view: StepThroughView) -> str:
    """Return what is said instead of a panel."""
    assert view.panel is None
    label = view._stack.currentWidget()
    assert isinstance(label, QLabel)
    assert label.isVisible()
    return label.text()


def verdict(panel: OperationPanel) -> str:
    badge = panel.badge  # type: ignore[attr-defined]
    assert badge.isVisible()
    return str(badge.words)


def far_corner(node: Node) -> Place:
    """Return the last value of a layer."""
    cell = (node.output_shape[1] - 1, node.output_shape[2] - 1) if node.is_map else None
    return Place(node.name, node.units - 1, cell)


@pytest.mark.parametrize("name", ["lenet5", "lenet5_original"])
def test_every_layer_has_its_panel_which_agrees_with_pytorch(name: str, state: AppState, view: StepThroughView) -> None:
    load(state, name)
    assert state.model is not None
    assert state.inspection is not None
    seen = 0
    for node in state.model.graph.nodes:
        middle = tuple(n // 2 for n in node.output_shape[1:])
        for place in (
            Place(node.name),
            far_corner(node),
            Place(node.name, node.units // 2, (middle[0], middle[1]) if len(middle) == 2 else None),
        ):
            state.select(place)
            if node.kind == "input":
                assert sentence(view) == why_not(node)
                continue
            panel = panel_of(view)
            assert type(panel) is PANELS[node.kind], node.name
            value = as_maps(state.inspection.values[node.name])[(place.unit or 0, *(place.cell or (0, 0)))]
            assert panel.torch_value() == pytest.approx(float(value), abs=0), place
            assert panel.operation is not None
            assert panel.operation.value(panel.unit, *panel.cell) == pytest.approx(float(value), rel=1e-4, abs=1e-4)
            assert verdict(panel).startswith("✓"), (place, verdict(panel))
            seen += 1
        view.grab()
    assert seen == 3 * (len(state.model.graph.nodes) - 1)


def test_a_verdict_that_does_not_agree_is_said(state: AppState, view: StepThroughView) -> None:
    load(state)
    assert state.inspection is not None
    wrong = np.array(state.inspection.values["conv1"])
    wrong[2, 5, 6] += 0.01
    values = MappingProxyType({**dict(state.inspection.values), "conv1": wrong})
    state.set_inspection(replace(state.inspection, values=values, generation=2))
    state.select(Place("conv1", 2, (5, 6)))
    assert verdict(panel_of(view)).startswith("✗")
    state.select(Place("conv1", 2, (5, 7)))
    assert verdict(panel_of(view)).startswith("✓")


def test_sentences_where_there_is_nothing_to_show(state: AppState, view: StepThroughView) -> None:
    assert sentence(view) == NO_NETWORK
    model = sample_model()
    mystery = replace(model.graph["relu4"], name="mystery", kind="other", op="Mystery", inputs=("fc2",))
    model = replace(model, graph=Graph("lenet5", (*model.graph.nodes, mystery)))
    state.set_model(model)
    assert sentence(view) == NO_VALUES
    state.set_inspection(sample_inspection(model))
    assert view.panel is not None
    state.select(Place("mystery", 3))
    assert "'Mystery'" in sentence(view)
    assert "Numbers" in sentence(view)
    state.select(Place("input", 0, (3, 3)))
    assert "nothing to compute" in sentence(view)
    state.select(None)
    assert sentence(view) == "Choose a layer in the map."
    state.select(Place("conv1"))
    assert view.panel is not None
    state.set_inspection(None)
    assert sentence(view) == NO_VALUES
    state.set_model(None)
    assert sentence(view) == NO_NETWORK


def test_another_network_of_the_same_layer_names_is_shown(state: AppState, view: StepThroughView) -> None:
    load(state)
    state.select(Place("flatten", 390))
    assert panel_of(view).unit == 390
    load(state, "lenet5_original")
    assert state.selection == Place("flatten")
    panel = panel_of(view)
    assert panel.operation is not None
    assert panel.operation.output_shape == (120, 1, 1)
    assert verdict(panel).startswith("✓")


def test_new_values_keep_layer_unit_and_cell(state: AppState, view: StepThroughView) -> None:
    load(state)
    assert state.model is not None
    generation = 1
    for place in (
        Place("conv2", 11, (3, 7)), Place("pool1", 4, (13, 2)), Place("relu2", 9, (0, 9)), Place("flatten", 321),
        Place("fc1", 77), Place("relu4", 50), Place("fc3", 8), Place("fc3", 5, softmax=True),
    ):  # fmt: skip
        state.select(place)
        before = panel_of(view)
        at = (before.unit, before.cell, before.torch_value())
        generation += 1
        state.set_inspection(look("lenet5", 200 + generation * 450, generation))
        after = panel_of(view)
        assert after is before
        assert state.selection == place
        assert (after.unit, after.cell) == at[:2]
        assert verdict(after).startswith("✓")
        assert state.inspection is not None
        if place.softmax:
            assert after.torch_value() == state.inspection.probabilities[place.unit or 0]
        else:
            wanted = as_maps(state.inspection.values[place.layer])[(place.unit or 0, *(place.cell or (0, 0)))]
            assert after.torch_value() == wanted


def test_new_values_do_not_call_a_walk_back(state: AppState, view: StepThroughView) -> None:
    """While the student draws, or a film runs, answers come faster than the walk rests."""
    load(state)
    state.select(Place("conv2", 3, (2, 2)))
    panel = panel_of(view)
    panel.go(3, (2, 3))
    panel.go(3, (2, 4))
    state.set_inspection(look("lenet5", 900, 2))
    assert (panel.unit, panel.cell) == (3, (2, 4))
    panel.announce()
    assert state.selection == Place("conv2", 3, (2, 4))


def test_a_choice_in_the_state_moves_the_panel(state: AppState, view: StepThroughView) -> None:
    load(state)
    state.select(Place("conv2", 3, (2, 5)))
    panel = panel_of(view)
    assert (panel.unit, panel.cell) == (3, (2, 5))
    state.select(Place("conv2", 15, (9, 0)))
    assert panel_of(view) is panel
    assert (panel.unit, panel.cell) == (15, (9, 0))
    state.select_unit(6)
    assert (panel.unit, panel.cell) == (6, (9, 0))  # the cell stays where it was
    state.select(Place("relu4", 50))
    assert panel_of(view).cell == divmod(50, 14)
    assert panel_of(view).torch_value() == state.inspection.values["relu4"][50]  # type: ignore[union-attr]
    state.select(Place("fc2", 83))
    assert panel_of(view).unit == 83


def test_a_choice_in_the_panel_reaches_the_state_when_it_rests(
    state: AppState, view: StepThroughView, qtbot: QtBot
) -> None:
    load(state)
    state.select(Place("conv1", 0, (0, 0)))
    panel = panel_of(view)
    with qtbot.waitSignal(state.selection_changed) as heard:
        panel.go(4, (7, 8))
        panel.go(4, (7, 9))
        assert state.selection == Place("conv1", 0, (0, 0))
    assert heard.args == [Place("conv1", 4, (7, 9))]
    for place, go, expected in (
        (Place("relu1", 1, (0, 0)), (5, (27, 3)), Place("relu1", 5, (27, 3))),
        (Place("relu4", 1), (0, (2, 13)), Place("relu4", 2 * 14 + 13)),
        (Place("flatten", 1), (399, (0, 0)), Place("flatten", 399)),
        (Place("fc2", 1), (60, (0, 0)), Place("fc2", 60)),
        (Place("fc3", 1), (9, (0, 0)), Place("fc3", 9)),
        (Place("fc3", 1, softmax=True), (9, (0, 0)), Place("fc3", 9, softmax=True)),
    ):
        state.select(place)
        panel = panel_of(view)
        panel.go(*go)
        panel.announce()
        assert state.selection == expected
        assert (panel.unit, panel.cell) == go


def test_a_choice_among_maps_of_one_cell_that_are_drawn_as_one_map(state: AppState, view: StepThroughView) -> None:
    load(state, "lenet5_original")
    state.select(Place("tanh5", 3, (0, 0)))
    panel = panel_of(view)
    assert (panel.unit, panel.cell) == (0, (0, 3))
    panel.go(0, (1, 9))
    panel.announce()
    assert state.selection == Place("tanh5", 29, (0, 0))
    assert (panel.unit, panel.cell) == (0, (1, 9))
    assert panel.torch_value() == state.inspection.values["tanh5"][29, 0, 0]  # type: ignore[union-attr]


def test_the_node_s_field_and_the_keys_choose_a_node(state: AppState, view: StepThroughView) -> None:
    load(state)
    state.select(Place("fc2", 10))
    panel = panel_of(view)
    assert isinstance(panel, DensePanel)
    panel.unit_box.setValue(33)
    panel.announce()
    assert state.selection == Place("fc2", 33)
    QTest.keyClick(panel, Qt.Key.Key_Right)
    QTest.keyClick(panel, Qt.Key.Key_Right)
    panel.announce()
    assert state.selection == Place("fc2", 35)


def test_a_hidden_panel_s_choice_does_not_come_through(state: AppState, view: StepThroughView) -> None:
    load(state)
    state.select(Place("conv1", 0, (0, 0)))
    conv = panel_of(view)
    state.select(Place("fc1", 4))
    conv.place_chosen.emit(3, (3, 3))
    assert state.selection == Place("fc1", 4)


def test_softmax_is_switched_on_the_last_layer(state: AppState, view: StepThroughView) -> None:
    load(state)
    state.select(Place("fc2", 3))
    assert not view._which.isVisible()
    state.select(Place("fc3", 4))
    assert view._which.isVisible()
    assert not view._which.isChecked()
    assert isinstance(panel_of(view), DensePanel)
    view._which.click()
    assert state.selection == Place("fc3", 4, softmax=True)
    panel = panel_of(view)
    assert isinstance(panel, SoftmaxPanel)
    assert panel.unit == 4
    assert verdict(panel).startswith("✓")
    assert state.inspection is not None
    assert panel.torch_value() == state.inspection.probabilities[4]
    view._which.click()
    assert state.selection == Place("fc3", 4)
    assert isinstance(panel_of(view), DensePanel)
    state.select(Place("fc3", 2, softmax=True))
    assert view._which.isChecked()
    state.select(Place("conv1"))
    assert not view._which.isVisible()


def test_digits_go_to_every_panel_and_are_remembered(
    state: AppState, view: StepThroughView, show_view: Callable[..., View], tmp_path: Path
) -> None:
    load(state)
    state.select(Place("conv1", 0, (4, 4)))
    first = panel_of(view)
    assert first.digits == 3
    texts = set()
    for digits in range(2, 8):
        view._digits.setValue(digits)
        assert first.digits == digits
        first.formula.settle()  # type: ignore[attr-defined]
        texts.add(first.formula.tex)  # type: ignore[attr-defined]
    assert len(texts) == 6
    state.select(Place("fc1", 4))  # made later than the choice
    assert panel_of(view).digits == 7
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    settings.sync()
    again = show_view(StepThroughView)
    again.recall(Settings(tmp_path / "s.ini"))
    assert isinstance(again, StepThroughView)
    assert again._digits.value() == 7
    assert again.panel is not None
    assert again.panel.digits == 7
    for written, read in ((1, 2), (99, 7), ("many", 3), (2, 2)):
        settings.put("step/digits", written)
        view.recall(settings)
        assert view._digits.value() == read


def test_a_view_that_was_hidden_shows_what_was_chosen_meanwhile(state: AppState, view: StepThroughView) -> None:
    load(state)
    state.select(Place("conv1", 0, (0, 0)))
    assert isinstance(panel_of(view), ConvolutionPanel)
    view.hide()
    state.select(Place("conv1", 5, (6, 7)))
    state.set_inspection(look("lenet5", 1200, 2))
    view.show()
    panel = panel_of(view)
    assert (panel.unit, panel.cell) == (5, (6, 7))
    assert state.inspection is not None
    assert panel.torch_value() == state.inspection.values["conv1"][5, 6, 7]
