"""Networks folded by their own structure: nothing is lost, nothing twice, and paths stay connected."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cnnviz.core.capture import Capture
from cnnviz.core.costs import COSTS, cost_of, cost_text, count_text
from cnnviz.core.folding import FoldTree, Group, Item, short_name
from cnnviz.core.graph import Graph
from cnnviz.models import registry
from cnnviz.models.building import build

NAMES = ("lenet5", "resnet20", "plain20", "unet", "squeezenet1_1", "googlenet", "resnet18", "vgg11", "densenet121")


def graph_of(name: str) -> Graph:
    spec = registry.get(name)
    side = min(64, spec.input.height)
    return Capture(build(spec).eval(), (spec.input.channels, side, side), name=name).graph


@pytest.fixture(scope="module", params=NAMES)
def tree(request: pytest.FixtureRequest) -> FoldTree:
    return FoldTree(graph_of(request.param))


def all_paths(tree: FoldTree) -> frozenset[str]:
    return frozenset(group.path for group in tree.groups)


def test_every_layer_is_shown_once_however_it_is_folded(tree: FoldTree) -> None:
    names = [node.name for node in tree.graph.nodes]
    for unfolded in (frozenset(), tree.usual(), all_paths(tree)):
        items = tree.items(unfolded)
        assert [node.name for item in items for node in item.nodes] == names
    assert [item.node.name for item in tree.items(all_paths(tree))] == names


def test_paths_are_unique_and_groups_hold_more_than_one(tree: FoldTree) -> None:
    assert len(all_paths(tree)) == len(tree.groups)
    assert all(len(group.entries) > 1 for group in tree.groups)


def test_edges_between_items_are_those_between_their_layers(tree: FoldTree) -> None:
    for unfolded in (frozenset(), tree.usual(), all_paths(tree)):
        items = tree.items(unfolded)
        owner = {node.name: item.node.name for item in items for node in item.nodes}
        expected = {(owner[a], owner[b]) for a, b in tree.graph.edges if owner[a] != owner[b]}
        assert {(source, item.node.name) for item in items for source in item.inputs} == expected
        seen: set[str] = set()
        for item in items:  # what is read stands before what reads it
            assert set(item.inputs) <= seen
            seen.add(item.node.name)


def test_at_first_no_more_is_shown_than_can_be_read(tree: FoldTree) -> None:
    shown = len(tree.items(tree.usual()))
    assert shown <= max(24, len(tree.items(frozenset())))


def test_a_hidden_layer_comes_into_sight(tree: FoldTree) -> None:
    for node in tree.graph.nodes[:: max(1, len(tree.graph.nodes) // 12)]:
        items = tree.items(tree.showing(node.name, frozenset()))
        assert node.name in {item.node.name for item in items}


def test_a_resnet_is_folded_into_stages_and_blocks() -> None:
    tree = FoldTree(graph_of("resnet18"))
    assert [item.title for item in tree.items(frozenset())] == [
        "input", "conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "flatten", "fc",
    ]  # fmt: skip
    block = next(i for i in tree.items(frozenset({"layer2"})) if i.group is not None and i.group.path == "layer2.0")
    assert block.title == "0"
    assert [group.path for group in block.inside] == ["layer2"]
    assert block.inputs == ("layer1.1.relu:1",)
    assert block.node.name == "layer2.0.relu:1"
    inner = tree.items(frozenset({"layer2", "layer2.0"}))
    add = next(item for item in inner if item.node.kind == "sum" and item.node.name.startswith("layer2.0"))
    assert set(add.inputs) == {"layer2.0.bn2", "layer2.0.downsample.1"}


def test_a_long_row_of_layers_is_cut_where_the_maps_get_smaller() -> None:
    tree = FoldTree(graph_of("vgg11"))
    stages = [group for group in tree.groups if group.title.startswith("stage")]
    assert len(stages) == 5
    for stage in stages:
        assert stage.output.kind == "pooling"
        sizes = {node.output_shape[1:] for node in stage.nodes if node.kind == "convolution"}
        assert len(sizes) == 1


class Twice(nn.Module):
    """A block that runs twice, with another layer between."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU())
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.pool(self.block(x)))


def test_a_module_that_runs_twice_is_two_groups() -> None:
    graph = Capture(Twice().eval(), (2, 8, 8)).graph
    tree = FoldTree(graph)
    assert [group.path for group in tree.groups] == ["block", "block:1"]
    assert [item.title for item in tree.items(frozenset())] == ["input", "block", "pool", "block"]
    assert isinstance(tree.group("block:1"), Group)
    assert tree.group("nothing") is None


def test_names_in_their_surroundings() -> None:
    assert short_name("layer1.0.conv1") == "conv1"
    assert short_name("features.0") == "features.0"
    assert short_name("layer1.0.relu:1") == "relu:1"
    tree = FoldTree(graph_of("vgg11"))
    item = next(i for i in tree.items(all_paths(tree)) if i.node.name == "features.0")
    assert isinstance(item, Item)
    assert item.title == "0 conv"


def test_costs_of_a_group_are_those_of_its_layers() -> None:
    graph = graph_of("resnet20")
    tree = FoldTree(graph)
    times = {node.name: 0.5 for node in graph.nodes}
    for group in tree.groups:
        assert cost_of(group.nodes, "parameters", {}) == sum(n.parameters for n in group.nodes if ":" not in n.name)
        assert cost_of(group.nodes, "macs", {}) == sum(node.macs for node in group.nodes)
        assert cost_of(group.nodes, "time", times) == pytest.approx(0.5 * len(group.nodes))
        assert cost_of(group.nodes, "time", {}) is None
    conv1 = (graph["conv1"],)
    assert cost_of(conv1, "memory", {}) == 4 * (16 * 32 * 32 + 432)
    assert cost_of(conv1, "field", {}) == 3
    assert cost_of((graph["linear"],), "field", {}) is None


def test_costs_are_written_for_people() -> None:
    assert [cost.name for cost in COSTS] == ["parameters", "macs", "time", "memory", "field"]
    assert cost_text(None, "time") == "–"
    assert cost_text(1.25, "time") == "1.25 ms"
    assert cost_text(15_470_264_320, "macs") == "15.5 G"
    assert cost_text(11, "field") == "11 px"
    assert count_text(999) == "999"
    assert count_text(61_706) == "61.7 k"


def test_each_layers_time_is_measured_and_they_add_up() -> None:
    capture = Capture(build(registry.get("resnet20")).eval(), (3, 32, 32))
    with torch.inference_mode():
        values = capture(torch.rand(1, 3, 32, 32))
    assert set(values.times_ms) == {node.name for node in capture.graph.layers}
    assert all(time_ms >= 0 for time_ms in values.times_ms.values())
    assert sum(values.times_ms.values()) > 0
