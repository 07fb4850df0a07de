"""The map of a large network: lanes, arcs, folding, search, costs, the small map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.core.folding import FoldTree
from cnnviz.core.graph import Graph
from cnnviz.core.inspection import Inspection, LoadedModel, ModelRequest
from cnnviz.models.engine import Engine
from cnnviz.state.app_state import AppState, Place
from cnnviz.views.network import compute, painting
from cnnviz.views.network.compute import MapLayout
from cnnviz.views.network.mini_map import mini_map_rect
from cnnviz.views.network.widget import NetworkView
from cnnviz.widgets import theme

LINE = 18


@pytest.fixture(scope="module")
def shown() -> tuple[LoadedModel, Inspection]:
    engine = Engine(ModelRequest("resnet20", "random", "cpu"))
    photo = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    return engine.loaded, engine.inspect(np.zeros((28, 28), np.float32), 1, photo=photo)


@pytest.fixture
def view(show_view: Callable[..., NetworkView], state: AppState, shown: tuple[LoadedModel, Inspection]) -> NetworkView:
    view = show_view(NetworkView, 900, 480)
    state.set_model(shown[0])
    state.set_inspection(shown[1])
    return view


def inception() -> Graph:
    return Engine(ModelRequest("squeezenet1_1", "random", "cpu")).loaded.graph


def layout_of(graph: Graph, *, everything: bool) -> MapLayout:
    tree = FoldTree(graph)
    paths = frozenset(group.path for group in tree.groups) if everything else tree.usual()
    return compute.arrange(graph, 900, 400, LINE, items=tree.items(paths))


@pytest.mark.parametrize("everything", [False, True])
def test_no_two_boxes_overlap(everything: bool, shown: tuple[LoadedModel, Inspection]) -> None:
    for graph in (shown[0].graph, inception()):
        layout = layout_of(graph, everything=everything)
        for i, a in enumerate(layout.boxes):
            assert a.x >= a.column_x - 1
            assert a.y + a.height <= layout.height + 1
            for b in layout.boxes[i + 1 :]:
                apart = a.column_x + a.column_width <= b.column_x or b.column_x + b.column_width <= a.column_x
                assert apart or a.y + a.height <= b.name_y or b.y + b.height <= a.name_y


def test_branches_keep_their_lane_and_meet_again() -> None:
    layout = layout_of(inception(), everything=True)
    above, below = (layout.box(f"features.3.expand{k}") for k in ("1x1", "3x3"))
    above_next, below_next = (layout.box(f"features.3.expand{k}_activation") for k in ("1x1", "3x3"))
    joined = layout.box("features.3.cat")
    assert above
    assert below
    assert above_next
    assert below_next
    assert joined
    assert above.bottom == above_next.bottom < below.bottom == below_next.bottom == joined.bottom
    assert joined.name_y <= above.name_y + LINE


def test_frames_hold_their_layers(shown: tuple[LoadedModel, Inspection]) -> None:
    layout = layout_of(shown[0].graph, everything=True)
    for frame in layout.frames:
        inside = [box for box in layout.boxes if frame.group in box.item.inside]
        assert inside
        for box in inside:
            assert frame.x <= box.column_x
            assert box.column_x + box.column_width <= frame.x + frame.width
            assert frame.y + LINE <= box.name_y + 1
    inner = next(frame for frame in layout.frames if frame.group.path == "layer2.0")
    assert layout.title_at(inner.x + 5, inner.y + 5, LINE) is inner.group


def test_a_skip_connection_passes_below_what_it_skips(shown: tuple[LoadedModel, Inspection]) -> None:
    layout = layout_of(shown[0].graph, everything=True)
    before, after = layout.box("relu"), layout.box("layer1.0.add")
    assert before
    assert after
    assert after.depth - before.depth > 1
    lowest = painting._arc(layout, before, after).boundingRect().bottom()
    between = [b for b in layout.boxes if before.depth < b.depth < after.depth]
    assert between
    assert all(lowest > box.y + box.height for box in between)
    assert lowest <= layout.height


def test_clicking_a_name_unfolds_and_folds_in_place(view: NetworkView, state: AppState, qtbot: QtBot) -> None:
    canvas = view.canvas
    box = next(b for b in canvas._layout.boxes if b.item.group is not None and b.item.group.path == "layer2.0")
    at = QPoint(box.column_x + 3 - round(canvas._camera.offset.x()), box.name_y + 8)
    before = canvas.grab().toImage()
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    assert canvas._layout.box("layer2.0.conv1") is not None
    assert canvas.grab().toImage() != before
    frame = next(f for f in canvas._layout.frames if f.group.path == "layer2.0")
    offset = canvas._camera.offset
    at = QPoint(round(frame.x + 8 - offset.x()), round(frame.y + 6 - offset.y()))
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    assert canvas._layout.box("layer2.0.conv1") is None


def test_space_unfolds_and_folds_the_selected_group(view: NetworkView, state: AppState) -> None:
    state.select(Place("layer3.1.relu2"))
    canvas = view.canvas
    assert canvas._layout.box("layer3.1.conv1") is None
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert canvas._layout.box("layer3.1.conv1") is not None
    QTest.keyClick(canvas, Qt.Key.Key_Left)
    assert state.selection == Place("layer3.1.add")
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert canvas._layout.box("layer3.1.conv1") is None


def test_a_layer_that_is_chosen_elsewhere_comes_into_sight_and_its_group_folds_again(
    view: NetworkView, state: AppState
) -> None:
    canvas = view.canvas
    count = len(canvas._layout.boxes)
    state.select(Place("layer2.1.bn1"))
    assert canvas._layout.box("layer2.1.bn1") is not None
    state.select(Place("layer3.2.bn2"))
    assert canvas._layout.box("layer3.2.bn2") is not None
    assert canvas._layout.box("layer2.1.bn1") is None
    state.select(Place("conv1"))
    assert len(canvas._layout.boxes) < count + 10


def test_what_was_unfolded_is_there_when_the_network_comes_back(
    view: NetworkView, state: AppState, shown: tuple[LoadedModel, Inspection]
) -> None:
    view.canvas.toggle("layer1.1")
    state.set_model(None)
    state.set_model(shown[0])
    assert view.canvas._layout.box("layer1.1.conv1") is not None


def test_all_are_folded_and_unfolded_by_buttons(view: NetworkView, shown: tuple[LoadedModel, Inspection]) -> None:
    assert view.fold.isVisible()
    view.unfold.click()
    assert len(view.canvas._layout.boxes) == len(shown[0].graph.nodes)
    view.fold.click()
    assert len(view.canvas._layout.boxes) == 10
    assert {f.group.path for f in view.canvas._layout.frames} == set()


def test_search_goes_from_hit_to_hit(view: NetworkView, state: AppState) -> None:
    QTest.keyClick(view.canvas, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.focusWidget() is view.search or view.search.hasFocus() or not view.isActiveWindow()
    view.search.setText("shortcut")
    view.search.returnPressed.emit()
    assert state.selection == Place("layer2.0.shortcut")
    view.search.returnPressed.emit()
    assert state.selection == Place("layer3.0.shortcut")
    view.search.returnPressed.emit()
    assert state.selection == Place("layer2.0.shortcut")
    view.search.setText("LAYER1.0.CONV2")
    view.search.returnPressed.emit()
    assert state.selection == Place("layer1.0.conv2")
    view.search.setText("no such layer")
    view.search.returnPressed.emit()
    assert state.selection == Place("layer1.0.conv2")


def test_costs_stand_below_the_names_as_bars(view: NetworkView, state: AppState) -> None:
    canvas = view.canvas
    plain = canvas.grab().toImage()
    view.costs.setCurrentIndex(view.costs.findData("macs"))
    assert canvas.grab().toImage() != plain
    costs = canvas._costs
    assert costs is not None
    graph = state.model.graph if state.model else None
    assert graph is not None
    assert sum(value or 0 for value in costs.values.values()) == graph.macs
    assert max(costs.share(name) for name in costs.values) == 1
    most = max(costs.values, key=lambda name: costs.values[name] or 0)
    box = canvas._layout.box(most)
    assert box is not None
    offset = canvas._camera.offset
    bar = QPoint(
        round(box.column_x + box.column_width - 4 - offset.x()), round(box.name_y + 2 * painting.line_px() + 8)
    )
    found = canvas.grab().toImage().pixelColor(bar)
    assert found == painting.cost_colour(1.0)
    view.costs.setCurrentIndex(view.costs.findData("time"))
    assert canvas._costs is not None
    assert canvas._costs.most > 0
    view.costs.setCurrentIndex(0)
    assert canvas._costs is None


def test_the_small_map_steers_the_large_one(view: NetworkView) -> None:
    canvas = view.canvas
    view.unfold.click()
    assert canvas._has_mini_map
    rect = mini_map_rect(canvas.size())
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=rect.center())
    middle = canvas._camera.offset.x() + canvas.width() / 2
    assert middle == pytest.approx(canvas._layout.width / 2, abs=20)
    QTest.mouseMove(canvas, QPoint(rect.left() + 1, rect.center().y()))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(rect.left() + 1, rect.center().y()))
    assert canvas._camera.offset.x() == 0
    picture = canvas.grab().toImage()
    accent = theme.current().color("accent")
    assert any(picture.pixelColor(x, rect.top() + 6) == accent for x in range(rect.left(), rect.left() + 12))


def test_only_layers_in_sight_are_made_into_pictures(view: NetworkView, shown: tuple[LoadedModel, Inspection]) -> None:
    canvas = view.canvas
    view.unfold.click()
    canvas._pictures.show(shown[0].graph, shown[1].values, "layer")
    canvas.pan(QPointF(-99999, 0))
    canvas.grab()
    assert canvas._pictures._fresh
    assert len(canvas._pictures._fresh) < len(shown[0].graph.nodes) / 2


def test_the_facts_of_a_layer_and_of_a_group(view: NetworkView, state: AppState, qtbot: QtBot) -> None:
    canvas = view.canvas
    QTest.mouseMove(canvas, canvas.point_of("conv1", 0))
    qtbot.waitUntil(lambda: "conv1" in canvas.toolTip())
    for part in ("Conv2d", "16 × 32 × 32", "Parameters: 432", "Multiply-adds: 442 k", "Receptive field: 3 px"):
        assert part in canvas.toolTip()
    QTest.mouseMove(canvas, canvas.point_of("layer2.1.relu2", 0))
    qtbot.waitUntil(lambda: "layers, ends with layer2.1.relu2" in canvas.toolTip())


def test_the_context_menu_offers_folding(view: NetworkView) -> None:
    menu = view.canvas.menu_at(QPointF(view.canvas.point_of("layer2.0.relu2", 0)))
    words = [action.text() for action in menu.actions()]
    assert words[0] == "Unfold layer2.0"
    assert words[1:3] == ["Fold everything", "Unfold everything"]
    menu.actions()[0].trigger()
    menu.deleteLater()
    assert view.canvas._layout.box("layer2.0.conv1") is not None


def test_a_joined_channel_has_one_source_and_sees_what_its_branch_sees() -> None:
    graph = inception()
    units = graph["features.3.expand1x1_activation"].units
    assert compute.sources(graph, "features.3.cat", 3, (4, 5)) == (
        compute.Source("features.3.expand1x1_activation", (3,), (4, 5), (5, 6)),
    )
    assert compute.sources(graph, "features.3.cat", units + 2, None) == (
        compute.Source("features.3.expand3x3_activation", (2,)),
    )
    values = {"features.3.cat": np.zeros(graph["features.3.cat"].output_shape, np.float32)}
    said = [compute.describe_value(graph, values, "features.3.cat", unit, (10, 10)) for unit in (3, units + 2)]
    narrow, wide = (text.partition("rows ")[2].partition(",")[0] for text in said)
    sizes = [int(b) - int(a) + 1 for a, _, b in (text.partition("…") for text in (narrow, wide))]
    assert sizes == [7, 15]


def test_a_selected_layer_that_is_folded_away_is_marked_by_its_group(view: NetworkView, state: AppState) -> None:
    state.select(Place("layer2.1.conv2"))
    view.fold.click()
    assert view.canvas._chosen_layer == "layer2.2.relu2"
    QTest.keyClick(view.canvas, Qt.Key.Key_Space)
    assert view.canvas._layout.box("layer2.1.relu2") is not None


def test_a_layer_below_comes_into_sight(view: NetworkView, state: AppState) -> None:
    canvas = view.canvas
    canvas.zoom_by(4)
    canvas.pan(QPointF(-9999, -9999))
    state.select(Place("linear"))
    box = canvas._layout.box("linear")
    assert box is not None
    top = box.y - canvas._camera.offset.y()
    assert top + box.height >= 0
    assert top <= canvas.height()


def test_names_in_narrow_columns_can_be_told_apart(view: NetworkView, state: AppState) -> None:
    view.resize(320, 400)
    view.unfold.click()
    layout = view.canvas._layout
    narrow = min(box.column_width for box in layout.boxes)
    assert narrow >= painting.line_px() * 1.5
    written = {}
    for box in layout.boxes:
        common, folded = painting._common(layout)[box.node.name], box.item.group is not None
        room, letter = box.column_width + layout.gap - 4, theme.text_px()
        _, lines = painting._name_lines(box.item.title, folded, common, room, 1.0, 1, letter)
        written[box.node.name] = "".join(lines)
    inside = [name for name in written if name.startswith("layer2.0.")]
    assert len({written[name] for name in inside}) == len(inside)


def test_the_bar_of_a_cost_ends_above_the_picture(view: NetworkView) -> None:
    view.costs.setCurrentIndex(view.costs.findData("macs"))
    assert 2 * painting.line_px() + painting.COST_BAR.bottom() < min(b.y - b.name_y for b in view.canvas._layout.boxes)
