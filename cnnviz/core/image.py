"""Any picture a user opens, decoded with care. What becomes of it on the board is in `cnnviz.core.ink`."""

from __future__ import annotations

import io
import logging
import os
import re
import stat
import struct
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from cnnviz.core.errors import UserError
from cnnviz.core.ink import Ink, Invert, fit_board, luminance, to_ink

__all__ = [
    "Ink", "Invert", "Picture", "decode_picture", "fit_board", "load_picture", "picture_from_array", "to_ink",
]  # fmt: skip

FloatArray = npt.NDArray[np.float32]
PixelArray = npt.NDArray[np.uint8]

MAX_SIDE = 1024
KEPT_PIXELS = 24_000_000
"""A picture with more is reduced to this many for networks for photographs: 72 MB; a camera's are whole."""
MAX_PIXELS = 178_956_970
"""Larger pictures are refused: Pillow's own limit for decompression bombs."""

# Formats whose decoders need no other program (EPS would start Ghostscript) and know their files by a signature.
_FORMATS = (
    "PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "ICNS", "PSD", "QOI",
)  # fmt: skip
_SIGNATURES = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\x00", b"MM\x00*", b"8BPS", b"qoif", b"icns",
    b"\x00\x00\x01\x00", b"\x00\x00\x00\x0cjP  ",
)  # fmt: skip
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_ROTATIONS = {  # EXIF's orientation, and what sets the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PILLOW_REMARKS = ("ignore", None, Warning, re.compile(r"PIL\."), 0)

_LIGHT = 192  # grey level from which a visible pixel counts as light
_NEARLY_ALL = 0.98
_BAND = 256  # rows


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes
    ----------
    pixels_hwc
        uint8 (H, W, 3), red, green, blue; upright and without transparency; read-only; reduced where it is large.
    name
        File name, or what it is.
    original_size
        Width and height before it was reduced, upright.
    notes
        Sentences on what was done to it that the user should know.
    large_hwc
        The same before it was reduced; ``None`` where nothing was, or where it was let go.
    """

    pixels_hwc: PixelArray
    name: str
    original_size: tuple[int, int]
    notes: tuple[str, ...] = ()
    large_hwc: PixelArray | None = None

    @property
    def best_hwc(self) -> PixelArray:
        """The most pixels that are there: what networks for photographs are given."""
        return self.pixels_hwc if self.large_hwc is None else self.large_hwc

    @property
    def is_whole(self) -> bool:
        """Whether `large_hwc` was not let go."""
        return self.large_hwc is not None or self.pixels_hwc.shape[1::-1] == self.original_size

    def without_large(self) -> Picture:
        """Return it with the reduced pixels only: up to 72 MB less."""
        return replace(self, large_hwc=None)

    @cached_property
    def is_grey(self) -> bool:
        """Whether red, green and blue are the same everywhere."""
        first = self.pixels_hwc[..., :1]
        return bool((self.pixels_hwc[..., 1:] == first).all())


def load_picture(path: str | os.PathLike[str], *, max_side: int = MAX_SIDE) -> Picture:
    """Decode a picture file.

    Parameters
    ----------
    path
        The file.
    max_side
        Of a picture whose longer side has more pixels, `Picture.pixels_hwc` is reduced to this many.

    Raises
    ------
    UserError
        When the file is missing, a folder, not readable, empty, damaged, no picture, of an unknown format or larger
        than `MAX_PIXELS`.
    """
    path = Path(path)
    name = path.name or str(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UserError(f"'{name}' is a folder, not a picture.", suggestion="Choose a picture inside it.")
        if not stat.S_ISREG(mode):  # a pipe would be waited for without end
            raise UserError(f"'{name}' is not an ordinary file.", suggestion="Choose a picture file.")
        with path.open("rb") as file:
            return _open(file, name, max_side)
    except FileNotFoundError as error:
        raise UserError(
            f"There is no file '{path}'.",
            suggestion="Check its name; it may have been moved.",
            details=repr(error),
        ) from error
    except PermissionError as error:
        raise UserError(
            f"'{name}' may not be read by you.",
            suggestion="Change its permissions or copy it.",
            details=repr(error),
        ) from error
    except (OSError, ValueError) as error:  # a path that no file can have, a disk that fails
        raise UserError(
            f"'{name}' cannot be opened.", suggestion="Copy it to another folder first.", details=repr(error)
        ) from error


def decode_picture(data: bytes, name: str, *, max_side: int = MAX_SIDE) -> Picture:
    """Decode the bytes of a picture file; see `load_picture`."""
    return _open(io.BytesIO(data), name, max_side)


def picture_from_array(array: npt.NDArray[Any], name: str = "Picture", *, max_side: int = MAX_SIDE) -> Picture:
    """Return a picture made of an array.

    Parameters
    ----------
    array
        (H, W), (H, W, 3) or (H, W, 4): uint8, bool, or numbers of any kind, which are scaled as those of a 16-bit or
        float picture are.
    name
        What it is.
    max_side
        As for `load_picture`.

    Raises
    ------
    UserError
        When the shape is none of these or the array is empty.
    """
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or array.size == 0:
        raise UserError(f"'{name}' is an array of shape {array.shape}, which is no picture.")
    notes: list[str] = []
    if array.dtype == np.bool_:
        array = array * np.uint8(255)
    pixels = array if array.dtype == np.uint8 else _to_bytes(array.astype(np.float32), notes)
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.ndim == 3 and channels == 1 else pixels))
    return _finish(image, name, image.size, max_side, notes)


def _open(stream: IO[bytes], name: str, max_side: int) -> Picture:
    """Decode a stream; every way in which a decoder can fail ends in one sentence."""
    _silence_pillow()
    Image.init()
    start = stream.read(64)
    stream.seek(0)
    try:
        with Image.open(stream, formats=[f for f in _FORMATS if f in Image.OPEN]) as image:
            return _decode(image, name, max_side)
    except UserError:
        raise
    except UnidentifiedImageError as error:
        raise _not_a_picture(name, start) from error
    except Image.DecompressionBombError as error:
        raise _too_large(name, repr(error)) from error
    except MemoryError as error:
        raise UserError(
            f"There is not enough memory to open '{name}'.", suggestion="Reduce it in another program first."
        ) from error
    except Exception as error:  # on damaged data a decoder may raise anything
        raise _damaged(name, repr(error)) from error


def _silence_pillow() -> None:
    """Keep Pillow's remarks on odd metadata and large pictures to itself; what matters is checked and said here.

    The filter is put in place once and stays: `warnings.catch_warnings` would swap the filters of all threads.
    """
    if _PILLOW_REMARKS not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        logging.getLogger("PIL").setLevel(logging.CRITICAL)


def _damaged(name: str, details: str) -> UserError:
    return UserError(
        f"'{name}' is damaged or cut off and cannot be read to its end.",
        suggestion="Download, copy or save it again.",
        details=details,
    )


def _too_large(name: str, details: str) -> UserError:
    return UserError(
        f"'{name}' has more than {MAX_PIXELS // 1_000_000} million pixels, which is not opened for safety.",
        suggestion="Reduce it in another program first.",
        details=details,
    )


def _not_a_picture(name: str, start: bytes) -> UserError:
    """Say what a file is that no decoder knows, by its first bytes."""
    if not start:
        return UserError(f"'{name}' is empty.", suggestion="Download, copy or save it again.")
    export = "Save or export it as PNG or JPEG first."
    if start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS:
        return UserError(f"'{name}' is a HEIC photo, a format that cannot be read here.", suggestion=export)
    if start.startswith(b"%PDF") or b"<svg" in start:
        kind = "a PDF document" if start.startswith(b"%PDF") else "an SVG drawing"
        return UserError(f"'{name}' is {kind}, not a picture of pixels.", suggestion=export)
    if start.startswith(_SIGNATURES):
        return _damaged(name, "its header cannot be read")
    return UserError(
        f"'{name}' is not a picture that can be read.",
        suggestion="PNG, JPEG, GIF, BMP, WebP, TIFF and AVIF can be opened.",
    )


def _decode(image: Image.Image, name: str, max_side: int) -> Picture:
    """Decode the first frame, as small as will do."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width} × {height}")
    notes: list[str] = []
    frames = int(getattr(image, "n_frames", 1))
    if frames > 1 and image.format != "MPO":  # a phone's second picture is a preview
        notes.append(f"First of {frames} {'pages' if image.format == 'TIFF' else 'frames'} is shown.")
        image.seek(0)
    if image.format in ("JPEG", "MPO"):
        image.draft(None, _kept_size((width, height)))  # the decoder itself reduces by 2, 4 or 8
    image.load()
    orientation = _orientation(image)
    upright = (height, width) if orientation >= 5 else (width, height)
    return _finish(image, name, upright, max_side, notes, _ROTATIONS.get(orientation))


