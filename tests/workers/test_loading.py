"""Pictures on their way to the board: the newest wish wins, a cancelled one is dropped, a failure is one sentence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PIL import Image
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from cnnviz.core.image import Picture, load_picture
from cnnviz.state.app_state import AppState, FolderStep, OpenedPicture, PictureData
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.workers import loading
from cnnviz.workers.loading import PictureLoader


class Desk(QObject):
    """State, messages and a loader, and what came out."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.messages = AppState(self), MessageCenter(self)
        self.loader = PictureLoader(self.state, self.messages, self)
        self.pictures: list[Picture] = []
        self.names: list[str] = []
        self.posted: list[Message] = []
        self.state.picture_opened.connect(lambda opened: self.pictures.append(opened.picture))
        self.state.opening_changed.connect(self.names.append)
        self.messages.posted.connect(self.posted.append)
        self.messages.open()


@pytest.fixture
def desk(qapp: object) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.loader.stop()


def png(path: Path, level: int = 200, size: tuple[int, int] = (20, 12)) -> Path:
    Image.new("L", size, level).save(path)
    return path


def test_a_file_is_decoded_and_delivered(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    path = png(tmp_path / "one.png")
    desk.state.open_requested.emit(str(path))
    assert desk.names == ["one.png"]
    qtbot.waitUntil(lambda: bool(desk.pictures))
    assert np.array_equal(desk.pictures[0].pixels_hwc, load_picture(path).pixels_hwc)
    assert desk.names == ["one.png", ""]
    assert desk.posted == []


def test_bytes_from_the_clipboard_are_decoded(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    path = png(tmp_path / "two.png", level=77)
    desk.state.open_requested.emit(PictureData(path.read_bytes(), "Pasted picture"))
    qtbot.waitUntil(lambda: bool(desk.pictures))
    assert desk.pictures[0].name == "Pasted picture"
    assert (desk.pictures[0].pixels_hwc == 77).all()


def test_pixels_from_the_clipboard_become_a_picture_and_a_board(desk: Desk, qtbot: QtBot) -> None:
    boards: list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]] = []
    desk.state.picture_opened.connect(lambda opened: boards.append(opened.ink_hw))
    pixels = np.full((40, 40, 4), 255, np.uint8)
    pixels[10:30, 18:22, :3] = 0  # a dark bar on light
    desk.state.open_requested.emit(PictureData(pixels, "Pasted picture"))
    qtbot.waitUntil(lambda: bool(desk.pictures))
    assert desk.pictures[0].original_size == (40, 40)
    assert boards[0].shape == (280, 280)
    assert boards[0][140, 140] == 255
    assert boards[0][5, 5] == 0


def test_what_was_done_to_a_picture_is_said(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    path = png(tmp_path / "wide.png", size=(6000, 5000))
    desk.state.open_requested.emit(str(path))
    qtbot.waitUntil(lambda: bool(desk.posted))
    assert desk.posted[0].level == "notice"
    assert "6,000" in desk.posted[0].sentence


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "folder"])
def test_each_bad_file_is_one_message_and_no_picture(kind: str, desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / f"{kind}.png"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("no picture at all")
    elif kind == "truncated":
        noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:1500])
    elif kind == "folder":
        path.mkdir()
    desk.state.open_requested.emit(str(path))
    qtbot.waitUntil(lambda: bool(desk.posted))
    assert len(desk.posted) == 1
    assert desk.posted[0].level == "problem"
    assert path.name in desk.posted[0].sentence
    assert desk.posted[0].sentence.endswith(".")
    assert desk.pictures == []
    assert desk.names[-1] == ""


class Gate:
    """Stands for a slow decoder: each picture waits until the test lets it through."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Semaphore(0), threading.Semaphore(0)

    def make(self) -> Callable[[object], OpenedPicture]:
        def handle(request: object) -> OpenedPicture:
            self.entered.release()
            assert self.leave.acquire(timeout=30)
            picture = Picture(np.zeros((4, 4, 3), np.uint8), str(getattr(request, "name", request)), (4, 4))
            return OpenedPicture(picture, np.zeros((280, 280), np.uint8))

        return handle


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate()
    monkeypatch.setattr(loading, "make_handler", made.make)
    return made


def test_a_cancelled_picture_never_arrives(gate: Gate, desk: Desk, qtbot: QtBot) -> None:
    desk.state.open_requested.emit("/slow.png")
    assert gate.entered.acquire(timeout=30)
    desk.state.cancel_requested.emit()
    assert desk.names == ["slow.png", ""]
    desk.state.open_requested.emit("/next.png")
    gate.leave.release(2)
    qtbot.waitUntil(lambda: bool(desk.pictures))
    assert [picture.name for picture in desk.pictures] == ["/next.png"]
    assert desk.names == ["slow.png", "", "next.png", ""]


def test_a_newer_wish_replaces_the_older_one(gate: Gate, desk: Desk, qtbot: QtBot) -> None:
    desk.state.open_requested.emit("/first.png")
    assert gate.entered.acquire(timeout=30)
    desk.state.open_requested.emit("/second.png")
    desk.state.open_requested.emit("/third.png")
    gate.leave.release(3)
    qtbot.waitUntil(lambda: bool(desk.pictures))
    assert [picture.name for picture in desk.pictures] == ["/third.png"]


def test_the_same_file_may_be_opened_twice(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    path = str(png(tmp_path / "again.png"))
    for count in (1, 2):
        desk.state.open_requested.emit(path)
        qtbot.waitUntil(lambda count=count: len(desk.pictures) == count)


def test_a_cancelled_failure_is_not_reported(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    desk.state.open_requested.emit(str(tmp_path / "missing.png"))
    desk.state.cancel_requested.emit()
    path = png(tmp_path / "there.png")
    desk.state.open_requested.emit(str(path))
    qtbot.waitUntil(lambda: bool(desk.pictures))
    assert desk.posted == []


# -- folders ----------------------------------------------------------------------------------------------------------


class Folder:
    """Three pictures, and between them two files that are none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for number, level in ((1, 10), (4, 40), (10, 100)):
            png(path / f"p{number}.png", level)
        (path / "p2.png").write_bytes(b"")
        (path / "p3.jpg").write_text("no picture")

    def file(self, name: str) -> str:
        return str(self.path / name)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "holidays"
    path.mkdir()
    return Folder(path)


