"""ONNX networks: every value that onnxruntime computes, shown as the layers that the operators equal."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from cnnviz import cli
from cnnviz.core.errors import UserError
from cnnviz.core.explain import operation_of
from cnnviz.core.inspection import ModelRequest
from cnnviz.core.receptive import receptive_region
from cnnviz.models import checkpoints, registry
from cnnviz.models.engine import Engine

TensorProto, helper, numpy_helper = onnx.TensorProto, onnx.helper, onnx.numpy_helper
rng = np.random.default_rng(0)


def request(path: Path, **more: Any) -> ModelRequest:
    return ModelRequest(registry.name_of_file(str(path)), str(path), **more)


def array(*shape: int) -> np.ndarray[Any, Any]:
    return rng.standard_normal(shape).astype(np.float32)


def save(
    path: Path,
    nodes: list[Any],
    weights: dict[str, np.ndarray[Any, Any]],
    given: tuple[Any, ...] = (1, 1, 28, 28),
    answer: str = "y",
    inputs: tuple[str, ...] = ("x",),
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
) -> Path:
    """Write a network by its operators."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, kind, list(given)) for name in inputs],
        [helper.make_tensor_value_info(answer, kind, None)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def refused(path: Path, *words: str) -> UserError:
    with pytest.raises(UserError) as caught:
        Engine(request(path))
    for word in words:
        assert word in caught.value.sentence
    assert "\n" not in caught.value.sentence
    return caught.value


SMALL = {"w": array(4, 1, 5, 5), "b": array(4), "fc": array(576, 10), "fb": array(10)}


def small(path: Path, given: tuple[Any, ...] = (1, 1, 28, 28), last: str = "logits") -> Path:
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="/conv1/Conv"),
        helper.make_node("Relu", ["c"], ["r"], name="/relu/Relu"),
        helper.make_node("MaxPool", ["r"], ["p"], name="/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"], name="/Flatten"),
        helper.make_node("Gemm", ["f", "fc", "fb"], ["logits"], name="/head/fc/Gemm"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    return save(path, nodes, SMALL, given, "probabilities" if last == "softmax" else "logits")


def own(picture: torch.Tensor) -> dict[str, torch.Tensor]:
    """Compute the small network with torch."""
    weights = {key: torch.from_numpy(value) for key, value in SMALL.items()}
    values = {"conv1": torch.conv2d(picture, weights["w"], weights["b"])}
    values["relu"] = values["conv1"].relu()
    values["pool"] = nn.functional.max_pool2d(values["relu"], 2)
    values["flatten"] = values["pool"].flatten(1)
    values["head.fc"] = values["flatten"] @ weights["fc"] + weights["fb"]
    return values


@pytest.mark.parametrize("given", [(1, 1, 28, 28), ("batch", 1, "height", "width"), ("N", None, None, None)])
@pytest.mark.parametrize("last", ["logits", "softmax"])
def test_every_value_is_torchs_and_every_layer_is_what_it_equals(
    tmp_path: Path, given: tuple[Any, ...], last: str
) -> None:
    path = small(tmp_path / "small.onnx", given, last)
    engine = Engine(request(path))
    graph = engine.loaded.graph
    kinds = {node.name: (node.kind, node.op, node.inputs) for node in graph.nodes}
    assert kinds == {
        "input": ("input", "input", ()),
        "conv1": ("convolution", "Conv2d", ("input",)),
        "relu": ("activation", "ReLU", ("conv1",)),
        "pool": ("pooling", "MaxPool2d", ("relu",)),
        "flatten": ("flatten", "Flatten", ("pool",)),
        "head.fc": ("linear", "Linear", ("flatten",)),
    }
    inspection = engine.inspect(rng.random((28, 28), np.float32))
    values = own(torch.tensor(inspection.values["input"])[None])
    for name, value in values.items():
        np.testing.assert_allclose(inspection.values[name], value[0].numpy(), rtol=1e-4, atol=1e-4)
        assert graph[name].output_shape == tuple(value.shape[1:])
        operation = operation_of(graph, name, inspection.values, engine.loaded.weights)
        assert operation is not None, name
        place = (1, 2, 2) if graph[name].is_map else (1, 0, 0)
        found = inspection.values[name][1, 2, 2] if graph[name].is_map else inspection.values[name][1]
        assert operation.check(*place, float(found)).agrees
    np.testing.assert_allclose(inspection.probabilities, values["head.fc"].softmax(1)[0].numpy(), atol=1e-5)
    assert graph.parameters == 4 * 26 + 10 * 577
    assert graph["conv1"].macs == 4 * 25 * 24 * 24
    assert graph["conv1"].parameter_formula == "4·(1·5·5 + 1)"
    assert graph["pool"].field_hw is not None
    assert (graph["pool"].field_hw[0].size, graph["pool"].field_hw[0].jump) == (6, 2)
    assert engine.loaded.labels == tuple("0123456789")
    for words in ("small.onnx", "28×28 digits normalised as for MNIST", "taken for the digits", "onnxruntime"):
        assert words in engine.loaded.weights_note
    assert registry.get(engine.loaded.request.name).name == "small.onnx"


def compare(path: Path, node: Any, weights: dict[str, np.ndarray[Any, Any]], *, sides: int = 9) -> Engine:
    """Check one operator behind a convolution of 1×1: its captured value is what its operation computes."""
    first = helper.make_node("Conv", ["x", "w0"], ["c"])
    save(path, [first, node], {"w0": array(6, 3, 1, 1), **weights}, (1, 3, sides, sides))
    engine = Engine(request(path))
    inspection = engine.inspect(photo=rng.integers(0, 256, (sides, sides, 3), np.uint8))
    output = engine.loaded.graph.output
    operation = operation_of(engine.loaded.graph, output.name, inspection.values, engine.loaded.weights)
    assert operation is not None, output
    whole = inspection.values[output.name]
    for unit in range(0, output.units, 3):
        value = float(whole[unit, -1, 0]) if whole.ndim == 3 else float(whole[unit])
        row = whole.shape[1] - 1 if whole.ndim == 3 else 0
        assert operation.check(unit, row, 0, value).agrees, (output, unit)
    return engine


@pytest.mark.parametrize(
    ("op", "attributes", "weights", "layer"),
    [
        ("Conv", {"strides": [2, 1], "pads": [1, 0, 1, 0]}, {"w": array(6, 6, 3, 3), "b": array(6)}, "Conv2d"),
        ("Conv", {"group": 3, "dilations": [2, 2]}, {"w": array(6, 2, 3, 3)}, "Conv2d"),
        ("Conv", {"auto_pad": "SAME_UPPER"}, {"w": array(4, 6, 5, 5)}, "Conv2d"),
        ("ConvTranspose", {"strides": [2, 2], "pads": [1, 1, 1, 1]}, {"w": array(6, 4, 3, 3)}, "ConvTranspose2d"),
        ("BatchNormalization", {}, {"g": array(6), "b": array(6), "m": array(6), "v": abs(array(6))}, "BatchNorm2d"),
        ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, {}, "MaxPool2d"),
        ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, {}, "MaxPool2d"),
        ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, {}, "AvgPool2d"),
        ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}, {}, "AvgPool2d"),
        ("GlobalAveragePool", {}, {}, "AdaptiveAvgPool2d"),
        ("GlobalMaxPool", {}, {}, "AdaptiveMaxPool2d"),
        ("ReduceMean", {"axes": [2, 3]}, {}, "mean"),
        ("LRN", {"size": 5, "alpha": 0.1, "beta": 0.7, "bias": 2.0}, {}, "LocalResponseNorm"),
        ("LeakyRelu", {"alpha": 0.2}, {}, "LeakyReLU"),
        ("Elu", {}, {}, "ELU"),
        ("PRelu", {}, {"s": array(6, 1, 1)}, "PReLU"),
        ("Clip", {}, {"low": np.float32(0), "high": np.float32(6)}, "ReLU6"),
        ("Sigmoid", {}, {}, "Sigmoid"),
        ("Tanh", {}, {}, "Tanh"),
        ("Softplus", {}, {}, "Softplus"),
        ("HardSwish", {}, {}, "Hardswish"),
        ("HardSigmoid", {"alpha": 1 / 6}, {}, "Hardsigmoid"),
        ("Dropout", {}, {}, "Dropout"),
        ("Identity", {}, {}, "Identity"),
    ],
)
def test_operators_are_the_layers_that_they_equal(
    tmp_path: Path, op: str, attributes: dict[str, Any], weights: dict[str, np.ndarray[Any, Any]], layer: str
) -> None:
    named = {key: np.asarray(value) for key, value in weights.items()}
    engine = compare(tmp_path / "op.onnx", helper.make_node(op, ["c", *named], ["y"], **attributes), named)
    assert engine.loaded.graph.output.op == layer


