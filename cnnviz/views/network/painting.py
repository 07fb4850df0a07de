"""How the parts of the network map are drawn: stateless functions, in the map's own pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen

from cnnviz.core.graph import Node
from cnnviz.state.app_state import ColourScope, Place
from cnnviz.views.network import naming
from cnnviz.views.network.compute import HEADER_LINES, Box, MapLayout, Rect, Source
from cnnviz.views.network.pictures import LayerPictures
from cnnviz.widgets import theme
from cnnviz.widgets.colormap import colour_table
from cnnviz.widgets.figure import draw_text
from cnnviz.widgets.legend import draw_legend

FOOTER_LINES = 3
FOLDED = "▸"  # there is more inside
COST_BAR = QRect(0, 5, 1, 6)  # below the lines above a layer
NEARLY_ALL = 0.75
FEW_NAMES = 40  # in a larger network the same names come again and again, and count once
_SIZES = (1.0, 0.9, 0.8, 0.72)
LINES_AT_MOST = 64  # more lines to one unit would be a grey wedge
_SCOPE_WORDS: dict[ColourScope, str] = {"unit": "this map", "layer": "this layer", "network": "the network"}


def line_px() -> int:
    """Return the height of a line of text."""
    return round(theme.text_px() * 1.35)


def draw_edges(painter: QPainter, layout: MapLayout, left: float, right: float) -> None:
    """Draw which layer reads which, between two columns of pixels; what skips layers is an arc below them."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colours = theme.current()
    plain, skip = QPen(colours.color("line"), 1.5), QPen(colours.color("muted"), 1.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for box in layout.boxes:
        if box.column_x < left - layout.width:  # an arc may come from far away, but not from behind
            continue
        for name in box.item.inputs:
            before = layout.box(name)
            if before is None or before.column_x > right or box.column_x + box.column_width < left:
                continue
            if box.depth - before.depth > 1:
                painter.setPen(skip)
                painter.drawPath(_arc(layout, before, box))
                continue
            painter.setPen(plain)
            start = QPointF(before.x + before.width + 1, before.y + before.height / 2)
            painter.drawLine(start, QPointF(box.x - 1, box.y + box.height / 2))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _arc(layout: MapLayout, before: Box, box: Box) -> QPainterPath:
    """Return the way of a skip connection: down from one layer, below those between, and up to the other."""
    start = QPointF(before.x + before.width / 2, before.y + before.height + 1)
    end = QPointF(box.x + box.width / 2, box.y + box.height + 1)
    top, bottom = min(before.name_y, box.name_y), max(before.bottom, box.bottom)
    passed = [
        b.y + b.height for b in layout.between(before.column_x, box.column_x + box.column_width)
        if before.depth < b.depth < box.depth and b.name_y < bottom and b.bottom > top
    ]  # fmt: skip
    lowest = max([start.y(), end.y(), *passed]) + 8
    lowest += min(14.0, 2.0 * (box.depth - before.depth))  # longer ones lower, so that they stay apart
    path = QPainterPath(start)
    slope = min(24.0, (end.x() - start.x()) / 4)
    path.cubicTo(start.x(), lowest, start.x(), lowest, start.x() + slope, lowest)
    path.lineTo(end.x() - slope, lowest)
    path.cubicTo(end.x(), lowest, end.x(), lowest, end.x(), end.y())
    return path


def draw_frames(painter: QPainter, layout: MapLayout, left: float, right: float) -> None:
    """Draw the outlines of unfolded groups, with their names, between two columns of pixels."""
    colours = theme.current()
    painter.setFont(theme.font(0.8, bold=True))
    for frame in layout.frames:
        if frame.x > right or frame.x + frame.width < left:
            continue
        painter.setPen(QPen(colours.color("line"), 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRect(frame.x, frame.y, frame.width, frame.height), 4, 4)
        start = max(frame.x, min(round(left), frame.x + frame.width - 160))  # the name stays in sight
        room = QRect(start + 4, frame.y + 1, frame.x + frame.width - start - 8, line_px())
        draw_text(painter, room, f"▾ {frame.group.title}", colours.color("muted"), align=Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True)
class CostBars:
    """What the layers are coloured by: for each box by its layer's name the cost (``None``: not known) and its text."""

    values: Mapping[str, float | None]
    texts: Mapping[str, str]
    most: float

    def share(self, name: str) -> float:
        """Return a cost as a share of the largest."""
        return (self.values.get(name) or 0.0) / self.most if self.most > 0 else 0.0


def draw_layers(
    painter: QPainter, layout: MapLayout, boxes: Sequence[Box], chosen: str | None, costs: CostBars | None
) -> None:
    """Draw name, shape or cost, and frame of some layers; `chosen` is the selected one."""
    line = theme.current().color("line")
    for box in boxes:
        _draw_name(painter, layout, box, box.name_y, chosen=box.node.name == chosen, costs=costs)
        painter.fillRect(QRect(box.x, box.y, box.width, box.height), line)
        painter.setPen(line)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRect(box.x - 1, box.y - 1, box.width + 1, box.height + 1))


def draw_names_on_top(
    painter: QPainter, layout: MapLayout, boxes: Sequence[Box], chosen: str | None, top: float, costs: CostBars | None
) -> None:
    """Keep the names in sight of a map whose upper part is scrolled away; `top` is the first row that is seen."""
    strip = QRect(0, round(top), layout.width, HEADER_LINES * line_px() + 4)
    painter.fillRect(strip, theme.current().color("panel"))
    for box in boxes:
        y = min(round(top), box.y + box.height - HEADER_LINES * line_px())
        if y > box.name_y:
            _draw_name(painter, layout, box, y, chosen=box.node.name == chosen, costs=costs)


def _draw_name(
    painter: QPainter, layout: MapLayout, box: Box, top: int, *, chosen: bool, costs: CostBars | None
) -> None:
    """Draw what stands above a layer: its name, and its shape or what it costs."""
    name_size, shape_size = _fonts(layout)
    colours, line = theme.current(), line_px()
    room = QRect(box.column_x - layout.gap // 2, top + 4, box.column_width + layout.gap, line)
    shape = _shape(box) if costs is None else costs.texts.get(box.node.name, "")
    shape_font = _fitting(shape, room.width() - 4, shape_size)
    has_shape = QFontMetrics(shape_font).horizontalAdvance(shape) <= room.width()  # half a shape would be a wrong one
    free = 1 if has_shape or costs is not None else 2
    common, folded = _common(layout)[box.node.name], box.item.group is not None
    size, lines = _name_lines(box.item.title, folded, common, room.width() - 4, name_size, free, theme.text_px())
    if chosen:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color("accent"))
        painter.drawRoundedRect(room.adjusted(1, 0, -1, (len(lines) - 1) * line), 4, 4)
    painter.setFont(theme.font(size, bold=True))
    colour, centred = colours.color("on_accent" if chosen else "text"), Qt.AlignmentFlag.AlignCenter
    for number, words in enumerate(lines):
        draw_text(painter, room.translated(0, number * line), words, colour, align=centred, elide=False)
    if costs is not None:
        bar = QRect(box.column_x, top + 2 * line + COST_BAR.top(), box.column_width, COST_BAR.height())
        _draw_cost(painter, bar, costs.share(box.node.name))
    if has_shape:
        painter.setFont(shape_font)
        draw_text(painter, room.translated(0, line), shape, colours.color("muted"), align=centred, elide=False)


def _draw_cost(painter: QPainter, bar: QRect, share: float) -> None:
    painter.fillRect(bar, theme.current().color("line"))
    painter.fillRect(QRect(bar.x(), bar.y(), round(bar.width() * share), bar.height()), cost_colour(share))


def draw_output_labels(painter: QPainter, layout: MapLayout, labels: Sequence[str]) -> None:
    """Write the class beside each output, where the last layer is large enough."""
    if not layout.boxes or not labels:
        return
    box = layout.boxes[-1]
    if box.node.units != len(labels) or box.scale < 10:
        return
    painter.setFont(theme.numbers_font(min(theme.text_px(), round(box.scale) - 2)))
    room_px = box.column_x + box.column_width + layout.gap - box.x - box.width - 4
    if max(painter.fontMetrics().horizontalAdvance(label) for label in labels) > room_px:
        return
    for unit, label in enumerate(labels):
        x, y, w, h = box.unit_rect(unit)
        room = QRect(x + w + 3, y, room_px, h)
        draw_text(painter, room, label, theme.current().color("text"), align=Qt.AlignmentFlag.AlignVCenter)


def draw_place(painter: QPainter, layout: MapLayout, place: Place | None, colour: QColor) -> None:
    """Frame a unit, and its cell."""
    box = layout.box(place.layer) if place is not None else None
    if place is None or box is None or place.unit is None or place.unit >= box.mosaic.count:
        return
    _frame(painter, box.unit_rect(place.unit), colour, 2)
    if place.cell is not None and box.node.is_map:
        row, column = place.cell
        _frame(painter, box.cell_rect(place.unit, (row, row + 1), (column, column + 1)), colour, 2)


def draw_sources(painter: QPainter, layout: MapLayout, place: Place, sources: Iterable[Source], colour: QColor) -> None:
    """Light up what a unit reads, with lines to it."""
    box = layout.box(place.layer)
    if box is None or place.unit is None or place.unit >= box.mosaic.count:
        return
    x, y, _, h = box.unit_rect(place.unit)
    for source in sources:
        _draw_source(painter, layout, source, QPointF(x, y + h / 2), colour)


def _draw_source(painter: QPainter, layout: MapLayout, source: Source, end: QPointF, colour: QColor) -> None:
    box = layout.box(source.layer)
    if box is None:
        return
    units = source.units if source.units is not None else tuple(range(box.mosaic.count))
    thin = QColor(colour)
    thin.setAlphaF(0.45)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for unit in units if len(units) <= LINES_AT_MOST else ():
        x, y, w, h = box.unit_rect(unit)
        painter.setPen(QPen(thin, 1))
        painter.drawLine(QPointF(x + w, y + h / 2), end)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    if source.units is None and not box.node.is_map:
        _frame(painter, (box.x, box.y, box.width, box.height), colour, 2)
        return
    for unit in units:
        _frame(painter, box.unit_rect(unit), colour, 1)
        if source.rows is not None and source.columns is not None:
            _frame(painter, box.cell_rect(unit, source.rows, source.columns), colour, 2)


def cost_colour(share: float) -> QColor:
    """Return the colour of a cost, given as a share of the largest."""
    return QColor.fromRgba(int(colour_table("activation")[1 + round(254 * min(1.0, max(0.0, share)))]))


def draw_cost_scale(painter: QPainter, size: QSize, title: str, most: str) -> None:
    """Draw the scale of the cost bars below the words."""
    top = size.height() - footer_px() + line_px() + 4
    painter.setFont(theme.font(0.9))
    room = QRect(theme.GRID_PX, top, _scale_px(size), size.height() - top - 2)
    draw_legend(painter, room, "activation", 0, 1, f"{title}: 1 is {most}")


def _scale_px(size: QSize) -> int:
    """Return the width of a colour scale: half of the footer, or the small map would lie over it."""
    return min(320, size.width() // 2 - 2 * theme.GRID_PX)


def footer_px() -> int:
    """Return the height of the footer: a line of words, and the colour scale."""
    return FOOTER_LINES * line_px() + theme.GRID_PX


def draw_footer(painter: QPainter, size: QSize, words: str, *, lit: bool) -> None:
    """Draw the line of words; `lit` is for what the pointer lights up."""
    colours = theme.current()
    top = size.height() - footer_px()
    painter.setPen(colours.color("line"))
    painter.drawLine(0, top, size.width(), top)
    painter.setFont(theme.font())
    room = QRect(theme.GRID_PX, top + 4, size.width() - 2 * theme.GRID_PX, line_px())
    draw_text(painter, room, words, colours.color("pointer" if lit else "muted"), align=Qt.AlignmentFlag.AlignVCenter)


def draw_scale(
    painter: QPainter, size: QSize, pictures: LayerPictures, node: Node, place: Place, scope: ColourScope
) -> None:
    """Draw the colour scale of a place below the words."""
    low, high = pictures.limits(node, place)
    role = pictures.role(node)
    caption = f"{place.layer}: {_SCOPE_WORDS[scope]}" if role != "ink" else place.layer
    top = size.height() - footer_px() + line_px() + 4
    painter.setFont(theme.font(0.9))
    room = QRect(theme.GRID_PX, top, _scale_px(size), size.height() - top - 2)
    draw_legend(painter, room, role, low, high, caption)


def _frame(painter: QPainter, rect: Rect, colour: QColor, width: int) -> None:
    """Draw a frame just outside a rectangle."""
    x, y, w, h = rect
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin))
    half = width / 2
    painter.drawRect(QRectF(x - half, y - half, w + width, h + width))


