"""The tab *Distribution*: NumPy's numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from cnnviz.core.formats import number
from cnnviz.state.app_state import AppState, Place
from cnnviz.state.messages import MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.views.distribution import compute
from cnnviz.views.distribution.widget import EMPTY, DistributionView
from tests.samples import sample_inspection, sample_model

MODEL = sample_model()


@pytest.fixture
def view(show_view: Callable[..., DistributionView]) -> DistributionView:
    return show_view(DistributionView)


def test_statistics_by_hand() -> None:
    found = compute.statistics(np.array([[0, 0, -1], [3, 4, 0]], np.float32))
    assert found == compute.Statistics(
        count=6, mean=1.0, std=pytest.approx(np.sqrt(20 / 6)), low=-1.0, high=4.0, zero_share=0.5, negative_share=1 / 6
    )


def test_nothing_loaded_is_a_sentence(view: DistributionView) -> None:
    assert view.histogram.accessibleDescription() == EMPTY
    assert {label.text() for label in view._facts.values()} == {"–"}


def test_facts_and_counts_are_the_layers_then_the_units(view: DistributionView, state: AppState) -> None:
    state.set_model(MODEL)
    inspection = sample_inspection(MODEL)
    state.set_inspection(inspection)
    state.select(Place("relu2"))
    for place, values in (
        (Place("relu2"), inspection.values["relu2"]),
        (Place("relu2", 3), inspection.values["relu2"][3]),
        (Place("fc1", 3), inspection.values["fc1"]),  # one number has no distribution
    ):
        state.select(place)
        facts = {name: label.text() for name, label in view._facts.items()}
        assert facts["values"] == f"{values.size:,}"
        assert facts["mean"] == number(float(values.mean(dtype=np.float64)), 4)
        assert facts["standard deviation"] == number(float(values.std(dtype=np.float64)), 4)
        assert facts["largest"] == number(float(values.max()), 4)
        assert facts["exactly 0"] == f"{(values == 0).mean() * 100:.1f} %"
        assert facts["below 0"] == f"{(values < 0).mean() * 100:.1f} %"
        assert view.histogram.counts.sum() == values.size
        expected, _ = np.histogram(values, len(view.histogram.counts), (values.min(), values.max()))
        assert np.array_equal(view.histogram.counts, expected)


def test_it_follows_the_pen(view: DistributionView, state: AppState) -> None:
    state.set_model(MODEL)
    state.set_inspection(sample_inspection(MODEL))
    before = view.histogram.counts.copy()
    state.set_inspection(sample_inspection(MODEL, seed=3, generation=2))
    assert not np.array_equal(view.histogram.counts, before)


def test_the_logarithmic_axis_is_remembered(qtbot: QtBot, view: DistributionView, tmp_path: Path) -> None:
    box = view.findChild(QCheckBox)
    assert box is not None
    QTest.keyClick(box, " ")
    settings = Settings(tmp_path / "s.ini")
    view.remember(settings)
    other = DistributionView(AppState(), MessageCenter())
    qtbot.addWidget(other)
    other.recall(settings)
    again = other.findChild(QCheckBox)
    assert again is not None
    assert again.isChecked()
