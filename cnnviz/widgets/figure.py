"""A picture on the screen that can be copied, and saved as PNG and SVG."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QContextMenuEvent,
    QGuiApplication,
    QImage,
    QImageWriter,
    QKeySequence,
    QPaintEngine,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from cnnviz.core.errors import UserError
from cnnviz.core.files import write_atomically
from cnnviz.widgets import colormap, theme

VEIL = 0.45  # how much of the background covers values that are out of date
PICTURE_FILTER = "PNG picture (*.png);;SVG drawing (*.svg)"


def indexed_image(indices_hw: npt.NDArray[np.uint8], role: colormap.MapRole) -> QImage:
    """Return a picture of colour indices.

    The colours are looked up here, in 32 bits: Qt scales such a picture several times faster than one of 8 bits.
    The image keeps its pixels alive.
    """
    pixels = colormap.lookup(role).take(indices_hw)  # (H, W) uint32, premultiplied ARGB
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    image.cnnviz_array = pixels  # type: ignore[attr-defined]  # Qt does not own the bytes
    return image


class Figure(QWidget):
    """Base of all pictures: subclasses implement `draw` and describe themselves for a screen reader.

    Signals
    -------
    failed(UserError)
        Saving did not work.
    """

    failed = Signal(object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # or all that lies behind is painted first
        self._late = False
        self._copy = QAction("&Copy picture", self)
        self._copy.setShortcut(QKeySequence.StandardKey.Copy)
        self._save = QAction("&Save picture…", self)
        self._save.setShortcut(QKeySequence("Ctrl+Shift+S"))
        self._copy.triggered.connect(self.copy_picture)
        self._save.triggered.connect(self.ask_and_save)
        for action in (self._copy, self._save):
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            self.addAction(action)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the whole picture; subclasses override this and use no other state than their own."""

    def show_late(self, late: bool) -> None:
        """Say whether newer values are on their way; what is on the screen is dimmed then."""
        if late != self._late:
            self._late = late
            self.update()

    def picture_size(self) -> QSize:
        """Return the size in which the picture is copied and saved; the size on screen by default."""
        return self.size().expandedTo(QSize(1, 1))

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        QGuiApplication.clipboard().setImage(self.to_image(max(2.0, self.devicePixelRatioF())))

    def to_image(self, scale: float = 2.0) -> QImage:
        """Return the picture with its background, `scale` times as many pixels as on screen."""
        size = self.picture_size()
        image = QImage(size * scale, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(scale)
        image.fill(theme.current().color("panel"))
        painter = QPainter(image)
        self.draw(painter, size)
        painter.end()
        return image

    def save_picture(self, path: Path) -> None:
        """Save as PNG or SVG by the name's ending; an existing file survives a failure.

        Raises
        ------
        UserError
            When the ending is another one or the file cannot be written.
        """
        if path.suffix.lower() == ".svg":
            data = self._svg()
        elif path.suffix.lower() == ".png":
            data = _png(self.to_image())
        else:
            raise UserError(
                f"A picture cannot be saved as '{path.name}'.", suggestion="Choose a name ending in .png or .svg."
            )
        with write_atomically(path) as file:
            file.write(data)

    def ask_and_save(self) -> None:
        """Ask for a name and save."""
        name, chosen = QFileDialog.getSaveFileName(self, "Save picture", "picture.png", PICTURE_FILTER)
        if not name:
            return
        path = Path(name)
        if not path.suffix:
            path = path.with_suffix(".svg" if "svg" in chosen else ".png")
        try:
            self.save_picture(path)
        except UserError as error:
            self.failed.emit(error)

    def draw_focus(self, painter: QPainter) -> None:
        """Draw the focus frame on screen; it is not part of the picture."""
        if self.hasFocus():
            painter.setPen(QPen(theme.current().color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _svg(self) -> bytes:
        size = self.picture_size()
        buffer = _Buffer()
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer.device)
        generator.setSize(size)
        generator.setViewBox(QRect(0, 0, size.width(), size.height()))
        generator.setTitle(self.accessibleName())
        painter = QPainter(generator)
        painter.fillRect(QRect(0, 0, size.width(), size.height()), theme.current().color("panel"))
        self.draw(painter, size)
        painter.end()
        return buffer.bytes()

    def has_own_background(self, part: QRect) -> bool:
        """Return whether `draw` covers a part of the widget by itself."""
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture and the focus frame; a painter left open by an exception would end the program."""
        painter = QPainter(self)
        try:
            painter.setClipRect(event.rect())
            if not self.has_own_background(event.rect()):
                painter.fillRect(event.rect(), theme.current().color("panel"))
            self.draw(painter, self.size())
            if self._late:
                veil = theme.current().color("panel")
                veil.setAlphaF(VEIL)
                painter.fillRect(event.rect(), veil)
            painter.setClipRect(event.rect())
            self.draw_focus(painter)
        finally:
            painter.end()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy and save."""
        menu = QMenu(self)
        menu.addActions(self.actions())
        menu.exec(event.globalPos())
        menu.deleteLater()


class _Buffer:
    """An in-memory file for Qt's writers."""

    def __init__(self) -> None:
        self._array = QByteArray()
        self.device = QBuffer(self._array)
        self.device.open(QIODevice.OpenModeFlag.WriteOnly)

    def bytes(self) -> bytes:
        return bytes(self._array.data())


def _png(image: QImage) -> bytes:
    buffer = _Buffer()
    QImageWriter(buffer.device, QByteArray(b"png")).write(image)
    return buffer.bytes()


class KeptPicture:
    """What of a widget changes rarely, kept as a picture; a copy or a saved picture is drawn without it.

    Parameters
    ----------
    is_overlay
        It is drawn over what lies there, not on the background.
    """

    def __init__(self, *, is_overlay: bool = False) -> None:
        self._is_overlay = is_overlay
        self._pixmap: QPixmap | None = None
        self._is_new = False
        self._was_drawn = False

    def drop(self) -> None:
        """Draw it anew the next time."""
        self._is_new = self._was_drawn = False

    def draw(self, painter: QPainter, size: QSize, paint: Callable[[QPainter], None]) -> None:
        """Draw what `paint` draws; on the screen from the picture that is kept of it."""
        device = painter.device()
        if not isinstance(device, QWidget):
            paint(painter)
            return
        ratio = device.devicePixelRatioF()  # another one after a move to another screen
        kept = self._pixmap
        if kept is None or kept.devicePixelRatio() != ratio or kept.deviceIndependentSize().toSize() != size:
            kept = self._pixmap = QPixmap(size * ratio)
            kept.setDevicePixelRatio(ratio)
            self.drop()
        if not self._was_drawn:
            self._was_drawn = True  # what changes with every picture is not worth keeping: only what is drawn again is
            if not self._is_overlay:
                painter.fillRect(QRect(QPoint(0, 0), size), theme.current().color("panel"))
            paint(painter)
            return
        if not self._is_new:
            self._is_new = True
            kept.fill(Qt.GlobalColor.transparent if self._is_overlay else theme.current().color("panel"))
            cached = QPainter(kept)
            try:
                paint(cached)
            finally:  # one that is left open ends the program
                cached.end()
        painter.drawPixmap(0, 0, kept)


def draw_part(painter: QPainter, target: QRect, image: QImage, source: QRect) -> None:
    """Draw a part of a picture, each of its pixels a square.

    Qt's SVG painter ignores the part, and viewers of SVG blur what they enlarge: it gets the finished squares.
    """
    if painter.paintEngine().type() == QPaintEngine.Type.SVG:
        painter.drawImage(target.topLeft(), image.copy(source).scaled(target.size()))
    else:
        painter.drawImage(target, image, source)


@lru_cache(maxsize=16)
def _line(align: Qt.AlignmentFlag) -> int:
    """Return the flags of one line of text; joining them costs more than drawing a short one."""
    return int(align) | int(Qt.TextFlag.TextSingleLine)


def draw_text(
    painter: QPainter, rect: QRect, text: str, colour: QColor, *, align: Qt.AlignmentFlag, elide: bool = True
) -> None:
    """Draw one line of text, shortened with an ellipsis where it does not fit."""
    painter.setPen(colour)
    letter_px = painter.font().pixelSize()  # no letter is wider than the font is high: most texts need no measuring
    if elide and (letter_px < 0 or len(text) * letter_px > rect.width()):
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, _line(align), text)
