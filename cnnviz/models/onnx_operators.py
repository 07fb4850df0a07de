"""ONNX's operators in torch's terms: as the layer that computes the same, made without weights, or by their name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from cnnviz.models.building import Weightless

Array = npt.NDArray[Any]
Sides = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Call:
    """One operator of the file, with what it is given.

    Attributes
    ----------
    node
        The operator.
    attributes
        By name.
    constants
        For each input its value, where that is a constant; else ``None``.
    shapes
        For each input its shape with the batch axis; empty where it is not known.
    """

    node: Any
    attributes: Mapping[str, Any]
    constants: tuple[Array | None, ...]
    shapes: tuple[tuple[int, ...], ...]

    def constant(self, index: int) -> Array | None:
        """Return an input that is constant; ``None`` where it is left out or computed."""
        return self.constants[index] if index < len(self.constants) else None

    def takes(self, index: int) -> bool:
        """Return whether an input is given at all; one that is left out has no name."""
        return index < len(self.node.input) and bool(self.node.input[index])

    def get(self, name: str, usual: Any) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, usual)


@dataclass(frozen=True, eq=False)
class Part:
    """What an operator is in torch's terms: a layer with weights, or a function's name."""

    layer: nn.Module | None = None
    function: str = ""
    hyper: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)


def part_of(call: Call) -> Part:
    """Return what an operator is in torch's terms."""
    if call.node.domain not in ("", "ai.onnx"):
        return Part()
    make = _PARTS.get(call.node.op_type)
    if make is None:
        return Part(function=_FUNCTIONS.get(call.node.op_type, ""))
    try:
        with Weightless():
            return make(call) or Part()
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return Part()  # attributes that no such layer has; onnxruntime may know better


def _convolution(call: Call) -> Part | None:
    weight, bias = call.constant(1), call.constant(2)
    sides = None if weight is None else _sides(call, weight.shape[2:])
    if weight is None or weight.ndim != 4 or sides is None or (bias is None and call.takes(2)):
        return Part(function="conv2d")
    groups, stride, dilation = call.get("group", 1), _steps(call, "strides"), _steps(call, "dilations")
    kernel = (weight.shape[2], weight.shape[3])
    inputs = weight.shape[1] * groups
    layer = nn.Conv2d(inputs, len(weight), kernel, stride, 0, dilation, groups, bias is not None)
    # torch's own layer has no unequal sides; the pictures and sums of a convolution do.
    layer.padding = _both_ways(sides) or sides
    return Part(layer, weights=_given(weight=weight, bias=bias))


def _transposed(call: Call) -> Part | None:
    weight, bias = call.constant(1), call.constant(2)
    if weight is None or weight.ndim != 4 or (bias is None and call.takes(2)) or "output_shape" in call.attributes:
        return None
    pads = _pads(call, weight.shape[2:])
    if pads is None or call.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        return None
    groups, stride, dilation = call.get("group", 1), _steps(call, "strides"), _steps(call, "dilations")
    more = _two(call.get("output_padding", [0, 0]))
    layer = nn.ConvTranspose2d(
        len(weight), weight.shape[1] * groups, (weight.shape[2], weight.shape[3]), stride, pads, more, groups,
        bias is not None, dilation,
    )  # fmt: skip
    return Part(layer, weights=_given(weight=weight, bias=bias))


def _gemm(call: Call) -> Part | None:
    weight, bias = call.constant(1), call.constant(2)
    plain = call.get("alpha", 1.0) == call.get("beta", 1.0) == 1.0 and not call.get("transA", 0)
    if weight is None or not plain or (bias is None and call.takes(2)):
        return Part(function="linear")
    weight = weight if call.get("transB", 0) else weight.T
    bias = None if bias is None else np.broadcast_to(bias, (1, len(weight)))[0]
    return Part(nn.Linear(weight.shape[1], len(weight), bias is not None), weights=_given(weight=weight, bias=bias))


def _product(call: Call) -> Part | None:
    weight = call.constant(1)
    if weight is None or weight.ndim != 2:
        return Part(function="matmul")
    return Part(nn.Linear(weight.shape[0], weight.shape[1], bias=False), weights={"weight": weight.T})


