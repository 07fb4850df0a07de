"""Activation functions and derivatives against PyTorch and its autograd, and at the ends of the number line."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnviz.core import activation
from cnnviz.core.activation import FUNCTIONS, SATURATED, Function, share_dead, share_saturated

GRID = np.arange(-20, 20 + 1 / 64, 1 / 64)  # with every kink on it
Torch = Callable[[torch.Tensor, float], torch.Tensor]

TORCH: dict[str, Torch] = {
    "identity": lambda x, a: x * 1,
    "step": lambda x, a: (x >= 0).to(x.dtype) + 0 * x,
    "sigmoid": lambda x, a: torch.sigmoid(x),
    "tanh": lambda x, a: torch.tanh(x),
    "arctan": lambda x, a: torch.atan(x),
    "relu": lambda x, a: functional.relu(x),
    "leaky_relu": functional.leaky_relu,
    "prelu": lambda x, a: functional.prelu(x, torch.tensor([a], dtype=x.dtype)),
    "elu": functional.elu,
    "softplus": lambda x, a: functional.softplus(x, threshold=1000),
    "gelu": lambda x, a: functional.gelu(x),
    "silu": lambda x, a: functional.silu(x),
    "scaled_tanh": lambda x, a: 1.7159 * torch.tanh(2 / 3 * x),
    "relu6": lambda x, a: functional.relu6(x),
    "hardtanh": lambda x, a: functional.hardtanh(x),
    "hardswish": lambda x, a: functional.hardswish(x),
    "hardsigmoid": lambda x, a: functional.hardsigmoid(x),
    "mish": lambda x, a: functional.mish(x),
}
CASES = [
    (name, parameter)
    for name, function in FUNCTIONS.items()
    for parameter in ([function.default, 0.5, 0.0, 1.0, 3.0, -2.0] if function.parameter else [function.default])
]


def test_every_function_is_compared() -> None:
    assert TORCH.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_values_and_slopes_are_pytorchs(name: str, parameter: float) -> None:
    x = torch.from_numpy(GRID).clone().requires_grad_()
    y = TORCH[name](x, parameter)
    (slope,) = torch.autograd.grad(y.sum(), x)
    function = FUNCTIONS[name]
    np.testing.assert_allclose(function.call(GRID, parameter), y.detach().numpy(), rtol=1e-11, atol=1e-12)
    # PyTorch's slope of the hard sigmoid is a sixth in single precision.
    rtol = 1e-7 if name == "hardsigmoid" else 1e-10
    np.testing.assert_allclose(function.derivative(GRID, parameter), slope.numpy(), rtol=rtol, atol=1e-11)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_float64_of_the_same_shape_and_the_input_stays(name: str) -> None:
    function = FUNCTIONS[name]
    x = np.array([[-1.0, 0.0], [2.0, np.nan]])
    before = x.copy()
    for call in (function.call, function.derivative):
        for given in (x, x[0, 0:1], np.zeros((0, 3))):
            result = call(given, function.default)
            assert (result.shape, result.dtype) == (given.shape, np.float64)
            assert not np.shares_memory(result, given)
    np.testing.assert_array_equal(x, before)


# Value and slope at -inf and inf; the finite extremes are as near as can be.
LIMITS: dict[str, tuple[float, float, float, float]] = {
    "identity": (-math.inf, math.inf, 1, 1),
    "step": (0, 1, 0, 0),
    "sigmoid": (0, 1, 0, 0),
    "tanh": (-1, 1, 0, 0),
    "arctan": (-math.pi / 2, math.pi / 2, 0, 0),
    "relu": (0, math.inf, 0, 1),
    "leaky_relu": (-math.inf, math.inf, 0.01, 1),
    "prelu": (-math.inf, math.inf, 0.25, 1),
    "elu": (-1, math.inf, 0, 1),
    "softplus": (0, math.inf, 0, 1),
    "gelu": (0, math.inf, 0, 1),
    "silu": (0, math.inf, 0, 1),
    "scaled_tanh": (-1.7159, 1.7159, 0, 0),
    "relu6": (0, 6, 0, 0),
    "hardtanh": (-1, 1, 0, 0),
    "hardswish": (0, math.inf, 0, 1),
    "hardsigmoid": (0, 1, 0, 0),
    "mish": (0, math.inf, 0, 1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("size", [1e38, 1.7e308, math.inf])
def test_the_ends_of_the_number_line(name: str, size: float) -> None:
    function = FUNCTIONS[name]
    low, high, slope_low, slope_high = LIMITS[name]
    with np.errstate(all="raise", under="ignore"):
        values = function.call(np.array([-size, size]), function.default)
        slopes = function.derivative(np.array([-size, size]), function.default)
    if math.isinf(size):
        assert values.tolist() == pytest.approx([low, high])
    else:
        for value, limit, x in zip(values, (low, high), (-size, size), strict=True):
            steep = function.default if name in ("leaky_relu", "prelu") and x < 0 else 1
            assert value == pytest.approx(steep * x if math.isinf(limit) else limit)
    assert slopes.tolist() == pytest.approx([slope_low, slope_high], abs=1e-30)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan_and_stays_where_it_is(name: str) -> None:
    function = FUNCTIONS[name]
    x = np.array([np.nan, 1.0, -1.0])
    for call in (function.call, function.derivative):
        with np.errstate(all="raise"):
            result = call(x, function.default)
        assert np.isnan(result).tolist() == [True, False, False]


@pytest.mark.parametrize("parameter", [0.0, 0.25])
@pytest.mark.parametrize("name", ["leaky_relu", "prelu", "elu"])
def test_infinities_under_a_parameter_raise_no_warning(name: str, parameter: float) -> None:
    function = FUNCTIONS[name]
    x = np.array([-np.inf, -1e308, 0.0, 1e308, np.inf])
    values, slopes = function.call(x, parameter), function.derivative(x, parameter)
    assert values[-1] == np.inf
    low = -parameter if name == "elu" else (-np.inf if parameter else 0.0)  # PyTorch's 0 · inf is NaN
    assert values[0] == low
    assert slopes[-1] == 1
    expected = TORCH[name](torch.from_numpy(x), parameter).numpy()
    np.testing.assert_array_equal(values[1:], expected[1:])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_slope_is_above_the_steepest(name: str) -> None:
    function = FUNCTIONS[name]
    # The hard swish is steepest just before its kink.
    slopes = np.abs(function.derivative(np.append(GRID, np.nextafter(3, 0)), function.default))
    assert slopes.max() == pytest.approx(function.steepest, rel=1e-4)


def test_the_error_function() -> None:
    x = np.concatenate([np.linspace(-8, 8, 4001), [0.0, 2.9999999, 3.0, 3.0000001, 5.9999999, 6.0, 1e300, np.inf]])
    expected = [math.erf(v) for v in x]
    np.testing.assert_allclose(activation._erf(x), expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(activation._erf(-x), np.negative(expected), rtol=0, atol=1e-10)


def test_names_titles_and_ranges() -> None:
    for name, function in FUNCTIONS.items():
        assert function.name == name
        assert function.title
        assert function.tex
        assert function.derivative_tex
        low, high = function.range
        if function.parameter is None:
            assert (low, high) == (None, None)
        else:
            assert low is not None
            assert high is not None
            assert low <= function.default <= high


def test_the_share_of_dead_maps() -> None:
    maps = np.zeros((4, 2, 2))
    maps[1, 0, 1] = 0.5
    maps[3] = -1
    assert share_dead(maps) == 0.5
    assert share_dead(np.zeros((3, 2, 2))) == 1
    assert share_dead(np.array([0.0, 0.0, 3.0, 1.0]).reshape(-1, 1, 1)) == 0.5


def test_a_lone_map_is_dead_cell_by_cell() -> None:
    assert share_dead(np.array([[[0.0, 0.0], [0.0, 3.0]]])) == 0.75


def test_a_map_of_nan_is_not_dead_and_no_maps_are_none() -> None:
    assert share_dead(np.full((2, 1, 1), np.nan)) == 0
    assert share_dead(np.zeros((0, 2, 2))) == 0


def test_the_share_of_saturated_values_of_the_sigmoid() -> None:
    sigmoid = FUNCTIONS["sigmoid"]
    edge = brink(sigmoid, 0.01 * 0.25)
    x = np.array([0.0, edge - 1e-6, edge + 1e-6, -edge - 1e-6, 30.0])
    assert share_saturated(sigmoid, x, 0.0) == pytest.approx(3 / 5)


def brink(function: Function, slope: float) -> float:
    """Return the positive value at which the slope falls to a number."""
    low, high = 0.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if function.derivative(np.array([middle]), 0.0)[0] > slope else (low, middle)
    return low


@pytest.mark.parametrize(
    ("name", "parameter", "x", "expected"),
    [
        ("relu", 0.0, [-1, 0, 1, 2], 0.5),
        ("step", 0.0, [-1, 1], 1.0),
        ("identity", 0.0, [-1e9, 1e9], 0.0),
        ("tanh", 0.0, [0, 1, 3.5, -9], 0.5),
        ("leaky_relu", 0.1, [-1, 1], 0.0),
        ("leaky_relu", 0.01, [-1, 1], 0.0),
        ("leaky_relu", 0.009, [-1, 1], 0.5),
        ("leaky_relu", 0.0, [-1, 1], 0.5),
        ("prelu", -200.0, [-1, 1], 0.5),
        ("sigmoid", 100.0, [0, 1], 0.0),
        ("relu", 0.0, [float("nan"), 1], 0.0),
        ("hardtanh", 0.0, [-2, 0, 2, 3], 0.75),
    ],
)
def test_the_share_of_saturated_values(name: str, parameter: float, x: list[float], expected: float) -> None:
    assert share_saturated(FUNCTIONS[name], np.array(x), parameter) == expected
    assert SATURATED == 0.01


def test_the_share_of_no_values_is_none() -> None:
    for name, shape in itertools.product(FUNCTIONS, [(0,), (2, 0, 3)]):
        empty: Any = np.zeros(shape)
        assert share_saturated(FUNCTIONS[name], empty, 0.5) == 0
