"""How good a network is on labelled pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnviz.models.preparation import to_input
from cnnviz.models.registry import InputSpec

BATCH = 500


class Tally:
    """Adds up losses and right answers on the device, so that nothing waits for it; read once at the end."""

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

    def means(self) -> tuple[float, float]:
        """Return mean loss and accuracy, NaN when nothing was counted; this waits for the device."""
        if not self.n:
            return float("nan"), float("nan")
        return self._loss.item() / self.n, self._right.item() / self.n


def evaluate_batches(network: nn.Module, x_nchw: Tensor, labels_n: Tensor, spec: InputSpec) -> tuple[float, float]:
    """Return mean cross entropy in nats and accuracy as a fraction; NaN for no pictures.

    Parameters
    ----------
    network
        On the pictures' device; left in the mode it was in.
    x_nchw, labels_n
        Ink or colours in 0..1 (N, C, h, w) and classes (N,).
    spec
        What the network is given.
    """
    was_training = network.training
    network.eval()
    tally = Tally(labels_n.device)
    try:
        with torch.inference_mode():
            for start in range(0, len(labels_n), BATCH):
                logits_nk = network(to_input(x_nchw[start : start + BATCH], spec))
                chosen_n = labels_n[start : start + BATCH]
                tally.add(functional.cross_entropy(logits_nk, chosen_n), logits_nk, chosen_n)
    finally:
        network.train(was_training)
    return tally.means()
