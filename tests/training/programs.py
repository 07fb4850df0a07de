"""Programs of their own, started in a moment: they are forked from a process that has loaded torch already."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

_LOADED = [
    "pytest", "cnnviz.training.command", "tests.training.few", "tests.training.programs",
    "torch._dynamo", "torch.utils.tensorboard",  # which torch's optimisers and a run's first report load
]  # fmt: skip


@dataclass(frozen=True)
class Program:
    """A process, and what it printed so far."""

    process: BaseProcess
    folder: Path

    def wait(self, seconds: float = 120.0) -> int:
        """Return its status: negative, the signal that ended it."""
        self.process.join(seconds)
        status = self.process.exitcode
        assert status is not None, "it does not end"
        return status

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()


def start(
    folder: Path, main: Callable[..., int], *arguments: Any, environment: Mapping[str, str] | None = None
) -> Program:
    """Start a program that calls a function of a test module and ends with the status that it returns.

    Parameters
    ----------
    folder
        A new one, for what it prints.
    """
    folder.mkdir()
    context = get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    process = context.Process(target=_run, args=(folder, environment or {}, main, arguments))
    process.start()
    return Program(process, folder)


def _run(folder: Path, environment: Mapping[str, str], main: Callable[..., int], arguments: tuple[Any, ...]) -> None:
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    os.environ.update(environment)
    sys.exit(main(*arguments))
