"""Programs of torch.export as networks of layers: their operations become the layers that they were made from."""

from __future__ import annotations

import operator
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from cnnviz.core.errors import UserError
from cnnviz.models import foreign
from cnnviz.models.building import Weightless
from cnnviz.models.foreign import Shape

Arguments = Mapping[str, Any]
_OPEN = -1  # a size that the program leaves open


def load(path: Path) -> tuple[nn.Module, Shape]:
    """Return a program as a module of layers, and (C, H, W) of the pictures that it takes.

    Reading such a file unpickles: the caller has the user's consent.

    Raises
    ------
    UserError
        When the file is none of torch.export's, or takes something else than one picture.
    """
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("no archive")  # of which torch would write a page into the log
        program = torch.export.load(path)
    except Exception as error:  # whatever unpickling runs into
        raise UserError(
            f"'{path.name}' is damaged or no program of torch.export, or needs another version of torch.",
            suggestion=f"Copy it again, or export it with torch {torch.__version__.partition('+')[0]}, as here.",
            details=repr(error),
        ) from error
    given = [name for name in program.graph_signature.user_inputs if isinstance(name, str)]
    if len(given) != 1:
        raise UserError(f"The network in '{path.name}' takes {len(given)} inputs; exactly one is supported.")
    example = next(node.meta["val"] for node in program.graph.nodes if node.name == given[0])
    sizes = [n if isinstance(n, int) else _OPEN for n in example.shape[1:]]
    if len(sizes) == 3:
        sizes = [foreign.usual_side(sizes[0], path.name) if n == _OPEN and axis else n for axis, n in enumerate(sizes)]
    return as_layers(program.module()), foreign.check_sides(sizes, path.name)


def as_layers(program: fx.GraphModule) -> fx.GraphModule:
    """Return a program whose operations with weights, and the usual ones without, are modules again."""
    _unwrap(program)
    parts: dict[str, Any] = {}
    made: dict[str, tuple[Any, ...]] = {}
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    order = {node: place for place, node in enumerate(program.graph.nodes)}
    for node in program.graph.nodes:
        if node.op == "call_module":
            continue  # checks of the input's shape, which is given as it should be
        if node.op == "output":
            graph.output(copies[_first(node.args)])
            continue
        if node.op == "get_attr":
            parts[str(node.target)] = _attribute(program, str(node.target))
        layer = _layer(program, node, order) if node.op == "call_function" else None
        if layer is None:
            copies[node] = graph.node_copy(node, lambda used: copies[used])
            if node.op == "call_function":
                copies[node].target = _plain(node, order)
            continue
        key, module = layer
        path = _path_of(node)
        if made.setdefault(path, key) != key:
            path = node.name
        parts.setdefault(path, module)
        copies[node] = graph.call_module(path, (copies[node.args[0]],))
        copies[node].meta["nn_module_stack"] = node.meta.get("nn_module_stack")
    for node in graph.nodes:
        if node.op == "get_attr" and not node.users:
            graph.erase_node(node)  # it belongs to a layer now
    used = {str(node.target) for node in graph.nodes if node.op in ("call_module", "get_attr")}
    return fx.GraphModule({path: part for path, part in parts.items() if path in used}, graph)


def _unwrap(program: fx.GraphModule) -> None:
    """Put the operations of blocks such as ``with torch.no_grad():``, which are graphs of their own, in their place."""
    while blocks := [node for node in program.graph.nodes if _changes_no_value(node)]:
        for block in blocks:
            at, graph = next(found for found in enumerate(block.args) if isinstance(found[1], fx.Node))
            inner = _attribute(program, str(graph.target)).graph
            copies = dict(zip(inner.find_nodes(op="placeholder"), block.args[at + 1 :], strict=True))
            with program.graph.inserting_before(block):
                results = program.graph.graph_copy(inner, copies)
            assert isinstance(results, tuple)
            for user in list(block.users):  # which take one of the results each
                user.replace_all_uses_with(results[int(str(user.args[1]))])
                program.graph.erase_node(user)
            program.graph.erase_node(block)


def _changes_no_value(node: fx.Node) -> bool:
    """Return whether a node is a block that only switches gradients, or mixed precision off."""
    name = _operation(node) if node.op == "call_function" else ""
    return name == "wrap_with_set_grad_enabled" or (name == "wrap_with_autocast" and node.args[2] is False)


