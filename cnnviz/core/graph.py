"""A network as nodes and edges: plain data, no torch, no Qt.

`cnnviz.core.trace` makes a `Graph` from a module; views read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal[
    "input", "convolution", "pooling", "activation", "linear", "flatten", "normalisation", "dropout", "sum",
    "concatenation", "softmax", "output", "other",
]  # fmt: skip


@dataclass(frozen=True)
class ReceptiveField:
    """Which input pixels one unit sees, along one axis.

    Output index ``i`` sees the input interval ``[start + i * jump, start + i * jump + size)``; parts outside the
    picture are padding. The recurrences are those of Araujo, Norris and Sim, "Computing Receptive Fields of
    Convolutional Neural Networks", Distill 2019: ``size += (k - 1) * jump``, ``start -= padding * jump``,
    ``jump *= stride``, with ``k`` the dilated kernel size.
    """

    size: int
    jump: int
    start: int

    def interval(self, index: int) -> tuple[int, int]:
        """Return the half-open interval of input pixels that output `index` sees, padding included."""
        first = self.start + index * self.jump
        return first, first + self.size


def pad_before(hyper: Mapping[str, Any], axis: int) -> int:
    """Return the padding above (axis 0) or left of (axis 1) a sliding window's input, by its hyper-parameters."""
    return pad_sides(hyper, axis)[0]


def pad_sides(hyper: Mapping[str, Any], axis: int) -> tuple[int, int]:
    """Return the padding before and behind a sliding window's input, down (axis 0) or across (axis 1)."""
    padding = hyper.get("padding", 0)
    if padding == "same":  # torch puts the odd one behind
        both = int(pair(hyper.get("dilation", 1))[axis] * (pair(hyper["kernel_size"])[axis] - 1))
        return both // 2, both - both // 2
    if padding == "valid":
        return 0, 0
    if not isinstance(padding, int) and len(padding) == 4:  # top, bottom, left, right: torch has none, ONNX has
        return int(padding[2 * axis]), int(padding[2 * axis + 1])
    return pair(padding)[axis], pair(padding)[axis]


def pair(value: Any) -> tuple[int, int]:
    """Return a size given for both axes, or for each, as (down, across)."""
    if isinstance(value, int):
        return value, value
    down, across = (int(n) for n in value) if len(value) == 2 else (int(value[0]), int(value[0]))
    return down, across


@dataclass(frozen=True)
class Node:
    """One computed value of the network.

    Attributes
    ----------
    name
        Dotted module path; a second call of the same module carries ``:1``; sums and functions carry the path of the
        module in whose code they stand; the input is ``input``.
    kind, op
        The family (a field's term) and the exact operation, such as ``Conv2d`` or ``add``.
    inputs
        Names of the nodes it reads, in order.
    hyper
        Hyper-parameters by their torch names, such as ``kernel_size``.
    input_shapes, output_shape
        Without the batch axis: (C, H, W) or (N,).
    parameters, parameter_formula
        Trainable parameters, and the same number as a product, such as ``6·(1·5·5 + 1)``.
    macs
        Multiply-adds for one input.
    field_hw
        Receptive field down and across; ``None`` for a vector, and where it is not known: after an operation that is
        not local, or that moves values about.
    weight, bias
        State-dict keys of its weights, or ``None``.
    scope
        Path of the module in whose code it stands; empty for the network itself.
    """

    name: str
    kind: Kind
    op: str
    inputs: tuple[str, ...] = ()
    hyper: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    input_shapes: tuple[tuple[int, ...], ...] = ()
    output_shape: tuple[int, ...] = ()
    parameters: int = 0
    parameter_formula: str = ""
    macs: int = 0
    field_hw: tuple[ReceptiveField, ReceptiveField] | None = None
    weight: str | None = None
    bias: str | None = None
    scope: str = ""

    @property
    def is_map(self) -> bool:
        """Whether the value is a stack of feature maps (C, H, W) rather than a vector."""
        return len(self.output_shape) == 3

    @property
    def units(self) -> int:
        """Number of channels, or of elements of a vector."""
        return self.output_shape[0] if self.output_shape else 0

    @property
    def shape_text(self) -> str:
        """The output shape as a person writes it: ``6 × 28 × 28``."""
        return " × ".join(str(n) for n in self.output_shape)


@dataclass(frozen=True)
class Graph:
    """The nodes of a network in execution order, the input first.

    Attributes
    ----------
    name, nodes
        The network's name, and its nodes; no two have the same name.
    other_parameters
        Trainable parameters that belong to no node, such as a scale that the network multiplies with by itself.
    """

    name: str
    nodes: tuple[Node, ...]
    other_parameters: int = 0

    def __post_init__(self) -> None:
        if len(self.by_name) != len(self.nodes):
            raise ValueError("Two nodes of the graph have the same name.")

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes by name."""
        return MappingProxyType({node.name: node for node in self.nodes})

    def __getitem__(self, name: str) -> Node:
        return self.by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    @cached_property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """All (source, target) pairs in execution order."""
        return tuple((source, node.name) for node in self.nodes for source in node.inputs)

    @property
    def layers(self) -> tuple[Node, ...]:
        """Every node but the input."""
        return self.nodes[1:]

    @property
    def output(self) -> Node:
        """The last node: the network's own output (logits)."""
        return self.nodes[-1]

    @property
    def parameters(self) -> int:
        """Trainable parameters; a module that runs twice counts once."""
        return self.other_parameters + sum(node.parameters for node in self.nodes if ":" not in node.name)

    @property
    def macs(self) -> int:
        """Multiply-adds for one input."""
        return sum(node.macs for node in self.nodes)
