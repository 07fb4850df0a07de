"""Weights files as they are on disk: safetensors, and state dicts in whatever wrapper people save; never code."""

from __future__ import annotations

import argparse
import json
import math
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from cnnviz.core.errors import UserError
from cnnviz.core.formats import bytes_text
from cnnviz.models import class_names

BEST = "best.safetensors"
_WRAPPERS = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "module",
    "state_dict_ema", "model_ema", "ema_state_dict", "ema", "ema_model",
)  # fmt: skip
"""Under which names people put a state dict into a larger dictionary; the first that holds weights is taken."""
_SAVE = "Where it was made, save model.state_dict() alone and open that."
_AGAIN = "Copy or download it again; if it stays so, save model.state_dict() anew where it was made."
_DEEPEST = 4
_MOST_INFLATED = 20
_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip

# What torch and safetensors were seen to raise on damaged files; both walk bytes that may hold anything.
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
    TypeError, ValueError, SafetensorError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """What was found in a weights file.

    Attributes
    ----------
    name
        Of the file, or of the run whose best weights it holds.
    path
        The file itself.
    tensors
        By name, as the file has them.
    classes
        Class names that the file brings, or ``None``.
    network
        What the file calls its network; empty where it says nothing.
    remarks
        What had to be recognised to find the weights, in a few words each.
    given
        What a run of cnnviz noted of the pictures that its network was given: ``mean``, ``std``, ``height``,
        ``width`` and ``preparation``; empty for other files.
    """

    name: str
    path: Path
    tensors: Mapping[str, Tensor]
    classes: tuple[str, ...] | None = None
    network: str = ""
    remarks: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path) -> WeightsFile:
    """Read a weights file, or the best weights of a run's folder.

    Raises
    ------
    UserError
        When the file is missing, may not be read, is no weights file, is damaged, or would run code.
    """
    try:
        run = path.name if (path / BEST).is_file() else ""
        path = path / BEST if run else path
        name = run or path.name
        if path.is_dir():
            raise UserError(
                f"'{name}' is a folder without '{BEST}'.", suggestion="Choose a weights file or a run's folder."
            )
        if not path.is_file():
            raise UserError(f"There is no weights file '{path}'.", suggestion="Check the path; it may have been moved.")
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise UserError(f"'{path.name}' cannot be read: {error.strerror or error}.", details=repr(error)) from error
    if not head:
        raise UserError(f"The weights file '{path.name}' is empty.", suggestion=_AGAIN)
    if head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
        found = _read_pickle(path)
        try:
            return _of_dictionary(found, path, name)
        except RecursionError as error:
            raise UserError(
                f"'{path.name}' holds values too deep inside one another to be read.",
                suggestion=_SAVE,
                details=repr(error),
            ) from error
    if head[8:9] == b"{":
        return _read_safetensors(path, name)
    raise _no_weights(path, head)


def network_named_in(path: str) -> str:
    """Return what the header of a safetensors file calls its network; empty where it says nothing or cannot be read."""
    try:
        with safe_open(path, framework="pt") as opened:
            told = {key: _json(value) for key, value in (opened.metadata() or {}).items()}
    except _DAMAGE:
        return ""
    return _network_of(told)


def _no_weights(path: Path, head: bytes) -> UserError:
    """Say what a file is that holds no weights, as far as its first bytes tell."""
    suggestion = "Weights are .safetensors, .pt, .pth or .th files."
    if head.startswith(b"version https://git-lfs"):
        return UserError(
            f"'{path.name}' is only a pointer of Git LFS to a weights file.", suggestion="Run 'git lfs pull' first."
        )
    if head.startswith(b"\x89HDF"):
        return UserError(f"'{path.name}' is an HDF5 file, as Keras writes them.", suggestion=suggestion)
    if len(head) > 9 and all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return UserError(f"'{path.name}' is a text file, no weights file.", suggestion=suggestion)
    return UserError(f"'{path.name}' is damaged or no weights file.", suggestion=suggestion)


