"""What the lane is given: always both forms of the picture, so that the next network has what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot

from cnnviz.core import scale
from cnnviz.core.image import load_picture
from cnnviz.core.inspection import ModelRequest
from cnnviz.core.paths import resources_dir
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.workers.inference import GradientRequest, InferenceRequest, InferenceResult, InferenceService, make_handler

PHOTO = load_picture(resources_dir() / "photos" / "rocket.jpg").pixels_hwc
RESNET, LENET = ModelRequest("resnet18", device="cpu"), ModelRequest("lenet5", device="cpu")


class Desk:
    """A service with its state, and what its lane was given."""

    def __init__(self) -> None:
        self.state, self.messages = AppState(), MessageCenter()
        self.posted: list[Message] = []
        self.messages.posted.connect(self.posted.append)
        self.messages.open()
        self.given: list[InferenceRequest] = []
        self.service = InferenceService(self.state, self.messages, factory=self.make)

    def make(self) -> Callable[[InferenceRequest], InferenceResult]:
        handle = make_handler()

        def note(request: InferenceRequest) -> InferenceResult:
            self.given.append(request)
            return handle(request)

        return note


@pytest.fixture
def desk(qapp: object) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.service.stop()


def test_networks_are_switched_both_ways_with_one_picture(desk: Desk, qtbot: QtBot) -> None:
    state = desk.state
    image_hw = np.zeros((28, 28), np.float32)
    image_hw[4:24, 12:16] = 1
    current = state.set_input(image_hw, blank=False, photo=PHOTO)
    logits = []
    for request in (LENET, RESNET, LENET):
        state.request_model(request)
        qtbot.waitUntil(lambda: not state.loading, timeout=60_000)
        assert state.model is not None
        assert state.model.request == request
        assert state.inspection is not None
        assert state.inspection.generation == current.generation
        assert state.inspection.values["input"].shape == ((3, 224, 224) if request is RESNET else (1, 28, 28))
        logits.append(state.inspection.logits)
    assert np.array_equal(logits[0], logits[2])
    assert len(desk.given) == 3
    assert all(request.photo is PHOTO and request.image_hw is image_hw for request in desk.given)
    assert desk.posted == []


PLACE = Place("conv1", 3, (12, 20))


def loaded(desk: Desk, qtbot: QtBot) -> None:
    desk.state.set_input(np.full((28, 28), 0.5, np.float32), blank=False)
    desk.state.request_model(LENET)
    qtbot.waitUntil(lambda: desk.state.inspection is not None, timeout=60_000)


def test_a_gradient_is_answered_by_the_lane_that_has_the_network(desk: Desk, qtbot: QtBot) -> None:
    loaded(desk, qtbot)
    with qtbot.waitSignal(desk.state.gradient_changed):
        desk.state.gradient_requested.emit(PLACE)
    found, model = desk.state.gradient, desk.state.model
    assert found is not None
    assert model is not None
    assert (found.place, found.generation, found.model) == (PLACE, 1, LENET)
    kernel = np.abs(model.weights["conv1.weight"][3, 0])
    assert np.array_equal(found.magnitude_hw[10:15, 18:23], kernel)
    assert isinstance(desk.given[-1], GradientRequest)


def test_pictures_come_first_and_a_gradient_of_an_older_one_is_dropped(desk: Desk, qtbot: QtBot) -> None:
    loaded(desk, qtbot)
    state, said = desk.state, []
    state.gradient_changed.connect(said.append)
    state.gradient_requested.emit(PLACE)
    newer = state.set_input(np.ones((28, 28), np.float32), blank=False)  # takes the place of what waits in the lane
    state.gradient_requested.emit(Place("fc3", 1))
    qtbot.waitUntil(lambda: state.gradient is not None, timeout=10_000)
    assert state.inspection is not None
    assert state.inspection.generation == newer.generation
    assert [(gradient.place, gradient.generation) for gradient in said] == [(Place("fc3", 1), newer.generation)]
    kinds = [type(request) for request in desk.given]
    assert kinds[-1] is GradientRequest
    assert InferenceRequest in kinds[1:]


def test_a_gradient_that_fails_is_a_message_and_the_lane_lives_on(
    desk: Desk, qtbot: QtBot, expected_log: pytest.LogCaptureFixture
) -> None:
    loaded(desk, qtbot)
    desk.state.gradient_requested.emit(Place("no such layer"))
    qtbot.waitUntil(lambda: bool(desk.posted), timeout=10_000)
    assert desk.state.model is not None
    with qtbot.waitSignal(desk.state.gradient_changed):
        desk.state.gradient_requested.emit(PLACE)


def test_the_limits_of_the_network_are_found_in_the_lane_while_they_are_wanted(desk: Desk, qtbot: QtBot) -> None:
    loaded(desk, qtbot)
    state = desk.state
    before, model = state.inspection, state.model
    assert before is not None
    assert model is not None
    assert state.network_limits is None
    with qtbot.waitSignal(state.inspection_changed, timeout=10_000):
        state.set_scope("network")
    after = state.inspection
    assert after is not None
    assert after.network_limits == scale.network_limits(model.graph, before.values)
    state.set_scope("unit")
    state.set_scope("network")  # they are known
    assert len(desk.given) == 2
    newer = state.set_input(np.ones((28, 28), np.float32), blank=False)
    qtbot.waitUntil(lambda: state.inspection is not None and state.inspection.generation == newer.generation)
    assert state.network_limits is not None
    assert state.network_limits != after.network_limits
    state.set_scope("layer")
    newest = state.set_input(np.zeros((28, 28), np.float32), blank=True)
    qtbot.waitUntil(lambda: state.inspection is not None and state.inspection.generation == newest.generation)
    assert state.network_limits is None
