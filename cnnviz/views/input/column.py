"""A column that scrolls where it is too high for the window, and never sideways."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from cnnviz.widgets import theme

LEAST_PX = 240


class ScrollColumn(QScrollArea):
    """Parts below each other.

    Attributes
    ----------
    column
        The layout to add them to.

    Signals
    -------
    resized()
        There is more or less room for them.
    """

    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scrolls = False
        inner = self._inner = QWidget(self)
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, theme.GRID_PX)
        self.column.setSpacing(theme.GRID_PX)
        self.setWidget(inner)
        inner.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Lay out anew when a part needs more or less."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self._fit()
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the room, and say that there is more or less of it."""
        super().resizeEvent(event)
        self.resized.emit()
        self._fit()

    def _fit(self) -> None:
        """Let the parts fill the room; they shrink before they scroll, which Qt does the other way round."""
        room = self.viewport().size()
        least = max(self.column.totalMinimumHeightForWidth(room.width()), self.column.totalMinimumSize().height())
        self._inner.resize(room.width(), max(room.height(), least))
        if (least > self.height()) != self._scrolls:
            self._scrolls = not self._scrolls
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for all parts."""
        return self._inner.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Return the width that the parts need, beside the scroll bar where they are too high."""
        least = self._inner.minimumSizeHint()
        bar = self.verticalScrollBar().sizeHint().width() if self._scrolls else 0
        return QSize(least.width() + bar, min(least.height(), LEAST_PX))
