"""A field for a setting that refuses by a sentence beside it; what it last held stays in force."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPalette, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from cnnviz.core.errors import UserError
from cnnviz.widgets import theme


class Entry(QWidget):
    """A text field with its name, its error below, and arrows and wheel that change a lone number.

    Parameters
    ----------
    name, tip
        What it sets, and a sentence about it.
    offer
        Tries a text; raises `UserError` when it cannot be used. The owner then shows the new state itself.
    """

    refused = Signal(str)

    def __init__(self, name: str, tip: str, offer: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._offer = offer
        self._good = ""
        self.field = _Field(self)
        self.field.setAccessibleName(name)
        self.field.setToolTip(tip)
        self.field.setMinimumWidth(56)
        self.field.editingFinished.connect(self._on_field_finished)
        self.field.turned.connect(self._on_field_turned)
        label = QLabel(name, self)
        label.setBuddy(self.field)
        label.setToolTip(tip)
        self._error = QLabel(self)
        self._error.setWordWrap(True)
        self._error.hide()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label)
        row.addStretch(1)
        row.addWidget(self.field)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self._error)

    @property
    def error(self) -> str:
        """The sentence beside the field; empty when what it holds is in force."""
        return self._error.text() if not self._error.isHidden() else ""

    def show_text(self, text: str) -> None:
        """Show what is in force."""
        self._good = text
        if self.field.text() != text:
            self.field.setText(text)
        self._error.hide()

    def try_text(self, text: str) -> None:
        """Offer a text as if it had been typed."""
        self.field.setText(text)
        self._on_field_finished()

    @Slot()
    def _on_field_finished(self) -> None:
        text = self.field.text().strip()
        if text == self._good:
            self._error.hide()
            return
        try:
            self._offer(text)
        except UserError as error:
            self.say(error.sentence)
            return
        self._good = self.field.text().strip()  # the owner may write it otherwise
        self._error.hide()

    @Slot(int)
    def _on_field_turned(self, step: int) -> None:
        """Change a lone number by a notch."""
        try:
            value = int(self.field.text())
        except ValueError:
            return
        self.try_text(str(value + step))

    def say(self, sentence: str) -> None:
        """Show a sentence beside the field."""
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.WindowText, theme.current().color("bad"))
        self._error.setPalette(palette)
        self._error.setText(sentence)
        self._error.show()
        self.field.setAccessibleDescription(sentence)
        self.refused.emit(sentence)


class _Field(QLineEdit):
    """A line whose number follows wheel and arrow keys."""

    turned = Signal(int)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.angleDelta().y() and self.hasFocus():
            self.turned.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            event.ignore()  # the page behind it scrolls

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                event.accept()  # it ends the typing; what lies behind would follow it to another layer
        else:
            self.turned.emit(step)


MOST_VALUE = 1e12


def integers(text: str, counts: tuple[int, ...], what: str) -> tuple[int, ...]:
    """Read whole numbers from a text such as ``3``, ``3 × 5`` or ``1, 2, 1, 2``.

    Raises
    ------
    UserError
        When it holds something else, or another number of them than one of `counts`.
    """
    parts = [p for p in text.replace("×", " ").replace("x", " ").replace(",", " ").split() if p]
    try:
        numbers = tuple(int(p) for p in parts)
    except ValueError:
        raise UserError(f"'{text}' is no {what}: whole numbers are needed.") from None
    if len(numbers) not in counts:
        allowed = " or ".join(str(n) for n in counts)
        raise UserError(f"The {what} needs {allowed} numbers; '{text}' holds {len(numbers)}.")
    if any(abs(n) > 10_000 for n in numbers):
        raise UserError(f"{max(numbers, key=abs):,} is too large for the {what}.")
    return numbers


def real(text: str, what: str) -> float:
    """Read a number.

    Raises
    ------
    UserError
        When it is none.
    """
    try:
        value = float(text.replace("−", "-").replace(",", "."))
    except ValueError:
        raise UserError(f"'{text}' is no {what}: a number is needed.") from None
    if not abs(value) <= MOST_VALUE:
        raise UserError(f"{text} cannot be used as {what}: numbers up to {MOST_VALUE:g} can.")
    return value
