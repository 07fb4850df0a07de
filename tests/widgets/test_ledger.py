"""A signed account: each term with its numbers, the sum so far, a bar; rows that are walked, chosen and scrolled."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.widgets import theme
from cnnviz.widgets.ledger import MOST_SAVED_ROWS, Account, Column, Ledger, LedgerArea

NO_KEYS = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
Key = Qt.Key
VALUES = np.array([0.5, -2.0, 1.25, 0.0])
ORDER = np.array([1, 2, 0, 3])


def account(values: np.ndarray = VALUES, order: np.ndarray = ORDER, **other: object) -> Account:
    columns = (Column("input x", values * 2, 2, "pointer"), Column("x · w", values, 3))
    running = 1.0 + np.cumsum(values[order])
    return Account("input", lambda n: f"element {n}", columns, values, order, running, 3, **other)  # type: ignore[arg-type]


@pytest.fixture
def area(qtbot: QtBot, qapp: QApplication) -> LedgerArea:
    theme.apply(qapp, "light")
    made = LedgerArea(Ledger("Terms"))
    qtbot.addWidget(made)
    made.resize(700, 240)
    made.show()
    return made


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is written, in its order."""
    heard: list[str] = []
    original = QPainter.drawText

    def listen(self: QPainter, *args: object) -> object:
        heard.extend(arg for arg in args if isinstance(arg, str))
        return original(self, *args)  # type: ignore[call-overload]

    monkeypatch.setattr(QPainter, "drawText", listen)
    return heard


def written(ledger: Ledger, drawn: list[str]) -> list[str]:
    """Return what a saved picture holds."""
    drawn.clear()
    ledger.to_image(1.0)
    return drawn


def heard_from(signal: object) -> list[int]:
    heard: list[int] = []
    signal.connect(heard.append)  # type: ignore[attr-defined]
    return heard


def click_at(ledger: Ledger, y: int, button: Qt.MouseButton = LEFT, double: bool = False) -> None:
    kind = QEvent.Type.MouseButtonDblClick if double else QEvent.Type.MouseButtonPress
    where = QPointF(30, y)
    QApplication.sendEvent(ledger, QMouseEvent(kind, where, where, button, button, NO_KEYS))


def click(ledger: Ledger, position: int, button: Qt.MouseButton = LEFT, double: bool = False) -> None:
    click_at(ledger, ledger.row_rect(position).center().y(), button, double)


def test_rows_stand_in_their_order_and_the_sum_ends_on_the_total(area: LedgerArea, drawn: list[str]) -> None:
    area.ledger.show_account(account())
    assert written(area.ledger, drawn) == [
        "input", "input x", "x · w", "sum so far",
        "element 1", "−4.00", "−2.000", "−1.000",
        "element 2", "2.50", "1.250", "0.250",
        "element 0", "1.00", "0.500", "0.750",
        "element 3", "0.00", "0.000", "0.750",
    ]  # fmt: skip
    assert drawn[-1] == f"{1.0 + VALUES.sum():.3f}"


def test_a_column_without_decimals_gives_each_number_its_own(area: LedgerArea, drawn: list[str]) -> None:
    values = np.array([1e-9, 0.25, 1.0])
    column = Column("exp", values, None, "kernel", 3)
    area.ledger.show_account(Account("class", str, (column,), values, np.arange(3)))
    assert written(area.ledger, drawn) == ["class", "exp", "0", "1.00e−09", "1", "0.250", "2", "1.00"]


def bar(image: QImage, ledger: Ledger, position: int, role: str) -> list[int]:
    """Return the pixels of a row that have the colour of a role."""
    row = ledger.row_rect(position)
    colour = theme.current().color(role)
    return [x for x in range(image.width()) if image.pixelColor(x, row.top() + 5) == colour]


def test_bars_are_as_long_as_the_terms_on_their_side_of_zero(area: LedgerArea) -> None:
    area.ledger.show_account(account())
    image = area.ledger.grab().toImage()
    negative, positive = bar(image, area.ledger, 0, "negative"), bar(image, area.ledger, 1, "positive")
    small = bar(image, area.ledger, 2, "positive")
    assert max(negative) < min(positive)
    assert len(positive) == pytest.approx(1.25 / 2 * len(negative), abs=2)
    assert len(small) == pytest.approx(0.5 / 2 * len(negative), abs=2)
    assert abs(min(small) - min(positive)) <= 1
    area.ledger.show_account(account(np.abs(VALUES)))
    image = area.ledger.grab().toImage()
    assert len(bar(image, area.ledger, 0, "positive")) > 1.8 * len(negative)  # no room is kept for negative ones


