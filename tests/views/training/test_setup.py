"""The set-up panel: every setting, what it refuses, what it shows of the pictures, and the start."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QEnterEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from cnnviz.models import registry as models
from cnnviz.state.app_state import AppState
from cnnviz.state.data_state import DataDownload, NetworkLayers
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.state.training_state import Progress
from cnnviz.training import runs
from cnnviz.training.config import CHOICES, OWN, PRETRAINED, TrainConfig, default_config
from cnnviz.training.layers_of import LayerInfo
from cnnviz.training.look import DRAWS, DataLook, Spread
from cnnviz.training.variation import DIGITS, NONE, PHOTOGRAPHS
from cnnviz.views.training import setup_values
from cnnviz.views.training.setup import SetupPanel
from cnnviz.views.training.setup_controls import NO_LAYERS, READING, ChoiceControl, FlagControl, NumberControl
from cnnviz.views.training.setup_ends import OWN_SETTINGS
from cnnviz.views.training.setup_fields import BY_NAME, FIELDS, SECTIONS
from cnnviz.widgets import theme

STARTER = default_config("lenet5", "starter")
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def messages() -> MessageCenter:
    center = MessageCenter()
    center.open()
    return center


@pytest.fixture
def posted(messages: MessageCenter) -> list[Message]:
    found: list[Message] = []
    messages.posted.connect(found.append)
    return found


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication, state: AppState, messages: MessageCenter) -> SetupPanel:
    theme.apply(qapp, "light")
    made = SetupPanel(state, messages)
    qtbot.addWidget(made)
    made.resize(380, 900)
    made.form.show_sections(SECTIONS)
    made.show()
    qtbot.waitExposed(made)
    return made


def fake_look(config: TrainConfig, classes: int = 3, **changes: object) -> DataLook:
    random = np.random.default_rng(0)
    channels = models.get(config.model).input.channels
    shape = (16, 16, 3) if channels == 3 else (16, 16)
    look = DataLook(
        config=config,
        classes=tuple(f"kind {i}" for i in range(classes)),
        train_k=np.full(classes, 90),
        held_k=np.full(classes, 10),
        samples_nhw=random.integers(0, 256, (4 * classes, *shape), np.uint8),
        sample_labels_n=np.repeat(np.arange(classes), 4),
        drawn_dnhw=random.integers(0, 256, (1 + DRAWS, 4, *shape), np.uint8),
        drawn_labels_n=np.zeros(4, np.int64),
        before=Spread((0.25,) * channels, (0.5,) * channels),
        after=Spread((-0.125,) * channels, (1.5,) * channels),
        height=16,
        width=16,
        given_height=28,
        given_width=28,
    )
    return dataclasses.replace(look, **changes)  # type: ignore[arg-type]


def number(panel: SetupPanel, name: str) -> NumberControl:
    control = panel.form.controls[name]
    assert isinstance(control, NumberControl)
    return control


def choice(panel: SetupPanel, name: str) -> ChoiceControl:
    control = panel.form.controls[name]
    assert isinstance(control, ChoiceControl)
    return control


def pick(panel: SetupPanel, name: str, value: object) -> None:
    """Choose as a user does, by the list's own signal."""
    combo = choice(panel, name).combo
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())


def type_in(panel: SetupPanel, name: str, text: str, *, end: bool = True) -> None:
    field = number(panel, name).entry.field
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    if end:
        QTest.keyClick(field, Qt.Key.Key_Return)


def shown(panel: SetupPanel) -> TrainConfig:
    config = panel.config()
    assert config is not None
    return config


# -- the table --------------------------------------------------------------------------------------------------------


def test_the_table_has_every_setting_and_explains_it_in_a_sentence() -> None:
    assert set(BY_NAME) | {"data_dir"} == set(setup_values.values_of(STARTER))
    assert len(BY_NAME) == len(FIELDS)
    for field in FIELDS:
        assert field.sentence.endswith(".")
        assert field.section in SECTIONS
    for name, words in CHOICES.items():
        assert {value for value, _ in BY_NAME[name].words} == set(words)


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "resnet20", "autoencoder"])
def test_values_and_configuration_are_the_same(name: str) -> None:
    config = default_config(name, "starter")
    assert setup_values.config_of(setup_values.values_of(config)) == config


