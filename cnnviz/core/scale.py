"""How a layer's values become colours: which kind of scale, and where it ends. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from cnnviz.core import mosaic
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray

Scope = Literal["unit", "layer", "network"]
SIGNED_KINDS = ("convolution", "linear", "normalisation", "sum", "output")


def map_shape(node: Node) -> tuple[int, int, int]:
    """Return how a value is drawn: (C, H, W); a vector is one column of single cells."""
    if node.is_map:
        c, h, w = node.output_shape
        return c, h, w
    return int(np.prod(node.output_shape)) if node.output_shape else 1, 1, 1


def as_maps(node: Node, values: FloatArray) -> FloatArray:
    """Return a layer's values as (C, H, W)."""
    return values.reshape(map_shape(node))


def is_signed(node: Node, values: FloatArray) -> bool:
    """Return whether a layer's colours are centred on zero: its values can be negative."""
    return node.kind in SIGNED_KINDS or (bool(values.min() < 0) if values.size else False)


def role(node: Node, values: FloatArray) -> Literal["ink", "signed", "activation"]:
    """Return which colours a layer gets."""
    if node.kind == "input":
        return "ink"
    return "signed" if is_signed(node, values) else "activation"


def network_limits(graph: Graph, values: Mapping[str, FloatArray]) -> dict[bool, float]:
    """Return the largest magnitude over all layers that are signed, and over all that are not."""
    most: dict[bool, float] = {}
    for node in graph.layers:
        array = values.get(node.name)
        if array is not None and array.size:
            signed = is_signed(node, array)
            most[signed] = max(most.get(signed, 0.0), float(np.abs(array).max()))
    return most


def limits(
    node: Node, maps_chw: FloatArray, scope: Scope, network: Mapping[bool, float]
) -> tuple[FloatArray, FloatArray]:
    """Return the values of the first and the last colour, one for all maps or one for each.

    Parameters
    ----------
    node, maps_chw
        A layer and its values.
    scope
        Over what one scale reaches.
    network
        What `network_limits` returned; only read when that is the scope.
    """
    if node.kind == "input":
        low, high = float(maps_chw.min()), float(maps_chw.max())
        return np.array([low], np.float32), np.array([high if high > low else low + 1], np.float32)
    signed = is_signed(node, maps_chw)
    if scope == "network":
        most = network.get(signed, 1.0) or 1.0
        return np.array([-most if signed else 0.0], np.float32), np.array([most], np.float32)
    return mosaic.limits(maps_chw, "unit" if scope == "unit" and node.is_map else "layer", signed)
