"""A layer's weights as pictures. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cnnviz.core import filter_facts
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel

Order = Literal["index", "norm", "similarity", "orientation"]
ORDERS: tuple[Order, ...] = ("index", "norm", "similarity", "orientation")
ORDER_NAMES: dict[Order, str] = {
    "index": "by number",
    "norm": "by norm",
    "similarity": "by likeness",
    "orientation": "by orientation",
}
AT_ONCE = 5_000_000
"""Products: comparing all filters with all others takes no longer than opening the layer does."""


@dataclass(frozen=True, eq=False)
class FilterSheet:
    """What the view shows of a layer's weights.

    Attributes
    ----------
    kernels_chw
        Pictures (n, kh, kw).
    units
        What a picture is chosen by: the filter it belongs to, or the input channel it reads.
    names
        What stands above each.
    of_filter
        The filter whose input channels are shown, or ``None`` when each picture is a filter.
    title
        One line.
    weights
        All weights of the layer that exist, for their histogram.
    items_nchw
        What the pictures stand for, in the order of their numbers: the filters, or the kernels of one filter.
    numbers
        The `units` of `items_nchw`.
    length_n
        The norms of `items_nchw`, where they are filters.
    colours_nhwc
        The pictures as colours, uint8 (n, kh, kw, 3), where a filter reads red, green and blue.
    channels
        How many maps each filter reads, where one of them can be chosen; 0 where there is nothing to choose.
    """

    kernels_chw: FloatArray
    units: tuple[int, ...]
    names: tuple[str, ...]
    of_filter: int | None
    title: str
    weights: FloatArray
    items_nchw: FloatArray | None = None
    numbers: tuple[int, ...] = ()
    length_n: FloatArray | None = None
    colours_nhwc: npt.NDArray[np.uint8] | None = None
    channels: int = 0


@dataclass(frozen=True, eq=False)
class Flags:
    """Which filters stand out.

    Attributes
    ----------
    dead
        By their weights: a norm below `filter_facts.DEAD_SHARE` of the median.
    silent
        By the picture: 0 everywhere after the activation that follows.
    doubled
        For each filter that is like another one, that other; ``None`` while it has not been looked for.
    after
        The activation's name, or empty where none follows.
    """

    dead: frozenset[int]
    silent: frozenset[int]
    doubled: Mapping[int, int] | None
    after: str = ""

    def mark(self, unit: int) -> str:
        """Return the words across a filter."""
        words = ["dead"] if unit in self.dead else []
        if self.doubled and unit in self.doubled:
            words.append(f"= {self.doubled[unit]}")
        return " ".join(words + (["silent"] if unit in self.silent and unit not in self.dead else []))

    def lines(self) -> tuple[str, ...]:
        """Return the legend of the marks, each with the filters that have it."""
        share = f"{filter_facts.DEAD_SHARE:.0%}"
        found = [f"dead: norm below {share} of the median{_listed(self.dead)}"]
        if self.doubled is not None:
            pairs = sorted({(min(i, j), max(i, j)) for i, j in self.doubled.items()})
            words = [f"{i} = {j}" for i, j in pairs]
            found.append(f"= n: like filter n, cosine above {filter_facts.SAME_COSINE}{_counted(words)}")
        if self.after:
            found.append(f"silent: 0 everywhere on this picture after {self.after}{_listed(self.silent)}")
        return tuple(found)


def _listed(units: frozenset[int]) -> str:
    return _counted([str(unit) for unit in sorted(units)])


def _counted(words: list[str]) -> str:
    """Return a count and the first of some words."""
    if not words:
        return " — none"
    rest = f" and {len(words) - MOST_LISTED} more" if len(words) > MOST_LISTED else ""
    return f" — {len(words)}: {', '.join(words[:MOST_LISTED])}{rest}"


MOST_LISTED = 12


def weight_of(model: LoadedModel, node: Node) -> FloatArray | None:
    """Return a layer's weight, or ``None`` where it has none."""
    return model.weights.get(node.weight) if node.weight else None


def connections_of(node: Node) -> tuple[tuple[int, ...], ...] | None:
    """Return for each filter the maps that it reads, or ``None`` where every filter reads every map."""
    found = node.hyper.get("connections")
    return found if isinstance(found, tuple) else None


def bias_of(model: LoadedModel, node: Node) -> FloatArray | None:
    """Return a layer's bias, or ``None`` where it has none."""
    return model.weights.get(node.bias) if node.bias else None