@pytest.mark.parametrize("schedule", CHOICES["schedule"])
def test_the_drawn_rate_is_that_of_the_run(schedule: str) -> None:
    from cnnviz.training.schedules import factor

    config = dataclasses.replace(STARTER, schedule=schedule, epochs=30, warm_up=0.0, learning_rate=0.5)
    curve = setup_values.rate_curve(config, 7)
    assert curve[0][0] == 0
    assert curve[-1][0] == pytest.approx(30, abs=0.2)
    for at, rate in curve:
        assert rate == pytest.approx(0.5 * factor(config, round(at * 7), 210, 7))
    if schedule == "step":
        assert {round(rate, 9) for _, rate in curve} == {0.5, 0.05, 0.005}
        assert (10 - 1 / 7, 0.5) in [(pytest.approx(at), rate) for at, rate in curve]


# -- setting ----------------------------------------------------------------------------------------------------------


def test_it_begins_with_lenet_on_the_starter_digits(panel: SetupPanel) -> None:
    assert panel.config() == STARTER
    assert panel.head.presets.currentText() == "LeNet on digits"
    assert panel.foot.start.isEnabled()
    assert panel.head.isVisible()


@pytest.mark.parametrize("name", [field.name for field in FIELDS if field.kind == "choice"])
def test_every_choice_reaches_the_configuration(panel: SetupPanel, name: str) -> None:
    for value, _ in BY_NAME[name].words:
        pick(panel, name, value)
        assert getattr(shown(panel), name) == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("epochs", "12", 12), ("learning_rate", "0,05", 0.05), ("size", "32", 32), ("size", "own", 0),
        ("dropout", "0.3", 0.3), ("dropout", "own", OWN), ("clip", "any", 0.0), ("seed", "99", 99),
        ("batch_size", "1 024", 1024), ("average", "0.9995", 0.9995), ("threads", "", 0),
    ],
)  # fmt: skip
def test_numbers_are_typed(panel: SetupPanel, name: str, text: str, value: float) -> None:
    pick(panel, "schedule", "step")
    number(panel, name).entry.try_text("0.5" if isinstance(value, float) else "7")
    number(panel, name).entry.try_text(text)
    assert getattr(shown(panel), name) == value
    assert type(getattr(shown(panel), name)) is type(value)
    assert number(panel, name).entry.error == ""


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("epochs", "0", "Epochs: from 1 to 10,000."),
        ("epochs", "1.5", "Epochs: '1.5' is not a whole number."),
        ("learning_rate", "nan", "Learning rate: from 1e-09 to 100."),
        ("learning_rate", "quick", "Learning rate: 'quick' is not a number."),
        ("dropout", "-1", "Dropout: from 0 to 0.99, or 'own'."),
        ("variation.shift", "0.6", "Shift: from 0 to 0.5."),
        ("warm_up", "inf", "Warm-up: from 0 to 1."),
    ],
)
def test_what_cannot_be_is_said_beside_the_control_and_nothing_starts(
    panel: SetupPanel, state: AppState, name: str, text: str, words: str
) -> None:
    started: list[object] = []
    state.training.start_requested.connect(lambda *wish: started.append(wish))
    type_in(panel, name, text)
    assert number(panel, name).entry.error == words
    assert panel.config() == STARTER
    assert not panel.foot.start.isEnabled()
    assert panel.foot.reason.text() == words
    panel.start()
    assert started == []
    type_in(panel, name, setup_values.text_of(BY_NAME[name], setup_values.values_of(STARTER)[name]))
    assert panel.foot.start.isEnabled()


def test_flags_are_clicked(panel: SetupPanel) -> None:
    control = panel.form.controls["variation.pens"]
    assert isinstance(control, FlagControl)
    control.box.click()
    assert shown(panel).variation == NONE
    control.box.click()
    assert shown(panel).variation == DIGITS


