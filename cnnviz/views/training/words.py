"""What the studio says of a run, in words."""

from __future__ import annotations

from cnnviz.core.formats import duration_text
from cnnviz.state.training_state import Progress

_STAGES = {
    "preparing": "is being prepared", "running": "learns", "paused": "waits", "stopping": "is being saved",
    "finished": "has finished", "failed": "was ended by an error", "following": "is trained by another program",
    "idle": "is opened",
}  # fmt: skip


def title_of(progress: Progress) -> str:
    """Return what is trained, and how that stands; nothing while there is no run."""
    if progress.path is None or progress.config is None:
        return ""
    what = f"{progress.path.name}: {progress.config.model} on {progress.config.data} {_STAGES[progress.stage]}"
    if progress.stage == "finished" and progress.step < progress.steps:
        what = what.replace("has finished", "was stopped and saved")
    return f"{what}. {progress.sentence}" if progress.sentence not in ("", "stopped") else f"{what}."


def facts_of(progress: Progress) -> str:
    """Return epoch, speed, time left and where it runs."""
    if progress.started is None:
        return ""
    parts = [f"epoch {min(progress.epoch, progress.started.epochs):,} of {progress.started.epochs:,}"]
    if progress.stage == "running" and progress.images_per_second:
        parts += [f"{progress.images_per_second:,.0f} images/s", f"{duration_text(progress.seconds_left)} left"]
    threads = progress.started.threads
    parts.append(f"{progress.started.device}, {threads} thread{'s' if threads != 1 else ''}")
    return " · ".join(parts)
