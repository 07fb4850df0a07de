"""Every registered network: its values are those of a plain run, its parameters those that were published."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnviz.core.capture import Capture
from cnnviz.models import registry
from cnnviz.models.building import build, skeleton
from cnnviz.models.registry import MODELS, ModelSpec

PUBLISHED = {
    "lenet1": 3_246, "lenet5": 61_706, "lenet5_original": 60_000, "resnet20": 269_722, "resnet32": 464_154,
    "resnet44": 658_586, "resnet56": 853_018, "plain20": 269_722, "plain56": 853_018, "vgg_small": 288_746,
    "network_in_network": 966_986, "autoencoder": 4_485, "unet": 29_321,
}  # fmt: skip
HUGE = ("convnext_large", "efficientnet_b6", "efficientnet_b7", "efficientnet_v2_l", "regnet_x_32gf", "regnet_y_16gf",
        "regnet_y_32gf", "regnet_y_128gf", "vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14",
        "wide_resnet101_2", "swin_b", "swin_v2_b", "swin_v2_s", "convnext_base", "resnext101_32x8d",
        "resnext101_64x4d", "maxvit_t", "efficientnet_v2_m", "densenet201", "regnet_x_16gf")  # fmt: skip
"""Larger brothers of networks that are run here: seconds and gigabytes for nothing new. CNNVIZ_ALL=1 runs them too."""
FIXED = ("maxvit_t", "swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s", "swin_v2_b", "vit_")
"""Networks that take no other size than their own."""
LEAST_SIDE = {"inception_v3": 96, "alexnet": 80}
CORE = tuple(m.name for m in MODELS if m.family != registry.MORE)
RUN = [m for m in MODELS if m.name not in HUGE or os.environ.get("CNNVIZ_ALL")]


def side_of(spec: ModelSpec) -> int:
    if spec.input.height <= 64 or spec.name.startswith(FIXED):
        return spec.input.height
    return LEAST_SIDE.get(spec.name, 64)


def plain_values(network: nn.Module, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Return what every module without children gave, by path and call, and the output."""
    found: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def hook(path: str) -> object:
        def record(_module: nn.Module, _given: object, output: Tensor) -> None:
            count = counts[path] = counts.get(path, -1) + 1
            found[path if not count else f"{path}:{count}"] = output.clone()

        return record

    handles = [
        module.register_forward_hook(hook(path))  # type: ignore[arg-type]
        for path, module in network.named_modules()
        if path and next(module.children(), None) is None
    ]
    output = network(x)
    for handle in handles:
        handle.remove()
    return found, getattr(output, "logits", output)


