"""The tab *On the input*: what is framed is what is seen, a click chooses a cell, a gradient is asked for at rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import Inspection
from cnnviz.core.receptive import receptive_region
from cnnviz.state.app_state import AppState, Gradient, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.overlay import compute
from cnnviz.views.overlay.widget import EMPTY, NO_PICTURE, REST_MS, OverlayView
from cnnviz.widgets import colormap, theme
from tests.samples import sample_inspection, sample_model

MODEL = sample_model()
LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def view(show_view: Callable[..., OverlayView]) -> OverlayView:
    return show_view(OverlayView)


@pytest.fixture
def values(state: AppState) -> Inspection:
    state.set_model(MODEL)
    inspection = sample_inspection(MODEL)
    state.set_inspection(inspection)
    return inspection


def over(view: OverlayView, name: str) -> None:
    view._over.setFocus()
    QTest.keyClick(view._over, Qt.Key.Key_Home)
    for _ in range(compute.OVERS.index(name)):  # type: ignore[arg-type]
        QTest.keyClick(view._over, Qt.Key.Key_Down)


def colour_at(view: OverlayView, row: int, column: int) -> QColor:
    """Return the colour of a pixel of the input as it is drawn."""
    rect = view.figure.picture_rect()
    scale = rect.width() / 28
    point = rect.topLeft() + QPoint(int((column + 0.5) * scale), int((row + 0.5) * scale))
    return view.figure.grab().toImage().pixelColor(point)


def near(a: QColor, b: QColor, by: int = 4) -> bool:
    return all(abs(getattr(a, part)() - getattr(b, part)()) <= by for part in ("red", "green", "blue"))


def test_nothing_loaded_says_what_to_do(view: OverlayView) -> None:
    assert view.figure._sentence == EMPTY
    assert not view._over.isEnabled()


def test_only_the_picture_is_what_the_network_saw(view: OverlayView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2", 3, (4, 4)))
    over(view, "nothing")
    view._shows_field.setChecked(False)
    picture = compute.picture_of(MODEL, values)
    for row, column in ((0, 0), (13, 7), (27, 27)):
        level = int(picture[row, column, 0])
        assert near(colour_at(view, row, column), QColor(level, level, level))
    assert not view._alpha.isEnabled()
    assert not view.legend.isVisible()


def test_the_map_covers_the_picture_as_much_as_the_slider_says(
    view: OverlayView, state: AppState, values: Inspection
) -> None:
    state.select(Place("relu2", 5, (0, 0)))
    view._shows_field.setChecked(False)
    maps = values.values["relu2"]
    index = 1 + int(float(maps[5, 9, 5]) / float(maps.max()) * 254 + 0.5)
    colour = QColor(colormap.colour_table("activation")[index])
    level = int(compute.picture_of(MODEL, values)[26, 15, 0])
    for alpha in (100, 0, 40):
        view._alpha.setValue(alpha)
        parts = [level + (part - level) * alpha / 100 for part in (colour.red(), colour.green(), colour.blue())]
        assert near(colour_at(view, 26, 15), QColor(*(round(part) for part in parts)), 5)  # cell (9, 5) of 10 × 10
    view._alpha.setValue(100)
    squares = view.figure.grab().toImage()
    QTest.keyClick(view._smooth, Qt.Key.Key_Space)
    assert view.figure.grab().toImage() != squares


def test_the_exact_field_is_framed_and_the_rest_dimmed(view: OverlayView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2", 3, (6, 1)))
    over(view, "nothing")
    region = receptive_region(MODEL.graph, "conv2", 3, (6, 1))
    (top, bottom), (left, right) = region.rows, region.cols
    assert (bottom - top, right - left) == (14, 14)
    assert f"rows {top}–{bottom - 1}, columns {left}–{right - 1}" in view._summary.text()
    assert view._summary.text() == view.figure.accessibleDescription()
    rect, scale = view.figure.picture_rect(), view.figure.picture_rect().width() / 28
    image = view.figure.grab().toImage()
    edge = rect.topLeft() + QPoint(round(left * scale), round((top + bottom) / 2 * scale))
    assert near(image.pixelColor(edge), theme.current().color("pointer"), 2)
    level = int(compute.picture_of(MODEL, values)[2, 25, 0])
    outside = colour_at(view, 2, 25).red()
    assert outside < level or level == 0
    QTest.keyClick(view._shows_field, Qt.Key.Key_Space)
    assert near(colour_at(view, 2, 25), QColor(level, level, level))
    state.select(Place("fc1", 7))
    assert "sees the whole picture" in view._summary.text()


def test_a_click_and_arrows_choose_the_cell(view: OverlayView, state: AppState, values: Inspection) -> None:
    state.select(Place("pool2", 3))
    rect = view.figure.picture_rect()
    QTest.mouseClick(view.figure, LEFT, NO_KEYS, rect.topLeft() + QPoint(rect.width() * 7 // 10, rect.height() // 10))
    assert state.selection == Place("pool2", 3, (0, 3))
    for key, cell in (
        (Qt.Key.Key_Up, (0, 3)), (Qt.Key.Key_Right, (0, 4)), (Qt.Key.Key_Right, (0, 4)), (Qt.Key.Key_Down, (1, 4)),
    ):  # fmt: skip
        QTest.keyClick(view.figure, key)
        assert state.selection == Place("pool2", 3, cell)
    state.select(Place("fc1", 2))
    QTest.mouseClick(view.figure, LEFT, NO_KEYS, rect.center())
    assert state.selection == Place("fc1", 2)


def gradient_of(place: Place, generation: int = 1) -> Gradient:
    magnitude = np.zeros((28, 28), np.float32)
    magnitude[10, 12] = 2
    return Gradient(MODEL.request, generation, place, magnitude)


def test_a_gradient_is_asked_for_when_the_selection_rests_and_stale_ones_are_dropped(
    view: OverlayView, state: AppState, values: Inspection, qtbot: QtBot
) -> None:
    wishes: list[Place] = []
    state.gradient_requested.connect(wishes.append)
    state.select(Place("conv2", 3, (4, 4)))
    assert not view._rest.isActive()  # not switched on
    over(view, "gradient")
    state.select(Place("conv2", 3, (4, 5)))
    assert view._rest.interval() == REST_MS
    with qtbot.waitSignal(state.gradient_requested):
        assert "computing" in view._summary.text()
    assert wishes == [Place("conv2", 3, (4, 5))]  # once, for where it came to rest
    state.set_gradient(gradient_of(Place("conv2", 3, (4, 4))))
    assert "computing" in view._summary.text()
    state.set_gradient(gradient_of(Place("conv2", 3, (4, 5))))
    assert not view._rest.isActive()
    assert view._summary.text().endswith(f"{1 / 14**2:.1%} of the field carries 95% of the gradient")
    assert view.legend.accessibleDescription().startswith("From 0 to 2.00.")
    view._alpha.setValue(100)
    assert near(colour_at(view, 10, 12), QColor(colormap.colour_table("activation")[255]))
    state.set_inspection(sample_inspection(MODEL, generation=2))  # another picture
    assert "computing" in view._summary.text()
    assert view._rest.isActive()
    view.hide()
    assert not view._rest.isActive()


def test_an_input_that_is_no_picture_says_so(view: OverlayView, state: AppState, values: Inspection) -> None:
    nodes = (replace(MODEL.graph.nodes[0], output_shape=(5, 28, 28)), *MODEL.graph.nodes[1:])
    other = replace(MODEL, graph=replace(MODEL.graph, nodes=nodes), request=replace(MODEL.request, device="cpu"))
    state.set_model(other)
    arrays = {**values.values, "input": np.zeros((5, 28, 28), np.float32)}
    state.set_inspection(replace(values, request=other.request, values=arrays))
    assert view.figure._sentence == NO_PICTURE


def test_what_is_laid_over_is_remembered(view: OverlayView, tmp_path: Path, qtbot: QtBot) -> None:
    view._alpha.setValue(33)
    view._smooth.setChecked(True)
    view._shows_field.setChecked(False)
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = OverlayView(AppState(), MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    assert (other._alpha.value(), other._smooth.isChecked(), other._shows_field.isChecked()) == (33, True, False)


def test_a_gradient_that_is_refused_is_not_asked_for_again(
    view: OverlayView, state: AppState, values: Inspection, qtbot: QtBot
) -> None:
    state.select(Place("conv2", 3, (4, 4)))
    with qtbot.waitSignal(state.gradient_requested, timeout=5000):
        over(view, "gradient")
    state.refuse_gradient()
    assert view._over.currentData() == "map"
    assert "computing" not in view._summary.text()
    assert not view._rest.isActive()
