"""From a selected layer to the operation that is shown, and from a value to the place it came from. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from cnnviz.core import explain, scale
from cnnviz.core.formats import number
from cnnviz.core.graph import Node
from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.core.operations import Activation, Dropout, Operation, Softmax, Source, Sum

Array = npt.NDArray[Any]
Cell = tuple[int, int]
WIDEST = 64


@dataclass(frozen=True)
class Fold:
    """A vector drawn as one map, because a column of a thousand single cells cannot be read."""

    rows: int
    columns: int

    def cell(self, unit: int) -> Cell:
        """Return where an element is drawn."""
        return divmod(unit, self.columns)

    def unit(self, row: int, column: int) -> int:
        """Return which element is drawn there."""
        return row * self.columns + column


@dataclass(frozen=True, eq=False)
class Shown:
    """What a panel is to show of a layer.

    Attributes
    ----------
    operation, output
        The computation, and PyTorch's values (C, H, W).
    inputs, roles
        Names and colours of what it reads.
    title
        The layer, and what of it.
    fold
        How a vector is drawn as a map, or ``None``.
    """

    operation: Operation
    output: Array
    inputs: tuple[str, ...]
    roles: tuple[Any, ...]
    title: str
    fold: Fold | None


def fold_of(units: int) -> Fold | None:
    """Return the most square fold with at most 64 columns, or ``None`` where there is none."""
    columns = next((c for c in range(min(WIDEST, int(units**0.5 * 2)), 0, -1) if units % c == 0), 1)
    return Fold(units // columns, columns) if columns > 1 and units // columns <= 8 * columns else None


def shown(model: LoadedModel, inspection: Inspection, name: str, *, softmax: bool) -> Shown | None:
    """Return what to show of a layer; ``None`` where its computation is not known, see `explain.why_not`.

    Parameters
    ----------
    model, inspection, name
        The network, its values, and the layer.
    softmax
        Of the last layer, what softmax makes of it.
    """
    graph = model.graph
    node = graph[name]
    if softmax and name == graph.output.name:
        probabilities = explain.as_maps(inspection.probabilities)
        return Shown(Softmax(inspection.logits), probabilities, (name,), ("signed",), f"softmax of {name}", None)
    operation = explain.operation_of(graph, name, inspection.values, model.weights)
    if operation is None:
        return None
    output = explain.as_maps(inspection.values[name])
    roles = tuple(scale.role(graph[source], inspection.values[source]) for source in node.inputs)
    fold = fold_of(len(output)) if output.shape[1:] == (1, 1) else None
    if fold is not None:
        folded = _folded(operation, fold)
        if folded is None:
            fold = None
        else:
            operation, output = folded, output.reshape(1, fold.rows, fold.columns)
    return Shown(operation, output, node.inputs, roles, name, fold)


def _folded(operation: Operation, fold: Fold) -> Operation | None:
    """Return the operation on a vector that is drawn as a map, where each element is computed by itself."""
    shape = (1, fold.rows, fold.columns)
    if isinstance(operation, Activation) and len(operation.parameter) == 1:
        return replace(operation, x=operation.x.reshape(shape))
    if isinstance(operation, Dropout):
        return replace(operation, x=operation.x.reshape(shape))
    if isinstance(operation, Sum) and all(x.size == fold.rows * fold.columns for x in operation.inputs):
        return Sum(tuple(x.reshape(shape) for x in operation.inputs), operation.signs)
    return None


def origin(model: LoadedModel, node: Node, source: Source, fold: Fold | None) -> tuple[str, int, Cell | None]:
    """Return (layer, unit, cell) of a value that another one was made of."""
    name = node.inputs[source.index]
    before = model.graph[name]
    if fold is not None:
        return name, fold.unit(source.row, source.col), (0, 0) if before.is_map else None
    return name, source.unit, (source.row, source.col) if before.is_map else None


def crumb(
    model: LoadedModel, inspection: Inspection, place: tuple[str, int | None, Cell | None, bool], *, short: bool
) -> str:
    """Return a place of a trail in a few words, with its value, or only which it is."""
    name, unit, cell, softmax = place
    node = model.graph[name]
    if unit is None:
        return name
    if short:
        return f"P({model.labels[unit]})" if softmax else f"{name} [{unit}]"
    if softmax:
        return f"P({model.labels[unit]}) = {inspection.probabilities[unit]:.1%}"
    values = explain.as_maps(inspection.values[name])
    row, col = cell or (0, 0)
    if not (unit < len(values) and row < values.shape[1] and col < values.shape[2]):
        return name
    value = number(float(values[unit, row, col]), 3)
    if node.kind == "input":
        plane = f"{unit}, " if len(values) > 1 else ""
        return f"pixel ({plane}{row}, {col}) = {value}"
    if node.is_map:
        return f"{name} {unit} ({row}, {col}) = {value}" if cell is not None else f"{name} {unit}"
    return f"{name} [{unit}] = {value}"
