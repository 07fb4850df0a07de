"""The lane that copies weights out of runs' folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Slot

from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.training_state import TrainingState
from cnnviz.training.keeping import Keep, copy
from cnnviz.workers.gentle_import import gentle_import
from cnnviz.workers.latest_lane import LatestLane


def is_at_work(training: TrainingState) -> bool:
    """Return whether the network in sight is the one that learns here now: newer than all files of it."""
    progress = training.progress
    return progress.is_active and progress.started is not None and training.cursor is None


def make_keeper() -> Callable[[Keep], Path]:
    """Return the function of the lane that copies; it returns the file."""
    with gentle_import():
        pass

    return copy


class KeepingService(QObject):
    """Brings the wish to keep a network to its lane, one after the other; what learns now its own thread writes."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._messages = state.training, messages
        self._waiting: list[Keep] = []  # a lane alone forgets all but the newest
        self._lane = LatestLane(make_keeper, "keeping", self)
        self._lane.done.connect(self._on_lane_done)
        self._lane.failed.connect(self._on_lane_failed)
        self._state.keep_requested.connect(self._on_keep_requested)
        self._state.keep_best_requested.connect(self._on_keep_best_requested)

    def stop(self) -> None:
        """Let the copy at work end, and wait for it."""
        self._lane.stop()

    @Slot(str)
    def _on_keep_requested(self, target: str) -> None:
        if not is_at_work(self._state):
            self._keep("last" if self._state.cursor is None else self._state.cursor, target)

    @Slot(str)
    def _on_keep_best_requested(self, target: str) -> None:
        if not is_at_work(self._state):
            self._keep("best", target)

    def _keep(self, what: int | Literal["last", "best"], target: str) -> None:
        if self._state.progress.path is not None:
            self._waiting.append(Keep(self._state.progress.path, what, Path(target)))
            if len(self._waiting) == 1:
                self._lane.submit(self._waiting[0])

    @Slot(object, object)
    def _on_lane_done(self, request: Keep, path: Path) -> None:
        named = {"last": "as it was saved last", "best": "of the best epoch"}
        what = f"after step {request.what:,}" if isinstance(request.what, int) else named[request.what]
        self._messages.notice(f"The network {what} was kept as {path.name}.", "training")
        self._go_on()

    @Slot(object, object)
    def _on_lane_failed(self, request: Keep, error: BaseException) -> None:
        self._messages.report(error, "training")
        self._go_on()

    def _go_on(self) -> None:
        del self._waiting[0]
        if self._waiting:
            self._lane.submit(self._waiting[0])
