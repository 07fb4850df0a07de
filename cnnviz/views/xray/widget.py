"""The X-ray: what a block adds to its shortcut or joins of its branches, and how much of the result each one is."""

from __future__ import annotations

import math
import time

import numpy as np
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core import branches
from cnnviz.core.branches import Block
from cnnviz.core.formats import number
from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.core.operations import Check
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.xray import compute
from cnnviz.views.xray.compute import Change, Part, Residual
from cnnviz.views.xray.figures import F_ROLE, X_ROLE, DepthChart, PartsFigure, RowsFigure, Scrolled
from cnnviz.widgets import theme
from cnnviz.widgets.badge import Badge
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.formula import Formula, coloured, signed, tex_number
from cnnviz.widgets.legend import Legend
from cnnviz.widgets.value_grid import Grid, ValueGrid

NEAR_LEAST = 20  # body letters that the view is high before there is room for them
NEAR_CELL_PX = 40  # smaller cells hold no number of three digits: then fewer are shown around the chosen one
BUDGET_S = 0.006  # a frame's spare time, for the blocks that are not open
SIDE_PX = 360
ORDER_WORDS = {"index": "by number", "branch": "by share", "size": "by size"}
NO_NETWORK = "No network is loaded. Choose one in the toolbar."
NO_PICTURE = "No picture yet: draw or open one, and the values of this block appear here."
CAPTION = "‖F‖ / ‖x‖ of every block, over depth"
JOINED = "every block, over depth: branches are joined, nothing is added"


def no_blocks(title: str) -> str:
    """Return what is said of a network without blocks."""
    return (
        f"{title} has no block to look into: its layers stand one behind the other. "
        "A block is where branches part and are added up or joined, as in a ResNet, an Inception module or a U-Net."
    )


def outside(layer: str) -> str:
    """Return what is said of a layer between the blocks."""
    return f"'{layer}' is in none of the network's blocks. Choose a block in the list above, or by its bar."


