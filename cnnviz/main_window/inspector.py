"""The inspector: the facts of the selected layer, and a tab for each view of it."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QKeyEvent, Qt
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from cnnviz.core.graph import Node
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View, ViewSpec
from cnnviz.views.registry import VIEWS
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel


def facts(node: Node) -> str:
    """Return the facts line: operation, shapes, parameters as a product, multiply-adds, receptive field."""
    parts = [_operation(node)]
    shape = node.shape_text.replace(" ", "")
    if node.input_shapes:
        before = " + ".join("×".join(str(n) for n in s) for s in node.input_shapes)
        parts.append(f"{before} → {shape}")
    else:
        parts.append(shape)
    if node.parameters:
        parts.append(f"{node.parameter_formula} = {node.parameters:,} parameters")
    if node.macs:
        parts.append(f"{node.macs:,} multiply-adds")
    if node.field_hw is not None and node.kind != "input":
        down, across = node.field_hw
        parts.append(f"sees {down.size}×{across.size} pixels")
    elif node.kind in ("linear", "output"):
        parts.append("sees the whole input")
    return " · ".join(parts)


def _operation(node: Node) -> str:
    hyper = node.hyper
    words = [node.op if node.kind != "input" else "Input"]
    if "kernel_size" in hyper:
        kernel = hyper["kernel_size"]
        words.append(f"{kernel[0]}×{kernel[1]}")
        for key in ("stride", "padding", "dilation"):
            value = hyper.get(key)
            usual = (0, 0) if key == "padding" else (1, 1)
            if isinstance(value, tuple) and value != usual:
                alike = len(set(value)) == 1
                words.append(f"{key} {value[0]}" if alike else f"{key} {' × '.join(map(str, value))}")
        if hyper.get("groups", 1) != 1:
            words.append(f"groups {hyper['groups']}")
    return " ".join(words[:2]) + "".join(f", {word}" for word in words[2:])


class Inspector(QWidget):
    """Tabs of the views whose place is ``inspector``; a tab's widget is made when it is first looked at."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._messages = state, messages
        self.setObjectName("inspector")
        self.setMinimumSize(244, 176)
        self._specs: list[ViewSpec] = [spec for spec in VIEWS if spec.place == "inspector"]
        self._views: dict[int, View] = {}
        self._pages: list[QWidget] = []
        self._recalled: Settings | None = None
        self._facts = ElidedLabel("Choose a layer in the map above.", self)
        self._facts.setAccessibleName("Facts of the selected layer")
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Views of the selected layer")
        for spec in self._specs:
            self._pages.append(QWidget(self.tabs))
            # A tab that is looked at for the first time must not push the window's other parts about.
            self._pages[-1].setMinimumSize(1, 1)
            index = self.tabs.addTab(self._pages[-1], spec.title)
            self.tabs.setTabToolTip(index, spec.tip)
        self.tabs.currentChanged.connect(self._on_tabs_current_changed)
        self.tabs.tabBarClicked.connect(self._on_tabs_bar_clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.GRID_PX, 4, theme.GRID_PX, 4)
        layout.setSpacing(4)
        layout.addWidget(self._facts)
        layout.addWidget(self.tabs, 1)
        state.selection_changed.connect(self._on_state_selection_changed)
        state.model_changed.connect(self._on_state_model_changed)
        self._on_tabs_current_changed(0)
        self._show(state.selection)

    def view(self, index: int) -> View:
        """Return the view of a tab, making it if it is not there yet."""
        if index not in self._views:
            view = self._specs[index].create(self._state, self._messages)
            if self._recalled is not None:
                view.recall(self._recalled)
            page = QVBoxLayout(self._pages[index])
            page.setContentsMargins(0, 4, 0, 0)
            page.addWidget(view)
            self._views[index] = view
        return self._views[index]

    def open(self, name: str) -> View:
        """Bring the tab of a view to the front and return the view."""
        index = [spec.name for spec in self._specs].index(name)
        self.tabs.setCurrentIndex(index)
        return self.view(index)

    def enter(self) -> None:
        """Take the keyboard into the current tab."""
        self.view(self.tabs.currentIndex()).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def remember(self, settings: Settings) -> None:
        """Store the current tab and what the views remember."""
        settings.put("inspector/tab", self._specs[self.tabs.currentIndex()].name)
        for view in self._views.values():
            view.remember(settings)

    def recall(self, settings: Settings) -> None:
        """Come back to the tab of the last session."""
        self._recalled = settings
        for view in self._views.values():
            view.recall(settings)
        names = tuple(spec.name for spec in self._specs)
        self.tabs.setCurrentIndex(names.index(settings.choice("inspector/tab", names[0], names)))

    def _show(self, place: Place | None) -> None:
        model = self._state.model
        if place is None or model is None or place.layer not in model.graph:
            self._facts.setText("Choose a layer in the map above.")
        else:
            self._facts.setText(facts(model.graph[place.layer]))

    @Slot(int)
    def _on_tabs_current_changed(self, index: int) -> None:
        self.view(index)

    @Slot(int)
    def _on_tabs_bar_clicked(self, index: int) -> None:
        """Give the keyboard to what was chosen, so that Space plays at once."""
        QTimer.singleShot(0, self, self.enter)

    @Slot(object)
    def _on_state_selection_changed(self, place: Place | None) -> None:
        self._show(place)

    @Slot(object)
    def _on_state_model_changed(self, model: object) -> None:
        self._show(self._state.selection)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape goes one level out: cell, unit, layer."""
        place = self._state.selection
        if event.key() == Qt.Key.Key_Escape and place is not None and place.unit is not None:
            self._state.select_unit(place.unit if place.cell is not None else None)
        else:
            super().keyPressEvent(event)
