"""The pictures that were opened last."""

from __future__ import annotations

import json
import os
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QMenu, QWidget

from cnnviz.state.settings import Settings

MOST = 10
KEY = "input/recent"
WIDEST_PX = 360


class RecentPictures(QObject):
    """A list of files, the newest first, and its menu.

    Attributes
    ----------
    menu
        For the File menu; it is filled whenever it is opened, since files come and go.

    Signals
    -------
    chosen(str)
        A file of the list is to be opened; it need not be there any more.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._files: list[str] = []
        self.menu = QMenu("Open &recent", parent)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._fill)
        self._show_whether_any()

    @property
    def files(self) -> tuple[str, ...]:
        """The files, the newest first, whether they are still there or not."""
        return tuple(self._files)

    def add(self, path: str) -> None:
        """Put a file at the top."""
        self._files = [path, *(one for one in self._files if one != path)][:MOST]
        self._show_whether_any()

    def remove(self, path: str) -> None:
        """Take a file off the list."""
        self._files = [one for one in self._files if one != path]
        self._show_whether_any()

    @Slot()
    def clear(self) -> None:
        """Forget all."""
        self._files = []
        self._show_whether_any()

    def remember(self, settings: Settings) -> None:
        """Store the list."""
        settings.put(KEY, json.dumps(self._files))

    def recall(self, settings: Settings) -> None:
        """Bring the list back; anything but a list of paths counts as an empty one."""
        try:
            found = json.loads(settings.get(KEY, "[]"))
        except (ValueError, RecursionError):
            found = []
        paths = found if isinstance(found, list) else []
        self._files = list(dict.fromkeys(one for one in paths if isinstance(one, str) and one))[:MOST]
        self._show_whether_any()

    def _show_whether_any(self) -> None:
        self.menu.menuAction().setEnabled(bool(self._files))

    @Slot()
    def _fill(self) -> None:
        """List the files that are there, by their names; the same name twice with its folder."""
        self.menu.clear()
        there = [path for path in self._files if os.path.isfile(path)]
        names = [Path(path).name for path in there]
        metrics = QFontMetrics(self.menu.font())
        for number, (path, name) in enumerate(zip(there, names, strict=True), start=1):
            words = name if names.count(name) == 1 else f"{name} – {Path(path).parent.name}"
            words = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, WIDEST_PX).replace("&", "&&")
            action = self.menu.addAction(f"&{number % 10}  {words}")
            action.setToolTip(path)
            action.setData(path)
            action.triggered.connect(self._on_action_triggered)
        if not there:
            self.menu.addAction("None of them is there any more").setEnabled(False)
        self.menu.addSeparator()
        self.menu.addAction("&Clear this list").triggered.connect(self.clear)

    @Slot()
    def _on_action_triggered(self) -> None:
        self.chosen.emit(self.sender().data())  # type: ignore[attr-defined]  # the action that was made above
