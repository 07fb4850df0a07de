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
    """

    kernels_chw: FloatArray
    units: tuple[int, ...]
    names: tuple[str, ...]
    of_filter: int | None
    title: str


def weight_of(model: LoadedModel, node: Node) -> FloatArray | None:
    """Return a layer's weight, or ``None`` where it has none."""
    return model.weights.get(node.weight) if node.weight else None


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
        return None
    bias = bias_of(model, node)
    length = norms(weight)
    order = np.argsort(-length, kind="stable") if by_norm else np.arange(len(weight))
    if weight.ndim == 4 and weight.shape[1] > 1:
        return _kernels(weight, bias, length, min(unit or 0, len(weight) - 1), by_norm=by_norm)
    if weight.ndim == 2:
        return _dense(model.graph, node, weight, bias, min(unit or 0, len(weight) - 1), by_norm=by_norm)
    pictures = weight[:, 0] if weight.ndim == 4 else weight.reshape(len(weight), 1, -1)
    names = tuple(_name(int(i), bias, length if weight.ndim > 1 else None) for i in order)
    title = f"{len(weight)} filters of {' × '.join(map(str, weight.shape[1:]))}"
    if weight.ndim == 1:
        title = f"{len(weight)} coefficients, one for each map"
    return FilterSheet(np.ascontiguousarray(pictures[order]), tuple(int(i) for i in order), names, None, title)


def _kernels(
    weight: FloatArray, bias: FloatArray | None, length: FloatArray, unit: int, *, by_norm: bool
) -> FilterSheet:
    """Return one filter of a deeper layer: a kernel for each map that it reads."""
    title = f"filter {unit} of {len(weight)}: {weight.shape[1]} kernels, one for each map it reads"
    return _parts(weight[unit], unit, _facts(title, unit, bias, length), by_norm=by_norm)


def _parts(pictures_chw: FloatArray, of_filter: int, title: str, *, by_norm: bool) -> FilterSheet:
    """Return the kernels of one filter, each with its own norm."""
    length = norms(pictures_chw)
    order = [int(i) for i in np.argsort(-length, kind="stable")] if by_norm else list(range(len(pictures_chw)))
    names = tuple(f"map {i}  ‖w‖ {length[i]:.2f}" for i in order)
    return FilterSheet(np.ascontiguousarray(pictures_chw[order]), tuple(order), names, of_filter, title)


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
        how = f"{row.size} weights folded back into the maps of {source.name}"
        title = _facts(f"unit {unit} of {len(weight)}: {how}", unit, bias, norms(weight))
        return _parts(row.reshape(source.output_shape), unit, title, by_norm=by_norm)
    pictures = row.reshape(1, 1, -1) if row.size <= 16 else _folded(row, int(np.ceil(np.sqrt(row.size))))
    title = _facts(f"unit {unit} of {len(weight)}: {row.size} weights, row by row", unit, bias, norms(weight))
    return FilterSheet(np.ascontiguousarray(pictures), (0,), ("all weights",), unit, title)


def _folded(row: FloatArray, side: int) -> FloatArray:
    """Return a row of weights as lines below each other; the places left over are not a number."""
    padded = np.full(-(-row.size // side) * side, np.nan, np.float32)
    padded[: row.size] = row
    return padded.reshape(1, -1, side)


def _name(unit: int, bias: FloatArray | None, length: FloatArray | None) -> str:
    words = str(unit) if length is None else f"{unit}  ‖w‖ {length[unit]:.2f}"
    return words if bias is None else f"{words}  b {bias[unit]:+.2f}".replace("-", "−")


def _facts(title: str, unit: int, bias: FloatArray | None, length: FloatArray) -> str:
    words = f"{title}   ·   norm {length[unit]:.3f}"
    return words if bias is None else f"{words}   ·   bias {bias[unit]:+.4f}".replace("-", "−")


def without_weights(graph: Graph, node: Node) -> tuple[str, str | None]:
    """Return why a layer has no filters, and the nearest layer that has."""
    why = {
        "input": "The input has no weights",
        "activation": f"{node.op} changes each value by itself",
        "pooling": "Pooling summarises neighbours by a fixed rule",
        "flatten": "Flatten only puts the values into a row",
        "dropout": "Dropout only switches values off",
        "sum": "A sum adds two inputs",
        "output": "The output compares what it reads with fixed patterns",
    }.get(node.kind, f"{node.op} has no learned filters")
    names = [n.name for n in graph.nodes]
    here = names.index(node.name)
    near = sorted((n for n in graph.nodes if n.weight), key=lambda n: abs(names.index(n.name) - here))
    return f"{why}: {node.name} has no weights.", near[0].name if near else None
