"""What the window knows of training: frozen values, one signal a field, GUI thread only. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from cnnviz.core.curves import Curves, batch_curves, epoch_curves
from cnnviz.core.inspection import ModelRequest
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import EpochDone, LayerStep, Started
from cnnviz.training.layers_of import LayerInfo
from cnnviz.training.runs import RunSummary
from cnnviz.training.weight_step import WeightStep

Stage = Literal["idle", "preparing", "running", "paused", "stopping", "finished", "failed", "following"]
Trouble = Literal["", "diverged", "memory"]


@dataclass(frozen=True, eq=False)
class RunCurves:
    """The curves of one run: shared arrays that grow while it trains.

    Attributes
    ----------
    path, title
        The run's folder, and its name for people.
    batches, epochs
        See `cnnviz.core.curves`.
    """

    path: Path
    title: str
    batches: Curves = field(default_factory=batch_curves)
    epochs: Curves = field(default_factory=epoch_curves)


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes
    ----------
    stage
        ``following``: another program trains it and it is watched here.
    path
        The run's folder; ``None`` while there is none.
    config
        What it is made with.
    started
        Its first event; ``None`` until it came.
    epoch, step
        The epoch at work, from 1, and the steps done.
    images_per_second, seconds_left
        Speed, and time until its end at this speed; 0 where it is not known.
    sentence
        What happened, where it needs saying.
    scale
        What the schedule's rate is multiplied by.
    trouble
        Why it failed, where something can be done about it: the loss is no longer a number, a memory is full.
    """

    stage: Stage = "idle"
    path: Path | None = None
    config: TrainConfig | None = None
    started: Started | None = None
    epoch: int = 0
    step: int = 0
    images_per_second: float = 0.0
    seconds_left: float = 0.0
    sentence: str = ""
    scale: float = 1.0
    trouble: Trouble = ""

    @property
    def steps(self) -> int:
        """Steps of the whole run; 0 where they are not known."""
        return self.started.epochs * self.started.batches if self.started is not None else 0

    @property
    def is_active(self) -> bool:
        """Whether this program trains."""
        return self.stage in ("preparing", "running", "paused", "stopping")


@dataclass(frozen=True, eq=False)
class ValidationSheet:
    """A sample of the validation part, and what the network says to them at a step.

    Attributes
    ----------
    images_nhw
        uint8 (N, h, w) or (N, h, w, 3).
    labels_n, predicted_n
        True classes, and those told; the latter is empty until the network was asked.
    classes
        Names of the classes.
    step
        Steps done when it was asked.
    """

    images_nhw: npt.NDArray[np.uint8]
    labels_n: npt.NDArray[np.int64]
    predicted_n: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    step: int = 0


@dataclass(frozen=True, eq=False)
class LiveWeights:
    """Weights of the network that learns, or that a run had at a recorded step.

    Attributes
    ----------
    step
        Steps that were done.
    tensors
        The state dict; nothing writes it any more.
    request
        The network that they belong to, as it is asked for.
    """

    step: int
    tensors: Mapping[str, Any]
    request: ModelRequest | None = None


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a run began with.

    Attributes
    ----------
    path
        The run's folder.
    layers
        The layers with weights, between which the freeze line lies.
    weights
        The first recorded step; ``None`` while none is recorded.
    frozen
        The last layer that kept its weights when the run was saved last; empty: all learned.
    """

    path: Path
    layers: tuple[LayerInfo, ...]
    weights: LiveWeights | None
    frozen: str = ""


@dataclass(frozen=True)
class WeightPlace:
    """One weight: the parameter's name, and where in it."""

    name: str
    index: tuple[int, ...]


