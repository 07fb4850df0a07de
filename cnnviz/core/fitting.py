"""Settings near the ones at hand with which a sliding window reaches every value."""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[int, int]
_MOST_CHANGE = 6
"""A stride further away than this is another setting, not a near one."""
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
        The smallest change first, of equal ones that of the padding; empty when the settings fit as they are.
    """
    total = sum(padding)
    if count < 1 or _rest(n, kernel, stride, total, dilation) == 0:
        return []
    # Padding alone fits at every stride-th value: what costs more than `count` of these need not be looked at.
    most = _cost(max(_paddings(n, kernel, stride, total, dilation, count), key=abs), 0, 0)
    reach = most // _COSTS["kernel"]
    found: list[tuple[tuple[int, ...], Fit]] = []
    largest = min(kernel + reach, max(kernel, n + total) + 2)  # a kernel beyond the input needs padding besides
    for new_kernel in range(max(1, kernel - reach), largest + 1):
        for new_stride in range(max(1, stride - _MOST_CHANGE), stride + _MOST_CHANGE + 1):
            larger, faster = new_kernel - kernel, new_stride - stride
            if _cost(0, faster, larger) > most:
                continue
            for more in _paddings(n, new_kernel, new_stride, total, dilation, count):
                output = (n + total + more - dilation * (new_kernel - 1) - 1) // new_stride + 1
                fit = Fit(new_kernel, new_stride, _split(padding, more), dilation, output)
                order = (_cost(more, faster, larger), abs(larger), abs(faster), larger, faster, more)
                found.append((order, fit))
    found.sort(key=lambda row: row[0])
    return [fit for _, fit in found[:count]]


def _cost(more: int, faster: int, larger: int) -> int:
    """Return what changes of the padding, the stride and the kernel count together."""
    return abs(more) * _COSTS["padding"] + abs(faster) * _COSTS["stride"] + abs(larger) * _COSTS["kernel"]


def _paddings(n: int, kernel: int, stride: int, padding: int, dilation: int, count: int) -> list[int]:
    """Return the `count` smallest changes of the padding with which a kernel and a stride leave nothing over."""
    room = n + padding - dilation * (kernel - 1) - 1
    least = max(-padding, -room)  # neither less padding than none, nor less room than the kernel needs
    first = -room % stride  # the smallest addition of a room that is there
    start = first - stride * min(count, (first - least) // stride)
    return sorted(range(start, start + 2 * count * stride, stride), key=lambda more: (abs(more), more))[:count]


def _split(padding: Pair, more: int) -> Pair:
    """Return the padding with some more, or less, spread over both sides; the larger half comes after, as in "same"."""
    total = sum(padding) + more
    before = min(max(padding[0] + more // 2, 0), total)
    return before, total - before


def _rest(n: int, kernel: int, stride: int, padding: int, dilation: int) -> int | None:
    """Return how many values are left over, or ``None`` where the kernel does not fit at all."""
    room = n + padding - dilation * (kernel - 1) - 1
    return room % stride if room >= 0 else None
