"""The rules of the single source of truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import ModelRequest
from cnnviz.state.app_state import LATE_MS, AppState, Download, Place
from tests.samples import sample_inspection, sample_model

IMAGE = np.zeros((28, 28), np.float32)

pytestmark = pytest.mark.usefixtures("qapp")  # the state has a timer


def test_every_input_gets_a_higher_generation() -> None:
    state = AppState()
    seen: list[int] = []
    state.input_changed.connect(lambda value: seen.append(value.generation))
    for _ in range(3):
        state.set_input(IMAGE, blank=False)
    assert seen == [1, 2, 3]


def test_a_photograph_is_carried_beside_the_digit_and_not_copied() -> None:
    state = AppState()
    pixels = np.zeros((30, 40, 3), np.uint8)
    current = state.set_input(IMAGE, blank=False, photo=pixels)
    assert current.photo is pixels
    assert current.image_hw is IMAGE
    assert state.set_input(IMAGE, blank=False).photo is None


def test_older_results_are_dropped_and_newer_ones_shown_even_if_not_the_newest() -> None:
    state = AppState()
    model = sample_model()
    state.set_model(model)
    for _ in range(5):
        state.set_input(IMAGE, blank=False)
    third = sample_inspection(model, generation=3)
    state.set_inspection(third)
    assert state.inspection is third
    assert state.is_stale
    state.set_inspection(sample_inspection(model, generation=2))
    assert state.inspection is third
    fifth = sample_inspection(model, generation=5)
    state.set_inspection(fifth)
    assert state.inspection is fifth
    assert not state.is_stale


def test_values_are_late_when_no_answer_has_come_for_a_while(qtbot: QtBot) -> None:
    state = AppState()
    model = sample_model()
    state.set_model(model)
    state.set_inspection(sample_inspection(model, generation=state.set_input(IMAGE, blank=False).generation))
    with qtbot.assertNotEmitted(state.late_changed):
        newest = state.set_input(IMAGE, blank=False)
    assert not state.late
    with qtbot.waitSignal(state.late_changed) as late:
        pass
    assert late.args == [True]
    assert state.late
    with qtbot.waitSignal(state.late_changed) as late:
        state.set_inspection(sample_inspection(model, generation=newest.generation))
    assert late.args == [False]
    assert not state.late


def test_answers_on_the_way_keep_values_from_being_late(qtbot: QtBot) -> None:
    state = AppState()
    model = sample_model()
    state.set_model(model)
    state.set_inspection(sample_inspection(model, generation=state.set_input(IMAGE, blank=False).generation))
    first = state.set_input(IMAGE, blank=False)
    state.set_input(IMAGE, blank=False)
    qtbot.waitUntil(lambda: state._patience.remainingTime() < LATE_MS // 2)
    state.set_inspection(sample_inspection(model, generation=first.generation))  # one behind, but it follows
    assert not state.late
    assert state._patience.remainingTime() > LATE_MS // 2
    with qtbot.waitSignal(state.late_changed):
        pass


def test_results_of_another_network_are_dropped() -> None:
    state = AppState()
    model = sample_model()
    state.set_model(model)
    other = replace(sample_inspection(model, generation=9), request=ModelRequest("lenet5", "other.safetensors"))
    state.set_inspection(other)
    assert state.inspection is None


def test_another_network_drops_values_and_a_selection_that_it_does_not_have() -> None:
    state = AppState()
    model = sample_model()
    state.set_model(model)
    state.set_inspection(sample_inspection(model))
    state.select(Place("fc1", 100))
    smaller = replace(model, request=ModelRequest("other"), graph=replace(model.graph, nodes=model.graph.nodes[:4]))
    state.set_model(smaller)
    assert state.inspection is None
    assert state.selection == Place("conv1")


def test_setters_are_silent_when_nothing_changes() -> None:
    state = AppState()
    model = sample_model()
    state.set_model(model)
    state.select(Place("conv1", 2))
    seen: list[object] = []
    for signal in (state.model_changed, state.selection_changed, state.scope_changed, state.model_requested):
        signal.connect(seen.append)
    state.set_model(model)
    state.select(Place("conv1", 2))
    state.set_scope("layer")
    assert seen == []


def test_a_cell_that_another_network_does_not_have_is_dropped() -> None:
    state = AppState()
    model = sample_model()
    state.select(Place("conv2", 3, (31, 31)))
    state.set_model(model)
    assert state.selection == Place("conv2", 3)
    state.set_model(None)
    state.select(Place("conv2", 3, (9, 9)))
    state.set_model(model)
    assert state.selection == Place("conv2", 3, (9, 9))


def test_a_withdrawn_request_can_be_made_again() -> None:
    state = AppState()
    state.set_model(sample_model())
    wishes: list[object] = []
    state.model_requested.connect(wishes.append)
    wish = ModelRequest("lenet5", "broken.safetensors")
    state.request_model(wish)
    state.keep_model()
    state.request_model(wish)
    assert wishes == [wish, wish]


def test_the_same_network_is_asked_for_again_only_when_its_files_have_changed() -> None:
    state = AppState()
    wishes: list[ModelRequest] = []
    state.model_requested.connect(wishes.append)
    state.reload_model()  # nothing was asked for yet
    assert wishes == []
    first = ModelRequest("resnet18")
    state.request_model(first)
    state.request_model(first)
    assert wishes == [first]
    state.reload_model()
    state.request_model(first)  # choosing it in a list again is no reason to load it
    assert wishes == [first, replace(first, edition=1)]
    state.request_model(ModelRequest("resnet34"))
    state.request_model(first)
    assert wishes[2:] == [ModelRequest("resnet34"), first]


def test_values_of_the_weights_before_are_not_shown_with_the_new_ones() -> None:
    state = AppState()
    old = sample_model()
    state.set_model(old)
    state.set_inspection(sample_inspection(old))
    new = replace(old, request=replace(old.request, edition=1))
    state.set_model(new)
    assert state.inspection is None
    state.set_inspection(sample_inspection(old, generation=9))
    assert state.inspection is None


def test_a_download_is_said_once() -> None:
    state = AppState()
    seen: list[object] = []
    state.download_changed.connect(seen.append)
    state.set_download(None)
    state.set_download(Download("vgg16", "VGG-16", 10))
    state.set_download(Download("vgg16", "VGG-16", 10))
    assert seen == [state.download]


def test_the_selected_layer_comes_with_its_values() -> None:
    state, model = AppState(), sample_model()
    assert state.selected_layer is None
    state.set_model(model)
    state.select(Place("fc1", 3))
    assert state.selected_layer is None  # no values yet
    assert state.network_limits is None
    inspection = replace(sample_inspection(model), network_limits={"fc1": 2.0})
    state.set_inspection(inspection)
    layer = state.selected_layer
    assert layer is not None
    assert layer.place == Place("fc1", 3)
    assert layer.node is model.graph["fc1"]
    assert layer.values is inspection.values["fc1"]
    assert layer.maps_chw.shape == (120, 1, 1)
    assert state.network_limits == {"fc1": 2.0}
    state.select(Place("no such layer"))
    assert state.selected_layer is None
    state.select(None)
    assert state.selected_layer is None
