"""Measuring weights, and the commands: metrics, evaluate, train."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnviz import cli
from cnnviz.core.files import disk_errors
from cnnviz.datasets import registry as datasets
from cnnviz.models import checkpoints, registry
from cnnviz.models.registry import InputSpec
from cnnviz.training import command as commands
from cnnviz.training import folder
from cnnviz.training.config import TrainConfig
from cnnviz.training.distributed import ALONE
from cnnviz.training.evaluate import evaluate
from cnnviz.training.events import Event
from cnnviz.training.metrics import BATCH, Tally, accuracy_of, evaluate_batches, loss_of
from tests.training.few import SMALL, few_digits

SPEC = registry.get("lenet5")


class _Fixed(nn.Module):
    """Returns the same logits for every picture."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.register_buffer("logits", torch.tensor(logits))
        self.sizes: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert not self.training
        self.sizes.append(len(x))
        return self.get_buffer("logits").expand(len(x), -1)


def test_means_by_hand_over_uneven_batches() -> None:
    n = BATCH + 3
    labels = torch.zeros(n, dtype=torch.int64)
    labels[-3:] = 1
    network = _Fixed([1.0, 0.0]).train()
    spec = InputSpec(1, 2, 2, "digit", (0.0,), (1.0,))
    loss, accuracy, told = evaluate_batches(network, torch.zeros(n, 1, 2, 2), labels, spec)
    assert told.tolist() == [0] * n
    right, wrong = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    assert network.sizes == [BATCH, 3]
    assert accuracy == BATCH / n
    assert loss == pytest.approx((BATCH * right + 3 * wrong) / n, rel=1e-6)
    assert network.training


def test_losses_by_hand() -> None:
    logits, classes = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), torch.tensor([0, 2])
    p = logits.softmax(1)
    squares = ((p[0] - torch.tensor([1.0, 0, 0])) ** 2).sum() + ((p[1] - torch.tensor([0, 0, 1.0])) ** 2).sum()
    assert loss_of(logits, classes, "squared_error").item() == pytest.approx(squares.item() / 2)
    smooth = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
    assert loss_of(logits, classes, smoothing=0.3).item() == pytest.approx(
        -(smooth * p.log()).sum().item() / 2, rel=1e-5
    )
    expected = (p - smooth).square().sum().item() / 2
    assert loss_of(logits, classes, "squared_error", 0.3).item() == pytest.approx(expected, rel=1e-5)
    assert loss_of(logits, smooth).item() == pytest.approx(-(smooth * p.log()).sum().item() / 2, rel=1e-5)
    assert accuracy_of(logits, classes) == accuracy_of(logits, smooth) == 0.5


def test_no_pictures_have_no_means() -> None:
    assert all(map(math.isnan, Tally().means()))


def test_evaluate_is_the_written_out_mean() -> None:
    result = evaluate(SPEC, None, "starter", None, "cpu")
    network = checkpoints.load_model(SPEC, None).module
    found = datasets.get("starter").load(None, "test")
    ink = torch.tensor(found.images_nhw)[:, None].double() / 255
    x = (ink - SPEC.input.mean[0]) / SPEC.input.std[0]
    labels = torch.tensor(found.labels_n)
    with torch.inference_mode():
        logits = network.double().eval()(x)
    assert result.n == 5000
    assert result.accuracy == pytest.approx((logits.argmax(1) == labels).double().mean().item(), abs=2 / 5000)
    assert result.loss == pytest.approx(functional.cross_entropy(logits, labels).item(), rel=1e-3)
    assert result.accuracy >= 0.99


Train = Callable[..., int]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """`cnnviz train` on a few digits."""
    monkeypatch.setattr(datasets.DatasetSpec, "load", lambda *_, **__: few_digits())
    monkeypatch.setattr("cnnviz.training.config._FEW", {"starter": {"validation": 50}})

    def run(*more: str) -> int:
        fixed = ["--model", "lenet5", "--data", "starter", "--epochs", "1", "--threads", "1", "--device", "cpu"]
        return cli.main(["train", *fixed, "--out", str(tmp_path / "run"), *more])

    return run


