"""From the board to what the network is given."""

from __future__ import annotations

import numpy as np

from cnnviz.core import paths
from cnnviz.core.digit import prepare_digit
from cnnviz.core.image import picture_from_array
from cnnviz.datasets.starter import load_starter
from cnnviz.views.input import compute


def test_an_empty_board_is_blank() -> None:
    prepared = compute.prepare(compute.blank(), centre=True)
    assert prepared.blank
    assert not prepared.image_hw.any()


def test_every_starter_digit_is_given_back_unchanged() -> None:
    digits = load_starter()
    for number in range(0, len(digits.labels_n), 97):
        content = compute.of_starter(digits.images_nhw[number], int(digits.labels_n[number]), number)
        for centre in (True, False):
            image_hw = compute.prepare(content, centre).image_hw
            assert np.array_equal(image_hw, digits.images_nhw[number].astype(np.float32) / np.float32(255))


def test_a_drawing_is_centred_only_where_that_is_wanted() -> None:
    ink = np.zeros((compute.SIDE, compute.SIDE), np.uint8)
    ink[20:120, 30:60] = 255
    content = compute.BoardContent(ink)
    for centre in (True, False):
        expected = prepare_digit(ink.astype(np.float32) / np.float32(255), centre=centre)
        assert np.array_equal(compute.prepare(content, centre).image_hw, expected.image_hw)


def test_a_picture_of_28_pixels_is_exact_on_the_board() -> None:
    digit = load_starter().images_nhw[42]
    for pixels in (digit, 255 - digit):
        content = compute.of_picture(picture_from_array(np.ascontiguousarray(pixels)), "auto")
        assert np.array_equal(content.ink_hw[::10, ::10], digit)
        assert content.picture is not None
        assert not content.as_is


def test_the_photographs_of_the_card_exist() -> None:
    photos = compute.photos()
    assert len(photos) == 5
    for photo in photos:
        assert (paths.resources_dir() / "photos" / photo.file).is_file()
        assert photo.title
        assert photo.credit
