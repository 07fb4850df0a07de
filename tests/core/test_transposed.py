"""Transposed convolution against PyTorch: whole layers, single cells and stamps."""

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
from cnnviz.core.transposed import (
    TransposedSpec,
    conv_transpose,
    overlap_counts,
    stamp,
    transposed_output_size,
    transposed_step,
)

Layer = tuple[Any, Any, Any]


def by_torch(x: Any, weight: Any, bias: Any, spec: TransposedSpec) -> np.ndarray[Any, Any]:
    out = functional.conv_transpose2d(
        torch.from_numpy(x).double()[None],
        torch.from_numpy(weight).double(),
        None if bias is None else torch.from_numpy(bias).double(),
        spec.stride,
        spec.padding,
        spec.output_padding,
        spec.groups,
        spec.dilation,
    )
    return out[0].numpy()


def layer(spec: TransposedSpec, channels: int, per_group: int, height: int, width: int, seed: int = 0) -> Layer:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(channels, height, width)).astype(np.float32)
    weight = rng.normal(size=(channels, per_group, *spec.kernel)).astype(np.float32)
    return x, weight, rng.normal(size=per_group * spec.groups).astype(np.float32)


@st.composite
def specs(draw: st.DrawFn) -> TransposedSpec:
    stride, dilation = ((draw(st.integers(1, top)), draw(st.integers(1, top))) for top in (5, 3))
    output_padding = tuple(draw(st.integers(0, max(pair) - 1)) for pair in zip(stride, dilation, strict=True))
    kernel = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    padding = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    return TransposedSpec(kernel, stride, padding, output_padding, dilation, draw(st.sampled_from([1, 2, 3])))


@settings(max_examples=120, deadline=None)
@given(data=st.data(), spec=specs())
def test_any_layer_is_pytorchs(data: st.DataObject, spec: TransposedSpec) -> None:
    small = st.integers(1, 3)
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    x, weight, bias = layer(spec, spec.groups * data.draw(small), data.draw(small), height, width)
    try:
        shape = spec.output_shape(height, width)
    except UserError:
        with pytest.raises(RuntimeError, match="too small"):
            by_torch(x, weight, bias, spec)
        return
    expected = by_torch(x, weight, bias, spec)
    assert expected.shape == (len(bias), *shape)
    np.testing.assert_allclose(conv_transpose(x, weight, bias, spec), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(conv_transpose(x, weight, None, spec), by_torch(x, weight, None, spec), atol=1e-12)
    unit = data.draw(st.integers(0, len(bias) - 1))
    for row, col in itertools.product(*map(range, shape)):
        step = transposed_step(x, weight, bias, spec, unit, row, col)
        assert step.total == pytest.approx(expected[unit, row, col], abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), spec=specs())
def test_stamps_add_up_to_the_output(data: st.DataObject, spec: TransposedSpec) -> None:
    height, width = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    x, weight, _ = layer(spec, 2 * spec.groups, 2, height, width)
    try:
        shape = spec.output_shape(height, width)
    except UserError:
        return
    unit = data.draw(st.integers(0, 2 * spec.groups - 1))
    canvas, counts = np.zeros(shape), np.zeros(shape, int)
    first = unit // 2 * 2  # two maps and two channels in each group
    for channel, row, col in itertools.product((first, first + 1), range(height), range(width)):
        put = stamp(x, weight, spec, unit, channel, row, col)
        assert put.value == x[channel, row, col]
        np.testing.assert_array_equal(put.weights, weight[channel, unit % 2])
        for i, j in np.argwhere(put.inside):
            canvas[put.rows[i], put.columns[j]] += put.scaled[i, j]
            counts[put.rows[i], put.columns[j]] += channel == first
        assert (
            put.inside.sum()
            == ((put.rows >= 0) & (put.rows < shape[0])).sum() * ((put.columns >= 0) & (put.columns < shape[1])).sum()
        )
    np.testing.assert_allclose(canvas, conv_transpose(x, weight, None, spec)[unit], atol=1e-12)
    np.testing.assert_array_equal(overlap_counts(height, width, spec), counts)


@settings(max_examples=60, deadline=None)
@given(spec=specs(), height=st.integers(1, 6), width=st.integers(1, 6))
def test_overlaps_are_the_transposed_convolution_of_ones(spec: TransposedSpec, height: int, width: int) -> None:
    spec = TransposedSpec(spec.kernel, spec.stride, spec.padding, spec.output_padding, spec.dilation)
    try:
        spec.output_shape(height, width)
    except UserError:
        return
    ones = conv_transpose(np.ones((1, height, width)), np.ones((1, 1, *spec.kernel)), None, spec)
    np.testing.assert_array_equal(overlap_counts(height, width, spec), ones[0])


def test_a_kernel_that_the_stride_does_not_divide_makes_a_checkerboard() -> None:
    along = [1, 1, 2, 1, 2, 1, 1]
    assert overlap_counts(3, 3, TransposedSpec(3, 2)).tolist() == np.outer(along, along).tolist()
    assert set(overlap_counts(5, 5, TransposedSpec(4, 2, 1))[1:-1, 1:-1].ravel().tolist()) == {4}
    assert overlap_counts(2, 2, TransposedSpec(1, 3))[:, 0].tolist() == [1, 0, 0, 1]


