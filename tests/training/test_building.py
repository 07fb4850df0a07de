"""The network of a run: its classes, first weights, what is frozen, and that every family can learn."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from cnnviz.core.errors import UserError
from cnnviz.datasets.images import LabelledImages
from cnnviz.models import registry
from cnnviz.models.preparation import to_input
from cnnviz.training import building, parts
from cnnviz.training.building import NORMS, draws, frozen_layers
from cnnviz.training.config import TrainConfig
from cnnviz.training.loop import Run
from cnnviz.training.metrics import scores_of
from cnnviz.training.variation import NONE
from tests.training.few import SMALL, epochs, few_digits, photographs, until

PHOTO = replace(SMALL, model="resnet20", data="cifar10", variation=NONE, batch_size=4, validation=2, epochs=1)


def made(config: TrainConfig, data: LabelledImages) -> nn.Module:
    return building.network_for(config, parts.spec_for(config, data))


def last_of(network: nn.Module) -> nn.Module:
    return [layer for layer in network.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))][-1]


@pytest.mark.parametrize(
    ("model", "side", "classes", "aux"),
    [
        ("lenet5", 28, 3, 0), ("lenet1", 28, 2, 0), ("resnet20", 32, 3, 0), ("network_in_network", 32, 4, 0),
        ("vgg_small", 32, 5, 0), ("squeezenet1_1", 64, 3, 0), ("googlenet", 64, 3, 0), ("inception_v3", 32, 2, 1),
    ],
)  # fmt: skip
def test_a_head_for_other_classes_learns(model: str, side: int, classes: int, aux: int) -> None:
    data = photographs(3 if aux else 8, side, classes)
    config = replace(PHOTO, model=model, size=side if side > 32 else 0, epochs=1, batch_size=4, validation=0)
    run = Run(config, data)
    before = {name: value.detach().clone() for name, value in run.network.named_parameters()}
    image = run.train_part.pictures()[:2]
    x = image.mean(1, keepdim=True) if run.spec.input.channels == 1 else image
    outputs = scores_of(run.network(to_input(x, run.spec.input)))
    assert [tuple(output.shape) for output, _ in outputs] == [(2, classes)] * (1 + aux)
    assert [share for _, share in outputs] == [1.0] + [0.3] * aux
    done = epochs(run.events())
    assert math.isfinite(done[0].train_loss)
    heads = [p for p in building.guessing.layout(registry.get(model)).heads if f"{p}.weight" in before]
    assert len(heads) == 1 + aux
    for head in heads:
        assert before[f"{head}.weight"].shape[0] == classes
        assert not torch.equal(before[f"{head}.weight"], run.network.get_parameter(f"{head}.weight"))


@pytest.mark.parametrize("how", ["own", "kaiming", "xavier", "normal", "zeros"])
def test_first_weights_are_drawn_as_asked(how: str) -> None:
    network = made(replace(SMALL, initialisation=how), few_digits())
    weight = network.get_parameter("fc1.weight").detach()  # 400 → 120
    bias = network.get_parameter("fc1.bias").detach()
    expected = {
        "own": 1 / math.sqrt(3 * 400), "kaiming": math.sqrt(2 / 400), "xavier": math.sqrt(2 / 520), "normal": 0.01,
        "zeros": 0.0,
    }[how]  # fmt: skip
    assert weight.std().item() == pytest.approx(expected, rel=0.03)
    if how == "xavier":
        assert weight.abs().max() <= math.sqrt(6 / 520)
    assert bool((bias == 0).all()) == (how != "own")
    again = made(replace(SMALL, initialisation=how), few_digits())
    other = made(replace(SMALL, initialisation=how, seed=1), few_digits())
    assert torch.equal(again.get_parameter("fc1.weight"), weight)
    assert torch.equal(other.get_parameter("fc1.weight"), weight) == (how == "zeros")


def test_a_new_head_is_initialised_as_the_rest() -> None:
    head = last_of(made(replace(PHOTO, initialisation="zeros"), photographs(8, 32)))
    assert head.weight.shape[0] == 3
    assert not head.weight.any()


def test_dropout_is_as_the_network_has_it_or_as_asked() -> None:
    data = photographs(8, 32)
    shares = {
        given: [layer.p for layer in made(replace(PHOTO, model="network_in_network", dropout=given), data).modules()
                if isinstance(layer, nn.Dropout)]
        for given in (-1.0, 0.0, 0.3)
    }  # fmt: skip
    assert shares == {-1.0: [0.5, 0.5], 0.0: [0.0, 0.0], 0.3: [0.3, 0.3]}
    assert draws(made(replace(PHOTO, model="vgg_small"), data))
    assert not draws(made(PHOTO, data))


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_frozen_layers_keep_weights_and_statistics_bit_for_bit(average: float) -> None:
    run = Run(replace(PHOTO, freeze="layer1", average=average, epochs=2), photographs(12, 32))
    frozen = set(frozen_layers(run.network, "layer1"))
    assert {"conv1", "bn1", "layer1.2.bn2"} <= frozen
    assert "layer2.0.conv1" not in frozen
    before = {key: value.clone() for key, value in run.network.state_dict().items()}
    list(until(run, 5))
    states = [run.network.state_dict(), *([] if run.average is None else [run.average.module.state_dict()])]
    for key, value in before.items():
        if "num_batches" in key and key.rpartition(".")[0] not in frozen:
            continue
        for state in states:
            assert torch.equal(value, state[key]) == (key.rpartition(".")[0] in frozen), key


def test_averaged_weights_get_statistics_of_their_own_that_do_not_depend_on_anybody_else() -> None:
    config = replace(PHOTO, model="vgg_small", average=0.9, dropout=0.5, batch_size=6)
    states = []
    for seed in (1, 2):
        run = Run(config, photographs(12, 32))
        torch.manual_seed(seed)
        list(run.events())
        assert run.average is not None
        states.append(run.average.module.state_dict())
        norms = [layer for layer in run.average.module.modules() if isinstance(layer, NORMS)]
        assert all(norm.momentum == 0.1 and norm.training for norm in norms)
        own = run.network.state_dict()
        means = [key for key in own if key.endswith("running_mean")]
        assert all(not torch.equal(own[key], states[-1][key]) for key in means)
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


def test_a_freeze_line_can_be_moved_and_taken_away() -> None:
    network = made(PHOTO, photographs(8, 32)).train()
    building.freeze(network, "layer2.0")
    learn = {name for name, p in network.named_parameters() if p.requires_grad}
    assert not any(name.startswith(("conv1", "bn1", "layer1", "layer2.0")) for name in learn)
    assert any(name.startswith("layer2.1") for name in learn)
    assert not network.get_submodule("bn1").training
    building.freeze(network, "")
    assert all(p.requires_grad for p in network.parameters())
    assert all(layer.training for layer in network.modules())


@pytest.mark.parametrize(("path", "words"), [("layer9", "no layer 'layer9'"), ("linear", "nothing can learn")])
def test_a_freeze_line_that_cannot_be_is_one_sentence(path: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        made(replace(PHOTO, freeze=path), photographs(8, 32))


@pytest.mark.parametrize(
    ("model", "size"), [("lenet5", 8), ("lenet5", 64), ("alexnet", 32), ("vit_b_32", 100), ("inception_v3", 139)]
)
def test_a_size_that_the_network_cannot_take_is_one_sentence(model: str, size: int) -> None:
    with pytest.raises(UserError, match=f"cannot take pictures of {size}×{size}") as caught:
        made(replace(PHOTO, model=model, size=size), photographs(4, 32))
    assert "Its own size is" in caught.value.suggestion


@pytest.mark.parametrize("size", [16, 48])
def test_other_sizes_are_taken_where_they_can(size: int) -> None:
    done = epochs(Run(replace(PHOTO, size=size), photographs(8, 32)).events())
    assert math.isfinite(done[0].train_loss)


def test_grey_digits_train_a_network_for_colours_and_colours_one_for_digits() -> None:
    digits = Run(replace(SMALL, model="resnet20", batch_size=8, validation=242, epochs=1), few_digits())
    assert digits.train_part.images_nchw.shape[1:] == (1, 28, 28)
    assert math.isfinite(epochs(digits.events())[0].train_loss)
    photos = Run(replace(PHOTO, model="lenet5", batch_size=8), photographs(10, 32))
    assert photos.train_part.images_nchw.shape[1:] == (1, 32, 32)
    red, green, blue = (photos.train_part.images_nchw.new_tensor(photographs(10, 32).images_nhw)[..., i].double()
                        for i in range(3))  # fmt: skip
    grey = (0.299 * red + 0.587 * green + 0.114 * blue).round()
    chosen = parts.order_of(photographs(10, 32), photos.config)[0]
    assert (photos.train_part.images_nchw[:, 0].double() - grey[chosen]).abs().max() <= 1
    assert math.isfinite(epochs(photos.events())[0].train_loss)


def test_the_datas_own_normalisation_is_its_mean_and_deviation() -> None:
    data = photographs(30, 8)
    config = replace(PHOTO, normalisation="data", validation=6, size=8)
    spec = parts.spec_for(config, data)
    chosen = parts.order_of(data, config)[0].numpy()
    pixels = data.images_nhw[chosen].reshape(-1, 3) / 255
    assert spec.input.mean == pytest.approx(tuple(pixels.mean(0)), rel=1e-6)
    assert spec.input.std == pytest.approx(tuple(pixels.std(0)), rel=1e-6)
    flat = replace(data, images_nhw=data.images_nhw * 0)
    assert parts.spec_for(config, flat).input.std == (1e-3,) * 3


FAMILIES = {
    "lenet1": 0, "unet": 0, "plain20": 0, "alexnet": 64, "vgg11_bn": 32, "resnet18": 32, "squeezenet1_0": 48,
    "googlenet": 48, "mnasnet0_5": 32, "mobilenet_v3_small": 32, "shufflenet_v2_x0_5": 32, "regnet_y_400mf": 32,
    "efficientnet_b0": 32, "densenet121": 32, "convnext_tiny": 32, "swin_t": 32,
}  # fmt: skip


def test_every_family_is_among_those_that_take_a_step() -> None:
    assert {registry.get(name).family for name in FAMILIES} == {spec.family for spec in registry.MODELS}


@pytest.mark.parametrize("model", FAMILIES)
def test_every_family_takes_a_step(model: str) -> None:
    digits = registry.get(model).input.preparation == "digit"
    data = few_digits() if digits else photographs(4, FAMILIES[model] or 32)
    config = replace(
        SMALL if digits else PHOTO, model=model, size=FAMILIES[model], validation=len(data) - 3, batch_size=3,
        epochs=1, optimiser="sgd", learning_rate=1e-3, schedule="constant", warm_up=0.0,
    )  # fmt: skip
    run = Run(config, data)
    before = [p.detach().clone() for p in run.network.parameters()]
    events = list(run.events())
    assert math.isfinite(epochs(events)[0].train_loss)
    moved = [not torch.equal(a, b) for a, b in zip(before, run.network.parameters(), strict=True)]
    assert sum(moved) > 0.8 * len(moved)  # some biases before a normalisation have no gradient


def test_pretrained_weights_that_are_not_here_are_one_sentence() -> None:
    with pytest.raises(UserError, match=r"no weights of .* here to start from") as caught:
        made(replace(PHOTO, model="resnet18", start="pretrained"), photographs(4, 32))
    assert "cnnviz weights fetch resnet18" in caught.value.suggestion


def test_it_starts_from_weights_that_ship_and_keeps_all_but_a_new_head() -> None:
    network = made(replace(PHOTO, start="pretrained"), photographs(4, 32, 3))
    own = made(replace(PHOTO, start="pretrained", seed=5), photographs(4, 32, 10))
    assert last_of(network).weight.shape[0] == 3
    assert last_of(own).weight.shape[0] == 10
    for name, value in own.named_parameters():
        if not name.startswith("linear"):
            assert torch.equal(value, network.get_parameter(name))
