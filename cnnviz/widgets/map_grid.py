"""Maps large: one tile a unit with its name, values inside the cells once they fit, one unit to zoom into.

Only what is in sight is made and drawn: a grid of 2,048 maps costs what its window shows of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QLine, QPoint, QPointF, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QColor,
    QContextMenuEvent,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from cnnviz.core import mosaic
from cnnviz.widgets import map_layout, theme
from cnnviz.widgets.cells import CENTRED, cell_text, text_colours
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.figure import Figure, KeptPicture, draw_part, draw_text, indexed_image

FloatArray = npt.NDArray[np.float32]
SHEET_VALUES = 65_536  # maps are turned into colours in sheets of about so many values
MOST_SHEETS = 64  # kept beside those in sight
MOST_KEPT_PX = 4000
MOST_KEPT_NAMES = 256
CROSS_PX = 5


@lru_cache(maxsize=8192)
def _that_fits(name: str, family: str, text_px: int, width: int) -> str:
    """Return a name without those of its parts, two spaces apart, that do not fit in the font of names."""
    metrics = QFontMetrics(theme.font(0.9))
    parts = name.split("  ")
    while len(parts) > 1 and metrics.horizontalAdvance("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)


@dataclass(frozen=True, eq=False)
class Maps:
    """What a grid shows.

    Attributes
    ----------
    values_chw
        The maps, in the order in which they are shown unless there are `picks`.
    low, high
        Ends of the colour scale, one for all or one for each map that is shown.
    role
        Which colours.
    units
        The unit of each map that is shown.
    names
        What stands above each map; parts two spaces apart give way, from the last one, where there is no room.
    marks
        A word across a map that says what the picture does not, such as ``silent``; empty for most.
    picks
        Which of `values_chw` each map that is shown is; ``None``: all as they are. Nothing is copied before it is
        in sight.
    colours_nhwc
        Colours, uint8 (n, H, W, 3), of maps whose values are not looked up in a scale, one for each of `values_chw`.
    """

    values_chw: FloatArray
    low: FloatArray
    high: FloatArray
    role: MapRole
    units: tuple[int, ...]
    names: tuple[str, ...]
    marks: tuple[str, ...] = field(default=())
    picks: npt.NDArray[np.intp] | None = None
    colours_nhwc: npt.NDArray[np.uint8] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many maps are shown, and how large they are."""
        return len(self.units), self.values_chw.shape[1], self.values_chw.shape[2]

    def stored(self, position: int) -> int:
        """Return which of `values_chw` a map that is shown is."""
        return position if self.picks is None else int(self.picks[position])

    def of(self, position: int) -> Maps:
        """Return one map by itself."""
        first, pick = self.stored(position), slice(position, position + 1)
        return Maps(
            values_chw=self.values_chw[first : first + 1],
            low=self.low[pick] if len(self.low) > 1 else self.low,
            high=self.high[pick] if len(self.high) > 1 else self.high,
            role=self.role,
            units=self.units[pick],
            names=self.names[pick],
            marks=self.marks[pick] if self.marks else (),
            colours_nhwc=None if self.colours_nhwc is None else self.colours_nhwc[first : first + 1],
        )


