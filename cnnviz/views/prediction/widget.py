"""What the network answers: the best class large, all classes ranked, with probabilities and logits."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Slot
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.state.app_state import AppState, InputState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.prediction import compute
from cnnviz.widgets import theme
from cnnviz.widgets.bar_list import Bar, BarList
from cnnviz.widgets.elided_label import ElidedLabel
from cnnviz.widgets.figure import draw_text

NO_NETWORK = "No network is loaded. Choose one in the toolbar."
LOADING = "The network is being loaded. You can draw already; the answer follows."
NO_INK = "There is nothing to predict: no ink was found in"
NOTHING = "Nothing drawn yet, so there is nothing to predict. Draw a digit, or choose one under Samples."
NO_PHOTO = "No picture yet, so there is nothing to predict. Open one, choose a photograph under Samples, or draw."
BY_CLASS = "Keep every class in its place instead of the most probable first"
NO_CLASSES = "This network has no classes to choose from: what it makes is in its last layer."
RANDOM = "Random weights: it means nothing."


PIN_SEPARATOR = "\n"
LEAST_SCALE = 1.2  # of the best class's letters: names of ImageNet are long


class _Answer(QWidget):
    """The best class in large type; painted, since a label forgets its size when the style changes."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._text = ""

    def setText(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.setAccessibleName(f"Most probable class: {text}")
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(80, round(theme.text_px() * 3.9))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        scale = 3.2
        painter.setFont(theme.font(scale, bold=True))
        while scale > LEAST_SCALE and painter.fontMetrics().horizontalAdvance(self._text) > self.width():
            scale = max(LEAST_SCALE, scale * 0.85)
            painter.setFont(theme.font(scale, bold=True))
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        draw_text(painter, self.rect(), self._text, theme.current().color("text"), align=align)
        painter.end()


def _ranked_bar(answer: compute.Answer, *, random: bool) -> Bar:
    """Return the row of one of many classes, with its rank; its whole name is in the tool tip."""
    tip = compute.exactly(answer) + (f"\n{RANDOM}" if random else "")
    logit = compute.logit_text(answer.logit)
    label = f"{answer.rank:,}. {answer.label}"
    return Bar(answer.index, label, answer.probability, compute.percent(answer.probability), logit, tip)


class PredictionView(View):
    """The right column."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self._best = _Answer(self)
        self._words = ElidedLabel("", self)  # one line always: the bars below must not jump
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.bars = BarList("Probabilities of all classes", ("class", "probability", "logit"), self)
        self._by_class = QCheckBox("&By class", self)
        self._by_class.setToolTip(BY_CLASS)
        self._by_class.toggled.connect(self._on_by_class_toggled)
        self.top = QComboBox(self)
        self.top.setAccessibleName("How many classes are shown")
        self.top.setToolTip("How many of the most probable classes are shown")
        for count in compute.TOPS:
            self.top.addItem(f"Top {count}", count)
        self.top.activated.connect(self._on_top_activated)
        self.search = QLineEdit(self)
        self.search.setAccessibleName("Find a class")
        self.search.setPlaceholderText("Find a class…")
        self.search.setToolTip(
            "Any part of a class's name: its rank and probability; Enter pins the first, Escape ends"
        )
        self.search.setClearButtonEnabled(True)
        self.search.setMaxLength(80)
        self.search.textChanged.connect(self._on_search_text_changed)
        self.search.returnPressed.connect(self._on_search_return_pressed)
        self._pinned: frozenset[str] = frozenset()
        self._many = False
        self._exact = ElidedLabel("", self)
        self._exact.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for label in (self._words, self._exact):
            label.set_opaque()
        self._exact.setAccessibleName("Exact numbers of a class")
        self._answers = False  # whether there is an answer on show
        foot = QHBoxLayout()
        foot.setSpacing(theme.GRID_PX)
        foot.addWidget(self._by_class)
        foot.addWidget(self.top)
        foot.addWidget(self._exact, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, theme.GRID_PX)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(self._best)
        column.addWidget(self._words)
        column.addWidget(self.search)
        column.addWidget(self.bars, 1)
        column.addLayout(foot)
        self.setFocusProxy(self.bars)
        self.bars.chosen.connect(self._on_bars_chosen)
        self.bars.pointed.connect(self._on_bars_pointed)
        self.bars.pin_wanted.connect(self._on_bars_pin_wanted)
        self._show_controls()
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.loading_changed, lambda: state.loading, self.show_loading)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.input_changed, lambda: state.input, self.show_input)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network's answer."""
        self._many = model is not None and len(model.labels) > compute.FEW
        self._show_controls()
        self._show()

    def _show_controls(self) -> None:
        """With few classes all are shown, in one order or the other; with many the best, and what is searched for."""
        self._by_class.setVisible(not self._many)
        self.top.setVisible(self._many)
        self.search.setVisible(self._many)

    @Slot(bool)
    def show_loading(self, loading: bool) -> None:
        """Say that an answer is on its way, or that none will come."""
        self._show()

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show a new answer."""
        self._show()

    @Slot(object)
    def show_input(self, current: InputState | None) -> None:
        """A board that was cleared says so at once; otherwise the answer is on its way."""
        if current is not None and current.blank:
            self._show()

    @Slot(bool)
    def show_late(self, late: bool) -> None:
        """Say that the answer is for an older picture."""
        super().show_late(late)
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Frame the class whose element of the last layer is chosen."""
        model = self.state.model
        of_output = model is not None and place is not None and place.layer == model.graph.output.name
        self.bars.show_current(place.unit if place is not None and of_output else None)
        self._show_exact(place.unit if place is not None and of_output else None)

    def _show_exact(self, index: int | None) -> None:
        model, inspection, text = self.state.model, self.state.inspection, ""
        if self._answers and model and inspection and index is not None and index < len(model.labels):
            rank = inspection.ranking().index(index) + 1 if self._many else 0
            text = compute.exactly(compute.answer_of(inspection, model.labels, index, rank))
        self._exact.setText(text)

    def _show(self) -> None:
        model, inspection, current = self.state.model, self.state.inspection, self.state.input
        if current is None or current.blank:
            nothing = NOTHING if model is None or model.preparation == "digit" else NO_PHOTO
            if nothing is NOTHING and current is not None and current.title != "Drawing":
                nothing = f"{NO_INK} {current.title}."
            self._say("–", "" if model else self._why_no_answer(), nothing)
            return
        if model is None or inspection is None:
            self._say("…", "", self._why_no_answer())
            return
        if not model.labels or len(model.labels) != len(inspection.logits):
            self._say("–", "", NO_CLASSES)
            return
        if self._many:
            leaders = compute.leaders(
                inspection, model.labels, self.top.currentData(), self._pinned, self.search.text()
            )
            best, found = leaders.best, leaders.rows + leaders.pinned
        else:
            found = compute.answers(inspection, model.labels, ranked=not self._by_class.isChecked())
            best = max(found, key=lambda answer: answer.logit)
        self._best.setText(best.label)
        self._answers = True
        verdict = compute.verdict(best, current.label, model.labels) if not model.is_random else ""
        verdict = "updating" if self.state.late else verdict
        sure = f"{compute.percent(best.probability)} sure{', ' + verdict if verdict else ''}"
        self._words.setText(RANDOM if model.is_random and not self.state.late else sure)
        role = {"right": "good", "": "text", "updating": "muted"}.get(verdict, "bad")
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.WindowText, theme.current().color(role))
        if palette != self._words.palette():
            self._words.setPalette(palette)
        marked = next((a.index for a in found if a.label == current.label), None)
        self.bars.setAccessibleDescription(compute.spoken(found or (best,), random=model.is_random))
        if self._many:
            pins = frozenset(a.index for a in found if a.label in self._pinned)
            foot = compute.foot(leaders, len(model.labels), self.search.text())
            if found:
                bars = [_ranked_bar(a, random=model.is_random) for a in found]
                total, tail = len(model.labels), len(leaders.pinned)
                self.bars.show_bars(bars, marked=marked, total=total, foot=foot, pinned=pins, tail=tail)
            else:
                self.bars.show_sentence(f"{foot[:1].upper()}{foot[1:]}.")
        else:
            self.bars.show_bars(
                [
                    Bar(a.index, a.label, a.probability, compute.percent(a.probability), compute.logit_text(a.logit))
                    for a in found
                ],
                marked=marked,
                total=len(model.labels),
            )  # fmt: skip
        self._show_exact(self.bars.in_focus)

    def _why_no_answer(self) -> str:
        return LOADING if self.state.loading or self.state.model is not None else NO_NETWORK

    def _say(self, best: str, words: str, sentence: str) -> None:
        self._answers = False
        self._exact.setText("")
        self._best.setText(best)
        self._words.setText(words)
        self.bars.show_sentence(sentence)

    @Slot(bool)
    def _on_by_class_toggled(self, on: bool) -> None:
        self._show()

    @Slot(int)
    def _on_top_activated(self, index: int) -> None:
        self._show()

    @Slot(str)
    def _on_search_text_changed(self, text: str) -> None:
        self._show()

    @Slot()
    def _on_search_return_pressed(self) -> None:
        """Keep the first class that was found, and end the search."""
        model, inspection = self.state.model, self.state.inspection
        if not self._answers or model is None or inspection is None or not self.search.text().strip():
            return
        found = compute.leaders(inspection, model.labels, 1, search=self.search.text())
        if found.rows:
            self._pinned |= {found.rows[0].label}
            self.search.clear()

    @Slot(int)
    def _on_bars_pin_wanted(self, index: int) -> None:
        if self.state.model is not None:
            self._pinned ^= {self.state.model.labels[index]}
            self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """End a search by Escape."""
        if event.key() == Qt.Key.Key_Escape and self.search.hasFocus() and self.search.text():
            self.search.clear()
        else:
            super().keyPressEvent(event)

    @Slot(object)
    def _on_bars_pointed(self, index: int | None) -> None:
        self._show_exact(self.bars.in_focus)

    @Slot(int)
    def _on_bars_chosen(self, index: int) -> None:
        """Choose the probability of that class, in every view: what softmax makes of the last layer's element."""
        if self.state.model is not None:
            self.state.select(Place(self.state.model.graph.output.name, index, softmax=True))

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "bars"):
            self._show()

    def remember(self, settings: Settings) -> None:
        """Store the order, how many are shown, and which are pinned."""
        settings.put("prediction/by_class", self._by_class.isChecked())
        settings.put("prediction/top", self.top.currentData())
        settings.put("prediction/pinned", PIN_SEPARATOR.join(sorted(self._pinned)))

    def recall(self, settings: Settings) -> None:
        """Bring them back."""
        self._by_class.setChecked(settings.get("prediction/by_class", False))
        top = settings.get("prediction/top", compute.TOPS[0])
        self.top.setCurrentIndex(compute.TOPS.index(top) if top in compute.TOPS else 0)
        self._pinned = frozenset(filter(None, settings.get("prediction/pinned", "").split(PIN_SEPARATOR)))
