"""All runs on this machine: opened, gone on with, laid over the curves, compared, renamed, deleted, brought back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QStackedWidget, QTableWidgetItem, QWidget

from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Progress, RunCurves
from cnnviz.training import runs
from cnnviz.training.runs import RunSummary
from cnnviz.views.training.panel import Panel, column_of, row_of
from cnnviz.views.training.run_changes import Deleting, History, Renaming
from cnnviz.views.training.run_differences import differences, results, sentence
from cnnviz.views.training.run_table import DifferenceTable, RunTable
from cnnviz.views.training.setup_form import take_history_key
from cnnviz.widgets import theme
from cnnviz.widgets.flow import FlowLayout

EMPTY = "No runs yet. Every run that is started here, or by 'cnnviz train', is kept and listed."


class RunsPanel(Panel):
    """A table of runs; the box before a name lays its curves over those that are shown."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._runs: tuple[RunSummary, ...] = ()
        self._ticked: frozenset[Path] = frozenset()
        self._about: object = None  # the run in sight and whether it learns, as they were when the buttons were shown
        self._said = ""  # of the last change, until the user does something else
        self._sentence = ""  # of the comparison, while it is shown
        self.undo = History(self)
        self.words = QLabel(EMPTY, self)
        self.words.setWordWrap(True)
        self.words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.table = RunTable(self)
        self.table.itemChanged.connect(self._on_table_item_changed)
        self.table.itemSelectionChanged.connect(self._on_table_selection_changed)
        self.table.itemDelegate().closeEditor.connect(self._show_table)
        self.table.cellDoubleClicked.connect(self._on_table_double_clicked)
        self.table.add_key((Qt.Key.Key_Delete,), self._delete)
        self.table.add_key((Qt.Key.Key_Return, Qt.Key.Key_Enter), self._open)
        self.differences = DifferenceTable(self)
        self._tables = QStackedWidget(self)
        self._tables.addWidget(self.table)
        self._tables.addWidget(self.differences)
        self._make_buttons()
        self._row = QWidget(self)
        self._row.setLayout(
            FlowLayout((self.open, self.resume, self.rename, self.delete, self.back, self.reveal), theme.GRID_PX)
        )
        head = row_of(self.words, self.compare)
        head.setStretch(0, 1)
        head.setStretch(1, 0)
        column_of(self, head, self._tables, self._row)
        self.setFocusProxy(self.table)
        training = self.training
        self.follow(training.listed_changed, lambda: training.runs, self.show_runs)
        self.follow(training.overlaid_changed, lambda: training.overlaid, self.show_overlaid)
        self.follow(training.progress_changed, lambda: training.progress, self.show_progress)
        self._show_buttons()

    def _make_buttons(self) -> None:
        self.open = self._button(
            "&Open", "Show its curves and recorded steps; watch it if it learns (Enter)", self._open
        )
        self.resume = self._button("&Resume", "Go on from where it was saved last", self._resume)
        self.rename = self._button("Re&name", "Give it another name (F2)", self._rename)
        self.delete = self._button("&Delete", "Put it aside; Undo brings it back (Delete)", self._delete)
        self.back = self._button("&Undo", "Nothing to take back", self.undo.undo)
        self.reveal = self._button("Show &folder", "Open its folder in the file manager", self._reveal)
        self.compare = QPushButton("Comp&are", self)
        self.compare.setToolTip("Show in what the run in sight and those that are ticked differ")
        self.compare.setCheckable(True)
        self.compare.toggled.connect(self._on_compare_toggled)
        self.undo.changed.connect(self.training.runs_changed)
        self.undo.said.connect(self._on_undo_said)
        self.undo.canUndoChanged.connect(self.back.setEnabled)
        self.undo.undoTextChanged.connect(self._on_undo_text_changed)

    def _button(self, title: str, tip: str, run: Callable[[], object]) -> QPushButton:
        button = QPushButton(title, self)
        button.setToolTip(tip)
        button.clicked.connect(run)
        return button

    # -- what is shown --------------------------------------------------------------------------------------------

    @Slot(object)
    def show_runs(self, found: tuple[RunSummary, ...] | None) -> None:
        """Show the list; ask for it where it was not read yet."""
        if found is None:
            self.words.setText("The runs are being looked for …")
            self.training.runs_changed.emit()
            return
        self._runs = found
        self._show_table()
        self._show_words()

    @Slot(object)
    def show_overlaid(self, overlaid: tuple[RunCurves, ...]) -> None:
        """Tick the runs whose curves are shown."""
        self._ticked = frozenset(run.path for run in overlaid)
        self._show_table()

    @Slot(object)
    def show_progress(self, progress: Progress) -> None:
        """Mark the run in sight."""
        about = (progress.path, progress.is_active)
        if about != self._about:
            self._about = about
            self._show_table()

    @Slot()
    def _show_table(self) -> None:
        if not self.table.is_editing():  # what is typed would be lost; this comes again when the editor closes
            self.table.show_runs(self._runs, self._ticked, self.training.progress.path)
        self._show_buttons()
        if self.compare.isChecked():
            self._show_differences()

    def _show_words(self) -> None:
        count = "1 run" if len(self._runs) == 1 else f"{len(self._runs):,} runs"
        self.words.setText(self._said or self._sentence or (f"{count} in {runs.folder()}" if self._runs else EMPTY))

    def _compared(self) -> tuple[RunSummary, ...]:
        """Return the runs whose curves are in sight."""
        ticked, path = self.table.ticked(), self.training.progress.path
        return tuple(run for run in self._runs if run in ticked or run.path == path)

    def _show_differences(self) -> None:
        compared = self._compared()
        if len(compared) < 2:
            self.compare.setChecked(False)
            return
        found = differences(compared)
        self.differences.show_differences([run.name for run in compared], (*results(compared), *found))
        self._sentence = sentence(compared, len(found))
        self._show_words()

    @Slot()
    def _show_buttons(self) -> None:
        run, progress = self.table.chosen(), self.training.progress
        busy = run is not None and progress.is_active and progress.path == run.path
        for button in (self.open, self.reveal):
            button.setEnabled(run is not None)
        self.resume.setEnabled(run is not None and not run.is_finished and not progress.is_active)
        for button in (self.rename, self.delete):
            button.setEnabled(run is not None and not busy)
        self.compare.setEnabled(self.compare.isChecked() or len(self._compared()) > 1)
        self.back.setEnabled(self.undo.canUndo())

    # -- what the user does ---------------------------------------------------------------------------------------

    @Slot(str)
    def _on_undo_text_changed(self, text: str) -> None:
        self.back.setToolTip(f"Take back: {text} (Ctrl+Z)" if text else "Nothing to take back")

    @Slot(str)
    def _on_undo_said(self, text: str) -> None:
        self._said = text
        if text:
            self.table.write_again()  # a name that was refused is still in its cell
            self._show_table()
        self._show_words()

    @Slot()
    def _on_table_selection_changed(self) -> None:
        self._said = ""
        self._show_words()
        self._show_buttons()

    @Slot(bool)
    def _on_compare_toggled(self, on: bool) -> None:
        self._tables.setCurrentWidget(self.differences if on else self.table)
        self._row.setVisible(not on)
        self.compare.setText("L&ist of runs" if on else "Comp&are")
        self._said = self._sentence = ""
        if on:
            self._show_differences()
        else:
            self._show_words()
        self._show_buttons()

    @Slot(int, int)
    def _on_table_double_clicked(self, row: int, column: int) -> None:
        self._open()

    @Slot(QTableWidgetItem)
    def _on_table_item_changed(self, item: QTableWidgetItem) -> None:
        """A box was ticked, or a name was typed."""
        run = self.table.run_at(item.row())
        if item.column() or run is None:
            return
        if item.text() != run.name:
            self.undo.make(Renaming(run.path, item.text(), self._go_along))
            return
        ticked = tuple(one.path for one in self.table.ticked())
        self._ticked = frozenset(ticked)  # their curves are being read; until then the list may be read anew
        self.training.overlay_requested.emit(tuple(map(str, ticked)))
        self._show_buttons()

    def _go_along(self, path: Path, new: Path) -> None:
        """Open a run that is in sight where it lies now."""
        if self.training.progress.path == path:
            self.training.follow_requested.emit(str(new))

    def _open(self) -> None:
        run = self.table.chosen()
        if run is not None:
            self.training.follow_requested.emit(str(run.path))

    def _resume(self) -> None:
        run = self.table.chosen()
        if run is not None:
            self.training.resume_requested.emit(str(run.path))

    def _rename(self) -> None:
        item = self.table.item(self.table.currentRow(), 0)
        if item is not None:
            self.table.setFocus()
            self.table.editItem(item)

    def _delete(self) -> None:
        run = self.table.chosen()
        if run is not None and self.delete.isEnabled():
            self.undo.make(Deleting(run.path))

    def _reveal(self) -> None:
        run = self.table.chosen()
        if run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path)))

    def event(self, event: QEvent) -> bool:
        """Claim the keys of undo and redo: those of the board are in the window's menu."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and take_history_key(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take a change back, or make it again; Escape ends the comparison."""
        if event.key() == Qt.Key.Key_Escape and self.compare.isChecked():
            self.compare.setChecked(False)
        elif not take_history_key(event, self.undo):
            super().keyPressEvent(event)
