"""A convolution with other settings: each change by itself, and together, against PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from cnnviz.core.convolution import ConvSpec, convolve
from cnnviz.core.errors import UserError
from cnnviz.core.kernels import KERNELS
from cnnviz.core.operations import Convolution
from cnnviz.core.what_if import ConvChanges, regrouped, resized

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 8, 9)).astype(np.float32)
WEIGHT = RNG.normal(size=(6, 4, 3, 3)).astype(np.float32)
BIAS = RNG.normal(size=6).astype(np.float32)
OWN = Convolution(X, WEIGHT, BIAS, ConvSpec(3, padding=1))


def output(operation: Convolution) -> np.ndarray[Any, Any]:
    return convolve(operation.x, operation.weight, operation.bias, operation.spec)


def by_torch(weight: Any = WEIGHT, pads: tuple[int, ...] = (1, 1, 1, 1), mode: str = "constant", **given: Any) -> Any:
    """Return PyTorch's convolution; `pads` are left, right, top, bottom."""
    x = functional.pad(torch.from_numpy(X).double()[None], pads, mode=mode)
    kernels = torch.from_numpy(np.array(weight, np.float64))
    return functional.conv2d(x, kernels, torch.from_numpy(BIAS).double(), **given)[0].numpy()


def check(changes: ConvChanges, expected: Any) -> Convolution:
    changed = changes.apply(OWN)
    np.testing.assert_allclose(output(changed), expected, rtol=1e-11, atol=1e-11)
    assert changed.output_shape == expected.shape
    return changed


def test_no_change_is_the_layer_itself() -> None:
    assert not ConvChanges().any
    changed = check(ConvChanges(), by_torch())
    assert changed.spec == OWN.spec
    np.testing.assert_array_equal(changed.weight, WEIGHT)


@pytest.mark.parametrize(
    "changes",
    [
        ConvChanges(kernel=(3, 3)),
        ConvChanges(stride=(1, 1)),
        ConvChanges(padding=(0, 0, 0, 0)),
        ConvChanges(groups=1),
        ConvChanges(padding_mode="zeros"),
        ConvChanges(named="identity"),
        ConvChanges(weights=(((0, 0, 0, 0), 0.0),)),
        ConvChanges(flipped=True),
    ],
)
def test_every_field_counts_as_a_change(changes: ConvChanges) -> None:
    assert changes.any


@pytest.mark.parametrize("stride", [(2, 2), (1, 3), (4, 1), (20, 20)])
def test_the_stride(stride: tuple[int, int]) -> None:
    check(ConvChanges(stride=stride), by_torch(stride=stride))


@pytest.mark.parametrize("dilation", [(2, 2), (1, 4), (3, 1)])
def test_the_dilation(dilation: tuple[int, int]) -> None:
    check(ConvChanges(dilation=dilation), by_torch(dilation=dilation))


@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (2, 1, 0, 3), (5, 5, 5, 5)])
def test_the_padding(padding: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = padding
    check(ConvChanges(padding=padding), by_torch(pads=(left, right, top, bottom)))


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_the_padding_mode(mode: str) -> None:
    check(ConvChanges(padding_mode=mode, padding=(2, 0, 1, 3)), by_torch(pads=(1, 3, 2, 0), mode=mode))


@pytest.mark.parametrize("kernel", [(5, 5), (1, 1), (2, 4), (4, 3), (5, 1), (3, 8)])
def test_the_kernel_is_cut_off_or_filled_up(kernel: tuple[int, int]) -> None:
    changed = check(ConvChanges(kernel=kernel), by_torch(resized(WEIGHT, kernel)))
    assert changed.spec.kernel == kernel
    assert changed.weight.shape == (6, 4, *kernel)


def test_a_larger_kernel_with_zeros_around_it_computes_the_same() -> None:
    check(ConvChanges(kernel=(7, 5), padding=(3, 3, 2, 2)), by_torch())


def test_kernels_keep_their_middle() -> None:
    weight = np.arange(9.0).reshape(1, 1, 3, 3)
    assert resized(weight, (1, 1)).ravel().tolist() == [4]
    assert resized(weight, (2, 2))[0, 0].tolist() == [[0, 1], [3, 4]]
    assert resized(weight, (4, 3))[0, 0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 0, 0]]
    assert resized(weight, (5, 1))[0, 0].ravel().tolist() == [0, 1, 4, 7, 0]
    assert resized(weight, (3, 3)).tolist() == weight.tolist()


