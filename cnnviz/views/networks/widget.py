"""Networks compared on one picture: a table, a chart, and what each of them answers."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
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
from cnnviz.views.networks.answer import Answer
from cnnviz.views.networks.chart import NetworkChart
from cnnviz.views.networks.choosing import LEAST, MOST, NetworkChooser
from cnnviz.views.networks.table import NetworkTable
from cnnviz.widgets import theme

NO_PICTURE = "There is no picture yet: draw or open one under Explore, and compare networks on it."


class NetworksView(View):
    """A page of its own."""

    shows_values = False  # what is shown belongs to the picture that it names, and stays

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self._shown: Comparison | None = None
        self._answers: list[Answer] = []
        self._make_list()
        self._make_results()
        self._lay_out()
        self.setFocusProxy(self.chooser)
        self._show_buttons()
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.input_changed, lambda: state.input, self.show_input)
        self.follow(state.comparison_changed, lambda: state.comparison, self.show_comparison)

    # -- building -------------------------------------------------------------------------------------------------

    def _make_list(self) -> None:
        self.chooser = NetworkChooser(self)
        self.chooser.changed.connect(self._show_buttons)
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
        self.table = NetworkTable(self)
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
        column.addWidget(self.chooser, 1)
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

    def _show_buttons(self) -> None:
        running = self._shown is not None and self._shown.running is not None
        count = len(self.chooser.chosen)
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

    @Slot()
    def _on_run_clicked(self) -> None:
        current = self.state.input
        if current is None or not self.chooser.chosen:
            return
        device = self.state.model.request.device if self.state.model is not None else "auto"
        models = tuple(ModelRequest(name, device=device) for name in self.chooser.chosen)
        self.state.comparison_requested.emit(Question(models, current.image_hw, current.photo, current.title))

    # -- what is known --------------------------------------------------------------------------------------------

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Say which network is the one under Explore."""
        self.chooser.show_loaded(model.request.name if model is not None else "")

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
        self.table.fit()
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
        self.table.add(row)
        answer = Answer(row, self._room)
        self._answers.append(answer)
        self._row.insertWidget(len(self._answers) - 1, answer)
        if self._heard:
            self.hear(answer)

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
        settings.put("networks/chosen", ",".join(self.chooser.chosen))

    def recall(self, settings: Settings) -> None:
        """Bring them back; those that are not known any more are left out."""
        known = {spec.name for _, specs in compute.families() for spec in specs}
        names = tuple(name for name in settings.get("networks/chosen", "").split(",") if name in known)
        if names:
            self.chooser.choose(names)


def _plain(text: str) -> str:
    """Return a text that Qt takes for no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
