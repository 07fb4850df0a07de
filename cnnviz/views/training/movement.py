"""How far a layer's filters moved between two states of a network, and as which pictures they are shown. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core.formats import number
from cnnviz.core.inspection import FloatArray
from cnnviz.training.layers_of import LayerInfo

MOST_FILTERS, MOST_VALUES = 256, 2_000_000


@dataclass(frozen=True, eq=False)
class Movement:
    """A layer's first filters at two steps.

    Attributes
    ----------
    before_nhw, now_nhw, change_nhw
        Pictures (n, kh, kw), or (n, 3, kh, kw) where filters read three colours; the last is the difference.
    before_n, now_n, distance_n
        Euclidean lengths of the filters, and of the difference.
    moved_n
        Whether any number of a filter is another one.
    count
        How many filters the layer has.
    title
        What the pictures are.
    """

    before_nhw: FloatArray
    now_nhw: FloatArray
    change_nhw: FloatArray
    before_n: npt.NDArray[np.float64]
    now_n: npt.NDArray[np.float64]
    distance_n: npt.NDArray[np.float64]
    moved_n: npt.NDArray[np.bool_]
    count: int
    title: str

    @property
    def share_n(self) -> npt.NDArray[np.float64]:
        """How far each filter moved, as a share of its length before; endless where it was 0 and is no more."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share_n = self.distance_n / self.before_n
        return np.where(self.moved_n, share_n, 0.0)

    @property
    def most(self) -> float:
        """The largest weight of both steps: the end of their colour scale."""
        return max(_largest(self.before_nhw), _largest(self.now_nhw)) or 1.0

    @property
    def most_change(self) -> float:
        """The largest difference: the end of its colour scale."""
        return _largest(self.change_nhw) or self.most

    def order(self, *, most_moved_first: bool) -> list[int]:
        """Return the filters' numbers in the order in which they are shown."""
        if not most_moved_first:
            return list(range(len(self.moved_n)))
        return [int(i) for i in np.argsort(-np.nan_to_num(self.share_n, nan=np.inf), kind="stable")]

    def words(self, filter_number: int) -> str:
        """Return what happened to a filter, exactly."""
        i, share = filter_number, self.share_n[filter_number]
        if not self.moved_n[i]:
            return f"Filter {i} did not move: each number is the same, bit for bit; length {number(self.now_n[i], 4)}"
        return (
            f"Filter {i}: length {number(self.before_n[i], 4)} → {number(self.now_n[i], 4)}, "
            f"moved by {number(self.distance_n[i], 3)}, {percent(share)} of its length before"
        )

    def summary(self) -> str:
        """Return what happened to the layer."""
        if not self.moved_n.any():
            return "did not move"
        share_n = self.share_n[np.isfinite(self.share_n)]
        middle = f", median {percent(float(np.median(share_n)))}" if len(share_n) else ""
        return f"{int(self.moved_n.sum()):,} of {len(self.moved_n):,} moved{middle}"


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{number(100 * share, 3)} %" if np.isfinite(share) else number(share)


def weights_of(tensors: Mapping[str, Any], path: str) -> str:
    """Return the name of a layer's weights: its first entry that is a matrix or more; empty where it has none."""
    own = (name for name in (f"{path}.weight", *tensors) if name in tensors and name.rpartition(".")[0] == path)
    return next((name for name in own if len(tensors[name].shape) >= 2), "")


def movable_layers(layers: Sequence[LayerInfo], tensors: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of the layers whose weights can be shown as filters."""
    return tuple(layer.path for layer in layers if weights_of(tensors, layer.path))


def as_array(weights: Any) -> FloatArray:
    """Return weights, a tensor of torch on the CPU or an array, as an array."""
    return np.asarray(weights if isinstance(weights, np.ndarray) else weights.detach().float().numpy(), np.float32)


def movement(before: FloatArray, now: FloatArray, *, reads_colours: bool = False) -> Movement:
    """Return how far the filters moved.

    Parameters
    ----------
    before, now
        Weights of the same shape, the first axis counts filters.
    reads_colours
        Filters with three channels read red, green and blue.
    """
    each = max(1, int(np.prod(before.shape[1:])))
    shown = min(len(before), MOST_FILTERS, max(8, MOST_VALUES // each))
    one, other = before[:shown], now[:shown]
    change = other - one
    shape = " × ".join(map(str, before.shape[1:]))
    title = f"{len(before):,} filters of {shape}" if before.ndim > 2 else f"{len(before):,} rows of {shape} weights"
    pictures, how = _pictures(one, reads_colours=reads_colours)
    return Movement(
        pictures(one), pictures(other), pictures(change), _lengths(one), _lengths(other), _lengths(change),
        np.any((one != other).reshape(shown, -1), axis=1), len(before), f"{title}{how}",
    )  # fmt: skip


def _pictures(weights: FloatArray, *, reads_colours: bool) -> tuple[Any, str]:
    """Return a function that makes weights into pictures, and what it takes of them."""
    if weights.ndim == 4 and reads_colours and weights.shape[1] == 3:
        return (lambda w: w), ", in the colours that they read"
    if weights.ndim == 4 and weights.shape[2] * weights.shape[3] > 1:
        if weights.shape[1] == 1:
            return (lambda w: w[:, 0]), ""
        strongest = np.square(weights).sum((2, 3)).argmax(1)
        return (lambda w: w[np.arange(len(w)), strongest]), ", of each the kernel that was longest"
    side = int(np.ceil(np.sqrt(max(1, int(np.prod(weights.shape[1:]))))))
    return (lambda w: _folded(w.reshape(len(w), -1), side)), ", row by row"


def _folded(rows_nd: FloatArray, side: int) -> FloatArray:
    """Return rows cut into lines of `side` weights; what is left over is no number."""
    lines = -(-rows_nd.shape[1] // side)
    padded = np.full((len(rows_nd), lines * side), np.nan, np.float32)
    padded[:, : rows_nd.shape[1]] = rows_nd
    return padded.reshape(len(rows_nd), lines, side)


def _lengths(weights: FloatArray) -> npt.NDArray[np.float64]:
    flat = weights.reshape(len(weights), -1)
    return np.asarray(np.sqrt(np.einsum("nd,nd->n", flat, flat, dtype=np.float64)), np.float64)


def _largest(values: FloatArray) -> float:
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
