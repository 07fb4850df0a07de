"""The chart draws what the curves hold, says the values at the pointer, and follows hands and keys."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.core.axes import Axis
from cnnviz.core.curves import Curves
from cnnviz.core.decimation import Series
from cnnviz.widgets import theme
from cnnviz.widgets.chart_lines import COLOURS, Line, draw_points, points_of
from cnnviz.widgets.line_chart import LEAST_STEPS, LineChart

NONE, NO_KEY = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier


def series_of(values: list[float] | np.ndarray, first: float = 1.0) -> Series:
    curves = Curves(("step", "loss"))
    curves.append({"step": np.arange(len(values)) + first, "loss": np.asarray(values, np.float64)})
    return Series(curves, "loss")


def line_of(values: list[float] | np.ndarray, title: str = "training", **look: object) -> Line:
    return Line(title, title, series_of(values), **look)  # type: ignore[arg-type]


@pytest.fixture
def chart(qtbot: QtBot, qapp: QApplication) -> LineChart:
    theme.apply(qapp, "light")
    made = LineChart("Loss", "Loss")
    qtbot.addWidget(made)
    made.resize(600, 300)
    made.show()
    return made


def frame(chart: LineChart):  # type: ignore[no-untyped-def]
    return chart._arranged(chart.size())


def place_of(chart: LineChart, x: float) -> QPointF:
    found = frame(chart)
    return QPointF(found.plot.left() + found.x.share(x) * found.plot.width(), found.plot.center().y())


def move(chart: LineChart, place: QPointF, held: Qt.MouseButton = NONE) -> None:
    QApplication.sendEvent(chart, QMouseEvent(QEvent.Type.MouseMove, place, place, NONE, held, NO_KEY))


def wheel(chart: LineChart, place: QPointF, notches: int) -> None:
    event = QWheelEvent(
        place, place, QPoint(), QPoint(0, 120 * notches), NONE, NO_KEY, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(chart, event)


def coloured(image: QImage, colour: str, columns: range, rows: range) -> int:
    wanted = QColor(colour)
    return sum(image.pixelColor(x, y) == wanted for x in columns for y in rows)


def test_a_line_lies_where_its_values_are(chart: LineChart) -> None:
    chart.show_lines([line_of([1.0, 1.0, 1.0, 3.0, 3.0])])
    image, found = chart.to_image(1.0), frame(chart)
    y = round(found.plot.bottom() - found.y.share(1.0) * found.plot.height())
    up = round(found.plot.bottom() - found.y.share(3.0) * found.plot.height())
    left, right = round(place_of(chart, 1.5).x()), round(place_of(chart, 4.5).x())
    blue = COLOURS["light"][0]
    assert coloured(image, blue, range(left, left + 1), range(y - 2, y + 3)) >= 1
    assert coloured(image, blue, range(right, right + 1), range(up - 2, up + 3)) >= 1
    assert coloured(image, blue, range(right, right + 1), range(up + 6, y + 6)) == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_a_gap(chart: LineChart, bad: float) -> None:
    chart.show_lines([line_of([1.0, 2.0, bad, bad, 2.0, 1.0])])
    image, found = chart.to_image(1.0), frame(chart)
    blue, rows = COLOURS["light"][0], range(int(found.plot.top()), int(found.plot.bottom()) - 1)
    gap = range(round(place_of(chart, 2.2).x()), round(place_of(chart, 4.8).x()))
    assert coloured(image, blue, gap, rows) == 0
    assert coloured(image, blue, range(round(place_of(chart, 1.2).x()), gap.start), rows) > 0
    assert "gaps" in found.note
    chart.point(3.0)
    chart.grab()


def test_nothing_but_bad_numbers(chart: LineChart) -> None:
    chart.show_lines([line_of([math.nan] * 5, window=3), line_of([math.inf] * 5000)])
    chart.point(2.0)
    chart.grab()
    assert frame(chart).note == "no finite numbers here"
    for values in ([1e308, -1e308, 0.0], [1e300] * 3, [1e-300, 5e-324]):
        for logarithmic in (True, False):
            chart.set_logarithmic(logarithmic)
            chart.show_lines([line_of(values)])
            chart.grab()


def test_a_loss_of_zero_lies_at_the_edge_of_a_log_axis_and_that_is_said(chart: LineChart) -> None:
    chart.set_logarithmic(True)
    chart.show_lines([line_of([1.0, 0.1, 0.0, 0.01])])
    found = frame(chart)
    assert found.y.share(0.0) == 0
    assert 0.005 < found.y.low < 0.01
    assert "0 is drawn at the lower edge" in found.note
    chart.grab()
    chart.show_lines([line_of([0.0, 0.0])])
    assert "no log axis" in frame(chart).note
    chart.grab()


def test_no_line_one_point_and_runs_of_very_different_lengths(chart: LineChart) -> None:
    chart.show_sentence("Start a run.")
    assert chart.accessibleDescription() == "Start a run."
    empty = chart.grab().toImage()
    chart.show_lines([line_of([])])
    assert chart.grab().toImage() == empty
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Plus, Qt.Key.Key_Home):
        QTest.keyClick(chart, key)
    wheel(chart, QPointF(200, 100), 1)
    move(chart, QPointF(200, 100))
    chart.show_lines([line_of([0.7])])
    one = chart.grab().toImage()
    assert coloured(one, COLOURS["light"][0], range(600), range(300)) > 5
    wheel(chart, QPointF(200, 100), 3)
    chart.show_lines([line_of([0.7]), line_of(np.linspace(2, 1, 100_000), "long", colour=1)])
    assert (frame(chart).x.low, frame(chart).x.high) == (1, 100_000)
    chart.point(50_000.0)
    texts = [text for _, text, _ in frame(chart).box_rows(50_000.0, [])]
    assert texts == ["step 50,000"]
    chart.grab()


def test_the_cross_hair_says_the_values_of_the_nearest_step(chart: LineChart, qtbot: QtBot) -> None:
    long, short = line_of(np.arange(100) / 100), Line("validation", "validation", series_of([5.0, 6.0], 40.0), marker=0)
    chart.show_lines([long, short])
    with qtbot.waitSignal(chart.hovered) as heard:
        move(chart, place_of(chart, 70.3))
    assert heard.args == [70.0]
    from cnnviz.widgets.chart_frame import values_at

    rows = frame(chart).box_rows(70.0, values_at((long, short), 70.0))
    assert rows[0][1] == "step 70"
    assert rows[1][1:] == ("training", "0.6900")
    assert rows[2][1:] == ("validation at 41", "6.000")
    with qtbot.waitSignal(chart.hovered) as heard:
        QTest.keyClick(chart, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert heard.args == [69.0]
    shown = chart.grab().toImage()
    QTest.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.grab().toImage() != shown


@pytest.mark.parametrize(("width", "x"), [(200, 1.0), (200, 50.0), (200, 99.0), (600, 99.0)])
def test_the_box_of_values_stays_within_the_picture(chart: LineChart, width: int, x: float) -> None:
    chart.resize(width, 160)
    chart.show_lines([line_of(np.arange(100.0), f"a line with a very long title {i}") for i in range(30)])
    without = chart.grab().toImage()
    chart.point(x)
    shown = chart.grab().toImage()
    changed = [c for c in range(width) if any(shown.pixel(c, y) != without.pixel(c, y) for y in range(40, 120))]
    assert changed[0] > 0
    assert changed[-1] < width - 1


def test_moving_the_pointer_draws_no_line_anew(chart: LineChart) -> None:
    chart.show_lines([line_of(np.arange(100.0))])
    chart.grab()
    before = frame(chart)
    for x in (20.0, 40.0):
        move(chart, place_of(chart, x))
        chart.grab()
    assert frame(chart) is before


def test_the_wheel_zooms_at_the_pointer_down_to_few_steps(chart: LineChart, qtbot: QtBot) -> None:
    chart.show_lines([line_of(np.arange(10_000.0))])
    place = place_of(chart, 2500)
    with qtbot.waitSignal(chart.view_changed):
        wheel(chart, place, 3)
    assert frame(chart).x.share(2500) == pytest.approx(2499 / 9999, abs=1e-6)
    assert frame(chart).x.high - frame(chart).x.low == pytest.approx(9999 * 0.8**3)
    for _ in range(60):
        wheel(chart, place, 1)
    assert frame(chart).x.high - frame(chart).x.low == pytest.approx(LEAST_STEPS)
    assert frame(chart).x.low < 2500 < frame(chart).x.high
    for _ in range(60):
        wheel(chart, place, -1)
    assert chart.view is None


def test_dragging_pans_and_stays_within_the_lines(chart: LineChart) -> None:
    chart.show_lines([line_of(np.arange(1000.0))])
    chart.set_view((400.0, 500.0))
    start = place_of(chart, 450)
    QTest.mousePress(chart, Qt.MouseButton.LeftButton, pos=start.toPoint())
    move(chart, place_of(chart, 430), Qt.MouseButton.LeftButton)
    assert chart.view == pytest.approx((420, 520), abs=0.5)
    move(chart, place_of(chart, 450) + QPointF(9000, 0), Qt.MouseButton.LeftButton)
    assert chart.view == pytest.approx((1, 101))
    QTest.mouseRelease(chart, Qt.MouseButton.LeftButton, pos=start.toPoint())


def test_keys_pan_zoom_and_show_everything(chart: LineChart) -> None:
    chart.show_lines([line_of(np.arange(1001.0))])
    QTest.keyClick(chart, Qt.Key.Key_Plus)
    assert chart.view == pytest.approx((101, 901))
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.view == pytest.approx((181, 981))
    QTest.keyClick(chart, Qt.Key.Key_Left)
    QTest.keyClick(chart, Qt.Key.Key_Minus)
    assert chart.view is None
    QTest.keyClick(chart, Qt.Key.Key_Plus)
    QTest.keyClick(chart, Qt.Key.Key_Home)
    assert chart.view is None


def test_the_right_end_follows_the_newest_step_unless_the_user_looks_elsewhere(chart: LineChart) -> None:
    line = line_of(np.zeros(1000))
    chart.show_lines([line])

    def grow() -> None:
        last = line.series.x[-1]
        line.series.curves.append({"step": last + np.arange(1.0, 101), "loss": np.ones(100)})
        chart.show_lines([line])

    grow()
    assert frame(chart).x.high == 1100
    chart.set_view((1000.0, 1100.0))
    grow()
    assert chart.view == (1100, 1200)
    chart.pan(-1.0)
    grow()
    assert chart.view == pytest.approx((1000, 1100))
    for _ in range(30):
        chart.pan(0.5)
    grow()
    assert chart.view == pytest.approx((1300, 1400))


def test_a_click_chooses_the_nearest_stop_and_a_double_click_none(chart: LineChart, qtbot: QtBot) -> None:
    chart.show_lines([line_of(np.arange(100.0))])
    chosen: list[int] = []
    chart.stop_chosen.connect(chosen.append)
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=place_of(chart, 42).toPoint())
    chart.show_stops([10, 40, 90], 40)
    with qtbot.waitSignal(chart.stop_chosen, timeout=3000):
        QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=place_of(chart, 64).toPoint())
    assert chosen == [1]
    chart.zoom(0.5)
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=place_of(chart, 60).toPoint())
    QTest.mouseDClick(chart, Qt.MouseButton.LeftButton, pos=place_of(chart, 60).toPoint())
    assert chart.view is None
    assert not chart._click.isActive()
    image, found = chart.to_image(1.0), frame(chart)
    kernel, x = theme.LIGHT.kernel, round(place_of(chart, 40).x())
    rows = range(int(found.plot.top()) + 2, int(found.plot.bottom()) - 10)
    assert coloured(image, kernel, range(x - 2, x + 2), rows) > 0.9 * len(rows)


def test_the_numbers_are_told_in_words(chart: LineChart) -> None:
    chart.show_lines([line_of([3.0, 1.0, 2.0])])
    assert chart.accessibleDescription() == "training: newest 2.000, 3 values, 1.000 to 3.000."


def test_lines_that_grow_are_told_now_and_then_and_other_ones_at_once(chart: LineChart, qtbot: QtBot) -> None:
    line = line_of([3.0])
    chart.show_lines([line])
    told = chart.accessibleDescription()
    for step in range(2, 50):
        line.series.curves.append({"step": [float(step)], "loss": [1.0]})
        chart.show_lines([line])
    assert chart.accessibleDescription() == told
    qtbot.waitUntil(lambda: "49 values" in chart.accessibleDescription())
    chart.show_lines([line, line_of([1.0], "validation")])
    assert "validation" in chart.accessibleDescription()


def test_a_small_chart_does_not_hide_its_lines_under_words(chart: LineChart) -> None:
    lines = [line_of([1.0, 2.0], f"a long title of line {i}") for i in range(14)]
    chart.show_lines(lines)
    chart.resize(600, 300)
    assert "more lines" in frame(chart).note
    chart.resize(240, 90)
    assert frame(chart).note == ""


def test_lines_are_told_apart_without_colour_and_are_seen_on_their_panel() -> None:
    def luminance(colour: str) -> float:
        parts = np.array([QColor(colour).redF(), QColor(colour).greenF(), QColor(colour).blueF()])
        linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for name, panel in (("light", theme.LIGHT.panel), ("dark", theme.DARK.panel)):
        for colour in COLOURS[name]:
            high, low = sorted((luminance(colour), luminance(panel)), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5
    looks = [line_of([1.0], dash=dash).pen().dashPattern() for dash in range(4)]
    assert len({tuple(look) for look in looks}) == 4


@pytest.mark.parametrize("look", [{}, {"dash": 1}, {"pale": True}, {"window": 30}, {"marker": 2}])
def test_svg_and_png_show_the_same(chart: LineChart, look: dict[str, object], tmp_path: Path) -> None:
    chart.show_lines([line_of(2 + np.sin(np.arange(5000) / 300), **look)])
    chart.save_picture(tmp_path / "curve.svg")
    chart.save_picture(tmp_path / "curve.png")
    expected = chart.to_image(1.0).convertToFormat(QImage.Format.Format_RGB32)
    found = QImage(expected.size(), QImage.Format.Format_RGB32)
    painter = QPainter(found)
    QSvgRenderer(str(tmp_path / "curve.svg")).render(painter)
    painter.end()
    a, b = (np.frombuffer(image.constBits(), np.uint8).astype(int) for image in (expected, found))
    assert np.abs(a - b).mean() < 4


def test_a_wild_line_of_a_million_points_is_drawn_in_milliseconds(qapp: QApplication) -> None:
    """A wide stroke of Qt's through as many points takes up to half a second."""
    wild = line_of(np.random.default_rng(0).random(2**20))
    image, plot = QImage(QSize(900, 500), QImage.Format.Format_RGB32), QRectF(0, 0, 900, 500)
    points = points_of(wild, 0, 2**20, 900)
    painter = QPainter(image)
    begin = time.thread_time()
    for _ in range(5):
        draw_points(painter, plot, points, Axis(0, 2**20), Axis(0, 1))
    seconds = (time.thread_time() - begin) / 5
    painter.end()
    assert seconds < 0.1


def test_points_far_away_are_cut_at_the_sides(chart: LineChart) -> None:
    chart.show_lines([line_of([0.0, 1.0, 0.0], scale=1e6)])
    chart.set_view((1.5e6, 1.5e6 + 8))
    assert len(frame(chart).points[0].x_n) == 2
    image = chart.to_image(1.0)
    found = frame(chart)
    rows = range(int(found.plot.top()), int(found.plot.bottom()))
    assert coloured(image, COLOURS["light"][0], range(300, 301), rows) >= 1  # half way up, a flat piece of it
