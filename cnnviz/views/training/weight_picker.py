"""Choosing one weight of a network: the parameter, output and input, and the cell of a picture of its weights."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from cnnviz.core.inspection import FloatArray, LoadedModel
from cnnviz.state.training_state import WeightPlace
from cnnviz.views.training import weight_places
from cnnviz.widgets import theme
from cnnviz.widgets.grid_picture import Grid
from cnnviz.widgets.legend import Legend
from cnnviz.widgets.value_grid import ValueGrid


class WeightPicker(QWidget):
    """A combo box of the parameters, two numbers, and a grid of weights.

    Signals
    -------
    picked(WeightPlace)
        The user chose a weight.
    """

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model: LoadedModel | None = None
        self._place: WeightPlace | None = None
        self._step: int | None = None
        self.parameter = QComboBox(self)
        self.parameter.setAccessibleName("Parameter of the network")
        self.parameter.setToolTip("Weights and biases of each layer")
        self.parameter.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.parameter.setMinimumContentsLength(9)
        self.parameter.activated.connect(self._on_parameter_activated)
        self.output, self.input = QSpinBox(self), QSpinBox(self)
        for box, name, short in ((self.output, "output", "out"), (self.input, "input", "in")):
            box.setPrefix(f"{short} ")
            box.setAccessibleName(f"Number of the {name}")
            box.valueChanged.connect(self._on_number_changed)
        self.output.setToolTip("Which map or unit the weight helps to compute")
        self.input.setToolTip("Which map or unit it is multiplied with")
        self.grid = ValueGrid("Weights to choose from", self)
        self.grid.setToolTip("Click a weight, or walk by the arrow keys")
        self.grid.setMinimumSize(120, 80)
        self.grid.pressed.connect(self._on_grid_pressed)
        self.legend = Legend(self)
        self._lay_out()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX // 2)
        row.addWidget(self.output, 1)
        row.addWidget(self.input, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addWidget(self.parameter)
        column.addLayout(row)
        column.addWidget(self.grid, 1)
        column.addWidget(self.legend)
        self.setFocusProxy(self.grid)

    @property
    def place(self) -> WeightPlace | None:
        """The weight that is framed."""
        return self._place

    def show_model(self, model: LoadedModel) -> None:
        """Show a network's parameters; the same one's newer weights keep the choice."""
        if self._model is None or model.graph is not self._model.graph:
            names = weight_places.parameters_of(model.graph, tuple(model.weights))
            self.parameter.clear()
            self.parameter.addItems(names)
        self._model = model
        known = self._place is not None and self.parameter.findText(self._place.name) >= 0
        if not known and self.parameter.count():
            self._place = WeightPlace(self.parameter.itemText(0), ())
        self._show()

    def show_place(self, place: WeightPlace | None) -> None:
        """Frame a weight."""
        if place is not None and place != self._place:
            self._place = place
            self._show()

    def show_step(self, step: int | None) -> None:
        """Say at which recorded step the weights were so; nothing of the present."""
        if step != self._step:
            self._step = step
            self._show()

    def _weights(self) -> FloatArray | None:
        if self._model is None or self._place is None:
            return None
        return self._model.weights.get(self._place.name)

    def _show(self) -> None:
        weights = self._weights()
        if weights is None or self._place is None or not weights.size:
            self.grid.show_grid(None, "This network has no weights that are learned.")
            return
        index = weight_places.inside(self._place.index, weights.shape)
        self._place = WeightPlace(self._place.name, index)
        self.parameter.setCurrentIndex(self.parameter.findText(self._place.name))
        for axis, box in enumerate((self.output, self.input)):
            box.setVisible(weights.ndim > axis)
            if weights.ndim > axis:
                box.blockSignals(True)
                box.setRange(0, weights.shape[axis] - 1)
                box.setValue(index[axis])
                box.blockSignals(False)
        block = weight_places.block_at(weights, index)
        most = float(np.max(np.abs(block.values_hw), where=np.isfinite(block.values_hw), initial=0.0)) or 1.0
        title = block.title
        if self._step is not None:  # first: what does not fit is left out at the end, and the two numbers say it too
            title = f"At step {self._step:,}: {title[0].lower()}{title[1:]}"
        self.grid.show_grid(Grid(block.values_hw, -most, most, "weight", title))
        self.grid.show_cell(weight_places.cell_of(weights, index))
        self.legend.show_scale("weight", -most, most)

    def _pick(self, place: WeightPlace) -> None:
        self._place = place
        self._show()
        self.picked.emit(self._place)

    @Slot(int)
    def _on_parameter_activated(self, row: int) -> None:
        self._pick(WeightPlace(self.parameter.itemText(row), ()))

    @Slot(int)
    def _on_number_changed(self, value: int) -> None:
        weights = self._weights()
        if weights is not None and self._place is not None:
            boxes = (self.output.value(), self.input.value())[: weights.ndim]
            index = (*boxes, *self._place.index[len(boxes) :])
            self._pick(WeightPlace(self._place.name, index))

    @Slot(int, int)
    def _on_grid_pressed(self, row: int, column: int) -> None:
        weights = self._weights()
        if weights is not None and self._place is not None:
            index = weight_places.index_at(weights, self._place.index, row, column)
            self._pick(WeightPlace(self._place.name, index))
