"""The layers between which the freeze line lies, and a run that starts from weights with some of them frozen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnviz import cli
from cnnviz.core.errors import UserError
from cnnviz.models import checkpoints, registry, weight_files
from cnnviz.models.building import skeleton
from cnnviz.training import building
from cnnviz.training.config import TrainConfig
from cnnviz.training.folder import read_facts
from cnnviz.training.layers_of import freeze_fault, trainable_layers


def test_lenet_has_five_layers_and_keeps_its_head_for_ten_digits() -> None:
    layers = trainable_layers(TrainConfig("lenet5", start="pretrained"))
    assert [layer.path for layer in layers] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    assert [layer.parameters for layer in layers] == [156, 2416, 48_120, 10_164, 850]
    assert [layer.is_head for layer in layers] == [False] * 4 + [True]
    assert not any(layer.is_new for layer in layers)


def test_other_classes_give_a_new_head_with_a_row_for_each() -> None:
    config = TrainConfig("resnet20", "folder", start="pretrained")
    head = trainable_layers(config, 2)[-1]
    assert (head.path, head.parameters, head.is_head, head.is_new) == ("linear", 2 * 64 + 2, True, True)
    assert not trainable_layers(config, 10)[-1].is_new
    assert not trainable_layers(config)[-1].is_new, "the folder has not been counted yet"
    assert not trainable_layers(TrainConfig("resnet20", "folder"), 2)[-1].is_new, "nothing was there before"


def test_a_head_is_new_by_the_classes_of_the_file_to_start_from(tmp_path: Path) -> None:
    two = checkpoints.load_model(registry.get("resnet20"), None).module
    building.fit_classes(two, registry.get("resnet20"), 2)
    torch.save(two.state_dict(), tmp_path / "two.pt")
    config = TrainConfig("resnet20", "folder", start=str(tmp_path / "two.pt"))
    assert not trainable_layers(config, 2)[-1].is_new
    assert trainable_layers(config, 10)[-1].is_new


def test_weights_to_start_from_are_read_once_until_they_are_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    read = weight_files.read

    def counted(path: Path) -> weight_files.WeightsFile:
        reads.append(path)
        return read(path)

    monkeypatch.setattr(weight_files, "read", counted)
    own = registry.get("resnet20")
    network = checkpoints.load_model(own, None).module
    file = tmp_path / "w.pt"
    torch.save(network.state_dict(), file)
    config = TrainConfig("resnet20", "folder", start=str(file))
    reads.clear()
    assert [trainable_layers(config, 10)[-1].is_new for _ in range(3)] == [False] * 3
    assert reads == [file]
    building.fit_classes(network, own, 2)
    torch.save(network.state_dict(), file)
    assert trainable_layers(config, 10)[-1].is_new
    assert reads == [file, file]


@pytest.mark.parametrize("name", ["lenet5", "resnet20", "vit_b_16"])
def test_a_line_is_at_fault_where_a_run_would_refuse_it(name: str) -> None:
    layers, network = trainable_layers(TrainConfig(name, "folder")), skeleton(registry.get(name))
    groups = {layer.path.partition(".")[0] for layer in layers}
    paths = ["", "nowhere", "con", *groups, *(layer.path for layer in layers)]
    for path in paths:
        try:
            building.frozen_layers(network, path)
        except UserError:
            assert freeze_fault(layers, path), path
        else:
            assert not freeze_fault(layers, path), path
    assert "no layer 'nowhere'" in freeze_fault(layers, "nowhere")
    assert "nothing can learn" in freeze_fault(layers, layers[-1].path)


@pytest.mark.parametrize("name", ["vit_b_16", "swin_t", "googlenet", "squeezenet1_1", "densenet121"])
def test_each_line_freezes_what_stands_left_of_it_and_nothing_is_forgotten(name: str) -> None:
    layers = trainable_layers(TrainConfig(name, "folder"))
    network = skeleton(registry.get(name))
    assert sum(layer.parameters for layer in layers) == sum(p.numel() for p in network.parameters())
    for at in range(0, len(layers) - 1, 7):
        building.freeze(network, layers[at].path)
        frozen = sum(p.numel() for p in network.parameters() if not p.requires_grad)
        assert frozen == sum(layer.parameters for layer in layers[: at + 1])


def test_a_run_from_weights_that_ship_learns_only_right_of_the_line(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for i in range(20):
        path = tmp_path / "pets" / ("cat" if i % 2 else "dog") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 90 + 60 * (i % 2), (32, 32, 3), dtype=np.uint8)).save(path)
    run = tmp_path / "run"
    cli.main([
        "train", "--model", "resnet20", "--data", "folder", "--data-dir", str(tmp_path / "pets"), "--start",
        "pretrained", "--freeze", "layer2", "--epochs", "2", "--batch-size", "6", "--validation", "4", "--threads", "1",
        "--device", "cpu", "--out", str(run),
    ])  # fmt: skip
    assert read_facts(run)["classes"] == ["cat", "dog"]
    network = checkpoints.load_model(registry.get("resnet20"), None).module
    own, frozen = network.state_dict(), building.frozen_layers(network, "layer2")
    for file in (run / "best.safetensors", run / "last.safetensors"):
        learned = weight_files.read(file).tensors
        assert tuple(learned["linear.weight"].shape) == (2, 64)
        assert tuple(learned["linear.bias"].shape) == (2,)
        for name, before in own.items():
            if name.rpartition(".")[0] in frozen:
                assert torch.equal(learned[name], before), f"{name} moved"
            elif before.ndim == 4:
                assert not torch.equal(learned[name], before), f"{name} did not learn"
