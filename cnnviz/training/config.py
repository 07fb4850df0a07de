"""What a training run is asked to do: plain data that goes to JSON and back. Imports no torch."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnviz.core.errors import UserError
from cnnviz.datasets import registry as datasets
from cnnviz.datasets.augmentation import Augmentation
from cnnviz.models import registry as models


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes
    ----------
    model, data
        Registry names of the network and the data set.
    epochs
        Times through the training part.
    seed
        Of the first weights, the validation part, the order and the variation of the digits.
    batch_size
        Digits for one step.
    learning_rate
        The highest one: it rises over the first part of the run and falls to nothing at its end.
    weight_decay
        AdamW's pull of the weights to zero.
    validation
        Share of the training part that is not trained on, but chooses the best epoch.
    averaging
        Share of the old average that each step keeps when the weights are averaged over the run's steps; 0: none.
    augmentation
        How much the digits are varied; ``None``: not at all.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    threads
        Torch threads; ``None``: measured on the first batches. Other counts add in another order, so bits differ.

    Raises
    ------
    UserError
        When a value is of the wrong type or outside what is allowed.
    """

    model: str
    data: str = "mnist"
    epochs: int = 30
    seed: int = 0
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    validation: float = 1 / 12
    averaging: float = 0.0
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        models.get(self._text("model"))
        datasets.get(self._text("data"))
        self._text("device")
        for name, least, most in (("epochs", 1, 10_000), ("seed", 0, 2**63 - 1), ("batch_size", 1, 65_536)):
            _check_number(name, getattr(self, name), int, least, most)
        if self.threads is not None:
            _check_number("threads", self.threads, int, 1, 1024)
        for name, low, high in (("learning_rate", 1e-9, 100), ("weight_decay", 0, 10), ("validation", 0.001, 0.9)):
            _check_number(name, getattr(self, name), float, low, high)
        _check_number("averaging", self.averaging, float, 0, 0.99999)
        if self.augmentation is not None:
            for part in dataclasses.fields(Augmentation):
                most = 1 if part.name in ("faint", "clean") else 180 if part.name == "rotation_deg" else 10
                _check_number(f"augmentation.{part.name}", getattr(self.augmentation, part.name), float, 0, most)

    def to_json(self) -> str:
        """Return the configuration as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> TrainConfig:
        """Return the configuration that `to_json` wrote.

        Raises
        ------
        UserError
            When the text is no JSON object, or a field is unknown, missing or wrong; it is named.
        """
        try:
            found = json.loads(text)
        except ValueError as error:
            raise UserError(f"The training configuration is no JSON: {error}.") from error
        if not isinstance(found, dict):
            raise UserError("The training configuration is no JSON object.")
        fields = _known(found, cls, "")
        if "model" not in fields:
            raise UserError("The training configuration has no 'model'.")
        inner = fields.get("augmentation")
        if isinstance(inner, dict):
            fields["augmentation"] = Augmentation(**_known(inner, Augmentation, "augmentation."))
        elif inner is not None:
            raise UserError(f"The training configuration's 'augmentation' is {inner!r}, not an object or null.")
        return cls(**fields)

    def _text(self, name: str) -> str:
        value = getattr(self, name)
        if not isinstance(value, str):
            raise UserError(f"The training configuration's '{name}' is {value!r}, not text.")
        return value


RECIPES: Mapping[str, Mapping[str, Any]] = {
    "lenet5": {},
    "lenet5_original": {},
}
"""What each network's weights that ship were trained with, where it differs from the defaults above."""


def recipe(model: str, **changes: Any) -> TrainConfig:
    """Return the network's own recipe with `changes`; a change of ``None`` is none.

    Raises
    ------
    UserError
        When the network is unknown or a value is wrong.
    """
    models.get(model)
    chosen = {name: value for name, value in changes.items() if value is not None}
    return TrainConfig(model=model, **{**RECIPES.get(model, {}), **chosen})


def _known(found: Mapping[str, Any], cls: type, prefix: str) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(cls)]
    for name in found:
        if name not in names:
            raise UserError(
                f"The training configuration has an unknown field '{prefix}{name}'.",
                suggestion=f"Known fields: {', '.join(names)}.",
            )
    return dict(found)


def _check_number(name: str, value: object, kind: type, least: float, most: float) -> None:
    right = isinstance(value, int) if kind is int else isinstance(value, (int, float))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not right or not math.isfinite(value):
        what = "a whole number" if kind is int else "a number"
        raise UserError(f"The training configuration's '{name}' is {value!r}, not {what}.")
    if not least <= value <= most:
        raise UserError(f"The training configuration's '{name}' is {value}; it must be from {least} to {most}.")
