"""The convolution's panel: every setting beside torch's own result, every way to move, and nothing impossible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from torch.nn import functional

from cnnviz.core import kernels
from cnnviz.core.convolution import PADDING_MODES, ConvSpec
from cnnviz.core.operations import Convolution, Source
from cnnviz.widgets import theme
from cnnviz.widgets.panels import table
from cnnviz.widgets.panels.base import Subject
from cnnviz.widgets.panels.convolution import ConvolutionPanel, sum_formula
from cnnviz.widgets.panels.sizes import left_overs
from cnnviz.widgets.value_grid import ValueGrid

NO_KEYS = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
Key = Qt.Key
Array = np.ndarray[Any, Any]
X = np.random.default_rng(1).normal(size=(4, 9, 8)).astype(np.float32)
WEIGHT = np.random.default_rng(2).normal(size=(6, 4, 3, 3)).astype(np.float32)
BIAS = np.random.default_rng(3).normal(size=6).astype(np.float32)
SPEC = ConvSpec(3, 1, 1)


def by_torch(
    x: Array = X, weight: Array = WEIGHT, stride: Any = 1, padding: tuple[int, int, int, int] = (1, 1, 1, 1),
    dilation: Any = 1, groups: int = 1, mode: str = "zeros",
) -> Array:  # fmt: skip
    """Return torch's result in double precision; the padding is that of top, bottom, left and right."""
    top, bottom, left, right = padding
    values = torch.from_numpy(np.ascontiguousarray(x, np.float64))[None]
    values = functional.pad(values, (left, right, top, bottom), mode="constant" if mode == "zeros" else mode)
    kernel = torch.from_numpy(np.ascontiguousarray(weight, np.float64))
    bias = torch.from_numpy(BIAS.astype(np.float64))
    result = functional.conv2d(values, kernel, bias, stride, 0, dilation, groups)
    return np.asarray(result[0].numpy())


def subject_of(x: Array = X, title: str = "conv1", **other: Any) -> Subject:
    single = functional.conv2d(*(torch.from_numpy(a) for a in (x[None], WEIGHT, BIAS)), padding=1)[0].numpy()
    return Subject(Convolution(x, WEIGHT, BIAS, SPEC), single, ("input",), title, ("signed",), **other)


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication) -> ConvolutionPanel:
    theme.apply(qapp, "light")
    subject = subject_of()
    made = table.create(subject.operation)
    assert isinstance(made, ConvolutionPanel)
    qtbot.addWidget(made)
    made.resize(1500, 700)
    made.show_subject(subject)
    made.show()
    made.activateWindow()
    return made


def heard_from(signal: Any) -> list[tuple[Any, ...]]:
    heard: list[tuple[Any, ...]] = []
    signal.connect(lambda *what: heard.append(what))
    return heard


def choose(box: Any, index: int) -> None:
    """Choose an entry of a combo box as the user does."""
    box.setCurrentIndex(index)
    box.activated.emit(index)


def mouse(grid: ValueGrid, kind: QEvent.Type, cell: tuple[int, int], buttons: Qt.MouseButton = LEFT) -> None:
    where = QPointF(grid.cell_rect(*cell).center())
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
    QApplication.sendEvent(grid, QMouseEvent(kind, where, where, button, buttons, NO_KEYS))


def click(grid: ValueGrid, cell: tuple[int, int]) -> None:
    mouse(grid, QEvent.Type.MouseButtonPress, cell)
    mouse(grid, QEvent.Type.MouseButtonRelease, cell)


def double_click(grid: ValueGrid, cell: tuple[int, int]) -> None:
    click(grid, cell)
    mouse(grid, QEvent.Type.MouseButtonDblClick, cell)


def type_weight(grid: ValueGrid, cell: tuple[int, int], text: str) -> None:
    mouse(grid, QEvent.Type.MouseButtonDblClick, cell)
    grid._field.setText(text)
    QTest.keyClick(grid._field, Key.Key_Tab)


def shown(grid: ValueGrid) -> Array:
    assert grid.grid is not None
    return grid.grid.values_hw


