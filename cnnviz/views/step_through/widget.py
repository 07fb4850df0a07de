"""Inspector tab *Step through*: the panel of the selected layer, the way back to the pixels, and the digits."""

from __future__ import annotations

from PySide6.QtCore import QSize, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QShortcut, Qt
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
)

from cnnviz.core.explain import why_not
from cnnviz.core.graph import Graph
from cnnviz.core.inspection import Inspection, LoadedModel
from cnnviz.core.operations import Operation, Source
from cnnviz.state.app_state import AppState, Place, Trail
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.step_through import compute
from cnnviz.widgets import theme
from cnnviz.widgets.panels import table
from cnnviz.widgets.panels.base import OperationPanel, Subject

NO_NETWORK = "No network is loaded. Choose one in the toolbar."
NO_VALUES = "Draw a digit or open a picture: every product of the selected layer appears here."
DIGITS = (2, 7)


class _Stack(QStackedWidget):
    """Asks for the room of the page in sight, not of the largest one."""

    def minimumSizeHint(self) -> QSize:
        current = self.currentWidget()
        return current.minimumSizeHint() if current is not None else QSize(1, 1)


class StepThroughView(View):
    """One panel for each kind of layer, made when it is first needed."""

    def __init__(self, state: AppState, messages: MessageCenter, parent: QStackedWidget | None = None) -> None:
        super().__init__(state, messages, parent)
        self._panels: dict[type[Operation], OperationPanel] = {}
        self._of: Graph | None = None
        self._shown: compute.Shown | None = None
        self._seen: tuple[LoadedModel, Inspection, str, bool] | None = None  # what it was made from
        self._crumbs: list[QToolButton] = []
        self._sentence = QLabel(self)
        self._sentence.setWordWrap(True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = _Stack(self)
        self._stack.addWidget(self._sentence)
        self._area = QScrollArea(self)
        self._area.setWidget(self._stack)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._which = QToolButton(self)
        self._which.setCheckable(True)
        self._which.setText("Softmax")
        self._which.setToolTip("What softmax makes of the last layer's values; off: the sums that made them")
        self._which.toggled.connect(self._on_which_toggled)
        self._digits = QSpinBox(self)
        self._digits.setRange(*DIGITS)
        self._digits.setValue(3)
        self._digits.setAccessibleName("Digits")
        self._digits.setToolTip("With how many digits numbers are written")
        self._digits.valueChanged.connect(self._on_digits_changed)
        self._lay_out()
        self.follow(state.model_changed, lambda: state.model, self.show_model)
        self.follow(state.inspection_changed, lambda: state.inspection, self.show_inspection)
        self.follow(state.selection_changed, lambda: state.selection, self.show_selection)
        self.follow(state.trail_changed, lambda: state.trail, self.show_trail)

    def _lay_out(self) -> None:
        self._trail = QHBoxLayout()
        self._trail.setSpacing(2)
        self._trail.addStretch(1)
        label = QLabel("Digits", self)
        label.setBuddy(self._digits)
        head = QHBoxLayout()
        head.setSpacing(theme.GRID_PX)
        head.addWidget(self._which)
        head.addLayout(self._trail, 1)
        head.addWidget(label)
        head.addWidget(self._digits)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._area, 1)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # As in a browser: left towards the result, right towards the pixels. Shortcuts, or panels and the scroll area
        # would take the arrows for themselves.
        for keys, run in (("Alt+Left", self._on_back_activated), ("Alt+Right", self._on_forward_activated)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(run)

    @property
    def panel(self) -> OperationPanel | None:
        """The panel in sight."""
        found = self._stack.currentWidget()
        return found if isinstance(found, OperationPanel) else None

    # -- from the state -------------------------------------------------------------------------------------------

    @Slot(object)
    def show_model(self, model: LoadedModel | None) -> None:
        """Show another network; the panels of the one before are dropped, they hold its weights."""
        graph = model.graph if model is not None else None
        if graph is not self._of:
            self._of, self._shown, self._seen = graph, None, None
            self._stack.setCurrentWidget(self._sentence)
            for panel in self._panels.values():
                self._stack.removeWidget(panel)
                panel.deleteLater()
            self._panels.clear()
        self._show()

    @Slot(object)
    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show new values; what is open stays open."""
        self._show()

    @Slot(object)
    def show_selection(self, place: Place | None) -> None:
        """Show another layer, or another of its values."""
        panel, shown = self.panel, self._shown
        if place is not None and panel is not None and shown is not None and shown.title == _title(place):
            self._show_place(panel, shown, place)
        else:
            self._show()

    @Slot(object)
    def show_trail(self, trail: Trail) -> None:
        """Show the way that one came."""
        model, inspection = self.state.model, self.state.inspection
        places = trail.places if model is not None and inspection is not None and len(trail.places) > 1 else ()
        if model is not None and any(place.layer not in model.graph for place in places):
            places = ()  # another network is just coming
        while len(self._crumbs) < len(places):
            button = QToolButton(self)
            button.setAutoRaise(True)
            button.setCheckable(True)
            button.clicked.connect(self._on_crumb_clicked)
            self._crumbs.append(button)
            self._trail.insertWidget(len(self._crumbs) - 1, button)
        for index, button in enumerate(self._crumbs):
            button.setVisible(index < len(places))
            if index < len(places) and model is not None and inspection is not None:
                place = places[index]
                what = (place.layer, place.unit, place.cell, place.softmax)
                words = compute.crumb(model, inspection, what, short=False)
                short = compute.crumb(model, inspection, what, short=index != trail.at)
                button.setText(short if index == 0 else f"← {short}")
                button.setAccessibleName(words)
                button.setToolTip(words)
                button.setChecked(index == trail.at)

    def _show(self) -> None:
        model, inspection, place = self.state.model, self.state.inspection, self.state.selection
        if model is None or place is None or place.layer not in model.graph:
            self._say(NO_NETWORK if model is None else "Choose a layer in the map.")
            return
        node = model.graph[place.layer]
        last = node.name == model.graph.output.name
        self._which.setVisible(last)
        self._which.blockSignals(True)
        self._which.setChecked(place.softmax)
        self._which.blockSignals(False)
        if inspection is None:
            self._say(NO_VALUES)
            return
        seen = (model, inspection, place.layer, place.softmax)
        if (
            self._shown is not None
            and self._seen is not None
            and all(a is b for a, b in zip(seen, self._seen, strict=True))
        ):
            self.show_selection(place)
            return
        self._seen = seen
        shown = compute.shown(model, inspection, place.layer, softmax=place.softmax)
        if shown is None:
            self._say(why_not(node))
            return
        before, self._shown = self._shown, shown
        panel = self._panel_for(shown.operation)
        if hasattr(panel, "show_labels"):
            panel.show_labels(model.labels if last else ())
        if before is None or before.title != shown.title:
            unit, cell = _in_panel(place, shown)
            panel.unit, panel.cell = unit or 0, cell or (0, 0)
        subject = Subject(shown.operation, shown.output, shown.inputs, shown.title, shown.roles, of=model.graph)
        panel.show_subject(subject)
        if self._stack.currentWidget() is not panel:
            focused = QApplication.focusWidget()
            had_focus = focused is not None and (focused is self or self.isAncestorOf(focused))
            self._stack.setCurrentWidget(panel)
            if had_focus:  # walking back to the pixels, one goes from panel to panel by the keyboard
                panel.take_focus(Qt.FocusReason.OtherFocusReason)
        self._area.setFocusProxy(panel)
        if before is None or before.title != shown.title:  # new values must not call a walk back that has not rested
            self._show_place(panel, shown, place)
        self.show_trail(self.state.trail)

    def _panel_for(self, operation: Operation) -> OperationPanel:
        kind = type(operation)
        if kind not in self._panels:
            panel = self._panels[kind] = table.create(operation, self._stack)
            panel.set_digits(self._digits.value())
            panel.place_chosen.connect(self._on_panel_place_chosen)
            panel.source_chosen.connect(self._on_panel_source_chosen)
            self._stack.addWidget(panel)
            if self._heard:
                self.hear(panel)
        return self._panels[kind]

    def _show_place(self, panel: OperationPanel, shown: compute.Shown, place: Place) -> None:
        panel.show_place(*_in_panel(place, shown))

    def _say(self, sentence: str) -> None:
        self._shown = None
        self._sentence.setText(sentence)
        self._stack.setCurrentWidget(self._sentence)

    # -- from the user --------------------------------------------------------------------------------------------

    @Slot(int, object)
    def _on_panel_place_chosen(self, unit: int, cell: tuple[int, int]) -> None:
        model, place, shown = self.state.model, self.state.selection, self._shown
        if model is None or place is None or shown is None or self.sender() is not self.panel:
            return
        channels, rows, columns = shown.output.shape
        if not (unit < channels and cell[0] < rows and cell[1] < columns):
            return  # a place that only the changed output has
        if shown.fold is not None:
            unit, cell = shown.fold.unit(*cell), (0, 0)
        self.state.select(Place(place.layer, unit, cell if model.graph[place.layer].is_map else None, place.softmax))

    @Slot(object)
    def _on_panel_source_chosen(self, source: Source) -> None:
        """Go one step back: from a value to one that it was made of."""
        model, place, shown = self.state.model, self.state.selection, self._shown
        if model is None or place is None or shown is None:
            return
        if place.softmax:
            self.state.trace(Place(place.layer, source.unit))
            return
        node = model.graph[place.layer]
        self.state.trace(Place(*compute.origin(model, node, source, shown.fold)))

    @Slot()
    def _on_crumb_clicked(self) -> None:
        self.state.retrace(next(n for n, button in enumerate(self._crumbs) if button is self.sender()))
        self.show_trail(self.state.trail)

    @Slot(bool)
    def _on_which_toggled(self, on: bool) -> None:
        place = self.state.selection
        if place is not None and place.softmax != on:
            self.state.select(Place(place.layer, place.unit, place.cell, on))

    @Slot(int)
    def _on_digits_changed(self, digits: int) -> None:
        for panel in self._panels.values():
            panel.set_digits(digits)

    def setFocus(self, reason: Qt.FocusReason = Qt.FocusReason.OtherFocusReason) -> None:
        """Give the keyboard to the panel."""
        panel = self.panel
        if panel is not None:
            panel.take_focus(reason)
        else:
            super().setFocus(reason)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Hand the keyboard on to the panel: a tab that is opened gives it to the first that takes it."""
        super().focusInEvent(event)
        panel = self.panel
        if panel is not None:
            panel.take_focus(event.reason())

    @Slot()
    def _on_back_activated(self) -> None:
        self.state.retrace(self.state.trail.at - 1)

    @Slot()
    def _on_forward_activated(self) -> None:
        self.state.retrace(self.state.trail.at + 1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Backspace goes one step back towards the result, as Alt and the left arrow do."""
        if event.key() == Qt.Key.Key_Backspace:
            self.state.retrace(self.state.trail.at - 1)
        else:
            super().keyPressEvent(event)

    def remember(self, settings: Settings) -> None:
        """Store the digits."""
        settings.put("step/digits", self._digits.value())

    def recall(self, settings: Settings) -> None:
        """Bring the digits back."""
        self._digits.setValue(settings.integer("step/digits", 3, *DIGITS))


def _title(place: Place) -> str:
    return f"softmax of {place.layer}" if place.softmax else place.layer


def _in_panel(place: Place, shown: compute.Shown) -> tuple[int | None, tuple[int, int] | None]:
    """Return unit and cell as the panel counts them."""
    if shown.fold is not None:
        return (0, shown.fold.cell(place.unit)) if place.unit is not None else (0, None)
    return place.unit, place.cell if place.cell is not None else ((0, 0) if shown.output.shape[1:] == (1, 1) else None)
