"""Closing while a network learns: asked, and saved."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.main_window.leaving import Leaving
from cnnviz.state.race_state import RaceProgress, RaceState
from cnnviz.state.training_state import Progress, TrainingState


def test_nothing_is_asked_while_nothing_learns(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    training = TrainingState(window)
    leaving = Leaving(training, RaceState(window), window)
    for stage in ("idle", "finished", "failed", "following"):
        training.set_progress(Progress(stage, Path("a")))
        assert leaving.may_close()
    assert window.findChild(QMessageBox) is None


def test_a_network_that_learns_is_asked_about_and_closing_follows(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    training = TrainingState(window)
    leaving = Leaving(training, RaceState(window), window)
    training.set_progress(Progress("running", Path("runs/my-run")))
    assert not leaving.may_close()
    question = window.findChild(QMessageBox)
    assert question is not None
    assert "my-run" in question.text()
    assert "Resume" in question.informativeText()
    buttons = {button.text(): button for button in question.buttons()}
    buttons["&Save and close"].click()
    assert leaving.agreed
    assert leaving.may_close()
    qtbot.waitUntil(lambda: not window.isVisible())


def test_a_race_is_asked_about_as_well(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    race = RaceState(window)
    leaving = Leaving(TrainingState(window), race, window)
    race.set_progress(RaceProgress("running"))
    assert not leaving.may_close()
    question = window.findChild(QMessageBox)
    assert question is not None
    assert "race" in question.text()
