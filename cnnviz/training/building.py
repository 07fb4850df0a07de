"""The network of a run: built or loaded, its last layer fitted to the classes, its first weights, what is frozen."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn

from cnnviz.core.errors import UserError
from cnnviz.core.randomness import drawn_from
from cnnviz.models import checkpoints, guessing, registry
from cnnviz.models.building import build
from cnnviz.models.registry import ModelSpec
from cnnviz.training.config import OWN, PRETRAINED, TrainConfig

_NORMAL_STD = 0.01
NORMS = (nn.modules.batchnorm._BatchNorm,)
_DROPS = (nn.modules.dropout._DropoutNd,)


def network_for(config: TrainConfig, spec: ModelSpec) -> nn.Module:
    """Return the network that learns, with its first weights.

    Parameters
    ----------
    config
        The run.
    spec
        The network's entry with the run's classes and input.

    Raises
    ------
    UserError
        When the weights to start from cannot be used, the network does not take pictures of this size, or no layer
        is called as `config.freeze`.
    """
    own = registry.get(config.model)
    with drawn_from(config.seed):
        if config.start:
            path = None if config.start == PRETRAINED else config.start
            loaded = checkpoints.load_model(own, path)
            if loaded.is_random:
                raise UserError(
                    f"There are no weights of {own.title} here to start from.",
                    suggestion=f"Fetch them with 'cnnviz weights fetch {own.name}', or start from random ones.",
                )
            network = loaded.module
            for tensor in (*network.parameters(), *network.buffers()):
                tensor.data = tensor.data.clone()  # a file's memory may be read-only
        else:
            network = build(own)
        if not spec.gives_picture:
            fit_classes(network, own, len(spec.labels))
        if not config.start:
            initialise(network, config.initialisation)
    if config.dropout != OWN:
        for layer in network.modules():
            if isinstance(layer, _DROPS):
                layer.p = config.dropout
    freeze(network, config.freeze)
    check_size(network, spec)
    return network


def initialise(network: nn.Module, how: str) -> None:
    """Draw the weights of convolutions and dense layers anew; biases become 0.

    ``kaiming``: K. He et al., "Delving Deep into Rectifiers", 2015; ``xavier``: X. Glorot, Y. Bengio, 2010.
    """
    if how == "own":
        return
    for weight, bias in _weights(network):
        if how == "kaiming":
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
        elif how == "xavier":
            nn.init.xavier_uniform_(weight)
        elif how == "normal":
            nn.init.normal_(weight, std=_NORMAL_STD)
        else:
            nn.init.zeros_(weight)
        if bias is not None:
            nn.init.zeros_(bias)


def _weights(network: nn.Module) -> Iterator[tuple[Tensor, Tensor | None]]:
    for layer in network.modules():
        weight, bias = getattr(layer, "weight", None), getattr(layer, "bias", None)
        if isinstance(weight, nn.Parameter) and weight.ndim >= 2:
            yield weight, bias if isinstance(bias, nn.Parameter) else None


def fit_classes(network: nn.Module, own: ModelSpec, classes: int) -> None:
    """Put new last layers, with random weights, where the network has another number of classes.

    Raises
    ------
    UserError
        When the network has no last layer that could be replaced.
    """
    heads = guessing.layout(own).heads
    present = dict(network.named_modules())
    if not heads:
        if classes != len(own.labels):
            raise UserError(f"{own.title} cannot be fitted to {classes:,} classes: its output is no layer of weights.")
        return
    for path in (path for path in heads if present.get(path) is not None):
        old = present[path]
        parent = network.get_submodule(path.rpartition(".")[0])
        name = path.rpartition(".")[2]
        if isinstance(old, nn.Linear) and old.out_features != classes:
            setattr(parent, name, nn.Linear(old.in_features, classes, bias=old.bias is not None))
        elif isinstance(old, nn.Conv2d) and old.out_channels != classes:
            new = nn.Conv2d(old.in_channels, classes, old.kernel_size, bias=old.bias is not None)  # type: ignore[arg-type]
            setattr(parent, name, new)


def freeze(network: nn.Module, path: str) -> None:
    """Let a layer and all before it keep their weights, and let all after it learn; no path: all learn.

    Raises
    ------
    UserError
        When no layer has this path; the suggestion names some that do.
    """
    frozen = frozen_layers(network, path)
    for name, layer in network.named_modules():
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(name not in frozen)
        if isinstance(layer, NORMS):
            layer.train(network.training)
    rest_frozen(network, frozen)


def rest_frozen(network: nn.Module, frozen: Collection[str]) -> None:
    """Let batch normalisation of frozen layers use the statistics that it has, and keep them."""
    for name, layer in network.named_modules():
        if isinstance(layer, NORMS) and name in frozen:
            layer.eval()


def frozen_layers(network: nn.Module, path: str) -> tuple[str, ...]:
    """Return the paths of the layers with weights up to `path`, in the network's order.

    Raises
    ------
    UserError
        When no layer has this path.
    """
    paths = [name for name, layer in network.named_modules() if any(True for _ in layer.parameters(recurse=False))]
    if not path:
        return ()
    last = max((i for i, name in enumerate(paths) if name == path or name.startswith(f"{path}.")), default=None)
    if last is None:
        raise UserError(
            f"There is no layer '{path}' to freeze up to.", suggestion=f"Layers are {', '.join(paths[:8])}, ..."
        )
    if last == len(paths) - 1:
        raise UserError("With all layers frozen nothing can learn.", suggestion="Leave at least the last layer free.")
    return tuple(paths[: last + 1])


def check_size(network: nn.Module, spec: ModelSpec) -> None:
    """Refuse pictures of a size that the network cannot take.

    Raises
    ------
    UserError
        When a picture of zeros does not pass.
    """
    given = spec.input
    if (given.height, given.width) == (registry.get(spec.name).input.height, registry.get(spec.name).input.width):
        return
    modes = {layer: layer.training for layer in network.modules()}
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    network.train()  # auxiliary heads, which only training asks, have least sizes of their own
    try:
        with torch.no_grad(), drawn_from(0):
            network(torch.zeros(2, given.channels, given.height, given.width))
    except (RuntimeError, AssertionError, ValueError) as error:
        usual = registry.get(spec.name).input
        raise UserError(
            f"{spec.title} cannot take pictures of {given.width}×{given.height}.",
            suggestion=f"Its own size is {usual.width}×{usual.height}.",
            details=str(error),
        ) from error
    finally:
        for layer, training in modes.items():
            layer.training = training
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)


def draws(network: nn.Module) -> bool:
    """Return whether the network draws random numbers while it learns."""
    return any("drop" in type(layer).__name__.lower() or "depth" in type(layer).__name__.lower()
               for layer in network.modules())  # dropout and stochastic depth  # fmt: skip
