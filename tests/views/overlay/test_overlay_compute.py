"""What lies over the picture: enlarged maps against PyTorch, the picture itself, and the shares of fields, by hand."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from cnnviz.core.inspection import ModelRequest
from cnnviz.core.receptive import ReceptiveRegion
from cnnviz.models import registry
from cnnviz.views.overlay import compute
from tests.samples import sample_inspection, sample_model

MODEL = sample_model()


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 40), st.integers(1, 40))
def test_a_smooth_map_is_pytorchs_bilinear_interpolation(h: int, w: int, out_h: int, out_w: int) -> None:
    values = np.random.default_rng(h * 100 + w).normal(size=(h, w)).astype(np.float32)
    found = compute.enlarged(values, (out_h, out_w), smooth=True)
    expected = functional.interpolate(
        torch.from_numpy(values)[None, None], size=(out_h, out_w), mode="bilinear", align_corners=False
    )
    assert np.allclose(found, expected[0, 0].numpy(), atol=1e-5)


def test_a_map_of_cells_is_a_rectangle_each() -> None:
    values = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    assert np.array_equal(compute.enlarged(values, (8, 6), smooth=False), np.kron(values, np.ones((4, 2))))


def test_the_picture_is_what_the_network_was_given_before_it_was_normalised() -> None:
    spec = registry.get("lenet5").input
    inspection = sample_inspection(MODEL)
    grey = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    given_chw = ((grey / 255 - spec.mean[0]) / spec.std[0])[None].astype(np.float32)
    inspection = replace(inspection, values=MappingProxyType({**inspection.values, "input": given_chw}))
    picture = compute.picture_of(MODEL, inspection)
    assert picture.shape == (28, 28, 3)
    assert np.array_equal(picture, np.stack([grey] * 3, 2))
    unknown = replace(MODEL, request=ModelRequest("no such network"))
    stretched = compute.picture_of(unknown, inspection)
    assert (stretched.min(), stretched.max()) == (0, 255)


def test_without_a_choice_it_is_the_strongest_cell() -> None:
    node = MODEL.graph["conv2"]
    maps = np.zeros((16, 10, 10), np.float32)
    maps[0, 3, 7] = -5
    assert compute.chosen_value(node, maps, None, None) == (0, (3, 7))
    assert compute.chosen_value(node, maps, 4, (1, 2)) == (4, (1, 2))
    assert compute.chosen_value(MODEL.graph["fc1"], np.zeros((120, 1, 1), np.float32), 500, None) == (119, None)


def region(mask: list[list[int]], *, is_exact: bool = True) -> ReceptiveRegion:
    return ReceptiveRegion(np.array(mask, np.bool_), is_exact)


def test_a_field_in_words() -> None:
    corner = region([[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    assert compute.field_words(corner) == "sees 2 × 2 pixels: rows 0–1, columns 0–1"
    assert compute.field_words(region([[1, 0, 1]])).startswith("sees the whole") is False
    assert compute.field_words(region([[1, 0, 1]])).endswith("columns 0–2, 2 of them")
    assert compute.field_words(region([[1, 1]])) == "sees the whole picture"
    assert "could not be followed" in compute.field_words(region([[1, 1]], is_exact=False))
    assert compute.field_words(region([[0, 0]])) == "sees padding only"


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        ([[1, 0, 0, 0]], 0.25), ([[1, 1, 1, 1]], 1), ([[94, 2, 2, 2]], 0.5), ([[95, 5, 0, 0]], 0.25),
        ([[0, 0, 0, 0]], 0), ([[np.inf, 0, 0, 0]], 0),
    ],
)  # fmt: skip
def test_the_share_of_the_field_that_carries_the_gradient_by_hand(gradient: list[list[float]], expected: float) -> None:
    field = region([[1, 1, 1, 1]])
    magnitude = np.array(gradient, np.float32)
    assert compute.share_of_field(magnitude, field) == expected
    words = compute.gradient_words(magnitude, field)
    assert words.startswith(f"{expected:.1%} of the field carries 95% of" if expected else "no pixel changes it here")
