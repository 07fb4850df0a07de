"""Kernels with names: their numbers, sizes and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from cnnviz.core.errors import UserError
from cnnviz.core.kernels import KERNELS, kernel

FIXED = {
    "edges_1": [[1, 0, -1], [0, 0, 0], [-1, 0, 1]],
    "edges_2": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "edges_3": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel_y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}
ANY_SIZE = ("identity", "box_blur", "gaussian_blur", "gabor")
sides = st.integers(1, 9)


def test_every_kernel_is_tested() -> None:
    assert {*FIXED, *ANY_SIZE} == KERNELS.keys()
    for name, named in KERNELS.items():
        assert named.name == name
        assert named.title
        assert named.any_size == (name in ANY_SIZE)
    assert len({named.title for named in KERNELS.values()}) == len(KERNELS)


@pytest.mark.parametrize("name", FIXED)
def test_the_nine_numbers(name: str) -> None:
    assert kernel(name, (3, 3)).tolist() == FIXED[name]


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("size", [(5, 5), (7, 5), (3, 9), (4, 4), (6, 3)])
def test_nine_numbers_stand_in_the_middle_of_a_larger_kernel(name: str, size: tuple[int, int]) -> None:
    large = kernel(name, size)
    top, left = (size[0] - 1) // 2 - 1, (size[1] - 1) // 2 - 1
    assert large.shape == size
    assert large[top : top + 3, left : left + 3].tolist() == FIXED[name]
    assert np.abs(large).sum() == np.abs(FIXED[name]).sum()


@pytest.mark.parametrize("name", FIXED)
def test_a_larger_kernel_does_the_same_to_a_picture(name: str) -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 8, 8)))
    small, large = (
        functional.conv2d(x, torch.from_numpy(kernel(name, (n, n)))[None, None], padding="same") for n in (3, 7)
    )
    np.testing.assert_allclose(small.numpy(), large.numpy(), atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(height=sides, width=sides, name=st.sampled_from(ANY_SIZE), angle=st.floats(-360, 360))
def test_kernels_of_any_size(height: int, width: int, name: str, angle: float) -> None:
    made = kernel(name, (height, width), angle=angle)
    assert (made.shape, made.dtype) == ((height, width), np.float64)
    assert np.isfinite(made).all()
    assert made.sum() == pytest.approx(0 if name == "gabor" else 1, abs=1e-12)


def test_the_identity_is_one_in_the_middle() -> None:
    for size in itertools.product(range(1, 6), range(1, 6)):
        made = kernel("identity", size)
        assert np.argwhere(made).tolist() == [[(size[0] - 1) // 2, (size[1] - 1) // 2]]


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (4, 2), (3, 5), (6, 7)])
def test_the_identity_changes_nothing_under_same_padding(size: tuple[int, int]) -> None:
    height, width = size
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 8, 8)))
    pads = ((width - 1) // 2, width // 2, (height - 1) // 2, height // 2)
    seen = functional.conv2d(functional.pad(x, pads), torch.from_numpy(kernel("identity", size))[None, None])
    np.testing.assert_array_equal(seen.numpy(), x.numpy())


def test_blurs() -> None:
    assert (kernel("box_blur", (2, 4)) == 1 / 8).all()
    bell = kernel("gaussian_blur", (5, 7))
    np.testing.assert_allclose(bell, bell[::-1, ::-1], rtol=1e-14)
    assert np.argmax(bell) == 2 * 7 + 3
    assert (np.diff(bell[2, :4]) > 0).all()
    assert (np.diff(bell[:3, 3]) > 0).all()


def test_the_angle_turns_a_gabor_kernel() -> None:
    upright = kernel("gabor", (7, 7))
    np.testing.assert_allclose(upright, upright[::-1], atol=1e-14)  # stripes from top to bottom
    np.testing.assert_allclose(kernel("gabor", (7, 7), angle=90), upright.T, atol=1e-14)
    np.testing.assert_allclose(kernel("gabor", (7, 7), angle=180), upright, atol=1e-14)
    assert np.abs(kernel("gabor", (7, 7), angle=45) - upright).max() > 0.1


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_is_made_anew_each_time(name: str) -> None:
    kernel(name, (3, 3))[:] = 99
    assert 99 not in kernel(name, (3, 3))


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    [
        ("prewitt", (3, 3), "There is no kernel 'prewitt'."),
        ("sobel_x", (2, 3), "needs 3 × 3 cells; there are 2 × 3."),
        ("sharpen", (5, 1), "needs 3 × 3 cells; there are 5 × 1."),
        ("identity", (0, 3), "needs 1 × 1 cells; there are 0 × 3."),
        ("box_blur", (2, -1), "needs 1 × 1 cells; there are 2 × -1."),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_sentence(name: str, size: tuple[int, int], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        kernel(name, size)
    assert sentence in caught.value.sentence
    assert caught.value.suggestion
