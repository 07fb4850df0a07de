"""The network map: search, costs and folding above the canvas, wired to the state."""

from __future__ import annotations

from PySide6.QtCore import QSize, QStringListModel, Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QCompleter, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from cnnviz.core.costs import COSTS, CostName
from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.network.canvas import NetworkCanvas

SHAPES = "Shapes"
NOT_FOUND = "No layer has this in its name."


class _Bar(QWidget):
    """Gives way in a narrow window instead of holding it open."""

    def minimumSizeHint(self) -> QSize:
        return QSize(1, super().minimumSizeHint().height())


class NetworkView(View):
    """Every layer of the network, live."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.canvas = NetworkCanvas(self)
        self._bar = _Bar(self)
        self.search = QLineEdit(self._bar)
        self.search.setPlaceholderText("Find a layer (Ctrl+F)")
        self.search.setAccessibleName("Find a layer")
        self.search.setToolTip("Part of a layer's name, or of its kind; Enter goes to it, again to the next")
        self.search.setClearButtonEnabled(True)
        self.search.returnPressed.connect(self._on_search_entered)
        self._names = QStringListModel(self.search)
        completer = QCompleter(self._names, self.search)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search.setCompleter(completer)
        self.costs = QComboBox(self._bar)
        self.costs.addItem(f"Layers by: {SHAPES.lower()}", None)
        for cost in COSTS:
            self.costs.addItem(f"Layers by: {cost.title.lower()}", cost.name)
            self.costs.setItemData(self.costs.count() - 1, cost.tip, Qt.ItemDataRole.ToolTipRole)
        self.costs.setAccessibleName("What stands below the names of the layers")
        self.costs.setToolTip("What stands below the names: the shape of the values, or what a layer costs, as a bar")
        self.costs.currentIndexChanged.connect(self._on_cost_chosen)
        self.fold = self._button("Fold all", "Show every group of layers as one", self.canvas.fold_all)
        self.unfold = self._button("Unfold all", "Show every layer by itself", self.canvas.unfold_all)
        row = QHBoxLayout(self._bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.search, 1)
        row.addWidget(self.costs)
        row.addWidget(self.fold)
        row.addWidget(self.unfold)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._bar)
        layout.addWidget(self.canvas, 1)
        self.setFocusProxy(self.canvas)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WindowShortcut)
        find.activated.connect(self._on_find_activated)
        self.canvas.pointed.connect(state.set_pointed)
        self.canvas.chosen.connect(state.select)
        self.canvas.entered.connect(state.enter_requested)
        self.canvas.folds_changed.connect(self._on_folds_changed)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.loading_changed, lambda: state.loading, self.canvas.show_loading)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.pointed_changed, lambda: state.pointed, self.show_pointed)

    def _button(self, words: str, tip: str, run: object) -> QToolButton:
        button = QToolButton(self._bar)
        button.setText(words)
        button.setToolTip(tip)
        button.clicked.connect(run)
        return button

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Lay out another network."""
        self.canvas.show_graph(model.graph if model else None, model.labels if model else ())
        self._bar.setEnabled(model is not None)
        self._names.setStringList([node.name for node in model.graph.nodes] if model else [])
        self.show_inspection(self.state.inspection)

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show new values."""
        times_ms = inspection.times_ms if inspection else {}
        values = inspection.values if inspection else {}
        self.canvas.show_values(values, self.state.scope, times_ms, self.state.network_limits)

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

    # -- from the user --------------------------------------------------------------------------------------------

    @Slot()
    def _on_search_entered(self) -> None:
        """Go to the next layer whose name or kind holds the text, from the selected one on."""
        model, words = self.state.model, self.search.text().strip().lower()
        if model is None or not words:
            return
        nodes = model.graph.nodes
        place = self.state.selection
        start = next((i for i, node in enumerate(nodes) if place is not None and node.name == place.layer), -1)
        ordered = [*nodes[start + 1 :], *nodes[: start + 1]]
        exact = [node for node in nodes if node.name.lower() == words]
        found = exact or [n for n in ordered if words in n.name.lower() or words in n.op.lower() or words == n.kind]
        if not found:
            self.messages.notice(NOT_FOUND)
            return
        self.state.select(Place(found[0].name))

    @Slot()
    def _on_find_activated(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    @Slot(int)
    def _on_cost_chosen(self, index: int) -> None:
        name: CostName | None = self.costs.itemData(index)
        self.canvas.show_cost(next((cost for cost in COSTS if cost.name == name), None))

    @Slot()
    def _on_folds_changed(self) -> None:
        for button in (self.fold, self.unfold):
            button.setVisible(bool(self.canvas.folds.groups))

    def remember(self, settings: Settings) -> None:
        """Store what the layers are coloured by."""
        settings.put("map/cost", self.costs.currentData() or "")

    def recall(self, settings: Settings) -> None:
        """Bring back what the layers are coloured by."""
        index = self.costs.findData(settings.get("map/cost", "") or None)
        self.costs.setCurrentIndex(max(0, index))
