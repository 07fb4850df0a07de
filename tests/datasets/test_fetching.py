"""Data sets on their way here: whole, broken off, wrong, cancelled, not there."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from cnnviz import cli
from cnnviz.core import download as downloading
from cnnviz.core.errors import Cancelled, UserError
from cnnviz.datasets import fetching, registry
from cnnviz.datasets.fetching import Remote
from tests.weights_server import WeightsServer, serving

MNIST, CIFAR = registry.get("mnist"), registry.get("cifar10")
BATCHES = ("data_batch_1", "test_batch", "batches.meta")


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def idx(array: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.tobytes(), mtime=0)


def digits() -> dict[str, bytes]:
    """Return four files as MNIST has them; the pictures of the first do not compress."""
    random = np.random.default_rng(0)
    files = {}
    for stem, count in (("train", 400), ("t10k", 20)):
        files[f"{stem}-images-idx3-ubyte.gz"] = idx(random.integers(0, 256, (count, 28, 28), np.uint8))
        files[f"{stem}-labels-idx1-ubyte.gz"] = idx(np.arange(count).astype(np.uint8) % 10)
    return files


def archive(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return out.getvalue()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for data sets that is empty."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(downloading, "PAUSES_S", (0.0,))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", fetching.MIRROR):
        monkeypatch.delenv(name, raising=False)
    return MNIST.downloaded().parent


@pytest.fixture
def server() -> Iterator[WeightsServer]:
    with serving() as running:
        yield running


@pytest.fixture
def published(server: WeightsServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Remote, ...]]:
    """Let MNIST and CIFAR-10 be small files of the server's."""
    server.files |= digits()
    batches = {name: bytes([i]) * 1000 for i, name in enumerate(BATCHES)}
    server.files["cifar.tar.gz"] = archive({f"cifar-10-batches-py/{name}": data for name, data in batches.items()})
    address = (f"{server.url}/",)
    found = {
        "mnist": tuple(Remote(name, md5(data), address) for name, data in digits().items()),
        "cifar10": (
            Remote(
                "cifar.tar.gz", md5(server.files["cifar.tar.gz"]), address, "cifar-10-batches-py",
                tuple((name, md5(data)) for name, data in batches.items()),
            ),
        ),
    }  # fmt: skip
    monkeypatch.setattr(fetching, "published", found.__getitem__)
    sizes = {"mnist": sum(map(len, digits().values())), "cifar10": 1000}
    monkeypatch.setattr(fetching, "SIZES", {**fetching.SIZES, **sizes})
    return found


def put_archive(
    server: WeightsServer, published: dict[str, tuple[Remote, ...]], data: bytes, inside: tuple[tuple[str, str], ...]
) -> None:
    server.files["cifar.tar.gz"] = data
    address = published["cifar10"][0].addresses
    published["cifar10"] = (Remote("cifar.tar.gz", md5(data), address, "cifar-10-batches-py", inside),)


def test_torchvision_states_all_files_and_their_hashes() -> None:
    names = [remote.name for remote in fetching.published("fashion_mnist")]
    assert names == list(digits())
    for name in ("mnist", "fashion_mnist", "cifar10"):
        for remote in fetching.published(name):
            assert len(remote.md5) == 32
            assert all(address.startswith("http") and address.endswith("/") for address in remote.addresses)
    (cifar,) = fetching.published("cifar10")
    assert cifar.addresses[0] + cifar.name == "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    assert len(cifar.inside) == 7
    assert set(fetching.SIZES) == {spec.name for spec in registry.DATASETS if spec.can_download}


