"""From a layer of a network to the `Operation` that computes it, and back from a value to what it was made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core.convolution import ConvSpec
from cnnviz.core.errors import UserError
from cnnviz.core.graph import Graph, Node, pair
from cnnviz.core.inspection import FloatArray
from cnnviz.core.normalisation import BatchNorm
from cnnviz.core.operations import (
    Activation,
    BatchNormalisation,
    Check,
    Concatenation,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    LocalResponse,
    Operation,
    Pooling,
    RadialBasis,
    Source,
    Sum,
    TransposedConvolution,
)
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec
from cnnviz.core.transposed import TransposedSpec

Array = npt.NDArray[Any]
Values = Mapping[str, FloatArray]
Inputs = tuple[Array, ...]

_FUNCTIONS = {
    "ReLU": "relu", "relu": "relu", "Sigmoid": "sigmoid", "sigmoid": "sigmoid", "Tanh": "tanh", "tanh": "tanh",
    "ScaledTanh": "scaled_tanh", "ReLU6": "relu6", "relu6": "relu6", "LeakyReLU": "leaky_relu",
    "leaky_relu": "leaky_relu", "PReLU": "prelu", "prelu": "prelu", "ELU": "elu", "elu": "elu", "Softplus": "softplus",
    "softplus": "softplus", "GELU": "gelu", "gelu": "gelu", "SiLU": "silu", "silu": "silu", "atan": "arctan",
    "arctan": "arctan", "Hardtanh": "hardtanh", "hardtanh": "hardtanh", "Hardswish": "hardswish",
    "hardswish": "hardswish", "Hardsigmoid": "hardsigmoid", "hardsigmoid": "hardsigmoid", "Mish": "mish",
    "mish": "mish", "Identity": "identity",
}  # fmt: skip
_PARAMETERS = {"leaky_relu": ("negative_slope", 0.01), "elu": ("alpha", 1.0)}


def path_of(name: str) -> str:
    """Return the module of a node; the second call of a module has its number behind a colon."""
    return name.partition(":")[0]


def as_maps(x: Array) -> Array:
    """Return a value as a stack of maps (C, H, W); a vector has maps of one cell."""
    return x if x.ndim == 3 else x.reshape(-1, 1, 1)


def maps_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that `as_maps` gives an array of a shape."""
    return shape if len(shape) == 3 else (math.prod(shape), 1, 1)


def operation_of(graph: Graph, name: str, values: Values, weights: Mapping[str, FloatArray]) -> Operation | None:
    """Return what a layer computed for one input, or ``None`` where that is not known; see `why_not`.

    Parameters
    ----------
    graph, name
        The network, and the node.
    values
        The captured values.
    weights
        Parameters and buffers by state-dict key.
    """
    node = graph[name]
    maker = _MAKERS.get(node.kind)
    if maker is None or any(source not in values for source in node.inputs):
        return None
    inputs = tuple(values[source] for source in node.inputs)
    try:
        operation = maker(graph, node, inputs, weights)
        if operation is None or operation.output_shape != maps_shape(node.output_shape):
            return None  # it computes something else than was understood of it
    except (UserError, KeyError, ValueError, IndexError):
        return None
    return operation


def why_not(node: Node) -> str:
    """Return a sentence for a layer that cannot be written out."""
    if node.kind == "input":
        return (
            "This is the picture as the network is given it: there is nothing to compute yet. Choose a layer behind it."
        )
    return (
        f"How '{node.op}' computes its values is not known here; its inputs and its output can be read under Numbers."
    )


def _weight(node: Node, weights: Mapping[str, FloatArray], part: str) -> FloatArray | None:
    return weights.get(f"{path_of(node.name)}.{part}")


