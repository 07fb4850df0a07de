"""The optimisers of torch, as a run's configuration asks for them."""

from __future__ import annotations

import torch
from torch import nn

from cnnviz.training.config import TrainConfig


def optimiser_for(config: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Return torch's optimiser over all parameters; those that are frozen get no gradient, so they stay."""
    parameters, rate, decay = network.parameters(), config.learning_rate, config.weight_decay
    if config.optimiser == "sgd":
        nesterov = config.nesterov and config.momentum > 0
        return torch.optim.SGD(parameters, rate, config.momentum, nesterov=nesterov, weight_decay=decay)
    if config.optimiser == "adam":
        return torch.optim.Adam(parameters, rate, weight_decay=decay)
    if config.optimiser == "adadelta":
        return torch.optim.Adadelta(parameters, rate, weight_decay=decay)
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, rate, momentum=config.momentum, weight_decay=decay)
    return torch.optim.AdamW(parameters, rate, weight_decay=decay)
