"""The drawing board: every event is ink at once, no point is lost, and the stroke is where the pen was."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QInputDevice, QMouseEvent, QPointingDevice, QPointingDeviceUniqueId, QTabletEvent
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.widgets.board import ERASER_FACTOR, KEY_STEP, SIDE, Board, Ink

Point = tuple[float, float]
LEFT, RIGHT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.NoButton


@pytest.fixture
def board(qtbot: QtBot) -> Board:
    """A board on which one pixel of the screen is one of the ink."""
    made = Board()
    qtbot.addWidget(made)
    made.resize(SIDE, SIDE)
    made.show()
    return made


def mouse(board: Board, kind: QEvent.Type, point: Point, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
    place = QPointF(*point)
    event = QMouseEvent(kind, place, board.mapToGlobal(place), button, held, Qt.KeyboardModifier.NoModifier)
    QCoreApplication.sendEvent(board, event)


def press(board: Board, point: Point, button: Qt.MouseButton = LEFT) -> None:
    mouse(board, QEvent.Type.MouseButtonPress, point, button, button)


def move(board: Board, point: Point, button: Qt.MouseButton = LEFT) -> None:
    mouse(board, QEvent.Type.MouseMove, point, NO_BUTTON, button)


def release(board: Board, point: Point, button: Qt.MouseButton = LEFT) -> None:
    mouse(board, QEvent.Type.MouseButtonRelease, point, button, NO_BUTTON)


def stroke(board: Board, points: list[Point], button: Qt.MouseButton = LEFT) -> None:
    press(board, points[0], button)
    for point in points[1:]:
        move(board, point, button)
    release(board, points[-1], button)


def test_a_press_is_a_dot_of_the_pen_width(board: Board) -> None:
    press(board, (140, 140))
    ink = board.ink
    release(board, (140, 140))
    assert ink[140, 140] == 255
    area = ink.sum() / 255
    assert area == pytest.approx(np.pi * (board.pen_width / 2) ** 2, rel=0.03)
    rows, columns = np.nonzero(ink > 127)
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(140, abs=1)
    assert (columns.min() + columns.max() + 1) / 2 == pytest.approx(140, abs=1)


def test_a_line_is_as_long_and_as_wide_as_drawn(board: Board) -> None:
    stroke(board, [(60.0 + 10 * n, 100) for n in range(13)])  # 60..180
    ink = board.ink
    rows, columns = np.nonzero(ink > 127)
    half = board.pen_width / 2
    assert rows.min() == pytest.approx(100 - half, abs=1)
    assert rows.max() + 1 == pytest.approx(100 + half, abs=1)
    assert columns.min() == pytest.approx(60 - half, abs=1)
    assert columns.max() + 1 == pytest.approx(180 + half, abs=1)


def test_ink_is_under_the_pen_at_every_event(board: Board) -> None:
    points = [(40.0, 40.0), (200.0, 60.0), (60.0, 220.0), (240.0, 240.0)]
    press(board, points[0])
    for x, y in points[1:]:
        move(board, (x, y))
        assert board.ink[int(y), int(x)] == 255
    release(board, points[-1])
    assert board.ink[240, 240] == 255


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.tuples(st.floats(60, 220), st.floats(60, 220)),
    steps=st.lists(st.tuples(st.floats(-24, 24), st.floats(-24, 24)), min_size=1, max_size=40),
)
def test_no_pen_point_is_lost(board: Board, start: Point, steps: list[Point]) -> None:
    """Quadratic curves between the middles miss a point by at most an eighth of |p₋ + p₊ − 2p|: less than the pen."""
    board.show_ink(np.zeros((SIDE, SIDE), np.uint8))
    points = [start]
    for dx, dy in steps:
        x, y = points[-1][0] + dx, points[-1][1] + dy
        points.append((min(max(x, 1.0), SIDE - 2.0), min(max(y, 1.0), SIDE - 2.0)))
    events: list[int] = []
    board.inked.connect(lambda: events.append(1))
    before = board.points_taken
    stroke(board, points)
    board.inked.disconnect()
    assert board.points_taken - before == len(points) + 1  # the release is a point too
    assert len(events) == len(points) + 1
    ink = board.ink
    assert all(ink[int(y), int(x)] > 0 for x, y in points)


def test_a_corner_has_no_spur_beyond_the_curve(board: Board) -> None:
    """The provisional line to the pen goes when the next point makes it a curve."""
    board.pen_width = 6.0
    stroke(board, [(40, 200), (140, 40), (240, 200)])
    assert board.ink[40, 140] == 0  # the control point itself is beyond the curve of so fast a stroke
    assert board.ink[80, 140] > 0  # whose apex is half way between the middles and the point


def test_the_right_button_erases_and_so_does_the_eraser(board: Board) -> None:
    full: Ink = np.full((SIDE, SIDE), 255, np.uint8)
    wide = np.pi * (board.pen_width * ERASER_FACTOR / 2) ** 2
    for erasing, button in ((False, RIGHT), (True, LEFT)):
        board.show_ink(full)
        board.erasing = erasing
        stroke(board, [(140, 140)], button)
        ink = board.ink
        assert ink[140, 140] == 0
        assert (255 - ink.astype(int)).sum() / 255 == pytest.approx(wide, rel=0.03)
    board.erasing = False


def test_a_stroke_ends_once_and_says_what_was_there(board: Board) -> None:
    ends: list[Ink] = []
    board.stroke_done.connect(ends.append)
    stroke(board, [(50, 50), (60, 60)])
    first = board.ink
    stroke(board, [(200, 50), (210, 60)])
    assert len(ends) == 2
    assert not ends[0].any()
    assert np.array_equal(ends[1], first)
    assert not board.is_drawing


def test_a_second_button_does_not_break_the_stroke(board: Board) -> None:
    ends: list[Ink] = []
    board.stroke_done.connect(ends.append)
    press(board, (50, 50))
    mouse(board, QEvent.Type.MouseButtonPress, (60, 50), RIGHT, LEFT | RIGHT)
    mouse(board, QEvent.Type.MouseButtonRelease, (70, 50), RIGHT, LEFT)
    assert ends == []
    move(board, (100, 50))
    release(board, (100, 50))
    assert len(ends) == 1
    assert board.ink[50, 100] == 255


def test_a_release_that_never_came_does_not_go_on_drawing(board: Board) -> None:
    ends: list[Ink] = []
    board.stroke_done.connect(ends.append)
    press(board, (50, 50))
    move(board, (200, 200), NO_BUTTON)
    assert len(ends) == 1
    assert board.ink[200, 200] == 0
    press(board, (50, 50))
    board.hide()
    assert len(ends) == 2


def test_the_board_is_a_square_in_any_room(board: Board) -> None:
    board.resize(400, 200)
    press(board, (200, 100))
    release(board, (200, 100))
    rows, columns = np.nonzero(board.ink > 127)
    assert rows.mean() == pytest.approx(139.5, abs=1)
    assert columns.mean() == pytest.approx(139.5, abs=1)


def test_points_beyond_the_edge_are_taken(board: Board) -> None:
    stroke(board, [(140, 140), (400, 140), (400, -80), (140, 20)])
    assert board.ink[140, SIDE - 1] == 255
    assert not board.is_drawing


def test_the_hint_shows_only_on_an_empty_board(board: Board) -> None:
    def bright() -> int:
        grey = board.grab().toImage().convertToFormat(board.grab().toImage().Format.Format_Grayscale8)
        rows = np.frombuffer(grey.constBits(), np.uint8).reshape(grey.height(), grey.bytesPerLine())
        return int((rows[120:160, 60:220] > 128).sum())

    assert bright() > 50
    stroke(board, [(20, 20)])
    assert bright() == 0


def pen(kind: QEvent.Type, board: Board, point: Point, pressure: float, *, eraser: bool = False) -> QTabletEvent:
    device = QPointingDevice(
        "pen",
        7,
        QInputDevice.DeviceType.Stylus,
        QPointingDevice.PointerType.Eraser if eraser else QPointingDevice.PointerType.Pen,
        QInputDevice.Capability.Pressure,
        1,
        2,
        "",
        QPointingDeviceUniqueId(),
    )
    place = QPointF(*point)
    held = NO_BUTTON if kind == QEvent.Type.TabletRelease else LEFT
    none = Qt.KeyboardModifier.NoModifier
    event = QTabletEvent(
        kind, device, place, QPointF(board.mapToGlobal(place)), pressure, 0.0, 0.0, 0.0, 0.0, 0.0, none, LEFT, held
    )
    event.keep = device  # type: ignore[attr-defined]
    return event


def width_at(ink: Ink, column: int) -> float:
    return float(ink[:, column].sum()) / 255


def test_pressure_makes_a_wider_line(board: Board) -> None:
    widths = []
    for pressure in (0.1, 0.5, 1.0):
        board.show_ink(np.zeros((SIDE, SIDE), np.uint8))
        for event in (
            pen(QEvent.Type.TabletPress, board, (60, 140), pressure),
            pen(QEvent.Type.TabletMove, board, (140, 140), pressure),
            pen(QEvent.Type.TabletMove, board, (220, 140), pressure),
            pen(QEvent.Type.TabletRelease, board, (220, 140), 0.0),
        ):
            QCoreApplication.sendEvent(board, event)
            assert event.isAccepted()  # else Qt would send a mouse event too
        widths.append(width_at(board.ink, 100))
    assert widths[0] < widths[1] < widths[2]
    assert widths[2] == pytest.approx(board.pen_width, abs=1)
    assert not board.is_drawing


def test_the_other_end_of_a_pen_erases(board: Board) -> None:
    board.show_ink(np.full((SIDE, SIDE), 255, np.uint8))
    QCoreApplication.sendEvent(board, pen(QEvent.Type.TabletPress, board, (140, 140), 1.0, eraser=True))
    QCoreApplication.sendEvent(board, pen(QEvent.Type.TabletRelease, board, (140, 140), 0.0, eraser=True))
    assert board.ink[140, 140] == 0


def test_drawing_by_keyboard(board: Board, qtbot: QtBot) -> None:
    ends: list[Ink] = []
    board.stroke_done.connect(ends.append)
    QTest.keyClick(board, Qt.Key.Key_Up)
    assert not board.ink.any()  # the pen is lifted
    QTest.keyClick(board, Qt.Key.Key_Space)
    for _ in range(5):
        QTest.keyClick(board, Qt.Key.Key_Right)
    QTest.keyClick(board, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(board, Qt.Key.Key_Space)
    rows, columns = np.nonzero(board.ink > 127)
    assert rows.mean() == pytest.approx(140 - KEY_STEP - 0.5, abs=1)
    assert columns.max() + 1 == pytest.approx(140 + 5 * KEY_STEP + 1 + board.pen_width / 2, abs=1)
    assert len(ends) == 1
    QTest.keyClick(board, Qt.Key.Key_Left)
    assert len(ends) == 1
    QTest.keyClick(board, Qt.Key.Key_Escape)
    assert not board.is_drawing


def test_ink_is_a_copy(board: Board) -> None:
    given: Ink = np.zeros((SIDE, SIDE), np.uint8)
    board.show_ink(given)
    taken = board.ink
    stroke(board, [(140, 140)])
    assert not given.any()
    assert not taken.any()
