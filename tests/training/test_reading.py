"""A run's lists read while another program writes them."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import pytest

from cnnviz.core.curves import BATCH_NAMES
from cnnviz.training.reading import _Tail


def write(path: Path, first: int, count: int) -> None:
    rows = [",".join([str(first + i)] * len(BATCH_NAMES)) for i in range(count)]
    path.write_text("\n".join([",".join(BATCH_NAMES), *rows]) + "\n")


def steps(tail: _Tail) -> tuple[list[float], bool]:
    rows, anew = tail.read()
    return rows["step"].tolist(), anew


def test_only_whole_new_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "batches.csv"
    tail = _Tail(path, BATCH_NAMES)
    assert steps(tail) == ([], False)
    write(path, 1, 2)
    assert steps(tail) == ([1, 2], False)
    row = ",".join(["3"] * len(BATCH_NAMES)).encode()
    with path.open("ab") as file:
        file.write(row[:3])
        file.flush()
        assert steps(tail) == ([], False)
        file.write(row[3:] + b"\n")
    assert steps(tail) == ([3], False)


def test_a_list_that_is_replaced_just_after_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, new = tmp_path / "batches.csv", tmp_path / "new.csv"
    write(path, 1, 2)
    write(new, 101, 5)
    tail = _Tail(path, BATCH_NAMES)
    assert steps(tail) == ([1, 2], False)
    opened = Path.open

    def open_and_lose(self: Path, *args: Any) -> IO[Any]:
        file: IO[Any] = opened(self, *args)
        new.replace(path)
        return file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_and_lose)
        assert steps(tail) == ([], False)
    assert steps(tail) == ([101, 102, 103, 104, 105], True)
