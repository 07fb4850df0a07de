"""A convolution, step by step: window × kernel, every channel's subtotal, bias, sum, and PyTorch's own number."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cnnviz.core import convolution
from cnnviz.core.convolution import KernelStep
from cnnviz.core.formats import adds_up, decimals_for, fixed
from cnnviz.core.operations import (
    Check,
    Convolution,
    Operation,
    Source,
    kernel_scale,
    largest,
    window_columns,
    window_rows,
)
from cnnviz.core.transposed import TransposedStep
from cnnviz.core.what_if import ConvChanges
from cnnviz.widgets.cells import sample
from cnnviz.widgets.formula import coloured, signed, tex_number
from cnnviz.widgets.grid_picture import Grid, Window
from cnnviz.widgets.panels.base import Cell, Subject, input_limits
from cnnviz.widgets.panels.convolution_settings import ConvSettings
from cnnviz.widgets.panels.sizes import left_overs
from cnnviz.widgets.panels.sliding import SlidingPanel
from cnnviz.widgets.tape import Tape, TapeArea
from cnnviz.widgets.tape_content import TapeContent

MOST_BY_CHANNEL = 12  # with more channels the largest stand first, unless the user wants otherwise
MOST_TERMS = 8
ORDERS = ("by size or channel", "by channel", "largest first")


class ConvolutionPanel(SlidingPanel):
    """A convolution's panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        middle = QWidget()
        self.tape = Tape("Products, subtotals and sum", middle)
        self.conv_settings = ConvSettings()
        super().__init__(middle, self.conv_settings, parent)
        self._order = QComboBox(middle)
        self._order.addItems(["order: automatic", "order: by channel", "order: largest first"])
        self._order.setAccessibleName("Order of the channels")
        self._order.setToolTip("Automatic: by channel, and with more than 12 channels the largest subtotals first")
        self._order.activated.connect(self._on_order_activated)
        self._count = QLabel(middle)
        head = QHBoxLayout()
        head.addWidget(self._order)
        head.addWidget(self._count)
        head.addStretch(1)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(TapeArea(self.tape, middle), 1)
        self.conv_settings.changed.connect(self._on_settings_changed)
        self.tape.channel_pressed.connect(self._on_tape_channel_pressed)
        self.tape.activated.connect(self._on_tape_activated)
        self.tape.hovered.connect(self._on_tape_hovered)
        self._step: KernelStep | None = None
        self._weight: object = None
        self._weight_count = 0  # how many weights were seen: kept pictures of kernels belong to the last
        self._filter_key: tuple[int, int] | None = None
        self._filter_sample: tuple[float, ...] = ()
        self._names_key: tuple[int, bytes] | None = None
        self._names_kept: tuple[str, ...] = ()

    @property
    def convolution(self) -> Convolution:
        """What is computed, with the user's changes."""
        assert isinstance(self._changed, Convolution)
        return self._changed

    @property
    def step(self) -> KernelStep | None:
        """The step that is shown."""
        return self._step

    def change(self, own: Operation) -> Operation:
        """Return the operation with the user's settings."""
        assert isinstance(own, Convolution)
        changed = self.conv_settings.show_own(own)
        return changed if self.conv_settings.changes.any else own

    def edits(self) -> object:
        """Return what is changed."""
        return self.conv_settings.changes

    def put_edits(self, edits: object) -> None:
        """Bring changes back."""
        self.conv_settings.put(edits if isinstance(edits, ConvChanges) else ConvChanges())

    def channels_of(self, unit: int) -> range:
        """Return the channels of a filter's group."""
        per_group = self.convolution.weight.shape[1]
        first = unit // (len(self.convolution.weight) // self.convolution.spec.groups) * per_group
        return range(first, first + per_group)

    # -- drawing --------------------------------------------------------------------------------------------------

    def show_input(self) -> None:
        """Draw the input map with its padding."""
        assert self.subject is not None
        operation = self.convolution
        values = convolution.padded(operation.x[self.channel], operation.spec)
        low, high, role = self._ends = input_limits(operation.x, self.subject.roles[0])  # one scale for all windows
        mode = {"zeros": "zeros", "reflect": "mirrored", "replicate": "edges repeated", "circular": "other side"}
        around = f", hatched: padding ({mode[operation.spec.padding_mode]})" if any(operation.spec.padding) else ""
        title = f"{self.subject.inputs[0]}, map {self.channel}{around}"
        self.input_grid.show_grid(Grid(values, low, high, role, title, operation.spec.padding))
        self.input_grid.show_left_over(*left_overs(operation))
        if operation.weight is not self._weight:
            self._weight, self._weight_count = operation.weight, self._weight_count + 1
        key = (self._weight_count, self.unit)
        if key != self._filter_key:
            self._filter_key, self._filter_sample = key, sample(operation.weight[self.unit])
        self._samples = (sample(operation.x), self._filter_sample)
        self._limit = self._samples[1][0] or 1.0

    def show_step(self) -> None:
        """Draw window, tape, formula and badge."""
        assert self.subject is not None
        operation = self.convolution
        step = self._step = operation.step(self.unit, *self.cell)
        spec = operation.spec
        rows = tuple(step.top + spec.dilation[0] * i for i in range(spec.kernel[0]))
        columns = tuple(step.left + spec.dilation[1] * j for j in range(spec.kernel[1]))
        self.input_grid.show_windows(Window(rows, columns))
        self.show_cursor(rows, columns)
        count = len(step.subtotals)
        by_size = self._order.currentIndex() == 2 or (self._order.currentIndex() == 0 and count > MOST_BY_CHANNEL)
        order = largest(step.subtotals, count) if by_size else np.arange(count)
        low, high, role = self._ends
        self.tape.show_content(
            TapeContent(
                step.window,
                step.weights,
                step.products,
                step.padding_mask,
                self._names(step),
                order,
                step.bias,
                (low, high),
                self._limit,
                *self._samples,
                role,
                kernel_key=(self._weight_count, self.unit, step.first_channel),
            )
        )
        self.tape.show_chosen(self.channel - step.first_channel)
        self._count.setText(
            f"{count:,} channel{'s' if count > 1 else ''}, bias {fixed(step.bias, self.tape.decimals[2])}"
        )
        self._say(step)
        if self.settings is not None and self.settings.isVisible():
            self.conv_settings.show_kernel(self.unit, self.channel - step.first_channel, operation)

    def _names(self, step: KernelStep) -> tuple[str, ...]:
        """Return the names of the channels; partial connections, as LeCun's of 1998, leave some of them unread."""
        read = np.asarray(step.weights.any(axis=(1, 2)))
        key = (step.first_channel, read.tobytes())
        if key != self._names_key:
            self._names_key = key
            names = (f"map {step.first_channel + c}" for c in range(len(read)))
            some = bool(read.any())  # a filter of zeros reads every map
            self._names_kept = tuple(n if r or not some else f"{n}, unread" for n, r in zip(names, read, strict=True))
        return self._names_kept

    def _say(self, step: KernelStep) -> None:
        """Show the sum as a formula, and compare it with PyTorch's."""
        value = self.own_value()
        if value is None:
            instead = "with your own settings" if self.is_changed else ""
            self.badge.show_check(None, instead)
        else:
            self.badge.show_check(Check(step.total, value, kernel_scale(step)))
        self.badge.setVisible(value is not None or self.is_changed)
        self.formula.show_later(self._make_formula)

    def _make_formula(self) -> tuple[str, str]:
        """Return the sum in TeX and in words, which describe the pictures too."""
        if self._step is None:
            return "", ""
        tex, words = sum_formula(self._step, self.digits, terms_for(self.formula.width()))
        self.output_grid.setAccessibleDescription(words)
        self.tape.setAccessibleDescription(words)
        return tex, words

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        self.tape.set_digits(digits)
        self.conv_settings.kernel_grid.set_digits(digits)
        super().set_digits(digits)

    # -- by hand --------------------------------------------------------------------------------------------------

    def cell_for(self, row: int, column: int) -> Cell:
        """Return the output cell whose window has its middle nearest to a cell of the padded input."""
        operation = self.convolution
        _, rows, columns = operation.output_shape
        spec = operation.spec
        middle = [d * (k - 1) // 2 for d, k in zip(spec.dilation, spec.kernel, strict=True)]
        at = [round((p - m) / s) for p, m, s in zip((row, column), middle, spec.stride, strict=True)]
        return min(rows - 1, max(0, at[0])), min(columns - 1, max(0, at[1]))

    def source_at(self, row: int, column: int) -> None:
        """Say where the value of an input cell comes from; a cell of the padding comes from nowhere."""
        operation = self.convolution
        top, _, left, _ = operation.spec.padding
        height, width = operation.x.shape[1:]
        row, column = row - top, column - left
        if 0 <= row < height and 0 <= column < width:
            self.announce()
            value = float(operation.x[self.channel, row, column])
            self.source_chosen.emit(Source(0, self.channel, row, column, value))

    @Slot(int, int, int)
    def _on_tape_activated(self, channel: int, i: int, j: int) -> None:
        if self._step is None:
            return
        operation, step = self.convolution, self._step
        row, column = int(window_rows(step, operation.spec)[i]), int(window_columns(step, operation.spec)[j])
        height, width = operation.x.shape[1:]
        if 0 <= row < height and 0 <= column < width:
            self.announce()
            place = (step.first_channel + channel, row, column)
            self.source_chosen.emit(Source(0, *place, float(step.products[channel, i, j])))

    @Slot(object)
    def _on_tape_hovered(self, found: tuple[int, int, int] | None) -> None:
        """Mark the value under the pointer on the input map, if that map is shown."""
        if found is None or self._step is None or found[0] + self._step.first_channel != self.channel:
            self.input_grid.show_marks()
            return
        spec = self.convolution.spec
        cell = (self._step.top + spec.dilation[0] * found[1], self._step.left + spec.dilation[1] * found[2])
        self.input_grid.show_marks((cell, "text"))

    @Slot(int)
    def _on_tape_channel_pressed(self, channel: int) -> None:
        if self._step is not None:
            self.tape.setFocus(Qt.FocusReason.MouseFocusReason)
            self.choose_channel(self._step.first_channel + channel)

    @Slot(int)
    def _on_order_activated(self, index: int) -> None:
        self.show_value()

    @Slot(object)
    def _on_settings_changed(self, changes: ConvChanges) -> None:
        self.settings_changed()

    @Slot(bool)
    def _on_what_if_toggled(self, on: bool) -> None:
        super()._on_what_if_toggled(on)
        if on and self._step is not None:
            channel = self.channel - self._step.first_channel
            self.conv_settings.show_kernel(self.unit, channel, self.convolution)

    def show_subject(self, subject: Subject) -> None:
        """Show another operation or other values."""
        super().show_subject(subject)
        if subject.editable and self._step is not None:
            channel = self.channel - self._step.first_channel
            self.conv_settings.show_kernel(self.unit, channel, self.convolution)


def terms_for(width_px: int) -> int:
    """Return how many subtotals a formula of this width can show in readable letters."""
    return max(1, min(MOST_TERMS, width_px // 90 - 3))


def sum_formula(step: KernelStep | TransposedStep, digits: int, most: int) -> tuple[str, str]:
    """Return the sum as TeX and in words: bias, subtotals, total; it says where printed numbers do not add up."""
    decimals = decimals_for([step.bias, step.total, *step.subtotals.tolist()], digits)
    order = largest(step.subtotals, most) if len(step.subtotals) > most else np.arange(len(step.subtotals))
    terms = [float(step.subtotals[c]) for c in order]
    rest = len(step.subtotals) - len(terms)
    if rest:
        terms.append(float(step.subtotals.sum()) - sum(terms))
    printed = [fixed(term, decimals) for term in terms]
    exact, added = adds_up([step.bias, *terms], step.total, decimals)
    names = [rf"\underbrace{{{signed(t)}}}_{{{c + step.first_channel}}}" for t, c in zip(printed, order, strict=False)]
    if rest:
        names.append(rf"\underbrace{{{signed(printed[-1])}}}_{{{rest}\,\text{{more}}}}")
    if len(step.subtotals) == 1:
        names = [signed(printed[0])]
    place = rf"y_{{{step.unit}}}({step.row},{step.col})"
    product = rf"{coloured('pointer', 'x')}\,{coloured('kernel', 'w')}"
    bias = coloured("good", signed(fixed(step.bias, decimals)))
    total = coloured("accent", tex_number(fixed(step.total, decimals)))
    sign = "=" if exact else r"\approx"
    tex = rf"{place} = {coloured('good', 'b')} + \sum {product} = {bias} + {' + '.join(names)} {sign} {total}"
    words = f"bias {fixed(step.bias, decimals)} plus {' plus '.join(printed)} is {fixed(step.total, decimals)}"
    if not exact:
        tex += rf"\quad\text{{(rounded: as printed {tex_number(fixed(added, decimals))})}}"
        words += f"; rounded: as printed the numbers add up to {fixed(added, decimals)}"
    return tex, words
