"""What the set-up panel's values mean: configurations, texts, presets and the drawn learning rate. No Qt, no torch."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cnnviz.core.errors import UserError
from cnnviz.datasets import registry as datasets
from cnnviz.models import registry as models
from cnnviz.training import runs, schedules
from cnnviz.training.config import PRETRAINED, TrainConfig, default_config
from cnnviz.training.variation import Variation
from cnnviz.views.training.setup_fields import VARIED, Field, Value, Values


def values_of(config: TrainConfig) -> dict[str, Value]:
    """Return a configuration as values by name, those of its variation too."""
    flat = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    varied = dataclasses.asdict(flat.pop("variation"))
    return {**flat, **{f"{VARIED}{name}": value for name, value in varied.items()}}


def config_of(values: Values) -> TrainConfig:
    """Return the configuration of some values.

    Raises
    ------
    UserError
        When they do not go together.
    """
    varied = {name[len(VARIED) :]: value for name, value in values.items() if name.startswith(VARIED)}
    rest = {name: value for name, value in values.items() if not name.startswith(VARIED)}
    return TrainConfig(**rest, variation=Variation(**varied))  # type: ignore[arg-type]


def text_of(field: Field, value: Value) -> str:
    """Return how a number is written."""
    if field.special is not None and value == field.special[0]:
        return field.special[1]
    if field.kind == "whole":
        return str(value)
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def read(field: Field, text: str) -> Value:
    """Return the number that was written.

    Raises
    ------
    UserError
        When it is none, or outside of its limits.
    """
    text = text.strip()
    if field.special is not None and text.casefold() in ("", field.special[1]):
        return int(field.special[0]) if field.kind == "whole" else float(field.special[0])
    word = f", or '{field.special[1]}'" if field.special is not None else ""
    least, most = field.limits
    if field.name == "dropout":
        least = 0.0  # −1 is a word
    try:
        value: int | float
        value = int(text.replace(" ", "")) if field.kind == "whole" else float(text.replace(",", "."))
    except ValueError:
        kind = "a whole number" if field.kind == "whole" else "a number"
        raise UserError(f"{field.label}: '{text}' is not {kind}{word}.") from None
    if not least <= value <= most:
        raise UserError(f"{field.label}: from {least:g} to {most:,.10g}{word}.")
    return value


def stepped(field: Field, value: Value, steps: int) -> Value:
    """Return a number after so many notches of the wheel, within its limits."""
    least, most = field.limits
    if field.kind == "whole":
        turned: int | float = int(value) + steps
    elif most - least <= 1 or field.name in ("variation.mixup",):
        turned = round(float(value) + 0.05 * steps, 10)
    elif most <= 180 and field.name.startswith(VARIED):
        turned = float(value) + steps
    else:
        turned = float(f"{(float(value) or (steps > 0) * 5e-5) * 2.0**steps:.6g}")  # twice, from 0 to a little
    return min(type(turned)(most), max(type(turned)(least), turned))


def with_change(values: Values, name: str, value: Value) -> dict[str, Value]:
    """Return the values with another one, and with what follows from it.

    Other pictures bring their usual variation and validation part unless these were changed; another network has
    other layers and other weights.
    """
    changed = {**values, name: value}
    if name == "model":
        changed |= {"freeze": "", "start": PRETRAINED if values["start"] == PRETRAINED else ""}
    if name == "data" and value != values["data"]:
        before, after = datasets.get(str(values["data"])), datasets.get(str(value))
        was = values_of(default_config("lenet5", before.name))
        now = values_of(default_config("lenet5", after.name))
        changed |= {"data_dir": "", "validation": now["validation"]}
        if _variation(values) == _variation(was) or before.holds != after.holds:
            changed |= _variation(now)
    return changed


def _variation(values: Values) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name.startswith(VARIED)}


@dataclass(frozen=True)
class Preset:
    """Settings to begin with: title, one sentence, and the values that they lead to from those in force."""

    title: str
    sentence: str
    make: Callable[[Values], TrainConfig]


def _own(values: Values) -> TrainConfig:
    return default_config(str(values["model"]), str(values["data"]), str(values["data_dir"]))


def _on(model: str, data: str, **given: Value) -> Callable[[Values], TrainConfig]:
    def make(values: Values) -> TrainConfig:
        folder = str(values["data_dir"]) if values["data"] == data else ""
        return dataclasses.replace(default_config(model, data, folder), **given)  # type: ignore[arg-type]

    return make


PRESETS: tuple[Preset, ...] = (
    Preset("LeNet on digits", "LeNet-5 on the digits that ship with cnnviz.",
           _on("lenet5", "starter")),
    Preset("AlexNet's recipe from the lectures",
           "Momentum 0.9, weight decay 0.0005, rate 0.01, divided by ten when the validation error stops falling.",
           _on("alexnet", "folder")),
    Preset("ResNet-20 on CIFAR-10", "As He et al. trained it, with a shorter schedule.", _on("resnet20", "cifar10")),
    Preset("Transfer learning on your pictures",
           "A ResNet-18 that knows ImageNet; only its last layer learns, on a folder of your own.",
           _on("resnet18", "folder", start=PRETRAINED, freeze="layer4", epochs=5, learning_rate=1e-3)),
    Preset("This network's own recipe",
           "What its shipped weights were made with, on the pictures that are chosen.", _own),
)  # fmt: skip


def preset_of(values: Values) -> int | None:
    """Return which preset the values are, apart from seed and validation part; ``None`` for one's own."""
    apart = ("seed", "validation", "data_dir", "device", "threads", "snapshots_mb")
    for number, preset in enumerate(PRESETS):
        with contextlib.suppress(UserError):  # the network's own recipe, for pictures that it cannot learn from
            wanted = values_of(preset.make(values))
            if all(values[name] == value for name, value in wanted.items() if name not in apart):
                return number
    return None


