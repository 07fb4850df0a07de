"""The middle of a picture is the one that torchvision's networks were made for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from cnnviz.core.image import load_picture
from cnnviz.core.inspection import PixelArray
from cnnviz.core.paths import resources_dir
from cnnviz.core.photo import middle_box, middle_of
from cnnviz.models import registry
from cnnviz.models.preparation import photo_to_input

SPEC = registry.get("vgg16").input


def noise(height: int, width: int) -> PixelArray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    "size",
    [(400, 266), (266, 400), (224, 224), (256, 256), (257, 256), (100, 31), (31, 100), (700, 1024), (1, 1), (3, 40)],
)
def test_a_photograph_is_prepared_as_torchvision_does_it(size: tuple[int, int]) -> None:
    preset = pytest.importorskip("torchvision.models").VGG16_Weights.IMAGENET1K_V1.transforms()
    pixels = noise(*size)
    found = photo_to_input(pixels, SPEC)
    assert found.shape == (1, 3, 224, 224)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found[0], preset(Image.fromarray(pixels)), atol=1e-6, rtol=0)


def test_the_photographs_that_ship_are_prepared_as_torchvision_does_it() -> None:
    preset = pytest.importorskip("torchvision.models").ResNet18_Weights.IMAGENET1K_V1.transforms()
    files = sorted((resources_dir() / "photos").glob("*.jpg"))
    assert len(files) == 5
    for file in files:
        pixels = load_picture(file).pixels_hwc
        expected = preset(Image.fromarray(pixels))
        torch.testing.assert_close(photo_to_input(pixels, SPEC)[0], expected, atol=1e-6, rtol=0)


def test_the_middle_is_the_input_before_it_is_normalised() -> None:
    pixels = noise(300, 401)
    mean, std = (torch.tensor(values)[:, None, None] for values in (SPEC.mean, SPEC.std))
    levels = (photo_to_input(pixels, SPEC)[0] * std + mean) * 255
    assert np.array_equal(levels.round().to(torch.uint8).permute(1, 2, 0).numpy(), middle_of(pixels, 224))


def test_the_ink_of_a_board_is_light_on_black_in_all_three_colours() -> None:
    board_hw = np.zeros((280, 280), np.uint8)
    board_hw[100:180, 130:150] = 255
    middle = middle_of(board_hw, 224)
    assert middle.shape == (224, 224, 3)
    assert middle[112, 112].tolist() == [255, 255, 255]
    assert middle[0, 0].tolist() == [0, 0, 0]
    assert np.array_equal(middle, middle_of(np.stack([board_hw] * 3, 2), 224))


@pytest.mark.parametrize("size", [(1, 1024), (1024, 1), (5, 1024)])
def test_a_very_long_picture_fills_no_memory_and_keeps_its_middle(size: tuple[int, int]) -> None:
    pixels = np.zeros((*size, 3), np.uint8)
    rows, columns = (slice((n - 1) // 2, n // 2 + 1) for n in size)
    pixels[rows, columns] = (10, 20, 30)
    middle = middle_of(pixels, 224)
    assert middle.shape == (224, 224, 3)
    assert middle[112, 112].tolist() == [10, 20, 30]


def test_the_box_is_what_the_middle_shows() -> None:
    pixels = noise(320, 400)  # both divide well: no rounding of sizes
    top, left, bottom, right = middle_box(320, 400, 224)
    assert (bottom - top) * 320 == pytest.approx((right - left) * 400)
    rows, columns = slice(round(top * 320), round(bottom * 320)), slice(round(left * 400), round(right * 400))
    part = Image.fromarray(pixels[rows, columns]).resize((224, 224), Image.Resampling.BILINEAR)
    inner = np.s_[4:-4, 4:-4]  # at the border the filter reaches outside the box
    difference = np.abs(np.asarray(part, int)[inner] - middle_of(pixels, 224).astype(int)[inner])
    assert difference.max() <= 1
