"""Torchvision's networks for photographs, with random weights: to look at what depth is made of, not for answers.

The only module that imports torchvision, which takes longer than all of LeNet-5's path: nothing imports it by name
but the table of networks, when one of these is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torchvision.models as zoo
from torch import nn

SEED = 0
"""The weights are random, but the same at every start."""


def resnet18() -> nn.Module:
    """Return ResNet-18; 11,689,512 parameters."""
    with _seeded():
        network: nn.Module = zoo.resnet18(weights=None)
    return network


def vgg16() -> nn.Module:
    """Return VGG-16; 138,357,544 parameters."""
    return _vgg(zoo.vgg16)


def vgg16_bn() -> nn.Module:
    """Return VGG-16 with batch normalisation; 138,365,992 parameters."""
    return _vgg(zoo.vgg16_bn)


def imagenet_labels() -> tuple[str, ...]:
    """Return the names of ImageNet's 1000 classes; torchvision has them without any weights."""
    return tuple(zoo.VGG16_Weights.IMAGENET1K_V1.meta["categories"])


@contextmanager
def _seeded() -> Iterator[None]:
    """Draw the same random numbers every time, and leave the caller's as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        yield


def _vgg(builder: Callable[..., nn.Module]) -> nn.Module:
    """Build a VGG without memory first, then fill it once, by torchvision's own rule.

    Torchvision draws all weights twice, as layers do by themselves and then as VGG does: half of the time is for
    nothing.
    """
    with torch.device("meta"):
        network = builder(weights=None)
    network = network.to_empty(device="cpu")
    with _seeded():
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
