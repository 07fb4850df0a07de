"""Which pixels of the input a value can depend on: exactly, through skips, branches, dilation and up-sampling.

A `Graph` is walked backwards from one cell. Every operation that slides, pools or resizes treats rows and columns
apart, so each is two matrices of true and false, (out, in): which input row an output row reads, and which column.
What is read of the input is then ``Rᵀ · mask · C``, and the paths of a branch are united. A path's rectangle with the
holes of its dilation stays what it is; the recurrences of `cnnviz.core.graph.ReceptiveField` give its outline where
all paths have one stride. Which pixels a trained network really uses is another question: W. Luo, Y. Li, R. Urtasun
and R. Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", NIPS 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cnnviz.core.graph import Graph, Node, pad_before, pad_sides, pair

Mask = npt.NDArray[np.bool_]
Interval = tuple[int, int]
Layout = Literal["chw", "hwc", "other"]

_EACH_BY_ITSELF = frozenset(
    {"Identity", "StochasticDepth", "BatchNorm2d", "SyncBatchNorm", "FrozenBatchNorm2d", "batch_norm", "add", "add_",
     "iadd", "sub", "sub_", "isub", "rsub", "mul", "mul_", "imul", "div", "div_", "truediv", "itruediv", "neg", "abs",
     "pow", "exp", "sqrt", "clamp", "clamp_", "clamp_min", "clone", "contiguous", "detach", "float", "to", "maximum",
     "minimum", "lerp", "stochastic_depth", "dropout", "expand_as"}
)  # fmt: skip
"""Operations in which a value depends on those at its own place and of its own channel only."""
_ACROSS_CHANNELS = frozenset({"LocalResponseNorm", "local_response_norm", "LayerNorm2d", "ChannelShuffle", "Softmax2d"})
_PADDINGS = {
    "ZeroPad2d": "zeros", "ConstantPad2d": "zeros", "ReflectionPad2d": "reflect", "ReplicationPad2d": "replicate",
    "CircularPad2d": "circular",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class ReceptiveRegion:
    """The input pixels that a value can depend on.

    Attributes
    ----------
    mask_hw
        True where it can, with the size of the input.
    is_exact
        Whether every operation on the way was followed; else one of them counts as reading all that it is given.
    """

    mask_hw: Mask
    is_exact: bool

    @property
    def rows(self) -> Interval:
        """First row, and the one after the last; ``(0, 0)`` where no pixel is seen."""
        return _ends(np.asarray(self.mask_hw.any(1)))

    @property
    def cols(self) -> Interval:
        """First column, and the one after the last."""
        return _ends(np.asarray(self.mask_hw.any(0)))

    @property
    def is_whole(self) -> bool:
        """Whether every pixel is seen."""
        return bool(self.mask_hw.all())


def receptive_region(
    graph: Graph, layer: str, unit: int | None = None, cell: tuple[int, int] | None = None
) -> ReceptiveRegion:
    """Return the input pixels that a unit, or one cell of its map, can depend on.

    Parameters
    ----------
    graph, layer
        The network and the name of one of its nodes.
    unit
        A channel of a map, or an element of a vector; ``None``: all of them. It matters where branches have been put
        side by side, and where channels are read in groups.
    cell
        (row, column) of the map; ``None``: all cells.

    Raises
    ------
    ValueError
        When the network's input is no picture (C, H, W).
    """
    source = graph.nodes[0]
    if len(source.output_shape) != 3:
        raise ValueError(f"the input of '{graph.name}' is no picture")
    layouts = _layouts(graph)
    asked: dict[str, list[_Wanted]] = {layer: [_start(graph[layer], layouts[layer], unit, cell)]}
    for node in reversed(graph.nodes[1:]):
        want = _united(asked.pop(node.name, []))
        if want is not None:
            for name, before in zip(node.inputs, _before(node, graph, layouts, want), strict=True):
                asked.setdefault(name, []).append(before)
    found = _united(asked.get(source.name, []))
    if found is None:
        return ReceptiveRegion(np.zeros(source.output_shape[1:], np.bool_), True)
    return ReceptiveRegion(found.mask_hw, found.is_exact)


def receptive_interval(graph: Graph, layer: str, cell: tuple[int, int] | None = None) -> tuple[Interval, Interval]:
    """Return the rows and the columns of the input, half-open, that a cell of any unit can depend on."""
    region = receptive_region(graph, layer, cell=cell)
    return region.rows, region.cols


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What of a node's value is asked for: some channels of some cells; a vector has channels only."""

    channels: Mask
    mask_hw: Mask
    is_exact: bool = True


