"""From prepared pictures to what a network is given."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from cnnviz.models.registry import InputSpec


def to_input(batch_nchw: Tensor, spec: InputSpec) -> Tensor:
    """Return the input (N, C, H, W) for pictures (N, C, h, w) with ink 1 on paper 0.

    Smaller pictures are padded with paper on all sides to the network's size, then normalised.
    """
    height, width = batch_nchw.shape[-2:]
    top, left = (spec.height - height) // 2, (spec.width - width) // 2
    if (height, width) != (spec.height, spec.width):
        sides = (left, spec.width - width - left, top, spec.height - height - top)
        batch_nchw = functional.pad(batch_nchw, sides)
    mean = batch_nchw.new_tensor(spec.mean)[:, None, None]
    std = batch_nchw.new_tensor(spec.std)[:, None, None]
    return (batch_nchw - mean) / std
