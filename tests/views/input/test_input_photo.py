"""A network for photographs beside the board: colours to the one, the digit to the other, and back."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.core import paths, photo
from cnnviz.core.digit import prepare_digit
from cnnviz.core.graph import Graph
from cnnviz.core.image import load_picture
from cnnviz.core.inspection import LoadedModel, ModelRequest, PixelArray
from cnnviz.core.paths import resources_dir
from cnnviz.models import registry
from cnnviz.state.app_state import AppState, InputState, PictureData, Place
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.input.history import Change
from cnnviz.views.input.keeping import LAST_PICTURE
from cnnviz.views.input.widget import InputView
from cnnviz.workers.loading import PictureLoader
from tests.samples import sample_inspection, sample_model

CAT = resources_dir() / "photos" / "chelsea.jpg"
DIGITS = sample_model()


def photographic() -> LoadedModel:
    nodes = DIGITS.graph.nodes
    graph = Graph("photos", (replace(nodes[0], output_shape=(3, 224, 224)), *nodes[1:]))
    return replace(DIGITS, request=ModelRequest("resnet18"), graph=graph, preparation="photo")


PHOTOS = photographic()


class Desk:
    """A view with a loader, its state, and what reached it."""

    def __init__(self, qtbot: QtBot) -> None:
        self.state, self.messages = AppState(), MessageCenter()
        self.inputs: list[InputState] = []
        self.posted: list[Message] = []
        self.state.input_changed.connect(self.inputs.append)
        self.messages.posted.connect(self.posted.append)
        self.messages.open()
        self.loader = PictureLoader(self.state, self.messages)
        self.view = InputView(self.state, self.messages)
        qtbot.addWidget(self.view)
        self.view.resize(312, 780)
        self.view.show()
        self.qtbot = qtbot

    @property
    def last(self) -> InputState:
        assert self.state.input is not None
        return self.state.input

    @property
    def photo(self) -> PixelArray:
        assert self.last.photo is not None
        return self.last.photo

    @property
    def words(self) -> str:
        return self.view.preview.current.accessibleDescription()

    def open(self, path: Path) -> None:
        self.state.open_requested.emit(str(path))
        self.qtbot.waitUntil(lambda: self.state.input is not None and self.last.title == path.name)

    def draw(self) -> None:
        board = self.view.board
        QTest.mousePress(board, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
        for x in range(70, 200, 10):
            QTest.mouseMove(board, QPoint(x, x))
        QTest.mouseRelease(board, Qt.MouseButton.LeftButton, pos=QPoint(200, 200))


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(qtbot)
    yield made
    made.loader.stop()


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A picture of one colour: no ink in it."""
    path = tmp_path / "sky.png"
    Image.new("RGB", (60, 40), (90, 140, 220)).save(path)
    return path


def test_the_state_has_both_forms_whichever_network_is_loaded(desk: Desk) -> None:
    expected = load_picture(CAT).pixels_hwc
    for model in (DIGITS, PHOTOS, None):
        desk.state.set_model(model)
        desk.open(CAT)
        assert np.array_equal(desk.photo, expected)
        board = desk.view.content.ink_hw.astype(np.float32) / np.float32(255)
        assert np.array_equal(desk.last.image_hw, prepare_digit(board).image_hw)
        desk.view.acts.undo.trigger()


def test_a_photograph_is_carried_and_not_copied(desk: Desk) -> None:
    desk.open(CAT)
    assert desk.view.content.picture is not None
    assert desk.photo is desk.view.content.picture.pixels_hwc
    desk.draw()
    assert desk.photo is desk.view.content.ink_hw


def test_drawing_for_a_network_for_digits_never_touches_photographs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def called(*_: object) -> None:
        raise AssertionError("on the way of a stroke")

    monkeypatch.setattr(photo, "steps_of", called)
    desk.state.set_model(DIGITS)
    before = len(desk.inputs)
    desk.draw()
    assert len(desk.inputs) > before + 10
    assert all(one.photo is not None and one.photo.shape == (280, 280) for one in desk.inputs[before:])


