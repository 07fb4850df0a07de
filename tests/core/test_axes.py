"""Ticks are round and lie on the axis; a logarithmic axis puts equal ratios at equal distances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.core.axes import Axis, fitted, nice_step, tick_labels

ENDS = st.floats(-1e12, 1e12).filter(lambda v: v == 0 or abs(v) > 1e-12)


@given(low=ENDS, high=ENDS, most=st.integers(1, 12))
def test_ticks_are_few_round_and_on_the_axis(low: float, high: float, most: int) -> None:
    axis = fitted(min(low, high), max(low, high))
    ticks = axis.ticks(most)
    step = nice_step((axis.high - axis.low) / most)
    assert len(ticks) <= most + 1
    assert all(axis.low - step * 1e-6 <= tick <= axis.high + step * 1e-6 for tick in ticks)
    assert step / 10 ** math.floor(math.log10(step) + 1e-9) == pytest.approx(
        round(step / 10 ** math.floor(math.log10(step) + 1e-9))
    )
    assert len(tick_labels(ticks)) == len(ticks)


@given(low=st.floats(1e-9, 1e9), ratio=st.floats(1, 1e9), most=st.integers(2, 12))
def test_ticks_of_a_logarithmic_axis(low: float, ratio: float, most: int) -> None:
    axis = fitted(low, low * ratio, logarithmic=True)
    ticks = axis.ticks(most)
    assert all(axis.low <= tick * (1 + 1e-6) and tick <= axis.high * (1 + 1e-6) for tick in ticks)
    assert len(ticks) <= most + 5
    assert len(set(axis.labels(ticks))) == len(ticks)


def test_equal_ratios_are_equally_far_apart() -> None:
    axis = Axis(0.01, 100, True)
    assert axis.shares(np.array([0.01, 0.1, 1, 10, 100])) == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert axis.shares(np.array([0.0, -3.0])).tolist() == [0, 0]
    assert np.isnan(axis.share(math.nan))


def test_an_axis_of_equal_values_and_one_that_begins_at_zero() -> None:
    assert fitted(2, 2).share(2) == pytest.approx(0.5)
    assert fitted(0, 0).share(0) == pytest.approx(0.5)
    assert fitted(0, 1, least=0).low == 0
    assert fitted(-1, 1, least=0).low == pytest.approx(-1)


def test_numbers_are_written_alike() -> None:
    assert tick_labels([0, 0.5, 1]) == ["0.0", "0.5", "1.0"]
    assert tick_labels([0.9, 0.95, 1], percent=True) == ["90 %", "95 %", "100 %"]
    assert tick_labels([0, 250_000, 500_000]) == ["0", "250,000", "500,000"]
    assert tick_labels([-1, 0, 1]) == ["−1", "0", "1"]
    assert Axis(0.001, 10, True).labels([0.001, 0.01, 0.1, 1, 10]) == ["0.001", "0.01", "0.1", "1", "10"]
    assert Axis(0.001, 10, True).labels([0.01, 1]) == ["0.01", "1"]
    assert Axis(1e-7, 1e-5, True).labels([1e-7, 1e-6, 1e-5]) == ["1e−7", "1e−6", "1e−5"]
    assert tick_labels([0, 1e-6, 2e-6]) == ["0", "1e−6", "2e−6"]
    assert tick_labels([9.9e-10, 9.95e-10, 1e-9]) == ["9.9e−10", "9.95e−10", "1e−9"]
    assert tick_labels([1e9, 1.5e9, 2e9]) == ["1e9", "1.5e9", "2e9"]
    assert tick_labels([]) == []
