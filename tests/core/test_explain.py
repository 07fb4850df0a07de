"""Every layer of the networks written out, value by value, beside what PyTorch computed."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnviz.core.capture import Capture
from cnnviz.core.errors import UserError
from cnnviz.core.explain import as_maps, explain, folded_shape, operation_of, path_of, why_not
from cnnviz.core.image import load_picture
from cnnviz.core.inspection import Inspection, ModelRequest
from cnnviz.core.operations import Convolution, Dense, Pooling, Sum
from cnnviz.core.paths import resources_dir
from cnnviz.models.engine import Engine

NETWORKS = ("lenet5", "lenet5_original", "resnet18")


@pytest.fixture(scope="module", params=NETWORKS)
def seen(request: pytest.FixtureRequest) -> tuple[Engine, Inspection]:
    return run(request.param)


@pytest.fixture(scope="module")
def lenet() -> tuple[Engine, Inspection]:
    return run("lenet5")


def run(name: str) -> tuple[Engine, Inspection]:
    torch.set_num_threads(1)
    engine = Engine(ModelRequest(name, device="cpu"))
    picture = np.zeros((28, 28), np.float32)
    picture[4:24, 13:16] = 1  # a one
    picture[22:24, 9:20] = 0.6
    photo = load_picture(resources_dir() / "photos" / "chelsea.jpg").pixels_hwc
    return engine, engine.inspect(picture, photo=photo)


def test_every_layer_is_known(seen: tuple[Engine, Inspection]) -> None:
    engine, inspection = seen
    graph, weights = engine.loaded.graph, engine.loaded.weights
    unknown = [node.name for node in graph.layers if operation_of(graph, node.name, inspection.values, weights) is None]
    assert unknown == []


def test_random_cells_of_every_layer_agree(seen: tuple[Engine, Inspection]) -> None:
    engine, inspection = seen
    graph, weights, values = engine.loaded.graph, engine.loaded.weights, inspection.values
    rng = np.random.default_rng(0)
    for node in graph.layers:
        maps = as_maps(values[node.name])
        corners = [(0, 0, 0), tuple(n - 1 for n in maps.shape)]
        for unit, row, col in [*corners, *(tuple(int(rng.integers(n)) for n in maps.shape) for _ in range(4))]:
            found = explain(graph, node.name, values, weights, unit, (row, col))
            assert found.node is node
            assert found.place == (unit, row, col)
            assert found.check.torch == maps[unit, row, col]
            assert found.check.agrees, (node.name, unit, row, col, found.check)
            assert math.isfinite(found.check.scale)


def test_sources_lie_in_the_layers_that_were_read(seen: tuple[Engine, Inspection]) -> None:
    engine, inspection = seen
    graph, weights, values = engine.loaded.graph, engine.loaded.weights, inspection.values
    for node in graph.layers:
        maps = as_maps(values[node.name])
        middle = tuple(n // 2 for n in maps.shape)
        found = explain(graph, node.name, values, weights, middle[0], middle[1:])
        sources = found.sources(20)
        assert 0 < len(sources) <= 20
        for source in sources:
            from_maps = as_maps(values[node.inputs[source.index]])
            assert 0 <= source.unit < from_maps.shape[0]
            assert 0 <= source.row < from_maps.shape[1]
            assert 0 <= source.col < from_maps.shape[2]


def test_a_part_of_every_layer_is_the_layer(seen: tuple[Engine, Inspection]) -> None:
    engine, inspection = seen
    graph, weights, values = engine.loaded.graph, engine.loaded.weights, inspection.values
    for node in graph.layers:
        operation: Any = operation_of(graph, node.name, values, weights)
        maps = as_maps(values[node.name])
        assert operation.output_shape == maps.shape, node.name
        unit, first = len(maps) - 1, maps.shape[1] // 2
        expected = maps[unit, first : first + 2]
        # A sum of thousands of products cancels.
        scale = max(operation.scale(unit, first, 0), 1.0)
        found = operation.rows(unit, first, min(first + 2, maps.shape[1]))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * scale, err_msg=node.name)


def test_a_wrong_value_does_not_agree(lenet: tuple[Engine, Inspection]) -> None:
    engine, inspection = lenet
    graph, weights = engine.loaded.graph, engine.loaded.weights
    for node in graph.layers:
        values = dict(inspection.values)
        values[node.name] = values[node.name] + np.float32(0.5)
        cell = (2, 2) if node.is_map else None
        assert not explain(graph, node.name, values, weights, 1, cell).check.agrees, node.name


def test_the_input_is_not_computed(lenet: tuple[Engine, Inspection]) -> None:
    engine, inspection = lenet
    graph, weights = engine.loaded.graph, engine.loaded.weights
    assert operation_of(graph, "input", inspection.values, weights) is None
    assert "there is nothing to compute yet" in why_not(graph["input"])


@pytest.mark.parametrize(
    ("name", "unit", "cell", "sentence"),
    [
        ("conv9", 0, (0, 0), "There is no layer 'conv9' in lenet5."),
        ("input", 0, (0, 0), "there is nothing to compute yet"),
        ("conv1", 6, (0, 0), "'conv1' has the units 0 to 5, not 6."),
        ("conv1", -1, (0, 0), "'conv1' has the units 0 to 5, not -1."),
        ("conv1", 0, (28, 0), "The maps of 'conv1' have 28 × 28 values: there is none at row 28, column 0."),
        ("conv1", 0, (0, -1), "there is none at row 0, column -1"),
        ("pool2", 0, (5, 5), "The maps of 'pool2' have 5 × 5 values"),
        ("fc1", 120, None, "'fc1' has the units 0 to 119, not 120."),
        ("fc1", 0, (0, 1), "there is none at row 0, column 1"),
    ],
)
def test_what_is_not_there_is_refused_with_a_sentence(
    lenet: tuple[Engine, Inspection], name: str, unit: int, cell: tuple[int, int] | None, sentence: str
) -> None:
    engine, inspection = lenet
    with pytest.raises(UserError) as caught:
        explain(engine.loaded.graph, name, inspection.values, engine.loaded.weights, unit, cell)
    assert sentence in caught.value.sentence


def test_an_unknown_layer_names_the_known_ones(lenet: tuple[Engine, Inspection]) -> None:
    engine, inspection = lenet
    with pytest.raises(UserError) as caught:
        explain(engine.loaded.graph, "nowhere", inspection.values, engine.loaded.weights, 0, None)
    assert "conv1, relu1, pool1" in caught.value.suggestion


def test_a_vector_needs_no_cell(lenet: tuple[Engine, Inspection]) -> None:
    engine, inspection = lenet
    found = explain(engine.loaded.graph, "fc3", inspection.values, engine.loaded.weights, 7, None)
    assert found.place == (7, 0, 0)
    assert isinstance(found.operation, Dense)
    assert found.check.agrees


def test_what_a_dense_layer_reads_can_be_folded_back(lenet: tuple[Engine, Inspection]) -> None:
    graph = lenet[0].loaded.graph
    assert folded_shape(graph, graph["fc1"]) == (16, 5, 5)
    assert folded_shape(graph, graph["fc2"]) is None
    assert folded_shape(graph, graph["input"]) is None


def test_a_second_call_has_the_weights_of_its_module() -> None:
    assert path_of("layer1.0.relu:1") == "layer1.0.relu"
    assert path_of("conv1") == "conv1"


def test_values_that_were_not_captured_are_not_explained(lenet: tuple[Engine, Inspection]) -> None:
    engine, inspection = lenet
    values = {name: value for name, value in inspection.values.items() if name != "relu1"}
    assert operation_of(engine.loaded.graph, "pool1", values, engine.loaded.weights) is None


class Every(nn.Module):
    """One of each layer that can be written out and that the shipped networks lack."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 8, (3, 2), (1, 2), (2, 1), padding_mode="reflect", groups=2)
        self.same = nn.Conv2d(8, 6, (4, 3), padding="same", dilation=2, bias=False)
        self.lrn = nn.LocalResponseNorm(4, 0.3, 0.75, 2.0)
        self.bn = nn.BatchNorm2d(6, affine=False)
        self.up = nn.ConvTranspose2d(6, 4, 3, 2, 1, 1, groups=2)
        self.prelu = nn.PReLU(4)
        self.leaky = nn.LeakyReLU(0.3)
        self.elu = nn.ELU(0.4)
        self.drop = nn.Dropout2d(0.3)
        self.lp = nn.LPPool2d(2, 2, ceil_mode=True)
        self.avg = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.most = nn.AdaptiveMaxPool2d((3, None))
        self.identity = nn.Identity()
        self.flatten = nn.Flatten()
        self.fc = nn.LazyLinear(5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.lrn(self.same(self.conv(x))))
        x = self.drop(self.elu(self.leaky(self.prelu(self.up(x)))))
        x = self.identity(self.most(self.avg(self.lp(functional.relu(x) + x.abs()))))
        x = torch.cat([x - x.mean((2, 3), keepdim=True), functional.max_pool2d(x, 3, 1, 1), x], 1)
        return self.fc(self.flatten(functional.adaptive_avg_pool2d(x, 2)))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel", "ignore:Lazy modules")
