"""The parts of the input's column, and how they share its room."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QPushButton, QTabWidget, QWidget

from cnnviz.core.inspection import Preparation
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.views.input import qt_camera
from cnnviz.views.input.actions import InputActions
from cnnviz.views.input.browsing import FolderRow
from cnnviz.views.input.camera import CameraPage, SourceFactory
from cnnviz.views.input.camera_tab import CameraTab
from cnnviz.views.input.column import ScrollColumn
from cnnviz.views.input.drawing import DrawPage
from cnnviz.views.input.opening import OpeningRow
from cnnviz.views.input.pinning import NamedRow
from cnnviz.views.input.preview import Preview
from cnnviz.views.input.samples import SamplesPage
from cnnviz.widgets import theme

if TYPE_CHECKING:  # decoding is imported with the first picture, not with the window
    from cnnviz.core.image import Invert

INVERT: tuple[tuple[Invert, str], ...] = (("auto", "ink: auto"), ("yes", "ink: dark"), ("no", "ink: light"))
PAGES = ("draw", "samples", "camera")
TOOLS = ("undo", "redo", "erase", "clear")
BOARD_SHARE = 0.75  # of the width, for the board beside a photograph's preview
LEAST_CHOICE_PX = 64
MOST_PX = 16_777_215  # Qt's own bound of a widget's size


class InputParts(ScrollColumn):
    """Board, samples and camera as pages; below them files, what is on the board, and the preview.

    Parameters
    ----------
    camera
        What takes pictures; by default the computer's camera, where there is one.
    """

    def __init__(
        self,
        state: AppState,
        messages: MessageCenter,
        acts: InputActions,
        camera: SourceFactory | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._preparation: Preparation = "digit"
        self.preview = Preview(messages, self)
        self.samples = SamplesPage(self)
        self.camera = CameraPage(camera or qt_camera.QtCamera, self)
        self.drawing = DrawPage([(name, getattr(acts, name)) for name in TOOLS], self)
        self.folder = FolderRow(state, acts.previous, acts.next, self)
        self.opening = OpeningRow(state, self)
        self.named = NamedRow(state, messages, acts.pin, acts.unpin, self)
        self._make_controls()
        self._make_pages(is_given=camera is not None)
        self._lay_out(acts)
        self.resized.connect(self._on_resized)
        self.pages.currentChanged.connect(self._on_resized)

    def _make_controls(self) -> None:
        self.centring = QCheckBox("Centre &like MNIST", self)
        self.centring.setChecked(True)
        self.centring.setToolTip("Scale the ink into 20 × 20 and put its centre of mass into the middle of 28 × 28")
        self.inverting = QComboBox(self)
        self.inverting.setAccessibleName("Which is the ink")
        self.inverting.setToolTip("The ink of the opened picture: told by its border, its dark part, or its light part")
        for value, words in INVERT:
            self.inverting.addItem(words, value)
        self.inverting.setMinimumWidth(LEAST_CHOICE_PX)
        self.inverting.hide()

    def _make_pages(self, *, is_given: bool) -> None:
        self.pages = QTabWidget(self)
        self.pages.setDocumentMode(True)
        self.pages.addTab(self.drawing, "Draw")
        self.pages.addTab(self.samples, "Samples")
        self.pages.addTab(self.camera, "Camera")
        self.camera_tab = CameraTab(self.pages, self.camera, is_given=is_given)

    def _lay_out(self, acts: InputActions) -> None:
        files = QHBoxLayout()
        for action, words in ((acts.open, "&Open…"), (acts.paste, "&Paste")):
            push = QPushButton(words, self)
            push.setToolTip(f"{action.text().replace('&', '')} ({action.shortcut().toString()}), or drop one here")
            push.clicked.connect(action.trigger)
            files.addWidget(push)
        files.addWidget(self.inverting)
        files.addStretch(1)
        self.column.addWidget(self.pages, 100)
        self.column.addLayout(files)
        for row in (self.folder, self.opening, self.named):
            self.column.addWidget(row)
        self.column.addWidget(self.preview, 20)
        self.column.addWidget(self.centring)
        self.column.addStretch(1)
        first_ones = (self.pages, self.drawing.board, self.drawing.width_slider, self.samples)
        for first, second in pairwise((*first_ones, self.inverting, self.preview, self.centring)):
            QWidget.setTabOrder(first, second)

    def fit(self, preparation: Preparation) -> None:
        """Give the drawing page what its square board fills, the digits to choose from all there is.

        Of a photograph the preview shows more than the board does, and gets more room.
        """
        self._preparation = preparation
        share, board = (BOARD_SHARE if preparation == "photo" else 1.0), self.drawing.board
        fitting = round(share * (self.viewport().width() - 2 * theme.GRID_PX))
        board.setMaximumHeight(max(board.minimumHeight(), fitting))
        most = MOST_PX
        if self.pages.currentWidget() is self.drawing or preparation == "photo":
            tools = self.drawing.minimumSizeHint().height() - board.minimumHeight()
            drawing = board.maximumHeight() + tools + self.pages.tabBar().sizeHint().height()
            most = max(drawing, self.pages.minimumSizeHint().height() + theme.GRID_PX)
        self.pages.setMaximumHeight(most)

    @Slot()
    def _on_resized(self) -> None:
        self.fit(self._preparation)
