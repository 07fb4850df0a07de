"""The bar that offers weights: its words, its buttons, its keys, and that nobody is left behind without focus."""

from __future__ import annotations

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.main_window.download_bar import DownloadBar, progress_text
from cnnviz.state.app_state import AppState, Download

VGG = Download("vgg16", "VGG-16", 553_433_881)
RUNNING = Download("vgg16", "VGG-16", 553_433_881, 2**20 * 132, "running", 2**20 * 11)


class Desk:
    """A state and its bar, and what was wished."""

    def __init__(self, qtbot: QtBot) -> None:
        self.state = AppState()
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.bar = DownloadBar(self.state, self.window)
        column = QVBoxLayout(self.window)
        column.addWidget(self.bar)
        column.addWidget(QPushButton("other", self.window))
        self.window.resize(900, 200)
        with qtbot.waitActive(self.window):
            self.window.show()
            self.window.activateWindow()
        self.wishes: list[str] = []
        self.state.fetch_requested.connect(lambda: self.wishes.append("fetch"))
        self.state.fetch_cancelled.connect(lambda: self.wishes.append("cancel"))

    def buttons(self) -> dict[str, QPushButton]:
        """Return the buttons in sight."""
        return {b.text().replace("&", ""): b for b in self.bar.findChildren(QPushButton) if b.isVisible()}


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


def test_there_is_no_bar_and_no_entry_of_the_menu_without_anything_to_download(desk: Desk) -> None:
    assert not desk.bar.isVisible()
    assert not desk.bar.action.isEnabled()
    desk.state.set_download(VGG)
    desk.state.set_download(None)
    assert not desk.bar.isVisible()


def test_the_offer_says_whose_and_how_large_and_is_taken(desk: Desk) -> None:
    desk.state.set_download(VGG)
    assert desk.bar._text.text() == "VGG-16 has random weights. Download the published ones (528 MB)?"
    assert desk.bar.accessibleName() == desk.bar._text.text()
    assert list(desk.buttons()) == ["Download", "Not now"]
    assert desk.bar.action.isEnabled()
    QTest.mouseClick(desk.buttons()["Download"], Qt.MouseButton.LeftButton)
    assert desk.wishes == ["fetch"]


def test_what_came_before_is_not_asked_for_again(desk: Desk) -> None:
    desk.state.set_download(Download("vgg16", "VGG-16", 553_433_881, 2**20 * 132))
    assert "Download the rest of the published ones (396 MB of 528 MB)?" in desk.bar._text.text()


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_no_hides_the_bar_and_the_menu_brings_it_back_with_the_keyboard_on_yes(desk: Desk, how: str) -> None:
    desk.state.set_download(VGG)
    if how == "button":
        QTest.mouseClick(desk.buttons()["Not now"], Qt.MouseButton.LeftButton)
    else:
        desk.buttons()["Download"].setFocus()
        QTest.keyClick(desk.buttons()["Download"], Qt.Key.Key_Escape)
    assert not desk.bar.isVisible()
    assert desk.state.download is not None
    assert desk.state.download.stage == "possible"
    assert desk.bar.action.isEnabled()
    desk.bar.action.trigger()
    assert desk.bar.isVisible()
    assert desk.buttons()["Download"].hasFocus()


def test_progress_says_size_rate_and_time_left(desk: Desk) -> None:
    desk.state.set_download(RUNNING)
    assert list(desk.buttons()) == ["Cancel"]
    assert not desk.bar.action.isEnabled()
    assert "VGG-16" in desk.bar._text.text()
    assert desk.bar._how_far.text() == "132 MB of 528 MB  ·  11 MB/s  ·  36 s left"
    assert desk.bar._progress.value() / desk.bar._progress.maximum() == pytest.approx(0.25, abs=0.002)
    desk.bar.action.trigger()  # as by a shortcut: nothing changes while it runs
    assert desk.state.download == RUNNING


def test_no_time_is_promised_without_a_rate_or_at_the_end() -> None:
    assert progress_text(Download("x", "X", 2**20, 0, "running")) == "0 bytes of 1.0 MB"
    assert progress_text(Download("x", "X", 2**20, 2**20, "running", 2**20)) == "1.0 MB of 1.0 MB  ·  1.0 MB/s"


def test_more_bytes_than_said_do_not_break_the_bar(desk: Desk) -> None:
    desk.state.set_download(Download("x", "X", 0, 5, "running", 1.0))
    desk.state.set_download(Download("x", "X", 3 * 2**30, 4 * 2**30, "running", 1.0))
    assert desk.bar._progress.value() == desk.bar._progress.maximum()


def test_cancel_is_asked_once_and_is_there_again_the_next_time(desk: Desk) -> None:
    desk.state.set_download(VGG)
    desk.buttons()["Download"].setFocus()
    desk.state.set_download(RUNNING)
    assert desk.buttons()["Cancel"].hasFocus()
    QTest.keyClick(desk.buttons()["Cancel"], Qt.Key.Key_Space)
    QTest.mouseClick(desk.buttons()["Cancel"], Qt.MouseButton.LeftButton)
    assert desk.wishes == ["cancel"]
    desk.state.set_download(VGG)
    desk.state.set_download(RUNNING)
    assert desk.buttons()["Cancel"].isEnabled()


def test_escape_stops_nothing_while_it_runs(desk: Desk) -> None:
    desk.state.set_download(RUNNING)
    QTest.keyClick(desk.bar, Qt.Key.Key_Escape)
    assert desk.bar.isVisible()
    assert desk.wishes == []


@pytest.mark.parametrize("download", [VGG, RUNNING], ids=["offered", "running"])
def test_the_parts_stand_side_by_side_where_there_is_room_and_below_each_other_else(
    desk: Desk, qtbot: QtBot, download: Download
) -> None:
    desk.state.set_download(download)
    text, parts = desk.bar._text, desk.bar._parts
    qtbot.waitUntil(lambda: text.geometry().right() < parts.geometry().left())
    one_row = desk.bar.height()
    desk.window.resize(280, 300)
    qtbot.waitUntil(lambda: text.geometry().bottom() < parts.geometry().top())
    assert desk.bar.rect().contains(text.geometry())
    assert text.height() >= text.heightForWidth(text.width())
    desk.window.resize(900, 300)
    qtbot.waitUntil(lambda: desk.bar.height() == one_row)


def test_every_part_has_a_tool_tip_or_a_name(desk: Desk) -> None:
    for button in desk.bar.findChildren(QPushButton):
        assert button.toolTip()
    assert desk.bar._progress.accessibleName()
    assert desk.bar.action.toolTip()
