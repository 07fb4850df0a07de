"""One run on several processes or machines: torch's DistributedDataParallel, started by ``torchrun``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """Which process this is, from 0, and of how many; the first one writes and speaks."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes the run and prints."""
        return self.rank == 0

    def share(self, chosen: Tensor) -> Tensor:
        """Return this process's part of a batch; a batch smaller than the world is worked on by all."""
        return chosen[self.rank :: self.size] if len(chosen) >= self.size else chosen

    def spread(self, network: nn.Module) -> nn.Module:
        """Return the network so that a backward pass averages the gradients over all processes."""
        return DistributedDataParallel(network) if self.size > 1 else network

    def part(self, mine: int, all_of_them: int) -> float:
        """Return by what this process's mean counts in the mean over all pictures of a batch."""
        return mine * self.size / all_of_them if self.size > 1 and all_of_them >= self.size else 1.0

    def mean(self, value: Tensor, part: float) -> Tensor:
        """Return the mean of a number over all processes, each by its `part`; all of them must ask."""
        if self.size == 1:
            return value
        total = value * part
        distributed.all_reduce(total)
        return total / self.size

    def any(self, wanted: bool) -> bool:
        """Return whether one of the processes wants something; all of them must ask."""
        if self.size == 1:
            return wanted
        on = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        total = torch.tensor(float(wanted), device=on)
        distributed.all_reduce(total)
        return bool(total.item())


ALONE = World()


@contextmanager
def world() -> Iterator[World]:
    """Join the processes that ``torchrun`` started, where it did; leave them at the end."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or not distributed.is_available():
        yield ALONE
        return
    on_cuda = torch.cuda.is_available()
    if on_cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("nccl" if on_cuda else "gloo")
    try:
        yield World(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
