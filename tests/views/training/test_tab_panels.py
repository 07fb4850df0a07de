"""What holds for every tab below the curves."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractScrollArea, QAbstractSpinBox, QApplication, QComboBox, QWidget

from cnnviz.core.inspection import LoadedModel
from cnnviz.state.app_state import AppState
from cnnviz.training.events import LayerStep
from cnnviz.views.training.drawing import DrawingPanel
from cnnviz.views.training.layers import LayersPanel
from cnnviz.views.training.one_weight import OneWeightPanel
from cnnviz.views.training.panel import Panel
from cnnviz.views.training.validation import ValidationPanel
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure
from tests.views.training.conftest import ShowPanel
from tests.views.training.test_drawing import draw, learn
from tests.views.training.test_one_weight import PLACE, step_at
from tests.views.training.test_validation import SHEET

KINDS = (LayersPanel, DrawingPanel, ValidationPanel, OneWeightPanel)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def panel(
    request: pytest.FixtureRequest, show_panel: ShowPanel[Panel], state: AppState, learning: LoadedModel
) -> Panel:
    shown = show_panel(request.param)
    draw(state)
    learn(state, 10, 0.5)
    learn(state, 20, 0.75)
    state.training.set_layers((LayerStep("conv1", 0.5, 0.002, 2.0, 100), LayerStep("fc1", 30.0, 1.0, 4.0, 10)))
    state.training.set_sheet(SHEET)
    state.training.watch(PLACE)
    state.training.set_weight(step_at(5))
    state.training.set_weight(step_at(6))
    return shown


def test_every_picture_and_control_has_a_name(panel: Panel) -> None:
    focusable = [part for part in panel.findChildren(QWidget) if part.focusPolicy().value and part.isVisible()]
    assert focusable
    for part in focusable:
        inner = isinstance(part.parent(), QAbstractSpinBox | QComboBox | QAbstractScrollArea)  # a part of a control
        assert part.accessibleName() or getattr(part, "text", str)() or inner, part


def test_what_is_saved_as_svg_is_what_is_saved_as_png(panel: Panel) -> None:
    figures = [figure for figure in panel.findChildren(Figure) if figure.isVisible()]
    assert figures
    for figure in figures:
        expected = figure.to_image(1.0).convertToFormat(QImage.Format.Format_RGB32)
        found = QImage(expected.size(), QImage.Format.Format_RGB32)
        renderer = QSvgRenderer(figure._svg())
        painter = QPainter(found)
        renderer.render(painter)
        painter.end()
        a, b = (np.frombuffer(image.constBits(), np.uint8).astype(int) for image in (expected, found))
        assert np.abs(a - b).mean() < 6, figure.accessibleName()  # letters differ a little, pictures do not


def test_it_fits_below_the_curves_and_follows_appearance_and_text_size(panel: Panel, qapp: QApplication) -> None:
    assert panel.minimumSizeHint().width() <= 600
    assert panel.minimumSizeHint().height() <= 250
    light = panel.grab().toImage()
    theme.apply(qapp, "dark")
    qapp.processEvents()
    assert panel.grab().toImage().pixelColor(panel.width() - 2, panel.height() - 2).lightness() < 128
    theme.apply(qapp, "light", 2.0)
    qapp.processEvents()
    assert panel.grab().toImage() != light
    theme.apply(qapp, "light")
