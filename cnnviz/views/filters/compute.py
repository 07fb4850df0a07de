"""A layer's weights as pictures. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray, LoadedModel


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
    """

    kernels_chw: FloatArray
    units: tuple[int, ...]
    names: tuple[str, ...]
    of_filter: int | None
    title: str
    weights: FloatArray


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


def norms(weight: FloatArray) -> FloatArray:
    """Return the Euclidean norm of each filter."""
    flat = weight.reshape(len(weight), -1).astype(np.float64)
    return np.asarray(np.sqrt(np.square(flat).sum(1)), np.float32)


def sheet(model: LoadedModel, node: Node, unit: int | None, *, by_norm: bool) -> FilterSheet | None:
    """Return the pictures for a layer: its filters, or the kernels of the chosen filter where it reads many maps."""
    weight = weight_of(model, node)
    if weight is None:
        return _patterns(model, node)
    bias = bias_of(model, node)
    length = norms(weight)
    order = np.argsort(-length, kind="stable") if by_norm else np.arange(len(weight))
    if weight.ndim == 4 and weight.shape[1] > 1:
        return _kernels(node, weight, bias, min(unit or 0, len(weight) - 1), by_norm=by_norm)
    if weight.ndim == 2:
        return _dense(model.graph, node, weight, bias, min(unit or 0, len(weight) - 1), by_norm=by_norm)
    pictures = weight[:, 0] if weight.ndim == 4 else weight.reshape(len(weight), 1, -1)
    names = tuple(_name(int(i), bias, length if weight.ndim > 1 else None) for i in order)
    title = f"{len(weight)} filters of {' × '.join(map(str, weight.shape[1:]))}"
    if weight.ndim == 1:
        title = f"{len(weight)} coefficients, one for each map"
    return FilterSheet(np.ascontiguousarray(pictures[order]), tuple(int(i) for i in order), names, None, title, weight)


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


def _kernels(node: Node, weight: FloatArray, bias: FloatArray | None, unit: int, *, by_norm: bool) -> FilterSheet:
    """Return one filter of a deeper layer: a kernel for each map that it reads."""
    connections = connections_of(node)
    reads = connections[unit] if connections is not None else tuple(range(weight.shape[1]))
    facts = _facts(f"{len(reads)} kernels, one for each map it reads", unit, bias, norms(weight))
    existing = (
        weight if connections is None else np.concatenate([weight[o, list(i)] for o, i in enumerate(connections)])
    )
    return _parts(weight[unit, list(reads)], reads, unit, facts, existing, by_norm=by_norm)


def _parts(
    pictures_chw: FloatArray, maps: tuple[int, ...], of_filter: int, title: str, weights: FloatArray, *, by_norm: bool
) -> FilterSheet:
    """Return the kernels of one filter, each with its own norm; `maps` are those they read."""
    length = norms(pictures_chw)
    order = [int(i) for i in np.argsort(-length, kind="stable")] if by_norm else list(range(len(pictures_chw)))
    names = tuple(f"map {maps[i]}  ‖w‖ {length[i]:.2f}" for i in order)
    units = tuple(maps[i] for i in order)
    return FilterSheet(np.ascontiguousarray(pictures_chw[order]), units, names, of_filter, title, weights)


def _dense(
    graph: Graph, node: Node, weight: FloatArray, bias: FloatArray | None, unit: int, *, by_norm: bool
) -> FilterSheet:
    """Return one unit of a dense layer: folded back into maps where the layer before is a flatten of maps."""
    before = graph[node.inputs[0]]
    source = graph[before.inputs[0]] if before.kind == "flatten" and before.inputs else None
    row = weight[unit]
    if (
        source is not None
        and source.is_map
        and int(np.prod(source.output_shape)) == row.size
        and source.units < row.size
    ):
        title = _facts(f"{row.size} weights over the maps of {source.name}", unit, bias, norms(weight))
        maps = tuple(range(source.units))
        return _parts(row.reshape(source.output_shape), maps, unit, title, weight, by_norm=by_norm)
    pictures = row.reshape(1, 1, -1) if row.size <= 16 else _folded(row, int(np.ceil(np.sqrt(row.size))))
    title = _facts(f"{row.size} weights, row by row", unit, bias, norms(weight))
    return FilterSheet(np.ascontiguousarray(pictures), (0,), (f"weights of unit {unit}",), unit, title, weight)


def _folded(row: FloatArray, side: int) -> FloatArray:
    """Return a row of weights as lines below each other; the places left over are not a number."""
    padded = np.full(-(-row.size // side) * side, np.nan, np.float32)
    padded[: row.size] = row
    return padded.reshape(1, -1, side)


def _name(unit: int, bias: FloatArray | None, length: FloatArray | None) -> str:
    words = str(unit) if bias is None else f"{unit}  b {bias[unit]:+.2f}".replace("-", "−")
    return words if length is None else f"{words}  ‖w‖ {length[unit]:.2f}"


def _facts(title: str, unit: int, bias: FloatArray | None, length: FloatArray) -> str:
    words = f"norm {length[unit]:.3f} · {title}"
    return words if bias is None else f"bias {bias[unit]:+.4f} · {words}".replace("-", "−")


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
