"""The pictures of a run: its training and its validation part, on the device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cnnviz.core.errors import UserError
from cnnviz.core.randomness import generator_for
from cnnviz.datasets.images import LabelledImages
from cnnviz.models import registry
from cnnviz.models.preparation import LUMA
from cnnviz.models.registry import ModelSpec
from cnnviz.training.config import TrainConfig

_CHUNK = 1000


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures uint8 (N, C, h, w) and classes int64 (N,), on the device."""

    images_nchw: Tensor
    labels_n: Tensor

    def __len__(self) -> int:
        return len(self.labels_n)

    def pictures(self, chosen: Tensor | slice = slice(None)) -> Tensor:
        """Return some pictures as numbers in 0..1, (N, C, h, w)."""
        return self.images_nchw[chosen].float() / 255


def order_of(data: LabelledImages, config: TrainConfig) -> tuple[Tensor, Tensor]:
    """Return the indices of the training and of the validation part, each in the data's order, drawn by the seed.

    Raises
    ------
    UserError
        When nothing is left to train on.
    """
    if config.validation >= len(data):
        raise UserError(
            f"The training setting 'validation' is {config.validation:,}, but there are {len(data):,} pictures.",
            suggestion="Set fewer pictures aside.",
        )
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(config.seed))
    end = config.validation + config.pictures if config.pictures else len(data)
    return order[config.validation : end].sort().values, order[: config.validation].sort().values


def split(data: LabelledImages, config: TrainConfig, channels: int, device: torch.device) -> tuple[Part, Part]:
    """Return the training and the validation part with as many colours as the network takes."""
    images_nchw = torch.tensor(data.images_nhw)  # a copy: the shipped digits are read-only
    images_nchw = images_nchw[:, None] if images_nchw.ndim == 3 else images_nchw.permute(0, 3, 1, 2).contiguous()
    if images_nchw.shape[1] == 3 and channels == 1:
        images_nchw = torch.cat([_grey(chunk) for chunk in torch.split(images_nchw, _CHUNK)])
    labels_n = torch.tensor(data.labels_n)
    train, held = (Part(images_nchw[i].to(device), labels_n[i].to(device)) for i in order_of(data, config))
    return train, held


def _grey(images_n3hw: Tensor) -> Tensor:
    luma = torch.tensor(LUMA)[:, None, None]
    return (images_n3hw.float() * luma).sum(1, keepdim=True).round().to(torch.uint8)


def spec_for(config: TrainConfig, data: LabelledImages) -> ModelSpec:
    """Return the network's table entry as this run makes it: the data's classes, pictures and normalisation."""
    spec = registry.get(config.model)
    given = replace(spec.input, resize=0)  # pictures are read as large as the network takes them
    if config.size:
        given = replace(given, height=config.size, width=config.size)
    if config.normalisation == "data":
        mean, std = normalisation(data, config, given.channels)
        given = replace(given, mean=mean, std=std)
    if not spec.gives_picture:
        given = replace(given, preparation="photo" if data.images_nhw.ndim == 4 else "digit")
    return replace(spec, input=given, labels=spec.labels if spec.gives_picture else data.classes)


def normalisation(
    data: LabelledImages, config: TrainConfig, channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each colour over the training part's pixels, in 0..1."""
    part, _ = split(data, config, channels, torch.device("cpu"))
    total = torch.zeros(part.images_nchw.shape[1], dtype=torch.float64)
    squares = total.clone()
    for chunk in torch.split(part.images_nchw, _CHUNK):
        values = chunk.double() / 255
        total += values.sum((0, 2, 3))
        squares += values.square().sum((0, 2, 3))
    count = part.images_nchw[:, 0].numel()
    mean = total / count
    std = (squares / count - mean.square()).clamp(min=1e-12).sqrt().clamp(min=1e-3)  # one flat colour: no division by 0
    return tuple(mean.tolist()) * (channels // len(mean)), tuple(std.tolist()) * (channels // len(mean))


def fingerprint(data: LabelledImages) -> str:
    """Return a SHA-256 of the pictures and their classes: a run that goes on needs the same ones."""
    seen = hashlib.sha256(str((data.images_nhw.shape, data.classes)).encode())
    seen.update(data.labels_n.tobytes())
    seen.update(data.images_nhw.tobytes())
    return seen.hexdigest()


def epoch_order(config: TrainConfig, epoch: int, n: int, device: torch.device) -> Tensor:
    """Return in which order the training part is gone through in an epoch."""
    return torch.randperm(n, generator=generator_for(config.seed, "order", epoch)).to(device)
