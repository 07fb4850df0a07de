"""What a network for photographs sees of a picture: torchvision's `ImageClassification` preset without torch."""

from __future__ import annotations

import numpy as np
from PIL import Image

from cnnviz.core.inspection import PixelArray

RESIZE = 256
"""The shorter side before the middle is cut out of it."""
_LONGEST = 16  # times the shorter side; what is outside is cut off before and not after resizing


def middle_of(pixels: PixelArray, side: int, resize: int = RESIZE) -> PixelArray:
    """Return the middle of a picture in red, green and blue: uint8 (side, side, 3).

    Parameters
    ----------
    pixels
        uint8 (H, W, 3), or (H, W) in grey.
    side
        Of the square that is cut out of the resized picture.
    resize
        What the picture's shorter side becomes, by bilinear interpolation that weighs all pixels when it gets smaller.
    """
    pixels = _without_ends(pixels)
    height, width = pixels.shape[:2]
    size = _resized(height, width, resize)
    image = Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.BILINEAR)
    top, left = (round((there - side) / 2) for there in (size[1], size[0]))
    middle = np.asarray(image)[top : top + side, left : left + side]
    return np.stack([middle] * 3, axis=2) if middle.ndim == 2 else middle.copy()


def middle_box(height: int, width: int, side: int, resize: int = RESIZE) -> tuple[float, float, float, float]:
    """Return which part of a picture `middle_of` shows: top, left, bottom and right as shares of height and width."""
    short = min(height, width)
    down, across = (side / resize * short / there / 2 for there in (height, width))
    return 0.5 - down, 0.5 - across, 0.5 + down, 0.5 + across


def _resized(height: int, width: int, resize: int) -> tuple[int, int]:
    """Return width and height when the shorter side has `resize` pixels; the longer one is rounded down."""
    if width <= height:
        return resize, int(resize * height / width)
    return int(resize * width / height), resize


def _without_ends(pixels: PixelArray) -> PixelArray:
    """Cut the ends off a picture so long that, resized, it would fill the memory; nothing of them is seen."""
    height, width = pixels.shape[:2]
    most = _LONGEST * min(height, width)
    top, left = max(0, (height - most) // 2), max(0, (width - most) // 2)
    return pixels[top : top + most, left : left + most] if top or left else pixels
