"""A run that goes on from a saved state does what it would have done, bit for bit, however it was ended."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from cnnviz import cli
from cnnviz.core.errors import UserError
from cnnviz.datasets.images import LabelledImages
from cnnviz.training import command, loop, session
from cnnviz.training import folder as folders
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Finished, Started
from cnnviz.training.loop import Run
from cnnviz.training.session import Session
from cnnviz.training.variation import DIGITS, NONE, Variation
from tests.training import programs
from tests.training.few import SMALL, epochs, few_digits, photographs, until

ALL_KINDS = Variation(True, 0.5, 0.1, 10, 0.1, 5, 0.2, 0.2, 0.2, 0.1, 0.4)
PHOTO = replace(SMALL, model="vgg_small", data="cifar10", variation=NONE, batch_size=8, validation=8, dropout=0.3)
COMBINATIONS: dict[str, TrainConfig] = {
    "sgd and average": replace(SMALL, optimiser="sgd", learning_rate=0.05, average=0.99),
    "sgd without momentum": replace(SMALL, optimiser="sgd", momentum=0.0),
    "adam and every variation": replace(SMALL, optimiser="adam", variation=ALL_KINDS),
    "adamw and clipping": replace(SMALL, clip=0.5, schedule="cosine"),
    "adadelta and steps": replace(SMALL, optimiser="adadelta", learning_rate=1.0, schedule="step", step_epochs=1),
    "rmsprop and plateau": replace(
        SMALL, optimiser="rmsprop", learning_rate=0.03, schedule="plateau", step_epochs=1, step_factor=0.5, epochs=4
    ),
    "frozen layers": replace(SMALL, freeze="conv1", average=0.9),
    "squared error, no validation": replace(SMALL, loss="squared_error", validation=0, label_smoothing=0.1),
    "a network that draws": replace(SMALL, model="autoencoder", epochs=1, validation=150),
    "dropout, normalisation, average, bfloat16": replace(PHOTO, average=0.9, precision="bfloat16"),
    "dropout, normalisation, frozen": replace(PHOTO, freeze="features.0", variation=Variation(mirror=0.5, shift=0.1)),
}


def data_of(config: TrainConfig) -> LabelledImages:
    return photographs(40, 32) if config.data == "cifar10" else few_digits()


def through_the_disk(run: Run, folder: Path) -> folders.Saved:
    """Return a run's state as it comes back from a file."""
    writer = folders.RunFolder.create(folder, run.config)
    writer.start(Started(run.config, 1, 1, 1, 1, 1, "", 1), data_of(run.config), run.spec)
    writer.save(run)
    writer.close()
    found = folders.read_state(folder)
    assert found is not None
    return found


def same_state(one: Run, other: Run) -> None:
    """Fail unless two runs are in the same state, bit for bit."""
    (tensors, rest), (others, other_rest) = one.state(), other.state()
    assert tensors.keys() == others.keys()
    for key, value in tensors.items():
        assert torch.equal(value, others[key]), key
    assert {**rest, "seconds": 0} == {**other_rest, "seconds": 0}


@pytest.mark.parametrize("where", ["middle", "end of an epoch", "after an epoch"])
@pytest.mark.parametrize("name", COMBINATIONS)
def test_a_restored_run_goes_on_bit_for_bit(tmp_path: Path, name: str, where: str) -> None:
    config = COMBINATIONS[name]
    data = data_of(config)
    whole = Run(config, data)
    step = whole.batches + 3 if config.epochs > 1 and where == "middle" else whole.batches if where != "middle" else 4
    saved: folders.Saved | None = None
    whole.read_s = 0.0
    done: list[EpochDone] = []
    for event in whole.events():
        if isinstance(event, EpochDone):
            done.append(event)
        due = isinstance(event, EpochDone if where == "after an epoch" else BatchesDone)
        if saved is None and due and event.step >= step:  # type: ignore[union-attr]
            saved = through_the_disk(whole, tmp_path)
    assert saved is not None
    again = Run(config, data)
    again.restore(saved.tensors, saved.rest)
    repeated = epochs(again.events())
    same_state(whole, again)
    for one, other in zip(reversed(done), reversed(repeated), strict=False):
        one, other = (replace(event, seconds=0, images_per_second=0) for event in (one, other))
        assert repr(one) == repr(other)  # all digits; NaN is the same as NaN
        assert (one.predicted_n == other.predicted_n).all()
    assert len(repeated) == config.epochs - (saved.rest["epoch"] - 1)


