"""The head of the set-up panel with presets and history, and its foot with the help line and the start."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QPalette, QResizeEvent, QUndoStack
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from cnnviz.views.training.setup_controls import SteadyCombo
from cnnviz.views.training.setup_data import say, words_label
from cnnviz.views.training.setup_fields import FIELDS
from cnnviz.views.training.setup_values import PRESETS
from cnnviz.widgets import theme
from cnnviz.widgets.flow import FlowLayout

OWN_SETTINGS = "Own settings"
NO_HELP = "Point at a setting, or move to it, to read what it does."


class SetupHead(QWidget):
    """Presets, undo and redo, opening and saving.

    Signals
    -------
    preset_chosen(int)
        The number of a preset.
    open_wanted(), save_wanted()
        The user wants to read, or to write, a configuration.
    """

    preset_chosen = Signal(int)
    open_wanted = Signal()
    save_wanted = Signal()

    def __init__(self, history: QUndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.presets = SteadyCombo(self)
        self.presets.setAccessibleName("Settings to begin with")
        self.presets.setToolTip("Settings to begin with: networks and recipes of the lectures and papers")
        self.presets.addItem(OWN_SETTINGS)
        for preset in PRESETS:
            self.presets.addItem(preset.title)
            self.presets.setItemData(self.presets.count() - 1, preset.sentence, Qt.ItemDataRole.ToolTipRole)
        self.presets.activated.connect(self._on_presets_activated)
        self.undo = self._button("Undo", "Take the last change of a setting back (Ctrl+Z)")
        self.redo = self._button("Redo", "Make the change again (Ctrl+Shift+Z)")
        self.open = self._button(
            "Open…", "Open configuration: read the settings from a JSON file, as a run's config.json"
        )
        self.save = self._button("Save…", "Save configuration: write the settings to a JSON file")
        for button, run in ((self.undo, history.undo), (self.redo, history.redo)):
            button.setEnabled(False)
            button.clicked.connect(run)
        history.canUndoChanged.connect(self.undo.setEnabled)
        history.canRedoChanged.connect(self.redo.setEnabled)
        self.open.clicked.connect(self.open_wanted)
        self.save.clicked.connect(self.save_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addWidget(self.presets)
        column.addLayout(FlowLayout((self.undo, self.redo, self.open, self.save), theme.GRID_PX // 2))

    def _button(self, words: str, tip: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setToolTip(tip)
        return button

    def show_preset(self, number: int | None) -> None:
        """Say which preset the settings are."""
        self.presets.setCurrentIndex(0 if number is None else number + 1)

    @Slot(int)
    def _on_presets_activated(self, index: int) -> None:
        if index:
            self.preset_chosen.emit(index - 1)


class HelpLine(QLabel):
    """What the setting in hand does; as high as the longest of all sentences, so that nothing moves."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(NO_HELP, parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.setAccessibleName("What the setting does")

    def _fit(self) -> None:
        metrics, room = QFontMetrics(theme.font()), self.contentsRect()
        room.setHeight(10_000)
        flags = int(Qt.TextFlag.TextWordWrap)
        self.setFixedHeight(max(metrics.boundingRect(room, flags, field.sentence).height() for field in FIELDS) + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the height to the width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Fit the height to the font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()


class SetupFoot(QWidget):
    """The help line, how long the run is, its name, and the button that starts it.

    Signals
    -------
    name_changed()
        Another name was typed.
    start_wanted()
        The user wants to start.
    """

    name_changed = Signal()
    start_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.help = HelpLine(self)
        self.steps = words_label(self)
        self.reason = words_label(self, is_problem=True)
        self.name = QLineEdit(self)
        self.name.setAccessibleName("Name of the run")
        self.name.setPlaceholderText("Name of the run (or none)")
        self.name.setToolTip("The name of the run's folder; without one it is called by network, data and time")
        self.name.textChanged.connect(self.name_changed)
        self.start = QPushButton("&Start", self)
        self.start.setToolTip("Train with these settings (Ctrl+Return)")
        self.start.clicked.connect(self.start_wanted)
        row = QHBoxLayout()
        row.addWidget(self.name, 1)
        row.addWidget(self.start)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        for part in (self.help, self.steps, self.reason):
            column.addWidget(part)
        column.addLayout(row)

    def show_state(self, steps: str, reason: str, *, can_start: bool = True) -> None:
        """Say how long the run is, and why it cannot be started if it cannot; that another one learns is no fault."""
        say(self.steps, steps)
        say(self.reason, reason)
        self.start.setEnabled(can_start and not reason)
        self.start.setAccessibleDescription(reason or ("" if can_start else steps))
