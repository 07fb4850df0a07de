"""How pictures are varied while a network learns: plain data. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, fields

from cnnviz.core.inspection import Preparation

LIMITS: dict[str, tuple[float, float]] = {
    "mirror": (0, 1),
    "shift": (0, 0.5),
    "rotation_deg": (0, 180),
    "scale": (0, 0.9),
    "skew_deg": (0, 60),
    "brightness": (0, 1),
    "contrast": (0, 1),
    "colour": (0, 1),
    "noise": (0, 1),
    "mixup": (0, 10),
}
"""The least and the most of each kind; 0 is none."""


@dataclass(frozen=True)
class Variation:
    """What may happen to a picture before a step; every picture draws its own amounts, evenly up to these.

    Attributes
    ----------
    pens
        Digits are bent, shifted, turned, slanted and drawn with other pens, as people draw on a screen.
    mirror
        Share of the pictures that are mirrored, left and right.
    shift
        Shift across and down, as a share of the side.
    rotation_deg, skew_deg
        Rotation, and slant, to either side.
    scale
        Change of the size, as a fraction.
    brightness, contrast, colour
        Change of each, as a fraction; of grey pictures there is no colour to change.
    noise
        Standard deviation of Gaussian noise, where black is 0 and white 1.
    mixup
        The parameter of the Beta distribution from which the share is drawn at which two pictures, and their classes,
        are blended; 0: none are. (H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018.)
    """

    pens: bool = False
    mirror: float = 0.0
    shift: float = 0.0
    rotation_deg: float = 0.0
    scale: float = 0.0
    skew_deg: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    noise: float = 0.0
    mixup: float = 0.0

    @property
    def is_none(self) -> bool:
        """Whether pictures stay as they are."""
        return self == NONE

    @property
    def is_quick(self) -> bool:
        """Whether pictures are moved by no more than mirrors and shifts: a whole batch at once, by whole pixels."""
        quick = ("mirror", "shift", "pens", "noise", "mixup")
        return all(getattr(self, f.name) == f.default for f in fields(self) if f.name not in quick)


NONE = Variation()
DIGITS = Variation(pens=True)
PHOTOGRAPHS = Variation(mirror=0.5, shift=0.125)
"""As He et al. varied CIFAR-10."""


def usual(holds: Preparation) -> Variation:
    """Return how digits, or photographs, are varied unless somebody says otherwise."""
    return DIGITS if holds == "digit" else PHOTOGRAPHS
