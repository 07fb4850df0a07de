"""One cell of a block: the values around it, its arithmetic, and how PyTorch's value compares; above, all blocks."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from cnnviz.core.formats import number
from cnnviz.views.xray import compute
from cnnviz.views.xray.depth_chart import DepthChart
from cnnviz.views.xray.figures import F_ROLE, X_ROLE
from cnnviz.views.xray.opened import Cell, Opened
from cnnviz.widgets import theme
from cnnviz.widgets.badge import Badge
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.formula import Formula, coloured, signed, tex_number
from cnnviz.widgets.grid_picture import Grid
from cnnviz.widgets.value_grid import ValueGrid

NEAR_LEAST = 20  # body letters that the view is high before there is room for the values around a cell
NEAR_CELL_PX = 36  # smaller cells hold no number of three digits: they stay without
DIGITS = 3
SIDE_PX = 720
AROUND_TIP = "The values around the chosen cell; click or use the arrows to choose another"


class CellSide(QWidget):
    """What stands beside the maps.

    Signals
    -------
    pressed(tuple)
        A cell of the neighbourhood was chosen, by the map's (row, column).
    hovered(tuple | None)
        The cell of the neighbourhood under the pointer.
    """

    pressed = Signal(object)
    hovered = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._corner: Cell = (0, 0)  # the first row and column of the neighbourhood
        self._shown: tuple[Opened, int, Cell, float] | None = None
        self.setMaximumWidth(SIDE_PX)
        self.chart = DepthChart(self)
        self.near = tuple(ValueGrid(f"Values of {name}", self) for name in ("x", "F(x)", "the sum"))
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX // 2)
        for grid in self.near:
            grid.setMinimumSize(48, 48)
            grid.setToolTip(AROUND_TIP)
            grid.pressed.connect(self._on_near_pressed)
            grid.hovered.connect(self._on_near_hovered)
            grid.installEventFilter(self)
            row.addWidget(grid)
        self.formula = Formula("The sum, written out", self)
        self.badge = Badge(self)
        self.words = ElidedLabel("", self)
        self.words.setAccessibleName("The chosen or pointed cell")
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.chart)
        column.addLayout(row, 1000)
        for widget in (self.words, self.formula, self.badge):
            column.addWidget(widget)
        column.addStretch(1)  # what the values around a cell leave

    def show_rooms(self, opened: Opened | None, *, chart: bool, near: bool) -> None:
        """Show the parts that there is something for, and room."""
        self.chart.setVisible(chart)
        for n, grid in enumerate(self.near):
            grid.setVisible(near and opened is not None and (opened.residual is not None or not n))
        self.formula.setVisible(opened is not None and opened.residual is not None)
        for widget in (self.words, self.badge):
            widget.setVisible(opened is not None)
        self._shown = self._shown if opened is not None else None

    def show_near(self, opened: Opened, unit: int, cell: Cell, high: float) -> None:
        """Show the values around a cell: as many as can be read; where no number can be, their colours alone."""
        self._shown = opened, unit, cell, high
        maps = opened.maps(unit)
        height, width = opened.shape
        room = min(self.near[0].width(), self.near[0].height() - 2 * theme.text_px())
        around = 2 if room >= 5 * (NEAR_CELL_PX + 4) else 1
        side = 2 * around + 1
        top = max(0, min(cell[0] - around, height - side))
        left = max(0, min(cell[1] - around, width - side))
        self._corner = (top, left)
        for grid, (name, values_hw) in zip(self.near, maps, strict=False):
            shown = values_hw[top : top + side, left : left + side]
            grid.set_digits(DIGITS if room >= NEAR_CELL_PX * max(shown.shape) else 0)
            grid.show_grid(Grid(shown, -high, high, "signed", name))
            grid.show_cell((cell[0] - top, cell[1] - left))

    def show_words(self, opened: Opened | None, unit: int = 0, cell: Cell = (0, 0)) -> None:
        """Say the values of one cell."""
        self.words.setText(opened.words(unit, cell) if opened is not None else "")

    def show_arithmetic(self, opened: Opened, unit: int, cell: Cell) -> None:
        """Write a cell out and compare it with PyTorch's."""
        if opened.residual is None:
            self.badge.show_check(opened.check(unit, cell))
            return
        found = compute.arithmetic(opened.residual, unit, *cell)
        sign = "=" if found.exact else r"\approx"
        tex = (
            f"{coloured(X_ROLE, signed(found.x))} + {coloured(F_ROLE, signed(found.f))} "
            f"{sign} {coloured('accent', tex_number(found.total))}"
        )
        words = f"{found.x} plus {found.f} is {found.total}"
        if found.after and opened.block.after is not None:
            tex += rf" \;\to\; {tex_number(found.after)}"
            words += f"; {opened.block.after.op} makes {found.after} of it"
        self.formula.show_tex(tex, words)
        self.badge.show_check(found.check)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the values around a cell as high as they are broad."""
        super().resizeEvent(event)
        for grid in self.near:
            grid.setMaximumHeight(max(grid.minimumHeight(), self.width() // 3 + 2 * theme.text_px()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show as many values as the grids have room for now."""
        if watched is self.near[0] and event.type() == QEvent.Type.Resize and self._shown is not None:
            self.show_near(*self._shown)
        return super().eventFilter(watched, event)

    def _of_map(self, row: int, column: int) -> Cell:
        return self._corner[0] + row, self._corner[1] + column

    @Slot(int, int)
    def _on_near_pressed(self, row: int, column: int) -> None:
        self.pressed.emit(self._of_map(row, column))

    @Slot(object)
    def _on_near_hovered(self, cell: Cell | None) -> None:
        """Say the value under the pointer with all its digits: the cell may be too small for them."""
        found = self._of_map(*cell) if cell is not None else None
        maps = self._shown[0].maps(self._shown[1]) if self._shown is not None else []
        for grid, (name, values_hw) in zip(self.near, maps, strict=False):
            tip = AROUND_TIP
            if found is not None:
                tip = f"{name}, row {found[0]}, column {found[1]}: {number(float(values_hw[found]), 9)}"
            grid.setToolTip(tip)
        self.hovered.emit(found)
