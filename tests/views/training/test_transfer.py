"""Tab *Transfer*: the freeze line of the run in sight, and its filters before and now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import FloatArray, ModelRequest
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.starter import load_starter
from cnnviz.models import registry
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.state.training_state import Beginning, LiveWeights, Progress
from cnnviz.training import runs, session
from cnnviz.training.config import TrainConfig
from cnnviz.training.layers_of import LayerInfo
from cnnviz.views.training import movement, transfer
from cnnviz.views.training.transfer import TransferPanel
from cnnviz.workers.training import TrainingService
from cnnviz.workers.travelling import TravelService
from tests.views.training.conftest import RUN, ShowPanel

LAYERS = (
    LayerInfo("conv1", 32), LayerInfo("norm", 8), LayerInfo("conv2", 288), LayerInfo("fc", 20, True, True),
)  # fmt: skip


def tensors() -> dict[str, FloatArray]:
    random = np.random.default_rng(0)
    shapes = {"conv1.weight": (4, 3, 3, 3), "norm.weight": (4,), "conv2.weight": (8, 4, 3, 3), "fc.weight": (2, 10)}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def live(step: int, weights: dict[str, FloatArray]) -> LiveWeights:
    last = str(RUN / "last.safetensors")
    return LiveWeights(step, weights, ModelRequest(registry.name_of_file(last), last))


@pytest.fixture
def panel(show_panel: ShowPanel[TransferPanel], state: AppState, run: Progress) -> TransferPanel:
    """The first convolution is frozen; the second moved by a tenth, of its third filter one number by twice that."""
    before, now = tensors(), tensors()
    now["conv2.weight"] *= 1.1
    now["conv2.weight"][2] = before["conv2.weight"][2] * 1.2
    state.training.set_frozen("norm")
    state.training.set_recorded((1, 40))
    state.training.set_before(Beginning(RUN, LAYERS, LiveWeights(1, before)))
    state.training.set_live(live(40, now))
    return show_panel(TransferPanel)


def choose(panel: TransferPanel, path: str) -> None:
    panel.layer.setCurrentText(path)
    panel.layer.activated.emit(panel.layer.currentIndex())


def test_the_line_stands_where_the_run_is_frozen_and_its_move_is_a_wish(
    panel: TransferPanel, state: AppState, qtbot: QtBot
) -> None:
    wishes: list[str] = []
    state.training.freeze_requested.connect(wishes.append)
    assert panel.line.path == "norm"
    qtbot.keyClick(panel.line, Qt.Key.Key_Right)
    assert wishes == ["conv2"]
    state.training.set_frozen("conv1")
    assert panel.line.path == "conv1"
    assert wishes == ["conv2"], "showing is no wish"


def test_the_line_of_a_run_that_has_ended_cannot_be_moved(panel: TransferPanel, state: AppState, qtbot: QtBot) -> None:
    wishes: list[str] = []
    state.training.freeze_requested.connect(wishes.append)
    state.training.set_progress(replace(state.training.progress, stage="finished"))
    qtbot.keyClick(panel.line, Qt.Key.Key_Right)
    assert wishes == []


def test_the_first_convolution_is_shown_first_and_a_frozen_layer_did_not_move(panel: TransferPanel) -> None:
    found = panel.pairs.movement
    assert panel.layer.currentText() == "conv1"
    assert found is not None
    assert found.change_nhw.shape == (4, 3, 3, 3)
    assert found.share_n.tolist() == [0.0] * 4
    assert found.summary() == "did not move"
    assert "bit for bit" in found.words(0)


def test_only_layers_with_filters_can_be_chosen(panel: TransferPanel) -> None:
    assert [panel.layer.itemText(i) for i in range(panel.layer.count())] == ["conv1", "conv2", "fc"]


def test_how_much_each_filter_moved(panel: TransferPanel) -> None:
    choose(panel, "conv2")
    found = panel.pairs.movement
    assert found is not None
    assert found.share_n == pytest.approx([0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1], rel=1e-4)
    assert panel.pairs.order == tuple(range(8))
    panel.most_first.setChecked(True)
    assert panel.pairs.order[0] == 2
    assert found.summary() == "8 of 8 moved, median 10.0 %"


def test_the_number_of_a_filter_is_told_exactly(panel: TransferPanel, qtbot: QtBot) -> None:
    choose(panel, "conv2")
    qtbot.keyClick(panel.pairs, Qt.Key.Key_Home)
    assert panel.exact.text().startswith("Filter 0: length ")
    assert "10.0 % of its length before" in panel.exact.text()
    qtbot.mouseMove(panel.pairs, panel.pairs.rect_of(2, panel.pairs.size()).center())
    assert "20.0 % of its length before" in panel.exact.text()
    assert panel.pairs.toolTip() == panel.exact.text(), "whole, however narrow the line is"


def test_before_and_now_have_one_colour_scale(panel: TransferPanel) -> None:
    choose(panel, "conv2")
    found = panel.pairs.movement
    assert found is not None
    assert found.most == max(np.abs(found.before_nhw).max(), np.abs(found.now_nhw).max())
    assert found.most_change == np.abs(found.change_nhw).max()
    np.testing.assert_allclose(found.change_nhw, found.now_nhw - found.before_nhw)
    card = panel.pairs.rect_of(0, panel.pairs.size())
    shot, side = panel.pairs.grab().toImage(), (card.width() - 8) // 3
    same = [shot.pixel(card.topLeft() + QPoint(5 + i * (side + 4), 5)) for i in range(3)]
    assert len(set(same)) > 1


def test_pressing_a_box_of_the_line_chooses_the_layer(panel: TransferPanel, qtbot: QtBot) -> None:
    at = [box.path for box in panel.line.boxes].index("conv2")
    qtbot.mouseClick(panel.line, Qt.MouseButton.LeftButton, pos=panel.line.rect_of(at, panel.line.size()).center())
    assert panel.layer.currentText() == "conv2"
    assert panel.pairs.movement is not None
    assert panel.pairs.movement.count == 8


def test_a_chosen_layer_stays_while_newer_weights_come(panel: TransferPanel, state: AppState) -> None:
    choose(panel, "conv2")
    state.training.set_live(live(60, tensors()))
    assert panel.layer.currentText() == "conv2"
    assert panel.pairs.movement is not None
    assert not panel.pairs.movement.moved_n.any()


def test_weights_of_another_run_are_not_compared(panel: TransferPanel, state: AppState) -> None:
    other = live(5, tensors())
    state.training.set_live(replace(other, request=ModelRequest("lenet5", "/runs/other/last.safetensors")))
    assert panel.pairs.movement is None
    assert panel.pairs.accessibleDescription() == transfer.NO_WEIGHTS


def test_nothing_recorded_is_said_and_the_line_is_there_all_the_same(panel: TransferPanel, state: AppState) -> None:
    state.training.set_before(Beginning(RUN, LAYERS, None))
    assert panel.pairs.accessibleDescription() == transfer.NOTHING_RECORDED
    assert len(panel.line.boxes) == 4


def test_without_a_run_there_is_a_sentence_and_nothing_is_asked_for(
    show_panel: ShowPanel[TransferPanel], state: AppState
) -> None:
    asked: list[bool] = []
    state.training.before_requested.connect(lambda: asked.append(True))
    panel = show_panel(TransferPanel)
    assert panel.line.accessibleDescription() == transfer.NO_RUN
    assert not panel.pairs.isVisible()
    assert asked == []


def test_a_run_is_asked_for_once_and_again_when_a_step_is_recorded(
    show_panel: ShowPanel[TransferPanel], state: AppState, run: Progress
) -> None:
    asked: list[bool] = []
    state.training.before_requested.connect(lambda: asked.append(True))
    panel = show_panel(TransferPanel)
    state.training.set_progress(replace(run, step=41))
    assert asked == [True]
    assert panel.line.accessibleDescription() == transfer.READING
    state.training.set_recorded((1,))
    state.training.set_progress(replace(run, step=42))
    state.training.set_recorded((1, 2))
    assert asked == [True, True]


def test_filters_of_dense_and_of_1x1_layers_are_rows(panel: TransferPanel) -> None:
    weights = np.arange(20, dtype=np.float32).reshape(2, 10)
    found = movement.movement(weights, weights + 1)
    assert found.before_nhw.shape == (2, 3, 4)
    assert np.isnan(found.before_nhw[:, 2, 2:]).all()
    assert found.most_change == 1.0
    kernels = movement.movement(weights.reshape(2, 10, 1, 1), weights.reshape(2, 10, 1, 1))
    assert kernels.before_nhw.shape == (2, 3, 4)


def test_a_filter_that_was_nothing_moved_endlessly_far() -> None:
    before, now = np.zeros((3, 1, 2, 2), np.float32), np.zeros((3, 1, 2, 2), np.float32)
    now[1] = 1e-30  # its square is no single-precision number any more
    found = movement.movement(before, now)
    assert found.share_n.tolist() == [0.0, np.inf, 0.0]
    assert found.distance_n[1] > 0
    assert found.order(most_moved_first=True)[0] == 1
    assert "∞" in found.words(1)


# -- with the services --------------------------------------------------------------------------------------------


@pytest.fixture
def services(state: AppState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    digits = load_starter()
    few = LabelledImages(digits.images_nhw[::20], digits.labels_n[::20])
    monkeypatch.setattr(runs, "folder", lambda: tmp_path)
    monkeypatch.setattr(session, "load_data", lambda config, **_: few)
    messages = MessageCenter()
    training, travels = TrainingService(state, messages), TravelService(state, messages)
    yield
    training.stop()
    travels.stop()


def test_a_run_from_weights_is_followed_and_frozen_further(
    show_panel: ShowPanel[TransferPanel], services: None, state: AppState, qtbot: QtBot, tmp_path: Path
) -> None:
    config = TrainConfig(
        "lenet5", epochs=2000, batch_size=25, validation=50, threads=1, device="cpu", start="pretrained", freeze="conv1"
    )
    panel = show_panel(TransferPanel)
    state.training.start_requested.emit(config, "mine")
    qtbot.waitUntil(lambda: panel.pairs.movement is not None, timeout=60_000)
    assert panel.line.path == "conv1"
    assert panel.line.learning == (61_550, 61_706)
    choose(panel, "conv2")
    qtbot.waitUntil(lambda: panel.pairs.movement is not None and panel.pairs.movement.moved_n.any(), timeout=60_000)
    choose(panel, "conv1")
    assert panel.pairs.movement is not None
    assert not panel.pairs.movement.moved_n.any()
    qtbot.keyClick(panel.line, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: state.training.frozen == "conv2", timeout=60_000)
    state.training.stop_requested.emit()
    qtbot.waitUntil(lambda: state.training.progress.stage == "finished", timeout=60_000)
    seen: list[object] = []
    state.training.before_changed.connect(seen.append)
    state.training.follow_requested.emit(str(tmp_path / "mine"))
    qtbot.waitUntil(lambda: None in seen and seen[-1] is not None, timeout=60_000)
    assert [box.path for box in panel.line.boxes] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    assert panel.line.path == "conv2", "as it was saved, not as it began"
