"""The input view: what happens on the board reaches the state, exactly, and everything can be undone."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PIL import Image
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from cnnviz.core import paths
from cnnviz.core.digit import prepare_digit
from cnnviz.core.graph import Graph
from cnnviz.core.image import fit_board, load_picture, to_ink
from cnnviz.datasets.starter import load_starter
from cnnviz.state.app_state import AppState, InputState, PictureData
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.input import compute
from cnnviz.views.input.keeping import LAST_BOARD
from cnnviz.views.input.widget import InputView
from cnnviz.widgets.board import SIDE
from cnnviz.workers.loading import PictureLoader
from tests.samples import sample_model

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SEVEN = [(0.3, 0.25), (0.5, 0.22), (0.7, 0.25), (0.6, 0.5), (0.45, 0.8)]


class Desk:
    """A view with its state, and what reached state and messages."""

    def __init__(self, qtbot: QtBot) -> None:
        self.state, self.messages = AppState(), MessageCenter()
        self.inputs: list[InputState] = []
        self.posted: list[Message] = []
        self.state.input_changed.connect(self.inputs.append)
        self.messages.posted.connect(self.posted.append)
        self.messages.open()
        self.loader: PictureLoader | None = None
        self.view = self.make(qtbot)
        self.board = self.view.board

    def make(self, qtbot: QtBot) -> InputView:
        view = InputView(self.state, self.messages)
        qtbot.addWidget(view)
        view.resize(312, 780)
        view.show()
        return view

    @property
    def last(self) -> InputState:
        assert self.state.input is not None
        return self.state.input

    def place(self, x: float, y: float) -> QPoint:
        side = min(self.board.width(), self.board.height())
        left, top = (self.board.width() - side) // 2, (self.board.height() - side) // 2
        return QPoint(left + round(x * side), top + round(y * side))

    def draw(self, points: list[tuple[float, float]], button: Qt.MouseButton = LEFT) -> None:
        QTest.mousePress(self.board, button, NONE, self.place(*points[0]))
        for point in points[1:]:
            QTest.mouseMove(self.board, self.place(*point))
        QTest.mouseRelease(self.board, button, NONE, self.place(*points[-1]))


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


@pytest.fixture
def loading(desk: Desk) -> object:
    desk.loader = PictureLoader(desk.state, desk.messages)
    yield desk.loader
    desk.loader.stop()


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def digit_file(tmp_path: Path) -> Path:
    path = tmp_path / "seven.png"
    pixels = np.full((60, 40), 255, np.uint8)
    pixels[10:16, 8:32] = 0
    pixels[10:50, 24:30] = 0
    Image.fromarray(pixels).save(path)
    return path


def same(view: InputView, ink: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
    return np.array_equal(view.board.ink, ink) and np.array_equal(view.content.ink_hw, ink)


# -- strokes ----------------------------------------------------------------------------------------------------------


def test_each_pen_event_reaches_the_state_at_once_and_prepared(desk: Desk) -> None:
    QTest.mousePress(desk.board, LEFT, NONE, desk.place(*SEVEN[0]))
    for count, point in enumerate(SEVEN[1:], start=1):
        assert len(desk.inputs) == count
        QTest.mouseMove(desk.board, desk.place(*point))
        ink = desk.board.ink.astype(np.float32) / np.float32(255)
        assert np.array_equal(desk.last.image_hw, prepare_digit(ink).image_hw)
        assert not desk.last.blank
    QTest.mouseRelease(desk.board, LEFT, NONE, desk.place(*SEVEN[-1]))
    assert desk.last.title == "Drawing"
    assert desk.last.label is None
    assert desk.last.image_hw.dtype == np.float32
    assert desk.last.image_hw.shape == (28, 28)


def test_undo_and_redo_are_exact(desk: Desk) -> None:
    states = [desk.board.ink]
    for shift in (0.0, 0.1, 0.2):
        desk.draw([(x * 0.8 + shift, y) for x, y in SEVEN])
        states.append(desk.board.ink)
    prepared = desk.last.image_hw.copy()
    for expected in reversed(states[:-1]):
        desk.view.acts.undo.trigger()
        assert same(desk.view, expected)
    assert desk.last.blank
    assert not desk.view.acts.undo.isEnabled()
    for expected in states[1:]:
        desk.view.acts.redo.trigger()
        assert same(desk.view, expected)
    assert np.array_equal(desk.last.image_hw, prepared)


def test_the_keys_undo_redo_and_clear(desk: Desk, qtbot: QtBot) -> None:
    desk.view.activateWindow()
    desk.board.setFocus()
    qtbot.waitUntil(desk.board.hasFocus)
    desk.draw(SEVEN)
    drawn = desk.board.ink
    ctrl, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(desk.board, Qt.Key.Key_Z, ctrl)
    assert desk.last.blank
    QTest.keyClick(desk.board, Qt.Key.Key_Z, ctrl | shift)
    assert same(desk.view, drawn)
    QTest.keyClick(desk.board, Qt.Key.Key_Delete)
    assert desk.last.blank
    assert not desk.board.ink.any()
    QTest.keyClick(desk.board, Qt.Key.Key_Z, ctrl)
    assert same(desk.view, drawn)
    QTest.keyClick(desk.board, Qt.Key.Key_E)
    assert desk.board.erasing
    QTest.keyClick(desk.board, Qt.Key.Key_E)
    assert not desk.board.erasing


def test_erasing_is_a_step_of_its_own(desk: Desk) -> None:
    desk.draw(SEVEN)
    drawn = desk.board.ink
    desk.draw([(0.3, 0.25), (0.4, 0.25)], Qt.MouseButton.RightButton)
    erased = desk.board.ink
    assert int(erased.sum()) < int(drawn.sum())
    desk.view.acts.undo.trigger()
    assert same(desk.view, drawn)
    desk.view.acts.redo.trigger()
    assert same(desk.view, erased)


def test_undo_in_the_middle_of_a_stroke_leaves_a_sound_history(desk: Desk) -> None:
    desk.draw(SEVEN)
    first = desk.board.ink
    QTest.mousePress(desk.board, LEFT, NONE, desk.place(0.2, 0.9))
    QTest.mouseMove(desk.board, desk.place(0.5, 0.9))
    both = desk.board.ink
    desk.view.acts.undo.trigger()  # takes back what is being drawn, and nothing else
    assert same(desk.view, first)
    QTest.mouseRelease(desk.board, LEFT, NONE, desk.place(0.8, 0.9))
    assert same(desk.view, first)
    desk.view.acts.redo.trigger()
    assert same(desk.view, both)
    desk.view.acts.undo.trigger()
    desk.view.acts.undo.trigger()
    assert not desk.board.ink.any()


def test_the_preview_is_what_a_larger_network_is_given(desk: Desk) -> None:
    desk.draw(SEVEN)
    assert "28 × 28" in desk.view.preview.digit.accessibleDescription()
    model = sample_model()
    wide = replace(model.graph.nodes[0], output_shape=(1, 32, 32))
    desk.state.set_model(replace(model, graph=Graph("wide", (wide, *model.graph.nodes[1:]))))
    assert "32 × 32" in desk.view.preview.digit.accessibleDescription()
    seen = compute.as_seen(desk.last.image_hw, (32, 32))
    assert np.array_equal(seen[2:30, 2:30], desk.last.image_hw)
    assert seen.sum() == desk.last.image_hw.sum()
    desk.view.preview.digit.opened.emit()
    assert desk.view.preview.digit_dialog is not None
    assert "32 × 32" in desk.view.preview.digit_dialog.windowTitle()
    desk.view.preview.digit_dialog.close()


def test_clearing_an_empty_board_is_no_step(desk: Desk) -> None:
    assert not desk.view.acts.clear.isEnabled()
    desk.view.clear()
    assert not desk.view.acts.undo.isEnabled()


def test_pen_width_and_centring(desk: Desk) -> None:
    desk.view.drawing.width_slider.setValue(40)
    assert desk.board.pen_width == 40
    desk.draw([(0.2, 0.2), (0.3, 0.3)])
    centred = desk.last.image_hw.copy()
    desk.view.centring.setChecked(False)
    ink = desk.board.ink.astype(np.float32) / np.float32(255)
    assert np.array_equal(desk.last.image_hw, prepare_digit(ink, centre=False).image_hw)
    assert not np.array_equal(desk.last.image_hw, centred)
    desk.view.centring.setChecked(True)
    assert np.array_equal(desk.last.image_hw, centred)


# -- samples ----------------------------------------------------------------------------------------------------------


def test_a_starter_digit_arrives_unchanged_with_its_label(desk: Desk) -> None:
    desk.view.pages.setCurrentIndex(1)
    digits = load_starter()
    for number in (0, 1234, 4999):
        desk.view.samples.grid.chosen.emit(number)
        assert np.array_equal(desk.last.image_hw, digits.images_nhw[number].astype(np.float32) / np.float32(255))
        assert desk.last.label == str(digits.labels_n[number])
        assert not desk.last.blank


def test_walking_through_samples_is_one_step(desk: Desk) -> None:
    desk.draw(SEVEN)
    drawn = desk.board.ink
    desk.view.pages.setCurrentIndex(1)
    grid = desk.view.samples.grid
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTest.keyClick(grid, key)
    assert desk.last.label is not None
    desk.view.acts.undo.trigger()
    assert same(desk.view, drawn)
    assert desk.last.label is None


def test_drawing_over_a_sample_makes_it_a_drawing_and_undo_a_sample_again(desk: Desk) -> None:
    desk.view.pages.setCurrentIndex(1)
    desk.view.samples.grid.choose(3)
    sample = desk.last
    desk.view.pages.setCurrentIndex(0)
    desk.draw([(0.1, 0.1), (0.2, 0.1)])
    assert desk.last.label is None
    assert desk.last.title == "Drawing"
    desk.view.acts.undo.trigger()
    assert desk.last.label == sample.label
    assert desk.last.title == sample.title
    assert np.array_equal(desk.last.image_hw, sample.image_hw)


def test_the_class_filter_shows_only_that_class(desk: Desk) -> None:
    desk.view.pages.setCurrentIndex(1)
    samples = desk.view.samples
    samples.classes.setCurrentIndex(8)  # the sevens
    for position in range(20):
        samples.grid.choose(position)
        assert desk.last.label == "7"


def test_a_photograph_is_asked_for(desk: Desk) -> None:
    desk.view.pages.setCurrentIndex(1)
    asked: list[object] = []
    desk.state.open_requested.connect(asked.append)
    samples = desk.view.samples
    assert samples.photos.count() == 5
    samples.photos.setCurrentRow(2)
    assert samples.credit.text() == samples.photos.item(2).toolTip()
    QTest.keyClick(samples.photos, Qt.Key.Key_Return)
    assert len(asked) == 1
    assert Path(str(asked[0])).is_file()


# -- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("loading")
def test_an_opened_picture_is_prepared_as_the_command_line_does(desk: Desk, qtbot: QtBot, digit_file: Path) -> None:
    desk.draw(SEVEN)
    drawn = desk.board.ink
    desk.state.open_requested.emit(str(digit_file))
    assert desk.view.parts.opening.isVisible()
    assert "seven.png" in desk.view.parts.opening.words.text()
    qtbot.waitUntil(lambda: desk.last.title == "seven.png")
    assert not desk.view.parts.opening.isVisible()
    board = fit_board(to_ink(load_picture(digit_file)).ink_hw)
    assert np.allclose(desk.last.image_hw, prepare_digit(board).image_hw, atol=1 / 255)
    assert desk.view.inverting.isVisible()
    desk.view.acts.undo.trigger()
    assert same(desk.view, drawn)
    assert not desk.view.inverting.isVisible()


@pytest.mark.usefixtures("loading")
def test_which_is_the_ink_can_be_chosen_and_undone(desk: Desk, qtbot: QtBot, digit_file: Path) -> None:
    desk.state.open_requested.emit(str(digit_file))
    qtbot.waitUntil(lambda: desk.last.title == "seven.png")
    dark = desk.board.ink
    desk.view.inverting.setFocus()
    QTest.keyClick(desk.view.inverting, Qt.Key.Key_End)  # light ink
    assert desk.view.inverting.currentData() == "no"
    desk.view.inverting.activated.emit(desk.view.inverting.currentIndex())
    assert not np.array_equal(desk.board.ink, dark)
    while desk.view.content.invert != "auto":
        desk.view.acts.undo.trigger()
    assert same(desk.view, dark)
    assert desk.view.inverting.currentData() == "auto"


@pytest.mark.usefixtures("loading")
def test_a_bad_file_is_one_message_and_the_board_stays(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    desk.draw(SEVEN)
    drawn, generation = desk.board.ink, desk.last.generation
    path = tmp_path / "letter.png"
    path.write_text("Dear Sir or Madam")
    desk.state.open_requested.emit(str(path))
    qtbot.waitUntil(lambda: bool(desk.posted))
    assert len(desk.posted) == 1
    assert "letter.png" in desk.posted[0].sentence
    assert same(desk.view, drawn)
    assert desk.last.generation == generation
    assert not desk.view.parts.opening.isVisible()


@pytest.mark.usefixtures("loading")
def test_a_picture_without_ink_says_so(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "even.png"
    Image.new("L", (50, 50), 130).save(path)
    desk.state.open_requested.emit(str(path))
    qtbot.waitUntil(lambda: bool(desk.posted))
    assert desk.last.blank
    assert desk.view.parts.named.words.text() == "No ink found in even.png"
    assert [message.level for message in desk.posted] == ["notice"]
    assert desk.view.inverting.isVisible()


def test_a_long_name_does_not_widen_the_view(desk: Desk) -> None:
    desk.state.opening_changed.emit("a very long name of a photograph of the holidays by the sea.jpg")
    desk.view.show_content(compute.BoardContent(desk.board.ink, "long " * 60))
    assert desk.view.minimumSizeHint().width() <= 296
    desk.state.opening_changed.emit("")


def test_cancel_asks_to_forget_the_picture(desk: Desk, qtbot: QtBot) -> None:
    desk.state.opening_changed.emit("huge.tif")
    assert desk.view.parts.opening.cancel.isVisible()
    with qtbot.waitSignal(desk.state.cancel_requested):
        QTest.mouseClick(desk.view.parts.opening.cancel, LEFT)


def test_open_asks_for_a_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    desk.state.open_requested.connect(asked.append)
    for answer in ("", "/a/picture.png"):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, answer=answer: (answer, ""))
        desk.view.acts.open.trigger()
    assert asked == ["/a/picture.png"]


@pytest.mark.usefixtures("loading")
def test_a_picture_is_pasted(desk: Desk, qtbot: QtBot) -> None:
    image = QImage(30, 30, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    for y in range(5, 25):
        for x in range(13, 17):
            image.setPixelColor(x, y, Qt.GlobalColor.black)
    QGuiApplication.clipboard().setImage(image)
    desk.view.acts.paste.trigger()
    qtbot.waitUntil(lambda: desk.last.title == "Pasted picture")
    assert desk.board.ink[SIDE // 2, SIDE // 2] == 255
    assert desk.board.ink[5, 5] == 0
    assert desk.posted == []


def test_pasting_without_a_picture_is_a_notice(desk: Desk) -> None:
    QGuiApplication.clipboard().setText("seven")
    desk.view.receiver.paste()
    assert [message.level for message in desk.posted] == ["notice"]
    assert desk.inputs == []


def drop(view: InputView, mime: QMimeData) -> bool:
    enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, mime, LEFT, NONE)
    QCoreApplication.sendEvent(view, enter)
    if not enter.isAccepted():
        return False
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, LEFT, NONE)
    QCoreApplication.sendEvent(view, event)
    return event.isAccepted()


@pytest.mark.usefixtures("loading")
def test_a_file_is_dropped(desk: Desk, qtbot: QtBot, digit_file: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(digit_file)), QUrl.fromLocalFile("/another.png")])
    assert drop(desk.view, mime)
    qtbot.waitUntil(lambda: bool(desk.inputs) and desk.last.title == "seven.png")
    assert [message.sentence for message in desk.posted] == ["The first of 2 files is opened."]


@pytest.mark.usefixtures("loading")
def test_a_wrong_file_that_is_dropped_is_a_message(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a picture")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    assert drop(desk.view, mime)
    qtbot.waitUntil(lambda: bool(desk.posted))
    assert "notes.txt" in desk.posted[0].sentence
    assert desk.inputs == []


def test_encoded_bytes_are_passed_on_and_a_bare_image_as_its_pixels(desk: Desk, digit_file: Path) -> None:
    asked: list[PictureData] = []
    desk.state.open_requested.connect(asked.append)
    mime = QMimeData()
    mime.setImageData(QImage(str(digit_file)))
    assert drop(desk.view, mime)
    mime.setData("image/png", digit_file.read_bytes())
    assert drop(desk.view, mime)
    assert isinstance(asked[0].data, np.ndarray)
    assert np.array_equal(asked[0].data, np.asarray(Image.open(digit_file).convert("RGBA")))
    assert asked[1].data == digit_file.read_bytes()


def test_text_and_web_addresses_are_not_taken(desk: Desk) -> None:
    mime = QMimeData()
    mime.setText("seven")
    assert not drop(desk.view, mime)
    mime.setUrls([QUrl("https://example.org/seven.png")])
    assert not drop(desk.view, mime)


# -- remembering ------------------------------------------------------------------------------------------------------


def test_the_board_comes_back_at_the_next_start(desk: Desk, qtbot: QtBot, data_dir: Path, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "cnnviz.ini")
    desk.draw(SEVEN)
    desk.view.drawing.width_slider.setValue(30)
    desk.view.centring.setChecked(False)
    desk.view.remember(settings)
    drawn, prepared = desk.board.ink, desk.last.image_hw
    other = Desk(qtbot)
    other.view.recall(settings)
    assert same(other.view, drawn)
    assert np.array_equal(other.last.image_hw, prepared)
    assert other.board.pen_width == 30
    assert not other.view.centring.isChecked()
    assert not other.view.acts.undo.isEnabled()


def test_a_sample_comes_back_as_a_sample(desk: Desk, qtbot: QtBot, data_dir: Path, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "cnnviz.ini")
    desk.view.pages.setCurrentIndex(1)
    desk.view.samples.grid.choose(5)
    desk.view.remember(settings)
    other = Desk(qtbot)
    other.view.recall(settings)
    assert np.array_equal(other.last.image_hw, desk.last.image_hw)
    assert (other.last.title, other.last.label) == (desk.last.title, desk.last.label)
    other.draw([(0.1, 0.1), (0.2, 0.1)])
    other.view.acts.undo.trigger()
    assert (other.last.title, other.last.label) == (desk.last.title, desk.last.label)


def test_the_board_is_kept_against_a_crash_but_never_during_a_stroke(
    desk: Desk, qtbot: QtBot, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.view._keeper.timer.setInterval(0)
    desk.draw(SEVEN)
    drawn = desk.board.ink
    qtbot.waitUntil((data_dir / LAST_BOARD).exists)
    other = Desk(qtbot)
    other.view.recall(Settings(data_dir / "cnnviz.ini"))  # no settings were written
    assert same(other.view, drawn)
    (data_dir / LAST_BOARD).unlink()
    QTest.mousePress(desk.board, LEFT, NONE, desk.place(0.5, 0.9))
    desk.view._keeper.on_timer_timeout()
    assert not (data_dir / LAST_BOARD).exists()
    QTest.mouseRelease(desk.board, LEFT, NONE, desk.place(0.5, 0.9))
    qtbot.waitUntil((data_dir / LAST_BOARD).exists)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for _ in range(3):
        desk.view._keeper.on_timer_timeout()
        assert desk.view._keeper._pool.waitForDone()
    qtbot.waitUntil(lambda: bool(desk.posted))
    QCoreApplication.processEvents()
    assert len(desk.posted) == 1


def test_a_slow_disk_does_not_stop_the_window(
    desk: Desk, qtbot: QtBot, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()
    fsync = os.fsync

    def slow(handle: int) -> None:
        entered.set()
        assert go_on.wait(30)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", slow)
    desk.draw(SEVEN)
    drawn = desk.board.ink
    desk.view._keeper.on_timer_timeout()
    assert entered.wait(30)  # in the thread; here one goes on drawing
    desk.draw([(0.1, 0.1), (0.2, 0.1)])
    desk.view._keeper.on_timer_timeout()  # it is still at work: later
    assert desk.view._keeper.timer.isActive()
    go_on.set()
    assert desk.view._keeper._pool.waitForDone()
    other = Desk(qtbot)
    other.view.recall(Settings(data_dir / "cnnviz.ini"))
    assert same(other.view, drawn)
    desk.view._keeper.write_now()
    other.view.recall(Settings(data_dir / "cnnviz.ini"))
    assert not same(other.view, drawn)


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"\x89PNG\r\n\x1a\n then nothing"])
def test_without_a_sound_file_the_board_is_blank(content: bytes | None, desk: Desk, data_dir: Path) -> None:
    if content is not None:
        (data_dir / LAST_BOARD).write_bytes(content)
    desk.view.recall(Settings(data_dir / "cnnviz.ini"))
    assert desk.last.blank
    assert [message.level for message in desk.posted] == ["notice"] * (content is not None)


def test_a_picture_of_another_size_is_not_taken_for_the_board(desk: Desk, data_dir: Path) -> None:
    Image.new("L", (100, 100), 255).save(data_dir / LAST_BOARD)
    desk.view.recall(Settings(data_dir / "cnnviz.ini"))
    assert desk.last.blank


def test_a_full_disk_is_a_message_and_the_older_board_survives(
    desk: Desk, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir / "cnnviz.ini")
    desk.view.remember(settings)
    older = (data_dir / LAST_BOARD).read_bytes()
    desk.draw(SEVEN)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    desk.view.remember(settings)
    assert [message.level for message in desk.posted] == ["problem"]
    assert "disk is full" in desk.posted[0].sentence
    assert (data_dir / LAST_BOARD).read_bytes() == older


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_the_numbers_follow_the_pen(desk: Desk, qtbot: QtBot) -> None:
    QTest.keyClick(desk.view.preview.digit, Qt.Key.Key_Return)
    dialog = desk.view.preview.digit_dialog
    assert dialog is not None
    assert dialog.isVisible()
    desk.draw(SEVEN)
    levels = np.floor(desk.last.image_hw * 255 + 0.5).astype(np.uint8)
    assert np.array_equal(dialog.grid._levels, levels)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_the_view_says_what_is_on_the_board(desk: Desk) -> None:
    assert desk.view.parts.named.words.text() == "Nothing drawn yet"
    desk.draw(SEVEN)
    assert desk.view.parts.named.words.text() == "Drawing"
    assert "centred" in desk.view.preview.digit.accessibleDescription()


def test_it_fits_a_small_window(desk: Desk) -> None:
    hint = desk.view.minimumSizeHint()
    assert hint.width() <= 296
    assert hint.height() <= 584  # 700 less the window's own bars


def test_menus_have_every_action_with_a_key(desk: Desk) -> None:
    actions = desk.view.menu_actions()
    assert {title for title, _ in actions} == {"&File", "&Edit"}
    own = [action for _, action in actions if action.menu() is None]
    assert len(own) == len(actions) - 1  # that of the recent pictures is a menu
    assert all(not action.shortcut().isEmpty() for action in own)
    assert all(action in desk.view.actions() for action in own)
