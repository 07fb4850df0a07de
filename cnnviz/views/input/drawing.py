"""The drawing page: the board with its tools."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from cnnviz.views.input.tools import ToolRow
from cnnviz.widgets import theme
from cnnviz.widgets.board import PEN_WIDTH, PEN_WIDTHS, Board


class DrawPage(QWidget):
    """The board, a button for each of `tools`, which have the names of their signs, and the pen's width.

    Attributes
    ----------
    board
        The drawing board.
    width_slider
        Sets the board's pen width.
    """

    def __init__(self, tools: Sequence[tuple[str, QAction]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.board = Board(self)
        self.width_slider = QSlider(Qt.Orientation.Horizontal, self)
        self.width_slider.setRange(*PEN_WIDTHS)
        self.width_slider.setValue(round(PEN_WIDTH))
        self.width_slider.setAccessibleName("Pen width")
        self.width_slider.setToolTip("Pen width; the usual one is like MNIST's strokes")
        self.width_slider.valueChanged.connect(self._on_width_slider_changed)
        width = QHBoxLayout()
        label = QLabel("Pen", self)
        label.setBuddy(self.width_slider)
        width.addWidget(label)
        width.addWidget(self.width_slider, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.GRID_PX, 0, 0)
        column.addWidget(self.board, 1000)
        column.addWidget(ToolRow(tools, self))
        column.addLayout(width)
        column.addStretch(1)

    @Slot(int)
    def _on_width_slider_changed(self, width: int) -> None:
        self.board.pen_width = float(width)
