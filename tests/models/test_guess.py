"""Which network a file's weights are for; every registered network is told apart by names and shapes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cnnviz.core.errors import UserError
from cnnviz.core.inspection import ModelRequest
from cnnviz.models import checkpoints, guessing, registry
from cnnviz.models.engine import Engine
from cnnviz.models.guessing import guess

WEIGHTS = Path(__file__).parents[3] / "shared" / "data" / "weights"


def weightless(name: str) -> dict[str, Tensor]:
    """Return tensors with a network's names and shapes."""
    return {key: torch.empty(shape, device="meta") for key, shape in guessing.layout(registry.get(name)).shapes.items()}


def test_every_network_is_told_by_its_own_names_and_shapes() -> None:
    for spec in registry.MODELS:
        found = guess({f"module.{key}": tensor for key, tensor in weightless(spec.name).items()})
        twin = spec.name.replace("plain", "resnet")  # a plain network has the names of its residual twin
        assert found[0].spec.name == twin
        assert found[0].match.fits
        assert {item.spec.name for item in found if item.match.fits} <= {twin, twin.replace("resnet", "plain")}
        assert found[0].why == "all names and shapes are its own"


def test_a_network_with_the_same_names_can_be_preferred() -> None:
    assert guess(weightless("plain32"), ("plain32",))[0].spec.name == "plain32"
    assert guess(weightless("plain32"), ("vgg16",))[0].spec.name == "resnet32"


def test_the_likeliest_comes_first_where_none_fits() -> None:
    tensors = weightless("resnet34")
    del tensors["layer4.2.bn2.weight"]
    found = guess(tensors)
    assert found[0].spec.name == "resnet34"
    assert not found[0].match.fits
    assert found[0].match.share > 0.99
    assert "layer4.2.bn2.weight is missing" in found[0].why


@pytest.mark.parametrize("name", ["vgg11_bn", "resnet18", "densenet121", "inception_v3", "squeezenet1_1", "swin_t"])
def test_another_class_count_is_no_other_network(name: str) -> None:
    layout = guessing.layout(registry.get(name))
    tensors = weightless(name)
    for head in layout.heads:
        for key in (f"{head}.weight", f"{head}.bias"):
            tensors[key] = torch.empty(7, *tensors[key].shape[1:], device="meta")
    best = guess(tensors)[0]
    assert (best.spec.name, best.match.fits, best.match.classes) == (name, True, 7)


def test_heads_are_the_layers_with_a_row_for_each_class() -> None:
    for spec in registry.MODELS:
        layout = guessing.layout(spec)
        known = 1000 if spec.labels == "imagenet" else len(spec.labels)
        if spec.name != "lenet5_original" and known:
            assert layout.classes == known, spec.name


def test_a_layout_is_that_of_the_network_that_is_built() -> None:
    for name in ("lenet5_original", "vgg_small", "swin_t", "regnet_y_400mf", "mnasnet0_5", "efficientnet_b0"):
        spec = registry.get(name)
        built = checkpoints.build(spec).state_dict()
        assert guessing.layout(spec).shapes == {key: tuple(value.shape) for key, value in built.items()}


@pytest.mark.parametrize("name", ["swin_v2_t", "regnet_y_400mf", "mnasnet0_5", "mobilenet_v3_small"])
def test_a_network_filled_from_a_file_computes_what_the_built_one_does(name: str, tmp_path: Path) -> None:
    spec = registry.get(name)
    built = checkpoints.build(spec).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
    torch.save(built.state_dict(), tmp_path / "mine.pth")
    found, loaded = checkpoints.load_guessed(str(tmp_path / "mine.pth"))
    assert found is spec
    picture = torch.rand(1, 3, spec.input.height, spec.input.width)
    with torch.no_grad():
        torch.testing.assert_close(loaded.module.eval()(picture), built(picture))


def test_auxiliary_heads_that_the_network_has_not_are_left_out_and_said(tmp_path: Path) -> None:
    spec = registry.get("googlenet")
    state = checkpoints.build(spec).state_dict()
    published = state | {"aux1.conv.conv.weight": torch.zeros(128, 512, 1, 1), "aux2.fc2.bias": torch.zeros(1000)}
    torch.save(published, tmp_path / "googlenet.pth")
    found, loaded = checkpoints.load_guessed(str(tmp_path / "googlenet.pth"))
    assert found is spec
    assert "2 tensors of auxiliary heads" in loaded.note
    assert torch.equal(loaded.module.get_parameter("fc.weight"), state["fc.weight"])


