"""The card of weights that ship: every run of a chain is a command that makes it again."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from cnnviz.training.config import TrainConfig, default_config


@pytest.fixture(scope="module")
def ship() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "packaging" / "ship_weights.py"
    spec = importlib.util.spec_from_file_location("ship_weights", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chain(tmp_path: Path, length: int) -> Path:
    """Write the configurations of runs of which each starts from the one before; return the last one's folder."""
    start = ""
    for i in range(length):
        path = tmp_path / f"run{i}"
        path.mkdir()
        config = replace(
            default_config("resnet20", "cifar10"), epochs=5 + i, threads=1, start=start, data_dir="/home/me"
        )
        (path / "config.json").write_text(config.to_json())
        start = str(path)
    return tmp_path / f"run{length - 1}"


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_a_chain_of_runs_is_a_command_each(ship: ModuleType, tmp_path: Path, length: int) -> None:
    found = ship.named(ship.chain_of(chain(tmp_path, length)))
    names = [*ship.NAMES[: length - 1], "RUN"]
    assert [out for _, out in found] == names
    for i, (config, out) in enumerate(found):
        start = f" --start {names[i - 1]}" if i else ""
        usual = "cnnviz train --model resnet20 --data cifar10 --data-dir DIR"
        assert ship._command(config, out) == f"{usual} --epochs {5 + i} --threads 1{start} --out {out}"
        assert str(tmp_path) not in config.to_json()
        assert "/home" not in config.to_json()


def test_a_setting_that_no_option_sets_is_refused(ship: ModuleType) -> None:
    config = replace(default_config("lenet5", "mnist"), optimiser="sgd", clip=1.0)
    with pytest.raises(SystemExit, match="sets optimiser, clip"):
        ship._command(config, "RUN")
    assert isinstance(config, TrainConfig)
