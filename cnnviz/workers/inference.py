"""From the state to the network and back: one lane, one model instance, one result at a time."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from cnnviz.core import scale
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel, ModelRequest, PixelArray
from cnnviz.core.memory import give_memory_back
from cnnviz.models.sources import source_of
from cnnviz.state.app_state import AppState, ColourScope, Gradient, InputState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.training_state import LiveWeights
from cnnviz.workers.gentle_import import gentle_import
from cnnviz.workers.latest_lane import LatestLane

if TYPE_CHECKING:
    from cnnviz.models.engine import Engine


@dataclass(frozen=True, eq=False)
class InferenceRequest:
    """All that the lane needs: it reads no widget and no state; `over_network` asks for the limits of all layers."""

    model: ModelRequest
    image_hw: FloatArray | None
    generation: int
    photo: PixelArray | None = None
    over_network: bool = False
    live: LiveWeights | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class GradientRequest(InferenceRequest):
    """Asks how one value changes with the picture, instead of for all values."""

    place: Place


@dataclass(frozen=True, eq=False)
class InferenceResult:
    """The network that answered and, where there was a picture, its values or what else was asked for."""

    model: LoadedModel
    inspection: Inspection | None
    gradient: Gradient | None = None


def make_handler() -> Callable[[InferenceRequest], InferenceResult]:
    """Return the lane's function. Runs in the lane's thread: torch is imported there, after the window is shown."""
    with gentle_import():
        from cnnviz.core import device as devices
        from cnnviz.models.engine import Engine

    engine: Engine | None = None
    untidy = False
    renewed: LiveWeights | None = None

    def handle(request: InferenceRequest) -> InferenceResult:
        nonlocal engine, untidy, renewed
        if untidy and engine is not None and engine.request == request.model:
            untidy = False  # by now the window has let go of the network before, too
            give_memory_back()
        if engine is None or engine.request != request.model:
            _import_zoo(request.model)
            engine, untidy, renewed = Engine(request.model), True, None
            devices.set_threads_for(engine.loaded.graph.macs)
        if request.live is not None and request.live is not renewed:
            run = Path(request.model.weights_path or "").parent.name
            engine.renew(request.live.tensors, f"{run}, step {request.live.step:,}")
            renewed = request.live
        inspection = None
        if isinstance(request, GradientRequest):
            place = request.place
            slope_hw = engine.gradient(place.layer, place.unit, place.cell, request.image_hw, photo=request.photo)
            return InferenceResult(engine.loaded, None, Gradient(request.model, request.generation, place, slope_hw))
        if request.image_hw is not None:
            inspection = engine.inspect(request.image_hw, request.generation, photo=request.photo)
            if request.over_network:
                limits = scale.network_limits(engine.loaded.graph, inspection.values)
                inspection = replace(inspection, network_limits=limits)
        return InferenceResult(engine.loaded, inspection)

    return handle


def _import_zoo(model: ModelRequest) -> None:
    """Import torchvision, where the network is one of its or may be, as gently as torch."""
    from cnnviz.models import registry, weight_files

    path = model.weights_path or ""
    own = weight_files.network_named_in(path) if path.endswith(".safetensors") else ""
    if registry.is_file(model.name) and own not in {spec.name for spec in registry.MODELS}:
        module = "cnnviz.models.torchvision_zoo"  # to tell whose weights they are
        needed = source_of(path) == "weights"
    else:
        spec = registry.get(own if registry.is_file(model.name) else model.name)
        module = spec.builder.partition(":")[0]
        needed = spec.input.preparation == "photo"
    if needed and module not in sys.modules:
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
        state.scope_changed.connect(self._on_state_scope_changed)
        state.gradient_requested.connect(self._on_state_gradient_requested)
        state.training.live_changed.connect(self._on_training_live_changed)
        self._unanswered: InferenceRequest | None = None  # the newest picture or network that the lane was given
        self._place: Place | None = None  # whose gradient is wished for
        self._asked = False  # the lane was given that wish

    def stop(self) -> None:
        """Stop the lane and wait for it."""
        self._lane.stop()

    def _submit(self, current: InputState | None) -> None:
        request = self._state.model_request
        if request is not None:
            wish = InferenceRequest(request, None, 0)
            if current is not None:
                over_network = self._state.scope == "network"
                wish = InferenceRequest(request, current.image_hw, current.generation, current.photo, over_network)
            live = self._state.training.live
            if live is not None and live.request == request:
                wish = replace(wish, live=live)
            self._unanswered, self._asked = wish, False  # what waits in the lane gives way
            self._lane.submit(wish)

    def _submit_gradient(self) -> None:
        """Ask for the gradient that is wished for when no picture or network waits: the lane is theirs first."""
        current, request, place = self._state.input, self._state.model_request, self._place
        if place is None or self._asked or self._unanswered is not None or current is None or request is None:
            return
        self._asked = True
        self._lane.submit(GradientRequest(request, current.image_hw, current.generation, current.photo, place=place))

    @Slot(object)
    def _on_state_gradient_requested(self, place: Place) -> None:
        self._place, self._asked = place, False
        self._submit_gradient()

    def _answered(self, request: InferenceRequest) -> bool:
        """Note an answer, and return whether it was one to a wish for a gradient."""
        if request is self._unanswered:
            self._unanswered = None
        if not isinstance(request, GradientRequest):
            self._submit_gradient()
            return False
        if request.place == self._place:
            self._place, self._asked = None, False
        return True

    @Slot(object)
    def _on_state_input_changed(self, current: InputState) -> None:
        self._submit(current)

    @Slot(object)
    def _on_state_scope_changed(self, scope: ColourScope) -> None:
        """Let the lane read all values, which takes too long here; until then the scale is the layer's."""
        values = self._state.inspection
        if scope == "network" and (values is None or values.network_limits is None or self._state.is_stale):
            self._submit(self._state.input)

    @Slot(object)
    def _on_training_live_changed(self, live: LiveWeights | None) -> None:
        if live is not None and live.request == self._state.model_request:
            self._submit(self._state.input)

    @Slot(object)
    def _on_state_model_requested(self, request: ModelRequest) -> None:
        self._state.set_loading(True)
        self._submit(self._state.input)

    @Slot(object, object)
    def _on_lane_done(self, request: InferenceRequest, result: InferenceResult) -> None:
        if self._answered(request):
            current = self._state.input
            if result.model is self._state.model and current is not None and request.generation == current.generation:
                self._state.set_gradient(result.gradient)
            return
        if result.model.request != self._state.model_request:
            return  # another network was asked for meanwhile; its own result is on the way
        self._state.set_model(result.model)
        self._state.set_loading(False)
        self._state.set_inspection(result.inspection)

    @Slot(object, object)
    def _on_lane_failed(self, request: InferenceRequest, error: BaseException) -> None:
        if self._answered(request):
            self._messages.report(error)
            self._state.refuse_gradient()
            return
        self._messages.report(error, "network")
        loaded = self._state.model
        if request.model == self._state.model_request and (loaded is None or loaded.request != request.model):
            self._state.keep_model()
            self._submit(self._state.input)  # the lane goes back to the network that it had
            self._state.set_loading(False)
