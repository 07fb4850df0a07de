from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnviz.core.graph import Graph
from cnnviz.core.inspection import Inspection, LoadedModel, ModelRequest
from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import LiveWeights, Progress
from cnnviz.views.training import telling
from cnnviz.views.training.drawing import BLANK, DrawingPanel
from cnnviz.views.training.first_filters import filters_of
from tests.samples import sample_inspection, sample_model
from tests.views.training.conftest import RUN, ShowPanel


def draw(state: AppState, *, blank: bool = False) -> None:
    state.set_input(np.zeros((28, 28), np.float32), blank=blank)


def learn(state: AppState, step: int, share: float, best: int = 3) -> None:
    """Let the network that learns have taken a step, and answer the present picture."""
    assert state.model is not None
    assert state.input is not None
    state.training.set_live(LiveWeights(step, {}, state.model.request))
    weights = {name: values + np.float32(step) for name, values in sample_model().weights.items()}
    state.set_model(replace(state.model, weights=weights))
    state.set_inspection(answer(state.model, state.input.generation, share, best))


def answer(model: LoadedModel, generation: int, share: float, best: int = 3) -> Inspection:
    shares = np.full(10, (1 - share) / 9, np.float32)
    shares[best] = share
    found = sample_inspection(model, generation=generation)
    return replace(found, probabilities=shares, logits=np.log(np.maximum(shares, 1e-9)))


@pytest.fixture
def panel(show_panel: ShowPanel[DrawingPanel], state: AppState, learning: LoadedModel) -> DrawingPanel:
    draw(state)
    return show_panel(DrawingPanel)


def points(panel: DrawingPanel, title: str) -> list[tuple[float, float]]:
    line = next(line for line in panel.chart.lines if line.title == title)
    return [(float(x), round(float(y), 4)) for x, y in zip(line.series.x, line.series.y, strict=True)]


def test_the_answer_and_its_way_grow_with_the_steps(panel: DrawingPanel, state: AppState) -> None:
    for step, share in ((10, 0.25), (20, 0.5), (30, 0.75)):
        learn(state, step, share)
    assert points(panel, "3") == [(10, 0.25), (20, 0.5), (30, 0.75)]
    assert panel.bars._bars[0].label == "3"
    assert panel.bars._bars[0].text == "75.0 %"
    panel.grab()


def test_answers_are_kept_while_another_tab_is_in_front(panel: DrawingPanel, state: AppState) -> None:
    learn(state, 10, 0.25)
    panel.hide()
    learn(state, 20, 0.5)
    panel.show()
    assert points(panel, "3") == [(10, 0.25), (20, 0.5)]


def test_a_class_that_once_led_stays_in_the_chart(panel: DrawingPanel, state: AppState) -> None:
    learn(state, 10, 0.9, best=8)
    learn(state, 20, 0.9, best=1)
    assert panel.chart.lines[0].title == "1"
    assert "8" in [line.title for line in panel.chart.lines]


def test_another_drawing_clears_the_chart(panel: DrawingPanel, state: AppState) -> None:
    learn(state, 10, 0.5)
    draw(state)
    assert panel.chart.lines == ()
    assert state.model is not None
    state.set_inspection(answer(state.model, 1, 0.9))  # an answer to the picture before
    assert panel.chart.lines == ()
    learn(state, 20, 0.6)
    assert points(panel, "3") == [(20, 0.6)]


def test_an_empty_board_says_so(panel: DrawingPanel, state: AppState) -> None:
    learn(state, 10, 0.5)
    draw(state, blank=True)
    assert panel.bars.accessibleDescription() == BLANK
    assert panel.chart.lines == ()


def test_a_recorded_step_in_sight_finds_its_place_among_the_others(panel: DrawingPanel, state: AppState) -> None:
    for step, share in ((10, 0.25), (30, 0.75), (20, 0.5), (30, 0.7)):
        learn(state, step, share)
    assert points(panel, "3") == [(10, 0.25), (20, 0.5), (30, 0.7)]


def test_the_first_filters_are_those_of_now(panel: DrawingPanel, state: AppState) -> None:
    learn(state, 40, 0.5)
    assert state.model is not None
    shown = panel.filters._all
    assert shown is not None
    np.testing.assert_array_equal(shown.values_chw, state.model.weights["conv1.weight"][:, 0])
    assert "step 40" in panel._filters_title.text()


