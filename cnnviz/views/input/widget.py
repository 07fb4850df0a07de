"""The input: draw, choose, open, paste or drop a picture, and see what the network makes of it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Slot
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
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.digit import PreparedDigit
from cnnviz.core.inspection import LoadedModel, Preparation
from cnnviz.state.app_state import AppState, OpenedPicture, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.input import compute
from cnnviz.views.input.actions import make_actions
from cnnviz.views.input.compute import BoardContent
from cnnviz.views.input.drawing import DrawPage
from cnnviz.views.input.keeping import BoardKeeper, picture_of
from cnnviz.views.input.opening import OpeningRow
from cnnviz.views.input.samples import SamplesPage
from cnnviz.widgets import theme
from cnnviz.widgets.board import PEN_WIDTH, PEN_WIDTHS, Ink
from cnnviz.widgets.digit_preview import DigitPreview, PixelDialog

if TYPE_CHECKING:  # decoding is imported with the first picture, not with the window
    from cnnviz.core.image import Invert

UNDO_STEPS = 100
PICTURES = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.webp *.tif *.tiff *.avif *.ppm *.pgm);;All files (*)"
INVERT: tuple[tuple[Invert, str], ...] = (("auto", "ink: auto"), ("yes", "ink: dark"), ("no", "ink: light"))

SAMPLE_STEP = 1
PAGES = ("draw", "samples")
MOST_PX = 16_777_215  # Qt's own bound of a widget's size


class _Change(QUndoCommand):
    """One step of the board's history: it holds both states, so undo is exact."""

    def __init__(self, view: InputView, before: BoardContent, after: BoardContent, words: str) -> None:
        super().__init__(words)
        self._view, self._before, self._after = view, before, after

    def id(self) -> int:
        return SAMPLE_STEP if self._after.as_is else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Walking through the samples is one step."""
        if not isinstance(other, _Change):
            return False
        self._after = other._after
        return True

    def redo(self) -> None:
        self._view.show_content(self._after)

    def undo(self) -> None:
        self._view.show_content(self._before)


class InputView(View):
    """The left column: board, preview, samples.

    Attributes
    ----------
    board
        The drawing board.
    """

    shows_values = False  # it shows the input itself

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self.content = compute.blank()
        self._settled = self.content  # what was there before the stroke that is being drawn
        self.setAcceptDrops(True)
        self._undo = QUndoStack(self)
        self._undo.setUndoLimit(UNDO_STEPS)
        self._numbers: PixelDialog | None = None
        self.preview = DigitPreview(self)
        self.samples = SamplesPage(self)
        self._make_controls()
        self.acts = make_actions(self, self._undo)
        self._connect_actions()
        self.drawing = DrawPage((self.acts.undo, self.acts.redo, self.acts.erase, self.acts.clear), self)
        self.board = self.drawing.board
        self._keeper = BoardKeeper(lambda: self.content, lambda: self.board.is_drawing, messages, self)
        self._lay_out()
        self.board.inked.connect(self._on_board_inked)
        self.board.stroke_done.connect(self._on_board_stroke_done)
        self.preview.opened.connect(self._on_preview_opened)
        self.samples.digit_chosen.connect(self._on_samples_digit_chosen)
        self.samples.photo_chosen.connect(self._on_samples_photo_chosen)
        # These are answers to wishes, which may come while the dock is hidden: they are not followed but always heard.
        state.picture_opened.connect(self._on_state_picture_opened)
        state.model_changed.connect(self._on_state_model_changed)
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
        ):  # fmt: skip
            action.triggered.connect(slot)
        actions.erase.toggled.connect(self._on_erase_toggled)

    def _lay_out(self) -> None:
        self.pages = QTabWidget(self)
        self.pages.setDocumentMode(True)
        self.pages.addTab(self.drawing, "Draw")
        self.pages.addTab(self.samples, "Samples")
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
        self.opening = OpeningRow(self.state, self)
        column.addWidget(self.opening)
        column.addWidget(self._source)
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
        if for_digits:
            self._show_digit(prepared)
        else:
            self._show_photo(blank)

    def _show_photo(self, blank: bool) -> None:
        from cnnviz.core import photo  # Pillow: drawing digits does without it

        pixels, side = compute.photo_of(self.content), self._side()[0]
        box = photo.middle_box(pixels.shape[0], pixels.shape[1], side)
        words = "blank" if blank else "drawn" if self.content.picture is None else "in colours"
        self.preview.show_photo(pixels, photo.middle_of(pixels, side), box, words)

    def _show_digit(self, prepared: PreparedDigit) -> None:
        centred = self.centring.isChecked() and not self.content.as_is
        seen_hw = compute.as_seen(prepared.image_hw, self._side())
        words = "unchanged" if self.content.as_is else "centred" if centred else "not centred"
        box = prepared.box if centred and not prepared.blank else None
        self.preview.show_digit(self.content.ink_hw, seen_hw, box, "blank" if prepared.blank else words)
        if self._numbers is not None and self._numbers.isVisible():
            self._numbers.show_image(seen_hw)

    def _side(self) -> tuple[int, int]:
        """Return height and width of the network's input; of a digit while there is no network."""
        model = self.state.model
        if model is None:
            return 28, 28
        _, height, width = model.graph.nodes[0].output_shape
        return height, width

    @property
    def _preparation(self) -> Preparation:
        """What the network is shown; a digit while there is no network."""
        model = self.state.model
        return model.preparation if model is not None else "digit"

    @Slot(object)
    def _on_state_model_changed(self, model: LoadedModel | None) -> None:
        self.centring.setEnabled(self._preparation == "digit")
        if self._numbers is not None and self._preparation != "digit":
            self._numbers.hide()
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
        self.board.end_stroke()
        self._undo.undo()

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back; a stroke that is being drawn is a new step instead."""
        self.board.end_stroke()
        self._undo.redo()

    @Slot()
    def clear(self) -> None:
        """Empty the board."""
        if self.content.ink_hw.any() or self.content.picture is not None:
            self.board.end_stroke()
            self.change(compute.blank(), "clear")

    @Slot()
    def ask_and_open(self) -> None:
        """Ask for a picture file and open it."""
        name, _ = QFileDialog.getOpenFileName(self, "Open picture", "", PICTURES)
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
        """Open a dropped or pasted picture: files first, since they have a name."""
        self.board.end_stroke()
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
    def _on_state_picture_opened(self, opened: OpenedPicture) -> None:
        self.board.end_stroke()
        self.pages.setCurrentIndex(0)
        picture = opened.picture
        content = BoardContent(opened.ink_hw, picture.name, picture=picture)
        self.change(content, f"open {picture.name}")
        if self._preparation == "digit" and not content.ink_hw.any():
            self.messages.notice(f"No ink was found in '{picture.name}'; choose dark or light ink beside Paste.")

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
            self.change(compute.of_picture(self.content.picture, INVERT[index][0]), "invert")

    @Slot(bool)
    def _on_centring_toggled(self, on: bool) -> None:
        self._publish()

    @Slot(bool)
    def _on_erase_toggled(self, on: bool) -> None:
        self.board.erasing = on

    @Slot()
    def _on_preview_opened(self) -> None:
        if self._preparation == "photo" and self.state.model is not None:  # too many for one sheet
            self.state.select(Place(self.state.model.graph.nodes[0].name))
            self.state.enter_requested.emit()
            return
        if self._numbers is None:
            self._numbers = PixelDialog(self)
            self._numbers.grid.failed.connect(self.messages.report)
        self._numbers.show()
        self._show_preview(compute.prepare(self.content, self.centring.isChecked()))

    # -- remembering ----------------------------------------------------------------------------------------------

    def menu_actions(self) -> list[tuple[str, QAction]]:
        """Return the actions of the File and Edit menus."""
        edit = (self.acts.undo, self.acts.redo, self.acts.paste, self.acts.erase, self.acts.clear)
        return [("&File", self.acts.open), *(("&Edit", action) for action in edit)]

    def remember(self, settings: Settings) -> None:
        """Store the board as a picture, and the pen."""
        self.board.end_stroke()
        settings.put("input/pen_width", self.drawing.width_slider.value())
        settings.put("input/centre", self.centring.isChecked())
        settings.put("input/page", PAGES[self.pages.currentIndex()])
        self._keeper.write_now()

    def recall(self, settings: Settings) -> None:
        """Bring back the board of the last session."""
        self.drawing.width_slider.setValue(settings.integer("input/pen_width", round(PEN_WIDTH), *PEN_WIDTHS))
        self.centring.setChecked(settings.get("input/centre", True))
        self.pages.setCurrentIndex(PAGES.index(settings.choice("input/page", PAGES[0], PAGES)))
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

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the board a square, so that no empty room is beside it."""
        super().resizeEvent(event)
        self.board.setMaximumHeight(max(self.board.minimumHeight(), self.width() - 2 * theme.GRID_PX))
        self._fit_pages()

    def _fit_pages(self) -> None:
        """Give the drawing page what its square board fills, the samples all there is."""
        most = MOST_PX
        if self.pages.currentWidget() is self.drawing:
            tools = self.drawing.sizeHint().height() - self.board.sizeHint().height()
            most = self.board.maximumHeight() + tools + self.pages.tabBar().sizeHint().height()
        self.pages.setMaximumHeight(most)
