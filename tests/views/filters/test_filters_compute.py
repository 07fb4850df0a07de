"""Filters as pictures: every number in its place, with its norm and bias."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from cnnviz.core.inspection import LoadedModel
from cnnviz.views.filters import compute
from tests.samples import sample_model

MODEL = sample_model()
GRAPH = MODEL.graph


def test_first_layer_is_one_kernel_a_filter() -> None:
    sheet = compute.sheet(MODEL, GRAPH["conv1"], None, by_norm=False)
    assert sheet is not None
    assert np.array_equal(sheet.kernels_chw, MODEL.weights["conv1.weight"][:, 0])
    assert sheet.units == tuple(range(6))
    assert sheet.of_filter is None
    weight, bias = MODEL.weights["conv1.weight"][2], MODEL.weights["conv1.bias"][2]
    norm = float(np.sqrt((weight.astype(np.float64) ** 2).sum()))
    assert sheet.names[2] == f"2  b {bias:+.2f}  ‖w‖ {norm:.2f}".replace("-", "−")


def test_by_norm_the_largest_comes_first_and_keeps_its_number() -> None:
    sheet = compute.sheet(MODEL, GRAPH["conv1"], None, by_norm=True)
    assert sheet is not None
    length = np.linalg.norm(MODEL.weights["conv1.weight"].reshape(6, -1), axis=1)
    assert sheet.units == tuple(np.argsort(-length))
    for picture, unit in zip(sheet.kernels_chw, sheet.units, strict=True):
        assert np.array_equal(picture, MODEL.weights["conv1.weight"][unit, 0])


@pytest.mark.parametrize("by_norm", [False, True])
def test_a_deeper_filter_is_a_kernel_for_each_map_that_it_reads(by_norm: bool) -> None:
    sheet = compute.sheet(MODEL, GRAPH["conv2"], 11, by_norm=by_norm)
    assert sheet is not None
    assert sheet.of_filter == 11
    for picture, source, name in zip(sheet.kernels_chw, sheet.units, sheet.names, strict=True):
        assert np.array_equal(picture, MODEL.weights["conv2.weight"][11, source])
        assert name == f"map {source}  ‖w‖ {np.linalg.norm(picture):.2f}"
    lengths = [float(np.linalg.norm(picture)) for picture in sheet.kernels_chw]
    assert (lengths == sorted(lengths, reverse=True)) is by_norm
    assert f"norm {np.linalg.norm(MODEL.weights['conv2.weight'][11]):.3f}" in sheet.title


def test_a_dense_unit_is_folded_back_into_the_maps_before_the_flatten() -> None:
    sheet = compute.sheet(MODEL, GRAPH["fc1"], 77, by_norm=False)
    assert sheet is not None
    row = MODEL.weights["fc1.weight"][77]
    assert sheet.kernels_chw.shape == (16, 5, 5)
    for channel, r, c in ((0, 0, 0), (3, 1, 4), (15, 4, 4)):
        assert sheet.kernels_chw[channel, r, c] == row[channel * 25 + r * 5 + c]
    assert sheet.names[3].startswith("map 3  ‖w‖ ")


def test_a_dense_unit_after_a_vector_is_its_weights_row_by_row() -> None:
    sheet = compute.sheet(MODEL, GRAPH["fc3"], 9, by_norm=False)
    assert sheet is not None
    flat = sheet.kernels_chw.reshape(-1)
    assert np.array_equal(flat[:84], MODEL.weights["fc3.weight"][9])
    assert np.isnan(flat[84:]).all()


def test_a_unit_beyond_the_last_shows_the_last() -> None:
    sheet = compute.sheet(MODEL, GRAPH["fc3"], 9000, by_norm=False)
    assert sheet is not None
    assert sheet.of_filter == 9


def test_one_coefficient_a_map_is_a_strip() -> None:
    coefficients = np.array([0.5, -2, 1], np.float32)
    node = replace(GRAPH["pool1"], weight="s.weight", bias="s.bias")
    model: LoadedModel = replace(
        MODEL, weights=MappingProxyType({"s.weight": coefficients, "s.bias": np.zeros(3, np.float32)})
    )
    sheet = compute.sheet(model, node, None, by_norm=True)
    assert sheet is not None
    assert sheet.kernels_chw.shape == (3, 1, 1)
    assert sheet.units == (1, 2, 0)
    assert sheet.title == "3 coefficients, one for each map"
    assert sheet.names == ("1  b +0.00", "2  b +0.00", "0  b +0.00")


def test_a_layer_without_weights_says_why_and_names_the_nearest_that_has() -> None:
    assert compute.sheet(MODEL, GRAPH["pool1"], 0, by_norm=False) is None
    sentence, near = compute.without_weights(GRAPH, GRAPH["pool1"])
    assert sentence == "Pooling summarises neighbours by a fixed rule: pool1 has no weights."
    assert near == "conv2"
    assert compute.without_weights(GRAPH, GRAPH["input"])[1] == "conv1"
    assert compute.without_weights(GRAPH, GRAPH["relu4"])[1] in ("fc2", "fc3")
