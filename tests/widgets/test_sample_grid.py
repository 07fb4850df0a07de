"""The grid of samples: what is clicked or reached by a key is what is chosen, and each picture is its own."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.widgets.sample_grid import CELL_H_PX, CELL_PX, SampleGrid

COUNT = 300


@pytest.fixture
def grid(qtbot: QtBot) -> SampleGrid:
    """Each picture is even, of its own number's grey."""
    made = SampleGrid()
    qtbot.addWidget(made)
    made.resize(8 * CELL_PX + 20, 6 * CELL_H_PX)
    images = np.repeat(np.arange(COUNT) % 251, 28 * 28).reshape(COUNT, 28, 28).astype(np.uint8)
    made.show_images(images, np.arange(0, COUNT, 2))
    made.show()
    return made


def chosen(grid: SampleGrid) -> list[int]:
    numbers: list[int] = []
    grid.chosen.connect(numbers.append)
    return numbers


def test_every_visible_picture_is_its_own(grid: SampleGrid) -> None:
    image = grid.viewport().grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    for position in range(24):
        place = grid.cell_centre(position)
        assert image.pixelColor(place).red() == 2 * position


def test_a_click_chooses_the_number_of_the_picture(grid: SampleGrid) -> None:
    numbers = chosen(grid)
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, grid.cell_centre(11))
    assert numbers == [22]


def test_arrows_walk_and_stop_at_both_ends(grid: SampleGrid) -> None:
    numbers = chosen(grid)
    columns = grid._columns()
    keys = Qt.Key
    for key in (keys.Key_Home, keys.Key_Right, keys.Key_Down, keys.Key_Left, keys.Key_Up, keys.Key_End):
        QTest.keyClick(grid, key)
    assert numbers == [0, 2, 2 + 2 * columns, 2 * columns, 0, COUNT - 2]
    QTest.keyClick(grid, keys.Key_Right)
    assert numbers[-1] == COUNT - 2
    assert grid.viewport().rect().contains(grid.cell_centre(COUNT // 2 - 1))  # scrolled into sight


def test_an_empty_grid_chooses_nothing(grid: SampleGrid) -> None:
    numbers = chosen(grid)
    grid.show_images(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64))
    QTest.keyClick(grid, Qt.Key.Key_Right)
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton)
    assert numbers == []
