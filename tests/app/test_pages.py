"""The rail: exploring and the laboratory, the large inspector, and what of it the next start finds again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.app import Application
from cnnviz.bench.probe import board_of
from cnnviz.main_window.pages import EXPLORE
from cnnviz.state.messages import Message
from cnnviz.state.settings import Settings
from cnnviz.views.lab.widget import LabView
from cnnviz.views.networks.widget import NetworksView

SLOW_MS = 60_000
ALT, CONTROL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier
DOCKS = ("input", "prediction", "inspector")


class Running:
    """An application on the screen; its network is only waited for where it is needed."""

    def __init__(self, qtbot: QtBot, settings: Settings) -> None:
        self.qtbot = qtbot
        self.application = Application(settings)
        self.state, self.window = self.application.state, self.application.window
        self.pages = self.window._pages
        self.application.start()
        self.window.resize(1440, 900)
        qtbot.waitExposed(self.window)
        self.window.activateWindow()
        qtbot.waitUntil(self.window.isActiveWindow, timeout=SLOW_MS)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key wherever the keyboard is."""
        QTest.keyClick(self.window.focusWidget() or self.window, key, modifier)
        QApplication.processEvents()

    @property
    def lab(self) -> LabView:
        view = self.pages.views["lab"]
        assert isinstance(view, LabView)
        return view

    def seen(self) -> dict[str, bool]:
        """Return which parts are in sight."""
        parts = {name: self.window._docks[name].isVisible() for name in DOCKS}
        parts["map"] = self.window.view("network").isVisible()
        parts["lab"] = "lab" in self.pages.views and self.pages.views["lab"].isVisible()
        return parts

    def layout(self) -> dict[str, tuple[object, ...]]:
        """Return where the docks are and how large."""
        QApplication.processEvents()
        docks = {name: self.window._docks[name] for name in DOCKS}
        found: dict[str, tuple[object, ...]] = {}
        for name, dock in docks.items():
            size = (dock.width(), dock.height()) if dock.isVisible() else ()
            found[name] = (dock.isVisible(), dock.isFloating(), self.window.dockWidgetArea(dock), size)
        return found

    def close(self) -> None:
        self.window.close()
        self.window.deleteLater()
        self.application.deleteLater()


ALL = {"input": True, "prediction": True, "inspector": True, "map": True, "lab": False}
LAB = {"input": False, "prediction": False, "inspector": False, "map": False, "lab": True}
LARGE = {"input": False, "prediction": False, "inspector": True, "map": False, "lab": False}


@pytest.fixture
def running() -> type[Running]:
    return Running


def arrange(app: Running) -> dict[str, tuple[object, ...]]:
    """Lay the docks out unlike the default, and return how."""
    docks = app.window._docks
    app.window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, docks["prediction"])
    docks["input"].close()
    app.window.resizeDocks([docks["inspector"]], [300], Qt.Orientation.Vertical)
    app.window.resizeDocks([docks["prediction"]], [420], Qt.Orientation.Horizontal)
    return app.layout()


def test_the_rail_leads_to_the_laboratory_and_back_to_what_there_was(start: Callable[[], Running]) -> None:
    app = start()
    assert app.seen() == ALL
    assert app.pages.page == EXPLORE
    rail = [action.text() for action in app.pages.rail.actions()]
    assert rail == ["Explore", "Lab", "Compare", "Train", "Race"]
    assert app.pages.rail.isVisible()
    keys = [action.shortcut() for action in app.pages.rail.actions()]
    assert keys == [QKeySequence(f"Alt+{number}") for number in range(1, 6)]
    assert "lab" not in app.pages.views  # made when it is first wanted
    before = arrange(app)
    heard: list[str] = []
    app.pages.changed.connect(heard.append)
    for _ in range(2):
        app.key(Qt.Key.Key_2, ALT)
        assert app.seen() == LAB
        assert app.pages.page == "lab"
        assert app.pages.actions["lab"].isChecked()
        assert app.lab.isAncestorOf(app.window.focusWidget())
        app.window.grab()
        app.key(Qt.Key.Key_1, ALT)
        assert app.seen() == {**ALL, "input": False}
        assert app.layout() == before
        assert app.pages.actions[EXPLORE].isChecked()
        app.window.grab()
    assert heard == ["lab", EXPLORE] * 2
    app.pages.go("no such page")
    assert app.pages.page == EXPLORE
    app.pages.actions["lab"].trigger()
    app.pages.actions["lab"].trigger()
    assert app.seen() == LAB


