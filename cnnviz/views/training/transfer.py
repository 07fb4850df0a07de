"""Transfer learning: which layers keep their weights, and what the others' filters were before and are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Beginning, Progress
from cnnviz.views.training import movement
from cnnviz.views.training.filter_pairs import FilterPairs
from cnnviz.views.training.panel import Panel, column_of, line_of_words, row_of, shows_run
from cnnviz.widgets import theme
from cnnviz.widgets.freeze_line import FreezeLine

UNLIMITED = 16_777_215  # Qt's QWIDGETSIZE_MAX
NO_RUN = (
    "No run yet. Start one from pretrained weights: its layers stand here, and a line between those that keep their "
    "weights and those that learn."
)
READING = "What the run began with is being read."
NOTHING_RECORDED = "No step of this run is recorded yet. Give it room for recorded steps, and filters appear here."
NO_WEIGHTS = "The newest weights are on their way."
NO_FILTERS = "No layer of this network has weights that can be shown as filters."


class TransferPanel(Panel):
    """Tab *Transfer*."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.line = FreezeLine(self)
        self.line.moved.connect(self.training.freeze_requested)
        self.line.chosen.connect(self._on_line_chosen)
        self.layer = QComboBox(self)
        self.layer.setAccessibleName("Layer whose filters are compared")
        self.layer.setToolTip("The layer whose filters are shown before and now")
        self.layer.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.layer.activated.connect(self._on_choice_changed)
        self.most_first = QCheckBox("most moved f&irst", self)
        self.most_first.setToolTip("Order the filters by how far they moved, as a share of their length before")
        self.most_first.toggled.connect(self._on_choice_changed)
        self.exact = line_of_words("Exact numbers of a filter", self)
        self.pairs = FilterPairs(self)
        self.pairs.pointed.connect(self._on_pairs_pointed)
        self._asked: tuple[object, bool] = (None, False)
        self._lay_out()
        training = self.training
        self.follow(training.before_changed, lambda: training.before, self.show_before)
        self.follow(training.frozen_changed, lambda: training.frozen, self.line.show_line)
        self.follow(training.progress_changed, lambda: training.progress, self.show_progress)
        self.follow(training.progress_changed, lambda: training.progress, self._ask)
        self.follow(training.recorded_changed, lambda: training.recorded, self._ask)
        self.follow(training.live_changed, lambda: training.live, self.show_live)
        self.follow(state.model_changed, lambda: state.model, self.show_live)

    def _lay_out(self) -> None:
        self._below = QWidget(self)
        column_of(self._below, row_of(self.layer, self.most_first, self.exact), self.pairs)
        column = column_of(self, self.line, self._below)
        column.setStretch(0, 2)
        column.setStretch(1, 4)
        self.setFocusProxy(self.line)

    # -- what is shown --------------------------------------------------------------------------------------------

    @Slot(object)
    def show_progress(self, progress: Progress) -> None:
        """Let the line be moved while the run is at work; forget what belongs to another run."""
        self.line.set_movable(self._is_at_work)
        if self._beginning() is None:
            self.show_before(None)

    @Slot(object)
    def show_before(self, before: Beginning | None) -> None:
        """Show the layers, and the filters that the run began with."""
        before = self._beginning()
        has_run = self.training.progress.started is not None
        self._below.setVisible(has_run)
        self.line.setMaximumHeight(11 * theme.text_px() if has_run else UNLIMITED)
        self.line.show_layers(before.layers if before is not None else (), READING if has_run else NO_RUN)
        self.line.show_line(self.training.frozen)
        weights = before.weights if before is not None else None
        paths = movement.movable_layers(before.layers, weights.tensors) if before is not None and weights else ()
        chosen = self.layer.currentText()
        if [self.layer.itemText(i) for i in range(self.layer.count())] != list(paths):
            self.layer.clear()
            self.layer.addItems(paths)
            self.layer.setCurrentIndex(paths.index(chosen) if chosen in paths else self._first(paths))
        for part in (self.layer, self.most_first):
            part.setEnabled(bool(paths))
        self._show_pairs()

    @Slot(object)
    def show_live(self, newer: object) -> None:
        """Compare with newer weights."""
        self._show_pairs()

    @property
    def _is_at_work(self) -> bool:
        return self.training.progress.stage in ("running", "paused")

    def _beginning(self) -> Beginning | None:
        """Return what the run in sight began with, where it was read."""
        before = self.training.before
        return before if before is not None and before.path == self.training.progress.path else None

    def _first(self, paths: tuple[str, ...]) -> int:
        """Return the number of the first convolution."""
        before = self._beginning()
        tensors = before.weights.tensors if before is not None and before.weights is not None else {}
        found = (i for i, path in enumerate(paths) if len(tensors[movement.weights_of(tensors, path)].shape) == 4)
        return next(found, 0)

    def _now(self) -> tuple[Mapping[str, Any], str] | None:
        """Return the weights to compare with, and what they are: those in sight, else those that Explore shows."""
        live, path = self.training.live, self.training.progress.path
        asked = live.request.weights_path if live is not None and live.request is not None else None
        if live is not None and path is not None and asked == str(path / "last.safetensors"):
            when = "" if self.training.cursor is not None else "now, " if self._is_at_work else "newest, "
            return live.tensors, f"{when}step {live.step:,}"
        if shows_run(self.state) and self.state.model is not None:
            return self.state.model.weights, "saved last"
        return None

    def _show_pairs(self) -> None:
        before, now = self._beginning(), self._now()
        self.line.show_chosen(self.layer.currentText())
        if before is None or before.weights is None or now is None or not self.layer.count():
            self.pairs.show_sentence(self._reason(before, has_now=now is not None))
            return
        path, old = self.layer.currentText(), before.weights.tensors
        name = movement.weights_of(old, path)
        first, second = old[name], now[0].get(name)
        if second is None or tuple(second.shape) != tuple(first.shape):
            self.pairs.show_sentence(NO_WEIGHTS)
            return
        found = movement.movement(
            movement.as_array(first), movement.as_array(second), reads_colours=before.layers[0].path == path
        )
        heads = (f"before, step {before.weights.step:,}", now[1])
        self.pairs.show_movement(found, heads, most_moved_first=self.most_first.isChecked())

    def _reason(self, before: Beginning | None, *, has_now: bool) -> str:
        """Return why there are no filters to compare."""
        if self.training.progress.started is None:
            return ""
        if before is None:
            return READING
        if before.weights is None:
            return NOTHING_RECORDED
        return NO_FILTERS if has_now else NO_WEIGHTS

    # -- what the user does ---------------------------------------------------------------------------------------

    @Slot()
    def _ask(self, _changed: object = None) -> None:
        """Ask for what the run began with: once its layers, and once more when its first step is recorded."""
        progress, before = self.training.progress, self._beginning()
        if progress.path is None or progress.started is None or (before is not None and before.weights is not None):
            return
        started, has_steps = self._asked
        if progress.started is not started or bool(self.training.recorded) != has_steps:
            self._asked = (progress.started, bool(self.training.recorded))
            self.training.before_requested.emit()

    @Slot(str)
    def _on_line_chosen(self, path: str) -> None:
        paths = [self.layer.itemText(i) for i in range(self.layer.count())]
        inside = [i for i, name in enumerate(paths) if f"{name}.".startswith(f"{path}.")]
        if inside:
            self.layer.setCurrentIndex(inside[0])
            self._show_pairs()

    @Slot()
    def _on_choice_changed(self) -> None:
        self._show_pairs()

    @Slot(object)
    def _on_pairs_pointed(self, filter_number: int | None) -> None:
        found = self.pairs.movement
        words = found.words(filter_number) if found is not None and filter_number is not None else ""
        self.exact.setText(words)
        self.pairs.setToolTip(words)  # whole, however narrow the line is
