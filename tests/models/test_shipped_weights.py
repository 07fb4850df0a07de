"""The weights that ship: their cards, their sizes, and that they know digits as people draw them."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnviz.core import paths
from cnnviz.core.inspection import ModelRequest
from cnnviz.datasets.starter import load_starter
from cnnviz.datasets.transforms import add_noise
from cnnviz.models import checkpoints, registry
from cnnviz.models.engine import Engine
from cnnviz.models.preparation import to_input, to_size
from cnnviz.training.evaluate import evaluate

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"
CIFAR = SHARED.parent / "cifar10" / "cifar10_jpeg.tar.xz"
LEAST = {"lenet5": 0.994, "lenet5_original": 0.985, "lenet1": 0.985, "unet": 0.99, "autoencoder": 0.97,
         "resnet20": 0.86, "vgg_small": 0.85}  # fmt: skip
SHIPPED = [spec for spec in registry.MODELS if spec.weights is not None]
OWN = [spec.name for spec in SHIPPED if not spec.is_torchvision]
MNIST = [spec.name for spec in SHIPPED if spec.input.preparation == "digit"]
NAMES = [spec.name for spec in SHIPPED if spec.labels == registry.DIGITS]


def card(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((paths.resources_dir() / "weights" / f"{name}.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", OWN)
def test_the_card_is_complete_and_names_this_very_file(name: str) -> None:
    found = card(name)
    file = paths.resources_dir() / "weights" / f"{name}.safetensors"
    assert found["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert f"--model {name} " in str(found["command"])
    assert {"data", "seed", "versions", "evaluation", "licence", "configuration"} <= set(found)
    evaluation = found["evaluation"]
    assert isinstance(evaluation, dict)
    assert evaluation["n"] == 10_000
    assert evaluation["accuracy"] >= LEAST[name]
    assert "/" not in str(found["command"]).replace("cnnviz", "")  # no path of one machine
    assert "/" not in json.dumps(found["configuration"])


def test_squeezenets_card_says_where_its_weights_come_from() -> None:
    found = card("squeezenet1_1")
    file = paths.resources_dir() / "weights" / "squeezenet1_1.safetensors"
    assert found["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert {"summary", "source", "source_sha256", "change", "evaluation", "licence"} <= set(found)
    licence = (paths.resources_dir() / "weights" / "LICENSE.squeezenet1_1").read_text("utf-8")
    assert "MIT License" in licence


@pytest.mark.parametrize(
    ("picture", "classes"),
    [("chelsea.jpg", {"tabby", "tiger cat", "Egyptian cat"}), ("coffee.jpg", {"espresso", "cup", "consomme"})],
)
def test_squeezenet_knows_what_is_on_a_photograph(picture: str, classes: set[str]) -> None:
    from PIL import Image

    engine = Engine(ModelRequest("squeezenet1_1", None, "cpu"))
    photo = np.asarray(Image.open(paths.resources_dir() / "photos" / picture).convert("RGB"))
    found = engine.inspect(np.zeros((28, 28), np.float32), photo=photo)
    best = [engine.loaded.labels[index] for index in found.ranking()[:3]]
    assert best[0] in classes
    assert not engine.loaded.is_random


def test_all_that_ships_is_small() -> None:
    total = sum(path.stat().st_size for path in paths.resources_dir().rglob("*") if path.is_file())
    assert total <= 15 * 2**20


@pytest.mark.parametrize(("name", "parameters"), [("lenet5", 61_706), ("lenet5_original", 60_000)])
def test_the_networks_have_the_published_number_of_parameters(name: str, parameters: int) -> None:
    network = checkpoints.build(registry.get(name))
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == parameters


def test_the_layers_of_lenet5_have_their_names_and_order() -> None:
    network = checkpoints.build(registry.get("lenet5"))
    names = ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten", "fc1", "relu3", "fc2", "relu4", "fc3"]
    assert [name for name, _ in network.named_children()] == names


@pytest.mark.skipif(not SHARED.is_dir(), reason="MNIST is not beside this checkout (../shared/data/mnist)")
@pytest.mark.parametrize("name", MNIST)
def test_accuracy_on_mnists_test_digits(name: str) -> None:
    result = evaluate(registry.get(name), None, "mnist", str(SHARED), "cpu")
    assert result.n == 10_000
    assert result.accuracy >= LEAST[name]
    evaluation = card(name)["evaluation"]
    assert isinstance(evaluation, dict)
    assert result.accuracy == pytest.approx(evaluation["accuracy"], abs=2e-4)


@pytest.mark.skipif(not CIFAR.is_file(), reason="CIFAR-10 is not beside this checkout (../shared/data/cifar10)")
def test_accuracy_on_cifars_test_photographs(tmp_path: Path) -> None:
    with tarfile.open(CIFAR) as archive:
        chosen = [m for m in archive if m.isfile() and m.name.startswith("test/") and int(Path(m.name).stem[-1]) == 7]
        archive.extractall(tmp_path, chosen, filter="data")
    for name in ("resnet20", "vgg_small"):
        result = evaluate(registry.get(name), None, "cifar10", str(tmp_path), "cpu")
        assert result.n >= 500
        evaluation = card(name)["evaluation"]
        assert isinstance(evaluation, dict)
        assert result.accuracy == pytest.approx(evaluation["accuracy"], abs=0.04)  # of some of the pictures


@pytest.mark.parametrize("name", ["unet", "autoencoder"])
def test_noise_is_taken_off(name: str) -> None:
    spec = registry.get(name)
    ink = torch.from_numpy(load_starter().images_nhw[::100].copy())[:, None].float() / 255
    noisy = add_noise(ink, torch.Generator().manual_seed(0), most=0.4)
    network = checkpoints.load_model(spec, None).module.eval()
    with torch.inference_mode():
        answer = network(to_input(noisy, spec.input))
    clean = to_size(ink, spec.input)
    before = functional.mse_loss(to_size(noisy, spec.input), clean)
    assert functional.mse_loss(answer, clean) < before / 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", ["thin", "thick", "faint", "left", "right"])
def test_digits_drawn_otherwise_are_still_known(name: str, change: str) -> None:
    digits = load_starter()
    pick = np.arange(0, 5000, 10)
    ink = torch.from_numpy(digits.images_nhw[pick].copy())[:, None].float() / 255
    if change == "thick":
        ink = functional.max_pool2d(ink, 3, 1, 1)
    elif change == "thin":
        ink = -functional.max_pool2d(-functional.pad(ink, (1, 0, 1, 0)), 2, 1)
    elif change == "faint":
        ink = ink * 0.6
    else:
        angle = torch.tensor(0.22 if change == "left" else -0.22)
        theta = torch.tensor([[angle.cos(), -angle.sin(), 0.0], [angle.sin(), angle.cos(), 0.0]])
        grid = functional.affine_grid(theta.expand(len(ink), 2, 3), list(ink.shape), align_corners=False)
        ink = functional.grid_sample(ink, grid, align_corners=False)
    spec = registry.get(name)
    network = checkpoints.load_model(spec, None).module
    network.eval()
    with torch.inference_mode():
        answers = network(to_input(ink, spec.input)).argmax(1).numpy()
    assert (answers == digits.labels_n[pick]).mean() >= 0.95


def test_c3_reads_only_the_maps_of_the_papers_table() -> None:
    network = checkpoints.build(registry.get("lenet5_original"))
    c3 = network.get_submodule("c3")
    assert sum(p.numel() for p in c3.parameters()) == 1516
    dense = c3.dense_weight
    assert isinstance(dense, torch.Tensor)
    reads = dense.detach().abs().sum((2, 3)) > 0
    assert [int(row.sum()) for row in reads] == [3] * 6 + [4] * 9 + [1 * 6]
    x = torch.randn(1, 6, 14, 14)
    expected = functional.conv2d(x, dense, c3.get_parameter("bias"))
    torch.testing.assert_close(c3(x), expected)


def test_the_radial_basis_output_is_half_the_negative_squared_distance() -> None:
    output = checkpoints.build(registry.get("lenet5_original")).get_submodule("output")
    centres = output.get_buffer("centres")
    assert centres.shape == (10, 84)
    assert set(centres.unique().tolist()) == {-1.0, 1.0}
    assert len({tuple(row.tolist()) for row in centres}) == 10
    x = torch.randn(3, 84)
    by_hand = torch.stack([-(x - centre).square().sum(1) / 2 for centre in centres], 1)
    torch.testing.assert_close(output(x), by_hand)