def _read_safetensors(path: Path, name: str) -> WeightsFile:
    """Read every tensor into memory of its own: a file that is mapped ends the program when its disk goes away."""
    try:
        with safe_open(path, framework="pt") as checked:  # checks the header: sizes, places, no gaps
            metadata = dict(checked.metadata() or {})
        with path.open("rb") as file:
            tensors = dict(_tensors(file))
    except _DAMAGE as error:
        raise UserError(
            f"'{path.name}' is damaged or no weights file.",
            suggestion="Weights are .safetensors, .pt, .pth or .th files.",
            details=repr(error),
        ) from error
    if not tensors:
        raise UserError(f"'{path.name}' holds no weights.", suggestion=_SAVE)
    told = {key: _json(value) for key, value in metadata.items()}
    own = told.get("cnnviz")
    given = own if isinstance(own, dict) else {}
    return _named(WeightsFile(name, path, tensors, class_names.of_dictionary(told), _network_of(told), given=given))


def _tensors(file: BufferedReader) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a safetensors file whose header was checked."""
    (length,) = struct.unpack("<Q", file.read(8))
    for key, entry in json.loads(file.read(length)).items():
        if key == "__metadata__":
            continue
        if entry["dtype"] not in _DTYPES:
            raise UserError(f"'{Path(file.name).name}' holds weights in a form that cannot be shown: {key}.")
        tensor = torch.empty(math.prod(entry["shape"]), dtype=_DTYPES[entry["dtype"]])
        file.seek(8 + length + entry["data_offsets"][0])
        room: Any = tensor.view(torch.uint8).numpy()
        if tensor.numel() and file.readinto(room) != tensor.nbytes:
            raise EOFError(f"the file ends inside {key}")
        yield key, tensor.reshape(entry["shape"])


def _json(text: str) -> Any:
    """Return what metadata says: JSON, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _array(kind: type, shape: tuple[int, ...], name: bytes) -> np.ndarray[Any, Any]:
    """Return the empty array that is filled next."""
    return np.empty(0, np.int8)


def _scalar(dtype: np.dtype[Any], raw: bytes) -> Any:
    return np.frombuffer(raw, dtype, 1)[0]


