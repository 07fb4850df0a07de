"""What the tests of the training studio's panels begin with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

pytest.importorskip("PySide6")

from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.core.inspection import LoadedModel, ModelRequest
from cnnviz.models import registry
from cnnviz.state.app_state import AppState
from cnnviz.state.training_state import Progress
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import Started
from cnnviz.widgets import theme
from tests.samples import sample_model

RUN = Path("/runs/first")
P = TypeVar("P", bound=QWidget)
ShowPanel = Callable[..., P]


@pytest.fixture
def show_panel(qtbot: QtBot, qapp: QApplication, state: AppState) -> ShowPanel[QWidget]:
    """Return a function that shows a panel in light colours in the room of the tabs."""
    kept: list[QWidget] = []  # qtbot holds weak references

    def show(kind: Callable[[AppState], P], width: int = 900, height: int = 350) -> P:
        theme.apply(qapp, "light")
        panel = kind(state)
        qtbot.addWidget(panel)
        kept.append(panel)
        panel.resize(width, height)
        panel.show()
        return panel

    return show


@pytest.fixture
def run(state: AppState) -> Progress:
    """Let a run learn."""
    config = TrainConfig("lenet5")
    progress = Progress("running", RUN, config, Started(config, 3, 100, 5000, 500, 44_426, "CPU", 2), 1, 40)
    state.training.set_progress(progress)
    return progress


@pytest.fixture
def learning(state: AppState, run: Progress) -> LoadedModel:
    """Let Explore show the network that learns."""
    last = str(RUN / "last.safetensors")
    model = replace(sample_model(), request=ModelRequest(registry.name_of_file(last), last))
    state.set_model(model)
    return model
