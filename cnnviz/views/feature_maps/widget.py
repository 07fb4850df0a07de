"""The maps of the selected layer, large."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core import scale
from cnnviz.core.formats import number
from cnnviz.core.inspection import Inspection, LoadedModel, ModelRequest
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.feature_maps import compute
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.flow import FlowLayout
from cnnviz.widgets.legend import Legend
from cnnviz.widgets.map_grid import MapGrid, MapGridArea, Maps, PinnedArea

EMPTY = "Draw a digit: the maps of the selected layer appear here."
SIZES: tuple[int | None, ...] = (None, 32, 40, 48, 64, 80, 96, 128, 160, 192, 224, 320, 448)
MOST_PINNED = 0.45  # of the height that the controls leave
LEAST_PX = 1  # in a small window the maps give way, not the controls
MOST_SEARCHED = 200  # letters: a number of thousands of digits is none


@lru_cache(maxsize=8)
def _numbered(units: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return some units and their names, the same objects while they stay the same."""
    return units, tuple(map(str, units))


class FeatureMapsView(View):
    """Inspector tab *Maps*: all maps of a layer, and above them those that are pinned."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.grid = MapGrid("Maps of the selected layer", can_pin=True)
        self.area = MapGridArea(self.grid, self)
        self.area.setMinimumHeight(LEAST_PX)
        self.pinned = MapGrid("Pinned maps", can_pin=True, fills=False)
        self.pinned_area = PinnedArea(self.pinned, self)
        self.pinned_area.hide()
        self._pins: dict[str, list[int]] = {}
        self._pins_of: ModelRequest | None = None
        self._drawn: tuple[Inspection, str] | None = None
        self.legend = Legend(self)
        self._summary = ElidedLabel("", self)
        self._value = ElidedLabel("", self)
        self._value.setAccessibleName("Value under the pointer")
        facts = QHBoxLayout()
        facts.setSpacing(2 * theme.GRID_PX)
        self._summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # the value matters more
        facts.addWidget(self._summary, 1)
        facts.addWidget(self._value)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._controls = FlowLayout((*self._make_controls(), self.legend), theme.GRID_PX)
        column.addLayout(self._controls)
        column.addLayout(facts)
        column.addWidget(self.pinned_area)
        column.addWidget(self.area, 1)
        self.setFocusProxy(self.grid)
        for grid in (self.grid, self.pinned):
            grid.pointed.connect(self._on_grid_pointed)
            grid.chosen.connect(self._on_grid_chosen)
            grid.pin_toggled.connect(self._on_grid_pin_toggled)
            grid.size_stepped.connect(self._on_grid_size_stepped)
        self.grid.zoom_changed.connect(self._on_grid_zoom_changed)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        self.follow(state.pointed_changed, lambda: state.pointed, self.show_pointed)

    def _make_controls(self) -> tuple[QWidget, ...]:
        """Make what orders, chooses and sizes the maps."""
        self._order = QComboBox(self)
        self._order.setAccessibleName("Order of the maps")
        self._order.setToolTip("In which order the maps stand")
        for order in compute.ORDERS:
            self._order.addItem(compute.ORDER_NAMES[order], order)
        self._order.activated.connect(self._on_order_activated)
        self._zoom = QToolButton(self)
        self._zoom.setText("One map")
        self._zoom.setCheckable(True)
        self._zoom.setToolTip("Let the selected map fill the room (Enter; Escape goes back)")
        self._zoom.toggled.connect(self._on_zoom_toggled)
        self._reverse = QToolButton(self)
        self._reverse.setText("⇅")
        self._reverse.setCheckable(True)
        self._reverse.setAccessibleName("The other way round")
        self._reverse.setToolTip("Turn the order round: smallest first, or the highest number")
        self._reverse.toggled.connect(self._on_reverse_toggled)
        self._only = QComboBox(self)
        self._only.setAccessibleName("Which maps are shown")
        self._only.setToolTip("Show all maps, those that are not 0 everywhere, those that are, or the strong ones")
        for only in compute.ONLY:
            self._only.addItem(compute.ONLY_NAMES[only], only)
        self._only.activated.connect(self._on_only_activated)
        self._above = QDoubleSpinBox(self)
        self._above.setAccessibleName("Threshold of the largest value")
        self._above.setToolTip("Only maps whose largest value is above this are shown")
        self._above.setRange(-1e6, 1e6)
        self._above.setDecimals(3)
        self._above.setSingleStep(0.1)
        self._above.hide()
        self._above.valueChanged.connect(self._on_above_changed)
        self._search = QLineEdit(self)
        self._search.setAccessibleName("Search for maps")
        self._search.setPlaceholderText("unit 12, 40-47")
        self._search.setToolTip("Show only the maps with these numbers, such as 'unit 12' or '3, 7, 40-47'")
        self._search.setClearButtonEnabled(True)
        self._search.setMaxLength(MOST_SEARCHED)
        self._search.textChanged.connect(self._on_search_changed)
        self._size = QSlider(Qt.Orientation.Horizontal, self)
        self._size.setAccessibleName("Size of the maps")
        self._size.setToolTip("Size of the maps (Ctrl+wheel); at the left end they fit the room")
        self._size.setRange(0, len(SIZES) - 1)
        self._size.setPageStep(2)
        self._size.setFixedWidth(72)
        self._size.valueChanged.connect(self._on_size_changed)
        self._unpin = QToolButton(self)
        self._unpin.setText("Unpin all")
        self._unpin.setToolTip("Let go of all pinned maps of this layer")
        self._unpin.hide()
        self._unpin.clicked.connect(self._on_unpin_clicked)
        return (
            self._order, self._reverse, self._only, self._above, self._search, self._zoom, self._size, self._unpin,
        )  # fmt: skip

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network; what was pinned belongs to the one before."""
        request = model.request if model is not None else None
        if request != self._pins_of:
            self._pins.clear()
            self._pins_of = request
            self._choose_all()
        self._show()

    def _choose_all(self) -> None:
        """Forget which maps were asked for."""
        self._only.setCurrentIndex(0)
        self._above.hide()
        with QSignalBlocker(self._search):
            self._search.clear()

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
        inspection = self.state.inspection
        before = self._drawn
        if place is None or inspection is None or before != (inspection, place.layer):
            self._show()
        if place is not None and (before is None or before[1] != place.layer):
            self.area.verticalScrollBar().setValue(0)  # another layer begins at its first map
        for grid in (self.grid, self.pinned):
            grid.show_selection(place.unit if place else None, place.cell if place else None)
        self.area.show_position(place.unit if place else None)

    @Slot(object)
    def show_pointed(self, place: Place | None) -> None:
        """Frame what is pointed at, and write its value."""
        here = place is not None and self.state.selection is not None and place.layer == self.state.selection.layer
        for grid in (self.grid, self.pinned):
            grid.show_pointed(place.unit if here and place else None, place.cell if here and place else None)
        self._show_value(place if here else None)

    def _show(self) -> None:
        layer = self.state.selected_layer
        self.legend.setVisible(layer is not None)
        self._drawn = None
        if layer is None or self.state.inspection is None:
            self.grid.show_maps(None, EMPTY)
            self._show_pinned([], None)
            self._summary.setText("")
            return
        node, maps_chw = layer.node, layer.maps_chw
        self._drawn = (self.state.inspection, node.name)
        order: compute.Order = self._order.currentData()
        key_c = compute.measure(maps_chw, order) if order != "index" else None
        units = compute.choose_units(
            node,
            maps_chw,
            order,
            reverse=self._reverse.isChecked(),
            only=self._only.currentData(),
            above=self._above.value(),
            search=self._search.text(),
            key_c=key_c,
        )
        low, high = scale.limits(node, maps_chw, self.state.scope, self.state.network_limits)
        role = scale.role(node, maps_chw)
        dead = compute.silent(node, maps_chw)

        def maps_of(chosen: compute.Units) -> Maps:
            numbers, names = _numbered(tuple(chosen.tolist()))
            if key_c is not None and node.is_map:
                keys = key_c[chosen].tolist()
                names = tuple(f"{u}  {compute.measured(order, k)}" for u, k in zip(numbers, keys, strict=True))
            return Maps(
                values_chw=maps_chw,
                low=low if len(low) == 1 else low[chosen],
                high=high if len(high) == 1 else high[chosen],
                role=role,
                units=numbers,
                names=names,
                marks=tuple("silent" if dead[unit] else "" for unit in numbers) if node.is_map and dead.any() else (),
                picks=None if numbers == tuple(range(len(maps_chw))) else chosen,
            )

        self._zoom.setEnabled(maps_chw[0].size > 1)
        nothing = f"None of the {len(maps_chw):,} maps is among those that were asked for."
        self.grid.show_maps(maps_of(units) if len(units) else None, nothing)
        pins = [unit for unit in self._pins.get(node.name, []) if unit < len(maps_chw)]
        self._show_pinned(pins, maps_of(np.array(pins, np.intp)) if pins else None)
        self._summary.setText(compute.summary(node, len(units), int(dead.sum())))
        self.legend.show_scale(role, float(low.min()), float(high.max()), "")
        self.grid.setAccessibleDescription(f"{node.name}: {self._summary.text()}")
        if self._value.text():
            self.show_pointed(self.state.pointed)

    def _show_pinned(self, pins: list[int], maps: Maps | None) -> None:
        if not pins and self.pinned_area.isHidden():
            return  # on the way of every stroke
        for grid in (self.grid, self.pinned):
            grid.show_pins(pins)
        self.pinned.show_maps(maps)
        self._unpin.setVisible(bool(pins))
        self._fit_pinned()

    def _fit_pinned(self) -> None:
        left_px = self.height() - self._controls.heightForWidth(self.width()) - self._summary.height()
        self.pinned_area.fit_below(round(MOST_PINNED * left_px))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the pinned maps their share of the new height."""
        super().resizeEvent(event)
        if not self.pinned_area.isHidden():
            self._fit_pinned()

    def _show_value(self, place: Place | None) -> None:
        layer = self.state.selected_layer
        if place is None or place.unit is None or layer is None:
            self._value.setText("")
            return
        node, (row, column) = layer.node, place.cell or (0, 0)
        value = number(float(layer.maps_chw[place.unit, row, column]), 5)
        where = f"map {place.unit}, row {row}, column {column}" if node.is_map else f"element {place.unit}"
        self._value.setText(f"{where}: {value}")

    @Slot(object)
    def _on_grid_pointed(self, found: tuple[int, int, int] | None) -> None:
        layer = self.state.selected_layer
        if layer is None or found is None:
            self.state.set_pointed(None)
            return
        unit, *cell = found
        self.state.set_pointed(Place(layer.node.name, unit, (cell[0], cell[1]) if layer.node.is_map else None))

    @Slot(int, object)
    def _on_grid_chosen(self, unit: int, cell: tuple[int, int] | None) -> None:
        layer = self.state.selected_layer
        if layer is not None:
            self.state.select(Place(layer.node.name, unit, cell if layer.node.is_map else None))

    @Slot(int)
    def _on_grid_pin_toggled(self, unit: int) -> None:
        place = self.state.selection
        if place is not None:
            pins = self._pins.setdefault(place.layer, [])
            pins.remove(unit) if unit in pins else pins.append(unit)
            self._show()
            self.pinned.show_selection(place.unit, place.cell)

    @Slot()
    def _on_unpin_clicked(self) -> None:
        if self.state.selection is not None:
            self._pins.pop(self.state.selection.layer, None)
            self._show()

    @Slot(int)
    def _on_grid_size_stepped(self, step: int) -> None:
        self._size.setValue(self._size.value() + step)

    @Slot(int)
    def _on_size_changed(self, index: int) -> None:
        self.grid.set_tile_px(SIZES[index])

    @Slot(int)
    def _on_order_activated(self, index: int) -> None:
        self._show_from_top()

    def _show_from_top(self) -> None:
        """Show other maps first."""
        self._show()
        self.area.verticalScrollBar().setValue(0)

    @Slot(bool)
    def _on_reverse_toggled(self, on: bool) -> None:
        self._show_from_top()

    @Slot(int)
    def _on_only_activated(self, index: int) -> None:
        self._above.setVisible(self._only.currentData() == "above")
        self._show_from_top()

    @Slot(float)
    def _on_above_changed(self, value: float) -> None:
        self._show()

    @Slot(str)
    def _on_search_changed(self, text: str) -> None:
        self._show_from_top()

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
        """Store order and size."""
        settings.put("maps/order", self._order.currentData())
        settings.put("maps/reverse", self._reverse.isChecked())
        settings.put("maps/size", self._size.value())

    def recall(self, settings: Settings) -> None:
        """Bring order and size back."""
        self._order.setCurrentIndex(compute.ORDERS.index(settings.choice("maps/order", "index", compute.ORDERS)))
        self._reverse.setChecked(settings.get("maps/reverse", False))
        self._size.setValue(settings.integer("maps/size", 0, 0, len(SIZES) - 1))
