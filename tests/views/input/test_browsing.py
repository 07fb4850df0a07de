"""A folder is walked by keys, buttons and menu; where one is, is said; the way is one step of the history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

from PIL import Image
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QToolButton
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState, FolderStep
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.views.input.widget import InputView
from cnnviz.workers.loading import PictureLoader


class Desk:
    """A view with a loader and a folder of pictures."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.folder = folder
        for number in (1, 2, 10):
            Image.new("L", (9, 9), 20 * number).save(folder / f"{number}.png")
        self.state, self.messages = AppState(), MessageCenter()
        self.posted: list[Message] = []
        self.wishes: list[object] = []
        self.messages.posted.connect(self.posted.append)
        self.messages.open()
        self.state.open_requested.connect(self.wishes.append)
        self.loader = PictureLoader(self.state, self.messages)
        self.view = InputView(self.state, self.messages)
        qtbot.addWidget(self.view)
        self.view.resize(312, 780)
        self.view.show()
        self.row = self.view.folder
        self.qtbot = qtbot

    @property
    def title(self) -> str:
        assert self.state.input is not None
        return self.state.input.title

    def open(self, wish: object) -> None:
        with self.qtbot.waitSignal(self.state.picture_opened):
            self.state.open_requested.emit(wish)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(qtbot, tmp_path)
    yield made
    made.loader.stop()


def test_the_place_is_shown_and_followed(desk: Desk) -> None:
    assert not desk.row.isVisible()
    assert not desk.view.acts.next.isEnabled()
    desk.open(str(desk.folder / "2.png"))
    assert desk.row.isVisible()
    assert desk.row.words.text() == "2 of 3"
    assert "2.png" in desk.row.words.toolTip()
    for action, title, words in (
        (desk.view.acts.next, "10.png", "3 of 3"),
        (desk.view.acts.next, "1.png", "1 of 3"),  # it begins again
        (desk.view.acts.previous, "10.png", "3 of 3"),
    ):
        with desk.qtbot.waitSignal(desk.state.picture_opened):
            action.trigger()
        assert (desk.title, desk.row.words.text()) == (title, words)


def test_the_keys_of_the_preview_and_the_window(desk: Desk) -> None:
    desk.open(str(desk.folder / "1.png"))
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        QTest.keyClick(desk.view.preview.digit, Qt.Key.Key_Right)
    assert desk.title == "2.png"
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        QTest.keyClick(desk.view.preview.digit, Qt.Key.Key_Left)
    assert desk.title == "1.png"
    desk.view.activateWindow()
    desk.view.board.setFocus()
    desk.qtbot.waitUntil(desk.view.board.hasFocus)
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        QTest.keyClick(desk.view.board, Qt.Key.Key_PageUp, Qt.KeyboardModifier.AltModifier)
    assert desk.title == "10.png"
    buttons = desk.row.findChildren(QToolButton)
    assert [button.accessibleName() for button in buttons] == ["Previous picture", "Next picture"]
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        QTest.mouseClick(buttons[1], Qt.MouseButton.LeftButton)
    assert desk.title == "1.png"


def test_arrows_on_the_board_walk_until_the_pen_is_out(desk: Desk) -> None:
    board = desk.view.board
    QTest.keyClick(board, Qt.Key.Key_Right)  # no folder yet: it moves the pen
    assert board._key_pen is not None
    QTest.keyClick(board, Qt.Key.Key_Escape)
    desk.open(str(desk.folder / "1.png"))
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        QTest.keyClick(board, Qt.Key.Key_Right)
    assert desk.title == "2.png"
    QTest.keyClick(board, Qt.Key.Key_Space)
    QTest.keyClick(board, Qt.Key.Key_Right)
    QTest.keyClick(board, Qt.Key.Key_Space)
    assert desk.title == "Drawing"
    desk.wishes.clear()
    QTest.keyClick(board, Qt.Key.Key_Right)
    assert desk.wishes == []


def test_quick_steps_add_up(desk: Desk) -> None:
    desk.open(str(desk.folder / "1.png"))
    desk.wishes.clear()
    desk.row.step(1)
    desk.row.step(1)
    desk.row.step(-1)
    desk.row.step(-1)
    assert [Path(wish.path).name for wish in desk.wishes if isinstance(wish, FolderStep)] == [
        "2.png", "10.png", "2.png", "1.png",
    ]  # fmt: skip
    desk.qtbot.waitUntil(lambda: not desk.view.parts.opening.isVisible())
    assert desk.title == "1.png"


def test_a_cancelled_step_does_not_count(desk: Desk) -> None:
    desk.open(str(desk.folder / "1.png"))
    desk.row.step(1)
    desk.state.cancel_requested.emit()
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        desk.row.step(1)
    assert desk.title == "2.png"


def test_walking_is_one_step_of_the_history(desk: Desk) -> None:
    desk.open(str(desk.folder / "1.png"))
    for _ in range(2):
        with desk.qtbot.waitSignal(desk.state.picture_opened):
            desk.view.acts.next.trigger()
    assert desk.row.words.text() == "3 of 3"
    desk.view.acts.undo.trigger()
    assert desk.title == "1.png"
    assert desk.row.words.text() == "1 of 3"
    desk.view.acts.undo.trigger()
    assert not desk.row.isVisible()
    assert not desk.view.acts.next.isEnabled()
    desk.view.acts.redo.trigger()
    assert desk.row.isVisible()


def test_what_is_drawn_is_no_picture_of_the_folder(desk: Desk) -> None:
    desk.open(str(desk.folder / "1.png"))
    desk.view.clear()
    assert not desk.row.isVisible()
    desk.wishes.clear()
    desk.row.step(1)
    assert desk.wishes == []


def test_a_picture_by_itself_has_no_neighbours(desk: Desk, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    Image.new("L", (9, 9), 7).save(alone / "only.png")
    desk.open(str(alone))
    assert desk.title == "only.png"
    assert not desk.row.isVisible()


def test_a_folder_is_opened_by_menu_and_by_dropping_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ("", str(desk.folder)):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, answer=answer: answer)
        desk.view.acts.open_folder.trigger()
    assert desk.wishes == [str(desk.folder)]
    desk.qtbot.waitUntil(lambda: desk.row.isVisible())
    assert (desk.title, desk.row.words.text()) == ("1.png", "1 of 3")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(desk.folder))])
    assert desk.view.accepts(mime)
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        desk.view.take(mime)
    assert desk.title == "1.png"


def test_unreadable_ones_are_passed_with_a_word(desk: Desk) -> None:
    (desk.folder / "2.png").write_bytes(b"")
    desk.open(str(desk.folder / "1.png"))
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        desk.view.acts.next.trigger()
    assert (desk.title, desk.row.words.text()) == ("10.png", "3 of 3")
    assert "'2.png' cannot be read and was skipped." in [message.sentence for message in desk.posted]