def test_settings_without_a_meaning_are_not_shown(panel: SetupPanel) -> None:
    controls = panel.form.controls
    assert controls["momentum"].isHidden()
    pick(panel, "optimiser", "sgd")
    assert not controls["momentum"].isHidden()
    assert not controls["nesterov"].isHidden()
    pick(panel, "optimiser", "rmsprop")
    assert controls["nesterov"].isHidden()
    assert controls["step_factor"].isHidden()
    pick(panel, "schedule", "plateau")
    assert not controls["step_factor"].isHidden()
    pick(panel, "start", PRETRAINED)
    assert controls["initialisation"].isHidden()


def test_other_pictures_bring_their_usual_variation_and_validation_part(panel: SetupPanel) -> None:
    pick(panel, "data", "cifar10")
    assert (shown(panel).variation, shown(panel).validation) == (PHOTOGRAPHS, 5000)
    assert panel.form.controls["variation.pens"].isHidden()
    pick(panel, "data", "mnist")
    assert shown(panel).variation == DIGITS
    number(panel, "variation.noise").entry.try_text("0.1")
    pick(panel, "data", "fashion_mnist")
    assert shown(panel).variation == dataclasses.replace(DIGITS, noise=0.1)


def test_another_network_has_other_layers_and_weights(panel: SetupPanel, state: AppState) -> None:
    panel.form.freeze.say("conv2")
    panel.form.controls["start"].say("/somewhere/best.safetensors")
    assert (shown(panel).freeze, shown(panel).start) == ("conv2", "/somewhere/best.safetensors")
    assert choice(panel, "start").combo.currentText() == "best.safetensors"
    pick(panel, "model", "resnet20")
    assert (shown(panel).freeze, shown(panel).start) == ("", "")
    assert {model.name for model in models.MODELS} == {
        choice(panel, "model").combo.itemData(i) for i in range(choice(panel, "model").combo.count())
    } - {None}


def test_a_network_that_does_not_fit_the_pictures_is_said(panel: SetupPanel) -> None:
    pick(panel, "data", "cifar10")
    pick(panel, "model", "unet")
    assert panel.config() is None
    assert "draws digits" in panel.foot.reason.text()
    assert not panel.foot.start.isEnabled()
    assert not panel.form.rate.isVisible()
    pick(panel, "data", "starter")
    assert shown(panel).model == "unet"


@pytest.mark.parametrize("answer", ["", "/runs/good"])
def test_weights_to_start_from_are_asked_for(panel: SetupPanel, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: answer)
    pick(panel, "start", "…run")
    assert shown(panel).start == answer
    assert choice(panel, "start").combo.currentText() == ("good" if answer else "random weights")


# -- the freeze line --------------------------------------------------------------------------------------------------

LENET = NetworkLayers("lenet5", (
    LayerInfo("conv1", 156), LayerInfo("conv2", 2416), LayerInfo("fc1", 48_120), LayerInfo("fc2", 10_164),
    LayerInfo("fc3", 850, is_head=True),
))  # fmt: skip


def line_at(panel: SetupPanel, frozen: int) -> QPoint:
    line = panel.form.freeze.line
    return QPoint(round(line.x_of(frozen, line.size())), line.rect_of(0, line.size()).center().y())


def test_the_freeze_line_is_dragged_moved_by_keys_and_undone(panel: SetupPanel, state: AppState) -> None:
    line = panel.form.freeze.line
    state.data.set_layers(LENET)
    QTest.mousePress(line, Qt.MouseButton.LeftButton, pos=line_at(panel, 0))
    QTest.mouseMove(line, line_at(panel, 2))
    assert shown(panel).freeze == ""  # not before it is let go
    QTest.mouseRelease(line, Qt.MouseButton.LeftButton, pos=line_at(panel, 2))
    assert shown(panel).freeze == "conv2"
    line.setFocus()
    QTest.keyClick(line, Qt.Key.Key_Right)
    assert shown(panel).freeze == "fc1"
    QTest.keyClick(line, Qt.Key.Key_Z, CTRL)
    assert (shown(panel).freeze, line.path) == ("conv2", "conv2")
    QTest.keyClick(line, Qt.Key.Key_Z, CTRL)
    assert (shown(panel).freeze, line.path) == ("", "")
    QTest.keyClick(line, Qt.Key.Key_Z, CTRL | SHIFT)
    assert (shown(panel).freeze, line.path) == ("conv2", "conv2")


