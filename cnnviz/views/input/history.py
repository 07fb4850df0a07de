"""The board's history: undo and redo, exact, without keeping every large photograph in memory."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoCommand, QUndoStack

from cnnviz.views.input.compute import BoardContent

UNDO_STEPS = 100
SAMPLE_STEP, FOLDER_STEP = 1, 2


class Change(QUndoCommand):
    """One step: it holds both states, so undo is exact."""

    def __init__(
        self, show: Callable[[BoardContent], None], before: BoardContent, after: BoardContent, words: str
    ) -> None:
        super().__init__(words)
        self._show, self.before, self.after = show, before, after

    def id(self) -> int:
        return SAMPLE_STEP if self.after.as_is else FOLDER_STEP if self.after.walked else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Walking through the samples, or through a folder, is one step."""
        if not isinstance(other, Change):
            return False
        self.after = other.after
        return True

    def redo(self) -> None:
        self._show(self.after)

    def undo(self) -> None:
        self._show(self.before)


class History(QUndoStack):
    """The steps of the board.

    Parameters
    ----------
    show
        Puts a state of the board into sight.
    """

    def __init__(self, show: Callable[[BoardContent], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._show = show
        self.setUndoLimit(UNDO_STEPS)

    def change(self, before: BoardContent, after: BoardContent, words: str) -> None:
        """Go on to another state as one step that can be undone."""
        self.push(Change(self._show, before, after, words))
        for number in range(self.count()):
            step = self.command(number)
            if isinstance(step, Change):
                step.before, step.after = step.before.for_history(), step.after.for_history()
