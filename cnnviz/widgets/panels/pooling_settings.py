"""*What if*: other settings for a pooling, and the dial of its p-norm."""

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
from cnnviz.core.operations import Pooling
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec
from cnnviz.core.what_if import check_sides
from cnnviz.widgets import theme
from cnnviz.widgets.entry import Entry, integers, real
from cnnviz.widgets.panels.convolution_settings import sentence_label
from cnnviz.widgets.panels.sizes import as_pair, pair_text

DIAL_END = 100
MOST_P = 64.0
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
