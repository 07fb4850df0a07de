"""What a step does to each layer: how long its gradient and its update are."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from cnnviz.state.app_state import AppState
from cnnviz.training.events import LayerStep
from cnnviz.views.training.layer_bars import LayerBars
from cnnviz.views.training.layer_lengths import QUANTITIES, LayerBar, Quantity, bars_of
from cnnviz.views.training.panel import Panel, column_of, line_of_words, row_of

EMPTY = "Bars appear here with the first measured step: how long the gradient and the update of each layer are."


class LayersPanel(Panel):
    """Tab *Layers*."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.quantity = QComboBox(self)
        self.quantity.setAccessibleName("What the bars show")
        self.quantity.setToolTip(
            "The gradient, the change that the step made, or that change as a share of the weights"
        )
        for quantity, title in QUANTITIES:
            self.quantity.addItem(title, quantity)
        self.quantity.activated.connect(self._on_choice_changed)
        self.per_weight = QCheckBox("per weight (root mean s&quare)", self)
        self.per_weight.setToolTip("Divide each length by √(number of weights), so that large and small layers compare")
        self.per_weight.toggled.connect(self._on_choice_changed)
        self.exact = line_of_words("Exact numbers of a layer", self)
        self.bars = LayerBars(self)
        self.bars.pointed.connect(self._on_bars_pointed)
        column_of(self, row_of(self.quantity, self.per_weight, self.exact), self.bars)
        self.setFocusProxy(self.bars)
        self.follow(self.training.layers_changed, lambda: self.training.layers, self.show_layers)

    @Slot(object)
    def show_layers(self, layers: tuple[LayerStep, ...]) -> None:
        """Show what a step did to each layer."""
        if not layers:
            self.bars.show_sentence(EMPTY)
            return
        quantity: Quantity = self.quantity.currentData()
        per_weight = self.per_weight.isChecked() and quantity != "ratio"
        self.per_weight.setEnabled(quantity != "ratio")
        self.bars.show_bars(
            bars_of(layers, quantity, per_weight=self.per_weight.isChecked()),
            quantity,
            _title(quantity, per_weight=per_weight),
        )

    @Slot()
    def _on_choice_changed(self) -> None:
        self.show_layers(self.training.layers)

    @Slot(object)
    def _on_bars_pointed(self, bar: LayerBar | None) -> None:
        words = bar.exactly if bar is not None else ""
        self.exact.setText(words)
        self.bars.setToolTip(words)  # whole, however narrow the line is


def _title(quantity: Quantity, *, per_weight: bool) -> str:
    if quantity == "ratio":
        return "Length of the update / length of the weights"
    return f"{'Root mean square' if per_weight else 'Length'} of the {quantity}"