def _batch_norm(call: Call) -> Part | None:
    scale, shift, mean, variance = (call.constant(index) for index in range(1, 5))
    if scale is None or shift is None or mean is None or variance is None or call.get("training_mode", 0):
        return Part(function="batch_norm")
    kind = nn.BatchNorm2d if len(call.shapes[0]) == 4 else nn.BatchNorm1d
    weights = {"weight": scale, "bias": shift, "running_mean": mean, "running_var": variance}
    return Part(kind(len(scale), call.get("epsilon", 1e-5)), weights=weights)


def _layer_norm(call: Call) -> Part | None:
    scale, shift = call.constant(1), call.constant(2)
    if scale is None or shift is None or scale.ndim != 1:
        return Part(function="layer_norm")
    return Part(nn.LayerNorm(len(scale), call.get("epsilon", 1e-5)), weights={"weight": scale, "bias": shift})


def _pooling(kind: type[nn.MaxPool2d] | type[nn.AvgPool2d]) -> Callable[[Call], Part | None]:
    name = "max_pool2d" if kind is nn.MaxPool2d else "avg_pool2d"

    def make(call: Call) -> Part | None:
        kernel = call.get("kernel_shape", [])
        pads = _pads(call, kernel)
        dilation = _steps(call, "dilations")
        if len(kernel) != 2 or pads is None or (kind is nn.AvgPool2d and dilation != (1, 1)):
            return Part(function=name)
        more: dict[str, Any] = {"ceil_mode": bool(call.get("ceil_mode", 0))}
        if kind is nn.AvgPool2d:
            more["count_include_pad"] = bool(call.get("count_include_pad", 0))
        else:
            more["dilation"] = dilation
        return Part(kind(_two(kernel), _steps(call, "strides"), pads, **more))

    return make


def _mean(call: Call) -> Part | None:
    axes = call.constant(1)
    wanted = call.get("axes", [] if axes is None else axes.tolist())
    rank = len(call.shapes[0])
    return Part(function="mean" if rank == 4 and sorted(int(a) % rank for a in wanted) == [2, 3] else "reduce_mean")


def _clip(call: Call) -> Part | None:
    ends = []
    for index, name in ((1, "min"), (2, "max")):
        value = call.constant(index)
        ends.append(call.get(name, None) if value is None else float(value))
    low, high = ends
    if low == 0 and (high is None or high > 1e30):
        return Part(nn.ReLU())
    if low is None or high is None:
        return Part(function="clamp")
    return Part(nn.ReLU6() if (low, high) == (0, 6) else nn.Hardtanh(float(low), float(high)))


def _learned_slope(call: Call) -> Part | None:
    slope = call.constant(1)
    if slope is None or slope.size != max(slope.shape, default=1):
        return None
    return Part(nn.PReLU(slope.size), weights={"weight": slope.reshape(-1)})


def _hard_sigmoid(call: Call) -> Part | None:
    torchs = abs(call.get("alpha", 0.2) - 1 / 6) < 1e-6 and call.get("beta", 0.5) == 0.5
    return Part(nn.Hardsigmoid()) if torchs else None


def _local_response(call: Call) -> Part | None:
    numbers = (call.get("alpha", 1e-4), call.get("beta", 0.75), call.get("bias", 1.0))
    return Part(nn.LocalResponseNorm(call.get("size", 1), *numbers))


def _joining(call: Call) -> Part | None:
    axis = call.get("axis", 1)
    rank = len(call.shapes[0]) or 4
    together = axis % rank == 1 and all(value is None for value in call.constants)
    return Part(function="cat", hyper={"dim": 1}) if together else None


def _softmax(kind: type[nn.Softmax] | type[nn.LogSoftmax]) -> Callable[[Call], Part | None]:
    return lambda call: Part(kind(call.get("axis", -1)))


def _dropout(call: Call) -> Part | None:
    ratio = call.constant(1)
    return Part(nn.Dropout(float(call.get("ratio", 0.5) if ratio is None else ratio)))


