"""MNIST from the user's own copy of its four files.

The format is that of Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits": two zero bytes,
the element type (8: unsigned byte), the number of axes, each axis as a big-endian 32-bit number, then the bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from cnnviz.core.errors import UserError
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.registry import Part

_STEMS = {"train": "train", "test": "t10k"}
_LARGEST_BYTES = 1 << 30  # twenty times MNIST: a damaged header must not fill the memory
_CLASSES = 10


def load_part(
    folder: Path | None, part: Part, side: int = 28, stopped: Callable[[], bool] = lambda: False
) -> LabelledImages:
    """Return the 60,000 digits for training or the 10,000 for testing.

    Raises
    ------
    UserError
        When a file is missing or damaged, or pictures and labels do not belong together.
    """
    root = folder or Path()
    if not root.is_dir():
        raise UserError(f"There is no folder '{root}'.", suggestion="Name the folder that holds MNIST's four files.")
    stem = _STEMS[part]
    pictures, answers = find(root, f"{stem}-images", 3), find(root, f"{stem}-labels", 1)
    images_nhw, labels_n = read_idx(pictures, axes=3), read_idx(answers, axes=1)
    if len(images_nhw) != len(labels_n):
        raise UserError(
            f"'{pictures.name}' holds {len(images_nhw):,} pictures and '{answers.name}' {len(labels_n):,} labels.",
            suggestion="Copy both files again from one place.",
        )
    if images_nhw.shape[1:] != (28, 28) or not len(images_nhw):
        shape = " × ".join(map(str, images_nhw.shape))
        raise UserError(f"'{pictures.name}' is {shape}, not pictures of 28 × 28.")
    if int(labels_n.max()) >= _CLASSES:
        raise UserError(f"'{answers.name}' holds the label {int(labels_n.max())}; digits are 0 to 9.")
    files = tuple((path.name, sha256(path)) for path in (pictures, answers))
    return LabelledImages(images_nhw, labels_n.astype(np.int64), files)


def find(folder: Path, stem: str, axes: int) -> Path:
    """Return the file of one part, plain or compressed, under either of its usual names.

    Raises
    ------
    UserError
        When there is none.
    """
    names = [f"{stem}{mark}idx{axes}-ubyte{end}" for end in ("", ".gz") for mark in ("-", ".")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise UserError(
        f"'{folder}' holds no '{names[0]}' and no '{names[0]}.gz'.",
        suggestion="Name the folder that holds MNIST's four files.",
    )


def read_idx(path: Path, *, axes: int) -> npt.NDArray[np.uint8]:
    """Return the bytes of an idx file, compressed or not, with the shape that its header gives.

    Raises
    ------
    UserError
        When the file is no idx file of `axes` axes, or is cut off, longer than its header says, or damaged.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            return _read(file, path.name, axes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"'{path.name}' is damaged or cut off.", suggestion="Copy it again.", details=repr(error)
        ) from error
    except OSError as error:
        raise UserError(f"'{path.name}' cannot be read: {(error.strerror or str(error)).lower()}.") from error


def _read(file: IO[bytes] | gzip.GzipFile, name: str, axes: int) -> npt.NDArray[np.uint8]:
    header = file.read(4 + 4 * axes)
    magic = bytes((0, 0, 8, axes))
    if header[:4] != magic:
        raise UserError(
            f"'{name}' is no idx file: it starts with {header[:4].hex(' ') or 'nothing'}, not {magic.hex(' ')}."
        )
    if len(header) < 4 + 4 * axes:
        raise UserError(f"'{name}' is cut off in its header.", suggestion="Copy it again.")
    shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(4, len(header), 4))
    count = 1
    for n in shape:
        count *= n
    if count > _LARGEST_BYTES:
        raise UserError(f"'{name}' claims to hold {count:,} bytes, which cannot be MNIST.", suggestion="Copy it again.")
    data = file.read(count + 1)  # one more, to notice a file that is longer than it says
    if len(data) != count:
        have = f"only {len(data):,}" if len(data) < count else "more"
        raise UserError(f"'{name}' should hold {count:,} bytes and holds {have}.", suggestion="Copy it again.")
    return np.frombuffer(data, np.uint8).reshape(shape)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
