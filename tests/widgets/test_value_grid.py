"""The grid of numbers: where cells are, how they look, and every way by which a hand points at or changes them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.widgets import colormap, theme
from cnnviz.widgets.grid_picture import TEXT_CELL_PX, Grid, Window
from cnnviz.widgets.panels.base import limits_of
from cnnviz.widgets.value_grid import ValueGrid

NO_KEYS = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
Key = Qt.Key


def grid_of(values: object, **other: object) -> Grid:
    return Grid(np.asarray(values, np.float64), 0.0, 1.0, "activation", **other)  # type: ignore[arg-type]


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> ValueGrid:
    theme.apply(qapp, "light")
    made = ValueGrid("Map")
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.show()
    made.activateWindow()
    return made


@pytest.fixture
def values() -> np.ndarray:
    return np.round(np.random.default_rng(2).uniform(0, 1, (5, 7)), 3)


def picture(view: ValueGrid) -> QImage:
    return view.grab().toImage()


def inner(view: ValueGrid, row: int, column: int) -> QRect:
    """Return a cell without the lines and frames at its edge."""
    return view.cell_rect(row, column).adjusted(4, 4, -4, -4)


def mouse(view: ValueGrid, kind: QEvent.Type, point: QPoint, buttons: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    where = QPointF(point)
    button = LEFT if kind != QEvent.Type.MouseMove else Qt.MouseButton.NoButton
    QApplication.sendEvent(view, QMouseEvent(kind, where, where, button, buttons, NO_KEYS))


def wheel(view: ValueGrid, point: QPoint, notches: int, modifiers: Qt.KeyboardModifier = NO_KEYS) -> bool:
    where, none = QPointF(point), Qt.MouseButton.NoButton
    event = QWheelEvent(
        where, where, QPoint(0, 0), QPoint(0, 120 * notches), none, modifiers, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(view, event)
    return event.isAccepted()


def said(signal: object) -> list[tuple[object, ...]]:
    heard: list[tuple[object, ...]] = []
    signal.connect(lambda *what: heard.append(what))  # type: ignore[attr-defined]
    return heard


# -- where cells are --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lone(qapp: QApplication) -> Iterator[ValueGrid]:
    """Return one grid for many examples."""
    theme.apply(qapp, "light")
    made = ValueGrid("Map")
    yield made
    made.deleteLater()


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(90, 900), st.integers(90, 700), st.booleans())
def test_every_cell_is_found_where_it_is(
    lone: ValueGrid, rows: int, columns: int, width: int, height: int, titled: bool
) -> None:
    view = lone
    view.show_grid(grid_of(np.zeros((rows, columns)), title="a title" if titled else ""))
    view.resize(width, height)
    area = view.area(QSize(width, height))
    assert QRect(0, 0, width, height).contains(area)
    for row in {0, rows // 2, rows - 1}:
        for column in {0, columns // 2, columns - 1}:
            cell = view.cell_rect(row, column)
            assert area.contains(cell)
            found = view.at(QPointF(cell.left() + cell.width() / 2, cell.top() + cell.height() / 2))
            assert found == (row, column)
    assert view.at(QPointF(area.left() - 1, area.top())) is None
    assert view.at(QPointF(area.right() + 2, area.top())) is None
    assert view.at(QPointF(area.left() - 50, area.bottom() + 50), nearest=True) == (rows - 1, 0)


def test_neighbouring_cells_touch_and_fill_the_area(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    rects = [[view.cell_rect(r, c) for c in range(7)] for r in range(5)]
    for line in rects:
        for a, b in itertools.pairwise(line):
            assert b.left() == a.right() + 1
    assert sum(r.width() for r in rects[0]) == view.area(view.size()).width()
    assert sum(line[0].height() for line in rects) == view.area(view.size()).height()


def test_a_map_with_more_cells_than_pixels_still_finds_its_cells(view: ValueGrid) -> None:
    view.show_grid(grid_of(np.zeros((1000, 2000))))
    assert view.area(view.size()).width() <= view.width()
    found = view.at(QPointF(view.cell_rect(999, 1999).topLeft() - QPoint(1, 1)))
    assert found is not None
    assert found[0] >= 990
    assert found[1] >= 1980


# -- how they look ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["activation", "signed", "weight", "ink"])
def test_the_colour_of_a_cell_is_the_colour_of_its_value(view: ValueGrid, role: colormap.MapRole) -> None:
    values = np.linspace(0, 1, 30 * 40).reshape(30, 40)
    view.show_grid(Grid(values, 0.0, 1.0, role))
    image, table = picture(view), colormap.colour_table(role)
    for row, column in ((0, 0), (3, 9), (15, 20), (29, 39)):
        expected = QColor(table[1 + int(values[row, column] * 254 + 0.5)])
        found = image.pixelColor(view.cell_rect(row, column).center())
        for part in ("red", "green", "blue"):
            assert abs(getattr(found, part)() - getattr(expected, part)()) <= 4


def test_padding_looks_otherwise_than_the_same_value_inside(view: ValueGrid) -> None:
    view.show_grid(grid_of(np.zeros((6, 6)), padding=(1, 2, 1, 0)))
    image = picture(view)
    inside = image.copy(inner(view, 2, 3))
    size = inside.size()
    assert image.copy(inner(view, 3, 4)) == inside
    for cell in ((0, 3), (4, 3), (5, 3), (2, 0)):
        assert image.copy(QRect(inner(view, *cell).topLeft(), size)) != inside, cell
    assert image.copy(inner(view, 2, 5)) == inside  # no padding at the right
    view.show_grid(grid_of(np.zeros((6, 6))))
    plain = picture(view)
    assert plain.copy(inner(view, 0, 3)) == plain.copy(inner(view, 2, 3))


def test_left_over_cells_are_covered(view: ValueGrid) -> None:
    view.show_grid(grid_of(np.full((6, 8), 0.5)))
    plain = picture(view)
    view.show_left_over(1, 2)
    image = picture(view)
    for row in range(6):
        for column in range(8):
            same = image.copy(inner(view, row, column)) == plain.copy(inner(view, row, column))
            assert same == (row < 5 and column < 6)
    view.show_left_over(0, 0)
    assert picture(view) == plain


def test_more_left_over_than_there_is_covers_everything_and_no_more(view: ValueGrid) -> None:
    view.show_grid(grid_of(np.full((3, 3), 0.5)))
    plain = picture(view)
    view.show_left_over(9, 9)
    image = picture(view)
    assert image.copy(inner(view, 1, 1)) != plain.copy(inner(view, 1, 1))
    beside = QRect(0, 0, view.area(view.size()).left() - 3, view.height())
    assert image.copy(beside) == plain.copy(beside)


def colour_of_edge(view: ValueGrid, rows: tuple[int, ...], columns: tuple[int, ...]) -> set[str]:
    """Return the colours on the left edge of a part, near its upper end."""
    image = picture(view)
    top, left = view.cell_rect(rows[0], columns[0]).top(), view.cell_rect(rows[0], columns[0]).left()
    return {image.pixelColor(left + dx, top + 6).name() for dx in (-2, -1, 0)}


def test_a_window_is_framed_as_one(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    colours = theme.current()
    assert colours.pointer not in colour_of_edge(view, (1,), (2,))
    view.show_windows(Window((1, 2, 3), (2, 3)))
    assert colours.pointer in colour_of_edge(view, (1,), (2,))
    assert colours.pointer not in colour_of_edge(view, (2,), (3,))  # no lines within
    view.show_windows(Window((1, 2, 3), (2, 3), "kernel"))
    assert colours.kernel in colour_of_edge(view, (1,), (2,))
    view.show_windows()
    assert colours.kernel not in colour_of_edge(view, (1,), (2,))


def test_a_dilated_window_frames_each_of_its_cells(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    view.show_windows(Window((0, 2, 4), (1, 3, 5)))
    pointer = theme.current().pointer
    for row in (0, 2, 4):
        for column in (1, 3, 5):
            assert pointer in colour_of_edge(view, (row,), (column,))
    assert pointer not in colour_of_edge(view, (1,), (1,))


def test_an_empty_window_and_one_beyond_the_map_do_no_harm(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    plain = picture(view)
    view.show_windows(Window((), ()))
    assert picture(view) == plain
    view.show_windows(Window((4, 5, 6), (6, 7, 8)))
    view.show_cell((30, 30))
    assert picture(view) != plain


def test_the_chosen_cell_and_marks_are_framed(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    colours = theme.current()
    view.show_cell((2, 3))
    view.show_marks(((0, 1), "good"), ((4, 5), "kernel"))
    assert colours.accent in colour_of_edge(view, (2,), (3,))
    assert colours.good in colour_of_edge(view, (0,), (1,))
    assert colours.kernel in colour_of_edge(view, (4,), (5,))
    view.show_cell(None)
    view.show_marks()
    assert colours.accent not in colour_of_edge(view, (2,), (3,))
    assert colours.good not in colour_of_edge(view, (0,), (1,))


def test_cells_that_are_not_reached_are_veiled(view: ValueGrid) -> None:
    view.show_grid(grid_of(np.ones((4, 5))))
    plain = picture(view)
    for filled in (0, 1, 7, 10, 19, 20, 25):
        view.show_filled(filled)
        image = picture(view)
        for position in range(20):
            row, column = divmod(position, 5)
            same = image.copy(inner(view, row, column)) == plain.copy(inner(view, row, column))
            assert same == (position < filled), (filled, position)
    panel = theme.current().color("panel")
    view.show_filled(0)
    veiled = picture(view).pixelColor(inner(view, 1, 1).topLeft())
    bare = plain.pixelColor(inner(view, 1, 1).topLeft())
    assert abs(veiled.red() - panel.red()) < abs(bare.red() - panel.red()) or veiled.lightness() > bare.lightness()
    view.show_filled(None)
    assert picture(view) == plain


def test_values_are_written_where_cells_are_large_enough(view: ValueGrid) -> None:
    view.show_grid(grid_of(np.full((4, 4), 0.5)))
    assert view.cell_rect(0, 0).width() >= TEXT_CELL_PX
    image = picture(view)
    cell = inner(view, 1, 1)
    colours = {image.pixel(x, y) for x in range(cell.left(), cell.right()) for y in range(cell.top(), cell.bottom())}
    assert len(colours) > 1
    view.show_grid(grid_of(np.full((30, 30), 0.5)))
    assert view.cell_rect(0, 0).width() < TEXT_CELL_PX
    image, area = picture(view), view.area(view.size())
    assert len({image.pixel(x, area.center().y()) for x in range(area.left() + 2, area.right() - 2)}) == 1


def texts_drawn(view: ValueGrid, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is written into the cells, by listening to the painter."""
    from PySide6.QtGui import QPainter

    drawn: list[str] = []
    original: Callable[..., object] = QPainter.drawText

    def listen(self: QPainter, *args: object) -> object:
        drawn.extend(arg for arg in args if isinstance(arg, str))
        return original(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(QPainter, "drawText", listen)
        view.to_image(1.0)
    return drawn


def test_what_is_written_is_the_value(view: ValueGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    view.show_grid(grid_of([[0.125, -0.5], [1.0, 0.0]]))
    assert texts_drawn(view, monkeypatch) == ["0.125", "−0.500", "1.00", "0"]
    view.set_digits(5)
    assert texts_drawn(view, monkeypatch) == ["0.12500", "−0.50000", "1.0000", "0"]
    view.show_grid(grid_of([[3, -2], [1, 0]]))
    assert texts_drawn(view, monkeypatch) == ["3", "−2", "1", "0"]  # whole numbers have no decimals
    view.show_grid(grid_of([[0.125, 0.5], [1.0, 0.0]], blank=np.array([[True, False], [False, True]])))
    assert texts_drawn(view, monkeypatch) == ["0.50000", "1.0000"]


def test_a_blank_cell_is_left_empty(view: ValueGrid) -> None:
    blank = np.zeros((3, 3), np.bool_)
    blank[1, 1] = True
    view.show_grid(grid_of(np.ones((3, 3)), blank=blank))
    image, panel = picture(view), theme.current().color("panel")
    assert image.pixelColor(inner(view, 1, 1).center()) == panel
    assert image.pixelColor(inner(view, 0, 1).topLeft()) != panel


@pytest.mark.parametrize("side", [5, 40])
def test_what_is_kept_looks_as_what_is_drawn_anew(view: ValueGrid, qtbot: QtBot, side: int) -> None:
    view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    view.clearFocus()  # its frame is no part of the picture
    generator = np.random.default_rng(3)
    shown = [
        grid_of(generator.uniform(0, 1, (side, side)), title=title, padding=padding)
        for title, padding in (("Map", (1, 1, 2, 0)), ("Map", (1, 1, 2, 0)), ("Map", (0, 2, 0, 0)), ("", (0, 2, 0, 0)))
    ]
    for _ in range(3):  # numbers, lines and padding are kept from the second time on
        for grid in shown:
            view.show_grid(grid)
            kept = picture(view)
            fresh = ValueGrid("Map")
            qtbot.addWidget(fresh)
            fresh.resize(view.size())
            fresh.show_grid(grid)
            assert np.abs(pixels(kept) - pixels(fresh.to_image(1.0))).max() <= 2  # blending twice rounds twice


def pixels(image: QImage) -> np.ndarray:
    """Return a picture's colours, (H, W, 4)."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., :3].astype(int)


def test_the_title_stands_above_the_cells(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    top = view.area(view.size()).top()
    view.show_grid(grid_of(values, title="conv1, map 3"))
    assert view.area(view.size()).top() >= top + theme.text_px()
    assert view.accessibleDescription() == "conv1, map 3, 5 rows and 7 columns"


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_odd_numbers_do_no_harm(view: ValueGrid, values: np.ndarray, kind: type) -> None:
    view.set_editable(True)
    edited = said(view.edited)
    odd_ones = (np.nan, np.inf, -np.inf, 1e38, -1e38, 1e300, 1e-300, -0.0)
    for odd in odd_ones:
        with np.errstate(over="ignore"):
            values = values.astype(kind)
            values[1, 2] = odd
        low, high, role = limits_of(values)
        view.show_grid(Grid(values, low, high, role, "odd"))
        view.show_cell((1, 2))
        first = picture(view)
        view.show_grid(Grid(np.full((3, 3), odd), low, high, role, "odd"))
        wheel(view, view.cell_rect(1, 1).center(), 1)
        assert picture(view) != first
    assert len(edited) == len(odd_ones)


def test_nothing_is_a_sentence(view: ValueGrid) -> None:
    view.show_grid(None)
    empty = picture(view)
    view.show_grid(None, "This map is too large.")
    assert picture(view) != empty
    assert view.accessibleDescription() == "This map is too large."
    heard = said(view.pressed)
    assert view.at(QPointF(50, 50)) is None
    view.set_editable(True, 1.0)
    QTest.mouseClick(view, LEFT, NO_KEYS, QPoint(50, 50))
    QTest.keyClick(view, Key.Key_Right)
    wheel(view, QPoint(50, 50), 1)
    mouse(view, QEvent.Type.MouseMove, QPoint(60, 60), LEFT)
    assert heard == []


@pytest.mark.parametrize("appearance", ["dark", "light"])
def test_it_follows_the_theme(view: ValueGrid, values: np.ndarray, qapp: QApplication, appearance: str) -> None:
    view.show_grid(grid_of(values, title="map"))
    picture(view)
    theme.apply(qapp, appearance, 1.5)
    assert picture(view).pixelColor(2, view.height() - 4) == theme.current().color("panel")
    assert view.area(view.size()).top() > round(theme.BODY_PX * 1.4) + 2
    theme.apply(qapp, "light")


def test_a_saved_picture_looks_like_the_screen(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values, title="map", padding=(1, 1, 0, 0)))
    view.show_windows(Window((0, 1), (0, 1)))
    view.clearFocus()
    saved, screen = view.to_image(1.0), picture(view)
    for row, column in ((0, 5), (2, 3), (4, 6)):
        point = inner(view, row, column).topLeft()
        assert saved.pixelColor(point) == screen.pixelColor(point)


# -- pointing and walking ---------------------------------------------------------------------------------------------


def test_pressing_and_dragging_say_each_cell(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    heard = said(view.pressed)
    mouse(view, QEvent.Type.MouseButtonPress, view.cell_rect(1, 1).center(), LEFT)
    mouse(view, QEvent.Type.MouseMove, view.cell_rect(2, 3).center(), LEFT)
    mouse(view, QEvent.Type.MouseMove, QPoint(-40, 2000), LEFT)  # dragged out: the nearest cell
    mouse(view, QEvent.Type.MouseButtonRelease, QPoint(-40, 2000))
    assert heard == [(1, 1), (2, 3), (4, 0)]
    QTest.mouseClick(view, Qt.MouseButton.RightButton, NO_KEYS, view.cell_rect(0, 0).center())
    mouse(view, QEvent.Type.MouseButtonPress, QPoint(1, view.height() - 2), LEFT)
    assert len(heard) == 3


def test_pointing_says_which_cell_and_leaving_says_none(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    heard = said(view.hovered)
    plain = picture(view)
    mouse(view, QEvent.Type.MouseMove, view.cell_rect(1, 1).center())
    mouse(view, QEvent.Type.MouseMove, view.cell_rect(1, 1).center() + QPoint(1, 1))
    assert picture(view) != plain
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert heard == [((1, 1),), (None,)]
    assert picture(view) == plain


def test_a_cell_under_the_pointer_may_vanish(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    mouse(view, QEvent.Type.MouseMove, view.cell_rect(4, 6).center())
    view.show_cell((4, 6))
    view.show_grid(grid_of(np.zeros((2, 2))))
    assert not picture(view).isNull()


def test_a_double_click_and_enter_activate(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    heard = said(view.activated)
    QTest.mouseDClick(view, LEFT, NO_KEYS, view.cell_rect(3, 2).center())
    QTest.keyClick(view, Key.Key_Return)
    assert heard == [(3, 2)]  # no cell is chosen yet
    view.show_cell((1, 4))
    QTest.keyClick(view, Key.Key_Enter)
    assert heard == [(3, 2), (1, 4)]


def test_arrows_walk_and_stop_at_the_edges(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    heard = said(view.pressed)
    view.pressed.connect(lambda row, column: view.show_cell((row, column)))
    for key in (
        Key.Key_Down, Key.Key_Down, Key.Key_Right, Key.Key_Up, Key.Key_Up, Key.Key_Left, Key.Key_Left,
    ):  # fmt: skip
        QTest.keyClick(view, key)
    assert heard == [(0, 0), (1, 0), (1, 1), (0, 1), (0, 1), (0, 0), (0, 0)]
    view.show_cell((4, 6))
    QTest.keyClick(view, Key.Key_Right)
    QTest.keyClick(view, Key.Key_Down)
    assert heard[-2:] == [(4, 6), (4, 6)]
    QTest.keyClick(view, Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert len(heard) == 9


# -- changing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def editable(view: ValueGrid, values: np.ndarray) -> ValueGrid:
    view.show_grid(grid_of(values))
    view.set_editable(True)
    view.setFocus()
    return view


def test_a_typed_number_changes_the_chosen_cell(editable: ValueGrid, values: np.ndarray) -> None:
    heard = said(editable.edited)
    editable.show_cell((2, 3))
    QTest.keyClicks(editable, "4")
    assert editable._field.isVisible()
    QTest.keyClicks(editable._field, "2.5")
    QTest.keyClick(editable._field, Key.Key_Return)
    assert heard == [(2, 3, 42.5)]
    assert editable.grid is not None
    assert editable.grid.values_hw[2, 3] == values[2, 3]  # its owner shows the new one


def test_enter_closes_the_field_of_the_chosen_cell(editable: ValueGrid) -> None:
    editable.show_cell((2, 3))
    QTest.keyClicks(editable, "4")
    QTest.keyClick(editable._field, Key.Key_Return)
    assert not editable._field.isVisible()
    assert editable.hasFocus()


def test_escape_closes_the_field_and_changes_nothing(editable: ValueGrid) -> None:
    heard = said(editable.edited)
    editable.show_cell((2, 3))
    QTest.keyClicks(editable, "4")
    QTest.keyClick(editable._field, Key.Key_Escape)
    assert not editable._field.isVisible()
    assert heard == []
    assert editable.hasFocus()


def type_over(view: ValueGrid, cell: tuple[int, int], text: str) -> None:
    QTest.mouseDClick(view, LEFT, NO_KEYS, view.cell_rect(*cell).center())
    view._field.setText(text)
    QTest.keyClick(view._field, Key.Key_Return)


def test_numbers_as_people_write_them(editable: ValueGrid) -> None:
    heard, refused = said(editable.edited), said(editable.refused)
    texts = {"-1.5": -1.5, "−1.5": -1.5, "0,25": 0.25, "1e3": 1000.0, " 7 ": 7.0}
    for text in texts:
        type_over(editable, (0, 1), text)
    assert heard == [(0, 1, value) for value in texts.values()]
    assert refused == []


def test_a_text_that_cannot_be_used_is_refused_by_a_sentence(editable: ValueGrid) -> None:
    heard, refused = said(editable.edited), said(editable.refused)
    texts = ["abc", "1.2.3", "", "--1", "nan", "inf", "1e38", "-1e400"]
    for text in texts:
        type_over(editable, (0, 1), text)
        assert not editable._field.isVisible()
    assert heard == []
    assert len(refused) == len(texts)
    for text, (sentence,) in zip(texts, refused, strict=True):
        assert text in str(sentence)
        assert str(sentence).endswith(".")


def test_a_value_that_was_not_changed_keeps_its_last_digits(view: ValueGrid) -> None:
    view.show_grid(grid_of(np.full((2, 2), 1 / 3)))
    view.set_editable(True)
    heard = said(view.edited)
    QTest.mouseDClick(view, LEFT, NO_KEYS, view.cell_rect(0, 1).center())
    QTest.keyClick(view._field, Key.Key_Return)
    assert heard == []


def test_the_field_opens_with_the_value_it_changes(editable: ValueGrid, values: np.ndarray) -> None:
    pressed = said(editable.pressed)
    QTest.mouseDClick(editable, LEFT, NO_KEYS, editable.cell_rect(3, 4).center())
    assert float(editable._field.text()) == pytest.approx(values[3, 4])
    assert editable._field.selectedText() == editable._field.text()
    assert editable.rect().contains(editable._field.geometry())
    assert pressed[-1] == (3, 4)
    for key in (Key.Key_F2, Key.Key_Return):
        editable._field.hide()
        editable.show_cell((1, 1))
        QTest.keyClick(editable, key)
        assert float(editable._field.text()) == pytest.approx(values[1, 1])
    assert said(editable.activated) == []


def test_a_grid_that_is_not_editable_takes_no_numbers(view: ValueGrid, values: np.ndarray) -> None:
    view.show_grid(grid_of(values))
    view.show_cell((1, 1))
    heard = said(view.edited)
    QTest.keyClicks(view, "5")
    wheel(view, view.cell_rect(1, 1).center(), 1)
    assert not view._field.isVisible()
    assert heard == []


def test_another_size_closes_the_field_and_changes_nothing(editable: ValueGrid) -> None:
    heard = said(editable.edited)
    QTest.mouseDClick(editable, LEFT, NO_KEYS, editable.cell_rect(0, 1).center())
    editable.resize(500, 320)
    assert not editable._field.isVisible()
    assert heard == []


def test_the_wheel_changes_by_a_tenth_and_with_shift_by_a_hundredth(editable: ValueGrid, values: np.ndarray) -> None:
    heard = said(editable.edited)
    point = editable.cell_rect(2, 2).center()
    shift = Qt.KeyboardModifier.ShiftModifier
    assert wheel(editable, point, 1)
    wheel(editable, point, -1)
    wheel(editable, point, 1, shift)
    wheel(editable, point, -1, shift)
    expected = [values[2, 2] + step for step in (0.1, -0.1, 0.01, -0.01)]
    assert [what[:2] for what in heard] == [(2, 2)] * 4
    assert [what[2] for what in heard] == pytest.approx(expected)
    wheel(editable, QPoint(1, editable.height() - 2), 1)
    assert len(heard) == 4


def test_a_brush_paints_what_it_is_dragged_over_each_cell_once(editable: ValueGrid) -> None:
    editable.set_editable(True, 0.75)
    assert editable.cursor().shape() == Qt.CursorShape.CrossCursor
    heard, pressed = said(editable.edited), said(editable.pressed)
    mouse(editable, QEvent.Type.MouseButtonPress, editable.cell_rect(1, 1).center(), LEFT)
    for column in (1, 1, 2, 2, 3):
        mouse(editable, QEvent.Type.MouseMove, editable.cell_rect(1, column).center() + QPoint(2, 2), LEFT)
    mouse(editable, QEvent.Type.MouseButtonRelease, editable.cell_rect(1, 3).center())
    assert heard == [(1, 1, 0.75), (1, 2, 0.75), (1, 3, 0.75)]
    assert pressed == []
    mouse(editable, QEvent.Type.MouseButtonPress, editable.cell_rect(1, 3).center(), LEFT)
    assert heard[-1] == (1, 3, 0.75)
    assert len(heard) == 4  # a new stroke paints the cell anew
    mouse(editable, QEvent.Type.MouseButtonRelease, editable.cell_rect(1, 3).center())
    editable.set_editable(True)
    assert editable.cursor().shape() == Qt.CursorShape.ArrowCursor
