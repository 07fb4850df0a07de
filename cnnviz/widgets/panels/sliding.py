"""The skeleton of everything that slides over a map: input, what happens in the middle, output, and the player."""

from __future__ import annotations

from abc import abstractmethod

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from cnnviz.core.operations import Operation
from cnnviz.widgets import theme
from cnnviz.widgets.badge import Badge
from cnnviz.widgets.formula import Formula
from cnnviz.widgets.grid_picture import Grid
from cnnviz.widgets.map_filler import MapFiller
from cnnviz.widgets.panels.base import Cell, OperationPanel, Subject, limits_of, verdict_row
from cnnviz.widgets.player import Player
from cnnviz.widgets.value_grid import ValueGrid


class SlidingPanel(OperationPanel):
    """Base of convolution, transposed convolution and pooling.

    Attributes
    ----------
    input_grid, output_grid, changed_grid
        The input map that is shown, PyTorch's output map, and the output with the user's changes.
    channel
        Which input map is shown.
    """

    def __init__(self, middle: QWidget, settings: QWidget | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.channel = 0
        self._whole = True  # the output is shown whole until the walk begins
        self._changed: Operation | None = None
        self.filler = MapFiller(self)
        self.filler.grown.connect(self._on_filler_grown)
        self.input_grid = ValueGrid("Input map", self)
        self.output_grid = ValueGrid("Output map", self)
        self.changed_grid = ValueGrid("Output map with the changes", self)
        self.changed_grid.hide()
        self.player = Player(self)
        self.formula = Formula("The sum", self)
        self.badge = Badge(self)
        self.settings = settings
        self._choose_channel = self._spin("Input map", "Which input map is shown at the left")
        self._choose_unit = self._spin("Output map", "Which output map is computed")
        self._what_if = QCheckBox("&What if…", self)
        self._what_if.setToolTip("Change settings and weights, and see the changed output beside the true one")
        self._lay_out(middle)
        self._connect()

    def _spin(self, name: str, tip: str) -> QSpinBox:
        box = QSpinBox(self)
        box.setAccessibleName(name)
        box.setToolTip(tip)
        box.setKeyboardTracking(False)
        return box

    def _lay_out(self, middle: QWidget) -> None:
        grids = QHBoxLayout()
        grids.setSpacing(theme.GRID_PX)
        for chooser, words, views, stretch in (
            (self._choose_channel, "Input map", (self.input_grid,), 3),
            (None, "", (middle,), 11),
            (self._choose_unit, "Output map", (self.output_grid, self.changed_grid), 3),
        ):
            column = QVBoxLayout()
            column.setSpacing(2)
            if chooser is not None:
                head = QHBoxLayout()
                label = QLabel(words, self)
                label.setBuddy(chooser)
                head.addWidget(label)
                head.addWidget(chooser)
                head.addStretch(1)
                column.addLayout(head)
            for view in views:
                column.addWidget(view, 1)
            grids.addLayout(column, stretch)
        foot = QHBoxLayout()
        foot.setSpacing(theme.GRID_PX)
        foot.addWidget(self.player, 1)
        foot.addWidget(self._what_if)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addLayout(grids, 1)
        column.addLayout(verdict_row(self.formula, self.badge))
        column.addLayout(foot)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID_PX)
        row.addLayout(column, 1)
        if self.settings is not None:
            row.addWidget(self.settings)
            self.settings.hide()
        self._what_if.setVisible(self.settings is not None)

    def _connect(self) -> None:
        self.player.moved.connect(self._on_player_moved)
        self.player.playing_changed.connect(self._on_player_playing_changed)
        self.input_grid.pressed.connect(self._on_input_pressed)
        self.input_grid.activated.connect(self._on_input_activated)
        self.input_grid.edited.connect(self._on_input_edited)
        self.input_grid.refused.connect(self.refused)
        for grid in (self.output_grid, self.changed_grid):
            grid.pressed.connect(self._on_output_pressed)
            grid.activated.connect(self._on_output_activated)
        self._choose_channel.valueChanged.connect(self._on_choose_channel_changed)
        self._choose_unit.valueChanged.connect(self._on_choose_unit_changed)
        self._what_if.toggled.connect(self._on_what_if_toggled)

    # -- what subclasses say --------------------------------------------------------------------------------------

    @abstractmethod
    def change(self, own: Operation) -> Operation:
        """Return the operation with the user's changes; the same object when there are none."""

    @abstractmethod
    def show_step(self) -> None:
        """Draw the value at `unit` and `cell`: windows, middle, formula, badge."""

    @abstractmethod
    def show_input(self) -> None:
        """Draw the input map that is shown."""

    @abstractmethod
    def cell_for(self, row: int, column: int) -> Cell:
        """Return the output cell whose window lies nearest to a cell of the input grid."""

    @abstractmethod
    def source_at(self, row: int, column: int) -> None:
        """Say where the value in a cell of the input grid comes from."""

    def channels_of(self, unit: int) -> range:
        """Return the input maps that an output map reads."""
        return range(self.operation.x.shape[0]) if self.operation is not None else range(1)  # type: ignore[attr-defined]

    # -- showing --------------------------------------------------------------------------------------------------

    @property
    def operation(self) -> Operation | None:
        """What is computed, with the user's changes."""
        return self._changed

    @property
    def is_changed(self) -> bool:
        """Whether the user changed anything."""
        return self.subject is not None and self._changed is not self.subject.operation

    def show_subject(self, subject: Subject) -> None:
        """Show another operation or other values."""
        other = subject.is_other_than(self.subject)
        if other:
            self.forget_place()
        if other and self.subject is not None and not subject.editable:
            self.put_edits(None)  # what was changed belongs to the layer that was shown; the laboratory puts its own
        self.subject = subject
        self._changed = self.change(subject.operation)
        if other or not self._still_there():
            self.player.pause()
            self._whole = True
        self._keep_place()
        self.input_grid.set_editable(subject.editable)
        self._what_if.setVisible(self.settings is not None and not subject.editable)
        if subject.editable and self.settings is not None:
            self.settings.show()
        self.refresh()

    def _still_there(self) -> bool:
        return self._changed is not None and self._changed.inside(self.unit, *self.cell)

    def _keep_place(self) -> None:
        """Stay where the place still is."""
        assert self._changed is not None
        channels, rows, columns = self._changed.output_shape
        self.unit = min(self.unit, channels - 1)
        self.cell = (min(self.cell[0], rows - 1), min(self.cell[1], columns - 1))
        reads = self.channels_of(self.unit)
        if self.channel not in reads:
            self.channel = reads.start
        self.player.set_count(rows * columns)
        self.player.set_index(self.cell[0] * columns + self.cell[1])

    def settings_changed(self) -> None:
        """Show the operation after the user changed something."""
        if self.subject is None:
            return
        self._changed = self.change(self.subject.operation)
        self._whole = True
        self._keep_place()
        self.refresh()
        self.changed.emit()

    def show_settings(self, on: bool) -> None:
        """Open or close the column of settings."""
        self._what_if.setChecked(on)

    def refresh(self) -> None:
        """Draw input, output, and the step."""
        if self.subject is None or self._changed is None:
            return
        channels = self._changed.output_shape[0]
        reads = self.channels_of(self.unit)
        if self.channel not in reads:  # another filter, perhaps of another group
            self.channel = reads.start
        for box, low, high, value in (
            (self._choose_unit, 0, channels - 1, self.unit),
            (self._choose_channel, reads.start, reads.stop - 1, self.channel),
        ):
            if (low, high, value) == (box.minimum(), box.maximum(), box.value()):
                continue  # setting a range lays the whole panel out anew
            box.blockSignals(True)
            box.setRange(low, high)
            box.setValue(value)
            box.blockSignals(False)
            box.setEnabled(high > low)
        self.show_input()
        self._show_outputs()
        self.show_value()

    def _show_outputs(self) -> None:
        """Draw PyTorch's output map, and beside it what the changes make of it."""
        assert self.subject is not None
        assert self._changed is not None
        own, changed = self.subject.output, self.is_changed
        true_map = own[self.unit] if own is not None and self.unit < len(own) else None
        self.output_grid.setVisible(true_map is not None)
        if true_map is not None:
            low, high, role = limits_of(true_map)
            words = "PyTorch's output" if changed else f"{self.subject.title}, map {self.unit}"
            self.output_grid.show_grid(Grid(true_map, low, high, role, words))
        computed = changed or true_map is None
        self.changed_grid.setVisible(computed)
        if computed:
            self.filler.start(self._changed, self.unit)
            self._show_computed()
        else:
            self.filler.stop()

    def _show_computed(self) -> None:
        assert self.subject is not None
        values, missing = self.filler.values_hw, self.filler.missing
        low, high, role = limits_of(values)
        words = "with your changes" if self.subject.output is not None else f"output, map {self.unit}"
        self.changed_grid.show_grid(Grid(values, low, high, role, words, blank=missing))

    @Slot()
    def _on_filler_grown(self) -> None:
        self._show_computed()

    def show_value(self) -> None:
        """Draw the step."""
        if self.subject is None or self._changed is None:
            return
        _, rows, columns = self._changed.output_shape
        row, column = self.cell
        self.player.set_count(rows * columns)
        self.player.set_index(row * columns + column)
        filled = None if self._whole else row * columns + column + 1
        for grid in self._own_grids():
            grid.show_filled(filled)
            grid.show_cell(self.cell)
        if self.is_changed:
            self.output_grid.show_filled(None)
            self.output_grid.show_cell(None)
        self.show_step()

    def show_cursor(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> None:
        """Keep the input grid's cell in the window: in its middle, unless the user chose another cell of it."""
        cell = self.input_grid.cell
        if (
            cell is None
            or not rows
            or cell[0] not in range(rows[0], rows[-1] + 1)
            or not columns
            or (cell[1] not in range(columns[0], columns[-1] + 1))
        ):
            self.input_grid.show_cell((rows[len(rows) // 2], columns[len(columns) // 2]) if rows and columns else None)

    def _own_grids(self) -> tuple[ValueGrid, ...]:
        """Return the grids that show what is computed here."""
        assert self.subject is not None
        if self.is_changed or self.subject.output is None:
            return (self.changed_grid,)
        return (self.output_grid,)

    def own_value(self) -> float | None:
        """Return PyTorch's number for the cell, unless the settings are changed."""
        return None if self.is_changed else self.torch_value()

    def set_digits(self, digits: int) -> None:
        """Write numbers with so many digits."""
        super().set_digits(digits)
        for grid in (self.input_grid, self.output_grid, self.changed_grid):
            grid.set_digits(digits)
        if self.subject is not None:
            self.show_value()

    # -- by hand --------------------------------------------------------------------------------------------------

    @Slot(int)
    def _on_player_moved(self, index: int) -> None:
        if self._changed is not None:
            self._whole = False
            columns = self._changed.output_shape[2]
            self.go(self.unit, divmod(index, columns))

    @Slot(bool)
    def _on_player_playing_changed(self, playing: bool) -> None:
        if not playing:
            self.announce()

    @Slot(int, int)
    def _on_input_pressed(self, row: int, column: int) -> None:
        self.player.pause()
        self._whole = True
        self.input_grid.setFocus(Qt.FocusReason.MouseFocusReason)
        cell = self.cell_for(row, column)
        if cell == self.cell:
            self.show_value()
        self.go(self.unit, cell)
        self.input_grid.show_cell((row, column))  # the arrows walk on from here

    @Slot(int, int)
    def _on_input_activated(self, row: int, column: int) -> None:
        self.source_at(row, column)

    @Slot(int, int, float)
    def _on_input_edited(self, row: int, column: int, value: float) -> None:
        grid = self.input_grid.grid
        if grid is None:
            return
        top, _, left, _ = grid.padding
        row, column = row - top, column - left
        height, width = grid.values_hw.shape
        if 0 <= row < height - sum(grid.padding[:2]) and 0 <= column < width - sum(grid.padding[2:]):
            self.input_edited.emit(self.channel, row, column, value)

    @Slot(int, int)
    def _on_output_pressed(self, row: int, column: int) -> None:
        assert self._changed is not None
        self.player.pause()
        self._whole = True
        if self._changed.inside(self.unit, row, column):
            if (row, column) == self.cell:
                self.show_value()
            self.go(self.unit, (row, column))

    @Slot(int, int)
    def _on_output_activated(self, row: int, column: int) -> None:
        self._on_output_pressed(row, column)
        self.follow_largest()

    @Slot(int)
    def _on_choose_channel_changed(self, channel: int) -> None:
        self.choose_channel(channel)

    def choose_channel(self, channel: int) -> None:
        """Show another input map."""
        if channel != self.channel and channel in self.channels_of(self.unit):
            self.channel = channel
            self.refresh()

    @Slot(int)
    def _on_choose_unit_changed(self, unit: int) -> None:
        reads = self.channels_of(unit)
        if self.channel not in reads:
            self.channel = reads.start
        self.go(unit, self.cell)

    @Slot(bool)
    def _on_what_if_toggled(self, on: bool) -> None:
        if self.settings is not None:
            self.settings.setVisible(on)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Play, step and jump."""
        if not self.player.take_key(event):
            super().keyPressEvent(event)
