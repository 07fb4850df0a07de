"""A run on disk: configuration, metrics as CSV, and the last and the best weights."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from cnnviz.core.errors import UserError
from cnnviz.core.files import write_atomically
from cnnviz.datasets.images import LabelledImages
from cnnviz.models.checkpoints import BEST
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import EpochDone, Started

LAST, METRICS = "last.safetensors", "metrics.csv"
COLUMNS = (
    "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
    "images_per_second",
)  # fmt: skip


class Recorder:
    """Writes a run's folder; every file is written whole or not at all.

    Parameters
    ----------
    folder
        Made if it is not there.
    config, data
        What the run is made with.
    overwrite
        Whether a folder that holds a run may be used again.

    Raises
    ------
    UserError
        When the folder holds another run or cannot be written.
    """

    def __init__(self, folder: Path, config: TrainConfig, data: LabelledImages, *, overwrite: bool = False) -> None:
        self.folder, self._config, self._data = folder, config, data
        self._rows: list[list[object]] = []
        if (folder / "config.json").exists() and not overwrite:
            raise UserError(f"'{folder}' holds a run already.", suggestion="Choose another --out, or add --overwrite.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"The folder '{folder}' cannot be made.", details=repr(error)) from error
        self._metadata = {"model": config.model, "data": config.data, "seed": config.seed}

    def start(self, event: Started) -> None:
        """Claim the folder: write what the run is made with, and take an older run's files away.

        Not before: a run that never starts leaves a folder as it was.
        """
        for name in (BEST, LAST, METRICS):
            (self.folder / name).unlink(missing_ok=True)
        self._write("config.json", self._config.to_json().encode())
        versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
        made = {"data_sha256": dict(self._data.files), "device": event.device, "threads": event.threads}
        self._write("facts.json", (json.dumps({**made, "versions": versions}, indent=2) + "\n").encode())

    def record(self, event: EpochDone) -> None:
        """Write an epoch: its line of the CSV, and its weights."""
        self._rows.append([getattr(event, name) for name in COLUMNS])
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(self._rows)
        about = json.dumps(self._metadata | {"epoch": event.epoch}, sort_keys=True)
        # One entry: safetensors writes several in random order, and the same run must give the same bytes.
        weights = save(dict(event.weights), metadata={"cnnviz": about})
        self._write(LAST, weights)
        if event.is_best:
            self._write(BEST, weights)
        self._write(METRICS, text.getvalue().encode())

    def best_sha256(self) -> str:
        """Return the SHA-256 of the best weights."""
        return hashlib.sha256((self.folder / BEST).read_bytes()).hexdigest()

    def _write(self, name: str, data: bytes) -> None:
        with write_atomically(self.folder / name) as file:
            file.write(data)
