"""The activation microscope: function and derivative over the real histogram, one value on the curve, a swap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from cnnviz.core import activation
from cnnviz.core.errors import UserError
from cnnviz.core.formats import decimals_for, fixed
from cnnviz.core.operations import Activation, Operation
from cnnviz.widgets.curve_plot import CurvePlot
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.entry import Entry, real
from cnnviz.widgets.formula import coloured, tex_number
from cnnviz.widgets.panels.element import ElementPanel

MOST_COUNTED = 400_000
CHOICES = (
    "identity", "step", "sigmoid", "tanh", "arctan", "relu", "leaky_relu", "prelu", "elu", "softplus", "gelu", "silu",
    "scaled_tanh", "relu6", "hardtanh", "hardswish", "hardsigmoid", "mish",
)  # fmt: skip


class ActivationPanel(ElementPanel):
    """An activation's panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        middle = QWidget()
        self.plot = CurvePlot("Function over the histogram of its inputs", middle)
        super().__init__(middle, parent)
        self._swap: tuple[str, float] | None = None
        self.choice = QComboBox(middle)
        self.choice.setAccessibleName("Activation function")
        self.choice.setToolTip("Swap the function, and see what becomes of the map")
        for name in CHOICES:
            self.choice.addItem(activation.FUNCTIONS[name].title, name)
        self.choice.activated.connect(self._on_choice_activated)
        self.entry = Entry("a", "The function's parameter", self._offer_parameter, middle)
        self.reset = QPushButton("&Back to its own settings", middle)
        self.reset.clicked.connect(self._on_reset_clicked)
        self.shares = ElidedLabel("", middle)
        head = QHBoxLayout()
        head.addWidget(self.choice)
        head.addWidget(self.entry)
        head.addWidget(self.reset)
        head.addStretch(1)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.plot, 1)
        column.addWidget(self.shares)

    @property
    def layer(self) -> Activation:
        """What is computed, with another function if the user swapped it."""
        assert isinstance(self._changed, Activation)
        return self._changed

    def change(self, own: Operation) -> Operation:
        """Return the operation with the swapped function."""
        assert isinstance(own, Activation)
        if self._swap is None:
            return own
        name, parameter = self._swap
        return replace(own, function=name, parameter=np.array([parameter]))

    def edits(self) -> object:
        """Return the swapped function."""
        return self._swap

    def put_edits(self, edits: object) -> None:
        """Bring a swapped function back."""
        self._swap = edits if isinstance(edits, tuple) else None

    def refresh(self) -> None:
        """Draw everything that does not depend on the cell too."""
        if self.subject is None or self._changed is None:
            return
        operation = self.layer
        function = activation.FUNCTIONS[operation.function]
        parameter = operation.parameter_of(self.unit)
        self.choice.setCurrentIndex(CHOICES.index(operation.function))
        self.entry.setVisible(function.parameter is not None)
        self.entry.show_text(f"{parameter:g}")
        self.reset.setEnabled(self._swap is not None)
        self.plot.show_values(operation.x)
        self.plot.show_function(function, parameter)
        super().refresh()
        self._show_shares(function, parameter)

    def _show_shares(self, function: activation.Function, parameter: float) -> None:
        operation = self.layer
        assert self.subject is not None
        output = self.subject.output
        x = operation.x
        every = max(1, x.size // MOST_COUNTED)  # a map of millions is counted at some of its cells
        if self._swap is not None or output is None:
            some = x.reshape(len(x), -1)[:, ::every].astype(np.float64)
            output = function.call(some, parameter)[:, :, None]
        dead = activation.share_dead(output)
        saturated = activation.share_saturated(function, x.reshape(-1)[::every], parameter)
        what = "maps" if operation.x.shape[1] * operation.x.shape[2] > 1 and len(operation.x) > 1 else "units"
        about = "about: " if every > 1 else ""
        words = f"dead {what} (0 everywhere): {dead:.1%} · saturated values (f′ almost 0): {saturated:.1%}"
        self.shares.setText(about + words)

    def show_step(self) -> None:
        """Put the value on the curve."""
        super().show_step()
        operation = self.layer
        x = float(operation.x[self.unit, self.cell[0], self.cell[1]])
        y, slope = operation.value(self.unit, *self.cell), operation.slope(self.unit, *self.cell)
        self.plot.show_point(x)
        function = activation.FUNCTIONS[operation.function]
        decimals = decimals_for((x, y, slope), self.digits)
        at_x, at_y, at_slope = (fixed(v, decimals) for v in (x, y, slope))
        prime = coloured("kernel", r"f^{\prime}(x)")
        tex = (
            rf"{coloured('accent', 'f(x)')} = {function.tex},\quad f({coloured('pointer', tex_number(at_x))}) ="
            rf" {coloured('accent', tex_number(at_y))},\quad {prime} = {function.derivative_tex} ="
            rf" {coloured('kernel', tex_number(at_slope))}"
        )
        self.formula.show_tex(tex, f"{function.title}: f of {at_x} is {at_y}, slope {at_slope}")

    def _offer_parameter(self, text: str) -> None:
        operation = self.layer
        function = activation.FUNCTIONS[operation.function]
        value = real(text, "parameter")
        low, high = function.range
        if not np.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
            ends = f"{'−∞' if low is None else low} to {'∞' if high is None else high}"
            raise UserError(f"The parameter is {text}; it must lie in {ends}.")
        self._swap = (operation.function, value)
        self.settings_changed()

    @Slot(int)
    def _on_choice_activated(self, index: int) -> None:
        name = CHOICES[index]
        own = self.subject.operation if self.subject is not None else None
        if isinstance(own, Activation) and own.function == name:
            self._swap = None
        else:
            self._swap = (name, activation.FUNCTIONS[name].default)
        self.settings_changed()

    @Slot()
    def _on_reset_clicked(self) -> None:
        self._swap = None
        self.settings_changed()
