"""The table of compared networks."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from cnnviz.models import comparing
from cnnviz.models.comparing import Compared
from cnnviz.widgets import theme

MOST_ROWS = 6
TIPS = {
    "parameters": "Numbers that training sets",
    "multiply-adds": "Multiplications with an addition, for one picture",
    "weights file": "Size of the file with the weights: the one in use, else the published one",
    "time": "One forward pass of this picture, measured here: the median, after a warm-up, without keeping values",
    "weights": "Memory that the weights take here",
    "activations": "Memory of all values of all layers for this picture, those that share memory once",
    "peak": "The most memory that the device held during a forward pass; a CPU cannot say",
    "top-1": "How often the most probable class is the right one; the tool tip of a cell says of which weights",
    "top-5": "How often the right class is among the five most probable ones",
    "weights come from": "Whether the weights ship, were fetched, or are random",
}


class NetworkTable(QTableWidget):
    """A row for each network, as high as its rows are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(comparing.HEADINGS), parent)
        self.setAccessibleName("Networks compared")
        self.setToolTip("A double click or Enter opens the network under Explore")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalHeaderLabels([heading[:1].upper() + heading[1:] for heading in comparing.HEADINGS])
        for index, heading in enumerate(comparing.HEADINGS):
            item = self.horizontalHeaderItem(index)
            if item is not None and heading in TIPS:
                item.setToolTip(TIPS[heading])
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)

    def add(self, row: Compared) -> None:
        """Add a network."""
        index = self.rowCount()
        self.insertRow(index)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        last = len(comparing.HEADINGS) - 1
        for column, words in enumerate(comparing.cells(row)):
            item = QTableWidgetItem(words)
            if 0 < column < last:
                item.setTextAlignment(right)
            if row.is_random and column == last and not row.error:
                item.setForeground(theme.current().color("warning"))
            if row.error:
                item.setForeground(theme.current().color("bad" if column == last else "muted"))
            item.setToolTip(self._tip(row, comparing.HEADINGS[column], words))
            self.setItem(index, column, item)

    @staticmethod
    def _tip(row: Compared, heading: str, words: str) -> str:
        if row.error:
            return row.error
        if heading in ("top-1", "top-5") and row.accuracy_of:
            return f"of {row.accuracy_of}"
        if heading == "time":
            each = ", ".join(f"{time_ms:.3g}" for time_ms in row.times_ms)
            return f"{row.device}, {row.threads} thread{'s' if row.threads != 1 else ''}; each pass in ms: {each}"
        return row.weights_note if heading == "weights come from" else words

    def fit(self) -> None:
        """Make the table as high as its rows, up to `MOST_ROWS`; the rest scrolls."""
        rows = min(MOST_ROWS, max(1, self.rowCount()))
        bar = self.horizontalScrollBar().sizeHint().height()
        height = self.horizontalHeader().sizeHint().height() + bar + 4
        row_px = self.rowHeight(0) if self.rowCount() else self.verticalHeader().defaultSectionSize()
        self.setFixedHeight(height + rows * row_px)
