"""The digits that ship: 5,000 of MNIST's training set, 500 of each class. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnnviz.core import paths
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.mnist import sha256
from cnnviz.datasets.registry import Part


@dataclass(frozen=True, eq=False)
class StarterDigits:
    """The shipped digits, read-only.

    Attributes
    ----------
    images_nhw
        uint8 (5000, 28, 28), ink light on dark paper, in order of their labels.
    labels_n
        int64 (5000,).
    """

    images_nhw: npt.NDArray[np.uint8]
    labels_n: npt.NDArray[np.int64]


def path() -> Path:
    """Return the file that holds them."""
    return paths.resources_dir() / "starter" / "digits.npz"


@lru_cache(maxsize=1)
def load_starter() -> StarterDigits:
    """Return the shipped digits; they are read once and shared."""
    with np.load(path(), allow_pickle=False) as arrays:
        images_nhw = arrays["images"]
        labels_n = arrays["labels"].astype(np.int64)
    images_nhw.flags.writeable = False
    labels_n.flags.writeable = False
    return StarterDigits(images_nhw, labels_n)


def load_part(folder: Path | None, part: Part) -> LabelledImages:
    """Return all of them; they have no parts and need no folder."""
    digits = load_starter()
    return LabelledImages(digits.images_nhw, digits.labels_n, ((path().name, sha256(path())),))
