"""In what runs differ: their settings, and what came of them. No Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnnviz.training.runs import RunSummary
from cnnviz.views.training.setup_fields import FIELDS, Field, Value, Values
from cnnviz.views.training.setup_values import text_of, values_of

UNUSED = "–"


@dataclass(frozen=True)
class Difference:
    """A line of the comparison: what it is, and what each run has."""

    title: str
    texts: tuple[str, ...]


def accuracy_text(run: RunSummary) -> str:
    """Return the best accuracy on the validation part; nothing where there is none."""
    return "" if math.isnan(run.accuracy) else f"{100 * run.accuracy:.2f} %"


def epochs_text(run: RunSummary) -> str:
    """Return how many epochs were trained, and how many are wished for."""
    return f"{run.epochs} of {run.config.epochs}"


def differences(compared: Sequence[RunSummary]) -> tuple[Difference, ...]:
    """Return the settings that are not the same in all runs, called as in the set-up.

    A setting that has no meaning in a run, such as the momentum of Adam, counts as not used there.
    """
    values = [values_of(run.config) for run in compared]
    found = [_difference("Folder of pictures", [str(each["data_dir"]) or UNUSED for each in values])]
    found += [_difference(field.label, [_text(field, each) for each in values]) for field in FIELDS]
    return tuple(difference for difference in found if len(set(difference.texts)) > 1)


def results(compared: Sequence[RunSummary]) -> tuple[Difference, ...]:
    """Return what came of the runs."""
    return (
        _difference("Best validation", [accuracy_text(run) for run in compared]),
        _difference("Epochs trained", [epochs_text(run) for run in compared]),
    )


def sentence(compared: Sequence[RunSummary], count: int) -> str:
    """Return in how many settings the runs differ."""
    names = ", ".join(run.name for run in compared[:-1]) + f" and {compared[-1].name}"
    if not count:
        return f"{names} began with the same settings."
    return f"{names} differ in {count} setting{'s' if count != 1 else ''}."


def _difference(title: str, texts: Sequence[str]) -> Difference:
    return Difference(title, tuple(texts))


def _text(field: Field, values: Values) -> str:
    if not field.only(values):
        return UNUSED
    value: Value = values[field.name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return text_of(field, value)
    return dict(field.words).get(value, value) or {"start": "random weights", "freeze": "nothing"}.get(field.kind, "")
