"""What the lane is given: always both forms of the picture, so that the next network has what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot

from cnnviz.core.image import load_picture
from cnnviz.core.inspection import ModelRequest
from cnnviz.core.paths import resources_dir
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.workers.inference import InferenceRequest, InferenceResult, InferenceService, make_handler

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
