"""A map over the picture that the network saw, and the receptive field of a cell: exact, and by gradient."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QSlider, QVBoxLayout, QWidget

from cnnviz.core.formats import number
from cnnviz.core.graph import Node
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel
from cnnviz.core.receptive import ReceptiveRegion, receptive_region
from cnnviz.state.app_state import AppState, Gradient, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.overlay import compute
from cnnviz.views.overlay.figures import OverlayFigure
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.flow import FlowLayout
from cnnviz.widgets.legend import Legend

EMPTY = "Draw a digit or open a picture: the maps of the selected layer appear on it here."
NO_PICTURE = "The input of this network is no picture with one channel or three colours."
REST_MS = 200  # a selection that stays as long is worth a gradient


class OverlayView(View):
    """Inspector tab *On the input*."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.figure = OverlayFigure(self)
        self.legend = Legend(self)
        self._field: tuple[LoadedModel, Place, ReceptiveRegion] | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rest_timeout)
        self._summary = ElidedLabel("", self)
        self._summary.setAccessibleName("What the cell sees")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(FlowLayout((*self._make_controls(), self.legend), theme.GRID_PX))
        column.addWidget(self._summary)
        column.addWidget(self.figure, 1)
        self.setFocusProxy(self.figure)
        self.figure.cell_chosen.connect(self._on_figure_cell_chosen)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        state.gradient_refused.connect(self._on_state_gradient_refused)
        self.follow(state.gradient_changed, lambda: state.gradient, self.show_gradient)

    def _make_controls(self) -> tuple[QWidget, ...]:
        """Make what chooses the layer over the picture."""
        label = QLabel("O&ver it:", self)
        self._over = QComboBox(self)
        self._over.setAccessibleName("What lies over the picture")
        self._over.setToolTip(
            "The unit's map; or the effective receptive field: how much the chosen cell changes with each pixel"
        )
        for over in compute.OVERS:
            self._over.addItem(compute.OVER_NAMES[over], over)
        self._over.activated.connect(self._on_over_activated)
        label.setBuddy(self._over)
        self._alpha = QSlider(Qt.Orientation.Horizontal, self)
        self._alpha.setAccessibleName("How much it covers the picture")
        self._alpha.setToolTip("How much of the picture is covered")
        self._alpha.setRange(0, 100)
        self._alpha.setValue(50)
        self._alpha.setFixedWidth(96)
        self._alpha.valueChanged.connect(self._on_alpha_changed)
        self._smooth = QCheckBox("&Smooth", self)
        self._smooth.setToolTip("Blend between the cells of the map (bilinear) instead of drawing each as a square")
        self._smooth.toggled.connect(self._on_smooth_toggled)
        self._shows_field = QCheckBox("&Receptive field", self)
        self._shows_field.setToolTip("Frame the pixels that the chosen cell can see at all, and dim the others")
        self._shows_field.setChecked(True)
        self._shows_field.toggled.connect(self._on_shows_field_toggled)
        return label, self._over, self._alpha, self._smooth, self._shows_field

    # -- what is shown --------------------------------------------------------------------------------------------

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network."""
        self._show()

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show another picture and its values."""
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Show another layer, unit or cell."""
        self._show()

    @Slot(object)
    def show_scope(self, scope: object) -> None:
        """Colour by another scale."""
        self._show()

    @Slot(object)
    def show_gradient(self, gradient: Gradient | None) -> None:
        """Show how the chosen cell changes with each pixel."""
        self._show()

    def _found(self) -> tuple[LoadedModel, Inspection, Node, FloatArray, Place] | None:
        """Return the selected layer with its maps, and the place in it."""
        model, inspection, layer = self.state.model, self.state.inspection, self.state.selected_layer
        if model is None or inspection is None or layer is None:
            return None
        node, maps_chw = layer.node, layer.maps_chw
        unit, cell = compute.chosen_value(node, maps_chw, layer.place.unit, layer.place.cell)
        return model, inspection, node, maps_chw, Place(node.name, unit, cell)

    def _show(self) -> None:
        found = self._found()
        shows = found is not None and compute.has_picture(found[0].graph)
        self.legend.setVisible(shows)
        for control in (self._over, self._alpha, self._smooth, self._shows_field):
            control.setEnabled(shows)
        if found is None or not shows:
            self._rest.stop()
            self.figure.show_sentence(EMPTY if found is None else NO_PICTURE)
            self._summary.setText("")
            return
        model, inspection, node, maps_chw, place = found
        size_hw = model.graph.nodes[0].output_shape[1:]
        self.figure.show_picture(compute.picture_of(model, inspection))
        field = self._field_of(model, place)
        words = [self._value_words(node, maps_chw, place), compute.field_words(field)]
        over: compute.Over = self._over.currentData()
        self._smooth.setEnabled(over == "map")
        self._alpha.setEnabled(over != "nothing")
        layer: compute.Layer | None = None
        if over == "map":
            layer = compute.map_layer(
                node, maps_chw, place.unit or 0, (size_hw[0], size_hw[1]), self.state.scope,
                smooth=self._smooth.isChecked(), network=self.state.network_limits,
            )  # fmt: skip
        elif over == "gradient":
            gradient = self._gradient_of(model, inspection, place)
            if gradient is not None:
                layer = compute.gradient_layer(gradient.magnitude_hw)
                words.append(compute.gradient_words(gradient.magnitude_hw, field))
            else:
                words.append("computing its gradient…")
        self.figure.show_layer(layer, self._alpha.value() / 100)
        self.legend.setVisible(layer is not None)
        if layer is not None:
            self.legend.show_scale(layer.role, layer.low, layer.high, "|∂/∂pixel|" if over == "gradient" else "")
        self.figure.show_field(field.mask_hw if self._shows_field.isChecked() else None, field.rows, field.cols)
        self.figure.show_cell(maps_chw.shape[1:] if node.is_map else None, place.cell)
        self._summary.setText(" · ".join(words))
        self.figure.show_words(self._summary.text())

    def _value_words(self, node: Node, maps_chw: FloatArray, place: Place) -> str:
        row, column = place.cell or (0, 0)
        value = number(float(maps_chw[place.unit or 0, row, column]))
        if not node.is_map:
            return f"element {place.unit}: {value}"
        chosen = self.state.selection is not None and self.state.selection.cell is not None
        return f"map {place.unit}, {'' if chosen else 'strongest '}cell ({row}, {column}): {value}"

    def _field_of(self, model: LoadedModel, place: Place) -> ReceptiveRegion:
        """Return the field of a place; it stays the same for every picture."""
        known = self._field
        if known is None or known[0] is not model or known[1] != place:
            known = self._field = (model, place, receptive_region(model.graph, place.layer, place.unit, place.cell))
        return known[2]

    # -- the effective field --------------------------------------------------------------------------------------

    def _gradient_of(self, model: LoadedModel, inspection: Inspection, place: Place) -> Gradient | None:
        """Return the gradient of a place for the picture in sight; where there is none yet, ask once things rest."""
        known = self.state.gradient
        if known is not None and (known.model, known.generation, known.place) == (
            model.request, inspection.generation, place,
        ):  # fmt: skip
            self._rest.stop()
            return known
        self._rest.start()
        return None

    @Slot()
    def _on_state_gradient_refused(self) -> None:
        """Show the map instead: asking again would be refused again."""
        self._rest.stop()
        self._over.setCurrentIndex(max(0, self._over.findData("map")))
        self._show()

    @Slot()
    def _on_rest_timeout(self) -> None:
        found = self._found()
        if found is not None and self._over.currentData() == "gradient":
            self.state.gradient_requested.emit(found[4])

    def hideEvent(self, event: QHideEvent) -> None:
        """Ask for nothing that nobody sees."""
        super().hideEvent(event)
        self._rest.stop()

    # -- what the user does ---------------------------------------------------------------------------------------

    @Slot(int, int)
    def _on_figure_cell_chosen(self, row: int, column: int) -> None:
        found = self._found()
        if found is not None and found[2].is_map:
            self.state.select(Place(found[2].name, found[4].unit, (row, column)))

    @Slot(int)
    def _on_over_activated(self, index: int) -> None:
        self._show()

    @Slot(int)
    def _on_alpha_changed(self, value: int) -> None:
        self._show()

    @Slot(bool)
    def _on_smooth_toggled(self, on: bool) -> None:
        self._show()

    @Slot(bool)
    def _on_shows_field_toggled(self, on: bool) -> None:
        self._show()

    def remember(self, settings: Settings) -> None:
        """Store how the map is laid over the picture."""
        settings.put("overlay/alpha", self._alpha.value())
        settings.put("overlay/smooth", self._smooth.isChecked())
        settings.put("overlay/field", self._shows_field.isChecked())

    def recall(self, settings: Settings) -> None:
        """Bring it back."""
        self._alpha.setValue(settings.integer("overlay/alpha", 50, 0, 100))
        self._smooth.setChecked(settings.get("overlay/smooth", False))
        self._shows_field.setChecked(settings.get("overlay/field", True))
