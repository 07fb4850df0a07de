"""Numbers that grow with every step of a run: kept in arrays that double, no torch, no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]
_FIRST = 1024


class Curves:
    """Columns of equal length, appended to; a column read is a view that later appending does not change.

    Parameters
    ----------
    names
        Of the columns; the first is the step, and never falls.

    Attributes
    ----------
    cuts
        How often rows were forgotten: what was made of older rows is then out of date.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._columns = {name: np.empty(_FIRST, np.float64) for name in self.names}
        self._count = 0
        self.cuts = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, name: str) -> Column:
        """Return a column, read-only."""
        found = self._columns[name][: self._count]
        found.flags.writeable = False
        return found

    def append(self, values: Mapping[str, Sequence[float] | Column]) -> None:
        """Add rows: as many values for each column, in the order of the steps."""
        count = len(values[self.names[0]])
        room = len(self._columns[self.names[0]])
        if self._count + count > room:
            size = max(2 * room, self._count + count)
            for name, old in self._columns.items():
                self._columns[name] = np.empty(size, np.float64)
                self._columns[name][: self._count] = old[: self._count]
        for name in self.names:
            self._columns[name][self._count : self._count + count] = values[name]
        self._count += count

    def cut(self, step: float) -> None:
        """Forget all rows after a step."""
        self._count = int(np.searchsorted(self[self.names[0]], step, side="right"))
        self.cuts += 1


BATCH_NAMES = ("step", "epoch", "loss", "accuracy", "learning_rate")
EPOCH_NAMES = (
    "epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
    "images_per_second",
)  # fmt: skip
"""Columns of a run's two lists, as `cnnviz.training.folder` writes them."""


def batch_curves() -> Curves:
    """Return an empty list of steps."""
    return Curves(BATCH_NAMES)


def epoch_curves() -> Curves:
    """Return an empty list of epochs."""
    return Curves(EPOCH_NAMES)
