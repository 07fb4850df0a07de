"""What the tests of every view begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

pytest.importorskip("PySide6")

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.state.app_state import AppState
from cnnviz.state.messages import MessageCenter
from cnnviz.views.base import View
from cnnviz.widgets import theme

V = TypeVar("V", bound=View)
ShowView = Callable[..., View]


@pytest.fixture
def state() -> AppState:
    return AppState()


@pytest.fixture
def show_view(qtbot: QtBot, qapp: QApplication, state: AppState) -> ShowView:
    """Return a function that shows a view in light colours at the size of the inspector, or another."""

    kept: list[View] = []  # qtbot holds weak references: a view that is collected while it paints ends the process

    def show(kind: type[V], width: int = 1100, height: int = 330, messages: MessageCenter | None = None) -> V:
        theme.apply(qapp, "light")
        made = kind(state, messages or MessageCenter())
        qtbot.addWidget(made)
        kept.append(made)
        made.resize(width, height)
        made.show()
        return made

    return show
