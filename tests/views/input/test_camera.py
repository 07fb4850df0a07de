"""Live pictures take the way of photographs; one is kept by Space; a page that is not seen lets go of the camera."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSize, Qt
from PySide6.QtGui import QFocusEvent, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import PixelArray
from cnnviz.state.app_state import AppState, InputState
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.input import qt_camera
from cnnviz.views.input.camera import CameraSource
from cnnviz.views.input.widget import InputView
from cnnviz.workers.loading import PictureLoader
from tests.samples import sample_model

CAMERA_PAGE = 2


class FakeCamera(CameraSource):
    """Takes the pictures that a test gives it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")


def frame(level: int, size: tuple[int, int] = (48, 64)) -> PixelArray:
    pixels = np.full((*size, 3), level, np.uint8)
    pixels[:, : size[1] // 2, 0] = 255 - level
    return pixels


class Desk:
    """A view with a fake camera, a loader, and what reached the state."""

    def __init__(self, qtbot: QtBot) -> None:
        self.state, self.messages = AppState(), MessageCenter()
        self.inputs: list[InputState] = []
        self.posted: list[Message] = []
        self.made: list[FakeCamera] = []
        self.state.input_changed.connect(self.inputs.append)
        self.messages.posted.connect(self.posted.append)
        self.messages.open()
        self.loader = PictureLoader(self.state, self.messages)
        self.view = InputView(self.state, self.messages, camera=self.make)
        qtbot.addWidget(self.view)
        self.view.resize(312, 780)
        self.view.show()
        self.page = self.view.camera
        self.qtbot = qtbot

    def make(self, parent: QObject) -> FakeCamera:
        self.made.append(FakeCamera(parent))
        return self.made[-1]

    @property
    def camera(self) -> FakeCamera:
        return self.made[0]

    @property
    def last(self) -> InputState:
        assert self.state.input is not None
        return self.state.input

    def look(self) -> None:
        self.view.pages.setCurrentIndex(CAMERA_PAGE)

    def take(self, pixels: PixelArray) -> None:
        with self.qtbot.waitSignal(self.state.picture_opened):
            self.camera.taken.emit(pixels)


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(qtbot)
    yield made
    made.view.hide()
    made.loader.stop()


def test_nothing_is_switched_on_before_the_page_is_looked_at(desk: Desk) -> None:
    assert desk.made == []
    desk.look()
    assert desk.camera.calls == ["start"]
    assert "Starting" in desk.page.words.text()


def test_a_live_picture_reaches_the_network_as_a_photograph_does(desk: Desk) -> None:
    desk.state.set_model(sample_model())
    desk.look()
    desk.take(frame(30))
    assert desk.last.photo is not None
    assert np.array_equal(desk.last.photo, frame(30))
    assert desk.last.title == "Camera"
    assert not desk.view.acts.undo.isEnabled()
    assert not desk.view.parts.opening.isVisible()
    assert "Live" in desk.page.words.text()
    before = desk.last.generation
    desk.take(frame(200))
    assert desk.last.generation > before
    assert np.array_equal(desk.view.content.ink_hw, desk.view.board.ink)
    assert desk.posted == []


def test_space_keeps_the_picture_as_one_step(desk: Desk) -> None:
    desk.look()
    for level in (30, 60, 90):
        desk.take(frame(level))
    QTest.keyClick(desk.page.finder, Qt.Key.Key_Space)
    assert desk.camera.calls == ["start", "stop"]
    assert desk.page.freeze_button.text() == "&Go on"
    assert np.array_equal(desk.last.photo, frame(90))
    count = len(desk.inputs)
    with desk.qtbot.assertNotEmitted(desk.state.open_requested):
        desk.camera.taken.emit(frame(7))  # one that was on its way
    assert len(desk.inputs) == count
    desk.view.acts.undo.trigger()
    assert desk.last.blank
    assert not desk.view.acts.undo.isEnabled()
    desk.view.acts.redo.trigger()
    assert np.array_equal(desk.last.photo, frame(90))
    QTest.keyClick(desk.page.freeze_button, Qt.Key.Key_Space)
    assert desk.camera.calls == ["start", "stop", "start"]
    assert len(desk.made) == 1


def test_a_picture_that_is_being_read_when_one_freezes_is_left_out(desk: Desk) -> None:
    desk.look()
    desk.take(frame(30))
    desk.camera.taken.emit(frame(60))
    desk.page.freeze()
    with desk.qtbot.waitSignal(desk.state.picture_opened):
        pass
    assert np.array_equal(desk.last.photo, frame(30))


def test_leaving_the_page_lets_go_of_the_camera_and_keeps_the_picture(desk: Desk) -> None:
    desk.look()
    desk.take(frame(30))
    desk.view.pages.setCurrentIndex(0)
    assert desk.camera.calls == ["start", "stop"]
    assert desk.view.acts.undo.isEnabled()
    assert np.array_equal(desk.last.photo, frame(30))
    desk.look()
    desk.view.hide()
    assert desk.camera.calls == ["start", "stop"] * 2


def test_another_picture_ends_the_stream(desk: Desk) -> None:
    desk.look()
    desk.take(frame(30))
    from cnnviz.views.input import compute

    path = compute.paths.resources_dir() / "photos" / "coffee.jpg"
    desk.state.open_requested.emit(str(path))
    assert desk.camera.calls == ["start", "stop"]
    desk.qtbot.waitUntil(lambda: desk.last.title == "coffee.jpg")
    desk.view.acts.undo.trigger()
    assert np.array_equal(desk.last.photo, frame(30))


def test_undo_while_it_is_live_takes_the_live_picture_back(desk: Desk) -> None:
    desk.look()
    desk.take(frame(30))
    desk.view.undo()
    assert desk.camera.calls == ["start", "stop"]
    assert desk.last.blank


def test_a_failure_is_said_on_the_page(desk: Desk) -> None:
    desk.look()
    desk.camera.failed.emit("The camera stopped: unplugged.")
    assert desk.page.words.text() == "The camera stopped: unplugged."
    assert desk.camera.calls == ["start", "stop"]
    QTest.mouseClick(desk.page.freeze_button, Qt.MouseButton.LeftButton)
    assert desk.camera.calls[-1] == "start"


def test_a_camera_that_stays_silent_is_given_up(desk: Desk) -> None:
    desk.page._silence.setInterval(0)
    desk.look()
    desk.qtbot.waitUntil(lambda: "sends no pictures" in desk.page.words.text())
    assert desk.camera.calls == ["start", "stop"]


def test_the_page_is_not_remembered(desk: Desk, tmp_path: object) -> None:
    settings = Settings(tmp_path / "a.ini")  # type: ignore[operator]
    desk.look()
    desk.view.remember(settings)
    assert settings.get("input/page", "") == "draw"
    settings.put("input/page", "camera")
    desk.view.pages.setCurrentIndex(0)
    desk.view.recall(settings)
    assert desk.view.pages.currentIndex() == 0


# -- whether there is a camera ----------------------------------------------------------------------------------------


@pytest.fixture
def bare_view(qtbot: QtBot) -> Iterator[Callable[[], InputView]]:
    """Return a function that makes a view that looks for the system's camera."""
    kept: list[InputView] = []  # qtbot holds weak references: a view that is collected in an event ends the process

    def make() -> InputView:
        kept.append(InputView(AppState(), MessageCenter()))
        qtbot.addWidget(kept[-1])
        return kept[-1]

    yield make
    kept.clear()


def test_without_the_package_the_page_says_how_to_get_it(
    bare_view: Callable[[], InputView], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qt_camera, "is_installed", lambda: False)
    view = bare_view()
    approach(view)
    assert not view.pages.isTabEnabled(CAMERA_PAGE)
    assert "pip install cnnviz[camera]" in view.pages.tabToolTip(CAMERA_PAGE)


class FakeMultimedia(ModuleType):
    """Stands for QtMultimedia: the parts of it that are used, by their documented names."""

    def __init__(self) -> None:
        super().__init__(qt_camera.MODULE)
        self.devices: list[FakeDevice] = []
        self.log: list[str] = []
        world = self

        class Signal:
            def __init__(self) -> None:
                self.slots: list[object] = []

            def connect(self, slot: object) -> None:
                self.slots.append(slot)

            def emit(self, *values: object) -> None:
                for slot in self.slots:
                    slot(*values)  # type: ignore[operator]

        class QMediaDevices:
            def __init__(self, parent: object) -> None:
                world.changed = self.videoInputsChanged = Signal()

            @staticmethod
            def videoInputs() -> list[FakeDevice]:
                return world.devices

            @staticmethod
            def defaultVideoInput() -> FakeDevice:
                return world.devices[0] if world.devices else FakeDevice(null=True)

        class Part(QObject):
            def __init__(self, *arguments: object) -> None:
                super().__init__()
                self.errorOccurred, self.videoFrameChanged = Signal(), Signal()
                world.parts[type(self).__name__] = self

            def setCameraFormat(self, chosen: FakeFormat) -> None:
                world.chosen = chosen

            def setCamera(self, camera: object) -> None:
                world.log.append("attach" if camera is not None else "detach")

            def setVideoSink(self, sink: object) -> None: ...

            def start(self) -> None:
                world.log.append("start")

            def stop(self) -> None:
                world.log.append("stop")

        self.parts: dict[str, Part] = {}
        self.chosen: FakeFormat | None = None
        self.QMediaDevices = QMediaDevices
        for name in ("QCamera", "QMediaCaptureSession", "QVideoSink"):
            setattr(self, name, type(name, (Part,), {}))


class FakeFormat:
    def __init__(self, width: int, height: int) -> None:
        self.size = QSize(width, height)

    def resolution(self) -> QSize:
        return self.size


class FakeDevice:
    def __init__(self, null: bool = False) -> None:
        self.null = null

    def isNull(self) -> bool:
        return self.null

    def videoFormats(self) -> list[FakeFormat]:
        return [FakeFormat(*size) for size in ((160, 120), (1920, 1080), (640, 480), (800, 600))]


class FakeFrame:
    def __init__(self, image: QImage) -> None:
        self.image = image

    def toImage(self) -> QImage:
        return self.image


@pytest.fixture
def multimedia(monkeypatch: pytest.MonkeyPatch) -> FakeMultimedia:
    made = FakeMultimedia()
    monkeypatch.setitem(sys.modules, qt_camera.MODULE, made)
    monkeypatch.setattr(qt_camera, "is_installed", lambda: True)
    return made


def approach(view: InputView) -> None:
    """Let the tabs hear that the keyboard has come to them."""
    QCoreApplication.sendEvent(view.pages.tabBar(), QFocusEvent(QEvent.Type.FocusIn))


def test_the_page_can_be_chosen_while_there_is_a_camera(
    bare_view: Callable[[], InputView], multimedia: FakeMultimedia
) -> None:
    view = bare_view()
    assert view.parts.camera_tab.finder is None  # nothing is imported before anybody comes near
    approach(view)
    assert view.pages.tabToolTip(CAMERA_PAGE) == qt_camera.NO_CAMERA
    assert not view.pages.isTabEnabled(CAMERA_PAGE)
    multimedia.devices.append(FakeDevice())
    multimedia.changed.emit()
    assert view.pages.isTabEnabled(CAMERA_PAGE)
    multimedia.devices.clear()
    multimedia.changed.emit()
    assert not view.pages.isTabEnabled(CAMERA_PAGE)


def test_a_press_on_the_tab_finds_out_first(bare_view: Callable[[], InputView], multimedia: FakeMultimedia) -> None:
    view = bare_view()
    view.show()
    bar = view.pages.tabBar()
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(CAMERA_PAGE).center())
    assert view.pages.currentIndex() == 0
    assert not view.pages.isTabEnabled(CAMERA_PAGE)
    assert multimedia.log == []


