"""The whole application, started as often as a test wants and closed after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot

from cnnviz.core import paths
from cnnviz.state.settings import Settings


class Started(Protocol):
    """An application on the screen."""

    def close(self) -> None:
        """Close its window."""


@pytest.fixture
def start(
    qtbot: QtBot, tmp_path: Path, running: Callable[[QtBot, Settings], Started]
) -> Iterator[Callable[[], Started]]:
    """Return a function that starts the application; all use one settings file. `running` is the module's own."""
    started: list[Started] = []
    (paths.data_dir() / "last_board.png").unlink(missing_ok=True)

    def begin() -> Started:
        started.append(running(qtbot, Settings(tmp_path / "settings.ini")))
        return started[-1]

    yield begin
    for one in started:
        one.close()
