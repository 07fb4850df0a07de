"""Kernels with names: what classic image processing used before kernels were learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnviz.core.errors import UserError

Float64Array = npt.NDArray[np.float64]
Pair = tuple[int, int]


@dataclass(frozen=True)
class NamedKernel:
    """A kernel by name: words, and how it is made for a size; those of a fixed size are 3 × 3."""

    name: str
    title: str
    make: Callable[[Pair, float], Float64Array]
    any_size: bool = False


def _fixed(*rows: tuple[float, float, float]) -> Callable[[Pair, float], Float64Array]:
    """Return a maker that puts nine numbers into the middle of a kernel."""

    def make(size: Pair, angle: float) -> Float64Array:
        kernel = np.zeros(size)
        top, left = (size[0] - 3) // 2, (size[1] - 3) // 2
        kernel[top : top + 3, left : left + 3] = rows
        return kernel

    return make


def _identity(size: Pair, angle: float) -> Float64Array:
    kernel = np.zeros(size)
    kernel[(size[0] - 1) // 2, (size[1] - 1) // 2] = 1
    return kernel


def _box(size: Pair, angle: float) -> Float64Array:
    return np.full(size, 1 / (size[0] * size[1]))


def _axes(size: Pair) -> tuple[Float64Array, Float64Array]:
    """Return how far each cell lies below and right of the middle."""
    down, across = (np.arange(n) - (n - 1) / 2 for n in size)
    y, x = np.meshgrid(down, across, indexing="ij")
    return y, x


def _gaussian(size: Pair, angle: float) -> Float64Array:
    """Return a bell whose width is a sixth of the size plus a half; its sum is 1."""
    y, x = _axes(size)
    sigma = [n / 6 + 0.5 for n in size]
    bell = np.exp(-((y / sigma[0]) ** 2 + (x / sigma[1]) ** 2) / 2)
    return np.asarray(bell / bell.sum(), np.float64)


def _gabor(size: Pair, angle: float) -> Float64Array:
    """Return a wave under a bell, with mean 0 (Daugman 1985); the angle is that of the stripes' normal, in degrees."""
    y, x = _axes(size)
    turned = x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))
    sigma, length = max(size) / 5 + 0.3, max(size) / 1.6 + 0.5
    wave = np.exp(-(x * x + y * y) / (2 * sigma * sigma)) * np.cos(2 * np.pi * turned / length)
    return np.asarray(wave - wave.mean(), np.float64)


_TABLE = (
    NamedKernel("identity", "identity", _identity, True),
    NamedKernel("edges_1", "edges: 1 0 −1 / 0 0 0 / −1 0 1", _fixed((1, 0, -1), (0, 0, 0), (-1, 0, 1))),
    NamedKernel("edges_2", "edges: 0 1 0 / 1 −4 1 / 0 1 0", _fixed((0, 1, 0), (1, -4, 1), (0, 1, 0))),
    NamedKernel("edges_3", "edges: −1 all around 8", _fixed((-1, -1, -1), (-1, 8, -1), (-1, -1, -1))),
    NamedKernel("sobel_x", "Sobel, vertical edges", _fixed((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))),
    NamedKernel("sobel_y", "Sobel, horizontal edges", _fixed((-1, -2, -1), (0, 0, 0), (1, 2, 1))),
    NamedKernel("sharpen", "sharpen", _fixed((0, -1, 0), (-1, 5, -1), (0, -1, 0))),
    NamedKernel("box_blur", "blur: box", _box, True),
    NamedKernel("gaussian_blur", "blur: Gaussian", _gaussian, True),
    NamedKernel("emboss", "emboss", _fixed((-2, -1, 0), (-1, 1, 1), (0, 1, 2))),
    NamedKernel("gabor", "Gabor", _gabor, True),
)
KERNELS: dict[str, NamedKernel] = {kernel.name: kernel for kernel in _TABLE}


def kernel(name: str, size: Pair, *, angle: float = 0.0) -> Float64Array:
    """Return a named kernel.

    Parameters
    ----------
    name
        A key of `KERNELS`.
    size
        (kh, kw); a kernel of nine numbers stands in the middle of a larger one, with zeros around it. Even sizes have
        their middle at (k − 1) // 2, as "same" padding puts it.
    angle
        Of a Gabor kernel, in degrees.

    Raises
    ------
    UserError
        When there is no such kernel, or it needs more room.
    """
    named = KERNELS.get(name)
    if named is None:
        raise UserError(f"There is no kernel '{name}'.", suggestion=f"Known: {', '.join(KERNELS)}.")
    least = 1 if named.any_size else 3
    if min(size) < least:
        raise UserError(
            f"The kernel '{named.title}' needs {least} × {least} cells; there are {size[0]} × {size[1]}.",
            suggestion="Choose a larger kernel size.",
        )
    return named.make(size, angle)
