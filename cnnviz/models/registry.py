"""The table of networks: one line each. Imports no torch, so a menu can be built before torch is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnnviz.core.errors import UserError
from cnnviz.core.inspection import Preparation

DIGITS = tuple("0123456789")
Labels = tuple[str, ...] | Literal["imagenet"]


@dataclass(frozen=True)
class InputSpec:
    """What a network is given.

    Attributes
    ----------
    channels, height, width
        Shape of the input without the batch axis.
    preparation
        ``digit``: centred like MNIST, ink is 1 on 0 and the 28×28 picture is padded with paper to the input's side.
        ``photo``: red, green and blue; reduced or enlarged until its middle fills the input, as torchvision does it.
    mean, std
        Normalisation for each channel, applied to values in 0..1.
    """

    channels: int
    height: int
    width: int
    preparation: Preparation
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class ModelSpec:
    """A network that cnnviz knows by name.

    Attributes
    ----------
    name, title, summary
        Registry name, name for people, one sentence.
    builder
        ``module:function``; the function takes no arguments and returns an ``nn.Module`` with fresh weights.
    input
        What it is given.
    labels
        Class names, or ``imagenet``: those 1000 that torchvision knows.
    weights
        File below ``resources/weights`` that ships, or ``None``: then the weights are random.
    """

    name: str
    title: str
    summary: str
    builder: str
    input: InputSpec
    labels: Labels
    weights: str | None = None


_PHOTO = InputSpec(3, 224, 224, "photo", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="lenet5",
        title="LeNet-5",
        summary="Two convolutions, two max poolings, three dense layers; ReLU. 28×28 digits.",
        builder="cnnviz.models.lenet:lenet5",
        input=InputSpec(1, 28, 28, "digit", mean=(0.1307,), std=(0.3081,)),
        labels=DIGITS,
        weights="lenet5.safetensors",
    ),
    ModelSpec(
        name="lenet5_original",
        title="LeNet-5 (1998)",
        summary="LeCun's original form: tanh, trainable sub-sampling, partial connections, radial-basis output.",
        builder="cnnviz.models.lenet:lenet5_original",
        input=InputSpec(1, 32, 32, "digit", mean=(0.1307,), std=(0.3081,)),
        labels=DIGITS,
        weights="lenet5_original.safetensors",
    ),
    ModelSpec(
        name="resnet18",
        title="ResNet-18",
        summary="Seventeen convolutions in eight blocks that add to what they are given. 224×224 photographs.",
        builder="cnnviz.models.torchvision_zoo:resnet18",
        input=_PHOTO,
        labels="imagenet",
    ),
    ModelSpec(
        name="vgg16",
        title="VGG-16",
        summary="Thirteen convolutions of 3×3, five max poolings, three dense layers; ReLU. 224×224 photographs.",
        builder="cnnviz.models.torchvision_zoo:vgg16",
        input=_PHOTO,
        labels="imagenet",
    ),
    ModelSpec(
        name="vgg16_bn",
        title="VGG-16 with batch normalisation",
        summary="VGG-16 whose convolutions are each normalised before their ReLU. 224×224 photographs.",
        builder="cnnviz.models.torchvision_zoo:vgg16_bn",
        input=_PHOTO,
        labels="imagenet",
    ),
)


def taking(preparation: Preparation) -> tuple[ModelSpec, ...]:
    """Return the registered networks for digits, or those for photographs."""
    return tuple(spec for spec in MODELS if spec.input.preparation == preparation)


def check_takes_digits(spec: ModelSpec, data: str) -> None:
    """Refuse a network that a data set of digits does not fit.

    Raises
    ------
    UserError
        When the network is for photographs.
    """
    if spec.input.preparation != "digit":
        names = " or ".join(known.name for known in taking("digit"))
        raise UserError(
            f"{spec.title} is for photographs, but '{data}' holds digits.", suggestion=f"Choose {names} for digits."
        )


def get(name: str) -> ModelSpec:
    """Return the registered network called `name`.

    Raises
    ------
    UserError
        When there is none; the sentence lists the known names.
    """
    for spec in MODELS:
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in MODELS)
    raise UserError(f"There is no network called '{name}'.", suggestion=f"Known networks: {known}.")
