"""The drawing of the network map: one mosaic a layer, edges, highlights, selection, zoom and pan."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QCursor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from cnnviz.core.costs import Cost, cost_of, cost_text
from cnnviz.core.folding import FoldTree, Group
from cnnviz.core.graph import Graph
from cnnviz.core.inspection import FloatArray
from cnnviz.state.app_state import ColourScope, Place
from cnnviz.views.network import compute, painting
from cnnviz.views.network.camera import Camera
from cnnviz.views.network.compute import Box, MapLayout, Source
from cnnviz.views.network.painting import CostBars
from cnnviz.views.network.pictures import LayerPictures
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, KeptPicture, draw_part

PICTURES_S = 0.004
"""Making pictures for one painting takes no longer than this and the one that was begun: the window stays smooth."""
NO_NETWORK = "No network is loaded. Choose one in the toolbar."


class NetworkCanvas(Figure):
    """Every layer of a network as a column of maps; groups of layers are folded until they are asked for.

    Signals
    -------
    pointed(Place | None)
        The pointer is over a map, or left it.
    chosen(Place)
        A layer, unit or cell was chosen by click or key.
    entered()
        Enter: go one level in.
    folds_changed()
        Groups were folded or unfolded.
    """

    pointed = Signal(object)
    chosen = Signal(object)
    entered = Signal()
    folds_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Network map", parent)
        self._graph: Graph | None = None
        self._labels: tuple[str, ...] = ()
        self._values: Mapping[str, FloatArray] = {}
        self._pictures = LayerPictures()
        self._layout = MapLayout((), 0, 0, 0)
        self._tree: FoldTree | None = None
        self._unfolded: frozenset[str] = frozenset()
        self._brought_out: frozenset[str] = frozenset()  # unfolded only for a layer that was chosen elsewhere
        self._folds: dict[str, frozenset[str]] = {}  # what is unfolded of each network, by its name
        self._cost: Cost | None = None
        self._costs: CostBars | None = None
        self._times_ms: Mapping[str, float] = {}
        self._backdrop = KeptPicture()
        self._mini = QPixmap()
        self._mini_is_new = False
        self._loading = False
        self._scope: ColourScope = "layer"
        self._selected: Place | None = None
        self._hovered: Place | None = None
        self._sources: tuple[Source, ...] = ()
        self._camera = Camera()
        self._drag: QPoint | None = None
        self._panning = False
        self._steering = False
        self._again = QTimer(self)  # pictures that were not made in time
        self._again.setSingleShot(True)
        self._again.timeout.connect(self.update)
        self.setMinimumSize(244, 200)

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_graph(self, graph: Graph | None, labels: tuple[str, ...]) -> None:
        """Show another network; its values come with `show_values`."""
        if graph is not self._graph:
            self._camera = Camera()
            self._tree = FoldTree(graph) if graph is not None else None
            self._unfolded = frozenset()
            if graph is not None and self._tree is not None:
                self._unfolded = self._folds.get(graph.name, self._tree.usual())
        self._graph, self._labels = graph, labels
        self._values, self._times_ms = {}, {}
        self._hovered, self._sources = None, ()
        self._pictures.show(graph, {}, self._scope)
        self._arrange()
        self.folds_changed.emit()

    def show_values(
        self, values: Mapping[str, FloatArray], scope: ColourScope, times_ms: Mapping[str, float] | None = None
    ) -> None:
        """Show the values of every layer, and how many milliseconds each took."""
        self._values, self._scope = values, scope
        self._pictures.show(self._graph, values, scope)
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
        self._mini_is_new = False

    # -- folding --------------------------------------------------------------------------------------------------

    @property
    def groups(self) -> int:
        """How many groups the network has."""
        return len(self._tree.groups) if self._tree is not None else 0

    def group_of(self, layer: str | None) -> Group | None:
        """Return what `toggle` would fold or unfold for a layer: the folded group it stands for, or the one around."""
        box = self._layout.around(layer) if layer is not None else None
        if box is None:
            return None
        return box.item.group or (box.item.inside[-1] if box.item.inside else None)

    def toggle(self, path: str) -> None:
        """Fold or unfold a group where it stands."""
        group = self._tree.group(path) if self._tree is not None else None
        if group is None:
            return
        if path in self._unfolded:
            self._fold(self._unfolded - group.paths, group.output.name)
        else:
            self._fold(self._unfolded | {path}, group.output.name)

    @Slot()
    def fold_all(self) -> None:
        """Fold every group."""
        self._fold(frozenset(), self._chosen_layer)

    @Slot()
    def unfold_all(self) -> None:
        """Unfold every group."""
        if self._tree is not None:
            self._fold(frozenset(group.path for group in self._tree.groups), self._chosen_layer)

    def _bring_out(self, layer: str) -> None:
        """Unfold what a layer that was chosen elsewhere lies in; what the last such layer lay in is folded again."""
        if self._tree is None or self._tree.showing(layer, self._unfolded) == self._unfolded:
            return
        before = self._unfolded - self._brought_out
        after = self._tree.showing(layer, before)
        self._fold(after, None)
        self._brought_out = after - before

    def _fold(self, unfolded: frozenset[str], anchor: str | None) -> None:
        """Show other groups unfolded; the layer `anchor` stays where it is on the screen."""
        if unfolded == self._unfolded or self._graph is None:
            return
        before = self._layout.box(anchor) if anchor is not None else None
        self._brought_out = frozenset()
        self._unfolded = self._folds[self._graph.name] = unfolded
        self._arrange()
        after = self._layout.box(anchor) if anchor is not None else None
        if before is not None and after is not None:
            self.pan(QPointF(after.column_x - before.column_x, 0))
        self.folds_changed.emit()

    @Slot(bool)
    def show_loading(self, loading: bool) -> None:
        """Say why there is no network."""
        self._loading = loading
        self.update()

    def show_selection(self, place: Place | None) -> None:
        """Frame the chosen layer and unit."""
        self._selected = place
        if place is not None and self._tree is not None and self._graph is not None and place.layer in self._graph:
            self._bring_out(place.layer)
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
            items = self._tree.items(self._unfolded) if self._tree is not None else None
            line_px, zoom = painting.line_px(), self._camera.zoom
            self._layout = compute.arrange(self._graph, self.width(), room_h, line_px, zoom, items)
        self._count_costs()
        self.pan(QPointF(0, 0))

    def pan(self, moved: QPointF) -> None:
        """Move the map, as far as it goes; something else may then be under a pointer that did not move."""
        self._camera.offset += moved
        self._clamp()
        self._backdrop.drop()
        if self._hovered is not None and self.underMouse():
            self._point(QPointF(self.mapFromGlobal(QCursor.pos())))
        self.update()

    def _point(self, at: QPointF) -> None:
        place = self.place_at(at)
        self._tell_facts(place.layer if place is not None else None)
        self.pointed.emit(place if place is not None and place.unit is not None else None)

    def _tell_facts(self, layer: str | None) -> None:
        """Have the facts of a layer told where the pointer comes to rest."""
        box = self._layout.box(layer) if layer is not None else None
        facts = compute.facts(box.item.nodes, box.item.title, self._times_ms) if box is not None else ""
        if facts != self.toolTip():
            self.setToolTip(facts)

    def _clamp(self) -> None:
        self._camera.clamp(self._layout, QSize(self.width(), self.height() - painting.footer_px()))

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
        rect, ratio = painting.mini_map_rect(size), self.devicePixelRatioF()
        if not self._mini_is_new or self._mini.size() != rect.size() * ratio:
            self._mini, self._mini_is_new = QPixmap(rect.size() * ratio), True
            self._mini.setDevicePixelRatio(ratio)
            inner = QPainter(self._mini)
            whole = QRect(QPoint(0, 0), rect.size())
            painting.draw_mini_map(inner, whole, self._layout, self._costs)
            inner.end()
        painter.drawPixmap(rect.topLeft(), self._mini)
        offset, room_h = self._camera.offset, self.height() - painting.footer_px()
        seen = QRectF(offset.x(), offset.y(), self.width(), room_h)
        painting.draw_window(painter, rect, self._layout, seen, self._chosen_layer)

    def _steer(self, at: QPointF) -> None:
        """Bring the place of the small map into sight."""
        rect = painting.mini_map_rect(self.size())
        x = (at.x() - rect.x()) / rect.width() * self._layout.width - self.width() / 2
        y = (at.y() - rect.y()) / rect.height() * self._layout.height - self.height() / 2
        self.pan(QPointF(x, y) - self._camera.offset)

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
        if self.groups:
            return "Point at a map to see its numbers. Click selects, arrow keys walk, Space unfolds and folds."
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
        box = self._layout.around(self._selected.layer) if self._selected else None
        if box is not None and self._camera.show_box(box, QSize(self.width(), self.height() - painting.footer_px())):
            self._clamp()
        self._backdrop.drop()

    def _walk(self, layers: int, units: int) -> None:
        """Move the selection by layers or by units."""
        if self._graph is not None:
            self.pointed.emit(None)  # a pointer that rests must not hide what the keys choose
            unit = self._selected.unit if self._selected is not None else None
            nodes = [box.node for box in self._layout.boxes]
            self.chosen.emit(Place(*compute.walked(nodes, self._chosen_layer, unit, layers, units)))

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
        if self._steering:
            self._steer(event.position())
            return
        if self._drag is not None:
            moved = event.position().toPoint() - self._drag
            if moved.manhattanLength() > 3 or self._panning:
                self._panning = True
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._drag = event.position().toPoint()
                self.pan(-QPointF(moved))
            return
        self._point(event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a click or a pan."""
        if self._has_mini_map and painting.mini_map_rect(self.size()).contains(event.position().toPoint()):
            self._steering = event.button() == Qt.MouseButton.LeftButton
            if self._steering:
                self._steer(event.position())
        elif event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._drag = event.position().toPoint()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose what was clicked, unless the map was panned."""
        panned, self._panning = self._panning, False
        if self._steering:
            self._steering = False
            return
        self.unsetCursor()
        started, self._drag = self._drag, None
        if event.button() == Qt.MouseButton.LeftButton and started is not None and not panned:
            group = self._title_at(event.position())
            place = self.place_at(event.position())
            if group is not None:
                self.toggle(group.path)
            elif place is not None:
                self.chosen.emit(place)

    def _title_at(self, point: QPointF) -> Group | None:
        """Return the group whose name is under a point of the widget."""
        if point.y() >= self.height() - painting.footer_px():
            return None
        at = point + self._camera.offset
        return self._layout.title_at(at.x(), at.y(), painting.line_px())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to fold and unfold, and what every picture offers."""
        menu = self.menu_at(QPointF(event.pos()))
        menu.exec(event.globalPos())
        menu.deleteLater()

    def menu_at(self, point: QPointF) -> QMenu:
        """Return what is offered at a point; the caller deletes it."""
        menu = QMenu(self)
        place = self.place_at(point)
        group = self._title_at(point) or self.group_of(place.layer if place else self._chosen_layer)
        if group is not None:
            verb = "Fold" if group.path in self._unfolded else "Unfold"
            menu.addAction(f"{verb} {group.title}", lambda: self.toggle(group.path))
        if self.groups:
            menu.addAction("Fold everything", self.fold_all)
            menu.addAction("Unfold everything", self.unfold_all)
            menu.addSeparator()
        menu.addActions(self.actions())
        return menu

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go one level in."""
        if self._title_at(event.position()) is None and self.place_at(event.position()) is not None:
            self.entered.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget what was pointed at."""
        self.pointed.emit(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the pointer; a touchpad's sideways movement pans."""
        delta = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(delta.x()) > abs(delta.y()):
            self.pan(QPointF(-(delta.x() or delta.y()), 0))
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
        elif key == Qt.Key.Key_Space:
            group = self.group_of(self._chosen_layer)
            if group is not None:
                self.toggle(group.path)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        elif key == Qt.Key.Key_Escape and self._selected is not None and self._selected.unit is not None:
            self.chosen.emit(Place(self._selected.layer))
        else:
            super().keyPressEvent(event)
