"""What the network says to the validation's pictures, counted. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnviz.state.training_state import ValidationSheet

Counts = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Choice:
    """Which pictures are listed.

    Attributes
    ----------
    true, told
        Only those of this class, and those that were told to be this class; ``None``: of any.
    wrong
        Only those that were told wrongly.
    """

    true: int | None = None
    told: int | None = None
    wrong: bool = False


def is_told(sheet: ValidationSheet) -> bool:
    """Return whether the network was asked."""
    return len(sheet.predicted_n) == len(sheet.labels_n) > 0


def right_of(sheet: ValidationSheet) -> npt.NDArray[np.bool_]:
    """Return which pictures were told rightly."""
    return np.asarray(sheet.predicted_n == sheet.labels_n)


def counts_of(sheet: ValidationSheet) -> Counts:
    """Return how often each class (row) was told to be each class (column), (K, K); what is no class counts nowhere."""
    k = len(sheet.classes)
    true, told = sheet.labels_n, sheet.predicted_n
    inside = (true >= 0) & (true < k) & (told >= 0) & (told < k)
    places = true[inside] * k + told[inside]
    return np.bincount(places, minlength=k * k).reshape(k, k).astype(np.int64)


def chosen_of(sheet: ValidationSheet, choice: Choice) -> Numbers:
    """Return the numbers of the pictures that are listed."""
    keep = np.ones(len(sheet.labels_n), bool)
    if choice.true is not None:
        keep &= sheet.labels_n == choice.true
    if is_told(sheet):
        if choice.told is not None:
            keep &= sheet.predicted_n == choice.told
        if choice.wrong:
            keep &= ~right_of(sheet)
    return np.flatnonzero(keep)


def shares_of(counts: Counts) -> list[tuple[int, int, int]]:
    """Return class, how many were right and how many there are, for each class that occurs; the worst come first."""
    totals, right = counts.sum(axis=1), np.diag(counts)
    found = [(k, int(right[k]), int(totals[k])) for k in range(len(counts)) if totals[k]]
    return sorted(found, key=lambda row: row[1] / row[2])


def headline(sheet: ValidationSheet) -> str:
    """Return how many are right."""
    count = len(sheet.labels_n)
    if not is_told(sheet):
        return f"The first {count:,} validation pictures; the network has not been asked yet."
    right = int(right_of(sheet).sum())
    return f"{right:,} of {count:,} right ({100 * right / count:.1f} %) after step {sheet.step:,}"


def choice_text(sheet: ValidationSheet, choice: Choice, count: int) -> str:
    """Return which pictures are listed."""
    kind = "wrong pictures" if choice.wrong else "pictures"
    if count == 1:
        kind = kind[:-1]
    true = f" of class {name_of(sheet.classes, choice.true)}" if choice.true is not None else ""
    told = f" told to be {name_of(sheet.classes, choice.told)}" if choice.told is not None else ""
    return f"{count:,} {kind}{true}{told}"


def name_of(classes: Sequence[str], index: int) -> str:
    """Return the name of a class, its number where it has none."""
    return classes[index] if 0 <= index < len(classes) else str(index)


def picture_text(sheet: ValidationSheet, number: int) -> str:
    """Return what a picture is, and what the network says."""
    true = name_of(sheet.classes, int(sheet.labels_n[number]))
    words = f"Picture {number + 1}: {true}"
    if not is_told(sheet):
        return words
    if sheet.predicted_n[number] == sheet.labels_n[number]:
        return f"{words}, told rightly"
    return f"{words}, told to be {name_of(sheet.classes, int(sheet.predicted_n[number]))}"


def cell_text(sheet: ValidationSheet, counts: Counts, true: int, told: int) -> str:
    """Return what a cell of the matrix says."""
    count, total = int(counts[true, told]), int(counts[true].sum())
    share = f" ({100 * count / total:.1f} %)" if total else ""
    row, column = name_of(sheet.classes, true), name_of(sheet.classes, told)
    return f"{count:,} of {total:,} pictures of {row} were told to be {column}{share}"


def pixels_of(sheet: ValidationSheet, number: int) -> npt.NDArray[np.uint8]:
    """Return a picture as colours, uint8 (h, w, 3)."""
    image = sheet.images_nhw[number]
    return np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2))
