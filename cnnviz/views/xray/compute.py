"""What a block's branches give to its result: energies, shares, angles. numpy in float64, no Qt, no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cnnviz.core.branches import Block, Branch
from cnnviz.core.costs import count_text
from cnnviz.core.formats import adds_up, decimals_for, fixed, number
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray
from cnnviz.core.operations import Check

Float64Array = npt.NDArray[np.float64]
Values = Mapping[str, FloatArray]
Order = Literal["index", "branch", "size"]
ORDERS: tuple[Order, ...] = ("index", "branch", "size")
CANCELS, REINFORCES = -0.1, 0.1
"""A cosine beyond these is called cancelling or reinforcing; in a space of hundreds of axes, chance stays between."""


def as_rows(values: FloatArray) -> FloatArray:
    """Return a value as maps (C, H, W): a vector has maps of one cell, a sequence (T, D) a strip for each token."""
    if values.ndim == 3:
        return values
    return values.reshape(len(values), 1, -1) if values.ndim == 2 else values.reshape(-1, 1, 1)


@dataclass(frozen=True, eq=False)
class Residual:
    """A sum of two values, for one picture.

    Attributes
    ----------
    x_chw, f_chw
        The shortcut and the branch (C, H, W); a value that is spread out has the sum's shape, and one that is taken
        away its sign turned.
    sum_chw, after_chw
        What PyTorch made of them, and what the activation behind made of that, or ``None``.
    names
        What the two are called: ``x`` and ``F(x)``, where one of them is a shortcut.
    energy_x, energy_f, product
        ‖x‖², ‖F‖² and ⟨x, F⟩ of each channel, (C,), float64.
    """

    x_chw: FloatArray
    f_chw: FloatArray
    sum_chw: FloatArray
    after_chw: FloatArray | None
    names: tuple[str, str]
    energy_x: Float64Array
    energy_f: Float64Array
    product: Float64Array

    @property
    def shares(self) -> Float64Array:
        """The branch's share of each channel's energy, ‖F‖² / (‖x‖² + ‖F‖²); NaN where both are zero, (C,)."""
        return _quotient(self.energy_f, self.energy_x + self.energy_f)

    @property
    def cosines(self) -> Float64Array:
        """The cosine between shortcut and branch, channel by channel; NaN where one of them is zero, (C,)."""
        return np.clip(_quotient(self.product, np.sqrt(self.energy_x * self.energy_f)), -1, 1)

    @property
    def sizes(self) -> Float64Array:
        """‖x + F‖ of each channel, (C,)."""
        return np.sqrt(np.maximum(self.energy_x + self.energy_f + 2 * self.product, 0))

    @property
    def share(self) -> float:
        """The branch's share of all energy; NaN where there is none."""
        return _ratio(float(self.energy_f.sum()), float(self.energy_x.sum() + self.energy_f.sum()))

    @property
    def cosine(self) -> float:
        """The cosine between shortcut and branch over all channels; NaN where one is zero."""
        size = math.sqrt(float(self.energy_x.sum()) * float(self.energy_f.sum()))
        cosine = _ratio(float(self.product.sum()), size)
        return min(1.0, max(-1.0, cosine)) if cosine == cosine else cosine

    @property
    def change(self) -> float:
        """‖F‖ / ‖x‖: how much the block changes what it is given; infinite where x is zero, NaN where both are."""
        return relative_change(float(self.energy_x.sum()), float(self.energy_f.sum()))


def relative_change(energy_x: float, energy_f: float) -> float:
    """Return ‖F‖ / ‖x‖ from the two energies; infinite where x is zero, NaN where both are or one is no number."""
    if energy_x > 0 or energy_x != energy_x:
        return math.sqrt(energy_f / energy_x)
    return math.inf if energy_f > 0 else math.nan


def operands(block: Block, graph: Graph, values: Values) -> tuple[FloatArray, FloatArray] | None:
    """Return the two values that a sum adds, the shortcut first, as maps (C, H, W) of its shape.

    ``None`` where it is no sum of two, or one of them is multiplied first (``alpha``).
    """
    node = block.joining
    if node.kind != "sum" or len(block.branches) != 2 or len(node.inputs) != 2 or node.hyper.get("alpha", 1) != 1:
        return None
    sign = -1 if node.op.strip("_") in ("sub", "isub") else 1
    found: list[FloatArray] = []
    for n, branch in enumerate(block.branches):
        if branch.last not in values:
            return None
        value = values[branch.last]
        if value.shape != node.output_shape:
            try:
                value = np.broadcast_to(value, node.output_shape)
            except ValueError:
                return None
        found.append(as_rows(-value if n and sign < 0 else value))
    return (found[1], found[0]) if block.branches[1].is_shortcut else (found[0], found[1])


