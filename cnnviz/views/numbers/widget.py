"""The values of the selected layer as a table: to read, to copy, to export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QPainter, QPalette
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSpinBox,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.errors import UserError
from cnnviz.core.files import write_atomically
from cnnviz.core.inspection import FloatArray, Inspection
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.numbers import compute
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel

EMPTY = "Draw a digit: the numbers of the selected layer appear here."
EXPORTS = "Comma-separated values (*.csv);;NumPy archive (*.npz)"
DIGITS = (2, 7)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
Index = QModelIndex | QPersistentModelIndex


class ValueModel(QAbstractTableModel):
    """A two-dimensional array as a table; rows and columns count from 0, as in the map."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values: FloatArray = np.zeros((0, 0), np.float32)
        self.late = False
        self._digits = 4

    def show_values(self, values_hw: FloatArray) -> None:
        """Show other values; a table of the same shape keeps selection and scroll position."""
        if values_hw.shape == self.values.shape:
            self.values = values_hw
            if values_hw.size:
                last = self.index(values_hw.shape[0] - 1, values_hw.shape[1] - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.values = values_hw
        self.endResetModel()

    def set_digits(self, digits: int) -> None:
        """Show another number of digits after the point."""
        self._digits = digits
        self.show_values(self.values)

    def text(self, row: int, column: int) -> str:
        """Return a value as it is shown."""
        return f"{float(self.values[row, column]):.{self._digits}f}".replace("-", "−")

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """Return the number of rows."""
        return 0 if parent.isValid() else self.values.shape[0]

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else self.values.shape[1]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of a cell, its place for a screen reader, its alignment."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(index.row(), index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"row {index.row()}, column {index.column()}: {self.text(index.row(), index.column())}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return rows and columns from 0."""
        return str(section) if role == Qt.ItemDataRole.DisplayRole else None


class ValueDelegate(QStyledItemDelegate):
    """Draws a cell as a number and nothing else: the style's own drawing costs three times as much."""

    def __init__(self, model: ValueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the number, on the selection's colour where it is selected."""
        rect, palette, state = option.rect, option.palette, option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, palette.brush(QPalette.ColorRole.Highlight))
        usual = QPalette.ColorRole.PlaceholderText if self._model.late else QPalette.ColorRole.Text
        painter.setPen(palette.color(QPalette.ColorRole.HighlightedText if selected else usual))
        painter.drawText(rect.adjusted(0, 0, -4, 0), _RIGHT, self._model.text(index.row(), index.column()))


class NumbersView(View):
    """Inspector tab *Numbers*."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.model = ValueModel(self)
        self.table = QTableView(self)
        self.table.setModel(self.model)
        self.table.setItemDelegate(ValueDelegate(self.model, self.table))
        self.table.setAccessibleName("Values of the selected layer")
        self.table.setWordWrap(False)
        for header in (self.table.horizontalHeader(), self.table.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._unit = QSpinBox(self)
        self._unit.setPrefix("map ")
        self._unit.setAccessibleName("Map")
        self._unit.valueChanged.connect(self._on_unit_changed)
        self._digits = QSpinBox(self)
        self._digits.setRange(*DIGITS)
        self._digits.setValue(4)
        self._digits.setSuffix(" digits")
        self._digits.setAccessibleName("Digits after the point")
        self._digits.valueChanged.connect(self._on_digits_changed)
        copy = QPushButton("Cop&y", self)
        copy.setToolTip("Copy the selected cells, or all, as a table (Ctrl+C)")
        copy.clicked.connect(self.copy)
        export = QPushButton("E&xport…", self)
        export.setToolTip("Save all values of this layer as CSV or npz")
        export.clicked.connect(self.ask_and_export)
        self._note = ElidedLabel(EMPTY, self)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX)
        for widget in (self._unit, self._digits, copy, export, self._note):
            row.addWidget(widget)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        action = QAction("Copy cells", self.table)
        action.setShortcut(QKeySequence.StandardKey.Copy)
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(self.copy)
        self.table.addAction(action)
        self.setFocusProxy(self.table)
        self.table.selectionModel().currentChanged.connect(self._on_table_current_changed)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self._fit_cells()

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show new values."""
        self._show()

    @Slot(bool)
    def show_late(self, late: bool) -> None:
        """Grey numbers that are older than the input, and say so."""
        self.model.late = late
        self.table.viewport().update()
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Show another layer, unit or cell."""
        self._show()
        layer = self.state.selected_layer
        if layer is None:
            return
        unit, cell = layer.place.unit, layer.place.cell
        if not layer.node.is_map:
            cell = None if unit is None else (unit, 0)
        if cell is not None:
            index = self.model.index(*cell)
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
            if index.isValid() and self.table.currentIndex() != index:
                self.table.selectionModel().setCurrentIndex(index, flags)

    def _show(self) -> None:
        layer = self.state.selected_layer
        if layer is None:
            self._note.setText(EMPTY)
            self.model.show_values(np.zeros((0, 0), np.float32))
            self._unit.hide()
            return
        node, unit = layer.node, min(layer.place.unit or 0, layer.node.units - 1)
        self._unit.setVisible(node.is_map)
        self._unit.blockSignals(True)
        self._unit.setRange(0, node.units - 1)
        self._unit.setValue(unit)
        self._unit.blockSignals(False)
        self._note.setText(f"{node.name}, {node.shape_text}{' · updating' if self.model.late else ''}")
        self.model.show_values(compute.table(node, layer.values, unit))

    def _fit_cells(self) -> None:
        width = self.table.fontMetrics().horizontalAdvance("−88." + "8" * self._digits.value()) + 16
        self.table.horizontalHeader().setDefaultSectionSize(width)
        self.table.verticalHeader().setDefaultSectionSize(self.table.fontMetrics().height() + 6)

    @Slot()
    def copy(self) -> None:
        """Copy the selected cells, or all of them, separated by tabs."""
        chosen = self.table.selectionModel().selectedIndexes()
        rows = sorted({i.row() for i in chosen}) or list(range(self.model.rowCount()))
        columns = sorted({i.column() for i in chosen}) or list(range(self.model.columnCount()))
        lines = ("\t".join(f"{float(self.model.values[r, c]):.9g}" for c in columns) for r in rows)
        QGuiApplication.clipboard().setText("\n".join(lines))

    @Slot()
    def ask_and_export(self) -> None:
        """Ask for a name and save the layer."""
        layer = self.state.selected_layer
        if layer is None:
            self.messages.notice("There are no values to export yet.")
            return
        name, chosen = QFileDialog.getSaveFileName(self, "Export layer", f"{layer.node.name}.csv", EXPORTS)
        if not name:
            return
        path = Path(name)
        if not path.suffix:
            path = path.with_suffix(".npz" if "npz" in chosen else ".csv")
        try:
            self.export(path)
        except UserError as error:
            self.messages.report(error)

    def export(self, path: Path) -> None:
        """Save the layer's values.

        Raises
        ------
        UserError
            When the ending is neither .csv nor .npz, or the file cannot be written.
        """
        layer = self.state.selected_layer
        if layer is None:
            return
        if path.suffix.lower() not in (".csv", ".npz"):
            raise UserError(f"'{path.name}' is neither .csv nor .npz.", suggestion="Choose one of the two endings.")
        node, values = layer.node, layer.values
        with write_atomically(path) as file:
            if path.suffix.lower() == ".npz":
                compute.write_npz(file, node, values)
            else:
                file.write(compute.as_csv(node, values))
        self.messages.notice(f"{values.size:,} values of {node.name} are in '{path.name}'.")

    @Slot(int)
    def _on_unit_changed(self, unit: int) -> None:
        self.state.select_unit(unit)

    @Slot(int)
    def _on_digits_changed(self, digits: int) -> None:
        self.model.set_digits(digits)
        self._fit_cells()

    @Slot(QModelIndex, QModelIndex)
    def _on_table_current_changed(self, current: QModelIndex, before: QModelIndex) -> None:
        layer = self.state.selected_layer
        if layer is None or not current.isValid() or not self.table.hasFocus():
            return
        node = layer.node
        if node.is_map:
            self.state.select(Place(node.name, self._unit.value(), (current.row(), current.column())))
        else:
            self.state.select(Place(node.name, current.row()))

    def remember(self, settings: Settings) -> None:
        """Store the digits."""
        settings.put("numbers/digits", self._digits.value())

    def recall(self, settings: Settings) -> None:
        """Bring the digits back."""
        self._digits.setValue(settings.integer("numbers/digits", 4, *DIGITS))
