"""Copying weights out of a run's folder: those of its end, its best epoch, or a recorded step. Imports no torch."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnnviz.core.errors import UserError
from cnnviz.core.files import write_atomically
from cnnviz.training import runs


@dataclass(frozen=True)
class Keep:
    """Asks for a copy.

    Attributes
    ----------
    run
        The run's folder.
    what
        ``last``, ``best`` or a recorded step.
    target
        The file to write.
    """

    run: Path
    what: int | Literal["last", "best"]
    target: Path


def copy(request: Keep) -> Path:
    """Copy a file out of a run's folder and return the copy.

    Raises
    ------
    UserError
        When the run has none, it is damaged, or the copy cannot be written.
    """
    from cnnviz.models import weight_files

    source = _source(request)
    weight_files.read(source)  # half a file is no network
    with source.open("rb") as opened, write_atomically(request.target) as file:
        shutil.copyfileobj(opened, file)
    return request.target


def _source(request: Keep) -> Path:
    """Return the file that is asked for.

    Raises
    ------
    UserError
        When the run has none.
    """
    from cnnviz.models.checkpoints import BEST
    from cnnviz.training.time_machine import found_steps

    name, steps = request.run.name, found_steps(request.run)
    if isinstance(request.what, int):
        if request.what not in steps:
            raise UserError(
                f"Step {request.what:,} of '{name}' is not recorded any more.",
                suggestion="Go to another recorded step, or back to the present.",
            )
        return steps[request.what]
    if request.what == "best":
        if not (request.run / BEST).is_file():
            raise UserError(
                f"'{name}' has no best epoch yet: none is over.", suggestion="Keep the network as it is now."
            )
        return request.run / BEST
    last = request.run / runs.LAST
    if not last.is_file() and steps:  # its program was killed before it saved
        return steps[max(steps)]
    if not last.is_file():
        raise UserError(f"'{name}' has no saved weights.", suggestion="Resume it, and keep the network then.")
    return last
