"""A network for photographs beside the board: colours to the one, the digit to the other, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.core import photo
from cnnviz.core.digit import prepare_digit
from cnnviz.core.graph import Graph
from cnnviz.core.image import load_picture
from cnnviz.core.inspection import LoadedModel, ModelRequest, PixelArray
from cnnviz.core.paths import resources_dir
from cnnviz.state.app_state import AppState, InputState, Place
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.views.input.widget import InputView
from cnnviz.workers.loading import PictureLoader
from tests.samples import sample_model

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
        return self.view.preview.accessibleDescription()

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

    monkeypatch.setattr(photo, "middle_of", called)
    monkeypatch.setattr(photo, "middle_box", called)
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
    assert "224 × 224, in colours: the middle of 266 × 400 pixels" in desk.words
    assert not desk.view.inverting.isVisible()
    assert not desk.view.centring.isEnabled()
    assert "middle" in desk.view.preview.toolTip()
    desk.state.set_model(DIGITS)
    assert "28 × 28" in desk.words
    assert desk.view.inverting.isVisible()
    assert desk.view.centring.isEnabled()
    assert desk.last is current  # the network that was loaded has already answered for it


def test_the_preview_shows_what_the_network_gets(desk: Desk) -> None:
    desk.state.set_model(PHOTOS)
    desk.open(CAT)
    seen = photo.middle_of(desk.photo, 224)
    shown = desk.view.preview._after
    levels = np.frombuffer(shown.constBits(), np.uint8).reshape(224, 224, 4)[..., 2::-1]  # blue comes first
    assert np.array_equal(levels, seen)
    means = seen.mean((0, 1)) / 255
    assert desk.words.endswith(f"{means[0]:.3f}, {means[1]:.3f}, {means[2]:.3f}.")


def test_undo_brings_back_the_photograph_and_the_drawing(desk: Desk) -> None:
    desk.state.set_model(PHOTOS)
    desk.draw()
    drawn = desk.photo
    assert "drawn" in desk.words
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
    assert "drawn" in desk.words
    desk.view.acts.redo.trigger()
    assert desk.photo is cat
    assert "in colours" in desk.words


def test_a_photograph_without_ink_is_blank_for_digits_only(desk: Desk, plain: Path) -> None:
    desk.state.set_model(DIGITS)
    desk.open(plain)
    assert desk.last.blank
    assert "No ink found in sky.png" in desk.view._source.text()
    assert sum("No ink" in message.sentence for message in desk.posted) == 1
    first = desk.last.generation
    desk.state.set_model(PHOTOS)
    assert not desk.last.blank
    assert desk.last.generation == first + 1
    assert desk.view._source.text() == "sky.png"
    assert desk.view.acts.clear.isEnabled()
    desk.state.set_model(DIGITS)
    assert desk.last.blank
    desk.state.set_model(PHOTOS)
    desk.view.clear()
    assert desk.last.blank
    assert desk.view._source.text() == "Nothing drawn yet"
    assert not desk.view.acts.clear.isEnabled()
    desk.open(plain)
    assert sum("No ink" in message.sentence for message in desk.posted) == 1  # to this network it does not matter


def test_the_numbers_of_a_photograph_are_in_the_inspector(desk: Desk) -> None:
    entered: list[bool] = []
    desk.state.enter_requested.connect(lambda: entered.append(True))
    desk.state.set_model(DIGITS)
    desk.view.preview.opened.emit()
    assert desk.view._numbers is not None
    assert desk.view._numbers.isVisible()
    assert not entered
    desk.state.set_model(PHOTOS)
    assert not desk.view._numbers.isVisible()
    desk.view.preview.opened.emit()
    assert entered == [True]
    assert desk.state.selection == Place("input")
    assert not desk.view._numbers.isVisible()
