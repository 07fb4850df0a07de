"""How the values of the selected layer, or of its selected unit, are spread."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cnnviz.core.formats import number
from cnnviz.core.inspection import Inspection
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.distribution import compute
from cnnviz.widgets import theme
from cnnviz.widgets.histogram import Histogram

EMPTY = "Draw a digit: how the values of the selected layer are spread appears here."
_ROWS = ("of", "values", "mean", "standard deviation", "smallest", "largest", "exactly 0", "below 0")


class DistributionView(View):
    """Inspector tab *Distribution*."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.histogram = Histogram("Histogram of the selected layer's values", self)
        self._logarithmic = QCheckBox("Logari&thmic counts", self)
        self._logarithmic.toggled.connect(self.histogram.set_logarithmic)
        self._facts: dict[str, QLabel] = {}
        form = QFormLayout()
        form.setHorizontalSpacing(2 * theme.GRID_PX)
        for name in _ROWS:
            self._facts[name] = QLabel("–", self)
            self._facts[name].setMinimumWidth(120)
            form.addRow(name, self._facts[name])
        right = QVBoxLayout()
        right.addLayout(form)
        right.addStretch(1)
        right.addWidget(self._logarithmic)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * theme.GRID_PX)
        row.addWidget(self.histogram, 1)
        row.addLayout(right)
        self.setFocusProxy(self.histogram)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show new values."""
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Show another layer or unit."""
        self._show()

    def _show(self) -> None:
        layer = self.state.selected_layer
        if layer is None:
            self.histogram.show_sentence(EMPTY)
            for label in self._facts.values():
                label.setText("–")
            return
        node, unit = layer.node, layer.place.unit
        of_unit = node.is_map and unit is not None
        values = layer.maps_chw[unit] if of_unit else layer.values
        what = f"{node.name}, map {unit}" if of_unit else node.name
        self.histogram.show_values(values.reshape(-1), f"value of {what}")
        found = compute.statistics(values)
        texts = (
            what, f"{found.count:,}", number(found.mean, 4), number(found.std, 4), number(found.low, 4),
            number(found.high, 4), f"{found.zero_share * 100:.1f} %", f"{found.negative_share * 100:.1f} %",
        )  # fmt: skip
        for name, text in zip(_ROWS, texts, strict=True):
            self._facts[name].setText(text)

    def remember(self, settings: Settings) -> None:
        """Store the axis."""
        settings.put("distribution/logarithmic", self._logarithmic.isChecked())

    def recall(self, settings: Settings) -> None:
        """Bring the axis back."""
        self._logarithmic.setChecked(settings.get("distribution/logarithmic", False))
