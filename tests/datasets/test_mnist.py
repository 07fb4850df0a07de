"""MNIST's files, good and bad: each bad one gives one sentence that names it."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from cnnviz.core.errors import UserError
from cnnviz.datasets import mnist

N = 7
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 28, 28)).astype(np.uint8)
LABELS = (np.arange(N) % 10).astype(np.uint8)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(folder: Path, images: bytes, labels: bytes, *, packed: bool = False, mark: str = "-") -> Path:
    end, pack = (".gz", gzip.compress) if packed else ("", bytes)
    path = folder / f"t10k-images{mark}idx3-ubyte{end}"
    path.write_bytes(pack(images))
    (folder / f"t10k-labels{mark}idx1-ubyte{end}").write_bytes(pack(labels))
    return path


def sentence(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        mnist.load_part(folder, "test")
    assert "\n" not in caught.value.sentence
    assert caught.value.sentence.endswith(".")
    return caught.value.sentence


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mark", ["-", "."])
def test_reads_both_forms_under_both_names(tmp_path: Path, packed: bool, mark: str) -> None:
    path = write(tmp_path, idx(IMAGES), idx(LABELS), packed=packed, mark=mark)
    found = mnist.load_part(tmp_path, "test")
    np.testing.assert_array_equal(found.images_nhw, IMAGES)
    np.testing.assert_array_equal(found.labels_n, LABELS)
    assert found.labels_n.dtype == np.int64
    assert dict(found.files)[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_missing_folder_and_missing_file(tmp_path: Path) -> None:
    assert "no folder" in sentence(tmp_path / "nowhere")
    assert "t10k-images-idx3-ubyte" in sentence(tmp_path)
    write(tmp_path, idx(IMAGES), idx(LABELS))
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert "t10k-labels-idx1-ubyte" in sentence(tmp_path)


def test_labels_in_the_place_of_pictures(tmp_path: Path) -> None:
    write(tmp_path, idx(LABELS), idx(LABELS))
    assert "00 00 08 01" in sentence(tmp_path)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 something else", bytes(3)])
def test_no_idx_file(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, data, idx(LABELS))
    assert "no idx file" in sentence(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("change", [-1, 1])
def test_shorter_or_longer_than_its_header_says(tmp_path: Path, packed: bool, change: int) -> None:
    whole = idx(IMAGES)
    write(tmp_path, whole[:-1] if change < 0 else whole + b"\0", idx(LABELS), packed=packed)
    assert f"should hold {IMAGES.size:,} bytes" in sentence(tmp_path)


def test_cut_in_the_header(tmp_path: Path) -> None:
    write(tmp_path, idx(IMAGES)[:9], idx(LABELS))
    assert "header" in sentence(tmp_path)


@pytest.mark.parametrize("keep", [5, 40, -6])
def test_truncated_compression(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path, idx(IMAGES), idx(LABELS), packed=True)
    path.write_bytes(path.read_bytes()[:keep])
    assert "damaged or cut off" in sentence(tmp_path)


def test_damaged_compression(tmp_path: Path) -> None:
    path = write(tmp_path, idx(IMAGES), idx(LABELS), packed=True)
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    assert path.name in sentence(tmp_path)


def test_a_header_that_claims_too_much_allocates_nothing(tmp_path: Path) -> None:
    write(tmp_path, struct.pack(">4B3I", 0, 0, 8, 3, 2**32 - 1, 28, 28), idx(LABELS))
    assert "claims to hold" in sentence(tmp_path)


def test_pictures_and_labels_of_different_number(tmp_path: Path) -> None:
    write(tmp_path, idx(IMAGES), idx(LABELS[:-1]))
    assert "7 pictures" in sentence(tmp_path)


def test_other_sizes_and_labels(tmp_path: Path) -> None:
    write(tmp_path, idx(IMAGES[:, :27]), idx(LABELS))
    assert "7 × 27 × 28" in sentence(tmp_path)
    write(tmp_path, idx(IMAGES), idx(LABELS + 4))
    assert "label 10" in sentence(tmp_path)
    write(tmp_path, idx(IMAGES[:0]), idx(LABELS[:0]))
    assert "not pictures" in sentence(tmp_path)
