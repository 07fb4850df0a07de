"""The filters that read the picture itself, as pictures. No torch."""

from __future__ import annotations

import numpy as np

from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray, LoadedModel
from cnnviz.widgets.map_grid import Maps

MOST_UNITS = 256


def first_layer(graph: Graph) -> Node | None:
    """Return the first layer that has weights."""
    return next((node for node in graph.layers if node.weight), None)


def filters_of(model: LoadedModel) -> Maps | None:
    """Return the first layer's filters: in colours where they read three colours, else each one's first channel.

    A layer that is no convolution has filters as large as the picture; ``None`` where its weights are no pictures.
    """
    node = first_layer(model.graph)
    weights = model.weights.get(node.weight) if node is not None and node.weight else None
    if node is None or weights is None:
        return None
    filters_nchw = _as_pictures(weights[:MOST_UNITS], model.graph.nodes[0].output_shape)
    if filters_nchw is None:
        return None
    most = _largest(filters_nchw)
    colours = _colours(filters_nchw) if filters_nchw.shape[1] == 3 else None
    units = tuple(range(len(filters_nchw)))
    ends = np.array([most], np.float32)
    names = tuple(str(unit) for unit in units)
    return Maps(filters_nchw[:, 0], -ends, ends, "weight", units, names, colours_nhwc=colours)


def _as_pictures(weights: FloatArray, input_shape: tuple[int, ...]) -> FloatArray | None:
    if weights.ndim == 4:
        return weights
    if weights.ndim == 2 and len(input_shape) == 3 and weights.shape[1] == int(np.prod(input_shape)):
        return weights.reshape(len(weights), *input_shape)
    return None


def _colours(filters_nchw: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return colours in which grey is 0, and each filter reaches to its own largest weight."""
    finite = np.where(np.isfinite(filters_nchw), filters_nchw, 0)
    most = np.abs(finite).max(axis=(1, 2, 3), keepdims=True)
    shares = finite / np.where(most > 0, most, 1)
    return np.asarray((127.5 + 127.5 * shares).round().transpose(0, 2, 3, 1), np.uint8)


def _largest(values: FloatArray) -> float:
    most = float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
    return most or 1.0
