"""Labelled pictures as the loop needs them: one tensor in memory, split by a seed, prepared a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cnnviz.core.errors import UserError
from cnnviz.datasets import registry as datasets
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.registry import Part
from cnnviz.models.registry import InputSpec, ModelSpec


@dataclass(frozen=True, eq=False)
class TrainingData:
    """A training and a validation part.

    Attributes
    ----------
    images_nhw, labels_n
        uint8 (N, H, W) and int64 (N,), to train on.
    val_images_nhw, val_labels_n
        The same for validation.
    files
        SHA-256 of the files they come from, by file name.
    """

    images_nhw: Tensor
    labels_n: Tensor
    val_images_nhw: Tensor
    val_labels_n: Tensor
    files: tuple[tuple[str, str], ...] = ()

    def to(self, device: torch.device) -> TrainingData:
        """Return the same data on a device."""
        return TrainingData(
            self.images_nhw.to(device),
            self.labels_n.to(device),
            self.val_images_nhw.to(device),
            self.val_labels_n.to(device),
            self.files,
        )


def load(spec: ModelSpec, name: str, folder: Path | None, part: Part) -> LabelledImages:
    """Return one part of a data set for a network.

    Raises
    ------
    UserError
        When the data set is unknown, cannot be read, or has other classes or larger pictures than the network.
    """
    dataset = datasets.get(name)
    if dataset.labels != spec.labels:
        raise UserError(f"{dataset.title} has other classes than {spec.title}.", suggestion="Choose another data set.")
    found = dataset.load(folder, part)
    height, width = found.images_nhw.shape[1:]
    if spec.input.channels != 1 or height > spec.input.height or width > spec.input.width:
        raise UserError(f"{dataset.title} holds grey pictures of {height} × {width}, which do not fit {spec.title}.")
    return found


def split(found: LabelledImages, validation: float, seed: int) -> TrainingData:
    """Return the pictures in two parts, drawn by the seed.

    Parameters
    ----------
    found
        At least two pictures.
    validation
        Share of them to validate on; at least one goes to each part.
    seed
        Of the draw.
    """
    n = len(found)
    held = min(max(round(n * validation), 1), n - 1)
    order = np.random.default_rng(seed).permutation(n)
    val, train = np.sort(order[:held]), np.sort(order[held:])
    return TrainingData(
        torch.from_numpy(found.images_nhw[train]),
        torch.from_numpy(found.labels_n[train]),
        torch.from_numpy(found.images_nhw[val]),
        torch.from_numpy(found.labels_n[val]),
        found.files,
    )


def to_ink(images_nhw: Tensor, spec: InputSpec) -> Tensor:
    """Return uint8 pictures (N, h, w) as ink in 0..1 (N, 1, H, W), padded with paper to the input's size."""
    height, width = images_nhw.shape[1:]
    top, left = (spec.height - height) // 2, (spec.width - width) // 2
    ink_nhw = images_nhw.float() / 255
    padding = (left, spec.width - width - left, top, spec.height - height - top)
    return functional.pad(ink_nhw, padding)[:, None]  # (N, 1, H, W)


def normalise(ink_nchw: Tensor, spec: InputSpec) -> Tensor:
    """Return the network's input for ink in 0..1; the same numbers as `cnnviz.models.engine.normalise`."""
    mean = torch.tensor(spec.mean, device=ink_nchw.device)[:, None, None]
    std = torch.tensor(spec.std, device=ink_nchw.device)[:, None, None]
    return (ink_nchw - mean) / std