def test_a_data_set_comes_whole_and_is_found_without_a_folder(published: object, server: WeightsServer) -> None:
    seen: list[tuple[int, int | None]] = []
    assert not fetching.is_here(MNIST)
    with pytest.raises(UserError, match="cnnviz data fetch mnist"):
        MNIST.load(None, "train")
    path = fetching.fetch(MNIST, lambda done, total, rate: seen.append((done, total)))
    total = sum(map(len, digits().values()))
    assert path == MNIST.downloaded()
    assert sorted(p.name for p in path.iterdir()) == sorted(digits())
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert all(all_of == total for _, all_of in seen)
    assert fetching.is_here(MNIST)
    assert not fetching.staging(MNIST).exists()
    assert len(MNIST.load(None, "train")) == 400
    assert len(MNIST.load(None, "test")) == 20
    asked = len(server.asked)
    fetching.fetch(MNIST)
    assert len(server.asked) == asked  # it is not fetched twice


def test_an_archive_is_unpacked_and_thrown_away(published: object) -> None:
    path = fetching.fetch(CIFAR)
    assert [p.name for p in path.iterdir()] == ["cifar-10-batches-py"]
    assert sorted(p.name for p in (path / "cifar-10-batches-py").iterdir()) == sorted(BATCHES)
    assert (path / "cifar-10-batches-py" / "test_batch").read_bytes() == bytes([1]) * 1000


def test_an_archive_writes_nothing_but_what_was_asked_for(
    published: dict[str, tuple[Remote, ...]], server: WeightsServer, home: Path
) -> None:
    good = b"right"
    data = archive(
        {
            "../outside": b"x", "/tmp/cnnviz-outside": b"x", "cifar-10-batches-py/../../outside": b"x",
            "cifar-10-batches-py/extra": b"x", "cifar-10-batches-py/data_batch_1": good,
        },
        {"cifar-10-batches-py/link": "/etc"},
    )  # fmt: skip
    put_archive(server, published, data, (("data_batch_1", md5(good)),))
    path = fetching.fetch(CIFAR)
    assert [p.relative_to(home).as_posix() for p in sorted(home.rglob("*"))] == [
        "cifar10", "cifar10/cifar-10-batches-py", "cifar10/cifar-10-batches-py/data_batch_1",
    ]  # fmt: skip
    assert (path / "cifar-10-batches-py" / "data_batch_1").read_bytes() == good


@pytest.mark.parametrize("fault", ["missing", "other bytes", "a link", "cut off", "no archive"])
def test_an_archive_without_what_it_should_hold_is_thrown_away(
    fault: str, published: dict[str, tuple[Remote, ...]], server: WeightsServer
) -> None:
    name = "cifar-10-batches-py/data_batch_1"
    data = {
        "missing": archive({"cifar-10-batches-py/other": b"x"}),
        "other bytes": archive({name: b"wrong"}),
        "a link": archive({}, {name: "/etc/hostname"}),
        "cut off": archive({name: np.random.default_rng(0).bytes(50_000)})[:30_000],
        "no archive": b"not an archive" * 100,
    }[fault]
    put_archive(server, published, data, (("data_batch_1", md5(b"right")),))
    with pytest.raises(UserError, match="does not hold what it should"):
        fetching.fetch(CIFAR)
    assert not fetching.is_here(CIFAR)
    assert fetching.kept_bytes(CIFAR) == 0


def test_a_broken_connection_is_taken_up_where_it_broke(published: object, server: WeightsServer) -> None:
    server.breaks = [100_000]
    fetching.fetch(MNIST)
    assert server.asked[:2] == [None, "bytes=100000-"]
    assert len(MNIST.load(None, "train")) == 400


def test_what_came_before_a_cancel_is_kept_and_files_that_are_whole_are_not_fetched_again(
    published: object, server: WeightsServer
) -> None:
    first = len(digits()["train-images-idx3-ubyte.gz"])
    with pytest.raises(Cancelled):
        fetching.fetch(MNIST, stopped=lambda: fetching.kept_bytes(MNIST) >= first and len(server.asked) > 1)
    assert not fetching.is_here(MNIST)
    assert fetching.kept_bytes(MNIST) >= first
    assert "of it came already" in fetching.words_of(MNIST)
    server.asked.clear()
    fetching.fetch(MNIST)
    assert len(server.asked) <= 3
    assert fetching.is_here(MNIST)


