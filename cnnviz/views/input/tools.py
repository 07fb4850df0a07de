"""The board's buttons in one row: words where there is room for them, else signs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from cnnviz.widgets import theme
from cnnviz.widgets.icons import icon

SPACING_PX = 2


class ToolRow(QWidget):
    """A button for each action, with the sign of its name.

    Parameters
    ----------
    tools
        The actions by the names of their signs.
    """

    def __init__(self, tools: Sequence[tuple[str, QAction]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tools = tuple(tools)
        self._buttons: list[QToolButton] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING_PX)
        for _, action in self._tools:
            action.setIconVisibleInMenu(False)
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setAccessibleName(action.iconText())
            self._buttons.append(button)
            row.addWidget(button)
        row.addStretch(1)
        self._colour()

    def _colour(self) -> None:
        for name, action in self._tools:
            action.setIcon(icon(name, theme.current().color("text")))
        for button in self._buttons:
            button.setIconSize(QSize(theme.text_px(), theme.text_px()) * 1.2)

    def _words_px(self) -> int:
        """Return the width of all buttons with words."""
        metrics = self.fontMetrics()
        each = (metrics.horizontalAdvance(action.iconText()) + 2 * theme.GRID_PX for _, action in self._tools)
        return sum(each) + SPACING_PX * len(self._tools)

    def _fit(self) -> None:
        styles = Qt.ToolButtonStyle
        style = styles.ToolButtonTextOnly if self.width() >= self._words_px() else styles.ToolButtonIconOnly
        for button in self._buttons:
            if button.toolButtonStyle() != style:
                button.setToolButtonStyle(style)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose words or signs."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_tools"):
            self._colour()
            self._fit()

    def sizeHint(self) -> QSize:
        """Return room for the words."""
        return QSize(self._words_px(), self._button_px())

    def minimumSizeHint(self) -> QSize:
        """Return room for the signs."""
        return QSize(len(self._tools) * (self._button_px() + SPACING_PX), self._button_px())

    def _button_px(self) -> int:
        return round(theme.text_px() * 1.2) + 10
