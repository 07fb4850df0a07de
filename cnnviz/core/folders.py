"""The pictures of a folder, in the order in which people count them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cnnviz.core.errors import UserError

SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".avif", ".jp2",
    ".ppm", ".pgm", ".pbm", ".ico", ".icns", ".psd", ".qoi",
)  # fmt: skip
"""Endings of the files that can be decoded."""


def pictures_in(folder: Path) -> tuple[str, ...]:
    """Return the paths of a folder's pictures by their endings, hidden files left out: img2 before img10.

    Raises
    ------
    UserError
        When the folder is not there or may not be read.
    """
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.name.lower().endswith(SUFFIXES) and not e.name.startswith(".")]
    except OSError as error:
        raise UserError(
            f"The folder '{folder.name or folder}' cannot be read.",
            suggestion="Check that it is still there and that you may read it.",
            details=repr(error),
        ) from error
    return tuple(str(folder / name) for name in sorted(names, key=natural_key))


def with_file(files: tuple[str, ...], path: str) -> tuple[str, ...]:
    """Return a folder's pictures with one more in its place, where its ending was not that of a picture."""
    return files if path in files else tuple(sorted((*files, path), key=lambda one: natural_key(Path(one).name)))


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Return what sorts names without regard to case, and the numbers in them by their value."""
    parts = re.split(r"([0-9]+)", name.casefold())  # every second one is a number
    return tuple((0, int(part), "") if at % 2 else (1, 0, part) for at, part in enumerate(parts) if part), name
