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