@pytest.mark.parametrize(
    ("attributes", "padding"),
    [
        ({"pads": [0, 0, 1, 1], "strides": [2, 2]}, (0, 1, 0, 1)),
        ({"pads": [2, 1, 0, 1]}, (2, 0, 1, 1)),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (0, 1, 0, 1)),
        ({"auto_pad": "SAME_LOWER", "strides": [2, 2]}, (1, 0, 1, 0)),
    ],
)
def test_a_padding_that_is_not_the_same_on_both_sides(
    tmp_path: Path, attributes: dict[str, Any], padding: tuple[int, ...]
) -> None:
    weights = {"w": array(2, 1, 3, 3), "b": array(2)}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], **attributes),
        helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    engine = Engine(request(save(tmp_path / "odd.onnx", nodes, weights)))
    graph = engine.loaded.graph
    node = graph["conv"]
    assert (node.hyper["padding"], node.parameters) == (padding, 2 * (9 + 1))
    assert node.macs == 2 * 9 * node.output_shape[1] * node.output_shape[2]
    inspection = engine.inspect(rng.random((28, 28), np.float32))
    operation = operation_of(graph, "conv", inspection.values, engine.loaded.weights)
    assert operation is not None
    maps = inspection.values["conv"]
    last = (maps.shape[1] - 1, maps.shape[2] - 1)
    for row, col in ((0, 0), (5, 7), last):
        assert operation.check(1, row, col, float(maps[1, row, col])).agrees
        step = operation.step(1, row, col)
        seen = receptive_region(graph, "conv", 1, (row, col))
        assert seen.is_exact
        assert seen.mask_hw.sum() == (~step.padding_mask).sum()
    assert node.field_hw is not None
    assert [field.start for field in node.field_hw] == [-padding[0], -padding[2]]
    assert graph["maxpool"].kind == "pooling"  # whose operation has equal sides only
    assert operation_of(graph, "maxpool", inspection.values, engine.loaded.weights) is None


