"""Weights on disk: safetensors and plain state dicts, never code."""

from __future__ import annotations

import importlib
import json
import pickle
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from cnnviz.core import paths
from cnnviz.core.errors import UserError
from cnnviz.models.registry import ModelSpec

PICKLES = (".pt", ".pth", ".th")
BEST = "best.safetensors"
_SHOWN = 3

# What torch and safetensors were seen to raise on damaged files; both walk bytes that may hold anything.
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
    TypeError, ValueError, SafetensorError, struct.error,
)  # fmt: skip


def build(spec: ModelSpec) -> nn.Module:
    """Return the network with fresh, random weights."""
    module, _, function = spec.builder.partition(":")
    network: nn.Module = getattr(importlib.import_module(module), function)()
    return network


def load_model(spec: ModelSpec, weights_path: str | None) -> tuple[nn.Module, str]:
    """Return the network with its weights, and where they come from in a few words.

    Parameters
    ----------
    spec
        Which network.
    weights_path
        A file or a run's folder; ``None`` takes the weights that ship, or random ones where none do.

    Raises
    ------
    UserError
        When the file cannot be read or belongs to another network.
    """
    network = build(spec)
    if weights_path is None:
        if spec.weights is None:
            return network, "random weights"
        path = paths.resources_dir() / "weights" / spec.weights
        note = _card_note(path.with_suffix(".json"))
    else:
        path = Path(weights_path)
        path = path / BEST if (path / BEST).is_file() else path
        note = f"weights of {path.parent.name if path.name == BEST else path.name}"
    fit(network, read_state_dict(path), spec, path.name)
    return network, note


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a weights file by name.

    Wrappers that people save are taken off: a dictionary with ``state_dict`` inside, and ``module.`` before every name.

    Raises
    ------
    UserError
        When the file is missing, is no weights file, is damaged, or would run code.
    """
    name = path.name
    if path.is_dir():
        raise UserError(
            f"'{name}' is a folder without '{BEST}'.", suggestion="Choose a weights file or a run's folder."
        )
    if not path.is_file():
        raise UserError(f"There is no weights file '{path}'.")
    if path.stat().st_size == 0:
        raise UserError(f"The weights file '{name}' is empty.")
    found = _read_pickle(path) if path.suffix.lower() in PICKLES else _read_safetensors(path)
    return _unwrap(found, name)


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    try:
        return load_file(path)
    except _DAMAGE as error:
        raise UserError(
            f"'{path.name}' is damaged or no weights file.",
            suggestion="Weights are .safetensors, .pt, .pth or .th files.",
            details=repr(error),
        ) from error


def _read_pickle(path: Path) -> Mapping[str, Any]:
    try:
        # It stays in place: `warnings.catch_warnings` would swap the filters of all threads.
        warnings.filterwarnings("ignore", message="Detected pickle protocol")
        # Written out: torch's own default can be switched off by an environment variable.
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"'{path.name}' is damaged or holds more than weights, which could run code; it was not opened.",
            suggestion="Save model.state_dict() and open that.",
            details=str(error),
        ) from error
    except _DAMAGE as error:
        raise UserError(f"'{path.name}' is damaged or no weights file.", details=repr(error)) from error
    if not isinstance(found, Mapping):
        raise UserError(f"'{path.name}' holds a {type(found).__name__}, not weights by name.")
    return found


def _unwrap(found: Mapping[str, Any], name: str) -> dict[str, Tensor]:
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(found.get(key), Mapping):
            found = found[key]
    tensors = {str(key): value for key, value in found.items() if isinstance(value, Tensor)}
    if not tensors:
        raise UserError(f"'{name}' holds no weights.")
    if all(key.startswith("module.") for key in tensors):
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    return tensors


def fit(network: nn.Module, tensors: Mapping[str, Tensor], spec: ModelSpec, name: str) -> None:
    """Put weights into a network.

    Raises
    ------
    UserError
        When names or shapes are not those of the network; the first differences are listed.
    """
    own = network.state_dict()
    missing = [f"{key} is missing" for key in own if key not in tensors]
    extra = [f"{key} is not in {spec.name}" for key in tensors if key not in own]
    shapes = [
        f"{key} is {tuple(tensors[key].shape)}, not {tuple(own[key].shape)}"
        for key in own
        if key in tensors and tensors[key].shape != own[key].shape
    ]
    differences = shapes + missing + extra
    if differences:
        more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise UserError(
            f"'{name}' holds the weights of another network than {spec.title}: "
            f"{'; '.join(differences[:_SHOWN])}{more}.",
            suggestion="Choose the network that the file was made for.",
            details="\n".join(differences),
        )
    odd = [key for key, value in tensors.items() if not _is_plain(value) or value.dtype.is_complex]
    if odd:
        raise UserError(f"'{name}' holds weights in a form that cannot be shown: {odd[0]}.")
    if any(not torch.isfinite(value.float()).all() for value in tensors.values() if value.is_floating_point()):
        raise UserError(f"'{name}' holds weights that are not numbers (NaN or infinite).")
    network.load_state_dict(dict(tensors))


def _is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor is an ordinary block of numbers: not sparse, not quantised, not without values."""
    return tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta


def _card_note(card: Path) -> str:
    """Return the card's summary; shipped weights always have one."""
    return str(json.loads(card.read_text(encoding="utf-8"))["summary"])
