"""`cnnviz explain`: the tape of one value, against PyTorch and against sums by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from cnnviz import cli
from cnnviz.core import paths
from cnnviz.core.capture import Capture
from cnnviz.core.explain import Explanation, explain
from cnnviz.core.operations import Check
from cnnviz.datasets.starter import load_starter
from cnnviz.models import explaining
from cnnviz.models.lenet import C3_CONNECTIONS

PHOTO = paths.resources_dir() / "photos" / "coffee.jpg"


@pytest.fixture(scope="module")
def digit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    digits = load_starter()
    path = tmp_path_factory.mktemp("pictures") / "three.png"
    Image.fromarray(digits.images_nhw[int(np.flatnonzero(digits.labels_n == 3)[2])]).save(path)
    return path


@pytest.fixture(scope="module")
def captured(digit: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], np.ndarray]:
    """Every value by network and layer, as `cnnviz inspect` writes them."""
    found = {}
    for model, picture in (("lenet5", digit), ("lenet5_original", digit), ("resnet18", PHOTO)):
        out = tmp_path_factory.mktemp("values") / "v.npz"
        assert cli.main(["inspect", str(picture), "--model", model, "--out", str(out)]) == 0
        with np.load(out) as arrays:
            found.update({(model, name): arrays[name] for name in arrays.files})
    return found


def _json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert cli.main(["explain", *map(str, arguments), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""

    def refuse(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    answer = json.loads(out, parse_constant=refuse)
    assert isinstance(answer, dict)
    return answer


def _check_tape(answer: dict[str, Any], x_chw: np.ndarray, stride: int, padding: int, kernel: int) -> None:
    """Hold every number of a convolution's tape against the captured input, by hand."""
    keys = {"layer", "unit", "at", "agrees", "total", "torch", "bias", "scale", "channels"}
    assert set(answer) == keys
    row, col = answer["at"]
    padded = np.pad(x_chw.astype(np.float64), ((0, 0), (padding, padding), (padding, padding)))
    top, left = row * stride, col * stride
    assert [entry["channel"] for entry in answer["channels"]] == list(range(len(x_chw)))
    total, magnitude = answer["bias"], abs(answer["bias"])
    for entry in answer["channels"]:
        assert set(entry) == {"channel", "window", "kernel", "subtotal"}
        window, weights = np.array(entry["window"]), np.array(entry["kernel"])
        expected = padded[entry["channel"], top : top + kernel, left : left + kernel]
        np.testing.assert_array_equal(window, expected)
        assert entry["subtotal"] == pytest.approx((window * weights).sum(), rel=1e-12, abs=1e-13)
        total += (window * weights).sum()
        magnitude += np.abs(window * weights).sum()
    assert answer["total"] == pytest.approx(total, rel=1e-11, abs=1e-12)
    assert answer["scale"] == pytest.approx(magnitude, rel=1e-12)
    assert abs(answer["total"] - answer["torch"]) <= 1e-5 * answer["scale"]
    assert answer["agrees"] is True