def test_an_answer_of_one_cell_a_class_is_scores_and_no_picture(tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("GlobalAveragePool", ["c"], ["y"])]
    engine = Engine(request(save(tmp_path / "pooled.onnx", nodes, {"w": array(37, 3, 3, 3)}, (1, 3, 16, 16))))
    assert engine.loaded.labels == tuple(f"class {n}" for n in range(37))
    inspection = engine.inspect(photo=rng.integers(0, 256, (20, 20, 3), np.uint8))
    assert inspection.logits.shape == (37,)
    np.testing.assert_array_equal(inspection.logits, inspection.values["globalaveragepool"][:, 0, 0])
    np.testing.assert_allclose(inspection.probabilities.sum(), 1, rtol=1e-6)
    picture = [helper.make_node("Conv", ["x", "w"], ["y"])]
    engine = Engine(request(save(tmp_path / "maps.onnx", picture, {"w": array(3, 3, 3, 3)}, (1, 3, 16, 16))))
    assert engine.loaded.labels == ()


@pytest.mark.parametrize("worst", [np.nan, np.inf])
def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, worst: float) -> None:
    weights = {"w": array(2, 1, 3, 3)}
    weights["w"][1, 0, 2, 1] = worst
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="/first/Conv")]
    error = refused(
        save(tmp_path / "nan.onnx", nodes, weights), "nan.onnx", "NaN", "first.weight" if worst > 0 else "w"
    )
    assert "earlier epoch" in error.suggestion
    ends = {"w": array(2, 1, 3, 3), "low": np.float32(0), "high": np.array(np.inf, np.float32)}
    clip = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Clip", ["c", "low", "high"], ["y"])]
    assert Engine(request(save(tmp_path / "clip.onnx", clip, ends))).loaded.graph.output.op == "ReLU"
    ends["high"] = np.array(np.nan, np.float32)
    refused(save(tmp_path / "clip.onnx", clip, ends), "NaN", "high")


