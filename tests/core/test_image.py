"""Pictures of every kind, made for real: what opens looks right, what does not says why in one sentence."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageOps, features

from cnnviz.core.errors import UserError
from cnnviz.core.image import KEPT_PIXELS, Picture, decode_picture, load_picture, picture_from_array

RAMP = np.tile(np.arange(256, dtype=np.uint8), (8, 1))


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def quarters(width: int = 40, height: int = 24) -> Image.Image:
    """Return a picture that looks different after every rotation and reflection."""
    image = Image.new("RGB", (width, height), (250, 250, 250))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2 - 1, height // 2 - 1), (200, 30, 30))
    draw.rectangle((width // 2, height // 2, width, height), (30, 30, 200))
    return image


def refusal(make: Callable[[], object]) -> UserError:
    with pytest.raises(UserError) as caught:
        make()
    error = caught.value
    assert error.sentence.endswith(".")
    assert error.sentence.count(". ") == 0
    assert error.suggestion.endswith(".")
    return error


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "GIF", "PPM", "WEBP", "JPEG2000", "QOI"])
def test_lossless_formats_come_through_exactly(tmp_path: Path, file_format: str) -> None:
    if file_format == "JPEG2000" and not features.check("jpg_2000"):
        pytest.skip("this Pillow has no JPEG 2000")
    path = tmp_path / "picture"
    options = {"WEBP": {"lossless": True}}.get(file_format, {})
    path.write_bytes(saved(quarters(), file_format, **options))
    picture = load_picture(path)
    np.testing.assert_array_equal(picture.pixels_hwc, np.asarray(quarters()))
    assert (picture.name, picture.original_size, picture.notes) == ("picture", (40, 24), ())
    assert not picture.is_grey
    assert not picture.pixels_hwc.flags.writeable


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_rotation_sets_the_picture_upright(orientation: int, file_format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(quarters(), file_format, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    picture = decode_picture(data, "photo")
    np.testing.assert_array_equal(picture.pixels_hwc, expected)
    assert picture.original_size == expected.shape[1::-1]
    assert picture.original_size == ((24, 40) if orientation >= 5 else (40, 24))


def test_unreadable_metadata_does_not_spoil_a_picture(recwarn: pytest.WarningsRecorder) -> None:
    data = saved(quarters(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xffgarbage")
    assert decode_picture(data, "photo").pixels_hwc.shape == (24, 40, 3)
    assert not recwarn


def test_transparent_parts_are_shown_on_white() -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putpixel((1, 1), (200, 0, 0, 255))
    image.putpixel((2, 2), (0, 0, 0, 128))
    picture = decode_picture(saved(image, "PNG"), "cut")
    assert picture.pixels_hwc[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels_hwc[1, 1].tolist() == [200, 0, 0]
    assert picture.pixels_hwc[2, 2].tolist() == [127, 127, 127]
    assert picture.notes == ("Transparent parts are shown on white.",)


def test_white_on_transparent_is_shown_on_black() -> None:
    image = Image.new("RGBA", (20, 20), (255, 255, 255, 0))
    ImageDraw.Draw(image).line((4, 4, 15, 15), (255, 255, 255, 255), 3)
    picture = decode_picture(saved(image, "PNG"), "digit")
    assert picture.notes == ("Transparent parts are shown on black.",)
    np.testing.assert_array_equal(picture.pixels_hwc[..., 0], np.asarray(image)[..., 3])


@pytest.mark.parametrize("mode", ["LA", "P", "RGB", "L"])
def test_every_kind_of_transparency_is_seen(mode: str) -> None:
    if mode == "LA":
        image = Image.new("LA", (6, 6), (40, 255))
        image.putpixel((0, 0), (40, 0))
        data = saved(image, "PNG")
    else:  # one colour is transparent
        image = Image.new("RGB", (6, 6), (40, 40, 40)).convert(mode)
        image.putpixel((0, 0), (1, 2, 3) if mode == "RGB" else 7)
        data = saved(image, "PNG", transparency=(1, 2, 3) if mode == "RGB" else 7)
    picture = decode_picture(data, "cut")
    assert picture.pixels_hwc[0, 0].tolist() == [255, 255, 255]
    assert picture.notes == ("Transparent parts are shown on white.",)


def test_an_opaque_alpha_channel_is_nothing_to_speak_of() -> None:
    picture = decode_picture(saved(quarters().convert("RGBA"), "PNG"), "plain")
    np.testing.assert_array_equal(picture.pixels_hwc, np.asarray(quarters()))
    assert picture.notes == ()


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_not_cut_off(file_format: str) -> None:
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    picture = decode_picture(saved(deep, file_format), "deep")
    np.testing.assert_array_equal(picture.pixels_hwc[..., 1], RAMP)
    assert picture.is_grey


def test_twelve_bits_in_sixteen_are_spread() -> None:
    deep = Image.fromarray(np.array([[100, 2000, 4195]], np.uint16))
    picture = decode_picture(saved(deep, "TIFF"), "camera")
    assert picture.pixels_hwc[0, :, 0].tolist() == [0, 118, 255]
    assert picture.notes == ("Values from 100 to 4195 are shown from black to white.",)


def test_big_endian_and_large_sixteen_bit_pictures(tmp_path: Path) -> None:
    large = np.zeros((1500, 40), np.uint16)
    large[750:] = 65535
    path = tmp_path / "large.tif"
    Image.fromarray(large.astype(">u2")).save(path)
    picture = load_picture(path, max_side=100)
    assert picture.pixels_hwc.shape == (100, 3, 3)
    assert (picture.pixels_hwc[10].max(), picture.pixels_hwc[90].min()) == (0, 255)


def test_floats_keep_their_meaning_and_nan_is_black() -> None:
    shares = np.array([[0.0, 0.25, 1.0, np.nan]], np.float32)
    picture = decode_picture(saved(Image.fromarray(shares), "TIFF"), "float")
    assert picture.pixels_hwc[0, :, 0].tolist() == [0, 64, 255, 0]
    wide = np.array([[-1.0, 0.0, 1.0, np.inf]], np.float32)
    picture = decode_picture(saved(Image.fromarray(wide), "TIFF"), "float")
    assert picture.pixels_hwc[0, :3, 0].tolist() == [0, 128, 255]


def test_thirty_two_bit_integers() -> None:
    picture = decode_picture(saved(Image.fromarray(np.array([[0, 500_000, 1_000_000]], np.int32)), "TIFF"), "deep")
    assert picture.pixels_hwc[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_one_bit_grey_and_palette(mode: str) -> None:
    image = Image.new("L", (9, 9), 0)
    image.paste(255, (2, 2, 5, 7))
    picture = decode_picture(saved(image.convert(mode), "PNG"), "plain")
    np.testing.assert_array_equal(picture.pixels_hwc[..., 2], np.asarray(image))
    assert picture.is_grey


def test_one_bit_pictures_are_reduced_to_grey() -> None:
    board = (np.indices((200, 200)).sum(axis=0) % 2 * 255).astype(np.uint8)
    picture = decode_picture(saved(Image.fromarray(board).convert("1"), "PNG"), "dots", max_side=50)
    assert 120 <= picture.pixels_hwc.min() <= picture.pixels_hwc.max() <= 135


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_is_not_shown_as_its_negative(file_format: str) -> None:
    # Pillow writes JPEG's inks inverted, as Adobe does, with Adobe's marker.
    data = saved(Image.new("CMYK", (16, 16), (0, 200, 200, 10)), file_format)
    red, green, blue = (int(v) for v in decode_picture(data, "print").pixels_hwc[8, 8])
    assert abs(red - 245) < 5
    assert green < 70
    assert blue < 70


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_frames_is_shown(file_format: str) -> None:
    frames = [Image.new("L", (10, 10), 80 * i) for i in range(3)]
    data = saved(frames[0], file_format, save_all=True, append_images=frames[1:])
    picture = decode_picture(data, "film")
    assert not picture.pixels_hwc.any()
    what = "pages" if file_format == "TIFF" else "frames"
    assert picture.notes == (f"First of 3 {what} is shown.",)


def test_a_large_jpeg_is_reduced_keeps_its_aspect_and_what_it_was() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode_picture(saved(quarters(3000, 2000), "JPEG", exif=exif), "photo")
    assert picture.pixels_hwc.shape == (1024, 683, 3)
    assert picture.original_size == (2000, 3000)
    assert picture.notes == ()  # nothing that a network sees was changed
    assert picture.best_hwc.shape == (3000, 2000, 3)
    assert not picture.best_hwc.flags.writeable
    assert picture.is_whole
    small = picture.without_large()
    assert small.best_hwc is picture.pixels_hwc
    assert not small.is_whole
    assert abs(picture.pixels_hwc[100, 600].astype(int) - (200, 30, 30)).max() < 8  # top left, turned to top right


def test_a_very_long_picture_keeps_one_pixel() -> None:
    assert decode_picture(saved(Image.new("L", (5000, 1)), "PNG"), "long").pixels_hwc.shape == (1, 1024, 3)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_a_photo_of_100_megapixels_opens_without_a_warning(tmp_path: Path, file_format: str) -> None:
    path = tmp_path / "huge"
    Image.new("L", (12000, 8400), 130).save(
        path, file_format, **({"compress_level": 1} if file_format == "PNG" else {})
    )
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        picture = load_picture(path)
    assert not seen
    assert picture.pixels_hwc.shape == (717, 1024, 3)
    assert 0.99 * KEPT_PIXELS < picture.best_hwc[..., 0].size < 1.01 * KEPT_PIXELS
    assert picture.notes == ("Reduced from 12,000 × 8,400 pixels.",)


@pytest.mark.parametrize("side", [13_378, 20_000])
def test_a_decompression_bomb_is_refused(tmp_path: Path, side: int) -> None:
    """13,378² is just above the limit, 20,000² far above it; both are some kilobytes on disk."""
    path = tmp_path / "bomb.png"
    Image.new("1", (side, side)).save(path)
    assert path.stat().st_size < 100_000
    error = refusal(lambda: load_picture(path))
    assert error.sentence == "'bomb.png' has more than 178 million pixels, which is not opened for safety."


@pytest.mark.parametrize("keep", [20, 200, -200])
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_file_that_is_cut_off_says_so(tmp_path: Path, file_format: str, keep: int) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    path = tmp_path / f"cut.{file_format.lower()}"
    path.write_bytes(saved(noise, file_format)[:keep])
    error = refusal(lambda: load_picture(path))
    assert error.sentence == f"'{path.name}' is damaged or cut off and cannot be read to its end."


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "ICO", "PPM", "QOI", "AVIF"])
def test_damage_anywhere_is_a_sentence_or_a_picture(file_format: str) -> None:
    if file_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    rng = np.random.default_rng(1)
    good = saved(Image.fromarray(rng.integers(0, 255, (24, 24, 3), np.uint8)), file_format)
    for _ in range(60):
        bad = bytearray(good)
        for at in rng.integers(0, min(len(bad), 400), 3):
            bad[at] = rng.integers(256)
        with contextlib.suppress(UserError):  # nothing else may come out, no warning either
            assert isinstance(decode_picture(bytes(bad), "bad"), Picture)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "'file' is empty."),
        (b"just some text, no picture at all", "'file' is not a picture that can be read."),
        (b"\x00" * 400, "'file' is not a picture that can be read."),
        (
            b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
            "'file' is a HEIC photo, a format that cannot be read here.",
        ),
        (b"%PDF-1.7\n%", "'file' is a PDF document, not a picture of pixels."),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "'file' is an SVG drawing, not a picture of pixels."),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "'file' is not a picture that can be read."),
    ],
)
def test_what_is_no_picture_is_called_what_it_is(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert refusal(lambda: load_picture(path)).sentence == sentence


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert refusal(lambda: load_picture(tmp_path / "no.png")).sentence == f"There is no file '{tmp_path / 'no.png'}'."
    (tmp_path / "album").mkdir()
    assert refusal(lambda: load_picture(tmp_path / "album")).sentence == "'album' is a folder, not a picture."
    (tmp_path / "file").touch()
    assert "cannot be opened" in refusal(lambda: load_picture(tmp_path / "file" / "below.png")).sentence
    assert "cannot be opened" in refusal(lambda: load_picture("nul\0l.png")).sentence
    assert "cannot be opened" in refusal(lambda: load_picture("n" * 5000)).sentence


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(lambda: load_picture(tmp_path / "pipe")).sentence == "'pipe' is not an ordinary file."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps permissions otherwise")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    quarters().save(path)
    path.chmod(0)
    root = os.geteuid() == 0  # may read everything, so look at it as nobody does
    if root:
        os.seteuid(65534)
    try:
        error = refusal(lambda: load_picture(path))
    finally:
        if root:
            os.seteuid(0)
    assert error.sentence == "'secret.png' may not be read by you."


def test_no_warning_gets_out_of_a_process_that_shows_all(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    Image.new("1", (12_000, 8_000)).save(path)
    code = "import sys; from cnnviz.core.image import load_picture; print(load_picture(sys.argv[1]).notes)"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code, str(path)], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "12,000" in done.stdout


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 255]], np.uint8), [[0, 0, 0], [255, 255, 255]]),
        (np.array([[[0], [255]]], np.uint8), [[0, 0, 0], [255, 255, 255]]),
        (np.array([[False, True]]), [[0, 0, 0], [255, 255, 255]]),
        (np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), [[1, 2, 3], [4, 5, 6]]),
        (np.array([[[1, 2, 3, 255], [4, 5, 6, 0]]], np.uint8), [[1, 2, 3], [255, 255, 255]]),
        (np.array([[0.0, 0.5]]), [[0, 0, 0], [128, 128, 128]]),
        (np.array([[-100, 100]], np.int64), [[0, 0, 0], [255, 255, 255]]),
    ],
)
def test_pictures_of_arrays(array: npt.NDArray[Any], expected: list[list[int]]) -> None:
    assert picture_from_array(array).pixels_hwc[0].tolist() == expected


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (0, 4), (2, 2, 3, 1)])
def test_arrays_that_are_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="no picture"):
        picture_from_array(np.zeros(shape, np.uint8))


def test_an_array_is_not_kept() -> None:
    array = np.zeros((4, 4, 3), np.uint8)
    picture = picture_from_array(array)
    array[:] = 9
    assert not picture.pixels_hwc.any()
