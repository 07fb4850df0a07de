"""What a step did to each layer, as numbers to be drawn. No Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cnnviz.core.axes import MOST_DECADES, Axis
from cnnviz.core.formats import number
from cnnviz.training.events import LayerStep

Quantity = Literal["gradient", "update", "ratio"]
QUANTITIES: tuple[tuple[Quantity, str], ...] = (
    ("gradient", "Gradient"), ("update", "Update"), ("ratio", "Update / weights"),
)  # fmt: skip
VANISHING, USUAL, EXPLODING = 1e-6, 1e-3, 1e-1
"""Lengths of the update as shares of the weights': a layer below the first hardly learns, one above the last forgets in
a few steps; about the middle is usual (A. Karpathy, CS231n notes, "Ratio of weights:updates")."""
BEHIND = 100.0
"""A layer vanishes only where it learns so many times less than another one: where all learn slowly, as at the end of a
run, the rate is low."""


@dataclass(frozen=True)
class LayerBar:
    """A row of the picture.

    Attributes
    ----------
    path
        The layer's path.
    value
        What is drawn; it may be 0 or no finite number.
    word
        What stands out, by the ratio of update and weights; empty for most layers.
    exactly
        All numbers in words.
    """

    path: str
    value: float
    word: str
    exactly: str


def ratio_of(layer: LayerStep) -> float:
    """Return the length of the update as a share of the weights'; NaN where both are 0."""
    if layer.weight == 0:
        return math.inf if layer.update > 0 else math.nan
    return layer.update / layer.weight


def word_for(layer: LayerStep, most: float = math.inf) -> str:
    """Return what stands out in a layer, beside the largest ratio of all layers."""
    ratio = ratio_of(layer)
    if not all(map(math.isfinite, (layer.gradient, layer.update, layer.weight))):
        return "no longer a number"
    if layer.update == 0:
        return "stands still"
    if ratio < min(VANISHING, most / BEHIND):
        return "vanishing"
    return "exploding" if ratio > EXPLODING else ""


def bars_of(layers: Sequence[LayerStep], quantity: Quantity, *, per_weight: bool) -> list[LayerBar]:
    """Return a row for each layer; `per_weight` takes the root mean square of the weights instead of the length.

    A ratio is the same either way.
    """
    ratios = [ratio for ratio in map(ratio_of, layers) if math.isfinite(ratio)]
    most = max(ratios) if len(ratios) > 1 else math.inf
    return [_bar_of(layer, quantity, word_for(layer, most), per_weight=per_weight) for layer in layers]


def _bar_of(layer: LayerStep, quantity: Quantity, word: str, *, per_weight: bool) -> LayerBar:
    values = {"gradient": layer.gradient, "update": layer.update, "ratio": ratio_of(layer)}
    share = 1 / math.sqrt(layer.count) if per_weight and quantity != "ratio" and layer.count else 1.0
    kind = "root mean square of the" if per_weight else "length of the"
    scale = 1 / math.sqrt(layer.count) if per_weight and layer.count else 1.0
    lengths = ", ".join(
        f"{name} {number(value * scale, 4)}"
        for name, value in (("gradient", layer.gradient), ("update", layer.update), ("weights", layer.weight))
    )
    exactly = f"{layer.path}: {kind} {lengths}; update / weights {number(ratio_of(layer), 4)}; {layer.count:,} weights"
    return LayerBar(layer.path, values[quantity] * share, word, exactly)


def axis_for(bars: Sequence[LayerBar], quantity: Quantity) -> Axis:
    """Return a logarithmic axis of whole decades, so that it seldom changes while the bars do."""
    values = [bar.value for bar in bars if bar.value > 0 and math.isfinite(bar.value)]
    if quantity == "ratio":  # both limits are always in sight
        values += [VANISHING / 2, EXPLODING * 2]
    if not values:
        return Axis(1e-3, 1.0, True)
    last = math.ceil(math.log10(max(values)))
    first = max(math.floor(math.log10(min(values))), last - MOST_DECADES, -300)
    first = min(first, last - 1)
    return Axis(10.0**first, 10.0 ** min(last, 308), True)


def summary(bars: Sequence[LayerBar]) -> str:
    """Return in a sentence which layers stand out."""
    marked = [f"{bar.path} {bar.word}" for bar in bars if bar.word]
    if not marked:
        return f"{len(bars)} layers, none stands out."
    shown = ", ".join(marked[:4]) + (f" and {len(marked) - 4} more" if len(marked) > 4 else "")
    return f"{len(bars)} layers: {shown}."
