"""The middle of a picture is the one that torchvision's networks were made for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnviz.core.image import load_picture, picture_from_array
from cnnviz.core.inspection import PixelArray
from cnnviz.core.paths import resources_dir
from cnnviz.core.photo import framing_of, known_steps_of, middle_of, steps_of
from cnnviz.models import registry
from cnnviz.models.preparation import photo_to_input
from cnnviz.models.registry import InputSpec

SPEC = registry.get("vgg16").input
WEIGHTS = {
    "alexnet": "AlexNet_Weights",
    "inception_v3": "Inception_V3_Weights",
    "efficientnet_b0": "EfficientNet_B0_Weights",
    "efficientnet_v2_l": "EfficientNet_V2_L_Weights",
    "convnext_small": "ConvNeXt_Small_Weights",
}
SIZES = (
    (400, 266), (266, 400), (224, 224), (256, 256), (257, 256), (100, 31), (31, 100), (700, 1024), (1, 1), (3, 40),
    (40, 3), (342, 341),
)  # fmt: skip


def noise(height: int, width: int) -> PixelArray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def preset_of(name: str) -> object:
    """Torchvision's own preparation, as the weights carry it, with the normalisation of the table of networks."""
    models = pytest.importorskip("torchvision.models")
    presets = pytest.importorskip("torchvision.transforms._presets")
    preset = getattr(models, WEIGHTS[name]).IMAGENET1K_V1.transforms()
    spec = registry.get(name).input
    if name != "inception_v3":  # there, the network itself would normalise once more
        assert (tuple(preset.mean), tuple(preset.std)) == (spec.mean, spec.std)
    return presets.ImageClassification(
        crop_size=preset.crop_size[0], resize_size=preset.resize_size[0], mean=spec.mean, std=spec.std,
        interpolation=preset.interpolation,
    )  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_photograph_is_prepared_as_torchvision_does_it(name: str) -> None:
    preset, spec = preset_of(name), registry.get(name).input
    for size in SIZES if spec.height < 480 else SIZES[:2]:
        pixels = noise(*size)
        found = photo_to_input(pixels, spec)
        assert found.shape == (1, 3, spec.height, spec.width)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found[0], preset(Image.fromarray(pixels)), atol=1e-6, rtol=0)  # type: ignore[operator]


def test_a_network_for_small_photographs_gets_the_shorter_side_as_it_is() -> None:
    presets = pytest.importorskip("torchvision.transforms._presets")
    spec = registry.get("resnet20").input
    preset = presets.ImageClassification(crop_size=32, resize_size=32, mean=spec.mean, std=spec.std)
    for size in SIZES:
        pixels = noise(*size)
        torch.testing.assert_close(photo_to_input(pixels, spec)[0], preset(Image.fromarray(pixels)), atol=1e-6, rtol=0)
    pixels = noise(32, 32)  # a picture of CIFAR-10 is not touched
    assert np.array_equal(middle_of(pixels, (32, 32)), pixels)


@pytest.mark.parametrize(
    ("picture", "crop", "resize"),
    [((50, 70), (64, 64), 40), ((50, 70), (63, 64), 40), ((70, 50), (32, 48), 48), ((9, 9), (12, 17), 8)],
)
def test_an_input_larger_than_the_resized_picture_is_filled_with_black(
    picture: tuple[int, int], crop: tuple[int, int], resize: int
) -> None:
    transforms = pytest.importorskip("torchvision.transforms.functional")
    pixels = noise(*picture)
    expected = transforms.center_crop(transforms.resize(Image.fromarray(pixels), resize), crop)
    assert np.array_equal(middle_of(pixels, crop, resize), np.asarray(expected))


def test_the_photographs_that_ship_are_prepared_as_torchvision_does_it() -> None:
    preset = preset_of("alexnet")
    files = sorted((resources_dir() / "photos").glob("*.jpg"))
    assert len(files) >= 5
    for file in files:
        pixels = load_picture(file).pixels_hwc
        expected = preset(Image.fromarray(pixels))  # type: ignore[operator]
        torch.testing.assert_close(photo_to_input(pixels, SPEC)[0], expected, atol=1e-6, rtol=0)