class TrainingState(QObject):
    """The single source of truth of training. Setters return early when nothing changed, else store and emit.

    Signals
    -------
    progress_changed(Progress)
        Where the run stands.
    curves_changed(RunCurves | None)
        The run's curves grew, or are another run's; at most some 15 times a second.
    overlaid_changed(tuple[RunCurves, ...])
        Other runs whose curves are shown beside it.
    layers_changed(tuple[LayerStep, ...])
        What the newest measured step, or the recorded step in sight, did to each layer.
    epoch_changed(EpochDone | None)
        An epoch was trained and validated.
    sheet_changed(ValidationSheet | None)
        What the network says to a sample of the validation part.
    weight_changed(WeightStep | None)
        What a step did to the weight that is watched.
    watched_changed(WeightPlace | None)
        Another weight is watched, or none.
    recorded_changed(tuple[int, ...])
        Which steps can be gone back to.
    cursor_changed(int | None)
        The recorded step that is in sight; ``None``: the present.
    live_changed(LiveWeights | None)
        Newer weights for the exploring views.
    before_changed(Beginning | None)
        What the run began with was read, or belongs to another run.
    frozen_changed(str)
        Another layer is the last one that keeps its weights; empty: all learn.
    freezable_changed(tuple[str, ...])
        The layers up to which the run at work can be frozen were listed, or belong to another run.
    shown_changed(bool)
        Whether the exploring views show the network that learns.
    runs_changed()
        The list of runs on disk may have changed, or somebody wants to see it.
    listed_changed(tuple[RunSummary, ...] | None)
        The list was read.
    start_requested(TrainConfig, str), resume_requested(str), follow_requested(str)
        Wishes: a new run (and its name, or nothing), go on with a run's folder, watch a run that is or was trained.
    slower_requested(str)
        A wish: go on with a run's folder at a tenth of the rate that it was saved with.
    change_requested(str, dict)
        A wish: a new run that goes on with the weights of a run's folder, with these settings otherwise.
    pause_requested(bool), stop_requested(), step_requested()
        Wishes: pause or go on, save and end, do one step and pause again.
    rate_requested(float), freeze_requested(str)
        Wishes: multiply the schedule's rate by this; let this layer and all before it keep their weights.
    watch_requested(WeightPlace | None), travel_requested(int | None)
        Wishes: watch a weight; go to a recorded step, or back to the present.
    keep_requested(str), keep_best_requested(str)
        Wishes: copy the weights in sight, or those of the best epoch, to a file.
    before_requested()
        A wish: read what the run began with.
    overlay_requested(tuple[str, ...])
        A wish: show the curves of these runs' folders as well.
    """

    progress_changed = Signal(object)
    curves_changed = Signal(object)
    overlaid_changed = Signal(object)
    layers_changed = Signal(object)
    epoch_changed = Signal(object)
    sheet_changed = Signal(object)
    weight_changed = Signal(object)
    watched_changed = Signal(object)
    recorded_changed = Signal(object)
    cursor_changed = Signal(object)
    live_changed = Signal(object)
    before_changed = Signal(object)
    frozen_changed = Signal(str)
    freezable_changed = Signal(object)
    shown_changed = Signal(bool)
    runs_changed = Signal()
    listed_changed = Signal(object)
    start_requested = Signal(object, str)
    resume_requested = Signal(str)
    slower_requested = Signal(str)
    follow_requested = Signal(str)
    change_requested = Signal(str, object)
    pause_requested = Signal(bool)
    stop_requested = Signal()
    step_requested = Signal()
    rate_requested = Signal(float)
    freeze_requested = Signal(str)
    watch_requested = Signal(object)
    travel_requested = Signal(object)
    keep_requested = Signal(str)
    keep_best_requested = Signal(str)
    before_requested = Signal()
    overlay_requested = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._progress = Progress()
        self._curves: RunCurves | None = None
        self._overlaid: tuple[RunCurves, ...] = ()
        self._layers: tuple[LayerStep, ...] = ()
        self._epoch: EpochDone | None = None
        self._sheet: ValidationSheet | None = None
        self._weight: WeightStep | None = None
        self._watched: WeightPlace | None = None
        self._recorded: tuple[int, ...] = ()
        self._cursor: int | None = None
        self._live: LiveWeights | None = None
        self._before: Beginning | None = None
        self._frozen = ""
        self._freezable: tuple[str, ...] = ()
        self._shown = True
        self._runs: tuple[RunSummary, ...] | None = None

    @property
    def progress(self) -> Progress:
        """Where the run stands."""
        return self._progress

    def set_progress(self, progress: Progress) -> None:
        """Say where the run stands."""
        if progress != self._progress:
            self._progress = progress
            self.progress_changed.emit(progress)

    @property
    def curves(self) -> RunCurves | None:
        """The run's curves; they grow."""
        return self._curves

    def set_curves(self, curves: RunCurves | None) -> None:
        """Say that the curves grew, or are another run's."""
        self._curves = curves
        self.curves_changed.emit(curves)

    @property
    def overlaid(self) -> tuple[RunCurves, ...]:
        """Other runs whose curves are shown beside the run's."""
        return self._overlaid

    def set_overlaid(self, runs: tuple[RunCurves, ...]) -> None:
        """Say which other runs' curves are shown."""
        if runs != self._overlaid:
            self._overlaid = runs
            self.overlaid_changed.emit(runs)

    @property
    def layers(self) -> tuple[LayerStep, ...]:
        """What a step did to each layer; empty until one was measured."""
        return self._layers

    def set_layers(self, layers: tuple[LayerStep, ...]) -> None:
        """Say what a step did to each layer."""
        if layers != self._layers:
            self._layers = layers
            self.layers_changed.emit(layers)

    @property
    def epoch(self) -> EpochDone | None:
        """The last epoch that was validated."""
        return self._epoch

    def set_epoch(self, epoch: EpochDone | None) -> None:
        """Say how an epoch ended."""
        if epoch is not self._epoch:
            self._epoch = epoch
            self.epoch_changed.emit(epoch)

    @property
    def sheet(self) -> ValidationSheet | None:
        """What the network says to a sample of the validation part."""
        return self._sheet

    def set_sheet(self, sheet: ValidationSheet | None) -> None:
        """Say what the network says to them."""
        if sheet is not self._sheet:
            self._sheet = sheet
            self.sheet_changed.emit(sheet)

    @property
    def weight(self) -> WeightStep | None:
        """What the newest measured step did to the weight that is watched."""
        return self._weight

    def set_weight(self, weight: WeightStep | None) -> None:
        """Say what a step did to the weight."""
        if weight is not self._weight:
            self._weight = weight
            self.weight_changed.emit(weight)

    @property
    def watched(self) -> WeightPlace | None:
        """The weight that is watched."""
        return self._watched

    def watch(self, place: WeightPlace | None) -> None:
        """Watch another weight, or none."""
        if place != self._watched:
            self._watched = place
            self.set_weight(None)
            self.watched_changed.emit(place)
            self.watch_requested.emit(place)

    @property
    def recorded(self) -> tuple[int, ...]:
        """Steps that can be gone back to, in order."""
        return self._recorded

    def set_recorded(self, steps: tuple[int, ...]) -> None:
        """Say which steps can be gone back to."""
        if steps != self._recorded:
            self._recorded = steps
            self.recorded_changed.emit(steps)

    @property
    def cursor(self) -> int | None:
        """The recorded step in sight; ``None``: the present."""
        return self._cursor

    def set_cursor(self, step: int | None) -> None:
        """Say which recorded step is in sight."""
        if step != self._cursor:
            self._cursor = step
            self.cursor_changed.emit(step)

    @property
    def live(self) -> LiveWeights | None:
        """The weights that the exploring views are to show; ``None``: those that were loaded."""
        return self._live

    def set_live(self, live: LiveWeights | None) -> None:
        """Hand newer weights to the exploring views."""
        if live is not self._live:
            self._live = live
            self.live_changed.emit(live)

    @property
    def before(self) -> Beginning | None:
        """What the run began with; ``None`` until somebody asked for it."""
        return self._before

    def set_before(self, before: Beginning | None) -> None:
        """Say what it began with."""
        if before is not self._before:
            self._before = before
            self.before_changed.emit(before)

    @property
    def frozen(self) -> str:
        """The last layer that keeps its weights, or a group that ends with it; empty: all learn."""
        return self._frozen

    def set_frozen(self, path: str) -> None:
        """Say up to where the network is frozen."""
        if path != self._frozen:
            self._frozen = path
            self.frozen_changed.emit(path)

    @property
    def freezable(self) -> tuple[str, ...]:
        """The layers up to which the run at work can be frozen, in the network's order; empty until they are listed."""
        return self._freezable

    def set_freezable(self, paths: tuple[str, ...]) -> None:
        """Say which layers these are."""
        if paths != self._freezable:
            self._freezable = paths
            self.freezable_changed.emit(paths)

    @property
    def runs(self) -> tuple[RunSummary, ...] | None:
        """The runs on disk, the newest first; ``None`` until they were looked for."""
        return self._runs

    def set_runs(self, found: tuple[RunSummary, ...]) -> None:
        """Say which runs there are."""
        if found != self._runs:
            self._runs = found
            self.listed_changed.emit(found)

    @property
    def shown(self) -> bool:
        """Whether the exploring views show the network that learns as soon as a run starts."""
        return self._shown

    def show(self, shown: bool) -> None:
        """Choose whether they do."""
        if shown != self._shown:
            self._shown = shown
            self.shown_changed.emit(shown)
