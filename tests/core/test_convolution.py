"""Kernel steps and whole layers against PyTorch, and against the lectures' examples."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from cnnviz.core.convolution import (
    ConvSpec,
    convolve,
    kernel_step,
    kernel_steps,
    left_over,
    output_size,
    same_padding,
)
from cnnviz.core.errors import UserError

LECTURE_IMAGE = np.array(
    [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]], np.float32
)[None]
LECTURE_KERNEL = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], np.float32)[None, None]

TORCH_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def by_torch(x: Any, weight: Any, bias: Any, spec: ConvSpec) -> np.ndarray[Any, Any]:
    top, bottom, left, right = spec.padding
    batch = torch.from_numpy(x).double()[None]
    padded = functional.pad(batch, (left, right, top, bottom), mode=TORCH_MODES[spec.padding_mode])
    out = functional.conv2d(
        padded,
        torch.from_numpy(weight).double(),
        None if bias is None else torch.from_numpy(bias).double(),
        stride=spec.stride,
        dilation=spec.dilation,
        groups=spec.groups,
    )
    return out[0].numpy()


def layer(spec: ConvSpec, channels: int, filters: int, height: int, width: int, seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(channels, height, width)).astype(np.float32)
    weight = rng.normal(size=(filters, channels // spec.groups, *spec.kernel)).astype(np.float32)
    return x, weight, rng.normal(size=filters).astype(np.float32)


@pytest.mark.parametrize(
    ("padding", "stride", "expected"),
    [
        (0, 1, [[4, 3, 4], [2, 4, 3], [2, 3, 4]]),
        (0, 2, [[4, 4], [2, 4]]),
        (1, 1, [[2, 2, 3, 1, 1], [1, 4, 3, 4, 1], [1, 2, 4, 3, 3], [1, 2, 3, 4, 1], [0, 2, 2, 1, 1]]),
        (1, 2, [[2, 3, 1], [1, 4, 3], [0, 2, 1]]),
    ],
)
def test_the_lectures_picture(padding: int, stride: int, expected: list[list[int]]) -> None:
    spec = ConvSpec(3, stride, padding)
    assert convolve(LECTURE_IMAGE, LECTURE_KERNEL, None, spec)[0].tolist() == expected
    totals = [step.total for step in kernel_steps(LECTURE_IMAGE, LECTURE_KERNEL, None, spec, 0)]
    assert totals == [value for row in expected for value in row]


def test_the_lectures_colour_convolution() -> None:
    x = np.array([[[156, 155], [153, 154]], [[167, 166], [164, 165]], [[163, 162], [160, 161]]], np.float32)
    weight = np.array(
        [
            [[-1, -1, 1], [0, 1, -1], [0, 1, 1]],
            [[1, 0, 0], [1, -1, -1], [1, 0, -1]],
            [[0, 1, 1], [0, 1, 0], [1, -1, 1]],
        ],
        np.float32,
    )[None]
    step = kernel_step(x, weight, np.array([1.0]), ConvSpec(3, padding=1), 0, 0, 0)
    assert step.subtotals.tolist() == [308, -498, 164]
    assert step.total == -25
    assert step.window[0].tolist() == [[0, 0, 0], [0, 156, 155], [0, 153, 154]]
    assert step.padding_mask.tolist() == [[True, True, True], [True, False, False], [True, False, False]]


CASES = [
    pytest.param(ConvSpec(*numbers), id="-".join(map(str, numbers)))
    for numbers in [
        (3, 1, 0, 1, 1, "zeros"),
        (5, 1, 2, 1, 1, "zeros"),
        (2, 1, "same", 1, 1, "zeros"),
        ((4, 2), 1, "same", 1, 1, "zeros"),
        ((4, 2), (2, 3), (1, 2, 0, 1), 1, 1, "zeros"),
        (1, 1, 0, 1, 1, "zeros"),
        (1, 3, 0, 1, 1, "zeros"),
        (2, 5, 1, 1, 1, "zeros"),
        (3, 1, 2, 2, 1, "zeros"),
        (3, (2, 1), (2, 3), (2, 3), 1, "zeros"),
        (3, 1, 1, 1, 2, "zeros"),
        (3, 2, 1, 1, 4, "zeros"),
        (3, 1, 1, 1, 1, "reflect"),
        (5, 2, (2, 3), 1, 2, "reflect"),
        (3, 1, 1, 1, 1, "replicate"),
        (3, 1, (4, 0, 1, 5), 2, 1, "replicate"),
        (3, 1, 1, 1, 1, "circular"),
        (4, 3, (7, 2, 0, 5), 1, 1, "circular"),
    ]
]  # fmt: skip


@pytest.mark.parametrize("spec", CASES)
def test_layers_and_steps_are_pytorchs(spec: ConvSpec) -> None:
    x, weight, bias = layer(spec, channels=4, filters=8, height=7, width=9)
    expected = by_torch(x, weight, bias, spec)
    assert spec.output_shape(7, 9) == expected.shape[1:]
    np.testing.assert_allclose(convolve(x, weight, bias, spec), expected, rtol=1e-12, atol=1e-12)
    for unit in (0, 3, 7):
        steps = list(kernel_steps(x, weight, bias, spec, unit))
        assert [(s.row, s.col) for s in steps] == list(itertools.product(*map(range, expected.shape[1:])))
        np.testing.assert_allclose([s.total for s in steps], expected[unit].ravel(), rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_layer_is_pytorchs(data: st.DataObject) -> None:
    draw = data.draw
    small = st.integers(1, 3)
    groups = draw(st.sampled_from([1, 2, 3]))
    padding = tuple(draw(st.integers(0, 3)) for _ in range(4))
    spec = ConvSpec((draw(small), draw(small)), (draw(st.integers(1, 4)), draw(small)), padding, draw(small), groups)
    height, width = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    x, weight, bias = layer(spec, groups * draw(small), groups * draw(small), height, width, seed=3)
    try:
        rows, columns = spec.output_shape(height, width)
    except UserError:
        with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
            by_torch(x, weight, bias, spec)
        return
    expected = by_torch(x, weight, bias, spec)
    assert expected.shape[1:] == (rows, columns)
    np.testing.assert_allclose(convolve(x, weight, None, spec), expected - bias[:, None, None], rtol=1e-6, atol=1e-6)
    unit, row, col = draw(st.integers(0, len(weight) - 1)), draw(st.integers(0, rows - 1)), columns - 1
    assert kernel_step(x, weight, bias, spec, unit, row, col).total == pytest.approx(expected[unit, row, col], abs=1e-9)


def test_a_step_shows_how_its_total_is_made() -> None:
    spec = ConvSpec((2, 3), stride=(2, 1), padding=(1, 0, 2, 0), groups=2)
    x, weight, bias = layer(spec, 4, 6, 5, 6)
    step = kernel_step(x, weight, bias, spec, 4, 1, 3)
    assert (step.first_channel, step.top, step.left) == (2, 2, 3)
    assert step.window.dtype == step.products.dtype == np.float64
    np.testing.assert_array_equal(step.window, x[2:4, 1:3, 1:4])
    np.testing.assert_array_equal(step.weights, weight[4])
    np.testing.assert_array_equal(step.products, x[2:4, 1:3, 1:4].astype(np.float64) * weight[4])
    assert step.subtotals.shape == (2,)
    assert step.total == step.subtotals.sum() + step.bias
    assert not step.padding_mask.any()


def test_steps_are_made_when_asked_for() -> None:
    spec = ConvSpec(3)
    x, weight, bias = layer(spec, 1, 1, 200, 200)
    steps = kernel_steps(x, weight, bias, spec, 0)
    assert [(next(steps).row, next(steps).col) for _ in range(2)] == [(0, 1), (0, 3)]


def test_a_one_pixel_map() -> None:
    x, weight = np.full((1, 1, 1), 3.0), np.arange(9.0).reshape(1, 1, 3, 3)
    assert convolve(x, weight, None, ConvSpec(3, padding=1)).tolist() == [[[12.0]]]
    assert convolve(x, weight, None, ConvSpec(3, padding=1, padding_mode="replicate")).tolist() == [[[108.0]]]


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding", "dilation", "size", "rest"),
    [
        (28, 5, 1, 2, 1, 28, 0),
        (32, 5, 1, 0, 1, 28, 0),
        (224, 7, 2, 3, 1, 112, 1),
        (227, 11, 4, 0, 1, 55, 0),
        (7, 3, 2, 0, 2, 2, 0),
        (8, 3, 3, 0, 1, 2, 2),
        (5, 2, 3, (1, 0), 1, 2, 1),
        (1, 1, 1, 0, 1, 1, 0),
    ],
)
def test_sizes_and_what_is_left_over(
    n: int, kernel: int, stride: int, padding: int | tuple[int, int], dilation: int, size: int, rest: int
) -> None:
    assert output_size(n, kernel, stride, padding, dilation) == size
    assert left_over(n, kernel, stride, padding, dilation) == rest


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel", [(4, 2), (2, 2), (3, 5), (1, 1)])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_padding_is_pytorchs(kernel: tuple[int, int], dilation: int) -> None:
    spec = ConvSpec(kernel, padding="same", dilation=dilation)
    x, weight, bias = layer(spec, 2, 3, 9, 8)
    arrays = [torch.from_numpy(a).double() for a in (x[None], weight, bias)]
    expected = functional.conv2d(*arrays, padding="same", dilation=dilation)[0].numpy()
    np.testing.assert_allclose(convolve(x, weight, bias, spec), expected, atol=1e-12)


def test_same_padding_of_a_stride_gives_the_rounded_up_quotient() -> None:
    for n, kernel, stride in itertools.product(range(1, 12), range(1, 6), range(2, 5)):
        before, after = same_padding(kernel, stride=stride, n=n)
        assert 0 <= after - before <= 1
        assert output_size(n, kernel, stride, (before, after)) == -(-n // stride)
    with pytest.raises(ValueError, match="depends on the input"):
        same_padding(3, stride=2)


def test_named_and_single_numbers_are_completed() -> None:
    spec = ConvSpec(3, 2, (1, 2), 1)
    assert (spec.kernel, spec.stride, spec.padding, spec.dilation) == ((3, 3), (2, 2), (1, 1, 2, 2), (1, 1))
    assert ConvSpec(3, padding="valid") == ConvSpec((3, 3))
    assert hash(ConvSpec(3)) == hash(ConvSpec([3, 3]))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ConvSpec(3, stride=0), "The stride is 0 × 0; it must be at least 1."),
        (lambda: ConvSpec(0), "The kernel size is 0 × 0"),
        (lambda: ConvSpec(3, dilation=(1, 0)), "The dilation is 1 × 0"),
        (lambda: ConvSpec(3, padding=-1), "The padding is -1 × -1"),
        (lambda: ConvSpec(3, padding=(0, 0, -2, 0)), "The padding is -2 on one side"),
        (lambda: ConvSpec(3, padding=(1, 2, 3)), "The padding has 3 numbers"),
        (lambda: ConvSpec(3, padding="full"), "no padding 'full'"),
        (lambda: ConvSpec(3, 2, padding="same"), "'Same' padding needs stride 1"),
        (lambda: ConvSpec(3, groups=0), "number of groups is 0"),
        (lambda: ConvSpec(3, padding_mode="mirror"), "no padding mode 'mirror'"),
        (lambda: output_size(4, 5), "The kernel spans 5 values, but the padded input has only 4."),
        (lambda: output_size(4, 3, 0), "The stride is 0"),
        (lambda: output_size(0, 1), "has only 0"),
    ],
)
def test_impossible_settings_are_refused_with_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        make()
    assert sentence in caught.value.sentence


@pytest.mark.parametrize(
    ("x", "weight", "bias", "spec", "sentence"),
    [
        ((0, 5, 5), (1, 0, 3, 3), None, ConvSpec(3), "0 channels"),
        (
            (3, 5, 5),
            (2, 1, 3, 3),
            None,
            ConvSpec(3, groups=2),
            "3 channels and 2 filters cannot be split into 2 groups",
        ),
        ((4, 5, 5), (3, 2, 3, 3), None, ConvSpec(3, groups=2), "cannot be split"),
        ((4, 5, 5), (2, 3, 3, 3), None, ConvSpec(3), "expect 3 channels, but the input has 4"),
        ((1, 5, 5), (2, 1, 5, 3), None, ConvSpec(3), "kernel of 5 × 3"),
        ((1, 5, 5), (2, 1, 3, 3), (3,), ConvSpec(3), "2 filters, but the bias"),
        ((5, 5), (2, 1, 3, 3), None, ConvSpec(3), "3 and weights of 4 axes, not 2 and 4"),
        ((1, 2, 5), (2, 1, 3, 3), None, ConvSpec(3), "The kernel spans 3"),
        ((1, 2, 5), (2, 1, 3, 3), None, ConvSpec(3, padding=2, padding_mode="reflect"), "too large for mode 'reflect'"),
        ((1, 2, 5), (2, 1, 3, 3), None, ConvSpec(3, padding=3, padding_mode="circular"), "too large for mode"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    x: Any, weight: Any, bias: Any, spec: ConvSpec, sentence: str
) -> None:
    arrays = np.zeros(x), np.zeros(weight), None if bias is None else np.zeros(bias)
    with pytest.raises(UserError) as caught:
        convolve(*arrays, spec)
    assert sentence in caught.value.sentence


@pytest.mark.parametrize("place", [(1, 0, 0), (0, 3, 0), (0, 0, 3), (-1, 0, 0), (0, -1, 0)])
def test_no_step_outside_of_the_output(place: tuple[int, int, int]) -> None:
    with pytest.raises(IndexError):
        kernel_step(LECTURE_IMAGE, LECTURE_KERNEL, None, ConvSpec(3), *place)
