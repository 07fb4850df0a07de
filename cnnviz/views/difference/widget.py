"""What the selected layer makes of two inputs: of the pinned one, A, and of the present one, B."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core import scale
from cnnviz.core.formats import number
from cnnviz.core.graph import Node
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel
from cnnviz.state.app_state import AppState, InputState, PinnedInput, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.difference import compute
from cnnviz.views.difference.compute import Difference, Units
from cnnviz.views.difference.pictures import HEADINGS, ClassPairs, DifferenceBars, Row
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.legend import Legend
from cnnviz.widgets.map_grid import MapGrid, Maps

if TYPE_CHECKING:
    from cnnviz.widgets.colormap import MapRole

EMPTY = (
    "Pin the present picture as A, then draw or open another one, B: what the selected layer makes of the two, "
    "and where they differ, appears here."
)
NO_VALUES = "Draw or open a picture first: its values are compared with those of another one."
MOST_ROWS = 200
BEST = 5
GRID_NAMES = ("Maps of A", "Maps of B", "Maps of B − A")


class _Triple(QScrollArea):
    """Three grids of the same maps side by side, scrolled together."""

    def __init__(self, grids: tuple[MapGrid, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grids = grids
        inside = QWidget(self)
        row = QHBoxLayout(inside)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for grid in grids:
            row.addWidget(grid, 1, Qt.AlignmentFlag.AlignTop)
            grid.setMinimumWidth(1)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # or one that appears changes the widths

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give each grid a third of the width."""
        super().resizeEvent(event)
        room = self.viewport().size()
        for grid in self.grids:
            grid.fit_into(QSize(room.width() // len(self.grids), room.height()))


class DifferenceView(View):
    """Inspector tab *Compare*."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.grids = tuple(MapGrid(name) for name in GRID_NAMES)
        self.maps = _Triple(self.grids, self)
        self.bars = DifferenceBars(self)
        self.legends = tuple(Legend(self) for _ in HEADINGS)
        self.classes = ClassPairs(self)
        self._titles = tuple(ElidedLabel("", self) for _ in HEADINGS)
        self._order = QComboBox(self)
        self._order.setAccessibleName("Order of the units")
        self._order.setToolTip("In which order maps or elements stand; rise and fall are of the mean of B − A")
        for order in compute.ORDERS:
            self._order.addItem(compute.ORDER_NAMES[order], order)
        self._order.activated.connect(self._on_order_activated)
        self._summary = ElidedLabel("", self)
        self._summary.setAccessibleName("How much the layer changed")
        self._value = ElidedLabel("", self)
        self._value.setAccessibleName("Values under the pointer")
        self._value.hide()
        for label in (self._summary, self._value, *self._titles):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.sentence = QLabel(EMPTY, self)
        self.sentence.setWordWrap(True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pin_button = QPushButton("&Pin the present picture as A", self)
        self.pin_button.setToolTip("Keep the present picture and its values, to compare others with it (Ctrl+Shift+A)")
        self.pin_button.clicked.connect(state.pin)
        self._lay_out()
        for grid in self.grids:
            grid.pointed.connect(self._on_grid_pointed)
            grid.chosen.connect(self._on_grid_chosen)
            grid.zoom_changed.connect(self._on_grid_zoom_changed)
        self.bars.chosen.connect(self._on_bars_chosen)
        self.setFocusProxy(self.grids[2])
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.pinned_changed, lambda: state.pinned, self.show_pinned)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.input_changed, lambda: state.input, self.show_input)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        self.follow(state.pointed_changed, lambda: state.pointed, self.show_pointed)

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.addWidget(self._order)
        above.addWidget(self._summary, 2)
        above.addWidget(self._value, 3)
        heads = QGridLayout()
        heads.setContentsMargins(0, 0, self.maps.verticalScrollBar().sizeHint().width(), 0)
        heads.setHorizontalSpacing(theme.GRID_PX)
        for column, (title, legend) in enumerate(zip(self._titles, self.legends, strict=True)):
            heads.addWidget(title, 0, column)
            heads.addWidget(legend, 1, column)
            heads.setColumnStretch(column, 1)
        self._heads = QWidget(self)
        self._heads.setLayout(heads)
        rows = QScrollArea(self)
        rows.setWidget(self.bars)
        rows.setWidgetResizable(True)
        rows.setFrameShape(QFrame.Shape.NoFrame)
        rows.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._kinds = QStackedWidget(self)
        self._kinds.addWidget(self.maps)
        self._kinds.addWidget(rows)
        left = QVBoxLayout()
        left.setSpacing(4)
        left.addLayout(above)
        left.addWidget(self._heads)
        left.addWidget(self._kinds, 1)
        compared = QWidget(self)
        both = QHBoxLayout(compared)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(theme.GRID_PX)
        both.addLayout(left, 1)
        both.addWidget(self.classes)
        empty = QWidget(self)
        column_of_empty = QVBoxLayout(empty)
        column_of_empty.addStretch(1)
        column_of_empty.addWidget(self.sentence)
        column_of_empty.addWidget(self.pin_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column_of_empty.addStretch(2)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(empty)
        self._pages.addWidget(compared)
        column_of_all = QVBoxLayout(self)
        column_of_all.setContentsMargins(0, 0, 0, 0)
        column_of_all.addWidget(self._pages)

    # -- from the state -------------------------------------------------------------------------------------------

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network."""
        self._show()

    @Slot(object)
    def show_pinned(self, pinned: PinnedInput | None) -> None:
        """Compare with another input."""
        self._show()

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show new values of B."""
        self._show()

    @Slot(object)
    def show_input(self, current: InputState | None) -> None:
        """Say whether there is anything that could be pinned."""
        if self.state.pinned is None:
            self._show_empty()

    @Slot(object)
    def show_scope(self, scope: object) -> None:
        """Colour by another scale."""
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Show another layer, and frame its unit."""
        self._show()
        for grid in self.grids:
            grid.show_selection(place.unit if place else None, place.cell if place else None)
        self.bars.show_selection(place.unit if place else None)

    @Slot(object)
    def show_pointed(self, place: Place | None) -> None:
        """Frame the same cell of A, B and B − A, and write their values."""
        chosen = self.state.selection
        here = place if place is not None and chosen is not None and place.layer == chosen.layer else None
        for grid in self.grids:
            grid.show_pointed(here.unit if here else None, here.cell if here else None)
        found = self._layer()
        self._value.setVisible(here is not None and here.unit is not None and found is not None)
        if here is None or here.unit is None or found is None:
            return
        node, a, b = found
        row, column = here.cell or (0, 0)
        values = [float(scale.as_maps(node, one)[here.unit, row, column]) for one in (a, b)]
        where = f"map {here.unit}, row {row}, column {column}" if node.is_map else f"element {here.unit}"
        self._value.setText(
            f"{where}: A {number(values[0])}, B {number(values[1])}, B − A {number(values[1] - values[0])}"
        )

    def _layer(self) -> tuple[Node, FloatArray, FloatArray] | None:
        """Return the selected layer with its values for A and for B."""
        layer, pinned = self.state.selected_layer, self.state.pinned
        if layer is None or pinned is None:
            return None
        a = pinned.inspection.values[layer.node.name]
        return (layer.node, a, layer.values) if a.shape == layer.values.shape else None

    # -- drawing --------------------------------------------------------------------------------------------------

    def _show_empty(self) -> None:
        has_values = self.state.inspection is not None and self.state.input is not None
        self.sentence.setText(EMPTY if has_values else NO_VALUES)
        self.pin_button.setEnabled(has_values)
        self._pages.setCurrentIndex(0)

    def _show(self) -> None:
        found, pinned, now = self._layer(), self.state.pinned, self.state.inspection
        if found is None or pinned is None or now is None or self.state.model is None:
            self._show_empty()
            return
        self._pages.setCurrentIndex(1)
        node, a, b = found
        difference = compute.difference_of(node, a, b)
        units = compute.order_units(difference, self._order.currentData())
        is_same = now.generation == pinned.inspection.generation  # perhaps asked for again
        words = compute.summary(node, difference)
        self._summary.setText("B is still A itself: draw or open another picture" if is_same else words)
        self._titles[0].setText(f"A: {pinned.input.title}")
        current = self.state.input
        self._titles[1].setText(f"B: {current.title if current is not None else ''}")
        self._titles[2].setText("B − A")
        self._heads.setVisible(node.is_map)
        self._kinds.setCurrentIndex(0 if node.is_map else 1)
        if node.is_map:
            self._show_maps(node, difference, units)
        else:
            self._show_bars(node, difference, units, self.state.model.labels)
        pairs = compute.class_pairs(pinned.inspection, now, self.state.model.labels, BEST)
        self.classes.setVisible(bool(pairs))
        self.classes.show_pairs(pairs)
        self.show_pointed(self.state.pointed)

    def _show_maps(self, node: Node, difference: Difference, units: Units) -> None:
        scope: Literal["unit", "layer"] = "unit" if self.state.scope == "unit" else "layer"
        scales = compute.scales_of(node, difference, scope)
        numbers = tuple(units.tolist())
        plain = tuple(str(unit) for unit in numbers)
        changed = tuple(f"{unit}  ‖{number(float(difference.norm_c[unit]))}‖" for unit in numbers)
        picks = None if numbers == tuple(range(len(numbers))) else units
        rows: tuple[tuple[FloatArray, MapRole, FloatArray, FloatArray, tuple[str, ...]], ...] = (
            (difference.a_chw, scales.role, scales.low, scales.high, plain),
            (difference.b_chw, scales.role, scales.low, scales.high, plain),
            (difference.change_chw, "signed", -scales.change, scales.change, changed),
        )
        for grid, legend, (values, role, low, high, names) in zip(self.grids, self.legends, rows, strict=True):
            first, last = (one if len(one) == 1 else one[units] for one in (low, high))
            grid.show_maps(Maps(values, first, last, role, numbers, names, picks=picks))
            legend.show_scale(role, float(low.min()), float(high.max()))
        words = f"{node.name}: {self._summary.text()}"
        for grid in self.grids:
            grid.setAccessibleDescription(words)

    def _show_bars(self, node: Node, difference: Difference, units: Units, labels: tuple[str, ...]) -> None:
        a, b = difference.a_chw.reshape(-1), difference.b_chw.reshape(-1)
        is_output = self.state.model is not None and node.name == self.state.model.graph.output.name
        names = labels if is_output and len(labels) == len(a) else ()
        rows = [
            Row(unit, names[unit] if names else str(unit), float(a[unit]), float(b[unit]))
            for unit in units[:MOST_ROWS].tolist()
        ]
        both, changes = (one[np.isfinite(one)].astype(float) for one in (np.stack([a, b]), difference.change_chw))
        low, high, most = both.min(initial=0.0), both.max(initial=0.0), np.abs(changes).max(initial=0.0)
        self.bars.show_rows(rows, float(low), float(high), float(most), len(a))
        self.bars.setAccessibleDescription(f"{node.name}: {self._summary.text()}")

    # -- from the user --------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_grid_pointed(self, found: tuple[int, int, int] | None) -> None:
        layer = self.state.selection.layer if self.state.selection else None
        if layer is None or found is None:
            self.state.set_pointed(None)
        else:
            unit, row, column = found
            self.state.set_pointed(Place(layer, unit, (row, column)))

    @Slot(int, object)
    def _on_grid_chosen(self, unit: int, cell: tuple[int, int] | None) -> None:
        if self.state.selection is not None:
            self.state.select(Place(self.state.selection.layer, unit, cell))

    @Slot(bool)
    def _on_grid_zoom_changed(self, on: bool) -> None:
        """Let the same unit fill all three rooms."""
        zoomed = next((grid.zoomed for grid in self.grids if (grid.zoomed is not None) == on), None)
        for grid in self.grids:
            if grid.zoomed != zoomed:
                grid.zoom_into(zoomed)

    @Slot(int)
    def _on_bars_chosen(self, unit: int) -> None:
        place, model = self.state.selection, self.state.model
        if place is not None and model is not None and unit < model.graph[place.layer].units:
            self.state.select_unit(unit)

    @Slot(int)
    def _on_order_activated(self, index: int) -> None:
        self._show()

    def remember(self, settings: Settings) -> None:
        """Store the order."""
        settings.put("difference/order", self._order.currentData())

    def recall(self, settings: Settings) -> None:
        """Bring the order back."""
        order = settings.choice("difference/order", compute.ORDERS[0], compute.ORDERS)
        self._order.setCurrentIndex(self._order.findData(order))
