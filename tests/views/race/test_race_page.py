"""The page of the race: what is asked for, curves with names, gradients on one scale, and sentences that are true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState
from cnnviz.state.race_state import Lane, RaceProgress, RaceStage
from cnnviz.state.settings import Settings
from cnnviz.state.training_state import Progress, RunCurves
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import LayerStep, Started
from cnnviz.views.race import compute
from cnnviz.views.race.compute import Choice, Standing
from cnnviz.views.race.gradients import NOTHING
from cnnviz.views.race.widget import EMPTY, RaceView, speed_of
from cnnviz.widgets import theme
from tests.views.conftest import ShowView

THREE = ("plain20", "plain56", "resnet56")


def lane(
    model: str, losses: Sequence[float], gradients: Sequence[float] = (1.0, 0.1), sentence: str = "", val: float = 0.5
) -> Lane:
    config = TrainConfig(model, validation=100, pictures=1000, batch_size=32, epochs=2)
    curves = RunCurves(Path(model), model)
    steps = range(1, len(losses) + 1)
    curves.batches.append({
        "step": steps, "epoch": [1] * len(steps), "loss": losses, "accuracy": [0.5] * len(steps),
        "learning_rate": [0.1] * len(steps),
    })  # fmt: skip
    curves.epochs.append({name: (val if name == "val_accuracy" else len(steps),) for name in curves.epochs.names})
    started = Started(config, 2, 32, 1000, 100, 12_345, "the processor", 1)
    layers = tuple(LayerStep(f"conv{i}", g, 0.1, 1.0, 9) for i, g in enumerate(gradients, 1))
    return Lane(config, Path(model), curves, started, layers, 100.0, sentence)


def progress(stage: RaceStage, *lanes: Lane) -> RaceProgress:
    return RaceProgress(stage, lanes)


def standing(name: str, loss: float, gradients: Sequence[float] = (1.0,), *, step: int = 60) -> Standing:
    random = np.random.default_rng(len(name))
    losses = tuple((loss + 0.01 * random.standard_normal(compute.WINDOW)).tolist())
    return Standing(name, name, step, losses, tuple(gradients))


# -- sentences ------------------------------------------------------------------------------------------------------


def test_the_deeper_plain_network_behind_is_called_degradation() -> None:
    words = " ".join(compute.lesson([standing("plain20", 1.4), standing("plain56", 1.9), standing("resnet56", 1.5)]))
    assert "After 60 steps the loss is 1.4" in words
    assert words.index("plain20") < words.index("resnet56") < words.index("plain56")  # the best first
    assert "36 further layers" in words
    assert "plain56 is 0.50 behind plain20" in words
    assert "no overfitting" in words
    assert "lower than plain56's" in words


def test_no_degradation_is_claimed_where_there_is_none() -> None:
    ahead = " ".join(compute.lesson([standing("plain20", 1.9), standing("plain56", 1.4), standing("resnet56", 1.9)]))
    assert "no degradation is to be seen" in ahead
    assert "higher than plain56's at this step" in ahead
    level = " ".join(compute.lesson([standing("plain20", 1.5), standing("plain56", 1.5)]))
    assert "too close to call" in level
    assert "harder to train" not in ahead + level


def test_other_networks_are_ranked_and_nothing_is_said_of_depth() -> None:
    words = " ".join(compute.lesson([standing("lenet5", 1.4), standing("resnet18", 1.9)]))
    assert "for lenet5 and" in words
    assert "degradation" not in words
    assert "shortcuts" not in words


def test_the_first_steps_say_little_and_an_end_is_told() -> None:
    early = [Standing("plain20", "Plain-20", 2, (2.3, 2.2), (2.0, 0.1)),
             Standing("plain56", "Plain-56", 2, (9.0, 9.1), (900.0, 0.5), )]  # fmt: skip
    words = " ".join(compute.lesson(early))
    assert "say little" in words
    assert "20 in Plain-20 and 1,800 in Plain-56" in words
    over = Standing("lenet5", "LeNet-5", 3, (1.0, 1.0, 1.0), (1.0,), "The loss is no longer a number.")
    assert compute.lesson([over]) == ("LeNet-5 has ended: The loss is no longer a number.",)
    assert compute.lesson([]) == ()


def test_lanes_a_step_apart_are_compared_at_the_same_step() -> None:
    falling = tuple(np.linspace(2, 1, 10).tolist())
    one = Standing("plain20", "a", 10, falling, ())
    other = Standing("plain56", "b", 9, falling[:9], ())
    words = " ".join(compute.lesson([one, other]))
    assert "After 9 steps" in words
    assert "too close to call" in words


def test_a_difference_within_the_noise_is_none() -> None:
    random = np.random.default_rng(1)
    noise = tuple(random.standard_normal(10).tolist())
    other = tuple((-np.array(noise)).tolist())
    assert math.isnan(compute.difference(Standing("a", "a", 10, noise, ()), Standing("b", "b", 10, other, ())))
    high, more = ((np.array(values) * 0.1 + 3).tolist() for values in (noise, other))
    assert compute.difference(Standing("a", "a", 10, tuple(high), ()), Standing("b", "b", 10, tuple(more), ())) == 0
    assert compute.difference(standing("a", 2.0), standing("b", 1.0)) == pytest.approx(1, abs=0.05)


def swinging(name: str, loss: float, swing: float, step: int = 15) -> Standing:
    """Return a lane whose losses lie by turns above and below their mean."""
    losses = tuple(loss + swing * (-1) ** i for i in range(min(step, compute.WINDOW)))
    return Standing(name, name, step, losses, ())


def test_a_loss_that_swings_is_neither_alike_nor_degradation() -> None:
    early = [swinging("plain20", 2.25, 0.1), swinging("plain56", 2.37, 0.12), swinging("resnet56", 2.71, 1.0)]
    words = " ".join(compute.lesson(early))
    assert "Its loss still swings too much to be compared with plain56's." in words
    assert "is 0.12 behind plain20: its loss falls more slowly so far." in words
    assert "is about" not in words
    assert "degradation" not in words
    settled = [*early[:2], swinging("resnet56", 2.71, 0.2)]
    words = " ".join(compute.lesson(settled))
    assert "0.34 higher than plain56's" in words
    assert "plain56 is 0.12 behind plain20" in words
    assert "degradation" in words
    alike = " ".join(compute.lesson([*early[:2], swinging("resnet56", 2.4, 0.5)]))
    assert "is about plain56's at this step" in alike


def test_depth_is_judged_after_a_whole_window_only() -> None:
    for step, said in ((compute.WINDOW - 1, False), (compute.WINDOW, True)):
        lanes = [swinging("plain20", 1.4, 0.1, step), swinging("plain56", 1.9, 0.11, step)]
        words = " ".join(compute.lesson(lanes))
        assert ("degradation" in words) is said
        assert ("falls more slowly so far" in words) is not said


def test_plain_networks_that_swing_are_not_called_close() -> None:
    words = " ".join(compute.lesson([swinging("plain20", 1.4, 0.1), swinging("plain56", 1.9, 2.0)]))
    assert "plain56 still swings too much to be compared with plain20's." in words
    assert "too close" not in words


# -- what is asked for ----------------------------------------------------------------------------------------------


def test_all_lanes_get_the_same_recipe() -> None:
    configs = compute.configs_of(Choice(pictures=400, learning_rate=0.05, seed=7))
    assert [config.model for config in configs] == list(THREE)
    first = configs[0]
    assert (first.pictures, first.validation, first.seed, first.warm_up) == (400, 40, 7, 0)
    alike = {config.to_json().replace(config.model, "") for config in configs}
    assert len(alike) == 1


def test_start_asks_for_what_is_chosen(show_view: ShowView, state: AppState, qtbot: QtBot) -> None:
    view = show_view(RaceView, 1100, 800)
    assert isinstance(view, RaceView)
    assert view.title.text().startswith(EMPTY)
    view.setup.show_choice(Choice(("lenet5", "plain20"), pictures=200, epochs=3))
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    with qtbot.waitSignal(state.race.start_requested) as asked:
        QTest.keyClick(view.gradients, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (configs,) = asked.args
    assert [config.model for config in configs] == ["lenet5", "plain20"]
    assert {config.pictures for config in configs} == {200}


def test_what_cannot_race_is_said(show_view: ShowView, state: AppState) -> None:
    view = show_view(RaceView, 1100, 800)
    assert isinstance(view, RaceView)
    view.setup.show_choice(Choice(("lenet5", "lenet5")))
    assert not view.start.isEnabled()
    assert "two different networks" in view.setup.problem.text()
    view.setup.show_choice(Choice(data="folder"))
    assert "needs a folder" in view.setup.problem.text()
    view.setup.show_choice(Choice(data="folder", folder="/somewhere"))
    assert view.start.isEnabled()
    assert not view.setup.problem.isVisible()
    state.training.set_progress(Progress("running", Path("a")))
    assert not view.start.isEnabled()
    assert "under Train" in view.title.text()
    state.training.set_progress(Progress("finished", Path("a")))
    assert view.start.isEnabled()


def test_choices_come_back(show_view: ShowView, tmp_path: Path) -> None:
    view = show_view(RaceView, 1100, 800)
    chosen = Choice(("resnet20", "lenet5"), "cifar10", "/pictures", 5000, 64, 0.003, 9, 4)
    assert isinstance(view, RaceView)
    view.setup.show_choice(chosen)
    settings = Settings(tmp_path / "a.ini")
    view.remember(settings)
    view.setup.show_choice(Choice())
    view.recall(settings)
    assert view.setup.choice == chosen
    settings.put("race/networks", "gone,lenet5")
    settings.put("race/data", "gone")
    view.recall(settings)
    assert view.setup.choice.networks == THREE
    assert view.setup.choice.data == "starter"


# -- what is seen ---------------------------------------------------------------------------------------------------


def test_a_race_is_shown_as_it_goes(show_view: ShowView, state: AppState, qtbot: QtBot) -> None:
    view = show_view(RaceView, 1100, 800)
    assert isinstance(view, RaceView)
    state.race.set_progress(RaceProgress("preparing"))
    assert view.bar.maximum() == 0
    assert not view.setup.isEnabled()
    assert not view.pause.isEnabled()
    falling = np.linspace(2.3, 1.0, 12)
    lanes = [lane("plain20", falling), lane("plain56", falling + 0.5, (900.0, 1.0)), lane("resnet56", falling + 0.1)]
    state.race.set_progress(progress("running", *lanes))
    assert [line.title for line in view.loss.named] == ["Plain-20", "Plain-56", "ResNet-56"]
    assert len({line.colour for line in view.loss.named}) == len({line.dash for line in view.loss.named}) == 3
    assert (view.bar.value(), view.bar.maximum()) == (12, 64)
    assert "no overfitting" in view.words.text()
    assert [column.standing.name for column in view.gradients.columns] == list(THREE)
    assert view.gradients.columns[0].size == "12,345 parameters"
    assert view.gradients.columns[0].facts == "step 12 · loss 1.00"
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    with qtbot.waitSignal(state.race.pause_requested) as asked:
        QTest.keyClick(view.gradients, Qt.Key.Key_Space)
    assert asked.args == [True]
    state.race.set_progress(progress("paused", *lanes))
    with qtbot.waitSignal(state.race.pause_requested) as asked:
        view.pause.click()
    assert asked.args == [False]
    view.stop.setFocus()
    with qtbot.waitSignal(state.race.stop_requested):
        QTest.keyClick(view.stop, Qt.Key.Key_Space)  # presses what has the focus, and pauses nothing
    state.race.set_progress(progress("finished", *lanes))
    assert view.start.isEnabled()
    assert "under Train, Runs" in view.title.text()


@pytest.mark.parametrize("width", [800, 1100, 1700])
def test_the_buttons_stay_where_they_are_when_a_race_starts(
    show_view: ShowView, state: AppState, qapp: QApplication, width: int
) -> None:
    view = show_view(RaceView, width, 800)
    assert isinstance(view, RaceView)
    qapp.processEvents()
    places = [view.start.mapTo(view, QPoint(0, 0)).y()]
    for stage in ("preparing", "running", "paused", "stopping", "finished"):
        state.race.set_progress(progress(stage, *(lane(name, [2.0] * 12) for name in THREE)))
        qapp.processEvents()
        assert view.title.text() != EMPTY
        places.append(view.start.mapTo(view, QPoint(0, 0)).y())
    assert len(set(places)) == 1, places


def test_curves_follow_when_they_grow(show_view: ShowView, state: AppState, qtbot: QtBot) -> None:
    view = show_view(RaceView, 1100, 800)
    assert isinstance(view, RaceView)
    state.race.set_progress(progress("running", lane("plain20", [2.0]), lane("plain56", [2.0])))
    state.race.set_progress(progress("running", lane("plain20", [2.0, 1.0]), lane("plain56", [2.0, 1.5])))
    qtbot.waitUntil(lambda: len(view.loss.named[0].series) == 2)
    view.hide()
    state.race.set_progress(progress("running", lane("plain20", [2.0] * 5), lane("plain56", [2.0] * 5)))
    view.show()
    qtbot.waitUntil(lambda: len(view.loss.named[0].series) == 5)


def test_names_stand_at_the_ends_and_do_not_cover_each_other(show_view: ShowView, state: AppState) -> None:
    view = show_view(RaceView, 1100, 800)
    assert isinstance(view, RaceView)
    state.race.set_progress(progress("running", *(lane(name, [2.0, 1.0]) for name in THREE)))
    size = view.loss.size()
    frame = view.loss._arranged(size)
    found = view.loss.names(frame, size)
    rects = [rect for _, _, rect in found]
    assert all(a.bottom() < b.top() for a, b in pairwise(rects))
    assert all(rect.left() > frame.plot.right() and rect.right() <= size.width() for rect in rects)
    state.race.set_progress(progress("finished", lane("plain20", [2.0, 1.0]), lane("plain56", [2.0, 1.9])))
    places = {line.title: end.y() for line, end, _ in view.loss.names(view.loss._arranged(size), size)}
    assert places["Plain-56"] < places["Plain-20"]  # higher up: its loss is higher


def test_gradients_of_all_lanes_have_one_scale(show_view: ShowView, state: AppState) -> None:
    view = show_view(RaceView, 1100, 800)
    assert isinstance(view, RaceView)
    assert view.gradients.accessibleDescription() == NOTHING
    lanes = [lane("plain20", [2.0], (1.0, 0.1, 0.0)), lane("plain56", [2.0], (1000.0, 1.0, math.nan))]
    state.race.set_progress(progress("running", *lanes))
    bars, size = view.gradients, QSize(900, 300)
    assert (bars.axis.low, bars.axis.high) == (pytest.approx(0.1), pytest.approx(1000))
    high = [[bars.bar_rect(at, layer, size).height() for layer in range(3)] for at in (0, 1)]
    whole = bars.plot_rect(0, size).height()
    assert high[0] == pytest.approx([whole / 4, 0, 0])
    assert high[1] == pytest.approx([whole, whole / 4, whole])  # what is no number stands out
    assert bars.bar_rect(0, 0, size).left() < bars.bar_rect(0, 1, size).left() < bars.bar_rect(1, 0, size).left()
    image = bars.to_image(1.0)
    middle = bars.bar_rect(1, 2, bars.size()).center().toPoint()
    assert image.pixelColor(middle) == theme.current().color("bad")


def test_a_layer_says_its_number_by_pointer_and_keys(show_view: ShowView, state: AppState) -> None:
    view = show_view(RaceView, 1100, 800)
    assert isinstance(view, RaceView)
    state.race.set_progress(progress("running", lane("plain20", [2.0], (1.0, 0.125)), lane("plain56", [2.0])))
    bars = view.gradients
    assert bars.pointed_words() == ""
    middle = bars.bar_rect(0, 1, bars.size()).center()
    bars.point(bars.layer_at(QPointF(middle.x(), bars.plot_rect(0, bars.size()).center().y())))
    assert bars.pointed_words() == "Plain-20, layer 2 of 2, conv2: length of the gradient 0.1250"
    QTest.keyClick(bars, Qt.Key.Key_Right)
    assert bars.pointed_words().startswith("Plain-56, layer 1 of 2")
    QTest.keyClick(bars, Qt.Key.Key_Left)
    assert "0.1250" in bars.pointed_words()
    state.race.set_progress(progress("preparing"))
    assert bars.pointed_words() == ""


def test_a_lane_that_has_ended_says_so(show_view: ShowView, state: AppState, qapp: QApplication) -> None:
    view = show_view(RaceView, 1100, 800)
    assert isinstance(view, RaceView)
    over = lane("plain56", [2.0] * 3, sentence="The loss is no longer a number (epoch 1, step 4).")
    state.race.set_progress(progress("running", lane("plain20", [2.0] * 9), over))
    assert "Plain-56 has ended: The loss is no longer a number" in view.words.text()
    assert view.bar.value() == 9
    view.grab()


def test_speed_counts_a_picture_through_all_networks() -> None:
    words = speed_of(progress("running", lane("plain20", [2.0] * 4), lane("plain56", [2.0] * 4)))
    assert words == "50 images/s through all, 38 s left"  # 60 steps of 32 pictures


@pytest.mark.parametrize("size", [(760, 600), (1700, 950)])
def test_everything_fits(show_view: ShowView, state: AppState, size: tuple[int, int]) -> None:
    view = show_view(RaceView, *size)
    assert isinstance(view, RaceView)
    state.race.set_progress(progress("running", *(lane(name, [2.0] * 12, (900.0, 0.5)) for name in THREE)))
    QApplication.processEvents()
    assert (view.width(), view.height()) == size
    for part in (view.start, view.stop, view.loss, view.accuracy, view.gradients):
        assert view.rect().contains(part.rect().translated(part.mapTo(view, QPoint(0, 0))))


def test_sentences_have_lines_of_their_own_where_there_is_room(show_view: ShowView, state: AppState) -> None:
    view = show_view(RaceView, 1000, 800)
    assert isinstance(view, RaceView)
    state.race.set_progress(progress("finished", *(lane(name, [2.0] * 12) for name in THREE)))
    assert view.words.text()
    assert "\n" not in view.words.text()
    view.resize(1700, 900)
    assert view.words.text().count("\n") >= 3


def test_after_start_space_presses_no_other_button(show_view: ShowView, state: AppState, qtbot: QtBot) -> None:
    view = show_view(RaceView, 1100, 800)
    assert isinstance(view, RaceView)
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    state.race.start_requested.connect(lambda configs: state.race.set_progress(progress("running")))
    view.start.setFocus()
    view.start.click()
    with qtbot.waitSignal(state.race.pause_requested):
        QTest.keyClick(view.window().focusWidget(), Qt.Key.Key_Space)


def test_nothing_is_cut_with_large_text_in_a_small_window(
    show_view: ShowView, state: AppState, qapp: QApplication, qtbot: QtBot
) -> None:
    view = show_view(RaceView, 900, 560)
    assert isinstance(view, RaceView)
    falling = np.linspace(2.3, 1.0, 12)
    lanes = [lane("plain20", falling), lane("plain56", falling + 0.5, (900.0, 1.0)), lane("resnet56", falling + 0.1)]
    state.race.set_progress(progress("running", *lanes))
    assert view.facts.text().endswith("left")
    try:
        theme.apply(qapp, "light", 1.5)
        seen = view.setup.parentWidget()
        assert seen is not None
        qtbot.waitUntil(lambda: seen.width() >= view.setup.minimumSizeHint().width())
        assert view.setup.lanes[0].geometry().right() < seen.width()
        assert view.bar.width() > view.bar.fontMetrics().horizontalAdvance(view.bar.format())
        plot = view.gradients.plot_rect(0, view.gradients.size())
        assert plot.height() > 3 * view.gradients.fontMetrics().height()  # the page is scrolled instead
        room = view.accuracy.names_px(view.accuracy.width())
        assert room > QFontMetrics(theme.font(0.9, bold=True)).horizontalAdvance("ResNet-56")
    finally:
        theme.apply(qapp, "light")
