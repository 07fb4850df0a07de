"""Which files hold networks, told by their names alone. Imports no torch."""

from __future__ import annotations

import os
from typing import Literal

Source = Literal["weights", "onnx", "program", "python"]
RANDOM = "random"
"""In place of a path: no weights at all, also where some ship."""

WEIGHTS = (".safetensors", ".pt", ".pth", ".th", ".ckpt", ".bin", ".pth.tar")
_SUFFIXES: dict[str, Source] = {
    **dict.fromkeys(WEIGHTS, "weights"), ".onnx": "onnx", ".pt2": "program", ".py": "python",
}  # fmt: skip
FILTER = (
    f"Networks and weights ({' '.join(f'*{suffix}' for suffix in _SUFFIXES)});;"
    f"Weights ({' '.join(f'*{suffix}' for suffix in WEIGHTS)});;All files (*)"
)
"""For a file dialog."""


def source_of(path: str) -> Source | None:
    """Return what a file holds, by its name: weights, or a whole network; ``None`` where it tells nothing.

    A folder with the best weights of a run in it holds weights.
    """
    name = os.path.basename(path).lower()
    for suffix, source in _SUFFIXES.items():
        if name.endswith(suffix):
            return source
    return "weights" if os.path.isfile(os.path.join(path, "best.safetensors")) else None


def runs_code(path: str) -> bool:
    """Return whether opening a file runs code that is in it."""
    return source_of(path) in ("program", "python")
