"""What is done to runs on the disk and can be taken back: renaming, deleting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from cnnviz.core.errors import UserError
from cnnviz.training import runs


@dataclass
class Place:
    """Where a run's folder lies now; all changes of one run share it."""

    path: Path


class OnDisk(QUndoCommand):
    """A change of a run's folder; `History` makes it, for it may be refused."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self.place = Place(path)

    def make(self) -> str:
        """Make the change, and return what the user should know of it.

        Raises
        ------
        UserError
            When the disk refuses.
        """
        raise NotImplementedError  # each change says how

    def take_back(self) -> str:
        """Take the change back, and return what the user should know of it.

        Raises
        ------
        UserError
            When the disk refuses.
        """
        raise NotImplementedError  # each change says how


class Renaming(OnDisk):
    """Another name; `moved` hears from where to where the folder went."""

    def __init__(self, path: Path, name: str, moved: Callable[[Path, Path], object]) -> None:
        super().__init__(f"rename {path.name}", path)
        self._old, self._name, self._moved = path.name, name, moved

    def make(self) -> str:
        """Rename it."""
        return self._rename(self._name)

    def take_back(self) -> str:
        """Give it its old name."""
        return self._rename(self._old)

    def _rename(self, name: str) -> str:
        before = self.place.path
        self.place.path = runs.rename(before, name)
        self._moved(before, self.place.path)
        return ""


class Deleting(OnDisk):
    """Put aside, from where it comes back."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"delete {path.name}", path)
        self._name = path.name

    def make(self) -> str:
        """Put it aside."""
        self._name = self.place.path.name
        self.place.path = runs.delete(self.place.path)
        return ""

    def take_back(self) -> str:
        """Bring it back, under a name that is free."""
        name, number = self._name, 2
        while (self.place.path.parent.parent / name).exists():
            name, number = f"{self._name}-{number}", number + 1
        self.place.path = runs.restore(self.place.path, name)
        return "" if name == self._name else f"There is a run called '{self._name}' again: this one is now '{name}'."


class History(QUndoStack):
    """The changes that can be taken back; where the disk refuses, it stays where it is, so that it can be tried again.

    Signals
    -------
    changed()
        A folder was moved, or is gone.
    said(text)
        What the user should know of the last change, such as why it was refused; empty where there is nothing.
    """

    changed = Signal()
    said = Signal(str)

    def make(self, command: OnDisk) -> None:
        """Make a change, and keep it so that it can be taken back."""
        for at in range(self.index()):
            earlier = self.command(at)
            if isinstance(earlier, OnDisk) and earlier.place == command.place:
                command.place = earlier.place
        if self._try(command, command.make) and not command.isObsolete():
            self.push(command)

    def undo(self) -> None:
        """Take the last change back."""
        command = self.command(self.index() - 1)
        if isinstance(command, OnDisk) and self._try(command, command.take_back):
            super().undo()

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        command = self.command(self.index())
        if isinstance(command, OnDisk) and self._try(command, command.make):
            super().redo()

    def _try(self, command: OnDisk, action: Callable[[], str]) -> bool:
        """Do something on the disk, and return whether the history goes on: it was done, or can never be."""
        try:
            text = action()
        except UserError as error:
            text = str(error)
            if command.place.path.exists():
                self.said.emit(text)
                return False
            command.setObsolete(True)
        self.said.emit(text)
        self.changed.emit()
        return True
