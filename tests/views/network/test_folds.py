"""What of a network is folded: moves that say whether they changed anything."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from cnnviz.core.graph import Graph, Node
from cnnviz.views.network.folds import Folds


def graph(name: str = "net") -> Graph:
    nodes, before = [Node("input", "input", "input", (), MappingProxyType({}))], "input"
    for block in ("one", "two"):
        for layer in ("conv", "relu"):
            full = f"{block}.{layer}"
            nodes.append(Node(full, "convolution", "Conv2d", (before,), MappingProxyType({}), scope=block))
            before = full
    return Graph(name, tuple(nodes))


@pytest.fixture
def folds() -> Folds:
    folds = Folds()
    folds.show(graph())
    folds.fold_all()
    return folds


def shown(folds: Folds) -> list[str]:
    return [item.node.name for item in folds.items()]


def test_a_group_is_folded_and_unfolded(folds: Folds) -> None:
    assert shown(folds) == ["input", "one.relu", "two.relu"]
    one = folds.group("one")
    assert one is not None
    assert folds.toggle(one)
    assert shown(folds) == ["input", "one.conv", "one.relu", "two.relu"]
    assert folds.toggle(one)
    assert not folds.fold_all()  # nothing was left to fold
    assert folds.unfold_all()
    assert len(shown(folds)) == 5


def test_what_was_brought_out_is_folded_again_by_the_next(folds: Folds) -> None:
    assert folds.bring_out("one.conv")
    assert not folds.bring_out("one.conv")
    assert folds.bring_out("two.conv")
    assert folds.unfolded == {"two"}


def test_each_network_comes_back_as_it_was_left(folds: Folds) -> None:
    folds.bring_out("two.conv")
    folds.show(None)
    assert (folds.items(), folds.groups, folds.fold_all()) == ((), (), False)
    folds.show(graph("another"))
    assert folds.unfolded == {"one", "two"}  # few columns: all of them are readable
    folds.show(graph())
    assert folds.unfolded == {"two"}
