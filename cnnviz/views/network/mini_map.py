"""The small map of everything in the footer: kept as a picture, with a frame around what is seen."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QPixmap

from cnnviz.views.network.compute import Box, MapLayout
from cnnviz.views.network.painting import CostBars, cost_colour, footer_px, line_px
from cnnviz.widgets import theme


def mini_map_rect(size: QSize) -> QRect:
    """Return where the small map is on a widget: in the footer, on the right."""
    height = footer_px() - line_px() - 8
    width = min(360, size.width() // 2 - 2 * theme.GRID_PX)
    return QRect(size.width() - width - theme.GRID_PX, size.height() - height - 3, width, height)


class MiniMap:
    """Every layer of a network as a small block."""

    def __init__(self) -> None:
        self._kept = QPixmap()
        self._is_new = False

    def drop(self) -> None:
        """Draw the blocks anew the next time."""
        self._is_new = False

    def draw(
        self,
        painter: QPainter,
        rect: QRect,
        layout: MapLayout,
        costs: CostBars | None,
        seen: QRectF,
        chosen: Box | None,
    ) -> None:
        """Draw the small map into `rect`; what is `seen` of the large one is framed, the `chosen` layer marked."""
        ratio = painter.device().devicePixelRatio()
        if not self._is_new or self._kept.size() != rect.size() * ratio:
            self._kept, self._is_new = QPixmap(rect.size() * ratio), True
            self._kept.setDevicePixelRatio(ratio)
            inner = QPainter(self._kept)
            _draw_blocks(inner, QRect(QPoint(0, 0), rect.size()), layout, costs)
            inner.end()
        painter.drawPixmap(rect.topLeft(), self._kept)
        accent = theme.current().color("accent")
        if chosen is not None:
            painter.fillRect(_block(rect, layout, chosen), accent)
        across, down = rect.width() / max(1, layout.width), rect.height() / max(1, layout.height)
        x, y = rect.x() + seen.x() * across, rect.y() + seen.y() * down
        part = QRectF(x, y, seen.width() * across, seen.height() * down)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(accent, 2))
        painter.drawRect(part.intersected(QRectF(rect)).adjusted(1, 1, -1, -1))


def point_of_map(at: QPointF, rect: QRect, layout: MapLayout) -> QPointF:
    """Return the point of the large map that a point of the small one in `rect` stands for."""
    x, y = (at.x() - rect.x()) / rect.width(), (at.y() - rect.y()) / rect.height()
    return QPointF(x * layout.width, y * layout.height)


def _draw_blocks(painter: QPainter, rect: QRect, layout: MapLayout, costs: CostBars | None) -> None:
    colours = theme.current()
    painter.fillRect(rect, colours.color("window"))
    for box in layout.boxes:
        colour = colours.color("muted") if costs is None else cost_colour(costs.share(box.node.name))
        painter.fillRect(_block(rect, layout, box), colour)
    painter.setPen(colours.color("line"))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect)


def _block(rect: QRect, layout: MapLayout, box: Box) -> QRectF:
    """Return where a layer is on the small map."""
    across, down = rect.width() / max(1, layout.width), rect.height() / max(1, layout.height)
    x, y = rect.x() + box.column_x * across, rect.y() + box.name_y * down
    return QRectF(x, y, max(1.0, box.column_width * across), max(2.0, (box.y + box.height - box.name_y) * down))
