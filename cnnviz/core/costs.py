"""What a layer costs, for the map to be coloured by. No torch, no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cnnviz.core.formats import bytes_text, number
from cnnviz.core.graph import Node

CostName = Literal["parameters", "macs", "time", "memory", "field"]
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Cost:
    """A cost: its name in the program, its name for people, and what it says."""

    name: CostName
    title: str
    tip: str


COSTS: tuple[Cost, ...] = (
    Cost("parameters", "Parameters", "Trainable parameters; a layer that runs twice has them once"),
    Cost("macs", "Multiply-adds", "One for each product of a weight and a value, for one input"),
    Cost("time", "Milliseconds", "Measured while the present values were computed, on this machine"),
    Cost("memory", "Memory", "Bytes of the values that a layer makes and of its weights, 4 for each number"),
    Cost("field", "Receptive field", "How many pixels of the input one value sees, down or across"),
)


def cost_of(nodes: Iterable[Node], name: CostName, times_ms: Mapping[str, float]) -> float | None:
    """Return what some layers cost together; the receptive field is that of the last.

    Parameters
    ----------
    nodes
        In order of execution.
    name
        Which cost.
    times_ms
        Milliseconds of each layer, where they were measured.

    Returns
    -------
    cost
        ``None`` where it is not known: a layer whose time was not measured, or that sees no part of its own.
    """
    found: float | None = None
    for node in nodes:
        one = _cost(node, name, times_ms)
        if name == "field":
            found = one
        elif one is not None:
            found = (found or 0.0) + one
    return found


def _cost(node: Node, name: CostName, times_ms: Mapping[str, float]) -> float | None:
    once = ":" not in node.name
    if name == "parameters":
        return float(node.parameters) if once else 0.0
    if name == "macs":
        return float(node.macs)
    if name == "time":
        return times_ms.get(node.name)
    if name == "memory":
        values = 1
        for side in node.output_shape:
            values *= side
        return float((values + (node.parameters if once else 0)) * FLOAT_BYTES)
    return float(max(field.size for field in node.field_hw)) if node.field_hw is not None else None


def cost_text(value: float | None, name: CostName) -> str:
    """Write a cost for people."""
    if value is None:
        return "–"
    if name == "time":
        return f"{number(value, 3)} ms"
    if name == "memory":
        return bytes_text(value)
    if name == "field":
        return f"{value:.0f} px"
    return count_text(value)


def count_text(value: float) -> str:
    """Write a large whole number shortly: ``1.85 G``, ``61.7 k``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.0f}"
