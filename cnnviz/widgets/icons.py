"""Plain signs in the text's colour, drawn: the style's own are dark on dark, and fonts lack some."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF

SIDE = 64
_RIGHT, _LEFT = ((16, 10), (54, 32), (16, 54)), ((48, 10), (10, 32), (48, 54))

_SHAPES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "play": (_RIGHT,),
    "pause": (((14, 10), (27, 10), (27, 54), (14, 54)), ((37, 10), (50, 10), (50, 54), (37, 54))),
    "next": (((10, 12), (38, 32), (10, 52)), ((42, 12), (50, 12), (50, 52), (42, 52))),
    "previous": (((54, 12), (26, 32), (54, 52)), ((14, 12), (22, 12), (22, 52), (14, 52))),
    "first": (
        ((58, 12), (36, 32), (58, 52)), ((36, 12), (14, 32), (36, 52)), ((6, 12), (13, 12), (13, 52), (6, 52)),
    ),
    "last": (
        ((6, 12), (28, 32), (6, 52)), ((28, 12), (50, 32), (28, 52)), ((51, 12), (58, 12), (58, 52), (51, 52)),
    ),
    "back": (_LEFT,),
    "undo": (
        ((4, 25), (26, 7), (26, 43)),
        ((24, 20), (44, 20), (58, 30), (58, 44), (44, 56), (18, 56), (18, 47), (41, 47), (49, 40), (49, 34), (41, 29),
         (24, 29)),
    ),
    "redo": (
        ((60, 25), (38, 7), (38, 43)),
        ((40, 20), (20, 20), (6, 30), (6, 44), (20, 56), (46, 56), (46, 47), (23, 47), (15, 40), (15, 34), (23, 29),
         (40, 29)),
    ),
    "erase": (
        ((34, 6), (58, 24), (43, 44), (19, 26)), ((16, 30), (40, 48), (36, 54), (20, 54), (8, 44)),
        ((6, 57), (58, 57), (58, 62), (6, 62)),
    ),
    "clear": (
        ((8, 13), (56, 13), (56, 20), (8, 20)), ((24, 5), (40, 5), (40, 11), (24, 11)),
        ((13, 24), (51, 24), (46, 60), (18, 60)),
    ),
}  # fmt: skip


def icon(name: str, colour: QColor) -> QIcon:
    """Return a sign by its name, in a colour."""
    pixmap = QPixmap(SIDE, SIDE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for shape in _SHAPES[name]:
        painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in shape]))
    painter.end()
    return QIcon(pixmap)
