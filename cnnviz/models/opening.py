"""From what was asked for to a network: a registered one, one guessed from its weights, or a whole program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz.core.errors import UserError
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import checkpoints, registry
from cnnviz.models.checkpoints import LoadedWeights
from cnnviz.models.registry import ModelSpec
from cnnviz.models.sources import runs_code, source_of

if TYPE_CHECKING:
    from cnnviz.models.onnx_network import OnnxNetwork


def open_onnx(request: ModelRequest) -> OnnxNetwork | None:
    """Return the network of a request whose file is ONNX; ``None`` where it is not.

    It is from now on registered under the request's name.

    Raises
    ------
    UserError
        When the file cannot be used.
    """
    path = request.weights_path
    if path is None or source_of(path) != "onnx":
        return None
    _check_whole(request.name, path)
    from cnnviz.models import onnx_network

    network = onnx_network.load(Path(path), request.classes_path)
    registry.remember(request.name, network.spec)
    return network


def open_module(request: ModelRequest) -> tuple[ModelSpec, LoadedWeights]:
    """Return the network that a request names or whose file it names, as a module with weights.

    A network from a file is from now on registered under the request's name.

    Raises
    ------
    UserError
        When there is no such network, its file cannot be used, or it runs code and nobody allowed that.
    """
    path = request.weights_path
    source = source_of(path) if path is not None else None
    if path is None or source in (None, "weights"):
        if path is None or not registry.is_file(request.name):
            spec = registry.get(request.name)
            return spec, checkpoints.load_model(spec, path, request.classes_path)
        spec, loaded = checkpoints.load_guessed(path, request.prefer, request.classes_path)
    else:
        _check_whole(request.name, path)
        if runs_code(path) and not request.trusted:
            raise UserError(
                f"'{Path(path).name}' was not opened, because opening it runs code from this file.",
                suggestion="Only open files that you trust: open it again and agree, or give --trust on the command"
                " line.",
            )
        from cnnviz.models import programs

        spec, loaded = programs.load(Path(path), request.classes_path)
    registry.remember(request.name, spec)
    return spec, loaded


def _check_whole(name: str, path: str) -> None:
    """Refuse a whole network where weights for a registered one were asked for."""
    if not registry.is_file(name):
        raise UserError(
            f"'{Path(path).name}' is a whole network, no weights for {registry.get(name).title}.",
            suggestion="Open it without choosing a network.",
        )
