from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import LoadedModel, ModelRequest
from cnnviz.models import registry
from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import LiveWeights, Progress, Stage, WeightPlace
from cnnviz.training.weight_step import WeightStep, written_out
from cnnviz.views.training import weight_places
from cnnviz.views.training.one_weight import MOST, PICK, RESTS, WHAT_TO_DO, OneWeightPanel, result_text
from cnnviz.widgets import theme
from tests.samples import sample_model
from tests.views.training.conftest import RUN, ShowPanel

PLACE = WeightPlace("conv2.weight", (3, 1, 2, 4))
SETTINGS = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0, "nesterov": 0.0}


def step_at(number: int, before: float = 0.5, gradient: float = 0.25, place: WeightPlace = PLACE) -> WeightStep:
    memory = {"momentum_buffer": 1.0}
    step = WeightStep(
        place.name, place.index, number, "sgd", SETTINGS, gradient, gradient, before, before, memory, memory
    )
    return replace(step, after=float(np.float32(written_out(step)[-1].value)))


@pytest.fixture
def panel(show_panel: ShowPanel[OneWeightPanel], learning: LoadedModel) -> OneWeightPanel:
    return show_panel(OneWeightPanel)


def texts(panel: OneWeightPanel) -> list[list[str]]:
    rows, columns = panel.table.rowCount(), panel.table.columnCount()
    return [[panel.table.item(row, column).text() for column in range(columns)] for row in range(rows)]


def test_parameters_of_the_network_can_be_chosen_in_their_order(panel: OneWeightPanel) -> None:
    names = [panel.picker.parameter.itemText(row) for row in range(panel.picker.parameter.count())]
    assert names[:3] == ["conv1.weight", "conv1.bias", "conv2.weight"]
    assert panel.title.text() == PICK


def live_of(model: LoadedModel, run: Path = RUN) -> LiveWeights:
    last = str(run / "last.safetensors")
    return LiveWeights(41, model.weights, ModelRequest(registry.name_of_file(last), last))


def test_a_first_weight_is_watched_by_itself_once_the_run_learns_and_the_tab_is_in_sight(
    panel: OneWeightPanel, state: AppState, learning: LoadedModel
) -> None:
    assert state.training.watched is None, "no weights came yet"
    panel.hide()
    state.training.set_live(live_of(learning))
    assert state.training.watched is None, "nobody looks"
    panel.show()
    assert state.training.watched == WeightPlace("conv1.weight", (0, 0, 0, 0))
    assert panel.title.text().startswith("conv1.weight[0, 0, 0, 0]: waits")
    state.training.watch(None)  # once a run
    state.training.set_live(live_of(learning))
    assert state.training.watched is None


@pytest.mark.parametrize("stage", ["idle", "preparing", "stopping", "finished", "failed", "following"])
def test_nothing_is_watched_by_itself_in_a_run_that_does_not_learn_here(
    panel: OneWeightPanel, state: AppState, learning: LoadedModel, run: Progress, stage: Stage
) -> None:
    state.training.set_progress(replace(run, stage=stage))
    state.training.set_live(live_of(learning))
    assert state.training.watched is None


def test_another_runs_weights_choose_nothing(panel: OneWeightPanel, state: AppState, learning: LoadedModel) -> None:
    state.training.set_live(live_of(learning, RUN.with_name("second")))
    assert state.training.watched is None


def test_the_users_choice_stays_and_what_was_chosen_by_itself_follows_the_freeze_line_of_the_next_run(
    panel: OneWeightPanel, state: AppState, learning: LoadedModel, run: Progress
) -> None:
    assert run.started is not None
    state.training.set_live(live_of(learning))
    state.training.set_frozen("conv2")
    state.training.set_progress(replace(run, started=replace(run.started, step=1)))
    state.training.set_live(live_of(learning))
    assert state.training.watched == WeightPlace("fc1.weight", (0, 0))
    state.training.watch(PLACE)
    state.training.set_progress(replace(run, started=replace(run.started, step=2)))
    state.training.set_live(live_of(learning))
    assert state.training.watched == PLACE


def test_a_weight_that_the_network_does_not_have_gives_way_to_its_first(
    panel: OneWeightPanel, state: AppState, learning: LoadedModel
) -> None:
    state.training.watch(WeightPlace("gone.weight", (0,)))
    state.training.set_live(live_of(learning))
    state.training.watch(None)  # as the service does where the network has no such weight
    assert state.training.watched == WeightPlace("conv1.weight", (0, 0, 0, 0))
    assert panel.title.text().startswith("conv1.weight")


@pytest.mark.parametrize(
    ("frozen", "place"),
    [("", ("conv.weight", (0, 0, 0, 0))), ("conv", ("head.weight", (0, 0))), ("block", ("head.weight", (0, 0))),
     ("head", None)],
)  # fmt: skip
def test_the_first_weight_that_learns_is_that_of_a_layer_with_products(
    frozen: str, place: tuple[str, tuple[int, ...]] | None
) -> None:
    shapes = {
        "token": (1, 1, 8), "conv.weight": (8, 3, 3, 3), "block.norm.weight": (8,), "block.norm.running_mean": (8,),
        "head.weight": (2, 8), "head.bias": (2,),
    }  # fmt: skip
    assert weight_places.first_of(shapes, frozen) == place


