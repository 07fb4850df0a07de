"""Captured values against module-by-module runs, in the presence of every kind of in-place operation."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnviz.core.capture import Capture
from cnnviz.core.errors import UserError


class Residual(nn.Module):
    """A block whose one ReLU runs twice and whose sum is no module, as in ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 3, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.conv2(out)
        out += x
        return self.relu(out)


class Plain(nn.Module):
    """The same block without anything in place, sharing the layers of a `Residual`."""

    def __init__(self, block: Residual) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:  # type: ignore[override]
        b = self.block
        values = {"input": x.clone(), "conv1": b.conv1(x)}
        values["bn1"] = b.bn1(values["conv1"])
        values["relu"] = values["bn1"].clamp_min(0)
        values["conv2"] = b.conv2(values["relu"])
        values["sum"] = values["conv2"] + x
        values["relu:1"] = values["sum"].clamp_min(0)
        return values


def test_a_residual_block_keeps_every_value_and_has_the_real_edges() -> None:
    block = Residual().eval()
    x = torch.randn(1, 3, 6, 6)
    with torch.inference_mode():
        expected = Plain(block)(x)
        capture = Capture(block, (3, 6, 6))
        values = capture(x)
    names = [node.name for node in capture.graph.nodes]
    total = next(name for name in names if capture.graph[name].kind == "sum")
    assert names == ["input", "conv1", "bn1", "relu", "conv2", total, "relu:1"]
    assert capture.graph[total].inputs == ("conv2", "input")
    expected[total] = expected.pop("sum")
    for name in names:
        np.testing.assert_array_equal(values[name], expected[name][0].numpy(), err_msg=name)


def _ignored_result(x: torch.Tensor) -> torch.Tensor:
    y = x * 1.0
    functional.relu(y, inplace=True)
    return y + 1


def _read_again_through_a_view(x: torch.Tensor) -> torch.Tensor:
    y = x * 2
    flat = y.flatten(1)
    z = functional.relu(flat, True)
    return y.flatten(1) + z


def _method(x: torch.Tensor) -> torch.Tensor:
    y = x - 0.5
    y.relu_()
    return y * 3


def _operator(x: torch.Tensor) -> torch.Tensor:
    y = x * 2
    z = operator.imul(y, 3)
    return z + y


def _torch_function(x: torch.Tensor) -> torch.Tensor:
    y = x + 0
    torch.relu_(y)
    return y.abs()


@pytest.mark.parametrize(
    ("function", "name", "factor", "shift"),
    [
        (_ignored_result, "mul", 1.0, 0.0), (_read_again_through_a_view, "mul", 2.0, 0.0), (_method, "sub", 1.0, -0.5),
        (_operator, "conv", 1.0, 0.0), (_torch_function, "add", 1.0, 0.0),
    ],
)  # fmt: skip
def test_the_meaning_of_in_place_operations_is_kept(
    function: Callable[[torch.Tensor], torch.Tensor], name: str, factor: float, shift: float
) -> None:
    """`name` is the value that is overwritten, as it was before; ``y *= 3`` cannot be traced, and has no such node."""

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return function(self.conv(x))

    network = Network().eval()
    x = torch.randn(1, 1, 5, 5)
    with torch.inference_mode():
        expected = function(network.conv(x))
        capture = Capture(network, (1, 5, 5))
        values = capture(x)
    np.testing.assert_array_equal(values[capture.graph.output.name], expected[0].numpy())
    before = network.conv(x)[0].detach()
    np.testing.assert_array_equal(values["conv"], before.numpy())
    np.testing.assert_array_equal(values[name], (before * factor + shift).numpy())


def test_inplace_relu_after_convolution_is_not_what_is_captured_for_the_convolution() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 1), nn.ReLU(inplace=True))
    x = torch.randn(1, 1, 8, 8)
    with torch.inference_mode():
        values = Capture(network.eval(), (1, 8, 8))(x)
    assert values["0"].min() < 0
    np.testing.assert_array_equal(values["1"], np.maximum(values["0"], 0))