def expect(panel: ConvolutionPanel, expected: Array, qtbot: QtBot) -> None:
    """Compare every map with torch's, and the one that is shown with what is drawn; the true output stays beside."""
    operation = panel.convolution
    assert operation.output_shape == expected.shape
    for unit in range(len(expected)):
        np.testing.assert_allclose(operation.rows(unit, 0, expected.shape[1]), expected[unit], atol=1e-9)
    qtbot.waitUntil(lambda: panel.filler.complete, timeout=5000)
    assert panel.changed_grid.isVisible()
    np.testing.assert_allclose(shown(panel.changed_grid), expected[panel.unit], atol=1e-9)
    assert panel.step is not None
    assert panel.step.total == pytest.approx(expected[panel.unit][panel.cell], abs=1e-9)
    assert panel.output_grid.isVisible()
    np.testing.assert_array_equal(shown(panel.output_grid), subject_of().output[panel.unit])  # type: ignore[index]
    assert panel.badge.words == "with your own settings"


# -- what is true -----------------------------------------------------------------------------------------------------


def test_the_true_settings_agree_with_torch_everywhere(panel: ConvolutionPanel) -> None:
    assert not panel.changed_grid.isVisible()
    assert not panel.is_changed
    for unit in (0, 5):
        for cell in ((0, 0), (0, 7), (4, 3), (8, 7)):
            panel.go(unit, cell)
            assert panel.badge.words.startswith("✓")
            assert panel.step is not None
            assert panel.step.total == pytest.approx(by_torch()[unit][cell], abs=1e-9)
    np.testing.assert_array_equal(shown(panel.output_grid), subject_of().output[5])  # type: ignore[index]


def test_a_wrong_output_is_said_to_be_wrong(panel: ConvolutionPanel) -> None:
    true = subject_of()
    assert true.output is not None
    panel.show_subject(Subject(true.operation, true.output + 0.01, true.inputs, true.title, true.roles))
    assert panel.badge.words.startswith("✗")


def test_the_formula_adds_bias_and_subtotals_up(panel: ConvolutionPanel) -> None:
    panel.go(2, (3, 3))
    panel.formula.settle()
    words = panel.formula.accessibleDescription()
    step = panel.step
    assert step is not None
    assert (panel.formula.tex, words) == sum_formula(step, 3, 8)
    numbers = [float(t.replace("−", "-")) for t in words.split(";")[0].replace(" is ", " plus ")[5:].split(" plus ")]
    assert len(numbers) == 1 + 4 + 1
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=0.03)
    assert ("rounded" in words) == (round(sum(numbers[:-1]), 6) != numbers[-1])
    assert panel.tape.accessibleDescription() == words


def test_the_input_is_shown_with_its_padding_and_the_window_on_it(panel: ConvolutionPanel) -> None:
    np.testing.assert_array_equal(shown(panel.input_grid), np.pad(X[0], 1))
    assert panel.input_grid.grid.padding == (1, 1, 1, 1)  # type: ignore[union-attr]
    panel.go(0, (4, 5))
    (window,) = panel.input_grid._windows
    assert (window.rows, window.columns) == ((4, 5, 6), (5, 6, 7))
    panel._choose_channel.setValue(3)
    np.testing.assert_array_equal(shown(panel.input_grid), np.pad(X[3], 1))
    assert panel.tape._chosen == 3


def test_many_channels_stand_by_size_unless_asked_otherwise(panel: ConvolutionPanel) -> None:
    x = np.random.default_rng(8).normal(size=(20, 5, 5))
    operation = Convolution(x, np.random.default_rng(9).normal(size=(1, 20, 3, 3)), None, ConvSpec(3))
    panel.show_subject(Subject(operation, None, ("input",), "wide", ("signed",)))
    content = panel.tape._content
    assert content is not None
    sizes = np.abs(content.subtotals[content.order])
    assert (np.diff(sizes) <= 0).all()
    choose(panel._order, 1)
    assert panel.tape._content.order.tolist() == list(range(20))  # type: ignore[union-attr]
    choose(panel._order, 2)
    np.testing.assert_array_equal(panel.tape._content.order, content.order)  # type: ignore[union-attr]
    assert panel.tape._content.running[-1] == pytest.approx(operation.value(0, 0, 0))  # type: ignore[union-attr]


# -- what if ----------------------------------------------------------------------------------------------------------

