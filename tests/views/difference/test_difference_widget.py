"""Two inputs side by side: the same scale, the difference signed, the same cell lit in all three."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import FloatArray, Inspection, ModelRequest
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.settings import Settings
from cnnviz.views.difference.pictures import HEADINGS
from cnnviz.views.difference.widget import EMPTY, NO_VALUES, DifferenceView
from cnnviz.widgets.colormap import lookup
from tests.samples import sample_inspection, sample_model

MODEL = sample_model()
IMAGE = np.zeros((28, 28), np.float32)
Show = Callable[..., DifferenceView]


def give(state: AppState, seed: int, title: str, **changed: FloatArray) -> Inspection:
    """Set an input, and random values for it but for those of some layers."""
    current = state.set_input(IMAGE, blank=False, title=title)
    made = sample_inspection(MODEL, seed=seed, generation=current.generation)
    made = replace(made, values={**made.values, **changed})
    state.set_inspection(made)
    return made


@pytest.fixture
def view(show_view: Show, state: AppState) -> DifferenceView:
    state.set_model(MODEL)
    return show_view(DifferenceView)


def shown(view: DifferenceView, column: int, unit: int) -> int:
    """Return the colour in the middle of a unit's map."""
    grid = view.grids[column]
    position = grid.position_of(unit)
    assert position is not None
    return grid.to_image(1.0).pixel(grid.tile_rect(position).center())


def maps(*levels: float) -> FloatArray:
    return np.repeat(np.array(levels, np.float32), 784).reshape(6, 28, 28)


def test_what_to_do_is_said_and_one_button_does_it(view: DifferenceView, state: AppState, qtbot: QtBot) -> None:
    assert view.sentence.isVisible()
    assert view.sentence.text() == NO_VALUES
    assert not view.pin_button.isEnabled()
    give(state, 0, "A seven")
    assert view.sentence.text() == EMPTY
    QTest.mouseClick(view.pin_button, Qt.MouseButton.LeftButton)
    assert state.pinned is not None
    assert not view.sentence.isVisible()
    assert "still A itself" in view._summary.text()
    assert state.inspection is not None
    state.set_inspection(replace(state.inspection, network_limits={}))  # the same picture, asked for again
    assert "still A itself" in view._summary.text()
    give(state, 1, "A three")
    assert view._summary.text().startswith("‖B − A‖ / ‖A‖ = ")
    assert view._titles[0].text() == "A: A seven"
    assert view._titles[1].text() == "B: A three"
    state.unpin()
    assert view.sentence.isVisible()


def test_colours_are_equal_where_values_are(view: DifferenceView, state: AppState) -> None:
    give(state, 0, "A", conv1=maps(0, 1, 2, -4, 0, 0))
    state.pin()
    give(state, 1, "B", conv1=maps(2, 1, -4, -4, 0, 8))
    state.select(Place("conv1"))
    colours = lookup("signed")
    assert shown(view, 0, 2) == shown(view, 1, 0)  # 2 in A and 2 in B
    assert shown(view, 0, 3) == shown(view, 1, 2)  # −4 in both
    assert shown(view, 1, 5) == int(colours[255])  # 8 is the largest of all
    assert shown(view, 2, 5) == int(colours[255])  # and so is its change
    assert shown(view, 2, 1) == shown(view, 2, 3) == int(colours[128])  # nothing changed
    blue = shown(view, 2, 2)  # −6
    assert blue & 255 > (blue >> 16) & 255
    assert "From −8.00 to 8.00" in view.legends[0].accessibleDescription()
    for grid in view.grids:
        assert grid._all is not None
        assert grid._all.units == (5, 2, 0, 1, 3, 4)  # 8, 6, 2, and those without a change by number
    assert [one.accessibleName() for one in view.grids] == [f"Maps of {words}" for words in HEADINGS]


def test_other_orders(view: DifferenceView, state: AppState, tmp_path: Path) -> None:
    give(state, 0, "A", conv1=maps(0, 0, 0, 0, 0, 0))
    state.pin()
    give(state, 1, "B", conv1=maps(1, -2, 3, 0, -4, 0.5))
    state.select(Place("conv1"))
    for index, units in enumerate(((4, 2, 1, 0, 5, 3), (2, 0, 5, 3, 1, 4), (4, 1, 3, 5, 0, 2), tuple(range(6)))):
        view._order.setCurrentIndex(index)
        view._order.activated.emit(index)
        assert view.grids[2]._all is not None
        assert view.grids[2]._all.units == units
    settings = Settings(tmp_path / "a.ini")
    view.remember(settings)
    view._order.setCurrentIndex(0)
    view.recall(settings)
    assert view._order.currentData() == "index"


def test_the_same_cell_is_pointed_at_in_all_three(view: DifferenceView, state: AppState) -> None:
    first = give(state, 0, "A")
    state.pin()
    second = give(state, 1, "B")
    state.select(Place("conv2"))
    view.grids[0].pointed.emit((3, 4, 5))
    assert state.pointed == Place("conv2", 3, (4, 5))
    assert all(grid._hovered == (3, (4, 5)) for grid in view.grids)
    a, b = (float(one.values["conv2"][3, 4, 5]) for one in (first, second))
    words = view._value.text()
    assert words.startswith("map 3, row 4, column 5: A ")
    for value in (a, b, b - a):
        assert f"{value:.2f}".replace("-", "−")[:4] in words
    view.grids[1].pointed.emit(None)
    assert not view._value.isVisible()
    view.grids[2].chosen.emit(7, (1, 2))
    assert state.selection == Place("conv2", 7, (1, 2))
    assert all(grid._selected == (7, (1, 2)) for grid in view.grids)


