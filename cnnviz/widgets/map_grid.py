"""Maps large: one tile a unit with its name, values inside the cells once they fit, one unit to zoom into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from cnnviz.core import mosaic
from cnnviz.widgets import map_layout, theme
from cnnviz.widgets.cells import CENTRED, cell_text, text_colours
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.figure import Figure, KeptPicture, draw_part, draw_text, indexed_image

FloatArray = npt.NDArray[np.float32]
MOST_KEPT_PX = 4000


def _that_fits(name: str, metrics: QFontMetrics, width: int) -> str:
    """Return a name without those of its parts, two spaces apart, that do not fit."""
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
        The maps, in the order in which they are shown.
    low, high
        Ends of the colour scale, one for all or one for each map.
    role
        Which colours.
    units
        The unit of each map.
    names
        What stands above each map; parts two spaces apart give way, from the last one, where there is no room.
    marks
        A word across a map that says what the picture does not, such as ``silent``; empty for most.
    """

    values_chw: FloatArray
    low: FloatArray
    high: FloatArray
    role: MapRole
    units: tuple[int, ...]
    names: tuple[str, ...]
    marks: tuple[str, ...] = field(default=())

    def of(self, position: int) -> Maps:
        """Return one map by itself."""
        pick = slice(position, position + 1)
        low = self.low[pick] if len(self.low) > 1 else self.low
        high = self.high[pick] if len(self.high) > 1 else self.high
        marks = self.marks[pick] if self.marks else ()
        return Maps(self.values_chw[pick], low, high, self.role, self.units[pick], self.names[pick], marks)