def test_it_says_that_it_has_no_gradients(tmp_path: Path) -> None:
    engine = Engine(request(small(tmp_path / "small.onnx")))
    for layer in ("head.fc", "conv1", "input"):
        with pytest.raises(UserError, match="'small' has no gradients") as caught:
            engine.gradient(layer, 0, None, rng.random((28, 28), np.float32))
        assert caught.value.suggestion


def test_weights_that_the_file_computes_of_constants_are_weights(tmp_path: Path) -> None:
    """As quantised files do: whole numbers, unpacked by a scale; and a matrix that is turned round first."""
    packed = rng.integers(-100, 100, (4, 1, 5, 5)).astype(np.int8)
    weights = {
        "q": packed, "scale": np.array(0.02, np.float32), "zero": np.array(0, np.int8), "fc": array(10, 576),
    }  # fmt: skip
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"]),
        helper.make_node("Transpose", ["fc"], ["turned"], perm=[1, 0]),
        helper.make_node("Conv", ["x", "w", ""], ["c"]),
        helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "turned"], ["y"]),
    ]
    engine = Engine(request(save(tmp_path / "packed.onnx", nodes, weights)))
    graph = engine.loaded.graph
    assert [node.op for node in graph.layers] == ["Conv2d", "MaxPool2d", "Flatten", "Linear"]
    assert graph.parameters == 4 * 25 + 5760
    np.testing.assert_allclose(engine.loaded.weights["conv.weight"], packed * np.float32(0.02), rtol=1e-6)
    np.testing.assert_array_equal(engine.loaded.weights["matmul.weight"], weights["fc"])
    inspection = engine.inspect(rng.random((28, 28), np.float32))
    operation = operation_of(graph, "conv", inspection.values, engine.loaded.weights)
    assert operation is not None
    assert operation.check(1, 2, 3, float(inspection.values["conv"][1, 2, 3])).agrees


