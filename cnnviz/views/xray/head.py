"""What stands above the X-ray: which block is open, the order of the channels, the colour scale."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from cnnviz.views.xray.compute import ORDERS
from cnnviz.widgets import theme
from cnnviz.widgets.legend import Legend

ORDER_WORDS = {"index": "by number", "branch": "by share", "size": "by size"}


class XrayHead(QWidget):
    """Choosers in one line.

    Signals
    -------
    walked(int)
        To the block before (-1) or behind (1).
    opened(int)
        A block of the list.
    """

    walked = Signal(int)
    opened = Signal(int)

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self._view = view  # its shortcuts work in all of it
        self.previous = self._step("◂", "Previous block", "Ctrl+Left", -1)
        self.next = self._step("▸", "Next block", "Ctrl+Right", 1)
        self.list = self._box("Blocks of the network", "Every block of the network: choose one to look into it", 8)
        self.list.setPlaceholderText("Choose a block")
        self.list.setMaximumWidth(360)
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.list.activated.connect(self.opened)
        tip = "Order of the channels: by number, by the branch's share of the energy, or by size"
        self.order = self._box("Order of the channels", tip, 9)
        for order in ORDERS:
            self.order.addItem(ORDER_WORDS[order], order)
        self.zoom = QToolButton(self)
        self.zoom.setText("One map")
        self.zoom.setCheckable(True)
        self.zoom.setToolTip("Let the chosen channel fill the room (Enter; Escape goes back)")
        self.legend = Legend(self)
        self.legend.setMinimumWidth(96)
        self.legend.setMaximumWidth(200)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID_PX)
        for widget in (self.previous, self.list, self.next, self.order, self.zoom):
            row.addWidget(widget, 1000 if widget is self.list else 0)  # the list takes what it can, then nobody
        row.addStretch(1)
        row.addWidget(self.legend)

    def _step(self, sign: str, words: str, keys: str, step: int) -> QPushButton:
        button = QPushButton(sign, self)
        button.setToolTip(f"{words} ({keys})")
        button.setAccessibleName(words)
        button.setMaximumWidth(round(theme.text_px() * 3))
        button.clicked.connect(lambda: self.walked.emit(step))
        shortcut = QShortcut(QKeySequence(keys), self._view)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(lambda: self.walked.emit(step))
        return button

    def _box(self, name: str, tip: str, letters: int) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.setToolTip(tip)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(letters)
        return box

    def show_blocks(self, names: Sequence[str]) -> None:
        """List other blocks."""
        self.list.clear()
        self.list.addItems(list(names))
        for widget in (self.previous, self.next, self.list):
            widget.setEnabled(bool(names))
