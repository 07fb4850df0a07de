"""A colour scale's numbers and caption: in their places, and never over each other."""

from __future__ import annotations

import itertools

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QApplication

from cnnviz.widgets import legend, theme

Texts = list[tuple[QRect, str]]


@pytest.fixture
def drawn(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Texts:
    """What is written, and where its letters are."""
    theme.apply(qapp, "light")
    texts: Texts = []

    def note(
        painter: QPainter, rect: QRect, text: str, colour: QColor, *, align: Qt.AlignmentFlag, elide: bool
    ) -> None:
        flags = int(align) | int(Qt.TextFlag.TextSingleLine)
        texts.append((QFontMetrics(painter.font()).boundingRect(rect, flags, text), text))

    monkeypatch.setattr(legend, "draw_text", note)
    return texts


def draw(width: int, low: float, high: float, caption: str = "") -> None:
    image = QImage(width, 40, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setFont(theme.font(0.9))
    legend.draw_legend(painter, QRect(0, 0, width, 40), "signed", low, high, caption)
    painter.end()


@pytest.mark.parametrize("width", [60, 96, 140, 220])
@pytest.mark.parametrize("caption", ["", "0", "|∂/∂pixel|", "features.3.cat: the whole network"])
@pytest.mark.parametrize("high", [0.5, 389.0, 123456.7, 1.2e8, 3e-7, 3.4e38, float("inf"), float("nan")])
def test_nothing_lies_over_anything_else(drawn: Texts, width: int, caption: str, high: float) -> None:
    for low in (-high, 0.0, -1.25e-5):
        drawn.clear()
        draw(width, low, high, caption)
        assert len(drawn) >= 2
        for where, text in drawn:
            assert where.left() >= -1, text
            assert where.right() <= width + 1, text
        for (one, _), (other, _) in itertools.combinations(drawn, 2):
            assert not one.adjusted(1, 0, -1, 0).intersects(other.adjusted(1, 0, -1, 0)), drawn


def test_the_caption_gives_way_before_the_numbers(drawn: Texts) -> None:
    draw(220, -120000, 120000, "|∂/∂pixel|")
    assert [text for _, text in drawn] == ["−120000", "120000", "|∂/∂pixel|"]
    drawn.clear()
    draw(140, -120000, 120000, "|∂/∂pixel|")
    first, last, *caption = (text for _, text in drawn)
    assert (first, last) == ("−120000", "120000")
    assert all(text.endswith("…") for text in caption)
    drawn.clear()
    draw(90, -120000, 120000, "|∂/∂pixel|")
    assert [text for _, text in drawn] == ["−1.2e5", "1.2e5"]


def test_zero_stands_where_it_is(drawn: Texts) -> None:
    draw(200, -5, 15)
    where, text = drawn[2]
    assert text == "0"
    assert abs(where.center().x() - 50) <= 1
    drawn.clear()
    draw(200, -0.1, 15)  # too near to an end
    assert [text for _, text in drawn] == ["−0.100", "15.0"]
