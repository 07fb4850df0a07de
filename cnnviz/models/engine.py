"""One network ready to be looked at: request in, `LoadedModel` and `Inspection` out.

The window's inference thread and the command line use the same engine, so they show the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from cnnviz.core import device as devices
from cnnviz.core.capture import Capture
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel, ModelRequest
from cnnviz.models import checkpoints, registry
from cnnviz.models.preparation import to_input


class Engine:
    """A model instance of its own, with its graph and a capture; used by one thread only.

    Parameters
    ----------
    request
        Which network, weights and device.

    Raises
    ------
    UserError
        When the name is unknown, the weights cannot be used or the device is not there.
    """

    def __init__(self, request: ModelRequest) -> None:
        self.request = request
        self.spec = registry.get(request.name)
        self._device = devices.choose(request.device)
        module, note = checkpoints.load_model(self.spec, request.weights_path)
        module = module.to(self._device).eval()
        shape = (self.spec.input.channels, self.spec.input.height, self.spec.input.width)
        self.capture = Capture(module, shape, name=self.spec.name)
        self.loaded = LoadedModel(
            request=request,
            title=self.spec.title,
            graph=self.capture.graph,
            labels=self.spec.labels,
            weights=_weights(module),
            weights_note=note,
            device=devices.describe(self._device),
        )

    def inspect(self, image_hw: FloatArray, generation: int = 0) -> Inspection:
        """Run the network on a prepared picture and return every value.

        Parameters
        ----------
        image_hw
            What the preparation made: (28, 28) float32, ink 1 on paper 0.
        generation
            Number of the input, copied into the result.
        """
        with torch.inference_mode():
            picture_nchw = torch.from_numpy(np.array(image_hw, np.float32))[None, None]
            batch_nchw = to_input(picture_nchw, self.spec.input).to(self._device)
            start = time.perf_counter()
            values = self.capture(batch_nchw)
            logits = values.tensor(self.capture.graph.output.name).flatten()
            probabilities = torch.softmax(logits.double(), dim=0).float()
            logits_n = logits.float().cpu().numpy()
            elapsed_ms = (time.perf_counter() - start) * 1000
        return Inspection(
            request=self.request,
            generation=generation,
            values=values,
            logits=logits_n,
            probabilities=probabilities.cpu().numpy(),
            elapsed_ms=elapsed_ms,
        )


def _weights(module: nn.Module) -> Mapping[str, FloatArray]:
    """Copy the state dict to read-only float32 arrays."""
    tensors = dict(module.state_dict())
    for path, child in module.named_modules():
        dense = getattr(child, "dense_weight", None)  # packed weights, spread out for those who look at them
        if isinstance(dense, torch.Tensor):
            tensors[f"{path}.weight"] = dense
    arrays: dict[str, FloatArray] = {}
    for key, tensor in tensors.items():
        array = tensor.detach().float().cpu().numpy().copy()
        array.flags.writeable = False
        arrays[key] = array
    return MappingProxyType(arrays)