def test_layers_that_the_shipped_networks_lack() -> None:
    torch.manual_seed(1)
    module = Every()
    with torch.no_grad():
        module.train()(torch.rand(4, 2, 9, 12))  # gives the lazy layer its size, and the statistics other numbers
        module.prelu.weight.copy_(torch.tensor([0.1, 0.2, -0.3, 0.4]))
    capture = Capture(module.eval(), (2, 9, 12))
    with torch.inference_mode():
        values = capture(torch.randn(1, 2, 9, 12))
    weights = MappingProxyType({k: v.detach().float().numpy() for k, v in module.state_dict().items()})
    graph = capture.graph
    unknown = {n.name for n in graph.layers if operation_of(graph, n.name, values, weights) is None}
    assert unknown == {"abs_1"}
    rng = np.random.default_rng(0)
    for node in graph.layers:
        if node.name in unknown:
            assert f"'{node.op}'" in why_not(node)
            with pytest.raises(UserError, match="is not known here"):
                explain(graph, node.name, values, weights, 0, (0, 0))
            continue
        maps = as_maps(values[node.name])
        for _ in range(12):
            unit, row, col = (int(rng.integers(n)) for n in maps.shape)
            found = explain(graph, node.name, values, weights, unit, (row, col))
            assert found.check.agrees, (node.name, unit, row, col, found.check)


