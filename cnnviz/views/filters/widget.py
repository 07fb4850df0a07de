"""The learned weights of the selected layer as pictures."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSpinBox, QToolButton, QVBoxLayout, QWidget

from cnnviz.core import filter_facts
from cnnviz.core.formats import number
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.filters import compute
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.histogram import Histogram
from cnnviz.widgets.legend import Legend
from cnnviz.widgets.map_grid import MapGrid, MapGridArea, Maps
from cnnviz.widgets.slices import Slices

MOST_COUNTED = 200_000  # more would hold the window up: VGG's first dense layer has 103 million
COLOURS_NOTE = "Red, green and blue as the filter reads them; grey is 0, each filter reaches to its own largest weight."
Sheet = tuple[str, int | None]
"""A layer, and the filter whose kernels are shown, or ``None`` for all filters."""
NO_FLAGS = compute.Flags(frozenset(), frozenset(), None)


class FiltersView(View):
    """Inspector tab *Filters*: all filters of a layer, or the kernels of one of them."""

    shows_values = False  # weights do not change with the input

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.grid = MapGrid("Filters of the selected layer")
        self.area = MapGridArea(self.grid, self)
        self.legend = Legend(self)
        self.histogram = Histogram("Histogram of the layer's weights", self)
        self._sheet: compute.FilterSheet | None = None
        self._flags = NO_FLAGS
        self._drawn: Sheet | None = None
        self._layer = ""
        self._framed: tuple[str, int] | None = None  # a filter that keys walked to, not yet opened
        self._doubled: dict[str, dict[int, int]] = {}  # by layer
        self._likeness: dict[Sheet, list[int]] = {}
        self._searching, self._ordering = Slices(self), Slices(self)
        self._searching.finished.connect(self._on_searching_finished)
        self._ordering.finished.connect(self._on_ordering_finished)
        self._facts: dict[str, tuple[float, FloatArray, str, str]] = {}  # by layer: weights stay as they are
        self._counted: FloatArray | None = None  # what the histogram shows
        self._searched = ""
        self._ordered: Sheet = ("", None)
        self._title = ElidedLabel("", self)
        self._value = ElidedLabel("", self)
        self._value.setAccessibleName("Weight under the pointer")
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX)
        for widget in (*self._make_controls(), self._title):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self._value)
        body = QHBoxLayout()
        body.setSpacing(theme.GRID_PX)
        body.addWidget(self.area, 1)
        body.addWidget(self._make_side())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addLayout(body, 1)
        self.setFocusProxy(self.grid)
        self.grid.pointed.connect(self._on_grid_pointed)
        self.grid.chosen.connect(self._on_grid_chosen)
        self.grid.zoom_changed.connect(self._on_grid_zoom_changed)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)

    def _make_controls(self) -> tuple[QWidget, ...]:
        """Make what chooses and orders the filters."""
        self._other = QPushButton(self)
        self._other.setToolTip("Go to the nearest layer that has weights")
        self._other.clicked.connect(self._on_other_clicked)
        self._all = QToolButton(self)
        self._all.setText("All filters")
        self._all.setToolTip("Back from this filter to all filters of the layer (Escape)")
        self._all.clicked.connect(self._on_all_clicked)
        self._unit = QSpinBox(self)
        self._unit.setAccessibleName("Filter")
        self._unit.setToolTip("Which filter's kernels are shown")
        self._unit.setPrefix("filter ")
        self._unit.valueChanged.connect(self._on_unit_changed)
        self._order = QComboBox(self)
        self._order.setAccessibleName("Order of the filters")
        self._order.setToolTip(
            "By number, the largest norm first, each beside the one most like it, or by the angle of its stripes"
        )
        for order in compute.ORDERS:
            self._order.addItem(compute.ORDER_NAMES[order], order)
        self._order.activated.connect(self._on_order_activated)
        self._channel = QSpinBox(self)
        self._channel.setAccessibleName("Map that the kernels read")
        self._channel.setToolTip("Of which of the maps that a filter reads its kernel is shown")
        self._channel.setMinimum(-1)
        self._channel.setValue(-1)
        self._channel.valueChanged.connect(self._on_channel_changed)
        self._find = QToolButton(self)
        self._find.setText("Find doubled")
        self._find.setToolTip("Compare every filter with every other one, and mark those that are alike")
        self._find.clicked.connect(self._on_find_clicked)
        return self._other, self._all, self._unit, self._order, self._channel, self._find

    def _make_side(self) -> QWidget:
        """Make what stands beside the filters: their scale, their histogram, and what the marks mean."""
        self._side = QWidget(self)
        self._side.setFixedWidth(220)
        self._colours = QLabel(COLOURS_NOTE, self._side)
        self._marks = QLabel("", self._side)
        for label in (self._colours, self._marks):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self._marks.setAccessibleName("What the marks mean")
        right = QVBoxLayout(self._side)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(4)
        right.addWidget(self.legend)
        right.addWidget(self._colours)
        right.addWidget(self.histogram, 1)
        right.addWidget(self._marks)
        return self._side

    # -- what is shown --------------------------------------------------------------------------------------------

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network's filters."""
        for slices in (self._searching, self._ordering):
            slices.stop()
        self._doubled.clear()
        self._likeness.clear()
        self._facts.clear()
        self._framed = None
        self._show()

    @Slot(object)
    def show_scope(self, scope: object) -> None:
        """Colour by another scale."""
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Show another layer's filters, or another filter."""
        node, sheet = self._node(), self._sheet
        drawn = sheet is not None and node is not None and place is not None and self._drawn == (node.name, None)
        if drawn and place is not None and node is not None and (place.unit is None or self._stays(node)):
            self.grid.show_selection(place.unit, None)  # the same filters, another of them framed
            self.area.show_position(place.unit)
        else:
            self._show()

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Mark the filters that this picture leaves silent."""
        node = self._node()
        if node is None or self._sheet is None or self._sheet.of_filter is not None:
            return
        silent = compute.silent_units(compute.activation_after(self._graph, node), inspection)
        if silent != self._flags.silent:
            self._show()

    def _node(self) -> Node | None:
        model, place = self.state.model, self.state.selection
        known = model is not None and place is not None and place.layer in model.graph
        return model.graph[place.layer] if known and model is not None and place is not None else None

    @property
    def _graph(self) -> Graph:
        assert self.state.model is not None
        return self.state.model.graph

    def _stays(self, node: Node) -> bool:
        """Return whether all filters stay in sight when one is chosen: nothing of it is hidden."""
        items = self._sheet.items_nchw if self._sheet is not None else None
        return items is None or items.shape[1] == 1 or compute.reads_colours(node)

    def _show(self) -> None:
        model, place, node = self.state.model, self.state.selection, self._node()
        self._other.hide()
        self._value.setText("")
        self._sheet, self._drawn = None, None
        if model is None or place is None or node is None:
            self._show_nothing("Choose a layer in the map: its filters appear here.")
            return
        if self._framed is not None and self._framed[0] != node.name:
            self._framed = None
        if node.name != self._layer:
            self._layer = node.name
            self._channel.blockSignals(True)
            self._channel.setValue(-1)
            self._channel.blockSignals(False)
        channel = self._channel.value() if self._channel.value() >= 0 else None
        order: compute.Order = self._order.currentData()
        sheet = compute.sheet(model, node, place.unit, order=order, channel=channel)
        if sheet is not None and order == "similarity" and sheet.items_nchw is not None:
            likeness = self._alike((node.name, sheet.of_filter), sheet.items_nchw)
            if likeness is not None:
                sheet = compute.sheet(model, node, place.unit, order=order, channel=channel, likeness=likeness)
        self._sheet = sheet
        if sheet is None:
            sentence, near = compute.without_weights(model.graph, node)
            self._show_nothing(sentence)
            self._other.setVisible(near is not None)
            self._other.setText(f"Show {near}")
            self._other.setProperty("layer", near)
            return
        self._drawn = (node.name, sheet.of_filter)
        self._show_sheet(sheet, node, place)

    def _show_sheet(self, sheet: compute.FilterSheet, node: Node, place: Place) -> None:
        if node.name not in self._facts:
            self._facts[node.name] = _facts_of(sheet.weights)
        largest, counted, axis, note = self._facts[node.name]
        most = _largest(sheet.kernels_chw) if self.state.scope == "unit" else largest
        ends = np.array([most], np.float32)
        self._show_controls(sheet, node)
        self._flags = self._flags_of(sheet, node)
        marks = tuple(self._flags.mark(unit) for unit in sheet.units) if sheet.of_filter is None else ()
        self.grid.show_maps(
            Maps(
                sheet.kernels_chw,
                -ends,
                ends,
                "weight",
                sheet.units,
                sheet.names,
                marks=marks if any(marks) else (),
                colours_nhwc=sheet.colours_nhwc,
            )
        )
        framed = self._framed[1] if self._framed is not None else None
        self.grid.show_selection(
            (place.unit if place.unit is not None else framed) if sheet.of_filter is None else None, None
        )
        self.grid.setAccessibleDescription(sheet.title)
        self._side.show()
        self.legend.setVisible(sheet.colours_nhwc is None)
        self._colours.setVisible(sheet.colours_nhwc is not None)
        self.legend.show_scale("weight", -most, most, "these" if self.state.scope == "unit" else "the layer's")
        lines = self._flags.lines() if sheet.of_filter is None and sheet.length_n is not None else ()
        self._marks.setVisible(bool(lines))
        self._marks.setText("\n".join(lines))
        if counted is not self._counted:
            self._counted = counted
            self.histogram.show_values(counted, axis, note)

    def _show_controls(self, sheet: compute.FilterSheet, node: Node) -> None:
        of_one = sheet.of_filter is not None
        self._unit.setVisible(of_one)
        self._unit.setPrefix("filter " if node.is_map else "unit ")
        self._unit.setSuffix(f" of {node.units}")
        self._all.setVisible(of_one and node.is_map)
        self._order.setVisible(len(sheet.units) > 1)
        self._channel.setVisible(sheet.channels > 0)
        for box, most, value in (
            (self._unit, node.units - 1, sheet.of_filter or 0),
            (self._channel, sheet.channels - 1 if sheet.channels else self._channel.maximum(), self._channel.value()),
        ):
            box.blockSignals(True)
            box.setMaximum(most)
            box.setValue(value)
            box.blockSignals(False)
        self._channel.setSpecialValueText("in colour" if compute.reads_colours(node) else "strongest map")
        self._channel.setPrefix("map ")
        waiting = self._order.currentData() == "similarity" and self._ordering.is_busy
        self._title.setText(f"{sheet.title}; comparing them…" if waiting else sheet.title)

    def _show_nothing(self, sentence: str) -> None:
        for widget in (self._unit, self._all, self._order, self._channel, self._find, self._side):
            widget.hide()
        self._title.setText("")
        self.grid.show_maps(None, sentence)

    # -- what stands out ------------------------------------------------------------------------------------------

    def _flags_of(self, sheet: compute.FilterSheet, node: Node) -> compute.Flags:
        """Return the filters that stand out; those that are alike are looked for at once where that is quick."""
        items = sheet.items_nchw
        self._find.hide()
        if sheet.of_filter is not None or items is None or sheet.length_n is None:
            return NO_FLAGS
        after = compute.activation_after(self._graph, node)
        silent = compute.silent_units(after, self.state.inspection)
        dead = frozenset(int(unit) for unit in np.flatnonzero(filter_facts.dead(sheet.length_n)))
        doubled = self._doubled.get(node.name)
        if doubled is None and filter_facts.comparisons(items) <= compute.AT_ONCE:
            pairs = tuple(pair for block in filter_facts.find_doubled(items) for pair in block)
            doubled = self._doubled[node.name] = filter_facts.twins(pairs)
        self._find.setVisible(doubled is None)
        self._find.setEnabled(not self._searching.is_busy)
        return compute.Flags(dead, silent, doubled, after.name if after is not None else "")

    def _alike(self, sheet: Sheet, items: FloatArray) -> list[int] | None:
        """Return filters or kernels in an order of likeness, or ``None`` while it is being looked for."""
        if sheet not in self._likeness:
            if filter_facts.comparisons(items) > compute.AT_ONCE:
                if not (self._ordering.is_busy and self._ordered == sheet):
                    self._ordered = sheet
                    self._ordering.start(filter_facts.follow_likeness(items))
                return None
            self._likeness[sheet] = list(filter_facts.follow_likeness(items))
        return self._likeness[sheet]

    @Slot()
    def _on_find_clicked(self) -> None:
        node = self._node()
        if node is not None and self._sheet is not None and self._sheet.items_nchw is not None:
            self._searched = node.name
            self._searching.start(filter_facts.find_doubled(self._sheet.items_nchw))
            self._find.setEnabled(False)

    @Slot(object)
    def _on_searching_finished(self, blocks: list[tuple[tuple[int, int], ...]]) -> None:
        self._doubled[self._searched] = filter_facts.twins(tuple(pair for block in blocks for pair in block))
        self._show()

    @Slot(object)
    def _on_ordering_finished(self, order: list[int]) -> None:
        self._likeness[self._ordered] = order
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:
        """Compare nothing that nobody sees."""
        super().hideEvent(event)
        for slices in (self._searching, self._ordering):
            slices.stop()

    # -- what the user does ---------------------------------------------------------------------------------------

    @Slot(object)
    def _on_grid_pointed(self, found: tuple[int, int, int] | None) -> None:
        self.grid.show_pointed(*((found[0], found[1:]) if found else (None, None)))
        self._show_value(found)

    def _show_value(self, found: tuple[int, int, int] | None) -> None:
        sheet = self._sheet
        if found is None or sheet is None:
            self._value.setText("")
            return
        unit, row, column = found
        if sheet.colours_nhwc is not None and sheet.items_nchw is not None:
            parts = zip("RGB", sheet.items_nchw[unit, :, row, column].tolist(), strict=True)
            self._value.setText(f"row {row}, column {column}: {'  '.join(f'{c} {number(v)}' for c, v in parts)}")
            return
        value = float(sheet.kernels_chw[sheet.units.index(unit), row, column])
        self._value.setText("" if np.isnan(value) else f"row {row}, column {column}: {number(value, 5)}")

    @Slot(int, object)
    def _on_grid_chosen(self, unit: int, cell: tuple[int, int] | None) -> None:
        """Choose a filter; a kernel inside a filter is framed here only, since no other view shows kernels.

        A filter with many kernels opens on a click; keys only walk to it, and Enter opens it.
        """
        node = self._node()
        if self._sheet is None or node is None:
            return
        if self._sheet.of_filter is None and (cell is not None or self._stays(node)):
            self.state.select_unit(unit)
        else:
            if self._sheet.of_filter is None:
                self._framed = (node.name, unit)
            self.grid.show_selection(unit, cell)
            self._show_value((unit, *cell) if cell is not None else None)
        self.area.show_position(unit)

    @Slot(bool)
    def _on_grid_zoom_changed(self, on: bool) -> None:
        """Open the filter that Enter was pressed on, instead of enlarging its strongest kernel."""
        node = self._node()
        if on and self._sheet is not None and self._sheet.of_filter is None and node is not None:
            unit = self.grid.zoomed
            if not self._stays(node):
                self.grid.zoom_into(None)
                self.state.select_unit(unit)

    @Slot()
    def _on_all_clicked(self) -> None:
        if self._sheet is not None and self._sheet.of_filter is not None and self.state.selection is not None:
            self._framed = (self.state.selection.layer, self._sheet.of_filter)
        self.state.select_unit(None)

    @Slot(int)
    def _on_unit_changed(self, unit: int) -> None:
        self.state.select_unit(unit)

    @Slot(int)
    def _on_channel_changed(self, channel: int) -> None:
        self._show()

    @Slot(int)
    def _on_order_activated(self, index: int) -> None:
        self._show()

    @Slot()
    def _on_other_clicked(self) -> None:
        self.state.select(Place(self._other.property("layer")))

    def remember(self, settings: Settings) -> None:
        """Store the order."""
        settings.put("filters/order", self._order.currentData())

    def recall(self, settings: Settings) -> None:
        """Bring the order back."""
        self._order.setCurrentIndex(compute.ORDERS.index(settings.choice("filters/order", "index", compute.ORDERS)))


def _largest(values: FloatArray) -> float:
    """Return the largest magnitude of some numbers, 1 where all are 0 or none is a number."""
    most = max(float(values.max()), -float(values.min()))
    if not np.isfinite(most):
        most = float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
    return most or 1.0


def _facts_of(weights: FloatArray) -> tuple[float, FloatArray, str, str]:
    """Return the largest magnitude of a layer's weights, those that are counted, and what is said of them."""
    every = -(-weights.size // MOST_COUNTED)
    counted = weights.reshape(-1)[::every]
    note = f"mean {number(float(counted.mean()))}, std {number(float(counted.std()))}"
    return _largest(weights), counted, "weight" if every == 1 else f"every {every}th weight", note
