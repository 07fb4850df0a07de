"""What follows a run: the next one, one with a smaller batch where a memory was full; and what may be frozen."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pytestqt.qtbot import QtBot
from torch import Tensor, nn

from cnnviz.datasets.images import LabelledImages
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.training_state import Progress
from cnnviz.training import folder, session
from cnnviz.training.config import TrainConfig
from cnnviz.training.loop import Run
from cnnviz.training.variation import NONE
from cnnviz.workers.layer_listing import LayerListService
from cnnviz.workers.training import TrainingService
from cnnviz.workers.travelling import TravelService

CONFIG = TrainConfig(
    "lenet5", "starter", epochs=4, batch_size=20, validation=50, variation=NONE, threads=1, device="cpu"
)
LONG = replace(CONFIG, epochs=2000)
WAIT_MS = 30_000


@pytest.fixture
def training(state: AppState, messages: MessageCenter, few_digits: LabelledImages) -> Iterator[TrainingService]:
    service = TrainingService(state, messages)
    yield service
    service.stop()


def fail_at(monkeypatch: pytest.MonkeyPatch, step: int, batch_size: int) -> list[weakref.ref[Run]]:
    """Let the network's forward find the memory full at a step, where the batch is so large; return who did."""
    found: list[weakref.ref[Run]] = []
    forward = Run.forward

    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    def full(self: Run, network: nn.Module, chosen: Tensor) -> Any:
        if self.step == step and self.config.batch_size == batch_size:
            found.append(weakref.ref(self))
            network.register_forward_pre_hook(refuse)
        return forward(self, network, chosen)

    monkeypatch.setattr(Run, "forward", full)
    return found


