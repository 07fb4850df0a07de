"""Layers that join several inputs, or only move values: sums, concatenations, flattening."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from cnnviz.core.formats import adds_up, decimals_for, fixed
from cnnviz.core.operations import Concatenation, Flatten, Source, Sum
from cnnviz.widgets.badge import Badge
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.formula import Formula, coloured, signed, tex_number
from cnnviz.widgets.grid_picture import Grid
from cnnviz.widgets.panels.base import OperationPanel, input_limits, limits_of, verdict_row
from cnnviz.widgets.panels.element import ElementPanel
from cnnviz.widgets.value_grid import ValueGrid

MOST_INPUTS = 4


class JoinPanel(ElementPanel):
    """A sum's or a concatenation's panel: the first input at the left, the others in the middle."""

    def __init__(self, parent: QWidget | None = None) -> None:
        middle = QWidget()
        super().__init__(middle, parent)
        self.grids = tuple(ValueGrid(f"Input {n + 2}", middle) for n in range(MOST_INPUTS - 1))
        self._words = ElidedLabel("", middle)
        layout = QGridLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        for n, grid in enumerate(self.grids):
            layout.addWidget(grid, 0, n)
            grid.pressed.connect(self._on_input_pressed)
            grid.activated.connect(self._on_other_activated)
            grid.hide()
        layout.addWidget(self._words, 1, 0, 1, len(self.grids))
        layout.setRowStretch(0, 1)

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        for grid in self.grids:
            grid.set_digits(digits)
        super().set_digits(digits)

    @property
    def inputs(self) -> tuple[Any, ...]:
        """All inputs, each (C, H, W)."""
        assert isinstance(self._changed, (Sum, Concatenation))
        return self._changed.inputs

    def _map(self, index: int) -> Any:
        """Return what an input gives to the output map, or ``None``."""
        x = self.inputs[index]
        if isinstance(self._changed, Concatenation):
            which, unit = self._changed.origin(self.unit)
            return x[unit] if which == index else None
        assert self._changed is not None
        return np.broadcast_to(x, self._changed.output_shape)[self.unit]

    def input_of(self) -> Any:
        """Return the first input."""
        return self.inputs[0]

    def show_input(self) -> None:
        """Draw the map of every input."""
        assert self.subject is not None
        for index, grid in enumerate((self.input_grid, *self.grids)):
            grid.setVisible(index < len(self.inputs))
            if index >= len(self.inputs):
                continue
            values = self._map(index)
            name = self.subject.inputs[index]
            if values is None:
                grid.show_grid(None, f"{name} gives other maps")
                continue
            low, high, role = limits_of(values)
            unit = self.unit if isinstance(self._changed, Sum) else self._changed.origin(self.unit)[1]  # type: ignore[union-attr]
            grid.show_grid(Grid(values, low, high, role, f"{name}, map {unit}"))

    def show_step(self) -> None:
        """Write the terms out, with the share of each."""
        super().show_step()
        for grid in self.grids:
            grid.show_cell(self.cell)
        operation = self._changed
        assert self.subject is not None
        assert operation is not None
        if isinstance(operation, Concatenation):
            index, unit = operation.origin(self.unit)
            self.formula.show_tex(
                rf"y_{{{self.unit}}} = x^{{({index + 1})}}_{{{unit}}}",
                f"map {self.unit} is map {unit} of {self.subject.inputs[index]}",
            )
            self._words.setText(f"Map {self.unit} is map {unit} of {self.subject.inputs[index]}, as it is.")
            return
        assert isinstance(operation, Sum)
        terms = operation.terms(self.unit, *self.cell)
        total = operation.value(self.unit, *self.cell)
        decimals = decimals_for((*terms, total), self.digits)
        exact, added = adds_up(terms, total, decimals)
        roles = ("pointer", "kernel", "good", "warning")
        parts = [coloured(roles[min(n, 3)], signed(fixed(t, decimals))) for n, t in enumerate(terms)]
        sign, result = "=" if exact else r"\approx", coloured("accent", tex_number(fixed(total, decimals)))
        tex = f"{' + '.join(parts)} {sign} {result}"
        self.formula.show_tex(
            tex,
            f"{' plus '.join(fixed(t, decimals) for t in terms)} is {fixed(total, decimals)}"
            + ("" if exact else f"; as printed {fixed(added, decimals)}"),
        )
        size = sum(abs(t) for t in terms) or 1.0
        shares = [f"{name} {abs(t) / size:.0%}" for name, t in zip(self.subject.inputs, terms, strict=True)]
        self._words.setText(f"Shares of the magnitudes: {', '.join(shares)}")

    def _leave(self, index: int, row: int, column: int) -> None:
        operation = self._changed
        if operation is None:
            return
        for source in operation.sources(self.unit, row, column):
            if source.index == index:
                self.announce()
                self.source_chosen.emit(source)

    def source_at(self, row: int, column: int) -> None:
        """Go to the first input."""
        self._leave(0, row, column)

    @Slot(int, int)
    def _on_other_activated(self, row: int, column: int) -> None:
        index = next(n for n, grid in enumerate(self.grids) if grid is self.sender())
        self._leave(index + 1, row, column)


class FlattenPanel(OperationPanel):
    """Flattening: which cell of which map became which element."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input_grid = ValueGrid("Map that is flattened", self)
        self.strip_grid = ValueGrid("The vector, in rows", self)
        self.formula = Formula("Where an element comes from", self)
        self.badge = Badge(self)
        self._words = QLabel(self)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.input_grid, 0, 0)
        right = QVBoxLayout()
        right.addWidget(self._words)
        right.addWidget(self.strip_grid, 1)
        layout.addLayout(right, 0, 1)
        layout.addLayout(verdict_row(self.formula, self.badge), 1, 0, 1, 2)
        layout.setColumnStretch(0, 1)
        layout.setColumnStretch(1, 2)
        layout.setRowStretch(0, 1)
        self.input_grid.pressed.connect(self._on_input_pressed)
        self.input_grid.activated.connect(self._on_activated)
        self.input_grid.edited.connect(self._on_input_edited)
        self.input_grid.refused.connect(self.refused)
        self._across = 1
        self.strip_grid.pressed.connect(self._on_strip_pressed)
        self.strip_grid.activated.connect(self._on_activated)

    @property
    def flatten(self) -> Flatten:
        """What is computed."""
        assert self.subject is not None
        assert isinstance(self.subject.operation, Flatten)
        return self.subject.operation

    def refresh(self) -> None:
        """Draw the map, and its part of the vector: as many elements as it has cells stand in one row."""
        if self.subject is None:
            return
        operation = self.flatten
        channels, height, width = operation.x.shape
        channel, row, col = operation.origin(self.unit)
        low, high, role = input_limits(operation.x, self.subject.roles[0])
        self.input_grid.show_grid(
            Grid(operation.x[channel], low, high, role, f"{self.subject.inputs[0]}, map {channel} of {channels}")
        )
        self.input_grid.show_cell((row, col))
        across = self._across = height * width if height * width > 1 else _breadth(channels)
        words = "one row for each map, read row by row" if height * width > 1 else "read row by row"
        vector = operation.x.reshape(-1, across)
        self.strip_grid.show_grid(Grid(vector, low, high, role, f"the vector: {words}"))
        self.strip_grid.show_cell(divmod(self.unit, across))
        self.input_grid.set_editable(self.subject.editable)
        self._words.setText(f"{channels} × {height} × {width} = {operation.x.size:,} elements")
        parts = [str(channel), str(row), str(col)]
        c, r, k = (coloured(role, part) for role, part in zip(("pointer", "kernel", "good"), parts, strict=True))
        tex = rf"{c} \cdot {height} \cdot {width} + {r} \cdot {width} + {k} = {coloured('accent', str(self.unit))}"
        value = operation.value(self.unit, 0, 0)
        self.formula.show_tex(
            tex, f"element {self.unit} is row {row}, column {col} of map {channel}: {value:.{self.digits}g}"
        )
        own = self.torch_value()
        self.badge.setVisible(own is not None)
        if own is not None:
            self.badge.show_check(operation.check(self.unit, 0, 0, own))

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        super().set_digits(digits)
        self.input_grid.set_digits(digits)
        self.strip_grid.set_digits(digits)
        self.refresh()

    @Slot(int, int)
    def _on_input_pressed(self, row: int, column: int) -> None:
        channel = self.flatten.origin(self.unit)[0]
        self.input_grid.setFocus(Qt.FocusReason.MouseFocusReason)
        self.go(self.flatten.element(channel, row, column), (0, 0))

    @Slot(int, int, float)
    def _on_input_edited(self, row: int, column: int, value: float) -> None:
        self.input_edited.emit(self.flatten.origin(self.unit)[0], row, column, value)

    @Slot(int, int)
    def _on_strip_pressed(self, row: int, column: int) -> None:
        self.strip_grid.setFocus(Qt.FocusReason.MouseFocusReason)
        self.go(row * self._across + column, (0, 0))

    @Slot(int, int)
    def _on_activated(self, row: int, column: int) -> None:
        self.announce()
        channel, at_row, at_col = self.flatten.origin(self.unit)
        self.source_chosen.emit(Source(0, channel, at_row, at_col, self.flatten.value(self.unit, 0, 0)))


def _breadth(count: int) -> int:
    """Return the largest part of a number that is at most 64: the width of a vector that is drawn in rows."""
    return max(n for n in range(1, 65) if count % n == 0)
