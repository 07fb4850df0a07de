"""The table of networks: one line each. Imports no torch, so a menu can be built before torch is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnnviz.core.errors import UserError

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class InputSpec:
    """What a network is given.

    Attributes
    ----------
    channels, height, width
        Shape of the input without the batch axis.
    preparation
        ``digit``: centred like MNIST, ink is 1 on 0 and the 28×28 picture is padded with paper to the input's side.
    mean, std
        Normalisation for each channel, applied to values in 0..1.
    """

    channels: int
    height: int
    width: int
    preparation: Literal["digit"]
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
        Class names.
    weights
        File below ``resources/weights`` that ships, or ``None``.
    """

    name: str
    title: str
    summary: str
    builder: str
    input: InputSpec
    labels: tuple[str, ...]
    weights: str | None = None


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
