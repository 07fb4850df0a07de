"""The laboratory: every operation on one's own numbers, the lectures' examples, and the PyTorch for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QSplitter,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.code import code
from cnnviz.core.errors import UserError
from cnnviz.core.operations import Convolution, Dense, Operation, TransposedConvolution
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.lab import compute
from cnnviz.views.lab.compute import Counting, Preset
from cnnviz.widgets import theme
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.entry import Entry, integers, real
from cnnviz.widgets.panels import table
from cnnviz.widgets.panels.base import OperationPanel, Subject
from cnnviz.widgets.panels.parameters import ParametersPanel

MOST_STEPS = 100
COUNTING_GROUP = "Parameters and cost"
CODE_PX = 150
_HISTORY_KEYS = {"Ctrl+Z": "undo", "Ctrl+Shift+Z": "redo", "Ctrl+Y": "redo"}


@dataclass(frozen=True, eq=False)
class Bench:
    """What lies on the table: the operation, the panel's changes of it, and the example it began with.

    Attributes
    ----------
    is_own
        The operation is the example's own.
    """

    operation: Operation
    edits: object
    preset: Preset
    is_own: bool = False


class LabView(View):
    """A page of its own."""

    shows_values = False

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self._bench: Bench | None = None
        self._history: list[Bench] = []
        self._future: list[Bench] = []
        self._panels: dict[type[Operation], OperationPanel] = {}
        self._fresh: dict[type[Operation], object] = {}  # what a panel that nobody touched calls its changes
        self._make_list()
        self._make_controls()
        self._make_middle()
        self._lay_out()
        self.setFocusProxy(self.presets)
        self._choose(compute.PRESETS[0].title)

    # -- building -------------------------------------------------------------------------------------------------

    def _make_list(self) -> None:
        self.presets = QTreeWidget(self)
        self.presets.setHeaderHidden(True)
        self.presets.setAccessibleName("Operations and examples")
        self.presets.setToolTip("An operation with numbers to begin with; everything can be changed")
        groups: dict[str, QTreeWidgetItem] = {}
        named = [(preset.group, preset.title, preset) for preset in compute.PRESETS]
        counted = [(COUNTING_GROUP, title, sizes) for title, sizes in compute.COUNTINGS]
        for group, title, what in [*named, *counted]:
            if group not in groups:
                groups[group] = QTreeWidgetItem(self.presets, [group])
                groups[group].setFlags(Qt.ItemFlag.ItemIsEnabled)
            item = QTreeWidgetItem(groups[group], [title])
            item.setData(0, Qt.ItemDataRole.UserRole, what)
        self.presets.expandAll()
        self.presets.currentItemChanged.connect(self._on_presets_current_changed)

    def _make_controls(self) -> None:
        self._controls = QWidget(self)
        column = QVBoxLayout(self._controls)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.entries: dict[str, Entry] = {}
        for key, name, tip, offer in (
            ("size", "Input size", "Rows × columns of the input, at most 64", self._offer_size),
            ("maps", "Input maps", "How many maps the input has, at most 16", self._offer_maps),
            ("filters", "Filters", "How many output maps or nodes, at most 16", self._offer_filters),
            ("bias", "Bias", "One number for all filters, or one for each", self._offer_bias),
            ("values", "Values", "Numbers separated by commas", self._offer_values),
            ("weights", "Weights", "A row for each node; rows separated by semicolons", self._offer_weights),
            ("brush", "Paint with", "Drag over the input to paint this value", self._offer_brush),
        ):
            self.entries[key] = Entry(name, tip, offer, self._controls)
            column.addWidget(self.entries[key])
        self.entries["brush"].show_text("1")
        self._brush = 1.0
        self.paint = QCheckBox("&Paint the input by dragging", self._controls)
        self.paint.toggled.connect(self._on_paint_toggled)
        column.addWidget(self.paint)
        row = QHBoxLayout()
        for words, tip, run in (
            ("&Digit", "Take the drawn digit as the input", self._on_digit_clicked),
            ("P&hoto", "Take one colour of the opened picture as the input", self._on_photo_clicked),
            ("&Zeros", "Empty the input", self._on_zeros_clicked),
        ):
            row.addWidget(self._button(words, tip, run))
        column.addLayout(row)
        self._fillers = row
        row = QHBoxLayout()
        self._undo = self._button("Undo", "Take the last change back (Ctrl+Z)", self.undo)
        self._redo = self._button("Redo", "Do it again", self.redo)
        again = self._button("&Reset", "Back to the example's own numbers", self._on_again_clicked)
        for button in (self._undo, self._redo, again):
            row.addWidget(button)
        column.addLayout(row)

    def _button(self, words: str, tip: str, run: Callable[[], None]) -> QPushButton:
        button = QPushButton(words, self._controls)
        button.setToolTip(tip)
        button.setMinimumWidth(56)
        button.clicked.connect(run)
        return button

    def _make_middle(self) -> None:
        self._note = QLabel(self)
        self._note.setWordWrap(True)
        self._stack = QStackedWidget(self)
        self.parameters = ParametersPanel(self)
        self._stack.addWidget(self.parameters)
        self._digits = QSpinBox(self)
        self._digits.setRange(2, 7)
        self._digits.setValue(3)
        self._digits.setAccessibleName("Digits")
        self._digits.setToolTip("With how many digits numbers are written")
        self._digits.valueChanged.connect(self._on_digits_changed)
        self._show_code = QCheckBox("P&yTorch", self)
        self._show_code.setToolTip("The shortest PyTorch that gives the numbers on screen")
        self._show_code.toggled.connect(self._on_show_code_toggled)
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setAccessibleName("PyTorch for the numbers on screen")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFixedHeight(CODE_PX)
        self.text.hide()
        self._copy = QPushButton("&Copy", self)
        self._copy.setToolTip("Copy the text")
        self._copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        self._copy.hide()

    def _lay_out(self) -> None:
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(theme.GRID_PX, theme.GRID_PX, 0, theme.GRID_PX)
        column.addWidget(self.presets, 1)
        column.addWidget(self._controls)
        left.setMinimumWidth(240)
        area = QScrollArea(self)
        area.setWidget(self._stack)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        head = QHBoxLayout()
        label = QLabel("Digits", self)
        label.setBuddy(self._digits)
        head.addWidget(self._note, 1)
        head.addWidget(label)
        head.addWidget(self._digits)
        head.addWidget(self._show_code)
        head.addWidget(self._copy)
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        column.addLayout(head)
        column.addWidget(area, 1)
        column.addWidget(self.text)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([300, 900])
        splitter.setChildrenCollapsible(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(splitter)

    # -- what is shown --------------------------------------------------------------------------------------------

    @property
    def panel(self) -> OperationPanel | None:
        """The panel in sight."""
        found = self._stack.currentWidget()
        return found if isinstance(found, OperationPanel) else None

    @property
    def operation(self) -> Operation | None:
        """What is computed, with every change."""
        return self.panel.operation if self.panel is not None else None

    def open(self, preset: Preset) -> None:
        """Begin with an example."""
        self._put(Bench(preset.make(), None, preset, is_own=True))

    def _put(self, bench: Bench, *, remember: bool = True) -> None:
        """Lay something else on the table."""
        if remember and self._bench is not None:
            self._history = [*self._history[-MOST_STEPS:], self._bench]
            self._future = []
        self._bench = bench
        kind = type(bench.operation)
        if kind not in self._panels:
            panel = self._panels[kind] = table.create(bench.operation, self._stack)
            self._fresh[kind] = panel.edits()
            panel.set_digits(self._digits.value())
            panel.input_edited.connect(self._on_panel_input_edited)
            panel.changed.connect(self._on_panel_changed)
            panel.refused.connect(self._on_panel_refused)
            self._stack.addWidget(panel)
            if self._heard:
                self.hear(panel)
        panel = self._panels[kind]
        edits = self._fresh[kind] if bench.edits is None else bench.edits
        others = hasattr(edits, "apply") and _filters(panel) != _weights(bench.operation)
        if others or panel.edits() != edits:
            panel.put_edits(edits)  # also for another number of filters, with which a panel forgets them
        x = compute.input_of(bench.operation)
        roles: tuple[MapRole, ...] = ("signed", "signed")
        title, editable = bench.preset.title, x.ndim == 3
        panel.show_subject(Subject(bench.operation, None, ("input", "F(x)"), title, roles, editable=editable))
        self._stack.setCurrentWidget(panel)
        self._bench = replace(bench, edits=panel.edits())
        self._show_brush()
        self._show_controls()

    def _show_controls(self) -> None:
        """Show what can be set for this operation, and what is in force."""
        assert self._bench is not None
        operation = self._bench.operation
        x = compute.input_of(operation)
        filters = isinstance(operation, (Convolution, TransposedConvolution, Dense))
        visible = {
            "size": x.ndim == 3, "maps": x.ndim == 3, "brush": x.ndim == 3, "filters": filters, "bias": filters,
            "values": x.ndim == 1, "weights": isinstance(operation, Dense),
        }  # fmt: skip
        for key, entry in self.entries.items():
            entry.setVisible(visible[key])
        self.paint.setVisible(x.ndim == 3)
        for index in range(self._fillers.count()):
            item = self._fillers.itemAt(index)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.setVisible(x.ndim == 3)
        if x.ndim == 3:
            self.entries["size"].show_text(f"{x.shape[1]} × {x.shape[2]}")
            self.entries["maps"].show_text(str(len(x)))
        else:
            self.entries["values"].show_text(", ".join(f"{v:g}" for v in x))
        if isinstance(operation, (Convolution, TransposedConvolution, Dense)):
            self.entries["filters"].show_text(str(operation.output_shape[0]))
            bias = [] if operation.bias is None else [f"{v:g}" for v in operation.bias]
            self.entries["bias"].show_text(bias[0] if len(set(bias)) == 1 else ", ".join(bias))
        if isinstance(operation, Dense):
            self.entries["weights"].show_text("; ".join(", ".join(f"{v:g}" for v in row) for row in operation.weight))
        self._undo.setEnabled(bool(self._history))
        self._redo.setEnabled(bool(self._future))
        self._controls.show()
        self._show_code.setVisible(True)
        self._say()

    def _say(self) -> None:
        """Show the note and the program for what is on the table."""
        operation = self.operation
        if self._bench is None or operation is None:
            return
        own = self._bench.is_own and self._bench.operation is operation
        self._note.setText(self._bench.preset.note(operation) if own else "")
        if self._show_code.isChecked():
            self.text.setPlainText(code(operation))

    def _show_counting(self, sizes: Counting) -> None:
        self._history, self._future, self._bench = [], [], None
        self.parameters.show_sizes(asdict(sizes))
        self._stack.setCurrentWidget(self.parameters)
        self._controls.hide()
        self.text.hide()
        self._copy.hide()
        self._show_code.hide()
        self._note.setText("A dense layer against a convolution on the same image; move any slider.")

    # -- undo -----------------------------------------------------------------------------------------------------

    @Slot()
    def undo(self) -> None:
        """Take the last change back."""
        if self._history and self._bench is not None and self.panel is not None:
            self._future.append(self._bench)
            self._put(self._history.pop(), remember=False)

    @Slot()
    def redo(self) -> None:
        """Do a change again."""
        if self._future and self._bench is not None and self.panel is not None:
            self._history.append(self._bench)
            self._put(self._future.pop(), remember=False)

    def event(self, event: QEvent) -> bool:
        """Claim the keys of undo and redo: those of the board are in the window's menu."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _history_key(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take back, or do again."""
        what = _history_key(event)
        if what == "undo":
            self.undo()
        elif what == "redo":
            self.redo()
        else:
            super().keyPressEvent(event)

    # -- from the user --------------------------------------------------------------------------------------------

    def _change(self, operation: Operation, *, remember: bool = True) -> None:
        """Take another operation of the same kind, with the panel's changes."""
        assert self._bench is not None
        panel = self.panel
        bench = Bench(operation, panel.edits() if panel is not None else None, self._bench.preset)
        self._put(bench, remember=remember)

    @Slot(object, object)
    def _on_presets_current_changed(self, item: QTreeWidgetItem | None, before: QTreeWidgetItem | None) -> None:
        what = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None
        if isinstance(what, Preset):
            self._history, self._future, self._bench = [], [], None
            self.open(what)
            if self._show_code.isChecked():
                self.text.show()
                self._copy.show()
        elif isinstance(what, Counting):
            self._show_counting(what)

    @Slot()
    def _on_again_clicked(self) -> None:
        if self._bench is not None:
            self.open(self._bench.preset)

    @Slot(int, int, int, float)
    def _on_panel_input_edited(self, channel: int, row: int, column: int, value: float) -> None:
        if self._bench is None:
            return
        try:
            compute.check_value(value, "input")
        except UserError as error:
            self.entries["size"].say(error.sentence)
            return
        grid = getattr(self.panel, "input_grid", None)
        begins = grid is None or not grid.is_in_stroke  # what one drag paints is one step back
        self._change(compute.with_cell(self._bench.operation, (channel, row, column), value), remember=begins)

    @Slot(str)
    def _on_panel_refused(self, sentence: str) -> None:
        self.entries["size"].say(sentence)

    @Slot()
    def _on_panel_changed(self) -> None:
        """Remember the panel's changes; the operation under them stays."""
        panel = self.panel
        if self._bench is not None and panel is not None and panel is self.sender():
            self._history = [*self._history[-MOST_STEPS:], self._bench]
            self._future = []
            self._bench = replace(self._bench, edits=panel.edits())
            self._show_controls()

    def _offer_size(self, text: str) -> None:
        assert self._bench is not None
        sizes = integers(text, (1, 2), "input size")
        self._offer(compute.with_size(self._bench.operation, sizes[0], sizes[-1]))

    def _offer_maps(self, text: str) -> None:
        assert self._bench is not None
        (count,) = integers(text, (1,), "number of maps")
        x = compute.input_of(self._bench.operation)
        self._offer(compute.with_size(self._bench.operation, x.shape[1], x.shape[2], count))

    def _offer_filters(self, text: str) -> None:
        assert self._bench is not None
        (count,) = integers(text, (1,), "number of filters")
        self._offer(compute.with_filters(self._bench.operation, count))

    def _offer_bias(self, text: str) -> None:
        assert self._bench is not None
        self._offer(compute.with_bias(self._bench.operation, compute.numbers(text, "bias")))

    def _offer_values(self, text: str) -> None:
        assert self._bench is not None
        self._offer(compute.with_values(self._bench.operation, compute.numbers(text, "input")))

    def _offer_weights(self, text: str) -> None:
        assert self._bench is not None
        rows = [compute.numbers(row, "weights") for row in text.split(";") if row.strip()]
        self._offer(compute.with_weights(self._bench.operation, rows))

    def _offer_brush(self, text: str) -> None:
        value = real(text, "value to paint with")
        compute.check_value(value, "value to paint with")
        self._brush = value
        self._show_brush()

    def _offer(self, operation: Operation) -> None:
        """Take an operation that fits by itself; refuse it if the panel's changes do not fit it."""
        panel = self.panel
        edits = panel.edits() if panel is not None else None
        apply = getattr(edits, "apply", None)
        if apply is not None:
            try:
                apply(operation)
            except IndexError:
                raise UserError(
                    "A weight that was changed by hand would be gone; go back to the example's own weights first."
                ) from None
        self._change(operation)

    def _fill(self, change: Callable[[], Operation]) -> None:
        try:
            self._offer(change())
        except UserError as error:
            self.entries["size"].say(error.sentence)

    @Slot()
    def _on_digit_clicked(self) -> None:
        current = self.state.input
        if self._bench is None:
            return
        if current is None or current.blank:
            self.entries["size"].say("Nothing is drawn yet: draw a digit under Explore.")
            return
        operation, image_hw = self._bench.operation, current.image_hw
        self._fill(lambda: compute.from_digit(operation, image_hw))

    @Slot()
    def _on_photo_clicked(self) -> None:
        current = self.state.input
        if self._bench is None:
            return
        if current is None or current.photo is None or current.blank:
            self.entries["size"].say("No picture is open: open one under Explore.")
            return
        operation, pixels = self._bench.operation, current.photo
        channel = getattr(self.panel, "channel", 0)
        self._fill(lambda: compute.from_photo(operation, pixels, channel))

    @Slot()
    def _on_zeros_clicked(self) -> None:
        if self._bench is not None:
            operation = self._bench.operation
            self._fill(lambda: compute.with_input(operation, 0 * compute.input_of(operation)))

    @Slot(bool)
    def _on_paint_toggled(self, on: bool) -> None:
        self._show_brush()

    def _show_brush(self) -> None:
        grid = getattr(self.panel, "input_grid", None)
        if grid is not None and self._bench is not None:
            editable = compute.input_of(self._bench.operation).ndim == 3
            grid.set_editable(editable, self._brush if self.paint.isChecked() else None)

    @Slot(bool)
    def _on_show_code_toggled(self, on: bool) -> None:
        self.text.setVisible(on)
        self._copy.setVisible(on)
        self._say()

    @Slot(int)
    def _on_digits_changed(self, digits: int) -> None:
        for panel in self._panels.values():
            panel.set_digits(digits)

    def remember(self, settings: Settings) -> None:
        """Store which example lies on the table."""
        item = self.presets.currentItem()
        group = item.parent() if item is not None else None
        settings.put("lab/preset", f"{group.text(0)}/{item.text(0)}" if item is not None and group is not None else "")
        settings.put("lab/code", self._show_code.isChecked())
        settings.put("lab/digits", self._digits.value())

    def recall(self, settings: Settings) -> None:
        """Bring it back."""
        self._digits.setValue(settings.integer("lab/digits", 3, 2, 7))
        self._show_code.setChecked(settings.get("lab/code", False))
        self._choose(settings.get("lab/preset", ""))

    def _choose(self, title: str) -> None:
        """Choose an example by its words, or by "group/words"; nothing happens where there is none."""
        for item in self.presets.findItems("", Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive):
            group = item.parent()
            if group is not None and title in (item.text(0), f"{group.text(0)}/{item.text(0)}"):
                self.presets.setCurrentItem(item)
                return


def _history_key(event: QKeyEvent) -> str:
    """Return ``undo`` or ``redo`` where that is what the keys mean, else nothing."""
    keys = QKeySequence(event.keyCombination()).toString(QKeySequence.SequenceFormat.PortableText)
    return _HISTORY_KEYS.get(keys, "")


def _weights(operation: Operation | None) -> object:
    """Return the shape of an operation's weights, if it has any."""
    return getattr(getattr(operation, "weight", None), "shape", None)


def _filters(panel: OperationPanel) -> object:
    """Return the shape of the weights that a panel shows."""
    return _weights(panel.subject.operation) if panel.subject is not None else None