def _first(output: Any) -> fx.Node:
    """Return the first value that a program gives."""
    while not isinstance(output, fx.Node):
        output = output[0]
    return output


def _attribute(program: nn.Module, path: str) -> Any:
    return operator.attrgetter(path)(program)


def _path_of(node: fx.Node) -> str:
    """Return the module that an operation stems from, where it was one of torch's own; else the operation's name."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if stack and stack[-1][0] and str(stack[-1][1]).startswith("torch.nn.modules."):
        return str(stack[-1][0])
    weight = next((used for used in node.all_input_nodes[1:] if used.op == "get_attr"), None)
    return str(weight.target).rpartition(".")[0] or node.name if weight is not None else node.name


def _operation(node: fx.Node) -> str:
    """Return the name of an operation, such as ``conv2d``; a trailing underscore says that it overwrites."""
    return str(getattr(node.target, "_overloadpacket", node.target)).rpartition(".")[2]


def _overwrites_what_is_read(node: fx.Node, order: Mapping[fx.Node, int]) -> bool:
    """Return whether an operation in place changes a value that something else reads later."""
    name = _operation(node)
    if not name.endswith("_") or name.endswith("__"):
        return False
    first = node.args[0]
    return isinstance(first, fx.Node) and (
        any(order[user] > order[node] for user in first.users)
        or _operation(first) in _VIEWS
        or first.op != "call_function"
    )


_VIEWS = frozenset({"view", "reshape", "flatten", "slice", "select", "permute", "transpose", "squeeze", "unsqueeze"})


def _layer(program: nn.Module, node: fx.Node, order: Mapping[fx.Node, int]) -> tuple[tuple[Any, ...], nn.Module] | None:
    """Return the module that an operation is, with what tells it from others; ``None`` where it is none."""
    make = _LAYERS.get(_operation(node).rstrip("_"))
    schema = getattr(node.target, "_schema", None)
    if make is None or schema is None or not node.args or not isinstance(node.args[0], fx.Node):
        return None
    if _overwrites_what_is_read(node, order):
        return None
    names = [argument.name for argument in schema.arguments]
    given: dict[str, Any] = {argument.name: argument.default_value for argument in schema.arguments}
    given.update(zip(names, node.args, strict=False))
    given.update(node.kwargs)
    weights = {name: value for name, value in given.items() if isinstance(value, fx.Node) and name != names[0]}
    if any(value.op != "get_attr" for value in weights.values()):
        return None  # weights that are computed
    given.update({name: _attribute(program, str(value.target)) for name, value in weights.items()})
    given[""] = node.args[0].meta.get("val")  # the input
    with Weightless():
        module = make(given)
    if module is None:
        return None
    for name, slot in _SLOTS.items():
        if isinstance(given.get(name), Tensor) and slot in (*module._parameters, *module._buffers):
            tensor = given[name]
            held = nn.Parameter(tensor.detach()) if slot in module._parameters else tensor.detach()
            setattr(module, slot, held)
    settings = tuple(str(given[name]) for name in names[1:] if name not in weights)
    return (make, settings, *sorted(str(value.target) for value in weights.values())), module.eval()


_SLOTS = {"weight": "weight", "bias": "bias", "running_mean": "running_mean", "running_var": "running_var"}


def _plain(node: fx.Node, order: Mapping[fx.Node, int]) -> Callable[..., Any]:
    """Return an operation under the name that it has in torch."""
    name, target = _operation(node), node.target
    if name.rstrip("_") in _FUNCTIONS and not _overwrites_what_is_read(node, order) and _is_plain_call(node):
        return _FUNCTIONS[name.rstrip("_")]
    assert callable(target)
    call = partial(target)
    call.__name__ = name  # type: ignore[attr-defined]
    call.__module__ = __name__  # torch.fx would look for it in torch
    return call


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "cat": torch.cat,
    "view": torch.reshape, "reshape": torch.reshape, "permute": torch.permute, "transpose": torch.transpose,
    "unsqueeze": torch.unsqueeze, "mean": torch.mean,
}  # fmt: skip


def _is_plain_call(node: fx.Node) -> bool:
    """Return whether a function of torch takes an operation's arguments as they are."""
    return not node.kwargs and (len(node.args) <= 2 or _operation(node) in ("transpose", "mean"))


