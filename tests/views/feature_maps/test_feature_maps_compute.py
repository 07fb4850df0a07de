"""Order, silent maps, and the line of facts."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.views.feature_maps import compute
from tests.samples import sample_graph

GRAPH = sample_graph()


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_orders_are_permutations_that_fall(seed: int, count: int) -> None:
    maps = np.random.default_rng(seed).integers(-3, 3, (count, 3, 4)).astype(np.float32)
    assert compute.order_units(maps, "index") == tuple(range(count))
    for order, key in (("mean", maps.mean((1, 2))), ("maximum", maps.max((1, 2)))):
        units = compute.order_units(maps, order)  # type: ignore[arg-type]
        assert sorted(units) == list(range(count))
        assert all(key[a] > key[b] or (key[a] == key[b] and a < b) for a, b in itertools.pairwise(units))


def test_a_map_is_silent_only_when_every_value_is_zero() -> None:
    maps = np.zeros((3, 2, 2), np.float32)
    maps[1, 0, 1] = 1e-30
    maps[2, 1, 1] = -1
    assert compute.silent(GRAPH["relu1"], maps) == (True, False, False)
    assert compute.silent(GRAPH["input"], maps[:1]) == (False,)


def test_the_summary_counts() -> None:
    maps = np.ones((6, 28, 28), np.float32)
    assert compute.summary(GRAPH["conv1"], maps) == "6 maps of 28 × 28"
    maps[[1, 4]] = 0
    assert compute.summary(GRAPH["relu1"], maps) == "6 maps of 28 × 28, 2 silent for this input"
    assert compute.summary(GRAPH["input"], np.zeros((1, 28, 28), np.float32)) == "1 map of 28 × 28"
    assert compute.summary(GRAPH["fc3"], np.ones((10, 1, 1), np.float32)) == "10 values"