class Deciding(nn.Module):
    """Control flow by value: cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.relu = nn.ReLU(inplace=True)
        self.other = nn.Conv2d(2, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.conv(x))
        if float(y.sum()) >= 0:
            y = torch.cat([self.other(y) + y, y], 1)
        return self.relu(y)


def test_a_network_that_cannot_be_traced_is_captured_by_hooks_with_its_edges() -> None:
    network = Deciding().eval()
    x = torch.randn(1, 1, 6, 6)
    with torch.inference_mode():
        conv = network.conv(x)
        capture = Capture(network, (1, 6, 6))
        values = capture(x)
    assert not capture.is_traced
    assert [n.name for n in capture.graph.nodes] == ["input", "conv", "relu", "other", "relu:1"]
    assert capture.graph["relu:1"].inputs == ("other", "relu")
    np.testing.assert_array_equal(values["conv"], conv[0].numpy())
    assert not any(module._forward_hooks for module in network.modules())


def test_values_are_read_only_float32_without_the_batch_axis() -> None:
    values = Capture(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), (1, 2, 2))(torch.ones(1, 1, 2, 2))
    assert values["0"].shape == (4,)
    assert values["1"].dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        values["1"][0] = 1


def test_later_runs_do_not_change_earlier_values() -> None:
    capture = Capture(nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True)).eval(), (1, 3, 3))
    with torch.inference_mode():
        first = capture(torch.ones(1, 1, 3, 3))
        before = {name: first[name].copy() for name in first}
        capture(torch.full((1, 1, 3, 3), -5.0))
    for name in first:
        np.testing.assert_array_equal(first[name], before[name])


def test_receptive_fields_formulas_and_multiply_adds_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.Flatten(), nn.Linear(1600, 3)
    )
    graph = Capture(network.eval(), (1, 28, 28)).graph
    fields = [node.field_hw[0] if node.field_hw else None for node in graph.nodes]
    assert [(f.size, f.jump, f.start) if f else None for f in fields] == [
        (1, 1, 0), (5, 1, -2), (5, 1, -2), (6, 2, -2), (14, 2, -2), None, None,
    ]  # fmt: skip
    assert graph["0"].parameter_formula == "6·(1·5·5 + 1)"
    assert graph["0"].parameters == 156
    assert graph["3"].macs == 16 * 10 * 10 * 6 * 5 * 5
    assert graph["5"].parameter_formula == "3·(1600 + 1)"
    assert graph["3"].field_hw is not None
    assert graph["3"].field_hw[0].interval(3) == (4, 18)


def test_the_receptive_field_is_what_changes_the_output() -> None:
    """Perturb each input pixel and see which ones move one unit of the last layer."""
    network = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2, padding=1, dilation=2), nn.AvgPool2d(3, 1), nn.Conv2d(1, 1, 2))
    capture = Capture(network.eval(), (1, 16, 16))
    field_hw = capture.graph.output.field_hw
    assert field_hw is not None
    x = torch.randn(1, 1, 16, 16, requires_grad=True)
    network(x)[0, 0, 1, 2].backward()
    assert x.grad is not None
    rows, columns = np.nonzero(x.grad[0, 0].numpy())
    assert (max(0, field_hw[0].interval(1)[0]), field_hw[0].interval(1)[1]) >= (rows.min(), rows.max() + 1)
    assert rows.min() >= field_hw[0].interval(1)[0]
    assert rows.max() + 1 == field_hw[0].interval(1)[1]
    assert columns.max() + 1 == field_hw[1].interval(2)[1]


def test_an_impossible_input_shape_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"cannot take an input of 3×8×8"):
        Capture(nn.Conv2d(1, 2, 3), (3, 8, 8))


def test_two_inputs_are_refused_with_a_sentence() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x + y

    with pytest.raises(UserError, match="2 inputs"):
        Capture(Two(), (1, 2, 2))


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "densenet121", "mobilenet_v2", "alexnet"])
def test_real_networks_equal_a_run_with_nothing_in_place(name: str) -> None:
    """Each module's captured output against the module applied to its captured input."""
    models = pytest.importorskip("torchvision.models")
    options = {"init_weights": False} if name == "googlenet" else {}
    network = models.get_model(name, weights=None, **options).eval()
    with torch.inference_mode():
        x = torch.randn(1, 3, 64, 64)
        expected = network(x)
        capture = Capture(network, (3, 64, 64))
        values = capture(x)
        assert capture.is_traced
        np.testing.assert_allclose(values[capture.graph.output.name], expected[0].numpy(), rtol=1e-5, atol=1e-6)
        modules = dict(network.named_modules())
        for node in capture.graph.layers:
            module = modules.get(node.name.split(":")[0])
            if module is None or len(node.inputs) != 1:
                continue
            again = module(torch.from_numpy(values[node.inputs[0]].copy())[None])
            np.testing.assert_allclose(values[node.name], again[0].numpy(), rtol=1e-4, atol=1e-5, err_msg=node.name)
    counted = sum(p.numel() for p in network.parameters())
    assert capture.graph.parameters == counted  # auxiliary heads too, which run in training only


