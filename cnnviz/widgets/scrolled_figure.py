"""A picture that is higher than its room: scrolled on the screen, whole where it is copied or saved."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QScrollBar, QWidget

from cnnviz.widgets.figure import Figure


class ScrolledFigure(Figure):
    """Base of pictures that scroll: subclasses say how high they are and draw `offset` pixels further up.

    A heading can so stay in sight, which a picture inside a scroll area cannot do.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.scroll_bar = QScrollBar(Qt.Orientation.Vertical, self)
        self.scroll_bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroll_bar.setCursor(Qt.CursorShape.ArrowCursor)
        self.scroll_bar.valueChanged.connect(self._on_scroll_bar_changed)
        self.scroll_bar.hide()

    def whole_height(self, width: int) -> int:
        """Return the height of the whole picture at a width; subclasses override this."""
        return 0

    def line_px(self) -> int:
        """Return by how much a notch of the wheel scrolls."""
        return 40

    def offset(self, size: QSize) -> int:
        """Return how much of the picture is scrolled out of sight above; 0 where all of it is drawn."""
        return self.scroll_bar.value() if size == self.size() else 0

    @property
    def bar_px(self) -> int:
        """Room that is kept free for the scroll bar, so that one that appears changes nothing."""
        return self.scroll_bar.sizeHint().width()

    def fit_scroll_bar(self) -> None:
        """Fit the scroll bar to the room and to what there is."""
        over = max(0, self.whole_height(self.width()) - self.height())
        self.scroll_bar.setGeometry(self.width() - self.bar_px, 0, self.bar_px, self.height())
        self.scroll_bar.setPageStep(self.height())
        self.scroll_bar.setSingleStep(self.line_px())
        self.scroll_bar.setRange(0, over)
        self.scroll_bar.setVisible(over > 0)

    def bring_into_sight(self, top: int, bottom: int) -> None:
        """Scroll so far that a part, counted from the top of the whole picture, is seen."""
        value = self.scroll_bar.value()
        self.scroll_bar.setValue(min(max(value, bottom - self.height()), top))

    def picture_size(self) -> QSize:
        """Return the size of the whole picture."""
        height = self.whole_height(self.width())
        return QSize(self.width(), height if height > self.height() else self.height()).expandedTo(QSize(1, 1))

    @Slot(int)
    def _on_scroll_bar_changed(self, value: int) -> None:
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll."""
        if self.scroll_bar.maximum():
            self.scroll_bar.setValue(self.scroll_bar.value() - event.angleDelta().y() * self.line_px() // 60)
            event.accept()
        else:
            super().wheelEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the scroll bar."""
        super().resizeEvent(event)
        self.fit_scroll_bar()
