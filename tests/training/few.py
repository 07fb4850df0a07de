"""What the tests of training share: few digits, a short run, and the events of one kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import torch

from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.starter import load_starter
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Event
from cnnviz.training.loop import Run, train
from cnnviz.training.variation import DIGITS

SMALL = TrainConfig(
    "lenet5", epochs=2, batch_size=20, validation=50, variation=DIGITS, threads=1, device="cpu", snapshots_mb=0
)


@lru_cache(maxsize=1)
def few_digits() -> LabelledImages:
    """Return 250 digits, 25 of each class."""
    digits = load_starter()
    return LabelledImages(digits.images_nhw[::20], digits.labels_n[::20], (("some.npz", "00ff"),))


def photographs(n: int, side: int, classes: int = 3, seed: int = 0) -> LabelledImages:
    """Return pictures in colour: noise about a colour of the class."""
    random = np.random.default_rng(seed)
    labels_n = np.arange(n, dtype=np.int64) % classes
    colours = np.eye(3)[labels_n % 3][:, None, None, :] * 120
    images = (colours + random.integers(0, 120, (n, side, side, 3))).astype(np.uint8)
    return LabelledImages(images, labels_n, (), tuple("abcdefghij"[:classes]))


def run(config: TrainConfig, data: LabelledImages | None = None) -> list[Event]:
    """Return all events of a run."""
    return list(train(config, few_digits() if data is None else data))


def epochs(events: Iterable[Event]) -> list[EpochDone]:
    """Return the epochs among events."""
    return [event for event in events if isinstance(event, EpochDone)]


def steps(events: Iterable[Event]) -> list[BatchesDone]:
    """Return the reports among events."""
    return [event for event in events if isinstance(event, BatchesDone)]


def same(one: EpochDone, other: EpochDone) -> bool:
    """Return whether the weights of two epochs are the same bits."""
    return all(torch.equal(one.weights[key], other.weights[key]) for key in one.weights)


def until(run_of: Run, step: int) -> Iterator[Event]:
    """Yield the events of a run, each step reported, until so many steps were done."""
    run_of.read_s = 0.0
    for event in run_of.events():
        yield event
        if isinstance(event, BatchesDone) and event.step >= step:
            return
