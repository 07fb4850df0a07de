"""The X-ray: what a block adds to its shortcut or joins of its branches, and how much of the result each one is."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from cnnviz.core import branches
from cnnviz.core.branches import Block
from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.xray import compute
from cnnviz.views.xray.compute import Change
from cnnviz.views.xray.figures import Scrolled
from cnnviz.views.xray.head import XrayHead
from cnnviz.views.xray.opened import Cell, Opened, open_block
from cnnviz.views.xray.parts_figure import PartsFigure
from cnnviz.views.xray.side import NEAR_LEAST, CellSide
from cnnviz.views.xray.sum_figure import RowsFigure
from cnnviz.widgets import theme
from cnnviz.widgets.elided_label import ElidedLabel

BESIDE_LEAST = 48  # body letters that the view is wide before the cell stands beside the maps and not below them
CHART_LEAST = 32  # body letters that a narrow view is high before the bars of all blocks have room
BUDGET_S = 0.006  # a frame's spare time, for the blocks that are not open
NO_NETWORK = "No network is loaded. Choose one in the toolbar."
NO_PICTURE = "No picture yet: draw or open one, and the values of this block appear here."
CAPTION = "‖F‖ / ‖x‖ of every block, over depth"
WHAT_SUM = (
    "x is what comes past the block's layers, F(x) what they make of it. Energy is the sum of the squared values; "
    "the cosine says whether the two point the same way (1), do not care (0) or cancel each other (−1)."
)
WHAT_PARTS = "Each column is a branch. Energy is the sum of its squared values, in percent of all branches together."


def no_blocks(title: str) -> str:
    """Return what is said of a network without blocks."""
    return (
        f"{title} has no block to look into: its layers stand one behind the other. "
        "A block is where branches part and are added up or joined, as in a ResNet, an Inception module or a U-Net."
    )


def outside(layer: str) -> str:
    """Return what is said of a layer between the blocks."""
    return f"'{layer}' is in none of the network's blocks. Choose a block in the list above, or by its bar."


def why_nothing(state: AppState, blocks: tuple[Block, ...], block: Block | None) -> str:
    """Return why no block can be shown; empty where one can."""
    if state.model is None:
        return NO_NETWORK
    if not blocks:
        return no_blocks(state.model.title)
    if block is None:
        place = state.selection
        return outside(place.layer) if place is not None else "Choose a block in the list above, or by its bar."
    return NO_PICTURE if state.inspection is None else ""


class XrayView(View):
    """Inspector tab *X-ray*."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self._blocks: tuple[Block, ...] = ()
        self._of: LoadedModel | None = None
        self._opened: Opened | None = None
        self._high = 1.0
        self._changes: list[float] = []
        self._cursor = self._owed = 0  # the next block whose bar is computed, and how many wait
        self._filler = QTimer(self)
        self._filler.setInterval(0)
        self._filler.timeout.connect(self._on_filler_timeout)
        self.head = XrayHead(self)
        self.rows = RowsFigure(self)
        self.columns = PartsFigure(self)
        self.side = CellSide(self)
        self._lay_out()
        self._connect()
        self.setFocusProxy(self.rows)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.scope_changed, lambda: state.scope, self.show_scope)
        self.follow(state.pointed_changed, lambda: state.pointed, self.show_pointed)

    def _connect(self) -> None:
        self.head.walked.connect(self.walk)
        self.head.opened.connect(self.open)
        self.head.order.activated.connect(self._on_order_activated)
        self.head.zoom.toggled.connect(self.rows.zoom)
        self.rows.zoom_changed.connect(self.head.zoom.setChecked)
        for figure in (self.rows, self.columns):
            figure.pointed.connect(self._on_figure_pointed)
            figure.chosen.connect(self._on_figure_chosen)
        self.side.chart.chosen.connect(self.open)
        self.side.pressed.connect(self._on_side_pressed)
        self.side.hovered.connect(self._on_side_hovered)

    def _lay_out(self) -> None:
        self.stack = QStackedWidget(self)
        self.stack.addWidget(Scrolled(self.rows))
        self.stack.addWidget(Scrolled(self.columns))
        self._summary = ElidedLabel("", self)
        self._summary.setAccessibleName("Shares of the whole block")
        self._summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._body.setSpacing(theme.GRID_PX)
        left = QVBoxLayout()
        left.setSpacing(2)
        left.addWidget(self._summary)
        left.addWidget(self.stack, 1)
        self._body.addLayout(left, 3)
        self._body.addWidget(self.side, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.head)
        column.addLayout(self._body, 1)

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
            self.head.show_blocks([compute.ways(block) for block in self._blocks])
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
        found = self._opened.locate(place) if self._opened is not None else None
        for figure in (self.rows, self.columns):
            figure.show_pointed(*(found or (None, None)))
        if found is not None and found[1] is not None:
            self.side.show_words(self._opened, found[0], found[1])
        elif self._opened is not None:
            self.side.show_words(self._opened, *self._opened.written_out(self.state.selection))

    def _show(self) -> None:
        """Show the open block with the newest values, or say why there is none."""
        block, model, inspection = self.block, self.state.model, self.state.inspection
        index = self._blocks.index(block) if block is not None else -1
        self.head.list.setCurrentIndex(index)
        self.side.chart.show_current(index if index >= 0 else None)
        sentence = why_nothing(self.state, self._blocks, block)
        opened = self._opened = None
        if not sentence and block is not None and model is not None and inspection is not None:
            opened = self._opened = open_block(block, model.graph, inspection.values)
            joining = block.joining
            if opened is None:
                sentence = f"What '{joining.name}' ({joining.op}) makes of its inputs cannot be taken apart."
        is_join = opened is not None and opened.residual is None
        for part in (self.head.order, self.head.legend):
            part.setVisible(opened is not None)
        self.head.zoom.setVisible(opened is not None and not is_join)
        self._show_rooms()
        self.stack.setCurrentIndex(1 if is_join else 0)
        self.setFocusProxy(self.columns if is_join else self.rows)
        self._show_changes()
        if opened is None:
            self._summary.setText("")
            self.side.show_words(None)
            self.rows.show_sentence(sentence)
            self.columns.show_sentence(sentence)
            return
        self._high = compute.limits(opened.arrays)
        if opened.residual is not None:
            self._show_sum(opened)
        else:
            self._show_parts(opened)
        self._show_chosen(opened)

    def _show_rooms(self) -> None:
        """Lay the cell beside the maps, or below them where the view is narrow, and leave out what has no room."""
        letter = theme.text_px()
        beside = self.width() >= BESIDE_LEAST * letter
        direction = QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
        if direction != self._body.direction():
            self._body.setDirection(direction)
            self._body.setStretch(1, 2 if beside else 0)
        tall = self.height() >= (NEAR_LEAST if beside else CHART_LEAST) * letter
        chart = self._adds and (beside or tall)
        self.side.show_rooms(self._opened, chart=chart, near=tall)
        self.side.setVisible(chart or self._opened is not None)

    @property
    def _adds(self) -> bool:
        """Whether a block has a shortcut: only then can it be said how much it changes what it is given."""
        return any(block.shortcut is not None for block in self._blocks)

    def _show_sum(self, opened: Opened) -> None:
        found, own = opened.residual, self.state.scope == "unit"
        assert found is not None
        order = compute.order_channels(found, self.head.order.currentData())
        self.rows.show_residual(found, order, opened.heads(), opened.limits_of_rows() if own else self._high)
        words = compute.summary(found)
        self._summary.setText(words)
        self._summary.setToolTip(f"{words}\n{WHAT_SUM}" if opened.block.is_residual else words)
        self.rows.setAccessibleDescription(f"{compute.label(opened.block)}: {words}")
        self.head.legend.show_scale("signed", -self._high, self._high, "each row" if own else "0")

    def _show_parts(self, opened: Opened) -> None:
        names = [compute.within(opened.block, part.title) for part in opened.parts]
        by_size = self.head.order.currentData() != "index"
        self.columns.show_parts(opened.parts, by_size, names, opened.notes(), self._high)
        words = compute.parts_summary(opened.block, opened.parts)
        self._summary.setText(words)
        self._summary.setToolTip(f"{words}\n{WHAT_PARTS}")
        self.columns.setAccessibleDescription(f"{compute.label(opened.block)}: {words}")
        self.head.legend.show_scale("signed", -self._high, self._high, "0")

    def _show_chosen(self, opened: Opened) -> None:
        """Frame what is chosen and write it out."""
        found = opened.locate(self.state.selection)
        unit, cell = opened.written_out(self.state.selection)
        figure = self.columns if opened.parts else self.rows
        figure.show_selection(unit, cell if found is not None and found[1] is not None else None)
        self.side.show_near(opened, unit, cell, self._high)
        self.show_pointed(self.state.pointed)
        self.side.show_arithmetic(opened, unit, cell)

    # -- all blocks -----------------------------------------------------------------------------------------------

    def _show_changes(self) -> None:
        changes = tuple(
            Change(block.joining.name, block.title, change)
            for block, change in zip(self._blocks, self._changes, strict=True)
        )
        self.side.chart.show_changes(changes, CAPTION)

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

    @Slot(int)
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
        self.state.set_pointed(self._place(found[0], found[1:]) if found is not None else None)

    def _place(self, unit: int, cell: Cell | None) -> Place | None:
        if self._opened is None:
            return None
        joining = self._opened.block.joining
        return Place(joining.name, unit, cell if joining.is_map else None)

    @Slot(int, object)
    def _on_figure_chosen(self, unit: int, cell: Cell | None) -> None:
        place = self._place(unit, cell)
        if place is not None:
            self.state.select(place)

    @Slot(object)
    def _on_side_pressed(self, cell: Cell) -> None:
        """Choose a cell of the neighbourhood."""
        if self._opened is not None:
            self._on_figure_chosen(self._opened.written_out(self.state.selection)[0], cell)

    @Slot(object)
    def _on_side_hovered(self, cell: Cell | None) -> None:
        """Point at a cell of the neighbourhood."""
        opened = self._opened
        if opened is not None:
            unit = opened.written_out(self.state.selection)[0]
            self.state.set_pointed(self._place(unit, cell) if cell is not None else None)

    @Slot(int)
    def _on_order_activated(self, index: int) -> None:
        self._show()
        if self._opened is None:
            return
        if self._opened.residual is not None:
            self.rows.bring(int(compute.order_channels(self._opened.residual, self.head.order.currentData())[0]))
        else:
            self.columns.wanted.emit(0, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what there is no room for."""
        super().resizeEvent(event)
        self._show_rooms()

    def hideEvent(self, event: QHideEvent) -> None:
        """Compute nothing while nobody looks."""
        super().hideEvent(event)
        self._filler.stop()

    def remember(self, settings: Settings) -> None:
        """Store the order."""
        settings.put("xray/order", self.head.order.currentData())

    def recall(self, settings: Settings) -> None:
        """Bring the order back."""
        self.head.order.setCurrentIndex(compute.ORDERS.index(settings.choice("xray/order", "index", compute.ORDERS)))
