"""An input that is kept beside the present one belongs to the network that is loaded, with the values of that input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("PySide6")

from cnnviz.core.inspection import ModelRequest
from cnnviz.state.app_state import AppState, PinnedInput
from tests.samples import sample_inspection, sample_model

IMAGE = np.zeros((28, 28), np.float32)
MODEL = sample_model()

pytestmark = pytest.mark.usefixtures("qapp")  # the state has a timer


@pytest.fixture
def state() -> AppState:
    made = AppState()
    made.set_model(MODEL)
    return made


@pytest.fixture
def seen(state: AppState) -> list[PinnedInput | None]:
    made: list[PinnedInput | None] = []
    state.pinned_changed.connect(made.append)
    return made


def test_the_present_input_is_kept_with_its_values(state: AppState, seen: list[PinnedInput | None]) -> None:
    state.pin()
    assert state.pinned is None  # there is nothing yet
    current = state.set_input(IMAGE, blank=False, title="A seven")
    values = sample_inspection(MODEL, generation=current.generation)
    state.set_inspection(values)
    state.pin()
    assert state.pinned is not None
    assert (state.pinned.input, state.pinned.inspection) == (current, values)
    state.set_input(IMAGE, blank=False)
    assert state.pinned.input is current
    state.unpin()
    state.unpin()
    assert state.pinned is None
    assert len(seen) == 2


def test_values_that_are_on_their_way_are_waited_for(state: AppState, seen: list[PinnedInput | None]) -> None:
    state.set_inspection(sample_inspection(MODEL, generation=state.set_input(IMAGE, blank=False).generation))
    current = state.set_input(IMAGE, blank=False)
    state.pin()
    assert state.pinned is None
    state.set_inspection(sample_inspection(MODEL, generation=current.generation))
    assert seen == [state.pinned]
    assert state.pinned is not None
    assert state.pinned.input is current
    newer = state.set_input(IMAGE, blank=False)
    state.set_inspection(sample_inspection(MODEL, generation=newer.generation))
    assert len(seen) == 1  # it was wished once


def test_letting_go_withdraws_the_wish(state: AppState, seen: list[PinnedInput | None]) -> None:
    current = state.set_input(IMAGE, blank=False)
    state.pin()
    state.unpin()
    state.set_inspection(sample_inspection(MODEL, generation=current.generation))
    assert state.pinned is None
    assert seen == []


def test_another_network_lets_go_of_it(state: AppState, seen: list[PinnedInput | None]) -> None:
    current = state.set_input(IMAGE, blank=False)
    state.set_inspection(sample_inspection(MODEL, generation=current.generation))
    state.pin()
    state.set_model(replace(MODEL))  # the same once more
    assert state.pinned is not None
    state.set_model(replace(MODEL, request=ModelRequest("lenet5_original")))
    assert state.pinned is None
    assert seen[-1] is None