def _united(parts: Sequence[_Wanted]) -> _Wanted | None:
    """Return what several paths ask for together; ``None``: nothing. Most of them ask for the very same."""
    different = {(id(part.channels), id(part.mask_hw), part.is_exact): part for part in parts}
    parts = [part for part in different.values() if _asks(part.channels) and _asks(part.mask_hw)]
    if len(parts) < 2:
        return parts[0] if parts else None
    channels = np.logical_or.reduce([part.channels for part in parts])
    mask_hw = np.logical_or.reduce([part.mask_hw for part in parts])
    return _Wanted(_known(channels), _known(mask_hw), all(part.is_exact for part in parts))


@lru_cache(maxsize=256)
def _all(*shape: int) -> Mask:
    """Return a mask that asks for everything, the same object for each shape: what is the same is united at no cost."""
    mask = np.ones(shape, np.bool_)
    mask.flags.writeable = False
    return mask


def _asks(mask: Mask) -> bool:
    return mask is _all(*mask.shape) or bool(mask.any())


def _known(mask: Mask) -> Mask:
    return _all(*mask.shape) if mask.all() else mask


def _ends(along: Mask) -> Interval:
    places = np.flatnonzero(along)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def _layouts(graph: Graph) -> dict[str, Layout]:
    """Return for each node where its rows and columns are: last, first, or nowhere."""
    found: dict[str, Layout] = {}
    for node in graph.nodes:
        shape = node.output_shape
        before = graph[node.inputs[0]] if node.inputs else None
        if before is None or before.name not in found:
            found[node.name] = "chw" if len(shape) == 3 else "other"
            continue
        layout, given = found[before.name], before.output_shape
        if _turns(node) and len(given) == 3 and len(shape) == 3:
            if layout == "chw" and shape == (*given[1:], given[0]):
                layout = "hwc"
            elif layout == "hwc" and shape == (given[2], *given[:2]):
                layout = "chw"
        elif len(shape) < 3 or (layout == "hwc" and len(shape) != 3):
            layout = "other"
        elif layout == "other":
            layout = "chw" if len(shape) == 3 else "other"
        found[node.name] = layout
    return found


def _turns(node: Node) -> bool:
    return node.op.lower() == "permute"


def _frame(node: Node, layout: Layout) -> tuple[int, int, int]:
    """Return how many channels, rows and columns a node's value has; a vector has channels only."""
    shape = node.output_shape
    if layout == "chw":
        return math.prod(shape[:-2]), shape[-2], shape[-1]
    if layout == "hwc":
        return shape[2], shape[0], shape[1]
    return math.prod(shape), 1, 1


def _everything(node: Node, layout: Layout, *, is_exact: bool = True) -> _Wanted:
    channels, height, width = _frame(node, layout)
    return _Wanted(_all(channels), _all(height, width), is_exact)


def _start(node: Node, layout: Layout, unit: int | None, cell: tuple[int, int] | None) -> _Wanted:
    """Return a unit, and a cell of it, as views count them: along the first axis, and the other two."""
    want = _everything(node, layout)
    channel: int | None = unit
    row: int | None = cell[0] if cell is not None else None
    column: int | None = cell[1] if cell is not None else None
    if layout == "hwc":
        channel, row, column = (column, unit, row)
    if channel is not None and (layout != "other" or len(node.output_shape) == 1):
        want = _Wanted(_one(len(want.channels), channel), want.mask_hw)
    for axis, place in enumerate((row, column)):
        if place is not None:
            along = _one(want.mask_hw.shape[axis], place)
            want = _Wanted(want.channels, want.mask_hw & (along[:, None] if axis == 0 else along[None, :]))
    return want


def _one(count: int, place: int) -> Mask:
    mask = np.zeros(count, np.bool_)
    mask[place] = True
    return mask


def _before(node: Node, graph: Graph, layouts: Mapping[str, Layout], want: _Wanted) -> list[_Wanted]:
    """Return what is asked for of each of a node's inputs."""
    sources = [graph[name] for name in node.inputs]
    joins = node.kind == "concatenation" and all(layouts[name] == "chw" for name in (node.name, *node.inputs))
    if joins and _joins_channels(node) and len(sources) == len(node.input_shapes):
        counts = [shape[0] for shape in node.input_shapes]
        if want.channels is _all(sum(counts)):
            return [_Wanted(_all(count), want.mask_hw, want.is_exact) for count in counts]
        parts = np.split(want.channels, np.cumsum(counts)[:-1])
        return [_Wanted(part, want.mask_hw, want.is_exact) for part in parts]
    return [_before_one(node, index, source, layouts, want) for index, source in enumerate(sources)]


