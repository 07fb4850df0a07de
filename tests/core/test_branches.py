"""Forks, branches and shortcuts: by hand on small graphs, and on networks whose structure is published."""

from __future__ import annotations

import itertools
from types import MappingProxyType

import pytest
import torch
from torch import nn

from cnnviz.core import branches
from cnnviz.core.branches import Block, block_of, blocks, fork_of
from cnnviz.core.capture import Capture
from cnnviz.core.graph import Graph, Kind, Node


def node(name: str, kind: Kind, *inputs: str, parameters: int = 0, op: str = "") -> Node:
    return Node(name, kind, op or kind.title(), inputs, MappingProxyType({}), parameters=parameters, macs=parameters)


def graph(*nodes: Node) -> Graph:
    return Graph("by hand", (Node("input", "input", "input"), *nodes))


def names(block: Block) -> list[list[str]]:
    return [[n.name for n in branch.nodes] for branch in block.branches]


CHAIN = graph(node("a", "convolution", "input"), node("b", "activation", "a"))
RESIDUAL = graph(
    node("stem", "convolution", "input", parameters=9),
    node("one.conv1", "convolution", "stem", parameters=10),
    node("one.relu", "activation", "one.conv1"),
    node("one.conv2", "convolution", "one.relu", parameters=10),
    node("add", "sum", "one.conv2", "stem", op="add"),
    node("one.relu:1", "activation", "add"),
    node("two.conv1", "convolution", "one.relu:1", parameters=10),
    node("two.conv2", "convolution", "two.conv1", parameters=10),
    node("two.down", "convolution", "one.relu:1", parameters=500),
    node("add_1", "sum", "two.down", "two.conv2", op="add"),
    node("head", "linear", "add_1"),
)


def test_a_chain_has_no_blocks() -> None:
    assert blocks(CHAIN) == ()
    assert block_of(blocks(CHAIN), "a") is None


def test_a_residual_block_by_hand() -> None:
    one, two = blocks(RESIDUAL)
    assert (one.fork.name, one.joining.name, one.title) == ("stem", "add", "one")
    assert names(one) == [["one.conv1", "one.relu", "one.conv2"], []]
    assert [b.is_shortcut for b in one.branches] == [False, True]
    assert [b.last for b in one.branches] == ["one.conv2", "stem"]
    assert one.after is not None
    assert one.after.name == "one.relu:1"
    assert one.is_residual
    assert one.branches[0].parameters == 20
    assert (two.fork.name, two.title) == ("one.relu:1", "two")
    assert two.shortcut is two.branches[0]  # shorter, although its one convolution has more parameters
    assert two.after is None  # a dense layer is no activation


def test_a_layer_belongs_to_the_block_that_it_is_in() -> None:
    found = blocks(RESIDUAL)
    where = {n.name: (b.joining.name if (b := block_of(found, n.name)) else None) for n in RESIDUAL.nodes}
    assert where == {
        "input": None, "stem": None, "one.conv1": "add", "one.relu": "add", "one.conv2": "add", "add": "add",
        "one.relu:1": "add", "two.conv1": "add_1", "two.conv2": "add_1", "two.down": "add_1", "add_1": "add_1",
        "head": None,
    }  # fmt: skip


def test_blocks_inside_one_another_as_in_a_u_net() -> None:
    u_net = graph(
        node("down1", "convolution", "input", parameters=1),
        node("pool1", "pooling", "down1"),
        node("down2", "convolution", "pool1", parameters=2),
        node("pool2", "pooling", "down2"),
        node("bottom", "convolution", "pool2", parameters=3),
        node("up2", "convolution", "bottom", parameters=4),
        node("cat", "concatenation", "down2", "up2", op="cat"),
        node("merge2", "convolution", "cat", parameters=5),
        node("up1", "convolution", "merge2", parameters=6),
        node("cat_1", "concatenation", "up1", "down1", op="cat"),
    )
    inner, outer = blocks(u_net)
    assert (inner.fork.name, outer.fork.name) == ("down2", "down1")
    assert names(inner) == [[], ["pool2", "bottom", "up2"]]
    assert [b.is_shortcut for b in inner.branches] == [True, False]
    assert [n.name for n in outer.branches[0].nodes] == [
        "pool1", "down2", "pool2", "bottom", "up2", "cat", "merge2", "up1",
    ]  # fmt: skip
    assert outer.shortcut is outer.branches[1]
    assert outer.branches[0].parameters == 20
    assert block_of((inner, outer), "bottom") is inner  # the nearest joining
    assert block_of((inner, outer), "down2") is outer
    assert outer.title == "cat_1"  # nothing in common


