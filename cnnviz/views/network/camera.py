"""Which part of the network map is seen."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize

from cnnviz.views.network.compute import Box, MapLayout

ZOOM_MOST = 8.0


class Camera:
    """Zoom, and the map's point in the top left corner of the widget; zoom 1 fits the map into the widget."""

    def __init__(self) -> None:
        self.zoom = 1.0
        self.offset = QPointF(0, 0)

    def zoom_by(self, factor: float, around: QPointF) -> bool:
        """Zoom, keeping the widget's point `around` where it is; return whether that changed anything."""
        zoom = min(ZOOM_MOST, max(1.0, self.zoom * factor))
        if zoom == self.zoom:
            return False
        self.offset = (self.offset + around) * (zoom / self.zoom) - around
        self.zoom = zoom
        return True

    def clamp(self, layout: MapLayout, room: QSize) -> None:
        """Keep the map inside a room, in whole pixels."""
        x = min(max(0.0, self.offset.x()), max(0, layout.width - room.width()))
        y = min(max(0.0, self.offset.y()), max(0, layout.height - room.height()))
        self.offset = QPointF(round(x), round(y))

    def show_box(self, box: Box, room: QSize) -> bool:
        """Centre a layer that is not wholly inside the room, each way by itself; return whether that moved anything."""
        x, y = self.offset.x(), self.offset.y()
        moved = False
        if not (x <= box.column_x and box.column_x + box.column_width <= x + room.width()):
            self.offset.setX(box.column_x + box.column_width / 2 - room.width() / 2)
            moved = True
        bottom = box.y + box.height
        if not (y <= box.name_y and bottom <= y + room.height()):
            self.offset.setY(min(box.name_y, (box.name_y + bottom) / 2 - room.height() / 2))
            moved = True
        return moved