def _shape(box: Box) -> str:
    return box.node.shape_text.replace(" ", "")


def _title(box: Box) -> str:
    """Return a layer's name, or that of a folded group with the sign that there is more inside."""
    return f"{FOLDED} {box.item.title}" if box.item.group is not None else box.item.title


@lru_cache(maxsize=4)
def _common(layout: MapLayout) -> dict[str, int]:
    """Return for each layer's name how many letters its title begins with that a neighbour's begins with as well."""
    titles, depths = [box.item.title for box in layout.boxes], [box.depth for box in layout.boxes]
    return dict(zip((box.node.name for box in layout.boxes), naming.common_starts(titles, depths), strict=True))


@lru_cache(maxsize=2048)
def _name_lines(
    title: str, folded: bool, common: int, width: int, most: float, lines: int, text_px: int
) -> tuple[float, tuple[str, ...]]:
    """Return the size in which a name is written, not above `most`, and its one or two lines."""
    fonts = {size: QFontMetrics(theme.font(size, bold=True)) for size in _SIZES if size <= most}

    def fits(text: str, size: float, sign: str = "") -> bool:
        return fonts[size].horizontalAdvance(sign + text) <= width

    sign = f"{FOLDED} " if folded else ""
    for size in fonts:
        if fits(sign + title, size):
            return size, (sign + title,)
    sign = sign.rstrip()
    for size in fonts if lines > 1 else ():
        both = naming.wrapped(title, partial(fits, size=size, sign=sign))
        if both is not None:
            return size, (sign + both[0], both[1])
    least = min(fonts)
    return least, (sign + naming.shortened(title, common, partial(fits, size=least, sign=sign)),)


