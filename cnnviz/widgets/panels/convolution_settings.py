"""*What if*: other settings and weights for a convolution, the output-size formula, and settings that would fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core import kernels
from cnnviz.core.convolution import PADDING_MODES, ConvSpec, Pair
from cnnviz.core.errors import UserError
from cnnviz.core.formats import number
from cnnviz.core.operations import Convolution
from cnnviz.core.what_if import ConvChanges
from cnnviz.widgets import theme
from cnnviz.widgets.entry import Entry, integers
from cnnviz.widgets.formula import Formula
from cnnviz.widgets.grid_picture import Grid
from cnnviz.widgets.panels.sizes import as_pair, fits_for, left_overs, padding_text, pair_text, size_tex
from cnnviz.widgets.value_grid import ValueGrid

OWN = "the layer's own"
MOST_WEIGHT = 1e30  # sums of larger ones are beyond single precision
MODE_WORDS = {
    "zeros": "zeros", "reflect": "reflect: mirrored, edge once", "replicate": "replicate: the edge repeated",
    "circular": "circular: from the other side",
}  # fmt: skip


def usable_weight(value: float) -> float:
    """Return a weight.

    Raises
    ------
    UserError
        When nothing can be computed with it.
    """
    if not abs(value) <= MOST_WEIGHT:
        raise UserError(f"{number(value)} cannot be a weight: a number of an ordinary size is needed.")
    return value


class ConvSettings(QScrollArea):
    """The column at the right of a convolution.

    Signals
    -------
    changed(ConvChanges)
        Other settings were accepted.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own: Convolution | None = None
        self._changes = ConvChanges()
        self._place = (0, 0)
        page = QWidget(self)
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, theme.GRID_PX)
        self._column.setSpacing(6)
        self._make_head(page)
        self._make_entries(page)
        self._make_fit(page)
        self._column.addStretch(1)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(248)
        self.setMaximumWidth(300)

    def _make_head(self, page: QWidget) -> None:
        self.reset = QPushButton("&Back to its own settings", page)
        self.reset.setToolTip("Take back every change of settings and weights")
        self.reset.clicked.connect(self._on_reset_clicked)
        self._column.addWidget(self.reset)
        self.kernel_grid = ValueGrid("Kernel", page)
        self.kernel_grid.setToolTip("Type a weight, or turn the wheel over it; with Shift in finer steps")
        self.kernel_grid.set_editable(True)
        self.kernel_grid.edited.connect(self._on_kernel_edited)
        self.kernel_grid.refused.connect(self._on_kernel_refused)
        self.kernel_grid.pressed.connect(self._on_kernel_pressed)
        self._column.addWidget(self.kernel_grid)
        self._weight_error = sentence_label(page)
        self._column.addWidget(self._weight_error)

    def _make_entries(self, page: QWidget) -> None:
        self.named = self._choice("Named kernel", [OWN, *(k.title for k in kernels.KERNELS.values())], page)
        self.named.activated.connect(self._on_named_activated)
        self.entries: dict[str, Entry] = {}
        for key, name, tip, offer in (
            ("kernel", "Kernel size", "Rows × columns, such as 3 or 4 × 2", self._offer_pair("kernel")),
            ("stride", "Stride", "How far the kernel moves: down × across", self._offer_pair("stride")),
            ("padding", "Padding", "All sides, down × across, four sides (top, bottom, left, right), or same",
             self._offer_padding),
            ("dilation", "Dilation", "How far the kernel's cells lie apart", self._offer_pair("dilation")),
            ("groups", "Groups", "Channels are split into so many groups, each with its own filters",
             self._offer_groups),
        ):  # fmt: skip
            self.entries[key] = Entry(name, tip, offer, page)
            self._column.addWidget(self.entries[key])
        self.mode = self._choice("Padding holds", [MODE_WORDS[mode] for mode in PADDING_MODES], page)
        self.mode.activated.connect(self._on_mode_activated)
        self._mode_error = sentence_label(page)
        self._column.addWidget(self._mode_error)
        self.flip = QCheckBox("&Flip the kernel: a true convolution", page)
        self.flip.setToolTip(
            "Networks compute the cross-correlation; mathematics turns the kernel by half a turn first"
        )
        self.flip.toggled.connect(self._on_flip_toggled)
        self._column.addWidget(self.flip)

    def _choice(self, name: str, texts: list[str], page: QWidget) -> QComboBox:
        box = QComboBox(page)
        box.setAccessibleName(name)
        box.addItems(texts)
        box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        label = QLabel(name, page)
        label.setBuddy(box)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(box, 1)
        self._column.addLayout(row)
        return box

    def _make_fit(self, page: QWidget) -> None:
        self.rows_formula = Formula("Rows of the output", page)
        self.columns_formula = Formula("Columns of the output", page)
        self._rows_words, self._columns_words = QLabel("Rows", page), QLabel("Columns", page)
        for words, formula in (
            (self._rows_words, self.rows_formula), (self._columns_words, self.columns_formula),
        ):  # fmt: skip
            self._column.addWidget(words)
            self._column.addWidget(formula)
        self.misfit = sentence_label(page)
        self._column.addWidget(self.misfit)
        self.fits: list[QPushButton] = []
        for _ in range(3):
            button = QPushButton(page)
            button.hide()
            self.fits.append(button)
            self._column.addWidget(button)
            button.clicked.connect(self._on_fit_clicked)

    # -- what is shown --------------------------------------------------------------------------------------------

    @property
    def changes(self) -> ConvChanges:
        """What is changed."""
        return self._changes

    def put(self, changes: ConvChanges) -> None:
        """Take changes that fitted before; `show_own` applies them."""
        self._changes = changes
        self._own = None

    def show_own(self, own: Convolution) -> Convolution:
        """Take another operation; return it with the changes, or without them where they do not fit it."""
        before = self._own
        self._own = own
        if not self._changes.any and before is not None and _alike(before, own):
            return own  # only the values are others: nothing that is shown here
        if before is not None and before.weight.shape != own.weight.shape:
            self._changes = replace(self._changes, weights=())  # single weights belong to the other kernels
        try:
            changed = self._changes.apply(own)
        except UserError:
            self._changes = ConvChanges()
            changed = own
        self._show(changed)
        return changed

    def show_kernel(self, unit: int, channel: int, changed: Convolution) -> None:
        """Show the kernel of a filter and a channel of its group."""
        self._place = (unit, min(channel, changed.weight.shape[1] - 1))
        values = changed.weight[self._place]
        most = float(abs(changed.weight[unit]).max()) or 1.0
        title = f"kernel of filter {unit}, channel {channel}"
        self.kernel_grid.setFixedHeight(round(theme.text_px() * 1.4) + 6 + min(240, max(2, values.shape[0]) * 40))
        self.kernel_grid.show_grid(Grid(values, -most, most, "weight", title))

    def _show(self, changed: Convolution) -> None:
        spec = changed.spec
        self.reset.setEnabled(self._changes.any)
        texts = {
            "kernel": pair_text(spec.kernel), "stride": pair_text(spec.stride),
            "padding": "same" if self._changes.padding == "same" else padding_text(spec.padding),
            "dilation": pair_text(spec.dilation), "groups": str(spec.groups),
        }  # fmt: skip
        for key, text in texts.items():
            self.entries[key].show_text(text)
        self.mode.setCurrentIndex(PADDING_MODES.index(spec.padding_mode))
        names = list(kernels.KERNELS)
        self.named.setCurrentIndex(names.index(self._changes.named) + 1 if self._changes.named else 0)
        self.flip.blockSignals(True)
        self.flip.setChecked(self._changes.flipped)
        self.flip.blockSignals(False)
        for sentence in (self._weight_error, self._mode_error):
            sentence.hide()
        self._show_fit(changed)

    def _show_fit(self, changed: Convolution) -> None:
        """Show the output-size formula, what is left over, and what would fit."""
        spec = changed.spec
        height, width = changed.x.shape[1:]
        top, bottom, left, right = spec.padding
        _, rows, columns = changed.output_shape
        sides = ((height, (top, bottom), 0, rows), (width, (left, right), 1, columns))
        for (n, pads, axis, result), formula in zip(sides, (self.rows_formula, self.columns_formula), strict=True):
            kernel, stride, dilation = spec.kernel[axis], spec.stride[axis], spec.dilation[axis]
            tex = size_tex(n, kernel, stride, sum(pads), dilation, result)
            words = (
                f"floor of {n} plus {sum(pads)} minus {dilation} times {kernel} minus 1, minus 1, all over {stride},"
                f" plus 1 is {result}"
            )
            formula.show_tex(tex, words)
        alike = sides[0][0] == sides[1][0] and spec.kernel[0] == spec.kernel[1] and spec.stride[0] == spec.stride[1]
        alike = alike and (top + bottom, spec.dilation[0]) == (left + right, spec.dilation[1])
        self._rows_words.setText("Rows and columns" if alike else "Rows")
        self._columns_words.setVisible(not alike)
        self.columns_formula.setVisible(not alike)
        rest = left_overs(changed)
        self.misfit.setVisible(any(rest))
        if any(rest):
            over = [f"{n} {what}{'s' if n > 1 else ''}" for n, what in zip(rest, ("row", "column"), strict=True) if n]
            verb = "is" if sum(rest) == 1 else "are"
            self.misfit.setText(f"{' and '.join(over)} at the end {verb} never reached. What would fit:")
        self._offer_fits(spec, (height, width), rest)

    def _offer_fits(self, spec: ConvSpec, size: Pair, rest: Pair) -> None:
        """Offer the three nearest settings with which nothing is left over."""
        offers = fits_for(spec, size) if any(rest) else []
        for button, offer in zip(self.fits, [*offers, None, None, None], strict=False):
            button.setVisible(offer is not None)
            if offer is not None:
                button.setText(offer[0])
                button.setProperty("changes", offer[1])

    # -- by hand --------------------------------------------------------------------------------------------------

    def offer(self, changes: ConvChanges) -> None:
        """Put changes into force.

        Raises
        ------
        UserError
            When they do not fit; what was in force stays.
        """
        if self._own is None:
            return
        changed = changes.apply(self._own)
        self._changes = changes
        self._show(changed)
        self.changed.emit(changes)

    def _offer_pair(self, key: str) -> Callable[[str], None]:
        def offer(text: str) -> None:
            one: dict[str, Any] = {key: as_pair(integers(text, (1, 2), key))}
            changes = replace(self._changes, **one)
            if key == "kernel":
                changes = replace(changes, weights=())  # single weights belong to the other size
            self.offer(changes)

        return offer

    def _offer_padding(self, text: str) -> None:
        if text.lower() == "same":
            self.offer(replace(self._changes, padding="same"))
            return
        numbers = integers(text, (1, 2, 4), "padding")
        if len(numbers) < 4:
            down, across = as_pair(numbers)
            numbers = (down, down, across, across)
        top, bottom, left, right = numbers
        self.offer(replace(self._changes, padding=(top, bottom, left, right)))

    def _offer_groups(self, text: str) -> None:
        (groups,) = integers(text, (1,), "number of groups")
        self.offer(replace(self._changes, groups=groups, weights=()))

    def _try(self, changes: ConvChanges, sentence: QLabel) -> None:
        try:
            self.offer(changes)
        except UserError as error:
            sentence.setText(error.sentence)
            sentence.show()
            if self._own is not None:
                self.mode.setCurrentIndex(PADDING_MODES.index(self._changes.apply(self._own).spec.padding_mode))

    @Slot(int)
    def _on_mode_activated(self, index: int) -> None:
        self._try(replace(self._changes, padding_mode=PADDING_MODES[index]), self._mode_error)

    @Slot(int)
    def _on_named_activated(self, index: int) -> None:
        named = list(kernels.KERNELS)[index - 1] if index else None
        changes = replace(self._changes, named=named, weights=())
        kernel = changes.kernel or (self._own.spec.kernel if self._own is not None else (3, 3))
        if named is not None:
            try:
                kernels.kernel(named, kernel)
            except UserError:
                changes = replace(changes, kernel=(3, 3))  # its natural size
        self._try(changes, self._weight_error)
        self.named.setCurrentIndex(list(kernels.KERNELS).index(self._changes.named) + 1 if self._changes.named else 0)

    @Slot(bool)
    def _on_flip_toggled(self, on: bool) -> None:
        self._try(replace(self._changes, flipped=on), self._weight_error)

    @Slot(int, int)
    def _on_kernel_pressed(self, row: int, column: int) -> None:
        self.kernel_grid.show_cell((row, column))

    @Slot(int, int, float)
    def _on_kernel_edited(self, row: int, column: int, value: float) -> None:
        if self._changes.flipped:  # what is seen is turned; the weight itself is not
            rows, columns = self.kernel_grid.grid.values_hw.shape if self.kernel_grid.grid else (1, 1)
            row, column = rows - 1 - row, columns - 1 - column
        try:
            changes = self._changes.with_weight((*self._place, row, column), usable_weight(value))
        except UserError as error:
            self._on_kernel_refused(error.sentence)
        else:
            self._try(changes, self._weight_error)

    @Slot(str)
    def _on_kernel_refused(self, sentence: str) -> None:
        self._weight_error.setText(sentence)
        self._weight_error.show()

    @Slot()
    def _on_reset_clicked(self) -> None:
        self.offer(ConvChanges())

    @Slot()
    def _on_fit_clicked(self) -> None:
        changes = self.sender().property("changes")
        if isinstance(changes, ConvChanges):
            merged = replace(
                self._changes, kernel=changes.kernel or self._changes.kernel,
                stride=changes.stride or self._changes.stride, padding=changes.padding,
            )  # fmt: skip
            if changes.kernel is not None:
                merged = replace(merged, weights=())
            self._try(merged, self._weight_error)

    def sizeHint(self) -> QSize:
        """Return the usual width."""
        return QSize(264, 320)


def _alike(a: Convolution, b: Convolution) -> bool:
    """Return whether two operations differ in their numbers only."""
    return a.spec == b.spec and a.x.shape == b.x.shape and a.weight.shape == b.weight.shape


def sentence_label(parent: QWidget) -> QLabel:
    """Return a label for something that is wrong, hidden as long as nothing is."""
    label = QLabel(parent)
    label.setWordWrap(True)
    palette = QPalette(label.palette())
    palette.setColor(QPalette.ColorRole.WindowText, theme.current().color("bad"))
    label.setPalette(palette)
    label.hide()
    return label
