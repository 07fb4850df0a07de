"""Laboratory: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="lab",
    title="Lab",
    tip="Try every operation on numbers of your own, free of any network.",
    place="page",
    widget="cnnviz.views.lab.widget:LabView",
)
