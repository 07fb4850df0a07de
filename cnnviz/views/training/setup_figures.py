"""The pictures of the set-up panel: samples with their counts, varied pictures, the learning rate over the run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QImage, QPainter, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.core.formats import number
from cnnviz.training.look import DRAWS, EACH, MOST_CLASSES, DataLook
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text

GAP_PX = 2
LARGEST_PX = 96
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter


def picture(pixels: npt.NDArray[np.uint8]) -> QImage:
    """Return a picture, uint8 (h, w) grey or (h, w, 3); it has pixels of its own."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, pixels.strides[0], kind).copy()


def line_px() -> int:
    """Return the height of a line of small text."""
    return round(theme.text_px() * 1.5)


class FittedFigure(Figure):
    """A figure whose height follows from its width, its text size and what it shows."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(160)

    def height_at(self, width: int) -> int:
        """Return the height for a width; subclasses override this."""
        return 0

    def fit(self) -> None:
        """Take the height that is needed, and paint anew."""
        self.setFixedHeight(max(1, self.height_at(self.width())))
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the height to the width."""
        super().resizeEvent(event)
        self.fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.fit()


class SampleSheet(FittedFigure):
    """A row for each class: its name, how many pictures it has in each part, and some of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Classes, their counts and samples", parent)
        self._look: DataLook | None = None
        self._rows: list[list[QImage]] = []

    def show_look(self, look: DataLook | None) -> None:
        """Show what was seen."""
        self._look = look
        self._rows = []
        if look is not None:
            for label in range(min(len(look.classes), MOST_CLASSES)):
                at = np.flatnonzero(look.sample_labels_n == label)
                self._rows.append([picture(look.samples_nhw[i]) for i in at])
            self.setAccessibleDescription(_counts_words(look))
        self.fit()

    def _row_px(self) -> int:
        return max(30, round(theme.text_px() * 2.2))

    def height_at(self, width: int) -> int:
        """Return room for the heading, the rows and the line below them."""
        if self._look is None:
            return 0
        more = len(self._look.classes) > MOST_CLASSES
        return line_px() + len(self._rows) * self._row_px() + (line_px() if more else 0)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw heading and rows."""
        if self._look is None:
            return
        thumb = self._row_px() - 2 * GAP_PX
        pictures_w = EACH * (thumb + GAP_PX)
        metrics = QFontMetrics(theme.font(0.95))
        widest = max(metrics.horizontalAdvance(name) for name in self._look.classes[:MOST_CLASSES])
        name_w = min(widest + 8, (size.width() - pictures_w) // 2)
        bar = QRect(name_w, 0, max(8, size.width() - name_w - pictures_w - 8), self._row_px())
        self._draw_heading(painter, bar, size)
        painter.setFont(theme.font(0.95))
        for label, images in enumerate(self._rows):
            top = line_px() + label * self._row_px()
            text = QRect(0, top, name_w - 6, self._row_px())
            draw_text(painter, text, self._look.classes[label], theme.current().color("text"), align=_LEFT)
            self._draw_bar(painter, bar.translated(0, top), label)
            for column, image in enumerate(images):
                left = size.width() - pictures_w + column * (thumb + GAP_PX)
                painter.drawImage(QRect(left, top + GAP_PX, thumb, thumb), image)
        if len(self._look.classes) > MOST_CLASSES:
            words = f"and {len(self._look.classes) - MOST_CLASSES:,} classes more"
            rect = QRect(0, size.height() - line_px(), size.width(), line_px())
            draw_text(painter, rect, words, theme.current().color("muted"), align=_LEFT)

    def _draw_heading(self, painter: QPainter, bar: QRect, size: QSize) -> None:
        painter.setFont(theme.font(0.9))
        colours = theme.current()
        metrics = QFontMetrics(theme.font(0.9))
        left = 0
        for role, words in (("accent", "learned from"), ("pointer", "set aside")):
            side = round(theme.text_px() * 0.7)
            painter.fillRect(QRect(left, (line_px() - side) // 2, side, side), colours.color(role))
            room = metrics.horizontalAdvance(words) + 4
            draw_text(painter, QRect(left + side + 4, 0, room, line_px()), words, colours.color("muted"), align=_LEFT)
            left += side + room + 12
        rect = QRect(left, 0, size.width() - left, line_px())
        draw_text(painter, rect, "samples", colours.color("muted"), align=_RIGHT)

    def _draw_bar(self, painter: QPainter, room: QRect, label: int) -> None:
        """Draw how many pictures of a class there are in each part, and the number of all."""
        assert self._look is not None
        train, held = int(self._look.train_k[label]), int(self._look.held_k[label])
        most = int((self._look.train_k + self._look.held_k).max())
        thick = max(4, round(theme.text_px() * 0.5))
        line = room.adjusted(0, 2, 0, -thick - 4)
        draw_text(painter, line, f"{train + held:,}", theme.current().color("muted"), align=_LEFT)
        top = room.bottom() - thick - 2
        first = round(room.width() * train / most)
        both = round(room.width() * (train + held) / most)
        painter.fillRect(QRect(room.left(), top, first, thick), theme.current().color("accent"))
        painter.fillRect(QRect(room.left() + first, top, both - first, thick), theme.current().color("pointer"))


def _counts_words(look: DataLook) -> str:
    rows = zip(look.classes, look.train_k, look.held_k, strict=True)
    return "; ".join(f"{name}: {train:,} learned from, {held:,} set aside" for name, train, held in rows)


class DrawsFigure(FittedFigure):
    """Some pictures as they are, and beside each of them how it would be drawn in several steps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Pictures as they would be drawn", parent)
        self._images: list[list[QImage]] = []  # by draw, then by picture

    def show_look(self, look: DataLook | None) -> None:
        """Show what was seen."""
        self._images = [] if look is None else [[picture(one) for one in row] for row in look.drawn_dnhw]
        if look is not None:
            names = ", ".join(look.classes[label] for label in look.drawn_labels_n)
            self.setAccessibleDescription(f"{names}: each as it is, and as it would be drawn {DRAWS} times")
        self.fit()

    def _cell_px(self, width: int) -> int:
        return max(8, min(LARGEST_PX, (width - 8) // (1 + DRAWS) - GAP_PX))

    def height_at(self, width: int) -> int:
        """Return room for the heading and the rows."""
        return line_px() + len(self._images[0]) * (self._cell_px(width) + GAP_PX) if self._images else 0

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the rows, the first picture of each apart from the others."""
        if not self._images:
            return
        cell = self._cell_px(size.width())
        painter.setFont(theme.font(0.9))
        muted = theme.current().color("muted")
        rest = cell + GAP_PX + 8
        draw_text(painter, QRect(0, 0, rest, line_px()), "as is", muted, align=_LEFT)
        words = f"as drawn, {DRAWS} times"
        draw_text(painter, QRect(rest, 0, size.width() - rest, line_px()), words, muted, align=_LEFT)
        for column, row in enumerate(self._images):
            left = column * (cell + GAP_PX) + (8 if column else 0)
            for at, image in enumerate(row):
                painter.drawImage(QRect(left, line_px() + at * (cell + GAP_PX), cell, cell), image)


class RateFigure(FittedFigure):
    """The learning rate over the epochs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Learning rate over the run", parent)
        self._curve: list[tuple[float, float]] = []
        self._note = ""

    def show_curve(self, curve: list[tuple[float, float]], epochs: int, note: str) -> None:
        """Show the rate; `curve` is (epochs done, rate), the note stands above it."""
        self._curve, self._epochs, self._note = curve, epochs, note
        if curve:
            at, highest = max(curve, key=lambda point: point[1])
            words = f"Highest {number(highest)} at epoch {number(at)}, at the end {number(curve[-1][1])}"
            self.setAccessibleDescription(f"{words}. {note}".strip())
        self.fit()

    def height_at(self, width: int) -> int:
        """Return room for the curve and the lines around it."""
        return round(theme.text_px() * 8.5) if self._curve else 0

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw axes, curve and numbers."""
        if not self._curve:
            return
        colours = theme.current()
        painter.setFont(theme.font(0.9))
        plot = QRect(8, line_px(), size.width() - 16, size.height() - 2 * line_px() - 4)
        highest = max(rate for _, rate in self._curve)
        painter.setPen(colours.color("line"))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        painter.drawLine(plot.topLeft(), plot.bottomLeft())
        points = [
            QPointF(plot.left() + plot.width() * at / self._epochs, plot.bottom() - plot.height() * rate / highest)
            for at, rate in self._curve
        ]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colours.color("accent"), 2))
        painter.drawPolyline(QPolygonF(points))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        head = QRect(8, 0, size.width() - 16, line_px())
        draw_text(painter, head, f"{highest:.3g}", colours.color("text"), align=_LEFT)
        draw_text(painter, head, self._note, colours.color("muted"), align=_RIGHT)
        foot = QRect(8, plot.bottom() + 3, size.width() - 16, line_px())
        draw_text(painter, foot, "0", colours.color("muted"), align=_LEFT)
        draw_text(painter, foot, "epochs", colours.color("muted"), align=_CENTRE)
        draw_text(painter, foot, f"{self._epochs:,}", colours.color("muted"), align=_RIGHT)
