"""The thread in which networks learn."""

from __future__ import annotations

import importlib
from typing import Generic, Protocol, TypeVar

from PySide6.QtCore import QObject, QThread

from cnnviz.workers.gentle_import import gentle_import
from cnnviz.workers.latest_lane import STACK_BYTES


class Runnable(Protocol):
    """What is done in the thread."""

    def run(self) -> None:
        """Do it to its end."""


WorkT = TypeVar("WorkT", bound=Runnable)


class TrainingThread(QThread, Generic[WorkT]):
    """Imports torch gently, then works.

    Parameters
    ----------
    name
        The thread's name.
    work
        What is done in it.
    module
        What the work imports first.
    """

    def __init__(self, name: str, work: WorkT, module: str, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setStackSize(STACK_BYTES)
        self.work, self._module = work, module

    def run(self) -> None:
        """Train."""
        with gentle_import():
            importlib.import_module("torch._dynamo")  # what the first optimiser imports
            importlib.import_module(self._module)
        self.work.run()