def test_every_kind_of_file_is_prepared_from_its_colours(tmp_path: Path) -> None:
    preset = preset_of("alexnet")
    levels = noise(90, 130)
    levels[0, 0], levels[0, 1] = 0, 255  # 16 bits are spread from the darkest to the lightest
    rgb = Image.fromarray(levels)
    grey = rgb.convert("L")
    clear = rgb.copy()
    clear.putalpha(grey)
    deep = (np.asarray(grey).astype(np.uint16) * 257).astype(np.uint16)
    on_white = np.asarray(rgb).astype(np.float32) * (np.asarray(grey)[..., None] / np.float32(255))
    on_white = on_white + 255 * (1 - np.asarray(grey)[..., None] / np.float32(255))
    cases = {
        "grey.png": (grey, grey.convert("RGB")),
        "cmyk.tif": (rgb.convert("CMYK"), rgb.convert("CMYK").convert("RGB")),
        "clear.png": (clear, Image.fromarray((on_white + 0.5).astype(np.uint8))),
        "deep.png": (Image.fromarray(deep), grey.convert("RGB")),
    }
    for name, (saved, seen) in cases.items():
        saved.save(tmp_path / name)
        found = photo_to_input(load_picture(tmp_path / name).pixels_hwc, SPEC)[0]
        off = 1.5 / 255 / 0.22 if name in ("clear.png", "deep.png") else 1e-6  # a level for rounding
        torch.testing.assert_close(found, preset(seen), atol=off, rtol=0)  # type: ignore[operator]


def test_light_on_nothing_is_seen_on_black() -> None:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[10:30, 10:30] = (250, 250, 250, 255)
    middle = middle_of(picture_from_array(pixels).pixels_hwc, (224, 224), 256)
    assert middle[0, 0].tolist() == [0, 0, 0]
    assert middle[112, 112].tolist() == [250, 250, 250]


def test_the_middle_is_the_input_before_it_is_normalised() -> None:
    pixels = noise(300, 401)
    mean, std = (torch.tensor(values)[:, None, None] for values in (SPEC.mean, SPEC.std))
    levels = (photo_to_input(pixels, SPEC)[0] * std + mean) * 255
    seen = middle_of(pixels, (224, 224), SPEC.resize)
    assert np.array_equal(levels.round().to(torch.uint8).permute(1, 2, 0).numpy(), seen)


def test_the_ink_of_a_board_is_light_on_black_in_all_three_colours() -> None:
    board_hw = np.zeros((280, 280), np.uint8)
    board_hw[100:180, 130:150] = 255
    middle = middle_of(board_hw, (224, 224), 256)
    assert middle.shape == (224, 224, 3)
    assert middle[112, 112].tolist() == [255, 255, 255]
    assert middle[0, 0].tolist() == [0, 0, 0]
    assert np.array_equal(middle, middle_of(np.stack([board_hw] * 3, 2), (224, 224), 256))


@pytest.mark.parametrize("size", [(1, 1024), (1024, 1), (5, 1024), (60, 1024)])
def test_a_very_long_picture_fills_no_memory_and_keeps_its_middle(size: tuple[int, int]) -> None:
    transforms = pytest.importorskip("torchvision.transforms.functional")
    pixels = noise(*size)
    expected = transforms.center_crop(transforms.resize(Image.fromarray(pixels), 256), [224, 224])
    steps = steps_of(pixels, (224, 224), 256)
    assert steps.resized_hwc.nbytes < 10**6
    assert max(steps.framing.resized_hw) == 1024 * 256 // min(size)
    off = np.abs(steps.middle_hwc.astype(int) - np.asarray(expected, int))
    assert off.max() <= 1
    assert (off > 0).mean() < 0.01