def test_what_an_operation_is_given(lenet: tuple[Engine, Inspection]) -> None:
    engine, inspection = lenet
    graph, weights = engine.loaded.graph, engine.loaded.weights
    conv: Any = operation_of(graph, "conv2", inspection.values, weights)
    assert isinstance(conv, Convolution)
    np.testing.assert_array_equal(conv.x, inspection.values["pool1"])
    np.testing.assert_array_equal(conv.weight, weights["conv2.weight"])
    pool: Any = operation_of(graph, "pool1", inspection.values, weights)
    assert isinstance(pool, Pooling)
    assert pool.spec.kernel == pool.spec.stride == (2, 2)
    assert pool.gain is None


class Scaled(nn.Module):
    """Sums with a factor, which are more than sums."""

    def forward(self, x: Tensor) -> Tensor:
        first = torch.relu(x)
        second = torch.add(x, first, alpha=2)
        third = torch.sub(second, first)
        return torch.cat([second, third], 2)  # below each other, not behind


def test_sums_with_a_factor_and_other_axes_are_right_or_unknown() -> None:
    capture = Capture(Scaled().eval(), (2, 3, 3))
    with torch.inference_mode():
        values = capture(torch.randn(1, 2, 3, 3))
    graph = capture.graph
    for node in graph.layers:
        operation = operation_of(graph, node.name, values, {})
        if operation is None:
            continue
        maps = as_maps(values[node.name])
        for place in np.ndindex(maps.shape):
            assert explain(graph, node.name, values, {}, place[0], place[1:]).check.agrees, (node.name, place)
    assert isinstance(operation_of(graph, "sub", values, {}), Sum)
    assert operation_of(graph, "add", values, {}) is None
    assert operation_of(graph, "cat", values, {}) is None


class Sequences(nn.Module):
    """Layers of (C, L), whose two axes are no maps."""

    def __init__(self) -> None:
        super().__init__()
        self.bn, self.prelu = nn.BatchNorm1d(3), nn.PReLU(3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(x.flatten(2))
        return torch.relu(self.prelu(x))


def test_layers_of_sequences_are_right_or_unknown() -> None:
    capture = Capture(Sequences().eval(), (3, 2, 2))
    with torch.inference_mode():
        values = capture(torch.randn(1, 3, 2, 2))
    weights = {k: v.detach().float().numpy() for k, v in capture.module.state_dict().items()}
    graph = capture.graph
    for node in graph.layers:
        for unit in range(values[node.name].size):
            if operation_of(graph, node.name, values, weights) is not None:
                assert explain(graph, node.name, values, weights, unit, None).check.agrees, node.name
    assert operation_of(graph, "relu", values, weights) is not None
    assert operation_of(graph, "bn", values, weights) is None
    assert operation_of(graph, "prelu", values, weights) is None
