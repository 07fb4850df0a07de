"""What a layer is: its kind, hyper-parameters, parameter formula, multiply-adds and receptive field."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from torch import Tensor, nn

from cnnviz.core.graph import Kind, Node, ReceptiveField, pad_before, pair

_HYPER_NAMES = (
    "in_channels", "out_channels", "in_features", "out_features", "num_features", "kernel_size", "stride", "padding",
    "dilation", "groups", "padding_mode", "ceil_mode", "output_size", "output_padding", "start_dim", "end_dim", "p",
    "eps", "size", "k", "min_val", "max_val", "approximate",
    "connections", "momentum", "negative_slope", "alpha", "beta", "threshold", "dim", "count_include_pad", "norm_type",
    "scale_factor", "mode", "align_corners",
)  # fmt: skip
_PAIRED = ("kernel_size", "stride", "padding", "dilation", "output_size", "output_padding")

_FUNCTION_KINDS: dict[str, Kind] = {
    "add": "sum", "iadd": "sum", "add_": "sum", "sub": "sum", "isub": "sum", "cat": "concatenation",
    "concat": "concatenation",
    "flatten": "flatten", "view": "flatten", "reshape": "flatten", "unflatten": "flatten", "squeeze": "flatten",
    "softmax": "softmax", "log_softmax": "softmax", "linear": "linear", "conv2d": "convolution",
    "dropout": "dropout", "batch_norm": "normalisation", "layer_norm": "normalisation",
    "mean": "pooling",
}  # fmt: skip
_ACTIVATIONS = frozenset(
    {"relu", "relu_", "relu6", "tanh", "sigmoid", "elu", "gelu", "silu", "leaky_relu", "softplus", "hardtanh",
     "hardswish", "hardsigmoid", "mish", "atan", "prelu"}
)  # fmt: skip
_ELEMENTWISE = frozenset(
    {"Identity", "BatchNorm2d", "SyncBatchNorm", "FrozenBatchNorm2d", "LocalResponseNorm", "batch_norm",
     "local_response_norm", "add", "add_", "iadd", "sub", "sub_", "isub", "mul", "mul_", "imul", "div", "div_",
     "truediv", "itruediv", "neg", "abs", "pow", "exp", "sqrt", "clamp", "clamp_", "clamp_min", "clone", "contiguous",
     "detach", "float", "to"}
)  # fmt: skip
"""Operations in which a value depends on the values at its own place only, of one or of several inputs."""


def describe_node(
    name: str,
    module: nn.Module | None,
    target: object,
    inputs: tuple[Node, ...],
    output_shape: tuple[int, ...],
    keywords: Mapping[str, Any],
    *,
    path: str | None,
    state: Mapping[str, Tensor],
    scope: str = "",
) -> Node:
    """Return the `Node` of one call.

    Parameters
    ----------
    name
        The node's name.
    module, target
        The module called; or the function, or the name of the method.
    inputs
        The nodes it reads.
    output_shape
        Without the batch axis.
    keywords
        Arguments of a function call, by name.
    path, state
        The module's dotted path and the network's state dict, to find its weights.
    scope
        Path of the module in whose code the call stands.
    """
    op = type(module).__name__ if module is not None else str(getattr(target, "__name__", target))
    kind = _kind(module, op, inputs, output_shape)
    hyper = _hyper(module, keywords)
    first = inputs[0].output_shape if inputs else ()
    weight, bias = (_key(path, part, state) for part in ("weight", "bias"))
    if weight is None and path is not None and hasattr(module, "dense_weight"):
        weight = f"{path}.weight"  # the engine spreads packed weights out under this name
    return Node(
        name=name,
        kind=kind,
        op=op,
        inputs=tuple(node.name for node in inputs),
        hyper=MappingProxyType(hyper),
        input_shapes=tuple(node.output_shape for node in inputs),
        output_shape=output_shape,
        parameters=sum(p.numel() for p in module.parameters() if p.requires_grad) if module is not None else 0,
        parameter_formula=_formula(module),
        macs=_macs(module, first, output_shape),
        field_hw=_field(kind, hyper, inputs, output_shape, module, op),
        weight=weight,
        bias=bias,
        scope=scope,
    )


def _key(path: str | None, part: str, state: Mapping[str, Tensor]) -> str | None:
    """Return the state-dict key of a module's weight or bias, if it has one."""
    key = f"{path}.{part}"
    return key if path is not None and key in state else None


