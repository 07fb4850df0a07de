"""The thread policy is measured, and the number that wins is set."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from cnnviz.core import device as devices


class Clock:
    """A clock that a piece of work moves, by a time that depends on torch's thread count."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.now, self.seconds = 0.0, seconds

    def work(self) -> None:
        self.now += self.seconds[torch.get_num_threads()]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, float]], Clock]:
    def make(seconds: dict[int, float]) -> Clock:
        made = Clock(seconds)
        monkeypatch.setattr(devices.time, "perf_counter", lambda: made.now)
        return made

    return make


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({1: 1.0, 2: 0.6, 4: 0.4}, 4),
        ({1: 1.0, 2: 0.6, 4: 0.9}, 2),
        ({1: 1.0, 2: 30.0, 4: 30.0}, 1),  # cores that something else uses
        ({1: 1.0, 2: 0.97, 4: 0.96}, 1),  # not worth the heat
    ],
)
def test_the_fastest_thread_count_wins(
    clock: Callable[[dict[int, float]], Clock], seconds: dict[int, float], expected: int
) -> None:
    assert devices.fastest_threads(clock(seconds).work, seconds) == expected
    assert torch.get_num_threads() == expected


def test_a_small_network_takes_one_thread_and_a_large_one_the_free_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "available_cores", lambda: 8)
    assert devices.set_threads_for(400_000) == 1
    assert devices.set_threads_for(10**9) == 8
    assert devices.set_threads_for(10**9, busy=2) == 6
    assert torch.get_num_threads() == 6
