"""The bar of problems is as high as its words, and goes when it is of no interest any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("PySide6")

from PySide6.QtWidgets import QApplication, QStatusBar, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.main_window.notices import NoticeBar
from cnnviz.state.messages import Message

WORDS = "The weights of this network could not be fetched, since the server does not answer. Try again later."


@pytest.fixture
def bar(qtbot: QtBot) -> Iterator[NoticeBar]:
    window = QWidget()
    qtbot.addWidget(window)
    status = QStatusBar(window)
    made = NoticeBar(status, window)
    column = QVBoxLayout(window)
    column.addWidget(made)
    column.addWidget(status)
    window.resize(1200, 600)
    window.show()
    made.show_message(Message("problem", WORDS, topic="download"))
    yield made
    window.close()


def test_it_is_as_high_as_its_words_at_each_width(bar: NoticeBar) -> None:
    heights = []
    for width in (1200, 360):
        bar.window().resize(width, 600)
        for _ in range(3):
            QApplication.processEvents()
        line = bar.fontMetrics().lineSpacing()
        heights.append(bar.height())
        assert bar.height() == bar.heightForWidth(bar.width())
        assert bar.height() < 8 * line
    assert heights[0] < heights[1]


def test_a_problem_goes_alone_and_leaves_what_passes_by(bar: NoticeBar) -> None:
    bar.show_message(Message("notice", "The weights are here.", topic="download"))
    bar.settle_problem("network")
    assert bar.message is not None
    bar.settle_problem("download")
    assert bar.message is None
    assert bar._status.currentMessage() == "The weights are here."
    bar.settle("download")
    assert not bar._status.currentMessage()
