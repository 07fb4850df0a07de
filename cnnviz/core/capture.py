"""Every node's value for one input, as it was really computed, never altered by in-place operations."""

from __future__ import annotations

import inspect
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import fx, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from cnnviz.core.describe import describe_node
from cnnviz.core.errors import UserError
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray
from cnnviz.core.trace import Plan, call_name, make_plan

INPUT, OUTPUT = "input", "output"


class CapturedValues(Mapping[str, FloatArray]):
    """The captured tensors by node name, read as float32 arrays without the batch axis.

    Values stay where they were computed; a node becomes an array when it is first looked at. On the CPU that
    array shares the tensor's memory, which nothing writes any more.

    Attributes
    ----------
    times_ms
        Milliseconds that each node took, by its name; empty where that was not measured.
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor], times_ms: Mapping[str, float] | None = None) -> None:
        self._tensors = tensors
        self.times_ms: Mapping[str, float] = times_ms or {}
        self._arrays: dict[str, FloatArray] = {}

    def tensor(self, name: str) -> torch.Tensor:
        """Return a node's tensor without the batch axis."""
        return self._tensors[name][0]

    def __getitem__(self, name: str) -> FloatArray:
        array = self._arrays.get(name)
        if array is None:
            tensor = self._tensors[name].detach()
            if tensor.dtype != torch.float32 or tensor.device.type != "cpu":
                tensor = tensor.float().cpu()
            array = tensor.numpy()[0]
            array.flags.writeable = False
            self._arrays[name] = array
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


class Capture:
    """Runs a network and keeps the value of every node.

    Parameters
    ----------
    module
        In evaluation mode, and the caller's own: its in-place switches are changed.
    input_shape
        (C, H, W), without the batch axis.
    name
        The graph's name.

    Attributes
    ----------
    graph
        Nodes, edges, shapes, costs and receptive fields.
    is_traced
        Whether sums and function calls are nodes too; else only modules are.

    Raises
    ------
    UserError
        When the network cannot take an input of that shape.
    """

    def __init__(self, module: nn.Module, input_shape: tuple[int, ...], name: str = "network") -> None:
        self.module = module
        parameter = next(module.parameters(), None)
        device = parameter.device if parameter is not None else torch.device("cpu")
        try:
            # Not in inference mode, also where the caller is: its tensors do not count how often they were written.
            with torch.inference_mode(False), torch.no_grad():
                example = torch.rand(1, *input_shape, generator=torch.Generator().manual_seed(0)).to(device)
                self._build(name, example)
        except ValueError as error:
            raise UserError(str(error)) from error
        except (RuntimeError, TypeError, IndexError) as error:
            shape = "×".join(str(n) for n in input_shape)
            raise UserError(f"The network '{name}' cannot take an input of {shape}.", details=repr(error)) from error

    def _build(self, name: str, example: torch.Tensor) -> None:
        """Trace, and trust the trace only if it computes what the module computes.

        Tracing silently turns ``y *= 3`` into ``y = y * 3``, which differs where another name for y is read later.
        """
        expected = self.module(example.clone()) if _takes_one_input(self.module) else None
        self._recipes: list[Recipe] = []
        plan = make_plan(self.module)
        self.is_traced = False
        if plan is not None:
            self._recipes = _with_overwriting(_compile(plan), example.clone())
            values = self._run_recipes(example.clone())
            self.graph = _graph_of_plan(name, self.module, plan, values)
            output = values[self.graph.output.name]
            self.is_traced = expected is None or _same(output, expected)
        if not self.is_traced:
            recorded, calls = _run_hooked(self.module, example)
            self.graph = _graph_of_calls(name, self.module, calls, recorded)

    def __call__(self, batch_nchw: torch.Tensor) -> CapturedValues:
        """Run the network on a batch of one, (1, C, H, W), and return all values."""
        if self.is_traced:
            ends_s = [time.perf_counter()]
            values = self._run_recipes(batch_nchw, ends_s)
            return CapturedValues(values, self._times(ends_s) if batch_nchw.device.type == "cpu" else None)
        recorded, _ = _run_hooked(self.module, batch_nchw)
        if recorded.keys() != self.graph.by_name.keys():
            raise UserError("For this input the network takes another path through its layers, which cannot be shown.")
        return CapturedValues(recorded)

    def _times(self, ends_s: list[float]) -> dict[str, float]:
        """Return the milliseconds of each node by when the steps ended; other devices do not say when they end."""
        steps = zip(self._recipes, itertools.pairwise(ends_s), strict=True)
        return {name: (end - start) * 1000 for (name, *_), (start, end) in steps if name in self.graph}

    def _run_recipes(self, batch_nchw: torch.Tensor, ends_s: list[float] | None = None) -> dict[str, torch.Tensor]:
        clock = time.perf_counter
        registers: list[Any] = [None] * (len(self._recipes) + 1)
        registers[0] = batch_nchw
        recorded: dict[str, torch.Tensor] = {INPUT: batch_nchw}
        for index, (name, call, fetch, overwrites) in enumerate(self._recipes, start=1):
            args, kwargs = fetch(registers)
            if overwrites:
                for tensor in _tensors((args, kwargs)):
                    _copy_before_overwriting(tensor, recorded)
            value = registers[index] = call(*args, **kwargs)
            if name and isinstance(value, torch.Tensor):
                recorded[name] = value
            if ends_s is not None:
                ends_s.append(clock())
        return recorded


