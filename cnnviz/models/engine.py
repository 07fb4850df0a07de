"""One network ready to be looked at: request in, `LoadedModel` and `Inspection` out.

The window's inference thread and the command line use the same engine, so they show the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from cnnviz.core import device as devices
from cnnviz.core.capture import Capture
from cnnviz.core.errors import UserError
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel, ModelRequest, PixelArray
from cnnviz.models import opening
from cnnviz.models.preparation import photo_to_input, to_input
from cnnviz.models.registry import Labels

if TYPE_CHECKING:
    from cnnviz.models.onnx_network import OnnxCapture


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
        self._device = devices.choose(request.device)
        self.capture: Capture | OnnxCapture
        onnx = opening.open_onnx(request)
        if onnx is not None:
            self._device = torch.device("cpu")
            self.spec, self.capture, weights, is_random = onnx.spec, onnx.capture, onnx.weights, False
            labels, note = onnx.labels, onnx.note
        else:
            self.spec, opened = opening.open_module(request)
            module = opened.module.to(self._device).eval()
            shape = (self.spec.input.channels, self.spec.input.height, self.spec.input.width)
            self.capture, weights = Capture(module, shape, name=self.spec.name), _weights(module)
            is_random = opened.is_random
            labels = opened.labels if opened.labels is not None else _labels(self.spec.labels)
            note = opened.note
        self.loaded = LoadedModel(
            request=request,
            title=self.spec.title,
            graph=self.capture.graph,
            labels=labels,
            weights=weights,
            weights_note=note,
            device=devices.describe(self._device),
            preparation=self.spec.input.preparation,
            is_random=is_random,
        )

    def renew(self, tensors: Mapping[str, torch.Tensor], note: str) -> None:
        """Take newer weights of the same network, as one that learns has them; the graph stays the same object.

        Parameters
        ----------
        tensors
            Its state dict on the CPU; nothing may write it any more.
        note
            Where they come from, in a few words.
        """
        if isinstance(self.capture, Capture):
            self.capture.module.load_state_dict(tensors)
            weights = _weights(self.capture.module, tensors)
            self.loaded = replace(self.loaded, weights=weights, weights_note=note, is_random=False)

    def inspect(
        self, image_hw: FloatArray | None = None, generation: int = 0, *, photo: PixelArray | None = None
    ) -> Inspection:
        """Run the network on a prepared picture and return every value.

        Parameters
        ----------
        image_hw
            What the preparation made: (28, 28) float32, ink 1 on paper 0. A network for photographs sees it only
            where there is no `photo`, as light ink on black.
        generation
            Number of the input, copied into the result.
        photo
            What a network for photographs is shown: uint8 (H, W, 3), or (H, W) in grey. Others do not look at it.
        """
        with torch.inference_mode():
            batch_nchw = self._batch(image_hw, photo).to(self._device)
            start = time.perf_counter()
            values = self.capture(batch_nchw)
            answer = self.capture.graph.output
            before = answer.inputs[0] if answer.op == "Softmax" and answer.inputs else answer.name
            logits = values.tensor(before).flatten()
            if not self.loaded.labels:  # the answer is a picture
                logits = logits[:0]
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
            times_ms=values.times_ms,
        )

    def gradient(
        self,
        layer: str,
        unit: int | None,
        cell: tuple[int, int] | None,
        image_hw: FloatArray | None = None,
        *,
        photo: PixelArray | None = None,
    ) -> FloatArray:
        """Return how strongly a value changes with each pixel: Σ over the channels of |∂ value / ∂ input|, (H, W).

        The input is what the network is given, after normalisation.

        Parameters
        ----------
        layer, unit, cell
            The value: a cell (row, column) of a unit's map; without a cell the sum of the map.
        image_hw, photo
            The picture, as for `inspect`.

        Raises
        ------
        UserError
            When the network cannot be differentiated there, as where it rounds or runs outside torch.
        """
        if not isinstance(self.capture, Capture):
            raise UserError(
                f"'{self.spec.title}' has no gradients: it is run by onnxruntime, which computes values only.",
                suggestion="Open the same network as weights or as a Python file to see them.",
            )
        with torch.inference_mode(False), torch.enable_grad():
            pixels = self._batch(image_hw, photo).to(self._device).detach().clone().requires_grad_()
            try:
                value = self.capture(pixels.clone()).tensor(layer)  # a step in place may not write into a leaf
                value = value if unit is None else value[unit]
                value = value if cell is None else value[cell]
                (slope_nchw,) = torch.autograd.grad(value.sum(), pixels)
            except RuntimeError as error:
                raise UserError(
                    f"How '{layer}' changes with the picture cannot be computed for this network.", details=repr(error)
                ) from error
        magnitude_hw: FloatArray = slope_nchw[0].float().abs().sum(0).cpu().numpy()
        return magnitude_hw

    def _batch(self, image_hw: FloatArray | None, photo: PixelArray | None) -> torch.Tensor:
        """Return the input (1, C, H, W), prepared as the network wants it."""
        if self.spec.input.preparation == "photo" and photo is not None:
            return photo_to_input(photo, self.spec.input)
        if image_hw is None:
            raise ValueError("a network for digits was given no digit")
        if self.spec.input.preparation == "photo":
            return photo_to_input(np.clip(image_hw * 255 + 0.5, 0, 255).astype(np.uint8), self.spec.input)
        picture_nchw = torch.from_numpy(np.array(image_hw, np.float32))[None, None]
        return to_input(picture_nchw, self.spec.input)


def _labels(labels: Labels) -> tuple[str, ...]:
    """Return the names of the classes."""
    if labels != "imagenet":
        return labels
    from cnnviz.models.torchvision_zoo import imagenet_labels  # torchvision is slow to import

    return imagenet_labels()


def _weights(module: nn.Module, given: Mapping[str, torch.Tensor] | None = None) -> Mapping[str, FloatArray]:
    """Return the state dict, or the one just put into the module, as read-only float32 arrays that share its memory.

    VGG-16's weights take 0.55 GB; nothing writes them once they are loaded.
    """
    tensors = dict(module.state_dict() if given is None else given)
    for path, child in module.named_modules():
        dense = getattr(child, "dense_weight", None)  # packed weights, spread out for those who look at them
        if isinstance(dense, torch.Tensor):
            tensors[f"{path}.weight"] = dense.clone()
    arrays: dict[str, FloatArray] = {}
    for key, tensor in tensors.items():
        array = tensor.detach().to("cpu", torch.float32).numpy()  # no copy of what is float32 on the CPU already
        array.flags.writeable = False
        arrays[key] = array
    return MappingProxyType(arrays)
