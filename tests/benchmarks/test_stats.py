"""Percentiles by hand: nearest rank, so that each is a time that was really measured."""

from __future__ import annotations

import pytest

from cnnviz.bench.stats import median, percentile


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1.0), (0.2, 1.0), (0.21, 2.0), (0.5, 3.0), (0.99, 5.0), (1.0, 5.0)],
)
def test_the_smallest_value_that_the_share_does_not_exceed(share: float, expected: float) -> None:
    assert percentile([5.0, 1.0, 4.0, 2.0, 3.0], share) == expected


def test_the_99th_of_a_hundred_is_the_last_but_one() -> None:
    assert percentile(list(range(1, 101)), 0.99) == 99


def test_an_outlier_does_not_move_the_median() -> None:
    assert median([1.0, 2.0, 1000.0]) == 2.0
    assert median([1.0, 2.0]) == 1.0


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="no measurements"):
        percentile([], 0.5)