@lru_cache(maxsize=4)
def _fonts(layout: MapLayout) -> tuple[float, float]:
    """Return the sizes of names and shapes: one for all columns, the largest in which nearly all fit."""
    rooms = [box.column_width + layout.gap - 4 for box in layout.boxes]
    names = [_title(box) for box in layout.boxes]
    return _largest(names, rooms, bold=True), _largest([_shape(box) for box in layout.boxes], rooms, bold=False)


def _largest(texts: list[str], rooms: list[int], *, bold: bool) -> float:
    wanted = set(zip(texts, rooms, strict=True)) if len(texts) > FEW_NAMES else list(zip(texts, rooms, strict=True))
    for size in _SIZES:
        metrics = QFontMetrics(theme.font(size, bold=bold))
        fitting = sum(metrics.horizontalAdvance(text) <= room for text, room in wanted)
        if fitting >= NEARLY_ALL * len(wanted):
            return size
    return _SIZES[-1]


def _fitting(text: str, width: int, most: float, *, bold: bool = False) -> QFont:
    """Return the largest font of the type scale, not above `most`, in which `text` fits into `width` pixels."""
    for size in (size for size in _SIZES if size <= most):
        font = theme.font(size, bold=bold)
        if QFontMetrics(font).horizontalAdvance(text) <= width:
            return font
    return theme.font(_SIZES[-1], bold=bold)