def test_a_layer_by_hand() -> None:
    # Two stamps of 1 2 / 3 4, side by side, that share the middle column.
    x, weight = np.array([[[1.0, 10.0]]]), np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert conv_transpose(x, weight, np.array([0.5]), TransposedSpec(2)).tolist() == [
        [[1.5, 12.5, 20.5], [3.5, 34.5, 40.5]]
    ]
    step = transposed_step(x, weight, np.array([0.5]), TransposedSpec(2), 0, 1, 1)
    assert sorted(zip(step.sources.tolist(), step.taps.tolist(), step.products[0].tolist(), strict=True)) == [
        ([0, 0], [1, 1], 4),
        ([0, 1], [1, 0], 30),
    ]
    assert step.total == 34.5


def test_a_step_shows_how_its_total_is_made() -> None:
    spec = TransposedSpec((3, 2), stride=2, padding=(1, 0), output_padding=(1, 1), groups=2)
    x, weight, bias = layer(spec, 4, 3, 3, 3)
    step = transposed_step(x, weight, bias, spec, 4, 2, 3)
    assert step.first_channel == 2
    assert step.sources.tolist() == [[1, 1]]
    assert step.taps.tolist() == [[1, 1]]
    np.testing.assert_array_equal(step.values, x[2:4, 1:2, 1].astype(np.float64))
    np.testing.assert_array_equal(step.weights, weight[2:4, 1, 1, 1:2])
    np.testing.assert_array_equal(step.products, step.values * step.weights)
    assert step.total == step.subtotals.sum() + float(bias[4])


def test_a_cell_between_the_stamps_is_the_bias() -> None:
    spec = TransposedSpec(1, 3)
    x, weight, bias = layer(spec, 2, 2, 2, 2)
    step = transposed_step(x, weight, bias, spec, 1, 1, 0)
    assert step.products.shape == (2, 0)
    assert step.subtotals.tolist() == [0, 0]
    assert step.total == float(bias[1])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TransposedSpec(0), "The kernel size is 0 × 0"),
        (lambda: TransposedSpec(2, 0), "The stride is 0 × 0"),
        (lambda: TransposedSpec(2, padding=-1), "The padding is -1 × -1"),
        (lambda: TransposedSpec(2, dilation=0), "The dilation is 0 × 0"),
        (lambda: TransposedSpec(2, groups=0), "number of groups is 0"),
        (lambda: TransposedSpec(2, 2, output_padding=2), "The output padding is 2; it must be below"),
        (lambda: TransposedSpec(2, (2, 1), output_padding=1), "The output padding is 1; it must be below"),
        (lambda: TransposedSpec((1, 2, 3)), "The kernel size has 3 numbers"),
        (lambda: transposed_output_size(1, 2, padding=1), "Padding of 1 cuts the whole output of 2 away."),
        (lambda: transposed_output_size(0, 3), "maps without values has nothing to compute"),
        (lambda: TransposedSpec(1, padding=3).output_shape(6, 9), "cuts the whole output of 6 away"),
    ],
)
def test_impossible_settings_are_refused_with_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        make()
    assert sentence in caught.value.sentence


@pytest.mark.parametrize(
    ("x", "weight", "bias", "groups", "sentence"),
    [
        ((3, 3), (1, 1, 2, 2), None, 1, "3 and weights of 4 axes, not 2 and 4"),
        ((0, 3, 3), (0, 1, 2, 2), None, 1, "0 channels into 1 maps"),
        ((2, 3, 3), (3, 1, 2, 2), None, 1, "expect 3 channels in 1 groups, but the input has 2"),
        ((3, 3, 3), (3, 1, 2, 2), None, 2, "expect 3 channels in 2 groups, but the input has 3"),
        ((2, 3, 3), (2, 1, 3, 2), None, 1, "kernel of 3 × 2"),
        ((2, 3, 3), (2, 2, 2, 2), (2,), 2, "There are 4 output maps, but the bias has shape (2,)"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    x: Any, weight: Any, bias: Any, groups: int, sentence: str
) -> None:
    arrays = np.zeros(x), np.zeros(weight), None if bias is None else np.zeros(bias)
    for call in (conv_transpose, lambda *given: transposed_step(*given, 0, 0, 0)):
        with pytest.raises(UserError) as caught:
            call(*arrays, TransposedSpec(2, groups=groups))
        assert sentence in caught.value.sentence


@pytest.mark.parametrize("place", [(1, 0, 0), (0, 4, 0), (0, 0, 4), (-1, 0, 0), (0, -1, 0)])
def test_no_step_outside_of_the_output(place: tuple[int, int, int]) -> None:
    with pytest.raises(IndexError):
        transposed_step(np.ones((1, 3, 3)), np.ones((1, 1, 2, 2)), None, TransposedSpec(2), *place)


@pytest.mark.parametrize(
    "place", [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 3, 0), (0, 0, 0, 3), (0, 0, -1, 0), (-1, 0, 0, 0)]
)
def test_no_stamp_outside_of_the_input(place: tuple[int, int, int, int]) -> None:
    with pytest.raises(IndexError):
        stamp(np.ones((1, 3, 3)), np.ones((1, 1, 2, 2)), TransposedSpec(2), *place)


def test_no_stamp_on_a_map_of_another_group() -> None:
    spec = TransposedSpec(2, groups=2)
    with pytest.raises(IndexError, match="different groups"):
        stamp(np.ones((4, 3, 3)), np.ones((4, 3, 2, 2)), spec, 2, 2, 0, 0)
    assert stamp(np.ones((4, 3, 3)), np.ones((4, 3, 2, 2)), spec, 3, 2, 0, 0).value == 1
