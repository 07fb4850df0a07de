"""Where the maps of a grid and their cells are: geometry only."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect

TEXT_CELL_PX = 26
LEAST_TILE_PX = 44
MOST_TILE_PX = 224
GAP_PX = 8
SCALES: tuple[float, ...] = (*(float(s) for s in range(96, 3, -1)), 3.5, 3, 2.5, 2, 1.75, 1.5, 1.25, 1)


@dataclass(frozen=True)
class MapLayout:
    """Tiles in rows, each below its name.

    Attributes
    ----------
    count, height, width
        Number of maps, and their rows and columns of cells.
    columns
        Maps in a row.
    tile_w, tile_h
        Size of a map on screen.
    name_px
        Height of the line above each map.
    """

    count: int
    height: int
    width: int
    columns: int
    tile_w: int
    tile_h: int
    name_px: int

    @property
    def cell_w(self) -> float:
        """Width of a cell."""
        return self.tile_w / self.width

    @property
    def cell_h(self) -> float:
        """Height of a cell."""
        return self.tile_h / self.height

    @property
    def needed_h(self) -> int:
        """Height of all rows."""
        return -(-self.count // self.columns) * (self.tile_h + self.name_px + GAP_PX) + GAP_PX

    def tile_rect(self, position: int) -> QRect:
        """Return where a map is, without its name."""
        row, column = divmod(position, self.columns)
        x = GAP_PX + column * (self.tile_w + GAP_PX)
        y = GAP_PX // 2 + row * (self.tile_h + self.name_px + GAP_PX) + self.name_px
        return QRect(x, y, self.tile_w, self.tile_h)

    def cell_rect(self, position: int, row: int, column: int) -> QRect:
        """Return where a cell is."""
        tile = self.tile_rect(position)
        x0, x1 = (round(c * self.cell_w) for c in (column, column + 1))
        y0, y1 = (round(r * self.cell_h) for r in (row, row + 1))
        return QRect(tile.left() + x0, tile.top() + y0, x1 - x0, y1 - y0)

    def name_rect(self, position: int) -> QRect:
        """Return where the line above a map is; it reaches a little into the gap."""
        tile = self.tile_rect(position)
        return QRect(tile.left(), tile.top() - self.name_px, tile.width() + GAP_PX - 2, self.name_px)

    def between(self, top: int, bottom: int) -> range:
        """Return the positions of the maps, with their names, that reach into a stripe of the grid."""
        row_h = self.tile_h + self.name_px + GAP_PX
        first = max(0, (top - GAP_PX // 2) // row_h)
        last = max(first, (bottom - GAP_PX // 2) // row_h + 1)
        return range(min(self.count, first * self.columns), min(self.count, last * self.columns))

    def rows_in(self, room_h: int) -> int:
        """Return how many rows of maps a room shows at once, at least one."""
        return max(1, room_h // (self.tile_h + self.name_px + GAP_PX))

    def near(self, x: float, y: float) -> int | None:
        """Return the position of the map at a point or whose name is there, or ``None``."""
        column = int((x - GAP_PX) // (self.tile_w + GAP_PX))
        row = int((y - GAP_PX // 2) // (self.tile_h + self.name_px + GAP_PX))
        position = row * self.columns + column
        return position if 0 <= column < self.columns and row >= 0 and position < self.count else None

    def at(self, x: float, y: float) -> tuple[int, int, int] | None:
        """Return (position, row, column) of the cell at a point, or ``None`` beside the maps."""
        position = self.near(x, y)
        if position is None:
            return None
        tile = self.tile_rect(position)
        if not tile.contains(int(x), int(y)):
            return None
        cell_x, cell_y = int((x - tile.left()) / self.cell_w), int((y - tile.top()) / self.cell_h)
        return position, min(cell_y, self.height - 1), min(cell_x, self.width - 1)


def fit(
    shape: tuple[int, int, int], room: tuple[int, int], text_px: int, *, one: bool = False, tile_px: int | None = None
) -> MapLayout:
    """Return the layout with the largest maps that fit a room; where nothing fits, one to scroll.

    Parameters
    ----------
    shape
        (count, height, width) of the maps.
    room
        Width and height in pixels.
    text_px
        Size of the body text; names and numbers follow it.
    one
        A single map to be read number by number: its cells get room for text as long as its width fits.
    tile_px
        The longer side of a map where the user has chosen it; it stays within the width of the room.
    """
    count, height, width = shape
    room_w, room_h = room
    name_px = round(text_px * 1.3)
    if height == 1:
        return _strip(count, width, room_w, text_px)
    if tile_px is not None and not one:
        most_w = max(1, room_w - 2 * GAP_PX)
        return _grid(shape, min(tile_px / max(height, width), most_w / width), room_w, name_px)
    least = max(1.0, -(-LEAST_TILE_PX // width))
    most = max(least, (MOST_TILE_PX if count > 1 else room_w) / width)
    found = None
    for scale in (s for s in SCALES if least <= s <= most):
        found = _grid(shape, scale, room_w, name_px)
        if found.needed_h <= room_h and found.tile_w + 2 * GAP_PX <= room_w:
            break
    found = found or _grid(shape, least, room_w, name_px)
    least_px, best_px = max(TEXT_CELL_PX, 2 * text_px), round(3.4 * text_px)  # two digits fit, or three
    readable = min(best_px, (room_w - 2 * GAP_PX) // width)
    if one and readable >= least_px and found.cell_w < readable:
        return _grid(shape, readable, room_w, name_px)
    return found


def _grid(shape: tuple[int, int, int], scale: float, room_w: int, name_px: int) -> MapLayout:
    count, height, width = shape
    tile_w, tile_h = max(1, round(width * scale)), max(1, round(height * scale))
    columns = min(count, max(1, (room_w - GAP_PX) // (tile_w + GAP_PX)))
    return MapLayout(count, height, width, columns, tile_w, tile_h, name_px)


def _strip(count: int, width: int, room_w: int, text_px: int) -> MapLayout:
    """Return the layout of maps that are one cell high, such as a vector: wide enough for a number in each cell."""
    cell_w = max(LEAST_TILE_PX, round(4.4 * text_px))
    tile_w = min(width * cell_w, max(width * 4, room_w - 2 * GAP_PX))
    columns = min(count, max(1, (room_w - GAP_PX) // (tile_w + GAP_PX)))
    spread = min((room_w - GAP_PX) // columns - GAP_PX, 2 * tile_w)
    tile_w = max(tile_w, spread)
    tile_h = max(round(1.9 * text_px), min(tile_w // (2 * width), 48) if columns == count else 0)
    return MapLayout(count, 1, width, columns, tile_w, tile_h, round(text_px * 1.3))
