"""Pictures from disk, clipboard and drops, decoded away from the window; the newest wish wins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from cnnviz.state.app_state import AppState, OpenedPicture, PictureData
from cnnviz.state.messages import MessageCenter
from cnnviz.workers.latest_lane import LatestLane

if TYPE_CHECKING:
    from cnnviz.core.image import Picture


def make_handler() -> Callable[[str | PictureData], OpenedPicture]:
    """Return the lane's function; Pillow is imported there."""
    from cnnviz.core import image, ink

    def read(request: str | PictureData) -> Picture:
        if isinstance(request, str):
            return image.load_picture(Path(request))
        if isinstance(request.data, bytes):
            return image.decode_picture(request.data, request.name)
        return image.picture_from_array(request.data, request.name)

    def handle(request: str | PictureData) -> OpenedPicture:
        picture = read(request)
        return OpenedPicture(picture, ink.to_board(picture))

    return handle


class PictureLoader(QObject):
    """Answers `AppState.open_requested` with `AppState.picture_opened`, or with a message."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._messages = state, messages
        self._wanted: object = None
        self._lane = LatestLane(make_handler, "pictures", self)
        self._lane.done.connect(self._on_lane_done)
        self._lane.failed.connect(self._on_lane_failed)
        state.open_requested.connect(self._on_state_open_requested)
        state.cancel_requested.connect(self._on_state_cancel_requested)

    def stop(self) -> None:
        """Stop the lane and wait for it."""
        self._lane.stop()

    @Slot(object)
    def _on_state_open_requested(self, request: str | PictureData) -> None:
        self._wanted = request
        self._state.opening_changed.emit(request.name if isinstance(request, PictureData) else Path(request).name)
        self._lane.submit(request)

    @Slot()
    def _on_state_cancel_requested(self) -> None:
        self._wanted = None
        self._state.opening_changed.emit("")

    @Slot(object, object)
    def _on_lane_done(self, request: object, opened: OpenedPicture) -> None:
        if request is self._wanted:  # else it was cancelled, or another is on its way
            self._wanted = None
            self._state.opening_changed.emit("")
            self._state.picture_opened.emit(opened)
            for note in opened.picture.notes:
                self._messages.notice(note, "picture")

    @Slot(object, object)
    def _on_lane_failed(self, request: object, error: BaseException) -> None:
        if request is self._wanted:
            self._wanted = None
            self._state.opening_changed.emit("")
            self._messages.report(error, "picture")