def test_each_step_is_what_the_next_one_is_made_of() -> None:
    steps = steps_of(noise(451, 300), (224, 224), 256)
    assert steps.framing == framing_of((451, 300), (224, 224), 256)
    assert steps.framing.resized_hw == (384, 256)  # 256 · 451 / 300 = 384.85, rounded down
    assert (steps.framing.top, steps.framing.left) == (80, 16)
    assert steps.resized_hwc.shape == (384, 256, 3)
    assert np.array_equal(steps.middle_hwc, steps.resized_hwc[80:304, 16:240])
    assert steps.framing.shares == (80 / 384, 16 / 256, 304 / 384, 240 / 256)


def test_the_box_is_what_the_middle_shows() -> None:
    pixels = noise(320, 400)  # both divide well: no rounding of sizes
    top, left, bottom, right = framing_of((320, 400), (224, 224), 256).shares
    assert (bottom - top) * 320 == pytest.approx((right - left) * 400)
    rows, columns = slice(round(top * 320), round(bottom * 320)), slice(round(left * 400), round(right * 400))
    part = Image.fromarray(pixels[rows, columns]).resize((224, 224), Image.Resampling.BILINEAR)
    inner = np.s_[4:-4, 4:-4]  # at the border the filter reaches outside the box
    seen = middle_of(pixels, (224, 224), 256).astype(int)
    assert np.abs(np.asarray(part, int)[inner] - seen[inner]).max() <= 1


def test_a_specification_without_a_resize_uses_the_longer_side_of_the_input() -> None:
    spec = InputSpec(3, 40, 60, "photo", SPEC.mean, SPEC.std)
    assert photo_to_input(noise(10, 10), spec).shape == (1, 3, 40, 60)


def of_file(path: Path, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """What a network gets for a file, and what torchvision makes of the file itself."""
    preset = preset_of(name)
    with Image.open(path) as image:
        expected = preset(image.convert("RGB"))  # type: ignore[operator]
    return photo_to_input(load_picture(path).best_hwc, registry.get(name).input)[0], expected


@pytest.mark.parametrize("name", ["alexnet", "efficientnet_b0"])
@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_a_large_photograph_is_prepared_from_its_own_pixels(tmp_path: Path, name: str, file_format: str) -> None:
    coarse = Image.fromarray(noise(200, 300)).resize((3000, 2000), Image.Resampling.BICUBIC)
    pixels = np.asarray(coarse) ^ np.uint8(24) * (np.indices((2000, 3000)).sum(0) % 2).astype(np.uint8)[..., None]
    path = tmp_path / "large"
    Image.fromarray(pixels).save(path, file_format, **({"compress_level": 1} if file_format == "PNG" else {}))
    found, expected = of_file(path, name)
    std = torch.tensor(registry.get(name).input.std)[:, None, None]
    assert float(((found - expected) * std).abs().max()) <= 1 / 255


@pytest.mark.parametrize("size", [(4000, 3), (3, 4000), (3000, 1)])
def test_an_extremely_thin_picture_is_prepared_as_any_other(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "thin.png"
    Image.fromarray(noise(size[1], size[0])).save(path)
    found, expected = of_file(path, "alexnet")
    std = torch.tensor(registry.get("alexnet").input.std)[:, None, None]
    assert float(((found - expected) * std).abs().max()) <= 1.01 / 255


def test_what_was_made_of_a_picture_is_known_as_long_as_the_picture_lives() -> None:
    pixels = noise(300, 300)
    assert steps_of(pixels, (224, 224)) is not steps_of(pixels, (224, 224))  # it may be written to
    pixels.flags.writeable = False
    assert known_steps_of(pixels, (224, 224)) is None
    steps = steps_of(pixels, (224, 224))
    assert known_steps_of(pixels, (224, 224)) is steps_of(pixels, (224, 224)) is steps
    assert known_steps_of(pixels, (224, 224), 256) is None
    other = noise(300, 300)
    other.flags.writeable = False
    assert known_steps_of(other, (224, 224)) is None
