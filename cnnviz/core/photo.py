"""What a network for photographs sees of a picture: torchvision's `ImageClassification` preset without torch.

The preset makes the shorter side as long as the network's weights prescribe, and cuts the middle out of that.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cnnviz.core.inspection import Interpolation, PixelArray

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_KEPT = 4  # results; the window asks for what the network's thread has just made
_LONGEST = 16  # times the shorter side; of what is longer only the middle is resized, or it would fill the memory


@dataclass(frozen=True)
class Framing:
    """How a picture is resized, and where its middle is cut out.

    Attributes
    ----------
    resized_hw
        Height and width after resizing.
    top, left
        Where the middle begins in the resized picture; negative where that is smaller than the middle.
    crop_hw
        Height and width of the middle.
    """

    resized_hw: tuple[int, int]
    top: int
    left: int
    crop_hw: tuple[int, int]

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """What is seen: top, left, bottom and right, as shares of the picture's height and width."""
        (height, width), (down, across) = self.resized_hw, self.crop_hw
        return self.top / height, self.left / width, (self.top + down) / height, (self.left + across) / width


@dataclass(frozen=True, eq=False)
class PhotoSteps:
    """A picture on its way into a network.

    Attributes
    ----------
    framing
        The sizes, and where the middle is.
    resized_hwc
        uint8 (H, W, 3), the resized picture; of a very long one the middle only.
    middle_hwc
        uint8 (h, w, 3), what is cut out of it and then normalised.
    """

    framing: Framing
    resized_hwc: PixelArray
    middle_hwc: PixelArray


def framing_of(picture_hw: tuple[int, int], crop_hw: tuple[int, int], resize: int = 0) -> Framing:
    """Return how a picture of a size is framed.

    Parameters
    ----------
    picture_hw, crop_hw
        Height and width of the picture, and of the network's input.
    resize
        What the picture's shorter side becomes; 0: the longer side of the input. The longer side is rounded down.
    """
    height, width = picture_hw
    resize = resize or max(crop_hw)
    resized_hw = (int(resize * height / width), resize) if width <= height else (resize, int(resize * width / height))
    top, left = (
        round((there - wanted) / 2) if there >= wanted else -((wanted - there) // 2)
        for there, wanted in zip(resized_hw, crop_hw, strict=True)
    )
    return Framing(resized_hw, top, left, crop_hw)


def steps_of(
    pixels: PixelArray, crop_hw: tuple[int, int], resize: int = 0, interpolation: Interpolation = "bilinear"
) -> PhotoSteps:
    """Return a picture resized, and its middle.

    The same pixels as torchvision's, which resizes with Pillow's filters. Only the middle of a picture more than 16
    times as long as it is high is resized; there a value may differ by one level, since the part is given to Pillow
    in single precision.

    Parameters
    ----------
    pixels
        uint8 (H, W, 3), or (H, W) in grey.
    crop_hw, resize
        As for `framing_of`.
    interpolation
        The filter; it weighs all pixels where a picture gets smaller.
    """
    wanted = _Wanted(crop_hw, resize, interpolation)
    found = _known.get(pixels, wanted)
    if found is None:
        found = _made(pixels, wanted)
        _known.put(pixels, wanted, found)
    return found


def known_steps_of(
    pixels: PixelArray, crop_hw: tuple[int, int], resize: int = 0, interpolation: Interpolation = "bilinear"
) -> PhotoSteps | None:
    """Return what `steps_of` returned lately for the same read-only picture; ``None`` where it must be made."""
    return _known.get(pixels, _Wanted(crop_hw, resize, interpolation))


@dataclass(frozen=True)
class _Wanted:
    """How a network wants its pictures."""

    crop_hw: tuple[int, int]
    resize: int
    interpolation: Interpolation


class _Known:
    """The latest results, as long as their pictures live; every thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._results: list[tuple[weakref.ref[PixelArray], _Wanted, PhotoSteps]] = []

    def get(self, pixels: PixelArray, wanted: _Wanted) -> PhotoSteps | None:
        with self._lock:
            return next((steps for of, how, steps in self._results if of() is pixels and how == wanted), None)

    def put(self, pixels: PixelArray, wanted: _Wanted, steps: PhotoSteps) -> None:
        """Keep a result; one of a picture that may still be written to is not kept."""
        if pixels.flags.writeable:
            return
        with self._lock:
            living = [one for one in self._results if one[0]() is not None]
            self._results = [(weakref.ref(pixels), wanted, steps), *living][:_KEPT]


_known = _Known()


def _made(pixels: PixelArray, wanted: _Wanted) -> PhotoSteps:
    crop_hw, resize, interpolation = wanted.crop_hw, wanted.resize, wanted.interpolation
    height, width = pixels.shape[:2]
    framing = framing_of((height, width), crop_hw, resize)
    image, method = Image.fromarray(np.ascontiguousarray(pixels)), _FILTERS[interpolation]
    down, across = framing.resized_hw
    if max(height, width) <= _LONGEST * min(height, width):
        resized_hwc = _coloured(np.asarray(image.resize((across, down), method)))
        return PhotoSteps(framing, resized_hwc, _cut(resized_hwc, framing))
    top, left = max(0, framing.top), max(0, framing.left)
    bottom, right = min(down, framing.top + crop_hw[0]), min(across, framing.left + crop_hw[1])
    box = (left * width / across, top * height / down, right * width / across, bottom * height / down)
    part = _coloured(np.asarray(image.resize((right - left, bottom - top), method, box=box)))
    inner = Framing((bottom - top, right - left), framing.top - top, framing.left - left, crop_hw)
    return PhotoSteps(framing, part, _cut(part, inner))


def middle_of(
    pixels: PixelArray, crop_hw: tuple[int, int], resize: int = 0, interpolation: Interpolation = "bilinear"
) -> PixelArray:
    """Return what a network sees of a picture before it is normalised, uint8 (h, w, 3); see `steps_of`."""
    return steps_of(pixels, crop_hw, resize, interpolation).middle_hwc


def _coloured(pixels: PixelArray) -> PixelArray:
    """Return grey levels as three equal colours."""
    coloured: PixelArray = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels
    return coloured


def _cut(resized_hwc: PixelArray, framing: Framing) -> PixelArray:
    """Return the middle, with black where the picture does not reach, as torchvision has it."""
    down, across = framing.crop_hw
    top, left = (max(0, first) for first in (framing.top, framing.left))
    part: PixelArray = resized_hwc[top : top + down, left : left + across].copy()
    if part.shape[:2] == framing.crop_hw:
        return part
    above, before = (max(0, -first) for first in (framing.top, framing.left))
    middle = np.zeros((down, across, 3), np.uint8)
    middle[above : above + part.shape[0], before : before + part.shape[1]] = part
    return middle
