"""`cnnviz weights`: what is here, and fetching what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnviz import cli
from cnnviz.core import download as downloading
from cnnviz.core import fetching
from cnnviz.models import published, registry
from tests.weights_server import WeightsServer, serving

DATA = bytes(range(256)) * 4000
MORE = bytes(reversed(range(256))) * 3000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of torch's that is empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(downloading, "PAUSES_S", (0.0,))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", published.MIRROR):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightsServer]:
    """Return a server that has the weights of two networks."""
    with serving() as running:
        running.publish(monkeypatch, "resnet18", DATA)
        running.publish(monkeypatch, "resnet34", MORE)
        yield running


def test_the_list_has_every_network_and_tells_the_four_states(
    server: WeightsServer, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published.fetch(registry.get("resnet18"))
    (cache / f"{next(n for n in server.files if n.startswith('resnet34'))}.part").write_bytes(MORE[:300_000])
    assert cli.main(["weights", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == [spec.name for spec in registry.MODELS]
    assert rows["lenet5"]["state"] == "ships"
    assert Path(rows["lenet5"]["path"]).stat().st_size == rows["lenet5"]["size"]
    assert rows["plain20"] == {"name": "plain20", "state": "none", "size": 0, "kept": 0, "path": "", "url": ""}
    assert rows["resnet18"]["state"] == "here"
    assert Path(rows["resnet18"]["path"]).read_bytes() == DATA
    assert (rows["resnet34"]["state"], rows["resnet34"]["kept"]) == ("published", 300_000)
    assert rows["vgg16"]["state"] == "published"
    assert rows["vgg16"]["url"].startswith("https://download.pytorch.org/")
    assert cli.main(["weights", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(rows) + 1
    found = {line.split()[0]: line for line in lines[:-1]}
    assert found["lenet5"].endswith("ships with cnnviz")
    assert found["plain20"].endswith("none: random until it is trained")
    assert found["resnet18"].endswith("1.0 MB  here")
    assert found["resnet34"].endswith("750 kB  can be fetched; 293 kB of it came already")
    assert found["vgg16"].endswith("528 MB  can be fetched")
    assert lines[-1].endswith(str(cache))


def test_several_are_fetched_and_those_that_are_here_are_left(
    server: WeightsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["weights", "fetch", "resnet18", "resnet34", "resnet18", "lenet5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["resnet18", "resnet34", "lenet5"]
    assert "1.0 MB in " in lines[0]
    assert "ships" in lines[2]
    for name in ("resnet18", "resnet34"):
        assert published.is_right(registry.get(name))
    assert cli.main(["weights", "fetch", "resnet18"]) == 0
    assert "already here" in capsys.readouterr().out
    assert len(server.asked) == 2


def test_check_finds_a_damaged_file_and_fetches_it_again(
    server: WeightsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = published.fetch(registry.get("resnet18"))
    assert cli.main(["weights", "fetch", "resnet18", "--check"]) == 0
    assert "already here, and right" in capsys.readouterr().out
    path.write_bytes(bytes(len(DATA)))
    assert cli.main(["weights", "fetch", "resnet18"]) == 0  # not looked into without being asked to
    assert len(server.asked) == 1
    assert cli.main(["weights", "fetch", "resnet18", "--check"]) == 0
    assert "damaged, fetched again" in capsys.readouterr().out
    assert path.read_bytes() == DATA


def test_one_that_fails_does_not_stop_the_others(server: WeightsServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.statuses = [404]
    assert cli.main(["weights", "fetch", "plain20", "resnet18", "resnet34"]) == 1
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if line.startswith("cnnviz: ")]
    assert len(errors) == 2
    assert "plain20: Nobody publishes weights" in errors[0]
    assert "resnet18: '127.0.0.1' does not have" in errors[1]
    assert said.out.startswith("resnet34: ")
    assert "Traceback" not in said.err


def test_an_unknown_name_is_said_before_anything_is_fetched(
    server: WeightsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["weights", "fetch", "resnet18", "resnet19"]) == 1
    assert "no network called 'resnet19'" in capsys.readouterr().err
    assert server.asked == []


def test_another_address(server: WeightsServer, capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as own:
        own.files = dict(server.files)
        assert cli.main(["weights", "fetch", "resnet18", "--url", own.url]) == 0
        assert own.asked == [None]
    assert server.asked == []
    assert cli.main(["weights", "fetch", "resnet34", "--url", "ftp://somewhere"]) == 1
    assert "no address" in capsys.readouterr().err


def test_an_interrupted_fetch_keeps_what_came(
    server: WeightsServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.stall_after = 500_000
    bar = fetching.Bar.__call__

    def interrupt(self: fetching.Bar, done: int, total: int | None, rate: float) -> None:
        bar(self, done, total, rate)
        if done == 500_000:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fetching.Bar, "__call__", interrupt)
        assert cli.main(["weights", "fetch", "resnet18", "resnet34"]) == 130
    assert "goes on from there" in capsys.readouterr().err
    assert published.kept_bytes(registry.get("resnet18")) == 500_000
    server.stall_after = None
    assert cli.main(["weights", "fetch", "resnet18", "resnet34"]) == 0
    assert server.asked[:2] == [None, "bytes=500000-"]


@pytest.mark.parametrize("arguments", [["weights"], ["weights", "fetch"], ["weights", "drop"]])
def test_wrong_usage_is_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: cnnviz weights" in capsys.readouterr().err