def opened_by(desk: Desk, qtbot: QtBot, wish: object) -> OpenedPicture:
    with qtbot.waitSignal(desk.state.picture_opened) as signal:
        desk.state.open_requested.emit(wish)
    opened = signal.args[0]
    assert isinstance(opened, OpenedPicture)
    assert opened.wish is wish
    return opened


def test_a_picture_knows_its_place_in_its_folder(desk: Desk, qtbot: QtBot, folder: Folder) -> None:
    opened = opened_by(desk, qtbot, folder.file("p4.png"))
    assert opened.path == folder.file("p4.png")
    assert opened.folder is not None
    assert [Path(path).name for path in opened.folder.files] == ["p1.png", "p2.png", "p3.jpg", "p4.png", "p10.png"]
    assert opened.folder.at == 3
    pasted = opened_by(desk, qtbot, PictureData(Path(opened.path).read_bytes(), "Pasted picture"))
    assert (pasted.path, pasted.folder) == ("", None)


def test_a_path_is_kept_from_the_root(
    desk: Desk, qtbot: QtBot, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    opened = opened_by(desk, qtbot, "p1.png")
    assert opened.path == folder.file("p1.png")
    assert opened.folder is not None
    assert opened.folder.at == 0


@pytest.mark.parametrize(
    ("start", "direction", "found", "words"),
    [
        ("p4.png", 1, "p4.png", []),
        ("p2.png", 1, "p4.png", ["2 files that cannot be read were skipped, 'p2.png' first."]),
        ("p3.jpg", -1, "p1.png", ["2 files that cannot be read were skipped, 'p3.jpg' first."]),
        ("p3.jpg", 1, "p4.png", ["'p3.jpg' cannot be read and was skipped."]),
    ],
)
def test_what_cannot_be_read_is_skipped_with_a_word(
    start: str, direction: int, found: str, words: list[str], desk: Desk, qtbot: QtBot, folder: Folder
) -> None:
    opened = opened_by(desk, qtbot, FolderStep(folder.file(start), direction))
    assert opened.picture.name == found
    assert [message.sentence for message in desk.posted] == words
    assert {message.level for message in desk.posted} <= {"notice"}


def test_beyond_the_end_the_folder_begins_again(desk: Desk, qtbot: QtBot, folder: Folder) -> None:
    Path(folder.file("p10.png")).write_bytes(b"")
    opened = opened_by(desk, qtbot, FolderStep(folder.file("p10.png"), 1))
    assert opened.picture.name == "p1.png"
    assert opened.folder is not None
    assert opened.folder.at == 0


def test_a_file_that_went_away_is_skipped(desk: Desk, qtbot: QtBot, folder: Folder) -> None:
    assert opened_by(desk, qtbot, FolderStep(folder.file("p5.png"), 1)).picture.name == "p10.png"
    assert desk.posted[0].sentence == "'p5.png' cannot be read and was skipped."


def test_a_folder_opens_its_first_picture(desk: Desk, qtbot: QtBot, folder: Folder) -> None:
    opened = opened_by(desk, qtbot, str(folder.path))
    assert opened.picture.name == "p1.png"
    assert opened.folder is not None
    assert len(opened.folder.files) == 5
    assert desk.names == ["holidays", ""]


@pytest.mark.parametrize("files", [(), ("notes.txt",), ("bad.png", "worse.jpg")])
def test_a_folder_without_a_picture_is_one_sentence(
    files: tuple[str, ...], desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "empty"
    path.mkdir()
    for name in files:
        (path / name).write_text("nothing")
    desk.state.open_requested.emit(str(path))
    qtbot.waitUntil(lambda: bool(desk.posted))
    assert len(desk.posted) == 1
    assert desk.posted[0].level == "problem"
    assert "'empty'" in desk.posted[0].sentence
    assert desk.names[-1] == ""


# -- live pictures ----------------------------------------------------------------------------------------------------


def test_live_pictures_pass_without_a_word(desk: Desk, qtbot: QtBot) -> None:
    pixels = np.full((2000, 4, 3), 9, np.uint8)
    opened = opened_by(desk, qtbot, PictureData(pixels, "Camera", live=True))
    assert opened.picture.name == "Camera"
    assert desk.names == []
    assert desk.posted == []


def test_the_newest_live_picture_wins(gate: Gate, desk: Desk, qtbot: QtBot) -> None:
    frames = [PictureData(np.zeros((2, 2, 3), np.uint8), f"frame {n}", live=True) for n in range(4)]
    desk.state.open_requested.emit(frames[0])
    assert gate.entered.acquire(timeout=30)
    for frame in frames[1:]:
        desk.state.open_requested.emit(frame)
    gate.leave.release(2)
    qtbot.waitUntil(lambda: len(desk.pictures) == 2)
    assert "frame 0" in desk.pictures[0].name
    assert "frame 3" in desk.pictures[1].name
