"""From a torch module to a plan of steps and a `Graph`.

The plan is the traced graph (`torch.fx`) of the real module. Where a module cannot be traced, because its control flow
depends on the values, `cnnviz.core.capture` falls back to forward hooks.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

RESERVED = ("input", "probabilities")
"""Names that no module and no function gets: of the input, and of what is written beside the values."""

# Operations whose result may share memory with their first argument.
_VIEW_FUNCTIONS: frozenset[Any] = frozenset(
    {torch.flatten, torch.reshape, torch.permute, torch.transpose, torch.squeeze, torch.unsqueeze, torch.chunk,
     torch.split, torch.t, operator.getitem, getattr, functional.dropout, torch.detach}
)  # fmt: skip
_VIEW_METHODS = frozenset(
    {"view", "reshape", "flatten", "permute", "transpose", "t", "contiguous", "chunk", "split", "unsqueeze", "squeeze",
     "expand", "expand_as", "detach", "to", "float", "narrow", "select", "view_as", "unflatten"}
)  # fmt: skip
_VIEW_MODULES = (
    nn.Flatten,
    nn.Unflatten,
    nn.Identity,
    nn.Dropout,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
)
_INPLACE_OPERATORS: frozenset[Any] = frozenset(
    {operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.iand, operator.ior}
)


_TRACING = threading.Lock()
"""One trace at a time: each replaces ``nn.Module.__call__`` and puts back what it found there."""


class LayerTracer(fx.Tracer):
    """Traces down to layers: torch's own modules, and modules without children.

    While it traces, torch sends the calls of all modules here, those of a network that learns in another thread too:
    they are let through.
    """

    def trace(self, root: nn.Module | Callable[..., Any], concrete_args: dict[str, Any] | None = None) -> fx.Graph:
        """Return the traced graph of a module; waits while another thread traces."""
        with _TRACING:
            self._thread = threading.get_ident()
            return super().trace(root, concrete_args)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Record a module's call, or just call it where it is another thread's."""
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Return what stands for a module's attribute; in another thread the attribute itself."""
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether a module is one node of the graph."""
        return super().is_leaf_module(m, module_qualified_name) or next(m.children(), None) is None


@dataclass(frozen=True)
class Step:
    """One operation of the plan.

    Attributes
    ----------
    name
        The node's name in the `Graph`.
    source
        The traced node, for its arguments.
    call
        What is called with the arguments.
    module
        The module called, or ``None`` for a function or method.
    scope
        Path of the module in whose code the call stands; empty for the network itself.
    """

    name: str
    source: fx.Node
    call: Callable[..., Any]
    module: nn.Module | None
    scope: str = ""


@dataclass(frozen=True)
class Plan:
    """The steps in execution order, between the input and the output node of the traced graph."""

    placeholder: fx.Node
    steps: tuple[Step, ...]
    output: fx.Node


def make_plan(module: nn.Module) -> Plan | None:
    """Trace `module` and return its plan, or ``None`` where it cannot be traced.

    In-place operations are switched off where nothing else reads what they overwrite; the others stay as they are.
    The module is changed (its ``inplace`` flags), so it must be the caller's own instance.

    Raises
    ------
    ValueError
        When the module takes more or fewer than one input.
    """
    try:
        # What is a traced graph already knows the modules that its steps came from; tracing it again would not.
        graph = module.graph if isinstance(module, fx.GraphModule) else LayerTracer().trace(module)
    except Exception:  # noqa: BLE001  # tracing runs the module's own code on proxies; anything may come out
        return None
    placeholders = [node for node in graph.nodes if node.op == "placeholder"]
    required = [node for node in placeholders if not node.args]
    if len(required) != 1:
        raise ValueError(f"The network takes {len(required)} inputs; exactly one is supported.")
    modules = dict(module.named_modules())
    _switch_off_inplace(graph, modules)
    names = _names(graph, modules)
    steps = []
    for node in graph.nodes:
        if node.op not in ("placeholder", "output"):
            target = modules.get(str(node.target)) if node.op == "call_module" else None
            steps.append(Step(names[node], node, _callable(module, node, target), target, _scope(node)))
    output = next(node for node in graph.nodes if node.op == "output")
    return Plan(required[0], tuple(steps), output)


def _names(graph: fx.Graph, modules: dict[str, nn.Module]) -> dict[fx.Node, str]:
    """Return the nodes' names: module calls come first, a function whose name is taken gets the next free one."""
    names: dict[fx.Node, str] = {}
    counts: dict[str, int] = {}
    taken = set(RESERVED)
    for node in graph.nodes:
        if node.op == "call_module" and str(node.target) in modules:
            names[node] = _free(call_name(str(node.target), counts), taken)
    for node in graph.nodes:
        if node not in names:
            scope = _scope(node)
            names[node] = _free(f"{scope}.{_function_name(node)}" if scope else node.name, taken)
    return names