def test_a_library_that_cannot_be_loaded_is_said(
    bare_view: Callable[[], InputView], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, qt_camera.MODULE, None)  # importing it raises
    monkeypatch.setattr(qt_camera, "is_installed", lambda: True)
    view = bare_view()
    approach(view)
    assert "cannot be loaded" in view.pages.tabToolTip(CAMERA_PAGE)
    assert not view.pages.isTabEnabled(CAMERA_PAGE)


@pytest.mark.usefixtures("qapp")
def test_the_systems_camera_is_opened_read_and_let_go(
    multimedia: FakeMultimedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(qt_camera.time, "monotonic", lambda: now[0])
    camera, taken, failed = qt_camera.QtCamera(), [], []  # type: ignore[var-annotated]
    camera.taken.connect(taken.append)
    camera.failed.connect(failed.append)
    camera.stop()  # nothing was started
    camera.start()
    assert failed == [qt_camera.NO_CAMERA]
    multimedia.devices.append(FakeDevice())
    camera.start()
    assert multimedia.log == ["attach", "start"]
    assert multimedia.chosen is not None
    assert multimedia.chosen.size == QSize(640, 480)
    image = QImage(5, 3, QImage.Format.Format_RGB32)  # five pixels: Qt's rows are padded
    image.fill(0xFF102030)
    image.setPixel(4, 2, 0xFF405060)
    sink = multimedia.parts["QVideoSink"]
    sink.videoFrameChanged.emit(FakeFrame(QImage()))
    sink.videoFrameChanged.emit(FakeFrame(image))
    assert taken[0].shape == (3, 5, 3)
    assert taken[0][0, 0].tolist() == [0x10, 0x20, 0x30]
    assert taken[0][2, 4].tolist() == [0x40, 0x50, 0x60]
    now[0] += qt_camera.LEAST_GAP_S / 2
    sink.videoFrameChanged.emit(FakeFrame(image))
    assert len(taken) == 1  # too soon
    now[0] += qt_camera.LEAST_GAP_S
    sink.videoFrameChanged.emit(FakeFrame(image))
    assert len(taken) == 2
    multimedia.parts["QCamera"].errorOccurred.emit(1, "unplugged")
    assert failed[-1] == "The camera stopped: unplugged."
    camera.stop()
    assert multimedia.log[2:] == ["stop", "detach"]
    now[0] += 1
    sink.videoFrameChanged.emit(FakeFrame(image))
    multimedia.parts["QCamera"].errorOccurred.emit(1, "late")
    assert len(taken) == 2
    assert len(failed) == 2
