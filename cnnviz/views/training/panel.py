"""What every tab below the curves is and is laid out by, and what those say that need the network that learns."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from cnnviz.core.inspection import ModelRequest
from cnnviz.models import registry
from cnnviz.state.app_state import AppState
from cnnviz.views.base import Follower
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel


class Panel(Follower):
    """A tab below the curves: it follows the training while it is visible.

    Parameters
    ----------
    state
        The window's state.
    """

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state, self.training = state, state.training


def column_of(parent: QWidget, *parts: QWidget | QLayout, gap: int = theme.GRID_PX // 2) -> QVBoxLayout:
    """Lay parts out below each other without a margin, and return the layout."""
    column = QVBoxLayout(parent)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(gap)
    for part in parts:
        if isinstance(part, QLayout):
            column.addLayout(part)
        else:
            column.addWidget(part)
    return column


def row_of(*parts: QWidget) -> QHBoxLayout:
    """Return parts side by side; the last one takes the room that is left."""
    row = QHBoxLayout()
    row.setSpacing(theme.GRID_PX)
    for part in parts:
        row.addWidget(part)
    row.setStretch(row.count() - 1, 1)
    return row


def line_of_words(name: str, parent: QWidget) -> ElidedLabel:
    """Return a line for words that come and go and move nothing."""
    line = ElidedLabel("", parent)
    line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    line.setAccessibleName(name)
    return line


def request_of_run(state: AppState) -> ModelRequest | None:
    """Return the request for the network that learns; ``None`` while there is none to ask for."""
    progress = state.training.progress
    if progress.path is None or progress.started is None:
        return None
    last = str(progress.path / "last.safetensors")
    return ModelRequest(registry.name_of_file(last), last)


def shows_run(state: AppState) -> bool:
    """Return whether the network that learns is the one whose values Explore shows."""
    path, model = state.training.progress.path, state.model
    return path is not None and model is not None and model.request.weights_path == str(path / "last.safetensors")


class ShowIt(QWidget):
    """Why there is nothing to see: another network is shown in Explore; and the button that helps.

    Parameters
    ----------
    state
        The window's state.
    what
        What would be seen here, the end of a sentence.
    """

    def __init__(self, state: AppState, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._what = state, what
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.button = QPushButton("Sho&w it", self)
        self.button.setToolTip("Let Explore show the network that learns")
        self.button.clicked.connect(self._on_button_clicked)
        column = QVBoxLayout(self)
        column.setSpacing(theme.GRID_PX)
        column.addStretch(1)
        column.addWidget(self.words)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def show_reason(self) -> None:
        """Say what is missing, and offer to show the network where there is one."""
        can_help = request_of_run(self._state) is not None
        coming = self._state.loading and self._state.model_request == request_of_run(self._state)
        if coming:
            words = "The network that learns is being loaded."
        elif can_help:
            words = f"Explore shows another network. Show the one that learns, and {self._what}."
        else:
            words = f"No run yet. Start one, and {self._what}."
        self.words.setText(words)
        self.button.setVisible(can_help and not coming)

    @Slot()
    def _on_button_clicked(self) -> None:
        request = request_of_run(self._state)
        if request is not None:
            self._state.request_model(request)
