"""The user's own pictures: every kind of file and folder that people have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnviz.core.errors import Cancelled, UserError
from cnnviz.datasets import picture_folder, registry
from cnnviz.datasets.images import LabelledImages

RED, BLUE = (200, 30, 20), (10, 20, 220)


def picture(
    path: Path, colour: tuple[int, int, int] = RED, size: tuple[int, int] = (40, 30), mode: str = "RGB"
) -> Path:
    """Save a picture of one colour in some mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, colour)
    (image if mode == "RGB" else image.convert(mode)).save(path)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of two pictures each."""
    for i in range(2):
        picture(tmp_path / "pets" / "cat" / f"{i}.png", RED)
        picture(tmp_path / "pets" / "dog" / f"{i}.jpg", BLUE)
    return tmp_path / "pets"


def load(root: Path, part: registry.Part = "train", side: int = 16) -> LabelledImages:
    return registry.get("folder").load(root, part, side)


def test_classes_are_the_sub_folders(root: Path) -> None:
    found = load(root)
    assert found.classes == ("cat", "dog")
    assert found.images_nhw.shape == (4, 16, 16, 3)
    assert found.images_nhw.dtype == np.uint8
    assert found.labels_n.tolist() == [0, 0, 1, 1]
    assert found.problems == ()
    means = found.images_nhw.mean((1, 2))
    assert np.abs(means - np.array([RED, RED, BLUE, BLUE])).max() < 4
    assert load(root).files == found.files
    picture(root / "cat" / "1.png", BLUE)
    assert load(root).files != found.files


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        ("L", "png"),
        ("P", "png"),
        ("RGBA", "png"),
        ("1", "png"),
        ("CMYK", "jpg"),
        ("L", "jpg"),
        ("CMYK", "tif"),
        ("LA", "png"),
    ],
)
def test_every_mode_becomes_three_colours(root: Path, mode: str, ending: str) -> None:
    path = picture(root / "cat" / f"2.{ending}", (220, 220, 220), mode=mode)
    found = load(root)
    assert found.problems == ()
    assert found.images_nhw[2].shape == (16, 16, 3)
    if mode != "1":
        assert np.abs(found.images_nhw[2].astype(int) - 220).max() < 8, path.name


def test_sixteen_bits_keep_their_greys(root: Path) -> None:
    Image.fromarray(np.tile(np.linspace(0, 65535, 32).astype(np.uint16), (32, 1))).save(root / "cat" / "2.png")
    row = load(root, side=32).images_nhw[2][5, :, 0].astype(int)
    assert row[0] < 10 < 245 < row[-1]
    assert (np.diff(row) >= 0).all()


def test_a_turned_photograph_is_set_upright(root: Path) -> None:
    image = Image.new("RGB", (64, 64), RED)
    image.paste(BLUE, (0, 0, 64, 32))  # blue above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    for ending in ("jpg", "png"):
        image.save(root / "cat" / f"2.{ending}", exif=exif)
        pixels = load(root).images_nhw[2]
        assert np.abs(pixels[8, 14].astype(int) - BLUE).max() < 12
        assert np.abs(pixels[8, 1].astype(int) - RED).max() < 12
        (root / "cat" / f"2.{ending}").unlink()


def test_the_middle_is_kept_and_sizes_may_differ(root: Path) -> None:
    wide = Image.new("RGB", (300, 50), BLUE)
    wide.paste(RED, (125, 0, 175, 50))
    wide.save(root / "cat" / "2.png")
    picture(root / "cat" / "3.jpg", RED, (3000, 2000))
    found = load(root)
    assert np.abs(found.images_nhw[2][8, 4:12].astype(int) - RED).max() < 4
    assert np.abs(found.images_nhw[3].astype(int) - RED).max() < 4


def test_what_cannot_be_read_is_left_out_and_listed(root: Path) -> None:
    (root / "cat" / "text.png").write_text("no picture")
    (root / "cat" / "empty.jpg").touch()
    whole = picture(root / "cat" / "cut.jpg", size=(200, 200)).read_bytes()
    (root / "cat" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    whole = picture(root / "dog" / "cut.png", size=(200, 200)).read_bytes()
    (root / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])
    picture(root / "dog" / "tiny.png", size=(7, 40))
    (root / "dog" / "notes.txt").write_text("not looked at")
    (root / "empty class").mkdir()
    found = load(root)
    assert len(found) == 4
    assert found.classes == ("cat", "dog")
    assert [line.partition(":")[0] for line in found.problems] == [
        "empty class", "cat/cut.jpg", "cat/empty.jpg", "cat/text.png", "dog/cut.png", "dog/tiny.png",
    ]  # fmt: skip
    assert "7×40" in found.problems[-1]


def test_long_lists_of_problems_are_cut(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_folder, "_LISTED", 2)
    for i in range(5):
        (root / "cat" / f"bad{i}.png").write_text("x")
    assert load(root).problems[-1] == "and 3 more"


def test_train_and_test_folders(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder 'test'"):
        load(root, "test")
    (tmp_path / "split").mkdir()
    root.rename(tmp_path / "split" / "Train")
    picture(tmp_path / "split" / "val" / "cat" / "a.png", BLUE)
    picture(tmp_path / "split" / "val" / "dog" / "b.png", RED)
    assert len(load(tmp_path / "split")) == 4
    assert len(load(tmp_path / "split", "test")) == 2


@pytest.mark.parametrize("what", ["nothing", "one class", "loose pictures", "only bad ones"])
def test_folders_without_two_classes_are_one_sentence(tmp_path: Path, what: str) -> None:
    if what == "one class":
        picture(tmp_path / "cat" / "a.png")
    elif what == "loose pictures":
        picture(tmp_path / "a.png")
    elif what == "only bad ones":
        for name in ("cat", "dog"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "a.png").write_text("x")
    with pytest.raises(
        UserError, match="can be read: 0 of 2" if what == "only bad ones" else "there must be two"
    ) as caught:
        load(tmp_path)
    assert caught.value.suggestion


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="needs a folder"):
        registry.get("folder").load(None, "train")


def test_names_in_any_script_and_hidden_folders(root: Path) -> None:
    (root / "cat").rename(root / "猫 Kätzchen")
    picture(root / ".thumbnails" / "a.png")
    found = load(root)
    assert set(found.classes) == {"dog", "猫 Kätzchen"}
    assert len(found) == 4


def test_too_many_pictures_are_refused_before_they_are_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_folder, "_LARGEST_BYTES", 4 * 16 * 16 * 3 - 1)
    monkeypatch.setattr(picture_folder, "_read", lambda *_: pytest.fail("read"))
    with pytest.raises(UserError, match="4 pictures of 16×16 take"):
        load(root)


@pytest.mark.parametrize("after", range(9))
def test_reading_can_be_given_up_at_every_picture(root: Path, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    plain = picture_folder._read
    monkeypatch.setattr(picture_folder, "_read", lambda path, side: (read.append(path), plain(path, side))[1])
    asked = iter([False] * after)
    spec = registry.get("folder")
    if after == 8:  # four found, four read
        assert len(spec.load(root, "train", 16, stopped=lambda: next(asked, True))) == 4
    else:
        with pytest.raises(Cancelled, match="cancelled"):
            spec.load(root, "train", 16, stopped=lambda: next(asked, True))
    assert len(read) == max(0, after - 4)


def test_where_too_few_can_be_read_the_first_reason_is_said(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png", size=(4, 4))
    picture(tmp_path / "dog" / "1.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"can be read: 1 of 2.*cat/1.png: '1.png' is 4×4 pixels"):
        load(tmp_path)
