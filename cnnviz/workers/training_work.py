"""What is done in the training thread: one run, its commands, and the events that it reports. No Qt."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cnnviz.core.curves import Curves
from cnnviz.core.errors import UserError
from cnnviz.models import registry
from cnnviz.state.training_state import LiveWeights, Trouble, ValidationSheet, WeightPlace
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Finished
from cnnviz.training.keeping import Keep, copy

if TYPE_CHECKING:
    from cnnviz.datasets.images import LabelledImages
    from cnnviz.training.session import Session

LIVE_S, SHEET_S = 0.4, 1.0
_COST = 120.0
"""Weights, and what the network says to the validation's pictures, are copied at most this often, and for at most a
hundred-and-twentieth of the time."""

Command = Callable[["Work"], None]
OpenSession = Callable[[Callable[[], bool]], "Session"]
"""Opens a run: data, network, folder; gives up (`Cancelled`) when what it is given says so."""


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
    """A network was copied to a file; and which one, the beginning of a sentence."""

    path: Path
    what: str


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network tells of the sample of the validation part, int64 (n,), after a step."""

    step: int
    predicted_n: npt.NDArray[np.int64]


class Work:
    """One run in the training thread.

    Parameters
    ----------
    open_session
        Opens the run.
    report
        Called with each event, in this thread.
    """

    def __init__(self, open_session: OpenSession, report: Callable[[object], None]) -> None:
        self._open, self._report = open_session, report
        self.commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.stopped = threading.Event()
        self.paused = False
        self._single = self._told_paused = False
        self._live_s = self._sheet_s = 0.0
        self._live_wait_s, self._sheet_wait_s = LIVE_S, SHEET_S
        self._steps: tuple[int, ...] = ()
        self.session: Session

    def fail(self, error: Exception) -> None:
        """Report that it cannot begin."""
        self._report(Failed(error))

    def run(self) -> None:
        """Train to the end, or until stopped; every error is reported."""
        try:
            self.session = self._open(self.stopped.is_set)
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
            self._obey()  # what is to be kept is kept, however the run ended
            self.session.close()
            del self.session  # the network and what it learned from: the thread lives on for a moment

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
            file.write(weights_file(run.weights(), {**folder.about(run, run.epoch), "step": run.step}))
        self._report(Kept(path, f"The network after step {run.step:,}"))

    def keep_best(self, path: Path) -> None:
        """Copy the network of the best epoch to a file, which the newest best one may still have to reach."""
        folder = self.session.folder
        assert folder is not None
        self.session.save()
        self._report(Kept(copy(Keep(folder.path, "best", path)), "The network of the best epoch"))

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
            self._report_recorded()
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
        from cnnviz.training.time_machine import answers

        self._report(Answers(step, answers(self.session.run)))
        self._report_recorded()

    def _report_recorded(self) -> None:
        from cnnviz.training.time_machine import found_steps

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
        return Opened(path, run.config, batches, epochs, sheet_of(self.session.data, run.config), run.frozen, run.scale)


def trouble_of(error: BaseException) -> Trouble:
    """Return what made a run fail, where something can be done about it."""
    from cnnviz.training.diagnosis import Diverged, MemoryFull

    return "diverged" if isinstance(error, Diverged) else "memory" if isinstance(error, MemoryFull) else ""


def sheet_of(data: LabelledImages, config: TrainConfig) -> ValidationSheet | None:
    """Return a sample of a run's validation part; ``None`` where it has no pictures or the network draws."""
    from cnnviz.training.parts import order_of
    from cnnviz.training.time_machine import sample_of

    held = order_of(data, config)[1]
    if not len(held) or registry.get(config.model).gives_picture:
        return None
    chosen = held[sample_of(config, len(held))].numpy()
    return ValidationSheet(data.images_nhw[chosen], data.labels_n[chosen], np.zeros(0, np.int64), data.classes)
