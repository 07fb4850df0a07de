"""One weight of the network that learns: its update written out, and how it went before."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import (
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.curves import Curves
from cnnviz.core.decimation import Series
from cnnviz.core.formats import number
from cnnviz.core.inspection import LoadedModel
from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Progress, Stage, WeightPlace
from cnnviz.training.events import Started
from cnnviz.training.weight_step import WeightStep, written_out
from cnnviz.views.training import weight_places
from cnnviz.views.training.panel import Panel, ShowIt, shows_run
from cnnviz.views.training.weight_picker import WeightPicker
from cnnviz.widgets import theme
from cnnviz.widgets.chart_lines import Line
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.line_chart import LineChart

MOST = 500
ROW = 1.5  # height of a line of the table in letters
HAT = "\u0302"  # many fonts have no m with a hat, and then show none
LONGEST = "0.02731 + 0.00259 · (−0.0"  # of the numbers; what is longer is whole in the tip
COLUMNS = ("", "rule", "with its numbers", "result")
CROWDED = 50  # text heights; where there is less room, the update is shown without its past
PICK = "Here a weight's update is written out, step by step."
WHAT_TO_DO: dict[Stage, str] = {
    "idle": "Start a run: a weight's updates appear here.",
    "running": "Updates pass quickly: Pause, then Step, shows one.",
    "paused": "Paused. Press Step, and follow it line by line.",
    "preparing": "The run is being prepared; updates come soon.",
    "stopping": "The run is being saved.",
}
RESTS = "This run rests: resume it, or start another one."


class OneWeightPanel(Panel):
    """Tab *One weight*."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._past: list[WeightStep] = []
        self._stage: Stage | None = None
        self._formulas: tuple[object, ...] = ()  # what the columns were fitted to
        self._begun: Started | None = None  # the run in which a first weight was chosen, and that weight
        self._first: WeightPlace | None = None
        self.picker = WeightPicker(self)
        self.picker.picked.connect(self._on_picker_picked)
        self.show_it = ShowIt(state, "you can choose one of its weights here", self)
        self.title = ElidedLabel("", self)
        self.table = QTableWidget(0, len(COLUMNS), self)
        self.result, self.advice = ElidedLabel("", self), ElidedLabel("", self)
        self.weight_chart = LineChart("Value of the weight", "Weight", self)
        self.gradient_chart = LineChart("Gradient of the weight", "Gradient", self)
        self._lay_out()
        self.follow(self.training.progress_changed, lambda: self.training.progress, self.show_progress)
        self.follow(state.loading_changed, lambda: state.loading, self.show_loading)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.weights_changed, lambda: state.model, self.show_model)
        self.follow(self.training.watched_changed, lambda: self.training.watched, self.show_watched)
        self.follow(self.training.weight_changed, lambda: self.training.weight, self.show_weight)
        self.follow(self.training.cursor_changed, lambda: self.training.cursor, self.show_cursor)
        self.follow(self.training.live_changed, lambda: self.training.live, self._watch_first)
        self.follow(self.training.watched_changed, lambda: self.training.watched, self._watch_first)

    def _lay_out(self) -> None:
        self._left = QStackedWidget(self)
        self._left.addWidget(self.picker)
        self._left.addWidget(self.show_it)
        middle = QWidget(self)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        self._make_table()
        for label, name in ((self.title, "Weight"), (self.result, "What it became"), (self.advice, "What to do")):
            label.setAccessibleName(name)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        column.addWidget(self.title)
        column.addWidget(self.table, 1)
        column.addWidget(self.result)
        column.addWidget(self.advice)
        self._charts = QWidget(self)
        column = QVBoxLayout(self._charts)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.weight_chart)
        column.addWidget(self.gradient_chart)
        parts = QSplitter(self)
        parts.setChildrenCollapsible(False)
        for part, share in ((self._left, 2), (middle, 5), (self._charts, 2)):
            parts.addWidget(part)
            parts.setStretchFactor(parts.count() - 1, share)
        parts.setSizes([190, 560, 150])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(parts)
        self.setFocusProxy(self.picker)

    def _make_table(self) -> None:
        self.table.setAccessibleName("The update, line by line")
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setMinimumSectionSize(1)
        head = self.table.horizontalHeader()
        head.setMinimumSectionSize(20)
        self.table.viewport().installEventFilter(self)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setHighlightSections(False)

    # -- what is shown --------------------------------------------------------------------------------------------

    @Slot(object)
    def show_progress(self, progress: Progress) -> None:
        """Say what can be done now."""
        self._choose_place()
        if progress.stage != self._stage:
            self._stage = progress.stage
            self.advice.setText(WHAT_TO_DO.get(progress.stage, RESTS))

    @Slot(bool)
    def show_loading(self, loading: bool) -> None:
        """Say that the network is on its way."""
        self._choose_place()

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show the weights as they are now."""
        self._choose_place()
        if model is not None and shows_run(self.state):
            self.picker.show_model(model)

    @Slot(object)
    def show_watched(self, place: WeightPlace | None) -> None:
        """Show which weight is watched; its past is that of the weight before no more."""
        if place is not None:
            self.picker.show_place(place)
        if self._past and (place is None or (self._past[-1].name, self._past[-1].index) != (place.name, place.index)):
            self._past.clear()
            self._show_charts()
        self._show_title()

    @Slot(object)
    def show_cursor(self, step: int | None) -> None:
        """Say of which step the weights are, and that the update is the newest one nevertheless."""
        self.picker.show_step(step)
        self._show_title()

    def _show_title(self) -> None:
        training = self.training
        self.title.setText(_title(training.watched, training.weight, is_back=training.cursor is not None))

    @Slot(object)
    def show_weight(self, step: WeightStep | None) -> None:
        """Write a step out, and add it to the past."""
        self._show_title()
        if step is None:
            self.table.setRowCount(0)
            self.result.setText("")
            if self._past:
                self._past.clear()
            self._show_charts()
            return
        self._fill(step)
        self.result.setText(result_text(step))
        while self._past and self._past[-1].step >= step.step:
            self._past.pop()  # the run went back
        self._past = [*self._past[1 - MOST :], step]
        self._show_charts()

    def _fill(self, step: WeightStep) -> None:
        lines = written_out(step)
        formulas = (theme.text_px(), *(line.formula for line in lines))
        same, self._formulas = formulas == self._formulas, formulas
        self.table.setRowCount(len(lines))
        self.table.verticalHeader().setDefaultSectionSize(round(theme.text_px() * ROW))
        for row, line in enumerate(lines):
            formula = line.formula.replace(HAT, "′")
            texts = (line.label, formula, line.numbers, _exact(line.value))
            for column, text in enumerate(texts):
                self._write(row, column, text, bold=row == len(lines) - 1)
        if not same:
            self._fit_columns()
        self.table.setAccessibleDescription("; ".join(f"{line.label} {_exact(line.value)}" for line in lines))

    def _fit_columns(self) -> None:
        """Give names, rules and results the room that they need, and the numbers the rest.

        Columns that fit themselves would cost 10 ms a step.
        """
        numbers = QFontMetrics(theme.font(0.92, bold=True))
        for column in (0, 1):
            self.table.resizeColumnToContents(column)
        self.table.setColumnWidth(3, numbers.horizontalAdvance("−8.88888e−888"))
        taken = sum(self.table.columnWidth(column) for column in (0, 1, 3))
        least = numbers.horizontalAdvance(LONGEST)
        self.table.setColumnWidth(2, max(least, self.table.viewport().width() - taken))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the past out where the update has no room beside it."""
        super().resizeEvent(event)
        self._charts.setVisible(self.width() >= CROWDED * theme.text_px())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit the columns to the table."""
        if event.type() == QEvent.Type.Resize:
            self._fit_columns()
        return super().eventFilter(watched, event)

    def _write(self, row: int, column: int, text: str, *, bold: bool) -> None:
        """Write a cell; one that stays as it is costs nothing."""
        item = self.table.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.table.setItem(row, column, item)
        if item.text() != text:
            item.setText(text)
            item.setToolTip(text)
        font = theme.font(0.92, bold=bold)
        if item.font() != font:
            item.setFont(font)

    def _show_charts(self) -> None:
        charts = ((self.weight_chart, "weight", "after", 0), (self.gradient_chart, "gradient", "gradient", 1))
        for chart, name, field, colour in charts:
            curves = Curves(("step", "value"))
            curves.append({"step": [s.step for s in self._past], "value": [getattr(s, field) for s in self._past]})
            marker = colour if len(self._past) == 1 else None
            chart.show_lines((Line(name, "", Series(curves, "value"), colour=colour, marker=marker),))
            chart.show_sentence(f"The {name} over the last {MOST} measured updates is drawn here.")

    def _choose_place(self) -> None:
        if shows_run(self.state):
            self._left.setCurrentIndex(0)
        else:
            self.show_it.show_reason()
            self._left.setCurrentIndex(1)

    # -- what is asked for ---------------------------------------------------------------------------------------

    @Slot(object)
    def _watch_first(self, _changed: object = None) -> None:
        """Watch the first weight that learns where the user chose none; once in a run, and only in sight."""
        progress, live = self.training.progress, self.training.live
        if self.training.watched not in (None, self._first) or progress.stage not in ("running", "paused"):
            return
        if progress.path is None or progress.started is self._begun or live is None or live.request is None:
            return
        if live.request.weights_path == str(progress.path / "last.safetensors"):
            self._begun = progress.started
            shapes = {name: tuple(tensor.shape) for name, tensor in live.tensors.items()}
            if (found := weight_places.first_of(shapes, self.training.frozen)) is not None:
                self._first = WeightPlace(*found)
                self.training.watch(self._first)

    @Slot(object)
    def _on_picker_picked(self, place: WeightPlace) -> None:
        self.training.watch(place)


def _exact(value: float) -> str:
    return number(value, 6)


def _title(place: WeightPlace | None, step: WeightStep | None, *, is_back: bool) -> str:
    """Return which weight it is, and which update."""
    if place is None:
        return PICK
    name = f"{place.name}[{', '.join(map(str, place.index))}]"
    if step is None:
        return f"{name}: waits for the next measured step. A frozen weight has none."
    which = f"newest update: step {step.step:,}" if is_back else f"update {step.step:,}"
    return f"{name}, {which} by {step.optimiser}"


def result_text(step: WeightStep) -> str:
    """Return what the weight really became, and by how much the last line differs from it."""
    computed = written_out(step)[-1].value
    difference = abs(computed - step.after)
    if not math.isfinite(difference):
        return f"The weight is now {_exact(step.after)}. It can learn no more: go back, with a smaller rate."
    same = "exactly the last line" if difference == 0 else f"{number(difference, 2)} off the last line"
    why = " (it has 7 digits)" if 0 < difference <= 1e-6 * max(1.0, abs(step.after)) else ""
    return f"Weight from {_exact(step.before)} to {_exact(step.after)}: {same}{why}."
