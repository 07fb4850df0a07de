"""A convolution with other settings than its own: what the user turned, kept apart from what is true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import cnnviz.core.kernels as named_kernels
from cnnviz.core.convolution import ConvSpec, Pair, int_pair, same_padding
from cnnviz.core.errors import UserError
from cnnviz.core.operations import Convolution, edited

Array = npt.NDArray[Any]
MOST_SIDE = 1024
Weight = tuple[int, int, int, int]


@dataclass(frozen=True)
class ConvChanges:
    """What is changed; ``None`` leaves the layer's own.

    Attributes
    ----------
    kernel, stride, dilation
        (down, across).
    padding
        (top, bottom, left, right), or ``"same"``.
    groups, padding_mode
        As in `ConvSpec`.
    named
        A kernel of `kernels.KERNELS` in every channel of every filter.
    weights
        Single weights: (filter, channel in its group, row, column) and value.
    flipped
        Every kernel is turned by half a turn: a convolution as mathematics defines it.
    """

    kernel: Pair | None = None
    stride: Pair | None = None
    dilation: Pair | None = None
    padding: tuple[int, int, int, int] | str | None = None
    groups: int | None = None
    padding_mode: str | None = None
    named: str | None = None
    weights: tuple[tuple[Weight, float], ...] = ()
    flipped: bool = False

    @property
    def any(self) -> bool:
        """Whether anything differs from the layer's own."""
        return self != ConvChanges()

    def with_weight(self, place: Weight, value: float) -> ConvChanges:
        """Return the changes with one more weight."""
        kept = tuple(change for change in self.weights if change[0] != place)
        return replace(self, weights=(*kept, (place, value)))

    def apply(self, own: Convolution) -> Convolution:
        """Return the operation as it is changed.

        Raises
        ------
        UserError
            When the settings contradict each other or do not fit the input.
        """
        spec = own.spec
        kernel = int_pair("kernel size", self.kernel or spec.kernel, 1)
        stride = int_pair("stride", self.stride or spec.stride, 1)
        dilation = int_pair("dilation", self.dilation or spec.dilation, 1)
        padding: Any = spec.padding if self.padding is None else self.padding
        if padding == "same":
            height, width = own.x.shape[1:]
            padding = same_padding(kernel[0], dilation[0], stride=stride[0], n=height) + same_padding(
                kernel[1], dilation[1], stride=stride[1], n=width
            )
        changed = ConvSpec(
            kernel, stride, padding, dilation, spec.groups if self.groups is None else self.groups,
            self.padding_mode or spec.padding_mode,
        )  # fmt: skip
        check_sides(own.x.shape[1:], changed.padding)
        changed.output_shape(*own.x.shape[1:])  # before weights are made for a kernel that cannot be
        weight = own.weight
        if self.groups is not None and self.groups != spec.groups:
            weight = regrouped(weight, spec.groups, self.groups)
        if kernel != spec.kernel:
            weight = resized(weight, kernel)
        if self.named is not None:
            weight = np.broadcast_to(named_kernels.kernel(self.named, kernel), (*weight.shape[:2], *kernel))
        if self.weights:
            for place, _ in self.weights:
                if not all(0 <= at < n for at, n in zip(place, weight.shape, strict=True)):
                    raise UserError(
                        f"There is no weight at filter {place[0]}, channel {place[1]}, row {place[2]}, column"
                        f" {place[3]}: the weights are {' × '.join(str(n) for n in weight.shape)}."
                    )
            weight = edited(weight, self.weights)
        if self.flipped:
            weight = weight[:, :, ::-1, ::-1]
        operation = Convolution(own.x, weight, own.bias, changed)
        _ = operation.output_shape  # refuses what does not fit
        return operation


def check_sides(shape: tuple[int, ...], padding: tuple[int, ...] = (0,)) -> None:
    """Refuse maps whose sides nobody could look at, (height, width) and padding.

    Raises
    ------
    UserError
        When a side is above `MOST_SIDE`.
    """
    side = max(shape) + 2 * max(padding)
    if side > MOST_SIDE:
        raise UserError(f"That would make a map of {side:,} rows or columns; {MOST_SIDE:,} can be shown.")


def resized(weight_oikk: Array, kernel: Pair) -> Array:
    """Return weights with kernels of another size: cut off or filled up with zeros on all sides alike."""
    result = np.zeros((*weight_oikk.shape[:2], *kernel), weight_oikk.dtype)
    old, new = [], []
    for there, wanted in zip(weight_oikk.shape[2:], kernel, strict=True):
        both = min(there, wanted)
        old.append(slice((there - both) // 2, (there - both) // 2 + both))
        new.append(slice((wanted - both) // 2, (wanted - both) // 2 + both))
    result[:, :, new[0], new[1]] = weight_oikk[:, :, old[0], old[1]]
    return result


def regrouped(weight_oikk: Array, groups: int, wanted: int) -> Array:
    """Return weights for another number of groups: connections between groups are cut, new ones are zero.

    Raises
    ------
    UserError
        When channels or filters cannot be split so.
    """
    filters, per_group = weight_oikk.shape[:2]
    channels = per_group * groups
    if wanted < 1 or channels % wanted or filters % wanted:
        raise UserError(f"{channels} channels and {filters} filters cannot be split into {wanted} groups.")
    dense = np.zeros((filters, channels, *weight_oikk.shape[2:]), weight_oikk.dtype)
    for unit in range(filters):
        first = unit // (filters // groups) * per_group
        dense[unit, first : first + per_group] = weight_oikk[unit]
    narrow = channels // wanted
    rows = [dense[u, (u // (filters // wanted)) * narrow :][:narrow] for u in range(filters)]
    return np.stack(rows)
