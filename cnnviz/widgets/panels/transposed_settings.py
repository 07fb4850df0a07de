"""Other settings and weights for a transposed convolution, and its output-size formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget

from cnnviz.core.errors import UserError
from cnnviz.core.operations import TransposedConvolution, edited
from cnnviz.core.transposed import TransposedSpec
from cnnviz.core.what_if import check_sides, resized
from cnnviz.widgets import theme
from cnnviz.widgets.entry import Entry, integers
from cnnviz.widgets.formula import Formula, coloured
from cnnviz.widgets.grid_picture import Grid
from cnnviz.widgets.panels.convolution_settings import sentence_label, usable_weight
from cnnviz.widgets.panels.sizes import as_pair, pair_text
from cnnviz.widgets.value_grid import ValueGrid

KEYS = ("kernel", "stride", "padding", "output_padding", "dilation")


class TransposedSettings(QScrollArea):
    """The column at the right of a transposed convolution.

    Signals
    -------
    changed()
        Other settings were accepted.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own: TransposedConvolution | None = None
        self._settings: dict[str, Any] = {}
        self._weights: tuple[tuple[tuple[int, ...], float], ...] = ()
        self._place = (0, 0)
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, theme.GRID_PX)
        self.reset = QPushButton("&Back to its own settings", page)
        self.reset.clicked.connect(self._on_reset_clicked)
        column.addWidget(self.reset)
        self.kernel_grid = ValueGrid("Kernel", page)
        self.kernel_grid.set_editable(True)
        self.kernel_grid.edited.connect(self._on_kernel_edited)
        self.kernel_grid.pressed.connect(lambda row, column: self.kernel_grid.show_cell((row, column)))
        column.addWidget(self.kernel_grid)
        self.error = sentence_label(page)
        self.kernel_grid.refused.connect(self._say)
        column.addWidget(self.error)
        self.entries: dict[str, Entry] = {}
        for key, name, tip in zip(
            KEYS,
            ("Kernel size", "Stride", "Padding", "Output padding", "Dilation"),
            (
                "Rows × columns",
                "How far apart the stamps lie",
                "What is cut off at each side",
                "Rows and columns added at the end; below stride or dilation",
                "How far the kernel's cells lie apart",
            ),
            strict=True,
        ):
            self.entries[key] = Entry(name, tip, self._offer(key), page)
            column.addWidget(self.entries[key])
        self.formula = Formula("Rows of the output", page)
        column.addWidget(self.formula)
        column.addStretch(1)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(236)
        self.setMaximumWidth(290)

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from the layer's own."""
        return bool(self._settings or self._weights)

    def _apply(self, settings: dict[str, Any], weights: Any) -> TransposedConvolution:
        """Return the operation as it is changed; a `UserError` when that does not fit."""
        assert self._own is not None
        own = self._own.spec
        values = {key: settings.get(key, getattr(own, key)) for key in KEYS}
        spec = TransposedSpec(
            values["kernel"],
            values["stride"],
            values["padding"],
            values["output_padding"],
            values["dilation"],
            own.groups,
        )
        weight = self._own.weight if spec.kernel == own.kernel else resized(self._own.weight, spec.kernel)
        check_sides(spec.output_shape(*self._own.x.shape[1:]))
        changed = TransposedConvolution(
            self._own.x, edited(weight, weights) if weights else weight, self._own.bias, spec
        )
        _ = changed.output_shape
        return changed

    def edits(self) -> object:
        """Return what is changed."""
        return (self._settings, self._weights)

    def put(self, edits: object) -> None:
        """Take changes that fitted before; `show_own` applies them."""
        self._settings, self._weights = edits if isinstance(edits, tuple) else ({}, ())
        self._own = None

    def show_own(self, own: TransposedConvolution) -> TransposedConvolution:
        """Take another operation; return it with the changes, or without them where they do not fit it."""
        if self._own is not None and self._own.weight.shape != own.weight.shape:
            self._weights = ()  # single weights belong to the other kernels
        self._own = own
        try:
            changed = self._apply(self._settings, self._weights)
        except UserError:
            self._settings, self._weights, changed = {}, (), own
        self._show(changed)
        return changed

    def _show(self, changed: TransposedConvolution) -> None:
        spec = changed.spec
        self.reset.setEnabled(self.is_changed)
        for key, entry in self.entries.items():
            entry.show_text(pair_text(getattr(spec, key)))
        n, rows = changed.x.shape[1], changed.output_shape[1]
        kernel, stride, padding, extra, dilation = (getattr(spec, key)[0] for key in KEYS)
        tex = (
            rf"({n}-1)\cdot{stride} - 2\cdot{padding} + {dilation}({coloured('kernel', str(kernel))}-1) + {extra} + 1 ="
            rf" {coloured('accent', str(rows))}"
        )
        self.formula.show_tex(tex, f"the output has {rows} rows")
        self.error.hide()
        self.show_kernel(*self._place, changed)

    def show_kernel(self, unit: int, channel: int, changed: TransposedConvolution) -> None:
        """Show the kernel from an input channel to an output map."""
        self._place = (unit, channel)
        values = changed.weight[min(channel, len(changed.weight) - 1), unit % changed.weight.shape[1]]
        most = float(abs(changed.weight).max()) or 1.0
        self.kernel_grid.setFixedHeight(round(theme.text_px() * 1.4) + 6 + min(240, max(2, values.shape[0]) * 40))
        self.kernel_grid.show_grid(Grid(values, -most, most, "weight", f"kernel from map {channel} to map {unit}"))

    def _put(self, settings: dict[str, Any], weights: Any) -> None:
        changed = self._apply(settings, weights)
        self._settings, self._weights = settings, weights
        self._show(changed)
        self.changed.emit()

    def _offer(self, key: str) -> Callable[[str], None]:
        def offer(text: str) -> None:
            if self._own is not None:
                pair = as_pair(integers(text, (1, 2), key.replace("_", " ")))
                self._put({**self._settings, key: pair}, () if key == "kernel" else self._weights)

        return offer

    @Slot(int, int, float)
    def _on_kernel_edited(self, row: int, column: int, value: float) -> None:
        if self._own is not None:
            unit, channel = self._place
            place = (channel, unit % self._own.weight.shape[1], row, column)
            kept = tuple(change for change in self._weights if change[0] != place)
            try:
                usable_weight(value)
            except UserError as error:
                self._say(error.sentence)
                return
            self._put(self._settings, (*kept, (place, value)))

    @Slot(str)
    def _say(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.show()

    @Slot()
    def _on_reset_clicked(self) -> None:
        if self._own is not None:
            self._put({}, ())

    def sizeHint(self) -> QSize:
        """Return the usual width."""
        return QSize(250, 300)
