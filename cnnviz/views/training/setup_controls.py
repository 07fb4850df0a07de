"""The controls of the set-up panel: each shows one value, and says when the user sets another."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from cnnviz.datasets.registry import DATASETS
from cnnviz.state.data_state import NetworkLayers
from cnnviz.training import runs
from cnnviz.training.config import PRETRAINED
from cnnviz.training.layers_of import freeze_fault
from cnnviz.views.training import setup_values
from cnnviz.views.training.setup_data import say, words_label
from cnnviz.views.training.setup_fields import Field, Value
from cnnviz.widgets import theme
from cnnviz.widgets.entry import Entry
from cnnviz.widgets.freeze_line import FreezeLine

FILE, RUN = "…file", "…run"
READING = "The layers of the network are being read."
NO_LAYERS = "The layers stand here as soon as these settings go together."


class SteadyCombo(QComboBox):
    """A list that the wheel turns only when it has the focus, so that the page behind it scrolls."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(3)
        self.setMaxVisibleItems(24)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave undo and redo to the panel; everything else is looked for in the list."""
        if event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn only what is in hand."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Control(QWidget):
    """Shows a value of the table.

    Signals
    -------
    changed(str, object)
        The user set another: the field's name and the value.
    """

    changed = Signal(str, object)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self.setToolTip(field.sentence)

    def show_value(self, value: Value) -> None:
        """Show what is in force."""

    def say(self, value: Value) -> None:
        """Tell that the user set a value."""
        self.changed.emit(self.field.name, value)


class NumberControl(Control):
    """A number, its error in a sentence below."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self._value: Value = 0
        self.entry = Entry(field.label, field.sentence, self._offer, self)
        self.entry.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.entry.field.turned.disconnect()  # a notch is not one for all numbers
        self.entry.field.turned.connect(self._on_field_turned)
        self.setFocusProxy(self.entry.field)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.entry)

    def show_value(self, value: Value) -> None:
        """Write the number."""
        self._value = value
        self.entry.show_text(setup_values.text_of(self.field, value))

    @property
    def is_typed_in(self) -> bool:
        """Whether the field holds something that is not in force."""
        return self.entry.field.text() != setup_values.text_of(self.field, self._value)

    def _offer(self, text: str) -> None:
        value = setup_values.read(self.field, text)
        self.say(value)
        self.show_value(value)

    @Slot(int)
    def _on_field_turned(self, step: int) -> None:
        if not self.is_typed_in:
            self.say(setup_values.stepped(self.field, self._value, step))


class FlagControl(Control):
    """Yes or no."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.box = QCheckBox(field.label, self)
        self.box.setToolTip(field.sentence)
        self.box.clicked.connect(self.say)
        self.setFocusProxy(self.box)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.box)
        row.addStretch(1)

    def show_value(self, value: Value) -> None:
        """Tick the box, or not."""
        self.box.setChecked(bool(value))


class ChoiceControl(Control):
    """One of several."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self._value: Value = ""
        self.combo = SteadyCombo(self)
        self.combo.setAccessibleName(field.label)
        self.combo.setToolTip(field.sentence)
        self.combo.activated.connect(self._on_combo_activated)
        self.setFocusProxy(self.combo)
        label = QLabel(field.label, self)
        label.setBuddy(self.combo)
        label.setToolTip(field.sentence)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID_PX)
        row.addWidget(label, 1)
        row.addWidget(self.combo, 2)
        self.show_choices(field.words)

    def show_choices(self, words: tuple[tuple[str, str], ...]) -> None:
        """Offer these values, by these words."""
        shown = self.combo.count() > 0
        self.combo.clear()
        for value, text in words:
            self.combo.addItem(text, value)
        if shown:
            self.show_value(self._value)

    def show_value(self, value: Value) -> None:
        """Choose a value; one that is not in the list is added to it."""
        self._value = value
        index = self.combo.findData(value)
        if index < 0:
            index = self._place_of_new()
            self.combo.insertItem(index, self._words_of(str(value)), value)
        self.combo.setCurrentIndex(index)

    def _words_of(self, value: str) -> str:
        return value

    def _place_of_new(self) -> int:
        return self.combo.count()

    @Slot(int)
    def _on_combo_activated(self, index: int) -> None:
        self.say(self.combo.itemData(index))


