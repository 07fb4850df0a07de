"""Tiling by hand, colour indices against their definition, and pixels back to values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.core.mosaic import MosaicLayout, best_columns, limits, to_indices

layouts = st.builds(
    MosaicLayout,
    count=st.integers(1, 30),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    columns=st.integers(1, 12),
    gap=st.integers(0, 3),
)


def test_three_maps_in_two_columns() -> None:
    maps = np.array([[[0, 1], [2, 4]], [[4, 4], [4, 4]], [[0, 0], [0, 2]]], np.float32)
    layout = MosaicLayout(3, 2, 2, columns=2)
    assert layout.picture_size == (5, 5)
    indices = to_indices(maps, 0.0, 4.0, layout, gap_index=7)
    assert indices.shape == (5, 8)  # rows padded to a multiple of four bytes
    assert indices[:, :5].tolist() == [
        [1, 65, 7, 255, 255],
        [128, 255, 7, 255, 255],
        [7, 7, 7, 7, 7],
        [1, 1, 7, 7, 7],
        [1, 128, 7, 7, 7],
    ]
    assert (indices[:, 5:] == 7).all()


@given(layout=layouts)
def test_every_value_is_where_the_layout_says(layout: MosaicLayout) -> None:
    values = np.arange(layout.count * layout.height * layout.width, dtype=np.float32)
    maps = values.reshape(layout.count, layout.height, layout.width) % 254
    indices = to_indices(maps, 0.0, 254.0, layout)
    width, height = layout.picture_size
    assert indices.flags.c_contiguous
    assert indices.shape[0] == height
    assert indices.shape[1] % 4 == 0
    assert indices.shape[1] >= width
    for y in range(height):
        for x in range(width):
            place = layout.at(x, y)
            assert indices[y, x] == (0 if place is None else maps[place] + 1)
    for channel in range(layout.count):
        x, y, w, h = layout.tile_rect(channel)
        np.testing.assert_array_equal(indices[y : y + h, x : x + w], maps[channel] + 1)


@given(layout=layouts)
def test_no_pixel_outside_of_the_picture_is_a_value(layout: MosaicLayout) -> None:
    width, height = layout.picture_size
    for x, y in ((-1, 0), (0, -1), (width, 0), (0, height), (width + 50, height + 50)):
        assert layout.at(x, y) is None
    found = [layout.at(x, y) for y in range(height) for x in range(width)]
    places = [place for place in found if place is not None]
    assert len(places) == len(set(places)) == layout.count * layout.height * layout.width


def test_what_is_no_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="not a mosaic"):
        MosaicLayout(0, 1, 1, 1)
    with pytest.raises(IndexError):
        MosaicLayout(3, 1, 1, 1).tile_rect(3)
    with pytest.raises(ValueError, match="do not fit"):
        to_indices(np.zeros((2, 3, 3), np.float32), 0.0, 1.0, MosaicLayout(3, 3, 3, 1))


def test_indices_keep_the_bounds_and_nan_stands_out() -> None:
    values = np.array([-9, -1, 0, 1, 9, np.inf, -np.inf, np.nan], np.float32).reshape(1, 1, 8)
    indices = to_indices(values, -1.0, 1.0, MosaicLayout(1, 1, 8, 1, gap=0))
    assert indices.tolist() == [[1, 1, 128, 255, 255, 255, 1, 0]]


@settings(max_examples=50)
@given(
    low=st.floats(-(2.0**100), 2.0**100, width=32),
    span=st.floats(0, 2.0**100, width=32),
    seed=st.integers(0, 5),
)
def test_indices_are_monotonic_and_warn_about_nothing(low: float, span: float, seed: int) -> None:
    high = float(np.float32(low + span))
    values = np.random.default_rng(seed).uniform(low, max(low, high), 64).astype(np.float32)
    values = np.sort(values).reshape(1, 1, 64)
    indices = to_indices(values, low, high, MosaicLayout(1, 1, 64, 1, gap=0))[0].astype(int)
    assert (np.diff(indices) >= 0).all()
    assert 1 <= indices[0] <= indices[-1] <= 255


def test_a_range_far_from_zero_keeps_its_steps() -> None:
    values = np.array([1e6, 1e6 + 0.5, 1e6 + 1], np.float32).reshape(1, 1, 3)
    assert to_indices(values, 1e6, 1e6 + 1, MosaicLayout(1, 1, 3, 1, gap=0))[0, :3].tolist() == [1, 128, 255]


def test_no_range_puts_equal_values_in_the_middle() -> None:
    values = np.array([1, 2, 3], np.float32).reshape(1, 1, 3)
    assert to_indices(values, 2.0, 2.0, MosaicLayout(1, 1, 3, 1, gap=0))[0, :3].tolist() == [1, 128, 255]


def test_each_map_may_have_its_own_range() -> None:
    values = np.array([[[0.0, 1.0]], [[0.0, 10.0]]], np.float32)
    low, high = limits(values, "unit", signed=False)
    assert low.tolist() == [0, 0]
    assert high.tolist() == [1, 10]
    indices = to_indices(values, low, high, MosaicLayout(2, 1, 2, 1, gap=0))
    assert indices[:, :2].tolist() == [[1, 255], [1, 255]]
    low, high = limits(values, "layer", signed=False)
    assert (low.tolist(), high.tolist()) == ([0], [10])
    assert to_indices(values, low, high, MosaicLayout(2, 1, 2, 1, gap=0))[0, :2].tolist() == [1, 26]


def test_signed_limits_put_zero_in_the_middle() -> None:
    values = np.array([[[-3.0, 1.0]], [[-1.0, 2.0]]], np.float32)
    low, high = limits(values, "unit", signed=True)
    assert (low.tolist(), high.tolist()) == ([-3, -2], [3, 2])
    low, high = limits(values, "layer", signed=True)
    assert (low.tolist(), high.tolist()) == ([-3], [3])
    zero = np.zeros((1, 1, 1), np.float32)
    assert to_indices(zero, -3.0, 3.0, MosaicLayout(1, 1, 1, 1))[0, 0] == 128


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("fill", [0.0, -0.0, np.nan])
def test_empty_maps_get_a_range(signed: bool, fill: float) -> None:
    values = np.full((2, 3, 3), fill, np.float32)
    low, high = limits(values, "unit", signed)
    assert (low < high).all()
    index = to_indices(values, low, high, MosaicLayout(2, 3, 3, 2))[0, 0]
    assert index == (0 if np.isnan(fill) else 128 if signed else 1)


def test_values_that_are_not_finite_do_not_make_the_range() -> None:
    values = np.array([[[np.inf, 2.0, -np.inf, np.nan, -1.0]]], np.float32)
    assert limits(values, "unit", signed=False)[1].tolist() == [2]
    assert limits(values, "layer", signed=True)[0].tolist() == [-2]


@pytest.mark.parametrize(
    ("count", "height", "width", "room", "columns"),
    [
        (6, 28, 28, (300, 200), 3),  # 3 columns: 86 x 57 at scale 3
        (6, 28, 28, (60, 400), 1),  # 1 column: 28 x 173 at scale 2; 2 columns fit only once
        (10, 1, 1, (1000, 10), 10),
        (1, 50, 50, (10, 10), 1),
    ],
)
def test_the_columns_that_show_maps_largest(
    count: int, height: int, width: int, room: tuple[int, int], columns: int
) -> None:
    assert best_columns(count, height, width, *room) == columns


@given(
    count=st.integers(1, 40),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    room=st.tuples(st.integers(1, 500), st.integers(1, 500)),
)
def test_no_other_number_of_columns_has_a_larger_whole_scale(
    count: int, height: int, width: int, room: tuple[int, int]
) -> None:
    def scale(columns: int) -> float:
        across, down = MosaicLayout(count, height, width, columns).picture_size
        exact = min(room[0] / across, room[1] / down)
        return exact if exact < 1 else min(room[0] // across, room[1] // down)

    best = best_columns(count, height, width, *room)
    assert 1 <= best <= count
    assert scale(best) == max(scale(columns) for columns in range(1, count + 1))
