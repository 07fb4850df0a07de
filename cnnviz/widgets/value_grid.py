"""A grid of numbers by hand: pointed at, walked, and, where it is allowed, changed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from cnnviz.core.formats import number
from cnnviz.widgets import theme
from cnnviz.widgets.grid_picture import Cell, GridPicture

MOST_VALUE = 1e12  # what is typed may not be larger: products of such numbers can still be read


class _CellField(QLineEdit):
    """A field over a cell; Enter takes what was typed, Escape forgets it."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.blockSignals(True)
            self.hide()
            self.blockSignals(False)
            parent = self.parentWidget()
            if parent is not None:
                parent.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()  # or the grid would take it for its own


class ValueGrid(GridPicture):
    """A grid of numbers that can be pointed at, walked and, where it is allowed, changed.

    Signals
    -------
    pressed(int, int)
        A cell was clicked, dragged over, or walked to by an arrow key.
    activated(int, int)
        A cell was double-clicked, or chosen by Enter.
    hovered(object)
        The cell under the pointer, or ``None``.
    edited(int, int, float)
        The user gave a cell another value; the picture changes when whoever owns the values shows them.
    refused(str)
        What was typed cannot be used; a sentence.
    """

    pressed = Signal(int, int)
    activated = Signal(int, int)
    hovered = Signal(object)
    edited = Signal(int, int, float)
    refused = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._editable = False
        self._brush: float | None = None
        self._painted: Cell | None = None
        self._is_in_stroke = False
        self._before = ""
        self._editing: Cell = (0, 0)
        self._field = _CellField(self)
        self._field.setAccessibleName(f"New value in {name}")
        self._field.hide()
        self._field.editingFinished.connect(self._on_field_finished)

    def set_editable(self, on: bool, brush: float | None = None) -> None:
        """Let the user change values; with a `brush`, dragging paints that value."""
        if (on, brush) == (self._editable, self._brush):
            return
        self._editable, self._brush = on, brush
        self.setCursor(Qt.CursorShape.CrossCursor if brush is not None else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a cell, or paint it."""
        cell = self.at(event.position(), nearest=False)
        if cell is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._editable and self._brush is not None:
            self._paint(cell)
        else:
            self.pressed.emit(*cell)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point; with the button down, drag over the cells."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            cell = self.at(event.position(), nearest=True)
            if cell is not None and self._editable and self._brush is not None:
                self._paint(cell)
            elif cell is not None:
                self.pressed.emit(*cell)
        self._hover(self.at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End painting."""
        self._painted, self._is_in_stroke = None, False

    @property
    def is_in_stroke(self) -> bool:
        """Whether the value that was edited last belongs to the same drag as the one before."""
        return self._is_in_stroke

    def _paint(self, cell: Cell) -> None:
        if cell != self._painted and self._brush is not None:
            self._is_in_stroke = self._painted is not None
            self._painted = cell
            self.edited.emit(*cell, self._brush)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Change the value, or go where it comes from."""
        cell = self.at(event.position())
        if cell is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._editable and self._brush is None:
            self._open_field(cell)
        elif not self._editable:
            self.activated.emit(*cell)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change the value under the pointer, by a tenth a notch; with Shift by a hundredth."""
        cell = self.at(event.position())
        if not self._editable or cell is None or self._grid is None or not event.angleDelta().y():
            super().wheelEvent(event)
            return
        value = float(self._grid.values_hw[cell])
        fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        step = (0.01 if fine else 0.1) * (1 if event.angleDelta().y() > 0 else -1)
        self.edited.emit(*cell, round(value + step, 9) if abs(value) < 1e6 else value * (1 + step))
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._hover(None)

    def _hover(self, cell: Cell | None) -> None:
        if cell != self._hovered:
            self._hovered = cell
            self.hovered.emit(cell)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk by the arrows; type to change a value; Enter goes where the value comes from."""
        steps = {
            Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
        }  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if self._grid is None or not plain:
            super().keyPressEvent(event)
        elif step is not None:
            row, column = self._cell or (0, 0)
            rows, columns = self._grid.values_hw.shape
            if self._cell is not None:
                row, column = min(rows - 1, max(0, row + step[0])), min(columns - 1, max(0, column + step[1]))
            self.pressed.emit(row, column)
        elif (
            self._editable and self._cell and (event.text() in tuple("0123456789-−.,") or event.key() == Qt.Key.Key_F2)
        ):
            self._open_field(self._cell, event.text() if event.key() != Qt.Key.Key_F2 else "")
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cell is not None:
            if self._editable:
                self._open_field(self._cell)
            else:
                self.activated.emit(*self._cell)
        else:
            super().keyPressEvent(event)

    def _open_field(self, cell: Cell, text: str = "") -> None:
        """Let the user type a value over a cell."""
        assert self._grid is not None
        self.pressed.emit(*cell)
        self._editing = cell
        rect = self.cell_rect(*cell)
        width = max(rect.width(), round(theme.text_px() * 5))
        height = max(rect.height(), round(theme.text_px() * 1.8))
        left = min(max(0, rect.center().x() - width // 2), max(0, self.width() - width))
        self._field.setGeometry(left, rect.center().y() - height // 2, width, height)
        self._before = text or number(float(self._grid.values_hw[cell]), 7).replace("−", "-")
        self._field.setText(self._before)
        if text:
            self._before = ""
        if not text:
            self._field.selectAll()
        self._field.show()
        self._field.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _on_field_finished(self) -> None:
        if not self._field.isVisible():
            return
        self._field.hide()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        text = self._field.text().strip()
        if text == self._before:
            return  # nothing was changed; the number's last digits are not those of the text
        try:
            value = float(text.replace("−", "-").replace(",", "."))
        except ValueError:
            self.refused.emit(f"'{text}' is not a number.")
            return
        if not abs(value) <= MOST_VALUE:
            self.refused.emit(f"{text} cannot be used: numbers up to {MOST_VALUE:g} can.")
            return
        self.edited.emit(*self._editing, value)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Redraw without the focus frame."""
        super().focusOutEvent(event)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Close the field: its cell is elsewhere."""
        super().resizeEvent(event)
        self._field.hide()
