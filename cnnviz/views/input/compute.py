"""From what is on the board to what the network is given. No Qt."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cnnviz.core import digit, paths
from cnnviz.core.digit import PreparedDigit
from cnnviz.core.inspection import FloatArray, LoadedModel, PixelArray, Preparation
from cnnviz.models import registry
from cnnviz.models.registry import InputSpec

if TYPE_CHECKING:  # decoding is imported with the first picture, not with the window
    from cnnviz.core.image import Invert, Picture
    from cnnviz.core.photo import PhotoSteps

Ink = npt.NDArray[np.uint8]
SIDE = 280
_STARTER_SCALE = SIDE // 28


@dataclass(frozen=True, eq=False)
class BoardContent:
    """What the board holds: one step of its history.

    Attributes
    ----------
    ink_hw
        uint8 (280, 280), ink 255 on paper 0.
    title
        What it is.
    label
        Its class, where that is known.
    as_is
        It is a prepared digit enlarged ten times: the network gets it back unchanged.
    picture
        The picture that it was made from, to invert it again, or ``None``.
    invert
        What was taken as the ink of `picture`.
    path
        The file of the picture; it may be known before the picture is read again.
    walked
        One came to it by walking through a folder.
    """

    ink_hw: Ink
    title: str = "Drawing"
    label: str | None = None
    as_is: bool = False
    picture: Picture | None = None
    invert: Invert = "auto"
    path: str = ""
    walked: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the picture is here as its file has it, or there is none."""
        return self.picture.is_whole if self.picture is not None else not self.path

    def for_history(self) -> BoardContent:
        """Return it as a step of the history keeps it: a large picture of a file is read again when one comes back."""
        if self.picture is None or self.picture.large_hwc is None or not self.path:
            return self
        return replace(self, picture=self.picture.without_large())


def blank() -> BoardContent:
    """Return an empty board."""
    return BoardContent(np.zeros((SIDE, SIDE), np.uint8))


def of_starter(image_hw: Ink, label: int, number: int) -> BoardContent:
    """Return a starter digit, each of its values as a square of 10×10 pixels."""
    enlarged = np.kron(image_hw, np.ones((_STARTER_SCALE, _STARTER_SCALE), np.uint8))
    return BoardContent(enlarged, f"Starter digit {number}: a {label}", str(label), as_is=True)


def of_picture(picture: Picture, invert: Invert, path: str = "") -> BoardContent:
    """Return a picture fitted to the board."""
    from cnnviz.core import ink

    return BoardContent(ink.to_board(picture, invert, SIDE), picture.name, picture=picture, invert=invert, path=path)


def prepare(content: BoardContent, centre: bool) -> PreparedDigit:
    """Return what the network sees of a board."""
    ink_hw = content.ink_hw.astype(np.float32) / np.float32(255)
    if content.as_is:  # not by averaging, whose rounding would change the last bit
        image_hw = np.ascontiguousarray(ink_hw[::_STARTER_SCALE, ::_STARTER_SCALE])
        return PreparedDigit(image_hw, not image_hw.any(), (0, 0, SIDE, SIDE), 1 / _STARTER_SCALE, (0.0, 0.0))
    return digit.prepare_digit(ink_hw, centre=centre)


def as_seen(image_hw: FloatArray, side: tuple[int, int]) -> FloatArray:
    """Return a prepared digit with the paper that a larger network's input has around it."""
    rows, columns = (max(0, wanted - there) for wanted, there in zip(side, image_hw.shape, strict=True))
    if not rows and not columns:
        return image_hw
    return np.pad(image_hw, ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)))


def photo_of(content: BoardContent) -> PixelArray:
    """Return what a network for photographs is shown: the picture itself, else the board as it is seen. No copy."""
    return content.ink_hw if content.picture is None else content.picture.best_hwc


def spec_of(model: LoadedModel) -> InputSpec:
    """Return how a network wants its input prepared."""
    return registry.get(model.request.name).input


def steps_of(content: BoardContent, spec: InputSpec) -> tuple[PhotoSteps, bool]:
    """Return what a network for photographs makes of a board, and whether that is exact.

    A large picture takes up to 0.2 s, which the network's thread spends. Until then its reduced pixels stand for it.
    """
    from cnnviz.core import photo

    crop_hw, pixels, picture = (spec.height, spec.width), photo_of(content), content.picture
    if picture is None or picture.large_hwc is None:
        return photo.steps_of(pixels, crop_hw, spec.resize, spec.interpolation), True
    found = photo.known_steps_of(pixels, crop_hw, spec.resize, spec.interpolation)
    if found is not None:
        return found, True
    alike = photo.steps_of(picture.pixels_hwc, crop_hw, spec.resize, spec.interpolation)
    framing = photo.framing_of((pixels.shape[0], pixels.shape[1]), crop_hw, spec.resize)
    return replace(alike, framing=framing), False


def is_blank(content: BoardContent, prepared: PreparedDigit, preparation: Preparation) -> bool:
    """Return whether there is nothing to recognise; a photograph without ink is a photograph all the same."""
    return prepared.blank and (preparation == "digit" or content.picture is None)


def words_for(content: BoardContent, is_blank: bool) -> str:
    """Return what is on the board, in a few words."""
    if not is_blank:
        return content.title
    return "Nothing drawn yet" if content.picture is None else f"No ink found in {content.title}"


@dataclass(frozen=True)
class Photo:
    """A photograph that ships: its file below ``resources/photos``, its title and its credit."""

    file: str
    title: str
    credit: str


def photos() -> tuple[Photo, ...]:
    """Return the photographs that ship, by their card."""
    card = json.loads((paths.resources_dir() / "photos" / "photos.json").read_text(encoding="utf-8"))
    return tuple(Photo(p["file"], p["title"], f"{p['author']}, {p['licence']}") for p in card["photos"])
