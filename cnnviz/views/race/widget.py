"""The depth race: networks that learn the same pictures side by side, and what to look at meanwhile."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.formats import duration_text, number
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.race_state import Lane, RaceProgress
from cnnviz.state.settings import Settings
from cnnviz.state.training_state import Progress
from cnnviz.views.base import View
from cnnviz.views.race.charts import LaneLines, RaceChart, title_of
from cnnviz.views.race.compute import WINDOW, Standing, lesson
from cnnviz.views.race.gradients import Column, GradientColumns
from cnnviz.views.race.setup import RaceSetup
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.worded_bar import WordedBar

REPAINT_MS, WORDS_MS = 66, 1000
WIDE_PX = 1400  # here each sentence has a line of its own
EMPTY = (
    "A deeper network can do all that a shallower one does, yet it may learn worse: let plain and residual networks"
    " race, and see it happen. The run of each lane is kept under Train, Runs."
)
EMPTY_LOSS = "The loss of each network appears here: thin each step, strong the mean of the last ones."
EMPTY_ACCURACY = "The share of right answers appears here: lines while they learn, marks for the validation part."
BUSY = "A network is being trained under Train: stop it there first."
_STAGES = {
    "preparing": "The race is being prepared: pictures, networks, and the quickest number of threads.",
    "running": "The race is on.", "paused": "The race waits; all lanes are saved.",
    "stopping": "The race is being saved.", "finished": "The race is over; go on with a lane under Train, Runs.",
    "failed": "The race was ended.",
}  # fmt: skip


class _Column(QScrollArea):
    """A part of the page that is as wide as it must be, and is scrolled where the window is too low for it."""

    def __init__(self, part: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWidget(part)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the part and of a scroll bar."""
        part = self.widget()
        assert part is not None
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(part.minimumSizeHint().width() + bar, super().minimumSizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hear that the part needs another width, with larger text for example."""
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class _Title(QLabel):
    """What goes on, in as many lines as the introduction needs: the buttons below stay where they are."""

    def heightForWidth(self, width: int) -> int:
        """Return room for the introduction, or for the text where that is longer."""
        introduction = self.fontMetrics().boundingRect(QRect(0, 0, width, 0), Qt.TextFlag.TextWordWrap, EMPTY)
        return max(super().heightForWidth(width), introduction.height())


class RaceView(View):
    """A page of its own."""

    shows_values = False

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self._progress = RaceProgress()
        self._lines = LaneLines()
        self._repaint, self._speak = self._timer(REPAINT_MS, self._draw), self._timer(WORDS_MS, self._say)
        self._make_bar()
        self._make_figures()
        self._lay_out()
        self.setFocusProxy(self.setup)
        self.follow(state.race.progress_changed, lambda: state.race.progress, self.show_progress)
        self.follow(state.training.progress_changed, lambda: state.training.progress, self.show_training)

    def _timer(self, wait_ms: int, then: object) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(wait_ms)
        timer.timeout.connect(then)
        return timer

    def _make_bar(self) -> None:
        self.setup = RaceSetup(self)
        self.setup.changed.connect(self._show_buttons)
        self.title = _Title(EMPTY, self)
        self.title.setWordWrap(True)
        self.title.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.start = QPushButton("&Start", self)
        self.start.setToolTip("Start a new race (Ctrl+Return)")
        self.start.clicked.connect(self._on_start_clicked)
        self.pause = QPushButton("&Pause", self)
        self.pause.setToolTip("Wait when all have done the same number of steps; press again to go on (Space)")
        self.pause.clicked.connect(self._on_pause_clicked)
        self.stop = QPushButton("St&op", self)
        self.stop.setToolTip("Save all lanes and end the race")
        self.stop.clicked.connect(self.state.race.stop_requested)
        self.bar = WordedBar(self)
        self.bar.setAccessibleName("Share of the race that is done")
        self.facts = ElidedLabel("", self)
        begin = QShortcut(QKeySequence("Ctrl+Return"), self)
        begin.activated.connect(self.start.click)
        begin.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def _make_figures(self) -> None:
        self.loss = RaceChart("Loss of each network", "Loss", self)
        self.loss.show_sentence(EMPTY_LOSS)
        self.accuracy = RaceChart("Accuracy of each network", "Accuracy", self, percent=True)
        self.accuracy.show_sentence(EMPTY_ACCURACY)
        for chart, other in ((self.loss, self.accuracy), (self.accuracy, self.loss)):
            chart.view_changed.connect(other.set_view)
            chart.hovered.connect(other.show_hover)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.gradients = GradientColumns(self)

    def _lay_out(self) -> None:
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(theme.GRID_PX, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(self.title)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX)
        for button in (self.start, self.pause, self.stop):
            row.addWidget(button)
        row.addWidget(self.bar, 1)
        row.addWidget(self.facts)
        column.addLayout(row)
        charts = QHBoxLayout()
        charts.setSpacing(theme.GRID_PX)
        charts.addWidget(self.loss)
        charts.addWidget(self.accuracy)
        column.addLayout(charts, 5)
        column.addWidget(self.words)
        column.addWidget(self.gradients, 4)
        sides = QSplitter(Qt.Orientation.Horizontal, self)
        sides.addWidget(_Column(self.setup, self))
        sides.addWidget(_Column(right, self))
        sides.setStretchFactor(1, 1)
        sides.setSizes([250, 950])
        sides.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(sides)

    # -- what is known --------------------------------------------------------------------------------------------

    @Slot(object)
    def show_progress(self, progress: RaceProgress) -> None:
        """Show where the race stands; curves are drawn some 15 times a second, words change once a second."""
        before, self._progress = self._progress, progress
        self._show_buttons()
        if progress.stage != before.stage or len(progress.lanes) != len(before.lanes) or not before.step:
            self._draw()
            self._say()
        else:
            for timer in (self._repaint, self._speak):
                if not timer.isActive():
                    timer.start()

    @Slot(object)
    def show_training(self, progress: Progress) -> None:
        """Say whether the computer is busy with a run."""
        self._show_buttons()

    @Slot()
    def _show_buttons(self) -> None:
        progress, busy = self._progress, self.state.training.progress.is_active
        self.start.setEnabled(bool(self.setup.configs()) and not progress.is_active and not busy)
        self.setup.setEnabled(not progress.is_active)
        self.pause.setText("&Go on" if progress.stage == "paused" else "&Pause")
        self.pause.setEnabled(progress.stage in ("running", "paused"))
        self.stop.setEnabled(progress.is_active and progress.stage != "stopping")
        words = f"{_STAGES.get(progress.stage, EMPTY)} {progress.sentence}".strip()
        self.title.setText(BUSY if busy and not progress.is_active else words)
        self.bar.setRange(0, 0 if progress.stage == "preparing" else max(1, progress.steps))
        self.bar.setValue(progress.step)
        self.bar.setFormat(f"step {progress.step:,} of {progress.steps:,}" if progress.steps else "")
        self.facts.setText(speed_of(progress) if progress.stage == "running" and progress.step else "")
        self.facts.setVisible(bool(self.facts.text()))

    @Slot()
    def _draw(self) -> None:
        """Draw curves and bars anew."""
        lanes = self._progress.lanes
        for chart, metric in ((self.loss, "loss"), (self.accuracy, "accuracy")):
            chart.show_lines(self._lines.of(lanes, metric))
        self.gradients.show_columns([column_of(lane) for lane in lanes])

    @Slot()
    def _say(self) -> None:
        """Write what the numbers say."""
        progress = self._progress
        between = "\n" if self.width() >= WIDE_PX else " "
        self.words.setText(between.join(lesson([standing_of(lane) for lane in progress.lanes])))
        self.words.setVisible(bool(self.words.text()))

    # -- wishes ---------------------------------------------------------------------------------------------------

    @Slot()
    def _on_start_clicked(self) -> None:
        configs = self.setup.configs()
        if configs:
            for chart in (self.loss, self.accuracy):
                chart.set_view(None)
            self.loss.setFocus()  # Start is greyed out next: the focus, and Space, would go to some other button
            self.state.race.start_requested.emit(configs)

    @Slot()
    def _on_pause_clicked(self) -> None:
        self.state.race.pause_requested.emit(self._progress.stage != "paused")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pause or go on by Space, where nothing that has the focus takes it."""
        if event.key() == Qt.Key.Key_Space and not event.modifiers() and self.pause.isEnabled():
            if not event.isAutoRepeat():
                self.pause.click()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the sentences out anew where the width asks for it."""
        super().resizeEvent(event)
        if (event.oldSize().width() >= WIDE_PX) != (self.width() >= WIDE_PX):
            self._say()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "setup"):
            self.setup.show_colours()

    def remember(self, settings: Settings) -> None:
        """Write what is chosen."""
        self.setup.remember(settings)

    def recall(self, settings: Settings) -> None:
        """Bring it back."""
        self.setup.recall(settings)


def standing_of(lane: Lane) -> Standing:
    """Return where a lane stands, in numbers."""
    losses = tuple(lane.curves.batches["loss"][-WINDOW - 1 :].tolist())
    gradients = tuple(part.gradient for part in lane.layers)
    return Standing(lane.config.model, title_of(lane), lane.step, losses, gradients, lane.sentence)


def column_of(lane: Lane) -> Column:
    """Return a lane's column: its parameters, where it is now, and its gradients."""
    size = f"{lane.started.parameters:,} parameters" if lane.started is not None else ""
    facts = "is about to start"
    if lane.step:
        facts = f"step {lane.step:,} · loss {number(float(lane.curves.batches['loss'][-1]), 3)}"
    return Column(standing_of(lane), size, facts, tuple(part.path for part in lane.layers))


def speed_of(progress: RaceProgress) -> str:
    """Return how many pictures a second go through all networks, and how long the race will still take."""
    going = [lane for lane in progress.lanes if not lane.sentence and lane.images_per_second > 0]
    if not going:
        return ""
    per_image_s = sum(1 / lane.images_per_second for lane in going)
    left_s = per_image_s * going[0].config.batch_size * (progress.steps - progress.step)
    return f"{1 / per_image_s:,.0f} images/s through all, {duration_text(left_s)} left"
