"""A network with weights: those that ship, that were published, or the user's own; never code."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnviz.core import paths
from cnnviz.core.errors import UserError
from cnnviz.core.inspection import Preparation
from cnnviz.models import class_names, guessing, weight_files
from cnnviz.models.building import Weightless, build, seeded, skeleton
from cnnviz.models.matching import Layout, Match, match
from cnnviz.models.registry import MODELS, InputSpec, ModelSpec
from cnnviz.models.sources import RANDOM
from cnnviz.models.weight_files import BEST, WeightsFile

__all__ = ["BEST", "LoadedWeights", "build", "load_guessed", "load_model"]

_SHOWN = 3
_ALIKE = 0.5  # share of names and shapes from which on a network is named as the nearest


@dataclass(frozen=True, eq=False)
class LoadedWeights:
    """A network with its weights.

    Attributes
    ----------
    module
        The network.
    note
        Where the weights come from and what was recognised, in a few words.
    is_random
        Nobody has trained it.
    labels
        Class names that belong to these weights; ``None``: those of the network's own table entry.
    """

    module: nn.Module
    note: str
    is_random: bool = False
    labels: tuple[str, ...] | None = None


def load_model(spec: ModelSpec, weights_path: str | None, classes_path: str | None = None) -> LoadedWeights:
    """Return the network with its weights.

    Parameters
    ----------
    spec
        Which network.
    weights_path
        A file or a run's folder; ``random`` for none; ``None`` takes the weights that ship, else torchvision's
        published ones where they were fetched, else random ones.
    classes_path
        A text file with one class name a line, or an image folder with one sub-folder a class.

    Raises
    ------
    UserError
        When a file cannot be read or belongs to another network.
    """
    if weights_path is None:
        shipped = paths.resources_dir() / "weights" / spec.weights if spec.weights is not None else None
        if shipped is not None and shipped.is_file():
            given = _fit(spec, weight_files.read(shipped), ())
            return replace(given, note=_card_note(shipped.with_suffix(".json")), labels=_own_names(spec, classes_path))
        published = _published(spec)
        if published is not None:
            given = _fit(spec, _read_published(spec, published), ())
            note = f"torchvision's published weights, {published.name}"
            return replace(given, note=note, labels=_own_names(spec, classes_path))
    if weights_path is None or weights_path == RANDOM:
        with seeded():
            network = build(spec)
        return LoadedWeights(network, "random weights", is_random=True, labels=_own_names(spec, classes_path))
    return _fit(spec, weight_files.read(Path(weights_path)), (), classes_path)


def load_guessed(
    weights_path: str, prefer: str = "", classes_path: str | None = None
) -> tuple[ModelSpec, LoadedWeights]:
    """Return the network that a weights file is for, told by names and shapes, with these weights.

    Parameters
    ----------
    weights_path, classes_path
        See `load_model`.
    prefer
        The network to take where several have such weights.

    Raises
    ------
    UserError
        When the file cannot be read or fits no registered network.
    """
    file = weight_files.read(Path(weights_path))
    named = next((spec for spec in MODELS if spec.name == file.network), None)
    if (
        named is not None and "classes" in file.given and _match(named, file).fits
    ):  # our own: no need to look at all the others
        loaded = _fit(named, file, (), classes_path)
        note = (
            f"{file.name}: trained here on {file.given.get('data', 'pictures')}, epoch {file.given.get('epoch', '?')}"
        )
        return replace(named, input=_input_of(named, file)), replace(loaded, note=note)
    best, *others = guessing.guess(file.tensors, (file.network or prefer,))
    if not best.match.fits:
        nearest = f"; the nearest is {best.spec.title}" if best.match.share >= _ALIKE else ""
        raise UserError(
            f"'{file.name}' holds weights of no network that is known here{nearest}: {_first(best.match.differences)}.",
            suggestion="A network of your own can be opened as ONNX, or as a Python file that builds it.",
            details="\n".join(best.match.differences),
        )
    twins = [other.spec.title for other in others if other.match.fits]
    if file.network == best.spec.name:
        said = f"{best.spec.title}, as the file says"
    else:
        said = f"{best.spec.title}{' or '.join(['', *twins])}, told by names and shapes"
    return best.spec, _fit(best.spec, file, (said,), classes_path)


def _input_of(spec: ModelSpec, file: WeightsFile) -> InputSpec:
    """Return what the network is given: its usual pictures, or those that it was trained on by a run of cnnviz."""
    usual, noted = spec.input, file.given
    try:
        mean, std = (tuple(map(float, noted[name])) for name in ("mean", "std"))
        height, width = int(noted["height"]), int(noted["width"])
        kind: Preparation = "photo" if noted["preparation"] == "photo" else "digit"
    except (KeyError, TypeError, ValueError, OverflowError):
        return usual
    if not (len(mean) == len(std) == usual.channels and all(map(math.isfinite, (*mean, *std))) and min(std) > 0):
        return usual
    if not (0 < height <= 4096 and 0 < width <= 4096):
        return usual
    return replace(usual, mean=mean, std=std, height=height, width=width, preparation=kind, resize=0)


def _published(spec: ModelSpec) -> Path | None:
    """Return where torchvision's weights lie in torch's cache."""
    if not spec.is_torchvision:
        return None
    from cnnviz.models import published

    return published.cached_path(spec)


def _read_published(spec: ModelSpec, path: Path) -> WeightsFile:
    try:
        return weight_files.read(path)
    except UserError as error:
        suggestion = f"Fetch them again: cnnviz weights fetch --check {spec.name}."
        raise UserError(error.sentence, suggestion=suggestion, details=error.details) from error


def _fit(spec: ModelSpec, file: WeightsFile, said: tuple[str, ...], classes_path: str | None = None) -> LoadedWeights:
    """Put a file's weights into a network."""
    layout, matched = guessing.layout(spec), _match(spec, file)
    if not matched.fits:
        raise _other_network(spec, file, matched)
    network = skeleton(spec)
    state = _state(network, file, matched)
    _put(network, state, layout, matched)
    if any(tensor.is_meta for tensor in (*network.parameters(), *network.buffers())):
        network = build(spec)  # a table that is in no file, and that the skeleton could not compute
        _put(network, state, layout, matched)
    labels, named = _names(spec, file, matched, classes_path)
    changed = matched.classes != layout.classes
    remarks = [
        *said,
        *_precision(file),
        *([f"{matched.classes:,} classes instead of {layout.classes:,}"] if changed else []),
        *([named] if named else []),
        *file.remarks,
        *matched.remarks,
    ]
    return LoadedWeights(network, "; ".join([f"weights of {file.name}", *remarks]), labels=labels)


