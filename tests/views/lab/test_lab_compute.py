"""The laboratory's examples with the numbers of the lectures, and changes that are made or refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cnnviz.core.errors import UserError
from cnnviz.core.operations import (
    Activation,
    BatchNormalisation,
    Convolution,
    Dense,
    Operation,
    Pooling,
    Softmax,
    Sum,
    TransposedConvolution,
)
from cnnviz.views.lab import compute
from cnnviz.views.lab.compute import COUNTINGS, PRESETS, Preset


def preset(title: str, group: str = "") -> Preset:
    found = [p for p in PRESETS if p.title == title and group in ("", p.group)]
    assert len(found) == 1
    return found[0]


def made(title: str, group: str = "") -> Operation:
    return preset(title, group).make()


def refused(change: Callable[[], object]) -> str:
    with pytest.raises(UserError) as error:
        change()
    assert error.value.sentence.endswith(".")
    return error.value.sentence


def test_every_example_has_an_output_of_finite_numbers_and_is_made_anew() -> None:
    assert len({(p.group, p.title) for p in PRESETS}) == len(PRESETS)
    for one in PRESETS:
        operation = one.make()
        units, rows, _ = operation.output_shape
        values = np.stack([operation.rows(unit, 0, rows) for unit in range(units)])
        assert values.shape == operation.output_shape
        assert np.isfinite(values).all(), one.title
        for unit, row, col in ((0, 0, 0), tuple(n - 1 for n in operation.output_shape)):
            assert operation.value(unit, row, col) == pytest.approx(values[unit, row, col], abs=1e-12)
        assert one.make() is not operation


def test_notes_hold_the_numbers_that_are_computed() -> None:
    def note(title: str) -> str:
        one = preset(title)
        return one.note(one.make())

    assert "4.00 3.00 4.00 / 2.00 4.00 3.00 / 2.00 3.00 4.00" in note("5 × 5, padding 0, stride 1")
    assert "4.00 4.00 / 2.00 4.00" in note("5 × 5, padding 0, stride 2")
    assert "add up to -25 at" in note("three colours, one window").replace("−", "-")
    assert "6.00 8.00 / 3.00 4.00" in note("maximum")
    assert "3.25 5.25 / 2.00 2.00" in note("mean")
    p_norm = note("p-norm, p = 5, averaged")
    assert "4.86 and 8 where 4.87 and 6.61 are right" in p_norm
    expected = (np.array([2.0, 4, 7, 8]) ** 5).mean() ** 0.2
    assert f"{expected:.2f}" == "6.61"
    norm = (np.array([1.0, 1, 5, 6]) ** 5).sum() ** 0.2
    assert f"{norm:.2f}" in note("PyTorch: LPPool2d, p = 5")
    assert "(1, 2, 0, 1)" in note("4 × 2 kernel, same size")


def test_a_note_follows_the_operation_it_is_about() -> None:
    one = preset("three colours, one window")
    operation = compute.with_bias(one.make(), [11.0])
    assert "-15 at" in one.note(operation).replace("−", "-")


def test_the_parameter_examples_give_the_lectures_counts() -> None:
    counts = [compute.count(sizes) for _, sizes in COUNTINGS]
    assert counts[0].dense == 12_289_000
    assert counts[1].dense == 3_146_752
    assert counts[2].convolution == 1_792
    assert counts[0].ratio == 12_289_000 / 1_792


def test_another_size_cuts_off_or_fills_up_with_zeros() -> None:
    own = made("5 × 5, padding 0, stride 1")
    larger = compute.with_size(own, 7, 6)
    x = compute.input_of(larger)
    assert x.shape == (1, 7, 6)
    assert np.array_equal(x[0, :5, :5], compute.IMAGE)
    assert not x[0, 5:].any()
    assert not x[0, :, 5:].any()
    assert larger.output_shape == (1, 5, 4)
    smaller = compute.with_size(larger, 4, 3)
    assert np.array_equal(compute.input_of(smaller)[0], compute.IMAGE[:4, :3])
    assert compute.input_of(own).shape == (1, 5, 5)  # what there was stays as it was


def test_more_maps_get_weights_of_their_own() -> None:
    own = made("5 × 5, padding 0, stride 1")
    changed = compute.with_size(own, 5, 5, 3)
    assert isinstance(changed, Convolution)
    assert changed.weight.shape == (1, 3, 3, 3)
    assert np.array_equal(changed.weight[0, 0], compute.CROSS)
    assert not changed.weight[0, 1:].any()
    turned = compute.with_size(made("stride 2, kernel 4: even"), 3, 3, 2)
    assert isinstance(turned, TransposedConvolution)
    assert turned.weight.shape == (2, 1, 4, 4)
    normal = compute.with_size(made("batch norm"), 4, 4, 5)
    assert isinstance(normal, BatchNormalisation)
    assert normal.numbers.mean.tolist() == [0.5, 0.0, -0.2, 0.5, 0.0]
    for title in ("maximum", "ReLU", "local response (AlexNet)", "half of the values", "flatten two maps"):
        assert compute.input_of(compute.with_size(made(title), 6, 7, 4)).shape == (4, 6, 7)
    both = compute.with_size(made("a residual sum"), 5, 3, 1)
    assert isinstance(both, Sum)
    assert [x.shape for x in both.inputs] == [(1, 5, 3)] * 2
    assert both.output_shape == (1, 5, 3)


def test_sizes_that_no_grid_shows_are_refused() -> None:
    own = made("5 × 5, padding 0, stride 1")
    for height, width, channels in ((10_000, 10_000, 1), (65, 5, 1), (5, 0, 1), (-1, 5, 1), (5, 5, 0), (5, 5, 17)):
        refused(lambda: compute.with_size(own, height, width, channels))  # noqa: B023
    assert "10,000 × 10,000" in refused(lambda: compute.with_size(own, 10_000, 10_000))
    assert "kernel" in refused(lambda: compute.with_size(own, 2, 2))
    assert compute.with_size(own, 64, 64, 16).output_shape == (1, 62, 62)


def test_another_number_of_filters() -> None:
    own = made("5 × 5, padding 0, stride 1")
    changed = compute.with_filters(own, 3)
    assert isinstance(changed, Convolution)
    assert changed.output_shape == (3, 3, 3)
    assert np.array_equal(changed.rows(0, 0, 3), own.rows(0, 0, 3))
    assert not changed.rows(2, 0, 3).any()
    dense = compute.with_filters(made("a dense layer of three nodes"), 2)
    assert isinstance(dense, Dense)
    assert dense.bias is not None
    assert dense.bias.tolist() == [0.1, 0.0]
    turned = compute.with_filters(made("stride 2, kernel 4: even"), 4)
    assert turned.output_shape == (4, 6, 6)
    for count in (0, -1, 17):
        refused(lambda: compute.with_filters(own, count))  # noqa: B023
    pool = made("maximum")
    assert compute.with_filters(pool, 5) is pool


def test_biases_one_for_all_or_one_for_each() -> None:
    own = compute.with_filters(made("5 × 5, padding 0, stride 1"), 3)
    assert [compute.with_bias(own, [2.5]).value(n, 0, 0) for n in range(3)] == [6.5, 2.5, 2.5]
    assert [compute.with_bias(own, [1, 2, 3]).value(n, 0, 0) for n in range(3)] == [5, 2, 3]
    assert "1 or 3 numbers" in refused(lambda: compute.with_bias(own, [1, 2]))
    assert "1 number;" in refused(lambda: compute.with_bias(compute.with_filters(own, 1), []))


def test_values_and_weights_of_vectors() -> None:
    own = made("a dense layer of three nodes")
    changed = compute.with_values(own, [1.0, 2.0])
    assert isinstance(changed, Dense)
    assert isinstance(own, Dense)
    assert np.array_equal(changed.weight, own.weight[:, :2])
    assert changed.value(1) == pytest.approx(float(own.weight[1, 0] + 2 * own.weight[1, 1]))
    longer = compute.with_values(own, [1.0] * 6)
    assert longer.value(0) == pytest.approx(float(own.weight[0].sum()) + 0.1)
    other = compute.with_weights(changed, [[1.0, 2.0], [3.0, 4.0]])
    assert [other.value(n, 0, 0) for n in (0, 1)] == [5.1, 11.0]
    assert "needs 2 numbers" in refused(lambda: compute.with_weights(changed, [[1.0]]))
    refused(lambda: compute.with_weights(changed, []))
    refused(lambda: compute.with_values(own, []))
    refused(lambda: compute.with_values(own, [0.0] * 65))
    soft = compute.with_values(made("softmax of four classes"), [0.0, 0.0])
    assert isinstance(soft, Softmax)
    assert soft.value(0) == 0.5


def test_one_cell_is_replaced_and_the_rest_stays() -> None:
    own = made("maximum")
    changed = compute.with_cell(own, (0, 1, 0), 9.0)
    assert changed.value(0, 0, 0) == 9
    assert own.value(0, 0, 0) == 6
    dense = compute.with_cell(made("a dense layer of three nodes"), (2, 0, 0), 7.0)
    assert compute.input_of(dense).tolist() == [1.0, 0.5, 7.0, 2.0]
    both = compute.with_cell(made("a residual sum"), (0, 0, 0), 100.0)
    assert both.value(0, 0, 0) == pytest.approx(100.0 + both.inputs[1][0, 0, 0])  # type: ignore[attr-defined]


def test_numbers_are_read_and_what_is_none_is_refused() -> None:
    assert compute.numbers("1, −2.5  3e2,-4", "bias") == [1.0, -2.5, 300.0, -4.0]
    assert compute.numbers("", "bias") == []
    for text in ("abc", "1, two", "nan", "inf", "-inf", "1e38", "−1e38", "1e400", "1e13"):
        assert "bias" in refused(lambda: compute.numbers(text, "bias"))  # noqa: B023
    assert "1e+38" in refused(lambda: compute.numbers("3, 1e38", "weights"))
    assert compute.numbers("1e12", "weights") == [1e12]


def test_a_digit_fills_the_first_map() -> None:
    digit = np.linspace(0, 1, 28 * 28, dtype=np.float32).reshape(28, 28)
    for title in ("5 × 5, padding 1, stride 1", "maximum", "ReLU", "batch norm", "a residual sum"):
        changed = compute.from_digit(made(title), digit)
        x = compute.input_of(changed)
        assert x.shape[1:] == (28, 28)
        assert len(x) == len(compute.input_of(made(title)))
        np.testing.assert_allclose(x[0], digit, atol=6e-4)
        assert not x[1:].any()
        assert changed.output_shape[0] >= 1


def test_a_photograph_gives_one_of_its_colours_cut_square_and_small() -> None:
    own = made("5 × 5, padding 1, stride 1")
    photo = np.zeros((96, 200, 3), np.uint8)
    photo[:, 52:148, 1] = 255  # the middle square
    photo[:48, 52:148, 2] = 51
    green = compute.input_of(compute.from_photo(own, photo, 1))
    assert green.shape == (1, 48, 48)
    assert (green == 1).all()
    blue = compute.input_of(compute.from_photo(own, photo, 2))[0]
    assert (blue[:24] == 0.2).all()
    assert not blue[24:].any()
    assert not compute.input_of(compute.from_photo(own, photo, 0)).any()
    assert np.array_equal(compute.input_of(compute.from_photo(own, photo, 7))[0], blue)  # no such colour: the last
    grey = compute.from_photo(made("ReLU"), np.full((10, 30), 102, np.uint8), 0)
    assert isinstance(grey, Activation)
    assert (grey.x == 0.4).all()
    assert grey.x.shape == (1, 10, 10)


def test_the_lectures_pooling_is_rounded_as_asked() -> None:
    up = made("size rounded up")
    assert isinstance(up, Pooling)
    assert up.output_shape == (1, 3, 3)
