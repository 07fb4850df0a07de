"""The time machine's bar: every recorded step, and the present at its right end."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState
from cnnviz.views.training.time_bar import EMPTY, TimeBar


@pytest.fixture
def wishes(state: AppState) -> list[int | None]:
    """Go where is asked for, and note it."""
    found: list[int | None] = []
    state.training.travel_requested.connect(found.append)
    state.training.travel_requested.connect(state.training.set_cursor)
    return found


@pytest.fixture
def bar(qtbot: QtBot, state: AppState, wishes: list[int | None]) -> TimeBar:
    made = TimeBar(state)
    qtbot.addWidget(made)
    state.training.cursor_changed.connect(made.show_cursor)
    state.training.recorded_changed.connect(made.show_recorded)
    made.resize(520, 60)
    made.show()
    return made


def test_without_steps_there_is_nowhere_to_go(bar: TimeBar, wishes: list[int | None]) -> None:
    assert bar.words.text() == EMPTY
    assert bar.fontMetrics().horizontalAdvance(EMPTY) < 380, "it is read whole in a small window"
    assert not bar.player.isEnabled()
    QTest.keyClick(bar, Qt.Key.Key_Home)
    assert wishes == []


def test_keys_lead_through_every_step_and_back_to_the_present(
    bar: TimeBar, state: AppState, wishes: list[int | None]
) -> None:
    state.training.set_recorded((1, 5, 20))
    assert wishes == [], "showing is no wish"
    for _ in range(3):
        QTest.keyClick(bar.player.scrub, Qt.Key.Key_Left)
    assert wishes == [20, 5, 1]
    assert "Step 1 of the run, 1 of 3" in bar.words.text()
    QTest.keyClick(bar.player.scrub, Qt.Key.Key_Right)
    QTest.keyClick(bar.player.scrub, Qt.Key.Key_End)
    assert wishes[3:] == [5, None]
    assert bar.words.text() == "The present; 3 recorded steps to go back to"


def test_a_single_step_can_be_gone_back_to(bar: TimeBar, state: AppState, wishes: list[int | None]) -> None:
    state.training.set_recorded((7,))
    QTest.keyClick(bar.player.scrub, Qt.Key.Key_Home)
    assert wishes == [7]
    bar.present.click()
    assert wishes == [7, None]


def test_space_plays_to_the_present_wherever_the_focus_is(
    bar: TimeBar, state: AppState, wishes: list[int | None], qtbot: QtBot
) -> None:
    state.training.set_recorded((1, 5, 20))
    bar.player.speed.setValue(bar.player.speed.maximum())
    QTest.keyClick(bar.player.scrub, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: wishes == [1, 5, 20, None], timeout=10_000)
    assert not bar.player.playing


def test_steps_that_are_recorded_meanwhile_do_not_move_what_is_in_sight(bar: TimeBar, state: AppState) -> None:
    state.training.set_recorded((1, 5, 20))
    assert bar.player.index == 3
    bar.player.go(1)
    state.training.set_recorded((1, 5, 20, 40))
    assert (bar.player.index, bar.player.count) == (1, 5)
