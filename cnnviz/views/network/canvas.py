"""The drawing of the network map: one mosaic a layer, edges, highlights, selection, zoom and pan."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from cnnviz.core import mosaic, scale
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray
from cnnviz.state.app_state import ColourScope, Place
from cnnviz.views.network import compute
from cnnviz.views.network.compute import Box, MapLayout, Source
from cnnviz.widgets import theme
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.figure import Figure, draw_text, indexed_image
from cnnviz.widgets.legend import draw_legend

ZOOM_MOST = 8.0
FOOTER_LINES = 3


class NetworkCanvas(Figure):
    """Every layer of a network as a column of maps.

    Signals
    -------
    pointed(Place | None)
        The pointer is over a map, or left it.
    chosen(Place)
        A layer, unit or cell was chosen by click or key.
    entered()
        Enter: go one level in.
    """

    pointed = Signal(object)
    chosen = Signal(object)
    entered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Network map", parent)
        self._graph: Graph | None = None
        self._labels: tuple[str, ...] = ()
        self._values: Mapping[str, FloatArray] = {}
        self._images: dict[str, QImage] = {}
        self._limits: dict[str, tuple[FloatArray, FloatArray]] = {}
        self._roles: dict[str, MapRole] = {}
        self._layout = MapLayout((), 0, 0)
        self._backdrop: QPixmap | None = None
        self._scope: ColourScope = "layer"
        self._stale = False
        self._selected: Place | None = None
        self._hovered: Place | None = None
        self._sources: tuple[Source, ...] = ()
        self._zoom = 1.0
        self._offset = QPointF(0, 0)
        self._drag: QPoint | None = None
        self.setMinimumSize(320, 200)

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_graph(self, graph: Graph | None, labels: tuple[str, ...]) -> None:
        """Show another network; its values come with `show_values`."""
        self._graph, self._labels = graph, labels
        self._values = {}
        self._hovered, self._sources = None, ()
        self._arrange()

    def show_values(self, values: Mapping[str, FloatArray], scope: ColourScope) -> None:
        """Show the values of every layer."""
        self._values, self._scope = values, scope
        self._make_images()
        self._stale = False
        self.update()

    def show_stale(self, stale: bool) -> None:
        """Say whether the values are older than the input."""
        if stale != self._stale:
            self._stale = stale
            self.update()

    def show_selection(self, place: Place | None) -> None:
        """Frame the chosen layer and unit."""
        self._selected = place
        self._keep_in_sight()
        self._describe()
        self.update()

    def show_pointed(self, place: Place | None) -> None:
        """Light up a value and its sources."""
        self._hovered = place if place and self._graph and place.layer in self._graph else None
        self._find_sources()
        self.update()

    def fit(self) -> None:
        """Show the whole network."""
        self._zoom, self._offset = 1.0, QPointF(0, 0)
        self._arrange()

    def zoom_by(self, factor: float, around: QPointF | None = None) -> None:
        """Zoom, keeping the point `around` where it is."""
        zoom = min(ZOOM_MOST, max(1.0, self._zoom * factor))
        if zoom == self._zoom:
            return
        anchor = around if around is not None else QPointF(self.width() / 2, self.height() / 2)
        ratio = zoom / self._zoom
        self._offset = (self._offset + anchor) * ratio - anchor
        self._zoom = zoom
        self._arrange()

    # -- layout and pictures --------------------------------------------------------------------------------------

    def _line_px(self) -> int:
        return round(theme.text_px() * 1.35)

    def _footer_px(self) -> int:
        return FOOTER_LINES * self._line_px() + theme.GRID_PX

    def _arrange(self) -> None:
        if self._graph is None or self.width() < 10:
            self._layout = MapLayout((), 0, 0)
        else:
            room_h = self.height() - self._footer_px() - theme.GRID_PX
            self._layout = compute.arrange(self._graph, self.width(), room_h, self._line_px(), self._zoom)
        self._clamp_offset()
        self._make_images()
        self._backdrop = None
        self.update()

    def _clamp_offset(self) -> None:
        most_x = max(0, self._layout.width - self.width())
        most_y = max(0, self._layout.height - (self.height() - self._footer_px()))
        self._offset = QPointF(
            round(min(max(0.0, self._offset.x()), most_x)), round(min(max(0.0, self._offset.y()), most_y))
        )

    def _make_images(self) -> None:
        """Turn every layer's values into one indexed picture."""
        self._images.clear()
        network = scale.network_limits(self._graph, self._values) if self._graph and self._scope == "network" else {}
        for box in self._layout.boxes:
            array = self._values.get(box.node.name)
            if array is not None:
                self._make_image(box, scale.as_maps(box.node, array), network)

    def _make_image(self, box: Box, maps_chw: FloatArray, network: Mapping[bool, float]) -> None:
        name = box.node.name
        low, high = scale.limits(box.node, maps_chw, self._scope, network)
        self._roles[name] = scale.role(box.node, maps_chw)
        self._images[name] = indexed_image(mosaic.to_indices(maps_chw, low, high, box.mosaic), self._roles[name])
        self._limits[name] = (low, high)

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the map with its footer."""
        if self._graph is None:
            painter.setFont(theme.font(1.1))
            painter.setPen(theme.current().color("muted"))
            painter.drawText(QRect(QPoint(0, 0), size), Qt.AlignmentFlag.AlignCenter, "The network is being loaded…")
            return
        painter.save()
        painter.setClipRect(QRect(0, 0, size.width(), size.height() - self._footer_px()))
        self._draw_backdrop(painter, size)
        painter.translate(-self._offset)
        painter.setOpacity(0.55 if self._stale else 1.0)
        for box in self._layout.boxes:
            image = self._images.get(box.node.name)
            if image is not None:
                width, height = box.mosaic.picture_size
                target = QRect(box.x, box.y, box.width, box.height)
                painter.drawImage(target, image, QRect(0, 0, width, height))
        painter.setOpacity(1.0)
        self._draw_highlights(painter)
        painter.restore()
        self._draw_footer(painter, size)

    def _draw_backdrop(self, painter: QPainter, size: QSize) -> None:
        """Draw what changes only with layout and selection: edges, names, frames; kept as a picture."""
        if isinstance(painter.device(), QWidget):
            if self._backdrop is None:
                ratio = self.devicePixelRatioF()
                self._backdrop = QPixmap(size * ratio)
                self._backdrop.setDevicePixelRatio(ratio)
                self._backdrop.fill(theme.current().color("panel"))
                cached = QPainter(self._backdrop)
                self._draw_static(cached)
                cached.end()
            painter.drawPixmap(0, 0, self._backdrop)
        else:
            self._draw_static(painter)

    def _draw_static(self, painter: QPainter) -> None:
        painter.save()
        painter.translate(-self._offset)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_edges(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        colours = theme.current()
        for box in self._layout.boxes:
            self._draw_name(painter, box)
            painter.fillRect(QRect(box.x, box.y, box.width, box.height), colours.color("line"))
            painter.setPen(colours.color("line"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRect(box.x - 1, box.y - 1, box.width + 1, box.height + 1))
        self._draw_output_labels(painter)
        painter.restore()

    def _draw_edges(self, painter: QPainter) -> None:
        painter.setPen(QPen(theme.current().color("line"), 1.5))
        for box in self._layout.boxes:
            for name in box.node.inputs:
                before = self._layout.box(name)
                if before is not None:
                    start = QPointF(before.x + before.width + 1, before.y + before.height / 2)
                    end = QPointF(box.x - 1, box.y + box.height / 2)
                    painter.drawLine(start, end)

    def _draw_name(self, painter: QPainter, box: Box) -> None:
        colours = theme.current()
        line = self._line_px()
        room = QRect(box.column_x - compute.GAP_PX // 2, 0, box.column_width + compute.GAP_PX, line)
        room.moveTop(box.name_y + 4)
        chosen = self._selected is not None and self._selected.layer == box.node.name
        painter.setFont(_fitting(box.node.name, room.width() - 4, bold=True))
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours.color("accent"))
            painter.drawRoundedRect(room.adjusted(1, 0, -1, 0), 4, 4)
        colour = colours.color("on_accent" if chosen else "text")
        draw_text(painter, room, box.node.name, colour, align=Qt.AlignmentFlag.AlignCenter)
        shape = box.node.shape_text.replace(" ", "")
        painter.setFont(_fitting(shape, room.width() - 4))
        draw_text(painter, room.translated(0, line), shape, colours.color("muted"), align=Qt.AlignmentFlag.AlignCenter)

    def _draw_output_labels(self, painter: QPainter) -> None:
        if not self._layout.boxes or not self._labels:
            return
        box = self._layout.boxes[-1]
        if box.node.units != len(self._labels) or box.scale < 10:
            return
        painter.setFont(theme.numbers_font(min(theme.text_px(), round(box.scale) - 2)))
        for unit, label in enumerate(self._labels):
            x, y, w, h = box.unit_rect(unit)
            rect = QRect(x + w + 3, y, max(8, box.column_x + box.column_width + compute.GAP_PX - x - w - 4), h)
            draw_text(painter, rect, label, theme.current().color("text"), align=Qt.AlignmentFlag.AlignVCenter)

    def _draw_highlights(self, painter: QPainter) -> None:
        colours = theme.current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._selected is not None and self._selected.unit is not None:
            box = self._layout.box(self._selected.layer)
            if box is not None and self._selected.unit < box.mosaic.count:
                _frame(painter, box.unit_rect(self._selected.unit), colours.color("accent"), 2)
                if self._selected.cell is not None and box.node.is_map:
                    row, column = self._selected.cell
                    rect = box.cell_rect(self._selected.unit, (row, row + 1), (column, column + 1))
                    _frame(painter, rect, colours.color("accent"), 2)
        place = self._hovered
        if place is None or place.unit is None:
            return
        box = self._layout.box(place.layer)
        if box is None:
            return
        colour = colours.color("pointer")
        target = box.unit_rect(place.unit)
        for source in self._sources:
            self._draw_source(painter, source, target, colour)
        _frame(painter, target, colour, 2)
        if place.cell is not None and box.node.is_map:
            row, column = place.cell
            _frame(painter, box.cell_rect(place.unit, (row, row + 1), (column, column + 1)), colour, 2)

    def _draw_source(self, painter: QPainter, source: Source, target: compute.Rect, colour: QColor) -> None:
        box = self._layout.box(source.layer)
        if box is None:
            return
        units = source.units if source.units is not None else tuple(range(box.mosaic.count))
        whole = source.units is None and not box.node.is_map
        end = QPointF(target[0], target[1] + target[3] / 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        thin = QColor(colour)
        thin.setAlphaF(0.45)
        for unit in units if len(units) <= 64 else ():
            x, y, w, h = box.unit_rect(unit)
            painter.setPen(QPen(thin, 1))
            painter.drawLine(QPointF(x + w, y + h / 2), end)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if whole:
            _frame(painter, (box.x, box.y, box.width, box.height), colour, 2)
            return
        for unit in units:
            _frame(painter, box.unit_rect(unit), colour, 1)
            if source.rows is not None and source.columns is not None:
                _frame(painter, box.cell_rect(unit, source.rows, source.columns), colour, 2)

    def _draw_footer(self, painter: QPainter, size: QSize) -> None:
        colours = theme.current()
        line = self._line_px()
        top = size.height() - self._footer_px()
        painter.setPen(colours.color("line"))
        painter.drawLine(0, top, size.width(), top)
        painter.setFont(theme.font())
        words = QRect(theme.GRID_PX, top + 4, size.width() - 2 * theme.GRID_PX, line)
        colour = colours.color("pointer" if self._hovered else "muted")
        draw_text(painter, words, self._footer_text(), colour, align=Qt.AlignmentFlag.AlignVCenter)
        shown = self._hovered or self._selected
        if shown is None or shown.layer not in self._limits:
            return
        low, high = self._unit_limits(shown)
        painter.setFont(theme.font(0.9))
        room = QRect(theme.GRID_PX, top + 4 + line, min(320, size.width() - 16), self._footer_px() - line - 6)
        scope = {"unit": "this map", "layer": "this layer", "network": "the network"}[self._scope]
        caption = f"{shown.layer}: {scope}" if self._roles[shown.layer] != "ink" else shown.layer
        draw_legend(painter, room, self._roles[shown.layer], low, high, caption)

    def _unit_limits(self, place: Place) -> tuple[float, float]:
        """Return the ends of the colour scale that a place is drawn with."""
        low, high = self._limits[place.layer]
        if place.unit is not None and len(low) > 1:
            return float(low[place.unit]), float(high[place.unit])
        return float(low.min()), float(high.max())

    def _footer_text(self) -> str:
        if self._hovered and self._graph and self._hovered.unit is not None and self._hovered.layer in self._values:
            cell = self._hovered.cell or (0, 0)
            return compute.describe_value(self._graph, self._values, self._hovered.layer, self._hovered.unit, cell)
        return "Point at a map to see its numbers and its sources. Click selects, the wheel zooms, arrow keys walk."

    # -- pointing and choosing ------------------------------------------------------------------------------------

    def _find_sources(self) -> None:
        self._sources = ()
        if self._graph is not None and self._hovered is not None and self._hovered.unit is not None:
            self._sources = compute.sources(self._graph, self._hovered.layer, self._hovered.unit, self._hovered.cell)

    def place_at(self, point: QPointF) -> Place | None:
        """Return the layer, unit and cell under a point of the widget."""
        if point.y() >= self.height() - self._footer_px():
            return None
        found = self._layout.at(point.x() + self._offset.x(), point.y() + self._offset.y())
        if found is None:
            return None
        box, hit = found
        if hit is None:
            return Place(box.node.name)
        unit, row, column = hit
        return Place(box.node.name, unit, (row, column) if box.node.is_map else None)

    def point_of(self, layer: str, unit: int, cell: tuple[int, int] = (0, 0)) -> QPoint:
        """Return where a value is on the widget."""
        box = self._layout.box(layer)
        if box is None:
            raise KeyError(layer)
        x, y, w, h = box.cell_rect(unit, (cell[0], cell[0] + 1), (cell[1], cell[1] + 1))
        return QPoint(round(x + w / 2 - self._offset.x()), round(y + h / 2 - self._offset.y()))

    def _keep_in_sight(self) -> None:
        """Scroll so that the selected layer is visible, and redraw the names."""
        box = self._layout.box(self._selected.layer) if self._selected else None
        if box is not None and self._zoom > 1:
            left, right = self._offset.x(), self._offset.x() + self.width()
            if box.column_x < left or box.column_x + box.column_width > right:
                self._offset.setX(box.column_x + box.column_width / 2 - self.width() / 2)
                self._clamp_offset()
        self._backdrop = None

    def _describe(self) -> None:
        place = self._selected
        if place is None or self._graph is None or place.layer not in self._graph:
            return
        node = self._graph[place.layer]
        unit = f", unit {place.unit}" if place.unit is not None else ""
        self.setAccessibleDescription(f"{node.name}: {node.op}, {node.shape_text}{unit}")

    def _walk(self, layers: int, units: int) -> None:
        """Move the selection by layers or by units."""
        if self._graph is None:
            return
        names = [node.name for node in self._graph.nodes]
        current = self._selected or Place(names[0])
        if layers:
            at = min(len(names) - 1, max(0, names.index(current.layer) + layers))
            node: Node = self._graph[names[at]]
            unit = min(current.unit, node.units - 1) if current.unit is not None else None
            self.chosen.emit(Place(node.name, unit))
        else:
            count = self._graph[current.layer].units
            unit = 0 if current.unit is None else min(count - 1, max(0, current.unit + units))
            self.chosen.emit(Place(current.layer, unit))

    # -- Qt -------------------------------------------------------------------------------------------------------

    def has_own_background(self, part: QRect) -> bool:
        """Return whether the kept backdrop covers a part: all but the footer."""
        return self._graph is not None and part.bottom() < self.height() - self._footer_px()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the layers into the new size."""
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._arrange()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point, or pan with the button held."""
        if self._drag is not None:
            moved = event.position().toPoint() - self._drag
            if moved.manhattanLength() > 3 or self.cursor().shape() == Qt.CursorShape.ClosedHandCursor:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._offset -= QPointF(moved)
                self._drag = event.position().toPoint()
                self._clamp_offset()
                self._backdrop = None
                self.update()
            return
        place = self.place_at(event.position())
        self.pointed.emit(place if place is not None and place.unit is not None else None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a click or a pan."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._drag = event.position().toPoint()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose what was clicked, unless the map was panned."""
        panned = self.cursor().shape() == Qt.CursorShape.ClosedHandCursor
        self.unsetCursor()
        started, self._drag = self._drag, None
        if event.button() == Qt.MouseButton.LeftButton and started is not None and not panned:
            place = self.place_at(event.position())
            if place is not None:
                self.chosen.emit(place)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go one level in."""
        if self.place_at(event.position()) is not None:
            self.entered.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget what was pointed at."""
        self.pointed.emit(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the pointer; a touchpad's sideways movement pans."""
        delta = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(delta.x()) > abs(delta.y()):
            self._offset.setX(self._offset.x() - (delta.x() or delta.y()))
            self._clamp_offset()
            self._backdrop = None
            self.update()
        else:
            self.zoom_by(math.pow(1.0015, delta.y()), event.position())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk, zoom, go in and out."""
        key = event.key()
        walks = {
            Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1),
            Qt.Key.Key_Home: (-9999, 0), Qt.Key.Key_End: (9999, 0),
        }  # fmt: skip
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
        elif key in walks:
            self._walk(*walks[Qt.Key(key)])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(1.25)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(0.8)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        elif key == Qt.Key.Key_Escape and self._selected is not None and self._selected.unit is not None:
            self.chosen.emit(Place(self._selected.layer))
        else:
            super().keyPressEvent(event)


def _frame(painter: QPainter, rect: compute.Rect, colour: QColor, width: int) -> None:
    """Draw a frame just outside a rectangle."""
    x, y, w, h = rect
    painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin))
    half = width / 2
    painter.drawRect(QRectF(x - half, y - half, w + width, h + width))


def _fitting(text: str, width: int, *, bold: bool = False) -> QFont:
    """Return the largest font of the type scale in which `text` fits into `width` pixels."""
    for size in (1.0, 0.9, 0.8):
        font = theme.font(size, bold=bold)
        if QFontMetrics(font).horizontalAdvance(text) <= width:
            return font
    return theme.font(0.72, bold=bold)
