"""Adaptive pooling against PyTorch, and the gradient of every window against autograd."""

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
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec, pool, pool_gradient, pool_step, pool_window

Spec = PoolSpec | AdaptiveSpec


def adaptive_by_torch(x: Any, spec: AdaptiveSpec) -> np.ndarray[Any, Any]:
    call = functional.adaptive_max_pool2d if spec.kind == "max" else functional.adaptive_avg_pool2d
    return call(torch.from_numpy(x).double()[None], spec.output)[0].numpy()


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from(["max", "mean"]),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    output=st.tuples(*[st.none() | st.integers(1, 12)] * 2),
)
def test_any_adaptive_pooling_is_pytorchs(
    kind: str, shape: tuple[int, int], output: tuple[int | None, int | None]
) -> None:
    spec = AdaptiveSpec(kind, output)
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    expected = adaptive_by_torch(x, spec)
    assert spec.output_shape(*shape) == expected.shape[1:]
    np.testing.assert_allclose(pool(x, spec), expected, rtol=1e-12, atol=1e-12)
    for row, col in itertools.product(*map(range, expected.shape[1:])):
        step = pool_step(x, spec, 1, row, col)
        assert step.value == pytest.approx(expected[1, row, col], rel=1e-12, abs=1e-12)
        assert step.inside.all()
        assert step.divisor == (step.window.size if kind == "mean" else 1)
        rows, columns = pool_window(spec, *shape, row, col)
        assert (step.top, step.left) == (rows[0], columns[0])
        np.testing.assert_array_equal(step.window, x[1][np.ix_(rows, columns)].astype(np.float64))


def test_every_cell_lies_in_a_window_and_windows_of_a_divisor_touch() -> None:
    for n, m in itertools.product(range(1, 20), range(1, 20)):
        spec = AdaptiveSpec("mean", (m, 1))
        windows = [set(pool_window(spec, n, 1, i, 0)[0].tolist()) for i in range(m)]
        assert set.union(*windows) == set(range(n))
        if n % m == 0:
            assert sum(map(len, windows)) == n


def test_one_number_is_for_both_axes() -> None:
    assert AdaptiveSpec("max", 3) == AdaptiveSpec("max", (3, 3))
    assert hash(AdaptiveSpec("max", 3)) == hash(AdaptiveSpec("max", [3, 3]))
    assert AdaptiveSpec("mean", (None, 2)).output_shape(5, 7) == (5, 2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: AdaptiveSpec("lp", 1), "no adaptive pooling 'lp'"),
        (lambda: AdaptiveSpec("mean", 0), "The output size is 0; it must be at least 1"),
        (lambda: AdaptiveSpec("mean", (1, -2)), "must be at least 1 on both axes"),
        (lambda: AdaptiveSpec("mean", (1, 2, 3)), "The output size is (1, 2, 3)"),
        (lambda: AdaptiveSpec("mean", 1).output_shape(0, 3), "There is nothing to pool"),
        (lambda: pool(np.zeros((1, 3, 0)), AdaptiveSpec("max", 1)), "There is nothing to pool"),
    ],
)
def test_impossible_sizes_are_refused_with_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        make()
    assert sentence in caught.value.sentence


@pytest.mark.parametrize("place", [(1, 0, 0), (0, 2, 0), (0, 0, 3), (0, -1, 0)])
def test_no_step_outside_of_the_output(place: tuple[int, int, int]) -> None:
    with pytest.raises(IndexError):
        pool_step(np.ones((1, 5, 5)), AdaptiveSpec("max", (2, 3)), *place)


def forward(x: torch.Tensor, spec: Spec) -> torch.Tensor:
    """Return a pooling of (1, H, W), differentiable."""
    batch = x[None]
    if isinstance(spec, AdaptiveSpec):
        call = functional.adaptive_max_pool2d if spec.kind == "max" else functional.adaptive_avg_pool2d
        return call(batch, spec.output)[0]
    size = (spec.kernel, spec.stride)
    if spec.kind == "max":
        return functional.max_pool2d(batch, *size, spec.padding, spec.dilation, ceil_mode=spec.ceil_mode)[0]
    if spec.kind == "mean":
        return functional.avg_pool2d(batch, *size, spec.padding, spec.ceil_mode, spec.count_include_pad)[0]
    if spec.averaged:
        return functional.avg_pool2d(batch**spec.p, *size, 0, spec.ceil_mode)[0] ** (1 / spec.p)
    return functional.lp_pool2d(batch, spec.p, *size, ceil_mode=spec.ceil_mode)[0]


