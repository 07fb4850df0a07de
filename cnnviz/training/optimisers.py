"""The optimisers of torch, as a run's configuration asks for them."""

from __future__ import annotations

import torch
from torch import nn

from cnnviz.training.config import TrainConfig


def optimiser_for(config: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Return torch's optimiser over all parameters; those that are frozen get no gradient, so they stay."""
    parameters, rate, decay = list(network.parameters()), config.learning_rate, config.weight_decay
    # On a CPU torch's usual way is a dozen small operations for each parameter. One pass takes a fraction of that, but
    # reads weights and gradients as they lie in memory: in 32 bits they lie alike.
    fused = (parameters[0].device.type == "cpu" and config.precision == "float32") or None
    if config.optimiser == "sgd":
        nesterov = config.nesterov and config.momentum > 0
        return torch.optim.SGD(parameters, rate, config.momentum, nesterov=nesterov, weight_decay=decay, fused=fused)
    if config.optimiser == "adam":
        return torch.optim.Adam(parameters, rate, weight_decay=decay, fused=fused)
    if config.optimiser == "adadelta":
        return torch.optim.Adadelta(parameters, rate, weight_decay=decay)
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, rate, momentum=config.momentum, weight_decay=decay)
    return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=fused)