Fetch = Callable[[list[Any]], tuple[tuple[Any, ...], dict[str, Any]]]
Recipe = tuple[str, Callable[..., Any], Fetch, bool]
_NO_KWARGS: dict[str, Any] = {}
_NO_MODULES = nn.Module()


def _takes_one_input(module: nn.Module) -> bool:
    parameters = inspect.signature(module.forward).parameters.values()
    return sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters) == 1


def _same(value: torch.Tensor, expected: Any) -> bool:
    """Return whether the traced output is the module's own output, up to the order of sums."""
    if not isinstance(expected, torch.Tensor):
        return True
    return value.shape == expected.shape and torch.allclose(value, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


def _compile(plan: Plan) -> list[Recipe]:
    """Turn the steps into (name, call, fetch arguments, overwrites), so that a run does no graph look-ups.

    A weight that the network reads by itself is no computed value: its name is empty, and it is not recorded.
    """
    register = {plan.placeholder: 0} | {step.source: i for i, step in enumerate(plan.steps, start=1)}
    return [
        ("" if step.source.op == "get_attr" else step.name, step.call, _fetcher(step.source, register), False)
        for step in plan.steps
    ]


def _with_overwriting(recipes: list[Recipe], example: torch.Tensor) -> list[Recipe]:
    """Run once and mark the steps that write into what they are given, whatever they do inside."""
    registers: list[Any] = [example]
    marked: list[Recipe] = []
    for name, call, fetch, _ in recipes:
        args, kwargs = fetch(registers)
        given = list(_tensors((args, kwargs)))
        before = [tensor._version for tensor in given]
        registers.append(call(*args, **kwargs))
        overwrites = any(tensor._version != version for tensor, version in zip(given, before, strict=True))
        marked.append((name, call, fetch, overwrites))
    return marked


def _fetcher(node: fx.Node, register: Mapping[fx.Node, int]) -> Fetch:
    """Return how a step's arguments come out of the registers."""
    if len(node.args) == 1 and isinstance(node.args[0], fx.Node) and not node.kwargs:
        only = register[node.args[0]]
        return lambda registers: ((registers[only],), _NO_KWARGS)

    def fetch(registers: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        def value(argument: fx.Node) -> Any:
            return registers[register[argument]]

        return fx.map_arg(node.args, value), fx.map_arg(node.kwargs, value)

    return fetch


def _copy_before_overwriting(target: torch.Tensor, recorded: dict[str, torch.Tensor]) -> None:
    """Replace every recorded tensor that shares memory with `target` by a copy."""
    storage = target.untyped_storage().data_ptr()
    for name, tensor in recorded.items():
        if tensor.untyped_storage().data_ptr() == storage:
            recorded[name] = tensor.clone()


def _graph_of_plan(name: str, module: nn.Module, plan: Plan, values: Mapping[str, torch.Tensor]) -> Graph:
    """Describe the traced steps that have a tensor value."""
    names = {plan.placeholder: INPUT} | {step.source: step.name for step in plan.steps}
    nodes: dict[str, Node] = {INPUT: _input_node(values[INPUT])}
    state = module.state_dict()
    for step in plan.steps:
        if step.name not in values or step.source.op == "get_attr":
            continue
        sources = _tensor_sources(step.source, names, values)
        nodes[step.name] = describe_node(
            step.name,
            step.module,
            step.source.target,
            tuple(nodes[s] for s in sources if s in nodes),
            tuple(values[step.name].shape[1:]),
            _arguments(step.source),
            path=str(step.source.target) if step.module is not None else None,
            state=state,
            scope=step.scope,
        )
    return _complete(name, module, nodes.values())


def _complete(name: str, module: nn.Module, nodes: Iterable[Node]) -> Graph:
    """Return the graph, with the trainable parameters that belong to no node.

    Some belong to modules with layers inside, others to layers that only run in training, such as auxiliary heads.
    """
    graph = Graph(name, tuple(nodes))
    beside = sum(p.numel() for p in module.parameters() if p.requires_grad) - graph.parameters
    return replace(graph, other_parameters=beside)


def _tensor_sources(node: fx.Node, names: Mapping[fx.Node, str], values: Mapping[str, torch.Tensor]) -> tuple[str, ...]:
    """Return the tensor-valued nodes that `node` reads, looking through tuples and sizes."""
    found: list[str] = []
    for argument in node.all_input_nodes:
        if names[argument] in values:
            found.append(names[argument])
        elif argument.op != "get_attr":
            found.extend(_tensor_sources(argument, names, values))
    return tuple(dict.fromkeys(found))


def _arguments(node: fx.Node) -> dict[str, Any]:
    """Return the arguments of a function by name; those of a module or method only as they were named."""
    if node.op != "call_function" or not callable(node.target):
        return dict(node.kwargs)
    try:
        named = node.normalized_arguments(_NO_MODULES, normalize_to_only_use_kwargs=True)
    except RuntimeError:  # several signatures fit
        named = None
    return dict(named.kwargs if named is not None else node.kwargs)


def _input_node(batch_nchw: torch.Tensor) -> Node:
    return describe_node(INPUT, None, "input", (), tuple(batch_nchw.shape[1:]), {}, path=None, state={})


Calls = list[tuple[str, str, nn.Module | None, tuple[str, ...]]]


class _Origins(TorchFunctionMode):
    """Follows which module outputs each tensor was computed from, through any function."""

    def __init__(self) -> None:
        super().__init__()
        self._sources: dict[int, tuple[str, ...]] = {}
        self._alive: list[torch.Tensor] = []  # an id is only unique while its tensor lives

    def put(self, value: Any, sources: tuple[str, ...]) -> None:
        for tensor in _tensors(value):
            self._sources[id(tensor)] = sources
            self._alive.append(tensor)

    def get(self, value: Any) -> tuple[str, ...]:
        found = [s for tensor in _tensors(value) for s in self._sources.get(id(tensor), ())]
        return tuple(dict.fromkeys(found))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        sources = self.get((args, kwargs))
        if sources:
            self.put(out, sources)
        return out


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)


def _run_hooked(module: nn.Module, batch_nchw: torch.Tensor) -> tuple[dict[str, torch.Tensor], Calls]:
    """Run with forward hooks on every module without children; values are copied, so nothing overwrites them."""
    recorded: dict[str, torch.Tensor] = {INPUT: batch_nchw.clone()}
    calls: Calls = []
    counts: dict[str, int] = {}
    last: list[torch.Tensor] = []
    origins = _Origins()
    handles: list[RemovableHandle] = []

    def hook(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def record(owner: nn.Module, inputs: Any, output: Any) -> None:
            name = call_name(path, counts)
            if isinstance(output, torch.Tensor):
                calls.append((name, path, owner, origins.get(inputs)))
                recorded[name] = output.clone()
                last[:] = [output]
                origins.put(output, (name,))

        return record

    try:
        for path, child in module.named_modules():
            if path and next(child.children(), None) is None:
                handles.append(child.register_forward_hook(hook(path)))
        with origins:
            origins.put(batch_nchw, (INPUT,))
            output = module(batch_nchw)
    finally:
        for handle in handles:
            handle.remove()
    if isinstance(output, torch.Tensor) and not (calls and output is last[0]):
        recorded[OUTPUT] = output
        calls.append((OUTPUT, OUTPUT, None, origins.get(output)))
    return recorded, calls


def _graph_of_calls(name: str, module: nn.Module, calls: Calls, values: Mapping[str, torch.Tensor]) -> Graph:
    """Describe the module calls of an untraceable network."""
    nodes: dict[str, Node] = {INPUT: _input_node(values[INPUT])}
    state = module.state_dict()
    for call, path, owner, sources in calls:
        inputs = tuple(nodes[s] for s in sources)
        nodes[call] = describe_node(
            call, owner, path, inputs, tuple(values[call].shape[1:]), {}, path=path, state=state,
            scope=path.rpartition(".")[0],
        )  # fmt: skip
    return _complete(name, module, nodes.values())