def test_a_click_into_a_kernel_watches_that_weight(panel: OneWeightPanel, state: AppState, qtbot: QtBot) -> None:
    wishes: list[WeightPlace] = []
    state.training.watch_requested.connect(wishes.append)
    picker = panel.picker
    picker.parameter.setCurrentIndex(2)
    picker.parameter.activated.emit(2)
    picker.output.setValue(3)
    picker.input.setValue(1)
    qtbot.mouseClick(picker.grid, Qt.MouseButton.LeftButton, pos=picker.grid.cell_rect(2, 4).center())
    assert wishes[-1] == PLACE == state.training.watched
    qtbot.keyClick(picker.grid, Qt.Key.Key_Left)
    assert wishes[-1] == WeightPlace("conv2.weight", (3, 1, 2, 3))
    assert picker.grid.cell == (2, 3)
    assert picker.grid.grid is not None
    assert state.model is not None
    np.testing.assert_array_equal(picker.grid.grid.values_hw, state.model.weights["conv2.weight"][3, 1])


def test_the_update_is_written_out_and_ends_with_the_new_weight(panel: OneWeightPanel, state: AppState) -> None:
    state.training.watch(PLACE)
    assert "waits" in panel.title.text()
    state.training.set_weight(step_at(7))
    rows = texts(panel)
    assert [row[0] for row in rows] == ["gradient", "momentum", "new weight"]
    assert rows[-1][3] == "0.385000"  # 0.5 − 0.1·(0.9·1 + 0.25)
    assert panel.title.text() == "conv2.weight[3, 1, 2, 4], update 7 by sgd"
    assert "from 0.500000 to 0.385000" in panel.result.text()
    assert "7 digits" in panel.result.text()
    state.training.set_weight(step_at(8, before=0.385))
    assert texts(panel)[-1][3] == "0.270000"


def test_back_in_time_the_step_of_the_kernel_and_that_of_the_update_are_told_apart(
    panel: OneWeightPanel, state: AppState
) -> None:
    state.training.watch(PLACE)
    state.training.set_weight(step_at(184))
    grid = panel.picker.grid
    assert grid.grid is not None
    assert grid.grid.title == "Kernel of output 3 and input 1"
    state.training.set_cursor(1)
    assert grid.grid.title == "At step 1: kernel of output 3 and input 1"
    assert panel.title.text() == "conv2.weight[3, 1, 2, 4], newest update: step 184 by sgd"
    state.training.set_weight(step_at(185))
    assert "newest update: step 185" in panel.title.text()
    state.training.set_cursor(None)
    assert grid.grid.title == "Kernel of output 3 and input 1"
    assert panel.title.text() == "conv2.weight[3, 1, 2, 4], update 185 by sgd"


def test_an_exact_update_and_a_false_one_are_told_apart() -> None:
    step = step_at(1)
    computed = written_out(step)[-1].value
    assert "exactly the last line" in result_text(replace(step, after=computed))
    off = result_text(replace(step, after=computed + 0.25))
    assert "0.25 off the last line" in off
    assert "7 digits" not in off


def test_the_charts_keep_the_last_updates(panel: OneWeightPanel, state: AppState) -> None:
    state.training.watch(PLACE)
    for number in range(1, MOST + 11):
        state.training.set_weight(step_at(number, before=float(number), gradient=number / 10))
    (line,) = panel.weight_chart.lines
    assert len(line.series) == MOST
    assert line.series.x[0] == 11
    assert line.series.y[-1] == pytest.approx(step_at(MOST + 10, float(MOST + 10), (MOST + 10) / 10).after)
    assert panel.gradient_chart.lines[0].series.y[-1] == pytest.approx((MOST + 10) / 10)


def test_a_run_that_went_back_forgets_what_came_later(panel: OneWeightPanel, state: AppState) -> None:
    state.training.watch(PLACE)
    for number in (5, 6, 7, 6):
        state.training.set_weight(step_at(number))
    assert panel.weight_chart.lines[0].series.x.tolist() == [5, 6]


def test_another_weight_begins_anew(panel: OneWeightPanel, state: AppState) -> None:
    state.training.watch(PLACE)
    state.training.set_weight(step_at(5))
    state.training.watch(WeightPlace("fc1.weight", (100, 77)))
    assert panel.table.rowCount() == 0
    assert panel.result.text() == ""
    assert panel.weight_chart.lines == ()
    assert panel.picker.parameter.currentText() == "fc1.weight"
    assert (panel.picker.output.value(), panel.picker.input.value()) == (100, 77)


