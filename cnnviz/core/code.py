"""The shortest PyTorch that computes what an operation computes: text only, nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core import operations as ops
from cnnviz.core.pooling import AdaptiveSpec

Array = npt.NDArray[Any]
_HEAD = "import torch\nimport torch.nn.functional as F\n\ntorch.set_default_dtype(torch.float64)\n"
_CALLS = {
    "identity": "x", "step": "(x >= 0).double()", "sigmoid": "torch.sigmoid(x)", "tanh": "torch.tanh(x)",
    "arctan": "torch.atan(x)", "relu": "F.relu(x)", "leaky_relu": "F.leaky_relu(x, {a})",
    "prelu": "F.leaky_relu(x, {a})", "elu": "F.elu(x, {a})", "softplus": "F.softplus(x)", "gelu": "F.gelu(x)",
    "silu": "F.silu(x)", "scaled_tanh": "1.7159 * torch.tanh(2 / 3 * x)", "relu6": "F.relu6(x)",
    "hardtanh": "F.hardtanh(x)", "hardswish": "F.hardswish(x)", "hardsigmoid": "F.hardsigmoid(x)",
    "mish": "F.mish(x)",
}  # fmt: skip


def code(operation: ops.Operation) -> str:
    """Return a program that computes `y`, the operation's output, from the numbers that it was given.

    Raises
    ------
    KeyError
        When the operation has no text.
    """
    return _HEAD + "\n".join(_TEXTS[type(operation)](operation)) + "\nprint(y)\n"


def _tensor(name: str, values: Array, comment: str = "") -> str:
    """Return an assignment; rows of a map stand below each other."""
    text = _nested(np.asarray(values, np.float64), 0, len(name) + len(" = torch.tensor("))
    return f"{name} = torch.tensor({text})" + (f"  # {comment}" if comment else "")


def _nested(values: Array, depth: int, indent: int) -> str:
    if values.ndim == 0:
        return _number(float(values))
    if values.ndim == 1:
        return f"[{', '.join(_number(float(v)) for v in values)}]"
    between = ",\n" + " " * (indent + depth + 1)
    return f"[{between.join(_nested(v, depth + 1, indent) for v in values)}]"


def _number(value: float) -> str:
    """Return a number that Python reads back unchanged, whole ones without a decimal."""
    if np.isnan(value):
        return "float('nan')"
    if np.isinf(value):
        return "float('inf')" if value > 0 else "-float('inf')"
    return f"{value:.0f}." if value == int(value) and abs(value) < 1e15 else repr(value)


def _short(value: float) -> str:
    """Return a setting as short as it can be written without changing it."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def _arguments(**given: tuple[Any, Any]) -> str:
    """Return keyword arguments that differ from their usual value; pairs of equal numbers as one."""
    words = []
    for name, (value, usual) in given.items():
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if value != usual:
            words.append(f", {name}={value}")
    return "".join(words)


def _convolution(operation: Any) -> list[str]:
    spec = operation.spec
    top, bottom, left, right = spec.padding
    lines = [_tensor("x", operation.x, "(C, H, W)"), _tensor("w", operation.weight, "(O, C/groups, kh, kw)")]
    bias = ""
    if operation.bias is not None:
        lines.append(_tensor("b", operation.bias))
        bias = ", b"
    padding: tuple[int, int] = (top, left)
    if spec.padding_mode != "zeros" or (top, left) != (bottom, right):
        mode = "" if spec.padding_mode == "zeros" else f', mode="{spec.padding_mode}"'
        lines.append(f"x = F.pad(x[None], ({left}, {right}, {top}, {bottom}){mode})[0]")
        padding = (0, 0)
    rest = _arguments(
        stride=(spec.stride, 1), padding=(padding, 0), dilation=(spec.dilation, 1), groups=(spec.groups, 1)
    )  # fmt: skip
    return [*lines, f"y = F.conv2d(x[None], w{bias}{rest})[0]"]


def _transposed(operation: Any) -> list[str]:
    spec = operation.spec
    lines = [_tensor("x", operation.x, "(C, H, W)"), _tensor("w", operation.weight, "(C, O/groups, kh, kw)")]
    bias = ""
    if operation.bias is not None:
        lines.append(_tensor("b", operation.bias))
        bias = ", b"
    rest = _arguments(
        stride=(spec.stride, 1), padding=(spec.padding, 0), output_padding=(spec.output_padding, 0),
        groups=(spec.groups, 1), dilation=(spec.dilation, 1),
    )  # fmt: skip
    return [*lines, f"y = F.conv_transpose2d(x[None], w{bias}{rest})[0]"]