def test_where_a_memory_was_full_a_smaller_batch_goes_on_with_the_saved_weights(
    state: AppState, training: TrainingService, said: list[Message], qtbot: QtBot, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    failed = fail_at(monkeypatch, 25, 20)
    monkeypatch.setattr("cnnviz.training.folder._LEAST_S", 0.0)
    monkeypatch.setattr("cnnviz.training.folder._COST", 0.0)  # saved after each report
    state.training.start_requested.emit(CONFIG, "mine")
    qtbot.waitUntil(lambda: state.training.progress.stage == "failed", timeout=WAIT_MS)
    progress = state.training.progress
    assert progress.trouble == "memory"
    assert "too small for 20 pictures" in said[0].sentence
    saved = folder.read_state(tmp_path / "mine")
    assert saved is not None
    assert 10 < saved.step <= 25
    state.training.change_requested.emit(str(tmp_path / "mine"), {"batch_size": 10})
    qtbot.waitUntil(lambda: state.training.progress.stage == "finished", timeout=WAIT_MS)
    progress = state.training.progress
    assert progress.path is not None
    assert progress.path.name != "mine"
    assert progress.trouble == ""
    left = CONFIG.epochs - int(saved.rest["epoch"]) + 1
    wanted = replace(CONFIG, batch_size=10, epochs=left, start=str(tmp_path / "mine" / "last.safetensors"))
    assert progress.config == wanted
    assert folder.read_config(progress.path) == wanted
    assert folder.read_config(tmp_path / "mine") == CONFIG  # what was done there stays true
    assert progress.step == left * 20
    assert [reference() for reference in failed] == [None]  # else its memory would stay taken


def test_where_nothing_was_learned_the_other_run_begins_as_the_first_did(
    state: AppState, training: TrainingService, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, 0, 20)
    state.training.start_requested.emit(CONFIG, "mine")
    qtbot.waitUntil(lambda: state.training.progress.stage == "failed", timeout=WAIT_MS)
    state.training.change_requested.emit(str(tmp_path / "mine"), {"batch_size": 10, "device": "cpu"})
    qtbot.waitUntil(lambda: state.training.progress.stage == "finished", timeout=WAIT_MS)
    assert state.training.progress.config == replace(CONFIG, batch_size=10)


def test_rate_and_freezing_by_hand_go_along(few_digits: LabelledImages, tmp_path: Path) -> None:
    one = session.Session.begin(CONFIG, few_digits, tmp_path / "one")
    events = one.events()
    for _ in range(4):
        next(events)
    one.run.freeze("conv1")
    one.run.set_rate(0.5)
    one.save()
    one.close()
    found = folder.going_on(tmp_path / "one", {"batch_size": 5})
    assert (found.freeze, found.learning_rate, found.batch_size) == ("conv1", CONFIG.learning_rate / 2, 5)


def test_a_loss_that_is_no_number_is_known_by_its_kind(
    state: AppState, training: TrainingService, qtbot: QtBot
) -> None:
    state.training.start_requested.emit(replace(LONG, optimiser="sgd", learning_rate=100.0, warm_up=0.0), "wild")
    qtbot.waitUntil(lambda: state.training.progress.stage == "failed", timeout=WAIT_MS)
    assert state.training.progress.trouble == "diverged"


def test_the_run_that_makes_room_says_so_at_once(
    state: AppState, training: TrainingService, qtbot: QtBot, tmp_path: Path
) -> None:
    state.training.start_requested.emit(LONG, "one")
    qtbot.waitUntil(lambda: state.training.progress.step > 3, timeout=WAIT_MS)
    seen: list[Progress] = []
    state.training.progress_changed.connect(seen.append)
    state.training.start_requested.emit(CONFIG, "two")
    assert (seen[0].stage, seen[0].path, seen[0].sentence) == ("stopping", tmp_path / "one", "Then 'two' comes.")
    qtbot.waitUntil(lambda: state.training.progress.path == tmp_path / "two", timeout=WAIT_MS)
    of_one = [progress for progress in seen if progress.path == tmp_path / "one"]
    assert {(progress.stage, progress.sentence) for progress in of_one} == {("stopping", "Then 'two' comes.")}
    qtbot.waitUntil(lambda: state.training.progress.stage == "finished", timeout=WAIT_MS)


def test_the_layers_are_those_of_the_run_whatever_explore_shows(
    state: AppState, messages: MessageCenter, training: TrainingService, qtbot: QtBot
) -> None:
    layers = LayerListService(state, messages)
    try:
        state.training.show(False)
        state.training.start_requested.emit(LONG, "")
        qtbot.waitUntil(lambda: bool(state.training.freezable), timeout=WAIT_MS)
        assert state.training.freezable == ("conv1", "conv2", "fc1", "fc2")
        state.training.stop_requested.emit()
        qtbot.waitUntil(lambda: state.training.progress.stage == "finished", timeout=WAIT_MS)
        assert state.training.freezable == ()
        assert state.model is None
    finally:
        layers.stop()


def test_what_was_frozen_by_hand_is_told_of_an_opened_run(
    state: AppState, messages: MessageCenter, few_digits: LabelledImages, qtbot: QtBot, tmp_path: Path
) -> None:
    one = session.Session.begin(CONFIG, few_digits, tmp_path / "one")
    one.run.freeze("conv2")
    list(one.events())
    one.close()
    travels = TravelService(state, messages)
    try:
        state.training.follow_requested.emit(str(tmp_path / "one"))
        qtbot.waitUntil(lambda: state.training.progress.stage == "finished", timeout=WAIT_MS)
        assert state.training.frozen == "conv2"
    finally:
        travels.stop()


def test_going_on_slower_divides_the_rate_that_was_saved_each_time(
    state: AppState, training: TrainingService, qtbot: QtBot, tmp_path: Path
) -> None:
    state.training.start_requested.emit(LONG, "mine")
    qtbot.waitUntil(lambda: state.training.progress.step > 2, timeout=WAIT_MS)
    for scale in (0.1, 0.01):
        state.training.stop_requested.emit()
        qtbot.waitUntil(lambda: state.training.progress.stage == "finished", timeout=WAIT_MS)
        state.training.slower_requested.emit(str(tmp_path / "mine"))
        qtbot.waitUntil(lambda: state.training.progress.stage == "running", timeout=WAIT_MS)
        assert state.training.progress.scale == pytest.approx(scale)
