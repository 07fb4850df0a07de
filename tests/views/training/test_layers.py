from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState
from cnnviz.training.events import LayerStep
from cnnviz.views.training import layer_lengths
from cnnviz.views.training.layers import EMPTY, LayersPanel
from tests.views.training.conftest import ShowPanel

USUAL = LayerStep("conv1", gradient=0.5, update=0.002, weight=2.0, count=100)
SMALL = LayerStep("conv2", gradient=1e-8, update=4e-7, weight=4.0, count=400)
LARGE = LayerStep("fc1", gradient=30.0, update=1.0, weight=4.0, count=10_000)
MANY = tuple(LayerStep(f"layer.{i}.conv", 0.1 * (i + 1), 0.001, 1.0, 64) for i in range(56))


@pytest.fixture
def panel(show_panel: ShowPanel[LayersPanel], state: AppState) -> LayersPanel:
    state.training.set_layers((USUAL, SMALL, LARGE))
    return show_panel(LayersPanel)


def choose(panel: LayersPanel, quantity: str) -> None:
    panel.quantity.setCurrentIndex(panel.quantity.findData(quantity))
    panel.quantity.activated.emit(panel.quantity.currentIndex())


def test_each_quantity_is_shown_for_each_layer(panel: LayersPanel) -> None:
    for quantity, expected in (("gradient", [0.5, 1e-8, 30.0]), ("update", [0.002, 4e-7, 1.0]),
                               ("ratio", [0.001, 1e-7, 0.25])):  # fmt: skip
        choose(panel, quantity)
        assert [bar.value for bar in panel.bars.bars] == pytest.approx(expected)
        assert [bar.path for bar in panel.bars.bars] == ["conv1", "conv2", "fc1"]


def test_vanishing_and_exploding_layers_are_marked_with_a_word_in_every_quantity(panel: LayersPanel) -> None:
    for quantity in ("gradient", "update", "ratio"):
        choose(panel, quantity)
        assert [bar.word for bar in panel.bars.bars] == ["", "vanishing", "exploding"]
    assert "conv2 vanishing" in panel.bars.accessibleDescription()


def test_the_limits_themselves_are_not_marked() -> None:
    assert layer_lengths.word_for(LayerStep("a", 1.0, 1e-6, 1.0, 1)) == ""
    assert layer_lengths.word_for(LayerStep("a", 1.0, 1e-1, 1.0, 1)) == ""


def test_layers_that_all_learn_slowly_are_not_marked_but_one_that_is_left_behind_is(
    panel: LayersPanel, state: AppState
) -> None:
    slow = [replace(layer, update=layer.weight * 5e-8) for layer in (USUAL, SMALL, LARGE)]  # the rate is almost 0
    state.training.set_layers(tuple(slow))
    assert [bar.word for bar in panel.bars.bars] == ["", "", ""]
    slow[1] = replace(SMALL, update=SMALL.weight * 4e-10)
    state.training.set_layers(tuple(slow))
    assert [bar.word for bar in panel.bars.bars] == ["", "vanishing", ""]


def test_per_weight_lengths_are_divided_by_the_root_of_the_count(panel: LayersPanel) -> None:
    panel.per_weight.setChecked(True)
    assert [bar.value for bar in panel.bars.bars] == pytest.approx([0.05, 5e-10, 0.3])
    choose(panel, "ratio")
    assert panel.bars.bars[0].value == pytest.approx(0.001)
    assert not panel.per_weight.isEnabled()


def test_equal_ratios_are_equally_far_apart_and_both_limits_are_in_sight(panel: LayersPanel) -> None:
    choose(panel, "ratio")
    bars, plot = panel.bars, panel.bars.plot_rect(panel.bars.size())
    places = [bars.x_of(value, plot) for value in (1e-6, 1e-3, 1.0)]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1])
    assert bars.axis.low < layer_lengths.VANISHING
    assert bars.axis.high > layer_lengths.EXPLODING


@pytest.mark.parametrize(
    ("layer", "word"),
    [
        (LayerStep("a", math.nan, math.nan, math.nan, 5), "no longer a number"),
        (LayerStep("a", math.inf, math.inf, 1.0, 5), "no longer a number"),
        (LayerStep("a", 1e300, 1e300, 1e-300, 5), "exploding"),
        (LayerStep("a", 0.0, 0.0, 0.0, 0), "stands still"),
        (LayerStep("a", 1e-320, 1e-320, 1.0, 5), "vanishing"),
    ],
)
def test_numbers_of_any_size_are_drawn(panel: LayersPanel, state: AppState, layer: LayerStep, word: str) -> None:
    for layers in ((layer,), (USUAL, layer)):
        state.training.set_layers(layers)
        for quantity in ("gradient", "update", "ratio"):
            choose(panel, quantity)
            panel.grab()
            plot = panel.bars.plot_rect(panel.bars.size())
            x = panel.bars.x_of(panel.bars.bars[-1].value, plot)
            assert plot.left() <= x <= plot.right() + 1
        assert panel.bars.bars[-1].word == word


def test_the_pointer_and_keys_give_exact_numbers(panel: LayersPanel, qtbot: QtBot) -> None:
    bars = panel.bars
    qtbot.mouseMove(bars, QPoint(30, bars.head_px + bars.row_px + 3))
    assert panel.exact.text().startswith("conv2: ")
    assert "4.000e−07" in panel.exact.text()
    assert "400 weights" in panel.exact.text()
    bars.leaveEvent(None)  # type: ignore[arg-type]
    qtbot.keyClick(bars, Qt.Key.Key_End)
    assert panel.exact.text().startswith("fc1: ")


def test_fifty_six_layers_scroll_and_are_saved_whole(
    panel: LayersPanel, state: AppState, qtbot: QtBot, tmp_path: Path
) -> None:
    state.training.set_layers(MANY)
    bars = panel.bars
    assert bars.scroll_bar.isVisible()
    qtbot.keyClick(bars, Qt.Key.Key_End)
    assert bars.scroll_bar.value() == bars.scroll_bar.maximum()
    assert bars.at(QPointF(0, bars.height() - 6)) == 55
    assert bars.picture_size().height() > 56 * bars.row_px
    bars.save_picture(tmp_path / "layers.svg")
    assert "layer.55.conv" in (tmp_path / "layers.svg").read_text()
    state.training.set_layers((USUAL,))
    assert not bars.scroll_bar.isVisible()


def test_a_hidden_panel_follows_nothing_and_is_new_when_shown(panel: LayersPanel, state: AppState) -> None:
    panel.hide()
    state.training.set_layers(MANY)
    assert len(panel.bars.bars) == 3
    panel.show()
    assert len(panel.bars.bars) == 56


def test_without_a_measured_step_it_says_what_will_be_here(panel: LayersPanel, state: AppState) -> None:
    state.training.set_layers(())
    assert panel.bars.bars == ()
    assert panel.bars.accessibleDescription() == EMPTY
    assert panel.exact.text() == ""
    panel.grab()
