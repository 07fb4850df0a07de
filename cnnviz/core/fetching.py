"""Fetching several things from the command line: one after another, whatever becomes of each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

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
