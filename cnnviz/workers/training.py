"""Training in a thread of its own: wishes of the state go in between two steps, events come out."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from cnnviz.core.curves import Curves
from cnnviz.core.errors import UserError
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import registry
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.training_state import (
    LiveWeights,
    Progress,
    RunCurves,
    Stage,
    ValidationSheet,
    WeightPlace,
)
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Finished, LayerStep, Started
from cnnviz.workers.training_thread import TrainingThread

if TYPE_CHECKING:
    from cnnviz.training.session import Session

LIVE_S, SHEET_S = 0.3, 1.0
RACING = UserError(
    "A race is going on; two trainings at a time would slow each other down.",
    suggestion="Stop it under Race, then start this run.",
)
_COST = 120.0
"""Weights, and what the network says to the validation's pictures, are copied at most this often, and for at most a
hundred-and-twentieth of the time."""

Command = Callable[["Work"], None]


@dataclass(frozen=True, eq=False)
class Opened:
    """A run is ready: where it lies, and the curves of an older life of it."""

    path: Path
    config: TrainConfig
    batches: Curves
    epochs: Curves
    sheet: ValidationSheet | None
    frozen: str
    scale: float


@dataclass(frozen=True)
class Paused:
    """The run waits and is saved; with a sentence where something made it wait."""

    error: UserError | None = None


@dataclass(frozen=True)
class Running:
    """The run goes on after it waited."""


@dataclass(frozen=True, eq=False)
class Failed:
    """The run ended by an error; what was saved last stays."""

    error: BaseException


@dataclass(frozen=True)
class Recorded:
    """The steps that can be gone back to."""

    steps: tuple[int, ...]


@dataclass(frozen=True)
class Frozen:
    """The last layer that keeps its weights from now on; empty: all learn."""

    path: str


@dataclass(frozen=True)
class Unwatched:
    """The network has no such weight: nothing is watched."""

    place: WeightPlace


@dataclass(frozen=True)
class Kept:
    """The network was copied to a file."""

    path: Path


class Work:
    """One run in the training thread.

    Parameters
    ----------
    open_session
        Opens the run: data, network, folder.
    report
        Called with each event, in this thread.
    """

    def __init__(self, open_session: Callable[[], Session], report: Callable[[object], None]) -> None:
        self._open, self._report = open_session, report
        self.commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.stopped = threading.Event()
        self.paused = False
        self._single = self._told_paused = False
        self._live_s = self._sheet_s = 0.0
        self._live_wait_s, self._sheet_wait_s = LIVE_S, SHEET_S
        self._steps: tuple[int, ...] = ()
        self.session: Session

    def run(self) -> None:
        """Train to the end, or until stopped; every error is reported."""
        try:
            self.session = self._open()
        except Exception as error:  # noqa: BLE001  # whatever opening raises is reported
            self._report(Failed(error))
            return
        try:
            self._report(self._opened())
            while not self._train():
                pass
        except Exception as error:  # noqa: BLE001  # whatever training raises is reported
            self._report(Failed(error))
        finally:
            self.session.close()

    def pause(self, paused: bool) -> None:
        """Wait before the next step, or go on."""
        self.paused = paused

    def single(self) -> None:
        """Do one step, then wait."""
        self.paused, self._single = True, True

    def freeze(self, path: str) -> None:
        """Let a layer and all before it keep their weights from the next step on."""
        self.session.run.freeze(path)
        self._report(Frozen(path))

    def watch(self, place: WeightPlace | None) -> None:
        """Watch a weight from the next step on, or none; another network's is told of, since no step could find it."""
        from cnnviz.training.one_weight import Watched

        watched = None if place is None else Watched(place.name, place.index)
        if place is not None and watched is not None and not watched.is_in(self.session.run):
            watched = None
            self._report(Unwatched(place))
        self.session.run.watched = watched

    def look(self) -> None:
        """Report weights and answers as they are now."""
        self._report_weights()
        self._report_answers(self.session.run.step)

    def _report_weights(self) -> None:
        self._report(LiveWeights(self.session.run.step, self.session.run.weights()))

    def keep(self, path: Path) -> None:
        """Copy the network to a file."""
        from cnnviz.core.files import write_atomically
        from cnnviz.training.folder import weights_file

        folder, run = self.session.folder, self.session.run
        assert folder is not None
        with write_atomically(path) as file:
            file.write(weights_file(run.weights(), folder.about(run, run.epoch)))
        self._report(Kept(path))

    def _train(self) -> bool:
        """Go through events until the run ends, and return whether it did; a full disk makes it wait."""
        try:
            for event in self.session.events(self.stopped.is_set):
                if isinstance(event, Finished):
                    self._look_at_end()
                self._report(event)
                self._look(event)
                if isinstance(event, BatchesDone):
                    self._single = False  # it is done; the end of an epoch is no step
                self._obey()
                if not isinstance(event, Finished):  # nothing is left to wait for
                    self._pause()
        except UserError as error:
            if not isinstance(error.__cause__, OSError) or self.stopped.is_set():
                raise
            self.paused = self._told_paused = True
            self._report(Paused(error))
            self._wait()
            return False
        return True

    def _look_at_end(self) -> None:
        """Report what the network has become; nobody waits for its answers where it was told to stop."""
        if self.stopped.is_set():
            self._report_weights()
        else:
            self.look()

    def _obey(self) -> None:
        """Do what was asked for meanwhile."""
        while not self.commands.empty():
            self._do(self.commands.get())

    def _pause(self) -> None:
        """Save and wait where that was asked for."""
        if self._single:
            self.session.run.read_s = 0.0
            return
        self._tell_going_on()
        if self.paused and not self.stopped.is_set():
            self.session.save()
            self._told_paused = True
            self._report_weights()
            self._report(Paused())
            self._wait()

    def _wait(self) -> None:
        while self.paused and not self._single and not self.stopped.is_set():
            self._do(self.commands.get())
        from cnnviz.training.loop import READ_S

        self.session.run.read_s = 0.0 if self._single else READ_S
        self._tell_going_on()

    def _tell_going_on(self) -> None:
        if self._told_paused and not self.paused:
            self._told_paused = False
            self._report(Running())

    def _do(self, command: Command) -> None:
        """Do what was asked for; that it cannot be done is no reason to end the run."""
        try:
            command(self)
        except Exception as error:  # noqa: BLE001  # whatever it raises is reported
            self._report(error)

    def _look(self, event: object) -> None:
        """Report weights and answers now and then."""
        if not isinstance(event, (BatchesDone, EpochDone)):
            return
        now_s = time.perf_counter()
        if now_s - self._live_s >= self._live_wait_s:
            weights = self.session.run.weights()
            self._report(LiveWeights(event.step, weights))
            self._live_s = time.perf_counter()
            self._live_wait_s = max(LIVE_S, _COST * (self._live_s - now_s))
        now_s = time.perf_counter()
        if now_s - self._sheet_s >= self._sheet_wait_s:
            self._report_answers(event.step)
            self._sheet_s = time.perf_counter()
            self._sheet_wait_s = max(SHEET_S, _COST * (self._sheet_s - now_s))

    def _report_answers(self, step: int) -> None:
        from cnnviz.training.time_machine import answers, found_steps

        self._report(_Answers(step, answers(self.session.run)))
        assert self.session.folder is not None
        steps = tuple(found_steps(self.session.folder.path))
        if steps != self._steps:
            self._steps = steps
            self._report(Recorded(steps))

    def _opened(self) -> Opened:
        from cnnviz.core.curves import batch_curves, epoch_curves
        from cnnviz.training.reading import Reader

        assert self.session.folder is not None
        batches, epochs = batch_curves(), epoch_curves()
        if self.session.saved is not None:
            news = Reader(self.session.folder.path).news()
            batches.append(news.batches)
            epochs.append(news.epochs)
            for curves in (batches, epochs):
                curves.cut(self.session.saved.step)
        run, path = self.session.run, self.session.folder.path
        return Opened(path, run.config, batches, epochs, sheet_of(self.session), run.frozen, run.scale)


