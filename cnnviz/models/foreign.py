"""What cnnviz assumes of a network that it does not know: how big its pictures are, and how they are normalised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnviz.core.errors import UserError
from cnnviz.models import class_names
from cnnviz.models.class_names import asked_names
from cnnviz.models.registry import InputSpec, ModelSpec, get

Shape = tuple[int, int, int]

_LIKE = {1: "lenet5", 3: "resnet18"}
"""By channels: the registered network whose pictures are prepared in the same way."""
FAMILY = "From files"
IMAGENET = 1000


def usual_side(channels: int, name: str) -> int:
    """Return the height and width of a network's pictures where the network leaves them open.

    Raises
    ------
    UserError
        When pictures have not so many channels.
    """
    return _input_like(channels, name).height


def spec_for(path: Path, shape: Shape, title: str) -> ModelSpec:
    """Return the table entry of a network from a file.

    Parameters
    ----------
    path
        The file; its name is the network's.
    shape
        (C, H, W) of its input.
    title
        What it is called.

    Raises
    ------
    UserError
        When pictures have not so many channels.
    """
    channels, height, width = shape
    like = _input_like(channels, path.name)
    resize = like.resize if (height, width) == (like.height, like.width) else 0
    given = InputSpec(
        channels, height, width, like.preparation, like.mean, like.std, resize=resize, interpolation=like.interpolation
    )
    summary = f"A network from the file {path.name}. {height}×{width} {_pictures(given)}."
    return ModelSpec(path.name, title, summary, "", given, (), None, FAMILY)


def words_for(spec: ModelSpec) -> str:
    """Return what is assumed of a network's pictures, in a few words."""
    data = "MNIST" if spec.input.preparation == "digit" else "ImageNet"
    return f"{spec.input.height}×{spec.input.width} {_pictures(spec.input)} normalised as for {data}"


def names_for(
    path: Path, spec: ModelSpec, count: int, own: tuple[str, ...] | None, classes_path: str | None = None
) -> tuple[tuple[str, ...], str]:
    """Return the names of a network's classes, and where they are from in a few words.

    Parameters
    ----------
    path, spec
        The file, and its table entry.
    count
        Number of classes; 0 where the answer is a picture.
    own
        What the file itself says.
    classes_path
        What the user says.

    Raises
    ------
    UserError
        When the user's are not as many.
    """
    if not count:
        return (), ""
    if classes_path is not None:
        return asked_names(classes_path, count), f"; class names of {Path(classes_path).name}"
    if own is not None and len(own) == count:
        return own, "; class names of its own"
    beside = class_names.beside(path, count)
    if beside is not None:
        return beside[0], f"; class names of {beside[1]}"
    like = get(_LIKE[spec.input.channels])
    if like.labels != "imagenet" and count == len(like.labels):
        return like.labels, "; its classes are taken for the digits"
    if like.labels == "imagenet" and count == IMAGENET:
        from cnnviz.models.torchvision_zoo import imagenet_labels  # torchvision is slow to import

        return imagenet_labels(), "; its classes are taken for ImageNet's"
    return class_names.numbered(count), ""


def class_count(shape: Sequence[int]) -> int:
    """Return how many classes an answer (1, K) or (1, K, 1, 1) tells apart; 0 where it is a picture."""
    return int(shape[1]) if len(shape) > 1 and all(n == 1 for n in shape[2:]) else 0


def check_sides(shape: Any, name: str) -> Shape:
    """Return a shape as (C, H, W).

    Raises
    ------
    UserError
        When it is no picture's.
    """
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if len(sizes) != 3 or not all(isinstance(n, int) and 1 <= n <= _MOST for n in sizes):
        text = "×".join(str(n) for n in sizes) or "nothing"
        raise UserError(f"'{name}' takes an input of {text}, which is no picture (channels, height, width).")
    channels, height, width = (int(n) for n in sizes)
    _input_like(channels, name)
    return channels, height, width


_MOST = 4096


def _input_like(channels: int, name: str) -> InputSpec:
    if channels not in _LIKE:
        raise UserError(
            f"The network in '{name}' takes pictures with {channels} channels;"
            " 1 (digits) and 3 (photographs) can be shown."
        )
    return get(_LIKE[channels]).input


def _pictures(given: InputSpec) -> str:
    return "digits" if given.preparation == "digit" else "photographs"
