"""Names in narrow columns: what tells them apart stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cnnviz.views.network.naming import common_starts, shortened, words, wrapped


def room(letters: int) -> Callable[[str], bool]:
    return lambda text: len(text) <= letters


def test_what_a_neighbour_has_as_well_is_dropped_first() -> None:
    names = ["layer1.0.conv1", "layer1.0.conv2", "fc"]
    starts = common_starts(names, [0, 1, 2])
    assert starts == [13, 13, 0]
    assert [shortened(n, s, room(6)) for n, s in zip(names, starts, strict=True)] == ["…conv1", "…conv2", "fc"]


@pytest.mark.parametrize(
    ("name", "common", "letters", "expected"),
    [
        ("conv1", 4, 5, "conv1"),
        ("Conv2d_1a_3x3", 7, 8, "…1a_3x3"),
        ("denselayer12", 11, 5, "…er12"),
        ("downsample", 0, 6, "downs…"),
        ("layer1.0.conv1", 13, 3, "…v1"),
        ("a", 0, 0, "…"),
    ],
)
def test_as_much_stays_as_fits(name: str, common: int, letters: int, expected: str) -> None:
    assert shortened(name, common, room(letters)) == expected


def test_only_names_that_are_near_are_compared() -> None:
    assert common_starts(["conv1", "conv2"], [0, 9]) == [0, 0]
    assert common_starts(["conv1", "conv1"], [0, 1]) == [0, 0]  # nothing tells the same name apart


def test_words_begin_behind_signs_and_at_numbers() -> None:
    assert words("layer1.0.conv1") == ["layer", "1.", "0.", "conv", "1"]
    assert "".join(words("Mixed_7c·x")) == "Mixed_7c·x"


@pytest.mark.parametrize(
    ("name", "letters", "expected"),
    [
        ("Conv2d_1a_3x3", 7, ("Conv2d_", "1a_3x3")),
        ("0 conv", 4, ("0", "conv")),
        ("denselayer12", 8, ("denselay", "er12")),
        ("layer1.0.conv1", 6, None),
    ],
)
def test_two_lines(name: str, letters: int, expected: tuple[str, str] | None) -> None:
    assert wrapped(name, room(letters)) == expected
