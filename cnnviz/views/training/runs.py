"""All runs on this machine: opened, gone on with, laid over the curves, renamed, deleted, brought back."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence, QUndoCommand, QUndoStack
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.errors import UserError
from cnnviz.state.app_state import AppState
from cnnviz.training import runs
from cnnviz.training.runs import RunSummary
from cnnviz.views.training.panel import Panel
from cnnviz.widgets import theme
from cnnviz.widgets.flow import FlowLayout

EMPTY = "No runs yet. Every run that is started here, or by 'cnnviz train', is kept and listed."
_COLUMNS = ("run", "network", "data", "started", "epochs", "best validation")


class RunsPanel(Panel):
    """A table of runs; the box before a name lays its curves over those that are shown."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._runs: tuple[RunSummary, ...] = ()
        self.undo = QUndoStack(self)
        self.words = QLabel(EMPTY, self)
        self.words.setWordWrap(True)
        self.table = QTableWidget(0, len(_COLUMNS), self)
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setAccessibleName("Runs")
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.itemChanged.connect(self._on_table_item_changed)
        self.table.itemSelectionChanged.connect(self._show_buttons)
        self.table.cellDoubleClicked.connect(self._on_table_double_clicked)
        self._make_buttons()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addWidget(self.words)
        column.addWidget(self.table, 1)
        row = QWidget(self)
        row.setLayout(
            FlowLayout((self.open, self.resume, self.rename, self.delete, self.back, self.reveal), theme.GRID_PX)
        )
        column.addWidget(row)
        self._training = state.training
        self.follow(self._training.listed_changed, lambda: self._training.runs, self.show_runs)
        self._show_buttons()

    def _make_buttons(self) -> None:
        self.open = self._button(
            "&Open", "Show its curves and recorded steps; watch it if it learns (Enter)", self._open
        )
        self.resume = self._button("&Resume", "Go on from where it was saved last", self._resume)
        self.rename = self._button("Re&name", "Give it another name (F2)", self._rename)
        self.delete = self._button("&Delete", "Put it aside; Undo brings it back (Delete)", self._delete)
        self.back = self._button("&Undo", "Take the last renaming or deleting back", self.undo.undo)
        self.reveal = self._button("Show &folder", "Open its folder in the file manager", self._reveal)
        self.undo.canUndoChanged.connect(self.back.setEnabled)
        self.undo.undoTextChanged.connect(self._on_undo_text_changed)
        for key, run in (
            (QKeySequence(Qt.Key.Key_Delete), self._delete),
            (QKeySequence(Qt.Key.Key_Return), self._open),
        ):
            action = QAction(self.table)
            action.setShortcut(key)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(run)
            self.table.addAction(action)

    def _button(self, title: str, tip: str, run: Callable[[], object]) -> QPushButton:
        button = QPushButton(title, self)
        button.setToolTip(tip)
        button.clicked.connect(run)
        return button

    @Slot(object)
    def show_runs(self, found: tuple[RunSummary, ...] | None) -> None:
        """Show the list; ask for it where it was not read yet."""
        if found is None:
            self.words.setText("The runs are being looked for …")
            self._training.runs_changed.emit()
            return
        chosen, overlaid = self._chosen(), {run.path for run in self._training.overlaid}
        self._runs = found
        self.words.setText(EMPTY if not found else f"{len(found):,} runs in {runs.folder()}")
        self.table.blockSignals(True)
        self.table.setRowCount(len(found))
        for row, run in enumerate(found):
            self._fill(row, run, shown=run.path in overlaid)
            if chosen is not None and run.path == chosen.path:
                self.table.selectRow(row)
        self.table.blockSignals(False)
        self._show_buttons()

    def _fill(self, row: int, run: RunSummary, *, shown: bool) -> None:
        best = "" if math.isnan(run.accuracy) else f"{run.accuracy:.2%}"
        when = f"{datetime.fromtimestamp(run.began):%Y-%m-%d %H:%M}" if run.began else ""
        texts = (run.name, run.config.model, run.config.data, when, f"{run.epochs} of {run.config.epochs}", best)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            if column == 0:
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
                item.setToolTip("Tick: lay its curves over those that are shown")
            self.table.setItem(row, column, item)

    def _chosen(self) -> RunSummary | None:
        rows = self.table.selectionModel().selectedRows()
        return self._runs[rows[0].row()] if rows and rows[0].row() < len(self._runs) else None

    @Slot()
    def _show_buttons(self) -> None:
        run, progress = self._chosen(), self._training.progress
        busy = run is not None and progress.is_active and progress.path == run.path
        self.open.setEnabled(run is not None)
        self.resume.setEnabled(run is not None and not run.is_finished and not progress.is_active)
        for button in (self.rename, self.delete):
            button.setEnabled(run is not None and not busy)
        self.reveal.setEnabled(run is not None)
        self.back.setEnabled(self.undo.canUndo())

    @Slot(str)
    def _on_undo_text_changed(self, text: str) -> None:
        self.back.setToolTip(f"Take back: {text}" if text else "Nothing to take back")

    @Slot(int, int)
    def _on_table_double_clicked(self, row: int, column: int) -> None:
        self._open()

    @Slot(QTableWidgetItem)
    def _on_table_item_changed(self, item: QTableWidgetItem) -> None:
        """A box was ticked, or a name was typed."""
        if item.column() or item.row() >= len(self._runs):
            return
        run = self._runs[item.row()]
        if item.text() != run.name:
            self._do(_Renaming(self._training.runs_changed.emit, run.path, item.text(), self._go_along))
            return
        ticked = [
            str(one.path)
            for row, one in enumerate(self._runs)
            if (found := self.table.item(row, 0)) is not None and found.checkState() == Qt.CheckState.Checked
        ]
        self._training.overlay_requested.emit(tuple(ticked))

    def _go_along(self, path: Path, new: Path) -> None:
        """Open a run that is in sight where it lies now."""
        if self._training.progress.path == path:
            self._training.follow_requested.emit(str(new))

    def _open(self) -> None:
        run = self._chosen()
        if run is not None:
            self._training.follow_requested.emit(str(run.path))

    def _resume(self) -> None:
        run = self._chosen()
        if run is not None:
            self._training.resume_requested.emit(str(run.path))

    def _rename(self) -> None:
        item = self.table.item(self.table.currentRow(), 0)
        if item is not None:
            self.table.editItem(item)

    def _delete(self) -> None:
        run = self._chosen()
        if run is not None and self.delete.isEnabled():
            self._do(_Deleting(self._training.runs_changed.emit, run.path))

    def _reveal(self) -> None:
        run = self._chosen()
        if run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path)))

    def _do(self, command: _OnDisk) -> None:
        """Do something to a run's folder; where the disk refuses, say so and leave the list as it is."""
        try:
            command.first()
        except UserError as error:
            self.words.setText(str(error))
            self.show_runs_again()
            return
        self.undo.push(command)

    def show_runs_again(self) -> None:
        """Show the list as it was, with the sentence above it kept."""
        sentence = self.words.text()
        self.show_runs(self._runs)
        self.words.setText(sentence)


