"""From a picture to ink on the drawing board: 1 where there is ink, 0 where there is paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cnnviz.core.image import Picture

Invert = Literal["auto", "yes", "no"]
FloatArray = npt.NDArray[np.float32]

_FULL_INK = 0.75  # clean ink at least this strong is left as it is
_LEAST_CONTRAST = 0.06  # of the paper's level; less than this is paper
_NOISE_WIDTH = 4.0  # standard deviations of the paper's noise that are no ink


SCENE_CONTRAST = 30.0
"""Standard deviation of the grey levels, of 255, above which a picture without ink on paper is shown as it is."""


@dataclass(frozen=True, eq=False)
class Ink:
    """Where a picture has ink.

    Attributes
    ----------
    ink_hw
        float32 (H, W) in 0..1, ink 1 on paper 0.
    inverted
        The picture was dark on light.
    """

    ink_hw: FloatArray
    inverted: bool


def luminance(pixels_hwc: npt.NDArray[Any]) -> FloatArray:
    """Return the luma of ITU-R BT.601 in the pixels' own units."""
    red, green, blue = (pixels_hwc[..., i].astype(np.float32) for i in range(3))
    luma: FloatArray = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    return luma


def to_ink(picture: Picture, invert: Invert = "auto") -> Ink:
    """Return where a picture has ink, between 0 for paper and 1 for full ink.

    The border is paper: its median tells dark on light from light on dark. On clean, even paper the ink is the exact
    difference from it, so a picture like MNIST's comes through bit for bit as value / 255, and its negative too; faint
    ink is strengthened. On photographed paper a smooth surface is fitted to the paper's level, ink is what departs
    from it, and what does not rise above the paper's own noise is paper. Where that finds nothing in a picture full of
    contrast, it is a photograph of something else, and its grey levels are taken as they are.

    Parameters
    ----------
    picture
        Any picture.
    invert
        ``yes``: the ink is dark; ``no``: the ink is light; ``auto``: decided by the border. Where the wish contradicts
        the border there is no paper to measure, and the grey levels are taken as they are.
    """
    pixels = picture.pixels_hwc
    grey = pixels[..., 0].astype(np.float32) if picture.is_grey else luminance(pixels)  # (H, W), 0..255
    border = _border(grey)
    dark_ink = _is_dark_on_light(grey, border)
    inverted = dark_ink if invert == "auto" else invert == "yes"
    light = grey if inverted else 255 - grey  # paper is high
    if inverted != dark_ink:
        return Ink((255 - light) / np.float32(255), inverted)
    level = np.median(border) if inverted else 255 - np.median(border)
    if np.mean(border == np.median(border)) >= 0.75:
        ink = np.maximum(level - light, 0) / max(np.float32(level), np.float32(1))
        return Ink(_strengthened(ink.astype(np.float32)), inverted)
    found = _ink_of_photo(light)
    if not found.any() and float(grey.std()) > SCENE_CONTRAST:  # no paper at all: a photograph of something else
        return Ink(grey / np.float32(255), inverted=False)
    return Ink(found, inverted)


def _border(grey: FloatArray) -> FloatArray:
    """Return the pixels of the border ring, a fiftieth of the shorter side wide."""
    width = max(1, round(min(grey.shape) / 50))
    inside = np.zeros(grey.shape, np.bool_)
    inside[width:-width, width:-width] = True
    return grey[~inside]


def _is_dark_on_light(grey: FloatArray, border: FloatArray) -> bool:
    """Return whether more of the picture's range lies below the border's level than above it.

    A fixed threshold would fail on the dark paper of a photograph. The outermost thousandths are left out first, as
    they may be noise; ink that is smaller than that is found by the whole range.
    """
    paper = float(np.median(border))
    counts = np.bincount(grey.astype(np.uint8).ravel(), minlength=256).cumsum()  # a percentile would sort
    spread = np.searchsorted(counts, (0.001 * grey.size, 0.999 * grey.size))
    for low, high in (spread, (grey.min(), grey.max())):
        below, above = paper - float(low), float(high) - paper
        if below != above:
            return below > above
    return paper > 127


def _strengthened(ink: FloatArray) -> FloatArray:
    """Stretch faint ink on clean paper to 1; leave full ink exactly as it is."""
    peak = float(ink.max())
    if peak >= _FULL_INK:
        return ink
    return np.zeros_like(ink) if peak < _LEAST_CONTRAST else ink / np.float32(peak)


def _ink_of_photo(light: FloatArray) -> FloatArray:
    """Return the ink on uneven or noisy paper.

    Ink takes away a share of the light that falls on it, so it is the ratio to the paper, not the difference, that
    does not depend on a shadow.
    """
    surface, noise = _paper_surface(light)
    surface = np.maximum(surface, np.float32(8))
    ink: FloatArray = 1 - light / surface
    # The camera's noise is the same everywhere, so its share of the light is largest in the shadow.
    floor = np.maximum(np.float32(_NOISE_WIDTH * noise) / surface, np.float32(0.02))
    strong = ink[ink > floor]
    if len(strong) < max(4, 2e-4 * ink.size):
        return np.zeros_like(ink)
    peak = float(np.percentile(strong, 90))
    if peak < max(2 * float(np.median(floor)), _LEAST_CONTRAST):
        return np.zeros_like(ink)
    span = np.maximum(np.float32(peak) - floor, np.float32(_LEAST_CONTRAST))
    stretched: FloatArray = np.clip((ink - floor) / span, 0, 1)
    return stretched


