"""What a training run is asked to do: plain data that goes to JSON and back. Imports no torch."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnviz.core.errors import UserError
from cnnviz.datasets import registry as datasets
from cnnviz.datasets.registry import DatasetSpec
from cnnviz.models import registry as models
from cnnviz.models.registry import ModelSpec
from cnnviz.training import variation as variations
from cnnviz.training.variation import NONE, Variation

OWN = -1.0
PRETRAINED = "pretrained"
CHOICES: Mapping[str, tuple[str, ...]] = {
    "optimiser": ("adamw", "adam", "sgd", "adadelta", "rmsprop"),
    "schedule": ("one_cycle", "cosine", "step", "plateau", "constant"),
    "loss": ("cross_entropy", "squared_error"),
    "initialisation": ("own", "kaiming", "xavier", "normal", "zeros"),
    "normalisation": ("network", "data"),
    "precision": ("float32", "bfloat16", "float16"),
}
LIMITS: Mapping[str, tuple[float, float]] = {
    "size": (0, 1024),
    "epochs": (1, 10_000),
    "batch_size": (1, 65_536),
    "learning_rate": (1e-9, 100),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 10),
    "warm_up": (0, 1),
    "step_epochs": (1, 10_000),
    "step_factor": (1e-6, 1),
    "label_smoothing": (0, 0.99),
    "dropout": (OWN, 0.99),
    "clip": (0, 1e6),
    "average": (0, 0.99999),
    "validation": (0, 1_000_000),
    "pictures": (0, 100_000_000),
    "seed": (0, 2**63 - 1),
    "threads": (0, 1024),
    "snapshots_mb": (0, 1_000_000),
}


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes
    ----------
    model, data
        Registry names of the network and the data set.
    data_dir
        The folder of a data set that does not ship.
    size
        Side of the pictures that the network is given, in pixels; 0: the network's own.
    normalisation
        ``network``: the mean and deviation that the network's table entry has; ``data``: those of the training part.
    variation
        How pictures are varied.
    epochs
        Times through the training part.
    batch_size
        Pictures for one step.
    learning_rate
        The highest one.
    schedule, warm_up, step_epochs, step_factor
        How the rate changes, see `cnnviz.training.schedules`: the share of the run in which it rises, and for ``step``
        and ``plateau`` by what it is multiplied, every so many epochs or after so many without progress.
    optimiser
        ``adamw``, ``adam``, ``sgd`` (steepest descent with momentum), ``adadelta`` or ``rmsprop``.
    momentum, nesterov
        Of ``sgd`` and ``rmsprop``: the share of the last step that the next one keeps; and whether the gradient is
        taken where that share leads to (``sgd`` only).
    weight_decay
        The optimiser's pull of the weights to zero.
    clip
        Longest gradient over all weights together; a longer one is shortened to it. 0: none is.
    loss
        ``cross_entropy``, or ``squared_error`` of the probabilities.
    label_smoothing
        Share of the target that is spread over all classes.
    dropout
        Share of the values that dropout layers drop; -1: as the network has it.
    initialisation
        First weights of convolutions and dense layers: the network's ``own``, ``kaiming``, ``xavier``, ``normal``
        (deviation 0.01, as AlexNet) or ``zeros``.
    average
        Share of the old average that each step keeps when the weights are averaged over the steps; 0: no average.
    precision
        Of the products in layers: ``float32``, ``bfloat16`` or, on a GPU, ``float16``; weights and sums stay float32.
    validation
        Pictures that are not trained on but choose the best epoch; 0: the last epoch is the best.
    pictures
        Pictures that are trained on at most, drawn by the seed; 0: all that are not set aside.
    seed
        Of the first weights, the validation part, the order and the variation of the pictures.
    threads
        Torch threads; 0: measured on the first batch. Other counts add in another order, so the last bits differ.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    start
        Weights to start from: a file or a run's folder, or ``pretrained``: those that ship or were fetched; empty:
        random ones. A last layer for other classes is made anew.
    freeze
        A layer's path: it and all before it keep their weights; empty: all learn.
    snapshots_mb
        Room for the recorded steps, in megabytes; 0: nothing is recorded.

    Raises
    ------
    UserError
        When a value is of the wrong type or outside what is allowed.
    """

    model: str
    data: str = "starter"
    data_dir: str = ""
    size: int = 0
    normalisation: str = "network"
    variation: Variation = NONE
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 3e-3
    schedule: str = "one_cycle"
    warm_up: float = 0.2
    step_epochs: int = 10
    step_factor: float = 0.1
    optimiser: str = "adamw"
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 0.01
    clip: float = 0.0
    loss: str = "cross_entropy"
    label_smoothing: float = 0.0
    dropout: float = OWN
    initialisation: str = "own"
    average: float = 0.0
    precision: str = "float32"
    validation: int = 5000
    pictures: int = 0
    seed: int = 0
    threads: int = 0
    device: str = "auto"
    start: str = ""
    freeze: str = ""
    snapshots_mb: int = 200

    def __post_init__(self) -> None:
        _refuse(_faults(vars(self), TrainConfig) + _faults(vars(self.variation), Variation))
        check_fits(models.get(self.model), datasets.get(self.data))

    @property
    def picture_side(self) -> int:
        """Side to which pictures of any size are brought when they are read."""
        return self.size or models.get(self.model).input.height

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
            where = f"Line {error.lineno} is no JSON." if isinstance(error, json.JSONDecodeError) else ""
            raise UserError(f"'{name}' is no training configuration.", suggestion=where, details=repr(error)) from error
        if not isinstance(found, dict):
            raise UserError(f"'{name}' is no training configuration.", suggestion="It must be a JSON object.")
        varied = found.get("variation", {})
        if not isinstance(varied, dict):
            raise UserError(f"The training setting 'variation' is {varied!r}; it must be an object with its kinds.")
        faults = _faults(found, cls) + _faults(varied, Variation)
        if "model" not in found:
            faults.insert(0, f"'{name}' names no 'model'.")
        _refuse(faults, _unknown(found, cls) + _unknown(varied, Variation), name)
        return cls(**{**found, "variation": Variation(**varied)} if "variation" in found else found)


