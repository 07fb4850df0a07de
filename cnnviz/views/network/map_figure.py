"""The drawing of the network map: one mosaic a layer, edges, highlights, selection, a footer with the small map."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QWidget

from cnnviz.core.costs import Cost, cost_of, cost_text
from cnnviz.core.graph import Graph
from cnnviz.core.inspection import FloatArray
from cnnviz.state.app_state import ColourScope, Place
from cnnviz.views.network import compute, painting
from cnnviz.views.network.camera import Camera
from cnnviz.views.network.compute import Box, MapLayout, Source
from cnnviz.views.network.folds import Folds
from cnnviz.views.network.mini_map import MiniMap, mini_map_rect
from cnnviz.views.network.painting import CostBars
from cnnviz.views.network.pictures import LayerPictures
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, KeptPicture, draw_part

PICTURES_S = 0.004
"""Making pictures for one painting takes no longer than this and the one that was begun: the window stays smooth."""
NO_NETWORK = "No network is loaded. Choose one in the toolbar."


class MapFigure(Figure):
    """Every layer of a network as a column of maps; groups of layers are folded until they are asked for.

    Signals
    -------
    folds_changed()
        Groups were folded or unfolded.
    """

    folds_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Network map", parent)
        self._graph: Graph | None = None
        self._labels: tuple[str, ...] = ()
        self._values: Mapping[str, FloatArray] = {}
        self._pictures = LayerPictures()
        self._layout = MapLayout((), 0, 0, 0)
        self.folds = Folds()
        self._cost: Cost | None = None
        self._costs: CostBars | None = None
        self._times_ms: Mapping[str, float] = {}
        self._backdrop = KeptPicture()
        self._mini_map = MiniMap()
        self._loading = False
        self._scope: ColourScope = "layer"
        self._selected: Place | None = None
        self._hovered: Place | None = None
        self._sources: tuple[Source, ...] = ()
        self._camera = Camera()
        self._again = QTimer(self)  # pictures that were not made in time
        self._again.setSingleShot(True)
        self._again.timeout.connect(self.update)
        self.setMinimumSize(244, 200)

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_graph(self, graph: Graph | None, labels: tuple[str, ...]) -> None:
        """Show another network; its values come with `show_values`."""
        if graph is not self._graph:
            self._camera = Camera()
            self.folds.show(graph)
        self._graph, self._labels = graph, labels
        self._values, self._times_ms = {}, {}
        self._hovered, self._sources = None, ()
        self._pictures.show(graph, {}, self._scope)
        self._arrange()
        self.folds_changed.emit()

    def show_values(
        self,
        values: Mapping[str, FloatArray],
        scope: ColourScope,
        times_ms: Mapping[str, float] | None = None,
        network_limits: Mapping[str, float] | None = None,
    ) -> None:
        """Show the values of every layer, and how many milliseconds each took."""
        self._values, self._scope = values, scope
        self._pictures.show(self._graph, values, scope, network_limits)
        if self._cost is not None and self._cost.name == "time":
            self._times_ms = times_ms or {}
            self._count_costs()
        elif times_ms is not None:
            self._times_ms = times_ms
        self.update()

    def show_cost(self, cost: Cost | None) -> None:
        """Colour the layers by what they cost, or show their shapes."""
        self._cost = cost
        self._count_costs()
        self.update()

    def _count_costs(self) -> None:
        """Compute what the layers in sight cost."""
        self._costs = None
        if self._cost is not None:
            name = self._cost.name
            values = {b.node.name: cost_of(b.item.nodes, name, self._times_ms) for b in self._layout.boxes}
            texts = {key: cost_text(value, name) for key, value in values.items()}
            self._costs = CostBars(values, texts, max((v for v in values.values() if v is not None), default=0.0))
        self._backdrop.drop()
        self._mini_map.drop()

    @Slot(bool)
    def show_loading(self, loading: bool) -> None:
        """Say why there is no network."""
        self._loading = loading
        self.update()

    def show_selection(self, place: Place | None) -> None:
        """Frame the chosen layer and unit."""
        self._selected = place
        node = self._graph[place.layer] if self._graph and place and place.layer in self._graph else None
        if node is not None and self.folds.bring_out(node.name):
            self._rearrange(None)
        self._find_sources()
        self._keep_in_sight()
        if node is not None and place is not None:
            self.setAccessibleDescription(compute.spoken(node, place.unit))
        self.update()

    def show_pointed(self, place: Place | None) -> None:
        """Light up a value and its sources."""
        self._hovered = place if place and self._graph and place.layer in self._graph else None
        self._find_sources()
        self.update()

    # -- layout ---------------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        if self._graph is None or self.width() < 10:
            self._layout = MapLayout((), 0, 0, 0)
        else:
            room_h = self.height() - painting.footer_px() - theme.GRID_PX
            line_px, zoom = painting.line_px(), self._camera.zoom
            self._layout = compute.arrange(self._graph, self.width(), room_h, line_px, zoom, self.folds.items())
        self._count_costs()
        self.pan(QPointF(0, 0))

    def _rearrange(self, anchor: str | None) -> None:
        """Lay out what is folded now; the layer `anchor` stays where it is on the screen."""
        before = self._layout.box(anchor) if anchor is not None else None
        self._arrange()
        after = self._layout.box(anchor) if anchor is not None else None
        if before is not None and after is not None:
            self.pan(QPointF(after.column_x - before.column_x, 0))
        self.folds_changed.emit()

    def pan(self, moved: QPointF) -> None:
        """Move the map, as far as it goes."""
        self._camera.offset += moved
        self._clamp()
        self._backdrop.drop()
        self.update()

    def fit(self) -> None:
        """Show the whole network."""
        self._camera = Camera()
        self._arrange()

    def zoom_by(self, factor: float, around: QPointF | None = None) -> None:
        """Zoom, keeping the point `around` where it is."""
        if self._camera.zoom_by(factor, around if around is not None else QPointF(self.width() / 2, self.height() / 2)):
            self._arrange()

    def _clamp(self) -> None:
        self._camera.clamp(self._layout, QSize(self.width(), self.height() - painting.footer_px()))

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
        box = self._layout.around(self._selected.layer) if self._selected else None
        if box is not None and self._camera.show_box(box, QSize(self.width(), self.height() - painting.footer_px())):
            self._clamp()
        self._backdrop.drop()

    def _find_sources(self) -> None:
        self._sources = ()
        place = self._lit
        if self._graph is not None and place is not None and place.unit is not None and place.layer in self._graph:
            self._sources = compute.sources(self._graph, place.layer, place.unit, place.cell)

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
        seen = self._seen()
        self._draw_pictures(painter, seen)
        colours = theme.current()
        if self._lit is not None:
            colour = colours.color("pointer" if self._lit is self._hovered else "accent")
            painting.draw_sources(painter, self._layout, self._lit, self._sources, colour)
        painting.draw_place(painter, self._layout, self._selected, colours.color("accent"))
        painting.draw_place(painter, self._layout, self._hovered, colours.color("pointer"))
        if self._camera.offset.y() > 0:
            top, chosen = self._camera.offset.y(), self._chosen_layer
            painting.draw_names_on_top(painter, self._layout, seen, chosen, top, self._costs)
        painter.restore()
        shown = self._hovered or self._selected
        painting.draw_footer(painter, size, self._footer_text(), lit=self._lit is not None)
        if self._cost is not None and self._costs is not None:
            painting.draw_cost_scale(painter, size, self._cost.title, cost_text(self._costs.most, self._cost.name))
        elif shown is not None and shown.layer in self._pictures and shown.layer in self._graph:
            painting.draw_scale(painter, size, self._pictures, self._graph[shown.layer], shown, self._scope)
        self._draw_mini_map(painter, size)

    def _seen(self) -> tuple[Box, ...]:
        """Return the layers in sight."""
        left = self._camera.offset.x()
        return self._layout.between(left, left + self.width())

    def _draw_pictures(self, painter: QPainter, seen: Sequence[Box]) -> None:
        """Draw the maps in sight; where making them takes long, the rest follows when what waits has been done."""
        end_s = time.perf_counter() + PICTURES_S
        on_screen = isinstance(painter.device(), QWidget)
        for box in seen:
            if box.node.name not in self._pictures:
                continue
            late = on_screen and not self._pictures.is_fresh(box) and time.perf_counter() > end_s
            image = self._pictures.stale_image(box) if late else self._pictures.image(box)
            if late and not self._again.isActive():
                self._again.start(0)
            if image is not None:
                width, height = self._pictures.size(box)
                draw_part(painter, QRect(box.x, box.y, box.width, box.height), image, QRect(0, 0, width, height))

    @property
    def _has_mini_map(self) -> bool:
        """Whether the map is larger than the widget."""
        room_h = self.height() - painting.footer_px()
        return self._layout.width > self.width() or self._layout.height > room_h

    def _draw_mini_map(self, painter: QPainter, size: QSize) -> None:
        if not self._has_mini_map:
            return
        offset, room_h = self._camera.offset, self.height() - painting.footer_px()
        seen = QRectF(offset.x(), offset.y(), self.width(), room_h)
        chosen = self._layout.box(self._chosen_layer or "")
        self._mini_map.draw(painter, mini_map_rect(size), self._layout, self._costs, seen, chosen)

    def _draw_static(self, painter: QPainter) -> None:
        """Draw what changes only with layout and selection: edges, names, frames."""
        painter.save()
        painter.translate(-self._camera.offset)
        left = self._camera.offset.x()
        painting.draw_frames(painter, self._layout, left, left + self.width())
        painting.draw_edges(painter, self._layout, left, left + self.width())
        painting.draw_layers(painter, self._layout, self._seen(), self._chosen_layer, self._costs)
        painting.draw_output_labels(painter, self._layout, self._labels)
        painter.restore()

    @property
    def _chosen_layer(self) -> str | None:
        """The layer whose box is marked: the selected one, or that which stands for the group in which it is hidden."""
        box = self._layout.around(self._selected.layer) if self._selected is not None else None
        return box.node.name if box is not None else None

    @property
    def _lit(self) -> Place | None:
        """The unit whose sources are lit: the one that is pointed at, else the selected one."""
        place = self._hovered or self._selected
        return place if place is not None and place.unit is not None else None

    def _footer_text(self) -> str:
        place = self._lit
        if place is not None and place.unit is not None and self._graph and place.layer in self._values:
            return compute.describe_value(self._graph, self._values, place.layer, place.unit, place.cell)
        if self.folds.groups:
            return "Point at a map to see its numbers. Click selects, arrow keys walk, Space unfolds and folds."
        return "Point at a map to see its numbers and its sources. Click selects, the wheel zooms, arrow keys walk."

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
