"""Digit preparation as MNIST was made: what a person draws becomes what a digit network was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

INK_SHARE = 0.1
"""Ink darker than this share of the darkest pixel decides where the digit is."""

_FAINT_SHARE = 1 / 300  # the faint rim of an anti-aliased stroke: one grey level of 255 still counts

_ONE_THREAD_PRODUCTS = 2**18  # OpenBLAS starts threads above this many multiplications


@dataclass(frozen=True, eq=False)
class PreparedDigit:
    """A digit as a network sees it, and how it got there.

    Attributes
    ----------
    image_hw
        float32 (size, size) in 0..1, ink 1 on paper 0; read-only.
    blank
        There was no ink; the picture is all 0.
    box
        (top, left, bottom, right) of the ink in pixels of the source, half open; the whole source without
        centring; (0, 0, 0, 0) when blank.
    scale
        Pixels of the result for one pixel of the source.
    shift
        (down, right) in pixels of the result: the source's point (y, x) lands on
        ``(y * scale + shift[0], x * scale + shift[1])``.
    """

    image_hw: FloatArray
    blank: bool
    box: tuple[int, int, int, int]
    scale: float
    shift: tuple[float, float]


def prepare_digit(ink_hw: FloatArray, *, centre: bool = True, size: int = 28, box: int = 20) -> PreparedDigit:
    """Scale the ink into a box and place it by its centre of mass, as MNIST was made.

    The recipe is that of LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
    Recognition", 1998, section III-A: the digit's bounding box is scaled into 20×20 pixels with its aspect ratio
    kept and with anti-aliasing, then the picture is translated so that its centre of mass is the centre of the
    28×28 field. In the published digits that centre is always between the edges 14 and 15 of a pixel, on both axes, so
    the same rounding is used here. Each output pixel is the exact mean of the source area that it covers.

    Parameters
    ----------
    ink_hw
        Ink (H, W), 1 on paper 0, of any size and shape; values outside 0..1 are clipped and NaN is paper.
    centre
        False: no box and no centring; the whole source, made square with paper, is reduced (or enlarged) to
        `size`.
    size, box
        Side of the result, and longest side of the ink in it.

    Raises
    ------
    ValueError
        When the array is empty or not two-dimensional, or `box` does not fit into `size`.
    """
    if ink_hw.ndim != 2 or ink_hw.size == 0 or not 1 <= box <= size:
        raise ValueError(f"no digit of shape {ink_hw.shape} fits a box of {box} in {size}")
    rows = ink_hw.max(axis=1)
    peak = float(rows.max())
    if not math.isfinite(peak):
        ink_hw = np.nan_to_num(ink_hw, nan=0.0, posinf=1.0, neginf=0.0)
        rows = ink_hw.max(axis=1)
        peak = float(rows.max())
    # An accepted digit is not fainter than one grey level.
    if peak < 1 / 255:
        empty = np.zeros((size, size), np.float32)
        empty.flags.writeable = False
        return PreparedDigit(empty, True, (0, 0, 0, 0), 1.0, (0.0, 0.0))
    if not centre:
        return _reduce_whole(ink_hw, size)
    columns = ink_hw.max(axis=0)
    strong = _strong(rows, peak), _strong(columns, peak)
    longest = max(end - start for start, end in strong)
    # The faint rim of a stroke counts, but at most one pixel of the result: dirt must not stretch the box.
    rim = -(-longest // (box - 2)) if box > 2 else longest
    top, bottom = _with_rim(rows, peak, strong[0], rim)
    left, right = _with_rim(columns, peak, strong[1], rim)
    return _place(ink_hw, (top, left, bottom, right), size, box)


def _strong(profile: FloatArray, peak: float) -> tuple[int, int]:
    """Return the half-open interval of a profile that holds ink without doubt."""
    inked = np.flatnonzero(profile > INK_SHARE * peak)
    return int(inked[0]), int(inked[-1]) + 1


def _with_rim(profile: FloatArray, peak: float, strong: tuple[int, int], rim: int) -> tuple[int, int]:
    """Widen an interval over the faint ink next to it, by `rim` at each end at most."""
    start, end = strong
    clean = profile <= _FAINT_SHARE * peak
    before, after = clean[max(0, start - rim) : start][::-1], clean[end : end + rim]
    start -= int(before.argmax()) if before.any() else len(before)
    end += int(after.argmax()) if after.any() else len(after)
    return start, end


def _place(ink_hw: FloatArray, ink_box: tuple[int, int, int, int], size: int, box: int) -> PreparedDigit:
    """Scale the boxed ink and paste it by its centre of mass."""
    top, left, bottom, right = ink_box
    # A copy in one piece, so that the same ink gives the same bits wherever it was on the board.
    crop = np.clip(ink_hw[top:bottom, left:right], 0, 1, dtype=np.float32)
    longest = max(crop.shape)
    down, row_offset = _overlaps(crop.shape[0], box, longest)
    across, column_offset = _overlaps(crop.shape[1], box, longest)
    small = _matmul(down, crop) @ across.T  # (h, w), the longer of them `box`
    np.clip(small, 0, 1, out=small)
    y = _corner(small.sum(axis=1, dtype=np.float64), size)
    x = _corner(small.sum(axis=0, dtype=np.float64), size)
    image_hw = np.zeros((size, size), np.float32)
    image_hw[y : y + small.shape[0], x : x + small.shape[1]] = small
    image_hw.flags.writeable = False
    scale = box / longest
    shift = (y + row_offset - top * scale, x + column_offset - left * scale)
    return PreparedDigit(image_hw, False, ink_box, scale, shift)


def _corner(mass: npt.NDArray[np.float64], size: int) -> int:
    """Return where a profile starts in the field so that its centre of mass is at the middle, kept inside."""
    centre = float((mass * np.arange(0.5, len(mass))).sum() / mass.sum())
    # The tolerance keeps a centre that is exactly on an edge from falling either way by rounding.
    return min(max(math.ceil(size / 2 - centre - 1e-6), 0), size - len(mass))


def _reduce_whole(ink_hw: FloatArray, size: int) -> PreparedDigit:
    """Scale the whole source, with paper beside it when it is not square."""
    height, width = ink_hw.shape
    longest = max(height, width)
    clean = np.clip(ink_hw, 0, 1, dtype=np.float32)
    down, row_offset = _overlaps(height, size, longest)
    across, column_offset = _overlaps(width, size, longest)
    small = np.clip(_matmul(down, clean) @ across.T, 0, 1)
    y, x = (size - small.shape[0]) // 2, (size - small.shape[1]) // 2
    image_hw = np.zeros((size, size), np.float32)
    image_hw[y : y + small.shape[0], x : x + small.shape[1]] = small
    image_hw.flags.writeable = False
    shift = (y + row_offset, x + column_offset)
    return PreparedDigit(image_hw, False, (0, 0, height, width), size / longest, shift)


def _matmul(left: FloatArray, right: FloatArray) -> FloatArray:
    """Multiply in pieces that the linear algebra library leaves to the calling thread.

    OpenBLAS shares out larger products among all cores; while a network trains on them this took 25 ms, not 0.1.
    """
    m, n = left.shape
    width = right.shape[1]
    step = max(1, _ONE_THREAD_PRODUCTS // (m * n))
    if step >= width:
        return left @ right
    result = np.empty((m, width), np.float32)
    for start in range(0, width, step):
        result[:, start : start + step] = left @ right[:, start : start + step]
    return result


@lru_cache(maxsize=1024)
def _overlaps(n: int, box: int, longest: int) -> tuple[FloatArray, float]:
    """Return how much of each output pixel each of `n` source pixels covers, scaled by ``box / longest``.

    Returns
    -------
    weights
        (m, n) with ``m = ceil(n * box / longest)``; every column sums to the scale, so ink is preserved.
    offset
        Where the source starts in the output: what is left of the last pixel is shared by both ends.
    """
    m = -(-n * box // longest)
    scale = box / longest
    offset = (m - n * scale) / 2
    edges = offset + np.arange(n + 1) * scale
    cells = np.arange(m)[:, None]
    weights = np.minimum(cells + 1, edges[1:]) - np.maximum(cells, edges[:-1])  # (m, n)
    overlap = np.maximum(weights, 0).astype(np.float32)
    overlap.flags.writeable = False
    return overlap, offset
