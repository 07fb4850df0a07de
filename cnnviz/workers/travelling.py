"""Going back in time, and watching runs that others train: both read a run's folder in a lane of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Slot

from cnnviz.core.curves import Curves
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import registry
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.training_state import Beginning, LiveWeights, Progress, RunCurves, Stage, ValidationSheet
from cnnviz.training import runs
from cnnviz.training.runs import RunSummary
from cnnviz.workers.gentle_import import gentle_import
from cnnviz.workers.latest_lane import Handler, LatestLane
from cnnviz.workers.training_work import sheet_of

if TYPE_CHECKING:
    from cnnviz.training.reading import News, Reader
    from cnnviz.training.time_machine import Snapshot

FOLLOW_MS = 500


@dataclass(frozen=True, eq=False)
class Look:
    """Asks for what is new in a run's folder; `fresh` begins with everything. Pictures are read until `stopped`."""

    path: Path
    fresh: bool = False
    stopped: Callable[[], bool] = lambda: False


@dataclass(frozen=True, eq=False)
class Travel:
    """Asks for a recorded step, or for the last saved weights."""

    path: Path
    step: int | None


@dataclass(frozen=True, eq=False)
class Looked:
    """What is new; the sample of the validation part and the frozen layers only where everything was read anew."""

    reader: Reader
    news: News
    sheet: ValidationSheet | None
    frozen: str


def make_follower() -> Callable[[Look], Looked]:
    """Return the function of the lane that watches; torch is imported there."""
    with gentle_import():
        from cnnviz.training import folder
        from cnnviz.training.reading import Reader
    reader: Reader | None = None

    def handle(request: Look) -> Looked:
        nonlocal reader
        sheet, frozen = None, ""
        if reader is None or request.fresh or reader.path != request.path:
            reader = Reader(request.path)
            sheet, frozen = _sheet(reader, request.stopped), folder.read_frozen(reader.path, reader.config)
        news = reader.news()
        if news.anew:  # its configuration may be another one, too
            reader = Reader(request.path)
            sheet, frozen = _sheet(reader, request.stopped), folder.read_frozen(reader.path, reader.config)
            news = replace(reader.news(), anew=True)
        return Looked(reader, news, sheet, frozen)

    return handle


def _sheet(reader: Reader, stopped: Callable[[], bool]) -> ValidationSheet | None:
    """Return a sample of a run's validation part; ``None`` where the data is not here any more."""
    from cnnviz.core.errors import UserError
    from cnnviz.training import folder, session

    try:
        data = session.load_data(reader.config, stopped=stopped)
        folder.check_data(reader.path, data)
        return sheet_of(data, reader.config)
    except UserError:
        return None


def make_traveller() -> Callable[[Travel], Any]:
    """Return the function of the lane that reads recorded steps."""
    with gentle_import():
        from cnnviz.training import time_machine

    def handle(request: Travel) -> Any:
        steps = time_machine.found_steps(request.path)
        if request.step is not None:
            return time_machine.read(steps.get(request.step, request.path / "gone"))
        from cnnviz.models import weight_files

        last, newest = request.path / "last.safetensors", time_machine.read(steps[max(steps)]) if steps else None
        if newest is not None and not last.is_file():  # its program was killed before it saved
            return newest.weights, newest
        return dict(weight_files.read(last).tensors), newest

    return handle


def make_beginner() -> Callable[[Path], Beginning]:
    """Return the function of the lane that reads what a run began with: its layers and its first recorded step."""
    with gentle_import():
        from cnnviz.training import folder, time_machine
        from cnnviz.training.layers_of import trainable_layers

    def handle(path: Path) -> Beginning:
        config, classes = folder.read_config(path), folder.read_facts(path).get("classes", ())
        layers, steps = trainable_layers(config, len(classes)), time_machine.found_steps(path)
        snapshot = time_machine.read(steps[min(steps)]) if steps else None
        weights = LiveWeights(snapshot.step, snapshot.weights) if snapshot is not None else None
        return Beginning(path, layers, weights, folder.read_frozen(path, config))

    return handle


def make_overlayer() -> Callable[[tuple[Path, ...]], tuple[RunCurves, ...]]:
    """Return the function of the lane that reads the curves of other runs."""
    with gentle_import():
        from cnnviz.training.reading import Reader
    return lambda paths: tuple(_curves(Reader(path)) for path in paths)


