"""Pooling, window by window: the winner and where its gradient goes, the mean, the p-norm and its dial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core import pooling
from cnnviz.core.errors import UserError
from cnnviz.core.formats import decimals_for, fixed
from cnnviz.core.operations import Operation, Pooling, Source
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec, PoolStep
from cnnviz.core.what_if import check_sides
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.entry import Entry, integers, real
from cnnviz.widgets.formula import coloured, signed, tex_number
from cnnviz.widgets.panels.base import Cell, input_limits
from cnnviz.widgets.panels.convolution_settings import as_pair, pair_text, sentence_label
from cnnviz.widgets.panels.sliding import SlidingPanel
from cnnviz.widgets.value_grid import Grid, ValueGrid, Window

DIAL_END = 100
MOST_P = 64.0
MOST_TERMS = 9
KINDS = ("max", "mean", "lp", "lp averaged")
KIND_WORDS = ("maximum", "mean", "p-norm (PyTorch)", "p-norm, averaged (lecture)")
Kind = Literal["max", "mean", "lp", "lp averaged"]


@dataclass(frozen=True)
class PoolChanges:
    """What is changed; ``None`` leaves the layer's own."""

    kind: Kind | None = None
    p: float | None = None
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    padding: tuple[int, int] | None = None
    dilation: tuple[int, int] | None = None
    ceil_mode: bool | None = None
    output: tuple[int, int] | None = None

    @property
    def any(self) -> bool:
        """Whether anything differs from the layer's own."""
        return self != PoolChanges()

    def apply(self, own: Pooling) -> Pooling:
        """Return the operation as it is changed.

        Raises
        ------
        UserError
            When the settings contradict each other or do not fit the input.
        """
        spec: PoolSpec | AdaptiveSpec
        kind = self.kind or kind_of(own.spec)
        if isinstance(own.spec, AdaptiveSpec):
            if kind not in ("max", "mean"):
                raise UserError("Adaptive pooling is a maximum or a mean; a p-norm is not known.")
            spec = AdaptiveSpec(kind, self.output or own.spec.output)
            check_sides(spec.output_shape(*own.x.shape[1:]))
        else:
            old = own.spec
            lp = kind.startswith("lp")
            spec = PoolSpec(
                "lp" if lp else kind,
                self.kernel or old.kernel,
                self.stride or old.stride,
                old.padding if self.padding is None else self.padding,
                self.dilation or old.dilation,
                ceil_mode=old.ceil_mode if self.ceil_mode is None else self.ceil_mode,
                count_include_pad=old.count_include_pad,
                p=self.p or old.p,
                averaged=kind == "lp averaged",
            )
        changed = replace(own, spec=spec)
        _ = changed.output_shape
        return changed


def kind_of(spec: PoolSpec | AdaptiveSpec) -> Kind:
    """Return the kind by the name that the settings use."""
    if isinstance(spec, PoolSpec) and spec.kind == "lp":
        return "lp averaged" if spec.averaged else "lp"
    return "max" if spec.kind == "max" else "mean"


