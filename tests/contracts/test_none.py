"""A permanent guard against the PySide6 releases that lose references to None (6.12.0 on Python 3.10 and 3.11)."""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot


def test_calls_that_return_nothing_do_not_lose_references(qtbot: QtBot) -> None:
    button = QPushButton()
    qtbot.addWidget(button)
    before = sys.getrefcount(None)
    for _ in range(1000):
        button.setEnabled(True)
    assert abs(sys.getrefcount(None) - before) < 50
