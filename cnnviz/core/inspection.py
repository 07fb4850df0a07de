"""What one run of a network on one input shows: plain data, no torch, no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from cnnviz.core.graph import Graph

FloatArray = npt.NDArray[np.float32]
PixelArray = npt.NDArray[np.uint8]
Interpolation = Literal["bilinear", "bicubic"]
Preparation = Literal["digit", "photo"]
"""What a network is shown: a digit as MNIST has them, or the middle of a photograph in its colours."""


@dataclass(frozen=True)
class ModelRequest:
    """Which network to use.

    Attributes
    ----------
    name
        A registered name; or ``file:`` and a path, for a network that its file tells.
    weights_path
        A weights file, or that file; ``random`` for none, ``None`` for the weights that ship or were fetched.
    device
        Where it runs.
    trusted
        The user has agreed that code in the file runs.
    prefer
        Which registered network to take where a file's weights fit several.
    classes_path
        A text file with one class name a line, or a folder with one sub-folder a class.
    edition
        Counts how often its files were replaced meanwhile, as by a download: the same wish, but another network.
    """

    name: str
    weights_path: str | None = None
    device: str = "auto"
    trusted: bool = False
    prefer: str = ""
    classes_path: str | None = None
    edition: int = 0


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network as the views see it: its graph and its weights to read, no module.

    Attributes
    ----------
    request
        What was asked for; a result whose request differs belongs to another context.
    title
        The name for people.
    graph
        Its nodes and edges.
    labels
        Class names, one per output.
    weights
        Parameters and buffers by state-dict key, read-only float32 arrays; on the CPU they share the memory of the
        module, whose weights nothing writes.
    weights_note
        Where the weights come from, in a few words; says so when they are random.
    device
        Where it runs, described for a person.
    preparation
        What it is shown.
    is_random
        Nobody has trained it: its answers mean nothing.
    """

    request: ModelRequest
    title: str
    graph: Graph
    labels: tuple[str, ...]
    weights: Mapping[str, FloatArray]
    weights_note: str = ""
    device: str = "CPU"
    preparation: Preparation = "digit"
    is_random: bool = False


@dataclass(frozen=True, eq=False)
class Inspection:
    """Every value of one network for one input.

    Attributes
    ----------
    request, generation
        The context: which network, and which input (`InputState.generation`).
    values
        One float32 array for each node of the graph, without the batch axis; ``input`` is what the network was
        given, after normalisation.
    logits, probabilities
        The last layer's numbers before and after softmax, one per class.
    elapsed_ms
        Wall-clock time of the captured forward pass.
    times_ms
        Milliseconds of each layer, by the node's name; empty where they were not measured.
    network_limits
        What `cnnviz.core.scale.network_limits` found, where it was asked for.
    """

    request: ModelRequest
    generation: int
    values: Mapping[str, FloatArray]
    logits: FloatArray
    probabilities: FloatArray
    elapsed_ms: float = 0.0
    times_ms: Mapping[str, float] = field(default_factory=dict)
    network_limits: Mapping[str, float] | None = None

    def ranking(self) -> tuple[int, ...]:
        """Return the class indices, most probable first; ties keep the lower index first."""
        return tuple(int(i) for i in np.argsort(-self.logits, kind="stable"))
