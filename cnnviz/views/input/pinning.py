"""What is on the board, in words, and the buttons that keep it as A to compare others with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from cnnviz.state.app_state import AppState, PinnedInput
from cnnviz.state.messages import MessageCenter
from cnnviz.widgets.elided_label import ElidedLabel


class NamedRow(QWidget):
    """One line below the board.

    Parameters
    ----------
    pin, unpin
        The actions of the two buttons.

    Attributes
    ----------
    words
        What is on the board.
    """

    def __init__(
        self, state: AppState, messages: MessageCenter, pin: QAction, unpin: QAction, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._messages, self._unpin = state, messages, unpin
        self._pinned: PinnedInput | None = None
        self.words = ElidedLabel("", self)
        self.words.setAccessibleName("What is on the board")
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # a name may be long
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        key, other_key = pin.shortcut().toString(), unpin.shortcut().toString()
        pin.setToolTip(f"Keep this picture as A, to compare others with it: inspector, Compare ({key})")
        unpin.setToolTip(f"Compare with A no longer ({other_key})")
        for action in (pin, unpin):
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            row.addWidget(button)
        self._unpin_button = button
        button.hide()
        pin.triggered.connect(state.pin)
        unpin.triggered.connect(state.unpin)
        state.pinned_changed.connect(self._on_state_pinned_changed)

    @Slot(object)
    def _on_state_pinned_changed(self, pinned: PinnedInput | None) -> None:
        before, self._pinned, model = self._pinned, pinned, self._state.model
        self._unpin.setEnabled(pinned is not None)
        self._unpin_button.setVisible(pinned is not None)
        if pinned is not None:
            name = pinned.input.title
            self._messages.notice(f"'{name}' is A now: the inspector's tab Difference shows what differs.")
        elif before is not None and (model is None or model.request != before.inspection.request):
            self._messages.notice(f"A, '{before.input.title}', belonged to the other network and was let go.")