def test_auxiliary_heads_that_the_file_has_not_are_taken_away(tmp_path: Path) -> None:
    spec = registry.get("inception_v3")
    state = {k: v for k, v in checkpoints.build(spec).state_dict().items() if not k.startswith("AuxLogits")}
    state |= {"fc.weight": torch.zeros(5, 2048), "fc.bias": torch.arange(5.0)}
    torch.save(state, tmp_path / "mine.pth")
    _, loaded = checkpoints.load_guessed(str(tmp_path / "mine.pth"))
    with torch.no_grad():
        assert torch.equal(loaded.module.eval()(torch.rand(1, 3, 299, 299))[0], torch.arange(5.0))


@pytest.mark.parametrize(
    ("name", "today", "former"),
    [
        ("densenet121", "denselayer1.norm2.", "denselayer1.norm.2."),
        ("densenet121", "denselayer3.conv1.", "denselayer3.conv.1."),
        ("vit_b_32", ".mlp.0.", ".mlp.linear_1."),
        ("vit_b_32", ".mlp.3.", ".mlp.linear_2."),
    ],
)
def test_names_that_torchvision_had_before_are_known(name: str, today: str, former: str) -> None:
    tensors = {key.replace(today, former): tensor for key, tensor in weightless(name).items()}
    assert former in " ".join(tensors)
    best = guess(tensors)[0]
    assert best.spec.name == name
    assert best.match.fits


def test_more_than_the_network_in_one_file(tmp_path: Path) -> None:
    state = checkpoints.build(registry.get("lenet5")).state_dict()
    both = {f"model.{k}": v for k, v in state.items()} | {"criterion.weight": torch.ones(10)}
    save_file(both, tmp_path / "lightning.safetensors")
    spec, loaded = checkpoints.load_guessed(str(tmp_path / "lightning.safetensors"))
    assert spec.name == "lenet5"
    assert "without 'model.' before the names" in loaded.note
    assert "1 tensor that belong" not in loaded.note
    assert "1 tensor of something else left out" in loaded.note


def test_a_run_of_cnnviz_says_itself_which_network_it_trained(tmp_path: Path) -> None:
    state = checkpoints.build(registry.get("plain20")).state_dict()
    save_file(state, tmp_path / "best.safetensors", metadata={"cnnviz": '{"model": "plain20"}'})
    spec, loaded = checkpoints.load_guessed(str(tmp_path))
    assert spec.name == "plain20"
    assert "Plain-20, as the file says" in loaded.note
    save_file(state, tmp_path / "other.safetensors")
    _, loaded = checkpoints.load_guessed(str(tmp_path / "other.safetensors"))
    assert "ResNet-20 or Plain-20, told by names and shapes" in loaded.note
    torch.save({"arch": "plain20", "state_dict": state}, tmp_path / "a.pt")
    assert checkpoints.load_guessed(str(tmp_path / "a.pt"), prefer="resnet20")[0].name == "plain20"


def test_weights_of_no_known_network_are_one_sentence_with_the_nearest(tmp_path: Path) -> None:
    tensors = checkpoints.build(registry.get("lenet5")).state_dict()
    tensors["conv2.weight"] = torch.zeros(16, 6, 3, 3)
    torch.save(tensors, tmp_path / "odd.pt")
    with pytest.raises(UserError) as caught:
        checkpoints.load_guessed(str(tmp_path / "odd.pt"))
    assert "the nearest is LeNet-5: conv2.weight is (16, 6, 3, 3), not (16, 6, 5, 5)." in caught.value.sentence
    torch.save({"a": torch.zeros(3)}, tmp_path / "nothing.pt")
    with pytest.raises(UserError, match=r"nothing\.pt.*no network that is known") as caught:
        checkpoints.load_guessed(str(tmp_path / "nothing.pt"))
    assert "nearest" not in caught.value.sentence


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="somebody else's checkpoints are not here")
@pytest.mark.parametrize(("pattern", "name"), [("resnet20-*.th", "resnet20"), ("resnet56-*.th", "resnet56")])
def test_checkpoints_of_other_people(pattern: str, name: str) -> None:
    path = str(next(WEIGHTS.glob(pattern)))
    engine = Engine(ModelRequest(registry.name_of_file(path), path))
    assert registry.get(engine.loaded.request.name).name == name
    for words in ("told by names and shapes", "found under 'state_dict'", "without 'module.'"):
        assert words in engine.loaded.weights_note
    direct = Engine(ModelRequest(name, path))
    assert all((engine.loaded.weights[key] == value).all() for key, value in direct.loaded.weights.items())


def test_a_network_that_answers_with_a_picture_has_no_classes(tmp_path: Path) -> None:
    for spec in registry.MODELS:
        if spec.labels == ():
            save_file(checkpoints.build(spec).state_dict(), tmp_path / f"{spec.name}.safetensors")
            found, loaded = checkpoints.load_guessed(str(tmp_path / f"{spec.name}.safetensors"))
            assert found is spec
            assert not loaded.labels
