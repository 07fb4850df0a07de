"""A run's folder: what is in it, one writer, and a disk that is full at any of its files."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cnnviz.core.errors import Cancelled, UserError
from cnnviz.models import checkpoints, weight_files
from cnnviz.training import folder as folders
from cnnviz.training import session as sessions
from cnnviz.training.config import TrainConfig
from cnnviz.training.diagnosis import Diverged
from cnnviz.training.events import BatchesDone, EpochDone, Finished
from cnnviz.training.folder import BATCH_COLUMNS, COLUMNS
from cnnviz.training.session import Session
from cnnviz.training.time_machine import found_steps
from tests.training import programs
from tests.training.few import SMALL, epochs, few_digits, steps

CONFIG = replace(SMALL, snapshots_mb=10)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A run that has not begun; each of its steps will be reported."""
    opened = Session.begin(CONFIG, few_digits(), tmp_path / "run")
    opened.run.read_s = 0.0
    yield opened
    opened.close()


def rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()]


def test_a_runs_folder_holds_everything(session: Session) -> None:
    events = list(session.events())
    session.close()
    assert session.folder is not None
    path = session.folder.path
    names = {
        "config.json", "facts.json", "metrics.csv", "batches.csv", "best.safetensors", "last.safetensors",
        "state.safetensors", "predicted.npy", "snapshots",
    }  # fmt: skip
    found = {entry.name for entry in path.iterdir() if not entry.name.startswith("events.out.tfevents.")}
    assert found - {".lock"} == names
    assert TrainConfig.from_json((path / "config.json").read_text("utf-8"), "config.json") == CONFIG
    facts = json.loads((path / "facts.json").read_text("utf-8"))
    assert facts["data_sha256"] == {"some.npz": "00ff"}
    assert facts["versions"]["torch"] == torch.__version__
    assert (facts["threads"], facts["pictures"], facts["n_train"], facts["batches"]) == (1, 250, 200, 10)
    head, *found = rows(path / "metrics.csv")
    assert tuple(head) == COLUMNS
    for row, event in zip(found, epochs(events), strict=True):
        assert [float(value) for value in row] == [float(getattr(event, name)) for name in COLUMNS]
    head, *found = rows(path / "batches.csv")
    assert tuple(head) == BATCH_COLUMNS
    assert [int(row[0]) for row in found] == list(range(1, 21))
    assert [float(row[2]) for row in found] == pytest.approx([e.losses[0] for e in steps(events)], rel=1e-6)
    best = next(event for event in reversed(epochs(events)) if event.is_best)
    weights = weight_files.read(path / "best.safetensors")
    assert weights.network == "lenet5"
    assert all(torch.equal(weights.tensors[key], best.weights[key]) for key in best.weights)
    last = weight_files.read(path / "last.safetensors").tensors
    assert all(torch.equal(last[key], epochs(events)[-1].weights[key]) for key in last)
    assert np.load(path / "predicted.npy").tolist() == best.predicted_n.tolist()
    assert checkpoints.load_guessed(str(path))[0].name == "lenet5"


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        opened = Session.begin(SMALL, few_digits(), tmp_path / name)
        list(opened.events())
        opened.close()
        assert opened.folder is not None
        found.append(opened.folder.best_sha256())
    assert found[0] == found[1]


def test_a_run_is_not_overwritten_unasked(session: Session) -> None:
    list(session.events())
    session.close()
    assert session.folder is not None
    path = session.folder.path
    before = {p.name: p.read_bytes() for p in path.iterdir() if p.is_file()}
    with pytest.raises(UserError, match="holds a run already"):
        Session.begin(CONFIG, few_digits(), path)
    assert {p.name: p.read_bytes() for p in path.iterdir() if p.is_file()} == before
    again = Session.begin(replace(CONFIG, seed=1), few_digits(), path, overwrite=True)
    assert {p.name: p.read_bytes() for p in path.iterdir() if p.is_file()} == before  # not before it starts
    next(again.events())
    assert not (path / "best.safetensors").exists()  # no old weights beside a new configuration
    saved = folders.read_state(path)
    assert saved is not None
    assert saved.step == 0
    assert found_steps(path) == {}
    again.close()