@settings(max_examples=50, deadline=None)
@given(small=st.tuples(st.integers(1, 4), st.integers(1, 4)), more=st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_a_kernel_that_was_enlarged_can_be_cut_back(small: tuple[int, int], more: tuple[int, int]) -> None:
    weight = np.random.default_rng(0).normal(size=(2, 2, *small))
    large = resized(weight, (small[0] + more[0], small[1] + more[1]))
    assert np.abs(large).sum() == pytest.approx(np.abs(weight).sum())
    np.testing.assert_array_equal(resized(large, small), weight)


@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 3), (4, 2), (2, 5)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 2), (5, 1)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_same_padding(kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> None:
    changed = ConvChanges(kernel=kernel, stride=stride, dilation=dilation, padding="same").apply(OWN)
    assert changed.output_shape == (6, -(-8 // stride[0]), -(-9 // stride[1]))
    top, bottom, left, right = changed.spec.padding
    assert top <= bottom <= top + 1
    assert left <= right <= left + 1
    expected = by_torch(resized(WEIGHT, kernel), (left, right, top, bottom), stride=stride, dilation=dilation)
    np.testing.assert_allclose(output(changed), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel", [(2, 2), (3, 5), (4, 1)])
def test_same_padding_without_a_stride_is_pytorchs(kernel: tuple[int, int]) -> None:
    expected = by_torch(resized(WEIGHT, kernel), (0, 0, 0, 0), padding="same")
    check(ConvChanges(kernel=kernel, padding="same"), expected)


def test_no_padding_by_its_name() -> None:
    check(ConvChanges(padding="valid"), by_torch(pads=(0, 0, 0, 0)))


@pytest.mark.parametrize("groups", [1, 2])
def test_the_groups_cut_connections(groups: int) -> None:
    changed = check(ConvChanges(groups=groups), by_torch(kept(groups)))
    assert changed.spec.groups == groups
    np.testing.assert_allclose(output(changed), by_torch(changed.weight, groups=groups), rtol=1e-11, atol=1e-11)


def kept(groups: int) -> Any:
    """Return the layer's weights with zeros between different groups."""
    cut = WEIGHT.copy()
    for unit, channel in itertools.product(range(6), range(4)):
        if unit // (6 // groups) != channel // (4 // groups):
            cut[unit, channel] = 0
    return cut


def test_groups_taken_away_connect_nothing_new() -> None:
    weight = RNG.normal(size=(4, 1, 3, 3))
    own = Convolution(X, weight, None, ConvSpec(3, groups=4))
    for groups in (1, 2):
        changed = ConvChanges(groups=groups).apply(own)
        assert changed.weight.shape == (4, 4 // groups, 3, 3)
        np.testing.assert_allclose(output(changed), output(own), atol=1e-12)
    np.testing.assert_array_equal(regrouped(regrouped(weight, 4, 1), 1, 4), weight)


def test_the_weights_are_kept_where_the_groups_are_the_same() -> None:
    np.testing.assert_array_equal(regrouped(WEIGHT[:, :2], 2, 2), WEIGHT[:, :2])


@pytest.mark.parametrize("name", KERNELS)
def test_a_named_kernel_in_every_channel(name: str) -> None:
    changed = ConvChanges(named=name).apply(OWN)
    named = KERNELS[name].make((3, 3), 0.0)
    assert changed.weight.shape == WEIGHT.shape
    np.testing.assert_allclose(output(changed), by_torch(np.broadcast_to(named, WEIGHT.shape)), atol=1e-11)


def test_a_named_kernel_has_the_new_size() -> None:
    changed = ConvChanges(named="box_blur", kernel=(5, 2)).apply(OWN)
    np.testing.assert_array_equal(changed.weight, np.full((6, 4, 5, 2), 0.1))


def test_single_weights() -> None:
    changes = ConvChanges().with_weight((1, 2, 0, 2), 5.0).with_weight((5, 0, 1, 1), -3.0)
    changes = changes.with_weight((1, 2, 0, 2), 7.0)
    assert changes.weights == (((5, 0, 1, 1), -3.0), ((1, 2, 0, 2), 7.0))
    weight = WEIGHT.copy()
    weight[1, 2, 0, 2], weight[5, 0, 1, 1] = 7, -3
    check(changes, by_torch(weight))


def test_single_weights_replace_those_of_a_named_kernel() -> None:
    changed = ConvChanges(named="identity", weights=(((0, 0, 0, 0), 2.0),)).apply(OWN)
    assert changed.weight[0, 0].tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert changed.weight[0, 1].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("kernel", [(3, 3), (2, 3), (4, 4)])
def test_flipped_is_a_convolution_by_its_definition(kernel: tuple[int, int]) -> None:
    changed = ConvChanges(flipped=True, kernel=kernel, padding="valid").apply(OWN)
    weight = resized(WEIGHT, kernel).astype(np.float64)
    expected = np.zeros(changed.output_shape) + BIAS[:, None, None].astype(np.float64)
    rows, columns = expected.shape[1:]
    for m, n in np.ndindex(kernel):
        # y(i, j) = Σ w(m, n) · x(i − m, j − n), where the whole kernel lies in the input
        top, left = kernel[0] - 1 - m, kernel[1] - 1 - n
        expected += np.tensordot(weight[:, :, m, n], X[:, top : top + rows, left : left + columns], axes=1)
    np.testing.assert_allclose(output(changed), expected, atol=1e-11)


def test_a_flip_comes_after_the_single_weights() -> None:
    changed = ConvChanges(flipped=True, weights=(((0, 0, 0, 0), 9.0),)).apply(OWN)
    assert changed.weight[0, 0, 2, 2] == 9


def test_everything_at_once() -> None:
    changes = ConvChanges((2, 3), (2, 1), (1, 2), (1, 0, 2, 1), 2, "circular", None, (((3, 1, 1, 0), 0.5),), True)
    weight = resized(regrouped(WEIGHT, 1, 2), (2, 3)).copy()
    weight[3, 1, 1, 0] = 0.5
    expected = by_torch(weight[:, :, ::-1, ::-1], (2, 1, 1, 0), "circular", stride=(2, 1), dilation=(1, 2), groups=2)
    check(changes, expected)


def test_the_layer_itself_is_not_changed() -> None:
    before = WEIGHT.copy()
    changes = ConvChanges(kernel=(5, 5), named="gabor", weights=(((0, 0, 0, 0), 3.0),), flipped=True, groups=2)
    changes.apply(OWN)
    ConvChanges(weights=(((0, 0, 0, 0), 3.0),)).apply(OWN)
    np.testing.assert_array_equal(WEIGHT, before)
    assert OWN.spec == ConvSpec(3, padding=1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (ConvChanges(kernel=(12, 3)), "The kernel spans 12 values"),
        (ConvChanges(kernel=(0, 3)), "The kernel size is 0 × 3"),
        (ConvChanges(stride=(-1, 1)), "The stride is -1 × 1"),
        (ConvChanges(kernel=(-1, 3)), "The kernel size is -1 × 3"),
        (ConvChanges(kernel=(0, 3), padding="same"), "The kernel size is 0 × 3"),
        (ConvChanges(stride=(0, 1)), "The stride is 0 × 1"),
        (ConvChanges(stride=(0, 1), padding="same"), "The stride is 0 × 1"),
        (ConvChanges(dilation=(1, 0)), "The dilation is 1 × 0"),
        (ConvChanges(dilation=(1, 0), padding="same"), "The dilation is 1 × 0"),
        (ConvChanges(dilation=(9, 1)), "The kernel spans 19 values"),
        (ConvChanges(padding=(0, 0, -1, 0)), "The padding is -1 on one side"),
        (ConvChanges(padding="full"), "no padding 'full'"),
        (ConvChanges(padding=(9, 0, 0, 0), padding_mode="circular"), "too large for mode 'circular'"),
        (ConvChanges(padding=(0, 0, 9, 0), padding_mode="reflect"), "too large for mode 'reflect'"),
        (ConvChanges(padding_mode="mirror"), "no padding mode 'mirror'"),
        (ConvChanges(groups=3), "4 channels and 6 filters cannot be split into 3 groups"),
        (ConvChanges(groups=4), "cannot be split into 4 groups"),
        (ConvChanges(groups=0), "number of groups is 0"),
        (ConvChanges(groups=-2), "number of groups is -2"),
        (ConvChanges(named="prewitt"), "There is no kernel 'prewitt'"),
        (ConvChanges(named="sobel_x", kernel=(3, 2)), "needs 3 × 3 cells; there are 3 × 2"),
        (ConvChanges(weights=(((6, 0, 0, 0), 1.0),)), "There is no weight"),
        (ConvChanges(weights=(((0, 2, 0, 0), 1.0),), groups=2), "There is no weight"),
        (ConvChanges(weights=(((0, 0, 2, 2), 1.0),), kernel=(2, 2)), "There is no weight"),
        (ConvChanges(weights=(((0, 0, -1, 0), 1.0),)), "There is no weight"),
    ],
)
def test_impossible_changes_are_refused_with_a_sentence(changes: ConvChanges, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        changes.apply(OWN)
    assert sentence in caught.value.sentence
