"""What a training run is asked to do: plain data that goes to JSON and back. Imports no torch."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnviz.core.errors import UserError
from cnnviz.datasets import registry as datasets
from cnnviz.datasets.registry import DatasetSpec
from cnnviz.models import registry as models
from cnnviz.models.registry import ModelSpec

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "optimiser": ("adamw", "sgd"),
    "precision": ("float32", "bfloat16"),
}
_LIMITS: Mapping[str, tuple[float, float]] = {
    "epochs": (1, 10_000),
    "batch_size": (1, 65_536),
    "learning_rate": (1e-9, 100),
    "weight_decay": (0, 10),
    "label_smoothing": (0, 0.99),
    "average": (0, 0.99999),
    "validation": (0, 1_000_000),
    "seed": (0, 2**63 - 1),
    "threads": (0, 1024),
}


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes
    ----------
    model, data
        Registry names of the network and the data set.
    epochs
        Times through the training part.
    batch_size
        Pictures for one step.
    learning_rate
        The highest one: it rises over the first part of the run and falls to nothing at its end.
    optimiser
        ``adamw``, or ``sgd``: steepest descent with Nesterov's momentum of 0.9.
    weight_decay
        The optimiser's pull of the weights to zero.
    label_smoothing
        Share of the target that is spread over all classes.
    average
        Share of the old average that each step keeps when the weights are averaged over the steps; 0: no average.
    augment
        Whether the pictures are varied: digits bent and drawn with other pens, photographs shifted and mirrored.
    precision
        Of the products in layers: ``float32``, or ``bfloat16`` where the processor is quicker with it; weights and
        sums stay float32.
    validation
        Pictures that are not trained on but choose the best epoch; 0: the last epoch is the best.
    seed
        Of the first weights, the validation part, the order and the variation of the pictures.
    threads
        Torch threads; 0: measured on the first batch. Other counts add in another order, so the last bits differ.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    start
        Weights to start from: a file or a run's folder; empty: random ones.

    Raises
    ------
    UserError
        When a value is of the wrong type or outside what is allowed.
    """

    model: str
    data: str = "starter"
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 3e-3
    optimiser: str = "adamw"
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    average: float = 0.0
    augment: bool = True
    precision: str = "float32"
    validation: int = 5000
    seed: int = 0
    threads: int = 0
    device: str = "auto"
    start: str = ""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field.name, str(field.type), getattr(self, field.name))
        check_fits(models.get(self.model), datasets.get(self.data))

    def to_json(self) -> str:
        """Return the configuration as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str) -> TrainConfig:
        """Return the configuration that `to_json` wrote.

        Parameters
        ----------
        text
            The JSON text.
        name
            Where it comes from, for the sentence of an error.

        Raises
        ------
        UserError
            When the text is no JSON object, or a field is unknown, missing or wrong; it is named.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"'{name}' is no training configuration.", details=repr(error)) from error
        if not isinstance(found, dict):
            raise UserError(f"'{name}' is no training configuration.", details="It is no JSON object.")
        names = [field.name for field in dataclasses.fields(cls)]
        unknown = [key for key in found if key not in names]
        if unknown:
            raise UserError(f"'{name}' has the unknown field '{unknown[0]}'.", suggestion=f"Known: {', '.join(names)}.")
        if "model" not in found:
            raise UserError(f"'{name}' names no 'model'.")
        return cls(**found)


_RESIDUAL = {
    "epochs": 24, "batch_size": 128, "optimiser": "sgd", "learning_rate": 0.3, "weight_decay": 5e-4, "average": 0.999,
    "precision": "bfloat16",
}  # fmt: skip
_RECIPES: Mapping[str, Mapping[str, Any]] = {
    "lenet5": {"epochs": 40, "batch_size": 64, "average": 0.9995},
    "lenet5_original": {},
    **{f"{kind}{depth}": _RESIDUAL for kind in ("resnet", "plain") for depth in (20, 32, 44, 56)},
    "autoencoder": {"epochs": 20, "batch_size": 64, "average": 0.999},
    "unet": {"epochs": 8, "batch_size": 64, "average": 0.999},
    "vgg_small": {**_RESIDUAL, "learning_rate": 0.1},
    "network_in_network": {**_RESIDUAL, "learning_rate": 0.02, "weight_decay": 1e-4, "epochs": 60},
}
"""What each network is trained with where it differs from the defaults of `TrainConfig`."""

_FEW: Mapping[str, Mapping[str, Any]] = {"starter": {"validation": 500}}
"""What a smaller data set changes."""


def check_fits(model: ModelSpec, data: DatasetSpec) -> None:
    """Refuse a network and a data set that do not belong together.

    Raises
    ------
    UserError
        When one is for digits and the other for photographs, or their classes are not as many.
    """
    if model.input.preparation != data.holds:
        kinds = {"digit": "digits", "photo": "photographs"}
        fitting = [m.name for m in models.taking(data.holds) if len(m.labels) == len(data.labels)]
        raise UserError(
            f"{model.title} is for {kinds[model.input.preparation]}, but '{data.name}' holds {kinds[data.holds]}.",
            suggestion=f"Choose {' or '.join(fitting)} for {kinds[data.holds]}.",
        )
    if model.gives_picture:
        return
    count = 1000 if model.labels == "imagenet" else len(model.labels)
    if count != len(data.labels):
        raise UserError(f"{model.title} tells {count:,} classes apart, but '{data.name}' has {len(data.labels)}.")


def default_config(model: str, data: str) -> TrainConfig:
    """Return the network's own recipe, which its shipped weights were made with.

    Raises
    ------
    UserError
        When the network or the data set is unknown.
    """
    models.get(model)
    return TrainConfig(model, data, **{**_RECIPES.get(model, {}), **_FEW.get(data, {})})


def _check(name: str, kind: str, value: object) -> None:
    """Raise a sentence when a field's value is not of its kind or not within its limits."""
    words = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    right = {
        "int": number and isinstance(value, int),
        "float": number,
        "str": isinstance(value, str),
        "bool": isinstance(value, bool),
    }
    if not right[kind]:
        raise UserError(f"The training setting '{name}' is {value!r}; it must be {words[kind]}.")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise UserError(f"The training setting '{name}' is '{value}'; it must be {' or '.join(_CHOICES[name])}.")
    if isinstance(value, (int, float)) and name in _LIMITS:
        least, most = _LIMITS[name]
        if not math.isfinite(value) or not least <= value <= most:
            raise UserError(f"The training setting '{name}' is {value}; it must be from {least:,} to {most:,}.")