def test_the_maps_are_those_of_the_chosen_layer(panel: DrawingPanel, state: AppState) -> None:
    learn(state, 10, 0.5)
    panel.layer.setCurrentIndex(panel.layer.findData("pool2"))
    panel.layer.activated.emit(panel.layer.currentIndex())
    assert state.inspection is not None
    assert panel.maps._all is not None
    np.testing.assert_array_equal(panel.maps._all.values_chw, state.inspection.values["pool2"])
    panel.maps.pointed.emit((2, 1, 4))
    assert panel.value.text().startswith("pool2, map 2, row 1, column 4: ")


def test_another_network_in_explore_is_not_taken_for_it(
    show_panel: ShowPanel[DrawingPanel], state: AppState, run: Progress
) -> None:
    state.set_model(sample_model())
    draw(state)
    panel = show_panel(DrawingPanel)
    state.set_inspection(sample_inspection(sample_model()))
    assert panel.show_it.isVisible()
    assert not panel.bars.isVisible()
    asked: list[ModelRequest] = []
    state.model_requested.connect(asked.append)
    panel.show_it.button.click()
    assert [request.weights_path for request in asked] == [str(RUN / "last.safetensors")]
    state.set_loading(True)
    assert not panel.show_it.button.isVisible()
    state.set_loading(False)
    state.set_model(replace(sample_model(), request=asked[0]))
    assert panel.bars.isVisible()


def test_without_run_and_network_there_is_no_button(show_panel: ShowPanel[DrawingPanel], state: AppState) -> None:
    panel = show_panel(DrawingPanel)
    assert panel.show_it.isVisible()
    assert not panel.show_it.button.isVisible()
    assert panel.show_it.words.text().startswith("No run yet.")


def test_a_hidden_panel_follows_nothing(panel: DrawingPanel, state: AppState) -> None:
    learn(state, 10, 0.25)
    panel.hide()
    learn(state, 20, 0.5)
    assert points(panel, "3") == [(10, 0.25)]
    panel.show()
    learn(state, 30, 0.75)
    assert points(panel, "3")[-1] == (30, 0.75)


def test_numbers_that_are_none_are_drawn(panel: DrawingPanel, state: AppState) -> None:
    learn(state, 10, 0.25)
    assert state.model is not None
    assert state.input is not None
    broken = {name: np.full_like(values, np.nan) for name, values in state.model.weights.items()}
    state.training.set_live(LiveWeights(20, {}, state.model.request))
    state.set_model(replace(state.model, weights=broken))
    found = answer(state.model, state.input.generation, 0.5)
    values = {name: np.full_like(array, np.nan) for name, array in found.values.items()}
    nothing = np.full(10, np.nan, np.float32)
    state.set_inspection(replace(found, values=values, probabilities=nothing, logits=nothing))
    panel.grab()
    assert {bar.text for bar in panel.bars._bars} == {"–"}


def test_filters_that_read_colours_are_shown_in_them() -> None:
    model = sample_model()
    graph = Graph("colours", (replace(model.graph.nodes[0], output_shape=(3, 28, 28)), *model.graph.nodes[1:]))
    kernel = np.zeros((2, 3, 5, 5), np.float32)
    kernel[0, 0], kernel[1, 2] = 2.0, -1.0
    maps = filters_of(replace(model, graph=graph, weights={**model.weights, "conv1.weight": kernel}))
    assert maps is not None
    assert maps.colours_nhwc is not None
    assert maps.colours_nhwc[0, 0, 0].tolist() == [255, 128, 128]
    assert maps.colours_nhwc[1, 0, 0].tolist() == [128, 128, 0]


def test_a_dense_first_layer_has_filters_as_large_as_the_picture() -> None:
    model = sample_model()
    dense = np.arange(2 * 784, dtype=np.float32).reshape(2, 784)
    maps = filters_of(replace(model, weights={**model.weights, "conv1.weight": dense}))
    assert maps is not None
    assert maps.values_chw.shape == (2, 28, 28)
    no_picture = filters_of(replace(model, weights={**model.weights, "conv1.weight": dense[:, :100]}))
    assert no_picture is None


def test_a_long_way_is_thinned_out_and_keeps_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST", 8)
    told = telling.Telling()
    for step in range(100):
        told.add(step, np.array([step / 100, 1 - step / 100], np.float32))
    assert len(told) <= 8
    steps = told.top(1)[0].curves["step"]
    assert steps[0] == 0
    assert steps[-1] > 90