def _before_one(node: Node, index: int, source: Node, layouts: Mapping[str, Layout], want: _Wanted) -> _Wanted:
    """Return what is asked for of one of a node's inputs."""
    layout, given = layouts[node.name], layouts[source.name]
    channels, height, width = _frame(source, given)
    if node.kind == "flatten" and given == "chw":
        found = _unflattened(node, source, (channels, height, width), want)
    elif node.kind == "flatten" and given == "other" and math.prod(source.output_shape) == math.prod(node.output_shape):
        found = want
    elif layout == given == "chw" and want.mask_hw.shape == (height, width) and _is_local(node, layout):
        found = _Wanted(_channels(node, index, want.channels, channels), want.mask_hw)
    else:
        matrices = _matrices(node, source, layout, given)
        if matrices is None:
            return _everything(source, given, is_exact=want.is_exact and _reads_all(node, layout))
        down, across = matrices
        found = _Wanted(_channels(node, index, want.channels, channels), _read(want.mask_hw, down, across))
    return _Wanted(found.channels, found.mask_hw, want.is_exact and found.is_exact)


def _read(mask_hw: Mask, down: Mask, across: Mask) -> Mask:
    """Return which cells of an input are read for those of a mask: ``downᵀ · mask · across``, as true and false."""
    if mask_hw is _all(*mask_hw.shape):
        return _known(np.logical_and.outer(down.any(0), across.any(0)))
    rows, cols = np.flatnonzero(mask_hw.any(1)), np.flatnonzero(mask_hw.any(0))
    down, across, inside = down[rows], across[cols], mask_hw[np.ix_(rows, cols)]
    if inside.all():  # a product of rows and columns stays one
        return _known(np.logical_and.outer(down.any(0), across.any(0)))
    read = down.T.astype(np.float32) @ inside.astype(np.float32) @ across.astype(np.float32)
    return _known(read > 0)


def _unflattened(node: Node, source: Node, frame: tuple[int, int, int], want: _Wanted) -> _Wanted:
    """Return which channels and cells some elements of a row, or of a stack with other leading axes, come from."""
    channels, height, width = frame
    if len(want.channels) == channels and want.mask_hw.shape == (height, width):
        return want  # only the leading axes are others
    if len(want.channels) != channels * height * width:
        return _everything(source, "chw", is_exact=False)
    stack = want.channels.reshape(channels, height, width)
    return _Wanted(np.asarray(stack.any((1, 2))), np.asarray(stack.any(0)))


def _reads_all(node: Node, layout: Layout) -> bool:
    """Return whether an operation is known to read all that it is given, for every value."""
    if node.kind in ("linear", "output", "softmax"):
        return layout == "other" and len(node.output_shape) == 1
    if node.op == "mean":
        given = node.input_shapes[0] if node.input_shapes else ()
        return len(given) == 3 and node.output_shape in ((given[0],), (given[0], 1, 1))
    return any(part in node.op for part in ("InstanceNorm", "GroupNorm", "group_norm", "instance_norm"))


def _matrices(node: Node, source: Node, layout: Layout, given: Layout) -> tuple[Mask, Mask] | None:
    """Return which rows and which columns of an input each row and column of a value reads; ``None``: not known."""
    _, *before = _frame(source, given)
    _, *after = _frame(node, layout)
    if layout == "other":
        if len(node.output_shape) == len(source.output_shape) == 1 and _is_local(node, layout):
            return np.ones((1, 1), np.bool_), np.ones((1, 1), np.bool_)
        return None
    if _is_local(node, layout):
        ways = [_alike(out, into) for out, into in zip(after, before, strict=True)]
    elif given == "other":
        return None
    else:
        ways = [_along(node, axis, out, into) for axis, (out, into) in enumerate(zip(after, before, strict=True))]
    down, across = ways
    return (down, across) if down is not None and across is not None else None


