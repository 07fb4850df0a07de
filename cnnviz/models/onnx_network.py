"""ONNX files through onnxruntime: every intermediate value exposed, and operators shown as the layers they equal."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cnnviz.core.capture import CapturedValues
from cnnviz.core.describe import describe_node
from cnnviz.core.errors import UserError
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray
from cnnviz.core.trace import RESERVED
from cnnviz.models import class_names, foreign
from cnnviz.models.onnx_operators import Array, Call, part_of
from cnnviz.models.registry import ModelSpec
from cnnviz.models.weight_files import not_numbers

INPUT = "input"
_FLOATS = (np.float32, np.float64, np.float16)
_MOST_NAMED = 5


@dataclass(frozen=True, eq=False)
class OnnxNetwork:
    """An ONNX file, ready to be run.

    Attributes
    ----------
    spec
        What it is shown.
    capture
        Runs it.
    weights
        Parameters by layer, as a state dict has them.
    labels, note
        Names of the classes, and what is known or assumed.
    """

    spec: ModelSpec
    capture: OnnxCapture
    weights: Mapping[str, FloatArray]
    labels: tuple[str, ...]
    note: str


class OnnxCapture:
    """Runs an ONNX network and keeps the value of every node.

    Attributes
    ----------
    graph
        Nodes, edges, shapes, costs and receptive fields.
    module
        Gives the answer only, as a network of torch's does.
    """

    def __init__(self, session: Any, given: str, names: Mapping[str, str], graph: Graph, dtype: Any) -> None:
        self._session, self._given, self._names, self._dtype = session, given, names, dtype
        self.graph = graph
        self.module = _Answer(self)

    def run(self, names: list[str], batch_nchw: Tensor) -> list[Array]:
        """Return values by the file's own names."""
        return _run(
            self._session, names, self.graph.name, self._given, batch_nchw.detach().cpu().numpy().astype(self._dtype)
        )

    def answer(self, batch_nchw: Tensor) -> Tensor:
        """Return the network's answer."""
        (value,) = self.run(list(self._names)[-1:], batch_nchw)
        return torch.from_numpy(value)

    def __call__(self, batch_nchw: Tensor) -> CapturedValues:
        """Run the network on a batch of one, (1, C, H, W), and return all values."""
        values = self.run(list(self._names), batch_nchw)
        tensors = {INPUT: batch_nchw.cpu()}
        for array, name in zip(values, self._names.values(), strict=True):
            tensors[name] = torch.from_numpy(np.ascontiguousarray(array, np.float32))
        return CapturedValues(tensors)


class _Answer(nn.Module):
    def __init__(self, capture: OnnxCapture) -> None:
        super().__init__()
        self._capture = capture

    def forward(self, batch_nchw: Tensor) -> Tensor:
        return self._capture.answer(batch_nchw)


def load(path: Path, classes_path: str | None = None) -> OnnxNetwork:
    """Open an ONNX file.

    Raises
    ------
    UserError
        When onnxruntime is not installed, the file is damaged, or holds what cannot be run or shown.
    """
    onnx, runtime = _packages()
    model = _read(onnx, path)
    _check_operators(onnx, model, path.name)
    folded = _computed(onnx, runtime, model, _constants(onnx, model))
    given = [value for value in model.graph.input if value.name not in folded]
    if len(given) != 1:
        raise UserError(f"The network in '{path.name}' takes {len(given)} inputs; exactly one is supported.")
    shape, dtype = _input_of(onnx, given[0], model, folded, path.name)
    answer = _answer(model, folded)
    calls = _calls_before(model, given[0].name, answer)
    exposed = [name for call in calls for name in call.output[:1] if name]
    if not exposed:
        raise UserError(f"'{path.name}' computes nothing of its input that can be shown.")
    session = _session(onnx, runtime, model, exposed, path.name)
    spec = foreign.spec_for(path, shape, path.stem)
    example = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0)).numpy().astype(dtype)
    found = dict(zip(exposed, _run(session, exposed, path.name, given[0].name, example), strict=True))
    names, graph, weights = _describe(onnx, calls, given[0].name, found, folded, shape, path.name)
    capture = OnnxCapture(session, given[0].name, names, graph, dtype)
    _check_numbers(path.name, folded, weights)
    count = foreign.class_count((1, *graph.output.output_shape))
    told = {entry.key: _literal(entry.value) for entry in model.metadata_props}
    labels, words = foreign.names_for(path, spec, count, class_names.of_dictionary(told), classes_path)
    note = f"weights of {path.name}; {foreign.words_for(spec)}{words}; run by onnxruntime"
    return OnnxNetwork(spec, capture, MappingProxyType(weights), labels, note)


