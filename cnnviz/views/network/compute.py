"""Where every layer of the map lies, and which values a value was computed from. No Qt."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from cnnviz.core.costs import COSTS, cost_of, cost_text
from cnnviz.core.folding import Group, Item
from cnnviz.core.formats import number
from cnnviz.core.graph import Graph, Node, pad_before, pair
from cnnviz.core.inspection import FloatArray
from cnnviz.core.mosaic import MosaicLayout, best_columns
from cnnviz.core.scale import map_shape

GAP_PX = 14
HEADER_LINES = 2
HEADER_PX = 14
"""Room around these lines, and for the bar of a cost below them."""
LEAST_GAP_PX = 6
USUAL_COLUMN_PX = 32
MANY_COLUMNS = 24
COLUMN_LINES, WIDE_COLUMN_LINES = 2.0, 2.7
"""No column is narrower, in lines of text: names must be told apart. Where there are many, one pans all the same."""
ARC_PX = 26
LEAST_PICTURE_PX = 40
FEW = 16
Rect = tuple[int, int, int, int]
"""x, y, width, height."""


@dataclass(frozen=True)
class Box:
    """One layer of the map.

    Attributes
    ----------
    node
        The layer.
    mosaic
        How its maps are tiled.
    scale
        Pixels of the screen for one value: whole, or quarters for maps too large for that.
    x, y, width, height
        The tiled picture on the canvas, in pixels.
    column_x, column_width, name_y
        The column it stands in, and where its name is.
    item
        What it stands for: the layer alone, or a folded group that ends with it.
    depth
        The column's number.
    bottom
        Where its share of the height ends.
    """

    node: Node
    mosaic: MosaicLayout
    scale: float
    x: int
    y: int
    width: int
    height: int
    column_x: int
    column_width: int
    name_y: int
    item: Item
    depth: int
    bottom: int

    def unit_rect(self, unit: int) -> Rect:
        """Return where a unit's map is on the canvas."""
        return self._scaled(*self.mosaic.tile_rect(unit))

    def cell_rect(self, unit: int, rows: tuple[int, int], columns: tuple[int, int]) -> Rect:
        """Return where the cells [rows) × [columns) of a unit's map are, clipped to the map."""
        x, y, w, h = self.mosaic.tile_rect(unit)
        top, bottom = max(0, rows[0]), min(h, rows[1])
        left, right = max(0, columns[0]), min(w, columns[1])
        return self._scaled(x + left, y + top, max(0, right - left), max(0, bottom - top))

    def _scaled(self, x: int, y: int, width: int, height: int) -> Rect:
        left, top = round(x * self.scale), round(y * self.scale)
        right, bottom = round((x + width) * self.scale), round((y + height) * self.scale)
        return self.x + left, self.y + top, right - left, bottom - top

    def at(self, x: float, y: float) -> tuple[int, int, int] | None:
        """Return (unit, row, column) under a point of the canvas, or ``None``."""
        inside = self.x <= x < self.x + self.width and self.y <= y < self.y + self.height
        return self.mosaic.at(int((x - self.x) / self.scale), int((y - self.y) / self.scale)) if inside else None


@dataclass(frozen=True)
class Frame:
    """The outline of an unfolded group on the canvas; its title stands in the first line, from `y` on."""

    group: Group
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class MapLayout:
    """All layers on a canvas of `width` × `height` pixels, `gap` pixels between columns."""

    boxes: tuple[Box, ...]
    width: int
    height: int
    gap: int
    frames: tuple[Frame, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Box]:
        return {box.node.name: box for box in self.boxes}

    def box(self, name: str) -> Box | None:
        """Return the box of a layer."""
        return self._by_name.get(name)

    @cached_property
    def _owners(self) -> dict[str, Box]:
        return {node.name: box for box in self.boxes for node in box.item.nodes}

    def around(self, name: str) -> Box | None:
        """Return the box of a layer, or of the folded group that it is hidden in."""
        return self._owners.get(name)

    def between(self, left: float, right: float) -> tuple[Box, ...]:
        """Return the boxes whose columns reach into a part of the canvas."""
        return tuple(
            b for b in self.boxes if b.column_x + b.column_width + self.gap > left and b.column_x - self.gap < right
        )

    def title_at(self, x: float, y: float, line_px: int) -> Group | None:
        """Return the group whose title is under a point: the frame's of an unfolded one, the name of a folded one."""
        for frame in reversed(self.frames):  # the inner before the outer
            if frame.x <= x < frame.x + frame.width and frame.y <= y < frame.y + line_px:
                return frame.group
        for box in self.boxes:
            inside = box.column_x - self.gap // 2 <= x < box.column_x + box.column_width + self.gap // 2
            if box.item.group is not None and inside and box.name_y <= y < box.name_y + line_px + 4:
                return box.item.group
        return None

    def at(self, x: float, y: float) -> tuple[Box, tuple[int, int, int] | None] | None:
        """Return the layer whose column is under a point, and (unit, row, column) where a map is."""
        for box in self.boxes:
            found = box.at(x, y)
            if found is not None:
                return box, found
        for box in self.boxes:
            if box.column_x <= x < box.column_x + box.column_width and box.name_y <= y < box.y + box.height:
                return box, None
        return None


