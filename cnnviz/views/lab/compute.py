"""What the laboratory offers: operations to begin with, the lectures' examples, and changes of size. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnviz.core import kernels
from cnnviz.core.convolution import ConvSpec
from cnnviz.core.errors import UserError
from cnnviz.core.normalisation import BatchNorm
from cnnviz.core.operations import (
    Activation,
    BatchNormalisation,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    LocalResponse,
    Operation,
    Pooling,
    Softmax,
    Sum,
    TransposedConvolution,
)
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec
from cnnviz.core.transposed import TransposedSpec

Array = npt.NDArray[Any]
MOST_SIDE = 64
MOST_CHANNELS = 16
MOST_VALUE = 1e12  # larger ones overflow in single precision as soon as they are multiplied
PHOTO_SIDE = 48


@dataclass(frozen=True)
class Preset:
    """An example to begin with.

    Attributes
    ----------
    group, title
        Where it stands in the list.
    make
        Returns the operation.
    note
        Returns a sentence about it, with computed numbers, also where a slide says something else.
    """

    group: str
    title: str
    make: Callable[[], Operation]
    note: Callable[[Any], str] = lambda operation: ""


@dataclass(frozen=True)
class Counting:
    """An example for the parameter ledger: image side and depth, nodes, kernel side and kernels."""

    side: int
    depth: int
    nodes: int
    kernel: int
    kernels: int


def _rows(text: str) -> Array:
    """Read a map written as rows of numbers separated by ``/``."""
    return np.array([[float(v) for v in row.split()] for row in text.split("/")])


IMAGE = _rows("1 1 1 0 0/0 1 1 1 0/0 0 1 1 1/0 0 1 1 0/0 1 1 0 0")
CROSS = _rows("1 0 1/0 1 0/1 0 1")
POOLED = _rows("1 1 2 4/5 6 7 8/3 2 1 0/1 2 3 4")
_COLOURS = np.stack([_rows("156 155/153 154"), _rows("167 166/164 165"), _rows("163 162/160 161")])
_COLOUR_KERNELS = np.stack([_rows("-1 -1 1/0 1 -1/0 1 1"), _rows("1 0 0/1 -1 -1/1 0 -1"), _rows("0 1 1/0 1 0/1 -1 1")])
_ONE = np.ones(1)


def _lecture_convolution(padding: int, stride: int) -> Callable[[], Operation]:
    return lambda: Convolution(IMAGE[None], CROSS[None, None], np.zeros(1), ConvSpec(3, stride, padding))


def _square(side: int = 10) -> Array:
    """Return a bright square on dark ground."""
    picture = np.zeros((side, side))
    picture[3:7, 3:7] = 1
    return picture


def _named(name: str) -> Callable[[], Operation]:
    return lambda: Convolution(
        _square()[None], kernels.kernel(name, (3, 3))[None, None], np.zeros(1), ConvSpec(3, 1, 1)
    )


def _pool(kind: str, **settings: Any) -> Callable[[], Operation]:
    return lambda: Pooling(POOLED[None], PoolSpec(kind, 2, 2, **settings))


def _ramp(channels: int, height: int, width: int) -> Array:
    """Return maps of many different values, the same at every start."""
    values = np.arange(channels * height * width).reshape(channels, height, width)
    return np.asarray(np.round(np.sin(values * 1.7) * 2, 1))


def _values(operation: Operation) -> str:
    """Return the first map of an output as its rows."""
    _, height, width = operation.output_shape
    rows = operation.rows(0, 0, height)
    return " / ".join(" ".join(f"{rows[r, c]:.2f}" for c in range(width)) for r in range(height))


def _odd_same() -> Operation:
    kernel = np.round(np.linspace(-1, 1, 8), 2).reshape(1, 1, 4, 2)
    return Convolution(_ramp(1, 6, 6), kernel, np.zeros(1), ConvSpec((4, 2), 1, "same"))


def _flip() -> Operation:
    kernel = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    point = np.zeros((1, 7, 7))
    point[0, 3, 3] = 1
    return Convolution(point, kernel, np.zeros(1), ConvSpec(3, 1, 1))


def _active(function: str, parameter: float) -> Callable[[], Operation]:
    return lambda: Activation(_ramp(1, 5, 5), function, np.array([parameter]))


def _batch_norm() -> Operation:
    x = _ramp(3, 4, 4)
    mean, variance = np.array([0.5, 0.0, -0.2]), np.array([4.0, 1.0, 0.25])
    return BatchNormalisation(x, BatchNorm(mean, variance, np.array([1.0, 2.0, 0.5]), np.array([0.0, 1.0, -1.0])))


def _dense() -> Operation:
    weight = np.round(np.cos(np.arange(12)), 2).reshape(3, 4)
    return Dense(np.array([1.0, 0.5, -1.0, 2.0]), weight, np.array([0.1, 0.0, -0.2]))


def _residual() -> Operation:
    return Sum((_ramp(2, 4, 4), np.round(_ramp(2, 4, 4)[:, ::-1] * 0.4, 2)), (1, 1))


PRESETS: tuple[Preset, ...] = (
    *(
        Preset(
            "Convolution", f"5 × 5, padding {padding}, stride {stride}", _lecture_convolution(padding, stride),
            lambda operation: f"Lectures 000 to 004. Output: {_values(operation)}",
        )
        for padding, stride in ((0, 1), (0, 2), (1, 1), (1, 2))
    ),
    Preset(
        "Convolution", "three colours, one window",
        lambda: Convolution(_COLOURS, _COLOUR_KERNELS[None], _ONE, ConvSpec(3, 1, 1)),
        lambda operation: "Lecture 000, the corner of a photograph with padding 1: three colours and the bias add up"
        f" to {operation.value(0, 0, 0):.0f} at row 0, column 0.",
    ),
    Preset(
        "Convolution", "4 × 2 kernel, same size", _odd_same,
        lambda operation: "Lecture 003. An even kernel needs one more row or column of padding on one side:"
        f" {operation.spec.padding} at top, bottom, left, right.",
    ),
    Preset(
        "Convolution", "a stride that does not fit",
        lambda: Convolution(_ramp(1, 6, 6), CROSS[None, None], np.zeros(1), ConvSpec(3, 2, 0)),
        lambda operation: "The last row and column are never reached; under the formula stand settings that fit.",
    ),
    Preset(
        "Convolution", "flipped or not: a true convolution", _flip,
        lambda operation: "A single 1 prints the kernel: turned by half a turn without the flip, as it is with it.",
    ),
    *(
        Preset("Named kernels", named.title, _named(named.name), lambda operation: "Lecture 002: on a bright square.")
        for named in kernels.KERNELS.values()
    ),
    Preset("Transposed convolution", "stride 2, kernel 3: a checkerboard", lambda: TransposedConvolution(
        np.ones((1, 3, 3)), np.ones((1, 1, 3, 3)), None, TransposedSpec(3, 2)),
        lambda operation: "Stamps of a kernel of ones overlap unevenly: the output counts them."),
    Preset("Transposed convolution", "stride 2, kernel 4: even", lambda: TransposedConvolution(
        np.ones((1, 3, 3)), np.ones((1, 1, 4, 4)), None, TransposedSpec(4, 2, 1)),
        lambda operation: "A kernel that is a multiple of the stride reaches every inner cell alike."),
    Preset("Pooling", "maximum", _pool("max"), lambda operation: f"Output: {_values(operation)}"),
    Preset("Pooling", "mean", _pool("mean"), lambda operation: f"Output: {_values(operation)}"),
    Preset(
        "Pooling", "p-norm, p = 5, averaged", _pool("lp", p=5.0, averaged=True),
        lambda operation: f"Output: {_values(operation)}. The slide prints 4.86 and 8 where"
        f" {operation.value(0, 0, 0):.2f} and {operation.value(0, 0, 1):.2f} are right.",
    ),
    Preset(
        "Pooling", "PyTorch: LPPool2d, p = 5", _pool("lp", p=5.0),
        lambda operation: f"Output: {_values(operation)}. PyTorch does not divide by the window's size.",
    ),
    Preset(
        "Pooling", "size rounded up",
        lambda: Pooling(_ramp(1, 5, 5), PoolSpec("max", 2, 2, ceil_mode=True)),
        lambda operation: "Lecture 004 rounds the size up; PyTorch rounds down unless ceil_mode is set.",
    ),
    Preset("Pooling", "overlapping windows", lambda: Pooling(_ramp(1, 7, 7), PoolSpec("max", 3, 2))),
    Preset("Pooling", "global mean", lambda: Pooling(_ramp(2, 4, 4), AdaptiveSpec("mean", 1))),
    Preset("Pooling", "adaptive: 7 × 7 to 3 × 3", lambda: Pooling(_ramp(1, 7, 7), AdaptiveSpec("mean", 3))),
    *(
        Preset("Activation", name, _active(key, a))
        for key, name, a in (
            ("identity", "identity", 0.0), ("step", "binary step", 0.0), ("sigmoid", "sigmoid (logistic)", 0.0),
            ("tanh", "tanh", 0.0), ("arctan", "arctan", 0.0), ("relu", "ReLU", 0.0),
            ("leaky_relu", "leaky ReLU", 0.01), ("elu", "ELU", 1.0), ("softplus", "SoftPlus", 0.0),
        )
    ),
    Preset(
        "Normalisation", "batch norm", _batch_norm,
        lambda operation: "Lecture 004 writes σ = Var(F); it is the root of it, and PyTorch divides by √(Var + ε).",
    ),
    Preset(
        "Normalisation", "local response (AlexNet)", lambda: LocalResponse(_ramp(6, 3, 3), 5, 1e-4, 0.75, 2.0)
    ),
    Preset(
        "Dropout", "half of the values", lambda: Dropout(_ramp(2, 4, 4), 0.5, seed=0),
        lambda operation: "The lectures' p is the probability to keep; PyTorch's p is the probability to drop.",
    ),
    Preset("Dense and softmax", "a dense layer of three nodes", _dense),
    Preset("Dense and softmax", "flatten two maps", lambda: Flatten(_ramp(2, 3, 3))),
    Preset("Dense and softmax", "softmax of four classes", lambda: Softmax(np.array([2.0, 1.0, 0.1, -1.0]))),
    Preset("Dense and softmax", "a residual sum", _residual, lambda operation: "x + F(x), lecture 003."),
)  # fmt: skip

COUNTINGS: tuple[tuple[str, Counting], ...] = (
    ("64 × 64 × 3 to 1000 nodes", Counting(64, 3, 1000, 3, 64)),
    ("32 × 32 × 3 to 1024 nodes", Counting(32, 3, 1024, 3, 64)),
    ("64 kernels of 3 × 3 × 3", Counting(224, 3, 64, 3, 64)),
)


def input_of(operation: Operation) -> Array:
    """Return what an operation is given: maps (C, H, W) or a vector."""
    if isinstance(operation, Softmax):
        return operation.logits
    if isinstance(operation, Sum):
        return operation.inputs[0]
    return operation.x  # type: ignore[attr-defined,no-any-return]


def with_input(operation: Operation, x: Array) -> Operation:
    """Return the operation on another input of the same number of channels, or elements."""
    if isinstance(operation, Softmax):
        return replace(operation, logits=x)
    if isinstance(operation, Sum):
        return Sum((x, *(resized(other, x.shape) for other in operation.inputs[1:])), operation.signs)
    return replace(operation, x=x)  # type: ignore[type-var]


def with_cell(operation: Operation, place: tuple[int, int, int], value: float) -> Operation:
    """Return the operation with one value of its input replaced."""
    x = np.array(input_of(operation), np.float64)
    if x.ndim == 1:
        x[place[0]] = value
    else:
        x[place] = value
    return with_input(operation, x)


def resized(x: Array, shape: tuple[int, ...]) -> Array:
    """Return maps of another shape: cut off, or filled up with zeros, at the ends."""
    result = np.zeros(shape)
    both = tuple(slice(0, min(a, b)) for a, b in zip(x.shape, shape, strict=True))
    result[both] = x[both]
    return result


def check_size(height: int, width: int, channels: int = 1) -> None:
    """Refuse what no grid can show.

    Raises
    ------
    UserError
        When a side or the number of channels is out of its range.
    """
    if not (1 <= height <= MOST_SIDE and 1 <= width <= MOST_SIDE):
        raise UserError(
            f"A laboratory grid has 1 to {MOST_SIDE} rows and columns; {height:,} × {width:,} could not be read."
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise UserError(f"The laboratory has 1 to {MOST_CHANNELS} maps, not {channels:,}.")


def with_size(operation: Operation, height: int, width: int, channels: int | None = None) -> Operation:
    """Return the operation on an input of another size, its weights with as many channels.

    Raises
    ------
    UserError
        When the size cannot be shown, or the operation cannot take it.
    """
    x = input_of(operation)
    channels = len(x) if channels is None else channels
    check_size(height, width, channels)
    shape = (channels, height, width)
    if isinstance(operation, Convolution):
        weight = operation.weight
        if channels != len(x):
            if operation.spec.groups != 1:
                raise UserError("With groups the number of maps cannot be changed here; set groups to 1 first.")
            weight = resized(weight, (len(weight), channels, *weight.shape[2:]))
        changed: Operation = replace(operation, x=resized(x, shape), weight=weight)
    elif isinstance(operation, TransposedConvolution):
        weight = resized(operation.weight, (channels, *operation.weight.shape[1:]))
        changed = replace(operation, x=resized(x, shape), weight=weight)
    elif isinstance(operation, BatchNormalisation):
        four = operation.numbers
        arrays = [np.resize(a, channels) for a in (four.mean, four.var, four.gamma, four.beta)]
        numbers = BatchNorm(arrays[0], arrays[1], arrays[2], arrays[3], four.eps)
        changed = replace(operation, x=resized(x, shape), numbers=numbers)
    else:
        changed = with_input(operation, resized(x, shape))
    _ = changed.output_shape
    return changed


def with_filters(operation: Operation, count: int) -> Operation:
    """Return a convolution, or a dense layer, with another number of filters; new ones are zero.

    Raises
    ------
    UserError
        When there are too many, or groups do not divide them.
    """
    if not 1 <= count <= MOST_CHANNELS:
        raise UserError(f"The laboratory has 1 to {MOST_CHANNELS} filters, not {count:,}.")
    if isinstance(operation, TransposedConvolution):
        per_group = max(1, count // operation.spec.groups)
        weight = resized(operation.weight, (len(operation.weight), per_group, *operation.weight.shape[2:]))
        count = per_group * operation.spec.groups
    elif isinstance(operation, (Convolution, Dense)):
        weight = resized(operation.weight, (count, *operation.weight.shape[1:]))
    else:
        return operation
    bias = None if operation.bias is None else resized(operation.bias, (count,))
    changed = replace(operation, weight=weight, bias=bias)
    _ = changed.output_shape
    return changed


def with_bias(operation: Operation, values: list[float]) -> Operation:
    """Return the operation with other biases, one for each filter, or one for all.

    Raises
    ------
    UserError
        When there are as many as neither.
    """
    if not isinstance(operation, (Convolution, TransposedConvolution, Dense)):
        return operation
    filters = operation.output_shape[0]
    if len(values) not in (1, filters):
        wanted = "1 number" if filters == 1 else f"1 or {filters} numbers"
        raise UserError(f"The bias needs {wanted}; there are {len(values)}.")
    return replace(operation, bias=np.array(values * (filters if len(values) == 1 else 1), np.float64))


def with_values(operation: Operation, values: list[float]) -> Operation:
    """Return an operation on a vector with other values; a dense layer's weights grow or shrink with it.

    Raises
    ------
    UserError
        When there are none or too many.
    """
    if not 1 <= len(values) <= MOST_SIDE:
        raise UserError(f"The laboratory's vectors have 1 to {MOST_SIDE} numbers, not {len(values)}.")
    x = np.array(values, np.float64)
    if isinstance(operation, Dense):
        return replace(operation, x=x, weight=resized(operation.weight, (len(operation.weight), len(x))), folded=None)
    return with_input(operation, x)


def with_weights(operation: Operation, rows: list[list[float]]) -> Operation:
    """Return a dense layer with other weights, a row for each node.

    Raises
    ------
    UserError
        When a row has another length than the input.
    """
    if not isinstance(operation, Dense):
        return operation
    wrong = next((row for row in rows if len(row) != operation.x.size), None)
    if wrong is not None or not 1 <= len(rows) <= MOST_CHANNELS:
        raise UserError(f"Each of 1 to {MOST_CHANNELS} rows needs {operation.x.size} numbers.")
    bias = None if operation.bias is None else resized(operation.bias, (len(rows),))
    return replace(operation, weight=np.array(rows, np.float64), bias=bias)


def numbers(text: str, what: str) -> list[float]:
    """Read numbers separated by commas or blanks.

    Raises
    ------
    UserError
        When one is none.
    """
    found = []
    for part in text.replace(",", " ").replace("−", "-").split():
        try:
            value = float(part)
        except ValueError:
            raise UserError(f"'{part}' is no number for the {what}.") from None
        check_value(value, what)
        found.append(value)
    return found


def check_value(value: float, what: str) -> None:
    """Refuse what cannot be multiplied and added up.

    Raises
    ------
    UserError
        When it is infinite, no number, or very large.
    """
    if not np.isfinite(value):
        raise UserError(f"'{value}' is no number for the {what}.")
    if abs(value) > MOST_VALUE:
        raise UserError(f"{value:g} is too large for the {what}: the laboratory takes −1e12 to 1e12.")


def from_digit(operation: Operation, image_hw: Array) -> Operation:
    """Return the operation on the drawn digit in its first map, all maps as large as it."""
    height, width = image_hw.shape
    changed = with_size(operation, height, width)
    x = np.zeros((len(input_of(operation)), height, width))
    x[0] = np.round(image_hw, 3)
    return with_input(changed, x)


def from_photo(operation: Operation, pixels: npt.NDArray[np.uint8], channel: int) -> Operation:
    """Return the operation on one colour of a picture (H, W, 3), or on a grey one (H, W), 0 to 1, made small."""
    from PIL import Image

    plane = pixels if pixels.ndim == 2 else pixels[:, :, min(channel, pixels.shape[2] - 1)]
    side = min(plane.shape)
    top, left = (plane.shape[0] - side) // 2, (plane.shape[1] - side) // 2
    square = np.ascontiguousarray(plane[top : top + side, left : left + side])
    small = min(side, PHOTO_SIDE)
    resampled = np.asarray(Image.fromarray(square).resize((small, small), Image.Resampling.BOX), np.float64) / 255
    return from_digit(operation, resampled)


@dataclass(frozen=True)
class Ledger:
    """Parameters of a dense layer and of a convolution on the same image."""

    dense: int
    convolution: int

    @property
    def ratio(self) -> float:
        """How many times more the dense layer has."""
        return self.dense / self.convolution


def count(given: Counting) -> Ledger:
    """Return side·side·depth·nodes + nodes, and kernels·(kernel·kernel·depth + 1)."""
    dense = given.side * given.side * given.depth * given.nodes + given.nodes
    return Ledger(dense, given.kernels * (given.kernel * given.kernel * given.depth + 1))
