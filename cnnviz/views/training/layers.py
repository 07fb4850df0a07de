"""What a step does to each layer: how long its gradient and its update are."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from cnnviz.state.app_state import AppState
from cnnviz.training.events import LayerStep
from cnnviz.views.training.layer_bars import LayerBars
from cnnviz.views.training.layer_lengths import QUANTITIES, LayerBar, Quantity, bar_of
from cnnviz.views.training.panel import Panel
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel

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
        self.per_weight = QCheckBox("per weight (&root mean square)", self)
        self.per_weight.setToolTip("Divide each length by √(number of weights), so that large and small layers compare")
        self.per_weight.toggled.connect(self._on_choice_changed)
        self.exact = ElidedLabel("", self)
        self.exact.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.exact.setAccessibleName("Exact numbers of a layer")
        self.bars = LayerBars(self)
        self.bars.pointed.connect(self._on_bars_pointed)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX)
        row.addWidget(self.quantity)
        row.addWidget(self.per_weight)
        row.addWidget(self.exact, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addLayout(row)
        column.addWidget(self.bars, 1)
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
            [bar_of(layer, quantity, per_weight=self.per_weight.isChecked()) for layer in layers],
            quantity,
            _title(quantity, per_weight=per_weight),
        )

    @Slot()
    def _on_choice_changed(self) -> None:
        self.show_layers(self.training.layers)

    @Slot(object)
    def _on_bars_pointed(self, bar: LayerBar | None) -> None:
        self.exact.setText(bar.exactly if bar is not None else "")


def _title(quantity: Quantity, *, per_weight: bool) -> str:
    if quantity == "ratio":
        return "Length of the update / length of the weights"
    return f"{'Root mean square' if per_weight else 'Length'} of the {quantity}"
