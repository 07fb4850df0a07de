"""How good a network is on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Score:
    """Means over `n` pictures: cross entropy in nats, and the share that was answered rightly."""

    loss: float
    accuracy: float
    n: int


class Tally:
    """Adds up losses and right answers on the device, so that nothing waits for it; read it once at the end."""

    def __init__(self, device: torch.device) -> None:
        self._loss = torch.zeros((), device=device)
        self._right = torch.zeros((), dtype=torch.int64, device=device)
        self.n = 0

    def add(self, mean_loss: Tensor, logits_nk: Tensor, labels_n: Tensor) -> None:
        """Count one batch: its mean loss, logits (N, K) and labels (N,)."""
        n = len(labels_n)
        self._loss += mean_loss.detach() * n
        self._right += (logits_nk.detach().argmax(1) == labels_n).sum()
        self.n += n

    def score(self) -> Score:
        """Return the means; this waits for the device.

        Raises
        ------
        ZeroDivisionError
            When nothing was counted.
        """
        return Score(self._loss.item() / self.n, self._right.item() / self.n, self.n)


def measure(
    network: nn.Module,
    images_nhw: Tensor,
    labels_n: Tensor,
    prepare: Callable[[Tensor], Tensor],
    batch_size: int = 1000,
) -> Score:
    """Return how good the network is on these pictures; it is left in the mode it was in.

    Parameters
    ----------
    network
        Takes what `prepare` makes and returns logits (N, K).
    images_nhw, labels_n
        uint8 (N, H, W) and int64 (N,), on the network's device.
    prepare
        Makes the network's input (N, C, H', W') of some pictures.
    batch_size
        Pictures at a time.
    """
    was_training = network.training
    network.eval()
    tally = Tally(labels_n.device)
    try:
        with torch.inference_mode():
            for start in range(0, len(labels_n), batch_size):
                logits_nk = network(prepare(images_nhw[start : start + batch_size]))
                batch_labels = labels_n[start : start + batch_size]
                tally.add(functional.cross_entropy(logits_nk, batch_labels), logits_nk, batch_labels)
    finally:
        network.train(was_training)
    return tally.score()
