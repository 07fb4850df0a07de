"""The input: draw, choose, open, paste or drop a picture, and see what the network makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Slot
from PySide6.QtGui import (
    QAction,
    QDragEnterEvent,
    QDropEvent,
)
from PySide6.QtWidgets import (
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.digit import PreparedDigit
from cnnviz.core.inspection import LoadedModel, Preparation
from cnnviz.state.app_state import (
    AppState,
    FolderStep,
    OpenedPicture,
    PictureData,
    PictureWish,
    Place,
)
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.input import compute
from cnnviz.views.input.actions import make_actions
from cnnviz.views.input.camera import SourceFactory
from cnnviz.views.input.compute import BoardContent
from cnnviz.views.input.history import History
from cnnviz.views.input.keeping import BoardKeeper
from cnnviz.views.input.parts import INVERT, PAGES, InputParts
from cnnviz.views.input.receiving import Receiver
from cnnviz.views.input.restoring import Restorer
from cnnviz.widgets.board import PEN_WIDTH, PEN_WIDTHS, Ink

if TYPE_CHECKING:  # decoding is imported with the first picture, not with the window
    pass

REMEMBERED_PAGES = PAGES[:2]  # a camera is switched on by the user and by nothing else
HINTS: dict[Preparation, str] = {"digit": "Draw a digit here", "photo": "Draw, or drop a photograph here"}


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
        self._undo = History(self.show_content, self)
        self.receiver = Receiver(state, messages, self)
        self.acts = make_actions(self, self._undo)
        self.parts = InputParts(state, messages, self.acts, camera, self)
        self.preview, self.samples, self.camera = self.parts.preview, self.parts.samples, self.parts.camera
        self.pages, self.drawing, self.board = self.parts.pages, self.parts.drawing, self.parts.drawing.board
        self.inverting, self.centring, self.folder = self.parts.inverting, self.parts.centring, self.parts.folder
        self._keeper = BoardKeeper(lambda: self.content, lambda: self.board.is_drawing, messages, self)
        self._restorer = Restorer(state, self._keeper, lambda: self.content, lambda: self._preparation)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.parts)
        self._connect_actions()
        self._connect_parts()
        self.setFocusProxy(self.board)
        self._show_preview(compute.prepare(self.content, centre=True))

    # -- building -------------------------------------------------------------------------------------------------

    def _connect_parts(self) -> None:
        state = self.state
        self.board.inked.connect(self._on_board_inked)
        self.board.stroke_done.connect(self._on_board_stroke_done)
        for part in (self.preview.browsed, self.board.walked):
            part.connect(self.folder.step)
        self.preview.numbers_wanted.connect(self._on_preview_numbers_wanted)
        self.centring.toggled.connect(self._on_centring_toggled)
        self.inverting.activated.connect(self._on_inverting_activated)
        self.receiver.brought.connect(self._settle)
        self.camera.taken.connect(self._on_camera_taken)
        self.camera.settled.connect(self._on_camera_settled)
        self.samples.digit_chosen.connect(self._on_samples_digit_chosen)
        self.samples.photo_chosen.connect(self._on_samples_photo_chosen)
        # These are answers to wishes, which may come while the dock is hidden: they are not followed but always heard.
        state.open_requested.connect(self._on_state_open_requested)
        state.picture_opened.connect(self._on_state_picture_opened)
        state.model_changed.connect(self._on_state_model_changed)
        state.inspection_changed.connect(self._on_state_inspection_changed)

    def _connect_actions(self) -> None:
        actions = self.acts
        for action, slot in (
            (actions.undo, self.undo), (actions.redo, self.redo), (actions.clear, self.clear),
            (actions.open, self.receiver.ask_and_open), (actions.paste, self.receiver.paste),
            (actions.open_folder, self.receiver.ask_and_open_folder),
        ):  # fmt: skip
            action.triggered.connect(slot)
        actions.erase.toggled.connect(self._on_erase_toggled)

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_content(self, content: BoardContent) -> None:
        """Put a state of the history on the board and give it to the network."""
        self.content = self._settled = content
        self.board.show_ink(content.ink_hw)
        self.inverting.setCurrentIndex(next(n for n, (value, _) in enumerate(INVERT) if value == content.invert))
        self._publish()
        self._keeper.note_change()
        self._restorer.note(content)

    def change(self, content: BoardContent, words: str) -> None:
        """Replace the board's content as one step that can be undone."""
        self._undo.change(self.content, content, words)

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
        self.parts.named.words.setText(compute.words_for(content, blank))
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
        self.parts.fit(self._preparation)
        self._restorer.ask()
        prepared, current = compute.prepare(self.content, self.centring.isChecked()), self.state.input
        if current is not None and current.blank != compute.is_blank(self.content, prepared, self._preparation):
            self._publish()  # a photograph without ink is nothing to the one network and something to the other
        else:
            self._show_preview(prepared)

    @Slot(object)
    def _on_state_inspection_changed(self, inspection: object) -> None:
        if not self.preview.is_exact:  # the network's thread has prepared the picture meanwhile
            self._show_preview(compute.prepare(self.content, self.centring.isChecked()))

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

    def accepts(self, mime: QMimeData) -> bool:
        """Return whether a picture or a file is offered."""
        return self.receiver.accepts(mime)

    def take(self, mime: QMimeData) -> None:
        """Open what was dropped."""
        self.receiver.take(mime)

    @Slot(object)
    def _on_state_open_requested(self, wish: PictureWish) -> None:
        self._restorer.note_wish(wish)
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
        if self._restorer.waits_for(wish):
            content = self._restorer.take()
            if content is not None:  # else something was drawn meanwhile
                self.show_content(replace(content, picture=picture, title=picture.name))
            return
        self._settle()
        self.pages.setCurrentIndex(0)
        walked = isinstance(wish, FolderStep)
        if isinstance(wish, str) and opened.path:
            self.receiver.recent.add(opened.path)
        content = BoardContent(opened.ink_hw, picture.name, picture=picture, path=opened.path, walked=walked)
        self.change(content, f"open {picture.name}")
        if self._preparation == "digit" and not content.ink_hw.any():
            self.messages.notice(f"No ink was found in '{picture.name}'; choose dark or light ink beside Paste.")

    def _show_live(self, content: BoardContent) -> None:
        """Show one of many pictures: no step of the history, and nothing that is kept."""
        self.content = content
        self.board.show_ink(content.ink_hw)
        self._publish()

    @Slot()
    def _settle(self) -> None:
        """End the stroke or the stream of pictures that is going on, since something else is to happen."""
        self.board.end_stroke()
        self.camera.freeze()

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
        files = (self.acts.open, self.acts.open_folder, self.receiver.recent.menu.menuAction(), *walk)
        return [*(("&File", action) for action in files), *(("&Edit", action) for action in edit)]

    def remember(self, settings: Settings) -> None:
        """Store the board as a picture, and the pen."""
        self._settle()
        settings.put("input/pen_width", self.drawing.width_slider.value())
        settings.put("input/centre", self.centring.isChecked())
        page = PAGES[self.pages.currentIndex()]
        settings.put("input/page", page if page in REMEMBERED_PAGES else PAGES[0])
        self.receiver.recent.remember(settings)
        self._keeper.write_now()

    def recall(self, settings: Settings) -> None:
        """Bring back the board of the last session."""
        self.drawing.width_slider.setValue(settings.integer("input/pen_width", round(PEN_WIDTH), *PEN_WIDTHS))
        self.centring.setChecked(settings.get("input/centre", True))
        self.pages.setCurrentIndex(PAGES.index(settings.choice("input/page", PAGES[0], REMEMBERED_PAGES)))
        self.receiver.recent.recall(settings)
        self.show_content(self._keeper.read() or self.content)

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
