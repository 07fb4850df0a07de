"""The title of the inspector's dock: where one is, from layer to cell; each part leads back to it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QSizePolicy, QStyle, QToolButton, QWidget

from cnnviz.state.app_state import AppState, Place
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel

LEAST_PX = 120


class CrumbTitle(QWidget):
    """A dock's title bar with a breadcrumb; dragging it moves the dock as usual."""

    def __init__(self, state: AppState, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._state = state
        title = ElidedLabel(dock.windowTitle(), self)
        bold = QFont()  # only the weight: the size follows the application's
        bold.setBold(True)
        title.setFont(bold)
        self._layer = self._crumb("Choose the whole layer", self._on_layer_clicked)
        self._unit = self._crumb("Choose the whole map", self._on_unit_clicked)
        self._cell = QLabel(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.GRID_PX + 4, 2, 4, 2)
        row.setSpacing(2)
        row.addWidget(title)
        row.addSpacing(theme.GRID_PX)
        for crumb in (self._layer, self._unit, self._cell):
            row.addWidget(crumb)
        row.addStretch(1)
        pixmaps = QStyle.StandardPixmap
        for picture, words, run in (
            (pixmaps.SP_TitleBarNormalButton, "Float", lambda: dock.setFloating(not dock.isFloating())),
            (pixmaps.SP_TitleBarCloseButton, "Close", dock.close),
        ):
            button = QToolButton(self)
            button.setAutoRaise(True)
            button.setIconSize(QSize(10, 10))
            button.setIcon(self.style().standardIcon(picture))
            button.setAccessibleName(words)
            button.setToolTip(words)
            button.clicked.connect(run)
            row.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        state.selection_changed.connect(self._on_state_selection_changed)
        state.model_changed.connect(self._on_state_model_changed)
        self._show(state.selection)

    def minimumSizeHint(self) -> QSize:
        """Return little width: a long path must not widen the window."""
        return QSize(LEAST_PX, super().minimumSizeHint().height())

    def _crumb(self, tip: str, clicked: Callable[[], None]) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setToolTip(tip)
        button.clicked.connect(clicked)
        return button

    def _show(self, place: Place | None) -> None:
        model = self._state.model
        node = model.graph[place.layer] if place is not None and model and place.layer in model.graph else None
        self._layer.setVisible(node is not None)
        self._unit.setVisible(node is not None and place is not None and place.unit is not None)
        self._cell.setVisible(node is not None and place is not None and place.cell is not None)
        if node is not None and place is not None:
            self._layer.setText(f"› {place.layer}")
            self._unit.setText(f"› {'map' if node.is_map else 'element'} {place.unit}")
            self._cell.setText(f"› row {place.cell[0]}, column {place.cell[1]}" if place.cell else "")

    @Slot(object)
    def _on_state_selection_changed(self, place: Place | None) -> None:
        self._show(place)

    @Slot(object)
    def _on_state_model_changed(self, model: object) -> None:
        self._show(self._state.selection)

    @Slot()
    def _on_layer_clicked(self) -> None:
        self._state.select_unit(None)

    @Slot()
    def _on_unit_clicked(self) -> None:
        if self._state.selection is not None:
            self._state.select_unit(self._state.selection.unit)
