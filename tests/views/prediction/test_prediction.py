"""The prediction: ranking, words, and what is said when there is nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import FloatArray, Inspection
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.prediction import compute
from cnnviz.views.prediction.widget import (
    LOADING,
    NO_CLASSES,
    NO_NETWORK,
    NO_PHOTO,
    NOTHING,
    RANDOM,
    PredictionView,
)
from cnnviz.widgets import theme
from tests.samples import sample_inspection, sample_model

MODEL = sample_model()
PAPER: FloatArray = np.zeros((28, 28), np.float32)


@pytest.fixture
def view(show_view: Callable[..., PredictionView]) -> PredictionView:
    return show_view(PredictionView, 300, 500)


def answer(state: AppState, label: str | None = None, seed: int = 0) -> Inspection:
    """Give the state a picture and the network's answer to it."""
    state.set_model(MODEL)
    current = state.set_input(PAPER, blank=False, label=label)
    inspection = sample_inspection(MODEL, seed=seed, generation=current.generation)
    state.set_inspection(inspection)
    return inspection


def keys(view: PredictionView) -> list[int]:
    return [bar.key for bar in view.bars._bars]


@pytest.mark.parametrize(
    ("probability", "text"),
    [(1.0, "> 99.9 %"), (0.9994, "99.9 %"), (0.5, "50.0 %"), (0.0006, "0.1 %"), (0.0, "< 0.1 %")],
)
def test_rounding_claims_neither_certainty_nor_impossibility(probability: float, text: str) -> None:
    assert compute.percent(probability) == text


def test_classes_are_ranked_with_their_own_numbers(view: PredictionView, state: AppState) -> None:
    inspection = answer(state)
    order = np.argsort(-inspection.logits, kind="stable").tolist()
    assert keys(view) == order
    for bar in view.bars._bars:
        assert bar.label == str(bar.key)
        assert bar.share == float(inspection.probabilities[bar.key])
        assert bar.text == compute.percent(float(inspection.probabilities[bar.key]))
        assert bar.detail == f"{inspection.logits[bar.key]:.2f}".replace("-", "−")
    assert view._best.accessibleName() == f"Most probable class: {order[0]}"
    assert view.bars.accessibleDescription().startswith(f"{order[0]}: ")


def test_nothing_drawn_predicts_nothing(view: PredictionView, state: AppState) -> None:
    assert view.bars.accessibleDescription() == NOTHING
    answer(state)
    state.set_input(PAPER, blank=True)
    assert keys(view) == []
    assert view.bars.accessibleDescription() == NOTHING
    assert view._best.accessibleName() == "Most probable class: –"
    state.set_inspection(sample_inspection(MODEL, generation=2))  # what the network makes of paper is no answer
    assert keys(view) == []


def test_without_a_network_it_says_that_one_is_coming(view: PredictionView, state: AppState) -> None:
    state.set_input(PAPER, blank=False)
    state.set_loading(True)
    assert view.bars.accessibleDescription() == LOADING
    state.set_loading(False)
    assert view.bars.accessibleDescription() == NO_NETWORK
    state.set_loading(True)
    assert view.bars.accessibleDescription() == LOADING


def test_the_true_label_is_right_or_wrong_in_words_and_colour(view: PredictionView, state: AppState) -> None:
    inspection = answer(state)
    best = str(inspection.ranking()[0])
    other = str(inspection.ranking()[1])
    colour = QPalette.ColorRole.WindowText
    assert "right" not in view._words.text()
    answer(state, label=best)
    assert view._words.text().endswith("sure, right")
    assert view._words.palette().color(colour) == theme.current().color("good")
    answer(state, label=other)
    assert view._words.text().endswith(f"sure, wrong: it is a {other}")
    assert view._words.palette().color(colour) == theme.current().color("bad")
    assert view.bars._marked == int(other)


def test_an_answer_that_falls_behind_is_dimmed_until_the_next(
    view: PredictionView, state: AppState, qtbot: QtBot
) -> None:
    answer(state)
    usual = view.bars.grab().toImage()
    for _ in range(100):
        current = state.set_input(PAPER, blank=False)
    assert "updating" not in view._words.text()  # the pen moves, and answers follow
    with qtbot.waitSignal(state.late_changed):
        pass
    assert view.bars.grab().toImage() != usual
    assert view._words.text().endswith("updating")
    state.set_inspection(sample_inspection(MODEL, generation=current.generation))
    assert view.bars.grab().toImage() == usual
    assert "updating" not in view._words.text()


