"""What a layer computes, with the arrays it computes it from, so that any single value can be written out.

An `Operation` knows no network: the step-through of a real layer and the laboratory show the same records. All
arithmetic is float64, and nothing is computed before it is asked for. A vector is a stack of maps of one cell.
"""

from cnnviz.core.operations.base import TOLERANCE, Array, Check, Float64Array, Operation, Shape, Source, edited, largest
from cnnviz.core.operations.elementwise import Activation, BatchNormalisation, Dropout, LocalResponse
from cnnviz.core.operations.joining import Concatenation, Sum
from cnnviz.core.operations.sliding import (
    Convolution,
    Pooling,
    TransposedConvolution,
    kernel_scale,
    replace_groups,
    window_columns,
    window_rows,
)
from cnnviz.core.operations.vectors import Dense, DenseStep, Flatten, RadialBasis, Softmax, sigmoid

__all__ = [
    "TOLERANCE",
    "Activation",
    "Array",
    "BatchNormalisation",
    "Check",
    "Concatenation",
    "Convolution",
    "Dense",
    "DenseStep",
    "Dropout",
    "Flatten",
    "Float64Array",
    "LocalResponse",
    "Operation",
    "Pooling",
    "RadialBasis",
    "Shape",
    "Softmax",
    "Source",
    "Sum",
    "TransposedConvolution",
    "edited",
    "kernel_scale",
    "largest",
    "replace_groups",
    "sigmoid",
    "window_columns",
    "window_rows",
]