class NetworkControl(ChoiceControl):
    """All registered networks by family."""

    def show_choices(self, words: tuple[tuple[str, str], ...]) -> None:
        """Offer every registered network."""
        self.combo.clear()
        model = self.combo.model()
        assert isinstance(model, QStandardItemModel)
        for family, networks in setup_values.takers().items():
            self.combo.addItem(family)
            model.item(self.combo.count() - 1).setEnabled(False)
            for name, title, summary in networks:
                self.combo.addItem(title, name)
                self.combo.setItemData(self.combo.count() - 1, summary, Qt.ItemDataRole.ToolTipRole)


class DataControl(ChoiceControl):
    """All registered data sets."""

    def show_choices(self, words: tuple[tuple[str, str], ...]) -> None:
        """Offer every registered data set."""
        self.combo.clear()
        for spec in DATASETS:
            self.combo.addItem(spec.title, spec.name)
            self.combo.setItemData(self.combo.count() - 1, spec.summary, Qt.ItemDataRole.ToolTipRole)


class StartControl(ChoiceControl):
    """Random weights, published ones, a file's or a run's."""

    def show_choices(self, words: tuple[tuple[str, str], ...]) -> None:
        """Offer where weights may come from."""
        super().show_choices(
            (("", "random weights"), (PRETRAINED, "pretrained weights"), (FILE, "a weights file…"), (RUN, "a run…"))
        )

    def _words_of(self, value: str) -> str:
        return Path(value).name or value

    def _place_of_new(self) -> int:
        return 2

    @Slot(int)
    def _on_combo_activated(self, index: int) -> None:
        value = str(self.combo.itemData(index))
        path = self._ask(value) if value in (FILE, RUN) else None
        if path == "":  # nothing was chosen
            self.show_value(self._value)
        else:
            self.say(value if path is None else path)

    def _ask(self, what: str) -> str:
        """Return the path that the user chose, or nothing."""
        if what == RUN:
            return QFileDialog.getExistingDirectory(self, "Weights of a run", str(runs.folder()))
        return QFileDialog.getOpenFileName(
            self, "Weights file", "", "Weights (*.safetensors *.pt *.pth *.th);;All (*)"
        )[0]


class SteadyLine(FreezeLine):
    """A freeze line that the wheel scrolls only when it has the focus; it is as narrow as the panel may be."""

    def minimumSizeHint(self) -> QSize:
        """Return the least strip: words in two lines, groups, boxes and the bar that scrolls them."""
        return QSize(10 * theme.text_px(), 12 * theme.text_px())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll what is in hand."""
        if self.hasFocus() or event.angleDelta().x():
            super().wheelEvent(event)
        else:
            event.ignore()


class FreezeControl(Control):
    """The layers of the network in a row, and the line behind those that keep their weights."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self._model, self._path = "", ""
        self._known: NetworkLayers | None = None
        self._is_reading = False
        self.line = SteadyLine(self)
        self.line.moved.connect(self.say)
        self.setFocusProxy(self.line)
        self.fault = words_label(self, is_problem=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.line)
        column.addWidget(self.fault)

    def show_value(self, value: Value) -> None:
        """Put the line behind a layer."""
        self._path = str(value)
        self._show()

    def show_network(self, model: str) -> None:
        """Show the layers of this network, where they are known."""
        self._model = model
        self._show()

    def show_layers(self, known: NetworkLayers | None) -> None:
        """Show the layers that were read, if they are the network's."""
        self._known = known
        self._show()

    def show_reading(self, is_reading: bool) -> None:
        """Say whether layers are on their way."""
        self._is_reading = is_reading
        self._show()

    @property
    def problem(self) -> str:
        """Why no run can begin with this line, or with the weights above it; nothing while the layers are not known."""
        known = self._known
        if known is None or known.model != self._model:
            return ""
        return freeze_fault(known.layers, self._path) or known.problem

    def _show(self) -> None:
        is_known = self._known is not None and self._known.model == self._model
        layers = self._known.layers if self._known is not None and is_known else ()
        self.line.show_layers(layers, "" if layers else READING if self._is_reading else NO_LAYERS)
        self.line.show_line(self._path)
        say(self.fault, self.problem)


_KINDS: dict[str, type[Control]] = {
    "choice": ChoiceControl,
    "whole": NumberControl,
    "number": NumberControl,
    "flag": FlagControl,
    "network": NetworkControl,
    "data": DataControl,
    "start": StartControl,
    "freeze": FreezeControl,
}


def control_for(field: Field, parent: QWidget | None = None) -> Control:
    """Return the control of a line of the table."""
    return _KINDS[field.kind](field, parent)
