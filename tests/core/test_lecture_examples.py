"""Every number that the lectures print for convolution, pooling and parameters, recomputed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz.core.capture import Capture
from cnnviz.core.convolution import (
    ConvSpec,
    convolve,
    filter_rows,
    kernel_step,
    left_over,
    output_size,
    padded,
    same_padding,
)
from cnnviz.core.kernels import kernel
from cnnviz.core.normalisation import BatchNorm, bn_step, dropout
from cnnviz.core.operations import Convolution, Pooling
from cnnviz.core.pooling import PoolSpec, pool, pool_output_size

IMAGE = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]], np.float32)[
    None
]
KERNEL = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], np.float32)[None, None]

COLOUR = np.array([[[156, 155], [153, 154]], [[167, 166], [164, 165]], [[163, 162], [160, 161]]], np.float32)
COLOUR_KERNEL = np.array(
    [
        [[-1, -1, 1], [0, 1, -1], [0, 1, 1]],
        [[1, 0, 0], [1, -1, -1], [1, 0, -1]],
        [[0, 1, 1], [0, 1, 0], [1, -1, 1]],
    ],
    np.float32,
)[None]

POOLED = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]], np.float32)[None]


@pytest.mark.parametrize(
    ("padding", "stride", "expected"),
    [
        (0, 1, [[4, 3, 4], [2, 4, 3], [2, 3, 4]]),
        (0, 2, [[4, 4], [2, 4]]),
        (1, 1, [[2, 2, 3, 1, 1], [1, 4, 3, 4, 1], [1, 2, 4, 3, 3], [1, 2, 3, 4, 1], [0, 2, 2, 1, 1]]),
        (1, 2, [[2, 3, 1], [1, 4, 3], [0, 2, 1]]),
    ],
)
def test_the_convolution_of_five_lectures(padding: int, stride: int, expected: list[list[int]]) -> None:
    spec = ConvSpec(3, stride, padding)
    assert convolve(IMAGE, KERNEL, None, spec)[0].tolist() == expected
    assert filter_rows(IMAGE, KERNEL, None, spec, 0, 0, len(expected)).tolist() == expected
    operation = Convolution(IMAGE, KERNEL, np.zeros(1), spec)
    assert operation.rows(0, 0, len(expected)).tolist() == expected
    # The kernel is its own mirror picture: a true convolution gives the same.
    assert operation.flipped().rows(0, 0, len(expected)).tolist() == expected
    assert output_size(5, 3, stride, padding) == len(expected)
    assert left_over(5, 3, stride, padding) == 0


def test_the_colour_convolution() -> None:
    spec = ConvSpec(3, padding=1)
    step = kernel_step(COLOUR, COLOUR_KERNEL, np.array([1.0]), spec, 0, 0, 0)
    assert step.window.tolist() == [
        [[0, 0, 0], [0, 156, 155], [0, 153, 154]],
        [[0, 0, 0], [0, 167, 166], [0, 164, 165]],
        [[0, 0, 0], [0, 163, 162], [0, 160, 161]],
    ]
    assert step.padding_mask.tolist() == [[True, True, True], [True, False, False], [True, False, False]]
    assert step.subtotals.tolist() == [308, -498, 164]
    assert (step.bias, step.total) == (1, -25)
    assert padded(COLOUR[0], spec)[:3, :3].tolist() == step.window[0].tolist()


@pytest.mark.parametrize(
    ("n", "kernel_size", "stride", "padding", "dilation", "expected", "rest"),
    [
        (5, 3, 1, 0, 1, 3, 0),
        (5, 3, 2, 0, 1, 2, 0),
        (6, 3, 2, 0, 1, 2, 1),
        (7, 3, 1, 0, 2, 3, 0),
        (10, 4, 3, 1, 2, 2, 2),
    ],
)
def test_the_formula_of_the_side(
    n: int, kernel_size: int, stride: int, padding: int, dilation: int, expected: int, rest: int
) -> None:
    numbers = (n, kernel_size, stride, padding, dilation)
    assert output_size(*numbers) == (n + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1 == expected
    assert left_over(*numbers) == rest


def test_same_padding_of_an_even_kernel_is_not_the_same_on_both_sides() -> None:
    assert ConvSpec((4, 2), padding="same").padding == (1, 2, 0, 1)
    assert same_padding(4) == (1, 2)
    assert ConvSpec((4, 2), padding="same").output_shape(5, 5) == (5, 5)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        ("edges_1", [[1, 0, -1], [0, 0, 0], [-1, 0, 1]]),
        ("edges_2", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        ("edges_3", [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    ],
)
def test_the_named_kernels(name: str, numbers: list[list[int]]) -> None:
    assert kernel(name, (3, 3)).tolist() == numbers


def test_the_identity_changes_nothing() -> None:
    weight = kernel("identity", (3, 3))[None, None]
    assert convolve(IMAGE, weight, None, ConvSpec(3, padding=1)).tolist() == IMAGE.tolist()


@pytest.mark.parametrize(
    ("spec", "expected", "module"),
    [
        (PoolSpec("max", 2), [[6, 8], [3, 4]], nn.MaxPool2d(2)),
        (PoolSpec("mean", 2), [[3.25, 5.25], [2, 2]], nn.AvgPool2d(2)),
        (PoolSpec("lp", 2, p=5, averaged=True), [[4.87, 6.61], [2.38, 3.16]], None),
        (PoolSpec("lp", 2, p=5), [[6.42, 8.73], [3.15, 4.17]], nn.LPPool2d(5, 2)),
    ],
)
def test_the_poolings(spec: PoolSpec, expected: list[list[float]], module: nn.Module | None) -> None:
    assert pool(POOLED, spec)[0].round(2).tolist() == expected
    operation = Pooling(POOLED, spec)
    assert operation.rows(0, 0, 2).round(2).tolist() == expected
    for row, col in itertools.product(range(2), range(2)):
        assert round(operation.value(0, row, col), 2) == expected[row][col]
    if module is not None:
        assert module(torch.from_numpy(POOLED).double())[0].numpy().round(2).tolist() == expected


def test_the_lecture_rounds_the_pooled_side_up_and_pytorch_down() -> None:
    assert (pool_output_size(5, 2), pool_output_size(5, 2, ceil_mode=True)) == (2, 3)
    assert pool(IMAGE, PoolSpec("max", 2)).shape == (1, 2, 2)
    assert pool(IMAGE, PoolSpec("max", 2, ceil_mode=True)).shape == (1, 3, 3)


@pytest.mark.parametrize(
    ("layer", "shape", "by_hand", "expected"),
    [
        (nn.Conv2d(3, 64, 3), (3, 4, 4), 64 * (3 * 3 * 3 + 1), 1_792),
        (nn.Conv2d(3, 1, 3), (3, 4, 4), 3 * 3 * 3 + 1, 28),
        (nn.Linear(64 * 64 * 3, 1000), (3, 64, 64), 64 * 64 * 3 * 1000 + 1000, 12_289_000),
        (nn.Linear(3 * 32 * 32, 1024), (3, 32, 32), 3 * 1024 * 1024 + 1024, 3_146_752),
    ],
    ids=["a layer of 64 filters", "a filter", "dense 64 × 64", "dense 32 × 32"],
)
def test_the_parameters(layer: nn.Module, shape: tuple[int, ...], by_hand: int, expected: int) -> None:
    before = nn.Identity() if isinstance(layer, nn.Conv2d) else nn.Flatten()
    graph = Capture(nn.Sequential(before, layer).eval(), shape).graph
    assert graph.output.parameters == by_hand == expected
    assert by_formula(graph.output.parameter_formula) == expected


def by_formula(text: str) -> int:
    """Compute a product such as ``64·(3·3·3 + 1)``."""
    outer, _, inner = text.partition("·(")
    product, _, bias = inner.rstrip(")").partition(" + ")
    return int(outer.replace(",", "")) * (
        int(np.prod([int(n.replace(",", "")) for n in product.split("·")])) + int(bias or 0)
    )


def test_batch_norm_divides_by_the_root_and_not_by_the_variance() -> None:
    one = np.ones(1)
    step: Any = bn_step(5.0, BatchNorm(one, 16 * one, one, 0 * one, eps=0.0), 0)
    assert (step.centred, step.std, step.result) == (4, 4, 1)


def test_the_probability_to_drop_scales_by_what_is_kept() -> None:
    assert dropout(np.full(2, 3.0), np.array([True, False]), 0.25).tolist() == [4, 0]
