"""Every other panel: what it shows is torch's, its settings do what they say, and nothing impossible is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from torch.nn import functional

from cnnviz.core import operations as ops
from cnnviz.core.convolution import ConvSpec, convolve
from cnnviz.core.normalisation import BatchNorm
from cnnviz.core.pooling import AdaptiveSpec, PoolSpec
from cnnviz.core.transposed import TransposedSpec
from cnnviz.views.lab.compute import PRESETS
from cnnviz.widgets import theme
from cnnviz.widgets.panels import table
from cnnviz.widgets.panels.activation import CHOICES, ActivationPanel
from cnnviz.widgets.panels.base import OperationPanel, Subject
from cnnviz.widgets.panels.dense import DensePanel, SoftmaxPanel
from cnnviz.widgets.panels.dropout import DropoutPanel
from cnnviz.widgets.panels.joining import FlattenPanel, JoinPanel
from cnnviz.widgets.panels.normalisation import BatchNormPanel, LocalResponsePanel
from cnnviz.widgets.panels.parameters import ParametersPanel
from cnnviz.widgets.panels.pooling import PoolingPanel
from cnnviz.widgets.panels.pooling_settings import DIAL_END, KINDS
from cnnviz.widgets.panels.sliding import SlidingPanel
from cnnviz.widgets.panels.transposed import TransposedPanel
from cnnviz.widgets.value_grid import ValueGrid

NO_KEYS = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
Key = Qt.Key
Array = np.ndarray[Any, Any]
P = TypeVar("P", bound=OperationPanel)
Show = Callable[..., Any]
X = np.random.default_rng(11).normal(size=(3, 7, 6)).astype(np.float32)


@pytest.fixture
def show(qtbot: QtBot, qapp: QApplication) -> Show:
    """Return a function that shows an operation in its panel."""
    theme.apply(qapp, "light")
    kept: list[OperationPanel] = []  # qtbot does not: a panel could be collected while it paints itself

    def run(
        kind: type[P], operation: ops.Operation, output: Array | None = None, inputs: tuple[str, ...] = ("input",),
        **other: Any,
    ) -> P:  # fmt: skip
        panel = table.create(operation)
        assert isinstance(panel, kind)
        qtbot.addWidget(panel)
        kept.append(panel)
        panel.resize(1400, 700)
        panel.show_subject(Subject(operation, output, inputs, "layer", ("signed",) * len(inputs), **other))
        panel.show()
        panel.activateWindow()
        return panel

    return run


def heard_from(signal: Any) -> list[tuple[Any, ...]]:
    heard: list[tuple[Any, ...]] = []
    signal.connect(lambda *what: heard.append(what))
    return heard


def choose(box: Any, index: int) -> None:
    box.setCurrentIndex(index)
    box.activated.emit(index)


def mouse(grid: ValueGrid, kind: QEvent.Type, cell: tuple[int, int]) -> None:
    where = QPointF(grid.cell_rect(*cell).center())
    QApplication.sendEvent(grid, QMouseEvent(kind, where, where, LEFT, LEFT, NO_KEYS))


def click(grid: ValueGrid, cell: tuple[int, int]) -> None:
    mouse(grid, QEvent.Type.MouseButtonPress, cell)
    mouse(grid, QEvent.Type.MouseButtonRelease, cell)


def double_click(grid: ValueGrid, cell: tuple[int, int]) -> None:
    click(grid, cell)
    mouse(grid, QEvent.Type.MouseButtonDblClick, cell)


def type_value(grid: ValueGrid, cell: tuple[int, int], text: str) -> None:
    mouse(grid, QEvent.Type.MouseButtonDblClick, cell)
    grid._field.setText(text)
    QTest.keyClick(grid._field, Key.Key_Tab)


def shown(grid: ValueGrid) -> Array:
    assert grid.grid is not None
    return np.asarray(grid.grid.values_hw)


def computed(panel: SlidingPanel) -> Array:
    """Return every map of what a panel computes."""
    operation = panel.operation
    assert operation is not None
    channels, rows, _ = operation.output_shape
    return np.stack([operation.rows(unit, 0, rows) for unit in range(channels)])


def of_torch(run: Callable[[torch.Tensor], torch.Tensor], x: Array = X) -> Array:
    return np.asarray(run(torch.from_numpy(np.asarray(x, np.float64))[None])[0].numpy())


def expect_changed(panel: SlidingPanel, expected: Array, qtbot: QtBot) -> None:
    np.testing.assert_allclose(computed(panel), expected, atol=1e-9)
    qtbot.waitUntil(lambda: panel.filler.complete, timeout=5000)
    np.testing.assert_allclose(shown(panel.changed_grid), expected[panel.unit], atol=1e-9)
    if panel.subject is not None and panel.subject.output is not None:
        assert panel.output_grid.isVisible()
        np.testing.assert_array_equal(shown(panel.output_grid), panel.subject.output[panel.unit])


def test_every_example_of_the_laboratory_is_shown(show: Show) -> None:
    for preset in PRESETS:
        operation = preset.make()
        names = ("x", "F(x)") if isinstance(operation, ops.Sum) else ("input",)
        panel = show(OperationPanel, operation, None, names, editable=True)
        last = tuple(n - 1 for n in operation.output_shape)
        panel.set_digits(5)
        panel.show_place(last[0], last[1:])
        assert (panel.unit, *panel.cell) == last, preset.title
        panel.formula.settle()
        assert panel.formula.accessibleDescription(), preset.title
        assert not panel.grab().isNull()
        panel.hide()


# -- pooling ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pooling(show: Show) -> PoolingPanel:
    operation = ops.Pooling(X, PoolSpec("max", 2))
    single = functional.max_pool2d(torch.from_numpy(X)[None], 2)[0].numpy()
    panel: PoolingPanel = show(PoolingPanel, operation, single)
    panel.show_settings(True)
    return panel


def test_pooling_marks_the_winner_and_sends_the_whole_gradient_there(pooling: PoolingPanel) -> None:
    for cell in ((0, 0), (1, 2), (2, 1)):
        pooling.go(1, cell)
        window = X[1, 2 * cell[0] : 2 * cell[0] + 2, 2 * cell[1] : 2 * cell[1] + 2]
        winner = np.unravel_index(int(window.argmax()), (2, 2))
        np.testing.assert_array_equal(shown(pooling.window_grid), window)
        assert pooling.window_grid._cell == pooling.gradient_grid._cell == winner
        at = (2 * cell[0] + int(winner[0]), 2 * cell[1] + int(winner[1]))
        assert pooling.input_grid._marks == ((at, "accent"),)
        assert f"row {at[0]}, column {at[1]};" in pooling._words.text()
        gradient = np.zeros((2, 2))
        gradient[winner] = 1
        np.testing.assert_array_equal(shown(pooling.gradient_grid), gradient)
        assert pooling.badge.words.startswith("✓")
    pooling.formula.settle()
    assert pooling.formula.accessibleDescription().startswith("the largest of")


def test_the_dial_goes_from_the_mean_over_the_p_norms_to_the_maximum(pooling: PoolingPanel, qtbot: QtBot) -> None:
    positive = ops.Pooling(np.abs(X), PoolSpec("max", 2))
    pooling.show_subject(Subject(positive, None, ("input",), "other", ("activation",)))
    settings = pooling.pool_settings
    settings.dial.setValue(0)
    mean = of_torch(lambda x: functional.avg_pool2d(x, 2), positive.x)
    expect_changed(pooling, mean, qtbot)
    np.testing.assert_allclose(shown(pooling.gradient_grid), np.full((2, 2), 0.25))
    values = []
    for at in range(1, DIAL_END):
        settings.dial.setValue(at)
        assert pooling.pooling.spec.kind == "lp"
        values.append(pooling.pooling.value(0, 0, 0))
    most = of_torch(lambda x: functional.max_pool2d(x, 2), positive.x)
    assert values[0] == pytest.approx(mean[0, 0, 0])  # p = 1
    assert (np.diff(values) >= -1e-12).all()
    assert values[-1] == pytest.approx(most[0, 0, 0], rel=0.03)
    settings.dial.setValue(DIAL_END)
    np.testing.assert_allclose(computed(pooling), most, atol=1e-12)


def test_both_forms_of_the_p_norm(pooling: PoolingPanel, qtbot: QtBot) -> None:
    settings, size = pooling.pool_settings, 4
    choose(settings.kind, KINDS.index("lp"))
    settings.entries["p"].try_text("4")
    norm = of_torch(lambda x: functional.lp_pool2d(x, 4, 2))
    expect_changed(pooling, norm, qtbot)
    choose(settings.kind, KINDS.index("lp averaged"))
    expect_changed(pooling, norm / size**0.25, qtbot)
    step = pooling.pooling.step(0, 0, 0)
    x = torch.tensor(X[0, :2, :2], dtype=torch.float64, requires_grad=True)
    ((x**4).mean() ** 0.25).backward()
    pooling.go(0, (0, 0))
    assert x.grad is not None
    np.testing.assert_allclose(shown(pooling.gradient_grid), x.grad.numpy(), atol=1e-9)
    assert step.value == pytest.approx(norm[0, 0, 0] / size**0.25)
    assert not pooling.badge.isVisible()


def test_pooling_sizes_round_down_and_up(pooling: PoolingPanel, qtbot: QtBot) -> None:
    settings = pooling.pool_settings
    assert settings.sizes.text() == "7 × 6 → 3 × 3 rounded down (floor), 4 × 3 rounded up (ceil)"
    assert pooling.input_grid._left_over == (1, 0)
    settings.ceil.click()
    expect_changed(pooling, of_torch(lambda x: functional.max_pool2d(x, 2, ceil_mode=True)), qtbot)
    assert pooling.input_grid._left_over == (0, 0)
    pooling.go(0, (3, 2))  # its window reaches beyond the input
    assert pooling.input_grid._windows[0].rows == (6,)
    assert pooling.window_grid.grid.blank[1].all()  # type: ignore[union-attr,index]


def test_pooling_settings_are_torchs(pooling: PoolingPanel, qtbot: QtBot) -> None:
    entries = pooling.pool_settings.entries
    entries["kernel"].try_text("3 × 2")
    entries["stride"].try_text("1 × 2")
    expect_changed(pooling, of_torch(lambda x: functional.max_pool2d(x, (3, 2), (1, 2))), qtbot)
    entries["padding"].try_text("1")
    expect_changed(pooling, of_torch(lambda x: functional.max_pool2d(x, (3, 2), (1, 2), 1)), qtbot)
    assert pooling.input_grid.grid.padding == (1, 1, 1, 1)  # type: ignore[union-attr]
    entries["dilation"].try_text("2")
    expect_changed(pooling, of_torch(lambda x: functional.max_pool2d(x, (3, 2), (1, 2), 1, 2)), qtbot)
    choose(pooling.pool_settings.kind, KINDS.index("mean"))  # a mean cannot be dilated
    expect_changed(pooling, of_torch(lambda x: functional.avg_pool2d(x, (3, 2), (1, 2), 1)), qtbot)
    QTest.mouseClick(pooling.pool_settings.reset, LEFT)
    assert not pooling.is_changed
    assert pooling.badge.words.startswith("✓")


def test_impossible_pooling_is_refused(pooling: PoolingPanel) -> None:
    settings = pooling.pool_settings
    pooling.go(0, (1, 1))
    operation, picture = pooling.operation, pooling.output_grid.grab().toImage()
    for key, text in (
        ("kernel", "0"), ("kernel", "99"), ("kernel", "abc"), ("stride", "0"), ("padding", "2"), ("padding", "-1"),
        ("dilation", "7"), ("p", "0"), ("p", "nan"), ("p", "-1"), ("p", "1e9"), ("p", "x"),
    ):  # fmt: skip
        before = settings.entries[key]._good
        settings.entries[key].try_text(text)
        assert settings.entries[key].error.endswith("."), (key, text)
        assert pooling.operation is operation, (key, text)
        settings.entries[key].try_text(before)
    assert pooling.output_grid.grab().toImage() == picture


def test_adaptive_pooling(show: Show, qtbot: QtBot) -> None:
    operation = ops.Pooling(X, AdaptiveSpec("mean", 3))
    single = functional.adaptive_avg_pool2d(torch.from_numpy(X)[None], 3)[0].numpy()
    panel: PoolingPanel = show(PoolingPanel, operation, single)
    panel.show_settings(True)
    settings = panel.pool_settings
    for cell in ((0, 0), (1, 1), (2, 2)):
        panel.go(2, cell)
        assert panel.badge.words.startswith("✓")
    assert panel.input_grid._windows[0].rows == (4, 5, 6)
    assert settings.entries["output"].isVisible()
    assert not settings.entries["kernel"].isVisible()
    settings.entries["output"].try_text("2 × 5")
    expect_changed(panel, of_torch(lambda x: functional.adaptive_avg_pool2d(x, (2, 5))), qtbot)
    choose(settings.kind, KINDS.index("max"))
    expect_changed(panel, of_torch(lambda x: functional.adaptive_max_pool2d(x, (2, 5))), qtbot)
    choose(settings.kind, KINDS.index("lp"))
    assert "p-norm is not known" in settings.error.text()
    assert settings.error.isVisible()
    assert settings.kind.currentIndex() == KINDS.index("max")
    settings.entries["output"].try_text("0")
    assert settings.entries["output"].error
    click(panel.input_grid, (6, 5))
    assert panel.cell == (1, 4)


def test_pooling_goes_where_values_come_from(pooling: PoolingPanel) -> None:
    chosen = heard_from(pooling.source_chosen)
    double_click(pooling.input_grid, (3, 4))
    assert pooling.cell == (1, 2)
    pooling.setFocus()
    QTest.keyClick(pooling, Key.Key_Return)
    window = X[0, 2:4, 4:6]
    i, j = np.unravel_index(int(window.argmax()), (2, 2))
    assert [(s.unit, s.row, s.col) for (s,) in chosen] == [(0, 3, 4), (0, 2 + int(i), 4 + int(j))]
    assert chosen[1][0].amount == pytest.approx(float(window.max()))


# -- transposed convolution -------------------------------------------------------------------------------------------

KERNEL = np.random.default_rng(12).normal(size=(3, 2, 3, 3)).astype(np.float32)
SHIFT = np.array([0.5, -0.25], np.float32)


def transposed_by_torch(weight: Array = KERNEL, **settings: Any) -> Array:
    kernel, bias = (torch.from_numpy(np.asarray(a, np.float64)) for a in (weight, SHIFT))
    return of_torch(lambda x: functional.conv_transpose2d(x, kernel, bias, **settings))


@pytest.fixture
def transposed(show: Show) -> TransposedPanel:
    operation = ops.TransposedConvolution(X, KERNEL, SHIFT, TransposedSpec(3, 2, 1))
    single = transposed_by_torch(stride=2, padding=1).astype(np.float32)
    panel: TransposedPanel = show(TransposedPanel, operation, single)
    panel.show_settings(True)
    return panel


def test_a_transposed_convolution_agrees_and_counts_its_overlaps(transposed: TransposedPanel) -> None:
    for unit, cell in ((0, (0, 0)), (1, (3, 4)), (1, (12, 10))):
        transposed.go(unit, cell)
        assert transposed.badge.words.startswith("✓")
        transposed.formula.settle()
        assert transposed.formula.accessibleDescription().startswith("bias")
    ones = torch.ones(1, 1, 7, 6, dtype=torch.float64)
    counts = functional.conv_transpose2d(ones, torch.ones(1, 1, 3, 3, dtype=torch.float64), stride=2, padding=1)
    np.testing.assert_array_equal(shown(transposed.overlap_grid), counts[0, 0].numpy())
    assert transposed.overlap_grid.grid.whole  # type: ignore[union-attr]
    assert "from 1 to 4, a checkerboard" in transposed._words.text()
    step = transposed.operation.step(1, 12, 10)  # type: ignore[union-attr]
    assert transposed.tape._content.running[-1] == pytest.approx(step.total)  # type: ignore[union-attr]
    transposed.own_settings.entries["kernel"].try_text("2")
    transposed.own_settings.entries["padding"].try_text("0")
    assert "every cell is reached alike" in transposed._words.text()


def test_a_stamp_is_the_kernel_times_a_value_where_it_lies(transposed: TransposedPanel) -> None:
    choose(transposed._view, 1)
    click(transposed.input_grid, (3, 2))
    assert transposed.cell == (6, 4)  # the middle of its stamp
    assert transposed.input_grid._marks == (((3, 2), "pointer"),)
    np.testing.assert_allclose(shown(transposed.stamp_grid), X[0, 3, 2] * KERNEL[0, 0], rtol=1e-6)
    np.testing.assert_array_equal(shown(transposed.kernel_grid), KERNEL[0, 0])
    (window,) = transposed.output_grid._windows
    assert (window.rows, window.columns, window.colour) == ((5, 6, 7), (3, 4, 5), "kernel")
    transposed.go(0, (0, 0))
    (window,) = transposed.output_grid._windows
    assert (window.rows, window.columns) == ((0, 1), (0, 1))  # what the padding cuts off is not framed
    click(transposed.overlap_grid, (2, 2)) if transposed.overlap_grid.isVisible() else None
    choose(transposed._view, 2)
    click(transposed.overlap_grid, (2, 3))
    assert transposed.cell == (2, 3)


def test_the_ordinary_convolution_goes_back_to_the_inputs_size(transposed: TransposedPanel) -> None:
    choose(transposed._view, 3)
    own = transposed_by_torch(stride=2, padding=1)
    expected = convolve(own[:1], KERNEL[0, 0][None, None], None, ConvSpec(3, 2, 1))[0]
    np.testing.assert_allclose(shown(transposed.ordinary_grid), expected, atol=1e-9)
    assert shown(transposed.ordinary_grid).shape == X.shape[1:]


@pytest.mark.parametrize(
    ("texts", "settings"),
    [
        ({"stride": "3 × 1"}, {"stride": (3, 1), "padding": 1}),
        ({"padding": "0 × 2"}, {"stride": 2, "padding": (0, 2)}),
        ({"output_padding": "1"}, {"stride": 2, "padding": 1, "output_padding": 1}),
        ({"dilation": "2"}, {"stride": 2, "padding": 1, "dilation": 2}),
    ],
)
def test_transposed_settings_are_torchs(
    transposed: TransposedPanel, texts: dict[str, str], settings: dict[str, Any], qtbot: QtBot
) -> None:
    for key, text in texts.items():
        transposed.own_settings.entries[key].try_text(text)
        assert transposed.own_settings.entries[key].error == ""
    expect_changed(transposed, transposed_by_torch(**settings), qtbot)
    assert not transposed.badge.isVisible()
    rows = transposed.operation.output_shape[1]  # type: ignore[union-attr]
    assert transposed.own_settings.formula.accessibleDescription() == f"the output has {rows} rows"
    QTest.mouseClick(transposed.own_settings.reset, LEFT)
    assert not transposed.is_changed
    assert transposed.badge.words.startswith("✓")


def test_a_transposed_kernel_is_resized_and_its_weights_typed(transposed: TransposedPanel, qtbot: QtBot) -> None:
    settings = transposed.own_settings
    settings.entries["kernel"].try_text("5")
    larger = np.pad(KERNEL, ((0, 0), (0, 0), (1, 1), (1, 1)))
    expect_changed(transposed, transposed_by_torch(larger, stride=2, padding=1), qtbot)
    settings.reset.click()
    type_value(settings.kernel_grid, (0, 2), "-1,5")
    typed = KERNEL.astype(np.float64)
    typed[0, 0, 0, 2] = -1.5
    expect_changed(transposed, transposed_by_torch(typed, stride=2, padding=1), qtbot)
    operation = transposed.operation
    for text in ("abc", "nan", "1e38", "-inf"):
        type_value(settings.kernel_grid, (0, 2), text)
        assert settings.error.isVisible()
        assert transposed.operation is operation


def test_the_transposed_kernel_that_is_typed_belongs_to_what_is_shown(
    transposed: TransposedPanel, qtbot: QtBot
) -> None:
    transposed._choose_unit.setValue(1)
    transposed._choose_channel.setValue(2)
    np.testing.assert_array_equal(shown(transposed.own_settings.kernel_grid), KERNEL[2, 1])
    type_value(transposed.own_settings.kernel_grid, (1, 1), "4")
    typed = KERNEL.astype(np.float64)
    typed[2, 1, 1, 1] = 4
    expect_changed(transposed, transposed_by_torch(typed, stride=2, padding=1), qtbot)


def test_impossible_transposed_settings_are_refused(transposed: TransposedPanel) -> None:
    operation = transposed.operation
    for key, text in (
        ("stride", "0"), ("stride", "abc"), ("kernel", "0"), ("padding", "50"), ("padding", "-1"),
        ("output_padding", "2"), ("dilation", "0"), ("dilation", "1 2 3"),
    ):  # fmt: skip
        entry = transposed.own_settings.entries[key]
        before = entry._good
        entry.try_text(text)
        assert entry.error.endswith("."), (key, text)
        assert transposed.operation is operation, (key, text)
        entry.try_text(before)


def test_cells_that_no_stamp_reaches_hold_the_bias(show: Show) -> None:
    operation = ops.TransposedConvolution(
        np.ones((1, 2, 2)), np.ones((1, 1, 1, 1)), np.array([0.5]), TransposedSpec(1, 3)
    )
    panel: TransposedPanel = show(TransposedPanel, operation, None)
    panel.go(0, (1, 1))
    assert panel.tape._content is None
    assert "its value is the bias" in panel.tape._sentence
    assert panel.input_grid._marks == ()
    panel.go(0, (3, 3))
    assert panel.tape._content is not None


def test_a_product_of_a_stamp_goes_where_its_value_comes_from(transposed: TransposedPanel) -> None:
    chosen = heard_from(transposed.source_chosen)
    transposed.go(0, (3, 3))
    step = transposed._step
    assert step is not None
    transposed.tape.activated.emit(1, 0, 2)
    row, column = (int(v) for v in step.sources[2])
    assert chosen == [(ops.Source(0, 1, row, column, float(step.products[1, 2])),)]
    double_click(transposed.input_grid, (6, 5))
    assert chosen[1] == (ops.Source(0, 0, 6, 5, float(X[0, 6, 5])),)


# -- activation -------------------------------------------------------------------------------------------------------


def test_the_activation_can_be_swapped_and_its_parameter_changed(show: Show, qtbot: QtBot) -> None:
    operation = ops.Activation(X, "relu", np.zeros(1))
    panel: ActivationPanel = show(ActivationPanel, operation, np.maximum(X, 0))
    panel.go(1, (2, 3))
    assert panel.badge.words.startswith("✓")
    assert not panel.entry.isVisible()
    saturated = float((X <= 0).mean())
    assert panel.shares.text().startswith("dead maps (0 everywhere): 0.0%")
    assert f"saturated values (f′ almost 0): {saturated:.1%}" in panel.shares.text()
    pairs: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "elu": functional.elu, "gelu": functional.gelu,
        "silu": functional.silu, "softplus": functional.softplus, "relu6": functional.relu6, "mish": functional.mish,
        "hardtanh": functional.hardtanh, "hardswish": functional.hardswish, "hardsigmoid": functional.hardsigmoid,
        "leaky_relu": functional.leaky_relu, "arctan": torch.atan,
    }  # fmt: skip
    for name, run in pairs.items():
        choose(panel.choice, CHOICES.index(name))
        expect_changed(panel, of_torch(run), qtbot)
        assert not panel.badge.isVisible()
    choose(panel.choice, CHOICES.index("leaky_relu"))
    assert panel.entry.isVisible()
    panel.entry.try_text("0,5")
    expect_changed(panel, of_torch(lambda x: functional.leaky_relu(x, 0.5)), qtbot)
    kept = panel.operation
    for text in ("abc", "nan", "inf", "-inf"):
        panel.entry.try_text(text)
        assert panel.entry.error, text
        assert panel.operation is kept
    x = torch.tensor(float(X[1, 2, 3]), dtype=torch.float64, requires_grad=True)
    functional.leaky_relu(x, 0.5).backward()
    assert panel.layer.slope(1, 2, 3) == pytest.approx(float(x.grad))  # type: ignore[arg-type]
    assert panel.plot._x == pytest.approx(float(x.detach()))
    panel.reset.click()
    assert not panel.is_changed
    choose(panel.choice, CHOICES.index("relu"))
    assert not panel.is_changed


def test_dead_units_are_counted(show: Show) -> None:
    x = np.array([[[1.0, -1.0]], [[-1.0, -2.0]], [[-3.0, -0.5]], [[2.0, 2.0]]], np.float32)
    panel: ActivationPanel = show(ActivationPanel, ops.Activation(x, "relu", np.zeros(1)), np.maximum(x, 0))
    assert "dead maps (0 everywhere): 50.0%" in panel.shares.text()
    assert "saturated values (f′ almost 0): 62.5%" in panel.shares.text()


def test_an_element_goes_where_its_value_comes_from(show: Show) -> None:
    panel: ActivationPanel = show(ActivationPanel, ops.Activation(X, "relu", np.zeros(1)), np.maximum(X, 0))
    chosen = heard_from(panel.source_chosen)
    panel.go(2, (0, 0))
    double_click(panel.input_grid, (4, 5))
    assert panel.cell == (4, 5)
    panel.setFocus()
    QTest.keyClick(panel, Key.Key_Return)
    assert chosen == [(ops.Source(0, 2, 4, 5, float(X[2, 4, 5])),)] * 2


# -- normalisation and dropout ----------------------------------------------------------------------------------------


def test_batch_norm_with_running_and_with_own_statistics(show: Show, qtbot: QtBot) -> None:
    mean, variance = np.array([0.1, -0.2, 0.3], np.float32), np.array([1.0, 2.0, 0.5], np.float32)
    gamma, beta = np.array([1.5, -1.0, 0.5], np.float32), np.array([0.0, 1.0, -1.0], np.float32)
    tensors = [torch.from_numpy(a) for a in (mean, variance, gamma, beta)]
    single = functional.batch_norm(torch.from_numpy(X)[None], *tensors)[0].numpy()
    numbers = BatchNorm(*(a.astype(np.float64) for a in (mean, variance, gamma, beta)))
    operation = ops.BatchNormalisation(X, numbers)
    panel: BatchNormPanel = show(BatchNormPanel, operation, single)
    for unit, cell in ((0, (0, 0)), (1, (6, 5)), (2, (3, 3))):
        panel.go(unit, cell)
        assert panel.badge.words.startswith("✓")
        panel.formula.settle()
        assert "over the root of" in panel.formula.accessibleDescription()
    doubles = [t.double() for t in tensors]
    np.testing.assert_allclose(computed(panel), of_torch(lambda x: functional.batch_norm(x, *doubles)), atol=1e-9)
    account = panel.numbers._account
    assert account is not None
    np.testing.assert_array_equal([c.values for c in account.columns], [mean, variance, gamma, beta])
    assert "running statistics" in panel._words.text()
    panel.by_batch.click()
    trained = of_torch(lambda x: functional.batch_norm(x, None, None, *doubles[2:], training=True))
    expect_changed(panel, trained, qtbot)
    np.testing.assert_allclose(panel.numbers._account.columns[0].values, X.mean(axis=(1, 2)), atol=1e-6)  # type: ignore[union-attr]
    assert "this picture's statistics" in panel._words.text()
    assert not panel.badge.isVisible()
    panel.numbers.pressed.emit(0)
    assert panel.unit == 0
    panel.by_batch.click()
    assert not panel.is_changed
    assert panel.badge.words.startswith("✓")


def test_local_response_normalisation_divides_by_its_neighbours(show: Show) -> None:
    x = np.random.default_rng(4).normal(size=(7, 4, 3)).astype(np.float32) * 5
    settings = {"size": 5, "alpha": 0.01, "beta": 0.75, "k": 2.0}
    single = functional.local_response_norm(torch.from_numpy(x)[None], **settings)[0].numpy()
    panel: LocalResponsePanel = show(LocalResponsePanel, ops.LocalResponse(x, **settings), single)  # type: ignore[arg-type]
    for unit, names in ((0, ["map 0", "map 1", "map 2"]), (3, [f"map {n}" for n in range(1, 6)])):
        panel.go(unit, (2, 1))
        assert panel.badge.words.startswith("✓")
        account = panel.neighbours._account
        assert account is not None
        assert [account.name(n) for n in account.order.tolist()] == names
        channels = [int(name[4:]) for name in names]
        np.testing.assert_allclose(account.columns[0].values, x[channels, 2, 1], rtol=1e-6)
        np.testing.assert_allclose(account.columns[1].values, x[channels, 2, 1].astype(float) ** 2, rtol=1e-6)
        assert account.name(panel.neighbours._position) == f"map {unit}"  # type: ignore[arg-type]
    np.testing.assert_allclose(
        computed(panel), of_torch(lambda v: functional.local_response_norm(v, **settings), x), atol=1e-9
    )


def test_dropout_drops_by_its_mask_and_says_both_names(show: Show) -> None:
    panel: DropoutPanel = show(DropoutPanel, ops.Dropout(X, 0.25), X)
    panel.go(1, (2, 2))
    assert panel.badge.words.startswith("✓")
    assert panel.words.text().startswith("Drop-probability 0.25, keep-probability 0.75. In evaluation")
    assert shown(panel.mask_grid).all()
    assert not panel.again.isEnabled()
    panel.training.click()
    masks = []
    for _ in range(3):
        mask = shown(panel.mask_grid).copy()
        assert set(np.unique(mask)) <= {0.0, 1.0}
        np.testing.assert_allclose(computed(panel)[1], X[1].astype(float) * mask / 0.75, atol=1e-9)
        masks.append(mask)
        panel.again.click()
    assert (masks[0] != masks[1]).any()
    assert (masks[1] != masks[2]).any()
    assert not panel.badge.isVisible()
    assert "multiplied by 1/(1 − 0.25) = 1.333" in panel.words.text()
    panel.entry.try_text("1")
    assert not computed(panel).any()
    panel.entry.try_text("0")
    np.testing.assert_allclose(computed(panel), X, atol=1e-9)
    kept = panel.operation
    for text in ("-0.1", "1.5", "nan", "abc", "inf"):
        panel.entry.try_text(text)
        assert panel.entry.error, text
        assert panel.operation is kept
    panel.training.click()
    np.testing.assert_allclose(computed(panel), X, atol=1e-9)


def test_dropout_of_whole_maps(show: Show) -> None:
    x = np.ones((40, 2, 2))
    panel: DropoutPanel = show(DropoutPanel, ops.Dropout(x, 0.5, channels=True, seed=3))
    kept = panel.dropout.kept()
    assert (kept.all(axis=(1, 2)) | ~kept.any(axis=(1, 2))).all()
    assert 5 < kept[:, 0, 0].sum() < 35
    assert panel.training.isChecked()
    assert "whole maps" in panel.words.text()


# -- vectors ----------------------------------------------------------------------------------------------------------


def test_flattening_follows_an_element_both_ways(show: Show) -> None:
    panel: FlattenPanel = show(FlattenPanel, ops.Flatten(X), X.reshape(-1, 1, 1))
    assert panel._words.text() == "3 × 7 × 6 = 126 elements"
    click(panel.strip_grid, (2, 4 * 6 + 5))
    assert panel.unit == 2 * 42 + 29
    assert panel.input_grid._cell == (4, 5)
    np.testing.assert_array_equal(shown(panel.input_grid), X[2])
    click(panel.input_grid, (1, 3))
    assert panel.unit == 2 * 42 + 9
    assert panel.strip_grid._cell == (2, 9)
    assert panel.badge.words.startswith("✓")
    for unit in range(0, 126, 7):
        panel.show_place(unit, None)
        channel, row, col = panel.flatten.origin(unit)
        assert panel.flatten.element(channel, row, col) == unit
        assert X[channel, row, col] == X.reshape(-1)[unit]
        assert panel.badge.words.startswith("✓")
    chosen = heard_from(panel.source_chosen)
    double_click(panel.strip_grid, (1, 8))
    assert chosen == [(ops.Source(0, 1, 1, 2, float(X[1, 1, 2])),)]
    panel.formula.settle()
    assert panel.formula.accessibleDescription().startswith("element 50 is row 1, column 2 of map 1")


@pytest.fixture
def dense(show: Show) -> DensePanel:
    generator = np.random.default_rng(5)
    weight, bias = generator.normal(size=(10, 126)).astype(np.float32), generator.normal(size=10).astype(np.float32)
    single = functional.linear(*(torch.from_numpy(a) for a in (X.reshape(-1), weight, bias))).numpy()
    operation = ops.Dense(X.reshape(-1), weight, bias, X.shape)  # type: ignore[arg-type]
    panel: DensePanel = show(DensePanel, operation, single.reshape(-1, 1, 1))
    return panel


def test_a_dense_node_is_an_account_in_each_order(dense: DensePanel) -> None:
    step = dense.dense.step(0)
    expected = {
        0: np.argsort(-np.abs(step.products), kind="stable"), 1: np.argsort(-step.products, kind="stable"),
        2: np.argsort(step.products, kind="stable"), 3: np.arange(126),
    }  # fmt: skip
    for index, order in expected.items():
        choose(dense._order, index)
        account = dense.ledger._account
        assert account is not None
        np.testing.assert_array_equal(account.order, order)
        assert account.running is not None
        assert account.running[-1] == pytest.approx(step.total)
        assert account.running[0] == pytest.approx(step.bias + step.products[order[0]])
        np.testing.assert_allclose(account.columns[2].values, account.columns[0].values * account.columns[1].values)
    assert dense._words.text().startswith("126 terms: positive")


def test_every_dense_node_agrees_and_is_chosen_in_each_way(dense: DensePanel, qtbot: QtBot) -> None:
    places = heard_from(dense.place_chosen)
    for unit in range(10):
        dense.unit_box.setValue(unit)
        assert dense.unit == unit
        assert dense.badge.words.startswith("✓")
    qtbot.waitUntil(lambda: bool(places), timeout=3000)
    assert places == [(9, (0, 0))]
    dense.setFocus()
    QTest.keyClick(dense, Key.Key_Right)
    assert dense.unit == 9
    QTest.keyClick(dense, Key.Key_Left)
    assert dense.unit == 8
    dense.show_labels(tuple("abcdefghij"))
    dense.refresh()
    assert dense.unit_box.suffix() == " (i)"
    dense.formula.settle()
    assert r"z_{\mathrm{i}}" in dense.formula.tex
    dense.set_digits(6)
    step = dense.dense.step(8)
    assert f"is {step.total:.5f}".replace("-", "−") in dense.formula.accessibleDescription()


def test_dense_weights_are_folded_back_into_maps(dense: DensePanel) -> None:
    dense.unit_box.setValue(4)
    step = dense.dense.step(4)
    dense.ledger.pressed.emit(2 * 42 + 3 * 6 + 1)
    np.testing.assert_array_equal(shown(dense.weights_grid), step.weights.reshape(X.shape)[2])
    np.testing.assert_array_equal(shown(dense.products_grid), step.products.reshape(X.shape)[2])
    assert dense.weights_grid._cell == dense.products_grid._cell == (3, 1)
    assert dense._name(2 * 42 + 3 * 6 + 1) == "map 2 (3, 1)"
    click(dense.products_grid, (5, 5))
    assert dense._term == 2 * 42 + 35
    account = dense.ledger._account
    assert account is not None
    assert account.order[dense.ledger._position] == 2 * 42 + 35
    chosen = heard_from(dense.source_chosen)
    double_click(dense.weights_grid, (0, 2))
    dense.ledger.activated.emit(7)
    dense.setFocus()
    QTest.keyClick(dense, Key.Key_Return)
    assert [s.unit for (s,) in chosen] == [86, 7, int(np.abs(step.products).argmax())]
    assert chosen[1][0].amount == pytest.approx(float(step.products[7]))


def test_a_radial_basis_node_adds_squared_differences(show: Show) -> None:
    centres = np.sign(np.random.default_rng(6).normal(size=(4, 20)))
    x = np.random.default_rng(7).normal(size=20)
    output = -0.5 * ((x - centres) ** 2).sum(axis=1)
    panel: DensePanel = show(DensePanel, ops.RadialBasis(x, centres), output.reshape(-1, 1, 1))
    for unit in range(4):
        panel.unit_box.setValue(unit)
        assert panel.badge.words.startswith("✓")
        account = panel.ledger._account
        assert account is not None
        assert account.running is not None
        assert account.running[-1] == pytest.approx(output[unit])
        assert account.columns[1].title == "centre w"
    assert not panel._folded.isVisible()


def test_softmax_has_a_temperature_and_is_torchs_at_one_only(show: Show) -> None:
    logits = np.array([2.0, -1.0, 0.5, 3.0, -4.0], np.float32)
    single = functional.softmax(torch.from_numpy(logits), 0).numpy().reshape(-1, 1, 1)
    panel: SoftmaxPanel = show(SoftmaxPanel, ops.Softmax(logits), single)
    assert panel.temperature == 1
    for unit in range(5):
        panel.show_place(unit, (0, 0))
        assert panel.badge.words.startswith("✓")
    account = panel.ledger._account
    assert account is not None
    assert account.order.tolist() == [3, 0, 2, 1, 4]
    assert account.columns[3].values.sum() == pytest.approx(1)
    for at in (0, 25, 80, 100):
        panel.dial.setValue(at)
        assert panel.badge.words == "PyTorch's probabilities are those at T = 1."
        scaled = torch.from_numpy(logits.astype(np.float64)) / panel.temperature
        expected = functional.softmax(scaled, 0).numpy()
        np.testing.assert_allclose(panel.ledger._account.columns[3].values, expected, atol=1e-12)  # type: ignore[union-attr]
        assert panel._words.text() == f"T = {panel.temperature:g}"
    assert (panel.dial.value(), panel.temperature) == (100, 10.0)
    panel.dial.setValue(50)
    assert panel.badge.words.startswith("✓")
    panel.ledger.pressed.emit(2)
    assert panel.unit == 2
    assert "sigmoid(0.500) = 0.622" in panel._sigmoid.text()
    chosen = heard_from(panel.source_chosen)
    panel.ledger.activated.emit(1)
    panel.setFocus()
    QTest.keyClick(panel, Key.Key_Return)
    assert chosen == [(ops.Source(0, 1, 0, 0, -1.0),), (ops.Source(0, 2, 0, 0, 0.5),)]
    panel.show_labels(("cat", "dog", "cow", "hen", "fox"))
    assert panel._name(2) == "cow"


def test_softmax_of_large_logits_does_not_overflow(show: Show) -> None:
    logits = np.array([1e4, -1e4, 9.999e3])
    panel: SoftmaxPanel = show(SoftmaxPanel, ops.Softmax(logits))
    panel.dial.setValue(0)
    assert panel.ledger._account.columns[3].values.sum() == pytest.approx(1)  # type: ignore[union-attr]
    assert not panel.badge.isVisible()
    for unit in range(3):
        panel.go(unit, (0, 0))
        assert not panel.grab().isNull()


# -- joining ----------------------------------------------------------------------------------------------------------


def test_a_sum_shows_every_term_and_its_share(show: Show) -> None:
    other, third = X[:, ::-1] * 0.5, np.full((3, 1, 1), 2.0, np.float32)
    operation = ops.Sum((X, other, third), (1, -1, 1))
    panel: JoinPanel = show(JoinPanel, operation, X - other + third, ("skip", "branch", "scale"))
    panel.go(1, (2, 3))
    assert panel.badge.words.startswith("✓")
    np.testing.assert_array_equal(shown(panel.input_grid), X[1])
    np.testing.assert_array_equal(shown(panel.grids[0]), other[1])
    np.testing.assert_array_equal(shown(panel.grids[1]), np.full((7, 6), 2.0))
    assert [grid.isVisible() for grid in panel.grids] == [True, True, False]
    assert panel.grids[0]._cell == (2, 3)
    terms = [float(X[1, 2, 3]), -float(other[1, 2, 3]), 2.0]
    size = sum(map(abs, terms))
    shares = ", ".join(f"{n} {abs(t) / size:.0%}" for n, t in zip(("skip", "branch", "scale"), terms, strict=True))
    assert panel._words.text() == f"Shares of the magnitudes: {shares}"
    panel.formula.settle()
    assert panel.formula.accessibleDescription().count(" plus ") == 2
    chosen = heard_from(panel.source_chosen)
    double_click(panel.grids[0], (5, 1))
    double_click(panel.input_grid, (0, 1))
    double_click(panel.grids[1], (4, 4))
    assert [(s.index, s.unit, s.row, s.col) for (s,) in chosen] == [(1, 1, 5, 1), (0, 1, 0, 1), (2, 1, 0, 0)]


def test_a_concatenation_shows_the_input_that_a_map_comes_from(show: Show) -> None:
    other = X[:2] + 1
    operation = ops.Concatenation((X, other))
    panel: JoinPanel = show(JoinPanel, operation, np.concatenate([X, other]), ("left", "right"))
    for unit, (index, inner) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]):
        panel.go(unit, (1, unit))
        assert panel.badge.words.startswith("✓")
        assert operation.origin(unit) == (index, inner)
        mine, others = (panel.input_grid, panel.grids[0]) if index == 0 else (panel.grids[0], panel.input_grid)
        np.testing.assert_array_equal(shown(mine), (X, other)[index][inner])
        assert others.grid is None
        assert panel._words.text() == f"Map {unit} is map {inner} of {('left', 'right')[index]}, as it is."
    chosen = heard_from(panel.source_chosen)
    double_click(panel.grids[0], (3, 2))
    assert chosen == [(ops.Source(1, 1, 3, 2, float(other[1, 3, 2])),)]
    assert not panel.grab().isNull()


def test_the_parameters_of_both_layers_are_counted(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    panel = ParametersPanel()
    qtbot.addWidget(panel)
    panel.show()
    changed = heard_from(panel.changed)
    panel.show_sizes({"side": 8, "depth": 3, "nodes": 10, "kernel": 5, "kernels": 4})
    assert changed == []
    dense, conv = torch.nn.Linear(8 * 8 * 3, 10), torch.nn.Conv2d(3, 4, 5)
    counts = tuple(sum(p.numel() for p in layer.parameters()) for layer in (dense, conv))
    assert panel.counts() == counts
    panel.boxes["side"].setValue(16)
    assert panel.counts()[0] == 16 * 16 * 3 * 10 + 10
    assert panel._sliders["side"].value() == 16
    assert changed == [()]
    panel._sliders["kernels"].setValue(512)
    assert panel.counts()[1] == 512 * 76
    assert "times fewer" in panel.words.text()
    assert panel.bars.accessibleDescription() == "Dense layer 7,690, convolution 38,912 parameters"
    assert not panel.grab().isNull()


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # infinite minus infinite
def test_odd_numbers_do_no_harm_in_any_panel(show: Show) -> None:
    x = np.abs(X).copy()
    x[0, 0, 0], x[0, 1, 1], x[1, 2, 2] = np.inf, 1e38, -np.inf
    ones = np.ones(3)
    for operation in (
        ops.Pooling(x, PoolSpec("max", 2)), ops.Pooling(x, PoolSpec("mean", 2)), ops.Pooling(x, PoolSpec("lp", 2)),
        ops.Activation(x, "tanh", np.zeros(1)), ops.BatchNormalisation(x, BatchNorm(ones, ones, ones, ones)),
        ops.Dropout(x, 0.5, seed=1), ops.Flatten(x), ops.Dense(x.reshape(-1), np.ones((2, 126)), None, x.shape),
        ops.Concatenation((x, x)), ops.TransposedConvolution(x, KERNEL, SHIFT, TransposedSpec(3, 2)),
    ):  # fmt: skip
        names = ("input",) * (2 if isinstance(operation, ops.Concatenation) else 1)
        panel = show(OperationPanel, operation, None, names)
        for cell in ((0, 0), (1, 1)):
            panel.show_place(None, cell)
            assert not panel.grab().isNull()
        panel.hide()


def test_points_of_a_panel_have_names(show: Show) -> None:
    for preset in PRESETS[::4]:
        panel = show(OperationPanel, preset.make(), None, ("a", "b"))
        for grid in panel.findChildren(ValueGrid):
            assert grid.accessibleName()
        assert panel.rect().contains(QPoint(1, 1))
        panel.hide()
