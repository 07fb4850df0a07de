"""The camera page: live pictures on their way into the network, and a button that keeps one."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QImage, QKeyEvent, QPainter, QShowEvent
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from cnnviz.core.inspection import PixelArray
from cnnviz.state.app_state import PictureData
from cnnviz.views.input.photo_strip import coloured_image
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_part

TITLE = "Camera"
SILENCE_MS = 6000
"""After so long without a picture the page says so."""


class CameraSource(QObject):
    """Where pictures come from: a camera, or what stands for one.

    Signals
    -------
    taken(PixelArray)
        A picture, uint8 (H, W, 3), that nothing writes any more.
    failed(str)
        A sentence: why no more pictures come.
    """

    taken = Signal(object)
    failed = Signal(str)

    def start(self) -> None:
        """Begin to take pictures; `failed` says where that does not work."""
        raise NotImplementedError

    def stop(self) -> None:
        """Take no more pictures and let go of the device; nothing where it was not started."""
        raise NotImplementedError


SourceFactory = Callable[[QObject], CameraSource]


class Viewfinder(Figure):
    """The newest picture of the camera."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("What the camera sees", parent)
        self.setToolTip("What the camera sees; Space freezes it")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self._image = QImage()

    def show_pixels(self, pixels: PixelArray | None) -> None:
        """Show a picture, or none."""
        self._image = QImage() if pixels is None else coloured_image(pixels)
        words = "no picture yet" if pixels is None else f"{pixels.shape[0]} by {pixels.shape[1]} pixels"
        self.setAccessibleDescription(words)
        self.update()

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the picture as large as it fits."""
        if self._image.isNull():
            return
        fitted = self._image.size().scaled(size, Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect((size.width() - fitted.width()) // 2, 0, fitted.width(), fitted.height())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        draw_part(painter, place, self._image, self._image.rect())


class CameraPage(QWidget):
    """Takes pictures while it is visible, until one is frozen; a hidden page lets go of the camera.

    Parameters
    ----------
    factory
        Makes the source when the page is first shown.

    Attributes
    ----------
    is_live
        Pictures are coming, or are waited for.

    Signals
    -------
    taken(PictureData)
        A live picture.
    settled()
        No more pictures come: the last one stays.
    """

    taken = Signal(object)
    settled = Signal()

    def __init__(self, factory: SourceFactory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._factory = factory
        self._source: CameraSource | None = None
        self.is_live = False
        self.finder = Viewfinder(self)
        self.words = QLabel("", self)
        self.words.setWordWrap(True)
        self.words.setAccessibleName("State of the camera")
        self.freeze_button = QPushButton("&Freeze", self)
        self.freeze_button.setToolTip("Keep this picture and switch the camera off (Space); once more: go on")
        self.freeze_button.clicked.connect(self.toggle)
        self._silence = QTimer(self)
        self._silence.setSingleShot(True)
        self._silence.setInterval(SILENCE_MS)
        self._silence.timeout.connect(self._on_silence_timeout)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.GRID_PX, 0, 0)
        column.addWidget(self.finder, 1)
        column.addWidget(self.words)
        column.addWidget(self.freeze_button)

    @Slot()
    def toggle(self) -> None:
        """Freeze, or go on."""
        if self.is_live:
            self.freeze()
        else:
            self.start()

    def start(self) -> None:
        """Begin to take pictures."""
        if self.is_live:
            return
        if self._source is None:
            self._source = self._factory(self)
            self._source.taken.connect(self._on_source_taken)
            self._source.failed.connect(self._on_source_failed)
        self._set_live(True, "Starting the camera…")
        self._silence.start()
        self._source.start()

    def freeze(self) -> None:
        """Keep the last picture and let go of the camera."""
        self._stop("The picture is kept; Space goes on.")

    def _stop(self, words: str) -> None:
        if self.is_live and self._source is not None:
            self._set_live(False, words)
            self._silence.stop()
            self._source.stop()
            self.settled.emit()

    def _set_live(self, live: bool, words: str) -> None:
        self.is_live = live
        self.freeze_button.setText("&Freeze" if live else "&Go on")
        self.words.setText(words)

    @Slot(object)
    def _on_source_taken(self, pixels: PixelArray) -> None:
        if self.is_live:
            self._silence.start()
            self.words.setText("Live; Space keeps the picture.")
            self.finder.show_pixels(pixels)
            self.taken.emit(PictureData(pixels, TITLE, live=True))

    @Slot(str)
    def _on_source_failed(self, sentence: str) -> None:
        self._stop(sentence)

    @Slot()
    def _on_silence_timeout(self) -> None:
        self._stop("The camera sends no pictures; another program may be using it.")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space freezes, or goes on."""
        if event.key() == Qt.Key.Key_Space:
            self.toggle()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Begin; Space is for the button then."""
        super().showEvent(event)
        if not event.spontaneous():
            self.freeze_button.setFocus(Qt.FocusReason.OtherFocusReason)
            self.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Let go of the camera."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.freeze()
