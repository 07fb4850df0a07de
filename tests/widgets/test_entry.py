"""A field for a setting: it takes what fits, says by a sentence what does not, and never loses what was in force."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.core.errors import UserError
from cnnviz.widgets import theme
from cnnviz.widgets.entry import Entry, integers, real

Key = Qt.Key


class Page(QWidget):
    """A page with one field, that hears the keys which the field leaves to it."""

    def __init__(self) -> None:
        super().__init__()
        self.offered: list[str] = []
        self.keys: list[int] = []
        self.entry = Entry("Stride", "How far it moves", self.offer, self)
        other = QLineEdit(self)
        column = QVBoxLayout(self)
        column.addWidget(self.entry)
        column.addWidget(other)
        self.other = other
        self.entry.show_text("2")

    def offer(self, text: str) -> None:
        self.offered.append(text)
        if int(text) < 1:
            raise UserError(f"The stride is {text}; it must be at least 1.")

    def keyPressEvent(self, event: object) -> None:
        self.keys.append(event.key())  # type: ignore[attr-defined]


@pytest.fixture
def page(qtbot: QtBot, qapp: QApplication) -> Page:
    theme.apply(qapp, "light")
    made = Page()
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    made.entry.field.setFocus()
    return made


def type_text(page: Page, text: str) -> None:
    page.entry.field.selectAll()
    QTest.keyClicks(page.entry.field, text)
    QTest.keyClick(page.entry.field, Key.Key_Return)


def wheel(page: Page, notches: int) -> bool:
    where, none = QPointF(5, 5), Qt.MouseButton.NoButton
    keys, phase = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(where, where, QPoint(0, 0), QPoint(0, 120 * notches), none, keys, phase, False)
    event.setAccepted(False)
    page.entry.field.wheelEvent(event)
    return event.isAccepted()


def test_what_fits_is_taken_and_what_is_the_same_is_not_offered(page: Page) -> None:
    type_text(page, "3")
    assert page.offered == ["3"]
    assert page.entry.error == ""
    type_text(page, " 3 ")
    assert page.offered == ["3"]
    page.other.setFocus()
    assert page.offered == ["3"]


def test_leaving_the_field_offers_too(page: Page) -> None:
    page.entry.field.selectAll()
    QTest.keyClicks(page.entry.field, "5")
    page.other.setFocus()
    assert page.offered == ["5"]


def test_what_does_not_fit_is_a_sentence_in_the_colour_of_errors(page: Page) -> None:
    refused: list[str] = []
    page.entry.refused.connect(refused.append)
    type_text(page, "0")
    assert page.entry.error == "The stride is 0; it must be at least 1." == refused[0]
    assert page.entry.field.accessibleDescription() == page.entry.error
    label = page.entry._error
    assert label.isVisible()
    assert label.palette().color(label.foregroundRole()) == theme.current().color("bad")
    assert page.entry.field.text() == "0"  # to be corrected
    type_text(page, "2")  # what is in force
    assert page.entry.error == ""
    assert page.offered == ["0"]


def test_after_a_mistake_a_better_number_takes_the_sentence_away(page: Page) -> None:
    page.entry.try_text("-4")
    assert page.entry.error
    page.entry.try_text("4")
    assert page.entry.error == ""
    assert page.offered == ["-4", "4"]


def test_what_the_owner_shows_is_in_force(page: Page) -> None:
    page.entry.try_text("0")
    page.entry.show_text("7")
    assert (page.entry.field.text(), page.entry.error) == ("7", "")
    page.entry.try_text("7")
    assert page.offered == ["0"]


def test_what_the_owner_writes_otherwise_is_not_offered_again(page: Page) -> None:
    offered = page.offered
    page.entry._offer = lambda text: (offered.append(text), page.entry.show_text("4"))[1]
    type_text(page, "4 × 4")
    assert page.entry.field.text() == "4"
    QTest.keyClick(page.entry.field, Key.Key_Return)
    page.other.setFocus()
    assert offered == ["4 × 4"]


def test_arrows_and_wheel_change_a_lone_number(page: Page) -> None:
    QTest.keyClick(page.entry.field, Key.Key_Up)
    QTest.keyClick(page.entry.field, Key.Key_Up)
    QTest.keyClick(page.entry.field, Key.Key_Down)
    assert wheel(page, 1)
    assert wheel(page, -1)
    assert page.offered == ["3", "4", "3", "4", "3"]
    page.entry.show_text("3 × 5")
    QTest.keyClick(page.entry.field, Key.Key_Up)
    assert len(page.offered) == 5  # no lone number
    page.entry.show_text("1")
    QTest.keyClick(page.entry.field, Key.Key_Down)
    assert page.entry.error
    assert page.keys == []


def test_the_wheel_scrolls_the_page_unless_the_field_has_the_keyboard(page: Page) -> None:
    page.other.setFocus()
    assert not wheel(page, 1)
    assert page.offered == []


def test_enter_ends_the_typing_and_goes_no_further(page: Page) -> None:
    for key in (Key.Key_Return, Key.Key_Enter):
        QTest.keyClick(page.entry.field, key)
    assert page.keys == []  # a panel would follow it to another layer
    QTest.keyClick(page.entry.field, Key.Key_F5)
    assert page.keys == [Key.Key_F5]


def test_the_name_is_the_labels_and_the_screen_readers(page: Page) -> None:
    assert page.entry.field.accessibleName() == "Stride"
    assert page.entry.field.toolTip() == "How far it moves"


def test_whole_numbers_as_people_write_them() -> None:
    for text, counts, numbers in (
        ("3", (1, 2), (3,)), ("3 × 5", (1, 2), (3, 5)), ("3x5", (1, 2), (3, 5)), ("-1", (1,), (-1,)),
        (" 1, 2,1 ,2 ", (1, 2, 4), (1, 2, 1, 2)), ("10000", (1,), (10_000,)),
    ):  # fmt: skip
        assert integers(text, counts, "stride") == numbers


def test_other_texts_are_refused_by_a_sentence() -> None:
    for text in ("abc", "", "1 2 3", "2.5", "1e3", "nan", "10001", "-20000", "×", "3 ×× y", "9" * 5000):
        with pytest.raises(UserError) as caught:
            integers(text, (1, 2), "stride")
        assert caught.value.sentence.endswith(".")
        assert "stride" in caught.value.sentence


def test_numbers_with_a_fraction() -> None:
    assert [real(text, "p") for text in ("2.5", "−1", "0,5", " 1e-3 ")] == [2.5, -1.0, 0.5, 0.001]
    for text in ("abc", "", "1.2.3"):
        with pytest.raises(UserError, match="a number is needed"):
            real(text, "p")
    for text in ("nan", "inf", "-inf", "1e38", "1e400"):
        with pytest.raises(UserError, match=text):
            real(text, "p")