def _packages() -> tuple[ModuleType, ModuleType]:
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise UserError(
            "ONNX files need two packages that are not installed: onnx and onnxruntime.",
            suggestion="Install them with: pip install 'cnnviz[onnx]'.",
            details=repr(error),
        ) from error
    return onnx, onnxruntime


def _read(onnx: ModuleType, path: Path) -> Any:
    if not path.is_file():
        raise UserError(f"There is no file '{path}'.", suggestion="Check the path; it may have been moved.")
    try:
        model = onnx.load(str(path))
        empty = not model.graph.node
    except Exception as error:  # protobuf raises its own errors, and external weights may be anywhere
        raise UserError(
            f"'{path.name}' is damaged or no ONNX file, or its weights are in another file that is not here.",
            suggestion="Copy it again, with the files that belong to it into the same folder.",
            details=repr(error),
        ) from error
    if empty:
        raise UserError(f"'{path.name}' is no ONNX file: it holds no operators.")
    return model


def _check_operators(onnx: ModuleType, model: Any, name: str) -> None:
    """Say which operators are not ONNX's own; onnxruntime's list of what it knows comes with its own error."""
    known = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
    defined = {(function.domain, function.name) for function in model.functions}
    odd = [
        f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        for node in model.graph.node
        if (node.domain, node.op_type) not in defined
        and (node.domain not in known or (node.domain in ("", "ai.onnx") and not onnx.defs.has(node.op_type)))
    ]
    if odd:
        unique = list(dict.fromkeys(odd))
        more = f" and {len(unique) - _MOST_NAMED} more" if len(unique) > _MOST_NAMED else ""
        raise UserError(
            f"'{name}' uses operators that are not supported: {', '.join(unique[:_MOST_NAMED])}{more}.",
            suggestion="Export the network with the standard operators of ONNX only.",
        )


def _constants(onnx: ModuleType, model: Any) -> dict[str, Array]:
    """Return what is constant by name: initialisers, and what operators make of nothing."""
    found: dict[str, Array] = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute:
            value = onnx.helper.get_attribute_value(node.attribute[0])
            held = isinstance(value, onnx.TensorProto)
            found[node.output[0]] = onnx.numpy_helper.to_array(value) if held else np.asarray(value)
        elif node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _computed(onnx: ModuleType, runtime: ModuleType, model: Any, constants: Mapping[str, Array]) -> dict[str, Array]:
    """Return the constants with those that operators compute of them: weights that are transposed or unpacked first."""
    known, calls = set(constants), []
    for node in model.graph.node:
        plain = not any(attribute.HasField("g") for attribute in node.attribute)  # whose inside reads other values
        if plain and any(node.input) and node.output[0] not in known and known.issuperset(filter(None, node.input)):
            known.update(node.output)
            calls.append(node)
    names = [name for call in calls for name in call.output if name]
    if not names:
        return dict(constants)
    part = onnx.ModelProto()
    part.CopyFrom(model)
    del part.graph.node[:], part.graph.input[:], part.graph.output[:], part.graph.value_info[:]
    part.graph.node.extend(node for node in model.graph.node if node.op_type == "Constant")
    part.graph.node.extend(calls)
    part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    try:
        values = runtime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"]).run(names, {})
    except Exception:  # noqa: BLE001  # then they are computed with the rest, or the whole network says why not
        return dict(constants)
    return {**constants, **dict(zip(names, values, strict=True))}


