from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState, PictureData
from cnnviz.state.training_state import ValidationSheet
from cnnviz.views.training import answers
from cnnviz.views.training.answers import Choice
from cnnviz.views.training.validation import EMPTY, NOT_ASKED, ValidationPanel
from cnnviz.widgets import theme
from tests.views.training.conftest import ShowPanel

IMAGES = np.arange(8, dtype=np.uint8)[:, None, None] * np.full((1, 28, 28), 30, np.uint8)
TRUE = np.array([0, 0, 0, 1, 1, 2, 2, 2])
TOLD = np.array([0, 0, 1, 1, 2, 2, 2, 0])
CLASSES = ("cat", "dog", "ship")
SHEET = ValidationSheet(IMAGES, TRUE, TOLD, CLASSES, step=1200)


@pytest.fixture
def panel(show_panel: ShowPanel[ValidationPanel], state: AppState) -> ValidationPanel:
    state.training.set_sheet(SHEET)
    return show_panel(ValidationPanel)


def told_anew(told: list[int], step: int = 1300) -> ValidationSheet:
    return ValidationSheet(IMAGES, TRUE, np.array(told), CLASSES, step)


def shown(panel: ValidationPanel) -> list[int]:
    return panel.pictures.numbers.tolist()


def test_rows_are_true_classes_and_columns_are_told_ones(panel: ValidationPanel) -> None:
    assert panel.matrix.grid is not None
    assert panel.matrix.grid.values_hw.tolist() == [[2, 1, 0], [0, 1, 1], [1, 0, 2]]
    assert panel.words.text() == "5 of 8 right (62.5 %) after step 1,200"
    panel.matrix.hovered.emit((0, 1))
    assert panel.exact.text() == "1 of 3 pictures of cat were told to be dog (33.3 %)"


def test_a_cell_lists_its_pictures_by_mouse_and_keys(panel: ValidationPanel, qtbot: QtBot) -> None:
    matrix = panel.matrix
    qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=matrix.cell_rect(1, 2).center())
    assert shown(panel) == [4]
    assert panel.matrix.cell == (1, 2)
    qtbot.keyClick(matrix, Qt.Key.Key_Down)
    assert shown(panel) == [5, 6]
    qtbot.keyClick(matrix, Qt.Key.Key_Home)
    assert shown(panel) == [7]
    qtbot.keyClick(matrix, Qt.Key.Key_Escape)
    assert len(shown(panel)) == 8
    assert panel.matrix.cell is None


def test_only_the_wrong_ones_can_be_listed(panel: ValidationPanel) -> None:
    panel.wrong.setChecked(True)
    assert shown(panel) == [2, 4, 7]
    panel.bars.choose(0)
    assert shown(panel) == [2]
    panel.all.click()
    assert shown(panel) == [2, 4, 7]


def test_each_class_has_its_share(panel: ValidationPanel) -> None:
    rows = {bar.label: (bar.text, bar.detail) for bar in panel.bars._bars}
    assert rows == {"cat": ("67 %", "2 of 3"), "dog": ("50 %", "1 of 2"), "ship": ("67 %", "2 of 3")}


def test_wrong_pictures_are_marked_by_a_sign_and_the_told_class(panel: ValidationPanel, tmp_path: Path) -> None:
    panel.pictures.save_picture(tmp_path / "sheet.svg")
    drawn = (tmp_path / "sheet.svg").read_text()
    assert drawn.count("✗") == 3
    assert "✗ dog" in drawn
    state = panel.state.training
    state.set_sheet(told_anew(TRUE.tolist()))
    panel.pictures.save_picture(tmp_path / "sheet.svg")
    assert "✗" not in (tmp_path / "sheet.svg").read_text()
    frame = panel.pictures.grab().toImage()
    bad = theme.current().color("bad").rgb()
    assert all(frame.pixel(x, y) != bad for x in range(0, frame.width(), 2) for y in range(0, frame.height(), 2))


def test_newer_answers_keep_the_choice_and_another_run_does_not(panel: ValidationPanel, state: AppState) -> None:
    panel.choose(0, 1)
    state.training.set_sheet(told_anew([1, 1, 1, 1, 1, 1, 1, 1]))
    assert panel.choice == Choice(0, 1)
    assert shown(panel) == [0, 1, 2]
    assert panel.words.text().endswith("after step 1,300")
    state.training.set_sheet(ValidationSheet(IMAGES.copy(), TRUE, TOLD, CLASSES))
    assert panel.choice == Choice()
    assert len(shown(panel)) == 8


