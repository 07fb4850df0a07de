"""Weights files, good and bad: each bad one gives one sentence that names it."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save, save_file
from torch import Tensor

from cnnviz.core.errors import UserError
from cnnviz.models import checkpoints, lenet, registry

SPEC = registry.get("lenet5")


def state() -> dict[str, Tensor]:
    return lenet.lenet5().state_dict()


def refused(path: Path, *words: str) -> UserError:
    """Open the file, which must be refused by one sentence holding `words`."""
    with pytest.raises(UserError) as caught:
        checkpoints.load_model(SPEC, str(path))
    sentence = caught.value.sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    for word in (path.name, *words):
        assert word in sentence
    return caught.value


def same(path: Path, expected: dict[str, Tensor]) -> None:
    network, note = checkpoints.load_model(SPEC, str(path))
    assert note
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, expected[key], rtol=0, atol=0)


def test_safetensors(tmp_path: Path) -> None:
    expected = state()
    save_file(expected, tmp_path / "mine.safetensors")
    same(tmp_path / "mine.safetensors", expected)


@pytest.mark.parametrize("suffix", checkpoints.PICKLES)
def test_plain_state_dict(tmp_path: Path, suffix: str) -> None:
    expected = state()
    torch.save(expected, tmp_path / f"mine{suffix}")
    same(tmp_path / f"mine{suffix}", expected)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_wrapped_state_dict_of_a_parallel_model(tmp_path: Path, key: str) -> None:
    expected = state()
    torch.save({key: {f"module.{k}": v for k, v in expected.items()}, "epoch": 3}, tmp_path / "mine.pt")
    same(tmp_path / "mine.pt", expected)


def test_half_precision_is_taken(tmp_path: Path) -> None:
    half = {key: value.half() for key, value in state().items()}
    save_file(half, tmp_path / "half.safetensors")
    same(tmp_path / "half.safetensors", {key: value.float() for key, value in half.items()})


def test_a_runs_folder_gives_its_best_weights(tmp_path: Path) -> None:
    expected = state()
    save_file(expected, tmp_path / "best.safetensors")
    save_file(state(), tmp_path / "last.safetensors")
    same(tmp_path, expected)
    assert checkpoints.load_model(SPEC, str(tmp_path))[1] == f"weights of {tmp_path.name}"


def test_shipped_weights_say_where_they_come_from() -> None:
    _, note = checkpoints.load_model(SPEC, None)
    assert "MNIST" in note


def test_a_network_without_shipped_weights_says_that_they_are_random() -> None:
    from dataclasses import replace

    _, note = checkpoints.load_model(replace(SPEC, weights=None), None)
    assert "random" in note


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.safetensors", "no weights file")


def test_folder_without_weights(tmp_path: Path) -> None:
    refused(tmp_path, "folder")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_zero_bytes(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"none{suffix}").touch()
    refused(tmp_path / f"none{suffix}", "empty")


@pytest.mark.parametrize("keep", [1, 7, 8, 9, 100, -1])
def test_truncated_safetensors(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(save(state())[:keep])
    refused(path, "damaged")


@pytest.mark.parametrize("keep", [1, 10, 1000, -1])
def test_truncated_zip_of_torch(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.pt"
    torch.save(state(), path)
    path.write_bytes(path.read_bytes()[:keep])
    refused(path, "damaged")


@pytest.mark.parametrize("keep", [3, 30, 200, -1])
def test_truncated_file_of_old_torch(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.pth"
    torch.save({"conv1.bias": torch.zeros(6)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:keep])
    refused(path, "damaged")


@pytest.mark.parametrize("legacy", [False, True])
def test_every_kind_of_flipped_byte_in_a_pickle_is_a_sentence(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "flipped.pt"
    torch.save({"conv1.bias": torch.zeros(6)}, path, _use_new_zipfile_serialization=not legacy)
    good = path.read_bytes()
    for place in range(0, len(good), 3):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        with pytest.raises(UserError):  # at best it is another network's
            checkpoints.load_model(SPEC, str(path))


def test_a_pickle_that_would_run_code_does_not_run_it(tmp_path: Path) -> None:
    mark = tmp_path / "it ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(mark),)

    plain, zipped = tmp_path / "evil.pkl.pt", tmp_path / "evil.pth"
    plain.write_bytes(pickle.dumps({"conv1.weight": Evil()}))
    torch.save({"conv1.weight": Evil()}, zipped)
    for path in (plain, zipped):
        refused(path, "run code", "not opened")
        assert not mark.exists()
    pickle.loads(plain.read_bytes())
    assert mark.exists()  # the file really was dangerous


def test_not_even_an_environment_variable_makes_it_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    mark = tmp_path / "it ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(mark),)

    torch.save({"conv1.weight": Evil()}, tmp_path / "evil.pt")
    refused(tmp_path / "evil.pt")
    assert not mark.exists()


def test_a_pickle_of_something_else(tmp_path: Path) -> None:
    torch.save([1, 2, 3], tmp_path / "list.pt")
    refused(tmp_path / "list.pt", "list")
    torch.save({"epoch": 3}, tmp_path / "epoch.pt")
    refused(tmp_path / "epoch.pt", "no weights")


def test_another_network_names_the_first_differences(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file(lenet.lenet5_original().state_dict(), path)
    error = refused(path, "another network", "LeNet-5", "conv1.weight is missing", "more")
    assert "c1.weight is not in lenet5" in error.details
    wrong = state()
    wrong["conv1.weight"] = torch.zeros(6, 3, 5, 5)
    save_file(wrong, path)
    refused(path, "conv1.weight is (6, 3, 5, 5), not (6, 1, 5, 5)")


def test_weights_that_are_not_numbers(tmp_path: Path) -> None:
    wrong = state()
    wrong["fc3.bias"][0] = float("nan")
    save_file(wrong, tmp_path / "nan.safetensors")
    refused(tmp_path / "nan.safetensors", "NaN")


def test_a_header_that_claims_20_gigabytes_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "huge.safetensors"
    n = 20 * 2**30
    header = json.dumps({"conv1.weight": {"dtype": "F32", "shape": [n // 4], "data_offsets": [0, n]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    refused(path, "damaged")
    path.write_bytes(struct.pack("<Q", n) + bytes(64))  # the header itself claims to be as long
    refused(path, "damaged")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=300), suffix=st.sampled_from([".safetensors", ".pt", ".bin"]))
def test_random_bytes(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(data)
    with pytest.raises(UserError):
        checkpoints.load_model(SPEC, str(path))


def _odd(kind: str, plain: Tensor) -> Tensor:
    if kind == "sparse":
        return plain.to_sparse()
    if kind == "quantised":
        return torch.quantize_per_tensor(plain, 0.1, 0, torch.qint8)
    return plain.to("meta") if kind == "meta" else plain.to(torch.complex64)


@pytest.mark.filterwarnings("ignore")  # torch's own, about making such tensors
@pytest.mark.parametrize("kind", ["sparse", "quantised", "meta", "complex"])
def test_weights_that_are_no_plain_numbers_are_one_sentence(tmp_path: Path, kind: str) -> None:
    spec = registry.get("lenet5")
    network = checkpoints.build(spec)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    odd = dict(before) | {"fc2.weight": _odd(kind, before["fc2.weight"])}
    torch.save(odd, tmp_path / "odd.pt")
    with pytest.raises(UserError, match=r"odd\.pt"):
        checkpoints.fit(network, checkpoints.read_state_dict(tmp_path / "odd.pt"), spec, "odd.pt")
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
