"""The settings of a run under their headings, made from the table of fields."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, Signal, Slot
from PySide6.QtGui import QFont, QKeyEvent, QKeySequence, QUndoStack
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from cnnviz.state.data_state import DataState
from cnnviz.views.training.setup_controls import Control, FreezeControl, NumberControl, control_for
from cnnviz.views.training.setup_data import DrawsBox, LookBox, SourceBox, SpreadBox
from cnnviz.views.training.setup_fields import FIELDS, SECTIONS, Values
from cnnviz.views.training.setup_figures import RateFigure
from cnnviz.widgets import theme

OPEN_AT_FIRST = ("Network", "Data", "Learning")


class Section(QWidget):
    """A heading that shows or hides what stands below it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.head = QToolButton(self)
        self.head.setText(title)
        self.head.setCheckable(True)
        bold = QFont()
        bold.setBold(True)  # nothing else is set: the size follows the application's
        self.head.setFont(bold)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setAutoRaise(True)
        self.head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.head.setToolTip(f"Show or hide the settings of '{title}'")
        self.head.toggled.connect(self._on_head_toggled)
        self._body = QWidget(self)
        self._rows = QVBoxLayout(self._body)
        self._rows.setContentsMargins(theme.GRID_PX, 0, 0, theme.GRID_PX)
        self._rows.setSpacing(theme.GRID_PX // 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addWidget(self.head)
        column.addWidget(self._body)
        self._on_head_toggled(False)

    def add(self, part: QWidget) -> None:
        """Put something below what is there."""
        self._rows.addWidget(part)

    def show_open(self, is_open: bool) -> None:
        """Show or hide what stands below the heading."""
        self.head.setChecked(is_open)

    @Slot(bool)
    def _on_head_toggled(self, is_open: bool) -> None:
        self.head.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self._body.setVisible(is_open)


class SetupForm(QScrollArea):
    """All controls, and what belongs to them: where the pictures are, what was seen of them, the drawn schedule.

    Signals
    -------
    changed(str, object)
        The user set a field of the table to a value.
    judged()
        Something was typed; `error` says whether it cannot be used.
    helped(str)
        The sentence of the control under the pointer, or that got the focus.
    """

    changed = Signal(str, object)
    judged = Signal()
    helped = Signal(str)

    def __init__(self, state: DataState, history: QUndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self.source = SourceBox(state, self)
        self.looks = LookBox(state, self)
        self.spread = SpreadBox(state, self)
        self.draws = DrawsBox(state, self)
        self.rate = RateFigure(self)
        self.controls: dict[str, Control] = {}
        self.sections = {title: Section(title, self) for title in SECTIONS}
        self._fill()
        page = QWidget(self)
        rows = QVBoxLayout(page)
        rows.setContentsMargins(0, 0, theme.GRID_PX, 0)
        rows.setSpacing(0)
        for section in self.sections.values():
            rows.addWidget(section)
        rows.addStretch(1)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        freeze = self.controls["freeze"]
        assert isinstance(freeze, FreezeControl)
        self.freeze = freeze
        state.layers_changed.connect(freeze.show_layers)
        state.looking_changed.connect(freeze.show_reading)
        freeze.show_layers(state.layers)

    def _fill(self) -> None:
        """Put the controls under their headings, and what belongs to them behind them."""
        behind = {"data": self.source, "seed": self.looks, "normalisation": self.spread,
                  "variation.mixup": self.draws, "step_factor": self.rate}  # fmt: skip
        for field in FIELDS:
            control = self.controls[field.name] = control_for(field, self)
            control.changed.connect(self.changed)
            for part in (control, control.focusProxy() or control):
                part.installEventFilter(self)
            if isinstance(control, NumberControl):
                control.entry.field.editingFinished.connect(self.judged)
            self.sections[field.section].add(control)
            if field.name in behind:
                self.sections[field.section].add(behind[field.name])
        for title in OPEN_AT_FIRST:
            self.sections[title].show_open(True)

    @property
    def error(self) -> str:
        """The sentence beside the first control whose text cannot be used; nothing when there is none."""
        return next((c.entry.error for c in self._numbers() if c.entry.error), "")

    def _numbers(self) -> list[NumberControl]:
        shown = (control for control in self.controls.values() if not control.isHidden())
        return [control for control in shown if isinstance(control, NumberControl)]

    def commit(self) -> None:
        """Let what is being typed count."""
        for control in self._numbers():
            if control.is_typed_in:
                control.entry.try_text(control.entry.field.text())

    def show_values(self, values: Values) -> None:
        """Show what is in force, and no control that has no meaning beside it."""
        for name, control in self.controls.items():
            control.show_value(values[name])
            control.setVisible(control.field.only(values))
        self.freeze.show_network(str(values["model"]))
        self.source.show_source(str(values["data"]), str(values["data_dir"]))

    def open_sections(self) -> tuple[str, ...]:
        """Return the headings whose settings are shown."""
        return tuple(title for title, section in self.sections.items() if section.head.isChecked())

    def show_sections(self, titles: tuple[str, ...]) -> None:
        """Show the settings of these headings only."""
        for title, section in self.sections.items():
            section.show_open(title in titles)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Explain the control in hand; undo and redo the settings where a field has nothing typed in it."""
        control = watched if isinstance(watched, Control) else watched.parent()
        while control is not None and not isinstance(control, Control):
            control = control.parent()
        if control is not None and event.type() in (QEvent.Type.Enter, QEvent.Type.FocusIn):
            self.helped.emit(control.field.sentence)
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and isinstance(control, NumberControl):
            return not control.is_typed_in and take_history_key(event, self._history)
        return super().eventFilter(watched, event)


def take_history_key(event: QKeyEvent, history: QUndoStack | None = None) -> bool:
    """Return whether a key undoes or does again; do so in a history."""
    undo = event.matches(QKeySequence.StandardKey.Undo)
    redo = event.matches(QKeySequence.StandardKey.Redo) or QKeySequence(event.keyCombination()) == QKeySequence(
        "Ctrl+Y"
    )
    if history is not None and undo:
        history.undo()
    elif history is not None and redo:
        history.redo()
    return undo or redo


def dropped_path(mime: QMimeData) -> Path | None:
    """Return the folder or the configuration that is dragged, if it is one."""
    paths = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    return next((path for path in paths if path.is_dir() or path.suffix == ".json"), None)