def _input_of(
    onnx: ModuleType, given: Any, model: Any, folded: Mapping[str, Array], name: str
) -> tuple[foreign.Shape, Any]:
    """Return (C, H, W) of the pictures that a network takes, and the kind of its numbers."""
    kind = given.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type) if kind.elem_type else np.dtype(np.float32)
    if dtype not in _FLOATS:
        raise UserError(f"The network in '{name}' takes {dtype} instead of floating-point numbers.")
    sizes = [size.dim_value if size.HasField("dim_value") else 0 for size in kind.shape.dim]
    if len(sizes) != 4 or sizes[0] > 1:
        text = "×".join(str(n or "?") for n in sizes) or "nothing"
        raise UserError(
            f"'{name}' takes an input of {text}, which is no single picture (1, channels, height, width).",
            suggestion="Export it for a batch of one, or of any size.",
        )
    if sizes[3] in (1, 3) and sizes[1] not in (1, 3):
        raise UserError(f"'{name}' takes pictures with the channels last, which cannot be shown.")
    first = next(
        (folded[n.input[1]] for n in model.graph.node if n.op_type == "Conv" and set(n.input[1:2]) & set(folded)), None
    )
    channels = sizes[1] or (first.shape[1] if first is not None else 3)
    side = foreign.usual_side(channels, name)
    return foreign.check_sides((channels, sizes[2] or side, sizes[3] or side), name), dtype


def _answer(model: Any, folded: Mapping[str, Array]) -> str:
    """Return the value that is the network's answer: its first output, before a last softmax, which is shown apart."""
    name = str(model.graph.output[0].name)
    makers = {output: node for node in model.graph.node for output in node.output}
    last = makers.get(name)
    return str(last.input[0]) if last is not None and last.op_type == "Softmax" and last.input[0] in makers else name


def _calls_before(model: Any, given: str, answer: str) -> list[Any]:
    """Return the operators between the input and the answer, in order."""
    reached = {given}
    for node in model.graph.node:
        if node.op_type not in ("Shape", "Size") and any(name in reached for name in node.input):
            reached.update(node.output)
    needed = {answer}
    calls = []
    for node in reversed(model.graph.node):
        if any(name in needed for name in node.output):
            needed.update(node.input)
            if any(name in reached for name in node.output):
                calls.append(node)
    return calls[::-1]


def _session(onnx: ModuleType, runtime: ModuleType, model: Any, exposed: Sequence[str], name: str) -> Any:
    """Return onnxruntime's session with all values as outputs."""
    outputs = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=value) for value in exposed if value not in outputs)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the window needs the cores between runs
    options.log_severity_level = 4  # what goes wrong is raised as well
    try:
        return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class
        raise UserError(
            f"onnxruntime cannot run '{name}': {_first_line(error)}.",
            suggestion="Export the network with the standard operators of ONNX only.",
            details=str(error),
        ) from error


def _run(session: Any, names: list[str], file_name: str, given: str, batch_nchw: Array) -> list[Array]:
    try:
        values: list[Array] = session.run(names, {given: batch_nchw})
    except Exception as error:  # onnxruntime's errors have no common class
        shape = "×".join(str(n) for n in batch_nchw.shape[1:])
        raise UserError(
            f"The network in '{file_name}' cannot take an input of {shape}: {_first_line(error)}.", details=str(error)
        ) from error
    return values


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text.rpartition(" : ")[2][:200].rstrip(".")


