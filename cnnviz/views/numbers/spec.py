"""Numbers: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="numbers",
    title="Numbers",
    tip="The values of the selected layer as a table to copy and export.",
    place="inspector",
    widget="cnnviz.views.numbers.widget:NumbersView",
)
