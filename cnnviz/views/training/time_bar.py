"""The time machine's bar: every recorded step of the run, forwards and backwards."""

from __future__ import annotations

import bisect

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Progress
from cnnviz.views.training.panel import column_of, line_of_words
from cnnviz.widgets import theme
from cnnviz.widgets.player import Player

EMPTY = "Recorded steps appear here, to go back to."


class TimeBar(QWidget):
    """A player over the recorded steps; its last place is the present.

    Parameters
    ----------
    state
        Whose training is shown.
    """

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._training = state.training
        self._steps: tuple[int, ...] = ()
        self.player = Player(self)
        self.player.moved.connect(self._on_player_moved)
        self.player.scrub.setToolTip("Drag to any recorded step; the present is at the right end")
        self.words = line_of_words("Step in sight", self)
        self.present = QPushButton("&Back to the present", self)
        self.present.setToolTip("Show the network as it is now, or as it was at the end of the run")
        self.present.clicked.connect(self._on_present_clicked)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX)
        row.addWidget(self.words, 1)
        row.addWidget(self.present)
        column_of(self, row, self.player)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.show_recorded(self._training.recorded)

    @Slot(object)
    def show_recorded(self, steps: tuple[int, ...]) -> None:
        """Show which steps there are; the one in sight stays in sight."""
        self._steps = steps
        self.player.setEnabled(bool(steps))
        self.show_cursor(self._training.cursor)

    @Slot(object)
    def show_cursor(self, step: int | None) -> None:
        """Show which of them is in sight."""
        count = len(self._steps)
        at = count if step is None else min(max(0, count - 1), bisect.bisect_left(self._steps, step))
        self.player.set_count(count + 1)
        self.player.set_index(at)
        self.present.setEnabled(step is not None)
        if not self._steps:
            self.words.setText(EMPTY)
        elif step is None:
            steps = "1 recorded step" if count == 1 else f"{count} recorded steps"
            self.words.setText(f"The present; {steps} to go back to")
        else:
            self.words.setText(f"Step {step:,} of the run, {at + 1} of {count} recorded ones")

    @Slot(object)
    def show_progress(self, progress: Progress) -> None:
        """Say so where nothing was recorded."""
        config = progress.config
        if not self._steps and config is not None and not config.snapshots_mb:
            self.words.setText("This run records no steps: it was given no room for them.")

    @Slot(int)
    def _on_player_moved(self, index: int) -> None:
        if self._steps:
            self._training.travel_requested.emit(self._steps[index] if index < len(self._steps) else None)

    @Slot()
    def _on_present_clicked(self) -> None:
        self.player.pause()
        self._training.travel_requested.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Play, step and jump by the player's keys, wherever the focus is in the bar."""
        if not self._steps or not self.player.take_key(event):
            super().keyPressEvent(event)
