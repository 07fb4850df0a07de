"""The page of compared networks: choosing, wishing, rows as they come, copying, what belongs to which picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTreeWidgetItem
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import ModelRequest
from cnnviz.models.comparing import Class, Compared, Question
from cnnviz.state.app_state import AppState, Comparison
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.networks import compute
from cnnviz.views.networks.answer import RANDOM
from cnnviz.views.networks.choosing import MOST
from cnnviz.views.networks.widget import NO_PICTURE, NetworksView
from cnnviz.widgets import theme
from tests.samples import sample_model
from tests.views.networks.test_networks_compute import RESNET, VGG

PAPER = np.zeros((28, 28), np.float32)
TOP = (Class(281, "tabby", 0.75, 9.5), Class(285, "Egyptian cat", 0.2, 8.0))
FIRST = replace(VGG, top=TOP, weights_note="torchvision's published weights")
SECOND = replace(RESNET, origin="random", weights_note="random weights", top=TOP)
BAD = Compared(ModelRequest("lenet1"), "LeNet-1", error="LeNet-1 could not be run: it is broken")


@pytest.fixture
def view(show_view: Callable[..., NetworksView]) -> NetworksView:
    return show_view(NetworksView, 1200, 800)


def picture(state: AppState) -> int:
    return state.set_input(PAPER, blank=False, title="cat <1>.jpg").generation


def question(count: int = 3) -> Question:
    return Question((FIRST.request, SECOND.request, BAD.request)[:count], PAPER, None, "cat <1>.jpg")


def item_of(view: NetworksView, name: str) -> QTreeWidgetItem:
    for g in range(view.chooser.networks.topLevelItemCount()):
        group = view.chooser.networks.topLevelItem(g)
        assert group is not None
        for n in range(group.childCount()):
            if group.child(n).data(0, Qt.ItemDataRole.UserRole) == name:
                return group.child(n)
    raise AssertionError(name)


def test_without_a_picture_nothing_can_be_compared(view: NetworksView, state: AppState) -> None:
    assert view.count.text() == NO_PICTURE
    assert not view.run.isEnabled()
    picture(state)
    assert view.run.isEnabled()
    assert view.count.text() == "2 networks chosen"
    state.set_input(PAPER, blank=True)
    assert not view.run.isEnabled()


def test_it_begins_with_the_lecture_s_pair_and_asks_for_it(view: NetworksView, state: AppState) -> None:
    photo = np.zeros((9, 9, 3), np.uint8)
    state.set_input(PAPER, blank=False, title="a.jpg", photo=photo)
    wishes: list[Question] = []
    state.comparison_requested.connect(wishes.append)
    QTest.mouseClick(view.run, Qt.MouseButton.LeftButton)
    assert [model.name for model in wishes[0].models] == ["vgg19", "resnet50"]
    assert wishes[0].photo is photo
    assert wishes[0].image_hw is PAPER
    assert wishes[0].title == "a.jpg"


def test_networks_are_ticked_one_by_one_or_by_a_preset(view: NetworksView, state: AppState) -> None:
    item_of(view, "alexnet").setCheckState(0, Qt.CheckState.Checked)
    assert view.chooser.chosen == ("vgg19", "resnet50", "alexnet")
    assert view.chooser.presets.currentIndex() == 0
    item_of(view, "vgg19").setCheckState(0, Qt.CheckState.Unchecked)
    assert view.chooser.chosen == ("resnet50", "alexnet")
    view.chooser.presets.setCurrentIndex(2)
    view.chooser.presets.activated.emit(2)
    assert view.chooser.chosen == ("lenet5", "lenet1")
    assert item_of(view, "lenet5").checkState(0) == Qt.CheckState.Checked
    view.chooser.search.setText("densenet")
    assert view.chooser.networks.topLevelItemCount() == 1
    item_of(view, "densenet121").setCheckState(0, Qt.CheckState.Checked)
    assert view.chooser.chosen == ("lenet5", "lenet1", "densenet121")  # those that are out of sight stay


def test_no_more_than_it_can_show_are_ticked(view: NetworksView) -> None:
    names = [spec.name for _, specs in compute.families() for spec in specs]
    view.chooser.choose(tuple(names))
    assert len(view.chooser.chosen) == MOST
    item_of(view, names[MOST]).setCheckState(0, Qt.CheckState.Checked)
    assert len(view.chooser.chosen) == MOST
    assert item_of(view, names[MOST]).checkState(0) == Qt.CheckState.Unchecked


def test_the_loaded_network_is_marked(view: NetworksView, state: AppState) -> None:
    state.set_model(sample_model())
    assert item_of(view, "lenet5").text(0) == "LeNet-5 (loaded)"


def test_rows_appear_as_they_come(view: NetworksView, state: AppState) -> None:
    generation = picture(state)
    asked = question()
    state.set_comparison(Comparison(asked, generation, (), "VGG-19"))
    assert view.progress.isVisible()
    assert view.progress.format() == "VGG-19: %v of %m networks done"
    assert view.cancel.isEnabled()
    assert not view.run.isEnabled()
    assert not view.copy_csv.isEnabled()
    state.set_comparison(Comparison(asked, generation, (FIRST,), "ResNet-50"))
    assert view.table.rowCount() == 1
    first = view._answers[0]
    state.set_comparison(Comparison(asked, generation, (FIRST, SECOND, BAD)))
    assert view._answers[0] is first  # what is there is not built again
    assert view.table.rowCount() == 3
    assert [view.table.item(0, n).text() for n in (0, 1, 4, 8)] == ["VGG-19", "143,667,240", "400 ms", "72.4 %"]
    assert view.table.item(2, 10).text() == BAD.error
    assert not view.progress.isVisible()
    assert not view.cancel.isEnabled()
    assert "cat &lt;1&gt;.jpg" in view.title.text()  # no markup
    assert [point.row.title for point in view.chart._chart.points] == ["VGG-19", "ResNet-50"]
    other = question(1)
    state.set_comparison(Comparison(other, generation, (), "VGG-19"))
    assert view.table.rowCount() == 0


def test_answers_stand_beside_one_another_and_random_ones_are_grey(view: NetworksView, state: AppState) -> None:
    state.set_comparison(Comparison(question(), picture(state), (FIRST, SECOND, BAD)))
    trained, random, failed = view._answers
    assert trained.bars.accessibleDescription() == "tabby: 75.0 %; Egyptian cat: 20.0 %"
    assert random._note(SECOND) == RANDOM
    assert failed.bars.accessibleDescription() == BAD.error
    QApplication.processEvents()

    def accent(bars: object) -> int:
        image = trained.bars.grab().toImage() if bars is trained else random.bars.grab().toImage()
        colour = theme.current().color("accent").rgb()
        return sum(image.pixel(x, y) == colour for x in range(10, image.width(), 3) for y in range(image.height()))

    assert accent(trained) > 0
    assert accent(random) == 0


def test_a_comparison_of_two_says_what_stands_out(view: NetworksView, state: AppState) -> None:
    state.set_comparison(Comparison(question(2), picture(state), (FIRST, RESNET)))
    assert "VGG-19 has 5.6 × the parameters" in view.words.text()
    assert view.words.text().startswith("Times: median of 1 forward passes")


def test_another_picture_makes_it_old_and_says_so(view: NetworksView, state: AppState) -> None:
    state.set_comparison(Comparison(question(2), picture(state), (FIRST, SECOND)))
    assert "changed" not in view.title.text()
    picture(state)
    assert "The picture has changed since then" in view.title.text()


def test_giving_up_is_a_wish_and_is_said(view: NetworksView, state: AppState) -> None:
    wishes: list[int] = []
    state.comparison_cancelled.connect(lambda: wishes.append(1))
    generation = picture(state)
    state.set_comparison(Comparison(question(), generation, (FIRST,), "ResNet-50"))
    QTest.mouseClick(view.cancel, Qt.MouseButton.LeftButton)
    assert wishes == [1]
    state.set_comparison(Comparison(question(), generation, (FIRST,), None, cancelled=True))
    assert "given up after 1 of 3 networks" in view.title.text()


def test_numbers_are_copied(view: NetworksView, state: AppState) -> None:
    state.set_comparison(Comparison(question(), picture(state), (FIRST, SECOND, BAD)))
    QTest.mouseClick(view.copy_csv, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().splitlines()[1].startswith("vgg19,VGG-19,,143667240,19632062464,")
    QTest.mouseClick(view.copy_table, Qt.MouseButton.LeftButton)
    assert "Egyptian cat" in QGuiApplication.clipboard().text()


def test_discs_are_pointed_at_and_rows_chosen(view: NetworksView, state: AppState) -> None:
    state.set_comparison(Comparison(question(2), picture(state), (FIRST, RESNET)))
    chart = view.chart
    titles: list[str] = []
    chart.pointed.connect(titles.append)
    place = chart.place_of(chart._chart.points[1], chart.size()).toPoint()
    found = chart.point_at(QPointF(place))
    assert found is not None
    assert found.row.title == "ResNet-50"
    assert chart.point_at(QPointF(QPoint(1, 1))) is None
    before = chart.grab().toImage()
    view.table.setCurrentCell(1, 0)
    assert chart.grab().toImage() != before
    view.up.setCurrentIndex(2)
    view.up.activated.emit(2)
    assert "time here 400 ms" in chart.accessibleDescription()


def test_a_row_opens_its_network(view: NetworksView, state: AppState) -> None:
    wishes: list[ModelRequest] = []
    state.model_requested.connect(wishes.append)
    state.set_comparison(Comparison(question(), picture(state), (FIRST, SECOND, BAD)))
    view.table.setCurrentCell(1, 0)
    view.table.activated.emit(view.table.currentIndex())
    view.table.setCurrentCell(2, 0)
    view.table.activated.emit(view.table.currentIndex())  # one that failed is not opened
    assert [wish.name for wish in wishes] == ["resnet50"]


def test_another_look_draws_the_same_again(view: NetworksView, state: AppState, qapp: QApplication) -> None:
    state.set_comparison(Comparison(question(), picture(state), (FIRST, SECOND, BAD)))
    theme.apply(qapp, "dark")
    assert view.table.rowCount() == 3
    assert len(view._answers) == 3


def test_what_is_ticked_is_remembered(view: NetworksView, qtbot: QtBot, tmp_path: Path) -> None:
    view.chooser.choose(("lenet5", "lenet1"))
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = NetworksView(AppState(), MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    assert other.chooser.chosen == ("lenet5", "lenet1")
    assert other.chooser.presets.currentText() == "LeNet-5 beside LeNet-1"
    settings.put("networks/chosen", "gone,resnet18")
    other.recall(settings)
    assert other.chooser.chosen == ("resnet18",)
    settings.put("networks/chosen", "gone")
    other.recall(settings)
    assert other.chooser.chosen == ("resnet18",)  # nothing to bring back
