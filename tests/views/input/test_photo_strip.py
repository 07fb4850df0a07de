"""The steps of a photograph: what is cut off is dark, what is normalised has the network's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6")

import torch
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import PixelArray
from cnnviz.core.photo import PhotoSteps, steps_of
from cnnviz.models import registry
from cnnviz.models.preparation import photo_to_input
from cnnviz.models.registry import InputSpec
from cnnviz.views.input.photo_strip import PhotoDialog, PhotoStrip

SPEC = registry.get("resnet18").input
EFFICIENT = registry.get("efficientnet_v2_l").input


def steps(pixels: PixelArray, spec: InputSpec = SPEC) -> PhotoSteps:
    return steps_of(pixels, (spec.height, spec.width), spec.resize, spec.interpolation)


@pytest.fixture
def strip(qtbot: QtBot) -> PhotoStrip:
    made = PhotoStrip()
    qtbot.addWidget(made)
    made.resize(900, 760)
    return made


def colour_at(strip: PhotoStrip, index: int, x: float, y: float) -> QColor:
    rect = strip.image_rect(index)
    image = strip.to_image(1.0)
    return image.pixelColor(rect.left() + round(x * (rect.width() - 1)), rect.top() + round(y * (rect.height() - 1)))


def test_what_is_cut_off_is_dimmed_and_the_middle_is_as_it_is(strip: PhotoStrip) -> None:
    pixels = np.full((200, 400, 3), (200, 100, 50), np.uint8)  # twice as wide as high
    strip.show_steps(pixels, steps(pixels), SPEC, "picture")
    assert strip._captions == ("picture 400×200", "resized 512×256", "middle 224×224")
    for index in (0, 1):
        assert strip.image_rect(index).width() == pytest.approx(2 * strip.image_rect(index).height(), abs=2)
        assert colour_at(strip, index, 0.5, 0.5).getRgb()[:3] == (200, 100, 50)
        # 512 − 224 are cut off beside it, 256 − 224 above and below
        for x, y in ((0.1, 0.5), (0.9, 0.5), (0.5, 0.02), (0.5, 0.98)):
            assert colour_at(strip, index, x, y).red() < 100
    assert colour_at(strip, 2, 0.05, 0.05).getRgb()[:3] == (200, 100, 50)


def test_the_channels_have_signed_colours_of_one_scale(strip: PhotoStrip) -> None:
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[:150] = 255
    strip.show_steps(pixels, steps(pixels), SPEC, "picture")
    assert strip._limit == pytest.approx((1 - 0.406) / 0.225)  # blue's white is the largest
    for channel in range(3):
        light, dark = (colour_at(strip, 3 + channel, 0.5, y) for y in (0.1, 0.9))
        assert light.red() > light.blue() + 50  # above zero
        assert dark.blue() > dark.red() + 50
    strip.show_steps(pixels, steps(pixels, EFFICIENT), EFFICIENT, "picture")
    assert strip._limit == 1.0


def test_the_numbers_under_the_pointer_are_the_networks(strip: PhotoStrip) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (260, 300, 3), np.uint8)
    made = steps(pixels)
    strip.show_steps(pixels, made, SPEC, "picture")
    given = photo_to_input(pixels, SPEC)[0]
    for index in (2, 3, 5):
        rect = strip.image_rect(index)
        row, column = 17, 201
        point = QPointF(
            rect.left() + (column + 0.5) * rect.width() / 224, rect.top() + (row + 0.5) * rect.height() / 224
        )
        words = strip.words_at(point)
        assert words.startswith(f"row {row}, column {column}: red {made.middle_hwc[row, column, 0]} → ")
        for channel in range(3):
            assert f"{float(given[channel, row, column]):.3f}".replace("-", "−") in words
    assert strip.words_at(QPointF(strip.image_rect(0).center())) == ""
    assert strip.words_at(QPointF(-5, -5)) == ""


def test_the_description_has_the_means_of_the_input(strip: PhotoStrip) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (100, 90, 3), np.uint8)
    strip.show_steps(pixels, steps(pixels), SPEC, "picture")
    given: torch.Tensor = photo_to_input(pixels, SPEC)[0]
    means = ", ".join(f"{value:.3f}" for value in given.mean((1, 2)).tolist())
    assert strip.accessibleDescription().endswith(f"{means}.")
    assert "100 × 90 pixels, resized to 284 × 256" in strip.accessibleDescription()


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (280, 280)])
def test_every_form_of_picture_is_drawn(size: tuple[int, int], strip: PhotoStrip) -> None:
    for spec in (SPEC, registry.get("resnet20").input):
        for pixels in (np.full(size, 120, np.uint8), np.full((*size, 3), 120, np.uint8)):
            strip.show_steps(pixels, steps(pixels, spec), spec, "drawn")
            for room in (strip.minimumSizeHint(), QSize(312, 300), QSize(900, 760)):
                strip.resize(room)
                assert not strip.grab().isNull()
                assert strip.tile_rect(5).right() <= strip.width()
                assert strip.tile_rect(5).bottom() <= strip.height()


def test_nothing_is_drawn_before_there_is_a_picture(strip: PhotoStrip) -> None:
    assert not strip.grab().isNull()
    assert strip.words_at(QPointF(20, 20)) == ""


def test_keys_enlarge_and_walk(qtbot: QtBot, strip: PhotoStrip) -> None:
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space):
        with qtbot.waitSignal(strip.opened):
            QTest.keyClick(strip, key)
    with qtbot.waitSignal(strip.opened):
        QTest.mouseClick(strip, Qt.MouseButton.LeftButton)
    for key, direction in ((Qt.Key.Key_Left, -1), (Qt.Key.Key_Right, 1)):
        with qtbot.waitSignal(strip.browsed) as asked:
            QTest.keyClick(strip, key)
        assert asked.args == [direction]


def test_the_dialog_says_what_is_under_the_pointer(qtbot: QtBot) -> None:
    dialog = PhotoDialog(None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    dialog.show()
    pixels = np.full((300, 300, 3), 128, np.uint8)
    dialog.strip.show_steps(pixels, steps(pixels), SPEC, "picture")
    QTest.mouseMove(dialog.strip, dialog.strip.image_rect(2).center())
    assert dialog._words.text().endswith("blue 128 → 0.426")  # (128/255 − 0.406) / 0.225
    with qtbot.waitSignal(dialog.numbers_wanted):
        dialog.numbers.click()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
