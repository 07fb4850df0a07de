"""Networks of the user's own that are programs: a Python file, or a program of torch.export. Opening one runs code."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.core.errors import UserError
from cnnviz.models import class_names, foreign
from cnnviz.models.checkpoints import LoadedWeights
from cnnviz.models.foreign import Shape
from cnnviz.models.registry import ModelSpec
from cnnviz.models.weight_files import check_finite

_SIDES = {1: (28, 32, 64), 3: (224, 32, 64, 96, 128, 299)}
"""Heights and widths to try, by channels, where a file does not say its ``input_shape``."""
_FLAT = {784: (1, 28, 28), 1024: (1, 32, 32), 3072: (3, 32, 32)}
"""Pictures that a first dense layer with so many inputs is made for."""
_ADVICE = "It should define a variable 'model', a function 'build()', or one class of a network without arguments."
_USUAL = ("net", "network", "model", "cnn", "main")
"""What people call the class of the whole network, in small letters and without underscores."""
_RAISED = (Exception, SystemExit, KeyboardInterrupt)
"""What a user's own code may raise; all of it is said and nothing of it ends the program."""


def load(path: Path, classes_path: str | None = None) -> tuple[ModelSpec, LoadedWeights]:
    """Run a file and return the network that it makes. The caller has the user's consent.

    The file runs in this process, to its end: one that never ends, such as an endless loop beside its classes, is
    waited for, since a thread of Python cannot be stopped from outside. Only ending cnnviz helps then.

    Raises
    ------
    UserError
        When the file fails, or makes no network that takes a picture and gives numbers.
    """
    if not path.is_file():
        raise UserError(f"There is no file '{path}'.", suggestion="Check the path; it may have been moved.")
    found: Mapping[str, Any]
    told: Shape | None
    if path.suffix.lower() == ".pt2":
        from cnnviz.models import exported

        module, told = exported.load(path)
        title, found = path.stem, {}
    else:
        found = vars(_run(path))
        module = _network_of(found, path)
        title = type(module).__name__ if type(module).__module__ == _name_for(path) else path.stem
        size = getattr(module, "input_shape", found.get("input_shape"))
        told = None if size is None else foreign.check_sides(size, path.name)
    module = module.float().eval()
    check_finite(path.name, dict(module.named_parameters()))
    shape, outputs = _try(module, told, path.name)
    spec = foreign.spec_for(path, shape, title)
    labels, words = foreign.names_for(path, spec, outputs, class_names.of_dictionary(found), classes_path)
    return spec, LoadedWeights(module, f"as {path.name} makes it; {foreign.words_for(spec)}{words}", labels=labels)


def _run(path: Path) -> ModuleType:
    """Run a Python file; neighbours that it imports are found, and nothing is written beside it."""
    module = ModuleType(_name_for(path))
    module.__file__ = str(path)
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        sys.modules[module.__name__] = module  # dataclasses and pickles look there
        with _neighbours(path.parent):
            exec(code, vars(module))
    except _RAISED as error:
        raise _failed(path, error) from error
    return module


def _name_for(path: Path) -> str:
    return f"cnnviz_file_{path.stem}"


@contextmanager
def _neighbours(folder: Path) -> Iterator[None]:
    """Let a file import its neighbours, as Python does for a script."""
    place = str(folder.resolve())
    sys.path.insert(0, place)
    try:
        yield
    finally:
        if place in sys.path:
            sys.path.remove(place)