def _given(**arrays: Array | None) -> dict[str, Array]:
    return {name: array for name, array in arrays.items() if array is not None}


def _two(sizes: Sequence[int]) -> tuple[int, int]:
    return int(sizes[0]), int(sizes[-1])


def _steps(call: Call, name: str) -> tuple[int, int]:
    """Return strides or dilations, which are one where they are not said."""
    return _two(call.get(name, [1, 1]))


def _pads(call: Call, kernel: Sequence[int]) -> tuple[int, int] | None:
    """Return the padding down and across; ``None`` where both ends of an axis have not the same."""
    sides = _sides(call, kernel)
    return None if sides is None else _both_ways(sides)


def _both_ways(sides: Sides) -> tuple[int, int] | None:
    """Return the padding down and across, where it is the same at both ends of each axis."""
    top, bottom, left, right = sides
    return (top, left) if (top, left) == (bottom, right) else None


def _sides(call: Call, kernel: Sequence[int]) -> Sides | None:
    """Return the padding (top, bottom, left, right); ``None`` where that is not known."""
    mode = call.get("auto_pad", b"NOTSET")
    if mode in (b"", b"NOTSET"):
        pads = [int(n) for n in call.get("pads", [0, 0, 0, 0])]
        return (pads[0], pads[2], pads[1], pads[3]) if len(pads) == 4 else None
    if mode == b"VALID":
        return 0, 0, 0, 0
    if len(kernel) != 2 or len(call.shapes[0]) != 4:
        return None
    found: list[int] = []
    for axis in (0, 1):
        size, stride = call.shapes[0][axis + 2], _steps(call, "strides")[axis]
        reach = (kernel[axis] - 1) * _steps(call, "dilations")[axis] + 1
        both = max((-(-size // stride) - 1) * stride + reach - size, 0)
        before = both - both // 2 if mode == b"SAME_LOWER" else both // 2
        found += [before, both - before]
    return found[0], found[1], found[2], found[3]


_PARTS: dict[str, Callable[[Call], Part | None]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "Gemm": _gemm,
    "MatMul": _product,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "LRN": _local_response,
    "MaxPool": _pooling(nn.MaxPool2d),
    "AveragePool": _pooling(nn.AvgPool2d),
    "GlobalAveragePool": lambda call: Part(nn.AdaptiveAvgPool2d((1, 1))),
    "GlobalMaxPool": lambda call: Part(nn.AdaptiveMaxPool2d((1, 1))),
    "ReduceMean": _mean,
    "Concat": _joining,
    "Flatten": lambda call: Part(nn.Flatten()) if call.get("axis", 1) == 1 else None,
    "Softmax": _softmax(nn.Softmax),
    "LogSoftmax": _softmax(nn.LogSoftmax),
    "Dropout": _dropout,
    "Identity": lambda call: Part(nn.Identity()),
    "Relu": lambda call: Part(nn.ReLU()),
    "Sigmoid": lambda call: Part(nn.Sigmoid()),
    "Tanh": lambda call: Part(nn.Tanh()),
    "Softplus": lambda call: Part(nn.Softplus()),
    "Mish": lambda call: Part(nn.Mish()),
    "HardSwish": lambda call: Part(nn.Hardswish()),
    "HardSigmoid": _hard_sigmoid,
    "Selu": lambda call: Part(nn.SELU()),
    "Elu": lambda call: Part(nn.ELU(call.get("alpha", 1.0))),
    "LeakyRelu": lambda call: Part(nn.LeakyReLU(call.get("alpha", 0.01))),
    "Gelu": lambda call: Part(nn.GELU(call.get("approximate", b"none").decode())),
    "PRelu": _learned_slope,
    "Clip": _clip,
}
_FUNCTIONS = {
    "Add": "add", "Sum": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow", "Exp": "exp", "Sqrt": "sqrt",
    "Neg": "neg", "Abs": "abs", "Reshape": "reshape", "Squeeze": "squeeze", "Transpose": "permute",
}  # fmt: skip
