"""The thread in which networks learn."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from cnnviz.workers.training_thread import SWITCH_S, TrainingThread


class Work:
    """Notes what it found."""

    seen_s = 0.0
    error: Exception | None = None

    def run(self) -> None:
        """Note how long a thread waits for Python's lock."""
        self.seen_s = sys.getswitchinterval()

    def fail(self, error: Exception) -> None:
        """Note why it cannot begin."""
        self.error = error


def test_the_network_does_not_wait_long_for_the_lock_and_afterwards_all_is_as_before(qtbot: QtBot) -> None:
    usual_s, parent, work = sys.getswitchinterval(), QObject(), Work()
    thread = TrainingThread("training", work, "json", parent)
    with qtbot.waitSignal(thread.finished, timeout=60_000):
        thread.start()
    assert thread.wait(60_000)
    assert work.seen_s == pytest.approx(SWITCH_S)
    assert sys.getswitchinterval() == usual_s


def test_an_import_that_fails_is_reported(qtbot: QtBot) -> None:
    parent, work = QObject(), Work()
    thread = TrainingThread("training", work, "nothing_of_this_name", parent)
    with qtbot.waitSignal(thread.finished, timeout=60_000):
        thread.start()
    assert thread.wait(60_000)
    assert isinstance(work.error, ImportError)
    assert work.seen_s == 0.0
