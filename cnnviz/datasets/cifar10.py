"""CIFAR-10 from the user's own copy: torchvision's folder, or folders of pictures named by their classes.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cnnviz.core.errors import UserError
from cnnviz.datasets.images import LabelledImages, give_up_if
from cnnviz.datasets.registry import Part

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32
_BATCHES = "cifar-10-batches-py"
_PICTURES = (".png", ".jpg", ".jpeg")


def load_part(
    folder: Path | None, part: Part, side: int = SIDE, stopped: Callable[[], bool] = lambda: False
) -> LabelledImages:
    """Return the 50,000 pictures for training or the 10,000 for testing, in red, green and blue.

    Parameters
    ----------
    folder
        It holds ``cifar-10-batches-py``, or ``train`` and ``test`` with a folder of pictures for each class.
    part
        Which pictures.
    stopped
        Asked between two pictures; true means give up.

    Raises
    ------
    Cancelled
        When `stopped` said so.
    UserError
        When the folder holds neither, or a picture cannot be used.
    """
    root = folder or Path()
    if (root / _BATCHES).is_dir():
        return _from_batches(root, part)
    if (root / part).is_dir():
        return _from_folders(root / part, stopped)
    raise UserError(
        f"'{root}' holds neither '{_BATCHES}' nor '{part}'.",
        suggestion="Name the folder of CIFAR-10, or one with train/CLASS and test/CLASS.",
    )


def _from_batches(root: Path, part: Part) -> LabelledImages:
    from torchvision.datasets import CIFAR10  # slow to import

    try:
        found = CIFAR10(str(root), train=part == "train")  # it checks the files by their hashes
    except (RuntimeError, OSError, ValueError, EOFError) as error:
        raise UserError(
            f"'{root / _BATCHES}' is not complete or damaged.", suggestion="Copy it again.", details=repr(error)
        ) from error
    files = tuple((name, digest) for name, digest in (found.train_list if part == "train" else found.test_list))
    return LabelledImages(found.data, np.array(found.targets, np.int64), files)


def _from_folders(root: Path, stopped: Callable[[], bool]) -> LabelledImages:
    images, labels, seen = [], [], hashlib.sha256()
    for label, name in enumerate(CLASSES):
        paths = sorted(p for p in (root / name).glob("*") if p.suffix.lower() in _PICTURES)
        if not paths:
            raise UserError(f"'{root}' holds no pictures of the class '{name}'.")
        for path in paths:
            give_up_if(stopped)
            data = path.read_bytes()
            seen.update(data)
            images.append(_read(path))
            labels.append(label)
    return LabelledImages(np.stack(images), np.array(labels, np.int64), ((root.name, seen.hexdigest()),))


def _read(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise UserError(f"The picture '{path}' cannot be read.", details=repr(error)) from error
    if pixels.shape != (SIDE, SIDE, 3):
        height, width = pixels.shape[:2]
        raise UserError(f"The picture '{path}' has {width} × {height} pixels, not {SIDE} × {SIDE}.")
    return pixels
