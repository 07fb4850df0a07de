"""How the freeze line draws a box, and itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF

from cnnviz.widgets import theme
from cnnviz.widgets.figure import draw_text
from cnnviz.widgets.freeze_boxes import Box, count_text

SNOW_PX = 10
_MIDDLE = Qt.AlignmentFlag.AlignCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def draw_box(painter: QPainter, rect: QRect, box: Box, share: float, frozen: float, *, is_chosen: bool) -> None:
    """Draw a frame, the name, a bar for the number of weights, the number, and ice over what is frozen.

    Parameters
    ----------
    painter, rect, box
        Where, and what.
    share
        Height of the bar, 0..1.
    frozen
        How much of the box is left of the line, 0..1.
    is_chosen
        Its frame stands out.
    """
    colours, line_px = theme.current(), round(theme.text_px() * 1.3)
    painter.setFont(theme.font(0.9))
    words = _words_below(painter, rect, box)[: max(1, (rect.height() - 8) // line_px - 1)]
    room = rect.adjusted(3, line_px, -2, -line_px * len(words))
    if room.height() > 0:
        _draw_bar(painter, room, share, frozen)
    text = colours.color("muted" if frozen == 1 else "text")
    title = QRect(rect.left() + 3, rect.top(), rect.width() - 6, line_px)
    if frozen == 1 and title.width() - SNOW_PX - 3 >= painter.fontMetrics().horizontalAdvance(box.title):
        draw_snow(painter, QPointF(rect.left() + 3 + SNOW_PX / 2, title.center().y() + 0.5), text)
        title.setLeft(title.left() + SNOW_PX + 3)
    draw_text(painter, title, box.title, text, align=_MIDDLE)
    for i, word in enumerate(words):
        line = QRect(rect.left() + 2, room.bottom() + 1 + i * line_px, rect.width() - 4, line_px)
        draw_text(painter, line, word, colours.color("accent") if i and box.mark else text, align=_MIDDLE)
    _draw_frame(painter, rect, is_pile=box.count > 1, is_chosen=is_chosen)


def _words_below(painter: QPainter, rect: QRect, box: Box) -> list[str]:
    """Return what stands under a box's bar: its number, and what it is; in fewer letters where it is narrow."""
    word, short = box.mark, box.mark.partition(" ")[0]
    if not word and box.count > 1:
        word, short = f"{box.count} layers", f"×{box.count}"
    fits = painter.fontMetrics().horizontalAdvance(word) <= rect.width() - 4
    return [count_text(box.parameters), *([word if fits else short] if word else [])]


def draw_words(painter: QPainter, room: QRect, left: str, right: str) -> None:
    """Draw two sentences at the ends of a line, or in two lines where the room is so high."""
    text, half = theme.current().color("text"), room.height() // 2
    if half >= theme.text_px():
        for i, words in enumerate((left, right)):
            line = QRect(room.left(), room.top() + i * half, room.width(), half)
            draw_text(painter, line, words, text, align=_LEFT)
        return
    draw_text(painter, room, right, text, align=_RIGHT)
    beside = room.width() - painter.fontMetrics().horizontalAdvance(right) - theme.GRID_PX
    draw_text(painter, QRect(room.left(), room.top(), beside, room.height()), left, text, align=_LEFT)


def draw_bands(painter: QPainter, boxes: Sequence[Box], rects: Sequence[QRect], seen: QRect) -> None:
    """Draw over the boxes what they lie in; a word stands in the part of its band that is in `seen`."""
    colours = theme.current()
    painter.setFont(theme.font(0.85))
    for inside, members in groupby(range(len(boxes)), lambda i: boxes[i].inside):
        same = list(members)
        if inside:
            left, right = rects[same[0]].left(), rects[same[-1]].right()
            band = QRect(left, seen.top(), right - left + 1, seen.height())
            painter.setPen(QPen(colours.color("line"), 1))
            painter.drawLine(band.bottomLeft(), band.bottomRight())
            draw_text(painter, band.intersected(seen), inside, colours.color("muted"), align=_MIDDLE)


def _draw_bar(painter: QPainter, room: QRect, share: float, frozen: float) -> None:
    colours, height = theme.current(), max(2, round(share * room.height()))
    painter.fillRect(room.left(), room.bottom() + 1 - height, room.width(), height, colours.color("kernel"))
    if frozen:
        ice = QRect(room.left(), room.top(), round(room.width() * frozen), room.height())
        veil = QColor(colours.color("panel"))
        veil.setAlpha(165)
        painter.fillRect(ice, veil)
        painter.fillRect(ice, QBrush(colours.color("muted"), Qt.BrushStyle.BDiagPattern))


def _draw_frame(painter: QPainter, rect: QRect, *, is_pile: bool, is_chosen: bool) -> None:
    colours = theme.current()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colours.color("muted"), 1))
    if is_pile:
        right, bottom = rect.right() + 3, rect.bottom() + 3
        painter.drawLine(right, rect.top() + 3, right, bottom)
        painter.drawLine(rect.left() + 3, bottom, right, bottom)
    if is_chosen:
        painter.setPen(QPen(colours.color("pointer"), 2))
    painter.drawRect(rect)


def draw_snow(painter: QPainter, centre: QPointF, colour: QColor) -> None:
    """Draw a snow crystal: fonts may have none."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.3))
    for third in range(3):
        way = QPointF(math.cos(math.pi * (third / 3 + 1 / 6)), math.sin(math.pi * (third / 3 + 1 / 6))) * (SNOW_PX / 2)
        painter.drawLine(QLineF(centre - way, centre + way))
    painter.restore()


def draw_line(painter: QPainter, x: float, top: float, bottom: float, *, movable: bool) -> None:
    """Draw the line, with a grip where it can be moved."""
    colours = theme.current()
    painter.setPen(QPen(colours.color("panel"), 6))
    painter.drawLine(QLineF(x, top, x, bottom))
    painter.setPen(QPen(colours.color("accent" if movable else "muted"), 3))
    painter.drawLine(QLineF(x, top, x, bottom))
    if not movable:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    grip = QRectF(x - 8, (top + bottom) / 2 - 13, 16, 26)
    painter.setPen(QPen(colours.color("panel"), 2))
    painter.setBrush(colours.color("accent"))
    painter.drawRoundedRect(grip, 4, 4)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colours.color("on_accent"))
    for way in (-1, 1):
        tip = QPointF(x + 6 * way, grip.center().y())
        painter.drawPolygon(QPolygonF([tip, tip + QPointF(-4 * way, -4), tip + QPointF(-4 * way, 4)]))
    painter.restore()
