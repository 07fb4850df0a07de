"""The training loop: plain torch, a generator of events. It does not know who listens."""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn

from cnnviz.core import device as devices
from cnnviz.core.errors import UserError
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.transforms import Augmentation, PhotoAugmentation, add_noise
from cnnviz.models import checkpoints, registry
from cnnviz.models.building import build
from cnnviz.models.preparation import to_input, to_size
from cnnviz.models.registry import InputSpec
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Event, Finished, Started
from cnnviz.training.metrics import BATCH, Tally, evaluate_batches, loss_of

READ_S = 0.05
"""Losses stay on the device and are read at most this often: reading waits for the device."""

MEASURED = 10_000
"""Pictures from which the statistics of averaged weights are measured."""

_WARM_UP = 0.2  # share of the run in which the learning rate rises


def train(config: TrainConfig, data: LabelledImages, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Train a fresh network and report what happens.

    On a CPU the same configuration, pictures and number of threads give the same weights bit for bit.

    Parameters
    ----------
    config
        What to do.
    data
        The pictures; a validation part is set aside by the seed.
    stop
        Asked before every step; when it says yes the run ends with `Finished`.

    Yields
    ------
    Event
        `Started`, then for each epoch some `BatchesDone` and one `EpochDone`, then `Finished`.

    Raises
    ------
    UserError
        When the data does not fit, the device is not there or the loss is no longer a number.
    """
    begin_s = time.perf_counter()
    run = _prepare(config, data)
    parameters = sum(p.numel() for p in run.network.parameters() if p.requires_grad)
    yield Started(
        config, config.epochs, run.batches, len(run.train), len(run.validation), parameters,
        devices.describe(run.train.labels_n.device), torch.get_num_threads(),
    )  # fmt: skip
    best, best_epoch, done = (-1.0, -math.inf), 0, 0
    for epoch in range(1, config.epochs + 1):
        start_s = time.perf_counter()
        tally = Tally(run.train.labels_n.device)
        yield from _steps(run, epoch, tally, stop)
        if tally.n < len(run.train):
            break
        loss, accuracy = tally.means()
        speed = tally.n / (time.perf_counter() - start_s)
        if run.average is not None:
            refresh_statistics(run.result, run.train, config)
        held = run.validation
        wanted = held.pictures() if run.gives_picture else held.labels_n
        val_loss, val_accuracy = evaluate_batches(run.result, held.pictures(), wanted, run.input)
        value = (val_accuracy, -val_loss)
        is_best = value > best or not len(run.validation)  # nothing to choose by: the latest epoch
        if is_best:
            best, best_epoch = value, epoch
        done = epoch
        yield EpochDone(
            epoch, loss, accuracy, val_loss, val_accuracy, float(run.schedule.get_last_lr()[0]),
            time.perf_counter() - start_s, speed, _copy(run.result), is_best,
        )  # fmt: skip
    yield Finished(done, best_epoch, time.perf_counter() - begin_s, done < config.epochs)


@dataclass(frozen=True, eq=False)
class _Part:
    """Pictures uint8 (N, C, h, w) and classes int64 (N,), on the device."""

    images_nchw: Tensor
    labels_n: Tensor

    def __len__(self) -> int:
        return len(self.labels_n)

    def pictures(self, chosen: Tensor | slice = slice(None)) -> Tensor:
        """Return some pictures as numbers in 0..1, (N, C, h, w)."""
        return self.images_nchw[chosen].float() / 255


@dataclass(eq=False)
class _Run:
    """What the loop works with."""

    config: TrainConfig
    input: InputSpec
    gives_picture: bool
    train: _Part
    validation: _Part
    network: nn.Module
    average: AveragedModel | None
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator

    @property
    def batches(self) -> int:
        """Steps in one epoch."""
        return -(-len(self.train) // self.config.batch_size)

    @property
    def result(self) -> nn.Module:
        """The network whose weights count: the averaged one where there is one."""
        module: nn.Module = self.network if self.average is None else self.average.module
        return module

    def loss(self, network: nn.Module, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss, the outputs and what they should be for some pictures of the training part."""
        x_nchw = self.train.pictures(chosen)
        x_nchw = _varied(x_nchw, self.config, generator)
        wanted = to_size(x_nchw, self.input) if self.gives_picture else self.train.labels_n[chosen]
        if self.gives_picture and self.config.augment:
            x_nchw = add_noise(x_nchw, generator)
        x_nchw = to_input(x_nchw, self.input)
        if self.config.precision == "bfloat16":
            with torch.autocast(x_nchw.device.type, torch.bfloat16):
                logits_nk = network(x_nchw.contiguous(memory_format=torch.channels_last)).float()
        else:
            logits_nk = network(x_nchw)
        return loss_of(logits_nk, wanted, self.config.label_smoothing), logits_nk, wanted


@torch.no_grad()
def _blend(most: float, averaged: tuple[Tensor, ...], current: tuple[Tensor, ...], count: Tensor | int) -> None:
    """Move the averaged weights towards the current ones; early in a run by more, or a short run is left behind.

    The decay (1 + n) / (10 + n), up to `most`, is that of TensorFlow's ExponentialMovingAverage.
    """
    n = int(count)
    torch._foreach_lerp_(list(averaged), list(current), 1 - min(most, (1 + n) / (10 + n)))


def refresh_statistics(network: nn.Module, part: _Part, config: TrainConfig) -> None:
    """Measure means and variances of batch normalisation anew: averaged weights have others than those of any step.

    Parameters
    ----------
    network
        Changed in place; left in the mode it was in.
    part
        Training pictures; at most `MEASURED` are used, varied as in training: other pictures have other statistics.
    config
        The run.
    """
    spec, generator = registry.get(config.model).input, torch.Generator().manual_seed(config.seed)
    mixed = torch.randperm(len(part), generator=generator)[:MEASURED]  # data may be sorted by class
    chunks = (mixed[start : start + BATCH] for start in range(0, len(mixed), BATCH))
    batches = (to_input(_varied(part.pictures(chosen), config, generator), spec) for chosen in chunks)
    with torch.no_grad():
        update_bn(batches, network)


def _varied(x_nchw: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """Return pictures as they are trained on."""
    if not config.augment:
        return x_nchw
    is_digit = registry.get(config.model).input.preparation == "digit"
    augmentation = Augmentation() if is_digit else PhotoAugmentation()
    return augmentation(x_nchw, generator)


def _prepare(config: TrainConfig, data: LabelledImages) -> _Run:
    spec = registry.get(config.model)
    device = devices.choose(config.device)
    part, validation = _split(data, config, device)
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
        torch.manual_seed(config.seed)
        network = checkpoints.load_model(spec, config.start).module if config.start else build(spec)
    network = network.to(device).train()
    if config.precision == "bfloat16":
        network = network.to(memory_format=torch.channels_last)  # what such products are quickest with
    average = None
    if config.average:
        average = AveragedModel(network, multi_avg_fn=functools.partial(_blend, config.average))
    optimiser = _optimiser(config, network)
    steps = config.epochs * -(-len(part) // config.batch_size) + 1
    # At least the first two of a very short run: OneCycleLR divides by the rise's last step, counted from 0.
    warm_up = max(_WARM_UP, 2 / steps)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=steps, pct_start=warm_up, cycle_momentum=config.optimiser != "sgd"
    )
    generator = torch.Generator().manual_seed(config.seed)
    run = _Run(
        config, spec.input, spec.gives_picture, part, validation, network, average, optimiser, schedule, generator
    )
    if config.threads:
        torch.set_num_threads(config.threads)
    elif device.type == "cpu":
        _measure_threads(run)
    return run


def _optimiser(config: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    parameters, rate, decay = network.parameters(), config.learning_rate, config.weight_decay
    if config.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True, weight_decay=decay)
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)


def _split(data: LabelledImages, config: TrainConfig, device: torch.device) -> tuple[_Part, _Part]:
    """Return the training and the validation part, drawn by the seed."""
    if config.validation >= len(data):
        raise UserError(
            f"The training setting 'validation' is {config.validation:,}, but there are {len(data):,} pictures.",
            suggestion="Set fewer pictures aside.",
        )
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(config.seed))
    images_nchw = torch.tensor(data.images_nhw)  # a copy: the shipped digits are read-only
    images_nchw = images_nchw[:, None] if images_nchw.ndim == 3 else images_nchw.permute(0, 3, 1, 2).contiguous()
    labels_n = torch.tensor(data.labels_n)
    held, rest = order[: config.validation].sort().values, order[config.validation :].sort().values
    train_part, validation = (_Part(images_nchw[i].to(device), labels_n[i].to(device)) for i in (rest, held))
    return train_part, validation