class MapGrid(Figure):
    """A grid of maps; place it into a `MapGridArea` to scroll.

    Signals
    -------
    pointed(tuple | None)
        (unit, row, column) under the pointer, or ``None``.
    chosen(int, object)
        A unit, and the cell (row, column) that was clicked or ``None``.
    zoom_changed(bool)
        One unit fills the room, or all are shown again.
    """

    pointed = Signal(object)
    chosen = Signal(int, object)
    zoom_changed = Signal(bool)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setToolTip("Arrows choose a map; Enter or a double click lets it fill the room, Escape goes back")
        self._all: Maps | None = None
        self._maps: Maps | None = None
        self._image = QImage()
        self._indices = np.zeros((1, 4), np.uint8)
        self._tiles = mosaic.MosaicLayout(1, 1, 1, 1)
        self._layout = map_layout.MapLayout(1, 1, 1, 1, 1, 1, 1)
        self._room = QSize(400, 200)
        self._selected: tuple[int, tuple[int, int] | None] | None = None
        self._hovered: tuple[int, tuple[int, int] | None] | None = None
        self._zoomed: int | None = None
        self._names_drawn = KeptPicture()
        self._sentence = ""

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_maps(self, maps: Maps | None, sentence: str = "") -> None:
        """Show maps, or a sentence when there are none."""
        before = self._maps
        self._all, self._sentence = maps, sentence
        if self._zoomed is not None and (maps is None or not _can_zoom(maps, self._zoomed)):
            self._set_zoomed(None)
        self._pick()
        after = self._maps
        same = before is not None and after is not None and before.values_chw.shape == after.values_chw.shape
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
        """Frame what is pointed at, here or in another view."""
        hovered = (unit, cell) if unit is not None else None
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()

    @property
    def zoomed(self) -> int | None:
        """The unit that fills the whole room, or ``None``."""
        return self._zoomed

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
        """Choose all maps or the zoomed one, and draw them into one indexed picture."""
        maps = self._all
        if maps is not None and self._zoomed in maps.units:
            maps = maps.of(maps.units.index(self._zoomed))
        self._maps = maps
        if maps is None or not len(maps.values_chw):
            self._maps = None
            return
        count, height, width = maps.values_chw.shape
        self._tiles = mosaic.MosaicLayout(count, height, width, max(1, min(count, 2048 // width)), 0)
        self._indices = mosaic.to_indices(maps.values_chw, maps.low, maps.high, self._tiles)
        self._image = indexed_image(self._indices, maps.role)

    def _fit(self) -> None:
        """Choose the largest scale at which all tiles fit, or scroll at the smallest readable one."""
        self._names_drawn.drop()
        if self._maps is None:
            self.setFixedHeight(max(40, self._room.height()))
            self.update()
            return
        count, height, width = self._maps.values_chw.shape
        self._layout = map_layout.fit(
            (count, height, width),
            (self._room.width(), self._room.height()),
            theme.text_px(),
            one=self._zoomed is not None,
        )
        self.setFixedHeight(max(self._layout.needed_h, self._room.height()))
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
        self._draw_names(painter, size)
        tiles = [self.tile_rect(position) for position in range(len(maps.units))]
        in_sight = [position for position, tile in enumerate(tiles) if clip.intersects(tile)]
        for position in in_sight:
            x, y, w, h = self._tiles.tile_rect(position)
            draw_part(painter, tiles[position], self._image, QRect(x, y, w, h))
        if self._layout.cell_w >= map_layout.TEXT_CELL_PX:
            self._draw_values(painter, in_sight, clip)
        for position in in_sight if maps.marks else ():
            if maps.marks[position]:
                self._draw_mark(painter, tiles[position], maps.marks[position])
        self._draw_frames(painter)

    def _draw_names(self, painter: QPainter, size: QSize) -> None:
        """Draw the names and frames of the tiles, which only change with the layout."""
        if size.height() > MOST_KEPT_PX:
            self._paint_names(painter)
        else:
            self._names_drawn.draw(painter, size, self._paint_names)

    def _paint_names(self, painter: QPainter) -> None:
        assert self._maps is not None
        colours = theme.current()
        painter.setFont(theme.font(0.9))
        name_px = self._layout.name_px
        for position, name in enumerate(self._maps.names):
            tile = self.tile_rect(position)
            room = QRect(tile.left(), tile.top() - name_px, tile.width() + map_layout.GAP_PX - 2, name_px)
            shown = _that_fits(name, painter.fontMetrics(), room.width()) if "  " in name else name
            draw_text(painter, room, shown, colours.color("muted"), align=Qt.AlignmentFlag.AlignVCenter)
            painter.setPen(colours.color("line"))
            painter.drawRect(tile.adjusted(-1, -1, 0, 0))

    def _draw_values(self, painter: QPainter, positions: Sequence[int], clip: QRect) -> None:
        """Write the values into the cells of the maps, as far as they are in sight."""
        assert self._maps is not None
        inks, text_px, cell_w = text_colours(self._maps.role), theme.text_px(), self._layout.cell_w
        digits, wide = (3, 4.9) if cell_w >= 3.4 * text_px else (2, 3.9)
        size_px = min(self._layout.cell_h - 6, cell_w / wide, text_px * 1.5)
        size_px = max(8, int(size_px))
        painter.setFont(theme.numbers_font(size_px))
        breadth = (cell_w - 1) / painter.fontMetrics().horizontalAdvance("88888888") * 8
        for position in positions:
            x, y, w, h = self._tiles.tile_rect(position)
            indices = self._indices[y : y + h, x : x + w].tolist()
            for row, line in enumerate(self._maps.values_chw[position].tolist()):
                cells = [self.cell_rect(position, row, column) for column in range(w)]
                if cells[0].bottom() < clip.top() or cells[0].top() > clip.bottom():
                    continue
                for cell, value, index in zip(cells, line, indices[row], strict=True):
                    if index:  # 0: no value there
                        painter.setPen(inks[index - 1])
                        painter.drawText(cell, CENTRED, cell_text(value, digits, breadth))

    def _draw_mark(self, painter: QPainter, tile: QRect, word: str) -> None:
        """Write a word on a plain strip, since it must not depend on the map's colours."""
        colours = theme.current()
        painter.setFont(theme.font(0.85))
        name_px = self._layout.name_px
        strip = QRect(tile.left(), tile.bottom() - name_px + 1, tile.width(), name_px)
        painter.fillRect(strip, colours.color("panel"))
        draw_text(painter, strip, word, colours.color("warning"), align=Qt.AlignmentFlag.AlignCenter)

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

    # -- pointing and choosing ------------------------------------------------------------------------------------

    def at(self, point: QPointF) -> tuple[int, int, int] | None:
        """Return (unit, row, column) under a point."""
        found = self._layout.at(point.x(), point.y()) if self._maps is not None else None
        return (self._maps.units[found[0]], *found[1:]) if self._maps is not None and found is not None else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point."""
        self.pointed.emit(self.at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget what was pointed at."""
        self.pointed.emit(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose unit and cell."""
        found = self.at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            self.chosen.emit(found[0], found[1:])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Keep the end of a click to itself."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Zoom into a unit, and back."""
        found = self.at(event.position())
        if found is not None:
            self.zoom_into(None if self._zoomed is not None else found[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the units; Enter zooms in, Escape out."""
        key = Qt.Key(event.key())
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self._layout.columns,
            Qt.Key.Key_Down: self._layout.columns,
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
        else:
            super().keyPressEvent(event)

    def _walk(self, units: Sequence[int], step: int) -> None:
        at = units.index(self._selected[0]) if self._selected and self._selected[0] in units else None
        position = 0 if at is None else min(len(units) - 1, max(0, at + step))
        self.chosen.emit(units[position], None)

    # -- Qt -------------------------------------------------------------------------------------------------------

    def has_own_background(self, part: QRect) -> bool:
        """Return whether the kept picture of the names covers the widget."""
        return self._maps is not None and self.height() <= MOST_KEPT_PX

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._fit()


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
