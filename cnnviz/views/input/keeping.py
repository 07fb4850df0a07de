"""The board as a file: kept a moment after each change, so that not even a crash loses a drawing.

Of a photograph the path is kept. One that is no file, such as a pasted one, is kept as bare numbers: writing them takes
a few milliseconds, making a PNG of them ten times as long.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMimeData, QObject, QThreadPool, QTimer, Signal, Slot
from PySide6.QtGui import QImage, QImageWriter

from cnnviz.core import paths
from cnnviz.core.errors import UserError
from cnnviz.core.files import write_atomically
from cnnviz.state.app_state import PictureData, PictureWish
from cnnviz.state.messages import MessageCenter
from cnnviz.views.input import compute
from cnnviz.views.input.compute import BoardContent

LAST_BOARD = "last_board.png"
LAST_PICTURE = "last_picture.npy"
KEEP_AFTER_MS = 2000
ENCODED = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff", "image/bmp")


class BoardKeeper(QObject):
    """Writes the board some seconds after a change, in a thread: a disk may take long. At the end it waits for that.

    Parameters
    ----------
    content
        Returns what is on the board.
    is_drawing
        Returns whether a stroke is being drawn: nothing is written meanwhile.
    messages
        Where a full disk is reported, once.

    Signals
    -------
    failed(UserError)
        The thread could not write.
    """

    failed = Signal(object)

    def __init__(
        self,
        content: Callable[[], BoardContent],
        is_drawing: Callable[[], bool],
        messages: MessageCenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._content, self._is_drawing, self._messages = content, is_drawing, messages
        self._has_failed = False
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self.failed.connect(self._on_failed)
        self._kept: object = None  # the picture that was written as numbers
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(KEEP_AFTER_MS)
        self.timer.timeout.connect(self.on_timer_timeout)

    def note_change(self) -> None:
        """Write soon."""
        self.timer.start()

    def write_now(self) -> None:
        """Write the board, or say why it could not be written."""
        self.timer.stop()
        self._pool.waitForDone()
        try:
            self._write(self._content())
        except UserError as error:
            self._messages.report(error)

    def _write(self, content: BoardContent) -> None:
        """Write the board, and before it the picture that it names."""
        picture, path, own = content.picture, content.path, _own_file()
        if picture is not None and path in ("", str(own)):
            path = str(own)
            if picture is not self._kept:
                with write_atomically(own) as file:
                    np.save(file, picture.pixels_hwc, allow_pickle=False)
                self._kept = picture
        elif path != str(own):
            self._kept = None
            with contextlib.suppress(OSError):
                own.unlink(missing_ok=True)
        _write(content, path)

    def wish_for(self, content: BoardContent) -> PictureWish | None:
        """Return what brings the picture of the last session back; ``None``, with a notice, where it is gone."""
        if content.path == str(_own_file()):
            with contextlib.suppress(OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile):
                return PictureData(np.load(_own_file(), allow_pickle=False), content.title)
        elif os.path.isfile(content.path):
            return content.path
        name = content.title if content.path == str(_own_file()) else Path(content.path).name
        if content.picture is not None:
            self._messages.notice(f"'{name}' is no longer there; what is on the board is a smaller copy of it.")
            return None
        self._messages.notice(f"'{name}' of the last session is no longer there; what is on the board is its ink.")
        return None

    def read(self) -> BoardContent | None:
        """Return the board of the last session, or ``None`` where there is none that can be read."""
        path = paths.data_dir() / LAST_BOARD
        image = QImage(str(path))
        if image.isNull() or (image.width(), image.height()) != (compute.SIDE, compute.SIDE):
            if path.exists():
                self._messages.notice("The drawing of the last session could not be read; the board is empty.")
            return None
        grey = image.convertToFormat(QImage.Format.Format_Grayscale8)
        rows = np.frombuffer(grey.constBits(), np.uint8).reshape(grey.height(), grey.bytesPerLine())
        title, label, as_is, picture = (image.text(key) for key in ("Title", "Label", "As-is", "Picture"))
        ink_hw = rows[:, : grey.width()].copy()
        return BoardContent(ink_hw, title or "Drawing", label or None, as_is == "yes", path=unquote(picture))

    @Slot()
    def on_timer_timeout(self) -> None:
        """Write, unless a stroke is being drawn or the last one is still being written."""
        if self._is_drawing() or self._pool.activeThreadCount():
            self.timer.start()
            return
        content = self._content()
        content = replace(content, ink_hw=content.ink_hw.copy())  # the board goes on being drawn on

        def write() -> None:
            try:
                self._write(content)
            except UserError as error:
                self.failed.emit(error)

        self._pool.start(write)

    @Slot(object)
    def _on_failed(self, error: UserError) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._messages.report(error)


def _own_file() -> Path:
    """Return where a picture is kept that has no file."""
    return paths.data_dir() / LAST_PICTURE


def _write(content: BoardContent, path: str) -> None:
    """Write the board, what it is, and where its picture lies, as one picture file."""
    height, width = content.ink_hw.shape
    image = QImage(content.ink_hw.data, width, height, width, QImage.Format.Format_Grayscale8)
    words = {
        "Title": content.title,
        "Label": content.label or "",
        "As-is": "yes" if content.as_is else "",
        "Picture": quote(path),  # Qt makes one of several spaces
    }
    data = _png(image, words)
    with write_atomically(paths.data_dir() / LAST_BOARD) as file:
        file.write(data)


def picture_of(mime: QMimeData) -> PictureData | None:
    """Return the picture of the clipboard or of a drop, as encoded there or as pixels; decoding is for the lane."""
    for kind in ENCODED:
        if mime.hasFormat(kind):
            return PictureData(bytes(mime.data(kind).data()), "Pasted picture")
    image = mime.imageData()
    if not isinstance(image, QImage) or image.isNull():
        return None
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return PictureData(rows[:, : image.width()].copy(), "Pasted picture")


def _png(image: QImage, words: Mapping[str, str]) -> bytes:
    """Return a picture as the bytes of a PNG file, with `words` as its text."""
    array = QByteArray()
    buffer = QBuffer(array)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(b"png"))
    for key, text in words.items():
        writer.setText(key, text)
    writer.write(image)
    buffer.close()
    return bytes(array.data())
