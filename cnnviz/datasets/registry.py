"""The table of data sets: one line each. Imports no torch, so a menu can be built before torch is there."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from cnnviz.core.errors import UserError
from cnnviz.core.inspection import Preparation
from cnnviz.datasets.images import LabelledImages

Part = Literal["train", "test"]


@dataclass(frozen=True)
class DatasetSpec:
    """A data set that cnnviz knows by name.

    Attributes
    ----------
    name, title, summary
        Registry name, name for people, one sentence.
    loader
        ``module:function``; the function takes a folder (or ``None``) and a part.
    labels
        Class names.
    files
        What the user's folder must hold, for people; empty when the data set ships.
    holds
        Digits, or photographs in colour.
    """

    name: str
    title: str
    summary: str
    loader: str
    labels: tuple[str, ...]
    files: str
    holds: Preparation = "digit"

    def load(self, folder: Path | None, part: Part) -> LabelledImages:
        """Return the pictures of one part.

        Raises
        ------
        UserError
            When the folder is needed and not given, or its files cannot be read.
        """
        if self.files and folder is None:
            raise UserError(f"{self.title} needs a folder with {self.files}.", suggestion="Name it by --data-dir DIR.")
        module, _, function = self.loader.partition(":")
        loader = getattr(importlib.import_module(module), function)
        return cast(Callable[[Path | None, Part], LabelledImages], loader)(folder, part)


DATASETS: tuple[DatasetSpec, ...] = (
    DatasetSpec(
        name="cifar10",
        title="CIFAR-10",
        summary="60,000 photographs of ten kinds, 32×32, 10,000 of them for testing; read from your own copy.",
        loader="cnnviz.datasets.cifar10:load_part",
        labels=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        files="CIFAR-10 (cifar-10-batches-py, or train and test with a folder of pictures for each class)",
        holds="photo",
    ),
    DatasetSpec(
        name="mnist",
        title="MNIST",
        summary="70,000 handwritten digits, 28×28, 10,000 of them for testing; read from your own copy.",
        loader="cnnviz.datasets.mnist:load_part",
        labels=tuple("0123456789"),
        files="the four files of MNIST (idx or idx.gz)",
    ),
    DatasetSpec(
        name="starter",
        title="Starter digits",
        summary="5,000 digits of MNIST's training set, 500 of each class; they ship with cnnviz.",
        loader="cnnviz.datasets.starter:load_part",
        labels=tuple("0123456789"),
        files="",
    ),
)


def get(name: str) -> DatasetSpec:
    """Return the registered data set called `name`.

    Raises
    ------
    UserError
        When there is none; the suggestion lists the known names.
    """
    for spec in DATASETS:
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in DATASETS)
    raise UserError(f"There is no data set called '{name}'.", suggestion=f"Known data sets: {known}.")
