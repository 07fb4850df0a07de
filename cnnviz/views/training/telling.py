"""What the network told of one picture while it learned. No Qt."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import numpy as np

from cnnviz.core.curves import Column, Curves
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
        self._shares_tk = np.zeros((0, 0), np.float32)  # rows without a step are room for more

    def __len__(self) -> int:
        return len(self._steps)

    def clear(self) -> None:
        """Forget everything: another picture, another network."""
        self._steps.clear()

    def add(self, step: int, probabilities: FloatArray) -> None:
        """Keep an answer; one to a step that was seen before replaces it."""
        if self._shares_tk.shape[1] != len(probabilities):
            self.clear()
            self._shares_tk = np.zeros((MOST + 1, len(probabilities)), np.float32)
        at, count, rows = bisect.bisect_left(self._steps, step), len(self._steps), self._shares_tk
        if at == count or self._steps[at] != step:
            self._steps.insert(at, step)
            rows[at + 1 : count + 1] = rows[at:count].copy()
        rows[at] = probabilities
        if len(self._steps) > MOST:
            del self._steps[1::2]
            rows[: len(self._steps)] = rows[::2].copy()

    def top(self, count: int) -> tuple[Told, ...]:
        """Return the classes that are or were the most probable ones of some step, most probable now first."""
        if not self._steps:
            return ()
        shares_tk = np.nan_to_num(self._shares_tk[: len(self._steps)], nan=0.0)
        steps_t = np.array(self._steps, np.float64)
        now, ever = shares_tk[-1], shares_tk.max(axis=0)
        first = np.argsort(-ever, kind="stable")[:count]
        chosen = sorted(first.tolist(), key=lambda index: -now[index])
        return tuple(Told(index, _curve(steps_t, shares_tk[:, index])) for index in chosen)


def _curve(steps_t: Column, shares_t: FloatArray) -> Curves:
    curves = Curves(("step", "share"))
    curves.append({"step": steps_t, "share": shares_t.astype(np.float64)})
    return curves
