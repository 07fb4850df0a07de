"""The grid of maps: colours are the values', pointing reads them, keys walk, one map fills the room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.widgets import colormap, map_layout, theme
from cnnviz.widgets.cells import cell_text
from cnnviz.widgets.map_grid import MapGrid, MapGridArea, Maps

NO_KEYS = Qt.KeyboardModifier.NoModifier


def maps_of(values_chw: np.ndarray, role: colormap.MapRole = "activation", **other: object) -> Maps:
    count = len(values_chw)
    low = np.array([-1.0 if role != "activation" else 0.0], np.float32)
    high = np.array([1.0], np.float32)
    units = tuple(range(count))
    return Maps(values_chw.astype(np.float32), low, high, role, units, tuple(map(str, units)), **other)  # type: ignore[arg-type]


@pytest.fixture
def area(qtbot: QtBot, qapp: QApplication) -> MapGridArea:
    theme.apply(qapp, "light")
    made = MapGridArea(MapGrid("Maps"))
    qtbot.addWidget(made)
    made.resize(800, 300)
    made.show()
    return made


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, (6, 7, 5)).astype(np.float32)


def move(grid: MapGrid, point: QPoint) -> None:
    where = QPointF(point)
    none = Qt.MouseButton.NoButton
    QApplication.sendEvent(grid, QMouseEvent(QEvent.Type.MouseMove, where, where, none, none, NO_KEYS))


@settings(deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(0, 1500), st.integers(0, 900),
    st.integers(8, 30), st.booleans(),
)  # fmt: skip
def test_every_cell_is_found_where_it_is(
    count: int, height: int, width: int, room_w: int, room_h: int, text_px: int, one: bool
) -> None:
    layout = map_layout.fit((count, height, width), (room_w, room_h), text_px, one=one)
    for position in {0, count // 2, count - 1}:
        for row, column in ((0, 0), (height // 2, width // 2), (height - 1, width - 1)):
            cell = layout.cell_rect(position, row, column)
            assert cell.width() >= 1
            assert cell.height() >= 1
            assert layout.tile_rect(position).contains(cell)
            assert layout.at(cell.center().x() + 0.5, cell.center().y() + 0.5) == (position, row, column)
        assert layout.tile_rect(position).bottom() < layout.needed_h
    assert layout.at(-1, 5) is None
    assert layout.at(layout.tile_rect(0).left() - 2, layout.tile_rect(0).top()) is None
    assert layout.at(layout.tile_rect(0).left(), layout.needed_h + 500) is None


def test_more_room_never_makes_maps_smaller() -> None:
    wide = [map_layout.fit((6, 28, 28), (room, 330), 13).tile_w for room in range(100, 1800, 50)]
    assert wide == sorted(wide)


def test_one_map_gets_cells_that_can_be_read_as_long_as_its_width_fits() -> None:
    whole = map_layout.fit((1, 28, 28), (1084, 300), 13)
    readable = map_layout.fit((1, 28, 28), (1084, 300), 13, one=True)
    assert whole.needed_h <= 300
    assert readable.cell_w >= map_layout.TEXT_CELL_PX > whole.cell_w
    assert readable.tile_w <= 1084
    assert map_layout.fit((1, 28, 28), (600, 300), 13, one=True) == map_layout.fit((1, 28, 28), (600, 300), 13)


@pytest.mark.parametrize("role", ["activation", "signed", "weight"])
def test_the_colour_of_every_cell_is_the_colour_of_its_value(
    area: MapGridArea, values: np.ndarray, role: colormap.MapRole
) -> None:
    grid = area.grid
    grid.show_maps(maps_of(values, role))
    picture = grid.grab().toImage()
    table = colormap.colour_table(role)
    for unit, row, column in np.ndindex(values.shape):
        share = float(values[unit, row, column])
        share = share if role == "activation" else (share + 1) / 2
        corner = grid.cell_rect(unit, row, column).topLeft() + QPoint(2, 2)
        found, expected = picture.pixelColor(corner), QColor(table[1 + int(share * 254 + 0.5)])
        for part in ("red", "green", "blue"):
            assert abs(getattr(found, part)() - getattr(expected, part)()) <= 4


def test_a_cell_without_a_number_is_left_empty(area: MapGridArea, values: np.ndarray) -> None:
    values[2, 3, 1] = np.nan
    area.grid.show_maps(maps_of(values))
    picture = area.grid.grab().toImage()
    assert picture.pixelColor(area.grid.cell_rect(2, 3, 1).center()) == theme.current().color("panel")


def test_values_are_written_into_cells_that_are_large_enough(area: MapGridArea) -> None:
    even = np.full((1, 2, 2), 0.5, np.float32)
    area.grid.show_maps(maps_of(even))
    image = area.grid.grab().toImage()
    cell = area.grid.cell_rect(0, 1, 1)
    assert cell.width() >= map_layout.TEXT_CELL_PX
    inside = {image.pixel(x, y) for x in range(cell.left(), cell.right()) for y in range(cell.top(), cell.bottom())}
    assert len(inside) > 1
    area.grid.show_maps(maps_of(np.full((1, 28, 28), 0.5, np.float32)))
    image = area.grid.grab().toImage()
    tile = area.grid.tile_rect(0)
    assert len({image.pixel(x, tile.center().y()) for x in range(tile.left(), tile.right())}) == 1


@pytest.mark.parametrize(
    ("value", "room", "text"),
    [
        (0.0, 5, "0"), (-0.0523, 7, "−0.0523"), (-0.0523, 6, "−0.052"), (0.0523, 4, "0.05"),
        (6.3e-5, 5.4, "6e−05"), (6.3e-5, 5, "6e−5"), (-0.00012, 6, "−1e−4"), (-1234.5, 5.4, "−1234"),
        (-1234.5, 5, "−1e3"), (-12.3, 2, "…"),
    ],
)  # fmt: skip
def test_the_text_of_a_cell_stays_inside_it(value: float, room: float, text: str) -> None:
    assert cell_text(value, 3, room) == text


def test_pointing_says_which_cell_and_leaving_says_none(area: MapGridArea, values: np.ndarray, qtbot: QtBot) -> None:
    grid = area.grid
    grid.show_maps(maps_of(values))
    said: list[object] = []
    grid.pointed.connect(said.append)
    for unit, row, column in ((0, 0, 0), (3, 6, 4), (5, 2, 1)):
        move(grid, grid.cell_rect(unit, row, column).center())
        assert said[-1] == (unit, row, column)
    move(grid, QPoint(grid.width() - 1, grid.height() - 1))
    assert said[-1] is None
    move(grid, grid.cell_rect(0, 0, 0).center())
    QApplication.sendEvent(grid, QEvent(QEvent.Type.Leave))
    assert said[-1] is None


def test_a_click_chooses_unit_and_cell(area: MapGridArea, values: np.ndarray) -> None:
    area.grid.show_maps(maps_of(values))
    chosen: list[tuple[int, object]] = []
    area.grid.chosen.connect(lambda unit, cell: chosen.append((unit, cell)))
    QTest.mouseClick(area.grid, Qt.MouseButton.LeftButton, NO_KEYS, area.grid.cell_rect(4, 1, 2).center())
    QTest.mouseClick(area.grid, Qt.MouseButton.RightButton, NO_KEYS, area.grid.cell_rect(1, 1, 2).center())
    assert chosen == [(4, (1, 2))]


def test_keys_walk_the_units_and_stop_at_both_ends(area: MapGridArea) -> None:
    grid = area.grid
    grid.show_maps(maps_of(np.zeros((30, 8, 8))))
    walked: list[int] = []
    grid.chosen.connect(lambda unit, cell: (walked.append(unit), grid.show_selection(unit, cell)))
    columns = sum(grid.tile_rect(i).top() == grid.tile_rect(0).top() for i in range(30))
    keys = Qt.Key
    for key in (
        keys.Key_Right, keys.Key_Left, keys.Key_Left, keys.Key_Right, keys.Key_Down, keys.Key_Up, keys.Key_End,
        keys.Key_Right, keys.Key_Home,
    ):  # fmt: skip
        QTest.keyClick(grid, key)
    assert walked == [0, 0, 0, 1, 1 + columns, 1, 29, 29, 0]


def test_keys_follow_the_order_on_screen(area: MapGridArea, values: np.ndarray) -> None:
    shown = maps_of(values)
    units = (4, 2, 0, 1, 3, 5)
    area.grid.show_maps(Maps(shown.values_chw, shown.low, shown.high, shown.role, units, tuple(map(str, units))))
    walked: list[int] = []
    area.grid.chosen.connect(lambda unit, cell: (walked.append(unit), area.grid.show_selection(unit, cell)))
    for _ in range(3):
        QTest.keyClick(area.grid, Qt.Key.Key_Right)
    assert walked == [4, 2, 0]


def test_enter_fills_the_room_with_one_map_and_escape_goes_back(area: MapGridArea, values: np.ndarray) -> None:
    grid = area.grid
    grid.show_maps(maps_of(values))
    before = grid.tile_rect(0)
    zooms: list[bool] = []
    grid.zoom_changed.connect(zooms.append)
    QTest.keyClick(grid, Qt.Key.Key_Return)
    assert grid.zoomed is None  # nothing is chosen
    grid.show_selection(3, None)
    QTest.keyClick(grid, Qt.Key.Key_Return)
    assert grid.zoomed == 3
    assert grid.position_of(3) == 0
    assert grid.position_of(1) is None
    assert grid.tile_rect(0).width() > before.width()
    assert grid.at(QPointF(grid.cell_rect(0, 6, 4).center())) == (3, 6, 4)
    grid.show_selection(1, None)  # walked on, or chosen elsewhere
    assert grid.zoomed == 1
    QTest.keyClick(grid, Qt.Key.Key_Escape)
    assert grid.zoomed is None
    assert grid.tile_rect(0) == before
    assert zooms == [True, False]


def test_a_double_click_zooms_and_back(area: MapGridArea, values: np.ndarray) -> None:
    area.grid.show_maps(maps_of(values))
    point = area.grid.cell_rect(2, 1, 1).center()
    QTest.mouseDClick(area.grid, Qt.MouseButton.LeftButton, NO_KEYS, point)
    assert area.grid.zoomed == 2
    QTest.mouseDClick(area.grid, Qt.MouseButton.LeftButton, NO_KEYS, area.grid.cell_rect(0, 1, 1).center())
    assert area.grid.zoomed is None


def test_other_maps_without_the_zoomed_unit_end_the_zoom(area: MapGridArea, values: np.ndarray) -> None:
    area.grid.show_maps(maps_of(values))
    area.grid.zoom_into(5)
    area.grid.show_maps(maps_of(values[:3]))
    assert area.grid.zoomed is None
    area.grid.show_maps(maps_of(np.zeros((10, 1, 1))))
    area.grid.zoom_into(2)
    assert area.grid.zoomed is None  # a single number has nothing to enlarge


def test_the_chosen_unit_is_framed(area: MapGridArea, values: np.ndarray) -> None:
    grid = area.grid
    grid.show_maps(maps_of(values))
    frame = grid.tile_rect(2).topLeft() + QPoint(20, -2)
    accent, pointer = theme.current().color("accent"), theme.current().color("pointer")
    assert grid.grab().toImage().pixelColor(frame) != accent
    grid.show_selection(2, (1, 1))
    assert grid.grab().toImage().pixelColor(frame) == accent
    grid.show_pointed(2, None)
    assert grid.grab().toImage().pixelColor(frame) == pointer


def test_a_mark_is_a_word_on_its_map(area: MapGridArea, values: np.ndarray) -> None:
    grid = area.grid
    grid.show_maps(maps_of(values))
    plain = grid.grab().toImage()
    grid.show_maps(maps_of(values, marks=("", "silent", "", "", "", "")))
    marked = grid.grab().toImage()
    strip = grid.tile_rect(1).bottomLeft() + QPoint(1, -1)
    assert marked.pixelColor(strip) == theme.current().color("panel") != plain.pixelColor(strip)
    other = grid.tile_rect(0)
    assert marked.copy(other) == plain.copy(other)


def test_new_values_of_the_same_shape_repaint_only(area: MapGridArea, values: np.ndarray) -> None:
    area.grid.show_maps(maps_of(values))
    first, height = area.grid.grab().toImage(), area.grid.height()
    area.grid.show_maps(maps_of(1 - values))
    assert area.grid.grab().toImage() != first
    assert area.grid.height() == height


def test_many_maps_scroll_and_a_chosen_one_comes_into_sight(area: MapGridArea) -> None:
    area.grid.show_maps(maps_of(np.zeros((200, 10, 10))))
    assert area.grid.height() > area.height()
    area.show_position(199)
    tile = area.grid.tile_rect(199).translated(area.grid.pos())
    assert area.viewport().rect().contains(tile)
    assert area.grid.height() == area.grid._layout.needed_h


def test_nothing_is_a_sentence(area: MapGridArea) -> None:
    area.grid.show_maps(None, "")
    empty = area.grid.grab().toImage()
    area.grid.show_maps(None, "Draw a digit.")
    assert area.grid.grab().toImage() != empty
    QTest.keyClick(area.grid, Qt.Key.Key_Right)
    move(area.grid, QPoint(40, 40))
    QTest.mouseClick(area.grid, Qt.MouseButton.LeftButton, NO_KEYS, QPoint(40, 40))
    assert area.grid.at(QPointF(40, 40)) is None


def test_a_saved_picture_holds_all_maps(area: MapGridArea, values: np.ndarray) -> None:
    area.grid.show_maps(maps_of(values))
    image = area.grid.to_image(2.0)
    assert image.deviceIndependentSize().toSize() == area.grid.size()
    for unit in (0, 5):
        cell = area.grid.cell_rect(unit, 0, 0)
        expected = QColor(colormap.colour_table("activation")[1 + int(float(values[unit, 0, 0]) * 254 + 0.5)])
        found = image.pixelColor(2 * cell.topLeft() + QPoint(4, 4))
        assert abs(found.green() - expected.green()) <= 4


@pytest.mark.parametrize("appearance", ["dark", "light"])
def test_it_follows_theme_and_text_size(
    area: MapGridArea, values: np.ndarray, qapp: QApplication, appearance: str
) -> None:
    area.grid.show_maps(maps_of(values))
    theme.apply(qapp, appearance, 1.5)
    panel = theme.current().color("panel")
    corner = QPoint(area.grid.width() - 3, area.grid.height() - 3)
    assert area.grid.grab().toImage().pixelColor(corner) == panel
    assert area.grid.tile_rect(0).top() > round(theme.BODY_PX * 1.3) + 4
    theme.apply(qapp, "light")


def test_a_scroll_bar_that_appears_changes_no_layout(area: MapGridArea) -> None:
    for width in range(300, 340):
        area.resize(QSize(width, 200))
        area.grid.show_maps(maps_of(np.zeros((20, 9, 9))))
        QApplication.processEvents()
        before = area.grid.tile_rect(19)
        QApplication.processEvents()
        assert area.grid.tile_rect(19) == before
        assert area.grid.tile_rect(0).right() <= area.viewport().width()


def test_only_what_is_in_sight_is_turned_into_colours_and_drawn(
    area: MapGridArea, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(0).uniform(0, 1, (64, 224, 224))
    area.grid.show_maps(maps_of(values))
    assert area.grid.sheets_made == 0  # nothing before it is painted
    area.grid.set_tile_px(224)
    area.grid.repaint()
    columns = (area.viewport().width() - 8) // (224 + 8)
    assert area.grid.sheets_made == 2 * columns  # of 300 pixels, the second row begins at 260
    drawn: list[QRect] = []
    monkeypatch.setattr("cnnviz.widgets.map_grid.draw_part", lambda p, target, image, source: drawn.append(target))
    area.grid.show_maps(maps_of(np.zeros((2048, 7, 7))))
    area.grid.set_tile_px(None)
    area.grid.repaint()
    in_sight = [p for p in range(2048) if area.grid.tile_rect(p).top() - 17 < area.viewport().height()]
    assert len(drawn) == len(in_sight) < 120
    area.show_position(1024)
    drawn.clear()
    area.grid.repaint()
    assert 0 < len(drawn) < 140
    assert area.grid.tile_rect(1024) in drawn
    assert area.grid.tile_rect(0) not in drawn


@settings(deadline=None)
@given(
    st.integers(1, 300), st.integers(1, 30), st.integers(1, 30), st.integers(40, 1500), st.integers(0, 4000),
    st.integers(1, 900), st.sampled_from([None, 32, 96, 448]),
)  # fmt: skip
def test_what_reaches_into_a_stripe_is_found(
    count: int, height: int, width: int, room_w: int, top: int, stripe_h: int, tile_px: int | None
) -> None:
    layout = map_layout.fit((count, height, width), (room_w, 300), 13, tile_px=tile_px)
    stripe = QRect(0, top, room_w, stripe_h)
    found = layout.between(stripe.top(), stripe.bottom())
    for position in range(count):
        whole = layout.tile_rect(position).united(layout.name_rect(position))
        if whole.top() <= stripe.bottom() and whole.bottom() >= stripe.top():
            assert position in found
        if position in found:  # no more than the gap around it
            assert whole.top() - map_layout.GAP_PX <= stripe.bottom()
            assert whole.bottom() + map_layout.GAP_PX >= stripe.top()


def test_picked_maps_are_those_of_their_units(area: MapGridArea, values: np.ndarray) -> None:
    picks = np.array([4, 1], np.intp)
    shown = maps_of(values)
    area.grid.show_maps(Maps(shown.values_chw, shown.low, shown.high, shown.role, (4, 1), ("4", "1"), picks=picks))
    picture = area.grid.grab().toImage()
    table = colormap.colour_table("activation")
    for position, unit in enumerate(picks):
        corner = area.grid.cell_rect(position, 2, 3).topLeft() + QPoint(2, 2)
        expected = QColor(table[1 + int(float(values[unit, 2, 3]) * 254 + 0.5)])
        assert abs(picture.pixelColor(corner).green() - expected.green()) <= 4
    area.grid.zoom_into(1)
    expected = QColor(table[1 + int(float(values[1, 6, 4]) * 254 + 0.5)])
    found = area.grid.grab().toImage().pixelColor(area.grid.cell_rect(0, 6, 4).topLeft() + QPoint(2, 2))
    assert abs(found.green() - expected.green()) <= 4


def test_maps_that_bring_their_colours_show_them(area: MapGridArea) -> None:
    colours = np.random.default_rng(3).integers(0, 255, (5, 4, 4, 3)).astype(np.uint8)
    shown = maps_of(np.zeros((5, 4, 4)))
    area.grid.show_maps(
        Maps(shown.values_chw, shown.low, shown.high, "weight", shown.units, shown.names, colours_nhwc=colours)
    )
    picture = area.grid.grab().toImage()
    for index in np.ndindex(5, 4, 4):
        found = picture.pixelColor(area.grid.cell_rect(*index).center())
        assert (found.red(), found.green(), found.blue()) == tuple(colours[index])


def test_a_page_is_walked_by_keys(area: MapGridArea) -> None:
    grid = area.grid
    grid.show_maps(maps_of(np.zeros((500, 8, 8))))
    walked: list[int] = []
    grid.chosen.connect(lambda unit, cell: (walked.append(unit), grid.show_selection(unit, cell)))
    columns = sum(grid.tile_rect(i).top() == grid.tile_rect(0).top() for i in range(500))
    rows = area.height() // (grid.tile_rect(columns).top() - grid.tile_rect(0).top())
    for key in (Qt.Key.Key_Home, Qt.Key.Key_PageDown, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp, Qt.Key.Key_PageUp):
        QTest.keyClick(grid, key)
    assert walked == [0, columns * rows, 2 * columns * rows, columns * rows, 0]


def test_only_a_grid_that_can_pin_does(area: MapGridArea, values: np.ndarray, qtbot: QtBot) -> None:
    said: list[int] = []
    plain = area.grid
    other = MapGrid("Maps", can_pin=True)
    qtbot.addWidget(other)
    for grid in (plain, other):
        grid.pin_toggled.connect(said.append)
        grid.show_maps(maps_of(values))
        grid.show_selection(2, None)
        QTest.keyClick(grid, Qt.Key.Key_P)
    assert said == [2]
    assert other.actions()[0].text().startswith("&Pin")
    other.show_pins([2])
    other.offer_pin(2)
    assert other.actions()[0].text().startswith("&Unpin")