def _measure_threads(run: _Run) -> None:
    """Set the number of threads under which a batch is quickest, on a copy: the run itself is not touched."""
    network, generator = copy.deepcopy(run.network), torch.Generator().manual_seed(0)
    chosen = torch.arange(min(run.config.batch_size, len(run.train)))

    def batch() -> None:
        run.loss(network, chosen, generator)[0].backward()  # type: ignore[no-untyped-call]

    devices.fastest_threads(batch)


def _steps(run: _Run, epoch: int, tally: Tally, stop: Callable[[], bool]) -> Iterator[BatchesDone]:
    """Do the steps of one epoch; ends early when asked to stop."""
    size, total = run.config.batch_size, len(run.train)
    order = torch.randperm(total, generator=run.generator).to(run.train.labels_n.device)
    waiting: list[Tensor] = []
    read_s, counted = time.perf_counter(), 0
    for step in range(1, run.batches + 1):
        if stop():
            return
        waiting.append(_step(run, order[(step - 1) * size : step * size], tally))
        if step < run.batches and time.perf_counter() - read_s < READ_S:
            continue
        losses = tuple(torch.stack(waiting).tolist())
        if not all(map(math.isfinite, losses)):
            raise UserError(
                f"The loss is no longer a number (epoch {epoch}, step {step}).", suggestion="Lower the learning rate."
            )
        now_s = time.perf_counter()
        yield BatchesDone(epoch, step, losses, (tally.n - counted) / max(now_s - read_s, 1e-9))
        waiting.clear()
        read_s, counted = time.perf_counter(), tally.n


def _step(run: _Run, chosen: Tensor, tally: Tally) -> Tensor:
    """Do one step of the optimiser and return its loss, still on the device."""
    loss, logits_nk, wanted = run.loss(run.network, chosen, run.generator)
    run.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    run.optimiser.step()
    run.schedule.step()
    if run.average is not None:
        run.average.update_parameters(run.network)
    tally.add(loss, logits_nk, wanted)
    return loss.detach()


def _copy(network: nn.Module) -> dict[str, Tensor]:
    """Return the weights as they are written to disk: safetensors knows no other order of the axes."""
    found = {name: value.detach().to("cpu", copy=True) for name, value in network.state_dict().items()}
    return {name: value.contiguous() for name, value in found.items()}
