"""What the window knows of a race: networks that learn side by side. GUI thread only, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal

from cnnviz.state.training_state import RunCurves
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import LayerStep, Started

RaceStage = Literal["idle", "preparing", "running", "paused", "stopping", "finished", "failed"]


@dataclass(frozen=True, eq=False)
class Lane:
    """One of the networks.

    Attributes
    ----------
    config, path
        What its run is made with, and that run's folder.
    curves
        Its curves; shared arrays that grow.
    started
        The first event; ``None`` until it came.
    layers
        What the newest step did to each layer.
    images_per_second
        Speed of its own steps.
    sentence
        Why it ended before the others; empty for most.
    """

    config: TrainConfig
    path: Path
    curves: RunCurves
    started: Started | None = None
    layers: tuple[LayerStep, ...] = ()
    images_per_second: float = 0.0
    sentence: str = ""

    @property
    def step(self) -> int:
        """Steps that were done."""
        steps = self.curves.batches["step"]
        return int(steps[-1]) if len(steps) else 0


@dataclass(frozen=True, eq=False)
class RaceProgress:
    """Where the race stands.

    Attributes
    ----------
    stage
        What is going on.
    lanes
        The networks, in the order in which they were chosen; empty until they are there.
    sentence
        What happened, where it needs saying.
    """

    stage: RaceStage = "idle"
    lanes: tuple[Lane, ...] = ()
    sentence: str = ""

    @property
    def is_active(self) -> bool:
        """Whether this program trains."""
        return self.stage in ("preparing", "running", "paused", "stopping")

    @property
    def step(self) -> int:
        """Steps that every lane that goes on has done."""
        steps = [lane.step for lane in self.lanes if not lane.sentence]
        return min(steps or [lane.step for lane in self.lanes], default=0)

    @property
    def steps(self) -> int:
        """Steps of the whole race; 0 where they are not known."""
        started = [lane.started for lane in self.lanes if lane.started is not None]
        return started[0].epochs * started[0].batches if started else 0


class RaceState(QObject):
    """The single source of truth of the race.

    Signals
    -------
    progress_changed(RaceProgress)
        Where it stands; at most some 20 times a second.
    start_requested(tuple[TrainConfig, ...])
        A wish: a new race, one lane for each.
    pause_requested(bool), stop_requested()
        Wishes: pause or go on; save and end.
    """

    progress_changed = Signal(object)
    start_requested = Signal(object)
    pause_requested = Signal(bool)
    stop_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._progress = RaceProgress()

    @property
    def progress(self) -> RaceProgress:
        """Where the race stands."""
        return self._progress

    def set_progress(self, progress: RaceProgress) -> None:
        """Say where the race stands."""
        if progress is not self._progress:
            self._progress = progress
            self.progress_changed.emit(progress)
