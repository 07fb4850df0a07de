"""Compare: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="difference",
    title="Difference",
    tip="What the selected layer makes of two inputs, and where it differs.",
    place="inspector",
    widget="cnnviz.views.difference.widget:DifferenceView",
)