def _function_name(node: fx.Node) -> str:
    """Return a function's or method's own name, without the number that the traced graph gives it."""
    return node.target if isinstance(node.target, str) else str(getattr(node.target, "__name__", node.name))


def _scope(node: fx.Node) -> str:
    """Return the path of the module in whose code a call stands."""
    around = [path for path, _ in (node.meta.get("nn_module_stack") or {}).values()]
    if node.op == "call_module" and around and around[-1] == str(node.target):
        around.pop()
    return str(around[-1]) if around else ""


def call_name(path: str, counts: dict[str, int]) -> str:
    """Return the name of a module's call: its path, and from the second call on the number after a colon."""
    count = counts[path] = counts.get(path, -1) + 1
    path = f"{path}_" if path in RESERVED else path
    return path if count == 0 else f"{path}:{count}"


def _free(name: str, taken: set[str]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _callable(root: nn.Module, node: fx.Node, module: nn.Module | None) -> Callable[..., Any]:
    """Return what a traced node calls."""
    if module is not None:
        return module
    if node.op == "call_method":
        return _Method(str(node.target))
    if node.op == "get_attr":
        value: Any = root
        for part in str(node.target).split("."):
            value = getattr(value, part)
        return lambda: value
    target = node.target
    assert callable(target)
    return target


class _Method:
    """Calls a method by name on its first argument."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, owner: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(owner, self.name)(*args, **kwargs)


def _switch_off_inplace(graph: fx.Graph, modules: dict[str, nn.Module]) -> None:
    """Switch in-place operations off where nothing else reads what they overwrite."""
    overwriting = [node for node in graph.nodes if _is_inplace(node, modules)]
    kept: set[fx.Node] = set()
    while True:  # an operation that stays in place makes its result share memory, which may keep the next one too
        needed = _must_overwrite(graph, overwriting, _memory_groups(graph, modules, kept))
        unsafe_modules = {str(node.target) for node in needed if node.op == "call_module"}
        needed |= {n for n in overwriting if n.op == "call_module" and str(n.target) in unsafe_modules}
        if needed <= kept:
            break
        kept |= needed
    for node in overwriting:
        if node in kept:
            continue
        if node.op == "call_module":
            setattr(modules[str(node.target)], "inplace", False)  # noqa: B010  # not declared on nn.Module
        elif node.op == "call_function" and "inplace" in node.kwargs:
            node.kwargs = {**node.kwargs, "inplace": False}


def _must_overwrite(graph: fx.Graph, overwriting: list[fx.Node], group: dict[fx.Node, fx.Node]) -> set[fx.Node]:
    """Return the in-place nodes whose effect something else reads: by the overwritten value, not by the result."""
    order = {node: index for index, node in enumerate(graph.nodes)}
    last_use: dict[fx.Node, int] = {}
    for node in graph.nodes:
        for used in node.all_input_nodes:
            last_use[group[used]] = max(last_use.get(group[used], -1), order[node])
    return {
        node
        for node in overwriting
        if not node.users or any(last_use[group[a]] > order[node] for a in node.all_input_nodes[:1])
    }


def _is_inplace(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Return whether a node overwrites its first argument."""
    if node.op == "call_module":
        return bool(getattr(modules.get(str(node.target)), "inplace", False))
    if node.op == "call_method":
        name = str(node.target)
        return name.endswith("_") and not name.endswith("__")
    if node.op == "call_function":
        name = getattr(node.target, "__name__", "")
        named = node.target in _INPLACE_OPERATORS or (name.endswith("_") and not name.endswith("__"))
        return named or bool(node.kwargs.get("inplace")) or _inplace_by_position(node)
    return False


def _inplace_by_position(node: fx.Node) -> bool:
    """Return whether ``inplace`` was given by position, as in ``F.relu(x, True)``."""
    positions: dict[Any, int] = {functional.relu: 1, functional.relu6: 1, functional.elu: 2, functional.leaky_relu: 2,
                 functional.hardtanh: 3, functional.silu: 1, functional.dropout: 3}  # fmt: skip
    at = positions.get(node.target)
    return at is not None and len(node.args) > at and node.args[at] is True


def _memory_groups(graph: fx.Graph, modules: dict[str, nn.Module], in_place: set[fx.Node]) -> dict[fx.Node, fx.Node]:
    """Map each node to the first node whose memory it may share, given those that stay `in_place`."""
    group: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        shares = (
            (node.op == "call_function" and node.target in _VIEW_FUNCTIONS)
            or (node.op == "call_method" and str(node.target) in _VIEW_METHODS)
            or (node.op == "call_module" and isinstance(modules.get(str(node.target)), _VIEW_MODULES))
            or node in in_place
        )
        inputs = node.all_input_nodes
        group[node] = group[inputs[0]] if shares and inputs else node
    return group
