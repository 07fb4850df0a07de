"""The histogram counts what NumPy counts and says the numbers of a bin."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.widgets import theme
from cnnviz.widgets.histogram import BINS, Histogram


def move(widget: QWidget, point: QPoint) -> None:
    where, none = QPointF(point), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, where, where, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


@pytest.fixture
def histogram(qtbot: QtBot, qapp: QApplication) -> Histogram:
    theme.apply(qapp, "light")
    made = Histogram("Values")
    qtbot.addWidget(made)
    made.resize(BINS * 8 + theme.GRID_PX, 220)
    made.show()
    return made


def heights(histogram: Histogram) -> list[int]:
    image, accent = histogram.grab().toImage(), theme.current().color("accent")
    left = theme.GRID_PX // 2
    columns = [left + 8 * i + 2 for i in range(BINS)]
    return [sum(image.pixelColor(x, y) == accent for y in range(4, histogram.height() - 4)) for x in columns]


def test_bars_are_as_high_as_their_counts(histogram: Histogram) -> None:
    values = np.repeat(np.arange(BINS, dtype=np.float32), np.arange(BINS) % 7)
    histogram.show_values(values, "value")
    expected, _ = np.histogram(values, BINS, (values.min(), values.max()))
    assert np.array_equal(histogram.counts, expected)
    found = np.array(heights(histogram))
    assert np.all(np.abs(found - expected / expected.max() * found.max()) <= 1)


def test_a_logarithmic_axis_lifts_rare_values(histogram: Histogram) -> None:
    values = np.concatenate([np.zeros(10_000), np.ones(1)]).astype(np.float32)
    histogram.show_values(values, "value")
    plain = heights(histogram)
    histogram.set_logarithmic(True)
    lifted = heights(histogram)
    assert plain[-1] == 1  # one value is never invisible
    assert lifted[-1] == pytest.approx(lifted[0] * np.log(2) / np.log(10_001), abs=1)


def test_values_that_are_no_numbers_are_left_out(histogram: Histogram) -> None:
    histogram.show_values(np.array([1, np.nan, 2, np.inf, -np.inf], np.float32), "value")
    assert histogram.counts.sum() == 2
    histogram.show_values(np.array([np.nan], np.float32), "value")
    assert histogram.accessibleDescription() == "No numbers to show."
    histogram.grab()


def test_equal_values_are_one_bar(histogram: Histogram) -> None:
    histogram.show_values(np.full(9, 3.5, np.float32), "value")
    assert sorted(set(histogram.counts.tolist())) == [0, 9]
    histogram.grab()


def test_arrows_and_pointer_light_up_a_bin(histogram: Histogram) -> None:
    histogram.show_values(np.linspace(0, 1, 601, dtype=np.float32), "value", "mean 0.5")
    assert histogram.accessibleDescription().endswith("mean 0.5")
    pointer = theme.current().color("pointer")

    def lit() -> list[int]:
        image = histogram.grab().toImage()
        y = histogram.height() - 60
        return [i for i in range(BINS) if image.pixelColor(theme.GRID_PX // 2 + 8 * i + 2, y) == pointer]

    assert lit() == []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Right):
        QTest.keyClick(histogram, key)
    assert lit() == [1]
    QTest.keyClick(histogram, Qt.Key.Key_Escape)
    assert lit() == []
    move(histogram, QPoint(theme.GRID_PX // 2 + 8 * 30 + 3, 100))
    assert lit() == [30]
    QApplication.sendEvent(histogram, QEvent(QEvent.Type.Leave))
    assert lit() == []
