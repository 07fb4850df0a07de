"""The effective field: of a linear network it is the kernel, of others what autograd says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cnnviz.core.capture import Capture
from cnnviz.core.errors import UserError
from cnnviz.core.inspection import ModelRequest
from cnnviz.core.receptive import receptive_region
from cnnviz.models.engine import Engine

IMAGE = np.random.default_rng(0).uniform(0, 1, (28, 28)).astype(np.float32)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(ModelRequest("lenet5", device="cpu"))


def test_the_gradient_of_the_first_convolution_is_its_kernel(engine: Engine) -> None:
    kernel = engine.loaded.weights["conv1.weight"][3, 0]
    found = engine.gradient("conv1", 3, (12, 20), IMAGE)
    expected = np.zeros((28, 28), np.float32)
    expected[10:15, 18:23] = np.abs(kernel)
    assert np.array_equal(found, expected)


def test_a_chain_of_linear_layers_is_its_kernels_convolved(engine: Engine) -> None:
    first, second = nn.Conv2d(1, 1, 3, bias=False), nn.Conv2d(1, 1, 3, bias=False)
    made = Engine(ModelRequest("lenet5", device="cpu"))
    made.capture = Capture(nn.Sequential(first, second), (1, 28, 28))
    a, b = (layer.weight.detach().numpy()[0, 0] for layer in (first, second))
    expected = np.zeros((5, 5), np.float32)
    for row, column in np.ndindex(3, 3):
        expected[row : row + 3, column : column + 3] += b[row, column] * a
    found = made.gradient("1", 0, (4, 7), IMAGE)
    assert np.allclose(found[4:9, 7:12], np.abs(expected), atol=1e-6)
    found[4:9, 7:12] = 0
    assert not found.any()


def test_a_class_is_differentiated_as_autograd_does_and_inside_its_field(engine: Engine) -> None:
    pixels = engine._batch(IMAGE, None).clone().requires_grad_()
    (expected,) = torch.autograd.grad(engine.capture.module(pixels)[0, 7], pixels)
    found = engine.gradient("fc3", 7, None, IMAGE)
    assert np.allclose(found, expected[0].abs().sum(0).numpy(), rtol=1e-5, atol=1e-8)
    whole = engine.gradient("conv2", 2, None, IMAGE)
    cell = engine.gradient("conv2", 2, (1, 3), IMAGE)
    assert whole.any()
    assert cell.any()
    seen = receptive_region(engine.loaded.graph, "conv2", 2, (1, 3)).mask_hw
    assert not cell[~seen].any()
    assert np.array_equal(engine.gradient("input", 0, (3, 4), IMAGE).nonzero(), ([3], [4]))


def test_weights_get_no_gradient_and_values_stay_as_they_are(engine: Engine) -> None:
    before = engine.inspect(IMAGE).logits
    engine.gradient("fc3", 0, None, IMAGE)
    assert all(parameter.grad is None for parameter in engine.capture.module.parameters())
    assert np.array_equal(engine.inspect(IMAGE).logits, before)


def test_the_channels_of_a_photograph_are_added(engine: Engine) -> None:
    made = Engine(ModelRequest("resnet20", weights_path="random", device="cpu"))
    photo = np.random.default_rng(1).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    kernel = made.loaded.weights["conv1.weight"][5]
    found = made.gradient("conv1", 5, (16, 16), photo=photo)
    assert np.allclose(found[15:18, 15:18], np.abs(kernel).sum(0), atol=1e-6)
    assert made.gradient("layer1.0.relu2", 5, (16, 16), photo=photo).shape == (32, 32)


def test_an_operation_in_place_that_stays_is_differentiated_too() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            y = self.first(x)
            z = y.view(-1, 2, 26 * 26)
            y += 1
            return z

    made = Engine(ModelRequest("lenet5", device="cpu"))
    made.capture = Capture(InPlace().eval(), (1, 28, 28))
    assert made.gradient("first", 1, (3, 3), IMAGE).any()


def test_what_cannot_be_differentiated_is_a_sentence() -> None:
    class Rounded(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x > 0.5).float()

    made = Engine(ModelRequest("lenet5", device="cpu"))
    made.capture = Capture(Rounded(), (1, 28, 28))
    name = made.capture.graph.output.name
    with pytest.raises(UserError, match="cannot be computed for this network"):
        made.gradient(name, 0, (3, 3), IMAGE)
