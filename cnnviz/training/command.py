"""`cnnviz train`: the loop with a progress bar and a run folder."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from pathlib import Path

from tqdm import tqdm

from cnnviz.datasets import registry as datasets
from cnnviz.datasets.images import LabelledImages
from cnnviz.models import registry
from cnnviz.training.config import TrainConfig, default_config
from cnnviz.training.events import BatchesDone, EpochDone, Finished, Started
from cnnviz.training.loop import train
from cnnviz.training.recorder import Recorder


def train_command(options: argparse.Namespace) -> None:
    """Train as the command line asks, and print what came of it.

    Raises
    ------
    UserError
        When names, data, device or folder cannot be used, or the loss stops being a number.
    """
    registry.get(options.model)
    config = config_of(options)
    data = datasets.get(config.data).load(Path(options.data_dir) if options.data_dir else None, "train")
    if options.validation is None:  # a small data set of the user's own: its tenth part
        config = dataclasses.replace(config, validation=min(config.validation, len(data) // 10))
    folder = Path(options.out or Path("runs") / f"{config.model}-{config.seed}")
    run(config, data, Recorder(folder, config, data, overwrite=options.overwrite))


def config_of(options: argparse.Namespace) -> TrainConfig:
    """Return the network's own recipe with what the command line changes."""
    given = {
        name: getattr(options, name)
        for name in ("epochs", "seed", "batch_size", "learning_rate", "validation", "device", "threads", "start")
        if getattr(options, name) is not None
    }
    return dataclasses.replace(default_config(options.model, options.data), **given)


def run(config: TrainConfig, data: LabelledImages, recorder: Recorder) -> None:
    """Run the loop, show its progress on standard error and its epochs on standard output."""
    bar: tqdm[object] | None = None
    try:
        for event in train(config, data):
            if isinstance(event, Started):
                recorder.start(event)
                print(f"{config.model} on {event.device}, {event.threads} thread(s), {event.epochs} epochs", flush=True)
                bar = tqdm(total=event.epochs * event.batches, unit="batch", disable=None, file=sys.stderr)
            elif isinstance(event, BatchesDone) and bar is not None:
                bar.update(len(event.losses))
                bar.set_postfix(loss=f"{event.losses[-1]:.4f}", images_per_s=f"{event.images_per_second:,.0f}")
            elif isinstance(event, EpochDone):
                recorder.record(event)
                print(_line(event), flush=True)
            elif isinstance(event, Finished):
                print(_summary(event, recorder.folder, recorder.best_sha256()))
    finally:
        if bar is not None:
            bar.close()


def _line(event: EpochDone) -> str:
    val = "" if math.isnan(event.val_accuracy) else f", validation {event.val_loss:.4f} {event.val_accuracy:.2%}"
    best = " best" if event.is_best else ""
    return (
        f"epoch {event.epoch}: loss {event.train_loss:.4f} {event.train_accuracy:.2%}{val}, "
        f"{event.images_per_second:,.0f} images/s{best}"
    )


def _summary(event: Finished, folder: Path, sha256: str) -> str:
    return f"best epoch {event.best_epoch}; weights in {folder / 'best.safetensors'}, sha256 {sha256}"
