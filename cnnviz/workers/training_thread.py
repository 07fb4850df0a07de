"""The thread in which networks learn."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from PySide6.QtCore import QObject, QThread

from cnnviz.workers.gentle_import import gentle_import
from cnnviz.workers.latest_lane import STACK_BYTES

SWITCH_S = 0.001
"""How long the network waits for Python's lock while the window draws. Python's own 5 ms are a whole step of LeNet."""


@contextmanager
def _quick_switches() -> Iterator[None]:
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


class Runnable(Protocol):
    """What is done in the thread."""

    def run(self) -> None:
        """Do it to its end."""

    def fail(self, error: Exception) -> None:
        """Report that it cannot begin."""


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
        try:
            with gentle_import():
                importlib.import_module("torch._dynamo")  # what the first optimiser imports
                importlib.import_module(self._module)
        except Exception as error:  # noqa: BLE001  # whatever importing raises is reported
            self.work.fail(error)
            return
        with _quick_switches():
            self.work.run()
