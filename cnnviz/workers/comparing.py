"""Networks compared on one picture, away from the window: one after another, each a row as soon as it is known."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Slot

from cnnviz.core.errors import UserError
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import registry
from cnnviz.models.comparing import Compared, Question
from cnnviz.state.app_state import AppState, Comparison
from cnnviz.state.messages import MessageCenter
from cnnviz.workers.gentle_import import gentle_import
from cnnviz.workers.latest_lane import LatestLane

ZOO = "cnnviz.models.torchvision_zoo"


@dataclass(frozen=True, eq=False)
class Turn:
    """One network's turn: all that the lane needs."""

    question: Question
    index: int
    stopped: Callable[[], bool]

    @property
    def model(self) -> ModelRequest:
        """The network."""
        return self.question.models[self.index]


def make_handler() -> Callable[[Turn], Compared | None]:
    """Return the lane's function: it gives a row, or ``None`` when it was given up."""
    with gentle_import():
        import torch  # noqa: F401  # in the lane's thread, with the window's hand on the wheel

    from cnnviz.models import comparing

    def handle(turn: Turn) -> Compared | None:
        if ZOO not in sys.modules and turn.model.name in {m.name for m in registry.MODELS if m.is_torchvision}:
            with gentle_import():
                importlib.import_module(ZOO)
        question = turn.question
        try:
            return comparing.compare_one(turn.model, question.image_hw, question.photo, stopped=turn.stopped)
        except comparing.Stopped:
            return None

    return handle


def _title(model: ModelRequest) -> str:
    """Return a network's name for people; what is not registered has its own."""
    try:
        return registry.get(model.name).title
    except UserError:
        return model.name


class ComparisonService(QObject):
    """Answers `AppState.comparison_requested` by `AppState.comparison`, row by row."""

    def __init__(
        self,
        state: AppState,
        messages: MessageCenter,
        parent: QObject | None = None,
        factory: Callable[[], Callable[[Turn], Compared | None]] = make_handler,
    ) -> None:
        super().__init__(parent)
        self._state, self._messages = state, messages
        self._stop = threading.Event()
        self._lane = LatestLane(factory, "comparison", self)
        self._lane.done.connect(self._on_lane_done)
        self._lane.failed.connect(self._on_lane_failed)
        state.comparison_requested.connect(self._on_state_comparison_requested)
        state.comparison_cancelled.connect(self._on_state_comparison_cancelled)

    def stop(self) -> None:
        """Give up what runs, and wait for the thread."""
        self._stop.set()
        self._lane.stop()

    def _go_on(self, known: Comparison) -> None:
        """Say what is known, and let the next network have its turn."""
        models, index = known.question.models, len(known.rows)
        if index >= len(models):
            self._state.set_comparison(replace(known, running=None))
            return
        self._state.set_comparison(replace(known, running=_title(models[index])))
        self._lane.submit(Turn(known.question, index, self._stop.is_set))

    @Slot(object)
    def _on_state_comparison_requested(self, question: Question) -> None:
        self._stop.set()  # whatever runs for an older question
        self._stop = threading.Event()
        current = self._state.input
        self._go_on(Comparison(question, current.generation if current is not None else 0))

    @Slot()
    def _on_state_comparison_cancelled(self) -> None:
        known = self._state.comparison
        if known is not None and known.running is not None:
            self._stop.set()
            self._state.set_comparison(replace(known, running=None, cancelled=True))

    def _wanted(self, turn: Turn) -> Comparison | None:
        """Return what is known of the question that a turn belongs to, unless that was given up."""
        known = self._state.comparison
        return known if known is not None and known.question is turn.question and known.running is not None else None

    @Slot(object, object)
    def _on_lane_done(self, turn: Turn, row: Compared | None) -> None:
        known = self._wanted(turn)
        if known is not None and row is not None:
            self._go_on(replace(known, rows=(*known.rows, row)))

    @Slot(object, object)
    def _on_lane_failed(self, turn: Turn, error: BaseException) -> None:
        """Report what nobody expected, and go on with the next network."""
        self._messages.report(error)
        known = self._wanted(turn)
        if known is not None:
            title = _title(turn.model)
            row = Compared(turn.model, title, error=f"{title} could not be compared.")
            self._go_on(replace(known, rows=(*known.rows, row)))
