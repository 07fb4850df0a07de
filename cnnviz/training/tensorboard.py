"""Events for TensorBoard, where its package is installed (the extra ``tensorboard``)."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz.training.events import BatchesDone, EpochDone, Event

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


OFTEN_S = 1.0
"""Seconds between two batches that are written: each costs the network time, and all are in `batches.csv`."""


class TensorBoard:
    """Writes the curves of a run as TensorBoard reads them; nothing where the package is not installed.

    Parameters
    ----------
    folder
        The run's.
    """

    def __init__(self, folder: Path) -> None:
        self._writer: SummaryWriter | None = None
        self._folder = folder
        self._written_s = -math.inf
        self._available = importlib.util.find_spec("tensorboard") is not None

    def write(self, event: Event) -> None:
        """Write an event's numbers: about every second those of the last batch, and every epoch's."""
        if not self._available or not isinstance(event, (BatchesDone, EpochDone)):
            return
        if isinstance(event, BatchesDone):
            now_s = time.perf_counter()
            if now_s - self._written_s < OFTEN_S:
                return
            self._written_s = now_s
        try:
            self._add(event)
        except OSError:  # a full disk: the run's own lists, which say so, are what counts
            self._available = False

    def _add(self, event: BatchesDone | EpochDone) -> None:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # What an older life of the run wrote after this step is void.
            self._writer = SummaryWriter(str(self._folder), purge_step=event.step)
        numbers = (
            {"batch/loss": event.losses[-1], "batch/accuracy": event.accuracies[-1], "rate": event.rates[-1]}
            if isinstance(event, BatchesDone)
            else {
                "train/loss": event.train_loss,
                "train/accuracy": event.train_accuracy,
                "validation/loss": event.val_loss,
                "validation/accuracy": event.val_accuracy,
            }
        )
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, event.step)

    def close(self) -> None:
        """Write what waits."""
        if self._writer is not None:
            with contextlib.suppress(OSError):  # as in `write`
                self._writer.close()
            self._writer = None
