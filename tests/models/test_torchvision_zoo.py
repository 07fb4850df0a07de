"""Torchvision's networks: published sizes, weights that stay the same, captured values that are the real ones."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cnnviz.core.image import load_picture
from cnnviz.core.inspection import ModelRequest
from cnnviz.core.paths import resources_dir
from cnnviz.models import checkpoints, registry, torchvision_zoo
from cnnviz.models.engine import Engine

PHOTO = load_picture(resources_dir() / "photos" / "chelsea.jpg").pixels_hwc


@pytest.fixture(scope="module", params=["resnet18", "vgg16_bn"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """One network after the other, each built once; VGG-16 without normalisation has no step that these have not."""
    torch.set_num_threads(1)
    return Engine(ModelRequest(request.param, device="cpu"))


@pytest.fixture(scope="module")
def resnet() -> Engine:
    return Engine(ModelRequest("resnet18", device="cpu"))


@pytest.mark.parametrize(
    ("name", "parameters"), [("resnet18", 11_689_512), ("vgg16", 138_357_544), ("vgg16_bn", 138_365_992)]
)
def test_the_networks_have_the_published_number_of_parameters(name: str, parameters: int) -> None:
    with torch.device("meta"):  # no memory
        network = getattr(torchvision_zoo.zoo, name)(weights=None)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert registry.get(name).builder == f"cnnviz.models.torchvision_zoo:{name}"


def test_the_classes_are_those_of_imagenet(resnet: Engine) -> None:
    labels = resnet.loaded.labels
    assert len(labels) == len(set(labels)) == 1000
    assert (labels[0], labels[281], labels[999]) == ("tench", "tabby", "toilet tissue")
    assert resnet.loaded.graph.output.output_shape == (1000,)


def test_the_loaded_network_says_that_its_weights_are_random(resnet: Engine) -> None:
    assert resnet.loaded.is_random
    assert resnet.loaded.weights_note == "random weights"
    assert resnet.loaded.preparation == "photo"
    lenet = Engine(ModelRequest("lenet5", device="cpu")).loaded
    assert not lenet.is_random
    assert lenet.preparation == "digit"


def test_the_random_weights_are_the_same_every_time_and_the_callers_numbers_stay(resnet: Engine) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    again = checkpoints.build(registry.get("resnet18")).state_dict()
    assert torch.equal(torch.rand(3), expected)
    for key, value in resnet.capture.module.state_dict().items():
        assert torch.equal(value, again[key]), key


def test_all_weights_are_there_as_torchvision_draws_them(engine: Engine) -> None:
    for name, module in engine.capture.module.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert bool((module.weight == 1).all()), name
            assert bool((module.running_var == 1).all()), name
            assert not module.bias.any(), name
            assert not module.running_mean.any(), name
        elif isinstance(module, nn.Conv2d):
            out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
            assert float(module.weight.detach().std()) == pytest.approx((2 / out) ** 0.5, rel=0.03), name
            assert module.bias is None or not module.bias.any(), name
        elif isinstance(module, nn.Linear) and engine.spec.name == "vgg16_bn":
            assert float(module.weight.detach()[:50].std()) == pytest.approx(0.01, rel=0.03), name
            assert not module.bias.any(), name
    assert not any(value.is_meta for value in engine.capture.module.state_dict().values())


def test_every_captured_value_is_that_of_a_pass_where_nothing_is_in_place(engine: Engine) -> None:
    values = engine.inspect(photo=PHOTO).values
    expected = reference(engine.capture.module, torch.from_numpy(values["input"].copy())[None])
    assert engine.capture.is_traced
    computed = 0
    for node in engine.loaded.graph.nodes[1:]:
        inputs = [expected[name] for name in node.inputs]
        if node.kind == "sum":
            expected[node.name] = inputs[0] + inputs[1]
        elif node.kind == "flatten":
            expected[node.name] = inputs[0].flatten(1)
        else:
            computed += 1
        np.testing.assert_allclose(
            values[node.name], expected[node.name][0].numpy(), rtol=1e-5, atol=1e-6, err_msg=node.name
        )
    assert computed == {"resnet18": 60, "vgg16_bn": 52}[engine.spec.name]
    relu = next(node for node in engine.loaded.graph.nodes if node.op == "ReLU")
    assert values[relu.inputs[0]].min() < 0 <= values[relu.name].min()


def reference(module: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """Return each layer's output by its name, of a pass without any operation in place."""
    found: dict[str, Tensor] = {"input": batch}
    handles = []

    def watch(path: str, layer: nn.Module) -> None:
        def record(_: nn.Module, inputs: object, output: Tensor) -> None:
            name, number = path, 0
            while name in found:
                number += 1
                name = f"{path}:{number}"
            found[name] = output.clone()

        handles.append(layer.register_forward_hook(record))

    for path, layer in module.named_modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False
        if not list(layer.children()):
            watch(path, layer)
    with torch.inference_mode():
        module(batch.clone())
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("name", ["lenet5", "lenet5_original", "resnet18"])
def test_weights_are_read_only_and_share_the_modules_memory(name: str) -> None:
    engine = Engine(ModelRequest(name, device="cpu"))
    state = engine.capture.module.state_dict()
    assert set(state) <= set(engine.loaded.weights)
    for key, array in engine.loaded.weights.items():
        assert array.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
        if key in state:
            np.testing.assert_array_equal(array, state[key].float().numpy())
            assert np.shares_memory(array, state[key].numpy()) == (state[key].dtype == torch.float32), key


def test_without_a_photograph_the_digit_is_shown_and_a_digit_network_looks_at_no_photograph(resnet: Engine) -> None:
    image_hw = np.zeros((28, 28), np.float32)
    image_hw[8:20, 12:16] = 1
    seen = resnet.inspect(image_hw).values["input"]
    expected = resnet.inspect(photo=(image_hw * 255).astype(np.uint8)).values["input"]
    assert np.array_equal(seen, expected)
    assert np.array_equal(resnet.inspect(image_hw, photo=PHOTO).logits, resnet.inspect(photo=PHOTO).logits)
    lenet = Engine(ModelRequest("lenet5", device="cpu"))
    assert np.array_equal(lenet.inspect(image_hw, photo=PHOTO).logits, lenet.inspect(image_hw).logits)


def test_the_way_of_a_digit_imports_neither_torchvision_nor_pillow() -> None:
    code = (
        "import sys, numpy as np\n"
        "from cnnviz.core.inspection import ModelRequest\n"
        "from cnnviz.models.engine import Engine\n"
        "Engine(ModelRequest('lenet5', device='cpu')).inspect(np.zeros((28, 28), np.float32))\n"
        "print([m for m in ('torchvision', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == "[]"
