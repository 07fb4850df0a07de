"""Operations: rows, single values and sources against each other and against PyTorch's layers."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from cnnviz.core.convolution import ConvSpec, convolve, filter_rows, padded
from cnnviz.core.errors import UserError
from cnnviz.core.normalisation import BatchNorm
from cnnviz.core.operations import (
    Activation,
    BatchNormalisation,
    Check,
    Concatenation,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    LocalResponse,
    Operation,
    Pooling,
    RadialBasis,
    Softmax,
    Source,
    Sum,
    TransposedConvolution,
    edited,
    largest,
    sigmoid,
    window_columns,
    window_rows,
)
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec
from cnnviz.core.transposed import TransposedSpec

RNG = np.random.default_rng(0)
X = RNG.normal(1, 2, (4, 6, 7)).astype(np.float32)
VECTOR = RNG.normal(size=12).astype(np.float32)
BIAS = RNG.normal(size=6).astype(np.float32)
KERNELS = RNG.normal(size=(6, 2, 3, 2)).astype(np.float32)
STAMPS = RNG.normal(size=(4, 3, 3, 2)).astype(np.float32)
DENSE = RNG.normal(size=(5, 12)).astype(np.float32)
FOUR = BatchNorm(RNG.normal(size=4), RNG.uniform(0.1, 2, 4), RNG.normal(size=4), RNG.normal(size=4), 1e-3)


def double(x: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(x, np.float64).copy())


def conv(**settings: Any) -> torch.Tensor:
    return functional.conv2d(double(X)[None], double(KERNELS), double(BIAS), groups=2, **settings)[0]


def normalised() -> torch.Tensor:
    numbers = (double(a) for a in (FOUR.mean, FOUR.var, FOUR.gamma, FOUR.beta))
    return functional.batch_norm(double(X)[None], *numbers, eps=FOUR.eps)[0]


def vector(values: torch.Tensor) -> torch.Tensor:
    return values.reshape(-1, 1, 1)


CASES: dict[str, tuple[Operation, torch.Tensor]] = {
    "convolution": (
        Convolution(X, KERNELS, BIAS, ConvSpec((3, 2), 2, 1, groups=2)),
        conv(stride=2, padding=1),
    ),
    "convolution without bias": (
        Convolution(X, KERNELS, None, ConvSpec((3, 2), groups=2, dilation=2)),
        conv(dilation=2) - double(BIAS)[:, None, None],
    ),
    "reflecting convolution": (
        Convolution(X, KERNELS, BIAS, ConvSpec((3, 2), padding=(2, 1, 3, 0), groups=2, padding_mode="reflect")),
        functional.conv2d(
            functional.pad(double(X)[None], (3, 0, 2, 1), mode="reflect"), double(KERNELS), double(BIAS), groups=2
        )[0],
    ),
    "transposed convolution": (
        TransposedConvolution(X, STAMPS, BIAS, TransposedSpec((3, 2), (2, 3), 1, 1, groups=2)),
        functional.conv_transpose2d(double(X)[None], double(STAMPS), double(BIAS), (2, 3), 1, 1, groups=2)[0],
    ),
    "max": (Pooling(X, PoolSpec("max", 3, 2, 1)), functional.max_pool2d(double(X)[None], 3, 2, 1)[0]),
    "mean": (
        Pooling(X, PoolSpec("mean", 2, ceil_mode=True)),
        functional.avg_pool2d(double(X)[None], 2, ceil_mode=True)[0],
    ),
    "norm": (Pooling(np.abs(X), PoolSpec("lp", 2, p=3)), functional.lp_pool2d(double(np.abs(X))[None], 3, 2)[0]),
    "adaptive": (
        Pooling(X, AdaptiveSpec("mean", (4, 3))),
        functional.adaptive_avg_pool2d(double(X)[None], (4, 3))[0],
    ),
    "sub-sampling": (
        Pooling(X, PoolSpec("mean", 2), BIAS[:4], BIAS[1:5]),
        functional.avg_pool2d(double(X)[None], 2)[0] * double(BIAS[:4])[:, None, None]
        + double(BIAS[1:5])[:, None, None],
    ),
    "activation": (Activation(X, "elu", np.array([0.7])), functional.elu(double(X), 0.7)),
    "activation by channel": (
        Activation(X, "prelu", BIAS[:4]),
        functional.prelu(double(X)[None], double(BIAS[:4]))[0],
    ),
    "batch normalisation": (BatchNormalisation(X, FOUR), normalised()),
    "local response": (
        LocalResponse(X, 3, 0.5, 0.75, 2.0),
        nn.LocalResponseNorm(3, 0.5, 0.75, 2.0)(double(X)[None])[0],
    ),
    "local response of an even size": (
        LocalResponse(X, 2, 0.5, 0.75, 2.0),
        nn.LocalResponseNorm(2, 0.5, 0.75, 2.0)(double(X)[None])[0],
    ),
    "dropout": (Dropout(X, 0.5), double(X)),
    "flatten": (Flatten(X), vector(double(X))),
    "dense": (Dense(VECTOR, DENSE, BIAS[:5]), vector(double(DENSE) @ double(VECTOR) + double(BIAS[:5]))),
    "dense without bias": (Dense(VECTOR, DENSE, None), vector(double(DENSE) @ double(VECTOR))),
    "radial basis": (
        RadialBasis(VECTOR, DENSE),
        vector(-0.5 * ((double(VECTOR) - double(DENSE)) ** 2).sum(1)),
    ),
    "softmax": (Softmax(VECTOR), vector(torch.softmax(double(VECTOR), 0))),
    "warm softmax": (Softmax(VECTOR, 2.5), vector(torch.softmax(double(VECTOR) / 2.5, 0))),
    "sum": (Sum((X, X[::-1], X * 3), (1, -1, 1)), double(X) - double(X[::-1]) + double(X * 3)),
    "spread sum": (
        Sum((X, X[:, :1, :1], X[:1, :1, :1]), (1, 1, -1)),
        double(X) + double(X[:, :1, :1]) - double(X[:1, :1, :1]),
    ),
    "concatenation": (Concatenation((X[:1], X, X[2:])), torch.cat([double(X[:1]), double(X), double(X[2:])])),
}
NAMES = tuple(CASES)


def places(operation: Operation) -> Any:
    return itertools.product(*map(range, operation.output_shape))


@pytest.mark.parametrize("name", NAMES)
def test_rows_and_values_are_pytorchs(name: str) -> None:
    operation, expected = CASES[name]
    assert operation.output_shape == tuple(expected.shape)
    channels, height, _ = operation.output_shape
    rows = np.stack([operation.rows(unit, 0, height) for unit in range(channels)])
    np.testing.assert_allclose(rows, expected.numpy(), rtol=1e-11, atol=1e-11)
    for place in places(operation):
        assert operation.value(*place) == pytest.approx(float(expected[place]), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_some_rows_are_a_part_of_all(name: str) -> None:
    operation, _ = CASES[name]
    channels, height, width = operation.output_shape
    unit = channels - 1
    whole = operation.rows(unit, 0, height)
    assert whole.dtype == np.float64
    for first, last in itertools.combinations(range(height + 1), 2):
        np.testing.assert_allclose(operation.rows(unit, first, last), whole[first:last], rtol=1e-12, atol=1e-12)
    assert operation.rows(unit, 0, 0).size == 0
    assert whole.shape == (height, width)


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_agrees_and_something_else_does_not(name: str) -> None:
    operation, expected = CASES[name]
    for place in places(operation):
        exact = float(expected[place])
        assert operation.check(*place, float(np.float32(exact))).agrees
        scale = operation.scale(*place)
        assert scale >= 0
        assert not operation.check(*place, exact + 1e-3 * scale + 1e-9).agrees


@pytest.mark.parametrize("name", NAMES)
def test_sources_are_places_of_the_inputs_largest_first(name: str) -> None:
    operation, _ = CASES[name]
    inputs = inputs_of(operation)
    for place in itertools.islice(places(operation), 40):
        found = operation.sources(*place)
        assert all(inputs[s.index][s.unit, s.row, s.col] is not None for s in found)
        assert all(min(s.unit, s.row, s.col) >= 0 for s in found)
        assert len({(s.index, s.unit, s.row, s.col) for s in found}) == len(found) or "reflecting" in name
        if not isinstance(operation, Softmax):
            sizes = [abs(s.amount) for s in found]
            assert sizes == sorted(sizes, reverse=True)
        for most in (1, 3):
            assert operation.sources(*place, most) == found[:most]


def inputs_of(operation: Any) -> tuple[Any, ...]:
    if isinstance(operation, Sum | Concatenation):
        return operation.inputs
    x = operation.logits if isinstance(operation, Softmax) else operation.x
    return (x.reshape(-1, 1, 1) if x.ndim == 1 else x,)


def total(found: tuple[Source, ...]) -> float:
    return math.fsum(source.amount for source in found)


@pytest.mark.parametrize(
    "name",
    [
        "convolution",
        "convolution without bias",
        "reflecting convolution",
        "transposed convolution",
        "dense",
        "dense without bias",
    ],
)
def test_sources_add_up_to_the_value(name: str) -> None:
    operation: Any = CASES[name][0]
    for unit, row, col in places(operation):
        bias = 0.0 if operation.bias is None else float(operation.bias[unit])
        found = operation.sources(unit, row, col, 10_000)
        assert total(found) + bias == pytest.approx(operation.value(unit, row, col), abs=1e-11)


@pytest.mark.parametrize("name", ["mean", "norm", "adaptive", "sub-sampling", "radial basis", "sum", "spread sum"])
def test_sources_of_other_sums_add_up_too(name: str) -> None:
    operation: Any = CASES[name][0]
    for unit, row, col in places(operation):
        shift = float(operation.shift[unit]) if name == "sub-sampling" else 0.0
        found = operation.sources(unit, row, col, 10_000)
        assert total(found) + shift == pytest.approx(operation.value(unit, row, col), abs=1e-11)


def test_a_maximum_has_one_source() -> None:
    operation: Any = CASES["max"][0]
    for place in places(operation):
        (only,) = operation.sources(*place)
        assert only.amount == X[only.unit, only.row, only.col] == operation.value(*place)


@pytest.mark.parametrize("name", ["activation", "batch normalisation", "local response", "dropout"])
def test_a_value_by_value_operation_has_its_own_place_as_source(name: str) -> None:
    operation, _ = CASES[name]
    for place in places(operation):
        (only,) = operation.sources(*place)
        assert (only.index, only.unit, only.row, only.col) == (0, *place)
        assert only.amount == X[place]


def test_inside() -> None:
    operation = Convolution(X, KERNELS, None, ConvSpec((3, 2), groups=2))
    assert operation.output_shape == (6, 4, 6)
    assert operation.inside(5, 3, 5)
    assert not any(operation.inside(*place) for place in [(6, 0, 0), (0, 4, 0), (0, 0, 6), (-1, 0, 0), (0, 0, -1)])


def test_zero_padding_is_no_source_and_repeated_values_are() -> None:
    zeros = Convolution(X, KERNELS, None, ConvSpec((3, 2), padding=2, groups=2))
    assert zeros.sources(0, 0, 0) == ()  # one column of the window lies to the left of the picture, the other too
    copies = Convolution(X, KERNELS, None, ConvSpec((3, 2), padding=2, groups=2, padding_mode="replicate"))
    found = copies.sources(0, 0, 0)
    assert len(found) == 12
    assert {(s.row, s.col) for s in found} == {(0, 0)}
    assert total(found) == pytest.approx(copies.value(0, 0, 0))


def test_a_window_has_rows_and_columns_also_in_the_padding() -> None:
    spec = ConvSpec((3, 2), (2, 1), (1, 1, 2, 0), 2, groups=2)
    step = Convolution(X, KERNELS, None, spec).step(0, 1, 1)
    assert window_rows(step, spec).tolist() == [1, 3, 5]
    assert window_columns(step, spec).tolist() == [-1, 1]


@settings(max_examples=60, deadline=None)
@given(
    amounts=st.lists(st.sampled_from([0.0, 1.0, -1.0, 2.5, -2.5, -7.0, math.inf, -math.inf]), max_size=12),
    most=st.integers(0, 14),
)
def test_the_largest_come_first_and_equal_ones_in_their_order(amounts: list[float], most: int) -> None:
    order = sorted(range(len(amounts)), key=lambda n: (-abs(amounts[n]), n))
    assert largest(np.array(amounts), most).tolist() == order[:most]


def test_nan_is_as_large_as_can_be() -> None:
    assert largest(np.array([1.0, math.nan, -9.0]), 2).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("total_", "torch_", "scale", "agrees"),
    [
        (1.0, 1.0, 0.0, True),
        (1.0, 1.0 + 9e-6, 1.0, True),
        (1.0, 1.0 + 1.1e-5, 1.0, False),
        (0.0, 0.9e-3, 100.0, True),
        (math.nan, math.nan, math.nan, True),
        (math.nan, 1.0, math.nan, False),
        (1.0, math.nan, 1.0, False),
        (math.inf, math.inf, math.inf, True),
        (-math.inf, -math.inf, math.inf, True),
        (math.inf, -math.inf, math.inf, False),
        (math.inf, 1.0, math.inf, False),
        (1.0, math.inf, 1.0, False),
        (1.0, math.inf, math.inf, False),
        (1.0, math.nan, math.inf, False),
    ],
)
def test_what_agrees(total_: float, torch_: float, scale: float, agrees: bool) -> None:
    check = Check(total_, torch_, scale)
    assert check.agrees is agrees
    assert Check(torch_, total_, scale).agrees is agrees


def test_a_check_says_how_far_apart_the_values_are() -> None:
    check = Check(1.0, 1.5, 10.0)
    assert check.difference == 0.5
    assert check.allowed == pytest.approx(1e-4)


@pytest.mark.parametrize("name", [name for name in NAMES if "softmax" not in name])
def test_infinities_and_nan_in_the_input_do_not_break_a_value(name: str) -> None:
    operation: Any = CASES[name][0]
    broken = [np.array(x, np.float32) for x in inputs_of(operation)]
    for x in broken:
        x[0] = np.nan
        x[-1, -1] = np.inf
    given: dict[str, Any] = {"inputs": tuple(broken)} if len(broken) > 1 else {"x": broken[0]}
    if isinstance(operation, Dense | RadialBasis):
        given = {"x": broken[0].ravel()}
    other = type(operation)(**{**operation.__dict__, **given})
    with np.errstate(all="ignore"):
        for place in itertools.islice(places(other), 60):
            value = other.value(*place)
            assert Check(value, value, other.scale(*place)).agrees
            assert other.sources(*place) is not None


@pytest.mark.parametrize("name", NAMES)
def test_the_input_is_not_written(name: str) -> None:
    operation, _ = CASES[name]
    before = [np.array(x) for x in inputs_of(operation)]
    channels, height, _ = operation.output_shape
    operation.rows(channels - 1, 0, height)
    operation.sources(0, 0, 0)
    for x, old in zip(inputs_of(operation), before, strict=True):
        np.testing.assert_array_equal(x, old)


def test_a_flipped_kernel_is_a_true_convolution() -> None:
    x, weight = RNG.normal(size=(1, 5, 5)), RNG.normal(size=(1, 1, 3, 2))
    operation = Convolution(x, weight, None, ConvSpec((3, 2), padding=(2, 2, 1, 1))).flipped()
    expected = np.zeros((7, 6))
    for (i, j), (m, n) in itertools.product(np.ndindex(5, 5), np.ndindex(3, 2)):
        expected[i + m, j + n] += x[0, i, j] * weight[0, 0, m, n]
    np.testing.assert_allclose(operation.rows(0, 0, 7), expected, atol=1e-12)
    np.testing.assert_array_equal(operation.flipped().weight, weight)


def test_normalising_a_picture_by_its_own_statistics() -> None:
    found = BatchNormalisation(X, FOUR).by_batch()
    gamma, beta = double(FOUR.gamma), double(FOUR.beta)
    expected = functional.batch_norm(double(X)[None], None, None, gamma, beta, training=True, eps=FOUR.eps)[0]
    np.testing.assert_allclose(np.stack([found.rows(u, 0, 6) for u in range(4)]), expected.numpy(), atol=1e-12)


@pytest.mark.parametrize("channels", [False, True])
def test_dropout_in_training(channels: bool) -> None:
    operation = Dropout(X, 0.25, channels, seed=3)
    kept = operation.kept()
    assert 0 < kept.mean() < 1
    np.testing.assert_allclose(
        np.stack([operation.rows(u, 0, 6) for u in range(4)]), np.where(kept, X / 0.75, 0), rtol=1e-6
    )
    for place in places(operation):
        assert operation.value(*place) == pytest.approx(float(X[place]) / 0.75 if kept[place] else 0, rel=1e-14)
        (only,) = operation.sources(*place)
        assert only.amount == operation.value(*place)


def test_dropout_of_everything() -> None:
    operation = Dropout(X, 1.0, seed=0)
    assert not operation.rows(0, 0, 6).any()
    assert operation.value(0, 0, 0) == 0


def test_flatten_knows_where_an_element_came_from() -> None:
    operation = Flatten(X)
    flat = torch.flatten(torch.from_numpy(X)).numpy()
    for unit in range(X.size):
        origin = operation.origin(unit)
        assert operation.element(*origin) == unit
        assert X[origin] == flat[unit] == operation.value(unit, 0, 0)


def test_a_dense_layer_of_another_size_is_refused() -> None:
    with pytest.raises(UserError, match="The weights expect 12 values, but the layer is given 11"):
        _ = Dense(VECTOR[1:], DENSE, None).output_shape


@pytest.mark.parametrize("logits", [[1e4, 1e4 - 1, -1e4], [3e38, 3e38, 0], [-1e30, -1e30, -1e30], [0, 800, -800]])
@pytest.mark.parametrize("temperature", [1e-3, 1.0, 100.0])
def test_softmax_of_huge_logits(logits: list[float], temperature: float) -> None:
    operation = Softmax(np.array(logits), temperature)
    expected = torch.softmax(double(logits) / temperature, 0).numpy()
    np.testing.assert_allclose(operation.probabilities(), expected, rtol=1e-9, atol=1e-300)
    assert operation.probabilities().sum() == pytest.approx(1)
    most, exponentials = operation.exponentials()
    assert most == max(logits)
    assert exponentials.max() == 1


def test_a_lower_temperature_is_surer() -> None:
    cold, warm, hot = (Softmax(VECTOR, t).probabilities().max() for t in (0.1, 1, 10))
    assert cold > warm > hot
    assert hot > 1 / len(VECTOR)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_is_above_zero(temperature: float) -> None:
    with pytest.raises(UserError, match="it must be above 0"):
        Softmax(VECTOR, temperature)


def test_sources_of_a_probability_begin_with_its_own_logit() -> None:
    found = Softmax(np.array([1.0, 5.0, 3.0, 5.0])).sources(2, 0, 0)
    assert [s.unit for s in found] == [2, 1, 3, 0]
    assert [s.amount for s in found] == [3, 5, 5, 1]


def test_the_sigmoid_of_one_node() -> None:
    for z in (-1000.0, -3.0, 0.0, 3.0, 1000.0):
        assert sigmoid(z) == pytest.approx(
            float(torch.sigmoid(torch.tensor(z, dtype=torch.float64))), rel=1e-12, abs=1e-300
        )
    assert sigmoid(2.0) == pytest.approx(Softmax(np.array([2.0, 0.0])).value(0))


def test_the_origin_of_a_joined_map() -> None:
    operation = Concatenation((X[:1], X[:3]))
    assert [operation.origin(unit) for unit in range(4)] == [(0, 0), (1, 0), (1, 1), (1, 2)]
    with pytest.raises(IndexError):
        operation.origin(4)


def test_a_sum_of_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="shape"):
        _ = Sum((X, X[:, :2]), (1, 1)).output_shape


def test_edited_weights_leave_the_original() -> None:
    before = KERNELS.copy()
    changed = edited(KERNELS, [((0, 1, 2, 1), 9.0), ((0, 1, 2, 1), -4.0)])
    assert changed[0, 1, 2, 1] == -4
    np.testing.assert_array_equal(KERNELS, before)
    assert (changed != KERNELS).sum() == 1


def test_scale_is_the_sum_of_the_magnitudes() -> None:
    operation = Convolution(np.array([[[2.0, -3.0]]]), np.array([[[[5.0, 7.0]]]]), np.array([-4.0]), ConvSpec((1, 2)))
    assert operation.scale(0, 0, 0) == 10 + 21 + 4
    assert operation.value(0, 0, 0) == 10 - 21 - 4
    assert Dense(np.array([1.0, -1.0]), np.array([[3.0, 4.0]]), np.array([-2.0])).scale(0) == 9


PADDINGS = st.tuples(*[st.integers(0, 3)] * 4)


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    padding=PADDINGS,
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
)
def test_rows_of_a_filter_are_those_of_the_layer(
    mode: str, padding: tuple[int, int, int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> None:
    spec = ConvSpec((3, 2), stride, padding, dilation, 2, mode)
    whole = convolve(X, KERNELS, BIAS, spec)
    for unit in (0, 3, 5):
        for first, last in [(0, len(whole[0])), (0, 0), (1, 1), (0, 1), (len(whole[0]) - 1, len(whole[0]))]:
            found = filter_rows(X, KERNELS, BIAS, spec, unit, first, last)
            np.testing.assert_allclose(found, whole[unit, first:last], rtol=1e-12, atol=1e-12)
            assert found.shape == (last - first, whole.shape[2])


@pytest.mark.parametrize(("unit", "first", "last"), [(6, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 5), (0, 3, 2)])
def test_no_rows_outside_of_the_output(unit: int, first: int, last: int) -> None:
    with pytest.raises(IndexError):
        filter_rows(X, KERNELS, None, ConvSpec((3, 2), groups=2), unit, first, last)


@settings(max_examples=60, deadline=None)
@given(mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]), padding=PADDINGS)
def test_the_padded_map_is_pytorchs(mode: str, padding: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = padding
    named = "constant" if mode == "zeros" else mode
    expected = functional.pad(double(X)[None], (left, right, top, bottom), mode=named)[0, 1].numpy()
    found = padded(X[1], ConvSpec(3, padding=padding, padding_mode=mode))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)
