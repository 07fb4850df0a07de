"""Looks at the pictures of a configuration, and data sets on their way here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6")

from PIL import Image
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from cnnviz.core import download as downloading
from cnnviz.datasets import fetching, registry
from cnnviz.datasets.fetching import Remote
from cnnviz.state.app_state import AppState
from cnnviz.state.data_state import DataDownload, NetworkLayers
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.training.config import PRETRAINED, TrainConfig, default_config
from cnnviz.training.look import DataLook, look
from cnnviz.workers import data_looking
from cnnviz.workers.data_looking import DataLookService, LookAnswer, LookWish, make_looker, missing_words
from tests.datasets.test_fetching import digits, md5
from tests.weights_server import WeightsServer, serving
from tests.workers.many_pictures import ManyPictures

STARTER = default_config("lenet5", "starter")
MNIST = default_config("lenet5", "mnist")
IMPORT_MS = 60_000  # torch and torchvision may be imported meanwhile


class Desk(QObject):
    """State, messages and the service, and what came out."""

    def __init__(self, looker: Callable[[], Callable[[LookWish], LookAnswer]] = make_looker) -> None:
        super().__init__()
        self.state, self.messages = AppState(self), MessageCenter(self)
        self.data = self.state.data
        self.service = DataLookService(self.state, self.messages, self, looker)
        self.downloads: list[DataDownload | None] = []
        self.posted: list[Message] = []
        self.data.download_changed.connect(self.downloads.append)
        self.messages.posted.connect(self.posted.append)
        self.messages.open()


@pytest.fixture
def desk(qapp: object) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.service.stop()


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightsServer]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(downloading, "PAUSES_S", ())
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", fetching.MIRROR):
        monkeypatch.delenv(name, raising=False)
    with serving() as running:
        running.files |= digits()
        files = tuple(Remote(name, md5(data), (f"{running.url}/",)) for name, data in digits().items())
        monkeypatch.setattr(fetching, "published", {"mnist": files}.__getitem__)
        monkeypatch.setattr(fetching, "SIZES", {**fetching.SIZES, "mnist": sum(map(len, digits().values()))})
        yield running


def test_a_look_comes_with_the_networks_layers(desk: Desk, qtbot: QtBot) -> None:
    desk.data.request_look(STARTER)
    assert desk.data.is_looking
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    assert desk.data.look is not None
    assert desk.data.look.count == 5000
    assert desk.data.layers is not None
    assert [layer.path for layer in desk.data.layers.layers] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    assert desk.data.problem == ""


def test_what_cannot_be_read_is_a_sentence_and_the_layers_come_all_the_same(desk: Desk, qtbot: QtBot) -> None:
    desk.data.request_look(STARTER)
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    desk.data.request_look(TrainConfig("resnet20", "folder", "/nowhere"))
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    assert desk.data.look is None
    assert desk.data.problem.startswith("There is no folder '/nowhere'.")
    assert desk.data.layers is not None
    assert desk.data.layers.layers[0].path == "conv1"
    assert len(desk.data.layers.layers) > 20
    desk.data.request_look(STARTER)
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    assert desk.data.problem == ""
    assert desk.posted == []


def test_only_the_newest_look_is_shown(qapp: object, qtbot: QtBot) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def looker() -> Callable[[LookWish], LookAnswer]:
        def handle(wish: LookWish) -> LookAnswer:
            begun.set()
            go_on.wait(10)
            return LookAnswer(NetworkLayers(str(wish.config.seed), ()))

        return handle

    desk = Desk(looker)
    shown: list[NetworkLayers] = []
    desk.data.layers_changed.connect(shown.append)
    desk.data.request_look(STARTER)
    assert begun.wait(10)
    for seed in (1, 2, 3):
        desk.data.request_look(replace(STARTER, seed=seed))
    go_on.set()
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    assert shown == [NetworkLayers("3", ())]
    desk.service.stop()


def test_the_layers_are_there_while_the_pictures_are_still_read(
    desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow_look(config: TrainConfig, *given: Any) -> DataLook:
        go_on.wait(30)
        return look(config, *given)

    monkeypatch.setattr(data_looking, "look", slow_look)
    desk.data.request_look(STARTER)
    qtbot.waitUntil(lambda: desk.data.layers is not None, timeout=IMPORT_MS)
    assert desk.data.is_looking
    go_on.set()
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    assert desk.data.look is not None


def test_the_window_does_not_wait_until_all_pictures_are_read(
    desk: Desk, many_pictures: ManyPictures, qtbot: QtBot
) -> None:
    many_pictures.wait = lambda: desk.service._closing.wait(30)
    desk.data.request_look(many_pictures.config)
    qtbot.waitUntil(many_pictures.reached.is_set, timeout=IMPORT_MS)
    desk.service.stop()
    assert many_pictures.read == 3
    assert not desk.posted


def test_the_head_is_new_once_the_classes_of_a_folder_are_counted(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (32, 32), (40 * i, 9, 9)).save(tmp_path / "pets" / name / f"{i}.png")
    config = TrainConfig("resnet20", "folder", str(tmp_path / "pets"), start=PRETRAINED, validation=2)
    desk.data.request_look(config)
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    assert desk.data.problem == ""
    assert desk.data.layers is not None
    head = desk.data.layers.layers[-1]
    assert (head.path, head.parameters, head.is_new) == ("linear", 2 * 64 + 2, True)


@pytest.mark.parametrize("data", [STARTER, MNIST], ids=["pictures", "no pictures"])
def test_weights_that_cannot_be_read_and_a_wrong_line_hide_neither_layers_nor_pictures(
    desk: Desk, qtbot: QtBot, data: TrainConfig
) -> None:
    desk.data.request_look(replace(data, start="/nowhere.pt", freeze="nowhere"))
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    assert desk.data.layers is not None
    assert desk.data.layers.problem.startswith("There is no weights file '/nowhere.pt'")
    assert len(desk.data.layers.layers) == 5
    assert (desk.data.look is None) == (data is MNIST)
    assert desk.data.problem.startswith("MNIST is not here yet") == (data is MNIST)


def test_a_fault_of_the_program_is_reported_and_the_panel_does_not_wait(
    qapp: object, qtbot: QtBot, expected_log: pytest.LogCaptureFixture
) -> None:
    def looker() -> Callable[[LookWish], LookAnswer]:
        def handle(wish: LookWish) -> LookAnswer:
            raise ZeroDivisionError

        return handle

    desk = Desk(looker)
    desk.data.request_look(STARTER)
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    assert desk.data.problem == "The pictures could not be looked at."
    assert [message.level for message in desk.posted] == ["bug"]
    desk.service.stop()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (STARTER, ""),
        (MNIST, "MNIST is not here yet: download it"),
        (replace(MNIST, data_dir="/there"), ""),
        (TrainConfig("resnet20", "folder"), "No folder is chosen yet"),
    ],
    ids=["ships", "to download", "named", "no folder"],
)
def test_it_is_said_what_to_do_where_no_pictures_are(config: TrainConfig, words: str) -> None:
    assert missing_words(config).startswith(words)
    assert bool(missing_words(config)) == bool(words)


def test_a_data_set_comes_and_what_waited_for_it_is_looked_at(desk: Desk, qtbot: QtBot) -> None:
    config = replace(MNIST, validation=40)
    desk.data.request_look(config)
    qtbot.waitUntil(lambda: not desk.data.is_looking, timeout=IMPORT_MS)
    assert desk.data.problem.startswith("MNIST is not here yet")
    desk.data.fetch_requested.emit("mnist")
    desk.data.fetch_requested.emit("mnist")  # twice is once
    qtbot.waitUntil(lambda: desk.data.look is not None, timeout=IMPORT_MS)
    assert desk.data.look is not None
    assert desk.data.look.count == 400
    assert desk.data.problem == ""
    assert desk.data.download is None
    running = [d for d in desk.downloads if d is not None]
    assert (running[0].name, running[0].title, running[0].done) == ("mnist", "MNIST", 0)
    assert running[-1].done == running[-1].size == fetching.SIZES["mnist"]
    assert [(m.level, m.sentence) for m in desk.posted] == [("notice", "MNIST is here.")]


def test_a_download_is_cancelled_in_silence_and_goes_on_later(desk: Desk, qtbot: QtBot, server: WeightsServer) -> None:
    server.stall_after = 50_000
    desk.data.fetch_requested.emit("mnist")
    qtbot.waitUntil(lambda: fetching.kept_bytes(registry.get("mnist")) >= 50_000, timeout=IMPORT_MS)
    desk.data.fetch_cancelled.emit()
    qtbot.waitUntil(lambda: desk.data.download is None, timeout=IMPORT_MS)
    assert desk.posted == []
    server.stall_after = None
    server.go_on.set()
    desk.data.fetch_requested.emit("mnist")
    qtbot.waitUntil(lambda: desk.data.download is None, timeout=IMPORT_MS)
    assert server.asked[1] == "bytes=50000-"
    assert fetching.is_here(registry.get("mnist"))


def test_a_failed_download_is_said(desk: Desk, qtbot: QtBot, server: WeightsServer) -> None:
    server.files.clear()
    desk.data.fetch_requested.emit("mnist")
    qtbot.waitUntil(lambda: desk.data.download is None, timeout=IMPORT_MS)
    assert [(m.level, m.topic) for m in desk.posted] == [("problem", "download")]
    assert "does not have 'train-images-idx3-ubyte.gz'" in desk.posted[0].sentence


def test_closing_gives_a_download_up(desk: Desk, qtbot: QtBot, server: WeightsServer) -> None:
    server.stall_after = 1000
    desk.data.fetch_requested.emit("mnist")
    qtbot.waitUntil(lambda: len(server.asked) == 1, timeout=IMPORT_MS)
    desk.service.stop()
    assert not fetching.is_here(registry.get("mnist"))
