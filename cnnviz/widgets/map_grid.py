"""Maps large: one tile a unit with its name, values inside the cells once they fit, one unit to zoom into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from cnnviz.core import mosaic
from cnnviz.widgets import theme
from cnnviz.widgets.colormap import MapRole, text_colour
from cnnviz.widgets.figure import Figure, draw_text, indexed_image
from cnnviz.widgets.legend import number

FloatArray = npt.NDArray[np.float32]
TEXT_CELL_PX = 32
LEAST_TILE_PX = 44
TILE_GAP_PX = 8
MOST_TILE_PX = 224
MOST_KEPT_PX = 4000


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
        What stands above each map.
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
    """

    pointed = Signal(object)
    chosen = Signal(int, object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._all: Maps | None = None
        self._maps: Maps | None = None
        self._image = QImage()
        self._layout = mosaic.MosaicLayout(1, 1, 1, 1)
        self._columns, self._scale = 1, 1.0
        self._room = QSize(400, 200)
        self._selected: tuple[int, tuple[int, int] | None] | None = None
        self._hovered: tuple[int, int, int] | None = None
        self._zoomed: int | None = None
        self._names_drawn: QPixmap | None = None
        self._sentence = ""

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_maps(self, maps: Maps | None, sentence: str = "") -> None:
        """Show maps, or a sentence when there are none."""
        before = self._all
        self._all, self._sentence = maps, sentence
        self._pick()
        same = (
            before is not None
            and maps is not None
            and before.values_chw.shape == maps.values_chw.shape
            and before.names == maps.names
        )
        if not same:
            self._fit()
        self.update()

    def show_selection(self, unit: int | None, cell: tuple[int, int] | None) -> None:
        """Frame a unit, and a cell of it."""
        self._selected = None if unit is None else (unit, cell)
        if self._zoomed is not None and unit is not None and unit != self._zoomed:
            self._zoomed = unit
            self._pick()
            self._fit()
        self.update()

    def show_pointed(self, unit: int | None, cell: tuple[int, int] | None) -> None:
        """Frame what is pointed at, here or in another view."""
        hovered = (unit, *(cell or (0, 0))) if unit is not None else None
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()

    @property
    def zoomed(self) -> int | None:
        """The unit that fills the whole room, or ``None``."""
        return self._zoomed

    def zoom_into(self, unit: int | None) -> None:
        """Let one unit fill the room; ``None`` shows all again."""
        self._zoomed = unit
        self._pick()
        self._fit()

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
        self._layout = mosaic.MosaicLayout(count, height, width, max(1, min(count, 2048 // width)), 0)
        indices = mosaic.to_indices(maps.values_chw, maps.low, maps.high, self._layout)
        self._image = indexed_image(indices, maps.role)

    def _name_px(self) -> int:
        return round(theme.text_px() * 1.3)

    def _fit(self) -> None:
        """Choose the largest scale at which all tiles fit, or scroll at the smallest readable one."""
        self._names_drawn = None
        if self._maps is None:
            self.setFixedHeight(max(40, self._room.height()))
            self.update()
            return
        count, height, width = self._maps.values_chw.shape
        least = max(1.0, -(-LEAST_TILE_PX // max(width, 1))) if width < LEAST_TILE_PX else 1.0
        most = max(1.0, (MOST_TILE_PX if count > 1 else self._room.width()) / width)
        scales = [s for s in (*range(96, 3, -1), 3.5, 3, 2.5, 2, 1.75, 1.5, 1.25, 1) if least <= s <= max(most, least)]
        if width == 1:
            scales = [float(LEAST_TILE_PX)]
        for scale in scales:
            columns = max(1, (self._room.width() - TILE_GAP_PX) // (round(width * scale) + TILE_GAP_PX))
            rows = -(-count // columns)
            if rows * self._tile_height(height, scale) + TILE_GAP_PX <= self._room.height():
                break
        else:
            scale = scales[-1] if scales else least
            columns = max(1, (self._room.width() - TILE_GAP_PX) // (round(width * scale) + TILE_GAP_PX))
            rows = -(-count // columns)
        self._scale, self._columns = float(scale), min(columns, count)
        needed = rows * self._tile_height(height, self._scale) + TILE_GAP_PX
        self.setFixedHeight(max(needed, self._room.height()))
        self.update()

    def _tile_height(self, height: int, scale: float) -> int:
        cell_px = max(round(height * scale), 20 if height == 1 else 0)
        return cell_px + self._name_px() + TILE_GAP_PX

    def _map_size(self) -> tuple[int, int]:
        return (
            round(self._layout.width * self._scale),
            max(round(self._layout.height * self._scale), 0) if self._layout.height > 1 else 24,
        )

    def tile_rect(self, position: int) -> QRect:
        """Return where the map at a position of the grid is, without its name."""
        row, column = divmod(position, self._columns)
        width, height = self._map_size()
        x = TILE_GAP_PX + column * (width + TILE_GAP_PX)
        y = TILE_GAP_PX // 2 + row * (height + self._name_px() + TILE_GAP_PX) + self._name_px()
        return QRect(x, y, width, height)

    def cell_rect(self, position: int, row: int, column: int) -> QRect:
        """Return where a cell is."""
        tile = self.tile_rect(position)
        x0, x1 = (round(c * tile.width() / self._layout.width) for c in (column, column + 1))
        y0, y1 = (round(r * tile.height() / self._layout.height) for r in (row, row + 1))
        return QRect(tile.left() + x0, tile.top() + y0, x1 - x0, y1 - y0)

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
        clip = painter.clipBoundingRect() if painter.hasClipping() else QRectF(0, 0, size.width(), size.height())
        self._draw_names(painter, size)
        cell_w = self._map_size()[0] / self._layout.width
        for position in range(len(maps.units)):
            tile = self.tile_rect(position)
            if not clip.intersects(QRectF(tile)):
                continue
            x, y, w, h = self._layout.tile_rect(position)
            painter.drawImage(tile, self._image, QRect(x, y, w, h))
            if cell_w >= TEXT_CELL_PX:
                self._draw_values(painter, position)
            if maps.marks and maps.marks[position]:
                self._draw_mark(painter, tile, maps.marks[position])
        self._draw_frames(painter)

    def _draw_names(self, painter: QPainter, size: QSize) -> None:
        """Draw the names and frames of the tiles, which only change with the layout; kept as a picture."""
        if not isinstance(painter.device(), QWidget) or size.height() > MOST_KEPT_PX:
            self._paint_names(painter)
            return
        if self._names_drawn is None or self._names_drawn.deviceIndependentSize().toSize() != size:
            ratio = self.devicePixelRatioF()
            self._names_drawn = QPixmap(size * ratio)
            self._names_drawn.setDevicePixelRatio(ratio)
            self._names_drawn.fill(theme.current().color("panel"))
            cached = QPainter(self._names_drawn)
            self._paint_names(cached)
            cached.end()
        painter.drawPixmap(0, 0, self._names_drawn)

    def _paint_names(self, painter: QPainter) -> None:
        assert self._maps is not None
        colours = theme.current()
        painter.setFont(theme.font(0.9))
        for position, name in enumerate(self._maps.names):
            tile = self.tile_rect(position)
            room = QRect(tile.left(), tile.top() - self._name_px(), tile.width() + TILE_GAP_PX - 2, self._name_px())
            draw_text(painter, room, name, colours.color("muted"), align=Qt.AlignmentFlag.AlignVCenter)
            painter.setPen(colours.color("line"))
            painter.drawRect(tile.adjusted(-1, -1, 0, 0))

    def _draw_values(self, painter: QPainter, position: int) -> None:
        assert self._maps is not None
        values = self._maps.values_chw[position]
        low = float(self._maps.low[position if len(self._maps.low) > 1 else 0])
        high = float(self._maps.high[position if len(self._maps.high) > 1 else 0])
        cell = self.cell_rect(position, 0, 0)
        painter.setFont(theme.numbers_font(max(9, min(cell.height() - 6, round(cell.width() * 0.28)))))
        for row in range(values.shape[0]):
            for column in range(values.shape[1]):
                value = float(values[row, column])
                if np.isnan(value):
                    continue  # no value there
                fraction = (value - low) / (high - low) if high > low else 0.5
                painter.setPen(QColor(text_colour(self._maps.role, fraction)))
                painter.drawText(self.cell_rect(position, row, column), Qt.AlignmentFlag.AlignCenter, number(value))

    def _draw_mark(self, painter: QPainter, tile: QRect, word: str) -> None:
        """Write a word on a plain strip, since it must not depend on the map's colours."""
        colours = theme.current()
        painter.setFont(theme.font(0.85))
        strip = QRect(tile.left(), tile.bottom() - self._name_px() + 1, tile.width(), self._name_px())
        painter.fillRect(strip, colours.color("panel"))
        draw_text(painter, strip, word, colours.color("warning"), align=Qt.AlignmentFlag.AlignCenter)

    def _draw_frames(self, painter: QPainter) -> None:
        colours = theme.current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        frames = []
        if self._selected is not None:
            frames.append((self._selected[0], self._selected[1], colours.color("accent")))
        if self._hovered is not None:
            frames.append((self._hovered[0], self._hovered[1:], colours.color("pointer")))
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
        if self._maps is None:
            return None
        width, height = self._map_size()
        column = int(point.x() - TILE_GAP_PX) // (width + TILE_GAP_PX)
        row = int(point.y() - TILE_GAP_PX // 2) // (height + self._name_px() + TILE_GAP_PX)
        position = row * self._columns + column
        if not (0 <= column < self._columns and 0 <= position < len(self._maps.units)):
            return None
        tile = self.tile_rect(position)
        if not tile.contains(point.toPoint()):
            return None
        x = int((point.x() - tile.left()) * self._layout.width / tile.width())
        y = int((point.y() - tile.top()) * self._layout.height / tile.height())
        return self._maps.units[position], min(y, self._layout.height - 1), min(x, self._layout.width - 1)

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

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Zoom into a unit, and back."""
        found = self.at(event.position())
        if found is not None:
            self.zoom_into(None if self._zoomed is not None else found[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk the units; Enter zooms in, Escape out."""
        key = Qt.Key(event.key())
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self._columns, Qt.Key.Key_Down: self._columns,
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

    def resizeEvent(self, event: object) -> None:
        """Lay out again."""
        self.grid.fit_into(self.viewport().size())
