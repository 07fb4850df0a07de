"""The list of runs: summaries, names, deleting and bringing back."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cnnviz import cli
from cnnviz.core.errors import UserError
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig
from cnnviz.training.folder import COLUMNS
from cnnviz.training.session import Session
from tests.training.few import SMALL, epochs, few_digits

CONFIG = TrainConfig("lenet5", epochs=3)


def make(parent: Path, name: str, began: float = 0.0, rows: tuple[tuple[float, ...], ...] = ()) -> Path:
    """Write a run's folder as a program leaves it."""
    path = parent / name
    path.mkdir()
    (path / "config.json").write_text(CONFIG.to_json())
    (path / "facts.json").write_text(json.dumps({"batches": 10, "began": began}))
    lines = [",".join(COLUMNS), *(",".join(map(str, row)) for row in rows)]
    (path / "metrics.csv").write_text("\n".join(lines) + "\n")
    return path


ROWS = ((1, 10, 0.9, 0.7, 0.5, 0.80, 1e-3, 2, 100), (2, 20, 0.6, 0.8, 0.4, 0.90, 1e-3, 2, 100))


def test_runs_are_listed_newest_first_and_damaged_ones_left_out(tmp_path: Path) -> None:
    make(tmp_path, "old", 100.0, ROWS)
    make(tmp_path, "new", 200.0)
    (make(tmp_path, "no config") / "config.json").unlink()
    (make(tmp_path, "damaged") / "config.json").write_text('{"model": "lenet5", "epochs": "many"}')
    (make(tmp_path, "no text") / "config.json").write_bytes(b"\xff\xfe\x00")
    make(tmp_path, ".hidden")
    (tmp_path / "a file").touch()
    found = runs.summaries(tmp_path)
    assert [run.name for run in found] == ["new", "old"]
    old = found[1]
    assert (old.epochs, old.step, old.steps, old.accuracy, old.loss) == (2, 20, 30, 0.9, 0.4)
    assert not old.is_finished
    assert math.isnan(found[0].accuracy)
    assert runs.summaries(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    "facts", ["", "{", "[1]", "null", '{"batches": null, "began": "x"}', "[" * 100_000, '{"began": NaN}']
)
def test_damaged_facts_take_nothing_but_their_numbers(tmp_path: Path, facts: str) -> None:
    (make(tmp_path, "run", 5.0, ROWS) / "facts.json").write_text(facts)
    (found,) = runs.summaries(tmp_path)
    assert (found.began, found.steps, found.accuracy) == (0.0, 0, 0.9)


@pytest.mark.parametrize(
    "tail",
    [b"3,30,0.5", b"3,30,0.5,0.9,0.3,0.9", b"\0" * 200_000, b"a,b,c,d,e,f,g,h,i\n", b"inf,inf,0,0,0,0.9,0,0,0\n"],
)
def test_half_a_row_does_not_count(tmp_path: Path, tail: bytes) -> None:
    with (make(tmp_path, "run", 5.0, ROWS) / "metrics.csv").open("ab") as file:
        file.write(tail)
    (found,) = runs.summaries(tmp_path)
    assert (found.epochs, found.accuracy) == (2, 0.9)


def test_a_real_run_is_summed_up(tmp_path: Path) -> None:
    session = Session.begin(SMALL, few_digits(), tmp_path / "run")
    events = list(session.events())
    session.close()
    (found,) = runs.summaries(tmp_path)
    best = max(epochs(events), key=lambda e: (e.val_accuracy, -e.val_loss))
    assert (found.epochs, found.step, found.steps) == (2, 20, 20)
    assert (found.accuracy, found.loss) == (best.val_accuracy, best.val_loss)
    assert found.is_finished
    assert abs(found.began - time.time()) < 600


def test_a_new_run_gets_a_name_of_its_own(tmp_path: Path) -> None:
    first = runs.new_path(CONFIG, tmp_path)
    assert first.name.startswith("lenet5-starter-2")
    made = set()
    for _ in range(5):
        path = runs.new_path(CONFIG, tmp_path)
        assert path not in made
        path.mkdir()
        made.add(path)


