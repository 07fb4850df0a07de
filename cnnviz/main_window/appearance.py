"""Light or dark, and the text size: applied to the whole application, and remembered."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu

from cnnviz.state.app_state import APPEARANCES
from cnnviz.state.settings import Settings
from cnnviz.widgets import theme

_WORDS = {"system": "As the &system", "light": "&Light", "dark": "&Dark"}


class Appearance(QObject):
    """The user's choice of scheme and text size."""

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._text_scale = theme.nearest_scale(settings.get("window/text_scale", 1.0))
        self._scheme = settings.choice("window/appearance", "system", APPEARANCES)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_color_scheme_changed)

    def fill(self, menu: QMenu) -> None:
        """Add the choice of the scheme to a menu."""
        group = QActionGroup(menu)
        for name in APPEARANCES:
            action = QAction(_WORDS[name], menu)
            action.setCheckable(True)
            action.setChecked(name == self._scheme)
            action.setData(name)
            group.addAction(action)
            menu.addAction(action)
        group.triggered.connect(self._on_chosen)

    def remember(self, settings: Settings) -> None:
        """Store the choice."""
        settings.put("window/text_scale", self._text_scale)
        settings.put("window/appearance", self._scheme)

    def larger(self) -> None:
        """Make the text one step larger."""
        self._set_text_scale(min((s for s in theme.TEXT_SCALES if s > self._text_scale), default=self._text_scale))

    def smaller(self) -> None:
        """Make the text one step smaller."""
        self._set_text_scale(max((s for s in theme.TEXT_SCALES if s < self._text_scale), default=self._text_scale))

    def usual(self) -> None:
        """Make the text as large as at first."""
        self._set_text_scale(1.0)

    def _set_text_scale(self, scale: float) -> None:
        self._text_scale = scale
        self._apply()

    @Slot(QAction)
    def _on_chosen(self, action: QAction) -> None:
        self._scheme = action.data()
        self._apply()

    @Slot(object)
    def _on_color_scheme_changed(self, scheme: object) -> None:
        if self._scheme == "system":
            self._apply()

    def _apply(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, self._scheme, self._text_scale)