def _orientation(image: Image.Image) -> int:
    """Return EXIF's orientation; 1, upright, where there is none or the metadata cannot be read."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, struct.error):
        return 1  # the pixels are fine


def _finish(
    image: Image.Image,
    name: str,
    original_size: tuple[int, int],
    max_side: int,
    notes: list[str],
    rotation: Image.Transpose | None = None,
) -> Picture:
    """Set upright, remove transparency, reduce."""
    kept = _kept_size(image.size)
    if _kept_size(original_size) != original_size:
        notes.append(f"Reduced from {original_size[0]:,} × {original_size[1]:,} pixels.")
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float32)
        if kept != image.size:
            values = np.asarray(_resized(Image.fromarray(np.nan_to_num(values)), kept))
        image = Image.fromarray(_to_bytes(values, notes))
    else:
        plain = "RGBA" if image.has_transparency_data else "L" if image.mode in ("1", "L") else "RGB"
        if image.mode == "LAB":
            raise UserError(
                f"'{name}' has Lab colours, which cannot be shown.",
                suggestion="Save it with RGB colours first.",
            )
        image = _resized(image if image.mode == plain else image.convert(plain), kept)
    if rotation is not None:
        image = image.transpose(rotation)
    image = (_on_paper(image, notes) if image.mode == "RGBA" else image).convert("RGB")
    small = _resized(image, _fitted(image.size, max_side))
    pixels, large = np.array(small), np.array(image) if small is not image else None
    for array in (pixels, large):
        if array is not None:
            array.flags.writeable = False
    return Picture(pixels, name, original_size, tuple(notes), large)


def _fitted(size: tuple[int, int], max_side: float) -> tuple[int, int]:
    """Return a size with the same aspect whose longer side is `max_side` at most."""
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _kept_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size with the same aspect and about `KEPT_PIXELS` at most."""
    width, height = size
    return _fitted(size, max(size) * min(1.0, (KEPT_PIXELS / (width * height)) ** 0.5))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Reduce a picture with a filter that weighs every pixel."""
    return image if size == image.size else image.resize(size, Image.Resampling.HAMMING, reducing_gap=3.0)


def _to_bytes(values: FloatArray, notes: list[str]) -> PixelArray:
    """Scale numbers of any range to 0..255; Pillow's own conversion cuts them off.

    0..1 of floats and 0..255 are taken as they are meant; anything else is spread from its smallest to its largest.
    """
    finite = np.isfinite(values)
    if not finite.all():
        values = np.where(finite, values, values[finite].min() if finite.any() else 0).astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    elif low == high:
        low, high = (0.0, 65535.0) if 0 <= low <= 65535 else (low, low + 1)
    else:
        notes.append(f"Values from {low:g} to {high:g} are shown from black to white.")
    share = (values - np.float32(low)) / np.float32(high - low)
    scaled = share * np.float32(255) + np.float32(0.5)
    clipped: PixelArray = np.clip(scaled, 0, 255).astype(np.uint8)
    return clipped


def _on_paper(image: Image.Image, notes: list[str]) -> Image.Image:
    """Put a transparent picture on white; on black if nearly all that is visible is light."""
    alpha = image.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return image
    visible = light = 0
    for top in range(0, image.height, _BAND):  # a large picture's levels as numbers would fill the memory
        pixels = np.asarray(image.crop((0, top, image.width, min(top + _BAND, image.height))))
        opacity = pixels[..., 3]
        visible += int(opacity.sum(dtype=np.int64))
        light += int(opacity[luminance(pixels) >= _LIGHT].sum(dtype=np.int64))
    on_black = visible > 0 and light >= _NEARLY_ALL * visible
    notes.append(f"Transparent parts are shown on {'black' if on_black else 'white'}.")
    paper = Image.new("RGB", image.size, "black" if on_black else "white")
    paper.paste(image.convert("RGB"), mask=alpha)
    return paper
