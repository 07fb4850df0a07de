"""Batch norm's four numbers with the histogram before and after; local response normalisation's neighbours."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from cnnviz.core import normalisation
from cnnviz.core.formats import decimals_for, fixed
from cnnviz.core.operations import BatchNormalisation, LocalResponse, Operation
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.formula import coloured, signed, tex_number
from cnnviz.widgets.histogram import Histogram
from cnnviz.widgets.ledger import Account, Column, Ledger, LedgerArea
from cnnviz.widgets.panels.element import ElementPanel


class BatchNormPanel(ElementPanel):
    """Batch normalisation's panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        middle = QWidget()
        self.before = Histogram("Histogram before", middle)
        self.after = Histogram("Histogram after", middle)
        self.numbers = Ledger("Mean, variance, scale and shift of each channel", middle)
        super().__init__(middle, parent)
        self.by_batch = QCheckBox("&Training: statistics of this picture", middle)
        self.by_batch.setToolTip(
            "Off: evaluation, with the running statistics of training. On: mean and variance of this batch of one"
        )
        self.by_batch.toggled.connect(self._on_by_batch_toggled)
        self.numbers.pressed.connect(self._on_numbers_pressed)
        self._words = ElidedLabel("", middle)
        histograms = QVBoxLayout()
        histograms.addWidget(self.before, 1)
        histograms.addWidget(self.after, 1)
        row = QHBoxLayout()
        row.addWidget(LedgerArea(self.numbers, middle), 3)
        row.addLayout(histograms, 2)
        head = QHBoxLayout()
        head.addWidget(self.by_batch)
        head.addSpacing(theme.GRID_PX)
        head.addWidget(self._words, 1)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addLayout(row, 1)

    @property
    def normalisation(self) -> BatchNormalisation:
        """What is computed."""
        assert isinstance(self._changed, BatchNormalisation)
        return self._changed

    def change(self, own: Operation) -> Operation:
        """Return the operation with this picture's statistics, if they are asked for."""
        assert isinstance(own, BatchNormalisation)
        return own.by_batch() if self.by_batch.isChecked() else own

    def edits(self) -> object:
        """Return the switch."""
        return self.by_batch.isChecked()

    def put_edits(self, edits: object) -> None:
        """Bring the switch back; it stays as it is from layer to layer."""
        if isinstance(edits, bool):
            self.by_batch.blockSignals(True)
            self.by_batch.setChecked(edits)
            self.by_batch.blockSignals(False)

    def refresh(self) -> None:
        """Draw everything that does not depend on the cell too."""
        if self.subject is None or self._changed is None:
            return
        super().refresh()
        operation, numbers = self.normalisation, self.normalisation.numbers
        self.before.show_values(operation.x[self.unit].reshape(-1), f"map {self.unit} before")
        own = self.subject.output
        after = (
            own[self.unit]
            if own is not None and not self.is_changed
            else operation.rows(self.unit, 0, operation.output_shape[1])
        )
        self.after.show_values(np.asarray(after, np.float32).reshape(-1), f"map {self.unit} after")
        kinds = ("mean μ", "variance σ²", "scale γ", "shift β")
        arrays = (numbers.mean, numbers.var, numbers.gamma, numbers.beta)
        columns = tuple(
            Column(title, array, decimals_for(array.tolist(), self.digits), role)
            for title, array, role in zip(kinds, arrays, ("pointer", "pointer", "kernel", "good"), strict=True)
        )
        order = np.arange(len(numbers.mean))
        self.numbers.show_account(Account("channel", lambda n: f"map {n}", columns, numbers.gamma, order))
        self.numbers.show_term(self.unit)
        how = (
            "this picture's statistics, as in training"
            if self.by_batch.isChecked()
            else "running statistics, as in evaluation"
        )
        self._words.setText(f"bars: γ · {how} · ε = {numbers.eps:g}")

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits, those of all channels too."""
        super().set_digits(digits)
        self.refresh()

    def show_step(self) -> None:
        """Write the value's way out."""
        super().show_step()
        operation = self.normalisation
        value = float(operation.x[self.unit, self.cell[0], self.cell[1]])
        step = normalisation.bn_step(value, operation.numbers, self.unit)
        mean, variance = float(operation.numbers.mean[self.unit]), float(operation.numbers.var[self.unit])
        all_of_it = (value, mean, variance, step.gamma, step.beta, step.result)
        decimals = decimals_for(all_of_it, self.digits)
        x, mu, var, gamma, beta, result = (tex_number(fixed(v, decimals)) for v in all_of_it)
        root = rf"\sqrt{{{var} + {tex_number(f'{operation.numbers.eps:.0e}')}}}"
        fraction = rf"\frac{{{coloured('pointer', x)} - {signed(fixed(mean, decimals))}}}{{{root}}}"
        tex = (
            rf"\gamma\,\frac{{x-\mu}}{{\sqrt{{\sigma^2+\varepsilon}}}} + \beta = {coloured('kernel', gamma)} \cdot"
            rf" {fraction} + {coloured('good', signed(beta))} \approx {coloured('accent', result)}"
        )
        words = f"{gamma} times ({x} minus {mu}) over the root of {var}, plus {beta}, is about {result}"
        self.formula.show_tex(tex, words)

    @Slot(bool)
    def _on_by_batch_toggled(self, on: bool) -> None:
        self.settings_changed()

    @Slot(int)
    def _on_numbers_pressed(self, unit: int) -> None:
        self.go(unit, self.cell)


class LocalResponsePanel(ElementPanel):
    """Local response normalisation's panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        middle = QWidget()
        self.neighbours = Ledger("Neighbouring channels", middle)
        super().__init__(middle, parent)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(LedgerArea(self.neighbours, middle), 1)

    def show_step(self) -> None:
        """Write the neighbours and the quotient out."""
        super().show_step()
        operation = self._changed
        assert isinstance(operation, LocalResponse)
        step = operation.step(self.unit, *self.cell)
        values = operation.x[list(step.channels), self.cell[0], self.cell[1]].astype(np.float64)
        decimals = decimals_for(values.tolist(), self.digits)
        squares = np.asarray(step.squares)
        columns = (
            Column("value", values, decimals, "pointer"),
            Column("square", squares, decimals_for(squares.tolist(), self.digits)),
        )
        channels = list(step.channels)
        account = Account("channel", lambda n: f"map {channels[n]}", columns, squares, np.arange(len(channels)))
        self.neighbours.show_account(account)
        self.neighbours.show_term(channels.index(self.unit))
        value, total, result = (fixed(float(v), max(decimals, 3)) for v in (step.value, step.sum, step.result))
        k, alpha, beta, size = f"{operation.k:g}", f"{operation.alpha:g}", f"{operation.beta:g}", operation.size
        under = rf"\left({k} + \frac{{{tex_number(alpha)}}}{{{size}}} \cdot {total}\right)^{{{beta}}}"
        top = coloured("pointer", tex_number(value))
        tex = rf"\frac{{{top}}}{{{under}}} \approx {coloured('accent', tex_number(result))}"
        words = f"{value} over ({k} plus {alpha} over {size} times {total}) to the power {beta} is about {result}"
        self.formula.show_tex(tex, words)
