"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.core.formats import adds_up, bytes_text, decimals_for, duration_text, fixed

moderate = st.floats(-1e5, 1e5, allow_nan=False)


@pytest.mark.parametrize(
    ("values", "digits", "expected"),
    [
        ([], 3, 0),
        ([1, -2, 30], 3, 0),
        ([0.0, -0.0], 3, 0),
        ([1.5], 3, 2),
        ([1.5, 20], 3, 1),
        ([0.5], 3, 3),
        ([0.05], 3, 4),
        ([123.4], 3, 0),
        ([12345.6], 3, 0),
        ([9.99], 3, 2),
        ([1.5], 1, 0),
        ([1e-30], 3, 12),
        ([math.nan, math.inf, 1.5], 3, 2),
        ([math.nan, math.inf], 3, 0),
        ([999_999.0], 3, 0),
        ([1e6], 9, 2),
    ],
)
def test_decimals_for_numbers_below_each_other(values: list[float], digits: int, expected: int) -> None:
    assert decimals_for(values, digits) == expected


@given(values=st.lists(moderate, max_size=6), digits=st.integers(1, 9))
def test_the_largest_has_its_digits(values: list[float], digits: int) -> None:
    decimals = decimals_for(values, digits)
    assert 0 <= decimals <= 12
    largest = max(map(abs, values), default=0.0)
    if decimals not in (0, 12):
        shown = f"{largest:.{decimals}f}".replace(".", "").lstrip("0")
        assert len(shown) in (digits, digits + 1)  # one more where rounding makes a power of ten
    elif decimals == 0 and any(value != int(value) for value in values):
        assert round(largest) >= 10 ** (digits - 1)  # as it is shown


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (1.25, 1, "1.2"),
        (-1.5, 2, "−1.50"),
        (3.0, 0, "3"),
        (0.0, 2, "0.00"),
        (-0.0, 2, "0.00"),
        (-0.001, 2, "0.00"),
        (-0.0, 0, "0"),
        (-0.005001, 2, "−0.01"),
        (-25.0, 0, "−25"),
        (99_999_999.0, 0, "99999999"),
        (1e8, 2, "1.00e+08"),
        (-2.5e9, 2, "−2.50e+09"),
        (math.nan, 2, "not a number"),
        (math.inf, 2, "∞"),
        (-math.inf, 2, "−∞"),
    ],
)
def test_fixed(value: float, decimals: int, expected: str) -> None:
    assert fixed(value, decimals) == expected


@given(value=moderate, decimals=st.integers(0, 12))
def test_fixed_reads_back(value: float, decimals: int) -> None:
    text = fixed(value, decimals)
    assert "-" not in text
    read = float(text.replace("−", "-"))
    assert read == round(value, decimals)
    assert text.startswith("−") == (read < 0)


@pytest.mark.parametrize(
    ("parts", "total", "decimals", "expected"),
    [
        ([308, -498, 164, 1], -25, 0, (True, -25)),
        ([0.1, 0.2], 0.3, 1, (True, 0.3)),
        ([0.1] * 10, 1.0, 1, (True, 1.0)),
        ([0.04, 0.04], 0.08, 1, (False, 0.0)),
        ([1 / 3, 1 / 3, 1 / 3], 1.0, 2, (False, 0.99)),
        ([1 / 3, 1 / 3, 1 / 3], 1.0, 0, (False, 0.0)),
        ([], 0.0, 2, (True, 0.0)),
        ([1e7, 0.004], 1e7, 2, (True, 1e7)),
    ],
)
def test_whether_printed_numbers_add_up(
    parts: list[float], total: float, decimals: int, expected: tuple[bool, float]
) -> None:
    assert adds_up(parts, total, decimals) == expected


@given(parts=st.lists(st.integers(-(10**6), 10**6), max_size=8), decimals=st.integers(0, 4))
def test_numbers_that_are_printed_in_full_add_up(parts: list[int], decimals: int) -> None:
    scale = 10**decimals
    exact, printed = adds_up([part / scale for part in parts], sum(parts) / scale, decimals)
    assert exact
    assert printed == pytest.approx(sum(parts) / scale, abs=1e-9)


@pytest.mark.parametrize("part", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_does_not_break_the_sum(part: float) -> None:
    exact, printed = adds_up([part, 1.0], part, 2)
    assert exact is not math.isnan(part)
    assert printed == part or math.isnan(printed)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9.94 * 1024, "9.9 kB"),
        (9.96 * 1024, "10 kB"),
        (999.4 * 1024, "999 kB"),
        (999.6 * 1024, "1.0 MB"),
        (553_433_881, "528 MB"),  # VGG-16, as torchvision's own page has it
        (2416.643 * 2**20, "2.4 GB"),
        (5000 * 2**30, "5,000 GB"),
    ],
)
def test_sizes_of_files(count: float, text: str) -> None:
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 s"),
        (36.2, "36 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3569, "59 min"),
        (3571, "1 h 0 min"),
        (4800, "1 h 20 min"),
    ],
)
def test_how_long_something_takes(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
