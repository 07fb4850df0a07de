"""Controls on as many lines as the width asks for."""

from __future__ import annotations

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.widgets.flow import FlowLayout

GAP = 8


class Row(QWidget):
    """Three buttons and a last one above something that takes what is left."""

    def __init__(self) -> None:
        super().__init__()
        self.buttons = tuple(
            QPushButton(words, self) for words in ("by number", "all maps", "One map", "a long last one")
        )
        self.below = QWidget(self)
        self.flow = FlowLayout(self.buttons, GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self.flow)
        column.addWidget(self.below, 1)


@pytest.fixture
def row(qtbot: QtBot) -> Row:
    made = Row()
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.mark.parametrize("width", [900, 400, 260, 130])
def test_every_control_keeps_its_width_and_lies_over_no_other(row: Row, width: int) -> None:
    row.resize(width, 300)
    places = [button.geometry() for button in row.buttons]
    for button, place in zip(row.buttons[:-1], places, strict=False):
        assert place.width() == button.sizeHint().width()
    for place in places:
        assert QRect(0, 0, width, 300).contains(place)
        assert not place.intersects(row.below.geometry())
        assert sum(place.intersects(other) for other in places) == 1
    assert places[-1].right() == width - 1
    assert len({place.top() for place in places}) == {900: 1, 130: 4}.get(width, len({p.top() for p in places}))
    assert row.below.height() == 300 - row.flow.heightForWidth(width)


def test_the_last_one_is_content_with_half_of_its_width(row: Row) -> None:
    first = sum(button.sizeHint().width() + GAP for button in row.buttons[:-1])
    wanted = row.buttons[-1].sizeHint().width()
    row.resize(first + wanted * 3 // 4, 300)
    assert row.buttons[-1].y() == row.buttons[0].y()
    assert row.buttons[-1].width() == wanted * 3 // 4
    row.resize(first + wanted // 4, 300)
    assert row.buttons[-1].y() > row.buttons[0].y()
    assert row.buttons[-1].width() == wanted


def test_hidden_controls_take_no_room(row: Row, qtbot: QtBot) -> None:
    row.resize(900, 300)
    before = row.buttons[2].x()
    row.buttons[1].hide()
    qtbot.waitUntil(lambda: row.buttons[2].x() < before)
    assert row.buttons[2].x() == row.buttons[0].geometry().right() + 1 + GAP
    for button in row.buttons:
        button.hide()
    assert row.flow.heightForWidth(900) == 0
    assert row.flow.minimumSize().width() == 0
