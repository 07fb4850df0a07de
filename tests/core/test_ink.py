"""Clean pictures exactly, photographed ones cleanly, and the board."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from cnnviz.core.image import decode_picture, picture_from_array
from cnnviz.core.ink import fit_board, to_ink

FloatArray = npt.NDArray[np.float32]


def digit(side: int = 28) -> npt.NDArray[np.uint8]:
    """Return an anti-aliased 2 in white on black."""
    image = Image.new("L", (side * 4, side * 4))
    unit = side * 4 / 28
    points = [(8, 9), (11, 6), (17, 6), (19, 10), (9, 21), (20, 21)]
    line = [(x * unit, y * unit) for x, y in points]
    ImageDraw.Draw(image).line(line, fill=255, width=round(2.4 * unit), joint="curve")
    return np.asarray(image.reduce(4))


def photograph(
    paper: float = 180, gradient: float = 0.4, noise: float = 3, dark: bool = True, side: int = 400
) -> tuple[Any, npt.NDArray[np.bool_]]:
    """Return a photographed digit on uneven paper, and where its ink really is."""
    strokes = digit(side).astype(np.float32) / 255
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    light = paper * (1 + gradient * (0.5 * x + 0.3 * y - 0.2 * (x**2 + y**2)))
    scene = light * (1 - 0.8 * strokes) if dark else light + (240 - light) * strokes
    scene += np.random.default_rng(0).normal(0, noise, scene.shape)
    colours = np.stack([scene, scene * 0.97, scene * 0.9], axis=2).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(colours).filter(ImageFilter.GaussianBlur(1)).save(stream, "JPEG", quality=85)
    return decode_picture(stream.getvalue(), "photo"), strokes > 0.5


def test_a_picture_like_mnists_and_its_negative_come_through_exactly() -> None:
    pixels = digit()
    light = to_ink(picture_from_array(pixels))
    dark = to_ink(picture_from_array(255 - pixels))
    exact = pixels.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(light.ink_hw, exact)
    np.testing.assert_array_equal(dark.ink_hw, exact)
    assert (light.inverted, dark.inverted) == (False, True)
    assert light.ink_hw.dtype == np.float32


def test_a_digit_that_touches_the_border_is_still_exact() -> None:
    pixels = digit()[:, 9:]
    assert pixels[:, 0].any()
    exact = pixels.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(to_ink(picture_from_array(pixels)).ink_hw, exact)


@pytest.mark.parametrize("paper", [255, 200, 120])
def test_faint_ink_on_even_grey_paper_becomes_full(paper: int) -> None:
    pixels = (paper - digit().astype(np.float32) / 255 * paper * 0.5).astype(np.uint8)
    ink = to_ink(picture_from_array(pixels))
    assert ink.inverted
    assert ink.ink_hw.max() == 1
    np.testing.assert_allclose(ink.ink_hw, digit() / 255.0, atol=0.02)
    assert (ink.ink_hw[digit() == 0] == 0).all()


def test_colour_counts_by_its_luminance() -> None:
    pixels = np.full((20, 20, 3), 255, np.uint8)
    pixels[5:15, 5:15] = (0, 0, 255)
    ink = to_ink(picture_from_array(pixels))
    assert ink.inverted
    assert ink.ink_hw[10, 10] == pytest.approx(1 - 0.114, abs=1e-6)
    assert ink.ink_hw[0, 0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("paper", "gradient", "noise", "dark"),
    [(220, 0, 2, True), (180, 0.4, 5, True), (140, 0.6, 5, True), (90, 0.4, 4, True), (40, 0.4, 4, False)],
)
def test_photographed_paper_becomes_clean(paper: float, gradient: float, noise: float, dark: bool) -> None:
    picture, truth = photograph(paper, gradient, noise, dark)
    ink = to_ink(picture)
    assert ink.inverted == dark
    assert np.isfinite(ink.ink_hw).all()
    assert 0 <= ink.ink_hw.min() <= ink.ink_hw.max() <= 1
    found = ink.ink_hw > 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.9
    clear = np.asarray(Image.fromarray(truth).filter(ImageFilter.MaxFilter(9))) == 0
    assert (ink.ink_hw[clear] > 0).mean() < 0.01
    board, board_clear = fit_board(ink.ink_hw), fit_board(clear.astype(np.float32)) == 1
    assert board[board_clear].max() < 0.1  # `prepare_digit` takes less than a tenth for dirt


@pytest.mark.parametrize(("paper", "gradient", "noise"), [(220, 0, 2), (160, 0.5, 5), (90, 0.3, 3)])
def test_paper_alone_has_no_ink(paper: float, gradient: float, noise: float) -> None:
    y, x = np.mgrid[-1:1:200j, -1:1:200j]
    scene = paper * (1 + gradient * (0.5 * x + 0.3 * y)) + np.random.default_rng(0).normal(0, noise, x.shape)
    assert not to_ink(picture_from_array(scene.clip(0, 255).astype(np.uint8))).ink_hw.any()


@pytest.mark.parametrize("level", [0, 1, 100, 254, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2), (30, 20)])
def test_an_even_picture_has_no_ink(level: int, shape: tuple[int, int]) -> None:
    ink = to_ink(picture_from_array(np.full(shape, level, np.uint8)))
    assert ink.ink_hw.shape == shape
    assert not ink.ink_hw.any()


def test_the_wish_is_followed() -> None:
    picture = picture_from_array(255 - digit())
    np.testing.assert_array_equal(to_ink(picture, "yes").ink_hw, to_ink(picture).ink_hw)
    against = to_ink(picture, "no")
    assert not against.inverted
    np.testing.assert_array_equal(against.ink_hw, (255 - digit()).astype(np.float32) / np.float32(255))
    picture = picture_from_array(digit())
    np.testing.assert_array_equal(to_ink(picture, "no").ink_hw, to_ink(picture).ink_hw)
    np.testing.assert_array_equal(to_ink(picture, "yes").ink_hw, (255 - digit()).astype(np.float32) / np.float32(255))


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 30), width=st.integers(1, 30), seed=st.integers(0, 50), low=st.integers(0, 250))
def test_any_picture_gives_ink_in_range(height: int, width: int, seed: int, low: int) -> None:
    pixels = np.random.default_rng(seed).integers(low, 256, (height, width, 3), np.uint8)
    ink = to_ink(picture_from_array(pixels)).ink_hw
    assert ink.shape == (height, width)
    assert ink.dtype == np.float32
    assert np.isfinite(ink).all()
    assert 0 <= ink.min() <= ink.max() <= 1


def test_a_small_picture_is_enlarged_by_a_whole_factor() -> None:
    ink = np.random.default_rng(0).random((28, 28)).astype(np.float32)
    np.testing.assert_array_equal(fit_board(ink), np.kron(ink, np.ones((10, 10), np.float32)))
    board = fit_board(np.ones((30, 10), np.float32))
    rows, columns = np.flatnonzero(board.any(axis=1)), np.flatnonzero(board.any(axis=0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (5, 274, 95, 184)  # 9 times, in the middle


def test_a_medium_picture_fills_the_board() -> None:
    board = fit_board(np.ones((200, 100), np.float32))
    assert board.any(axis=1).all()
    assert board.any(axis=0).sum() == 140
    ink = np.random.default_rng(0).random((200, 200)).astype(np.float32)
    assert np.isin(fit_board(ink), ink).all()


def test_a_large_picture_is_reduced_by_area() -> None:
    ink = np.random.default_rng(0).random((400, 840)).astype(np.float32)  # three to one: 133 and a third rows, so 133
    board = fit_board(ink)
    rows = np.flatnonzero(board.any(axis=1))
    assert (rows[0], len(rows)) == (73, 133)
    weights = np.zeros((133, 400))
    for i in range(133):
        for j in range(400):
            weights[i, j] = max(0, min((i + 1) * 400 / 133, j + 1) - max(i * 400 / 133, j)) * 133 / 400
    expected = weights @ ink.reshape(400, 280, 3).mean(axis=2)
    np.testing.assert_allclose(board[rows], expected, atol=1e-6)
    np.testing.assert_allclose(fit_board(np.ones((1000, 1000), np.float32)), 1, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1000), (280, 280), (281, 3), (141, 140)])
def test_any_shape_fits_the_board(shape: tuple[int, int]) -> None:
    board = fit_board(np.ones(shape, np.float32), 280)
    assert board.shape == (280, 280)
    assert board.dtype == np.float32
    assert board.max() == pytest.approx(1)
