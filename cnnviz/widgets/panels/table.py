"""Which panel shows which operation: one line each."""

from __future__ import annotations

import importlib

from PySide6.QtWidgets import QWidget

from cnnviz.core import operations as ops
from cnnviz.widgets.panels.base import OperationPanel

PANELS: dict[type[ops.Operation], str] = {
    ops.Convolution: "convolution:ConvolutionPanel",
    ops.TransposedConvolution: "transposed:TransposedPanel",
    ops.Pooling: "pooling:PoolingPanel",
    ops.Activation: "activation:ActivationPanel",
    ops.BatchNormalisation: "normalisation:BatchNormPanel",
    ops.LocalResponse: "normalisation:LocalResponsePanel",
    ops.Dropout: "dropout:DropoutPanel",
    ops.Flatten: "joining:FlattenPanel",
    ops.Dense: "dense:DensePanel",
    ops.RadialBasis: "dense:DensePanel",
    ops.Softmax: "dense:SoftmaxPanel",
    ops.Sum: "joining:JoinPanel",
    ops.Concatenation: "joining:JoinPanel",
}


def create(operation: ops.Operation, parent: QWidget | None = None) -> OperationPanel:
    """Import the panel of an operation and make one."""
    module, _, name = PANELS[type(operation)].partition(":")
    kind: type[OperationPanel] = getattr(importlib.import_module(f"cnnviz.widgets.panels.{module}"), name)
    return kind(parent)
