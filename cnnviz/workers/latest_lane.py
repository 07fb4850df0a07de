"""One thread and one waiting request: a newer request replaces the waiting one, which is the only limit needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

STACK_BYTES = 16 * 2**20
Handler = Callable[[Any], Any]


class LatestLane(QObject):
    """Runs requests one at a time in a thread of its own, always the newest that waits.

    Parameters
    ----------
    factory
        Called once in the lane's thread, at the first request; returns the function that handles a request. Heavy
        imports belong there.
    name
        The thread's name.

    Signals
    -------
    done(request, result)
        A request was handled. Receivers are slots of GUI-thread objects.
    failed(request, exception)
        The factory or the handler raised; the lane lives on.
    """

    done = Signal(object, object)
    failed = Signal(object, object)

    def __init__(self, factory: Callable[[], Handler], name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = _LaneThread(self, factory)
        self._thread.setObjectName(name)
        self._thread.setStackSize(STACK_BYTES)

    @property
    def is_busy(self) -> bool:
        """Whether a request is being handled or waits."""
        return self._thread.is_busy

    def submit(self, request: Any) -> None:
        """Handle `request` as soon as the lane is free, unless a newer one comes first or the lane was stopped."""
        if self._thread.put(request) and not self._thread.isRunning():
            self._thread.start()

    def stop(self) -> None:
        """Let the running request end, drop the waiting one, and wait for the thread."""
        self._thread.ask_to_stop()
        self._thread.wait()


class _LaneThread(QThread):
    def __init__(self, lane: LatestLane, factory: Callable[[], Handler]) -> None:
        super().__init__(lane)
        self._lane, self._factory = lane, factory
        self._handler: Handler | None = None
        self._ready = threading.Condition()
        self._waiting: list[Any] = []  # at most one
        self._handling = False
        self._stopping = False

    @property
    def is_busy(self) -> bool:
        with self._ready:
            return self._handling or bool(self._waiting)

    def put(self, request: Any) -> bool:
        """Let a request wait, and return whether anybody will take it."""
        with self._ready:
            if not self._stopping:
                self._waiting[:] = [request]
                self._ready.notify()
            return not self._stopping

    def ask_to_stop(self) -> None:
        with self._ready:
            self._stopping = True
            self._waiting.clear()
            self._ready.notify()

    def _take(self) -> list[Any]:
        """Wait for a request and return it in a list; an empty list means stop."""
        with self._ready:
            self._handling = False
            while not self._waiting and not self._stopping:
                self._ready.wait()
            taken, self._waiting = self._waiting, []
            self._handling = bool(taken)
            return taken

    def run(self) -> None:
        """Handle requests until asked to stop."""
        while taken := self._take():
            request = taken[0]
            try:
                if self._handler is None:
                    self._handler = self._factory()
                result = self._handler(request)
            except Exception as error:  # noqa: BLE001  # whatever a request raises is reported, and the lane lives on
                self._lane.failed.emit(request, error)
            else:
                self._lane.done.emit(request, result)
        self._handler = None
