"""Accuracy and loss of weights on a data set's test pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from cnnviz.core import device as devices
from cnnviz.datasets import registry as datasets
from cnnviz.models import checkpoints
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
    loss, accuracy = evaluate_batches(network, images, images if spec.gives_picture else labels, spec.input)
    return Evaluation(accuracy, len(images), loss)
