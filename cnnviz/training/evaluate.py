"""Accuracy and loss of weights on a data set's test pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnviz.core import device as devices
from cnnviz.core.errors import UserError
from cnnviz.datasets import registry as datasets
from cnnviz.models import checkpoints
from cnnviz.models.preparation import to_input
from cnnviz.models.registry import ModelSpec
from cnnviz.training.config import check_fits
from cnnviz.training.metrics import evaluate_batches


@dataclass(frozen=True)
class Evaluation:
    """Share of right answers (a fraction), number of pictures, mean cross entropy."""

    accuracy: float
    n: int
    loss: float


def evaluate(
    spec: ModelSpec, weights: str | None, data_name: str, data_dir: str | None, device_name: str = "auto"
) -> Evaluation:
    """Measure a network on the test pictures of a data set.

    Raises
    ------
    UserError
        When the data, the weights or the device cannot be used, or do not belong together.
    """
    check_fits(spec, datasets.get(data_name))
    data = datasets.get(data_name).load(Path(data_dir) if data_dir else None, "test")
    device = devices.choose(device_name)
    network = checkpoints.load_model(spec, weights).module
    network = network.to(device).eval()
    images = torch.from_numpy(data.images_nhw.copy())
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)  # (N, C, H, W)
    images = images.float().div_(255).to(device)
    labels = torch.from_numpy(data.labels_n.copy()).to(device)
    if not spec.gives_picture:
        _check_classes(network, to_input(images[:1], spec.input), len(data.classes), data_name)
    loss, accuracy, _ = evaluate_batches(network, images, images if spec.gives_picture else labels, spec.input)
    return Evaluation(accuracy, len(images), loss)


def _check_classes(network: nn.Module, picture_nchw: Tensor, known: int, data_name: str) -> None:
    """Refuse weights that tell another number of classes apart than the data set has."""
    with torch.inference_mode():
        count = network(picture_nchw).shape[1]
    if count != known:
        raise UserError(
            f"These weights tell {count:,} classes apart, and '{data_name}' has {known:,}: no answer would be right.",
            suggestion="Choose the data set that the weights were trained on.",
        )
