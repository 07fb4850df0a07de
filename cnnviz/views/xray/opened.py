"""What the X-ray has open: a block with its values, and where other views' places are in it. No Qt, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core.branches import Block
from cnnviz.core.formats import number
from cnnviz.core.graph import Graph
from cnnviz.core.inspection import FloatArray
from cnnviz.core.operations import Check
from cnnviz.state.app_state import Place
from cnnviz.views.xray import compute
from cnnviz.views.xray.compute import Part, Residual, Values

Cell = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Opened:
    """A block and its values: a sum, or the parts of a concatenation.

    Attributes
    ----------
    block
        The block.
    residual, parts
        The sum, or ``None``; the parts, none of a sum.
    joined
        What PyTorch made of them, (C, H, W).
    """

    block: Block
    residual: Residual | None
    parts: tuple[Part, ...]
    joined: FloatArray

    @property
    def shape(self) -> Cell:
        """Rows and columns of a map."""
        height, width = self.joined.shape[1:]
        return int(height), int(width)

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """All that is shown in one scale of colours."""
        if self.residual is not None:
            return self.residual.x_chw, self.residual.f_chw, self.residual.sum_chw
        return tuple(part.maps_chw for part in self.parts)

    def locate(self, place: Place | None) -> tuple[int, Cell | None] | None:
        """Return the channel of the block's result that a place stands for, and the cell, or ``None``."""
        if place is None or place.unit is None:
            return None
        shift = 0
        after = self.block.after.name if self.block.after is not None else ""
        if place.layer not in (self.block.joining.name, after):
            part = next((part for part in self.parts if part.title == place.layer), None)
            if part is not None:
                shift = part.first
            elif self.residual is None or place.layer not in [branch.last for branch in self.block.branches]:
                return None
        if place.unit + shift >= len(self.joined):
            return None
        cell = place.cell
        if cell is not None and not (cell[0] < self.shape[0] and cell[1] < self.shape[1]):
            cell = None
        return place.unit + shift, cell

    def written_out(self, place: Place | None) -> tuple[int, Cell]:
        """Return the channel and cell that are written out: the chosen ones, else the first and the middle."""
        unit, cell = self.locate(place) or (0, None)
        return unit, cell if cell is not None else (self.shape[0] // 2, self.shape[1] // 2)

    def part(self, unit: int) -> Part:
        """Return which branch a channel of the result comes from."""
        return self.parts[compute.part_of(self.parts, unit)]

    def maps(self, unit: int) -> list[tuple[str, FloatArray]]:
        """Return the maps that make a channel of the result, each with its name."""
        if self.residual is not None:
            return [(name, a[unit]) for name, a in zip((*self.residual.names, "sum"), self.arrays, strict=True)]
        part = self.part(unit)
        return [(compute.within(self.block, part.title), part.maps_chw[unit - part.first])]

    def words(self, unit: int, cell: Cell, digits: int = 4) -> str:
        """Return the values of one cell in words."""
        row, column = cell
        values = [(name, number(float(a[cell]), digits)) for name, a in self.maps(unit)]
        if self.residual is not None:
            return f"map {unit}, row {row}, column {column}: " + ", ".join(f"{name} {value}" for name, value in values)
        part = self.part(unit)
        of = f"channel {unit} is map {unit - part.first} of {compute.within(self.block, part.title)}"
        return f"{of}; row {row}, column {column}: {values[0][1]}"

    def check(self, unit: int, cell: Cell) -> Check:
        """Return a joined value beside PyTorch's."""
        mine = float(self.maps(unit)[0][1][cell])
        return Check(mine, float(self.joined[unit, cell[0], cell[1]]), abs(mine))

    def operand_names(self) -> tuple[str, str]:
        """Return where the two operands of a sum come from, the shortcut first."""
        first, second = (compute.within(self.block, branch.last) for branch in self.block.branches)
        return (second, first) if self.block.branches[1].is_shortcut else (first, second)

    def heads(self) -> tuple[str, ...]:
        """Return what stands above the maps of a sum."""
        assert self.residual is not None
        names = list(self.operand_names())
        if self.block.is_residual:
            names = [f"{symbol} = {name}" for symbol, name in zip(self.residual.names, names, strict=True)]
        names.append(compute.within(self.block, self.block.joining.name))
        if self.residual.after_chw is not None and self.block.after is not None:
            names.append(self.block.after.op)
        return tuple(names)

    def notes(self) -> list[str]:
        """Return a word for each part: that it is a shortcut, or how many convolutions it is."""
        return [_note(part) for part in self.parts]

    def limits_of_rows(self) -> npt.NDArray[np.float64]:
        """Return the largest magnitude of each channel of a sum."""
        channels = range(len(self.joined))
        return np.array([compute.limits(tuple(array[channel] for array in self.arrays)) for channel in channels])


def open_block(block: Block, graph: Graph, values: Values) -> Opened | None:
    """Return a block with its values, or ``None`` where it cannot be taken apart."""
    name = block.joining.name
    is_sum = block.joining.kind == "sum"
    found = compute.residual(block, graph, values) if is_sum else None
    parts = () if is_sum else compute.parts(block, graph, values)
    if (found is None and not parts) or name not in values:
        return None
    return Opened(block, found, parts, compute.as_rows(values[name]))


def _note(part: Part) -> str:
    if part.branch.is_shortcut:
        return "shortcut"
    layers = sum(node.kind in ("convolution", "linear") for node in part.branch.nodes)
    return f"{layers} convolution{'s' if layers != 1 else ''}" if layers else ""
