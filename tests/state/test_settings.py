"""A settings file never blocks the start, whatever is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray

from cnnviz.state.settings import Settings


def test_values_come_back_with_their_types(tmp_path: Path) -> None:
    first = Settings(tmp_path / "s.ini")
    for key, value in (("a/bool", False), ("a/int", 3), ("a/float", 1.5), ("a/text", "a, b; c=ü")):
        first.put(key, value)
    first.put("a/blob", QByteArray(b"\x00\x01\xff"))
    assert first.sync()
    again = Settings(tmp_path / "s.ini")
    assert again.get("a/bool", True) is False
    assert again.get("a/int", 0) == 3
    assert again.get("a/float", 0.0) == 1.5
    assert again.get("a/text", "") == "a, b; c=ü"
    assert again.blob("a/blob") == QByteArray(b"\x00\x01\xff")
    assert not again.was_broken


@pytest.mark.parametrize(
    "garbage",
    [os.urandom(4096), b"\x00" * 100, b"\xff\xfe\x00", b"not a settings file\nat all\n", b"<xml>no</xml>"],
    ids=["random", "zeros", "half a BOM", "prose", "xml"],
)
def test_garbage_is_put_aside_and_defaults_hold(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "s.ini"
    path.write_bytes(garbage)
    settings = Settings(path)
    assert settings.was_broken
    assert settings.get("window/text_scale", 1.0) == 1.0
    assert (tmp_path / "s.ini.broken").read_bytes() == garbage
    settings.put("x", 1)
    assert settings.sync()
    assert Settings(path).get("x", 0) == 1


def test_wrong_types_in_a_readable_file_count_as_not_set(tmp_path: Path) -> None:
    path = tmp_path / "s.ini"
    path.write_text(
        "[window]\ntext_scale=huge\ngeometry=@ByteArray(garbage)\nlayout=12\nscope=galaxy\n[n]\nx=@Rect(1)\n"
    )
    settings = Settings(path)
    assert settings.get("window/text_scale", 1.0) == 1.0
    assert settings.choice("window/scope", "layer", ("unit", "layer")) == "layer"
    assert settings.blob("window/layout").isEmpty()
    assert settings.get("n/x", 7) == 7


@pytest.mark.parametrize(
    ("stored", "found"),
    [("7", 7), ("0", 1), ("99999999999999999999", 9), ("-1e5", 4), ("two", 4), ("inf", 4), ("", 4)],
)
def test_an_integer_stays_in_its_range(tmp_path: Path, stored: str, found: int) -> None:
    (tmp_path / "s.ini").write_text(f"[n]\nx={stored}\n")
    assert Settings(tmp_path / "s.ini").integer("n/x", 4, 1, 9) == found


def test_an_empty_or_missing_file_is_fine(tmp_path: Path) -> None:
    (tmp_path / "empty.ini").touch()
    assert not Settings(tmp_path / "empty.ini").was_broken
    assert not Settings(tmp_path / "missing.ini").was_broken
