"""The training services: a run from its start to its end, paused, changed, gone back in, and watched by others."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import ModelRequest
from cnnviz.datasets.images import LabelledImages
from cnnviz.models import registry, weight_files
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.training_state import Progress, RunCurves, Stage, WeightPlace
from cnnviz.training import runs, session, time_machine
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Finished, Started
from cnnviz.training.variation import NONE
from cnnviz.workers.inference import InferenceService
from cnnviz.workers.latest_lane import LatestLane
from cnnviz.workers.training import TrainingService
from cnnviz.workers.training_work import Paused, Running, Work
from cnnviz.workers.travelling import Look, TravelService, make_follower
from tests.workers.many_pictures import ManyPictures

CONFIG = TrainConfig(
    "lenet5", "starter", epochs=2, batch_size=20, validation=50, variation=NONE, threads=1, device="cpu"
)
LONG = replace(CONFIG, epochs=2000)


pytestmark = pytest.mark.usefixtures("few_digits")


@pytest.fixture
def training(state: AppState, messages: MessageCenter) -> Iterator[TrainingService]:
    service, travels = TrainingService(state, messages), TravelService(state, messages)
    yield service
    service.stop()
    travels.stop()


def at(state: AppState, stage: Stage) -> Callable[[], bool]:
    return lambda: state.training.progress.stage == stage


def past(state: AppState, step: int) -> Callable[[], bool]:
    return lambda: state.training.progress.step >= step


def test_a_run_from_start_to_end(state: AppState, training: TrainingService, qtbot: QtBot, tmp_path: Path) -> None:
    stages: list[str] = []
    state.training.progress_changed.connect(lambda p: stages.append(p.stage))
    state.training.start_requested.emit(CONFIG, "mine")
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    assert list(dict.fromkeys(stages)) == ["preparing", "running", "finished"]
    curves, sheet = state.training.curves, state.training.sheet
    assert curves is not None
    assert sheet is not None
    assert curves.batches["step"].tolist() == list(range(1, 21))
    assert curves.epochs["epoch"].tolist() == [1, 2]
    assert np.isfinite(curves.batches["loss"]).all()
    assert sheet.images_nhw.shape == (50, 28, 28)
    assert [layer.path for layer in state.training.layers] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    assert (tmp_path / "mine" / "best.safetensors").is_file()
    progress = state.training.progress
    assert (progress.step, progress.steps, progress.epoch) == (20, 20, 2)
    assert weight_files.read(tmp_path / "mine" / "last.safetensors").given["epoch"] == 2


def test_pause_one_step_and_go_on(state: AppState, training: TrainingService, qtbot: QtBot) -> None:
    state.training.start_requested.emit(LONG, "")
    qtbot.waitUntil(past(state, 5), timeout=30_000)
    state.training.pause_requested.emit(True)
    qtbot.waitUntil(at(state, "paused"), timeout=30_000)
    before = state.training.progress.step
    path = state.training.progress.path
    assert path is not None
    assert (path / "state.safetensors").is_file()
    state.training.watch(WeightPlace("conv1.weight", (0, 0, 2, 2)))
    state.training.step_requested.emit()
    qtbot.waitUntil(past(state, before + 1), timeout=30_000)
    qtbot.waitUntil(lambda: state.training.weight is not None, timeout=30_000)
    assert state.training.progress.step == before + 1
    assert state.training.progress.stage == "paused"
    found = state.training.weight
    assert found is not None
    assert found.step == before + 1
    assert found.after != found.before
    state.training.pause_requested.emit(False)
    qtbot.waitUntil(past(state, before + 30), timeout=30_000)
    assert state.training.progress.stage == "running"
    state.training.stop_requested.emit()
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    assert state.training.progress.sentence == "stopped"


def test_rate_and_freezing_act_from_the_next_step_on(state: AppState, training: TrainingService, qtbot: QtBot) -> None:
    state.training.start_requested.emit(replace(LONG, schedule="constant", warm_up=0.0), "")
    qtbot.waitUntil(past(state, 5), timeout=30_000)
    state.training.rate_requested.emit(0.5)
    state.training.freeze_requested.emit("conv2")
    curves = state.training.curves
    assert curves is not None
    qtbot.waitUntil(lambda: curves.batches["learning_rate"][-1] == CONFIG.learning_rate / 2, timeout=30_000)
    qtbot.waitUntil(lambda: [layer.path for layer in state.training.layers] == ["fc1", "fc2", "fc3"], timeout=30_000)
    state.training.freeze_requested.emit("nowhere")


def test_a_layer_that_is_not_there_is_a_sentence_and_the_run_goes_on(
    state: AppState, training: TrainingService, said: list[Message], qtbot: QtBot
) -> None:
    state.training.start_requested.emit(LONG, "")
    qtbot.waitUntil(past(state, 2), timeout=30_000)
    state.training.freeze_requested.emit("nowhere")
    qtbot.waitUntil(lambda: bool(said), timeout=30_000)
    assert "'nowhere'" in said[0].sentence
    qtbot.waitUntil(past(state, state.training.progress.step + 10), timeout=30_000)


def test_resuming_goes_on_with_the_curves(state: AppState, training: TrainingService, qtbot: QtBot) -> None:
    state.training.start_requested.emit(LONG, "again")
    qtbot.waitUntil(past(state, 20), timeout=30_000)
    state.training.stop_requested.emit()
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    path, before = state.training.progress.path, state.training.progress.step
    assert path is not None
    qtbot.waitUntil(lambda: training._thread is None, timeout=30_000)
    state.training.resume_requested.emit(str(path))
    qtbot.waitUntil(at(state, "running"), timeout=30_000)
    qtbot.waitUntil(past(state, before + 5), timeout=30_000)
    curves = state.training.curves
    assert curves is not None
    steps = curves.batches["step"]
    assert steps.tolist() == list(range(1, len(steps) + 1))


def test_a_second_start_saves_the_first(
    state: AppState, training: TrainingService, qtbot: QtBot, tmp_path: Path
) -> None:
    state.training.start_requested.emit(LONG, "one")
    qtbot.waitUntil(past(state, 5), timeout=30_000)
    state.training.start_requested.emit(CONFIG, "two")
    qtbot.waitUntil(lambda: state.training.progress.path == tmp_path / "two", timeout=30_000)
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    assert {run.name for run in runs.summaries()} == {"one", "two"}
    assert (tmp_path / "one" / "state.safetensors").is_file()


def test_the_window_closes_while_it_trains(
    state: AppState, messages: MessageCenter, qtbot: QtBot, tmp_path: Path
) -> None:
    service = TrainingService(state, messages)
    state.training.start_requested.emit(LONG, "mine")
    qtbot.waitUntil(past(state, 5), timeout=30_000)
    service.stop()
    from cnnviz.training import folder

    saved = folder.read_state(tmp_path / "mine")
    assert saved is not None
    assert saved.step >= 5


def reading(training: TrainingService, many_pictures: ManyPictures, qtbot: QtBot) -> None:
    """Wait until the third picture is read; the reading goes on when the run was asked to stop."""
    assert training._thread is not None
    work = training._thread.work
    many_pictures.wait = lambda: work.stopped.wait(30)
    qtbot.waitUntil(many_pictures.reached.is_set, timeout=30_000)


def test_a_run_stopped_while_pictures_are_read_leaves_nothing(
    state: AppState,
    training: TrainingService,
    many_pictures: ManyPictures,
    said: list[Message],
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    state.training.start_requested.emit(many_pictures.config, "mine")
    reading(training, many_pictures, qtbot)
    state.training.stop_requested.emit()
    qtbot.waitUntil(lambda: state.training.progress == Progress(), timeout=30_000)
    assert many_pictures.read == 3
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]
    assert not said


def test_the_window_closes_while_pictures_are_read(
    state: AppState, training: TrainingService, many_pictures: ManyPictures, qtbot: QtBot
) -> None:
    state.training.start_requested.emit(many_pictures.config, "mine")
    reading(training, many_pictures, qtbot)
    training.stop()
    assert many_pictures.read == 3


def test_a_run_that_goes_on_can_be_stopped_while_pictures_are_read(
    state: AppState,
    training: TrainingService,
    many_pictures: ManyPictures,
    said: list[Message],
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine"
    first = session.Session.begin(many_pictures.config, session.load_data(many_pictures.config), path)
    list(first.events(lambda: first.run.step >= 2))
    first.close()
    many_pictures.reached.clear()
    many_pictures.read = 0
    read: dict[str, int] = {}  # when each stage was reached
    state.training.progress_changed.connect(lambda progress: read.setdefault(progress.stage, many_pictures.read))
    state.training.resume_requested.emit(str(path))
    reading(training, many_pictures, qtbot)
    state.training.stop_requested.emit()
    qtbot.waitUntil(at(state, "idle"), timeout=30_000)
    assert read["idle"] == 3  # then the run is opened as it was saved, in a lane that nobody waits for
    qtbot.waitUntil(lambda: state.training.curves is not None, timeout=30_000)
    assert state.training.curves is not None
    assert state.training.curves.batches["step"].tolist() == list(range(1, first.run.step + 1))
    assert not said


def test_another_run_comes_when_one_gave_up_reading_pictures(
    state: AppState, training: TrainingService, many_pictures: ManyPictures, said: list[Message], qtbot: QtBot
) -> None:
    state.training.start_requested.emit(many_pictures.config, "mine")
    reading(training, many_pictures, qtbot)
    state.training.start_requested.emit(CONFIG, "other")
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    assert many_pictures.read == 3
    assert [run.name for run in runs.summaries()] == ["other"]
    assert not said


def test_going_back_and_to_the_present(state: AppState, training: TrainingService, qtbot: QtBot) -> None:
    state.training.start_requested.emit(CONFIG, "")
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    qtbot.waitUntil(lambda: bool(state.training.recorded), timeout=30_000)
    first = state.training.recorded[0]
    state.training.travel_requested.emit(first)
    qtbot.waitUntil(lambda: state.training.live is not None and state.training.live.step == first, timeout=30_000)
    assert state.training.cursor == first
    old = state.training.live
    assert old is not None
    assert state.training.sheet is not None
    assert state.training.sheet.step == first
    state.training.travel_requested.emit(None)
    qtbot.waitUntil(lambda: state.training.live is not old, timeout=30_000)
    new = state.training.live
    assert new is not None
    assert new.step == 20
    assert not torch.equal(new.tensors["conv1.weight"], old.tensors["conv1.weight"])


def test_the_last_step_can_be_gone_back_to(state: AppState, training: TrainingService, qtbot: QtBot) -> None:
    state.training.start_requested.emit(CONFIG, "")
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    assert state.training.recorded[-1] == 20


def test_the_step_at_which_a_run_was_stopped_can_be_gone_back_to(
    state: AppState, training: TrainingService, qtbot: QtBot
) -> None:
    state.training.start_requested.emit(LONG, "")
    qtbot.waitUntil(past(state, 100), timeout=30_000)
    state.training.stop_requested.emit()
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    step, path = state.training.progress.step, state.training.progress.path
    assert path is not None
    assert state.training.recorded[-1] == step
    snapshot = time_machine.read(time_machine.found_steps(path)[step])
    assert [layer.path for layer in snapshot.layers] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    assert state.training.layers == snapshot.layers


def test_explore_shows_the_network_that_learns(
    state: AppState, messages: MessageCenter, training: TrainingService, qtbot: QtBot
) -> None:
    inference = InferenceService(state, messages)
    try:
        ink_hw = np.zeros((28, 28), np.float32)
        ink_hw[5:22, 13:15] = 1
        state.set_input(ink_hw, blank=False)
        changes: list[object] = []
        state.weights_changed.connect(changes.append)
        state.training.start_requested.emit(LONG, "")
        qtbot.waitUntil(lambda: len(changes) >= 3, timeout=60_000)
        assert state.model is not None
        assert state.inspection is not None
        graph = state.model.graph
        live = state.training.live
        assert live is not None
        state.training.pause_requested.emit(True)
        qtbot.waitUntil(at(state, "paused"), timeout=30_000)
        qtbot.waitUntil(
            lambda: (
                state.model is not None
                and np.array_equal(
                    state.model.weights["conv1.weight"],
                    state.training.live.tensors["conv1.weight"].numpy(),  # type: ignore[union-attr]
                )
            )
        )
        assert state.model.graph is graph
        path = state.training.progress.path
        assert path is not None
        assert state.model.weights_note == f"{path.name}, step {state.training.live.step:,}"  # type: ignore[union-attr]
        other = registry.get("lenet1")
        state.request_model(ModelRequest(other.name))
        qtbot.waitUntil(lambda: state.model is not None and state.model.request.name == "lenet1", timeout=30_000)
        state.training.pause_requested.emit(False)
        qtbot.waitUntil(past(state, state.training.progress.step + 20), timeout=30_000)
        assert state.model.request.name == "lenet1"  # what the user chose stays
    finally:
        inference.stop()


def full(handle: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_makes_the_run_wait_and_it_goes_on(
    state: AppState, training: TrainingService, said: list[Message], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    state.model_requested.connect(asked.append)
    state.training.start_requested.emit(LONG, "")
    qtbot.waitUntil(past(state, 5), timeout=30_000)
    chosen = ModelRequest("lenet1")
    state.request_model(chosen)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        patch.setattr("cnnviz.training.folder._LEAST_S", 0.0)
        patch.setattr("cnnviz.training.folder._COST", 0.0)
        qtbot.waitUntil(at(state, "paused"), timeout=30_000)
        assert "disk is full" in said[0].sentence
    before = state.training.progress.step
    state.training.pause_requested.emit(False)
    qtbot.waitUntil(past(state, before + 20), timeout=30_000)
    curves = state.training.curves
    assert curves is not None
    steps = curves.batches["step"].tolist()
    assert steps == sorted(set(steps))
    assert asked[1:] == [chosen]  # what Explore shows stays


def test_a_disk_that_is_full_from_the_start_is_one_sentence_and_explore_waits(
    state: AppState, training: TrainingService, said: list[Message], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    state.model_requested.connect(asked.append)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        state.training.start_requested.emit(LONG, "")
        qtbot.waitUntil(at(state, "paused"), timeout=30_000)
    assert not asked
    assert [message.level for message in said] == ["problem"]
    state.training.pause_requested.emit(False)
    qtbot.waitUntil(past(state, 5), timeout=30_000)
    assert len(asked) == 1


def test_a_loss_that_is_no_number_is_said_and_the_run_can_go_back(
    state: AppState, training: TrainingService, said: list[Message], qtbot: QtBot
) -> None:
    state.training.start_requested.emit(replace(LONG, optimiser="sgd", learning_rate=100.0, warm_up=0.0), "wild")
    qtbot.waitUntil(at(state, "failed"), timeout=30_000)
    assert "no longer a number" in said[0].sentence
    path = state.training.progress.path
    assert path is not None
    qtbot.waitUntil(lambda: training._thread is None, timeout=30_000)
    state.training.resume_requested.emit(str(path))
    state.training.rate_requested.emit(1e-5)
    qtbot.waitUntil(past(state, 30), timeout=30_000)
    assert state.training.progress.stage == "running"


def test_what_cannot_start_is_said(
    state: AppState, training: TrainingService, said: list[Message], qtbot: QtBot, tmp_path: Path
) -> None:
    state.training.start_requested.emit(replace(CONFIG, validation=250), "none")
    qtbot.waitUntil(at(state, "failed"), timeout=30_000)
    assert "'validation' is 250" in said[0].sentence
    assert not (tmp_path / "none").exists()
    state.training.resume_requested.emit(str(tmp_path / "nowhere"))
    qtbot.waitUntil(lambda: len(said) > 1, timeout=30_000)
    assert "no run's folder" in said[1].sentence


def test_a_run_of_another_program_is_followed(
    state: AppState, training: TrainingService, few_digits: LabelledImages, qtbot: QtBot, tmp_path: Path
) -> None:
    other = session.Session.begin(CONFIG, few_digits, tmp_path / "theirs")
    events = other.events()
    try:
        for _ in range(4):
            next(events)
        other.save()
        state.training.follow_requested.emit(str(tmp_path / "theirs"))
        qtbot.waitUntil(at(state, "following"), timeout=30_000)
        curves = state.training.curves
        assert curves is not None
        seen = len(curves.batches)
        assert seen >= 1
        for _ in events:
            pass
    finally:
        other.close()
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    now = state.training.curves
    assert now is not None
    assert now.batches["step"].tolist() == list(range(1, 21))
    assert now.epochs["epoch"].tolist() == [1, 2]
    assert state.training.recorded


def test_curves_of_other_runs_are_laid_over(
    state: AppState, training: TrainingService, qtbot: QtBot, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        state.training.start_requested.emit(CONFIG, name)
        qtbot.waitUntil(
            lambda name=name: at(state, "finished")() and state.training.progress.path == tmp_path / name,  # type: ignore[misc]
            timeout=30_000,
        )
    state.training.overlay_requested.emit((str(tmp_path / "one"),))
    qtbot.waitUntil(lambda: len(state.training.overlaid) == 1, timeout=30_000)
    assert state.training.overlaid[0].title == "one"
    assert len(state.training.overlaid[0].batches) == 20
    state.training.overlay_requested.emit(())
    assert state.training.overlaid == ()


def test_curves_are_laid_over_while_a_recorded_step_is_read(
    state: AppState, training: TrainingService, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.training.start_requested.emit(CONFIG, "one")
    qtbot.waitUntil(lambda: at(state, "finished")() and bool(state.training.recorded), timeout=30_000)
    first, gate, read = state.training.recorded[0], threading.Event(), time_machine.read

    def waits(path: Path) -> time_machine.Snapshot:
        assert gate.wait(30)
        return read(path)

    monkeypatch.setattr(time_machine, "read", waits)
    try:
        state.training.travel_requested.emit(first)
        state.training.overlay_requested.emit((str(tmp_path / "one"),))
        qtbot.waitUntil(lambda: len(state.training.overlaid) == 1, timeout=10_000)
    finally:
        gate.set()
    qtbot.waitUntil(lambda: state.training.live is not None and state.training.live.step == first, timeout=30_000)


def test_curves_that_nobody_wishes_for_any_more_do_not_come(
    state: AppState, messages: MessageCenter, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    travels, gate = TravelService(state, messages), threading.Event()
    lane = LatestLane(lambda: lambda paths: (gate.wait(30), RunCurves(paths[0], "one"))[1:], "slow", travels)
    lane.done.connect(travels._on_overlayer_done)
    monkeypatch.setattr(travels, "_overlayer", lane)
    try:
        with qtbot.waitSignal(lane.done, timeout=30_000):
            state.training.overlay_requested.emit((str(tmp_path / "one"),))
            state.training.overlay_requested.emit(())
            gate.set()
        assert state.training.overlaid == ()
    finally:
        gate.set()
        travels.stop()


def test_keeping_the_network(state: AppState, training: TrainingService, qtbot: QtBot, tmp_path: Path) -> None:
    from cnnviz.models import checkpoints

    state.training.start_requested.emit(LONG, "")
    qtbot.waitUntil(past(state, 5), timeout=30_000)
    state.training.keep_requested.emit(str(tmp_path / "kept.safetensors"))
    qtbot.waitUntil((tmp_path / "kept.safetensors").is_file, timeout=30_000)
    spec, loaded = checkpoints.load_guessed(str(tmp_path / "kept.safetensors"))
    assert spec.name == "lenet5"
    assert not loaded.is_random


def worked(path: Path, at_once: Callable[[Work, object], None]) -> list[object]:
    """Run a short training in this thread and return its events; each is handed to `at_once` first."""
    events: list[object] = []

    def report(event: object) -> None:
        events.append(event)
        at_once(work, event)

    few = session.load_data(CONFIG)
    work = Work(lambda stopped: session.Session.begin(CONFIG, few, path), report)
    work.run()
    return events


@pytest.mark.parametrize("kind", [BatchesDone, EpochDone, Finished])
def test_a_pause_at_the_very_end_does_not_outlive_the_run(tmp_path: Path, kind: type) -> None:
    def ask(work: Work, event: object) -> None:
        if isinstance(event, kind) and getattr(event, "step", 20) == 20:
            work.commands.put(lambda asked: asked.pause(True))
        elif isinstance(event, Paused):
            work.commands.put(lambda asked: asked.pause(False))

    events = worked(tmp_path / "run", ask)
    assert isinstance(events[-1], Finished)
    told = [type(event) for event in events if isinstance(event, (Paused, Running))]
    assert told == ([] if kind is Finished else [Paused, Running])


def test_a_step_at_the_end_of_an_epoch_is_a_step(tmp_path: Path) -> None:
    seen, paused_at = [0], list[int]()

    def ask(work: Work, event: object) -> None:
        if isinstance(event, BatchesDone):
            seen[0] = event.step
            if event.step == 10:
                work.commands.put(lambda asked: asked.pause(True))
        elif isinstance(event, Paused):
            paused_at.append(seen[0])
            work.commands.put(lambda asked: asked.single() if len(paused_at) < 3 else asked.pause(False))

    events = worked(tmp_path / "run", ask)
    assert paused_at == [10, 11, 12]
    assert isinstance(events[-1], Finished)


def test_what_cannot_be_done_does_not_end_the_run(tmp_path: Path) -> None:
    def fail(work: Work) -> None:
        raise ValueError("no")

    def ask(work: Work, event: object) -> None:
        if isinstance(event, Started):
            work.commands.put(fail)

    events = worked(tmp_path / "run", ask)
    assert sum(isinstance(event, ValueError) for event in events) == 1
    assert isinstance(events[-1], Finished)


def test_a_weight_of_the_network_before_is_watched_no_more(
    state: AppState, training: TrainingService, said: list[Message], qtbot: QtBot
) -> None:
    state.training.watch(WeightPlace("elsewhere.weight", (0, 0)))
    state.training.start_requested.emit(CONFIG, "")
    qtbot.waitUntil(lambda: state.training.progress.stage in ("finished", "failed"), timeout=30_000)
    assert state.training.progress.stage == "finished"
    assert state.training.watched is None
    assert not said


def test_a_stop_at_the_very_end_leaves_the_run_finished(
    state: AppState, training: TrainingService, qtbot: QtBot
) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "finished":
            state.training.stop_requested.emit()

    state.training.progress_changed.connect(stop)
    state.training.start_requested.emit(CONFIG, "")
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    qtbot.waitUntil(lambda: training._thread is None, timeout=30_000)
    assert state.training.progress.stage == "finished"


@pytest.mark.parametrize("late", [Paused(), Running()])
def test_what_comes_late_does_not_take_back_a_stop(state: AppState, training: TrainingService, late: object) -> None:
    state.training.set_progress(Progress("stopping"))
    training.happened.emit(late)
    assert state.training.progress.stage == "stopping"


def test_a_run_that_others_go_on_with_keeps_its_pictures(tmp_path: Path) -> None:
    few = session.load_data(CONFIG)
    path = tmp_path / "theirs"
    first = session.Session.begin(CONFIG, few, path)
    list(first.events(lambda: first.run.step >= 3))
    first.close()
    follow = make_follower()
    assert follow(Look(path, fresh=True)).sheet is not None
    second = session.Session.resume(path)
    list(second.events(lambda: second.run.step >= 6))
    second.close()
    looked = follow(Look(path))
    assert looked.news.anew
    assert looked.sheet is not None
    assert looked.news.batches["step"].tolist() == list(range(1, second.run.step + 1))
    assert not follow(Look(path)).news.anew


def test_a_run_that_waits_comes_back_to_the_present(state: AppState, training: TrainingService, qtbot: QtBot) -> None:
    training_state = state.training
    training_state.start_requested.emit(LONG, "")
    qtbot.waitUntil(past(state, 5), timeout=30_000)
    training_state.pause_requested.emit(True)
    qtbot.waitUntil(lambda: at(state, "paused")() and bool(training_state.recorded), timeout=30_000)
    now, layers, first = training_state.progress.step, training_state.layers, training_state.recorded[0]
    training_state.travel_requested.emit(first)
    qtbot.waitUntil(lambda: training_state.live is not None and training_state.live.step == first, timeout=30_000)
    training_state.travel_requested.emit(None)
    qtbot.waitUntil(lambda: training_state.sheet is not None and training_state.sheet.step == now, timeout=30_000)
    assert training_state.live is not None
    assert training_state.live.step == now
    assert training_state.layers == layers


def test_the_end_of_a_run_is_what_is_shown_of_it(state: AppState, training: TrainingService, qtbot: QtBot) -> None:
    state.training.start_requested.emit(CONFIG, "")
    qtbot.waitUntil(at(state, "finished"), timeout=30_000)
    live, sheet, path = state.training.live, state.training.sheet, state.training.progress.path
    assert live is not None
    assert sheet is not None
    assert (live.step, sheet.step) == (20, 20)
    qtbot.waitUntil(lambda: training._thread is None, timeout=30_000)
    state.training.follow_requested.emit(str(path))
    qtbot.waitUntil(lambda: state.training.live not in (None, live), timeout=30_000)
    assert state.training.live is not None
    assert state.training.live.step == 20
    assert torch.equal(state.training.live.tensors["conv1.weight"], live.tensors["conv1.weight"])


def test_the_factor_of_the_rate_belongs_to_its_run(
    state: AppState, training: TrainingService, qtbot: QtBot, tmp_path: Path
) -> None:
    state.training.start_requested.emit(LONG, "slow")
    qtbot.waitUntil(past(state, 5), timeout=30_000)
    state.training.rate_requested.emit(0.5)
    assert state.training.progress.scale == 0.5
    state.training.start_requested.emit(LONG, "usual")
    usual, slow = tmp_path / "usual", tmp_path / "slow"
    qtbot.waitUntil(lambda: state.training.progress.path == usual and past(state, 5)(), timeout=30_000)
    assert state.training.progress.scale == 1.0
    state.training.resume_requested.emit(str(slow))
    qtbot.waitUntil(lambda: state.training.progress.path == slow and past(state, 5)(), timeout=30_000)
    assert state.training.progress.scale == 0.5


def test_a_run_in_sight_that_is_deleted_leaves_the_window(
    state: AppState, training: TrainingService, said: list[Message], qtbot: QtBot
) -> None:
    state.training.start_requested.emit(CONFIG, "mine")
    qtbot.waitUntil(lambda: at(state, "finished")() and training._thread is None, timeout=30_000)
    assert state.training.progress.path is not None
    runs.delete(state.training.progress.path)
    state.training.runs_changed.emit()
    qtbot.waitUntil(lambda: state.training.progress == Progress(), timeout=30_000)
    assert state.training.curves is None
    assert state.training.recorded == ()
    assert not said