def test_newer_weights_are_shown_and_the_choice_stays(
    panel: OneWeightPanel, state: AppState, learning: LoadedModel
) -> None:
    state.training.watch(PLACE)
    weights = {name: values + np.float32(1) for name, values in learning.weights.items()}
    state.set_model(replace(learning, weights=weights))
    assert panel.picker.grid.grid is not None
    np.testing.assert_array_equal(panel.picker.grid.grid.values_hw, weights["conv2.weight"][3, 1])
    assert panel.picker.place == PLACE


def test_it_says_what_to_do_at_each_stage(panel: OneWeightPanel, state: AppState, run: Progress) -> None:
    assert panel.advice.text() == WHAT_TO_DO["running"]
    state.training.set_progress(replace(run, stage="paused"))
    assert "Step" in panel.advice.text()
    state.training.set_progress(replace(run, stage="finished"))
    assert panel.advice.text() == RESTS


def test_another_network_in_explore_offers_the_one_that_learns(
    show_panel: ShowPanel[OneWeightPanel], state: AppState, run: Progress
) -> None:
    state.set_model(sample_model())
    panel = show_panel(OneWeightPanel)
    assert panel.show_it.isVisible()
    assert not panel.picker.isVisible()
    panel.show_it.button.click()
    assert state.model_request is not None
    assert state.model_request.weights_path == str(RUN / "last.safetensors")


def test_a_hidden_panel_follows_nothing_and_is_new_when_shown(panel: OneWeightPanel, state: AppState) -> None:
    state.training.watch(PLACE)
    state.training.set_weight(step_at(5))
    panel.hide()
    state.training.set_weight(step_at(6, before=2.0))
    assert texts(panel)[-1][3] == "0.385000"
    panel.show()
    assert texts(panel)[-1][3] == "1.88500"


@pytest.mark.parametrize(("width", "with_past"), [(540, False), (920, True)])
def test_where_there_is_little_room_the_update_stays_and_its_past_goes(
    panel: OneWeightPanel, state: AppState, width: int, with_past: bool
) -> None:
    panel.resize(width, 170)
    state.training.watch(PLACE)
    state.training.set_weight(step_at(5))
    QApplication.processEvents()
    assert panel.weight_chart.isVisible() is with_past
    metrics, table = panel.table.fontMetrics(), panel.table
    for column in (0, 1, 3):
        for row in range(table.rowCount()):
            assert metrics.horizontalAdvance(table.item(row, column).text()) <= table.columnWidth(column)
    assert table.columnWidth(2) > metrics.horizontalAdvance("0.9 · 1 + 0.25")
    rows = table.viewport().height() // table.rowHeight(0)
    assert rows >= 3, "all lines of this optimiser"
    for label in (panel.title, panel.result, panel.advice):
        assert label.height() >= label.sizeHint().height()
        assert label.toolTip() == label.text()


def test_larger_text_gets_wider_columns(panel: OneWeightPanel, state: AppState, qapp: QApplication) -> None:
    state.training.watch(PLACE)
    state.training.set_weight(step_at(5))
    small = panel.table.columnWidth(1)
    theme.apply(qapp, "light", 1.5)
    state.training.set_weight(step_at(6))
    assert panel.table.columnWidth(1) > 1.2 * small
    theme.apply(qapp, "light")


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e300])
def test_numbers_of_any_size_are_written_and_drawn(
    panel: OneWeightPanel, state: AppState, learning: LoadedModel, value: float
) -> None:
    state.training.watch(PLACE)
    state.training.set_weight(step_at(5))
    state.training.set_weight(replace(step_at(6), gradient=value, clipped=value, before=value, after=value))
    broken = {name: np.full_like(values, np.nan) for name, values in learning.weights.items()}
    state.set_model(replace(learning, weights=broken))
    panel.grab()
    assert texts(panel)[-1][0] == "new weight"
    assert ("learn no more" in panel.result.text()) is not math.isfinite(value)


@pytest.mark.parametrize("shape", [(7,), (120, 400), (16, 6, 5, 5), (64, 128, 1, 1), (4, 3, 5), (2, 3, 2, 2, 4)])
def test_each_cell_of_the_grid_is_the_weight_that_it_names(shape: tuple[int, ...]) -> None:
    weights = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    index = tuple(n - 1 for n in shape)
    block = weight_places.block_at(weights, index)
    for row, column in ((0, 0), (block.values_hw.shape[0] - 1, block.values_hw.shape[1] - 1)):
        found = weight_places.index_at(weights, index, row, column)
        assert weights[found] == block.values_hw[row, column]
        assert weight_places.cell_of(weights, found) == (row, column)
    assert block.values_hw[weight_places.cell_of(weights, index)] == weights[index]


def test_a_place_that_does_not_exist_becomes_one_that_does() -> None:
    assert weight_places.inside((9, -1, 2), (4, 3, 5)) == (3, 0, 2)
    assert weight_places.inside((9,), (4, 3)) == (0, 0)
