"""Varied digits, a whole batch at once: the network should know what people draw, not only what MNIST holds.

Every random number comes from one CPU generator, so a seed gives the same digits on every device.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from cnnviz.datasets.augmentation import Augmentation

_GRID = 4  # points a side of the coarse grid that bends strokes


def augment(batch_nchw: Tensor, amount: Augmentation, generator: torch.Generator) -> Tensor:
    """Return the pictures shifted, turned, scaled, slanted, bent, and drawn with another pen.

    Parameters
    ----------
    batch_nchw
        Ink in 0..1, 1 on paper 0; (N, C, H, W), any device.
    amount
        The largest changes.
    generator
        A CPU generator.

    Returns
    -------
    Tensor
        (N, C, H, W) in 0..1; the given batch is not altered.
    """
    n = len(batch_nchw)
    changed = warp(change_pen(batch_nchw, amount, generator), amount, generator)
    kept = torch.rand(n, 1, 1, 1, generator=generator).to(batch_nchw.device) < amount.clean
    return torch.where(kept, batch_nchw, changed)


def warp(batch_nchw: Tensor, amount: Augmentation, generator: torch.Generator) -> Tensor:
    """Return the pictures moved and bent, sampled bilinearly; what comes from outside is paper."""
    n, _, height, width = batch_nchw.shape
    grid_nhw2 = functional.affine_grid(_affine(n, (height, width), amount, generator), [n, 1, height, width], False)
    if amount.wobble_px:
        bend = _even((n, 2, _GRID, _GRID), generator) * (2 * amount.wobble_px / width)
        smooth = functional.interpolate(bend, (height, width), mode="bicubic", align_corners=True)
        grid_nhw2 = grid_nhw2 + smooth.permute(0, 2, 3, 1)  # (N, H, W, 2)
    return functional.grid_sample(batch_nchw, grid_nhw2.to(batch_nchw.device), align_corners=False)


def change_pen(batch_nchw: Tensor, amount: Augmentation, generator: torch.Generator) -> Tensor:
    """Return the pictures with thinner or thicker, and fainter, strokes.

    A step thicker is the largest, a step thinner the smallest value of neighbouring pixels (grey dilation and
    erosion); fractions of a step are blended.
    """
    n = len(batch_nchw)
    device = batch_nchw.device
    step = _even((n, 1, 1, 1), generator).to(device)
    step = torch.where(step < 0, step * amount.thin, step * amount.thick)
    result = batch_nchw
    for i in range(math.ceil(amount.thick)):
        thicker = functional.max_pool2d(result, 3, stride=1, padding=1)
        result = torch.lerp(result, thicker, (step - i).clamp(0, 1))
    padded = functional.pad(result, (1, 0, 1, 0))
    for i in range(math.ceil(amount.thin)):
        # Two pixels and not three: a stroke of MNIST is about three wide and has to survive.
        thinner = -functional.max_pool2d(-padded, 2, stride=1)
        result = torch.lerp(result, thinner, (-step - i).clamp(0, 1))
        padded = functional.pad(result, (1, 0, 1, 0))
    ink = 1 - amount.faint * torch.rand(n, 1, 1, 1, generator=generator).to(device)
    return result * ink


def _affine(n: int, side: tuple[int, int], amount: Augmentation, generator: torch.Generator) -> Tensor:
    """Return (N, 2, 3): where in the old picture each point of the new one comes from."""
    turn, slant, tall, wide, down, across = _even((6, n), generator)
    angle = turn * math.radians(amount.rotation_deg)
    cos, sin = torch.cos(angle), torch.sin(angle)
    shear = slant * amount.shear
    grow_x, grow_y = torch.exp(wide * math.log1p(amount.scale)), torch.exp(tall * math.log1p(amount.scale))
    rows = (
        torch.stack((cos * grow_x, (cos * shear - sin) * grow_y, across * (2 * amount.shift_px / side[1])), 1),
        torch.stack((sin * grow_x, (sin * shear + cos) * grow_y, down * (2 * amount.shift_px / side[0])), 1),
    )
    return torch.stack(rows, 1)  # (N, 2, 3)


def _even(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return numbers spread evenly over -1..1."""
    return torch.rand(shape, generator=generator) * 2 - 1