class PoolSettings(QScrollArea):
    """The column at the right of a pooling.

    Signals
    -------
    changed()
        Other settings were accepted.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own: Pooling | None = None
        self._changes = PoolChanges()
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, theme.GRID_PX)
        column.setSpacing(6)
        self.reset = QPushButton("&Back to its own settings", page)
        self.reset.clicked.connect(self._on_reset_clicked)
        column.addWidget(self.reset)
        self.kind = QComboBox(page)
        self.kind.setAccessibleName("Kind of pooling")
        self.kind.addItems(list(KIND_WORDS))
        self.kind.activated.connect(self._on_kind_activated)
        column.addWidget(self.kind)
        self.dial = QSlider(Qt.Orientation.Horizontal, page)
        self.dial.setRange(0, DIAL_END)
        self.dial.setAccessibleName("From mean to maximum")
        self.dial.setToolTip(
            "One dial: the mean at the left, the averaged p-norm with growing p, the maximum at the right"
        )
        self.dial.valueChanged.connect(self._on_dial_value_changed)
        ends = QHBoxLayout()
        for words in ("mean", "p →", "max"):
            ends.addWidget(QLabel(words, page), 0 if words != "p →" else 1, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.dial)
        column.addLayout(ends)
        self.entries: dict[str, Entry] = {}
        for key, name, tip, offer in (
            ("p", "p", "Exponent of the p-norm, above 0", self._offer_p),
            ("kernel", "Window", "Rows × columns", self._offer_pair("kernel")),
            ("stride", "Stride", "Smaller than the window: windows overlap", self._offer_pair("stride")),
            ("padding", "Padding", "At most half a window; never chosen by a maximum", self._offer_pair("padding")),
            ("dilation", "Dilation", "Only for a maximum", self._offer_pair("dilation")),
            ("output", "Output size", "Rows × columns of the output; 1 is global pooling", self._offer_pair("output")),
        ):
            self.entries[key] = Entry(name, tip, offer, page)
            column.addWidget(self.entries[key])
        self.ceil = QCheckBox("&Round the size up (ceil)", page)
        self.ceil.setToolTip("PyTorch rounds down unless ceil_mode is set; the lecture rounds up")
        self.ceil.toggled.connect(self._on_ceil_toggled)
        column.addWidget(self.ceil)
        self.sizes = QLabel(page)
        self.sizes.setWordWrap(True)
        column.addWidget(self.sizes)
        self.error = sentence_label(page)
        column.addWidget(self.error)
        column.addStretch(1)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(236)
        self.setMaximumWidth(290)

    @property
    def changes(self) -> PoolChanges:
        """What is changed."""
        return self._changes

    def put(self, changes: PoolChanges) -> None:
        """Take changes that fitted before; `show_own` applies them."""
        self._changes = changes
        self._own = None

    def show_own(self, own: Pooling) -> Pooling:
        """Take another operation; return it with the changes, or without them where they do not fit it."""
        if self._own is not None and type(self._own.spec) is not type(own.spec):
            self._changes = PoolChanges()
        self._own = own
        try:
            changed = self._changes.apply(own)
        except UserError:
            self._changes, changed = PoolChanges(), own
        self._show(changed)
        return changed

    def _show(self, changed: Pooling) -> None:
        spec = changed.spec
        self.reset.setEnabled(self._changes.any)
        adaptive = isinstance(spec, AdaptiveSpec)
        for key, entry in self.entries.items():
            entry.setVisible((key == "output") == adaptive)
        self.ceil.setVisible(not adaptive)
        self.dial.setEnabled(not adaptive)
        kind = kind_of(spec)
        self.kind.setCurrentIndex(KINDS.index(kind))
        height, width = changed.x.shape[1:]
        _, rows, columns = changed.output_shape
        if isinstance(spec, AdaptiveSpec):
            self.entries["output"].show_text(pair_text((rows, columns)))
            self.sizes.setText(f"{height} × {width} → {rows} × {columns}: windows as even as whole cells allow")
        else:
            self.entries["p"].show_text(f"{spec.p:g}")
            self.entries["p"].setEnabled(spec.kind == "lp")
            for key in ("kernel", "stride", "padding", "dilation"):
                self.entries[key].show_text(pair_text(getattr(spec, key)))
            self.ceil.blockSignals(True)
            self.ceil.setChecked(spec.ceil_mode)
            self.ceil.blockSignals(False)
            self.sizes.setText(_both_sizes(changed, spec))
        self.dial.blockSignals(True)
        p = spec.p if isinstance(spec, PoolSpec) else 1.0
        at = {"mean": 0, "max": DIAL_END}.get(kind, round(np.log(max(p, 1.0)) / np.log(MOST_P) * (DIAL_END - 2)) + 1)
        self.dial.setValue(int(at))
        self.dial.blockSignals(False)
        self.error.hide()

    def _try(self, changes: PoolChanges) -> None:
        try:
            self.offer(changes)
        except UserError as error:
            if self._own is not None:
                self._show(self._changes.apply(self._own))
            self.error.setText(error.sentence)
            self.error.show()

    def offer(self, changes: PoolChanges) -> None:
        """Put changes into force; errors as `PoolChanges.apply`."""
        if self._own is None:
            return
        changed = changes.apply(self._own)
        self._changes = changes
        self._show(changed)
        self.changed.emit()

    def _offer_pair(self, key: str) -> Callable[[str], None]:
        def offer(text: str) -> None:
            one: dict[str, Any] = {key: as_pair(integers(text, (1, 2), key))}
            self.offer(replace(self._changes, **one))

        return offer

    def _offer_p(self, text: str) -> None:
        p = real(text, "exponent")
        if not 0 < p <= 1000:
            raise UserError(f"The exponent is {p:g}; it must be above 0 and at most 1000.")
        self.offer(replace(self._changes, p=p))

    @Slot(int)
    def _on_kind_activated(self, index: int) -> None:
        self._try(_with_kind(self._changes, KINDS[index]))

    @Slot(int)
    def _on_dial_value_changed(self, value: int) -> None:
        if value == 0:
            self._try(_with_kind(self._changes, "mean"))
        elif value == DIAL_END:
            self._try(_with_kind(self._changes, "max"))
        else:
            p = round(float(MOST_P ** ((value - 1) / (DIAL_END - 2))), 2)
            kind: Kind = "lp" if self._changes.kind == "lp" else "lp averaged"
            self._try(replace(_with_kind(self._changes, kind), p=p))

    @Slot(bool)
    def _on_ceil_toggled(self, on: bool) -> None:
        self._try(replace(self._changes, ceil_mode=on))

    @Slot()
    def _on_reset_clicked(self) -> None:
        self._try(PoolChanges())

    def sizeHint(self) -> QSize:
        """Return the usual width."""
        return QSize(250, 300)


def _with_kind(changes: PoolChanges, kind: Any) -> PoolChanges:
    """Return the changes with another kind, and without what that kind does not know."""
    changes = replace(changes, kind=kind)
    if kind != "max":
        changes = replace(changes, dilation=(1, 1))
    return replace(changes, padding=(0, 0)) if kind.startswith("lp") else changes


def _both_sizes(changed: Pooling, spec: PoolSpec) -> str:
    """Return the output's size rounded down and up."""
    height, width = changed.x.shape[1:]
    sizes = []
    for ceil in (False, True):
        rows, columns = (
            pooling.pool_output_size(n, k, s, p, d, ceil_mode=ceil)
            for n, k, s, p, d in zip(
                (height, width), spec.kernel, spec.stride, spec.padding, spec.dilation, strict=True
            )
        )
        sizes.append(f"{rows} × {columns}")
    if sizes[0] == sizes[1]:
        return f"{height} × {width} → {sizes[0]}, rounded down or up alike"
    return f"{height} × {width} → {sizes[0]} rounded down (floor), {sizes[1]} rounded up (ceil)"


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
