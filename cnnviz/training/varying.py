"""Varied pictures: what a run's `Variation` does to a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from cnnviz.core.randomness import drawn_from, generator_for, seed_of
from cnnviz.datasets.transforms import Augmentation, PhotoAugmentation
from cnnviz.training.variation import Variation


def vary(batch_nchw: Tensor, variation: Variation, *place: object) -> Tensor:
    """Return varied pictures.

    Parameters
    ----------
    batch_nchw
        Values in 0..1, (N, C, H, W), on any device; not altered.
    variation
        What may happen to them.
    place
        Where the run stands: the same place gives the same pictures.
    """
    if variation.is_none:
        return batch_nchw
    generator = generator_for(*place, "variation")
    if variation.pens:
        batch_nchw = Augmentation()(batch_nchw, generator)
    if variation.is_quick and (variation.mirror or variation.shift):
        moved = PhotoAugmentation(round(variation.shift * batch_nchw.shape[-1]), variation.mirror)
        batch_nchw = moved(batch_nchw, generator)
    elif not variation.is_quick:
        one_by_one = _transform(variation)
        with drawn_from(seed_of(*place, "transforms")):
            batch_nchw = torch.stack([one_by_one(picture) for picture in batch_nchw])
    if variation.noise:
        amount = variation.noise * torch.rand(len(batch_nchw), 1, 1, 1, generator=generator)
        noise = torch.randn(tuple(batch_nchw.shape), generator=generator) * amount
        batch_nchw = (batch_nchw + noise.to(batch_nchw.device)).clamp(0, 1)
    return batch_nchw


def mix(batch_nchw: Tensor, labels_n: Tensor, alpha: float, classes: int, *place: object) -> tuple[Tensor, Tensor]:
    """Return pictures blended with their neighbours', and the probabilities (N, classes) that they should get."""
    from torchvision.transforms import v2

    with drawn_from(seed_of(*place, "mixup")):
        mixed, targets = v2.MixUp(alpha=float(alpha), num_classes=classes)(batch_nchw, labels_n)
    return mixed, targets


@lru_cache(maxsize=4)
def _transform(variation: Variation) -> Callable[[Tensor], Tensor]:
    """Return torchvision's transform of one picture; what comes from outside of it is black."""
    from torchvision.transforms import v2

    parts: list[torch.nn.Module] = [
        v2.RandomHorizontalFlip(variation.mirror),
        v2.RandomAffine(
            variation.rotation_deg,
            translate=(variation.shift, variation.shift),
            scale=(1 - variation.scale, 1 + variation.scale),
            shear=(-variation.skew_deg, variation.skew_deg),
            interpolation=v2.InterpolationMode.BILINEAR,
        ),
    ]
    if variation.brightness or variation.contrast or variation.colour:
        parts.append(v2.ColorJitter(variation.brightness, variation.contrast, variation.colour, variation.colour / 10))
    transform: Callable[[Tensor], Tensor] = v2.Compose(parts)
    return transform
