"""Blocks and means of any part of a growing column are those of the plain column."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.core.curves import Curves, batch_curves
from cnnviz.core.decimation import FACTOR, LARGEST_SUMMED, Series

VALUES = st.lists(
    st.one_of(
        st.floats(-100, 100), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e20]),
    ),
    min_size=1, max_size=400,
)  # fmt: skip


def curves_of(values: np.ndarray | list[float], parts: int = 1) -> Curves:
    curves = Curves(("step", "loss"))
    values = np.asarray(values, np.float64)
    for part in np.array_split(np.arange(len(values)), parts):
        curves.append({"step": part + 1.0, "loss": values[part]})
    return curves


def finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


@given(values=VALUES, parts=st.integers(1, 9), most=st.integers(1, 60), data=st.data())
@settings(max_examples=200, deadline=None)
def test_blocks_hold_the_extremes_of_their_rows(
    values: list[float], parts: int, most: int, data: st.DataObject
) -> None:
    curves = Curves(("step", "loss"))
    series, array = Series(curves, "loss"), np.array(values)
    for part in np.array_split(np.arange(len(values)), parts):
        curves.append({"step": part + 1.0, "loss": array[part]})
        if len(curves):
            series.blocks(0, len(curves), 7)  # the pyramid grows row by row, not at once
    first = data.draw(st.integers(0, len(values) - 1))
    last = data.draw(st.integers(first + 1, len(values)))
    found = series.blocks(first, last, most)
    starts = np.concatenate([[first // found.size * found.size], found.last_n[:-1] + 1])
    assert starts[0] <= first
    assert found.last_n[-1] >= last - 1
    assert np.all(starts % found.size == 0)
    assert len(found.last_n) <= most + 1  # a block may begin before the range
    if found.size > 1:
        assert (last - first) > most  # no coarser than it must be
    for start, end, low, high in zip(starts, found.last_n, found.low_n, found.high_n, strict=True):
        rows = finite(array[start : end + 1])
        assert (low, high) == (rows.min(), rows.max()) if len(rows) else np.isnan(low) and np.isnan(high)


@given(values=VALUES, parts=st.integers(1, 5), window=st.integers(1, 500))
@settings(max_examples=200, deadline=None)
def test_means_are_those_of_the_rows(values: list[float], parts: int, window: int) -> None:
    array = np.array(values)
    found = Series(curves_of(array, parts), "loss").means(np.arange(len(values)), window)
    for row, mean in enumerate(found):
        rows = finite(array[max(0, row + 1 - window) : row + 1])
        rows = rows[np.abs(rows) <= LARGEST_SUMMED]
        assert mean == pytest.approx(rows.mean(), abs=1e-9) if len(rows) else np.isnan(mean)


def test_an_outburst_spoils_no_later_mean() -> None:
    values = np.full(5000, 0.25)
    values[100:200] = 1e30
    found = Series(curves_of(values), "loss").means(np.arange(5000), 50)
    assert np.isnan(found[199])
    assert np.abs(found[np.isfinite(found)] - 0.25).max() < 1e-12


def test_rows_that_were_forgotten_and_replaced_are_followed() -> None:
    curves = curves_of(np.zeros(1000))
    series = Series(curves, "loss")
    series.blocks(0, 1000, 3)
    series.means(np.arange(1000), 30)
    curves.cut(500)
    curves.append({"step": np.arange(501.0, 1601), "loss": np.ones(1100)})
    found = series.blocks(0, 1600, 4)
    assert found.low_n.tolist() == [0, 1, 1, 1]
    assert found.high_n.tolist() == [1, 1, 1, 1]
    assert series.means(np.array([499, 529, 999]), 30).tolist() == [0, 1, 1]


def test_rows_of_a_range_reach_its_ends() -> None:
    series = Series(curves_of(np.zeros(10)), "loss")  # steps 1 to 10
    assert series.rows(3, 5) == (1, 5)
    assert series.rows(3.5, 5.5) == (2, 6)
    assert series.rows(-5, 50) == (0, 10)
    assert series.rows(20, 30) == (9, 10)
    assert [series.nearest(step) for step in (-3, 1, 1.4, 1.6, 10, 99)] == [0, 0, 0, 1, 9, 9]


def test_one_row_and_none() -> None:
    curves = batch_curves()
    series = Series(curves, "loss")
    assert series.rows(0, 1) == (0, 0)
    assert len(series.blocks(0, 0, 100).low_n) == 0
    curves.append({name: [1.0] for name in curves.names})
    assert series.blocks(0, 1, 100).low_n.tolist() == [1]
    assert series.means(np.array([0]), 100).tolist() == [1]


def test_a_million_rows_cost_as_much_as_there_are_pixels_and_new_rows_as_much_as_they_are() -> None:
    count, pixels = 2**20, 800
    curves = Curves(("step", "loss"))
    series = Series(curves, "loss")
    curves.append({"step": np.arange(count), "loss": np.random.default_rng(0).random(count)})
    series.means(series.blocks(0, count, pixels).last_n, 1000)
    assert sum(len(level) for level in series._levels) < count / (FACTOR - 1)
    short = Series(curves_of(np.random.default_rng(0).random(2 * pixels)), "loss")

    def milliseconds(of: Series) -> float:
        times = []
        for _ in range(40):
            begin = time.thread_time()
            of.means(of.blocks(1, len(of), pixels).last_n, 1000)
            times.append((time.thread_time() - begin) * 1000)
        return sorted(times)[len(times) // 2]

    assert milliseconds(series) < 4 * milliseconds(short)
    before = [level._columns["low"] for level in series._levels]
    curves.append({"step": [count, count + 1], "loss": [-1.0, 2.0]})
    begin = time.thread_time()
    found = series.blocks(0, count + 2, pixels)
    assert (time.thread_time() - begin) * 1000 < 4 * milliseconds(short) + 1
    assert (found.low_n[-1], found.high_n[-1]) == (-1, 2)
    assert all(level._columns["low"] is old for level, old in zip(series._levels, before, strict=True))
