"""From a layer to what is shown of it, and from a value to the place it came from."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import Inspection, LoadedModel, ModelRequest
from cnnviz.core.operations import (
    Activation,
    Convolution,
    Dense,
    Flatten,
    Operation,
    Pooling,
    Softmax,
    Source,
    Sum,
)
from cnnviz.datasets.starter import load_starter
from cnnviz.models.engine import Engine
from cnnviz.views.step_through import compute
from cnnviz.views.step_through.compute import Fold, fold_of
from tests.samples import sample_inspection, sample_model


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(ModelRequest("lenet5"))


@pytest.fixture(scope="module")
def inspection(engine: Engine) -> Inspection:
    return engine.inspect(load_starter().images_nhw[3600].astype(np.float32) / 255, 1)


@pytest.fixture(scope="module")
def model(engine: Engine) -> LoadedModel:
    return engine.loaded


# -- a vector drawn as a map ------------------------------------------------------------------------------------


def test_a_vector_is_drawn_as_a_map_where_it_has_a_readable_one() -> None:
    for units, expected in (
        (84, Fold(6, 14)), (120, Fold(6, 20)), (400, Fold(10, 40)), (10, Fold(2, 5)), (4096, Fold(64, 64)),
        (1000, Fold(20, 50)), (512, Fold(16, 32)), (2, Fold(1, 2)), (1, None), (7, None), (127, None), (254, None),
    ):  # fmt: skip
        assert fold_of(units) == expected, units


def test_every_element_is_found_where_it_is_drawn() -> None:
    for units in (2, 6, 10, 84, 120, 400, 512, 1000, 1024, 4096, 9216, 25088):
        fold = fold_of(units)
        assert fold is not None
        assert fold.rows * fold.columns == units
        assert fold.columns <= compute.WIDEST
        cells = [fold.cell(unit) for unit in range(units)]
        assert len(set(cells)) == units
        assert all(0 <= row < fold.rows and 0 <= column < fold.columns for row, column in cells)
        assert [fold.unit(*cell) for cell in cells] == list(range(units))
        assert cells[fold.columns - 1] == (0, fold.columns - 1)


# -- what is shown ----------------------------------------------------------------------------------------------

KINDS: dict[str, tuple[type[Operation], bool]] = {
    "convolution": (Convolution, False), "pooling": (Pooling, False), "flatten": (Flatten, False),
    "linear": (Dense, False),
}  # fmt: skip


def test_every_layer_is_shown_by_its_operation_with_pytorch_s_values(
    model: LoadedModel, inspection: Inspection
) -> None:
    for node in model.graph.nodes[1:]:
        shown = compute.shown(model, inspection, node.name, softmax=False)
        assert shown is not None, node.name
        assert shown.title == node.name
        assert shown.inputs == node.inputs
        assert len(shown.roles) == len(node.inputs)
        assert shown.output.shape == shown.operation.output_shape
        assert np.array_equal(shown.output.ravel(), inspection.values[node.name].ravel())
        if node.kind in KINDS:
            kind, folded = KINDS[node.kind]
            assert type(shown.operation) is kind
            assert (shown.fold is not None) == folded
        else:
            assert type(shown.operation) is Activation
            assert (shown.fold is not None) == (not node.is_map), node.name


def test_the_picture_itself_is_not_computed(model: LoadedModel, inspection: Inspection) -> None:
    assert compute.shown(model, inspection, "input", softmax=False) is None


def test_the_picture_is_shown_in_ink(model: LoadedModel, inspection: Inspection) -> None:
    first = model.graph.layers[0].name
    shown = compute.shown(model, inspection, first, softmax=False)
    assert shown is not None
    assert shown.roles == ("ink",)


def test_a_folded_activation_has_each_element_where_its_fold_says(model: LoadedModel, inspection: Inspection) -> None:
    node = next(n for n in model.graph.nodes if n.kind == "activation" and not n.is_map)
    shown = compute.shown(model, inspection, node.name, softmax=False)
    assert shown is not None
    assert shown.fold is not None
    values = inspection.values[node.name]
    for unit in range(node.units):
        cell = shown.fold.cell(unit)
        assert shown.output[0, cell[0], cell[1]] == values[unit]
        assert shown.operation.value(0, *cell) == values[unit]


def test_softmax_is_shown_of_the_last_layer_only(model: LoadedModel, inspection: Inspection) -> None:
    last = model.graph.output.name
    shown = compute.shown(model, inspection, last, softmax=True)
    assert shown is not None
    assert isinstance(shown.operation, Softmax)
    assert shown.title == f"softmax of {last}"
    assert shown.inputs == (last,)
    assert shown.fold is None
    assert np.array_equal(shown.output.ravel(), inspection.probabilities)
    np.testing.assert_allclose(shown.operation.probabilities(), inspection.probabilities, atol=1e-6)
    other = compute.shown(model, inspection, model.graph.layers[0].name, softmax=True)
    assert other is not None
    assert isinstance(other.operation, Convolution)


def _with_layer(op: str, kind: str, shape: tuple[int, ...]) -> tuple[LoadedModel, Inspection]:
    """Return the sample network with another layer behind its dense ones, and values for it."""
    model = sample_model()
    before = model.graph["relu4"]
    node = Node(
        name="new", kind=kind, op=op, inputs=("relu4",), hyper=MappingProxyType({}),
        input_shapes=(before.output_shape,), output_shape=shape, parameters=0, parameter_formula="", macs=0,
        field_hw=None, weight=None, bias=None,
    )  # fmt: skip
    model = replace(model, graph=Graph("lenet5", (*model.graph.nodes, node)))
    inspection = sample_inspection(model)
    return model, inspection


def test_dropout_of_a_vector_is_folded_and_an_unknown_layer_is_not_shown() -> None:
    model, inspection = _with_layer("Dropout", "dropout", (84,))
    shown = compute.shown(model, inspection, "new", softmax=False)
    assert shown is not None
    assert shown.fold == Fold(6, 14)
    assert shown.operation.output_shape == (1, 6, 14)
    model, inspection = _with_layer("Mystery", "other", (84,))
    assert compute.shown(model, inspection, "new", softmax=False) is None


def test_a_sum_of_two_vectors_is_folded() -> None:
    model, _ = _with_layer("add", "sum", (84,))
    node = replace(model.graph["new"], inputs=("relu4", "fc2"), input_shapes=((84,), (84,)))
    model = replace(model, graph=Graph("lenet5", (*model.graph.nodes[:-1], node)))
    inspection = sample_inspection(model)
    shown = compute.shown(model, inspection, "new", softmax=False)
    assert shown is not None
    assert isinstance(shown.operation, Sum)
    assert shown.fold == Fold(6, 14)
    a, b = (float(inspection.values[name][33]) for name in ("relu4", "fc2"))
    assert shown.operation.value(0, *shown.fold.cell(33)) == a + b


def test_values_of_a_layer_whose_inputs_are_missing_are_not_shown(model: LoadedModel, inspection: Inspection) -> None:
    last = model.graph.output
    values = MappingProxyType({last.name: inspection.values[last.name]})
    assert compute.shown(model, replace(inspection, values=values), last.name, softmax=False) is None


# -- where a value comes from -----------------------------------------------------------------------------------


def test_the_source_of_a_cell_is_a_cell_of_the_layer_before(model: LoadedModel) -> None:
    pool = next(n for n in model.graph.nodes if n.kind == "pooling")
    place = compute.origin(model, pool, Source(0, 3, 5, 7, 1.0), None)
    assert place == (pool.inputs[0], 3, (5, 7))


def test_the_source_of_an_element_is_an_element(model: LoadedModel) -> None:
    last = model.graph.output
    assert compute.origin(model, last, Source(0, 41, 0, 0, 1.0), None) == (last.inputs[0], 41, None)


def test_the_source_of_a_folded_element_is_unfolded(model: LoadedModel) -> None:
    node = next(n for n in model.graph.nodes if n.kind == "activation" and not n.is_map)
    fold = fold_of(node.units)
    assert fold is not None
    row, column = fold.cell(node.units - 2)
    place = compute.origin(model, node, Source(0, 0, row, column, 1.0), fold)
    assert place == (node.inputs[0], node.units - 2, None)


def test_the_source_of_a_folded_map_of_one_cell_is_that_cell() -> None:
    loaded = Engine(ModelRequest("lenet5_original")).loaded
    node = loaded.graph["tanh5"]
    assert node.output_shape == (120, 1, 1)
    fold = fold_of(120)
    assert fold is not None
    row, column = fold.cell(29)
    assert compute.origin(loaded, node, Source(0, 0, row, column, 1.0), fold) == ("c5", 29, (0, 0))


def test_the_source_in_the_second_input_is_looked_for_there() -> None:
    model, _ = _with_layer("add", "sum", (84,))
    node = replace(model.graph["new"], inputs=("relu4", "fc2"))
    assert compute.origin(model, node, Source(1, 0, 2, 5, 1.0), Fold(6, 14)) == ("fc2", 33, None)


# -- crumbs -----------------------------------------------------------------------------------------------------


def test_a_crumb_names_its_place_with_its_value() -> None:
    model = sample_model()
    inspection = sample_inspection(model)
    image, conv = np.zeros((1, 28, 28), np.float32), np.full((6, 28, 28), 1.25, np.float32)
    image[0, 3, 4], conv[2, 5, 6] = 0.75, -0.5
    relu = np.zeros(84, np.float32)
    relu[7] = 2.5
    values = {**inspection.values, "input": image, "conv1": conv, "relu4": relu}
    probabilities = np.array([0.9637, *[0.0] * 9], np.float32)
    inspection = replace(inspection, values=MappingProxyType(values), probabilities=probabilities)
    for place, words, short in (
        (("fc3", 0, None, True), "P(0) = 96.4%", "P(0)"),
        (("relu4", 7, None, False), "relu4 [7] = 2.50", "relu4 [7]"),
        (("conv1", 2, (5, 6), False), "conv1 2 (5, 6) = −0.500", "conv1 [2]"),
        (("conv1", 2, None, False), "conv1 2", "conv1 [2]"),
        (("conv1", None, None, False), "conv1", "conv1"),
        (("input", 0, (3, 4), False), "pixel (3, 4) = 0.750", "input [0]"),
        (("conv1", 99, (0, 0), False), "conv1", "conv1 [99]"),
        (("conv1", 0, (0, 99), False), "conv1", "conv1 [0]"),
    ):
        assert compute.crumb(model, inspection, place, short=False) == words
        assert compute.crumb(model, inspection, place, short=True) == short


def test_a_pixel_of_a_colour_picture_names_its_plane() -> None:
    model = sample_model()
    inspection = sample_inspection(model)
    colours = np.zeros((3, 28, 28), np.float32)
    colours[2, 1, 0] = 0.5
    values = MappingProxyType({**inspection.values, "input": colours})
    words = compute.crumb(model, replace(inspection, values=values), ("input", 2, (1, 0), False), short=False)
    assert words == "pixel (2, 1, 0) = 0.500"