def test_the_command_trains_evaluates_and_repeats_itself(
    tmp_path: Path, command: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--seed", "3") == 0
    first = capsys.readouterr().out
    assert "epoch 1: loss" in first
    assert cli.main(["evaluate", "--model", "lenet5", "--weights", str(tmp_path / "run"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"accuracy", "n", "loss"}
    assert command("--seed", "3") == 1
    assert "holds a run already" in capsys.readouterr().err
    assert command("--seed", "3", "--overwrite") == 0
    sha256 = first.split("sha256 ")[1]
    assert sha256 in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--model", "lenet6"), "lenet6"),
        (("--data", "mnits"), "mnits"),
        (("--epochs", "0"), "'epochs' is 0"),
        (("--learning-rate", "-1"), "'learning_rate' is -1"),
        (("--batch-size", "0"), "'batch_size' is 0"),
        (("--device", "abacus"), "abacus"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    command: Train, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], words: str
) -> None:
    assert command(*more) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_mnist_needs_its_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["train", "--model", "lenet5", "--data", "mnist", "--out", str(tmp_path / "run")]
    assert cli.main(arguments) == 1
    assert "--data-dir" in capsys.readouterr().err
    assert cli.main([*arguments, "--data-dir", str(tmp_path / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_small_data_set_gives_a_tenth_to_validation(
    command: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnviz.training.config._FEW", {})
    for extra, expected in (([], 25), (["--validation", "40"], 40)):
        assert command("--overwrite", *extra) == 0
        assert json.loads((tmp_path / "run" / "config.json").read_text())["validation"] == expected


def test_a_configuration_file_is_changed_by_the_other_options(
    tmp_path: Path, command: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    config = TrainConfig("lenet1", batch_size=50, validation=30, optimiser="sgd", seed=4)
    (tmp_path / "mine.json").write_text(config.to_json())
    given = ["train", "--config", str(tmp_path / "mine.json"), "--epochs", "1", "--threads", "1", "--validation", "30"]
    assert cli.main([*given, "--device", "cpu", "--out", str(tmp_path / "other"), "--json"]) == 0
    found = TrainConfig.from_json((tmp_path / "other" / "config.json").read_text(), "config.json")
    assert found == replace(config, epochs=1, threads=1, device="cpu")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines if line["event"] != "batches"] == ["started", "epoch", "finished"]
    assert cli.main(["train", "--out", str(tmp_path / "none")]) == 1
    assert "Which network" in capsys.readouterr().err
    assert cli.main(["train", "--config", str(tmp_path / "gone.json")]) == 1
    assert "gone.json" in capsys.readouterr().err
    assert commands.load_data


def test_a_run_that_diverged_goes_on_at_a_lower_rate(
    tmp_path: Path, command: Train, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(SMALL, optimiser="sgd", learning_rate=100, batch_size=10, schedule="constant", warm_up=0)
    (tmp_path / "wild.json").write_text(config.to_json())
    path = tmp_path / "wild"
    assert cli.main(["train", "--config", str(tmp_path / "wild.json"), "--out", str(path)]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "is the first layer with" in said
    assert said.endswith(f"at a lower rate: cnnviz resume {path} --learning-rate 10")
    assert cli.main(["resume", str(path), "--learning-rate", "0"]) == 1
    assert "'learning_rate' is 0.0; it must be from" in capsys.readouterr().err
    assert cli.main(["resume", str(path), "--learning-rate", "0.001"]) == 0
    with (path / "batches.csv").open(newline="") as file:
        rates = [float(row["learning_rate"]) for row in csv.DictReader(file)]
    assert 0 < max(rates) <= 0.001


def test_a_full_disk_names_the_command_to_go_on_by(
    tmp_path: Path, command: Train, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: folder.RunFolder, event: Event) -> None:
        with disk_errors(self.path / "batches.csv"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder.RunFolder, "record", full)
    assert command() == 1
    said = capsys.readouterr().err.splitlines()[-1]
    path = tmp_path / "run"
    assert said == (
        f"cnnviz: 'batches.csv' could not be saved: the disk is full. Make room, then go on by: cnnviz resume {path}"
    )


def test_what_was_left_out_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    commands._list_problems(tuple(f"{i}.png: empty" for i in range(23)), ALONE)
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["Left out:", "  0.png: empty"]
    assert said[-2:] == ["  19.png: empty", "  and 3 more"]
    commands._list_problems((), ALONE)
    assert capsys.readouterr().err == ""
