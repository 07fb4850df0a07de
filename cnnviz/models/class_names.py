"""Names of classes: from a checkpoint's own dictionary, a text file, or the sub-folders of an image folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnviz.core.errors import UserError

Names = tuple[str, ...]
_KEYS = ("classes", "class_names", "class_to_idx", "idx_to_class", "categories", "labels", "names")
_INSIDE = ("meta", "metadata", "hyper_parameters", "config", "cnnviz")
_BESIDE = ("classes.txt", "labels.txt")
_MOST_BYTES = 4_000_000


def of_dictionary(found: Mapping[Any, Any]) -> Names | None:
    """Return the names that a checkpoint's dictionary holds beside its weights, or ``None``."""
    by_key = {str(key).lower(): value for key, value in found.items()}
    for key in _KEYS:
        names = _names(by_key.get(key))
        if names is not None:
            return names
    for key in _INSIDE:
        inner = by_key.get(key)
        if isinstance(inner, Mapping):
            names = of_dictionary({k: v for k, v in inner.items() if str(k).lower() not in _INSIDE})
            if names is not None:
                return names
    return None


def beside(path: Path, count: int) -> tuple[Names, str] | None:
    """Return the names in a text file beside a weights file, and that file's name; only if there are `count`."""
    for candidate in (path.with_suffix(".txt"), *(path.parent / name for name in _BESIDE)):
        try:
            names = read(candidate) if candidate.is_file() else ()
        except (UserError, OSError):
            continue
        if len(names) == count:
            return names, candidate.name
    return None


def read(path: Path) -> Names:
    """Return the names in a text file, one a line, or those of an image folder's sub-folders.

    Raises
    ------
    UserError
        When there are none, or the file is no text.
    """
    try:
        if path.is_dir():
            names = tuple(sorted(child.name for child in path.iterdir() if child.is_dir() and child.name[0] != "."))
        else:
            with path.open("rb") as file:
                text = file.read(_MOST_BYTES).decode("utf-8-sig")
            names = tuple(_one_line(line) for line in text.splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise UserError(f"'{path.name}' is no text file with one class a line.", details=repr(error)) from error
    except OSError as error:
        raise UserError(f"The class names in '{path}' cannot be read: {error.strerror or error}.") from error
    if not names or any("\0" in name for name in names):
        what = "folder without sub-folders" if path.is_dir() else "file without a line of text"
        raise UserError(
            f"'{path.name}' is a {what}.",
            suggestion="Class names are a text file with one class a line, or a folder with one sub-folder a class.",
        )
    return names


def asked_names(classes_path: str, count: int) -> tuple[str, ...]:
    """Return the class names of a text file or folder.

    Raises
    ------
    UserError
        When there are not `count` of them.
    """
    names = read(Path(classes_path))
    if len(names) != count:
        raise UserError(
            f"'{Path(classes_path).name}' names {len(names):,} classes, and the network has {count:,}.",
            suggestion="Choose the class names that belong to the weights.",
        )
    return names


def numbered(count: int) -> Names:
    """Return the names of classes that have none."""
    return tuple(f"class {n}" for n in range(count))


def _names(value: Any) -> Names | None:
    """Read ``["cat", "dog"]``, ``{"cat": 0, "dog": 1}`` or ``{0: "cat", 1: "dog"}``."""
    if isinstance(value, Mapping):
        if value and all(isinstance(n, int) for n in value.values()):
            value = {n: name for name, n in value.items()}
        try:
            by_number = {int(n): name for n, name in value.items()}
        except (TypeError, ValueError, OverflowError):
            return None
        value = [by_number.get(n) for n in range(len(by_number))]
    if isinstance(value, str) or not isinstance(value, Sequence):
        return None
    names = tuple(_one_line(name) for name in value if isinstance(name, str) and name.strip())
    return names if names and len(names) == len(value) else None


def _one_line(text: str) -> str:
    return " ".join(text.split())
