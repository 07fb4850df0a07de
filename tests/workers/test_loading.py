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
from cnnviz.state.app_state import AppState, OpenedPicture, PictureData
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
    path = png(tmp_path / "wide.png", size=(3000, 10))
    desk.state.open_requested.emit(str(path))
    qtbot.waitUntil(lambda: bool(desk.posted))
    assert desk.posted[0].level == "notice"
    assert "3,000" in desk.posted[0].sentence


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
            picture = Picture(np.zeros((4, 4, 3), np.uint8), str(request), (4, 4))
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
