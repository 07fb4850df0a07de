"""Weights files, good and bad: each bad one gives one sentence that names it."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
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


def damaged(path: Path) -> None:
    """Open a damaged file, of which it is said what to do."""
    assert refused(path, "damaged").suggestion


def same(path: Path, expected: dict[str, Tensor]) -> None:
    loaded = checkpoints.load_model(SPEC, str(path))
    assert path.name in loaded.note
    assert not loaded.is_random
    for key, value in loaded.module.state_dict().items():
        torch.testing.assert_close(value, expected[key], rtol=0, atol=0)


def test_safetensors(tmp_path: Path) -> None:
    expected = state()
    save_file(expected, tmp_path / "mine.safetensors")
    same(tmp_path / "mine.safetensors", expected)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".th", ".ckpt"])
def test_plain_state_dict(tmp_path: Path, suffix: str) -> None:
    expected = state()
    torch.save(expected, tmp_path / f"mine{suffix}")
    same(tmp_path / f"mine{suffix}", expected)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "net", "ema", "whatever"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "net.", "backbone.", "module._orig_mod.x."])
def test_wrapped_state_dicts_with_prefixed_names(tmp_path: Path, key: str, prefix: str) -> None:
    expected = state()
    moments = {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(6)}}
    inside = {f"{prefix}{k}": v for k, v in expected.items()}
    torch.save({"epoch": 3, "optimizer": {"state": moments}, key: inside}, tmp_path / "mine.pt")
    same(tmp_path / "mine.pt", expected)
    note = checkpoints.load_model(SPEC, str(tmp_path / "mine.pt")).note
    assert f"found under '{key}'" in note
    assert not prefix or "without '" in note


def test_half_precision_is_taken(tmp_path: Path) -> None:
    half = {key: value.half() for key, value in state().items()}
    save_file(half, tmp_path / "half.safetensors")
    same(tmp_path / "half.safetensors", {key: value.float() for key, value in half.items()})


def test_a_runs_folder_gives_its_best_weights(tmp_path: Path) -> None:
    expected = state()
    save_file(expected, tmp_path / "best.safetensors")
    save_file(state(), tmp_path / "last.safetensors")
    same(tmp_path, expected)
    assert checkpoints.load_model(SPEC, str(tmp_path)).note == f"weights of {tmp_path.name}"


def test_shipped_weights_say_where_they_come_from() -> None:
    loaded = checkpoints.load_model(SPEC, None)
    assert "MNIST" in loaded.note
    assert not loaded.is_random
    assert loaded.labels is None


def test_a_network_without_shipped_weights_says_that_they_are_random() -> None:
    for spec, path in (
        (replace(SPEC, weights=None), None),
        (replace(SPEC, weights="not_there.safetensors"), None),
        (SPEC, "random"),
    ):
        loaded = checkpoints.load_model(spec, path)
        assert "random" in loaded.note
        assert loaded.is_random


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
    damaged(path)


@pytest.mark.parametrize("keep", [1, 10, 1000, -1])
def test_truncated_zip_of_torch(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.pt"
    torch.save(state(), path)
    path.write_bytes(path.read_bytes()[:keep])
    damaged(path)


@pytest.mark.parametrize("keep", [3, 30, 200, -1])
def test_truncated_file_of_old_torch(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.pth"
    torch.save({"conv1.bias": torch.zeros(6)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:keep])
    damaged(path)


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
    assert "earlier epoch" in refused(tmp_path / "nan.safetensors", "NaN").suggestion


def test_a_header_that_claims_20_gigabytes_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "huge.safetensors"
    n = 20 * 2**30
    header = json.dumps({"conv1.weight": {"dtype": "F32", "shape": [n // 4], "data_offsets": [0, n]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    damaged(path)
    path.write_bytes(struct.pack("<Q", n) + bytes(64))  # the header itself claims to be as long
    damaged(path)


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
    before = state()
    odd = dict(before) | {"fc2.weight": _odd(kind, before["fc2.weight"])}
    torch.save(odd, tmp_path / "odd.pt")
    with pytest.raises(UserError, match=r"odd\.pt.*fc2\.weight"):
        checkpoints.load_model(spec, str(tmp_path / "odd.pt"))


def test_text_and_other_files_with_the_wrong_suffix(tmp_path: Path) -> None:
    (tmp_path / "notes.pth").write_text("learning rate 0.1, then 0.01\n")
    refused(tmp_path / "notes.pth", "text file")
    (tmp_path / "pointer.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n")
    refused(tmp_path / "pointer.safetensors", "Git LFS")
    (tmp_path / "keras.pt").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    refused(tmp_path / "keras.pt", "HDF5")
    expected = state()  # the content tells, not the suffix
    save_file(expected, tmp_path / "really_safetensors.pt")
    same(tmp_path / "really_safetensors.pt", expected)


@pytest.mark.filterwarnings("ignore")  # that TorchScript is old
def test_a_torchscript_program_is_named(tmp_path: Path) -> None:
    torch.jit.trace(lenet.lenet5().eval(), torch.zeros(1, 1, 28, 28)).save(str(tmp_path / "script.pt"))
    refused(tmp_path / "script.pt", "TorchScript")


def test_tensors_beyond_the_end_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "beyond.safetensors"
    header = json.dumps({"fc3.bias": {"dtype": "F32", "shape": [10], "data_offsets": [4000, 4040]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    damaged(path)


@pytest.fixture
def as_nobody(tmp_path: Path) -> Iterator[None]:
    """Be a user who may not read everything, also where the tests run as root."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no such permissions on this system")
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_a_file_that_may_not_be_read(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "secret.safetensors"
    save_file(state(), path)
    path.chmod(0)
    request.getfixturevalue("as_nobody")
    refused(path, "cannot be read", "ermission")


@pytest.mark.parametrize("worst", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_nan_and_infinite_weights_are_named(tmp_path: Path, worst: float, dtype: torch.dtype) -> None:
    wrong = {key: value.to(dtype) for key, value in state().items()}
    wrong["conv2.weight"][3, 2, 1, 0] = worst
    torch.save(wrong, tmp_path / "nan.pt")
    refused(tmp_path / "nan.pt", "conv2.weight")


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    save_file({key: value.to(torch.int8) for key, value in state().items()}, tmp_path / "int8.safetensors")
    refused(tmp_path / "int8.safetensors", "whole numbers")


def test_bfloat16_becomes_single_precision_and_says_so(tmp_path: Path) -> None:
    half = {key: value.bfloat16() for key, value in state().items()}
    save_file(half, tmp_path / "half.safetensors")
    same(tmp_path / "half.safetensors", {key: value.float() for key, value in half.items()})
    loaded = checkpoints.load_model(SPEC, str(tmp_path / "half.safetensors"))
    assert "half precision" in loaded.note
    assert all(parameter.dtype == torch.float32 for parameter in loaded.module.parameters())


def letters(count: int = 26) -> dict[str, Tensor]:
    """LeNet-5 for another number of classes."""
    return state() | {"fc3.weight": torch.randn(count, 84), "fc3.bias": torch.randn(count)}


def test_another_class_count_is_adopted_and_said(tmp_path: Path) -> None:
    expected = letters()
    save_file(expected, tmp_path / "letters.safetensors")
    same(tmp_path / "letters.safetensors", expected)
    loaded = checkpoints.load_model(SPEC, str(tmp_path / "letters.safetensors"))
    assert "26 classes instead of 10" in loaded.note
    assert loaded.labels == tuple(f"class {n}" for n in range(26))
    logits = loaded.module.eval()(torch.zeros(1, 1, 28, 28))
    assert logits.shape == (1, 26)


def test_a_head_inside_a_sequential_is_found(tmp_path: Path) -> None:
    tensors = letters(3)
    tensors["fc3.1.weight"], tensors["fc3.1.bias"] = tensors.pop("fc3.weight"), tensors.pop("fc3.bias")
    torch.save(tensors, tmp_path / "head.pt")
    loaded = checkpoints.load_model(SPEC, str(tmp_path / "head.pt"))
    assert "'fc3.1' taken for 'fc3'" in loaded.note
    torch.testing.assert_close(loaded.module.get_parameter("fc3.weight").detach(), tensors["fc3.1.weight"])


NAMES = tuple(f"letter {chr(97 + n)}" for n in range(26))


@pytest.mark.parametrize(
    "told",
    [
        {"classes": list(NAMES)},
        {"class_names": NAMES},
        {"CLASSES": list(NAMES)},
        {"class_to_idx": {name: n for n, name in reversed(list(enumerate(NAMES)))}},
        {"idx_to_class": dict(enumerate(NAMES))},
        {"meta": {"classes": list(NAMES)}},
    ],
)
def test_class_names_of_the_checkpoint_itself(tmp_path: Path, told: dict[str, object]) -> None:
    torch.save({"state_dict": letters(), **told}, tmp_path / "named.pt")
    loaded = checkpoints.load_model(SPEC, str(tmp_path / "named.pt"))
    assert loaded.labels == NAMES
    assert "class names of its own" in loaded.note


def test_class_names_in_the_metadata_of_safetensors(tmp_path: Path) -> None:
    save_file(letters(), tmp_path / "named.safetensors", metadata={"classes": json.dumps(NAMES), "format": "pt"})
    assert checkpoints.load_model(SPEC, str(tmp_path / "named.safetensors")).labels == NAMES


@pytest.mark.parametrize("name", ["mine.txt", "classes.txt", "labels.txt"])
def test_class_names_of_a_text_file_beside_it_only_if_the_count_fits(tmp_path: Path, name: str) -> None:
    save_file(letters(), tmp_path / "mine.safetensors")
    (tmp_path / name).write_text("\ufeff" + "\n".join(NAMES) + "\n\n", encoding="utf-8")
    loaded = checkpoints.load_model(SPEC, str(tmp_path / "mine.safetensors"))
    assert loaded.labels == NAMES
    assert f"class names of {name}" in loaded.note
    (tmp_path / name).write_text("one\ntwo\n")
    assert checkpoints.load_model(SPEC, str(tmp_path / "mine.safetensors")).labels == tuple(
        f"class {n}" for n in range(26)
    )


def test_class_names_of_a_folder_of_folders_or_a_file_that_is_named(tmp_path: Path) -> None:
    save_file(letters(), tmp_path / "mine.safetensors")
    for name in (*NAMES, ".hidden"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
    loaded = checkpoints.load_model(SPEC, str(tmp_path / "mine.safetensors"), str(tmp_path / "pictures"))
    assert loaded.labels == NAMES
    wrong = tmp_path / "three.txt"
    wrong.write_text("a\nb\nc\n")
    with pytest.raises(UserError, match=r"three\.txt.*3 classes.*26"):
        checkpoints.load_model(SPEC, str(tmp_path / "mine.safetensors"), str(wrong))
    wrong.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="no text file"):
        checkpoints.load_model(SPEC, None, str(wrong))
    wrong.write_text("\n")
    with pytest.raises(UserError, match="without a line"):
        checkpoints.load_model(SPEC, None, str(wrong))
    with pytest.raises(UserError, match="cannot be read"):
        checkpoints.load_model(SPEC, None, str(tmp_path / "nowhere.txt"))


def test_old_files_without_counters_of_batch_normalisation(tmp_path: Path) -> None:
    spec = registry.get("resnet20")
    expected = {k: v for k, v in checkpoints.build(spec).state_dict().items() if "num_batches" not in k}
    torch.save(expected, tmp_path / "old.pt")
    loaded = checkpoints.load_model(spec, str(tmp_path / "old.pt"))
    for key, value in loaded.module.state_dict().items():
        assert torch.equal(value, expected.get(key, torch.tensor(0)))


def test_the_weights_are_in_memory_once(tmp_path: Path) -> None:
    """What is loaded is what was read, no copy: the network's tensors are those of the file."""
    from cnnviz.models import weight_files

    save_file(state(), tmp_path / "mine.safetensors")
    read = weight_files.read(tmp_path / "mine.safetensors")
    loaded = checkpoints._fit(SPEC, read, ())
    for key, value in loaded.module.state_dict().items():
        assert value.data_ptr() == read.tensors[key].data_ptr()
        assert not value.is_shared()  # nor a file that is mapped, which ends the program when its disk goes


def test_the_packed_weights_and_the_computed_tables_of_a_network_are_there(tmp_path: Path) -> None:
    spec = registry.get("lenet5_original")
    fresh = checkpoints.build(spec).eval()
    save_file(fresh.state_dict(), tmp_path / "original.safetensors")
    loaded = checkpoints.load_model(spec, str(tmp_path / "original.safetensors"))
    digit = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(loaded.module.eval()(digit), fresh(digit))


def test_a_network_of_another_architecture_says_which_one_it_is(tmp_path: Path) -> None:
    torch.save(checkpoints.build(registry.get("resnet32")).state_dict(), tmp_path / "deeper.pth")
    with pytest.raises(UserError) as caught:
        checkpoints.load_model(registry.get("resnet20"), str(tmp_path / "deeper.pth"))
    assert "these look like the weights of ResNet-32" in caught.value.sentence
    assert "layer1.3.conv1.weight is not in resnet20" in caught.value.sentence


def test_a_small_file_that_claims_20_gigabytes_of_classes(tmp_path: Path) -> None:
    """Torch stores what is repeated once: such a tensor is a few bytes until somebody copies it."""
    huge = state() | {
        "fc3.weight": torch.zeros(1, 1).expand(60_000_000, 84),
        "fc3.bias": torch.zeros(1).expand(60_000_000),
    }
    torch.save(huge, tmp_path / "huge.pt")
    assert (tmp_path / "huge.pt").stat().st_size < 2**20
    refused(tmp_path / "huge.pt", "fc3.weight is (60000000, 84), not (10, 84)")


def test_published_weights_in_torchs_cache_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnviz.models import published

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    spec = registry.get("squeezenet1_0")
    assert checkpoints.load_model(spec, None).is_random
    found = published.of(spec)
    assert found is not None
    expected = {key: value + 1 for key, value in checkpoints.build(spec).state_dict().items()}
    published.folder().mkdir(parents=True)
    torch.save(expected, published.folder() / found.file_name)
    loaded = checkpoints.load_model(spec, None)
    assert not loaded.is_random
    assert "published" in loaded.note
    assert all(torch.equal(value, expected[key]) for key, value in loaded.module.state_dict().items())
    assert checkpoints.load_model(spec, "random").is_random
    broken = bytearray((published.folder() / found.file_name).read_bytes())
    broken[:4] = b"gone"
    (published.folder() / found.file_name).write_bytes(broken)
    with pytest.raises(UserError) as caught:
        checkpoints.load_model(spec, None)
    assert "weights fetch --check squeezenet1_0" in caught.value.suggestion


def test_of_two_that_fit_as_well_the_first_of_the_file_is_taken() -> None:
    from cnnviz.models import guessing
    from cnnviz.models.matching import match

    spec = registry.get("lenet1")
    layout = guessing.layout(spec)
    for first, second in (("encoder_q.", "encoder_k."), ("encoder_k.", "encoder_q.")):
        given = {f"{prefix}{key}": shape for prefix in (first, second) for key, shape in layout.shapes.items()}
        found = match(given, layout, spec.title)
        assert found.fits
        assert set(found.source.values()) == {f"{first}{key}" for key in layout.shapes}


def test_an_archive_that_claims_far_more_than_it_holds_is_not_opened(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"\0" * 20_000_000)
    with pytest.raises(UserError, match="far more than the file"):
        checkpoints.load_model(registry.get("lenet5"), str(path))


def test_values_too_deep_inside_one_another_are_a_sentence(tmp_path: Path) -> None:
    import zipfile

    deep = b"\x80\x02}" + b")" + b"\x85" * 5000 + b"K\x01s."  # a dictionary whose key is a tuple in a tuple in ...
    path = tmp_path / "deep.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {"data.pkl": deep, "version": b"3\n", "byteorder": b"little"}.items():
            archive.writestr(f"deep/{name}", content)
    assert "state_dict" in refused(path, "too deep inside one another").suggestion
    inner: dict[str, object] = {}
    for _ in range(300):
        inner = {"state_dict": inner, "meta": inner}
    torch.save(inner, path)
    refused(path, "deep.pt")


def test_the_same_dictionary_in_a_million_places_is_counted_once(tmp_path: Path) -> None:
    inner: dict[str, object] = dict(state())
    for _ in range(4):
        inner = {f"part{n}": inner for n in range(200)}
    torch.save(inner, tmp_path / "laughs.pt")
    assert "found under 'part0/part0/part0/part0'" in checkpoints.load_model(SPEC, str(tmp_path / "laughs.pt")).note


def test_weights_as_arrays_of_numpy_and_beside_its_numbers(tmp_path: Path) -> None:
    expected = state()
    arrays = {key: value.numpy() for key, value in expected.items()}
    arrays["conv1.weight"] = arrays["conv1.weight"].astype(">f4")  # of a machine with the other order of bytes
    arrays["fc2.weight"] = np.asfortranarray(arrays["fc2.weight"])
    torch.save(arrays | {"names": np.array(["a", "b"])}, tmp_path / "arrays.pt")
    same(tmp_path / "arrays.pt", expected)
    settings = argparse.Namespace(out=Path("runs"), seed=np.int64(3))
    torch.save({"state_dict": expected, "accuracy": np.float64(0.9), "args": settings}, tmp_path / "settings.pt")
    same(tmp_path / "settings.pt", expected)
    torch.save(expected | {"odd": np.array([None, 1], object)}, tmp_path / "objects.pt")
    refused(tmp_path / "objects.pt", "not opened")


@pytest.mark.parametrize("wrap", [lambda s: (s, {"epoch": 3}), lambda s: [3, {"state_dict": s}]])
def test_weights_in_a_tuple_or_a_list(tmp_path: Path, wrap: Callable[[dict[str, Tensor]], object]) -> None:
    expected = state()
    torch.save(wrap(expected), tmp_path / "pair.pt")
    same(tmp_path / "pair.pt", expected)


def test_averaged_models_of_torch(tmp_path: Path) -> None:
    expected = state()
    averaged = torch.optim.swa_utils.AveragedModel(lenet.lenet5())
    averaged.module.load_state_dict(expected)
    torch.save(averaged.state_dict(), tmp_path / "averaged.pt")
    same(tmp_path / "averaged.pt", expected)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_8_bit_precision_is_taken_and_said(tmp_path: Path, dtype: torch.dtype) -> None:
    small = {key: value.to(dtype) for key, value in state().items()}
    expected = {key: value.float() for key, value in small.items()}
    save_file(small, tmp_path / "small.safetensors")
    torch.save(small, tmp_path / "small.pt")
    for path in (tmp_path / "small.safetensors", tmp_path / "small.pt"):
        same(path, expected)
        assert "8-bit precision" in checkpoints.load_model(SPEC, str(path)).note


def test_a_whole_module_says_what_it_is_and_what_to_save(tmp_path: Path) -> None:
    network = checkpoints.build(registry.get("resnet18"))
    for content in (network, {"model": network, "epoch": 3}):
        torch.save(content, tmp_path / "whole.pt")
        error = refused(tmp_path / "whole.pt", "torchvision.models.resnet.ResNet", "run code", "not opened")
        assert "state_dict" in error.suggestion


@pytest.mark.parametrize(
    "odd",
    [{"mean": [float("nan")]}, {"std": [0.0]}, {"std": [10**400]}, {"std": [-1]}, {"height": 1e999}, {"width": 0}],
)
def test_what_a_damaged_run_says_of_its_pictures_is_not_used(tmp_path: Path, odd: dict[str, object]) -> None:
    own = {"mean": [0.5], "std": [0.25], "height": 28, "width": 28, "preparation": "digit"}
    about = {"model": SPEC.name, "classes": list(SPEC.labels), **own}
    path = tmp_path / "run.safetensors"
    for note, expected in ((about, (0.5,)), ({**about, **odd}, SPEC.input.mean)):
        path.write_bytes(save(state(), metadata={"cnnviz": json.dumps(note)}))
        assert checkpoints.load_guessed(str(path))[0].input.mean == expected
