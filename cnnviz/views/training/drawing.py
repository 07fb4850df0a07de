"""The user's own picture while the network learns: its answer now and before, first filters, maps of a layer."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QSplitter, QStackedLayout, QWidget

from cnnviz.core import scale
from cnnviz.core.decimation import Series
from cnnviz.core.formats import number
from cnnviz.core.graph import Graph
from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.state.app_state import AppState, InputState
from cnnviz.state.training_state import Progress
from cnnviz.views.training.first_filters import filters_of, first_layer
from cnnviz.views.training.panel import Panel, ShowIt, column_of, line_of_words, shows_run
from cnnviz.views.training.telling import Telling
from cnnviz.widgets import theme
from cnnviz.widgets.bar_list import Bar, BarList
from cnnviz.widgets.chart_lines import COLOURS, DASHES, Line
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.legend import Legend
from cnnviz.widgets.line_chart import LineChart
from cnnviz.widgets.map_grid import MapGrid, MapGridArea, Maps

TOP, LINES = 10, 5
BLANK = "Draw something in Explore, and the network's answer to it appears here at every step."
WAITING = "The answer is on its way."
NO_FILTERS = "The first layer's weights are no pictures."


class DrawingPanel(Panel):
    """Tab *Your drawing*."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._telling = Telling()
        self._told_of: object = None  # the picture and the run
        self._graph: Graph | None = None
        self.bars = BarList("Answer to your picture", ("class", "probability", ""), self)
        self.chart = LineChart("Probabilities of your picture's classes", "Prediction over time", self, percent=True)
        self.filters = MapGrid("Filters of the first layer")
        self.maps = MapGrid("Maps of the chosen layer")
        self.show_it = ShowIt(state, "its answer to your picture, its first filters and maps appear here", self)
        self._places = QStackedLayout(self)
        self._places.addWidget(self._make_parts())
        self._places.addWidget(self.show_it)
        self.follow(state.late_changed, lambda: state.late, self.show_late)
        self.follow(state.training.progress_changed, lambda: state.training.progress, self.show_progress)
        self.follow(state.loading_changed, lambda: state.loading, self.show_loading)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.weights_changed, lambda: state.model, self.show_weights)
        self.follow(state.input_changed, lambda: state.input, self.show_input)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        # It is remembered while another tab is in front, too: the curve of the answers has no gaps.
        state.inspection_changed.connect(self._remember)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)

    def _make_parts(self) -> QWidget:
        parts = QSplitter(self)
        parts.setChildrenCollapsible(False)
        parts.addWidget(self.bars)
        parts.addWidget(self.chart)
        self._filters_title = ElidedLabel("", self)
        self._filters_scale = Legend(self)
        self._maps_scale = Legend(self)
        self.layer = QComboBox(self)
        self.layer.setAccessibleName("Layer whose maps are shown")
        self.layer.setToolTip("The layer whose maps of your picture are shown")
        self.layer.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.layer.activated.connect(self._on_layer_activated)
        self.value = line_of_words("Value under the pointer", self)
        for grid, head, foot in (
            (self.filters, self._filters_title, self._filters_scale), (self.maps, self.layer, self._maps_scale),
        ):  # fmt: skip
            place = QWidget(parts)
            column = column_of(place, head, MapGridArea(grid, place), foot)
            column.setContentsMargins(theme.GRID_PX // 2, 0, theme.GRID_PX // 2, 0)
            column.setStretch(1, 1)
            parts.addWidget(place)
            grid.pointed.connect(self._on_filters_pointed if grid is self.filters else self._on_maps_pointed)
            grid.chosen.connect(self._on_filters_chosen if grid is self.filters else self._on_maps_chosen)
        for at, share in enumerate((3, 5, 4, 5)):
            parts.setStretchFactor(at, share)
        parts.setSizes([225, 245, 205, 245])
        whole = QWidget(self)
        column_of(whole, parts, self.value, gap=2).setStretch(0, 1)
        return whole

    # -- what is shown --------------------------------------------------------------------------------------------

    @Slot(bool)
    def show_late(self, late: bool) -> None:
        """Dim what belongs to an older picture."""
        self.bars.show_late(late)
        self.maps.show_late(late)

    @Slot(object)
    def show_progress(self, progress: Progress) -> None:
        """Show whether the network that learns is the one that Explore shows."""
        self._choose_place()

    @Slot(bool)
    def show_loading(self, loading: bool) -> None:
        """Say that it is on its way."""
        self._choose_place()

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network: its layers, its filters."""
        self._choose_place()
        if model is None or not shows_run(self.state):
            return
        if model.graph is not self._graph:
            self._graph = model.graph
            self._list_layers(model.graph)
        self.show_weights(model)

    @Slot(object)
    def show_weights(self, model: LoadedModel | None) -> None:
        """Show the first layer's filters as they are now."""
        if model is None or not shows_run(self.state):
            return
        maps = filters_of(model)
        self.filters.show_maps(maps, NO_FILTERS)
        node = first_layer(model.graph)
        self._filters_title.setText(f"Filters of {node.name}, step {self._step:,}" if node is not None else "")
        self._filters_scale.setVisible(maps is not None and maps.colours_nhwc is None)
        if maps is not None:
            self._filters_scale.show_scale("weight", float(maps.low[0]), float(maps.high[0]))

    @Slot(object)
    def show_input(self, current: InputState | None) -> None:
        """Begin anew with another picture."""
        if current is None or current.blank:
            self.bars.show_sentence(BLANK)
        if current is None or current.blank or self._told_of != self._about(current):
            self.chart.show_lines(())
            self.chart.show_sentence("The probability of each class is drawn here while the network learns.")

    @property
    def _step(self) -> int:
        """The step of the weights in sight."""
        live = self.training.live
        return live.step if live is not None else self.training.progress.step

    def _about(self, current: InputState) -> object:
        return current.generation, self.training.progress.path

    @Slot(object)
    def _remember(self, inspection: Inspection | None) -> None:
        """Keep the answer with its step, begun anew with another picture or run."""
        current = self.state.input
        if inspection is None or current is None or current.blank or not shows_run(self.state):
            return
        if inspection.generation != current.generation:
            return  # an answer to the picture before
        if self._told_of != self._about(current):
            self._told_of = self._about(current)
            self._telling.clear()
        self._telling.add(self._step, inspection.probabilities)

    @Slot(object)
    def show_scope(self, scope: object) -> None:
        """Colour the maps by another scale."""
        self._show_maps()

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show the answer, now and at the steps before, and the maps."""
        model, current = self.state.model, self.state.input
        self._show_maps()
        if model is None or inspection is None or current is None or current.blank or not shows_run(self.state):
            self.bars.show_sentence(BLANK if current is None or current.blank else WAITING)
            return
        self._show_bars(inspection, model.labels)
        self._remember(inspection)
        if self._told_of == self._about(current):
            self._show_chart(model.labels)

    def _show_bars(self, inspection: Inspection, labels: tuple[str, ...]) -> None:
        if len(labels) != len(inspection.probabilities):
            self.bars.show_sentence("This network tells no classes.")
            return
        best = inspection.ranking()[:TOP]
        bars = []
        for index in best:
            share = float(inspection.probabilities[index])
            bars.append(Bar(index, labels[index], share if np.isfinite(share) else 0.0, _percent(share), ""))
        self.bars.show_bars(bars, total=len(labels))

    def _show_chart(self, labels: tuple[str, ...]) -> None:
        lines = []
        for told in self._telling.top(LINES):
            if told.index < len(labels):
                colour, dash = told.index % len(COLOURS["light"]), told.index // len(COLOURS["light"]) % len(DASHES)
                marker = told.index if len(self._telling) == 1 else None
                name, series = labels[told.index], Series(told.curves, "share")
                lines.append(Line(name, name, series, colour=colour, dash=dash, marker=marker))
        self.chart.show_lines(lines)
        self.chart.show_stops((), self._step if self.training.cursor is not None else None)

    def _show_maps(self) -> None:
        model, inspection = self.state.model, self.state.inspection
        name = self.layer.currentData()
        if model is None or inspection is None or name not in inspection.values or name not in model.graph:
            self.maps.show_maps(None, WAITING)
            return
        node, values = model.graph[name], inspection.values[name]
        maps_chw = scale.as_maps(node, values)
        low, high = scale.limits(node, maps_chw, self.state.scope, inspection.network_limits)
        units = tuple(range(len(maps_chw)))
        role = scale.role(node, values)
        self.maps.show_maps(Maps(maps_chw, low, high, role, units, tuple(map(str, units))))
        self._maps_scale.setVisible(len(low) == 1)
        self._maps_scale.show_scale(role, float(low[0]), float(high[0]))

    def _list_layers(self, graph: Graph) -> None:
        chosen = self.layer.currentData()
        self.layer.clear()
        for node in graph.nodes:
            if node.is_map:
                self.layer.addItem(f"Maps of {node.name}" if node.kind != "input" else "Your picture", node.name)
        known = self.layer.findData(chosen)
        self.layer.setCurrentIndex(known if known >= 0 else min(1, self.layer.count() - 1))

    def _choose_place(self) -> None:
        if shows_run(self.state):
            self._places.setCurrentIndex(0)
        else:
            self.show_it.show_reason()
            self._places.setCurrentIndex(1)

    # -- what the user does ---------------------------------------------------------------------------------------

    @Slot(int)
    def _on_layer_activated(self, row: int) -> None:
        self._show_maps()

    @Slot(object)
    def _on_maps_pointed(self, found: tuple[int, int, int] | None) -> None:
        self.maps.show_pointed(*((found[0], found[1:]) if found else (None, None)))
        model, inspection, name = self.state.model, self.state.inspection, self.layer.currentData()
        if not found or model is None or inspection is None or name not in inspection.values:
            self.value.setText("")
            return
        value = float(scale.as_maps(model.graph[name], inspection.values[name])[found])
        self.value.setText(f"{name}, map {found[0]}, row {found[1]}, column {found[2]}: {number(value, 5)}")

    @Slot(object)
    def _on_filters_pointed(self, found: tuple[int, int, int] | None) -> None:
        self.filters.show_pointed(*((found[0], found[1:]) if found else (None, None)))
        model = self.state.model
        maps = filters_of(model) if found and model is not None else None
        if not found or maps is None:
            self.value.setText("")
            return
        value = float(maps.values_chw[found])
        reads = ", what it reads of red" if maps.colours_nhwc is not None else ""
        self.value.setText(f"Filter {found[0]}, row {found[1]}, column {found[2]}{reads}: {number(value, 5)}")

    @Slot(int, object)
    def _on_maps_chosen(self, unit: int, cell: tuple[int, int] | None) -> None:
        self.maps.show_selection(unit, cell)

    @Slot(int, object)
    def _on_filters_chosen(self, unit: int, cell: tuple[int, int] | None) -> None:
        self.filters.show_selection(unit, cell)


def _percent(share: float) -> str:
    """Write a probability without rounding to certainty; a network that diverged has none."""
    if not np.isfinite(share):
        return "–"
    if share >= 0.9995:
        return "> 99.9 %"
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"
