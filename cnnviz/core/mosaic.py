"""A stack of feature maps (C, H, W) as one tiled picture of 8-bit colour indices, and back from pixel to value.

One picture for a layer is drawn far quicker than one for each map, and a picture of indices changes its colours
with its colour table alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.uint8]
Bounds = float | npt.NDArray[np.floating[Any]]

ROW_ALIGNMENT = 4
"""Bytes; Qt wants the rows of an 8-bit picture to start at multiples of this."""

_STEPS = 254  # from index 1 (low) to index 255 (high)
_FLOAT32_MOST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class MosaicLayout:
    """Where each map lies in the tiled picture; one pixel is one value.

    Attributes
    ----------
    count, height, width
        Number of maps and the size of each.
    columns
        Tiles in a row; the last row may be shorter.
    gap
        Pixels between neighbouring tiles; there is none around the picture.
    """

    count: int
    height: int
    width: int
    columns: int
    gap: int = 1

    def __post_init__(self) -> None:
        if min(self.count, self.height, self.width, self.columns) < 1 or self.gap < 0:
            raise ValueError(f"not a mosaic: {self}")

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.count // self.columns)

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        across = self.columns * (self.width + self.gap) - self.gap
        down = self.rows * (self.height + self.gap) - self.gap
        return across, down

    def tile_rect(self, channel: int) -> tuple[int, int, int, int]:
        """Return (x, y, width, height) of a map's tile.

        Raises
        ------
        IndexError
            When there is no such map.
        """
        if not 0 <= channel < self.count:
            raise IndexError(f"map {channel} of {self.count}")
        row, column = divmod(channel, self.columns)
        return column * (self.width + self.gap), row * (self.height + self.gap), self.width, self.height

    def at(self, x: int, y: int) -> tuple[int, int, int] | None:
        """Return (channel, row, column) of the value at a pixel, or ``None`` on a gap or outside."""
        if x < 0 or y < 0:
            return None
        tile_column, column = divmod(x, self.width + self.gap)
        tile_row, row = divmod(y, self.height + self.gap)
        channel = tile_row * self.columns + tile_column
        if tile_column >= self.columns or channel >= self.count or column >= self.width or row >= self.height:
            return None
        return channel, row, column


def best_columns(count: int, height: int, width: int, available_width: int, available_height: int, gap: int = 1) -> int:
    """Return the number of columns that shows the maps largest in the given room.

    Whole-number scales are compared first, because a map is drawn with whole pixels for a value; then fewer empty
    places win, then the exact scale, then fewer columns.

    Parameters
    ----------
    count, height, width
        Number of maps and the size of each.
    available_width, available_height
        Pixels of the screen.
    gap
        Pixels of the mosaic between tiles.
    """
    columns = np.arange(1, count + 1)
    rows = -(-count // columns)
    across = columns * (width + gap) - gap
    down = rows * (height + gap) - gap
    scale = np.minimum(available_width / across, available_height / down)
    whole = np.minimum(available_width // across, available_height // down)
    first = np.where(whole >= 1, whole, scale)
    empty = rows * columns - count
    return int(columns[np.lexsort((columns, -scale, empty, -first))[0]])


def limits(values_chw: FloatArray, scope: Literal["unit", "layer"], signed: bool) -> tuple[FloatArray, FloatArray]:
    """Return the values that get the first and the last colour.

    Parameters
    ----------
    values_chw
        Maps (C, H, W).
    scope
        ``unit``: each map has its own range; ``layer``: all maps share one.
    signed
        Symmetric about 0, so that 0 is the middle colour; otherwise from 0 to the largest value.

    Returns
    -------
    low, high
        float32 arrays of shape (C,) or (1,), with ``low < high`` always: maps without any value beyond 0 get the
        range to 1. Values that are not finite do not count.
    """
    if scope == "layer":  # a few numbers: arrays of one element would cost more than the values
        most = float(np.maximum(values_chw.max(), -values_chw.min()) if signed else values_chw.max())
        if 0 < most <= _FLOAT32_MOST:
            return np.array([-most if signed else 0.0], np.float32), np.array([most], np.float32)
    flat = values_chw.reshape(len(values_chw) if scope == "unit" else 1, -1)
    high = _largest(flat, signed)
    if not np.isfinite(high).all():
        high = _largest(np.where(np.isfinite(flat), flat, np.float32(0)), signed)
    high = np.where(high > 0, high, np.float32(1))
    return (-high if signed else np.zeros_like(high)), high


def _largest(flat: FloatArray, signed: bool) -> FloatArray:
    """Return each row's largest value, or magnitude; NaN where a row holds one."""
    largest: FloatArray = flat.max(axis=1)
    return np.maximum(largest, -flat.min(axis=1)) if signed else largest