def test_the_freeze_line_explains_why_there_are_no_layers(panel: SetupPanel, state: AppState) -> None:
    line = panel.form.freeze.line
    state.data.set_looking(True)
    assert line.accessibleDescription() == READING
    state.data.set_layers(LENET)
    state.data.set_looking(False)
    assert len(line.boxes) == 5
    pick(panel, "model", "resnet20")  # those were the layers of another one
    assert line.boxes == ()
    assert line.accessibleDescription() == NO_LAYERS
    state.data.set_looking(True)
    assert line.accessibleDescription() == READING


def test_a_freeze_line_that_the_network_does_not_have_is_said_and_the_next_word_counts(
    panel: SetupPanel, state: AppState, tmp_path: Path
) -> None:
    (tmp_path / "c.json").write_text(dataclasses.replace(STARTER, freeze="conv7").to_json())
    panel.open_config(tmp_path / "c.json")
    state.data.set_layers(LENET)
    freeze = panel.form.freeze
    assert freeze.fault.isVisible()
    assert "no layer 'conv7'" in freeze.fault.text()
    assert panel.foot.reason.text() == freeze.fault.text()
    assert not panel.foot.start.isEnabled()
    QTest.keyClick(freeze.line, Qt.Key.Key_Home)  # where it stands already
    assert shown(panel).freeze == ""
    assert not freeze.fault.isVisible()
    assert panel.foot.start.isEnabled()
    freeze.say("fc3")
    assert "nothing can learn" in freeze.fault.text()
    panel.history.undo()
    state.data.set_layers(dataclasses.replace(LENET, problem="There is no weights file."))
    assert freeze.fault.text() == panel.foot.reason.text() == "There is no weights file."


def test_the_freeze_line_of_200_layers_is_scrolled_and_the_wheel_turns_it_only_in_hand(
    panel: SetupPanel, state: AppState, qtbot: QtBot
) -> None:
    line = panel.form.freeze.line
    state.data.set_layers(NetworkLayers("lenet5", tuple(LayerInfo(f"l{i}.conv", 10) for i in range(200))))
    panel.activateWindow()
    panel.head.presets.setFocus()
    turn(line, -1)
    assert line.scroll_bar.value() == 0  # the page is what the wheel turns here
    line.setFocus()
    qtbot.waitUntil(line.hasFocus)
    turn(line, -1)
    assert line.scroll_bar.value() > 0
    QTest.keyClick(line, Qt.Key.Key_End)
    assert shown(panel).freeze == "l198.conv"
    assert 0 < line.x_of(199, line.size()) < line.width()


# -- keys, wheel, history, help ---------------------------------------------------------------------------------------


def test_settings_are_undone_and_done_again(panel: SetupPanel) -> None:
    type_in(panel, "epochs", "7")
    pick(panel, "optimiser", "sgd")
    choice(panel, "optimiser").combo.setFocus()
    QTest.keyClick(choice(panel, "optimiser").combo, Qt.Key.Key_Z, CTRL)
    assert (shown(panel).optimiser, shown(panel).epochs) == ("adamw", 7)
    field = number(panel, "epochs").entry.field
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Z, CTRL)
    assert panel.config() == STARTER
    assert field.text() == "40"
    assert not panel.head.undo.isEnabled()
    QTest.keyClick(field, Qt.Key.Key_Z, CTRL | SHIFT)
    assert shown(panel).epochs == 7
    QTest.mouseClick(panel.head.redo, Qt.MouseButton.LeftButton)
    assert shown(panel).optimiser == "sgd"
    QTest.mouseClick(panel.head.undo, Qt.MouseButton.LeftButton)
    assert shown(panel).optimiser == "adamw"


def test_undo_takes_back_what_is_typed_before_it_takes_back_settings(panel: SetupPanel) -> None:
    type_in(panel, "epochs", "7")
    type_in(panel, "epochs", "99", end=False)
    QTest.keyClick(number(panel, "epochs").entry.field, Qt.Key.Key_Z, CTRL)
    assert shown(panel).epochs == 7
    assert number(panel, "epochs").entry.field.text() != "99"


