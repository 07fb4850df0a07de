"""Ranked bars: their lengths, pointing, keys."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.widgets import theme
from cnnviz.widgets.bar_list import Bar, BarList

BARS = (Bar(7, "7", 0.75, "75.0 %", "2.00"), Bar(1, "1", 0.25, "25.0 %", "0.90"), Bar(4, "4", 0.0, "< 0.1 %", "−9.00"))


def move(widget: QWidget, point: QPoint) -> None:
    where, none = QPointF(point), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, where, where, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


@pytest.fixture
def bars(qtbot: QtBot, qapp: QApplication) -> BarList:
    theme.apply(qapp, "light")
    made = BarList("Probabilities", ("class", "probability", "logit"))
    qtbot.addWidget(made)
    made.resize(320, 300)
    made.show()
    made.show_bars(BARS)
    return made


def lengths(bars: BarList) -> list[int]:
    """Count each row's pixels in the bar's colour."""
    image, accent = bars.grab().toImage(), theme.current().color("accent")
    found = []
    for bar in BARS:
        y = bars.bar_rect(bar.key).center().y()
        colours = (image.pixelColor(x, y) for x in range(4, bars.width() - 4))
        found.append(sum(abs(c.red() - accent.red()) < 3 and abs(c.blue() - accent.blue()) < 3 for c in colours))
    return found


def test_bars_are_as_long_as_their_shares(bars: BarList) -> None:
    long, short, least = lengths(bars)
    assert long == pytest.approx(3 * short, abs=3)
    assert least == 1  # a class that is there, however improbable


def test_values_that_are_behind_are_dimmed(bars: BarList) -> None:
    usual = lengths(bars)
    bars.show_late(True)
    assert lengths(bars) == [0, 0, 0]
    bars.show_late(False)
    assert lengths(bars) == usual


def test_keys_walk_and_stop_at_both_ends(bars: BarList) -> None:
    keys: list[int] = []
    bars.chosen.connect(keys.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        QTest.keyClick(bars, key)
    assert keys == [7, 1, 4, 4, 1]
    assert bars.in_focus == 1


def test_a_click_chooses_its_row(bars: BarList) -> None:
    keys: list[int] = []
    bars.chosen.connect(keys.append)
    middle = bars.row_rect(4).center()
    QTest.mouseClick(bars, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
    QTest.mouseClick(bars, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(20, 3))
    assert keys == [4]


def test_pointing_counts_rows_that_change_places_under_the_pointer(bars: BarList) -> None:
    keys: list[object] = []
    bars.pointed.connect(keys.append)
    move(bars, bars.row_rect(7).center())
    assert keys == [7]
    bars.show_bars((BARS[1], BARS[0], BARS[2]))
    assert keys == [7, 1]
    assert bars.in_focus == 1
    QApplication.sendEvent(bars, QEvent(QEvent.Type.Leave))
    assert keys == [7, 1, None]


def test_the_true_class_is_marked_by_more_than_colour(bars: BarList) -> None:
    plain = bars.grab().toImage()
    bars.show_bars(BARS, marked=1)
    marked = bars.grab().toImage()
    assert marked.copy(bars.row_rect(1)) != plain.copy(bars.row_rect(1))
    assert marked.copy(bars.row_rect(7)) == plain.copy(bars.row_rect(7))
    assert marked.copy(bars.row_rect(4)) == plain.copy(bars.row_rect(4))


def test_a_sentence_takes_the_place_of_the_rows(bars: BarList) -> None:
    bars.show_sentence("Nothing drawn yet.")
    assert bars.accessibleDescription() == "Nothing drawn yet."
    assert bars.key_at(QPoint(30, 60)) is None
    QTest.keyClick(bars, Qt.Key.Key_Down)
    assert bars.in_focus is None


def test_the_best_of_many_end_where_the_room_does_and_say_so(bars: BarList) -> None:
    many = [Bar(n, f"class {n}", 0.01, "1.0 %", "0.00") for n in range(60)]
    bars.show_bars(many, total=1000)
    shown = bars._shown(bars.size())
    last = bars.row_rect(shown[-1].key)
    assert 5 < len(shown) < 60
    assert last.bottom() + bars._foot_px() <= bars.height()
    assert bars.row_rect(len(shown)).bottom() + bars._foot_px() > bars.height()
    assert bars.key_at(last.center()) == shown[-1].key
    assert bars.key_at(bars.row_rect(len(shown)).center()) is None  # the line below the rows
    keys: list[int] = []
    bars.chosen.connect(keys.append)
    for _ in range(70):
        QTest.keyClick(bars, Qt.Key.Key_Down)
    assert keys[-1] == shown[-1].key
    foot = QRect(0, last.bottom() + 1, bars.width(), bars._foot_px())
    said = bars.grab(foot).toImage()
    bars.show_bars(many, total=999)
    assert bars.grab(foot).toImage() != said
    bars.resize(240, 10)
    assert len(bars._shown(bars.size())) == 1


def test_pinned_rows_stay_however_little_room_there_is(bars: BarList) -> None:
    many = [Bar(n, f"class {n}", 0.01, "1.0 %", "0.00") for n in range(22)]
    bars.show_bars(many, total=1000, pinned=frozenset({20, 21}), tail=2)
    bars.resize(320, 240)
    shown = [bar.key for bar in bars._shown(bars.size())]
    assert len(shown) < 22
    assert shown[-2:] == [20, 21]
    assert shown[:-2] == list(range(len(shown) - 2))
    assert bars.key_at(bars.row_rect(21).center()) == 21
    plain = bars.grab().toImage()
    bars.show_bars(many, total=1000, tail=2)
    assert bars.grab().toImage() != plain  # pinned rows are marked


def test_few_of_many_rows_are_as_high_as_the_room_allows(bars: BarList) -> None:
    bars.show_bars(BARS, total=1000, foot="the best 3 of 1,000")
    assert bars.row_rect(1).height() > round(theme.text_px() * 1.7)
    assert bars.row_rect(4).bottom() + bars._foot_px() <= bars.height()


def test_a_row_is_pinned_by_key_and_menu_where_there_are_many(bars: BarList) -> None:
    wanted: list[int] = []
    bars.pin_wanted.connect(wanted.append)
    bars.choose(1)
    QTest.keyClick(bars, Qt.Key.Key_P)
    assert wanted == []  # all are there
    bars.show_bars(BARS, total=1000)
    QTest.keyClick(bars, Qt.Key.Key_P)
    menu = bars.menu_for(4)
    menu.actions()[0].trigger()
    menu.deleteLater()
    assert wanted == [1, 4]


def test_long_names_do_not_widen_the_column(bars: BarList) -> None:
    bars.show_bars([Bar(0, "w" * 12, 0.1, "10.0 %", "0.00")])
    width = bars.minimumSizeHint().width()
    bars.show_bars([Bar(0, "w" * 40, 0.1, "10.0 %", "0.00")])
    assert bars.minimumSizeHint().width() == width


def test_ten_rows_fit_a_small_height(bars: BarList) -> None:
    bars.resize(240, bars.sizeHint().height())
    bars.show_bars([Bar(i, str(i), 0.1, "10.0 %", "0.00") for i in range(10)])
    assert bars.row_rect(9).bottom() <= bars.height()
