"""Published weights: offered where they lack, fetched, cancelled, and said when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from cnnviz.core import download as downloading
from cnnviz.core.inspection import LoadedModel, ModelRequest
from cnnviz.models import published, registry
from cnnviz.state.app_state import AppState, Download
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.workers.downloading import DownloadService
from tests.samples import sample_model
from tests.weights_server import WeightsServer, serving

DATA = bytes(range(256)) * 4000
RESNET = registry.get("resnet18")


def random_network(name: str, weights_path: str | None = None) -> LoadedModel:
    return replace(sample_model(), request=ModelRequest(name, weights_path), title=name, is_random=True)


class Desk(QObject):
    """State, messages and the service, and what came out; a network is there as soon as it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.messages = AppState(self), MessageCenter(self)
        self.service = DownloadService(self.state, self.messages, self)
        self.wishes: list[ModelRequest] = []
        self.downloads: list[Download | None] = []
        self.posted: list[Message] = []
        self.state.model_requested.connect(self.wishes.append)
        self.state.download_changed.connect(self.downloads.append)
        self.messages.posted.connect(self.posted.append)
        self.messages.open()

    def show(self, model: LoadedModel) -> None:
        self.state.request_model(model.request)
        self.state.set_model(model)


@pytest.fixture
def desk(qapp: object) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.service.stop()


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightsServer]:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(downloading, "PAUSES_S", ())
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", published.MIRROR):
        monkeypatch.delenv(name, raising=False)
    with serving() as running:
        running.publish(monkeypatch, "resnet18", DATA)
        yield running


def test_a_network_with_random_weights_is_offered_published_ones(desk: Desk) -> None:
    desk.show(random_network("resnet18"))
    assert desk.state.download == Download("resnet18", "ResNet-18", len(DATA))


@pytest.mark.parametrize(
    "model",
    [
        sample_model(),
        random_network("plain20"),
        random_network("file:/home/somebody/own.onnx", "/home/somebody/own.onnx"),
        random_network("resnet18", "random"),
        replace(random_network("resnet18"), is_random=False),
    ],
    ids=["trained", "not published", "the user's own", "random by wish", "fetched"],
)
def test_nothing_is_offered_where_nothing_lacks(desk: Desk, model: LoadedModel) -> None:
    desk.show(random_network("resnet18"))
    desk.show(model)
    assert desk.state.download is None


def test_who_declined_is_not_asked_again_for_that_network(desk: Desk) -> None:
    desk.show(random_network("resnet18"))
    assert desk.state.download is not None
    desk.state.set_download(replace(desk.state.download, stage="possible"))
    desk.show(random_network("resnet34"))
    assert desk.state.download.network == "resnet34"
    assert desk.state.download.stage == "offered"
    desk.show(random_network("resnet18"))
    assert desk.state.download.stage == "possible"


def test_weights_come_and_the_network_is_asked_for_again(desk: Desk, qtbot: QtBot) -> None:
    desk.show(random_network("resnet18"))
    desk.state.fetch_requested.emit()
    desk.state.fetch_requested.emit()  # twice is once
    qtbot.waitUntil(lambda: desk.state.download is None)
    running = [d for d in desk.downloads if d is not None and d.stage == "running"]
    assert running[0].done == 0
    assert (running[-1].done, running[-1].size) == (len(DATA), len(DATA))
    assert running[-1].rate > 0
    assert published.cached_path(RESNET) is not None
    assert desk.wishes == [ModelRequest("resnet18"), ModelRequest("resnet18", edition=1)]
    assert [(m.level, m.sentence) for m in desk.posted] == [("notice", "The published weights of ResNet-18 are here.")]


def test_another_network_may_be_looked_at_meanwhile(desk: Desk, qtbot: QtBot, server: WeightsServer) -> None:
    server.stall_after = 500_000
    desk.show(random_network("resnet18"))
    desk.state.fetch_requested.emit()
    qtbot.waitUntil(lambda: desk.state.download is not None and desk.state.download.done == 500_000)
    desk.show(random_network("resnet34"))
    assert desk.state.download is not None
    assert (desk.state.download.network, desk.state.download.stage) == ("resnet18", "running")
    server.go_on.set()
    qtbot.waitUntil(lambda: desk.state.download is not None and desk.state.download.network == "resnet34")
    assert desk.state.download.stage == "offered"
    assert published.is_right(RESNET)
    assert desk.wishes == [ModelRequest("resnet18"), ModelRequest("resnet34")]  # nobody looks at it: no reason to load


def test_cancelling_says_nothing_and_offers_the_rest(desk: Desk, qtbot: QtBot, server: WeightsServer) -> None:
    server.stall_after = 500_000
    desk.show(random_network("resnet18"))
    desk.state.fetch_requested.emit()
    qtbot.waitUntil(lambda: desk.state.download is not None and desk.state.download.done == 500_000)
    desk.state.fetch_cancelled.emit()
    qtbot.waitUntil(lambda: desk.state.download is not None and desk.state.download.stage == "offered")
    assert desk.state.download == Download("resnet18", "ResNet-18", len(DATA), 500_000)
    assert desk.posted == []
    server.stall_after = None
    desk.state.fetch_requested.emit()
    qtbot.waitUntil(lambda: desk.state.download is None)
    assert server.asked == [None, "bytes=500000-"]


@pytest.mark.parametrize(("status", "words"), [(404, "does not have"), (503, "cannot deliver")])
def test_a_failure_is_one_message_and_the_offer_stays(
    status: int, words: str, desk: Desk, qtbot: QtBot, server: WeightsServer
) -> None:
    server.statuses = [status]
    desk.show(random_network("resnet18"))
    desk.state.fetch_requested.emit()
    qtbot.waitUntil(lambda: bool(desk.posted))
    assert [(m.level, m.topic) for m in desk.posted] == [("problem", "download")]
    assert words in desk.posted[0].sentence
    assert desk.posted[0].suggestion
    assert desk.state.download == Download("resnet18", "ResNet-18", len(DATA))
    assert desk.wishes == [ModelRequest("resnet18")]


def test_wrong_bytes_are_one_message(desk: Desk, qtbot: QtBot, server: WeightsServer) -> None:
    server.files = {name: bytes(len(DATA)) for name in server.files}
    desk.show(random_network("resnet18"))
    desk.state.fetch_requested.emit()
    qtbot.waitUntil(lambda: bool(desk.posted))
    assert "wrong contents" in desk.posted[0].sentence
    assert published.cached_path(RESNET) is None


def test_stopping_does_not_wait_for_a_silent_server(desk: Desk, qtbot: QtBot, server: WeightsServer) -> None:
    server.stall_after = 500_000
    desk.show(random_network("resnet18"))
    desk.state.fetch_requested.emit()
    qtbot.waitUntil(lambda: desk.state.download is not None and desk.state.download.done == 500_000)
    desk.service.stop()
    assert not server.go_on.is_set()
    assert published.kept_bytes(RESNET) == 500_000