def test_switching_networks_changes_what_is_shown_and_not_the_input(desk: Desk) -> None:
    desk.state.set_model(DIGITS)
    desk.open(CAT)
    current = desk.last
    assert "28 × 28" in desk.words
    assert desk.view.inverting.isVisible()
    desk.state.set_model(PHOTOS)
    assert "266 × 400 pixels, resized to 256 × 384; the network sees the middle, 224 × 224" in desk.words
    assert not desk.view.inverting.isVisible()
    assert not desk.view.centring.isVisible()
    assert desk.view.preview.photo.isVisible()
    assert not desk.view.preview.digit.isVisible()
    desk.state.set_model(DIGITS)
    assert "28 × 28" in desk.words
    assert desk.view.inverting.isVisible()
    assert desk.view.centring.isVisible()
    assert desk.view.preview.digit.isVisible()
    assert desk.last is current  # the network that was loaded has already answered for it


def test_the_preview_shows_what_the_network_gets(desk: Desk) -> None:
    desk.state.set_model(PHOTOS)
    desk.open(CAT)
    spec = registry.get("resnet18").input
    seen = photo.middle_of(desk.photo, (224, 224), spec.resize)
    strip = desk.view.preview.photo
    shown = strip._images[2]
    levels = np.frombuffer(shown.constBits(), np.uint8).reshape(224, 224, 4)[..., 2::-1]  # blue comes first
    assert np.array_equal(levels, seen)
    means = [(seen[..., c].mean() / 255 - spec.mean[c]) / spec.std[c] for c in range(3)]
    assert desk.words.endswith(f"{means[0]:.3f}, {means[1]:.3f}, {means[2]:.3f}.")


def test_undo_brings_back_the_photograph_and_the_drawing(desk: Desk) -> None:
    desk.state.set_model(PHOTOS)
    desk.draw()
    drawn = desk.photo
    assert desk.words.startswith("drawn")
    desk.open(CAT)
    cat = desk.photo
    desk.view.clear()
    assert desk.last.blank
    assert not desk.photo.any()
    desk.view.acts.undo.trigger()
    assert desk.photo is cat
    desk.state.set_model(DIGITS)
    desk.view.acts.undo.trigger()
    assert np.array_equal(desk.photo, drawn)
    desk.state.set_model(PHOTOS)
    assert desk.words.startswith("drawn")
    desk.view.acts.redo.trigger()
    assert desk.photo is cat
    assert desk.words.startswith("picture")


def test_a_photograph_without_ink_is_blank_for_digits_only(desk: Desk, plain: Path) -> None:
    desk.state.set_model(DIGITS)
    desk.open(plain)
    assert desk.last.blank
    assert "No ink found in sky.png" in desk.view.parts.named.words.text()
    assert sum("No ink" in message.sentence for message in desk.posted) == 1
    first = desk.last.generation
    desk.state.set_model(PHOTOS)
    assert not desk.last.blank
    assert desk.last.generation == first + 1
    assert desk.view.parts.named.words.text() == "sky.png"
    assert desk.view.acts.clear.isEnabled()
    desk.state.set_model(DIGITS)
    assert desk.last.blank
    desk.state.set_model(PHOTOS)
    desk.view.clear()
    assert desk.last.blank
    assert desk.view.parts.named.words.text() == "Nothing drawn yet"
    assert not desk.view.acts.clear.isEnabled()
    desk.open(plain)
    assert sum("No ink" in message.sentence for message in desk.posted) == 1  # to this network it does not matter


def test_the_steps_are_shown_large_and_the_numbers_in_the_inspector(desk: Desk) -> None:
    entered: list[bool] = []
    desk.state.enter_requested.connect(lambda: entered.append(True))
    desk.state.set_model(DIGITS)
    desk.view.preview.digit.opened.emit()
    digit = desk.view.preview.digit_dialog
    assert digit is not None
    assert digit.isVisible()
    desk.state.set_model(PHOTOS)
    assert not digit.isVisible()
    QTest.keyClick(desk.view.preview.photo, Qt.Key.Key_Return)
    large = desk.view.preview.photo_dialog
    assert large is not None
    assert large.isVisible()
    desk.open(CAT)  # it follows
    assert large.strip.accessibleDescription() == desk.words
    assert not entered
    large.numbers.click()
    assert entered == [True]
    assert desk.state.selection == Place("input")
    assert not large.isVisible()
    large.show()
    desk.state.set_model(DIGITS)
    assert not large.isVisible()