def make_lister() -> Callable[[object], tuple[RunSummary, ...]]:
    """Return the function of the lane that lists runs."""
    return lambda request: runs.summaries()


def _curves(reader: Reader) -> RunCurves:
    news, curves = reader.news(), RunCurves(reader.path, reader.path.name)
    curves.batches.append(news.batches)
    curves.epochs.append(news.epochs)
    return curves


class TravelService(QObject):
    """Opens runs, watches those that others train, and goes to recorded steps.

    Parameters
    ----------
    state, messages
        The window's state, and where problems go.
    """

    def __init__(self, state: AppState, messages: MessageCenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._app, self._state, self._messages = state, state.training, messages
        self._follower = self._lane(make_follower, "following", self._on_follower_done)
        self._traveller = self._lane(make_traveller, "travelling", self._on_traveller_done)
        self._overlayer = self._lane(make_overlayer, "reading curves", self._on_overlayer_done)
        self._beginner = self._lane(make_beginner, "reading beginnings", self._on_beginner_done)
        self._lister = self._lane(make_lister, "listing runs", self._on_lister_done)
        self._timer = QTimer(self)
        self._timer.setInterval(FOLLOW_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        self._path: Path | None = None  # of the run that is watched
        self._overlay: tuple[Path, ...] = ()  # whose curves are wished for
        self._stopped = threading.Event()
        training = self._state
        training.follow_requested.connect(self._on_follow_requested)
        training.travel_requested.connect(self._on_travel_requested)
        training.before_requested.connect(self._on_before_requested)
        training.overlay_requested.connect(self._on_overlay_requested)
        training.progress_changed.connect(self._on_progress_changed)
        training.runs_changed.connect(self._on_runs_changed)

    def _lane(self, make: Callable[[], Handler], name: str, done: Callable[[Any, Any], None]) -> LatestLane:
        lane = LatestLane(make, name, self)
        lane.done.connect(done)
        lane.failed.connect(self._on_failed)
        return lane

    def stop(self) -> None:
        """Stop the lanes and wait for them."""
        self._timer.stop()
        self._stopped.set()
        for lane in (self._follower, self._traveller, self._overlayer, self._beginner, self._lister):
            lane.stop()

    @Slot()
    def _on_runs_changed(self) -> None:
        self._lister.submit(None)

    @Slot(object, object)
    def _on_lister_done(self, request: object, found: tuple[RunSummary, ...]) -> None:
        self._state.set_runs(found)
        progress = self._state.progress
        is_at_rest = progress.stage in ("idle", "finished", "following") and self._path in (None, progress.path)
        if is_at_rest and progress.path is not None and not progress.path.exists():
            self._forget()

    def _forget(self) -> None:
        """Show no run any more: the one in sight was deleted."""
        self._timer.stop()
        self._path = None
        self._state.set_cursor(None)
        self._state.set_recorded(())
        self._state.set_layers(())
        self._state.set_epoch(None)
        self._state.set_sheet(None)
        self._state.set_before(None)
        self._state.set_overlaid(())
        self._state.set_frozen("")
        self._state.set_progress(Progress())
        self._state.set_curves(None)

    @Slot()
    def _on_before_requested(self) -> None:
        path = self._state.progress.path
        if path is not None:
            self._beginner.submit(path)

    @Slot(object, object)
    def _on_beginner_done(self, path: Path, found: Beginning) -> None:
        if path == self._state.progress.path:
            if not self._state.progress.is_active:  # what this program trains tells by itself
                self._state.set_frozen(found.frozen)
            self._state.set_before(found)

    @Slot(str)
    def _on_follow_requested(self, folder: str) -> None:
        if self._state.progress.is_active:
            if self._state.progress.path != Path(folder):
                self._messages.notice("Stop the run that learns before another one is opened.", "training")
            return
        self._path = Path(folder)
        self._follower.submit(Look(self._path, fresh=True, stopped=self._stopped.is_set))
        self._timer.start()

    @Slot(object)
    def _on_progress_changed(self, progress: Progress) -> None:
        if progress.is_active:  # this program trains: its own events are newer than its files
            self._timer.stop()
            self._path = None

    @Slot()
    def _on_timer_timeout(self) -> None:
        if self._path is not None and not self._follower.is_busy:
            self._follower.submit(Look(self._path, stopped=self._stopped.is_set))

    @Slot(object, object)
    def _on_follower_done(self, request: Look, looked: Looked) -> None:
        if request.path != self._path:
            return
        news, curves = looked.news, self._state.curves
        if request.fresh or news.anew or curves is None:
            curves = RunCurves(request.path, request.path.name)
            self._state.set_overlaid(())
            self._state.set_layers(())
            self._state.set_epoch(None)
            self._state.set_cursor(None)
            self._state.set_before(None)
            self._state.set_sheet(looked.sheet)
            self._app_shows(request.path)
        _add(curves.batches, news.batches)
        _add(curves.epochs, news.epochs)
        started = looked.reader.started
        step = int(curves.batches["step"][-1]) if len(curves.batches) else 0
        stage: Stage = (
            "following" if news.is_written else "finished" if started and self._done(started, step) else "idle"
        )
        epoch = int(curves.batches["epoch"][-1]) if len(curves.batches) else 0
        if request.fresh or news.anew:
            self._state.set_frozen(looked.frozen)
        self._state.set_progress(Progress(stage, request.path, looked.reader.config, started, epoch, step))
        if request.fresh or news.anew or len(news.batches["step"]) or len(news.epochs["step"]):
            self._state.set_curves(curves)
        newer = news.recorded != self._state.recorded
        self._state.set_recorded(news.recorded)
        if (newer or request.fresh) and news.recorded and self._state.cursor is None:
            self._traveller.submit(Travel(request.path, news.recorded[-1] if stage == "following" else None))

    @staticmethod
    def _done(started: Any, step: int) -> bool:
        return bool(step >= started.epochs * started.batches)

    def _app_shows(self, path: Path) -> None:
        last = path / "last.safetensors"
        if self._state.shown and last.is_file():
            self._app.request_model(ModelRequest(registry.name_of_file(str(last)), str(last)))

    @Slot(object)
    def _on_travel_requested(self, step: int | None) -> None:
        path = self._state.progress.path
        if path is None:
            return
        self._state.set_cursor(step)
        if step is not None or not self._state.progress.is_active:
            self._traveller.submit(Travel(path, step))

    @Slot(object)
    def _on_overlay_requested(self, folders: tuple[str, ...]) -> None:
        self._overlay = tuple(Path(folder) for folder in folders)
        if folders:
            self._overlayer.submit(self._overlay)
        else:
            self._state.set_overlaid(())

    @Slot(object, object)
    def _on_overlayer_done(self, paths: tuple[Path, ...], curves: tuple[RunCurves, ...]) -> None:
        if paths == self._overlay:
            self._state.set_overlaid(curves)

    @Slot(object, object)
    def _on_traveller_done(self, request: Travel, result: Any) -> None:
        if request.path != self._state.progress.path:
            return
        last = str(request.path / "last.safetensors")
        model = ModelRequest(registry.name_of_file(last), last)
        if request.step is None:
            if self._state.cursor is None and not self._state.progress.is_active:
                weights, newest = result
                self._show_end(weights, newest, model)
            return
        latest = request.step == (self._state.recorded or (None,))[-1] and not self._state.progress.is_active
        if self._state.cursor == request.step or (self._state.cursor is None and latest):
            self._show(result, model)

    def _show_end(self, weights: Mapping[str, Any], newest: Snapshot | None, model: ModelRequest) -> None:
        """Show the weights that were saved last, beside what is known of the newest recorded step."""
        if newest is not None:
            self._show_facts(newest)
        self._state.set_live(LiveWeights(self._state.progress.step, weights, model))

    def _show(self, snapshot: Snapshot, model: ModelRequest) -> None:
        self._show_facts(snapshot)
        self._state.set_live(LiveWeights(snapshot.step, snapshot.weights, model))

    def _show_facts(self, snapshot: Snapshot) -> None:
        self._state.set_layers(snapshot.layers)
        sheet = self._state.sheet
        if sheet is not None and len(snapshot.predicted_n) == len(sheet.labels_n):
            self._state.set_sheet(replace(sheet, predicted_n=snapshot.predicted_n, step=snapshot.step))

    @Slot(object, object)
    def _on_failed(self, request: object, error: BaseException) -> None:
        if isinstance(request, Look):
            self._timer.stop()
            self._path = None
        self._messages.report(error, "training")


def _add(curves: Curves, rows: Any) -> None:
    if len(rows[curves.names[0]]):
        curves.append(rows)
