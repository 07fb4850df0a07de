"""Training as `cnnviz train` does it against a plain PyTorch loop on the same pictures; whether its memory grows."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import torch
from torch import nn

from cnnviz.bench.stats import median
from cnnviz.core.memory import keep_freed_memory
from cnnviz.datasets import registry as datasets
from cnnviz.models import registry
from cnnviz.models.building import build
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone
from cnnviz.training.session import Session

ROUNDS, WARM_UP = 25, 3
FIRST_STEP, LAST_STEP = 2_000, 12_000
CONFIG = TrainConfig(
    "lenet5", epochs=10_000, batch_size=64, validation=0, threads=1, device="cpu", schedule="constant", warm_up=0.0
)


def recorded_epochs(session: Session) -> Iterator[None]:
    """Train by the session, with all that it writes, and pause after each epoch."""
    for event in session.events():
        if isinstance(event, EpochDone):
            yield


def plain_epochs(session: Session) -> Iterator[None]:
    """Train the same network on the same tensors as a tutorial would, and pause after each epoch."""
    part, given, size = session.run.train_part, registry.get(CONFIG.model).input, CONFIG.batch_size
    images_nchw, labels_n = part.images_nchw.clone(), part.labels_n.clone()
    network = build(registry.get(CONFIG.model)).train()
    optimiser = torch.optim.AdamW(network.parameters(), CONFIG.learning_rate, weight_decay=CONFIG.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1.0)
    mean, std = (torch.tensor(values)[:, None, None] for values in (given.mean, given.std))
    while True:
        order = torch.randperm(len(labels_n))
        loss_sum = right = 0.0
        for start in range(0, len(labels_n), size):
            chosen = order[start : start + size]
            x_nchw = (images_nchw[chosen].float() / 255 - mean) / std
            logits_nk = network(x_nchw)
            loss = nn.functional.cross_entropy(logits_nk, labels_n[chosen])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            loss_sum += loss.item() * len(chosen)
            right += (logits_nk.argmax(1) == labels_n[chosen]).sum().item()
        yield


def ratio(session: Session) -> float:
    """Return the median time of an epoch of the session over that of a plain one, in turn."""
    plain, recorded = plain_epochs(session), recorded_epochs(session)
    plain_s, recorded_s = [], []
    for count in range(ROUNDS + WARM_UP):
        start = time.perf_counter()
        next(plain)
        middle = time.perf_counter()
        next(recorded)
        end = time.perf_counter()
        if count >= WARM_UP:
            plain_s.append(middle - start)
            recorded_s.append(end - middle)
    return median(recorded_s) / median(plain_s)


def growth(session: Session, resident: Callable[[], int]) -> float:
    """Return by how many megabytes the process grew between the first and the last step looked at."""
    marks = chain((FIRST_STEP, LAST_STEP), repeat(sys.maxsize))
    found: list[int] = []
    mark = next(marks)
    for event in session.events(lambda: len(found) == 2):
        if isinstance(event, BatchesDone) and event.step >= mark:
            found.append(resident())
            mark = next(marks)
    return (found[1] - found[0]) / 1e6


def main() -> None:
    """Print what was asked for in the arguments, ``ratio`` or ``growth``, as JSON."""
    keep_freed_memory()
    data = datasets.get("starter").load(None, "train")
    with tempfile.TemporaryDirectory(prefix="cnnviz-bench-") as folder:
        session = Session.begin(CONFIG, data, Path(folder) / "run")
        if sys.argv[1:] == ["growth"]:
            from cnnviz.bench.memory import status_bytes  # Linux only

            found = {"growth_mb": growth(session, lambda: status_bytes("VmRSS"))}
        else:
            found = {"ratio": ratio(session)}
        session.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
