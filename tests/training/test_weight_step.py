"""One weight's step written out gives the weight that torch's optimiser really gives."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from cnnviz.core.errors import UserError
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone
from cnnviz.training.loop import Run
from cnnviz.training.one_weight import Watched
from cnnviz.training.weight_step import WeightStep, written_out
from tests.training.few import SMALL, few_digits, until

PLACES = [("conv1.weight", (2, 0, 3, 1)), ("fc1.weight", (7, 200)), ("fc3.bias", (4,))]
SETTINGS = [
    *(
        {"optimiser": "sgd", "momentum": momentum, "nesterov": nesterov, "weight_decay": decay, "clip": clip}
        for momentum, nesterov, decay, clip in itertools.product((0.0, 0.9), (False, True), (0.0, 0.05), (0.0, 0.1))
    ),
    *(
        {"optimiser": name, "weight_decay": decay, "clip": clip, "momentum": momentum, "learning_rate": rate}
        for name, rate in (("adam", 0.003), ("adamw", 0.003), ("adadelta", 1.0), ("rmsprop", 0.001))
        for decay, clip, momentum in ((0.0, 0.0, 0.0), (0.1, 0.05, 0.9))
    ),
]


def watched(config: TrainConfig, name: str, index: tuple[int, ...], count: int = 5) -> list[WeightStep]:
    run = Run(config, few_digits())
    run.watched = Watched(name, index)
    found = [event.weight for event in until(run, count) if isinstance(event, BatchesDone)]
    assert float(run.network.get_parameter(name)[index].detach()) == found[-1].after
    return found


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: " ".join(map(str, s.values())))
def test_the_last_line_is_the_new_weight(settings: dict[str, object]) -> None:
    config = replace(SMALL, schedule="constant", warm_up=0.3, **settings)  # type: ignore[arg-type]
    for name, index in PLACES[: 3 if settings["weight_decay"] else 1]:
        done = watched(config, name, index)
        assert [step.step for step in done] == [1, 2, 3, 4, 5]
        for step in done:
            lines = written_out(step)
            assert lines[-1].label == "new weight"
            assert lines[-1].value == pytest.approx(step.after, rel=1e-5, abs=1e-7)
            moved = step.after - step.before
            assert lines[-1].value - step.before == pytest.approx(moved, rel=2e-3, abs=1e-7)
            if config.clip:
                assert abs(step.clipped) < abs(step.gradient) or step.gradient == 0
                assert (lines[1].label == "clipped") == (step.gradient != 0)
            else:
                assert step.clipped == step.gradient
        assert all(a.after == b.before for a, b in itertools.pairwise(done))
        assert all(a.remembered == b.memory for a, b in itertools.pairwise(done))


def test_memory_lines_are_what_the_optimiser_remembers() -> None:
    names = {
        "sgd": {"momentum": "momentum_buffer"}, "adam": {"mean": "exp_avg", "square": "exp_avg_sq"},
        "adamw": {"mean": "exp_avg", "square": "exp_avg_sq"}, "adadelta": {"square": "square_avg"},
        "rmsprop": {"square": "square_avg", "momentum": "momentum_buffer"},
    }  # fmt: skip
    for optimiser, lines in names.items():
        for step in watched(replace(SMALL, optimiser=optimiser), *PLACES[0]):
            values = {line.label: line.value for line in written_out(step)}
            for label, slot in lines.items():
                assert values[label] == pytest.approx(step.remembered[slot], rel=1e-5, abs=1e-12)


def test_negative_numbers_stand_in_brackets_with_a_true_minus() -> None:
    settings = {"lr": 0.5, "momentum": 0.9, "weight_decay": 0.25, "nesterov": 0.0}
    step = WeightStep("w", (0,), 2, "sgd", settings, -2.0, -2.0, -4.0, 1.0, {"momentum_buffer": -1.0}, {})
    lines = {line.label: line for line in written_out(step)}
    assert lines["decay"].numbers == "(−2) + 0.25 · (−4)"
    assert lines["momentum"].numbers == "0.9 · (−1) + (−3)"
    assert lines["momentum"].value == pytest.approx(-3.9)
    assert lines["new weight"].numbers == "(−4) − 0.5 · (−3.9)"
    assert lines["new weight"].value == pytest.approx(-2.05)
    assert not any("-" in line.numbers for line in lines.values())


def test_a_frozen_weight_has_no_step() -> None:
    run = Run(replace(SMALL, freeze="conv1"), few_digits())
    run.watched = Watched("conv1.weight", (0, 0, 0, 0))
    assert [event.weight for event in until(run, 2) if isinstance(event, BatchesDone)] == [None, None]


@pytest.mark.parametrize(
    ("name", "index"), [("conv9.weight", (0,)), ("fc3.bias", (10,)), ("fc3.bias", (-1,)), ("fc3.weight", (0,))]
)
def test_a_weight_that_is_not_there_is_one_sentence(name: str, index: tuple[int, ...]) -> None:
    run = Run(SMALL, few_digits())
    run.watched = Watched(name, index)
    with pytest.raises(UserError, match="The network has no weight"):
        list(until(run, 1))


def test_watching_changes_no_bit() -> None:
    one, other = Run(SMALL, few_digits()), Run(SMALL, few_digits())
    one.watched = Watched(*PLACES[1])
    other.detailed = False
    for run in (one, other):
        list(until(run, 5))
    assert all(torch.equal(a, b) for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True))
