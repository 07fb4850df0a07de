"""The toolbar: which network, over what the colour scale reaches, and what the weights are."""

from __future__ import annotations

import os

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QLabel, QToolBar, QWidget

from cnnviz.core.inspection import LoadedModel, ModelRequest
from cnnviz.models.registry import MODELS, table_name
from cnnviz.state.app_state import SCOPES, AppState, ColourScope
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel

_SCOPE_WORDS: dict[ColourScope, str] = {"unit": "each map", "layer": "the layer", "network": "the network"}


class ToolBar(QToolBar):
    """Asks the state for networks and colour scales, and shows what it has."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__("Toolbar", parent)
        self._state = state
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.toggleViewAction().setVisible(False)
        self._models = QComboBox(self)
        self._models.setAccessibleName("Network")
        self._models.setMaxVisibleItems(24)
        family = ""
        for spec in MODELS:
            if spec.family != family:
                family = spec.family
                self._add_heading(family)
            self._models.addItem(spec.title, spec.name)
            self._models.setItemData(self._models.count() - 1, spec.summary, Qt.ItemDataRole.ToolTipRole)
        self._models.activated.connect(self._on_models_activated)
        self._scopes = QComboBox(self)
        self._scopes.setAccessibleName("Colour scale")
        self._scopes.setToolTip("Over what one colour scale reaches: each map its own, one a layer, or one for all")
        for scope in SCOPES:
            self._scopes.addItem(_SCOPE_WORDS[scope], scope)
        self._scopes.activated.connect(self._on_scopes_activated)
        self._note = ElidedLabel("", self)
        self._note.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        for words, widget in (("&Network", self._models), ("Colour &scale over", self._scopes)):
            label = QLabel(words, self)
            label.setBuddy(widget)
            label.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, 0)
            self.addWidget(label)
            self.addWidget(widget)
        self._note.setContentsMargins(2 * theme.GRID_PX, 0, 0, 0)
        self.addWidget(self._note)
        state.model_requested.connect(self._on_state_model_requested)
        state.model_changed.connect(self._on_state_model_changed)
        state.weights_changed.connect(self._on_state_model_changed)  # the note says of which step they are
        state.loading_changed.connect(self._on_state_loading_changed)
        state.scope_changed.connect(self._on_state_scope_changed)
        self._on_state_scope_changed(state.scope)

    def _add_heading(self, words: str) -> None:
        """Add a line to the list of networks that cannot be chosen."""
        self._models.addItem(words)
        model, index = self._models.model(), self._models.count() - 1
        self._models.setItemData(index, theme.font(0.9, bold=True), Qt.ItemDataRole.FontRole)
        if isinstance(model, QStandardItemModel):
            model.item(index).setFlags(Qt.ItemFlag.NoItemFlags)

    def request(self, weights_path: str | None) -> None:
        """Ask for the chosen network with the weights of a file, or with those that ship."""
        last = self._state.model_request
        device = last.device if last is not None else "auto"
        self._state.request_model(ModelRequest(self._models.currentData() or MODELS[0].name, weights_path, device))

    def _show(self) -> None:
        """Show the network that is on its way, else the one that is there."""
        model, request = self._state.model, self._state.model_request
        if self._state.loading:
            self._note.setText("loading…")
        elif model is None:
            self._note.setText("no network could be loaded; choose one")
        else:
            parameters = f"{model.graph.parameters:,} parameters"
            self._note.setText(f"{parameters}  ·  {model.weights_note}" if model.weights_note else parameters)
        with QSignalBlocker(self._models):
            self._models.setPlaceholderText(self._words_for(request))
            self._models.setCurrentIndex(self._models.findData(table_name(request.name) if request else ""))

    def _words_for(self, request: ModelRequest | None) -> str:
        """Return what stands in the list of networks for one that is not in it."""
        model = self._state.model
        if model is not None and model.request == request:
            return model.title
        return os.path.basename(request.weights_path or "") if request is not None else ""

    @Slot(object)
    def _on_state_model_requested(self, request: ModelRequest) -> None:
        self._show()

    @Slot(object)
    def _on_state_model_changed(self, model: LoadedModel | None) -> None:
        self._show()

    @Slot(bool)
    def _on_state_loading_changed(self, loading: bool) -> None:
        self._show()

    @Slot(object)
    def _on_state_scope_changed(self, scope: ColourScope) -> None:
        self._scopes.setCurrentIndex(SCOPES.index(scope))

    @Slot(int)
    def _on_models_activated(self, index: int) -> None:
        self.request(None)

    @Slot(int)
    def _on_scopes_activated(self, index: int) -> None:
        self._state.set_scope(SCOPES[index])
