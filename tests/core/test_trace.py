"""Tracing while other threads work with networks of their own."""

from __future__ import annotations

import threading

import torch
from torch import nn

from cnnviz.core.trace import make_plan


class _Meets(nn.Module):
    """Lets another thread do something while it is traced."""

    def __init__(self, act: object) -> None:
        super().__init__()
        self.act = act
        self.layer = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        thread = threading.Thread(target=self.act)
        thread.start()
        thread.join()
        return self.layer(x)


def test_a_network_that_another_thread_runs_meanwhile_is_not_traced() -> None:
    other = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    x_nc = torch.ones(1, 3)
    wanted, answers = other(x_nc), []

    plan = make_plan(_Meets(lambda: answers.append(other(x_nc))))

    assert plan is not None
    assert [step.name for step in plan.steps] == ["layer"]
    assert torch.equal(answers[0], wanted)


def test_two_threads_that_trace_leave_torch_as_they_found_it() -> None:
    before, plans, threads = nn.Module.__call__, [], []
    is_tracing, is_done = threading.Event(), threading.Event()

    class Waits(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            is_tracing.set()
            is_done.wait(10)
            return x + 1

    def trace_too() -> None:
        threads.append(threading.Thread(target=lambda: plans.append(make_plan(Waits()))))
        threads[0].start()
        is_tracing.wait(0.2)  # it must not come so far

    outer = make_plan(_Meets(trace_too))
    is_done.set()
    threads[0].join()

    assert outer is not None
    assert plans[0] is not None
    assert nn.Module.__call__ is before
