"""The maps of the selected layer, large."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from cnnviz.core import scale
from cnnviz.core.formats import number
from cnnviz.core.graph import Node
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.feature_maps import compute
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.legend import Legend
from cnnviz.widgets.map_grid import MapGrid, MapGridArea, Maps

EMPTY = "Draw a digit: the maps of the selected layer appear here."


class FeatureMapsView(View):
    """Inspector tab *Maps*."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.grid = MapGrid("Maps of the selected layer")
        self.area = MapGridArea(self.grid, self)
        self.legend = Legend(self)
        self.legend.setMaximumWidth(220)
        self.legend.setMinimumWidth(96)
        self._order = QComboBox(self)
        self._order.setAccessibleName("Order of the maps")
        for order in compute.ORDERS:
            self._order.addItem(f"by {order}", order)
        self._order.activated.connect(self._on_order_activated)
        self._zoom = QToolButton(self)
        self._zoom.setText("One map")
        self._zoom.setCheckable(True)
        self._zoom.setToolTip("Let the selected map fill the room (Enter; Escape goes back)")
        self._zoom.toggled.connect(self._on_zoom_toggled)
        self._summary = ElidedLabel("", self)
        self._value = ElidedLabel("", self)
        self._value.setAccessibleName("Value under the pointer")
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX)
        for widget in (self._order, self._zoom):
            row.addWidget(widget)
        self._summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # the value matters more
        row.addWidget(self._summary, 1)
        row.addWidget(self._value)
        row.addWidget(self.legend)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.area, 1)
        self.setFocusProxy(self.grid)
        self.grid.pointed.connect(self._on_grid_pointed)
        self.grid.chosen.connect(self._on_grid_chosen)
        self.grid.zoom_changed.connect(self._on_grid_zoom_changed)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        self.follow(state.pointed_changed, lambda: state.pointed, self.show_pointed)

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network."""
        self._show()

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show new values."""
        self._show()

    @Slot(object)
    def show_scope(self, scope: object) -> None:
        """Colour by another scale."""
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Show another layer, and frame its unit."""
        self._show()
        self.grid.show_selection(place.unit if place else None, place.cell if place else None)
        self.area.show_position(place.unit if place else None)

    @Slot(object)
    def show_pointed(self, place: Place | None) -> None:
        """Frame what is pointed at, and write its value."""
        here = place is not None and self.state.selection is not None and place.layer == self.state.selection.layer
        self.grid.show_pointed(place.unit if here and place else None, place.cell if here and place else None)
        self._show_value(place if here else None)

    def _layer(self) -> tuple[Node, FloatArray] | None:
        """Return the selected layer and its values as maps."""
        model, inspection, place = self.state.model, self.state.inspection, self.state.selection
        if model is None or inspection is None or place is None or place.layer not in model.graph:
            return None
        node = model.graph[place.layer]
        return node, scale.as_maps(node, inspection.values[node.name])

    def _show(self) -> None:
        found = self._layer()
        self.legend.setVisible(found is not None)
        if found is None or self.state.inspection is None or self.state.model is None:
            self.grid.show_maps(None, EMPTY)
            self._summary.setText("")
            return
        node, maps_chw = found
        network = (
            scale.network_limits(self.state.model.graph, self.state.inspection.values)
            if self.state.scope == "network"
            else {}
        )
        low, high = scale.limits(node, maps_chw, self.state.scope, network)
        units = compute.order_units(maps_chw, self._order.currentData())
        chosen = list(units)
        dead = compute.silent(node, maps_chw)
        in_order = units == tuple(range(len(units)))
        maps = Maps(
            values_chw=maps_chw if in_order else maps_chw[chosen],
            low=low if len(low) == 1 else low[chosen],
            high=high if len(high) == 1 else high[chosen],
            role=scale.role(node, maps_chw),
            units=units,
            names=tuple(str(unit) for unit in units),
            marks=tuple("silent" if dead[unit] and node.is_map else "" for unit in units),
        )
        self._zoom.setEnabled(maps_chw[0].size > 1)
        self.grid.show_maps(maps)
        self._summary.setText(compute.summary(node, maps_chw))
        self.legend.show_scale(maps.role, float(low.min()), float(high.max()), "")
        self.grid.setAccessibleDescription(f"{node.name}: {self._summary.text()}")
        if self._value.text():
            self.show_pointed(self.state.pointed)

    def _show_value(self, place: Place | None) -> None:
        found = self._layer()
        if place is None or place.unit is None or found is None:
            self._value.setText("")
            return
        node, maps_chw = found
        row, column = place.cell or (0, 0)
        value = number(float(maps_chw[place.unit, row, column]), 5)
        where = f"map {place.unit}, row {row}, column {column}" if node.is_map else f"element {place.unit}"
        self._value.setText(f"{where}: {value}")

    @Slot(object)
    def _on_grid_pointed(self, found: tuple[int, int, int] | None) -> None:
        layer = self.state.selection.layer if self.state.selection else None
        if layer is None or found is None:
            self.state.set_pointed(None)
            return
        unit, row, column = found
        node = self.state.model.graph[layer] if self.state.model else None
        self.state.set_pointed(Place(layer, unit, (row, column) if node is not None and node.is_map else None))

    @Slot(int, object)
    def _on_grid_chosen(self, unit: int, cell: tuple[int, int] | None) -> None:
        if self.state.selection is not None and self.state.model is not None:
            node = self.state.model.graph[self.state.selection.layer]
            self.state.select(Place(node.name, unit, cell if node.is_map else None))

    @Slot(int)
    def _on_order_activated(self, index: int) -> None:
        self._show()

    @Slot(bool)
    def _on_zoom_toggled(self, on: bool) -> None:
        place = self.state.selection
        if on != (self.grid.zoomed is not None):
            self.grid.zoom_into((place.unit or 0) if on and place is not None else None)
            self._zoom.setChecked(self.grid.zoomed is not None)

    @Slot(bool)
    def _on_grid_zoom_changed(self, on: bool) -> None:
        self._zoom.setChecked(on)

    def remember(self, settings: Settings) -> None:
        """Store the order."""
        settings.put("maps/order", self._order.currentData())

    def recall(self, settings: Settings) -> None:
        """Bring the order back."""
        self._order.setCurrentIndex(compute.ORDERS.index(settings.choice("maps/order", "index", compute.ORDERS)))
