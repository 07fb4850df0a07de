"""`cnnviz data`: which data sets are here, and fetching those that can be downloaded."""

from __future__ import annotations

import json
from functools import partial

from cnnviz.core.fetching import fetch_each, progress_bar
from cnnviz.datasets import fetching, registry
from cnnviz.datasets.registry import DatasetSpec


def list_command(*, as_json: bool) -> None:
    """Print what there is of every data set."""
    if as_json:
        print(json.dumps([_row(spec) for spec in registry.DATASETS], indent=2))
        return
    width = max(len(spec.name) for spec in registry.DATASETS)
    for spec in registry.DATASETS:
        print(f"{spec.name:<{width}}  {fetching.words_of(spec)}")


def _row(spec: DatasetSpec) -> dict[str, object]:
    here = fetching.is_here(spec)
    return {
        "name": spec.name,
        "title": spec.title,
        "ships": not spec.files,
        "here": here,
        "can_download": spec.can_download,
        "size": fetching.SIZES.get(spec.name, 0),
        "kept": fetching.kept_bytes(spec),
        "path": str(spec.downloaded()) if here else "",
    }


def fetch_command(names: list[str], *, mirror: str | None) -> int:
    """Fetch some data sets one after another; one that fails does not stop the others.

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
    return fetch_each((spec.name, partial(_fetch, spec, mirror)) for spec in specs)


def _fetch(spec: DatasetSpec, mirror: str | None) -> str:
    """Bring a data set here, and say what was done."""
    if not spec.files or fetching.is_here(spec):
        return fetching.words_of(spec)
    with progress_bar(spec.name) as progress:
        return str(fetching.fetch(spec, progress, mirror=mirror))