class Named(nn.Module):
    """Module paths and functions want the same names, and one path is the input's."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.relu = nn.ReLU()
        self.input = nn.Conv2d(2, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.input(functional.relu(self.conv(x)) - 0.1))


def test_no_value_is_lost_to_a_name_that_is_taken() -> None:
    network, x = Named().eval(), torch.randn(1, 1, 6, 6)
    with torch.inference_mode():
        capture = Capture(network, (1, 6, 6))
        values = capture(x)
        first = functional.relu(network.conv(x))
        last = network(x)
    names = [node.name for node in capture.graph.nodes]
    assert len(set(names)) == len(names) == len(values)
    assert names[0] == "input"
    np.testing.assert_array_equal(values["input"], x[0].numpy())
    np.testing.assert_array_equal(values["relu_1"], first[0].numpy())
    np.testing.assert_array_equal(values["relu"], last[0].numpy())
    order = {name: place for place, name in enumerate(names)}
    assert all(order[source] < order[target] for source, target in capture.graph.edges)


class Overwriting(nn.Module):
    """A layer without children that writes into what it is given, as Swish often does."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.how == "method":
            return x.mul_(torch.sigmoid(x))
        if self.how == "function":
            return functional.relu(x, inplace=True)
        return torch.add(x, 1, out=x)


@pytest.mark.parametrize("how", ["method", "function", "out"])
def test_a_layer_that_overwrites_its_input_inside_does_not_alter_what_was_captured(how: str) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), Overwriting(how)).eval()
    x = torch.randn(1, 1, 6, 6)
    with torch.inference_mode():
        capture = Capture(network, (1, 6, 6))
        values = capture(x)
        expected = network[0](x)
    assert (expected < 0).any()
    np.testing.assert_array_equal(values["0"], expected[0].numpy())


class KeywordRelu(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu_(input=self.conv(x))


def test_what_is_overwritten_may_be_named_by_a_keyword() -> None:
    network, x = KeywordRelu().eval(), torch.randn(1, 1, 6, 6)
    with torch.inference_mode():
        values = Capture(network, (1, 6, 6))(x)
        np.testing.assert_array_equal(values["conv"], network.conv(x)[0].numpy())


class Branching(nn.Module):
    """Another layer for dark pictures than for light ones: it cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.a(x) if x.sum() > 0 else self.b(x)
        return out


def test_another_path_through_the_layers_is_a_sentence() -> None:
    capture = Capture(Branching().eval(), (1, 6, 6))
    assert not capture.is_traced
    assert set(capture(torch.ones(1, 1, 6, 6))) == {"input", "a"}
    with pytest.raises(UserError, match="another path"):
        capture(-torch.ones(1, 1, 6, 6))


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.scale = nn.Parameter(torch.ones(2, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv(x) * self.scale
        return out


def test_a_parameter_beside_the_layers_counts_and_is_no_node() -> None:
    capture = Capture(Scaled().eval(), (1, 6, 6))
    assert capture.graph.parameters == 20 + 2
    assert set(capture(torch.ones(1, 1, 6, 6))) == capture.graph.by_name.keys()


class Apply(nn.Module):
    """A 3×3 convolution and then one function."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(1, 4, 3, padding=1), function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self.conv(x))


WEIGHT = torch.ones(4, 4, 3, 3)


@pytest.mark.parametrize(
    ("function", "size"),
    [
        (functional.relu, 3),
        (nn.BatchNorm2d(4), 3),
        (nn.LocalResponseNorm(3), 3),
        (nn.Conv2d(4, 4, 3, padding="same"), 5),
        (lambda y: functional.avg_pool2d(y, 3, 1, 1), 5),
        (lambda y: functional.max_pool2d(y, kernel_size=2), 4),
        (lambda y: y + 2 * y, 3),
        (lambda y: functional.conv2d(y, WEIGHT, padding=1), None),
        (nn.GroupNorm(2, 4), None),
        (nn.InstanceNorm2d(4), None),
        (nn.LayerNorm([4, 16, 16]), None),
        (lambda y: y.flip(-1), None),
        (lambda y: torch.roll(y, 3, 2), None),
        (nn.ZeroPad2d(1), None),
    ],
    ids=str,
)
def test_the_receptive_field_is_what_the_gradient_reaches(
    function: Callable[[torch.Tensor], torch.Tensor], size: int | None
) -> None:
    network = Apply(function).eval()
    capture = Capture(network, (1, 16, 16))
    field = capture.graph.output.field_hw
    if size is None:
        assert field is None
        return
    assert field is not None
    torch.nn.init.ones_(network.conv.weight)
    x = torch.rand(1, 1, 16, 16, requires_grad=True)
    out = network(x)
    row = out.shape[-2] // 2
    out[0, :, row, row].sum().backward()
    assert x.grad is not None
    reached = x.grad[0, 0].abs().sum(1).nonzero().flatten()
    first, past = field[0].interval(row)
    assert field[0].size == size
    assert first <= int(reached.min())
    assert int(reached.max()) < past


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_values_on_cuda_are_those_of_the_cpu() -> None:
    block = Residual().eval()
    x = torch.randn(1, 3, 6, 6)
    with torch.inference_mode():
        expected = Plain(block)(x)
        values = Capture(block.cuda(), (3, 6, 6))(x.cuda())
    for name in ("conv1", "bn1", "relu", "conv2", "relu:1"):
        np.testing.assert_allclose(values[name], expected[name][0].numpy(), rtol=1e-4, atol=1e-5, err_msg=name)