def test_the_large_inspector_and_back(start: Callable[[], Running]) -> None:
    app = start()
    before = arrange(app)
    small = app.window.inspector.height()
    app.key(Qt.Key.Key_F9)
    assert app.seen() == LARGE
    assert app.pages.is_large
    QApplication.processEvents()
    assert app.window.inspector.height() > small * 2
    assert app.window.inspector.width() > 1200
    focused = app.window.focusWidget()
    assert focused is not None
    assert app.window.inspector.isAncestorOf(focused)
    app.key(Qt.Key.Key_F9)
    assert app.seen() == {**ALL, "input": False}
    assert not app.pages.is_large
    assert app.layout() == before
    for _ in range(2):  # from large to the laboratory and back: as it was, not large
        app.key(Qt.Key.Key_F9)
        app.key(Qt.Key.Key_2, ALT)
        assert app.seen() == LAB
        app.key(Qt.Key.Key_1, ALT)
        assert app.seen() == {**ALL, "input": False}
        assert app.layout() == before
    app.key(Qt.Key.Key_2, ALT)
    app.key(Qt.Key.Key_F9)  # from the laboratory: exploring, with a large inspector
    assert app.seen() == LARGE
    app.key(Qt.Key.Key_F9)
    assert app.layout() == before


@pytest.mark.qt_log_ignore("does not support raise")
def test_an_inspector_that_floats_does_so_again(start: Callable[[], Running]) -> None:
    app = start()
    inspector = app.window._docks["inspector"]
    inspector.setFloating(True)
    app.pages.set_large(True)
    assert not inspector.isFloating()
    app.pages.set_large(False)
    assert inspector.isFloating()
    app.pages.go("lab")
    assert not inspector.isVisible()
    app.pages.go(EXPLORE)
    assert inspector.isVisible()
    assert inspector.isFloating()


def test_the_page_comes_back_at_the_next_start_and_exploring_as_it_was(start: Callable[[], Running]) -> None:
    first = start()
    before = arrange(first)
    first.key(Qt.Key.Key_2, ALT)
    first.lab._choose("Pooling/mean")
    first.window.close()
    second = start()
    assert second.pages.page == "lab"
    assert second.seen() == LAB
    item = second.lab.presets.currentItem()
    assert item is not None
    assert item.text(0) == "mean"
    second.window.close()  # without ever looking at the map
    third = start()
    assert third.seen() == LAB
    third.key(Qt.Key.Key_1, ALT)
    assert third.layout() == before
    third.window.close()
    fourth = start()
    assert fourth.pages.page == EXPLORE
    assert fourth.seen() == {**ALL, "input": False}
    assert fourth.layout() == before


def test_a_problem_beside_the_large_inspector_takes_no_more_than_its_words(start: Callable[[], Running]) -> None:
    app = start()
    app.key(Qt.Key.Key_F9)
    problem = Message("problem", "The weights could not be fetched.", "Look after the connection.")
    app.application.messages.post(problem)
    bar = app.window._notices
    app.qtbot.waitUntil(lambda: bar.isVisible() and bar.height() == bar.heightForWidth(bar.width()))
    app.qtbot.waitUntil(lambda: app.window._centre.height() == bar.height())
    assert bar.height() < 60
    bar.dismiss()
    app.key(Qt.Key.Key_F9)
    assert app.window.view("network").height() > 100


def test_closing_while_the_inspector_is_large_remembers_the_layout_behind_it(start: Callable[[], Running]) -> None:
    first = start()
    before = arrange(first)
    first.key(Qt.Key.Key_F9)
    first.window.close()
    second = start()
    assert second.seen() == {**ALL, "input": False}
    assert second.layout() == before
    assert not second.pages.is_large


