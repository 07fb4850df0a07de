"""What can be said of a layer's filters by their numbers alone: norms, orientation, likeness, dead and doubled ones.

Filters are (n, channels, kh, kw) throughout. What compares all with all comes in steps, so that a window can take
them between events; memory stays at one normalised copy of the filters and one block of cosines.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

DEAD_SHARE = 0.01
"""A filter is dead by its weights where its norm is below this share of the layer's median norm."""
SAME_COSINE = 0.98
"""Two filters are doubled where the cosine of the angle between them is above this; so they have the same sign."""
ANGLES, FREQUENCIES = 24, 8  # of the polar grid: half a degree for kernels of 5×5 and larger
LEAST_COHERENCE = 1e-3
STEP_VALUES = 4_000_000  # products of one step: a few milliseconds


def norms(filters: FloatArray) -> FloatArray:
    """Return the Euclidean norm of each filter, (n,)."""
    flat = filters.reshape(len(filters), -1)
    return np.asarray(np.sqrt(np.einsum("nd,nd->n", flat, flat)), np.float32)


def kernel_norms(filters_nchw: FloatArray) -> FloatArray:
    """Return the Euclidean norm of each kernel of each filter, (n, channels)."""
    return np.asarray(np.sqrt(np.einsum("nchw,nchw->nc", filters_nchw, filters_nchw)), np.float32)


def dead(length_n: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which filters have a norm below `DEAD_SHARE` of the median; where that is 0, those of norm 0."""
    middle = float(np.median(length_n)) if len(length_n) else 0.0
    return np.asarray((length_n < DEAD_SHARE * middle) | (length_n == 0))


def orientation(filters_nchw: FloatArray) -> tuple[Float64Array, Float64Array]:
    """Return the angle along which each filter changes most, and how clearly it does.

    The structure tensor J = Σ ∇w ∇wᵀ over all cells and channels, whose leading eigenvector is wanted: J. Bigün and
    G. H. Granlund, "Optimal Orientation Detection of Linear Symmetry", ICCV 1987. By Parseval's theorem it is the
    integral of |W(u)|² u uᵀ over all frequencies u, which needs no differences between cells: they would turn the
    angles of small kernels by up to 13°. It is summed on a polar grid inside the circle |u| < ½ cycle a cell, where
    no direction is preferred: with E(θ) = Σ_f f³ Σ_c |W_c(f, θ)|² (two f from the gradient, one from the area),
    angle = ½ arg Σ E(θ) e^(2iθ) and coherence = |Σ E(θ) e^(2iθ)| / Σ E(θ).

    Returns
    -------
    angle
        Degrees, 0 ≤ angle < 180, from the x axis towards the y axis, which points down: the normal of stripes. 0 is a
        filter of vertical stripes. NaN where no direction prevails, as in kernels of 1×1.
    coherence
        0..1: 1 for a single wave, 0 where all directions are alike.
    """
    count, channels, height, width = filters_nchw.shape
    if height * width == 1:
        return np.full(count, np.nan), np.zeros(count)
    kernels = filters_nchw.reshape(count, channels, height * width).astype(np.float32, copy=False)
    gram = np.matmul(kernels.transpose(0, 2, 1), kernels).reshape(count, -1)  # Σ_c w_c w_cᵀ: |W|² is quadratic in w
    angles, energies = _polar_energies(height, width)
    energy = gram.astype(np.float64) @ energies.T  # (n, angles)
    turning = (energy * np.exp(2j * angles)).sum(1)
    total = energy.sum(1)
    coherence = np.abs(turning) / np.where(total > 0, total, 1)
    angle = np.degrees(np.angle(turning)) / 2 % 180
    angle = np.where(180 - angle < 1e-4, 0.0, angle)
    clear = (coherence > LEAST_COHERENCE) & (total > 0)
    return np.where(clear, angle, np.nan), np.where(clear, coherence, 0.0)


@lru_cache(maxsize=16)
def _polar_energies(height: int, width: int) -> tuple[Float64Array, Float64Array]:
    """Return the angles, and for each the matrix that makes its energy of a kernel's products, (angles, (hw)²)."""
    angles = np.arange(ANGLES) * np.pi / ANGLES
    frequencies = (np.arange(FREQUENCIES) + 0.5) / FREQUENCIES / 2
    y, x = (axis.ravel() for axis in np.mgrid[:height, :width])
    along = np.cos(angles)[:, None] * x + np.sin(angles)[:, None] * y
    phase = 2 * np.pi * frequencies[None, :, None] * along[:, None, :]
    waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)  # (angles, 2 frequencies, cells)
    weights = np.concatenate([frequencies**3, frequencies**3])
    return angles, np.einsum("afk,f,afl->akl", waves, weights, waves).reshape(ANGLES, -1)


def _directions(filters: FloatArray) -> FloatArray:
    """Return each filter as a row of length 1; those of norm 0 stay 0."""
    flat = filters.reshape(len(filters), -1)
    length = norms(filters)
    return np.asarray(flat / np.where(length > 0, length, 1)[:, None], np.float32)


def comparisons(filters: FloatArray) -> int:
    """Return how many products it takes to compare all filters with all others."""
    return len(filters) * filters.size


def find_doubled(filters: FloatArray) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield, block after block, the pairs (i, j), i < j, of filters whose cosine is above `SAME_COSINE`."""
    rows = _directions(filters)
    at_once = max(1, STEP_VALUES // max(1, rows.size))
    for first in range(0, len(rows), at_once):
        cosines = rows[first : first + at_once] @ rows[first:].T
        found = np.argwhere(cosines > SAME_COSINE)
        yield tuple((int(i) + first, int(j) + first) for i, j in found if i < j)


def follow_likeness(filters: FloatArray) -> Iterator[int]:
    """Yield the filters so that each is followed by the one most like it of those left, beginning with the strongest.

    The greedy nearest neighbour by cosine. Filters of norm 0 are like nothing and come last.
    """
    rows, length = _directions(filters), norms(filters)
    left = length > 0
    current = int(length.argmax()) if len(length) else 0
    for _ in range(int(left.sum())):
        yield current
        left[current] = False
        likeness = np.where(left, rows @ rows[current], -np.inf)
        current = int(likeness.argmax())
    yield from (int(i) for i in np.flatnonzero(length == 0))


def twins(pairs: tuple[tuple[int, int], ...]) -> dict[int, int]:
    """Return for each doubled filter the lowest numbered one that it is like; for that one, the next."""
    found: dict[int, int] = {}
    for i, j in sorted(pairs):
        found[j] = min(found.get(j, i), i)
        found.setdefault(i, j)
    return found
