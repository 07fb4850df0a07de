"""The network map under the user's hands: pointing, choosing, walking, folding, zoom and pan."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QCursor, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QWidget

from cnnviz.core.folding import Group
from cnnviz.state.app_state import Place
from cnnviz.views.network import compute, painting
from cnnviz.views.network.map_figure import MapFigure
from cnnviz.views.network.mini_map import mini_map_rect, point_of_map


class NetworkCanvas(MapFigure):
    """The map, moved and asked by mouse and keys.

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
        super().__init__(parent)
        self._drag: QPoint | None = None
        self._panning = False
        self._steering = False

    # -- folding --------------------------------------------------------------------------------------------------

    def group_of(self, layer: str | None) -> Group | None:
        """Return what `toggle` would fold or unfold for a layer: the folded group it stands for, or the one around."""
        box = self._layout.around(layer) if layer is not None else None
        if box is None:
            return None
        return box.item.group or (box.item.inside[-1] if box.item.inside else None)

    def toggle(self, path: str) -> None:
        """Fold or unfold a group where it stands."""
        group = self.folds.group(path)
        if group is not None and self.folds.toggle(group):
            self._rearrange(group.output.name)

    @Slot()
    def fold_all(self) -> None:
        """Fold every group."""
        if self.folds.fold_all():
            self._rearrange(self._chosen_layer)

    @Slot()
    def unfold_all(self) -> None:
        """Unfold every group."""
        if self.folds.unfold_all():
            self._rearrange(self._chosen_layer)

    # -- moving and pointing --------------------------------------------------------------------------------------

    def zoom_by(self, factor: float, around: QPointF | None = None) -> None:
        """Zoom, keeping the point `around` where it is."""
        if self._camera.zoom_by(factor, around if around is not None else QPointF(self.width() / 2, self.height() / 2)):
            self._arrange()

    def pan(self, moved: QPointF) -> None:
        """Move the map, as far as it goes; something else may then be under a pointer that did not move."""
        super().pan(moved)
        if self._hovered is not None and self.underMouse():
            self._point(QPointF(self.mapFromGlobal(QCursor.pos())))

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

    def _steer(self, at: QPointF) -> None:
        """Bring the place of the small map into sight."""
        middle = point_of_map(at, mini_map_rect(self.size()), self._layout)
        self.pan(middle - QPointF(self.width() / 2, self.height() / 2) - self._camera.offset)

    def _title_at(self, point: QPointF) -> Group | None:
        """Return the group whose name is under a point of the widget."""
        if point.y() >= self.height() - painting.footer_px():
            return None
        at = point + self._camera.offset
        return self._layout.title_at(at.x(), at.y(), painting.line_px())

    def _walk(self, layers: int, units: int) -> None:
        """Move the selection by layers or by units."""
        if self._graph is not None:
            self.pointed.emit(None)  # a pointer that rests must not hide what the keys choose
            unit = self._selected.unit if self._selected is not None else None
            nodes = [box.node for box in self._layout.boxes]
            self.chosen.emit(Place(*compute.walked(nodes, self._chosen_layer, unit, layers, units)))

    # -- Qt -------------------------------------------------------------------------------------------------------

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
        if self._has_mini_map and mini_map_rect(self.size()).contains(event.position().toPoint()):
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
            verb = "Fold" if group.path in self.folds.unfolded else "Unfold"
            menu.addAction(f"{verb} {group.title}", lambda: self.toggle(group.path))
        if self.folds.groups:
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
