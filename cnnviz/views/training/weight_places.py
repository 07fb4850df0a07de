"""Where in a parameter a weight is, and which part of the parameter is shown as a grid to click in. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnnviz.core.graph import Graph
from cnnviz.core.inspection import FloatArray

BLOCK = 48  # rows and columns of a matrix that are shown at a time
Index = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """A part of a parameter as a grid.

    Attributes
    ----------
    values_hw
        Its numbers.
    title
        What it is.
    first
        The indices along the grid's two axes at its first row and column.
    """

    values_hw: FloatArray
    title: str
    first: tuple[int, int]


def parameters_of(graph: Graph, known: Sequence[str]) -> tuple[str, ...]:
    """Return the names of weights and biases in the order of the layers; no buffers, which are not learned."""
    names = [name for node in graph.layers for name in (node.weight, node.bias) if name]
    return tuple(dict.fromkeys(name for name in names if name in known))


def first_of(shapes: Mapping[str, Sequence[int]], frozen: str) -> tuple[str, Index] | None:
    """Return the first weight that learns, of a convolution or a dense layer if there is one.

    Parameters
    ----------
    shapes
        Of a state dict's tensors by their names, in the network's order.
    frozen
        The last layer that keeps its weights, or a group that ends with it; empty: all learn.

    Returns
    -------
    place
        Its parameter's name and its index; ``None`` where nothing learns.
    """
    names = list(shapes)
    before = max((i for i, name in enumerate(names, 1) if frozen and name.startswith(f"{frozen}.")), default=0)
    learn = [name for name in names[before:] if name.endswith(".weight")]
    name = next((name for name in learn if len(shapes[name]) > 1), learn[0] if learn else None)
    return None if name is None else (name, (0,) * len(shapes[name]))


def has_kernels(shape: Sequence[int]) -> bool:
    """Return whether there is a small picture for each pair of an output and an input."""
    return len(shape) > 2 and int(np.prod(shape[2:])) > 1


def inside(index: Index, shape: Sequence[int]) -> Index:
    """Return the nearest index that exists in a shape of as many axes; the beginning of another one."""
    if len(index) != len(shape):
        return (0,) * len(shape)
    return tuple(min(max(0, i), n - 1) for i, n in zip(index, shape, strict=True))


def block_at(weights: FloatArray, index: Index) -> Block:
    """Return the kernel in which a weight is, or the part of the matrix or of the row around it."""
    shape = weights.shape
    if has_kernels(shape):
        kernel = weights[index[0], index[1]]
        title = f"Kernel of output {index[0]} and input {index[1]}"
        return Block(kernel.reshape(kernel.shape[0], -1), title, (0, 0))
    matrix = weights.reshape(1, -1) if weights.ndim < 2 else weights.reshape(shape[0], shape[1])
    row, column = _place(index)
    top, left = row - row % BLOCK, column - column % BLOCK
    part = matrix[top : top + BLOCK, left : left + BLOCK]
    rows, columns = part.shape
    if weights.ndim < 2:
        title = f"Outputs {left} to {left + columns - 1}"
    else:
        title = f"Outputs (rows) {top} to {top + rows - 1}, inputs {left} to {left + columns - 1}"
    return Block(part, title, (top, left))


def _place(index: Index) -> tuple[int, int]:
    """Return row and column of a weight that is in no kernel."""
    return (index[0], index[1]) if len(index) > 1 else (0, index[0] if index else 0)


def cell_of(weights: FloatArray, index: Index) -> tuple[int, int]:
    """Return the cell of the grid in which a weight is."""
    block = block_at(weights, index)
    if has_kernels(weights.shape):
        flat = int(np.ravel_multi_index(index[2:], weights.shape[2:]))
        row, column = divmod(flat, block.values_hw.shape[1])
        return row, column
    row, column = _place(index)
    return row - block.first[0], column - block.first[1]


def index_at(weights: FloatArray, index: Index, row: int, column: int) -> Index:
    """Return the weight in a cell of the grid in which the weight at `index` is."""
    block = block_at(weights, index)
    if has_kernels(weights.shape):
        inner = np.unravel_index(row * block.values_hw.shape[1] + column, weights.shape[2:])
        return (*index[:2], *map(int, inner))
    place = (block.first[0] + row, block.first[1] + column)
    if weights.ndim < 2:
        return place[1:] if weights.ndim else ()
    return (*place, *(0,) * (weights.ndim - 2))