def test_one_map_fills_all_three_rooms(view: DifferenceView, state: AppState) -> None:
    give(state, 0, "A")
    state.pin()
    give(state, 1, "B")
    state.select(Place("conv2", 3))
    view.grids[1].zoom_into(3)
    assert [grid.zoomed for grid in view.grids] == [3, 3, 3]
    view.grids[0].zoom_into(None)
    assert [grid.zoomed for grid in view.grids] == [None, None, None]


def test_the_three_are_laid_out_alike(view: DifferenceView, state: AppState) -> None:
    give(state, 0, "A")
    state.pin()
    give(state, 1, "B")
    state.select(Place("conv2"))
    assert view.grids[0].tile_rect(9) == view.grids[1].tile_rect(9) == view.grids[2].tile_rect(9)


def test_a_vector_has_bars_from_zero(view: DifferenceView, state: AppState) -> None:
    a, b = (np.zeros(10, np.float32) for _ in range(2))
    a[:3], b[:3] = (4, -2, 1), (-4, -2, 2)
    give(state, 0, "A", fc3=a)
    state.pin()
    give(state, 1, "B", fc3=b)
    state.select(Place("fc3"))
    assert view.bars.isVisible()
    assert [row.unit for row in view.bars._rows[:3]] == [0, 2, 1]  # 8, 1, 0
    assert view.bars._rows[0].name == "0"  # a class
    assert (view.bars._low, view.bars._high, view.bars._most) == (-4, 4, 8)
    room = view.bars._columns(view.bars.row_rect(0))[1][0]
    left, right = (view.bars.bar_rect(room, value, (-4, 4)) for value in (-4.0, 4.0))
    assert left.width() == right.width() == pytest.approx(2 * view.bars.bar_rect(room, 2.0, (-4, 4)).width(), abs=1)
    assert left.right() + 1 == pytest.approx(right.left(), abs=1)
    QTest.mouseClick(view.bars, Qt.MouseButton.LeftButton, pos=QPoint(20, view.bars.row_rect(1).center().y()))
    assert state.selection == Place("fc3", 2)
    QTest.keyClick(view.bars, Qt.Key.Key_Down)
    assert state.selection == Place("fc3", 1)
    assert not view.bars.grab().isNull()


def test_of_many_elements_the_first_are_shown(view: DifferenceView, state: AppState) -> None:
    give(state, 0, "A")
    state.pin()
    give(state, 1, "B")
    state.select(Place("flatten"))
    assert len(view.bars._rows) == 200
    assert view.bars._total == 400
    assert not view.bars.grab().isNull()
    state.select(Place("conv1"))
    assert view.maps.isVisible()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_drawn(value: float, view: DifferenceView, state: AppState) -> None:
    give(state, 0, "A", fc3=np.full(10, value, np.float32), conv1=np.full((6, 28, 28), value, np.float32))
    state.pin()
    give(state, 1, "B")
    for layer in ("fc3", "conv1"):
        state.select(Place(layer))
        assert not view.grab().isNull()


def test_the_classes_of_both_are_told(view: DifferenceView, state: AppState) -> None:
    first = give(state, 0, "A")
    state.pin()
    second = give(state, 1, "B")
    best = first.ranking()[0]
    share = f"{best}: A {first.probabilities[best] * 100:.1f} %, B {second.probabilities[best] * 100:.1f} %"
    assert share in view.classes.accessibleDescription()
    assert not view.classes.grab().isNull()


def test_another_network_ends_the_comparison(view: DifferenceView, state: AppState) -> None:
    give(state, 0, "A")
    state.pin()
    give(state, 1, "B")
    state.set_model(replace(MODEL, request=ModelRequest("other")))
    assert view.sentence.isVisible()
    assert view.sentence.text() == NO_VALUES


def test_it_follows_the_pen_and_costs_nothing_while_hidden(view: DifferenceView, state: AppState) -> None:
    give(state, 0, "A")
    state.pin()
    seen = set()
    for seed in range(1, 4):
        give(state, seed, "B")
        seen.add(view._summary.text())
    assert len(seen) == 3
    view.hide()
    give(state, 9, "B")
    assert view._summary.text() in seen
    view.show()
    assert view._summary.text() not in seen


def test_the_number_is_that_of_the_network_itself(view: DifferenceView, state: AppState) -> None:
    torch = pytest.importorskip("torch")
    from cnnviz.core.formats import number
    from cnnviz.datasets.starter import load_starter
    from cnnviz.models.engine import Engine
    from cnnviz.models.preparation import to_input

    request = ModelRequest("lenet5", device="cpu")
    engine = Engine(request)
    digits = load_starter().images_nhw[[7, 3]].astype(np.float32) / np.float32(255)
    state.set_model(engine.loaded)
    state.select(Place("conv2"))
    for index, image_hw in enumerate(digits):
        current = state.set_input(image_hw, blank=False)
        state.set_inspection(engine.inspect(image_hw, current.generation))
        if index == 0:
            state.pin()
    module = engine.capture.module
    values: list[torch.Tensor] = []
    with torch.no_grad():
        module.conv2.register_forward_hook(lambda *call: values.append(call[2].clone()))
        for image_hw in digits:
            module(to_input(torch.from_numpy(image_hw)[None, None], engine.spec.input))
    a, b = values
    changes = (b - a).flatten(2).norm(dim=2)[0]
    expected = f"‖B − A‖ / ‖A‖ = {number(float((b - a).norm() / a.norm()))}; most in map {int(changes.argmax())}"
    assert view._summary.text() == expected
