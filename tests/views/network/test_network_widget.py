"""The map as a user meets it: pictures by meaning, pointing, clicking, walking by keys."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.views.network.widget import NetworkView
from cnnviz.widgets import colormap, theme
from tests.samples import sample_inspection, sample_model


@pytest.fixture
def view(show_view: Callable[..., NetworkView], state: AppState) -> NetworkView:
    view = show_view(NetworkView, 880, 430)
    model = sample_model()
    state.set_model(model)
    state.set_inspection(sample_inspection(model))
    return view


def test_the_colour_of_a_cell_is_the_colour_of_its_value(view: NetworkView, state: AppState) -> None:
    assert state.inspection is not None
    picture = view.canvas.grab().toImage()
    for layer, role in (("pool2", "activation"), ("conv2", "signed")):
        values = state.inspection.values[layer]
        high = float(np.abs(values).max())
        for cell in ((0, 0), (4, 4), (2, 3)):
            value = float(values[5][cell])
            share = (value + high) / (2 * high) if role == "signed" else value / high
            index = 1 + round(share * 254)
            expected = QColor(colormap.colour_table(role)[index])  # type: ignore[index]
            found = picture.pixelColor(view.canvas.point_of(layer, 5, cell))
            for part in ("red", "green", "blue"):
                assert abs(getattr(found, part)() - getattr(expected, part)()) <= 3


def test_new_values_change_the_picture_and_the_scale_does_too(view: NetworkView, state: AppState) -> None:
    assert state.model is not None
    first = view.canvas.grab().toImage()
    state.set_inspection(sample_inspection(state.model, seed=1, generation=2))
    second = view.canvas.grab().toImage()
    assert first != second
    state.set_scope("unit")
    assert view.canvas.grab().toImage() != second


def test_pointing_lights_up_the_value_and_its_sources_and_leaving_ends_it(
    view: NetworkView, state: AppState, qtbot: QtBot
) -> None:
    plain = view.canvas.grab().toImage()
    QTest.mouseMove(view.canvas, view.canvas.point_of("conv2", 6, (3, 4)))
    qtbot.waitUntil(lambda: state.pointed == Place("conv2", 6, (3, 4)))
    lit = view.canvas.grab().toImage()
    pointer = theme.current().color("pointer")
    box = view.canvas._layout.box("pool1")
    assert box is not None
    frame = box.cell_rect(2, (3, 8), (4, 9))
    assert lit.pixelColor(frame[0] - 1, frame[1] + 3) == pointer
    assert plain.pixelColor(frame[0] - 1, frame[1] + 3) != pointer
    QTest.mouseMove(view.canvas, QPoint(3, view.canvas.height() - 3))
    qtbot.waitUntil(lambda: state.pointed is None)


def test_a_click_selects_layer_unit_and_cell(view: NetworkView, state: AppState) -> None:
    QTest.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=view.canvas.point_of("pool1", 2, (5, 6)))
    assert state.selection == Place("pool1", 2, (5, 6))
    box = view.canvas._layout.box("fc2")
    assert box is not None
    QTest.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=QPoint(box.column_x + 4, box.name_y + 10))
    assert state.selection == Place("fc2")


def test_the_keyboard_walks_layers_and_units(view: NetworkView, state: AppState, qtbot: QtBot) -> None:
    state.select(Place("conv1"))
    keys = Qt.Key
    for key, expected in (
        (keys.Key_Right, Place("relu1")), (keys.Key_Down, Place("relu1", 0)), (keys.Key_Down, Place("relu1", 1)),
        (keys.Key_Right, Place("pool1", 1)), (keys.Key_Up, Place("pool1", 0)), (keys.Key_Up, Place("pool1", 0)),
        (keys.Key_End, Place("fc3", 0)), (keys.Key_Home, Place("input", 0)), (keys.Key_Left, Place("input", 0)),
        (keys.Key_Escape, Place("input")),
    ):  # fmt: skip
        QTest.keyClick(view.canvas, key)
        assert state.selection == expected
    with qtbot.waitSignal(state.enter_requested):
        QTest.keyClick(view.canvas, keys.Key_Return)


def test_the_wheel_zooms_around_the_pointer_and_zero_fits(view: NetworkView) -> None:
    canvas = view.canvas
    at = canvas.point_of("fc3", 4)
    wheel = QWheelEvent(
        QPointF(at), QPointF(canvas.mapToGlobal(at)), QPoint(), QPoint(0, 480), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    before = canvas._layout.width
    QApplication.sendEvent(canvas, wheel)
    assert canvas._layout.width > before * 1.5
    moved = canvas.point_of("fc3", 4)
    assert abs(moved.x() - at.x()) < 60
    QTest.keyClick(canvas, Qt.Key.Key_0)
    assert canvas._layout.width == before


def test_dragging_pans_a_zoomed_map_and_does_not_select(view: NetworkView, state: AppState) -> None:
    canvas = view.canvas
    canvas.zoom_by(3)
    selected = state.selection
    before = canvas.point_of("conv2", 0)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(400, 200))
    for x in range(395, 300, -10):
        QTest.mouseMove(canvas, QPoint(x, 200))
        QApplication.processEvents()
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(300, 200))
    assert canvas.point_of("conv2", 0).x() < before.x() - 50
    assert state.selection == selected


def test_before_a_network_is_there_it_says_so(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    view = NetworkView(AppState(), MessageCenter())
    qtbot.addWidget(view)
    view.resize(600, 300)
    view.show()
    picture = view.canvas.grab().toImage()
    colours = {picture.pixel(x, y) for x in range(150, 450) for y in range(130, 170)}
    assert len(colours) > 5  # words


def test_the_picture_is_saved_as_png_and_svg(view: NetworkView, tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    for name in ("map.png", "map.svg"):
        view.canvas.save_picture(folder / name)
    from PySide6.QtGui import QImage
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(str(folder / "map.png"))
    assert image.width() == 2 * view.canvas.width()
    renderer = QSvgRenderer(str(folder / "map.svg"))
    assert renderer.isValid()
    text = (folder / "map.svg").read_text()
    assert "conv2" in text
    assert "16×10×10" in text
    view.canvas.copy_picture()
    assert QApplication.clipboard().image().width() == 2 * view.canvas.width()
