"""The way from a value back to the pixels: built by `trace`, walked by `retrace`, left by `select`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

pytest.importorskip("PySide6")

from cnnviz.core.graph import Graph
from cnnviz.core.inspection import ModelRequest
from cnnviz.state.app_state import AppState, Place, Trail
from tests.samples import sample_graph, sample_model

pytestmark = pytest.mark.usefixtures("qapp")  # the state has a timer

P, LOGIT, NODE, POOL = Place("fc3", 2, softmax=True), Place("fc3", 2), Place("relu4", 7), Place("pool2", 3, (1, 4))
CONV, PIXEL = Place("conv2", 3, (2, 9)), Place("input", 0, (5, 6))


class Heard:
    """What a state said, in its order."""

    def __init__(self, state: AppState) -> None:
        self.said: list[tuple[str, object]] = []
        state.trail_changed.connect(self._on_trail)
        state.selection_changed.connect(self._on_selection)

    def _on_trail(self, trail: Trail) -> None:
        self.said.append(("trail", trail))

    def _on_selection(self, place: Place | None) -> None:
        self.said.append(("selection", place))

    def take(self) -> list[tuple[str, object]]:
        taken, self.said = self.said, []
        return taken


@pytest.fixture
def state() -> Iterator[AppState]:
    made = AppState()
    made.set_model(sample_model())
    yield made
    made.deleteLater()


def walk(state: AppState, *places: Place) -> None:
    state.select(places[0])
    for place in places[1:]:
        state.trace(place)


def test_there_is_no_way_at_first() -> None:
    assert AppState().trail == Trail()
    assert AppState().trail.places == ()


def test_choosing_begins_a_way_of_one_place(state: AppState) -> None:
    heard = Heard(state)
    state.select(P)
    assert state.trail == Trail((P,), 0)
    assert heard.take() == [("trail", Trail((P,), 0)), ("selection", P)]


def test_each_trace_makes_the_way_longer_and_chooses_its_end(state: AppState) -> None:
    walk(state, P, LOGIT)
    heard = Heard(state)
    state.trace(NODE)
    assert state.trail == Trail((P, LOGIT, NODE), 2)
    assert state.selection == NODE
    assert heard.take() == [("trail", state.trail), ("selection", NODE)]
    state.trace(POOL)
    state.trace(CONV)
    state.trace(PIXEL)
    assert state.trail == Trail((P, LOGIT, NODE, POOL, CONV, PIXEL), 5)


def test_a_trace_without_a_choice_begins_the_way(qapp: object) -> None:
    state = AppState()
    state.trace(NODE)
    assert state.trail == Trail((NODE,), 0)
    assert state.selection == NODE


def test_tracing_to_where_one_is_changes_nothing(state: AppState) -> None:
    walk(state, P, LOGIT)
    heard = Heard(state)
    state.trace(LOGIT)
    assert heard.take() == []
    assert state.trail == Trail((P, LOGIT), 1)


def test_the_same_way_is_walked_back_and_forth(state: AppState) -> None:
    way = (P, LOGIT, NODE, POOL, CONV, PIXEL)
    walk(state, *way)
    heard = Heard(state)
    for at in (4, 3, 2, 1, 0, 1, 2, 3, 4, 5):
        state.retrace(at)
        assert state.trail == Trail(way, at)
        assert state.selection == way[at]
        assert heard.take() == [("trail", Trail(way, at)), ("selection", way[at])]


def test_any_place_of_the_way_is_reached_at_once(state: AppState) -> None:
    way = (P, LOGIT, NODE, POOL)
    walk(state, *way)
    state.retrace(0)
    state.retrace(3)
    assert (state.selection, state.trail) == (POOL, Trail(way, 3))


def test_there_is_no_way_beyond_its_ends_or_to_where_one_is(state: AppState) -> None:
    walk(state, P, LOGIT, NODE)
    heard = Heard(state)
    for at in (-1, 3, 99, 2):
        state.retrace(at)
        assert heard.take() == []
        assert (state.selection, state.trail.at) == (NODE, 2)


def test_another_turn_on_the_way_back_forgets_what_lay_behind(state: AppState) -> None:
    walk(state, P, LOGIT, NODE, POOL)
    state.retrace(1)
    other = Place("relu4", 80)
    state.trace(other)
    assert state.trail == Trail((P, LOGIT, other), 2)
    state.retrace(3)
    assert state.selection == other


def test_choosing_elsewhere_begins_a_new_way(state: AppState) -> None:
    for elsewhere in (Place("pool1"), Place("fc3", 3, softmax=True), LOGIT, None):
        walk(state, P, LOGIT, NODE)
        heard = Heard(state)
        state.select(elsewhere)
        new = Trail((elsewhere,) if elsewhere is not None else ())
        assert state.trail == new
        assert heard.take() == [("trail", new), ("selection", elsewhere)]
        state.retrace(1)
        assert state.selection == elsewhere


def test_choosing_what_is_chosen_keeps_the_way(state: AppState) -> None:
    walk(state, P, LOGIT, NODE)
    heard = Heard(state)
    state.select(replace(NODE))
    assert heard.take() == []
    assert state.trail.places == (P, LOGIT, NODE)


def test_another_unit_of_the_layer_begins_a_new_way(state: AppState) -> None:
    walk(state, P, LOGIT, NODE)
    state.select_unit(8)
    assert state.trail == Trail((Place("relu4", 8),), 0)


def test_another_network_begins_a_new_way_where_one_is(state: AppState) -> None:
    """A crumb must not lead to a layer that is not there; and what is traced next has its beginning."""
    walk(state, P, LOGIT, CONV)
    nodes = tuple(node for node in sample_graph().nodes if node.name != "fc3")
    state.set_model(replace(sample_model(), request=ModelRequest("other"), graph=Graph("other", nodes)))
    assert state.selection == CONV
    assert state.trail == Trail((CONV,), 0)
    state.retrace(1)
    assert state.selection == CONV
    state.trace(PIXEL)
    assert state.trail == Trail((CONV, PIXEL), 1)


def test_a_network_without_the_chosen_layer_begins_a_new_way(state: AppState) -> None:
    walk(state, P, LOGIT)
    nodes = tuple(node for node in sample_graph().nodes if node.name != "fc3")
    state.set_model(replace(sample_model(), request=ModelRequest("other"), graph=Graph("other", nodes)))
    assert state.selection == Place("conv1")
    assert state.trail == Trail((Place("conv1"),), 0)


def test_softmax_is_of_the_last_layer_only(state: AppState) -> None:
    state.select(Place("fc3", softmax=True))
    state.set_model(replace(sample_model(), title="the same with other weights"))
    assert state.selection == Place("fc3", softmax=True)
    state.select(P)
    nodes = (*sample_graph().nodes, replace(sample_graph()["fc3"], name="fc4"))
    state.set_model(replace(sample_model(), request=ModelRequest("other"), graph=Graph("other", nodes)))
    assert state.selection == LOGIT
    assert state.trail == Trail((LOGIT,), 0)
