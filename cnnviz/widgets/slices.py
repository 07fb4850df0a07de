"""A long computation taken step by step between events, so that it never holds the window up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

BUDGET_S = 0.006


class Slices(QObject):
    """Takes the steps of an iterator for as long as a frame can spare, then lets events pass.

    Signals
    -------
    finished(object)
        All steps have been taken: the list of what they gave.
    """

    finished = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: Iterator[Any] | None = None
        self._found: list[Any] = []
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_timer_timeout)

    @property
    def is_busy(self) -> bool:
        """Whether steps are left."""
        return self._steps is not None

    def start(self, steps: Iterator[Any]) -> None:
        """Take these steps instead of those before; they begin when events have passed."""
        self._steps, self._found = steps, []
        self._timer.start()

    def stop(self) -> None:
        """Forget the steps that are left."""
        self._timer.stop()
        self._steps = None

    @Slot()
    def _on_timer_timeout(self) -> None:
        end_s = time.perf_counter() + BUDGET_S
        while self._steps is not None and time.perf_counter() < end_s:
            try:
                self._found.append(next(self._steps))
            except StopIteration:
                self.stop()
                self.finished.emit(self._found)
