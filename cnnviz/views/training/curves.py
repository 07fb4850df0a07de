"""The curves of a run while it trains: loss, accuracy and learning rate, with other runs laid over them."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.errors import UserError
from cnnviz.core.files import write_atomically
from cnnviz.state.app_state import AppState
from cnnviz.state.settings import Settings
from cnnviz.state.training_state import RunCurves
from cnnviz.views.training.curve_lines import (
    WINDOWS,
    Detail,
    SeriesStore,
    Style,
    as_csv,
    metric_lines,
    rate_lines,
    steps_per_epoch,
)
from cnnviz.widgets import theme
from cnnviz.widgets.chart_lines import Line
from cnnviz.widgets.flow import FlowLayout
from cnnviz.widgets.line_chart import LineChart

REPAINT_MS, SELDOM_MS, SHARE = 66, 1000, 80
WIDE_PX, HIGH_PX = 700, 420
DETAILS: tuple[tuple[str, Detail], ...] = (("Both", "both"), ("Batches", "batch"), ("Epochs", "epoch"))
EMPTY_LOSS = (
    "Start a run: the loss of each step appears here, with its mean and that of the validation part. It should fall."
)
EMPTY_ACCURACY = "The share of right answers appears here, in training and on the validation part. It should rise."
EMPTY_RATE = "The learning rate of each step appears here."


class CurvesPanel(QWidget):
    """Loss, accuracy and learning rate over steps or epochs.

    Whatever comes, they are drawn anew at most some 15 times a second, and not at all while hidden. What goes wrong
    while something is saved is heard from the charts, see `Figure.failed`.

    Parameters
    ----------
    state
        The window's state.

    Signals
    -------
    saved(str)
        The numbers are in the file of this name.
    """

    saved = Signal(str)

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._training = state.training
        self._store = SeriesStore()
        self._shown: RunCurves | None = None
        self._is_stale = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._spent_s = 0.0
        self._timer.timeout.connect(self._refresh)
        self.loss = LineChart("Loss", "Loss", self)
        self.accuracy = LineChart("Accuracy", "Accuracy", self, percent=True)
        self.rate = LineChart("Learning rate", "Learning rate", self)
        self.charts = (self.loss, self.accuracy, self.rate)
        self._make_controls()
        self._lay_out()
        self._connect()

    def _make_controls(self) -> None:
        self.detail = QComboBox(self)
        for title, detail in DETAILS:
            self.detail.addItem(title, detail)
        self.detail.setAccessibleName("Training by batch or by epoch")
        self.detail.setToolTip("Training by batch, by epoch, or both. Validation comes once an epoch.")
        self.across = QComboBox(self)
        self.across.addItems(["over steps", "over epochs"])
        self.across.setAccessibleName("What the horizontal axis counts")
        self.across.setToolTip("Runs whose batches differ in size are compared over epochs.")
        self.smoothing = QSlider(Qt.Orientation.Horizontal, self)
        self.smoothing.setRange(0, len(WINDOWS) - 1)
        self.smoothing.setValue(WINDOWS.index(Style().window))
        self.smoothing.setFixedWidth(80)
        self.smoothing.setAccessibleName("Smoothing: steps in the mean")
        self.smoothing.setToolTip("The strong line is the mean of so many steps; the pale one is each step.")
        self._window = QLabel(self)
        self._window.setMinimumWidth(self._window.fontMetrics().horizontalAdvance("10,000"))
        self.logarithmic = QCheckBox("&Log axis for loss", self)
        self.with_rate = QCheckBox("Show &rate", self)
        self.with_rate.setToolTip("Show the learning rate of each step.")
        self.save = QPushButton("Save data as &CSV…", self)
        self.save.setAutoDefault(False)
        self._save_action = QAction("Save data as CSV…", self)
        for chart in self.charts:
            chart.addAction(self._save_action)

    def _lay_out(self) -> None:
        smoothing = QWidget(self)
        row = QHBoxLayout(smoothing)
        row.setContentsMargins(0, 0, 0, 0)
        label = QLabel("S&moothing", smoothing)
        label.setBuddy(self.smoothing)
        for part in (label, self.smoothing, self._window):
            row.addWidget(part)
        # The last one may be narrowed: an empty one, so that no button is.
        parts = (self.detail, self.across, smoothing, self.logarithmic, self.with_rate, self.save)
        controls = (*parts, QWidget(self))
        self._pair = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._pair.setSpacing(theme.GRID_PX)
        self._pair.addWidget(self.loss, 1)
        self._pair.addWidget(self.accuracy, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX)
        column.addLayout(FlowLayout(controls, theme.GRID_PX * 3 // 2))
        column.addLayout(self._pair, 3)
        column.addWidget(self.rate, 1)
        self.rate.hide()
        self._say_window()

    def _connect(self) -> None:
        training = self._training
        for signal in (
            training.curves_changed, training.overlaid_changed, training.recorded_changed, training.cursor_changed,
        ):  # fmt: skip
            signal.connect(self._mark)
        self.detail.currentIndexChanged.connect(self._refresh)
        self.across.currentIndexChanged.connect(self._on_across_changed)
        self.smoothing.valueChanged.connect(self._on_smoothing_changed)
        self.logarithmic.toggled.connect(self.loss.set_logarithmic)
        self.with_rate.toggled.connect(self.rate.setVisible)
        self.save.clicked.connect(self.ask_and_save)
        self._save_action.triggered.connect(self.ask_and_save)
        for chart in self.charts:
            chart.stop_chosen.connect(self._on_stop_chosen)
            for other in self.charts:
                if other is not chart:
                    chart.view_changed.connect(other.set_view)
                    chart.hovered.connect(other.show_hover)

    @property
    def style_of_lines(self) -> Style:
        """What the user chose to see."""
        window = WINDOWS[self.smoothing.value()]
        return Style(self.detail.currentData(), window, self.across.currentIndex() == 1)

    @property
    def runs(self) -> tuple[RunCurves, ...]:
        """The run and those laid over it."""
        first = self._training.curves
        others = tuple(run for run in self._training.overlaid if first is None or run.path != first.path)
        return others if first is None else (first, *others)

    @Slot()
    def _mark(self) -> None:
        """Draw anew soon."""
        self._is_stale = True
        if self.isVisible() and not self._timer.isActive():
            # Drawing takes at most an eightieth of the time, down to once a second: it and the training share Python's
            # lock, and cores.
            cost_ms = 1000 * (self._spent_s + sum(chart.drawn_s for chart in self.charts if chart.isVisible()))
            self._timer.start(round(min(SELDOM_MS, max(REPAINT_MS, SHARE * cost_ms))))

    @Slot()
    def _refresh(self) -> None:
        """Draw what there is; a hidden panel waits until it is seen."""
        if not self.isVisible():
            self._is_stale = True
            return
        self._is_stale = False
        begin_s = time.perf_counter()
        if self._training.curves is not self._shown:
            self._shown = self._training.curves
            self._show_everything()
        self._store.keep_only(self.runs)
        self._show_lines()
        self._show_sentences()
        self._spent_s = time.perf_counter() - begin_s

    def _show_everything(self) -> None:
        for chart in self.charts:
            chart.set_view(None)
            chart.show_hover(None)

    def _scale(self, run: RunCurves) -> float:
        """Return what a step counts on the horizontal axis; 0 where that is not yet known."""
        if not self.style_of_lines.by_epoch:
            return 1.0
        per_epoch = steps_per_epoch(run)
        started = self._training.progress.started
        if not per_epoch and run is self._training.curves and started is not None:
            per_epoch = float(started.batches)
        return 1 / per_epoch if per_epoch else 0.0

    def _show_lines(self) -> None:
        style, first = self.style_of_lines, self._training.curves
        lines: tuple[list[Line], list[Line], list[Line]] = ([], [], [])
        overlay, main_scale = 0, 0.0
        for run in self.runs:
            scale, number = self._scale(run), None if run is first else overlay
            overlay += run is not first
            main_scale = main_scale or scale
            if not scale:
                continue  # nothing is known of its epochs yet
            for found, metric in zip(lines, ("loss", "accuracy"), strict=False):
                found += metric_lines(self._store, run, metric, style, scale=scale, overlay=number)
            lines[2].extend(rate_lines(self._store, run, scale=scale, overlay=number))
        mark = self._training.cursor
        stops = [step * main_scale for step in self._training.recorded] if main_scale else []

        def name(x: float) -> str:
            if not style.by_epoch:
                return f"step {x:,.0f}"
            return f"epoch {x:,.2f}, step {x / main_scale:,.0f}" if main_scale else f"epoch {x:,.2f}"

        for chart, found in zip(self.charts, lines, strict=True):
            chart.show_lines(found, "epoch" if style.by_epoch else "step", name)
            chart.show_stops(stops, mark * main_scale if mark is not None else None)

    def _show_sentences(self) -> None:
        for chart, sentence in zip(self.charts, (EMPTY_LOSS, EMPTY_ACCURACY, EMPTY_RATE), strict=True):
            if not chart.lines:
                chart.show_sentence(sentence)
        self.save.setEnabled(bool(self.runs))
        self._save_action.setEnabled(bool(self.runs))

    def _say_window(self) -> None:
        window = WINDOWS[self.smoothing.value()]
        self._window.setText(f"{window:,}" if window > 1 else "none")

    @Slot()
    def _on_smoothing_changed(self) -> None:
        self._say_window()
        self._refresh()

    @Slot()
    def _on_across_changed(self) -> None:
        self._show_everything()
        self._refresh()

    @Slot(int)
    def _on_stop_chosen(self, index: int) -> None:
        if index < len(self._training.recorded):
            self._training.travel_requested.emit(self._training.recorded[index])

    @Slot()
    def ask_and_save(self) -> None:
        """Ask for a name and save the numbers."""
        name, _ = QFileDialog.getSaveFileName(self, "Save data", "curves.csv", "Table (*.csv)")
        if not name:
            return
        path = Path(name)
        try:
            self.save_data(path if path.suffix else path.with_suffix(".csv"))
        except UserError as error:
            self.loss.failed.emit(error)

    def save_data(self, path: Path) -> None:
        """Save the numbers of all runs that are shown as a table.

        Raises
        ------
        UserError
            When the file cannot be written.
        """
        with write_atomically(path) as file:
            for piece in as_csv(self.runs):
                file.write(piece)
        self.saved.emit(path.name)

    def remember(self, settings: Settings) -> None:
        """Write what the next start should find again."""
        settings.put("curves/detail", self.style_of_lines.detail)
        settings.put("curves/by_epoch", self.style_of_lines.by_epoch)
        settings.put("curves/smoothing", self.smoothing.value())
        settings.put("curves/logarithmic", self.logarithmic.isChecked())
        settings.put("curves/rate", self.with_rate.isChecked())

    def recall(self, settings: Settings) -> None:
        """Read what the last session left."""
        details = tuple(detail for _, detail in DETAILS)
        with QSignalBlocker(self.detail), QSignalBlocker(self.across):
            self.detail.setCurrentIndex(details.index(settings.choice("curves/detail", "both", details)))
            self.across.setCurrentIndex(int(settings.get("curves/by_epoch", False)))
        smoothing = WINDOWS.index(Style().window)
        self.smoothing.setValue(settings.integer("curves/smoothing", smoothing, 0, len(WINDOWS) - 1))
        self.logarithmic.setChecked(settings.get("curves/logarithmic", False))
        self.with_rate.setChecked(settings.get("curves/rate", False))
        self._on_across_changed()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up."""
        super().showEvent(event)
        if self._is_stale:
            self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw nothing while hidden."""
        super().hideEvent(event)
        if self._timer.isActive():
            self._timer.stop()
            self._is_stale = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put loss and accuracy below each other only where it is narrow and there is the height."""
        super().resizeEvent(event)
        wide = self.width() >= WIDE_PX or self.height() < HIGH_PX
        kinds = QBoxLayout.Direction
        self._pair.setDirection(kinds.LeftToRight if wide else kinds.TopToBottom)
