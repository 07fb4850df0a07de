"""The time machine's bar: every recorded step of the run, forwards and backwards."""

from __future__ import annotations

import bisect

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Progress
from cnnviz.widgets import theme
from cnnviz.widgets.player import Player

EMPTY = "Recorded steps of the run appear here; drag to go back to any of them."


class TimeBar(QWidget):
    """A player over the recorded steps, and the way back to the present.

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
        self.words = QLabel(EMPTY, self)
        self.words.setMinimumWidth(100)
        self.present = QPushButton("Back to the &present", self)
        self.present.setToolTip("Show the network as it is now, or as it was at the end of the run")
        self.present.clicked.connect(self._on_present_clicked)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX)
        row.addWidget(self.words, 1)
        row.addWidget(self.present)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addLayout(row)
        column.addWidget(self.player)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.show_recorded(self._training.recorded)

    @Slot(object)
    def show_recorded(self, steps: tuple[int, ...]) -> None:
        """Show which steps there are; the one in sight stays in sight."""
        self._steps = steps
        self.player.setEnabled(len(steps) > 1)
        self.show_cursor(self._training.cursor)

    @Slot(object)
    def show_cursor(self, step: int | None) -> None:
        """Show which of them is in sight."""
        count = max(1, len(self._steps))
        at = count - 1 if step is None else min(count - 1, bisect.bisect_left(self._steps, step))
        self.player.set_count(count)
        self.player.set_index(at)
        self.present.setEnabled(step is not None)
        if not self._steps:
            self.words.setText(EMPTY)
        elif step is None:
            steps = "1 recorded step" if len(self._steps) == 1 else f"{len(self._steps)} recorded steps"
            self.words.setText(f"The present; {steps} to go back to")
        else:
            self.words.setText(f"Step {step:,} of the run, {at + 1} of {len(self._steps)} recorded ones")

    @Slot(object)
    def show_progress(self, progress: Progress) -> None:
        """Say so where nothing was recorded."""
        config = progress.config
        if not self._steps and config is not None and not config.snapshots_mb:
            self.words.setText("This run records no steps: it was given no room for them.")

    @Slot(int)
    def _on_player_moved(self, index: int) -> None:
        if self._steps:
            self._training.travel_requested.emit(self._steps[min(index, len(self._steps) - 1)])

    @Slot()
    def _on_present_clicked(self) -> None:
        self.player.pause()
        self._training.travel_requested.emit(None)