def test_a_run_that_never_starts_leaves_nothing(tmp_path: Path) -> None:
    wrong = replace(CONFIG, device="cuda" if not torch.cuda.is_available() else "mps")
    with pytest.raises(UserError, match="no usable"):
        Session.begin(wrong, few_digits(), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        Session.begin(CONFIG, few_digits(), tmp_path / "file" / "run")


def test_the_last_good_state_is_kept_when_the_loss_is_no_number(session: Session) -> None:
    assert session.folder is not None
    path = session.folder.path
    before: dict[str, bytes] = {}
    names = ("state.safetensors", "last.safetensors")
    with pytest.raises(Diverged, match="'conv2'"):  # noqa: PT012  # the error comes in the middle
        for event in session.events():
            if isinstance(event, BatchesDone) and event.step == 7:
                session.save()
                before = {name: (path / name).read_bytes() for name in names}
                with torch.no_grad():
                    session.run.network.get_parameter("conv2.weight").fill_(float("nan"))
                session.save()
    session.close()
    assert {name: (path / name).read_bytes() for name in names} == before
    again = Session.resume(path, lambda config: few_digits())
    assert again.run.step == 7
    assert isinstance(list(again.events())[-1], Finished)
    again.close()


# A full disk.


class Disk:
    """Refuses bytes for some files, as a full disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full_for = ""
        fsync, write_bytes, flush = os.fsync, Path.write_bytes, folders._List.flush

        def sync(handle: int) -> None:
            self.check(os.readlink(f"/proc/self/fd/{handle}"))
            fsync(handle)

        def write(path: Path, data: bytes) -> int:
            self.check(str(path))
            return write_bytes(path, data)

        def flushed(lines: Any) -> None:
            if lines._waiting:
                self.check(lines._file.name if isinstance(lines._file.name, str) else str(lines._file.name))
            flush(lines)

        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(Path, "write_bytes", write)
        monkeypatch.setattr(folders._List, "flush", flushed)

    def check(self, path: str) -> None:
        if self.full_for and self.full_for in path:  # the name of the file, or of the half one beside it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="tells files by /proc")
@pytest.mark.parametrize(
    "name",
    [
        "state.safetensors",
        "last.safetensors",
        "best.safetensors",
        "predicted.npy",
        "metrics.csv",
        "batches.csv",
        "snapshots",
    ],
)
def test_a_full_disk_is_one_sentence_and_after_room_is_made_it_goes_on(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(folders, "_LEAST_S", 0.0)
    monkeypatch.setattr(folders, "_COST", 0.0)
    monkeypatch.setattr(folders, "_FLUSH_S", 0.0)
    assert session.folder is not None
    path, disk = session.folder.path, Disk(monkeypatch)
    seen: list[Any] = []
    before: dict[str, bytes] = {}
    with pytest.raises(UserError, match="could not be saved: the disk is full") as caught:  # noqa: PT012
        for event in session.events():
            seen.append(event)
            if isinstance(event, EpochDone):
                before = {p.name: p.read_bytes() for p in path.iterdir() if p.is_file()}
                session.run.best = (-1.0, 0.0)  # the next epoch counts as better
                disk.full_for = name
    assert isinstance(caught.value.__cause__, OSError)
    kept = {p.name: p.read_bytes() for p in path.iterdir() if p.is_file()}
    if name in kept:
        assert kept[name] == before[name]
    if name not in ("metrics.csv", "batches.csv", "snapshots"):
        assert kept["state.safetensors"] == before["state.safetensors"]  # the state never counts on what is not there
    assert not list(path.rglob(".*.*.*"))
    with pytest.raises(UserError, match="the disk is full"):  # noqa: PT012
        for event in session.events():
            seen.append(event)
            session.save()
    disk.full_for = ""
    seen += list(session.events())
    session.close()
    assert isinstance(seen[-1], Finished)
    told = [(e.step - len(e.losses), e.step) for e in seen if isinstance(e, BatchesDone)]
    assert [step + 1 for first, last in told for step in range(first, last)] == list(range(1, 21))
    assert [e.epoch for e in seen if isinstance(e, EpochDone)] == [1, 2]
    assert [int(row[0]) for row in rows(path / "batches.csv")[1:]] == list(range(1, 21))
    assert [int(row[0]) for row in rows(path / "metrics.csv")[1:]] == [1, 2]
    saved = folders.read_state(path)
    assert saved is not None
    assert saved.step == 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only the administrator of a Linux system may mount a small file system")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"mounting is not permitted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_LEAST_S", 0.0)
    monkeypatch.setattr(folders, "_COST", 0.0)
    path = small_disk / "run"
    session = Session.begin(replace(SMALL, snapshots_mb=0), few_digits(), path)
    session.run.read_s = 0.0
    filler = small_disk / "filler"
    with pytest.raises(UserError, match="the disk is full"):  # noqa: PT012
        for event in session.events():
            if isinstance(event, BatchesDone) and event.step == 12:
                step = folders.read_state(path)
                with pytest.raises(OSError, match="space"), filler.open("wb", buffering=0) as file:  # noqa: PT012
                    while True:
                        file.write(b"\0" * 4096)
    kept = folders.read_state(path)
    assert kept is not None
    assert step is not None
    assert kept.step == step.step == 12
    assert all(len(row) == len(BATCH_COLUMNS) for row in rows(path / "batches.csv"))
    filler.unlink()
    assert isinstance(list(session.events())[-1], Finished)
    session.close()
    assert [int(row[0]) for row in rows(path / "batches.csv")[1:]] == list(range(1, 21))
    assert {p.name for p in path.iterdir() if p.name.startswith(".")} <= {".lock"}


def test_a_first_try_on_a_full_disk_leaves_no_file_open(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    disk.full_for = "batches.csv"
    with pytest.raises(UserError, match="the disk is full"):
        list(session.events())
    assert session.folder is not None
    opened = session.folder._epochs
    assert opened is not None
    disk.full_for = ""
    assert isinstance(list(session.events())[-1], Finished)
    assert opened._file.closed
    assert [int(row[0]) for row in rows(session.folder.path / "metrics.csv")[1:]] == [1, 2]


def test_a_folder_that_goes_away_is_one_sentence(session: Session) -> None:
    assert session.folder is not None
    with pytest.raises(UserError, match="could not be saved"):  # noqa: PT012
        for event in session.events():
            if isinstance(event, BatchesDone) and event.step == 3:
                session.folder.path.rename(session.folder.path.with_name("elsewhere"))
                session.save()


def test_a_list_that_is_written_in_pieces_is_whole_or_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("a,b\n")
    lines = folders._List(path)

    class Short:
        """Takes four bytes, then none."""

        def __init__(self, file: Any) -> None:
            self.file, self.left = file, 4

        def write(self, data: bytes) -> int:
            if not self.left:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            taken = self.file.write(data[: self.left])
            self.left = 0
            return int(taken)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    lines.add("1,2\n3,4\n")
    whole, lines._file = lines._file, Short(lines._file)  # type: ignore[assignment]
    with pytest.raises(OSError, match="space"):
        lines.flush()
    assert path.read_text() == "a,b\n"
    lines.add("5,6\n")
    lines._file = whole
    lines.close()
    assert path.read_text() == "a,b\n1,2\n3,4\n5,6\n"


# Two programs.


def _hold(path: Path, ready: Event) -> int:
    """Keep a run's folder until the process is killed."""
    kept = folders.RunFolder.create(path, TrainConfig("lenet5"), overwrite=True)
    ready.set()
    signal.pause()
    kept.close()
    return 0


def test_two_programs_cannot_write_one_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(CONFIG.to_json())
    ready = get_context("forkserver").Event()
    other = programs.start(tmp_path / "other", _hold, tmp_path, ready)
    assert ready.wait(60), other.err
    assert folders.is_written(tmp_path)
    for open_it in (
        lambda: Session.resume(tmp_path, lambda config: few_digits()),
        lambda: Session.begin(CONFIG, few_digits(), tmp_path, overwrite=True),
    ):
        with pytest.raises(UserError, match=f"Another program is writing the run '{tmp_path.name}'"):
            open_it()
    other.process.kill()
    assert other.wait() == -signal.SIGKILL
    assert not folders.is_written(tmp_path)
    Session.resume(tmp_path, lambda config: few_digits()).close()


def test_looking_whether_a_run_is_written_does_not_keep_others_out(tmp_path: Path) -> None:
    opened = Session.begin(CONFIG, few_digits(), tmp_path / "run")
    assert folders.is_written(tmp_path / "run")
    opened.close()
    assert not folders.is_written(tmp_path / "run")


def test_the_default_loader_is_that_of_the_data_set() -> None:
    data = sessions.load_data(TrainConfig("lenet5"))
    assert len(data) == 5000


def test_a_run_whose_pictures_are_being_read_can_be_given_up(tmp_path: Path) -> None:
    for i, name in enumerate("ab"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.new("RGB", (40, 40), (90 * i, 0, 0)).save(tmp_path / "pictures" / name / "1.png")
    config = replace(CONFIG, data="folder", data_dir=str(tmp_path / "pictures"), validation=0)
    assert len(sessions.load_data(config, stopped=lambda: False)) == 2
    with pytest.raises(Cancelled):
        sessions.load_data(config, stopped=lambda: True)
    path = tmp_path / "run"
    path.mkdir()
    (path / "config.json").write_text(config.to_json())
    with pytest.raises(Cancelled):
        Session.resume(path, stopped=lambda: True)
    assert not folders.is_written(path)