@dataclass(frozen=True, eq=False)
class _Answers:
    step: int
    predicted_n: Any


def sheet_of(session: Session) -> ValidationSheet | None:
    """Return a sample of the validation part; ``None`` where it has no pictures or the network draws."""
    from cnnviz.training.parts import order_of
    from cnnviz.training.time_machine import sample_of

    if session.run.spec.gives_picture or not len(session.run.validation):
        return None
    held = order_of(session.data, session.run.config)[1]
    chosen = held[sample_of(session.run.config, len(held))].numpy()
    data = session.data
    return ValidationSheet(data.images_nhw[chosen], data.labels_n[chosen], np.zeros(0, np.int64), data.classes)


class TrainingService(QObject):
    """Brings the wishes of the state to the training thread, and its events to the state.

    Signals
    -------
    happened(object)
        An event of the training thread; received in the window's.
    """

    happened = Signal(object)

    def __init__(self, state: AppState, messages: MessageCenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._app, self._state, self._messages = state, state.training, messages
        self._thread: TrainingThread[Work] | None = None
        self._request: ModelRequest | None = None
        self._next: Callable[[], None] | None = None
        self._layers: tuple[LayerStep, ...] = ()  # of the newest step, whichever is in sight
        self.happened.connect(self._on_happened)
        training = self._state
        training.start_requested.connect(self._on_start_requested)
        training.resume_requested.connect(self._on_resume_requested)
        training.pause_requested.connect(self._on_pause_requested)
        training.step_requested.connect(self._on_step_requested)
        training.stop_requested.connect(self._on_stop_requested)
        training.rate_requested.connect(self._on_rate_requested)
        training.freeze_requested.connect(self._on_freeze_requested)
        training.watch_requested.connect(self._on_watch_requested)
        training.keep_requested.connect(self._on_keep_requested)
        training.travel_requested.connect(self._on_travel_requested)

    def stop(self) -> None:
        """Save the run, end it, and wait for the thread."""
        if self._thread is not None:
            self._next = None
            self._ask_to_stop()
            self._thread.wait()

    def _command(self, command: Command) -> None:
        if self._thread is not None:
            self._thread.work.commands.put(command)

    def _ask_to_stop(self) -> None:
        assert self._thread is not None
        self._thread.work.stopped.set()
        self._command(lambda work: None)  # wakes it where it waits

    def _begin(self, path: Path, config: TrainConfig, open_session: Callable[[], Session]) -> None:
        """Start a thread for a run, once the one before has ended."""
        if self._app.race.progress.is_active:
            self._messages.report(RACING, "training")
            return
        if self._thread is not None:
            self._next = lambda: self._begin(path, config, open_session)
            self._ask_to_stop()
            return
        self._state.set_cursor(None)
        self._state.set_before(None)
        self._state.set_progress(Progress("preparing", path, config))
        work = Work(open_session, self.happened.emit)
        self._thread = TrainingThread("training", work, "cnnviz.training.session", self)
        self._thread.finished.connect(self._on_thread_finished)
        self._thread.start()

    @Slot(object, str)
    def _on_start_requested(self, config: TrainConfig, name: str) -> None:
        try:
            path = runs.named_path(name) if name else runs.new_path(config)
        except UserError as error:
            self._messages.report(error, "training")
            return

        def open_session() -> Session:
            from cnnviz.training.session import Session, load_data

            return Session.begin(config, load_data(config), path)

        self._begin(path, config, open_session)

    @Slot(str)
    def _on_resume_requested(self, folder: str) -> None:
        path = Path(folder)
        try:
            config = runs.summary(path).config
        except UserError as error:
            self._messages.report(error, "training")
            return

        def open_session() -> Session:
            from cnnviz.training.session import Session

            return Session.resume(path)

        self._begin(path, config, open_session)

    @Slot(bool)
    def _on_pause_requested(self, paused: bool) -> None:
        self._command(lambda work: work.pause(paused))

    @Slot()
    def _on_step_requested(self) -> None:
        self._command(lambda work: work.single())

    @Slot()
    def _on_stop_requested(self) -> None:
        if self._thread is not None and self._state.progress.is_active:  # not while the thread of a finished run ends
            self._advance(stage="stopping")
            self._ask_to_stop()

    @Slot(object)
    def _on_travel_requested(self, step: int | None) -> None:
        """Show the present again, which a run that waits does not report by itself."""
        if step is None and self._state.progress.is_active:
            self._state.set_layers(self._layers)
            if self._state.progress.stage == "paused":
                self._command(lambda work: work.look())

    @Slot(float)
    def _on_rate_requested(self, scale: float) -> None:
        self._advance(scale=scale)
        self._command(lambda work: work.session.run.set_rate(scale))

    @Slot(str)
    def _on_freeze_requested(self, layer: str) -> None:
        self._command(lambda work: work.freeze(layer))

    @Slot(object)
    def _on_watch_requested(self, place: WeightPlace | None) -> None:
        self._command(lambda work: work.watch(place))

    @Slot(str)
    def _on_keep_requested(self, path: str) -> None:
        self._command(lambda work: work.keep(Path(path)))

    @Slot()
    def _on_thread_finished(self) -> None:
        if self._thread is not None:
            self._thread.deleteLater()
            self._thread = None
        self._state.runs_changed.emit()
        following, self._next = self._next, None
        if following is not None:
            following()

    def _advance(self, **changes: Any) -> None:
        self._state.set_progress(replace(self._state.progress, **changes))

    def _unless_stopping(self, stage: Stage) -> Stage:
        return "stopping" if self._state.progress.stage == "stopping" else stage

    @Slot(object)
    def _on_happened(self, event: object) -> None:
        if isinstance(event, BatchesDone):
            self._on_batches(event)
        elif isinstance(event, LiveWeights):
            if self._state.cursor is None:
                self._state.set_live(replace(event, request=self._request))
        elif isinstance(event, EpochDone):
            self._on_epoch(event)
        elif isinstance(event, _Answers):
            sheet = self._state.sheet
            if sheet is not None and self._state.cursor is None:
                self._state.set_sheet(replace(sheet, predicted_n=event.predicted_n, step=event.step))
        elif isinstance(event, Frozen):
            self._state.set_frozen(event.path)
        elif isinstance(event, Recorded):
            self._state.set_recorded(event.steps)
        elif isinstance(event, Opened):
            self._on_opened(event)
        elif isinstance(event, Started):
            self._on_started(event)
        else:
            self._on_end(event)

    def _on_opened(self, event: Opened) -> None:
        self._state.set_overlaid(())
        self._layers = ()
        self._state.set_layers(())
        self._state.set_epoch(None)
        self._state.set_weight(None)
        self._state.set_recorded(())
        self._state.set_frozen(event.frozen)
        if self._state.progress.scale == 1.0:  # else it was asked for since
            self._advance(scale=event.scale)
        self._state.set_sheet(event.sheet)
        self._state.set_curves(RunCurves(event.path, event.path.name, event.batches, event.epochs))
        self._state.runs_changed.emit()

    def _on_started(self, event: Started) -> None:
        path = self._state.progress.path
        assert path is not None
        last = str(path / "last.safetensors")
        self._request = ModelRequest(registry.name_of_file(last), last)
        self._advance(
            stage=self._unless_stopping("running"), started=event, step=event.step,
            epoch=event.step // event.batches + 1,
        )  # fmt: skip
        if self._state.watched is not None:
            self._on_watch_requested(self._state.watched)
        self._state.set_live(None)
        self._state.runs_changed.emit()
        if self._state.shown:
            self._app.request_model(self._request)

    def _on_batches(self, event: BatchesDone) -> None:
        curves, progress = self._state.curves, self._state.progress
        count = len(event.losses)
        if curves is not None and progress.started is not None:
            first = event.step - count + 1
            curves.batches.append({
                "step": range(first, event.step + 1), "epoch": (event.epoch,) * count, "loss": event.losses,
                "accuracy": event.accuracies, "learning_rate": event.rates,
            })  # fmt: skip
            self._state.set_curves(curves)
            per_step_s = progress.started.config.batch_size / max(event.images_per_second, 1e-9)
            self._advance(
                epoch=event.epoch, step=event.step, images_per_second=event.images_per_second,
                seconds_left=per_step_s * (progress.steps - event.step),
            )  # fmt: skip
        self._layers = event.layers
        if self._state.cursor is None:
            self._state.set_layers(event.layers)
        if event.weight is not None:
            self._state.set_weight(event.weight)

    def _on_epoch(self, event: EpochDone) -> None:
        curves = self._state.curves
        if curves is not None:
            curves.epochs.append({name: (float(getattr(event, name)),) for name in curves.epochs.names})
            self._state.set_curves(curves)
        self._state.set_epoch(event)
        self._state.runs_changed.emit()

    def _on_end(self, event: object) -> None:
        if isinstance(event, Paused):
            if event.error is not None:
                self._messages.report(event.error, "training")
            sentence = "" if event.error is None else event.error.sentence
            self._advance(stage=self._unless_stopping("paused"), sentence=sentence)
        elif isinstance(event, Running):
            self._advance(stage=self._unless_stopping("running"), sentence="")
        elif isinstance(event, Finished):
            self._advance(stage="finished", seconds_left=0.0, sentence="stopped" if event.stopped else "")
        elif isinstance(event, Failed):
            sentence = event.error.sentence if isinstance(event.error, UserError) else "Training ended by an error."
            self._advance(stage="failed", sentence=sentence)
            self._messages.report(event.error, "training")
        elif isinstance(event, Exception):
            self._messages.report(event, "training")
        elif isinstance(event, Unwatched):
            if event.place == self._state.watched:
                self._state.watch(None)
        elif isinstance(event, Kept):
            self._messages.notice(f"The network was kept as {event.path.name}.")
