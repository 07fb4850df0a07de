"""The runs on disk: listed, renamed, deleted so that it can be undone. Imports no torch until a run is opened."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cnnviz.core import paths
from cnnviz.core.errors import UserError
from cnnviz.training.config import TrainConfig

TRASH = ".deleted"
_KEPT_S = 7 * 24 * 3600
CONFIG, FACTS, METRICS, BATCHES, PREDICTED = "config.json", "facts.json", "metrics.csv", "batches.csv", "predicted.npy"
STATE, LAST, LOCK = "state.safetensors", "last.safetensors", ".lock"
"""The files of a run's folder; the best weights are `cnnviz.models.checkpoints.BEST`."""


@dataclass(frozen=True)
class RunSummary:
    """A run as a list shows it.

    Attributes
    ----------
    path, name
        Its folder, and that folder's name.
    config
        What it was made with.
    epochs
        Whole epochs done.
    step, steps
        Steps done at the last whole epoch, and of the whole run; 0 where they are not known.
    accuracy, loss
        On the validation part, of the best epoch; NaN where there is none.
    began
        When it was started, in seconds since 1970; 0 where it is not known.
    """

    path: Path
    name: str
    config: TrainConfig
    epochs: int
    step: int
    steps: int
    accuracy: float
    loss: float
    began: float

    @property
    def is_finished(self) -> bool:
        """Whether all its epochs were trained."""
        return self.epochs >= self.config.epochs


def folder() -> Path:
    """Return where runs are kept unless somebody names another place."""
    return paths.data_dir() / "runs"


def new_path(config: TrainConfig, parent: Path | None = None) -> Path:
    """Return a folder that is not there yet, named after the network, the data and the time."""
    stem = f"{config.model}-{config.data}-{datetime.now():%Y%m%d-%H%M%S}"
    base = parent or folder()
    path, number = base / stem, 2
    while path.exists():
        path, number = base / f"{stem}-{number}", number + 1
    return path


def named_path(name: str, parent: Path | None = None) -> Path:
    """Return the folder of a run that is called so.

    Raises
    ------
    UserError
        When the name cannot be a folder's.
    """
    name = name.strip()
    wrong = re.search(r'[\\/:*?"<>|\x00-\x1f\ud800-\udfff]', name) or name.startswith(".") or name.endswith(".")
    if not name or wrong or len(name.encode()) > 200:
        raise UserError(f"'{name}' cannot be the name of a run.", suggestion="Use letters, digits, '-' and '_'.")
    return (parent or folder()) / name


def summaries(parent: Path | None = None) -> tuple[RunSummary, ...]:
    """Return the runs of a folder, the newest first; what is damaged is left out."""
    base = parent or folder()
    found = []
    for path in base.iterdir() if base.is_dir() else ():
        if not path.name.startswith(".") and (path / CONFIG).is_file():
            try:
                found.append(summary(path))
            except (UserError, OSError):
                continue
    return tuple(sorted(found, key=lambda run: (-run.began, run.name)))


def read_config(path: Path) -> TrainConfig:
    """Return the configuration of a run's folder.

    Raises
    ------
    UserError
        When there is none, or it is wrong.
    """
    try:
        text = (path / CONFIG).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"'{path}' is no run's folder: it has no '{CONFIG}'.", details=repr(error)) from error
    return TrainConfig.from_json(text, f"{path.name}/{CONFIG}")


