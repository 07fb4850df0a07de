"""Pictures that are not learned from: which are right, which are wrong, and what is confused with what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QSplitter, QToolButton, QWidget

from cnnviz.state.app_state import AppState, PictureData
from cnnviz.state.training_state import ValidationSheet
from cnnviz.views.training import answers
from cnnviz.views.training.answers import Choice
from cnnviz.views.training.confusion import ConfusionMatrix
from cnnviz.views.training.panel import Panel, column_of, line_of_words, row_of
from cnnviz.views.training.thumbnails import Thumbnails
from cnnviz.widgets.bar_list import Bar, BarList
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.legend import Legend

EMPTY = "Validation pictures appear here when a run of a network that tells classes is opened or started."
NOT_ASKED = "Counts appear when the network has been asked."
NONE_LEFT = "No picture is left: choose another cell, or show all."


class ValidationPanel(Panel):
    """Tab *Validation*."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._sheet: ValidationSheet | None = None
        self._counts = np.zeros((0, 0), np.int64)
        self.choice = Choice()
        self.words = ElidedLabel("", self)
        self.words.setAccessibleName("How many are right")
        self.exact = line_of_words("What is pointed at", self)
        self.wrong = QCheckBox("&Wrong only", self)
        self.wrong.setToolTip("List only the pictures that were told wrongly")
        self.wrong.toggled.connect(self._on_wrong_toggled)
        self.all = QToolButton(self)
        self.all.setText("Show all")
        self.all.setToolTip("List the pictures of all classes again (Escape)")
        self.all.clicked.connect(self._on_all_clicked)
        self.matrix = ConfusionMatrix(self)
        self.matrix.pressed.connect(self._on_matrix_pressed)
        self.matrix.hovered.connect(self._on_matrix_hovered)
        self.legend = Legend(self)
        self.pictures = Thumbnails(self)
        self.pictures.pointed.connect(self._on_pictures_pointed)
        self.pictures.activated.connect(self._on_pictures_activated)
        self.bars = BarList("Share of right answers for each class", ("class", "right", "pictures"), self)
        self.bars.chosen.connect(self._on_bars_chosen)
        self._lay_out()
        self.follow(self.training.sheet_changed, lambda: self.training.sheet, self.show_sheet)

    def _lay_out(self) -> None:
        self._head, self._left = QWidget(self), QWidget(self)
        row = row_of(self.words, self.wrong, self.all, self.exact)
        row.setContentsMargins(0, 0, 0, 0)
        self._head.setLayout(row)
        column_of(self._left, self.matrix, self.legend)
        parts = QSplitter(self)
        parts.setChildrenCollapsible(False)
        for part, share in ((self._left, 4), (self.pictures, 5), (self.bars, 2)):
            parts.addWidget(part)
            parts.setStretchFactor(parts.count() - 1, share)
        parts.setSizes([320, 360, 220])
        column_of(self, self._head, parts).setStretch(1, 1)
        self.setFocusProxy(self.matrix)

    # -- what is shown --------------------------------------------------------------------------------------------

    @Slot(object)
    def show_sheet(self, sheet: ValidationSheet | None) -> None:
        """Show what the network says to the sample of the validation part."""
        before, self._sheet = self._sheet, sheet
        if before is None or sheet is None or before.images_nhw is not sheet.images_nhw:
            self.choice = Choice(wrong=self.wrong.isChecked())
            self.matrix.show_cell(None)
            self.bars.show_current(None)
        if sheet is None or not len(sheet.labels_n):
            self._sheet = None
            self._show_nothing(EMPTY)
            return
        self._show_parts(True)
        self.words.setText(answers.headline(sheet))
        self._show_counts(sheet)
        self._show_pictures()

    def _show_counts(self, sheet: ValidationSheet) -> None:
        if not answers.is_told(sheet):
            self.matrix.show_grid(None, NOT_ASKED)
            self.bars.show_sentence(NOT_ASKED)
            self.legend.hide()
            return
        self._counts = answers.counts_of(sheet)
        self.matrix.show_counts(self._counts, sheet.classes)
        self.legend.show()
        self.legend.show_scale("activation", 0.0, float(max(1, self._counts.max(initial=0))), "pictures")
        found = answers.shares_of(self._counts)
        bars = [
            Bar(k, sheet.classes[k], right / total, f"{100 * right / total:.0f} %", f"{right} of {total}")
            for k, right, total in found
        ]
        few = len(bars) <= 20
        if few:
            bars.sort(key=lambda bar: bar.key)
        foot = "" if few else "the worst classes; the others do better"
        self.bars.show_bars(bars, total=0 if few else len(bars) + 1, foot=foot)

    def _show_pictures(self) -> None:
        sheet = self._sheet
        limited = self.choice.true is not None or self.choice.told is not None
        self.all.setVisible(limited)
        if sheet is None:
            return
        numbers = answers.chosen_of(sheet, self.choice)
        self.pictures.show_sheet(sheet, numbers, NONE_LEFT)
        self._show_exact(self.pictures.in_focus)

    def _show_exact(self, number: int | None) -> None:
        sheet = self._sheet
        if sheet is None:
            self.exact.setText("")
        elif number is not None:
            self.exact.setText(answers.picture_text(sheet, number))
        else:
            self.exact.setText(answers.choice_text(sheet, self.choice, len(self.pictures.numbers)))

    def _show_parts(self, shown: bool) -> None:
        """Show all parts, or only the room of the pictures, where a sentence says why there is nothing."""
        for part in (self._head, self._left, self.bars):
            part.setVisible(shown)

    def _show_nothing(self, sentence: str) -> None:
        self.words.setText("")
        self.exact.setText("")
        self._show_parts(False)
        self.matrix.show_grid(None, "")
        self.bars.show_sentence("")
        self.pictures.show_sentence(sentence)

    # -- what the user does ---------------------------------------------------------------------------------------

    def choose(self, true: int | None, told: int | None) -> None:
        """List the pictures of a class, or of a cell of the matrix; of all without either."""
        self.choice = replace(self.choice, true=true, told=told)
        cell = (true, told) if true is not None and told is not None else None
        self.matrix.show_cell(cell)
        self.bars.show_current(true if cell is None else None)
        self._show_pictures()

    @Slot(int, int)
    def _on_matrix_pressed(self, true: int, told: int) -> None:
        self.choose(true, told)
        if self._sheet is not None:
            self.exact.setText(answers.cell_text(self._sheet, self._counts, true, told))

    @Slot(object)
    def _on_matrix_hovered(self, cell: tuple[int, int] | None) -> None:
        if cell is not None and self._sheet is not None and len(self._counts):
            self.exact.setText(answers.cell_text(self._sheet, self._counts, *cell))
            self.matrix.setToolTip(self.exact.text())  # whole, however narrow the line is
        else:
            self._show_exact(self.pictures.in_focus)

    @Slot(int)
    def _on_bars_chosen(self, true: int) -> None:
        self.choose(true, None)

    @Slot(bool)
    def _on_wrong_toggled(self, on: bool) -> None:
        self.choice = replace(self.choice, wrong=on)
        self._show_pictures()

    @Slot()
    def _on_all_clicked(self) -> None:
        self.choose(None, None)

    @Slot(object)
    def _on_pictures_pointed(self, number: int | None) -> None:
        self._show_exact(number)

    @Slot(int)
    def _on_pictures_activated(self, number: int) -> None:
        if self._sheet is not None:
            pixels = answers.pixels_of(self._sheet, number)
            self.state.open_requested.emit(PictureData(pixels, f"Validation picture {number + 1}"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Show all again by Escape."""
        if event.key() == Qt.Key.Key_Escape and not self.all.isHidden():
            self.choose(None, None)
        else:
            super().keyPressEvent(event)