def energies(x_chw: FloatArray, f_chw: FloatArray) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return ‖x‖², ‖F‖² and ⟨x, F⟩ of each channel, added up in float64."""
    x = x_chw.reshape(len(x_chw), -1).astype(np.float64)
    f = f_chw.reshape(len(f_chw), -1).astype(np.float64)
    return np.einsum("ci,ci->c", x, x), np.einsum("ci,ci->c", f, f), np.einsum("ci,ci->c", x, f)


def residual(block: Block, graph: Graph, values: Values) -> Residual | None:
    """Return a sum with its shares, or ``None`` where it is none of two values; see `operands`."""
    pair = operands(block, graph, values)
    if pair is None or block.joining.name not in values:
        return None
    after = None
    if block.after is not None and block.after.name in values:
        after = as_rows(values[block.after.name])
    first, second = (branch.last for branch in block.branches)
    names = ("x", "F(x)") if block.is_residual else (first, second)
    return Residual(*pair, as_rows(values[block.joining.name]), after, names, *energies(*pair))


def order_channels(found: Residual, order: Order) -> npt.NDArray[np.intp]:
    """Return the channels: by number, the largest share of the branch first, or the largest sum first."""
    if order == "index":
        return np.arange(len(found.x_chw))
    key = found.shares if order == "branch" else found.sizes
    return np.argsort(-np.where(np.isnan(key), -1, key), kind="stable")


def sum_table(found: Residual) -> str:
    """Return every channel's numbers as a table with tabs between, for a spreadsheet."""
    x, f = found.names
    rows = [f"channel\t‖{x}‖²\t‖{f}‖²\t⟨{x}, {f}⟩\tshare of {f}\tcosine"]
    columns = (found.energy_x, found.energy_f, found.product, found.shares, found.cosines)
    for channel, numbers in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        rows.append("\t".join([str(channel), *(f"{value:.9g}" for value in numbers)]))
    return "\n".join(rows)


def words_of(cosine: float) -> str:
    """Return what an angle means for a sum."""
    if cosine != cosine:
        return "one of them is zero"
    return "cancelling" if cosine < CANCELS else "reinforcing" if cosine > REINFORCES else "independent"


def summary(found: Residual) -> str:
    """Return one line about a sum."""
    x, f = found.names
    if found.share != found.share:
        return f"{x} and {f} are zero everywhere for this input"
    change = number(found.change) if math.isfinite(found.change) else "∞"
    cosine = f" · cosine {number(found.cosine, 2)}, {words_of(found.cosine)}" if found.cosine == found.cosine else ""
    norm = "‖F‖ / ‖x‖" if (x, f) == ("x", "F(x)") else f"‖{f}‖ / ‖{x}‖"
    return f"{f}: {found.share:.0%} of the energy · {norm} = {change}{cosine}"


@dataclass(frozen=True)
class Arithmetic:
    """One cell of a sum, written out: the numbers, whether they add up as printed, and PyTorch's own."""

    x: str
    f: str
    total: str
    after: str
    exact: bool
    check: Check


def arithmetic(found: Residual, unit: int, row: int, col: int, digits: int = 4) -> Arithmetic:
    """Write one cell of a sum out."""
    x, f = float(found.x_chw[unit, row, col]), float(found.f_chw[unit, row, col])
    total = x + f
    decimals = decimals_for((x, f, total), digits)
    exact, _ = adds_up((x, f), total, decimals)
    after = "" if found.after_chw is None else fixed(float(found.after_chw[unit, row, col]), decimals)
    check = Check(total, float(found.sum_chw[unit, row, col]), abs(x) + abs(f))
    return Arithmetic(fixed(x, decimals), fixed(f, decimals), fixed(total, decimals), after, exact, check)


@dataclass(frozen=True, eq=False)
class Part:
    """What one branch gives to a concatenation.

    Attributes
    ----------
    branch
        The way.
    first, count
        Its channels in the result: from `first` on, so many.
    maps_chw
        Its maps.
    energy, share
        ‖·‖², and what part of the result's energy that is; NaN where all are zero.
    channel_energies
        The energy of each channel, (count,).
    """

    branch: Branch
    first: int
    count: int
    maps_chw: FloatArray
    energy: float
    share: float
    channel_energies: Float64Array

    @property
    def title(self) -> str:
        """The value that is joined."""
        return self.branch.last

    @property
    def cost(self) -> str:
        """Parameters and multiply-adds of the way."""
        if not self.branch.nodes:
            return "as it comes: no parameters"
        return f"{self.branch.parameters:,} parameters, {count_text(self.branch.macs)} multiply-adds"

    @property
    def channels(self) -> str:
        """Its channels in the result."""
        size = f"{self.maps_chw.shape[1]} × {self.maps_chw.shape[2]}"
        if self.count == 1:
            return f"channel {self.first}, {size}"
        return f"channels {self.first}–{self.first + self.count - 1}, {size}"


