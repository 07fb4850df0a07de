"""A LeNet-5 of plain arrays for tests of views: right shapes, random values, no torch."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from cnnviz.core.graph import Graph, Kind, Node, ReceptiveField
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel, ModelRequest

REQUEST = ModelRequest("lenet5")

_ROWS: tuple[tuple[str, Kind, str, tuple[int, ...], tuple[int, int, int] | None, str | None], ...] = (
    ("input", "input", "input", (1, 28, 28), (1, 1, 0), None),
    ("conv1", "convolution", "Conv2d", (6, 28, 28), (5, 1, -2), "conv1.weight"),
    ("relu1", "activation", "ReLU", (6, 28, 28), (5, 1, -2), None),
    ("pool1", "pooling", "MaxPool2d", (6, 14, 14), (6, 2, -2), None),
    ("conv2", "convolution", "Conv2d", (16, 10, 10), (14, 2, -2), "conv2.weight"),
    ("relu2", "activation", "ReLU", (16, 10, 10), (14, 2, -2), None),
    ("pool2", "pooling", "MaxPool2d", (16, 5, 5), (16, 4, -2), None),
    ("flatten", "flatten", "Flatten", (400,), None, None),
    ("fc1", "linear", "Linear", (120,), None, "fc1.weight"),
    ("relu3", "activation", "ReLU", (120,), None, None),
    ("fc2", "linear", "Linear", (84,), None, "fc2.weight"),
    ("relu4", "activation", "ReLU", (84,), None, None),
    ("fc3", "linear", "Linear", (10,), None, "fc3.weight"),
)
_HYPER: dict[str, dict[str, object]] = {
    "conv1": {"kernel_size": (5, 5), "stride": (1, 1), "padding": (2, 2), "dilation": (1, 1), "groups": 1},
    "conv2": {"kernel_size": (5, 5), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1},
    "pool1": {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0)},
    "pool2": {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0)},
}
_SHAPES = {
    "conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (84, 120), "fc3": (10, 84),
}  # fmt: skip
_FORMULAS = {
    "conv1": "6·(1·5·5 + 1)", "conv2": "16·(6·5·5 + 1)", "fc1": "120·(400 + 1)", "fc2": "84·(120 + 1)",
    "fc3": "10·(84 + 1)",
}  # fmt: skip


def sample_graph() -> Graph:
    """Return LeNet-5's graph as data."""
    nodes: list[Node] = []
    for name, kind, op, shape, field, weight in _ROWS:
        before = nodes[-1] if nodes else None
        parameters = int(np.prod(_SHAPES[name])) + _SHAPES[name][0] if name in _SHAPES else 0
        nodes.append(
            Node(
                name=name,
                kind=kind,
                op=op,
                inputs=(before.name,) if before else (),
                hyper=MappingProxyType(dict(_HYPER.get(name, {}))),
                input_shapes=(before.output_shape,) if before else (),
                output_shape=shape,
                parameters=parameters,
                parameter_formula=_FORMULAS.get(name, ""),
                macs=parameters * 10,
                field_hw=(ReceptiveField(*field), ReceptiveField(*field)) if field else None,
                weight=weight,
                bias=weight.replace("weight", "bias") if weight else None,
            )
        )
    return Graph("lenet5", tuple(nodes))


def sample_model() -> LoadedModel:
    """Return a loaded LeNet-5 with random weights."""
    generator = np.random.default_rng(0)
    weights: dict[str, FloatArray] = {}
    for name, shape in _SHAPES.items():
        weights[f"{name}.weight"] = generator.normal(0, 0.1, shape).astype(np.float32)
        weights[f"{name}.bias"] = generator.normal(0, 0.1, shape[:1]).astype(np.float32)
    return LoadedModel(
        request=REQUEST,
        title="LeNet-5",
        graph=sample_graph(),
        labels=tuple("0123456789"),
        weights=MappingProxyType(weights),
        weights_note="random, for tests",
    )


def sample_inspection(model: LoadedModel, seed: int = 0, generation: int = 1) -> Inspection:
    """Return random values of the right shapes; what follows a ReLU is not negative."""
    generator = np.random.default_rng(seed)
    values: dict[str, FloatArray] = {}
    for node in model.graph.nodes:
        array = generator.normal(0, 1, node.output_shape).astype(np.float32)
        if node.kind == "input":
            array = np.clip(array, 0, 1).astype(np.float32)
        elif node.kind in ("activation", "pooling", "flatten"):
            array = np.maximum(array, 0).astype(np.float32)
        values[node.name] = array
    logits = values[model.graph.output.name]
    exponentials = np.exp(logits - logits.max())
    return Inspection(
        request=model.request,
        generation=generation,
        values=MappingProxyType(values),
        logits=logits,
        probabilities=(exponentials / exponentials.sum()).astype(np.float32),
        elapsed_ms=0.5,
    )
