"""What the network told of one picture while it learned. No Qt."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import numpy as np

from cnnviz.core.curves import Curves
from cnnviz.core.inspection import FloatArray

MOST = 1000  # points; with more every second one is forgotten


@dataclass(frozen=True, eq=False)
class Told:
    """A class and its probability at each step that was seen."""

    index: int
    curves: Curves


class Telling:
    """Probabilities of all classes for one picture, by the steps of a run."""

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._shares: list[FloatArray] = []

    def __len__(self) -> int:
        return len(self._steps)

    def clear(self) -> None:
        """Forget everything: another picture, another network."""
        self._steps.clear()
        self._shares.clear()

    def add(self, step: int, probabilities: FloatArray) -> None:
        """Keep an answer; one to a step that was seen before replaces it."""
        if self._shares and len(self._shares[0]) != len(probabilities):
            self.clear()
        at = bisect.bisect_left(self._steps, step)
        if at < len(self._steps) and self._steps[at] == step:
            self._shares[at] = probabilities
            return
        self._steps.insert(at, step)
        self._shares.insert(at, probabilities)
        if len(self._steps) > MOST:
            del self._steps[1::2], self._shares[1::2]

    def top(self, count: int) -> tuple[Told, ...]:
        """Return the classes that are or were the most probable ones of some step, most probable now first."""
        if not self._steps:
            return ()
        shares_tk = np.nan_to_num(np.stack(self._shares), nan=0.0)
        now, ever = shares_tk[-1], shares_tk.max(axis=0)
        first = np.argsort(-ever, kind="stable")[:count]
        chosen = sorted(first.tolist(), key=lambda index: -now[index])
        return tuple(Told(index, self._curve(index)) for index in chosen)

    def _curve(self, index: int) -> Curves:
        curves = Curves(("step", "share"))
        curves.append({"step": self._steps, "share": [float(shares[index]) for shares in self._shares]})
        return curves
