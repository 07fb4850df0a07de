"""Networks compared on one picture: a table, a chart, and what each of them answers."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.inspection import LoadedModel, ModelRequest
from cnnviz.models import comparing
from cnnviz.models.comparing import Compared, Question
from cnnviz.state.app_state import AppState, Comparison, InputState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.networks import compute
from cnnviz.views.networks.chart import NetworkChart
from cnnviz.widgets import theme
from cnnviz.widgets.bar_list import Bar, BarList
from cnnviz.widgets.elided_label import ElidedLabel

ANSWER_PX = 250
LEAST, MOST = 1, 20
NAME = Qt.ItemDataRole.UserRole
OWN = "Your own choice"
NO_PICTURE = "There is no picture yet: draw or open one under Explore, and compare networks on it."
RANDOM = "random weights: it means nothing"
NO_CLASSES = "It has no classes to choose from."
TIPS = {
    "parameters": "Numbers that training sets",
    "multiply-adds": "Multiplications with an addition, for one picture",
    "weights file": "Size of the file with the weights: the one in use, else the published one",
    "time": "One forward pass of this picture, measured here: the median, after a warm-up, without keeping values",
    "weights": "Memory that the weights take here",
    "activations": "Memory of all values of all layers for this picture, those that share memory once",
    "peak": "The most memory that the device held during a forward pass; a CPU cannot say",
    "top-1": "How often the most probable class is the right one; the tool tip of a cell says of which weights",
    "top-5": "How often the right class is among the five most probable ones",
    "weights come from": "Whether the weights ship, were fetched, or are random",
}


class _Answer(QWidget):
    """What one network says: its name, a note, and its best classes."""

    def __init__(self, row: Compared, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row = row
        name = ElidedLabel(row.title, self)
        font = theme.font(1.1, bold=True)
        name.setFont(font)
        note = ElidedLabel(self._note(row), self)
        self.bars = BarList(f"The best classes of {row.title}", ("class", "probability", "logit"), self)
        bars = [
            Bar(
                one.index, one.label, one.probability, _percent(one.probability), f"{one.logit:.2f}".replace("-", "−"),
                f"{one.label}: probability {one.probability:.6g}, logit {one.logit:.4f}".replace("-", "−"),
            )
            for one in row.top
        ]  # fmt: skip
        if bars:
            self.bars.show_bars(bars)
            self.bars.setAccessibleDescription("; ".join(f"{bar.label}: {bar.text}" for bar in bars))
        else:
            self.bars.show_sentence(row.error or NO_CLASSES)
        self.bars.show_late(row.is_random and not row.error)  # an answer that means nothing is grey
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(name)
        column.addWidget(note)
        column.addWidget(self.bars, 1)
        self.setMinimumWidth(ANSWER_PX)

    @staticmethod
    def _note(row: Compared) -> str:
        if row.error:
            return "it could not be compared"
        return RANDOM if row.is_random else row.weights_note


def _percent(probability: float) -> str:
    """Write a probability so that rounding claims neither certainty nor impossibility."""
    if probability >= 0.9995:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.0005 else f"{probability * 100:.1f} %"


class NetworksView(View):
    """A page of its own."""

    shows_values = False  # what is shown belongs to the picture that it names, and stays

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self._chosen: list[str] = []
        self._shown: Comparison | None = None
        self._answers: list[_Answer] = []
        self._filling = False
        self._make_list()
        self._make_results()
        self._lay_out()
        self.setFocusProxy(self.networks)
        self._fill()
        self._on_presets_activated(1)
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.input_changed, lambda: state.input, self.show_input)
        self.follow(state.comparison_changed, lambda: state.comparison, self.show_comparison)

    # -- building -------------------------------------------------------------------------------------------------

    def _make_list(self) -> None:
        self.presets = QComboBox(self)
        self.presets.setAccessibleName("Networks to begin with")
        self.presets.setToolTip("Networks that are worth seeing side by side")
        self.presets.addItem(OWN, ())
        for preset in compute.presets():
            self.presets.addItem(preset.title, preset.names)
        self.presets.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.presets.activated.connect(self._on_presets_activated)
        self.search = QLineEdit(self)
        self.search.setAccessibleName("Find a network")
        self.search.setPlaceholderText("Find a network…")
        self.search.setToolTip("A part of a network's name, or of its family's")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search_text_changed)
        self.networks = QTreeWidget(self)
        self.networks.setHeaderHidden(True)
        self.networks.setAccessibleName("Networks to compare")
        self.networks.setToolTip("Tick the networks to compare (Space)")
        self.networks.itemChanged.connect(self._on_networks_item_changed)
        self.count = QLabel(self)
        self.count.setWordWrap(True)
        self.run = QPushButton("&Compare", self)
        self.run.setToolTip("Load each network in turn, run it on the picture and measure it (Ctrl+Return)")
        self.run.clicked.connect(self._on_run_clicked)
        self.cancel = QPushButton("Ca&ncel", self)
        self.cancel.setToolTip("Give the rest up; what is known stays")
        self.cancel.clicked.connect(self.state.comparison_cancelled)
        shortcut = QShortcut(QKeySequence("Ctrl+Return"), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self.run.click)

    def _make_results(self) -> None:
        self.title = QLabel(self)
        self.title.setWordWrap(True)
        self.progress = QProgressBar(self)
        self.progress.setAccessibleName("How many networks are done")
        self.progress.setTextVisible(True)
        self.table = QTableWidget(0, len(comparing.HEADINGS), self)
        self.table.setAccessibleName("Networks compared")
        self.table.setToolTip("A double click or Enter opens the network under Explore")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setHorizontalHeaderLabels([heading[:1].upper() + heading[1:] for heading in comparing.HEADINGS])
        for index, heading in enumerate(comparing.HEADINGS):
            item = self.table.horizontalHeaderItem(index)
            if item is not None and heading in TIPS:
                item.setToolTip(TIPS[heading])
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.table.activated.connect(self._on_table_activated)
        self.table.currentCellChanged.connect(self._on_table_current_changed)
        self.copy_table = QPushButton("Copy &table", self)
        self.copy_table.setToolTip("Copy the table and the answers as text")
        self.copy_table.clicked.connect(self._on_copy_table_clicked)
        self.copy_csv = QPushButton("Copy C&SV", self)
        self.copy_csv.setToolTip("Copy all numbers as comma-separated values, for a spreadsheet")
        self.copy_csv.clicked.connect(self._on_copy_csv_clicked)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.chart = NetworkChart(self)
        self.chart.pointed.connect(self.chart.show_current)
        self.across = self._measures("Horizontal axis", compute.DEFAULT_X)
        self.up = self._measures("Vertical axis", compute.DEFAULT_Y)
        self._room = QWidget(self)
        self._row = QHBoxLayout(self._room)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(2 * theme.GRID_PX)
        self._row.addStretch(1)

    def _measures(self, name: str, index: int) -> QComboBox:
        found = QComboBox(self)
        found.setAccessibleName(name)
        found.setToolTip(f"{name} of the chart")
        for measure in compute.MEASURES:
            found.addItem(measure.title)
        found.setCurrentIndex(index)
        found.activated.connect(self._on_axes_activated)
        return found

    def _lay_out(self) -> None:
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(theme.GRID_PX, theme.GRID_PX, 0, theme.GRID_PX)
        for widget in (self.presets, self.search):
            column.addWidget(widget)
        column.addWidget(self.networks, 1)
        column.addWidget(self.count)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run)
        buttons.addWidget(self.cancel)
        column.addLayout(buttons)
        left.setMinimumWidth(220)
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.copy_table)
        head.addWidget(self.copy_csv)
        column.addLayout(head)
        column.addWidget(self.progress)
        column.addWidget(self.table)
        column.addWidget(self.words)
        column.addWidget(self._lower(), 1)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([260, 940])
        splitter.setChildrenCollapsible(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(splitter)

    def _lower(self) -> QWidget:
        """Return the lower part: the chart, and beside it the answers."""
        plot = QWidget(self)
        axes = QHBoxLayout()
        for words, box in (("&Up", self.up), ("&Across", self.across)):
            label = QLabel(words, plot)
            label.setBuddy(box)
            axes.addWidget(label)
            axes.addWidget(box)
        axes.addStretch(1)
        column = QVBoxLayout(plot)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(axes)
        column.addWidget(self.chart, 1)
        area = QScrollArea(self)
        area.setWidget(self._room)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumSize(160, 140)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.addWidget(plot)
        splitter.addWidget(area)
        splitter.setSizes([440, 560])
        splitter.setChildrenCollapsible(False)
        return splitter

    # -- choosing -------------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of the networks that are ticked, in the order in which they were."""
        return tuple(self._chosen)

    def choose(self, names: tuple[str, ...]) -> None:
        """Tick these networks and no others."""
        self._chosen = list(names[:MOST])
        alike = (n for n in range(1, self.presets.count()) if tuple(self.presets.itemData(n)) == names)
        self.presets.setCurrentIndex(next(alike, 0))
        self._fill()

    def _fill(self) -> None:
        """Fill the list with the networks that are searched for."""
        self._filling = True
        self.networks.clear()
        loaded = self.state.model.request.name if self.state.model is not None else ""
        for family, specs in compute.families(self.search.text()):
            group = QTreeWidgetItem(self.networks, [family])
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            for spec in specs:
                item = QTreeWidgetItem(group, [f"{spec.title} (loaded)" if spec.name == loaded else spec.title])
                item.setToolTip(0, f"{spec.name}: {spec.summary}")
                item.setData(0, NAME, spec.name)
                item.setFlags(
                    Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
                )
                ticked = spec.name in self._chosen
                item.setCheckState(0, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            few = bool(self.search.text().strip()) or any(spec.name in self._chosen for spec in specs)
            group.setExpanded(few)
        self._filling = False
        self._show_buttons()

    def _show_buttons(self) -> None:
        running = self._shown is not None and self._shown.running is not None
        count = len(self._chosen)
        sentence = f"{count} network{'s' if count != 1 else ''} chosen"
        if not self._has_picture():
            sentence = NO_PICTURE
        elif count >= MOST:
            sentence += f"; more than {MOST} are not compared at once"
        elif not count:
            sentence = "Tick two or more networks."
        self.count.setText(sentence)
        self.run.setEnabled(LEAST <= count <= MOST and self._has_picture() and not running)
        self.cancel.setEnabled(running)

    def _has_picture(self) -> bool:
        return self.state.input is not None and not self.state.input.blank

    @Slot(int)
    def _on_presets_activated(self, index: int) -> None:
        names = self.presets.itemData(index)
        if names:
            self.search.clear()
            self.choose(tuple(names))

    @Slot(str)
    def _on_search_text_changed(self, text: str) -> None:
        self._fill()

    @Slot(QTreeWidgetItem, int)
    def _on_networks_item_changed(self, item: QTreeWidgetItem, column: int) -> None:
        name = item.data(0, NAME)
        if self._filling or not name:
            return
        ticked = item.checkState(0) == Qt.CheckState.Checked
        if ticked and len(self._chosen) >= MOST:
            self._filling = True
            item.setCheckState(0, Qt.CheckState.Unchecked)
            self._filling = False
        elif ticked and name not in self._chosen:
            self._chosen.append(name)
        elif not ticked and name in self._chosen:
            self._chosen.remove(name)
        self.presets.setCurrentIndex(0)
        self._show_buttons()

    @Slot()
    def _on_run_clicked(self) -> None:
        current = self.state.input
        if current is None or not self._chosen:
            return
        device = self.state.model.request.device if self.state.model is not None else "auto"
        models = tuple(ModelRequest(name, device=device) for name in self._chosen)
        self.state.comparison_requested.emit(Question(models, current.image_hw, current.photo, current.title))

    # -- what is known --------------------------------------------------------------------------------------------

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Say which network is the one under Explore."""
        self._fill()

    @Slot(object)
    def show_input(self, current: InputState | None) -> None:
        """Say whether what is shown is about the present picture."""
        self._show_buttons()
        self._show_title()

    @Slot(object)
    def show_comparison(self, comparison: Comparison | None) -> None:
        """Show what is known so far."""
        before = self._shown
        self._shown = comparison
        rows = comparison.rows if comparison is not None else ()
        same = before is not None and comparison is not None and before.question is comparison.question
        if not same or len(rows) < len(self._answers):
            self._forget()
        for row in rows[len(self._answers) :]:
            self._add(row)
        running = comparison is not None and comparison.running is not None
        self.progress.setVisible(running)
        if comparison is not None and running:
            self.progress.setRange(0, len(comparison.question.models))
            self.progress.setValue(len(rows))
            self.progress.setFormat(f"{comparison.running}: %v of %m networks done")
        for button in (self.copy_table, self.copy_csv):
            button.setEnabled(bool(rows))
        said = (comparing.conditions(rows), compute.contrast(rows) if not running else "")
        self.words.setText("  ".join(filter(None, said)))
        self.words.setVisible(bool(self.words.text()))
        self._fit_table()
        self._show_chart()
        self._show_title()
        self._show_buttons()

    def _show_title(self) -> None:
        known, current = self._shown, self.state.input
        if known is None:
            words = "Networks side by side on the present picture: what they cost here, and what they answer."
            self.title.setText(words if self._has_picture() else NO_PICTURE)
            return
        words = f"On <b>{_plain(known.question.title)}</b>"
        if known.cancelled:
            words += f", given up after {len(known.rows)} of {len(known.question.models)} networks"
        if current is not None and current.generation != known.generation:
            words += ". The picture has changed since then: compare again for the new one"
        self.title.setText(f"{words}.")

    def _forget(self) -> None:
        self.table.setRowCount(0)
        for answer in self._answers:
            self._row.removeWidget(answer)
            answer.deleteLater()
        self._answers = []

    def _add(self, row: Compared) -> None:
        index = self.table.rowCount()
        self.table.insertRow(index)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        last = len(comparing.HEADINGS) - 1
        for column, words in enumerate(comparing.cells(row)):
            item = QTableWidgetItem(words)
            if 0 < column < last:
                item.setTextAlignment(right)
            if row.is_random and column == last and not row.error:
                item.setForeground(theme.current().color("warning"))
            if row.error:
                item.setForeground(theme.current().color("bad" if column == last else "muted"))
            item.setToolTip(self._tip(row, comparing.HEADINGS[column], words))
            self.table.setItem(index, column, item)
        answer = _Answer(row, self._room)
        self._answers.append(answer)
        self._row.insertWidget(len(self._answers) - 1, answer)
        if self._heard:
            self.hear(answer)

    @staticmethod
    def _tip(row: Compared, heading: str, words: str) -> str:
        if row.error:
            return row.error
        if heading in ("top-1", "top-5") and row.accuracy_of:
            return f"of {row.accuracy_of}"
        if heading == "time":
            each = ", ".join(f"{time_ms:.3g}" for time_ms in row.times_ms)
            return f"{row.device}, {row.threads} thread{'s' if row.threads != 1 else ''}; each pass in ms: {each}"
        return row.weights_note if heading == "weights come from" else words

    def _fit_table(self) -> None:
        """Make the table as high as its rows, up to six; the rest scrolls."""
        rows = min(6, max(1, self.table.rowCount()))
        bar = self.table.horizontalScrollBar().sizeHint().height()
        height = self.table.horizontalHeader().sizeHint().height() + bar + 4
        row_px = self.table.rowHeight(0) if self.table.rowCount() else self.table.verticalHeader().defaultSectionSize()
        self.table.setFixedHeight(height + rows * row_px)

    def _show_chart(self) -> None:
        rows = self._shown.rows if self._shown is not None else ()
        across, up = (compute.MEASURES[box.currentIndex()] for box in (self.across, self.up))
        self.chart.show_chart(compute.chart(rows, across, up), across, up)

    @Slot(int)
    def _on_axes_activated(self, index: int) -> None:
        self._show_chart()

    @Slot(int, int, int, int)
    def _on_table_current_changed(self, row: int, column: int, old_row: int, old_column: int) -> None:
        rows = self._shown.rows if self._shown is not None else ()
        self.chart.show_current(rows[row].title if 0 <= row < len(rows) else "")

    @Slot(object)
    def _on_table_activated(self, index: object) -> None:
        """Open a network under Explore."""
        row = self.table.currentRow()
        rows = self._shown.rows if self._shown is not None else ()
        if 0 <= row < len(rows) and not rows[row].error:
            self.state.request_model(rows[row].request)
            self.messages.notice(f"{rows[row].title} is opened under Explore.")

    @Slot()
    def _on_copy_table_clicked(self) -> None:
        if self._shown is not None:
            QGuiApplication.clipboard().setText(comparing.as_text(self._shown.rows))

    @Slot()
    def _on_copy_csv_clicked(self) -> None:
        if self._shown is not None:
            QGuiApplication.clipboard().setText(comparing.as_csv(self._shown.rows))

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_room"):
            shown, self._shown = self._shown, None
            self._forget()
            self.show_comparison(shown)

    def remember(self, settings: Settings) -> None:
        """Store which networks are ticked."""
        settings.put("networks/chosen", ",".join(self._chosen))

    def recall(self, settings: Settings) -> None:
        """Bring them back; those that are not known any more are left out."""
        known = {spec.name for _, specs in compute.families() for spec in specs}
        names = tuple(name for name in settings.get("networks/chosen", "").split(",") if name in known)
        if names:
            self.choose(names)


def _plain(text: str) -> str:
    """Return a text that Qt takes for no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
