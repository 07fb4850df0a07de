"""The parts of LeNet-5 of 1998, against the paper's numbers and sums written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz.models import lenet
from cnnviz.models.preparation import to_input
from cnnviz.models.registry import ModelSpec, taking


def test_trainable_parameters_of_each_layer_are_those_of_the_paper() -> None:
    network = lenet.lenet5_original()
    found = {name: sum(p.numel() for p in child.parameters()) for name, child in network.named_children()}
    published = {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48_120, "f6": 10_164, "output": 0}
    assert {name: n for name, n in found.items() if n or name == "output"} == published
    assert sum(published.values()) == 60_000


def test_sizes_of_the_maps_are_those_of_the_paper() -> None:
    x = torch.zeros(2, 1, 32, 32)
    shapes = {}
    for name, child in lenet.lenet5_original().named_children():
        x = child(x)
        shapes[name] = tuple(x.shape[1:])
    assert shapes["c1"] == (6, 28, 28)
    assert shapes["s2"] == (6, 14, 14)
    assert shapes["c3"] == (16, 10, 10)
    assert shapes["s4"] == (16, 5, 5)
    assert shapes["c5"] == (120, 1, 1)
    assert shapes["f6"] == (84,)
    assert shapes["output"] == (10,)


@pytest.mark.parametrize("build", [lenet.lenet5, lenet.lenet5_original])
def test_every_step_is_a_module_without_children(build: object) -> None:
    assert callable(build)
    network = build()
    assert isinstance(network, nn.Sequential)
    assert all(not list(child.children()) for child in network)


def test_scaled_tanh_is_one_at_one() -> None:
    values = lenet.ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(values, torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64), atol=1e-4, rtol=0)


def test_subsampling_by_hand() -> None:
    layer = lenet.Subsampling(2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, -1.0]))
        layer.bias.copy_(torch.tensor([0.5, 0.25]))
    x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 2.0], [2.0, 0.0]]]])
    assert layer(x).flatten().tolist() == [2.0 * 4.0 + 0.5, -1.0 * 1.0 + 0.25]


def test_partial_convolution_puts_each_kernel_in_its_place() -> None:
    layer = lenet.PartialConv2d(((1,), (0, 2)), 1)
    with torch.no_grad():
        layer.kernels.copy_(torch.tensor([10.0, 20.0, 30.0]).view(3, 1, 1))
    assert layer.dense_weight.view(2, 3).tolist() == [[0.0, 10.0, 0.0], [20.0, 0.0, 30.0]]
    x = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)
    assert layer(x).flatten().tolist() == [20.0, 110.0]
    assert layer.multiply_adds((3, 4, 5), (2, 4, 5)) == 3 * 4 * 5


def test_partial_convolution_learns_only_through_its_connections() -> None:
    layer = lenet.PartialConv2d(lenet.C3_CONNECTIONS, 5)
    layer(torch.randn(2, 6, 14, 14)).sum().backward()
    assert layer.kernels.grad is not None
    assert layer.kernels.grad.shape == (60, 5, 5)
    assert bool((layer.kernels.grad != 0).all())


def test_every_input_map_of_c3_is_read_ten_times() -> None:
    read = [sum(i in inputs for inputs in lenet.C3_CONNECTIONS) for i in range(6)]
    assert read == [10] * 6  # table I of the paper: ten crosses in every row


def test_the_pictures_of_the_digits_differ_clearly() -> None:
    centres = lenet.glyphs()
    distance = (centres[:, None] != centres[None]).sum(2) + 84 * torch.eye(10, dtype=torch.int64)
    assert int(distance.min()) >= 5


@pytest.mark.parametrize("spec", taking("digit"), ids=lambda spec: spec.name)
def test_a_picture_is_padded_with_paper_and_normalised(spec: ModelSpec) -> None:
    image_hw = np.random.default_rng(0).random((28, 28), np.float32)
    batch = to_input(torch.from_numpy(image_hw)[None, None], spec.input)
    margin = (spec.input.height - 28) // 2
    expected = (np.pad(image_hw, margin) - np.float32(spec.input.mean[0])) / np.float32(spec.input.std[0])
    np.testing.assert_array_equal(batch[0, 0].numpy(), expected)
