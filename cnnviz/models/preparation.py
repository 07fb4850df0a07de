"""From prepared pictures to what a network is given."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from cnnviz.core.inspection import PixelArray
from cnnviz.models.registry import InputSpec


def to_input(batch_nchw: Tensor, spec: InputSpec) -> Tensor:
    """Return the input (N, C, H, W) for pictures (N, C, h, w) with ink 1 on paper 0.

    Pictures are fitted to the network's size (`to_size`), then normalised; grey ones become all of its colours.
    """
    mean_c11, std_c11 = _normalisation(spec, batch_nchw.device)
    return (to_size(batch_nchw, spec) - mean_c11) / std_c11


def to_size(batch_nchw: Tensor, spec: InputSpec) -> Tensor:
    """Return pictures (N, C, h, w) as large as the network takes them: with paper around them, or resized.

    They are resized where the paper would take more than half of a side, and where they are too large.
    """
    height, width = batch_nchw.shape[-2:]
    if not (height <= spec.height < 2 * height and width <= spec.width < 2 * width):
        return functional.interpolate(
            batch_nchw, (spec.height, spec.width), mode="bilinear", align_corners=False, antialias=True
        )
    top, left = (spec.height - height) // 2, (spec.width - width) // 2
    if (height, width) != (spec.height, spec.width):
        sides = (left, spec.width - width - left, top, spec.height - height - top)
        batch_nchw = functional.pad(batch_nchw, sides)
    return batch_nchw


def photo_to_input(pixels: PixelArray, spec: InputSpec) -> Tensor:
    """Return the input (1, 3, H, W) for a picture, uint8 (H, W, 3) or grey (H, W): its middle, normalised.

    Equal to torchvision's `ImageClassification` preset on a Pillow image.
    """
    from cnnviz.core.photo import middle_of  # Pillow: the way of a digit does without it

    middle_hwc = torch.from_numpy(middle_of(pixels, (spec.height, spec.width), spec.resize, spec.interpolation))
    mean_c11, std_c11 = _normalisation(spec, middle_hwc.device)
    picture_nchw = middle_hwc.permute(2, 0, 1)[None].contiguous().float() / 255
    if spec.channels == 1:
        luma_c11 = torch.tensor(LUMA)[:, None, None]
        picture_nchw = (picture_nchw * luma_c11).sum(1, keepdim=True)
    return (picture_nchw - mean_c11) / std_c11


LUMA = (0.299, 0.587, 0.114)
"""What red, green and blue add to a grey value: ITU-R BT.601, as Pillow has it."""


@lru_cache(maxsize=16)
def _normalisation(spec: InputSpec, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each channel, made once: this is on the way of every stroke."""
    with torch.inference_mode(False):  # the training loop uses them too
        mean_c11, std_c11 = (torch.tensor(values, device=device)[:, None, None] for values in (spec.mean, spec.std))
    return mean_c11, std_c11
