"""Norms, orientation and likeness of filters, by hand and by kernels whose angle is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.core import filter_facts, kernels


def filters(*rows: list[float]) -> np.ndarray:
    """Return filters of one channel with one row of weights."""
    return np.array(rows, np.float32)[:, None, None, :]


def found(weights: np.ndarray) -> set[tuple[int, int]]:
    return {pair for block in filter_facts.find_doubled(weights) for pair in block}


def test_norms_by_hand() -> None:
    weights = np.zeros((2, 2, 1, 2), np.float32)
    weights[0, 0] = [3, 4]
    weights[0, 1] = [0, 12]
    assert filter_facts.norms(weights).tolist() == [13, 0]
    assert filter_facts.kernel_norms(weights).tolist() == [[5, 12], [0, 0]]


def test_norms_of_large_filters_are_numpys() -> None:
    weights = np.random.default_rng(0).normal(size=(37, 512, 3, 3)).astype(np.float32)
    expected = np.linalg.norm(weights.reshape(37, -1).astype(np.float64), axis=1)
    assert np.allclose(filter_facts.norms(weights), expected, rtol=1e-5)


def test_a_filter_is_dead_below_a_hundredth_of_the_median() -> None:
    assert filter_facts.dead(np.array([1, 2, 0.019, 0.021, 3], np.float32)).tolist() == [
        False,
        False,
        False,
        False,
        False,
    ]
    assert filter_facts.dead(np.array([1, 2, 0.009, 0.011, 3], np.float32)).tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert filter_facts.dead(np.zeros(3, np.float32)).all()
    assert filter_facts.dead(np.zeros(0, np.float32)).tolist() == []


@pytest.mark.parametrize("side", [5, 7, 11])
def test_the_orientation_of_a_gabor_kernel_is_its_angle(side: int) -> None:
    angles = np.arange(0, 180, 5)
    gabors = np.stack([kernels.kernel("gabor", (side, side), angle=angle) for angle in angles]).astype(np.float32)
    for signs in ([1.0], [1.0, -0.5, 2.0]):  # of any channel, with any sign
        measured, coherence = filter_facts.orientation(np.stack([sign * gabors for sign in signs], axis=1))
        assert np.abs((measured - angles + 90) % 180 - 90).max() < 1
        assert coherence.min() > 0.5


def test_edges_have_an_orientation_and_blobs_have_none() -> None:
    def of(name: str, side: int = 3) -> tuple[float, float]:
        angle, coherence = filter_facts.orientation(kernels.kernel(name, (side, side))[None, None].astype(np.float32))
        return float(angle[0]), float(coherence[0])

    assert of("sobel_x")[0] == pytest.approx(0, abs=1e-3)
    assert of("sobel_y")[0] == pytest.approx(90, abs=1e-3)
    for name in ("gaussian_blur", "edges_3"):
        angle, coherence = of(name, 5)
        assert np.isnan(angle)
        assert coherence == 0
    angle, coherence = filter_facts.orientation(np.ones((2, 4, 1, 1), np.float32))
    assert np.isnan(angle).all()
    assert not coherence.any()
    assert np.isnan(filter_facts.orientation(np.zeros((1, 1, 3, 3), np.float32))[0]).all()


def test_doubled_filters_point_the_same_way_whatever_their_length() -> None:
    weights = filters([1, 0, 0], [5, 0.5, 0], [-1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 3, 0.1])
    assert found(weights) == {(0, 1), (3, 5)}
    assert 5 / np.hypot(5, 0.5) > 0.98  # the first pair's cosine
    assert found(filters([1, 0], [1, 0.21])) == set()  # 0.9787


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 200))
def test_doubled_filters_are_found_in_blocks_as_in_one(seed: int, count: int, step: int) -> None:
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(count, 2, 2, 2)).astype(np.float32)
    copies = generator.integers(0, count, 4)
    weights = np.concatenate([weights, 3 * weights[copies]])
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    flat /= np.linalg.norm(flat, axis=1)[:, None]
    expected = {(int(i), int(j)) for i, j in np.argwhere(flat @ flat.T > 0.98) if i < j}
    before, filter_facts.STEP_VALUES = filter_facts.STEP_VALUES, step
    try:
        assert found(weights) == expected
    finally:
        filter_facts.STEP_VALUES = before
    named = filter_facts.twins(tuple(expected))
    assert all((min(i, j), max(i, j)) in expected for i, j in named.items())
    assert set(named) == {i for pair in expected for i in pair}


def test_likeness_puts_the_nearest_next_and_the_dead_last() -> None:
    angles = np.radians([0, 50, 10, 30, 20, 40])
    weights = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)[:, None, None, :]
    weights[0] *= 7  # the strongest comes first
    weights = np.concatenate([weights, np.zeros((1, 1, 1, 2), np.float32)])
    assert list(filter_facts.follow_likeness(weights)) == [0, 2, 4, 3, 5, 1, 6]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_likeness_is_a_permutation(seed: int, count: int) -> None:
    weights = np.random.default_rng(seed).integers(-1, 2, (count, 1, 2, 2)).astype(np.float32)
    assert sorted(filter_facts.follow_likeness(weights)) == list(range(count))