def test_an_empty_board_says_what_it_is_for(desk: Desk) -> None:
    for model, words in ((DIGITS, "Draw a digit here"), (PHOTOS, "Draw, or drop a photograph here")):
        desk.state.set_model(model)
        assert desk.view.board._hint == words


def test_the_samples_that_come_forward_are_those_the_network_takes(desk: Desk) -> None:
    desk.view.pages.setCurrentIndex(1)
    samples = desk.view.samples
    desk.state.set_model(PHOTOS)
    assert samples.photos.isVisible()
    assert not samples.grid.isVisible()
    samples.kinds.setCurrentIndex(0)  # a digit may be given to it all the same
    samples.grid.choose(3)
    assert desk.last.label is not None
    desk.state.set_model(DIGITS)
    assert samples.grid.isVisible()


# -- the next start ---------------------------------------------------------------------------------------------------


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def start(qtbot: QtBot, data_dir: Path) -> Iterator[Callable[[], Desk]]:
    """Return a function that ends the session before, and begins another one."""
    settings = Settings(data_dir / "cnnviz.ini")
    made: list[Desk] = []

    def begin() -> Desk:
        if made:
            made[-1].view.remember(settings)
            made[-1].view.hide()
        made.append(Desk(qtbot))
        made[-1].view.recall(settings)
        return made[-1]

    yield begin
    for one in made:
        one.loader.stop()