def _describe(
    onnx: ModuleType,
    calls: Sequence[Any],
    given: str,
    found: Mapping[str, Array],
    folded: Mapping[str, Array],
    shape: foreign.Shape,
    file_name: str,
) -> tuple[dict[str, str], Graph, dict[str, FloatArray]]:
    """Return the node of each exposed value, the graph, and the weights.

    A value without a batch axis of one, or of other than floating-point numbers, is no node: those that read it read
    what it was made of.
    """
    nodes: dict[str, Node] = {
        INPUT: describe_node(INPUT, None, INPUT, (), tuple(shape), {}, path=None, state={}),
    }
    sources: dict[str, tuple[str, ...]] = {given: (INPUT,)}
    shapes = {given: (1, *shape)} | {name: np.shape(array) for name, array in found.items()}
    names: dict[str, str] = {}
    weights: dict[str, FloatArray] = {}
    paths = {call.output[0]: _path(call) for call in calls}
    containers = {".".join(path.split(".")[:n]) for path in paths.values() for n in range(1, path.count(".") + 1)}
    taken: dict[str, str] = {}
    for node in calls:
        output = node.output[0]
        read = tuple(dict.fromkeys(s for name in node.input for s in sources.get(name, ())))
        array = found[output]
        if not isinstance(array, np.ndarray) or array.dtype not in _FLOATS or array.shape[:1] != (1,) or array.ndim < 2:
            sources.update((name, read) for name in node.output if name)
            continue
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        call = Call(
            node, attributes, tuple(folded.get(n) for n in node.input), tuple(shapes.get(n, ()) for n in node.input)
        )
        part = part_of(call)
        name = _free(paths[output], containers, node, taken)
        path = name.partition(":")[0]
        own = {f"{path}.{key}": _float32(value) for key, value in part.weights.items()}
        weights.update(own)
        nodes[name] = describe_node(
            name, part.layer, part.function or node.op_type, tuple(nodes[s] for s in read), array.shape[1:], part.hyper,
            path=path, state={key: torch.empty(0) for key in own}, scope=path.rpartition(".")[0],
        )  # fmt: skip
        names[output] = name
        sources.update((given, (name,)) for given in node.output if given)  # further outputs are parts of the same
    if len(nodes) == 1:
        raise UserError(f"'{file_name}' computes nothing of its input that can be shown.")
    return names, Graph(file_name, tuple(nodes.values())), weights


def _check_numbers(file_name: str, constants: Mapping[str, Array], weights: Mapping[str, FloatArray]) -> None:
    """Refuse NaN anywhere, and infinite weights; other constants may be infinite, as the ends of a clipping are."""
    for key, array in {**constants, **weights}.items():
        if array.dtype in _FLOATS and array.size:
            low, high = float(array.min()), float(array.max())  # NaN where one is among them, and no copy
            if math.isnan(low) or (key in weights and not math.isfinite(high - low)):
                raise not_numbers(file_name, key)


def _float32(array: Array) -> FloatArray:
    """Return an array that nobody writes."""
    own: FloatArray = np.ascontiguousarray(array, np.float32).view()
    own.flags.writeable = False
    return own


def _path(node: Any) -> str:
    """Return the module that an operator stems from, as far as the file says it."""
    for name in node.input[1:2]:
        if name.endswith(".weight") and ":" not in name:
            return str(name.removesuffix(".weight"))
    told = {entry.key: entry.value for entry in getattr(node, "metadata_props", ())}
    scopes = _literal(told.get("pkg.torch.onnx.name_scopes", ""))
    if isinstance(scopes, list) and len(scopes) > 1 and scopes[-2]:
        return str(scopes[-2])
    if node.name.startswith("/"):  # /layer1/layer1.0/relu/Relu
        path = ""
        for part in node.name.strip("/").split("/")[:-1]:
            path = part if not path or part.startswith(f"{path}.") else f"{path}.{part}"
        return path
    return ""


def _free(path: str, containers: set[str], node: Any, taken: dict[str, str]) -> str:
    """Return a name that no other node has; the second call of a layer has its number behind a colon."""
    word = node.op_type.lower()
    name = path or word
    if name in containers:
        name = f"{name}.{word}"
    name = name.replace(":", "_").replace("/", ".")
    name = f"{name}_" if name in RESERVED else name
    same = "|".join((node.op_type, *node.input[1:]))
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}:{number}" if taken[name] == same and path else f"{name}_{number}"
    taken[free] = same
    return free


def _literal(text: str) -> Any:
    """Return what a text of a file's metadata says: JSON, or lists and dictionaries as Python writes them."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text
