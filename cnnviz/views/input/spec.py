"""Input: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="input",
    title="Input",
    tip="Draw a digit, or open, drop or paste a picture.",
    place="input",
    widget="cnnviz.views.input.widget:InputView",
)
