"""The table of `cnnviz bench`: its lines, its limits, and that the measurements behind it really run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

from cnnviz.bench import table
from cnnviz.bench.drawing import longest_ms
from cnnviz.bench.table import Row, row
from cnnviz.core.errors import UserError

PROMISED = {
    "stroke_to_pixels_p50": 6.0,
    "stroke_to_pixels_p99": 16.7,
    "stroke_longest_gap": 33.0,
    "gui_gap_drawing_p99": 16.7,
    "open_step_through_vgg16_worst": 100.0,
    "step_512_channels_p99": 16.7,
    "play_frame_mean": 16.7,
    "play_gui_gap_p99": 16.7,
    "stepping_stroke_to_pixels_p50": 6.0,
    "stepping_stroke_to_pixels_p99": 16.7,
    "stepping_longest_gap": 33.0,
    "stepping_gui_gap_p99": 16.7,
    "capture_ratio_lenet5": 1.5,
    "capture_ratio_vgg16": 1.1,
    "capture_ratio_resnet50": 1.1,
    "choosing_layer_worst": 50.0,
    "scroll_2048_maps_p99": 16.7,
    "pan_resnet152_p99": 16.7,
    "gui_gap_computing_vgg16_p99": 16.7,
    "memory_ratio_vgg19": 1.5,
    "window_resnet152_ratio": 1.2,
    "million_batches_hover_zoom_p99": 16.7,
    "train_command_ratio": 1.02,
    "train_flat_memory": 5.0,
    "train_window_ratio": 1 / 0.95,
    "train_gui_gap_p99": 16.7,
    "train_gui_gap_worst": 100.0,
    "train_first_point": 1.0,
    "first_window_ratio": 0.7,
    "windows_after_torch": 0.0,
    "start_gui_gap_p99": 100.0,
    "start_gui_gap_worst": 300.0,
    "start_pen_points_lost": 0.0,
    "ready_ratio": 1.6,
}


def test_a_value_at_its_limit_is_fine_and_one_above_is_not() -> None:
    assert row("x", 6.0, "ms", 6.0).ok
    assert not row("x", 6.0001, "ms", 6.0).ok  # judged before it is rounded for the table
    assert row("x", 1.23456, "ms", 6.0).value == 1.235


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return table._environment(tmp_path)


def test_the_capture_is_measured_against_the_bare_network(environment: dict[str, str]) -> None:
    found = next(table._capture(environment))
    assert found.id == "capture_ratio_lenet5"
    assert 0.5 < found.value < 10  # the limit itself is for the benchmark, not for a timed test


def test_a_start_is_measured_with_a_pen_in_it(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "STARTS", 1)
    rows = {r.id: r for r in table._starts(environment)}
    assert set(rows) == {name for name in PROMISED if name.startswith(("first", "window", "start", "ready"))}
    assert rows["start_pen_points_lost"].value == 0
    assert 0 < rows["first_window_ratio"].value < rows["ready_ratio"].value


def test_the_curves_are_measured_while_they_are_painted(environment: dict[str, str]) -> None:
    found = table._measure("curves", environment, "20000", "20")
    assert 0 < found["hover_p50_ms"] <= found["zoom_p50_ms"] <= found["hover_zoom_p99_ms"]


def test_a_measurement_that_fails_is_one_sentence(environment: dict[str, str]) -> None:
    with pytest.raises(UserError, match="'nothing' did not finish"):
        table._measure("nothing", environment)


def test_the_users_files_and_slow_imports_stay_out(environment: dict[str, str], tmp_path: Path) -> None:
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["XDG_CONFIG_HOME"].startswith(str(tmp_path))


def test_a_stroke_that_freezes_counts_from_its_start_and_to_its_end() -> None:
    assert longest_ms([0.0, 0.25, 0.5, 2.0]) == 1500
    assert longest_ms([0.0, 2.0]) == 2000  # no picture at all


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Put fixed times in the place of the measuring processes."""
    times = {
        "latency_p50_ms": 5.0, "latency_p99_ms": 9.0, "longest_gap_ms": 12.0, "gui_gap_p99_ms": 7.0,
        "gui_gap_worst_ms": 200.0, "points_lost": 0, "ratio": 1.01, "opening_worst_ms": 40.0, "step_p99_ms": 8.0,
        "frame_ms": 16.0, "play_gap_p99_ms": 7.0, "draw_gap_p99_ms": 7.0, "lenet5": 1.1, "vgg16": 1.05,
        "resnet50": 1.05, "choosing_worst_ms": 40.0, "scrolling_p99_ms": 9.0, "panning_p99_ms": 9.0,
        "computing_gap_p99_ms": 9.0, "growth_mb": 1.0, "hover_zoom_p99_ms": 9.0,
        "gap_p99_ms": 7.0, "gap_worst_ms": 20.0, "first_point_s": 0.1,
    }  # fmt: skip
    monkeypatch.setattr(table, "_measure", lambda what, environment, *arguments: times)

    def starts(environment: dict[str, str]) -> Iterator[Row]:
        yield row("first_window_ratio", 0.2, "×", 0.7)

    monkeypatch.setattr(table, "_starts", starts)
    return times


def test_json_has_a_row_for_each_measurement(measured: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
    assert table.run_bench(as_json=True) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert all(set(r) == {"id", "value", "unit", "limit", "ok"} for r in rows)
    assert {r["id"]: r["limit"] for r in rows} == {name: PROMISED[name] for name in (r["id"] for r in rows)}


def test_a_line_that_is_not_met_is_said_and_is_the_exit_status(
    measured: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    measured["latency_p99_ms"] = 17.0
    assert table.run_bench(as_json=False) == 1
    missed = [line for line in capsys.readouterr().out.splitlines() if "NOT MET" in line]
    assert [line.split()[0] for line in missed] == ["stroke_to_pixels_p99", "stepping_stroke_to_pixels_p99"]
