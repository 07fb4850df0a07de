"""What fills the window: exploring a network, with the inspector large or not, or a page of its own from the rail."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QByteArray, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QDockWidget, QLayout, QMainWindow, QToolBar, QVBoxLayout, QWidget

from cnnviz.views.base import View, ViewSpec
from cnnviz.views.registry import VIEWS

LAYOUT_VERSION = 2
UNBOUNDED_PX = 16_777_215  # Qt's own
EXPLORE = "explore"


class Pages(QObject):
    """The rail, and what it switches; docks belong to exploring and are hidden elsewhere.

    Parameters
    ----------
    window
        Holds docks and rail.
    centre, column
        The central widget, whose first part, the notices, stays in sight everywhere.
    map_view
        The centre of exploring.
    docks
        By name.
    make
        Makes a page's view when it is first wanted.

    Signals
    -------
    changed(str)
        Another page is in sight.
    """

    changed = Signal(str)

    def __init__(
        self,
        window: QMainWindow,
        centre: QWidget,
        column: QVBoxLayout,
        map_view: View,
        docks: Mapping[str, QDockWidget],
        make: Callable[[ViewSpec], View],
    ) -> None:
        super().__init__(window)
        self._window, self._centre, self._column = window, centre, column
        self._map, self._docks, self._make = map_view, docks, make
        self._specs = {spec.name: spec for spec in VIEWS if spec.place == "page"}
        self._made: dict[str, View] = {}
        self._page = EXPLORE
        self._explored: QByteArray | None = None  # how the docks lay, while they are hidden or one is large
        self._waiting: str | None = None  # a page that is wanted before the window is shown
        self.rail = QToolBar("Rail", window)
        self.rail.setObjectName("rail")
        self.rail.setMovable(False)
        self.rail.toggleViewAction().setVisible(False)
        self.rail.setOrientation(Qt.Orientation.Vertical)
        self.actions: dict[str, QAction] = {}
        group = QActionGroup(self)
        entries = [
            (EXPLORE, "Explore", "Look into a network"),
            *((s.name, s.title, s.tip) for s in self._specs.values()),
        ]
        for number, (name, title, tip) in enumerate(entries, 1):
            action = self.actions[name] = QAction(title, group)
            action.setCheckable(True)
            action.setToolTip(f"{tip} (Alt+{number})")
            action.setShortcut(f"Alt+{number}")
            action.setData(name)
            self.rail.addAction(action)
        self.actions[EXPLORE].setChecked(True)
        group.triggered.connect(self._on_group_triggered)

    @property
    def page(self) -> str:
        """The page in sight."""
        return self._waiting or self._page

    @property
    def views(self) -> Mapping[str, View]:
        """The pages that were made so far."""
        return self._made

    def layout(self) -> QByteArray:
        """Return how exploring is laid out, also while something else is in sight."""
        return self._window.saveState(LAYOUT_VERSION) if self._explored is None else self._explored

    def go(self, name: str) -> None:
        """Bring a page into sight; before the window is shown, with it."""
        if name == self.page or name not in self.actions:
            return
        if not self._window.isVisible():  # Qt takes every dock for a closed one until then
            self._waiting = name if name != self._page else None
            self._window.installEventFilter(self)
            self.actions[name].setChecked(True)
            return
        self.set_large(False)
        before, self._page = self._page, name
        if before == EXPLORE:
            self._explored = self._window.saveState(LAYOUT_VERSION)
            for dock in self._docks.values():
                dock.hide()
            self._map.hide()
        else:
            self._made[before].hide()
        if name == EXPLORE:
            self._back()
        else:
            if name not in self._made:
                self._made[name] = self._make(self._specs[name])
                self._column.addWidget(self._made[name], 1)
            self._made[name].show()
            self._made[name].setFocus(Qt.FocusReason.OtherFocusReason)
        self.actions[name].setChecked(True)
        self.changed.emit(name)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go to the page that was wanted just before the window is on the screen."""
        if event.type() == QEvent.Type.Show and watched is self._window:
            self._window.removeEventFilter(self)
            name, self._waiting = self._waiting, None
            if name is not None:
                self.go(name)
        return False

    @property
    def is_large(self) -> bool:
        """Whether the inspector fills the window."""
        return self._page == EXPLORE and self._explored is not None

    def set_large(self, large: bool) -> None:
        """Let the inspector fill the window, or bring the other parts of exploring back."""
        if large == self.is_large or self._page != EXPLORE:
            return
        if not large:
            self._set_centre_small(False)
            self._back()
            return
        self._explored = self._window.saveState(LAYOUT_VERSION)
        self._docks["inspector"].setFloating(False)
        for name, dock in self._docks.items():
            dock.setVisible(name == "inspector")
        self._map.hide()  # notices stay: they share the centre
        self._set_centre_small(True)

    def _back(self) -> None:
        """Show the map and the docks as they were."""
        self._map.show()
        if self._explored is not None:
            self._window.restoreState(self._explored, LAYOUT_VERSION)
            self._explored = None

    def _set_centre_small(self, small: bool) -> None:
        """Let the centre be no larger than what is shown in it, or as large as it can."""
        constraint = QLayout.SizeConstraint
        self._column.setSizeConstraint(constraint.SetMinAndMaxSize if small else constraint.SetDefaultConstraint)
        if not small:
            self._centre.setMaximumSize(UNBOUNDED_PX, UNBOUNDED_PX)
            self._centre.setMinimumSize(0, 0)

    def _on_group_triggered(self, action: QAction) -> None:
        self.go(str(action.data()))
