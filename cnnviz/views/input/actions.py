"""What one can do to the board by menu, key and button."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QUndoStack
from PySide6.QtWidgets import QWidget

_KEYS = QKeySequence.StandardKey
_TABLE: tuple[tuple[str, str, str, tuple[QKeySequence.StandardKey | str, ...]], ...] = (
    ("undo", "&Undo", "Undo", (_KEYS.Undo, "Ctrl+Z")),
    ("redo", "&Redo", "Redo", (_KEYS.Redo, "Ctrl+Shift+Z", "Ctrl+Y")),
    ("clear", "C&lear the board", "Clear", ("Del", "Backspace")),
    ("erase", "&Eraser", "Erase", ("E",)),
    ("open", "&Open picture…", "Open…", (_KEYS.Open, "Ctrl+O")),
    ("open_folder", "Open &folder…", "Folder…", ("Ctrl+Alt+O",)),
    ("previous", "Pre&vious picture of the folder", "Previous", ("Alt+PgUp",)),
    ("next", "&Next picture of the folder", "Next", ("Alt+PgDown",)),
    ("paste", "&Paste picture", "Paste", (_KEYS.Paste, "Ctrl+V")),
    ("pin", "Pin the picture as &A, to compare with", "Pin as A", ("Ctrl+Shift+A",)),
    ("unpin", "Let &go of A", "Unpin A", ("Ctrl+Shift+U",)),
)


@dataclass(frozen=True)
class InputActions:
    """The actions, not connected yet; their words are for the menu, the words of their icons for buttons."""

    undo: QAction
    redo: QAction
    clear: QAction
    erase: QAction
    open: QAction
    open_folder: QAction
    previous: QAction
    next: QAction
    paste: QAction
    pin: QAction
    unpin: QAction


def make_actions(owner: QWidget, history: QUndoStack) -> InputActions:
    """Return the actions with their keys; undo and redo say what they would change."""
    made: dict[str, QAction] = {}
    for name, words, button, keys in _TABLE:
        action = made[name] = QAction(words, owner)
        action.setIconText(button)
        sequences = {QKeySequence(key).toString(): QKeySequence(key) for key in keys}
        action.setShortcuts([sequence for sequence in sequences.values() if not sequence.isEmpty()])
        owner.addAction(action)
    for name in ("clear", "erase"):  # these keys mean something else in a table or a field
        made[name].setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    made["erase"].setCheckable(True)
    for action, can_change, words_change in (
        (made["undo"], history.canUndoChanged, history.undoTextChanged),
        (made["redo"], history.canRedoChanged, history.redoTextChanged),
    ):
        words = action.text()
        can_change.connect(action.setEnabled)
        words_change.connect(lambda text, action=action, words=words: action.setText(f"{words} {text}".strip()))
    for name in ("undo", "redo", "clear", "previous", "next", "unpin"):
        made[name].setEnabled(False)
    return InputActions(**made)
