"""`cnnviz compare`: tables for people and programs, bad input."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnviz import cli
from cnnviz.models import comparing


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sheet = np.full((60, 60), 255, np.uint8)
    sheet[10:50, 28:33] = 0
    path = tmp_path_factory.mktemp("pictures") / "one.png"
    Image.fromarray(sheet).save(path)
    return path


def test_json_has_a_record_for_each_network(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", str(picture), "--models", "lenet5, lenet1,lenet5", "--json", "--runs", "2"]) == 0
    said = capsys.readouterr()
    first, second = json.loads(said.out)  # one that is named twice is compared once
    assert (first["model"], first["parameters"], first["macs"]) == ("lenet5", 61_706, 416_520)
    assert first["top"][0]["label"] == "1"
    assert len(first["times_ms"]) == 2
    assert second["model"] == "lenet1"
    assert said.err == "lenet5 …\nlenet1 …\n"


def test_the_table_and_the_answers_are_printed(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", str(picture), "--models", "lenet5", "--random", "--runs", "1"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split()[:3] == ["network", "parameters", "multiply-adds"]
    assert "LeNet-5 (random weights: it means nothing)" in out
    assert "Times: median of 1 forward passes" in out


def test_csv_is_read_by_a_spreadsheet(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", str(picture), "--models", "lenet5", "--csv", "--runs", "1"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["parameters"] == "61706"
    assert row["class_1"] == "1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--models", "lenet5,nothing"], "There is no network called 'nothing'"),
        (["--models", " , "], "It is not said which networks."),
    ],
)
def test_wrong_names_are_said_before_anything_is_run(
    picture: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", str(picture), *arguments]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err


@pytest.mark.parametrize("runs", ["0", "-1", "many", "1001"])
def test_a_wrong_number_of_runs_is_wrong_usage(picture: Path, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", str(picture), "--models", "lenet5", "--runs", runs])
    assert ended.value.code == 2
    assert "no number from 1 to 1000" in capsys.readouterr().err


def test_a_blank_picture_is_no_digit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "blank.png"
    Image.new("L", (40, 40), 255).save(path)
    assert cli.main(["compare", str(path), "--models", "lenet5"]) == 1
    assert "blank" in capsys.readouterr().err


def test_no_picture_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", str(tmp_path / "none.png"), "--models", "lenet5"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_when_every_network_fails_the_exit_says_so(
    picture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*given: object) -> comparing.Compared:
        raise MemoryError

    monkeypatch.setattr(comparing, "_measured", broken)
    assert cli.main(["compare", str(picture), "--models", "lenet5"]) == 1
    assert "There is not enough memory for LeNet-5." in capsys.readouterr().out
