"""The user's own pictures: a sub-folder for each class, as torchvision's ImageFolder has them. Imports no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from cnnviz.core.errors import UserError
from cnnviz.core.folders import SUFFIXES
from cnnviz.core.formats import bytes_text
from cnnviz.core.image import load_picture
from cnnviz.datasets.images import LabelledImages, give_up_if
from cnnviz.datasets.registry import Part

_LARGEST_BYTES = 4 << 30
_TINY_PX = 8
_LISTED = 200
_PARTS = {"train": ("train", "training"), "test": ("test", "testing", "val", "valid", "validation")}


def load_part(
    folder: Path | None, part: Part, side: int, stopped: Callable[[], bool] = lambda: False
) -> LabelledImages:
    """Return the pictures in red, green and blue: the middle of each, brought to `side` × `side` pixels.

    Pictures that cannot be read, or are smaller than eight pixels, are left out and listed in `problems`.

    Parameters
    ----------
    folder
        It holds a sub-folder for each class, or ``train`` and ``test`` (or ``val``) with such sub-folders.
    part
        Which pictures; without such folders all are for training.
    side
        Of the pictures in memory, in pixels.
    stopped
        Asked between two pictures; true means give up.

    Raises
    ------
    Cancelled
        When `stopped` said so.
    UserError
        When there are no classes, only one, or none of them has pictures, or they do not fit into the memory.
    """
    root = (folder or Path()).expanduser()
    if not root.is_dir():
        raise UserError(f"There is no folder '{root}'.", suggestion="Name a folder with a sub-folder for each class.")
    base = _part_of(root, part)
    found = {sub.name: _pictures_in(sub, stopped) for sub in _classes_in(base)}
    empty = [name for name, files in found.items() if not files]
    found = {name: files for name, files in found.items() if files}
    if len(found) < 2:
        have = f"only the class '{next(iter(found))}'" if found else "no pictures in sub-folders"
        raise UserError(
            f"'{base}' holds {have}; to tell classes apart there must be two.",
            suggestion="Put the pictures of each class into a sub-folder of its own.",
        )
    count = sum(map(len, found.values()))
    if count * side * side * 3 > _LARGEST_BYTES:
        raise UserError(
            f"{count:,} pictures of {side}×{side} take {bytes_text(count * side * side * 3)} of memory.",
            suggestion="Choose a smaller size or fewer pictures.",
        )
    problems = [f"{name}: no pictures" for name in empty]
    return _read_all(base, found, side, problems, stopped)


def _part_of(root: Path, part: Part) -> Path:
    """Return the folder of a part, or the root itself where there are no parts and training is asked for."""
    names = {sub.name.lower(): sub for sub in _classes_in(root)}
    for name in _PARTS[part]:
        if name in names:
            return names[name]
    if part == "test" or any(name in names for name in _PARTS["train"]):
        raise UserError(
            f"'{root}' has no folder '{part}'.", suggestion=f"Put pictures into '{root.name}/{part}/CLASS'."
        )
    return root


def _classes_in(folder: Path) -> list[Path]:
    return sorted(sub for sub in folder.iterdir() if sub.is_dir() and not sub.name.startswith("."))


def _pictures_in(folder: Path, stopped: Callable[[], bool]) -> list[Path]:
    found = []
    for path in folder.rglob("*"):
        give_up_if(stopped)
        if path.suffix.lower() in SUFFIXES and path.is_file():
            found.append(path)
    return sorted(found)


def _read_all(
    base: Path, found: dict[str, list[Path]], side: int, problems: list[str], stopped: Callable[[], bool]
) -> LabelledImages:
    count = sum(map(len, found.values()))
    images_nhw = np.empty((count, side, side, 3), np.uint8)
    labels: list[int] = []
    seen = hashlib.sha256()
    left_out, known = 0, len(problems)
    for label, path in _numbered(found):
        give_up_if(stopped)
        read = len(labels)
        try:
            images_nhw[read] = _read(path, side)
        except UserError as error:
            left_out += 1
            if left_out <= _LISTED:
                problems.append(f"{path.relative_to(base)}: {error.sentence}")
            continue
        labels.append(label)
        seen.update(path.relative_to(base).as_posix().encode("utf-8", "surrogateescape"))
        seen.update(images_nhw[read].tobytes())
    if left_out > _LISTED:
        problems.append(f"and {left_out - _LISTED:,} more")
    if len(set(labels)) < 2:
        raise UserError(
            f"Too few pictures of '{base}' can be read: {len(labels)} of {count}. "
            f"The first that cannot: {problems[known]}",
            suggestion="Pictures are PNG, JPEG, WebP, BMP, GIF or TIFF files of at least 8×8 pixels.",
            details="\n".join(problems),
        )
    files = ((base.name, seen.hexdigest()),)
    return LabelledImages(images_nhw[: len(labels)], np.array(labels, np.int64), files, tuple(found), tuple(problems))


def _numbered(found: dict[str, list[Path]]) -> Iterator[tuple[int, Path]]:
    for label, files in enumerate(found.values()):
        for path in files:
            yield label, path


def _read(path: Path, side: int) -> npt.NDArray[np.uint8]:
    """Return the middle of a picture, (side, side, 3), decoded as the window does it.

    Raises
    ------
    UserError
        When it cannot be read or is tiny.
    """
    image = _read_jpeg(path, side) or Image.fromarray(load_picture(path).best_hwc)
    if min(image.size) < _TINY_PX:
        raise UserError(f"'{path.name}' is {image.width}×{image.height} pixels, which are too few.")
    pixels: npt.NDArray[np.uint8] = np.asarray(ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR))
    return pixels


def _read_jpeg(path: Path, side: int) -> Image.Image | None:
    """Return a JPEG decoded no larger than needed, several times as quick; ``None`` for all that is not a whole one."""
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            image.draft("RGB", (max(side, _TINY_PX), max(side, _TINY_PX)))
            return ImageOps.exif_transpose(image).convert("RGB")
    except Exception:  # noqa: BLE001  # the slower way reads it, or says what is wrong
        return None
