"""`cnnviz bench`: the speeds that cnnviz promises, measured in one run, each beside its limit.

Each measurement runs in a process of its own, on Qt's offscreen platform where there is no display. The machine may
be busy: ratios are taken within one run and times are medians or percentiles.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cnnviz.bench.screen import offscreen_platform
from cnnviz.bench.stats import median
from cnnviz.core.errors import UserError

STARTS = 5
STUDIOS = 3  # where a process's memory lies makes a plain loop and ours up to 3 % faster or slower
TIMEOUT_S = 300


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, and what it must not exceed."""

    id: str
    value: float
    unit: str
    limit: float
    ok: bool


def row(name: str, value: float, unit: str, limit: float) -> Row:
    """Return a line; it is fine when the value does not exceed the limit."""
    return Row(name, round(value, 3), unit, limit, value <= limit)


def run_bench(*, as_json: bool) -> int:
    """Measure everything, print the table and return 0 if every line holds, else 1."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="cnnviz-bench-") as folder:
        parts = (_drawing, _stepping, _capture, _photos, _curves, _training, _studio, _starts)
        with tqdm(total=len(parts), desc="measuring", disable=None, file=sys.stderr, leave=False) as progress:
            for part in parts:  # each with settings of its own: a part may leave another network behind
                rows += part(_environment(Path(folder) / part.__name__))
                progress.update()
    if as_json:
        print(json.dumps({"rows": [asdict(r) for r in rows]}, indent=2))
    else:
        width = max(len(r.id) for r in rows)
        for r in rows:
            print(f"{r.id:<{width}}  {r.value:9.3f} {r.unit:<6} limit {r.limit:7.2f}  {'ok' if r.ok else 'NOT MET'}")
    return 0 if all(r.ok for r in rows) else 1


def _drawing(environment: dict[str, str]) -> Iterator[Row]:
    found = _measure("drawing", environment)
    yield row("stroke_to_pixels_p50", found["latency_p50_ms"], "ms", 6.0)
    yield row("stroke_to_pixels_p99", found["latency_p99_ms"], "ms", 16.7)
    yield row("stroke_longest_gap", found["longest_gap_ms"], "ms", 33.0)
    yield row("gui_gap_drawing_p99", found["gui_gap_p99_ms"], "ms", 16.7)


def _capture(environment: dict[str, str]) -> Iterator[Row]:
    for name, most in (("lenet5", 1.5), ("vgg16", 1.1), ("resnet50", 1.1)):
        yield row(f"capture_ratio_{name}", _measure("capture", environment, name)[name], "×", most)


def _photos(environment: dict[str, str]) -> Iterator[Row]:
    found = _measure("photos", environment)
    yield row("choosing_layer_worst", found["choosing_worst_ms"], "ms", 50.0)
    yield row("scroll_2048_maps_p99", found["scrolling_p99_ms"], "ms", 16.7)
    yield row("pan_resnet152_p99", found["panning_p99_ms"], "ms", 16.7)
    yield row("gui_gap_computing_vgg16_p99", found["computing_gap_p99_ms"], "ms", 16.7)
    if Path("/proc/self/status").exists():
        yield row("memory_ratio_vgg19", _measure("memory", environment)["ratio"], "×", 1.5)


def _stepping(environment: dict[str, str]) -> Iterator[Row]:
    found = _measure("stepping", environment)
    yield row("open_step_through_vgg16_worst", found["opening_worst_ms"], "ms", 100.0)
    yield row("step_512_channels_p99", found["step_p99_ms"], "ms", 16.7)
    yield row("play_frame_mean", found["frame_ms"], "ms", 16.7)
    yield row("play_gui_gap_p99", found["play_gap_p99_ms"], "ms", 16.7)
    yield row("stepping_stroke_to_pixels_p50", found["latency_p50_ms"], "ms", 6.0)
    yield row("stepping_stroke_to_pixels_p99", found["latency_p99_ms"], "ms", 16.7)
    yield row("stepping_longest_gap", found["longest_gap_ms"], "ms", 33.0)
    yield row("stepping_gui_gap_p99", found["draw_gap_p99_ms"], "ms", 16.7)


def _curves(environment: dict[str, str]) -> Iterator[Row]:
    yield row("million_batches_hover_zoom_p99", _measure("curves", environment)["hover_zoom_p99_ms"], "ms", 16.7)


def _training(environment: dict[str, str]) -> Iterator[Row]:
    yield row("train_command_ratio", _measure("training", environment, "ratio")["ratio"], "×", 1.02)
    if Path("/proc/self/status").exists():
        yield row("train_flat_memory", _measure("training", environment, "growth")["growth_mb"], "MB", 5.0)


def _studio(environment: dict[str, str]) -> Iterator[Row]:
    runs = [_measure("studio", environment) for _ in range(STUDIOS)]
    yield row("train_window_ratio", median([found["ratio"] for found in runs]), "×", 1 / 0.95)
    yield row("train_gui_gap_p99", median([found["gap_p99_ms"] for found in runs]), "ms", 16.7)
    yield row("train_gui_gap_worst", max(found["gap_worst_ms"] for found in runs), "ms", 100.0)
    yield row("train_first_point", max(found["first_point_s"] for found in runs), "s", 1.0)


def _starts(environment: dict[str, str]) -> Iterator[Row]:
    """Start the window and a bare ``import torch`` in turn; compare medians."""
    torch_s, window_s, ready_s, gaps_p99, gaps_worst, lost, late = [], [], [], [], [], [], []
    for count in range(STARTS + 1):
        begin = time.monotonic()
        subprocess.run([sys.executable, "-c", "import torch"], env=environment, check=True, timeout=TIMEOUT_S)
        bare_s = time.monotonic() - begin
        begin = time.monotonic()
        found = _measure("startup", environment)
        if count == 0:
            continue  # fills the file cache and writes the byte code
        torch_s.append(bare_s)
        window_s.append(found["window_at_s"] - begin)
        ready_s.append(found["ready_at_s"] - begin)
        gaps_p99.append(found["gui_gap_p99_ms"])
        gaps_worst.append(found["gui_gap_worst_ms"])
        lost.append(found["points_lost"])
        late.append(found["torch_before_window"])
    yield row("first_window_ratio", median(window_s) / median(torch_s), "×", 0.7)
    yield row("windows_after_torch", float(sum(late)), "starts", 0.0)
    yield row("start_gui_gap_p99", median(gaps_p99), "ms", 100.0)
    yield row("start_gui_gap_worst", max(gaps_worst), "ms", 300.0)
    yield row("start_pen_points_lost", float(sum(lost)), "points", 0.0)
    yield row("ready_ratio", median(ready_s) / median(torch_s), "×", 1.6)
    lenet_s: list[float] = []
    large_s: list[float] = []
    for _ in range(STARTS):
        for name, times_s in (("lenet5", lenet_s), ("resnet152", large_s)):
            begin = time.monotonic()
            times_s.append(_measure("opening", environment, name)["window_at_s"] - begin)
    yield row("window_resnet152_ratio", median(large_s) / median(lenet_s), "×", 1.2)


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment without the user's files, with byte code as an installed program has it."""
    folder.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "APPDATA"):
        environment[name] = str(folder / name.lower())
    if not environment.get("DISPLAY") and sys.platform.startswith("linux"):
        environment["QT_QPA_PLATFORM"] = offscreen_platform(folder)
    package = Path(__file__).resolve().parents[2]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(package), environment.get("PYTHONPATH", "")]))
    return environment


def _measure(what: str, environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """Run one measurement in a process of its own and return what it found."""
    module = f"cnnviz.bench.{what}"
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UserError(f"The measurement '{what}' did not end in {TIMEOUT_S} s.") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise UserError(f"The measurement '{what}' did not finish: {last}", details=done.stderr[-4000:])
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
