"""The table of data sets: one line each. Imports no torch, so a menu can be built before torch is there."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from cnnviz.core import paths
from cnnviz.core.errors import UserError
from cnnviz.core.inspection import Preparation
from cnnviz.datasets.images import LabelledImages

Part = Literal["train", "test"]
_Loader = Callable[[Path | None, Part, int, Callable[[], bool]], LabelledImages]


@dataclass(frozen=True)
class DatasetSpec:
    """A data set that cnnviz knows by name.

    Attributes
    ----------
    name, title, summary
        Registry name, name for people, one sentence.
    loader
        ``module:function``; the function takes a folder (or ``None``), a part, the side that pictures of any size
        are brought to, and what is asked between two pictures whether to stop.
    labels
        Class names; empty where the folder tells them.
    files
        What the user's folder must hold, for people; empty when the data set ships.
    holds
        Digits, or photographs in colour.
    can_download
        Whether torchvision knows where to fetch it, see `cnnviz.datasets.fetching`.
    """

    name: str
    title: str
    summary: str
    loader: str
    labels: tuple[str, ...]
    files: str
    holds: Preparation = "digit"
    can_download: bool = False

    def load(
        self, folder: Path | None, part: Part, side: int = 64, *, stopped: Callable[[], bool] = lambda: False
    ) -> LabelledImages:
        """Return the pictures of one part.

        Parameters
        ----------
        folder
            Where they are; ``None`` for those that ship, and for those that were downloaded.
        part
            Which pictures.
        side
            To what the sides of pictures of any size are brought, in pixels.
        stopped
            Asked between two pictures; true means give up.

        Raises
        ------
        Cancelled
            When `stopped` said so.
        UserError
            When the folder is needed and not given, or its files cannot be read.
        """
        if folder is None and self.can_download and self.downloaded().is_dir():
            folder = self.downloaded()
        if self.files and folder is None:
            fetch = f" or fetch it by 'cnnviz data fetch {self.name}'" if self.can_download else ""
            raise UserError(
                f"{self.title} needs a folder with {self.files}.", suggestion=f"Name it by --data-dir DIR{fetch}."
            )
        module, _, function = self.loader.partition(":")
        loader = getattr(importlib.import_module(module), function)
        found = cast(_Loader, loader)(folder, part, side, stopped)
        return dataclasses.replace(found, classes=self.labels) if self.labels else found

    def downloaded(self) -> Path:
        """Return where its files lie once they were downloaded."""
        return paths.data_dir() / "datasets" / self.name


_CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")

DATASETS: tuple[DatasetSpec, ...] = (
    DatasetSpec(
        name="cifar10",
        title="CIFAR-10",
        summary="60,000 photographs of ten kinds, 32×32, 10,000 of them for testing; read from your own copy.",
        loader="cnnviz.datasets.cifar10:load_part",
        labels=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        files="CIFAR-10 (cifar-10-batches-py, or train and test with a folder of pictures for each class)",
        holds="photo",
        can_download=True,
    ),
    DatasetSpec(
        name="fashion_mnist",
        title="Fashion-MNIST",
        summary="70,000 pieces of clothing, 28×28 and grey, 10,000 of them for testing.",
        loader="cnnviz.datasets.mnist:load_part",
        labels=_CLOTHES,
        files="its four files, named as MNIST's (idx or idx.gz)",
        can_download=True,
    ),
    DatasetSpec(
        name="folder",
        title="Folder of pictures",
        summary="Your own pictures: one sub-folder for each class, or train and test with such sub-folders.",
        loader="cnnviz.datasets.picture_folder:load_part",
        labels=(),
        files="pictures, one sub-folder for each class",
        holds="photo",
    ),
    DatasetSpec(
        name="mnist",
        title="MNIST",
        summary="70,000 handwritten digits, 28×28, 10,000 of them for testing; read from your own copy.",
        loader="cnnviz.datasets.mnist:load_part",
        labels=tuple("0123456789"),
        files="the four files of MNIST (idx or idx.gz)",
        can_download=True,
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
