"""X-ray: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="xray",
    title="X-ray",
    tip="What a block adds to its shortcut, or joins of its branches, and how much of the result each one is.",
    place="inspector",
    widget="cnnviz.views.xray.widget:XrayView",
)
