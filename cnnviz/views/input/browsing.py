"""Walking through the pictures of a folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from cnnviz.state.app_state import AppState, FolderPlace, FolderStep
from cnnviz.widgets.elided_label import ElidedLabel


class FolderRow(QWidget):
    """Where the picture on the board lies among those of its folder; seen only where there are others.

    Parameters
    ----------
    previous, following
        The actions of the two buttons.

    Attributes
    ----------
    words
        Such as ``3 of 57``.
    """

    def __init__(self, state: AppState, previous: QAction, following: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._actions = state, (previous, following)
        self._place: FolderPlace | None = None
        self._wanted: int | None = None  # of the picture that is on its way: several steps add up
        self.words = ElidedLabel("", self)
        self.words.setAccessibleName("Place in the folder")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for action, arrow, name in (
            (previous, Qt.ArrowType.LeftArrow, "Previous picture"),
            (following, Qt.ArrowType.RightArrow, "Next picture"),
        ):
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setArrowType(arrow)
            button.setAutoRaise(True)
            button.setAccessibleName(name)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            row.addWidget(button)
        row.insertWidget(1, self.words)
        row.addStretch(1)
        previous.triggered.connect(self._on_previous_triggered)
        following.triggered.connect(self._on_next_triggered)
        state.opening_changed.connect(self._on_state_opening_changed)
        self.hide()

    def show_folder(self, place: FolderPlace) -> None:
        """Take the folder of a picture that was opened."""
        self._place = place

    def show_path(self, path: str) -> None:
        """Say where a picture lies, or hide where it is not one of the folder."""
        place = self._place
        if place is not None and path and path in place.files:
            self._place = place = FolderPlace(place.files, place.files.index(path))
            self.words.setText(f"{place.at + 1} of {len(place.files)}")
            self.words.setToolTip(f"{Path(path).name}, in {Path(path).parent}")
            shown = len(place.files) > 1
        else:
            shown = False
        self.setVisible(shown)
        for action in self._actions:
            action.setEnabled(shown)

    def step(self, direction: int) -> None:
        """Ask for the next (1) or the previous (−1) picture; beyond the end it begins again."""
        if self._place is None or not self.is_walkable:
            return
        at = self._place.at if self._wanted is None else self._wanted
        target = (at + direction) % len(self._place.files)
        self._state.open_requested.emit(FolderStep(self._place.files[target], direction))
        self._wanted = target

    @property
    def is_walkable(self) -> bool:
        """Whether there are other pictures to go to."""
        return self._actions[0].isEnabled()

    @Slot()
    def _on_previous_triggered(self) -> None:
        self.step(-1)

    @Slot()
    def _on_next_triggered(self) -> None:
        self.step(1)

    @Slot(str)
    def _on_state_opening_changed(self, name: str) -> None:
        self._wanted = None