def _kind(module: nn.Module | None, op: str, inputs: tuple[Node, ...], output_shape: tuple[int, ...]) -> Kind:
    """Return the family of an operation; a module of the project's own says it by an attribute ``kind``."""
    if op == "input" or op == "output":
        return cast(Kind, op)
    if module is None:
        base = op.rstrip("_") if op not in _FUNCTION_KINDS else op
        if base in _ACTIVATIONS:
            return "activation"
        if "pool" in base:
            return "pooling"
        kind = _FUNCTION_KINDS.get(base, "other")
        return "other" if kind == "sum" and len(inputs) < 2 else kind
    own = getattr(module, "kind", None)
    if isinstance(own, str):
        return cast(Kind, own)
    if isinstance(module, (nn.Softmax, nn.LogSoftmax)):
        return "softmax"
    if type(module).__module__ == "torch.nn.modules.activation":
        return "activation"
    families: tuple[tuple[str, Kind], ...] = (
        ("Conv", "convolution"), ("Pool", "pooling"), ("Linear", "linear"), ("latten", "flatten"),
        ("Norm", "normalisation"), ("Dropout", "dropout"), ("Upsample", "other"), ("Softmax", "softmax"),
    )  # fmt: skip
    return next((kind for part, kind in families if part in op), "other")


def _hyper(module: nn.Module | None, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyper-parameters by their torch names, sizes as (down, across)."""
    if module is None:
        plain = (int, float, str, bool, tuple)
        given = {key: value for key, value in keywords.items() if isinstance(value, plain)}
        return {key: (value, value) if key in _PAIRED and type(value) is int else value for key, value in given.items()}
    found: dict[str, Any] = {}
    for key in _HYPER_NAMES:
        value = getattr(module, key, None)
        if value is None or isinstance(value, (Tensor, nn.Module)):
            continue
        if key in _PAIRED and isinstance(value, int):
            value = (value, value)
        found[key] = value
    return found


def _formula(module: nn.Module | None) -> str:
    """Return the parameter count as a product, empty where there is none."""
    if module is None:
        return ""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        if isinstance(module, nn.Conv2d):
            height, width = module.kernel_size
            outputs, inside = module.out_channels, f"{module.in_channels // module.groups}·{height}·{width}"
        else:
            outputs, inside = module.out_features, str(module.in_features)
        return f"{outputs}·({inside} + 1)" if module.bias is not None else f"{outputs}·{inside}"
    shapes = [p.shape for p in module.parameters() if p.requires_grad]
    return " + ".join("·".join(str(n) for n in shape) or "1" for shape in shapes)


def _macs(module: nn.Module | None, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
    """Return the multiply-adds of one input: one for each product of a weight and a value.

    Sums, poolings and activation functions count none, the convention of the published tables.
    """
    own = getattr(module, "multiply_adds", None)
    if callable(own):
        return int(own(input_shape, output_shape))
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        over = output_shape if isinstance(module, nn.Conv2d) else input_shape
        return int(module.weight.numel() * over[-1] * over[-2])
    if isinstance(module, nn.Linear):
        rows = 1
        for n in output_shape[:-1]:
            rows *= n
        return module.weight.numel() * rows
    return 0


def _field(
    kind: Kind,
    hyper: Mapping[str, Any],
    inputs: tuple[Node, ...],
    output_shape: tuple[int, ...],
    module: nn.Module | None,
    op: str,
) -> tuple[ReceptiveField, ReceptiveField] | None:
    """Return the receptive field down and across, or ``None`` where it is not known."""
    if kind == "input":
        return (ReceptiveField(1, 1, 0), ReceptiveField(1, 1, 0)) if len(output_shape) == 3 else None
    fields = [node.field_hw for node in inputs]
    if len(output_shape) != 3 or not fields or any(field is None for field in fields):
        return None
    known = [field for field in fields if field is not None]
    if len(known) > 1:
        if kind not in ("sum", "concatenation") and op not in _ELEMENTWISE:
            return None
        down, across = _merge([f[0] for f in known]), _merge([f[1] for f in known])
        return (down, across) if down and across else None
    if "kernel_size" in hyper and not isinstance(module, nn.ConvTranspose2d):
        return _slide(known[0], hyper, 0), _slide(known[0], hyper, 1)
    local = kind in ("activation", "dropout", "sum", "concatenation") or op in _ELEMENTWISE
    return known[0] if local and inputs[0].output_shape[-2:] == output_shape[-2:] else None


def _slide(field_hw: tuple[ReceptiveField, ReceptiveField], hyper: Mapping[str, Any], axis: int) -> ReceptiveField:
    """Apply the recurrence of `ReceptiveField` for one sliding window."""
    before = field_hw[axis]
    kernel = pair(hyper["kernel_size"])[axis]
    stride = pair(hyper.get("stride") or hyper["kernel_size"])[axis]
    padding = pad_before(hyper, axis)
    dilation = pair(hyper.get("dilation", 1))[axis]
    return ReceptiveField(
        size=before.size + dilation * (kernel - 1) * before.jump,
        jump=before.jump * stride,
        start=before.start - padding * before.jump,
    )


def _merge(fields: list[ReceptiveField]) -> ReceptiveField | None:
    """Return the field that covers all of `fields`; paths with different strides have no common one."""
    if len({field.jump for field in fields}) != 1:
        return None
    start = min(field.start for field in fields)
    end = max(field.start + field.size for field in fields)
    return ReceptiveField(end - start, fields[0].jump, start)
