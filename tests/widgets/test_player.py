"""The player: a position that runs, steps, jumps and is dragged; what it does by itself is driven without waiting."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from cnnviz.widgets import theme
from cnnviz.widgets.player import FRAME_MS, SLOWEST, SPEED_NOTCHES, Player

Key = Qt.Key
NO_KEYS = Qt.KeyboardModifier.NoModifier


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "perf_counter", made)
    return made


@pytest.fixture
def player(qtbot: QtBot, qapp: QApplication) -> Player:
    theme.apply(qapp, "light")
    made = Player()
    qtbot.addWidget(made)
    made.resize(900, 40)
    made.show()
    made.set_count(100)
    return made


@pytest.fixture
def moves(player: Player) -> list[int]:
    made: list[int] = []
    player.moved.connect(made.append)
    return made


@pytest.fixture
def states(player: Player) -> list[bool]:
    made: list[bool] = []
    player.playing_changed.connect(made.append)
    return made


def frame(player: Player, clock: Clock, seconds: float = FRAME_MS / 1000) -> None:
    """Let one frame pass without waiting for it."""
    clock.now_s += seconds
    player._timer.timeout.emit()


def press(player: Player, key: Key, modifiers: Qt.KeyboardModifier = NO_KEYS) -> bool:
    return player.take_key(QKeyEvent(QEvent.Type.KeyPress, key, modifiers))


def words(player: Player) -> str:
    return next(label.text() for label in player.findChildren(QLabel) if " of " in label.text())


def test_the_buttons_step_and_jump_and_stop_at_both_ends(player: Player, moves: list[int]) -> None:
    for name, expected in (
        ("next", 1), ("next", 2), ("previous", 1), ("last", 99), ("next", 99), ("first", 0), ("previous", 0),
    ):  # fmt: skip
        QTest.mouseClick(player._buttons[name], Qt.MouseButton.LeftButton)
        assert player.index == expected
    assert moves == [1, 2, 1, 99, 0]  # nothing is said where nothing moved
    assert not player.playing


def test_play_and_pause_by_one_button(player: Player, states: list[bool]) -> None:
    button = player._buttons["play"]
    sign = button.icon().cacheKey()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert player.playing
    assert button.icon().cacheKey() != sign
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not player.playing
    assert states == [True, False]
    player.pause()
    assert states == [True, False]


def test_play_and_pause_signs_look_different(player: Player) -> None:
    play = player._buttons["play"].icon().pixmap(18, 18).toImage()
    player.play()
    assert player._buttons["play"].icon().pixmap(18, 18).toImage() != play
    player.pause()
    assert player._buttons["play"].icon().pixmap(18, 18).toImage() == play


def test_keys_mean_the_same_as_the_buttons(player: Player, moves: list[int]) -> None:
    for key in (Key.Key_Right, Key.Key_Right, Key.Key_Left, Key.Key_End, Key.Key_Home):
        assert press(player, key)
    assert moves == [1, 2, 1, 99, 0]
    assert press(player, Key.Key_Space)
    assert player.playing
    assert press(player, Key.Key_Space)
    assert not player.playing


def test_other_keys_are_left_to_others(player: Player, moves: list[int]) -> None:
    for key in (Key.Key_Up, Key.Key_Down, Key.Key_Return, Key.Key_A):
        assert not press(player, key)
    for modifier in (Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier):
        assert not press(player, Key.Key_Right, modifier)
    assert press(player, Key.Key_Right, Qt.KeyboardModifier.KeypadModifier)
    assert moves == [1]


def test_a_step_by_hand_pauses(player: Player, clock: Clock, states: list[bool]) -> None:
    player.play()
    press(player, Key.Key_Right)
    assert not player.playing
    player.play()
    player.scrub.setValue(40)
    assert not player.playing
    assert player.index == 40
    assert states == [True, False, True, False]


def test_dragging_the_slider_goes_to_that_step(player: Player, moves: list[int]) -> None:
    assert (player.scrub.minimum(), player.scrub.maximum()) == (0, 99)
    player.scrub.setValue(57)
    assert player.index == 57
    assert moves == [57]
    assert words(player).startswith("58 of 100")


def test_showing_a_step_says_nothing(player: Player, moves: list[int]) -> None:
    player.set_index(30)
    assert (player.index, player.scrub.value(), moves) == (30, 30, [])
    player.set_index(-5)
    assert player.index == 0
    player.set_index(1000)
    assert player.index == 99
    assert moves == []


def test_fewer_steps_keep_the_index_inside(player: Player, moves: list[int]) -> None:
    player.set_index(99)
    player.set_count(10)
    assert (player.index, player.count, player.scrub.maximum()) == (9, 10, 9)
    player.set_count(0)
    assert (player.index, player.count) == (0, 1)
    player.set_count(50_000)
    assert player.index == 0
    assert words(player).startswith("1 of 50,000")
    assert moves == []


def test_the_speed_goes_from_a_step_in_two_seconds_to_the_whole_map_in_one(player: Player) -> None:
    for count in (100, 784, 50_176):
        player.set_count(count)
        player.speed.setValue(0)
        assert player.rate == SLOWEST == 0.5
        assert "0.5/s" in words(player)
        player.speed.setValue(SPEED_NOTCHES)
        assert player.rate == pytest.approx(count)
        rates = []
        for notch in range(SPEED_NOTCHES + 1):
            player.speed.setValue(notch)
            rates.append(player.rate)
        assert rates == sorted(set(rates))
    player.set_count(1)
    assert player.rate >= SLOWEST


def test_the_slowest_speed_takes_two_seconds_a_step(player: Player, clock: Clock, moves: list[int]) -> None:
    player.speed.setValue(0)
    player.play()
    for _ in range(19):
        frame(player, clock, 0.1)
    assert moves == []
    frame(player, clock, 0.11)
    assert moves == [1]
    player.pause()


def test_at_full_speed_a_frame_makes_several_steps_and_the_map_takes_a_second(
    player: Player, clock: Clock, moves: list[int], states: list[bool]
) -> None:
    player.set_count(6000)
    player.speed.setValue(SPEED_NOTCHES)
    player.play()
    frame(player, clock)
    assert moves == [96]  # 16 ms of 6000 steps a second
    begin_s = clock.now_s - FRAME_MS / 1000
    while player.playing:
        frame(player, clock)
        assert clock.now_s - begin_s < 1.1
    assert clock.now_s - begin_s == pytest.approx(1.0, abs=0.03)
    assert moves[-1] == 5999
    assert len(moves) < 70
    assert moves == sorted(set(moves))
    assert states == [True, False]


def test_parts_of_a_step_are_kept_for_the_next_frame(player: Player, clock: Clock, moves: list[int]) -> None:
    player.speed.setValue(SPEED_NOTCHES)  # 100 steps a second: 1.6 a frame
    player.play()
    for _ in range(4):
        frame(player, clock)
    assert moves == [1, 3, 4, 6]
    player.pause()


def test_after_a_standstill_it_goes_on_where_it_was(player: Player, clock: Clock, moves: list[int]) -> None:
    player.speed.setValue(SPEED_NOTCHES)
    player.play()
    frame(player, clock, 30.0)  # the machine slept
    assert moves == [5]  # a twentieth of the walk
    player.pause()


def test_after_the_end_it_begins_anew(player: Player, clock: Clock, moves: list[int], states: list[bool]) -> None:
    player.set_index(99)
    player.play()
    assert (player.index, player.playing, moves) == (0, True, [0])
    player.speed.setValue(SPEED_NOTCHES)
    while player.playing:
        frame(player, clock)
    assert player.index == 99
    player.toggle()
    assert (player.index, player.playing) == (0, True)
    player.pause()
    assert states == [True, False, True, False]


def test_from_the_middle_it_goes_on_from_there(player: Player, clock: Clock, moves: list[int]) -> None:
    player.set_index(50)
    player.speed.setValue(SPEED_NOTCHES)
    player.play()
    frame(player, clock, 0.025)
    assert moves == [52]
    player.pause()


def test_one_step_cannot_be_played(player: Player, states: list[bool]) -> None:
    player.set_count(1)
    player.play()
    assert not player.playing
    assert states == []


def test_it_pauses_when_it_is_hidden(player: Player, states: list[bool]) -> None:
    player.play()
    player.hide()
    assert not player.playing
    assert states == [True, False]


def test_the_timer_itself_moves_it(player: Player, qtbot: QtBot) -> None:
    player.speed.setValue(SPEED_NOTCHES)
    with qtbot.waitSignal(player.moved, timeout=2000):
        player.play()
    player.pause()


def test_the_signs_follow_the_theme(player: Player, qapp: QApplication) -> None:
    def middle() -> str:
        return player._buttons["play"].icon().pixmap(18, 18).toImage().pixelColor(QPoint(8, 9)).name()

    assert middle() == theme.LIGHT.text
    theme.apply(qapp, "dark")
    assert middle() == theme.DARK.text
    theme.apply(qapp, "light")


def test_every_control_has_a_name(player: Player) -> None:
    for button in player._buttons.values():
        assert button.accessibleName()
        assert button.toolTip()
    assert (player.scrub.accessibleName(), player.speed.accessibleName()) == ("Step", "Speed")
