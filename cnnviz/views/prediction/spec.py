"""Prediction: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="prediction",
    title="Prediction",
    tip="What the network answers, ranked.",
    place="prediction",
    widget="cnnviz.views.prediction.widget:PredictionView",
)
