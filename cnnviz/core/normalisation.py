"""Normalisation layers and dropout as PyTorch computes them, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core.errors import UserError

Array = npt.NDArray[Any]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """The four numbers of each channel, float64 (C,) each, and what keeps the root away from 0.

    Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 1: y = γ (x − μ) / √(σ² + ε) + β.
    """

    mean: Float64Array
    var: Float64Array
    gamma: Float64Array
    beta: Float64Array
    eps: float = 1e-5

    def of(self, channel: int) -> BatchNorm:
        """Return the numbers of one channel."""
        pick = slice(channel, channel + 1)
        return BatchNorm(self.mean[pick], self.var[pick], self.gamma[pick], self.beta[pick], self.eps)


def batch_norm(x_chw: Array, numbers: BatchNorm) -> Float64Array:
    """Return the normalised maps (C, H, W)."""
    mean, var, gamma, beta = (
        a[:, None, None] for a in (numbers.mean, numbers.var, numbers.gamma, numbers.beta)
    )  # fmt: skip
    return np.asarray((x_chw.astype(np.float64) - mean) / np.sqrt(var + numbers.eps) * gamma + beta, np.float64)


def batch_statistics(x_chw: Array) -> tuple[Float64Array, Float64Array]:
    """Return mean and variance (over all cells, not a sample's) of each map of one picture, (C,) each."""
    flat = x_chw.reshape(len(x_chw), -1).astype(np.float64)
    return flat.mean(axis=1), flat.var(axis=1)


@dataclass(frozen=True)
class BatchNormStep:
    """One value's way: less the mean, over the root, times γ, plus β."""

    value: float
    centred: float
    std: float
    normalised: float
    gamma: float
    beta: float
    result: float


def bn_step(value: float, numbers: BatchNorm, channel: int) -> BatchNormStep:
    """Return one value's way through batch normalisation; `std` is √(σ² + ε)."""
    std = float(np.sqrt(numbers.var[channel] + numbers.eps))
    centred = value - float(numbers.mean[channel])
    gamma, beta = float(numbers.gamma[channel]), float(numbers.beta[channel])
    return BatchNormStep(value, centred, std, centred / std, gamma, beta, centred / std * gamma + beta)


def _neighbours(channel: int, channels: int, size: int) -> range:
    """Return the channels around one; of an even number the one more stands before it, as in PyTorch."""
    if size < 1:
        raise UserError(f"The number of neighbouring channels is {size}; it must be at least 1.")
    return range(max(0, channel - size // 2), min(channels, channel + (size - 1) // 2 + 1))


def local_response_norm(x_chw: Array, size: int, alpha: float, beta: float, k: float) -> Float64Array:
    """Return each value over (k + α/size · sum of squares over `size` neighbouring channels) to the power β.

    Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section
    3.3; PyTorch divides α by the size.

    Raises
    ------
    UserError
        When the size is below 1.
    """
    x = x_chw.astype(np.float64)
    squares = x * x
    result = np.empty(x.shape)
    for channel in range(len(x)):
        # Each sum by itself: differences of running sums would lose small channels beside a large one.
        around = _neighbours(channel, len(x), size)
        total = squares[around.start : around.stop].sum(axis=0)
        with np.errstate(all="ignore"):  # infinite values, and a k of 0, give NaN as in PyTorch
            result[channel] = x[channel] / (k + alpha / size * total) ** beta
    return result


@dataclass(frozen=True)
class LrnStep:
    """One value, the channels around it with their squares, what it is divided by, and the result."""

    channels: range
    squares: tuple[float, ...]
    sum: float
    divisor: float
    value: float
    result: float


def lrn_step(x_chw: Array, size: int, alpha: float, beta: float, k: float, channel: int, row: int, col: int) -> LrnStep:
    """Return one value's way through local response normalisation; errors as `local_response_norm`."""
    channels = _neighbours(channel, len(x_chw), size)
    values = x_chw[channels.start : channels.stop, row, col].astype(np.float64)
    value = values[channel - channels.start]
    squares = values * values
    with np.errstate(all="ignore"):  # as above
        divisor = (k + alpha / size * squares.sum()) ** beta
        result = value / divisor
    return LrnStep(channels, tuple(squares.tolist()), *map(float, (squares.sum(), divisor, value, result)))


def layer_norm(
    x: Array, axes: int, gamma: Float64Array | None = None, beta: Float64Array | None = None, eps: float = 1e-5
) -> Float64Array:
    """Return each value less the mean, over √(σ² + ε), of all that share its leading axes, times γ, plus β.

    Ba, Kiros and Hinton, "Layer Normalization", 2016.

    Parameters
    ----------
    x
        Of any shape.
    axes
        How many axes at the end are normalised together.
    gamma, beta
        Of the shape of these axes; ``None`` for 1 and 0.
    eps
        Keeps the root away from 0.

    Raises
    ------
    UserError
        When `x` has fewer axes, or γ or β another shape.
    """
    if not 1 <= axes <= x.ndim:
        raise UserError(f"{axes} axes cannot be normalised: the input has {x.ndim}.")
    shape = x.shape[x.ndim - axes :]
    for what, numbers in (("γ", gamma), ("β", beta)):
        if numbers is not None and numbers.shape != shape:
            raise UserError(f"The {what} has shape {numbers.shape}, but {shape} is normalised.")
    result = _standardised(x, tuple(range(-axes, 0)), eps)
    result = result if gamma is None else result * gamma
    return result if beta is None else result + beta


def group_norm(
    x_chw: Array, groups: int, gamma: Float64Array | None = None, beta: Float64Array | None = None, eps: float = 1e-5
) -> Float64Array:
    """Return each value less the mean, over √(σ² + ε), of its group of channels, times γ, plus β.

    Wu and He, "Group Normalization", 2018.

    Parameters
    ----------
    x_chw
        (C, H, W).
    groups
        The channels are split into this many groups.
    gamma, beta
        (C,) each; ``None`` for 1 and 0.
    eps
        Keeps the root away from 0.

    Raises
    ------
    UserError
        When the channels cannot be split so, or γ or β has another shape.
    """
    channels = len(x_chw)
    if groups < 1 or channels == 0 or channels % groups:
        raise UserError(f"{channels} channels cannot be split into {groups} groups.")
    for what, numbers in (("γ", gamma), ("β", beta)):
        if numbers is not None and numbers.shape != (channels,):
            raise UserError(f"There are {channels} channels, but the {what} has shape {numbers.shape}.")
    grouped = x_chw.reshape(groups, channels // groups, *x_chw.shape[1:])
    result = _standardised(grouped, tuple(range(1, grouped.ndim)), eps).reshape(x_chw.shape)
    result = result if gamma is None else result * gamma[:, None, None]
    return result if beta is None else result + beta[:, None, None]


def _standardised(x: Array, axes: tuple[int, ...], eps: float) -> Float64Array:
    """Return x less its mean, over its standard deviation (over all values, not a sample's), along these axes."""
    values = x.astype(np.float64)
    mean, variance = values.mean(axis=axes, keepdims=True), values.var(axis=axes, keepdims=True)
    return np.asarray((values - mean) / np.sqrt(variance + eps), np.float64)


def dropout_mask(shape: tuple[int, ...], drop: float, seed: int, *, channels: bool = False) -> npt.NDArray[np.bool_]:
    """Return which values are kept, at random by a seed.

    Parameters
    ----------
    shape
        (C, H, W); of a vector, each element is a channel.
    drop
        Probability that a value is dropped: PyTorch's p. The lectures' p is the probability to keep.
    seed
        The same seed gives the same mask.
    channels
        Whole maps are dropped.

    Raises
    ------
    UserError
        When the probability is not within 0 and 1.
    """
    _probability(drop)
    drawn = np.random.default_rng(seed).random(shape[:1] if channels else shape)
    kept = drawn >= drop
    return np.broadcast_to(kept.reshape(-1, *(1,) * (len(shape) - 1)), shape).copy() if channels else kept


def dropout(x: Array, kept: npt.NDArray[np.bool_], drop: float) -> Float64Array:
    """Return the kept values over 1 − p, and 0 for the others; errors as `dropout_mask`."""
    _probability(drop)
    return np.where(kept, x.astype(np.float64) / (1 - drop), 0.0) if drop < 1 else np.zeros(x.shape)


def _probability(drop: float) -> None:
    if not 0 <= drop <= 1:
        raise UserError(f"The probability to drop is {drop:g}; it must lie between 0 and 1.")
