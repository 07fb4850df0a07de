"""Networks and weights from files: asked for by the menu, or dropped on the window."""

from __future__ import annotations

import os
from dataclasses import replace

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from cnnviz.core.inspection import ModelRequest
from cnnviz.models import registry, sources
from cnnviz.state.app_state import AppState, PictureWish
from cnnviz.state.messages import MessageCenter

CLASSES_FILTER = "Class names, one a line (*.txt);;All files (*)"


class NetworkOpener(QObject):
    """Asks the state for networks that files tell, after a question where opening one runs code.

    Parameters
    ----------
    state, messages
        Whom to ask, and to tell.
    window
        Under which the dialogs stand.
    """

    def __init__(self, state: AppState, messages: MessageCenter, window: QWidget) -> None:
        super().__init__(window)
        self._state, self._messages, self._window = state, messages, window
        state.open_requested.connect(self._on_state_open_requested)

    def ask(self) -> None:
        """Ask for a file of weights, or of a whole network, and open it."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open weights", "", sources.FILTER)
        if name:
            self.open(name)

    def ask_for_classes(self) -> None:
        """Ask for a file with the names of the classes of the network that is there."""
        request = self._state.model_request
        name, _ = QFileDialog.getOpenFileName(self._window, "Name the classes", "", CLASSES_FILTER)
        if name and request is not None:
            self._state.request_model(replace(request, classes_path=name))

    def open(self, path: str) -> None:
        """Open a file; one that runs code only when the user agrees."""
        path = os.path.abspath(path)  # it is remembered, and the next start may be in another folder
        if not sources.runs_code(path):
            self._request(path, trusted=False)
            return
        question = QMessageBox(
            QMessageBox.Icon.Warning,
            "Run code from a file?",
            f"This runs code from {os.path.basename(path)}. Only open files that you trust.",
            QMessageBox.StandardButton.Cancel,
            self._window,
        )
        question.setObjectName("trust")
        question.setTextFormat(Qt.TextFormat.PlainText)
        question.setInformativeText(
            "A Python file or a program of torch.export can do whatever you can do: read, change and delete your files."
            " One that never ends can only be stopped by ending cnnviz."
        )
        agree = question.addButton("&Run the code", QMessageBox.ButtonRole.AcceptRole)
        agree.setToolTip(f"Opens {path}")
        question.setDefaultButton(QMessageBox.StandardButton.Cancel)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        agree.clicked.connect(lambda: self._request(path, trusted=True))
        question.open()

    def _request(self, path: str, *, trusted: bool) -> None:
        last = self._state.model_request
        again = last is not None and last.weights_path == path  # perhaps it was written anew
        self._state.request_model(
            ModelRequest(
                registry.name_of_file(path),
                path,
                last.device if last is not None else "auto",
                trusted=trusted,
                prefer=registry.table_name(last.name) if last is not None else "",
                edition=last.edition + 1 if last is not None and again else 0,
            )
        )

    @Slot(object)
    def _on_state_open_requested(self, wish: PictureWish) -> None:
        """Open what was dropped or given at the start, where it is a network and no picture."""
        if isinstance(wish, str) and sources.source_of(wish) is not None:
            self.open(wish)
