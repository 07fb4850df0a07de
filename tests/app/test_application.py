"""The whole application with its real threads and its real network: drawing, faults, closing, coming back."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QThread, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel
from pytestqt.qtbot import QtBot

from cnnviz.app import Application
from cnnviz.bench.probe import board_of
from cnnviz.core import paths
from cnnviz.core.inspection import ModelRequest
from cnnviz.datasets.starter import load_starter
from cnnviz.state.app_state import Place
from cnnviz.state.messages import Message
from cnnviz.state.settings import Settings
from cnnviz.workers.inference import InferenceRequest, InferenceResult, InferenceService

SLOW_MS = 60_000


class Running:
    """An application on the screen, and what it said."""

    def __init__(self, qtbot: QtBot, settings: Settings) -> None:
        self.qtbot = qtbot
        self.application = Application(settings)
        self.said: list[Message] = []
        self.application.messages.posted.connect(self.said.append)
        self.state, self.window = self.application.state, self.application.window
        self.application.start()
        self.window.resize(1440, 900)
        qtbot.waitUntil(lambda: self.state.inspection is not None, timeout=SLOW_MS)

    def answered(self) -> None:
        """Wait until the values belong to the picture."""
        self.qtbot.waitUntil(lambda: self.state.inspection is not None and not self.state.is_stale, timeout=SLOW_MS)

    def best(self) -> str:
        assert self.state.inspection is not None
        assert self.state.model is not None
        return self.state.model.labels[self.state.inspection.ranking()[0]]

    def draw(self, *points: tuple[float, float]) -> None:
        """Draw a stroke through points given as shares of the board."""
        board = board_of(self.window)
        side = min(board.width(), board.height())
        left, top = (board.width() - side) // 2, (board.height() - side) // 2
        at = [QPoint(left + round(x * side), top + round(y * side)) for x, y in points]
        QTest.mousePress(board, Qt.MouseButton.LeftButton, pos=at[0])
        for a, b in itertools.pairwise(at):
            for step in range(1, 11):
                QTest.mouseMove(board, a + (b - a) * step / 10)
        QTest.mouseRelease(board, Qt.MouseButton.LeftButton, pos=at[-1])

    def said_once(self, part: str) -> None:
        """Wait for one problem that names `part`, and forget it."""
        self.qtbot.waitUntil(lambda: any(m.level != "notice" for m in self.said), timeout=SLOW_MS)
        problems = [m for m in self.said if m.level != "notice"]
        assert len(problems) == 1, problems
        assert problems[0].level == "problem", problems[0].details
        assert part in problems[0].sentence
        assert "Traceback" not in problems[0].sentence
        self.said.clear()

    def close(self) -> None:
        self.window.close()
        self.window.deleteLater()
        self.application.deleteLater()


@pytest.fixture
def running() -> type[Running]:
    return Running


SEVEN = ((0.25, 0.2), (0.75, 0.2), (0.45, 0.85))
ONE = ((0.5, 0.15), (0.5, 0.85))


def test_a_digit_drawn_by_mouse_is_recognised_and_every_layer_follows(start: Callable[[], Running]) -> None:
    app = start()
    assert app.state.input is not None
    assert app.state.input.blank
    app.draw(*SEVEN)
    app.answered()
    assert app.best() == "7"
    assert "looks like 7" in app.window.windowTitle()
    first = app.state.inspection
    board_of(app.window)
    app.window.view("input").clear()  # type: ignore[attr-defined]
    assert app.state.input.blank
    app.draw(*ONE)
    app.answered()
    assert app.best() == "1"
    assert first is not None
    assert app.state.inspection is not None
    for name in first.values:
        assert not np.array_equal(first.values[name], app.state.inspection.values[name]), name
    assert not [m for m in app.said if m.level != "notice"]


def test_the_values_shown_are_those_of_the_command_line(
    start: Callable[[], Running], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cnnviz import cli

    app = start()
    path = tmp_path / "photo.png"
    sheet = np.full((300, 200), 250, np.uint8)
    sheet[100:240, 30:170] = 255 - np.kron(load_starter().images_nhw[2600], np.ones((5, 5), np.uint8))
    Image.fromarray(sheet).save(path)
    app.state.open_requested.emit(str(path))
    app.qtbot.waitUntil(lambda: app.state.input is not None and app.state.input.title == "photo.png", timeout=SLOW_MS)
    app.answered()
    out = tmp_path / "values.npz"
    assert cli.main(["inspect", str(path), "--model", "lenet5", "--out", str(out)]) == 0
    assert app.state.inspection is not None
    with np.load(out) as arrays:
        np.testing.assert_allclose(app.state.inspection.values["input"], arrays["input"], atol=0.02)
        assert int(arrays["probabilities"].argmax()) == app.state.inspection.ranking()[0]


def test_the_other_network_is_shown_by_choosing_it(start: Callable[[], Running]) -> None:
    app = start()
    app.draw(*SEVEN)
    app.state.request_model(ModelRequest("lenet5_original"))
    app.qtbot.waitUntil(
        lambda: app.state.model is not None and app.state.model.request.name == "lenet5_original", timeout=SLOW_MS
    )
    app.answered()
    assert app.best() == "7"
    assert app.state.model is not None
    assert app.state.model.graph.parameters == 60_000
    for node in app.state.model.graph.nodes:
        app.state.select(Place(node.name, 0))
        for index in range(app.window.inspector.tabs.count()):
            app.window.inspector.tabs.setCurrentIndex(index)
            app.window.grab()
    assert not [m for m in app.said if m.level != "notice"]


def test_bad_weights_leave_the_network_that_was_there(start: Callable[[], Running], tmp_path: Path) -> None:
    import torch

    app = start()
    app.draw(*SEVEN)
    app.answered()
    marker = tmp_path / "code-ran"
    files = {
        "noise.safetensors": os.urandom(3000),
        "empty.pt": b"",
        "text.pth": b"hello",
        "claim.safetensors": (20 * 2**30).to_bytes(8, "little") + b"{}",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")

    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return (os.mkdir, (str(marker),))

    torch.save(Evil(), tmp_path / "evil.pt")
    for name in (*files, "other.pt", "evil.pt", "missing.pt"):
        app.state.request_model(ModelRequest("lenet5", str(tmp_path / name)))
        app.said_once(name)
        app.draw((0.3, 0.5), (0.31, 0.5))
        app.answered()
        assert app.state.model is not None
        assert app.state.model.request == ModelRequest("lenet5")
        app.window.view("input").acts.undo.trigger()  # type: ignore[attr-defined]
    assert not marker.exists()
    app.answered()
    assert app.best() == "7"


def test_bad_pictures_leave_the_board_as_it_was(start: Callable[[], Running], tmp_path: Path) -> None:
    app = start()
    app.draw(*SEVEN)
    app.answered()
    before = board_of(app.window).ink
    good = tmp_path / "good.png"
    Image.fromarray(load_starter().images_nhw[0]).save(good)
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:100])
    (tmp_path / "zero.png").touch()
    (tmp_path / "text.jpg").write_text("not a picture")
    for name in ("cut.png", "zero.png", "text.jpg", "missing.png"):
        app.state.open_requested.emit(str(tmp_path / name))
        app.said_once(name)
        assert np.array_equal(board_of(app.window).ink, before)
    (tmp_path / "none").mkdir()
    app.state.open_requested.emit(str(tmp_path / "none"))
    app.said_once("folder")
    assert np.array_equal(board_of(app.window).ink, before)


def test_a_picture_dropped_anywhere_on_the_window_is_opened(start: Callable[[], Running], tmp_path: Path) -> None:
    app = start()
    path = tmp_path / "dropped.png"
    Image.fromarray(load_starter().images_nhw[4200]).save(path)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    action, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(700, 300), action, mime, button, none)
    QApplication.sendEvent(app.window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(app.window, QDropEvent(QPointF(700, 300), action, mime, button, none))
    app.qtbot.waitUntil(lambda: app.state.input is not None and app.state.input.title == "dropped.png", timeout=SLOW_MS)
    app.answered()
    assert app.best() == "8"


def test_the_drawing_and_the_layout_come_back(start: Callable[[], Running]) -> None:
    first = start()
    first.draw(*SEVEN)
    first.answered()
    ink = board_of(first.window).ink
    first.state.set_scope("network")
    first.window.inspector.open("distribution")
    first.window.resize(1200, 800)
    first.window.close()
    second = start()
    second.answered()
    assert np.array_equal(board_of(second.window).ink, ink)
    assert second.best() == "7"
    assert second.state.scope == "network"
    tabs = second.window.inspector.tabs
    assert tabs.tabText(tabs.currentIndex()) == "Distribution"


def test_a_settings_file_full_of_garbage_does_not_stop_the_start(start: Callable[[], Running], tmp_path: Path) -> None:
    (tmp_path / "settings.ini").write_bytes(os.urandom(2000))
    app = start()
    assert any("settings file" in m.sentence for m in app.said)
    app.draw(*ONE)
    app.answered()
    assert app.best() == "1"


def test_a_full_disk_is_said_and_nothing_is_lost(
    start: Callable[[], Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start()
    app.draw(*SEVEN)
    app.answered()
    target = tmp_path / "map.png"
    target.write_bytes(b"older")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cnnviz.core.files.os.fsync", full)
    canvas = app.window.view("network").canvas  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "cnnviz.widgets.figure.QFileDialog.getSaveFileName", lambda *_: (str(target), "PNG picture (*.png)")
    )
    canvas.ask_and_save()
    app.said_once("disk is full")
    assert target.read_bytes() == b"older"
    assert [p.name for p in tmp_path.iterdir() if "map" in p.name] == ["map.png"]
    numbers = app.window.inspector.open("numbers")
    monkeypatch.setattr(
        "cnnviz.views.numbers.widget.QFileDialog.getSaveFileName", lambda *_: (str(tmp_path / "v.csv"), "csv")
    )
    numbers.ask_and_export()  # type: ignore[attr-defined]
    app.said_once("disk is full")
    app.draw(*ONE)
    app.answered()


def test_closing_while_the_network_is_loading_waits_for_its_thread(qtbot: QtBot, tmp_path: Path) -> None:
    application = Application(Settings(tmp_path / "s.ini"))
    application.start()
    qtbot.waitUntil(lambda: application.state.model_request is not None, timeout=SLOW_MS)
    threads = application.findChildren(QThread)
    assert any(thread.isRunning() for thread in threads)
    application.window.close()
    assert not any(thread.isRunning() for thread in threads)
    application.window.deleteLater()
    application.deleteLater()


def test_closing_in_the_middle_of_a_stroke_keeps_it_and_starts_no_thread_again(
    start: Callable[[], Running], qtbot: QtBot
) -> None:
    app = start()
    board = board_of(app.window)
    QTest.mousePress(board, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    QTest.mouseMove(board, QPoint(160, 60))
    threads = app.application.findChildren(QThread)
    app.window.close()
    assert not any(thread.isRunning() for thread in threads)
    again = start()
    assert again.state.input is not None
    assert not again.state.input.blank


def test_a_torch_that_cannot_be_imported_is_said_and_not_tried_for_ever(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected_log: pytest.LogCaptureFixture
) -> None:
    tries: list[int] = []

    def broken() -> Callable[[InferenceRequest], InferenceResult]:
        tries.append(1)
        raise ImportError("libtorch_cpu.so: cannot open shared object file")

    monkeypatch.setattr(InferenceService.__init__, "__defaults__", (None, broken))
    application = Application(Settings(tmp_path / "s.ini"))
    said: list[Message] = []
    application.messages.posted.connect(said.append)
    application.start()
    qtbot.waitUntil(lambda: bool(said) and not application.state.loading, timeout=SLOW_MS)
    for _ in range(50):
        QApplication.processEvents()
    assert len(tries) == len(said) <= 2
    assert "libtorch_cpu.so" in said[0].details
    assert application.state.model is None
    application.window.close()
    application.window.deleteLater()
    application.deleteLater()


GARBAGE = {
    "input/pen_width": "99999999999999",
    "input/centre": "perhaps",
    "numbers/digits": "-99999999999999999999",
    "inspector/tab": "numbers",
    "window/text_scale": "1e999",
    "window/geometry": "@ByteArray(no)",
    "window/layout": "@ByteArray(no)",
    "window/scope": "galaxy",
    "maps/order": "12",
    "model/name": "lenet6",
    "model/weights": "/" + "w" * 6000,
}


def test_a_settings_file_of_garbage_values_still_opens(start: Callable[[], Running], tmp_path: Path) -> None:
    groups: dict[str, list[str]] = {}
    for key, value in GARBAGE.items():
        group, name = key.split("/")
        groups.setdefault(group, []).append(f"{name}={value}")
    text = "\n".join(f"[{group}]\n" + "\n".join(lines) for group, lines in groups.items())
    (tmp_path / "settings.ini").write_text(text + "\n")
    app = start()
    app.draw(*SEVEN)
    app.answered()
    assert app.best() == "7"
    assert [m for m in app.said if m.level != "notice"] == []


def test_a_network_that_is_replaced_while_it_loads_leaves_no_loading_note(start: Callable[[], Running]) -> None:
    app = start()
    app.draw(*SEVEN)
    app.answered()
    app.state.request_model(ModelRequest("lenet5_original"))
    app.state.request_model(ModelRequest("lenet5"))
    app.qtbot.waitUntil(lambda: not app.state.loading, timeout=SLOW_MS)
    assert app.state.model is not None
    assert app.state.model.request.name == "lenet5"


def test_a_closed_dock_comes_back_by_its_key(start: Callable[[], Running]) -> None:
    app = start()
    for name, widget in (
        ("input", app.window.view("input")),
        ("prediction", app.window.view("prediction")),
        ("inspector", app.window.inspector),
    ):
        app.window._docks[name].close()
        assert not widget.isVisible()
        command = next(a for a in app.window._menus["&Go"].actions() if name in a.text().replace("&", ""))
        command.trigger()
        assert widget.isVisible()


def test_a_problem_goes_when_the_next_picture_opens(start: Callable[[], Running], tmp_path: Path) -> None:
    app = start()
    (tmp_path / "bad.png").write_bytes(b"")
    app.state.open_requested.emit(str(tmp_path / "bad.png"))
    app.said_once("bad.png")
    assert app.window._notices.isVisible()
    Image.new("L", (28, 28), 0).save(tmp_path / "good.png")
    app.state.open_requested.emit(str(tmp_path / "good.png"))
    app.qtbot.waitUntil(lambda: not app.window._notices.isVisible(), timeout=SLOW_MS)


def test_what_was_said_at_the_start_is_not_taken_back_when_the_network_is_there(qtbot: QtBot, tmp_path: Path) -> None:
    """The picture of the command line, the last crash, a broken settings file: the network has to do with none."""
    (tmp_path / "bad.png").write_text("no picture")
    (tmp_path / "s.ini").write_bytes(b"\x00\xff garbage")
    for picture, posted, expected in (
        (str(tmp_path / "bad.png"), None, "bad.png"),
        (None, Message("problem", "cnnviz ended unexpectedly the last time."), "ended unexpectedly"),
    ):
        application = Application(Settings(tmp_path / "s.ini"))
        window = application.window
        if posted is not None:
            application.messages.post(posted)
        application.start(picture)
        qtbot.waitUntil(lambda: application.state.inspection is not None, timeout=SLOW_MS)  # noqa: B023
        qtbot.waitUntil(window._notices.isVisible, timeout=SLOW_MS)
        for _ in range(20):
            QApplication.processEvents()
        assert expected in window._notices._text.text()
        assert window._notices.isVisible()
        if posted is None:
            assert "settings file" in window.statusBar().currentMessage()
        window.close()
        window.deleteLater()
        application.deleteLater()


def test_every_picture_in_sight_can_be_saved_from_the_menu(
    start: Callable[[], Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start()
    app.draw(*SEVEN)
    app.answered()
    app.window._pictures.aboutToShow.emit()
    names = [action.text() for action in app.window._pictures.actions()]
    assert len(names) == len(set(names))
    assert {"Network map…", "Drawing board…", "Maps of the selected layer…"} <= set(names)
    for number, action in enumerate(app.window._pictures.actions()):
        path = tmp_path / f"{number}.png"
        monkeypatch.setattr("cnnviz.widgets.figure.QFileDialog.getSaveFileName", lambda *_, p=path: (str(p), ""))
        action.trigger()
        assert not QImage(str(path)).isNull()


def test_the_selected_layer_and_page_come_back(start: Callable[[], Running]) -> None:
    app = start()
    app.state.select(Place("conv2", 3))
    pages = app.window.view("input").pages  # type: ignore[attr-defined]
    pages.setCurrentIndex(1)
    app.window.close()
    again = start()
    assert again.state.selection == Place("conv2")
    assert again.window.view("input").pages.currentIndex() == 1  # type: ignore[attr-defined]


def test_the_window_goes_down_to_800_by_700_with_every_tab_seen(start: Callable[[], Running]) -> None:
    app = start()
    for tab in range(app.window.inspector.tabs.count()):
        app.window.inspector.tabs.setCurrentIndex(tab)
        QApplication.processEvents()
    app.window.resize(800, 700)
    QApplication.processEvents()
    assert (app.window.width(), app.window.height()) == (800, 700)


def test_a_picture_without_ink_says_so_and_the_words_stay(start: Callable[[], Running], tmp_path: Path) -> None:
    app = start()
    Image.new("L", (60, 60), 255).save(tmp_path / "white.png")
    app.state.open_requested.emit(str(tmp_path / "white.png"))
    app.qtbot.waitUntil(lambda: "No ink" in app.window.statusBar().currentMessage(), timeout=SLOW_MS)
    app.answered()
    assert "No ink was found in 'white.png'" in app.window.statusBar().currentMessage()


def test_no_two_things_in_sight_share_an_alt_key(start: Callable[[], Running]) -> None:
    app = start()
    app.draw(*SEVEN)
    app.answered()
    texts = {f"menu {title}": title for title in app.window._menus}
    for tab in range(app.window.inspector.tabs.count()):
        app.window.inspector.tabs.setCurrentIndex(tab)
        seen = dict(texts)
        for kind in (QAbstractButton, QLabel):
            for widget in app.window.findChildren(kind):
                if widget.isVisible() and (not isinstance(widget, QLabel) or widget.buddy()):
                    seen[f"{widget.text()} {id(widget)}"] = widget.text()
        keys = [QKeySequence.mnemonic(text).toString() for text in seen.values()]
        keys = [key for key in keys if key]
        assert len(keys) == len(set(keys)), sorted(keys)


def test_every_command_of_the_menus_has_words_and_keys_do_not_clash(start: Callable[[], Running]) -> None:
    app = start()
    keys: list[str] = []
    for menu in app.window._menus.values():
        assert menu.actions()
        for action in menu.actions():
            keys += [k.toString() for k in action.shortcuts()]
            assert action.isSeparator() or action.text()
    assert len(keys) == len(set(keys))
    for words, check in (("Dark", "dark"), ("Light", "light")):
        from cnnviz.widgets import theme

        appearance = next(a for a in app.window.findChildren(type(action)) if a.text().replace("&", "") == words)
        appearance.trigger()
        assert theme.current().name == check


def test_a_photograph_goes_through_a_deep_network_and_back_to_digits(start: Callable[[], Running]) -> None:
    app = start()
    app.state.open_requested.emit(str(paths.resources_dir() / "photos" / "coffee.jpg"))
    app.qtbot.waitUntil(lambda: app.state.input is not None and app.state.input.title == "coffee.jpg", timeout=SLOW_MS)
    for name, shape in (("resnet18", (3, 224, 224)), ("lenet5", (1, 28, 28)), ("resnet18", (3, 224, 224))):
        app.state.request_model(ModelRequest(name, device="cpu"))
        app.qtbot.waitUntil(lambda: not app.state.loading, timeout=SLOW_MS)
        app.answered()
        assert app.state.model is not None
        assert app.state.model.request.name == name
        assert app.state.inspection is not None
        assert app.state.inspection.values["input"].shape == shape
        app.window.grab()
    app.draw(*SEVEN)  # over the photograph: a drawing now
    app.answered()
    assert app.state.input is not None
    assert app.state.input.photo is not None
    assert app.state.input.photo.shape == (280, 280)
    app.state.select(Place("layer4.1.conv2", 511))
    app.window.grab()
    assert [m for m in app.said if m.level != "notice"] == []


def test_a_network_that_answers_with_a_picture_is_shown_like_any_other(start: Callable[[], Running]) -> None:
    app = start()
    app.draw(*SEVEN)
    app.answered()
    app.state.request_model(ModelRequest("unet"))
    app.qtbot.waitUntil(lambda: app.state.model is not None and not app.state.model.labels, timeout=SLOW_MS)
    app.answered()
    assert "looks like" not in app.window.windowTitle()
    app.window.inspector.open("xray")
    app.state.select(Place("cat"))
    QApplication.processEvents()
    assert app.state.selection == Place("cat")
    assert not [m for m in app.said if m.level != "notice"]
