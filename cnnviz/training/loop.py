"""The training loop: plain torch, a generator of events. It does not know who listens."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cnnviz.core import device as devices
from cnnviz.core.errors import UserError
from cnnviz.datasets.transforms import augment
from cnnviz.models import checkpoints, registry
from cnnviz.models.registry import InputSpec
from cnnviz.training.config import TrainConfig
from cnnviz.training.data import TrainingData, normalise, to_ink
from cnnviz.training.events import BatchDone, EpochDone, Event, Finished, Started, Weights
from cnnviz.training.metrics import Tally, measure

READ_EVERY_S = 0.05
"""Losses stay on the device and are read at most this often: reading waits for the device."""

_WARM_UP = 0.2  # share of the run in which the learning rate rises


def train(config: TrainConfig, data: TrainingData, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Train a fresh network and report what happens.

    On a CPU the same configuration, data and number of threads give the same weights bit for bit.

    Parameters
    ----------
    config
        What to do.
    data
        On the CPU; it is moved to the device.
    stop
        Asked before every step; when it says yes the run ends with `Finished`.

    Yields
    ------
    Event
        `Started`, then for each epoch some `BatchDone` and one `EpochDone`, then `Finished`.

    Raises
    ------
    UserError
        When the device is not there or the loss is no longer a number.
    """
    begin_s = time.perf_counter()
    run = _prepare(config, data)
    yield Started(
        config,
        len(run.data.labels_n),
        len(run.data.val_labels_n),
        run.batches,
        sum(p.numel() for p in run.network.parameters() if p.requires_grad),
        devices.describe(run.device),
        torch.get_num_threads(),
    )
    best, best_epoch, done = (-1.0, -math.inf), 0, 0
    for epoch in range(1, config.epochs + 1):
        epoch_s = time.perf_counter()
        tally = Tally(run.device)
        yield from _steps(run, epoch, tally, stop)
        if tally.n < len(run.data.labels_n):
            break
        speed = tally.n / (time.perf_counter() - epoch_s)
        trained = tally.score()
        score = measure(run.result, run.data.val_images_nhw, run.data.val_labels_n, run.prepare)
        better = (score.accuracy, -score.loss) > best
        if better:
            best, best_epoch = (score.accuracy, -score.loss), epoch
        done = epoch
        seconds = time.perf_counter() - epoch_s
        yield EpochDone(
            epoch, trained.loss, trained.accuracy, score.loss, score.accuracy, seconds, speed,
            run.schedule.get_last_lr()[0], better, _copy(run.result),
        )  # fmt: skip
    yield Finished(done < config.epochs, done, best_epoch, time.perf_counter() - begin_s)


@dataclass(eq=False)
class _Run:
    """What the loop works with."""

    config: TrainConfig
    data: TrainingData
    device: torch.device
    input: InputSpec
    network: nn.Module
    average: AveragedModel | None
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator

    @property
    def batches(self) -> int:
        return -(-len(self.data.labels_n) // self.config.batch_size)

    @property
    def result(self) -> nn.Module:
        """The network whose weights count: the averaged one where there is one."""
        if self.average is None:
            return self.network
        module: nn.Module = self.average.module
        return module

    def prepare(self, images_nhw: Tensor) -> Tensor:
        """Return the input for pictures as they are."""
        return normalise(to_ink(images_nhw, self.input), self.input)

    def vary(self, images_nhw: Tensor, generator: torch.Generator) -> Tensor:
        """Return the input for varied pictures."""
        ink_nchw = to_ink(images_nhw, self.input)
        if self.config.augmentation is not None:
            ink_nchw = augment(ink_nchw, self.config.augmentation, generator)
        return normalise(ink_nchw, self.input)


def _prepare(config: TrainConfig, data: TrainingData) -> _Run:
    device = devices.choose(config.device)
    spec = registry.get(config.model)
    with torch.random.fork_rng(devices=[]):  # the seed is this run's own business
        torch.manual_seed(config.seed)
        network = checkpoints.build(spec)
    network = network.to(device).train()
    average = None
    if config.averaging:
        average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.averaging), use_buffers=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    batches = -(-len(data.labels_n) // config.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.epochs * batches + 1, pct_start=_WARM_UP
    )
    generator = torch.Generator().manual_seed(config.seed)
    run = _Run(config, data.to(device), device, spec.input, network, average, optimiser, schedule, generator)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    elif device.type == "cpu":
        _measure_threads(run)
    return run


def _measure_threads(run: _Run) -> None:
    """Set the number of threads under which one batch is quickest, on a copy: the run itself is not touched."""
    network, generator = copy.deepcopy(run.network), torch.Generator().manual_seed(0)
    images_nhw = run.data.images_nhw[: run.config.batch_size]
    labels_n = run.data.labels_n[: run.config.batch_size]

    def batch() -> None:
        functional.cross_entropy(network(run.vary(images_nhw, generator)), labels_n).backward()

    devices.fastest_threads(batch)


def _steps(run: _Run, epoch: int, tally: Tally, stop: Callable[[], bool]) -> Iterator[BatchDone]:
    """Do the steps of one epoch; ends early when asked to stop."""
    size = run.config.batch_size
    order = torch.randperm(len(run.data.labels_n), generator=run.generator).to(run.device)
    waiting: list[Tensor] = []
    read_s = time.perf_counter()
    for step in range(1, run.batches + 1):
        if stop():
            return
        chosen = order[(step - 1) * size : step * size]
        waiting.append(_step(run, run.data.images_nhw[chosen], run.data.labels_n[chosen], tally))
        if step == run.batches or time.perf_counter() - read_s >= READ_EVERY_S:
            losses = tuple(torch.stack(waiting).tolist())
            if not all(map(math.isfinite, losses)):
                raise UserError(
                    f"The loss is no longer a number in epoch {epoch}, step {step}.",
                    suggestion="Try a lower learning rate.",
                )
            yield BatchDone(epoch, step, losses, run.schedule.get_last_lr()[0])
            waiting.clear()
            read_s = time.perf_counter()


def _step(run: _Run, images_nhw: Tensor, labels_n: Tensor, tally: Tally) -> Tensor:
    """Do one step of the optimiser and return its loss, still on the device."""
    logits_nk = run.network(run.vary(images_nhw, run.generator))
    loss = functional.cross_entropy(logits_nk, labels_n)
    run.optimiser.zero_grad()
    loss.backward()
    run.optimiser.step()
    run.schedule.step()
    if run.average is not None:
        run.average.update_parameters(run.network)
    tally.add(loss, logits_nk, labels_n)
    return loss.detach()


def _copy(network: nn.Module) -> Weights:
    return {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}
