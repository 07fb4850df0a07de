"""Labelled pictures in memory: what every data set becomes. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnviz.core.errors import Cancelled


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Pictures with their classes.

    Attributes
    ----------
    images_nhw
        uint8 (N, H, W), grey, ink light on dark paper; or (N, H, W, 3) in red, green and blue.
    labels_n
        int64 (N,), class indices.
    files
        SHA-256 of each file they were read from, by file name.
    classes
        Names of the classes.
    problems
        What could not be read and was left out, a line each.
    """

    images_nhw: npt.NDArray[np.uint8]
    labels_n: npt.NDArray[np.int64]
    files: tuple[tuple[str, str], ...] = ()
    classes: tuple[str, ...] = tuple("0123456789")
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels_n)


def give_up_if(stopped: Callable[[], bool]) -> None:
    """Give up reading pictures when the user does not want to wait any longer.

    Raises
    ------
    Cancelled
        When `stopped` said so.
    """
    if stopped():
        raise Cancelled("Reading the pictures was cancelled.")
