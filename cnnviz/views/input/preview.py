"""What the network makes of the board: a digit, or the steps of a photograph; and both of them large."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cnnviz.core.digit import PreparedDigit
from cnnviz.core.inspection import LoadedModel
from cnnviz.state.messages import MessageCenter
from cnnviz.views.input import compute
from cnnviz.views.input.compute import BoardContent
from cnnviz.views.input.photo_strip import PhotoDialog, PhotoStrip
from cnnviz.widgets.digit_preview import DigitPreview, PixelDialog


class Preview(QWidget):
    """The digit for a network for digits, the steps for one for photographs.

    Attributes
    ----------
    digit, photo
        The two pictures, one of them visible.
    digit_dialog, photo_dialog
        The same large, once they were opened.
    is_exact
        What is shown of a photograph is what the network gets, not yet an approximation of it.

    Signals
    -------
    browsed(int)
        The next (1) or the previous (−1) picture of the folder is wanted.
    numbers_wanted()
        The network's input is to be shown in the inspector.
    """

    browsed = Signal(int)
    numbers_wanted = Signal()

    def __init__(self, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._messages = messages
        self._shown: tuple[BoardContent, PreparedDigit, LoadedModel | None, bool] | None = None
        self.is_exact = True
        self.digit_dialog: PixelDialog | None = None
        self.photo_dialog: PhotoDialog | None = None
        self.digit, self.photo = DigitPreview(self), PhotoStrip(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.digit, self.photo):
            column.addWidget(part, 1000)
            part.opened.connect(self._on_opened)
            part.browsed.connect(self.browsed)
        column.addStretch(1)  # what the picture cannot fill is below it
        self.photo.hide()
        self.setFocusProxy(self.digit)

    @property
    def current(self) -> DigitPreview | PhotoStrip:
        """The picture that is shown."""
        return self.digit if self.photo.isHidden() else self.photo

    def show_content(
        self, content: BoardContent, prepared: PreparedDigit, model: LoadedModel | None, *, centre: bool
    ) -> None:
        """Show what a network, for digits where there is none, makes of a board."""
        self._shown = (content, prepared, model, centre)
        is_photo = model is not None and model.preparation == "photo"
        if is_photo == self.photo.isHidden():
            self.photo.setVisible(is_photo)
            self.digit.setVisible(not is_photo)
            self.setFocusProxy(self.current)
            for dialog, belongs in ((self.digit_dialog, not is_photo), (self.photo_dialog, is_photo)):
                if dialog is not None and not belongs:
                    dialog.hide()
        if is_photo and model is not None:
            self._show_photo(content, model, blank=compute.is_blank(content, prepared, "photo"))
        else:
            self._show_digit(content, prepared, model, centre=centre)

    def _show_digit(
        self, content: BoardContent, prepared: PreparedDigit, model: LoadedModel | None, *, centre: bool
    ) -> None:
        centred = centre and not content.as_is
        side = (28, 28) if model is None else model.graph.nodes[0].output_shape[-2:]
        seen_hw = compute.as_seen(prepared.image_hw, (side[0], side[1]))
        words = "unchanged" if content.as_is else "centred" if centred else "not centred"
        box = prepared.box if centred and not prepared.blank else None
        self.digit.show_digit(content.ink_hw, seen_hw, box, "blank" if prepared.blank else words)
        if self.digit_dialog is not None and self.digit_dialog.isVisible():
            self.digit_dialog.show_image(seen_hw)

    def _show_photo(self, content: BoardContent, model: LoadedModel, *, blank: bool) -> None:
        spec = compute.spec_of(model)
        steps, self.is_exact = compute.steps_of(content, spec)
        pixels = content.ink_hw if content.picture is None else content.picture.pixels_hwc
        height, width = compute.photo_of(content).shape[:2]
        words = "blank" if blank else "drawn" if content.picture is None else "picture"
        self.photo.show_steps(pixels, steps, spec, words, (height, width))
        if self.photo_dialog is not None and self.photo_dialog.isVisible():
            self.photo_dialog.strip.show_steps(pixels, steps, spec, words, (height, width))

    @Slot()
    def _on_opened(self) -> None:
        """Show it large, by itself."""
        if self._shown is None:
            return
        if self.current is self.digit:
            if self.digit_dialog is None:
                self.digit_dialog = PixelDialog(self)
                self.digit_dialog.grid.failed.connect(self._messages.report)
            self.digit_dialog.show()
        else:
            if self.photo_dialog is None:
                self.photo_dialog = PhotoDialog(self)
                self.photo_dialog.strip.failed.connect(self._messages.report)
                self.photo_dialog.strip.browsed.connect(self.browsed)
                self.photo_dialog.numbers_wanted.connect(self._on_numbers_wanted)
            self.photo_dialog.show()
        content, prepared, model, centre = self._shown
        self.show_content(content, prepared, model, centre=centre)

    @Slot()
    def _on_numbers_wanted(self) -> None:
        if self.photo_dialog is not None:
            self.photo_dialog.hide()
        self.numbers_wanted.emit()