@pytest.mark.parametrize("unit", [0, 5])
@pytest.mark.parametrize("at", [(0, 0), (0, 27), (27, 27), (13, 14), (1, 26)])
def test_conv1_is_its_windows_times_its_kernels(
    unit: int, at: tuple[int, int], digit: Path, captured: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _json(
        capsys, digit, "--model", "lenet5", "--layer", "conv1", "--unit", unit, "--at", f"{at[0]},{at[1]}"
    )  # fmt: skip
    assert (answer["layer"], answer["unit"], tuple(answer["at"])) == ("conv1", unit, at)
    _check_tape(answer, captured["lenet5", "input"], stride=1, padding=2, kernel=5)
    weights = load_file(paths.resources_dir() / "weights" / "lenet5.safetensors")
    np.testing.assert_array_equal(answer["channels"][0]["kernel"], weights["conv1.weight"][unit, 0].numpy())
    assert answer["bias"] == float(weights["conv1.bias"][unit])
    assert answer["torch"] == float(captured["lenet5", "conv1"][(unit, *at)])
    if at == (0, 0):
        assert np.all(np.array(answer["channels"][0]["window"])[:2] == 0)
        assert np.all(np.array(answer["channels"][0]["window"])[2:, 2:] != 0)  # paper is not 0 after normalisation


@pytest.mark.parametrize(("unit", "at"), [(0, (0, 0)), (7, (4, 5)), (15, (9, 9))])
def test_conv2_adds_six_channels(
    unit: int, at: tuple[int, int], digit: Path, captured: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _json(
        capsys, digit, "--model", "lenet5", "--layer", "conv2", "--unit", unit, "--at", f"{at[0]},{at[1]}"
    )  # fmt: skip
    assert len(answer["channels"]) == 6
    _check_tape(answer, captured["lenet5", "pool1"], stride=1, padding=0, kernel=5)
    assert answer["torch"] == float(captured["lenet5", "conv2"][(unit, *at)])


@pytest.mark.parametrize("unit", range(16))
def test_c3_reads_only_the_maps_it_is_connected_to(
    unit: int, digit: Path, captured: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _json(capsys, digit, "--model", "lenet5_original", "--layer", "c3", "--unit", unit, "--at", "3,6")
    _check_tape(answer, captured["lenet5_original", "tanh2"], stride=1, padding=0, kernel=5)
    read = tuple(entry["channel"] for entry in answer["channels"] if np.any(entry["kernel"]))
    assert read == C3_CONNECTIONS[unit]
    assert all(entry["subtotal"] == 0 for entry in answer["channels"] if entry["channel"] not in read)


@pytest.mark.parametrize("at", [(0, 0), (0, 111), (50, 60), (111, 111)])
def test_a_photograph_has_three_channels(
    at: tuple[int, int], captured: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _json(
        capsys, PHOTO, "--model", "resnet18", "--layer", "conv1", "--unit", "9", "--at", f"{at[0]},{at[1]}"
    )  # fmt: skip
    assert len(answer["channels"]) == 3
    _check_tape(answer, captured["resnet18", "input"], stride=2, padding=3, kernel=7)
    assert answer["torch"] == pytest.approx(float(captured["resnet18", "conv1"][(9, *at)]), rel=1e-5)


def test_max_pooling_names_the_largest_cell(digit: Path, captured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answer = _json(capsys, digit, "--model", "lenet5", "--layer", "pool1", "--unit", "4", "--at", "6,5")
    window = captured["lenet5", "relu1"][4, 12:14, 10:12]
    assert window.max() > 0
    row, col = np.unravel_index(window.argmax(), (2, 2))
    place = {"layer": "relu1", "unit": 4, "row": 12 + int(row), "col": 10 + int(col), "amount": float(window.max())}
    assert answer["sources"] == [place]
    assert answer["op"] == "MaxPool2d"
    assert answer["total"] == answer["torch"] == float(window.max())
    assert answer["agrees"] is True


@pytest.mark.parametrize("at", [[], ["--at", "0,0"]])
def test_a_dense_layer_needs_no_place(
    at: list[str], digit: Path, captured: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _json(capsys, digit, "--model", "lenet5", "--layer", "fc1", "--unit", "17", *at)
    weights = load_file(paths.resources_dir() / "weights" / "lenet5.safetensors")
    products = captured["lenet5", "flatten"].astype(float) * weights["fc1.weight"][17].double().numpy()
    assert answer["op"] == "Linear"
    assert answer["at"] is None
    assert {source["layer"] for source in answer["sources"]} == {"flatten"}
    assert len(answer["sources"]) == 400
    for source in answer["sources"]:
        assert source["amount"] == pytest.approx(products[source["unit"]], rel=1e-12, abs=1e-15)
    amounts = [abs(source["amount"]) for source in answer["sources"]]
    assert amounts == sorted(amounts, reverse=True)
    assert answer["total"] == pytest.approx(products.sum() + float(weights["fc1.bias"][17]), rel=1e-12)
    assert answer["scale"] == pytest.approx(np.abs(products).sum() + abs(float(weights["fc1.bias"][17])), rel=1e-12)
    assert abs(answer["total"] - answer["torch"]) <= 1e-5 * answer["scale"]
    assert answer["bias"] == float(weights["fc1.bias"][17])


def test_a_sum_names_both_of_its_layers(captured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answer = _json(capsys, PHOTO, "--model", "resnet18", "--layer", "layer1.0.add", "--unit", "3", "--at", "20,30")
    assert {source["layer"] for source in answer["sources"]} == {"layer1.0.bn2", "maxpool"}
    assert sum(source["amount"] for source in answer["sources"]) == pytest.approx(answer["total"])
    for source in answer["sources"]:
        assert source["amount"] == pytest.approx(float(captured["resnet18", source["layer"]][3, 20, 30]), rel=1e-5)


def _explanation(module: nn.Module, shape: tuple[int, int, int], unit: int, cell: tuple[int, int]) -> Explanation:
    network = nn.Sequential()
    network.add_module("layer", module)
    capture = Capture(network.eval(), shape, name="test")
    with torch.inference_mode():
        values = capture(torch.randn(1, *shape))
    weights = {key: tensor.detach().numpy() for key, tensor in network.state_dict().items()}
    return explain(capture.graph, "layer", values, weights, unit, cell)


def test_groups_count_the_channels_of_the_input_and_padding_holds_its_mode() -> None:
    conv = nn.Conv2d(4, 6, 3, padding=1, groups=2, padding_mode="reflect")
    found = _explanation(conv, (4, 5, 6), 4, (0, 0))
    answer = explaining.as_json(found)
    assert [entry["channel"] for entry in answer["channels"]] == [2, 3]
    window = np.array(answer["channels"][1]["window"])
    np.testing.assert_array_equal(window[0], window[2])
    assert np.all(window != 0)
    assert "channel 2 of input" in explaining.as_text(found)
    assert "in brackets" in explaining.as_text(found)


def test_a_transposed_convolution_is_told_by_its_sources() -> None:
    conv = nn.ConvTranspose2d(3, 2, 3, stride=2)
    answer = explaining.as_json(_explanation(conv, (3, 4, 4), 1, (2, 2)))
    assert answer["op"] == "ConvTranspose2d"
    assert "channels" not in answer
    assert len(answer["sources"]) == 3 * 4  # the corners of four stamps, in each of three maps
    total = sum(source["amount"] for source in answer["sources"]) + answer["bias"]
    assert answer["total"] == pytest.approx(total)
    assert abs(answer["total"] - answer["torch"]) <= 1e-5 * answer["scale"]


def test_the_text_ends_with_the_sum_and_a_verdict(digit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [digit, "--model", "lenet5", "--layer", "conv2", "--unit", "7", "--at", "4,5"]
    answer = _json(capsys, *arguments)
    assert cli.main(["explain", *map(str, arguments)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "conv2 (Conv2d): unit 7, row 4, column 5, counted from 0"
    said = {line.split()[0]: float(line.split()[1]) for line in lines if line[:12].strip() in SUMS}
    assert set(said) == SUMS
    assert said["channels"] + said["bias"] == pytest.approx(said["total"], abs=2e-10)
    assert said["total"] == pytest.approx(answer["total"], abs=1e-10)
    assert said["PyTorch"] == pytest.approx(answer["torch"], abs=1e-10)
    assert said["difference"] <= said["allowed"] == pytest.approx(1e-5 * answer["scale"], rel=1e-3)
    assert lines[-1].startswith("They agree")
    assert sum(line.startswith("channel ") for line in lines) == 6
    rows = [line for line in lines if "  ×  " in line and line.startswith("  ")]
    assert len(rows) == 6 * 5
    assert len({len(row) for row in rows}) == 1  # aligned
    cell = np.array([[float(text) for text in row.replace("×", "").split()] for row in rows]).reshape(6, 5, 10)
    np.testing.assert_allclose(cell[..., :5], [c["window"] for c in answer["channels"]], atol=6e-4)
    np.testing.assert_allclose(cell[..., 5:], [c["kernel"] for c in answer["channels"]], atol=6e-4)


SUMS = {"channels", "bias", "total", "PyTorch", "difference", "allowed"}


def test_the_text_leaves_small_channels_out_and_says_so(digit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(digit), "--model", "lenet5_original", "--layer", "c5", "--unit", "7", "--at", "0,0"]
    answer = _json(capsys, *arguments)
    ranked = sorted(answer["channels"], key=lambda entry: -abs(entry["subtotal"]))
    assert cli.main(["explain", *arguments]) == 0
    out = capsys.readouterr().out
    shown = [int(line.split()[1]) for line in out.splitlines() if line.startswith("channel ")]
    assert shown == sorted(entry["channel"] for entry in ranked[:8])
    assert "8 channels with the largest subtotals of 16" in out
    assert "--json" in out
    assert "--all" in out
    assert cli.main(["explain", *arguments, "--all"]) == 0
    out = capsys.readouterr().out
    assert sum(line.startswith("channel ") for line in out.splitlines()) == 16
    assert "--all" not in out


def test_the_text_of_a_dense_layer_and_of_random_weights(digit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", str(digit), "--model", "lenet5", "--layer", "fc1", "--unit", "17"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("fc1 (Linear): unit 17, counted from 0\n")
    assert out.count("flatten unit") == 8
    assert "8 largest of 400" in out
    assert "row" not in out
    assert out.splitlines()[-1].startswith("They agree")
    assert (
        cli.main(["explain", str(PHOTO), "--model", "resnet18", "--layer", "conv1", "--unit", "0", "--at", "0,0"]) == 0
    )
    out = capsys.readouterr().out
    assert "Values in brackets are padding." in out
    assert "weights are random" in out


def test_a_difference_is_not_called_agreement() -> None:
    found = _explanation(nn.Conv2d(1, 1, 3), (1, 5, 5), 0, (1, 1))
    wrong = Explanation(found.node, found.operation, found.place, Check(1.0, 1.1, 2.0))
    assert explaining.as_json(wrong)["agrees"] is False
    assert "They do NOT agree" in explaining.as_text(wrong)


@pytest.mark.parametrize("layer", [["conv2", "--at", "4,4"], ["pool2", "--at", "2,2"], ["fc1"], ["relu3"], ["fc3"]])
def test_values_that_are_not_finite_make_valid_json(
    layer: list[str], digit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = load_file(paths.resources_dir() / "weights" / "lenet5.safetensors")
    weights["conv1.weight"] *= 1e38  # the sums are beyond single precision
    weights["conv2.weight"] *= 1e38
    path = tmp_path / "huge.safetensors"
    save_file(weights, path)
    arguments = [digit, "--model", "lenet5", "--weights", path, "--layer", *layer, "--unit", "0"]
    answer = _json(capsys, *arguments)
    assert answer["torch"] is None
    assert cli.main(["explain", *map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "nan" in out or "inf" in out


LENET = ["--model", "lenet5"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([*LENET, "--layer", "conv9", "--unit", "0", "--at", "0,0"], "There is no layer 'conv9'"),
        ([*LENET, "--layer", "conv1", "--unit", "6", "--at", "0,0"], "units 0 to 5, not 6"),
        ([*LENET, "--layer", "conv1", "--unit", "-1", "--at", "0,0"], "units 0 to 5, not -1"),
        ([*LENET, "--layer", "conv1", "--unit", "0", "--at", "28,0"], "none at row 28, column 0"),
        ([*LENET, "--layer", "conv1", "--unit", "0", "--at", "0,28"], "none at row 0, column 28"),
        ([*LENET, "--layer", "conv1", "--unit", "0", "--at=-1,0"], "none at row -1, column 0"),
        ([*LENET, "--layer", "conv1", "--unit", "0"], "--at ROW,COL"),
        ([*LENET, "--layer", "fc1", "--unit", "120"], "units 0 to 119, not 120"),
        ([*LENET, "--layer", "fc1", "--unit", "0", "--at", "1,0"], "'fc1' is a vector"),
        ([*LENET, "--layer", "input", "--unit", "0", "--at", "0,0"], "nothing to compute"),
        (["--model", "vgg99", "--layer", "conv1", "--unit", "0", "--at", "0,0"], "no network called 'vgg99'"),
        ([*LENET, "--layer", "conv1", "--unit", "0", "--at", "0,0", "--weights", "no.pt"], "no.pt"),
        ([*LENET, "--layer", "conv1", "--unit", "0", "--at", "0,0", "--device", "abacus"], "abacus"),
        (["--model", "resnet18", "--layer", "conv1", "--unit", "0", "--at", "0,0", "--no-centre"], "photographs"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["text", "json"])
def test_what_is_not_there_is_one_sentence(
    arguments: list[str], part: str, as_json: list[str], digit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", str(digit), *arguments, *as_json]) == 1
    _is_one_sentence(capsys, part)


def _is_one_sentence(capsys: pytest.CaptureFixture[str], part: str) -> None:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("cnnviz: ")
    assert part in err
    assert err.count("\n") == 1


def test_a_picture_that_cannot_be_read_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    for name in ("text.png", "nothing.png", "blank.png"):
        place = ["--layer", "conv1", "--unit", "0", "--at", "0,0"]
        assert cli.main(["explain", str(tmp_path / name), *LENET, *place]) == 1
        _is_one_sentence(capsys, name)


@pytest.mark.parametrize("at", ["3", "a,b", "1,2,3", "1;2", "", "1.5,2", "1,", ",1", "9999999999,0"])
def test_at_that_is_not_two_numbers_is_wrong_usage(at: str, digit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["explain", str(digit), *LENET, "--layer", "conv1", "--unit", "0", "--at", at])
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == f"cnnviz explain: error: argument --at: '{at}' is not two numbers such as 3,14"


@pytest.mark.parametrize("missing", ["--layer", "--unit"])
def test_what_is_needed_is_asked_for(missing: str, digit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"--model": "lenet5", "--layer": "fc1", "--unit": "0"}
    del given[missing]
    with pytest.raises(SystemExit) as stopped:
        cli.main(["explain", str(digit), *(word for pair in given.items() for word in pair)])
    assert stopped.value.code == 2
    assert missing in capsys.readouterr().err