def _is_local(node: Node, layout: Layout) -> bool:
    """Return whether a value depends on the values at its own place only."""
    if node.op in ("softmax", "Softmax", "log_softmax", "LogSoftmax"):
        return layout == "chw" and node.hyper.get("dim") == 1
    if node.kind == "convolution":
        return layout == "chw" and _is_pointwise(node)
    if node.kind in ("activation", "dropout", "sum", "concatenation"):
        return node.op not in ("MultiheadAttention",) and (node.kind != "concatenation" or _joins_channels(node))
    if node.op in ("LayerNorm", "Linear", "layer_norm", "linear"):
        return layout == "hwc"
    if node.op == "transpose":
        rank = len(node.output_shape) + 1  # with the batch axis
        named = {int(node.hyper.get(key, 0)) % rank for key in ("dim0", "dim1")}
        return layout == "chw" and rank > 4 and not named & {0, rank - 1, rank - 2}
    if node.op == "getitem":
        return layout == "chw" and len(node.input_shapes) == 1 and node.input_shapes[0][-2:] == node.output_shape[-2:]
    return _turns(node) or node.op in _EACH_BY_ITSELF or node.op in _ACROSS_CHANNELS


def _is_pointwise(node: Node) -> bool:
    """Return whether a convolution has one weight for each channel, and moves nothing."""
    hyper = node.hyper
    return pair(hyper.get("kernel_size", 0)) == pair(hyper.get("stride", 1)) == (1, 1) and all(
        pad_sides(hyper, axis) == (0, 0) for axis in (0, 1)
    )


def _joins_channels(node: Node) -> bool:
    """Return whether inputs of one size stand behind each other in the first axis."""
    shapes = node.input_shapes
    return (
        all(len(shape) == len(node.output_shape) and shape[1:] == node.output_shape[1:] for shape in shapes)
        and sum(shape[0] for shape in shapes) == node.output_shape[0]
    )


def _channels(node: Node, index: int, wanted: Mask, count: int) -> Mask:
    """Return which channels of an input some channels of a value read."""
    if node.kind == "concatenation" and _joins_channels(node):
        first = sum(shape[0] for shape in node.input_shapes[:index])
        return wanted[first : first + count]
    if node.kind == "convolution":
        return _convolved(node, wanted, count)
    alike = node.op not in _ACROSS_CHANNELS and (
        node.kind in ("activation", "dropout", "sum", "pooling")
        or node.op in _EACH_BY_ITSELF
        or "Pad2d" in node.op
        or node.op in ("Upsample", "interpolate")
    )
    if alike and len(wanted) == count:
        return wanted
    return _all(count)


