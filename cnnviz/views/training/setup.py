"""The set-up panel of the training studio: network, pictures, variation and learning, and the button that starts."""

from __future__ import annotations

import contextlib
from pathlib import Path

from PySide6.QtCore import QEvent, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QShortcut,
    QShowEvent,
    QUndoCommand,
    QUndoStack,
)
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from cnnviz.core.errors import UserError
from cnnviz.core.files import write_atomically
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.state.training_state import Progress
from cnnviz.training.config import TrainConfig, default_config
from cnnviz.training.look import DataLook
from cnnviz.views.training import setup_values
from cnnviz.views.training.setup_ends import SetupFoot, SetupHead
from cnnviz.views.training.setup_fields import SECTIONS, Value, Values
from cnnviz.views.training.setup_form import SetupForm, dropped_path, take_history_key
from cnnviz.widgets import theme

KEY, KEY_SECTIONS = "training/config", "training/sections"
CONFIG_FILTER = "Training configuration (*.json)"
USUAL_BATCHES = 100
BUSY = "A run is being trained: stop it before another one is started."
"""Steps of an epoch in the drawn schedule while the pictures are not known; the curve hardly depends on it."""


class SetupPanel(QWidget):
    """Everything that a run is asked to do."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._messages = state, messages
        self._values = setup_values.values_of(default_config("lenet5", "starter"))
        self._looked: tuple[Value, ...] = ()
        self._page = 0
        self._tenth_wanted = False
        self._is_active = state.training.progress.is_active
        self.history = QUndoStack(self)
        self.history.setUndoLimit(200)
        self.head = SetupHead(self.history, self)
        self.form = SetupForm(state.data, self.history, self)
        self.foot = SetupFoot(self)
        self._lay_out()
        self._connect()
        self.setAcceptDrops(True)
        self.setFocusProxy(self.head.presets)
        self._show()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.GRID_PX, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(self.head)
        column.addWidget(self.form, 1)
        column.addWidget(self.foot)
        self.setMinimumWidth(280)

    def _connect(self) -> None:
        self.head.preset_chosen.connect(self._on_head_preset_chosen)
        self.head.open_wanted.connect(self._on_head_open_wanted)
        self.head.save_wanted.connect(self._on_head_save_wanted)
        self.form.changed.connect(self._set)
        self.form.judged.connect(self._show_foot)
        self.form.helped.connect(self.foot.help.setText)
        self.form.source.folder_chosen.connect(self._on_source_folder_chosen)
        self.form.draws.others_wanted.connect(self._on_draws_others_wanted)
        self.foot.name_changed.connect(self._show_foot)
        self.foot.start_wanted.connect(self.start)
        self._state.data.look_changed.connect(self.show_look)
        self._state.data.problem_changed.connect(self._show_foot)
        self._state.data.layers_changed.connect(self._show_foot)
        self._state.training.progress_changed.connect(self._on_progress_changed)
        shortcut = QShortcut(QKeySequence("Ctrl+Return"), self)
        shortcut.activated.connect(self.start)

    # -- the configuration ----------------------------------------------------------------------------------------

    def config(self) -> TrainConfig | None:
        """Return what is set; ``None`` while it cannot be used, which the panel says in a sentence."""
        try:
            return setup_values.config_of(self._values)
        except UserError:
            return None

    def show_config(self, config: TrainConfig) -> None:
        """Show another configuration; it can be undone."""
        self._push(setup_values.values_of(config))
        self._tenth_wanted = False

    @Slot(str, object)
    def _set(self, name: str, value: Value) -> None:
        self._push(setup_values.with_change(self._values, name, value))

    def _push(self, values: dict[str, Value]) -> None:
        if values != self._values:
            self.history.push(_Change(self, self._values, values))

    def take(self, values: Values) -> None:
        """Put values into force."""
        if any(values[name] != self._values[name] for name in ("data", "data_dir")):
            self._tenth_wanted = values["data"] == "folder" and values["validation"] == 0
        self._values = dict(values)
        self._show()
        self._look()

    # -- showing --------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        self.form.show_values(self._values)
        self.head.show_preset(setup_values.preset_of(self._values))
        self._show_rate()
        self._show_foot()

    def _show_rate(self) -> None:
        config, train = self.config(), self._train_count()
        self.form.rate.setVisible(config is not None)
        if config is None:
            self.form.rate.show_curve([], 1, "")
            return
        batches = -(-train // config.batch_size) if train else USUAL_BATCHES
        note = "until progress stops" if config.schedule == "plateau" else ""
        self.form.rate.show_curve(setup_values.rate_curve(config, batches), config.epochs, note)

    def _train_count(self) -> int:
        """Return how many pictures would be learned from; 0 where that is not known."""
        look = self._state.data.look
        return int(look.train_k.sum()) if look is not None and look.config.data == self._values["data"] else 0

    @Slot()
    def _show_foot(self, _: object = None) -> None:
        config, train = self.config(), self._train_count()
        words = setup_values.steps_words(config, train) if config is not None and train else ""
        busy = BUSY if self._state.training.progress.is_active else ""
        self.foot.show_state(busy or words, self._reason(), can_start=not busy)

    def _reason(self) -> str:
        """Return why the run cannot be started, or nothing."""
        if self.form.error:
            return self.form.error
        try:
            setup_values.config_of(self._values)
        except UserError as error:
            return str(error)
        name_fault = setup_values.name_fault(self.foot.name.text().strip())
        return name_fault or self.form.freeze.problem or self._state.data.problem

    @Slot(object)
    def _on_progress_changed(self, progress: Progress) -> None:
        """Say whether a run can be started, where that changed: a run at work tells of itself ten times a second."""
        if progress.is_active != self._is_active:
            self._is_active = progress.is_active
            self._show_foot()

    @Slot(object)
    def show_look(self, look: DataLook | None) -> None:
        """Show what was seen of the pictures; a tenth of one's own is set aside once they are counted."""
        if look is not None and self._tenth_wanted and look.config.data_dir == self._values["data_dir"]:
            self._tenth_wanted = False
            self._values = {**self._values, "validation": look.count // 10}
            self._show()
            self._look()
            return
        self._show_rate()
        self._show_foot()

    def _look(self, *, again: bool = False) -> None:
        """Ask for a look at the pictures where something changed that it depends on."""
        config, key = self.config(), setup_values.look_key(self._values)
        if config is not None and self.isVisible() and (again or key != self._looked):
            self._looked = key
            self._state.data.request_look(config, self._page)

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the pictures when the panel is first seen."""
        super().showEvent(event)
        self._look()

    # -- from the user --------------------------------------------------------------------------------------------

    @Slot()
    def start(self) -> None:
        """Ask for a run with these settings; what is being typed counts."""
        self.form.commit()
        self._show_foot()
        config = self.config()
        if config is not None and self.foot.start.isEnabled():
            self._state.training.start_requested.emit(config, self.foot.name.text().strip())
            self.foot.name.clear()  # the next run has another one

    @Slot(str)
    def _on_source_folder_chosen(self, path: str) -> None:
        self._set("data_dir", path)

    @Slot()
    def _on_draws_others_wanted(self) -> None:
        self._page += 1
        self._look(again=True)

    @Slot(int)
    def _on_head_preset_chosen(self, number: int) -> None:
        try:
            self._push(setup_values.values_of(setup_values.PRESETS[number].make(self._values)))
        except UserError as error:
            self._messages.report(error)
        self._show()  # where these are the settings already, the list must go on to say so

    @Slot()
    def _on_head_open_wanted(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open configuration", "", CONFIG_FILTER)
        if path:
            self.open_config(Path(path))

    def open_config(self, path: Path) -> None:
        """Show the configuration of a file; what is wrong with it is reported."""
        try:
            self.show_config(setup_values.read_config(path))
        except UserError as error:
            self._messages.report(error)

    @Slot()
    def _on_head_save_wanted(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save configuration", "config.json", CONFIG_FILTER)
        if path:
            self.save_config(Path(path))

    def save_config(self, path: Path) -> None:
        """Write the configuration to a file; what stands in the way is reported."""
        try:
            text = setup_values.config_of(self._values).to_json()
            with write_atomically(path if path.suffix else path.with_suffix(".json")) as file:
                file.write(text.encode())
        except UserError as error:
            self._messages.report(error)

    def event(self, event: QEvent) -> bool:
        """Claim the keys of undo and redo: those of the board are in the window's menu."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and take_history_key(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take a setting back, or set it again."""
        if not take_history_key(event, self.history):
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a folder of pictures, or a configuration."""
        if dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Choose the folder as the data, or open the configuration."""
        path = dropped_path(event.mimeData())
        if path is None:
            return
        event.acceptProposedAction()
        if path.is_dir():
            data = setup_values.data_in(path, str(self._values["data"]))
            chosen = setup_values.with_change(self._values, "data", data)
            self._push(setup_values.with_change(chosen, "data_dir", str(path)))
        else:
            self.open_config(path)

    # -- what is remembered ---------------------------------------------------------------------------------------

    def remember(self, settings: Settings) -> None:
        """Write the settings, and which headings are open."""
        config = self.config()
        if config is not None:
            settings.put(KEY, config.to_json())
        settings.put(KEY_SECTIONS, ",".join(self.form.open_sections()))

    def recall(self, settings: Settings) -> None:
        """Read what the last session left; what cannot be used any more is left out."""
        with contextlib.suppress(UserError):
            self.show_config(TrainConfig.from_json(settings.get(KEY, ""), KEY))
        self.history.clear()
        titles = settings.get(KEY_SECTIONS, ",".join(self.form.open_sections())).split(",")
        self.form.show_sections(tuple(title for title in titles if title in SECTIONS))


class _Change(QUndoCommand):
    """The settings before and after one action."""

    def __init__(self, panel: SetupPanel, before: Values, after: Values) -> None:
        super().__init__()
        self._panel, self._before, self._after = panel, before, after

    def redo(self) -> None:
        """Put the later settings into force; also when the action is done first."""
        self._panel.take(self._after)

    def undo(self) -> None:
        """Put the earlier settings into force."""
        self._panel.take(self._before)
