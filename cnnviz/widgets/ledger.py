"""A long signed account: one row a term, with its numbers and a bar; only the rows in sight are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from cnnviz.core.formats import fixed, number
from cnnviz.widgets import theme
from cnnviz.widgets.cells import CENTRED
from cnnviz.widgets.figure import Figure, draw_text

Array = npt.NDArray[Any]
MOST_SAVED_ROWS = 64


@dataclass(frozen=True, eq=False)
class Column:
    """One column of numbers.

    Attributes
    ----------
    title, values
        Heading, and (N,) by term.
    decimals
        ``None``: each number has its own, for values of many sizes.
    role
        Colour role of the theme.
    digits
        How many each number shows where it has its own decimals.
    """

    title: str
    values: Array
    decimals: int | None
    role: str = "text"
    digits: int = 3

    def text(self, term: int) -> str:
        """Return how a term's number is written."""
        value = float(self.values[term])
        return number(value, self.digits) if self.decimals is None else fixed(value, self.decimals)


@dataclass(frozen=True, eq=False)
class Account:
    """What a ledger shows.

    Attributes
    ----------
    heading
        Above the names.
    name
        Returns the name of a term.
    columns
        The numbers, from left to right.
    bars
        (N,) signed lengths.
    order
        Terms from top to bottom.
    running
        (N,) by position: the sum so far, or ``None``.
    running_decimals
        How it is written.
    """

    heading: str
    name: Callable[[int], str]
    columns: tuple[Column, ...]
    bars: Array
    order: npt.NDArray[np.intp]
    running: Array | None = None
    running_decimals: int = 3


