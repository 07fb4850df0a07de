"""The preview shows the numbers that the network gets, in cells that can be read."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.core.digit import prepare_digit
from cnnviz.widgets import theme
from cnnviz.widgets.digit_preview import DigitPreview, PixelDialog, PixelGrid


def grey(image: QImage) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    flat = image.convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(flat.constBits(), np.uint8).reshape(flat.height(), flat.bytesPerLine())
    return rows[:, : flat.width()].copy()


@pytest.fixture
def board_hw() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    board = np.zeros((280, 280), np.uint8)
    board[40:200, 30:90] = 255
    return board


def test_a_cell_has_the_grey_of_its_value(qtbot: QtBot) -> None:
    grid = PixelGrid()
    qtbot.addWidget(grid)
    grid.resize(560, 560)
    values = np.random.default_rng(0).random((28, 28), np.float32)
    grid.show_image(values)
    picture = grey(grid.to_image(1.0))
    corners = picture[1::20, 1::20]  # beside the number in the middle of a cell
    assert np.array_equal(corners, np.floor(values * 255 + 0.5).astype(np.uint8))


def test_numbers_are_written_into_the_cells(qtbot: QtBot) -> None:
    grid = PixelGrid()
    qtbot.addWidget(grid)
    grid.resize(28 * 30, 28 * 30)
    values = np.zeros((28, 28), np.float32)
    values[3, 5] = 1.0
    grid.show_image(values)
    picture = grey(grid.to_image(1.0))
    cell = picture[3 * 30 : 4 * 30, 5 * 30 : 6 * 30]
    assert cell.max() == 255
    assert cell.min() < 100  # "255" in black on white
    assert "1 above 0" in grid.accessibleDescription()


def test_the_prepared_digit_is_drawn_by_nearest_neighbour(
    qtbot: QtBot, board_hw: np.ndarray[tuple[int, int], np.dtype[np.uint8]]
) -> None:
    preview = DigitPreview()
    qtbot.addWidget(preview)
    preview.resize(preview.sizeHint())
    prepared = prepare_digit(board_hw.astype(np.float32) / 255)
    preview.show_digit(board_hw, prepared.image_hw, prepared.box)
    _, after = preview._squares(preview.size())
    scale = after.width() // 28
    assert scale == 5
    picture = grey(preview.to_image(1.0))
    shown = picture[after.top() + 2 : after.bottom() + 1 : scale, after.left() + 2 : after.right() + 1 : scale]
    assert np.array_equal(shown, np.floor(prepared.image_hw * 255 + 0.5).astype(np.uint8))


def test_the_box_frames_the_ink(qtbot: QtBot, board_hw: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> None:
    preview = DigitPreview()
    qtbot.addWidget(preview)
    preview.resize(preview.sizeHint())
    prepared = prepare_digit(board_hw.astype(np.float32) / 255)
    assert prepared.box == (40, 30, 200, 90)
    pointer = theme.DARK.color("pointer").rgb()
    before, _ = preview._squares(preview.size())

    def framed() -> set[tuple[int, int]]:
        image = preview.to_image(1.0)
        return {
            (x - before.left(), y - before.top())
            for y in range(before.top(), before.bottom() + 1)
            for x in range(before.left(), before.right() + 1)
            if image.pixel(x, y) == pointer
        }

    preview.show_digit(board_hw, prepared.image_hw, prepared.box)
    pixels = framed()
    assert (min(x for x, _ in pixels), max(x for x, _ in pixels)) == (15, 45)  # half of 30 and 90: 140 px for 280
    assert (min(y for _, y in pixels), max(y for _, y in pixels)) == (20, 100)
    assert "rows 40 to 200" in preview.accessibleDescription()
    preview.show_digit(board_hw, prepared.image_hw, None, "not centred")
    assert framed() == set()
    assert "not centred" in preview.accessibleDescription()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_keys_and_clicks_ask_for_the_numbers(key: Qt.Key, qtbot: QtBot) -> None:
    preview = DigitPreview()
    qtbot.addWidget(preview)
    with qtbot.waitSignal(preview.opened):
        QTest.keyClick(preview, key)
    with qtbot.waitSignal(preview.opened):
        QTest.mouseClick(preview, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize(("key", "direction"), [(Qt.Key.Key_Left, -1), (Qt.Key.Key_Right, 1)])
def test_arrows_ask_for_the_neighbours_in_the_folder(key: Qt.Key, direction: int, qtbot: QtBot) -> None:
    preview = DigitPreview()
    qtbot.addWidget(preview)
    with qtbot.waitSignal(preview.browsed) as asked:
        QTest.keyClick(preview, key)
    assert asked.args == [direction]


def test_the_dialog_closes_by_escape(qtbot: QtBot) -> None:
    dialog = PixelDialog(None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    dialog.show()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
