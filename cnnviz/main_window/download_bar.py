"""The bar above the map that offers published weights, and shows how far they are."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction, QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from cnnviz.core.formats import bytes_text, duration_text
from cnnviz.state.app_state import AppState, Download
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel

STEPS = 1000
PROGRESS_PX = 480
"""What a progress bar with its words and a button needs beside the name."""


def offer_text(offered: Download) -> str:
    """Return the question."""
    size = bytes_text(offered.size)
    if offered.done:
        left = bytes_text(max(0, offered.size - offered.done))
        return f"{offered.title} has random weights. Download the rest of the published ones ({left} of {size})?"
    return f"{offered.title} has random weights. Download the published ones ({size})?"


def progress_text(running: Download) -> str:
    """Return how far a download is, how fast, and how long it still takes."""
    parts = [f"{bytes_text(running.done)} of {bytes_text(running.size)}"]
    if running.rate > 0:
        parts.append(f"{bytes_text(running.rate)}/s")
        if running.size > running.done:
            parts.append(f"{duration_text((running.size - running.done) / running.rate)} left")
    return "  ·  ".join(parts)


class DownloadBar(QFrame):
    """A question with two answers; then a progress bar with a way out.

    Attributes
    ----------
    action
        For a menu: asks the question again.
    """

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Button)
        self.action = QAction("&Download weights…", self)
        self.action.setToolTip("Fetch the published weights of a network that has random ones")
        self.action.triggered.connect(self._on_action_triggered)
        self._text = QLabel(self)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setMinimumWidth(1)  # a long question must not widen the window
        self._progress = QProgressBar(self)
        self._progress.setRange(0, STEPS)
        self._progress.setTextVisible(False)
        self._progress.setMinimumWidth(64)
        self._progress.setAccessibleName("Progress of the download")
        self._how_far = ElidedLabel("", self)
        self._how_far.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # it changes all the time
        self._yes = QPushButton("&Download", self)
        self._yes.setToolTip("Fetch them now; drawing goes on meanwhile")
        self._no = QPushButton("Not &now", self)
        self._no.setToolTip("The File menu offers it again")
        self._cancel = QPushButton("&Cancel", self)
        self._cancel.setToolTip("Stop; what came is kept for the next time")
        self._parts = QWidget(self)
        row = QHBoxLayout(self._parts)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID_PX)
        row.addWidget(self._progress, 2)
        row.addWidget(self._how_far, 3)
        row.addStretch()
        for button, slot in (
            (self._yes, self._on_yes_clicked),
            (self._no, self._on_no_clicked),
            (self._cancel, self._on_cancel_clicked),
        ):
            button.clicked.connect(slot)
            row.addWidget(button)
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(theme.GRID_PX * 2, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        self._box.setSpacing(theme.GRID_PX)
        self._box.addWidget(self._text)
        self._box.addWidget(self._parts, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        state.download_changed.connect(self._on_state_download_changed)
        self._show(state.download)

    def _show(self, download: Download | None) -> None:
        """Draw what the state says."""
        running = download is not None and download.stage == "running"
        self.action.setEnabled(download is not None and not running)
        if download is None or download.stage == "possible":
            self.hide()
            return
        had_focus = any(button.hasFocus() for button in (self._yes, self._no, self._cancel))
        for part in (self._progress, self._how_far, self._cancel):
            part.setVisible(running)
        for part in (self._yes, self._no):
            part.setVisible(not running)
        if running:
            self._text.setText(f"Downloading the weights of {download.title}")
            self._how_far.setText(progress_text(download))
            self._progress.setValue(min(STEPS, STEPS * download.done // max(1, download.size)))
            self._progress.setAccessibleDescription(self._how_far.text())
        else:
            self._cancel.setEnabled(True)
            self._text.setText(offer_text(download))
        self.setAccessibleName(self._text.text())
        self._arrange()
        self.show()
        if had_focus:
            (self._cancel if running else self._yes).setFocus(Qt.FocusReason.OtherFocusReason)

    def _arrange(self) -> None:
        """Put words and buttons side by side where there is room, else below each other."""
        words = self._text.fontMetrics().horizontalAdvance(self._text.text())
        asking = self._state.download is not None and self._state.download.stage == "offered"
        room = self.width() - 4 * theme.GRID_PX - words
        wide = room >= (self._parts.sizeHint().width() if asking else PROGRESS_PX * theme.text_px() / theme.BODY_PX)
        directions = QBoxLayout.Direction
        self._box.setDirection(directions.LeftToRight if wide else directions.TopToBottom)
        self._text.setWordWrap(not wide)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the parts anew."""
        super().resizeEvent(event)
        self._arrange()

    @Slot(object)
    def _on_state_download_changed(self, download: Download | None) -> None:
        self._show(download)

    @Slot()
    def _on_action_triggered(self) -> None:
        known = self._state.download
        if known is not None and known.stage != "running":
            self._state.set_download(replace(known, stage="offered"))
            self._yes.setFocus(Qt.FocusReason.MenuBarFocusReason)

    @Slot()
    def _on_yes_clicked(self) -> None:
        self._state.fetch_requested.emit()

    @Slot()
    def _on_no_clicked(self) -> None:
        known = self._state.download
        if known is not None and known.stage == "offered":
            self._state.set_download(replace(known, stage="possible"))

    @Slot()
    def _on_cancel_clicked(self) -> None:
        self._cancel.setEnabled(False)
        self._state.fetch_cancelled.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape is the answer No; it stops nothing."""
        if event.key() == Qt.Key.Key_Escape and self._no.isVisible():
            self._on_no_clicked()
        else:
            super().keyPressEvent(event)
