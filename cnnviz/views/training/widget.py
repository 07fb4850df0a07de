"""The training studio: set-up at the left, the run with its curves at the right, what it does below."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QSplitter, QTabWidget, QVBoxLayout, QWidget

from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.training.curves import CurvesPanel
from cnnviz.views.training.run_bar import RunBar
from cnnviz.views.training.setup import SetupPanel
from cnnviz.views.training.time_bar import TimeBar
from cnnviz.widgets import theme


@dataclass(frozen=True)
class PanelSpec:
    """A tab below the curves.

    Attributes
    ----------
    title, tip
        Its name, and one sentence.
    widget
        What is imported when it is first looked at.
    remembers
        It keeps what happens while it is not in front, and is made when a run begins at the latest.
    """

    title: str
    tip: str
    widget: str
    remembers: bool = False


PANELS: tuple[PanelSpec, ...] = (
    PanelSpec("Layers", "How long gradient and update of each layer are", "cnnviz.views.training.layers:LayersPanel"),
    PanelSpec(
        "Your drawing", "Filters, maps and answer for your own picture", "cnnviz.views.training.drawing:DrawingPanel",
        remembers=True,
    ),
    PanelSpec(
        "Validation", "Pictures that are not learned from: right, wrong, confused",
        "cnnviz.views.training.validation:ValidationPanel",
    ),
    PanelSpec(
        "One weight", "The update of one weight, written out", "cnnviz.views.training.one_weight:OneWeightPanel"
    ),
    PanelSpec(
        "Transfer", "Which layers keep their weights; filters before and now",
        "cnnviz.views.training.transfer:TransferPanel",
    ),
    PanelSpec("Runs", "All runs: open, compare, rename, delete", "cnnviz.views.training.runs:RunsPanel"),
)  # fmt: skip


class TrainingView(View):
    """A page of its own."""

    shows_values = False

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.setup = SetupPanel(state, messages, self)
        self.bar = RunBar(state, self)
        self.bar.again_requested.connect(self._on_bar_again_requested)
        self.curves = CurvesPanel(state, self)
        self.time = TimeBar(state, self)
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        for spec in PANELS:
            place = QWidget(self.tabs)
            QVBoxLayout(place).setContentsMargins(0, theme.GRID_PX // 2, 0, 0)
            self.tabs.setTabToolTip(self.tabs.addTab(place, spec.title), spec.tip)
        self.tabs.currentChanged.connect(self._make)
        self._lay_out()
        self.setFocusProxy(self.setup)
        self.follow(state.training.progress_changed, lambda: state.training.progress, self.bar.show_progress)
        self.follow(state.training.progress_changed, lambda: state.training.progress, self.time.show_progress)
        self.follow(state.training.recorded_changed, lambda: state.training.recorded, self.time.show_recorded)
        self.follow(state.training.cursor_changed, lambda: state.training.cursor, self.time.show_cursor)
        self.follow(state.training.freezable_changed, lambda: state.training.freezable, self.bar.show_freezable)
        for wish in (state.training.start_requested, state.training.resume_requested, state.training.change_requested):
            wish.connect(self._on_run_wanted)
        self.follow(state.training.frozen_changed, lambda: state.training.frozen, self.bar.show_frozen)

    def _lay_out(self) -> None:
        self._rows = QSplitter(Qt.Orientation.Vertical, self)
        self._rows.setChildrenCollapsible(False)
        self._rows.addWidget(self.curves)
        self._rows.addWidget(self.tabs)
        self._rows.setStretchFactor(0, 1)
        self._rows.setStretchFactor(1, 1)
        self._rows.setSizes([480, 400])
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(theme.GRID_PX, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(self.bar)
        column.addWidget(self._rows, 1)
        column.addWidget(self.time)
        self._sides = QSplitter(Qt.Orientation.Horizontal, self)
        self._sides.setChildrenCollapsible(True)
        self._sides.addWidget(self.setup)
        self._sides.addWidget(right)
        self._sides.setStretchFactor(1, 1)
        self._sides.setSizes([380, 1000])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._sides)
        self._make(0)

    @Slot(int)
    def _make(self, index: int) -> None:
        """Make a tab's panel when it is first looked at."""
        place = self.tabs.widget(index)
        assert place is not None
        layout = place.layout()
        assert layout is not None
        if not layout.count():
            module, _, name = PANELS[index].widget.partition(":")
            panel = getattr(importlib.import_module(module), name)(self.state, place)
            layout.addWidget(panel)
            if self._heard:
                self.hear(panel)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pause or go on by Space, where nothing that has the focus takes it."""
        if event.key() == Qt.Key.Key_Space and not event.modifiers() and self.bar.pause.isEnabled():
            if not event.isAutoRepeat():
                self.bar.pause.click()
            return
        super().keyPressEvent(event)

    @Slot()
    def _on_run_wanted(self) -> None:
        """Take the focus from what was pressed and is greyed out now: it, and Space, would go to some other button."""
        for index, spec in enumerate(PANELS):
            if spec.remembers:
                self._make(index)
        if self.isVisible():
            self.curves.loss.setFocus()

    @Slot()
    def _on_bar_again_requested(self) -> None:
        path = self.state.training.progress.path
        if path is not None:
            self.state.training.slower_requested.emit(str(path))

    def remember(self, settings: Settings) -> None:
        """Write which tab is in front and how the page is divided."""
        settings.put("training/tab", self.tabs.currentIndex())
        settings.put("training/rows", self._rows.saveState())
        settings.put("training/sides", self._sides.saveState())
        self.setup.remember(settings)
        self.curves.remember(settings)

    def recall(self, settings: Settings) -> None:
        """Read them."""
        self.tabs.setCurrentIndex(settings.integer("training/tab", 0, 0, self.tabs.count() - 1))
        self._rows.restoreState(settings.blob("training/rows"))
        self._sides.restoreState(settings.blob("training/sides"))
        self.setup.recall(settings)
        self.curves.recall(settings)
