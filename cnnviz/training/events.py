"""What a training run reports: frozen data, in the order in which it happens. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from cnnviz.training.config import TrainConfig

Weights = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Started:
    """The first event.

    Attributes
    ----------
    config
        What was asked for.
    n_train, n_validation
        Digits in each part.
    batches
        Steps in one epoch.
    parameters
        Trainable parameters.
    device, threads
        Where it runs, described for a person, and the torch threads used.
    """

    config: TrainConfig
    n_train: int
    n_validation: int
    batches: int
    parameters: int
    device: str
    threads: int


@dataclass(frozen=True)
class BatchDone:
    """Some steps were done since the last report.

    Attributes
    ----------
    epoch, step
        The epoch, from 1, and how many of its steps are done.
    losses
        The loss of each of these steps, oldest first.
    learning_rate
        Of the last step.
    """

    epoch: int
    step: int
    losses: tuple[float, ...]
    learning_rate: float


@dataclass(frozen=True)
class EpochDone:
    """An epoch was trained and validated.

    Attributes
    ----------
    epoch
        From 1.
    train_loss, train_accuracy
        Means over the epoch's varied digits while they were trained on; accuracy is a fraction.
    val_loss, val_accuracy
        On the validation part after the epoch, not varied.
    seconds, images_per_second
        Time of the whole epoch, and speed of its training steps.
    learning_rate
        Of the last step.
    best
        Whether this is the best epoch so far: highest validation accuracy, then lowest loss.
    weights
        A copy of the network's state, by name.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    images_per_second: float
    learning_rate: float
    best: bool
    weights: Weights = field(repr=False, compare=False, default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """The last event.

    Attributes
    ----------
    stopped
        It was asked to stop before the last epoch's end.
    epochs
        Whole epochs done.
    best_epoch
        Their best, or 0 when none was done.
    seconds
        Time of the whole run.
    """

    stopped: bool
    epochs: int
    best_epoch: int
    seconds: float


Event = Started | BatchDone | EpochDone | Finished