def test_dense_connections_count_each_layer_once() -> None:
    dense = graph(
        node("x", "convolution", "input"),
        node("l1", "convolution", "x", parameters=1),
        node("c1", "concatenation", "x", "l1", op="cat"),
        node("l2", "convolution", "c1", parameters=2),
        node("c2", "concatenation", "x", "l1", "l2", op="cat"),
    )
    last = blocks(dense)[-1]
    assert last.fork.name == "x"
    assert names(last) == [[], ["l1"], ["c1", "l2"]]
    assert [b.is_shortcut for b in last.branches] == [True, False, False]


def test_a_way_to_many_joinings_is_walked_once() -> None:
    nodes, joined = [node("x", "convolution", "input")], ["x"]
    for n in range(40):
        nodes.append(node(f"c{n}", "concatenation", *joined, op="cat"))
        nodes += [node(f"a{n}", "convolution", f"c{n}"), node(f"b{n}", "activation", f"a{n}")]
        joined.append(f"b{n}")
    found = blocks(graph(*nodes))
    assert names(found[-1])[:3] == [[], ["c0", "a0", "b0"], ["c1", "a1", "b1"]]
    for block, following in itertools.pairwise(found):
        for branch, same in zip(block.branches[1:], following.branches[1:], strict=False):
            assert branch.nodes is same.nodes


def test_equal_ways_have_no_shortcut() -> None:
    twins = graph(
        node("a", "convolution", "input", parameters=3),
        node("b", "convolution", "input", parameters=3),
        node("add", "sum", "a", "b", op="add"),
    )
    (block,) = blocks(twins)
    assert block.fork.name == "input"
    assert block.shortcut is None
    assert not block.is_residual


def test_what_is_not_computed_from_the_picture_makes_no_block() -> None:
    constant = graph(
        node("positions", "other"), node("a", "convolution", "input"), node("add", "sum", "a", "positions", op="add")
    )
    assert blocks(constant) == ()
    assert fork_of(constant, "add") is None
    assert branches.branches(constant, "add") == ()


def test_single_questions_have_the_answers_of_the_whole() -> None:
    for block in blocks(RESIDUAL):
        assert fork_of(RESIDUAL, block.joining) == block.fork
        assert branches.branches(RESIDUAL, block.joining.name) == block.branches


def of(module: nn.Module, side: int = 64) -> Graph:
    return Capture(module.eval(), (3, side, side)).graph


@pytest.mark.parametrize(("name", "count", "downs"), [("resnet18", 8, 3), ("resnet50", 16, 4)])
def test_residual_networks_of_torchvision(name: str, count: int, downs: int) -> None:
    import torchvision

    found = blocks(of(torchvision.models.get_model(name, weights=None)))
    assert len(found) == count
    assert all(b.is_residual and b.after is not None and b.after.op == "ReLU" for b in found)
    shortcuts = [b.shortcut for b in found]
    assert sum(bool(s and s.nodes) for s in shortcuts) == downs
    assert all(s is not None and all("downsample" in n.name for n in s.nodes) for s in shortcuts)
    assert [b.title for b in found[:3]] == ["layer1.0", "layer1.1", "layer1.2" if name == "resnet50" else "layer2.0"]


def test_the_zero_padding_shortcut_of_cifar() -> None:
    from cnnviz.models.cifar import plain20, resnet20

    found = blocks(of(resnet20(), 32))
    assert len(found) == 9
    padded = [b for b in found if b.shortcut is not None and b.shortcut.nodes]
    assert [b.title for b in padded] == ["layer2.0", "layer3.0"]
    assert all(b.shortcut is not None and b.shortcut.parameters == 0 for b in found)
    assert blocks(of(plain20(), 32)) == ()


def test_inception_modules_have_four_branches() -> None:
    import torchvision

    module = torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=False)
    found = blocks(of(module))
    assert [b.title for b in found] == [f"inception{n}" for n in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")]
    assert all(len(b.branches) == 4 and b.shortcut is None for b in found)
    assert sum(branch.parameters for branch in found[0].branches) == sum(
        p.numel() for p in module.inception3a.parameters()
    )


def test_fire_modules_part_behind_their_squeeze() -> None:
    import torchvision

    found = blocks(of(torchvision.models.squeezenet1_1(weights=None)))
    assert len(found) == 8
    assert found[0].fork.name == "features.3.squeeze_activation"
    assert [b.last for b in found[0].branches] == [
        "features.3.expand1x1_activation", "features.3.expand3x3_activation",
    ]  # fmt: skip


class Hand(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.conv(x))


def test_a_module_by_hand() -> None:
    (block,) = blocks(of(Hand(), 8))
    assert (block.fork.name, block.joining.name, block.title) == ("input", "add", "add")
    assert block.shortcut is block.branches[0]
    assert block.after is not None
    assert block.after.kind == "activation"