def arrange(
    graph: Graph, width: int, height: int, line_px: int, zoom: float = 1.0, items: Sequence[Item] | None = None
) -> MapLayout:
    """Place every layer: columns by depth, branches side by side below each other.

    Parameters
    ----------
    graph
        The network.
    width, height
        Pixels of the screen that the map may fill at zoom 1.
    line_px
        Height of a line of text; each layer carries `HEADER_LINES` of them above it.
    zoom
        1 fits the map into the screen.
    items
        What is shown of it, where groups are folded (`cnnviz.core.folding`); every layer where it is not given.
    """
    shown = tuple(items) if items is not None else tuple(Item(node, None, node.inputs) for node in graph.nodes)
    columns = _columns(shown)
    lanes = _lanes(shown, columns)
    depths = {item.node.name: depth for depth, column in enumerate(columns) for item in column}
    weights = [max(_weight(item.node) for item in column) for column in columns]
    canvas_w, canvas_h = round(width * zoom), round(max(height, _least_height(shown, lanes, line_px)) * zoom)
    # Where there is little room the gaps give way first, then the columns; beyond that one pans.
    least = line_px * (COLUMN_LINES if len(columns) <= MANY_COLUMNS else WIDE_COLUMN_LINES * zoom)
    gap = min(GAP_PX, max(LEAST_GAP_PX, (canvas_w - len(columns) * USUAL_COLUMN_PX) // (len(columns) + 1)))
    free = max(len(columns) * least, canvas_w - gap * (len(columns) + 1))
    unit_px = free / sum(weights)
    leaping = any(depths[i.node.name] - depths[source] > 1 for i in shown for source in i.inputs)
    stack_h = canvas_h - (ARC_PX if leaping else 0)
    boxes: list[Box] = []
    x = float(gap)
    for depth, (column, weight) in enumerate(zip(columns, weights, strict=True)):
        column_px = weight * unit_px
        rooms = [_room(lanes[item.node.name], stack_h) for item in column]
        boxes += _stack(column, rooms, depth, round(x), max(line_px, int(column_px)), line_px)
        x += column_px + gap
    order = {item.node.name: n for n, item in enumerate(shown)}
    boxes.sort(key=lambda box: order[box.node.name])
    return MapLayout(tuple(boxes), max(canvas_w, int(x)), canvas_h, gap, _frames(boxes, gap, line_px))


def _columns(items: Sequence[Item]) -> list[list[Item]]:
    """Group what is shown by its longest path from the input."""
    depth: dict[str, int] = {}
    for item in items:
        depth[item.node.name] = 1 + max((depth[source] for source in item.inputs if source in depth), default=-1)
    columns: list[list[Item]] = [[] for _ in range(max(depth.values()) + 1)]
    for item in items:
        columns[depth[item.node.name]].append(item)
    return columns


Lane = tuple[float, float]
"""First and last part of the height, as fractions."""


def _lanes(items: Sequence[Item], columns: Sequence[Sequence[Item]]) -> dict[str, Lane]:
    """Return each item's share of the height: where paths part they share it, where they meet they have it again."""
    parting: dict[str, list[str]] = {}
    for item in items:
        if len(item.inputs) == 1:
            parting.setdefault(item.inputs[0], []).append(item.node.name)
    lanes: dict[str, Lane] = {}
    for item in items:
        known = [lanes[source] for source in item.inputs if source in lanes]
        if not known:
            lanes[item.node.name] = (0.0, 1.0)
        elif len(item.inputs) == 1:
            low, high = known[0]
            branches = parting[item.inputs[0]]
            index, share = branches.index(item.node.name), (high - low) / len(branches)
            lanes[item.node.name] = (low + index * share, low + (index + 1) * share)
        else:
            lanes[item.node.name] = (min(low for low, _ in known), max(high for _, high in known))
    for column in columns:
        ends = sorted(lanes[item.node.name] for item in column)
        if any(low < high - 1e-9 for (_, high), (low, _) in itertools.pairwise(ends)):  # paths that cross
            lanes.update((item.node.name, (n / len(column), (n + 1) / len(column))) for n, item in enumerate(column))
    return lanes


def _least_height(items: Sequence[Item], lanes: Mapping[str, Lane], line_px: int) -> float:
    """Return how high the canvas must be for each path to have room for names and a small picture."""
    return (
        max(
            (line_px * (len(item.inside) + HEADER_LINES) + HEADER_PX + 8 + LEAST_PICTURE_PX) / (high - low)
            for item in items
            for low, high in (lanes[item.node.name],)
            if high > low and high - low < 1
        )
        if any(high - low < 1 for low, high in lanes.values())
        else 0.0
    )


def _room(lane: Lane, height: int) -> tuple[int, int]:
    """Return where a lane begins on the canvas, and its height."""
    top, bottom = round(lane[0] * height), round(lane[1] * height)
    return top, bottom - top


def _frames(boxes: Sequence[Box], gap: int, line_px: int) -> tuple[Frame, ...]:
    """Return the outlines of the unfolded groups, the outer before the inner."""
    members: dict[str, tuple[Group, int, list[Box]]] = {}
    for box in boxes:
        for depth, group in enumerate(box.item.inside):
            members.setdefault(group.path, (group, depth, []))[2].append(box)
    frames = []
    for group, depth, inside in sorted(members.values(), key=lambda member: member[1]):
        left = min(box.column_x for box in inside) - gap // 2
        right = max(box.column_x + box.column_width for box in inside) + gap // 2
        top = min(box.name_y - line_px * (len(box.item.inside) - depth) for box in inside)
        bottom = max(box.bottom for box in inside) - 3 * depth
        frames.append(Frame(group, left + depth, top, right - left - 2 * depth, bottom - top))
    return tuple(frames)


def _weight(node: Node) -> float:
    """Return a column's share of the width."""
    if node.kind == "input":
        return 2.2
    if not node.is_map:
        return 1.0
    return 1.7


def _stack(
    items: Sequence[Item], rooms: Sequence[tuple[int, int]], depth: int, x: int, width: int, line_px: int
) -> list[Box]:
    """Place the layers of one column below each other, each centred in its share of the height."""
    header = HEADER_LINES * line_px + HEADER_PX
    boxes = []
    for item, (start, share) in zip(items, rooms, strict=True):
        node, above = item.node, line_px * len(item.inside)
        count, h, w = map_shape(node)
        room_h = max(8, share - above - header - 8)
        few = not node.is_map and count <= FEW  # one below the other, so that names fit beside them
        columns = 1 if few else _best_columns(count, h, w, width, room_h)
        mosaic = MosaicLayout(count, h, w, columns, 1 if h * w > 1 else 0)
        picture_w, picture_h = mosaic.picture_size
        scale = _whole(min(width / picture_w, room_h / picture_h))
        w_px, h_px = round(picture_w * scale), round(picture_h * scale)
        name_y = start + above
        top = name_y + header + max(0, (room_h - h_px) // 2)
        left = x + (width - w_px) // 2
        boxes.append(Box(node, mosaic, scale, left, top, w_px, h_px, x, width, name_y, item, depth, start + share))
    return boxes


_best_columns = lru_cache(maxsize=4096)(best_columns)  # a network of 500 layers has few shapes


def _whole(scale: float) -> float:
    """Return the largest scale, not above `scale`, at which the pixels of a map look alike."""
    if scale >= 3:
        return float(int(scale))
    if scale >= 1:
        return int(scale * 4) / 4
    return scale


@dataclass(frozen=True)
class Source:
    """Values that a value was computed from.

    Attributes
    ----------
    layer
        The layer that is read.
    units
        Its units that are read; ``None`` means all.
    rows, columns
        Half-open window in each of those maps, padding included; ``None`` means the whole map.
    """

    layer: str
    units: tuple[int, ...] | None
    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None


def sources(graph: Graph, layer: str, unit: int, cell: tuple[int, int] | None) -> tuple[Source, ...]:
    """Return what the value of `unit` (at `cell`, or its whole map) was computed from, one for each input."""
    node = graph[layer]
    if node.kind == "concatenation":
        name, own = joined_from(graph, node, unit)
        return (_source(node, graph[name], own, cell),)
    return tuple(_source(node, graph[name], unit, cell) for name in node.inputs)


def joined_from(graph: Graph, node: Node, unit: int) -> tuple[str, int]:
    """Return of which input of a concatenation a channel is, and which of its channels."""
    first = 0
    for name in node.inputs:
        count = graph[name].units
        if unit < first + count:
            return name, unit - first
        first += count
    return node.inputs[-1], min(unit, graph[node.inputs[-1]].units - 1)


def _source(node: Node, before: Node, unit: int, cell: tuple[int, int] | None) -> Source:
    if node.kind == "flatten" and before.is_map and not node.is_map:
        channel, row, column = (int(i) for i in np.unravel_index(unit, before.output_shape))
        return Source(before.name, (channel,), (row, row + 1), (column, column + 1))
    rows = columns = None
    if cell is not None and node.is_map and before.is_map:
        rows, columns = (_window(node, before, axis, cell[axis]) for axis in (0, 1))
    return Source(before.name, _units_read(node, before, unit), rows, columns)


def _units_read(node: Node, before: Node, unit: int) -> tuple[int, ...] | None:
    """Return which channels of `before` a unit reads; ``None`` means all."""
    connections = node.hyper.get("connections")
    if connections is not None:
        return tuple(int(i) for i in connections[unit])
    if node.kind == "convolution":
        groups = int(node.hyper.get("groups", 1))
        if groups == 1:
            return None
        per_group = before.units // groups
        first = unit // (node.units // groups) * per_group
        return tuple(range(first, first + per_group))
    if node.kind in ("linear", "softmax", "output"):
        return None
    if node.kind == "concatenation":
        return (unit,)
    return (unit,) if before.units == node.units else None


def _window(node: Node, before: Node, axis: int, index: int) -> tuple[int, int] | None:
    """Return the half-open interval of `before` that cell `index` of `node` reads along an axis."""
    hyper = node.hyper
    if "kernel_size" in hyper:
        kernel = pair(hyper["kernel_size"])[axis]
        stride = pair(hyper.get("stride") or hyper["kernel_size"])[axis]
        dilation = pair(hyper.get("dilation", 1))[axis]
        start = index * stride - pad_before(hyper, axis)
        return start, start + dilation * (kernel - 1) + 1
    if before.output_shape[axis + 1] == node.output_shape[axis + 1]:
        return index, index + 1
    return None


def describe_value(
    graph: Graph, values: Mapping[str, FloatArray], layer: str, unit: int, cell: tuple[int, int] | None
) -> str:
    """Return a value and what it sees, or a whole map's numbers, in one line."""
    node = graph[layer]
    array = values[layer]
    if not node.is_map:
        return f"{layer} · element {unit} = {number(float(array.reshape(-1)[unit]), 5)}"
    maps = array[unit]
    whole = f"map from {number(float(maps.min()))} to {number(float(maps.max()))}, mean {number(float(maps.mean()))}"
    if cell is None:
        return f"{layer} · map {unit}: {whole}"
    text = f"{layer} · map {unit} · row {cell[0]}, column {cell[1]} = {number(float(maps[cell]), 5)}"
    while node.kind == "concatenation":  # a channel sees what its own branch sees
        name, unit = joined_from(graph, node, unit)
        node = graph[name]
    if node.field_hw is not None and node.kind != "input":
        intervals = [field.interval(i) for field, i in zip(node.field_hw, cell, strict=True)]
        rows, columns = (f"{first}…{past - 1}" for first, past in intervals)
        sides = graph.nodes[0].output_shape[1:]
        outside = any(first < 0 or past > side for (first, past), side in zip(intervals, sides, strict=True))
        text += f" · sees input rows {rows}, columns {columns}{' (outside is padding)' if outside else ''}"
    return f"{text} · {whole}".replace("-", "−")


def walked(
    nodes: Sequence[Node], layer: str | None, unit: int | None, layers: int, units: int
) -> tuple[str, int | None]:
    """Return the layer and unit some of the `nodes` further, on the same unit where there is one; or units further."""
    names = [node.name for node in nodes]
    at = names.index(layer) if layer in names else 0
    if layers:
        node = nodes[min(len(names) - 1, max(0, at + layers))]
        return node.name, min(unit, node.units - 1) if unit is not None else None
    last = nodes[at].units - 1
    return names[at], 0 if unit is None else min(last, max(0, unit + units))


def facts(nodes: Sequence[Node], title: str, times_ms: Mapping[str, float]) -> str:
    """Return what is known of a layer or of a folded group, a line each."""
    last = nodes[-1]
    lines = [last.name if len(nodes) == 1 else f"{title}: {len(nodes)} layers, ends with {last.name}"]
    lines.append(f"{last.op}, {last.shape_text}" if len(nodes) == 1 else f"gives {last.shape_text}")
    for cost in COSTS:
        value = cost_of(nodes, cost.name, times_ms)
        if value:
            lines.append(f"{cost.title}: {cost_text(value, cost.name)}")
    return "\n".join(lines)


def spoken(node: Node, unit: int | None) -> str:
    """Return what is selected, for a screen reader."""
    return f"{node.name}: {node.op}, {node.shape_text}" + (f", unit {unit}" if unit is not None else "")
