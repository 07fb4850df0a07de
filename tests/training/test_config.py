"""Training settings: JSON and back, and a sentence for each wrong one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.core.errors import UserError
from cnnviz.models.registry import taking
from cnnviz.training.config import TrainConfig, default_config


@given(
    epochs=st.integers(1, 10_000),
    batch_size=st.integers(1, 65_536),
    learning_rate=st.floats(1e-9, 100),
    average=st.floats(0, 0.99999),
    augment=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
)
def test_json_and_back(**values: Any) -> None:
    config = TrainConfig("lenet5", "mnist", **values)
    assert TrainConfig.from_json(config.to_json(), "config.json") == config


@pytest.mark.parametrize("model", [spec.name for spec in taking("digit")])
def test_every_network_has_a_recipe_for_every_data_set(model: str) -> None:
    assert default_config(model, "mnist").validation == 5000
    assert default_config(model, "starter").validation == 500


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("epochs", 0, "from 1 to 10,000"),
        ("epochs", 2.5, "whole number"),
        ("epochs", True, "whole number"),
        ("batch_size", "64", "whole number"),
        ("learning_rate", 0, "from 1e-09 to 100"),
        ("learning_rate", float("nan"), "nan"),
        ("learning_rate", None, "a number"),
        ("label_smoothing", 1.0, "0.99"),
        ("average", 1.0, "0.99999"),
        ("augment", 1, "true or false"),
        ("validation", -1, "from 0"),
        ("seed", -1, "from 0"),
        ("threads", 5000, "1,024"),
        ("device", 3, "text"),
        ("model", "lenet6", "lenet6"),
        ("model", ["lenet5"], "text"),
        ("data", "mnits", "mnits"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(field: str, value: object, words: str) -> None:
    text = json.dumps({"model": "lenet5", field: value})
    with pytest.raises(UserError) as caught:
        TrainConfig.from_json(text, "config.json")
    assert words in caught.value.sentence
    if field not in ("model", "data"):
        assert f"'{field}'" in caught.value.sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no training configuration"),
        ("{", "no training configuration"),
        ("[]", "no training configuration"),
        ("[" * 100_000, "no training configuration"),
        ("{}", "'model'"),
        ('{"model": "lenet5", "epoch": 3}', "unknown field 'epoch'"),
    ],
)
def test_wrong_text_names_the_file(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        TrainConfig.from_json(text, "my.json")
    assert words in caught.value.sentence
    assert "'my.json'" in caught.value.sentence
