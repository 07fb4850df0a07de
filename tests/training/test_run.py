"""A run on disk, and measuring weights: recorder, metrics, evaluate and the command."""

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
from cnnviz.core.errors import UserError
from cnnviz.datasets import registry as datasets
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.starter import load_starter
from cnnviz.models import checkpoints, registry, weight_files
from cnnviz.models.registry import InputSpec
from cnnviz.training.command import run as run_recorded
from cnnviz.training.config import TrainConfig
from cnnviz.training.evaluate import evaluate
from cnnviz.training.events import EpochDone, Started
from cnnviz.training.loop import train
from cnnviz.training.metrics import BATCH, Tally, evaluate_batches
from cnnviz.training.recorder import COLUMNS, Recorder

CONFIG = TrainConfig("lenet5", "starter", epochs=2, batch_size=50, validation=50, threads=1, device="cpu")
SPEC = registry.get("lenet5")
STARTED = Started(CONFIG, 2, 4, 200, 50, 61_706, "CPU, 2 cores", 1)


@pytest.fixture(scope="module")
def few() -> LabelledImages:
    digits = load_starter()
    return LabelledImages(digits.images_nhw[::20], digits.labels_n[::20], (("some.npz", "00ff"),))


@pytest.fixture(scope="module")
def done(few: LabelledImages) -> list[EpochDone]:
    return [event for event in train(CONFIG, few) if isinstance(event, EpochDone)]


def record(folder: Path, few: LabelledImages, events: list[EpochDone], *, overwrite: bool = False) -> Recorder:
    recorder = Recorder(folder, CONFIG, few, overwrite=overwrite)
    recorder.start(STARTED)
    for event in events:
        recorder.record(event)
    return recorder


def test_a_runs_folder_holds_everything(tmp_path: Path, few: LabelledImages, done: list[EpochDone]) -> None:
    folder = tmp_path / "runs" / "a"
    first, second = replace(done[0], is_best=True), replace(done[1], is_best=False)
    record(folder, few, [first, second])
    names = {"config.json", "facts.json", "metrics.csv", "best.safetensors", "last.safetensors"}
    assert {path.name for path in folder.iterdir()} == names
    assert TrainConfig.from_json((folder / "config.json").read_text("utf-8"), "config.json") == CONFIG
    facts = json.loads((folder / "facts.json").read_text("utf-8"))
    assert facts["data_sha256"] == {"some.npz": "00ff"}
    assert facts["versions"]["torch"] == torch.__version__
    assert (facts["device"], facts["threads"]) == ("CPU, 2 cores", 1)
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for row, event in zip(rows, (first, second), strict=True):
        assert tuple(row) == COLUMNS
        assert all(float(row[name]) == getattr(event, name) for name in COLUMNS)
    for name, event in (("best", first), ("last", second)):
        found = weight_files.read(folder / f"{name}.safetensors").tensors
        assert all(torch.equal(found[key], event.weights[key]) for key in event.weights)
    assert set(found) == set(second.weights)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, few: LabelledImages, done: list[EpochDone]) -> None:
    one, other = (record(tmp_path / name, few, done) for name in ("one", "other"))
    assert one.best_sha256() == other.best_sha256()


def test_a_run_is_not_overwritten_unasked(tmp_path: Path, few: LabelledImages, done: list[EpochDone]) -> None:
    record(tmp_path, few, done)
    before = (tmp_path / "metrics.csv").read_bytes()
    with pytest.raises(UserError, match="holds a run already"):
        record(tmp_path, few, done[:1])
    assert (tmp_path / "metrics.csv").read_bytes() == before
    record(tmp_path, few, done[:1], overwrite=True)
    assert (tmp_path / "metrics.csv").read_bytes() != before


def test_a_run_that_never_starts_leaves_the_folder_as_it_was(
    tmp_path: Path, few: LabelledImages, done: list[EpochDone]
) -> None:
    record(tmp_path, few, done)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    wrong = replace(CONFIG, device="cuda" if not torch.cuda.is_available() else "mps")
    with pytest.raises(UserError, match="no usable"):
        run_recorded(wrong, few, Recorder(tmp_path, wrong, few, overwrite=True))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(UserError, match="no usable"):
        run_recorded(wrong, few, Recorder(tmp_path / "new", wrong, few))
    Recorder(tmp_path / "new", CONFIG, few)  # and nothing is claimed


def test_an_older_runs_weights_do_not_stay_beside_a_new_configuration(
    tmp_path: Path, few: LabelledImages, done: list[EpochDone]
) -> None:
    record(tmp_path, few, done)
    Recorder(tmp_path, CONFIG, few, overwrite=True).start(STARTED)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "facts.json"}


def test_a_folder_that_cannot_be_made(tmp_path: Path, few: LabelledImages) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        Recorder(tmp_path / "file" / "run", CONFIG, few)


def test_a_full_disk_keeps_the_older_weights(
    tmp_path: Path, few: LabelledImages, done: list[EpochDone], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = record(tmp_path, few, done[:1])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"'last\.safetensors' could not be saved: the disk is full\."):
        recorder.record(done[1])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


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
    loss, accuracy = evaluate_batches(network, torch.zeros(n, 1, 2, 2), labels, spec)
    right, wrong = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    assert network.sizes == [BATCH, 3]
    assert accuracy == BATCH / n
    assert loss == pytest.approx((BATCH * right + 3 * wrong) / n, rel=1e-6)
    assert network.training


def test_no_pictures_have_no_means() -> None:
    assert all(map(math.isnan, Tally(torch.device("cpu")).means()))


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
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: LabelledImages) -> Train:
    """`cnnviz train` on a few digits."""
    monkeypatch.setattr(datasets.DatasetSpec, "load", lambda *_: few)
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
