"""The list of runs as a table, and the table of what differs between some of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from cnnviz.training.runs import RunSummary
from cnnviz.views.training.run_differences import Difference, accuracy_text, epochs_text
from cnnviz.widgets import theme

COLUMNS = ("run", "network", "data", "started", "epochs", "best validation")
_LEAST_WORTH = (3, 2, 1, 4)  # hidden in this order where the names have no room
_NAME = 12  # room for a run's name, in text heights
TIP = "Tick: lay its curves over those that are shown"


class RunTable(QTableWidget):
    """One row a run; the box before its name says whether its curves are laid over the others."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self._runs: tuple[RunSummary, ...] = ()
        self._filled: list[object] = []
        self.setHorizontalHeaderLabels(COLUMNS)
        self.setAccessibleName("Runs")
        self.verticalHeader().hide()
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)  # Tab goes on to the buttons
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setResizeContentsPrecision(0)  # the rows in sight: all of them are measured with every text that changes
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def add_key(self, keys: Sequence[Qt.Key], run: Callable[[], object]) -> None:
        """Let keys do something while the table, and no field in it, has the focus."""
        action = QAction(self)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(run)
        self.addAction(action)

    def show_runs(self, found: tuple[RunSummary, ...], ticked: Collection[Path], in_sight: Path | None) -> None:
        """Show runs; only what changed is written anew.

        The row that was chosen stays chosen; where its run is gone, its neighbour is.
        """
        before, row = self.chosen(), self.currentRow()
        self._runs = found
        self.blockSignals(True)
        self.setRowCount(len(found))
        wanted = [(run, run.path in ticked, run.path == in_sight) for run in found]
        for at, line in enumerate(wanted):
            if at >= len(self._filled) or self._filled[at] != line:
                self._fill(at, *line)
        self._filled = list(wanted)
        if before is not None and found:
            paths = [run.path for run in found]
            at = paths.index(before.path) if before.path in paths else min(max(0, row), len(found) - 1)
            if at != row or not self.selectionModel().selectedRows():
                self.setCurrentCell(at, 0)
        self.blockSignals(False)
        self._fit()

    def write_again(self) -> None:
        """Show the runs as they were, whatever was typed."""
        self._filled = []

    def _fill(self, row: int, run: RunSummary, ticked: bool, in_sight: bool) -> None:
        when = f"{datetime.fromtimestamp(run.began):%Y-%m-%d %H:%M}" if run.began else ""
        texts = (run.name, run.config.model, run.config.data, when, epochs_text(run), accuracy_text(run))
        for column, text in enumerate(texts):
            item = self.item(row, column)
            if item is None:
                item = QTableWidgetItem()
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                if column == 0:
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable)
                self.setItem(row, column, item)
            font = item.font()
            if (item.text(), font.bold()) != (text, in_sight):
                font.setBold(in_sight)
                item.setFont(font)
                item.setText(text)
                item.setToolTip(text)
        name = self.item(row, 0)
        assert name is not None
        name.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        name.setToolTip(f"{run.name}{', in sight' if in_sight else ''}. {TIP}")

    def chosen(self) -> RunSummary | None:
        """Return the run whose row is selected."""
        rows = self.selectionModel().selectedRows()
        return self.run_at(rows[0].row()) if rows else None

    def run_at(self, row: int) -> RunSummary | None:
        """Return the run of a row."""
        return self._runs[row] if row < len(self._runs) else None

    def is_editing(self) -> bool:
        """Return whether a name is being typed."""
        return self.state() == QAbstractItemView.State.EditingState

    def ticked(self) -> tuple[RunSummary, ...]:
        """Return the runs whose boxes are ticked."""
        items = [self.item(row, 0) for row in range(len(self._runs))]
        return tuple(
            run
            for run, item in zip(self._runs, items, strict=True)
            if item is not None and item.checkState() == Qt.CheckState.Checked
        )

    def _fit(self) -> None:
        """Hide what is worth least while names have no room."""
        header, room = self.horizontalHeader(), self.viewport().width() - _NAME * theme.text_px()
        widths = [max(self.sizeHintForColumn(at), header.sectionSizeHint(at)) for at in range(len(COLUMNS))]
        needed = sum(widths[1:])
        for column in _LEAST_WORTH:
            self.setColumnHidden(column, needed > room)
            needed -= widths[column] if needed > room else 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the columns."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()


class DifferenceTable(QTableWidget):
    """One row a setting that differs, one column a run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("What differs between the runs")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setTextElideMode(Qt.TextElideMode.ElideRight)
            header.setHighlightSections(False)

    def show_differences(self, names: Sequence[str], lines: Sequence[Difference]) -> None:
        """Show what each run has."""
        self.clear()
        self.setColumnCount(len(names))
        self.setRowCount(len(lines))
        self.setHorizontalHeaderLabels(list(names))
        self.setVerticalHeaderLabels([line.title for line in lines])
        for column, name in enumerate(names):
            header = self.horizontalHeaderItem(column)
            if header is not None:
                header.setToolTip(name)
        for row, line in enumerate(lines):
            for column, text in enumerate(line.texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.setItem(row, column, item)
