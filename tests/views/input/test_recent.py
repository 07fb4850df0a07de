"""The pictures that were opened last: those that are there, the newest first, and a way to forget them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

from PIL import Image
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState, FolderStep, PictureData
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.input.recent import KEY, MOST, RecentPictures
from cnnviz.views.input.widget import InputView
from cnnviz.workers.loading import PictureLoader


@pytest.fixture
def recent(qtbot: QtBot) -> Iterator[RecentPictures]:
    owner = QWidget()
    qtbot.addWidget(owner)
    yield RecentPictures(owner)
    owner.close()  # until here it is held: qtbot does not


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], str]:
    def png(name: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (9, 9), 77).save(path)
        return str(path)

    return png


def entries(recent: RecentPictures) -> list[QAction]:
    recent.menu.aboutToShow.emit()
    return [action for action in recent.menu.actions() if action.data()]


def test_the_newest_is_first_and_the_eleventh_is_forgotten(recent: RecentPictures, make: Callable[[str], str]) -> None:
    assert not recent.menu.menuAction().isEnabled()
    paths = [make(f"{n}.png") for n in range(MOST + 1)]
    for path in paths:
        recent.add(path)
    assert recent.files == tuple(paths[:0:-1])
    recent.add(paths[4])
    assert recent.files[0] == paths[4]
    assert len(recent.files) == MOST
    assert [action.data() for action in entries(recent)] == list(recent.files)
    assert [action.text()[:2] for action in entries(recent)] == [f"&{n % 10}" for n in range(1, MOST + 1)]
    recent.clear()
    assert recent.files == ()
    assert not recent.menu.menuAction().isEnabled()


def test_files_that_are_gone_are_not_offered(recent: RecentPictures, make: Callable[[str], str]) -> None:
    here, gone = make("here.png"), make("gone.png")
    recent.add(here)
    recent.add(gone)
    Path(gone).unlink()
    assert [action.data() for action in entries(recent)] == [here]
    Path(here).unlink()
    assert entries(recent) == []
    assert "there any more" in recent.menu.actions()[0].text()
    make("here.png")  # the drive is back
    assert [action.data() for action in entries(recent)] == [here]


def test_the_same_name_twice_has_its_folder(recent: RecentPictures, make: Callable[[str], str]) -> None:
    for name in ("one/cat & dog.png", "two/cat & dog.png", "other.png"):
        recent.add(make(name))
    words = [action.text() for action in entries(recent)]
    assert words == ["&1  other.png", "&2  cat && dog.png – two", "&3  cat && dog.png – one"]
    assert all(action.toolTip() == action.data() for action in entries(recent))


def test_the_list_is_remembered(recent: RecentPictures, make: Callable[[str], str], tmp_path: Path) -> None:
    paths = [make("ä  b.png"), make('quo"te.png')]
    for path in paths:
        recent.add(path)
    Settings(tmp_path / "a.ini").sync()
    settings = Settings(tmp_path / "a.ini")
    recent.remember(settings)
    settings.sync()
    recent.clear()
    recent.recall(Settings(tmp_path / "a.ini"))
    assert recent.files == tuple(paths[::-1])


@pytest.mark.parametrize("kept", ["", "{", "7", '{"a": 1}', "[1, null, [2]]", '["", ""]', "[" * 5000])
def test_a_broken_list_is_an_empty_one(kept: str, recent: RecentPictures, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "a.ini")
    settings.put(KEY, kept)
    recent.recall(settings)
    assert recent.files == ()


def test_of_a_kept_list_that_is_too_long_the_newest_stay(recent: RecentPictures, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "a.ini")
    settings.put(KEY, json.dumps([f"/{n}" for n in (*range(3), *range(40))]))
    recent.recall(settings)
    assert recent.files == tuple(f"/{n}" for n in range(MOST))


# -- in the view ------------------------------------------------------------------------------------------------------


class Desk:
    """A view with a loader, and what was said."""

    def __init__(self, qtbot: QtBot) -> None:
        self.state, self.messages = AppState(), MessageCenter()
        self.posted: list[Message] = []
        self.messages.posted.connect(self.posted.append)
        self.messages.open()
        self.loader = PictureLoader(self.state, self.messages)
        self.view = InputView(self.state, self.messages)
        qtbot.addWidget(self.view)
        self.view.show()
        self.qtbot = qtbot

    def open(self, wish: object) -> None:
        with self.qtbot.waitSignal(self.state.picture_opened):
            self.state.open_requested.emit(wish)


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(qtbot)
    yield made
    made.loader.stop()


def test_what_is_opened_by_its_name_is_recent(desk: Desk, make: Callable[[str], str]) -> None:
    first, second = make("1.png"), make("2.png")
    desk.open(first)
    desk.open(FolderStep(second))  # walking by would fill the list
    desk.open(PictureData(Path(second).read_bytes(), "Pasted picture"))
    assert desk.view.receiver.recent.files == (first,)
    assert ("&File", desk.view.receiver.recent.menu.menuAction()) in desk.view.menu_actions()


def test_a_recent_picture_is_opened_again(desk: Desk, make: Callable[[str], str]) -> None:
    for name in ("1.png", "2.png"):
        desk.open(make(name))
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        entries(desk.view.receiver.recent)[1].trigger()
    assert desk.state.input is not None
    assert desk.state.input.title == "1.png"
    assert [Path(path).name for path in desk.view.receiver.recent.files] == ["1.png", "2.png"]


def test_one_that_went_away_meanwhile_is_one_sentence_and_leaves(desk: Desk, make: Callable[[str], str]) -> None:
    path = make("1.png")
    desk.open(path)
    offered = entries(desk.view.receiver.recent)
    Path(path).unlink()
    offered[0].trigger()
    assert [message.sentence for message in desk.posted if message.level == "problem"] == [
        "'1.png' is no longer there."
    ]
    assert desk.view.receiver.recent.files == ()
