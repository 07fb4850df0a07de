"""A transposed convolution: what adds up to one output cell, the stamps, and how often each cell is hit."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from cnnviz.core import convolution, transposed
from cnnviz.core.convolution import ConvSpec
from cnnviz.core.formats import number
from cnnviz.core.operations import Check, Operation, Source, TransposedConvolution, kernel_scale, largest
from cnnviz.core.transposed import TransposedStep
from cnnviz.widgets.cells import sample
from cnnviz.widgets.grid_picture import Grid, Window
from cnnviz.widgets.panels.base import Cell, Subject, input_limits, limits_of
from cnnviz.widgets.panels.convolution import MOST_BY_CHANNEL, sum_formula, terms_for
from cnnviz.widgets.panels.sliding import SlidingPanel
from cnnviz.widgets.panels.transposed_settings import TransposedSettings
from cnnviz.widgets.tape import Tape, TapeArea
from cnnviz.widgets.tape_content import TapeContent
from cnnviz.widgets.value_grid import ValueGrid

VIEWS = (
    "the sum of one cell",
    "one stamp: value × kernel",
    "overlaps: the checkerboard",
    "the ordinary convolution that it transposes",
)
MOST_ORDINARY = 128 * 128


class TransposedPanel(SlidingPanel):
    """A transposed convolution's panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        middle = QWidget()
        self.tape = Tape("Products, subtotals and sum", middle)
        self.overlap_grid = ValueGrid("How many stamps reach each output cell", middle)
        self.kernel_grid = ValueGrid("Kernel of the input map that is shown", middle)
        self.stamp_grid = ValueGrid("The kernel times one input value", middle)
        self.ordinary_grid = ValueGrid("The ordinary convolution of the output", middle)
        self.own_settings = TransposedSettings()
        super().__init__(middle, self.own_settings, parent)
        self._view = QComboBox(middle)
        self._view.addItems(VIEWS)
        self._view.setAccessibleName("What is shown in the middle")
        self._view.activated.connect(self._on_view_activated)
        self._words = QLabel(middle)
        self._words.setWordWrap(True)
        head = QHBoxLayout()
        head.addWidget(self._view)
        head.addStretch(1)
        self._area = TapeArea(self.tape, middle)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self._words)
        stamp = QWidget(middle)
        row = QHBoxLayout(stamp)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.kernel_grid)
        row.addWidget(self.stamp_grid)
        self._stack = QStackedWidget(middle)
        for page in (self._area, stamp, self.overlap_grid, self.ordinary_grid):
            self._stack.addWidget(page)
        column.addWidget(self._stack, 1)
        self.overlap_grid.pressed.connect(self._on_output_pressed)
        self.own_settings.changed.connect(self._on_settings_changed)
        self.tape.activated.connect(self._on_tape_activated)
        self.tape.channel_pressed.connect(self._on_tape_channel_pressed)
        self._step: TransposedStep | None = None

    @property
    def transposed(self) -> TransposedConvolution:
        """What is computed, with the user's changes."""
        assert isinstance(self._changed, TransposedConvolution)
        return self._changed

    def change(self, own: Operation) -> Operation:
        """Return the operation with the user's settings."""
        assert isinstance(own, TransposedConvolution)
        changed = self.own_settings.show_own(own)
        return changed if self.own_settings.is_changed else own

    def edits(self) -> object:
        """Return what is changed."""
        return self.own_settings.edits()

    def put_edits(self, edits: object) -> None:
        """Bring changes back."""
        self.own_settings.put(edits)

    def channels_of(self, unit: int) -> range:
        """Return the channels of an output map's group."""
        operation = self.transposed
        per_group = len(operation.x) // operation.spec.groups
        first = unit // operation.weight.shape[1] * per_group
        return range(first, first + per_group)

    def show_input(self) -> None:
        """Draw the input map and the overlaps."""
        assert self.subject is not None
        operation = self.transposed
        low, high, role = input_limits(operation.x[self.channel], self.subject.roles[0])
        title = f"{self.subject.inputs[0]}, map {self.channel}"
        self.input_grid.show_grid(Grid(operation.x[self.channel], low, high, role, title))
        self._ends = input_limits(operation.x, self.subject.roles[0])
        first = self.channels_of(self.unit)
        weights = operation.weight[first.start : first.stop, self.unit % operation.weight.shape[1]]
        self._samples = (sample(operation.x), sample(weights))
        self._limit = self._samples[1][0] or 1.0
        (height, width), (_, rows, columns) = operation.x.shape[1:], operation.output_shape
        counts = transposed.overlap_counts(height, width, operation.spec)
        low_n, high_n = int(counts.min()), int(counts.max())
        title = "how many stamps reach each output cell"
        self.overlap_grid.show_grid(Grid(counts, 0.0, float(max(1, high_n)), "activation", title, whole=True))
        even = "every cell is reached alike" if low_n == high_n else f"from {low_n} to {high_n}, a checkerboard"
        self._words.setText(
            f"Stamps on a cell: {even}. The ordinary convolution that it transposes goes from {rows} × {columns} to"
            f" {height} × {width}."
        )
        self._show_ordinary()

    def _show_ordinary(self) -> None:
        """Draw the ordinary convolution of the output map by the same kernel: a map as large as the input."""
        operation = self.transposed
        _, rows, columns = operation.output_shape
        if self._stack.currentWidget() is not self.ordinary_grid:
            return  # it is not looked at
        if rows * columns > MOST_ORDINARY:
            self.ordinary_grid.show_grid(None, "This map is too large to be convolved while one waits.")
            return
        spec, (down, across) = operation.spec, operation.spec.padding
        own = operation.rows(self.unit, 0, rows)
        kernel = operation.weight[self.channel, self.unit % operation.weight.shape[1]][None, None]
        ordinary = ConvSpec(spec.kernel, spec.stride, (down, down, across, across), spec.dilation)
        values = convolution.convolve(own[None], kernel, None, ordinary)[0]
        low, high, role = limits_of(values)
        title = "the output, convolved by the same kernel, stride and padding"
        self.ordinary_grid.show_grid(Grid(values, low, high, role, title))

    def _show_stamp(self, source: Cell) -> None:
        """Draw the kernel, the kernel times one input value, and where that lies on the output."""
        operation = self.transposed
        stamp = transposed.stamp(operation.x, operation.weight, operation.spec, self.unit, self.channel, *source)
        most = self._limit
        self.kernel_grid.show_grid(Grid(stamp.weights, -most, most, "weight", f"kernel, map {self.channel}"))
        low, high, role = limits_of(stamp.scaled)
        title = f"× {number(stamp.value, self.digits)} (row {source[0]}, column {source[1]})"
        self.stamp_grid.show_grid(Grid(stamp.scaled, low, high, role, title))
        rows, columns = (
            tuple(int(v) for v in at if 0 <= v < n)
            for at, n in zip((stamp.rows, stamp.columns), operation.output_shape[1:], strict=True)
        )
        for grid in (self.output_grid, self.changed_grid, self.overlap_grid):
            grid.show_windows(Window(rows, columns, "kernel"))
        self.ordinary_grid.show_cell(source)

    def show_step(self) -> None:
        """Draw the contributing cells, the stamp on the output, tape, formula and badge."""
        operation = self.transposed
        step = self._step = operation.step(self.unit, *self.cell)
        sources = [(int(r), int(c)) for r, c in step.sources]
        self.input_grid.show_marks(*((cell, "pointer") for cell in sources))
        self.overlap_grid.show_cell(self.cell)
        if sources:
            own = np.abs(step.products[self.channel - step.first_channel])
            self._show_stamp(sources[int(np.argmax(np.nan_to_num(own)))])
        else:
            for grid in (self.output_grid, self.changed_grid, self.overlap_grid):
                grid.show_windows()
        self.show_cursor(tuple(sorted({r for r, _ in sources})), tuple(sorted({c for _, c in sources})))
        self.own_settings.show_kernel(self.unit, self.channel, operation)
        count, n = step.products.shape
        order = largest(step.subtotals, count) if count > MOST_BY_CHANNEL else np.arange(count)
        low, high, role = self._ends
        if n:
            content = TapeContent(
                step.values[:, None], step.weights[:, None], step.products[:, None], np.zeros((1, n), np.bool_),
                tuple(f"map {step.first_channel + c}" for c in range(count)), order, step.bias, (low, high),
                self._limit, *self._samples, role,
            )  # fmt: skip
            self.tape.show_content(content)
            self.tape.show_chosen(self.channel - step.first_channel)
        else:
            self.tape.show_content(None, "No stamp reaches this cell: its value is the bias.")
        value = self.own_value()
        self.badge.setVisible(value is not None)
        if value is not None:
            self.badge.show_check(Check(step.total, value, kernel_scale(step)))
        self.formula.show_tex(*sum_formula(step, self.digits, terms_for(self.formula.width())))

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        self.tape.set_digits(digits)
        for grid in (self.kernel_grid, self.stamp_grid, self.ordinary_grid, self.own_settings.kernel_grid):
            grid.set_digits(digits)
        super().set_digits(digits)

    def cell_for(self, row: int, column: int) -> Cell:
        """Return the output cell in the middle of an input cell's stamp."""
        operation = self.transposed
        spec = operation.spec
        _, rows, columns = operation.output_shape
        at = [
            place * stride - pad + dilation * (kernel - 1) // 2
            for place, stride, pad, dilation, kernel in zip(
                (row, column), spec.stride, spec.padding, spec.dilation, spec.kernel, strict=True
            )
        ]
        return min(rows - 1, max(0, at[0])), min(columns - 1, max(0, at[1]))

    def source_at(self, row: int, column: int) -> None:
        """Say where the value of an input cell comes from."""
        self.announce()
        self.source_chosen.emit(
            Source(0, self.channel, row, column, float(self.transposed.x[self.channel, row, column]))
        )

    @Slot(int, int, int)
    def _on_tape_activated(self, channel: int, i: int, j: int) -> None:
        if self._step is not None and j < len(self._step.sources):
            row, column = (int(v) for v in self._step.sources[j])
            self.announce()
            amount = float(self._step.products[channel, j])
            self.source_chosen.emit(Source(0, self._step.first_channel + channel, row, column, amount))

    @Slot(int)
    def _on_tape_channel_pressed(self, channel: int) -> None:
        if self._step is not None:
            self.choose_channel(self._step.first_channel + channel)

    @Slot(int)
    def _on_view_activated(self, index: int) -> None:
        self._stack.setCurrentIndex(index)
        self._show_ordinary()
        self.show_value()

    @Slot()
    def _on_settings_changed(self) -> None:
        self.settings_changed()

    @Slot(bool)
    def _on_what_if_toggled(self, on: bool) -> None:
        super()._on_what_if_toggled(on)

    def show_subject(self, subject: Subject) -> None:
        """Show another operation or other values."""
        super().show_subject(subject)
        self.own_settings.show_kernel(self.unit, self.channel, self.transposed)
