"""`cnnviz weights`: which weights are here, and fetching those that are published."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

from cnnviz.core import paths
from cnnviz.core.fetching import fetch_each, progress_bar
from cnnviz.core.formats import bytes_text
from cnnviz.models import published, registry
from cnnviz.models.registry import ModelSpec


@dataclass(frozen=True)
class Row:
    """What there is of a network's weights.

    Attributes
    ----------
    name
        The network's.
    state
        They ship with cnnviz; were fetched before; are published; or there are none until somebody trains it.
    size
        Bytes of the file, or of the one that is published.
    kept
        Bytes that came before a download was interrupted.
    path, url
        Where the file is, and where it is published.
    """

    name: str
    state: Literal["ships", "here", "published", "none"]
    size: int = 0
    kept: int = 0
    path: str = ""
    url: str = ""

    @property
    def words(self) -> str:
        """The row for people."""
        if self.state == "none":
            return f"{'':7}  none: random until it is trained"
        size = f"{bytes_text(self.size):>7}"
        if self.state == "published":
            return f"{size}  can be fetched" + (f"; {bytes_text(self.kept)} of it came already" if self.kept else "")
        return f"{size}  {'ships with cnnviz' if self.state == 'ships' else 'here'}"


def row_of(spec: ModelSpec) -> Row:
    """Return what there is of one network's weights."""
    if spec.weights is not None:
        path = paths.resources_dir() / "weights" / spec.weights
        if path.is_file():
            return Row(spec.name, "ships", path.stat().st_size, path=str(path))
    offered = published.of(spec)
    if offered is None:
        return Row(spec.name, "none")
    cached = published.cached_path(spec)
    if cached is not None:
        return Row(spec.name, "here", cached.stat().st_size, path=str(cached), url=offered.url)
    return Row(spec.name, "published", offered.size, published.kept_bytes(spec), url=offered.url)


def list_command(*, as_json: bool) -> None:
    """Print what there is of every network's weights, and where fetched ones go."""
    rows = [row_of(spec) for spec in registry.MODELS]
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{row.name:<{width}}  {row.words}")
    print(f"Fetched weights are in {published.folder()}")


def fetch_command(names: list[str], *, check: bool, mirror: str | None) -> int:
    """Fetch the weights of some networks one after another; one that fails does not stop the others.

    Parameters
    ----------
    names
        Registered networks.
    check
        Compare those that are here with their hash, and fetch those again that are damaged.
    mirror
        Another address to fetch from.

    Returns
    -------
    status
        0 when all are here, 1 when some are not, 130 when the user interrupted it.

    Raises
    ------
    UserError
        When a name is unknown, before anything is fetched.
    """
    specs = [registry.get(name) for name in dict.fromkeys(names)]
    return fetch_each((spec.name, partial(_fetch, spec, check=check, mirror=mirror)) for spec in specs)


def _fetch(spec: ModelSpec, *, check: bool, mirror: str | None) -> str:
    """Bring the weights of one network here, and say what was done."""
    found = row_of(spec)
    if found.state == "ships":
        return f"ships with cnnviz: {found.path}"
    if found.state == "here":
        if not check:
            return f"already here: {found.path}"
        if published.is_right(spec):
            return f"already here, and right: {found.path}"
        print(f"{spec.name}: damaged, fetched again: {found.path}", flush=True)
    with progress_bar(spec.name, found.size) as progress:
        path = published.fetch(spec, progress, mirror=mirror)
    return f"{bytes_text(path.stat().st_size)} in {path}"