@pytest.mark.parametrize("spec", RUN, ids=lambda spec: spec.name)
def test_captured_values_are_those_of_a_plain_run(spec: ModelSpec) -> None:
    network = build(spec).eval()
    for module in network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    side = side_of(spec)
    x = torch.rand(1, spec.input.channels, side, side, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, output = plain_values(network, x)
    capture = Capture(network, (spec.input.channels, side, side), name=spec.name)
    assert capture.is_traced
    with torch.inference_mode():
        values = capture(x)
    last = capture.graph.output.name
    torch.testing.assert_close(values.tensor(last), output[0], rtol=1e-5, atol=1e-6, equal_nan=True)
    seen = 0
    for node in capture.graph.layers:
        if node.name in expected:
            seen += 1
            torch.testing.assert_close(values.tensor(node.name), expected[node.name][0], rtol=1e-5, atol=1e-6)
    assert seen >= 0.5 * len(expected)


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_parameters_are_those_that_were_published(spec: ModelSpec) -> None:
    counted = sum(p.numel() for p in skeleton(spec).parameters() if p.requires_grad)
    if spec.is_torchvision:
        import torchvision.models as zoo

        weights = next(iter(zoo.get_model_weights(spec.name)))
        assert counted == weights.meta["num_params"]
    elif spec.name in PUBLISHED:
        assert counted == PUBLISHED[spec.name]


@pytest.mark.parametrize(
    ("name", "gigamacs"),
    [("alexnet", 0.714), ("vgg11", 7.609), ("resnet18", 1.814), ("googlenet", 1.498), ("squeezenet1_1", 0.349)],
)
def test_multiply_adds_are_those_that_were_published(name: str, gigamacs: float) -> None:
    graph = Capture(build(registry.get(name)).eval(), (3, 224, 224), name=name).graph
    assert graph.macs / 1e9 == pytest.approx(gigamacs, abs=5e-4)


FUNCTIONS = {
    "add": lambda given, _: given[0] + given[1],
    "iadd": lambda given, _: given[0] + given[1],
    "cat": lambda given, hyper: torch.cat(given, dim=hyper.get("dim", 1)),
    "relu": lambda given, _: functional.relu(given[0]),
    "flatten": lambda given, hyper: torch.flatten(given[0], hyper.get("start_dim", 1)),
    "avg_pool2d": lambda given, h: functional.avg_pool2d(given[0], h["kernel_size"], h.get("stride"), h["padding"]),
    "max_pool2d": lambda given, h: functional.max_pool2d(given[0], h["kernel_size"], h.get("stride")),
    "adaptive_avg_pool2d": lambda given, h: functional.adaptive_avg_pool2d(given[0], h["output_size"]),
}


@pytest.mark.parametrize("name", [name for name in CORE if not name.startswith(("vgg1", "plain3", "plain4"))])
def test_the_edges_executed_in_order_give_the_output(name: str) -> None:
    spec = registry.get(name)
    network = build(spec).eval()
    side = side_of(spec)
    x = torch.rand(1, spec.input.channels, side, side, generator=torch.Generator().manual_seed(2))
    capture = Capture(network, (spec.input.channels, side, side), name=name)
    modules: Mapping[str, nn.Module] = dict(network.named_modules())
    done: dict[str, Tensor] = {"input": x}
    with torch.inference_mode():
        for node in capture.graph.layers:
            given = [done[source] for source in node.inputs]
            module = modules.get(node.name.split(":")[0])
            done[node.name] = module(*given) if module is not None else FUNCTIONS[node.op](given, node.hyper)
        expected = network(x)
    torch.testing.assert_close(done[capture.graph.output.name], getattr(expected, "logits", expected))


def test_the_table_says_what_torchvision_says() -> None:
    import torchvision.models as zoo

    names = set(zoo.list_models(module=zoo))
    assert {spec.name for spec in MODELS if spec.is_torchvision} == names
    for spec in MODELS:
        if not spec.is_torchvision:
            continue
        preset = next(iter(zoo.get_model_weights(spec.name))).transforms()
        assert [spec.input.height] == [spec.input.width] == preset.crop_size, spec.name
        assert [spec.input.resize] == preset.resize_size, spec.name
        assert spec.input.interpolation == preset.interpolation.value, spec.name
        if spec.name not in ("googlenet", "inception_v3"):
            assert spec.input.mean == tuple(preset.mean), spec.name
            assert spec.input.std == tuple(preset.std), spec.name


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_transform_input_is_part_of_the_preparation(name: str) -> None:
    """Torchvision changes the normalisation inside these networks; the table has both steps in one."""
    spec = registry.get(name)
    builder = {"googlenet": "GoogLeNet", "inception_v3": "Inception3"}[name]
    import torchvision.models as zoo

    inner = getattr(zoo, builder)(transform_input=True, init_weights=False).eval()
    picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    theirs = inner._transform_input((picture - mean) / std)
    own_mean, own_std = (torch.tensor(v)[:, None, None] for v in (spec.input.mean, spec.input.std))
    torch.testing.assert_close((picture - own_mean) / own_std, theirs, rtol=1e-5, atol=1e-6)


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    from cnnviz.core.errors import UserError

    with pytest.raises(UserError, match="no network called 'resnet5'") as error:
        registry.get("resnet5")
    assert "resnet50" in str(error.value)
