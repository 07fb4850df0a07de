"""The window: docks, menus and the toolbar, built from tables. It shows and asks; the state decides."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QByteArray, QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QFileDialog,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.inspection import Inspection, LoadedModel, ModelRequest
from cnnviz.main_window import about
from cnnviz.main_window.inspector import Inspector
from cnnviz.main_window.notices import NoticeBar
from cnnviz.models.registry import MODELS
from cnnviz.state.app_state import APPEARANCES, SCOPES, AppState, ColourScope, InputState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.registry import VIEWS
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel

LAYOUT_VERSION = 1
TIMING_S = 0.5
DEFAULT_SIZE = QSize(1440, 900)
WEIGHTS_FILTER = "Weights (*.safetensors *.pt *.pth *.th);;All files (*)"
_SCOPE_WORDS: dict[ColourScope, str] = {"unit": "each map", "layer": "the layer", "network": "the network"}
_AREAS = {"input": Qt.DockWidgetArea.LeftDockWidgetArea, "prediction": Qt.DockWidgetArea.RightDockWidgetArea}


@dataclass(frozen=True)
class Command:
    """A line of the menu table: menu, words, keys, what it does, a tip; ``-`` as words is a separator."""

    menu: str
    words: str
    keys: tuple[QKeySequence.StandardKey | str, ...] = ()
    run: Callable[[], object] | None = None
    tip: str = ""


class MainWindow(QMainWindow):
    """The window.

    Signals
    -------
    first_shown()
        The window is on the screen for the first time.
    closed()
        The window was closed and everything it remembers is stored.
    """

    first_shown = Signal()
    closed = Signal()

    def __init__(self, state: AppState, messages: MessageCenter, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("main")
        self.setWindowTitle("cnnviz")
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowNestedDocks)
        self._state, self._messages, self._settings = state, messages, settings
        self._views: dict[str, View] = {}
        self._docks: dict[str, QDockWidget] = {}
        self._shown = False
        self._timed_s = 0.0
        self._text_scale = theme.nearest_scale(settings.get("window/text_scale", 1.0))
        self._appearance = settings.choice("window/appearance", "system", APPEARANCES)
        self._make_docks()
        self._make_toolbar()
        self._make_menus()
        self._make_status()
        self._default_layout = self.saveState(LAYOUT_VERSION)
        self._follow_state()
        self._recall()
        messages.posted.connect(self._notices.show_message)

    def view(self, name: str) -> View:
        """Return a view of the window itself (not of the inspector) by its name."""
        return self._views[name]

    # -- building -------------------------------------------------------------------------------------------------

    def _make_docks(self) -> None:
        centre = QWidget(self)
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._notices = NoticeBar(self.statusBar(), centre)
        column.addWidget(self._notices)
        for spec in VIEWS:
            if spec.place == "inspector":
                continue
            view = self._views[spec.name] = spec.create(self._state, self._messages, self)
            view.setToolTip("")
            if spec.place == "centre":
                column.addWidget(view, 1)
            else:
                self._add_dock(spec.name, spec.title, view, _AREAS[spec.place])
        self.setCentralWidget(centre)
        self.inspector = Inspector(self._state, self._messages, self)
        dock = self._add_dock("inspector", "Inspector", self.inspector, Qt.DockWidgetArea.BottomDockWidgetArea)
        for corner, area in (
            (Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea),
            (Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea),
        ):
            self.setCorner(corner, area)
        self.resizeDocks([self._docks["input"], self._docks["prediction"]], [356, 248], Qt.Orientation.Horizontal)
        self.resizeDocks([dock], [344], Qt.Orientation.Vertical)

    def _add_dock(self, name: str, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(f"dock_{name}")
        dock.setWidget(widget)
        dock.toggleViewAction().setToolTip(f"Show or hide {title}")
        self.addDockWidget(area, dock)
        self._docks[name] = dock
        return dock

    def _make_toolbar(self) -> None:
        bar = QToolBar("Toolbar", self)
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.toggleViewAction().setVisible(False)
        self.addToolBar(bar)
        self._models = QComboBox(bar)
        self._models.setAccessibleName("Network")
        for spec in MODELS:
            self._models.addItem(spec.title, spec.name)
            self._models.setItemData(self._models.count() - 1, spec.summary, Qt.ItemDataRole.ToolTipRole)
        self._models.activated.connect(self._on_models_activated)
        self._scopes = QComboBox(bar)
        self._scopes.setAccessibleName("Colour scale")
        self._scopes.setToolTip("Over what one colour scale reaches: each map its own, one a layer, or one for all")
        for scope in SCOPES:
            self._scopes.addItem(_SCOPE_WORDS[scope], scope)
        self._scopes.activated.connect(self._on_scopes_activated)
        self._weights_note = ElidedLabel("", bar)
        self._weights_note.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        for words, widget in (("&Network ", self._models), ("  &Colour scale over ", self._scopes)):
            label = QLabel(words, bar)
            label.setBuddy(widget)
            bar.addWidget(label)
            bar.addWidget(widget)
        spacer = QLabel("   ", bar)
        bar.addWidget(spacer)
        bar.addWidget(self._weights_note)

    def _commands(self) -> list[Command]:
        keys = QKeySequence.StandardKey
        return [
            Command("&File", "Open &weights…", ("Ctrl+Shift+O",), self._on_open_weights, "Use your own weights file"),
            Command("&File", "Use the weights that &ship", (), self._on_shipped_weights),
            Command("&File", "-"),
            Command("&File", "&Quit", (keys.Quit, "Ctrl+Q"), self.close),
            Command("&View", "&Larger text", (keys.ZoomIn, "Ctrl++", "Ctrl+="), self._on_larger),
            Command("&View", "&Smaller text", (keys.ZoomOut, "Ctrl+-"), self._on_smaller),
            Command("&View", "&Usual text size", ("Ctrl+0",), self._on_usual),
            Command("&View", "-"),
            Command("&View", "&Full screen", ("F11",), self._on_full_screen),
            Command("&View", "&Reset the layout", (), self._on_reset_layout),
            Command("&Go", "To the &input", ("Ctrl+1",), lambda: self._views["input"].setFocus()),
            Command("&Go", "To the &map", ("Ctrl+2",), lambda: self._views["network"].setFocus()),
            Command("&Go", "To the &prediction", ("Ctrl+3",), lambda: self._views["prediction"].setFocus()),
            Command("&Go", "To the i&nspector", ("Ctrl+4",), self.inspector.enter),
            Command("&Help", "&Keyboard and mouse", ("F1",), lambda: about.show_keys(self)),
            Command("&Help", "&About cnnviz", (), lambda: about.show_about(self, self._state)),
        ]

    def _make_menus(self) -> None:
        self._menus: dict[str, QMenu] = {}
        input_actions = self._views["input"].menu_actions()
        for title in ("&File", "&Edit", "&View", "&Go", "&Help"):
            self._menus[title] = self.menuBar().addMenu(title)
        for title, action in input_actions:
            self._menus[title].addAction(action)
        if any(title == "&File" for title, _ in input_actions):
            self._menus["&File"].addSeparator()
        for command in self._commands():
            menu = self._menus[command.menu]
            if command.words == "-":
                menu.addSeparator()
                continue
            action = QAction(command.words, self)
            sequences = [QKeySequence(key) for key in command.keys]
            action.setShortcuts(list({k.toString(): k for k in sequences if not k.isEmpty()}.values()))
            if command.tip:
                action.setToolTip(command.tip)
            assert command.run is not None
            action.triggered.connect(command.run)
            menu.addAction(action)
        self._menus["&View"].addSeparator()
        for dock in self._docks.values():
            self._menus["&View"].addAction(dock.toggleViewAction())
        self._make_appearance_menu(self._menus["&View"].addMenu("&Appearance"))

    def _make_appearance_menu(self, menu: QMenu) -> None:
        group = QActionGroup(self)
        for name in APPEARANCES:
            action = QAction({"system": "As the &system", "light": "&Light", "dark": "&Dark"}[name], self)
            action.setCheckable(True)
            action.setChecked(name == self._appearance)
            action.setData(name)
            group.addAction(action)
            menu.addAction(action)
        group.triggered.connect(self._on_appearance)

    def _make_status(self) -> None:
        self._device = QLabel(self)
        self._timing = QLabel(self)
        self._timing.setMinimumWidth(120)
        self._timing.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for label in (self._timing, self._device):
            label.setForegroundRole(self.palette().ColorRole.PlaceholderText)
            label.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, 0)
            self.statusBar().addPermanentWidget(label)

    def _follow_state(self) -> None:
        state = self._state
        state.model_changed.connect(self._on_state_model_changed)
        state.model_requested.connect(self._on_state_model_requested)
        state.inspection_changed.connect(self._on_state_inspection_changed)
        state.input_changed.connect(self._on_state_input_changed)
        state.enter_requested.connect(self.inspector.enter)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_color_scheme_changed)

    # -- remembering ----------------------------------------------------------------------------------------------

    def _recall(self) -> None:
        settings = self._settings
        self.resize(DEFAULT_SIZE.boundedTo(self.screen().availableGeometry().size()))
        geometry = settings.blob("window/geometry")
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
        layout = settings.blob("window/layout")
        if not layout.isEmpty():
            self.restoreState(layout, LAYOUT_VERSION)
        scope = settings.choice("window/scope", "layer", SCOPES)
        self._state.set_scope(next(s for s in SCOPES if s == scope))
        self._scopes.setCurrentIndex(SCOPES.index(self._state.scope))
        for view in self._views.values():
            view.recall(settings)
        self.inspector.recall(settings)
        if settings.was_broken:
            self._messages.notice("The settings file was unreadable and was put aside; everything is as at first.")

    def _remember(self) -> None:
        settings = self._settings
        settings.put("window/geometry", QByteArray(self.saveGeometry()))
        settings.put("window/layout", QByteArray(self.saveState(LAYOUT_VERSION)))
        settings.put("window/scope", self._state.scope)
        settings.put("window/text_scale", self._text_scale)
        settings.put("window/appearance", self._appearance)
        if self._state.model is not None:
            settings.put("model/name", self._state.model.request.name)
            settings.put("model/weights", self._state.model.request.weights_path or "")
        for view in self._views.values():
            view.remember(settings)
        self.inspector.remember(settings)
        settings.sync()

    # -- from the state -------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_state_model_requested(self, request: ModelRequest) -> None:
        self._weights_note.setText("loading…")
        with QSignalBlocker(self._models):
            self._models.setCurrentIndex(self._models.findData(request.name))

    @Slot(object)
    def _on_state_model_changed(self, model: LoadedModel | None) -> None:
        if model is None:
            return
        self._device.setText(model.device)
        parameters = f"{model.graph.parameters:,} parameters"
        self._weights_note.setText(f"{parameters}  ·  {model.weights_note}" if model.weights_note else parameters)
        with QSignalBlocker(self._models):
            self._models.setCurrentIndex(self._models.findData(model.request.name))

    @Slot(object)
    def _on_state_inspection_changed(self, inspection: Inspection | None) -> None:
        self._show_title()
        now_s = time.monotonic()
        if inspection is None:
            self._timing.setText("")
        elif now_s - self._timed_s > TIMING_S:  # a label that changes with every picture lays the window out anew
            self._timed_s = now_s
            self._timing.setText(f"{inspection.elapsed_ms:.1f} ms a picture")

    @Slot(object)
    def _on_state_input_changed(self, current: InputState) -> None:
        self._show_title()

    def _show_title(self) -> None:
        """Say what is on the board and what it is taken for, also in the task bar."""
        current, inspection, model = self._state.input, self._state.inspection, self._state.model
        words = ["cnnviz"]
        if current is not None and not current.blank:
            words.insert(0, current.title)
            if inspection is not None and model is not None:
                words.insert(1, f"looks like {model.labels[inspection.ranking()[0]]}")
        title = " – ".join(words)
        if title != self.windowTitle():
            self.setWindowTitle(title)

    @Slot()
    def show_loaded_again(self) -> None:
        """Show the network that is loaded after another one failed to load."""
        self._on_state_model_changed(self._state.model)
        if self._state.model is None:
            self._weights_note.setText("no network")

    # -- from the user --------------------------------------------------------------------------------------------

    @Slot(int)
    def _on_models_activated(self, index: int) -> None:
        self._state.request_model(ModelRequest(self._models.itemData(index), None, self._device_name()))

    @Slot(int)
    def _on_scopes_activated(self, index: int) -> None:
        self._state.set_scope(SCOPES[index])

    def _device_name(self) -> str:
        request = self._state.model_request
        return request.device if request is not None else "auto"

    def _on_open_weights(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open weights", "", WEIGHTS_FILTER)
        if name:
            model = self._models.currentData()
            self._state.request_model(ModelRequest(model, name, self._device_name()))

    def _on_shipped_weights(self) -> None:
        self._state.request_model(ModelRequest(self._models.currentData(), None, self._device_name()))

    def _on_larger(self) -> None:
        self._set_text_scale(min((s for s in theme.TEXT_SCALES if s > self._text_scale), default=self._text_scale))

    def _on_smaller(self) -> None:
        self._set_text_scale(max((s for s in theme.TEXT_SCALES if s < self._text_scale), default=self._text_scale))

    def _on_usual(self) -> None:
        self._set_text_scale(1.0)

    def _set_text_scale(self, scale: float) -> None:
        self._text_scale = scale
        self._apply_theme()

    @Slot(QAction)
    def _on_appearance(self, action: QAction) -> None:
        self._appearance = action.data()
        self._apply_theme()

    @Slot(object)
    def _on_color_scheme_changed(self, scheme: object) -> None:
        if self._appearance == "system":
            self._apply_theme()

    def _apply_theme(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, self._appearance, self._text_scale)

    def _on_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _on_reset_layout(self) -> None:
        self.restoreState(self._default_layout, LAYOUT_VERSION)
        for dock in self._docks.values():
            dock.show()
        self.resizeDocks([self._docks["input"], self._docks["prediction"]], [356, 248], Qt.Orientation.Horizontal)

    def confirm(self, question: str, action: str) -> bool:
        """Ask before something that cannot be undone."""
        box = QMessageBox(QMessageBox.Icon.Question, "cnnviz", question, QMessageBox.StandardButton.Cancel, self)
        button = box.addButton(action, QMessageBox.ButtonRole.AcceptRole)
        box.exec()
        chosen = box.clickedButton() is button
        box.deleteLater()
        return chosen

    # -- Qt -------------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take what the input view takes, dropped anywhere on the window."""
        if self._views["input"].accepts(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Give it to the input view."""
        if self._views["input"].accepts(event.mimeData()):
            event.acceptProposedAction()
            self._views["input"].take(event.mimeData())

    def showEvent(self, event: QShowEvent) -> None:
        """Say when the window is first on the screen."""
        super().showEvent(event)
        if not self._shown:
            self._shown = True
            self.first_shown.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Store what is remembered, then say so; the services are stopped by the application."""
        self._remember()
        super().closeEvent(event)
        self.closed.emit()
