"""Networks beside one another on one picture: what they cost here, what is published of them, what they answer.

The window's page and ``cnnviz compare`` use the same function. Torch is imported when the first network is run.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cnnviz.core import paths
from cnnviz.core.errors import UserError
from cnnviz.core.formats import bytes_text
from cnnviz.core.inspection import FloatArray, ModelRequest, PixelArray
from cnnviz.models import registry
from cnnviz.models.registry import ModelSpec

if TYPE_CHECKING:
    import torch
    from torch import nn

    from cnnviz.core.capture import CapturedValues
    from cnnviz.core.inspection import Inspection
    from cnnviz.models.engine import Engine

RUNS = 7
LEAST_RUNS = 3
MOST_S = 4.0  # of measuring one network; a slow one is run fewer times
TOP = 5
Origin = Literal["shipped", "published", "file", "random"]
ORIGIN_WORDS: dict[Origin, str] = {
    "shipped": "ship with cnnviz", "published": "published, fetched", "file": "a file", "random": "random",
}  # fmt: skip


class Stopped(Exception):
    """Somebody gave the comparison up."""


@dataclass(frozen=True)
class Class:
    """One of the classes that a network names for the picture."""

    index: int
    label: str
    probability: float
    logit: float


@dataclass(frozen=True)
class Compared:
    """What was found out about one network.

    Attributes
    ----------
    request, title
        Which network, and its name for people.
    error
        A sentence why the rest is missing; empty where it is not.
    parameters, macs
        Trainable parameters, and multiply-adds for one picture.
    file_bytes
        Size of the weights file: the one that is used, else the published one; ``None`` where there is none.
    origin, weights_note
        Where the weights come from: in a word, and as the network says it.
    times_ms
        Each timed forward pass, after one that was not timed; no values are kept in them.
    threads, device
        On what it was timed.
    weight_bytes, activation_bytes
        Memory of the weights and of all values of all layers for one picture, those that share memory once.
    peak_bytes
        The most that the device held during a forward pass, weights included; ``None`` where that cannot be measured.
    accuracy
        (top-1, top-5) in per cent, each ``None`` where it is not known.
    accuracy_of
        Of what the accuracies are: the published weights, or the weights in use, and on which pictures.
    top
        The most probable classes; none where the network has no classes.
    """

    request: ModelRequest
    title: str
    error: str = ""
    parameters: int = 0
    macs: int = 0
    file_bytes: int | None = None
    origin: Origin = "random"
    weights_note: str = ""
    times_ms: tuple[float, ...] = ()
    threads: int = 0
    device: str = ""
    weight_bytes: int = 0
    activation_bytes: int = 0
    peak_bytes: int | None = None
    accuracy: tuple[float | None, float | None] = (None, None)
    accuracy_of: str = ""
    top: tuple[Class, ...] = ()

    @property
    def time_ms(self) -> float | None:
        """The median of the timed forward passes."""
        return statistics.median(self.times_ms) if self.times_ms else None

    @property
    def is_random(self) -> bool:
        """Nobody has trained it: its answer means nothing."""
        return self.origin == "random"


@dataclass(frozen=True, eq=False)
class Question:
    """Which networks to compare, and on which picture.

    Attributes
    ----------
    models
        The networks.
    image_hw, photo
        As `models.engine.Engine.inspect` has them.
    title
        What the picture is.
    """

    models: tuple[ModelRequest, ...]
    image_hw: FloatArray | None = None
    photo: PixelArray | None = None
    title: str = ""


def compare(
    question: Question,
    *,
    runs: int = RUNS,
    stopped: Callable[[], bool] = lambda: False,
    begin: Callable[[ModelRequest], None] = lambda request: None,
) -> tuple[Compared, ...]:
    """Compare networks, one after another; only one is in memory at a time.

    Parameters
    ----------
    question
        Which, and on what.
    runs, stopped
        As `compare_one` has them.
    begin
        Told before each network.

    Raises
    ------
    Stopped
        When it was given up.
    """
    found = []
    for request in question.models:
        begin(request)
        found.append(compare_one(request, question.image_hw, question.photo, runs=runs, stopped=stopped))
    return tuple(found)


def compare_one(
    request: ModelRequest,
    image_hw: FloatArray | None,
    photo: PixelArray | None,
    *,
    runs: int = RUNS,
    stopped: Callable[[], bool] = lambda: False,
) -> Compared:
    """Load one network, run it on the picture, measure it, and let it go; what fails is said in `Compared.error`.

    Parameters
    ----------
    request
        Which network.
    image_hw, photo
        As `models.engine.Engine.inspect` has them.
    runs
        How many forward passes are timed; a slow network gets fewer, at least three.
    stopped
        Asked between the steps whether to give up.

    Raises
    ------
    Stopped
        When it was given up.
    """
    title = request.name
    try:
        title = registry.get(request.name).title
        _check(stopped)
        return _measured(request, image_hw, photo, runs, stopped)
    except UserError as error:
        return Compared(request, title, error=error.sentence)
    except MemoryError:
        return Compared(request, title, error=f"There is not enough memory for {title}.")
    except (RuntimeError, ValueError) as error:  # torch's words for sizes that do not fit, and for its own memory
        sentence = str(error).strip().partition("\n")[0]
        return Compared(request, title, error=f"{title} could not be run: {sentence}")


def _check(stopped: Callable[[], bool]) -> None:
    if stopped():
        raise Stopped


def _measured(
    request: ModelRequest,
    image_hw: FloatArray | None,
    photo: PixelArray | None,
    runs: int,
    stopped: Callable[[], bool],
) -> Compared:
    import torch

    from cnnviz.core import device as devices
    from cnnviz.models.engine import Engine

    before = torch.get_num_threads()
    engine = Engine(request)
    module = engine.capture.module
    try:
        _check(stopped)
        graph, spec = engine.loaded.graph, engine.spec
        threads = devices.set_threads_for(graph.macs)
        inspection = engine.inspect(image_hw, photo=photo)
        _check(stopped)
        batch_nchw, activations = _memory_of(inspection)
        top = _top(engine, inspection)
        del inspection  # a forward pass by itself keeps no values
        times_ms, peak = _times_ms(module, batch_nchw, runs, stopped)
        origin = _origin(engine)
        accuracy, of = _accuracy(spec, origin)
        return Compared(
            request=request,
            title=engine.loaded.title,
            parameters=graph.parameters,
            macs=graph.macs,
            file_bytes=_file_bytes(spec, request, origin),
            origin=origin,
            weights_note=engine.loaded.weights_note,
            times_ms=times_ms,
            threads=threads,
            device=engine.loaded.device,
            weight_bytes=_distinct_bytes(list(module.state_dict().values())),
            activation_bytes=activations,
            peak_bytes=peak,
            accuracy=accuracy,
            accuracy_of=of,
            top=top,
        )
    finally:
        torch.set_num_threads(before)
        _let_go(module)


def _memory_of(inspection: Inspection) -> tuple[torch.Tensor, int]:
    """Return what the network was given, as a batch, and the bytes of all values."""
    values: CapturedValues = inspection.values  # type: ignore[assignment]  # an engine's are tensors
    batch_nchw = values.tensor("input")[None].clone()
    return batch_nchw, _distinct_bytes([values.tensor(name) for name in values])


def _distinct_bytes(tensors: list[torch.Tensor]) -> int:
    """Return the bytes of some tensors; those that share memory count once."""
    sizes: dict[int, int] = {}
    for tensor in tensors:
        at = tensor.untyped_storage().data_ptr()
        sizes[at] = max(sizes.get(at, 0), tensor.numel() * tensor.element_size())
    return sum(sizes.values())


def _times_ms(
    module: nn.Module, batch_nchw: torch.Tensor, runs: int, stopped: Callable[[], bool]
) -> tuple[tuple[float, ...], int | None]:
    """Return the times of bare forward passes, after one to warm up, and the most memory that the device held."""
    import torch

    device = batch_nchw.device

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()

    times_ms: list[float] = []
    with torch.inference_mode():
        module(batch_nchw)
        wait()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        end_s = time.perf_counter() + MOST_S
        while len(times_ms) < max(1, runs):
            _check(stopped)
            if len(times_ms) >= LEAST_RUNS and time.perf_counter() > end_s:
                break
            start_s = time.perf_counter()
            module(batch_nchw)
            wait()
            times_ms.append((time.perf_counter() - start_s) * 1000)
    peak = int(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else None
    return tuple(times_ms), peak


def _let_go(module: nn.Module) -> None:
    """Give the weights' memory back at once, also where the network still hangs in a ring of references."""
    module.to_empty(device="meta")


