"""A line of text that gives way: shortened with an ellipsis, whole in its tool tip."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.widgets.figure import draw_text


class ElidedLabel(QWidget):
    """A label that never makes its window wider than it is.

    A text whose width changes with every picture lays the whole window out anew, unless its width counts for nothing:
    give such a label the horizontal policy ``Ignored``.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._text = ""
        self._opaque = False
        self.setText(text)

    def set_opaque(self) -> None:
        """Paint the background too: a text that changes with every picture must not have its parents painted."""
        self._opaque = True
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def text(self) -> str:
        """Return the whole text."""
        return self._text

    def setText(self, text: str) -> None:
        """Show another text."""
        if text == self._text:
            return
        before, self._text = self.sizeHint(), text
        self.setToolTip(text)
        self.setAccessibleDescription(text)
        if self.sizePolicy().horizontalPolicy() != QSizePolicy.Policy.Ignored and self.sizeHint() != before:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for the whole text."""
        margins, metrics = self.contentsMargins(), self.fontMetrics()
        width = metrics.horizontalAdvance(self._text) + margins.left() + margins.right()
        return QSize(width + 2, metrics.height() + margins.top() + margins.bottom())

    def minimumSizeHint(self) -> QSize:
        """Return room for a few letters."""
        return QSize(24, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as much as fits."""
        painter = QPainter(self)
        if self._opaque:
            painter.fillRect(self.rect(), self.palette().window())
        painter.setFont(self.font())
        colour = self.palette().color(self.foregroundRole())
        draw_text(painter, self.contentsRect(), self._text, colour, align=Qt.AlignmentFlag.AlignVCenter)
        painter.end()
