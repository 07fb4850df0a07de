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
        found = torch.optim.SGD(parameters, rate, config.momentum, nesterov=nesterov, weight_decay=decay, fused=fused)
        if fused and config.momentum:
            found.register_step_pre_hook(_begin_momentum)
        return found
    if config.optimiser == "adam":
        return torch.optim.Adam(parameters, rate, weight_decay=decay, fused=fused)
    if config.optimiser == "adadelta":
        return torch.optim.Adadelta(parameters, rate, weight_decay=decay)
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, rate, momentum=config.momentum, weight_decay=decay)
    return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=fused)


def _begin_momentum(optimiser: torch.optim.Optimizer, *_: object) -> None:
    """Begin with a momentum of 0 where there is none: torch's one pass fails when only some weights have one.

    So it is after frozen layers begin to learn. 0 · μ + g is the gradient, with which torch begins.
    """
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None and optimiser.state[parameter].get("momentum_buffer") is None:
                optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
