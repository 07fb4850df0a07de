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
from cnnviz.training.variation import Variation


@given(
    epochs=st.integers(1, 10_000),
    batch_size=st.integers(1, 65_536),
    learning_rate=st.floats(1e-9, 100),
    average=st.floats(0, 0.99999),
    variation=st.builds(Variation, pens=st.booleans(), mirror=st.floats(0, 1), mixup=st.floats(0, 10)),
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
        ("nesterov", 1, "true or false"),
        ("epochs", 10**400, "from 1 to 10,000"),
        ("learning_rate", 10**400, "from 1e-09 to 100"),
        ("optimiser", "lion", "adamw, adam, sgd, adadelta or rmsprop"),
        ("schedule", "", "one_cycle"),
        ("variation", None, "an object"),
        ("variation", [], "an object"),
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
    ("field", "value", "words"),
    [("mirror", 2, "'variation.mirror' is 2; it must be from 0 to 1"), ("pens", 1, "'variation.pens' is 1"),
     ("shift", "much", "'variation.shift' is 'much'"), ("blur", 1, "unknown field 'blur'")],
)  # fmt: skip
def test_a_wrong_variation_is_named(field: str, value: object, words: str) -> None:
    text = json.dumps({"model": "lenet5", "variation": {field: value}})
    with pytest.raises(UserError) as caught:
        TrainConfig.from_json(text, "config.json")
    assert words in caught.value.sentence


def test_digits_that_ship_have_a_recipe_of_a_minute() -> None:
    ours, usual = default_config("lenet5", "starter"), default_config("lenet5", "mnist")
    assert (ours.epochs, ours.average, ours.learning_rate) == (40, 0.995, 5e-3)
    assert (usual.average, usual.learning_rate) == (0.9995, 3e-3)


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


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = {
        "model": "lenet5",
        "epochs": -3,
        "batch_sice": 3,
        "schedule": "cosinus",
        "variation": {"mirror": 2, "qq": 1},
    }
    with pytest.raises(UserError) as caught:
        TrainConfig.from_json(json.dumps(wrong), "my.json")
    for words in (
        "'my.json' has the unknown fields 'batch_sice' and 'qq'.",
        "'epochs' is -3; it must be from 1 to 10,000.",
        "'schedule' is 'cosinus'; it must be one_cycle, cosine, step, plateau or constant.",
        "'variation.mirror' is 2; it must be from 0 to 1.",
    ):
        assert words in caught.value.sentence
    assert caught.value.suggestion.startswith("'batch_size' may be meant. Known: pens, mirror,")
    with pytest.raises(UserError, match=r"names no 'model'.*'seed' is -1.*'threads' is 'x'"):
        TrainConfig.from_json('{"seed": -1, "threads": "x"}', "my.json")
    with pytest.raises(UserError, match=r"'epochs' is 0.*'clip' is -1"):
        TrainConfig("lenet5", epochs=0, clip=-1)


def test_a_file_that_is_no_json_names_the_line() -> None:
    with pytest.raises(UserError, match="Line 3 is no JSON"):
        TrainConfig.from_json('{"model": "lenet5",\n"epochs": 3,\n}', "my.json")
