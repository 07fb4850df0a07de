"""The drawing of the network map: one mosaic a layer, edges, highlights, selection, zoom and pan."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QCursor, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from cnnviz.core.graph import Graph
from cnnviz.core.inspection import FloatArray
from cnnviz.state.app_state import ColourScope, Place
from cnnviz.views.network import compute, painting
from cnnviz.views.network.camera import Camera
from cnnviz.views.network.compute import MapLayout, Source
from cnnviz.views.network.pictures import LayerPictures
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, KeptPicture, draw_part

NO_NETWORK = "No network is loaded. Choose one in the toolbar."


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
        self._pictures = LayerPictures()
        self._layout = MapLayout((), 0, 0, 0)
        self._backdrop = KeptPicture()
        self._loading = False
        self._scope: ColourScope = "layer"
        self._selected: Place | None = None
        self._hovered: Place | None = None
        self._sources: tuple[Source, ...] = ()
        self._camera = Camera()
        self._drag: QPoint | None = None
        self._panning = False
        self.setMinimumSize(256, 200)

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
        self.update()

    @Slot(bool)
    def show_loading(self, loading: bool) -> None:
        """Say why there is no network."""
        self._loading = loading
        self.update()

    def show_selection(self, place: Place | None) -> None:
        """Frame the chosen layer and unit."""
        self._selected = place
        self._find_sources()
        self._keep_in_sight()
        if self._graph is not None and place is not None and place.layer in self._graph:
            self.setAccessibleDescription(compute.spoken(self._graph[place.layer], place.unit))
        self.update()

    def show_pointed(self, place: Place | None) -> None:
        """Light up a value and its sources."""
        self._hovered = place if place and self._graph and place.layer in self._graph else None
        self._find_sources()
        self.update()

    def fit(self) -> None:
        """Show the whole network."""
        self._camera = Camera()
        self._arrange()

    def zoom_by(self, factor: float, around: QPointF | None = None) -> None:
        """Zoom, keeping the point `around` where it is."""
        if self._camera.zoom_by(factor, around if around is not None else QPointF(self.width() / 2, self.height() / 2)):
            self._arrange()

    # -- layout and pictures --------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        if self._graph is None or self.width() < 10:
            self._layout = MapLayout((), 0, 0, 0)
        else:
            room_h = self.height() - painting.footer_px() - theme.GRID_PX
            self._layout = compute.arrange(self._graph, self.width(), room_h, painting.line_px(), self._camera.zoom)
        self._make_images()
        self._pan(QPointF(0, 0))

    def _pan(self, moved: QPointF) -> None:
        """Move the map, as far as it goes; something else may then be under a pointer that did not move."""
        self._camera.offset += moved
        self._clamp()
        self._backdrop.drop()
        if self._hovered is not None and self.underMouse():
            self._point(QPointF(self.mapFromGlobal(QCursor.pos())))
        self.update()

    def _point(self, at: QPointF) -> None:
        place = self.place_at(at)
        self.pointed.emit(place if place is not None and place.unit is not None else None)

    def _clamp(self) -> None:
        self._camera.clamp(self._layout, QSize(self.width(), self.height() - painting.footer_px()))

    def _make_images(self) -> None:
        self._pictures.make(self._graph, self._layout, self._values, self._scope)

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the map with its footer."""
        if self._graph is None:
            painter.setFont(theme.font(1.1))
            painter.setPen(theme.current().color("muted"))
            words = "The network is being loaded…" if self._loading else NO_NETWORK
            painter.drawText(QRect(QPoint(0, 0), size), Qt.AlignmentFlag.AlignCenter, words)
            return
        painter.save()
        painter.setClipRect(QRect(0, 0, size.width(), size.height() - painting.footer_px()))
        self._backdrop.draw(painter, size, self._draw_static)
        painter.translate(-self._camera.offset)
        for box in self._layout.boxes:
            image = self._pictures.images.get(box.node.name)
            if image is not None:
                width, height = box.mosaic.picture_size
                target = QRect(box.x, box.y, box.width, box.height)
                draw_part(painter, target, image, QRect(0, 0, width, height))
        colours = theme.current()
        if self._lit is not None:
            colour = colours.color("pointer" if self._lit is self._hovered else "accent")
            painting.draw_sources(painter, self._layout, self._lit, self._sources, colour)
        painting.draw_place(painter, self._layout, self._selected, colours.color("accent"))
        painting.draw_place(painter, self._layout, self._hovered, colours.color("pointer"))
        if self._camera.offset.y() > 0:
            painting.draw_names_on_top(painter, self._layout, self._chosen_layer, self._camera.offset.y())
        painter.restore()
        shown = self._hovered or self._selected
        painting.draw_footer(painter, size, self._footer_text(), lit=self._lit is not None)
        if shown is not None and shown.layer in self._pictures.images:
            painting.draw_scale(painter, size, self._pictures, shown, self._scope)

    def _draw_static(self, painter: QPainter) -> None:
        """Draw what changes only with layout and selection: edges, names, frames."""
        painter.save()
        painter.translate(-self._camera.offset)
        painting.draw_edges(painter, self._layout)
        painting.draw_layers(painter, self._layout, self._chosen_layer)
        painting.draw_output_labels(painter, self._layout, self._labels)
        painter.restore()

    @property
    def _chosen_layer(self) -> str | None:
        return self._selected.layer if self._selected is not None else None

    @property
    def _lit(self) -> Place | None:
        """The unit whose sources are lit: the one that is pointed at, else the selected one."""
        place = self._hovered or self._selected
        return place if place is not None and place.unit is not None else None

    def _footer_text(self) -> str:
        place = self._lit
        if place is not None and place.unit is not None and self._graph and place.layer in self._values:
            return compute.describe_value(self._graph, self._values, place.layer, place.unit, place.cell)
        return "Point at a map to see its numbers and its sources. Click selects, the wheel zooms, arrow keys walk."

    # -- pointing and choosing ------------------------------------------------------------------------------------

    def _find_sources(self) -> None:
        self._sources = ()
        place = self._lit
        if self._graph is not None and place is not None and place.unit is not None and place.layer in self._graph:
            self._sources = compute.sources(self._graph, place.layer, place.unit, place.cell)

    def place_at(self, point: QPointF) -> Place | None:
        """Return the layer, unit and cell under a point of the widget."""
        if point.y() >= self.height() - painting.footer_px():
            return None
        found = self._layout.at(point.x() + self._camera.offset.x(), point.y() + self._camera.offset.y())
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
        return QPoint(round(x + w / 2 - self._camera.offset.x()), round(y + h / 2 - self._camera.offset.y()))

    def _keep_in_sight(self) -> None:
        """Scroll so that the selected layer is visible, and redraw the names."""
        box = self._layout.box(self._selected.layer) if self._selected else None
        if box is not None and self._camera.show_column(box, self.width()):
            self._clamp()
        self._backdrop.drop()

    def _walk(self, layers: int, units: int) -> None:
        """Move the selection by layers or by units."""
        if self._graph is not None:
            self.pointed.emit(None)  # a pointer that rests must not hide what the keys choose
            unit = self._selected.unit if self._selected is not None else None
            self.chosen.emit(Place(*compute.walked(self._graph, self._chosen_layer, unit, layers, units)))

    # -- Qt -------------------------------------------------------------------------------------------------------

    def has_own_background(self, part: QRect) -> bool:
        """Return whether the kept backdrop covers a part: all but the footer."""
        return self._graph is not None and part.bottom() < self.height() - painting.footer_px()

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
            if moved.manhattanLength() > 3 or self._panning:
                self._panning = True
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._drag = event.position().toPoint()
                self._pan(-QPointF(moved))
            return
        self._point(event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a click or a pan."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._drag = event.position().toPoint()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose what was clicked, unless the map was panned."""
        panned, self._panning = self._panning, False
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
            self._pan(QPointF(-(delta.x() or delta.y()), 0))
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