def check_gradients(x_hw: np.ndarray[Any, Any], spec: Spec) -> None:
    """Compare every window's gradient, put back at its place, with autograd's."""
    x = torch.from_numpy(x_hw).double()[None].requires_grad_()
    out = forward(x, spec)
    height, width = x_hw.shape
    for row, col in itertools.product(*map(range, out.shape[1:])):
        (expected,) = torch.autograd.grad(out[0, row, col], x, retain_graph=True)
        step = pool_step(x_hw, spec, 0, row, col)
        assert step.value == pytest.approx(float(out[0, row, col].detach()), rel=1e-12)
        gradient = pool_gradient(step, spec)
        assert gradient.shape == step.window.shape
        assert not gradient[~step.inside].any()
        rows, columns = pool_window(spec, height, width, row, col)
        found = np.zeros((height, width))
        for i, j in np.argwhere(step.inside):
            found[rows[i], columns[j]] += gradient[i, j]
        np.testing.assert_allclose(found, expected[0].numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(
    "spec",
    [
        PoolSpec("max", 2),
        PoolSpec("max", (3, 2), 1),
        PoolSpec("max", 3, 2, 1),
        PoolSpec("max", 2, 2, 1, 2),
        PoolSpec("mean", 2),
        PoolSpec("mean", (3, 2), (2, 1)),
        PoolSpec("mean", 3, 2, 1),
        PoolSpec("mean", 3, 2, 1, count_include_pad=False),
        PoolSpec("mean", (2, 4), 3, (1, 2)),
        PoolSpec("mean", (2, 4), 3, (1, 2), count_include_pad=False),
        *(PoolSpec("lp", (3, 2), 2, p=p, averaged=a) for p in (1, 2, 3, 5, 2.5) for a in (False, True)),
    ],
    ids=str,
)
def test_the_gradient_is_autograds(spec: PoolSpec, ceil_mode: bool) -> None:
    spec = PoolSpec(
        spec.kind,
        spec.kernel,
        spec.stride,
        spec.padding,
        spec.dilation,
        ceil_mode=ceil_mode,
        count_include_pad=spec.count_include_pad,
        p=spec.p,
        averaged=spec.averaged,
    )
    x = np.random.default_rng(1).uniform(0.1, 2, (6, 5)).astype(np.float32)
    check_gradients(x, spec)
    if spec.kind != "lp":
        check_gradients(-x, spec)


@pytest.mark.parametrize("p", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("averaged", [False, True])
def test_the_gradient_of_a_norm_over_negative_values(p: float, averaged: bool) -> None:
    # The powers of one large value outweigh the negative ones, so that there is a root.
    x = np.array([[3.0, -1.0], [-0.5, 0.25]], np.float32)
    check_gradients(x, PoolSpec("lp", 2, p=p, averaged=averaged))


@pytest.mark.parametrize("p", [1, 2, 3])
def test_the_gradient_of_a_norm_with_zeros_in_the_window(p: float) -> None:
    check_gradients(np.array([[3.0, 0.0], [0.0, 0.5]], np.float32), PoolSpec("lp", 2, p=p))


@pytest.mark.parametrize("kind", ["max", "mean"])
@pytest.mark.parametrize("output", [1, (2, 3), (None, 2), (8, 7)])
def test_the_gradient_of_adaptive_pooling_is_autograds(kind: str, output: Any) -> None:
    check_gradients(np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32), AdaptiveSpec(kind, output))


def test_an_exponent_below_1_gives_zeros_no_share() -> None:
    spec = PoolSpec("lp", 2, p=0.5)
    step = pool_step(np.array([[4.0, 0.0], [0.0, 1.0]]), spec, 0, 0, 0)
    assert step.value == 9
    assert pool_gradient(step, spec).tolist() == [[1.5, 0], [0, 3]]


def test_a_norm_of_nothing_or_without_a_root_has_no_gradient() -> None:
    spec = PoolSpec("lp", 2, p=3)
    for window in (np.zeros((2, 2)), np.full((2, 2), -1.0)):
        step = pool_step(window, spec, 0, 0, 0)
        assert not pool_gradient(step, spec).any()


def test_shares_of_a_norm_add_up_to_its_value() -> None:
    # A norm is homogeneous: Euler's theorem.
    x = np.random.default_rng(3).uniform(0.1, 2, (1, 3, 3))
    for p, averaged in itertools.product((1, 2, 3, 5), (False, True)):
        spec = PoolSpec("lp", 3, p=p, averaged=averaged)
        step = pool_step(x, spec, 0, 0, 0)
        assert (step.window * pool_gradient(step, spec)).sum() == pytest.approx(step.value)
