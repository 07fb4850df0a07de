"""The network map: the canvas, wired to the state."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.views.base import View
from cnnviz.views.network.canvas import NetworkCanvas


class NetworkView(View):
    """Every layer of the network, live."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.canvas = NetworkCanvas(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self.setFocusProxy(self.canvas)
        self.canvas.pointed.connect(state.set_pointed)
        self.canvas.chosen.connect(state.select)
        self.canvas.entered.connect(state.enter_requested)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.loading_changed, lambda: state.loading, self.canvas.show_loading)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.pointed_changed, lambda: state.pointed, self.show_pointed)

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Lay out another network."""
        self.canvas.show_graph(model.graph if model else None, model.labels if model else ())
        self.show_inspection(self.state.inspection)

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show new values."""
        self.canvas.show_values(inspection.values if inspection else {}, self.state.scope)

    @Slot(object)
    def show_scope(self, scope: object) -> None:
        """Colour the same values by another scale."""
        self.show_inspection(self.state.inspection)

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Frame the selection."""
        self.canvas.show_selection(place)

    @Slot(object)
    def show_pointed(self, place: Place | None) -> None:
        """Light up what is pointed at, here or in another view."""
        self.canvas.show_pointed(place)
