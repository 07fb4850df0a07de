"""What the set-up panel shows of the pictures: where they come from, their counts, samples, numbers and variation."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.formats import bytes_text, duration_text, fixed
from cnnviz.datasets import fetching
from cnnviz.datasets import registry as datasets
from cnnviz.state.data_state import DataDownload, DataState
from cnnviz.training.look import DataLook
from cnnviz.views.training.setup_figures import DrawsFigure, SampleSheet
from cnnviz.widgets import theme

LISTED = 3
FOLDER_TIP = "The folder that holds the pictures; it can also be dropped on this panel."
FETCH_TIP = "Fetch the pictures from where torchvision has them; what came before an interruption is kept."


def words_label(parent: QWidget, *, is_problem: bool = False) -> QLabel:
    """Return a label for sentences, which wrap; nothing in them is markup."""
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setForegroundRole(QPalette.ColorRole.BrightText if is_problem else QPalette.ColorRole.PlaceholderText)
    label.setMinimumWidth(1)  # a long path does not widen the panel
    label.hide()
    return label


def say(label: QLabel, sentence: str) -> None:
    """Show a sentence; without one the label takes no room."""
    label.setText(re.sub(r"(\S{30,})", lambda word: word[0].replace("/", "/\u200b"), sentence))  # paths may wrap
    label.setVisible(bool(sentence))


class SourceBox(QWidget):
    """Where the pictures come from: a folder, or a download with its progress.

    Signals
    -------
    folder_chosen(str)
        The user named a folder; nothing stands for the one that was downloaded.
    """

    folder_chosen = Signal(str)

    def __init__(self, state: DataState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._data, self._shown = "starter", ""
        self.folder = QLineEdit(self)
        self.folder.setAccessibleName("Folder of the pictures")
        self.folder.setToolTip(FOLDER_TIP)
        self.folder.editingFinished.connect(self._on_folder_finished)
        self.choose = QPushButton("F&older…", self)
        self.choose.setToolTip(FOLDER_TIP)
        self.choose.clicked.connect(self._on_choose_clicked)
        self.fetch = QPushButton(self)
        self.fetch.setToolTip(FETCH_TIP)
        self.fetch.clicked.connect(self._on_fetch_clicked)
        self.progress = QProgressBar(self)
        self.progress.setAccessibleName("Download of the pictures")
        self.progress.setRange(0, 1000)
        self.words = words_label(self)
        self.cancel = QPushButton("Ca&ncel", self)
        self.cancel.setToolTip("Give the download up; what came is kept")
        self.cancel.clicked.connect(self._state.fetch_cancelled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        for parts in ((self.folder, self.choose), (self.fetch,), (self.progress, self.cancel)):
            row = QHBoxLayout()
            for part in parts:
                row.addWidget(part, 1 if part in (self.folder, self.progress) else 0)
            column.addLayout(row)
        column.addWidget(self.words)
        state.download_changed.connect(self.show_download)
        self.show_download(state.download)

    def show_source(self, data: str, folder: str) -> None:
        """Show which data set is chosen, and its folder."""
        self._data, self._shown = data, folder
        spec = datasets.get(data)
        self.folder.setText(folder)
        self.folder.setVisible(bool(spec.files))
        self.choose.setVisible(bool(spec.files))
        here = "downloaded" if fetching.is_here(spec) else ""
        self.folder.setPlaceholderText(here or f"a folder with {spec.files}")
        self.show_download(self._state.download)

    @Slot(object)
    def show_download(self, download: DataDownload | None) -> None:
        """Show how far a download is, or offer one."""
        spec = datasets.get(self._data)
        offered = download is None and spec.can_download and not self._shown and not fetching.is_here(spec)
        self.fetch.setVisible(offered)
        if offered:
            self.fetch.setText(f"&Download {spec.title} ({bytes_text(fetching.SIZES[spec.name])})")
        self.progress.setVisible(download is not None)
        self.cancel.setVisible(download is not None)
        say(self.words, download_words(download) if download is not None else "")
        if download is not None:
            self.progress.setValue(round(1000 * download.done / max(1, download.size)))
        elif fetching.is_here(spec):
            self.folder.setPlaceholderText("downloaded")

    @Slot()
    def _on_folder_finished(self) -> None:
        text = self.folder.text().strip()
        if text != self._shown:
            self.folder_chosen.emit(text)

    @Slot()
    def _on_choose_clicked(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of the pictures", self._shown)
        if path:
            self.folder_chosen.emit(path)

    @Slot()
    def _on_fetch_clicked(self) -> None:
        self._state.fetch_requested.emit(self._data)


def download_words(download: DataDownload) -> str:
    """Return how far a download is: ``CIFAR-10: 40 MB of 163 MB, 3 MB/s, 43 s left``."""
    words = f"{download.title}: {bytes_text(download.done)} of {bytes_text(download.size)}"
    if download.rate > 0 and download.done < download.size:
        left = duration_text((download.size - download.done) / download.rate)
        words += f", {bytes_text(download.rate)}/s, {left} left"
    return words


class LookBox(QWidget):
    """What was seen of the pictures: why they cannot be used, or their counts and samples."""

    def __init__(self, state: DataState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.problem = words_label(self, is_problem=True)
        self.summary = words_label(self)
        self.sheet = SampleSheet(self)
        self.left_out = words_label(self, is_problem=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        for part in (self.problem, self.summary, self.sheet, self.left_out):
            column.addWidget(part)
        for signal in (state.look_changed, state.problem_changed, state.looking_changed):
            signal.connect(self.show_all)
        self.show_all()

    @Slot()
    def show_all(self, _: object = None) -> None:
        """Show what is known."""
        look = self._state.look
        say(self.problem, self._state.problem)
        words = summary_words(look) if look is not None else ""
        say(self.summary, words or ("Reading the pictures…" if self._state.is_looking else ""))
        self.sheet.show_look(look)
        self.sheet.setVisible(look is not None)
        problems = look.problems if look is not None else ()
        say(self.left_out, left_out_words(problems))
        self.left_out.setToolTip("\n".join(problems[:40]))


def summary_words(look: DataLook) -> str:
    """Return how many pictures there are, of what size, and what the network is given."""
    words = f"{look.count:,} pictures of {look.width}×{look.height}, {len(look.classes):,} classes."
    if (look.given_width, look.given_height) != (look.width, look.height):
        padded = look.width <= look.given_width < 2 * look.width  # as `models.preparation.to_size` does it
        how = "with a margin, " if padded else "resized, "
        words += f" The network is given {how}{look.given_width}×{look.given_height}."
    return words


def left_out_words(problems: tuple[str, ...]) -> str:
    """Return which pictures were left out, the first ones by name."""
    if not problems:
        return ""
    more = "\nand more: point here to read them" if len(problems) > LISTED else ""
    return "These are left out:\n" + "\n".join(problems[:LISTED]) + more


class SpreadBox(QLabel):
    """Mean and deviation of each colour, before and after the normalisation."""

    def __init__(self, state: DataState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Mean and deviation before and after the normalisation")
        self.setToolTip("Of all pixels that are learned from; black is 0 and white is 1 before")
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        state.look_changed.connect(self.show_look)
        self.show_look(state.look)

    @Slot(object)
    def show_look(self, look: DataLook | None) -> None:
        """Write the numbers as a table."""
        self.setVisible(look is not None)
        if look is None:
            return
        names = ("",) if len(look.before.mean) == 1 else ("red ", "green ", "blue ")
        rows: list[tuple[str, ...]] = [("", "before", "after")]
        for i, name in enumerate(names):
            rows.append((f"{name}mean", fixed(look.before.mean[i], 3), fixed(look.after.mean[i], 3)))
            rows.append((f"{name}deviation", fixed(look.before.std[i], 3), fixed(look.after.std[i], 3)))
        self.setText(f"<table cellpadding='2'>{''.join(map(_table_row, rows))}</table>")


def _table_row(cells: tuple[str, ...]) -> str:
    name, *numbers = cells
    return f"<tr><td>{name}</td>{''.join(f'<td align=right>&nbsp;{cell}</td>' for cell in numbers)}</tr>"


class DrawsBox(QWidget):
    """Pictures as they would be drawn, and a button for others.

    Signals
    -------
    others_wanted()
        The user wants to see other pictures.
    """

    others_wanted = Signal()

    def __init__(self, state: DataState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figure = DrawsFigure(self)
        self.others = QPushButton("O&ther samples", self)
        self.others.setToolTip("Take other pictures as samples, here and above")
        self.others.clicked.connect(self.others_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addWidget(self.figure)
        column.addWidget(self.others, 0, Qt.AlignmentFlag.AlignLeft)
        state.look_changed.connect(self.show_look)
        self.show_look(state.look)

    @Slot(object)
    def show_look(self, look: DataLook | None) -> None:
        """Show the pictures, if there are any."""
        self.setVisible(look is not None)
        self.figure.show_look(look)
