"""What a race is asked to do, and what its numbers say, in words. No Qt, no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from cnnviz.core.axes import MOST_DECADES, Axis
from cnnviz.core.formats import number
from cnnviz.models import registry
from cnnviz.training.config import TrainConfig, default_config
from cnnviz.training.variation import NONE

LEAST, MOST = 2, 4
WINDOW = 10
"""Steps in the means that are compared."""

FEW = 5
"""With fewer steps nothing is said about who is ahead."""

SMALL = 0.05
"""A difference that may be chance, and is at most this share of the loss, is as good as none."""


@dataclass(frozen=True)
class Choice:
    """What the user chose.

    Attributes
    ----------
    networks
        Registry names, one a lane.
    data, folder
        Registry name of the pictures, and where they are; empty for those that ship or were downloaded.
    pictures
        Learned from, at most; a tenth as many are set aside for validation.
    batch_size, learning_rate, seed, epochs
        The same for all lanes.
    """

    networks: tuple[str, ...] = ("plain20", "plain56", "resnet56")
    data: str = "starter"
    folder: str = ""
    pictures: int = 1000
    batch_size: int = 32
    learning_rate: float = 0.02
    seed: int = 0
    epochs: int = 10


def configs_of(choice: Choice) -> tuple[TrainConfig, ...]:
    """Return the configuration of each lane: that of He et al. (2016), with a rate that stays.

    Raises
    ------
    UserError
        When a value is outside of its limits, or a network cannot learn from such pictures.
    """
    return tuple(
        replace(
            default_config(name, choice.data, choice.folder), pictures=choice.pictures,
            validation=max(1, choice.pictures // 10), batch_size=choice.batch_size, seed=choice.seed,
            learning_rate=choice.learning_rate, epochs=choice.epochs, schedule="constant", warm_up=0.0, optimiser="sgd",
            momentum=0.9, nesterov=False, weight_decay=1e-4, variation=NONE, average=0.0, precision="float32",
        )
        for name in choice.networks
    )  # fmt: skip


def networks() -> tuple[tuple[str, str], ...]:
    """Return name and title of each network that can take part: those that tell a class."""
    return tuple((spec.name, spec.title) for spec in registry.MODELS if not spec.gives_picture)


@dataclass(frozen=True)
class Standing:
    """Where a lane stands, in numbers.

    Attributes
    ----------
    name, title
        The network's.
    step
        Steps done.
    losses
        Of the last `WINDOW` steps and the one before: a lane may be a step ahead.
    gradients
        Length of each layer's gradient at the last step, from the first layer to the last.
    sentence
        Why the lane ended before the others; empty for most.
    """

    name: str
    title: str
    step: int
    losses: tuple[float, ...]
    gradients: tuple[float, ...]
    sentence: str = ""

    @property
    def loss(self) -> float:
        """The mean of its losses."""
        return fmean(self.losses) if self.losses else math.nan

    @property
    def spread(self) -> float:
        """How many times as long the longest gradient is as the shortest; NaN where that is not known."""
        lengths = [length for length in self.gradients if length > 0 and math.isfinite(length)]
        return max(lengths) / min(lengths) if lengths else math.nan


def difference(one: Standing, other: Standing) -> float:
    """Return by how much the loss of one lane is higher; 0 where they are about the same, NaN where that is open.

    Both saw the same pictures at each step: the differences of the steps are compared with how much they vary.
    """
    pairs = [a - b for a, b in zip(one.losses, other.losses, strict=False)]
    if len(pairs) < FEW:
        return math.nan
    mean = fmean(pairs)
    if abs(mean) > 2 * stdev(pairs) / math.sqrt(len(pairs)):
        return mean
    return 0.0 if abs(mean) <= SMALL * other.loss else math.nan


def lesson(lanes: Sequence[Standing]) -> tuple[str, ...]:
    """Return what the numbers say, and what to look at: sentences that are true whatever came out."""
    ended = [f"{lane.title} has ended: {lane.sentence}" for lane in lanes if lane.sentence]
    alive = [lane for lane in lanes if lane.losses and not lane.sentence]
    if not alive:
        return tuple(ended)
    steps = min(lane.step for lane in alive)
    alive = [replace(lane, losses=lane.losses[: len(lane.losses) + steps - lane.step][-WINDOW:]) for lane in alive]
    if steps < FEW:
        return (*ended, "The first steps say little about the losses yet; look at the gradients.", *_gradients(alive))
    named = [f"{number(lane.loss, 3)} for {lane.title}" for lane in sorted(alive, key=lambda lane: lane.loss)]
    first = f"After {steps:,} steps the loss is {_joined(named)} (mean of the last {len(alive[0].losses)} steps)."
    return (*ended, first, *_depth(alive), *_shortcuts(alive), *_gradients(alive))


def _is_early(lanes: Sequence[Standing]) -> bool:
    """Return whether a verdict on depth would come too soon: few steps, or open what shortcuts change."""
    pair = _pair(lanes)
    return len(lanes[0].losses) < WINDOW or (pair is not None and math.isnan(difference(*pair)))


def _depth(lanes: Sequence[Standing]) -> list[str]:
    """Return what the deepest plain network does beside the shallowest."""
    plain = sorted((lane for lane in lanes if _kind(lane.name)[0] == "plain"), key=lambda lane: _kind(lane.name)[1])
    if len(plain) < 2:
        return []
    small, deep = plain[0], plain[-1]
    more = _kind(deep.name)[1] - _kind(small.name)[1]
    by = difference(deep, small)
    if by > 0 and _is_early(lanes):
        return [
            f"{deep.title}, with {more} more layers, is {number(by, 2)} behind {small.title}: its loss falls more"
            " slowly so far."
        ]
    if by > 0:
        return [
            f"{deep.title} is {number(by, 2)} behind {small.title} on the very pictures that it learns from, although"
            f" its {more} further layers need only hand on what they are given. That is no overfitting: it is harder to"
            " train. He et al. call this degradation."
        ]
    if by < 0:
        return [
            f"{deep.title}, with {more} more layers, is {number(-by, 2)} ahead of {small.title}: no degradation is to"
            " be seen at this step."
        ]
    if math.isnan(by):
        return [f"The loss of {deep.title} still swings too much to be compared with {small.title}'s."]
    return [f"{deep.title} and {small.title} are too close to call, although {deep.title} has {more} more layers."]


def _shortcuts(lanes: Sequence[Standing]) -> list[str]:
    """Return what shortcuts change."""
    pair = _pair(lanes)
    if pair is None:
        return []
    residual, plain = pair
    by = -difference(residual, plain)
    words = (
        f"is {number(by, 2)} lower than {plain.title}'s" if by > 0
        else f"is {number(-by, 2)} higher than {plain.title}'s at this step" if by < 0
        else f"still swings too much to be compared with {plain.title}'s" if math.isnan(by)
        else f"is about {plain.title}'s at this step"
    )  # fmt: skip
    return [
        f"{residual.title} has the same layers, with shortcuts around every two of them, which only learn what to add."
        f" Its loss {words}."
    ]


def _pair(lanes: Sequence[Standing]) -> tuple[Standing, Standing] | None:
    """Return the deepest residual network beside which the plain one of the same depth runs, and that one."""
    by_kind = {_kind(lane.name): lane for lane in lanes}
    depths = [depth for kind, depth in by_kind if kind == "plain" and ("resnet", depth) in by_kind]
    return (by_kind["resnet", max(depths)], by_kind["plain", max(depths)]) if depths else None


def _gradients(lanes: Sequence[Standing]) -> list[str]:
    known = [lane for lane in lanes if not math.isnan(lane.spread)]
    if not known:
        return []
    named = [
        f"{number(lane.spread, 2) if lane.spread < 100 else f'{lane.spread:,.0f}'} in {lane.title}" for lane in known
    ]
    return [f"Longest by shortest gradient of a layer: {_joined(named)}; one learning rate has to suit all of them."]


def _kind(name: str) -> tuple[str, int]:
    """Return family and depth of He et al.'s networks for small pictures; nothing for others."""
    found = re.fullmatch(r"(plain|resnet)(20|32|44|56)", name)
    return (found[1], int(found[2])) if found else ("", 0)


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def gradient_axis(lanes: Sequence[Standing]) -> Axis:
    """Return one logarithmic axis of whole decades for the gradients of all lanes."""
    lengths = [length for lane in lanes for length in lane.gradients if length > 0 and math.isfinite(length)]
    if not lengths:
        return Axis(1e-3, 1.0, True)
    last = math.ceil(math.log10(max(lengths)))
    first = min(max(math.floor(math.log10(min(lengths))), last - MOST_DECADES, -300), last - 1)
    return Axis(10.0**first, 10.0 ** min(last, 308), True)
