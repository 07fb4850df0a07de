"""Order, choice and silent maps, and the line of facts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.views.feature_maps import compute
from tests.samples import sample_graph

GRAPH = sample_graph()
HAND = np.array([[[1, -2], [0, 0]], [[0, 0], [0, 0]], [[3, 3], [3, 3]], [[0, 4], [0, -4]]], np.float32)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("index", [0, 1, 2, 3]),
        ("mean", [-0.25, 0, 3, 0]),
        ("maximum", [1, 0, 3, 4]),
        ("energy", [5**0.5, 0, 6, 32**0.5]),
        ("sparsity", [0.5, 1, 0, 0.5]),
        ("variance", [1.25 - 0.0625, 0, 0, 8]),
    ],
)
def test_what_maps_are_sorted_by_is_right_by_hand(order: compute.Order, expected: list[float]) -> None:
    assert compute.measure(HAND, order) == pytest.approx(expected)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from(compute.ORDERS[1:]))
def test_orders_are_permutations_that_fall_or_rise(seed: int, count: int, order: compute.Order) -> None:
    maps = np.random.default_rng(seed).integers(-3, 3, (count, 3, 4)).astype(np.float32)
    assert compute.order_units(maps, "index").tolist() == list(range(count))
    assert compute.order_units(maps, "index", reverse=True).tolist() == list(range(count))[::-1]
    key = compute.measure(maps, order)
    for sign, reverse in ((1, False), (-1, True)):
        units = compute.order_units(maps, order, reverse=reverse).tolist()
        assert sorted(units) == list(range(count))
        assert all(sign * key[a] > sign * key[b] or (key[a] == key[b] and a < b) for a, b in itertools.pairwise(units))


def test_measures_of_infinite_values_warn_of_nothing() -> None:
    wild = np.array([[[np.inf, 1.0]], [[np.nan, 0.0]]], np.float32)
    for order in compute.ORDERS:
        assert sorted(compute.order_units(wild, order).tolist()) == [0, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None), ("  ", None), ("unit 12", [12]), ("Map 3", [3]), ("3, 7,3", [3, 7]), ("9-11", [9, 10, 11]),
        ("9 – 11; 0", [0, 9, 10, 11]), ("19", [19]), ("20", []), ("18-99999999999", [18, 19]), ("5-4", []),
        ("eyes", []), ("12 eyes", []), ("-3", []),
    ],
)  # fmt: skip
def test_a_search_names_units(text: str, expected: list[int] | None) -> None:
    found = compute.searched(text, 20)
    assert (None if found is None else found.tolist()) == expected


def test_maps_are_chosen_by_what_they_hold_and_by_number() -> None:
    node = GRAPH["relu1"]
    assert compute.choose_units(node, HAND, "index", only="active").tolist() == [0, 2, 3]
    assert compute.choose_units(node, HAND, "index", only="silent").tolist() == [1]
    assert compute.choose_units(node, HAND, "index", only="above", above=1).tolist() == [2, 3]
    assert compute.choose_units(node, HAND, "maximum", only="above", above=0.5).tolist() == [3, 2, 0]
    assert compute.choose_units(node, HAND, "maximum", only="active", search="0-2").tolist() == [2, 0]
    assert compute.choose_units(node, HAND, "energy", reverse=True, only="active").tolist() == [0, 3, 2]
    assert compute.choose_units(node, HAND, "index", search="unit 99").tolist() == []


def test_a_map_is_silent_only_when_every_value_is_zero() -> None:
    maps = np.zeros((3, 2, 2), np.float32)
    maps[1, 0, 1] = 1e-30
    maps[2, 1, 1] = -1
    assert compute.silent(GRAPH["relu1"], maps).tolist() == [True, False, False]
    assert compute.silent(GRAPH["input"], maps[:1]).tolist() == [False]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3000))
def test_silence_is_found_wherever_the_only_value_is(seed: int, size: int) -> None:
    generator = np.random.default_rng(seed)
    maps = np.zeros((4, 1, size), np.float32)
    maps[1, 0, generator.integers(size)] = np.nan
    maps[3, 0, generator.integers(size)] = 0.1
    assert compute.silent(GRAPH["relu1"], maps).tolist() == [True, False, True, False]


def test_the_summary_counts() -> None:
    assert compute.summary(GRAPH["conv1"], 6, 0) == "6 maps of 28 × 28"
    assert compute.summary(GRAPH["relu1"], 6, 2) == "6 maps of 28 × 28, 2 silent for this input"
    assert compute.summary(GRAPH["relu1"], 3, 0) == "3 of 6 maps of 28 × 28"
    assert compute.summary(GRAPH["input"], 1, 0) == "1 map of 28 × 28"
    assert compute.summary(GRAPH["fc3"], 10, 0) == "10 values"


def test_what_maps_are_sorted_by_is_written_for_people() -> None:
    assert compute.measured("sparsity", 0.875) == "88%"
    assert compute.measured("sparsity", 0.9999) == "99.9%"  # not silent
    assert compute.measured("sparsity", 1) == "100%"
    assert compute.measured("energy", -1234.5) == "−1234"
