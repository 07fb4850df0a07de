"""What a network for photographs sees, step by step: the picture, resized, its middle, and its normalised channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QSizePolicy, QVBoxLayout, QWidget

from cnnviz.core import mosaic
from cnnviz.core.formats import fixed, number
from cnnviz.core.inspection import PixelArray
from cnnviz.models.registry import InputSpec
from cnnviz.widgets import theme
from cnnviz.widgets.browsed import BrowsedFigure
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.figure import draw_part, draw_text, indexed_image
from cnnviz.widgets.legend import draw_legend

if TYPE_CHECKING:  # Pillow: the way of a digit does without it
    from cnnviz.core.photo import PhotoSteps

CHANNELS = ("red", "green", "blue")
COLUMNS = 3
GAP_PX = 6
LEAST_TILE_PX = 36
MOST_PX = 512  # of a picture that is shown in a tile
DIMMED = 0.62  # how much of what is cut off is covered
TIP = "The picture on its way into the network. Click, or press Enter, to enlarge; Left and Right walk the folder."


def coloured_image(pixels: PixelArray) -> QImage:
    """Return a picture of (H, W, 3), or of grey levels (H, W), in the format that Qt scales fastest."""
    pixels = np.ascontiguousarray(pixels)  # by name: Qt reads it without owning it
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_RGB888 if pixels.ndim == 3 else QImage.Format.Format_Grayscale8
    image = QImage(pixels.data, width, height, width * (3 if pixels.ndim == 3 else 1), kind)
    return image.convertToFormat(QImage.Format.Format_RGB32)


def _thinned(pixels: PixelArray) -> PixelArray:
    step = max(1, max(pixels.shape[:2]) // MOST_PX)
    return pixels[::step, ::step]


class PhotoStrip(BrowsedFigure):
    """Three pictures (as it is, resized, its middle), below them the three normalised channels and their scale.

    Signals
    -------
    pointed(str)
        What is under the pointer, in words; empty for nothing.
    """

    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("What the network sees, step by step", parent)
        self.setToolTip(TIP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._steps: PhotoSteps | None = None
        self._spec: InputSpec | None = None
        self._picture_hw = (1, 1)
        self._images: tuple[QImage, ...] = ()
        self._captions: tuple[str, ...] = ()
        self._channels = QImage()
        self._limit = 1.0

    def show_steps(
        self,
        pixels: PixelArray,
        steps: PhotoSteps,
        spec: InputSpec,
        words: str,
        picture_hw: tuple[int, int] | None = None,
    ) -> None:
        """Show a picture on its way.

        Parameters
        ----------
        pixels
            uint8 (H, W, 3), or the ink of a board (H, W).
        steps, spec
            What is made of it, and for which network.
        words
            What the picture is, such as ``drawn``.
        picture_hw
            Its height and width, where `pixels` are fewer.
        """
        self._steps, self._spec = steps, spec
        self._picture_hw = height, width = picture_hw or (pixels.shape[0], pixels.shape[1])
        self._images = tuple(
            coloured_image(_thinned(one)) for one in (pixels, steps.resized_hwc, steps.middle_hwc)
        )  # the channels are made of the same pixels
        down, across = steps.framing.resized_hw
        rows, columns = steps.framing.crop_hw
        self._captions = (f"{words} {width}×{height}", f"resized {across}×{down}", f"middle {columns}×{rows}")
        self._limit = max(max(m, 1 - m) / s for m, s in zip(spec.mean, spec.std, strict=True))
        self._channels = self._coloured_channels()
        levels = steps.middle_hwc.reshape(-1, 3).mean(0) / 255
        normalised = (levels - np.array(spec.mean)) / np.array(spec.std)
        means = ", ".join(f"{value:.3f}" for value in normalised)
        self.setAccessibleDescription(
            f"{words}, {height} × {width} pixels, resized to {down} × {across}; the network sees the middle, "
            f"{rows} × {columns}, normalised: mean values of red, green and blue {means}."
        )
        self.update()

    def _normalised(self, pixels_hwc: PixelArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """Return what the network gets for pixels."""
        assert self._spec is not None
        mean, std = (np.array(values, np.float32) for values in (self._spec.mean, self._spec.std))
        normalised: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
        normalised = (pixels_hwc.astype(np.float32) / np.float32(255) - mean) / std
        return normalised

    def _coloured_channels(self) -> QImage:
        """Return the three normalised channels side by side, in signed colours of one scale."""
        assert self._steps is not None
        values_hwc = self._normalised(_thinned(self._steps.middle_hwc))
        values_chw = np.ascontiguousarray(values_hwc.transpose(2, 0, 1))
        count, height, width = values_chw.shape
        layout = mosaic.MosaicLayout(count, height, width, columns=COLUMNS, gap=0)
        return indexed_image(mosaic.to_indices(values_chw, -self._limit, self._limit, layout), "signed")

    # -- where things are -----------------------------------------------------------------------------------------

    def _line_px(self) -> int:
        return round(theme.text_px() * 1.3)

    def _fixed_px(self) -> int:
        """Return the height of all that is no tile: three lines, the scale, and what is between them."""
        return 3 * self._line_px() + 2 * GAP_PX + 10 + self._line_px()

    def _tile_px(self, size: QSize) -> int:
        across = (size.width() - (COLUMNS - 1) * GAP_PX - 4) // COLUMNS
        return max(LEAST_TILE_PX, min(across, (size.height() - self._fixed_px()) // 2))

    def tile_rect(self, index: int, size: QSize | None = None) -> QRect:
        """Return the square of a tile: 0 to 2 the pictures, 3 to 5 the channels."""
        size = size or self.size()
        tile, line = self._tile_px(size), self._line_px()
        row, column = divmod(index, COLUMNS)
        top = line if row == 0 else 3 * line + tile + GAP_PX
        return QRect(2 + column * self._column_px(size), top, tile, tile)

    def _column_px(self, size: QSize) -> int:
        """Return how far apart tiles begin: where they are low, their captions still have the whole width."""
        return (size.width() - 4 + GAP_PX) // COLUMNS

    def image_rect(self, index: int, size: QSize | None = None) -> QRect:
        """Return where in its square a picture is; it keeps its own form."""
        square = self.tile_rect(index, size)
        height, width = self._size_of(index)
        scale = square.width() / max(height, width)
        return QRect(square.left(), square.top(), max(1, round(width * scale)), max(1, round(height * scale)))

    def _size_of(self, index: int) -> tuple[int, int]:
        """Return height and width of what a tile shows."""
        if self._steps is None:
            return 1, 1
        framing = self._steps.framing
        return (self._picture_hw, framing.resized_hw)[index] if index < 2 else framing.crop_hw

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the pictures, the channels, their captions and the scale."""
        if self._steps is None or self._spec is None:
            return
        muted = theme.current().color("muted")
        painter.setFont(theme.font(0.85))
        for index, image in enumerate(self._images):
            self._caption(painter, index, self._captions[index], size)
            self._picture(painter, index, image, image.rect(), size)
            if index < 2:
                self._box(painter, index, size)
        first, column = self.tile_rect(COLUMNS, size), self._column_px(size)
        across = COLUMNS * column - GAP_PX
        line, width = self._line_px(), self._channels.width() // COLUMNS
        heading = QRect(first.left(), first.top() - 2 * line, across, line)
        words = "normalised: (value − mean) / deviation"
        draw_text(painter, heading, words, muted, align=Qt.AlignmentFlag.AlignVCenter)
        for channel, (mean, std) in enumerate(zip(self._spec.mean, self._spec.std, strict=True)):
            caption = f"{CHANNELS[channel]}: {number(mean)}, {number(std)}"
            self._caption(painter, COLUMNS + channel, caption, size)
            part = QRect(channel * width, 0, width, self._channels.height())
            self._picture(painter, COLUMNS + channel, self._channels, part, size)
        bottom = first.bottom() + GAP_PX
        scale = QRect(first.left(), bottom, min(across, 2 * column + first.width()), 10 + line)
        draw_legend(painter, scale, "signed", -self._limit, self._limit)

    def _caption(self, painter: QPainter, index: int, words: str, size: QSize) -> None:
        square = self.tile_rect(index, size)
        line = self._line_px()
        room = QRect(square.left(), square.top() - line, self._column_px(size) - 4, line)
        draw_text(painter, room, words, theme.current().color("muted"), align=Qt.AlignmentFlag.AlignVCenter)

    def _picture(self, painter: QPainter, index: int, image: QImage, part: QRect, size: QSize) -> None:
        target = self.image_rect(index, size)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, part.width() > target.width())
        draw_part(painter, target, image, part)
        painter.setPen(theme.current().color("line"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(target.adjusted(0, 0, -1, -1))

    def _box(self, painter: QPainter, index: int, size: QSize) -> None:
        """Frame what is seen, and cover what is cut off."""
        assert self._steps is not None
        whole = QRectF(self.image_rect(index, size))
        top, left, bottom, right = (min(1.0, max(0.0, share)) for share in self._steps.framing.shares)
        x0, x1 = (whole.left() + share * whole.width() for share in (left, right))
        y0, y1 = (whole.top() + share * whole.height() for share in (top, bottom))
        cover = QColor(0, 0, 0)
        cover.setAlphaF(DIMMED)
        for part in (
            QRectF(whole.left(), whole.top(), whole.width(), y0 - whole.top()),
            QRectF(whole.left(), y1, whole.width(), whole.bottom() - y1),
            QRectF(whole.left(), y0, x0 - whole.left(), y1 - y0),
            QRectF(x1, y0, whole.right() - x1, y1 - y0),
        ):
            if part.width() > 0 and part.height() > 0:
                painter.fillRect(part, cover)
        painter.setPen(QPen(theme.DARK.color("pointer"), 1))
        painter.drawRect(QRectF(x0, y0, x1 - x0 - 1, y1 - y0 - 1))

    # -- pointing -------------------------------------------------------------------------------------------------

    def words_at(self, point: QPointF) -> str:
        """Return what is at a point: a pixel of the middle with its levels and what the network gets for them."""
        if self._steps is None:
            return ""
        for index in range(2, 2 * COLUMNS):
            target = self.image_rect(index)
            if not target.contains(point.toPoint()):
                continue
            height, width = self._size_of(index)
            row = min(height - 1, int((point.y() - target.top()) * height / target.height()))
            column = min(width - 1, int((point.x() - target.left()) * width / target.width()))
            levels = self._steps.middle_hwc[row, column]
            values = self._normalised(levels[None, None])[0, 0]
            return f"row {row}, column {column}: " + ", ".join(
                f"{name} {int(level)} → {fixed(float(value), 3)}"
                for name, level, value in zip(CHANNELS, levels, values, strict=True)
            )
        return ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what is under the pointer."""
        self.pointed.emit(self.words_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self.pointed.emit("")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for no more height than the tiles can fill."""
        super().resizeEvent(event)
        across = (self.width() - (COLUMNS - 1) * GAP_PX - 4) // COLUMNS
        self.setMaximumHeight(2 * max(LEAST_TILE_PX, across) + self._fixed_px())

    def sizeHint(self) -> QSize:
        """Return room for tiles of about a hundred pixels."""
        return QSize(COLUMNS * 100, 2 * 96 + self._fixed_px())

    def minimumSizeHint(self) -> QSize:
        """Return room for the smallest tiles that show anything."""
        return QSize(COLUMNS * 64, 2 * LEAST_TILE_PX + self._fixed_px())


class PhotoDialog(QDialog):
    """The steps large, live while the picture changes.

    Signals
    -------
    numbers_wanted()
        The network's input is to be shown in the inspector, number by number.
    """

    numbers_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("What the network sees, step by step")
        self.strip = PhotoStrip(self)
        self.strip.setToolTip("Point at the middle, or at a channel, for its numbers; Left and Right walk the folder")
        self.strip.setMaximumHeight(16_777_215)
        self._words = ElidedLabel("", self)
        self._words.setAccessibleName("The pixel under the pointer")
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.strip.pointed.connect(self._words.setText)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.numbers = buttons.addButton("&Numbers in the inspector", QDialogButtonBox.ButtonRole.ActionRole)
        self.numbers.setToolTip("Choose the network's input in the inspector, with every number of it")
        self.numbers.clicked.connect(self.numbers_wanted)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.strip, 1)
        layout.addWidget(self._words)
        layout.addWidget(buttons)
        self.resize(900, 760)
