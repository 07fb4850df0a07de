"""The computer's camera by QtMultimedia, which is optional: it is imported when a camera is looked for."""

from __future__ import annotations

import importlib
import importlib.util
import time
from typing import Any

import numpy as np
from PySide6.QtCore import QCameraPermission, QCoreApplication, QObject, QSize, Qt
from PySide6.QtGui import QImage

from cnnviz.views.input.camera import CameraSource

MODULE = "PySide6.QtMultimedia"
NOT_INSTALLED = "For a camera, install one more package: pip install cnnviz[camera]"
NO_CAMERA = "No camera was found; connect one."
WISHED = QSize(640, 480)
LEAST_GAP_S = 0.08
"""Between two pictures that are taken out of the stream."""


def is_installed() -> bool:
    """Return whether QtMultimedia is there, without importing it."""
    return importlib.util.find_spec(MODULE) is not None


class CameraFinder(QObject):
    """Knows whether there is a camera, also after one was plugged in.

    Parameters
    ----------
    changed
        A slot that is called whenever cameras come or go.
    """

    def __init__(self, changed: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._why_not = ""
        try:
            self._multimedia: Any = importlib.import_module(MODULE)
        except ImportError as error:  # it is there, but one of the system's libraries is not
            self._why_not = f"The camera's library cannot be loaded: {error}"
            return
        self._devices = self._multimedia.QMediaDevices(self)
        self._devices.videoInputsChanged.connect(changed)

    def why_not(self) -> str:
        """Return why no picture can be taken; nothing where one can."""
        if self._why_not:
            return self._why_not
        return "" if self._multimedia.QMediaDevices.videoInputs() else NO_CAMERA


class QtCamera(CameraSource):
    """The system's default camera, at about 640 × 480 and twelve pictures a second."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts: list[QObject] = []
        self._wanted = False
        self._taken_s = 0.0

    def start(self) -> None:
        """Ask for permission where the system wants that, then take pictures."""
        self._wanted = True
        permission, status = QCameraPermission(), Qt.PermissionStatus
        app = QCoreApplication.instance()
        if app is None or app.checkPermission(permission) == status.Granted:
            self._open()
        elif app.checkPermission(permission) == status.Undetermined:
            app.requestPermission(permission, self, self._on_permission)
        else:
            self._on_permission(permission)

    def _on_permission(self, permission: Any) -> None:
        app = QCoreApplication.instance()
        if app is not None and app.checkPermission(QCameraPermission()) == Qt.PermissionStatus.Granted:
            self._open()
        else:
            self.failed.emit("cnnviz may not use the camera; allow it in the system's settings.")

    def _open(self) -> None:
        if not self._wanted or self._parts:
            return
        multimedia: Any = importlib.import_module(MODULE)
        device = multimedia.QMediaDevices.defaultVideoInput()
        if device.isNull():
            self.failed.emit(NO_CAMERA)
            return
        camera = multimedia.QCamera(device, self)
        session, sink = multimedia.QMediaCaptureSession(self), multimedia.QVideoSink(self)
        formats = device.videoFormats()
        if formats:
            camera.setCameraFormat(min(formats, key=lambda one: _distance(one.resolution())))
        session.setCamera(camera)
        session.setVideoSink(sink)
        sink.videoFrameChanged.connect(self._on_sink_frame_changed)
        camera.errorOccurred.connect(self._on_camera_error_occurred)
        self._parts = [camera, session, sink]
        camera.start()

    def stop(self) -> None:
        """Let go of the camera."""
        self._wanted = False
        if self._parts:
            camera: Any
            session: Any
            camera, session, _ = parts = self._parts
            self._parts = []
            camera.stop()
            session.setCamera(None)
            session.setVideoSink(None)
            for part in parts:
                part.deleteLater()

    def _on_sink_frame_changed(self, frame: Any) -> None:
        """Take a picture out of the stream, if the last one is old enough: turning it into colours costs time."""
        now_s = time.monotonic()
        if not self._parts or now_s - self._taken_s < LEAST_GAP_S:
            return
        image = frame.toImage()
        if image.isNull():
            return
        self._taken_s = now_s
        image = image.convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        self.taken.emit(rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy())

    def _on_camera_error_occurred(self, error: Any, words: str) -> None:
        if self._parts:
            self.failed.emit(f"The camera stopped: {words or 'no reason was given'}.")


def _distance(size: QSize) -> int:
    """Return how far a resolution is from the wished one; a smaller one counts as further away than a larger one."""
    pixels, wished = size.width() * size.height(), WISHED.width() * WISHED.height()
    return pixels - wished if pixels >= wished else 4 * (wished - pixels)
