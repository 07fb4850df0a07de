"""The layers between which the freeze line can lie, with their numbers of weights. Imports torch only when asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from cnnviz.datasets import registry as datasets
from cnnviz.models import registry
from cnnviz.training.config import PRETRAINED, TrainConfig


@dataclass(frozen=True)
class LayerInfo:
    """A layer with weights.

    Attributes
    ----------
    path
        Its dotted path, which `TrainConfig.freeze` takes.
    parameters
        How many numbers are learned in it. Those that a module holds beside its layers, such as a class token, count
        for the first layer inside: the freeze line cannot part them.
    is_head
        It has one row for each class.
    is_new
        It was made anew for other classes than those of the weights that the run starts from.
    """

    path: str
    parameters: int
    is_head: bool = False
    is_new: bool = False


def frozen_count(layers: Sequence[LayerInfo], path: str) -> int:
    """Return how many layers keep their weights when all up to a path do: a layer's, or that of what layers lie in.

    It is 0 for a path that is none of theirs, and may be all of them, with which no run could learn.
    """
    inside = (i for i, layer in enumerate(layers, 1) if path and f"{layer.path}.".startswith(f"{path}."))
    return max(inside, default=0)


def freeze_fault(layers: Sequence[LayerInfo], path: str) -> str:
    """Return why a run cannot be frozen up to a path, in a sentence; nothing where it can."""
    count = frozen_count(layers, path)
    if path and not count:
        return f"The network has no layer '{path}' to freeze up to. Move the line to choose another one."
    if path and count == len(layers):
        return "With all layers frozen nothing can learn. Leave at least the last layer free."
    return ""


def trainable_layers(config: TrainConfig, classes: int = 0) -> tuple[LayerInfo, ...]:
    """Return the layers with weights of the network that a run trains, in the network's order.

    No weights are loaded. The first call for a network takes some tenths of a second and imports torch: call it in a
    lane's thread.

    Parameters
    ----------
    config
        The run.
    classes
        Number of the data's classes; 0: those that the table of data sets names, else as many as the weights have.

    Raises
    ------
    UserError
        When the file of weights to start from cannot be read, or the network cannot have so many classes.
    """
    own = registry.get(config.model)
    classes = 0 if own.gives_picture else classes or len(datasets.get(config.data).labels)
    layers = _layers(config.model, classes)
    before = _classes_of_start(config)
    if before in (0, classes or before):
        return layers
    return tuple(replace(layer, is_new=layer.is_head) for layer in layers)


def _classes_of_start(config: TrainConfig) -> int:
    """Return how many classes the weights have that the run starts from; 0 where it starts from random ones."""
    from cnnviz.models import guessing

    if not config.start:
        return 0
    if config.start == PRETRAINED:
        return guessing.layout(registry.get(config.model)).classes
    return _classes_in(config.model, Path(config.start), _stamp(Path(config.start)))


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes when a weights file, or the best weights of a run's folder, are written anew."""
    from cnnviz.models.weight_files import BEST

    try:
        facts = (path / BEST if path.is_dir() else path).stat()
    except OSError:
        return ()  # there is none, which reading it says better
    return facts.st_mtime_ns, facts.st_size


@lru_cache(maxsize=8)
def _classes_in(model: str, path: Path, stamp: tuple[int, ...]) -> int:
    """Return how many classes the weights of a file have; it is kept, since all of the file is read."""
    from cnnviz.models import guessing, matching, weight_files

    shapes = {key: tuple(tensor.shape) for key, tensor in weight_files.read(path).tensors.items()}
    return matching.match(shapes, guessing.layout(registry.get(model)), model).classes


@lru_cache(maxsize=32)
def _layers(model: str, classes: int) -> tuple[LayerInfo, ...]:
    """Return the layers of a network with so many classes; 0: with its own."""
    import torch

    from cnnviz.models import guessing
    from cnnviz.models.building import skeleton
    from cnnviz.training.building import fit_classes

    own = registry.get(model)
    network, heads = skeleton(own), guessing.layout(own).heads
    if classes and heads:
        with torch.device("meta"):
            fit_classes(network, own, classes)
    seen: set[int] = set()
    counts: dict[str, int] = {}
    for path, layer in network.named_modules():
        fresh = [p for p in layer.parameters(recurse=False) if id(p) not in seen]
        seen.update(map(id, fresh))
        if fresh:
            counts[path] = sum(p.numel() for p in fresh)
    found, waiting = [], 0
    for path, count in counts.items():
        waiting += count
        if path and not any(other.startswith(f"{path}.") for other in counts):
            found.append(LayerInfo(path, waiting, is_head=path in heads))
            waiting = 0
    return tuple(found)
