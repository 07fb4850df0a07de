"""Settings near the ones at hand with which a sliding window reaches every value."""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[int, int]
_MOST_CHANGE = 6
_COSTS = {"padding": 2, "stride": 3, "kernel": 4}
"""What a change by one counts: padding is changed most readily, the kernel least."""


@dataclass(frozen=True)
class Fit:
    """Settings along one axis with nothing left over, and the output's length."""

    kernel: int
    stride: int
    padding: Pair
    dilation: int
    output: int


def nearest_fits(n: int, kernel: int, stride: int, padding: Pair, dilation: int = 1, count: int = 3) -> list[Fit]:
    """Return the settings nearest to these with which ``(n + P − D(M − 1) − 1)`` is a multiple of the stride.

    Parameters
    ----------
    n
        Length of the input.
    kernel, stride, padding, dilation
        M, S, P as (before, after), and D, along one axis.
    count
        How many to return at most.

    Returns
    -------
    list of Fit
        The smallest change first; empty when the settings fit as they are.
    """
    if _rest(n, kernel, stride, sum(padding), dilation) == 0:
        return []
    found: list[tuple[int, int, int, int, Fit]] = []
    for more in range(-sum(padding), _MOST_CHANGE + max(0, dilation * (kernel - 1) + 1 - n) + 1):
        total = sum(padding) + more
        for new_stride in range(max(1, stride - _MOST_CHANGE), stride + 3):
            for new_kernel in range(max(1, kernel - _MOST_CHANGE), kernel + 3):
                if _rest(n, new_kernel, new_stride, total, dilation) != 0:
                    continue
                changes = (abs(more), abs(new_stride - stride), abs(new_kernel - kernel))
                cost = sum(c * w for c, w in zip(changes, _COSTS.values(), strict=True))
                # One more or less on one side only is as good as any; the larger half comes after, as in "same".
                before = padding[0] + more // 2 if padding[0] + more // 2 >= 0 else 0
                pads = (min(before, total), total - min(before, total))
                output = (n + total - dilation * (new_kernel - 1) - 1) // new_stride + 1
                found.append((cost, *changes, Fit(new_kernel, new_stride, pads, dilation, output)))
    found.sort(key=lambda row: row[:4])
    return [row[4] for row in found[:count]]


def _rest(n: int, kernel: int, stride: int, padding: int, dilation: int) -> int | None:
    """Return how many values are left over, or ``None`` where the kernel does not fit at all."""
    room = n + padding - dilation * (kernel - 1) - 1
    return room % stride if room >= 0 else None
