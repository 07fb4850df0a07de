"""The weights that ship: their cards, their sizes, and that they know digits as people draw them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnviz.core import paths
from cnnviz.datasets.starter import load_starter
from cnnviz.models import checkpoints, registry
from cnnviz.models.preparation import to_input
from cnnviz.training.evaluate import evaluate

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"
LEAST = {"lenet5": 0.994, "lenet5_original": 0.985}
NAMES = [spec.name for spec in registry.MODELS if spec.weights is not None]


def card(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((paths.resources_dir() / "weights" / f"{name}.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize(("name", "parameters"), [("lenet5", 61_706), ("lenet5_original", 60_000)])
def test_the_networks_have_the_published_number_of_parameters(name: str, parameters: int) -> None:
    network = checkpoints.build(registry.get(name))
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == parameters


def test_the_layers_of_lenet5_have_their_names_and_order() -> None:
    network = checkpoints.build(registry.get("lenet5"))
    names = ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten", "fc1", "relu3", "fc2", "relu4", "fc3"]
    assert [name for name, _ in network.named_children()] == names


@pytest.mark.skipif(not SHARED.is_dir(), reason="MNIST is not beside this checkout (../shared/data/mnist)")
@pytest.mark.parametrize("name", NAMES)
def test_accuracy_on_mnists_test_digits(name: str) -> None:
    result = evaluate(registry.get(name), None, "mnist", str(SHARED), "cpu")
    assert result.n == 10_000
    assert result.accuracy >= LEAST[name]
    evaluation = card(name)["evaluation"]
    assert isinstance(evaluation, dict)
    assert result.accuracy == pytest.approx(evaluation["accuracy"], abs=2e-4)


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
    network, _ = checkpoints.load_model(spec, None)
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
