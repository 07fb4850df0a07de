"""Every registered view, opened with nothing loaded, with a digit, small, and closed again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QTabBar,
    QTabWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.views.base import View, ViewSpec
from cnnviz.views.registry import VIEWS
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure
from tests.samples import sample_inspection, sample_model


@pytest.fixture(params=["light", "dark"])
def _appearance(request: pytest.FixtureRequest, qapp: QApplication) -> None:
    theme.apply(qapp, request.param)


def test_names_are_unique_and_tips_are_sentences() -> None:
    assert len({spec.name for spec in VIEWS}) == len(VIEWS)
    assert all(spec.tip.endswith(".") for spec in VIEWS)


@pytest.mark.usefixtures("_appearance")
@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.name)
def test_a_view_opens_draws_and_closes(spec: ViewSpec, qtbot: QtBot) -> None:
    state, messages = AppState(), MessageCenter()
    posted: list[Message] = []
    messages.posted.connect(posted.append)
    messages.open()
    view = spec.create(state, messages)
    qtbot.addWidget(view)
    view.resize(800, 700)
    view.show()
    qtbot.waitExposed(view)
    empty = view.grab().toImage()
    model = sample_model()
    state.set_model(model)
    state.set_input(np.zeros((28, 28), np.float32), blank=False)
    state.set_inspection(sample_inspection(model))
    state.pin()
    for node in model.graph.nodes:
        for place in (Place(node.name), Place(node.name, node.units - 1)):
            state.select(place)
    for scope in ("unit", "network", "layer"):
        state.set_scope(scope)
    full = view.grab().toImage()
    if spec.name not in ("input", "lab", "race", "training"):  # these do not depend on the network
        assert empty != full
    assert view.minimumSizeHint().width() <= 800
    assert view.minimumSizeHint().height() <= 700
    assert not [message for message in posted if message.level != "notice"]
    view.hide()
    state.set_inspection(sample_inspection(model, seed=1, generation=2))
    view.show()
    state.set_model(None)
    state.select(None)
    view.grab()
    view.close()


@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.name)
def test_every_picture_and_control_has_a_name(spec: ViewSpec, qtbot: QtBot) -> None:
    view = spec.create(AppState(), MessageCenter())
    qtbot.addWidget(view)
    view.show()
    labelled = {label.buddy() for label in view.findChildren(QLabel)}
    focusable = [w for w in view.findChildren(QWidget) if w.focusPolicy().value and w.isVisible()]
    assert focusable
    for widget in focusable:
        inner = isinstance(widget.parent(), QAbstractSpinBox | QComboBox | QAbstractScrollArea)  # a part of a control
        named = widget.accessibleName() or getattr(widget, "text", str)() or widget in labelled or inner
        assert named or isinstance(widget, QTabWidget | QTabBar | View), widget
    view.close()


@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.name)
def test_what_is_saved_as_svg_is_what_is_saved_as_png(spec: ViewSpec, qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    state = AppState()
    view = spec.create(state, MessageCenter())
    qtbot.addWidget(view)
    view.resize(800, 500)
    view.show()
    model = sample_model()
    state.set_model(model)
    state.set_input(np.zeros((28, 28), np.float32), blank=False)
    state.set_inspection(sample_inspection(model))
    state.pin()
    state.select(Place("conv2", 3))
    figures = [figure for figure in view.findChildren(Figure) if figure.isVisible()]
    for figure in figures:
        expected = figure.to_image(1.0).convertToFormat(QImage.Format.Format_RGB32)
        found = QImage(expected.size(), QImage.Format.Format_RGB32)
        renderer = QSvgRenderer(figure._svg())
        painter = QPainter(found)
        renderer.render(painter)
        painter.end()
        a, b = (np.frombuffer(i.constBits(), np.uint8).astype(int) for i in (expected, found))
        assert np.abs(a - b).mean() < 4, figure.accessibleName()  # letters differ a little, pictures do not
    assert figures or spec.name == "numbers"
    view.close()


@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.name)
def test_a_picture_that_cannot_be_saved_is_reported(
    spec: ViewSpec, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = MessageCenter()
    posted: list[Message] = []
    messages.posted.connect(posted.append)
    messages.open()
    view = spec.create(AppState(), messages)
    qtbot.addWidget(view)
    view.show()
    view.hide()
    view.show()
    monkeypatch.setattr(
        "cnnviz.widgets.figure.QFileDialog.getSaveFileName", lambda *_: (str(tmp_path / "none" / "a.png"), "")
    )
    figures = view.findChildren(Figure)
    for figure in figures:
        figure.ask_and_save()
    assert len(posted) == len(figures)
    view.close()


@pytest.mark.parametrize("spec", [s for s in VIEWS if s.name != "input"], ids=lambda spec: spec.name)
def test_a_hidden_view_costs_nothing(spec: ViewSpec, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    state = AppState()
    view = spec.create(state, MessageCenter())
    qtbot.addWidget(view)
    model = sample_model()
    calls: list[object] = []
    for name in [n for n in dir(view) if n.startswith("show_")]:
        monkeypatch.setattr(view, name, calls.append)
    state.set_model(model)
    state.set_inspection(sample_inspection(model))
    assert calls == []
