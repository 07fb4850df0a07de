"""Choose and describe the device, and measure how many threads pay."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable

import torch

from cnnviz.core.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose(name: str = "auto") -> torch.device:
    """Return the device called `name`; ``auto`` takes CUDA, then MPS, then the CPU.

    TF32 is switched off for convolutions: with it cuDNN's numbers cannot be explained by the written-out sum.

    Raises
    ------
    UserError
        When the name is unknown or this machine has no such device.
    """
    kind, _, index = name.partition(":")
    if kind not in DEVICES or (index and not index.isdigit()):
        raise UserError(f"'{name}' is no device.", suggestion=f"Choose one of {', '.join(DEVICES)}.")
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if kind == "auto":
        kind = next(candidate for candidate in ("cuda", "mps", "cpu") if has[candidate])
    if not has[kind] or (kind == "cuda" and index and int(index) >= torch.cuda.device_count()):
        raise UserError(f"This machine has no usable {name.upper()} device.", suggestion="Use 'auto' or 'cpu'.")
    if kind == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    return torch.device(f"{kind}:{index}" if index else kind)


def describe(device: torch.device) -> str:
    """Return the device in words for the status bar."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if device.type == "mps":
        return "Apple GPU (MPS)"
    return f"CPU, {available_cores()} core{'s' if available_cores() != 1 else ''}"


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def report() -> dict[str, object]:
    """Return what ``cnnviz device`` prints: every device that can be used, and the versions."""
    devices = ["cpu"]
    devices += [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return {
        "chosen": str(choose("auto")),
        "devices": {name: describe(torch.device(name)) for name in devices},
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def fastest_threads(run: Callable[[], object], candidates: Iterable[int] | None = None, repeats: int = 5) -> int:
    """Set and return the torch thread count under which `run` is quickest, by the median of `repeats`.

    Two threads on cores that something else uses can be 4 to 30 times slower than one, so the count is measured
    and not assumed. More threads must win by 5 % to be taken.

    Parameters
    ----------
    run
        A short piece of the real work, such as one training batch.
    candidates
        Thread counts to try; by default 1, 2, 4 ... up to the cores this process may use.
    repeats
        Timed runs each, after one that is not timed.
    """
    counts = sorted(set(candidates)) if candidates is not None else _powers_of_two(available_cores())
    best, best_s = 1, float("inf")
    for count in counts:
        torch.set_num_threads(count)
        run()
        times_s = []
        for _ in range(repeats):
            start = time.perf_counter()
            run()
            times_s.append(time.perf_counter() - start)
        median_s = sorted(times_s)[len(times_s) // 2]
        if median_s < best_s * 0.95:
            best, best_s = count, median_s
    torch.set_num_threads(best)
    return best


SMALL_MACS = 50_000_000


def set_threads_for(macs: int, *, busy: int = 0) -> int:
    """Set and return torch's thread count for live inference on one input.

    A network below `SMALL_MACS` multiply-adds takes one thread: LeNet-5's pass is 0.2 ms either way, and a second
    thread only competes with the one that paints. A larger one takes the cores but those that are `busy`.
    """
    count = 1 if macs < SMALL_MACS else max(1, available_cores() - busy)
    torch.set_num_threads(count)
    return count


def _powers_of_two(most: int) -> list[int]:
    counts = [1]
    while counts[-1] * 2 <= most:
        counts.append(counts[-1] * 2)
    return counts