class _Sheet:
    """Some neighbouring maps as one indexed picture."""

    def __init__(self, maps: Maps, first: int, last: int) -> None:
        pick = slice(first, last)
        chosen = pick if maps.picks is None else maps.picks[pick]
        values_chw = maps.values_chw[chosen]
        count, height, width = values_chw.shape
        self.first = first
        self.tiles = mosaic.MosaicLayout(count, height, width, max(1, min(count, 2048 // width)), 0)
        low = maps.low[pick] if len(maps.low) > 1 else maps.low
        high = maps.high[pick] if len(maps.high) > 1 else maps.high
        self.indices = mosaic.to_indices(values_chw, low, high, self.tiles)
        if maps.colours_nhwc is None:
            self.image = indexed_image(self.indices, maps.role)
        else:
            self.image = _coloured(maps.colours_nhwc[chosen], self.tiles)

    def rect(self, position: int) -> QRect:
        """Return where in the picture a map is."""
        return QRect(*self.tiles.tile_rect(position - self.first))

    def indices_of(self, position: int) -> npt.NDArray[np.uint8]:
        """Return the colours of a map."""
        x, y, w, h = self.tiles.tile_rect(position - self.first)
        return self.indices[y : y + h, x : x + w]


def _coloured(colours_nhwc: npt.NDArray[np.uint8], tiles: mosaic.MosaicLayout) -> QImage:
    """Return a picture of maps that come with their colours."""
    width, height = tiles.picture_size
    pixels = np.zeros((height, width), np.uint32)
    wide = colours_nhwc.astype(np.uint32)
    argb = (0xFF << 24) | (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    for index, tile in enumerate(argb):
        x, y, w, h = tiles.tile_rect(index)
        pixels[y : y + h, x : x + w] = tile
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    image.cnnviz_array = pixels  # type: ignore[attr-defined]  # Qt does not own the bytes
    return image


class MapGrid(Figure):
    """A grid of maps; place it into a `MapGridArea` to scroll.

    Parameters
    ----------
    name
        For a screen reader.
    can_pin
        Whether units can be pinned here.
    fills
        Whether it is at least as high as its room.

    Signals
    -------
    pointed(tuple | None)
        (unit, row, column) under the pointer, or ``None``.
    chosen(int, object)
        A unit, and the cell (row, column) that was clicked or ``None``.
    zoom_changed(bool)
        One unit fills the room, or all are shown again.
    pin_toggled(int)
        A unit is to be pinned, or no longer.
    size_stepped(int)
        Maps are wished larger (1) or smaller (−1).
    """

    pointed = Signal(object)
    chosen = Signal(int, object)
    zoom_changed = Signal(bool)
    pin_toggled = Signal(int)
    size_stepped = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None, *, can_pin: bool = False, fills: bool = True) -> None:
        super().__init__(name, parent)
        tip = "Arrows choose a map; Enter or a double click lets it fill the room, Escape goes back"
        self.setToolTip(f"{tip}; P keeps it on top" if can_pin else tip)
        self._can_pin, self._fills = can_pin, fills
        self._all: Maps | None = None
        self._maps: Maps | None = None
        self._sheets: dict[int, _Sheet] = {}
        self._maps_a_sheet = 1
        self._layout = map_layout.MapLayout(1, 1, 1, 1, 1, 1, 1)
        self._tile_px: int | None = None
        self._room = QSize(400, 200)
        self._selected: tuple[int, tuple[int, int] | None] | None = None
        self._hovered: tuple[int, tuple[int, int] | None] | None = None
        self._pins: frozenset[int] = frozenset()
        self._near: int | None = None  # the unit whose tile or name the pointer is over
        self._zoomed: int | None = None
        self._names_drawn = KeptPicture()
        self._sentence = ""
        self._pin = QAction("&Pin this map\tP", self)
        self._pin.triggered.connect(self._on_pin_triggered)
        if can_pin:
            self.insertAction(self.actions()[0], self._pin)

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_maps(self, maps: Maps | None, sentence: str = "") -> None:
        """Show maps, or a sentence when there are none."""
        before = self._maps
        self._all, self._sentence = maps, sentence
        if self._zoomed is not None and (maps is None or not _can_zoom(maps, self._zoomed)):
            self._set_zoomed(None)
        self._pick()
        after = self._maps
        same = before is not None and after is not None and before.shape == after.shape
        if not same or before is None or after is None or before.names != after.names:
            self._fit()
        self.update()

    def show_selection(self, unit: int | None, cell: tuple[int, int] | None) -> None:
        """Frame a unit, and a cell of it."""
        self._selected = None if unit is None else (unit, cell)
        if self._zoomed is not None and unit is not None and unit != self._zoomed:
            self.zoom_into(unit)
        self.update()

    def show_pointed(self, unit: int | None, cell: tuple[int, int] | None) -> None:
        """Frame what is pointed at, here or in another view, and show the same cell of every map."""
        hovered = (unit, cell) if unit is not None else None
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()

    def show_pins(self, units: Iterable[int]) -> None:
        """Mark the units that are pinned."""
        pins = frozenset(units)
        if pins != self._pins:
            self._pins = pins
            self._names_drawn.drop()
            self.update()

    def set_tile_px(self, tile_px: int | None) -> None:
        """Choose the longer side of a map, or let the maps fit the room."""
        if tile_px != self._tile_px:
            self._tile_px = tile_px
            self._fit()

    @property
    def room(self) -> QSize:
        """The room that the tiles are laid out for."""
        return self._room

    @property
    def zoomed(self) -> int | None:
        """The unit that fills the whole room, or ``None``."""
        return self._zoomed

    @property
    def sheets_made(self) -> int:
        """How many sheets of maps have been turned into colours since the maps were given."""
        return len(self._sheets)

    def zoom_into(self, unit: int | None) -> None:
        """Let one unit fill the room; ``None`` shows all again, and so does a unit that is one cell only."""
        if unit is not None and (self._all is None or not _can_zoom(self._all, unit)):
            unit = None
        self._set_zoomed(unit)
        self._pick()
        self._fit()

    def _set_zoomed(self, unit: int | None) -> None:
        changed = (unit is None) != (self._zoomed is None)
        self._zoomed = unit
        if changed:
            self.zoom_changed.emit(unit is not None)

    def fit_into(self, room: QSize) -> None:
        """Lay the tiles out for a room of the screen; the height may become larger, to be scrolled."""
        if room != self._room:
            self._room = room
            self._fit()

    def _pick(self) -> None:
        """Choose all maps or the zoomed one; their pictures are made when they come into sight."""
        maps = self._all
        if maps is not None and self._zoomed in maps.units:
            maps = maps.of(maps.units.index(self._zoomed))
        self._sheets.clear()
        self._maps = maps if maps is not None and maps.units else None
        if self._maps is not None:
            _, height, width = self._maps.shape
            self._maps_a_sheet = max(1, SHEET_VALUES // (height * width))

    def _sheet(self, position: int) -> _Sheet:
        """Return the picture in which a map is."""
        assert self._maps is not None
        number = position // self._maps_a_sheet
        sheet = self._sheets.get(number)
        if sheet is None:
            first = number * self._maps_a_sheet
            last = min(len(self._maps.units), first + self._maps_a_sheet)
            sheet = self._sheets[number] = _Sheet(self._maps, first, last)
        return sheet

    def _fit(self) -> None:
        """Choose the largest scale at which all tiles fit, or scroll at the smallest readable one."""
        self._names_drawn.drop()
        if self._maps is None:
            self.setFixedHeight(max(40, self._room.height()))
            self.update()
            return
        self._layout = map_layout.fit(
            self._maps.shape,
            (self._room.width(), self._room.height()),
            theme.text_px(),
            one=self._zoomed is not None,
            tile_px=self._tile_px,
        )
        self.setFixedHeight(max(self._layout.needed_h, self._room.height() if self._fills else 0))
        self.update()

    def tile_rect(self, position: int) -> QRect:
        """Return where the map at a position of the grid is, without its name."""
        return self._layout.tile_rect(position)

    def cell_rect(self, position: int, row: int, column: int) -> QRect:
        """Return where a cell is."""
        return self._layout.cell_rect(position, row, column)

    def position_of(self, unit: int) -> int | None:
        """Return where in the grid a unit is."""
        return self._maps.units.index(unit) if self._maps is not None and unit in self._maps.units else None

    @property
    def needed_h(self) -> int:
        """Height of all maps; 0 without any."""
        return self._layout.needed_h if self._maps is not None else 0

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the tiles that are in sight."""
        colours = theme.current()
        maps = self._maps
        if maps is None:
            painter.setFont(theme.font())
            painter.setPen(colours.color("muted"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(16, 0, size.width() - 32, size.height()), flags, self._sentence)
            return
        whole = QRect(0, 0, size.width(), size.height())
        clip = painter.clipBoundingRect().toAlignedRect() if painter.hasClipping() else whole
        in_sight = self._layout.between(clip.top(), clip.bottom())
        self._draw_names(painter, size, in_sight)
        tiles = {position: self.tile_rect(position) for position in in_sight}
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._layout.cell_w < 1)
        for position, tile in tiles.items():
            sheet = self._sheet(position)
            draw_part(painter, tile, sheet.image, sheet.rect(position))
        if self._layout.cell_w >= map_layout.TEXT_CELL_PX and maps.colours_nhwc is None:
            self._draw_values(painter, in_sight, clip)
        for position in in_sight if maps.marks else ():
            if maps.marks[position]:
                self._draw_mark(painter, tiles[position], maps.marks[position])
        self._draw_cross(painter, tiles)
        self._draw_frames(painter)
        if len(self._sheets) > MOST_SHEETS:
            seen = {position // self._maps_a_sheet for position in in_sight}
            self._sheets = {number: sheet for number, sheet in self._sheets.items() if number in seen}

    @property
    def _keeps_names(self) -> bool:
        """Whether all names are kept as one picture: where they are few, and painted again with every stroke."""
        return self._layout.count <= MOST_KEPT_NAMES and self.height() <= MOST_KEPT_PX

    def _draw_names(self, painter: QPainter, size: QSize, in_sight: Sequence[int]) -> None:
        """Draw the names and frames of the tiles, which only change with the layout."""
        if self._keeps_names:
            self._names_drawn.draw(painter, size, lambda p: self._paint_names(p, range(self._layout.count)))
        else:
            self._paint_names(painter, in_sight, names=not self._shows_cross)

    def _paint_names(self, painter: QPainter, positions: Sequence[int], *, names: bool = True) -> None:
        assert self._maps is not None
        colours = theme.current()
        painter.setFont(theme.font(0.9))
        muted, line = colours.color("muted"), colours.color("line")
        family, text_px = painter.font().family(), theme.text_px()
        for position in positions:
            room = self._layout.name_rect(position)
            pinned = self._maps.units[position] in self._pins
            if names:
                name = self._maps.names[position]
                text_room = room.adjusted(0, 0, -room.height() if pinned else 0, 0)
                shown = _that_fits(name, family, text_px, text_room.width()) if "  " in name else name
                draw_text(painter, text_room, shown, muted, align=Qt.AlignmentFlag.AlignVCenter)
            if pinned:
                _draw_pin(painter, self._pin_rect(position), colours.color("accent"), filled=True)
        painter.setPen(line)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRects([self.tile_rect(position).adjusted(-1, -1, 0, 0) for position in positions])

    def _pin_rect(self, position: int) -> QRect:
        """Return where the pin of a map is: at the end of its name."""
        room = self._layout.name_rect(position)
        return QRect(room.right() - room.height() + 1, room.top(), room.height(), room.height())

    def _draw_values(self, painter: QPainter, positions: range, clip: QRect) -> None:
        """Write the values into the cells of the maps, as far as they are in sight."""
        assert self._maps is not None
        inks, text_px, cell_w = text_colours(self._maps.role), theme.text_px(), self._layout.cell_w
        digits, wide = (3, 4.9) if cell_w >= 3.4 * text_px else (2, 3.9)
        size_px = min(self._layout.cell_h - 6, cell_w / wide, text_px * 1.5)
        size_px = max(8, int(size_px))
        painter.setFont(theme.numbers_font(size_px))
        breadth = (cell_w - 1) / painter.fontMetrics().horizontalAdvance("88888888") * 8
        height, width = self._layout.height, self._layout.width
        corner = self.tile_rect(0).topLeft()
        line = [self.cell_rect(0, 0, column).translated(-corner) for column in range(width)]
        stack = [self.cell_rect(0, row, 0).translated(-corner) for row in range(height)]
        across = [(cell.left(), cell.width()) for cell in line]
        down = [(cell.top(), cell.height()) for cell in stack]
        picks = self._maps.picks
        shown = slice(positions[0], positions[-1] + 1) if positions else slice(0)
        values_chw = self._maps.values_chw[shown if picks is None else picks[shown]]
        for position, values_hw in zip(positions, values_chw, strict=True):
            tile = self.tile_rect(position)
            left, top = tile.left(), tile.top()
            rows = [row for row, (y, h) in enumerate(down) if top + y <= clip.bottom() and top + y + h > clip.top()]
            if not rows:
                continue
            part = slice(rows[0], rows[-1] + 1)
            indices = self._sheet(position).indices_of(position)[part].tolist()
            for row, values, colours in zip(rows, values_hw[part].tolist(), indices, strict=True):
                y, h = down[row]
                for (x, w), value, index in zip(across, values, colours, strict=True):
                    if index:  # 0: no value there
                        painter.setPen(inks[index - 1])
                        painter.drawText(left + x, top + y, w, h, CENTRED, cell_text(value, digits, breadth))

    def _draw_mark(self, painter: QPainter, tile: QRect, word: str) -> None:
        """Write a word on a plain strip, since it must not depend on the map's colours."""
        colours = theme.current()
        painter.setFont(theme.font(0.85))
        name_px = self._layout.name_px
        strip = QRect(tile.left(), tile.bottom() - name_px + 1, tile.width(), name_px)
        painter.fillRect(strip, colours.color("panel"))
        draw_text(painter, strip, word, colours.color("warning"), align=Qt.AlignmentFlag.AlignCenter)

    @property
    def _shows_cross(self) -> bool:
        """Whether the cell under the pointer is shown in every map."""
        maps, cell = self._maps, self._hovered[1] if self._hovered is not None else None
        if maps is None or cell is None or maps.colours_nhwc is not None:
            return False
        _, height, width = maps.shape
        return height * width > 1 and cell[0] < height and cell[1] < width

    def _draw_cross(self, painter: QPainter, tiles: dict[int, QRect]) -> None:
        """Mark the cell under the pointer in every map in sight, with its value where the map's name was."""
        if not self._shows_cross or self._hovered is None or self._hovered[1] is None or self._maps is None:
            return
        row, column = self._hovered[1]
        cell = self.cell_rect(0, row, column).translated(-self.tile_rect(0).topLeft())
        cross, corner = _cross(cell, QSize(self._layout.tile_w, self._layout.tile_h), self.devicePixelRatioF())
        for tile in tiles.values():
            painter.drawPixmap(tile.topLeft() + corner, cross)
        stored = [self._maps.stored(position) for position in tiles]
        self._draw_values_above(painter, tiles, self._maps.values_chw[stored, row, column].tolist())

    def _draw_values_above(self, painter: QPainter, tiles: dict[int, QRect], values: list[float]) -> None:
        """Write a value of each map at the right end of the line above it, and the name only where it fits too."""
        assert self._maps is not None
        colours = theme.current()
        panel, muted, pointer = (colours.color(role) for role in ("panel", "muted", "pointer"))
        painter.setFont(theme.font(0.9))
        digit_px = painter.fontMetrics().horizontalAdvance("88888888") / 8
        name_px, keeps, units, names = self._layout.name_px, self._keeps_names, self._maps.units, self._maps.names
        for (position, tile), value in zip(tiles.items(), values, strict=True):
            width = tile.width() + map_layout.GAP_PX - 2 - (name_px if units[position] in self._pins else 0)
            room = QRect(tile.left(), tile.top() - name_px, width, name_px)
            if keeps:
                painter.fillRect(room, panel)
            text = cell_text(value, 3, width / digit_px)
            name = names[position].partition("  ")[0]
            if (len(name) + len(text) + 1) * digit_px <= width:
                draw_text(painter, room, name, muted, align=Qt.AlignmentFlag.AlignVCenter)
            painter.setPen(pointer)
            painter.drawText(room, _RIGHT, text)

    def _draw_frames(self, painter: QPainter) -> None:
        colours = theme.current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        frames = []
        if self._selected is not None:
            frames.append((self._selected[0], self._selected[1], colours.color("accent")))
        if self._hovered is not None:
            frames.append((self._hovered[0], self._hovered[1], colours.color("pointer")))
        for unit, cell, colour in frames:
            position = self.position_of(unit)
            if position is None:
                continue
            painter.setPen(QPen(colour, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin))
            painter.drawRect(self.tile_rect(position).adjusted(-2, -2, 1, 1))
            if cell is not None and self._layout.height > 1:
                painter.drawRect(self.cell_rect(position, *cell).adjusted(-1, -1, 0, 0))
        near = self.position_of(self._near) if self._near is not None and self._can_pin else None
        if near is not None and self._near not in self._pins:
            rect = self._pin_rect(near)
            painter.fillRect(rect, colours.color("panel"))
            _draw_pin(painter, rect, colours.color("accent"), filled=False)

    # -- pointing and choosing ------------------------------------------------------------------------------------

    def at(self, point: QPointF) -> tuple[int, int, int] | None:
        """Return (unit, row, column) under a point."""
        found = self._layout.at(point.x(), point.y()) if self._maps is not None else None
        return (self._maps.units[found[0]], *found[1:]) if self._maps is not None and found is not None else None

    def _unit_near(self, point: QPointF) -> int | None:
        """Return the unit whose map or name is under a point."""
        found = self._layout.near(point.x(), point.y()) if self._maps is not None else None
        return self._maps.units[found] if self._maps is not None and found is not None else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point."""
        self._set_near(self._unit_near(event.position()))
        self.pointed.emit(self.at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget what was pointed at."""
        self._set_near(None)
        self.pointed.emit(None)

    def _set_near(self, unit: int | None) -> None:
        if self._can_pin and unit != self._near:
            for one in (self._near, unit):
                position = self.position_of(one) if one is not None else None
                if position is not None:
                    self.update(self._pin_rect(position))
            self._near = unit

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose unit and cell, or pin what is clicked on its pin."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        near = self._layout.near(event.position().x(), event.position().y()) if self._maps is not None else None
        if self._can_pin and near is not None and self._pin_rect(near).contains(event.position().toPoint()):
            assert self._maps is not None
            self.pin_toggled.emit(self._maps.units[near])
            return
        found = self.at(event.position())
        if found is not None:
            self.chosen.emit(found[0], found[1:])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Keep the end of a click to itself."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Zoom into a unit, and back."""
        found = self.at(event.position())
        if found is not None:
            self.zoom_into(None if self._zoomed is not None else found[0])

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl, make the maps larger or smaller; else scroll."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.angleDelta().y():
            self.size_stepped.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to pin the map, to copy and to save."""
        unit = self._unit_near(QPointF(event.pos()))
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            unit = self._selected[0] if self._selected is not None else None
        self.offer_pin(unit)
        super().contextMenuEvent(event)

    def offer_pin(self, unit: int | None) -> None:
        """Let the action pin a unit, or let go of it."""
        self._pin.setEnabled(unit is not None)
        self._pin.setData(unit)
        self._pin.setText("&Unpin this map\tP" if unit in self._pins else "&Pin this map\tP")

    @Slot()
    def _on_pin_triggered(self) -> None:
        self.pin_toggled.emit(int(self._pin.data()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the units; Enter zooms in, Escape out, P pins."""
        key = Qt.Key(event.key())
        page = self._layout.columns * self._layout.rows_in(self._room.height())
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self._layout.columns,
            Qt.Key.Key_Down: self._layout.columns, Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -(10**6), Qt.Key.Key_End: 10**6,
        }  # fmt: skip
        if self._all is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
        elif key in steps:
            self._walk(self._all.units, steps[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._selected is not None:
            self.zoom_into(self._selected[0])
        elif key == Qt.Key.Key_Escape and self._zoomed is not None:
            self.zoom_into(None)
        elif key == Qt.Key.Key_P and self._can_pin and self._selected is not None:
            self.pin_toggled.emit(self._selected[0])
        else:
            super().keyPressEvent(event)

    def _walk(self, units: Sequence[int], step: int) -> None:
        if not units:
            return
        at = units.index(self._selected[0]) if self._selected and self._selected[0] in units else None
        position = 0 if at is None else min(len(units) - 1, max(0, at + step))
        self.chosen.emit(units[position], None)

    # -- Qt -------------------------------------------------------------------------------------------------------

    def has_own_background(self, part: QRect) -> bool:
        """Return whether the kept picture of the names covers the widget."""
        return self._maps is not None and self._keeps_names

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._fit()


_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine)


def _cross(cell: QRect, tile: QSize, ratio: float) -> tuple[QPixmap, QPoint]:
    """Return a frame around a cell and four arms that point at it, inside the tile, and where in the tile it goes.

    One picture for all tiles: drawing it is quicker than sixteen lines.
    """
    if cell.width() < CROSS_PX:  # too small to be framed by itself
        grow = (CROSS_PX - cell.width()) // 2 + 1
        cell = cell.adjusted(-grow, -grow, grow, grow)
    frame = cell.adjusted(-1, -1, 0, 0)
    arms = CROSS_PX + 2
    whole = frame.adjusted(-arms, -arms, arms, arms).intersected(QRect(QPoint(-2, -2), tile + QSize(4, 4)))
    picture = QPixmap(whole.size() * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.translate(-whole.topLeft())
    x, y = cell.center().x(), cell.center().y()
    lines = [
        QLine(frame.left() - arms, y, frame.left(), y), QLine(frame.right() + 1, y, frame.right() + arms, y),
        QLine(x, frame.top() - arms, x, frame.top()), QLine(x, frame.bottom() + 1, x, frame.bottom() + arms),
    ]  # fmt: skip
    colours = theme.current()
    for colour, width in ((colours.color("panel"), 3), (colours.color("pointer"), 1)):
        painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin))
        painter.drawRect(frame)
        painter.drawLines(lines)
    painter.end()
    return picture, whole.topLeft()


def _draw_pin(painter: QPainter, rect: QRect, colour: QColor, *, filled: bool) -> None:
    """Draw a drawing pin: a head and a needle."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.4))
    painter.setBrush(colour if filled else Qt.BrushStyle.NoBrush)
    side = rect.height()
    head = QPoint(rect.left() + round(side * 0.58), rect.top() + round(side * 0.4))
    painter.drawEllipse(head, round(side * 0.2), round(side * 0.2))
    painter.drawLine(head + QPoint(-round(side * 0.16), round(side * 0.16)), rect.bottomLeft() + QPoint(2, -2))
    painter.restore()


def _can_zoom(maps: Maps, unit: int) -> bool:
    return unit in maps.units and maps.values_chw[0].size > 1


class MapGridArea(QScrollArea):
    """A grid that fits its width and scrolls when it is higher than the room."""

    def __init__(self, grid: MapGrid, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grid = grid
        self.setWidget(grid)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_position(self, unit: int | None) -> None:
        """Bring a unit into sight."""
        position = self.grid.position_of(unit) if unit is not None else None
        if position is not None:
            tile = self.grid.tile_rect(position)
            self.ensureVisible(tile.center().x(), tile.center().y(), tile.width() // 2, tile.height() // 2 + 24)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out again; the room for the scroll bar is kept free, so that a bar that appears changes nothing."""
        super().resizeEvent(event)
        bar = self.verticalScrollBar().sizeHint().width()
        self.grid.fit_into(QSize(self.width() - bar, self.height()))


class PinnedArea(MapGridArea):
    """A grid that is as high as its maps, up to a share of what is there, and hidden without any."""

    def fit_below(self, most_h: int) -> None:
        """Take as much of a height as the maps need."""
        bar = self.verticalScrollBar().sizeHint().width()
        self.grid.fit_into(QSize(self.width() - bar, most_h))
        needed = min(most_h, self.grid.needed_h)
        self.setVisible(needed > 0)
        if needed:
            self.setFixedHeight(needed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the layout for the height that may be taken, only the width is another one."""
        QScrollArea.resizeEvent(self, event)
        bar = self.verticalScrollBar().sizeHint().width()
        self.grid.fit_into(QSize(self.width() - bar, self.grid.room.height()))
