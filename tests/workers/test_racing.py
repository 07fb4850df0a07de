"""The racing service: a race from its start to its end, paused and stopped, refused while something else trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot

from cnnviz.core.errors import UserError
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.race_state import RaceStage
from cnnviz.state.training_state import Progress
from cnnviz.training import race as races
from cnnviz.training import runs, session
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, Event
from cnnviz.training.loop import Run
from cnnviz.training.variation import NONE
from cnnviz.workers.racing import LanesWent, RaceEnded, RaceWork, RacingService
from cnnviz.workers.training import TrainingService
from cnnviz.workers.training_work import Paused
from tests.workers.many_pictures import ManyPictures

CONFIG = TrainConfig(
    "lenet5", "starter", epochs=2, batch_size=20, validation=25, pictures=100, variation=NONE, threads=1,
    device="cpu", snapshots_mb=0,
)  # fmt: skip
PAIR = (CONFIG, replace(CONFIG, model="lenet5_original"))
LONG = tuple(replace(config, epochs=2000) for config in PAIR)


pytestmark = pytest.mark.usefixtures("few_digits")


@pytest.fixture
def racing(state: AppState, messages: MessageCenter) -> Iterator[RacingService]:
    service = RacingService(state, messages)
    yield service
    service.stop()


def at(state: AppState, stage: RaceStage) -> Callable[[], bool]:
    return lambda: state.race.progress.stage == stage


def past(state: AppState, step: int) -> Callable[[], bool]:
    return lambda: state.race.progress.step >= step


@pytest.mark.usefixtures("racing")
def test_a_race_from_start_to_end(state: AppState, qtbot: QtBot) -> None:
    stages: list[str] = []
    state.race.progress_changed.connect(lambda p: stages.append(p.stage))
    with qtbot.waitSignal(state.training.runs_changed, timeout=30_000):
        state.race.start_requested.emit(PAIR)
        qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    assert list(dict.fromkeys(stages)) == ["preparing", "running", "finished"]
    progress = state.race.progress
    assert (progress.step, progress.steps) == (10, 10)
    assert [lane.config.model for lane in progress.lanes] == ["lenet5", "lenet5_original"]
    for lane in progress.lanes:
        assert lane.curves.batches["step"].tolist() == list(range(1, 11))
        assert np.isfinite(lane.curves.batches["loss"]).all()
        assert lane.curves.epochs["epoch"].tolist() == [1, 2]
        assert lane.images_per_second > 0
        assert lane.layers
        assert (lane.path / "best.safetensors").is_file()
    assert {run.path for run in runs.summaries()} == {lane.path for lane in progress.lanes}


@pytest.mark.usefixtures("racing")
def test_a_pause_is_level_and_saved_and_goes_on(state: AppState, qtbot: QtBot) -> None:
    state.race.start_requested.emit(LONG)
    qtbot.waitUntil(past(state, 3), timeout=30_000)
    state.race.pause_requested.emit(True)
    qtbot.waitUntil(at(state, "paused"), timeout=30_000)
    steps = {lane.step for lane in state.race.progress.lanes}
    assert len(steps) == 1
    for lane in state.race.progress.lanes:
        assert session.folders.read_state(lane.path).step == lane.step  # type: ignore[union-attr]
    state.race.pause_requested.emit(False)
    qtbot.waitUntil(past(state, max(steps) + 3), timeout=30_000)
    assert state.race.progress.stage == "running"
    state.race.stop_requested.emit()
    assert state.race.progress.stage == "stopping"
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    assert "stopped" in state.race.progress.sentence
    for lane in state.race.progress.lanes:
        assert session.folders.read_state(lane.path).step == lane.step  # type: ignore[union-attr]


def test_a_race_can_be_stopped_while_pictures_are_read(
    state: AppState,
    racing: RacingService,
    many_pictures: ManyPictures,
    said: list[Message],
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    many_pictures.wait = lambda: racing._thread is None or racing._thread.work._stopped.wait(30)
    config = replace(many_pictures.config, snapshots_mb=0)
    state.race.start_requested.emit((config, replace(config, model="plain20")))
    qtbot.waitUntil(many_pictures.reached.is_set, timeout=30_000)
    state.race.stop_requested.emit()
    qtbot.waitUntil(lambda: at(state, "idle")() and racing._thread is None, timeout=30_000)
    assert many_pictures.read == 3
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]
    assert not said


@pytest.mark.usefixtures("racing")
def test_a_paused_race_can_be_stopped(state: AppState, qtbot: QtBot) -> None:
    state.race.start_requested.emit(LONG)
    qtbot.waitUntil(past(state, 1), timeout=30_000)
    state.race.pause_requested.emit(True)
    qtbot.waitUntil(at(state, "paused"), timeout=30_000)
    state.race.stop_requested.emit()
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)


@pytest.mark.usefixtures("racing")
def test_a_race_waits_while_a_run_is_trained(state: AppState, said: list[Message]) -> None:
    state.training.set_progress(Progress("paused", Path("a")))
    state.race.start_requested.emit(PAIR)
    assert state.race.progress.stage == "idle"
    assert [message.level for message in said] == ["problem"]
    assert "under Train" in said[0].sentence


@pytest.mark.usefixtures("racing")
def test_a_run_waits_while_a_race_is_on(
    state: AppState, messages: MessageCenter, said: list[Message], qtbot: QtBot
) -> None:
    training = TrainingService(state, messages)
    state.race.start_requested.emit(LONG)
    state.training.start_requested.emit(CONFIG, "mine")
    assert state.training.progress.stage == "idle"
    assert [message.sentence for message in said if "race" in message.sentence]
    state.race.stop_requested.emit()
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    state.training.start_requested.emit(CONFIG, "mine")
    qtbot.waitUntil(lambda: state.training.progress.stage == "finished", timeout=30_000)
    training.stop()


@pytest.mark.usefixtures("racing")
def test_a_lane_that_ends_early_says_so(state: AppState, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    events = Run.events

    def broken(self: Run, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        for event in events(self, stop):
            yield event
            if self.config.model == "lenet5" and isinstance(event, BatchesDone) and event.step == 2:
                with torch.no_grad():
                    self.network.get_parameter("conv1.weight").fill_(torch.nan)

    monkeypatch.setattr(Run, "events", broken)
    state.race.start_requested.emit(PAIR)
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    first, second = state.race.progress.lanes
    assert "no longer a number" in first.sentence
    assert (first.step, second.step, second.sentence) == (2, 10, "")
    assert state.race.progress.step == 10


@pytest.mark.usefixtures("racing")
def test_a_race_that_cannot_begin_says_why(state: AppState, said: list[Message], qtbot: QtBot) -> None:
    state.race.start_requested.emit((CONFIG, CONFIG))
    qtbot.waitUntil(at(state, "failed"), timeout=30_000)
    assert state.race.progress.sentence == said[0].sentence + " " + said[0].suggestion
    assert not state.race.progress.is_active


@pytest.mark.usefixtures("racing")
def test_a_full_disk_makes_the_race_wait(
    state: AppState, said: list[Message], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, full = races.Session._write, [True]

    def write(self: session.Session, folder: object, recorder: object, event: object) -> None:
        if full[0] and isinstance(event, BatchesDone) and event.step == 3:
            raise UserError("The disk is full.") from OSError(28, "No space left on device")
        save(self, folder, recorder, event)  # type: ignore[arg-type]

    monkeypatch.setattr(races.Session, "_write", write)
    state.race.start_requested.emit(PAIR)
    qtbot.waitUntil(at(state, "paused"), timeout=30_000)
    assert state.race.progress.sentence == said[0].sentence == "The disk is full."
    full[0] = False
    state.race.pause_requested.emit(False)
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    assert state.race.progress.step == 10
    for lane in state.race.progress.lanes:
        assert lane.curves.batches["step"].tolist() == list(range(1, 11))


def test_a_pause_after_a_stop_is_no_pause(tmp_path: Path) -> None:
    events: list[object] = []

    def report(event: object) -> None:
        events.append(event)
        if isinstance(event, LanesWent) and len(events) == 2:
            work.stop()
            work.pause(True)
        elif isinstance(event, Paused):
            work.pause(False)  # or this test would wait for ever

    work = RaceWork(lambda stopped: races.Race.begin(LONG, tmp_path, "race", session.load_data), report)
    work.run()
    assert not any(isinstance(event, Paused) for event in events)
    assert events[-1] == RaceEnded(stopped=True)
