"""Events for TensorBoard, read back by TensorBoard's own reader; a run does without where it is not installed."""

from __future__ import annotations

import errno
import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnviz.training import tensorboard
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone
from cnnviz.training.session import Session
from tests.training.few import few_digits

CONFIG = TrainConfig("lenet5", "starter", epochs=2, batch_size=50, validation=50, threads=1, device="cpu")


def test_curves_are_what_the_run_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "OFTEN_S", 0.0)
    session = Session.begin(CONFIG, few_digits(), tmp_path / "run")
    seen = list(session.events())
    session.close()
    found = EventAccumulator(str(tmp_path / "run")).Reload()
    epochs = [event for event in seen if isinstance(event, EpochDone)]
    batches = [event for event in seen if isinstance(event, BatchesDone)]
    losses = found.Scalars("validation/loss")
    assert [(one.step, one.value) for one in losses] == [
        (event.step, pytest.approx(event.val_loss, rel=1e-6)) for event in epochs
    ]
    assert [one.step for one in found.Scalars("batch/loss")] == [event.step for event in batches]
    assert set(found.Tags()["scalars"]) >= {"rate", "train/accuracy", "batch/accuracy", "validation/accuracy"}


def test_batches_are_written_now_and_then_and_every_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "OFTEN_S", 1e9)
    session = Session.begin(CONFIG, few_digits(), tmp_path / "run")
    seen = list(session.events())
    session.close()
    found = EventAccumulator(str(tmp_path / "run")).Reload()
    first = next(event for event in seen if isinstance(event, BatchesDone))
    assert [one.step for one in found.Scalars("batch/loss")] == [first.step]
    assert len(found.Scalars("validation/loss")) == CONFIG.epochs


def test_without_the_package_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name))
    session = Session.begin(replace(CONFIG, epochs=1), few_digits(), tmp_path / "run")
    for _ in session.events():
        pass
    session.close()
    assert not list((tmp_path / "run").glob("events.out*"))
    assert (tmp_path / "run" / "metrics.csv").is_file()


def test_a_full_disk_at_the_end_is_a_matter_of_the_runs_own_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = tensorboard.TensorBoard(tmp_path)
    board.write(BatchesDone(1, 1, 1, (1.0,), (0.5,), (0.1,), 10.0, (), None))
    assert board._writer is not None
    close = board._writer.close

    def full() -> None:
        close()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(board._writer, "close", full)
    board.close()
    board.close()  # nothing is left to close
