"""A sum written out: for each channel its window, its kernel, their products, the subtotal and the sum so far."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPalette,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from cnnviz.core.formats import decimals_for, fixed
from cnnviz.widgets import theme
from cnnviz.widgets.cells import CENTRED, breadth, draw_cells, indices_of, texts_of
from cnnviz.widgets.figure import Figure, KeptPicture, draw_text
from cnnviz.widgets.tape_content import TapeContent

Array = npt.NDArray[Any]
GAP_PX = 10
HEADINGS = ("map", "window", "kernel", "products", "subtotal", "sum so far")
ROWS_SEEN = 3
LEAST_SCALE, MOST_SCALE = 0.82, 2.2  # numbers grow with the room, for those at the back of the class
MOST_KERNELS = 64
MOST_SAVED_ROWS = 32  # a saved picture of hundreds of rows would be metres high


class Tape(Figure):
    """Rows of sums; place it into a `TapeArea` to scroll. Only the rows in sight are drawn.

    Signals
    -------
    hovered(object)
        (channel, row, column) of the product under the pointer, or ``None``.
    activated(int, int, int)
        A product was double-clicked, or the largest was chosen by Enter.
    channel_pressed(int)
        A row was clicked.
    """

    hovered = Signal(object)
    activated = Signal(int, int, int)
    channel_pressed = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._content: TapeContent | None = None
        self._digits = 3
        self._row_px, self._cell_h = 40, 18
        self._cell_w: tuple[int, ...] = (40, 40, 40)
        self._sentence = ""
        self._point: tuple[int, int, int] | None = None
        self._chosen: int | None = None
        self._size_key: tuple[object, ...] = ()
        self._room = QSize(1, 1)
        self._sum_decimals, self._sum_digits = 2, 0
        self._decimals = (2, 2, 2)
        self._at: tuple[int, ...] = ()
        self._kernels: dict[int, QPixmap] = {}  # by channel: they stay while input and place change
        self._kernels_of: tuple[object, ...] = ()
        self._heading = KeptPicture()
        self.setMinimumHeight(40)

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_content(self, content: TapeContent | None, sentence: str = "") -> None:
        """Show another sum, or a sentence."""
        before = self._content
        self._content, self._sentence = content, sentence
        if before is not None and content is not None and content.looks_like(before):
            return  # the pen is elsewhere
        self._measure()
        self.update()

    def show_chosen(self, channel: int | None) -> None:
        """Mark the row of a channel."""
        if channel != self._chosen:
            self._chosen = channel
            self.update()

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        self._digits = digits
        self._measure()
        self.update()

    @property
    def decimals(self) -> tuple[int, int, int]:
        """Decimals of window, weights, and products with their sums."""
        return self._decimals

    def _choose_decimals(self, content: TapeContent) -> tuple[int, int, int]:
        wanted = decimals_for((content.largest or 1.0, 0.5), self._digits)
        if abs(wanted - self._sum_decimals) > 1 or self._digits != self._sum_digits:
            self._sum_decimals, self._sum_digits = wanted, self._digits  # else columns would jump at every step
        window, weights = (decimals_for(s, self._digits) for s in (content.window_sample, content.weight_sample))
        return window, weights, 0 if window == weights == 0 else self._sum_decimals

    def _measure(self) -> None:
        """Find the size of a cell and a row."""
        content = self._content
        if content is None:
            return
        text_px = theme.text_px()
        count, height, _ = content.window.shape
        self._decimals = self._choose_decimals(content)
        ends = tuple(len(fixed(v, d)) for v, d in zip(self._ends(), self.decimals, strict=True))
        key = (content.window.shape, ends, text_px, self._room)
        if key == self._size_key:
            return
        self._size_key = key
        self._heading.drop()
        scale = 1.0
        for _ in range(2):  # at first as small as it is readable, then as large as there is room
            self._font_px = max(9, int(text_px * 0.85 * scale))
            broad = [breadth(fixed(v, d)) for v, d in zip(self._ends(), self.decimals, strict=True)]
            self._cell_w = tuple(round(0.64 * self._font_px * n + 7) for n in broad)
            self._cell_h = round(self._font_px * 1.6)
            self._row_px = max(height * self._cell_h, round(text_px * 2.6)) + GAP_PX
            self._at = self._columns()
            across = self._room.width() / (self._at[-1] + text_px)
            down = (self._room.height() - self.head_px()) / (self._row_px * min(count, ROWS_SEEN))
            scale = min(MOST_SCALE, max(LEAST_SCALE if across < 1 else 1.0, min(across, max(down, LEAST_SCALE)) * 0.97))
        self.setMinimumWidth(self._at[-1] + round(text_px * 1))
        self.setFixedHeight(self.head_px() + count * self._row_px + 2)

    def fit_into(self, room: QSize) -> None:
        """Write as large as so much room allows."""
        if room != self._room:
            self._room = room
            self._measure()
            self.update()

    def _ends(self) -> tuple[float, float, float]:
        """Return the number of each kind that is likely the longest: a negative one, where there are such."""
        content = self._content
        assert content is not None
        return (
            -max(map(abs, content.window_limits)) if content.window_limits[0] < 0 else content.window_limits[1],
            -content.weight_limit,
            -content.largest,
        )

    def head_px(self) -> int:
        """Return the height of the heading."""
        return round(theme.text_px() * 1.6)

    def _columns(self) -> tuple[int, ...]:
        """Return the left edges: name, window, weights, products, subtotal, sum so far; and the right end."""
        content = self._content
        assert content is not None
        text_px = theme.text_px()
        count = content.window.shape[2]
        longest = max(map(len, (content.names[0], content.names[-1], content.names[int(content.order[0])])))
        name, letter = round(text_px * 0.62 * (longest + 1.5)), max(text_px, self._font_px)
        sign, sums = round(letter * 1.3), round(letter * 1.9)  # "Σ≈" is broader than "×"
        words = QFontMetrics(theme.font(0.9)).horizontalAdvance(HEADINGS[-1])
        number = max(self._cell_w[2] + text_px, words + 4)
        window, weights, products = (count * w for w in self._cell_w)
        at = [4]
        for width in (name, window + sign, weights + sign, products + sums, number + sign, number):
            at.append(at[-1] + width)
        return tuple(at)

    def picture_size(self) -> QSize:
        """Return the size in which the picture is saved: the first rows where there are hundreds."""
        rows = min(len(self._content.order), MOST_SAVED_ROWS) if self._content is not None else 1
        return QSize(max(self.width(), self.minimumWidth()), self.head_px() + rows * self._row_px + 2)

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the rows that are in sight."""
        content, colours = self._content, theme.current()
        painter.setFont(theme.font(0.9))
        if content is None:
            painter.setPen(colours.color("muted"))
            flags = CENTRED | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(8, 0, size.width() - 16, size.height()), flags, self._sentence)
            return
        whole = QRect(0, 0, size.width(), size.height())
        clip = painter.clipBoundingRect().toAlignedRect() if painter.hasClipping() else whole
        at, head = self._at, self.head_px()
        if clip.top() < head:
            strip = QSize(size.width(), head)
            self._heading.draw(painter, strip, lambda p: self._draw_heading(p, at))
        first = max(0, (clip.top() - head) // self._row_px)
        last = min(len(content.order), (min(clip.bottom(), size.height()) - head) // self._row_px + 1)
        if first >= last:
            return
        self._forget_kernels(content)
        channels = content.order[first:last]
        low, high = content.window_limits
        most = content.largest or 1.0
        window, products = content.window[channels], content.products[channels]  # (rows, h, w)
        seen = indices_of(window, low, high), indices_of(products, -most, most)
        font = theme.numbers_font(self._font_px)
        for row, position in enumerate(range(first, last)):
            channel = int(channels[row])
            self._draw_name(painter, position, channel)
            painter.setFont(font)
            rect = self.matrix_rect(position, 0)
            draw_cells(painter, rect, seen[0][row], texts_of(window[row], self._decimals[0]), content.window_role)
            self._hatch(painter, rect)
            self._draw_kernel(painter, position, channel)
            rect = self.matrix_rect(position, 2)
            draw_cells(painter, rect, seen[1][row], texts_of(products[row], self._decimals[2]), "signed")
            self._draw_frames(painter, position)
            self._draw_sums(painter, position, at, rect.top(), self._row_px - GAP_PX)
            if self._point is not None and self._point[0] == channel:
                self._draw_point(painter, position)

    def _draw_name(self, painter: QPainter, position: int, channel: int) -> None:
        colours, content = theme.current(), self._content
        assert content is not None
        top, height = self.matrix_rect(position, 0).top(), self._row_px - GAP_PX
        if channel == self._chosen:
            painter.fillRect(QRect(0, top, 3, height), colours.color("accent"))
        painter.setFont(theme.font(0.9))
        name = QRect(self._at[0] + 4, top, self._at[1] - self._at[0] - 8, height)
        draw_text(painter, name, content.names[channel], colours.color("text"), align=Qt.AlignmentFlag.AlignVCenter)

    def _draw_frames(self, painter: QPainter, position: int) -> None:
        colours = theme.current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for which, role in enumerate(("pointer", "kernel", "line")):
            painter.setPen(colours.color(role))
            painter.drawRect(self.matrix_rect(position, which).adjusted(-1, -1, 0, 0))

    def _forget_kernels(self, content: TapeContent) -> None:
        """Drop the pictures of kernels that are not shown any more, or look otherwise now."""
        key = (content.kernel_key, self._decimals[1], self._font_px, theme.current().name, self._cell_w[1])
        if content.kernel_key is None or key != self._kernels_of or len(self._kernels) > MOST_KERNELS:
            self._kernels.clear()
            self._kernels_of = key

    def _draw_kernel(self, painter: QPainter, position: int, channel: int) -> None:
        """Draw a kernel; on the screen from a picture that is kept of it."""
        content = self._content
        assert content is not None
        rect, device = self.matrix_rect(position, 1), painter.device()
        if not isinstance(device, QWidget):
            self._paint_kernel(painter, rect, content.weights[channel])
            return
        kept = self._kernels.get(channel)
        ratio = device.devicePixelRatioF()
        if kept is None or kept.devicePixelRatio() != ratio:
            kept = self._kernels[channel] = QPixmap(rect.size() * ratio)
            kept.setDevicePixelRatio(ratio)
            own = QPainter(kept)
            own.setFont(painter.font())
            self._paint_kernel(own, QRect(QPoint(0, 0), rect.size()), content.weights[channel])
            own.end()
        painter.drawPixmap(rect.topLeft(), kept)

    def _paint_kernel(self, painter: QPainter, rect: QRect, weights: Array) -> None:
        assert self._content is not None
        limit = self._content.weight_limit or 1.0
        draw_cells(painter, rect, indices_of(weights, -limit, limit), texts_of(weights, self._decimals[1]), "weight")

    def _draw_heading(self, painter: QPainter, at: tuple[int, ...]) -> None:
        colours = theme.current()
        painter.setFont(theme.font(0.9))
        roles = ("muted", "pointer", "kernel", "text", "text", "muted")
        for index, (word, role) in enumerate(zip(HEADINGS, roles, strict=True)):
            room = QRect(at[index], 0, at[index + 1] - at[index] - 2, self.head_px())
            draw_text(painter, room, word, colours.color(role), align=Qt.AlignmentFlag.AlignVCenter)

    def matrix_rect(self, position: int, which: int) -> QRect:
        """Return where the window (0), the kernel (1) or the products (2) of a row are."""
        assert self._content is not None
        _, height, width = self._content.window.shape
        top = self.head_px() + position * self._row_px
        return QRect(self._at[1 + which], top, width * self._cell_w[which], height * self._cell_h)

    def _draw_sums(self, painter: QPainter, position: int, at: tuple[int, ...], top: int, height: int) -> None:
        """Write the signs between the matrices, the subtotal, and the sum so far."""
        content, colours = self._content, theme.current()
        assert content is not None
        channel, decimals = int(content.order[position]), self._decimals[2]
        subtotal = float(content.subtotals[channel])
        printed = np.round(content.products[channel], decimals).sum()
        exact = round(float(printed), decimals) == round(subtotal, decimals)
        muted = colours.color("muted")
        for column, sign in ((1, "×"), (2, "="), (3, "Σ=" if exact else "Σ≈")):
            width = content.window.shape[2] * self._cell_w[column - 1]
            room = QRect(at[column] + width, top, at[column + 1] - at[column] - width, height)
            draw_text(painter, room, sign, muted, align=Qt.AlignmentFlag.AlignCenter, elide=False)
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        number = QRect(at[4], top, at[5] - at[4] - round(theme.text_px() * 1.5), height)
        role = "positive" if subtotal > 0 else "negative" if subtotal < 0 else "text"
        draw_text(painter, number, fixed(subtotal, decimals), colours.color(role), align=align, elide=False)
        number = QRect(at[5], top, at[6] - at[5], height)
        running = fixed(float(content.running[position]), decimals)
        draw_text(painter, number, running, muted, align=align, elide=False)

    def _hatch(self, painter: QPainter, rect: QRect) -> None:
        """Hatch the window's cells that are padding."""
        assert self._content is not None
        if not self._content.outside.any():
            return
        colour = QColor(theme.current().color("pointer"))
        colour.setAlpha(120)
        brush = QBrush(colour, Qt.BrushStyle.BDiagPattern)
        for row, column in np.argwhere(self._content.outside):
            cell = QRect(
                rect.left() + int(column) * self._cell_w[0],
                rect.top() + int(row) * self._cell_h,
                self._cell_w[0],
                self._cell_h,
            )  # fmt: skip
            painter.fillRect(cell, brush)

    def _draw_point(self, painter: QPainter, position: int) -> None:
        """Frame value, weight and product under the pointer."""
        assert self._point is not None
        _, row, column = self._point
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.current().color("text"), 2))
        for which in range(3):
            rect = self.matrix_rect(position, which)
            width = self._cell_w[which]
            painter.drawRect(
                QRect(rect.left() + column * width, rect.top() + row * self._cell_h, width - 1, self._cell_h - 1)
            )

    # -- by hand --------------------------------------------------------------------------------------------------

    def at(self, point: QPointF) -> tuple[int, int, int] | None:
        """Return (channel, row, column) under a point of any of the three matrices."""
        if self._content is None:
            return None
        position = int((point.y() - self.head_px()) // self._row_px)
        if not 0 <= position < len(self._content.order):
            return None
        for which in range(3):
            rect = self.matrix_rect(position, which)
            if rect.contains(point.toPoint()):
                row = (int(point.y()) - rect.top()) // self._cell_h
                column = (int(point.x()) - rect.left()) // self._cell_w[which]
                return int(self._content.order[position]), row, column
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a product."""
        self._hover(self.at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._hover(None)

    def _hover(self, point: tuple[int, int, int] | None) -> None:
        if point != self._point:
            self._point = point
            self.hovered.emit(point)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the row's channel."""
        if self._content is None or event.button() != Qt.MouseButton.LeftButton:
            return
        position = int((event.position().y() - self.head_px()) // self._row_px)
        if 0 <= position < len(self._content.order):
            self.channel_pressed.emit(int(self._content.order[position]))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go where a product's value comes from."""
        found = self.at(event.position())
        if found is not None:
            self.activated.emit(*found)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter goes where the largest product's value comes from."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._content is not None:
            magnitude = np.abs(np.where(self._content.outside, 0, np.nan_to_num(self._content.products)))
            found = np.unravel_index(int(np.argmax(magnitude)), magnitude.shape)
            self.activated.emit(*(int(n) for n in found))
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_size_key"):
            self._size_key = ()
            self._measure()
            self.update()


class TapeArea(QScrollArea):
    """A tape that scrolls both ways when it is larger than the room."""

    def __init__(self, tape: Tape, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tape = tape
        self.setWidget(tape)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(160)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Base)  # as the maps beside it

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the numbers grow with the room; that for the scroll bars is kept free."""
        super().resizeEvent(event)
        bar = self.verticalScrollBar().sizeHint().width()
        self.tape.fit_into(QSize(self.width() - bar, self.height() - bar))