def _convolution(given: Arguments) -> nn.Module | None:
    weight: Tensor = given["weight"]
    outputs, inputs = weight.shape[:2]
    groups = given["groups"]
    return nn.Conv2d(
        inputs * groups, outputs, _pair(weight.shape[2:]), _pair(given["stride"]), _pair(given["padding"]),
        _pair(given["dilation"]), groups, bias=given["bias"] is not None,
    )  # fmt: skip


def _transposed(given: Arguments) -> nn.Module | None:
    weight: Tensor = given["weight"]
    inputs, outputs = weight.shape[:2]
    groups = given["groups"]
    return nn.ConvTranspose2d(
        inputs, outputs * groups, _pair(weight.shape[2:]), _pair(given["stride"]), _pair(given["padding"]),
        _pair(given["output_padding"]), groups, given["bias"] is not None, _pair(given["dilation"]),
    )  # fmt: skip


def _dense(given: Arguments) -> nn.Module | None:
    outputs, inputs = given["weight"].shape
    return nn.Linear(inputs, outputs, bias=given["bias"] is not None)


def _batch_norm(given: Arguments) -> nn.Module | None:
    mean, x = given["running_mean"], given[""]
    if mean is None or x is None or x.ndim not in (2, 4):
        return None  # where it was exported in training: the file's own statistics, as in evaluation
    kind = nn.BatchNorm2d if x.ndim == 4 else nn.BatchNorm1d
    return kind(len(mean), given["eps"], given["momentum"], affine=given["weight"] is not None)


def _layer_norm(given: Arguments) -> nn.Module | None:
    return nn.LayerNorm(given["normalized_shape"], given["eps"], given["weight"] is not None)


def _pooling(kind: Callable[..., nn.Module], *more: str) -> Callable[[Arguments], nn.Module | None]:
    def make(given: Arguments) -> nn.Module | None:
        if given.get("divisor_override") is not None:
            return None
        stride = given["stride"] or given["kernel_size"]
        sizes = (_pair(value) for value in (given["kernel_size"], stride, given["padding"]))
        return kind(*sizes, **{name: given[name] for name in more})

    return make


def _hardtanh(given: Arguments) -> nn.Module | None:
    low, high = given["min_val"], given["max_val"]
    return nn.ReLU6() if (low, high) == (0, 6) else nn.Hardtanh(low, high)


def _dropout(given: Arguments) -> nn.Module | None:
    return nn.Dropout(given["p"])  # nothing is dropped, also where it was exported in training


def _pair(value: Any) -> Any:
    """Return a size as torch's layers have it."""
    return value if isinstance(value, str) else tuple(value) if len(value) == 2 else (value[0], value[0])


_LAYERS: dict[str, Callable[[Arguments], nn.Module | None]] = {
    "conv2d": _convolution,
    "conv_transpose2d": _transposed,
    "linear": _dense,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "max_pool2d": _pooling(nn.MaxPool2d, "dilation", "ceil_mode"),
    "avg_pool2d": _pooling(nn.AvgPool2d, "ceil_mode", "count_include_pad"),
    "adaptive_avg_pool2d": lambda given: nn.AdaptiveAvgPool2d(_pair(given["output_size"])),
    "flatten": lambda given: nn.Flatten(given["start_dim"], given["end_dim"]),
    "dropout": _dropout,
    "softmax": lambda given: nn.Softmax(given["dim"]),
    "relu": lambda given: nn.ReLU(),
    "relu6": lambda given: nn.ReLU6(),
    "hardtanh": _hardtanh,
    "sigmoid": lambda given: nn.Sigmoid(),
    "tanh": lambda given: nn.Tanh(),
    "silu": lambda given: nn.SiLU(),
    "mish": lambda given: nn.Mish(),
    "hardswish": lambda given: nn.Hardswish(),
    "hardsigmoid": lambda given: nn.Hardsigmoid(),
    "gelu": lambda given: nn.GELU(given["approximate"]),
    "elu": lambda given: nn.ELU(given["alpha"]) if (given["scale"], given["input_scale"]) == (1, 1) else None,
    "leaky_relu": lambda given: nn.LeakyReLU(given["negative_slope"]),
}
