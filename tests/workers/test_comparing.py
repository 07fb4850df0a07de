"""The comparison service: rows one by one, giving up, a newer question, what fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import ModelRequest
from cnnviz.models.comparing import Compared, Question
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.workers.comparing import ComparisonService, Turn

QUESTION = Question((ModelRequest("lenet5"), ModelRequest("lenet1")), np.zeros((28, 28), np.float32), None, "a digit")
Service = Callable[[Callable[[Turn], Compared | None]], ComparisonService]


@pytest.fixture
def state() -> AppState:
    return AppState()


@pytest.fixture
def messages() -> MessageCenter:
    return MessageCenter()


@pytest.fixture
def service(state: AppState, messages: MessageCenter) -> Iterator[Service]:
    made: list[ComparisonService] = []

    def make(handle: Callable[[Turn], Compared | None]) -> ComparisonService:
        made.append(ComparisonService(state, messages, factory=lambda: handle))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def done(state: AppState) -> bool:
    return state.comparison is not None and state.comparison.running is None


def test_rows_come_one_after_another(state: AppState, service: Service, qtbot: QtBot) -> None:
    service(lambda turn: Compared(turn.model, turn.model.name))
    seen: list[tuple[int, str | None]] = []
    state.comparison_changed.connect(lambda known: seen.append((len(known.rows), known.running)))
    state.comparison_requested.emit(QUESTION)
    qtbot.waitUntil(lambda: done(state))
    assert seen == [(0, "LeNet-5"), (1, "LeNet-1"), (2, None)]
    assert state.comparison is not None
    assert [row.title for row in state.comparison.rows] == ["lenet5", "lenet1"]
    assert not state.comparison.cancelled


def test_giving_up_keeps_what_is_known(state: AppState, service: Service, qtbot: QtBot) -> None:
    waiting = threading.Event()

    def handle(turn: Turn) -> Compared | None:
        if turn.index == 0:
            return Compared(turn.model, "first")
        waiting.set()
        while not turn.stopped():
            threading.Event().wait(0.001)
        return None

    one = service(handle)
    state.comparison_requested.emit(QUESTION)
    qtbot.waitUntil(waiting.is_set)
    state.comparison_cancelled.emit()
    known = state.comparison
    assert known is not None
    assert known.cancelled
    assert known.running is None
    assert len(known.rows) == 1
    qtbot.waitUntil(lambda: not one._lane.is_busy)
    assert state.comparison is known  # the late answer changes nothing
    state.comparison_cancelled.emit()  # nothing runs: nothing happens
    assert state.comparison is known


def test_a_newer_question_takes_over(state: AppState, service: Service, qtbot: QtBot) -> None:
    begun = threading.Event()

    def handle(turn: Turn) -> Compared | None:
        if turn.question is QUESTION:
            begun.set()
            while not turn.stopped():
                threading.Event().wait(0.001)
        return Compared(turn.model, turn.question.title)

    service(handle)
    state.comparison_requested.emit(QUESTION)
    qtbot.waitUntil(begun.is_set)
    other = Question((ModelRequest("lenet1"),), None, None, "another")
    state.comparison_requested.emit(other)
    qtbot.waitUntil(lambda: done(state))
    assert state.comparison is not None
    assert [row.title for row in state.comparison.rows] == ["another"]


def test_what_nobody_expected_is_reported_and_the_rest_goes_on(
    state: AppState, messages: MessageCenter, service: Service, qtbot: QtBot, expected_log: object
) -> None:
    posted: list[Message] = []
    messages.posted.connect(posted.append)
    messages.open()

    def handle(turn: Turn) -> Compared | None:
        if turn.index == 0:
            raise KeyError("a bug")
        return Compared(turn.model, "second")

    service(handle)
    state.comparison_requested.emit(QUESTION)
    qtbot.waitUntil(lambda: done(state))
    assert state.comparison is not None
    assert [row.title for row in state.comparison.rows] == ["LeNet-5", "second"]
    assert state.comparison.rows[0].error == "LeNet-5 could not be compared."
    assert len(posted) == 1


def test_the_real_thing(state: AppState, messages: MessageCenter, qtbot: QtBot) -> None:
    one = ComparisonService(state, messages)
    unknown = Question((ModelRequest("lenet5"), ModelRequest("nothing")), QUESTION.image_hw, None, "a digit")
    state.comparison_requested.emit(unknown)
    qtbot.waitUntil(lambda: done(state), timeout=60_000)
    one.stop()
    assert state.comparison is not None
    first, second = state.comparison.rows
    assert first.parameters == 61_706
    assert first.time_ms is not None
    assert "nothing" in second.error