def test_choosing_a_class_chooses_its_element_everywhere(view: PredictionView, state: AppState) -> None:
    inspection = answer(state)
    QTest.keyClick(view.bars, Qt.Key.Key_Down)
    best, second = inspection.ranking()[:2]
    assert state.selection == Place("fc3", best, softmax=True)
    exact = f"{best}: probability {inspection.probabilities[best]:.6g}, logit {inspection.logits[best]:.4f}"
    assert view._exact.text() == exact.replace("-", "−")
    state.select(Place("fc3", second))
    assert view.bars.in_focus == second
    assert view._exact.text().startswith(f"{second}: ")
    state.select(Place("conv1", second))
    assert view.bars.in_focus is None
    assert view._exact.text() == ""


def test_pointing_at_a_class_says_its_exact_numbers_live(view: PredictionView, state: AppState) -> None:
    answer(state)
    where, none = QPointF(view.bars.row_rect(keys(view)[2]).center()), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, where, where, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view.bars, event)
    assert view._exact.text().startswith(f"{keys(view)[2]}: ")
    inspection = answer(state, seed=4)
    third = inspection.ranking()[2]
    exact = f"{third}: probability {inspection.probabilities[third]:.6g}, logit {inspection.logits[third]:.4f}"
    assert view._exact.text() == exact.replace("-", "−")
    state.set_input(PAPER, blank=True)
    assert view._exact.text() == ""


