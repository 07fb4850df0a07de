"""The bar above the curves: what is trained, how far it is, and the wishes one can have meanwhile."""

from __future__ import annotations

import math
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.inspection import ModelRequest
from cnnviz.models import registry
from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Progress
from cnnviz.views.training import words
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.flow import FlowLayout
from cnnviz.widgets.worded_bar import WordedBar

EMPTY = "No run is open. Choose a network and data at the left and press Start, or open an older run under Runs."
_NOTHING = "Nothing is frozen"
_AS_IN_SIGHT, _BEST = "The network in sight (*.safetensors)", "That of the best epoch (*.safetensors)"


class RunBar(QWidget):
    """Progress, pause, step, stop, rate, freezing, keeping, and ways on where the run failed.

    Signals
    -------
    again_requested()
        The user wants to go on from what was saved last at a tenth of the rate.
    """

    again_requested = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._training = state, state.training
        self._scale = 1.0
        self.title = QLabel(EMPTY, self)
        self.title.setWordWrap(True)
        self.bar = WordedBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Share of the run that is done")
        self.facts = ElidedLabel("", self)
        self._make_buttons()
        self._make_wishes()
        self._lay_out()
        self.show_progress(self._training.progress)

    def _make_buttons(self) -> None:
        self.pause = QPushButton("&Pause", self)
        self.pause.setToolTip("Wait before the next step and save; press again to go on (Space)")
        self.pause.clicked.connect(self._on_pause_clicked)
        self.step = QPushButton("S&tep", self)
        self.step.setToolTip("Do one step of the optimiser, then wait")
        self.step.clicked.connect(self._training.step_requested)
        self.stop = QPushButton("St&op", self)
        self.stop.setToolTip("Save the run and end it; it can go on later from the list of runs")
        self.stop.clicked.connect(self._training.stop_requested)
        self.resume = QPushButton("&Resume", self)
        self.resume.setToolTip("Go on from where the run was saved last")
        self.resume.clicked.connect(self._on_resume_clicked)
        self.slower = QPushButton("Go back, rate ÷ 10", self)
        self.slower.setToolTip("Go on from the last good state with a tenth of the learning rate")
        self.slower.clicked.connect(self.again_requested)
        self.smaller = QPushButton("&Half the batch", self)
        self.smaller.setToolTip("A new run with half as many pictures at a time goes on with the weights saved last")
        self.smaller.clicked.connect(self._on_smaller_clicked)
        self.on_cpu = QPushButton("On the &CPU", self)
        self.on_cpu.setToolTip("A new run on the CPU, which has more memory but is slower, goes on with the weights")
        self.on_cpu.clicked.connect(self._on_cpu_clicked)

    def _make_wishes(self) -> None:
        self.rate = QDoubleSpinBox(self)
        self.rate.setDecimals(4)
        self.rate.setRange(0.0001, 1000.0)
        self.rate.setValue(1.0)
        self.rate.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.rate.setPrefix("rate × ")
        self.rate.setKeyboardTracking(False)
        self.rate.setToolTip("Multiply the schedule's learning rate by this, from the next step on")
        self.rate.setAccessibleName("Factor of the learning rate")
        self.rate.valueChanged.connect(self._training.rate_requested)
        self.freeze = QComboBox(self)
        self.freeze.setToolTip("This layer and all before it keep their weights; those after it learn")
        self.freeze.setAccessibleName("Freeze up to")
        self.freeze.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.freeze.addItem(_NOTHING, "")
        self.freeze.activated.connect(self._on_freeze_activated)
        self.shown = QCheckBox("Show in &Explore", self)
        self.shown.setToolTip("At the start of a run let Explore go to the network that learns, with your own drawing")
        self.shown.setChecked(self._training.shown)
        self.shown.toggled.connect(self._on_shown_toggled)
        self.keep = QPushButton("&Keep network…", self)
        self.keep.setToolTip("Copy the network as it is now, or at the step gone back to, to a file that others open")
        self.keep.clicked.connect(self._on_keep_clicked)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX)
        row.addWidget(self.bar, 1)
        row.addWidget(self.facts)
        flow = QWidget(self)
        parts = (
            self.pause, self.step, self.stop, self.resume, self.slower, self.smaller, self.on_cpu, self.rate,
            self.freeze, self.shown, self.keep,
        )  # fmt: skip
        # The last one may be narrowed: an empty one, so that no button is.
        flow.setLayout(FlowLayout((*parts, QWidget(flow)), theme.GRID_PX))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addWidget(self.title)
        column.addLayout(row)
        column.addWidget(flow)

    @Slot(object)
    def show_progress(self, progress: Progress) -> None:
        """Show where the run stands, and offer what can be done now."""
        self.title.setText(words.title_of(progress) or EMPTY)
        stage = progress.stage
        known = progress.steps > 0
        self.bar.setRange(0, 0 if stage == "preparing" else 1000)
        self.bar.setValue(round(1000 * progress.step / progress.steps) if known else 0)
        self.bar.setFormat(f"{progress.step:,} of {progress.steps:,} steps" if known else "")
        self.facts.setText(words.facts_of(progress))
        if progress.scale != self._scale:
            self._scale = progress.scale
            self.show_rate(progress.scale)
        self.pause.setText("&Go on" if stage == "paused" else "&Pause")
        for part in (self.pause, self.step, self.rate, self.freeze):
            part.setEnabled(stage in ("running", "paused"))
        self.stop.setEnabled(progress.is_active and stage != "stopping")
        self.keep.setEnabled(progress.path is not None and stage != "preparing")
        self._show_ways_on(progress)

    def _show_ways_on(self, progress: Progress) -> None:
        """Offer what goes on with a run that is at rest."""
        unfinished = not progress.steps or progress.step < progress.steps
        at_rest = progress.stage in ("idle", "finished", "failed")
        self.resume.setVisible(at_rest and progress.path is not None and unfinished)
        self.slower.setVisible(progress.trouble == "diverged")
        is_full, config, started = progress.trouble == "memory", progress.config, progress.started
        self.smaller.setVisible(is_full and config is not None and config.batch_size > 1)
        self.on_cpu.setVisible(is_full and started is not None and not started.device.startswith("CPU"))

    @Slot(object)
    def show_freezable(self, paths: tuple[str, ...]) -> None:
        """List the layers of the network that learns."""
        self.freeze.clear()
        self.freeze.addItem(_NOTHING, "")
        for path in paths:
            self.freeze.addItem(f"Frozen up to {path}", path)
        self.show_frozen(self._training.frozen)

    @Slot(str)
    def show_frozen(self, path: str) -> None:
        """Show up to where the network is frozen: a layer, or a group that ends with one."""
        if self.freeze.findData(path) < 0:
            self.freeze.addItem(f"Frozen up to {path}", path)
        self.freeze.setCurrentIndex(self.freeze.findData(path))

    @Slot()
    def _on_pause_clicked(self) -> None:
        self._training.pause_requested.emit(self._training.progress.stage != "paused")

    @Slot()
    def _on_resume_clicked(self) -> None:
        path = self._training.progress.path
        if path is not None:
            self._training.resume_requested.emit(str(path))

    @Slot()
    def _on_smaller_clicked(self) -> None:
        config = self._training.progress.config
        if config is not None:
            self._change({"batch_size": max(1, config.batch_size // 2)})

    @Slot()
    def _on_cpu_clicked(self) -> None:
        config = self._training.progress.config
        if config is not None:
            precision = "float32" if config.precision == "float16" else config.precision  # float16 needs a GPU
            self._change({"device": "cpu", "precision": precision})

    def _change(self, changes: dict[str, object]) -> None:
        path = self._training.progress.path
        if path is not None:
            self._training.change_requested.emit(str(path), changes)

    @Slot(int)
    def _on_freeze_activated(self, row: int) -> None:
        self._training.freeze_requested.emit(str(self.freeze.itemData(row)))

    @Slot(bool)
    def _on_shown_toggled(self, shown: bool) -> None:
        self._training.show(shown)
        progress = self._training.progress
        if shown and progress.path is not None and progress.started is not None:
            last = str(progress.path / "last.safetensors")
            self._state.request_model(ModelRequest(registry.name_of_file(last), last))

    @Slot()
    def _on_keep_clicked(self) -> None:
        progress = self._training.progress
        if progress.path is None:
            return
        step = progress.step if self._training.cursor is None else self._training.cursor
        suggested = Path.home() / f"{progress.path.name}-{step}.safetensors"
        kinds = f"{_AS_IN_SIGHT};;{_BEST}"
        path, kind = QFileDialog.getSaveFileName(self, "Keep network", str(suggested), kinds)
        if path:
            wish = self._training.keep_best_requested if kind == _BEST else self._training.keep_requested
            wish.emit(path if path.endswith(".safetensors") else f"{path}.safetensors")

    def show_rate(self, scale: float) -> None:
        """Show a factor of the rate without asking for it."""
        if math.isfinite(scale):
            self.rate.blockSignals(True)
            self.rate.setValue(scale)
            self.rate.blockSignals(False)
