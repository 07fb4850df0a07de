"""Step through: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="step_through",
    title="Step through",
    tip="How the selected layer computes each value, written out and compared with PyTorch's number.",
    place="inspector",
    widget="cnnviz.views.step_through.widget:StepThroughView",
)
