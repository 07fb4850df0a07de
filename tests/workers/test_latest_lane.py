"""One thread, one waiting request: the newest that waits is handled, late ones are not, nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QObject, QThread, Slot
from pytestqt.qtbot import QtBot

from cnnviz.workers.latest_lane import LatestLane


class Receiver(QObject):
    """Notes what arrives and in which thread."""

    def __init__(self, lane: LatestLane) -> None:
        super().__init__()
        self.done: list[tuple[object, object]] = []
        self.failed: list[tuple[object, BaseException]] = []
        self.threads: set[QThread] = set()
        lane.done.connect(self.on_done)
        lane.failed.connect(self.on_failed)

    @Slot(object, object)
    def on_done(self, request: object, result: object) -> None:
        self.threads.add(QThread.currentThread())
        self.done.append((request, result))

    @Slot(object, object)
    def on_failed(self, request: object, error: BaseException) -> None:
        self.threads.add(QThread.currentThread())
        self.failed.append((request, error))


class Gate:
    """A handler that waits until it is opened for each request, so that tests decide what overlaps."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Semaphore(0), threading.Semaphore(0)
        self.seen: list[object] = []

    def __call__(self, request: object) -> object:
        self.seen.append(request)
        self.entered.release()
        assert self.leave.acquire(timeout=30)
        return request


MakeLane = Callable[[Callable[[], Callable[[object], object]]], LatestLane]


@pytest.fixture
def make_lane(qapp: object) -> Iterator[MakeLane]:
    lanes: list[LatestLane] = []

    def make(factory: Callable[[], Callable[[object], object]]) -> LatestLane:
        lanes.append(LatestLane(factory, "test lane"))
        return lanes[-1]

    yield make
    for lane in lanes:
        lane.stop()


def test_a_request_is_handled_in_the_lane_and_answered_in_the_gui_thread(qtbot: QtBot, make_lane: MakeLane) -> None:
    where: list[int] = []

    def factory() -> Callable[[object], object]:
        where.append(threading.get_ident())

        def handle(request: object) -> object:
            where.append(threading.get_ident())
            return (request, "answer")

        return handle

    lane = make_lane(factory)
    receiver = Receiver(lane)
    assert where == []  # nothing is built before the first request
    sent = object()
    lane.submit(sent)
    qtbot.waitUntil(lambda: bool(receiver.done))
    assert receiver.done[0][0] is sent
    assert receiver.done[0][1] == (sent, "answer")
    assert len(set(where)) == 1
    assert where[0] != threading.get_ident()
    assert receiver.threads == {QThread.currentThread()}


def test_the_factory_is_called_once(qtbot: QtBot, make_lane: MakeLane) -> None:
    made: list[int] = []

    def factory() -> Callable[[object], object]:
        made.append(1)
        return lambda request: request

    lane = make_lane(factory)
    receiver = Receiver(lane)
    for n in range(5):
        lane.submit(n)
        qtbot.waitUntil(lambda n=n: (n, n) in receiver.done)
    assert made == [1]


def test_a_newer_request_replaces_the_waiting_one_and_never_the_running_one(qtbot: QtBot, make_lane: MakeLane) -> None:
    gate = Gate()
    lane = make_lane(lambda: gate)
    receiver = Receiver(lane)
    lane.submit(0)
    assert gate.entered.acquire(timeout=30)
    for n in range(1, 100):
        lane.submit(n)
    assert lane.is_busy
    gate.leave.release(2)
    qtbot.waitUntil(lambda: len(receiver.done) == 2)
    assert gate.seen == [0, 99]
    assert [request for request, _ in receiver.done] == [0, 99]
    qtbot.waitUntil(lambda: not lane.is_busy)


def test_the_last_request_is_always_answered(qtbot: QtBot, make_lane: MakeLane) -> None:
    lane = make_lane(lambda: lambda request: request)
    receiver = Receiver(lane)
    for n in range(2000):
        lane.submit(n)
    qtbot.waitUntil(lambda: bool(receiver.done) and receiver.done[-1][0] == 1999)
    numbers = [request for request, _ in receiver.done]
    assert numbers == sorted(set(numbers))  # type: ignore[type-var]  # numbers: in order, none twice


def test_an_exception_is_reported_and_the_lane_lives_on(qtbot: QtBot, make_lane: MakeLane) -> None:
    def handle(request: object) -> object:
        if request == "bad":
            raise ValueError("no such request")
        return request

    lane = make_lane(lambda: handle)
    receiver = Receiver(lane)
    lane.submit("bad")
    qtbot.waitUntil(lambda: bool(receiver.failed))
    assert receiver.failed[0][0] == "bad"
    assert isinstance(receiver.failed[0][1], ValueError)
    lane.submit("good")
    qtbot.waitUntil(lambda: bool(receiver.done))
    assert receiver.done == [("good", "good")]


def test_a_factory_that_fails_is_tried_again(qtbot: QtBot, make_lane: MakeLane) -> None:
    attempts: list[int] = []

    def factory() -> Callable[[object], object]:
        attempts.append(1)
        if len(attempts) == 1:
            raise ImportError("not there yet")
        return lambda request: request

    lane = make_lane(factory)
    receiver = Receiver(lane)
    lane.submit(1)
    qtbot.waitUntil(lambda: bool(receiver.failed))
    assert isinstance(receiver.failed[0][1], ImportError)
    lane.submit(2)
    qtbot.waitUntil(lambda: receiver.done == [(2, 2)])


def test_stop_waits_for_the_running_request_and_drops_the_waiting_one(qtbot: QtBot, make_lane: MakeLane) -> None:
    gate = Gate()
    lane = make_lane(lambda: gate)
    lane.submit("running")
    assert gate.entered.acquire(timeout=30)
    lane.submit("waiting")
    lane._thread.ask_to_stop()  # what stop() does first; the test opens the gate before it waits
    gate.leave.release()
    lane.stop()
    assert gate.seen == ["running"]
    assert not lane.is_busy
    lane.stop()  # twice is allowed


def test_a_lane_that_never_ran_stops_at_once_and_takes_nothing_afterwards(qtbot: QtBot, make_lane: MakeLane) -> None:
    made: list[int] = []

    def factory() -> Callable[[object], object]:
        made.append(1)
        return lambda request: request

    lane = make_lane(factory)
    lane.stop()
    lane.submit(1)
    lane.stop()
    assert made == []
    assert not lane.is_busy


def test_deep_recursion_has_room(qtbot: QtBot, make_lane: MakeLane) -> None:
    """The default stack of a secondary thread is 512 kB on macOS; tracing a deep network needs more."""

    def depth(n: int) -> int:
        return 0 if n == 0 else 1 + depth(n - 1)

    lane = make_lane(lambda: lambda request: depth(600))
    receiver = Receiver(lane)
    lane.submit("go")
    qtbot.waitUntil(lambda: receiver.done == [("go", 600)])
