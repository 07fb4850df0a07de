"""The window: docks, menus, toolbar and status. It shows and asks; the state decides."""

from __future__ import annotations

import time

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QPaintEvent, QShowEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QLabel,
    QMainWindow,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.main_window import about, menus
from cnnviz.main_window.appearance import Appearance
from cnnviz.main_window.crumbs import CrumbTitle
from cnnviz.main_window.download_bar import DownloadBar
from cnnviz.main_window.inspector import Inspector
from cnnviz.main_window.leaving import Leaving
from cnnviz.main_window.menus import Command
from cnnviz.main_window.networks import NetworkOpener
from cnnviz.main_window.notices import NoticeBar
from cnnviz.main_window.pages import EXPLORE, LAYOUT_VERSION, Pages
from cnnviz.main_window.toolbar import ToolBar
from cnnviz.state.app_state import SCOPES, AppState, InputState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View, ViewSpec
from cnnviz.views.registry import VIEWS
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure

TIMING_S = 0.5
INSPECTOR_PX = 384
UNSEEN_MS = 500
DEFAULT_SIZE = QSize(1440, 900)
FRAME_ROOM = QSize(8, 48)  # for the frame and title that the desktop puts around the window
_AREAS = {"input": Qt.DockWidgetArea.LeftDockWidgetArea, "prediction": Qt.DockWidgetArea.RightDockWidgetArea}


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
        self._recalled = False
        self._shown = False
        self._timed_s = 0.0
        self._appearance = Appearance(settings, self)
        self._make_docks()
        self._make_pages()
        self._toolbar = ToolBar(state, self)
        self.addToolBar(self._toolbar)
        self._networks = NetworkOpener(state, messages, self)
        self._leaving = Leaving(state.training, state.race, self)
        self._make_menus()
        self._make_status()
        self._default_layout = self.saveState(LAYOUT_VERSION)
        self._follow_state()
        self._recall()
        messages.posted.connect(self._notices.show_message)

    def view(self, name: str) -> View:
        """Return a view of the window itself (not of the inspector) by its name."""
        return self._views[name]

    def open_page(self, name: str) -> View:
        """Bring a page of the rail into sight, and return its view."""
        self._pages.go(name)
        return self._pages.views[name]

    # -- building -------------------------------------------------------------------------------------------------

    def _make_docks(self) -> None:
        centre = self._centre = QWidget(self)
        column = self._column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._notices = NoticeBar(self.statusBar(), centre)
        column.addWidget(self._notices)
        self._downloads = DownloadBar(self._state, centre)
        column.addWidget(self._downloads)
        for spec in VIEWS:
            if spec.place in ("inspector", "page"):
                continue
            view = self._make_view(spec)
            if spec.place == "centre":
                column.addWidget(view, 1)
            else:
                self._add_dock(spec.name, spec.title, view, _AREAS[spec.place])
        self.setCentralWidget(centre)
        self.inspector = Inspector(self._state, self._messages, self)
        dock = self._add_dock("inspector", "Inspector", self.inspector, Qt.DockWidgetArea.BottomDockWidgetArea)
        dock.setTitleBarWidget(CrumbTitle(self._state, dock))
        for corner, area in (
            (Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea),
            (Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea),
        ):
            self.setCorner(corner, area)
        self.resizeDocks([self._docks["input"], self._docks["prediction"]], [356, 248], Qt.Orientation.Horizontal)
        self.resizeDocks([dock], [INSPECTOR_PX], Qt.Orientation.Vertical)

    def _make_view(self, spec: ViewSpec) -> View:
        view = self._views[spec.name] = spec.create(self._state, self._messages, self)
        view.setToolTip("")
        if self._recalled:
            view.recall(self._settings)
        return view

    def _make_pages(self) -> None:
        self._pages = Pages(self, self._centre, self._column, self._views["network"], self._docks, self._make_view)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self._pages.rail)

    def _add_dock(self, name: str, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(f"dock_{name}")
        dock.setWidget(widget)
        dock.toggleViewAction().setToolTip(f"Show or hide {title}")
        self.addDockWidget(area, dock)
        self._docks[name] = dock
        return dock

    def _commands(self) -> list[Command]:
        keys = QKeySequence.StandardKey
        return [
            Command("&File", "Open &weights…", ("Ctrl+Shift+O",), self._networks.ask, "Your own weights or network"),
            Command("&File", "Name the &classes…", (), self._networks.ask_for_classes, "From a text file, one a line"),
            Command("&File", action=self._downloads.action),
            Command("&File", "Use the weights that &ship", (), lambda: self._toolbar.request(None)),
            Command("&File"),
            Command("&File", "&Quit", (keys.Quit, "Ctrl+Q"), self.close),
            Command("&View", "&Larger text", (keys.ZoomIn, "Ctrl++", "Ctrl+="), self._appearance.larger),
            Command("&View", "&Smaller text", (keys.ZoomOut, "Ctrl+-"), self._appearance.smaller),
            Command("&View", "&Usual text size", ("Ctrl+0",), self._appearance.usual),
            Command("&View"),
            Command("&View", "&Full screen", ("F11",), self._on_full_screen),
            Command("&View", "Large &inspector", ("F9",), self._on_large_inspector, "The inspector fills the window"),
            Command("&View", "&Reset the layout", (), self._on_reset_layout),
            Command("&Go", "To the &input", ("Ctrl+1",), lambda: self._go("input")),
            Command("&Go", "To the &map", ("Ctrl+2",), lambda: self._go("network")),
            Command("&Go", "To the &prediction", ("Ctrl+3",), lambda: self._go("prediction")),
            Command("&Go", "To the i&nspector", ("Ctrl+4",), self._enter_inspector),
            Command("&Help", "&Keyboard and mouse", ("F1",), lambda: about.show_keys(self)),
            Command("&Help", "&About cnnviz", (), lambda: about.show_about(self, self._state)),
        ]

    def _make_menus(self) -> None:
        self._menus = menus.fill(self.menuBar(), self._views["input"].menu_actions(), self._commands())
        view = self._menus["&View"]
        view.addSeparator()
        for dock in self._docks.values():
            view.addAction(dock.toggleViewAction())
        self._appearance.fill(view.addMenu("&Appearance"))
        go = self._menus["&Go"]
        go.addSeparator()
        go.addActions(list(self._pages.actions.values()))
        file = self._menus["&File"]
        self._pictures = QMenu("Save a &picture of", file)
        self._pictures.aboutToShow.connect(self._on_pictures_about_to_show)
        file.insertMenu(file.actions()[-2], self._pictures)

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
        state.inspection_changed.connect(self._on_state_inspection_changed)
        state.input_changed.connect(self._on_state_input_changed)
        state.picture_opened.connect(self._on_state_picture_opened)
        state.fetch_requested.connect(self._on_state_fetch_requested)
        state.late_changed.connect(self._on_state_late_changed)
        state.enter_requested.connect(self._enter_inspector)

    # -- remembering ----------------------------------------------------------------------------------------------

    def _recall(self) -> None:
        settings = self._settings
        room = self.screen().availableGeometry().size() - FRAME_ROOM
        self.resize(DEFAULT_SIZE.boundedTo(room))
        geometry = settings.blob("window/geometry")
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
        layout = settings.blob("window/layout")
        if not layout.isEmpty():
            self.restoreState(layout, LAYOUT_VERSION)
        scope = settings.choice("window/scope", "layer", SCOPES)
        self._state.set_scope(next(s for s in SCOPES if s == scope))
        layer = settings.get("window/layer", "")
        if layer:
            self._state.select(Place(layer))
        for view in self._views.values():
            view.recall(settings)
        self._recalled = True
        self._pages.go(settings.choice("window/page", EXPLORE, tuple(self._pages.actions)))
        self.inspector.recall(settings)
        if settings.was_broken:
            self._messages.notice("The settings file was unreadable and was put aside; everything is as at first.")

    def _remember(self) -> None:
        settings = self._settings
        settings.put("window/geometry", QByteArray(self.saveGeometry()))
        settings.put("window/layout", QByteArray(self._pages.layout()))
        settings.put("window/page", self._pages.page)
        settings.put("window/scope", self._state.scope)
        settings.put("window/layer", self._state.selection.layer if self._state.selection else "")
        self._appearance.remember(settings)
        if self._state.model is not None:
            settings.put("model/name", self._state.model.request.name)
            settings.put("model/weights", self._state.model.request.weights_path or "")
            settings.put("model/classes", self._state.model.request.classes_path or "")
        for view in self._views.values():
            view.remember(settings)
        self.inspector.remember(settings)
        settings.sync()

    # -- from the state -------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_state_model_changed(self, model: LoadedModel | None) -> None:
        if model is not None:
            self._device.setText(model.device)
            self._notices.settle("network")
            self._notices.settle_problem("download")  # it was for the network before

    @Slot(object)
    def _on_state_picture_opened(self, opened: object) -> None:
        self._notices.settle("picture")

    @Slot()
    def _on_state_fetch_requested(self) -> None:
        self._notices.settle("download")

    @Slot(object)
    def _on_state_inspection_changed(self, inspection: Inspection | None) -> None:
        self._show_title()
        now_s = time.monotonic()
        if inspection is None:
            self._timed_s = 0.0
            self._timing.setText("")
        elif now_s - self._timed_s > TIMING_S:  # a label that changes with every picture lays the window out anew
            self._timed_s = now_s
            self._timing.setText(f"{inspection.elapsed_ms:.1f} ms a picture")

    @Slot(bool)
    def _on_state_late_changed(self, late: bool) -> None:
        self._timed_s = 0.0
        self._timing.setText("updating…" if late else "")
        if not late:
            self._on_state_inspection_changed(self._state.inspection)

    @Slot(object)
    def _on_state_input_changed(self, current: InputState) -> None:
        self._show_title()

    def _show_title(self) -> None:
        """Say what is on the board and what it is taken for, also in the task bar."""
        current, inspection, model = self._state.input, self._state.inspection, self._state.model
        words = ["cnnviz"]
        if current is not None and not current.blank:
            words.insert(0, current.title)
            if inspection is not None and model is not None and model.labels and not model.is_random:
                words.insert(1, f"looks like {model.labels[inspection.ranking()[0]]}")
        title = " – ".join(words)
        if title != self.windowTitle():
            self.setWindowTitle(title)

    # -- from the user --------------------------------------------------------------------------------------------

    @Slot()
    def _on_pictures_about_to_show(self) -> None:
        """Offer every picture that is in sight."""
        self._pictures.clear()
        for figure in self.findChildren(Figure):
            if figure.isVisible():
                action = self._pictures.addAction(f"{figure.accessibleName()}…")
                action.triggered.connect(figure.ask_and_save)

    def _go(self, name: str) -> None:
        """Give the keyboard to a view; one whose dock was closed comes back."""
        self._uncover(name)
        self._views[name].setFocus(Qt.FocusReason.ShortcutFocusReason)

    @Slot()
    def _enter_inspector(self) -> None:
        self._uncover("inspector")
        self.inspector.enter()

    def _uncover(self, name: str) -> None:
        self._pages.go(EXPLORE)
        if name != "inspector":
            self._pages.set_large(False)
        if name in self._docks:
            self._docks[name].show()
            self._docks[name].raise_()

    def _on_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _on_large_inspector(self) -> None:
        """Let the inspector fill the window, or bring the other parts back."""
        self._pages.go(EXPLORE)
        self._pages.set_large(not self._pages.is_large)
        self.inspector.enter()

    def _on_reset_layout(self) -> None:
        self._pages.go(EXPLORE)
        self._pages.set_large(False)
        self.restoreState(self._default_layout, LAYOUT_VERSION)
        for dock in self._docks.values():
            dock.show()
        self.resizeDocks([self._docks["input"], self._docks["prediction"]], [356, 248], Qt.Orientation.Horizontal)

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
        """Wait for the first picture, but not for ever: a window may start minimised."""
        super().showEvent(event)
        if not self._shown:
            QTimer.singleShot(UNSEEN_MS, self, self._say_shown)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Say when the window is first on the screen: what follows would compete with its first picture."""
        super().paintEvent(event)
        if not self._shown:
            QTimer.singleShot(0, self, self._say_shown)  # when its parts are painted too

    @Slot()
    def _say_shown(self) -> None:
        if not self._shown:
            self._shown = True
            self.first_shown.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Store what is remembered, then say so; the services are stopped by the application.

        While a network learns the user is asked first.
        """
        if not self._leaving.may_close():
            event.ignore()
            return
        self._remember()
        super().closeEvent(event)
        self.hide()  # the services may take a moment to stop
        self.closed.emit()
