"""The recorder: what the network was at some of its steps, within a budget, for going back in time.

Each recorded step is a weights file that any program can open; beside the weights it holds what the step did to each
layer and what the network answered to a sample of the validation part.
"""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cnnviz.core.errors import UserError
from cnnviz.core.files import disk_errors
from cnnviz.core.randomness import generator_for
from cnnviz.training.config import TrainConfig
from cnnviz.training.diagnosis import memory_errors
from cnnviz.training.events import BatchesDone, LayerStep
from cnnviz.training.loop import Run
from cnnviz.training.metrics import evaluate_batches

SNAPSHOTS = "snapshots"
SAMPLE = 250
"""Pictures of the validation part that are answered at each recorded step."""

_FIRST = 64  # steps within which each doubling is recorded
_LEAST_S, _COST = 0.5, 120.0
_MEGABYTE = 1_000_000
_LEAST_KEPT = 3


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A recorded step.

    Attributes
    ----------
    step, epoch
        Steps that were done, and the epoch at work.
    weights
        The network's state: tensors by name.
    layers
        What the step did to each layer.
    predicted_n
        Classes told for the sample of the validation part, see `sample_of`; empty for networks that draw.
    loss, accuracy
        Of the batch.
    """

    step: int
    epoch: int
    weights: Mapping[str, Tensor]
    layers: tuple[LayerStep, ...]
    predicted_n: npt.NDArray[np.int64]
    loss: float
    accuracy: float


class Recorder:
    """Writes recorded steps below a run's folder and thins them when the room is used up.

    The first steps are recorded densely, then one after each half second, or after 120 times what recording costs
    where that is longer, and the last one. When there is no room, the step goes whose neighbours are nearest for its
    age.

    Parameters
    ----------
    folder
        The run's.
    budget_mb
        Room; 0: nothing is recorded.

    Raises
    ------
    UserError
        When what was recorded before cannot be looked at.
    """

    def __init__(self, folder: Path, budget_mb: int) -> None:
        self._folder = folder / SNAPSHOTS
        self._budget = budget_mb * _MEGABYTE
        with disk_errors(self._folder):
            self._sizes = {step: path.stat().st_size for step, path in found_steps(folder).items()}
        self._last_s, self._wait_s = time.perf_counter(), _LEAST_S
        self._too_large = False
        self._early = 1

    def cut(self, step: int) -> None:
        """Forget what an older life of the run recorded after `step`.

        Raises
        ------
        UserError
            When the disk may not be written.
        """
        with disk_errors(self._folder):
            for later in [s for s in self._sizes if s > step]:
                self._drop(later)
            for half in self._folder.glob(".*.half"):
                half.unlink()

    def is_due(self, step: int, *, at_end: bool = False) -> bool:
        """Whether this step is to be recorded; one at the run's end is, unless it was."""
        if not self._budget or self._too_large or step in self._sizes:
            return False
        return at_end or self._early <= step <= _FIRST or time.perf_counter() - self._last_s >= self._wait_s

    def record(self, run: Run, about: Mapping[str, Any], event: BatchesDone) -> None:
        """Write a step.

        Raises
        ------
        UserError
            When the disk is full.
        """
        start_s = time.perf_counter()
        self._early = 2 * event.step
        weights = run.weights()
        size = sum(t.numel() * t.element_size() for t in weights.values())
        if size * _LEAST_KEPT > self._budget:
            self._too_large = True
            return
        note = {
            "step": event.step, "loss": event.losses[-1], "accuracy": event.accuracies[-1],
            "layers": [dataclasses.astuple(layer) for layer in event.layers], "predicted": answers(run).tolist(),
        }  # fmt: skip
        metadata = {"cnnviz": json.dumps({**about, **note}, sort_keys=True)}
        with disk_errors(self._folder):
            self._write(event.step, save(weights, metadata=metadata))
            self._thin()
        self._last_s = time.perf_counter()
        self._wait_s = max(_LEAST_S, _COST * (self._last_s - start_s))

    def _write(self, step: int, data: bytes) -> None:
        """Write a file whole or not at all; without waiting for the disk: a lost step is no harm."""
        self._folder.mkdir(exist_ok=True)
        half = self._folder / f".{step}.half"
        try:
            half.write_bytes(data)
            half.replace(self._folder / _name(step))
        except OSError:
            with suppress(OSError):
                half.unlink(missing_ok=True)
            raise
        self._sizes[step] = len(data)

    def _thin(self) -> None:
        while sum(self._sizes.values()) > self._budget and len(self._sizes) > 2:
            self._drop(least_missed(sorted(self._sizes)))

    def _drop(self, step: int) -> None:
        (self._folder / _name(step)).unlink(missing_ok=True)
        self._sizes.pop(step, None)


def sample_of(config: TrainConfig, n: int) -> Tensor:
    """Return which `SAMPLE` of the `n` validation pictures are answered, mixed: data may be sorted by class."""
    return torch.randperm(n, generator=generator_for(config.seed, "sample"))[:SAMPLE]


def answers(run: Run) -> npt.NDArray[np.int64]:
    """Return the classes that the network tells for the sample of the validation part; none where it draws."""
    held = run.validation
    if not len(held) or run.spec.gives_picture:
        return np.zeros(0, np.int64)
    chosen = sample_of(run.config, len(held)).to(held.labels_n.device)
    images, labels = held.images_nchw[chosen], held.labels_n[chosen]
    with memory_errors(run.config):
        told_n = evaluate_batches(run.network, images, labels, run.spec.input)[2].cpu()
    predicted_n: npt.NDArray[np.int64] = told_n.numpy()
    return predicted_n


def least_missed(steps: Sequence[int]) -> int:
    """Return the recorded step, neither first nor last, whose going leaves the smallest gap for its age.

    The gap is measured against the root of the step: early ones, where most happens, stay denser.
    """
    inner = range(1, len(steps) - 1)
    return steps[min(inner, key=lambda i: (steps[i + 1] - steps[i - 1]) / (steps[i] + 1) ** 0.5)]


def found_steps(folder: Path) -> dict[int, Path]:
    """Return the recorded steps of a run, in order, with their files."""
    found = (folder / SNAPSHOTS).glob("*.safetensors")
    return dict(sorted((int(path.stem), path) for path in found if re.fullmatch("[0-9]+", path.stem)))


def read(path: Path) -> Snapshot:
    """Read a recorded step.

    Raises
    ------
    UserError
        When the file is gone or damaged.
    """
    try:
        with safe_open(path, framework="pt") as opened:
            weights = {key: opened.get_tensor(key).clone() for key in opened.keys()}  # noqa: SIM118  # no mapping
            note = json.loads((opened.metadata() or {})["cnnviz"])
        predicted_n = np.array(note["predicted"], np.int64)
        layers = tuple(LayerStep(*row) for row in note["layers"])
        step, epoch, loss, accuracy = note["step"], note["epoch"], note["loss"], note["accuracy"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"The recorded step '{path.stem}' is gone or damaged.", details=repr(error)) from error
    return Snapshot(step, epoch, weights, layers, predicted_n, loss, accuracy)


def _name(step: int) -> str:
    return f"{step:09d}.safetensors"
