"""The training loop: plain torch, a generator of events. It does not know who listens.

Every random number follows from the seed and the step, so a run that goes on from a saved state does what it would
have done: `Run.state` and `Run.restore` hold weights, optimiser, schedule and place, and nothing else is needed.
"""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from cnnviz.core import device as devices
from cnnviz.core.errors import UserError
from cnnviz.core.randomness import drawn_from, generator_for, seed_of
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.transforms import add_noise
from cnnviz.models.preparation import to_input, to_size
from cnnviz.training import building, diagnosis, parts
from cnnviz.training.config import TrainConfig
from cnnviz.training.distributed import ALONE, World
from cnnviz.training.events import BatchesDone, EpochDone, Event, Finished, LayerStep, Started
from cnnviz.training.metrics import Tally, accuracies_of, accuracy_of, batch_for, evaluate_batches, loss_of, scores_of
from cnnviz.training.one_weight import Watched
from cnnviz.training.optimisers import optimiser_for
from cnnviz.training.schedules import factor
from cnnviz.training.varying import mix, vary
from cnnviz.training.weight_step import WeightStep

READ_S = 0.2
"""Losses stay on the device and are read at most this often: reading waits for the device."""

MEASURED = 10_000
"""Pictures from which the statistics of averaged weights are measured."""

_PATIENCE = 10
"""Epochs without progress after which ``plateau`` lowers the rate, at most: `step_epochs` may ask for fewer."""


