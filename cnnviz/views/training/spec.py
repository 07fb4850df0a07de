"""The training studio: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="training",
    title="Train",
    tip="Train a network and watch it learn; go back to any recorded step.",
    place="page",
    widget="cnnviz.views.training.widget:TrainingView",
)
