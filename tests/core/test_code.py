"""The PyTorch beside the laboratory's numbers: run as it stands, it gives those numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cnnviz.core import activation, kernels
from cnnviz.core.code import code
from cnnviz.core.convolution import PADDING_MODES, ConvSpec
from cnnviz.core.errors import UserError
from cnnviz.core.normalisation import BatchNorm
from cnnviz.core.operations import (
    Activation,
    BatchNormalisation,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    LocalResponse,
    Operation,
    Pooling,
    RadialBasis,
    Softmax,
    Sum,
    TransposedConvolution,
)
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec
from cnnviz.core.transposed import TransposedSpec
from cnnviz.core.what_if import ConvChanges
from cnnviz.views.lab.compute import PRESETS


@pytest.fixture(autouse=True)
def _default_dtype() -> Iterator[None]:
    """The programs set it, so that they compute what is on screen; other tests must not notice."""
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


def result_of(text: str) -> np.ndarray:
    """Run a program by itself and return its `y`."""
    namespace: dict[str, Any] = {"print": lambda *_: None}
    exec(compile(text, "lab", "exec"), namespace)
    y = namespace["y"]
    assert y.dtype == torch.float64
    return np.asarray(y.numpy())


def rows_of(operation: Operation) -> np.ndarray:
    """Return what the panels show, (C, H, W)."""
    units, height, _ = operation.output_shape
    return np.stack([operation.rows(unit, 0, height) for unit in range(units)])


def check(operation: Operation, name: str = "") -> str:
    """Compare the program's result with the operation's own, and return the program."""
    text = code(operation)
    found, expected = result_of(text), rows_of(operation)
    assert np.squeeze(found).shape == np.squeeze(expected).shape
    np.testing.assert_allclose(
        found.reshape(expected.shape), expected, rtol=0, atol=1e-9, err_msg=name or repr(operation)
    )
    return text


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, shape)


def convolution(weight: tuple[int, ...] = (4, 2, 3, 3), **spec: Any) -> Convolution:
    kernel = weight[2:]
    return Convolution(noise(4, 9, 8), noise(*weight, seed=1), noise(weight[0], seed=2), ConvSpec(kernel, **spec))


def test_every_example_of_the_laboratory_gives_its_numbers_in_pytorch() -> None:
    assert len(PRESETS) > 40
    for preset in PRESETS:
        text = check(preset.make(), preset.title)
        assert text.startswith("import torch\n")
        assert text.endswith("print(y)\n")


def test_the_lecture_s_first_output_is_printed() -> None:
    printed: list[Any] = []
    exec(code(PRESETS[0].make()), {"print": printed.append})
    assert printed[0].tolist() == [[[4, 3, 4], [2, 4, 3], [2, 3, 4]]]


def test_a_convolution_with_other_settings() -> None:
    given: tuple[tuple[dict[str, Any], str], ...] = (
        ({"stride": 2, "groups": 2}, "stride=2, groups=2"),
        ({"stride": (3, 1), "groups": 2}, "stride=(3, 1)"),
        ({"padding": 2, "groups": 2}, "padding=2"),
        ({"padding": (1, 1, 3, 3), "groups": 2}, "padding=(1, 3)"),
        ({"padding": (0, 2, 1, 0), "groups": 2}, "F.pad(x[None], (1, 0, 0, 2))[0]"),
        ({"padding": (1, 2, 3, 0), "padding_mode": "reflect", "groups": 2}, 'mode="reflect"'),
        ({"padding": 2, "padding_mode": "replicate", "groups": 2}, 'mode="replicate"'),
        ({"padding": 3, "padding_mode": "circular", "groups": 2}, 'mode="circular"'),
        ({"dilation": 2, "groups": 2}, "dilation=2"),
        ({"dilation": (2, 3), "padding": (2, 1, 4, 3), "groups": 2}, "dilation=(2, 3)"),
        ({"padding": "same", "groups": 2}, "padding=1"),
    )
    for spec, written in given:
        assert written in check(convolution(**spec), str(spec))


def test_depthwise_without_a_bias_and_with_a_kernel_that_is_not_square() -> None:
    own = replace(convolution((8, 1, 2, 3), groups=4), bias=None)
    text = check(own)
    assert "groups=4" in text
    assert "b = " not in text


def test_what_if_settings_are_in_the_program() -> None:
    own = convolution((4, 4, 3, 3))
    true = code(own)
    for changes in (
        ConvChanges(flipped=True),
        ConvChanges(kernel=(5, 1), stride=(2, 2)),
        ConvChanges(padding="same", dilation=(2, 2)),
        ConvChanges(padding=(2, 0, 1, 0), padding_mode="replicate"),
        ConvChanges(groups=2),
        ConvChanges(named=next(iter(kernels.KERNELS))),
        ConvChanges(weights=(((1, 2, 0, 1), -7.25), ((0, 0, 2, 2), 1e-12))),
    ):
        assert check(changes.apply(own)) != true
    np.testing.assert_allclose(result_of(code(own.flipped()))[0], rows_of(own.flipped())[0], atol=1e-9)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(*(st.integers(0, 4) for _ in range(4))),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.sampled_from((1, 2, 4)),
    mode=st.sampled_from(PADDING_MODES),
)
def test_any_convolution(
    kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, ...], dilation: tuple[int, int],
    groups: int, mode: str,
) -> None:  # fmt: skip
    weight = noise(4, 4 // groups, *kernel, seed=3)
    try:
        operation = Convolution(
            noise(4, 6, 5), weight, noise(4), ConvSpec(kernel, stride, padding, dilation, groups, mode)
        )
        _ = operation.output_shape
    except UserError:
        assume(False)
    check(operation)


def test_a_transposed_convolution_with_other_settings() -> None:
    for spec in (
        TransposedSpec(3, 2), TransposedSpec(3, 2, 1, 1), TransposedSpec((2, 3), (3, 2), (1, 0), (2, 1)),
        TransposedSpec(3, 2, 1, 0, 2), TransposedSpec(2, 2, 0, 0, 1, 2), TransposedSpec(3, 3, 2, 1, (2, 1), 4),
    ):  # fmt: skip
        weight = noise(4, 2, *spec.kernel, seed=1)
        for bias in (None, noise(2 * spec.groups)):
            check(TransposedConvolution(noise(4, 3, 5), weight, bias, spec), str(spec))


def test_a_pooling_with_other_settings() -> None:
    for spec in (
        PoolSpec("max", 3, 2), PoolSpec("max", (2, 3), (2, 1), (1, 1)), PoolSpec("max", 2, 2, 0, 2),
        PoolSpec("max", 2, 2, 0, 1, ceil_mode=True), PoolSpec("max", 3, 2, 1, 1, ceil_mode=True),
        PoolSpec("mean", 3, 2, 1), PoolSpec("mean", 3, 2, 1, count_include_pad=False),
        PoolSpec("mean", 2, 2, 0, ceil_mode=True), PoolSpec("mean", (3, 2), (1, 2), (1, 0), ceil_mode=True),
        PoolSpec("mean", 3, 2, 1, ceil_mode=True, count_include_pad=False),
        AdaptiveSpec("max", 3), AdaptiveSpec("mean", (2, 5)), AdaptiveSpec("mean", 1),
    ):  # fmt: skip
        check(Pooling(noise(3, 7, 8), spec), str(spec))


def test_a_p_norm_with_any_exponent() -> None:
    for p in (1.0, 2.0, 5.0, 1.37, 2.718281828459045, 1 / 3):
        for averaged in (False, True):
            for sizes in ((2, 2), ((3, 2), (2, 1))):
                check(Pooling(np.abs(noise(2, 7, 8)), PoolSpec("lp", *sizes, p=p, averaged=averaged)), f"p = {p}")


def test_a_p_norm_whose_size_is_rounded_up() -> None:
    for averaged in (False, True):
        check(Pooling(np.abs(noise(2, 5, 7)), PoolSpec("lp", 2, 2, p=3.0, averaged=averaged, ceil_mode=True)))


def test_lecun_s_sub_sampling_has_its_factor_and_its_bias() -> None:
    gain, shift = np.array([0.5, -2.0, 3.25]), np.array([1.0, 0.0, -0.125])
    check(Pooling(noise(3, 6, 6), PoolSpec("mean", 2, 2), gain, shift))
    check(Pooling(noise(3, 6, 6), PoolSpec("mean", 2, 2), gain))


def test_every_activation() -> None:
    x = np.linspace(-9, 9, 4 * 5 * 3).reshape(4, 5, 3)
    x[0, 0] = (0.0, -0.0, 1.5)
    other = {"leaky_relu": 0.2, "prelu": 1 / 3, "elu": 1.75}
    for name, function in activation.FUNCTIONS.items():
        check(Activation(x, name, np.array([other.get(name, function.default)])), name)


def test_an_activation_with_a_learned_slope_for_each_map() -> None:
    check(Activation(noise(3, 4, 4), "prelu", np.array([0.25, -0.5, 1 / 7])))


def test_normalisations_with_other_numbers() -> None:
    four = BatchNorm(noise(3), np.abs(noise(3, seed=1)), noise(3, seed=2), noise(3, seed=3), 0.123456789)
    check(BatchNormalisation(noise(3, 4, 5), four))
    check(BatchNormalisation(noise(3, 4, 5), four).by_batch())
    for size in (1, 2, 3, 5, 8):
        check(LocalResponse(noise(6, 3, 2), size, 0.7123456789, 0.7512345678, 1.9876543210))


def test_the_mask_of_a_dropout_is_written_out() -> None:
    x = noise(5, 4, 3)
    for drop in (0.0, 0.5, 1 / 3, 0.123456789, 1.0):
        for channels in (False, True):
            for seed in (0, 1):
                assert "kept = " in check(Dropout(x, drop, channels, seed), f"p = {drop}")
            assert "kept = " not in check(Dropout(x, drop, channels))


def test_vectors_with_other_settings() -> None:
    for temperature in (1.0, 0.1, 2.5, 0.631, 1 / 3):
        check(Softmax(np.array([3.5, -2.0, 0.0, 22 / 7]), temperature))
    check(Dense(noise(7), noise(3, 7), None))
    check(Dense(noise(7).astype(np.float32), noise(3, 7).astype(np.float32), noise(3).astype(np.float32)))
    check(Flatten(noise(3, 2, 4)))
    check(Sum((noise(2, 3, 4), noise(2, 3, 4, seed=1), noise(2, 1, 1)), (1, -1, 1)))


def test_numbers_that_python_would_not_read_back() -> None:
    x = np.array([[[np.inf, -np.inf, 1e300], [1e-300, -0.0, 0.1 + 0.2], [123456789012345678.0, -3.0, 2**0.5]]])
    found = result_of(code(Activation(x, "identity", np.zeros(1))))
    assert np.array_equal(found, x)
    found = result_of(code(Activation(np.full((1, 1, 2), np.nan), "identity", np.zeros(1))))
    assert np.isnan(found).all()


def test_an_operation_without_a_text_says_so() -> None:
    with pytest.raises(KeyError):
        code(RadialBasis(noise(4), noise(2, 4)))