# What many scripts save beside the weights: settings, paths, numbers and arrays of numpy, under their names of all
# versions. Plain values, nothing that runs. Once and for all threads: lanes may read files at the same time.
_PLAIN: list[Any] = [
    argparse.Namespace,
    np.ndarray,
    np.dtype,
    *(type(np.dtype(code)) for code in "?bhilqBHILQefdSU"),
    *((_array, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *((_scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *((PurePosixPath, f"{module}.PosixPath") for module in ("pathlib", "pathlib._local")),
    *((PureWindowsPath, f"{module}.WindowsPath") for module in ("pathlib", "pathlib._local")),
]
torch.serialization.add_safe_globals(_PLAIN)


def _read_pickle(path: Path) -> Mapping[Any, Any]:
    _refuse_programs(path)
    try:
        # It stays in place: `warnings.catch_warnings` would swap the filters of all threads.
        warnings.filterwarnings("ignore", message="Detected pickle protocol")
        # Written out: torch's own default can be switched off by an environment variable.
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _more_than_weights(path, error) from error
    except _DAMAGE as error:
        raise UserError(
            f"'{path.name}' is damaged or no weights file.", suggestion=_AGAIN, details=repr(error)
        ) from error
    if isinstance(found, (list, tuple)) and any(isinstance(part, Mapping) for part in found):
        return dict(enumerate(found))  # such as (state, settings)
    if not isinstance(found, Mapping):
        raise UserError(
            f"'{path.name}' holds a {type(found).__name__}, not weights by name.",
            suggestion=_SAVE,
        )
    return found


def _more_than_weights(path: Path, error: pickle.UnpicklingError) -> UserError:
    """Say what a file holds beside plain values, as far as torch says it."""
    found = re.search(r"[Gg](?:LOBAL|lobal:?(?: GLOBAL)?) ([\w.]+\.\w+) was not", str(error))
    if found is None:
        sentence = f"'{path.name}' is damaged or holds more than weights, which could run code; it was not opened."
    else:
        what = found[1].removeprefix("__main__.")
        sentence = f"'{path.name}' holds more than weights ({what}), which could run code; it was not opened."
    return UserError(
        sentence,
        suggestion=_SAVE,
        details=str(error),
    )


def _refuse_programs(path: Path) -> None:
    """Say so when a file of torch's is a whole program and no weights."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
            claimed = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # an old file that is no archive; or a damaged one, of which torch says more
    if claimed > _MOST_INFLATED * path.stat().st_size:  # torch does not compress
        size = bytes_text(claimed)
        raise UserError(
            f"'{path.name}' claims to hold {size}, far more than the file; it was not opened.", suggestion=_AGAIN
        )
    if "archive_format" in names:
        raise UserError(
            f"'{path.name}' is a program of torch.export, no weights file.", suggestion="Give it the suffix .pt2."
        )
    if "constants.pkl" in names:
        raise UserError(
            f"'{path.name}' is a TorchScript program, no weights file.",
            suggestion="Save model.state_dict(), or export the network as ONNX.",
        )


def _of_dictionary(found: Mapping[Any, Any], path: Path, name: str) -> WeightsFile:
    """Take the weights out of the dictionaries around them."""
    trail: list[str] = []
    inner: Mapping[Any, Any] = found
    classes, network = class_names.of_dictionary(found), _network_of(found)
    while len(trail) < _DEEPEST and (key := _wrapper(inner)) is not None:
        trail.append(str(key))
        inner = inner[key]
        classes, network = classes or class_names.of_dictionary(inner), network or _network_of(inner)
    tensors = {str(key): _tensor(value) for key, value in inner.items() if _holds_numbers(value)}
    if not tensors:
        raise UserError(f"'{path.name}' holds no weights.", suggestion=_SAVE)
    remarks = (f"found under '{'/'.join(trail)}'",) if trail else ()
    return _named(WeightsFile(name, path, tensors, classes, network, remarks))


def _wrapper(found: Mapping[Any, Any]) -> Any | None:
    """Return the key under which the weights are, or ``None`` where they are here."""
    known: dict[tuple[int, int], int] = {}
    inside = {key: _count(value, known) for key, value in found.items() if isinstance(value, Mapping)}
    inside = {key: count for key, count in inside.items() if count}
    if not inside or max(inside.values()) <= sum(_holds_numbers(value) for value in found.values()):
        return None
    usual = [key for key in _WRAPPERS if key in inside]
    return usual[0] if usual else max(inside, key=lambda key: inside[key])


def _count(found: Mapping[Any, Any], known: dict[tuple[int, int], int], depth: int = 0) -> int:
    """Return how many named tensors there are at most in one dictionary of a nest; an optimiser's have numbers.

    A small file may hold the same dictionary in a million places: what was counted is `known`.
    """
    at = (id(found), depth)
    if at not in known:
        counts = [sum(isinstance(key, str) and _holds_numbers(value) for key, value in found.items())]
        if depth < _DEEPEST:
            counts += [_count(value, known, depth + 1) for value in found.values() if isinstance(value, Mapping)]
        known[at] = max(counts)
    return known[at]


def _holds_numbers(value: Any) -> bool:
    """Return whether a value may be weights: a tensor, or an array of numpy's that does not hold text."""
    return isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.dtype.kind in "fiub")


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    return torch.from_numpy(np.array(value, value.dtype.newbyteorder("="), order="C"))


def _network_of(found: Mapping[Any, Any]) -> str:
    """Return what a dictionary calls the network that its weights are for."""
    own = found.get("cnnviz")
    for value in (own.get("model") if isinstance(own, Mapping) else None, *map(found.get, ("arch", "architecture"))):
        if isinstance(value, str):
            return value
    return ""


def _named(file: WeightsFile) -> WeightsFile:
    """Return the file if it can be used: its weights are plain numbers, one block each."""
    odd = [key for key, tensor in file.tensors.items() if not _is_plain(tensor)]
    if odd:
        raise UserError(
            f"'{file.path.name}' holds weights in a form that cannot be shown: {odd[0]}.",
            suggestion="Save them as plain floating-point numbers, as model.float().state_dict() does.",
        )
    return file


def check_finite(name: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights of which a value is no number.

    Parameters
    ----------
    name
        The file's.
    tensors
        By the names that the file has for them.

    Raises
    ------
    UserError
        When a value is NaN or infinite.
    """
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            low, high = tensor.detach().aminmax()  # as NaN where one is among them, and without a copy
            if not (torch.isfinite(low) and torch.isfinite(high)):
                raise not_numbers(name, key)


def not_numbers(name: str, key: str) -> UserError:
    """Say that a file's tensor holds NaN or infinite values."""
    return UserError(
        f"'{name}' holds weights that are not numbers (NaN or infinite): {key}.",
        suggestion="Training broke down before they were saved; open weights of an earlier epoch.",
    )


def _is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor is an ordinary block of numbers: not sparse, quantised, complex, or without values."""
    return (
        tensor.layout == torch.strided
        and not tensor.is_quantized
        and not tensor.is_meta
        and tensor.dtype in _DTYPES.values()
    )