def _convolution(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    hyper, (x, *_) = node.hyper, inputs
    weight = _weight(node, weights, "weight")
    if weight is None or x.ndim != 3 or weight.ndim != 4:
        return None  # a function call, whose weights belong to no layer; or no picture
    bias = _weight(node, weights, "bias")
    if "Transpose" in node.op:
        settings = TransposedSpec(
            hyper["kernel_size"], hyper["stride"], hyper["padding"], hyper["output_padding"], hyper["dilation"],
            hyper["groups"],
        )  # fmt: skip
        return TransposedConvolution(x, weight, bias, settings)
    spec = ConvSpec(
        hyper["kernel_size"], hyper.get("stride", 1), hyper.get("padding", 0), hyper.get("dilation", 1),
        hyper.get("groups", 1), hyper.get("padding_mode", "zeros"),
    )  # fmt: skip
    return Convolution(x, weight, bias, spec)


def _pooling(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    hyper, (x, *_) = node.hyper, inputs
    op = node.op.lower()
    if x.ndim != 3:
        return None
    if op == "mean":
        whole = len(node.output_shape) == 1 or node.output_shape[1:] == (1, 1)
        return Pooling(x, AdaptiveSpec("mean", 1)) if whole and node.units == len(x) else None
    kind = "max" if "max" in op else "lp" if "lp" in op else "mean" if "avg" in op or op == "subsampling" else None
    if kind is None:
        return None
    if "adaptive" in op:
        return Pooling(x, AdaptiveSpec(kind, hyper["output_size"]))
    switches: dict[str, Any] = {"ceil_mode": bool(hyper.get("ceil_mode", False))}
    if kind == "mean":
        switches["count_include_pad"] = bool(hyper.get("count_include_pad", True))
    if kind == "lp":
        switches["p"] = float(hyper["norm_type"])
    stride = hyper.get("stride") or None  # functions give an empty list for "as the kernel"
    padding, dilation = (0, 1) if kind == "lp" else (hyper.get("padding", 0), hyper.get("dilation", 1))
    spec = PoolSpec(kind, pair(hyper["kernel_size"]), stride, padding, dilation if kind == "max" else 1, **switches)
    return Pooling(x, spec, _weight(node, weights, "weight"), _weight(node, weights, "bias"))


def _activation(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    function = _FUNCTIONS.get(node.op.rstrip("_"))
    if function is None:
        return None
    ends = {"min_val": 0, "max_val": 6} if function == "relu6" else {"min_val": -1, "max_val": 1}
    unusual = {"beta": 1, "approximate": "none", **ends}
    if any(node.hyper.get(key, value) != value for key, value in unusual.items()):
        return None  # another form of the function than is written out here
    key, usual = _PARAMETERS.get(function, ("", 0.0))
    parameter = np.array([float(node.hyper.get(key, usual))])
    if function == "prelu":
        learned = _weight(node, weights, "weight")
        if learned is None:
            return None
        parameter = learned.astype(np.float64)
        if len(parameter) not in (1, len(as_maps(inputs[0]))):
            return None
    return Activation(as_maps(inputs[0]), function, parameter)


def _normalisation(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    x = as_maps(inputs[0])
    if inputs[0].ndim == 2:
        return None  # sequences, whose channels `as_maps` does not keep apart
    if node.op == "LocalResponseNorm":
        size, alpha, beta = (node.hyper[key] for key in ("size", "alpha", "beta"))
        return LocalResponse(x, int(size), float(alpha), float(beta), float(node.hyper["k"]))
    mean, variance = _weight(node, weights, "running_mean"), _weight(node, weights, "running_var")
    if "BatchNorm" not in node.op or mean is None or variance is None:
        return None
    gamma, beta_c = _weight(node, weights, "weight"), _weight(node, weights, "bias")
    ones = np.ones(len(mean))
    four = (mean, variance, ones if gamma is None else gamma, 0 * ones if beta_c is None else beta_c)
    mu, sigma2, scale, shift = (np.asarray(array, np.float64) for array in four)
    numbers = BatchNorm(mu, sigma2, scale, shift, float(node.hyper.get("eps", 1e-5)))
    return BatchNormalisation(x, numbers)


def _dropout(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    channels = "2d" in node.op or node.op in ("Dropout2d", "FeatureAlphaDropout")
    return None if "Alpha" in node.op else Dropout(as_maps(inputs[0]), float(node.hyper.get("p", 0.5)), channels)


def _flatten(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    return Flatten(as_maps(inputs[0])) if len(node.output_shape) == 1 else None


def _dense(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    weight = _weight(node, weights, "weight")
    if weight is None or inputs[0].ndim != 1:
        return None
    return Dense(inputs[0], weight, _weight(node, weights, "bias"), folded_shape(graph, node))


def folded_shape(graph: Graph, node: Node) -> tuple[int, int, int] | None:
    """Return the shape of the maps whose cells became a dense layer's inputs, where only a flattening lies between."""
    while node.inputs:
        node = graph[node.inputs[0]]
        if len(node.output_shape) == 3:
            channels, height, width = node.output_shape
            return (channels, height, width) if height * width > 1 else None
        if node.kind not in ("flatten", "dropout", "activation"):
            return None
    return None


def _output(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    centres = _weight(node, weights, "centres")
    return None if centres is None else RadialBasis(inputs[0], centres)


def _sum(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    if len(inputs) < 2:
        return None  # a number was added
    if node.hyper.get("alpha", 1) != 1 or len({x.ndim for x in inputs}) > 1:
        return None  # one is multiplied first, or spread out along other axes
    sign = -1 if node.op.strip("_") in ("sub", "isub") else 1
    return Sum(tuple(as_maps(x) for x in inputs), (1, *(sign for _ in inputs[1:])))


def _concatenation(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    return Concatenation(tuple(as_maps(x) for x in inputs))


def _other(graph: Graph, node: Node, inputs: Inputs, weights: Mapping[str, Array]) -> Operation | None:
    if node.op == "Identity" and len(inputs) == 1:
        return Activation(as_maps(inputs[0]), "identity", np.zeros(1))
    return None


_Maker = Callable[[Graph, Node, Inputs, Mapping[str, Array]], Operation | None]
_MAKERS: dict[str, _Maker] = {
    "convolution": _convolution, "pooling": _pooling, "activation": _activation, "normalisation": _normalisation,
    "dropout": _dropout, "flatten": _flatten, "linear": _dense, "output": _output, "sum": _sum,
    "concatenation": _concatenation, "other": _other,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Explanation:
    """One value of a layer, written out.

    Attributes
    ----------
    node
        The layer.
    operation
        What it computes.
    place
        (unit, row, column) of the value; row and column are 0 in a vector.
    check
        The written-out value beside PyTorch's.
    """

    node: Node
    operation: Operation
    place: tuple[int, int, int]
    check: Check

    def sources(self, most: int = 256) -> tuple[Source, ...]:
        """Return what the value was made of."""
        return self.operation.sources(*self.place, most)


def explain(
    graph: Graph,
    name: str,
    values: Values,
    weights: Mapping[str, FloatArray],
    unit: int,
    cell: tuple[int, int] | None,
) -> Explanation:
    """Write one value of a layer out.

    Parameters
    ----------
    graph, name, values, weights
        See `operation_of`.
    unit, cell
        The map or element, and in a map the (row, column).

    Raises
    ------
    UserError
        When there is no such layer, unit or cell, or it is not known how the layer computes.
    """
    if name not in graph:
        raise UserError(
            f"There is no layer '{name}' in {graph.name}.",
            suggestion=f"Layers: {', '.join(node.name for node in graph.layers)}.",
        )
    node = graph[name]
    operation = operation_of(graph, name, values, weights)
    if operation is None:
        raise UserError(why_not(node))
    channels, height, width = operation.output_shape
    row, col = cell or (0, 0)
    if not 0 <= unit < channels:
        raise UserError(f"'{name}' has the units 0 to {channels - 1}, not {unit}.")
    if not (0 <= row < height and 0 <= col < width):
        raise UserError(
            f"The maps of '{name}' have {height} × {width} values: there is none at row {row}, column {col}."
        )
    torch_value = float(as_maps(values[name])[unit, row, col])
    return Explanation(node, operation, (unit, row, col), operation.check(unit, row, col, torch_value))
