"""The grid of maps: colours are the values', pointing reads them, keys walk, one map fills the room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt
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
