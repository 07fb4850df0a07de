"""On the input: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="overlay",
    title="On the input",
    tip="A map of the selected layer over the picture that the network saw, and what of it a cell sees.",
    place="inspector",
    widget="cnnviz.views.overlay.widget:OverlayView",
)
