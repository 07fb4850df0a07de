"""`cnnviz train` and `cnnviz resume`: the loop with a progress bar and a run folder."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from cnnviz.core.errors import UserError
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig, default_config
from cnnviz.training.diagnosis import Diverged
from cnnviz.training.distributed import World, world
from cnnviz.training.events import BatchesDone, EpochDone, Event, Finished, Started
from cnnviz.training.session import Session, load_data

_LISTED = 20


def train_command(options: argparse.Namespace) -> None:
    """Train as the command line asks, and print what came of it.

    Raises
    ------
    UserError
        When names, data, device or folder cannot be used, or the loss stops being a number.
    """
    config = config_of(options)
    with world() as here:
        data = load_data(config)
        _list_problems(data.problems, here)
        if options.validation is None:  # a small data set of the user's own: its tenth part
            tenth = len(data) // 10
            config = dataclasses.replace(config, validation=min(config.validation or tenth, tenth))
        path = Path(options.out) if options.out else runs.new_path(config)
        run(Session.begin(config, data, path, overwrite=options.overwrite, world=here), here, as_json=options.json)


def resume_command(options: argparse.Namespace) -> None:
    """Let a run go on from where it was saved last.

    Raises
    ------
    UserError
        When it cannot go on.
    """
    with world() as here:
        path, rate = _path_of(options.run), options.learning_rate
        config = runs.read_config(path)
        if rate is not None:
            dataclasses.replace(config, learning_rate=rate)  # which says what is wrong with it
        session = Session.resume(path, world=here)
        if rate is not None:
            session.run.set_rate(rate / config.learning_rate)
        run(session, here, as_json=options.json)


def config_of(options: argparse.Namespace) -> TrainConfig:
    """Return a file's configuration, or the network's own recipe, with what the command line changes.

    Raises
    ------
    UserError
        When a field is wrong; it is named.
    """
    given = {
        name: getattr(options, name)
        for name in (
            "epochs", "seed", "batch_size", "learning_rate", "validation", "device", "threads", "start", "freeze",
            "data_dir",
        )
        if getattr(options, name) is not None
    }  # fmt: skip
    if options.config:
        try:
            text = Path(options.config).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"The file '{options.config}' cannot be read.", details=repr(error)) from error
        config = TrainConfig.from_json(text, Path(options.config).name)
        given |= {name: value for name in ("model", "data") if (value := getattr(options, name)) is not None}
        return dataclasses.replace(config, **given)
    if options.model is None:
        raise UserError("Which network is to learn?", suggestion="Name it by --model NAME, or by --config FILE.")
    return dataclasses.replace(default_config(options.model, options.data or "starter"), **given)


def run(session: Session, here: World, *, as_json: bool = False) -> None:
    """Run the loop, show its progress on standard error and its epochs on standard output.

    Ctrl+C, and what a system sends when it shuts down, saves the run and ends it.
    """
    bar: tqdm[object] | None = None
    try:
        with _asked_to_stop() as stopped:
            for event in session.events(stopped.is_set):
                if not here.is_first:
                    continue
                if as_json:
                    print(json.dumps(_as_json(event)), flush=True)
                elif isinstance(event, Started):
                    print(f"{session.run.config.model} on {event.device}, {event.threads} thread(s), "
                          f"{event.epochs} epochs", flush=True)  # fmt: skip
                if isinstance(event, Started):
                    total = event.epochs * event.batches
                    bar = tqdm(total=total, initial=event.step, unit="batch", disable=as_json or None, file=sys.stderr)
                elif isinstance(event, BatchesDone) and bar is not None:
                    bar.update(len(event.losses))
                    bar.set_postfix(loss=f"{event.losses[-1]:.4f}", images_per_s=f"{event.images_per_second:,.0f}")
                elif isinstance(event, EpochDone) and not as_json:
                    print(_line(event), flush=True)
                elif isinstance(event, Finished) and not as_json:
                    print(_summary(event, session))
    except UserError as error:
        raise _with_command(error, session) from error
    finally:
        if bar is not None:
            bar.close()
        session.close()


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Yield a flag that Ctrl+C and an orderly end set, so that the run is saved between two steps."""
    stopped = threading.Event()
    kinds = [signal.SIGINT, signal.SIGTERM]
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = {kind: signal.signal(kind, lambda *_: stopped.set()) for kind in kinds}
    try:
        yield stopped
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _path_of(name: str) -> Path:
    """Return a run's folder from its path, or from its name among the usual runs."""
    path = Path(name)
    return path if path.exists() or (runs.folder() / name).exists() is False else runs.folder() / name


def _list_problems(problems: tuple[str, ...], here: World) -> None:
    if problems and here.is_first:
        more = (f"and {len(problems) - _LISTED} more",) if len(problems) > _LISTED else ()
        print("Left out:", *problems[:_LISTED], *more, sep="\n  ", file=sys.stderr)


def _with_command(error: UserError, session: Session) -> UserError:
    """Return an error that ended a run with the command that lets it go on."""
    if session.folder is None or not session.started:
        return error
    command, suggestion = f"cnnviz resume {session.folder.path}", error.suggestion
    if isinstance(error, Diverged):
        lower = session.run.config.learning_rate * session.run.scale / 10
        suggestion = f"Go on from what was saved last at a lower rate: {command} --learning-rate {lower:.2g}"
    elif isinstance(error.__cause__, OSError):
        suggestion = f"Make room, then go on by: {command}"
    return UserError(error.sentence, suggestion=suggestion, details=error.details)


def _line(event: EpochDone) -> str:
    val = "" if math.isnan(event.val_accuracy) else f", validation {event.val_loss:.4f} {event.val_accuracy:.2%}"
    best = " best" if event.is_best else ""
    return (
        f"epoch {event.epoch}: loss {event.train_loss:.4f} {event.train_accuracy:.2%}{val}, "
        f"{event.images_per_second:,.0f} images/s{best}"
    )


def _summary(event: Finished, session: Session) -> str:
    assert session.folder is not None
    path = session.folder.path
    if event.stopped:
        return f"stopped after {event.epochs} whole epochs; go on by: cnnviz resume {path}"
    best = f"best epoch {event.best_epoch}; weights in {path / 'best.safetensors'}"
    return f"{best}, sha256 {session.folder.best_sha256()}"


def _as_json(event: Event) -> dict[str, object]:
    """Return an event as one line of the log: numbers only."""
    kind = {Started: "started", BatchesDone: "batches", EpochDone: "epoch", Finished: "finished"}[type(event)]
    left_out = ("config", "weights", "predicted_n", "layers", "weight")
    fields = {f.name: getattr(event, f.name) for f in dataclasses.fields(event) if f.name not in left_out}
    numbers = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in fields.items()
    }
    return {"event": kind, **numbers}
