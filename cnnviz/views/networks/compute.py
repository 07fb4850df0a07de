"""Which networks are compared, and how what is known of them becomes a chart. No Qt, no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnnviz.core.costs import count_text
from cnnviz.core.formats import bytes_text, number
from cnnviz.models.comparing import Compared
from cnnviz.models.registry import MODELS, ModelSpec


@dataclass(frozen=True)
class Preset:
    """Networks that are worth looking at side by side."""

    title: str
    names: tuple[str, ...]


_PRESETS = (
    Preset("VGG-19 beside ResNet-50", ("vgg19", "resnet50")),
    Preset("LeNet-5 beside LeNet-1", ("lenet5", "lenet1")),
    Preset("ResNet-20 beside Plain-20", ("resnet20", "plain20")),
    Preset("Deeper and deeper: ResNet-18 to 152", ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")),
    Preset("From AlexNet to ResNet", ("alexnet", "vgg16", "googlenet", "inception_v3", "resnet50")),
    Preset("Small networks", ("squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0")),
)


def presets() -> tuple[Preset, ...]:
    """Return the presets whose networks are all registered."""
    known = {spec.name for spec in MODELS}
    return tuple(preset for preset in _PRESETS if set(preset.names) <= known)


def families(search: str = "") -> tuple[tuple[str, tuple[ModelSpec, ...]], ...]:
    """Return the networks by family, in the table's order; with a search, those whose title or name has it."""
    wanted = search.strip().casefold()
    found: dict[str, list[ModelSpec]] = {}
    for spec in MODELS:
        if wanted in spec.title.casefold() or wanted in spec.name or wanted in spec.family.casefold():
            found.setdefault(spec.family, []).append(spec)
    return tuple((family, tuple(specs)) for family, specs in found.items())


@dataclass(frozen=True)
class Measure:
    """Something that networks can be compared by.

    Attributes
    ----------
    title
        In words, for an axis.
    value
        Reads it from a row; ``None`` where it is not known.
    text
        Writes a value.
    is_log
        Sizes differ by factors, accuracies by differences.
    """

    title: str
    value: Callable[[Compared], float | None]
    text: Callable[[float], str]
    is_log: bool = True


def _milliseconds(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def _percent(value: float) -> str:
    return f"{value:.1f} %" if value != round(value) else f"{value:.0f} %"


MEASURES: tuple[Measure, ...] = (
    Measure("multiply-adds", lambda row: float(row.macs), count_text),
    Measure("parameters", lambda row: float(row.parameters), count_text),
    Measure("time here", lambda row: row.time_ms, _milliseconds),
    Measure("memory here", lambda row: float(row.weight_bytes + row.activation_bytes), bytes_text),
    Measure("top-1 accuracy", lambda row: row.accuracy[0], _percent, is_log=False),
    Measure("top-5 accuracy", lambda row: row.accuracy[1], _percent, is_log=False),
)
DEFAULT_X, DEFAULT_Y = 0, 4


@dataclass(frozen=True)
class Axis:
    """From a measure's values to 0..1, and the ticks between."""

    low: float
    high: float
    is_log: bool
    ticks: tuple[float, ...]

    def part(self, value: float) -> float:
        """Return where a value lies: 0 at `low`, 1 at `high`."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def axis(values: Sequence[float], *, is_log: bool) -> Axis:
    """Return an axis that holds all values, with round numbers as ticks.

    Parameters
    ----------
    values
        At least one; greater than zero on a logarithmic axis.
    is_log
        Equal distances for equal factors.
    """
    least, most = min(values), max(values)
    if is_log:
        low, high = least / 1.6, most * 1.6
        steps = (1.0, 2.0, 5.0) if high / low < 300 else (1.0,)
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        marks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    else:
        margin = max(1.0, (most - least) * 0.25)
        low, high = max(0.0, least - margin), most + margin
        if high > 100 >= most:
            high = 100.0
        if high <= low:
            low = high - 1
        size = 10.0 ** math.floor(math.log10(high - low))
        step = next(size * factor for factor in (0.2, 0.5, 1.0, 2.0) if (high - low) / (size * factor) <= 6)
        marks = [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return Axis(low, high, is_log, tuple(round(mark, 9) for mark in marks if low <= mark <= high))


@dataclass(frozen=True)
class Point:
    """A network in the chart: its row, where it is from 0 to 1, and how large its disc is from 0 to 1 (by area)."""

    row: Compared
    x: float
    y: float
    area: float


@dataclass(frozen=True)
class Chart:
    """Networks by two measures; the area of a disc is the number of parameters.

    Attributes
    ----------
    points
        Those of which both are known.
    x, y
        The axes; ``None`` without points.
    missing
        Titles of the others.
    """

    points: tuple[Point, ...]
    x: Axis | None
    y: Axis | None
    missing: tuple[str, ...]


def chart(rows: Sequence[Compared], across: Measure, up: Measure) -> Chart:
    """Return the chart of some rows; those that failed are left out."""
    known: list[tuple[Compared, float, float]] = []
    missing = []
    for row in rows:
        if row.error:
            continue
        x, y = across.value(row), up.value(row)
        if x is None or y is None or (across.is_log and x <= 0) or (up.is_log and y <= 0):
            missing.append(row.title)
        else:
            known.append((row, x, y))
    if not known:
        return Chart((), None, None, tuple(missing))
    horizontal = axis([x for _, x, _ in known], is_log=across.is_log)
    vertical = axis([y for _, _, y in known], is_log=up.is_log)
    most = max(row.parameters for row, _, _ in known) or 1
    points = tuple(Point(row, horizontal.part(x), vertical.part(y), row.parameters / most) for row, x, y in known)
    return Chart(points, horizontal, vertical, tuple(missing))


def contrast(rows: Sequence[Compared]) -> str:
    """Return what stands out of two networks beside each other, in a sentence; nothing of more or fewer."""
    both = [row for row in rows if not row.error]
    if len(both) != 2 or len(rows) != 2:
        return ""
    first, second = both
    said = []
    for words, measure in (("parameters", MEASURES[1]), ("multiply-adds", MEASURES[0]), ("time", MEASURES[2])):
        a, b = measure.value(first), measure.value(second)
        if a and b:
            said.append(f"{number(a / b, 2)} × the {words}")
    sentence = f"{first.title} has {', '.join(said)} of {second.title}" if said else ""
    if first.accuracy[0] is not None and second.accuracy[0] is not None and first.accuracy_of == second.accuracy_of:
        points = first.accuracy[0] - second.accuracy[0]
        more = "more" if points >= 0 else "less"
        sentence += f", and {abs(points):.1f} points {more} top-1"
    return f"{sentence}." if sentence else ""
