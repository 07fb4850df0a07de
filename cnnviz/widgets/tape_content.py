"""The numbers of a sum that is written out on a tape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.widgets.colormap import MapRole

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class TapeContent:
    """What a tape shows.

    Attributes
    ----------
    window, weights, products
        (C, h, w) each.
    outside
        Cells (h, w) of the window that are padding.
    names
        One for each channel.
    order
        Channels from top to bottom.
    bias
        What the running sum begins with.
    window_limits, weight_limit
        Ends of the two colour scales.
    window_sample, weight_sample
        `cells.sample` of the whole input and of the whole filter, so that decimals stay the same from step to step.
    window_role
        Colours of the window.
    kernel_key
        Another one says that the weights are others; ``None``: they may always be.
    """

    window: Array
    weights: Array
    products: Array
    outside: npt.NDArray[np.bool_]
    names: tuple[str, ...]
    order: npt.NDArray[np.intp]
    bias: float
    window_limits: tuple[float, float]
    weight_limit: float
    window_sample: tuple[float, ...]
    weight_sample: tuple[float, ...]
    window_role: MapRole
    kernel_key: object = None

    def looks_like(self, other: TapeContent) -> bool:
        """Return whether two sums are drawn alike."""
        return (
            self.kernel_key is not None
            and (self.kernel_key, self.bias, self.window_limits) == (other.kernel_key, other.bias, other.window_limits)
            and (self.names, self.window_role) == (other.names, other.window_role)
            and self.window_sample == other.window_sample
            and all(
                np.array_equal(a, b)
                for a, b in (
                    (self.window, other.window), (self.products, other.products), (self.order, other.order),
                    (self.outside, other.outside),
                )
            )
        )  # fmt: skip

    @cached_property
    def subtotals(self) -> Array:
        """Sum of each channel's products, (C,)."""
        return np.asarray(self.products.sum(axis=(1, 2)))

    @cached_property
    def largest(self) -> float:
        """The largest magnitude among the products."""
        return _largest(self.products)

    @cached_property
    def running(self) -> Array:
        """The bias and the subtotals so far, in the order of the rows, (C,)."""
        return self.bias + np.cumsum(self.subtotals[self.order])


def _largest(values: Array) -> float:
    """Return the largest magnitude among finite values."""
    magnitude = np.abs(values)
    return float(np.max(magnitude, where=np.isfinite(magnitude), initial=0.0))
