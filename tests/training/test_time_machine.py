"""Recorded steps: within their room, well spread, and files like any other."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cnnviz.core.errors import UserError
from cnnviz.models import checkpoints
from cnnviz.training import time_machine
from cnnviz.training.events import BatchesDone, Finished
from cnnviz.training.loop import Run
from cnnviz.training.session import Session
from cnnviz.training.time_machine import SAMPLE, SNAPSHOTS, Recorder, answers, found_steps, least_missed, read
from tests.training.few import SMALL, few_digits

ABOUT = {"model": "lenet5", "epoch": 1, "classes": list("0123456789")}
KILOBYTES = 248  # of one recorded step of LeNet-5


@pytest.fixture(scope="module")
def at_work() -> Run:
    run = Run(SMALL, few_digits())
    list(run.events())
    return run


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every step be recorded."""
    monkeypatch.setattr(time_machine, "_LEAST_S", 0.0)
    monkeypatch.setattr(time_machine, "_COST", 0.0)


def record(recorder: Recorder, run: Run, steps: Iterator[int] | range) -> None:
    for step in steps:
        if recorder.is_due(step):
            recorder.record(run, ABOUT, BatchesDone(1, step, step, (0.5,), (0.75,), (1e-3,), 100.0))


def test_the_room_is_kept_with_the_first_and_the_last(tmp_path: Path, at_work: Run, always: None) -> None:
    recorder = Recorder(tmp_path, 3)
    for end in range(1, 200):
        record(recorder, at_work, range(end, end + 1))
        found = found_steps(tmp_path)
        assert sum(path.stat().st_size for path in found.values()) <= 3_000_000
        assert (min(found), max(found)) == (1, end)
    assert len(found) >= 3000 // KILOBYTES - 1
    steps = list(found)
    gaps = np.diff(steps)
    assert gaps.max() <= 200 / 4  # nowhere a hole
    assert gaps[: len(gaps) // 2].mean() < gaps[len(gaps) // 2 :].mean()  # denser where most happens
    assert {p.name for p in (tmp_path / SNAPSHOTS).iterdir()} == {path.name for path in found.values()}


def test_early_steps_are_recorded_at_each_doubling_and_then_by_the_clock(tmp_path: Path, at_work: Run) -> None:
    recorder = Recorder(tmp_path, 100)
    recorder._wait_s = float("inf")
    record(recorder, at_work, range(1, 2))
    recorder._wait_s = 1e9
    for step in range(2, 300):
        recorder._wait_s = 1e9
        record(recorder, at_work, range(step, step + 1))
    assert list(found_steps(tmp_path)) == [1, 2, 4, 8, 16, 32, 64]
    recorder._wait_s = 0.0
    assert recorder.is_due(300)


def test_least_missed_by_hand() -> None:
    assert least_missed([1, 2, 3, 100]) == 2  # (3 − 1) / √3 before (100 − 2) / √4
    assert least_missed([1, 50, 100, 101, 102]) == 101
    assert least_missed([1, 10, 20]) == 10


def test_a_recorded_step_is_read_as_it_was_and_opens_as_weights(tmp_path: Path) -> None:
    session = Session.begin(replace(SMALL, snapshots_mb=50), few_digits(), tmp_path / "run")
    session.run.read_s = 0.0
    seen = {}
    for event in session.events():
        if isinstance(event, BatchesDone):
            path = found_steps(tmp_path / "run").get(event.step)
            if path is not None and event.step not in seen:
                seen[event.step] = (event, session.run.weights(), answers(session.run))
    session.close()
    assert list(seen)[:4] == [1, 2, 4, 8]
    for step, (event, weights, told_n) in seen.items():
        path = found_steps(tmp_path / "run")[step]
        found = read(path)
        assert (found.step, found.loss, found.accuracy) == (step, event.losses[-1], event.accuracies[-1])
        assert found.layers == event.layers
        assert found.predicted_n.tolist() == told_n.tolist()
        assert len(told_n) == min(SAMPLE, 50)
        assert found.weights.keys() == weights.keys()
        assert all(torch.equal(value, weights[key]) for key, value in found.weights.items())
    spec, loaded = checkpoints.load_guessed(str(path))
    assert spec.name == "lenet5"
    assert all(torch.equal(value, loaded.module.state_dict()[key]) for key, value in weights.items())


def test_a_network_that_is_too_large_records_nothing(tmp_path: Path, at_work: Run, always: None) -> None:
    class Tiny(Recorder):
        """Room for two steps of it."""

    recorder = Tiny(tmp_path, 1)
    recorder._budget = KILOBYTES * 1000 * 2
    record(recorder, at_work, range(1, 20))
    assert found_steps(tmp_path) == {}
    assert not recorder.is_due(20)
    none = Recorder(tmp_path, 0)
    record(none, at_work, range(1, 20))
    assert not (tmp_path / SNAPSHOTS).exists()


def test_what_an_older_life_recorded_later_is_cut_off(tmp_path: Path, at_work: Run, always: None) -> None:
    record(Recorder(tmp_path, 50), at_work, range(1, 11))
    (tmp_path / SNAPSHOTS / ".11.half").write_bytes(b"half a file")
    again = Recorder(tmp_path, 50)
    again.cut(6)
    assert list(found_steps(tmp_path)) == [1, 2, 3, 4, 5, 6]
    assert not (tmp_path / SNAPSHOTS / ".11.half").exists()
    record(again, at_work, range(7, 9))
    assert list(found_steps(tmp_path)) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_resuming_cuts_them(tmp_path: Path, always: None) -> None:
    path = tmp_path / "run"
    session = Session.begin(replace(SMALL, snapshots_mb=50), few_digits(), path)
    session.run.read_s = 0.0
    for event in session.events():
        if isinstance(event, BatchesDone) and event.step == 5:
            session.save()
        if isinstance(event, BatchesDone) and event.step == 9:
            break
    session.close()
    assert max(found_steps(path)) == 9
    again = Session.resume(path, lambda config: few_digits())
    next(again.events())
    assert max(found_steps(path)) == 5
    again.close()


@pytest.mark.parametrize("call", ["stat", "unlink"])
def test_a_disk_that_refuses_before_the_first_step_is_one_sentence_and_the_run_goes_on_later(
    tmp_path: Path, always: None, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "run"
    session = Session.begin(replace(SMALL, snapshots_mb=50), few_digits(), path)
    session.run.read_s = 0.0
    for event in session.events():
        if isinstance(event, BatchesDone) and event.step == 5:
            break
    session.close()
    before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    again = Session.resume(path, lambda config: few_digits())
    plain = getattr(Path, call)

    def full(at: Path, *args: Any, **keywords: Any) -> Any:
        if SNAPSHOTS in at.parts and at.suffix:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return plain(at, *args, **keywords)

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(Path, call, full)
            with pytest.raises(UserError, match="the disk is full") as caught:
                list(again.events())
        assert isinstance(caught.value.__cause__, OSError)  # so the window lets the run wait
        assert {p: p.read_bytes() for p in path.rglob("*") if p.is_file()} == before
    assert isinstance(list(again.events())[-1], Finished)
    again.close()


@pytest.mark.parametrize("left", [0, 5, 300, -7])
def test_a_damaged_step_is_one_sentence(tmp_path: Path, at_work: Run, left: int) -> None:
    record(Recorder(tmp_path, 50), at_work, range(1, 2))
    path = found_steps(tmp_path)[1]
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(UserError, match="recorded step '000000001' is gone or damaged"):
        read(path)
    path.unlink()
    with pytest.raises(UserError, match="gone or damaged"):
        read(path)


def test_other_files_among_them_are_left_alone(tmp_path: Path, at_work: Run, always: None) -> None:
    (tmp_path / SNAPSHOTS).mkdir()
    for name in ("mine.safetensors", "notes.txt", "²³.safetensors"):
        (tmp_path / SNAPSHOTS / name).write_bytes(b"")
    record(Recorder(tmp_path, 1), at_work, range(1, 10))
    assert len(list((tmp_path / SNAPSHOTS).iterdir())) == 3 + len(found_steps(tmp_path))


def test_a_network_that_draws_has_no_answers(tmp_path: Path, always: None) -> None:
    run = Run(replace(SMALL, model="autoencoder"), few_digits())
    record(Recorder(tmp_path, 50), run, range(1, 2))
    assert read(found_steps(tmp_path)[1]).predicted_n.tolist() == []
