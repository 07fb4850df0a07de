"""A layer's filters before and now, side by side with their difference and how far each one moved."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QImage, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from cnnviz.core.inspection import FloatArray
from cnnviz.views.training.movement import Movement, percent
from cnnviz.views.training.pointed_figure import PointedFigure
from cnnviz.widgets import theme
from cnnviz.widgets.cells import indices_of
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.figure import draw_part, draw_text, indexed_image
from cnnviz.widgets.legend import draw_legend

PAD_PX, GAP_PX = 8, 18
TILE = 3.4  # side of a picture in text heights
LEGEND = 12.0
_LEFT = Qt.AlignmentFlag.AlignVCenter


class FilterPairs(PointedFigure):
    """Cards of three pictures: before, now, difference; below them a bar and a number.

    It points at the number of a filter.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Filters before and now", QSize(200, 100), parent)
        self._movement: Movement | None = None
        self._order: list[int] = []
        self._images: tuple[tuple[QImage, ...], ...] = ()
        self._heads = ("before", "now")

    def show_movement(self, movement: Movement, heads: tuple[str, str], *, most_moved_first: bool) -> None:
        """Show filters; `heads` says what before and now are."""
        self._movement, self._heads = movement, heads
        self._order = movement.order(most_moved_first=most_moved_first)
        scales = (movement.most, movement.most, movement.most_change)
        parts = (movement.before_nhw, movement.now_nhw, movement.change_nhw)
        self._images = tuple(
            tuple(_picture(part[i], most) for part, most in zip(parts, scales, strict=True))
            for i in range(len(movement.moved_n))
        )
        self.setAccessibleDescription(f"{movement.title}: {movement.summary()}")
        self.fit_scroll_bar()
        self.update()
        self.pointed.emit(self.in_focus)

    def show_sentence(self, sentence: str) -> None:
        """Say why there is nothing."""
        self._movement, self._order, self._images, self._sentence = None, [], (), sentence
        self.setAccessibleDescription(sentence)
        self.fit_scroll_bar()
        self.update()
        self.pointed.emit(None)

    @property
    def movement(self) -> Movement | None:
        """What is shown."""
        return self._movement

    @property
    def order(self) -> tuple[int, ...]:
        """The filters in the order in which they are shown."""
        return tuple(self._order)

    @property
    def in_focus(self) -> int | None:
        """The filter under the pointer, else the one that keys walked to."""
        at = self._hovered if self._hovered is not None else self._current
        return self._order[at] if at is not None and at < len(self._order) else None

    # -- geometry -------------------------------------------------------------------------------------------------

    @property
    def head_px(self) -> int:
        """Height of the heading, which stays in sight."""
        return round(theme.text_px() * 3.2)

    def _tile_px(self) -> int:
        return round(TILE * theme.text_px())

    def _card(self) -> QSize:
        """Return the size of a card with the gap to the next."""
        return QSize(3 * self._tile_px() + 8 + GAP_PX, self._tile_px() + round(theme.text_px() * 1.5) + GAP_PX // 2)

    def columns(self, width: int) -> int:
        """Return how many cards stand side by side."""
        return max(1, (width - 2 * PAD_PX - self.bar_px + GAP_PX) // self._card().width())

    def line_px(self) -> int:
        """Return the height of a row."""
        return self._card().height()

    def whole_height(self, width: int) -> int:
        """Return the height of heading and all rows."""
        rows = -(-len(self._order) // self.columns(width))
        return self.head_px + rows * self._card().height() if rows else 0

    def rect_of(self, at: int, size: QSize) -> QRect:
        """Return where a card is."""
        row, column = divmod(at, self.columns(size.width()))
        card = self._card()
        top = self.head_px + row * card.height() - self.offset(size)
        return QRect(PAD_PX + column * card.width(), top, card.width() - GAP_PX, card.height() - GAP_PX // 2)

    def at(self, point: QPointF) -> int | None:
        """Return the place of the card under a point."""
        if point.y() < self.head_px or not self._order:
            return None
        card, columns = self._card(), self.columns(self.width())
        column = int(point.x() - PAD_PX) // card.width()
        place = int(point.y() - self.head_px + self.scroll_bar.value()) // card.height() * columns + column
        return place if 0 <= column < columns and place < len(self._order) else None

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw heading and cards."""
        if self._movement is None:
            self.draw_sentence(painter, size)
            return
        share_n = self._movement.share_n
        most = float(np.max(share_n, where=np.isfinite(share_n), initial=0.0))
        columns, card_px = self.columns(size.width()), self._card().height()
        first = self.offset(size) // card_px * columns
        last = min(len(self._order), (-(-(self.offset(size) + size.height()) // card_px)) * columns)
        painter.save()
        painter.setClipRect(QRect(0, self.head_px, size.width(), size.height()), Qt.ClipOperation.IntersectClip)
        painter.setFont(theme.font(0.9))
        for at in range(first, last):
            self._draw_card(painter, at, self.rect_of(at, size), most)
        painter.restore()
        self._draw_head(painter, size, self._movement)

    def _draw_head(self, painter: QPainter, size: QSize, movement: Movement) -> None:
        text, legend_px = theme.current().color("text"), min(round(LEGEND * theme.text_px()), size.width() // 6)
        line_px, right = self.head_px // 2, size.width() - PAD_PX - self.bar_px
        painter.setFont(theme.font(0.85))
        wide = legend_px > 10 * theme.text_px()
        captions = ("weights", "difference") if wide else ("", "")  # they stand in the order of the words
        for caption, most in ((captions[1], movement.most_change), (captions[0], movement.most)):
            legend = QRect(right - legend_px, 3, legend_px, self.head_px - 10)
            role: MapRole = "ink" if movement.before_nhw.ndim == 4 else "weight"  # of each of the three colours
            draw_legend(painter, legend, role, -most, most, caption)
            right = legend.left() - PAD_PX
        painter.setFont(theme.font(0.95, bold=True))
        room = QRect(PAD_PX, 0, right - PAD_PX, line_px)
        words = f"{self._heads[0]} | {self._heads[1]} | difference"
        draw_text(painter, room, words, text, align=_LEFT)
        painter.setFont(theme.font(0.9))
        shown = len(self._order)
        few = f"; the first {shown:,} are shown" if shown < movement.count else ""
        summary = movement.summary()
        what = f"{summary[0].upper()}{summary[1:]}: {movement.title}{few}"
        draw_text(painter, room.translated(0, line_px - 2), what, text, align=_LEFT)

    def _draw_card(self, painter: QPainter, at: int, card: QRect, most: float) -> None:
        assert self._movement is not None
        colours, number, tile_px = theme.current(), self._order[at], self._tile_px()
        for i, image in enumerate(self._images[number]):
            side = tile_px / max(image.width(), image.height())
            width, height = max(1, round(side * image.width())), max(1, round(side * image.height()))
            left = card.left() + i * (tile_px + 4) + (tile_px - width) // 2
            target = QRect(left, card.top() + (tile_px - height) // 2, width, height)
            draw_part(painter, target, image, image.rect())
        below = QRect(card.left(), card.top() + tile_px + 2, card.width(), card.height() - tile_px - 2)
        share = float(self._movement.share_n[number])
        if most and share:
            width = round(below.width() * min(1.0, share / most))
            painter.fillRect(below.left(), below.bottom() - 2, width, 3, colours.color("accent"))
        words = percent(share) if self._movement.moved_n[number] else "did not move"
        line = below.adjusted(0, 0, 0, -3)
        draw_text(painter, line, str(number), colours.color("muted"), align=_LEFT)
        draw_text(painter, line, words, colours.color("text"), align=Qt.AlignmentFlag.AlignRight | _LEFT)
        if at in (self._hovered, self._current):
            painter.setPen(QPen(colours.color("pointer" if at == self._hovered else "accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(card.adjusted(-4, -3, 3, 2))

    # -- by hand --------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the filters."""
        columns, card_px = self.columns(self.width()), self._card().height()
        rows = (self.height() - self.head_px) // card_px
        found = self.walked(event, self._current, len(self._order), columns, rows)
        if found is None:
            super().keyPressEvent(event)
            return
        self._current = found
        top = found // columns * card_px
        self.bring_into_sight(top, self.head_px + top + card_px)
        self.pointed.emit(self.in_focus)
        self.update()


def _picture(values: FloatArray, most: float) -> QImage:
    """Return weights (kh, kw) in colours of their scale; (3, kh, kw) as red, green and blue about grey."""
    if values.ndim == 2:
        return indexed_image(indices_of(values, -most, most), "weight")
    share = np.nan_to_num(values / most).clip(-1, 1)
    pixels = np.ascontiguousarray((127.5 + 127.5 * share).round().astype(np.uint8).transpose(1, 2, 0))
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
