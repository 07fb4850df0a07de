"""The freeze line: boxes of layers, and a line that is moved by keys and by the pointer."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.training.layers_of import LayerInfo
from cnnviz.widgets import theme
from cnnviz.widgets.freeze_boxes import boxes_of, count_text, depth_for, short_words_of
from cnnviz.widgets.freeze_line import FreezeLine

SMALL = (
    LayerInfo("conv1", 100), LayerInfo("conv2", 200), LayerInfo("fc1", 600), LayerInfo("fc2", 100, True, True),
)  # fmt: skip
DEEP = (
    LayerInfo("conv1", 10),
    *(LayerInfo(f"layer{s}.{b}.conv{c}", 10) for s in (1, 2, 3, 4) for b in range(8) for c in (1, 2, 3)),
    LayerInfo("fc", 10, True),
)


@pytest.fixture
def line(qtbot: QtBot, qapp: QApplication) -> FreezeLine:
    theme.apply(qapp, "light")
    made = FreezeLine()
    qtbot.addWidget(made)
    made.resize(900, 140)
    made.show_layers(SMALL)
    made.show()
    return made


def heard(line: FreezeLine) -> list[str]:
    found: list[str] = []
    line.moved.connect(found.append)
    return found


def middle(line: FreezeLine, at: int) -> QPoint:
    return line.rect_of(at, line.size()).center()


def grip(line: FreezeLine, frozen: int) -> QPoint:
    return QPoint(round(line.x_of(frozen, line.size())), line.rect_of(0, line.size()).center().y())


def drag(qtbot: QtBot, line: FreezeLine, start: QPoint, *stops: QPoint) -> None:
    qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=start)
    for stop in stops:
        qtbot.mouseMove(line, stop)
    qtbot.mouseRelease(line, Qt.MouseButton.LeftButton, pos=stops[-1])


def test_it_says_how_many_numbers_learn(line: FreezeLine) -> None:
    assert line.learning == (1000, 1000)
    assert line.words == ("Nothing is frozen", "1,000 of 1,000 parameters learn (100 %)")
    line.show_line("conv2")
    assert line.learning == (700, 1000)
    assert line.words == ("Frozen: 2 of 4 layers, up to conv2", "700 of 1,000 parameters learn (70 %)")
    assert "700 of 1,000" in line.accessibleDescription()


def test_keys_move_it_between_layers_and_never_behind_the_last(qtbot: QtBot, line: FreezeLine) -> None:
    found = heard(line)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Right, Qt.Key.Key_Home,
                Qt.Key.Key_Left):  # fmt: skip
        qtbot.keyClick(line, key)
    assert found == ["conv1", "conv2", "conv1", "fc1", ""]
    assert line.path == ""


def test_it_is_dragged_and_snaps_and_speaks_once_when_it_is_let_go(qtbot: QtBot, line: FreezeLine) -> None:
    found = heard(line)
    end = grip(line, 2) + QPoint(11, 0)
    qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=grip(line, 0))
    for x in range(20, end.x(), 25):
        qtbot.mouseMove(line, QPoint(x, end.y()))
    qtbot.mouseMove(line, end)
    assert line.path == "conv2"
    assert found == []
    qtbot.mouseRelease(line, Qt.MouseButton.LeftButton, pos=end)
    assert found == ["conv2"]


def test_dragged_beyond_the_end_it_leaves_the_last_layer_free(qtbot: QtBot, line: FreezeLine) -> None:
    found = heard(line)
    drag(qtbot, line, grip(line, 0), QPoint(600, 80), QPoint(899, 80))
    assert found == ["fc1"]


def test_a_drag_back_to_its_place_and_one_ended_by_escape_change_nothing(qtbot: QtBot, line: FreezeLine) -> None:
    found = heard(line)
    drag(qtbot, line, grip(line, 0), grip(line, 2), grip(line, 0))
    qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=grip(line, 0))
    qtbot.mouseMove(line, grip(line, 2))
    assert line.path == "conv2"
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.path == ""
    qtbot.mouseRelease(line, Qt.MouseButton.LeftButton, pos=grip(line, 2))
    assert found == []


def test_the_state_does_not_pull_the_line_out_of_the_hand(qtbot: QtBot, line: FreezeLine) -> None:
    qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=grip(line, 0))
    qtbot.mouseMove(line, grip(line, 2))
    line.show_line("")
    assert line.path == "conv2"
    qtbot.mouseRelease(line, Qt.MouseButton.LeftButton, pos=grip(line, 2))
    line.show_line("conv1")
    assert line.path == "conv1"


def test_a_line_that_cannot_be_moved_is_only_looked_at(qtbot: QtBot, line: FreezeLine) -> None:
    found = heard(line)
    line.set_movable(False)
    qtbot.keyClick(line, Qt.Key.Key_Right)
    drag(qtbot, line, grip(line, 0), grip(line, 2))
    assert found == []
    assert line.path == ""


def test_showing_a_line_is_no_wish(line: FreezeLine) -> None:
    found = heard(line)
    line.show_line("fc1")
    line.show_layers(SMALL[:3])
    assert found == []
    assert line.path == "conv2", "the last layer learns"


def test_a_pressed_box_is_chosen_and_moves_nothing(qtbot: QtBot, line: FreezeLine) -> None:
    found, chosen = heard(line), []
    line.chosen.connect(chosen.append)
    qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=middle(line, 2))
    assert chosen == ["fc1"]
    assert found == []


def test_new_heads_and_frozen_layers_are_told_by_more_than_colour(line: FreezeLine) -> None:
    assert [box.mark for box in line.boxes] == ["", "", "", "new head"]
    before = line.grab().toImage()
    line.show_line("conv1")
    after, box = line.grab().toImage(), line.rect_of(0, line.size())
    changed = {
        (x, y) for x in range(box.left(), box.right()) for y in range(box.top(), box.bottom())
        if before.pixel(x, y) != after.pixel(x, y)
    }  # fmt: skip
    lit = {after.pixelColor(x, y).lightness() for x, y in changed}
    assert max(lit) - min(lit) > 80, "a hatch"
    assert any(y < box.top() + 16 and x < box.left() + 14 for x, y in changed), "a snow crystal"


def test_a_deep_network_is_grouped_and_a_group_can_be_unfolded(qtbot: QtBot, line: FreezeLine) -> None:
    line.show_layers(DEEP)
    assert [box.path for box in line.boxes] == ["conv1", "layer1", "layer2", "layer3", "layer4", "fc"]
    found = heard(line)
    qtbot.keyClick(line, Qt.Key.Key_Right)
    qtbot.keyClick(line, Qt.Key.Key_Right)
    assert found == ["conv1", "layer1.7.conv3"]
    qtbot.mouseDClick(line, Qt.MouseButton.LeftButton, pos=middle(line, 3))
    assert [box.path for box in line.boxes][2:5] == ["layer2", "layer3.0", "layer3.1"]
    qtbot.keyClick(line, Qt.Key.Key_Down)  # right of the line
    assert [box.path for box in line.boxes][2:5] == ["layer2.0", "layer2.1", "layer2.2"]
    qtbot.keyClick(line, Qt.Key.Key_Right)
    assert found[-1] == "layer2.0.conv3"
    qtbot.keyClick(line, Qt.Key.Key_Down)
    qtbot.keyClick(line, Qt.Key.Key_Right)
    assert found[-1] == "layer2.1.conv1"
    assert line.scroll_bar.maximum() > 0
    x = line.x_of(line.learning[1] // 10 - line.learning[0] // 10, line.size())
    assert 0 < x < line.width(), "the line stays in sight"
    qtbot.keyClick(line, Qt.Key.Key_Up)
    assert "layer2.1" in [box.path for box in line.boxes]


def test_a_line_inside_a_folded_group_is_drawn_inside(line: FreezeLine) -> None:
    line.show_layers(DEEP)
    line.show_line("layer2.3")
    rect = line.rect_of(2, line.size())
    assert rect.left() + 0.4 * rect.width() < line.x_of(37, line.size()) < rect.left() + 0.6 * rect.width()
    assert line.words[0] == "Frozen: 37 of 98 layers, up to layer2.3.conv3"
    line.show_line("layer2")
    assert line.path == "layer2.7.conv3"


def test_a_flat_network_scrolls(qtbot: QtBot, line: FreezeLine) -> None:
    line.show_layers([LayerInfo(f"features.{i}", 10) for i in range(40)])
    assert len(line.boxes) == 40
    assert line.picture_size().width() > line.width()
    qtbot.keyClick(line, Qt.Key.Key_End)
    assert 0 < line.x_of(39, line.size()) < line.width()
    whole = line.to_image(1.0)
    assert whole.width() == line.picture_size().width()


def test_where_it_is_narrow_all_boxes_fit_if_they_can_and_the_words_are_short(line: FreezeLine) -> None:
    line.resize(330, 160)
    five = [LayerInfo(f"fc{i}", 1_000_000) for i in range(5)]
    line.show_layers(five)
    assert line.scroll_bar.maximum() == 0
    assert line.rect_of(4, line.size()).right() < 330
    assert short_words_of(five, 2) == ("2 of 5 layers frozen", "3.0 M of 5.0 M learn, 60 %")
    assert short_words_of(DEEP, 0) == ("Nothing is frozen", "980 of 980 learn, 100 %")
    assert short_words_of((LayerInfo("a", 10_000), LayerInfo("b", 10)), 1)[1] == "10 of 10 k learn, <1 %"
    metrics = QFontMetrics(theme.font())
    for words in short_words_of(five, 2):
        assert metrics.horizontalAdvance(words) < 330 - 32
    narrow = line.rect_of(0, line.size()).top()
    line.resize(900, 160)
    assert line.rect_of(0, line.size()).top() < narrow, "one line of words where there is room"
    line.resize(330, 160)
    line.show_layers([LayerInfo(f"fc{i}", 10) for i in range(6)])
    assert line.scroll_bar.maximum() > 0, "rather scroll than draw boxes without a name"


def test_behind_a_layer_that_is_not_there_the_next_word_counts_even_if_the_line_stays(
    qtbot: QtBot, line: FreezeLine
) -> None:
    found = heard(line)
    line.show_line("nowhere")
    qtbot.keyClick(line, Qt.Key.Key_Home)
    qtbot.keyClick(line, Qt.Key.Key_Home)
    assert found == [""]
    line.show_line("fc2")  # the last one, which must learn
    qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=grip(line, 3))
    assert found == ["", "fc1"]


def test_no_network_is_a_sentence(line: FreezeLine) -> None:
    line.show_layers((), "Nothing here.")
    assert line.accessibleDescription() == "Nothing here."
    assert line.grab().toImage().pixelColor(450, 10) == theme.current().color("panel")


def test_boxes_hold_every_layer_once() -> None:
    for depth in (1, 2, 3):
        boxes = boxes_of(DEEP, depth, {"layer2", "layer2.1"})
        assert [i for box in boxes for i in range(box.first, box.last + 1)] == list(range(len(DEEP)))
        assert sum(box.parameters for box in boxes) == 980


@pytest.mark.parametrize(("room", "depth"), [(6, 1), (33, 1), (34, 2), (97, 2), (98, 3)])
def test_boxes_are_as_fine_as_there_is_room_for(room: int, depth: int) -> None:
    assert depth_for(DEEP, room) == depth


@pytest.mark.parametrize(
    ("count", "text"),
    [(9408, "9,408"), (147_456, "147 k"), (999_600, "1.0 M"), (11_177_538, "11.2 M"), (138e6, "138 M")],
)
def test_counts_are_written_in_few_letters(count: int, text: str) -> None:
    assert count_text(int(count)) == text


def test_a_box_is_found_under_a_point(line: FreezeLine) -> None:
    box = line.box_at(QPointF(middle(line, 1)))
    assert box is not None
    assert box.path == "conv2"
    assert line.box_at(QPointF(450, 2)) is None