def _unknown(found: Mapping[str, object], kind: type[Any]) -> list[tuple[str, str]]:
    """Return the fields that a record does not have, each with what may be meant."""
    names = [field.name for field in dataclasses.fields(kind)]
    wrong = [key for key in found if key not in names]
    near = {key: difflib.get_close_matches(key, names, 1) for key in wrong}
    return [(key, f"'{near[key][0]}' may be meant." if near[key] else f"Known: {', '.join(names)}.") for key in wrong]


def _refuse(faults: Sequence[str], unknown: Sequence[tuple[str, str]] = (), name: str = "") -> None:
    """Raise all that is wrong in one error, so that a file need not be mended and tried again for each."""
    if unknown:
        fields = "the unknown field" + ("s" if len(unknown) > 1 else "")
        faults = [f"'{name}' has {fields} {' and '.join(repr(key) for key, _ in unknown)}.", *faults]
    if faults:
        raise UserError(" ".join(faults), suggestion=" ".join(dict.fromkeys(meant for _, meant in unknown)))


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
    "alexnet": {
        "epochs": 90, "batch_size": 128, "optimiser": "sgd", "nesterov": False, "learning_rate": 0.01,
        "weight_decay": 5e-4, "schedule": "plateau", "warm_up": 0.0,
    },
}  # fmt: skip
"""What each network is trained with where it differs from the defaults of `TrainConfig`.

AlexNet's is that of its paper (Krizhevsky et al., 2012, section 5) and the lectures: v ← 0.9 v − 0.0005 ε w − ε ∂L/∂w,
ε = 0.01, divided by ten when the validation error stops falling.
"""

_TOGETHER: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("lenet5", "starter"): {"epochs": 40, "learning_rate": 5e-3, "average": 0.995},
}
"""What a network is trained with on one data set. 5,000 digits are enough for 98.8 % in a minute on one core."""

_FEW: Mapping[str, Mapping[str, Any]] = {"starter": {"validation": 500}, "folder": {"validation": 0}}
"""What a smaller data set changes; of a folder a tenth is set aside once it was counted."""


def check_fits(model: ModelSpec, data: DatasetSpec) -> None:
    """Refuse a network that answers with a picture for data that it cannot draw.

    All others take any data: pictures are fitted to the network's input, and its last layer to the classes.

    Raises
    ------
    UserError
        When they do not belong together.
    """
    if model.gives_picture and data.holds != "digit":
        fitting = [m.name for m in models.taking("photo")][:3]
        raise UserError(
            f"{model.title} draws digits, but '{data.name}' holds photographs.",
            suggestion=f"Choose another network, such as {', '.join(fitting)}.",
        )


def default_config(model: str, data: str, data_dir: str = "") -> TrainConfig:
    """Return the network's own recipe, which its shipped weights were made with.

    Raises
    ------
    UserError
        When the network or the data set is unknown.
    """
    models.get(model)
    varied = variations.usual(datasets.get(data).holds)
    given = {"variation": varied, "data_dir": data_dir, **_RECIPES.get(model, {}), **_FEW.get(data, {})}
    given |= _TOGETHER.get((model, data), {})
    return TrainConfig(model, data, **given)


def _faults(found: Mapping[str, object], kind: type[Any]) -> list[str]:
    """Return a sentence for each field of a record whose value is wrong."""
    limits, prefix = (variations.LIMITS, "variation.") if kind is Variation else (LIMITS, "")
    fields = [field for field in dataclasses.fields(kind) if field.name in found and field.name != "variation"]
    faults = [_fault(field.name, str(field.type), found[field.name], limits, prefix) for field in fields]
    return [fault for fault in faults if fault]


def _fault(name: str, kind: str, value: object, limits: Mapping[str, tuple[float, float]], prefix: str) -> str:
    """Return a sentence when a field's value is not of its kind or not within its limits; else nothing."""
    words = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    right = {
        "int": number and isinstance(value, int),
        "float": number,
        "str": isinstance(value, str),
        "bool": isinstance(value, bool),
    }
    said = f"The training setting '{prefix}{name}' is"
    if not right[kind]:
        return f"{said} {value!r}; it must be {words[kind]}."
    if name in CHOICES and value not in CHOICES[name]:
        return f"{said} '{value}'; it must be {', '.join(CHOICES[name][:-1])} or {CHOICES[name][-1]}."
    if isinstance(value, (int, float)) and name in limits:
        least, most = limits[name]
        if not least <= value <= most:  # not a number is not, either
            return f"{said} {value}; it must be from {least:,} to {most:,}."
    return ""
