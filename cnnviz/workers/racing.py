"""A race in a thread of its own: several networks learn in lock step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from cnnviz.core.errors import Cancelled, UserError
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.race_state import Lane
from cnnviz.state.training_state import RunCurves
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Finished, Started
from cnnviz.workers.training_thread import TrainingThread
from cnnviz.workers.training_work import Failed, Paused, Running

if TYPE_CHECKING:
    from cnnviz.training.race import LaneEvent, Race

REPORT_S = 0.05
"""Events are handed over at most this often: small networks do a thousand steps a second."""

BUSY = UserError(
    "A network is being trained under Train; two trainings at a time would slow each other down.",
    suggestion="Stop it there, then start the race: the run can go on later.",
)


@dataclass(frozen=True, eq=False)
class LanesReady:
    """The runs are prepared: what each is made with, and its folder."""

    lanes: tuple[tuple[TrainConfig, Path], ...]


@dataclass(frozen=True, eq=False)
class LanesWent:
    """What happened in the lanes, oldest first."""

    events: tuple[LaneEvent, ...]


@dataclass(frozen=True)
class RaceEnded:
    """All lanes are over, or the race was stopped and saved."""

    stopped: bool


class RaceWork:
    """A race in the training thread.

    Parameters
    ----------
    open_race
        Prepares it; gives up (`Cancelled`) when what it is given says so.
    report
        Called with each event, in this thread.
    """

    def __init__(self, open_race: Callable[[Callable[[], bool]], Race], report: Callable[[object], None]) -> None:
        self._open, self._report = open_race, report
        self._going, self._stopped = threading.Event(), threading.Event()
        self._going.set()
        self._waiting: list[LaneEvent] = []
        self._reported_s = 0.0
        self._race: Race

    def pause(self, paused: bool) -> None:
        """Wait when all lanes are level, or go on; called in the thread of `stop`, after which nothing waits."""
        (self._going.clear if paused and not self._stopped.is_set() else self._going.set)()

    def stop(self) -> None:
        """Save and end; called in another thread."""
        self._stopped.set()
        self._going.set()

    def fail(self, error: Exception) -> None:
        """Report that it cannot begin."""
        self._report(Failed(error))

    def run(self) -> None:
        """Train to the end, or until stopped; every error is reported."""
        try:
            self._race = self._open(self._stopped.is_set)
        except Exception as error:  # noqa: BLE001  # whatever opening raises is reported
            self._report(Failed(error))
            return
        try:
            sessions = self._race.sessions
            self._report(LanesReady(tuple((s.run.config, s.folder.path) for s in sessions if s.folder is not None)))
            while not self._train():
                pass
            end: object = RaceEnded(self._stopped.is_set())
        except Exception as error:  # noqa: BLE001  # whatever training raises is reported
            end = Failed(error)
        finally:
            self._race.close()
        self._flush()
        self._report(end)

    def _train(self) -> bool:
        """Go through events until the race ends, and return whether it did; a full disk makes it wait."""
        try:
            for event in self._race.events(self._stopped.is_set):
                self._waiting.append(event)
                if time.perf_counter() - self._reported_s >= REPORT_S:
                    self._flush()
                if not self._going.is_set() and self._race.is_level:
                    self._race.save()
                    self._wait(Paused())
        except UserError as error:
            if not isinstance(error.__cause__, OSError) or self._stopped.is_set():
                raise
            self._going.clear()
            if self._stopped.is_set():  # between the question above and here
                self._going.set()
            self._wait(Paused(error))
            return False
        return True

    def _wait(self, why: Paused) -> None:
        self._flush()
        self._report(why)
        self._going.wait()
        if not self._stopped.is_set():
            self._report(Running())

    def _flush(self) -> None:
        if self._waiting:
            self._report(LanesWent(tuple(self._waiting)))
            self._waiting.clear()
        self._reported_s = time.perf_counter()


class RacingService(QObject):
    """Brings the wishes of the state to the race's thread, and its events to the state.

    Signals
    -------
    happened(object)
        An event of that thread; received in the window's.
    """

    happened = Signal(object)

    def __init__(self, state: AppState, messages: MessageCenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._app, self._state, self._messages = state, state.race, messages
        self._thread: TrainingThread[RaceWork] | None = None
        self.happened.connect(self._on_happened)
        self._state.start_requested.connect(self._on_start_requested)
        self._state.pause_requested.connect(self._on_pause_requested)
        self._state.stop_requested.connect(self._on_stop_requested)

    def stop(self) -> None:
        """Save the race, end it, and wait for the thread."""
        if self._thread is not None:
            self._thread.work.stop()
            self._thread.wait()

    def _advance(self, **changes: Any) -> None:
        self._state.set_progress(replace(self._state.progress, **changes))

    @Slot(object)
    def _on_start_requested(self, configs: Sequence[TrainConfig]) -> None:
        if self._app.training.progress.is_active:
            self._messages.report(BUSY, "training")
            return
        if self._thread is not None:
            return
        name = f"race-{datetime.now():%Y%m%d-%H%M%S}"

        def open_race(stopped: Callable[[], bool]) -> Race:
            from cnnviz.training import session
            from cnnviz.training.race import Race

            return Race.begin(configs, runs.folder(), name, partial(session.load_data, stopped=stopped))

        self._advance(stage="preparing", lanes=(), sentence="")
        self._thread = TrainingThread("race", RaceWork(open_race, self.happened.emit), "cnnviz.training.race", self)
        self._thread.finished.connect(self._on_thread_finished)
        self._thread.start()

    @Slot(bool)
    def _on_pause_requested(self, paused: bool) -> None:
        if self._thread is not None:
            self._thread.work.pause(paused)

    @Slot()
    def _on_stop_requested(self) -> None:
        if self._thread is not None and self._state.progress.is_active:
            self._advance(stage="stopping")
            self._thread.work.stop()

    @Slot()
    def _on_thread_finished(self) -> None:
        if self._thread is not None:
            self._thread.deleteLater()
            self._thread = None
        self._app.training.runs_changed.emit()

    @Slot(object)
    def _on_happened(self, event: object) -> None:
        if isinstance(event, LanesWent):
            self._on_lanes_went(event)
        elif isinstance(event, LanesReady):
            lanes = tuple(Lane(config, path, RunCurves(path, path.name)) for config, path in event.lanes)
            self._advance(stage=self._unless_stopping("running"), lanes=lanes)
            self._app.training.runs_changed.emit()
        elif isinstance(event, Paused):
            if event.error is not None:
                self._messages.report(event.error, "training")
            sentence = "" if event.error is None else event.error.sentence
            self._advance(stage=self._unless_stopping("paused"), sentence=sentence)
        elif isinstance(event, Running):
            self._advance(stage=self._unless_stopping("running"), sentence="")
        elif isinstance(event, RaceEnded):
            self._advance(stage="finished", sentence="It was stopped and saved." if event.stopped else "")
        elif isinstance(event, Failed) and isinstance(event.error, Cancelled):  # stopped before it was ready
            self._advance(stage="idle")
        elif isinstance(event, Failed):
            known = isinstance(event.error, UserError)
            self._advance(stage="failed", sentence=str(event.error) if known else "The race ended by an error.")
            self._messages.report(event.error, "training")

    def _unless_stopping(self, stage: str) -> str:
        return "stopping" if self._state.progress.stage == "stopping" else stage

    def _on_lanes_went(self, event: LanesWent) -> None:
        lanes = list(self._state.progress.lanes)
        for number, happened in event.events:
            lanes[number] = _after(lanes[number], happened)
        self._advance(lanes=tuple(lanes))


def _after(lane: Lane, event: object) -> Lane:
    """Return a lane after something happened there; its curves grow."""
    if isinstance(event, BatchesDone):
        count = len(event.losses)
        lane.curves.batches.append({
            "step": range(event.step - count + 1, event.step + 1), "epoch": (event.epoch,) * count,
            "loss": event.losses, "accuracy": event.accuracies, "learning_rate": event.rates,
        })  # fmt: skip
        return replace(lane, layers=event.layers, images_per_second=event.images_per_second)
    if isinstance(event, EpochDone):
        lane.curves.epochs.append({name: (float(getattr(event, name)),) for name in lane.curves.epochs.names})
    elif isinstance(event, Started):
        return replace(lane, started=event)
    elif not isinstance(event, Finished):  # `LaneEnded`: its module imports torch
        return replace(lane, sentence=event.error.sentence)  # type: ignore[attr-defined]
    return lane
