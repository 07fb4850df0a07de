"""A function over the histogram of its inputs: the curve, the slope, the bars, and the point on the curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.core.activation import FUNCTIONS
from cnnviz.widgets import theme
from cnnviz.widgets.curve_plot import BINS, CurvePlot, histogram


@pytest.fixture
def plot(qtbot: QtBot, qapp: QApplication) -> CurvePlot:
    theme.apply(qapp, "light")
    made = CurvePlot("Function")
    qtbot.addWidget(made)
    made.resize(500, 300)
    made.show()
    return made


def pixels(image: QImage, role: str, near: int = 3) -> list[tuple[int, int]]:
    """Return where a role's colour is, below the words at the top and above those at the bottom."""
    wanted = theme.current().color(role)
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    rgb = lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)
    away = np.abs(rgb - (wanted.red(), wanted.green(), wanted.blue())).max(axis=2)
    rows, columns = np.nonzero(away[20:-22] <= near)
    return [(int(x), int(y) + 20) for x, y in zip(columns, rows, strict=True)]


@settings(deadline=None)
@given(st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=200), st.integers(1, 90))
def test_the_histogram_counts_like_numpys(values: list[float], bins: int) -> None:
    array = np.array(values, np.float32)
    counts = histogram(array, -3.5, 3.5, bins)
    assert counts.sum() == len(values)
    expected, _ = np.histogram(array.astype(np.float64), bins, (-3.5, 3.5))
    moved = np.abs(np.cumsum(counts) - np.cumsum(expected))  # a value on an edge may fall to either side
    edges = np.linspace(-3.5, 3.5, bins + 1)[1:]
    on_edge = [(np.abs(array - edge) < 1e-5).sum() for edge in edges]
    assert (moved <= on_edge).all()


def test_odd_values_are_counted_at_the_ends_and_raise_nothing(plot: CurvePlot) -> None:
    counts = histogram(np.array([np.nan, -9.0, 9.0, 0.0], np.float32), -1.0, 1.0, 4)
    assert counts.tolist() == [2, 0, 1, 1]
    plot.show_function(FUNCTIONS["relu"], 0.0)
    for values in (
        np.array([np.nan, np.inf, -np.inf], np.float32), np.array([1e38, -1e38, 0], np.float32),
        np.array([np.nan], np.float32), np.zeros(3, np.float32), np.array([1e300, 1.0]),
    ):  # fmt: skip
        plot.show_values(values)
        plot.show_point(float(values[0]))
        assert not plot.grab().isNull()


@pytest.mark.parametrize("appearance", ["light", "dark"])
def test_the_curve_the_slope_and_the_point_have_their_colours(
    plot: CurvePlot, qapp: QApplication, appearance: str
) -> None:
    theme.apply(qapp, appearance)
    plot.show_values(np.linspace(-2, 2, 50).astype(np.float32))
    plot.show_function(FUNCTIONS["tanh"], 0.0)
    image = plot.to_image(1.0)
    assert len(pixels(image, "accent")) > 200
    assert len(pixels(image, "kernel")) > 50
    assert pixels(image, "pointer") == []
    plot.show_point(1.0)
    assert len(pixels(plot.to_image(1.0), "pointer")) > 40
    theme.apply(qapp, "light")


def test_the_point_follows_the_curve(plot: CurvePlot) -> None:
    plot.show_values(np.linspace(-2, 2, 50).astype(np.float32))
    plot.show_function(FUNCTIONS["relu"], 0.0)

    def middle(x: float) -> tuple[float, float]:
        plot.show_point(x)
        found = pixels(plot.to_image(1.0), "pointer")
        return sum(p[0] for p in found) / len(found), sum(p[1] for p in found) / len(found)

    left, zero, one, two = (middle(x) for x in (-1.0, 0.0, 1.0, 2.0))
    assert left[1] == pytest.approx(zero[1], abs=1)  # flat
    assert one[1] - two[1] == pytest.approx(zero[1] - one[1], abs=2)  # a straight line upwards
    assert zero[1] - one[1] > 50
    assert two[0] - one[0] == pytest.approx(one[0] - zero[0], abs=2)


def test_a_point_that_is_no_number_is_not_drawn(plot: CurvePlot) -> None:
    plot.show_values(np.linspace(-2, 2, 50).astype(np.float32))
    plot.show_function(FUNCTIONS["relu"], 0.0)
    for odd in (float("nan"), float("inf")):
        plot.show_point(odd)
        assert pixels(plot.to_image(1.0), "pointer") == []


def test_the_words_say_value_and_slope(plot: CurvePlot) -> None:
    plot.show_function(FUNCTIONS["leaky_relu"], 0.1)
    plot.show_point(-2.0)
    said = plot.accessibleDescription()
    assert "of −2.000 is −0.2000" in said
    assert said.endswith("slope 0.1000")


def test_bars_stand_where_the_values_are(plot: CurvePlot) -> None:
    plot.show_function(FUNCTIONS["identity"], 0.0)
    plot.show_values(np.full(100, 2.0, np.float32))
    assert plot._counts.argmax() > BINS / 2
    assert plot._counts.sum() == 100
    with_bars = plot.to_image(1.0)
    plot._counts = np.zeros(0, np.int64)
    plot.update()
    without = plot.to_image(1.0)
    changed = [x for x in range(500) if with_bars.pixel(x, 150) != without.pixel(x, 150)]
    assert changed
    assert min(changed) > 350  # 2 lies near the right end of −1 … 2
    assert max(changed) - min(changed) < 12


def test_every_function_can_be_drawn(plot: CurvePlot) -> None:
    plot.show_values(np.linspace(-6, 6, 100).astype(np.float32))
    seen = []
    for function in FUNCTIONS.values():
        plot.show_function(function, function.default)
        plot.show_point(0.7)
        seen.append(plot.to_image(1.0))
    assert all(len(pixels(image, "pointer")) > 40 for image in seen[:4])


def test_without_a_function_nothing_is_drawn(plot: CurvePlot) -> None:
    plot.show_point(1.0)
    assert pixels(plot.to_image(1.0), "accent") == []
