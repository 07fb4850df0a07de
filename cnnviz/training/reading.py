"""A run's folder read by somebody who does not train it: curves as they grow, weights, the validation's pictures."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core.curves import BATCH_NAMES, EPOCH_NAMES, Column
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import Started
from cnnviz.training.runs import BATCHES, METRICS, is_written, read_config, read_facts
from cnnviz.training.time_machine import found_steps

Rows = Mapping[str, Column]


@dataclass(frozen=True, eq=False)
class News:
    """What was written to a run since it was last looked at.

    Attributes
    ----------
    batches, epochs
        New rows, by column.
    recorded
        All steps that can be gone back to.
    is_written
        Whether a program trains it now.
    anew
        The lists were begun again or cut: what was read before is void, and these rows are all there are.
    """

    batches: Rows
    epochs: Rows
    recorded: tuple[int, ...]
    is_written: bool
    anew: bool = False


class Reader:
    """Reads a run's lists from where it stopped the last time.

    Parameters
    ----------
    path
        The run's folder.

    Attributes
    ----------
    config, started
        What it was made with, and the first event as its facts tell it.

    Raises
    ------
    UserError
        When it is no run's folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config: TrainConfig = read_config(path)
        self.started = _started(self.config, read_facts(path))
        self._batches, self._epochs = _Tail(path / BATCHES, BATCH_NAMES), _Tail(path / METRICS, EPOCH_NAMES)

    def news(self) -> News:
        """Return what is new."""
        batches, first = self._batches.read()
        epochs, second = self._epochs.read()
        if first != second:  # one was begun again: read the other from its beginning as well
            batches, _ = self._batches.read(again=True)
            epochs, _ = self._epochs.read(again=True)
        return News(batches, epochs, tuple(found_steps(self.path)), is_written(self.path), first or second)


class _Tail:
    """The rows of a CSV file, from where the last reading ended."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._path, self._columns = path, columns
        self._at, self._file = 0, -1

    def read(self, *, again: bool = False) -> tuple[dict[str, npt.NDArray[np.float64]], bool]:
        """Return new whole rows by column, and whether the file was begun again since."""
        empty = {name: np.empty(0) for name in self._columns}
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())  # of the file that is read: the path may have a new one by now
                anew = self._file >= 0 and (status.st_ino != self._file or status.st_size < self._at)
                if anew or again or self._file < 0:
                    self._at = 0
                self._file = status.st_ino
                file.seek(self._at)
                data = file.read()
        except OSError:
            return empty, False
        end = data.rfind(b"\n") + 1
        whole = data[:end]
        if self._at == 0:
            whole = whole.partition(b"\n")[2]
        self._at += end
        if not whole:
            return empty, anew
        try:
            table = np.loadtxt(io.BytesIO(whole), delimiter=",", ndmin=2)
        except ValueError:  # a damaged line: leave these rows out
            return empty, anew
        if table.shape[1] != len(self._columns):
            return empty, anew
        return {name: table[:, i] for i, name in enumerate(self._columns)}, anew


def _started(config: TrainConfig, facts: Mapping[str, Any]) -> Started | None:
    try:
        return Started(
            config, config.epochs, int(facts["batches"]), int(facts["n_train"]), int(facts["n_validation"]),
            int(facts["parameters"]), str(facts["device"]), int(facts["threads"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, json.JSONDecodeError):
        return None