CHANGES: dict[str, tuple[dict[str, str], Callable[[], Array]]] = {
    "stride": ({"stride": "2"}, lambda: by_torch(stride=2)),
    "stride, two numbers": ({"stride": "3 × 2"}, lambda: by_torch(stride=(3, 2))),
    "no padding": ({"padding": "0"}, lambda: by_torch(padding=(0, 0, 0, 0))),
    "padding, two numbers": ({"padding": "2 × 0"}, lambda: by_torch(padding=(2, 2, 0, 0))),
    "padding, four sides": ({"padding": "0, 1, 2, 3"}, lambda: by_torch(padding=(0, 1, 2, 3))),
    "dilation": ({"dilation": "2"}, lambda: by_torch(dilation=2)),
    "dilation, two numbers": ({"dilation": "1 x 3"}, lambda: by_torch(dilation=(1, 3))),
    "a larger kernel": ({"kernel": "5"}, lambda: by_torch(weight=np.pad(WEIGHT, ((0, 0), (0, 0), (1, 1), (1, 1))))),
    "a smaller kernel": ({"kernel": "1 × 2"}, lambda: by_torch(weight=WEIGHT[:, :, 1:2, 0:2])),
    "same, even kernel": (
        {"padding": "same", "kernel": "4"},
        lambda: by_torch(weight=np.pad(WEIGHT, ((0, 0), (0, 0), (0, 1), (0, 1))), padding=(1, 2, 1, 2)),
    ),
    "same, with a stride": ({"padding": "same", "stride": "2"}, lambda: by_torch(stride=2, padding=(1, 1, 0, 1))),
    "several at once": (
        {"stride": "2", "dilation": "2", "padding": "3"},
        lambda: by_torch(stride=2, dilation=2, padding=(3, 3, 3, 3)),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_gives_what_torch_gives(panel: ConvolutionPanel, name: str, qtbot: QtBot) -> None:
    texts, expected = CHANGES[name]
    panel.show_settings(True)
    changed = heard_from(panel.changed)
    for key, text in texts.items():
        field = panel.conv_settings.entries[key].field
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Key.Key_Return)
        assert panel.conv_settings.entries[key].error == ""
    assert len(changed) == len(texts)
    expect(panel, expected(), qtbot)
    QTest.mouseClick(panel.conv_settings.reset, LEFT)
    assert not panel.is_changed
    assert not panel.changed_grid.isVisible()
    assert panel.badge.words.startswith("✓")
    assert [e.field.text() for e in panel.conv_settings.entries.values()] == ["3", "1", "1", "1", "1"]
    assert not panel.conv_settings.reset.isEnabled()


def test_groups_cut_the_connections_between_them(panel: ConvolutionPanel, qtbot: QtBot) -> None:
    panel.conv_settings.entries["groups"].try_text("2")
    panel._choose_unit.setValue(4)
    apart = np.stack([WEIGHT[u, 2 * (u // 3) : 2 * (u // 3) + 2] for u in range(6)])
    expect(panel, by_torch(weight=apart, groups=2), qtbot)
    assert panel.channel in (2, 3)
    assert (panel._choose_channel.minimum(), panel._choose_channel.maximum()) == (2, 3)
    assert panel.tape._content.names == ("map 2", "map 3")  # type: ignore[union-attr]


def test_the_input_map_follows_a_place_in_another_group(panel: ConvolutionPanel) -> None:
    panel.conv_settings.entries["groups"].try_text("2")
    panel.show_place(4, (2, 2))
    assert panel.channel in (2, 3)


def test_each_padding_mode_is_torchs(panel: ConvolutionPanel, qtbot: QtBot) -> None:
    for index, mode in enumerate(PADDING_MODES):
        choose(panel.conv_settings.mode, index)
        if mode == "zeros":
            panel.conv_settings.entries["padding"].try_text("2")
        expect(panel, by_torch(padding=(2, 2, 2, 2), mode=mode), qtbot)
    assert panel.conv_settings._mode_error.isHidden()


def test_each_named_kernel_is_put_everywhere(panel: ConvolutionPanel, qtbot: QtBot) -> None:
    for index, name in enumerate(kernels.KERNELS, 1):
        choose(panel.conv_settings.named, index)
        weight = np.broadcast_to(kernels.kernel(name, (3, 3)), WEIGHT.shape)
        np.testing.assert_allclose(panel.convolution.rows(1, 0, 9), by_torch(weight=weight)[1], atol=1e-9)
    expect(panel, by_torch(weight=weight), qtbot)
    choose(panel.conv_settings.named, 0)
    assert not panel.is_changed


def test_a_named_kernel_in_one_too_small_takes_its_own_size(panel: ConvolutionPanel) -> None:
    panel.conv_settings.entries["kernel"].try_text("2")
    index = list(kernels.KERNELS).index("sobel_x") + 1
    choose(panel.conv_settings.named, index)
    assert panel.convolution.spec.kernel == (3, 3)
    assert panel.conv_settings.entries["kernel"].field.text() == "3"
    assert panel.conv_settings.named.currentIndex() == index
    panel.conv_settings.entries["kernel"].try_text("2")
    assert "3 × 3" in panel.conv_settings.entries["kernel"].error
    assert panel.convolution.spec.kernel == (3, 3)


def test_flipping_is_the_convolution_of_mathematics(panel: ConvolutionPanel, qtbot: QtBot) -> None:
    panel.show_settings(True)
    panel.conv_settings.flip.click()
    expect(panel, by_torch(weight=WEIGHT[:, :, ::-1, ::-1]), qtbot)
    np.testing.assert_array_equal(shown(panel.conv_settings.kernel_grid), WEIGHT[0, 0, ::-1, ::-1])
    type_weight(panel.conv_settings.kernel_grid, (0, 2), "4")  # what is seen is turned
    weight = WEIGHT.copy()
    weight[0, 0, 2, 0] = 4
    expect(panel, by_torch(weight=weight[:, :, ::-1, ::-1]), qtbot)
    panel.conv_settings.flip.click()
    expect(panel, by_torch(weight=weight), qtbot)


def test_a_single_weight_is_typed_or_turned(panel: ConvolutionPanel, qtbot: QtBot) -> None:
    panel.show_settings(True)
    panel.go(3, (1, 1))
    panel.choose_channel(2)
    grid = panel.conv_settings.kernel_grid
    np.testing.assert_array_equal(shown(grid), WEIGHT[3, 2])
    type_weight(grid, (0, 1), "2,5")
    weight = WEIGHT.astype(np.float64)
    weight[3, 2, 0, 1] = 2.5
    expect(panel, by_torch(weight=weight), qtbot)
    assert shown(grid)[0, 1] == 2.5
    where, none = QPointF(grid.cell_rect(0, 1).center()), Qt.MouseButton.NoButton
    for modifiers, step in ((NO_KEYS, 0.1), (Qt.KeyboardModifier.ShiftModifier, 0.01)):
        event = QWheelEvent(
            where, where, QPoint(), QPoint(0, 120), none, modifiers, Qt.ScrollPhase.NoScrollPhase, False
        )
        QApplication.sendEvent(grid, event)
        weight[3, 2, 0, 1] += step
        expect(panel, by_torch(weight=weight), qtbot)
    assert len(panel.conv_settings.changes.weights) == 1


def test_the_kernel_that_is_shown_follows_filter_and_channel(panel: ConvolutionPanel) -> None:
    panel.show_settings(True)
    panel.go(5, (0, 0))
    np.testing.assert_array_equal(shown(panel.conv_settings.kernel_grid), WEIGHT[5, 0])
    panel.choose_channel(3)
    np.testing.assert_array_equal(shown(panel.conv_settings.kernel_grid), WEIGHT[5, 3])


# -- settings that leave values over ----------------------------------------------------------------------------------


def test_what_is_left_over_is_said_painted_and_mended(panel: ConvolutionPanel) -> None:
    panel.show_settings(True)
    settings = panel.conv_settings
    assert settings.misfit.isHidden()
    fitting = panel.input_grid.grab().toImage()
    settings.entries["stride"].try_text("2")
    assert settings.misfit.isVisible()
    assert settings.misfit.text() == "1 column at the end is never reached. What would fit:"
    assert panel.input_grid._left_over == (0, 1)
    painted = panel.input_grid.grab().toImage()
    part = panel.input_grid.cell_rect(5, 9).adjusted(3, 3, -3, -3)
    assert painted.copy(part) != fitting.copy(part)
    offers = [button.text() for button in settings.fits if button.isVisible()]
    assert len(offers) == len(set(offers)) == 3
    for index, words in enumerate(offers):
        settings.reset.click()
        settings.entries["stride"].try_text("2")
        button = settings.fits[index]
        assert button.text() == words
        button.click()
        assert left_overs(panel.convolution) == (0, 0), words
        assert settings.misfit.isHidden()
        assert not any(b.isVisible() for b in settings.fits)
        assert panel.input_grid._left_over == (0, 0)
        np.testing.assert_allclose(
            panel.convolution.rows(0, 0, panel.convolution.output_shape[1]),
            by_torch(
                weight=panel.convolution.weight, stride=panel.convolution.spec.stride,
                padding=panel.convolution.spec.padding,
            )[0],
            atol=1e-9,
        )  # fmt: skip


def test_rows_and_columns_that_do_not_fit_are_mended_together(panel: ConvolutionPanel) -> None:
    panel.show_settings(True)
    panel.conv_settings.entries["stride"].try_text("3 × 5")
    assert "2 rows and 2 columns at the end are never reached" in panel.conv_settings.misfit.text()
    panel.conv_settings.fits[0].click()
    assert left_overs(panel.convolution) == (0, 0)


def test_the_size_formula_says_the_size(panel: ConvolutionPanel) -> None:
    panel.show_settings(True)
    panel.conv_settings.entries["stride"].try_text("2")
    assert panel.conv_settings.rows_formula.accessibleDescription().endswith("plus 1 is 5")
    assert panel.conv_settings.columns_formula.accessibleDescription().endswith("plus 1 is 4")
    assert panel.convolution.output_shape == (6, 5, 4)


# -- what is impossible -----------------------------------------------------------------------------------------------

IMPOSSIBLE = [
    ("stride", "0"), ("stride", "abc"), ("stride", ""), ("stride", "1 2 3"), ("stride", "1.5"), ("kernel", "12"),
    ("kernel", "0"), ("kernel", "99999999"), ("groups", "3"), ("groups", "0"), ("groups", "2 2"), ("padding", "-1"),
    ("padding", "1 2 3"), ("padding", "Same!"), ("dilation", "0"), ("dilation", "5"), ("dilation", "nan"),
]  # fmt: skip


def test_impossible_settings_are_refused_and_change_nothing(panel: ConvolutionPanel, qtbot: QtBot) -> None:
    panel.show_settings(True)
    panel.conv_settings.entries["stride"].try_text("2")
    expected = by_torch(stride=2)
    qtbot.waitUntil(lambda: panel.filler.complete, timeout=5000)
    operation, good = panel.operation, panel.changed_grid.grab().toImage()
    changed = heard_from(panel.changed)
    for key, text in IMPOSSIBLE:
        entry = panel.conv_settings.entries[key]
        before = entry._good
        entry.try_text(text)
        assert entry.error.endswith("."), (key, text)
        assert panel.operation is operation, (key, text)
        entry.try_text(before)
        assert entry.error == ""
    assert changed == []
    assert panel.changed_grid.grab().toImage() == good
    expect(panel, expected, qtbot)


def test_a_mode_that_does_not_fit_is_refused(panel: ConvolutionPanel, qtbot: QtBot) -> None:
    panel.conv_settings.entries["padding"].try_text("8")
    choose(panel.conv_settings.mode, PADDING_MODES.index("reflect"))
    assert "too large for mode 'reflect'" in panel.conv_settings._mode_error.text()
    assert not panel.conv_settings._mode_error.isHidden()
    assert panel.conv_settings.mode.currentIndex() == 0
    expect(panel, by_torch(padding=(8, 8, 8, 8)), qtbot)


def test_a_weight_that_is_no_number_is_refused(panel: ConvolutionPanel) -> None:
    panel.show_settings(True)
    type_weight(panel.conv_settings.kernel_grid, (1, 1), "2")
    operation, good = panel.operation, panel.tape.grab().toImage()
    for text in ("abc", "nan", "inf", "-inf", "1e38", "1e400"):
        type_weight(panel.conv_settings.kernel_grid, (1, 1), text)
        assert panel.operation is operation, text
        assert panel.conv_settings._weight_error.isVisible(), text
        assert panel.conv_settings._weight_error.text().endswith(".")
        assert shown(panel.conv_settings.kernel_grid)[1, 1] == 2
        type_weight(panel.conv_settings.kernel_grid, (1, 1), "2")
        operation = panel.operation
        assert not panel.conv_settings._weight_error.isVisible()
    assert panel.tape.grab().toImage() == good


def test_an_input_with_odd_numbers_does_no_harm(panel: ConvolutionPanel) -> None:
    for odd in (np.inf, -np.inf, 1e38):
        x = X.copy()
        x[1, 4, 4] = odd
        panel.show_subject(subject_of(x))
        for cell in ((3, 3), (4, 4), (8, 7)):
            panel.go(0, cell)
            panel.formula.settle()
        assert not panel.grab().isNull()


# -- moving -----------------------------------------------------------------------------------------------------------


def test_the_input_moves_the_window_by_clicks_and_drags(panel: ConvolutionPanel) -> None:
    click(panel.input_grid, (4, 5))  # of the padded input
    assert panel.cell == (3, 4)
    mouse(panel.input_grid, QEvent.Type.MouseButtonPress, (2, 2))
    for column in range(3, 7):
        mouse(panel.input_grid, QEvent.Type.MouseMove, (2, column))
        assert panel.cell == (1, column - 1)
    mouse(panel.input_grid, QEvent.Type.MouseButtonRelease, (2, 6))
    click(panel.input_grid, (10, 9))
    assert panel.cell == (8, 7)
    panel.conv_settings.entries["stride"].try_text("2")
    click(panel.input_grid, (5, 5))
    assert panel.cell == (2, 2)
    (window,) = panel.input_grid._windows
    assert 5 in window.rows
    assert 5 in window.columns


def test_the_output_moves_the_window_by_clicks_and_drags(panel: ConvolutionPanel) -> None:
    click(panel.output_grid, (6, 2))
    assert panel.cell == (6, 2)
    assert panel.player.index == 6 * 8 + 2
    mouse(panel.output_grid, QEvent.Type.MouseButtonPress, (1, 1))
    mouse(panel.output_grid, QEvent.Type.MouseMove, (2, 7))
    assert panel.cell == (2, 7)
    assert panel.output_grid._cell == (2, 7)
    panel.conv_settings.entries["stride"].try_text("2")
    click(panel.changed_grid, (4, 3))
    assert panel.cell == (4, 3)
    click(panel.output_grid, (8, 7))  # the changed output has no such place
    assert panel.cell == (4, 3)


def test_keys_step_jump_and_play(panel: ConvolutionPanel) -> None:
    panel.setFocus()
    for key, cell in (
        (Key.Key_Right, (0, 1)), (Key.Key_End, (8, 7)), (Key.Key_Left, (8, 6)), (Key.Key_Home, (0, 0)),
    ):  # fmt: skip
        QTest.keyClick(panel, key)
        assert panel.cell == cell
    QTest.keyClick(panel, Key.Key_Space)
    assert panel.player.playing
    QTest.keyClick(panel, Key.Key_Space)
    assert not panel.player.playing


def test_arrows_on_the_output_walk_its_cells(panel: ConvolutionPanel) -> None:
    click(panel.output_grid, (3, 3))
    for key, cell in ((Key.Key_Down, (4, 3)), (Key.Key_Right, (4, 4)), (Key.Key_Up, (3, 4)), (Key.Key_Left, (3, 3))):
        QTest.keyClick(panel.output_grid, key)
        assert panel.cell == cell


def test_arrows_on_the_input_move_the_window(panel: ConvolutionPanel) -> None:
    click(panel.input_grid, (4, 4))
    assert panel.input_grid.hasFocus()
    QTest.keyClick(panel.input_grid, Key.Key_Right)
    assert panel.cell == (3, 4)
    QTest.keyClick(panel.input_grid, Key.Key_Down)
    assert panel.cell == (4, 4)


def test_the_walk_fills_the_output_cell_by_cell(panel: ConvolutionPanel) -> None:
    assert panel.output_grid._filled is None  # whole until the walk begins
    panel.player.go(10)
    assert panel.output_grid._filled == 11
    click(panel.output_grid, (3, 3))
    assert panel.output_grid._filled is None
    panel.player.go(20)
    panel.conv_settings.entries["stride"].try_text("2")
    panel.player.go(2)
    assert panel.output_grid._filled is None  # what is true stays whole
    assert panel.changed_grid._filled == 3


def test_the_place_is_said_when_it_has_come_to_rest(panel: ConvolutionPanel, qtbot: QtBot) -> None:
    chosen = heard_from(panel.place_chosen)
    for index in range(1, 9):
        panel.player.go(index)
    assert chosen == []
    qtbot.waitUntil(lambda: bool(chosen), timeout=3000)
    assert chosen == [(0, (1, 0))]
    panel.show_place(2, (4, 4))  # from elsewhere: nothing is said
    assert (panel.unit, panel.cell) == (2, (4, 4))
    assert not panel._rest.isActive()
    panel.show_place(99, (4, 4))
    assert panel.unit == 2
    panel.player.go(50)
    panel.hide()
    assert not panel._rest.isActive()


def test_a_double_click_on_the_input_goes_where_the_value_comes_from(panel: ConvolutionPanel) -> None:
    chosen = heard_from(panel.source_chosen)
    double_click(panel.input_grid, (3, 6))
    assert chosen == [(Source(0, 0, 2, 5, float(X[0, 2, 5])),)]
    double_click(panel.input_grid, (0, 6))  # padding comes from nowhere
    assert len(chosen) == 1


def test_a_double_click_on_a_product_goes_where_its_value_comes_from(panel: ConvolutionPanel) -> None:
    chosen, places = heard_from(panel.source_chosen), heard_from(panel.place_chosen)
    panel.go(1, (4, 4))
    point = QPointF(panel.tape.matrix_rect(2, 2).topLeft() + QPoint(4, 4))
    event = QMouseEvent(QEvent.Type.MouseButtonDblClick, point, point, LEFT, LEFT, NO_KEYS)
    QApplication.sendEvent(panel.tape, event)
    assert panel.step is not None
    assert chosen == [(Source(0, 2, 3, 3, float(panel.step.products[2, 0, 0])),)]
    assert places == [(1, (4, 4))]  # said before one leaves
    panel.go(1, (0, 0))
    panel.tape.activated.emit(0, 0, 0)  # padding
    assert len(chosen) == 1


def test_enter_follows_the_largest_product(panel: ConvolutionPanel) -> None:
    chosen = heard_from(panel.source_chosen)
    panel.go(3, (5, 2))
    products = np.abs(panel.step.products)  # type: ignore[union-attr]
    c, i, j = np.unravel_index(int(products.argmax()), products.shape)
    panel.setFocus()
    QTest.keyClick(panel, Key.Key_Return)
    panel.output_grid.setFocus()
    QTest.keyClick(panel.output_grid, Key.Key_Return)
    panel.tape.setFocus()
    QTest.keyClick(panel.tape, Key.Key_Return)
    assert [(s.unit, s.row, s.col) for (s,) in chosen] == [(int(c), 4 + int(i), 1 + int(j))] * 3


def test_enter_in_a_field_or_on_a_button_follows_nothing(panel: ConvolutionPanel) -> None:
    panel.show_settings(True)
    chosen = heard_from(panel.source_chosen)
    for control in (
        panel.conv_settings.entries["stride"].field, panel._choose_unit, panel._choose_channel, panel._what_if,
        panel.conv_settings.reset, panel._order,
    ):  # fmt: skip
        control.setFocus()
        QTest.keyClick(control, Key.Key_Return)
    assert chosen == []


def test_pointing_at_a_product_marks_its_value_on_the_input(panel: ConvolutionPanel) -> None:
    panel.go(0, (2, 3))
    panel.tape.hovered.emit((0, 1, 2))
    assert panel.input_grid._marks == (((3, 5), "text"),)
    panel.tape.hovered.emit((1, 1, 2))  # of a map that is not shown
    assert panel.input_grid._marks == ()
    panel.tape.channel_pressed.emit(1)
    assert panel.channel == 1
    panel.tape.hovered.emit((1, 0, 0))
    assert panel.input_grid._marks == (((2, 3), "text"),)


# -- other values -----------------------------------------------------------------------------------------------------


def test_drawing_on_keeps_place_changes_and_walk(panel: ConvolutionPanel, qtbot: QtBot) -> None:
    panel.show_settings(True)
    panel.conv_settings.entries["stride"].try_text("2")
    type_weight(panel.conv_settings.kernel_grid, (0, 0), "3")
    panel.go(2, (3, 1))
    panel.choose_channel(3)
    panel.player.set_index(13)
    panel.player.play()
    other = np.random.default_rng(7).normal(size=X.shape).astype(np.float32)
    weight = WEIGHT.copy()
    weight[0, 0, 0, 0] = 3
    states = heard_from(panel.player.playing_changed)
    subject = subject_of(other)
    panel.show_subject(subject)
    assert panel.player.playing
    assert states == []
    panel.player.pause()
    assert (panel.unit, panel.cell, panel.channel) == (2, (3, 1), 3)
    assert panel.is_changed
    expected = by_torch(other, weight, stride=2)
    qtbot.waitUntil(lambda: panel.filler.complete, timeout=5000)
    np.testing.assert_allclose(shown(panel.changed_grid), expected[2], atol=1e-9)
    np.testing.assert_array_equal(shown(panel.output_grid), subject.output[2])  # type: ignore[index]
    np.testing.assert_array_equal(shown(panel.input_grid), np.pad(other[3], 1))


def test_another_layer_has_its_own_settings(panel: ConvolutionPanel) -> None:
    panel.conv_settings.entries["stride"].try_text("2")
    panel.player.play()
    panel.show_subject(subject_of(title="conv2"))
    assert not panel.is_changed
    assert not panel.player.playing
    assert panel.conv_settings.entries["stride"].field.text() == "1"


def test_changes_can_be_taken_away_and_brought_back(panel: ConvolutionPanel) -> None:
    panel.conv_settings.entries["dilation"].try_text("2")
    kept = panel.edits()
    panel.show_subject(subject_of(title="conv2"))
    panel.put_edits(kept)
    panel.show_subject(subject_of(title="conv2"))
    assert panel.convolution.spec.dilation == (2, 2)
    panel.put_edits(None)
    panel.show_subject(subject_of(title="conv2"))
    assert not panel.is_changed


def test_changes_that_do_not_fit_a_smaller_input_are_dropped(panel: ConvolutionPanel) -> None:
    panel.conv_settings.entries["kernel"].try_text("9")
    panel.go(0, (2, 1))
    panel.show_subject(subject_of(X[:, :3, :3]))
    assert panel.convolution.spec == SPEC
    assert panel.cell == (2, 1)
    assert not panel.is_changed


def test_in_the_laboratory_the_input_can_be_changed(panel: ConvolutionPanel) -> None:
    subject = Subject(Convolution(X, WEIGHT, BIAS, SPEC), None, ("input",), "lab", ("signed",), editable=True)
    panel.show_subject(subject)
    assert panel.conv_settings.isVisible()
    assert not panel.output_grid.isVisible()
    np.testing.assert_allclose(shown(panel.changed_grid), by_torch()[0], atol=1e-9)
    assert not panel.badge.isVisible()
    edited, refused = heard_from(panel.input_edited), heard_from(panel.input_grid.refused)
    panel.choose_channel(2)
    type_weight(panel.input_grid, (1, 8), "7")
    assert edited == [(2, 0, 7, 7.0)]
    type_weight(panel.input_grid, (0, 3), "7")  # padding
    type_weight(panel.input_grid, (3, 9), "7")
    assert len(edited) == 1
    type_weight(panel.input_grid, (2, 2), "x")
    assert len(refused) == 1


def test_digits_reach_every_part(panel: ConvolutionPanel) -> None:
    panel.show_settings(True)
    for digits in range(2, 8):
        panel.set_digits(digits)
        panel.formula.settle()
        assert panel.tape.decimals[0] == digits - 1
        grids = (panel.input_grid, panel.output_grid, panel.changed_grid, panel.conv_settings.kernel_grid)
        assert {grid._digits for grid in grids} == {digits}
