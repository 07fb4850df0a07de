"""Steps between events: all are taken, in order, and none after they were stopped or replaced."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pytestqt.qtbot import QtBot

from cnnviz.widgets import slices
from cnnviz.widgets.slices import Slices


def test_all_steps_are_taken_in_order(qtbot: QtBot) -> None:
    runner = Slices()
    with qtbot.waitSignal(runner.finished) as heard:
        runner.start(iter(range(5000)))
        assert runner.is_busy
    assert heard.args == [list(range(5000))]
    assert not runner.is_busy


def test_a_slice_ends_when_its_time_is_over(qtbot: QtBot) -> None:
    runner = Slices()

    def slow() -> Iterator[int]:
        for step in range(4):
            end_s = time.perf_counter() + 1.5 * slices.BUDGET_S
            while time.perf_counter() < end_s:
                pass
            yield step

    counts: list[int] = []
    original = runner._timer.timeout
    original.connect(lambda: counts.append(len(runner._found)))
    with qtbot.waitSignal(runner.finished):
        runner.start(slow())
    assert counts[:4] == [1, 2, 3, 4]


def test_what_is_replaced_or_stopped_never_finishes(qtbot: QtBot) -> None:
    runner = Slices()
    heard: list[object] = []
    runner.finished.connect(heard.append)
    runner.start(iter("first"))
    with qtbot.waitSignal(runner.finished):
        runner.start(iter("ab"))
    assert heard == [["a", "b"]]
    runner.start(iter("cd"))
    runner.stop()
    assert not runner._timer.isActive()
    assert not runner.is_busy
