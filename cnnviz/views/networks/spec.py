"""Networks compared: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="networks",
    title="Compare",
    tip="Networks side by side on the present picture: sizes, times measured here, accuracies, answers.",
    place="page",
    widget="cnnviz.views.networks.widget:NetworksView",
)
