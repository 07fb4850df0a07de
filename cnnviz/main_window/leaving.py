"""Closing the window while a network learns: asked first, then saved."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QMessageBox, QWidget

from cnnviz.state.race_state import RaceState
from cnnviz.state.training_state import TrainingState


class Leaving(QObject):
    """Asks once, and closes the window when the user agrees.

    Parameters
    ----------
    training, race
        Whether, and what, is learning.
    window
        To close.
    """

    def __init__(self, training: TrainingState, race: RaceState, window: QWidget) -> None:
        super().__init__(window)
        self._training, self._race, self._window = training, race, window
        self.agreed = False

    def may_close(self) -> bool:
        """Return whether the window may close now; where a network learns the question is put up instead."""
        racing = self._race.progress.is_active
        if self.agreed or not (racing or self._training.progress.is_active):
            return True
        path = self._training.progress.path
        name = "A race" if racing else path.name if path is not None else "A run"
        question = QMessageBox(
            QMessageBox.Icon.Question,
            "Save and close?",
            f"{name} is still learning.",
            QMessageBox.StandardButton.Cancel,
            self._window,
        )
        question.setInformativeText(
            "It is saved where it is, and can go on later: choose it under Train, Runs, and press Resume."
        )
        agree = question.addButton("&Save and close", QMessageBox.ButtonRole.AcceptRole)
        question.setDefaultButton(agree)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        agree.clicked.connect(self._on_agree_clicked)
        question.open()
        return False

    @Slot()
    def _on_agree_clicked(self) -> None:
        self.agreed = True
        self._window.close()
