"""A scrolled picture of things that one points at, or walks to by keys."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.widgets import theme
from cnnviz.widgets.scrolled_figure import ScrolledFigure

_FAR = 10**6


class PointedFigure(ScrolledFigure):
    """Base of pictures in which one thing has the pointer, and one the keys.

    Subclasses say what is `at` a point and what is `in_focus`; they draw what is `_hovered` and what is `_current`.

    Parameters
    ----------
    name
        The accessible name.
    least
        The least size.

    Signals
    -------
    pointed(object)
        What has the pointer, else what keys walked to; ``None``: nothing.
    """

    pointed = Signal(object)

    def __init__(self, name: str, least: QSize, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(least)
        self._sentence = ""
        self._hovered: int | None = None
        self._current: int | None = None

    @property
    def in_focus(self) -> object:
        """What has the pointer, else what keys walked to; subclasses override this."""
        return None

    def at(self, point: QPointF) -> int | None:
        """Return what is at a point; subclasses override this."""
        return None

    def draw_sentence(self, painter: QPainter, size: QSize) -> None:
        """Say why there is nothing."""
        painter.setFont(theme.font())
        painter.setPen(theme.current().color("muted"))
        flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(QRect(16, 0, size.width() - 32, size.height()), flags, self._sentence)

    @staticmethod
    def walked(event: QKeyEvent, position: int | None, count: int, columns: int, rows: int) -> int | None:
        """Return where a key leads among `count` things in lines of `columns`; ``None`` for another key.

        Parameters
        ----------
        position
            Where it begins; ``None``: nowhere, the first key then leads to the first or the last.
        rows
            How many lines are a page.
        """
        page = max(1, rows) * columns
        step = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns,
            Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page, Qt.Key.Key_Home: -_FAR, Qt.Key.Key_End: _FAR,
        }.get(Qt.Key(event.key()))  # fmt: skip
        if step is None or not count:
            return None
        if position is None and step != _FAR:
            return 0
        return min(count - 1, max(0, (position or 0) + step))

    def _hover(self, found: int | None) -> None:
        if found != self._hovered:
            self._hovered = found
            self.pointed.emit(self.in_focus)
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point."""
        self._hover(self.at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._hover(None)

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.fit_scroll_bar()
            self.update()
