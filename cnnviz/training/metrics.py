"""How good a network is on labelled pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnviz.models.preparation import to_input, to_size
from cnnviz.models.registry import InputSpec

BATCH = 500
_INK = 0.5  # more is ink, less is paper


class Tally:
    """Adds up losses and right answers on the device, so that nothing waits for it; read once at the end."""

    def __init__(self, device: torch.device) -> None:
        self._loss = torch.zeros((), device=device)
        self._right = torch.zeros((), device=device)
        self.n = 0

    def add(self, mean_loss: Tensor, output: Tensor, wanted: Tensor) -> None:
        """Count one batch: its mean loss, and logits (N, K) for labels (N,) or pictures (N, C, H, W) for pictures.

        Of a picture the share of the pixels counts that are ink or paper as they should be.
        """
        n = len(wanted)
        self._loss += mean_loss.detach() * n
        if wanted.ndim == 1:
            self._right += (output.detach().argmax(1) == wanted).sum()
        else:
            self._right += ((output.detach() > _INK) == (wanted > _INK)).flatten(1).float().mean(1).sum()
        self.n += n

    def means(self) -> tuple[float, float]:
        """Return mean loss and accuracy, NaN when nothing was counted; this waits for the device."""
        if not self.n:
            return float("nan"), float("nan")
        return self._loss.item() / self.n, self._right.item() / self.n


def loss_of(output: Tensor, wanted: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross entropy of logits, in nats, or the mean squared error of pictures."""
    if wanted.ndim == 1:
        return functional.cross_entropy(output, wanted, label_smoothing=smoothing)
    return functional.mse_loss(output, wanted)


def evaluate_batches(network: nn.Module, x_nchw: Tensor, wanted: Tensor, spec: InputSpec) -> tuple[float, float]:
    """Return mean loss and accuracy as a fraction (see `loss_of` and `Tally`); NaN for no pictures.

    Parameters
    ----------
    network
        On the pictures' device; left in the mode it was in.
    x_nchw, wanted
        Ink or colours in 0..1 (N, C, h, w), and classes (N,) or pictures (N, C, h, w).
    spec
        What the network is given.
    """
    was_training = network.training
    network.eval()
    tally = Tally(wanted.device)
    try:
        with torch.inference_mode():
            for start in range(0, len(wanted), BATCH):
                output = network(to_input(x_nchw[start : start + BATCH], spec))
                chosen = wanted[start : start + BATCH]
                chosen = chosen if chosen.ndim == 1 else to_size(chosen, spec)
                tally.add(loss_of(output, chosen), output, chosen)
    finally:
        network.train(was_training)
    return tally.means()
