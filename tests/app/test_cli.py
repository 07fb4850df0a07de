"""The command line as a user types it; errors are one sentence and a non-zero exit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cnnviz import cli
from cnnviz.core import paths
from cnnviz.core.image import load_picture
from cnnviz.core.inspection import ModelRequest
from cnnviz.datasets.starter import load_starter
from cnnviz.models import checkpoints, registry
from cnnviz.models.engine import Engine
from cnnviz.views.input import compute

CLASSIFIERS = [m.name for m in registry.taking("digit") if not m.gives_picture]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A starter 3 as a PNG, dark on light, off centre on a larger sheet."""
    digits = load_starter()
    image = digits.images_nhw[int(np.flatnonzero(digits.labels_n == 3)[5])]
    sheet = np.full((120, 90), 255, np.uint8)
    sheet[60:116, 20:76] = 255 - np.kron(image, np.ones((2, 2), np.uint8))
    path = tmp_path_factory.mktemp("pictures") / "three.png"
    Image.fromarray(sheet).save(path)
    return path


def test_predict_prints_all_classes_best_first(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", str(picture), "--model", "lenet5", "--json"]) == 0
    top = json.loads(capsys.readouterr().out)["top"]
    assert len(top) == 10
    assert top[0]["label"] == "3"
    assert top[0]["index"] == 3
    assert [row["logit"] for row in top] == sorted((row["logit"] for row in top), reverse=True)
    assert sum(row["probability"] for row in top) == pytest.approx(1, abs=1e-5)
    logits = np.array([row["logit"] for row in top])
    assert [row["probability"] for row in top] == pytest.approx(np.exp(logits) / np.exp(logits).sum(), abs=1e-5)
    assert cli.main(["predict", str(picture), "--model", "lenet5"]) == 0
    assert capsys.readouterr().out.split()[0] == "3"


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_predict_knows_every_class_of_the_starter_digits(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = load_starter()
    right = 0
    for label in range(10):
        path = tmp_path / f"{label}.png"
        Image.fromarray(digits.images_nhw[int(np.flatnonzero(digits.labels_n == label)[0])]).save(path)
        assert cli.main(["predict", str(path), "--model", model, "--json"]) == 0
        right += json.loads(capsys.readouterr().out)["top"][0]["index"] == label
    assert right >= 9


@pytest.mark.parametrize("model", ["autoencoder", "unet"])
def test_a_network_that_answers_with_a_picture_is_inspected_not_asked_for_a_class(
    model: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", str(picture), "--model", model]) == 1
    assert "answers with a picture" in capsys.readouterr().err
    out = tmp_path / "values.npz"
    assert cli.main(["inspect", str(picture), "--model", model, "--out", str(out)]) == 0
    engine = Engine(ModelRequest(model))
    last = engine.loaded.graph.output.name
    with np.load(out) as arrays:
        assert arrays["probabilities"].shape == (0,)
        assert arrays[last].shape == engine.loaded.graph.output.output_shape
        network = checkpoints.load_model(registry.get(model), None).module.eval()
        expected = network(torch.from_numpy(arrays["input"])[None])[0].detach().numpy()
        np.testing.assert_allclose(arrays[last], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_inspect_writes_every_node_and_the_numbers_are_the_networks_own(
    model: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "values.npz"
    assert cli.main(["inspect", str(picture), "--model", model, "--out", str(out)]) == 0
    engine = Engine(ModelRequest(model))
    with np.load(out) as arrays:
        names = {node.name for node in engine.loaded.graph.nodes} | {"probabilities"}
        assert set(arrays.files) == names
        assert all(arrays[name].dtype == np.float32 for name in names)
        x = torch.from_numpy(arrays["input"])[None]
        network = checkpoints.load_model(registry.get(model), None).module
        network.eval()
        for name, module in network.named_children():
            x = module(x)
            np.testing.assert_allclose(arrays[name], x[0].detach().numpy(), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(arrays["probabilities"], x.softmax(1)[0].detach().numpy(), atol=1e-6)


def test_no_centre_leaves_the_picture_and_invert_is_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digits = load_starter()
    image = digits.images_nhw[700]
    path = tmp_path / "d.png"
    Image.fromarray(image).save(path)
    out = tmp_path / "v.npz"
    assert cli.main(["inspect", str(path), "--model", "lenet5", "--no-centre", "--out", str(out)]) == 0
    spec = registry.get("lenet5").input
    with np.load(out) as arrays:
        ink = arrays["input"][0] * spec.std[0] + spec.mean[0]
    np.testing.assert_allclose(ink, image / 255, atol=1e-5)
    inverted = tmp_path / "i.png"
    Image.fromarray(255 - image).save(inverted)
    assert cli.main(["inspect", str(inverted), "--model", "lenet5", "--no-centre", "--out", str(out)]) == 0
    with np.load(out) as arrays:
        np.testing.assert_allclose(arrays["input"][0] * spec.std[0] + spec.mean[0], image / 255, atol=1e-5)
    assert (
        cli.main(["inspect", str(inverted), "--model", "lenet5", "--no-centre", "--invert", "no", "--out", str(out)])
        == 0
    )
    with np.load(out) as arrays:
        np.testing.assert_allclose(arrays["input"][0] * spec.std[0] + spec.mean[0], 1 - image / 255, atol=1e-5)
    digit = tmp_path / "d.png"
    Image.fromarray(image).save(digit)  # light on dark, which --invert yes turns over
    assert (
        cli.main(["inspect", str(digit), "--model", "lenet5", "--no-centre", "--invert", "yes", "--out", str(out)]) == 0
    )
    with np.load(out) as arrays:
        np.testing.assert_allclose(arrays["input"][0] * spec.std[0] + spec.mean[0], 1 - image / 255, atol=1e-5)


@pytest.mark.parametrize("invert", ["auto", "yes", "no"])
@pytest.mark.parametrize("centre", [True, False])
def test_a_picture_is_prepared_as_the_window_does_it(
    picture: Path, tmp_path: Path, invert: Literal["auto", "yes", "no"], centre: bool
) -> None:
    out = tmp_path / "v.npz"
    options = ["--invert", invert, "--out", str(out), *([] if centre else ["--no-centre"])]
    assert cli.main(["inspect", str(picture), "--model", "lenet5", *options]) == 0
    content = compute.of_picture(load_picture(picture), invert)
    expected = Engine(ModelRequest("lenet5")).inspect(compute.prepare(content, centre).image_hw)
    with np.load(out) as arrays:
        np.testing.assert_array_equal(arrays["input"], expected.values["input"])


PHOTO = paths.resources_dir() / "photos" / "coffee.jpg"


def test_a_photograph_goes_to_its_networks_in_colours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", str(PHOTO), "--model", "resnet18", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["weights"] == "random weights"
    engine = Engine(ModelRequest("resnet18"))
    expected = engine.inspect(photo=load_picture(PHOTO).pixels_hwc)
    assert [row["index"] for row in said["top"]] == list(expected.ranking())
    assert said["top"][0]["label"] == engine.loaded.labels[expected.ranking()[0]]
    out = tmp_path / "v.npz"
    assert cli.main(["inspect", str(PHOTO), "--model", "resnet18", "--out", str(out)]) == 0
    with np.load(out) as arrays:
        assert set(arrays.files) == {node.name for node in engine.loaded.graph.nodes} | {"probabilities"}
        assert arrays["input"].shape == (3, 224, 224)
        assert not np.allclose(arrays["input"][0], arrays["input"][2], atol=0.5)  # it has colours
        np.testing.assert_array_equal(arrays["layer4.1.conv2"], expected.values["layer4.1.conv2"])


def test_of_a_thousand_classes_the_best_are_printed_and_that_they_mean_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["predict", str(PHOTO), "--model", "resnet18"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert "10 of 1,000 classes" in lines[-2]
    assert lines[-1] == "The weights are random, so that the answer means nothing."
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    families = list(dict.fromkeys(spec.family for spec in registry.MODELS))
    assert [line for line in lines if not line.startswith(" ")] == families
    named = [line.strip() for line in lines if line.startswith(" ")]
    for line, spec in zip(named, registry.MODELS, strict=True):
        assert line.startswith(f"{spec.name} ")
        assert line.endswith("Weights ship.") == (spec.weights is not None)
        assert line.endswith("Weights can be fetched.") == (spec.weights is None and spec.is_torchvision)


LONG = "w" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "--model", "lenet5", "--weights", LONG],
        ["evaluate", "--model", "lenet5", "--data", "mnist", "--data-dir", LONG],
        ["train", "--model", "lenet5", "--epochs", "1", "--out", LONG],
        ["predict", LONG + ".png", "--model", "lenet5"],
    ],
    ids=["weights", "data", "out", "picture"],
)
def test_a_name_too_long_for_the_system_is_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("cnnviz: ")
    assert said.count("\n") == 1


def test_a_full_output_is_one_sentence(picture: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full on this system")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cnnviz", "models"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("cnnviz: ")
    assert done.stderr.count("\n") == 1


def test_a_slip_in_a_command_is_said_and_opens_no_window() -> None:
    for arguments in (["predct"], ["predct", "seven.png", "--model", "lenet5"]):
        done = subprocess.run(
            [sys.executable, "-m", "cnnviz", *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 2
        assert "invalid choice: 'predct'" in done.stderr
        assert "predict" in done.stderr


def test_evaluate_counts_the_digits_that_ship(capsys: pytest.CaptureFixture[str]) -> None:
    for model, least in (("lenet5", 0.99), ("lenet5_original", 0.98)):
        assert cli.main(["evaluate", "--model", model, "--data", "starter", "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["n"] == 5000
        assert least <= result["accuracy"] <= 1
        assert 0 < result["loss"] < 0.2


def test_train_writes_a_run_that_evaluate_and_predict_take(
    tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = ["train", "--model", "lenet5", "--data", "starter", "--epochs", "2", "--seed", "3", "--threads", "1"]
    assert cli.main([*arguments, "--out", str(run)]) == 0
    assert {"config.json", "metrics.csv", "last.safetensors", "best.safetensors"} <= {p.name for p in run.iterdir()}
    rows = (run / "metrics.csv").read_text().splitlines()
    assert len(rows) == 3
    capsys.readouterr()
    assert cli.main(["evaluate", "--model", "lenet5", "--weights", str(run), "--data", "starter", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] > 0.6
    assert cli.main([*arguments, "--out", str(run)]) == 1
    assert "holds a run already" in capsys.readouterr().err
    again = tmp_path / "again"
    assert cli.main([*arguments, "--out", str(again)]) == 0
    assert (again / "best.safetensors").read_bytes() == (run / "best.safetensors").read_bytes()


def test_models_and_device_list_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == [m.name for m in registry.MODELS]
    assert cli.main(["device", "--json"]) == 0
    assert "cpu" in json.loads(capsys.readouterr().out)["devices"]


def _corrupt(folder: Path) -> list[tuple[list[str], str]]:
    """Return command lines that must fail, each with a part of its sentence."""
    picture = folder / "seven.png"
    Image.fromarray(load_starter().images_nhw[3600]).save(picture)
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").touch()
    (folder / "cut.png").write_bytes(picture.read_bytes()[:120])
    Image.new("L", (50, 50), 255).save(folder / "blank.png")
    torch.save(nn.Linear(3, 4).state_dict(), folder / "other.pt")
    (folder / "noise.safetensors").write_bytes(np.random.default_rng(0).bytes(5000))
    shipped = paths.resources_dir() / "weights" / "lenet5.safetensors"
    (folder / "cut.safetensors").write_bytes(shipped.read_bytes()[:3000])
    predict = ["predict", "--model", "lenet5"]
    good = [*predict, str(picture)]
    return [
        ([*predict, str(folder / "nothing.png")], "nothing.png"),
        ([*predict, str(folder)], "folder"),
        ([*predict, str(folder / "text.png")], "text.png"),
        ([*predict, str(folder / "empty.png")], "empty"),
        ([*predict, str(folder / "cut.png")], "cut.png"),
        ([*predict, str(folder / "blank.png")], "blank"),
        (["predict", "--model", "vgg99", str(picture)], "vgg99"),
        ([*good, "--weights", str(folder / "nothing.safetensors")], "nothing.safetensors"),
        ([*good, "--weights", str(folder / "other.pt")], "other.pt"),
        ([*good, "--weights", str(folder / "noise.safetensors")], "noise.safetensors"),
        ([*good, "--weights", str(folder / "cut.safetensors")], "cut.safetensors"),
        ([*good, "--device", "abacus"], "abacus"),
        (["inspect", "--model", "lenet5", str(picture), "--out", str(folder / "no" / "where.npz")], "where.npz"),
        (["evaluate", "--model", "lenet5", "--data", "mnist"], "--data-dir"),
        (["evaluate", "--model", "lenet5", "--data", "imagenet"], "imagenet"),
        (["predict", "--model", "resnet18", str(picture), "--no-centre"], "for photographs"),
        (["predict", "--model", "resnet18", str(picture), "--invert", "yes"], "for photographs"),
        (["evaluate", "--model", "resnet18", "--data", "starter"], "1,000 classes"),
        (["train", "--model", "unet", "--data", "cifar10", "--out", str(folder / "r")], "draws digits"),
        (["train", "--model", "lenet5", "--data", "starter", "--epochs", "0", "--out", str(folder / "r")], "epochs"),
    ]


def test_every_bad_input_is_one_sentence_and_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, part in _corrupt(tmp_path):
        assert cli.main(arguments) == 1, arguments
        out, err = capsys.readouterr()
        assert out == "", arguments
        assert part in err, arguments
        assert err.startswith("cnnviz: ")
        assert "Traceback" not in err
        assert err.count("\n") == 1, err


def test_the_module_runs_as_a_program(picture: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cnnviz", "predict", str(picture), "--model", "none"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("cnnviz: There is no network called 'none'.")
    usage = subprocess.run(
        [sys.executable, "-m", "cnnviz", "predict"], capture_output=True, text=True, check=False, timeout=300
    )
    assert usage.returncode == 2
