"""From the state to the network and back: one lane, one model instance, one result at a time."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel, ModelRequest, PixelArray
from cnnviz.state.app_state import AppState, InputState
from cnnviz.state.messages import MessageCenter
from cnnviz.workers.gentle_import import gentle_import
from cnnviz.workers.latest_lane import LatestLane

if TYPE_CHECKING:
    from cnnviz.models.engine import Engine


@dataclass(frozen=True, eq=False)
class InferenceRequest:
    """All that the lane needs: it reads no widget and no state."""

    model: ModelRequest
    image_hw: FloatArray | None
    generation: int
    photo: PixelArray | None = None


@dataclass(frozen=True, eq=False)
class InferenceResult:
    """The network that answered and, where there was a picture, its values."""

    model: LoadedModel
    inspection: Inspection | None


def make_handler() -> Callable[[InferenceRequest], InferenceResult]:
    """Return the lane's function. Runs in the lane's thread: torch is imported there, after the window is shown."""
    with gentle_import():
        from cnnviz.core import device as devices
        from cnnviz.models.engine import Engine

    engine: Engine | None = None

    def handle(request: InferenceRequest) -> InferenceResult:
        nonlocal engine
        if engine is None or engine.request != request.model:
            _import_zoo(request.model)
            engine = Engine(request.model)
            devices.set_threads_for(engine.loaded.graph.macs)
        inspection = None
        if request.image_hw is not None:
            inspection = engine.inspect(request.image_hw, request.generation, photo=request.photo)
        return InferenceResult(engine.loaded, inspection)

    return handle


def _import_zoo(model: ModelRequest) -> None:
    """Import torchvision, where the network is one of its, as gently as torch."""
    from cnnviz.models import registry

    spec = registry.get(model.name)
    module = spec.builder.partition(":")[0]
    if spec.input.preparation == "photo" and module not in sys.modules:
        with gentle_import():
            importlib.import_module(module)


class InferenceService(QObject):
    """Keeps the inspection of the state as new as its input and its network."""

    def __init__(
        self,
        state: AppState,
        messages: MessageCenter,
        parent: QObject | None = None,
        factory: Callable[[], Callable[[InferenceRequest], InferenceResult]] = make_handler,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._messages = messages
        self._lane = LatestLane(factory, "inference", self)
        self._lane.done.connect(self._on_lane_done)
        self._lane.failed.connect(self._on_lane_failed)
        state.input_changed.connect(self._on_state_input_changed)
        state.model_requested.connect(self._on_state_model_requested)

    def stop(self) -> None:
        """Stop the lane and wait for it."""
        self._lane.stop()

    def _submit(self, current: InputState | None) -> None:
        request = self._state.model_request
        if request is not None:
            wish = InferenceRequest(request, None, 0)
            if current is not None:
                wish = InferenceRequest(request, current.image_hw, current.generation, current.photo)
            self._lane.submit(wish)

    @Slot(object)
    def _on_state_input_changed(self, current: InputState) -> None:
        self._submit(current)

    @Slot(object)
    def _on_state_model_requested(self, request: ModelRequest) -> None:
        self._state.set_loading(True)
        self._submit(self._state.input)

    @Slot(object, object)
    def _on_lane_done(self, request: InferenceRequest, result: InferenceResult) -> None:
        if result.model.request != self._state.model_request:
            return  # another network was asked for meanwhile; its own result is on the way
        self._state.set_model(result.model)
        self._state.set_loading(False)
        self._state.set_inspection(result.inspection)

    @Slot(object, object)
    def _on_lane_failed(self, request: InferenceRequest, error: BaseException) -> None:
        self._messages.report(error, "network")
        loaded = self._state.model
        if request.model == self._state.model_request and (loaded is None or loaded.request != request.model):
            self._state.keep_model()
            self._submit(self._state.input)  # the lane goes back to the network that it had
            self._state.set_loading(False)