def to_indices(
    values_chw: FloatArray, low: Bounds, high: Bounds, layout: MosaicLayout, gap_index: int = 0
) -> IndexArray:
    """Return the tiled picture as 8-bit indices into a table of 256 colours.

    Parameters
    ----------
    values_chw
        Maps (C, H, W).
    low, high
        Values of index 1 and of index 255, one for all maps or one for each. Values beyond them get the nearest
        of the two; NaN gets 0. Where `high` is not above `low`, a value equal to them gets the middle, 128.
    layout
        Where the tiles go.
    gap_index
        Index of the gaps and of the empty places of the last row.

    Returns
    -------
    numpy.ndarray
        uint8 (height, stride), C-contiguous. The rows are padded with `gap_index` to a multiple of four bytes, so
        ``QImage(data, width, height, stride, Format_Indexed8)`` takes it as it is, with ``width, height =
        layout.picture_size`` and ``stride = array.shape[1]``.

    Raises
    ------
    ValueError
        When the maps are not those of the layout.
    """
    if values_chw.shape != (layout.count, layout.height, layout.width):
        raise ValueError(f"maps {values_chw.shape} do not fit {layout}")
    indices_chw = _quantise(values_chw, low, high)
    tile_h, tile_w = layout.height + layout.gap, layout.width + layout.gap
    stride = -(-layout.columns * tile_w // ROW_ALIGNMENT) * ROW_ALIGNMENT
    canvas = np.full((layout.rows * tile_h, stride), gap_index, np.uint8)
    tiles = canvas[:, : layout.columns * tile_w].reshape(layout.rows, tile_h, layout.columns, tile_w)
    tiles = tiles[:, : layout.height, :, : layout.width]  # (rows, H, columns, W), still the canvas's memory
    full = layout.count // layout.columns
    cut = full * layout.columns
    whole = indices_chw[:cut].reshape(full, layout.columns, layout.height, layout.width)
    tiles[:full] = whole.transpose(0, 2, 1, 3)
    if cut < layout.count:
        tiles[full, :, : layout.count - cut] = indices_chw[cut:].transpose(1, 0, 2)
    return canvas[: layout.picture_size[1]]


def _quantise_alike(values_chw: FloatArray, low: float, scale: float) -> IndexArray:
    """Do what `_quantise` does where all maps share one range; with single numbers it is twice as fast."""
    with np.errstate(over="ignore", invalid="ignore"):
        steps = values_chw - np.float32(low)
        steps *= np.float32(scale)
        steps += np.float32(1.5)  # the cast below cuts the fraction off
        np.maximum(steps, 1, out=steps)
        np.minimum(steps, 255, out=steps)
        most = steps.max()
        if most != most:
            steps[np.isnan(steps)] = 0
    indices: IndexArray = steps.astype(np.uint8)
    return indices


def _quantise(values_chw: FloatArray, low: Bounds, high: Bounds) -> IndexArray:
    """Return the index of each value: 1 at `low`, 255 at `high`, 0 for NaN."""
    if np.size(low) == 1 and np.size(high) == 1:
        first, last = np.asarray(low).item(), np.asarray(high).item()
        scale = _STEPS / (last - first) if last > first else 0.0
        if 0 < scale < _FLOAT32_MOST:
            return _quantise_alike(values_chw, first, scale)
    flat = values_chw.reshape(len(values_chw), -1)  # (C, H·W)
    low_c = np.asarray(low, np.float64).reshape(-1, 1)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        scale = _STEPS / (np.asarray(high, np.float64).reshape(-1, 1) - low_c)
        scale_c = scale.astype(np.float32)
    usable = (scale > 0) & np.isfinite(scale_c)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.subtract(flat, low_c.astype(np.float32), dtype=np.float32)  # (C, H·W)
        if usable.all():
            steps *= scale_c
            steps += np.float32(1.5)  # the cast below cuts the fraction off
        else:  # no range to spread: below, equal and above are still told apart
            steps = np.where(usable, steps * np.where(usable, scale_c, 0) + 1.5, 128 + 255 * np.sign(steps))
        np.clip(steps, 1, 255, out=steps)
        if np.isnan(steps.max()):
            steps[np.isnan(steps)] = 0
    return steps.astype(np.uint8).reshape(values_chw.shape)
