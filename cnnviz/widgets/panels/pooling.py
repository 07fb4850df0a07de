"""Pooling, window by window: the winner and where its gradient goes, the mean, the p-norm."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core import pooling
from cnnviz.core.formats import decimals_for, fixed
from cnnviz.core.operations import Operation, Pooling, Source
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec, PoolStep
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.formula import coloured, signed, tex_number
from cnnviz.widgets.grid_picture import Grid, Window
from cnnviz.widgets.panels.base import Cell, input_limits
from cnnviz.widgets.panels.pooling_settings import PoolChanges, PoolSettings, kind_of
from cnnviz.widgets.panels.sliding import SlidingPanel
from cnnviz.widgets.value_grid import ValueGrid

MOST_TERMS = 9


class PoolingPanel(SlidingPanel):
    """A pooling's panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        middle = QWidget()
        self.window_grid = ValueGrid("Values in the window", middle)
        self.gradient_grid = ValueGrid("Where the gradient goes", middle)
        self.pool_settings = PoolSettings()
        super().__init__(middle, self.pool_settings, parent)
        self._words = ElidedLabel("", middle)
        row = QHBoxLayout()
        row.addWidget(self.window_grid, 1)
        row.addWidget(self.gradient_grid, 1)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row, 1)
        column.addWidget(self._words)
        self.pool_settings.changed.connect(self._on_settings_changed)
        self._choose_channel.setEnabled(False)

    @property
    def pooling(self) -> Pooling:
        """What is computed, with the user's changes."""
        assert isinstance(self._changed, Pooling)
        return self._changed

    def change(self, own: Operation) -> Operation:
        """Return the operation with the user's settings."""
        assert isinstance(own, Pooling)
        changed = self.pool_settings.show_own(own)
        return changed if self.pool_settings.changes.any else own

    def edits(self) -> object:
        """Return what is changed."""
        return self.pool_settings.changes

    def put_edits(self, edits: object) -> None:
        """Bring changes back."""
        self.pool_settings.put(edits if isinstance(edits, PoolChanges) else PoolChanges())

    def channels_of(self, unit: int) -> range:
        """A map is pooled by itself."""
        return range(unit, unit + 1)

    def show_input(self) -> None:
        """Draw the input map."""
        assert self.subject is not None
        operation = self.pooling
        pads = operation.spec.padding if isinstance(operation.spec, PoolSpec) else (0, 0)
        values = operation.x[self.channel]
        low, high, role = input_limits(values, self.subject.roles[0])
        quad = (pads[0], pads[0], pads[1], pads[1])
        blank = np.pad(np.zeros(values.shape, np.bool_), ((pads[0],) * 2, (pads[1],) * 2), constant_values=True)
        around = ", hatched: padding" if any(pads) else ""
        padded = np.pad(values, ((pads[0],) * 2, (pads[1],) * 2))
        self.input_grid.show_grid(
            Grid(padded, low, high, role, f"{self.subject.inputs[0]}, map {self.channel}{around}", quad, blank)
        )
        over = [0, 0]
        if isinstance(operation.spec, PoolSpec):
            spec = operation.spec
            _, rows, columns = operation.output_shape
            for axis, count in enumerate((rows, columns)):
                reach = (count - 1) * spec.stride[axis] + spec.dilation[axis] * (spec.kernel[axis] - 1) + 1
                over[axis] = max(0, padded.shape[axis] - reach)
        self.input_grid.show_left_over(over[0], over[1])
        self._ends = (low, high, role)

    def show_step(self) -> None:
        """Draw window, winner, gradient, formula and badge."""
        operation = self.pooling
        step = operation.step(self.unit, *self.cell)
        pads = operation.spec.padding if isinstance(operation.spec, PoolSpec) else (0, 0)
        height, width = operation.x.shape[1:]
        rows, columns = pooling.pool_window(operation.spec, height, width, *self.cell)
        seen = [
            tuple(int(v) + pad for v in at if -pad <= int(v) < n + pad)
            for at, pad, n in zip((rows, columns), pads, (height, width), strict=True)
        ]
        self.input_grid.show_windows(Window(seen[0], seen[1]))
        self.show_cursor(seen[0], seen[1])
        winners = [(int(i), int(j)) for i, j in np.argwhere(step.chosen)]
        low, high, role = self._ends
        self.window_grid.show_grid(Grid(step.window, low, high, role, "window", blank=~step.inside))
        gradient = pooling.pool_gradient(step, operation.spec)
        most = float(np.abs(gradient).max(initial=0.0)) or 1.0
        self.gradient_grid.show_grid(Grid(gradient, -most, most, "signed", "share of the gradient", blank=~step.inside))
        winner = winners[0] if operation.spec.kind == "max" and winners else None
        self.window_grid.show_cell(winner)
        self.gradient_grid.show_cell(winner)
        if winner is not None:
            at = (int(rows[winner[0]]) + pads[0], int(columns[winner[1]]) + pads[1])
            self.input_grid.show_marks((at, "accent"))
            self._words.setText(
                f"The largest value stands at row {at[0] - pads[0]}, column {at[1] - pads[1]}; the whole gradient goes"
                " there."
            )
        else:
            self.input_grid.show_marks()
            count = int(step.inside.sum())
            self._words.setText(f"{count} values in the window; each gets its share of the gradient.")
        value = self.own_value()
        self.badge.setVisible(value is not None)
        if value is not None:
            self.badge.show_check(operation.check(self.unit, *self.cell, value))
        self.formula.show_tex(*pool_formula(step, operation, self.unit, self.digits))

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        self.window_grid.set_digits(digits)
        self.gradient_grid.set_digits(digits)
        super().set_digits(digits)

    def cell_for(self, row: int, column: int) -> Cell:
        """Return the output cell whose window reaches a cell of the padded input."""
        spec = self.pooling.spec
        _, rows, columns = self.pooling.output_shape
        if isinstance(spec, AdaptiveSpec):
            height, width = self.pooling.x.shape[1:]
            return min(rows - 1, row * rows // height), min(columns - 1, column * columns // width)
        return min(rows - 1, row // spec.stride[0]), min(columns - 1, column // spec.stride[1])

    def source_at(self, row: int, column: int) -> None:
        """Say where the value of an input cell comes from."""
        spec = self.pooling.spec
        pads = spec.padding if isinstance(spec, PoolSpec) else (0, 0)
        height, width = self.pooling.x.shape[1:]
        row, column = row - pads[0], column - pads[1]
        if 0 <= row < height and 0 <= column < width:
            self.announce()
            value = float(self.pooling.x[self.unit, row, column])
            self.source_chosen.emit(Source(0, self.unit, row, column, value))

    @Slot()
    def _on_settings_changed(self) -> None:
        self.settings_changed()


def pool_formula(step: PoolStep, operation: Pooling, unit: int, digits: int) -> tuple[str, str]:
    """Return a pooling step as TeX and in words."""
    spec = operation.spec
    values = step.window[step.inside]
    decimals = decimals_for(values.tolist(), digits)
    texts = [fixed(float(v), decimals) for v in values[:MOST_TERMS]]
    more = values.size - len(texts)
    result = fixed(step.value, decimals)
    kind = kind_of(spec)
    dots = [r"\ldots"] if more > 0 else []
    if kind == "max":
        inner = ", ".join([*(coloured("pointer", tex_number(t)) for t in texts), *dots])
        tex, words = rf"\max\left({inner}\right)", "the largest"
    elif kind == "mean":
        inner = " + ".join([*(coloured("pointer", signed(t)) for t in texts), *dots])
        tex, words = rf"\frac{{{inner}}}{{{step.divisor:g}}}", f"the sum over {step.divisor:g}"
    else:
        p = f"{spec.p:g}" if isinstance(spec, PoolSpec) else "1"
        inner = " + ".join([*(rf"{coloured('pointer', signed(t))}^{{{p}}}" for t in texts), *dots])
        share = rf"\frac{{1}}{{{step.divisor:g}}}" if kind == "lp averaged" else ""
        tex = rf"\left( {share}\left({inner}\right)\right)^{{1/{p}}}"
        words = f"the {p}-norm{', averaged' if share else ''}"
    if operation.gain is not None:
        gain, shift = (float(a[unit]) if a is not None else 0.0 for a in (operation.gain, operation.shift))
        total = fixed(operation.value(step.channel, step.row, step.col), decimals)
        tail = (
            rf"{coloured('kernel', signed(fixed(gain, decimals)))} + {coloured('good', signed(fixed(shift, decimals)))}"
        )
        tex = rf"{tex} \cdot {tail} \approx {coloured('accent', tex_number(total))}"
        return tex, f"{words} times {gain:.{decimals}f} plus {shift:.{decimals}f} is about {total}"
    sign = "=" if kind == "max" else r"\approx"
    return rf"{tex} {sign} {coloured('accent', tex_number(result))}", f"{words} of {', '.join(texts)} is {result}"
