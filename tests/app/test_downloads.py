"""From random weights to published ones in the running window, while one draws; cancelled; failed; closed meanwhile."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.app import Application
from cnnviz.bench.probe import board_of
from cnnviz.core import download as downloading
from cnnviz.core import paths
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import published, torchvision_zoo
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import Message
from cnnviz.state.settings import Settings
from tests.weights_server import WeightsServer, serving

SLOW_MS = 60_000
NETWORK = "squeezenet1_0"  # 4.8 MB


class Running:
    """An application that shows the network with random weights."""

    def __init__(self, qtbot: QtBot, settings: Settings) -> None:
        self.qtbot = qtbot
        settings.put("model/name", NETWORK)
        self.application = Application(settings)
        self.state: AppState = self.application.state
        self.window = self.application.window
        self.bar = self.window._downloads
        self.said: list[Message] = []
        self.application.messages.posted.connect(self.said.append)
        self.application.start()
        self.window.resize(1440, 900)
        qtbot.waitUntil(lambda: self.state.inspection is not None, timeout=SLOW_MS)

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=SLOW_MS)

    def stage(self) -> str:
        return self.state.download.stage if self.state.download is not None else "none"


@pytest.fixture(scope="module")
def learned() -> tuple[dict[str, torch.Tensor], bytes]:
    """Return weights that somebody might have learned, and the file that holds them."""
    torch.manual_seed(7)
    tensors = {
        name: torch.randn_like(value) / 20 for name, value in torchvision_zoo.build(NETWORK).state_dict().items()
    }
    file = io.BytesIO()
    torch.save(tensors, file)
    return tensors, file.getvalue()


@pytest.fixture
def server(learned: tuple[object, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightsServer]:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(downloading, "PAUSES_S", ())
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", published.MIRROR):
        monkeypatch.delenv(name, raising=False)
    with serving() as running:
        running.publish(monkeypatch, NETWORK, learned[1])
        yield running


@pytest.fixture
def app(qtbot: QtBot, tmp_path: Path, server: WeightsServer) -> Iterator[Running]:
    (paths.data_dir() / "last_board.png").unlink(missing_ok=True)
    running = Running(qtbot, Settings(tmp_path / "settings.ini"))
    yield running
    running.window.close()
    running.window.deleteLater()
    running.application.deleteLater()


def test_the_weights_come_while_one_draws_and_the_network_answers_with_them(
    app: Running, server: WeightsServer, learned: tuple[dict[str, torch.Tensor], bytes]
) -> None:
    assert app.state.model is not None
    assert app.state.model.is_random
    assert app.bar.isVisible()
    assert "4." in app.bar._text.text()
    server.stall_after = 2_000_000
    QTest.mouseClick(app.bar._yes, Qt.MouseButton.LeftButton)
    app.until(lambda: app.state.download is not None and app.state.download.done == 2_000_000)
    assert app.bar._cancel.isVisible()
    assert app.bar._how_far.text().startswith("1.9 MB of 4.")
    board = board_of(app.window)
    QTest.mousePress(board, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    for step in range(60, 120, 10):
        QTest.mouseMove(board, QPoint(step, step))
    QTest.mouseRelease(board, Qt.MouseButton.LeftButton, pos=QPoint(120, 120))
    app.until(lambda: app.state.inspection is not None and not app.state.is_stale)  # nothing waits for the download
    assert app.stage() == "running"
    server.go_on.set()
    app.until(lambda: app.state.model is not None and app.state.model.request == ModelRequest(NETWORK, edition=1))
    app.until(lambda: app.state.inspection is not None)
    assert not app.state.model.is_random
    assert not app.bar.isVisible()
    assert not app.bar.action.isEnabled()
    for name, tensor in learned[0].items():
        np.testing.assert_array_equal(app.state.model.weights[name], tensor.numpy())
    assert [m.level for m in app.said] == ["notice"]


def test_a_failed_download_is_a_bar_that_the_next_try_takes_away(app: Running, server: WeightsServer) -> None:
    server.statuses = [404]
    QTest.mouseClick(app.bar._yes, Qt.MouseButton.LeftButton)
    app.until(app.window._notices.isVisible)
    assert "does not have" in app.window._notices._text.text()
    assert app.bar.isVisible()
    assert app.stage() == "offered"
    QTest.mouseClick(app.bar._yes, Qt.MouseButton.LeftButton)
    assert not app.window._notices.isVisible()
    app.until(lambda: app.state.model is not None and not app.state.model.is_random)


def test_what_failed_for_a_network_goes_with_it(app: Running, server: WeightsServer) -> None:
    server.statuses = [404]
    QTest.mouseClick(app.bar._yes, Qt.MouseButton.LeftButton)
    app.until(app.window._notices.isVisible)
    app.state.request_model(ModelRequest("lenet1"))
    app.until(lambda: app.state.model is not None and app.state.model.request.name == "lenet1")
    assert not app.window._notices.isVisible()


def test_cancelling_offers_the_rest(app: Running, server: WeightsServer) -> None:
    server.stall_after = 2_000_000
    QTest.mouseClick(app.bar._yes, Qt.MouseButton.LeftButton)
    app.until(lambda: app.state.download is not None and app.state.download.done == 2_000_000)
    QTest.mouseClick(app.bar._cancel, Qt.MouseButton.LeftButton)
    app.until(lambda: app.stage() == "offered")
    assert "the rest" in app.bar._text.text()
    assert app.state.model is not None
    assert app.state.model.is_random
    assert [m for m in app.said if m.level != "notice"] == []


def test_the_bar_neither_widens_the_window_nor_fills_it(app: Running) -> None:
    QTest.mouseClick(app.bar._no, Qt.MouseButton.LeftButton)
    app.window.resize(800, 600)
    width = app.window.width()
    app.bar.action.trigger()
    app.until(lambda: app.bar.height() > 60)  # words above buttons
    assert app.window.width() == width
    app.window.resize(1440, 900)
    app.window._on_large_inspector()
    app.until(lambda: 0 < app.bar.height() < 60 < 600 < app.window.inspector.height())


def test_the_menu_offers_it_again(app: Running) -> None:
    action = app.bar.action
    assert action in app.window._menus["&File"].actions()
    QTest.mouseClick(app.bar._no, Qt.MouseButton.LeftButton)
    assert not app.bar.isVisible()
    action.trigger()
    assert app.bar.isVisible()
    app.state.request_model(ModelRequest("lenet5"))
    app.until(lambda: app.state.model is not None and app.state.model.request.name == "lenet5")
    assert not app.bar.isVisible()
    assert not action.isEnabled()


def test_closing_the_window_meanwhile_stops_the_download_and_keeps_what_came(
    app: Running, server: WeightsServer, tmp_path: Path
) -> None:
    server.stall_after = 2_000_000
    QTest.mouseClick(app.bar._yes, Qt.MouseButton.LeftButton)
    app.until(lambda: app.state.download is not None and app.state.download.done == 2_000_000)
    app.window.close()
    kept = list((tmp_path / "torch").rglob("*.part"))
    assert [path.stat().st_size for path in kept] == [2_000_000]
