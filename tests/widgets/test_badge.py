"""The verdict under a sum: both numbers, how far they are apart, and whether rounding explains it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent, QImage
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from cnnviz.core.operations import TOLERANCE, Check
from cnnviz.widgets import theme
from cnnviz.widgets.badge import Badge


@pytest.fixture
def badge(qtbot: QtBot, qapp: QApplication) -> Badge:
    theme.apply(qapp, "light")
    made = Badge()
    qtbot.addWidget(made)
    made.resize(made.sizeHint())
    made.show()
    return made


def colours(image: QImage) -> set[str]:
    return {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}


@pytest.mark.qt_log_ignore("This plugin does not support raise")  # the tool tip's window
def test_the_same_number_says_so(badge: Badge) -> None:
    badge.show_check(Check(1.25, 1.25, 3.0))
    assert badge.words == "✓ 1.250000 · PyTorch 1.250000 · the same number"
    assert badge.accessibleDescription() == badge.words
    QApplication.sendEvent(badge, QHelpEvent(QEvent.Type.ToolTip, QPoint(5, 5), badge.mapToGlobal(QPoint(5, 5))))
    QToolTip.hideText()
    assert badge.toolTip() == badge.words
    assert theme.current().good in colours(badge.grab().toImage())


def test_a_difference_within_rounding_agrees(badge: Badge) -> None:
    check = Check(1.0, 1.0 + 0.5 * TOLERANCE, 1.0)
    badge.show_check(check)
    assert badge.words == "✓ 1.000000 · PyTorch 1.000005 · difference 5.0e−06, within 1.0e−05"
    assert theme.current().good in colours(badge.grab().toImage())


def test_a_difference_beyond_rounding_does_not(badge: Badge) -> None:
    badge.show_check(Check(1.0, 1.5, 1.0))
    assert badge.words.startswith("✗ 1.000000 · PyTorch 1.500000")
    assert "difference 0.50, rounding explains 1.0e−05" in badge.words
    found = colours(badge.grab().toImage())
    assert theme.current().bad in found
    assert theme.current().good not in found


def test_the_bound_grows_with_what_was_added_up(badge: Badge) -> None:
    badge.show_check(Check(0.0, 0.005, 1000.0))  # cancellation
    assert badge.words.startswith("✓")
    badge.show_check(Check(0.0, 0.005, 1.0))
    assert badge.words.startswith("✗")


def test_numbers_that_are_none(badge: Badge) -> None:
    nan, infinite = float("nan"), float("inf")
    for total, torch, sign in (
        (nan, nan, "✓"), (infinite, infinite, "✓"), (infinite, -infinite, "✗"), (1.0, nan, "✗"), (nan, 1.0, "✗"),
        (infinite, 1.0, "✗"), (1e38, 1e38, "✓"),
    ):  # fmt: skip
        badge.show_check(Check(total, torch, abs(total)))
        assert badge.words.startswith(sign), (total, torch)
        assert not badge.grab().isNull()


def test_a_sentence_stands_where_nothing_is_compared(badge: Badge) -> None:
    badge.show_check(Check(1.0, 1.0, 1.0))
    badge.show_check(None, "with your own settings")
    assert badge.words == "with your own settings"
    found = colours(badge.grab().toImage())
    assert theme.current().muted in found
    assert theme.current().good not in found
    badge.show_check(None)
    assert badge.words == ""
