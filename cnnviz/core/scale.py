"""How a layer's values become colours: which kind of scale, and where it ends. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from cnnviz.core import mosaic
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray

Scope = Literal["unit", "layer", "network"]
SIGNED_KINDS = ("convolution", "linear", "normalisation", "sum")


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
    """Return whether a layer's colours are centred on zero: its values can be negative.

    A radial-basis output is never above zero, and its scores lie close together: it is coloured from least to largest.
    """
    if node.kind == "output":
        return False
    return node.kind in SIGNED_KINDS or (bool(values.min() < 0) if values.size else False)


def role(node: Node, values: FloatArray) -> Literal["ink", "signed", "activation"]:
    """Return which colours a layer gets."""
    if node.kind == "input":
        return "ink"
    return "signed" if is_signed(node, values) else "activation"


def network_limits(graph: Graph, values: Mapping[str, FloatArray]) -> dict[str, float]:
    """Return for each layer the largest magnitude over all layers that are signed as it is.

    The output stands by itself: its scores may be a hundred times as large as all that led to them. Every value of the
    network is read, which takes 40 ms for DenseNet-201: no work for the thread of the window.
    """
    most: dict[bool, float] = {}
    signed = {node.name: is_signed(node, values[node.name]) for node in graph.layers if node.name in values}
    found = {name: _largest(values[name]) for name in signed}
    for name, sign in signed.items():
        if name != graph.output.name:
            most[sign] = max(most.get(sign, 0.0), found[name])
    return {name: found[name] if name == graph.output.name else most[sign] for name, sign in signed.items()}


def _largest(values: FloatArray) -> float:
    """Return the largest magnitude; what is not finite does not count."""
    most = max(float(values.max()), -float(values.min())) if values.size else 0.0
    return most if np.isfinite(most) else float(np.abs(np.where(np.isfinite(values), values, 0)).max())


def limits(
    node: Node, maps_chw: FloatArray, scope: Scope, network: Mapping[str, float] | None
) -> tuple[FloatArray, FloatArray]:
    """Return the values of the first and the last colour, one for all maps or one for each.

    Parameters
    ----------
    node, maps_chw
        A layer and its values.
    scope
        Over what one scale reaches.
    network
        What `network_limits` returned; only read when that is the scope. ``None``: not known yet, the layer's own are
        taken.
    """
    if node.kind in ("input", "output"):
        low, high = float(maps_chw.min()), float(maps_chw.max())
        return np.array([low], np.float32), np.array([high if high > low else low + 1], np.float32)
    signed = is_signed(node, maps_chw)
    if scope == "network" and network is not None:
        most = network.get(node.name, 1.0) or 1.0
        return np.array([-most if signed else 0.0], np.float32), np.array([most], np.float32)
    return mosaic.limits(maps_chw, "unit" if scope == "unit" and node.is_map else "layer", signed)
