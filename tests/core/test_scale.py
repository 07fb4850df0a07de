"""Where colour scales end, over a unit, a layer and the whole network."""

from __future__ import annotations

import numpy as np
import pytest

from cnnviz.core import scale
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray

GRAPH = Graph(
    "small",
    (
        Node("input", "input", "input", output_shape=(1, 2, 2)),
        Node("conv", "convolution", "Conv2d", ("input",), output_shape=(2, 2, 2)),
        Node("relu", "activation", "ReLU", ("conv",), output_shape=(2, 2, 2)),
        Node("gelu", "activation", "GELU", ("relu",), output_shape=(2, 2, 2)),
        Node("fc", "linear", "Linear", ("gelu",), output_shape=(3,)),
    ),
)


def values() -> dict[str, FloatArray]:
    conv = np.array([[[1, -4], [0, 2]], [[0, 0], [1, 3]]], np.float32)
    found = {
        "input": np.full((1, 2, 2), 9, np.float32), "conv": conv, "relu": np.maximum(conv, 0), "gelu": conv / 8,
        "fc": np.array([100, -300, 7], np.float32),
    }  # fmt: skip
    return {name: array.astype(np.float32) for name, array in found.items()}


def test_one_scale_for_all_layers_that_are_signed_alike_and_one_for_the_output() -> None:
    assert scale.network_limits(GRAPH, values()) == {"conv": 4, "gelu": 4, "relu": 3, "fc": 300}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_does_not_count(bad: float) -> None:
    given = values()
    given["conv"][0, 0, 0] = bad
    assert scale.network_limits(GRAPH, given)["conv"] == 4
    given["conv"][:] = bad
    assert scale.network_limits(GRAPH, given)["conv"] == 0.5  # that of the other signed layer


def test_the_layers_own_scale_is_taken_until_that_of_the_network_is_known() -> None:
    node, maps = GRAPH["gelu"], values()["gelu"]
    found = scale.network_limits(GRAPH, values())
    assert [float(end[0]) for end in scale.limits(node, maps, "network", found)] == [-4, 4]
    assert [float(end[0]) for end in scale.limits(node, maps, "network", None)] == [-0.5, 0.5]
    assert [float(end[0]) for end in scale.limits(node, maps, "layer", found)] == [-0.5, 0.5]
