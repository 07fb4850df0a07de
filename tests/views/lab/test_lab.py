"""The laboratory by hand: examples, fields, painting, undo, the PyTorch text; what cannot be is said where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from cnnviz.core.code import code
from cnnviz.core.operations import (
    Activation,
    BatchNormalisation,
    Convolution,
    Dense,
    Dropout,
    Operation,
    Pooling,
)
from cnnviz.state.app_state import AppState
from cnnviz.state.settings import Settings
from cnnviz.views.base import View
from cnnviz.views.lab import compute
from cnnviz.views.lab.compute import COUNTINGS, PRESETS
from cnnviz.views.lab.widget import LabView
from cnnviz.widgets.panels.convolution import ConvolutionPanel
from cnnviz.widgets.panels.pooling import PoolingPanel
from cnnviz.widgets.panels.sliding import SlidingPanel
from cnnviz.widgets.value_grid import ValueGrid

CONV, DENSE, POOL = "Convolution/5 × 5, padding 0, stride 1", "a dense layer of three nodes", "maximum"


@pytest.fixture
def lab(show_view: Callable[..., View]) -> LabView:
    made = show_view(LabView, 1300, 800)
    assert isinstance(made, LabView)
    return made


def operation_of(lab: LabView) -> Operation:
    assert lab.operation is not None
    return lab.operation


def output_of(operation: Operation) -> list[list[float]]:
    return operation.rows(0, 0, operation.output_shape[1]).tolist()


def button(lab: LabView, words: str) -> QPushButton:
    return next(b for b in lab.findChildren(QPushButton) if b.text().replace("&", "") == words and b.isVisible())


def sliding(lab: LabView) -> SlidingPanel:
    assert isinstance(lab.panel, SlidingPanel)
    return lab.panel


def convolution(lab: LabView) -> ConvolutionPanel:
    lab._choose(CONV)
    assert isinstance(lab.panel, ConvolutionPanel)
    return lab.panel


def refuse(lab: LabView, key: str, text: str) -> str:
    """Offer a text that cannot be used: it is said beside the field, and the picture stays."""
    before, picture = lab.operation, sliding_picture(lab)
    entry = lab.entries[key]
    assert entry.isVisible(), key
    entry.try_text(text)
    assert entry.error.endswith("."), (key, text)
    assert entry.error == entry._error.text()
    assert entry._error.isVisible()
    assert lab.operation is before
    assert np.array_equal(picture, sliding_picture(lab))
    return entry.error


def sliding_picture(lab: LabView) -> np.ndarray:
    """Return the numbers of the output that are on the screen, or none for a vector."""
    if not isinstance(lab.panel, SlidingPanel):
        return np.zeros(0)
    grid = lab.panel.changed_grid.grid
    assert grid is not None
    return np.array(grid.values_hw)


# -- examples ---------------------------------------------------------------------------------------------------


def test_every_example_opens_with_its_note(lab: LabView) -> None:
    lab._show_code.setChecked(True)
    shown = 0
    for preset in PRESETS:
        lab._choose(f"{preset.group}/{preset.title}")
        item = lab.presets.currentItem()
        assert item is not None
        assert item.text(0) == preset.title
        operation = operation_of(lab)
        assert type(operation) is type(preset.make())
        assert lab.panel is not None
        assert lab.panel.isVisible()
        assert lab._note.text() == preset.note(preset.make()), preset.title
        assert lab.text.toPlainText() == code(operation)
        lab.grab()
        shown += bool(lab._note.text())
    assert shown > 20


def test_the_note_on_the_p_norm_has_the_number_that_the_slide_gets_wrong(lab: LabView) -> None:
    lab._choose("p-norm, p = 5, averaged")
    assert "6.61" in lab._note.text()
    grid = sliding(lab).changed_grid.grid
    assert grid is not None
    assert f"{grid.values_hw[0, 1]:.2f}" == "6.61"


def test_the_note_goes_with_the_first_change_and_comes_back_with_the_example_s_numbers(lab: LabView) -> None:
    lab._choose("three colours, one window")
    note = lab._note.text()
    assert "three colours" in note
    lab.entries["bias"].try_text("5")
    assert lab._note.text() == ""
    lab.undo()
    assert lab._note.text() == note
    lab.redo()
    assert lab._note.text() == ""
    button(lab, "Reset").click()
    assert lab._note.text() == note
    assert operation_of(lab).value(0, 0, 0) == -25


def test_the_two_examples_called_identity_are_told_apart(lab: LabView) -> None:
    lab._choose("Activation/identity")
    assert isinstance(operation_of(lab), Activation)
    lab._choose("Named kernels/identity")
    assert isinstance(operation_of(lab), Convolution)
    lab._choose("no such example")
    assert isinstance(operation_of(lab), Convolution)


# -- fields -----------------------------------------------------------------------------------------------------


def test_fields_change_the_operation(lab: LabView) -> None:
    convolution(lab)
    for key, text, shape in (
        ("size", "7 × 6", (1, 5, 4)), ("size", "8", (1, 6, 6)), ("maps", "3", (1, 6, 6)), ("filters", "2", (2, 6, 6)),
    ):  # fmt: skip
        lab.entries[key].try_text(text)
        assert lab.entries[key].error == ""
        assert operation_of(lab).output_shape == shape
    lab.entries["bias"].try_text("1.5, −2")
    assert [operation_of(lab).value(n, 0, 0) for n in (0, 1)] == [5.5, -2.0]
    assert lab.entries["bias"].field.text() == "1.5, -2"
    lab.entries["bias"].try_text("3")
    assert [operation_of(lab).value(n, 0, 0) for n in (0, 1)] == [7.0, 3.0]
    assert [lab.entries[key].field.text() for key in ("size", "maps", "filters", "bias")] == ["8 × 8", "3", "2", "3"]
    assert not lab.entries["values"].isVisible()
    lab._choose(DENSE)
    assert [lab.entries[key].isVisible() for key in ("size", "maps", "values", "weights")] == [False, False, True, True]
    lab.entries["values"].try_text("1, 2")
    lab.entries["weights"].try_text("1, 2; 3, 4; 5, 6; 7, 8")
    lab.entries["bias"].try_text("0")
    assert [operation_of(lab).value(n, 0, 0) for n in range(4)] == [5, 11, 17, 23]
    assert lab.entries["filters"].field.text() == "4"
    lab._choose(POOL)
    assert [lab.entries[key].isVisible() for key in ("size", "filters", "bias", "weights")] == [
        True,
        False,
        False,
        False,
    ]


def test_what_cannot_be_is_said_beside_its_field_and_the_picture_stays(lab: LabView) -> None:
    panel = convolution(lab)
    assert "10,000 × 10,000" in refuse(lab, "size", "10000 × 10000")
    for text in (
        "10,000 × 10,000",
        "abc",
        "",
        "0",
        "0 × 5",
        "-3",
        "2",
        "65",
        "3.5",
        "1 × 2 × 3",
        "99999999999999999999",
    ):
        refuse(lab, "size", text)
    for key, texts in (
        ("maps", ("0", "abc", "17", "1, 2")), ("filters", ("0", "abc", "17")), ("brush", ("abc", "nan", "1e38", "")),
        ("bias", ("abc", "nan", "inf", "1e38", "1, 2", "")),
    ):  # fmt: skip
        for text in texts:
            refuse(lab, key, text)
    for key, text in (
        ("stride", "0"), ("stride", "abc"), ("stride", "-1"), ("kernel", "0"), ("kernel", "6"), ("padding", "-1"),
        ("dilation", "0"), ("groups", "0"), ("groups", "2"), ("groups", "abc"),
    ):  # fmt: skip
        before, picture = lab.operation, sliding_picture(lab)
        panel.conv_settings.entries[key].try_text(text)
        assert panel.conv_settings.entries[key].error.endswith("."), (key, text)
        assert lab.operation is before
        assert np.array_equal(sliding_picture(lab), picture)
    assert output_of(operation_of(lab)) == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]
    assert not lab._undo.isEnabled()
    lab.grab()
    lab._choose(DENSE)
    own = [operation_of(lab).value(n, 0, 0) for n in range(3)]
    for key, texts in (
        ("weights", ("1e38, 1, 1, 1", "nan, 1, 1, 1", "inf, 1, 1, 1", "abc", "1, 2; 3", "", ";")),
        ("values", ("1e38", "nan, 1", "abc", "", ", ".join(["1"] * 65))),
    ):
        for text in texts:
            refuse(lab, key, text)
    assert [operation_of(lab).value(n, 0, 0) for n in range(3)] == own
    lab.grab()


def test_a_good_text_takes_the_sentence_away(lab: LabView) -> None:
    convolution(lab)
    refuse(lab, "size", "abc")
    lab.entries["size"].try_text("6")
    assert lab.entries["size"].error == ""
    assert not lab.entries["size"]._error.isVisible()


def test_a_typed_cell_that_is_no_number_is_refused(lab: LabView) -> None:
    lab._choose(POOL)
    before = operation_of(lab)
    for value in (float("nan"), float("inf"), 1e38):
        sliding(lab).input_edited.emit(0, 0, 0, value)
        assert lab.entries["size"].error.endswith(".")
        assert lab.operation is before
    sliding(lab).input_edited.emit(0, 0, 0, -2.5)
    assert lab.entries["size"].error == ""
    assert operation_of(lab).x[0, 0, 0] == -2.5  # type: ignore[attr-defined]


def test_a_changed_weight_is_not_lost_without_a_word(lab: LabView) -> None:
    panel = convolution(lab)
    lab.entries["filters"].try_text("3")
    panel.conv_settings.show_kernel(2, 0, panel.convolution)
    panel.conv_settings.kernel_grid.edited.emit(0, 1, 9.0)
    assert panel.convolution.weight[2, 0, 0, 1] == 9
    assert "weight" in refuse(lab, "filters", "2")
    assert panel.convolution.weight[2, 0, 0, 1] == 9


def test_settings_survive_another_number_of_filters_and_maps(lab: LabView) -> None:
    panel = convolution(lab)
    panel.conv_settings.entries["stride"].try_text("2")
    assert operation_of(lab).output_shape == (1, 2, 2)
    lab.entries["filters"].try_text("2")
    assert operation_of(lab).output_shape == (2, 2, 2)
    lab.entries["maps"].try_text("2")
    lab.entries["size"].try_text("9")
    assert operation_of(lab).output_shape == (2, 4, 4)
    assert panel.conv_settings.entries["stride"].field.text() == "2"


# -- input ------------------------------------------------------------------------------------------------------


def test_the_drawn_digit_and_the_photograph_become_the_input(lab: LabView, state: AppState) -> None:
    lab._choose("5 × 5, padding 1, stride 1")
    before = lab.operation
    button(lab, "Digit").click()
    assert "draw a digit" in lab.entries["size"].error
    digit = np.zeros((28, 28), np.float32)
    state.set_input(digit, blank=True)
    button(lab, "Digit").click()
    assert "draw a digit" in lab.entries["size"].error
    assert lab.operation is before
    digit = np.zeros((28, 28), np.float32)
    digit[5:20, 14] = 1
    state.set_input(digit, blank=False, title="a one")
    button(lab, "Digit").click()
    assert lab.entries["size"].error == ""
    assert np.array_equal(operation_of(lab).x[0], digit)  # type: ignore[attr-defined]
    assert lab.entries["size"].field.text() == "28 × 28"
    digit_state = lab.operation
    button(lab, "Photo").click()
    assert "open one" in lab.entries["size"].error
    assert lab.operation is digit_state
    photo = np.zeros((60, 100, 3), np.uint8)
    photo[..., 0] = 255
    state.set_input(digit, blank=False, title="a photograph", photo=photo)
    button(lab, "Photo").click()
    assert (operation_of(lab).x == 1).all()  # type: ignore[attr-defined]
    assert operation_of(lab).x.shape == (1, 48, 48)  # type: ignore[attr-defined]
    state.set_input(digit, blank=False, title="a drawing", photo=np.full((56, 56), 51, np.uint8))
    button(lab, "Photo").click()
    assert (operation_of(lab).x == 0.2).all()  # type: ignore[attr-defined]
    lab.grab()
    button(lab, "Zeros").click()
    assert not operation_of(lab).x.any()  # type: ignore[attr-defined]
    for _ in range(4):
        lab.undo()
    assert lab.operation is before


def test_one_colour_of_a_photograph_is_that_of_the_map_in_sight(lab: LabView, state: AppState) -> None:
    photo = np.zeros((40, 40, 3), np.uint8)
    photo[..., 2] = 255
    state.set_input(np.zeros((28, 28), np.float32), blank=False, photo=photo)
    lab._choose("three colours, one window")
    button(lab, "Photo").click()
    assert not operation_of(lab).x.any()  # type: ignore[attr-defined]
    sliding(lab).choose_channel(2)
    button(lab, "Photo").click()
    assert operation_of(lab).x[0].all()  # type: ignore[attr-defined]


def centre(grid: ValueGrid, row: int, column: int) -> QPoint:
    return grid.cell_rect(row, column).center()


def test_dragging_paints_the_input(lab: LabView) -> None:
    convolution(lab)
    button(lab, "Zeros").click()
    grid = sliding(lab).input_grid
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(grid, left, pos=centre(grid, 1, 1))
    QTest.mouseRelease(grid, left, pos=centre(grid, 1, 1))
    assert not operation_of(lab).x.any()  # type: ignore[attr-defined]
    lab.entries["brush"].try_text("−2.5")
    lab.paint.setChecked(True)
    QTest.mousePress(grid, left, pos=centre(grid, 1, 0))
    for column in range(1, 4):
        QTest.mouseMove(grid, centre(grid, 1, column))
    QTest.mouseRelease(grid, left, pos=centre(grid, 1, 3))
    painted = np.zeros((5, 5))
    painted[1, :4] = -2.5
    assert np.array_equal(operation_of(lab).x[0], painted)  # type: ignore[attr-defined]
    shown = grid.grid
    assert shown is not None
    assert np.array_equal(shown.values_hw, painted)
    lab.paint.setChecked(False)
    QTest.mouseClick(grid, left, pos=centre(grid, 4, 4))
    assert np.array_equal(operation_of(lab).x[0], painted)  # type: ignore[attr-defined]


def test_a_drag_is_one_step_back_and_the_next_drag_another(lab: LabView) -> None:
    convolution(lab)
    button(lab, "Zeros").click()
    grid = sliding(lab).input_grid
    lab.paint.setChecked(True)
    for row in (1, 3):
        QTest.mousePress(grid, Qt.MouseButton.LeftButton, pos=centre(grid, row, 0))
        for column in range(1, 4):
            QTest.mouseMove(grid, centre(grid, row, column))
        QTest.mouseRelease(grid, Qt.MouseButton.LeftButton, pos=centre(grid, row, 3))
    counts = [np.count_nonzero(operation_of(lab).x)]  # type: ignore[attr-defined]
    for _ in range(2):
        lab.undo()
        counts.append(np.count_nonzero(operation_of(lab).x))  # type: ignore[attr-defined]
    lab.redo()
    counts.append(np.count_nonzero(operation_of(lab).x))  # type: ignore[attr-defined]
    assert counts == [8, 4, 0, 4]


def test_a_cell_of_the_second_map_is_painted_beside_the_padding(lab: LabView) -> None:
    lab._choose("three colours, one window")
    panel = sliding(lab)
    panel.choose_channel(2)
    lab.paint.setChecked(True)
    grid = panel.input_grid
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=centre(grid, 0, 0))  # padding: nothing to paint
    assert not lab._undo.isEnabled()
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=centre(grid, 1, 2))
    assert operation_of(lab).x[:, 0, 1].tolist() == [155, 166, 1]  # type: ignore[attr-defined]


def test_a_typed_value_changes_its_cell(lab: LabView) -> None:
    lab._choose(POOL)
    grid = sliding(lab).input_grid
    grid.setFocus()
    grid.show_cell((1, 1))
    QTest.keyClicks(grid, "9")
    assert grid._field.isVisible()
    QTest.keyClicks(grid._field, "5")
    QTest.keyClick(grid._field, Qt.Key.Key_Return)
    assert operation_of(lab).x[0, 1, 1] == 95  # type: ignore[attr-defined]
    assert output_of(operation_of(lab))[0] == [95, 8]


# -- undo -------------------------------------------------------------------------------------------------------


def test_every_change_is_taken_back_and_done_again_with_its_settings(lab: LabView) -> None:
    panel = convolution(lab)
    settings = panel.conv_settings

    def now() -> tuple[object, ...]:
        operation = operation_of(lab)
        assert isinstance(operation, Convolution)
        return (operation.x.tolist(), operation.weight.tolist(), operation.spec, settings.changes)

    states = [now()]
    for change in (
        lambda: lab.entries["size"].try_text("7"),
        lambda: settings.entries["stride"].try_text("2"),
        lambda: settings.entries["padding"].try_text("1, 0, 2, 1"),
        lambda: lab.entries["filters"].try_text("2"),
        lambda: settings.flip.click(),
        lambda: panel.input_edited.emit(0, 2, 3, 8.0),
        lambda: settings.kernel_grid.edited.emit(0, 1, -4.0),
        lambda: settings.entries["kernel"].try_text("2"),
        lambda: settings.reset.click(),
        lambda: button(lab, "Zeros").click(),
    ):
        change()
        assert now() != states[-1]
        states.append(now())
    assert not lab._redo.isEnabled()
    for expected in reversed(states[:-1]):
        assert lab._undo.isEnabled()
        lab.undo()
        assert now() == expected
    assert not lab._undo.isEnabled()
    lab.undo()
    assert now() == states[0]
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    for number, expected in enumerate(states[1:]):
        QTest.keyClick(lab.presets, *((Qt.Key.Key_Z, control | shift) if number % 2 else (Qt.Key.Key_Y, control)))
        assert now() == expected
    assert not lab._redo.isEnabled()
    QTest.keyClick(lab.presets, Qt.Key.Key_Z, control)
    assert now() == states[-2]
    lab.entries["size"].try_text("9")
    assert not lab._redo.isEnabled()  # another turn: what was taken back is gone


def test_what_is_swapped_in_other_panels_is_taken_back(lab: LabView) -> None:
    lab._choose(POOL)
    assert isinstance(lab.panel, PoolingPanel)
    lab.panel.pool_settings.kind.setCurrentIndex(1)
    lab.panel.pool_settings.kind.activated.emit(1)
    assert output_of(operation_of(lab)) == [[3.25, 5.25], [2, 2]]
    lab.undo()
    assert output_of(operation_of(lab)) == [[6, 8], [3, 4]]
    lab.redo()
    assert output_of(operation_of(lab)) == [[3.25, 5.25], [2, 2]]
    button(lab, "Reset").click()
    assert output_of(operation_of(lab)) == [[6, 8], [3, 4]]
    lab._choose("Activation/ReLU")
    panel = lab.panel
    assert panel is not None
    panel.choice.activated.emit(0)  # type: ignore[attr-defined]
    swapped = operation_of(lab)
    assert isinstance(swapped, Activation)
    assert swapped.function != "relu"
    lab.undo()
    assert operation_of(lab).function == "relu"  # type: ignore[attr-defined]
    lab._choose("half of the values")
    dropout = operation_of(lab)
    assert isinstance(dropout, Dropout)
    kept = dropout.kept()
    assert 0 < kept.mean() < 1
    lab.panel.training.click()  # type: ignore[union-attr]
    assert operation_of(lab).kept().all()  # type: ignore[attr-defined]
    lab.undo()
    assert np.array_equal(operation_of(lab).kept(), kept)  # type: ignore[attr-defined]


def test_switches_and_dials_of_a_panel_are_taken_back_and_reset(lab: LabView) -> None:
    lab._choose("batch norm")
    panel, own = lab.panel, operation_of(lab)
    for back in (lab.undo, button(lab, "Reset").click):
        panel.by_batch.click()  # type: ignore[union-attr]
        assert operation_of(lab) is not own
        back()
        assert not panel.by_batch.isChecked()  # type: ignore[union-attr]
        assert isinstance(operation_of(lab), BatchNormalisation)
        assert operation_of(lab).value(0, 0, 0) == own.value(0, 0, 0)
    lab._choose("softmax of four classes")
    panel, largest = lab.panel, operation_of(lab).value(0, 0, 0)
    for back in (lab.undo, button(lab, "Reset").click):
        panel.dial.setValue(0)  # type: ignore[union-attr]
        assert operation_of(lab).value(0, 0, 0) > largest
        back()
        assert operation_of(lab).value(0, 0, 0) == largest


def test_another_example_begins_a_history_of_its_own(lab: LabView) -> None:
    convolution(lab)
    lab.entries["size"].try_text("7")
    lab._choose(POOL)
    assert not lab._undo.isEnabled()
    lab.undo()
    assert isinstance(operation_of(lab), Pooling)
    lab._choose(CONV)
    assert operation_of(lab).output_shape == (1, 3, 3)


# -- the PyTorch text -------------------------------------------------------------------------------------------


def test_the_text_follows_the_numbers_on_screen(lab: LabView) -> None:
    panel = convolution(lab)
    assert not lab.text.isVisible()
    lab._show_code.setChecked(True)
    assert lab.text.isVisible()
    texts = [lab.text.toPlainText()]

    def changed() -> str:
        text = lab.text.toPlainText()
        assert text == code(operation_of(lab))
        assert text != texts[-1]
        texts.append(text)
        return text

    assert "F.conv2d(x[None], w, b)[0]" in texts[0]
    panel.conv_settings.entries["stride"].try_text("2")
    assert "stride=2" in changed()
    panel.input_edited.emit(0, 0, 0, 7.25)
    assert "7.25" in changed()
    lab.entries["bias"].try_text("0.125")
    assert "0.125" in changed()
    lab.undo()
    changed()
    lab._choose(POOL)
    assert "F.max_pool2d(x, 2)" in changed()
    lab._choose(DENSE)
    lab.entries["values"].try_text("4, 3")
    assert "x = torch.tensor([4., 3.])" in changed()
    lab._choose("softmax of four classes")
    changed()
    lab.panel.dial.setValue(100)  # type: ignore[union-attr]
    assert "z / 10" in changed()
    lab._choose("batch norm")
    texts.append(lab.text.toPlainText())
    before = operation_of(lab)
    assert isinstance(before, BatchNormalisation)
    lab.panel.by_batch.click()  # type: ignore[union-attr]
    changed()
    lab._show_code.setChecked(False)
    assert not lab.text.isVisible()
    assert not lab._copy.isVisible()


def test_copy_puts_the_text_on_the_clipboard(lab: LabView) -> None:
    lab._choose(POOL)
    QGuiApplication.clipboard().setText("before")
    lab._show_code.setChecked(True)
    button(lab, "Copy").click()
    assert QGuiApplication.clipboard().text() == code(operation_of(lab))


# -- the parameter ledger ---------------------------------------------------------------------------------------


def test_the_ledger_counts_as_the_lectures_do(lab: LabView) -> None:
    ledger = lab.parameters
    expected = ((12_289_000, 0), (3_146_752, 0), (1_792, 1))
    for (title, _), (count, which) in zip(COUNTINGS, expected, strict=True):
        lab._choose(title)
        assert ledger.isVisible()
        assert not lab._controls.isVisible()
        assert lab.panel is None
        assert ledger.counts()[which] == count
        formula = (ledger.dense_formula, ledger.conv_formula)[which]
        assert f"{count:,}" in formula.accessibleDescription()
        assert f"{count:,}" in ledger.bars.accessibleDescription()
        lab.grab()
    sizes = {"side": 64, "depth": 3, "nodes": 1000, "kernel": 3, "kernels": 64}
    for key, value in sizes.items():
        ledger._sliders[key].setValue(value)
        assert ledger.boxes[key].value() == value
    assert ledger.counts() == (12_289_000, 1_792)
    assert "6,857.7 times" in ledger.words.text()
    ledger.boxes["side"].setValue(1)
    assert ledger._sliders["side"].value() == 1
    assert ledger.counts() == (4_000, 1_792)
    lab.undo()  # there is nothing to take back here, least of all the example behind it
    assert ledger.isVisible()
    lab._choose(CONV)
    assert not ledger.isVisible()
    assert lab._controls.isVisible()
    assert lab._show_code.isVisible()


# -- remembering ------------------------------------------------------------------------------------------------


def test_the_example_the_text_and_the_digits_come_back(
    lab: LabView, show_view: Callable[..., View], tmp_path: Path
) -> None:
    again = show_view(LabView, 1300, 800)
    assert isinstance(again, LabView)
    settings = Settings(tmp_path / "s.ini")
    for title in ("Activation/identity", "Named kernels/identity", "Pooling/mean", "Dense and softmax/a residual sum"):
        lab._choose(title)
        lab._show_code.setChecked(title == "Pooling/mean")
        lab._digits.setValue(6)
        lab.remember(settings)
        again.recall(settings)
        item = again.presets.currentItem()
        assert item is not None
        assert item.parent() is not None
        assert f"{item.parent().text(0)}/{item.text(0)}" == title  # type: ignore[union-attr]
        assert type(again.operation) is type(lab.operation)
        assert again._show_code.isChecked() == again.text.isVisible() == (title == "Pooling/mean")
        assert again._digits.value() == 6
        assert again.panel is not None
        assert again.panel.digits == 6
    title = COUNTINGS[1][0]
    lab._choose(title)
    lab.remember(settings)
    again.recall(settings)
    assert again.parameters.isVisible()
    assert again.parameters.counts()[0] == 3_146_752
    for key, value in (("lab/preset", "nothing/like that"), ("lab/digits", 99), ("lab/code", "perhaps")):
        settings.put(key, value)
    again.recall(settings)
    assert again._digits.value() == 7
    assert again.parameters.isVisible()  # what was there stays


def test_digits_go_to_panels_that_are_made_later(lab: LabView) -> None:
    lab._choose(POOL)
    lab._digits.setValue(5)
    assert lab.panel is not None
    assert lab.panel.digits == 5
    lab._choose("Activation/ReLU")
    assert lab.panel.digits == 5
    assert isinstance(compute.PRESETS[0].make(), Convolution)
    lab._choose(DENSE)
    assert isinstance(operation_of(lab), Dense)
    assert lab.panel.digits == 5