def test_a_data_set_is_fetched_by_one_program_at_a_time(published: object, server: WeightsServer) -> None:
    refused: list[str] = []

    def progress(done: int, total: int | None, rate: float) -> None:
        if not refused:
            with pytest.raises(UserError, match="Another program is fetching 'MNIST'") as caught:
                fetching.fetch(MNIST)
            refused.append(str(caught.value))

    assert fetching.fetch(MNIST, progress).is_dir()
    assert len(refused) == 1
    assert len(server.asked) == 4
    assert not list(MNIST.downloaded().parent.rglob(".*"))  # no locks are left


def test_who_waited_for_another_program_takes_what_that_one_fetched(
    published: object, server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def claimed(path: Path, taken: UserError) -> Iterator[None]:
        if path == MNIST.downloaded():
            path.mkdir(parents=True)  # the other one is done at this moment
        yield

    monkeypatch.setattr(fetching, "claimed", claimed)
    assert fetching.fetch(MNIST) == MNIST.downloaded()
    assert server.asked == []


def test_wrong_bytes_are_thrown_away_and_said(published: object, server: WeightsServer) -> None:
    server.files["train-labels-idx1-ubyte.gz"] = b"x" * len(digits()["train-labels-idx1-ubyte.gz"])
    with pytest.raises(UserError, match=r"'train-labels-idx1-ubyte.gz' came with wrong contents"):
        fetching.fetch(MNIST)
    assert not fetching.is_here(MNIST)
    assert not (fetching.staging(MNIST) / "train-labels-idx1-ubyte.gz").exists()


def test_a_file_that_is_not_there_is_said_with_its_name(published: object, server: WeightsServer) -> None:
    del server.files["t10k-labels-idx1-ubyte.gz"]
    with pytest.raises(UserError, match=r"does not have 't10k-labels-idx1-ubyte.gz'"):
        fetching.fetch(MNIST)
    assert not fetching.is_here(MNIST)


def test_the_next_address_is_tried_where_one_fails(
    published: dict[str, tuple[Remote, ...]], server: WeightsServer
) -> None:
    published["mnist"] = tuple(
        Remote(r.name, r.md5, ("http://127.0.0.1:9/nobody/", *r.addresses)) for r in published["mnist"]
    )
    assert fetching.fetch(MNIST).is_dir()


def test_a_schools_own_server_takes_the_place_of_the_published_address(
    published: dict[str, tuple[Remote, ...]], server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    published["mnist"] = tuple(Remote(r.name, r.md5, ("http://127.0.0.1:9/",)) for r in published["mnist"])
    monkeypatch.setenv(fetching.MIRROR, server.url)
    assert fetching.fetch(MNIST).is_dir()


def test_what_ships_or_is_the_users_own_is_not_fetched() -> None:
    for name in ("starter", "folder"):
        with pytest.raises(UserError, match="cannot be downloaded"):
            fetching.fetch(registry.get(name))


def test_the_command_lists_and_fetches(
    published: object, server: WeightsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["data", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert list(lines) == [spec.name for spec in registry.DATASETS]
    assert lines["starter"].endswith("ships with cnnviz")
    assert "can be fetched" in lines["mnist"]
    assert "needs a folder" in lines["folder"]
    server.files.pop("cifar.tar.gz")
    assert cli.main(["data", "fetch", "mnist", "cifar10", "starter"]) == 1
    out = capsys.readouterr()
    assert str(MNIST.downloaded()) in out.out
    assert "starter: ships with cnnviz" in out.out
    assert "cifar10: '127.0.0.1' does not have 'cifar.tar.gz'" in out.err
    assert cli.main(["data", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["mnist"]["here"]
    assert rows["mnist"]["path"] == str(MNIST.downloaded())
    assert cli.main(["data", "fetch", "nothing"]) == 1
    assert "no data set called 'nothing'" in capsys.readouterr().err
