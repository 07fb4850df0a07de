"""Weights that torchvision publishes: where they are, what is known of them, and how they come here.

They go into torch's own cache, so that what other programs fetched is used, and the other way round. Torch and
torchvision are imported when a network of torchvision's is asked about.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import urlsplit

from cnnviz.core import download
from cnnviz.core.errors import UserError
from cnnviz.models.registry import ModelSpec

MIRROR = "CNNVIZ_WEIGHTS_URL"
"""The environment variable that names another folder on the web to fetch from: a school's own server."""
_ROUNDING = 0.01


@dataclass(frozen=True)
class Published:
    """Weights that torchvision publishes for one network.

    Attributes
    ----------
    name
        Which of its weights, such as ``IMAGENET1K_V1``.
    url, file_name
        Where they are, and the last part of it, which holds the beginning of their SHA-256.
    size
        Bytes of the file; rounded to a thousandth of 2²⁰, as torchvision states them.
    parameters
        How many numbers were learned, without auxiliary heads that are there only while it trains.
    accuracies
        By data set and measure, in per cent: ``{"ImageNet-1K": {"acc@1": 71.592, "acc@5": 90.382}}``.
    giga_macs
        Multiply-adds for a picture, in 10⁹; torchvision calls them GFLOPS.
    recipe
        Address of the description of the training.
    """

    name: str
    url: str
    file_name: str
    size: int
    parameters: int
    accuracies: Mapping[str, Mapping[str, float]]
    giga_macs: float
    recipe: str

    @property
    def sha256_prefix(self) -> str:
        """What the SHA-256 of the file begins with: torch's convention is to say it in the name."""
        found = re.search(r"-([0-9a-f]{8,64})\.", self.file_name)
        if found is None:
            raise ValueError(f"'{self.file_name}' does not say its hash")
        return found[1]


def of(spec: ModelSpec) -> Published | None:
    """Return what is published for a network; ``None`` for one that is not torchvision's."""
    if not spec.is_torchvision:
        return None
    from cnnviz.models.torchvision_zoo import published_weights

    weights = published_weights(spec.name)
    meta = weights.meta
    return Published(
        name=weights.name,
        url=weights.url,
        file_name=PurePosixPath(urlsplit(weights.url).path).name,
        size=round(meta["_file_size"] * 2**20),
        parameters=meta["num_params"],
        accuracies=MappingProxyType(meta["_metrics"]),
        giga_macs=meta["_ops"],
        recipe=meta["recipe"],
    )


def folder() -> Path:
    """Return torch's cache of weights; TORCH_HOME moves it."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def cached_path(spec: ModelSpec) -> Path | None:
    """Return where a network's published weights lie on this machine; ``None`` where they are not, or not whole."""
    published = of(spec)
    if published is None:
        return None
    path = folder() / published.file_name
    return path if _is_whole(path, published) else None


def kept_bytes(spec: ModelSpec) -> int:
    """Return how many bytes came before a download was interrupted."""
    published = of(spec)
    return download.kept_bytes(folder() / published.file_name) if published is not None else 0


def is_right(spec: ModelSpec, stopped: download.Stopped = lambda: False) -> bool:
    """Return whether the weights that are here are those that were published, by their hash."""
    published, path = of(spec), cached_path(spec)
    if published is None or path is None:
        return False
    return download.sha256_of(path, stopped).startswith(published.sha256_prefix)


def fetch(
    spec: ModelSpec,
    progress: download.Progress = lambda done, total, rate: None,
    stopped: download.Stopped = lambda: False,
    *,
    mirror: str | None = None,
) -> Path:
    """Fetch a network's published weights into torch's cache, in place of what is there, and return their path.

    Parameters
    ----------
    progress, stopped
        As `core.download.download` has them.
    mirror
        Address of a folder that has the same files, in place of the published one; by default what the environment
        variable CNNVIZ_WEIGHTS_URL says.

    Raises
    ------
    UserError
        When there are none, or the download fails.
    """
    published = of(spec)
    if published is None:
        raise UserError(f"Nobody publishes weights for {spec.title}.", suggestion="Train it: cnnviz train.")
    path = folder() / published.file_name
    mirror = mirror or os.environ.get(MIRROR, "")
    url = f"{mirror.rstrip('/')}/{published.file_name}" if mirror else published.url
    prefix = published.sha256_prefix
    download.download(url, path, sha256_prefix=prefix, size=published.size, progress=progress, stopped=stopped)
    return path


def _is_whole(path: Path, published: Published) -> bool:
    """Return whether a file has the published size; one that another program left unfinished is no weights file."""
    try:
        return path.is_file() and abs(path.stat().st_size - published.size) <= published.size * _ROUNDING
    except OSError:
        return False
