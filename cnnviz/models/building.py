"""A registered network as a module: with random weights, or as a skeleton that has no weights yet."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnviz.models.registry import ModelSpec

SEED = 0
_MAKERS = frozenset(
    {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.empty_like, torch.zeros_like,
     torch.ones_like, torch.full_like}
)  # fmt: skip


@contextmanager
def seeded() -> Iterator[None]:
    """Draw the same random weights at every start, and leave the caller's random numbers as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        yield


def build(spec: ModelSpec) -> nn.Module:
    """Return the network with fresh, random weights."""
    module, _, function = spec.builder.partition(":")
    network: nn.Module = getattr(importlib.import_module(module), function)()
    return network


def skeleton(spec: ModelSpec) -> nn.Module:
    """Return the network with parameters that have a shape and no memory (torch's ``meta`` device).

    What a constructor computes from ranges and constants, such as the depths of a RegNet and Swin's table of relative
    positions, is there with its values, which ``torch.device("meta")`` would not give.
    """
    with Weightless():
        return build(spec)


class Weightless(TorchFunctionMode):
    """Lets constructors make their parameters without memory, and leaves the drawing of first weights out."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Send makers of tensors to the meta device; what would fill such a tensor returns it as it is."""
        named = dict(kwargs or {})
        if func in _MAKERS:
            named["device"] = "meta"
        elif func.__name__.endswith("_") and not func.__name__.endswith("__"):
            first = args[0] if args else next(iter(named.values()), None)
            if isinstance(first, Tensor) and first.is_meta:
                return first
        return func(*args, **named)
