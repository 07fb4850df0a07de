"""The written-out sum: rows in their order, a sum that ends on the total, honest signs, and only what is in sight."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.core.formats import adds_up, fixed
from cnnviz.widgets import theme
from cnnviz.widgets.cells import sample
from cnnviz.widgets.tape import MOST_SAVED_ROWS, Tape, TapeArea
from cnnviz.widgets.tape_content import TapeContent

NO_KEYS = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
SIGNS = ("×", "=", "Σ=", "Σ≈")


def content_of(
    window: np.ndarray, weights: np.ndarray, order: list[int] | None = None, bias: float = 0.5, **other: object
) -> TapeContent:
    count, height, width = window.shape
    settings: dict[str, object] = {"outside": np.zeros((height, width), np.bool_), "window_role": "signed"}
    settings.update(other)
    most = float(np.nanmax(np.abs(np.where(np.isfinite(window), window, 0))))
    return TapeContent(
        window, weights, window * weights, settings.pop("outside"), tuple(f"map {c}" for c in range(count)),  # type: ignore[arg-type]
        np.array(order if order is not None else range(count), np.intp), bias, (-most, most), sample(weights)[0],
        sample(window), sample(weights), **settings,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture
def area(qtbot: QtBot, qapp: QApplication) -> TapeArea:
    theme.apply(qapp, "light")
    made = TapeArea(Tape("Products"))
    qtbot.addWidget(made)
    made.resize(1000, 420)
    made.show()
    return made


@pytest.fixture
def content() -> TapeContent:
    generator = np.random.default_rng(3)
    return content_of(generator.normal(size=(4, 3, 3)), generator.normal(size=(4, 3, 3)), [2, 0, 3, 1])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    original = QPainter.drawText

    def listen(self: QPainter, *args: object) -> object:
        heard.extend(arg for arg in args if isinstance(arg, str))
        return original(self, *args)  # type: ignore[call-overload]

    monkeypatch.setattr(QPainter, "drawText", listen)
    return heard


def written(tape: Tape, drawn: list[str]) -> list[str]:
    drawn.clear()
    tape.to_image(1.0)
    return drawn


def heard_from(signal: object) -> list[tuple[object, ...]]:
    heard: list[tuple[object, ...]] = []
    signal.connect(lambda *what: heard.append(what))  # type: ignore[attr-defined]
    return heard


def mouse(tape: Tape, kind: QEvent.Type, point: QPointF, button: Qt.MouseButton = LEFT) -> None:
    QApplication.sendEvent(tape, QMouseEvent(kind, point, point, button, button, NO_KEYS))


def cell_point(tape: Tape, position: int, which: int, row: int, column: int) -> QPointF:
    rect, (height, width) = tape.matrix_rect(position, which), tape._content.window.shape[1:]  # type: ignore[union-attr]
    return QPointF(
        rect.left() + (column + 0.5) * rect.width() / width, rect.top() + (row + 0.5) * rect.height() / height
    )


@pytest.mark.parametrize("room", [(400, 200), (1000, 420), (1800, 900)])
def test_headings_and_signs_have_their_room(
    area: TapeArea, content: TapeContent, drawn: list[str], room: tuple[int, int]
) -> None:
    area.resize(*room)
    area.tape.show_content(content)
    texts = written(area.tape, drawn)
    assert {"window", "kernel", "products", "subtotal", "sum so far"} <= set(texts)  # none is shortened
    metrics = QFontMetrics(theme.numbers_font(area.tape._font_px))
    at, products = area.tape._at, area.tape.matrix_rect(0, 2)
    assert metrics.horizontalAdvance("Σ≈") <= at[4] - products.left() - products.width()
    assert area.viewport().palette().color(area.viewport().backgroundRole()) == theme.current().color("panel")


def test_rows_stand_in_the_given_order(area: TapeArea, content: TapeContent, drawn: list[str]) -> None:
    area.tape.show_content(content)
    texts = written(area.tape, drawn)
    assert [text for text in texts if text.startswith("map ")] == ["map 2", "map 0", "map 3", "map 1"]
    assert [text for text in ("window", "kernel", "products", "subtotal", "sum so far") if text in texts]


def test_every_number_of_a_row_is_written(area: TapeArea, drawn: list[str]) -> None:
    window = np.array([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, 2.0]]])
    weights = np.array([[[1.0, 0.0], [-1.0, 2.0]], [[5.0, -3.0], [1.0, 1.0]]])
    area.tape.show_content(content_of(window, weights, [1, 0], bias=1.0))
    texts = written(area.tape, drawn)
    first, second = texts.index("map 1"), texts.index("map 0")
    numbers = [text for text in texts[first + 1 : second] if text not in SIGNS]
    assert numbers == ["0", "1", "0", "2", "5", "−3", "1", "1", "0", "−3", "0", "2", "−1", "0"]
    numbers = [text for text in texts[second + 1 :] if text not in SIGNS]
    assert numbers == ["1", "2", "3", "4", "1", "0", "−1", "2", "1", "0", "−3", "8", "6", "6"]


def test_the_running_sum_begins_with_the_bias_and_ends_on_the_total(content: TapeContent) -> None:
    total = float(content.products.sum()) + content.bias
    assert content.running[-1] == pytest.approx(total)
    assert content.running[0] == pytest.approx(content.bias + content.products[2].sum())
    np.testing.assert_allclose(content.subtotals, content.products.sum(axis=(1, 2)))


def test_the_sum_sign_tells_whether_printed_numbers_add_up(area: TapeArea, drawn: list[str]) -> None:
    generator = np.random.default_rng(5)
    seen = set()
    for _ in range(12):
        content = content_of(generator.normal(size=(3, 2, 2)), generator.normal(size=(3, 2, 2)))
        area.tape.show_content(content)
        decimals = area.tape.decimals[2]
        expected = [
            "Σ=" if adds_up(content.products[c].ravel(), float(content.subtotals[c]), decimals)[0] else "Σ≈"
            for c in range(3)
        ]
        found = [text for text in written(area.tape, drawn) if text.startswith("Σ")]
        assert found == expected
        seen.update(found)
    assert seen == {"Σ=", "Σ≈"}


def test_only_rows_in_sight_are_drawn(area: TapeArea, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> None:
    generator = np.random.default_rng(6)
    rows: list[int] = []
    original = Tape._draw_name

    def listen(self: Tape, painter: QPainter, position: int, *rest: object) -> None:
        rows.append(position)
        original(self, painter, position, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Tape, "_draw_name", listen)
    area.tape.show_content(content_of(generator.normal(size=(512, 3, 3)), generator.normal(size=(512, 3, 3))))
    area.tape.grab(area.tape.visibleRegion().boundingRect())
    assert rows
    assert len(set(rows)) < 10
    assert min(rows) == 0
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    qapp.processEvents()
    rows.clear()
    area.tape.grab(area.tape.visibleRegion().boundingRect())
    assert max(rows) == 511
    assert len(set(rows)) < 10


def test_pointing_finds_the_product_in_each_of_the_three_matrices(area: TapeArea, content: TapeContent) -> None:
    tape = area.tape
    tape.show_content(content)
    for position, channel in enumerate((2, 0, 3, 1)):
        for which in range(3):
            for row, column in ((0, 0), (1, 2), (2, 1)):
                assert tape.at(cell_point(tape, position, which, row, column)) == (channel, row, column)
    assert tape.at(QPointF(1, 1)) is None
    assert tape.at(QPointF(3, tape.matrix_rect(1, 0).top() + 4)) is None
    assert tape.at(QPointF(tape.matrix_rect(0, 0).left() + 4, tape.height() + 500)) is None


def test_pointing_is_said_once_and_frames_all_three(area: TapeArea, content: TapeContent) -> None:
    tape = area.tape
    tape.show_content(content)
    hovered = heard_from(tape.hovered)
    plain = tape.to_image(1.0)
    point = cell_point(tape, 0, 1, 1, 1)
    mouse(tape, QEvent.Type.MouseMove, point)
    mouse(tape, QEvent.Type.MouseMove, point + QPointF(1, 1))
    framed = tape.to_image(1.0)
    text = theme.current().color("text")
    for which in range(3):
        rect = tape.matrix_rect(0, which)
        corner = QPoint(rect.left() + rect.width() // 3 + rect.width() // 6, rect.top() + rect.height() // 3)
        assert framed.pixelColor(corner) == text != plain.pixelColor(corner)
    QApplication.sendEvent(tape, QEvent(QEvent.Type.Leave))
    assert hovered == [((2, 1, 1),), (None,)]
    assert tape.to_image(1.0) == plain


def test_a_click_chooses_the_rows_channel(area: TapeArea, content: TapeContent) -> None:
    tape = area.tape
    tape.show_content(content)
    pressed, activated = heard_from(tape.channel_pressed), heard_from(tape.activated)
    mouse(tape, QEvent.Type.MouseButtonPress, cell_point(tape, 2, 0, 1, 1))
    mouse(tape, QEvent.Type.MouseButtonPress, QPointF(4, tape.matrix_rect(3, 0).center().y()))
    mouse(tape, QEvent.Type.MouseButtonPress, QPointF(4, 4))
    mouse(tape, QEvent.Type.MouseButtonPress, cell_point(tape, 0, 0, 1, 1), Qt.MouseButton.RightButton)
    assert pressed == [(3,), (1,)]
    mouse(tape, QEvent.Type.MouseButtonDblClick, cell_point(tape, 1, 2, 2, 0))
    assert activated == [(0, 2, 0)]
    plain = tape.to_image(1.0)
    tape.show_chosen(3)
    left = QPoint(1, tape.matrix_rect(2, 0).center().y())
    assert tape.to_image(1.0).pixelColor(left) == theme.current().color("accent") != plain.pixelColor(left)


def test_enter_follows_the_largest_product_that_is_not_padding(area: TapeArea) -> None:
    window, weights = np.ones((3, 2, 2)), np.full((3, 2, 2), 0.1)
    weights[1, 0, 1] = -7
    weights[2, 1, 1] = 9
    outside = np.array([[False, False], [False, True]])
    area.tape.show_content(content_of(window, weights, outside=outside))
    activated = heard_from(area.tape.activated)
    QTest.keyClick(area.tape, Qt.Key.Key_Return)
    assert activated == [(1, 0, 1)]
    area.tape.show_content(content_of(window, weights))
    QTest.keyClick(area.tape, Qt.Key.Key_Enter)
    assert activated[-1] == (2, 1, 1)


@pytest.mark.parametrize("appearance", ["light", "dark"])
def test_padding_is_hatched(area: TapeArea, content: TapeContent, qapp: QApplication, appearance: str) -> None:
    theme.apply(qapp, appearance)
    area.tape.show_content(content)
    plain = area.tape.to_image(1.0)
    outside = np.zeros((3, 3), np.bool_)
    outside[0] = True
    area.tape.show_content(content_of(content.window, content.weights, [2, 0, 3, 1], outside=outside))
    hatched = area.tape.to_image(1.0)
    rect = area.tape.matrix_rect(0, 0)
    third = rect.height() // 3
    assert hatched.copy(rect.left(), rect.top(), rect.width(), third) != plain.copy(
        rect.left(), rect.top(), rect.width(), third
    )
    below = (rect.left(), rect.top() + third + 1, rect.width(), 2 * third - 2)
    assert hatched.copy(*below) == plain.copy(*below)
    theme.apply(qapp, "light")


def test_decimals_follow_the_digits(area: TapeArea, content: TapeContent, drawn: list[str]) -> None:
    area.tape.show_content(content)
    widths = []
    for digits in range(2, 8):
        area.tape.set_digits(digits)
        # window and weights are below 10, products as well
        assert area.tape.decimals[0] == digits - 1
        assert area.tape.decimals[1] == digits - 1
        assert area.tape.decimals[2] in (digits - 1, digits)
        texts = written(area.tape, drawn)
        assert fixed(float(content.window[2, 0, 0]), area.tape.decimals[0]) in texts
        assert fixed(float(content.running[-1]), area.tape.decimals[2]) == texts[-1]
        widths.append(area.tape.minimumWidth())
    assert widths[-1] > widths[0]


def test_numbers_stay_inside_their_cells(area: TapeArea, content: TapeContent) -> None:
    """The room of a cell is that of its longest number in the font it is written with."""
    from PySide6.QtGui import QFontMetrics

    for digits in (2, 4, 7):
        area.tape.set_digits(digits)
        area.tape.show_content(content)
        metrics = QFontMetrics(theme.numbers_font(area.tape._font_px))
        for which, values in enumerate((content.window, content.weights, content.products)):
            longest = max(metrics.horizontalAdvance(fixed(float(v), area.tape.decimals[which])) for v in values.ravel())
            assert longest <= area.tape._cell_w[which]


def test_numbers_grow_with_the_room(area: TapeArea, content: TapeContent) -> None:
    area.tape.show_content(content)
    small = area.tape._font_px
    area.resize(2400, 1200)
    assert area.tape._font_px > small
    area.resize(400, 200)
    assert area.tape._font_px >= 9
    assert area.tape.minimumWidth() > area.viewport().width()  # it scrolls instead


def test_the_saved_picture_of_hundreds_of_rows_is_bounded(area: TapeArea, content: TapeContent) -> None:
    area.tape.show_content(content)
    assert area.tape.picture_size().height() == area.tape.height()
    area.tape.show_content(content_of(np.ones((512, 3, 3)), np.ones((512, 3, 3))))
    size = area.tape.picture_size()
    assert size.height() <= area.tape.head_px() + MOST_SAVED_ROWS * area.tape._row_px + 2
    assert size.height() < area.tape.height() / 10
    assert area.tape.to_image(1.0).height() == size.height()


def test_other_weights_are_drawn_at_once(area: TapeArea, content: TapeContent) -> None:
    key = ("conv1", 0)
    area.tape.show_content(content_of(content.window, content.weights, kernel_key=key))
    first = area.tape.grab().toImage()
    assert area.tape.grab().toImage() == first
    area.tape.show_content(content_of(content.window, -content.weights, kernel_key=("conv1", 1)))
    second = area.tape.grab().toImage()
    rect = area.tape.matrix_rect(0, 1)
    assert second.copy(rect) != first.copy(rect)
    area.tape.show_content(content_of(content.window, content.weights))
    assert area.tape.grab().toImage().copy(rect) == first.copy(rect)


def test_odd_numbers_do_no_harm(area: TapeArea, content: TapeContent, drawn: list[str]) -> None:
    for odd in (np.nan, np.inf, -np.inf, 1e38, -1e38):
        window = content.window.copy()
        window[2, 1, 1] = odd
        area.tape.show_content(content_of(window, content.weights, [2, 0, 3, 1]))
        texts = written(area.tape, drawn)
        assert any(text in ("not a number", "∞", "−∞") or "e+3" in text for text in texts)
        area.tape.set_digits(5)


def test_enter_on_products_that_are_no_numbers_does_no_harm(area: TapeArea) -> None:
    area.tape.show_content(content_of(np.full((2, 2, 2), np.nan), np.ones((2, 2, 2))))
    event = type("Key", (), {"key": lambda self: Qt.Key.Key_Return})()
    activated = heard_from(area.tape.activated)
    area.tape.keyPressEvent(event)  # type: ignore[arg-type]
    assert len(activated) == 1


def test_nothing_is_a_sentence(area: TapeArea, drawn: list[str]) -> None:
    area.tape.show_content(None, "No stamp reaches this cell.")
    assert written(area.tape, drawn) == ["No stamp reaches this cell."]
    assert area.tape.at(QPointF(50, 50)) is None
    activated, pressed = heard_from(area.tape.activated), heard_from(area.tape.channel_pressed)
    QTest.keyClick(area.tape, Qt.Key.Key_Return)
    mouse(area.tape, QEvent.Type.MouseButtonPress, QPointF(50, 50))
    mouse(area.tape, QEvent.Type.MouseButtonDblClick, QPointF(50, 50))
    assert activated == pressed == []