def turn(widget: object, notches: int) -> None:
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)  # type: ignore[arg-type]


def test_the_wheel_turns_only_what_is_in_hand(panel: SetupPanel, qtbot: QtBot) -> None:
    panel.activateWindow()
    panel.head.presets.setFocus()
    combo, field = choice(panel, "optimiser").combo, number(panel, "epochs").entry.field
    turn(combo, -1)
    turn(field, 1)
    assert panel.config() == STARTER
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    turn(field, 1)
    assert shown(panel).epochs == 41
    for name, steps, value in (
        ("learning_rate", 1, 2 * STARTER.learning_rate), ("variation.mirror", 2, 0.1), ("variation.shift", -1, 0.0),
        ("variation.rotation_deg", 1, 1.0), ("clip", 1, 1e-4),
    ):  # fmt: skip
        for _ in range(abs(steps)):
            number(panel, name).entry.field.turned.emit(1 if steps > 0 else -1)
        assert setup_values.values_of(shown(panel))[name] == pytest.approx(value)


def test_the_control_in_hand_explains_itself(panel: SetupPanel) -> None:
    control = panel.form.controls["momentum"]
    assert control.toolTip() == BY_NAME["momentum"].sentence
    QApplication.sendEvent(control, QEnterEvent(QPointF(1, 1), QPointF(1, 1), QPointF(1, 1)))
    assert panel.foot.help.text() == BY_NAME["momentum"].sentence
    QApplication.sendEvent(number(panel, "epochs").entry.field, QEvent(QEvent.Type.Enter))
    assert panel.foot.help.text() == BY_NAME["epochs"].sentence


def test_headings_show_and_hide(panel: SetupPanel) -> None:
    head = panel.form.sections["Learning"].head
    assert panel.form.controls["epochs"].isVisible()
    QTest.mouseClick(head, Qt.MouseButton.LeftButton)
    assert not panel.form.controls["epochs"].isVisible()


# -- presets and files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(len(setup_values.PRESETS)))
def test_every_preset_can_be_begun_with(panel: SetupPanel, index: int) -> None:
    panel.head.presets.activated.emit(index + 1)
    preset = setup_values.PRESETS[index]
    assert panel.config() == preset.make(setup_values.values_of(STARTER))
    number(panel, "epochs").entry.try_text("3")
    assert panel.head.presets.currentText() == OWN_SETTINGS


def test_the_presets_are_those_of_the_papers() -> None:
    alexnet = setup_values.PRESETS[1].make(setup_values.values_of(STARTER))
    assert (alexnet.model, alexnet.optimiser, alexnet.momentum, alexnet.nesterov) == ("alexnet", "sgd", 0.9, False)
    assert (alexnet.weight_decay, alexnet.learning_rate, alexnet.schedule) == (5e-4, 0.01, "plateau")
    resnet = setup_values.PRESETS[2].make(setup_values.values_of(STARTER))
    assert resnet == default_config("resnet20", "cifar10")
    transfer = setup_values.PRESETS[3].make(setup_values.values_of(STARTER))
    assert (transfer.start, transfer.freeze) == (PRETRAINED, "layer4")


def test_a_network_keeps_the_chosen_folder_with_its_own_recipe(panel: SetupPanel, tmp_path: Path) -> None:
    panel.show_config(TrainConfig("resnet20", "folder", str(tmp_path)))
    panel.head.presets.activated.emit(len(setup_values.PRESETS))
    assert panel.config() == default_config("resnet20", "folder", str(tmp_path))


