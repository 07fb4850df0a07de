"""Measuring weights: what does not belong together is said before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cnnviz import cli
from cnnviz.core.errors import UserError
from cnnviz.models import checkpoints, registry
from cnnviz.training.evaluate import evaluate

SPEC = registry.get("lenet5")


@pytest.mark.parametrize("count", [3, 26])
def test_weights_for_other_classes_are_not_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int
) -> None:
    path = tmp_path / "letters.safetensors"
    state = checkpoints.build(SPEC).state_dict()
    save_file(state | {"fc3.weight": torch.randn(count, 84), "fc3.bias": torch.randn(count)}, path)
    with pytest.raises(UserError, match=rf"{count} classes apart, and 'starter' has 10") as caught:
        evaluate(SPEC, str(path), "starter", None, "cpu")
    assert "data set" in caught.value.suggestion
    assert cli.main(["evaluate", "--model", "lenet5", "--weights", str(path), "--data", "starter"]) == 1
    assert f"{count} classes" in capsys.readouterr().err


def test_a_network_for_imagenet_is_not_measured_on_digits() -> None:
    with pytest.raises(UserError, match=r"1,000 classes apart"):
        evaluate(registry.get("squeezenet1_1"), "random", "starter", None, "cpu")
