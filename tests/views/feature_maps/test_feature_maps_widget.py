"""The tab *Maps*: what is seen is what was computed, and what is clicked is what is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QToolButton
from pytestqt.qtbot import QtBot

from cnnviz.core import scale
from cnnviz.core.formats import number
from cnnviz.core.inspection import Inspection
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.feature_maps.widget import EMPTY, FeatureMapsView
from cnnviz.widgets import colormap, theme
from tests.samples import sample_inspection, sample_model

MODEL = sample_model()


@pytest.fixture
def view(show_view: Callable[..., FeatureMapsView]) -> FeatureMapsView:
    return show_view(FeatureMapsView)


@pytest.fixture
def values(state: AppState) -> Inspection:
    state.set_model(MODEL)
    inspection = sample_inspection(MODEL)
    state.set_inspection(inspection)
    return inspection


def move(view: FeatureMapsView, point: QPoint) -> None:
    where, none = QPointF(point), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, where, where, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view.grid, event)


def colour_of(view: FeatureMapsView, unit: int, cell: tuple[int, int]) -> QColor:
    position = view.grid.position_of(unit)
    assert position is not None
    rect = view.grid.cell_rect(position, *cell)
    return view.grid.grab().toImage().pixelColor(rect.topLeft() + QPoint(2, 2))


def test_nothing_loaded_says_what_to_do(view: FeatureMapsView) -> None:
    assert view.grid._sentence == EMPTY
    assert EMPTY.startswith("Draw a digit")
    assert not view.legend.isVisible()


@pytest.mark.parametrize("scope", ["unit", "layer", "network"])
def test_colours_follow_the_scale_that_is_chosen(
    view: FeatureMapsView, state: AppState, values: Inspection, scope: str
) -> None:
    state.set_scope(scope)  # type: ignore[arg-type]
    limits = scale.network_limits(MODEL.graph, values.values) if scope == "network" else None
    state.set_inspection(replace(values, network_limits=limits))
    state.select(Place("relu2"))
    maps = values.values["relu2"]
    unsigned = ("relu1", "pool1", "relu2", "pool2", "flatten", "relu3", "relu4")
    for unit, cell in ((0, (0, 0)), (3, (9, 9)), (15, (4, 7))):
        most = {
            "unit": maps[unit].max(),
            "layer": maps.max(),
            "network": max(values.values[name].max() for name in unsigned),
        }[scope]
        index = 1 + int(float(maps[unit][cell]) / float(most) * 254 + 0.5)
        expected, found = QColor(colormap.colour_table("activation")[index]), colour_of(view, unit, cell)
        for part in ("red", "green", "blue"):
            assert abs(getattr(found, part)() - getattr(expected, part)()) <= 4


def test_the_value_under_the_pointer_is_the_arrays(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2"))
    for unit, row, column in ((0, 0, 0), (7, 3, 9), (15, 9, 5)):
        move(view, view.grid.cell_rect(unit, row, column).center())
        assert state.pointed == Place("conv2", unit, (row, column))
        value = number(float(values.values["conv2"][unit, row, column]), 5)
        assert view._value.text() == f"map {unit}, row {row}, column {column}: {value}"
    state.set_inspection(sample_inspection(MODEL, seed=5, generation=2))  # the pen moved, the pointer did not
    assert state.inspection is not None
    assert view._value.text().endswith(number(float(state.inspection.values["conv2"][15, 9, 5]), 5))
    move(view, QPoint(view.grid.width() - 1, view.grid.height() - 1))
    assert state.pointed is None
    assert view._value.text() == ""


def test_an_element_of_a_vector_has_no_cell(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("fc1"))
    move(view, view.grid.cell_rect(17, 0, 0).center())
    assert state.pointed == Place("fc1", 17)
    assert view._value.text() == f"element 17: {number(float(values.values['fc1'][17]), 5)}"
    QTest.mouseClick(
        view.grid, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, view.grid.tile_rect(17).center()
    )
    assert state.selection == Place("fc1", 17)


def test_pointing_in_another_view_is_shown_here(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("pool2"))
    plain = view.grid.grab().toImage()
    state.set_pointed(Place("conv1", 2, (3, 3)))
    assert view.grid.grab().toImage() == plain  # another layer
    state.set_pointed(Place("pool2", 2, (3, 3)))
    assert view.grid.grab().toImage() != plain
    assert view._value.text().startswith("map 2, row 3, column 3: ")


def test_a_click_chooses_the_cell_in_the_state(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("pool1"))
    point = view.grid.cell_rect(4, 11, 2).center()
    QTest.mouseClick(view.grid, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point)
    assert state.selection == Place("pool1", 4, (11, 2))


def test_keys_walk_zoom_and_come_back(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv1"))
    button = view.findChild(QToolButton)
    assert button is not None
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        QTest.keyClick(view.grid, key)
    assert state.selection == Place("conv1", 1)
    assert view.grid.zoomed == 1
    assert button.isChecked()
    QTest.keyClick(view.grid, Qt.Key.Key_Right)
    assert view.grid.zoomed == 2
    assert state.selection == Place("conv1", 2)
    QTest.keyClick(view.grid, Qt.Key.Key_Escape)
    assert view.grid.zoomed is None
    assert not button.isChecked()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert view.grid.zoomed == 2
    state.select(Place("fc1"))  # single numbers: nothing to enlarge
    assert view.grid.zoomed is None
    assert not button.isChecked()
    assert not button.isEnabled()


@pytest.mark.parametrize("order", ["mean", "maximum"])
def test_sorting_moves_maps_with_their_numbers(
    view: FeatureMapsView, state: AppState, values: Inspection, order: str
) -> None:
    state.select(Place("conv2"))
    box = view.findChild(QComboBox)
    assert box is not None
    box.setFocus()
    for _ in range(["index", "mean", "maximum"].index(order)):
        QTest.keyClick(box, Qt.Key.Key_Down)
    maps = values.values["conv2"]
    key = maps.mean((1, 2)) if order == "mean" else maps.max((1, 2))
    best = int(key.argmax())
    assert view.grid.position_of(best) == 0
    move(view, view.grid.cell_rect(0, 2, 6).center())
    assert state.pointed == Place("conv2", best, (2, 6))
    assert view._value.text().endswith(number(float(maps[best, 2, 6]), 5))


def test_silent_maps_are_marked_and_counted(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    arrays = dict(values.values)
    arrays["relu1"] = arrays["relu1"].copy()
    arrays["relu1"][3] = 0
    state.select(Place("relu1"))
    assert "silent" not in view._summary.text()
    state.set_inspection(replace(values, generation=2, values=MappingProxyType(arrays)))
    assert view._summary.text() == "6 maps of 28 × 28, 1 silent for this input"
    assert view.grid._all is not None
    assert view.grid._all.marks == ("", "", "", "silent", "", "")
    assert "silent" in view.grid.accessibleDescription()


def test_the_legend_ends_where_the_colours_do(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv1"))
    most = number(float(np.abs(values.values["conv1"]).max()))
    assert view.legend.accessibleDescription().strip() == f"From −{most} to {most}."


def test_the_order_is_remembered(qtbot: QtBot, view: FeatureMapsView, tmp_path: Path) -> None:
    box = view.findChild(QComboBox)
    assert box is not None
    box.setCurrentIndex(2)
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = FeatureMapsView(AppState(), MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    again = other.findChild(QComboBox)
    assert again is not None
    assert again.currentData() == "maximum"
    assert other._size.value() == 0
    settings.put("maps/order", "nonsense")
    other.recall(settings)
    assert again.currentData() == "index"


def keys(view: FeatureMapsView, *pressed: Qt.Key) -> None:
    for key in pressed:
        QTest.keyClick(view.grid, key)


def shown_units(view: FeatureMapsView) -> tuple[int, ...]:
    return view.grid._maps.units if view.grid._maps is not None else ()


def test_maps_are_chosen_by_keyboard_with_their_count(
    view: FeatureMapsView, state: AppState, values: Inspection
) -> None:
    arrays = dict(values.values)
    arrays["relu2"] = arrays["relu2"].copy()
    arrays["relu2"][[2, 9]] = 0
    state.set_inspection(replace(values, generation=2, values=MappingProxyType(arrays)))
    state.select(Place("relu2"))
    QTest.keyClick(view._only, Qt.Key.Key_Down)
    assert shown_units(view) == tuple(u for u in range(16) if u not in (2, 9))
    assert view._summary.text().startswith("14 of 16 maps of 10 × 10")
    QTest.keyClick(view._only, Qt.Key.Key_Down)
    assert shown_units(view) == (2, 9)
    QTest.keyClick(view._only, Qt.Key.Key_Down)
    assert view._above.isVisible()
    most = arrays["relu2"].max((1, 2))
    limit = round(float(np.median(most)), 3)
    view._above.setValue(limit)
    assert shown_units(view) == tuple(np.flatnonzero(most > limit))
    view._above.setValue(1000)
    assert shown_units(view) == ()
    assert view.grid._sentence.startswith("None of the 16 maps")
    keys(view, Qt.Key.Key_Right, Qt.Key.Key_P, Qt.Key.Key_Return)  # nothing is there to walk to
    assert state.selection == Place("relu2")


def test_a_search_finds_units(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2"))
    QTest.keyClicks(view._search, "unit 12, 3-5")
    assert shown_units(view) == (3, 4, 5, 12)
    assert view._summary.text().startswith("4 of 16 maps")
    maps = values.values["conv2"]
    move(view, view.grid.cell_rect(3, 2, 6).center())
    assert state.pointed == Place("conv2", 12, (2, 6))
    assert view._value.text().endswith(number(float(maps[12, 2, 6]), 5))


def test_an_order_can_be_turned_round(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2"))
    QTest.mouseClick(view._reverse, Qt.MouseButton.LeftButton)
    assert shown_units(view) == tuple(range(15, -1, -1))
    view._order.setCurrentIndex(5)
    view._order.activated.emit(5)
    variance = values.values["conv2"].reshape(16, -1).var(1)
    assert shown_units(view) == tuple(np.argsort(variance, kind="stable"))
    least = int(variance.argmin())
    assert view.grid._maps is not None
    assert view.grid._maps.names[0] == f"{least}  {number(float(variance[least]))}"  # what it is sorted by


def test_pinned_maps_stay_on_top_through_pictures_and_layers(
    view: FeatureMapsView, state: AppState, values: Inspection
) -> None:
    state.select(Place("conv2", 7))
    assert not view.pinned_area.isVisible()
    keys(view, Qt.Key.Key_P)
    state.select(Place("conv2", 3))
    keys(view, Qt.Key.Key_P)
    assert view.pinned._maps is not None
    assert view.pinned._maps.units == (7, 3)
    assert view.pinned_area.isVisible()
    assert shown_units(view) == tuple(range(16))  # they are in their place as well
    QTest.keyClicks(view._search, "12")
    assert view.pinned._maps.units == (7, 3)  # whatever else is shown
    view._search.clear()
    newer = sample_inspection(MODEL, seed=9, generation=2)
    state.set_inspection(newer)
    stored = [view.pinned._maps.values_chw[view.pinned._maps.stored(p)] for p in (0, 1)]
    assert np.array_equal(stored, newer.values["conv2"][[7, 3]])
    state.select(Place("conv1", 0))
    assert not view.pinned_area.isVisible()
    state.select(Place("conv2", 7))
    assert view.pinned._maps.units == (7, 3)
    point = view.pinned.cell_rect(1, 4, 4).center()
    QTest.mouseClick(view.pinned, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point)
    assert state.selection == Place("conv2", 3, (4, 4))
    keys(view, Qt.Key.Key_P)
    assert view.pinned._maps.units == (7,)
    QTest.mouseClick(view._unpin, Qt.MouseButton.LeftButton)
    assert not view.pinned_area.isVisible()
    assert not view._unpin.isVisible()


def test_a_pin_is_clicked_and_another_network_has_none(
    view: FeatureMapsView, state: AppState, values: Inspection
) -> None:
    state.select(Place("conv2"))
    pin = view.grid._pin_rect(4).center()
    move(view, pin)
    QTest.mouseClick(view.grid, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, pin)
    assert view.pinned._maps is not None
    assert view.pinned._maps.units == (4,)
    assert state.selection == Place("conv2")
    view.grid.offer_pin(11)
    view.grid._pin.trigger()
    assert view.pinned._maps.units == (4, 11)
    assert view.pinned_area.height() <= 0.45 * view.height()
    state.set_model(replace(MODEL, request=replace(MODEL.request, name="other")))
    assert not view.pinned_area.isVisible()
    assert view._pins == {}


def test_the_cell_under_the_pointer_is_marked_in_every_map_with_its_value(
    view: FeatureMapsView, state: AppState, values: Inspection
) -> None:
    state.select(Place("relu2"))
    plain = view.grid.grab().toImage()
    move(view, view.grid.cell_rect(5, 6, 3).center())
    crossed = view.grid.grab().toImage()

    def changed(rect: QRect) -> bool:
        return plain.copy(rect) != crossed.copy(rect)

    for unit in range(16):
        cell = view.grid.cell_rect(unit, 6, 3)
        assert changed(cell.adjusted(-2, -2, 2, 2))
        far = view.grid.cell_rect(unit, 0, 9)
        assert unit == 5 or not changed(far.adjusted(1, 1, -1, -1))
        assert changed(view.grid._layout.name_rect(unit))
    pointer = QColor(view.grid.grab().toImage().pixelColor(view.grid.cell_rect(9, 6, 3).topLeft() - QPoint(1, 1)))
    assert pointer == theme.current().color("pointer")
    other = sample_inspection(MODEL, seed=4, generation=2)
    state.set_inspection(other)  # values are those of the new picture
    assert view.grid.grab().toImage().copy(view.grid._layout.name_rect(2)) != crossed.copy(
        view.grid._layout.name_rect(2)
    )


def test_maps_grow_by_slider_and_wheel(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2"))
    fitted = view.grid.tile_rect(0).width()
    QTest.keyClick(view._size, Qt.Key.Key_Right)
    assert view.grid.tile_rect(0).width() == 32
    point = QPointF(view.grid.rect().center())
    for delta in (120, 120, -120):
        wheel = QWheelEvent(
            point, point, QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton, Qt.KeyboardModifier.ControlModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view.grid, wheel)
    assert view.grid.tile_rect(0).width() == 40
    QTest.keyClick(view._size, Qt.Key.Key_Home)
    assert view.grid.tile_rect(0).width() == fitted


def test_walking_within_a_layer_makes_no_colours_anew(
    view: FeatureMapsView, state: AppState, values: Inspection, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.select(Place("conv2"))
    calls: list[object] = []
    monkeypatch.setattr(view.grid, "show_maps", calls.append)
    keys(view, Qt.Key.Key_Right, Qt.Key.Key_Right)
    assert state.selection == Place("conv2", 1)
    assert calls == []


def test_size_and_direction_are_remembered(qtbot: QtBot, view: FeatureMapsView, tmp_path: Path) -> None:
    view._size.setValue(4)
    view._reverse.setChecked(True)
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = FeatureMapsView(AppState(), MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    assert other._size.value() == 4
    assert other._reverse.isChecked()
    settings.put("maps/size", 4000)
    other.recall(settings)
    assert other._size.value() == other._size.maximum()


def test_another_network_shows_all_its_maps(view: FeatureMapsView, state: AppState, values: Inspection) -> None:
    state.select(Place("conv2"))
    view._only.setCurrentIndex(3)
    view._only.activated.emit(3)
    view._above.setValue(0.5)
    QTest.keyClicks(view._search, "12")
    state.select(Place("relu2"))
    assert shown_units(view) == (12,)  # the same unit one layer on
    state.set_inspection(sample_inspection(MODEL, seed=3, generation=2))
    assert view._search.text() == "12"  # another picture changes nothing
    other = replace(MODEL, request=replace(MODEL.request, name="other"))
    state.set_model(other)
    state.set_inspection(sample_inspection(other))
    assert shown_units(view) == tuple(range(16))
    assert (view._search.text(), view._only.currentData()) == ("", "all")
    assert not view._above.isVisible()


@pytest.mark.parametrize("what", ["order", "reverse", "only", "search"])
def test_other_maps_are_shown_from_the_top(
    view: FeatureMapsView, state: AppState, values: Inspection, what: str
) -> None:
    state.select(Place("conv2"))
    view._size.setValue(view._size.maximum())
    bar = view.area.verticalScrollBar()
    bar.setValue(bar.maximum())
    assert bar.value() > 0
    if what == "reverse":
        QTest.mouseClick(view._reverse, Qt.MouseButton.LeftButton)
    elif what == "search":
        QTest.keyClicks(view._search, "0-15")
    else:
        QTest.keyClick(view._order if what == "order" else view._only, Qt.Key.Key_Down)
    assert bar.value() == 0


def test_a_search_for_thousands_of_digits_finds_nothing(
    view: FeatureMapsView, state: AppState, values: Inspection
) -> None:
    state.select(Place("conv2"))
    QApplication.clipboard().setText("9" * 6000)
    view._search.paste()
    assert shown_units(view) == ()


@pytest.mark.parametrize("look", [("light", 1.0), ("dark", 1.5)])
@pytest.mark.parametrize("width", [1500, 620, 470])
def test_every_control_is_readable_however_narrow_the_room(
    view: FeatureMapsView, state: AppState, values: Inspection, qapp: QApplication, width: int, look: tuple[str, float]
) -> None:
    state.select(Place("conv2", 7))
    view._only.setCurrentIndex(3)
    view._only.activated.emit(3)
    keys(view, Qt.Key.Key_P)
    theme.apply(qapp, *look)
    view.resize(width, 500)
    QApplication.processEvents()
    controls = (
        view._order, view._reverse, view._only, view._above, view._search, view._zoom, view._size, view._unpin,
    )  # fmt: skip
    for control in controls:
        assert control.isVisible()
        assert control.width() >= control.sizeHint().width() or control is view._size
    shown = [*controls, view.legend, view._summary, view.pinned_area, view.area]
    for one in shown:
        assert view.rect().contains(one.geometry()), one
        assert sum(one.geometry().intersects(other.geometry()) for other in shown) == 1, one
    theme.apply(qapp, "light")