def read_facts(path: Path) -> dict[str, Any]:
    """Return what was noted of a run when it started; nothing where that is missing or damaged."""
    try:
        found = json.loads((path / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def summary(path: Path) -> RunSummary:
    """Return one run.

    Raises
    ------
    UserError
        When it is no run's folder.
    """
    config, facts = read_config(path), read_facts(path)
    epochs = _epochs(path / METRICS)
    best = max(epochs, key=lambda row: (row[2], -row[3]) if not math.isnan(row[2]) else (-1.0, 0.0), default=None)
    done, step = epochs[-1][:2] if epochs else (0, 0)
    return RunSummary(
        path, path.name, config, done, step, int(_number(facts, "batches")) * config.epochs,
        best[2] if best else math.nan, best[3] if best else math.nan, _number(facts, "began"),
    )  # fmt: skip


def _number(facts: dict[str, Any], name: str) -> float:
    """Return a number of a run's facts; 0 where they are damaged."""
    value = facts.get(name)
    return value if isinstance(value, (int, float)) and math.isfinite(value) else 0.0


def _epochs(path: Path) -> list[tuple[int, int, float, float]]:
    """Return epoch, step, validation accuracy and loss of each whole row."""
    found: list[tuple[int, int, float, float]] = []
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file):
                if None in row.values():
                    break  # half a row
                accuracy, loss = float(row["val_accuracy"]), float(row["val_loss"])
                found.append((int(row["epoch"]), int(row["step"]), accuracy, loss))
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        pass  # what was left by a power cut
    return found


def rename(path: Path, name: str) -> Path:
    """Give a run another name, and return its new folder.

    Raises
    ------
    UserError
        When the name cannot be a folder's, or is taken, or a program writes the run.
    """
    target = named_path(name, path.parent)
    name = target.name
    if target == path:
        return path
    if target.exists():
        raise UserError(f"There is a run called '{name}' already.", suggestion="Choose another name.")
    _check_free(path)
    try:
        return path.rename(target)
    except OSError as error:
        raise UserError(f"'{path.name}' cannot be renamed.", details=repr(error)) from error


def delete(path: Path) -> Path:
    """Put a run aside, from where `restore` brings it back, and return where it lies now.

    What was put aside more than a week ago is deleted for good.

    Raises
    ------
    UserError
        When it cannot be moved, or a program writes it.
    """
    _check_free(path)
    trash = path.parent / TRASH
    try:
        trash.mkdir(exist_ok=True)
        for old in trash.iterdir():
            if time.time() - old.stat().st_mtime > _KEPT_S:
                shutil.rmtree(old, ignore_errors=True)
        target, number = trash / path.name, 2
        while target.exists():
            target, number = trash / f"{path.name}-{number}", number + 1
        moved = path.rename(target)
        moved.touch()
    except OSError as error:
        raise UserError(f"'{path.name}' cannot be deleted.", details=repr(error)) from error
    return moved


def is_written(path: Path) -> bool:
    """Return whether a program is writing this run now."""
    import filelock  # it takes 40 ms, which the window's start has not

    if not (path / LOCK).exists():
        return False
    try:
        with filelock.FileLock(path / LOCK, blocking=False):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # a disk that may only be read: nobody writes it
        return False


def _check_free(path: Path) -> None:
    """Refuse to move a folder from under the program that writes it."""
    if is_written(path):
        raise UserError(f"The run '{path.name}' is being trained.", suggestion="Stop it first.")


def restore(moved: Path, name: str) -> Path:
    """Bring back a run that was put aside.

    Raises
    ------
    UserError
        When it cannot be moved.
    """
    target = moved.parent.parent / name
    if target.exists():
        raise UserError(f"There is a run called '{name}' again.", suggestion="Rename that one first.")
    try:
        return moved.rename(target)
    except OSError as error:
        raise UserError(f"'{name}' cannot be brought back.", details=repr(error)) from error


def as_json(runs: Sequence[RunSummary]) -> list[dict[str, object]]:
    """Return what ``cnnviz runs --json`` prints."""
    return [
        {
            "name": run.name, "path": str(run.path), "model": run.config.model, "data": run.config.data,
            "epochs": run.epochs, "of": run.config.epochs, "finished": run.is_finished,
            "validation_accuracy": None if math.isnan(run.accuracy) else run.accuracy,
            "validation_loss": None if math.isnan(run.loss) else run.loss, "began": run.began,
        }
        for run in runs
    ]  # fmt: skip
