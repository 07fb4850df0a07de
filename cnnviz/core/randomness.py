"""Random numbers that follow from where a run stands, whatever happened before and whatever other threads draw."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_GLOBAL = threading.Lock()
"""Held while torch's one global generator is set for somebody: all threads share it."""


def seed_of(*place: object) -> int:
    """Return a seed that follows from a place, such as a run's seed, what is drawn and the step."""
    text = "/".join(map(str, place)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def generator_for(*place: object) -> torch.Generator:
    """Return a CPU generator of its own for a place."""
    return torch.Generator().manual_seed(seed_of(*place))


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Let torch's global generator start from `seed`, undisturbed by other threads, and restore it afterwards.

    For what takes no generator: dropout, constructors of layers, torchvision's transforms.
    """
    with _GLOBAL, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
