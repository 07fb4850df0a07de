"""How good a network is on labelled pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnviz.models.preparation import to_input, to_size
from cnnviz.models.registry import InputSpec

BATCH = 500
_PIXELS = BATCH * 64 * 64
_INK = 0.5  # more is ink, less is paper
_AUXILIARY = 0.3
"""Share of an auxiliary head in the loss: C. Szegedy et al., "Going Deeper with Convolutions", 2014, section 5."""


class Tally:
    """Adds up losses and right answers.

    Attributes
    ----------
    loss, right, n
        Sum of the losses, right answers, and pictures.
    """

    def __init__(self, loss: float = 0.0, right: float = 0.0, n: int = 0) -> None:
        self.loss, self.right, self.n = loss, right, n

    def add(self, mean_loss: float, accuracy: float, n: int) -> None:
        """Count one batch of `n` pictures: its mean loss, and its share of right answers."""
        self.loss += mean_loss * n
        self.right += accuracy * n
        self.n += n

    def means(self) -> tuple[float, float]:
        """Return mean loss and accuracy, NaN when nothing was counted."""
        return (self.loss / self.n, self.right / self.n) if self.n else (float("nan"), float("nan"))


def scores_of(output: Tensor | tuple[Tensor | None, ...]) -> list[tuple[Tensor, float]]:
    """Return a network's answer and those of its auxiliary heads, each with its share of the loss."""
    if isinstance(output, Tensor):
        return [(output, 1.0)]
    answer, *others = (part for part in output if part is not None)
    return [(answer, 1.0), *((other, _AUXILIARY) for other in others)]


def loss_of(output: Tensor, wanted: Tensor, kind: str = "cross_entropy", smoothing: float = 0.0) -> Tensor:
    """Return the mean loss of logits (N, K), or the mean squared error of pictures (N, C, H, W).

    Parameters
    ----------
    output
        What the network answers.
    wanted
        Classes (N,), probabilities (N, K), or pictures.
    kind
        ``cross_entropy`` in nats; ``squared_error`` of the probabilities, summed over the classes.
    smoothing
        Share of the target that is spread over all classes.
    """
    if output.ndim != 2:
        return functional.mse_loss(output, wanted)
    if kind == "cross_entropy":
        return functional.cross_entropy(output, wanted, label_smoothing=smoothing)
    target = functional.one_hot(wanted, output.shape[1]).to(output.dtype) if wanted.ndim == 1 else wanted
    target = (1 - smoothing) * target + smoothing / output.shape[1]
    return (output.softmax(1) - target).square().sum(1).mean()


def accuracy_of(output: Tensor, wanted: Tensor) -> Tensor:
    """Return the share of right answers, on the device.

    Of blended pictures the class with the larger share is the right one; of a picture the share of the pixels counts
    that are ink or paper as they should be.
    """
    if output.ndim != 2:
        return ((output > _INK) == (wanted > _INK)).float().mean()
    classes = wanted if wanted.ndim == 1 else wanted.argmax(1)
    return (output.argmax(1) == classes).float().mean()


def accuracies_of(outputs: Sequence[Tensor], wanted: Sequence[Tensor]) -> list[float]:
    """Return `accuracy_of` for some batches; at once where they are alike, since each question costs time."""
    alike = len({output.shape for output in outputs}) == 1 and outputs[0].ndim == 2
    if not alike:
        return [float(accuracy_of(one, other)) for one, other in zip(outputs, wanted, strict=True)]
    classes = torch.stack(tuple(wanted))
    classes = classes if classes.ndim == 2 else classes.argmax(2)  # (batches, N)
    right: list[float] = (torch.stack(tuple(outputs)).argmax(2) == classes).float().mean(1).tolist()
    return right


def _unit(pictures: Tensor) -> Tensor:
    """Return bytes as numbers in 0..1; a batch at a time, since all of them may not fit into the memory."""
    return pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures


def batch_for(spec: InputSpec) -> int:
    """Return how many pictures are answered at a time: of large ones fewer, or they would fill the memory."""
    return max(1, min(BATCH, _PIXELS // (spec.height * spec.width)))


def evaluate_batches(
    network: nn.Module, x_nchw: Tensor, wanted: Tensor, spec: InputSpec
) -> tuple[float, float, Tensor]:
    """Return mean loss, accuracy as a fraction (NaN for no pictures) and the classes told, (N,).

    Parameters
    ----------
    network
        On the pictures' device; left in the modes it was in.
    x_nchw, wanted
        Ink or colours in 0..1, or as bytes, (N, C, h, w), and classes (N,) or pictures (N, C, h, w).
    spec
        What the network is given.
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    tally, size = Tally(), batch_for(spec)
    told: list[Tensor] = []
    try:
        with torch.inference_mode():
            for start in range(0, len(wanted), size):
                output = network(to_input(_unit(x_nchw[start : start + size]), spec))
                chosen = wanted[start : start + size]
                chosen = chosen if chosen.ndim == 1 else to_size(_unit(chosen), spec)
                tally.add(float(loss_of(output, chosen)), float(accuracy_of(output, chosen)), len(chosen))
                if output.ndim == 2:
                    told.append(output.argmax(1))
    finally:
        for module, training in modes.items():
            module.training = training
    return *tally.means(), torch.cat(told) if told else torch.zeros(0, dtype=torch.int64)