def _top(engine: Engine, inspection: Inspection) -> tuple[Class, ...]:
    labels = engine.loaded.labels
    if not labels or len(labels) != len(inspection.logits):
        return ()
    return tuple(
        Class(index, labels[index], float(inspection.probabilities[index]), float(inspection.logits[index]))
        for index in inspection.ranking()[:TOP]
    )


def _origin(engine: Engine) -> Origin:
    if engine.loaded.is_random:
        return "random"
    if engine.request.weights_path is not None:
        return "file"
    return "shipped" if _shipped(engine.spec) is not None else "published"


def _shipped(spec: ModelSpec) -> Path | None:
    """Return the weights file that ships for a network."""
    path = paths.resources_dir() / "weights" / spec.weights if spec.weights is not None else None
    return path if path is not None and path.is_file() else None


def _file_bytes(spec: ModelSpec, request: ModelRequest, origin: Origin) -> int | None:
    if origin == "shipped":
        path = _shipped(spec)
        return path.stat().st_size if path is not None else None
    if origin == "file" and request.weights_path is not None:
        path = Path(request.weights_path)
        return path.stat().st_size if path.is_file() else None
    from cnnviz.models import published

    found = published.of(spec)
    return found.size if found is not None else None


def _accuracy(spec: ModelSpec, origin: Origin) -> tuple[tuple[float | None, float | None], str]:
    """Return top-1 and top-5 in per cent, and of what they are: of shipped weights their card says it."""
    if spec.gives_picture:
        return (None, None), ""
    path = _shipped(spec) if origin == "shipped" else None
    if path is not None:
        card = path.with_suffix(".json")
        said = json.loads(card.read_text(encoding="utf-8")).get("evaluation", {}) if card.is_file() else {}
        if "accuracy" in said:
            best, five = said["accuracy"], said.get("accuracy_top5")
            where = f"the weights in use, on {said['n']:,} pictures" if "n" in said else "the weights in use"
            return (round(100 * best, 3), None if five is None else round(100 * five, 3)), where
    if origin == "file":
        return (None, None), ""
    from cnnviz.models import published

    found = published.of(spec)
    if found is None or not found.accuracies:
        return (None, None), ""
    data, measures = next(iter(found.accuracies.items()))
    return (measures.get("acc@1"), measures.get("acc@5")), f"the published weights, on {data}"


