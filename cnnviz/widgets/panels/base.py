"""What every panel is: it shows one operation and one of its values, on a real layer or in the laboratory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QWidget,
)

from cnnviz.core.operations import Operation
from cnnviz.widgets import theme
from cnnviz.widgets.badge import Badge
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.formula import Formula

Array = npt.NDArray[Any]
Cell = tuple[int, int]
REST_MS = 150
CONTROLS = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit)


@dataclass(frozen=True, eq=False)
class Subject:
    """What a panel shows.

    Attributes
    ----------
    operation
        The layer's own operation.
    output
        What PyTorch computed, (C, H, W), or ``None`` in the laboratory.
    inputs, title
        Names of the inputs and of the layer.
    roles
        Colours of the inputs.
    editable
        The input's values may be changed.
    of
        What it belongs to: a network, or the laboratory. Changes that the user made stay with title and this.
    """

    operation: Operation
    output: Array | None
    inputs: tuple[str, ...]
    title: str
    roles: tuple[MapRole, ...]
    editable: bool = False
    of: object = None

    def is_other_than(self, before: Subject | None) -> bool:
        """Return whether this is another layer than one that was shown, not only other values of it."""
        return before is None or before.title != self.title or before.of is not self.of


class OperationPanel(QWidget):
    """Base of all panels.

    Signals
    -------
    place_chosen(int, object)
        The user went to another value: unit, and cell (row, column).
    source_chosen(object)
        The user wants to see where a value comes from: a `Source`.
    input_edited(int, int, int, float)
        The user changed a value of the input: channel, row, column, value.
    refused(str)
        What was typed into the input cannot be used; a sentence.
    changed()
        `operation` is another one: the user changed its settings or weights.
    """

    place_chosen = Signal(int, object)
    source_chosen = Signal(object)
    input_edited = Signal(int, int, int, float)
    changed = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.subject: Subject | None = None
        self.unit = 0
        self.cell: Cell = (0, 0)
        self.digits = 3
        self._announced: tuple[int, Cell] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Values of a layer, one by one")
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rest_timeout)

    @property
    def operation(self) -> Operation | None:
        """What is computed, with the user's changes."""
        return self.subject.operation if self.subject is not None else None

    def show_subject(self, subject: Subject) -> None:
        """Show another operation, or the same one with other values; the place stays where it can."""
        if subject.is_other_than(self.subject):
            self.forget_place()
        self.subject = subject
        self.setAccessibleDescription(subject.title)
        channels, rows, columns = subject.operation.output_shape
        self.unit = min(self.unit, channels - 1)
        self.cell = (min(self.cell[0], rows - 1), min(self.cell[1], columns - 1))
        self.refresh()

    def forget_place(self) -> None:
        """What was announced belongs to another layer."""
        self._rest.stop()
        self._announced = None

    def show_place(self, unit: int | None, cell: Cell | None) -> None:
        """Go to another value; ``None`` keeps what is shown."""
        wanted = (self.unit if unit is None else unit, self.cell if cell is None else cell)
        operation = self.operation
        if wanted != (self.unit, self.cell) and operation is not None and operation.inside(wanted[0], *wanted[1]):
            self._rest.stop()
            self._announced = wanted
            other_unit = wanted[0] != self.unit
            self.unit, self.cell = wanted
            if other_unit:
                self.refresh()
            else:
                self.show_value()

    def edits(self) -> object:
        """Return the user's changes of settings and weights, to come back to them; ``None`` where there are none."""
        return None

    def put_edits(self, edits: object) -> None:
        """Bring changes back; the next `show_subject` applies them."""

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        self.digits = digits

    def go(self, unit: int, cell: Cell) -> None:
        """Go to a value by the user's hand, and say so when it has come to rest: other views follow then."""
        if (unit, cell) == (self.unit, self.cell):
            return
        other_unit = unit != self.unit
        self.unit, self.cell = unit, cell
        if other_unit:
            self.refresh()
        else:
            self.show_value()
        self._rest.start()

    @Slot()
    def _on_rest_timeout(self) -> None:
        if self._announced != (self.unit, self.cell):
            self._announced = (self.unit, self.cell)
            self.place_chosen.emit(self.unit, self.cell)

    def announce(self) -> None:
        """Say at once where the user went."""
        if self._rest.isActive():
            self._rest.stop()
            self._on_rest_timeout()

    def refresh(self) -> None:
        """Draw everything; subclasses override this."""

    def show_value(self) -> None:
        """Draw what depends on the place; subclasses override this where that is cheaper than everything."""
        self.refresh()

    def torch_value(self) -> float | None:
        """Return PyTorch's number for the value that is shown."""
        if self.subject is None or self.subject.output is None:
            return None
        return float(self.subject.output[self.unit, self.cell[0], self.cell[1]])

    def follow_largest(self) -> None:
        """Go where the largest part of the value comes from."""
        found = self.operation.sources(self.unit, *self.cell, most=1) if self.operation is not None else ()
        if found:
            self.announce()
            self.source_chosen.emit(found[0])

    def take_focus(self, reason: Qt.FocusReason) -> None:
        """Take the keyboard."""
        self.setFocus(reason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter follows the largest part of the value; one that ends what is typed or chosen does not."""
        at_control = isinstance(QApplication.focusWidget(), CONTROLS)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not at_control:
            self.follow_largest()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is announced from behind."""
        super().hideEvent(event)
        self._rest.stop()


def verdict_row(formula: Formula, badge: Badge) -> QHBoxLayout:
    """Return the line under the pictures: the formula, and at its right the comparison with PyTorch."""
    row = QHBoxLayout()
    row.setSpacing(theme.GRID_PX)
    row.addWidget(formula, 1)
    row.addWidget(badge)
    return row


def limits_of(values: Array) -> tuple[float, float, MapRole]:
    """Return the ends of a colour scale and its colours: centred on zero where values can be negative."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    most = min(max(high, -low), 1e37) or 1.0
    return (-most, most, "signed") if low < 0 else (0.0, most, "activation")


def input_limits(values: Array, role: MapRole) -> tuple[float, float, MapRole]:
    """Return the same for an input; a picture goes from its paper to its ink."""
    if role == "ink":
        low, high = float(values.min()), float(values.max())
        if np.isfinite(low) and np.isfinite(high):
            return low, high if high > low else low + 1, "ink"
    return limits_of(values)
