"""Varied digits, a whole batch at once: the network should know what people draw, not only what MNIST holds.

Every random number comes from one CPU generator, so a seed gives the same digits on every device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_GRID = 4  # points a side of the coarse grid that bends strokes


@dataclass(frozen=True)
class Augmentation:
    """Digits shifted, turned, scaled, slanted, bent and drawn with another pen.

    Every digit draws its own amount of each change, evenly up to these.

    Attributes
    ----------
    shift_px
        Shift down and across, in pixels.
    rotation_deg
        Rotation to either side.
    scale
        Change of the size down and across, as a fraction.
    shear
        Slant to either side: how far a point moves across for one pixel down.
    wobble_px
        Largest bend of the strokes: random shifts on a coarse grid, smoothly joined.
    thin, thick
        By how many pixels strokes get thinner or, to each side, thicker.
    faint
        Loss of ink, as a fraction: a fine pen leaves grey strokes once the drawing is reduced to 28×28.
    clean
        Share of the digits that stay as they are.
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

    def __call__(self, batch_nchw: Tensor, generator: torch.Generator) -> Tensor:
        """Return varied pictures.

        Parameters
        ----------
        batch_nchw
            Ink in 0..1, 1 on paper 0; (N, C, H, W), on any device. It is not altered.
        generator
            A CPU generator.
        """
        changed = self.warp(self.change_pen(batch_nchw, generator), generator)
        kept = torch.rand(len(batch_nchw), 1, 1, 1, generator=generator) < self.clean
        return torch.where(kept.to(batch_nchw.device), batch_nchw, changed)

    def warp(self, batch_nchw: Tensor, generator: torch.Generator) -> Tensor:
        """Return the pictures moved and bent, sampled bilinearly; what comes from outside is paper."""
        n, _, height, width = batch_nchw.shape
        grid = functional.affine_grid(self._affine(n, height, width, generator), [n, 1, height, width], False)
        if self.wobble_px:
            bend = _even((n, 2, _GRID, _GRID), generator) * (2 * self.wobble_px / width)
            smooth = functional.interpolate(bend, (height, width), mode="bicubic", align_corners=True)
            grid = grid + smooth.permute(0, 2, 3, 1)  # (N, H, W, 2)
        return functional.grid_sample(batch_nchw, grid.to(batch_nchw.device), align_corners=False)

    def change_pen(self, batch_nchw: Tensor, generator: torch.Generator) -> Tensor:
        """Return the pictures with thinner or thicker, and fainter, strokes.

        A step thicker is the largest value of 3×3 pixels, a step thinner the smallest of 2×2 (grey dilation and
        erosion; a stroke of MNIST is about three pixels wide and has to survive); fractions of a step are blended.
        """
        n = len(batch_nchw)
        step = _even((n, 1, 1, 1), generator).to(batch_nchw.device)
        step = torch.where(step < 0, step * self.thin, step * self.thick)
        result = batch_nchw
        for i in range(math.ceil(self.thick)):
            thicker = functional.max_pool2d(result, 3, stride=1, padding=1)
            result = torch.lerp(result, thicker, (step - i).clamp(0, 1))
        for i in range(math.ceil(self.thin)):
            thinner = -functional.max_pool2d(-functional.pad(result, (1, 0, 1, 0)), 2, stride=1)
            result = torch.lerp(result, thinner, (-step - i).clamp(0, 1))
        ink = 1 - self.faint * torch.rand(n, 1, 1, 1, generator=generator)
        return result * ink.to(batch_nchw.device)

    def _affine(self, n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Return (N, 2, 3): where in the old picture each point of the new one comes from."""
        turn, slant, tall, wide, down, across = _even((6, n), generator)
        angle = turn * math.radians(self.rotation_deg)
        cos, sin, shear = torch.cos(angle), torch.sin(angle), slant * self.shear
        grow_x = torch.exp(wide * math.log1p(self.scale))
        grow_y = torch.exp(tall * math.log1p(self.scale))
        rows = (
            torch.stack((cos * grow_x, (cos * shear - sin) * grow_y, across * (2 * self.shift_px / width)), 1),
            torch.stack((sin * grow_x, (sin * shear + cos) * grow_y, down * (2 * self.shift_px / height)), 1),
        )
        return torch.stack(rows, 1)


def add_noise(batch_nchw: Tensor, generator: torch.Generator, most: float = 0.6) -> Tensor:
    """Return pictures with Gaussian noise, each with its own amount up to `most`, for networks that take it off."""
    shape = tuple(batch_nchw.shape)
    amount = most * torch.rand(shape[0], 1, 1, 1, generator=generator)
    noise = torch.randn(shape, generator=generator) * amount
    return (batch_nchw + noise.to(batch_nchw.device)).clamp(0, 1)


@dataclass(frozen=True)
class PhotoAugmentation:
    """Photographs shifted and mirrored, as He et al. did for CIFAR-10; what comes from outside is black.

    Attributes
    ----------
    shift_px
        Shift down and across, in whole pixels.
    mirror
        Share of the pictures that are mirrored.
    """

    shift_px: int = 4
    mirror: float = 0.5

    def __call__(self, batch_nchw: Tensor, generator: torch.Generator) -> Tensor:
        """Return varied pictures (N, C, H, W), on the device of those given; they are not altered."""
        n, channels, height, width = batch_nchw.shape
        device, most = batch_nchw.device, 2 * self.shift_px + 1
        down, across = torch.randint(most, (2, n), generator=generator).to(device)
        mirrored = (torch.rand(n, generator=generator) < self.mirror).to(device)[:, None]
        along = torch.arange(width, device=device)
        columns = across[:, None] + torch.where(mirrored, along.flip(0), along)  # (N, W)
        rows = down[:, None] + torch.arange(height, device=device)  # (N, H)
        padded = functional.pad(batch_nchw, (self.shift_px,) * 4)
        which = torch.arange(n, device=device)[:, None, None, None]
        channel = torch.arange(channels, device=device)[None, :, None, None]
        return padded[which, channel, rows[:, None, :, None], columns[:, None, None, :]]


def _even(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return numbers spread evenly over -1..1."""
    return torch.rand(shape, generator=generator) * 2 - 1
