"""Fetching several things from the command line: one after another, whatever becomes of each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from cnnviz.core.download import Progress
from cnnviz.core.errors import UserError

INTERRUPTED = 130


def fetch_each(wanted: Iterable[tuple[str, Callable[[], str]]]) -> int:
    """Fetch some things, print what came of each, and return the status; one that fails does not stop the others.

    Parameters
    ----------
    wanted
        The name of each, and what fetches it and says so in a few words.

    Returns
    -------
    status
        0 when all are here, 1 when some are not, 130 when the user interrupted it.
    """
    failed = 0
    for name, fetch in wanted:
        try:
            print(f"{name}: {fetch()}", flush=True)
        except UserError as error:
            failed += 1
            print(f"cnnviz: {name}: {error}", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            print("cnnviz: stopped; what came is kept, and the same command goes on from there.", file=sys.stderr)
            return INTERRUPTED
    return 1 if failed else 0


@contextmanager
def progress_bar(name: str, size: int = 0) -> Iterator[Progress]:
    """Show on standard error how far a download is, where that is a terminal.

    Parameters
    ----------
    name
        What is fetched.
    size
        About how many bytes it has; 0 where that is not known yet.
    """
    with tqdm(
        total=size or None, desc=name, unit="B", unit_scale=True, unit_divisor=1024, disable=None, file=sys.stderr
    ) as bar:
        yield Bar(bar)


class Bar:
    """Moves a progress bar; what was here before does not count into its rate."""

    def __init__(self, bar: tqdm[object]) -> None:
        self._bar, self._begun = bar, False

    def __call__(self, done: int, total: int | None, rate: float) -> None:
        if not self._begun:
            self._begun = True
            self._bar.initial = self._bar.n = done
        if total is not None:
            self._bar.total = total
        self._bar.update(done - self._bar.n)
