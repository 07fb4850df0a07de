"""Listing the layers up to which the run at work can be frozen: its own, whatever the exploring views show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.training_state import Progress
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import Started
from cnnviz.workers.gentle_import import gentle_import
from cnnviz.workers.latest_lane import LatestLane

Request = tuple[Path, TrainConfig]


def make_lister() -> Callable[[Request], tuple[str, ...]]:
    """Return the function of the lane; all layers with weights but the last, which something has to learn in."""
    with gentle_import():
        from cnnviz.training.layers_of import trainable_layers

    def handle(request: Request) -> tuple[str, ...]:
        path, config = request
        classes = runs.read_facts(path).get("classes", ())
        layers = trainable_layers(replace(config, start=""), len(classes))  # the weights it began with do not matter
        return tuple(layer.path for layer in layers[:-1])

    return handle


class LayerListService(QObject):
    """Says in the state which layers these are, once for each run that this program trains."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._messages = state.training, messages
        self._started: Started | None = None  # the run whose layers were asked for
        self._lane = LatestLane(make_lister, "listing layers", self)
        self._lane.done.connect(self._on_lane_done)
        self._lane.failed.connect(self._on_lane_failed)
        self._state.progress_changed.connect(self._on_progress_changed)

    def stop(self) -> None:
        """Stop the lane and wait for it."""
        self._lane.stop()

    @Slot(object)
    def _on_progress_changed(self, progress: Progress) -> None:
        started = progress.started if progress.is_active else None
        if started is self._started:
            return
        self._started = started
        self._state.set_freezable(())
        if started is not None and progress.path is not None:
            self._lane.submit((progress.path, started.config))

    @Slot(object, object)
    def _on_lane_done(self, request: Request, paths: tuple[str, ...]) -> None:
        if self._started is not None and request[0] == self._state.progress.path:
            self._state.set_freezable(paths)

    @Slot(object, object)
    def _on_lane_failed(self, request: Request, error: BaseException) -> None:
        self._messages.report(error, "training")
