"""Distribution: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="distribution",
    title="Distribution",
    tip="How the values of the selected layer are spread.",
    place="inspector",
    widget="cnnviz.views.distribution.widget:DistributionView",
)