def test_by_class_keeps_every_class_in_its_place_and_is_remembered(
    qtbot: QtBot, view: PredictionView, state: AppState, tmp_path: Path
) -> None:
    inspection = answer(state)
    box = view.findChild(QCheckBox)
    assert box is not None
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert keys(view) == list(range(10))
    assert view._best.accessibleName() == f"Most probable class: {inspection.ranking()[0]}"
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = PredictionView(AppState(), MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    again = other.findChild(QCheckBox)
    assert again is not None
    assert again.isChecked()


MANY = replace(
    MODEL,
    labels=tuple(f"a class with a long name, {n}" for n in range(1000)),
    preparation="photo",
    is_random=True,
    weights_note="random weights",
)


def answer_of_many(state: AppState) -> Inspection:
    state.set_model(MANY)
    current = state.set_input(PAPER, blank=False, label="3")
    logits = np.random.default_rng(1).normal(0, 2, 1000).astype(np.float32)
    probabilities = (np.exp(logits) / np.exp(logits).sum()).astype(np.float32)
    made = replace(sample_inspection(MANY), generation=current.generation, logits=logits, probabilities=probabilities)
    state.set_inspection(made)
    return made


def test_of_a_thousand_classes_the_best_five_are_shown_in_their_order(view: PredictionView, state: AppState) -> None:
    inspection = answer_of_many(state)
    assert keys(view) == list(inspection.ranking()[:5])
    assert [bar.label for bar in view.bars._bars[:2]] == [
        f"{rank}. a class with a long name, {index}" for rank, index in enumerate(inspection.ranking()[:2], 1)
    ]
    assert view.bars._foot == "the best 5 of 1,000 classes"
    box = view.findChild(QCheckBox)
    assert box is not None
    assert not box.isVisible()
    box.setChecked(True)  # remembered from a network with ten
    assert keys(view) == list(inspection.ranking()[:5])
    last = inspection.ranking()[-1]  # any class has its exact numbers, shown or not
    view._show_exact(last)
    assert view._exact.text().startswith(f"{MANY.labels[last]}: ")
    assert view._exact.text().endswith("rank 1,000")
    state.set_model(MODEL)
    assert box.isVisible()
    assert not view.top.isVisible()
    assert not view.search.isVisible()


def test_ten_or_twenty_can_be_shown_and_are_remembered(
    view: PredictionView, state: AppState, qtbot: QtBot, tmp_path: Path
) -> None:
    inspection = answer_of_many(state)
    view.top.setCurrentIndex(2)
    view.top.activated.emit(2)
    assert keys(view) == list(inspection.ranking()[:20])
    view.bars.pin_wanted.emit(inspection.ranking()[99])
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = PredictionView(state, MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    other.show()
    assert keys(other) == [*inspection.ranking()[:20], inspection.ranking()[99]]
    settings.put("prediction/top", 7)
    other.recall(settings)
    assert other.top.currentData() == 5


def test_the_whole_name_and_all_numbers_are_in_the_tool_tip(view: PredictionView, state: AppState) -> None:
    inspection = answer_of_many(state)
    third = inspection.ranking()[2]
    assert view.bars._bars[2].tip == (
        f"{MANY.labels[third]}: probability {inspection.probabilities[third]:.6g}, "
        f"logit {inspection.logits[third]:.4f}, rank 3\n{RANDOM}"
    )


def test_a_class_is_found_by_a_part_of_its_name(view: PredictionView, state: AppState) -> None:
    inspection = answer_of_many(state)
    view.search.setText("NAME, 77")
    wanted = [index for index in inspection.ranking() if ", 77" in MANY.labels[index]]
    assert len(wanted) == 11  # 77 and 770 to 779
    assert keys(view) == wanted[:5]
    rank = inspection.ranking().index(wanted[0]) + 1
    assert view.bars._bars[0].label == f"{rank:,}. {MANY.labels[wanted[0]]}"
    assert view.bars._foot == "the best 5 of 11 found in 1,000 classes"
    assert view._best.accessibleName().endswith(MANY.labels[inspection.ranking()[0]])  # the answer stays
    view.search.setText("zebra")
    assert keys(view) == []
    assert view.bars.accessibleDescription() == "No class is called 'zebra'."
    view.search.setFocus()
    QTest.keyClick(view.search, Qt.Key.Key_Escape)
    assert view.search.text() == ""
    assert keys(view) == list(inspection.ranking()[:5])


def test_words_that_begin_so_are_found_first() -> None:
    labels = ("wildcat", "tiger cat", "catamaran", *(f"thing {n}" for n in range(30)))
    logits = np.array([9, 1, 2, *range(-30, 0)], np.float32)
    inspection = replace(sample_inspection(MODEL), logits=logits, probabilities=logits)
    found = compute.leaders(inspection, labels, 5, search="cat")
    assert [a.label for a in found.rows] == ["catamaran", "tiger cat", "wildcat"]
    assert [a.rank for a in found.rows] == [2, 3, 1]
    assert found.best.label == "wildcat"


def test_pinned_classes_stay_in_the_list(view: PredictionView, state: AppState) -> None:
    inspection = answer_of_many(state)
    far = inspection.ranking()[500]
    view.search.setText(MANY.labels[far])
    QTest.keyClick(view.search, Qt.Key.Key_Return)
    assert view.search.text() == ""
    assert keys(view) == [*inspection.ranking()[:5], far]
    assert view.bars._bars[-1].label.startswith("501. ")
    assert view.bars._foot == "the best 5 of 1,000 classes, and 1 pinned"
    first = inspection.ranking()[0]
    view.bars.choose(first)
    QTest.keyClick(view.bars, Qt.Key.Key_P)
    assert keys(view) == [*inspection.ranking()[:5], far]  # among the best it is there once
    assert view.bars._pinned == {first, far}
    view.search.setText("zebra")
    assert keys(view) == [first, far]
    view.search.clear()
    menu = view.bars.menu_for(far)
    assert menu.actions()[0].text() == "Un&pin"
    menu.actions()[0].trigger()
    menu.deleteLater()
    assert keys(view) == list(inspection.ranking()[:5])


def test_a_click_on_one_of_many_chooses_its_unit(view: PredictionView, state: AppState) -> None:
    inspection = answer_of_many(state)
    second = inspection.ranking()[1]
    QTest.mouseClick(view.bars, Qt.MouseButton.LeftButton, pos=view.bars.row_rect(second).center())
    assert state.selection == Place(MANY.graph.output.name, second, softmax=True)


def test_a_network_without_classes_says_so(view: PredictionView, state: AppState) -> None:
    state.set_model(replace(MANY, labels=()))
    current = state.set_input(PAPER, blank=False)
    state.set_inspection(replace(sample_inspection(MANY), generation=current.generation))
    assert view.bars.accessibleDescription() == NO_CLASSES


def test_random_weights_are_named_and_judged_neither_right_nor_wrong(view: PredictionView, state: AppState) -> None:
    answer_of_many(state)
    assert view._words.text() == RANDOM
    assert "random" in view.bars.accessibleDescription()
    assert view._words.palette().color(QPalette.ColorRole.WindowText) == theme.current().color("text")


def test_a_network_without_a_class_is_not_wrong_about_it(view: PredictionView, state: AppState) -> None:
    answer(state, label="tabby")
    assert view._words.text().endswith("sure")
    assert view.bars._marked is None


def test_a_long_name_fits_its_line(view: PredictionView, state: AppState) -> None:
    view._best.setText("7")
    short = view._best.grab().toImage()
    view._best.setText("Greater Swiss Mountain dog, and a name too long for any line")
    long = view._best.grab().toImage()
    assert long.size() == short.size()
    paper = long.pixelColor(long.width() - 1, 0)
    assert all(long.pixelColor(long.width() - 1, y) == paper for y in range(long.height()))


def test_without_a_picture_a_network_for_photographs_asks_for_one(view: PredictionView, state: AppState) -> None:
    state.set_model(MANY)
    state.set_input(PAPER, blank=True)
    assert view.bars.accessibleDescription() == NO_PHOTO


def test_equal_logits_keep_the_lower_class_first(view: PredictionView, state: AppState) -> None:
    inspection = answer(state)
    even = replace(
        inspection,
        generation=inspection.generation + 1,
        logits=np.zeros(10, np.float32),
        probabilities=np.full(10, 0.1, np.float32),
    )
    state.set_inspection(even)
    assert keys(view) == list(range(10))
    assert view._best.accessibleName() == "Most probable class: 0"
