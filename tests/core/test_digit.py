"""Digit preparation: by hand, by its symmetries, and on the real MNIST where it is at hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from cnnviz.core.digit import prepare_digit

FloatArray = npt.NDArray[np.float32]
MNIST = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "mnist" / "t10k-images-idx3-ubyte.gz"


def drawing(seed: int, side: int = 280, margin: int = 60) -> FloatArray:
    """Return a few random strokes, anti-aliased, away from the border."""
    rng = np.random.default_rng(seed)
    board = Image.new("L", (side * 2, side * 2))
    points = [tuple(map(int, p)) for p in rng.integers(margin * 2, (side - margin) * 2, (4, 2))]
    ImageDraw.Draw(board).line(points, fill=255, width=28, joint="curve")
    return np.asarray(board.reduce(2), np.float32) / np.float32(255)


def mass_centre(image_hw: FloatArray) -> tuple[float, float]:
    at = np.arange(0.5, 28)
    return float((image_hw.sum(1) @ at) / image_hw.sum()), float((image_hw.sum(0) @ at) / image_hw.sum())


def test_a_square_becomes_a_centred_square_of_twenty() -> None:
    board = np.zeros((280, 280), np.float32)
    board[10:110, 30:130] = 1
    prepared = prepare_digit(board)
    expected = np.zeros((28, 28), np.float32)
    expected[4:24, 4:24] = 1
    np.testing.assert_allclose(prepared.image_hw, expected, atol=1e-6)
    assert not prepared.blank
    assert prepared.box == (10, 30, 110, 130)
    assert prepared.scale == pytest.approx(0.2)
    assert prepared.shift == (pytest.approx(4 - 2), pytest.approx(4 - 6))


def test_the_aspect_is_kept_and_what_is_left_of_a_pixel_is_shared() -> None:
    board = np.zeros((100, 100), np.float32)
    board[20:60, 50:55] = 1  # 40 x 5 becomes 20 x 2.5
    image_hw = prepare_digit(board).image_hw
    rows, columns = np.flatnonzero(image_hw.any(axis=1)), np.flatnonzero(image_hw.any(axis=0))
    assert len(rows) == 20
    np.testing.assert_allclose(image_hw[rows[0], columns], [0.75, 1, 0.75], atol=1e-6)


def test_scale_and_shift_lead_from_the_source_to_the_result() -> None:
    board = drawing(3)
    prepared = prepare_digit(board)
    at = np.arange(0.5, 280)
    source = (board.sum(1) @ at) / board.sum(), (board.sum(0) @ at) / board.sum()
    for axis in (0, 1):
        landed = source[axis] * prepared.scale + prepared.shift[axis]
        assert landed == pytest.approx(mass_centre(prepared.image_hw)[axis], abs=0.01)


@pytest.mark.parametrize("seed", range(8))
def test_the_centre_of_mass_is_at_the_middle_or_as_near_as_the_field_allows(seed: int) -> None:
    image_hw = prepare_digit(drawing(seed)).image_hw
    for centre, profile in zip(mass_centre(image_hw), (image_hw.any(axis=1), image_hw.any(axis=0)), strict=True):
        touches = profile[0] or profile[-1]
        assert touches or 14 - 1e-5 <= centre < 15


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 5), down=st.integers(-40, 40), right=st.integers(-40, 40))
def test_where_it_is_drawn_does_not_matter(seed: int, down: int, right: int) -> None:
    board = drawing(seed)
    moved = np.roll(board, (down, right), axis=(0, 1))
    before, after = prepare_digit(board), prepare_digit(moved)
    np.testing.assert_array_equal(before.image_hw, after.image_hw)
    assert after.box[:2] == (before.box[0] + down, before.box[1] + right)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 50),
    width=st.integers(1, 50),
    seed=st.integers(0, 100),
    density=st.floats(0, 1),
    centre=st.booleans(),
)
def test_any_source_gives_a_picture_in_range(height: int, width: int, seed: int, density: float, centre: bool) -> None:
    rng = np.random.default_rng(seed)
    board = (rng.random((height, width)) * (rng.random((height, width)) < density)).astype(np.float32)
    prepared = prepare_digit(board, centre=centre)
    assert prepared.image_hw.shape == (28, 28)
    assert prepared.image_hw.dtype == np.float32
    assert np.isfinite(prepared.image_hw).all()
    assert prepared.image_hw.min() >= 0
    assert prepared.image_hw.max() <= 1
    assert prepared.blank == (not prepared.image_hw.any())


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("fill", [0.0, 0.003, np.nan, -1.0])
def test_no_ink_is_blank(centre: bool, fill: float) -> None:
    prepared = prepare_digit(np.full((280, 280), fill, np.float32), centre=centre)
    assert prepared.blank
    assert not prepared.image_hw.any()
    assert prepared.box == (0, 0, 0, 0)


def test_a_dot_a_line_and_a_full_board() -> None:
    board = np.zeros((280, 280), np.float32)
    board[200, 3] = 1
    dot = prepare_digit(board)
    assert dot.image_hw.sum() == pytest.approx(400)
    assert dot.box == (200, 3, 201, 4)
    board = np.zeros((280, 280), np.float32)
    board[5:205, 7] = 1
    line = prepare_digit(board).image_hw
    assert line.sum() == pytest.approx(2)  # 200 x 1 pixels at a tenth
    assert (line.any(axis=1).sum(), line.any(axis=0).sum()) == (20, 1)
    full = prepare_digit(np.ones((280, 280), np.float32)).image_hw
    np.testing.assert_allclose(full[4:24, 4:24], 1, atol=1e-6)
    assert full.sum() == pytest.approx(400)
    assert prepare_digit(np.ones((1, 1), np.float32)).image_hw.sum() == pytest.approx(400)


def test_values_that_are_no_ink_are_taken_as_paper_or_full_ink() -> None:
    board = drawing(1)
    spoilt = board.copy()
    spoilt[0, 0], spoilt[1, 1], spoilt[2, 2] = np.nan, -np.inf, -5
    np.testing.assert_array_equal(prepare_digit(spoilt).image_hw, prepare_digit(board).image_hw)
    spoilt[board == 1] = np.inf
    np.testing.assert_array_equal(prepare_digit(spoilt).image_hw, prepare_digit(board).image_hw)


def test_dirt_below_a_tenth_beside_the_digit_does_not_stretch_the_box() -> None:
    board = drawing(2)
    dirty = board.copy()
    dirty[5, 5] = 0.08
    assert prepare_digit(dirty).box == prepare_digit(board).box


def test_the_source_is_not_changed_and_the_result_cannot_be() -> None:
    board = drawing(4)
    board.flags.writeable = False
    prepared = prepare_digit(board)
    with pytest.raises(ValueError, match="read-only"):
        prepared.image_hw[0, 0] = 1


def test_without_centring_the_whole_board_is_reduced_by_area() -> None:
    board = drawing(5)
    prepared = prepare_digit(board, centre=False)
    np.testing.assert_allclose(prepared.image_hw, board.reshape(28, 10, 28, 10).mean(axis=(1, 3)), atol=1e-6)
    assert prepared.box == (0, 0, 280, 280)
    assert prepared.scale == 0.1
    assert prepared.shift == (0, 0)


def test_without_centring_a_tall_source_stands_in_the_middle() -> None:
    prepared = prepare_digit(np.ones((56, 28), np.float32), centre=False)
    expected = np.zeros((28, 28), np.float32)
    expected[:, 7:21] = 1
    np.testing.assert_allclose(prepared.image_hw, expected, atol=1e-6)
    assert prepared.shift == (0, 7)


def test_a_prepared_digit_comes_back_as_it_was() -> None:
    digit = prepare_digit(drawing(6)).image_hw
    enlarged = np.kron(digit, np.ones((10, 10), np.float32))
    np.testing.assert_allclose(prepare_digit(enlarged).image_hw, digit, atol=1e-5)
    np.testing.assert_allclose(prepare_digit(digit).image_hw, digit, atol=1e-5)
    np.testing.assert_allclose(prepare_digit(enlarged, centre=False).image_hw, digit, atol=1e-6)


@pytest.mark.skipif(not MNIST.exists(), reason="MNIST is not at hand")
def test_real_digits_come_back_as_they_were() -> None:
    raw = np.frombuffer(gzip.decompress(MNIST.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28)[:500]
    for digit in raw.astype(np.float32) / np.float32(255):
        enlarged = digit.repeat(10, axis=0).repeat(10, axis=1)
        np.testing.assert_allclose(prepare_digit(enlarged).image_hw, digit, atol=1e-5)


@pytest.mark.parametrize("shape", [(0, 5), (5,), (1, 5, 5)])
def test_what_is_no_board_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="no digit of shape"):
        prepare_digit(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="fits a box of 30"):
        prepare_digit(np.ones((5, 5), np.float32), box=30)
