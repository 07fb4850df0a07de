"""The digits that ship: 5,000 of MNIST's training set, 500 of each class. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from cnnviz.core import paths
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.mnist import sha256
from cnnviz.datasets.registry import Part


def path() -> Path:
    """Return the file that holds them."""
    return paths.resources_dir() / "starter" / "digits.npz"


@lru_cache(maxsize=1)
def load_starter() -> LabelledImages:
    """Return the shipped digits, 28×28 and in order of their labels; they are read once, shared, and read-only."""
    with np.load(path(), allow_pickle=False) as arrays:
        images_nhw = arrays["images"]
        labels_n = arrays["labels"].astype(np.int64)
    images_nhw.flags.writeable = False
    labels_n.flags.writeable = False
    return LabelledImages(images_nhw, labels_n)


def load_part(
    folder: Path | None, part: Part, side: int = 28, stopped: Callable[[], bool] = lambda: False
) -> LabelledImages:
    """Return all of them; they have no parts and need no folder."""
    return replace(load_starter(), files=((path().name, sha256(path())),))