def test_a_configuration_is_saved_and_opened(
    panel: SetupPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, posted: list[Message]
) -> None:
    config = dataclasses.replace(default_config("resnet20", "cifar10"), clip=1.5, seed=3)
    panel.show_config(config)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    QTest.mouseClick(panel.head.save, Qt.MouseButton.LeftButton)
    assert TrainConfig.from_json((tmp_path / "mine.json").read_text(), "mine") == config
    panel.show_config(STARTER)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "mine.json"), ""))
    QTest.mouseClick(panel.head.open, Qt.MouseButton.LeftButton)
    assert panel.config() == config
    panel.history.undo()
    assert panel.config() == STARTER
    assert posted == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "'c.json' is no training configuration."),
        (b"\xff\xfe", "The file 'c.json' cannot be read."),
        (json.dumps({"model": "lenet5", "speed": 1}).encode(), "'c.json' has the unknown field 'speed'."),
        (json.dumps({"model": "lenet5", "epochs": 0}).encode(), "The training setting 'epochs' is 0"),
        (json.dumps({"model": "unet", "data": "cifar10"}).encode(), "U-Net draws digits"),
    ],
)
def test_a_wrong_file_is_said_and_changes_nothing(
    panel: SetupPanel, tmp_path: Path, posted: list[Message], data: bytes, words: str
) -> None:
    (tmp_path / "c.json").write_bytes(data)
    panel.open_config(tmp_path / "c.json")
    assert panel.config() == STARTER
    assert [message.level for message in posted] == ["problem"]
    assert posted[0].sentence.startswith(words)


def test_a_configuration_that_cannot_be_written_is_said(
    panel: SetupPanel, tmp_path: Path, posted: list[Message]
) -> None:
    panel.save_config(tmp_path / "nowhere" / "c.json")
    assert [message.level for message in posted] == ["problem"]


def test_the_last_settings_come_back(
    panel: SetupPanel, qtbot: QtBot, state: AppState, messages: MessageCenter, tmp_path: Path
) -> None:
    panel.show_config(dataclasses.replace(STARTER, epochs=3))
    panel.form.show_sections(("Data", "Advanced"))
    settings = Settings(tmp_path / "s.ini")
    panel.remember(settings)
    settings.sync()
    other = SetupPanel(state, messages)
    qtbot.addWidget(other)
    other.recall(Settings(tmp_path / "s.ini"))
    assert shown(other).epochs == 3
    assert other.form.open_sections() == ("Data", "Advanced")
    assert not other.head.undo.isEnabled()
    settings.put("training/config", '{"model": "gone"}')
    other.recall(settings)
    assert shown(other).epochs == 3


# -- the pictures -----------------------------------------------------------------------------------------------------


def test_pictures_are_looked_at_when_something_they_depend_on_changed(
    qtbot: QtBot, qapp: QApplication, state: AppState, messages: MessageCenter
) -> None:
    asked: list[tuple[TrainConfig, int]] = []
    state.data.look_requested.connect(lambda config, page: asked.append((config, page)))
    panel = SetupPanel(state, messages)
    qtbot.addWidget(panel)
    number(panel, "seed").entry.try_text("4")
    assert asked == []  # nobody sees the panel
    panel.show()
    assert [(config.seed, page) for config, page in asked] == [(4, 0)]
    number(panel, "epochs").entry.try_text("4")
    assert len(asked) == 1
    number(panel, "variation.noise").entry.try_text("0.5")
    assert asked[-1][0].variation.noise == 0.5
    panel.form.draws.others_wanted.emit()
    assert [page for _, page in asked] == [0, 0, 1]


def test_what_was_seen_is_shown(panel: SetupPanel, state: AppState) -> None:
    form = panel.form
    assert not form.draws.isVisible()
    state.data.set_look(fake_look(STARTER, problems=("a/x.png: broken",)))
    assert form.looks.summary.text() == ("300 pictures of 16×16, 3 classes. The network is given with a margin, 28×28.")
    assert "kind 1: 90 learned from, 10 set aside" in form.looks.sheet.accessibleDescription()
    assert form.looks.left_out.text() == "These are left out:\na/x.png: broken"
    for words in ("mean", "0.250", "−0.125", "deviation", "0.500", "1.500"):
        assert words in form.spread.text()
    assert form.draws.isVisible()
    assert panel.foot.steps.text() == "5 steps an epoch, 200 in all."
    number(panel, "batch_size").entry.try_text("300")
    assert panel.foot.steps.text() == "1 step an epoch, 40 in all."
    pick(panel, "data", "mnist")
    assert panel.foot.steps.text() == ""  # those were other pictures
    state.data.set_look(None)
    assert not form.looks.sheet.isVisible()
    assert form.looks.left_out.isHidden()


