"""The input: draw, choose, open, paste or drop a picture, and see what the network makes of it."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt, Slot
from PySide6.QtGui import (
    QAction,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QResizeEvent,
    QUndoCommand,
    QUndoStack,
)
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.digit import PreparedDigit
from cnnviz.core.errors import UserError
from cnnviz.core.inspection import LoadedModel, Preparation
from cnnviz.state.app_state import (
    AppState,
    FolderStep,
    OpenedPicture,
    PictureData,
    PictureWish,
    PinnedInput,
    Place,
)
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.input import compute, qt_camera
from cnnviz.views.input.actions import make_actions
from cnnviz.views.input.browsing import FolderRow
from cnnviz.views.input.camera import CameraPage, SourceFactory
from cnnviz.views.input.camera_tab import CameraTab
from cnnviz.views.input.compute import BoardContent
from cnnviz.views.input.drawing import DrawPage
from cnnviz.views.input.keeping import BoardKeeper, picture_of
from cnnviz.views.input.opening import OpeningRow
from cnnviz.views.input.preview import Preview
from cnnviz.views.input.recent import RecentPictures
from cnnviz.views.input.samples import SamplesPage
from cnnviz.widgets import theme
from cnnviz.widgets.board import PEN_WIDTH, PEN_WIDTHS, Ink

if TYPE_CHECKING:  # decoding is imported with the first picture, not with the window
    from cnnviz.core.image import Invert

UNDO_STEPS = 100
PICTURES = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.webp *.tif *.tiff *.avif *.ppm *.pgm);;All files (*)"
INVERT: tuple[tuple[Invert, str], ...] = (("auto", "ink: auto"), ("yes", "ink: dark"), ("no", "ink: light"))

SAMPLE_STEP, FOLDER_STEP = 1, 2
PAGES = ("draw", "samples", "camera")
REMEMBERED_PAGES = PAGES[:2]  # a camera is switched on by the user and by nothing else
HINTS: dict[Preparation, str] = {"digit": "Draw a digit here", "photo": "Draw, or drop a photograph here"}
BOARD_SHARE = 0.75  # of the width, for the board beside a photograph's preview
MOST_PX = 16_777_215  # Qt's own bound of a widget's size


def _key(action: QAction) -> str:
    return action.shortcut().toString()


class _Change(QUndoCommand):
    """One step of the board's history: it holds both states, so undo is exact."""

    def __init__(self, view: InputView, before: BoardContent, after: BoardContent, words: str) -> None:
        super().__init__(words)
        self._view, self._before, self._after = view, before, after

    def id(self) -> int:
        return SAMPLE_STEP if self._after.as_is else FOLDER_STEP if self._after.walked else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Walking through the samples, or through a folder, is one step."""
        if not isinstance(other, _Change):
            return False
        self._after = other._after
        return True

    def redo(self) -> None:
        self._view.show_content(self._after)

    def undo(self) -> None:
        self._view.show_content(self._before)


class InputView(View):
    """The left column: board, samples, camera, and the preview.

    Parameters
    ----------
    camera
        What takes pictures; by default the computer's camera, where there is one.

    Attributes
    ----------
    board
        The drawing board.
    """

    shows_values = False  # it shows the input itself

    def __init__(
        self,
        state: AppState,
        messages: MessageCenter,
        parent: QWidget | None = None,
        *,
        camera: SourceFactory | None = None,
    ) -> None:
        super().__init__(state, messages, parent)
        self.content = compute.blank()
        self._settled = self.content  # what was there before the stroke that is being drawn
        self.setAcceptDrops(True)
        self._undo = QUndoStack(self)
        self._undo.setUndoLimit(UNDO_STEPS)
        self._pinned: PinnedInput | None = None
        self._unread: BoardContent | None = None  # of the last session, without its picture as yet
        self._reading: PictureWish | None = None  # the wish that brings the picture back
        self.preview = Preview(messages, self)
        self.samples = SamplesPage(self)
        self.camera = CameraPage(camera or qt_camera.QtCamera, self)
        self._has_camera = camera is not None
        self.recent = RecentPictures(self)
        self._make_controls()
        self.acts = make_actions(self, self._undo)
        self._connect_actions()
        self.drawing = DrawPage((self.acts.undo, self.acts.redo, self.acts.erase, self.acts.clear), self)
        self.board = self.drawing.board
        self._keeper = BoardKeeper(lambda: self.content, lambda: self.board.is_drawing, messages, self)
        self._lay_out()
        self.board.inked.connect(self._on_board_inked)
        self.board.stroke_done.connect(self._on_board_stroke_done)
        for part in (self.preview.browsed, self.board.walked):
            part.connect(self.folder.step)
        self.preview.numbers_wanted.connect(self._on_preview_numbers_wanted)
        self.recent.chosen.connect(self._on_recent_chosen)
        self.camera.taken.connect(self._on_camera_taken)
        self.camera.settled.connect(self._on_camera_settled)
        self.samples.digit_chosen.connect(self._on_samples_digit_chosen)
        self.samples.photo_chosen.connect(self._on_samples_photo_chosen)
        # These are answers to wishes, which may come while the dock is hidden: they are not followed but always heard.
        state.open_requested.connect(self._on_state_open_requested)
        state.picture_opened.connect(self._on_state_picture_opened)
        state.model_changed.connect(self._on_state_model_changed)
        state.pinned_changed.connect(self._on_state_pinned_changed)
        self.setFocusProxy(self.board)
        self._show_preview(compute.prepare(self.content, centre=True))

    # -- building -------------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.centring = QCheckBox("Centre &like MNIST", self)
        self.centring.setChecked(True)
        self.centring.setToolTip("Scale the ink into 20 × 20 and put its centre of mass into the middle of 28 × 28")
        self.centring.toggled.connect(self._on_centring_toggled)
        self.inverting = QComboBox(self)
        self.inverting.setAccessibleName("Which is the ink")
        self.inverting.setToolTip("The ink of the opened picture: told by its border, its dark part, or its light part")
        for value, words in INVERT:
            self.inverting.addItem(words, value)
        self.inverting.activated.connect(self._on_inverting_activated)
        self.inverting.hide()
        self._source = QLabel("", self)
        self._source.setAccessibleName("What is on the board")
        self._source.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # a name may be long

    def _connect_actions(self) -> None:
        actions = self.acts
        for action, slot in (
            (actions.undo, self.undo), (actions.redo, self.redo), (actions.clear, self.clear),
            (actions.open, self.ask_and_open), (actions.paste, self.paste),
            (actions.open_folder, self.ask_and_open_folder), (actions.pin, self.state.pin),
            (actions.unpin, self.state.unpin),
        ):  # fmt: skip
            action.triggered.connect(slot)
        actions.erase.toggled.connect(self._on_erase_toggled)

    def _lay_out(self) -> None:
        self.pages = QTabWidget(self)
        self.pages.setDocumentMode(True)
        self.pages.addTab(self.drawing, "Draw")
        self.pages.addTab(self.samples, "Samples")
        self.pages.addTab(self.camera, "Camera")
        self.camera_tab = CameraTab(self.pages, self.camera, is_given=self._has_camera)
        files = QHBoxLayout()
        for action, words in ((self.acts.open, "&Open…"), (self.acts.paste, "&Paste")):
            push = QPushButton(words, self)
            push.setToolTip(f"{action.text().replace('&', '')} ({action.shortcut().toString()}), or drop one here")
            push.clicked.connect(action.trigger)
            files.addWidget(push)
        files.addWidget(self.inverting)
        files.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, theme.GRID_PX)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(self.pages, 100)
        column.addLayout(files)
        self.folder = FolderRow(self.state, self.acts.previous, self.acts.next, self)
        column.addWidget(self.folder)
        self.opening = OpeningRow(self.state, self)
        column.addWidget(self.opening)
        named = QHBoxLayout()
        named.addWidget(self._source, 1)
        for action in (self.acts.pin, self.acts.unpin):
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            named.addWidget(button)
        self.acts.pin.setToolTip(
            f"Keep this picture as A, to compare others with it: inspector, Compare ({_key(self.acts.pin)})"
        )
        self.acts.unpin.setToolTip(f"Compare with A no longer ({_key(self.acts.unpin)})")
        self._unpin_button = button
        button.hide()
        column.addLayout(named)
        column.addWidget(self.preview, 20)
        column.addWidget(self.centring)
        column.addStretch(1)
        self.pages.currentChanged.connect(self._fit_pages)
        before = (self.pages, self.board, self.drawing.width_slider, self.samples)
        for first, second in pairwise((*before, self.inverting, self.preview, self.centring)):
            QWidget.setTabOrder(first, second)

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_content(self, content: BoardContent) -> None:
        """Put a state of the history on the board and give it to the network."""
        self.content = self._settled = content
        self.board.show_ink(content.ink_hw)
        self.inverting.setCurrentIndex(next(n for n, (value, _) in enumerate(INVERT) if value == content.invert))
        self._publish()
        self._keeper.note_change()

    def change(self, content: BoardContent, words: str) -> None:
        """Replace the board's content as one step that can be undone."""
        self._undo.push(_Change(self, self.content, content, words))

    def _publish(self) -> None:
        """Prepare the digit and hand it to the state."""
        prepared = compute.prepare(self.content, self.centring.isChecked())
        content = self.content
        self._show_preview(prepared)
        self.folder.show_path(content.path)
        self.board.walks = self.folder.is_walkable
        self.state.set_input(
            prepared.image_hw,
            blank=compute.is_blank(content, prepared, self._preparation),
            title=content.title,
            label=content.label,
            photo=compute.photo_of(content),
        )

    def _show_preview(self, prepared: PreparedDigit) -> None:
        """Show what the network makes of the board."""
        content, for_digits = self.content, self._preparation == "digit"
        blank = compute.is_blank(content, prepared, self._preparation)
        self.inverting.setVisible(for_digits and content.picture is not None)
        self._source.setText(compute.words_for(content, blank))
        self.acts.clear.setEnabled(content.picture is not None or not prepared.blank)
        self.preview.show_content(content, prepared, self.state.model, centre=self.centring.isChecked())

    @property
    def _preparation(self) -> Preparation:
        """What the network is shown; a digit while there is no network."""
        model = self.state.model
        return model.preparation if model is not None else "digit"

    @Slot(object)
    def _on_state_model_changed(self, model: LoadedModel | None) -> None:
        self.centring.setVisible(self._preparation == "digit")
        self.board.set_hint(HINTS[self._preparation])
        self.samples.show_kind(self._preparation)
        self._fit_pages()
        self._bring_back()
        prepared, current = compute.prepare(self.content, self.centring.isChecked()), self.state.input
        if current is not None and current.blank != compute.is_blank(self.content, prepared, self._preparation):
            self._publish()  # a photograph without ink is nothing to the one network and something to the other
        else:
            self._show_preview(prepared)

    # -- from the user --------------------------------------------------------------------------------------------

    @Slot()
    def _on_board_inked(self) -> None:
        self.content = BoardContent(self.board.ink)
        self._publish()

    @Slot(object)
    def _on_board_stroke_done(self, before: Ink) -> None:
        after, self.content = self.content, self._settled
        self.change(after, "stroke")

    @Slot()
    def undo(self) -> None:
        """Take the last step back; a stroke that is being drawn is the last step."""
        self._settle()
        self._undo.undo()

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back; a stroke that is being drawn is a new step instead."""
        self._settle()
        self._undo.redo()

    @Slot()
    def clear(self) -> None:
        """Empty the board."""
        if self.content.ink_hw.any() or self.content.picture is not None:
            self._settle()
            self.change(compute.blank(), "clear")

    @Slot()
    def ask_and_open(self) -> None:
        """Ask for a picture file and open it."""
        name, _ = QFileDialog.getOpenFileName(self, "Open picture", "", PICTURES)
        if name:
            self.state.open_requested.emit(name)

    @Slot()
    def ask_and_open_folder(self) -> None:
        """Ask for a folder and open the first of its pictures."""
        name = QFileDialog.getExistingDirectory(self, "Open folder")
        if name:
            self.state.open_requested.emit(name)

    @Slot()
    def paste(self) -> None:
        """Open what the clipboard holds."""
        mime = QGuiApplication.clipboard().mimeData()
        if self.accepts(mime):
            self.take(mime)
        else:
            self.messages.notice("The clipboard holds no picture.")

    def accepts(self, mime: QMimeData) -> bool:
        """Return whether a picture or a file is offered."""
        return mime.hasImage() or any(url.isLocalFile() for url in mime.urls())

    def take(self, mime: QMimeData) -> None:
        """Open a dropped or pasted picture, or the pictures of a folder: files first, since they have a name."""
        self._settle()
        local = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
        if local:
            if len(local) > 1:
                self.messages.notice(f"The first of {len(local)} files is opened.")
            self.state.open_requested.emit(local[0])
            return
        picture = picture_of(mime)
        if picture is None:
            self.messages.notice("That picture could not be read.")
        else:
            self.state.open_requested.emit(picture)

    @Slot(object)
    def _on_state_open_requested(self, wish: PictureWish) -> None:
        if wish is not self._reading:
            self._unread = None  # what is asked for comes instead of the last session's, and if only as an error
        if not (isinstance(wish, PictureData) and wish.live):
            self.camera.freeze()  # or its next picture would be wanted instead

    @Slot(object)
    def _on_state_picture_opened(self, opened: OpenedPicture) -> None:
        wish, picture = opened.wish, opened.picture
        if isinstance(wish, PictureData) and wish.live:
            if self.camera.is_live:
                self._show_live(BoardContent(opened.ink_hw, picture.name, picture=picture))
            return
        if opened.folder is not None:
            self.folder.show_folder(opened.folder)
        if wish is self._reading and self._reading is not None:
            self._reading = None
            if self.content is self._unread:  # else something was drawn meanwhile
                self.show_content(replace(self.content, picture=picture, title=picture.name))
            return
        self._settle()
        self.pages.setCurrentIndex(0)
        walked = isinstance(wish, FolderStep)
        if isinstance(wish, str) and opened.path:
            self.recent.add(opened.path)
        content = BoardContent(opened.ink_hw, picture.name, picture=picture, path=opened.path, walked=walked)
        self.change(content, f"open {picture.name}")
        if self._preparation == "digit" and not content.ink_hw.any():
            self.messages.notice(f"No ink was found in '{picture.name}'; choose dark or light ink beside Paste.")

    def _show_live(self, content: BoardContent) -> None:
        """Show one of many pictures: no step of the history, and nothing that is kept."""
        self.content = content
        self.board.show_ink(content.ink_hw)
        self._publish()

    def _settle(self) -> None:
        """End the stroke or the stream of pictures that is going on, since something else is to happen."""
        self.board.end_stroke()
        self.camera.freeze()

    @Slot(str)
    def _on_recent_chosen(self, path: str) -> None:
        if os.path.isfile(path):
            self.state.open_requested.emit(path)
            return
        self.recent.remove(path)
        name = Path(path).name
        error = UserError(f"'{name}' is no longer there.", suggestion="It was taken off the list of recent pictures.")
        self.messages.report(error, "picture")

    @Slot(int)
    def _on_samples_digit_chosen(self, number: int) -> None:
        digits = self.samples.digits
        if digits is not None:
            content = compute.of_starter(digits.images_nhw[number], int(digits.labels_n[number]), number)
            self.change(content, "starter digit")

    @Slot(str)
    def _on_samples_photo_chosen(self, path: str) -> None:
        self.state.open_requested.emit(path)

    @Slot(int)
    def _on_inverting_activated(self, index: int) -> None:
        if self.content.picture is not None:
            content = self.content
            self.change(compute.of_picture(self.content.picture, INVERT[index][0], content.path), "invert")

    @Slot(bool)
    def _on_centring_toggled(self, on: bool) -> None:
        self._publish()

    @Slot(bool)
    def _on_erase_toggled(self, on: bool) -> None:
        self.board.erasing = on

    @Slot()
    def _on_preview_numbers_wanted(self) -> None:
        if self.state.model is not None:
            self.state.select(Place(self.state.model.graph.nodes[0].name))
            self.state.enter_requested.emit()

    @Slot(object)
    def _on_state_pinned_changed(self, pinned: PinnedInput | None) -> None:
        before, self._pinned, model = self._pinned, pinned, self.state.model
        self.acts.unpin.setEnabled(pinned is not None)
        self._unpin_button.setVisible(pinned is not None)
        if pinned is not None:
            self.messages.notice(f"'{pinned.input.title}' is A now: the inspector's tab Difference shows what differs.")
        elif before is not None and (model is None or model.request != before.inspection.request):
            self.messages.notice(f"A, '{before.input.title}', belonged to the other network and was let go.")

    # -- camera ---------------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_camera_taken(self, picture: PictureData) -> None:
        self.state.open_requested.emit(picture)

    @Slot()
    def _on_camera_settled(self) -> None:
        """Make the last picture one step of the history."""
        if self.content is not self._settled:
            last, self.content = self.content, self._settled
            self.change(last, "camera picture")

    # -- remembering ----------------------------------------------------------------------------------------------

    def menu_actions(self) -> list[tuple[str, QAction]]:
        """Return the actions of the File and Edit menus."""
        acts = self.acts
        edit = (acts.undo, acts.redo, acts.paste, acts.erase, acts.clear, acts.pin, acts.unpin)
        walk = (self.acts.previous, self.acts.next)
        files = (self.acts.open, self.acts.open_folder, self.recent.menu.menuAction(), *walk)
        return [*(("&File", action) for action in files), *(("&Edit", action) for action in edit)]

    def remember(self, settings: Settings) -> None:
        """Store the board as a picture, and the pen."""
        self._settle()
        settings.put("input/pen_width", self.drawing.width_slider.value())
        settings.put("input/centre", self.centring.isChecked())
        page = PAGES[self.pages.currentIndex()]
        settings.put("input/page", page if page in REMEMBERED_PAGES else PAGES[0])
        self.recent.remember(settings)
        self._keeper.write_now()

    def recall(self, settings: Settings) -> None:
        """Bring back the board of the last session."""
        self.drawing.width_slider.setValue(settings.integer("input/pen_width", round(PEN_WIDTH), *PEN_WIDTHS))
        self.centring.setChecked(settings.get("input/centre", True))
        self.pages.setCurrentIndex(PAGES.index(settings.choice("input/page", PAGES[0], REMEMBERED_PAGES)))
        self.recent.recall(settings)
        self.show_content(self._keeper.read() or self.content)
        if self.content.path:
            self._unread = self.content
            self._bring_back()

    def _bring_back(self) -> None:
        """Read the photograph of the last session again; a network for digits does without it."""
        unread = self._unread
        if unread is None or self._reading is not None or self._preparation != "photo":
            return
        if self.content is not unread:
            self._unread = None
            return
        self._reading = self._keeper.wish_for(unread)
        if self._reading is None:
            self._unread = None
        else:
            self.state.open_requested.emit(self._reading)

    # -- Qt -------------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and pictures."""
        if self.accepts(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what is dropped."""
        if self.accepts(event.mimeData()):
            event.acceptProposedAction()
            self.take(event.mimeData())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the board a square, so that no empty room is beside it."""
        super().resizeEvent(event)
        self._fit_pages()

    def _fit_pages(self) -> None:
        """Give the drawing page what its square board fills, the digits to choose from all there is.

        Of a photograph the preview shows more than the board does, and gets more room.
        """
        share, most = (BOARD_SHARE if self._preparation == "photo" else 1.0), MOST_PX
        fitting = round(share * (self.width() - 2 * theme.GRID_PX))
        self.board.setMaximumHeight(max(self.board.minimumHeight(), fitting))
        if self.pages.currentWidget() is self.drawing or self._preparation == "photo":
            tools = self.drawing.sizeHint().height() - self.board.sizeHint().height()
            most = self.board.maximumHeight() + tools + self.pages.tabBar().sizeHint().height()
        self.pages.setMaximumHeight(most)
