"""The pictures of a folder come in the order in which people count them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnviz.core import folders, image
from cnnviz.core.errors import UserError


def test_numbers_in_names_count_by_their_value(tmp_path: Path) -> None:
    for name in ("img10.png", "IMG2.JPG", "img1.webp", "b.gif", "A.tiff", "notes.txt", ".hidden.png", "img2b.png"):
        (tmp_path / name).write_bytes(b"")
    found = [Path(path).name for path in folders.pictures_in(tmp_path)]
    assert found == ["A.tiff", "b.gif", "img1.webp", "IMG2.JPG", "img2b.png", "img10.png"]


def test_a_name_without_a_known_ending_takes_its_place(tmp_path: Path) -> None:
    files = tuple(str(tmp_path / name) for name in ("a.png", "c.png"))
    assert folders.with_file(files, str(tmp_path / "b")) == (files[0], str(tmp_path / "b"), files[1])
    assert folders.with_file(files, files[1]) is files


def test_odd_names_can_be_sorted() -> None:
    names = ["٣.png", "²", "", "7", "x007", "x7", "\u0660"]
    other = names[::-1]
    assert sorted(names, key=folders.natural_key) == sorted(other, key=folders.natural_key)


def test_a_folder_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'gone' cannot be read"):
        folders.pictures_in(tmp_path / "gone")


def test_every_ending_belongs_to_a_format_that_is_decoded() -> None:
    from PIL import Image

    Image.init()
    known = {ending for ending, name in Image.registered_extensions().items() if name in image._FORMATS}
    assert set(folders.SUFFIXES) <= known | {".dib"}
