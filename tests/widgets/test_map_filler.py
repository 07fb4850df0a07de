"""A large map arrives in parts between events, and is the map that a whole convolution computes."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from cnnviz.core.convolution import ConvSpec, convolve
from cnnviz.core.operations import Convolution, Pooling
from cnnviz.core.pooling import PoolSpec
from cnnviz.widgets.map_filler import MapFiller


@pytest.fixture
def operation() -> Convolution:
    generator = np.random.default_rng(4)
    x, weight = generator.normal(size=(3, 60, 50)), generator.normal(size=(4, 3, 3, 3))
    return Convolution(x, weight, generator.normal(size=4), ConvSpec(3, 1, 1))


@pytest.fixture
def filler() -> MapFiller:
    return MapFiller()


class Slow:
    """A clock on which every look takes longer than a frame can spare."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


def whole(operation: Convolution) -> np.ndarray:
    return convolve(operation.x, operation.weight, operation.bias, operation.spec)


def test_a_small_map_is_there_at_once(filler: MapFiller) -> None:
    operation = Pooling(np.arange(16.0).reshape(1, 4, 4), PoolSpec("max", 2))
    filler.start(operation, 0)
    assert filler.complete
    assert filler.missing is None
    assert filler.values_hw.tolist() == [[5, 7], [13, 15]]
    assert not filler._timer.isActive()


def test_a_large_map_arrives_in_parts_and_is_the_convolution(
    filler: MapFiller, operation: Convolution, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(time, "perf_counter", Slow())
    expected, parts = whole(operation)[2], []
    filler.grown.connect(lambda: parts.append(filler._row))
    filler.start(operation, 2)
    assert not filler.complete
    np.testing.assert_allclose(filler.values_hw[:1], expected[:1], atol=1e-12)
    missing = filler.missing
    assert missing is not None
    assert (missing.all(axis=1) == (np.arange(60) >= 1)).all()
    for _ in range(59):
        filler._timer.timeout.emit()
    monkeypatch.undo()
    assert parts == list(range(2, 61))
    assert filler.complete
    assert not filler._timer.isActive()
    np.testing.assert_allclose(filler.values_hw, expected, atol=1e-12)


def test_events_bring_the_rest(filler: MapFiller, operation: Convolution, qtbot: QtBot) -> None:
    filler.start(operation, 1)
    qtbot.waitUntil(lambda: filler.complete, timeout=5000)
    np.testing.assert_allclose(filler.values_hw, whole(operation)[1], atol=1e-12)
    qtbot.waitUntil(lambda: not filler._timer.isActive(), timeout=5000)


def test_another_map_takes_the_place_of_the_one_that_was_begun(
    filler: MapFiller, operation: Convolution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "perf_counter", Slow())
    filler.start(operation, 0)
    filler._timer.timeout.emit()
    monkeypatch.undo()
    smaller = Convolution(operation.x[:, :9, :9], operation.weight, operation.bias, operation.spec)
    filler.start(smaller, 3)
    while not filler.complete:
        filler._timer.timeout.emit()
    np.testing.assert_allclose(filler.values_hw, whole(smaller)[3], atol=1e-12)
    filler.stop()


def test_stopped_it_computes_nothing_more(
    filler: MapFiller, operation: Convolution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "perf_counter", Slow())
    filler.start(operation, 0)
    row = filler._row
    filler.stop()
    assert not filler._timer.isActive()
    filler._timer.timeout.emit()
    assert filler._row == row


def test_more_rows_at_once_where_they_are_quick_and_fewer_where_they_are_slow(
    filler: MapFiller, operation: Convolution, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    original = Convolution.rows

    def rows(self: Convolution, unit: int, first: int, last: int) -> np.ndarray:
        asked.append(last - first)
        return original(self, unit, first, last)

    monkeypatch.setattr(Convolution, "rows", rows)
    monkeypatch.setattr(time, "perf_counter", lambda: 5.0)  # nothing takes any time
    filler.start(operation, 0)
    assert asked == [1, 2, 4, 8, 16, 29]
    monkeypatch.setattr(time, "perf_counter", Slow())
    asked.clear()
    filler._rows_at_once, filler._row = 16, 0
    for _ in range(4):
        filler._fill()
    assert asked == [16, 8, 4, 2]