def train(config: TrainConfig, data: LabelledImages, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Train a network and report what happens; see `Run`."""
    yield from Run(config, data).events(stop)


class Run:
    """A network, what it learns from, and how far it is.

    On a CPU the same configuration, pictures and number of threads give the same weights bit for bit. Between two
    events the rate may be changed, layers frozen and the state saved; to pause is not to ask for the next event.

    Parameters
    ----------
    config
        What to do.
    data
        The pictures; a validation part is set aside by the seed.
    world
        Which of several processes this is: each takes its share of every batch.

    Attributes
    ----------
    network, average
        What learns; and the mean of its weights over the steps, where one is kept.
    epoch, batch, step
        The epoch at work, from 1; its steps that are done; steps of the whole run that are done.
    read_s
        Losses are read at most this often, in seconds; 0: after every step.
    detailed
        Whether reports measure what a step did to each layer.
    watched
        A weight whose change is written out in reports, or ``None``.

    Raises
    ------
    UserError
        When the data does not fit, or the device or the weights to start from are not there.
    """

    def __init__(self, config: TrainConfig, data: LabelledImages, world: World = ALONE) -> None:
        self.config, self.world = config, world
        self.spec = parts.spec_for(config, data)
        self.device = devices.choose(config.device)
        self.train_part, self.validation = parts.split(data, config, self.spec.input.channels, self.device)
        self.network = building.network_for(config, self.spec).to(self.device).train()
        building.freeze(self.network, config.freeze)  # after `train`, which wakes frozen normalisation
        if config.precision == "bfloat16":
            self.network = self.network.to(memory_format=torch.channels_last)  # what such products are quickest with
        self.average: AveragedModel | None = None
        if config.average:
            self.average = AveragedModel(self.network, multi_avg_fn=functools.partial(_blend, config.average))
        self.optimiser = optimiser_for(config, self.network)
        self.scale = 1.0  # of the rate: by hand, and by a plateau
        self.rate = 0.0  # of the last step
        self.scaler = torch.amp.GradScaler(self.device.type) if config.precision == "float16" else None
        self.epoch, self.batch, self.step = 1, 0, 0
        self.frozen = config.freeze
        self.best, self.best_epoch = (-1.0, -math.inf), 0
        self.waited = 0  # epochs without progress, for `plateau`
        self.detailed = True
        self.read_s = READ_S
        self.watched: Watched | None = None
        self.tally = Tally()
        self.set_rate(self.scale)
        self._draws = building.draws(self.network)
        self._normalises = any(isinstance(layer, building.NORMS) for layer in self.network.modules())
        self._spread = world.spread(self.network)
        self._seconds = 0.0
        if config.threads:
            torch.set_num_threads(config.threads)
        elif self.device.type == "cpu":
            self._measure_threads()

    @functools.cached_property
    def batches(self) -> int:
        """Steps in one epoch."""
        return -(-len(self.train_part) // self.config.batch_size)

    @property
    def result(self) -> nn.Module:
        """The network whose weights count: the averaged one where there is one."""
        module: nn.Module = self.network if self.average is None else self.average.module
        return module

    def events(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Train to the end, or until asked to stop, which is between two steps.

        Yields
        ------
        Event
            `Started`, then for each epoch some `BatchesDone` and one `EpochDone`, then `Finished`.

        Raises
        ------
        UserError
            When the loss is no longer a number (`Diverged`), or the device's memory is full (`MemoryFull`).
        """
        begin_s = time.perf_counter()
        parameters = sum(p.numel() for p in self.network.parameters() if p.requires_grad)
        yield Started(
            self.config, self.config.epochs, self.batches, len(self.train_part), len(self.validation), parameters,
            devices.describe(self.device), torch.get_num_threads(), self.step,
        )  # fmt: skip
        while self.epoch <= self.config.epochs:
            start_s = time.perf_counter() - self._seconds
            for report in self._steps(stop):
                self._seconds = time.perf_counter() - start_s
                yield report
            if self.batch < self.batches:
                break
            with diagnosis.memory_errors(self.config):
                done = self._end_epoch(start_s)
            yield done
        whole = self.epoch - 1
        yield Finished(whole, self.best_epoch, time.perf_counter() - begin_s, whole < self.config.epochs)

    def set_rate(self, scale: float) -> None:
        """Multiply the schedule's rate by `scale` from the next step on."""
        self.scale = scale
        steps = self.config.epochs * self.batches
        rate = self.config.learning_rate * scale * factor(self.config, self.step, steps, self.batches)
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def freeze(self, path: str) -> None:
        """Let a layer and all before it keep their weights from the next step on; no path: all learn.

        Raises
        ------
        UserError
            When there is no such layer.
        """
        building.freeze(self.network, path)
        for parameter in self.network.parameters():
            if not parameter.requires_grad:
                parameter.grad = None
        self.frozen = path
        self._spread = self.world.spread(self.network)

    def weights(self, *, averaged: bool = False) -> dict[str, Tensor]:
        """Return a copy of the network's state on the CPU."""
        return _copy(self.result if averaged else self.network)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return all that is needed to go on: copies of tensors by name, and the rest as it goes to JSON."""
        tensors = {f"network.{key}": value for key, value in _copy(self.network).items()}
        if self.average is not None:
            tensors |= {f"average.{key}": value for key, value in _copy(self.average).items()}
        numbers: dict[str, Any] = {}
        for index, slots in self.optimiser.state_dict()["state"].items():
            for name, value in slots.items():
                key = f"optimiser.{index}.{name}"
                if isinstance(value, Tensor):
                    tensors[key] = value.detach().to("cpu", copy=True).contiguous()
                else:
                    numbers[key] = value
        return tensors, {
            "epoch": self.epoch, "batch": self.batch, "step": self.step,
            "tally": [self.tally.loss, self.tally.right, self.tally.n],
            "best": list(self.best), "best_epoch": self.best_epoch, "waited": self.waited, "scale": self.scale,
            "frozen": self.frozen, "rate": self.rate, "seconds": self._seconds, "threads": torch.get_num_threads(),
            "numbers": numbers, "scaler": self.scaler.state_dict() if self.scaler is not None else {},
        }  # fmt: skip

    def restore(self, tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises
        ------
        UserError
            When it belongs to another network or optimiser.
        """
        try:
            _load(self.network, tensors, "network.")
            if self.average is not None:
                _load(self.average, tensors, "average.")
            self._restore_optimiser(tensors, rest["numbers"])
            loss, right, count = rest["tally"]
            self.tally = Tally(float(loss), float(right), int(count))
            self.epoch, self.batch, self.step = int(rest["epoch"]), int(rest["batch"]), int(rest["step"])
            self.best = (float(rest["best"][0]), float(rest["best"][1]))
            self.best_epoch, self.waited = int(rest["best_epoch"]), int(rest["waited"])
            self.rate, self._seconds = float(rest["rate"]), float(rest["seconds"])
            scaled = dict(rest["scaler"])
            if self.scaler is not None:
                self.scaler.load_state_dict(scaled)
            torch.set_num_threads(int(rest["threads"]))
            self.freeze(str(rest["frozen"]))
            self.set_rate(float(rest["scale"]))
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
            raise UserError(
                "The saved state of this run belongs to another network or is damaged.", details=repr(error)
            ) from error

    def _restore_optimiser(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        saved: dict[int, dict[str, Any]] = {}
        for key, value in {**tensors, **numbers}.items():
            if key.startswith("optimiser."):
                _, index, name = key.split(".")
                saved.setdefault(int(index), {})[name] = value
        own = self.optimiser.state_dict()
        self.optimiser.load_state_dict({"state": saved, "param_groups": own["param_groups"]})

    def _steps(self, stop: Callable[[], bool]) -> Iterator[BatchesDone]:
        """Do the steps that are left of the epoch; ends early when asked to stop."""
        size = self.config.batch_size
        if self.batch < self.batches and self.world.any(stop()):
            return
        order = parts.epoch_order(self.config, self.epoch, len(self.train_part), self.device)
        waiting: list[_Answer] = []
        rates: list[float] = []
        layers: tuple[LayerStep, ...] = ()
        read_s, counted, last_s = time.perf_counter(), self.tally.n, READ_S  # the first step is reported by itself
        while self.batch < self.batches:
            start_s = time.perf_counter()
            due = self.batch == self.batches - 1 or start_s - read_s + last_s >= self.read_s
            self.rate = float(self.optimiser.param_groups[0]["lr"])
            rates.append(self.rate)
            chosen = order[self.batch * size : (self.batch + 1) * size]
            with diagnosis.memory_errors(self.config):
                answer, measured, weight = self._step(chosen, measured=due)
            layers = measured or layers
            waiting.append(answer)
            last_s = time.perf_counter() - start_s
            asked = self.batch < self.batches and self.world.any(stop())
            if not due and not asked:
                continue
            losses, right = _read(waiting)
            if not all(map(math.isfinite, losses)):
                raise diagnosis.diverged(self, chosen, self.batch)
            for answer, loss, share in zip(waiting, losses, right, strict=True):
                self.tally.add(loss, share, answer.n)
            now_s = time.perf_counter()
            speed = (self.tally.n - counted) / max(now_s - read_s, 1e-9)
            yield BatchesDone(
                self.epoch, self.batch, self.step, tuple(losses), tuple(right), tuple(rates), speed, layers, weight
            )
            if asked:
                return
            waiting.clear()
            rates.clear()
            read_s, counted = time.perf_counter(), self.tally.n

    def _step(self, chosen: Tensor, *, measured: bool) -> tuple[_Answer, tuple[LayerStep, ...], WeightStep | None]:
        """Do one step of the optimiser; return what the network answered, still on the device, and what it did."""
        share = self.world.share(chosen)
        loss, output, wanted = self.forward(self._spread, share)
        if self.device.type == "cpu" and not math.isfinite(loss.item()):  # elsewhere this would wait: see `_steps`
            raise diagnosis.diverged(self, chosen, self.batch + 1)
        part = self.world.part(len(share), len(chosen))
        self.optimiser.zero_grad()
        goal = loss * part if part != 1 else loss
        if self.scaler is not None:
            self.scaler.scale(goal).backward()  # type: ignore[no-untyped-call]
            self.scaler.unscale_(self.optimiser)
        else:
            goal.backward()  # type: ignore[no-untyped-call]
        before = self._before() if measured and self.detailed else None
        watch = self.watched.before(self) if measured and self.watched is not None else None
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        if watch is not None and self.watched is not None:
            watch = self.watched.clipped(self, watch)
        if self.scaler is not None:
            self.scaler.step(self.optimiser)
            self.scaler.update()
        else:
            self.optimiser.step()
        layers = self._after(before) if before is not None else ()
        done = self.watched.after(self, watch) if watch is not None and self.watched is not None else None
        if self.average is not None:
            self.average.update_parameters(self.network)
        self.batch, self.step = self.batch + 1, self.step + 1
        self.set_rate(self.scale)
        output, right = output.detach(), None
        if self.world.size > 1:
            right = self.world.mean(accuracy_of(output, wanted), part)
        return _Answer(self.world.mean(loss.detach(), part), output, wanted, right, len(chosen)), layers, done

    def forward(self, network: nn.Module, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss, the outputs and what they should be for some pictures of the training part."""
        if self._normalises and len(chosen) == 1:
            chosen = chosen.repeat(2)  # of a single picture batch normalisation knows no variance
        place = (self.config.seed, self.world.rank, self.step)
        varied = vary(self.train_part.pictures(chosen), self.config.variation, *place)
        given = self.spec.input
        if self.spec.gives_picture:
            wanted = to_size(varied, given)
            if not self.config.variation.is_none:
                varied = add_noise(varied, generator_for(*place, "noise"))
        else:
            wanted = self.train_part.labels_n[chosen]
            if self.config.variation.mixup and len(chosen) > 1:
                classes = len(self.spec.labels)
                varied, wanted = mix(varied, wanted, self.config.variation.mixup, classes, *place)
        x_nchw = to_input(varied, given)
        dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.config.precision)
        with drawn_from(seed_of(*place, "network")) if self._draws else nullcontext():
            if dtype is None:
                output = network(x_nchw)
            else:
                with torch.autocast(x_nchw.device.type, dtype):
                    output = network(x_nchw.contiguous(memory_format=torch.channels_last))
        scores = scores_of(output)
        losses = [loss_of(part.float(), wanted, self.config.loss, self.config.label_smoothing) for part, _ in scores]
        loss = losses[0]
        for other, (_, share) in zip(losses[1:], scores[1:], strict=True):  # auxiliary heads
            loss = loss + share * other
        return loss, scores[0][0].float(), wanted

    def _end_epoch(self, start_s: float) -> EpochDone:
        loss, accuracy = self.tally.means()
        speed = self.tally.n / max(time.perf_counter() - start_s, 1e-9)
        if self.average is not None:
            refresh_statistics(self)
        held = self.validation
        wanted = held.images_nchw if self.spec.gives_picture else held.labels_n
        val_loss, val_accuracy, predicted_n = evaluate_batches(self.result, held.images_nchw, wanted, self.spec.input)
        if not all(torch.isfinite(p).all() for p in self.network.parameters()):  # by the epoch's last step
            raise diagnosis.diverged(self, torch.arange(min(2, len(self.train_part))), self.batch)
        value = (val_accuracy, -val_loss) if len(held) else (0.0, 0.0)
        is_best = value > self.best or not len(held)  # nothing to choose by: the latest epoch
        if is_best:
            self.best, self.best_epoch, self.waited = value, self.epoch, 0
        else:
            self.waited += 1
        done = EpochDone(
            self.epoch, loss, accuracy, val_loss, val_accuracy, self.rate, time.perf_counter() - start_s, speed,
            _copy(self.result), is_best, predicted_n.cpu().numpy(), self.step,
        )  # fmt: skip
        self.epoch, self.batch, self._seconds = self.epoch + 1, 0, 0.0
        self.tally = Tally()
        if self.config.schedule == "plateau" and self.waited >= min(_PATIENCE, self.config.step_epochs):
            self.waited = 0
            self.set_rate(self.scale * self.config.step_factor)
        return done

    def _before(self) -> list[tuple[str, Tensor, Tensor, float]]:
        """Return of each layer that learns: its path, weights, a copy of them, and the gradient's length."""
        found = [
            (name.removesuffix(".weight"), parameter)
            for name, parameter in self.network.named_parameters()
            if name.endswith("weight") and parameter.ndim >= 2 and parameter.grad is not None
        ]
        gradients = [parameter.grad for _, parameter in found if parameter.grad is not None]
        lengths = torch.stack(torch._foreach_norm(gradients)).tolist() if gradients else []
        return [(path, p, p.detach().clone(), length) for (path, p), length in zip(found, lengths, strict=True)]

    def _after(self, before: list[tuple[str, Tensor, Tensor, float]]) -> tuple[LayerStep, ...]:
        """Return what the step did to each layer."""
        if not before:
            return ()
        old = [copied for _, _, copied, _ in before]
        lengths = torch.stack(torch._foreach_norm(old)).tolist()
        torch._foreach_sub_(old, [p.detach() for _, p, _, _ in before])
        updates = torch.stack(torch._foreach_norm(old)).tolist()
        return tuple(
            LayerStep(path, gradient, update, weight, p.numel())
            for (path, p, _, gradient), update, weight in zip(before, updates, lengths, strict=True)
        )

    def _measure_threads(self) -> None:
        """Set the number of threads under which a batch is quickest, on a copy: the run itself is not touched."""
        network = copy.deepcopy(self.network)
        chosen = torch.arange(min(self.config.batch_size, len(self.train_part)))

        def batch() -> None:
            self.forward(network, chosen)[0].backward()  # type: ignore[no-untyped-call]

        devices.fastest_threads(batch)


@dataclass(frozen=True, eq=False)
class _Answer:
    """What the network answered in a step and should have: read later, since reading waits for the device.

    Attributes
    ----------
    loss, right
        Mean loss; and the share of right answers, where several processes had to agree on it.
    output, wanted
        See `cnnviz.training.metrics.accuracy_of`.
    n
        Pictures.
    """

    loss: Tensor
    output: Tensor
    wanted: Tensor
    right: Tensor | None
    n: int


def _read(answers: list[_Answer]) -> tuple[list[float], list[float]]:
    """Return loss and accuracy of some steps."""
    losses: list[float] = torch.stack([answer.loss for answer in answers]).tolist()
    agreed = [answer.right for answer in answers if answer.right is not None]
    if agreed:
        return losses, torch.stack(agreed).tolist()
    return losses, accuracies_of([answer.output for answer in answers], [answer.wanted for answer in answers])


@torch.no_grad()
def _blend(most: float, averaged: tuple[Tensor, ...], current: tuple[Tensor, ...], count: Tensor | int) -> None:
    """Move the averaged weights towards the current ones; early in a run by more, or a short run is left behind.

    The decay (1 + n) / (10 + n), up to `most`, is that of TensorFlow's ExponentialMovingAverage.
    """
    n = int(count)
    torch._foreach_lerp_(list(averaged), list(current), 1 - min(most, (1 + n) / (10 + n)))


def refresh_statistics(run: Run) -> None:
    """Measure means and variances of batch normalisation anew: averaged weights have others than those of any step.

    From at most `MEASURED` training pictures, varied as in training: other pictures have other statistics.
    """
    part, config, network = run.train_part, run.config, run.result
    frozen = building.frozen_layers(run.network, run.frozen)
    norms = [
        layer for name, layer in network.named_modules() if isinstance(layer, building.NORMS) and name not in frozen
    ]
    if not norms:
        return
    modes, momenta = {layer: layer.training for layer in network.modules()}, [norm.momentum for norm in norms]
    network.train()
    building.rest_frozen(network, frozen)
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    mixed = torch.randperm(len(part), generator=generator_for(config.seed, "statistics"))[:MEASURED].to(run.device)
    size = batch_for(run.spec.input)
    if len(mixed) % size == 1:
        mixed = mixed[:-1] if len(mixed) > 1 else mixed.repeat(2)  # one picture alone has no variance
    for i, chosen in enumerate(torch.split(mixed, size)):
        place = (config.seed, "statistics", i)
        varied = vary(part.pictures(chosen), config.variation, *place)
        with torch.no_grad(), drawn_from(seed_of(*place, "network")):
            network(to_input(varied, run.spec.input))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for layer, training in modes.items():
        layer.training = training


def _copy(network: nn.Module) -> dict[str, Tensor]:
    """Return the weights as they are written to disk: safetensors knows no other order of the axes."""
    found = {name: value.detach().to("cpu", copy=True) for name, value in network.state_dict().items()}
    return {name: value.contiguous() for name, value in found.items()}


def _load(network: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Copy tensors into a network that is in use elsewhere: its parameters stay the same objects."""
    given = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    network.load_state_dict(given)