def filters_of(node: Node, weight: FloatArray) -> FloatArray:
    """Return the filters (n, channels, kh, kw), one for each output map; a transposed convolution stores them by input.

    Parameters
    ----------
    node, weight
        A layer and its weight with four axes.
    """
    if "Transpose" not in node.op:
        return weight
    groups = int(node.hyper.get("groups", 1))
    first, second, height, width = weight.shape
    by_group = weight.reshape(groups, first // groups, second, height, width).swapaxes(1, 2)
    filters: FloatArray = by_group.reshape(groups * second, first // groups, height, width)
    return filters


def arrangement(
    items_nchw: FloatArray, order: Order, likeness: Sequence[int] | None, length_n: FloatArray
) -> npt.NDArray[np.intp]:
    """Return the order of some filters or kernels: by number, norm, orientation, or as `likeness` has them.

    Those without an orientation come last, by their number.
    """
    if order == "norm":
        return np.argsort(-length_n, kind="stable")
    if order == "orientation":
        return _by_angle(filter_facts.orientation(items_nchw)[0])
    if order == "similarity" and likeness is not None and len(likeness) == len(items_nchw):
        return np.asarray(likeness, np.intp)
    return np.arange(len(items_nchw), dtype=np.intp)


def _by_angle(angle_n: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    return np.argsort(angle_n, kind="stable")  # not a number stands last


def reads_colours(node: Node) -> bool:
    """Return whether a layer's filters read the red, green and blue of the input."""
    return node.inputs == ("input",) and bool(node.input_shapes) and node.input_shapes[0][0] == 3


def coloured(filters_nchw: FloatArray) -> npt.NDArray[np.uint8]:
    """Return filters of three channels as colours, (n, kh, kw, 3): grey is 0, and each reaches to its own ±largest."""
    most = np.abs(filters_nchw).reshape(len(filters_nchw), -1).max(1)
    share = np.nan_to_num(filters_nchw / np.where(most > 0, most, 1)[:, None, None, None])
    return np.asarray(np.clip(share * 127.5 + 128, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1))


def sheet(
    model: LoadedModel,
    node: Node,
    unit: int | None,
    *,
    order: Order = "index",
    channel: int | None = None,
    likeness: Sequence[int] | None = None,
) -> FilterSheet | None:
    """Return the pictures for a layer: all its filters, or the kernels of the chosen filter where it reads many maps.

    Parameters
    ----------
    model, node, unit
        A layer with weights, and a unit of it; ``None``: all filters.
    order, likeness
        See `arrangement`.
    channel
        Which of the maps that a filter reads is shown of all filters; ``None``: the one it weighs most, or all three
        colours.
    """
    weight = weight_of(model, node)
    if weight is None:
        return _patterns(model, node)
    bias = bias_of(model, node)
    if weight.ndim == 4:
        filters = filters_of(node, weight)
        if filters.shape[1] == 1 or unit is None or reads_colours(node):
            return _overview(node, filters, weight, bias, order=order, channel=channel, likeness=likeness)
        return _kernels(node, filters, weight, bias, min(unit, len(filters) - 1), order=order, likeness=likeness)
    if weight.ndim == 2:
        unit = min(unit or 0, len(weight) - 1)
        return _dense(model.graph, node, weight, bias, unit, order=order, likeness=likeness)
    items = weight.reshape(len(weight), 1, 1, -1)
    length = filter_facts.norms(items)
    places = arrangement(items, order, likeness, length)
    names = tuple(_name(int(i), bias, None if weight.ndim == 1 else length) for i in places)
    title = f"{len(weight)} filters of {' × '.join(map(str, weight.shape[1:]))}"
    if weight.ndim == 1:
        title = f"{len(weight)} coefficients, one for each map"
    units = tuple(places.tolist())
    return FilterSheet(items[places, 0], units, names, None, title, weight, items, tuple(range(len(items))))


def _overview(
    node: Node,
    filters: FloatArray,
    weight: FloatArray,
    bias: FloatArray | None,
    *,
    order: Order,
    channel: int | None,
    likeness: Sequence[int] | None,
) -> FilterSheet:
    """Return a picture of each filter: in colour, of one of the maps it reads, or all its weights where it is 1×1."""
    count, channels, height, width = filters.shape
    length_n = filter_facts.norms(filters)
    angles = filter_facts.orientation(filters)[0] if order == "orientation" else None
    places = arrangement(filters, order, likeness, length_n) if angles is None else _by_angle(angles)
    units = tuple(places.tolist())
    length = length_n.tolist()
    size = f"{count} filters of {' × '.join(map(str, filters.shape[1:]))}"
    if channels == 1:
        size = f"{count} filters of {height} × {width}"
    labels = [_name(unit, bias, length) for unit in units]
    if angles is not None:
        labels = [f"{unit}  {_degrees(angles[unit])}" for unit in units]
    colours = None
    if height * width == 1:
        channel = None  # of a map alone there is nothing to see
    if channels > 1 and channel is not None:
        channel = min(channel, channels - 1)
        pictures, title = filters[places, channel], f"{size}: the kernels of {_read_map(node, channel)}"
    elif channels > 1 and reads_colours(node):
        pictures, title = filters[places].mean(1), f"{size}, in the colours that they read"
        colours = coloured(filters[places])
    elif channels > 1 and height * width == 1:
        pictures = _folded(filters[places].reshape(count, channels), int(np.ceil(np.sqrt(channels))))
        title = f"{size}: the weights of all maps, row by row"
    elif channels > 1:
        strongest = filter_facts.kernel_norms(filters).argmax(1)
        pictures = filters[places, strongest[places]]
        by_group = int(node.hyper.get("groups", 1)) > 1
        word = "channel" if by_group else "map"
        labels = [f"{label}  {word} {strongest[unit]}" for label, unit in zip(labels, units, strict=True)]
        title = f"{size}: of each the kernel of the {word} that it weighs most"
    else:
        pictures, title = filters[places, 0], size
    return FilterSheet(
        kernels_chw=np.ascontiguousarray(pictures),
        units=units,
        names=tuple(labels),
        of_filter=None,
        title=title,
        weights=_existing(node, weight),
        items_nchw=filters,
        numbers=tuple(range(count)),
        length_n=length_n,
        colours_nhwc=colours,
        channels=channels if channels > 1 and height * width > 1 else 0,
    )


def _read_map(node: Node, channel: int) -> str:
    if reads_colours(node):
        return ("red", "green", "blue")[channel]
    return f"channel {channel} of its group" if int(node.hyper.get("groups", 1)) > 1 else f"map {channel}"


def _existing(node: Node, weight: FloatArray) -> FloatArray:
    """Return the weights of a layer that exist, where filters do not read all maps."""
    connections = connections_of(node)
    if connections is None:
        return weight
    return np.concatenate([weight[o, list(i)] for o, i in enumerate(connections)])


def _patterns(model: LoadedModel, node: Node) -> FilterSheet | None:
    """Return the fixed pictures that a radial-basis output compares its input with."""
    centres = model.weights.get(f"{node.name}.centres")
    if centres is None:
        return None
    side_w = 7 if centres.shape[1] % 7 == 0 else centres.shape[1]  # LeCun's pictures are 7 wide
    pictures = centres.reshape(len(centres), -1, side_w)
    units = tuple(range(len(centres)))
    title = f"{len(centres)} fixed patterns of {pictures.shape[1]} × {side_w}: the distance to each is the output"
    return FilterSheet(pictures, units, tuple(model.labels), None, title, centres)


def _kernels(
    node: Node,
    filters: FloatArray,
    weight: FloatArray,
    bias: FloatArray | None,
    unit: int,
    *,
    order: Order,
    likeness: Sequence[int] | None,
) -> FilterSheet:
    """Return one filter of a deeper layer: a kernel for each map that it reads."""
    connections = connections_of(node)
    reads = connections[unit] if connections is not None else tuple(range(filters.shape[1]))
    groups = int(node.hyper.get("groups", 1))
    if groups > 1:  # its group's share of the maps
        first = unit // max(1, len(filters) // groups) * filters.shape[1]
        reads = tuple(range(first, first + filters.shape[1]))
    facts = _facts(f"{len(reads)} kernels, one for each map it reads", unit, bias, filters[unit])
    chosen = filters[unit, list(connections[unit])] if connections is not None else filters[unit]
    return _parts(chosen, reads, unit, facts, _existing(node, weight), order=order, likeness=likeness)


def _parts(
    pictures_chw: FloatArray,
    maps: tuple[int, ...],
    of_filter: int,
    title: str,
    weights: FloatArray,
    *,
    order: Order,
    likeness: Sequence[int] | None,
) -> FilterSheet:
    """Return the kernels of one filter, each with its own norm; `maps` are those they read."""
    length = filter_facts.norms(pictures_chw)
    items = pictures_chw[:, None]
    places = arrangement(items, order, likeness, length)
    names = tuple(f"map {maps[i]}  ‖w‖ {length[i]:.2f}" for i in places)
    units = tuple(maps[i] for i in places)
    shown = np.ascontiguousarray(pictures_chw[places])
    return FilterSheet(shown, units, names, of_filter, title, weights, items, maps)


def _dense(
    graph: Graph,
    node: Node,
    weight: FloatArray,
    bias: FloatArray | None,
    unit: int,
    *,
    order: Order,
    likeness: Sequence[int] | None,
) -> FilterSheet:
    """Return one unit of a dense layer: folded back into maps where the layer before is a flatten of maps."""
    before = graph[node.inputs[0]] if node.inputs else None
    source = graph[before.inputs[0]] if before is not None and before.kind == "flatten" and before.inputs else None
    row = weight[unit]
    if (
        source is not None
        and source.is_map
        and int(np.prod(source.output_shape)) == row.size
        and source.units < row.size
    ):
        title = _facts(f"{row.size} weights over the maps of {source.name}", unit, bias, row)
        maps = tuple(range(source.units))
        pictures = row.reshape(source.output_shape)
        return _parts(pictures, maps, unit, title, weight, order=order, likeness=likeness)
    pictures = row.reshape(1, 1, -1) if row.size <= 16 else _folded(row[None], int(np.ceil(np.sqrt(row.size))))
    title = _facts(f"{row.size} weights, row by row", unit, bias, row)
    return FilterSheet(np.ascontiguousarray(pictures), (0,), (f"weights of unit {unit}",), unit, title, weight)


def _folded(rows: FloatArray, side: int) -> FloatArray:
    """Return rows of weights as lines below each other; the places left over are not a number."""
    count, size = rows.shape
    padded = np.full((count, -(-size // side) * side), np.nan, np.float32)
    padded[:, :size] = rows
    return padded.reshape(count, -1, side)


def _name(unit: int, bias: FloatArray | None, length: Sequence[float] | FloatArray | None) -> str:
    words = str(unit) if bias is None else f"{unit}  b {bias[unit]:+.2f}".replace("-", "−")
    return words if length is None else f"{words}  ‖w‖ {length[unit]:.2f}"


def _degrees(angle: float) -> str:
    return "—" if np.isnan(angle) else f"{angle:.0f}°"


def _facts(title: str, unit: int, bias: FloatArray | None, weights: FloatArray) -> str:
    words = f"norm {float(filter_facts.norms(weights[None])[0]):.3f} · {title}"
    return words if bias is None else f"bias {bias[unit]:+.4f} · {words}".replace("-", "−")


def activation_after(graph: Graph, node: Node) -> Node | None:
    """Return the activation through which alone a layer's maps go on, one for one, or ``None``."""
    current = node
    while True:
        readers = [reader for reader in graph.nodes if current.name in reader.inputs]
        if len(readers) != 1 or readers[0].units != node.units:
            return None
        if readers[0].kind == "activation":
            return readers[0]
        if readers[0].kind != "normalisation":
            return None
        current = readers[0]


def silent_units(after: Node | None, inspection: Inspection | None) -> frozenset[int]:
    """Return the units that are 0 everywhere after their activation, for the present picture."""
    if after is None or inspection is None or after.name not in inspection.values:
        return frozenset()
    flat = inspection.values[after.name].reshape(after.units, -1)
    alive = (flat[:, :: max(1, flat.shape[1] // 64)] != 0).any(1)  # few values first: most are alive
    return frozenset(int(unit) for unit in np.flatnonzero(~alive) if not flat[unit].any())


def without_weights(graph: Graph, node: Node) -> tuple[str, str | None]:
    """Return why a layer has no filters, and the nearest layer that has."""
    why = {
        "input": "The input has no weights",
        "activation": f"{node.op} changes each value by itself",
        "pooling": "Pooling summarises neighbours by a fixed rule",
        "flatten": "Flatten only puts the values into a row",
        "dropout": "Dropout only switches values off",
        "sum": "A sum adds two inputs",
    }.get(node.kind, f"{node.op} has no learned filters")
    names = [n.name for n in graph.nodes]
    here = names.index(node.name)
    near = sorted((n for n in graph.nodes if n.weight), key=lambda n: abs(names.index(n.name) - here))
    return f"{why}: {node.name} has no weights.", near[0].name if near else None
