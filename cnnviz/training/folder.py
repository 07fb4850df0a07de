"""A run on disk: configuration, metrics as CSV, weights, and the state from which it goes on.

Files are written whole or not at all, and in such an order that a run can be ended at any moment: the lists are on the
disk before the state that counts on them, and what stands in them after the state's step is cut off on resuming.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cnnviz.core.errors import UserError
from cnnviz.core.files import claim, disk_errors, write_atomically
from cnnviz.datasets.images import LabelledImages
from cnnviz.models.checkpoints import BEST
from cnnviz.models.registry import ModelSpec
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Event, Started
from cnnviz.training.loop import Run
from cnnviz.training.parts import fingerprint
from cnnviz.training.runs import (
    BATCHES,
    CONFIG,
    FACTS,
    LAST,
    LOCK,
    METRICS,
    PREDICTED,
    STATE,
    is_written,
    read_config,
    read_facts,
)  # fmt: skip

if TYPE_CHECKING:
    import filelock

__all__ = ["RunFolder", "Saved", "is_written", "read_config", "read_facts"]

_OWN = (BEST, LAST, STATE, METRICS, BATCHES, FACTS, PREDICTED)
COLUMNS = (
    "epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
    "images_per_second",
)  # fmt: skip
BATCH_COLUMNS = ("step", "epoch", "loss", "accuracy", "learning_rate")
_LEAST_S, _COST = 5.0, 150.0
_FLUSH_S = 0.5


@dataclass(frozen=True, eq=False)
class Saved:
    """The state of a run as `Run.state` returned it, and when it was finished."""

    tensors: Mapping[str, Tensor]
    rest: Mapping[str, Any]

    @property
    def step(self) -> int:
        """Steps that were done."""
        return int(self.rest["step"])


class RunFolder:
    """Writes a run's folder; one program at a time.

    Use `create` or `reopen`, and `close` when done.

    Attributes
    ----------
    path
        The folder.
    config
        What the run is made with.
    """

    def __init__(self, path: Path, config: TrainConfig, lock: filelock.BaseFileLock) -> None:
        self.path, self.config, self._lock = path, config, lock
        self._epochs: _List | None = None
        self._batches: _List | None = None
        self._best: EpochDone | None = None
        self._saved_s, self._cost_s, self._flushed_s = time.perf_counter(), 0.0, 0.0

    @classmethod
    def create(cls, path: Path, config: TrainConfig, *, overwrite: bool = False) -> RunFolder:
        """Claim a folder for a new run; it stays as it was until the run starts.

        Raises
        ------
        UserError
            When it holds another run, cannot be made, or another program writes it.
        """
        if (path / CONFIG).exists() and not overwrite:
            raise UserError(f"'{path}' holds a run already.", suggestion="Choose another --out, or add --overwrite.")
        made = not path.exists()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UserError(f"The folder '{path}' cannot be made: {reason}.", details=repr(error)) from error
        folder = cls(path, config, _locked(path))
        folder._made = made
        return folder

    @classmethod
    def reopen(cls, path: Path) -> RunFolder:
        """Claim the folder of a run that is to go on.

        Raises
        ------
        UserError
            When it is no run's folder, or another program writes it.
        """
        config = read_config(path)
        return cls(path, config, _locked(path))

    _made = False

    def close(self, *, unused: bool = False) -> None:
        """Let go of the folder; of one that was made for a run that never started, nothing is left."""
        self._close_lists()
        self._lock.release()
        if unused and self._made:
            with suppress(OSError):  # somebody put something into it meanwhile
                (self.path / LOCK).unlink(missing_ok=True)
                self.path.rmdir()

    def _close_lists(self) -> None:
        for file in (self._epochs, self._batches):
            if file is not None:
                file.close()
        self._epochs = self._batches = None

    def start(self, event: Started, data: LabelledImages, spec: ModelSpec, saved: Saved | None = None) -> None:
        """Write what the run is made with, or cut off what an older life of it wrote after the saved state."""
        self._close_lists()  # of a first try that found the disk full
        with disk_errors(self.path / METRICS):
            for left in (left for name in (*_OWN, CONFIG) for left in self.path.glob(f".{name}.*")):
                left.unlink()  # half a file of a life that was cut short
            if saved is None:
                for old in (*(self.path / name for name in _OWN), *self.path.glob("events.out.tfevents.*")):
                    old.unlink(missing_ok=True)
                self._write(CONFIG, self.config.to_json().encode())
                self._write(FACTS, _facts(event, data, spec))
            step = 0 if saved is None else saved.step
            self._epochs = _continued(self.path / METRICS, COLUMNS, step)
            self._batches = _continued(self.path / BATCHES, BATCH_COLUMNS, step)

    def record(self, event: Event) -> None:
        """Write an event's lines.

        Raises
        ------
        UserError
            When the disk is full.
        """
        with disk_errors(self.path / METRICS):
            if isinstance(event, BatchesDone) and self._batches is not None:
                self._batches.add(_lines(event))
                now_s = time.perf_counter()
                if now_s - self._flushed_s >= _FLUSH_S:
                    self._flushed_s = now_s
                    self._batches.flush()
            elif isinstance(event, EpochDone) and self._epochs is not None and self._batches is not None:
                if event.is_best:
                    self._best = event
                self._epochs.add(",".join(str(getattr(event, name)) for name in COLUMNS) + "\n")
                self._epochs.flush()
                self._batches.flush()

    @property
    def is_due(self) -> bool:
        """Whether enough time went by to save again: saving takes at most a hundred and fiftieth of it."""
        return time.perf_counter() - self._saved_s >= max(_LEAST_S, _COST * self._cost_s)

    def save(self, run: Run) -> None:
        """Save where the run is: the lists, the best and the last weights, then the state that counts on them.

        Raises
        ------
        UserError
            When the disk is full; what was saved before is as it was.
        """
        start_s = time.perf_counter()
        with disk_errors(self.path / METRICS):
            for file in (self._epochs, self._batches):
                if file is not None:
                    file.sync()
            tensors, rest = run.state()
            if not all(torch.isfinite(t).all() for t in tensors.values() if t.is_floating_point()):
                return  # the last good state stays
            about = self.about(run, run.epoch)
            if self._best is not None:
                best = self._best
                self._write(BEST, weights_file(best.weights, {**about, "epoch": best.epoch}))
                with write_atomically(self.path / PREDICTED) as predicted:
                    np.save(predicted, best.predicted_n.astype(np.int32))
                self._best = None
            self._write(LAST, weights_file(run.weights(averaged=True), about))
            state = json.dumps(rest, sort_keys=True)
            self._write(STATE, save(tensors, metadata={"cnnviz_state": state}))
        self._saved_s = time.perf_counter()
        self._cost_s = self._saved_s - start_s

    def about(self, run: Run, epoch: int) -> dict[str, Any]:
        """Return what a weights file says of itself, so that it can be opened anywhere."""
        given = run.spec.input
        return {
            "model": self.config.model, "data": self.config.data, "seed": self.config.seed,
            "epoch": min(epoch, self.config.epochs),  # a run that is over stands before the one after its last
            "classes": list(run.spec.labels), "mean": list(given.mean), "std": list(given.std),
            "height": given.height, "width": given.width, "preparation": given.preparation,
        }  # fmt: skip

    def best_sha256(self) -> str:
        """Return the SHA-256 of the best weights."""
        return hashlib.sha256((self.path / BEST).read_bytes()).hexdigest()

    def _write(self, name: str, data: bytes) -> None:
        with write_atomically(self.path / name) as file:
            file.write(data)


def weights_file(weights: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """Return weights as a safetensors file that says what they are of.

    One entry: safetensors writes several in random order, and the same run must give the same bytes.
    """
    return save(dict(weights), metadata={"cnnviz": json.dumps(about, sort_keys=True)})


def read_state(path: Path) -> Saved | None:
    """Return the saved state of a run; ``None`` where it was ended before the first was saved.

    Raises
    ------
    UserError
        When the file is damaged.
    """
    file = path / STATE
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            tensors = {key: opened.get_tensor(key).clone() for key in opened.keys()}  # noqa: SIM118  # no mapping
            rest = json.loads((opened.metadata() or {})["cnnviz_state"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(
            f"The saved state of '{path.name}' is damaged.",
            suggestion=f"Start a new run from its weights: --start {path}.",
            details=repr(error),
        ) from error
    return Saved(tensors, rest)


def read_frozen(path: Path, config: TrainConfig) -> str:
    """Return up to which layer a run is frozen: as it was saved last, since that changes by hand, else as it began."""
    return str(_saved_numbers(path).get("frozen", config.freeze))


def going_on(path: Path, changes: Mapping[str, Any]) -> TrainConfig:
    """Return the configuration of a new run that goes on with the weights that another one saved last.

    A run itself goes on only as it was: with another batch size its lists would tell of other steps than it did.

    Parameters
    ----------
    path
        The other run's folder.
    changes
        Settings that the new run has otherwise.

    Raises
    ------
    UserError
        When it is no run's folder, or a setting is wrong.
    """
    config, saved = read_config(path), _saved_numbers(path)
    if not saved or not saved["step"]:  # nothing was learned yet
        return replace(config, **changes)
    left = max(1, config.epochs - int(saved["epoch"]) + 1)
    rate = config.learning_rate * float(saved["scale"])
    kept = {"start": str(path / LAST), "epochs": left, "freeze": str(saved["frozen"]), "learning_rate": rate}
    return replace(config, **{**kept, **changes})


def _saved_numbers(path: Path) -> dict[str, Any]:
    """Return what a run saved beside its tensors; nothing where it saved nothing or that is damaged."""
    try:
        with safe_open(path / STATE, framework="pt") as opened:
            found = json.loads((opened.metadata() or {})["cnnviz_state"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def check_data(path: Path, data: LabelledImages) -> None:
    """Refuse to go on with other pictures than the run began with.

    Raises
    ------
    UserError
        When they changed.
    """
    noted = read_facts(path)
    if "fingerprint" in noted and noted["fingerprint"] != fingerprint(data):
        before = noted.get("pictures", 0)
        what = f"{before:,} pictures then, {len(data):,} now" if before != len(data) else "other pictures or classes"
        raise UserError(
            f"The data of '{path.name}' changed since the run began: {what}.",
            suggestion=f"Bring the old pictures back, or start a new run from its weights: --start {path}.",
        )


def _facts(event: Started, data: LabelledImages, spec: ModelSpec) -> bytes:
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    found = {
        "data_sha256": dict(data.files), "fingerprint": fingerprint(data), "pictures": len(data),
        "device": event.device, "threads": event.threads, "parameters": event.parameters, "batches": event.batches,
        "n_train": event.n_train, "n_validation": event.n_validation, "classes": list(spec.labels),
        "mean": list(spec.input.mean), "std": list(spec.input.std), "began": time.time(), "versions": versions,
    }  # fmt: skip
    return (json.dumps(found, indent=2) + "\n").encode()


def _lines(event: BatchesDone) -> str:
    first = event.step - len(event.losses) + 1
    return "".join(
        f"{first + i},{event.epoch},{loss:.7g},{right:.7g},{rate:.7g}\n"
        for i, (loss, right, rate) in enumerate(zip(event.losses, event.accuracies, event.rates, strict=True))
    )


class _List:
    """A CSV file that grows by whole lines; those that find no room on the disk wait for the next try.

    Parameters
    ----------
    path
        An existing file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._waiting = b""

    def add(self, lines: str) -> None:
        """Add lines; they are written by the next `flush`."""
        self._waiting += lines.encode()

    def flush(self) -> None:
        """Write what waits: all of it or nothing."""
        if not self._waiting:
            return
        end = self._file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(self._waiting):
                written += self._file.write(self._waiting[written:])
        except OSError:
            self._file.truncate(end)
            raise
        self._waiting = b""

    def sync(self) -> None:
        """Write what waits, and wait until it is on the disk."""
        self.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write what waits where there is room, and close the file."""
        with suppress(OSError):  # it was said when it was first tried
            self.flush()
        self._file.close()


def _continued(path: Path, columns: Sequence[str], step: int) -> _List:
    """Return a list open for writing, with what an older life of the run wrote up to a step."""
    kept = [row for row in _rows(path, columns) if int(row["step"]) <= step] if step and path.exists() else []
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    with write_atomically(path) as file:
        file.write(text.getvalue().encode())
    return _List(path)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the whole rows of a list; what a power cut left behind the last whole one is no row."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file, suppress(csv.Error):
        for row in csv.DictReader(file):
            if any(row.get(name) in (None, "") for name in columns) or not row["step"].isdecimal():
                return
            yield {name: row[name] for name in columns}


def _locked(path: Path) -> filelock.BaseFileLock:
    taken = UserError(f"Another program is writing the run '{path.name}'.", suggestion="Wait for it, or watch it live.")
    with disk_errors(path):
        return claim(path / LOCK, taken)