def parts(block: Block, graph: Graph, values: Values) -> tuple[Part, ...]:
    """Return what each branch gives to a concatenation; none where channels are not what is joined."""
    if block.joining.kind != "concatenation" or any(name not in values for name in block.joining.inputs):
        return ()
    dim = block.joining.hyper.get("dim", 0)
    if dim not in (1, -3) and not (dim == -1 and len(block.joining.output_shape) == 1):
        return ()
    given = [(name, as_rows(values[name])) for name in block.joining.inputs]
    if sum(len(maps) for _, maps in given) != block.joining.units:
        return ()
    by_last = {branch.last: branch for branch in block.branches}
    each = []
    for _, maps in given:
        flat = maps.reshape(len(maps), -1).astype(np.float64)
        each.append(np.einsum("ci,ci->c", flat, flat))
    total, first, found = sum(float(one.sum()) for one in each), 0, []
    for (name, maps), channels in zip(given, each, strict=True):
        energy = float(channels.sum())
        branch = by_last.get(name, Branch((), name, False))
        found.append(Part(branch, first, len(maps), maps, energy, _ratio(energy, total), channels))
        first += len(maps)
    return tuple(found)


def parts_table(found: tuple[Part, ...]) -> str:
    """Return every branch's numbers as a table with tabs between, for a spreadsheet."""
    rows = ["branch\tfirst channel\tchannels\t‖·‖²\tshare\tparameters\tmultiply-adds"]
    for part in found:
        numbers = f"{part.first}\t{part.count}\t{part.energy:.9g}\t{part.share:.9g}"
        rows.append(f"{part.title}\t{numbers}\t{part.branch.parameters}\t{part.branch.macs}")
    return "\n".join(rows)


def part_of(found: tuple[Part, ...], unit: int) -> int:
    """Return which branch a channel of the result comes from."""
    return next((n for n, part in enumerate(found) if part.first <= unit < part.first + part.count), 0)


def parts_summary(block: Block, found: tuple[Part, ...]) -> str:
    """Return one line about a concatenation."""
    largest = max(found, key=lambda part: part.energy)
    words = f"{len(found)} branches make {block.joining.units} channels"
    if largest.share == largest.share:
        words += f" · the most energy, {largest.share:.0%}, comes from {largest.title}"
    far = block.shortcut
    if far is not None and len(block.branches) == 2:
        inner = next(branch for branch in block.branches if branch is not far)
        words += f" · {far.last} skips {len(inner.nodes)} layers"
    return words


@dataclass(frozen=True)
class Change:
    """How much one block of a network changes what it is given; NaN while that is not known, or means nothing."""

    name: str
    title: str
    change: float


def change_of(block: Block, graph: Graph, values: Values) -> float:
    """Return ‖F‖ / ‖x‖ of a sum.

    Of a concatenation with one shortcut: what the other branches bring against what comes as it is. NaN elsewhere.
    """
    pair = operands(block, graph, values)
    if pair is not None and block.shortcut is not None:
        return relative_change(*(_energy(value) for value in pair))
    if block.joining.kind == "concatenation" and block.shortcut is not None:
        if any(branch.last not in values for branch in block.branches):
            return math.nan
        short = _energy(values[block.shortcut.last])
        other = sum(_energy(values[b.last]) for b in block.branches if b is not block.shortcut)
        return relative_change(short, other)
    return math.nan


def _energy(values: FloatArray) -> float:
    flat = values.astype(np.float64).ravel()
    return float(np.einsum("i,i->", flat, flat))  # not a BLAS product: its threads take turns with torch's


def limits(arrays: tuple[npt.NDArray[Any], ...]) -> float:
    """Return the largest magnitude in some arrays that is a number; 1 where there is none."""
    most = 0.0
    for array in arrays:
        if not array.size:
            continue
        size = max(float(array.max()), -float(array.min()))
        if not math.isfinite(size):
            size = float(np.max(np.abs(array), where=np.isfinite(array), initial=0.0))
        most = max(most, size)
    return most or 1.0


def label(block: Block) -> str:
    """Return a block's name for people: the module that it is, and what joins its branches."""
    name = block.joining.name
    return name if block.title == name else f"{block.title} · {within(block, name)}"


def within(block: Block, name: str) -> str:
    """Return a layer's name without the path of the block that it is in."""
    return name.removeprefix(f"{block.title}.")


def ways(block: Block) -> str:
    """Return what a block joins, in words for a list."""
    node: Node = block.joining
    kind = "x + F(x)" if block.is_residual else "sum" if node.kind == "sum" else f"{len(block.branches)} branches"
    return f"{label(block)}: {kind}, {node.shape_text}"


def _quotient(a: Float64Array, b: Float64Array) -> Float64Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(b > 0, a / b, np.nan), np.float64)


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else math.nan
