"""That a picture is being read, and the button that gives it up."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from cnnviz.state.app_state import AppState
from cnnviz.widgets import theme


class OpeningRow(QWidget):
    """Seen only while a picture is on its way."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QLabel("", self)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # a long name is shortened
        self.cancel = QPushButton("Cancel", self)
        self.cancel.clicked.connect(state.cancel_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        row.addWidget(self.cancel)
        self.hide()
        state.opening_changed.connect(self._on_state_opening_changed)

    @Slot(str)
    def _on_state_opening_changed(self, name: str) -> None:
        short = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, 10 * theme.text_px())
        self.words.setText(f"Opening {short}…")
        self.words.setToolTip(name)
        self.setVisible(bool(name))
