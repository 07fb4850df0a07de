"""Dropout: which values pass, how much they grow, and both names of its probability."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QVBoxLayout, QWidget

from cnnviz.core.errors import UserError
from cnnviz.core.formats import decimals_for, fixed
from cnnviz.core.operations import Dropout, Operation
from cnnviz.widgets.entry import Entry, real
from cnnviz.widgets.formula import coloured, signed, tex_number
from cnnviz.widgets.grid_picture import Grid
from cnnviz.widgets.panels.element import ElementPanel
from cnnviz.widgets.value_grid import ValueGrid


class DropoutPanel(ElementPanel):
    """Dropout's panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        middle = QWidget()
        self.mask_grid = ValueGrid("Mask", middle)
        super().__init__(middle, parent)
        self._seed = 0
        self._fresh = True  # nothing was changed yet
        self._drop: float | None = None
        self.training = QCheckBox("&Training: values are dropped", middle)
        self.training.setToolTip("Off: evaluation, every value passes as it is. On: values are dropped at random")
        self.training.toggled.connect(self._on_training_toggled)
        self.again = QPushButton("&Another mask", middle)
        self.again.clicked.connect(self._on_again_clicked)
        self.entry = Entry(
            "Probability to drop (PyTorch's p)", "The lectures' p is the probability to keep", self._offer_drop, middle
        )
        self.words = QLabel(middle)
        self.words.setWordWrap(True)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.training, self.entry, self.words, self.again):
            column.addWidget(widget)
        column.addWidget(self.mask_grid, 1)

    @property
    def dropout(self) -> Dropout:
        """What is computed."""
        assert isinstance(self._changed, Dropout)
        return self._changed

    def edits(self) -> object:
        """Return probability, mask and switch, unless they are the layer's own."""
        return None if self._fresh else (self._drop, self._seed, self.training.isChecked())

    def put_edits(self, edits: object) -> None:
        """Bring them back, or the layer's own with the next operation."""
        self._fresh = edits is None
        self._drop, self._seed, training = edits if isinstance(edits, tuple) else (None, 0, False)
        self._switch(training)

    def _switch(self, training: bool) -> None:
        self.training.blockSignals(True)
        self.training.setChecked(training)
        self.training.blockSignals(False)

    def change(self, own: Operation) -> Operation:
        """Return the operation as the switches say."""
        assert isinstance(own, Dropout)
        if self._fresh:
            self._switch(own.seed is not None)
            return own
        drop = own.drop if self._drop is None else self._drop
        return replace(own, drop=drop, seed=self._seed if self.training.isChecked() else None)

    def refresh(self) -> None:
        """Draw mask and words too."""
        if self.subject is None or self._changed is None:
            return
        super().refresh()
        operation = self.dropout
        kept = operation.kept()
        mask = kept[self.unit].astype(np.float64)
        self.mask_grid.show_grid(Grid(mask, 0.0, 1.0, "ink", "mask: 1 passes, 0 is dropped", whole=True))
        self.entry.show_text(f"{operation.drop:g}")
        self.again.setEnabled(self.training.isChecked())
        p = operation.drop
        what = "whole maps" if operation.channels else "values"
        if self.training.isChecked():
            text = f"Here {kept.mean():.1%} of the {what} pass, multiplied by 1/(1 − {p:g}) = {operation.factor:.4g}."
        else:
            text = (
                "In evaluation every value passes as it is, since PyTorch scales while training; the lecture scales by"
                f" {1 - p:g} here instead."
            )
        self.words.setText(f"Drop-probability {p:g}, keep-probability {1 - p:g}. {text}")

    def show_step(self) -> None:
        """Write the value's way out."""
        super().show_step()
        self.mask_grid.show_cell(self.cell)
        operation = self.dropout
        x = float(operation.x[self.unit, self.cell[0], self.cell[1]])
        y = operation.value(self.unit, *self.cell)
        decimals = decimals_for((x, y), self.digits)
        kept = int(operation.kept()[self.unit, self.cell[0], self.cell[1]])
        factor = (
            rf" \cdot \frac{{1}}{{1-{operation.drop:g}}}" if self.training.isChecked() and operation.drop < 1 else ""
        )
        result = coloured("accent", tex_number(fixed(y, decimals)))
        product = rf"{coloured('pointer', signed(fixed(x, decimals)))} \cdot {coloured('kernel', str(kept))}"
        tex = rf"{product}{factor} = {result}"
        self.formula.show_tex(
            tex, f"{fixed(x, decimals)} times {kept} times {operation.factor:.4g} is {fixed(y, decimals)}"
        )

    def _offer_drop(self, text: str) -> None:
        p = real(text, "probability")
        if not 0 <= p <= 1:
            raise UserError(f"The probability is {text}; it must lie between 0 and 1.")
        self._drop, self._fresh = p, False
        self.settings_changed()

    @Slot(bool)
    def _on_training_toggled(self, on: bool) -> None:
        self._fresh = False
        self.settings_changed()

    @Slot()
    def _on_again_clicked(self) -> None:
        self._seed, self._fresh = self._seed + 1, False
        self.settings_changed()
