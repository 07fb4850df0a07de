"""Filters as pictures: every number in its place, with its norm and bias."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from cnnviz.core import filter_facts, kernels
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import LoadedModel, ModelRequest
from cnnviz.views.filters import compute
from tests.samples import sample_inspection, sample_model

MODEL = sample_model()
GRAPH = MODEL.graph


def test_first_layer_is_one_kernel_a_filter() -> None:
    sheet = compute.sheet(MODEL, GRAPH["conv1"], None)
    assert sheet is not None
    assert np.array_equal(sheet.kernels_chw, MODEL.weights["conv1.weight"][:, 0])
    assert sheet.units == tuple(range(6))
    assert sheet.of_filter is None
    weight, bias = MODEL.weights["conv1.weight"][2], MODEL.weights["conv1.bias"][2]
    norm = float(np.sqrt((weight.astype(np.float64) ** 2).sum()))
    assert sheet.names[2] == f"2  b {bias:+.2f}  ‖w‖ {norm:.2f}".replace("-", "−")


def test_by_norm_the_largest_comes_first_and_keeps_its_number() -> None:
    sheet = compute.sheet(MODEL, GRAPH["conv1"], None, order="norm")
    assert sheet is not None
    length = np.linalg.norm(MODEL.weights["conv1.weight"].reshape(6, -1), axis=1)
    assert sheet.units == tuple(np.argsort(-length))
    for picture, unit in zip(sheet.kernels_chw, sheet.units, strict=True):
        assert np.array_equal(picture, MODEL.weights["conv1.weight"][unit, 0])


@pytest.mark.parametrize("order", ["index", "norm"])
def test_a_deeper_filter_is_a_kernel_for_each_map_that_it_reads(order: compute.Order) -> None:
    sheet = compute.sheet(MODEL, GRAPH["conv2"], 11, order=order)
    assert sheet is not None
    assert sheet.of_filter == 11
    for picture, source, name in zip(sheet.kernels_chw, sheet.units, sheet.names, strict=True):
        assert np.array_equal(picture, MODEL.weights["conv2.weight"][11, source])
        assert name == f"map {source}  ‖w‖ {np.linalg.norm(picture):.2f}"
    lengths = [float(np.linalg.norm(picture)) for picture in sheet.kernels_chw]
    assert (lengths == sorted(lengths, reverse=True)) is (order == "norm")
    assert f"norm {np.linalg.norm(MODEL.weights['conv2.weight'][11]):.3f}" in sheet.title


def test_a_dense_unit_is_folded_back_into_the_maps_before_the_flatten() -> None:
    sheet = compute.sheet(MODEL, GRAPH["fc1"], 77)
    assert sheet is not None
    row = MODEL.weights["fc1.weight"][77]
    assert sheet.kernels_chw.shape == (16, 5, 5)
    for channel, r, c in ((0, 0, 0), (3, 1, 4), (15, 4, 4)):
        assert sheet.kernels_chw[channel, r, c] == row[channel * 25 + r * 5 + c]
    assert sheet.names[3].startswith("map 3  ‖w‖ ")


def test_a_dense_unit_after_a_vector_is_its_weights_row_by_row() -> None:
    sheet = compute.sheet(MODEL, GRAPH["fc3"], 9)
    assert sheet is not None
    flat = sheet.kernels_chw.reshape(-1)
    assert np.array_equal(flat[:84], MODEL.weights["fc3.weight"][9])
    assert np.isnan(flat[84:]).all()


def test_a_unit_beyond_the_last_shows_the_last() -> None:
    sheet = compute.sheet(MODEL, GRAPH["fc3"], 9000)
    assert sheet is not None
    assert sheet.of_filter == 9


def test_one_coefficient_a_map_is_a_strip() -> None:
    coefficients = np.array([0.5, -2, 1], np.float32)
    node = replace(GRAPH["pool1"], weight="s.weight", bias="s.bias")
    model: LoadedModel = replace(
        MODEL, weights=MappingProxyType({"s.weight": coefficients, "s.bias": np.zeros(3, np.float32)})
    )
    sheet = compute.sheet(model, node, None, order="norm")
    assert sheet is not None
    assert sheet.kernels_chw.shape == (3, 1, 1)
    assert sheet.units == (1, 2, 0)
    assert sheet.title == "3 coefficients, one for each map"
    assert sheet.names == ("1  b +0.00", "2  b +0.00", "0  b +0.00")


def test_a_layer_without_weights_says_why_and_names_the_nearest_that_has() -> None:
    assert compute.sheet(MODEL, GRAPH["pool1"], 0) is None
    sentence, near = compute.without_weights(GRAPH, GRAPH["pool1"])
    assert sentence == "Pooling summarises neighbours by a fixed rule: pool1 has no weights."
    assert near == "conv2"
    assert compute.without_weights(GRAPH, GRAPH["input"])[1] == "conv1"
    assert compute.without_weights(GRAPH, GRAPH["relu4"])[1] in ("fc2", "fc3")


def model_of(weight: np.ndarray, op: str = "Conv2d", **hyper: object) -> tuple[LoadedModel, Node]:
    """Return a network that is one convolution of a picture with as many channels as its filters read."""
    channels, groups = weight.shape[1], int(hyper.get("groups", 1))  # type: ignore[call-overload]
    given, made = (channels * groups, weight.shape[0]) if op == "Conv2d" else (weight.shape[0], channels * groups)
    before = Node("input", "input", "input", output_shape=(given, 8, 8))
    node = Node(
        "conv", "convolution", op, ("input",), MappingProxyType(hyper), ((given, 8, 8),), (made, 8, 8), weight="w"
    )
    relu = Node("relu", "activation", "ReLU", ("conv",), output_shape=(made, 8, 8), input_shapes=((made, 8, 8),))
    graph = Graph("one", (before, node, relu))
    return LoadedModel(ModelRequest("one"), "One", graph, ("0",), MappingProxyType({"w": weight})), node


WEIGHT = np.random.default_rng(2).normal(size=(12, 6, 3, 3)).astype(np.float32)


def test_all_filters_of_a_deeper_layer_are_shown_by_the_kernel_that_they_weigh_most() -> None:
    model, node = model_of(WEIGHT)
    sheet = compute.sheet(model, node, None)
    assert sheet is not None
    assert sheet.of_filter is None
    assert (sheet.units, sheet.channels) == (tuple(range(12)), 6)
    norms = np.linalg.norm(WEIGHT.reshape(12, 6, -1), axis=2)
    for unit in range(12):
        strongest = int(norms[unit].argmax())
        assert np.array_equal(sheet.kernels_chw[unit], WEIGHT[unit, strongest])
        assert sheet.names[unit].endswith(f"map {strongest}")


def test_all_filters_are_shown_by_a_chosen_map_in_every_order() -> None:
    model, node = model_of(WEIGHT)
    for order in compute.ORDERS:
        likeness = tuple(filter_facts.follow_likeness(WEIGHT))
        sheet = compute.sheet(model, node, None, order=order, channel=4, likeness=likeness)
        assert sheet is not None
        assert sorted(sheet.units) == list(range(12))
        for picture, unit, name in zip(sheet.kernels_chw, sheet.units, sheet.names, strict=True):
            assert np.array_equal(picture, WEIGHT[unit, 4])
            assert name.startswith(f"{unit}  ")
    assert sheet.title.endswith("the kernels of map 4")
    far = compute.sheet(model, node, None, channel=400)
    assert far is not None
    assert np.array_equal(far.kernels_chw, WEIGHT[:, 5])


def test_gabor_filters_are_sorted_by_their_angle_and_a_blob_comes_last() -> None:
    angles = [120, 30, 75, 0, 150]
    made = [kernels.kernel("gabor", (7, 7), angle=angle) for angle in angles] + [kernels.kernel("box_blur", (7, 7))]
    model, node = model_of(np.stack(made)[:, None].astype(np.float32))
    sheet = compute.sheet(model, node, None, order="orientation")
    assert sheet is not None
    assert sheet.units == (3, 1, 2, 0, 4, 5)
    assert sheet.names == ("3  0°", "1  30°", "2  75°", "0  120°", "4  150°", "5  —")


def test_the_angles_of_a_large_layer_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    orientation = filter_facts.orientation
    monkeypatch.setattr(filter_facts, "orientation", lambda filters: asked.append(1) or orientation(filters))
    model, node = model_of(np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype(np.float32))
    assert compute.sheet(model, node, None, order="orientation") is not None
    assert len(asked) == 1


def test_filters_of_the_three_colours_are_grey_at_zero_and_reach_to_their_own_largest() -> None:
    weight = np.zeros((2, 3, 2, 2), np.float32)
    weight[0, 0, 0, 1] = 0.5  # red
    weight[0, 2, 1, 0] = -0.25  # less blue
    weight[1, 1, 1, 1] = 40
    model, node = model_of(weight)
    sheet = compute.sheet(model, node, 1)  # a chosen unit changes nothing: all of it is in sight
    assert sheet is not None
    assert sheet.of_filter is None
    assert sheet.colours_nhwc is not None
    assert sheet.colours_nhwc[0, 0, 0].tolist() == [128, 128, 128]
    assert sheet.colours_nhwc[0, 0, 1].tolist() == [255, 128, 128]
    assert sheet.colours_nhwc[0, 1, 0].tolist() == [128, 128, 64]
    assert sheet.colours_nhwc[1, 1, 1].tolist() == [128, 255, 128]
    one = compute.sheet(model, node, None, channel=2)
    assert one is not None
    assert one.colours_nhwc is None
    assert one.kernels_chw[0, 1, 0] == -0.25
    assert one.title.endswith("the kernels of blue")
    weight[0, 0, 0, 0] = np.nan
    assert compute.coloured(weight)[0, 0, 0].tolist() == [128, 128, 128]


def test_a_filter_of_1_by_1_is_all_its_weights_row_by_row() -> None:
    weight = np.arange(2 * 5, dtype=np.float32).reshape(2, 5, 1, 1)
    model, node = model_of(weight)
    sheet = compute.sheet(model, node, None)
    assert sheet is not None
    assert sheet.kernels_chw.shape == (2, 2, 3)
    assert sheet.kernels_chw[1].reshape(-1)[:5].tolist() == [5, 6, 7, 8, 9]
    assert np.isnan(sheet.kernels_chw[1, 1, 2])


@pytest.mark.parametrize("groups", [1, 2])
def test_the_filters_of_a_transposed_convolution_belong_to_its_outputs(groups: int) -> None:
    import torch

    layer = torch.nn.ConvTranspose2d(4, 6, 3, groups=groups, bias=False)
    weight = layer.weight.detach().numpy()
    model, node = model_of(weight, "ConvTranspose2d", groups=groups)
    found = compute.filters_of(node, weight)
    assert found.shape == (6, 4 // groups, 3, 3)
    for unit in range(6):
        for channel in range(4 // groups):
            given = torch.zeros(1, 4, 1, 1)
            given[0, unit // (6 // groups) * (4 // groups) + channel] = 1
            assert np.array_equal(layer(given)[0, unit].detach().numpy(), found[unit, channel])
    sheet = compute.sheet(model, node, 5)
    assert sheet is not None
    assert np.array_equal(sheet.kernels_chw, found[5])
    assert sheet.units == ((0, 1, 2, 3) if groups == 1 else (2, 3))


def test_flags_say_which_is_meant() -> None:
    flags = compute.Flags(frozenset({3}), frozenset({3, 5}), {1: 0, 0: 1}, "relu")
    assert [flags.mark(unit) for unit in (0, 2, 3, 5)] == ["= 1", "", "dead", "silent"]
    assert flags.lines() == (
        "dead: norm below 1% of the median — 1: 3",
        "= n: like filter n, cosine above 0.98 — 1: 0 = 1",
        "silent: 0 everywhere on this picture after relu — 2: 3, 5",
    )
    none = compute.Flags(frozenset(), frozenset(), None)
    assert none.lines() == ("dead: norm below 1% of the median — none",)
    many = compute.Flags(frozenset(range(40)), frozenset(), None)
    assert many.lines()[0].endswith("40: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 28 more")


def test_silent_units_are_those_of_the_activation_that_follows_alone() -> None:
    after = compute.activation_after(GRAPH, GRAPH["conv1"])
    assert after is not None
    assert after.name == "relu1"
    inspection = sample_inspection(MODEL)
    arrays = dict(inspection.values)
    arrays["relu1"] = arrays["relu1"].copy()
    arrays["relu1"][[1, 4]] = 0
    arrays["relu1"][4, 27, 3] = 1
    silent = compute.silent_units(after, replace(inspection, values=MappingProxyType(arrays)))
    assert silent == {1}
    assert compute.silent_units(after, None) == frozenset()
    assert compute.activation_after(GRAPH, GRAPH["fc3"]) is None
    assert compute.activation_after(GRAPH, GRAPH["pool1"]) is None
