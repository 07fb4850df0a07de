"""The training service: wishes of the state go to the run in the training thread, its events come back."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from cnnviz.core.errors import Cancelled, UserError
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import registry
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.training_state import LiveWeights, Progress, RunCurves, Stage, WeightPlace
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Finished, LayerStep, Started
from cnnviz.workers.keeping import is_at_work
from cnnviz.workers.training_thread import TrainingThread
from cnnviz.workers.training_work import (
    Answers,
    Command,
    Failed,
    Frozen,
    Kept,
    Opened,
    OpenSession,
    Paused,
    Recorded,
    Running,
    Unwatched,
    Work,
    trouble_of,
)

if TYPE_CHECKING:
    from cnnviz.training.session import Session

RACING = UserError(
    "A race is going on; two trainings at a time would slow each other down.",
    suggestion="Stop it under Race, then start this run.",
)


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
        training.slower_requested.connect(self._on_slower_requested)
        training.change_requested.connect(self._on_change_requested)
        training.pause_requested.connect(self._on_pause_requested)
        training.step_requested.connect(self._on_step_requested)
        training.stop_requested.connect(self._on_stop_requested)
        training.rate_requested.connect(self._on_rate_requested)
        training.freeze_requested.connect(self._on_freeze_requested)
        training.watch_requested.connect(self._on_watch_requested)
        training.keep_requested.connect(self._on_keep_requested)
        training.keep_best_requested.connect(self._on_keep_best_requested)
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

    def _begin(self, path: Path, config: TrainConfig, open_session: OpenSession) -> None:
        """Start a thread for a run, once the one before has ended."""
        if self._app.race.progress.is_active:
            self._messages.report(RACING, "training")
            return
        if self._thread is not None:
            self._next = lambda: self._begin(path, config, open_session)
            self._advance(stage="stopping", sentence=f"Then '{path.name}' comes.")
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

        def open_session(stopped: Callable[[], bool]) -> Session:
            from cnnviz.training.session import Session, load_data

            return Session.begin(config, load_data(config, stopped=stopped), path)

        self._begin(path, config, open_session)

    @Slot(str)
    def _on_resume_requested(self, folder: str) -> None:
        self._resume(Path(folder), 1.0)

    @Slot(str)
    def _on_slower_requested(self, folder: str) -> None:
        self._resume(Path(folder), 0.1)

    def _resume(self, path: Path, share: float) -> None:
        """Go on with a run at a share of the rate that it was saved with."""
        try:
            config = runs.summary(path).config
        except UserError as error:
            self._messages.report(error, "training")
            return

        def open_session(stopped: Callable[[], bool]) -> Session:
            from cnnviz.training.session import Session

            session = Session.resume(path, stopped=stopped)
            session.run.set_rate(share * session.run.scale)
            return session

        self._begin(path, config, open_session)

    @Slot(str, object)
    def _on_change_requested(self, folder: str, changes: dict[str, Any]) -> None:
        """Start a run that goes on with the weights of another one; how far those are, its thread reads."""
        before = Path(folder)
        try:
            config = replace(runs.read_config(before), **changes)
        except UserError as error:
            self._messages.report(error, "training")
            return
        path = runs.new_path(config)

        def open_session(stopped: Callable[[], bool]) -> Session:
            from cnnviz.training.folder import going_on
            from cnnviz.training.session import Session, load_data

            gc.collect()  # the run that failed may still hold the memory that is needed
            exact = going_on(before, changes)
            return Session.begin(exact, load_data(exact, stopped=stopped), path)

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
        if is_at_work(self._state):  # else its folder has it: see `KeepingService`
            self._command(lambda work: work.keep(Path(path)))

    @Slot(str)
    def _on_keep_best_requested(self, path: str) -> None:
        if is_at_work(self._state):
            self._command(lambda work: work.keep_best(Path(path)))

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

    def _go_on(self, stage: Stage, sentence: str) -> None:
        """Say that the run waits or runs, unless it was asked to stop since."""
        if self._state.progress.stage != "stopping":
            self._advance(stage=stage, sentence=sentence)

    @Slot(object)
    def _on_happened(self, event: object) -> None:
        if isinstance(event, BatchesDone):
            self._on_batches(event)
        elif isinstance(event, LiveWeights):
            if self._state.cursor is None:
                self._state.set_live(replace(event, request=self._request))
        elif isinstance(event, EpochDone):
            self._on_epoch(event)
        elif isinstance(event, Answers):
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
        self._layers, self._request = (), None
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
        self._go_on("running", "")
        self._advance(started=event, config=event.config, step=event.step, epoch=event.step // event.batches + 1)
        if self._request is not None:  # it goes on after its disk was full
            return
        if self._state.watched is not None:
            self._on_watch_requested(self._state.watched)
        self._state.set_live(None)
        self._state.runs_changed.emit()
        last = path / "last.safetensors"
        if last.is_file():  # else its disk is full
            self._request = ModelRequest(registry.name_of_file(str(last)), str(last))
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

    def _on_cancelled(self) -> None:
        """A run was stopped before it was ready: there is none, or it is as it was saved."""
        path = self._state.progress.path
        if path is not None and self._next is None:
            self._advance(stage="idle", sentence="")
            if (path / runs.CONFIG).is_file():
                self._state.follow_requested.emit(str(path))

    def _on_end(self, event: object) -> None:
        if isinstance(event, Paused):
            if event.error is not None:
                self._messages.report(event.error, "training")
            self._go_on("paused", "" if event.error is None else event.error.sentence)
        elif isinstance(event, Running):
            self._go_on("running", "")
        elif isinstance(event, Finished):
            if self._next is None:  # else it is the next one's turn as soon as the thread is free
                self._advance(stage="finished", seconds_left=0.0, sentence="stopped" if event.stopped else "")
        elif isinstance(event, Failed) and isinstance(event.error, Cancelled):
            self._on_cancelled()
        elif isinstance(event, Failed):
            sentence = event.error.sentence if isinstance(event.error, UserError) else "Training ended by an error."
            self._advance(stage="failed", sentence=sentence, trouble=trouble_of(event.error))
            self._messages.report(event.error, "training")
        elif isinstance(event, Exception):
            self._messages.report(event, "training")
        elif isinstance(event, Unwatched):
            if event.place == self._state.watched:
                self._state.watch(None)
        elif isinstance(event, Kept):
            self._messages.notice(f"{event.what} was kept as {event.path.name}.")
