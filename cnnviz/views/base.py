"""What every view is: a widget that follows the state while it is visible, and a line in the table."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from PySide6.QtCore import QMimeData, SignalInstance, Slot
from PySide6.QtGui import QAction, QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.widgets.figure import Figure

ViewPlace = Literal["input", "centre", "prediction", "inspector", "page"]


class Follower(QWidget):
    """A widget that follows signals while it is visible.

    Hidden it is unsubscribed and costs nothing; on becoming visible it pulls the current values once.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._followed: list[tuple[SignalInstance, Callable[[], Any], Callable[[Any], None]]] = []
        self._following = False

    def follow(self, signal: SignalInstance, current: Callable[[], Any], show: Callable[[Any], None]) -> None:
        """Call `show` with the value of `signal` while visible, and with `current()` on becoming visible.

        `show` must be a bound method of a QObject of the GUI thread.
        """
        self._followed.append((signal, current, show))
        if self._following:
            signal.connect(show)
            show(current())

    def showEvent(self, event: QShowEvent) -> None:
        """Subscribe, and pull the current values once."""
        super().showEvent(event)
        if not self._following:
            self._following = True
            for signal, current, show in self._followed:
                signal.connect(show)
                show(current())

    def hideEvent(self, event: QHideEvent) -> None:
        """Unsubscribe."""
        super().hideEvent(event)
        if self._following:
            self._following = False
            for signal, _, show in self._followed:
                signal.disconnect(show)


class View(Follower):
    """A visualisation: it takes values and draws them; the user's actions go to the state.

    Parameters
    ----------
    state, messages
        The window's state, and where problems go.

    Attributes
    ----------
    shows_values
        Whether the network's values are shown here; such a view is dimmed while newer ones are on their way.
    """

    shows_values = True

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.messages = messages
        self._heard = False
        if self.shows_values:
            self.follow(state.late_changed, lambda: state.late, self.show_late)

    @Slot(bool)
    def show_late(self, late: bool) -> None:
        """Dim every picture while the values are older than the input."""
        for figure in self.findChildren(Figure):
            figure.show_late(late)

    def menu_actions(self) -> list[tuple[str, QAction]]:
        """Return the actions that the window's menus show, each with the menu's title, such as ``&File``."""
        return []

    def accepts(self, mime: QMimeData) -> bool:
        """Return whether what is dragged over the window can be shown here."""
        return False

    def take(self, mime: QMimeData) -> None:
        """Show what was dropped on the window."""

    def remember(self, settings: Settings) -> None:
        """Write what the next start should find again."""

    def recall(self, settings: Settings) -> None:
        """Read what the last session left."""

    def showEvent(self, event: QShowEvent) -> None:
        """Report what goes wrong while a picture is saved, from the first time on."""
        if not self._heard:
            self._heard = True
            self.hear(self)
        super().showEvent(event)

    def hear(self, part: QWidget) -> None:
        """Report what goes wrong while a picture of a part is saved; once for each part."""
        for figure in part.findChildren(Figure):
            figure.failed.connect(self.messages.report)


@dataclass(frozen=True)
class ViewSpec:
    """A line in the table of views.

    Attributes
    ----------
    name, title, tip
        Identifier (the folder's name), the words on the tab or dock, and one sentence of explanation.
    place
        Where it sits in the window.
    widget
        ``module:Class``, imported when the view is first needed.
    """

    name: str
    title: str
    tip: str
    place: ViewPlace
    widget: str

    def create(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> View:
        """Import the widget and make one."""
        module, _, name = self.widget.partition(":")
        factory = getattr(importlib.import_module(module), name)
        view = cast(View, factory(state, messages, parent))
        view.setObjectName(self.name)
        return view
