"""Statistics of a layer's values. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnviz.core.inspection import FloatArray


@dataclass(frozen=True)
class Statistics:
    """Count, mean, standard deviation (over all values, not a sample's), ends, and shares from 0 to 1."""

    count: int
    mean: float
    std: float
    low: float
    high: float
    zero_share: float
    negative_share: float


def statistics(values: FloatArray) -> Statistics:
    """Return the statistics of at least one value."""
    flat = values.reshape(-1).astype(np.float64)
    return Statistics(
        count=flat.size,
        mean=float(flat.mean()),
        std=float(flat.std()),
        low=float(flat.min()),
        high=float(flat.max()),
        zero_share=float((flat == 0).mean()),
        negative_share=float((flat < 0).mean()),
    )