def test_sums_concatenations_and_shapes_computed_on_the_way(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Add", ["c", "r"], ["s"]),
        helper.make_node("Concat", ["s", "c"], ["j"], axis=1),
        helper.make_node("Shape", ["j"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["n"], axis=0),
        helper.make_node("Concat", ["n", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["j", "to"], ["f"]),
        helper.make_node("MatMul", ["f", "m"], ["mm"]),
        helper.make_node("Add", ["mm", "b"], ["y"]),
    ]
    weights = {
        "w": array(2, 1, 28, 28), "zero": np.array([0]), "rest": np.array([-1]), "m": array(4, 3), "b": array(3),
    }  # fmt: skip
    engine = Engine(request(save(tmp_path / "joined.onnx", nodes, weights)))
    graph = engine.loaded.graph
    assert [(node.kind, node.inputs) for node in graph.layers] == [
        ("convolution", ("input",)),
        ("activation", ("conv",)),
        ("sum", ("conv", "relu")),
        ("concatenation", ("add", "conv")),
        ("flatten", ("concat",)),
        ("linear", ("reshape",)),
        ("other", ("matmul",)),
    ]
    inspection = engine.inspect(rng.random((28, 28), np.float32))
    for name in ("add", "concat", "reshape", "matmul"):
        assert operation_of(graph, name, inspection.values, engine.loaded.weights) is not None, name
    np.testing.assert_allclose(inspection.logits, inspection.values["matmul"] + weights["b"], rtol=1e-5)


@pytest.mark.parametrize("new", [False, True])
def test_what_torch_exports_has_the_modules_names(tmp_path: Path, new: bool) -> None:
    spec = registry.get("resnet20")
    network = checkpoints.build(spec).eval()
    path = tmp_path / "resnet20.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.rand(1, 3, 32, 32),), str(path), dynamo=new, external_data=False, verbose=False
        )
    engine = Engine(request(path))
    inspection = engine.inspect(photo=rng.integers(0, 256, (40, 40, 3), np.uint8))
    with torch.no_grad():
        expected = network(torch.tensor(inspection.values["input"])[None])[0]
    np.testing.assert_allclose(inspection.logits, expected.numpy(), rtol=1e-3, atol=1e-3)
    graph = engine.loaded.graph
    assert graph["layer2.1.conv1"].op == "Conv2d"
    assert graph["layer2.1.conv1"].scope == "layer2.1"
    assert [node.kind for node in graph.nodes].count("sum") == 9
    assert graph.output.kind == "linear"
    assert engine.loaded.labels == tuple(f"class {n}" for n in range(10))


def test_class_names_of_its_metadata_a_file_beside_it_or_the_user(tmp_path: Path) -> None:
    names = tuple(f"kind {n}" for n in range(10))
    path = small(tmp_path / "named.onnx")
    (tmp_path / "ten.txt").write_text("\n".join(reversed(names)))
    assert Engine(request(path, classes_path=str(tmp_path / "ten.txt"))).loaded.labels == names[::-1]
    (tmp_path / "ten.txt").rename(tmp_path / "labels.txt")
    assert Engine(request(path)).loaded.labels == names[::-1]
    model = onnx.load(str(path))
    for text in (json.dumps(names), str(dict(enumerate(names)))):  # the second as Ultralytics writes it
        del model.metadata_props[:]
        helper.set_model_props(model, {"names": text})
        path.write_bytes(model.SerializeToString())
        assert Engine(request(path)).loaded.labels == names


def test_the_command_line_runs_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    Image.fromarray(np.pad(np.full((60, 12), 255, np.uint8), 40)).save(tmp_path / "one.png")
    path = small(tmp_path / "small.onnx")
    wish = [
        "explain",
        str(tmp_path / "one.png"),
        "--weights",
        str(path),
        "--layer",
        "conv1",
        "--unit",
        "2",
        "--at",
        "3,4",
    ]
    assert cli.main(wish) == 0
    assert "They agree" in capsys.readouterr().out


def test_files_that_cannot_be_shown_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    refused(path, "no file")
    path.write_bytes(b"")
    refused(path, "bad.onnx")
    path.write_bytes(b"\x08\x07 not really")
    refused(path, "bad.onnx")
    whole = small(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "bad.onnx")
    conv = helper.make_node("Conv", ["x", "w"], ["y"])
    weights = {"w": array(2, 1, 3, 3)}
    refused(save(path, [helper.make_node("Swirl", ["x"], ["y"])], {}), "bad.onnx", "Swirl", "not supported")
    refused(
        save(path, [helper.make_node("Magic", ["x"], ["y"], domain="of.mine")], {}), "not supported", "of.mine.Magic"
    )
    refused(save(path, [helper.make_node("Add", ["x", "z"], ["y"])], {}, inputs=("x", "z")), "2 inputs")
    refused(save(path, [conv], weights, (8, 1, 28, 28)), "8×1×28×28")
    refused(save(path, [conv], weights, (1, 10)), "1×10")
    refused(save(path, [conv], weights, (1, 28, 28, 1)), "channels last")
    refused(save(path, [conv], {"w": array(2, 4, 3, 3)}, (1, 4, 28, 28)), "4 channels")
    refused(save(path, [conv], {"w": array(2, 3, 3, 3)}), "bad.onnx")  # the weights do not fit the picture
    refused(save(path, [helper.make_node("Relu", ["x"], ["y"])], {}, kind=TensorProto.INT32), "int32")
    refused(save(path, [helper.make_node("Constant", [], ["y"], value_float=1.0)], {}), "nothing")
    with pytest.raises(UserError, match="is a whole network"):
        Engine(ModelRequest("lenet5", str(small(path))))


def test_without_the_packages_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    error = refused(small(tmp_path / "small.onnx"), "onnxruntime")
    assert "pip install" in error.suggestion
