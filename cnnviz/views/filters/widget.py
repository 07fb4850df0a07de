"""The learned weights of the selected layer as pictures."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from cnnviz.core.formats import number
from cnnviz.core.graph import Node
from cnnviz.core.inspection import LoadedModel
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.views.base import View
from cnnviz.views.filters import compute
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.histogram import Histogram
from cnnviz.widgets.legend import Legend
from cnnviz.widgets.map_grid import MapGrid, MapGridArea, Maps

MOST_COUNTED = 2_000_000  # more would hold the window up: VGG's first dense layer has 103 million


class FiltersView(View):
    """Inspector tab *Filters*."""

    shows_values = False  # weights do not change with the input

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.grid = MapGrid("Filters of the selected layer")
        self.area = MapGridArea(self.grid, self)
        self.legend = Legend(self)
        self.histogram = Histogram("Histogram of the layer's weights", self)
        self._sheet: compute.FilterSheet | None = None
        self._unit = QSpinBox(self)
        self._unit.setAccessibleName("Filter")
        self._unit.setPrefix("filter ")
        self._unit.valueChanged.connect(self._on_unit_changed)
        self._by_norm = QCheckBox("B&y norm", self)
        self._by_norm.setToolTip("Largest Euclidean norm first")
        self._by_norm.toggled.connect(self._on_by_norm_toggled)
        self._title = ElidedLabel("", self)
        self._value = ElidedLabel("", self)
        self._value.setAccessibleName("Weight under the pointer")
        self._other = QPushButton(self)
        self._other.clicked.connect(self._on_other_clicked)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX)
        for widget in (self._other, self._unit, self._by_norm, self._title):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self._value)
        self._side = QWidget(self)
        self._side.setFixedWidth(220)
        right = QVBoxLayout(self._side)
        right.setContentsMargins(0, 0, 0, 0)
        right.addWidget(self.legend)
        right.addWidget(self.histogram, 1)
        body = QHBoxLayout()
        body.setSpacing(theme.GRID_PX)
        body.addWidget(self.area, 1)
        body.addWidget(self._side)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addLayout(body, 1)
        self.setFocusProxy(self.grid)
        self.grid.pointed.connect(self._on_grid_pointed)
        self.grid.chosen.connect(self._on_grid_chosen)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network's filters."""
        self._show()

    @Slot(object)
    def show_scope(self, scope: object) -> None:
        """Colour by another scale."""
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Show another layer's filters, or another filter."""
        self._show()

    def _show(self) -> None:
        model, place = self.state.model, self.state.selection
        self._other.hide()
        self._value.setText("")
        known = model is not None and place is not None and place.layer in model.graph
        self._sheet = None
        if not known or model is None or place is None:
            self._show_nothing("Choose a layer in the map: its filters appear here.")
            return
        node = model.graph[place.layer]
        self._sheet = compute.sheet(model, node, place.unit, by_norm=self._by_norm.isChecked())
        if self._sheet is None:
            sentence, near = compute.without_weights(model.graph, node)
            self._show_nothing(sentence)
            self._other.setVisible(near is not None)
            self._other.setText(f"Show {near}")
            self._other.setProperty("layer", near)
            return
        self._show_sheet(self._sheet, node, place)

    def _show_sheet(self, sheet: compute.FilterSheet, node: Node, place: Place) -> None:
        shown = sheet.kernels_chw if self.state.scope == "unit" else sheet.weights
        most = float(max(np.nanmax(shown), -np.nanmin(shown))) or 1.0
        ends = np.array([most], np.float32)
        self._unit.setVisible(sheet.of_filter is not None)
        self._unit.setPrefix("filter " if node.is_map else "unit ")
        self._unit.setSuffix(f" of {node.units}")
        self._by_norm.setVisible(len(sheet.units) > 1)
        self._unit.blockSignals(True)
        self._unit.setRange(0, node.units - 1)
        self._unit.setValue(sheet.of_filter or 0)
        self._unit.blockSignals(False)
        self._title.setText(sheet.title)
        self.grid.show_maps(Maps(sheet.kernels_chw, -ends, ends, "weight", sheet.units, sheet.names))
        self.grid.show_selection(place.unit if sheet.of_filter is None else None, None)
        self.grid.setAccessibleDescription(sheet.title)
        self._side.show()
        self.legend.show_scale("weight", -most, most, "these" if self.state.scope == "unit" else "the layer's")
        every = max(1, sheet.weights.size // MOST_COUNTED)
        counted = sheet.weights.reshape(-1)[::every]
        note = f"mean {number(float(counted.mean()))}, std {number(float(counted.std()))}"
        self.histogram.show_values(counted, "weight" if every == 1 else f"every {every}th weight", note)

    def _show_nothing(self, sentence: str) -> None:
        for widget in (self._unit, self._by_norm, self._side):
            widget.hide()
        self._title.setText("")
        self.grid.show_maps(None, sentence)

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
        value = float(sheet.kernels_chw[sheet.units.index(unit), row, column])
        self._value.setText("" if np.isnan(value) else f"row {row}, column {column}: {number(value, 5)}")

    @Slot(int, object)
    def _on_grid_chosen(self, unit: int, cell: tuple[int, int] | None) -> None:
        """Choose a filter; a kernel inside a filter is framed here only, since no other view shows kernels."""
        if self._sheet is not None and self._sheet.of_filter is None:
            self.state.select_unit(unit)
        else:
            self.grid.show_selection(unit, cell)
            self._show_value((unit, *cell) if cell is not None else None)
        self.area.show_position(unit)

    @Slot(int)
    def _on_unit_changed(self, unit: int) -> None:
        self.state.select_unit(unit)

    @Slot(bool)
    def _on_by_norm_toggled(self, on: bool) -> None:
        self._show()

    @Slot()
    def _on_other_clicked(self) -> None:
        self.state.select(Place(self._other.property("layer")))
