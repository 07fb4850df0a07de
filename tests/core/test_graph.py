"""A network as plain data."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from cnnviz.core.capture import Capture
from cnnviz.core.graph import Graph, Node, ReceptiveField, pad_before, pair


def test_two_nodes_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Graph("g", (Node("a", "input", "input"), Node("a", "activation", "ReLU")))


class Twice(nn.Module):
    """One convolution, called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(self.conv(x))
        return out


def test_a_layer_that_runs_twice_has_its_parameters_once_and_its_work_twice() -> None:
    graph = Capture(Twice().eval(), (2, 5, 5)).graph
    assert [node.name for node in graph.nodes] == ["input", "conv", "conv:1"]
    assert graph.parameters == 2 * (2 * 9 + 1)
    assert graph.macs == 2 * (2 * 2 * 9 * 25)


class Joined(nn.Module):
    """A 5×5 and a 3×3 path that meet: the field is that of the wider one."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(1, 1, 5, padding=2), nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.wide(x) + self.narrow(x)
        return out


def test_a_sum_sees_what_either_input_sees() -> None:
    graph = Capture(Joined().eval(), (1, 9, 9)).graph
    assert graph.output.field_hw == (ReceptiveField(5, 1, -2), ReceptiveField(5, 1, -2))
    assert graph.output.field_hw[0].interval(4) == (2, 7)


def test_padding_by_name_and_by_number() -> None:
    assert pair(3) == (3, 3)
    assert pair((1, 2)) == (1, 2)
    assert pad_before({"padding": "same", "kernel_size": (3, 4), "dilation": (2, 1)}, 0) == 2
    assert pad_before({"padding": "same", "kernel_size": (3, 4)}, 1) == 1  # torch pads three, the odd one behind
    assert pad_before({"padding": "valid", "kernel_size": 3}, 0) == 0
    assert pad_before({"padding": (1, 2)}, 1) == 2
    assert pad_before({}, 0) == 0
