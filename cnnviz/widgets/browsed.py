"""What the pictures of the preview have in common: they can be opened large, and one walks on from them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent

from cnnviz.widgets.figure import Figure


class BrowsedFigure(Figure):
    """A picture that a click or Enter opens, and Left and Right leave for another one of the folder.

    Signals
    -------
    opened()
        It is wanted larger.
    browsed(int)
        The next (1) or the previous (−1) picture of the folder is wanted.
    """

    opened = Signal()
    browsed = Signal(int)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open it."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens it; Left and Right walk through the folder."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.browsed.emit(1 if event.key() == Qt.Key.Key_Right else -1)
        else:
            super().keyPressEvent(event)
