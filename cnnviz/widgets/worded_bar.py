"""A progress bar with words on it."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QProgressBar

from cnnviz.widgets import theme


class WordedBar(QProgressBar):
    """A progress bar that is never narrower than what is written on it: Qt's breaks the line and cuts both halves."""

    def setFormat(self, text: str) -> None:
        """Write something else on it."""
        if text != self.format():
            super().setFormat(text)
            self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        """Return room for the words."""
        hint, words = super().minimumSizeHint(), self.fontMetrics().horizontalAdvance(self.format())
        return QSize(max(hint.width(), words + 2 * theme.GRID_PX), hint.height())