def _convolved(node: Node, wanted: Mask, count: int) -> Mask:
    connections = node.hyper.get("connections")
    if isinstance(connections, tuple):
        read = np.zeros(count, np.bool_)
        for unit in np.flatnonzero(wanted):
            read[list(connections[unit])] = True
        return read
    groups = int(node.hyper.get("groups", 1))
    if groups < 2 or len(wanted) % groups or count % groups:
        return _all(count)
    return np.repeat(wanted.reshape(groups, -1).any(1), count // groups)


@lru_cache(maxsize=64)
def _alike(out: int, into: int) -> Mask | None:
    """Return the matrix of an axis along which nothing moves; a single value is spread over all."""
    if out == into:
        return np.eye(out, dtype=np.bool_)
    return np.ones((out, into), np.bool_) if into == 1 else None


def _along(node: Node, axis: int, out: int, into: int) -> Mask | None:
    """Return which places along an axis of the input each place of the output reads."""
    op, hyper = node.op, node.hyper
    if op.lower().startswith("adaptive"):
        return _adaptive(out, into)
    if op in ("Upsample", "interpolate", "UpsamplingNearest2d", "UpsamplingBilinear2d"):
        return _resized_by(node, axis, out, into)
    if op in _PADDINGS and len(hyper.get("padding", ())) == 4:
        before = int(hyper["padding"][2 if axis == 0 else 0])
        return _window(out, into, 1, 1, before, 1, _PADDINGS[op])
    if op == "PixelShuffle" and out % into == 0:
        return _nearest(out, into)
    if op == "PixelUnshuffle" and into % out == 0:
        return _window(out, into, into // out, into // out, 0, 1, "zeros")
    if "kernel_size" not in hyper or node.kind not in ("convolution", "pooling", "other"):
        return None
    return _slid(node, axis, out, into)


def _slid(node: Node, axis: int, out: int, into: int) -> Mask | None:
    """Return the matrix of a sliding window, if its sizes are those of the values."""
    hyper = node.hyper
    kernel, dilation = pair(hyper["kernel_size"])[axis], pair(hyper.get("dilation", 1))[axis]
    stride = pair(hyper.get("stride") or hyper["kernel_size"])[axis]
    reach = dilation * (kernel - 1) + 1
    before = pad_before(hyper, axis)
    if "Transpose" in node.op or "transpose" in node.op:
        grown = (into - 1) * stride - 2 * before + reach + pair(hyper.get("output_padding", 0))[axis]
        return _spread(out, into, kernel, stride, before, dilation) if grown == out else None
    padding = hyper.get("padding", 0)
    if padding == "same":
        fits = out == into
    else:
        room = into + sum(pad_sides(hyper, axis)) - reach
        fits = out in (room // stride + 1, -(-room // stride) + 1 if hyper.get("ceil_mode") else -1)
    return (
        _window(out, into, kernel, stride, before, dilation, str(hyper.get("padding_mode", "zeros"))) if fits else None
    )


@lru_cache(maxsize=256)
def _window(out: int, into: int, kernel: int, stride: int, before: int, dilation: int, mode: str) -> Mask:
    """Return the matrix of a window of `kernel` places; what lies outside is padding, or stands for other places."""
    places = np.arange(out)[:, None] * stride - before + np.arange(kernel)[None, :] * dilation
    if mode == "circular":
        places = places % into
    elif mode == "replicate":
        places = np.clip(places, 0, into - 1)
    elif mode == "reflect" and into > 1:
        places = np.abs((places + into - 1) % (2 * into - 2) - (into - 1))
    matrix = np.zeros((out, into), np.bool_)
    inside = (places >= 0) & (places < into)
    matrix[np.nonzero(inside)[0], places[inside]] = True
    return matrix


@lru_cache(maxsize=64)
def _spread(out: int, into: int, kernel: int, stride: int, before: int, dilation: int) -> Mask:
    """Return the matrix of a transposed convolution: input i reaches i · stride − padding + k · dilation."""
    places = np.arange(into)[:, None] * stride - before + np.arange(kernel)[None, :] * dilation
    matrix = np.zeros((out, into), np.bool_)
    inside = (places >= 0) & (places < out)
    matrix[places[inside], np.nonzero(inside)[0]] = True
    return matrix


@lru_cache(maxsize=64)
def _adaptive(out: int, into: int) -> Mask:
    """Return the matrix of adaptive pooling: from ⌊i · in / out⌋ to ⌈(i + 1) · in / out⌉."""
    places = np.arange(into)[None, :]
    index = np.arange(out)[:, None]
    return np.asarray((places >= index * into // out) & (places < -(-(index + 1) * into // out)))


def _resized_by(node: Node, axis: int, out: int, into: int) -> Mask | None:
    """Return the matrix of `interpolate`, by its mode."""
    hyper: Mapping[str, Any] = node.hyper
    mode = str(hyper.get("mode", "bilinear" if "Bilinear" in node.op else "nearest"))
    factor = hyper.get("scale_factor")
    factor = factor[axis] if isinstance(factor, tuple) else factor
    ratio = 1 / float(factor) if factor and not hyper.get("recompute_scale_factor") else into / out
    if mode == "nearest":
        return _nearest(out, into, ratio)
    if mode == "nearest-exact":
        return _nearest(out, into, ratio, 0.5)
    if mode == "area":
        return _adaptive(out, into)
    corners = bool(hyper.get("align_corners", "Bilinear" in node.op))
    return _blended(out, into, ratio, mode, corners) if mode in ("bilinear", "bicubic") else None


def _nearest(out: int, into: int, ratio: float | None = None, shift: float = 0.0) -> Mask:
    places = np.floor((np.arange(out) + shift) * (into / out if ratio is None else ratio)).astype(int)
    matrix = np.zeros((out, into), np.bool_)
    matrix[np.arange(out), np.clip(places, 0, into - 1)] = True
    return matrix


def _blended(out: int, into: int, ratio: float, mode: str, corners: bool) -> Mask:
    """Return the matrix of linear or cubic interpolation: the neighbours whose weight is not 0."""
    if corners:
        at = np.arange(out) * ((into - 1) / (out - 1) if out > 1 else 0.0)
    else:
        at = (np.arange(out) + 0.5) * ratio - 0.5
        at = np.maximum(at, 0) if mode == "bilinear" else at
    first = np.floor(at).astype(int)
    between = at - first > 1e-6
    steps = (0, 1) if mode == "bilinear" else (-1, 0, 1, 2)
    matrix = np.zeros((out, into), np.bool_)
    for step in steps:
        rows = np.flatnonzero(between | (step == 0))
        matrix[rows, np.clip(first[rows] + step, 0, into - 1)] = True
    return matrix
