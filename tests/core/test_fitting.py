"""The nearest settings with nothing left over, against a search through everything."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from cnnviz.core.convolution import left_over, output_size
from cnnviz.core.errors import UserError
from cnnviz.core.fitting import Fit, nearest_fits

Setting = tuple[int, int, int, tuple[int, int], int]
axes = st.tuples(
    st.integers(1, 30),
    st.integers(1, 11),
    st.integers(1, 7),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.integers(1, 3),
)


def fits(setting: Setting) -> bool:
    try:
        return left_over(*setting) == 0
    except UserError:
        return False


def cost(setting: Setting, fit: Fit) -> int:
    _, kernel, stride, padding, _ = setting
    more = abs(sum(fit.padding) - sum(padding))
    return 2 * more + 3 * abs(fit.stride - stride) + 4 * abs(fit.kernel - kernel)


def smallest_costs(setting: Setting, count: int) -> list[int]:
    """Look at every setting up to the cost at which `count` are found."""
    n, kernel, stride, padding, dilation = setting
    most = 0
    while True:
        most += 15
        found = []
        for faster, larger in itertools.product(range(-6, 7), range(-(most // 4), most // 4 + 1)):
            rest = most - 3 * abs(faster) - 4 * abs(larger)
            if stride + faster < 1 or kernel + larger < 1:
                continue
            for more in range(max(-sum(padding), -(rest // 2)), rest // 2 + 1):
                room = n + sum(padding) + more - dilation * (kernel + larger - 1) - 1
                if room >= 0 and room % (stride + faster) == 0:
                    found.append(2 * abs(more) + 3 * abs(faster) + 4 * abs(larger))
        if len(found) >= count:
            return sorted(found)[:count]


@settings(max_examples=80, deadline=None)
@given(setting=axes, count=st.integers(1, 4))
def test_no_setting_is_nearer(setting: Setting, count: int) -> None:
    found = nearest_fits(*setting, count)
    if fits(setting):
        assert found == []
        return
    assert [cost(setting, fit) for fit in found] == smallest_costs(setting, count)
    assert len({(fit.kernel, fit.stride, fit.padding) for fit in found}) == count
    assert found == nearest_fits(*setting, count)


@settings(max_examples=80, deadline=None)
@given(setting=axes)
def test_what_is_offered_fits(setting: Setting) -> None:
    n, *_, dilation = setting
    for fit in nearest_fits(*setting):
        numbers = (n, fit.kernel, fit.stride, fit.padding, dilation)
        assert fit.dilation == dilation
        assert min(fit.padding) >= 0
        assert left_over(*numbers) == 0
        assert output_size(*numbers) == fit.output


@settings(max_examples=30, deadline=None)
@given(setting=axes)
def test_pytorch_makes_the_output_that_is_promised(setting: Setting) -> None:
    assume(not fits(setting))
    fit = nearest_fits(*setting)[0]
    x = functional.pad(torch.ones(1, 1, setting[0]), fit.padding)
    out = functional.conv1d(x, torch.ones(1, 1, fit.kernel), stride=fit.stride, dilation=fit.dilation)
    assert out.shape[-1] == fit.output


def test_an_example_by_hand() -> None:
    # 9 values, kernel 4, stride 2: room for 5 moves, one value is left over.
    assert nearest_fits(9, 4, 2, (0, 0)) == [
        Fit(4, 2, (0, 1), 1, 4),  # one more value: 2
        Fit(4, 1, (0, 0), 1, 6),  # one step shorter: 3
        Fit(3, 2, (0, 0), 1, 4),  # a smaller kernel: 4
    ]


def test_the_lectures_settings_fit_as_they_are() -> None:
    for stride, padding in itertools.product((1, 2), (0, 1)):
        assert nearest_fits(5, 3, stride, (padding, padding)) == []


@pytest.mark.parametrize(
    ("padding", "expected"),
    [((1, 1), [(0, 1), (1, 2)]), ((2, 0), [(1, 0), (2, 1)]), ((0, 1), [(0, 0), (0, 2)])],
)
def test_one_more_value_comes_after_and_one_less_goes_before(
    padding: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    n = 10 - sum(padding)
    assert [fit.padding for fit in nearest_fits(n, 3, 2, padding, count=2)] == expected


def test_a_kernel_larger_than_the_input() -> None:
    assert nearest_fits(3, 5, 1, (0, 0)) == [
        Fit(5, 1, (1, 1), 1, 1),
        Fit(5, 1, (1, 2), 1, 2),
        Fit(4, 1, (0, 1), 1, 1),
    ]
    assert nearest_fits(5, 100, 7, (0, 0), 3)[0].output == 1


@pytest.mark.parametrize("count", [0, -1])
def test_no_fits_are_asked_for(count: int) -> None:
    assert nearest_fits(9, 4, 2, (0, 0), count=count) == []
