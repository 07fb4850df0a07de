"""Layers that work on each value by itself: input map, what is done to the value, output map."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QWidget

from cnnviz.core.operations import Operation, Source
from cnnviz.widgets.grid_picture import Grid
from cnnviz.widgets.panels.base import Cell, input_limits
from cnnviz.widgets.panels.sliding import SlidingPanel


class ElementPanel(SlidingPanel):
    """Base of activation, normalisation and dropout: input and output have one shape."""

    def __init__(self, middle: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(middle, None, parent)

    def channels_of(self, unit: int) -> range:
        """A map is made from the one at its own place."""
        return range(unit, unit + 1)

    def change(self, own: Operation) -> Operation:
        """Return what is computed; subclasses whose settings can be changed override this."""
        return own

    def input_of(self) -> Any:
        """Return the input, (C, H, W)."""
        assert self._changed is not None
        return self._changed.x  # type: ignore[attr-defined]

    def show_input(self) -> None:
        """Draw the input map."""
        assert self.subject is not None
        values = self.input_of()[self.unit]
        low, high, role = input_limits(values, self.subject.roles[0])
        self.input_grid.show_grid(Grid(values, low, high, role, f"{self.subject.inputs[0]}, map {self.unit}"))

    def show_step(self) -> None:
        """Mark the value and compare; subclasses add what is done to it."""
        self.input_grid.show_cell(self.cell)
        value = self.own_value()
        self.badge.setVisible(value is not None)
        if value is not None and self._changed is not None:
            self.badge.show_check(self._changed.check(self.unit, *self.cell, value))

    def cell_for(self, row: int, column: int) -> Cell:
        """Return the same place."""
        return row, column

    def source_at(self, row: int, column: int) -> None:
        """Say where the value of an input cell comes from."""
        self.announce()
        value = float(self.input_of()[self.unit, row, column])
        self.source_chosen.emit(Source(0, self.unit, row, column, value))
