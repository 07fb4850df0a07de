"""Why a run cannot go on: numbers that are none any more, and where they first were; a memory that is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnviz.core import device as devices
from cnnviz.core.errors import UserError
from cnnviz.training.config import TrainConfig

if TYPE_CHECKING:
    from cnnviz.training.loop import Run


class Diverged(UserError):
    """The loss is no longer a number.

    Attributes
    ----------
    layer
        Path of the first layer, in the order of the forward pass, whose weights or values are not finite; empty where
        only the loss is.
    epoch, batch
        Where it was noticed.
    """

    def __init__(self, layer: str, what: str, epoch: int, batch: int) -> None:
        where = f"'{layer}' is the first layer with {what} that are no numbers" if layer else "only the loss itself is"
        super().__init__(
            f"The loss is no longer a number (epoch {epoch}, step {batch}): {where}.",
            suggestion="Go back to what was saved last and take a lower learning rate, or clip the gradients.",
        )
        self.layer, self.epoch, self.batch = layer, epoch, batch


class MemoryFull(UserError):
    """The device's memory does not hold what a step on so many pictures needs.

    Parameters
    ----------
    device
        The device in words.
    batch_size
        Pictures at a time.
    details
        What the device said.
    """

    def __init__(self, device: str, batch_size: int, details: str) -> None:
        super().__init__(
            f"The memory of {device} is too small for {batch_size} pictures at a time.",
            suggestion="Take a smaller batch or smaller pictures; the run is kept as it was saved last.",
            details=details,
        )


@contextmanager
def memory_errors(config: TrainConfig) -> Iterator[None]:
    """Turn what is said where no memory is left into `MemoryFull`."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch's OutOfMemoryError is the one, that of a CPU a bare one
        if not isinstance(error, (torch.OutOfMemoryError, MemoryError)) and "allocate memory" not in str(error):
            raise
        device = devices.describe(devices.choose(config.device))
        raise MemoryFull(device, config.batch_size, str(error)) from error


def diverged(run: Run, chosen: Tensor, batch: int) -> Diverged:
    """Run the network once more on the pictures, and return which layer was the first.

    Layers are looked at in the order in which they are run: their weights first, then what they give.
    """
    found: list[tuple[str, str]] = []

    def look(name: str) -> Any:
        def hook(layer: nn.Module, inputs: object, output: object) -> None:
            if found:
                return
            if not all(_finite(p) for p in layer.parameters(recurse=False)):
                found.append((name, "weights"))
            elif not any(True for _ in layer.children()) and isinstance(output, Tensor) and not _finite(output):
                found.append((name, "values"))

        return hook

    handles = [layer.register_forward_hook(look(name)) for name, layer in run.network.named_modules() if name]
    try:
        with torch.no_grad():
            run.forward(run.network, chosen)  # not spread over processes: the others may know of nothing
    finally:
        for handle in handles:
            handle.remove()
    layer, what = found[0] if found else ("", "")
    return Diverged(layer, what, run.epoch, batch)


def _finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())