def test_a_picture_is_opened_by_double_click_and_enter(panel: ValidationPanel, state: AppState, qtbot: QtBot) -> None:
    opened: list[PictureData] = []
    state.open_requested.connect(opened.append)
    centre = panel.pictures.cell_rect(5).center()
    qtbot.mouseDClick(panel.pictures, Qt.MouseButton.LeftButton, pos=centre)
    qtbot.mouseClick(panel.pictures, Qt.MouseButton.LeftButton, pos=panel.pictures.cell_rect(2).center())
    qtbot.keyClick(panel.pictures, Qt.Key.Key_Right)
    qtbot.keyClick(panel.pictures, Qt.Key.Key_Return)
    assert [picture.name for picture in opened] == ["Validation picture 6", "Validation picture 4"]
    pixels = opened[0].data
    assert isinstance(pixels, np.ndarray)
    assert pixels.shape == (28, 28, 3)
    assert (pixels == 150).all()


def test_the_first_end_key_goes_to_the_last_picture(panel: ValidationPanel, qtbot: QtBot) -> None:
    qtbot.keyClick(panel.pictures, Qt.Key.Key_End)
    assert panel.exact.text() == "Picture 8: ship, told to be cat"
    qtbot.keyClick(panel.pictures, Qt.Key.Key_Home)
    assert panel.exact.text() == "Picture 1: cat, told rightly"


def test_pictures_are_there_before_the_network_was_asked(panel: ValidationPanel, state: AppState) -> None:
    state.training.set_sheet(ValidationSheet(IMAGES, TRUE, np.zeros(0, np.int64), CLASSES))
    assert len(shown(panel)) == 8
    assert "not been asked" in panel.words.text()
    assert panel.matrix.accessibleDescription() == NOT_ASKED
    panel.matrix.hovered.emit((0, 1))  # of the matrix that was there
    panel.wrong.setChecked(True)
    assert len(shown(panel)) == 8
    panel.grab()


def test_without_a_run_it_says_what_will_be_here(panel: ValidationPanel, state: AppState, qtbot: QtBot) -> None:
    nothing = np.zeros(0, np.int64)
    for sheet in (None, ValidationSheet(np.zeros((0, 28, 28), np.uint8), nothing, nothing, CLASSES)):
        state.training.set_sheet(SHEET)
        assert panel.legend.isVisible()
        state.training.set_sheet(sheet)
        assert panel.pictures.accessibleDescription() == EMPTY
        assert panel.words.text() == ""
        assert not panel.wrong.isVisible()
        assert not panel.matrix.isVisible()
        qtbot.waitUntil(lambda: panel.pictures.width() > 0.9 * panel.width())  # the sentence has the whole room
        assert not panel.legend.isVisible()
        panel.grab()


def test_a_hidden_panel_follows_nothing_and_is_new_when_shown(panel: ValidationPanel, state: AppState) -> None:
    panel.hide()
    state.training.set_sheet(told_anew(TRUE.tolist()))
    assert panel.words.text().startswith("5 of 8")
    panel.show()
    assert panel.words.text().startswith("8 of 8")


def test_a_hundred_classes_and_large_colour_pictures_stay_usable(
    panel: ValidationPanel, state: AppState, qtbot: QtBot
) -> None:
    generator = np.random.default_rng(0)
    true = generator.integers(0, 100, 500)
    told = np.where(generator.random(500) < 0.5, true, generator.integers(0, 100, 500))
    images = generator.integers(0, 256, (500, 96, 96, 3), np.uint8)
    names = tuple(f"class {k}" for k in range(100))
    state.training.set_sheet(ValidationSheet(images, true, told, names))
    matrix = panel.matrix
    panel.grab()
    assert matrix.area(matrix.size()).width() > 150
    for row in (0, 57, 99):
        point = QPointF(matrix.cell_rect(row, row).center())
        found = matrix.at(point)
        assert found is not None
        assert abs(found[0] - row) <= 1
    panel.choose(57, 57)
    assert shown(panel) == np.flatnonzero((true == 57) & (told == 57)).tolist()
    assert len(panel.bars._bars) == len(set(true.tolist()))
    assert panel.bars._bars[0].share <= panel.bars._bars[-1].share  # the worst come first
    panel.choose(None, None)
    assert panel.pictures.scroll_bar.maximum() > 0
    qtbot.keyClick(panel.pictures, Qt.Key.Key_End)
    assert panel.pictures.cell_rect(499).bottom() <= panel.pictures.height()
    assert panel.pictures._atlas is not None
    assert panel.pictures._atlas.sizeInBytes() < 10_000_000


def test_answers_that_are_no_class_count_nowhere() -> None:
    sheet = ValidationSheet(IMAGES, TRUE, np.array([0, 0, 7, 1, -1, 2, 2, 2]), CLASSES)
    assert answers.counts_of(sheet).tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 3]]
    assert answers.picture_text(sheet, 2) == "Picture 3: cat, told to be 7"
