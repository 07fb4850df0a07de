"""Where layers lie and what a value was computed from, by hand and by perturbation."""

from __future__ import annotations

import numpy as np
import pytest

from cnnviz.core import scale
from cnnviz.core.graph import Graph, Node
from cnnviz.views.network import compute
from tests.samples import sample_graph, sample_inspection, sample_model


@pytest.mark.parametrize(("width", "height"), [(320, 160), (860, 400), (1920, 1000)])
@pytest.mark.parametrize("zoom", [1.0, 2.5])
def test_no_two_layers_overlap_and_all_lie_on_the_canvas(width: int, height: int, zoom: float) -> None:
    layout = compute.arrange(sample_graph(), width, height, 18, zoom)
    assert [box.node.name for box in layout.boxes] == [n.name for n in sample_graph().nodes]
    for left, right in zip(layout.boxes, layout.boxes[1:], strict=False):
        assert left.column_x + left.column_width <= right.column_x
    for box in layout.boxes:
        assert box.x >= box.column_x - 1
        assert box.x + box.width <= box.column_x + box.column_width + 1
        assert box.y + box.height <= layout.height + 1


def test_a_point_in_every_cell_finds_that_cell() -> None:
    layout = compute.arrange(sample_graph(), 900, 420, 18)
    for name in ("input", "conv1", "pool2", "fc1", "fc3"):
        box = layout.box(name)
        assert box is not None
        for unit in range(box.mosaic.count):
            rows, columns = box.mosaic.height, box.mosaic.width
            for row, column in ((0, 0), (rows - 1, columns - 1)):
                x, y, w, h = box.cell_rect(unit, (row, row + 1), (column, column + 1))
                found = layout.at(x + w / 2, y + h / 2)
                assert found is not None
                assert found[0].node.name == name
                assert found[1] == (unit, row, column)


def test_branches_stand_below_each_other() -> None:
    shape = (2, 4, 4)
    nodes = (
        Node("input", "input", "input", output_shape=shape),
        Node("a", "convolution", "Conv2d", ("input",), output_shape=shape),
        Node("b", "convolution", "Conv2d", ("input",), output_shape=shape),
        Node("add", "sum", "add", ("a", "b"), output_shape=shape),
    )
    layout = compute.arrange(Graph("branches", nodes), 400, 300, 16)
    a, b, add = (layout.box(name) for name in ("a", "b", "add"))
    assert a is not None
    assert b is not None
    assert add is not None
    assert a.column_x == b.column_x < add.column_x
    assert a.y + a.height <= b.name_y


@pytest.mark.parametrize(
    ("layer", "unit", "cell", "expected"),
    [
        ("conv1", 3, (0, 5), ("input", None, (-2, 3), (3, 8))),
        ("conv2", 1, (9, 0), ("pool1", None, (9, 14), (0, 5))),
        ("pool1", 4, (13, 2), ("relu1", (4,), (26, 28), (4, 6))),
        ("relu2", 7, (3, 3), ("conv2", (7,), (3, 4), (3, 4))),
        ("flatten", 399, None, ("pool2", (15,), (4, 5), (4, 5))),
        ("flatten", 27, None, ("pool2", (1,), (0, 1), (2, 3))),
        ("fc1", 5, None, ("flatten", None, None, None)),
        ("relu3", 5, None, ("fc1", (5,), None, None)),
    ],
)
def test_sources_by_hand(layer: str, unit: int, cell: tuple[int, int] | None, expected: tuple[object, ...]) -> None:
    (source,) = compute.sources(sample_graph(), layer, unit, cell)
    assert (source.layer, source.units, source.rows, source.columns) == expected


def test_groups_and_partial_connections_read_only_their_maps() -> None:
    before = Node("input", "input", "input", output_shape=(4, 6, 6))
    grouped = Node(
        "conv", "convolution", "Conv2d", ("input",),
        {"kernel_size": (3, 3), "stride": (1, 1), "padding": (0, 0), "groups": 2}, output_shape=(6, 4, 4),
    )  # fmt: skip
    connections = {"connections": ((0, 2), (1,))}
    partial = Node("c3", "convolution", "PartialConv2d", ("input",), connections, output_shape=(2, 4, 4))
    graph = Graph("g", (before, grouped, partial))
    assert compute.sources(graph, "conv", 2, (0, 0))[0].units == (0, 1)
    assert compute.sources(graph, "conv", 3, (0, 0))[0].units == (2, 3)
    assert compute.sources(graph, "c3", 0, (0, 0))[0].units == (0, 2)


def test_the_line_for_a_value_is_the_value() -> None:
    model = sample_model()
    values = sample_inspection(model).values
    line = compute.describe_value(model.graph, values, "conv2", 3, (1, 2))
    assert f"{values['conv2'][3, 1, 2]:.4f}".replace("-", "−") in line
    assert "rows 0…13, columns 2…15" in line
    assert "element 7" in compute.describe_value(model.graph, values, "fc1", 7, (0, 0))


def test_values_below_zero_are_signed_and_after_relu_they_are_not() -> None:
    model = sample_model()
    values = sample_inspection(model).values
    assert scale.is_signed(model.graph["conv1"], values["conv1"])
    assert not scale.is_signed(model.graph["relu1"], values["relu1"])
    assert scale.is_signed(model.graph["relu1"], np.array([-1.0], np.float32))
