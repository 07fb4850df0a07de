"""Python files and programs of torch.export: run only with consent, shown layer by layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz.core.errors import UserError
from cnnviz.core.explain import operation_of
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import checkpoints, programs, registry
from cnnviz.models.engine import Engine


def request(path: Path, *, trusted: bool = True) -> ModelRequest:
    return ModelRequest(registry.name_of_file(str(path)), str(path), trusted=trusted)


def python(folder: Path, text: str, name: str = "net.py") -> Path:
    path = folder / name
    path.write_text("import torch\nfrom torch import nn\n" + text)
    return path


def refused(path: Path, *words: str) -> None:
    with pytest.raises(UserError) as caught:
        Engine(request(path))
    for word in (path.name, *words):
        assert word in caught.value.sentence
    assert "\n" not in caught.value.sentence


SMALL = "nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))"


@pytest.mark.parametrize(
    "text",
    [
        f"model = {SMALL}",
        f"def build():\n    return {SMALL}",
        "class Block(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
        "class Net(nn.Sequential):\n    def __init__(self, classes=5):\n"
        "        super().__init__(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))",
    ],
)
def test_a_python_file_says_its_network_in_three_ways(tmp_path: Path, text: str) -> None:
    engine = Engine(request(python(tmp_path, text)))
    assert engine.loaded.preparation == "photo"
    assert engine.loaded.labels == tuple(f"class {n}" for n in range(5))
    assert "net.py" in engine.loaded.weights_note
    assert "224×224 photographs normalised as for ImageNet" in engine.loaded.weights_note
    inspection = engine.inspect(photo=np.zeros((300, 300, 3), np.uint8))
    assert inspection.logits.shape == (5,)
    assert registry.get(engine.loaded.request.name).name == "net.py"
    assert list(tmp_path.iterdir()) == [tmp_path / "net.py"]  # nothing was written beside it


BODY = "    def __init__(self{}):\n        super().__init__()\n        self.inner = {}\n"
BODY += "    def forward(self, x):\n        return self.inner(x)\n"
PLAIN = "nn.Conv2d(c, c, 3, padding=1)"
WHOLE = "nn.Sequential(nn.Conv2d(3, 4, 3), {}, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))"


def classes(*parts: tuple[str, str, str]) -> str:
    """Write classes: names, arguments, and what they hold."""
    return "".join(f"class {name}(nn.Module):\n" + BODY.format(given, inner) for name, given, inner in parts)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (classes(("Block", ", c=4", PLAIN), ("Whole", "", WHOLE.format("Block()"))), "Whole"),
        (classes(("Whole", "", WHOLE.format("Block()")), ("Block", ", c=4", PLAIN)), "Whole"),
        (classes(("Block", ", c=4", PLAIN), ("Whole", "", WHOLE.format("*[Block() for _ in 'ab']"))), "Whole"),
        (classes(("Block", ", c=4", PLAIN), ("Whole", ", block=Block", WHOLE.format("block()"))), "Whole"),
        (classes(("Other", "", SMALL), ("Net", "", SMALL), ("Unused", "", SMALL)), "Net"),
        (classes(("Other", "", SMALL), ("MyNet", "", SMALL)), "MyNet"),  # as the file is named
        (classes(("Base", "", SMALL)) + "class Derived(Base):\n    pass\n", "Derived"),
    ],
)
def test_of_several_classes_the_whole_network_is_taken(tmp_path: Path, text: str, title: str) -> None:
    engine = Engine(request(python(tmp_path, text, "my_net.py")))
    assert engine.loaded.title == title
    assert len(engine.loaded.labels) == 5


def test_what_several_classes_are_is_asked_by_their_names(tmp_path: Path) -> None:
    two = python(tmp_path, classes(("First", "", SMALL), ("Second", "", SMALL)))
    with pytest.raises(UserError, match=r"net\.py.*several networks: First, Second\.") as caught:
        Engine(request(two))
    assert caught.value.suggestion.endswith("model = Second().")
    two.write_text(two.read_text() + "model = First()\n")
    assert Engine(request(two)).loaded.title == "First"
    needing = python(tmp_path, classes(("Block", ", c", PLAIN), ("Large", ", classes", SMALL)))
    with pytest.raises(UserError, match=r"without arguments: Block, Large\.") as caught:
        Engine(request(needing))
    assert "model = Large(...)" in caught.value.suggestion


@pytest.mark.parametrize("worst", ["nan", "inf", "-inf"])
def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, worst: str) -> None:
    text = f"model = {SMALL}\nwith torch.no_grad():\n    model[4].weight[2, 1] = float('{worst}')"
    refused(python(tmp_path, text), "NaN or infinite", "4.weight")
    network = checkpoints.build(registry.get("lenet5"))
    with torch.no_grad():
        network.get_parameter("conv2.bias")[3] = float(worst)
    refused(export(network, (1, 28, 28), tmp_path / "net.pt2"), "NaN or infinite", "conv2.bias")


def test_an_answer_of_one_cell_a_class_is_scores(tmp_path: Path) -> None:
    path = python(tmp_path, "model = nn.Sequential(nn.Conv2d(3, 37, 3), nn.AdaptiveAvgPool2d(1))")
    engine = Engine(request(path))
    assert len(engine.loaded.labels) == 37
    assert engine.inspect(photo=np.zeros((30, 30, 3), np.uint8)).logits.shape == (37,)


@pytest.mark.filterwarnings("ignore")  # torch's own, about its exporter
def test_layers_inside_a_block_without_gradients_are_shown(tmp_path: Path) -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
            self.second, self.head = nn.Conv2d(4, 5, 3), nn.Linear(5, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                x = self.norm(self.first(x)).relu()
                y = x * 2
            x = self.second(x + y)
            with torch.autocast("cpu", enabled=False):
                x = x.relu()
            return self.head(x.mean((2, 3)))

    network = Frozen().eval()
    engine = Engine(request(export(network, (1, 28, 28), tmp_path / "net.pt2")))
    graph = engine.loaded.graph
    assert [node.op for node in graph.layers] == [
        "Conv2d", "BatchNorm2d", "ReLU", "mul", "add", "Conv2d", "ReLU", "mean", "Linear",
    ]  # fmt: skip
    assert graph["norm"].inputs == ("first",)
    assert graph.parameters == sum(parameter.numel() for parameter in network.parameters())
    inspection = engine.inspect(np.random.default_rng(0).random((28, 28), np.float32))
    batch = torch.tensor(inspection.values["input"])[None]
    with torch.no_grad():
        np.testing.assert_allclose(inspection.values["first"], network.first(batch)[0].numpy(), atol=1e-6)
        np.testing.assert_allclose(inspection.logits, network(batch)[0].numpy(), atol=1e-6)
    assert operation_of(graph, "first", inspection.values, engine.loaded.weights) is not None


def test_the_size_of_the_pictures_is_tried_or_told(tmp_path: Path) -> None:
    dense = python(tmp_path, "model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))")
    assert Engine(request(dense)).spec.input.height == 28
    small = python(tmp_path, "model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(1800, 10))", "cifar.py")
    assert Engine(request(small)).spec.input.height == 32
    told = python(tmp_path, f"input_shape = (3, 40, 48)\nclasses = list('abcde')\nmodel = {SMALL}", "told.py")
    engine = Engine(request(told))
    assert (engine.spec.input.height, engine.spec.input.width) == (40, 48)
    assert engine.loaded.labels == tuple("abcde")


def test_a_last_softmax_is_not_taken_twice(tmp_path: Path) -> None:
    path = python(tmp_path, "model = nn.Sequential(nn.Flatten(), nn.Linear(784, 4), nn.Softmax(1))")
    inspection = Engine(request(path)).inspect(np.random.default_rng(0).random((28, 28), np.float32))
    np.testing.assert_allclose(inspection.probabilities, inspection.values["2"], atol=1e-6)
    np.testing.assert_allclose(inspection.logits, inspection.values["1"], atol=1e-6)


def test_a_neighbour_can_be_imported(tmp_path: Path) -> None:
    python(tmp_path, f"def make():\n    return {SMALL}", "layers_of_mine.py")
    path = python(tmp_path, "from layers_of_mine import make\nmodel = make()")
    assert Engine(request(path)).loaded.graph.parameters == 4 * 28 + 5 * 5


def test_without_consent_it_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    path = python(tmp_path, f"open({str(mark)!r}, 'w').close()\nmodel = {SMALL}")
    with pytest.raises(UserError, match=r"net\.py.*runs code"):
        Engine(request(path, trusted=False))
    assert not mark.exists()
    with pytest.raises(UserError, match="is a whole network, no weights"):
        Engine(ModelRequest("lenet5", str(path), trusted=True))
    assert not mark.exists()


def test_files_that_fail_are_one_sentence_with_the_line(tmp_path: Path) -> None:
    refused(python(tmp_path, "x = 1 / 0"), "line 3", "ZeroDivisionError")
    refused(python(tmp_path, "def"), "line 3", "SyntaxError")
    refused(python(tmp_path, "raise SystemExit(3)"), "SystemExit")
    refused(python(tmp_path, "import no_such_module_here"), "no_such_module_here")
    refused(python(tmp_path, "x = 1"), "defines no network")
    refused(python(tmp_path, "raise KeyboardInterrupt"), "line 3", "KeyboardInterrupt")
    refused(python(tmp_path, "def build(): raise SystemExit('enough')"), "line 3", "SystemExit: enough")
    refused(python(tmp_path, "def build(): raise KeyboardInterrupt"), "line 3", "KeyboardInterrupt")
    leaves = "class N(nn.Module):\n  def forward(self, x): raise SystemExit(2)\nmodel, input_shape = N(), (1, 28, 28)"
    refused(python(tmp_path, leaves), "cannot take pictures of 1×28×28")
    refused(python(tmp_path, "class A(nn.Module): pass"), "defines no network")
    refused(python(tmp_path, "def build(): return 3"), "int")
    refused(python(tmp_path, "def build(): return undefined"), "NameError", "line 3")
    refused(python(tmp_path, "model = nn.Conv2d(7, 4, 3)"), "not clear what pictures")
    refused(python(tmp_path, f"input_shape = (3, 2, 2)\nmodel = {SMALL}"), "3×2×2", "actual input size")
    refused(python(tmp_path, f"input_shape = (5, 32, 32)\nmodel = {SMALL}"), "5 channels")
    refused(python(tmp_path, f"input_shape = (32, 32)\nmodel = {SMALL}"), "32×32")
    refused(python(tmp_path, "model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(7, 2))"), "1×28×28")
    refused(
        python(
            tmp_path, "class N(nn.Module):\n  def forward(self, x): return (x, x)\nmodel = N()\ninput_shape=(1,28,28)"
        ),
        "tuple",
    )
    with pytest.raises(UserError, match="no file"):
        programs.load(tmp_path / "nowhere.py")


def export(network: nn.Module, shape: tuple[int, ...], path: Path) -> Path:
    torch.export.save(torch.export.export(network.eval(), (torch.rand(1, *shape),)), path)
    return path


@pytest.mark.filterwarnings("ignore")  # torch's own, about its exporter
@pytest.mark.parametrize("name", ["lenet5", "resnet20", "squeezenet1_1", "autoencoder"])
def test_an_exported_program_has_the_layers_that_it_was_made_from(name: str, tmp_path: Path) -> None:
    spec = registry.get(name)
    torch.manual_seed(1)
    network = checkpoints.build(spec).eval()
    path = export(network, (spec.input.channels, spec.input.height, spec.input.width), tmp_path / "net.pt2")
    with pytest.raises(UserError, match="runs code"):
        Engine(request(path, trusted=False))
    engine, own = Engine(request(path)), Engine(ModelRequest(name, "random"))
    picture = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    digit = np.random.default_rng(0).random((28, 28), np.float32)
    inspection = engine.inspect(digit, photo=picture)
    batch = torch.tensor(inspection.values["input"])[None]
    with torch.no_grad():
        expected = network(batch)[0]
    answer = inspection.values[engine.loaded.graph.output.name]
    np.testing.assert_allclose(answer, expected.numpy(), rtol=1e-4, atol=1e-5)
    graph = engine.loaded.graph
    for node in own.loaded.graph.nodes:
        if node.weight is not None:
            assert graph[node.name].op == node.op
            assert graph[node.name].macs == node.macs
            assert graph[node.name].scope == node.scope
            if name != "resnet20":  # whose shortcuts say by themselves which pixels they keep
                assert graph[node.name].field_hw == node.field_hw
            assert operation_of(graph, node.name, inspection.values, engine.loaded.weights) is not None
    assert graph.parameters == own.loaded.graph.parameters
    assert [node.kind for node in graph.nodes].count("sum") == [n.kind for n in own.loaded.graph.nodes].count("sum")


@pytest.mark.filterwarnings("ignore")
def test_what_is_overwritten_and_read_again_keeps_its_values(tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            z = torch.relu_(y)
            return (y + 2 * z).mean((2, 3))

    network = Net().eval()
    engine = Engine(request(export(network, (1, 28, 28), tmp_path / "net.pt2")))
    inspection = engine.inspect(np.random.default_rng(0).random((28, 28), np.float32))
    with torch.no_grad():
        expected = network(torch.tensor(inspection.values["input"])[None])[0]
    np.testing.assert_allclose(inspection.logits, expected.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_programs_that_cannot_be_shown(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x + y

    torch.export.save(torch.export.export(Two(), (torch.rand(1, 3), torch.rand(1, 3))), tmp_path / "two.pt2")
    refused(tmp_path / "two.pt2", "2 inputs")
    refused(export(nn.Linear(7, 2), (7,), tmp_path / "flat.pt2"), "no picture")
    (tmp_path / "noise.pt2").write_bytes(b"PK\x03\x04 not really")
    refused(tmp_path / "noise.pt2", "damaged")
