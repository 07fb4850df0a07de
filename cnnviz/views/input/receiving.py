"""Pictures that the user brings: by a dialog, from the clipboard, by a drop, or from the list of recent ones."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from cnnviz.core.errors import UserError
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.views.input.keeping import picture_of
from cnnviz.views.input.recent import RecentPictures

PICTURES = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.webp *.tif *.tiff *.avif *.ppm *.pgm);;All files (*)"


class Receiver(QObject):
    """Turns what the user brings into wishes.

    Attributes
    ----------
    recent
        The list of recent pictures, with its menu.

    Signals
    -------
    brought()
        Something is dropped or pasted: what is going on is to end.
    """

    brought = Signal()

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget) -> None:
        super().__init__(parent)
        self._state, self._messages, self._widget = state, messages, parent
        self.recent = RecentPictures(parent)
        self.recent.chosen.connect(self._on_recent_chosen)

    @Slot()
    def ask_and_open(self) -> None:
        """Ask for a picture file and open it."""
        name, _ = QFileDialog.getOpenFileName(self._widget, "Open picture", "", PICTURES)
        if name:
            self._state.open_requested.emit(name)

    @Slot()
    def ask_and_open_folder(self) -> None:
        """Ask for a folder and open the first of its pictures."""
        name = QFileDialog.getExistingDirectory(self._widget, "Open folder")
        if name:
            self._state.open_requested.emit(name)

    @Slot()
    def paste(self) -> None:
        """Open what the clipboard holds."""
        mime = QGuiApplication.clipboard().mimeData()
        if self.accepts(mime):
            self.take(mime)
        else:
            self._messages.notice("The clipboard holds no picture.")

    def accepts(self, mime: QMimeData) -> bool:
        """Return whether a picture or a file is offered."""
        return mime.hasImage() or any(url.isLocalFile() for url in mime.urls())

    def take(self, mime: QMimeData) -> None:
        """Open a dropped or pasted picture, or the pictures of a folder: files first, since they have a name."""
        self.brought.emit()
        local = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
        if local:
            if len(local) > 1:
                self._messages.notice(f"The first of {len(local)} files is opened.")
            self._state.open_requested.emit(local[0])
            return
        picture = picture_of(mime)
        if picture is None:
            self._messages.notice("That picture could not be read.")
        else:
            self._state.open_requested.emit(picture)

    @Slot(str)
    def _on_recent_chosen(self, path: str) -> None:
        if os.path.isfile(path):
            self._state.open_requested.emit(path)
            return
        self.recent.remove(path)
        name = Path(path).name
        error = UserError(f"'{name}' is no longer there.", suggestion="It was taken off the list of recent pictures.")
        self._messages.report(error, "picture")
