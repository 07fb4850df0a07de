"""Network: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="network",
    title="Network",
    tip="Every layer from input to output; point at a map to see its sources.",
    place="centre",
    widget="cnnviz.views.network.widget:NetworkView",
)
