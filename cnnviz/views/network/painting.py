"""How the parts of the network map are drawn: stateless functions, in the map's own pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen

from cnnviz.state.app_state import ColourScope, Place
from cnnviz.views.network.compute import HEADER_LINES, Box, MapLayout, Rect, Source
from cnnviz.views.network.pictures import LayerPictures
from cnnviz.widgets import theme
from cnnviz.widgets.figure import draw_text
from cnnviz.widgets.legend import draw_legend

FOOTER_LINES = 3
NEARLY_ALL = 0.75
_SIZES = (1.0, 0.9, 0.8, 0.72)
LINES_AT_MOST = 64  # more lines to one unit would be a grey wedge
_SCOPE_WORDS: dict[ColourScope, str] = {"unit": "this map", "layer": "this layer", "network": "the network"}


def line_px() -> int:
    """Return the height of a line of text."""
    return round(theme.text_px() * 1.35)


def draw_edges(painter: QPainter, layout: MapLayout) -> None:
    """Draw which layer reads which."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.current().color("line"), 1.5))
    for box in layout.boxes:
        for name in box.node.inputs:
            before = layout.box(name)
            if before is not None:
                start = QPointF(before.x + before.width + 1, before.y + before.height / 2)
                painter.drawLine(start, QPointF(box.x - 1, box.y + box.height / 2))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def draw_layers(painter: QPainter, layout: MapLayout, chosen: str | None) -> None:
    """Draw name, shape and frame of every layer; `chosen` is the selected one."""
    line = theme.current().color("line")
    fonts = _fonts(layout)
    for box in layout.boxes:
        _draw_name(painter, box, box.name_y, layout.gap, fonts, chosen=box.node.name == chosen)
        painter.fillRect(QRect(box.x, box.y, box.width, box.height), line)
        painter.setPen(line)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRect(box.x - 1, box.y - 1, box.width + 1, box.height + 1))


def draw_names_on_top(painter: QPainter, layout: MapLayout, chosen: str | None, top: float) -> None:
    """Keep the names in sight of a map whose upper part is scrolled away; `top` is the first row that is seen."""
    fonts = _fonts(layout)
    strip = QRect(0, round(top), layout.width, HEADER_LINES * line_px() + 4)
    painter.fillRect(strip, theme.current().color("panel"))
    for box in layout.boxes:
        y = min(round(top), box.y + box.height - HEADER_LINES * line_px())
        if y > box.name_y:
            _draw_name(painter, box, y, layout.gap, fonts, chosen=box.node.name == chosen)


def _draw_name(painter: QPainter, box: Box, top: int, gap: int, fonts: tuple[float, float], *, chosen: bool) -> None:
    colours = theme.current()
    line = line_px()
    room = QRect(box.column_x - gap // 2, top + 4, box.column_width + gap, line)
    painter.setFont(_fitting(box.node.name, room.width() - 4, fonts[0], bold=True))
    if chosen:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color("accent"))
        painter.drawRoundedRect(room.adjusted(1, 0, -1, 0), 4, 4)
    colour = colours.color("on_accent" if chosen else "text")
    draw_text(painter, room, box.node.name, colour, align=Qt.AlignmentFlag.AlignCenter)
    shape = _shape(box)
    painter.setFont(_fitting(shape, room.width() - 4, fonts[1]))
    if painter.fontMetrics().horizontalAdvance(shape) <= room.width():  # half a shape would be a wrong one
        draw_text(painter, room.translated(0, line), shape, colours.color("muted"), align=Qt.AlignmentFlag.AlignCenter)


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


def draw_scale(painter: QPainter, size: QSize, pictures: LayerPictures, place: Place, scope: ColourScope) -> None:
    """Draw the colour scale of a place below the words."""
    low, high = pictures.limits(place)
    role = pictures.roles[place.layer]
    caption = f"{place.layer}: {_SCOPE_WORDS[scope]}" if role != "ink" else place.layer
    top = size.height() - footer_px() + line_px() + 4
    painter.setFont(theme.font(0.9))
    room = QRect(theme.GRID_PX, top, min(320, size.width() - 2 * theme.GRID_PX), size.height() - top - 2)
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


def _fonts(layout: MapLayout) -> tuple[float, float]:
    """Return the sizes of names and shapes: one for all columns, the largest in which nearly all fit."""
    rooms = [box.column_width + layout.gap - 4 for box in layout.boxes]
    names = [box.node.name for box in layout.boxes]
    return _largest(names, rooms, bold=True), _largest([_shape(box) for box in layout.boxes], rooms, bold=False)


def _largest(texts: list[str], rooms: list[int], *, bold: bool) -> float:
    for size in _SIZES:
        metrics = QFontMetrics(theme.font(size, bold=bold))
        fitting = sum(metrics.horizontalAdvance(text) <= room for text, room in zip(texts, rooms, strict=True))
        if fitting >= NEARLY_ALL * len(texts):
            return size
    return _SIZES[-1]


def _fitting(text: str, width: int, most: float, *, bold: bool = False) -> QFont:
    """Return the largest font of the type scale, not above `most`, in which `text` fits into `width` pixels."""
    for size in (size for size in _SIZES if size <= most):
        font = theme.font(size, bold=bold)
        if QFontMetrics(font).horizontalAdvance(text) <= width:
            return font
    return theme.font(_SIZES[-1], bold=bold)
