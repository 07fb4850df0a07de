"""Torchvision's classifiers by name, with random weights until others are put into them.

The only module that imports torchvision, which takes longer than all of LeNet-5's path: nothing imports it by name
but the table of networks, when one of these is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torchvision.models as zoo
from torch import nn

from cnnviz.models.building import seeded

_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    # Both were trained with another normalisation, which torchvision does inside the network after its own: together
    # they are a mean and a standard deviation of 0.5, which the table of networks has. Drawing their first weights
    # takes half a minute (SciPy's truncated normal); GoogLeNet's published weights come without auxiliary heads.
    "googlenet": {"transform_input": False, "init_weights": False, "aux_logits": False},
    "inception_v3": {"transform_input": False, "init_weights": False},
    "vit_h_14": {"image_size": 518},  # as its weights; the position of each patch is a weight
}


def __getattr__(name: str) -> Callable[[], nn.Module]:
    """Return the builder of a network: torchvision's own, which draws the same random weights every time.

    Raises
    ------
    AttributeError
        When torchvision has no classifier of that name.
    """
    if name.startswith("__") or name not in zoo.list_models(module=zoo):
        raise AttributeError(f"torchvision has no classifier called '{name}'")
    return partial(build, name)


def build(name: str) -> nn.Module:
    """Return a network by torchvision's name, with random weights."""
    builder = partial(zoo.get_model, name, weights=None, **_ARGUMENTS.get(name, {}))
    if name.startswith("vgg") and torch.get_default_device().type == "cpu":
        return _vgg(builder)
    with seeded():
        network: nn.Module = builder()
    return network


def imagenet_labels() -> tuple[str, ...]:
    """Return the names of ImageNet's 1000 classes; torchvision has them without any weights."""
    return tuple(zoo.VGG16_Weights.IMAGENET1K_V1.meta["categories"])


def published_weights(name: str) -> zoo.WeightsEnum:
    """Return which of its published weights a network is given: the first training's where there are several.

    They are those that textbooks quote, and that the table's preparation is for.
    """
    offered = zoo.get_model_weights(name)
    return offered.__members__.get("IMAGENET1K_V1", next(iter(offered)))


def _vgg(builder: Callable[[], nn.Module]) -> nn.Module:
    """Build a VGG without memory first, then fill it once, by torchvision's own rule.

    Torchvision draws all weights twice, as layers do by themselves and then as VGG does: half of the time is for
    nothing.
    """
    with torch.device("meta"):
        network = builder()
    network = network.to_empty(device="cpu")
    with seeded():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
            elif isinstance(module, (nn.Conv2d, nn.Linear)):
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                else:
                    nn.init.normal_(module.weight, 0, 0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
    return network
