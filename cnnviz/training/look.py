"""What a run would be given: its pictures counted, measured, and varied as they would be drawn. Plain arrays.

Torch is imported with the first look, so that the records can be told of before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnnviz.datasets import registry as datasets
from cnnviz.datasets.images import LabelledImages
from cnnviz.models import registry
from cnnviz.models.registry import ModelSpec
from cnnviz.training.config import TrainConfig

EACH = 4
MOST_CLASSES = 20
DRAWN = 4
DRAWS = 5

Pixels = npt.NDArray[np.uint8]
Stamp = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of each colour; pixels are 0..1 before they are normalised."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class DataLook:
    """What a configuration means for its data.

    Attributes
    ----------
    config
        What was looked at.
    classes
        Names of the classes.
    train_k, held_k
        int64 (classes,): pictures of each class in the training and in the validation part.
    samples_nhw, sample_labels_n
        Some pictures of the training part, uint8 (N, h, w) or (N, h, w, 3), at most `EACH` of each of the first
        `MOST_CLASSES` classes, in the order of the classes.
    drawn_dnhw, drawn_labels_n
        uint8 (1 + `DRAWS`, N, h, w) or with colours: N pictures as they are, and then as they would be drawn again and
        again.
    before, after
        Pixels of the training part before and after the normalisation.
    height, width
        Of the pictures in memory.
    given_height, given_width
        Of what the network is given, see `cnnviz.models.preparation.to_size`.
    problems
        Pictures that were left out, a line each.
    """

    config: TrainConfig
    classes: tuple[str, ...]
    train_k: npt.NDArray[np.int64]
    held_k: npt.NDArray[np.int64]
    samples_nhw: Pixels
    sample_labels_n: npt.NDArray[np.int64]
    drawn_dnhw: Pixels
    drawn_labels_n: npt.NDArray[np.int64]
    before: Spread
    after: Spread
    height: int
    width: int
    given_height: int
    given_width: int
    problems: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return int(self.train_k.sum() + self.held_k.sum())

    @property
    def batches(self) -> int:
        """Steps in one epoch."""
        return -(-int(self.train_k.sum()) // self.config.batch_size)


def look(config: TrainConfig, page: int = 0, stopped: Callable[[], bool] = lambda: False) -> DataLook:
    """Read the pictures of a configuration and return what a run would make of them.

    What was read is kept until another data set, folder or size is asked for, or the folder changed.

    Parameters
    ----------
    config
        The run.
    page
        Which of the pictures are taken as samples: another number shows others.
    stopped
        Asked between two pictures; true means give up.

    Raises
    ------
    Cancelled
        When `stopped` said so.
    UserError
        When the pictures cannot be read, nothing is left to train on, or the network takes no pictures of this size.
    """
    from cnnviz.training import parts

    stamp = _stamp(config)
    data = _read(config.data, config.data_dir, config.picture_side, stamp, stopped)
    train_n, held_n = (indices.numpy() for indices in parts.order_of(data, config))
    spec = parts.spec_for(replace(config, normalisation="network"), data)
    check_network(config, spec)
    before = _spread(
        config.data, config.data_dir, config.picture_side, stamp, config.validation, config.pictures, config.seed,
        config.model,
    )  # fmt: skip
    mean, std = (before.mean, before.std) if config.normalisation == "data" else (spec.input.mean, spec.input.std)
    given = list(zip(before.mean, before.std, mean, std, strict=True))
    samples_n = _samples(data.labels_n, train_n, len(data.classes), config.seed, page)
    drawn_n = samples_n[np.unique(np.linspace(0, len(samples_n) - 1, DRAWN).round().astype(np.int64))]
    return DataLook(
        config=config,
        classes=data.classes,
        train_k=np.bincount(data.labels_n[train_n], minlength=len(data.classes)),
        held_k=np.bincount(data.labels_n[held_n], minlength=len(data.classes)),
        samples_nhw=data.images_nhw[samples_n],
        sample_labels_n=data.labels_n[samples_n],
        drawn_dnhw=_drawn(data, config, drawn_n, page),
        drawn_labels_n=data.labels_n[drawn_n],
        before=before,
        after=Spread(tuple((m - mu) / sd for m, _, mu, sd in given), tuple(s / sd for _, s, _, sd in given)),
        height=data.images_nhw.shape[1],
        width=data.images_nhw.shape[2],
        given_height=spec.input.height,
        given_width=spec.input.width,
        problems=data.problems,
    )


def check_network(config: TrainConfig, spec: ModelSpec) -> None:
    """Refuse pictures whose size or classes the network cannot take, and a freeze line that it does not have.

    Parameters
    ----------
    config
        The run.
    spec
        The network's entry with the run's classes and input.

    Raises
    ------
    UserError
        When it cannot learn from them.
    """
    import torch

    from cnnviz.models.building import skeleton
    from cnnviz.training import building

    own = registry.get(config.model)
    with torch.device("meta"):  # shapes are all that is looked at
        network = skeleton(own)
        if not spec.gives_picture:
            building.fit_classes(network, own, len(spec.labels))
        building.check_size(network, spec)
    building.freeze(network, config.freeze)


_kept: dict[tuple[str, str, int, Stamp], LabelledImages] = {}  # what was read last


def _read(
    data: str, folder: str, side: int, stamp: Stamp, stopped: Callable[[], bool] = lambda: False
) -> LabelledImages:
    asked = (data, folder, side, stamp)
    if asked not in _kept:
        _kept.clear()  # first: both may not fit into the memory
        path = Path(folder).expanduser() if folder else None
        _kept[asked] = datasets.get(data).load(path, "train", side, stopped=stopped)
    return _kept[asked]


def _stamp(config: TrainConfig) -> Stamp:
    """Return what changes when pictures are added to a folder or taken from it."""
    spec = datasets.get(config.data)
    folder = Path(config.data_dir).expanduser() if config.data_dir else spec.downloaded()
    try:
        above = [folder, *(sub for sub in folder.iterdir() if sub.is_dir())]
        below = [sub for path in above[1:] for sub in path.iterdir() if sub.is_dir()]
        return tuple((str(path), path.stat().st_mtime_ns) for path in sorted({*above, *below}))
    except OSError:
        return ()  # there is no folder, which reading it says better


@lru_cache(maxsize=4)
def _spread(
    data: str, folder: str, side: int, stamp: Stamp, validation: int, pictures: int, seed: int, model: str
) -> Spread:
    """Return mean and deviation of the training part; they are kept, since all of its pixels are added up."""
    from cnnviz.training import parts

    config = TrainConfig(model, data, folder, size=side, validation=validation, pictures=pictures, seed=seed)
    channels = registry.get(model).input.channels
    return Spread(*parts.normalisation(_read(data, folder, side, stamp), config, channels))


def _samples(
    labels_n: npt.NDArray[np.int64], train_n: npt.NDArray[np.int64], classes: int, seed: int, page: int
) -> npt.NDArray[np.int64]:
    """Return the indices of some training pictures of each class."""
    random = np.random.default_rng((seed, page))
    found = []
    for label in range(min(classes, MOST_CLASSES)):
        of_class = train_n[labels_n[train_n] == label]
        found.append(random.choice(of_class, min(EACH, len(of_class)), replace=False))
    return np.concatenate(found)


def _drawn(data: LabelledImages, config: TrainConfig, chosen_n: npt.NDArray[np.int64], page: int) -> Pixels:
    """Return pictures as they are, and as some steps would be given them."""
    import torch

    from cnnviz.core.randomness import generator_for
    from cnnviz.datasets.transforms import add_noise
    from cnnviz.training import parts
    from cnnviz.training.varying import mix, vary

    spec = registry.get(config.model)
    few = replace(data, images_nhw=data.images_nhw[chosen_n], labels_n=data.labels_n[chosen_n])
    part, _ = parts.split(few, replace(config, validation=0, pictures=0), spec.input.channels, torch.device("cpu"))
    rows = [part.pictures()]
    for draw in range(DRAWS):
        place = (config.seed, "look", page, draw)
        varied = vary(part.pictures(), config.variation, *place)
        if spec.gives_picture and not config.variation.is_none:
            varied = add_noise(varied, generator_for(*place, "noise"))
        elif config.variation.mixup and not spec.gives_picture and len(part) > 1:
            varied, _ = mix(varied, part.labels_n, config.variation.mixup, len(data.classes), *place)
        rows.append(varied)
    drawn = (torch.stack(rows).clamp(0, 1) * 255).round().to(torch.uint8)  # (1 + DRAWS, N, C, h, w)
    return drawn[:, :, 0].numpy() if drawn.shape[2] == 1 else drawn.permute(0, 1, 3, 4, 2).contiguous().numpy()