class Ledger(Figure):
    """The rows; place it into a `LedgerArea` to scroll.

    Signals
    -------
    pressed(int)
        A term was clicked or walked to.
    activated(int)
        A term was double-clicked, or chosen by Enter.
    """

    pressed = Signal(int)
    activated = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._account: Account | None = None
        self._sentence = ""
        self._position: int | None = None
        self._scale = 1.0

    def show_account(self, account: Account | None, sentence: str = "") -> None:
        """Show another account, or a sentence."""
        self._account, self._sentence = account, sentence
        if account is not None:
            magnitude = np.abs(account.bars)
            self._scale = float(np.max(magnitude, where=np.isfinite(magnitude), initial=0.0)) or 1.0
            if self._position is not None:
                self._position = min(self._position, len(account.order) - 1)
            self.setFixedHeight(self._head_px() + len(account.order) * self._row_px() + 2)
            self.setMinimumWidth(self._columns(0)[-1] + round(theme.text_px() * 4))
        self.update()

    def show_term(self, term: int | None) -> None:
        """Frame the row of a term."""
        found = None
        if term is not None and self._account is not None:
            at = np.flatnonzero(self._account.order == term)
            found = int(at[0]) if len(at) else None
        if found != self._position:
            self._position = found
            self.update()

    def _row_px(self) -> int:
        return round(theme.text_px() * 1.55)

    def _head_px(self) -> int:
        return round(theme.text_px() * 1.7)

    def _columns(self, width: int) -> tuple[int, ...]:
        """Return the left edges of name, numbers, running sum and bar."""
        assert self._account is not None
        text_px = theme.text_px()
        at = [4, 4 + round(text_px * 10)]
        for column in self._account.columns:
            at.append(
                at[-1]
                + round(text_px * 0.62 * ((column.digits + 2 if column.decimals is None else column.decimals) + 6.5))
            )
        if self._account.running is not None:
            at.append(at[-1] + round(text_px * 0.62 * (self._account.running_decimals + 7)))
        return tuple(at)

    def row_rect(self, position: int) -> QRect:
        """Return where a row is."""
        return QRect(0, self._head_px() + position * self._row_px(), self.width(), self._row_px())

    def picture_size(self) -> QSize:
        """Return the size in which the picture is saved: the first rows where there are thousands."""
        rows = min(len(self._account.order), MOST_SAVED_ROWS) if self._account is not None else 4
        return QSize(max(self.width(), self.minimumWidth()), self._head_px() + rows * self._row_px() + 2)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the heading and the rows in sight."""
        colours, account = theme.current(), self._account
        painter.setFont(theme.font(0.95))
        if account is None:
            painter.setPen(colours.color("muted"))
            flags = CENTRED | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(8, 0, size.width() - 16, size.height()), flags, self._sentence)
            return
        whole = QRect(0, 0, size.width(), size.height())
        clip = painter.clipBoundingRect().toAlignedRect() if painter.hasClipping() else whole
        at, row_px, head_px = self._columns(size.width()), self._row_px(), self._head_px()
        if clip.top() < head_px:
            self._draw_heading(painter, at)
        first = max(0, (clip.top() - head_px) // row_px)
        last = min(len(account.order), (min(clip.bottom(), size.height()) - head_px) // row_px + 1)
        for position in range(first, last):
            self._draw_row(painter, position, at, size.width())

    def _draw_heading(self, painter: QPainter, at: tuple[int, ...]) -> None:
        assert self._account is not None
        colours = theme.current()
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        height = self._head_px()
        draw_text(
            painter, QRect(at[0], 0, at[1] - at[0], height), self._account.heading, colours.color("muted"),
            align=Qt.AlignmentFlag.AlignVCenter,
        )  # fmt: skip
        titles = [(c.title, c.role) for c in self._account.columns]
        if self._account.running is not None:
            titles.append(("sum so far", "muted"))
        for index, (title, role) in enumerate(titles):
            room = QRect(at[index + 1], 0, at[index + 2] - at[index + 1] - 4, height)
            draw_text(painter, room, title, colours.color(role), align=right)

    def _draw_row(self, painter: QPainter, position: int, at: tuple[int, ...], width: int) -> None:
        assert self._account is not None
        account, colours = self._account, theme.current()
        term = int(account.order[position])
        row = QRect(0, self._head_px() + position * self._row_px(), width, self._row_px())
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        room = QRect(at[0], row.top(), at[1] - at[0] - 4, row.height())
        draw_text(painter, room, account.name(term), colours.color("text"), align=Qt.AlignmentFlag.AlignVCenter)
        for index, column in enumerate(account.columns):
            room = QRect(at[index + 1], row.top(), at[index + 2] - at[index + 1] - 4, row.height())
            draw_text(painter, room, column.text(term), colours.color(column.role), align=right, elide=False)
        if account.running is not None:
            index = len(account.columns)
            room = QRect(at[index + 1], row.top(), at[index + 2] - at[index + 1] - 4, row.height())
            text = fixed(float(account.running[position]), account.running_decimals)
            draw_text(painter, room, text, colours.color("muted"), align=right, elide=False)
        self._draw_bar(painter, row, at[-1] + theme.GRID_PX, width, float(account.bars[term]))
        if position == self._position:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours.color("accent"), 2))
            painter.drawRect(row.adjusted(1, 1, -1, -1))

    def _draw_bar(self, painter: QPainter, row: QRect, left: int, width: int, value: float) -> None:
        """Draw a bar from the middle where there are negative ones, else from the left."""
        assert self._account is not None
        colours = theme.current()
        room = width - left - 6
        if room < 8 or not np.isfinite(value):
            return
        both = bool((self._account.bars < 0).any())
        zero = left + room // 2 if both else left
        length = round(abs(value) / self._scale * (room / 2 if both else room))
        bar = QRect(zero if value >= 0 else zero - length, row.top() + 3, max(1, length), row.height() - 6)
        painter.fillRect(bar, colours.color("positive" if value > 0 else "negative"))
        if both:
            painter.setPen(colours.color("line"))
            painter.drawLine(zero, row.top(), zero, row.bottom())

    # -- by hand --------------------------------------------------------------------------------------------------

    def _position_at(self, y: float) -> int | None:
        position = int((y - self._head_px()) // self._row_px())
        return position if self._account is not None and 0 <= position < len(self._account.order) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a term."""
        position = self._position_at(event.position().y())
        if position is not None and event.button() == Qt.MouseButton.LeftButton:
            self._walk_to(position)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go where the term comes from."""
        position = self._position_at(event.position().y())
        if position is not None and self._account is not None:
            self.activated.emit(int(self._account.order[position]))

    def _walk_to(self, position: int) -> None:
        assert self._account is not None
        self._position = min(len(self._account.order) - 1, max(0, position))
        self.update()
        self.pressed.emit(int(self._account.order[self._position]))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the rows; Enter goes where the term comes from."""
        step = {
            Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10,
            Qt.Key.Key_Home: -(10**9), Qt.Key.Key_End: 10**9,
        }.get(Qt.Key(event.key()))  # fmt: skip
        if self._account is None:
            super().keyPressEvent(event)
        elif step is not None:
            self._walk_to(0 if self._position is None else self._position + step)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(int(self._account.order[self._position or 0]))
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_account"):
            self.show_account(self._account, self._sentence)


class LedgerArea(QScrollArea):
    """A ledger that scrolls."""

    def __init__(self, ledger: Ledger, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ledger = ledger
        self.setWidget(ledger)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        ledger.pressed.connect(self._on_ledger_pressed)

    def _on_ledger_pressed(self, term: int) -> None:
        position = self.ledger._position
        if position is not None:
            row = self.ledger.row_rect(position)
            self.ensureVisible(0, row.center().y(), 0, row.height())
