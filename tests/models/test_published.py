"""What torchvision publishes, and how it gets into torch's cache."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torchvision.models as zoo

from cnnviz.core import download as downloading
from cnnviz.core.errors import Cancelled, UserError
from cnnviz.models import published, registry
from cnnviz.models.registry import MODELS, ModelSpec
from tests.weights_server import WeightsServer, serving

TORCHVISION = [spec for spec in MODELS if spec.is_torchvision]
RESNET = registry.get("resnet18")
DATA = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of torch's that is empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(downloading, "PAUSES_S", (0.0,))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", published.MIRROR):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server() -> Iterator[WeightsServer]:
    with serving() as running:
        yield running


@pytest.mark.parametrize("spec", TORCHVISION, ids=lambda spec: spec.name)
def test_every_network_of_torchvision_has_published_weights(spec: ModelSpec) -> None:
    found = published.of(spec)
    assert found is not None
    offered = zoo.get_model_weights(spec.name)
    weights = offered[found.name]
    assert found.name == ("IMAGENET1K_V1" if "IMAGENET1K_V1" in offered.__members__ else next(iter(offered)).name)
    assert found.url == weights.url
    assert found.url.endswith(f"/{found.file_name}")
    assert f"-{found.sha256_prefix}.pth" in found.file_name
    assert len(found.sha256_prefix) >= 8
    assert found.size == pytest.approx(weights.meta["_file_size"] * 2**20, abs=1)
    assert found.parameters == weights.meta["num_params"]
    bytes_each = found.size / found.parameters  # the wide ones in half precision; GoogLeNet with its auxiliary heads
    usual = {"wide_resnet50_2": 2, "wide_resnet101_2": 2, "googlenet": 7.9}.get(spec.name, 4)
    assert bytes_each == pytest.approx(usual, rel=0.02)
    assert 40 < found.accuracies["ImageNet-1K"]["acc@1"] < found.accuracies["ImageNet-1K"]["acc@5"] < 100
    assert found.giga_macs > 0
    assert found.recipe.startswith("https://github.com/")


def test_the_numbers_that_textbooks_quote() -> None:
    vgg, resnet = published.of(registry.get("vgg19")), published.of(registry.get("resnet50"))
    assert vgg is not None
    assert resnet is not None
    assert (vgg.parameters, resnet.parameters) == (143_667_240, 25_557_032)
    assert vgg.accuracies["ImageNet-1K"]["acc@1"] == 72.376
    assert resnet.accuracies["ImageNet-1K"]["acc@1"] == 76.130
    assert (vgg.giga_macs, resnet.giga_macs) == (19.632, 4.089)


def test_the_preparation_is_that_of_the_chosen_weights() -> None:
    for spec in TORCHVISION:
        found = published.of(spec)
        assert found is not None
        preset = zoo.get_model_weights(spec.name)[found.name].transforms()
        assert (spec.input.height, spec.input.resize) == (preset.crop_size[0], preset.resize_size[0]), spec.name


def test_a_network_that_is_not_torchvisions_has_none_and_asks_no_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cnnviz.models.torchvision_zoo", None)  # importing it is an error
    spec = registry.get("plain20")
    assert published.of(spec) is None
    assert published.cached_path(spec) is None
    assert published.kept_bytes(spec) == 0
    assert not published.is_right(spec)
    with pytest.raises(UserError, match="Nobody publishes weights for Plain-20"):
        published.fetch(spec)


def test_a_network_whose_hash_is_not_in_its_name_is_a_fault_of_the_program() -> None:
    entry = published.Published("V1", "http://x/y.pth", "y.pth", 1, 1, {}, 1.0, "")
    with pytest.raises(ValueError, match="hash"):
        _ = entry.sha256_prefix


def test_the_cache_is_torchs_own(cache: Path) -> None:
    assert published.folder() == cache == Path(torch.hub.get_dir()) / "checkpoints"


def test_weights_are_fetched_into_the_cache_once(
    server: WeightsServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = server.publish(monkeypatch, "resnet18", DATA)
    assert published.cached_path(RESNET) is None
    seen: list[tuple[int, int | None, float]] = []
    assert published.fetch(RESNET, lambda *now: seen.append(now)) == cache / name
    assert seen[-1][:2] == (len(DATA), len(DATA))
    assert published.cached_path(RESNET) == cache / name
    assert published.is_right(RESNET)
    assert (cache / name).read_bytes() == DATA
    assert published.cached_path(registry.get("resnet34")) is None


def test_an_unfinished_file_is_none_and_a_damaged_one_is_noticed(
    server: WeightsServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = server.publish(monkeypatch, "resnet18", DATA)
    cache.mkdir(parents=True)
    (cache / name).write_bytes(DATA[:-20_000])
    assert published.cached_path(RESNET) is None
    (cache / name).write_bytes(bytes(len(DATA)))
    assert published.cached_path(RESNET) == cache / name
    assert not published.is_right(RESNET)
    published.fetch(RESNET)
    assert published.is_right(RESNET)


def test_a_cancelled_fetch_goes_on_later(server: WeightsServer, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.publish(monkeypatch, "resnet18", DATA)
    server.stall_after = 500_000
    with pytest.raises(Cancelled):
        published.fetch(RESNET, stopped=lambda: published.kept_bytes(RESNET) == 500_000)
    assert published.cached_path(RESNET) is None
    server.stall_after = None
    published.fetch(RESNET)
    assert server.asked == [None, "bytes=500000-"]
    assert published.is_right(RESNET)
    assert published.kept_bytes(RESNET) == 0


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_schools_own_server_takes_the_place_of_the_published_address(
    by: str, server: WeightsServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = server.publish(monkeypatch, "resnet18", DATA)
    with serving() as own:
        own.files[name] = DATA
        if by == "environment":
            monkeypatch.setenv(published.MIRROR, f"{own.url}/")
            published.fetch(RESNET)
        else:
            monkeypatch.setenv(published.MIRROR, "http://127.0.0.1:1/nobody")
            published.fetch(RESNET, mirror=own.url)
        assert own.asked == [None]
        own.files[name] = hashlib.sha256(DATA).digest() * (len(DATA) // 32)
        (cache / name).unlink()
        with pytest.raises(UserError, match="wrong contents"):
            published.fetch(RESNET, mirror=own.url)
    assert server.asked == []
