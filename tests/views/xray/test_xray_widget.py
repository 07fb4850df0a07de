"""The X-ray view: which block is open, what is said and drawn of it, walking, empty states."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from torch import nn

from cnnviz.core.capture import Capture
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel, ModelRequest
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.settings import Settings
from cnnviz.views.xray import compute
from cnnviz.views.xray.figures import F_ROLE
from cnnviz.views.xray.widget import NO_NETWORK, NO_PICTURE, XrayView, no_blocks, outside
from cnnviz.widgets import theme
from tests.samples import sample_inspection, sample_model


class UNet(nn.Module):
    """One skip around a pooling and an up-sampling."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.bottom = nn.Conv2d(4, 6, 3, padding=1)
        self.up = nn.ConvTranspose2d(6, 5, 2, 2)
        self.head = nn.Conv2d(9, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.down(x)
        return self.head(torch.cat([self.up(self.bottom(self.pool(y))), y], 1))


class Fire(nn.Module):
    """Two branches of one kind."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(3, 4, 1)
        self.wide = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.narrow(x), self.wide(x)], 1)


@cache
def captured(name: str) -> tuple[Capture, LoadedModel]:
    from cnnviz.models.cifar import resnet20

    torch.manual_seed(0)
    module = {"resnet20": resnet20, "u_net": UNet, "fire": Fire}[name]()
    capture = Capture(module.eval(), (3, 32, 32), name)
    labels = tuple(str(n) for n in range(10))
    return capture, LoadedModel(ModelRequest(name), name, capture.graph, labels, MappingProxyType({}))


def load(state: AppState, name: str, *, seed: int = 0, empty: bool = False) -> LoadedModel:
    _, model = captured(name)
    state.set_model(model)
    if not empty:
        state.set_inspection(inspection_of(name, seed))
    return model


def inspection_of(name: str, seed: int = 0, generation: int = 1) -> Inspection:
    capture, model = captured(name)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        values: Mapping[str, FloatArray] = capture(picture)
    zeros = np.zeros(10, np.float32)
    return Inspection(model.request, generation, values, zeros, zeros)


@pytest.fixture
def view(show_view: Callable[..., XrayView]) -> XrayView:
    return show_view(XrayView)


def test_without_network_picture_or_blocks_it_says_so(view: XrayView, state: AppState) -> None:
    assert view.rows.accessibleDescription() == NO_NETWORK
    load(state, "resnet20", empty=True)
    state.select(Place("layer1.0.add"))
    assert view.rows.accessibleDescription() == NO_PICTURE
    state.select(Place("conv1"))
    assert view.rows.accessibleDescription() == outside("conv1")
    assert view.head.list.isEnabled()
    plain = sample_model()
    state.set_model(plain)
    state.set_inspection(sample_inspection(plain))
    assert view.rows.accessibleDescription() == no_blocks("LeNet-5")
    assert not view.head.list.isEnabled()
    assert not view.side.chart.isVisible()


def test_any_layer_of_a_block_opens_it(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    for layer in ("layer2.0.conv1", "layer2.0.bn2", "layer2.0.shortcut", "layer2.0.add", "layer2.0.relu2"):
        state.select(Place(layer))
        assert view.block is not None
        assert view.block.joining.name == "layer2.0.add"
        assert view.head.list.currentText().startswith("layer2.0 · add: x + F(x), 32 × 16 × 16")
    assert view.rows._heads == ("x = shortcut", "F(x) = bn2", "add", "ReLU")


def test_a_chosen_cell_is_written_out_and_agrees_with_torch(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    state.select(Place("layer2.0.add", 20, (3, 5)))
    values = inspection_of("resnet20").values
    x, f = values["layer2.0.shortcut"][20, 3, 5], values["layer2.0.bn2"][20, 3, 5]
    total = float(x) + float(f)
    assert view.side.badge._check is not None
    assert view.side.badge._check.total == total
    assert view.side.badge._check.agrees
    shown = [grid.grid.values_hw for grid in view.side.near if grid.grid is not None]
    assert shown[0].shape in ((3, 3), (5, 5))
    around = shown[0].shape[0] // 2
    assert shown[1][around, around] == f
    assert np.allclose(shown[0] + shown[1], shown[2], atol=1e-5)
    state.select(Place("layer2.0.bn2", 20, (0, 0)))  # the same cell, by another layer of the block
    assert view.side.near[1].cell == (0, 0)


def test_it_follows_the_picture(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    state.select(Place("layer1.1.add"))
    before = view._summary.text()
    picture = view.rows.grab().toImage()
    state.set_inspection(inspection_of("resnet20", seed=1, generation=2))
    assert view._summary.text() != before
    assert view.rows.grab().toImage() != picture


def test_buttons_keys_and_bars_walk_through_the_blocks(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    state.select(Place("conv1"))
    QTest.mouseClick(view.head.next, Qt.MouseButton.LeftButton)
    assert state.selection == Place("layer1.0.add")
    QTest.mouseClick(view.head.next, Qt.MouseButton.LeftButton)
    assert state.selection == Place("layer1.1.add")
    view.walk(-1)
    view.walk(-1)
    assert state.selection == Place("layer1.0.add")  # the first stays
    bar = view.side.chart.bar_rect(8).center()
    QTest.mouseClick(view.side.chart, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, bar)
    assert state.selection == Place("layer3.2.add")
    QTest.keyClick(view.side.chart, Qt.Key.Key_Left)
    assert state.selection == Place("layer3.1.add")
    state.select(Place("linear"))
    view.walk(-1)
    assert state.selection == Place("layer3.2.add")
    view.open(4)
    assert state.selection == Place("layer2.1.add")


def test_every_block_gets_its_bar_between_events(view: XrayView, state: AppState, qtbot: QtBot) -> None:
    model = load(state, "resnet20")
    qtbot.waitUntil(lambda: not view._filler.isActive())
    values = inspection_of("resnet20").values
    expected = [compute.change_of(block, model.graph, values) for block in view._blocks]
    assert view._changes == expected
    assert all(math.isfinite(change) for change in expected)
    most = int(np.argmax(expected))
    image, colour = view.side.chart.grab().toImage(), theme.current().color(F_ROLE)
    area = view.side.chart.bar_rect(most)
    assert image.pixelColor(area.center().x(), area.top() + 1) == colour  # the largest fills its room
    assert len(view.side.chart.text().splitlines()) == 10


def test_a_hidden_view_computes_no_bars(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    view.hide()
    assert not view._filler.isActive()


def test_a_channel_is_chosen_by_mouse_and_keys(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    state.select(Place("layer1.0.conv1"))
    tile = view.rows.tile_rect(1, 0)
    assert tile is not None
    QTest.mouseClick(view.rows, Qt.MouseButton.LeftButton, pos=tile.topLeft() + QPoint(1, 1))
    assert state.selection == Place("layer1.0.add", 1, (0, 0))
    QTest.keyClick(view.rows, Qt.Key.Key_Down)
    assert state.selection == Place("layer1.0.add", 2, (0, 0))
    QTest.keyClick(view.rows, Qt.Key.Key_End)
    assert state.selection == Place("layer1.0.add", 15, (0, 0))
    place = view.rows.place_of(15)
    assert place is not None
    assert view.rows.rect().contains(place.center())  # it was scrolled to
    QTest.keyClick(view.side.near[0], Qt.Key.Key_Right)
    assert state.selection == Place("layer1.0.add", 15, (0, 1))
    QTest.keyClick(view.rows, Qt.Key.Key_Return)
    assert view.rows.zoomed
    assert view.head.zoom.isChecked()
    QTest.keyClick(view.rows, Qt.Key.Key_Escape)
    assert not view.rows.zoomed


def test_pointing_is_shared_with_the_other_views(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    state.select(Place("layer1.0.add"))
    tile = view.rows.tile_rect(0, 2)
    assert tile is not None
    view.rows.pointed.emit(view.rows.at(QPointF(tile.center())))
    assert state.pointed is not None
    assert state.pointed.layer == "layer1.0.add"
    assert view.side.words.text().startswith("map 0, row 15, column 1")
    view.rows.pointed.emit(None)
    assert state.pointed is None


def test_channels_are_sorted_by_what_the_branch_adds(view: XrayView, state: AppState, tmp_path: Path) -> None:
    load(state, "resnet20")
    state.select(Place("layer2.0.add"))
    view.head.order.setCurrentIndex(compute.ORDERS.index("branch"))
    view.head.order.activated.emit(1)
    assert view._opened is not None
    assert view._opened.residual is not None
    shares = view._opened.residual.shares[view.rows._order]
    shares = shares[~np.isnan(shares)]
    assert (np.diff(shares) <= 0).all()
    top = view.rows.place_of(int(view.rows._order[0]))
    assert top is not None
    assert top.top() == view.rows.head_px()
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    view.head.order.setCurrentIndex(0)
    view.recall(settings)
    assert view.head.order.currentData() == "branch"


def test_the_bar_of_a_row_is_as_long_as_the_share(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    state.select(Place("layer1.0.add"))
    assert view._opened is not None
    assert view._opened.residual is not None
    image = view.rows.grab().toImage()
    place = view.rows.place_of(0)
    assert place is not None
    colours = {role: theme.current().color(role).rgb() for role in ("pointer", "kernel")}
    counts = {"pointer": 0, "kernel": 0}
    last = view.rows.tile_rect(0, 3)
    assert last is not None
    y = place.center().y() + 2
    for x in range(last.right() + 3, image.width()):
        for role, colour in colours.items():
            counts[role] += image.pixel(x, y) == colour
    share = counts["kernel"] / max(1, sum(counts.values()))
    assert share == pytest.approx(float(view._opened.residual.shares[0]), abs=0.02)


def test_a_scale_of_each_row_by_itself(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    state.select(Place("layer1.0.add"))
    assert view.rows._limits is None
    state.set_scope("unit")
    assert view.rows._limits is not None
    assert len(view.rows._limits) == 16


def test_a_skip_of_a_u_net_is_shown_beside_what_was_up_sampled(view: XrayView, state: AppState) -> None:
    load(state, "u_net")
    state.select(Place("bottom"))
    assert [part.title for part in view._opened.parts] == ["up", "down"]
    assert [part.channels for part in view._opened.parts] == ["channels 0–4, 32 × 32", "channels 5–8, 32 × 32"]
    assert view.columns._notes[1] == "shortcut"
    assert "down skips 3 layers" in view._summary.text()
    assert view.columns.words_of(1).splitlines()[:3] == ["down", "channels 5–8, 32 × 32", "shortcut"]
    assert view.columns.words_of(0).endswith("347 parameters, 86 k multiply-adds")
    assert not view.side.near[1].isVisible()
    assert view.columns.isVisible()
    place = view.columns.place_of(6)
    assert place is not None
    QTest.mouseClick(view.columns, Qt.MouseButton.LeftButton, pos=place.center())
    assert state.selection is not None
    assert (state.selection.layer, state.selection.unit) == ("cat", 6)
    assert view.side.badge._check is not None
    assert view.side.badge._check.total == view.side.badge._check.torch
    assert view.side.words.text().startswith("channel 6 is map 1 of down")
    QTest.keyClick(view.columns, Qt.Key.Key_Home)
    assert state.selection.unit == 0
    state.select(Place("down", 2, (1, 1)))  # outside of the block: it is its fork
    assert view.block is None
    view.open(0)
    assert view.block is not None


def test_what_cannot_be_taken_apart_is_said(view: XrayView, state: AppState) -> None:
    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.add(x, self.conv(x), alpha=2)

    capture = Capture(Doubled().eval(), (3, 8, 8), "doubled")
    model = LoadedModel(ModelRequest("doubled"), "Doubled", capture.graph, ("a",), MappingProxyType({}))
    state.set_model(model)
    with torch.no_grad():
        values = capture(torch.rand(1, 3, 8, 8))
    zero = np.zeros(1, np.float32)
    state.set_inspection(Inspection(model.request, 1, values, zero, zero))
    state.select(Place("add"))
    assert "cannot be taken apart" in view.rows.accessibleDescription()


def test_another_network_forgets_the_blocks(view: XrayView, state: AppState, qtbot: QtBot) -> None:
    load(state, "resnet20")
    state.select(Place("layer1.0.add"))
    load(state, "u_net")
    qtbot.waitUntil(lambda: not view._filler.isActive())
    assert view.head.list.count() == 1
    assert len(view._changes) == 1
    state.set_model(None)
    assert view.head.list.count() == 0


def test_numbers_are_copied_as_tables(view: XrayView, state: AppState) -> None:
    load(state, "resnet20")
    state.select(Place("layer1.0.add"))
    assert view._opened is not None
    assert view._opened.residual is not None
    action = next(a for a in view.rows.actions() if "numbers" in a.text())
    action.trigger()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 17
    assert float(lines[3].split("\t")[2]) == pytest.approx(view._opened.residual.energy_f[2])
    load(state, "u_net")
    state.select(Place("cat"))
    assert [line.split("\t")[0] for line in view.columns.text().splitlines()] == ["branch", "up", "down"]


def test_a_projector_s_letters_and_a_small_room_hide_nothing_that_is_needed(
    view: XrayView, state: AppState, qapp: QApplication
) -> None:
    load(state, "resnet20")
    state.select(Place("layer1.0.add", 3, (4, 4)))
    assert view.side.near[0].isVisible()
    view.resize(700, 200)
    assert not view.side.near[0].isVisible()  # the sum is written out all the same
    assert view.side.badge.isVisible()
    theme.apply(qapp, "dark", 2.0)
    view.resize(1600, 900)
    assert view.side.near[0].isVisible()
    assert view.rows.tile_rect(3, 2) is not None
    view.grab()
    theme.apply(qapp, "light")


def test_small_cells_hold_no_numbers_and_tell_theirs_under_the_pointer(
    view: XrayView, state: AppState, qtbot: QtBot
) -> None:
    load(state, "resnet20")
    state.select(Place("layer1.0.add", 3, (4, 4)))
    x = view.side.near[0]
    view.resize(1800, 900)
    qtbot.waitUntil(lambda: x._digits == 3)
    view.resize(900, 300)
    qtbot.waitUntil(lambda: x._digits == 0)
    assert x.isVisible()
    QTest.mouseMove(x, x.cell_rect(0, 2).center())
    assert state.pointed == Place("layer1.0.add", 3, (3, 5))
    assert view.side.words.text().startswith("map 3, row 3, column 5: x ")
    assert view._opened is not None
    value = float(view._opened.arrays[0][3, 3, 5])
    assert float(x.toolTip().rpartition(": ")[2].replace("−", "-")) == pytest.approx(value, rel=1e-7)
    x.hovered.emit(None)
    assert state.pointed is None
    assert "around the chosen cell" in x.toolTip()


def test_in_a_narrow_view_the_cell_is_below_and_all_four_maps_stay_in_sight(
    view: XrayView, state: AppState, qtbot: QtBot
) -> None:
    load(state, "resnet20")
    state.select(Place("layer2.0.add", 0, (4, 4)))
    view.resize(1100, 330)
    assert view.side.x() > view.stack.geometry().right()
    view.resize(460, 330)
    qtbot.waitUntil(lambda: view.side.y() > view.stack.geometry().bottom())
    assert view.side.badge.isVisible()
    assert not view.side.chart.isVisible()
    behind = view.rows.tile_rect(0, 3)
    assert behind is not None
    assert behind.right() < view.rows.width()


def test_without_a_shortcut_there_are_no_bars_of_changes(view: XrayView, state: AppState) -> None:
    load(state, "fire")
    state.select(Place("cat"))
    assert view._opened is not None
    assert len(view._opened.parts) == 2
    assert not view.side.chart.isVisible()
    load(state, "u_net")
    state.select(Place("cat"))
    assert view.side.chart.isVisible()