def test_a_problem_with_the_pictures_is_said_and_keeps_the_run_from_starting(
    panel: SetupPanel, state: AppState
) -> None:
    state.data.set_problem("There is no folder.")
    assert panel.form.looks.problem.text() == "There is no folder."
    assert panel.foot.reason.text() == "There is no folder."
    assert not panel.foot.start.isEnabled()
    state.data.set_problem("")
    assert panel.foot.start.isEnabled()


def test_a_tenth_of_ones_own_pictures_is_set_aside(panel: SetupPanel, state: AppState, tmp_path: Path) -> None:
    pick(panel, "data", "folder")
    panel.form.source.folder.setText(str(tmp_path))
    panel.form.source.folder.editingFinished.emit()
    assert shown(panel).data_dir == str(tmp_path)
    state.data.set_look(fake_look(shown(panel)))
    assert shown(panel).validation == 30
    number(panel, "validation").entry.try_text("0")
    state.data.set_look(fake_look(shown(panel)))
    assert shown(panel).validation == 0  # who wants none gets none


def test_a_data_set_can_be_downloaded(panel: SetupPanel, state: AppState) -> None:
    source = panel.form.source
    asked: list[str] = []
    cancelled: list[bool] = []
    state.data.fetch_requested.connect(asked.append)
    state.data.fetch_cancelled.connect(lambda: cancelled.append(True))
    assert not source.fetch.isVisible()
    pick(panel, "data", "cifar10")
    assert source.fetch.text() == "&Download CIFAR-10 (163 MB)"
    QTest.mouseClick(source.fetch, Qt.MouseButton.LeftButton)
    assert asked == ["cifar10"]
    state.data.set_download(DataDownload("cifar10", "CIFAR-10", 40 << 20, 170_498_071, 3e6))
    assert not source.fetch.isVisible()
    assert source.progress.value() == 246
    assert source.words.text() == "CIFAR-10: 40 MB of 163 MB, 2.9 MB/s, 43 s left"
    QTest.mouseClick(source.cancel, Qt.MouseButton.LeftButton)
    assert cancelled == [True]
    state.data.set_download(None)
    assert source.fetch.isVisible()
    assert not source.progress.isVisible()
    panel.form.source.folder_chosen.emit("/here")
    assert not source.fetch.isVisible()


def drop(panel: SetupPanel, path: Path) -> bool:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    actions, buttons = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(9, 9), actions, mime, buttons, Qt.KeyboardModifier.NoModifier)
    enter.ignore()
    panel.dragEnterEvent(enter)
    panel.dropEvent(QDropEvent(QPointF(9, 9), actions, mime, buttons, Qt.KeyboardModifier.NoModifier))
    return enter.isAccepted()


@pytest.mark.parametrize(
    ("inside", "data"),
    [("cats/", "folder"), ("cifar-10-batches-py/", "cifar10"), ("train-images-idx3-ubyte.gz", "mnist")],
)
def test_a_dropped_folder_is_chosen_as_what_it_holds(panel: SetupPanel, tmp_path: Path, inside: str, data: str) -> None:
    if inside.endswith("/"):
        (tmp_path / inside).mkdir()
    else:
        (tmp_path / inside).touch()
    assert drop(panel, tmp_path)
    assert (shown(panel).data, shown(panel).data_dir) == (data, str(tmp_path))
    panel.history.undo()
    assert panel.config() == STARTER