def _paper_surface(light: FloatArray) -> tuple[FloatArray, float]:
    """Fit a second-order surface to the paper's level, leaving the ink out.

    Returns
    -------
    surface
        Level of the paper at each pixel, float32 (H, W).
    noise
        Standard deviation of the paper about it, in grey levels.
    """
    height, width = light.shape
    y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    rows, columns = slice(None, None, max(1, height // 64)), slice(None, None, max(1, width // 64))
    samples = light[rows, columns].ravel()
    grid_y, grid_x = (g.ravel() for g in np.meshgrid(y[rows], x[columns], indexing="ij"))
    terms = np.stack([np.ones_like(grid_x), grid_x, grid_y, grid_x * grid_y, grid_x**2, grid_y**2], axis=1)
    # Start with the border, which is paper; then let in what agrees with it, and fit again.
    keep = (np.abs(grid_x) > 0.94) | (np.abs(grid_y) > 0.94)
    used, coefficients, noise = 4, np.zeros(6, np.float32), 0.0
    for _ in range(6):
        known = terms[keep, :used]
        # The normal equations are small: a solver for all samples would start threads.
        fitted = np.linalg.lstsq(known.T @ known, known.T @ samples[keep], rcond=None)[0]
        coefficients = np.zeros(6, np.float32)
        coefficients[:used] = fitted
        residual = samples - (terms * coefficients).sum(axis=1)
        noise = 1.4826 * float(np.median(np.abs(residual[keep] - np.median(residual[keep]))))
        accepted = np.abs(residual) < max(3 * noise, 4)
        if accepted.mean() < 0.2:
            break  # little paper: the border's own plane is the better guess
        keep, used = accepted, 6
    one, in_x, in_y, in_xy, in_xx, in_yy = (np.float32(c) for c in coefficients)
    surface: FloatArray = np.outer(y, in_xy * x)  # (H, W)
    surface += (one + in_y * y + in_yy * y**2)[:, None]
    surface += in_x * x + in_xx * x**2
    return surface, noise


def fit_board(ink_hw: FloatArray, side: int = 280) -> FloatArray:
    """Return a square board with the ink in its middle, aspect kept, paper around.

    Parameters
    ----------
    ink_hw
        Ink (H, W), 1 on paper 0.
    side
        Side of the board. A picture of at most half of it is enlarged by the largest whole factor, each value a square;
        one between that and the board by nearest neighbour; a larger one is reduced by the mean of the area.

    Returns
    -------
    numpy.ndarray
        float32 (side, side).
    """
    longest = max(ink_hw.shape)
    if longest > side:
        height, width = (max(1, round(n * side / longest)) for n in ink_hw.shape)
        fitted = _mean_of_area(_mean_of_area(ink_hw, height).T, width).T
    elif 2 * longest <= side:
        fitted = ink_hw.repeat(side // longest, axis=0).repeat(side // longest, axis=1)
    else:
        height, width = (max(1, round(n * side / longest)) for n in ink_hw.shape)
        rows = np.arange(height) * ink_hw.shape[0] // height
        columns = np.arange(width) * ink_hw.shape[1] // width
        fitted = ink_hw[rows[:, None], columns]
    board = np.zeros((side, side), np.float32)
    top, left = (side - fitted.shape[0]) // 2, (side - fitted.shape[1]) // 2
    board[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return board


def to_board(picture: Picture, invert: Invert = "auto", side: int = 280) -> npt.NDArray[np.uint8]:
    """Return a picture's ink in the middle of a square board: uint8 (side, side), ink 255 on paper 0."""
    board = fit_board(to_ink(picture, invert=invert).ink_hw, side)
    levels: npt.NDArray[np.uint8] = np.clip(board * 255 + 0.5, 0, 255).astype(np.uint8)
    return levels


def _mean_of_area(values_hw: FloatArray, rows: int) -> FloatArray:
    """Reduce the rows of a picture, each result the mean of what it covers, parts of rows included.

    (Pillow's box filter counts whole pixels only: from 400 to 280 it drops every third.)
    """
    height, width = values_hw.shape
    sums = np.zeros((height + 1, width))
    np.cumsum(values_hw, axis=0, dtype=np.float64, out=sums[1:])
    edges = np.arange(rows + 1) * (height / rows)
    whole = np.minimum(edges.astype(np.intp), height - 1)
    at_edges = sums[whole] + (edges - whole)[:, None] * values_hw[whole]
    means: FloatArray = (np.diff(at_edges, axis=0) * (rows / height)).astype(np.float32)
    return means