def _pooling(operation: Any) -> list[str]:
    lines, call = [_tensor("x", operation.x, "(C, H, W)")], _pooling_call(operation.spec)
    for name, values, sign in (("gain", operation.gain, "*"), ("shift", operation.shift, "+")):
        if values is not None:
            lines.append(_tensor(name, values))
            call += f" {sign} {name}[:, None, None]"
    return [*lines, f"y = {call}"]


def _pooling_call(spec: Any) -> str:
    if isinstance(spec, AdaptiveSpec):
        kind = "max" if spec.kind == "max" else "avg"
        return f"F.adaptive_{kind}_pool2d(x, {spec.output})"
    usual = spec.kernel[0] if len(set(spec.kernel)) == 1 else spec.kernel
    kernel = str(usual)
    stride = {"stride": (spec.stride, usual)}
    ceil = {"ceil_mode": (spec.ceil_mode, False)}
    if spec.kind == "max":
        rest = _arguments(**stride, padding=(spec.padding, 0), dilation=(spec.dilation, 1), **ceil)
        return f"F.max_pool2d(x, {kernel}{rest})"
    if spec.kind == "mean":
        count = {"count_include_pad": (spec.count_include_pad, True)}
        rest = _arguments(**stride, padding=(spec.padding, 0), **ceil, **count)
        return f"F.avg_pool2d(x, {kernel}{rest})"
    p, rest = _short(spec.p), _arguments(**stride, **ceil)
    if spec.averaged:
        return f"F.avg_pool2d(x ** {p}, {kernel}{rest}) ** (1 / {p})"
    return f"F.lp_pool2d(x, {p}, {kernel}{rest})"


def _activation(operation: Any) -> list[str]:
    if len(operation.parameter) > 1:  # one for each map, which only PReLU has
        slopes = _tensor("a", operation.parameter)
        return [_tensor("x", operation.x, "(C, H, W)"), slopes, "y = F.prelu(x[None], a)[0]"]
    call = _CALLS[operation.function].format(a=_number(float(operation.parameter[0])))
    return [_tensor("x", operation.x), f"y = {call}"]


def _batch_norm(operation: Any) -> list[str]:
    four = operation.numbers
    names = ("mean", "var", "gamma", "beta")
    return [
        _tensor("x", operation.x, "(C, H, W)"),
        *(_tensor(name, getattr(four, name)) for name in names),
        f"y = F.batch_norm(x[None], mean, var, gamma, beta, eps={_short(four.eps)})[0]",
    ]


def _local_response(operation: Any) -> list[str]:
    four = (operation.size, operation.alpha, operation.beta, operation.k)
    numbers = ", ".join(_short(number) for number in four)
    return [_tensor("x", operation.x, "(C, H, W)"), f"y = F.local_response_norm(x[None], {numbers})[0]"]


def _dropout(operation: Any) -> list[str]:
    lines = [_tensor("x", operation.x)]
    if operation.seed is None:
        return [*lines, f"y = F.dropout(x, {_short(operation.drop)}, training=False)"]
    kept = operation.kept().astype(float)
    scale = f" / (1 - {_short(operation.drop)})" if operation.drop < 1 else ""
    return [*lines, _tensor("kept", kept, "drawn at random while training"), f"y = x * kept{scale}"]


def _dense(operation: Any) -> list[str]:
    lines = [_tensor("x", operation.x), _tensor("w", operation.weight, "(nodes, inputs)")]
    if operation.bias is None:
        return [*lines, "y = F.linear(x, w)"]
    return [*lines, _tensor("b", operation.bias), "y = F.linear(x, w, b)"]


def _softmax(operation: Any) -> list[str]:
    temperature = "" if operation.temperature == 1 else f" / {_short(operation.temperature)}"
    return [_tensor("z", operation.logits), f"y = torch.softmax(z{temperature}, 0)"]


def _sum(operation: Any) -> list[str]:
    names = [f"x{n}" for n in range(1, len(operation.inputs) + 1)]
    signs = ["" if n == 0 else (" + " if sign > 0 else " - ") for n, sign in enumerate(operation.signs)]
    text = "".join(f"{sign}{name}" for sign, name in zip(signs, names, strict=True))
    return [*(_tensor(name, x) for name, x in zip(names, operation.inputs, strict=True)), f"y = {text}"]


_TEXTS: dict[type[ops.Operation], Callable[[Any], list[str]]] = {
    ops.Convolution: _convolution,
    ops.TransposedConvolution: _transposed,
    ops.Pooling: _pooling,
    ops.Activation: _activation,
    ops.BatchNormalisation: _batch_norm,
    ops.LocalResponse: _local_response,
    ops.Dropout: _dropout,
    ops.Flatten: lambda operation: [_tensor("x", operation.x, "(C, H, W)"), "y = x.flatten()"],
    ops.Dense: _dense,
    ops.Softmax: _softmax,
    ops.Sum: _sum,
}
