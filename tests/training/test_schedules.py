"""How the rate changes: against torch's own schedules, and by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch.optim import lr_scheduler

from cnnviz.training.config import TrainConfig
from cnnviz.training.events import EpochDone
from cnnviz.training.loop import Run
from cnnviz.training.schedules import factor
from tests.training.few import SMALL, few_digits, steps

STEPS, BATCHES = 60, 6
CONFIG = TrainConfig("lenet5", learning_rate=0.5, warm_up=0.0)


def factors(config: TrainConfig, steps: int = STEPS, batches: int = BATCHES) -> list[float]:
    return [factor(config, step, steps, batches) for step in range(steps)]


def torchs(make: object, *args: object, **kwargs: object) -> list[float]:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = make(optimiser, *args, **kwargs)  # type: ignore[operator]
    found = []
    for _ in range(STEPS):
        found.append(optimiser.param_groups[0]["lr"] / 0.5)
        optimiser.step()
        schedule.step()
    return found


@pytest.mark.parametrize("warm_up", [0.05, 0.2, 0.5])
def test_one_cycle_is_torchs(warm_up: float) -> None:
    expected = torchs(lr_scheduler.OneCycleLR, 0.5, total_steps=STEPS + 1, pct_start=warm_up, cycle_momentum=False)
    assert factors(replace(CONFIG, warm_up=warm_up)) == pytest.approx(expected, rel=1e-9)


def test_cosine_is_torchs() -> None:
    config = replace(CONFIG, schedule="cosine")
    assert factors(config) == pytest.approx(torchs(lr_scheduler.CosineAnnealingLR, STEPS), rel=1e-9, abs=1e-12)


def test_step_is_torchs() -> None:
    config = replace(CONFIG, schedule="step", step_epochs=3, step_factor=0.2)
    assert factors(config) == pytest.approx(torchs(lr_scheduler.StepLR, 3 * BATCHES, gamma=0.2), rel=1e-12)


def test_by_hand() -> None:
    assert factors(replace(CONFIG, schedule="constant")) == [1.0] * STEPS
    assert factors(replace(CONFIG, schedule="plateau")) == [1.0] * STEPS
    warmed = factors(replace(CONFIG, schedule="constant", warm_up=0.1))
    assert warmed[:7] == pytest.approx([1 / 7, 2 / 7, 3 / 7, 4 / 7, 5 / 7, 6 / 7, 1.0])
    cosine = factors(replace(CONFIG, schedule="cosine", warm_up=0.5))
    assert cosine[30] == 1.0
    assert cosine[45] == pytest.approx(0.5)
    assert cosine[40] == pytest.approx((1 + math.cos(math.pi / 3)) / 2)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "step", "plateau", "constant"])
@pytest.mark.parametrize("warm_up", [0.0, 0.3, 1.0])
def test_any_length_stays_between_nothing_and_the_highest_rate(schedule: str, warm_up: float) -> None:
    for steps_ in (1, 2, 3, 17):
        found = factors(replace(CONFIG, schedule=schedule, warm_up=warm_up), steps_, 1)
        assert all(0 <= value <= 1 for value in found)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "step", "constant"])
def test_the_run_uses_these_rates(schedule: str) -> None:
    config = replace(SMALL, schedule=schedule, step_epochs=1, warm_up=0.3)
    run = Run(config, few_digits())
    rates = [rate for event in steps(run.events()) for rate in event.rates]
    assert rates == pytest.approx([config.learning_rate * factor(config, i, 20, 10) for i in range(20)], rel=1e-12)


def test_a_rate_set_by_hand_multiplies_the_schedule() -> None:
    config = replace(SMALL, schedule="cosine", warm_up=0.0)
    run = Run(config, few_digits())
    rates: list[float] = []
    run.read_s = 0.0
    for event in run.events():
        if event in steps([event]):
            rates += steps([event])[0].rates
            if len(rates) == 5:
                run.set_rate(0.1)
            if len(rates) == 9:
                run.set_rate(3.0)
    scales = [1.0] * 5 + [0.1] * 4 + [3.0] * 11
    expected = [scale * config.learning_rate * factor(config, i, 20, 10) for i, scale in enumerate(scales)]
    assert rates == pytest.approx(expected, rel=1e-12)


def test_a_plateau_lowers_the_rate_after_so_many_epochs_without_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    accuracies = iter([0.5, 0.6, 0.6, 0.5, 0.7, 0.1, 0.2, 0.3, 0.4])
    monkeypatch.setattr(
        "cnnviz.training.loop.evaluate_batches", lambda *_: (1.0, next(accuracies), torch.zeros(50, dtype=torch.int64))
    )
    config = replace(
        SMALL, schedule="plateau", warm_up=0.0, step_epochs=2, step_factor=0.1, epochs=9, batch_size=200,
        learning_rate=1e-3,
    )  # fmt: skip
    done = [event for event in Run(config, few_digits()).events() if isinstance(event, EpochDone)]
    assert [event.is_best for event in done] == [True, True, False, False, True, False, False, False, False]
    expected = [1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]
    assert [event.learning_rate for event in done] == pytest.approx([1e-3 * value for value in expected])