class _OnDisk(QUndoCommand):
    """A change of a folder that was done before it was pushed."""

    def __init__(self, text: str, changed: Callable[[], object], path: Path) -> None:
        super().__init__(text)
        self._changed, self._path = changed, path
        self._pushed = False

    def first(self) -> None:
        """Do it.

        Raises
        ------
        UserError
            When the disk refuses.
        """
        raise NotImplementedError  # each change says how

    def redo(self) -> None:
        """Do it again."""
        if self._pushed:
            self._try(self.first)
        self._pushed = True
        self._changed()

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except UserError:
            self.setObsolete(True)  # the folder is gone or in use: there is nothing to take back any more
        self._changed()


class _Renaming(_OnDisk):
    def __init__(
        self, changed: Callable[[], object], path: Path, name: str, moved: Callable[[Path, Path], object]
    ) -> None:
        super().__init__(f"rename {path.name}", changed, path)
        self._name, self._new, self._moved = name, path, moved

    def first(self) -> None:
        """Rename it."""
        self._new = runs.rename(self._path, self._name)
        self._moved(self._path, self._new)

    def undo(self) -> None:
        """Give it its old name."""
        self._try(self._back)

    def _back(self) -> None:
        self._moved(self._new, runs.rename(self._new, self._path.name))


class _Deleting(_OnDisk):
    def __init__(self, changed: Callable[[], object], path: Path) -> None:
        super().__init__(f"delete {path.name}", changed, path)
        self._moved = path

    def first(self) -> None:
        """Put it aside."""
        self._moved = runs.delete(self._path)

    def undo(self) -> None:
        """Bring it back."""
        self._try(lambda: runs.restore(self._moved, self._path.name))
