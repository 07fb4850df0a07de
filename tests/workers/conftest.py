"""What the tests of the training services share: a window's state, its messages, and a few digits to learn from."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from cnnviz.datasets import picture_folder
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.starter import load_starter
from cnnviz.state.app_state import AppState
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.training import runs, session
from cnnviz.training.config import TrainConfig
from cnnviz.training.session import load_data
from cnnviz.training.variation import NONE
from tests.workers.many_pictures import ManyPictures


@pytest.fixture
def few_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabelledImages:
    """Let runs go to a folder of the test, and learn from 250 digits."""
    digits = load_starter()
    few = LabelledImages(digits.images_nhw[::20], digits.labels_n[::20])
    monkeypatch.setattr(runs, "folder", lambda: tmp_path)
    monkeypatch.setattr(session, "load_data", lambda config, **how: few)
    return few


@pytest.fixture
def many_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ManyPictures:
    """Two hundred pictures; the reading tells when it is at the third one, and waits there."""
    for number in range(200):
        path = tmp_path / "pets" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 9, 9)).save(path)
    config = TrainConfig(
        "resnet20", "folder", str(tmp_path / "pets"), epochs=2000, batch_size=20, validation=20, variation=NONE,
        threads=1, device="cpu",
    )  # fmt: skip
    made, plain = ManyPictures(config), picture_folder._read

    def read(path: Path, side: int) -> object:
        made.read += 1
        if made.read == 3:
            made.reached.set()
            made.wait()
        return plain(path, side)

    monkeypatch.setattr(picture_folder, "_read", read)
    monkeypatch.setattr(session, "load_data", load_data)
    return made


@pytest.fixture
def state() -> AppState:
    return AppState()


@pytest.fixture
def messages() -> MessageCenter:
    found = MessageCenter()
    found.open()
    return found


@pytest.fixture
def said(messages: MessageCenter) -> list[Message]:
    found: list[Message] = []
    messages.posted.connect(found.append)
    return found
