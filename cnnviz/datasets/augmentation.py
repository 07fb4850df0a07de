"""How much training digits are varied: plain numbers. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Augmentation:
    """The largest change of each kind; every digit draws its own amount, evenly up to these.

    Attributes
    ----------
    shift_px
        Shift down and across, in pixels of the 28×28 picture.
    rotation_deg
        Rotation to either side.
    scale
        Change of each axis's size, as a fraction.
    shear
        Slant to either side: how far a point moves across for one pixel down.
    wobble_px
        Largest bend of the strokes: random shifts on a coarse grid, smoothly joined.
    thin, thick
        Steps of one pixel by which strokes get thinner or thicker.
    faint
        Loss of ink, as a fraction: a fine pen leaves grey strokes once it is reduced to 28×28.
    clean
        Share of the digits that are left as they are.
    """

    shift_px: float = 2.0
    rotation_deg: float = 15.0
    scale: float = 0.15
    shear: float = 0.25
    wobble_px: float = 1.0
    thin: float = 1.0
    thick: float = 1.5
    faint: float = 0.4
    clean: float = 0.25
