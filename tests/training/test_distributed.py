"""Several processes do what one does, and only the first writes."""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

from cnnviz import cli
from cnnviz.training import command, loop, session
from cnnviz.training import folder as folders
from cnnviz.training.config import TrainConfig
from cnnviz.training.distributed import ALONE, World, world
from cnnviz.training.session import Session
from cnnviz.training.variation import NONE
from tests.training import programs
from tests.training.few import SMALL, few_digits

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")

CONFIG = replace(SMALL, variation=NONE, average=0.9, batch_size=45, optimiser="sgd", learning_rate=0.02, epochs=2)
_PROGRAM = """
import sys
from tests.training.test_distributed import process
sys.exit(process(int(sys.argv[1]), sys.argv[2:]))
"""


def process(stop: int, arguments: Sequence[str]) -> int:
    """Run the command line as one of several processes; the second hears at a step that it is to stop, unless at 0."""
    loaders: tuple[Any, ...] = (command, session)
    for module in loaders:
        module.load_data = lambda config, **_: few_digits()
    loop.READ_S = 0.0
    kind: Any = loop.Run
    step = kind._step

    def stepped(self: Any, *rest: Any, **more: Any) -> Any:
        done = step(self, *rest, **more)
        if self.step == stop and self.world.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return done

    kind._step = stepped
    print("process " + os.environ["RANK"], flush=True)
    return cli.main(list(arguments))


def together(folder: Path, *arguments: str) -> list[programs.Program]:
    """Start the two processes as torchrun would, without its own start."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = []
    for rank in "01":
        environment = {
            "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        }  # fmt: skip
        started.append(programs.start(folder / rank, process, 0, arguments, environment=environment))
    return started


def torchrun(folder: Path, stop: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = folder / "program.py"
    program.write_text(_PROGRAM)
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(program),
         str(stop), *arguments],
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_processes_train_as_one_and_go_on_after_a_stop(tmp_path: Path) -> None:
    alone = Session.begin(CONFIG, few_digits(), tmp_path / "alone")
    list(alone.events())
    alone.close()
    (tmp_path / "config.json").write_text(CONFIG.to_json())
    path = tmp_path / "run"
    asked = ("train", "--config", str(tmp_path / "config.json"), "--validation", "50", "--out", str(path))
    stopped = torchrun(tmp_path, 7, *asked)
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stdout.count("process ") == 2
    assert stopped.stdout.count("lenet5 on CPU") == 1  # the first one speaks
    assert stopped.stdout.count("stopped after 1 whole epochs") == 1
    saved = folders.read_state(path)
    assert saved is not None
    assert saved.step == 7
    assert [int(row["step"]) for row in rows(path / "batches.csv")] == list(range(1, 8))
    first, second = together(tmp_path, "resume", str(path))
    assert (first.wait(), second.wait()) == (0, 0), first.err + second.err
    assert first.out.count("best epoch") == 1
    assert second.out == "process 1\n"
    for name in ("batches.csv", "metrics.csv"):  # five batches an epoch, the last of 20: shares of 23 and 22
        one, two = rows(tmp_path / "alone" / name), rows(path / name)
        assert len(one) == len(two)
        for left, right in zip(one, two, strict=True):
            for column in left:
                if column not in ("seconds", "images_per_second"):
                    assert float(left[column]) == pytest.approx(float(right[column]), rel=2e-4, abs=1e-6), column
    assert TrainConfig.from_json((path / "config.json").read_text(), "") == CONFIG
    weights = [folders.read_state(p) for p in (tmp_path / "alone", path)]
    for key, value in weights[0].tensors.items():  # type: ignore[union-attr]
        torch.testing.assert_close(value, weights[1].tensors[key], rtol=1e-3, atol=1e-5)  # type: ignore[union-attr]


def test_shares_make_up_the_batch_and_count_by_their_size() -> None:
    batch = torch.arange(7)
    worlds = [World(rank, 3) for rank in range(3)]
    shares = [one.share(batch).tolist() for one in worlds]
    assert sorted(i for share in shares for i in share) == batch.tolist()
    parts = [one.part(len(share), 7) for one, share in zip(worlds, shares, strict=True)]
    assert sum(parts) == pytest.approx(3)
    means = [sum(share) / len(share) for share in shares]
    assert sum(part * mean for part, mean in zip(parts, means, strict=True)) / 3 == pytest.approx(3.0)
    assert all(one.share(batch[:2]).tolist() == [0, 1] and one.part(2, 2) == 1 for one in worlds)


def test_alone_nothing_is_asked_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with world() as here:
        assert here is ALONE
        assert here.is_first
        assert here.any(True)
        assert not here.any(False)
        assert here.mean(torch.tensor(3.0), 1.0) == 3