def rate_curve(config: TrainConfig, batches: int, points: int = 240) -> list[tuple[float, float]]:
    """Return the learning rate over the epochs, as (epochs done, rate)."""
    steps = max(1, config.epochs * batches)
    at = sorted({round(i * (steps - 1) / max(1, points - 1)) for i in range(points)})
    if config.schedule == "step":  # both sides of every fall
        falls = range(config.step_epochs * batches, steps, config.step_epochs * batches)
        at = sorted({*at, *(fall - 1 for fall in falls[:500]), *falls[:500]})
    return [(s / batches, config.learning_rate * schedules.factor(config, s, steps, batches)) for s in at]


def takers() -> dict[str, list[tuple[str, str, str]]]:
    """Return the registered networks by family: name, title and summary of each."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for spec in models.MODELS:
        found.setdefault(spec.family, []).append((spec.name, spec.title, spec.summary))
    return found


LOOKED_AT = ("model", "start", "data", "data_dir", "size", "normalisation", "validation", "pictures", "seed")


def look_key(values: Values) -> tuple[Value, ...]:
    """Return the values that what is seen of the pictures depends on."""
    return tuple(value for name, value in values.items() if name in LOOKED_AT or name.startswith(VARIED))


def name_fault(name: str) -> str:
    """Return why a run cannot be called so, or nothing; no name at all is fine."""
    if not name:
        return ""
    if re.search(r'[\\/:*?"<>|\x00-\x1f]', name) or name.startswith(".") or len(name.encode()) > 200:
        return f"'{name}' cannot be the name of a run: use letters, digits, '-' and '_'."
    if (runs.folder() / name).exists():
        return f"There is a run called '{name}' already."
    return ""


def data_in(folder: Path, data: str) -> str:
    """Return which data set a folder holds, by what lies in it; `data` is the one that is chosen."""
    if (folder / "cifar-10-batches-py").is_dir():
        return "cifar10"
    if any(folder.glob("train-images*idx3-ubyte*")):
        return data if data in ("mnist", "fashion_mnist") else "mnist"
    return "cifar10" if data == "cifar10" and (folder / "train" / "airplane").is_dir() else "folder"


def steps_words(config: TrainConfig, train: int) -> str:
    """Return how many steps a run with so many training pictures has."""
    batches = -(-train // config.batch_size)
    steps = "1 step" if batches == 1 else f"{batches:,} steps"
    return f"{steps} an epoch, {batches * config.epochs:,} in all."


def read_config(path: Path) -> TrainConfig:
    """Return the configuration of a file, in a run's folder or elsewhere.

    Raises
    ------
    UserError
        When it cannot be read, or holds none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The file '{path.name}' cannot be read.", details=repr(error)) from error
    return TrainConfig.from_json(text, path.name)
