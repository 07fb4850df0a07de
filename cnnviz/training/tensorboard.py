"""Events for TensorBoard, where its package is installed (the extra ``tensorboard``)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz.training.events import BatchesDone, EpochDone, Event

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


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
        self._available = importlib.util.find_spec("tensorboard") is not None

    def write(self, event: Event) -> None:
        """Write an event's numbers: the last batch of each report, and every epoch."""
        if not self._available or not isinstance(event, (BatchesDone, EpochDone)):
            return
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
            self._writer.close()