def test_walking_by_keys_stops_at_both_ends(area: LedgerArea) -> None:
    values = np.arange(30.0)
    area.ledger.show_account(account(values, np.arange(30)[::-1]))
    pressed = heard_from(area.ledger.pressed)
    for key in (
        Key.Key_Down, Key.Key_Down, Key.Key_Up, Key.Key_Up, Key.Key_PageDown, Key.Key_PageUp, Key.Key_End,
        Key.Key_Down, Key.Key_Home,
    ):  # fmt: skip
        QTest.keyClick(area.ledger, key)
    assert pressed == [29, 28, 29, 29, 19, 29, 0, 0, 29]


def test_clicks_choose_and_double_clicks_and_enter_activate(area: LedgerArea) -> None:
    ledger = area.ledger
    ledger.show_account(account())
    pressed, activated = heard_from(ledger.pressed), heard_from(ledger.activated)
    click(ledger, 2)
    assert pressed == [0]
    QTest.keyClick(ledger, Key.Key_Return)
    click(ledger, 1, double=True)
    assert activated == [0, 2]
    click(ledger, 1, Qt.MouseButton.RightButton)
    click_at(ledger, 3)  # the heading
    click(ledger, 4)  # below
    assert pressed == [0]


def test_the_chosen_row_is_framed_and_comes_into_sight(area: LedgerArea) -> None:
    ledger = area.ledger
    ledger.show_account(account(np.arange(100.0), np.arange(100)))
    for _ in range(2):  # the first key only begins at the top
        QTest.keyClick(ledger, Key.Key_End)
    row = ledger.row_rect(99).translated(ledger.pos())
    assert area.viewport().rect().contains(row.center())
    ledger.show_term(99)
    accent = theme.current().color("accent")
    assert ledger.grab(ledger.row_rect(99)).toImage().pixelColor(20, 1) == accent
    ledger.show_term(None)
    assert ledger.grab(ledger.row_rect(99)).toImage().pixelColor(20, 1) != accent
    ledger.show_term(1000)  # no such term
    assert not ledger.grab().isNull()


def test_only_rows_in_sight_are_drawn(area: LedgerArea, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    original = Ledger._draw_row

    def listen(self: Ledger, painter: QPainter, position: int, *rest: object) -> None:
        rows.append(position)
        original(self, painter, position, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "_draw_row", listen)
    area.ledger.show_account(account(np.arange(25_000.0), np.arange(25_000)))
    QApplication.processEvents()
    rows.clear()
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum() // 2)
    area.viewport().repaint()
    area.ledger.repaint()
    QApplication.processEvents()
    assert rows
    assert len(set(rows)) < 20
    assert min(rows) > 10_000


def test_a_saved_picture_of_thousands_of_rows_is_bounded(area: LedgerArea) -> None:
    area.ledger.show_account(account(np.arange(25_000.0), np.arange(25_000)))
    height = area.ledger.picture_size().height()
    assert height < (MOST_SAVED_ROWS + 3) * area.ledger._row_px()
    area.ledger.show_account(account())
    assert area.ledger.picture_size().height() == area.ledger.height()


def test_numbers_that_are_none_have_no_bar(area: LedgerArea) -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1e38, 2.0])
    area.ledger.show_account(account(values, np.arange(5)))
    image = area.ledger.grab().toImage()
    assert bar(image, area.ledger, 1, "positive") == []
    assert len(bar(image, area.ledger, 3, "positive")) > 20


def test_nothing_is_a_sentence(area: LedgerArea, drawn: list[str]) -> None:
    area.ledger.show_account(account())
    area.ledger.show_account(None, "Nothing is shown.")
    assert written(area.ledger, drawn)[-1] == "Nothing is shown."
    pressed = heard_from(area.ledger.pressed)
    QTest.keyClick(area.ledger, Key.Key_Down)
    click_at(area.ledger, 60)
    click_at(area.ledger, 60, double=True)
    assert pressed == []


def test_a_shorter_account_keeps_the_place_inside(area: LedgerArea) -> None:
    area.ledger.show_account(account(np.arange(30.0), np.arange(30)))
    QTest.keyClick(area.ledger, Key.Key_End)
    QTest.keyClick(area.ledger, Key.Key_End)
    area.ledger.show_account(account())
    activated = heard_from(area.ledger.activated)
    QTest.keyClick(area.ledger, Key.Key_Return)
    assert activated == [3]


def test_larger_text_makes_larger_rows(area: LedgerArea, qapp: QApplication) -> None:
    area.ledger.show_account(account())
    before = area.ledger.height()
    theme.apply(qapp, "dark", 1.5)
    assert area.ledger.height() > 1.3 * before
    theme.apply(qapp, "light")