def test_rename(tmp_path: Path) -> None:
    path = make(tmp_path, "a")
    make(tmp_path, "b")
    moved = runs.rename(path, " my Größe 2 ")
    assert moved.name == "my Größe 2"
    assert (moved / "config.json").is_file()
    assert runs.rename(moved, "my Größe 2") == moved
    with pytest.raises(UserError, match="a run called 'b' already"):
        runs.rename(moved, "b")
    with pytest.raises(UserError, match="cannot be renamed"):
        runs.rename(tmp_path / "gone", "c")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        ".",
        "..",
        ".a",
        "a.",
        "a/b",
        "..\\b",
        "a:b",
        "a*",
        "a?",
        '"a"',
        "<",
        "|",
        "a\nb",
        "a\0",
        "ä" * 101,
        "\ud800",
    ],
)
def test_a_name_that_cannot_be_is_one_sentence(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, "run")
    with pytest.raises(UserError, match="cannot be the name of a run"):
        runs.rename(path, name)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_deleted_runs_come_back(tmp_path: Path) -> None:
    path = make(tmp_path, "run", 1.0, ROWS)
    before = runs.summary(path)
    moved = runs.delete(path)
    assert runs.summaries(tmp_path) == ()
    other = runs.delete(make(tmp_path, "run"))  # another one of that name
    assert other != moved
    assert runs.restore(moved, "run") == path
    assert runs.summary(path) == before
    with pytest.raises(UserError, match="a run called 'run' again"):
        runs.restore(other, "run")
    assert runs.summary(runs.restore(other, "other")).name == "other"
    with pytest.raises(UserError, match="cannot be brought back"):
        runs.restore(moved, "gone")
    with pytest.raises(UserError, match="cannot be deleted"):
        runs.delete(tmp_path / "gone")


def test_what_was_put_aside_long_ago_goes_for_good(tmp_path: Path) -> None:
    old, new = runs.delete(make(tmp_path, "old")), runs.delete(make(tmp_path, "new"))
    long_ago = time.time() - 8 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    last = runs.delete(make(tmp_path, "last"))
    assert not old.exists()
    assert new.is_dir()
    assert last.is_dir()


def test_a_run_that_is_being_trained_stays_where_it_is(tmp_path: Path) -> None:
    session = Session.begin(SMALL, few_digits(), tmp_path / "run")
    events = session.events()
    next(events)
    for move in (lambda: runs.rename(tmp_path / "run", "other"), lambda: runs.delete(tmp_path / "run")):
        with pytest.raises(UserError, match="'run' is being trained"):
            move()
    assert runs.is_written(tmp_path / "run")
    list(events)
    session.close()
    assert not runs.is_written(tmp_path / "run")
    assert runs.rename(tmp_path / "run", "other").is_dir()


def test_the_command_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["runs", str(tmp_path)]) == 0
    assert "There are no runs" in capsys.readouterr().out
    make(tmp_path, "first", 1_000_000.0, ROWS)
    make(tmp_path, "second", 2_000_000.0)
    assert cli.main(["runs", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("second")
    assert lines[1].endswith("2 of 3 epochs  best 90.00%")
    assert cli.main(["runs", str(tmp_path), "--json"]) == 0
    second, first = json.loads(capsys.readouterr().out)
    assert second["validation_accuracy"] is None
    assert first == {
        "name": "first", "path": str(tmp_path / "first"), "model": "lenet5", "data": "starter", "epochs": 2, "of": 3,
        "finished": False, "validation_accuracy": 0.9, "validation_loss": 0.4, "began": 1_000_000.0,
    }  # fmt: skip


def test_a_finished_run_of_other_length(tmp_path: Path) -> None:
    path = make(tmp_path, "run", 0.0, ROWS)
    (path / "config.json").write_text(replace(CONFIG, epochs=2).to_json())
    assert runs.summary(path).is_finished
