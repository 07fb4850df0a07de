"""Keeping a network in a file: while it learns, after its end, of its best epoch, of a step gone back to."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file

from cnnviz.datasets.images import LabelledImages
from cnnviz.models import checkpoints
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.training_state import Progress
from cnnviz.training import session
from cnnviz.training.config import TrainConfig
from cnnviz.training.time_machine import found_steps
from cnnviz.training.variation import NONE
from cnnviz.workers.keeping import KeepingService
from cnnviz.workers.training import TrainingService
from cnnviz.workers.training_work import Failed, Kept, Work
from cnnviz.workers.travelling import TravelService

CONFIG = TrainConfig(
    "lenet5", "starter", epochs=2, batch_size=20, validation=50, variation=NONE, threads=1, device="cpu"
)
WAIT_MS = 30_000


@pytest.fixture
def services(
    state: AppState, messages: MessageCenter, few_digits: LabelledImages
) -> Iterator[tuple[TrainingService, KeepingService]]:
    training, keeping = TrainingService(state, messages), KeepingService(state, messages)
    yield training, keeping
    training.stop()
    keeping.stop()


@pytest.fixture
def run(tmp_path: Path, few_digits: LabelledImages) -> Path:
    """A run of another day, trained to its end."""
    done = session.Session.begin(CONFIG, few_digits, tmp_path / "old")
    list(done.events())
    done.close()
    return tmp_path / "old"


def opened(state: AppState, run: Path) -> None:
    state.training.set_progress(Progress("finished", run, CONFIG))


def same(one: Path, other: Path) -> bool:
    first, second = load_file(one), load_file(other)
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_an_old_run_is_kept_as_it_was_saved_last(
    state: AppState, services: object, said: list[Message], run: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(state, run)
    target = tmp_path / "kept.safetensors"
    state.training.keep_requested.emit(str(target))
    qtbot.waitUntil(lambda: bool(said), timeout=WAIT_MS)
    assert (said[0].level, said[0].sentence) == (
        "notice", "The network as it was saved last was kept as kept.safetensors.",
    )  # fmt: skip
    assert same(target, run / "last.safetensors")
    spec, loaded = checkpoints.load_guessed(str(target))
    assert (spec.name, loaded.is_random) == ("lenet5", False)


def test_the_step_gone_back_to_and_the_best_epoch_are_kept(
    state: AppState, services: object, said: list[Message], run: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(state, run)
    step, source = list(found_steps(run).items())[1]
    state.training.set_cursor(step)
    state.training.keep_requested.emit(str(tmp_path / "step.safetensors"))
    state.training.keep_best_requested.emit(str(tmp_path / "best.safetensors"))  # while the first one is copied
    qtbot.waitUntil(lambda: len(said) == 2, timeout=WAIT_MS)
    assert f"after step {step}" in said[0].sentence
    assert "of the best epoch" in said[1].sentence
    assert same(tmp_path / "step.safetensors", source)
    assert same(tmp_path / "best.safetensors", run / "best.safetensors")
    assert checkpoints.load_guessed(str(tmp_path / "step.safetensors"))[0].name == "lenet5"


@pytest.mark.parametrize(
    ("cursor", "gone", "words"),
    [
        (7777, "", "Step 7,777 of 'old' is not recorded any more."),
        (None, "last.safetensors", "'old' has no saved weights."),
    ],
)
def test_what_is_not_there_is_said_and_nothing_is_written(
    state: AppState, services: object, said: list[Message], run: Path, qtbot: QtBot, tmp_path: Path,
    cursor: int | None, gone: str, words: str,
) -> None:  # fmt: skip
    opened(state, run)
    if gone:
        (run / gone).unlink()
        for step in (run / "snapshots").iterdir():
            step.unlink()
    state.training.set_cursor(cursor)
    state.training.keep_requested.emit(str(tmp_path / "kept.safetensors"))
    qtbot.waitUntil(lambda: bool(said), timeout=WAIT_MS)
    assert (said[0].level, said[0].sentence) == ("problem", words)
    assert not (tmp_path / "kept.safetensors").exists()


def test_a_full_disk_and_half_a_file_are_sentences_and_leave_the_old_file(
    state: AppState, services: object, said: list[Message], run: Path, qtbot: QtBot, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    target = tmp_path / "kept.safetensors"
    target.write_bytes(b"mine")
    opened(state, run)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        state.training.keep_requested.emit(str(target))
        qtbot.waitUntil(lambda: len(said) == 1, timeout=WAIT_MS)
    assert said[0].sentence == "'kept.safetensors' could not be saved: the disk is full."
    last = run / "last.safetensors"
    last.write_bytes(last.read_bytes()[:500])
    state.training.keep_requested.emit(str(target))
    qtbot.waitUntil(lambda: len(said) == 2, timeout=WAIT_MS)
    assert said[1].level == "problem"
    assert target.read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".kept")] == []


def test_back_in_time_the_step_is_kept_though_the_run_learns(
    state: AppState, services: tuple[TrainingService, KeepingService], messages: MessageCenter, said: list[Message],
    qtbot: QtBot, tmp_path: Path,
) -> None:  # fmt: skip
    travels = TravelService(state, messages)
    try:
        training = state.training
        training.start_requested.emit(replace(CONFIG, epochs=2000), "mine")
        qtbot.waitUntil(lambda: training.progress.step > 5, timeout=WAIT_MS)
        training.travel_requested.emit(1)
        training.keep_requested.emit(str(tmp_path / "first.safetensors"))
        qtbot.waitUntil(lambda: len(said) == 1, timeout=WAIT_MS)
        assert same(tmp_path / "first.safetensors", tmp_path / "mine" / "snapshots" / "000000001.safetensors")
        training.travel_requested.emit(None)
        training.keep_requested.emit(str(tmp_path / "now.safetensors"))
        training.stop_requested.emit()  # what was asked for before is done before the run is let go of
        qtbot.waitUntil(lambda: training.progress.stage == "finished", timeout=WAIT_MS)
        qtbot.waitUntil(lambda: len(said) == 2, timeout=WAIT_MS)
        assert (tmp_path / "now.safetensors").is_file()
        assert not same(tmp_path / "now.safetensors", tmp_path / "first.safetensors")
    finally:
        travels.stop()


def test_what_was_to_be_kept_is_kept_though_the_run_fails(few_digits: LabelledImages, tmp_path: Path) -> None:
    target = tmp_path / "kept.safetensors"
    events: list[object] = []

    def report(event: object) -> None:
        events.append(event)
        if isinstance(event, Failed):
            work.commands.put(lambda asked: asked.keep(target))

    wild = replace(CONFIG, epochs=2000, optimiser="sgd", learning_rate=100.0, warm_up=0.0)
    work = Work(lambda stopped: session.Session.begin(wild, few_digits, tmp_path / "wild"), report)
    work.run()
    assert isinstance(events[-1], Kept)
    assert target.is_file()


def test_the_best_epoch_of_a_run_that_learns_is_the_newest_one(
    state: AppState,
    services: object,
    said: list[Message],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cnnviz.training.folder._LEAST_S", 1e9)  # nothing is saved by itself
    state.training.start_requested.emit(replace(CONFIG, epochs=2000), "mine")
    qtbot.waitUntil(lambda: state.training.epoch is not None, timeout=WAIT_MS)
    target = tmp_path / "best.safetensors"
    state.training.keep_best_requested.emit(str(target))
    qtbot.waitUntil(lambda: bool(said), timeout=WAIT_MS)
    assert said[0].sentence == "The network of the best epoch was kept as best.safetensors."
    assert same(target, tmp_path / "mine" / checkpoints.BEST)
