"""Pooling against PyTorch, and against the lecture's example."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from cnnviz.core.errors import UserError
from cnnviz.core.pooling import PoolSpec, pool, pool_output_size, pool_step

LECTURE = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]], np.float32)


def by_torch(x: Any, spec: PoolSpec) -> np.ndarray[Any, Any]:
    batch = torch.from_numpy(x).double()[None]
    size = (spec.kernel, spec.stride)
    if spec.kind == "max":
        out = functional.max_pool2d(batch, *size, spec.padding, spec.dilation, ceil_mode=spec.ceil_mode)
    elif spec.kind == "mean":
        out = functional.avg_pool2d(batch, *size, spec.padding, spec.ceil_mode, spec.count_include_pad)
    else:
        out = functional.lp_pool2d(batch, spec.p, *size, ceil_mode=spec.ceil_mode)
    return out[0].numpy()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (PoolSpec("max", 2), [[6, 8], [3, 4]]),
        (PoolSpec("mean", 2), [[3.25, 5.25], [2, 2]]),
        (PoolSpec("lp", 2, p=5, averaged=True), [[4.87, 6.61], [2.38, 3.16]]),
        (PoolSpec("lp", 2, p=5), [[6.42, 8.73], [3.15, 4.17]]),
    ],
)
def test_the_lectures_example(spec: PoolSpec, expected: list[list[float]]) -> None:
    np.testing.assert_allclose(pool(LECTURE, spec)[0], expected, atol=0.005)
    for row, col in itertools.product(range(2), range(2)):
        assert pool_step(LECTURE, spec, 0, row, col).value == pytest.approx(expected[row][col], abs=0.005)


def test_the_lecture_rounds_the_size_up_and_pytorch_down() -> None:
    assert pool_output_size(5, 2) == 2
    assert pool_output_size(5, 2, ceil_mode=True) == 3


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_pooling_is_pytorchs(data: st.DataObject) -> None:
    draw = data.draw
    kind = draw(st.sampled_from(["max", "mean", "lp"]))
    small = st.integers(1, 4)
    kernel = (draw(small), draw(small))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 3))) if kind == "max" else (1, 1)
    # Torch limits the padding of a mean by half of the undilated window.
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel) if kind != "lp" else (0, 0)
    spec = PoolSpec(
        kind,
        kernel,
        (draw(small), draw(small)),
        padding,
        dilation,
        ceil_mode=draw(st.booleans()),
        count_include_pad=draw(st.booleans()) if kind == "mean" else True,
        p=draw(st.sampled_from([1.0, 2.0, 3.0, 2.5])),
    )
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    x = np.random.default_rng(draw(st.integers(0, 9))).normal(size=(2, height, width)).astype(np.float32)
    x = np.abs(x) if kind == "lp" else x
    try:
        rows, columns = spec.output_shape(height, width)
    except UserError:
        with pytest.raises(RuntimeError, match=r"[Oo]utput size"):
            by_torch(x, spec)
        return
    expected = by_torch(x, spec)
    assert expected.shape == (2, rows, columns)
    np.testing.assert_allclose(pool(x, spec), expected, rtol=1e-12, atol=1e-12)
    for row, col in itertools.product(range(rows), range(columns)):
        assert pool_step(x, spec, 1, row, col).value == pytest.approx(expected[1, row, col], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 1), (3, 2, 1), (2, 3, 0), (3, 3, 1), (1, 4, 0)])
def test_sizes_are_pytorchs(kernel: int, stride: int, padding: int, ceil_mode: bool) -> None:
    for n in range(3, 20):
        expected = functional.max_pool2d(torch.zeros(1, 1, n, n), kernel, stride, padding, ceil_mode=ceil_mode)
        assert pool_output_size(n, kernel, stride, padding, ceil_mode=ceil_mode) == expected.shape[-1]


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("padding", [0, 1])
def test_the_winner_is_pytorchs_even_in_a_tie(dilation: int, padding: int) -> None:
    x = np.random.default_rng(0).integers(-2, 2, (1, 7, 8)).astype(np.float32)
    spec = PoolSpec("max", (2, 3), 2, padding, dilation)
    _, index = functional.max_pool2d(
        torch.from_numpy(x)[None], spec.kernel, spec.stride, spec.padding, spec.dilation, return_indices=True
    )
    for row, col in itertools.product(*map(range, index.shape[2:])):
        step = pool_step(x, spec, 0, row, col)
        assert step.chosen.sum() == 1
        i, j = np.argwhere(step.chosen)[0]
        at = (step.top + i * dilation) * 8 + step.left + j * dilation
        assert at == index[0, 0, row, col]


def test_a_window_of_negative_values_does_not_choose_the_padding() -> None:
    step = pool_step(np.full((1, 2, 2), -3.0), PoolSpec("max", 2, 2, 1), 0, 0, 0)
    assert step.value == -3
    assert step.chosen.tolist() == [[False, False], [False, True]]
    assert step.inside.tolist() == [[False, False], [False, True]]
    assert (step.top, step.left) == (-1, -1)


def test_a_window_of_minus_infinity_chooses_a_cell_inside() -> None:
    step = pool_step(np.full((1, 2, 2), -np.inf), PoolSpec("max", 2, 2, 1), 0, 0, 0)
    assert step.value == -np.inf
    assert step.chosen.tolist() == [[False, False], [False, True]]


def test_a_dilated_window_may_miss_the_input() -> None:
    step = pool_step(np.ones((1, 1, 1)), PoolSpec("max", 2, padding=1, dilation=2), 0, 0, 0)
    assert step.value == -np.inf
    assert not step.chosen.any()


def test_nan_wins() -> None:
    x = np.array([[[1.0, np.nan], [2.0, 3.0]]])
    assert np.isnan(pool_step(x, PoolSpec("max", 2), 0, 0, 0).value)
    assert np.isnan(pool(x, PoolSpec("max", 2))).all()


def test_the_divisor_says_what_a_mean_was_divided_by() -> None:
    x = np.ones((1, 3, 3))
    assert pool_step(x, PoolSpec("mean", 2, 2, 1), 0, 0, 0).divisor == 4
    assert pool_step(x, PoolSpec("mean", 2, 2, 1, count_include_pad=False), 0, 0, 0).divisor == 1
    assert pool_step(x, PoolSpec("mean", 2, 2, ceil_mode=True), 0, 1, 1).divisor == 1
    assert pool_step(x, PoolSpec("lp", 2, averaged=True), 0, 0, 0).divisor == 4
    assert pool_step(x, PoolSpec("lp", 2), 0, 0, 0).divisor == 1


def test_negative_sums_of_odd_powers_have_no_root_as_in_pytorch() -> None:
    x = np.full((1, 2, 2), -1.0)
    spec = PoolSpec("lp", 2, p=3)
    assert np.isnan(by_torch(x, spec)).all()
    assert np.isnan(pool(x, spec)).all()
    assert np.isnan(pool_step(x, spec, 0, 0, 0).value)


def test_one_map_may_come_without_its_channel_axis() -> None:
    np.testing.assert_array_equal(pool(LECTURE, PoolSpec("max", 2)), pool(LECTURE[None], PoolSpec("max", 2)))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: PoolSpec("median", 2), "no pooling 'median'"),
        (lambda: PoolSpec("max", 0), "The window size is 0 × 0"),
        (lambda: PoolSpec("max", 2, 0), "The stride is 0 × 0"),
        (lambda: PoolSpec("max", 2, padding=2), "Padding of 2 is more than half"),
        (lambda: PoolSpec("mean", 2, dilation=2), "Only max pooling can be dilated."),
        (lambda: PoolSpec("lp", 2, padding=1), "p-norm pooling has no padding."),
        (lambda: PoolSpec("lp", 2, p=0), "exponent is 0"),
        (lambda: pool(np.zeros((1, 2, 2)), PoolSpec("max", 3)), "The window spans 3 values"),
        (lambda: pool(np.zeros((0, 2, 2)), PoolSpec("max", 2)), "this has shape (0, 2, 2)"),
        (lambda: pool(np.zeros(4), PoolSpec("max", 2)), "this has shape (4,)"),
    ],
)
def test_impossible_poolings_are_refused_with_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        make()
    assert sentence in caught.value.sentence


@pytest.mark.parametrize("place", [(1, 0, 0), (0, 2, 0), (0, 0, 2), (0, -1, 0)])
def test_no_step_outside_of_the_output(place: tuple[int, int, int]) -> None:
    with pytest.raises(IndexError):
        pool_step(LECTURE, PoolSpec("max", 2), *place)
