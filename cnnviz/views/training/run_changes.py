"""What is done to runs on the disk and can be taken back: renaming, deleting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QUndoCommand

from cnnviz.core.errors import UserError
from cnnviz.training import runs


class OnDisk(QUndoCommand):
    """A change of a folder that was done before it was pushed."""

    def __init__(self, text: str, changed: Callable[[], object], path: Path) -> None:
        super().__init__(text)
        self._changed, self._path = changed, path
        self._pushed = False

    def first(self) -> None:
        """Do it.

        Raises
        ------
        UserError
            When the disk refuses.
        """
        raise NotImplementedError  # each change says how

    def redo(self) -> None:
        """Do it again."""
        if self._pushed:
            self._try(self.first)
        self._pushed = True
        self._changed()

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except UserError:
            self.setObsolete(True)  # the folder is gone or in use: there is nothing to take back any more
        self._changed()


class Renaming(OnDisk):
    """Another name; `moved` hears from where to where the folder went."""

    def __init__(
        self, changed: Callable[[], object], path: Path, name: str, moved: Callable[[Path, Path], object]
    ) -> None:
        super().__init__(f"rename {path.name}", changed, path)
        self._name, self._new, self._moved = name, path, moved

    def first(self) -> None:
        """Rename it."""
        self._new = runs.rename(self._path, self._name)
        self._moved(self._path, self._new)

    def undo(self) -> None:
        """Give it its old name."""
        self._try(self._back)

    def _back(self) -> None:
        self._moved(self._new, runs.rename(self._new, self._path.name))


class Deleting(OnDisk):
    """Put aside, from where it comes back."""

    def __init__(self, changed: Callable[[], object], path: Path) -> None:
        super().__init__(f"delete {path.name}", changed, path)
        self._moved = path

    def first(self) -> None:
        """Put it aside."""
        self._moved = runs.delete(self._path)

    def undo(self) -> None:
        """Bring it back."""
        self._try(lambda: runs.restore(self._moved, self._path.name))