def _failed(path: Path, error: BaseException) -> UserError:
    """Say what a file raised, and in which of its lines."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)] or [
        getattr(error, "lineno", None)
    ]
    where = f" in line {lines[-1]}" if lines[-1] else ""
    said = " ".join(str(error).split())
    return UserError(
        f"'{path.name}' failed{where}: {type(error).__name__}{': ' if said else ''}{said}.",
        details="".join(traceback.format_exception(error)),
    )


def _network_of(found: Mapping[str, Any], path: Path) -> nn.Module:
    """Return what a file defines as its network."""
    made = found.get("model")
    if not isinstance(made, nn.Module):
        make = found["build"] if callable(found.get("build")) else _chosen(found, path)
        try:
            with _neighbours(path.parent):
                made = make()
        except _RAISED as error:
            raise _failed(path, error) from error
    if not isinstance(made, nn.Module):
        raise UserError(f"'{path.name}': build() gives a {type(made).__name__}, no network.", suggestion=_ADVICE)
    return made


def _chosen(found: Mapping[str, Any], path: Path) -> type[nn.Module]:
    """Return the class of a file's whole network: the one that no other is made of, or the one that is named so.

    Raises
    ------
    UserError
        When there is none, or more than one may be meant.
    """
    own = [
        value
        for value in found.values()
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == found["__name__"]
        if value.forward is not nn.Module.forward
    ]
    own = list(dict.fromkeys(own))  # one may have two names
    ready = [kind for kind in own if not _required(kind)]
    whole = [kind for kind in ready if not any(_mentions(other, kind) for other in own if other is not kind)] or ready
    names = (path.stem.lower().replace("_", ""), *_USUAL)
    named = [kind for kind in whole if kind.__name__.lower().replace("_", "") in names]
    fitting = whole if len(whole) == 1 else named
    if len(fitting) == 1:
        return fitting[0]
    if ready:
        listed = _listed(fitting or whole)
        last = (fitting or whole)[-1].__name__
        raise UserError(
            f"'{path.name}' defines several networks: {listed}.",
            suggestion=f"Say at its end which one is meant, as in: model = {last}().",
        )
    if own:
        raise UserError(
            f"'{path.name}' defines no network that can be made without arguments: {_listed(own)}.",
            suggestion=f"Make it at the end of the file, as in: model = {own[-1].__name__}(...).",
        )
    raise UserError(f"'{path.name}' defines no network.", suggestion=_ADVICE)


def _listed(kinds: Sequence[type]) -> str:
    """Return the names of some classes, the first few of them."""
    names = [kind.__name__ for kind in kinds]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


_MOST_NAMED = 6


def _mentions(kind: type[nn.Module], other: type[nn.Module]) -> bool:
    """Return whether a class inherits from another one, or the code of its methods names it."""
    methods = [value for value in vars(kind).values() if inspect.isfunction(value)]
    codes = [method.__code__ for method in methods]
    if any(other in (method.__defaults__ or ()) for method in methods):
        return True
    while codes:
        code = codes.pop()
        if other.__name__ in code.co_names:
            return True
        codes += [constant for constant in code.co_consts if inspect.iscode(constant)]
    return issubclass(kind, other)


def _required(kind: type[nn.Module]) -> bool:
    """Return whether a class needs arguments."""
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return any(p.default is p.empty and p.kind in plain for p in inspect.signature(kind).parameters.values())


def _try(module: nn.Module, shape: Shape | None, name: str) -> tuple[Shape, int]:
    """Return the shape of pictures that a network takes, and how many classes it tells apart; 0 where it does not."""
    error: BaseException | None = None
    for tried in [shape] if shape is not None else _shapes(module, name):
        try:
            with torch.no_grad():
                output = module(torch.zeros(1, *tried))
        except _RAISED as raised:  # the user's own code, on a picture that may not fit
            error = error or raised
            continue
        if not isinstance(output, Tensor) or not output.is_floating_point() or output.shape[:1] != (1,):
            raise UserError(
                f"'{name}' gives a {type(output).__name__}; one tensor with a value for each class is needed."
            )
        return tried, foreign.class_count(output.shape)
    text = " or ".join("×".join(map(str, tried)) for tried in ([shape] if shape else _shapes(module, name)))
    raise UserError(
        f"The network in '{name}' cannot take pictures of {text}: {' '.join(str(error).split())[:200]}.",
        suggestion=f"{'Change' if shape else 'Say'} the size in the file: input_shape = (channels, height, width).",
        details=repr(error),
    )


def _shapes(module: nn.Module, name: str) -> list[Shape]:
    """Return the pictures that a network may be for, by its first layer."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and layer.in_channels in _SIDES:
            return [(layer.in_channels, side, side) for side in _SIDES[layer.in_channels]]
        if isinstance(layer, nn.Linear) and layer.in_features in _FLAT:
            return [_FLAT[layer.in_features]]
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            break
    raise UserError(
        f"It is not clear what pictures the network in '{name}' takes.",
        suggestion="Say it in the file: input_shape = (channels, height, width).",
    )