def test_a_rate_changed_by_hand_and_a_moved_freeze_line_stay(tmp_path: Path) -> None:
    def at_work(run: Run, to: int) -> None:
        for _ in until(run, to):
            pass

    whole = Run(SMALL, few_digits())
    at_work(whole, 5)
    whole.set_rate(0.25)
    whole.freeze("conv2")
    at_work(whole, 8)
    saved = through_the_disk(whole, tmp_path)
    again = Run(SMALL, few_digits())
    again.restore(saved.tensors, saved.rest)
    assert (again.scale, again.frozen) == (0.25, "conv2")
    rates = [run.optimiser.param_groups[0]["lr"] for run in (whole, again)]
    assert rates[0] == rates[1]
    for run in (whole, again):
        list(run.events())
    same_state(whole, again)


def test_the_state_of_another_network_is_one_sentence() -> None:
    tensors, rest = Run(SMALL, few_digits()).state()
    for wrong in (replace(SMALL, model="lenet1"), replace(SMALL, average=0.9)):
        with pytest.raises(UserError, match="another network or is damaged"):
            Run(wrong, few_digits()).restore(tensors, rest)
    for key in rest:
        broken = {k: v for k, v in rest.items() if k != key}
        with pytest.raises(UserError, match="damaged"):
            Run(SMALL, few_digits()).restore(tensors, broken)


# The program itself, killed.


def _program(moment: str, count: int, arguments: Sequence[str]) -> int:
    """Run the command line in a process of its own, which is killed at a moment."""
    loaders: tuple[Any, ...] = (command, session)
    for module in loaders:
        module.load_data = lambda config, **_: few_digits()
    folders._LEAST_S, folders._COST = 0.0, 0.0  # saved after every report
    loop.READ_S = 0.0
    seen = 0

    def die() -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

    kind: Any = session.Session
    write = kind._write
    if moment == "after saving":
        saver: Any = folders.RunFolder
        save = saver.save
        saver.save = lambda self, run: (save(self, run), die())
    elif moment == "while saving":  # the n-th file that is synced has not taken its place yet
        system: Any = os
        sync = os.fsync
        system.fsync = lambda handle: (die(), sync(handle))
    elif moment == "between":
        kind._write = lambda self, *rest: (write(self, *rest), die() if self.run.step > 3 else None)
    elif moment == "interrupt":
        kind._write = lambda self, *rest: (
            os.kill(os.getpid(), signal.SIGINT) if self.run.step == count else None, write(self, *rest)
        )  # fmt: skip
    return cli.main(list(arguments))


_CONFIG = replace(SMALL, optimiser="adam", average=0.9, clip=1.0, variation=replace(DIGITS, mixup=0.2), epochs=2)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_run(tmp_path_factory.mktemp("whole") / "run", _CONFIG)


def whole_run(path: Path, config: TrainConfig) -> Path:
    session = Session.begin(config, few_digits(), path)
    list(session.events())
    session.close()
    return path


