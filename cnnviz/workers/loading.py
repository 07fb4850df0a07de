"""Pictures from disk, clipboard, drops and cameras, decoded away from the window; the newest wish wins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from cnnviz.core import folders
from cnnviz.core.errors import UserError
from cnnviz.models.sources import source_of
from cnnviz.state.app_state import AppState, FolderPlace, FolderStep, OpenedPicture, PictureData, PictureWish
from cnnviz.state.messages import MessageCenter
from cnnviz.workers.latest_lane import LatestLane

MOST_SKIPPED = 200
"""Files in a row that may be unreadable before a folder is given up."""


def make_handler() -> Callable[[PictureWish], OpenedPicture]:
    """Return the lane's function; Pillow is imported there."""
    from cnnviz.core import image, ink

    def from_file(path: str, wish: PictureWish, place: FolderPlace | None, notes: tuple[str, ...]) -> OpenedPicture:
        picture = image.load_picture(Path(path))
        return OpenedPicture(picture, ink.to_board(picture), wish, path, place or _place(path), notes)

    def first_readable(files: tuple[str, ...], at: int, wish: PictureWish, direction: int) -> OpenedPicture:
        """Return the first picture from a place on, beyond the end from the beginning again."""
        skipped: list[str] = []
        for step in range(min(len(files), MOST_SKIPPED)):
            here = (at + step * direction) % len(files)
            try:
                return from_file(files[here], wish, FolderPlace(files, here), _words_for(skipped))
            except UserError:
                skipped.append(Path(files[here]).name)
        what = "none of its pictures" if len(files) <= MOST_SKIPPED else f"none of {MOST_SKIPPED} pictures in a row"
        raise UserError(
            f"In the folder '{_folder_of(files[0])}' {what} can be read.", suggestion="Choose another folder."
        )

    def handle(wish: PictureWish) -> OpenedPicture:
        if isinstance(wish, PictureData):
            data, name = wish.data, wish.name
            picture = (
                image.decode_picture(data, name) if isinstance(data, bytes) else image.picture_from_array(data, name)
            )
            return OpenedPicture(picture, ink.to_board(picture), wish)
        if isinstance(wish, FolderStep):
            place = _place(wish.path) or FolderPlace((wish.path,), 0)
            return first_readable(place.files, place.at, wish, wish.direction)
        path = os.path.abspath(wish)
        if not os.path.isdir(path):
            return from_file(path, wish, None, ())
        files = folders.pictures_in(Path(path))
        if not files:
            raise UserError(
                f"There is no picture in the folder '{Path(path).name or path}'.",
                suggestion="Choose another folder; those inside it are not searched.",
            )
        return first_readable(files, 0, wish, 1)

    return handle


def _place(path: str) -> FolderPlace | None:
    """Return where a file lies among its neighbours; ``None`` where they may not be listed."""
    try:
        files = folders.with_file(folders.pictures_in(Path(path).parent), path)
    except UserError:
        return None
    return FolderPlace(files, files.index(path))


def _folder_of(path: str) -> str:
    return Path(path).parent.name or str(Path(path).parent)


def _words_for(skipped: list[str]) -> tuple[str, ...]:
    """Return the sentence on the files that were passed over."""
    if not skipped:
        return ()
    if len(skipped) == 1:
        return (f"'{skipped[0]}' cannot be read and was skipped.",)
    return (f"{len(skipped)} files that cannot be read were skipped, '{skipped[0]}' first.",)


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
    def _on_state_open_requested(self, wish: PictureWish) -> None:
        if isinstance(wish, str) and source_of(wish) is not None:
            return  # a network: the window opens it
        self._wanted = wish
        if not _is_live(wish):  # its words would flicker
            self._state.opening_changed.emit(_name_of(wish))
        self._lane.submit(wish)

    @Slot()
    def _on_state_cancel_requested(self) -> None:
        self._wanted = None
        self._state.opening_changed.emit("")

    @Slot(object, object)
    def _on_lane_done(self, wish: PictureWish, opened: OpenedPicture) -> None:
        if wish is not self._wanted and not _is_live(wish):  # it was cancelled, or another is on its way
            return
        if not _is_live(wish):
            self._wanted = None
            self._state.opening_changed.emit("")
        self._state.picture_opened.emit(opened)
        if not _is_live(wish):
            for note in (*opened.picture.notes, *opened.notes):
                self._messages.notice(note, "picture")

    @Slot(object, object)
    def _on_lane_failed(self, wish: PictureWish, error: BaseException) -> None:
        if wish is self._wanted:
            self._wanted = None
            self._state.opening_changed.emit("")
            self._messages.report(error, "picture")


def _is_live(wish: PictureWish) -> bool:
    return isinstance(wish, PictureData) and wish.live


def _name_of(wish: PictureWish) -> str:
    if isinstance(wish, PictureData):
        return wish.name
    return Path(wish.path if isinstance(wish, FolderStep) else wish).name
