"""What a training run reports: frozen data, in the order in which it happens. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.training.config import TrainConfig


@dataclass(frozen=True)
class Started:
    """The first event.

    Attributes
    ----------
    config
        What was asked for.
    epochs, batches
        Epochs asked for, and steps in one of them.
    n_train, n_validation
        Pictures in each part.
    parameters
        Trainable parameters.
    device, threads
        Where it runs, described for a person, and the torch threads used.
    step
        Steps that were done before; 0 unless the run goes on.
    """

    config: TrainConfig
    epochs: int
    batches: int
    n_train: int
    n_validation: int
    parameters: int
    device: str
    threads: int
    step: int = 0


@dataclass(frozen=True)
class LayerStep:
    """What one step did to one layer's weights: Euclidean lengths, and how many weights there are.

    Attributes
    ----------
    path
        The layer's path.
    gradient, update, weight
        Lengths of the gradient, of the change and of the weights before it.
    count
        Number of weights.
    """

    path: str
    gradient: float
    update: float
    weight: float
    count: int


@dataclass(frozen=True)
class BatchesDone:
    """Some steps were done since the last report.

    Attributes
    ----------
    epoch, batch
        The epoch, from 1, and how many of its steps are done.
    step
        Steps done in the whole run.
    losses, accuracies, rates
        Loss, share of right answers and learning rate of each of these steps, oldest first.
    images_per_second
        Speed since the last report.
    layers
        What the last of them did to each layer; where the run was asked to stop, the last one that was measured.
    weight
        What the last of them did to the weight that is watched, see `cnnviz.training.one_weight`.
    """

    epoch: int
    batch: int
    step: int
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    rates: tuple[float, ...]
    images_per_second: float
    layers: tuple[LayerStep, ...] = ()
    weight: Any = None


@dataclass(frozen=True)
class EpochDone:
    """An epoch was trained and validated.

    Attributes
    ----------
    epoch
        From 1.
    train_loss, train_accuracy
        Means over the epoch's varied pictures while they were trained on; accuracy is a fraction.
    val_loss, val_accuracy
        On the validation part after the epoch, not varied; NaN where there is no such part.
    learning_rate
        Of the last step.
    seconds, images_per_second
        Time of the whole epoch, and speed of its training steps.
    weights
        A copy of the network's state on the CPU: tensors by name.
    is_best
        Whether this is the best epoch so far: highest validation accuracy, then lowest validation loss.
    predicted_n
        The class told for each picture of the validation part, in its order; empty for networks that draw.
    step
        Steps done in the whole run.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    images_per_second: float
    weights: Mapping[str, Any] = field(repr=False, compare=False)
    is_best: bool
    predicted_n: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), repr=False, compare=False)
    step: int = 0


@dataclass(frozen=True)
class Finished:
    """The last event.

    Attributes
    ----------
    epochs
        Whole epochs done.
    best_epoch
        Their best, or 0 when none was done.
    seconds
        Time of the whole run.
    stopped
        Whether it was asked to stop before its end.
    """

    epochs: int
    best_epoch: int
    seconds: float
    stopped: bool


Event = Started | BatchesDone | EpochDone | Finished