def test_a_dropped_configuration_is_opened_and_other_files_are_not_taken(panel: SetupPanel, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(dataclasses.replace(STARTER, epochs=2).to_json())
    (tmp_path / "c.txt").touch()
    assert not drop(panel, tmp_path / "c.txt")
    assert panel.config() == STARTER
    assert drop(panel, tmp_path / "c.json")
    assert shown(panel).epochs == 2


# -- starting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["button", "keys"])
def test_a_run_is_started_with_what_is_being_typed(panel: SetupPanel, state: AppState, qtbot: QtBot, by: str) -> None:
    started: list[tuple[TrainConfig, str]] = []
    state.training.start_requested.connect(lambda config, name: started.append((config, name)))
    panel.activateWindow()
    QTest.keyClicks(panel.foot.name, "first try")
    type_in(panel, "epochs", "7", end=False)
    if by == "button":
        QTest.mouseClick(panel.foot.start, Qt.MouseButton.LeftButton)
    else:
        QTest.keyClick(number(panel, "epochs").entry.field, Qt.Key.Key_Return, CTRL)
    qtbot.waitUntil(lambda: bool(started))
    assert started == [(dataclasses.replace(STARTER, epochs=7), "first try")]


@pytest.mark.parametrize("name", ["a/b", "..", "x" * 201, "there"])
def test_a_name_that_cannot_be_is_said(panel: SetupPanel, name: str) -> None:
    (runs.folder() / "there").mkdir(parents=True)
    panel.foot.name.setText(name)
    assert not panel.foot.start.isEnabled()
    assert name in panel.foot.reason.text()
    panel.foot.name.setText("good")
    assert panel.foot.start.isEnabled()


def test_one_run_at_a_time(panel: SetupPanel, state: AppState) -> None:
    state.training.set_progress(Progress("running"))
    assert not panel.foot.start.isEnabled()
    assert panel.foot.steps.text().startswith("A run is being trained")
    assert not panel.foot.reason.text()  # it is no fault
    state.training.set_progress(Progress("finished"))
    assert panel.foot.start.isEnabled()


def test_a_run_at_work_costs_the_panel_nothing(
    panel: SetupPanel, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows: list[str] = []
    monkeypatch.setattr(panel.foot, "show_state", lambda steps, reason, **_: shows.append(reason))
    for step in range(50):
        state.training.set_progress(Progress("running", step=step))
    assert len(shows) == 1
    state.training.set_progress(Progress("paused", step=50))
    assert len(shows) == 1
    state.training.set_progress(Progress("finished", step=50))
    assert shows[1:] == [""]


# -- how it looks -----------------------------------------------------------------------------------------------------


def test_headings_follow_the_size_of_the_text(panel: SetupPanel, qapp: QApplication) -> None:
    head = panel.form.sections["Data"].head
    for scale in (1.5, 1.0):
        theme.apply(qapp, "light", scale)
        QApplication.processEvents()
        assert head.font().pixelSize() == theme.text_px()
        assert head.font().bold()


@pytest.mark.parametrize("scale", [1.0, 1.5])
@pytest.mark.parametrize("appearance", ["light", "dark"])
def test_nothing_is_cut_off_at_the_width_of_the_panel(
    panel: SetupPanel, qapp: QApplication, qtbot: QtBot, state: AppState, appearance: str, scale: float
) -> None:
    config = dataclasses.replace(default_config("resnet20", "folder", "/a" * 60), schedule="step")
    panel.show_config(config)
    problems = tuple(f"{'long/' * 20}{i}.png: no" for i in range(9))
    state.data.set_look(fake_look(config, classes=25, problems=problems))
    theme.apply(qapp, appearance, scale)
    panel.resize(380, 900)
    viewport, page = panel.form.viewport(), panel.form.widget()
    QApplication.processEvents()
    widgets = [w for w in page.findChildren(QWidget) if w.isVisible()]
    wide = [(w.minimumSizeHint().width(), type(w).__name__, w.toolTip()[:30]) for w in widgets]
    assert page.minimumSizeHint().width() <= viewport.width(), sorted(wide, key=lambda one: -one[0])[:6]
    for figure in (panel.form.looks.sheet, panel.form.draws.figure, panel.form.rate):
        assert figure.height() == figure.height_at(figure.width()) > 50
        image = figure.to_image(1.0)
        colours = {
            image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)
        }
        assert len(colours) > 4
        assert figure.accessibleDescription()
    theme.apply(qapp, "light")


def test_pictures_are_drawn_pixel_by_pixel() -> None:
    from cnnviz.views.training.setup_figures import picture

    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    image = picture(pixels)
    assert [image.pixelColor(x, y).getRgb()[:3] for y in range(2) for x in range(3)] == [
        tuple(map(int, pixel)) for pixel in pixels.reshape(6, 3)
    ]
    grey = picture(pixels[:, :, 1])
    assert grey.pixelColor(2, 1).getRgb()[:3] == (16, 16, 16)