class XrayView(View):
    """Inspector tab *X-ray*."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self._blocks: tuple[Block, ...] = ()
        self._of: LoadedModel | None = None
        self._residual: Residual | None = None
        self._parts: tuple[Part, ...] = ()
        self._high = 1.0
        self._corner = (0, 0)  # the first row and column of the neighbourhood
        self._changes: list[float] = []
        self._cursor = self._owed = 0  # the next block whose bar is computed, and how many wait
        self._filler = QTimer(self)
        self._filler.setInterval(0)
        self._filler.timeout.connect(self._on_filler_timeout)
        self._make_head()
        self._make_body()
        self._lay_out()
        self.setFocusProxy(self.rows)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        self.follow(state.pointed_changed, lambda: state.pointed, self.show_pointed)

    # -- building -------------------------------------------------------------------------------------------------

    def _make_head(self) -> None:
        self.previous = QPushButton("◂", self)
        self.next = QPushButton("▸", self)
        for button, words, keys, step in (
            (self.previous, "Previous block", "Ctrl+Left", -1),
            (self.next, "Next block", "Ctrl+Right", 1),
        ):
            button.setToolTip(f"{words} ({keys})")
            button.setAccessibleName(words)
            button.setMaximumWidth(round(theme.text_px() * 3))
            button.clicked.connect(lambda _=False, step=step: self.walk(step))
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda step=step: self.walk(step))
        self.list = QComboBox(self)
        self.list.setAccessibleName("Blocks of the network")
        self.list.setToolTip("Every block of the network: choose one to look into it")
        self.list.setPlaceholderText("Choose a block")
        self.list.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.list.setMinimumContentsLength(8)
        self.list.setMaximumWidth(360)
        self.list.activated.connect(self.open)
        self.order = QComboBox(self)
        self.order.setAccessibleName("Order of the channels")
        self.order.setToolTip("Order of the channels: by number, by the branch's share of the energy, or by size")
        self.order.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.order.setMinimumContentsLength(9)
        for order in compute.ORDERS:
            self.order.addItem(ORDER_WORDS[order], order)
        self.order.activated.connect(self._on_order_activated)
        self._zoom = QToolButton(self)
        self._zoom.setText("One map")
        self._zoom.setCheckable(True)
        self._zoom.setToolTip("Let the chosen channel fill the room (Enter; Escape goes back)")
        self._zoom.toggled.connect(self._on_zoom_toggled)
        self._summary = ElidedLabel("", self)
        self._summary.setAccessibleName("Shares of the whole block")
        self._summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.legend = Legend(self)
        self.legend.setMinimumWidth(96)
        self.legend.setMaximumWidth(200)

    def _make_body(self) -> None:
        self.rows = RowsFigure(self)
        self.columns = PartsFigure(self)
        for figure in (self.rows, self.columns):
            figure.pointed.connect(self._on_figure_pointed)
            figure.chosen.connect(self._on_figure_chosen)
        self.rows.zoom_changed.connect(self._zoom.setChecked)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(Scrolled(self.rows))
        self.stack.addWidget(Scrolled(self.columns))
        self._side = QWidget(self)
        self._side.setMaximumWidth(SIDE_PX * 2)
        self.chart = DepthChart(self._side)
        self.chart.chosen.connect(self.open)
        self.near = tuple(ValueGrid(f"Values of {name}", self._side) for name in ("x", "F(x)", "the sum"))
        for grid in self.near:
            grid.setMinimumSize(48, 48)
            grid.setToolTip("The values around the chosen cell; click or use the arrows to choose another")
            grid.pressed.connect(self._on_near_pressed)
        self.formula = Formula("The sum, written out", self._side)
        self.badge = Badge(self._side)
        self._cell_words = ElidedLabel("", self._side)
        self._cell_words.setAccessibleName("The chosen or pointed cell")
        self._cell_words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.GRID_PX)
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for widget in (self.previous, self.list, self.next, self.order, self._zoom):
            head.addWidget(widget, 1000 if widget is self.list else 0)  # the list takes what it can, then nobody
        head.addStretch(1)
        head.addWidget(self.legend)
        near = QHBoxLayout()
        near.setSpacing(theme.GRID_PX // 2)
        for grid in self.near:
            near.addWidget(grid)
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(4)
        side.addWidget(self.chart)
        side.addLayout(near, 1)
        side.addWidget(self._cell_words)
        side.addWidget(self.formula)
        side.addWidget(self.badge)
        body = QHBoxLayout()
        body.setSpacing(theme.GRID_PX)
        left = QVBoxLayout()
        left.setSpacing(2)
        left.addWidget(self._summary)
        left.addWidget(self.stack, 1)
        body.addLayout(left, 3)
        body.addWidget(self._side, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addLayout(body, 1)

    # -- what is shown --------------------------------------------------------------------------------------------

    @property
    def block(self) -> Block | None:
        """The block that is open: the one that the selected layer belongs to."""
        place = self.state.selection
        return branches.block_of(self._blocks, place.layer) if place is not None else None

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network."""
        if model is not self._of:
            self._of = model
            self._blocks = branches.blocks(model.graph) if model is not None else ()
            self._changes = [math.nan] * len(self._blocks)
            self._cursor = self._owed = 0
            self.list.clear()
            self.list.addItems([compute.ways(block) for block in self._blocks])
        self._show()

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show new values."""
        self._owed = len(self._blocks) if inspection is not None else 0
        if self._owed:
            self._filler.start()
        self._show()

    @Slot(object)
    def show_scope(self, scope: object) -> None:
        """Colour by another scale."""
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Open the block of another layer, or frame another channel."""
        self._show()

    @Slot(object)
    def show_pointed(self, place: Place | None) -> None:
        """Frame what is pointed at, and say its values."""
        found = self._inside(place)
        for figure in (self.rows, self.columns):
            figure.show_pointed(*(found or (None, None)))
        if found is None or found[1] is None:
            self._say_cell(*self._chosen())
        else:
            self._say_cell(found[0], found[1])

    def _inside(self, place: Place | None) -> tuple[int, tuple[int, int] | None] | None:
        """Return the channel of the block's result that a place stands for, and the cell, or ``None``."""
        block = self.block
        if block is None or place is None or place.unit is None:
            return None
        shift = 0
        if place.layer not in (block.joining.name, block.after.name if block.after else ""):
            part = next((p for p in self._parts if p.title == place.layer), None)
            if part is not None:
                shift = part.first
            elif self._residual is None or place.layer not in [branch.last for branch in block.branches]:
                return None
        maps_chw = self._residual.sum_chw if self._residual else self._parts[0].maps_chw if self._parts else None
        count = len(maps_chw) if self._residual and maps_chw is not None else sum(p.count for p in self._parts)
        if maps_chw is None or place.unit + shift >= count:
            return None
        cell = place.cell
        if cell is not None and not (cell[0] < maps_chw.shape[1] and cell[1] < maps_chw.shape[2]):
            cell = None
        return place.unit + shift, cell

    def _chosen(self) -> tuple[int, tuple[int, int]]:
        """Return the channel and cell that are written out: the chosen ones, else the first and the middle."""
        found = self._inside(self.state.selection)
        shape = (1, 1)
        if self._residual is not None:
            shape = self._residual.sum_chw.shape[1:]
        elif self._parts:
            shape = self._parts[0].maps_chw.shape[1:]
        unit, cell = found if found is not None else (0, None)
        return unit, cell if cell is not None else (shape[0] // 2, shape[1] // 2)

    def _show(self) -> None:
        """Show the open block with the newest values, or say why there is none."""
        block, model, inspection = self.block, self.state.model, self.state.inspection
        index = self._blocks.index(block) if block is not None else -1
        self.list.setCurrentIndex(index)
        self.chart.show_current(index if index >= 0 else None)
        for widget in (self.previous, self.next, self.list):
            widget.setEnabled(bool(self._blocks))
        self.chart.setVisible(bool(self._blocks))
        self._residual, self._parts = None, ()
        sentence = self._why_nothing(block)
        if not sentence and block is not None and model is not None and inspection is not None:
            if block.joining.kind == "sum":
                self._residual = compute.residual(block, model.graph, inspection.values)
            else:
                self._parts = compute.parts(block, model.graph, inspection.values)
            if self._residual is None and not self._parts:
                sentence = (
                    f"What '{block.joining.name}' ({block.joining.op}) makes of its inputs cannot be taken apart."
                )
        is_sum, is_join = self._residual is not None, bool(self._parts)
        of_both: tuple[QWidget, ...] = (self.order, self.legend, self._cell_words, self.badge)
        for part in of_both:
            part.setVisible(is_sum or is_join)
        for part in (self._zoom, self.formula):
            part.setVisible(is_sum)
        self._show_rooms()
        self._side.setVisible(bool(self._blocks))
        self.stack.setCurrentIndex(1 if is_join else 0)
        self.setFocusProxy(self.columns if is_join else self.rows)
        self._show_changes()
        if sentence:
            self._summary.setText("")
            self.rows.show_sentence(sentence)
            self.columns.show_sentence(sentence)
            return
        assert block is not None
        if self._residual is not None:
            self._show_sum(block, self._residual)
        else:
            self._show_parts(block)
        self._show_chosen(block)

    def _show_rooms(self) -> None:
        """Show the neighbourhood of the chosen cell where there is room for it."""
        roomy = self.height() >= NEAR_LEAST * theme.text_px()
        for n, grid in enumerate(self.near):
            grid.setVisible(roomy and (self._residual is not None or (not n and bool(self._parts))))

    def _why_nothing(self, block: Block | None) -> str:
        model, place = self.state.model, self.state.selection
        if model is None:
            return NO_NETWORK
        if not self._blocks:
            return no_blocks(model.title)
        if block is None:
            return outside(place.layer) if place is not None else "Choose a block in the list above, or by its bar."
        return NO_PICTURE if self.state.inspection is None else ""

    def _show_sum(self, block: Block, found: Residual) -> None:
        arrays = (found.x_chw, found.f_chw, found.sum_chw)
        self._high = compute.limits(arrays)
        high: float | np.ndarray[tuple[int], np.dtype[np.float64]] = self._high
        if self.state.scope == "unit":
            high = np.array([compute.limits(tuple(a[c] for a in arrays)) for c in range(len(found.sum_chw))])
        order = compute.order_channels(found, self.order.currentData())
        x, f = found.names
        first, second = self._operand_names(block)
        heads = [first, second, block.joining.name]
        heads = [compute.within(block, name) for name in heads]
        if block.is_residual:
            heads = [f"{x} = {heads[0]}", f"{f} = {heads[1]}", heads[2]]
        if found.after_chw is not None and block.after is not None:
            heads.append(block.after.op)
        self.rows.show_residual(found, order, heads, high)
        words = compute.summary(found)
        self._summary.setText(words)
        self.rows.setAccessibleDescription(f"{compute.label(block)}: {words}")
        self.legend.show_scale("signed", -self._high, self._high, "0" if self.state.scope != "unit" else "each row")

    @staticmethod
    def _operand_names(block: Block) -> tuple[str, str]:
        """Return where the two operands come from, the shortcut first."""
        first, second = (branch.last for branch in block.branches)
        return (second, first) if block.branches[1].is_shortcut else (first, second)

    def _show_parts(self, block: Block) -> None:
        self._high = compute.limits(tuple(part.maps_chw for part in self._parts))
        notes = [self._note(block, part) for part in self._parts]
        names = [compute.within(block, part.title) for part in self._parts]
        self.columns.show_parts(self._parts, self.order.currentData() != "index", names, notes, self._high)
        words = compute.parts_summary(block, self._parts)
        self._summary.setText(words)
        self.columns.setAccessibleDescription(f"{compute.label(block)}: {words}")
        self.legend.show_scale("signed", -self._high, self._high, "0")

    @staticmethod
    def _note(block: Block, part: Part) -> str:
        if part.branch.is_shortcut:
            return "shortcut"
        layers = sum(node.kind in ("convolution", "linear") for node in part.branch.nodes)
        return f"{layers} convolution{'s' if layers != 1 else ''}" if layers else ""

    def _show_chosen(self, block: Block) -> None:
        """Frame what is chosen and write it out."""
        found = self._inside(self.state.selection)
        unit, cell = self._chosen()
        shown = cell if found is not None and found[1] is not None else None
        figure = self.columns if self._parts else self.rows
        figure.show_selection(unit, shown)
        self._show_near(block, unit, cell)
        pointed = self._inside(self.state.pointed)
        if pointed is not None and pointed[1] is not None:
            self._say_cell(pointed[0], pointed[1])
        else:
            self._say_cell(unit, cell)
        self._show_arithmetic(unit, cell)

    def _show_near(self, block: Block, unit: int, cell: tuple[int, int]) -> None:
        """Show the values around a cell."""
        if self._residual is not None:
            found = self._residual
            maps = [(name, a[unit]) for name, a in zip((*found.names, "sum"), (found.x_chw, found.f_chw, found.sum_chw),
                                                       strict=True)]  # fmt: skip
        else:
            part = self._parts[compute.part_of(self._parts, unit)]
            maps = [(compute.within(block, part.title), part.maps_chw[unit - part.first])]
        height, width = maps[0][1].shape
        room = min(self.near[0].width(), self.near[0].height() - 2 * theme.text_px())
        around = 2 if room >= 5 * NEAR_CELL_PX else 1
        side = 2 * around + 1
        top = max(0, min(cell[0] - around, height - side))
        left = max(0, min(cell[1] - around, width - side))
        self._corner = (top, left)
        for grid, (name, values_hw) in zip(self.near, maps, strict=False):
            shown = values_hw[top : top + side, left : left + side]
            grid.show_grid(Grid(shown, -self._high, self._high, "signed", name))
            grid.show_cell((cell[0] - top, cell[1] - left))

    def _say_cell(self, unit: int, cell: tuple[int, int]) -> None:
        """Say the values of one cell in words."""
        row, col = cell
        words = ""
        if self._residual is not None:
            found = self._residual
            values = ((*found.names, "sum"), (found.x_chw, found.f_chw, found.sum_chw))
            each = ", ".join(f"{name} {number(float(a[unit, row, col]), 4)}" for name, a in zip(*values, strict=True))
            words = f"map {unit}, row {row}, column {col}: {each}"
        elif self._parts:
            part = self._parts[compute.part_of(self._parts, unit)]
            value = number(float(part.maps_chw[unit - part.first, row, col]), 4)
            words = f"channel {unit} is map {unit - part.first} of {part.title}; row {row}, column {col}: {value}"
        self._cell_words.setText(words)

    def _show_arithmetic(self, unit: int, cell: tuple[int, int]) -> None:
        """Write a cell out and compare it with PyTorch's."""
        block, inspection = self.block, self.state.inspection
        if block is None or inspection is None:
            return
        if self._residual is not None:
            found = compute.arithmetic(self._residual, unit, *cell)
            sign = "=" if found.exact else r"\approx"
            tex = (
                f"{coloured(X_ROLE, signed(found.x))} + {coloured(F_ROLE, signed(found.f))} "
                f"{sign} {coloured('accent', tex_number(found.total))}"
            )
            words = f"{found.x} plus {found.f} is {found.total}"
            if found.after and block.after is not None:
                tex += rf" \;\to\; {tex_number(found.after)}"
                words += f"; {block.after.op} makes {found.after} of it"
            self.formula.show_tex(tex, words)
            self.badge.show_check(found.check)
            return
        part = self._parts[compute.part_of(self._parts, unit)]
        row, col = cell
        mine = float(part.maps_chw[unit - part.first, row, col])
        theirs = float(compute.as_rows(inspection.values[block.joining.name])[unit, row, col])
        self.badge.show_check(Check(mine, theirs, abs(mine)))

    # -- all blocks -----------------------------------------------------------------------------------------------

    def _show_changes(self) -> None:
        changes = tuple(
            Change(block.joining.name, block.title, change)
            for block, change in zip(self._blocks, self._changes, strict=True)
        )
        adds = any(block.shortcut is not None for block in self._blocks)
        self.chart.show_changes(changes, CAPTION if adds else JOINED)

    @Slot()
    def _on_filler_timeout(self) -> None:
        """Compute the bars of some blocks; what began for an older picture goes on with the newest values."""
        model, inspection = self.state.model, self.state.inspection
        if model is not self._of or model is None or inspection is None or not self._owed:
            self._owed = 0
            self._filler.stop()
            return
        end_s = time.perf_counter() + BUDGET_S
        while self._owed and time.perf_counter() < end_s:
            block = self._blocks[self._cursor]
            self._changes[self._cursor] = compute.change_of(block, model.graph, inspection.values)
            self._cursor = (self._cursor + 1) % len(self._blocks)
            self._owed -= 1
        self._show_changes()
        if not self._owed:
            self._filler.stop()

    # -- by hand --------------------------------------------------------------------------------------------------

    @Slot(int)
    def open(self, index: int) -> None:
        """Open a block by its number."""
        if 0 <= index < len(self._blocks):
            self.state.select(Place(self._blocks[index].joining.name))

    def walk(self, step: int) -> None:
        """Open the block before or behind the open one; from a layer between blocks, the nearest that way."""
        block, place, model = self.block, self.state.selection, self.state.model
        if not self._blocks or model is None:
            return
        if block is not None:
            at = self._blocks.index(block) + step
        else:
            order = {node.name: n for n, node in enumerate(model.graph.nodes)}
            here = order.get(place.layer, 0) if place is not None else 0
            behind = sum(order[one.joining.name] < here for one in self._blocks)
            at = behind if step > 0 else behind - 1
        self.open(min(len(self._blocks) - 1, max(0, at)))

    @Slot(object)
    def _on_figure_pointed(self, found: tuple[int, int, int] | None) -> None:
        block = self.block
        if found is None or block is None:
            self.state.set_pointed(None)
            return
        self.state.set_pointed(self._place(block, found[0], found[1:]))

    @staticmethod
    def _place(block: Block, unit: int, cell: tuple[int, int] | None) -> Place:
        return Place(block.joining.name, unit, cell if block.joining.is_map else None)

    @Slot(int, object)
    def _on_figure_chosen(self, unit: int, cell: tuple[int, int] | None) -> None:
        block = self.block
        if block is not None and (self._residual is not None or self._parts):
            self.state.select(self._place(block, unit, cell))

    @Slot(int, int)
    def _on_near_pressed(self, row: int, column: int) -> None:
        """Choose a cell of the neighbourhood; at its edge the arrows push it on."""
        block = self.block
        if block is None or (self._residual is None and not self._parts):
            return
        unit, cell = self._chosen()
        found = (self._corner[0] + row, self._corner[1] + column)
        self._on_figure_chosen(unit, found if found != cell else cell)

    @Slot(int)
    def _on_order_activated(self, index: int) -> None:
        self._show()
        if self._residual is not None:
            self.rows.bring(int(compute.order_channels(self._residual, self.order.currentData())[0]))
        elif self._parts:
            self.columns.wanted.emit(0, 0)

    @Slot(bool)
    def _on_zoom_toggled(self, on: bool) -> None:
        self.rows.zoom(on)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what there is no room for."""
        super().resizeEvent(event)
        self._show_rooms()
        block = self.block
        if self.isVisible() and block is not None and (self._residual is not None or self._parts):
            self._show_near(block, *self._chosen())

    def hideEvent(self, event: QHideEvent) -> None:
        """Compute nothing while nobody looks."""
        super().hideEvent(event)
        self._filler.stop()

    def remember(self, settings: Settings) -> None:
        """Store the order."""
        settings.put("xray/order", self.order.currentData())

    def recall(self, settings: Settings) -> None:
        """Bring the order back."""
        self.order.setCurrentIndex(compute.ORDERS.index(settings.choice("xray/order", "index", compute.ORDERS)))