def test_a_photograph_comes_back_when_a_network_wants_it(
    start: Callable[[], Desk], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data_dir / "two  spaces, ä and 100 %.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)).save(path)
    first = start()
    first.open(path)
    pixels, ink = first.photo, first.view.content.ink_hw
    wishes: list[object] = []
    second = start()
    second.state.open_requested.connect(wishes.append)
    assert np.array_equal(second.view.content.ink_hw, ink)
    second.state.set_model(DIGITS)
    assert wishes == []  # its ink is all that a network for digits needs
    second.state.set_model(PHOTOS)
    assert wishes == [str(path)]
    second.qtbot.waitUntil(lambda: np.array_equal(second.photo, pixels))
    assert second.last.title == path.name
    assert np.array_equal(second.view.content.ink_hw, ink)
    assert not second.view.acts.undo.isEnabled()
    assert second.view.receiver.recent.files == (str(path),)
    assert second.posted == []
    second.state.set_model(DIGITS)
    second.state.set_model(PHOTOS)
    assert len(wishes) == 1
    third, fourth = start(), start()  # one that was never read again is remembered too
    assert third.view.content.path == fourth.view.content.path == str(path)
    assert not (data_dir / LAST_PICTURE).exists()


def test_a_pasted_photograph_comes_back_with_every_number(start: Callable[[], Desk], data_dir: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    first = start()
    with first.qtbot.waitSignal(first.state.picture_opened):
        first.state.open_requested.emit(PictureData(pixels, "Pasted picture"))
    start()  # for digits all the time
    third = start()
    third.state.set_model(PHOTOS)
    third.qtbot.waitUntil(lambda: np.array_equal(third.photo, pixels))
    assert third.last.title == "Pasted picture"
    assert third.view.receiver.recent.files == ()
    fourth = start()
    fourth.view.clear()
    fifth = start()
    assert fifth.last.blank
    assert not (data_dir / LAST_PICTURE).exists()


@pytest.mark.parametrize("kind", ["file", "pasted", "broken"])
def test_a_photograph_that_is_gone_is_one_sentence(kind: str, start: Callable[[], Desk], data_dir: Path) -> None:
    path = data_dir / "gone.png"
    Image.new("RGB", (60, 40), (90, 140, 220)).save(path)
    first = start()
    with first.qtbot.waitSignal(first.state.picture_opened):
        wish = str(path) if kind == "file" else PictureData(path.read_bytes(), "gone.png")
        first.state.open_requested.emit(wish)
    second = start()
    path.unlink()
    if kind == "pasted":
        (data_dir / LAST_PICTURE).unlink()
    elif kind == "broken":
        (data_dir / LAST_PICTURE).write_bytes(b"numbers")
    second.state.set_model(PHOTOS)
    second.state.set_model(DIGITS)
    second.state.set_model(PHOTOS)
    assert [message.level for message in second.posted] == ["notice"]
    assert "'gone.png' of the last session is no longer there" in second.posted[0].sentence


def test_what_is_drawn_meanwhile_is_not_overwritten(start: Callable[[], Desk]) -> None:
    first = start()
    first.open(CAT)
    second = start()
    second.draw()
    drawn = second.photo
    wishes: list[object] = []
    second.state.open_requested.connect(wishes.append)
    second.state.set_model(PHOTOS)
    assert wishes == []
    third = start()
    third.view.undo()
    assert np.array_equal(third.photo, drawn)
    fourth = start()
    fourth.open(CAT)
    fifth = start()
    fifth.state.set_model(PHOTOS)
    fifth.draw()  # while it is being read
    with fifth.qtbot.waitSignal(fifth.state.picture_opened):
        pass
    assert fifth.last.title == "Drawing"


def test_a_disk_that_is_full_loses_no_older_picture(
    start: Callable[[], Desk], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start()
    with first.qtbot.waitSignal(first.state.picture_opened):
        first.state.open_requested.emit(PictureData(np.full((8, 9, 3), 70, np.uint8), "Pasted picture"))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    first.view._keeper.write_now()
    problems = [message.sentence for message in first.posted if message.level == "problem"]
    assert len(problems) == 1
    assert "disk is full" in problems[0]
    assert not (data_dir / LAST_PICTURE).exists()


# -- pinning ----------------------------------------------------------------------------------------------------------


def test_a_picture_is_pinned_and_let_go(desk: Desk) -> None:
    desk.state.set_model(DIGITS)
    desk.draw()
    desk.state.set_inspection(sample_inspection(DIGITS, generation=desk.last.generation))
    assert not desk.view.acts.unpin.isEnabled()
    desk.view.acts.pin.trigger()
    assert desk.state.pinned is not None
    assert desk.state.pinned.input is desk.last
    assert desk.view.acts.unpin.isEnabled()
    assert "is A now" in desk.posted[-1].sentence
    desk.view.acts.unpin.trigger()
    assert desk.state.pinned is None
    assert len(desk.posted) == 1
    desk.view.acts.pin.trigger()
    desk.state.set_model(PHOTOS)
    assert desk.state.pinned is None
    assert "belonged to the other network" in desk.posted[-1].sentence


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A picture that is reduced for the board."""
    path = tmp_path / "large.png"
    small = np.random.default_rng(3).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(small).resize((1800, 1200)).save(path, compress_level=1)
    return path


def test_a_network_for_photographs_gets_a_large_picture_whole(desk: Desk, large: Path) -> None:
    desk.state.set_model(PHOTOS)
    desk.open(large)
    assert desk.photo.shape == (1200, 1800, 3)
    assert not desk.view.preview.is_exact  # the network's thread resizes it, not the window's
    assert "1200 × 1800 pixels, resized to 256 × 384" in desk.words
    spec = registry.get("resnet18").input
    steps = photo.steps_of(desk.photo, (spec.height, spec.width), spec.resize, spec.interpolation)
    desk.state.set_inspection(sample_inspection(PHOTOS, 0, generation=desk.last.generation))
    assert desk.view.preview.is_exact
    assert desk.view.preview.photo._steps is steps


def test_the_history_keeps_no_large_picture_and_undo_reads_it_again(desk: Desk, large: Path) -> None:
    desk.state.set_model(PHOTOS)
    desk.open(large)
    whole = desk.photo.copy()
    desk.draw()
    steps = [desk.view._undo.command(n) for n in range(desk.view._undo.count())]
    held = [c.picture for step in steps if isinstance(step, Change) for c in (step.before, step.after) if c.picture]
    assert held
    assert all(picture.large_hwc is None for picture in held)
    desk.view.undo()
    assert desk.last.title == "large.png"
    desk.qtbot.waitUntil(lambda: np.array_equal(desk.photo, whole))
    desk.view.redo()
    assert desk.last.title == "Drawing"


def test_undo_says_where_a_large_picture_is_gone(desk: Desk, large: Path) -> None:
    desk.state.set_model(PHOTOS)
    desk.open(large)
    desk.draw()
    large.unlink()
    desk.view.undo()
    assert desk.photo.shape == (683, 1024, 3)
    assert "a smaller copy" in desk.posted[-1].sentence
