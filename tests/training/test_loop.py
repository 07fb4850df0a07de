"""The loop: its events, that it learns, stops and repeats itself bit for bit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cnnviz.core.errors import UserError
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.starter import load_starter
from cnnviz.models import checkpoints, registry
from cnnviz.models.preparation import to_input
from cnnviz.training import loop
from cnnviz.training.diagnosis import Diverged
from cnnviz.training.events import BatchesDone, EpochDone, Finished, Started
from cnnviz.training.loop import Run
from cnnviz.training.metrics import BATCH, batch_for, evaluate_batches
from cnnviz.training.variation import NONE
from tests.training.few import SMALL, epochs, few_digits, photographs, run, same, steps, until


@pytest.fixture
def few() -> LabelledImages:
    return few_digits()


def test_events_come_in_order_and_add_up(few: LabelledImages) -> None:
    events = run(SMALL, few)
    first, last = events[0], events[-1]
    assert isinstance(first, Started)
    assert (first.epochs, first.batches, first.n_train, first.n_validation) == (2, 10, 200, 50)
    assert first.parameters == 61_706
    assert first.threads == 1
    assert isinstance(last, Finished)
    assert (last.epochs, last.stopped) == (2, False)
    assert last.best_epoch in (1, 2)
    assert [event.epoch for event in epochs(events)] == [1, 2]
    for epoch in (1, 2):
        mine = [event for event in steps(events) if event.epoch == epoch]
        assert sum(len(event.losses) for event in mine) == 10
        assert mine[-1].batch == 10
        losses = [loss for event in mine for loss in event.losses]
        assert epochs(events)[epoch - 1].train_loss == pytest.approx(np.mean(losses), rel=1e-5)
    rates = [rate for event in steps(events) for rate in event.rates]
    assert rates[0] == pytest.approx(SMALL.learning_rate / 25)
    assert epochs(events)[-1].learning_rate == rates[-1] < SMALL.learning_rate / 50
    assert epochs(events)[0].learning_rate == rates[9]


def test_losses_are_read_seldom_or_at_every_step(few: LabelledImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "READ_S", 1e9)  # only the first step and an epoch's last are reported
    assert [len(event.losses) for event in steps(run(SMALL, few))] == [1, 9, 1, 9]
    monkeypatch.setattr(loop, "READ_S", 0.0)
    assert [len(event.losses) for event in steps(run(SMALL, few))] == [1] * 20


def test_how_often_losses_are_read_changes_no_bit(few: LabelledImages, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for read_s in (0.0, 1e9):
        monkeypatch.setattr(loop, "READ_S", read_s)
        found.append(epochs(run(SMALL, few))[-1])
    assert same(*found)


def test_a_report_tells_what_the_step_did_to_each_layer(few: LabelledImages) -> None:
    run_of = Run(replace(SMALL, optimiser="sgd", momentum=0.0, weight_decay=0.0, learning_rate=0.1), few)
    events = until(run_of, 1)
    next(events)
    before = {name: value.detach().clone() for name, value in run_of.network.named_parameters()}
    report = next(events)
    assert isinstance(report, BatchesDone)
    assert [layer.path for layer in report.layers] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    for layer in report.layers:
        old, new = before[f"{layer.path}.weight"], run_of.network.get_parameter(f"{layer.path}.weight").detach()
        assert layer.count == old.numel()
        assert layer.weight == pytest.approx(old.norm().item(), rel=1e-5)
        assert layer.update == pytest.approx((new - old).norm().item(), rel=1e-4)
        assert layer.gradient == pytest.approx(layer.update / report.rates[-1], rel=1e-3)  # w − η g


@pytest.mark.parametrize("model", [spec.name for spec in registry.taking("digit")])
def test_the_same_seed_gives_the_same_bits(few: LabelledImages, model: str) -> None:
    config = replace(SMALL, model=model, average=0.9, epochs=2 if model == "lenet5" else 1, validation=150)
    torch.manual_seed(1)
    first = epochs(run(config, few))[-1]
    torch.manual_seed(2)  # the caller's own random numbers do not matter
    again = epochs(run(config, few))[-1]
    other = epochs(run(replace(config, seed=1), few))[-1]
    assert same(first, again)
    assert first == replace(again, seconds=first.seconds, images_per_second=first.images_per_second)
    assert not same(first, other)


def test_measuring_the_threads_does_not_touch_the_run(few: LabelledImages, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = epochs(run(SMALL, few))[-1]

    def measure(batch: object) -> int:
        assert callable(batch)
        batch()
        batch()
        return 1

    monkeypatch.setattr(loop.devices, "fastest_threads", measure)
    assert same(fixed, epochs(run(replace(SMALL, threads=0), few))[-1])


def test_the_callers_random_numbers_stay_as_they_are(few: LabelledImages) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    run(replace(SMALL, epochs=1), few)
    assert torch.equal(torch.rand(3), expected)


def test_it_learns(few: LabelledImages) -> None:
    done = epochs(run(replace(SMALL, epochs=12, variation=NONE), few))
    assert done[-1].train_accuracy > 0.95
    assert done[-1].train_loss < 0.3 < done[0].train_loss
    assert done[-1].val_accuracy > 0.7


def test_one_step_is_adamws(few: LabelledImages) -> None:
    config = replace(SMALL, epochs=1, batch_size=200, variation=NONE)
    found = epochs(run(config, few))[0].weights
    order = torch.randperm(250, generator=torch.Generator().manual_seed(0))
    chosen = order[50:].sort().values
    spec = registry.get("lenet5")
    torch.manual_seed(0)
    network = checkpoints.build(spec)
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate / 25, weight_decay=0.01)
    x = to_input(torch.tensor(few.images_nhw)[chosen][:, None].float() / 255, spec.input)
    functional.cross_entropy(network(x), torch.tensor(few.labels_n)[chosen]).backward()
    optimiser.step()
    for key, value in network.state_dict().items():  # the order of the sum differs, so bits may
        torch.testing.assert_close(found[key], value, atol=3e-5, rtol=1e-3)


def test_validation_numbers_belong_to_the_weights_of_the_event(few: LabelledImages) -> None:
    for average in (0.0, 0.9):
        done = epochs(run(replace(SMALL, average=average), few))[-1]
        spec = registry.get("lenet5")
        network = checkpoints.build(spec)
        network.load_state_dict(dict(done.weights))
        held = torch.randperm(250, generator=torch.Generator().manual_seed(0))[:50].sort().values
        ink = torch.tensor(few.images_nhw)[held][:, None].float() / 255
        loss, accuracy, told = evaluate_batches(network, ink, torch.tensor(few.labels_n)[held], spec.input)
        assert done.predicted_n.tolist() == told.tolist()
        assert (done.val_loss, done.val_accuracy) == (pytest.approx(loss), pytest.approx(accuracy))


def test_averaged_weights_are_others_than_the_last_steps(few: LabelledImages) -> None:
    plain, averaged = (epochs(run(replace(SMALL, average=average), few))[-1] for average in (0.0, 0.99))
    for key, value in plain.weights.items():
        assert not torch.equal(value, averaged.weights[key]), key


def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss(few: LabelledImages) -> None:
    events = run(replace(SMALL, epochs=5), few)
    best = max(epochs(events), key=lambda e: (e.val_accuracy, -e.val_loss))
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.best_epoch == best.epoch
    assert best.is_best
    assert not any(event.is_best for event in epochs(events) if event.epoch > best.epoch)


def test_without_a_validation_part_the_last_epoch_is_the_best(few: LabelledImages) -> None:
    events = run(replace(SMALL, validation=0), few)
    assert all(math.isnan(event.val_accuracy) and event.is_best for event in epochs(events))
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.best_epoch == 2


def test_weights_of_an_event_do_not_change_later(few: LabelledImages) -> None:
    for event in loop.train(SMALL, few):
        if isinstance(event, EpochDone) and event.epoch == 1:
            kept, copy = event, {key: value.clone() for key, value in event.weights.items()}
    assert all(torch.equal(kept.weights[key], copy[key]) for key in copy)


@pytest.mark.parametrize(("after", "epochs_done"), [(0, 0), (13, 1)])
def test_stop_ends_between_two_steps(few: LabelledImages, after: int, epochs_done: int) -> None:
    asked: Iterator[bool] = iter([False] * after + [True])
    events = list(loop.train(SMALL, few, lambda: next(asked)))
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.stopped, last.epochs) == (True, epochs_done)
    assert len(epochs(events)) == epochs_done


@pytest.mark.parametrize(("batch_size", "batches"), [(1, 12), (5, 3), (12, 1), (1000, 1)])
def test_odd_batch_sizes(batch_size: int, batches: int) -> None:
    digits = load_starter()
    data = LabelledImages(digits.images_nhw[::385], digits.labels_n[::385])  # 13 digits
    events = run(replace(SMALL, batch_size=batch_size, validation=1), data)
    assert isinstance(events[0], Started)
    assert events[0].batches == batches
    assert all(math.isfinite(event.train_loss) for event in epochs(events))


@pytest.mark.parametrize("n", range(1, 13))
def test_runs_of_any_number_of_steps(n: int) -> None:
    digits = load_starter()
    data = LabelledImages(digits.images_nhw[:n], digits.labels_n[:n])
    done = epochs(run(replace(SMALL, epochs=1, batch_size=1, validation=0), data))
    assert done[0].learning_rate <= SMALL.learning_rate
    assert math.isfinite(done[0].train_loss)


def test_more_validation_than_pictures(few: LabelledImages) -> None:
    with pytest.raises(UserError, match="'validation' is 250"):
        run(replace(SMALL, validation=250), few)


def test_what_waits_is_reported_when_the_run_is_stopped(few: LabelledImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "READ_S", 1e9)
    asked: Iterator[bool] = iter([False] * 6 + [True])
    events = list(loop.train(SMALL, few, lambda: next(asked)))
    assert [len(event.losses) for event in steps(events)] == [1, 5]
    assert steps(events)[-1].step == 6


def test_the_first_layer_that_is_no_number_is_named(few: LabelledImages) -> None:
    run_of = Run(SMALL, few)
    run_of.read_s = 0.0
    events = run_of.events()
    for event in events:
        if isinstance(event, BatchesDone) and event.step >= 3:
            break
    with torch.no_grad():
        run_of.network.get_parameter("fc2.weight")[3, 4] = math.inf
    with pytest.raises(Diverged, match="'fc2' is the first layer with weights") as caught:
        list(events)
    assert (caught.value.layer, caught.value.epoch) == ("fc2", 1)
    assert caught.value.batch == run_of.batch + 1
    assert "learning rate" in caught.value.suggestion


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_rate_that_is_far_too_high_names_a_layer(few: LabelledImages, optimiser: str) -> None:
    config = replace(SMALL, schedule="constant", warm_up=0.0, learning_rate=100.0, optimiser=optimiser)
    run_of = Run(config, few)
    run_of.set_rate(1e30)
    with pytest.raises(Diverged, match="first layer") as caught:
        list(run_of.events())
    assert caught.value.layer in dict(run_of.network.named_modules())


def test_weights_that_an_epochs_last_step_spoils_are_noticed_before_they_count(few: LabelledImages) -> None:
    run_of = Run(replace(SMALL, epochs=1), few)
    events = run_of.events()
    while run_of.batch < run_of.batches:
        next(events)
    with torch.no_grad():
        run_of.network.get_parameter("fc3.bias")[0] = math.nan
    with pytest.raises(Diverged, match="'fc3'"):
        next(events)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
def test_a_memory_that_is_full_is_a_sentence_and_a_smaller_batch_goes_on(
    few: LabelledImages, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    run_of = Run(SMALL, few)

    def full(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(run_of, "forward", full)
        with pytest.raises(UserError, match="too small for 20 pictures") as caught:
            list(run_of.events())
    assert "smaller batch" in caught.value.suggestion
    assert isinstance(list(run_of.events())[-1], Finished)


def test_another_error_of_torch_is_no_matter_of_memory(few: LabelledImages, monkeypatch: pytest.MonkeyPatch) -> None:
    run_of = Run(SMALL, few)

    def wrong(*_: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(run_of, "forward", wrong)
    with pytest.raises(RuntimeError, match="mat1"):
        list(run_of.events())


def test_a_last_batch_of_one_picture_passes_batch_normalisation() -> None:
    data = photographs(9, 32)
    config = replace(SMALL, model="resnet18", size=32, data="cifar10", batch_size=4, validation=0, epochs=1)
    done = epochs(run(config, data))  # its last maps are 1×1
    assert math.isfinite(done[0].train_loss)


def test_the_tally_is_the_mean_over_pictures(few: LabelledImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "READ_S", 0.0)
    events = run(replace(SMALL, epochs=1, batch_size=150), few)
    (first, second), done = steps(events), epochs(events)[0]
    assert done.train_loss == pytest.approx((150 * first.losses[0] + 50 * second.losses[0]) / 200, rel=1e-6)
    assert done.train_accuracy == pytest.approx((150 * first.accuracies[0] + 50 * second.accuracies[0]) / 200)


def test_an_unknown_device(few: LabelledImages) -> None:
    with pytest.raises(UserError, match="'abacus'"):
        run(replace(SMALL, device="abacus"), few)


def test_the_average_follows_a_short_run() -> None:
    averaged = (torch.zeros(2),)
    values: list[float] = []
    expected = 0.0
    for n in range(4):
        decay = min(0.9995, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay)
        loop._blend(0.9995, averaged, (torch.ones(2),), n)
        values.append(float(averaged[0][0]))
        assert values[-1] == pytest.approx(expected)
    assert values[-1] > 0.99


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_it_learns_on_cuda(few: LabelledImages) -> None:
    done = epochs(run(replace(SMALL, epochs=12, variation=NONE, device="cuda"), few))
    assert done[-1].train_accuracy > 0.95
    assert all(isinstance(value, Tensor) and value.device.type == "cpu" for value in done[-1].weights.values())


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_layers_that_were_frozen_learn_on_and_one_pass_over_all_weights_changes_nothing(
    few: LabelledImages, optimiser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weights() -> dict[str, torch.Tensor]:
        run_of = Run(replace(SMALL, optimiser=optimiser, freeze="conv1"), few)
        events = run_of.events()
        while run_of.step < 2:
            next(events)
        run_of.freeze("")
        while run_of.step < 5:
            next(events)
        return run_of.weights()

    monkeypatch.setattr(loop, "READ_S", 0.0)
    quick = weights()
    kinds = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}
    plain = getattr(torch.optim, kinds[optimiser])
    made: list[object] = []

    def usual(*given: object, fused: bool | None = None, **settings: object) -> torch.optim.Optimizer:
        made.append(fused)
        found: torch.optim.Optimizer = plain(*given, **settings)
        return found

    monkeypatch.setattr(torch.optim, kinds[optimiser], usual)
    one_by_one = weights()
    assert made == [True]
    for name, value in quick.items():
        assert torch.allclose(value, one_by_one[name], rtol=1e-4, atol=1e-6), name


def test_large_pictures_are_answered_a_few_at_a_time() -> None:
    given = Run(SMALL, few_digits()).spec.input
    assert batch_for(given) == BATCH
    assert batch_for(replace(given, height=224, width=224)) == 40
    assert batch_for(replace(given, height=5000, width=5000)) == 1
