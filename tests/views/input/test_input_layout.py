"""The input's column in narrow and low windows: nothing covers anything, and what does not fit scrolls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.views.input.tools import ToolRow
from cnnviz.views.input.widget import InputView
from cnnviz.widgets import theme
from tests.samples import sample_model
from tests.views.input.test_input_photo import PHOTOS

DIGITS = sample_model()


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[InputView]:
    made = InputView(AppState(), MessageCenter())
    qtbot.addWidget(made)
    made.show()
    yield made
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme.apply(app, "light")


def span(part: QWidget, view: InputView) -> tuple[int, int]:
    """Return the top of a part and what is below it, in the column."""
    top = part.mapTo(view.parts.widget(), QPoint(0, 0)).y()
    return top, top + part.height()


@pytest.mark.parametrize("model", [DIGITS, PHOTOS], ids=["digits", "photographs"])
@pytest.mark.parametrize("scale", [1.0, 1.5])
@pytest.mark.parametrize("height", [240, 520, 620, 900])
def test_no_part_covers_another(view: InputView, model: object, scale: float, height: int) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme.apply(app, "light", scale)
    view.state.set_model(model)  # type: ignore[arg-type]
    view.resize(max(200, view.minimumSizeHint().width()), height)
    for _ in range(3):
        QApplication.processEvents()
    tools, slider = view.findChildren(ToolRow)[0], view.drawing.width_slider
    parts = (view.board, tools, slider, view.parts.named, view.preview)
    spans = [span(part, view) for part in parts if part.isVisible()]
    assert all(one[1] <= other[0] for one, other in pairwise(spans)), spans
    assert view.width() <= 320
    assert view.parts.widget().width() >= view.parts.widget().minimumSizeHint().width()
    if height == 240:
        assert view.parts.verticalScrollBar().maximum() > 0
    if height == 900:
        assert view.parts.verticalScrollBar().maximum() == 0


def test_tools_are_words_with_room_and_signs_without(view: InputView) -> None:
    row = view.findChildren(ToolRow)[0]
    buttons = row.findChildren(QToolButton)
    for width, style in (
        (360, Qt.ToolButtonStyle.ToolButtonTextOnly),
        (view.minimumSizeHint().width(), Qt.ToolButtonStyle.ToolButtonIconOnly),
    ):
        if width < 360:
            row.resize(row.minimumSizeHint())
        else:
            view.resize(width, 800)
            QApplication.processEvents()
        assert {button.toolButtonStyle() for button in buttons} == {style}
    assert all(not button.icon().isNull() and button.toolTip() and button.accessibleName() for button in buttons)
