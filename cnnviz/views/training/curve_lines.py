"""Which lines a run's curves are, and the table that they are saved as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnviz.core.curves import Curves
from cnnviz.core.decimation import Series
from cnnviz.state.training_state import RunCurves
from cnnviz.widgets.chart_lines import Line

Detail = Literal["both", "batch", "epoch"]
WINDOWS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
HEAD = "run,part,by,step,epoch,loss,accuracy,learning_rate\n"
_ROWS = 50_000  # of the table at a time


@dataclass(frozen=True)
class Style:
    """What the user chose to see.

    Attributes
    ----------
    detail
        Training by batch, by epoch or both; validation is always by epoch.
    window
        Steps in a moving average; 1: none.
    by_epoch
        Whether the horizontal axis counts epochs.
    """

    detail: Detail = "both"
    window: int = 30
    by_epoch: bool = False


class SeriesStore:
    """What was made of the curves that are shown, kept while they are."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Curves, str], Series] = {}

    def of(self, curves: Curves, name: str) -> Series:
        """Return a column, ready to be drawn."""
        if (curves, name) not in self._kept:
            self._kept[curves, name] = Series(curves, name)
        return self._kept[curves, name]

    def keep_only(self, runs: Sequence[RunCurves]) -> None:
        """Forget all other runs."""
        known = {id(curves) for run in runs for curves in (run.batches, run.epochs)}
        self._kept = {key: series for key, series in self._kept.items() if id(key[0]) in known}


def steps_per_epoch(run: RunCurves) -> float:
    """Return how many steps an epoch of a run has; 0 while that cannot be known."""
    epochs, batches = run.epochs, run.batches
    if len(epochs) and epochs["epoch"][-1] > 0:
        return float(epochs["step"][-1] / epochs["epoch"][-1])
    second = int(np.searchsorted(batches["epoch"], 2))
    return float(batches["step"][second - 1]) if 0 < second < len(batches) else 0.0


def metric_lines(
    store: SeriesStore, run: RunCurves, metric: str, style: Style, *, scale: float, overlay: int | None
) -> list[Line]:
    """Return the lines of a metric, ``loss`` or ``accuracy``; `overlay` is the run's number beside the first one."""
    name, colour, dash = (f"{run.title}: ", 2 + overlay, 1 + overlay) if overlay is not None else ("", 0, 0)
    lines: list[Line] = []

    def add(title: str, curves: Curves, column: str, colour: int, dash: int, marker: int | None = None) -> None:
        entry = title if overlay is None else "" if lines else run.title  # another run is one entry of the legend
        window = style.window if curves is run.batches else 1
        series = store.of(curves, column)
        lines.append(Line(name + title, entry, series, colour, dash, marker, window=window, scale=scale))

    if style.detail != "epoch" and len(run.batches):
        if overlay is None and style.window > 1:
            lines.append(Line("training", "training", store.of(run.batches, metric), colour, pale=True, scale=scale))
        add(f"mean of {style.window:,}" if style.window > 1 else "training", run.batches, metric, colour, dash)
    if len(run.epochs):
        if style.detail == "epoch" or (style.detail == "both" and overlay is None) or not len(run.batches):
            add("training, epoch", run.epochs, f"train_{metric}", colour, max(1, dash), 1)
        if np.isfinite(run.epochs[f"val_{metric}"]).any():
            look = (colour, dash, 2 + overlay % 2) if overlay is not None else (1, 0, 0)
            add("validation", run.epochs, f"val_{metric}", *look)
    return lines


def rate_lines(store: SeriesStore, run: RunCurves, *, scale: float, overlay: int | None) -> list[Line]:
    """Return the line of the learning rate."""
    curves = run.batches if len(run.batches) else run.epochs
    look = (2 + overlay, 1 + overlay) if overlay is not None else (0, 0)
    title = run.title if overlay is not None else "learning rate"
    return [Line(title, title, store.of(curves, "learning_rate"), *look, scale=scale)]


def as_csv(runs: Sequence[RunCurves]) -> Iterator[bytes]:
    """Return a table, one row a step or epoch of a part, in pieces; what is no finite number is left empty."""
    yield HEAD.encode()
    for run in runs:
        title = '"' + run.title.replace('"', '""') + '"'
        for first in range(0, len(run.batches), _ROWS):
            rows = slice(first, first + _ROWS)
            yield _rows(f"{title},training,batch", run.batches, ("loss", "accuracy"), rows)
        for part, prefix in (("training", "train"), ("validation", "val")):
            yield _rows(f"{title},{part},epoch", run.epochs, (f"{prefix}_loss", f"{prefix}_accuracy"), slice(None))


def _rows(lead: str, curves: Curves, names: tuple[str, str], rows: slice) -> bytes:
    columns = [curves[name][rows].tolist() for name in ("step", "epoch", *names, "learning_rate")]
    lead = lead.replace("%", "%%")
    text = "".join([f"{lead},%d,%d,%.7g,%.7g,%.7g\n" % row for row in zip(*columns, strict=True)])
    return text.replace(",nan", ",").replace(",inf", ",").replace(",-inf", ",").encode()