HEADINGS = (
    "network", "parameters", "multiply-adds", "weights file", "time", "weights", "activations", "peak", "top-1",
    "top-5", "weights come from",
)  # fmt: skip
"""Columns of the table."""


def cells(row: Compared) -> tuple[str, ...]:
    """Return a row of the table as a person reads it; what is not known is a dash."""
    if row.error:
        return (row.title, *("–" for _ in HEADINGS[2:]), row.error)
    top1, top5 = (f"{value:.1f} %" if value is not None else "–" for value in row.accuracy)
    return (
        row.title,
        f"{row.parameters:,}",
        f"{row.macs:,}",
        bytes_text(row.file_bytes) if row.file_bytes is not None else "–",
        f"{row.time_ms:.3g} ms" if row.time_ms is not None and row.time_ms < 100 else f"{row.time_ms or 0:.0f} ms",
        bytes_text(row.weight_bytes),
        bytes_text(row.activation_bytes),
        bytes_text(row.peak_bytes) if row.peak_bytes is not None else "–",
        top1,
        top5,
        ORIGIN_WORDS[row.origin],
    )


def conditions(rows: Sequence[Compared]) -> str:
    """Return how the times were measured, in a sentence."""
    timed = [row for row in rows if row.times_ms]
    if not timed:
        return ""
    devices = " and ".join(dict.fromkeys(row.device for row in timed))
    counts = sorted({row.threads for row in timed})
    threads = " or ".join(str(count) for count in counts)
    word = "thread" if counts == [1] else "threads"
    passes = sorted({len(row.times_ms) for row in timed})
    times = str(passes[0]) if len(passes) == 1 else f"{passes[0]} to {passes[-1]}"
    return f"Times: median of {times} forward passes of one picture after a warm-up, here: {devices}, {threads} {word}."


def as_text(rows: Sequence[Compared]) -> str:
    """Return table and answers for a terminal."""
    table = [HEADINGS, *(cells(row) for row in rows)]
    last = len(HEADINGS) - 1
    widths = [max(len(line[n]) for line in table) for n in range(last)]
    lines = []
    for line in table:
        left = f"{line[0]:<{widths[0]}}"
        rest = "  ".join(f"{text:>{width}}" for text, width in zip(line[1:last], widths[1:], strict=True))
        lines.append(f"{left}  {rest}  {line[last]}")
    for row in rows:
        if not row.top:
            continue
        lines += ["", row.title + (" (random weights: it means nothing)" if row.is_random else "")]
        width = max(len(one.label) for one in row.top)
        lines += [f"  {one.label:<{width}}  {one.probability:8.2%}  logit {one.logit:9.4f}" for one in row.top]
    lines += ["", conditions(rows)]
    return "\n".join(lines).rstrip()


def record(row: Compared) -> dict[str, Any]:
    """Return a row with whole numbers, for other programs: sizes in bytes, times in milliseconds."""
    top1, top5 = row.accuracy
    return {
        "model": row.request.name, "title": row.title, "error": row.error or None, "parameters": row.parameters,
        "macs": row.macs, "file_bytes": row.file_bytes, "time_ms": row.time_ms, "times_ms": list(row.times_ms),
        "threads": row.threads, "device": row.device, "weight_bytes": row.weight_bytes,
        "activation_bytes": row.activation_bytes, "peak_bytes": row.peak_bytes, "top1": top1, "top5": top5,
        "accuracy_of": row.accuracy_of, "weights": row.origin, "weights_note": row.weights_note,
        "top": [
            {"index": one.index, "label": one.label, "probability": one.probability, "logit": one.logit}
            for one in row.top
        ],
    }  # fmt: skip


def as_csv(rows: Sequence[Compared]) -> str:
    """Return the table as comma-separated values: sizes in bytes, times in milliseconds, answers behind the rest."""
    file = io.StringIO()
    names = [key for key in record(Compared(ModelRequest(""), "")) if key not in ("times_ms", "top")]
    answers = [f"{part}_{n}" for n in range(1, TOP + 1) for part in ("class", "probability")]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*names, *answers])
    for row in rows:
        whole = record(row)
        said = [value for one in row.top for value in (one.label, f"{one.probability:.6g}")]
        writer.writerow(["" if whole[name] is None else whole[name] for name in names] + said)
    return file.getvalue()
