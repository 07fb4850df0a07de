"""The toolbar says what is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot

from cnnviz.main_window.toolbar import ToolBar
from cnnviz.state.app_state import AppState
from cnnviz.widgets.elided_label import ElidedLabel
from tests.samples import sample_model


def test_newer_weights_of_the_same_network_have_a_note_of_their_own(qtbot: QtBot) -> None:
    state, model = AppState(), sample_model()
    bar = ToolBar(state)
    qtbot.addWidget(bar)
    state.request_model(model.request)
    state.set_model(replace(model, weights_note="last.safetensors: epoch 1"))
    note = bar.findChild(ElidedLabel)
    assert note is not None
    assert note.text().endswith("·  last.safetensors: epoch 1")
    state.set_model(replace(model, weights_note="first lesson, step 1,234"))
    assert note.text().endswith("·  first lesson, step 1,234")