def _precision(file: WeightsFile) -> list[str]:
    """Return what is to be said of numbers with fewer bits than they are computed with."""
    least = min((t.dtype.itemsize for t in file.tensors.values() if t.is_floating_point()), default=4)
    return {1: ["8-bit precision"], 2: ["half precision"]}.get(least, [])


def _match(spec: ModelSpec, file: WeightsFile) -> Match:
    """Return how a file's tensors lie upon a network."""
    shapes = {key: tuple(tensor.shape) for key, tensor in file.tensors.items()}
    return match(shapes, guessing.layout(spec), spec.name)


def _state(network: nn.Module, file: WeightsFile, matched: Match) -> dict[str, Tensor]:
    """Return the file's tensors under the network's names and in its own precision, checked."""
    own = network.state_dict()
    state: dict[str, Tensor] = {}
    for key, name in matched.source.items():
        tensor = file.tensors[name]
        if own[key].is_floating_point() and not tensor.is_floating_point():
            raise UserError(
                f"'{file.name}' holds whole numbers where weights belong: {name}.",
                suggestion="Quantised weights cannot be shown; open those from before.",
            )
        state[key] = tensor.detach().to(own[key].dtype).contiguous()
    weight_files.check_finite(file.name, {name: state[key] for key, name in matched.source.items()})
    return state


def _put(network: nn.Module, state: Mapping[str, Tensor], layout: Layout, matched: Match) -> None:
    """Give the network these tensors as its own: there is no second copy of them."""
    for path in matched.without:
        setattr(network, path, None)  # an auxiliary head, which only training asks
    if matched.classes != layout.classes:
        for path in layout.heads:
            if path.partition(".")[0] not in matched.without:
                _resize(network.get_submodule(path), matched.classes)
    given: OrderedDict[str, Tensor] = OrderedDict(network.state_dict())
    given.update(state)
    # Versions of the layers' formats, without which some of them convert what is no longer of an old format.
    given._metadata = getattr(network.state_dict(), "_metadata", None)  # type: ignore[attr-defined]
    network.load_state_dict(given, assign=True)


def _resize(layer: nn.Module, rows: int) -> None:
    """Give the last layer another number of classes; its weights are put into it afterwards."""
    setattr(layer, "out_features" if isinstance(layer, nn.Linear) else "out_channels", rows)
    with Weightless():
        for part in ("weight", "bias"):
            old = getattr(layer, part)
            if isinstance(old, nn.Parameter):
                setattr(layer, part, nn.Parameter(torch.empty(rows, *old.shape[1:])))


def _names(
    spec: ModelSpec, file: WeightsFile, matched: Match, classes_path: str | None
) -> tuple[tuple[str, ...] | None, str]:
    """Return the class names, and where they are from where that is not the table of networks."""
    if not spec.labels:
        return None, ""  # the answer is a picture
    count = matched.classes or _usual_count(spec)
    if classes_path is not None:
        return class_names.asked_names(classes_path, count), f"class names of {Path(classes_path).name}"
    if file.classes is not None and len(file.classes) == count:
        return file.classes, "class names of its own"
    found = class_names.beside(file.path, count)
    if found is not None:
        return found[0], f"class names of {found[1]}"
    return (None, "") if count == _usual_count(spec) else (class_names.numbered(count), "no class names")


def _usual_count(spec: ModelSpec) -> int:
    """Return the number of a network's own classes."""
    return 1000 if spec.labels == "imagenet" else len(spec.labels)


def _own_names(spec: ModelSpec, classes_path: str | None) -> tuple[str, ...] | None:
    """Return the class names that were asked for, for a network with its own number of classes."""
    return None if classes_path is None else class_names.asked_names(classes_path, _usual_count(spec))


def _other_network(spec: ModelSpec, file: WeightsFile, matched: Match) -> UserError:
    best = guessing.guess(file.tensors, (file.network,))[0]
    alike = ""
    if best.match.fits or best.match.share >= max(_ALIKE, matched.share):
        alike = f" (these look like the weights of {best.spec.title})" if best.spec != spec else ""
    return UserError(
        f"'{file.name}' holds the weights of another network than {spec.title}{alike}: {_first(matched.differences)}.",
        suggestion="Choose the network that the file was made for, or open the file without choosing one.",
        details="\n".join(matched.differences),
    )


def _first(differences: tuple[str, ...]) -> str:
    more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return f"{'; '.join(differences[:_SHOWN])}{more}"


def _card_note(card: Path) -> str:
    """Return the card's summary; shipped weights always have one."""
    return str(json.loads(card.read_text(encoding="utf-8"))["summary"])