def test_the_go_menu_leads_back_to_exploring(start: Callable[[], Running]) -> None:
    app = start()
    for key, words, part in (
        (Qt.Key.Key_1, "input", app.window.view("input")), (Qt.Key.Key_2, "map", app.window.view("network")),
        (Qt.Key.Key_3, "prediction", app.window.view("prediction")), (Qt.Key.Key_4, "inspector", app.window.inspector),
    ):  # fmt: skip
        command = next(a for a in app.window._menus["&Go"].actions() if words in a.text().replace("&", ""))
        app.pages.go("lab")
        command.trigger()
        assert app.pages.page == EXPLORE, words
        assert app.seen() == ALL
        app.pages.go("lab")
        app.key(key, CONTROL)
        assert app.seen() == ALL
        focused = app.window.focusWidget()
        assert focused is not None
        assert part is focused or part.isAncestorOf(focused)
        app.pages.set_large(True)
        command.trigger()
        assert app.seen() == (LARGE if words == "inspector" else ALL)
        app.pages.set_large(False)
    go = [action.text() for action in app.window._menus["&Go"].actions()]
    assert go[-5:] == ["Explore", "Lab", "Compare", "Train", "Race"]
    app.pages.go("lab")
    app.window._docks["prediction"].toggleViewAction().trigger()
    app.pages.go(EXPLORE)
    reset = next(a for a in app.window._menus["&View"].actions() if "Reset" in a.text())
    app.pages.go("lab")
    reset.trigger()
    assert app.seen() == ALL


def test_notices_are_seen_in_the_laboratory(start: Callable[[], Running]) -> None:
    app = start()
    app.qtbot.waitUntil(lambda: app.state.inspection is not None, timeout=SLOW_MS)
    app.key(Qt.Key.Key_2, ALT)
    assert not app.window._notices.isVisible()
    app.application.messages.post(Message("problem", "The disk is full.", suggestion="Make room."))
    assert app.window._notices.isVisible()
    assert app.seen() == LAB
    app.key(Qt.Key.Key_1, ALT)
    assert app.window._notices.isVisible()
    app.key(Qt.Key.Key_F9)
    assert app.seen() == LARGE
    assert app.window._notices.isVisible()


def test_keys_of_the_laboratory_are_its_own_and_the_board_stays(start: Callable[[], Running]) -> None:
    app = start()
    board = board_of(app.window)
    QTest.mousePress(board, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    QTest.mouseMove(board, QPoint(160, 60))
    QTest.mouseRelease(board, Qt.MouseButton.LeftButton, pos=QPoint(160, 60))
    ink = board.ink.copy()
    assert ink.any()
    app.key(Qt.Key.Key_2, ALT)
    own = app.lab.operation
    app.lab.entries["size"].try_text("7")
    changed = app.lab.operation
    assert changed is not own
    app.key(Qt.Key.Key_Z, CONTROL)
    assert app.lab.operation is own
    app.key(Qt.Key.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert app.lab.operation is changed
    app.key(Qt.Key.Key_Z, CONTROL)
    app.key(Qt.Key.Key_Z, CONTROL)
    assert np.array_equal(board.ink, ink)
    app.lab._on_digit_clicked()  # what was drawn under Explore
    app.qtbot.waitUntil(lambda: app.state.input is not None and not app.state.input.blank, timeout=SLOW_MS)
    app.lab._on_digit_clicked()
    assert app.state.input is not None
    assert app.lab.operation is not None
    x = app.lab.operation.x  # type: ignore[attr-defined]
    np.testing.assert_allclose(x[0], app.state.input.image_hw, atol=6e-4)


def test_networks_are_compared_on_the_present_picture_while_exploring_goes_on(
    start: Callable[[], Running], qtbot: QtBot
) -> None:
    app = start()
    qtbot.waitUntil(lambda: app.state.model is not None, timeout=SLOW_MS)
    app.key(Qt.Key.Key_3, ALT)
    assert app.pages.page == "networks"
    view = app.pages.views["networks"]
    assert isinstance(view, NetworksView)
    view.chooser.choose(("lenet5", "lenet1"))
    image_hw = np.zeros((28, 28), np.float32)
    image_hw[4:24, 12:16] = 1
    app.state.set_input(image_hw, blank=False, title="a one")
    view.run.click()
    qtbot.waitUntil(lambda: app.state.comparison is not None and app.state.comparison.running is None, timeout=SLOW_MS)
    known = app.state.comparison
    assert known is not None
    assert [row.title for row in known.rows] == ["LeNet-5", "LeNet-1"]
    assert known.rows[0].top[0].label == "1"
    assert app.state.model is not None
    assert app.state.model.request.name == "lenet5"  # what is explored stays
