"""Normalisation of every kind and dropout against PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from cnnviz.core.errors import UserError
from cnnviz.core.normalisation import (
    BatchNorm,
    batch_norm,
    batch_statistics,
    bn_step,
    dropout,
    dropout_mask,
    group_norm,
    layer_norm,
    local_response_norm,
    lrn_step,
)

X = np.random.default_rng(0).normal(2, 3, (5, 4, 6)).astype(np.float32)


def layer(channels: int, eps: float) -> nn.BatchNorm2d:
    """Return a layer with numbers of its own."""
    generator = torch.Generator().manual_seed(1)
    module = nn.BatchNorm2d(channels, eps=eps).double()
    for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
        assert tensor is not None
        tensor.copy_(torch.rand(channels, generator=generator, dtype=torch.float64) * 3 + 0.1)
    return module.eval()


def numbers(module: nn.BatchNorm2d) -> BatchNorm:
    parts = (module.running_mean, module.running_var, module.weight, module.bias)
    return BatchNorm(*(part.detach().numpy().copy() for part in parts if part is not None), module.eps)


@pytest.mark.parametrize("eps", [1e-5, 0.1, 0.0])
def test_batch_norm_is_pytorchs(eps: float) -> None:
    module = layer(5, eps)
    expected = module(torch.from_numpy(X).double()[None])[0].detach().numpy()
    own = numbers(module)
    np.testing.assert_allclose(batch_norm(X, own), expected, rtol=1e-12, atol=1e-12)
    for c, i, j in itertools.product(range(5), range(4), range(6)):
        step = bn_step(float(X[c, i, j]), own, c)
        assert step.result == pytest.approx(expected[c, i, j], rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(batch_norm(X[2:3], own.of(2)), expected[2:3], rtol=1e-12, atol=1e-12)


def test_a_step_shows_the_way_of_a_value() -> None:
    own = BatchNorm(np.array([0.0, 2.0]), np.array([1.0, 9.0]), np.array([1.0, 4.0]), np.array([0.0, -1.0]), eps=0.0)
    step = bn_step(8.0, own, 1)
    assert (step.value, step.centred, step.std, step.normalised) == (8, 6, 3, 2)
    assert (step.gamma, step.beta, step.result) == (4, -1, 7)


def test_the_epsilon_is_under_the_root() -> None:
    one, zero = np.ones(1), np.zeros(1)
    assert bn_step(3.0, BatchNorm(zero, zero, one, zero, eps=0.25), 0).std == 0.5
    assert bn_step(3.0, BatchNorm(zero, zero, one, zero, eps=0.25), 0).result == 6


def test_the_statistics_are_those_of_training() -> None:
    module = layer(5, 1e-5).train()
    expected = module(torch.from_numpy(X).double()[None])[0].detach().numpy()
    mean, variance = batch_statistics(X)
    own = numbers(module)
    np.testing.assert_allclose(
        batch_norm(X, BatchNorm(mean, variance, own.gamma, own.beta, own.eps)), expected, rtol=1e-12, atol=1e-12
    )
    normalised = batch_norm(X, BatchNorm(mean, variance, np.ones(5), np.zeros(5), 0.0))
    np.testing.assert_allclose(normalised.mean(axis=(1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(normalised.std(axis=(1, 2)), 1, atol=1e-12)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("eps", [1e-5, 0.3])
@pytest.mark.parametrize("affine", [False, True])
def test_layer_norm_is_pytorchs(axes: int, eps: float, affine: bool) -> None:
    shape = X.shape[3 - axes :]
    rng = np.random.default_rng(4)
    own = tuple(rng.normal(size=shape) for _ in range(2)) if affine else (None, None)
    theirs = tuple(None if numbers is None else torch.from_numpy(numbers) for numbers in own)
    expected = functional.layer_norm(torch.from_numpy(X).double(), shape, *theirs, eps).numpy()
    np.testing.assert_allclose(layer_norm(X, axes, *own, eps), expected, rtol=1e-12, atol=1e-12)


def test_layer_norm_by_hand() -> None:
    x = np.array([[1, 3], [5, 5]])
    found = layer_norm(x, 1, np.array([2.0, 4.0]), np.array([0.0, 1.0]), 0.25)
    np.testing.assert_allclose(found, [[-2 / 1.25**0.5, 4 / 1.25**0.5 + 1], [0, 1]])


@settings(max_examples=40, deadline=None)
@given(
    groups=st.integers(1, 4),
    per_group=st.integers(1, 4),
    side=st.integers(1, 4),
    eps=st.sampled_from([1e-5, 0.3]),
    affine=st.booleans(),
)
def test_group_norm_is_pytorchs(groups: int, per_group: int, side: int, eps: float, affine: bool) -> None:
    channels = groups * per_group
    rng = np.random.default_rng(channels)
    x = rng.normal(1, 2, (channels, side, 3)).astype(np.float32)
    own = tuple(rng.normal(size=channels) for _ in range(2)) if affine else (None, None)
    theirs = tuple(None if numbers is None else torch.from_numpy(numbers) for numbers in own)
    expected = functional.group_norm(torch.from_numpy(x).double()[None], groups, *theirs, eps)[0].numpy()
    np.testing.assert_allclose(group_norm(x, groups, *own, eps), expected, rtol=1e-11, atol=1e-12)


def test_one_group_is_the_whole_layer() -> None:
    np.testing.assert_allclose(group_norm(X, 1), layer_norm(X, 3), rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: layer_norm(X, 0), "0 axes cannot be normalised: the input has 3."),
        (lambda: layer_norm(X, 4), "4 axes cannot be normalised: the input has 3."),
        (lambda: layer_norm(X, 1, np.ones(5)), "The γ has shape (5,), but (6,) is normalised."),
        (lambda: layer_norm(X, 2, np.ones((4, 6)), np.ones(6)), "The β has shape (6,), but (4, 6) is normalised."),
        (lambda: group_norm(X, 2), "5 channels cannot be split into 2 groups."),
        (lambda: group_norm(X, 0), "5 channels cannot be split into 0 groups."),
        (lambda: group_norm(X[:0], 1), "0 channels cannot be split into 1 groups."),
        (lambda: group_norm(X, 5, np.ones(1)), "There are 5 channels, but the γ has shape (1,)."),
        (lambda: group_norm(X, 5, None, np.ones(6)), "There are 5 channels, but the β has shape (6,)."),
    ],
)
def test_what_cannot_be_normalised_is_refused_with_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        make()
    assert sentence in caught.value.sentence


@settings(max_examples=60, deadline=None)
@given(
    channels=st.integers(1, 9),
    size=st.integers(1, 12),
    alpha=st.sampled_from([1e-4, 0.5, 3.0]),
    beta=st.sampled_from([0.75, 1.0, 0.5]),
    k=st.sampled_from([1.0, 2.0]),
)
def test_local_response_norm_is_pytorchs(channels: int, size: int, alpha: float, beta: float, k: float) -> None:
    x = np.random.default_rng(channels).normal(0, 2, (channels, 2, 3)).astype(np.float32)
    expected = nn.LocalResponseNorm(size, alpha, beta, k)(torch.from_numpy(x).double()[None])[0].numpy()
    np.testing.assert_allclose(local_response_norm(x, size, alpha, beta, k), expected, rtol=1e-12, atol=1e-12)
    for c, i, j in itertools.product(range(channels), range(2), range(3)):
        step = lrn_step(x, size, alpha, beta, k, c, i, j)
        assert step.result == pytest.approx(expected[c, i, j], rel=1e-12)
        assert c in step.channels
        assert len(step.squares) == len(step.channels)
        assert step.squares == tuple(float(x[n, i, j]) ** 2 for n in step.channels)
        assert step.sum == pytest.approx(sum(step.squares))
        assert step.value == x[c, i, j]
        assert step.result == step.value / step.divisor


def test_of_an_even_number_of_neighbours_one_more_stands_before() -> None:
    x = np.ones((6, 1, 1))
    assert lrn_step(x, 5, 1, 1, 1, 3, 0, 0).channels == range(1, 6)
    assert lrn_step(x, 4, 1, 1, 1, 3, 0, 0).channels == range(1, 5)
    assert lrn_step(x, 4, 1, 1, 1, 0, 0, 0).channels == range(2)
    assert lrn_step(x, 1, 1, 1, 1, 5, 0, 0).channels == range(5, 6)


def test_one_channel_far_larger_than_the_others_does_not_spoil_them() -> None:
    x = np.ones((8, 1, 1))
    x[0] = 1e9
    expected = functional.local_response_norm(torch.from_numpy(x)[None], 3, 1.0, 1.0, 1.0)[0].numpy()
    np.testing.assert_allclose(local_response_norm(x, 3, 1.0, 1.0, 1.0), expected, rtol=1e-12)


def test_an_infinite_channel_is_felt_only_by_its_neighbours() -> None:
    x = np.ones((6, 1, 1))
    x[0] = np.inf
    found = local_response_norm(x, 3, 1.0, 1.0, 1.0)[2:]
    np.testing.assert_allclose(found, local_response_norm(np.ones((6, 1, 1)), 3, 1.0, 1.0, 1.0)[2:])


def test_zero_over_zero_is_nan_as_in_pytorch() -> None:
    x = np.zeros((3, 1, 1))
    x[2] = 2
    expected = functional.local_response_norm(torch.from_numpy(x)[None], 3, 1.0, 1.0, 0.0)[0].numpy()
    np.testing.assert_array_equal(local_response_norm(x, 3, 1.0, 1.0, 0.0), expected)
    steps = [lrn_step(x, 3, 1.0, 1.0, 0.0, channel, 0, 0).result for channel in range(3)]
    np.testing.assert_array_equal(steps, expected.ravel())
    assert np.isnan(steps[0])


@pytest.mark.parametrize("size", [0, -1])
def test_no_neighbours_are_refused(size: int) -> None:
    with pytest.raises(UserError, match=f"neighbouring channels is {size}; it must be at least 1"):
        local_response_norm(X, size, 1, 1, 1)
    with pytest.raises(UserError, match=f"neighbouring channels is {size}"):
        lrn_step(X, size, 1, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("channels", [False, True])
def test_a_mask_is_the_same_for_the_same_seed(channels: bool) -> None:
    one, same, other = (dropout_mask((64, 5, 5), 0.5, seed, channels=channels) for seed in (1, 1, 2))
    assert one.dtype == np.bool_
    assert one.shape == (64, 5, 5)
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_the_share_that_is_dropped() -> None:
    for drop in (0.1, 0.5, 0.8):
        assert 1 - dropout_mask((50, 20, 20), drop, 3).mean() == pytest.approx(drop, abs=0.01)
    assert dropout_mask((3, 4, 4), 0.0, 0).all()
    assert not dropout_mask((3, 4, 4), 1.0, 0).any()


def test_whole_maps_are_dropped() -> None:
    kept = dropout_mask((200, 3, 4), 0.3, 5, channels=True)
    by_map = kept.reshape(200, -1)
    assert (by_map == by_map[:, :1]).all()
    assert 1 - by_map[:, 0].mean() == pytest.approx(0.3, abs=0.1)


def test_elements_of_a_vector_are_its_channels() -> None:
    np.testing.assert_array_equal(dropout_mask((50,), 0.5, 5, channels=True), dropout_mask((50,), 0.5, 5))


@pytest.mark.parametrize("drop", [0.0, 0.25, 0.5, 0.9])
def test_what_is_kept_grows_as_in_pytorch(drop: float) -> None:
    x = torch.from_numpy(X).double()
    expected = functional.dropout(x, drop, training=True)
    kept = (expected != 0).numpy()
    np.testing.assert_allclose(dropout(X, kept, drop), expected.numpy(), rtol=1e-14)


def test_nothing_is_left_of_a_certain_dropout() -> None:
    result = dropout(X, dropout_mask(X.shape, 1.0, 0), 1.0)
    assert (result.shape, result.dtype) == (X.shape, np.float64)
    assert not result.any()
    np.testing.assert_array_equal(result, functional.dropout(torch.from_numpy(X), 1.0, training=True).numpy())


@pytest.mark.parametrize("drop", [-0.1, 1.5, float("nan"), float("inf")])
def test_a_probability_lies_between_0_and_1(drop: float) -> None:
    with pytest.raises(UserError, match="The probability to drop is"):
        dropout_mask((1, 2, 2), drop, 0)
    with pytest.raises(UserError, match="it must lie between 0 and 1"):
        dropout(X, np.ones(X.shape, np.bool_), drop)
