"""Networks compared on one picture: numbers against published ones and torch's, failures, giving up, tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cnnviz.core.errors import UserError
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import comparing, published, registry
from cnnviz.models.comparing import Compared, Question, Stopped, compare, compare_one
from cnnviz.models.sources import RANDOM

DIGIT = np.zeros((28, 28), np.float32)
DIGIT[4:24, 12:16] = 1
PHOTO = np.random.default_rng(0).integers(0, 255, (64, 80, 3), dtype=np.uint8)
GOOD = Compared(
    ModelRequest("a"), "A, B", parameters=12, macs=3_000, file_bytes=2048, origin="shipped", weights_note="a note",
    times_ms=(1.0, 3.0, 2.0), threads=2, device="CPU, 2 cores", weight_bytes=4096, activation_bytes=1024,
    accuracy=(70.25, None), accuracy_of="the weights in use", top=(comparing.Class(3, "three", 0.5, 1.25),),
)  # fmt: skip
BAD = Compared(ModelRequest("b"), "B", error="There is no network called 'b'.")


def test_lenet_by_hand() -> None:
    row = compare_one(ModelRequest("lenet5"), DIGIT, None, runs=4)
    assert row.error == ""
    assert (row.parameters, row.macs) == (61_706, 416_520)
    assert row.weight_bytes == 4 * 61_706
    # every layer's output but the flattened one, which shares the pooling's memory
    sizes = (28 * 28, *[6 * 28 * 28] * 2, 6 * 14 * 14, *[16 * 10 * 10] * 2, 16 * 5 * 5, 120, 120, 84, 84, 10)
    assert row.activation_bytes == 4 * sum(sizes)
    assert row.origin == "shipped"
    path = comparing.paths.resources_dir() / "weights" / "lenet5.safetensors"
    assert row.file_bytes == path.stat().st_size
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert row.accuracy == (pytest.approx(100 * card["evaluation"]["accuracy"]), None)
    assert len(row.times_ms) == 4
    assert row.time_ms == pytest.approx(float(np.median(row.times_ms)))
    assert row.threads == 1
    assert row.peak_bytes is None or row.peak_bytes > row.weight_bytes


def test_the_answer_is_the_window_s() -> None:
    from cnnviz.models.engine import Engine

    row = compare_one(ModelRequest("lenet5"), DIGIT, None, runs=1)
    inspection = Engine(ModelRequest("lenet5")).inspect(DIGIT)
    assert [one.index for one in row.top] == list(inspection.ranking()[:5])
    assert row.top[0].probability == float(inspection.probabilities[row.top[0].index])


def test_published_numbers_of_torchvision() -> None:
    request = ModelRequest("resnet18", RANDOM)
    row = compare_one(request, None, PHOTO, runs=1)
    found = published.of(registry.get("resnet18"))
    assert found is not None
    assert row.parameters == found.parameters == 11_689_512
    assert row.macs / 1e9 == pytest.approx(found.giga_macs, rel=0.01)
    assert row.accuracy == (69.758, 89.078)
    assert row.accuracy_of == "the published weights, on ImageNet-1K"
    assert row.file_bytes == found.size
    assert row.is_random
    assert row.weight_bytes == pytest.approx(4 * row.parameters, rel=0.01)  # and the running statistics
    assert len(row.top) == 5


def test_threads_are_as_they_were() -> None:
    torch.set_num_threads(2)
    try:
        compare_one(ModelRequest("lenet5"), DIGIT, None, runs=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_a_network_that_fails_is_a_row_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question((ModelRequest("nothing"), ModelRequest("lenet5"), ModelRequest("lenet1")), DIGIT)
    original = comparing._measured

    def broken(request: ModelRequest, *rest: object) -> Compared:
        if request.name == "lenet1":
            raise RuntimeError("a size does not fit\nand more")
        return original(request, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(comparing, "_measured", broken)
    first, second, third = compare(question, runs=1)
    assert first.error == "There is no network called 'nothing'."
    assert second.error == ""
    assert third.error == "LeNet-1 could not be run: a size does not fit"


@pytest.mark.parametrize("error", [MemoryError(), UserError("It is broken.")])
def test_what_can_go_wrong_is_said(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> Compared:
        raise error

    monkeypatch.setattr(comparing, "_measured", broken)
    row = compare_one(ModelRequest("lenet5"), DIGIT, None)
    assert row.error in ("There is not enough memory for LeNet-5.", "It is broken.")
    assert row.title == "LeNet-5"


def test_giving_up_ends_between_the_steps() -> None:
    asked: list[int] = []

    def after_two() -> bool:
        asked.append(0)
        return len(asked) > 2

    with pytest.raises(Stopped):
        compare_one(ModelRequest("lenet5"), DIGIT, None, stopped=after_two)
    with pytest.raises(Stopped):
        compare(Question((ModelRequest("lenet5"),), DIGIT), stopped=lambda: True)


def test_the_weights_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[torch.nn.Module] = []
    original = comparing._let_go

    def let_go(module: torch.nn.Module) -> None:
        original(module)
        released.append(module)

    monkeypatch.setattr(comparing, "_let_go", let_go)
    compare_one(ModelRequest("lenet5"), DIGIT, None, runs=1)
    assert all(parameter.is_meta for parameter in released[0].parameters())


def test_a_table_for_people() -> None:
    assert comparing.cells(GOOD) == (
        "A, B", "12", "3,000", "2.0 kB", "2 ms", "4.0 kB", "1.0 kB", "–", "70.2 %", "–", "ship with cnnviz",
    )  # fmt: skip
    assert comparing.cells(BAD)[0] == "B"
    assert comparing.cells(BAD)[-1] == BAD.error
    assert len(comparing.cells(BAD)) == len(comparing.cells(GOOD)) == len(comparing.HEADINGS)
    text = comparing.as_text((GOOD, BAD))
    assert "three" in text
    assert text.endswith(
        "Times: median of 3 forward passes of one picture after a warm-up, here: CPU, 2 cores, 2 threads."
    )
    assert comparing.conditions((BAD,)) == ""


def test_tables_for_programs() -> None:
    first, second = csv.DictReader(io.StringIO(comparing.as_csv((GOOD, BAD))))
    assert first["title"] == "A, B"
    assert (first["time_ms"], first["class_1"], first["probability_1"]) == ("2.0", "three", "0.5")
    assert second["error"] == BAD.error
    assert json.loads(json.dumps(comparing.record(GOOD)))["top"][0]["label"] == "three"
    assert comparing.record(BAD)["top1"] is None


def test_a_file_of_one_s_own(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from cnnviz.models.lenet import lenet1

    path = tmp_path / "mine.safetensors"
    save_file(lenet1().state_dict(), str(path))
    row = compare_one(ModelRequest("lenet1", str(path)), DIGIT, None, runs=1)
    assert row.error == ""
    assert row.origin == "file"
    assert row.file_bytes == path.stat().st_size
    assert row.accuracy == (None, None)  # nobody measured these