def columns(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [
            {k: v for k, v in row.items() if k not in ("seconds", "images_per_second")} for row in csv.DictReader(file)
        ]


def entries(path: Path) -> tuple[dict[str, torch.Tensor], Any]:
    with safe_open(path, framework="pt") as opened:
        note = json.loads(next(iter(opened.metadata().values())))
        note.pop("seconds", None)
        return {key: opened.get_tensor(key) for key in opened.keys()}, note  # noqa: SIM118  # no mapping


def same_runs(one: Path, other: Path) -> None:
    """Fail unless the files of two runs say the same."""
    for name in ("best.safetensors", "last.safetensors", "predicted.npy", "config.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    for name in ("batches.csv", "metrics.csv"):
        assert columns(one / name) == columns(other / name)
    (tensors, note), (others, other_note) = entries(one / "state.safetensors"), entries(other / "state.safetensors")
    assert note == other_note
    assert tensors.keys() == others.keys()
    assert all(torch.equal(value, others[key]) for key, value in tensors.items())


@pytest.mark.parametrize(("moment", "count"), [("after saving", 5), ("between", 9), ("while saving", 31)])
def test_a_killed_program_goes_on_bit_for_bit(tmp_path: Path, uninterrupted: Path, moment: str, count: int) -> None:
    (tmp_path / "config.json").write_text(_CONFIG.to_json())
    path = tmp_path / "run"
    asked = ["train", "--config", str(tmp_path / "config.json"), "--validation", "50", "--out", str(path)]
    killed = programs.start(tmp_path / "killed", _program, moment, count, asked)
    assert killed.wait() == -signal.SIGKILL, killed.err
    assert (path / "state.safetensors").is_file()
    assert len(columns(path / "metrics.csv")) < 2
    assert not folders.is_written(path)  # the lock goes with the program
    if moment == "between":
        done = programs.start(tmp_path / "done", _program, "never", 0, ["resume", str(path)])
        assert (done.wait(), done.err) == (0, "")
        assert "best epoch" in done.out
    else:
        resumed(path)
    same_runs(uninterrupted, path)
    assert not list(path.glob(".*.*.*"))  # nothing half written is left


def test_ctrl_c_saves_and_the_run_goes_on(tmp_path: Path, uninterrupted: Path) -> None:
    (tmp_path / "config.json").write_text(_CONFIG.to_json())
    path = tmp_path / "run"
    asked = ["train", "--config", str(tmp_path / "config.json"), "--validation", "50", "--out", str(path)]
    stopped = programs.start(tmp_path / "stopped", _program, "interrupt", 13, asked)
    assert (stopped.wait(), stopped.err) == (0, "")
    assert f"stopped after 1 whole epochs; go on by: cnnviz resume {path}" in stopped.out
    assert [int(row["step"]) for row in columns(path / "batches.csv")] == list(range(1, 15))
    saved = folders.read_state(path)
    assert saved is not None
    assert saved.step == 14
    resumed(path)
    same_runs(uninterrupted, path)


# What a power cut leaves, and what changed meanwhile.


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Path]:
    """A run that was stopped after 13 of its 20 steps."""
    path = tmp_path / "stopped"
    session = Session.begin(_CONFIG, few_digits(), path)
    session.run.read_s = 0.0
    list(session.events(lambda: session.run.step >= 13))
    session.close()
    return path


def resumed(path: Path) -> list[object]:
    session = Session.resume(path, lambda config: few_digits())
    try:
        return list(session.events())
    finally:
        session.close()


@pytest.mark.parametrize(
    "tail",
    [
        b"14,2,0.53",
        b"14,2,0.5,0.9,0.001",
        b"14,2,0.5,0.9,0.001\n15,2,0.4,1,0.",
        b"\0" * 5000,
        b"\xff\xfe,",
        b"\0" * 200_000,
    ],
    ids=["half a line", "no end", "two", "zeros", "no text", "many zeros"],
)
def test_what_a_power_cut_leaves_in_the_lists_is_cut_off(stopped: Path, uninterrupted: Path, tail: bytes) -> None:
    for name in ("batches.csv", "metrics.csv"):
        with (stopped / name).open("ab") as file:
            file.write(tail)
    events = resumed(stopped)
    assert isinstance(events[0], Started)
    assert events[0].step == 13
    same_runs(uninterrupted, stopped)


@pytest.mark.parametrize("left", [0, 7, 100, -1, -100])
def test_a_state_that_is_cut_off_is_one_sentence(stopped: Path, left: int) -> None:
    state = stopped / "state.safetensors"
    before = {p.name: p.read_bytes() for p in stopped.iterdir() if p != state}
    state.write_bytes(state.read_bytes()[:left])
    with pytest.raises(UserError, match="saved state of 'stopped' is damaged") as caught:
        Session.resume(stopped, lambda config: few_digits())
    assert "--start" in caught.value.suggestion
    assert {p.name: p.read_bytes() for p in stopped.iterdir() if p != state} == before
    assert not folders.is_written(stopped)
    fresh = Session.begin(replace(_CONFIG, start=str(stopped)), few_digits(), stopped.with_name("new"))
    fresh.close()  # what the suggestion says, works


def test_a_run_that_never_saved_begins_again(stopped: Path, uninterrupted: Path) -> None:
    (stopped / "state.safetensors").unlink()
    events = resumed(stopped)
    assert isinstance(events[0], Started)
    assert events[0].step == 0
    same_runs(uninterrupted, stopped)


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    path = whole_run(tmp_path / "run", replace(SMALL, epochs=1))
    before = columns(path / "batches.csv")
    events = resumed(path)
    assert [type(event) for event in events] == [Started, Finished]
    assert columns(path / "batches.csv") == before


def test_other_pictures_are_refused(stopped: Path) -> None:
    digits = few_digits()
    changed = digits.images_nhw.copy()
    changed[3, 14, 14] ^= 1
    fewer = replace(digits, images_nhw=digits.images_nhw[:-1], labels_n=digits.labels_n[:-1])
    other_classes = replace(digits, classes=tuple("abcdefghij"))
    for data, words in (
        (replace(digits, images_nhw=changed), "other pictures or classes"),
        (fewer, "250 pictures then, 249 now"),
        (other_classes, "other pictures or classes"),
        (replace(digits, labels_n=digits.labels_n[::-1].copy()), "other pictures or classes"),
    ):
        with pytest.raises(UserError, match=f"'stopped' changed since the run began: {words}"):
            Session.resume(stopped, lambda config, data=data: data)  # type: ignore[misc]
    assert not folders.is_written(stopped)


def test_what_is_no_run_cannot_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["resume", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "no run's folder" in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_uninterrupted_run_takes_no_longer_than_its_steps_to_stop(tmp_path: Path) -> None:
    session = Session.begin(replace(SMALL, epochs=10_000), few_digits(), tmp_path / "run")
    start_s = time.monotonic()
    asked = iter([False] * 30)
    events = list(session.events(lambda: next(asked, True)))
    session.close()
    assert isinstance(events[-1], Finished)
    assert events[-1].stopped
    assert time.monotonic() - start_s < 60
