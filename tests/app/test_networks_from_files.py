"""Networks and weights that are dropped on the window or chosen by the menu; code runs only after a question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QComboBox, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from cnnviz import cli
from cnnviz.app import Application
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import registry, sources
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import Message
from cnnviz.state.settings import Settings

SLOW_MS = 60_000


@pytest.fixture
def application(qtbot: QtBot, tmp_path: Path) -> Iterator[Application]:
    made = Application(Settings(tmp_path / "settings.ini"))
    made.start()
    qtbot.waitUntil(lambda: made.state.inspection is not None, timeout=SLOW_MS)
    yield made
    made.window.close()
    made.window.deleteLater()
    made.deleteLater()


def drop(application: Application, path: Path) -> None:
    """Drop a file on the middle of the window."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    action, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(700, 300), action, mime, button, none)
    QApplication.sendEvent(application.window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(application.window, QDropEvent(QPointF(700, 300), action, mime, button, none))


def arrived(qtbot: QtBot, state: AppState, path: Path) -> None:
    """Wait until the network of a file is there."""
    qtbot.waitUntil(
        lambda: (
            not state.loading
            and state.model is not None
            and state.model.request.weights_path == str(path)
            and state.inspection is not None
        ),
        timeout=SLOW_MS,
    )


def test_a_checkpoint_dropped_on_the_window_brings_its_network(
    qtbot: QtBot, application: Application, tmp_path: Path
) -> None:
    import torch

    from cnnviz.models import checkpoints

    state = application.state
    names = next(box for box in application.window.findChildren(QComboBox) if box.accessibleName() == "Network")
    path = tmp_path / "mine.pth"
    weights = checkpoints.build(registry.get("lenet1")).state_dict()
    torch.save({"state_dict": {f"module.{k}": v for k, v in weights.items()}}, path)
    drop(application, path)
    arrived(qtbot, state, path)
    assert state.model is not None
    assert state.model.title == "LeNet-1"
    assert "LeNet-1, told by names and shapes" in state.model.weights_note
    assert registry.get(state.model.request.name).name == "lenet1"
    assert names.currentData() == "lenet1"

    weights["conv1.bias"].zero_()
    torch.save(weights, path)  # trained on, and opened again
    before = state.model
    drop(application, path)
    qtbot.waitUntil(lambda: state.model is not before and state.inspection is not None, timeout=SLOW_MS)
    assert state.model is not None
    assert not state.model.weights["conv1.bias"].any()

    other = tmp_path / "noise.pth"
    other.write_bytes(b"\x80\x02 no weights")
    said: list[Message] = []
    application.messages.posted.connect(said.append)
    drop(application, other)
    qtbot.waitUntil(lambda: any(message.level == "problem" for message in said), timeout=SLOW_MS)
    assert "noise.pth" in said[-1].sentence
    arrived(qtbot, state, path)  # what was there stays
    assert names.currentData() == "lenet1"


def test_the_network_of_a_file_comes_back_at_the_next_start(qtbot: QtBot, tmp_path: Path) -> None:
    import torch

    from cnnviz.models import checkpoints

    path = tmp_path / "mine.pt"
    torch.save(checkpoints.build(registry.get("lenet1")).state_dict(), path)
    for first in (True, False):
        made = Application(Settings(tmp_path / "settings.ini"))
        made.start()
        qtbot.waitUntil(lambda made=made: made.state.inspection is not None, timeout=SLOW_MS)
        if first:
            made.state.open_requested.emit(str(path))
        arrived(qtbot, made.state, path)
        made.window.close()
        made.window.deleteLater()
        made.deleteLater()


PYTHON = """
from pathlib import Path
from torch import nn
Path({mark!r}).touch()
model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1352, 3))
"""


def question(qtbot: QtBot, application: Application) -> QMessageBox:
    """Wait for the question whether code may run."""
    qtbot.waitUntil(lambda: application.window.findChild(QMessageBox, "trust") is not None, timeout=SLOW_MS)
    found = application.window.findChild(QMessageBox, "trust")
    assert found is not None
    return found


def test_a_file_that_runs_code_is_asked_about_and_runs_only_on_yes(
    qtbot: QtBot, application: Application, tmp_path: Path
) -> None:
    mark, path = tmp_path / "it ran", tmp_path / "net.py"
    path.write_text(PYTHON.format(mark=str(mark)))
    before = application.state.model
    drop(application, path)
    box = question(qtbot, application)
    assert box.text() == "This runs code from net.py. Only open files that you trust."
    assert box.defaultButton() is box.button(QMessageBox.StandardButton.Cancel)
    with qtbot.waitSignal(box.destroyed):
        box.button(QMessageBox.StandardButton.Cancel).click()
    assert application.state.model is before
    assert not mark.exists()

    drop(application, path)
    box = question(qtbot, application)
    agree = next(b for b in box.findChildren(QPushButton) if "Run" in b.text())
    with qtbot.waitSignal(box.destroyed):
        agree.click()
    arrived(qtbot, application.state, path)
    assert mark.exists()
    assert application.state.model is not None
    assert application.state.model.request.trusted
    assert application.state.model.labels == ("class 0", "class 1", "class 2")


def test_without_consent_nothing_runs_and_the_sentence_says_how_to_allow_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark, path, picture = tmp_path / "it ran", tmp_path / "net.py", tmp_path / "digit.png"
    path.write_text(PYTHON.format(mark=str(mark)))
    Image.fromarray(np.pad(np.full((60, 12), 255, np.uint8), 40)).save(picture)
    assert cli.main(["predict", str(picture), "--weights", str(path)]) == 1
    said = capsys.readouterr().err
    assert "runs code" in said
    assert "--trust" in said
    assert not mark.exists()
    assert cli.main(["predict", str(picture), "--weights", str(path), "--trust"]) == 0
    assert "class 2" in capsys.readouterr().out
    assert mark.exists()


def test_the_command_line_tells_the_network_by_its_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    from cnnviz.models import checkpoints

    picture, path = tmp_path / "digit.png", tmp_path / "letters.pt"
    Image.fromarray(np.pad(np.full((60, 12), 255, np.uint8), 40)).save(picture)
    weights = checkpoints.build(registry.get("lenet5")).state_dict()
    torch.save(weights | {"fc3.weight": torch.zeros(3, 84), "fc3.bias": torch.tensor([0.0, 9.0, 0.0])}, path)
    (tmp_path / "names.txt").write_text("ant\nbee\ncat\n")
    for model in ([], ["--model", "auto"], ["--model", "lenet5"]):
        wish = ["predict", str(picture), "--weights", str(path), "--classes", str(tmp_path / "names.txt"), *model]
        assert cli.main(wish) == 0
        assert capsys.readouterr().out.split()[0] == "bee"
    assert cli.main(["predict", str(picture)]) == 1
    assert "not said which network" in capsys.readouterr().err


def test_files_are_told_by_their_names(tmp_path: Path) -> None:
    expected = {
        "a.pth": "weights", "a.PTH.TAR": "weights", "a.safetensors": "weights", "a.onnx": "onnx", "a.pt2": "program",
        "a.py": "python", "a.png": None, "a": None,
    }  # fmt: skip
    assert {name: sources.source_of(name) for name in expected} == expected
    assert [name for name in expected if sources.runs_code(name)] == ["a.pt2", "a.py"]
    assert sources.source_of(str(tmp_path)) is None
    (tmp_path / "best.safetensors").touch()
    assert sources.source_of(str(tmp_path)) == "weights"
    assert registry.table_name(ModelRequest("file:/nowhere").name) == ""


def test_classes_can_be_named_afterwards(
    qtbot: QtBot, application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6.QtWidgets import QFileDialog

    path = tmp_path / "ten.txt"
    path.write_text("zero one two three four five six seven eight nine".replace(" ", "\n"))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    command = next(a for a in application.window.findChildren(QAction) if a.text() == "Name the &classes…")
    command.trigger()
    state = application.state
    qtbot.waitUntil(lambda: state.model is not None and state.model.labels[3] == "three", timeout=SLOW_MS)
