"""A dense node's signed, sorted account ending on its value; its weights folded back into maps; softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QSpinBox, QVBoxLayout, QWidget

from cnnviz.core.formats import decimals_for, fixed, number
from cnnviz.core.operations import Dense, DenseStep, Operation, RadialBasis, Softmax, Source, largest, sigmoid
from cnnviz.widgets import theme
from cnnviz.widgets.badge import Badge
from cnnviz.widgets.cells import sample
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.formula import Formula, coloured, signed, tex_number
from cnnviz.widgets.grid_picture import Grid
from cnnviz.widgets.ledger import Account, Column, Ledger, LedgerArea
from cnnviz.widgets.panels.base import OperationPanel, Subject, verdict_row
from cnnviz.widgets.value_grid import ValueGrid

COLDEST, HOTTEST = 0.1, 10.0
DIAL = 100


class DensePanel(OperationPanel):
    """A dense layer's panel; also that of a radial-basis output, whose terms are squared differences."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: tuple[str, ...] = ()
        self._term = 0
        self.unit_box = QSpinBox(self)
        self.unit_box.setAccessibleName("Node")
        self.unit_box.setKeyboardTracking(False)
        self.unit_box.valueChanged.connect(self._on_unit_box_changed)
        self._order = QComboBox(self)
        self._order.addItems(["largest first", "most positive first", "most negative first", "in order"])
        self._order.setAccessibleName("Order of the terms")
        self._order.activated.connect(self._on_order_activated)
        self._words = ElidedLabel("", self)
        self.ledger = Ledger("Weights times inputs", self)
        self.ledger.setToolTip("Double click or Enter: go where the value comes from")
        self.weights_grid = ValueGrid("Weights of one map", self)
        self.products_grid = ValueGrid("Products of one map", self)
        self.formula = Formula("The sum", self)
        self.badge = Badge(self)
        self._lay_out()
        self.ledger.activated.connect(self._on_ledger_activated)
        self.ledger.pressed.connect(self._on_ledger_pressed)
        for grid in (self.weights_grid, self.products_grid):
            grid.pressed.connect(self._on_folded_pressed)
            grid.activated.connect(self._on_folded_activated)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        label = QLabel("Node", self)
        label.setBuddy(self.unit_box)
        for widget in (label, self.unit_box, self._order):
            head.addWidget(widget)
        head.addWidget(self._words, 1)
        self._folded = QWidget(self)
        maps = QVBoxLayout(self._folded)
        maps.setContentsMargins(0, 0, 0, 0)
        maps.addWidget(self.weights_grid, 1)
        maps.addWidget(self.products_grid, 1)
        middle = QHBoxLayout()
        middle.addWidget(LedgerArea(self.ledger, self), 4)
        middle.addWidget(self._folded, 1)
        self._middle = middle
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addLayout(middle, 1)
        column.addLayout(verdict_row(self.formula, self.badge))

    def show_labels(self, labels: tuple[str, ...]) -> None:
        """Name the nodes of the last layer by the classes."""
        self._labels = labels

    @property
    def dense(self) -> Dense | RadialBasis:
        """What is computed."""
        assert self.subject is not None
        operation = self.subject.operation
        assert isinstance(operation, (Dense, RadialBasis))
        return operation

    def _order_of(self, step: DenseStep) -> Any:
        index = self._order.currentIndex()
        if index == 0:
            return largest(step.products, len(step.products))
        if index == 3:
            return np.arange(len(step.products))
        return np.argsort(-step.products if index == 1 else step.products, kind="stable")

    def refresh(self) -> None:
        """Draw account, folded maps, formula and badge."""
        if self.subject is None:
            return
        operation = self.dense
        step = self._step = operation.step(self.unit)
        self._term = min(self._term, len(step.products) - 1)
        radial = isinstance(operation, RadialBasis)
        order = self._order_of(step)
        decimals = [_decimals(values, self.digits) for values in (step.x, step.weights, step.products)]
        sums = max(_decimals(step.products, self.digits), _decimals(np.array([step.bias]), self.digits))
        columns = (
            Column("input x", step.x, decimals[0], "pointer"),
            Column("centre w" if radial else "weight w", step.weights, decimals[1], "kernel"),
            Column("−½(x − w)²" if radial else "x · w", step.products, decimals[2]),
        )
        running = step.bias + np.cumsum(step.products[order])
        self.ledger.show_account(Account("input", self._name, columns, step.products, order, running, sums))
        self.ledger.show_term(self._term)
        self._show_box()
        positive, negative = (
            float(step.products[step.products > 0].sum()),
            float(step.products[step.products < 0].sum()),
        )
        self._words.setText(
            f"{len(step.products):,} terms: positive {fixed(positive, sums)}, negative {fixed(negative, sums)}"
        )
        self._show_folded(step)
        b, p, n, t = (fixed(v, sums) for v in (step.bias, positive, negative, step.total))
        name = (
            rf"\mathrm{{{self._labels[self.unit]}}}"
            if self._named() and self._labels[self.unit].isalnum()
            else str(self.unit)
        )
        if radial:
            difference = rf"({coloured('pointer', 'x')} - {coloured('kernel', 'w')})^2"
            tex = rf"y_{{{name}}} = -\frac{{1}}{{2}}\sum {difference} \approx {coloured('accent', tex_number(t))}"
            words = f"minus half the sum of squared differences is {t}"
        else:
            product = rf"{coloured('pointer', 'x')}\,{coloured('kernel', 'w')}"
            up = rf"\underbrace{{{coloured('positive', tex_number(p))}}}_{{\text{{positive}}}}"
            down = rf"\underbrace{{{coloured('negative', signed(n))}}}_{{\text{{negative}}}}"
            tex = (
                rf"z_{{{name}}} = {coloured('good', 'b')} + \sum {product} = {coloured('good', signed(b))}"
                rf" + {up} + {down} \approx {coloured('accent', tex_number(t))}"
            )
            words = f"bias {b} plus positive terms {p} plus negative terms {n} is {t}"
        self.formula.show_tex(tex, words)
        self.ledger.setAccessibleDescription(words)
        own = self.torch_value()
        self.badge.setVisible(own is not None)
        if own is not None:
            self.badge.show_check(operation.check(self.unit, 0, 0, own))

    def _named(self) -> bool:
        return self.unit < len(self._labels)

    def _show_box(self) -> None:
        self.unit_box.blockSignals(True)
        self.unit_box.setRange(0, self.dense.output_shape[0] - 1)
        self.unit_box.setValue(self.unit)
        self.unit_box.setSuffix(
            f" ({self._labels[self.unit]})" if self._named() and self._labels[self.unit] != str(self.unit) else ""
        )
        self.unit_box.blockSignals(False)

    def _name(self, term: int) -> str:
        operation = self.dense
        folded = operation.folded if isinstance(operation, Dense) else None
        if folded is None:
            return f"element {term}"
        channel, row, col = _unfold(folded, term)
        return f"map {channel} ({row}, {col})"

    def _show_folded(self, step: DenseStep) -> None:
        operation = self.dense
        folded = operation.folded if isinstance(operation, Dense) else None
        self._folded.setVisible(folded is not None)
        if folded is None:
            return
        channel, row, col = _unfold(folded, min(self._term, len(step.products) - 1))
        for grid, values, words, role in (
            (self.weights_grid, step.weights, "weights on map", "weight"),
            (self.products_grid, step.products, "products on map", "signed"),
        ):
            most = _most(values) or 1.0
            grid.show_grid(Grid(values.reshape(folded)[channel], -most, most, role, f"{words} {channel}"))  # type: ignore[arg-type]
            grid.show_cell((row, col))

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        super().set_digits(digits)
        self.weights_grid.set_digits(digits)
        self.products_grid.set_digits(digits)
        self.refresh()

    def _leave(self, term: int) -> None:
        self.announce()
        self.source_chosen.emit(Source(0, term, 0, 0, float(self._step.products[term])))

    @Slot(int)
    def _on_ledger_activated(self, term: int) -> None:
        self._leave(term)

    @Slot(int)
    def _on_ledger_pressed(self, term: int) -> None:
        self._term = term
        self._show_folded(self._step)

    @Slot(int, int)
    def _on_folded_pressed(self, row: int, column: int) -> None:
        self._term = self._folded_term(row, column)
        self.ledger.show_term(self._term)
        self._show_folded(self._step)

    @Slot(int, int)
    def _on_folded_activated(self, row: int, column: int) -> None:
        self._leave(self._folded_term(row, column))

    def _folded_term(self, row: int, column: int) -> int:
        operation = self.dense
        assert isinstance(operation, Dense)
        assert operation.folded is not None
        channel = _unfold(operation.folded, self._term)[0]
        return (channel * operation.folded[1] + row) * operation.folded[2] + column

    @Slot(int)
    def _on_order_activated(self, index: int) -> None:
        self.refresh()

    @Slot(int)
    def _on_unit_box_changed(self, unit: int) -> None:
        self.go(unit, (0, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right choose another node."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is not None and self.subject is not None:
            self.go(min(self.dense.output_shape[0] - 1, max(0, self.unit + step)), (0, 0))
        else:
            super().keyPressEvent(event)


def _decimals(values: Any, digits: int) -> int:
    """Return how many decimals show the largest of many numbers with so many digits."""
    return decimals_for(sample(values), digits)


def _most(values: Any) -> float:
    magnitude = np.abs(values)
    return float(np.max(magnitude, where=np.isfinite(magnitude), initial=0.0))


def _unfold(shape: tuple[int, int, int], term: int) -> tuple[int, int, int]:
    channel, rest = divmod(term, shape[1] * shape[2])
    row, col = divmod(rest, shape[2])
    return channel, row, col


class SoftmaxPanel(OperationPanel):
    """Softmax with the real exponentials and a temperature; the sigmoid of one node beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: tuple[str, ...] = ()
        self.ledger = Ledger("Exponentials and probabilities", self)
        self.ledger.setToolTip("Double click or Enter: go to the sum that made the logit")
        self.ledger.pressed.connect(self._on_ledger_pressed)
        self.ledger.activated.connect(self._on_ledger_activated)
        self.dial = QSlider(Qt.Orientation.Horizontal, self)
        self.dial.setAccessibleName("Temperature")
        self.dial.setToolTip("Below 1 the largest wins more clearly, above 1 all come closer together")
        self.dial.setRange(0, DIAL)
        self.dial.setValue(DIAL // 2)
        self.dial.setMaximumWidth(220)
        self.dial.valueChanged.connect(self._on_dial_value_changed)
        self._words = QLabel(self)
        self._words.setMinimumWidth(round(theme.text_px() * 9))
        self._sigmoid = ElidedLabel("", self)
        self.formula = Formula("Softmax", self)
        self.badge = Badge(self)
        head = QHBoxLayout()
        label = QLabel("&Temperature", self)
        label.setBuddy(self.dial)
        head.addWidget(label)
        head.addWidget(self.dial)
        head.addWidget(self._words)
        head.addWidget(self._sigmoid, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(LedgerArea(self.ledger, self), 1)
        column.addLayout(verdict_row(self.formula, self.badge))

    def show_labels(self, labels: tuple[str, ...]) -> None:
        """Name the classes."""
        self._labels = labels

    @property
    def temperature(self) -> float:
        """T."""
        share = self.dial.value() / DIAL
        return round(float(COLDEST * (HOTTEST / COLDEST) ** share), 3)

    @property
    def operation(self) -> Operation | None:
        """What is computed, at the dial's temperature."""
        if self.subject is None or not isinstance(self.subject.operation, Softmax):
            return None
        return Softmax(self.subject.operation.logits, self.temperature)

    def refresh(self) -> None:
        """Draw the account, formula, sigmoid and badge."""
        operation = self.operation
        if self.subject is None or not isinstance(operation, Softmax):
            return
        most, exponentials = operation.exponentials()
        probabilities = exponentials / exponentials.sum()
        logits = operation.logits.astype(np.float64)
        z = _decimals(logits, self.digits)
        columns = (
            Column("logit z", logits, z, "pointer"),
            Column("(z − max)/T", (logits - most) / operation.temperature, z),
            Column("exp", exponentials, None, "kernel", self.digits),
            Column("probability", probabilities, None, "accent", self.digits),
        )
        order = np.argsort(-logits, kind="stable")
        self.ledger.show_account(Account("class", self._name, columns, probabilities, order))
        self.ledger.show_term(self.unit)
        self._words.setText(f"T = {operation.temperature:g}")
        logit = float(logits[self.unit])
        self._sigmoid.setText(
            f"one node by itself: sigmoid({number(logit, self.digits)}) = {number(sigmoid(logit), self.digits)}"
        )
        value = number(float(probabilities[self.unit]), self.digits)
        one, total = (number(float(v), self.digits) for v in (exponentials[self.unit], exponentials.sum()))
        tex = (
            r"p = \frac{e^{z/T}}{\sum_j e^{z_j/T}} = "
            rf"\frac{{{coloured('kernel', tex_number(one))}}}{{{tex_number(total)}}}"
            rf" \approx {coloured('accent', tex_number(value))}"
        )
        self.formula.show_tex(tex, f"{self._name(self.unit)}: exponential {one} over the sum {total} is {value}")
        own = self.torch_value() if operation.temperature == 1 else None
        self.badge.setVisible(self.subject.output is not None)
        if own is not None:
            self.badge.show_check(operation.check(self.unit, 0, 0, own))
        else:
            self.badge.show_check(None, "PyTorch's probabilities are those at T = 1.")

    def _name(self, term: int) -> str:
        return self._labels[term] if term < len(self._labels) else f"class {term}"

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        super().set_digits(digits)
        self.refresh()

    def show_subject(self, subject: Subject) -> None:
        """Show other logits."""
        super().show_subject(subject)

    def edits(self) -> object:
        """Return where the dial stands."""
        return self.dial.value()

    def put_edits(self, edits: object) -> None:
        """Bring the dial back; it stays as it is from network to network."""
        if isinstance(edits, int):
            self.dial.blockSignals(True)
            self.dial.setValue(edits)
            self.dial.blockSignals(False)

    @Slot(int)
    def _on_dial_value_changed(self, value: int) -> None:
        self.refresh()
        self.changed.emit()

    @Slot(int)
    def _on_ledger_pressed(self, term: int) -> None:
        self.go(term, (0, 0))

    @Slot(int)
    def _on_ledger_activated(self, term: int) -> None:
        self.announce()
        assert self.subject is not None
        logits = self.subject.operation.logits  # type: ignore[attr-defined]
        self.source_chosen.emit(Source(0, term, 0, 0, float(logits[term])))
